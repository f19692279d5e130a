package api

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// orderCountsWithin is how long Temporal may take to count.
	orderCountsWithin = 2 * time.Second
	// orderCountsPause is the least time between two counts.
	orderCountsPause = time.Second
	// orderCountsSettled is how long after the log's word there is a last count:
	// the word goes on to Temporal at the same time, and what it lists comes a
	// moment later.
	orderCountsSettled = 3 * time.Second
	// orderCountsRefresh is how often orders are counted although the log says
	// nothing: new orders are not in it while Kafka is away.
	orderCountsRefresh = time.Minute
)

// orderCounter counts the open orders in Temporal for whoever follows the
// kitchen. Temporal may be away: nothing else waits for it.
type orderCounter struct {
	temporal client.Client
	floor    *floor
	// spoken has a token when the log has said something, or when somebody
	// begins to follow the kitchen.
	spoken chan struct{}
	// trouble is when order-failures has spoken, until everybody has been told
	// to look again; zero otherwise. The floor's lock protects it.
	trouble time.Time
}

func newOrderCounter(temporal client.Client, f *floor) *orderCounter {
	return &orderCounter{temporal: temporal, floor: f, spoken: make(chan struct{}, 1)}
}

// said hears that there may be something to count. The floor's lock is held.
func (o *orderCounter) said() {
	if len(o.floor.kitchen.followers) == 0 {
		return
	}
	select {
	case o.spoken <- struct{}{}:
	default: // it knows
	}
}

// failed hears that order-failures has spoken. The floor's lock is held.
func (o *orderCounter) failed() {
	o.trouble = time.Now()
	o.said()
}

// run counts when that is due, until the context ends.
func (o *orderCounter) run(ctx context.Context) {
	var (
		last time.Time
		due  []time.Time // the next counts, soonest first
	)
	timer := time.NewTimer(orderCountsRefresh)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.spoken:
			due = plan(time.Now(), last, due)
		case <-timer.C:
			last = time.Now()
			if len(due) > 0 {
				due = due[1:]
			}
			o.ask(ctx)
		}
		next := last.Add(orderCountsRefresh)
		if len(due) > 0 {
			next = due[0]
		}
		timer.Reset(time.Until(next))
	}
}

// plan is when to count after the log has spoken: at once, but not sooner
// after the last time than allowed, and twice more. A count that is due already
// is not put off.
func plan(now, last time.Time, due []time.Time) []time.Time {
	first := now
	if soonest := last.Add(orderCountsPause); first.Before(soonest) {
		first = soonest
	}
	if len(due) > 0 && due[0].Before(first) {
		first = due[0]
	}
	return []time.Time{first, first.Add(orderCountsPause), now.Add(orderCountsSettled)}
}

// ask counts, and tells whoever follows the kitchen if that is news, or if
// there was trouble: lists of orders have changed then, though the counts may
// not have.
func (o *orderCounter) ask(ctx context.Context) {
	f := o.floor
	f.mu.Lock()
	followed, began := len(f.kitchen.followers) > 0, time.Now()
	if !followed {
		o.trouble = time.Time{}
		if f.counts.Orders != nil { // they get old
			f.counts.Orders = nil
			f.kitchen.renew()
		}
	}
	f.mu.Unlock()
	if !followed {
		return
	}
	counts, err := countOrders(ctx, o.temporal)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		counts = nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.counts.Orders
	f.counts.Orders = counts
	trouble := !o.trouble.IsZero()
	if trouble && !began.Before(o.trouble.Add(orderCountsSettled)) {
		o.trouble = time.Time{}
	}
	if trouble || (before == nil) != (counts == nil) || counts != nil && *before != *counts {
		f.counts.At = time.Now().UTC()
		f.kitchen.renew()
	}
}

// countOrders counts the open orders by state, as Temporal lists them.
func countOrders(ctx context.Context, temporal client.Client) (*wire.OrderCounts, error) {
	ctx, cancel := context.WithTimeout(ctx, orderCountsWithin)
	defer cancel()
	var counts wire.OrderCounts
	counting, ctx := errgroup.WithContext(ctx)
	for state, count := range map[kitchen.OrderState]*int{
		kitchen.StateInProgress:     &counts.InProgress,
		kitchen.StateNeedsAttention: &counts.NeedsAttention,
		kitchen.StateCancelling:     &counts.Cancelling,
	} {
		counting.Go(func() error {
			answer, err := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: listQuery(wire.ListOrdersParams{State: &state})})
			if err != nil {
				return fmt.Errorf("count the orders that are %s: %w", state, err)
			}
			*count = int(answer.GetCount())
			return nil
		})
	}
	if err := counting.Wait(); err != nil {
		return nil, err
	}
	return &counts, nil
}
