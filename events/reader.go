package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// pollWait is how long a broker holds a poll that finds nothing. It is how
	// long a partition that joins the others may have to wait.
	pollWait = 250 * time.Millisecond
	// fullWait is for polls that had to leave out a partition.
	fullWait = 100 * time.Millisecond
	// gather is how long a new poll waits for partitions that come together.
	gather = 5 * time.Millisecond
	// bufferBytes is how much may wait for its owner before a partition is left
	// out of the polls.
	bufferBytes = 1 << 20
	// partitionCheck is how often added partitions and other topics of the same
	// name are looked for.
	partitionCheck = 5 * time.Second
	// heldBackAfter is when an open transaction that holds a partition back is
	// worth a word.
	heldBackAfter = 10 * time.Second
)

var errRecreated = errors.New("the topic has been deleted and made anew")

// reader reads partitions. There is one poll at a time for each broker, with
// all partitions that it leads, and a buffer for each partition: an owner that
// is slow delays nobody else, and gets no more than its buffer holds.
type reader struct {
	client *readClient
	ctx    context.Context
	logger *slog.Logger
	outage *outage
	topics []string
	// heldBack hears of the transaction that holds a partition back. May be nil.
	heldBack func(at place, offset int64)
	// stale is signalled when the locations may be wrong.
	stale   chan struct{}
	running sync.WaitGroup

	mu        sync.Mutex
	cursors   map[place]*cursor
	locations map[place]location
	polls     map[int32]chan struct{} // by broker: how to wake its poll
}

// cursor is one partition that is read. The reader's mu guards it.
type cursor struct {
	place
	location // with leader -1 while it is not known
	next     int64
	// arrived is signalled when something was put into the buffer.
	arrived  chan struct{}
	buffer   []batch
	buffered int
	// stopped is set after an error, until its owner says where to go on.
	stopped bool
	// told is the last batch that the owner was told of, with or without
	// messages; nil at the start and after a failure.
	told *batch
	// held is the open transaction that holds the partition back, and since when.
	held      int64
	heldSince time.Time
	heldTold  bool
}

func newReader(ctx context.Context, client *readClient, logger *slog.Logger, outage *outage, topics []string) *reader {
	return &reader{
		client: client, ctx: ctx, logger: logger, outage: outage, topics: topics,
		cursors: make(map[place]*cursor), polls: make(map[int32]chan struct{}), stale: make(chan struct{}, 1),
	}
}

// watch keeps the locations true until the context ends. located hears of all
// partitions whenever every topic is there; it may be nil.
func (r *reader) watch(located func(map[place]location)) {
	backoff := newBackoff()
	for r.ctx.Err() == nil {
		found, err := r.client.locate(r.ctx, r.topics)
		if r.ctx.Err() != nil {
			return
		}
		r.relocate(found)
		if err != nil {
			r.outage.began("topics", err)
			backoff.wait(r.ctx)
			continue
		}
		r.outage.over("topics")
		if located != nil {
			located(found)
		}
		select {
		case <-r.ctx.Done():
		case <-time.After(partitionCheck):
			backoff.reset()
		case <-r.stale:
			backoff.wait(r.ctx)
		}
	}
}

func (r *reader) relocate(found map[place]location) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.locations = found
	for _, c := range r.cursors {
		r.point(c)
	}
}

// point sends a cursor to its leader. The caller holds mu.
func (r *reader) point(c *cursor) {
	found, ok := r.locations[c.place]
	if !ok || found.leader < 0 {
		return
	}
	if none := [16]byte{}; c.topicID != none && c.topicID != found.topicID {
		c.stop(errRecreated)
		return // until its owner goes on, it is of the old topic
	}
	c.location = found
	r.wake(found.leader)
}

// wake makes a broker's poll look again, and starts one if there is none. The
// caller holds mu.
func (r *reader) wake(broker int32) {
	if poll, ok := r.polls[broker]; ok {
		signal(poll)
		return
	}
	poll := make(chan struct{}, 1)
	r.polls[broker] = poll
	r.running.Go(func() { r.poll(broker, poll) })
}

// read calls handle with what a partition has from an offset on, which may be
// firstOffset, until the context ends or handle returns false. If what comes
// next no longer exists, jumped is called with where reading goes on.
func (r *reader) read(ctx context.Context, at place, offset int64, jumped func(to int64), handle func(batch) bool) {
	c := &cursor{place: at, location: location{leader: -1}, next: max(offset, 0), arrived: make(chan struct{}, 1), held: -1}
	r.mu.Lock()
	r.cursors[at] = c
	r.point(c)
	r.mu.Unlock()
	defer r.drop(c)
	for fetched := range r.batches(ctx, c) {
		if fetched.err == nil {
			offset = fetched.next
			if !handle(fetched) {
				return
			}
			continue
		}
		to, ok := r.first(ctx, at)
		if !ok {
			return
		}
		switch {
		case errors.Is(fetched.err, errRecreated):
			r.logger.Error("The topic has been deleted and made anew; reading the new one from its beginning", append(at.attributes(), "offset", offset)...)
		case offset >= 0: // else the first that there is was asked for
			r.logger.Error("The offset to read next no longer exists; going on from the first that does. "+
				"Messages between the two are lost to this reader: keep the topic's retention longer than any outage.",
				append(at.attributes(), "offset", offset, "first_offset", to)...)
		}
		if jumped != nil {
			jumped(to)
		}
		offset = to
		r.seek(c, to)
	}
}

func (r *reader) drop(c *cursor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cursors[c.place] == c { // else somebody reads it anew
		delete(r.cursors, c.place)
	}
}

