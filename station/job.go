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
	state, follows := next(was, c.input)
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
	s.updateHand(j, c.ack)
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
	switch follows.publish {
	case kitchen.AckStarted:
		s.publishByItself(s.ctx, s.newAck(j, kitchen.AckStarted), func() {})
	case kitchen.AckUndone:
		s.publishUndone(j)
	}
	s.change()
	if (state == Waiting || state == Elsewhere) && j.delivery.ctx.Err() != nil {
		s.apply(j, cause{input: partitionLost}) // it has kept it only while it was in hand
	}
}

// updateHand keeps what goes with a job in hand. The lock is held.
func (s *Station) updateHand(j *job, started *kitchen.Ack) {
	switch inHand := j.state.visible() == InHand; {
	case inHand && j.over == nil:
		j.over = make(chan struct{})
		if j.startedAt.IsZero() {
			j.startedAt = started.At
		}
	case !inHand && j.over != nil:
		close(j.over)
		j.over = nil
	}
}

// event is what people see of an input; item and was are the ticket as they see
// it now and saw it before. The lock is held.
func (s *Station) event(kind EventKind, c cause, item Item, was State) Event {
	e := Event{Kind: kind, Item: item, Was: was}
	switch kind {
	case StartedElsewhere:
		e.Ack = c.ack
	case Answered:
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
