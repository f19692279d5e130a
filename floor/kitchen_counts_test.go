package floor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// TestCountsOfOrdersAreNotKeptForNobody: whoever comes next would see how many
// there were when the last one left, for as long as Temporal is away.
func TestCountsOfOrdersAreNotKeptForNobody(t *testing.T) {
	t.Parallel()
	f := newTestFloorWith(t, &testOrders{counts: &wire.OrderCounts{Scheduled: 4, InProgress: 3, NeedsAttention: 1, Cancelling: 2}})
	snapshot := func() (string, *Follower) {
		follower, _, err := f.Follow(ChannelKitchen, "", asleep)
		require.NoError(t, err)
		frames, _, _ := follower.Next()
		require.Len(t, frames, 1)
		return string(frames[0].Data), follower
	}
	first, one := snapshot()
	require.NotContains(t, first, "needsAttention")
	f.kitchen.updateOrders(t.Context())
	second, two := snapshot()
	require.Contains(t, second, `"orders":{"cancelling":2,"inProgress":3,"needsAttention":1,"scheduled":4}`)
	one.Leave()
	two.Leave()
	f.kitchen.updateOrders(t.Context())
	third, _ := snapshot()
	require.NotContains(t, third, "needsAttention")
}

// TestWhatChangesListsIsToldUntilTemporalHasSettled, even if the counts stay the
// same.
func TestWhatChangesListsIsToldUntilTemporalHasSettled(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *Floor){
		"AMessageOnOrderFailures": func(t *testing.T, f *Floor) {
			t.Helper()
			f.handle(record(t, events.TopicFailures, morning, kitchen.Failed{OrderID: testOrderID(1), State: kitchen.StateNeedsAttention}))
		},
		"ADecisionThroughAnotherProcess": func(t *testing.T, f *Floor) {
			t.Helper()
			f.handle(record(t, events.TopicStatus, morning, kitchen.LoggedStatus{OrderID: testOrderID(1), Version: 8, State: kitchen.StateInProgress}))
		},
		"AChangeByThisProcess": func(_ *testing.T, f *Floor) { f.OrderChanged(testOrderID(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newTestFloorWith(t, &testOrders{counts: &wire.OrderCounts{NeedsAttention: 1}})
			f.handle(record(t, events.TopicStatus, morning, kitchen.LoggedStatus{
				OrderID: testOrderID(1), Version: 7, State: kitchen.StateNeedsAttention, Attention: &kitchen.Attention{Since: morning},
			}))
			require.NotZero(t, f.kitchen.questionsAt)
			f.kitchen.questionsAt = time.Time{}
			follower, _, err := f.Follow(ChannelKitchen, "", asleep)
			require.NoError(t, err)
			f.kitchen.updateOrders(t.Context())
			require.Len(t, messagesOf(t, follower), 1)
			f.kitchen.updateOrders(t.Context())
			require.Empty(t, messagesOf(t, follower), "nothing has changed")

			change(t, f)
			for range 2 {
				f.kitchen.updateOrders(t.Context())
				require.Equal(t, 1, messagesOf(t, follower)[0].Kitchen.Orders.NeedsAttention)
			}
			f.kitchen.questionsAt = f.kitchen.questionsAt.Add(-orderCountsSettled)
			f.kitchen.updateOrders(t.Context())
			require.Len(t, messagesOf(t, follower), 1, "for the last time")
			require.Zero(t, f.kitchen.questionsAt)
			f.kitchen.updateOrders(t.Context())
			require.Empty(t, messagesOf(t, follower))
		})
	}
}

// Whoever shows the questions reads them again when the number changes: not with each
// ack of a busy kitchen.
func TestOnlyWhatChangesQuestionsChangesTheirVersion(t *testing.T) {
	t.Parallel()
	orders := &testOrders{counts: &wire.OrderCounts{InProgress: 1}}
	f := newTestFloorWith(t, orders)
	follower, _, err := f.Follow(ChannelKitchen, "", asleep)
	require.NoError(t, err)
	version := func() int64 {
		f.kitchen.updateStages(t.Context())
		f.kitchen.updateOrders(t.Context())
		if !f.kitchen.questionsAt.IsZero() { // until Temporal has settled
			f.kitchen.questionsAt = f.kitchen.questionsAt.Add(-orderCountsSettled)
			f.kitchen.updateOrders(t.Context())
		}
		messagesOf(t, follower)
		return f.kitchen.counts.QuestionsVersion
	}
	last := version()
	change := func(what string, changes bool, message events.Message) {
		f.handle(message)
		now := version()
		require.Equal(t, changes, now != last, what)
		last = now
	}
	count := func(counts wire.OrderCounts) {
		orders.mu.Lock()
		defer orders.mu.Unlock()
		orders.counts = &counts
	}
	change("an order is placed", false, record(t, events.TopicStatus, morning, waitingForMix(10).ForLog(morning)))
	change("its ticket waits", false, record(t, events.TicketTopic(kitchen.Mix), morning, floortest.Ticket(mixOf(1), 1)))
	count(wire.OrderCounts{InProgress: 7})
	change("somebody takes it", false, record(t, events.TopicAcks, morning, ackOf(mixOf(1), kitchen.AckStarted, morning)))
	asking := waitingForMix(20)
	asking.State, asking.Attention = kitchen.StateNeedsAttention, &kitchen.Attention{Since: morning}
	change("a manager is asked", true, record(t, events.TopicStatus, morning, asking.ForLog(morning)))
	change("the same is told again", false, record(t, events.TopicStatus, morning, asking.ForLog(morning)))
	change("somebody else takes it", true, record(t, events.TopicAcks, morning, ackOf(mixOf(1), kitchen.AckReleased, morning)))
	change("a decision", true, record(t, events.TopicStatus, morning, waitingForBake(30).ForLog(morning)))
	change("somebody takes what is next", false, record(t, events.TopicAcks, morning, ackOf(mixOf(1), kitchen.AckStarted, morning)))
	count(wire.OrderCounts{NeedsAttention: 1})
	change("Temporal counts another question", true, record(t, events.TopicShip, morning, kitchen.Shipped{}))
}

func TestWithoutCountsOfOrdersStagesAreCounted(t *testing.T) {
	t.Parallel()
	f := newTestFloorWith(t, &testOrders{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go f.kitchen.stagePoll.run(ctx)
	woken := make(chan struct{}, 1)
	follower, _, err := f.Follow(ChannelKitchen, "", func() {
		select {
		case woken <- struct{}{}:
		default: // it looks anyway
		}
	})
	require.NoError(t, err)
	require.Empty(t, messagesOf(t, follower)[0].Kitchen.Stages[1].Waiting)
	ref := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	f.handle(record(t, events.TicketTopic(kitchen.Bake), morning, floortest.Ticket(ref, 1)))
	select {
	case <-woken:
	case <-time.After(patience):
		require.Fail(t, "nobody was woken")
	}
	counts := messagesOf(t, follower)[0].Kitchen
	require.Equal(t, 1, counts.Stages[1].Waiting)
	require.Nil(t, counts.Orders)
}
