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
	// Appended says that Time is the broker's. Nothing is concluded from a
	// sender's.
	Appended bool
	// After is how long its reader had been reading the log when it came, by a
	// Stopwatch.
	After time.Duration
}

// HeardFrom returns what a board needs to know about a message that its reader
// received after reading the log for the given time.
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

// Note tells the board of a record from which it needs only the time.
func (b *Board) Note(h Heard) { b.newest[h.place()] = h }

// Age returns the least age of a record for a reader that has been reading for
// now: the time since it was heard or, if that is longer, what the broker's
// times of its partition show.
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

// Recalls reports whether the board knows all acks since a given time before a
// record. In doubt it says no.
func (b *Board) Recalls(h Heard, before time.Duration) bool {
	if b.acksFrom.IsZero() && !b.acksForgotten {
		return true // everything is known
	}
	return h.Appended && !b.acksForgotten && !h.Time.Add(-before).Before(b.acksFrom)
}

// Stopwatch measures how long a log has been read. Outages do not count: then
// the log is silent because nobody can read it. It uses only differences of the
// clock that it is given, and time.Now counts monotonically, so the machine's
// clock may be wrong or be set meanwhile. Not safe for concurrent use.
type Stopwatch struct {
	now     func() time.Time
	since   time.Time
	before  time.Duration // what has run before since
	stopped bool
}

// NewStopwatch returns a stopwatch that is running.
func NewStopwatch(now func() time.Time) *Stopwatch { return &Stopwatch{now: now, since: now()} }

// Elapsed returns how long the stopwatch has run.
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
