package api

import (
	"context"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// piecesAsOneOrder is how many pieces count as one order of an address: a
	// larger order counts as several.
	piecesAsOneOrder = 100
	// ordersWithin is the time in which an address may place its orders.
	ordersWithin = time.Hour
	// fullRetryAfter is when a customer may try again while the kitchen is full.
	fullRetryAfter = 2 * time.Minute
	// lookUpsAtOnce is how many refused orders a process looks for in Temporal at
	// the same time.
	lookUpsAtOnce = 8
)

// newOrderAttempts counts the orders of each address; nil for no limit.
func newOrderAttempts(perAddress int) *attempts {
	if perAddress == 0 {
		return nil
	}
	return newAttempts(perAddress, ordersWithin/time.Duration(perAddress), maxAttempts)
}

// admit lets an order in, or says why it may not be placed now: its address has
// ordered too much, or the kitchen has too much to do. It is counted before it
// is placed, so that many at once are not more than the limits; giveBack undoes
// that. The address comes first: what it may not order must not take up room,
// be it for a moment. Orders that staff enter for the customers before them are
// no address's.
func (s *Server) admit(c *gin.Context, orderID string, order kitchen.Order) (giveBack func(), err error) {
	giveBack = func() {}
	pieces := order.Pieces()
	if s.floor.isTaken(orderID, pieces) {
		return giveBack, nil // the same order is being placed, or just has been
	}
	if _, staff := staffOf(c); !staff && s.orderAttempts != nil {
		address, count := s.addressOf(c.Request), max(1, (pieces+piecesAsOneOrder-1)/piecesAsOneOrder)
		if wait := s.orderAttempts.take(address, count, time.Now()); wait > 0 {
			s.metrics.ordersRefused.WithLabelValues(refusedByAddress).Inc()
			wait = (wait + time.Second - 1).Truncate(time.Second)
			return nil, &problemError{Type: wire.ProblemTooManyOrders, RetryAfter: wait,
				Detail: fmt.Sprintf("Too many orders came from your address. Nothing was ordered this time: try again in %s.", inWords(wait))}
		}
		giveBack = func() { s.orderAttempts.giveBack(address, count) }
	}
	room, isNew := s.floor.takeUp(orderID, pieces)
	switch {
	case !room:
		giveBack()
		s.metrics.ordersRefused.WithLabelValues(refusedByKitchen).Inc()
		return nil, &problemError{Type: wire.ProblemKitchenFull, RetryAfter: fullRetryAfter,
			Detail: "The kitchen has as much to do as it can take. Nothing was ordered: try again in a few minutes."}
	case !isNew: // by the same order, which came at the same moment
		giveBack()
		return func() {}, nil
	}
	giveAddressBack := giveBack
	return func() { giveAddressBack(); s.floor.giveUp(orderID, pieces) }, nil
}

// unlessRepeated answers an order that a limit refuses: if its idempotency key
// has placed it before, it is that order's answer all the same. That nothing was
// ordered is said only when Temporal has no such order. A few look at a time, so
// that a flood of refused orders is none for Temporal.
func (s *Server) unlessRepeated(ctx context.Context, orderID, hash string, refusal error) (CreateOrderResponseObject, error) {
	if err := s.lookUps.Acquire(ctx, 1); err != nil {
		return nil, cannotLookUp(err)
	}
	defer s.lookUps.Release(1)
	in, err := s.repeated(ctx, orderID, hash)
	switch {
	case err == nil:
		return created(orderID, in), nil
	case isNotFound(err):
		return nil, refusal
	}
	return nil, err
}

// inWords is a time to wait as people say it, rounded up.
func inWords(wait time.Duration) string {
	count := func(unit time.Duration, word string) string { return fmt.Sprintf("%d %s", (wait+unit-1)/unit, word) }
	switch {
	case wait <= time.Second:
		return "a second"
	case wait < 2*time.Minute:
		return count(time.Second, "seconds")
	case wait < 2*time.Hour:
		return count(time.Minute, "minutes")
	}
	return count(time.Hour, "hours")
}

// queue is how much stands before a new order: the make tickets that are open
// at the stations, of which an order has one at a time, and the orders that
// this process has taken and of which the log has not spoken yet. Other
// processes' orders are known as soon as their first tickets are out, which
// takes a moment while worker and Kafka work. While one of the two is away, each
// process knows of the new orders that it has taken itself.
type queue struct {
	limits         kitchen.Open
	orders, pieces int
	taken          map[string]takenOrder
}

type takenOrder struct {
	pieces int
	// after is how long the process had been reading the log then.
	after time.Duration
}

// count notes that a ticket is on a board, or with -1 that it is not any more.
func (q *queue) count(ticket wire.BoardTicket, times int) {
	if ticket.Kind == kitchen.TicketMake {
		q.orders += times
		q.pieces += times * kitchen.Order{Lines: ticket.Lines}.Pieces()
	}
}

// heard hears that the log has spoken of an order.
func (q *queue) heard(orderID string) {
	if order, waits := q.taken[orderID]; waits {
		delete(q.taken, orderID)
		q.orders--
		q.pieces -= order.pieces
	}
}

// takeUp counts a new order if there is room for it; one of the same size that
// is counted already, under the same key, is not new. One of another size takes
// its place: a key is no way to place more than was counted. An order that is more than may be
// open in all is taken when nothing else is. Without a log nobody can tell when
// an order is done, so there is no limit.
func (f *floor) takeUp(orderID string, pieces int) (room, isNew bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writer == nil {
		return true, true
	}
	q := &f.queue
	orders, open := q.orders, q.pieces
	if before, known := q.taken[orderID]; known {
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
	q.taken[orderID] = takenOrder{pieces, f.reading.Elapsed()}
	q.orders = orders + 1
	q.pieces = open + pieces
	return true, true
}

// isTaken reports whether this process has counted an order of this size of
// which the log has not spoken yet.
func (f *floor) isTaken(orderID string, pieces int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	order, taken := f.queue.taken[orderID]
	return taken && order.pieces == pieces
}

// giveUp hears that an order was not placed after all. One of another size, which
// took its place, stays counted.
func (f *floor) giveUp(orderID string, pieces int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queue.taken[orderID].pieces == pieces {
		f.queue.heard(orderID)
	}
}
