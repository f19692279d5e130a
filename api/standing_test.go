package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
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

// openWithStanding is a shop that places the orders of standing orders as well. One test
// has it: all share a server, and it places those of all.
func openWithStanding(t *testing.T) *shop {
	t.Helper()
	s := openShop(t, staffed, bakeryWithSlots(t))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var placing sync.WaitGroup
	placing.Go(func() { s.server.PlaceStandingOrders(ctx) })
	t.Cleanup(func() { stop(); placing.Wait() })
	return s
}

func everyWeekOn(day kitchen.Date, at string, pieces int) wire.StandingOrderRequest {
	return wire.StandingOrderRequest{
		Order: kitchen.Order{Customer: kitchen.Customer{Name: "Café Ada"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: pieces}}},
		Days:  []kitchen.Weekday{kitchen.Weekdays()[day.Weekday()]}, At: at, From: day,
	}
}

func (s *shop) takeStanding(request wire.StandingOrderRequest, key string) wire.StandingOrder {
	s.t.Helper()
	answer, err := s.CreateStandingOrderWithResponse(s.t.Context(), &wire.CreateStandingOrderParams{IdempotencyKey: &key}, request)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusCreated, answer.StatusCode(), string(answer.Body))
	s.t.Cleanup(func() {
		_, _ = s.EndStandingOrderWithResponse(context.WithoutCancel(s.t.Context()), answer.JSON201.ID)
	})
	return *answer.JSON201
}

// in is the shop in a part of the test.
func (s *shop) in(t *testing.T) *shop {
	part := *s
	part.t = t
	return &part
}

