package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// mostStandingOrders keeps the list short enough to be read at once.
	mostStandingOrders = 200
	// standingShown is how many orders to come, and how many of the last ones, a list
	// tells of each standing order.
	standingShown = 3
	// standingAtOnce is how many standing orders are looked up at the same time.
	standingAtOnce = 8
	standingWithin = 8 * time.Second
	// placeAgainAfter is how long an order waits whose slot is full, or with something
	// that is sold out.
	placeAgainAfter = 15 * time.Minute

	standingPlaced  = "placed"
	standingSkipped = "skipped"
	standingWaits   = "waits"
	standingRefused = "refused"
)

// CreateStandingOrder takes a standing order.
func (s *Server) CreateStandingOrder(ctx context.Context, request CreateStandingOrderRequestObject) (CreateStandingOrderResponseObject, error) {
	by, _ := sessionOf(ctx)
	ctx, cancel := context.WithTimeout(requestContext(ctx), standingWithin)
	defer cancel()
	var err error
	if request.Body.Order.Phone, err = kitchen.ParsePhone(request.Body.Order.Phone); err != nil {
		return nil, fieldsProblem(wire.ProblemInvalidOrder, []wire.FieldError{{Pointer: new("/order/phone"), Detail: err.Error()}})
	}
	hash, err := requestHash(*request.Body)
	if err != nil {
		return nil, err
	}
	id, err := s.standingID(orZero(request.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	opening, at := &s.kitchen.Opening, now()
	standing := workflows.Standing{
		ID: id, Order: *request.Body, DaysAhead: opening.StandingAhead(), TimeZone: opening.Location().String(),
		TakenBy: by.Name, RequestHash: hash,
	}
	first, found := standing.Order.FirstOf(opening, at)
	if !found {
		return nil, fieldsProblem(wire.ProblemInvalidUpdate, []wire.FieldError{{Pointer: new("/until"), Detail: "there is no day up to then on which it could be fetched"}})
	}
	standing.Order.From = first
	ids, err := s.standing.IDs(ctx, mostStandingOrders)
	if err != nil {
		return nil, fmt.Errorf("count the standing orders: %w", err)
	}
	if slices.Contains(ids, id) {
		return s.sameStanding(ctx, id, hash)
	}
	if len(ids) == mostStandingOrders {
		return nil, &problemError{Type: wire.ProblemRefused, Detail: fmt.Sprintf("There are %d standing orders, and no more are kept: end one first.", mostStandingOrders)}
	}
	err = s.standing.Create(ctx, standing, opening, first, at)
	if errors.Is(err, workflows.ErrStandingExists) {
		return s.sameStanding(ctx, id, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("keep the standing order: %w", err)
	}
	return CreateStandingOrder201JSONResponse(standingDocument(workflows.StandingInfo{Standing: standing})), nil
}

func (s *Server) standingID(key string) (string, error) {
	if key == "" {
		return kitchen.NewOrderID()
	}
	return kitchen.OrderIDFromKey(s.secret, "standing order "+key), nil // no order's key has a space
}

// sameStanding answers a request that has been answered before.
func (s *Server) sameStanding(ctx context.Context, id, hash string) (CreateStandingOrderResponseObject, error) {
	info, err := s.standing.Get(ctx, id)
	switch {
	case err != nil:
		return nil, cannotLookUp(err)
	case info.RequestHash != hash:
		return nil, &problemError{Type: wire.ProblemIdempotencyConflict, Detail: "This Idempotency-Key has made another standing order: use a new key for a new one, or send exactly the same to repeat the first request."}
	}
	return CreateStandingOrder201JSONResponse(standingDocument(workflows.StandingInfo{Standing: info.Standing})), nil
}

// ListStandingOrders lists all standing orders.
func (s *Server) ListStandingOrders(ctx context.Context, _ ListStandingOrdersRequestObject) (ListStandingOrdersResponseObject, error) {
	ctx, cancel := context.WithTimeout(requestContext(ctx), standingWithin)
	defer cancel()
	ids, err := s.standing.IDs(ctx, mostStandingOrders)
	if err != nil {
		return nil, fmt.Errorf("list the standing orders: %w", err)
	}
	found := make([]*wire.StandingOrder, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(standingAtOnce)
	for i, id := range ids {
		group.Go(func() (err error) {
			found[i], err = s.lookUpStanding(ctx, id)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("look up the standing orders: %w", err)
	}
	answer := wire.StandingOrders{Orders: []wire.StandingOrder{}}
	for _, standing := range found {
		if standing != nil {
			answer.Orders = append(answer.Orders, *standing)
		}
	}
	return ListStandingOrders200JSONResponse(answer), nil
}

// lookUpStanding is nil if the standing order has ended meanwhile, or is none any more:
// one that somebody has spoilt must not keep all others from being seen and ended.
func (s *Server) lookUpStanding(ctx context.Context, id string) (*wire.StandingOrder, error) {
	info, err := s.standing.Get(ctx, id)
	switch {
	case workflows.IsNotFound(err):
		return nil, nil
	case errors.Is(err, workflows.ErrNotStanding):
		s.logger.LogAttrs(ctx, slog.LevelWarn, "a standing order is left out of the list", slog.String("standing_order_id", id), slog.Any("error", err))
		return nil, nil
	case err != nil:
		return nil, err
	}
	document := standingDocument(info)
	for _, run := range info.Recent[max(0, len(info.Recent)-standingShown):] {
		occurrence, err := s.standing.OccurrenceOf(ctx, run)
		if workflows.IsNotFound(err) {
			continue // it was so long ago that Temporal has forgotten it
		}
		if err != nil {
			return nil, err
		}
		document.Recent = append(document.Recent, wire.StandingOccurrence{
			Day: occurrence.Day, OrderID: occurrence.OrderID, Skipped: occurrence.Skipped, Waits: occurrence.Waits, Refused: occurrence.Refused,
		})
	}
	return &document, nil
}

func standingDocument(info workflows.StandingInfo) wire.StandingOrder {
	document := wire.StandingOrder{
		ID: info.ID, Order: info.Order.Order, Days: info.Order.Days, At: info.Order.At, From: info.Order.From, Until: info.Order.Until,
		TakenBy: info.TakenBy, Paused: info.Paused, Next: []kitchen.Date{}, Recent: []wire.StandingOccurrence{},
	}
	document.Next = append(document.Next, info.Next[:min(standingShown, len(info.Next))]...)
	return document
}

// EndStandingOrder ends a standing order.
func (s *Server) EndStandingOrder(ctx context.Context, request EndStandingOrderRequestObject) (EndStandingOrderResponseObject, error) {
	return EndStandingOrder204Response{}, s.changeStanding(ctx, "ended", request.ID, func(ctx context.Context, _ string) error {
		return s.standing.End(ctx, request.ID)
	})
}

// PauseStandingOrder lets no further order be placed until it goes on.
func (s *Server) PauseStandingOrder(ctx context.Context, request PauseStandingOrderRequestObject) (PauseStandingOrderResponseObject, error) {
	return PauseStandingOrder204Response{}, s.changeStanding(ctx, "paused", request.ID, func(ctx context.Context, by string) error {
		return s.standing.Pause(ctx, request.ID, by)
	})
}

// ResumeStandingOrder lets a standing order go on.
func (s *Server) ResumeStandingOrder(ctx context.Context, request ResumeStandingOrderRequestObject) (ResumeStandingOrderResponseObject, error) {
	return ResumeStandingOrder204Response{}, s.changeStanding(ctx, "resumed", request.ID, func(ctx context.Context, by string) error {
		return s.standing.Resume(ctx, request.ID, by)
	})
}

func (s *Server) changeStanding(ctx context.Context, done, id string, change func(ctx context.Context, note string) error) error {
	by, _ := sessionOf(ctx)
	ctx, cancel := context.WithTimeout(requestContext(ctx), standingWithin)
	defer cancel()
	err := change(ctx, done+" by "+by.Name)
	if workflows.IsNotFound(err) {
		return &problemError{Type: wire.ProblemNotFound, Cause: err, Detail: "There is no standing order with this id: look at GET /api/v1/standing-orders."}
	}
	if err != nil {
		return fmt.Errorf("change the standing order: %w", err)
	}
	s.logger.LogAttrs(ctx, slog.LevelInfo, "a standing order was "+done, slog.String("standing_order_id", id), slog.String("by", by.Name))
	return nil
}

// placeStanding places the order of a standing order for a day, as CreateOrder does. It
// may be asked again: a day has one order.
func (s *Server) placeStanding(ctx context.Context, request workflows.PlaceStanding) (workflows.Occurrence, error) {
	standing := request.Standing
	day, err := request.Day()
	if err != nil {
		return workflows.Occurrence{}, err
	}
	occurrence := workflows.Occurrence{Day: day}
	opening := &s.kitchen.Opening
	switch {
	case !standing.Order.IsOn(day):
		occurrence.Skipped = "It is not wanted on that day."
	case len(opening.Plan(day).Slots()) == 0:
		occurrence.Skipped = "The bakery is closed on that day."
	}
	if occurrence.Skipped != "" {
		s.metrics.standingOrders.WithLabelValues(standingSkipped).Inc()
		return occurrence, nil
	}
	order, err := standing.Order.OrderOn(day, opening)
	if err != nil {
		return occurrence, err
	}
	occurrence.OrderID = kitchen.OrderIDFromKey(s.secret, "standing order "+standing.ID+" on "+day.String())
	if err := s.placeForStanding(ctx, standing.ID, occurrence.OrderID, order); err != nil {
		return workflows.Occurrence{}, s.standingRefusal(ctx, standing.ID, day, err)
	}
	s.metrics.standingOrders.WithLabelValues(standingPlaced).Inc()
	s.logger.LogAttrs(ctx, slog.LevelInfo, "the order of a standing order is placed",
		slog.String("standing_order_id", standing.ID), slog.String("day", day.String()), slog.String("order_id", occurrence.OrderID))
	return occurrence, nil
}

func (s *Server) placeForStanding(ctx context.Context, standingID, orderID string, order kitchen.Order) error {
	if err := s.checkMayPlace(ctx, orderID); err != nil {
		return err
	}
	hash, err := requestHash(order)
	if err != nil {
		return err
	}
	if _, err := s.firstOrder(ctx, orderID, hash); !workflows.IsNotFound(err) {
		return err // it was placed before, whatever has changed since
	}
	if err := s.mayPlace(ctx, standingID, order.PickupAt); err != nil {
		return err
	}
	if faults := s.kitchen.CheckOrder(order); len(faults) > 0 {
		return fieldsProblem(wire.ProblemInvalidOrder, ofKitchen(faults))
	}
	if err := s.checkPickup(order, now()); err != nil {
		return err
	}
	if err := s.checkSoldOut(order); err != nil {
		return err
	}
	noLimit := func(int) (func(), error) { return func() {}, nil }
	_, err = s.createLater(ctx, noLimit, orderID, hash, order, false)
	return err
}

// notYetError says why an order is not placed yet that may be placed later.
type notYetError string

func (e notYetError) Error() string { return string(e) }

// mayPlace returns an error if a standing order has ended or been paused since its
// schedule wanted an order placed, or if the kitchen file lets nobody order that far
// ahead any more.
func (s *Server) mayPlace(ctx context.Context, standingID string, pickupAt time.Time) error {
	paused, err := s.standing.IsPaused(ctx, standingID)
	switch {
	case workflows.IsNotFound(err):
		return &problemError{Type: wire.ProblemRefused, Detail: "The standing order was ended before this order was placed."}
	case err != nil:
		return fmt.Errorf("look up the standing order: %w", err)
	case paused:
		return notYetError("The standing order is paused.")
	}
	opening := &s.kitchen.Opening
	if opening.DateOf(pickupAt).After(opening.LastDay(now())) {
		return notYetError(fmt.Sprintf("It is too far ahead: slots can be taken up to %s now.", opening.LastDay(now())))
	}
	return nil
}

// standingRefusal is the failure of the activity that could not place an order. What may
// be otherwise in a while is tried again.
func (s *Server) standingRefusal(ctx context.Context, id string, day kitchen.Date, err error) error {
	problem := asProblem(err)
	options := temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign}
	outcome := standingWaits
	defer func() { s.metrics.standingOrders.WithLabelValues(outcome).Inc() }()
	reason := problem.Detail
	notYet, isNotYet := errors.AsType[notYetError](err)
	switch {
	case isNotYet:
		reason, options.NextRetryDelay = string(notYet), placeAgainAfter
	case problem.Type == wire.ProblemUnavailable, problem.Type == wire.ProblemInternal:
		return temporal.NewApplicationErrorWithOptions("the order could not be placed: "+string(problem.Type), "not-placed", options)
	case problem.Type == wire.ProblemSlotFull, problem.Type == wire.ProblemSoldOut:
		options.NextRetryDelay = placeAgainAfter
	default:
		outcome, options.NonRetryable = standingRefused, true
	}
	s.logger.LogAttrs(ctx, slog.LevelWarn, "the order of a standing order cannot be placed",
		slog.String("standing_order_id", id), slog.String("day", day.String()), slog.Bool("again", !options.NonRetryable), slog.Any("error", err))
	return temporal.NewApplicationErrorWithOptions(reason, workflows.ErrorOccurrenceRefused, options)
}

// PlaceStandingOrders places the orders of standing orders until ctx ends. It needs a
// Temporal client of its own kind, which a stand-in is not, so it is apart from Serve. Any
// number of processes may do it.
func (s *Server) PlaceStandingOrders(ctx context.Context) {
	for backoff := retry.NewBackoff(time.Second, 30*time.Second); ctx.Err() == nil; {
		failed := make(chan error, 1)
		w := worker.New(s.temporal, workflows.StandingTaskQueue, worker.Options{
			DisableWorkflowWorker:              true,
			MaxConcurrentActivityTaskPollers:   1,
			MaxConcurrentActivityExecutionSize: standingAtOnce,
			WorkerStopTimeout:                  finishWithin,
			OnFatalError: func(err error) {
				select {
				case failed <- err:
				default:
				}
			},
		})
		w.RegisterActivityWithOptions(s.placeStanding, activity.RegisterOptions{Name: workflows.ActivityPlaceStandingOrder})
		err := w.Start()
		if err == nil {
			select {
			case <-ctx.Done():
			case err = <-failed:
			}
			w.Stop()
		}
		if err != nil && ctx.Err() == nil && backoff.IsFresh() {
			s.logger.LogAttrs(ctx, slog.LevelWarn, "orders of standing orders cannot be placed; they wait until they can", slog.Any("error", err))
		}
		if !backoff.Wait(ctx) {
			return
		}
	}
}
