package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// readAttempts is how often in a row a LogReader tries before its caller hears of
// the failure.
const readAttempts = 5

// LogReader reads a part of a partition once, where Tail and Consumer read on for
// ever. It tries again after errors that pass. Close it when done.
type LogReader struct{ client *readClient }

// NewLogReader dials nobody yet.
func NewLogReader(connection Connection) (*LogReader, error) {
	client, err := newReadClient(connection)
	if err != nil {
		return nil, fmt.Errorf("make a Kafka reader: %w", err)
	}
	client.counts = new(knownCounts) // or nobody could tell what lies in a wrong partition
	return &LogReader{client}, nil
}

// Close ends the connections.
func (r *LogReader) Close() { r.client.close() }

// Partitions returns how many partitions a topic has.
func (r *LogReader) Partitions(ctx context.Context, topic string) (int, error) {
	found, err := r.client.locate(ctx, []string{topic})
	return len(found), err
}

// TopicID returns by what Kafka tells the topic from an earlier one of the same name;
// zero if the broker has no such ids.
func (r *LogReader) TopicID(ctx context.Context, topic string) (id [16]byte, err error) {
	err = r.patiently(ctx, func() error {
		found, err := r.client.locate(ctx, []string{topic})
		for _, where := range found {
			id = where.topicID
		}
		return err
	})
	return id, err
}

// Bounds returns the first offset of a partition and the one at which what may be
// read ends.
func (r *LogReader) Bounds(ctx context.Context, topic string, partition int) (first, end int64, err error) {
	at := topicPartition{topic, partition}
	err = r.patiently(ctx, func() (err error) {
		if first, err = r.client.offset(ctx, at, firstOffset, readCommitted); err == nil {
			end, err = r.client.offset(ctx, at, endOffset, readCommitted)
		}
		return err
	})
	return first, end, err
}

// Read hands over the messages from an offset to an end, perhaps some behind it,
// and returns the offset to go on at. It has one batch in memory at a time.
func (r *LogReader) Read(ctx context.Context, topic string, partition int, from, end int64, handle func(Message)) (next int64, err error) {
	for next = from; next < end; {
		fetched, err := r.fetch(ctx, topicPartition{topic, partition}, next, end, fetchBytes)
		if err != nil {
			return next, err
		}
		for _, m := range fetched.messages {
			handle(m)
		}
		next = fetched.next
	}
	return next, nil
}

// ReadOne returns the message at an offset, and whether there is one.
func (r *LogReader) ReadOne(ctx context.Context, topic string, partition int, offset int64) (Message, bool, error) {
	fetched, err := r.fetch(ctx, topicPartition{topic, partition}, offset, offset+1, 1) // a batch comes whole all the same
	for _, m := range fetched.messages {
		if m.Offset == offset {
			return m, true, err
		}
	}
	return Message{}, false, err
}

func (r *LogReader) fetch(ctx context.Context, at topicPartition, offset, end int64, most int32) (fetched batch, err error) {
	err = r.patiently(ctx, func() error {
		found, err := r.client.locate(ctx, []string{at.topic})
		if err != nil {
			return err
		}
		if fetched, err = r.client.read(ctx, at, found[at], offset, 0, most); errors.Is(err, kerr.OffsetOutOfRange) {
			// Retention was faster than we were.
			fetched.next, err = r.client.offset(ctx, at, firstOffset, readCommitted)
		}
		if err == nil && fetched.next <= offset {
			err = fmt.Errorf("nothing comes from offset %d on, though partition %d ends at %d", offset, at.partition, end)
		}
		return err
	})
	for i := range fetched.messages {
		fetched.messages[i].Partitions = r.client.counts.at(at, fetched.messages[i].Offset)
	}
	return fetched, err
}

// patiently tries a request again after errors that pass.
func (r *LogReader) patiently(ctx context.Context, request func() error) error {
	backoff := newBackoff()
	for attempt := 1; ; attempt++ {
		err := request()
		if err == nil || attempt == readAttempts || ctx.Err() != nil || isMissingTopic(err) {
			return r.client.connection.explain(err)
		}
		backoff.Wait(ctx)
	}
}