// standingOrder waits until the list shows a standing order as wanted.
func (s *shop) standingOrder(id, want string, is func(wire.StandingOrder) bool) wire.StandingOrder {
	s.t.Helper()
	var found wire.StandingOrder
	require.Eventually(s.t, func() bool {
		answer, err := s.ListStandingOrdersWithResponse(s.t.Context())
		if err != nil || answer.JSON200 == nil {
			return false
		}
		for _, standing := range answer.JSON200.Orders {
			if standing.ID == id && is(standing) {
				found = standing
				return true
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond, want)
	return found
}

func hasRecent(standing wire.StandingOrder) bool {
	return len(standing.Recent) == 1 && (standing.Recent[0].OrderID != "" || standing.Recent[0].Refused != "" || standing.Recent[0].Skipped != "")
}

func TestStandingOrders(t *testing.T) {
	t.Parallel()
	s := openWithStanding(t)
	soon := s.server.kitchen.Opening.DateOf(time.Now()).Add(3)

	t.Run("the first order is placed at once, once", func(t *testing.T) {
		s := s.in(t)
		key := uuid.NewString()
		standing := s.takeStanding(everyWeekOn(soon, "08:00", 7), key)
		require.Equal(t, soon, standing.From)
		require.Equal(t, standing.ID, s.takeStanding(everyWeekOn(soon, "08:00", 7), key).ID, "the same key takes one")
		listed := s.standingOrder(standing.ID, "its first order", hasRecent)
		require.Empty(t, listed.Recent[0].Refused)
		require.Equal(t, soon, listed.Recent[0].Day)
		require.Equal(t, soon.Add(7), listed.Next[0])
		require.NotEmpty(t, listed.TakenBy)
		status := s.status(listed.Recent[0].OrderID)
		require.Equal(t, kitchen.StateScheduled, status.State)
		require.Equal(t, "Café Ada", status.Customer.Name)
		require.Equal(t, "08:00", status.DueAt.In(s.server.kitchen.Opening.Location()).Format("15:04"))

		again, err := s.server.placeStanding(t.Context(), workflows.PlaceStanding{
			Standing:    workflows.Standing{ID: standing.ID, Order: everyWeekOn(soon, "08:00", 7), DaysAhead: 7, TimeZone: "Europe/Berlin"},
			ScheduledAt: s.server.kitchen.Opening.PlacedOn(soon, 7),
		})
		require.NoError(t, err)
		require.Equal(t, listed.Recent[0].OrderID, again.OrderID, "an attempt that comes again places no second one")
		for _, slot := range s.slots(soon, 1).Slots {
			if slot.At.Equal(*status.DueAt) {
				require.Equal(t, 5, slot.Left)
			}
		}

		other, err := s.CreateStandingOrderWithResponse(t.Context(), &wire.CreateStandingOrderParams{IdempotencyKey: &key}, everyWeekOn(soon, "08:00", 6))
		require.NoError(t, err)
		require.Equal(t, http.StatusConflict, other.StatusCode())
		require.Equal(t, wire.ProblemIdempotencyConflict, other.ApplicationProblemJSON409.Type)
	})

	t.Run("each of its orders has its phone number, for staff alone", func(t *testing.T) {
		s := s.in(t)
		request := everyWeekOn(soon, "09:00", 1)
		request.Order.Phone = "+49 (0)30 555-0123"
		standing := s.takeStanding(request, uuid.NewString())
		const kept = "+49305550123"
		require.Equal(t, kept, standing.Order.Phone)
		listed := s.standingOrder(standing.ID, "its first order", hasRecent)
		require.Equal(t, kept, listed.Order.Phone)
		id := listed.Recent[0].OrderID
		require.Equal(t, kept, s.status(id).Phone)
		run, err := s.server.temporal.DescribeWorkflowExecution(t.Context(), kitchen.WorkflowID(id), "")
		require.NoError(t, err)
		require.Contains(t, run.WorkflowExecutionInfo.Memo.Fields, workflows.MemoPhone)
		require.NotContains(t, do(t, s.server, newRequest(http.MethodGet, "/api/v1/orders/"+id, nil)).Body.String(), "5550123")

		request.Order.Phone = "ring twice"
		refused, err := s.CreateStandingOrderWithResponse(t.Context(), nil, request)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode())
		require.Equal(t, "/order/phone", *refused.ApplicationProblemJSON422.Errors[0].Pointer)
	})

	t.Run("a full slot is told, and asked for again", func(t *testing.T) {
		s := s.in(t)
		first := s.takeStanding(everyWeekOn(soon, "10:00", 12), uuid.NewString())
		s.standingOrder(first.ID, "its first order", hasRecent)
		second := s.takeStanding(everyWeekOn(soon, "10:00", 1), uuid.NewString())
		waits := s.standingOrder(second.ID, "why it waits", func(standing wire.StandingOrder) bool {
			return len(standing.Recent) == 1 && strings.HasPrefix(standing.Recent[0].Waits, "The slot is full")
		})
		require.Empty(t, waits.Recent[0].Refused)
	})

	t.Run("it is paused, goes on and ends", func(t *testing.T) {
		s := s.in(t)
		standing := s.takeStanding(everyWeekOn(soon.Add(60), "08:00", 1), uuid.NewString())
		paused, err := s.PauseStandingOrderWithResponse(t.Context(), standing.ID)
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, paused.StatusCode(), string(paused.Body))
		listed := s.standingOrder(standing.ID, "paused", func(standing wire.StandingOrder) bool { return standing.Paused })
		require.Empty(t, listed.Recent)
		require.Equal(t, soon.Add(60), listed.Next[0], "not before its first day")
		resumed, err := s.ResumeStandingOrderWithResponse(t.Context(), standing.ID)
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, resumed.StatusCode())
		s.standingOrder(standing.ID, "going on", func(standing wire.StandingOrder) bool { return !standing.Paused })
		for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
			ended, err := s.EndStandingOrderWithResponse(t.Context(), standing.ID)
			require.NoError(t, err)
			require.Equal(t, want, ended.StatusCode())
		}
	})

	t.Run("faults name their place", func(t *testing.T) {
		s := s.in(t)
		request := everyWeekOn(soon, "08:20", 1)
		answer, err := s.CreateStandingOrderWithResponse(t.Context(), nil, request)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode(), string(answer.Body))
		require.Equal(t, "/days/0", *answer.ApplicationProblemJSON422.Errors[0].Pointer)
		body := `{"order":{"customer":{"name":"Ada"},"lines":[{"flavour":"lemon","size":"M","quantity":1}],"pickupAt":"2026-02-30T08:00:00Z"},"days":["monday"],"at":"08:00","from":"2026-02-30"}`
		raw, err := s.CreateStandingOrderWithBodyWithResponse(t.Context(), nil, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		require.Equal(t, http.StatusUnprocessableEntity, raw.StatusCode(), string(raw.Body))
		var places []string
		for _, fault := range raw.ApplicationProblemJSON422.Errors {
			places = append(places, *fault.Pointer)
		}
		require.Equal(t, []string{"/from", "/order/pickupAt"}, places, string(raw.Body))
	})
}

// keepStanding keeps a standing order that places none by itself while the test runs.
func (s *shop) keepStanding(standing workflows.Standing) {
	s.t.Helper()
	opening, at := &s.server.kitchen.Opening, time.Now()
	require.NoError(s.t, s.server.standing.Create(s.t.Context(), standing, opening, opening.DateOf(at).Add(300), at))
	s.t.Cleanup(func() { _ = s.server.standing.End(context.WithoutCancel(s.t.Context()), standing.ID) })
}

