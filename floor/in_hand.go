package floor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// OrderPlace is where an order is by its open ticket, as the boards show that.
type OrderPlace struct {
	OrderID string
	Stage   kitchen.Stage
	QueuePlace
	// InHand is zero while nobody has the ticket in hand.
	InHand wire.InHand
}

// QueuePlace is a ticket's place in its stage's queue. The zero value comes before
// all.
type QueuePlace struct {
	Since    time.Time
	TicketID string
}

func (p QueuePlace) compare(other QueuePlace) int {
	return cmp.Or(p.Since.Compare(other.Since), strings.Compare(p.TicketID, other.TicketID))
}

// OrderPlaces tells where those of the orders are that have an open ticket, by
// their ids.
func (f *Floor) OrderPlaces(orderIDs []string) map[string]OrderPlace {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.orderPlaces(orderIDs)
}

// Queue looks at so many of a stage's open tickets, the oldest of those that come
// after a place, and lists the orders that are there by them. last is the place of
// the last ticket looked at; zero if no others come after it.
func (f *Floor) Queue(stage kitchen.Stage, after QueuePlace, tickets int) (orders []OrderPlace, last QueuePlace) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var queue []QueuePlace // never longer than asked for: thousands may wait
	more := false
	for ticketID, ticket := range f.stations[stage].open {
		place := QueuePlace{ticket.Since, ticketID}
		if place.compare(after) <= 0 {
			continue
		}
		if len(queue) == tickets {
			more = true
			if place.compare(queue[tickets-1]) > 0 {
				continue
			}
			queue = queue[:tickets-1]
		}
		at, _ := slices.BinarySearchFunc(queue, place, QueuePlace.compare)
		queue = slices.Insert(queue, at, place)
	}
	orderIDs := make([]string, len(queue))
	for i, place := range queue {
		orderIDs[i] = orderOf(place.TicketID)
	}
	places := f.orderPlaces(orderIDs)
	for i, orderID := range orderIDs {
		if order := places[orderID]; order.QueuePlace == queue[i] { // it may have several tickets
			orders = append(orders, order)
		}
	}
	if more {
		last = queue[len(queue)-1]
	}
	return orders, last
}

// orderPlaces looks through all that is open: the boards are kept by ticket, and
// nobody knows which pass an order is in. The floor's lock is held.
func (f *Floor) orderPlaces(orderIDs []string) map[string]OrderPlace {
	if len(orderIDs) == 0 {
		return nil
	}
	wanted := make(map[string]bool, len(orderIDs))
	for _, id := range orderIDs {
		wanted[id] = true
	}
	places := make(map[string]OrderPlace, len(orderIDs))
	for _, stage := range kitchen.Stages() {
		open := f.stations[stage].open
		for ticketID := range open {
			orderID := orderOf(ticketID)
			if !wanted[orderID] {
				continue
			}
			ticket := open[ticketID]
			if other, found := places[orderID]; found && !ticket.tellsMore(f.stations[other.Stage].open[other.TicketID]) {
				continue
			}
			place := OrderPlace{OrderID: orderID, Stage: stage, QueuePlace: QueuePlace{ticket.Since, ticketID}}
			if ticket.State == kitchen.TicketStarted {
				place.InHand = wire.InHand{By: ticket.By, Since: ticket.StartedAt}
			}
			places[orderID] = place
		}
	}
	return places
}

// tellsMore reports whether a ticket tells better than another one where their
// order is. The last pass counts, although somebody may still have a ticket of the
// one before in hand. An order that is cancelled under somebody's hands is in
// their hands until somebody else has started to undo the work.
func (t openTicket) tellsMore(other openTicket) bool {
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

// orderOf is the order of a ticket on a board. The id is known to be good, and
// kitchen.ParseTicketID would take many times as long to say so again.
func orderOf(ticketID string) string {
	orderID, _, _ := strings.Cut(ticketID, ".")
	return orderID
}