// batches yields what arrives for a cursor until the context ends.
func (r *reader) batches(ctx context.Context, c *cursor) func(yield func(batch) bool) {
	take := func() (b batch, ok bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(c.buffer) == 0 {
			return b, false
		}
		if b = c.buffer[0]; c.buffered >= bufferBytes && c.leader >= 0 {
			r.wake(c.leader)
		}
		c.buffer = c.buffer[1:]
		c.buffered -= b.size
		return b, true
	}
	return func(yield func(batch) bool) {
		for ctx.Err() == nil {
			b, ok := take()
			if ok && !yield(b) {
				return
			}
			if !ok {
				select {
				case <-ctx.Done():
				case <-c.arrived:
				}
			}
		}
	}
}

// first finds the first offset that a partition has.
func (r *reader) first(ctx context.Context, at place) (int64, bool) {
	backoff := newBackoff()
	for {
		first, _, err := r.client.offset(ctx, at, firstOffset, readCommitted)
		if ctx.Err() != nil || err == nil {
			return first, ctx.Err() == nil
		}
		r.outage.began(at, fmt.Errorf("find the first offset of %s partition %d: %w", at.topic, at.partition, err))
		backoff.wait(ctx)
	}
}

func (r *reader) seek(c *cursor, offset int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.location, c.next, c.stopped, c.told = location{leader: -1}, offset, false, nil
	r.point(c)
}

// stop lets the owner hear of an error after what it has in the buffer.
func (c *cursor) stop(err error) {
	if c.stopped {
		return
	}
	c.stopped = true
	c.buffer = append(c.buffer, batch{err: err})
	signal(c.arrived)
}

// poll asks a broker for as long as it leads a partition that is read here.
func (r *reader) poll(broker int32, wake <-chan struct{}) {
	select {
	case <-r.ctx.Done():
	case <-time.After(gather):
	}
	for r.ctx.Err() == nil {
		due, wait, ok := r.due(broker)
		if !ok {
			return
		}
		if len(due) == 0 {
			select {
			case <-r.ctx.Done():
			case <-wake:
			}
			continue
		}
		fetched, err := r.client.fetch(r.ctx, broker, wait, readCommitted, fetchBytes, due...)
		if r.ctx.Err() != nil {
			return
		}
		for _, from := range due {
			r.take(from, fetched[from.place], err)
		}
	}
}

// due returns what to ask a broker for, and for how long. It returns false and
// forgets the poll if the broker leads nothing that is read.
func (r *reader) due(broker int32) (due []start, wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait = pollWait
	for _, c := range r.cursors { // in random order, so that none always comes last
		if c.leader != broker {
			continue
		}
		ok = true
		switch {
		case c.stopped:
		case c.buffered >= bufferBytes:
			wait = fullWait
		default:
			due = append(due, start{c.place, c.topicID, c.next})
		}
	}
	if !ok {
		delete(r.polls, broker)
	}
	return due, wait, ok
}

// take puts what was fetched into the buffer of its partition.
func (r *reader) take(from start, answer *kmsg.FetchResponseTopicPartition, err error) {
	var fetched batch
	if err == nil {
		fetched, err = decode(from, answer)
	}
	switch {
	case err == nil:
		r.outage.over(from.place)
	case !errors.Is(err, kerr.OffsetOutOfRange):
		r.outage.began(from.place, fmt.Errorf("fetch %s partition %d from offset %d: %w",
			from.topic, from.partition, from.offset, r.client.connection.explain(err)))
		signal(r.stale)
	}
	r.mu.Lock()
	c := r.cursors[from.place]
	if c == nil || c.stopped || c.next != from.offset || c.topicID != from.topicID {
		r.mu.Unlock()
		return // it has been dropped or sent elsewhere
	}
	held := false
	switch {
	case err == nil:
		c.put(fetched)
		held = r.noteHeld(c, fetched)
	case errors.Is(err, kerr.OffsetOutOfRange):
		c.stop(err)
	default:
		c.leader, c.told = -1, nil
	}
	r.mu.Unlock()
	if held && r.heldBack != nil {
		r.heldBack(from.place, fetched.end)
	}
}

// put hands a batch to the owner if it tells anything new.
func (c *cursor) put(fetched batch) {
	c.next = fetched.next
	if c.told != nil && len(fetched.messages) == 0 && fetched.next == c.told.next && fetched.end == c.told.end && fetched.highWatermark == c.told.highWatermark {
		return
	}
	told := fetched
	told.messages = nil
	c.told = &told
	c.buffer = append(c.buffer, fetched)
	c.buffered += fetched.size
	signal(c.arrived)
}

// noteHeld logs that an open transaction has held a partition back for too
// long, and that it no longer does. It returns true the first time.
func (r *reader) noteHeld(c *cursor, fetched batch) bool {
	open := int64(-1)
	if fetched.next >= fetched.end && fetched.end < fetched.highWatermark {
		open = fetched.end
	}
	if open != c.held {
		if c.heldTold {
			r.logger.Info("The transaction that held the partition back has ended", append(c.attributes(), "offset", c.held, "after", time.Since(c.heldSince).Round(time.Second).String())...)
		}
		c.held, c.heldSince, c.heldTold = open, time.Now(), false
		return false
	}
	if open < 0 || c.heldTold || time.Since(c.heldSince) < heldBackAfter {
		return false
	}
	c.heldTold = true
	r.logger.Warn("An open transaction holds the partition back: nothing behind it is read until its producer commits or aborts it, or the broker does after transaction.timeout.ms. "+
		"If its producer is gone, abort it with kafka-transactions.sh.",
		append(c.attributes(), "offset", open, "messages_behind_it", fetched.highWatermark-open)...)
	return true
}
