package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// checkPickup returns why an order cannot be fetched when it says, as far as the kitchen
// file tells.
func (s *Server) checkPickup(order kitchen.Order, at time.Time) error {
	opening := &s.kitchen.Opening
	switch {
	case !order.PickupAt.IsZero():
		return notThen(opening.CheckPickup(at, order.PickupAt, order.Pieces()))
	case opening.IsOpen(at):
		return nil
	}
	problem := &problemError{Type: wire.ProblemClosed, Detail: "The bakery is closed. Nothing was ordered."}
	if opens, found := opening.NextOpening(at); found {
		problem.OpensAt = opens
		problem.Detail = fmt.Sprintf("The bakery is closed until %s. Nothing was ordered: order then, or now for a slot.", opening.Say(opens))
	}
	return problem
}

// notThen is the problem of a time at which an order cannot be fetched.
func notThen(cause error) error {
	if cause == nil {
		return nil
	}
	pointer := "/pickupAt"
	return fieldsProblem(wire.ProblemInvalidOrder, []wire.FieldError{{Pointer: &pointer, Detail: cause.Error()}})
}

// createLater places an order that is to be fetched in a slot. It is answered once the
// order has its place, for which a worker is needed. An order that got none was none, so
// its idempotency key may place another. admit counts it against the limits.
func (s *Server) createLater(ctx context.Context, admit func(pieces int) (release func(), err error), orderID, hash string, order kitchen.Order, hasKey bool) (CreateOrderResponseObject, error) {
	release, err := admit(order.Pieces())
	if err != nil && hasKey {
		return s.unlessRepeated(ctx, orderID, hash, err)
	}
	if err != nil {
		return nil, err
	}
	in := workflows.OrderInput{Order: order, Rules: s.kitchen.OrderRules(), PlacedAt: now(), Pickup: s.kitchen.Opening.PickupFor(order), RequestHash: hash}
	orders := s.follower.orders
	options := orders.StartOptions(orderID, in, hash)
	defer s.slotBook.changed(in.Pickup.Plan.Day)
	placedAt, err := orders.Place(ctx, options, in, false)
	if isAlreadyStarted(err) {
		first, lookedUp := s.firstOrder(ctx, orderID, hash)
		if !workflows.IsNotFound(lookedUp) {
			release()
			return created(ctx, orderID, first), lookedUp
		}
		placedAt, err = orders.Place(ctx, options, in, true) // it got no place before
	}
	switch {
	case err != nil:
		refusal, isRefused := errors.AsType[*kitchen.NoPlaceError](err)
		isFull := isRefused && refusal.Why == kitchen.PickupFull // which costs Temporal as much as an order
		if !isFull && (!isOutage(err) || ctx.Err() == nil) {
			release()
		}
		return nil, s.notPlaced(err, order.Pieces())
	case !placedAt.Equal(in.PlacedAt):
		release()
		if in, err = s.firstOrder(ctx, orderID, hash); err != nil {
			return nil, err
		}
	default:
		s.metrics.created.Inc()
	}
	return created(ctx, orderID, in), nil
}

// notPlaced is the problem of an order for later that was not placed.
func (s *Server) notPlaced(err error, pieces int) error {
	if refusal, is := errors.AsType[*kitchen.NoPlaceError](err); is {
		switch refusal.Why {
		case kitchen.PickupFull:
			ready := s.kitchen.Opening.ReadyAt(now(), pieces)
			free := slices.DeleteFunc(slices.Clone(refusal.Free), func(slot time.Time) bool { return slot.Before(ready) })
			return &problemError{Type: wire.ProblemSlotFull, Free: free, Cause: err, Detail: s.fullWords(free)}
		case kitchen.PickupUnanswered:
			return &problemError{Type: wire.ProblemUnavailable, Cause: err, Detail: "Nobody could say in time whether the slot has room. Nothing was ordered: repeat the request, with the same Idempotency-Key or another."}
		case kitchen.PickupReleased:
			return &problemError{Type: wire.ProblemRefused, Cause: err, Detail: "The order was cancelled while it was placed."}
		}
		return notThen(refusal)
	}
	if refused, is := errors.AsType[*temporal.ApplicationError](err); is {
		switch refused.Type() {
		case workflows.ErrorAnotherOrder:
			return anotherOrder()
		case workflows.ErrorRefused, errorClosedFirst: // it came too late, or the order was about to end
			return unknownPlacing(err)
		}
	}
	_, unanswered := errors.AsType[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err)
	switch {
	case s.refusesUnprepared(err):
		return unpreparedProblem(err)
	case unanswered, isOutage(err), workflows.IsNotFound(err):
		return unknownPlacing(err)
	}
	return fmt.Errorf("place the order: %w", err)
}

