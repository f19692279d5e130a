package floor

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// overviewPause is the least time between two looks at the whole kitchen.
	overviewPause = 500 * time.Millisecond
	// overviewRefresh is how often there is one although nothing has happened: orders
	// stay ready for a time only.
	overviewRefresh = time.Minute
	// overviewShown is how many tickets of a stage are shown, newsShown how much of
	// what has happened.
	overviewShown, newsShown = 60, 12
)

// overviewFeed is the channel that shows where every order is. It is put together
// from the stations' boards while somebody follows it, and leaves out what belongs to
// a customer: strangers see it too.
type overviewFeed struct {
	*feed
	floor *Floor
	poll  *poller

	// looking is held while the boards are read and what they say is shown, or older
	// boards could come after newer ones.
	looking sync.Mutex
	// The feed's lock guards what is shown.
	overview wire.Overview

	// The floor's lock guards what has happened lately, the newest first.
	news []wire.OverviewNews
}

func (f *Floor) newOverviewFeed() *overviewFeed {
	o := &overviewFeed{floor: f}
	o.feed = newFeed(ChannelOverview, func() wire.LiveMessage {
		return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Overview: o.overview}
	})
	o.poll = newPoller(overviewPause, overviewRefresh, o.look)
	o.overview = o.newOverview()
	return o
}

// follow adds a follower, for whom the overview is put together anew: the last one
// may be old.
func (o *overviewFeed) follow(cursor string, wake func()) (*Follower, bool) {
	follower, resumed := o.feed.follow(cursor, wake)
	o.look(context.Background())
	return follower, resumed
}

// changed plans a look, if somebody wants to know.
func (o *overviewFeed) changed() {
	if o.isFollowed() {
		o.poll.plan(0)
	}
}

// look publishes where the orders are, if that has changed.
func (o *overviewFeed) look(context.Context) (over bool) {
	if !o.isFollowed() {
		return false
	}
	o.looking.Lock()
	defer o.looking.Unlock()
	now := o.newOverview()
	o.mu.Lock()
	defer o.mu.Unlock()
	if reflect.DeepEqual(now.Stages, o.overview.Stages) && reflect.DeepEqual(now.Ready, o.overview.Ready) && reflect.DeepEqual(now.News, o.overview.News) {
		return false
	}
	o.overview = now
	o.restart()
	return false
}

func (o *overviewFeed) newOverview() wire.Overview {
	overview := wire.Overview{At: o.floor.now().UTC(), Stages: []wire.OverviewStage{}, Ready: []wire.OverviewReady{}}
	o.floor.mu.Lock()
	readUntil := o.floor.readUntilLocked()
	overview.News = append([]wire.OverviewNews{}, o.news...)
	o.floor.mu.Unlock()
	stages := kitchen.Stages()
	for i, stage := range stages {
		station := o.floor.stations[stage]
		overview.Stages = append(overview.Stages, station.overview())
		if i == len(stages)-1 {
			overview.Ready = station.ready(readUntil)
		}
	}
	return overview
}

// overview is what the overview shows of the station.
func (s *stationFeed) overview() wire.OverviewStage {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := wire.OverviewStage{
		Stage: s.stage, Waiting: s.open.waiting(), Started: s.open.started, Failed: s.open.failed,
		LateAfterSeconds: s.rules.LateAfterSeconds, OverdueAfterSeconds: s.rules.OverdueAfterSeconds, DueSoonSeconds: s.rules.DueSoonSeconds,
		Tickets: []wire.OverviewTicket{},
	}
	for _, open := range s.open.queue[:min(len(s.open.queue), overviewShown)] {
		flavour, pieces := mostly(open.Lines)
		ticket := wire.OverviewTicket{
			PickupCode: kitchen.PickupCode(orderOf(open.TicketID)), Kind: open.Kind, State: open.State, Flavour: flavour, Pieces: pieces,
			Since: open.Since, DueAt: open.DueAt, By: open.By, StartedAt: open.StartedAt,
		}
		if open.State == kitchen.TicketFailed {
			ticket.Reason = s.floor.kitchenFile.Rules.CodeOf(open.Failure.Reason)
		}
		shown.Tickets = append(shown.Tickets, ticket)
	}
	return shown
}

// ready lists what was done at the station in the last half hour, by the log, of
// which readUntil is the present.
func (s *stationFeed) ready(readUntil time.Time) []wire.OverviewReady {
	s.mu.Lock()
	defer s.mu.Unlock()
	ready := []wire.OverviewReady{}
	for _, ended := range s.packaged {
		if len(ready) == readyShown {
			break
		}
		if ended.State != kitchen.TicketDone || ended.Withdrawn || readUntil.Sub(ended.readAt) > readyFor {
			continue
		}
		if s.floor.isGone(orderOf(ended.TicketID)) {
			continue
		}
		flavour, pieces := mostly(ended.Lines)
		ready = append(ready, wire.OverviewReady{PickupCode: kitchen.PickupCode(orderOf(ended.TicketID)), Flavour: flavour, Pieces: pieces, Since: ended.EndedAt})
	}
	return ready
}

// mostly is the flavour of most of the pieces, and how many pieces there are in all.
func mostly(lines []kitchen.Line) (flavour string, pieces int) {
	of := make(map[string]int)
	for _, line := range lines {
		pieces += line.Quantity
		of[line.Flavour] += line.Quantity
		if flavour == "" || of[line.Flavour] > of[flavour] {
			flavour = line.Flavour
		}
	}
	return flavour, pieces
}

// tell adds what has happened with an order, unless it is known: the log may have a
// message twice. The floor's lock is held.
func (o *overviewFeed) tell(orderID string, news wire.OverviewNews) {
	news.PickupCode = kitchen.PickupCode(orderID)
	isKnown := func(known wire.OverviewNews) bool {
		known.At, known.Reason = news.At, news.Reason
		return known == news
	}
	if slices.ContainsFunc(o.news, isKnown) {
		return
	}
	// Partitions are read beside each other, so what is read last need not be the newest.
	at, _ := slices.BinarySearchFunc(o.news, news, func(x, y wire.OverviewNews) int { return y.At.Compare(x.At) })
	o.news = slices.Insert(o.news, at, news)
	o.news = o.news[:min(len(o.news), newsShown)]
	o.changed()
}

// tellTicket tells that an order is new, or made anew. The floor's lock is held.
func (o *overviewFeed) tellTicket(ticket kitchen.Ticket, at time.Time) {
	if ticket.Kind != kitchen.TicketMake || ticket.Stage != kitchen.Stages()[0] || ticket.Attempt > 1 {
		return
	}
	news := wire.OverviewNews{Kind: wire.NewsPlaced, At: at, Pass: ticket.Pass}
	if ticket.Pass > 1 {
		news.Kind = wire.NewsRemade
	}
	news.Flavour, news.Pieces = mostly(ticket.Lines)
	o.tell(ticket.OrderID, news)
}

// tellAck tells that work has failed. A station's reason may be any text, and strangers
// read this. The floor's lock is held.
func (o *overviewFeed) tellAck(ack kitchen.Ack, effect board.Effect, at time.Time) {
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if effect != board.Failed || err != nil {
		return
	}
	o.tell(ack.OrderID, wire.OverviewNews{
		Kind: wire.NewsFailed, At: at, Stage: ack.Stage, Pass: ref.Pass, Attempt: ack.Attempt, Reason: o.floor.kitchenFile.Rules.CodeOf(ack.Reason),
	})
}
