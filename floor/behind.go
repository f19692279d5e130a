package floor

import (
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// state is whether the floor is behind the log, and who watches that.
type state struct {
	mu       sync.Mutex // guards what follows
	behind   wire.Behind
	watchers map[*watcher]struct{}
}

type watcher struct{ wake func() }

// Behind tells why and since when the floor is behind the log; it is zero when
// the floor is up to date.
func (f *Floor) Behind() wire.Behind {
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	return f.state.behind
}

// WatchBehind calls wake whenever Behind changes, until stop is called. wake
// must neither block nor call back.
func (f *Floor) WatchBehind(wake func()) (stop func()) {
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	w := &watcher{wake}
	if f.state.watchers == nil {
		f.state.watchers = make(map[*watcher]struct{})
	}
	f.state.watchers[w] = struct{}{}
	return func() {
		f.state.mu.Lock()
		defer f.state.mu.Unlock()
		delete(f.state.watchers, w)
	}
}

// setAway notes that Kafka does not answer since then, or that it does again.
func (f *Floor) setAway(since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = since
	if since.IsZero() {
		f.reading.Start()
	} else {
		f.reading.Stop()
	}
	f.updateBehind()
}

// setCaughtUp notes that the log has been read to its end for the first time,
// and shows what it says.
func (f *Floor) setCaughtUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.caughtUp = true
	f.board.CaughtUp(f.readBack)
	f.board.ForgetTooOld()
	// The log was read further back than the board goes, for the figures. A
	// process that has run for longer has forgotten that.
	f.dropOld()
	for _, station := range f.stations {
		station.rebuild()
	}
	for ticketID := range f.board.TicketIDs() {
		if ref, err := kitchen.ParseTicketID(ticketID); err == nil {
			f.queue.drop(ref.OrderID)
		}
	}
	if f.counter.isFollowed() {
		f.counter.open()
	}
	f.updateBehind()
}

// updateBehind finds out whether the floor is behind, and tells the watchers if
// that has changed. The floor's lock is held.
func (f *Floor) updateBehind() {
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	before := f.state.behind
	var behind wire.Behind
	switch {
	case !f.away.IsZero():
		behind = wire.Behind{Reason: wire.BehindKafka, Since: f.away.UTC()}
		if !f.caughtUp {
			behind.Since = before.Since
		}
	case !f.caughtUp:
		behind = wire.Behind{Reason: wire.BehindStarting, Since: before.Since}
	}
	if behind == before {
		return
	}
	f.state.behind = behind
	for w := range f.state.watchers {
		w.wake()
	}
}
