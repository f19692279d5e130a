package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

const (
	// fetchWait is how long the broker holds a fetch that finds nothing.
	fetchWait = 5 * time.Second
	// fetchBytes bounds what one fetch of a partition brings. A single batch
	// that is larger still comes whole, so no record can block its partition.
	fetchBytes = 1 << 20

	backoffMin = 100 * time.Millisecond
	backoffMax = 2 * time.Second
)

// place is one partition of one topic.
type place struct {
	topic     string
	partition int
}

func (p place) attributes() []any { return []any{"topic", p.topic, "partition", p.partition} }

// batch is what one fetch brought.
type batch struct {
	messages []Message
	// next is the offset after the last record, including those that carry
	// no message (the markers of transactions).
	next          int64
	highWatermark int64
}

// fetcher reads one partition from an offset on, for ever. Each partition has
// its own long poll: one that stands still because its reader is busy never
// delays another.
type fetcher struct {
	client *client
	logger *slog.Logger
	outage *outage
	place  place
	// failed makes the next fetch come back quickly, to learn that an outage
	// is over even if there is nothing to read.
	failed bool
	// bytes bounds what one fetch brings. Defaults to fetchBytes.
	bytes int64
	// jumped is called when the offset that comes next no longer exists.
	jumped func(from, to int64)
}

// run calls handle with each batch until the context ends or handle returns
// false. offset may be kafka.FirstOffset or kafka.LastOffset. An outage makes
// it wait and try again, and is logged once.
func (f *fetcher) run(ctx context.Context, offset int64, handle func(batch) bool) {
	backoff := newBackoff()
	for ctx.Err() == nil {
		fetched, err := f.fetch(ctx, &offset)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			f.outage.over(f.place)
			f.failed = false
			backoff.reset()
			if !handle(fetched) {
				return
			}
			offset = fetched.next
			continue
		case errors.Is(err, kafka.OffsetOutOfRange):
			if err = f.jump(ctx, &offset); err == nil {
				continue
			}
		}
		f.failed = true
		f.outage.began(f.place, fmt.Errorf("fetch %s partition %d from offset %d: %w", f.place.topic, f.place.partition, offset, err))
		backoff.wait(ctx)
	}
}

// fetch resolves the special offsets, so that a retry starts from the same
// place, and asks for one batch.
func (f *fetcher) fetch(ctx context.Context, offset *int64) (batch, error) {
	if *offset < 0 {
		resolved, err := f.client.offset(ctx, f.place, *offset)
		if err != nil {
			return batch{}, err
		}
		*offset = resolved
	}
	wait := fetchWait
	if f.failed {
		wait = backoffMin
	}
	ctx, cancel := context.WithTimeout(ctx, wait+requestTimeout)
	defer cancel()
	response, err := f.client.Fetch(ctx, &kafka.FetchRequest{
		MaxBytes:  cmp.Or(f.bytes, fetchBytes),
		MaxWait:   wait,
		MinBytes:  1,
		Offset:    *offset,
		Partition: f.place.partition,
		Topic:     f.place.topic,
	})
	if err != nil {
		return batch{}, err
	}
	if response.Error != nil {
		return batch{}, response.Error
	}
	fetched := batch{next: *offset, highWatermark: response.HighWatermark}
	if err := fetched.read(response.Records, f.place, *offset, false); err != nil && fetched.next == *offset {
		return batch{}, fmt.Errorf("read the records: %w", err)
	}
	return fetched, nil
}

// jump moves the offset to the first that exists: retention has deleted what
// came next, or the log has been cut or made anew.
func (f *fetcher) jump(ctx context.Context, offset *int64) error {
	first, err := f.client.offset(ctx, f.place, kafka.FirstOffset)
	if err != nil {
		return err
	}
	f.logger.Error("The offset to read next no longer exists; going on from the first that does. "+
		"Messages between the two are lost to this reader: keep the topic's retention longer than any outage.",
		append(f.place.attributes(), "offset", *offset, "first_offset", first)...)
	if f.jumped != nil {
		f.jumped(*offset, first)
	}
	*offset = first
	return nil
}

