package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// The CloudEvents types of the marks: what became of a dead letter, written
// behind it into the same partition. A mark has no HeaderDeadTopic, a letter
// has.
const (
	TypeLetterRedriving = "cupcakery.dead-letter.redriving.v1"
	TypeLetterRedriven  = "cupcakery.dead-letter.redriven.v1"
	TypeLetterDiscarded = "cupcakery.dead-letter.discarded.v1"
)

// What a list keeps of texts that anybody may have written.
const (
	maxTopicBytes = 249 // Kafka's own limit
	maxLetterKey  = 256
)

// LetterPlace is what a dead letter is called by: where it lies in the topic
// of dead letters.
type LetterPlace struct {
	Partition int
	Offset    int64
}

// ParseLetterPlace is the inverse of String.
func ParseLetterPlace(text string) (LetterPlace, error) {
	left, right, _ := strings.Cut(text, "/")
	partition, err := strconv.ParseInt(left, 10, 32)
	offset, offsetErr := strconv.ParseInt(right, 10, 64)
	place := LetterPlace{int(partition), offset}
	if err != nil || offsetErr != nil || partition < 0 || offset < 0 || place.String() != text {
		return LetterPlace{}, fmt.Errorf("dead letter %q: call it by its place, PARTITION/OFFSET such as 3/17", clip(text, maxLetterKey))
	}
	return place, nil
}

// String is the place as people write it: 3/17.
func (p LetterPlace) String() string { return fmt.Sprintf("%d/%d", p.Partition, p.Offset) }

// MarshalText implements encoding.TextMarshaler.
func (p LetterPlace) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *LetterPlace) UnmarshalText(text []byte) (err error) {
	*p, err = ParseLetterPlace(string(text))
	return err
}

// LetterState is where a dead letter stands.
type LetterState string

// A letter is open until somebody decides about it. One that is redriving has
// been decided about, and may have been sent or not: either somebody is at it
// now, or they did not get to the end.
const (
	LetterOpen      LetterState = "open"
	LetterRedriving LetterState = "redriving"
	LetterRedriven  LetterState = "redriven"
	LetterDiscarded LetterState = "discarded"
)

// Settled reports whether nothing is left to do.
func (s LetterState) Settled() bool { return s == LetterRedriven || s == LetterDiscarded }

// Letter is a dead letter without its bytes.
type Letter struct {
	Place LetterPlace
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
	// Size is how many bytes the value has, and FullSize how many the original
	// had if that was too large to be kept whole; otherwise 0.
	Size     int
	FullSize int
	// Redrives is how often a person has sent the message again, or has begun
	// to, in this life and those before.
	Redrives int

	State LetterState
	// Since, By and Note belong to the last decision about the letter, and
	// Mended says that it was sent with other bytes.
	Since  time.Time
	By     string
	Note   string
	Mended bool

	last     int64  // the offset of the last record that counts for it
	decision string // the id of the mark that made the last decision
	content  string // the content type, which says how to read the value
}

