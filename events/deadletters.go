package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// readAttempts is how often in a row a read may fail before its caller hears
// of it.
const readAttempts = 5

// LetterNotFoundError says that no dead letter lies at a place.
type LetterNotFoundError struct {
	Place LetterPlace
	Why   string
}

// Error says what is there instead.
func (e *LetterNotFoundError) Error() string {
	return fmt.Sprintf("no dead letter %s: %s", e.Place, e.Why)
}

// LetterRefusedError says that nothing was done to a letter, and why.
type LetterRefusedError struct {
	Place LetterPlace
	Err   error
}

// Error names the letter and the reason.
func (e *LetterRefusedError) Error() string { return fmt.Sprintf("dead letter %s: %v", e.Place, e.Err) }

// Unwrap returns the reason.
func (e *LetterRefusedError) Unwrap() error { return e.Err }

// DeadLettersConfig says where the dead letters are.
type DeadLettersConfig struct {
	Connection Connection
	// OnStep hears of each step of a redrive when it is done. May be nil.
	OnStep func(LetterPlace, RedriveStep)
}

// DeadLetters is the topic of dead letters as people sort it out. The topic is
// the only store: a letter stays where it is for as long as Kafka keeps it, and
// what becomes of it is written behind it, as a mark.
//
//	state      means                              leaves it by
//	open       nobody has decided                 redrive, discard
//	redriving  announced, and may have been sent  its end, redrive again, discard
//	redriven   sent, and that is noted            redrive again
//	discarded  needs nothing more                 redrive again
//
// The log decides: a decision counts only if nobody else made one since its
// maker looked, so of any number of people who redrive a letter at once one
// sends it. Whoever dies after the announcement leaves it redriving, and
// whether it was sent is for a person to find out; it is sent a second time
// only by somebody who says "again", and the message then says so.
//
// It is not safe for concurrent use. Close it when done.
type DeadLetters struct {
	config DeadLettersConfig
	client *readClient
	writer *Writer
	logs   map[int]*letterLog // by partition: what has been read so far
}

// NewDeadLetters dials nobody yet.
func NewDeadLetters(config DeadLettersConfig) (*DeadLetters, error) {
	writer, err := NewWriter(config.Connection)
	if err != nil {
		return nil, err
	}
	client, err := newReadClient(config.Connection)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &DeadLetters{config: config, client: client, writer: writer, logs: make(map[int]*letterLog)}, nil
}

// Close ends the connections.
func (d *DeadLetters) Close() error {
	d.client.close()
	return d.writer.Close()
}

// List returns every letter that Kafka keeps, settled ones too, the newest
// first.
func (d *DeadLetters) List(ctx context.Context) ([]Letter, error) {
	partitions, err := d.client.locate(ctx, []string{TopicDeadLetters})
	if err != nil {
		return nil, fmt.Errorf("list the dead letters: %w", err)
	}
	var letters []Letter
	for at := range partitions {
		log, err := d.follow(ctx, at, 0)
		if err != nil {
			return nil, fmt.Errorf("list the dead letters: %w", err)
		}
		for _, letter := range log.letters {
			letters = append(letters, *letter)
		}
	}
	slices.SortFunc(letters, func(a, b Letter) int {
		return cmp.Or(b.Died.Compare(a.Died), cmp.Compare(a.Place.Partition, b.Place.Partition), cmp.Compare(b.Place.Offset, a.Place.Offset))
	})
	return letters, nil
}

// Get returns a letter and its record as it lies in the topic. If there is
// none its error is a LetterNotFoundError.
func (d *DeadLetters) Get(ctx context.Context, place LetterPlace) (Letter, Message, error) {
	record, err := d.record(ctx, place)
	if err != nil {
		return Letter{}, Message{}, err
	}
	log, err := d.follow(ctx, place.kafka(), place.Offset)
	if err != nil {
		return Letter{}, Message{}, fmt.Errorf("read what became of dead letter %s: %w", place, err)
	}
	letter := log.letters[place.Offset]
	if letter == nil {
		return Letter{}, Message{}, &LetterNotFoundError{place, "Kafka has just deleted it"}
	}
	return *letter, record, nil
}

