package floor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/wire"
)

// Encoding takes long where many changes were read by nobody, and those who read the
// log wait for the feed's lock.
func TestAFeedIsEncodedWithoutItsLock(t *testing.T) {
	t.Parallel()
	feed := newFeed("station/bake", func() wire.LiveMessage { return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot} })
	encoded := map[wire.LiveMessageType]int{}
	feed.encode = func(message wire.LiveMessage) Frame {
		require.True(t, feed.mu.TryLock(), "the lock is held while a %s is encoded", message.Type)
		feed.mu.Unlock()
		encoded[message.Type]++
		return NewFrame(message)
	}
	first, _ := feed.follow("", asleep)
	second, _ := feed.follow("", asleep)
	first.Next()
	feed.mu.Lock()
	for range keptChanges / 2 {
		feed.publish(wire.BoardChange{Removed: []string{"a ticket"}})
	}
	feed.mu.Unlock()
	frames, missed, _ := first.Next()
	require.False(t, missed)
	require.Len(t, frames, keptChanges/2)
	second.Next()
	feed.mu.Lock()
	feed.publish(wire.BoardChange{Removed: []string{"another"}})
	feed.mu.Unlock()
	fromFirst, _, _ := first.Next()
	fromSecond, _, _ := second.Next()
	require.Equal(t, fromFirst, fromSecond)
	require.Equal(t, map[wire.LiveMessageType]int{wire.LiveMessageTypeSnapshot: 2, wire.LiveMessageTypeChange: keptChanges/2 + 1}, encoded, "each once for everybody")
}
