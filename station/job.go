package station

import (
	"context"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// job is a ticket that has been delivered here and is not finished. Its fields
// are protected by the station's mu.
type job struct {
	state    State // changed by apply only
	number   int   // 0 while people do not see it
	ticket   kitchen.Ticket
	delivery *delivery
	// owner is the started ack of the owner elsewhere, if there is one.
	owner       *kitchen.Ack
	lastFailure *kitchen.Ack
	// startedAt is when it was first started here; zero if it was not.
	startedAt time.Time
	// expires is how long the log will have been read when an owner elsewhere
	// has had its attempt for too long.
	expires time.Duration
	// ownAckAt is when our last ack about it that the log has shown us was
	// given, by our own clock.
	ownAckAt time.Time
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
	// finish tells the group that the message is finished.
	finish func()
}

func (d *delivery) end() {
	d.unwatch()
	d.finish()
}

// before reports whether j is to be worked on before another job. Undo tickets
// come first: until they are undone, somebody keeps what nobody wants.
func (j *job) before(other *job) bool {
	if undo := j.undoes != ""; undo != (other.undoes != "") {
		return undo
	}
	return j.number < other.number
}

// apply changes a job after an input and does what follows. The lock is held.
func (s *Station) apply(j *job, c cause) {
	was, item := j.state, s.item(j)
	if was == closed {
		return
	}
	state, effects := next(was, c.input)
	j.state = state
	switch c.input {
	case offeredOwned, reissuedOwned, ownedElsewhere:
		j.owner = c.ack
	case ownedHere, reissued:
		j.owner = nil
	case ended:
		j.endedBy = c.ack
	}
	if was.visible() == "" && state.visible() != "" {
		s.number(j)
	}
	s.updateHand(j, c)
	if was == undoing && state != undoing {
		j.stopUndoing()
	}
	if state == closed {
		delete(s.jobs, j.ticket.TicketID)
	} else {
		item = s.item(j)
	}
	for _, e := range effects {
		s.perform(j, e, c, item, was.visible())
	}
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
		if j.startedAt.IsZero() {
			j.startedAt = c.ack.At
		}
	case !inHand && j.over != nil:
		close(j.over)
		j.over = nil
	}
}

// perform does one thing that follows from a change; item and was are the ticket
// as people see and saw it. The lock is held.
func (s *Station) perform(j *job, e effect, c cause, item Item, was State) {
	event := Event{Item: item, Was: was}
	switch e {
	case finishDelivery:
		j.delivery.end()
		return
	case publishStarted:
		s.publishStarted(j)
		return
	case publishUndone:
		s.publishUndone(j)
		return
	case observeOffered:
		event.Kind = Offered
	case observeReissued:
		event.Kind = Reissued
	case observeStarted:
		event.Kind = Started
	case observeStartedElsewhere:
		event.Kind, event.Ack = StartedElsewhere, c.ack
	case observeAnswered:
		event.Kind, event.Ack, event.Mine = Answered, c.ack, c.own
	case observeWithdrawn:
		event.Kind, event.Ack = Withdrawn, c.ack
		if event.Cancelled = c.input == withdrawn || c.input == undone; event.Cancelled {
			event.Undo = s.undoNumber(item.Ticket.TicketID)
		}
	}
	s.observe(event)
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
