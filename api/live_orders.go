package api

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
	// ordersAtOnce bounds the orders that are asked about for live channels at
	// the same time.
	ordersAtOnce = 32
	// orderRetry is when an order is asked about again that could not be.
	orderRetry = 2 * time.Second
	// orderStale is when that is done for an answer that no worker gave.
	orderStale = 15 * time.Second
	// orderRefresh is how often each followed order is asked about although
	// the log says nothing: an amendment through another process is not in it.
	orderRefresh = time.Minute
)

// afterWord are the pauses after which an order is asked about when the log
// has a word of its workflow: at once, and then again, because what Temporal
// tells of a pending ticket comes a little later. afterAck are those after a
// station's word, which goes on to the workflow at the same time, and a started
// ack only after a second. Mostly the workflow's next word comes before the
// first of them; to ask at once would mostly be too early.
var (
	afterWord = []time.Duration{0, 300 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}
	afterAck  = []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}
)

// orderFeeds are the orders that somebody follows. The log says when there may
// be news of one; what the news is the follower asks, as for GET. However
// many follow an order, it is asked about once.
type orderFeeds struct {
	follower *follower
	logger   *slog.Logger
	asking   chan struct{} // a token for each ask under way
	running  sync.WaitGroup

	mu   *sync.Mutex // the floor's
	feed map[string]*orderFeed
	done bool // no order is followed any more
}

func newOrderFeeds(follower *follower, logger *slog.Logger) *orderFeeds {
	return &orderFeeds{follower: follower, logger: logger, asking: make(chan struct{}, ordersAtOnce), feed: make(map[string]*orderFeed)}
}

// orderFeed is one order that somebody follows.
type orderFeed struct {
	*feed
	orderID string
	status  kitchen.Status
	problem *wire.Problem // instead of the status
	final   bool

	// pending are the pauses before the next asks. Whoever replaces them
	// counts up plan and leaves a token in planned.
	pending []time.Duration
	plan    uint64
	planned chan struct{}
	cancel  context.CancelFunc
}

// get returns an order's feed, which is made if nobody follows the order yet.
// The lock is held.
func (o *orderFeeds) get(orderID string) *orderFeed {
	if known := o.feed[orderID]; known != nil {
		return known
	}
	ctx, cancel := context.WithCancel(context.Background())
	order := &orderFeed{orderID: orderID, pending: []time.Duration{0}, planned: make(chan struct{}, 1), cancel: cancel}
	order.feed = newFeed(channelOrder+orderID, order.whole)
	order.notReady = true
	o.feed[orderID] = order
	if o.done {
		cancel()
		return order
	}
	o.running.Go(func() { o.follow(ctx, order) })
	return order
}

// leave forgets an order that nobody follows any more. The lock is held.
func (o *orderFeeds) leave(orderID string) {
	if order := o.feed[orderID]; order != nil && len(order.followers) == 0 {
		order.cancel()
		delete(o.feed, orderID)
	}
}

// stop ends all asking and waits for it.
func (o *orderFeeds) stop() {
	o.mu.Lock()
	o.done = true
	for _, order := range o.feed {
		order.cancel()
	}
	o.mu.Unlock()
	o.running.Wait()
}

// said hears that the log has spoken of an order, which is then asked about
// after those pauses. The lock is held.
func (o *orderFeeds) said(orderID string, after []time.Duration) {
	if order := o.feed[orderID]; order != nil && !order.ended {
		order.ask(after)
	}
}

// changed hears that this process has changed an order.
func (o *orderFeeds) changed(orderID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if order := o.feed[orderID]; order != nil && !order.ended {
		order.ask(afterWord[:1])
	}
}

// ask plans asks after those pauses, instead of those planned before. The
// lock is held.
func (o *orderFeed) ask(after []time.Duration) {
	o.plan++
	o.pending = after
	select {
	case o.planned <- struct{}{}:
	default: // there is one
	}
}

func (o *orderFeed) whole() wire.LiveMessage {
	if o.problem != nil {
		return wire.LiveMessage{Type: wire.LiveMessageTypeProblem, Problem: *o.problem}
	}
	return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Order: o.status}
}

// follow asks about an order whenever that is planned, and seldom without a
// plan, until the context ends or there can be no more news.
func (o *orderFeeds) follow(ctx context.Context, order *orderFeed) {
	for {
		o.mu.Lock()
		plan, pause := order.plan, orderRefresh
		if len(order.pending) > 0 {
			pause = order.pending[0]
		}
		over := order.ended || order.final && len(order.pending) == 0
		o.mu.Unlock()
		if over {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-order.planned:
			timer.Stop()
			continue
		case <-timer.C:
		}
		o.mu.Lock()
		if order.plan == plan && len(order.pending) > 0 {
			order.pending = order.pending[1:]
		}
		o.mu.Unlock()
		o.ask(ctx, order)
	}
}

// ask finds out where an order stands and tells whoever follows it, if that is
// news.
func (o *orderFeeds) ask(ctx context.Context, order *orderFeed) {
	select {
	case o.asking <- struct{}{}:
		defer func() { <-o.asking }()
	case <-ctx.Done():
		return
	}
	status, _, err := o.follower.status(ctx, order.orderID)
	if ctx.Err() != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.failed(order, err)
		return
	}
	if status.Stale && len(order.pending) == 0 {
		order.pending = []time.Duration{orderStale}
	}
	if !order.notReady && order.problem == nil && reflect.DeepEqual(status, order.status) {
		return
	}
	order.status, order.problem, order.notReady = status, nil, false
	order.final = isFinal(status)
	order.renew()
}

// failed tells what is in the way. An outage passes, and what else it may be
// ends the channel. The lock is held.
func (o *orderFeeds) failed(order *orderFeed, err error) {
	problem := liveProblem(asProblem(fmt.Errorf("follow the order: %w", err)))
	if problem.Type == wire.ProblemUnavailable {
		order.pending = []time.Duration{orderRetry}
		if order.problem != nil {
			return // said already
		}
	} else {
		order.ended = true
	}
	if problem.Type == wire.ProblemInternal {
		o.logger.Error("an order that is followed live could not be asked about", slog.Any("error", withoutOrderIDs(err)))
	}
	order.problem, order.notReady = &problem, false
	order.renew()
}

// liveProblem is a problem as a live channel has it: no request has led to it.
func liveProblem(problem *problemError) wire.Problem {
	kind := kindOf(problem.Type)
	return wire.Problem{Type: problem.Type, Title: kind.Title, Status: kind.Status, Detail: problem.Detail}
}