func (p LetterPlace) kafka() place { return place{TopicDeadLetters, p.Partition} }

// record reads the one record at a place.
func (d *DeadLetters) record(ctx context.Context, place LetterPlace) (Message, error) {
	failed := func(err error) (Message, error) {
		return Message{}, fmt.Errorf("read dead letter %s: %w", place, err)
	}
	missing := func(format string, args ...any) (Message, error) {
		return Message{}, &LetterNotFoundError{place, fmt.Sprintf(format, args...)}
	}
	partitions, err := d.client.locate(ctx, []string{TopicDeadLetters})
	if err != nil {
		return failed(err)
	}
	if _, ok := partitions[place.kafka()]; !ok {
		return missing("the topic has %d partitions, counted from 0", len(partitions))
	}
	first, end, err := d.bounds(ctx, place.kafka())
	switch {
	case err != nil:
		return failed(err)
	case place.Offset >= end:
		return missing("its partition ends before offset %d", end)
	case place.Offset < first:
		return missing("Kafka has deleted what lay before offset %d", first)
	}
	var found Message
	_, err = d.read(ctx, place.kafka(), 1, place.Offset, place.Offset+1, func(m Message) { // whole batches come all the same
		if m.Offset == place.Offset {
			found = m
		}
	})
	switch {
	case err != nil:
		return failed(err)
	case found.Topic == "":
		return missing("no message has this offset")
	case markType(found) != "":
		var mark letterMark
		_ = json.Unmarshal(found.Value, &mark) // what cannot be read is about 0/0
		return missing("this is a note of what became of letter %s", mark.Letter)
	}
	return found, nil
}

// follow reads a partition up to its present end, from an offset at the latest.
// What has been read before is not read again.
func (d *DeadLetters) follow(ctx context.Context, at place, from int64) (*letterLog, error) {
	first, end, err := d.bounds(ctx, at)
	if err != nil {
		return nil, err
	}
	log := d.logs[at.partition]
	if log == nil || from < log.from {
		log = newLetterLog(from)
		d.logs[at.partition] = log
	}
	next, err := d.read(ctx, at, fetchBytes, max(log.next, first), end, log.fold)
	if err != nil {
		// What was folded may be folded again, from the beginning.
		delete(d.logs, at.partition)
		return nil, err
	}
	log.next = next
	return log, nil
}

func (d *DeadLetters) bounds(ctx context.Context, at place) (first, end int64, err error) {
	err = d.patiently(ctx, func() (err error) {
		if first, err = d.client.offset(ctx, at, firstOffset, readCommitted); err == nil {
			end, err = d.client.offset(ctx, at, endOffset, readCommitted)
		}
		return err
	})
	return first, end, err
}

// read hands over the messages from an offset to an end, perhaps some more, and
// returns where to go on. There is one batch of them in memory at a time.
func (d *DeadLetters) read(ctx context.Context, at place, most int32, offset, end int64, handle func(Message)) (int64, error) {
	for offset < end {
		var fetched batch
		err := d.patiently(ctx, func() error {
			found, err := d.client.locate(ctx, []string{at.topic})
			if err != nil {
				return err
			}
			if fetched, err = d.client.read(ctx, at, found[at], offset, 0, most); errors.Is(err, kerr.OffsetOutOfRange) {
				// Retention was faster than we were.
				fetched.next, err = d.client.offset(ctx, at, firstOffset, readCommitted)
			}
			if err == nil && fetched.next <= offset {
				err = fmt.Errorf("nothing comes from offset %d on, though partition %d ends at %d", offset, at.partition, end)
			}
			return err
		})
		if err != nil {
			return offset, err
		}
		for _, m := range fetched.messages {
			handle(m)
		}
		offset = fetched.next
	}
	return offset, nil
}

// patiently tries a request again after errors that pass.
func (d *DeadLetters) patiently(ctx context.Context, request func() error) error {
	backoff := newBackoff()
	for attempt := 1; ; attempt++ {
		err := request()
		if err == nil || attempt == readAttempts || ctx.Err() != nil || isMissingTopic(err) {
			return d.client.connection.explain(err)
		}
		backoff.wait(ctx)
	}
}
