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
		feed.publish(wire.LiveMessage{Type: wire.LiveMessageTypeChange})
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
