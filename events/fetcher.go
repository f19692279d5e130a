package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// fetchWait is how long the broker holds a fetch that finds nothing.
	fetchWait = 5 * time.Second
	// heldBackWait is the same while an open transaction holds the partition
	// back, to see in time how long it does.
	heldBackWait = time.Second
	// heldBackAfter is when an open transaction that holds a partition back is
	// logged.
	heldBackAfter = 10 * time.Second
	// farBehind is how many offsets behind its end a partition is logged. It is
	// logged again every logAgainAfter until it has caught up.
	farBehind     = 10_000
	logAgainAfter = 10 * time.Second
)

var errRecreated = errors.New("the topic has been deleted and made anew")

// fetcher reads one partition from an offset on, for ever. Each partition has
// its own long poll, and a client of its own for it, since franz-go has one
// connection for fetches and brokers answer what comes on one in turn: a
// partition that is silent or whose reader is busy never delays another.
type fetcher struct {
	topicPartition
	connection Connection
	logger     *slog.Logger
	outage     *outage
	counts     *knownCounts
	// begin is asked where to begin in a topic, before it is read first, until it
	// answers. May be nil.
	begin func(ctx context.Context, topicID [16]byte) (offset int64, err error)
	// onJump is called when the offset that comes next no longer exists, with
	// the one that does. May be nil.
	onJump func(from, to int64)
	// onCut is called until it returns nil when the log ends before the offset that
	// comes next; begin is asked then. May be nil.
	onCut func(ctx context.Context, topicID [16]byte, first, end int64) error
	// onHeldBack is called with the offset of an open transaction that has held
	// the partition back for long. May be nil.
	onHeldBack func(offset int64)

	client  *readClient
	where   location
	located bool // where is known and has not failed since
	begun   bool // begin has answered for this topic

	transaction    *openTransaction // that holds the partition back; nil for none
	behindLoggedAt time.Time        // zero while the partition is not far behind
}

