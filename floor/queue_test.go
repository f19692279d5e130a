package floor

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// newFloorOfBrokers is a floor with brokers that nobody asks, so that its queue
// has limits.
func newFloorOfBrokers(t *testing.T, k *kitchen.Kitchen) *Floor {
	t.Helper()
	f, err := New(Config{Kafka: events.Connection{Brokers: []string{"127.0.0.1:1"}}, Kitchen: k, Orders: &testOrders{}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.writer.Close()) })
	return f
}

// An order of another size under the key of one that is counted is counted anew,
// and what there is no room for changes nothing.
func TestAnotherSizeUnderTheSameKeyIsCountedInItsPlace(t *testing.T) {
	t.Parallel()
	small, err := kitchen.Parse("small.yaml", []byte("open: {orders: 2, pieces: 100}\n"))
	require.NoError(t, err)
	f := newFloorOfBrokers(t, small)
	enqueue := func(orderID string, pieces int) [2]bool {
		room, isNew := f.Enqueue(orderID, pieces)
		return [2]bool{room, isNew}
	}
	require.Equal(t, [2]bool{true, true}, enqueue("a", 10))
	require.Equal(t, [2]bool{true, true}, enqueue("b", 20))
	require.Equal(t, [2]bool{true, false}, enqueue("a", 10))
	require.Equal(t, [2]bool{false, false}, enqueue("a", 81))
	require.Equal(t, 30, f.queue.pieces)
	require.Equal(t, [2]bool{true, true}, enqueue("a", 80))
	require.False(t, f.IsEnqueued("a", 10))
	f.Dequeue("a", 10)
	require.Equal(t, []int{2, 100}, []int{f.queue.orders, f.queue.pieces})
	f.Dequeue("a", 80)
	require.Equal(t, []int{1, 20}, []int{f.queue.orders, f.queue.pieces})
}

func TestAnOrderThatNeverReachesTheLogIsForgotten(t *testing.T) {
	t.Parallel()
	f := newFloorOfBrokers(t, kitchen.Default())
	f.setCaughtUp()
	room, isNew := f.Enqueue("a", 10)
	require.True(t, room && isNew)
	f.forget()
	require.True(t, f.IsEnqueued("a", 10))
	f.now = func() time.Time { return time.Now().Add(24 * time.Hour) }
	f.forget()
	require.False(t, f.IsEnqueued("a", 10))
	orders, pieces, unlogged := f.Queued()
	require.Equal(t, []int{0, 0, 0}, []int{orders, pieces, unlogged})
}
