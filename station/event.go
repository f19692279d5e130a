package station

import (
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// State is where a ticket stands, seen from one station.
type State string

// The states of an Item.
const (
	// Waiting tickets can be started here.
	Waiting State = "waiting"
	// InHand is what is being worked on here.
	InHand State = "in hand"
	// Elsewhere is in hand at another station.
	Elsewhere State = "elsewhere"
)

// Item is a ticket at this station.
type Item struct {
	// Number is what people at this station call the ticket. It stays the same
	// for as long as the station runs.
	Number int
	Ticket kitchen.Ticket
	State  State
	// By is who works on it.
	By        string
	StartedAt time.Time
	// Answering is true while a final ack is on its way to Kafka.
	Answering bool
	// LastFailure is why an earlier attempt failed, if one did.
	LastFailure *kitchen.Ack
	// Work goes with an undo ticket: the work that it undoes is done, started,
	// or waiting if nobody is known to have begun it. WorkBy is who has begun
	// it, if that is known.
	Work   kitchen.TicketState
	WorkBy string
}

// ToScrap is how many pieces an undo ticket is likely to cost: all of them,
// unless nobody is known to have begun.
func (i Item) ToScrap() int {
	if i.Work == kitchen.TicketDone || i.Work == kitchen.TicketStarted {
		return i.Ticket.Pieces()
	}
	return 0
}

// EventKind says what happened to a ticket at this station.
type EventKind int

// The kinds of events.
const (
	// Offered: the ticket can be started here, for the first time or again.
	Offered EventKind = iota + 1
	// Reissued: a newer attempt of a ticket that is here has arrived.
	Reissued
	// Started: the log says that the ticket is in hand here.
	Started
	// StartedElsewhere: somebody else works on a ticket that waited here or
	// was in hand here.
	StartedElsewhere
	// Answered: the log has an ack that ends the ticket or its attempt, from
	// here or elsewhere: see Ack.
	Answered
	// Withdrawn: the ticket is no longer offered here. If its order was
	// cancelled it is no longer in hand either: see Cancelled, Undo and Ack.
	Withdrawn
	// Unsent: Kafka does not take an ack; it is kept and tried again.
	Unsent
)

// Event is something that happened to a ticket.
type Event struct {
	Kind EventKind
	Item Item
	// Was is the state before.
	Was State
	// Ack goes with StartedElsewhere and Answered, and with Withdrawn if an ack
	// about the undo ticket withdrew the ticket.
	Ack *kitchen.Ack
	// Cancelled goes with Withdrawn: the order was cancelled. Undo is then the
	// number of the undo ticket, or 0 if people here need not care for one.
	Cancelled bool
	Undo      int
	// Mine goes with Answered: the ack was given here.
	Mine bool
	// Err goes with Unsent.
	Err error
}
