package board

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// maxAcks bounds the acks kept for one open ticket. A ticket has two or three;
// many more come only from a station gone wild, and then the newest count.
const maxAcks = 64

// Board is the fold of a log. Add what is read, in the order of each
// partition; ask at any time. It is not safe for concurrent use.
type Board struct {
	records map[string]*record // by ticket id
}

// New returns an empty board.
func New() *Board { return &Board{records: map[string]*record{}} }

// Entry is where one ticket stands.
type Entry struct {
	// Ticket is the newest attempt that the board has seen. While it has only
	// heard acks, Attempt is 0 and only what the id tells is filled in.
	Ticket kitchen.Ticket
	State  kitchen.TicketState
	// Since is when the ticket was first issued, as far back as the board has
	// read; zero while it has only heard acks.
	Since time.Time
	// Attempt is the attempt that State is about. It is newer than the
	// ticket's if an ack told of one that the board has not seen.
	Attempt int
	// By is who started the ticket, ended it, or let it fail.
	By        string
	StartedAt *time.Time
	// Ack is what put the ticket into its state; nil while it waits.
	Ack *kitchen.Ack
	// HeardAt is the time of Ack's record in Kafka.
	HeardAt time.Time
	// LastFailure is why an earlier attempt failed, if one did.
	LastFailure *kitchen.Ack
	// Withdrawn says of a make ticket that its undo ticket has been issued, or
	// that somebody has spoken of that: the order waits for it no longer. One
	// that is started is still in somebody's hands.
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

// AddTicket adds an issue of a ticket; at is the time of its record in Kafka.
func (b *Board) AddTicket(ticket kitchen.Ticket, at time.Time) {
	if at.IsZero() {
		at = ticket.IssuedAt
	}
	r := b.record(ticket.TicketID, at)
	if r.firstIssued.IsZero() || at.Before(r.firstIssued) {
		r.firstIssued = at
	}
	// The same attempt twice is one publish that was repeated; the first counts.
	if ticket.Attempt > r.ticket.Attempt {
		r.ticket = ticket
		r.issuedAt = at
	}
}

// AddAck adds an ack; at is the time of its record in Kafka.
func (b *Board) AddAck(ack kitchen.Ack, at time.Time) {
	if at.IsZero() {
		at = ack.At
	}
	b.record(ack.TicketID, at).hear(said{ack, at})
}

// Get returns where a ticket stands, and false if the board has heard nothing
// of it.
func (b *Board) Get(ticketID string) (Entry, bool) {
	r, ok := b.records[ticketID]
	if !ok {
		return Entry{}, false
	}
	return b.entry(ticketID, r), true
}

// entry is where a ticket stands, given what is known of its undo ticket. That
// the undo ticket is known withdraws the ticket, and that it is undone ends it,
// whatever else the log says of either.
func (b *Board) entry(ticketID string, r *record) Entry {
	e := r.entry(ticketID)
	undoID, _ := UndoOf(ticketID)
	undo, withdrawn := b.records[undoID]
	if !withdrawn {
		return e
	}
	e.Withdrawn = true
	if undo.ended != nil {
		ack := undo.ended.ack
		e.State = kitchen.TicketUndone
		e.Ack, e.HeardAt, e.By, e.StartedAt = &ack, undo.ended.at, ack.By, ack.StartedAt
	}
	return e
}

// Entries lists the tickets of a stage that the board has seen issued and not
// forgotten, longest known first.
func (b *Board) Entries(stage kitchen.Stage) []Entry {
	type dated struct {
		entry Entry
		since time.Time
	}
	var found []dated
	for id, r := range b.records {
		if r.ticket.Attempt > 0 && r.ticket.Stage == stage {
			found = append(found, dated{b.entry(id, r), r.firstIssued})
		}
	}
	slices.SortFunc(found, func(x, y dated) int {
		if order := x.since.Compare(y.since); order != 0 {
			return order
		}
		return strings.Compare(x.entry.Ticket.TicketID, y.entry.Ticket.TicketID)
	})
	entries := make([]Entry, len(found))
	for i := range found {
		entries[i] = found[i].entry
	}
	return entries
}

// Open lists the entries of a stage that have not ended. One that failed is
// among them: it waits for its next attempt. One that is withdrawn is among
// them only while somebody has it in hand.
func (b *Board) Open(stage kitchen.Stage) []Entry {
	return slices.DeleteFunc(b.Entries(stage), func(e Entry) bool { return !e.open() })
}

// Forget drops every ticket of which nothing has been heard since before, and
// returns how many. An open ticket is issued again and again, so what stays
// silent for longer than the time it has to be answered in is over. Tickets
// for which keep says true stay; nil keeps none.
func (b *Board) Forget(before time.Time, keep func(ticketID string) bool) int {
	forgotten := 0
	for id, r := range b.records {
		if r.heardAt.Before(before) && (keep == nil || !keep(id)) {
			delete(b.records, id)
			forgotten++
		}
	}
	return forgotten
}

// TicketIDs are the ids of all tickets that the board knows, in no order.
func (b *Board) TicketIDs() iter.Seq[string] { return maps.Keys(b.records) }

// Len is the number of tickets that the board knows.
func (b *Board) Len() int { return len(b.records) }

func (b *Board) record(ticketID string, at time.Time) *record {
	r, ok := b.records[ticketID]
	if !ok {
		r = &record{}
		b.records[ticketID] = r
	}
	if at.After(r.heardAt) {
		r.heardAt = at
	}
	return r
}

// said is an ack with the time of its record.
type said struct {
	ack kitchen.Ack
	at  time.Time
}

// record is what the board keeps of one ticket: the fold of its issues and,
// apart from it, the fold of its acks.
type record struct {
	heardAt     time.Time
	firstIssued time.Time

	ticket   kitchen.Ticket // the highest attempt; Attempt 0 while none was seen
	issuedAt time.Time      // when that attempt was first issued

	acks  []said // in the order of the log, while the ticket has not ended
	ended *said
}

// hear folds one more ack. What it keeps depends on the acks alone.
func (r *record) hear(s said) {
	if r.ended != nil {
		return
	}
	if s.ack.Kind == kitchen.AckDone || s.ack.Kind == kitchen.AckUndone {
		if s.ack.StartedAt == nil {
			s.ack.StartedAt = r.startOf(s.ack.By)
		}
		r.ended = &s
		r.acks = nil
		return
	}
	if s.ack.Attempt > 0 && slices.ContainsFunc(r.acks, func(earlier said) bool {
		return earlier.ack.Kind == s.ack.Kind && earlier.ack.Attempt == s.ack.Attempt
	}) {
		return // the first of its kind has decided the attempt
	}
	if len(r.acks) == maxAcks {
		r.acks = r.acks[1:]
	}
	r.acks = append(r.acks, s)
}

// startOf finds when the work was taken up that by has finished.
func (r *record) startOf(by string) *time.Time {
	var startedAt *time.Time
	for _, s := range r.acks {
		if s.ack.Kind == kitchen.AckStarted && (startedAt == nil || s.ack.By == by) {
			startedAt = &s.ack.At
		}
	}
	return startedAt
}

// entry puts issues and acks together.
func (r *record) entry(ticketID string) Entry {
	e := Entry{Ticket: r.ticket, State: kitchen.TicketWaiting, Since: r.firstIssued, Attempt: r.ticket.Attempt}
	if r.ticket.Attempt == 0 {
		e.Ticket = known(ticketID)
	}
	if r.ended != nil {
		ack := r.ended.ack
		e.State = kitchen.TicketDone
		if ack.Kind == kitchen.AckUndone {
			e.State = kitchen.TicketUndone
		}
		e.Attempt = max(e.Attempt, ack.Attempt)
		e.Ack, e.HeardAt, e.By, e.StartedAt = &ack, r.ended.at, ack.By, ack.StartedAt
		return e
	}
	for _, s := range r.acks {
		if r.counts(s) {
			e.hear(s)
		} else if s.ack.Kind == kitchen.AckFailed {
			e.LastFailure = &s.ack
		}
	}
	return e
}

// counts reports whether an ack is about the newest attempt seen, or about one
// still to be seen.
func (r *record) counts(s said) bool {
	if s.ack.Attempt == r.ticket.Attempt && s.ack.Attempt > 0 {
		return true
	}
	return (s.ack.Attempt == 0 || s.ack.Attempt > r.ticket.Attempt) && !s.at.Before(r.issuedAt)
}

// hear lets an ack that counts change the entry.
func (e *Entry) hear(s said) {
	ack := s.ack
	attempt := ack.Attempt
	if attempt == 0 {
		attempt = e.Attempt
		if e.State == kitchen.TicketFailed && ack.Kind == kitchen.AckStarted {
			attempt++ // the failed attempt is over, so this is of the next
		}
	}
	if attempt < e.Attempt {
		return
	}
	if attempt > e.Attempt {
		if e.State == kitchen.TicketFailed {
			e.LastFailure = e.Ack
		}
		e.Attempt = attempt
		e.State = kitchen.TicketWaiting
		e.Ack, e.HeardAt, e.By, e.StartedAt = nil, time.Time{}, "", nil
	}
	switch {
	case ack.Kind == kitchen.AckStarted && e.State == kitchen.TicketWaiting:
		e.State = kitchen.TicketStarted
		e.Ack, e.HeardAt, e.By, e.StartedAt = &ack, s.at, ack.By, &ack.At
	case ack.Kind == kitchen.AckFailed && e.State != kitchen.TicketFailed:
		if ack.StartedAt != nil {
			e.StartedAt = ack.StartedAt
		}
		e.State = kitchen.TicketFailed
		e.Ack, e.HeardAt, e.By = &ack, s.at, ack.By
	}
}

// known is what a ticket's id tells of the ticket.
func known(ticketID string) kitchen.Ticket {
	ref, err := kitchen.ParseTicketID(ticketID)
	if err != nil {
		return kitchen.Ticket{TicketID: ticketID}
	}
	return kitchen.Ticket{TicketID: ticketID, Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass}
}
