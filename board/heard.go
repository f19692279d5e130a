package board

import (
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Heard is where a record of the log lies, and when it was made and heard, as far
// as that can be known without believing anybody's clock.
type Heard struct {
	Topic     string
	Partition int
	// Time is when the record was made, for people to see.
	Time time.Time
	// Appended says that Time is the broker's. Nothing is concluded from a
	// sender's.
	Appended bool
	// After is how long the reader had been reading the log when it heard the
	// record, by a Stopwatch.
	After time.Duration
}

// HeardFrom returns what a board needs to know about a message; after is how long
// the reader had been reading the log when it received it.
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

// Stopwatch measures how long a log has been read. Outages do not count: then
// the log is silent because nobody can read it. Only differences of the clock
// count, and time.Now is monotonic, so the machine's clock may be wrong or be set
// meanwhile. A Stopwatch is not safe for concurrent use.
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
