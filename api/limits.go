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
	if s.floor.IsEnqueued(orderID, pieces) {
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
	room, isNew := s.floor.Enqueue(orderID, pieces)
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
	return func() { giveAddressBack(); s.floor.Dequeue(orderID, pieces) }, nil
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
