package board

import (
	"time"
)

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
