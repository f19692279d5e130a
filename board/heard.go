package board

import (
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Heard is when a record of the log was made and heard, as far as that can be
// known without believing anybody's clock.
type Heard struct {
	Topic     string
	Partition int
	// Time is when the record was made, for people to see.
	Time time.Time
	// Appended says that Time is the broker's. Nothing follows from others.
	Appended bool
	// After is how long its reader had been reading the log when it came, by a
	// Stopwatch.
	After time.Duration
}

// HeardFrom is what a board wants to know of a message, heard when its reader
// had been reading for so long.
func HeardFrom(m events.Message, after time.Duration) Heard {
	h := Heard{Topic: m.Topic, Partition: m.Partition, Time: m.Time, Appended: m.Appended, After: after}
	if !h.Time.IsZero() {
		h.Time = kitchen.TimeThatCanBe(h.Time)
	}
	return h
}

// place is one partition of the log.
type place struct {
	topic     string
	partition int
}

func (h Heard) place() place { return place{h.Topic, h.Partition} }

// Note hears of a record of which the board keeps nothing else.
func (b *Board) Note(h Heard) { b.newest[h.place()] = h }

// Age is how long ago a record was made, at least, for a reader who has been
// reading for so long: as long as it was heard, and as long as the broker's
// times of its own partition tell.
func (b *Board) Age(h Heard, now time.Duration) time.Duration {
	age := now - h.After
	if newest := b.newest[h.place()]; h.Appended && newest.Appended {
		age = max(age, newest.Time.Sub(h.Time)+now-newest.After)
	}
	return age
}

// CaughtUp says that the log has been read to its end, from lookBack before
// the newest record of each partition on. What became of a ticket is known only
// if that was not too long ago: see TooOld and Recalls.
func (b *Board) CaughtUp(lookBack time.Duration) {
	for at, newest := range b.newest {
		if at.topic == events.TopicAcks && newest.Appended {
			b.acksSince(newest.Time.Add(-lookBack))
		}
	}
}

// acksSince notes that acks from before are not known.
func (b *Board) acksSince(from time.Time) {
	if from.After(b.acksFrom) {
		b.acksFrom = from
	}
}

// TooOld reports whether a ticket was issued so long ago that nobody can know
// from this board what became of it. If it is still open it is issued again, or
// has been.
//
// The ticket and the acks lie in different topics, whose brokers may have
// different clocks. An open ticket was issued within the time for its ack, and
// the acks are known for twice that time, so brokers may be apart by as much.
func (b *Board) TooOld(issued Heard) bool {
	return issued.Appended && issued.Time.Before(b.acksFrom)
}

// Recalls reports whether all acks are known that were given since so long
// before a record. In doubt it says no.
func (b *Board) Recalls(h Heard, before time.Duration) bool {
	if b.acksFrom.IsZero() && !b.acksForgotten {
		return true // everything is known
	}
	return h.Appended && !b.acksForgotten && !h.Time.Add(-before).Before(b.acksFrom)
}

// Stopwatch measures for how long a log has been read: the length of an outage,
// in which the log is silent because nobody can read it, does not count. It asks
// the clock that it is given for differences only, so time.Now, which counts
// monotonically, may be wrong or set while it runs. Not safe for concurrent use.
type Stopwatch struct {
	now     func() time.Time
	since   time.Time
	before  time.Duration // what has run before since
	stopped bool
}

// NewStopwatch returns one that runs.
func NewStopwatch(now func() time.Time) *Stopwatch { return &Stopwatch{now: now, since: now()} }

// Elapsed is for how long it has run.
func (w *Stopwatch) Elapsed() time.Duration {
	if w.stopped {
		return w.before
	}
	return w.before + w.now().Sub(w.since)
}

// Stop stops it, if it runs.
func (w *Stopwatch) Stop() {
	w.before, w.stopped = w.Elapsed(), true
}

// Start lets it go on, if it has been stopped.
func (w *Stopwatch) Start() {
	if w.stopped {
		w.since, w.stopped = w.now(), false
	}
}
