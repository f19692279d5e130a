package board

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// Board is the fold of a log. Add what is read, in the order of each
// partition; ask at any time. It is not safe for concurrent use.
type Board struct {
	tickets map[string]*history // by ticket id; those that have ended may be in ended instead
	ended   endedTickets
	newest  map[place]Heard  // the last record of each partition
	first   map[place]int64  // the offset of the first record of each partition
	atWork  map[place]atWork // what deliveries show of the factory in each partition
	// acksFrom is the broker's time from which on all acks are known; zero if
	// all acks are known. acksForgotten says that acks were forgotten that have
	// no time of the broker's.
	acksFrom      time.Time
	acksForgotten bool
}

// New returns an empty board.
func New() *Board {
	return &Board{tickets: map[string]*history{}, ended: newEndedTickets(), newest: map[place]Heard{}, first: map[place]int64{}, atWork: map[place]atWork{}}
}

// AddTicket adds a delivery of a ticket. It returns the acks of the ticket that
// are judged differently now, in their order: those that AddAck could not judge
// before, and those that followed.
func (b *Board) AddTicket(ticket kitchen.Ticket, heard Heard) []Judged {
	b.Note(heard)
	h := b.history(ticket.TicketID)
	if h.ticket.Attempt == 0 {
		h.firstIssued, h.fromFirst = heard, ticket.Attempt == 1
	}
	h.issued, h.issuedAt = heard, b.seeAtWork(ticket, heard)
	judged := h.life.issue(ticket)
	if since := ticket.QueuedSince(); h.ticket.Attempt == 0 || since.Before(h.since) {
		h.since = since
	}
	if ticket.Attempt > h.ticket.Attempt {
		h.ticket = ticket
	}
	b.packLater(h)
	return judged
}

// AddAck adds an ack and returns what it does. A delivery that is read later may
// still change that if it is Unjudged, and a refusal in any case.
func (b *Board) AddAck(ack kitchen.Ack, heard Heard) Effect {
	b.Note(heard)
	h := b.history(ack.TicketID)
	h.acked = heard
	// The acks of a ticket share its id's memory, and so do their orders' ids.
	ack.TicketID = h.id
	if strings.HasPrefix(h.id, ack.OrderID) {
		ack.OrderID = h.id[:len(ack.OrderID)]
	}
	effect := h.life.apply(&loggedAck{ack, heard})
	b.packLater(h)
	return effect
}

// Note tells the board of a record from which it needs only time and place.
func (b *Board) Note(heard Heard) {
	at := heard.place()
	if _, known := b.newest[at]; !known {
		b.first[at] = heard.Offset
	}
	b.newest[at] = heard
}

// history is what the board keeps of one ticket.
type history struct {
	id            string
	issued, acked Heard          // the last of each; zero if there was none
	firstIssued   Heard          // the first delivery
	fromFirst     bool           // it was the first attempt
	issuedAt      time.Duration  // how long the factory had been at work by the last delivery
	ticket        kitchen.Ticket // the highest attempt; Attempt 0 while none was seen
	since         time.Time      // the earliest QueuedSince: builds that do not tell it have one for each attempt
	life          life
}

// entry is where the ticket stands.
func (h *history) entry(ticketID string) Entry {
	now := h.life.now
	e := Entry{Ticket: h.ticket, State: h.life.state(), Since: h.since, Failed: now.failed, Issued: h.firstIssued, Attempt: h.ticket.Attempt, BegunBy: now.begunBy}
	e.PutBack = now.release != nil && now.end == nil
	if now.taken != nil {
		e.Taken = now.taken.heard
	}
	if h.ticket.Attempt == 0 {
		e.Ticket = ticketOf(ticketID)
	}
	if now.failure != nil {
		e.LastFailure = &now.failure.ack
	}
	switch e.State {
	case kitchen.TicketDone, kitchen.TicketUndone:
		e.Attempt = max(e.Attempt, now.end.ack.Attempt)
		e.endBy(now.end)
		e.IssuedAfterEnd = h.life.issuedAfterEnd()
	case kitchen.TicketStarted:
		claim := now.owner.claim
		e.Attempt = max(e.Attempt, now.owner.attempt)
		e.Ack, e.Heard, e.By, e.StartedAt = &claim.ack, claim.heard, now.owner.by, now.owner.startedAt(time.Time{})
		e.Sign = now.owner.sign
	case kitchen.TicketFailed:
		e.Attempt = now.failed
		e.Ack, e.Heard, e.By, e.StartedAt = &now.failure.ack, now.failure.heard, now.failure.ack.By, now.failure.ack.StartedAt
		e.LastFailure = nil
		if now.failureBefore != nil {
			e.LastFailure = &now.failureBefore.ack
		}
	case kitchen.TicketWaiting:
	}
	return e
}

