package erase

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// personal says what the topics have of a person, in the order in which it is told.
func personal() []Topic {
	var topics []Topic
	stages := kitchen.Stages()
	for i, stage := range stages {
		has := "notes, allergies, piped messages"
		if i == len(stages)-1 {
			has = "the customer's name, " + has
		}
		topics = append(topics, Topic{Topic: events.TicketTopic(stage), Has: has})
	}
	return append(topics,
		Topic{Topic: events.TopicAcks, Has: "notes of who worked on it"},
		Topic{Topic: events.TopicShip, Has: "the customer's name, notes, allergies, piped messages"},
		Topic{Topic: events.TopicFailures, Has: "the customer's name, notes, allergies, piped messages, why it failed"},
		Topic{Topic: events.TopicStatus, Has: "no text of the customer; what managers were asked"},
	)
}

// orderLog is what Kafka has of an order, but for its dead letters.
type orderLog struct {
	topics   []Topic
	flags    []Flag
	erasedAt *time.Time
	board    *board.Board
}

// readLog reads all topics that may have something of the order.
func (e *Eraser) readLog(ctx context.Context, orderID string) (orderLog, error) {
	log := orderLog{board: board.New(), flags: []Flag{}, topics: []Topic{}}
	reader, err := events.NewLogReader(e.config.Kafka)
	if err != nil {
		return log, err
	}
	defer reader.Close()
	flags := events.NewFlags(events.FlagsConfig{})
	if err := readTopic(ctx, reader, events.TopicKitchenState, flags.Add); err != nil {
		return log, err
	}
	if flag, up := flags.Get(kitchen.FlagErased, kitchen.OrderKey(orderID)); up {
		log.erasedAt = &flag.At
	}
	for _, kind := range []kitchen.FlagKind{kitchen.FlagCollected, kitchen.FlagRush} {
		if _, up := flags.Get(kind, orderID); up {
			log.flags = append(log.flags, Flag{Kind: string(kind)})
		}
	}
	sought := []byte(orderID)
	for _, topic := range personal() {
		err := readTopic(ctx, reader, topic.Topic, func(m events.Message) {
			if !bytes.Contains(m.Key, sought) && !bytes.Contains(m.Value, sought) {
				return
			}
			topic.Messages++
			if m.Time.After(topic.Newest) {
				topic.Newest = m.Time.UTC()
			}
			log.add(m)
		})
		if err != nil {
			return log, err
		}
		if topic.Messages > 0 {
			log.topics = append(log.topics, topic)
		}
	}
	return log, nil
}

func (l *orderLog) add(m events.Message) {
	switch m.Topic {
	case events.TopicShip, events.TopicFailures, events.TopicStatus:
	case events.TopicAcks:
		if ack, err := events.DecodeAck(m); err == nil {
			l.board.AddAck(ack, board.HeardFrom(m, 0))
		}
	default:
		if ticket, err := events.DecodeTicket(m); err == nil {
			l.board.AddTicket(ticket, board.HeardFrom(m, 0))
		}
	}
}

// openTicket is the stage of a ticket of the order that a station still has. What was
// issued too long ago is on no board any more.
func (l *orderLog) openTicket(now time.Time) (kitchen.Stage, bool) {
	for _, stage := range kitchen.Stages() {
		for _, entry := range l.board.Open(stage) {
			if now.Sub(entry.Ticket.IssuedAt) < board.LookBack(entry.Ticket.AckWithin()) {
				return stage, true
			}
		}
	}
	return "", false
}

// readTopic reads a topic as it is now.
func readTopic(ctx context.Context, reader *events.LogReader, topic string, handle func(events.Message)) error {
	failed := func(err error) error { return fmt.Errorf("read %s: %w", topic, err) }
	partitions, err := reader.Partitions(ctx, topic)
	if err != nil {
		return failed(err)
	}
	for partition := range partitions {
		first, end, err := reader.Bounds(ctx, topic, partition)
		if err == nil {
			_, err = reader.Read(ctx, topic, partition, first, end, handle)
		}
		if err != nil {
			return failed(err)
		}
	}
	return nil
}

// tellHowLong asks Kafka until when the order's messages lie there.
func (e *Eraser) tellHowLong(ctx context.Context, report *Report) error {
	var names []string
	for _, topic := range personal() {
		names = append(names, topic.Topic)
	}
	ctx, cancel := context.WithTimeout(ctx, askKafkaWithin)
	defer cancel()
	kept, err := events.TopicsKept(ctx, e.config.Kafka, names...)
	if err != nil {
		return err
	}
	stays := false
	for i := range report.Topics {
		topic := &report.Topics[i]
		k, known := kept[topic.Topic]
		if !known {
			return errors.New("the topic " + topic.Topic + " was just deleted: look again")
		}
		gone, goes := k.Until(topic.Newest)
		if !goes {
			stays = true
			report.Left = append(report.Left, fmt.Sprintf("%s keeps its messages for ever: delete what it has up to the order's, or set its retention (cupcakery topics apply)", topic.Topic))
			continue
		}
		topic.GoneAt = &gone
		if report.GoneAt == nil || gone.After(*report.GoneAt) {
			report.GoneAt = &gone
		}
	}
	if stays {
		report.GoneAt = nil
	}
	return nil
}
