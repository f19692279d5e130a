package board

import (
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// All tests run twice: with each ended ticket packed at once, and as it is usual.
func TestMain(m *testing.M) {
	usual := keptUnpacked
	keptUnpacked = 0
	if code := m.Run(); code != 0 {
		println("with each ended ticket packed at once")
		os.Exit(code)
	}
	keptUnpacked = usual
	os.Exit(m.Run())
}

// Whatever has become of a ticket, what is packed of it comes back as it was.
func TestAPackedTicketComesBackAsItWas(t *testing.T) {
	t.Parallel()
	packed := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		ref := kitchen.TicketRef{OrderID: "01890a5d-ac96-774b-bcce-b302099a8057", Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
		at, b := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), New()
		b.ended.kept = 1 << 20
		for offset := range int64(rapid.IntRange(1, 12).Draw(t, "records")) {
			at = at.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "minutes")) * time.Minute)
			attempt := rapid.IntRange(1, 3).Draw(t, "attempt")
			if rapid.IntRange(0, 2).Draw(t, "delivery") == 0 {
				b.AddTicket(kitchen.Ticket{
					TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: 1, Attempt: attempt, PickupCode: "ABC-123",
					Lines: []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12}}, Notes: "ring twice", Allergies: []string{"nuts"},
					Since: at, IssuedAt: at, AckBy: at.Add(time.Hour),
				}, Heard{Topic: events.TicketTopic(ref.Stage), Offset: offset, Time: at, Appended: true, After: time.Duration(offset)})
				continue
			}
			ack := kitchen.Ack{
				TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, At: at, Attempt: attempt,
				Kind: rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone, kitchen.AckFailed, kitchen.AckReleased, kitchen.AckRefused}).Draw(t, "kind"),
				By:   rapid.SampledFrom([]string{"bob", "eve"}).Draw(t, "by"),
			}
			switch ack.Kind {
			case kitchen.AckRefused:
				ack.Offset = new(rapid.Int64Range(0, 12).Draw(t, "refused"))
			case kitchen.AckFailed:
				ack.Reason, ack.Scrapped, ack.Note = "burnt", 12, "all of it"
			case kitchen.AckStarted:
				if ack.TakeOver = rapid.Bool().Draw(t, "take over"); ack.TakeOver {
					ack.From = "bob"
				}
			case kitchen.AckDone:
				if rapid.Bool().Draw(t, "with its start") {
					ack.StartedAt = new(at.Add(-time.Minute))
				}
			}
			if rapid.IntRange(0, 9).Draw(t, "clock") == 0 {
				ack.At = at.Add(24 * time.Hour)
				ack = ack.DatedBy(at)
			}
			b.AddAck(ack, Heard{Topic: events.TopicAcks, Partition: 3, Offset: offset, Time: at, Appended: true, After: time.Duration(offset)})
		}
		h := b.tickets[ref.TicketID()]
		can := h.canBePacked()
		packed[can]++
		if !can {
			return
		}
		b.ended.packed[h.id] = b.ended.pack(h)
		back, has := b.ended.find(h.id)
		require.True(t, has)
		require.Equal(t, h, back)
		issued, acked := b.ended.lastRecords(h.id)
		require.Equal(t, []Heard{h.issued, h.acked}, []Heard{issued, acked})
	})
	require.NotZero(t, packed[true])
	require.NotZero(t, packed[false])
}

// Nearly all tickets that have ended are packed, or packing would be in vain.
func TestATicketThatHasEndedIsPackedInTurn(t *testing.T) {
	t.Parallel()
	b, at := New(), time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	b.ended.kept = 10
	end := func(i int) string {
		ref := kitchen.TicketRef{OrderID: fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
		b.AddTicket(kitchen.Ticket{TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: 1, Attempt: 1, IssuedAt: at, AckBy: at.Add(time.Hour)}, Heard{Topic: "tickets", Offset: int64(i)})
		ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "bob", At: at.Add(time.Hour), Attempt: 1}
		b.AddAck(ack.DatedBy(at), Heard{Topic: "acks", Offset: int64(i)}) // of a station whose clock is wrong
		return ref.TicketID()
	}
	first := end(0)
	for i := range 30 {
		end(1 + i)
	}
	require.Equal(t, 31, b.Len())
	require.Len(t, b.tickets, 10)
	require.True(t, b.ended.has(first))

	// A late ack finds it, and it is packed again in its turn.
	require.Equal(t, Stale, b.AddAck(kitchen.Ack{TicketID: first, OrderID: first[:36], Stage: kitchen.Bake, Kind: kitchen.AckDone, By: "eve", At: at, Attempt: 1}, Heard{Topic: "acks", Offset: 100}))
	require.False(t, b.ended.has(first))
	for i := range 30 {
		end(100 + i)
	}
	require.True(t, b.ended.has(first))
	require.Len(t, b.tickets, 10)
}

// A field that tickets or acks get one day must be packed as well.
func TestEveryFieldIsPacked(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 8, 0, 0, 1, time.UTC)
	ref := kitchen.TicketRef{OrderID: "01890a5d-ac96-774b-bcce-b302099a8057", Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
	ticket := kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: 1, Attempt: 2, PickupCode: "ABC-123",
		Lines: []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th"}}, Notes: "ring twice", Allergies: []string{"nuts"},
		Customer: kitchen.Customer{Name: "Ada"}, Total: &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: 2880}, Made: true, Since: at, DueAt: at.Add(3), IssuedAt: at.Add(1), AckBy: at.Add(2),
	}
	ack := kitchen.Ack{
		TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "bob", At: at.Add(3), StartedAt: &at,
		TakeOver: true, From: "eve", Attempt: 2, Reason: "burnt", Note: "all of it", Scrapped: 12,
	}
	heard := Heard{Topic: events.TopicAcks, Partition: 3, Offset: 4, Time: at, Appended: true, After: 5}
	for _, value := range []any{ticket, ticket.Lines[0], ticket.Customer, *ticket.Total, ack, heard} {
		v := reflect.ValueOf(value)
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && !(v.Type() == reflect.TypeFor[kitchen.Ack]() && field.Name == "Offset") {
				require.NotZero(t, v.Field(i).Interface(), "%T.%s", value, field.Name)
			}
		}
	}
	b := New()
	b.ended.kept = 1
	b.AddTicket(ticket, heard)
	b.AddAck(ack, heard)
	h := b.tickets[ticket.TicketID]
	require.True(t, h.canBePacked())
	b.ended.packed[h.id] = b.ended.pack(h)
	back, _ := b.ended.find(h.id)
	require.Equal(t, h, back)
}
