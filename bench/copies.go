package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// copiedTogether is how many orders' messages are written at once.
	copiedTogether = 500
	// silence is how long the log has nothing new when all of it has been written.
	silence = time.Second
	// ackedBy sends the benchmark's own acks.
	ackedBy = "bench"
)

// openCopies writes open orders to the log, as many as are wanted, without their
// workflows. Each is a copy of all that the log has of a real one, on every topic
// and whatever the binary writes there.
type openCopies struct {
	*factory
	originals []original
}

// original is an order and what the log has of it.
type original struct {
	orderID  string
	messages []kafka.Message // in an order that is right for each partition
}

// recordOpenOrders brings an order to each of the stages, in a factory where nobody
// works at those before, and reads what the log has of them then.
func (f *factory) recordOpenOrders(ctx context.Context, stages []kitchen.Stage) (*openCopies, error) {
	say("bringing an order to each of %v, to be copied", stages)
	writer, err := events.NewWriter(f.connection())
	if err != nil {
		return nil, err
	}
	defer func() { _ = writer.Close() }() // all that counts has been acknowledged
	tickets, stop, err := f.watchTickets(ctx, kitchen.Stages()...)
	if err != nil {
		return nil, err
	}
	defer stop()
	originals := make([]original, len(stages))
	for i, last := range stages {
		if _, originals[i].orderID, err = f.startKnownOrder(ctx); err != nil {
			return nil, err
		}
		if err := bring(ctx, writer, tickets, originals[i].orderID, last, kitchen.AckStarted, kitchen.AckDone); err != nil {
			return nil, err
		}
	}
	if err := f.untilSilent(ctx); err != nil {
		return nil, err
	}
	if err := f.readOrders(ctx, originals); err != nil {
		return nil, err
	}
	return &openCopies{f, originals}, nil
}

// bring acknowledges an order's tickets until it is at a stage, or through the
// last if none is given.
func bring(ctx context.Context, writer *events.Writer, tickets *ticketWatch, orderID string, last kitchen.Stage, kinds ...kitchen.AckKind) error {
	for _, stage := range kitchen.Stages() {
		if _, err := tickets.when(ctx, orderID, stage); err != nil || stage == last {
			return err
		}
		for _, kind := range kinds {
			if err := writer.PublishAck(ctx, ackOf(ticketOf(orderID, stage), kind)); err != nil {
				return err
			}
		}
	}
	return nil
}

func ackOf(ref kitchen.TicketRef, kind kitchen.AckKind) kitchen.Ack {
	return kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, By: ackedBy, At: time.Now().UTC(), Attempt: 1}
}

// untilSilent waits until nothing more is written to the log.
func (f *factory) untilSilent(ctx context.Context) error {
	var count int64 = -1
	for {
		now, err := f.messages(ctx)
		if err != nil || now == count {
			return err
		}
		count = now
		select {
		case <-time.After(silence):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readOrders reads the log for all that it has of some orders.
func (f *factory) readOrders(ctx context.Context, originals []original) error {
	topics, err := f.topics(ctx)
	if err != nil {
		return err
	}
	config := events.TailConfig{Connection: f.connection(), Logger: slog.New(slog.DiscardHandler)}
	for _, topic := range topics {
		config.Topics = append(config.Topics, topic.Name)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	complete := false
	config.CaughtUp = func() {
		complete = true
		cancel()
	}
	config.Handle = func(m events.Message) {
		i := slices.IndexFunc(originals, func(o original) bool { return o.orderID == string(m.Key) })
		if i < 0 {
			return
		}
		message := kafka.Message{Topic: m.Topic, Key: m.Key, Value: m.Value}
		for _, header := range m.Headers {
			message.Headers = append(message.Headers, kafka.Header{Key: header.Key, Value: header.Value})
		}
		originals[i].messages = append(originals[i].messages, message)
	}
	if err := events.Tail(ctx, config); err != nil {
		return err
	}
	if !complete {
		return ctx.Err()
	}
	return nil
}

// write writes n open orders, as many at each of the stages.
func (c *openCopies) write(ctx context.Context, n int) error {
	say("writing %d open orders to the log", n)
	writer := &kafka.Writer{Addr: c.kafka.Addr, Transport: c.kafka.Transport, Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond, BatchSize: copiedTogether, RequiredAcks: kafka.RequireAll}
	defer func() { _ = writer.Close() }() // all that counts has been acknowledged
	writing, writeCtx := errgroup.WithContext(ctx)
	writing.SetLimit(2)
	for from := 0; from < n; from += copiedTogether {
		var messages []kafka.Message
		for i := from; i < min(n, from+copiedTogether); i++ {
			orderID, err := kitchen.NewOrderID()
			if err != nil {
				return err
			}
			messages = append(messages, c.originals[i%len(c.originals)].copy(orderID)...)
		}
		writing.Go(func() error { return writer.WriteMessages(writeCtx, messages...) })
	}
	return writing.Wait()
}

// copy is what the log would have of an order with another id.
func (o original) copy(orderID string) []kafka.Message {
	renamed := func(data []byte) []byte {
		data = bytes.ReplaceAll(data, []byte(o.orderID), []byte(orderID))
		return bytes.ReplaceAll(data, fmt.Appendf(nil, "%q", kitchen.PickupCode(o.orderID)), fmt.Appendf(nil, "%q", kitchen.PickupCode(orderID)))
	}
	messages := make([]kafka.Message, 0, len(o.messages))
	for _, m := range o.messages {
		m.Key, m.Value, m.Headers = renamed(m.Key), renamed(m.Value), slices.Clone(m.Headers)
		for i := range m.Headers {
			m.Headers[i].Value = renamed(m.Headers[i].Value)
		}
		messages = append(messages, m)
	}
	return messages
}
