package live

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAConnectionThatLeavesMakesRoomAndLeavesNothing(t *testing.T) {
	t.Parallel()
	c := New(Config{Limit: 3, LimitPerAddress: 2})
	for _, address := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.2"} {
		require.NoError(t, c.enter(address))
	}
	require.ErrorContains(t, c.enter("192.0.2.1"), "the address has 2 live connections")
	require.ErrorContains(t, c.enter("192.0.2.3"), "there are 3 live connections")
	c.leave("192.0.2.2")
	require.Len(t, c.from, 1)
	require.NoError(t, c.enter("192.0.2.3"))
	c.Close()
	c.Close()
	require.ErrorIs(t, c.enter("192.0.2.1"), ErrStopping)
	for _, address := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.3"} {
		c.leave(address)
	}
	require.NoError(t, c.Wait(t.Context()))
	require.Empty(t, c.from)
}

func TestWhoHasSignedInReconnectsWithinTenMinutes(t *testing.T) {
	t.Parallel()
	timing := Timing{PingEvery: time.Second}.withDefaults()
	require.Equal(t, time.Second, timing.PingEvery)
	for range 100 {
		require.LessOrEqual(t, timing.ReconnectAfter(), reconnectAfter)
		require.GreaterOrEqual(t, timing.ReconnectAfter(), reconnectAfter*9/10)
	}
}
