package board

import (
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// Entry is where one ticket stands.
type Entry struct {
	// Ticket is the newest attempt that the board has seen. While the board knows
	// only acks, Attempt is 0 and only what the id tells is filled in.
	Ticket kitchen.Ticket
	State  kitchen.TicketState
	// Since is when the first attempt was issued that the board has seen, for
	// people; zero while the board knows only acks.
	Since time.Time
	// Attempt is the attempt that State is about. It is newer than the
	// ticket's if an ack answers one that the board has not seen.
	Attempt int
	// By is who started the ticket, ended it or failed it.
	By        string
	StartedAt *time.Time
	// Ack is what put the ticket into its state; nil while it waits.
	Ack *kitchen.Ack
	// Heard is the record of Ack.
	Heard Heard
	// LastFailure is why an earlier attempt failed, if one did.
	LastFailure *kitchen.Ack
	// Withdrawn says of a make ticket that its undo ticket has been issued or
	// acked: the order does not wait for it any more. If it is started, somebody
	// still has it in hand.
	Withdrawn bool
}

// Ended reports whether the ticket is finished for good.
func (e Entry) Ended() bool {
	return e.State == kitchen.TicketDone || e.State == kitchen.TicketUndone
}

// open reports whether there is still something to do or to wait for.
func (e Entry) open() bool {
	return !e.Ended() && (!e.Withdrawn || e.State == kitchen.TicketStarted)
}

// endBy ends the ticket by an ack.
func (e *Entry) endBy(end loggedAck) {
	e.State = kitchen.TicketDone
	if end.ack.Kind == kitchen.AckUndone {
		e.State = kitchen.TicketUndone
	}
	e.Ack, e.Heard, e.By, e.StartedAt = &end.ack, end.heard, end.ack.By, end.ack.StartedAt
}

// UndoOf returns the id of the undo ticket that withdraws a make ticket, and
// false for an id of anything else.
func UndoOf(ticketID string) (string, bool) {
	return counterpart(ticketID, kitchen.TicketMake, kitchen.TicketUndo)
}

// UndoneBy returns the id of the make ticket that an undo ticket withdraws,
// and false for an id of anything else.
func UndoneBy(ticketID string) (string, bool) {
	return counterpart(ticketID, kitchen.TicketUndo, kitchen.TicketMake)
}

// counterpart returns the id of the same work's ticket of the other kind.
func counterpart(ticketID string, from, to kitchen.TicketKind) (string, bool) {
	ref, err := kitchen.ParseTicketID(ticketID)
	if err != nil || ref.Kind != from {
		return "", false
	}
	ref.Kind = to
	return ref.TicketID(), true
}

// ticketOf is what a ticket's id tells of the ticket.
func ticketOf(ticketID string) kitchen.Ticket {
	ref, _ := kitchen.ParseTicketID(ticketID) // of an ack that has been checked
	return kitchen.Ticket{TicketID: ticketID, Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass}
}
