package station

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

// While builds run side by side, the log has acks of stages that only another
// build knows.
func TestAnAckOfAnUnknownStageIsNobodysHere(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob := log.station("bob")
	ticket := newTicket(t)
	bob.deliver(ticket)
	bob.expect(Offered)
	dust := ticket.Ref()
	dust.Stage = "dust"
	log.write(kitchen.Ack{TicketID: dust.TicketID(), OrderID: dust.OrderID, Stage: dust.Stage, Kind: kitchen.AckDone, By: "eve", At: ticket.IssuedAt}, "")
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
}
