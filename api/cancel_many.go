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
	// cancelAtOnce is how many orders of a page are asked at the same time.
	cancelAtOnce = 8
	// silentInARow is how many orders must leave the question unanswered, with no
	// answer in between, until no more are asked: one alone may have a fault of
	// its own.
	silentInARow = 2
)

// CancelOrders cancels a page of the open orders that match a filter, each by
// the update that cancels one. The request's key is every update's id, so a
// request that is repeated asks no order twice.
func (s *Server) CancelOrders(ctx context.Context, request CancelOrdersRequestObject) (CancelOrdersResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	asked, where := *request.Body, request.Body.Where
	cancellation := kitchen.Cancellation{Reason: asked.Reason}
	query, after, before, faults := openQuery(where)
	for _, found := range cancellation.Check() {
		faults = append(faults, wire.FieldError{Pointer: &found.Pointer, Detail: found.Detail})
	}
	if len(faults) > 0 {
		return nil, fieldsProblem(wire.ProblemInvalidUpdate, faults)
	}
	working := requestContext(ctx)
	listing, stop := context.WithTimeout(working, listWithin)
	defer stop()
	found, next, err := s.findOrders(listing, query, asked.PageToken, cmp.Or(asked.Limit, defaultOnPage))
	if err != nil {
		return nil, err
	}
	var matching []foundOrder
	for _, order := range found {
		if (where.Customer == "" || where.Customer == order.Customer.Name) && order.pieces >= where.MinPieces && order.PlacedAt.After(after) && (before.IsZero() || order.PlacedAt.Before(before)) {
			matching = append(matching, order)
		}
	}
	answer := wire.CancelledOrders{Matched: len(matching), Failed: []wire.NotCancelled{}, NextPageToken: next}
	if asked.DryRun {
		return CancelOrders200JSONResponse(answer), nil
	}
	away := s.cancelEach(working, matching, cmp.Or(given(request.Params.IdempotencyKey), uuid.NewString()), cancellation, &answer)
	by, _ := sessionOf(c)
	s.logger.LogAttrs(ctx, slog.LevelInfo, "a manager has cancelled many orders", slog.String("name", by.Name),
		slog.Int("cancelled", answer.Cancelled), slog.Int("failed", len(answer.Failed)), slog.String("request_id", requestID(c)))
	if away != nil && answer.Cancelled == 0 {
		return nil, away
	}
	return CancelOrders200JSONResponse(answer), nil
}

// cancelEach asks each order to cancel and adds to the answer what it said. Once
// nobody answers for several in a row no more are asked. It returns why nobody
// answered for one of them.
func (s *Server) cancelEach(ctx context.Context, orders []foundOrder, key string, cancellation kitchen.Cancellation, answer *wire.CancelledOrders) (away error) {
	var mu sync.Mutex // of the answer, away and silent
	var silent int    // how many in a row have not answered
	cancelOne := func(order foundOrder) (detail string, askAgain bool) {
		mu.Lock()
		over := silent >= silentInARow || ctx.Err() != nil
		mu.Unlock()
		if over {
			return "It was not asked, for want of an answer or of time: repeat the request with the same Idempotency-Key.", true
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
		case askAgain && silent < silentInARow:
			away, silent = err, silent+1
		case !askAgain && silent < silentInARow:
			silent = 0
		}
		if problem.Type == wire.ProblemInternal {
			s.logger.Error("cannot cancel one of many orders", slog.Any("error", withoutOrderIDs(err)))
		}
		return problem.Detail, askAgain
	}
	var asking errgroup.Group
	asking.SetLimit(cancelAtOnce)
	for _, order := range orders {
		asking.Go(func() error {
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
	_ = asking.Wait() // each says in the answer how it went
	return away
}

// openQuery is the visibility query for open orders that match a filter, as far
// as Temporal knows. An order that has gone on in a new run is listed by its
// start, which is later than the order: after is for a second look, and before
// is no part of the query.
func openQuery(where wire.OrderFilter) (query string, after, before time.Time, faults []wire.FieldError) {
	var filters wire.ListOrdersParams
	if where.Flavour != "" {
		filters.Flavour = &where.Flavour
	}
	if where.Customer != "" {
		filters.Customer = &where.Customer
	}
	states := []string{quote(string(kitchen.StateInProgress)), quote(string(kitchen.StateNeedsAttention))}
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
