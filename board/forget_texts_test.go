package board

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Of a forgotten order nothing is left of its customer, and everything of the work:
// packed or not, with acks that follow.
func TestAForgottenOrderKeepsItsWorkAndLosesItsTexts(t *testing.T) {
	t.Parallel()
	const orderID, other = "01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058"
	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	kinds := []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckStarted, kitchen.AckDone}
	for acks := range len(kinds) + 1 {
		forgotten, plain := New(), New()
		for _, b := range []*Board{forgotten, plain} {
			offset := int64(0)
			for _, id := range []string{orderID, other} {
				ref := kitchen.TicketRef{OrderID: id, Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
				ticket := kitchen.Ticket{
					TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: id, Stage: ref.Stage, Pass: 1, Attempt: 1, Since: at, IssuedAt: at, AckBy: at.Add(time.Hour),
					Customer: kitchen.Customer{Name: "Ada SECRET"}, Notes: "SECRET", Allergies: []string{"SECRET"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 3, Message: "SECRET"}},
				}
				b.AddTicket(ticket, Heard{Topic: events.TicketTopic(ref.Stage), Offset: offset, Time: at, Appended: true})
				for i, kind := range kinds[:acks] {
					offset++
					attempt := 1
					if i > 3 {
						attempt = 2
					}
					ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: id, Stage: ref.Stage, Kind: kind, By: "bob", At: at.Add(time.Duration(i) * time.Minute), Attempt: attempt, Note: "SECRET"}
					b.AddAck(ack, Heard{Topic: events.TopicAcks, Offset: offset, Time: ack.At, Appended: true})
				}
			}
		}
		ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
		require.Equal(t, []string{ref.TicketID()}, forgotten.ForgetTexts(orderID))
		require.Equal(t, plain.Entries(kitchen.Package)[1], forgotten.Entries(kitchen.Package)[1], "the other order")
		last := kitchen.Ack{TicketID: ref.TicketID(), OrderID: orderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "eve", At: at.Add(time.Hour)}
		for range 2 {
			entry, known := forgotten.Get(ref.TicketID())
			require.True(t, known)
			require.NotContains(t, fmt.Sprintf("%+v %+v %+v %+v", entry, entry.Ack, entry.LastFailure, forgotten.Acks(ref.TicketID())), "SECRET")
			was, _ := plain.Get(ref.TicketID())
			require.Equal(t, []any{was.State, was.By, was.Attempt, was.Failed, was.StartedAt}, []any{entry.State, entry.By, entry.Attempt, entry.Failed, entry.StartedAt})
			heard := Heard{Topic: events.TopicAcks, Offset: 100, Time: last.At, Appended: true}
			require.Equal(t, plain.AddAck(last, heard), forgotten.AddAck(last, heard))
		}
		require.False(t, slices.Contains(forgotten.ForgetTexts("nobody"), ref.TicketID()))
	}
}
