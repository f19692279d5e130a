package floor

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// ordersAtOnce bounds the questions about orders under way.
	ordersAtOnce = 32
	// orderRetry is how soon a question is repeated that got no answer, and
	// orderStale one that got an answer without a worker.
	orderRetry = 2 * time.Second
	orderStale = 15 * time.Second
	// orderRefresh is how often each followed order is asked about although the log
	// says nothing: that somebody has terminated it in Temporal is on no log.
	orderRefresh = time.Minute
	// stepWithin is how much later than its ticket a step may be on the log. They are
	// written at the same time, and a step is not written again if that fails.
	stepWithin = 500 * time.Millisecond
)

// Orders is who keeps the orders.
type Orders interface {
	// Status finds out where an order stands, apart from what AddWork adds. While
	// the floor is behind the log, that is part of the answer.
	Status(ctx context.Context, orderID string) (kitchen.Status, error)
	// Count counts the open orders.
	Count(ctx context.Context) (wire.OrderCounts, error)
	// Problem is what the followers of an order are told of an error of Status,
	// which the log has as the text.
	Problem(err error) (problem wire.Problem, text string)
}

// orderFeeds are the channels of the orders that somebody follows. Where an order
// stands at first, its keeper is asked, once for all who follow it. From then on the
// log tells.
type orderFeeds struct {
	floor   *Floor
	orders  Orders
	logger  *slog.Logger
	asking  chan struct{} // a token for each question under way
	running sync.WaitGroup

	mu       sync.Mutex // guards which orders are followed
	followed map[string]*orderFeed
	stopped  bool
}

func newOrderFeeds(f *Floor, orders Orders) *orderFeeds {
	return &orderFeeds{floor: f, orders: orders, logger: f.logger, asking: make(chan struct{}, ordersAtOnce), followed: make(map[string]*orderFeed)}
}

// follow adds a follower to an order.
func (o *orderFeeds) follow(orderID, cursor string, wake func()) (*Follower, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	order := o.followed[orderID]
	if order == nil {
		order = o.open(orderID)
	}
	follower, resumed := order.follow(cursor, wake)
	follower.leave = func() { o.unfollow(order, follower) }
	return follower, resumed
}

// open begins to ask about an order. The lock is held.
func (o *orderFeeds) open(orderID string) *orderFeed {
	ctx, cancel := context.WithCancel(context.Background())
	order := &orderFeed{feed: newFeed(ChannelOrder+orderID, nil), floor: o.floor, orderID: orderID, cancel: cancel}
	order.poller = newPoller(0, orderRefresh, func(ctx context.Context) bool { return o.ask(ctx, order) })
	order.poller.plan(0)
	o.followed[orderID] = order
	if o.stopped {
		cancel()
	} else {
		o.running.Go(func() { order.poller.run(ctx) })
	}
	return order
}

// unfollow removes a follower, and with the last one the order.
func (o *orderFeeds) unfollow(order *orderFeed, follower *Follower) {
	o.mu.Lock()
	defer o.mu.Unlock()
	order.unfollow(follower)
	if !order.isFollowed() {
		order.cancel()
		delete(o.followed, order.orderID)
	}
}

// get is an order that somebody follows, nil if nobody does.
func (o *orderFeeds) get(orderID string) *orderFeed {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.followed[orderID]
}

// told shows a step that an order has taken. The floor's lock is held.
func (o *orderFeeds) told(status kitchen.LoggedStatus) {
	if order := o.get(status.OrderID); order != nil && status.Version > order.told.Version {
		order.told = status
		order.update()
	}
}

// ticketChanged shows what the log says of an order's ticket. The floor's lock is
// held.
func (o *orderFeeds) ticketChanged(orderID string) {
	if order := o.get(orderID); order != nil {
		order.update()
	}
}

