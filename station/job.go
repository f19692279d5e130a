package station

import (
	"context"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// job is a ticket that has been delivered here and is not finished. The
// station's mu guards it.
type job struct {
	state    State // changed by apply only
	number   int   // 0 while people do not see it
	ticket   kitchen.Ticket
	delivery *delivery
	// owner is the started ack of the owner elsewhere, if there is one.
	owner       *kitchen.Ack
	lastFailure *kitchen.Ack
	// startedAt is when the work in hand here began.
	startedAt time.Time
	// silent says that the owner elsewhere was not heard of for longer than they
	// may be.
	silent bool
	// shown is our last ack about it that the log has shown us, and shownDid what
	// it did. Renewals, which nobody waits for, are left out.
	shown    kitchen.Ack
	shownDid board.Effect
	// renewing counts the renewals that are on their way to the log, releasing
	// the calls that put it back. No renewal may get there after a released: it
	// would claim the ticket again.
	renewing, releasing int
	// over is closed when it is no longer in hand; nil while it is not.
	over chan struct{}
	// endedBy is the ack that closed it, if one about itself did.
	endedBy *kitchen.Ack

	// undoes is the ticket that an undo ticket undoes; empty for others.
	undoes string
	// stopUndoing stops the station from publishing undone by itself.
	stopUndoing context.CancelFunc
	// fromHand says that an undo ticket has withdrawn work that was in hand
	// here.
	fromHand bool
	// firstIssued is the record of its first attempt; nil if that has not been
	// here.
	firstIssued *board.Heard
}

// delivery is the newest message that brought a job's ticket.
type delivery struct {
	// ctx ends when its partition goes to another station; unwatch stops
	// waiting for that.
	ctx     context.Context
	unwatch func() bool
	// finish tells the group that the message is finished. It may be called
	// again.
	finish func()
	// issued is its record.
	issued board.Heard
}

func (d *delivery) end() {
	d.unwatch()
	d.finish()
}

// compare orders jobs by when they are to be worked on, by the rule of all boards.
func (s *Station) compare(j, other *job) int { return s.place(j).Compare(s.place(other)) }

func (s *Station) place(j *job) kitchen.QueuePlace {
	_, rush := s.flags.Get(kitchen.FlagRush, j.ticket.OrderID)
	return kitchen.PlaceInQueue(j.ticket.TicketID, j.ticket.Kind, rush, j.ticket.Due(), j.ticket.QueuedSince())
}

// hasShown reports whether the log has shown us an ack of ours.
func (j *job) hasShown(ack kitchen.Ack) bool {
	return j.shown.Kind == ack.Kind && j.shown.SaidAt().Equal(ack.SaidAt())
}

// isBusy reports whether a call about it is under way.
func (j *job) isBusy() bool { return j.state.isClaimed() || j.state.isAnswering() }

// apply changes a job after an input and does what follows. The lock is held.
func (s *Station) apply(j *job, c cause) {
	was, item := j.state, s.item(j)
	if was == closed || c.input == "" {
		return
	}
	if c.input == ownedElsewhere && j.owner != nil && j.owner.By == c.ack.By {
		return // it is known already
	}
	state, follows := next(was, c.input)
	j.state = state
	switch c.input {
	case offeredOwned, ownedElsewhere:
		j.owner = c.ack
	case ownedHere, freed:
		j.owner = nil
	case ended:
		j.endedBy = c.ack
	}
	if was.visible() == "" && state.visible() != "" {
		s.number(j)
	}
	s.updateHand(j, c)
	j.silent = s.ownerIsSilent(j)
	if was == undoing && state != undoing {
		j.stopUndoing()
	}
	if state == closed {
		delete(s.jobs, j.ticket.TicketID)
	} else {
		item = s.item(j)
	}
	if follows.finish {
		j.delivery.end()
	}
	for _, kind := range follows.observe {
		s.observe(s.event(kind, c, item, was.visible()))
	}
	if follows.publish == kitchen.AckUndone {
		s.publishUndone(j)
	}
	s.makeRoom(j)
	s.change()
	if (state == Waiting || state == Elsewhere) && j.delivery.ctx.Err() != nil {
		s.apply(j, cause{input: partitionLost}) // it has kept it only while it was in hand
	}
}

// updateHand keeps what goes with a job in hand. The lock is held.
func (s *Station) updateHand(j *job, c cause) {
	switch inHand := j.state.visible() == InHand; {
	case inHand && j.over == nil:
		j.over = make(chan struct{})
		switch entry, _ := s.board.Get(j.ticket.TicketID); {
		case entry.StartedAt != nil:
			j.startedAt = *entry.StartedAt
		case c.ack != nil:
			j.startedAt = c.ack.At
		}
	case !inHand && j.over != nil:
		close(j.over)
		j.over = nil
	}
	if c.input == ownedHere && j.state == InHand && !c.unannounced {
		over := j.over
		s.background.Go(func() { s.renew(j, over) })
	}
}

// event is what people see of an input; item and was are the ticket as they see
// it now and saw it before. The lock is held.
func (s *Station) event(kind EventKind, c cause, item Item, was State) Event {
	e := Event{Kind: kind, Item: item, Was: was}
	switch kind {
	case StartedElsewhere:
		e.Ack = c.ack
	case Answered, PutBack:
		e.Ack, e.Mine = c.ack, c.own
	case Withdrawn:
		e.Ack, e.Cancelled = c.ack, c.input == withdrawn || c.input == undone
		if e.Cancelled {
			e.Undo = s.undoNumber(item.Ticket.TicketID)
		}
	}
	return e
}

// number gives a job the number by which people call it. The lock is held.
func (s *Station) number(j *job) {
	ticketID := j.ticket.TicketID
	number, known := s.numbers[ticketID]
	if !known {
		s.last++
		number = s.last
		s.numbers[ticketID] = number
	}
	j.number = number
}

// observe passes an event on, unless the station is stopping, when everything
// vanishes, or the ticket is one that nobody needs to see. The lock is held.
func (s *Station) observe(e Event) {
	if s.ctx.Err() == nil && e.Item.Number > 0 {
		s.config.Observe(e)
	}
}
