package board

import (
	"testing"
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// BenchmarkEndedTicket tells what it costs to look at a ticket that is packed.
func BenchmarkEndedTicket(b *testing.B) {
	kept := keptUnpacked
	keptUnpacked = 0
	defer func() { keptUnpacked = kept }()
	board, at := New(), time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	ref := kitchen.TicketRef{OrderID: "01890a5d-ac96-774b-bcce-b302099a8057", Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	board.AddTicket(kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: 1, Attempt: 1, PickupCode: "ABC-123",
		Lines: []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th"}}, Since: at, IssuedAt: at, AckBy: at.Add(time.Hour),
	}, Heard{Topic: events.TicketTopic(ref.Stage), Offset: 1, Time: at, Appended: true})
	board.AddAck(kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "bob", At: at, Attempt: 1},
		Heard{Topic: events.TopicAcks, Offset: 1, Time: at, Appended: true})
	if board.ended.len() != 1 {
		b.Fatal("the ticket is not packed")
	}
	b.Run("Get", func(b *testing.B) {
		for b.Loop() {
			board.Get(ref.TicketID())
		}
	})
	b.Run("lastRecords", func(b *testing.B) {
		for b.Loop() {
			board.ended.lastRecords(ref.TicketID())
		}
	})
}