// issued shows what the log says of an order's ticket that was issued. If no step
// tells of it, one is on the way, or was lost: then the order is asked about. The
// floor's lock is held.
func (o *orderFeeds) issued(ticket kitchen.TicketRef) {
	order := o.get(ticket.OrderID)
	switch {
	case order == nil:
		return
	case order.isUntold():
		order.poller.plan(0)
	case order.lacks(ticket):
		time.AfterFunc(stepWithin, func() {
			o.floor.mu.Lock()
			defer o.floor.mu.Unlock()
			if o.get(ticket.OrderID) == order && order.lacks(ticket) {
				order.poller.plan(0)
			}
		})
	}
	order.update()
}

// stepTaken notes that an order has taken a step, which the log does not tell if the
// order is of an older build. The floor's lock is held.
func (o *orderFeeds) stepTaken(orderID string) {
	if order := o.get(orderID); order != nil && order.isUntold() {
		order.poller.plan(0)
	}
}

// changed notes that this process has changed an order, which the log may not tell.
// The floor's lock is held.
func (o *orderFeeds) changed(orderID string) {
	if order := o.get(orderID); order != nil && (order.isUntold() || o.floor.isBehind()) {
		order.poller.plan(0)
	}
}

// upToDate brings all channels up to date once the floor is not behind the log any
// more. The floor's lock is held.
func (o *orderFeeds) upToDate() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, order := range o.followed {
		if order.askedBehind {
			order.poller.plan(0)
		}
		order.update()
	}
}

// stop ends all questions and waits for them.
func (o *orderFeeds) stop() {
	o.mu.Lock()
	o.stopped = true
	for _, order := range o.followed {
		order.cancel()
	}
	o.mu.Unlock()
	o.running.Wait()
}

// ask finds out where an order stands and publishes it if it has changed. It
// reports whether that was the last question.
func (o *orderFeeds) ask(ctx context.Context, order *orderFeed) (over bool) {
	select {
	case o.asking <- struct{}{}:
		defer func() { <-o.asking }()
	case <-ctx.Done():
		return true
	}
	behind, asOf, over := order.asks()
	if over {
		return false
	}
	status, err := o.orders.Status(ctx, order.orderID)
	o.floor.mu.Lock()
	defer o.floor.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return true
	case err != nil:
		return o.failed(order, fmt.Errorf("follow the order: %w", err))
	}
	order.answered(status, asOf, behind)
	return false
}

// failed publishes why an order cannot be followed. Outages are retried; any
// other problem ends the channel. The floor's lock is held.
func (o *orderFeeds) failed(order *orderFeed, err error) (over bool) {
	problem, text := o.orders.Problem(err)
	outage := problem.Type == wire.ProblemUnavailable
	if outage && order.isTold() {
		order.poller.plan(orderStale) // nobody needs to know: the log goes on telling
		return false
	}
	if outage {
		order.poller.plan(orderRetry)
	}
	if problem.Type == wire.ProblemInternal {
		o.logger.Error("an order that is followed live could not be asked about", slog.String("error", text))
	}
	if !outage || !order.unavailable {
		order.unavailable = outage
		order.show(wire.LiveMessage{Type: wire.LiveMessageTypeProblem, Problem: problem}, !outage)
	}
	return !outage
}

// orderFeed is the channel of one order.
type orderFeed struct {
	*feed
	floor   *Floor
	orderID string
	poller  *poller
	cancel  context.CancelFunc

	// The floor's lock guards what follows.

	// answer is what the order's keeper has said last; it has no id before the
	// first time. By then the log had told the version asOf.
	answer kitchen.Status
	asOf   int64
	// told is the newest step by the log since somebody follows the order.
	told kitchen.LoggedStatus
	// askedFor is the newest version of the details that the keeper was asked for.
	askedFor int64
	// askedBehind says that the keeper may have answered while the floor was behind:
	// what stations do was part of the answer, and nobody takes it back.
	askedBehind bool
	// shown is where the order stands by the last snapshot. unavailable says that
	// followers have been told since that nobody can be asked.
	shown       kitchen.Status
	unavailable bool
}

