package events

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lookBack finds the first offset that was appended at most ago before the newest
// of its partition. It asks no clock but the broker's. If the times are the
// senders', it is where the partition begins.
func (c *readClient) lookBack(ctx context.Context, at topicPartition, ago time.Duration) (int64, error) {
	end, err := c.offset(ctx, at, endOffset, readUncommitted)
	if err != nil || end == 0 {
		return firstOffset, err
	}
	found, err := c.locate(ctx, []string{at.topic})
	if err != nil {
		return 0, err
	}
	last, err := c.fetch(ctx, at, found[at], end-1, 0, readUncommitted, 1)
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange): // deleted just now
		return firstOffset, nil
	case err != nil:
		return 0, err
	}
	newest, ok := appendTime(last.RecordBatches)
	if !ok {
		return firstOffset, nil
	}
	return c.offset(ctx, at, newest.Add(-ago).UnixMilli(), readUncommitted)
}

// appendTime returns when the broker appended the last of some batches, if it
// says so. Markers of transactions and batches that were compacted away count.
func appendTime(batches []byte) (time.Time, bool) {
	var last kmsg.RecordBatch
	for len(batches) > 12 {
		size := 12 + int(int32(binary.BigEndian.Uint32(batches[8:])))
		var b kmsg.RecordBatch
		if size < 12 || size > len(batches) || b.ReadFrom(batches[:size]) != nil || b.Magic != 2 {
			break
		}
		last, batches = b, batches[size:]
	}
	const logAppendTime = 1 << 3
	return time.UnixMilli(last.MaxTimestamp), last.Attributes&logAppendTime != 0
}
