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
	away   chan struct{} // while Temporal does not answer; until it is closed, not even an error comes
	asked  []time.Time
}

func (c *countingTemporal) CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if away := c.away; away != nil {
		c.mu.Unlock()
		<-away
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

func (c *countingTemporal) set(inProgress, needsAttention, cancelling int64, away chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
	c.counts = map[kitchen.OrderState]int64{kitchen.StateInProgress: inProgress, kitchen.StateNeedsAttention: needsAttention, kitchen.StateCancelling: cancelling, kitchen.StateScheduled: inProgress}
}

func (c *countingTemporal) times() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Time(nil), c.asked...)
}

// awaitKitchen reads snapshots of the kitchen until one is as wanted.
func (l *tablet) awaitKitchen(holds func(wire.KitchenCounts) bool) wire.KitchenCounts {
	l.t.Helper()
	for {
		message := l.next()
		require.Equal(l.t, wire.LiveMessageTypeSnapshot, message.Type)
		require.Equal(l.t, "kitchen", message.Channel)
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
	temporal.set(0, 0, 0, nil)
	b := openBakery(t, kafka, temporal, nil)
	b.onBoard(writer, newTicket(t, kitchen.Mix))
	require.Empty(t, temporal.times(), "nobody follows the kitchen")

	office := b.connect()
	office.subscribe("kitchen", "")
	require.Equal(t, wire.OrderCounts{}, *office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Orders != nil }).Orders)
	temporal.set(3, 1, 2, nil)
	b.onBoard(writer, newTicket(t, kitchen.Mix))
	require.Equal(t, wire.OrderCounts{Scheduled: 3, InProgress: 3, NeedsAttention: 1, Cancelling: 2}, *office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Orders.InProgress == 3 }).Orders)

	// Trouble is told although the counts are the same.
	require.NoError(t, writer.PublishFailed(t.Context(), kitchen.Failed{OrderID: newTicket(t, kitchen.Mix).OrderID, State: kitchen.StateNeedsAttention}))
	require.Equal(t, 1, office.awaitKitchen(func(wire.KitchenCounts) bool { return true }).Orders.NeedsAttention)

	// While Temporal does not answer, stages are counted all the same.
	away := make(chan struct{})
	giveUp := sync.OnceFunc(func() { close(away) })
	t.Cleanup(giveUp)
	temporal.set(0, 0, 0, away)
	ticket := newTicket(t, kitchen.Bake)
	b.onBoard(writer, ticket)
	office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Stages[1].Waiting == 1 })
	giveUp()
	office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Orders == nil })
	temporal.set(4, 0, 0, nil)
	b.acked("bob", ticket, `{"kind":"started"}`)
	office.awaitKitchen(func(counts wire.KitchenCounts) bool { return counts.Orders != nil && counts.Orders.InProgress == 4 })
}

// TestOrdersAreCountedAsTemporalListsThem asks the real one, so that the
// queries are known to be good.
func TestOrdersAreCountedAsTemporalListsThem(t *testing.T) {
	t.Parallel()
	shop := openShop(t, unstaffed, nil)
	shop.taken(sampleOrder())
	require.Eventually(t, func() bool {
		counts, err := shop.server.follower.Count(t.Context())
		require.NoError(t, err)
		return counts.InProgress > 0
	}, patience, 50*time.Millisecond)
}
