package floor

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// TestFollowersReadWhileTheLogIsRead: the fold, the channels and what looks at
// them have locks of their own. Whoever follows a board, in whichever pieces and
// from whichever cursors, has the board in the end, and nobody waits for ever.
func TestFollowersReadWhileTheLogIsRead(t *testing.T) {
	t.Parallel()
	f := newTestFloorWith(t, &testOrders{
		status: func(orderID string) (kitchen.Status, error) {
			return kitchen.Status{ID: orderID, Version: 1, Stages: []kitchen.StageStatus{{Stage: kitchen.Bake, Pass: 1, State: kitchen.TicketWaiting}}}, nil
		},
		counts: &wire.OrderCounts{InProgress: 1},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var beside, following sync.WaitGroup
	for _, poller := range []*poller{f.kitchen.stagePoll, f.kitchen.ordersPoll, f.counter.poll} {
		beside.Go(func() { poller.run(ctx) })
	}
	read := make(chan struct{})
	for range 4 {
		following.Go(func() {
			defer f.FollowState(asleep).Leave()
			mirror := &floortest.Mirror{}
			for over := false; !over; {
				select {
				case <-read:
					over = true
				default:
				}
				for _, channel := range []string{ChannelKitchen, ChannelCounter, ChannelOrder + testOrderID(1)} {
					other, _, err := f.Follow(channel, "", asleep)
					if err != nil {
						t.Error(err)
						return
					}
					other.Next()
					other.Leave()
				}
				follower, _, err := f.Follow("station/bake", mirror.Cursor, asleep)
				if err != nil {
					t.Error(err)
					return
				}
				for _, message := range messagesOf(t, follower) {
					mirror.Apply(message)
				}
				follower.Leave()
				f.Board(kitchen.Mix)
				f.Queued()
			}
			want := &floortest.Mirror{}
			want.Apply(wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Board: f.Board(kitchen.Bake)})
			if mustJSON(t, want.Tickets) != mustJSON(t, mirror.Tickets) {
				t.Error("a follower has another board")
			}
		})
	}
	for i := range 300 {
		ref := kitchen.TicketRef{OrderID: testOrderID(i % 50), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
		switch i % 3 {
		case 0:
			f.handle(record(t, events.TicketTopic(kitchen.Bake), morning, floortest.Ticket(ref, i+1)))
			f.handle(record(t, events.TopicStatus, morning, kitchen.LoggedStatus{OrderID: ref.OrderID, Version: int64(i + 2), State: kitchen.StateInProgress}))
			f.OrderStatus(ref.OrderID)
		case 1:
			f.handle(record(t, events.TopicAcks, morning, ackOf(ref, kitchen.AckStarted, morning)))
		case 2:
			f.handle(record(t, events.TopicFailures, morning, kitchen.Failed{OrderID: ref.OrderID, State: kitchen.StateCancelled}))
			f.forget()
			f.setAway(morning)
			f.setAway(time.Time{})
			f.OrderChanged(ref.OrderID)
		}
	}
	close(read)
	following.Wait()
	cancel()
	beside.Wait()
	f.orders.stop()
	require.Empty(t, f.orders.followed)
}
