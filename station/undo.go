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

// decideUndo decides what an undo ticket asks for, as soon as that can be
// known, and withdraws the ticket X that it undoes. If there may be something to
// put away, it is offered; otherwise the station answers it without bothering
// anyone. The lock is held.
//
//	X here      X in the log    made    then
//	in hand     any             any     X is withdrawn, the undo ticket is offered
//	answering   any             any     X's answer is awaited, and decides
//	no          started, done   any     the undo ticket is offered
//	no          anything else   true    the undo ticket is offered
//	no          anything else   false   undone, by itself
func (s *Station) decideUndo(undo *job) {
	if !undo.state.isHidden() {
		return
	}
	x := s.jobs[undo.undoes]
	if x != nil && x.state.isAnswering() {
		return
	}
	undo.fromHand = undo.fromHand || x != nil && x.state == InHand
	decision := cause{input: needsNobody}
	if s.needsSomebody(undo, x) {
		decision = causeOfOffer(undo.owner)
		s.number(undo) // which X's event names
	}
	if x != nil {
		s.withdraw(x, nil)
	}
	s.apply(undo, decision)
}

// needsSomebody reports whether there may be something to put away for an undo
// ticket. x is the job that it undoes, or nil if that is not here. The lock is
// held.
func (s *Station) needsSomebody(undo, x *job) bool {
	work, _ := s.work(undo)
	return work != kitchen.TicketWaiting || x != nil && x.state.isClaimed() ||
		undo.owner != nil || undo.lastFailure != nil || !s.recallsAll(undo)
}

// work is where the work stands that an undo ticket undoes: done, started, or
// waiting if nobody is known to have begun it; and who has, if that is known.
// The lock is held.
func (s *Station) work(undo *job) (state kitchen.TicketState, by string) {
	entry, _ := s.board.Get(undo.undoes)
	switch {
	case entry.State == kitchen.TicketDone:
		return kitchen.TicketDone, entry.By
	case undo.ticket.Made:
		return kitchen.TicketDone, ""
	case entry.State == kitchen.TicketStarted:
		return kitchen.TicketStarted, entry.By
	case undo.fromHand:
		return kitchen.TicketStarted, s.config.Name
	case entry.PutBack:
		return kitchen.TicketStarted, entry.BegunBy
	}
	return kitchen.TicketWaiting, ""
}

// recallsAll reports whether whoever has the work of an undo ticket in hand
// must have appeared in what was read of the log. If the ticket to make it was seen
// here, the board knows. If it was not, the undo ticket's
// first attempt decides: it goes out when the order is cancelled, and until then
// the ticket was issued again at the latest after some times the time for its ack.
// The lock is held.
func (s *Station) recallsAll(undo *job) bool {
	if entry, _ := s.board.Get(undo.undoes); entry.Ticket.Attempt > 0 {
		return s.board.RecallsTicket(undo.undoes)
	}
	return undo.firstIssued != nil && s.board.Recalls(*undo.firstIssued, reissuedWithin*s.config.AckWithin)
}

// publishUndone answers an undo ticket for work that nobody has begun, unless it
// turns out meanwhile that somebody has. The lock is held.
func (s *Station) publishUndone(undo *job) {
	ack := s.newAck(undo, kitchen.AckUndone)
	ack.Note = nothingBegun
	if entry, _ := s.board.Get(undo.undoes); entry.State == kitchen.TicketFailed || entry.BegunBy != "" {
		ack.Note = nothingHeld
	}
	var ctx context.Context
	ctx, undo.stopUndoing = context.WithCancel(s.ctx)
	s.publishByItself(ctx, ack, func() {})
}

// withdraw takes away a ticket whose order has been cancelled, out of the hand
// as well. by is the ack about its undo ticket that withdraws it, if one does.
// The lock is held.
func (s *Station) withdraw(j *job, by *kitchen.Ack) {
	c := cause{input: withdrawn, ack: by}
	if entry, _ := s.board.Get(j.ticket.TicketID); entry.Ended() {
		c.input = undone
	}
	s.apply(j, c)
}

// dropAnswer leaves a job in hand whose final ack has not reached the log,
// unless its order has been cancelled meanwhile. The lock is held.
func (s *Station) dropAnswer(j *job) {
	if j.state == overtaken && j.owner == nil {
		s.apply(j, cause{input: answerFreed})
	} else {
		s.apply(j, cause{input: answerDropped})
	}
	if undo := s.undoOf(j.ticket.TicketID); undo != nil {
		s.decideUndo(undo)
	}
	if entry, _ := s.board.Get(j.ticket.TicketID); entry.Withdrawn {
		s.withdraw(j, nil)
	}
}

// applyToCounterpart does what an ack means for the ticket that undoes the one
// it is about, or that it undoes. The lock is held.
func (s *Station) applyToCounterpart(ack kitchen.Ack) {
	if undo := s.undoOf(ack.TicketID); undo != nil {
		s.decideUndo(undo)
		s.change()
	}
	undoes, ok := board.UndoneBy(ack.TicketID)
	if entry, _ := s.board.Get(undoes); ok && entry.Withdrawn && s.jobs[undoes] != nil {
		s.withdraw(s.jobs[undoes], &ack)
	}
}

// undoOf returns the job of a ticket's undo ticket, or nil if that is not here.
// The lock is held.
func (s *Station) undoOf(ticketID string) *job {
	undoID, _ := board.UndoOf(ticketID)
	return s.jobs[undoID]
}

// undoNumber is the number of the undo ticket that withdraws a ticket, or 0 if
// people do not see it here. The lock is held.
func (s *Station) undoNumber(ticketID string) int {
	if undo := s.undoOf(ticketID); undo != nil {
		return undo.number
	}
	return 0
}

// absence returns why nothing can be done to a ticket that is not here. The
// lock is held.
func (s *Station) absence(ticketID string) error {
	if entry, _ := s.board.Get(ticketID); entry.Withdrawn {
		return &WithdrawnError{Undo: s.undoNumber(ticketID)}
	}
	return ErrNotHere
}
