package api

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// daysAhead gives each test a day of its own: all share one server.
var daysAhead atomic.Int64

// bakeryWithSlots is a kitchen that is always open and hands out at most twelve in a slot.
func bakeryWithSlots(t *testing.T) func(*Config) {
	t.Helper()
	k, err := kitchen.Parse("kitchen.yaml", []byte("opening: {timezone: Europe/Berlin, slot: 1h, capacity: 12, lead: {base: 1h, perDozen: 0s}, ahead: 365}\n"))
	require.NoError(t, err)
	return func(c *Config) { c.Kitchen = k }
}

// aDay has slots that no other test asks for.
func (s *shop) aDay() (kitchen.Date, []wire.SlotOffer) {
	s.t.Helper()
	day := s.server.kitchen.Opening.DateOf(time.Now()).Add(10 + int(daysAhead.Add(1)))
	return day, s.slots(day, 1).Slots
}

func (s *shop) slots(day kitchen.Date, pieces int) wire.Slots {
	s.t.Helper()
	text := day.String()
	answer, err := s.GetSlotsWithResponse(s.t.Context(), &wire.GetSlotsParams{Day: &text, Pieces: &pieces})
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, answer.StatusCode(), string(answer.Body))
	return *answer.JSON200
}

func orderAt(at time.Time, pieces int) kitchen.Order {
	return kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "vanilla", Size: kitchen.SizeS, Quantity: pieces}}, PickupAt: at}
}

// Nobody looks through sixty days for a place that there is on none.
func TestAnOrderThatIsLargerThanASlotHasNone(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, bakeryWithSlots(t))
	day := s.server.kitchen.Opening.DateOf(time.Now()).Add(3)
	fits, large := s.slots(day, 12), s.slots(day, 13)
	require.Equal(t, 12, fits.Capacity)
	require.NotEmpty(t, fits.Days)
	require.NotEmpty(t, fits.Slots)
	require.Equal(t, wire.Slots{Timezone: "Europe/Berlin", Open: true, Capacity: 12, Day: day, Days: []kitchen.Date{}, Slots: []wire.SlotOffer{}}, large)
}

