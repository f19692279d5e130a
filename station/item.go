package station

import (
	"slices"
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
	// Silent goes with Elsewhere: By was last heard of at HeardAt, which is longer
	// ago than the ticket's time for an ack. They may be gone, and somebody may
	// take the ticket over.
	Silent  bool
	HeardAt time.Time
	// Rush is why the order goes before others; empty if it does not.
	Rush string
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
	// Started: the log says that the ticket is in hand here.
	Started
	// StartedElsewhere: somebody else works on a ticket that waited here, was in
	// hand here or with another, from whom they have then taken it over.
	StartedElsewhere
	// OwnerSilent: whoever has the ticket in hand elsewhere is silent: see
	// Item.Silent.
	OwnerSilent
	// PutBack: nobody has the ticket in hand any more, and it waits again.
	PutBack
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
	// Ack goes with StartedElsewhere, PutBack and Answered, and with Withdrawn if
	// an ack about the undo ticket withdrew the ticket. A ticket is put back by a
	// released of its owner, or by a refused: its started did not count. It is nil
	// if a delivery has shown that.
	Ack *kitchen.Ack
	// Cancelled goes with Withdrawn: the order was cancelled. Undo is then the
	// number of the undo ticket, or 0 if people here need not care for one.
	Cancelled bool
	Undo      int
	// Mine goes with Answered and PutBack: the ack was given here.
	Mine bool
	// Err goes with Unsent.
	Err error
}

// Tickets lists what is at this station, in the order in which it is to be worked
// on: undo tickets first, then those of orders in a rush, and otherwise what has waited
// longest.
func (s *Station) Tickets() []Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := make([]*job, 0, len(s.jobs))
	for _, j := range s.jobs {
		if j.state.visible() != "" {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, s.compare)
	items := make([]Item, len(jobs))
	for i, j := range jobs {
		items[i] = s.item(j)
	}
	return items
}

// item is a job as people see it. The lock is held.
func (s *Station) item(j *job) Item {
	item := Item{
		Answering:   j.state.isAnswering(),
		LastFailure: j.lastFailure,
		Number:      j.number,
		State:       j.state.visible(),
		Ticket:      j.ticket,
	}
	if flag, rush := s.flags.Get(kitchen.FlagRush, j.ticket.OrderID); rush {
		item.Rush = flag.Reason
	}
	switch item.State {
	case InHand:
		item.By, item.StartedAt = s.config.Name, j.startedAt
	case Elsewhere:
		item.By, item.StartedAt = j.owner.By, j.owner.At
		if entry, _ := s.board.Get(j.ticket.TicketID); entry.State == kitchen.TicketStarted {
			item.StartedAt, item.HeardAt, item.Silent = *entry.StartedAt, entry.Sign.Time, j.silent
		}
	}
	if j.undoes != "" {
		item.Work, item.WorkBy = s.work(j)
	}
	return item
}

// Standing says whether a ticket that people call by its number can be worked
// on.
type Standing int

// The standings of a ticket.
const (
	// Unknown: no ticket has got this number yet, or it was long ago.
	Unknown Standing = iota
	// Here: Tickets lists it.
	Here
	// Away: it is not here, but open, and may come back.
	Away
	// Ended: its work is done or undone.
	Ended
	// Cancelled: it is not here, since its order was cancelled.
	Cancelled
)

// Lookup returns the id of the ticket with a number at this station, and where
// it stands.
func (s *Station) Lookup(number int) (string, Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ticketID, given := range s.numbers {
		if given != number {
			continue
		}
		if s.jobs[ticketID] != nil {
			return ticketID, Here
		}
		switch entry, _ := s.board.Get(ticketID); {
		case entry.Withdrawn:
			return ticketID, Cancelled
		case entry.Ended():
			return ticketID, Ended
		}
		return ticketID, Away
	}
	return "", Unknown
}
