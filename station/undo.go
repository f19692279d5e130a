package station

import (
	"context"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// The notes of an undo ticket that the station has answered by itself.
const (
	nothingBegun = "withdrawn: nobody had started it"
	nothingHeld  = "withdrawn: nobody had it in hand"
)

// takeUndo decides what an undo ticket asks for, as soon as that can be known,
// and withdraws the ticket that it undoes. If there may be something to put
// away, it is offered; otherwise the station answers it without bothering
// anyone. The lock is held.
//
//	X here    X in the log    made    then
//	in hand   any             any     X leaves the hand, the undo ticket is offered
//	ending    any             any     X's answer is awaited, and decides
//	no        started, done   any     the undo ticket is offered
//	no        anything else   true    the undo ticket is offered
//	no        anything else   false   undone, by itself
func (s *Station) takeUndo(j *job) {
	if !j.hidden {
		return
	}
	x := s.jobs[j.undoes]
	if x != nil && x.hand == ending {
		return
	}
	if x != nil && x.hand == working {
		j.hadInHand = true
	}
	work, _ := s.work(j)
	needsHands := work != kitchen.TicketWaiting || (x != nil && x.hand != nothing) ||
		j.elsewhere != nil || j.lastFailure != nil || !s.recallsAll(j)
	if needsHands {
		j.leaveToHands()
		s.number(j) // by which whoever has the work in hand is told
	}
	if x != nil {
		s.withdraw(x, nil)
	}
	if needsHands {
		s.show(j)
	} else if j.byItself == nil {
		s.undoByItself(j)
	}
}

// work is where the work stands that an undo ticket undoes: done, started, or
// waiting if nobody is known to have begun it; and who has, if that is known.
// The lock is held.
func (s *Station) work(j *job) (state kitchen.TicketState, by string) {
	entry, _ := s.board.Get(j.undoes)
	switch {
	case entry.State == kitchen.TicketDone:
		return kitchen.TicketDone, entry.By
	case j.ticket.Made:
		return kitchen.TicketDone, ""
	case entry.State == kitchen.TicketStarted:
		return kitchen.TicketStarted, entry.By
	case j.hadInHand:
		return kitchen.TicketStarted, s.config.Name
	}
	return kitchen.TicketWaiting, ""
}

// recallsAll reports whether whoever has the work of an undo ticket in hand
// must have appeared in what was read of the log. That is sure if the ticket to
// make it was seen here: its acks came later. If it was not, the undo ticket's
// first attempt tells, which goes out when the order is cancelled, and until
// then the ticket was issued again whenever the time for its ack was over. The
// lock is held.
func (s *Station) recallsAll(j *job) bool {
	if entry, _ := s.board.Get(j.undoes); entry.Ticket.Attempt > 0 {
		return true
	}
	return j.firstIssued != nil && s.board.Recalls(*j.firstIssued, s.config.AckWithin)
}

// undoByItself says undone about work that nobody has begun, unless it turns
// out meanwhile that somebody has. The lock is held.
func (s *Station) undoByItself(j *job) {
	ack := s.ack(j, kitchen.AckUndone)
	ack.Note = nothingBegun
	if entry, _ := s.board.Get(j.undoes); entry.State == kitchen.TicketFailed || entry.Attempt > 1 {
		ack.Note = nothingHeld
	}
	var ctx context.Context
	ctx, j.byItself = context.WithCancel(s.ctx)
	s.background.Go(func() {
		// If the station stops before, the undo ticket is delivered again.
		_ = s.say(ctx, ack, byItself)
	})
}

// withdraw takes away a ticket whose order has been cancelled, out of the hand
// as well. A final ack that is on its way is left to the log, unless that has
// ended the ticket; a started that is on its way counts for nothing any more.
// heard is the ack that told so, if one did. The lock is held.
func (s *Station) withdraw(j *job, heard *kitchen.Ack) {
	if entry, _ := s.board.Get(j.ticket.TicketID); j.hand == ending && !entry.Ended() {
		return
	}
	item := s.item(j)
	s.remove(j)
	s.observe(Event{Kind: Withdrawn, Item: item, Was: item.State, Cancelled: true, Undo: s.undoNumber(j.ticket.TicketID), Ack: heard})
}

// undoNumber is the number of the undo ticket that withdraws a ticket, or 0 if
// it is not here for people to see. The lock is held.
func (s *Station) undoNumber(ticketID string) int {
	undoID, _ := board.UndoOf(ticketID)
	if undo := s.jobs[undoID]; undo != nil {
		return undo.number
	}
	return 0
}

// gone is why nothing can be done to a ticket that is not here. The lock is
// held.
func (s *Station) gone(ticketID string) error {
	if entry, _ := s.board.Get(ticketID); entry.Withdrawn {
		return &WithdrawnError{Undo: s.undoNumber(ticketID)}
	}
	return ErrNotHere
}

// hearOfCounterpart does what an ack means for the ticket that undoes the one
// it is about, or that it undoes. The lock is held.
func (s *Station) hearOfCounterpart(ack kitchen.Ack) {
	if undoID, ok := board.UndoOf(ack.TicketID); ok {
		if undo := s.jobs[undoID]; undo != nil {
			s.takeUndo(undo)
			s.change()
		}
	} else if makeID, ok := board.UndoneBy(ack.TicketID); ok {
		if made := s.jobs[makeID]; made != nil {
			s.withdraw(made, &ack)
		}
	}
}