func TestAnOrderForASlot(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, bakeryWithSlots(t))
	day, slots := s.aDay()
	at, key := slots[9].At, uuid.NewString()
	first := s.order(orderAt(at, 8), key)
	require.Equal(t, http.StatusCreated, first.StatusCode(), string(first.Body))
	require.Equal(t, kitchen.StateScheduled, first.JSON201.State)
	require.True(t, at.Equal(*first.JSON201.DueAt))
	require.Equal(t, string(first.Body), string(s.order(orderAt(at, 8), key).Body), "the same order, again")
	require.Equal(t, string(first.Body), string(s.order(orderAt(at.In(time.FixedZone("elsewhere", 3600)), 8), key).Body), "however its time is written")
	require.Equal(t, "1", s.metric("cupcakery_orders_created_total"))
	status := s.status(first.JSON201.ID)
	require.Equal(t, kitchen.StateScheduled, status.State)
	require.True(t, at.Equal(*status.DueAt))

	t.Run("takes from what is left", func(t *testing.T) {
		offers := s.slots(day, 5).Slots
		require.Len(t, offers, len(slots))
		require.Equal(t, wire.SlotOffer{At: at, Left: 4, Free: false}, offers[9])
		require.Equal(t, wire.SlotOffer{At: slots[10].At, Left: 12, Free: true}, offers[10])
		require.True(t, s.slots(day, 4).Slots[9].Free)
	})
	t.Run("another for the same slot learns what is free, and may take that with the same key", func(t *testing.T) {
		key := uuid.NewString()
		answer := s.order(orderAt(at, 5), key)
		require.Equal(t, http.StatusConflict, answer.StatusCode(), string(answer.Body))
		problem := answer.ApplicationProblemJSON409
		require.Equal(t, wire.ProblemSlotFull, problem.Type)
		require.Len(t, problem.Free, 5)
		require.True(t, problem.Free[0].Equal(slots[10].At))
		got, err := s.GetOrderWithResponse(t.Context(), kitchen.OrderIDFromKey(testSecret, key))
		require.NoError(t, err)
		require.Equal(t, http.StatusNotFound, got.StatusCode(), string(got.Body))
		again := s.order(orderAt(problem.Free[0], 5), key)
		require.Equal(t, http.StatusCreated, again.StatusCode(), string(again.Body))
		conflict := s.order(orderAt(problem.Free[1], 5), key)
		require.Equal(t, wire.ProblemIdempotencyConflict, conflict.ApplicationProblemJSON409.Type)
	})
	t.Run("and as soon as possible instead, with the same key", func(t *testing.T) {
		key := uuid.NewString()
		require.Equal(t, http.StatusConflict, s.order(orderAt(at, 5), key).StatusCode())
		require.EventuallyWithT(t, func(t *assert.CollectT) { // its workflow is about to end
			require.Equal(t, http.StatusCreated, s.order(orderAt(time.Time{}, 5), key).StatusCode())
		}, patience, 50*time.Millisecond)
		require.Equal(t, http.StatusCreated, s.order(orderAt(time.Time{}, 5), key).StatusCode())
		slot := s.order(orderAt(slots[10].At, 5), key)
		require.Equal(t, http.StatusConflict, slot.StatusCode(), string(slot.Body))
		require.Equal(t, wire.ProblemIdempotencyConflict, slot.ApplicationProblemJSON409.Type)
		require.Equal(t, kitchen.StateInProgress, func() kitchen.OrderState {
			nextTicket(t, kitchen.OrderIDFromKey(testSecret, key))
			return s.status(kitchen.OrderIDFromKey(testSecret, key)).State
		}())
	})
	t.Run("is listed as scheduled, and what was not placed nowhere", func(t *testing.T) {
		scheduled := kitchen.StateScheduled
		list := func(params wire.ListOrdersParams) []wire.OrderSummary {
			answer, err := s.ListOrdersWithResponse(t.Context(), &params)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
			return answer.JSON200.Orders
		}
		code := first.JSON201.PickupCode
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			found := list(wire.ListOrdersParams{State: &scheduled, PickupCode: &code})
			require.Len(t, found, 1)
			require.Equal(t, kitchen.StateScheduled, found[0].State)
			require.True(t, at.Equal(found[0].DueAt))
		}, patience, 50*time.Millisecond)
		none := orderAt(at, 12)
		none.Customer.Name = "None " + uuid.NewString()
		refused := s.order(none, "")
		require.Equal(t, http.StatusConflict, refused.StatusCode())
		require.Eventually(t, func() bool {
			count, err := staffed.CountWorkflow(t.Context(), countRequest("CupcakeState = '"+workflows.StatePlacing+"' AND ExecutionStatus = 'Failed'"))
			return err == nil && count.GetCount() > 0
		}, patience, 50*time.Millisecond)
		for _, found := range list(wire.ListOrdersParams{}) {
			require.NotEqual(t, workflows.StatePlacing, string(found.State))
		}
		cancelled := kitchen.StateCancelled
		for _, found := range list(wire.ListOrdersParams{State: &cancelled}) {
			require.NotEqual(t, none.Customer.Name, found.Customer.Name, "it was none")
		}
	})
	t.Run("that is cancelled leaves its place to another", func(t *testing.T) {
		answer, err := s.CancelOrderWithResponse(t.Context(), first.JSON201.ID, &wire.CancelOrderParams{}, kitchen.Cancellation{})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
		require.NoError(t, staffed.GetWorkflow(t.Context(), kitchen.WorkflowID(first.JSON201.ID), "").Get(t.Context(), nil))
		require.Eventually(t, func() bool { return s.slots(day, 1).Slots[9].Left == 12 }, patience, 50*time.Millisecond, "what is left is kept for a moment")
		s.taken(orderAt(at, 12))
	})
}

func TestTwoCustomersWantTheLastPlace(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, bakeryWithSlots(t))
	_, slots := s.aDay()
	gate := make(chan struct{})
	var asking sync.WaitGroup
	answers := make([]*client.CreateOrderResponse, 2)
	for i := range answers {
		asking.Go(func() {
			<-gate
			answer, err := s.CreateOrderWithResponse(t.Context(), &wire.CreateOrderParams{}, orderAt(slots[0].At, 7))
			if assert.NoError(t, err) {
				answers[i] = answer
			}
		})
	}
	close(gate)
	asking.Wait()
	require.ElementsMatch(t, []int{http.StatusCreated, http.StatusConflict}, []int{answers[0].StatusCode(), answers[1].StatusCode()})
}

func TestAnOrderForASlotWithoutAWorker(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, bakeryWithSlots(t))
	day := s.server.kitchen.Opening.DateOf(time.Now()).Add(10 + int(daysAhead.Add(1)))
	at, key := s.slots(day, 1).Slots[0].At, uuid.NewString() // nobody has ordered for that day: no worker is asked
	for range 2 {
		answer := s.order(orderAt(at, 1), key)
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode(), string(answer.Body))
		require.Contains(t, answer.ApplicationProblemJSON503.Detail, "the same Idempotency-Key")
	}
	refused := orderAt(at, 1)
	refused.Total = &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: 1} // nothing has a price here
	unsure := s.order(refused, key)
	require.Equal(t, http.StatusServiceUnavailable, unsure.StatusCode(), "nobody may say that nothing was ordered: %s", unsure.Body)
	other := s.order(orderAt(time.Time{}, 1), key)
	require.Equal(t, http.StatusConflict, other.StatusCode(), string(other.Body))
	require.Equal(t, wire.ProblemIdempotencyConflict, other.ApplicationProblemJSON409.Type)
	list, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{PickupCode: new(kitchen.PickupCode(kitchen.OrderIDFromKey(testSecret, key)))})
	require.NoError(t, err)
	require.Empty(t, list.JSON200.Orders, "it is no order yet")
	require.Equal(t, http.StatusCreated, s.order(sampleOrder(), "").StatusCode(), "as soon as possible needs none")
}

