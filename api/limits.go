package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/internal/ratelimit"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// piecesAsOneOrder is how many pieces count as one order of an address: a
	// larger order counts as several.
	piecesAsOneOrder = 100
	// ordersWithin is the time in which an address may place its orders.
	ordersWithin = time.Hour
	// maxOrderAddresses is how many addresses are remembered.
	maxOrderAddresses = 10_000
	// fullRetryAfter is when a customer may try again while the kitchen is full.
	fullRetryAfter = 2 * time.Minute
	// lookUpsAtOnce is how many refused orders a process looks up in Temporal at
	// the same time.
	lookUpsAtOnce = 8
)

// newOrderLimit limits the orders of each address; nil for no limit.
func newOrderLimit(perAddress int) *ratelimit.Limiter {
	if perAddress == 0 {
		return nil
	}
	return ratelimit.New(perAddress, ordersWithin/time.Duration(perAddress), maxOrderAddresses)
}

// admit counts an order against the limits, or returns why it may not be placed
// now: its address has ordered too much, or the kitchen has too much to do.
// Counting before the order is placed keeps many requests at once within the
// limits; release takes the order out of the count again. The address comes
// first, because what it may not order must not take up room even for a moment.
// Orders that signed-in staff enter for customers count for no address.
func (s *Server) admit(c *gin.Context, orderID string, order kitchen.Order) (release func(), err error) {
	release = func() {}
	pieces := order.Pieces()
	if s.floor.IsEnqueued(orderID, pieces) {
		return release, nil // the same order is being placed, or just has been
	}
	if release, err = s.admitAddress(c, pieces); err != nil {
		return nil, err
	}
	hasRoom, isNew := s.floor.Enqueue(orderID, pieces)
	switch {
	case !hasRoom:
		release()
		s.metrics.ordersRefused.WithLabelValues(refusedByKitchen).Inc()
		return nil, &problemError{Type: wire.ProblemKitchenFull, RetryAfter: fullRetryAfter,
			Detail: "The kitchen has as much to do as it can take. Nothing was ordered: try again in a few minutes."}
	case !isNew: // another request for the same order has just counted it
		release()
		return func() {}, nil
	}
	refundAddress := release
	return func() { refundAddress(); s.floor.Dequeue(orderID, pieces) }, nil
}

// admitAddress counts an order against the limit of its address only. It is all that
// limits orders for later: their slots have a capacity of their own, and the kitchen
// counts them once it begins them.
func (s *Server) admitAddress(c *gin.Context, pieces int) (release func(), err error) {
	if _, isStaff := sessionOf(c); isStaff || s.orderLimit == nil {
		return func() {}, nil
	}
	address, count := s.addressOf(c.Request), max(1, (pieces+piecesAsOneOrder-1)/piecesAsOneOrder)
	if wait := s.orderLimit.Spend(address, count, time.Now()); wait > 0 {
		s.metrics.ordersRefused.WithLabelValues(refusedByAddress).Inc()
		return nil, &problemError{Type: wire.ProblemTooManyOrders, RetryAfter: wait,
			Detail: fmt.Sprintf("Too many orders came from your address. Nothing was ordered this time: try again in %s.", inWords(wait))}
	}
	return func() { s.orderLimit.Refund(address, count) }, nil
}

func (s *Server) admitAddressOf(c *gin.Context) func(pieces int) (release func(), err error) {
	return func(pieces int) (func(), error) { return s.admitAddress(c, pieces) }
}

// unlessRepeated answers an order that a limit refuses. If its idempotency key
// has placed it before, the answer is that order's all the same. The refusal says
// that nothing was ordered, so it is given only when Temporal has no such order.
// Few are looked up at the same time, so that a flood of refused orders does not
// reach Temporal.
func (s *Server) unlessRepeated(ctx context.Context, orderID, hash string, refusal error) (CreateOrderResponseObject, error) {
	if err := s.lookUps.Acquire(ctx, 1); err != nil {
		return nil, cannotLookUp(err)
	}
	defer s.lookUps.Release(1)
	in, err := s.firstOrder(ctx, orderID, hash)
	switch {
	case err == nil:
		return created(ctx, orderID, in), nil
	case errors.Is(err, errBeingPlaced): // whoever reads that nothing was ordered orders something else
		return nil, unknownPlacing(refusal)
	case workflows.IsNotFound(err):
		return nil, refusal
	}
	return nil, err
}

// inWords is a time to wait as people say it, rounded up.
func inWords(wait time.Duration) string {
	seconds := inSeconds(wait)
	switch {
	case seconds <= 1:
		return "a second"
	case seconds < 120:
		return fmt.Sprintf("%d seconds", seconds)
	case seconds < 120*60:
		return fmt.Sprintf("%d minutes", (seconds+59)/60)
	}
	return fmt.Sprintf("%d hours", (seconds+3599)/3600)
}
