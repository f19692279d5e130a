package events

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// fetchBytes bounds what one fetch brings. A single batch that is larger
	// still comes whole, so no record can block its partition.
	fetchBytes = 1 << 20
	// maxUnpacked is how large a compressed batch may be when it is unpacked. Those
	// of one fetch may have as much together, not counting the last.
	maxUnpacked = 64 << 20
)

// batch is what one fetch brought.
type batch struct {
	messages []Message
	// from and next are the offsets at which the batch begins and at which
	// reading goes on. There may be no message between them: they were compacted
	// away, are those of an aborted transaction, or its marker.
	from, next int64
	// end is where what may be read ends: at the first open transaction or at
	// the end of the partition, which is highWatermark.
	end, highWatermark int64
	topicID            [16]byte
}

// read fetches what is committed of a partition from an offset on.
func (c *readClient) read(ctx context.Context, at topicPartition, where location, offset int64, wait time.Duration, most int32) (batch, error) {
	answer, err := c.fetch(ctx, at, where, offset, wait, readCommitted, most)
	if err != nil {
		return batch{}, err
	}
	fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		IsolationLevel: kgo.ReadCommitted(), Offset: offset, Partition: int32(at.partition), Topic: at.topic,
	}, answer, &unpacker{c.decompressor, maxUnpacked}, nil)
	switch {
	case next > offset: // what else came is asked for again
	case fetched.Err != nil:
		return batch{}, fetched.Err
	case len(answer.RecordBatches) > 0:
		return batch{}, fmt.Errorf("what lies at offset %d cannot be read", offset)
	}
	b := batch{from: offset, next: next, end: answer.LastStableOffset, highWatermark: answer.HighWatermark, topicID: where.topicID}
	if b.end < 0 { // an old broker
		b.end = b.highWatermark
	}
	for _, record := range fetched.Records {
		b.messages = append(b.messages, messageOf(record))
	}
	return b, nil
}

// unpacker stops after the batch with which too much has been unpacked. What
// comes behind it is fetched again.
type unpacker struct {
	kgo.Decompressor
	left int
}

// Decompress implements kgo.Decompressor.
func (u *unpacker) Decompress(data []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if u.left <= 0 {
		return nil, errors.New("enough for one fetch")
	}
	data, err := u.Decompressor.Decompress(data, codec)
	u.left -= len(data)
	return data, err
}

// messageOf copies a record, since records that are kept would keep all that
// was fetched with them.
func messageOf(record *kgo.Record) Message {
	m := Message{
		Topic: record.Topic, Partition: int(record.Partition), Offset: record.Offset,
		Key: bytes.Clone(record.Key), Value: bytes.Clone(record.Value),
		Time: record.Timestamp, Appended: record.Attrs.TimestampType() == 1,
	}
	for _, header := range record.Headers {
		m.Headers = append(m.Headers, Header{header.Key, bytes.Clone(header.Value)})
	}
	return m
}
