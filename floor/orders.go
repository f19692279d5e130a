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
	// orderRefresh is how often each followed order is asked about although
	// the log says nothing: an amendment through another process is not in it.
	orderRefresh = time.Minute
)

// When an order is asked about after a message of its workflow: at once, and
// again, because what Temporal says of a pending ticket comes a little later.
// After a station's ack the first question waits: the ack reaches the workflow
// at the same time as us, a started one only after a second, and mostly the
// workflow's next message comes first.
var (
	afterMessage = []time.Duration{0, 300 * time.Millisecond, 1800 * time.Millisecond, 4800 * time.Millisecond}
	afterAck     = []time.Duration{50 * time.Millisecond, 350 * time.Millisecond, 1850 * time.Millisecond, 4850 * time.Millisecond}
)

// Orders is who keeps the orders.
type Orders interface {
	// Status finds out where an order stands.
	Status(ctx context.Context, orderID string) (kitchen.Status, error)
	// Count counts the open orders.
	Count(ctx context.Context) (wire.OrderCounts, error)
	// Problem is what the followers of an order are told of an error of Status,
	// which the log has as the text.
	Problem(err error) (problem wire.Problem, text string)
}

// orderFeeds are the channels of the orders that somebody follows. The log
// says when an order may have changed; where it stands then, the keeper of the
// orders is asked, once for all who follow it.
type orderFeeds struct {
	orders  Orders
	logger  *slog.Logger
	asking  chan struct{} // a token for each question under way
	running sync.WaitGroup

	mu       sync.Mutex // guards which orders are followed
	followed map[string]*orderFeed
	stopped  bool
}

func newOrderFeeds(orders Orders, logger *slog.Logger) *orderFeeds {
	return &orderFeeds{orders: orders, logger: logger, asking: make(chan struct{}, ordersAtOnce), followed: make(map[string]*orderFeed)}
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
	order := &orderFeed{feed: newFeed(ChannelOrder+orderID, nil), orderID: orderID, cancel: cancel}
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

// changed plans when to ask about an order that may have changed, if somebody
// follows it.
func (o *orderFeeds) changed(orderID string, delays ...time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if order := o.followed[orderID]; order != nil {
		order.poller.plan(delays...)
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
	status, err := o.orders.Status(ctx, order.orderID)
	switch {
	case ctx.Err() != nil:
		return true
	case err != nil:
		return o.failed(order, fmt.Errorf("follow the order: %w", err))
	}
	if status.Stale && order.poller.isIdle() {
		order.poller.plan(orderStale)
	}
	if order.shown.Type != wire.LiveMessageTypeSnapshot || !reflect.DeepEqual(status, order.shown.Order) {
		order.show(wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Order: status}, false)
	}
	return status.State.IsFinal() && order.poller.isIdle()
}

// failed publishes why an order cannot be followed. Outages are retried; any
// other problem ends the channel.
func (o *orderFeeds) failed(order *orderFeed, err error) (over bool) {
	problem, text := o.orders.Problem(err)
	outage := problem.Type == wire.ProblemUnavailable
	if outage {
		order.poller.plan(orderRetry)
	}
	if problem.Type == wire.ProblemInternal {
		o.logger.Error("an order that is followed live could not be asked about", slog.String("error", text))
	}
	if !outage || order.shown.Type != wire.LiveMessageTypeProblem {
		order.show(wire.LiveMessage{Type: wire.LiveMessageTypeProblem, Problem: problem}, !outage)
	}
	return !outage
}

// orderFeed is the channel of one order.
type orderFeed struct {
	*feed
	orderID string
	poller  *poller
	cancel  context.CancelFunc
	shown   wire.LiveMessage // the poller's own
}

// show publishes where the order stands, or what is in the way.
func (o *orderFeed) show(message wire.LiveMessage, last bool) {
	o.shown = message
	o.mu.Lock()
	defer o.mu.Unlock()
	o.whole = func() wire.LiveMessage { return message }
	o.ended = last
	o.restart()
}
