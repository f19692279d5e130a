package floor

import (
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// stateFeed is the channel of whether the floor is behind the log. It has no
// name: every connection follows it.
type stateFeed struct {
	*feed
	behind wire.Behind // guarded by the feed's lock
}

func newStateFeed() *stateFeed {
	s := &stateFeed{behind: wire.Behind{Reason: wire.BehindStarting, Since: time.Now().UTC()}}
	s.feed = newFeed("", func() wire.LiveMessage { return wire.LiveMessage{Type: wire.LiveMessageTypeState, Behind: s.behind} })
	return s
}

// FollowState adds a follower that has something next whenever Behind has
// changed. For wake see Follow.
func (f *Floor) FollowState(wake func()) *Follower {
	follower, _ := f.state.follow("", wake)
	return follower
}

// Behind tells why and since when the floor is behind the log; it is zero when
// the floor is up to date.
func (f *Floor) Behind() wire.Behind {
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	return f.state.behind
}

// isBehind reports whether the floor is behind the log. The lock is held.
func (f *Floor) isBehind() bool { return !f.caughtUp || !f.awaySince().IsZero() }

// awaySince is since when Kafka does not answer one of the readers; zero while it does.
// The lock is held.
func (f *Floor) awaySince() time.Time {
	if f.away.IsZero() || !f.flagsAway.IsZero() && f.flagsAway.Before(f.away) {
		return f.flagsAway
	}
	return f.away
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

// setFlagsAway notes that since then nobody answers what belongs to no order, or that
// somebody does again. The log of tickets and acks may go on meanwhile.
func (f *Floor) setFlagsAway(since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flagsAway = since
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
	if len(f.flags.All(kitchen.FlagErased)) > 0 {
		f.forgetPersons(f.isErased)
	}
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

// updateBehind finds out whether the floor is behind, and wakes those who follow
// that if it has changed. The floor's lock is held.
func (f *Floor) updateBehind() {
	f.stateChanged()
	if !f.isBehind() {
		f.orders.upToDate()
	}
}

// stateChanged publishes whether the floor is behind. The floor's lock is held.
func (f *Floor) stateChanged() {
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	before := f.state.behind
	var behind wire.Behind
	switch {
	case !f.awaySince().IsZero():
		behind = wire.Behind{Reason: wire.BehindKafka, Since: f.awaySince().UTC()}
		if !f.caughtUp {
			behind.Since = before.Since
		}
	case !f.caughtUp:
		behind = wire.Behind{Reason: wire.BehindStarting, Since: before.Since}
	}
	if behind != before {
		f.state.behind = behind
		f.state.restart()
	}
}
