package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// cancelMany asks for one page.
func (s *shop) cancelMany(key string, asked wire.ManyCancellation) wire.CancelledOrders {
	s.t.Helper()
	answer, err := s.CancelOrdersWithResponse(s.t.Context(), &wire.CancelOrdersParams{IdempotencyKey: &key}, asked)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, answer.StatusCode(), string(answer.Body))
	return *answer.JSON200
}

func TestAManagerCancelsManyOrdersByAFilter(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	flooder, other := "Flood "+uuid.NewString(), "Other "+uuid.NewString()
	place := func(customer string, pieces int) string {
		order := orderOf(pieces)
		order.Customer.Name = customer
		id := s.taken(order)
		nextTicket(t, id)
		return id
	}
	before := time.Now().UTC()
	var flood []string
	for range 5 {
		flood = append(flood, place(flooder, 600))
	}
	small, innocent := place(flooder, 12), place(other, 600)

	where := wire.OrderFilter{Customer: flooder}
	dryRun := func(where wire.OrderFilter) int {
		return s.cancelMany(uuid.NewString(), wire.ManyCancellation{Where: where, Reason: "a flood", DryRun: true}).Matched
	}
	require.Eventually(t, func() bool { return dryRun(where) == 6 }, patience, 50*time.Millisecond, "Temporal lists them")
	require.Equal(t, 5, dryRun(wire.OrderFilter{Customer: flooder, MinPieces: 13}))
	require.Equal(t, 6, dryRun(wire.OrderFilter{Customer: flooder, PlacedAfter: before.Add(-time.Minute).Format(time.RFC3339), PlacedBefore: "2999-01-31T12:00:00.5+01:00"}))
	require.Zero(t, dryRun(wire.OrderFilter{Customer: flooder, PlacedBefore: before.Add(-time.Minute).Format(time.RFC3339)}))
	require.Zero(t, dryRun(wire.OrderFilter{Customer: flooder, PlacedAfter: before.Add(time.Hour).Format(time.RFC3339)}))
	require.Zero(t, dryRun(wire.OrderFilter{Customer: flooder, Flavour: "carrot"}))
	require.Zero(t, dryRun(wire.OrderFilter{Customer: flooder, State: kitchen.StateNeedsAttention}))
	require.Equal(t, kitchen.StateInProgress, s.status(flood[0]).State, "a dry run cancels nothing")

	key, where := uuid.NewString(), wire.OrderFilter{Customer: flooder, MinPieces: 13}
	var matched, cancelled, pages int
	asked := wire.ManyCancellation{Where: where, Reason: "a flood", Limit: 2}
	for {
		answer := s.cancelMany(key, asked)
		require.Empty(t, answer.Failed)
		matched, cancelled, pages = matched+answer.Matched, cancelled+answer.Cancelled, pages+1
		if answer.NextPageToken == "" {
			break
		}
		asked.PageToken = answer.NextPageToken
	}
	require.Equal(t, []int{5, 5}, []int{matched, cancelled})
	require.GreaterOrEqual(t, pages, 3)
	for _, id := range flood {
		status := s.status(id)
		require.Equal(t, kitchen.StateCancelling, status.State)
		require.Equal(t, "a flood", status.CancelReason)
		require.Equal(t, kitchen.TicketUndo, nextTicket(t, id).Kind, "each is undone")
	}
	for _, id := range []string{small, innocent} {
		require.Equal(t, kitchen.StateInProgress, s.status(id).State)
	}
	require.Eventually(t, func() bool { return dryRun(where) == 0 }, patience, 50*time.Millisecond)

	t.Run("RepeatedUnderItsKeyEachIsAskedOnce", func(t *testing.T) {
		orders := []wire.OrderSummary{{ID: flood[0]}, {ID: flood[1], PickupCode: "K7QF"}}
		var answer wire.CancelledOrders
		require.NoError(t, s.server.cancelEach(t.Context(), orders, key, kitchen.Cancellation{Reason: "a flood"}, &answer))
		require.Equal(t, wire.CancelledOrders{Cancelled: 2}, answer)
	})
	t.Run("WhatCannotBeCancelledSaysWhyAndKeepsNoOther", func(t *testing.T) {
		var answer wire.CancelledOrders
		orders := []wire.OrderSummary{{ID: flood[0], PickupCode: "K7QF"}, {ID: small}}
		require.NoError(t, s.server.cancelEach(t.Context(), orders, uuid.NewString(), kitchen.Cancellation{Reason: "a flood"}, &answer))
		require.Equal(t, 1, answer.Cancelled)
		require.Len(t, answer.Failed, 1)
		require.Equal(t, []string{flood[0], "K7QF"}, []string{answer.Failed[0].ID, answer.Failed[0].PickupCode})
		require.Contains(t, answer.Failed[0].Detail, "cancelled already")
	})
}