// isTold reports whether the log tells the order's steps, and the order's keeper has
// told what the log leaves out. The floor's lock is held.
func (o *orderFeed) isTold() bool {
	return o.answer.ID != "" && !o.isUntold() && !o.lacksDetails() && !o.floor.isBehind()
}

// isUntold reports whether the log does not tell the order's steps.
func (o *orderFeed) isUntold() bool {
	return o.answer.ID != "" && o.answer.Version == 0 && o.told.Version == 0
}

// isOver reports whether the order cannot change any more, unless somebody resets it
// in Temporal: then the log tells of it again. The floor's lock is held.
func (o *orderFeed) isOver() bool { return o.shown.State.IsFinal() && !o.lacksDetails() }

// lacks reports whether what is known of an order that has not ended does not tell of
// its ticket. The floor's lock is held.
func (o *orderFeed) lacks(ticket kitchen.TicketRef) bool {
	return o.answer.ID != "" && !o.shown.State.IsFinal() && !tellOf(o.shown.Stages, ticket)
}

// asks begins a question: it returns whether the floor is behind the log, the newest
// version that the log has told, and whether there is nothing to ask.
func (o *orderFeed) asks() (behind bool, asOf int64, over bool) {
	o.floor.mu.Lock()
	defer o.floor.mu.Unlock()
	return o.floor.isBehind(), o.told.Version, o.isOver()
}

// answered takes in what the order's keeper has said. The floor's lock is held.
func (o *orderFeed) answered(status kitchen.Status, asOf int64, behind bool) {
	isBehind := o.floor.isBehind()
	o.answer, o.asOf, o.askedBehind = status, asOf, behind || isBehind
	o.askedFor = max(status.DetailsVersion, o.told.DetailsVersion)
	if o.unavailable {
		o.unavailable, o.shown = false, kitchen.Status{} // show it, changed or not
	}
	switch {
	case o.askedBehind && !isBehind, o.lacksDetails() && o.told.Version > asOf:
		o.poller.plan(0) // that was the answer to an older question
	case o.lacksDetails():
		o.poller.plan(orderRetry)
	}
	o.update()
	if o.shown.Stale && o.poller.isIdle() {
		o.poller.plan(orderStale)
	}
}

// isToldLater reports whether the log tells more than the answer does. An answer that
// is not stale outdates what was told before the question, whatever its version: an
// order may have been ended from outside, or what was told may not be its workflow's.
func (o *orderFeed) isToldLater() bool {
	if o.answer.Stale {
		return o.told.Version > 0 && o.told.Version >= o.answer.Version
	}
	return o.told.Version > max(o.answer.Version, o.asOf)
}

// lacksDetails reports whether something has changed since the answer that the log
// leaves out.
func (o *orderFeed) lacksDetails() bool {
	return o.isToldLater() && o.told.DetailsVersion > o.answer.DetailsVersion
}

// update publishes where the order stands if that has changed: by its last step, and
// by what stations have done since. It asks for details that the log only says have
// changed. The floor's lock is held.
func (o *orderFeed) update() {
	if o.answer.ID == "" {
		return
	}
	status := o.answer
	if o.isToldLater() {
		status = status.With(o.told)
		status.DetailsVersion, status.Stale = o.answer.DetailsVersion, false
	}
	o.floor.addWork(&status)
	status = status.ForCustomer() // who may follow it, and all are shown the same
	if !reflect.DeepEqual(status, o.shown) {
		o.shown = status
		o.unavailable = false
		o.show(wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Order: status}, false)
	}
	if o.lacksDetails() && o.told.DetailsVersion > o.askedFor {
		o.askedFor = o.told.DetailsVersion
		o.poller.plan(0)
	}
}

// show publishes where the order stands, or what is in the way.
func (o *orderFeed) show(message wire.LiveMessage, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.whole = func() wire.LiveMessage { return message }
	o.ended = last
	o.restart()
}
