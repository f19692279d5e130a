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

// aheadAtMost is how many attempts an ack may be ahead of the ticket. Tickets
// and acks are read apart, but an ack that is further ahead names an attempt
// that there never was, and must not keep the ticket from everybody.
const aheadAtMost = 100

// Board is the fold of a log. Add what is read, in the order of each
// partition; ask at any time. It is not safe for concurrent use.
type Board struct {
	records map[string]*record // by ticket id
	newest  map[place]Heard    // the last record of each partition
	// acksFrom is the broker's time from which on acks are known; zero if that
	// is all of them. acksForgotten is set once acks were forgotten whose time
	// is not the broker's.
	acksFrom      time.Time
	acksForgotten bool
}

// New returns an empty board.
func New() *Board { return &Board{records: map[string]*record{}, newest: map[place]Heard{}} }

// Entry is where one ticket stands.
type Entry struct {
	// Ticket is the newest attempt that the board has seen. While it has only
	// heard acks, Attempt is 0 and only what the id tells is filled in.
	Ticket kitchen.Ticket
	State  kitchen.TicketState
	// Since is when the first attempt was issued that the board has seen, for
	// people; zero while it has only heard acks.
	Since time.Time
	// Attempt is the attempt that State is about. It is newer than the
	// ticket's if an ack told of one that the board has not seen.
	Attempt int
	// By is who started the ticket, ended it, or let it fail.
	By        string
	StartedAt *time.Time
	// Ack is what put the ticket into its state; nil while it waits.
	Ack *kitchen.Ack
	// Heard is the record of Ack.
	Heard Heard
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

// AddTicket adds an issue of a ticket.
func (b *Board) AddTicket(ticket kitchen.Ticket, h Heard) {
	b.Note(h)
	r := b.record(ticket.TicketID)
	r.issued = h
	// The same attempt twice is one publish that was repeated; the first counts.
	if r.firstAttempt == 0 || ticket.Attempt < r.firstAttempt {
		r.firstAttempt, r.since = ticket.Attempt, h.Time
		if h.Time.IsZero() {
			r.since = ticket.IssuedAt
		}
	}
	if ticket.Attempt > r.ticket.Attempt {
		r.ticket = ticket
	}
}

// AddAck adds an ack.
func (b *Board) AddAck(ack kitchen.Ack, h Heard) {
	b.Note(h)
	r := b.record(ack.TicketID)
	r.acked = h
	r.hear(said{ack, h})
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
		e.Ack, e.Heard, e.By, e.StartedAt = &ack, undo.ended.heard, ack.By, ack.StartedAt
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
			found = append(found, dated{b.entry(id, r), r.since})
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

// Forget drops every ticket that the log has not mentioned for longer than
// silence, by the Age of its records for a reader that has been reading for now,
// and returns how many. An open ticket is issued again and again, so one that is
// silent for longer than it may stay unanswered is over. Tickets for which keep
// returns true stay; a nil keep keeps none.
func (b *Board) Forget(now, silence time.Duration, keep func(ticketID string) bool) int {
	return b.drop(func(id string, r *record) bool {
		return b.isSilent(r.issued, now, silence) && b.isSilent(r.acked, now, silence) && (keep == nil || !keep(id))
	})
}

func (b *Board) isSilent(h Heard, now, silence time.Duration) bool {
	return h == (Heard{}) || b.Age(h, now) > silence
}

// ForgetTooOld drops the tickets that are TooOld and have no known ack, and
// returns how many. A partition in which no ticket was issued for a long time
// ends with tickets whose acks are older than what was read. So may one whose
// times are its senders', which is read whole, while of the acks only the newest
// were: then nobody can tell, and what is still open is issued again.
func (b *Board) ForgetTooOld() int {
	return b.drop(func(_ string, r *record) bool {
		return r.acked == (Heard{}) && (b.TooOld(r.issued) || !r.issued.Appended && !b.acksFrom.IsZero())
	})
}

func (b *Board) drop(which func(string, *record) bool) int {
	dropped := 0
	for id, r := range b.records {
		if !which(id, r) {
			continue
		}
		delete(b.records, id)
		dropped++
		switch {
		case r.acked.Appended:
			b.acksSince(r.acked.Time)
		case r.acked != (Heard{}):
			b.acksForgotten = true
		}
	}
	return dropped
}

// TicketIDs are the ids of all tickets that the board knows, in no order.
func (b *Board) TicketIDs() iter.Seq[string] { return maps.Keys(b.records) }

// Len is the number of tickets that the board knows.
func (b *Board) Len() int { return len(b.records) }

func (b *Board) record(ticketID string) *record {
	r, ok := b.records[ticketID]
	if !ok {
		r = &record{}
		b.records[ticketID] = r
	}
	return r
}

// said is an ack with its record.
type said struct {
	ack   kitchen.Ack
	heard Heard
}

// byHand reports whether an ack does not say which attempt it answers.
func (s said) byHand() bool { return s.ack.Attempt == 0 }

// record is what the board keeps of one ticket: the fold of its issues and,
// apart from it, the fold of its acks.
type record struct {
	issued, acked Heard // the last of each; zero if there was none

	ticket       kitchen.Ticket // the highest attempt; Attempt 0 while none was seen
	firstAttempt int            // the lowest attempt that was seen
	since        time.Time      // when that was issued

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
			s.ack.StartedAt = r.startOf(s.ack)
		}
		r.ended = &s
		r.acks = nil
		return
	}
	if r.isRepeated(s) {
		return // the first of its kind has decided the attempt
	}
	if len(r.acks) == maxAcks {
		r.acks = r.acks[1:]
	}
	r.acks = append(r.acks, s)
}