func unknownPlacing(cause error) error {
	return &problemError{Type: wire.ProblemUnavailable, Cause: cause, Detail: "It is not known whether the order has its place, which takes a worker. Repeat the request with the same Idempotency-Key and there will be one order; without a key there may be two. " +
		"If nobody does, and no worker comes within half a minute, nothing was ordered."}
}

func (s *Server) fullWords(free []time.Time) string {
	if len(free) == 0 {
		return "The slot is full, and so is the rest of that day. Nothing was ordered: choose another day."
	}
	return fmt.Sprintf("The slot is full. Nothing was ordered: the next one with room is %s.", s.kitchen.Opening.Say(free[0]))
}

// GetSlots lists when an order can be fetched.
func (s *Server) GetSlots(_ context.Context, request GetSlotsRequestObject) (GetSlotsResponseObject, error) {
	opening, at, pieces := &s.kitchen.Opening, now(), cmp.Or(orZero(request.Params.Pieces), 1)
	answer := wire.Slots{Timezone: opening.Location().String(), Open: opening.IsOpen(at), Capacity: opening.Capacity, Days: []kitchen.Date{}, Slots: []wire.SlotOffer{}}
	if !answer.Open {
		answer.OpensAt, _ = opening.NextOpening(at)
	}
	ready := opening.ReadyAt(at, pieces)
	fits := pieces <= opening.Capacity
	for day, last := opening.DateOf(ready), opening.LastDay(at); fits && !day.After(last); day = day.Next() {
		if slots := opening.Plan(day).Slots(); len(slots) > 0 && !slots[len(slots)-1].Before(ready) {
			answer.Days = append(answer.Days, day)
		}
	}
	if request.Params.Day != nil {
		day, faults := readDay("day", *request.Params.Day)
		if len(faults) > 0 {
			return nil, fieldsProblem(wire.ProblemInvalidParameter, faults)
		}
		answer.Day = day
	} else if len(answer.Days) > 0 {
		answer.Day = answer.Days[0]
	}
	if !fits || answer.Day.IsZero() || answer.Day.After(opening.LastDay(at)) {
		return GetSlots200JSONResponse(answer), nil
	}
	plan := opening.Plan(answer.Day)
	slots := plan.Slots()
	if len(slots) == 0 || slots[len(slots)-1].Before(ready) {
		return GetSlots200JSONResponse(answer), nil
	}
	taken, err := s.slotBook.taken(answer.Day)
	hasEnded := errors.Is(err, workflows.ErrDayEnded)
	if err != nil && !hasEnded {
		return nil, &problemError{Type: wire.ProblemUnavailable, Cause: err, Detail: fmt.Sprintf("Nobody could say what is left of that day. Ask again in %d seconds.", inSeconds(retryAfter))}
	}
	for _, slot := range slots {
		if slot.Before(ready) {
			continue
		}
		left := plan.Capacity
		for _, other := range taken {
			if other.At.Equal(slot) {
				left = max(0, left-other.Taken)
			}
		}
		if hasEnded {
			left = 0
		}
		answer.Slots = append(answer.Slots, wire.SlotOffer{At: slot, Left: left, Free: left >= pieces})
	}
	return GetSlots200JSONResponse(answer), nil
}
