package floor

import (
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// OrderPlace is where an order is by its open ticket, as the boards show that.
type OrderPlace struct {
	OrderID string
	Stage   kitchen.Stage
	kitchen.QueuePlace
	// InHand is zero while nobody has the ticket in hand.
	InHand wire.InHand
}

// OrderPlaces tells where those of the orders are that have an open ticket, by
// their ids.
func (f *Floor) OrderPlaces(orderIDs []string) map[string]OrderPlace {
	f.mu.Lock()
	defer f.mu.Unlock()
	places := make(map[string]OrderPlace, len(orderIDs))
	for _, orderID := range orderIDs {
		if place, found := f.orderPlace(orderID); found {
			places[orderID] = place
		}
	}
	return places
}

// Queue looks at so many of a stage's open tickets, those that come first
// after a place, and lists the orders that are there by them. last is the place of
// the last ticket looked at; zero if no others come after it.
func (f *Floor) Queue(stage kitchen.Stage, after kitchen.QueuePlace, tickets int) (orders []OrderPlace, last kitchen.QueuePlace) {
	f.mu.Lock()
	defer f.mu.Unlock()
	open := &f.stations[stage].open
	queue := open.queue[open.find(after):]
	if len(queue) > 0 && queue[0].comparePlace(after) == 0 {
		queue = queue[1:]
	}
	if len(queue) > tickets {
		queue = queue[:tickets]
		last = queue[tickets-1].place()
	}
	for _, ticket := range queue {
		if order, _ := f.orderPlace(orderOf(ticket.TicketID)); order.QueuePlace == ticket.place() { // it may have several tickets
			orders = append(orders, order)
		}
	}
	return orders, last
}

// orderPlace looks at all open tickets of an order: nobody knows which pass it is
// in. The floor's lock is held.
func (f *Floor) orderPlace(orderID string) (place OrderPlace, found bool) {
	most, stage := f.openTicketOf(orderID)
	if most == nil {
		return OrderPlace{}, false
	}
	place = OrderPlace{OrderID: orderID, Stage: stage, QueuePlace: most.place()}
	if most.State == kitchen.TicketStarted {
		place.InHand = wire.InHand{By: most.By, Since: most.StartedAt}
	}
	return place, true
}

// openTicketOf is the open ticket that tells best where an order is, and its stage; nil
// if there is none. The floor's lock is held.
func (f *Floor) openTicketOf(orderID string) (most *openTicket, at kitchen.Stage) {
	for _, stage := range kitchen.Stages() {
		for _, ticket := range f.stations[stage].open.byOrder[orderID] {
			if most == nil || ticket.tellsMore(most) {
				most, at = ticket, stage
			}
		}
	}
	return most, at
}

// Work is what the log tells of an order beside its status.
type Work struct {
	// Stage is where its open ticket is; empty if there is none.
	Stage  kitchen.Stage
	Ticket wire.BoardTicket
	// Ahead is how many tickets that nobody has in hand come before it in the queue.
	Ahead int
	// Paused tells that nobody begins anything at the stage.
	Paused wire.Paused
	Rush   wire.Rush
	// Collected tells that the order was handed out; nil if nobody has said so.
	Collected *kitchen.Flag
}

// Work tells what the log knows of an order beside its status.
func (f *Floor) Work(orderID string) Work {
	f.mu.Lock()
	defer f.mu.Unlock()
	work := Work{Rush: f.rush(orderID)}
	if flag, collected := f.flags.Get(kitchen.FlagCollected, orderID); collected {
		work.Collected = &flag
	}
	open, stage := f.openTicketOf(orderID)
	if open == nil {
		return work
	}
	work.Stage, work.Ticket, work.Paused = stage, open.BoardTicket, f.paused(stage)
	for _, before := range f.stations[stage].open.queue {
		if before == open {
			break
		}
		if before.isWaiting() {
			work.Ahead++
		}
	}
	return work
}

// tellsMore reports whether a ticket tells better than another one where their
// order is. The last pass counts, although somebody may still have a ticket of the
// one before in hand. An order that is cancelled under somebody's hands is in
// their hands until somebody else has started to undo the work.
func (t *openTicket) tellsMore(other *openTicket) bool {
	started, otherStarted := t.State == kitchen.TicketStarted, other.State == kitchen.TicketStarted
	switch {
	case t.Pass != other.Pass:
		return t.Pass > other.Pass
	case started != otherStarted:
		return started
	case t.Withdrawn != other.Withdrawn:
		return !t.Withdrawn
	}
	return t.TicketID > other.TicketID
}