// read appends the records from the offset on. Brokers send whole batches,
// which may begin before it.
func (b *batch) read(records kafka.RecordReader, at place, from int64, control bool) error {
	if stream, ok := records.(*protocol.RecordStream); ok {
		for _, part := range stream.Records {
			_, control := part.(*protocol.ControlBatch)
			if err := b.read(part, at, from, control); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		record, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		message, err := newMessageOf(record, at)
		if err != nil {
			return err
		}
		if record.Offset < from {
			continue
		}
		if !control {
			b.messages = append(b.messages, message)
		}
		b.next = record.Offset + 1
	}
}

// newMessageOf copies a record out of the buffers that kafka-go will reuse.
func newMessageOf(record *kafka.Record, at place) (Message, error) {
	message := Message{Topic: at.topic, Partition: at.partition, Offset: record.Offset, Time: record.Time}
	var err error
	if message.Key, err = readBytes(record.Key); err != nil {
		return Message{}, err
	}
	if message.Value, err = readBytes(record.Value); err != nil {
		return Message{}, err
	}
	for _, header := range record.Headers {
		message.Headers = append(message.Headers, Header{header.Key, header.Value})
	}
	return message, nil
}

func readBytes(b kafka.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	data, err := kafka.ReadAll(b)
	_ = b.Close() // returns the buffer; it holds nothing that could fail
	return data, err
}

// offset asks for the first or last offset of a partition.
func (c *client) offset(ctx context.Context, at place, which int64) (int64, error) {
	offsets, err := c.offsets(ctx, at.topic, kafka.OffsetRequest{Partition: at.partition, Timestamp: which})
	if err != nil {
		return 0, err
	}
	if which == kafka.FirstOffset {
		return offsets.FirstOffset, nil
	}
	return offsets.LastOffset, nil
}

// offsetAt asks for the first offset at or after a time; the end of the
// partition if there is none yet.
func (c *client) offsetAt(ctx context.Context, at place, since time.Time) (int64, error) {
	offsets, err := c.offsets(ctx, at.topic, kafka.TimeOffsetOf(at.partition, since))
	if err != nil {
		return 0, err
	}
	for offset := range offsets.Offsets {
		if offset >= 0 {
			return offset, nil
		}
	}
	return c.offset(ctx, at, kafka.LastOffset)
}

func (c *client) offsets(ctx context.Context, topic string, request kafka.OffsetRequest) (kafka.PartitionOffsets, error) {
	response, err := c.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {request}}})
	if err != nil {
		return kafka.PartitionOffsets{}, err
	}
	if len(response.Topics[topic]) != 1 {
		return kafka.PartitionOffsets{}, kafka.UnknownTopicOrPartition
	}
	offsets := response.Topics[topic][0]
	return offsets, offsets.Error
}

// outage logs the beginning and the end of a time without Kafka, once each,
// however many parts of a reader notice it.
type outage struct {
	logger *slog.Logger
	// onBegan hears of each part when it stops working. May be nil.
	onBegan func(part any)

	mu    sync.Mutex
	down  map[any]struct{}
	since time.Time
}

func newOutage(logger *slog.Logger) *outage {
	return &outage{logger: logger, down: make(map[any]struct{})}
}

// began says that a part of the reader cannot work.
func (o *outage) began(part any, err error) {
	o.mu.Lock()
	if _, known := o.down[part]; !known && o.onBegan != nil {
		defer o.onBegan(part)
	}
	defer o.mu.Unlock()
	if len(o.down) == 0 {
		o.since = time.Now()
		o.logger.Warn("Kafka does not answer as it should; trying again until it does", "error", err)
	} else {
		o.logger.Debug("Kafka still does not answer as it should", "error", err)
	}
	o.down[part] = struct{}{}
}

// over says that a part of the reader works, or is not needed any more.
func (o *outage) over(part any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.down[part]; !ok {
		return
	}
	delete(o.down, part)
	if len(o.down) == 0 {
		o.logger.Info("Kafka answers again", "after", time.Since(o.since).Round(time.Millisecond).String())
	}
}

// backoff waits longer after each failure, with some chance in it, so that
// readers that failed together do not come back together.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{next: backoffMin} }

func (b *backoff) reset() { b.next = backoffMin }

func (b *backoff) wait(ctx context.Context) {
	timer := time.NewTimer(b.next/2 + rand.N(b.next/2))
	defer timer.Stop()
	b.next = min(2*b.next, backoffMax)
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
