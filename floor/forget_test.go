package floor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestWhatIsSilentForTooLongIsForgotten(t *testing.T) {
	t.Parallel()
	now := morning
	f := newTestFloor(t)
	f.now = func() time.Time { return now }
	follower, _, err := f.Follow("station/bake", "", asleep)
	require.NoError(t, err)
	require.Len(t, messagesOf(t, follower), 1)
	ref := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	f.handle(record(t, events.TicketTopic(kitchen.Bake), now, floortest.Ticket(ref, 1)))
	require.Equal(t, ref.TicketID(), messagesOf(t, follower)[0].Change.Tickets[0].TicketID)
	f.forget()
	require.Len(t, f.Board(kitchen.Bake).Tickets, 1)
	now = now.Add(f.lookBack + 1)
	f.forget()
	require.Equal(t, []string{ref.TicketID()}, messagesOf(t, follower)[0].Change.Removed)
	require.Empty(t, f.Board(kitchen.Bake).Tickets)
	require.Zero(t, f.board.Len())
}
