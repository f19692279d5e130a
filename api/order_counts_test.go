package api

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// countingTemporal counts as it is told, and remembers how often it was asked.
type countingTemporal struct {
	client.Client

	mu     sync.Mutex
	counts map[kitchen.OrderState]int64
	away   bool // does not answer
	asked  []time.Time
}

func (c *countingTemporal) CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		c.mu.Unlock()
		<-ctx.Done()
		c.mu.Lock()
		return nil, serviceerror.NewDeadlineExceeded("away")
	}
	for state, count := range c.counts {
		if strings.Contains(request.GetQuery(), string(state)) {
			if state == kitchen.StateInProgress {
				c.asked = append(c.asked, time.Now())
			}
			return &workflowservice.CountWorkflowExecutionsResponse{Count: count}, nil
		}
	}
	return nil, serviceerror.NewInvalidArgument("no such state: " + request.GetQuery())
}

func (c *countingTemporal) set(inProgress, needsAttention, cancelling int64, away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
	c.counts = map[kitchen.OrderState]int64{kitchen.StateInProgress: inProgress, kitchen.StateNeedsAttention: needsAttention, kitchen.StateCancelling: cancelling}
}

func (c *countingTemporal) times() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Time(nil), c.asked...)
}

// awaitKitchen reads snapshots of the kitchen until one is so.
func (l *tablet) awaitKitchen(holds func(wire.KitchenCounts) bool) wire.KitchenCounts {
	l.t.Helper()
	for {
		message := l.next()
		require.Equal(l.t, wire.LiveMessageTypeSnapshot, message.Type)
		require.Equal(l.t, channelKitchen, message.Channel)
		if holds(message.Kitchen) {
			return message.Kitchen
		}
	}
}

func TestTheKitchensChannelCountsOrders(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	writer := kafka.writer()
	temporal := &countingTemporal{}
	temporal.set(0, 0, 0, false)
	b := openBakery(t, kafka, temporal, nil)
	b.onBoard(writer, newTicket(t, kitchen.Mix))
	require.Empty(t, temporal.times(), "nobody follows the kitchen")

	office := b.connect()
	office.subscribe("kitchen", "")
	require.Equal(t, wire.OrderCounts{}, *office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Orders != nil }).Orders)
	temporal.set(3, 1, 2, false)
	b.onBoard(writer, newTicket(t, kitchen.Mix))
	require.Equal(t, wire.OrderCounts{InProgress: 3, NeedsAttention: 1, Cancelling: 2}, *office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Orders.InProgress == 3 }).Orders)

	// Trouble is told although the counts are the same.
	require.NoError(t, writer.PublishFailed(t.Context(), kitchen.Failed{OrderID: newTicket(t, kitchen.Mix).OrderID, State: kitchen.StateNeedsAttention}))
	require.Equal(t, 1, office.awaitKitchen(func(wire.KitchenCounts) bool { return true }).Orders.NeedsAttention)
	require.Eventually(t, func() bool {
		b.server.floor.mu.Lock()
		defer b.server.floor.mu.Unlock()
		return b.server.floor.orderCounts.trouble.IsZero()
	}, patience, 10*time.Millisecond, "when Temporal had time to settle, it is over")
	for i, asked := range temporal.times() {
		if i > 0 {
			// Half of it, since on a busy machine an earlier question may reach Temporal late.
			require.GreaterOrEqual(t, asked.Sub(temporal.times()[i-1]), orderCountsPause/2)
		}
	}

	// While Temporal does not answer, stages are counted all the same.
	temporal.set(0, 0, 0, true)
	ticket := newTicket(t, kitchen.Bake)
	began := time.Now()
	b.onBoard(writer, ticket)
	office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Stages[1].Waiting == 1 })
	require.Less(t, time.Since(began), orderCountsWithin)
	office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Orders == nil })
	temporal.set(4, 0, 0, false)
	b.acked("bob", ticket, `{"kind":"started"}`)
	office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Orders != nil && counts.Orders.InProgress == 4 })
}

// TestCountsOfOrdersAreNotKeptForNobody: whoever comes next would see how many
// there were when the last one left, for as long as Temporal is away.
func TestCountsOfOrdersAreNotKeptForNobody(t *testing.T) {
	t.Parallel()
	temporal := &countingTemporal{}
	temporal.set(3, 1, 2, false)
	f := newTestFloor(t)
	f.orderCounts.temporal = temporal
	conn := &liveConn{news: make(chan struct{}, 1)}
	snapshot := func() string {
		f.kitchen.follow(conn, "")
		frames, _ := f.kitchen.next(conn)
		require.Len(t, frames, 1)
		return string(frames[0].data)
	}
	require.NotContains(t, snapshot(), "needsAttention")
	f.orderCounts.ask(t.Context())
	require.Contains(t, snapshot(), `"orders":{"cancelling":2,"inProgress":3,"needsAttention":1}`)
	f.unfollow(conn, f.kitchen)
	f.orderCounts.ask(t.Context())
	require.NotContains(t, snapshot(), "needsAttention")
}

func TestWhenOrdersAreCounted(t *testing.T) {
	t.Parallel()
	now := morning
	at := func(seconds float64) time.Time { return now.Add(time.Duration(seconds * float64(time.Second))) }
	require.Equal(t, []time.Time{at(0), at(1), at(3)}, plan(now, time.Time{}, nil), "at once, and when Temporal has settled")
	require.Equal(t, []time.Time{at(0.4), at(1.4), at(3)}, plan(now, at(-0.6), nil), "once a second at most")
	require.Equal(t, []time.Time{at(0.4), at(1.4), at(3)}, plan(now, at(-0.6), []time.Time{at(0.4), at(2.4)}), "more words change nothing about the first")
	require.Equal(t, []time.Time{at(-0.1), at(0.9), at(3)}, plan(now, at(-2), []time.Time{at(-0.1)}), "what is due is not put off")
}

// TestOrdersAreCountedAsTemporalListsThem asks the real one, so that the
// queries are known to be good.
func TestOrdersAreCountedAsTemporalListsThem(t *testing.T) {
	t.Parallel()
	shop := openShop(t, unstaffed, nil)
	shop.taken(sampleOrder())
	require.Eventually(t, func() bool {
		counts, err := countOrders(t.Context(), unstaffed)
		require.NoError(t, err)
		return counts.InProgress > 0
	}, patience, 50*time.Millisecond)
}