func TestCancellingManyOrdersNeedsAWorker(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, nil)
	order := orderOf(1)
	order.Customer.Name = "Flood " + uuid.NewString()
	var ids []string
	for range 2 * cancelAtOnce {
		ids = append(ids, s.taken(order))
	}
	asked := wire.ManyCancellation{Where: wire.OrderFilter{Customer: order.Customer.Name}, Reason: "a flood"}
	require.Eventually(t, func() bool {
		dry := asked
		dry.DryRun = true
		return s.cancelMany(uuid.NewString(), dry).Matched == len(ids)
	}, patience, 50*time.Millisecond)
	answer, err := s.CancelOrdersWithResponse(t.Context(), nil, asked)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode(), string(answer.Body))
	require.Equal(t, wire.ProblemUnavailable, answer.ApplicationProblemJSON503.Type)

	var said wire.CancelledOrders
	var orders []wire.OrderSummary
	for _, id := range ids {
		orders = append(orders, wire.OrderSummary{ID: id})
	}
	require.Error(t, s.server.cancelEach(t.Context(), orders, uuid.NewString(), kitchen.Cancellation{Reason: "a flood"}, &said))
	require.Len(t, said.Failed, len(ids))
	require.True(t, slices.ContainsFunc(said.Failed, func(f wire.NotCancelled) bool { return strings.HasPrefix(f.Detail, "It was not asked") }))
}

// silentOrders is a Temporal in which some orders do not answer, and the others
// refuse.
type silentOrders struct {
	temporalclient.Client
	silent []string
	asked  atomic.Int32
}

func (t *silentOrders) UpdateWorkflow(_ context.Context, options temporalclient.UpdateWorkflowOptions) (temporalclient.WorkflowUpdateHandle, error) {
	t.asked.Add(1)
	if slices.Contains(t.silent, options.WorkflowID) {
		return nil, context.DeadlineExceeded
	}
	return nil, temporal.NewApplicationError("not now", workflows.ErrorRefused)
}

func TestOneSilentOrderKeepsNoOtherFromBeingAsked(t *testing.T) {
	t.Parallel()
	var orders []wire.OrderSummary
	for range 3 * cancelAtOnce {
		id, err := kitchen.NewOrderID()
		require.NoError(t, err)
		orders = append(orders, wire.OrderSummary{ID: id})
	}
	asked := &silentOrders{silent: []string{kitchen.WorkflowID(orders[0].ID)}}
	var answer wire.CancelledOrders
	require.Error(t, newTestServer(t, asked, nil).cancelEach(t.Context(), orders, uuid.NewString(), kitchen.Cancellation{Reason: "a flood"}, &answer))
	require.Equal(t, len(orders), int(asked.asked.Load()))
	for _, failed := range answer.Failed {
		require.Equal(t, failed.ID == orders[0].ID, failed.AskAgain, "what has said no is not asked again")
	}
}

