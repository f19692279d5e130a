package floor

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// followedOrder is an order that is followed, by the clock of a synctest bubble.
type followedOrder struct {
	floor    *Floor
	follower *Follower

	mu     sync.Mutex      // guards what follows
	asked  []time.Duration // since the beginning
	status kitchen.Status
	err    error
}

func followOrder(t *testing.T, status kitchen.Status, err error) *followedOrder {
	t.Helper()
	o := &followedOrder{status: status, err: err}
	began := time.Now()
	o.floor = newTestFloorWith(t, &testOrders{status: func(string) (kitchen.Status, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked = append(o.asked, time.Since(began))
		return o.status, o.err
	}})
	o.follower, _, err = o.floor.Follow(ChannelOrder+testOrderID(1), "", asleep)
	require.NoError(t, err)
	synctest.Wait()
	return o
}

// set sets where the order stands, and forgets when it was asked about.
func (o *followedOrder) set(status kitchen.Status, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked, o.status, o.err = nil, status, err
}

// wasAsked is when the order was asked about since set.
func (o *followedOrder) wasAsked() []time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

// after is what the follower has got when some time has passed.
func (o *followedOrder) after(t *testing.T, wait time.Duration) []wire.LiveMessage {
	t.Helper()
	time.Sleep(wait) // by the bubble's clock
	synctest.Wait()
	return messagesOf(t, o.follower)
}

func TestAnOrderIsAskedAboutWhenTheLogHasAMessageOfIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := kitchen.Status{State: kitchen.StateInProgress}
		o := followOrder(t, status, nil)
		require.Len(t, o.after(t, 0), 1)
		o.set(status, nil)
		o.floor.orders.changed(testOrderID(1), afterMessage...)
		o.floor.orders.changed(testOrderID(2), afterMessage...) // nobody follows it
		require.Empty(t, o.after(t, 10*time.Second), "nothing has changed")
		require.Equal(t, afterMessage, o.wasAsked())
		status.Notes = "ring twice"
		o.set(status, nil)
		changed := o.after(t, time.Minute)
		require.Len(t, changed, 1, "by the refresh")
		require.Equal(t, "ring twice", changed[0].Order.Notes)
		status.State = kitchen.StateShipped
		o.set(status, nil)
		require.Equal(t, kitchen.StateShipped, o.after(t, time.Minute)[0].Order.State)
		o.set(status, nil)
		o.after(t, time.Hour)
		require.Empty(t, o.wasAsked(), "it cannot change any more")
		o.follower.Leave()
		require.Empty(t, o.floor.orders.followed)
	})
}

func TestAnOutageIsRetriedAndAnyOtherErrorClosesTheOrdersChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := kitchen.Status{State: kitchen.StateInProgress, Stale: true}
		o := followOrder(t, status, errAway)
		require.Equal(t, wire.ProblemUnavailable, o.after(t, 0)[0].Problem.Type)
		require.Empty(t, o.after(t, 2*orderRetry), "it is sent once")
		require.Equal(t, []time.Duration{0, orderRetry, 2 * orderRetry}, o.wasAsked())
		o.set(status, nil)
		require.Equal(t, wire.LiveMessageTypeSnapshot, o.after(t, orderRetry)[0].Type)
		o.set(status, nil)
		o.after(t, orderStale)
		require.Len(t, o.wasAsked(), 1, "no worker has answered")
		o.set(status, errors.New("no such order"))
		time.Sleep(orderStale)
		synctest.Wait()
		frames, _, ended := o.follower.Next()
		require.Len(t, frames, 1)
		require.True(t, ended)
		o.set(status, nil)
		o.after(t, time.Hour)
		require.Empty(t, o.wasAsked())
		o.follower.Leave()
	})
}