func TestTimesAtWhichNothingCanBeFetched(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, bakeryWithSlots(t))
	now := time.Now()
	_, slots := s.aDay()
	for want, order := range map[string]kitchen.Order{
		"is over":           orderAt(now.Add(-24*time.Hour).Truncate(time.Hour), 1),
		"is too soon for":   orderAt(now.Truncate(time.Hour).Add(time.Hour), 1),
		"is no slot":        orderAt(slots[0].At.Add(time.Minute), 1),
		"is too far ahead":  orderAt(slots[0].At.AddDate(2, 0, 0), 1),
		"one slot has room": orderAt(slots[0].At, 13),
	} {
		answer := s.order(order, "")
		require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode(), string(answer.Body))
		faults := answer.ApplicationProblemJSON422.Errors
		require.Len(t, faults, 1)
		require.Equal(t, "/pickupAt", *faults[0].Pointer)
		require.Contains(t, faults[0].Detail, want)
	}
	for _, text := range []string{"2027-02-30T10:00:00Z", "0001-01-01T00:00:00Z", "tomorrow"} {
		body := `{"customer":{"name":"Ada"},"lines":[{"flavour":"vanilla","size":"S","quantity":1}],"pickupAt":"` + text + `"}`
		answer, err := s.CreateOrderWithBodyWithResponse(t.Context(), &wire.CreateOrderParams{}, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode(), string(answer.Body))
		require.Len(t, answer.ApplicationProblemJSON422.Errors, 1)
		require.Contains(t, answer.ApplicationProblemJSON422.Errors[0].Detail, "there is no such time")
	}
}

func TestAClosedBakery(t *testing.T) {
	t.Parallel()
	k, err := kitchen.Parse("kitchen.yaml", []byte("opening: {timezone: UTC, hours: {}}\n"))
	require.NoError(t, err)
	tomorrow := k.Opening.DateOf(time.Now()).Next()
	k.Opening.Hours[tomorrow.Weekday()] = []kitchen.Span{{From: 8 * 60, To: 18 * 60}}
	open := openShop(t, staffed, nil)
	key := uuid.NewString()
	before := open.order(sampleOrder(), key)
	require.Equal(t, http.StatusCreated, before.StatusCode())

	s := openShop(t, staffed, func(c *Config) { c.Kitchen = k })
	require.Equal(t, string(before.Body), string(s.order(sampleOrder(), key).Body), "whoever repeats an order is answered")
	answer := s.order(sampleOrder(), "")
	require.Equal(t, http.StatusConflict, answer.StatusCode(), string(answer.Body))
	problem := answer.ApplicationProblemJSON409
	require.Equal(t, wire.ProblemClosed, problem.Type)
	opens := time.Date(tomorrow.Year, tomorrow.Month, tomorrow.Day, 8, 0, 0, 0, time.UTC)
	require.True(t, opens.Equal(problem.OpensAt), problem.OpensAt)
	require.Contains(t, problem.Detail, "closed until")

	slots, err := s.GetSlotsWithResponse(t.Context(), &wire.GetSlotsParams{})
	require.NoError(t, err)
	require.False(t, slots.JSON200.Open)
	require.True(t, opens.Equal(slots.JSON200.OpensAt))
	require.Equal(t, tomorrow, slots.JSON200.Day)
	require.Equal(t, tomorrow, slots.JSON200.Days[0])
	require.True(t, opens.Equal(slots.JSON200.Slots[0].At))
	for name, day := range map[string]kitchen.Date{"closed": tomorrow.Next(), "over": tomorrow.Add(-2), "too far": tomorrow.Add(70)} {
		require.Empty(t, s.slots(day, 1).Slots, name)
	}
	bad, err := s.GetSlotsWithResponse(t.Context(), &wire.GetSlotsParams{Day: new("2027-02-30")})
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, bad.StatusCode(), string(bad.Body))
}

func TestAFullSlotOffersOnlyWhatIsNotTooSoon(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, bakeryWithSlots(t)) // which needs an hour
	soon, later := time.Now().Add(30*time.Minute), time.Now().Add(3*time.Hour)
	problem, is := errors.AsType[*problemError](server.notPlaced(&kitchen.NoPlaceError{Why: kitchen.PickupFull, Free: []time.Time{soon, later}}, 1))
	require.True(t, is)
	require.Equal(t, []time.Time{later}, problem.Free)
	require.Contains(t, problem.Detail, server.kitchen.Opening.Say(later))
}
