package floor

import (
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// queue is how much stands before a new order: the make tickets that are open
// at the stations, where an order has one at a time, and the orders that this
// process has accepted and that are not in the log yet. Other processes' orders
// are known as soon as their first tickets are out, which takes a moment while
// worker and Kafka work. While one of the two is away, each process knows only
// the new orders that it has accepted itself. The floor's lock guards it.
type queue struct {
	limits         kitchen.Open
	orders, pieces int
	accepted       map[string]acceptedOrder
}

// acceptedOrder is an order that is not in the log yet.
type acceptedOrder struct {
	pieces int
	// after is how long the process had been reading the log by then.
	after time.Duration
}

// count notes that a ticket is on a board, or with -1 that it is not any more.
func (q *queue) count(ticket wire.BoardTicket, times int) {
	if ticket.Kind == kitchen.TicketMake {
		q.orders += times
		q.pieces += times * kitchen.Order{Lines: ticket.Lines}.Pieces()
	}
}

// drop stops counting an accepted order by itself: the log has a message of it
// now, or it was not placed after all.
func (q *queue) drop(orderID string) {
	if order, waits := q.accepted[orderID]; waits {
		delete(q.accepted, orderID)
		q.orders--
		q.pieces -= order.pieces
	}
}

// Enqueue counts a new order if there is room for it. An order of the same
// size that is counted already is not new; one of another size takes its place,
// so that a repeated key cannot place more than was counted. An order larger
// than the limit of pieces is accepted while nothing else is open. Without a
// log nobody can tell when an order is done, so there is no limit.
func (f *Floor) Enqueue(orderID string, pieces int) (room, isNew bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writer == nil {
		return true, true
	}
	q := &f.queue
	orders, open := q.orders, q.pieces
	if before, known := q.accepted[orderID]; known {
		if before.pieces == pieces {
			return true, false
		}
		orders, open = orders-1, open-before.pieces
	}
	tooMany := q.limits.Orders > 0 && orders >= q.limits.Orders
	tooMuch := q.limits.Pieces > 0 && open > 0 && open+pieces > q.limits.Pieces
	if tooMany || tooMuch {
		return false, false
	}
	q.accepted[orderID] = acceptedOrder{pieces, f.reading.Elapsed()}
	q.orders = orders + 1
	q.pieces = open + pieces
	return true, true
}

// IsEnqueued reports whether this process has counted an order of this size
// that is not in the log yet.
func (f *Floor) IsEnqueued(orderID string, pieces int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	order, waits := f.queue.accepted[orderID]
	return waits && order.pieces == pieces
}

// Dequeue stops counting an order that was not placed after all. One of another
// size, which took its place, stays counted.
func (f *Floor) Dequeue(orderID string, pieces int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queue.accepted[orderID].pieces == pieces {
		f.queue.drop(orderID)
	}
}

// Queued is how many orders and pieces stand before a new order, and how many
// of the orders are not in the log yet.
func (f *Floor) Queued() (orders, pieces, unlogged int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queue.orders, f.queue.pieces, len(f.queue.accepted)
}
