package floor

import (
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// openTicket is a ticket that has not ended, and since when it is at the station,
// which is later than what its age counts from if its order is made again.
type openTicket struct {
	wire.BoardTicket
	arrived time.Time
}

func (t *openTicket) place() kitchen.QueuePlace {
	return kitchen.PlaceInQueue(t.TicketID, t.Kind, t.Rush != (wire.Rush{}), t.DueAt, t.Since)
}

func (t *openTicket) comparePlace(other kitchen.QueuePlace) int { return t.place().Compare(other) }

// openTickets are those of one station. There may be very many, and whoever asks for
// some of them must not go through all.
type openTickets struct {
	byOrder map[string][]*openTicket
	queue   []*openTicket // in the order in which they are to be worked on
	// started and failed are how many of them are.
	started, failed int
}

func (o *openTickets) len() int { return len(o.queue) }

// get is nil unless the ticket is open.
func (o *openTickets) get(ticketID string) *openTicket {
	for _, ticket := range o.byOrder[orderOf(ticketID)] {
		if ticket.TicketID == ticketID {
			return ticket
		}
	}
	return nil
}

// put adds a ticket, or puts it in the place of what it was before.
func (o *openTickets) put(ticket openTicket) {
	was := o.get(ticket.TicketID)
	if was != nil && was.place() == ticket.place() {
		o.count(was, -1)
		*was = ticket
		o.count(was, 1)
		return
	}
	if was != nil {
		o.remove(was)
	}
	orderID := orderOf(ticket.TicketID)
	o.byOrder[orderID] = append(o.byOrder[orderID], &ticket)
	o.queue = slices.Insert(o.queue, o.find(ticket.place()), &ticket)
	o.count(&ticket, 1)
}

// remove removes a ticket that is open.
func (o *openTickets) remove(ticket *openTicket) {
	o.count(ticket, -1)
	orderID := orderOf(ticket.TicketID)
	if rest := slices.DeleteFunc(o.byOrder[orderID], func(other *openTicket) bool { return other == ticket }); len(rest) > 0 {
		o.byOrder[orderID] = rest
	} else {
		delete(o.byOrder, orderID)
	}
	at := o.find(ticket.place())
	if at > len(o.queue)/2 {
		o.queue = slices.Delete(o.queue, at, at+1)
		return
	}
	// Mostly it is one of the oldest: then the many that are younger stay where they are.
	copy(o.queue[1:at+1], o.queue[:at])
	o.queue[0] = nil
	o.queue = o.queue[1:]
}

// find is the index of the first ticket that is not before a place.
func (o *openTickets) find(place kitchen.QueuePlace) int {
	at, _ := slices.BinarySearchFunc(o.queue, place, (*openTicket).comparePlace)
	return at
}

func (o *openTickets) count(ticket *openTicket, times int) {
	switch ticket.State {
	case kitchen.TicketStarted:
		o.started += times
	case kitchen.TicketFailed:
		o.failed += times
	case kitchen.TicketWaiting, kitchen.TicketDone, kitchen.TicketUndone: // those that ended are not open
	}
}

// waiting is how many tickets wait for somebody to take them.
func (o *openTickets) waiting() int { return o.len() - o.started - o.failed }

// isWaiting reports whether the ticket waits for somebody to take it.
func (t *openTicket) isWaiting() bool {
	return t.State != kitchen.TicketStarted && t.State != kitchen.TicketFailed
}

// arrived is since when the ticket is here that has waited the longest; zero if none
// waits. It goes through all tickets.
func (o *openTickets) arrived() time.Time {
	var arrived time.Time
	for _, ticket := range o.queue {
		if ticket.isWaiting() && (arrived.IsZero() || ticket.arrived.Before(arrived)) {
			arrived = ticket.arrived
		}
	}
	return arrived
}

// oldest is since when the oldest ticket is open; zero if there is none. It goes
// through all tickets.
func (o *openTickets) oldest() time.Time {
	var oldest time.Time
	for _, ticket := range o.queue {
		if !ticket.Since.IsZero() && (oldest.IsZero() || ticket.Since.Before(oldest)) {
			oldest = ticket.Since
		}
	}
	return oldest
}

// orderOf is the order of a ticket on a board. The id is known to be good, and
// kitchen.ParseTicketID would take many times as long to say so again.
func orderOf(ticketID string) string {
	orderID, _, _ := strings.Cut(ticketID, ".")
	return orderID
}
