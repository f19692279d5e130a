package floor

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/kitchen/kitchentest"
	"github.com/cupcakery/cupcakery/wire"
)

// A cursor leads to a position in the feed or to a snapshot, never to a position
// that is not there.
func FuzzCursor(f *testing.F) {
	feed := newFeed("kitchen", func() wire.LiveMessage { return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot} })
	for range keptChanges + 10 {
		feed.publish(wire.BoardChange{})
	}
	f.Add(".17")
	f.Add("." + strings.TrimPrefix(feed.cursor(feed.number), feed.epoch+"."))
	f.Add(".18446744073709551615")
	f.Add(".-1")
	f.Add("17")
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, cursor := range []string{cursor, feed.epoch + cursor} {
			follower, resumed := feed.follow(cursor, asleep)
			require.Equal(t, resumed, !follower.wantsSnapshot)
			frames, missed, _ := follower.Next()
			require.False(t, missed)
			require.LessOrEqual(t, len(frames), keptChanges+1)
			follower.Leave()
		}
	})
}

func hostileAnnouncements() map[string]kitchentest.Shape {
	return kitchentest.Within(`{"state":"cancelled","orderId":`, "}", kitchentest.JSON())
}

func TestReadingAnAnnouncementCostsNoMoreThanItsBytesJustify(t *testing.T) {
	kitchentest.RequireFlat(t, events.MaxMessageBytes, 400, hostileAnnouncements(), func(data []byte) { readCancelled(events.Message{Value: data}) })
}

func BenchmarkReadCancelled(b *testing.B) {
	kitchentest.Benchmark(b, events.MaxMessageBytes, hostileAnnouncements(), func(data []byte) { readCancelled(events.Message{Value: data}) })
}

func FuzzReadCancelled(f *testing.F) {
	f.Add([]byte(`{"orderId":"0199c0de-7a11-7000-8000-00000000cafe","state":"cancelled"}`))
	f.Add([]byte(`{"orderId":"0199C0DE-7a11-7000-8000-00000000cafe","state":"needs-attention"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		orderID, cancelled := readCancelled(events.Message{Value: data, Time: time.Unix(1, 0)})
		if cancelled {
			require.NoError(t, kitchen.CheckOrderID(orderID))
		}
	})
}

// readStatus does with a status all that a floor does.
func readStatus(t require.TestingT, data []byte) {
	f := newTestFloor(t)
	f.orders.stop() // nobody is asked
	_, _, err := f.Follow(ChannelOrder+testOrderID(1), "", asleep)
	require.NoError(t, err)
	order := f.orders.get(testOrderID(1))
	f.mu.Lock()
	order.answered(waitingForMix(1), 0, false)
	f.mu.Unlock()
	f.handle(events.Message{Topic: events.TopicStatus, Value: data, Time: morning})
	for orderID := range f.statuses {
		if told, known := f.OrderStatus(orderID); known {
			_ = mustJSON(t, waitingForMix(1).With(told))
		}
	}
	_ = mustJSON(t, order.whole())
	f.forget()
}

func hostileStatuses() map[string]kitchentest.Shape {
	begin := `{"orderId":"` + testOrderID(1) + `","version":2,"state":"in-progress",`
	shapes := kitchentest.Within(begin+`"stages":`, "}", kitchentest.JSON())
	shapes["EmptyRows"] = func(size int) []byte {
		return []byte(begin + `"stages":[{}` + strings.Repeat(",{}", (size-200)/3) + "]}")
	}
	return shapes
}

func TestReadingAStatusCostsNoMoreThanItsBytesJustify(t *testing.T) {
	kitchentest.RequireFlat(t, events.MaxMessageBytes, 1000, hostileStatuses(), func(data []byte) { readStatus(t, data) })
}

func BenchmarkReadStatus(b *testing.B) {
	kitchentest.Benchmark(b, events.MaxMessageBytes, hostileStatuses(), func(data []byte) { readStatus(b, data) })
}

// Whatever is understood can be kept, shown and answered with.
func FuzzReadStatus(f *testing.F) {
	f.Add([]byte(mustJSON(f, waitingForBake(20).ForLog(morning))))
	f.Add([]byte(`{"orderId":"` + testOrderID(1) + `","version":2,"state":"in-progress","placedAt":"9999-12-31T23:59:59-23:00","stages":[{"undo":{}},{"doneAt":"0000-01-01T00:00:00+23:00"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) { readStatus(t, data) })
}
