package board

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// Board is the fold of a log. Add what is read, in the order of each
// partition; ask at any time. It is not safe for concurrent use.
type Board struct {
	tickets map[string]*history // by ticket id
	newest  map[place]Heard     // the last record of each partition
	// acksFrom is the broker's time from which on all acks are known; zero if
	// all acks are known. acksForgotten says that acks were forgotten that have
	// no time of the broker's.
	acksFrom      time.Time
	acksForgotten bool
}

// New returns an empty board.
func New() *Board { return &Board{tickets: map[string]*history{}, newest: map[place]Heard{}} }

// AddTicket adds an issue of a ticket.
func (b *Board) AddTicket(ticket kitchen.Ticket, heard Heard) {
	b.Note(heard)
	h := b.history(ticket.TicketID)
	h.issued = heard
	// The same attempt twice is one publish that was repeated; the first counts.
	if h.firstAttempt == 0 || ticket.Attempt < h.firstAttempt {
		h.firstAttempt, h.since = ticket.Attempt, heard.Time
		if heard.Time.IsZero() {
			h.since = ticket.IssuedAt
		}
	}
	if ticket.Attempt > h.ticket.Attempt {
		h.ticket = ticket
	}
}

// AddAck adds an ack.
func (b *Board) AddAck(ack kitchen.Ack, heard Heard) {
	b.Note(heard)
	h := b.history(ack.TicketID)
	h.acked = heard
	h.addAck(loggedAck{ack, heard})
}

// Note tells the board of a record from which it needs only the time.
func (b *Board) Note(heard Heard) { b.newest[heard.place()] = heard }

func (b *Board) history(ticketID string) *history {
	h, ok := b.tickets[ticketID]
	if !ok {
		h = &history{}
		b.tickets[ticketID] = h
	}
	return h
}

// Get returns where a ticket stands, and false if the board has heard nothing
// of it.
func (b *Board) Get(ticketID string) (Entry, bool) {
	h, ok := b.tickets[ticketID]
	if !ok {
		return Entry{}, false
	}
	return b.entry(ticketID, h), true
}

// entry is where a ticket stands, given what is known of its undo ticket. The
// ticket is withdrawn once its undo ticket is known, and has ended once that is
// undone, whatever else the log says of either.
func (b *Board) entry(ticketID string, h *history) Entry {
	e := h.entry(ticketID)
	undoID, _ := UndoOf(ticketID)
	undo, withdrawn := b.tickets[undoID]
	e.Withdrawn = withdrawn
	if withdrawn && undo.end != nil {
		e.endBy(*undo.end)
	}
	return e
}

// Entries lists the tickets of a stage that the board has seen issued and not
// forgotten, longest known first.
func (b *Board) Entries(stage kitchen.Stage) []Entry {
	var entries []Entry
	for id, h := range b.tickets {
		if h.ticket.Attempt > 0 && h.ticket.Stage == stage {
			entries = append(entries, b.entry(id, h))
		}
	}
	slices.SortFunc(entries, func(x, y Entry) int {
		return cmp.Or(x.Since.Compare(y.Since), strings.Compare(x.Ticket.TicketID, y.Ticket.TicketID))
	})
	return entries
}

// Open lists the entries of a stage that have not ended. One that failed is
// among them: it waits for its next attempt. One that is withdrawn is among
// them only while somebody has it in hand.
func (b *Board) Open(stage kitchen.Stage) []Entry {
	return slices.DeleteFunc(b.Entries(stage), func(e Entry) bool { return !e.open() })
}

// TicketIDs are the ids of all tickets that the board knows, in no order.
func (b *Board) TicketIDs() iter.Seq[string] { return maps.Keys(b.tickets) }

// Len is the number of tickets that the board knows.
func (b *Board) Len() int { return len(b.tickets) }

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