// history is what the board keeps of a ticket, to be changed.
func (b *Board) history(ticketID string) *history {
	h, known := b.find(ticketID)
	if !known {
		h = &history{id: ticketID}
	}
	b.ended.drop(ticketID)
	b.tickets[h.id] = h
	return h
}

// find is what the board keeps of a ticket, to be looked at.
func (b *Board) find(ticketID string) (h *history, known bool) {
	if h, known = b.tickets[ticketID]; known {
		return h, true
	}
	return b.ended.find(ticketID)
}

// wasIssued reports whether the board has seen a delivery of the ticket.
func (b *Board) wasIssued(ticketID string) bool {
	h, known := b.tickets[ticketID]
	return known && h.ticket.Attempt > 0 || b.ended.has(ticketID)
}

// Get returns where a ticket stands, and false if the board has heard nothing
// of it.
func (b *Board) Get(ticketID string) (Entry, bool) {
	h, known := b.find(ticketID)
	if !known {
		return Entry{}, false
	}
	return b.entry(ticketID, h), true
}

// entry is where a ticket stands, given what is known of its undo ticket. The
// ticket is withdrawn once its undo ticket is known, and has ended once that is
// undone, whatever else the log says of either. What was refused about the undo
// ticket is nothing to know of it.
func (b *Board) entry(ticketID string, h *history) Entry {
	e := h.entry(ticketID)
	undoID, _ := UndoOf(ticketID)
	undo, known := b.find(undoID)
	e.Withdrawn = known && undo.life.isKnown()
	if known && undo.life.now.end != nil {
		e.endBy(undo.life.now.end)
	}
	return e
}

// Entries lists the tickets of a stage that the board has seen issued and not
// forgotten, oldest first.
func (b *Board) Entries(stage kitchen.Stage) []Entry {
	entries := b.unpackedEntries(stage)
	for id := range b.ended.ids() {
		if !strings.Contains(id, "."+string(stage)+".") {
			continue // which costs less than to unpack it
		}
		h, _ := b.ended.find(id)
		entries = append(entries, b.entry(id, h))
	}
	return sortedEntries(entries)
}

func (b *Board) unpackedEntries(stage kitchen.Stage) (entries []Entry) {
	for id, h := range b.tickets {
		if h.ticket.Attempt > 0 && h.ticket.Stage == stage {
			entries = append(entries, b.entry(id, h))
		}
	}
	return entries
}

func sortedEntries(entries []Entry) []Entry {
	slices.SortFunc(entries, func(x, y Entry) int {
		return cmp.Or(x.Since.Compare(y.Since), strings.Compare(x.Ticket.TicketID, y.Ticket.TicketID))
	})
	return entries
}

// Open lists the entries of a stage that have not ended. One that failed is
// among them: it waits for its next attempt. One that is withdrawn is among
// them only while somebody has it in hand.
func (b *Board) Open(stage kitchen.Stage) []Entry {
	return sortedEntries(slices.DeleteFunc(b.unpackedEntries(stage), func(e Entry) bool { return !e.open() }))
}

// TicketIDs are the ids of all tickets that the board knows, in no order.
func (b *Board) TicketIDs() iter.Seq[string] {
	return func(yield func(string) bool) {
		for id := range b.tickets {
			if !yield(id) {
				return
			}
		}
		b.ended.ids()(yield)
	}
}

// Len is the number of tickets that the board knows.
func (b *Board) Len() int { return len(b.tickets) + b.ended.len() }

