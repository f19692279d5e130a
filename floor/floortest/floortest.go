// Package floortest helps tests of what the floor shows.
package floortest

import (
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// Mirror is a board as a client keeps it from the messages that it gets.
type Mirror struct {
	Tickets map[string]wire.BoardTicket
	Cursor  string
}

// Apply takes a message in.
func (m *Mirror) Apply(message wire.LiveMessage) {
	m.Cursor = message.Cursor
	switch message.Type {
	case wire.LiveMessageTypeSnapshot:
		m.Tickets = map[string]wire.BoardTicket{}
		for _, ticket := range append(message.Board.Tickets, message.Board.Ended...) {
			m.Tickets[ticket.TicketID] = ticket
		}
	case wire.LiveMessageTypeChange:
		for _, ticket := range message.Change.Tickets {
			m.Tickets[ticket.TicketID] = ticket
		}
		for _, id := range message.Change.Removed {
			delete(m.Tickets, id)
		}
	case wire.LiveMessageTypeState, wire.LiveMessageTypeResumed, wire.LiveMessageTypeProblem:
	}
}

// Ticket is a ticket with all that tickets may have.
func Ticket(ref kitchen.TicketRef, attempt int) kitchen.Ticket {
	now := time.Now().UTC()
	return kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt,
		Lines: []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th"}}, Notes: "ring the bell",
		Allergies: []string{"nuts"}, PickupCode: "K7QF", IssuedAt: now, AckBy: now.Add(time.Hour),
		Customer: kitchen.Customer{Name: "Ada Augusta Lovelace"},
	}
}