// isRepeated reports whether an ack changes nothing, whatever attempts there
// are.
func (r *record) isRepeated(s said) bool {
	if s.byHand() {
		last := len(r.acks) - 1
		return last >= 0 && r.acks[last].byHand() && r.acks[last].ack.Kind == s.ack.Kind
	}
	return slices.ContainsFunc(r.acks, func(earlier said) bool {
		return earlier.ack.Kind == s.ack.Kind && earlier.ack.Attempt == s.ack.Attempt
	})
}

// startOf finds when the work was taken up that an ack ends: by another clock
// perhaps, but not after its end.
func (r *record) startOf(end kitchen.Ack) *time.Time {
	var startedAt *time.Time
	for _, s := range r.acks {
		if s.ack.Kind == kitchen.AckStarted && (startedAt == nil || s.ack.By == end.By) {
			startedAt = &s.ack.At
		}
	}
	if startedAt != nil && startedAt.After(end.At) {
		startedAt = &end.At
	}
	return startedAt
}

// entry puts issues and acks together.
func (r *record) entry(ticketID string) Entry {
	e := Entry{Ticket: r.ticket, State: kitchen.TicketWaiting, Since: r.since}
	if r.ticket.Attempt == 0 {
		e.Ticket = known(ticketID)
	}
	if r.ended != nil {
		ack := r.ended.ack
		e.State = kitchen.TicketDone
		if ack.Kind == kitchen.AckUndone {
			e.State = kitchen.TicketUndone
		}
		e.Attempt = max(r.ticket.Attempt, ack.Attempt)
		e.Ack, e.Heard, e.By, e.StartedAt = &ack, r.ended.heard, ack.By, ack.StartedAt
		return e
	}
	f := fold{entry: &e}
	for _, s := range r.acks {
		if r.ticket.Attempt == 0 || s.ack.Attempt <= r.ticket.Attempt+aheadAtMost {
			f.hear(s)
		}
	}
	f.issue(r.ticket.Attempt)
	return e
}

// fold goes through the acks of a ticket in the order of the log. The attempt
// of its entry is the highest that they have told of.
type fold struct {
	entry *Entry
	// byHand is set while the ticket is started by an ack that does not say
	// which attempt it answers.
	byHand bool
	// second is the first such ack that came while another had the attempt in
	// hand: it may be of an attempt issued since.
	second *said
}

// hear lets an ack change the entry.
func (f *fold) hear(s said) {
	e := f.entry
	attempt := s.ack.Attempt
	if s.byHand() {
		attempt = max(1, e.Attempt)
		if e.State == kitchen.TicketFailed && s.ack.Kind == kitchen.AckStarted {
			attempt++ // the failed attempt is over, so this is of the next
		}
	}
	if attempt > e.Attempt {
		f.next(attempt)
	}
	switch {
	case attempt < e.Attempt:
		if s.ack.Kind == kitchen.AckFailed {
			e.LastFailure = &s.ack
		}
	case s.ack.Kind == kitchen.AckStarted && e.State == kitchen.TicketWaiting:
		f.start(s)
	case s.ack.Kind == kitchen.AckStarted && e.State == kitchen.TicketStarted && s.byHand() && !f.byHand && f.second == nil:
		f.second = &s
	case s.ack.Kind == kitchen.AckFailed && e.State != kitchen.TicketFailed:
		if s.ack.StartedAt != nil {
			e.StartedAt = s.ack.StartedAt
		}
		e.State = kitchen.TicketFailed
		e.Ack, e.Heard, e.By = &s.ack, s.heard, s.ack.By
		f.byHand, f.second = false, nil
	}
}

func (f *fold) start(s said) {
	f.entry.State = kitchen.TicketStarted
	f.entry.Ack, f.entry.Heard, f.entry.By, f.entry.StartedAt = &s.ack, s.heard, s.ack.By, &s.ack.At
	f.byHand = s.byHand()
}

// next begins a newer attempt, which nobody has in hand.
func (f *fold) next(attempt int) {
	e := f.entry
	if e.State == kitchen.TicketFailed {
		e.LastFailure = e.Ack
	}
	e.Attempt = attempt
	e.State = kitchen.TicketWaiting
	e.Ack, e.Heard, e.By, e.StartedAt = nil, Heard{}, "", nil
	f.byHand, f.second = false, nil
}

// issue says which attempt was issued last. It frees the ticket from who has an
// earlier one in hand, but not from an ack that does not say which it answers.
func (f *fold) issue(attempt int) {
	if attempt <= f.entry.Attempt {
		return
	}
	claim := f.second
	if f.byHand {
		f.entry.Attempt = attempt
		return
	}
	f.next(attempt)
	if claim != nil {
		f.start(*claim)
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
