package live

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
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

// A panic on any of a connection's goroutines would end the process.
func TestAPanicWhileReadingEndsItsConnectionOnly(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	shown, err := floor.New(floor.Config{Kitchen: kitchen.Default(), Orders: noOrders{}, Logger: quiet})
	require.NoError(t, err)
	c := New(Config{
		Floor: shown, Limit: 9, LimitPerAddress: 9, Metrics: uncounted{}, Logger: quiet,
		ReadRequest: func(data []byte) (wire.LiveRequest, error) { panic(string(data)) },
	})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.Serve(w, r, Client{Address: "192.0.2.1"}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(web.Close)
	for range 2 {
		socket, response, err := websocket.Dial(t.Context(), web.URL, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
		require.NoError(t, socket.Write(t.Context(), websocket.MessageText, []byte("whatever")))
		for err == nil {
			_, _, err = socket.Read(t.Context())
		}
	}
	c.Close()
	require.NoError(t, c.Wait(t.Context()))
}

type uncounted struct{}

func (uncounted) LiveConnected()                {}
func (uncounted) LiveDisconnected()             {}
func (uncounted) LiveSent(wire.LiveMessageType) {}
func (uncounted) LiveMissed()                   {}
func (uncounted) LiveCutOff()                   {}
func (uncounted) LiveFollowed(string)           {}
func (uncounted) LiveUnfollowed(string)         {}

type noOrders struct{ floor.Orders }