// run calls handle with each batch until the context ends or handle returns
// false. offset may be firstOffset. An outage makes it wait and try again, and
// is logged once.
func (f *fetcher) run(ctx context.Context, offset int64, handle func(batch) bool) {
	client, err := newReadClient(f.connection)
	if err != nil {
		f.outage.failed(f.topicPartition, err) // a file of the settings has gone since they were checked
		return
	}
	defer client.close()
	client.counts = f.counts
	f.client = client
	backoff, wait := newBackoff(), time.Duration(0) // the first fetch tells at once where the end is
	for ctx.Err() == nil {
		var fetched batch
		err := f.locate(ctx)
		if err == nil && f.begin != nil && !f.begun {
			f.outage.recovered(f.topicPartition) // what keeps us waiting now is not Kafka
			began, fault := f.begin(ctx, f.where.topicID)
			if fault != nil {
				backoff.Wait(ctx)
				continue
			}
			offset, f.begun = began, true
			backoff.Reset()
		}
		if err == nil {
			fetched, err = f.client.read(ctx, f.topicPartition, f.where, max(offset, 0), wait, fetchBytes)
		}
		if err != nil {
			if offset, err = f.skip(ctx, offset, err); err == nil {
				continue
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.outage.failed(f.topicPartition, fmt.Errorf("read %s partition %d from offset %d: %w", f.topic, f.partition, offset, f.connection.explain(err)))
			f.located = false
			wait = shortestWait // an answer tells that the outage is over, even if there is nothing to read
			backoff.Wait(ctx)
			continue
		}
		for i := range fetched.messages {
			fetched.messages[i].Partitions = f.counts.at(f.topicPartition, fetched.messages[i].Offset)
		}
		f.outage.recovered(f.topicPartition)
		backoff.Reset()
		f.logBehind(fetched)
		wait = fetchWait
		if f.watchTransaction(fetched) {
			wait = heldBackWait
		}
		if !handle(fetched) {
			return
		}
		offset = fetched.next
	}
}

// locate finds out who leads the partition, and whether its topic is another
// one than before, unless that is known.
func (f *fetcher) locate(ctx context.Context) error {
	if f.located {
		return nil
	}
	found, err := f.client.locate(ctx, []string{f.topic})
	if err != nil {
		return err
	}
	where, ok := found[f.topicPartition]
	switch none := [16]byte{}; {
	case !ok:
		return kerr.UnknownTopicOrPartition
	case f.where.topicID != none && f.where.topicID != where.topicID:
		return errRecreated
	case where.leader < 0:
		return kerr.LeaderNotAvailable
	}
	f.where, f.located = where, true
	return nil
}

// skip returns the offset to go on at after an error that only going on helps
// against, and otherwise the error.
func (f *fetcher) skip(ctx context.Context, offset int64, err error) (int64, error) {
	if bomb, ok := errors.AsType[*kgo.ErrDecompressTooLarge](err); ok {
		f.logger.Error("A batch is too large when it is unpacked; going on behind it. Its messages are lost to this reader.",
			append(f.attributes(), "offset", bomb.Offset, "next_offset", bomb.NextOffset, "limit", maxUnpacked)...)
		return bomb.NextOffset, nil
	}
	if errors.Is(err, kerr.OffsetOutOfRange) || errors.Is(err, errRecreated) {
		return f.jump(ctx, offset, err)
	}
	return offset, err
}

// jump goes on at the first offset that exists: retention has deleted what came
// next, or the log has been cut, or the topic made anew.
func (f *fetcher) jump(ctx context.Context, offset int64, why error) (int64, error) {
	first, err := f.client.offset(ctx, f.topicPartition, firstOffset, readCommitted)
	if err != nil {
		return offset, err
	}
	if f.onCut != nil && offset >= 0 && why != errRecreated && first <= offset {
		return f.cut(ctx, offset, first)
	}
	switch attributes := append(f.attributes(), "offset", offset, "first_offset", first); {
	case offset < 0: // the first that there is was asked for
	case why == errRecreated:
		f.logger.Error("The topic has been deleted and made anew; reading the new one from its beginning", attributes...)
	case first < offset:
		f.logger.Error("The log ends before the offset to read next: it was cut, or the offset was set wrongly. Reading what there is from its beginning.", attributes...)
	default:
		f.logger.Error("The offset to read next no longer exists; going on from the first that does. "+
			"Messages between the two are lost to this reader: keep the topic's retention longer than any outage.", attributes...)
	}
	if f.onJump != nil {
		f.onJump(offset, first)
	}
	f.where, f.located = location{}, false
	if why == errRecreated {
		f.begun = false
	}
	return first, nil
}

// cut tells that the log ends before the offset that comes next.
func (f *fetcher) cut(ctx context.Context, offset, first int64) (int64, error) {
	end, err := f.client.offset(ctx, f.topicPartition, endOffset, readUncommitted)
	if err != nil || end >= offset { // it has grown since
		return offset, err
	}
	f.logger.Error("The log ends before the offset to read next: it was cut", append(f.attributes(), "offset", offset, "end_offset", end)...)
	for backoff := newBackoff(); ; backoff.Wait(ctx) {
		if err := f.onCut(ctx, f.where.topicID, first, end); err == nil {
			f.begun, f.located = false, false
			return first, nil
		}
		if ctx.Err() != nil {
			return offset, ctx.Err()
		}
	}
}

// logBehind tells how reading gets on while the partition is far behind.
func (f *fetcher) logBehind(fetched batch) {
	behind := fetched.end - fetched.next
	attributes := append(f.attributes(), "offset", fetched.next)
	switch {
	case behind <= 0 && !f.behindLoggedAt.IsZero():
		f.behindLoggedAt = time.Time{}
		f.logger.Info("A partition has caught up", attributes...)
	case behind > farBehind && time.Since(f.behindLoggedAt) >= logAgainAfter:
		f.behindLoggedAt = time.Now()
		f.logger.Info("A partition is far behind; catching up", append(attributes, "messages_behind", behind)...)
	}
}

// watchTransaction tells when an open transaction has held the partition back for
// too long, and when it no longer does. It reports whether one holds it back.
func (f *fetcher) watchTransaction(fetched batch) bool {
	heldBack := fetched.next >= fetched.end && fetched.end < fetched.highWatermark
	if before := f.transaction; before != nil && (!heldBack || before.offset != fetched.end) {
		if before.logged {
			f.logger.Info("The transaction that held the partition back has ended", append(f.attributes(), "offset", before.offset)...)
		}
		f.transaction = nil
	}
	if !heldBack {
		return false
	}
	if f.transaction == nil {
		f.transaction = &openTransaction{offset: fetched.end, since: time.Now()}
	}
	if open := f.transaction; !open.logged && time.Since(open.since) >= heldBackAfter {
		open.logged = true
		f.logger.Warn("An open transaction holds the partition back; what lies behind it is read once its producer ends it, or the broker does after its transaction.timeout.ms. "+
			"If its producer is gone, abort it with kafka-transactions.sh.", append(f.attributes(), "offset", open.offset, "messages_behind", fetched.highWatermark-open.offset)...)
		if f.onHeldBack != nil {
			f.onHeldBack(open.offset)
		}
	}
	return true
}

// openTransaction is a transaction that holds a partition back.
type openTransaction struct {
	offset int64 // of its first message
	since  time.Time
	logged bool
}
