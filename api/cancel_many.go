package api

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// cancelAtOnce is how many orders of a page are cancelled at the same time.
	cancelAtOnce = 8
	// maxUnanswered is how many orders in a row may give no answer before no more
	// are asked. A single one may have a fault of its own.
	maxUnanswered = 2
)

// CancelOrders cancels a page of the open orders that match a filter, each by
// the same update as CancelOrder. The request's key is the id of every update,
// so a repeated request asks no order twice.
func (s *Server) CancelOrders(ctx context.Context, request CancelOrdersRequestObject) (CancelOrdersResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	asked, where := *request.Body, request.Body.Where
	cancellation := kitchen.Cancellation{Reason: asked.Reason, By: nameOf(ctx)}
	query, after, before, faults := openQuery(where)
	if where.Customer != "" && s.follower.codec.Encrypts() {
		faults = append(faults, wire.FieldError{Pointer: new("/where/customer"), Detail: namesAreEncrypted})
	}
	for _, found := range cancellation.Check() {
		faults = append(faults, wire.FieldError{Pointer: &found.Pointer, Detail: found.Detail})
	}
	if len(faults) > 0 {
		return nil, fieldsProblem(wire.ProblemInvalidUpdate, faults)
	}
	working := requestContext(ctx)
	listing, cancel := context.WithTimeout(working, listWithin)
	defer cancel()
	found, next, err := s.findOrders(listing, query, asked.PageToken, cmp.Or(asked.Limit, defaultPageSize))
	if err != nil {
		return nil, err
	}
	var matching []wire.OrderSummary
	for _, order := range found {
		if (where.Customer == "" || where.Customer == order.Customer.Name) && order.Pieces >= where.MinPieces && order.PlacedAt.After(after) && (before.IsZero() || order.PlacedAt.Before(before)) {
			matching = append(matching, order)
		}
	}
	answer := wire.CancelledOrders{Matched: len(matching), Failed: []wire.NotCancelled{}, NextPageToken: next}
	if asked.DryRun {
		return CancelOrders200JSONResponse(answer), nil
	}
	key := cmp.Or(orZero(request.Params.IdempotencyKey), uuid.NewString())
	outage := s.cancelEach(working, matching, key, cancellation, &answer)
	manager, _ := sessionOf(c)
	s.logger.LogAttrs(ctx, slog.LevelInfo, "a manager has cancelled many orders", slog.String("name", manager.Name),
		slog.Int("cancelled", answer.Cancelled), slog.Int("failed", len(answer.Failed)), slog.String("request_id", requestID(c)))
	if outage != nil && answer.Cancelled == 0 {
		return nil, outage
	}
	return CancelOrders200JSONResponse(answer), nil
}

// cancelEach cancels orders and adds each outcome to the answer. After several
// in a row without an answer no more are asked. It returns the error of one that
// gave no answer, if any.
func (s *Server) cancelEach(ctx context.Context, orders []wire.OrderSummary, key string, cancellation kitchen.Cancellation, answer *wire.CancelledOrders) (outage error) {
	var mu sync.Mutex  // guards the answer, outage and unanswered
	var unanswered int // in a row
	cancelOne := func(order wire.OrderSummary) (detail string, askAgain bool) {
		mu.Lock()
		skip := unanswered >= maxUnanswered || ctx.Err() != nil
		mu.Unlock()
		if skip {
			return "It was not asked, because others gave no answer or time was over: repeat the request with the same Idempotency-Key.", true
		}
		_, err := s.update(ctx, order.ID, key, change{name: workflows.UpdateCancel, asked: workflows.Answer{Cancelled: &cancellation}})
		problem := &problemError{}
		if err != nil {
			problem = asProblem(err)
		}
		askAgain = problem.Type == wire.ProblemUnavailable
		mu.Lock()
		defer mu.Unlock()
		switch {
		case unanswered >= maxUnanswered:
		case askAgain:
			outage, unanswered = err, unanswered+1
		default:
			unanswered = 0
		}
		if problem.Type == wire.ProblemInternal {
			s.logger.Error("cannot cancel one of many orders", slog.Any("error", withoutOrderIDs(err)))
		}
		return problem.Detail, askAgain
	}
	var cancelling errgroup.Group
	cancelling.SetLimit(cancelAtOnce)
	for _, order := range orders {
		cancelling.Go(func() error {
			detail, askAgain := cancelOne(order)
			mu.Lock()
			defer mu.Unlock()
			if detail == "" {
				answer.Cancelled++
			} else {
				answer.Failed = append(answer.Failed, wire.NotCancelled{ID: order.ID, PickupCode: order.PickupCode, Detail: detail, AskAgain: askAgain})
			}
			return nil
		})
	}
	_ = cancelling.Wait() // the answer has each outcome
	return outage
}

// openQuery is the visibility query for open orders that match a filter, as far
// as Temporal can tell. Temporal lists an order that has continued in a new run
// by the start of that run, which is later than the order. So the caller must
// compare times itself: the query leaves before out.
func openQuery(where wire.OrderFilter) (query string, after, before time.Time, faults []wire.FieldError) {
	var filters wire.ListOrdersParams
	if where.Flavour != "" {
		filters.Flavour = &where.Flavour
	}
	if where.Customer != "" {
		filters.Customer = &where.Customer
	}
	states := []string{quote(string(kitchen.StateScheduled)), quote(string(kitchen.StateInProgress)), quote(string(kitchen.StateNeedsAttention))}
	if where.State != "" {
		states = []string{quote(string(where.State))}
	}
	conditions := []string{listQuery(filters), "CloseTime IS NULL", fmt.Sprintf("%s IN (%s)", workflows.KeyState.GetName(), strings.Join(states, ", "))}
	read := func(name, text string) (at time.Time) {
		if text == "" {
			return at
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			pointer := "/where/" + name
			faults = append(faults, wire.FieldError{Pointer: &pointer, Detail: "there is no such time: give one such as 2026-01-31T12:00:00Z"})
		}
		return at
	}
	after, before = read("placedAfter", where.PlacedAfter), read("placedBefore", where.PlacedBefore)
	if !after.IsZero() {
		conditions = append(conditions, "StartTime > "+quote(after.UTC().Format(time.RFC3339Nano)))
	}
	return strings.Join(conditions, " AND "), after, before, faults
}
