package floor

import (
	"github.com/cupcakery/cupcakery/kitchen"
)

// IsErased reports whether an order's person is forgotten. known is false while this
// process has not read kitchen-state to its end since it started, or nobody answers what
// is there: then an order that it knows nothing of may be erased all the same. Without
// Kafka nobody is forgotten.
func (f *Floor) IsErased(orderID string) (erased, known bool) {
	if f.writer == nil {
		return false, true
	}
	select {
	case <-f.flags.Read():
		f.mu.Lock()
		known = f.flagsAway.IsZero()
		f.mu.Unlock()
	default:
	}
	return f.isErased(orderID), known
}

// isErased is IsErased as far as kitchen-state was read.
func (f *Floor) isErased(orderID string) bool {
	_, erased := f.flags.Get(kitchen.FlagErased, kitchen.OrderKey(orderID))
	return erased
}

// isGone reports whether nobody waits for an order at the counter any more: it was
// collected, or its person is forgotten.
func (f *Floor) isGone(orderID string) bool {
	_, collected := f.flags.Get(kitchen.FlagCollected, orderID)
	return collected || f.isErased(orderID)
}

// forgetPersons forgets what this process knows of the customers of erased orders. No
// order can be found by its key, so each order that is known is looked at. The lock is
// held.
func (f *Floor) forgetPersons(isErased func(orderID string) bool) {
	erased := make(map[string]bool)
	look := func(orderID string) {
		if _, looked := erased[orderID]; !looked {
			erased[orderID] = isErased(orderID)
		}
	}
	for ticketID := range f.board.TicketIDs() {
		look(orderOf(ticketID))
	}
	for orderID := range f.shipped {
		look(orderID)
	}
	for orderID := range f.statuses {
		look(orderID)
	}
	for _, orderID := range f.orders.all() {
		look(orderID)
	}
	for orderID, is := range erased {
		if is {
			f.forgetPerson(orderID)
		}
	}
}

func (f *Floor) forgetPerson(orderID string) {
	if order, known := f.shipped[orderID]; known {
		order.name, order.allergies = "", nil
		f.shipped[orderID] = order
		f.updateCollected(orderID)
	}
	if order := f.statuses[orderID]; order != nil {
		order.status, order.asked = "", 0
		f.kitchen.questionsChanged()
	}
	ticketIDs := f.board.ForgetTexts(orderID)
	f.show(ticketIDs...)
	for _, ticketID := range ticketIDs {
		if ref, err := kitchen.ParseTicketID(ticketID); err == nil {
			f.stations[ref.Stage].forgetChanges()
		}
	}
	f.counter.orderChanged(orderID)
	f.overview.changed()
	f.orders.forget(orderID)
}

// forgetChanges makes all followers start again, since the changes before tell what is
// forgotten. The floor's lock is held.
func (s *stationFeed) forgetChanges() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart()
}

// all are the orders that somebody follows.
func (o *orderFeeds) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var orderIDs []string
	for orderID := range o.followed {
		orderIDs = append(orderIDs, orderID)
	}
	return orderIDs
}

// forget has the order asked about anew, which ends its channel. Until then it shows
// nothing. The floor's lock is held.
func (o *orderFeeds) forget(orderID string) {
	order := o.get(orderID)
	if order == nil {
		return
	}
	order.answer, order.told, order.shown = kitchen.Status{}, kitchen.LoggedStatus{}, kitchen.Status{}
	order.mu.Lock()
	order.whole = nil
	order.restart()
	order.mu.Unlock()
	order.poller.plan(0)
}