// newLetter reads a record that is not a mark.
func newLetter(m Message) Letter {
	header := func(key string, most int) string {
		text, _ := m.Header(key)
		return clip(text, most)
	}
	number := func(key string) int64 {
		n, err := strconv.ParseInt(header(key, 20), 10, 64)
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	letter := Letter{
		Place:     LetterPlace{m.Partition, m.Offset},
		Died:      m.Time,
		Topic:     header(HeaderDeadTopic, maxTopicBytes),
		Partition: int(number(HeaderDeadPartition)),
		Offset:    number(HeaderDeadOffset),
		Reason:    header(HeaderDeadReason, maxReasonBytes),
		Key:       bytes.Clone(m.Key[:min(len(m.Key), maxLetterKey)]),
		Size:      len(m.Value),
		FullSize:  int(number(HeaderDeadSize)),
		Redrives:  int(min(number(HeaderRedriveCount), 1_000_000)),
		State:     LetterOpen,
		last:      m.Offset,
		content:   strings.Clone(contentType(m)),
	}
	if made, err := time.Parse(time.RFC3339Nano, header(HeaderDeadTime, 64)); err == nil {
		letter.Made = made
	}
	if letter.Topic == "" {
		letter.Reason = "not written by Cupcakery: it does not say which topic it is from"
	}
	return letter
}

// CheckRedrive says why a value cannot go to the topic of a letter, as far as
// this version can tell: it would only be a dead letter again. Its error is a
// LetterRefusedError.
func (l Letter) CheckRedrive(value []byte) error {
	if l.Topic == "" {
		return l.refuse("it does not say which topic it is from: discard it")
	}
	if l.Topic == TopicDeadLetters || !slices.Contains(Topics(), l.Topic) {
		return l.refuse("it says that it is from topic %q, where nothing is sent again to: discard it", l.Topic)
	}
	if _, err := l.understand(value); err != nil {
		return l.refuse("who reads %s would not understand it: %w: mend the value (show --raw, redrive --value) or discard the letter", l.Topic, err)
	}
	return nil
}

// understand reads a value as whoever reads the letter's topic does, and returns
// its order. The topics for downstream systems take anything, of any order.
func (l Letter) understand(value []byte) (orderID string, err error) {
	m := Message{Topic: l.Topic, Value: value, Time: time.Now(), Headers: []Header{{"content-type", []byte(l.content)}}}
	if l.Topic == TopicAcks {
		ack, err := DecodeAck(m)
		return ack.OrderID, err
	}
	for _, stage := range kitchen.Stages() {
		if l.Topic != TicketTopic(stage) {
			continue
		}
		ticket, err := DecodeTicket(m)
		if err == nil && ticket.Stage != stage {
			err = fmt.Errorf("stage: a ticket of %s is not for the topic of %s", ticket.Stage, stage)
		}
		return ticket.OrderID, err
	}
	return "", nil
}

func (l Letter) refuse(format string, args ...any) error {
	return &LetterRefusedError{l.Place, fmt.Errorf(format, args...)}
}

// letterMark is the value of a mark.
type letterMark struct {
	Letter LetterPlace `json:"letter"`
	// Follows is, for a decision, the last record that its writer knew to
	// speak of the letter. The decision counts only if it still was the last,
	// so of two that are made at once the log takes the first.
	Follows *LetterPlace `json:"follows,omitempty"`
	// Redriving is the id of the mark that announced what is now done.
	Redriving string `json:"redriving,omitempty"`
	Mended    bool   `json:"mended,omitempty"`
	By        string `json:"by,omitempty"`
	Note      string `json:"note,omitempty"`
}

// message is the mark as a record, which goes into the letter's partition.
func (k letterMark) message(source, eventType, id string, key []byte) (Message, error) {
	m, err := newMessage(TopicDeadLetters, source, eventType, id, k.Letter.String(), time.Now(), k)
	m.Key, m.Partition = key, k.Letter.Partition
	return m, err
}

// markType returns the type of a mark, empty for a letter.
func markType(m Message) string {
	if _, ok := m.Header(HeaderDeadTopic); ok {
		return ""
	}
	switch eventType, _ := m.Header("ce_type"); eventType {
	case TypeLetterRedriving, TypeLetterRedriven, TypeLetterDiscarded:
		return eventType
	}
	return ""
}

// letterLog folds one partition of the dead letters, from an offset on.
type letterLog struct {
	from    int64
	next    int64
	letters map[int64]*Letter
	awaited awaitedMark
}

// awaitedMark is a decision of our own, of which we want to hear what the log
// says.
type awaitedMark struct {
	id string
	// seen says that it has come by, and taken is the letter as it left it;
	// nil if it does not count.
	seen  bool
	taken *Letter
}

func newLetterLog(from int64) *letterLog {
	return &letterLog{from: from, next: from, letters: make(map[int64]*Letter)}
}

func (l *letterLog) fold(m Message) {
	eventType := markType(m)
	if eventType == "" {
		letter := newLetter(m)
		l.letters[m.Offset] = &letter
		return
	}
	id, _ := m.Header("ce_id")
	letter := l.mark(m, eventType, id)
	if id == l.awaited.id {
		l.awaited.seen = true
		if letter != nil {
			taken := *letter
			l.awaited.taken = &taken
		}
	}
}

// mark folds a mark and returns the letter it speaks of; nil if it does not
// count.
func (l *letterLog) mark(m Message, eventType, id string) *Letter {
	var mark letterMark
	if json.Unmarshal(m.Value, &mark) != nil || mark.Letter.Partition != m.Partition {
		return nil // nobody's word about any letter of this partition
	}
	letter := l.letters[mark.Letter.Offset]
	if letter == nil {
		return nil // the letter lies before from, or Kafka has deleted it
	}
	if eventType == TypeLetterRedriven {
		if letter.State != LetterRedriving || mark.Redriving != letter.decision {
			return nil // late: somebody has decided anew since
		}
		letter.State = LetterRedriven
	} else {
		if mark.Follows == nil || *mark.Follows != (LetterPlace{m.Partition, letter.last}) {
			return nil // somebody else was first, or this record was written twice
		}
		letter.decision = id
		letter.State = LetterDiscarded
		if eventType == TypeLetterRedriving {
			letter.State = LetterRedriving
			letter.Redrives++
		}
	}
	letter.last = m.Offset
	letter.Since = m.Time
	letter.By, letter.Note, letter.Mended = clip(mark.By, maxReasonBytes), clip(mark.Note, maxReasonBytes), mark.Mended
	return letter
}

// clip keeps the beginning of a text, as UTF-8, and lets the rest go.
func clip(text string, most int) string {
	return strings.Clone(strings.ToValidUTF8(text[:min(len(text), most)], ""))
}