// What was wanted before a standing order was paused or ended, or before the kitchen file
// let people order as far ahead, is not placed any more, or waits.
func TestAnOrderThatWaitsHeedsWhatBecameOfItsStandingOrder(t *testing.T) {
	t.Parallel()
	k, err := kitchen.Parse("kitchen.yaml", []byte("opening: {timezone: Europe/Berlin, slot: 1h, ahead: 2}\n"))
	require.NoError(t, err)
	s := openShop(t, staffed, func(c *Config) { c.Kitchen = k })
	refusal := func(standing workflows.Standing, day kitchen.Date) *temporal.ApplicationError {
		t.Helper()
		_, err := s.server.placeStanding(t.Context(), workflows.PlaceStanding{Standing: standing, ScheduledAt: k.Opening.PlacedOn(day, standing.DaysAhead)})
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, workflows.ErrorOccurrenceRefused, failure.Type(), failure.Message())
		return failure
	}
	day := k.Opening.DateOf(time.Now()).Add(6)
	standing := workflows.Standing{ID: uuid.NewString(), Order: everyWeekOn(day, "08:00", 1), DaysAhead: 7, TimeZone: "Europe/Berlin"}
	s.keepStanding(standing)

	tooFar := refusal(standing, day)
	require.Contains(t, tooFar.Message(), "too far ahead")
	require.False(t, tooFar.NonRetryable(), "there is time until then")

	require.NoError(t, s.server.standing.Pause(t.Context(), standing.ID, "paused by mia"))
	paused := refusal(standing, day)
	require.Contains(t, paused.Message(), "paused")
	require.False(t, paused.NonRetryable(), "it may go on")

	require.NoError(t, s.server.standing.End(t.Context(), standing.ID))
	ended := refusal(standing, day)
	require.Contains(t, ended.Message(), "was ended")
	require.True(t, ended.NonRetryable())
}

// A schedule that somebody has spoilt in Temporal hides no standing order.
func TestASpoiltStandingOrderHidesNoOther(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, bakeryWithSlots(t))
	spoilt := "standing-" + uuid.NewString()
	handle, err := staffed.ScheduleClient().Create(t.Context(), temporalclient.ScheduleOptions{
		ID:     spoilt,
		Paused: true,
		Action: &temporalclient.ScheduleWorkflowAction{ID: spoilt, Workflow: workflows.StandingOrderWorkflowType, TaskQueue: workflows.TaskQueue},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = handle.Delete(context.WithoutCancel(t.Context())) })
	standing := workflows.Standing{ID: uuid.NewString(), Order: everyWeekOn(s.server.kitchen.Opening.DateOf(time.Now()).Add(300), "08:00", 1), DaysAhead: 7, TimeZone: "Europe/Berlin"}
	s.keepStanding(standing)
	require.Eventually(t, func() bool {
		ids, err := s.server.standing.IDs(t.Context(), mostStandingOrders)
		return err == nil && slices.Contains(ids, strings.TrimPrefix(spoilt, "standing-"))
	}, time.Minute, 50*time.Millisecond, "Temporal lists it")
	s.standingOrder(standing.ID, "the list has the other", func(wire.StandingOrder) bool { return true })
}

// What a kitchen that has changed makes of an order of before.
func TestAStandingOrderInAnotherKitchen(t *testing.T) {
	t.Parallel()
	k, err := kitchen.Parse("kitchen.yaml", []byte(`{opening: {timezone: Europe/Berlin, slot: 1h, hours: {monday: ["08:00-18:00"]}, ahead: 30},
  menu: {flavours: [{code: vanilla, name: Vanilla, allergens: []}]}}`))
	require.NoError(t, err)
	s := openShop(t, staffed, func(c *Config) { c.Kitchen = k })
	place := func(day kitchen.Date, request wire.StandingOrderRequest) (workflows.Occurrence, error) {
		standing := workflows.Standing{ID: uuid.NewString(), Order: request, DaysAhead: 7, TimeZone: "Europe/Berlin"}
		s.keepStanding(standing)
		return s.server.placeStanding(t.Context(), workflows.PlaceStanding{Standing: standing, ScheduledAt: k.Opening.PlacedOn(day, 7)})
	}
	monday := k.Opening.DateOf(time.Now()).Add(2)
	for monday.Weekday() != time.Monday {
		monday = monday.Next()
	}
	tuesday := monday.Next()
	closed, err := place(tuesday, everyWeekOn(tuesday, "08:00", 1))
	require.NoError(t, err)
	require.Equal(t, workflows.Occurrence{Day: tuesday, Skipped: "The bakery is closed on that day."}, closed)

	refused := func(_ workflows.Occurrence, err error) string {
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, workflows.ErrorOccurrenceRefused, failure.Type())
		require.True(t, failure.NonRetryable())
		return failure.Message()
	}
	require.Contains(t, refused(place(monday, everyWeekOn(monday, "08:00", 1))), "/lines/0/flavour", "lemon is not made here any more")
	vanilla := everyWeekOn(monday, "08:30", 1)
	vanilla.Order.Lines[0].Flavour = "vanilla"
	require.Contains(t, refused(place(monday, vanilla)), "is no slot")
	past := monday.Add(-14)
	vanilla.From, vanilla.At = past, "08:00"
	require.Contains(t, refused(place(past, vanilla)), "is over")
}
