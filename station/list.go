package station

import (
	"cmp"
	"slices"
)

// Tickets lists what is at this station, by number.
func (s *Station) Tickets() []Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := make([]Item, 0, len(s.jobs))
	for _, j := range s.jobs {
		if j.state.visible() != "" {
			items = append(items, s.item(j))
		}
	}
	slices.SortFunc(items, func(x, y Item) int { return cmp.Compare(x.Number, y.Number) })
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
	switch item.State {
	case InHand:
		item.By, item.StartedAt = s.config.Name, j.startedAt
	case Elsewhere:
		item.By, item.StartedAt = j.owner.By, j.owner.At
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