// The last run of an order has started later than the order was placed.
func TestAnOrderInALaterRunIsCancelledByWhenItWasPlaced(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, nil)
	order := orderOf(1)
	order.Customer.Name = "Long ago " + uuid.NewString()
	id, err := kitchen.NewOrderID()
	require.NoError(t, err)
	placed := time.Now().UTC().Add(-time.Hour)
	in := workflows.OrderInput{Order: order, Rules: kitchen.Default().OrderRules(), PlacedAt: placed}
	options := workflows.StartOptions(id, in, "hash")
	options.Memo[workflows.MemoStatus] = workflows.Accepted(id, in)
	_, err = unstaffed.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflowType, in)
	require.NoError(t, err)
	matched := func(where wire.OrderFilter) int {
		where.Customer = order.Customer.Name
		return s.cancelMany(uuid.NewString(), wire.ManyCancellation{Where: where, Reason: "a flood", DryRun: true}).Matched
	}
	at := func(shift time.Duration) string { return placed.Add(shift).Format(time.RFC3339Nano) }
	require.Eventually(t, func() bool { return matched(wire.OrderFilter{}) == 1 }, patience, 50*time.Millisecond)
	require.Equal(t, 1, matched(wire.OrderFilter{PlacedBefore: at(time.Minute)}))
	require.Zero(t, matched(wire.OrderFilter{PlacedBefore: at(-time.Minute)}))
	require.Equal(t, 1, matched(wire.OrderFilter{PlacedAfter: at(-time.Minute)}))
	require.Zero(t, matched(wire.OrderFilter{PlacedAfter: at(time.Minute)}))
}

func TestWhatIsAskedOfManyOrdersIsChecked(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	for name, c := range map[string]struct{ body, pointer, says string }{
		"NoFilter":            {`{"where":{},"reason":"a flood"}`, "/where", "must have at least one of its fields"},
		"NoWhere":             {`{"reason":"a flood"}`, "/where", "missing"},
		"NoReason":            {`{"where":{"minPieces":500}}`, "/reason", "missing"},
		"EmptyReason":         {`{"where":{"minPieces":500},"reason":""}`, "/reason", "1 to 500 characters"},
		"BlankReason":         {`{"where":{"minPieces":500},"reason":" "}`, "/reason", "must not be blank"},
		"AnotherState":        {`{"where":{"state":"shipped"},"reason":"a flood"}`, "/where/state", "in-progress or needs-attention"},
		"NoTime":              {`{"where":{"placedAfter":"yesterday"},"reason":"a flood"}`, "/where/placedAfter", "a time with its zone"},
		"ATimeWithoutAZone":   {`{"where":{"placedAfter":"2026-01-31T12:00:00"},"reason":"a flood"}`, "/where/placedAfter", "a time with its zone"},
		"ADayThatNeverWas":    {`{"where":{"placedBefore":"2026-02-31T12:00:00Z"},"reason":"a flood"}`, "/where/placedBefore", "there is no such time"},
		"AnUnknownFilter":     {`{"where":{"address":"198.51.100.1"},"reason":"a flood"}`, "/where/address", "unknown field"},
		"AnotherListsToken":   {`{"where":{"minPieces":500},"reason":"a flood","pageToken":"AAAA"}`, "", "does not belong to this list"},
		"MoreThanAPageMayHas": {`{"where":{"minPieces":500},"reason":"a flood","limit":101}`, "/limit", "from 1 to 100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := newRequest(http.MethodPost, "/api/v1/orders/cancel", strings.NewReader(c.body), "Content-Type", "application/json")
			recorder := do(t, server, signInAs(server, kitchen.RoleManager, request))
			var problem wire.Problem
			require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &problem))
			require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusBadRequest}, recorder.Code, recorder.Body.String())
			require.NotEmpty(t, problem.Errors, recorder.Body.String())
			if c.pointer != "" {
				require.Equal(t, c.pointer, *problem.Errors[0].Pointer)
			}
			require.Contains(t, problem.Errors[0].Detail, c.says)
		})
	}
}
