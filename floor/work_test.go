package floor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestHowManyComeBeforeAnOrder(t *testing.T) {
	t.Parallel()
	f := newTestFloor(t)
	ids := make([]string, 4)
	for i := range ids {
		var err error
		ids[i], err = kitchen.NewOrderID()
		require.NoError(t, err)
		ref := kitchen.TicketRef{OrderID: ids[i], Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
		ticket := floortest.Ticket(ref, 1)
		ticket.Since = morning.Add(time.Duration(i) * time.Minute)
		f.handle(record(t, events.TicketTopic(kitchen.Bake), ticket.Since, ticket))
		if i == 1 { // somebody has it in hand, so it holds up nobody
			f.handle(record(t, events.TopicAcks, morning, ackOf(ref, kitchen.AckStarted, morning)))
		}
	}
	work := f.Work(ids[3])
	require.Equal(t, kitchen.Bake, work.Stage)
	require.Equal(t, 2, work.Ahead)
	require.Equal(t, kitchen.TicketWaiting, work.Ticket.State)
	require.Equal(t, 0, f.Work(ids[0]).Ahead)
	require.Equal(t, kitchen.TicketStarted, f.Work(ids[1]).Ticket.State)
	require.Equal(t, Work{}, f.Work("01936f8e-5c1a-7d3b-9f00-000000000001"))
}