// Entry is where one ticket stands.
type Entry struct {
	// Ticket is the newest attempt that the board has seen. While the board knows
	// only acks, Attempt is 0 and only what the id tells is filled in.
	Ticket kitchen.Ticket
	State  kitchen.TicketState
	// Since is what the ticket's age and its place in the queue count from; zero
	// while the board knows only acks.
	Since time.Time
	// Issued is the first delivery that the board has heard of.
	Issued Heard
	// Attempt is the attempt that State is about. It is newer than the
	// ticket's if an ack answers one that the board has not seen.
	Attempt int
	// Failed is the highest attempt that has ended in a failure; 0 if none has.
	Failed int
	// IssuedAfterEnd says of a ticket that has ended that it may have been issued
	// again since: its order has lost the end.
	IssuedAfterEnd bool
	// By is who started the ticket, ended it or failed it.
	By        string
	StartedAt *time.Time
	// Sign is the record by which the owner of a started ticket was last heard
	// of.
	Sign Heard
	// BegunBy is who had the ticket in hand last, if anybody had.
	BegunBy string
	// PutBack says that BegunBy has put it back, and nobody has begun, failed or
	// ended it since.
	PutBack bool
	// Taken is the last record by which somebody began the ticket or finished
	// with it, other than by putting it back; zero if there is none.
	Taken Heard
	// Ack is what put the ticket into its state; nil while it waits.
	Ack *kitchen.Ack
	// Heard is the record of Ack.
	Heard Heard
	// LastFailure is why an earlier attempt failed, if one did. Of a failed
	// ticket it is the failure before the last.
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

// LeavesWork reports whether there may be something to put away if the ticket's
// order is cancelled: its work is done or in hand, or was put back as it was. Of
// what failed, its sender has said how many pieces are lost.
func (e Entry) LeavesWork() bool {
	return e.State == kitchen.TicketDone || e.State == kitchen.TicketStarted || e.PutBack
}

// open reports whether there is still something to do or to wait for.
func (e Entry) open() bool {
	return !e.Ended() && (!e.Withdrawn || e.State == kitchen.TicketStarted)
}

// endBy ends the ticket by an ack.
func (e *Entry) endBy(end *loggedAck) {
	e.State, e.Sign, e.IssuedAfterEnd = kitchen.TicketDone, Heard{}, false
	if end.ack.Kind == kitchen.AckUndone {
		e.State = kitchen.TicketUndone
	}
	e.Ack, e.Heard, e.By, e.StartedAt = &end.ack, end.heard, end.ack.By, end.ack.StartedAt
}

// InForce reports whether an ack that lies in the log still decides where its
// ticket stands: it is why the ticket has its owner, has ended, has failed or was
// put back. It goes by all that the board has read, also after that ack. known is
// false if the board has not read the ack, has forgotten it, or cannot judge it
// without a delivery of the ticket.
func (b *Board) InForce(ack kitchen.Ack, heard Heard) (inForce, known bool) {
	h, hasTicket := b.find(ack.TicketID)
	at := heard.place()
	if newest, read := b.newest[at]; !hasTicket || !read || heard.Offset > newest.Offset || heard.Offset < b.first[at] {
		return false, false
	}
	return h.life.inForce(ack, heard)
}

// MadeAnew reports whether a ticket's order has begun another pass since: nobody
// waits for the ticket any more.
func (b *Board) MadeAnew(ticketID string) bool {
	ref, err := kitchen.ParseTicketID(ticketID)
	if err != nil || ref.Kind != kitchen.TicketMake {
		return false
	}
	return slices.ContainsFunc(kitchen.Stages(), func(stage kitchen.Stage) bool {
		next := kitchen.TicketRef{OrderID: ref.OrderID, Stage: stage, Pass: ref.Pass + 1, Kind: kitchen.TicketMake}
		return b.wasIssued(next.TicketID())
	})
}

// Acks are the last acks of a ticket, in the order of the log, and what each does
// by all that is known now. A refusal may change what those after it do.
func (b *Board) Acks(ticketID string) []Judged {
	h, known := b.find(ticketID)
	if !known {
		return nil
	}
	acks := make([]Judged, len(h.life.recent))
	for i, a := range h.life.recent {
		acks[i] = Judged{a.ack, a.heard, a.did}
	}
	return acks
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
