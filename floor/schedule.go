package floor

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// never is an interval that does not pass.
const never = time.Duration(math.MaxInt64)

// schedule says when to look again at something that may have changed: some
// time after each hint that it has, because a change spreads at its own pace,
// and now and then without a hint. It starts nothing and waits for nothing.
type schedule struct {
	now func() time.Time
	// pause is the least time between the beginnings of two looks, and refresh
	// the longest.
	pause, refresh time.Duration

	last    time.Time   // when the last look began
	planned []time.Time // the next looks, soonest first
}

func newSchedule(now func() time.Time, pause, refresh time.Duration) schedule {
	return schedule{now: now, pause: pause, refresh: refresh, last: now().Add(-pause)}
}

// plan replaces what was planned by looks after those delays, as soon as the
// pause allows each.
func (s *schedule) plan(delays ...time.Duration) {
	now, soonest := s.now(), s.last.Add(s.pause)
	s.planned = s.planned[:0]
	for _, delay := range delays {
		at := latest(now.Add(delay), soonest)
		s.planned = append(s.planned, at)
		soonest = at.Add(s.pause)
	}
}

// next is when to look next.
func (s *schedule) next() time.Time {
	if len(s.planned) == 0 {
		return s.last.Add(s.refresh)
	}
	return latest(s.planned[0], s.last.Add(s.pause)) // the last look may have begun late
}

// begin notes that a look begins. It stands for all that were due by now.
func (s *schedule) begin() {
	s.last = s.now()
	s.planned = slices.DeleteFunc(s.planned, func(at time.Time) bool { return !at.After(s.last) })
}

func latest(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// poller looks at something whenever its schedule says so.
type poller struct {
	// look looks, and reports whether that was the last time.
	look    func(ctx context.Context) (over bool)
	changed chan struct{} // has a token when the schedule has changed

	mu       sync.Mutex // guards the schedule
	schedule schedule
}

func newPoller(pause, refresh time.Duration, look func(ctx context.Context) (over bool)) *poller {
	return &poller{look: look, changed: make(chan struct{}, 1), schedule: newSchedule(time.Now, pause, refresh)}
}

// plan plans looks after those delays, instead of what was planned before.
func (p *poller) plan(delays ...time.Duration) {
	p.mu.Lock()
	p.schedule.plan(delays...)
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default: // there is a token
	}
}

// isIdle reports whether no look is planned.
func (p *poller) isIdle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.schedule.planned) == 0
}

// wait is how long it is until the next look.
func (p *poller) wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.schedule.next())
}

// begin begins a look, unless it has been put off.
func (p *poller) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.schedule.next().After(p.schedule.now()) {
		return false
	}
	p.schedule.begin()
	return true
}

// run looks until the context ends or a look was the last.
func (p *poller) run(ctx context.Context) {
	timer := time.NewTimer(p.wait())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
		case <-timer.C:
			if p.begin() && p.look(ctx) {
				return
			}
		}
		timer.Reset(p.wait())
	}
}
