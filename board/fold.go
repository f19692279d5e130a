package board

import (
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// maxAcks bounds the acks kept for one open ticket. A ticket has two or
	// three; many more come only from a station gone wild, and then the newest
	// count.
	maxAcks = 64
	// maxAhead is how many attempts an ack may be ahead of the ticket. Tickets
	// and acks are read apart, but an ack that is further ahead names an attempt
	// that there never was, and must not keep the ticket from everybody.
	maxAhead = 100
)

// loggedAck is an ack with its record.
type loggedAck struct {
	ack   kitchen.Ack
	heard Heard
}

// isByHand reports whether an ack does not say which attempt it answers.
func (a loggedAck) isByHand() bool { return a.ack.Attempt == 0 }

// history is what the board keeps of one ticket: the fold of its issues and,
// apart from it, the fold of its acks.
type history struct {
	issued, acked Heard // the last of each; zero if there was none

	ticket       kitchen.Ticket // the highest attempt; Attempt 0 while none was seen
	firstAttempt int            // the lowest attempt that was seen
	since        time.Time      // when that was issued

	acks []loggedAck // in the order of the log, while the ticket has not ended
	end  *loggedAck  // the ack that ended the ticket
}

// addAck folds one more ack. What it keeps depends on the acks alone.
func (h *history) addAck(a loggedAck) {
	if h.end != nil {
		return
	}
	if a.ack.Kind == kitchen.AckDone || a.ack.Kind == kitchen.AckUndone {
		if a.ack.StartedAt == nil {
			a.ack.StartedAt = h.startOf(a.ack)
		}
		h.end, h.acks = &a, nil
		return
	}
	if h.isRepeated(a) {
		return // the first of its kind has decided the attempt
	}
	if len(h.acks) == maxAcks {
		h.acks = h.acks[1:]
	}
	h.acks = append(h.acks, a)
}

// isRepeated reports whether an ack changes nothing, whatever attempts there
// are.
func (h *history) isRepeated(a loggedAck) bool {
	if a.isByHand() {
		last := len(h.acks) - 1
		return last >= 0 && h.acks[last].isByHand() && h.acks[last].ack.Kind == a.ack.Kind
	}
	return slices.ContainsFunc(h.acks, func(earlier loggedAck) bool {
		return earlier.ack.Kind == a.ack.Kind && earlier.ack.Attempt == a.ack.Attempt
	})
}

// startOf finds when the work began that an ack ends: by another clock perhaps,
// but not after its end.
func (h *history) startOf(end kitchen.Ack) *time.Time {
	var startedAt *time.Time
	for _, a := range h.acks {
		if a.ack.Kind == kitchen.AckStarted && (startedAt == nil || a.ack.By == end.By) {
			startedAt = &a.ack.At
		}
	}
	if startedAt != nil && startedAt.After(end.At) {
		startedAt = &end.At
	}
	return startedAt
}

// entry puts issues and acks together.
func (h *history) entry(ticketID string) Entry {
	e := Entry{Ticket: h.ticket, State: kitchen.TicketWaiting, Since: h.since}
	if h.ticket.Attempt == 0 {
		e.Ticket = ticketOf(ticketID)
	}
	if h.end != nil {
		e.Attempt = max(h.ticket.Attempt, h.end.ack.Attempt)
		e.endBy(*h.end)
		return e
	}
	f := fold{entry: &e}
	for _, a := range h.acks {
		if h.ticket.Attempt == 0 || a.ack.Attempt <= h.ticket.Attempt+maxAhead {
			f.apply(a)
		}
	}
	f.applyIssue(h.ticket.Attempt)
	return e
}

// fold goes through the acks of an open ticket in the order of the log, and then
// applies what was issued. The attempt of its entry is the highest that the acks
// have named.
type fold struct {
	entry *Entry
	// startedByHand says that the ticket's owner has not said which attempt is
	// started.
	startedByHand bool
	// nextClaim is the first start by hand that came while another owned the
	// attempt: it may be of an attempt issued since.
	nextClaim *loggedAck
}

// apply lets an ack change the entry.
func (f *fold) apply(a loggedAck) {
	e := f.entry
	attempt := a.ack.Attempt
	if a.isByHand() {
		attempt = max(1, e.Attempt)
		if e.State == kitchen.TicketFailed && a.ack.Kind == kitchen.AckStarted {
			attempt++ // the failed attempt is over, so this is of the next
		}
	}
	if attempt > e.Attempt {
		f.free(attempt)
	}
	switch {
	case attempt < e.Attempt:
		if a.ack.Kind == kitchen.AckFailed {
			e.LastFailure = &a.ack
		}
	case a.ack.Kind == kitchen.AckStarted && e.State == kitchen.TicketWaiting:
		f.start(a)
	case a.ack.Kind == kitchen.AckStarted && e.State == kitchen.TicketStarted && a.isByHand() && !f.startedByHand && f.nextClaim == nil:
		f.nextClaim = &a
	case a.ack.Kind == kitchen.AckFailed && e.State != kitchen.TicketFailed:
		if a.ack.StartedAt != nil {
			e.StartedAt = a.ack.StartedAt
		}
		e.State = kitchen.TicketFailed
		e.Ack, e.Heard, e.By = &a.ack, a.heard, a.ack.By
		f.startedByHand, f.nextClaim = false, nil
	}
}

// applyIssue applies the newest attempt that was issued. It frees the ticket
// from the owner of an earlier one, but not from one who has started it by hand.
func (f *fold) applyIssue(attempt int) {
	switch claim := f.nextClaim; {
	case attempt <= f.entry.Attempt:
	case f.startedByHand:
		f.entry.Attempt = attempt
	default:
		f.free(attempt)
		if claim != nil {
			f.start(*claim)
		}
	}
}

// start makes an ack's sender the owner of the attempt.
func (f *fold) start(a loggedAck) {
	f.entry.State = kitchen.TicketStarted
	f.entry.Ack, f.entry.Heard, f.entry.By, f.entry.StartedAt = &a.ack, a.heard, a.ack.By, &a.ack.At
	f.startedByHand = a.isByHand()
}

// free begins a newer attempt, which nobody owns.
func (f *fold) free(attempt int) {
	e := f.entry
	if e.State == kitchen.TicketFailed {
		e.LastFailure = e.Ack
	}
	e.Attempt = attempt
	e.State = kitchen.TicketWaiting
	e.Ack, e.Heard, e.By, e.StartedAt = nil, Heard{}, "", nil
	f.startedByHand, f.nextClaim = false, nil
}
