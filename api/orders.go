package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// createWithin is how long Temporal may take to start an order.
const createWithin = 5 * time.Second

// CreateOrder starts an order's workflow and answers once it is durable. The
// answer is made from the order itself, so it waits for no worker. An order that
// the limits refuse is stored nowhere.
func (s *Server) CreateOrder(ctx context.Context, request CreateOrderRequestObject) (CreateOrderResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, createWithin)
	defer cancel()
	orderID, err := s.orderID(orZero(request.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	if request.Params.IdempotencyKey != nil {
		if err := s.checkMayPlace(ctx, orderID); err != nil {
			return nil, err
		}
	}
	order := *request.Body
	if order.Phone, err = kitchen.ParsePhone(order.Phone); err != nil { // one number is one order, however it is written
		return nil, fieldsProblem(wire.ProblemInvalidOrder, []wire.FieldError{{Pointer: new("/phone"), Detail: err.Error()}})
	}
	if !order.PickupAt.IsZero() {
		order.PickupAt = order.PickupAt.UTC() // one instant is one order, in whatever zone it is written
	}
	hash, err := requestHash(order)
	if err != nil {
		return nil, err
	}
	traceOrder(ctx, orderID)
	receivedAt := now()
	if err := cmp.Or(s.checkSoldOut(order), s.checkTotal(order), s.checkPickup(order, receivedAt)); err != nil {
		if request.Params.IdempotencyKey != nil {
			return s.unlessRepeated(ctx, orderID, hash, err)
		}
		return nil, err
	}
	if !order.PickupAt.IsZero() {
		return s.createLater(ctx, s.admitAddressOf(c), orderID, hash, order, request.Params.IdempotencyKey != nil)
	}
	release, err := s.admit(c, orderID, order)
	if err != nil && request.Params.IdempotencyKey != nil {
		return s.unlessRepeated(ctx, orderID, hash, err)
	}
	if err != nil {
		return nil, err
	}
	in := workflows.OrderInput{Order: order, Rules: s.kitchen.OrderRules(), PlacedAt: now()}
	options := s.follower.orders.StartOptions(orderID, in, hash)
	_, err = s.temporal.ExecuteWorkflow(ctx, options, workflows.OrderWorkflowType, in)
	if isAlreadyStarted(err) {
		if _, lookedUp := s.firstOrder(ctx, orderID, hash); workflows.IsNotFound(lookedUp) {
			// The key was for a slot in which the order got no place, so it was none; or it
			// is about to get one.
			options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
			if _, err = s.temporal.ExecuteWorkflow(ctx, options, workflows.OrderWorkflowType, in); isAlreadyStarted(err) {
				release()
				return nil, anotherOrder()
			}
		}
	}
	switch {
	case err == nil:
		s.metrics.created.Inc()
	case isAlreadyStarted(err):
		in, err = s.firstOrder(ctx, orderID, hash)
		// An order from before this request has been counted already. One that was
		// placed meanwhile was admitted because this request counts for it.
		if !in.PlacedAt.IsZero() && in.PlacedAt.Before(receivedAt) {
			release()
		}
		if err != nil {
			return nil, err
		}
	case s.refusesUnprepared(err):
		release()
		return nil, unpreparedProblem(err)
	case isOutage(err):
		if ctx.Err() == nil { // Temporal has refused; after a timeout it may have taken the order
			release()
		}
		return nil, &problemError{Type: wire.ProblemUnavailable, Cause: err, Detail: "It is not known whether the order was taken. Repeat the request with the same Idempotency-Key and there will be one; without a key there may be two."}
	default:
		release()
		return nil, fmt.Errorf("start the order: %w", err)
	}
	return created(ctx, orderID, in), nil
}

// checkTotal refuses an order that does not cost what its customer has seen.
func (s *Server) checkTotal(order kitchen.Order) error {
	_, total := s.kitchen.Menu.Prices.Charge(order.Lines)
	switch {
	case order.Total == nil, total != nil && *total == *order.Total:
		return nil
	case total == nil:
		return &problemError{Type: wire.ProblemPriceChanged, Detail: fmt.Sprintf("Nothing has a price here at present, and the request says that the order costs %s. Nothing was ordered: order again without a total.", order.Total)}
	}
	return &problemError{Type: wire.ProblemPriceChanged, Total: total, Detail: fmt.Sprintf("The order costs %s now, and not %s. Nothing was ordered: order again if the new price is right.", total, order.Total)}
}

// now is the time to the millisecond, as orders keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// created is the answer to an order that is placed.
func created(ctx context.Context, orderID string, in workflows.OrderInput) CreateOrderResponseObject {
	status := workflows.Accepted(orderID, in)
	if in.Pickup != nil {
		status.State = kitchen.StateScheduled
	}
	return CreateOrder201JSONResponse{
		Body:    shownTo(ctx, status),
		Headers: CreateOrder201ResponseHeaders{Location: "/api/v1/orders/" + url.PathEscape(orderID)},
	}
}

// orZero is the value of an optional parameter, or the zero value, which no
// parameter may have.
func orZero[T any](parameter *T) T {
	if parameter == nil {
		var zero T
		return zero
	}
	return *parameter
}

// orderID is the id that belongs to an idempotency key, or a new one.
func (s *Server) orderID(key string) (string, error) {
	if key == "" {
		return kitchen.NewOrderID()
	}
	return kitchen.OrderIDFromKey(s.secret, key), nil
}

// firstOrder finds the order that an idempotency key has made before, and
// refuses unless it was made from the same request.
func (s *Server) firstOrder(ctx context.Context, orderID, hash string) (workflows.OrderInput, error) {
	in, firstHash, err := s.follower.firstRequest(ctx, orderID)
	if err != nil {
		return in, cannotLookUp(err)
	}
	if in.Pickup != nil {
		switch placing, err := s.follower.orders.PlacingOf(ctx, orderID); {
		case err != nil:
			return in, cannotLookUp(err)
		case placing == workflows.BeingPlaced:
			return in, errors.Join(errBeingPlaced, serviceerror.NewNotFound("the order is not placed yet"))
		case placing == workflows.NotPlaced:
			return in, serviceerror.NewNotFound("the order was not placed")
		}
	}
	if firstHash != hash {
		return in, anotherOrder()
	}
	return in, nil
}

// errBeingPlaced means that a request before may still have made an order.
var errBeingPlaced = errors.New("the order is being placed")

func anotherOrder() error {
	return &problemError{Type: wire.ProblemIdempotencyConflict, Detail: "This Idempotency-Key has made another order: use a new key for a new order, or send exactly the same order to repeat the first request."}
}

func cannotLookUp(cause error) error {
	return &problemError{Type: wire.ProblemUnavailable, Cause: cause, Detail: "The order that this Idempotency-Key has made cannot be read at present: repeat the request."}
}

// requestHash tells orders apart by their content. It is made of the order as it
// was read, so white space, escapes and the sequence of fields in the request do
// not matter.
func requestHash[T kitchen.Order | kitchen.StandingOrder](order T) (string, error) {
	canonical, err := json.Marshal(order)
	if err != nil {
		return "", fmt.Errorf("write the order in its canonical form: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// GetOrder returns the status of an order.
func (s *Server) GetOrder(ctx context.Context, request GetOrderRequestObject) (GetOrderResponseObject, error) {
	status, from, err := s.follower.status(requestContext(ctx), request.ID)
	if err != nil {
		return nil, fmt.Errorf("follow the order: %w", err)
	}
	s.floor.AddWork(&status)
	s.metrics.answers.WithLabelValues(string(from)).Inc()
	if status.Stale {
		s.metrics.stale.Inc()
	}
	return GetOrder200JSONResponse(shownTo(ctx, status)), nil
}

// GetMenu returns what can be ordered.
func (s *Server) GetMenu(context.Context, GetMenuRequestObject) (GetMenuResponseObject, error) {
	return GetMenu200JSONResponse{
		Timezone: s.kitchen.Opening.Location().String(),
		Flavours: s.kitchen.Menu.Flavours,
		Sizes:    s.kitchen.Menu.Sizes,
		Prices:   s.kitchen.Menu.Prices,
		Limits:   s.kitchen.Limits,
		SoldOut:  s.floor.Menu().SoldOut,
		Reasons:  reasonsOf(s.kitchen),
	}, nil
}

// reasonsOf are the reasons for which work may fail, with labels for people.
func reasonsOf(k *kitchen.Kitchen) []wire.ReasonLabel {
	labels := make([]wire.ReasonLabel, len(k.Reasons))
	for i, reason := range k.Reasons {
		labels[i] = wire.ReasonLabel{Code: reason.Code, Label: reason.Label}
	}
	return labels
}
