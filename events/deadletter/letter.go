package deadletter

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Place is where a letter lies in the topic of dead letters. People call a letter
// by it.
type Place struct {
	Partition int
	Offset    int64
}

// ParsePlace is the inverse of String.
func ParsePlace(text string) (Place, error) {
	left, right, _ := strings.Cut(text, "/")
	partition, err := strconv.ParseInt(left, 10, 32)
	offset, offsetErr := strconv.ParseInt(right, 10, 64)
	place := Place{int(partition), offset}
	if err != nil || offsetErr != nil || partition < 0 || offset < 0 || place.String() != text {
		return Place{}, fmt.Errorf("dead letter %q: call it by its place, PARTITION/OFFSET such as 3/17", events.FirstBytes(text, maxKeyBytes))
	}
	return place, nil
}

// String is the place as people write it: 3/17.
func (p Place) String() string { return fmt.Sprintf("%d/%d", p.Partition, p.Offset) }

// MarshalText implements encoding.TextMarshaler.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Place) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePlace(string(text))
	return err
}

// What a list keeps of texts that anybody may have written.
const (
	maxTopicBytes = 249 // Kafka's own limit
	maxTextBytes  = 1000
	maxKeyBytes   = 256
)

// State is where a letter stands; doc.go draws how it changes.
type State string

// The states of a letter.
const (
	Open      State = "open"
	Redriving State = "redriving"
	Redriven  State = "redriven"
	Discarded State = "discarded"
)

// IsSettled reports whether nothing is left to do.
func (s State) IsSettled() bool { return s == Redriven || s == Discarded }

// Letter is a dead letter without its bytes.
type Letter struct {
	Place Place
	// Died is when it became a dead letter.
	Died time.Time
	// Topic, Partition and Offset are where the original lies, and Made is
	// when it was made. Topic is empty if the record does not say: then
	// Cupcakery did not write it.
	Topic     string
	Partition int
	Offset    int64
	Made      time.Time
	Reason    string
	// Key is the beginning of the key, which is all of it for an order's id.
	Key []byte
	// Size is how many bytes the value has. FullSize is how many the original
	// had if that was too large to be kept whole, and otherwise 0.
	Size     int
	FullSize int
	// Redrives is how often a person has sent the message again, or has begun
	// to. It counts the message's earlier deaths too.
	Redrives int

	State State
	// Since, By and Note belong to the last decision about the letter, and
	// Mended says that it was sent with other bytes.
	Since  time.Time
	By     string
	Note   string
	Mended bool

	last     int64  // the offset of the last record that counts for it
	decision string // the id of the mark that made the last decision
}

// newLetter reads a record that is not a mark.
func newLetter(m events.Message) Letter {
	header := func(key string, most int) string {
		text, _ := m.Header(key)
		return events.FirstBytes(text, most)
	}
	number := func(key string) int64 {
		n, err := strconv.ParseInt(header(key, 20), 10, 64)
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	letter := Letter{
		Place:     Place{m.Partition, m.Offset},
		Died:      m.Time,
		Topic:     header(events.HeaderDeadTopic, maxTopicBytes),
		Partition: int(number(events.HeaderDeadPartition)),
		Offset:    number(events.HeaderDeadOffset),
		Reason:    header(events.HeaderDeadReason, maxTextBytes),
		Key:       bytes.Clone(m.Key[:min(len(m.Key), maxKeyBytes)]),
		Size:      len(m.Value),
		FullSize:  int(number(events.HeaderDeadSize)),
		Redrives:  int(min(number(HeaderRedriveCount), 1_000_000)),
		State:     Open,
		last:      m.Offset,
	}
	if made, err := time.Parse(time.RFC3339Nano, header(events.HeaderDeadTime, 64)); err == nil {
		letter.Made = made
	}
	if letter.Topic == "" {
		letter.Reason = "not written by Cupcakery: it does not say which topic it is from"
	}
	return letter
}

// CheckRedrive says why the letter's record cannot go to the topic that it came
// from, as far as this version can tell: it would only be a dead letter again.
// Its error is a RefusedError.
func (l Letter) CheckRedrive(record events.Message) error {
	_, err := l.original(record, record.Value)
	return err
}

// original is the message that the letter was, with a value that its readers
// understand.
func (l Letter) original(record events.Message, value []byte) (events.Message, error) {
	if l.Topic == "" {
		return events.Message{}, l.refuse("it does not say which topic it is from: discard it")
	}
	if l.Topic == events.TopicDeadLetters || !slices.Contains(events.Topics(), l.Topic) {
		return events.Message{}, l.refuse("it says that it is from topic %q, where nothing is sent again to: discard it", l.Topic)
	}
	message := events.Message{Topic: l.Topic, Key: record.Key, Value: value, Headers: withoutRedrive(events.OriginalHeaders(record)), Time: time.Now()}
	orderID, err := readAsItsTopicDoes(message)
	if err != nil {
		return events.Message{}, l.refuse("who reads %s would not understand it: %w: mend the value (show --raw, redrive --value) or discard the letter", l.Topic, err)
	}
	if orderID != "" {
		message.Key = []byte(orderID) // under a wrong key it would be a dead letter again
	}
	return message, nil
}

// readAsItsTopicDoes reads a message as the readers of its topic do, and returns
// its order. The topics for downstream systems take anything, of any order.
func readAsItsTopicDoes(m events.Message) (orderID string, err error) {
	if m.Topic == events.TopicAcks {
		ack, err := events.DecodeAck(m)
		return ack.OrderID, err
	}
	if m.Topic == events.TopicKitchenState {
		_, _, err := events.DecodeFlag(m)
		return "", err
	}
	for _, stage := range kitchen.Stages() {
		if m.Topic != events.TicketTopic(stage) {
			continue
		}
		ticket, err := events.DecodeTicket(m)
		if err == nil && ticket.Stage != stage {
			err = fmt.Errorf("stage: a ticket of %s is not for the topic of %s", ticket.Stage, stage)
		}
		return ticket.OrderID, err
	}
	return "", nil
}

func (l Letter) refuse(format string, args ...any) error {
	return &RefusedError{l.Place, fmt.Errorf(format, args...)}
}
