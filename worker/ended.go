package worker

import (
	"slices"
	"time"
	"unique"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// endedTickets are the tickets that have ended and have not been in the log for a
// moment, by order. Most of a log's tickets are among them, so each takes a tenth of
// what the board needs for it.
type endedTickets struct {
	orders map[uuid.UUID][]endedTicket
	count  int
}

// mostOfOne bounds the tickets of one order. Hardly any order has as many.
const mostOfOne = 64

// endedTicket is how one of them ended.
type endedTicket struct {
	activityID string // the ticket's name within its order
	by         string
	remarks    *remarks // nil for none, as most are
	at         int64    // in nanoseconds, as startedAt
	startedAt  int64    // 0 if nobody knows
	offset     int64    // of the ack that ended it
	// since is how long the log had been read when this became all that is kept.
	since     time.Duration
	partition int32
	// issued is the highest attempt that was issued, attempt the one that the ack
	// names.
	issued, attempt int32
	undone          bool
	again           bool // it was issued after its end
}

// remarks are what few acks have.
type remarks struct {
	reason, note string
	scrapped     int
}

// split returns the parts of a ticket's id.
func split(ticketID string) (order uuid.UUID, activityID string, ok bool) {
	const length = 36 // of an order's id
	if len(ticketID) <= length {
		return order, "", false
	}
	order, err := uuid.Parse(ticketID[:length])
	return order, ticketID[length+1:], err == nil
}

// find returns the end of a ticket, nil if it is not known to have ended.
func (e *endedTickets) find(ticketID string) *endedTicket {
	order, activityID, _ := split(ticketID)
	tickets := e.orders[order]
	for i := range tickets {
		if tickets[i].activityID == activityID {
			return &tickets[i]
		}
	}
	return nil
}

// add keeps the end of a ticket.
func (e *endedTickets) add(ticketID string, entry board.Entry, now time.Duration) {
	order, activityID, ok := split(ticketID)
	if !ok {
		return
	}
	ack := entry.Ack
	end := endedTicket{
		activityID: unique.Make(activityID).Value(),
		by:         ack.By,
		at:         ack.At.UnixNano(),
		offset:     entry.Heard.Offset,
		since:      now,
		partition:  int32(entry.Heard.Partition),
		issued:     int32(entry.Ticket.Attempt),
		attempt:    int32(ack.Attempt),
		undone:     ack.Kind == kitchen.AckUndone,
		again:      entry.IssuedAfterEnd,
	}
	if ack.StartedAt != nil {
		end.startedAt = ack.StartedAt.UnixNano()
	}
	if ack.Reason != "" || ack.Note != "" || ack.Scrapped != 0 {
		end.remarks = &remarks{ack.Reason, ack.Note, ack.Scrapped}
	}
	tickets := append(e.orders[order], end)
	e.set(order, tickets[max(0, len(tickets)-mostOfOne):])
}

// drop forgets a ticket.
func (e *endedTickets) drop(ticketID string) {
	order, activityID, _ := split(ticketID)
	e.set(order, slices.DeleteFunc(e.orders[order], func(end endedTicket) bool { return end.activityID == activityID }))
}

// forget drops the orders whose last ticket became one of these before then.
func (e *endedTickets) forget(since time.Duration) {
	for order, tickets := range e.orders {
		if tickets[len(tickets)-1].since < since {
			e.set(order, nil)
		}
	}
}

func (e *endedTickets) set(order uuid.UUID, tickets []endedTicket) {
	e.count += len(tickets) - len(e.orders[order])
	if len(tickets) == 0 {
		delete(e.orders, order)
		return
	}
	e.orders[order] = tickets
}

// issue notes a delivery. Like the board, it errs on the side of one after the end.
func (t *endedTicket) issue(attempt int) {
	if t.issued > 0 && attempt <= int(t.issued) || attempt > max(1, int(t.attempt)) {
		t.again = true
	}
	t.issued = max(t.issued, int32(attempt))
}

// entry is what a board says of the ticket.
func (t *endedTicket) entry(ticketID string) board.Entry {
	ticket := ticketOf(ticketID, int(t.issued))
	ack := &kitchen.Ack{
		TicketID: ticketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kitchen.AckDone,
		By: t.by, At: time.Unix(0, t.at).UTC(), Attempt: int(t.attempt),
	}
	state := kitchen.TicketDone
	if t.undone {
		ack.Kind, state = kitchen.AckUndone, kitchen.TicketUndone
	}
	if t.startedAt != 0 {
		startedAt := time.Unix(0, t.startedAt).UTC()
		ack.StartedAt = &startedAt
	}
	if t.remarks != nil {
		ack.Reason, ack.Note, ack.Scrapped = t.remarks.reason, t.remarks.note, t.remarks.scrapped
	}
	return board.Entry{
		Ticket: ticket, State: state, Attempt: max(ticket.Attempt, ack.Attempt), IssuedAfterEnd: t.again,
		By: t.by, StartedAt: ack.StartedAt, Ack: ack,
	}
}
