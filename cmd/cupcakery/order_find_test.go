package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestOrdersAreFoundByAName(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.Local)
	page := answerJSON(http.StatusOK, wire.OrderPage{Orders: []wire.OrderSummary{
		{ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateInProgress, Stage: kitchen.Bake, Customer: kitchen.Customer{Name: "Björn of a very long surname indeed"}, Pieces: 12, PlacedAt: noon},
		{ID: anOrderID, PickupCode: "M2XY", State: kitchen.StateScheduled, Customer: kitchen.Customer{Name: "Bjorn"}, Pieces: 6, PlacedAt: noon, DueAt: noon.Add(time.Hour)},
		{ID: anOrderID, PickupCode: "A7TT", State: kitchen.StateNeedsAttention, Customer: kitchen.Customer{Name: "Bjorn"}, Pieces: 6, PlacedAt: noon},
	}})
	fake := newFakeAPI(t, page, answerJSON(http.StatusOK, wire.Menu{Timezone: "Local"}), page)
	c := invoke(t, "", "order", "find", "bjorn", "of", "--day", "today", "--state", "in-progress", "--api", fake.URL)
	require.Equal(t, 0, c.code, c.stderr)
	query := fake.requests[0].URL.Query()
	require.Equal(t, []string{"bjorn of", "today", "in-progress"}, []string{query.Get("q"), query.Get("day"), query.Get("state")})
	lines := strings.Split(strings.TrimSpace(c.stdout), "\n")
	require.Regexp(t, "^CODE +NAME +PIECES +STATE +FOR$", lines[0])
	require.Regexp(t, "^K7QF +Björn of a very lon… +12 +bake +asap, 2026-01-31 12:00:00$", lines[1])
	require.Regexp(t, "^M2XY +Bjorn +6 +scheduled +2026-01-31 13:00:00$", lines[2])
	require.Regexp(t, "^A7TT +Bjorn +6 +needs attention +asap", lines[3], "the words of every list")
	for _, line := range lines {
		require.LessOrEqual(t, len([]rune(line)), 80)
	}

	c = invoke(t, "", "order", "list", "--customer", "bjorn", "--api", fake.URL)
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, "bjorn", fake.requests[2].URL.Query().Get("q"), "any part of the name will do")
}

func TestOrdersAreFoundByTheEndOfAPhoneNumber(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.Local)
	fake := newFakeAPI(t, answerJSON(http.StatusOK, wire.OrderPage{Orders: []wire.OrderSummary{
		{ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateNeedsAttention, Customer: kitchen.Customer{Name: "Björn of a very long surname indeed"}, Phone: "+49305550123", Pieces: 10000, PlacedAt: noon},
		{ID: anOrderID, PickupCode: "M2XY", State: kitchen.StateScheduled, Customer: kitchen.Customer{Name: "0123 Street"}, Pieces: 6, PlacedAt: noon},
	}}))
	c := invoke(t, "", "order", "find", "0123", "--api", fake.URL)
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, "0123", fake.requests[0].URL.Query().Get("q"))
	lines := strings.Split(strings.TrimSpace(c.stdout), "\n")
	require.Regexp(t, "^CODE +NAME +PHONE +PIECES +STATE +FOR$", lines[0])
	require.Regexp(t, "^K7QF +Björn of a v… +…0123 +10000 +needs attention +asap", lines[1])
	require.Regexp(t, "^M2XY +0123 Street +- +6 +scheduled +asap", lines[2])
	for _, line := range lines {
		require.LessOrEqual(t, len([]rune(line)), 80)
	}
}

func TestASearchEndsSomewhere(t *testing.T) {
	t.Parallel()
	fake := newFakeAPI(t, answerJSON(http.StatusOK, wire.OrderPage{Orders: []wire.OrderSummary{}, NextPageToken: "more"}))
	c := invoke(t, "", "order", "find", "nobody", "--api", fake.URL)
	require.Equal(t, 0, c.code, c.stderr)
	require.Len(t, fake.requests, mostLooks)
	require.Contains(t, c.stderr, "go on with --page-token more")
	require.NotContains(t, c.stderr, "No order matches", "nobody knows")
}

func TestAnOrderIsExplainedToPeople(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.Local)
	page := answerJSON(http.StatusOK, wire.OrderPage{Orders: []wire.OrderSummary{{ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateInProgress}}})
	order := aStatus()
	order.State = kitchen.StateInProgress
	fake := newFakeAPI(t, page, answerJSON(http.StatusOK, wire.OrderExplanation{
		Order: order, Waiting: wire.Waiting{Cause: wire.WaitingInQueue, Text: "It waits."}, Late: wire.Lateness{DueAt: noon, Text: "It is 5 min late. It waits."},
		Happened: []wire.Happening{{At: noon, Kind: wire.HappenedPlaced, Text: "It was ordered.\x1b[31m"}}, Boxes: []kitchen.PackedBox{}, TemporalURL: "https://temporal.example.com/x",
	}))
	c := invoke(t, "", "order", "explain", "k7qf", "--api", fake.URL)
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, "k7qf", fake.requests[0].URL.Query().Get("pickupCode"))
	require.Equal(t, "/api/v1/orders/"+anOrderID+"/explanation", fake.requests[1].URL.Path)
	require.Contains(t, c.stdout, "K7QF · Ada · 12 cupcakes · in-progress\n\nIt is 5 min late. It waits.\n\n  2026-01-31 12:00:00  It was ordered.")
	require.NotContains(t, c.stdout, "\x1b")
	require.Contains(t, c.stdout, "https://temporal.example.com/x")
}

func TestAnOrderIsCalledByItsCode(t *testing.T) {
	t.Parallel()
	open := wire.OrderSummary{ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateInProgress}
	shippedBefore := wire.OrderSummary{ID: "0199c0de-7a11-7000-8000-00000000beef", PickupCode: "K7QF", State: kitchen.StateShipped}
	page := func(orders ...wire.OrderSummary) http.HandlerFunc {
		return answerJSON(http.StatusOK, wire.OrderPage{Orders: orders})
	}
	for name, c := range map[string]struct {
		args []string
		path string
	}{
		"Get":     {[]string{"get", "K7QF"}, ""},
		"Cancel":  {[]string{"cancel", "k7qf"}, "/cancel"},
		"Amend":   {[]string{"amend", "K7QF", "--notes", "x"}, "/amend"},
		"Resolve": {[]string{"resolve", "K7QF", "retry"}, "/resolve"},
	} {
		orders := []wire.OrderSummary{open}
		if name != "Get" {
			orders = append(orders, shippedBefore) // which cannot be meant
		}
		fake := newFakeAPI(t, page(orders...), answerJSON(http.StatusOK, aStatus()))
		said := invoke(t, "", append(append([]string{"order"}, c.args...), "--api", fake.URL)...)
		require.Equal(t, 0, said.code, name+said.stderr)
		require.Equal(t, "/api/v1/orders/"+anOrderID+c.path, fake.requests[1].URL.Path, name)
	}
	said := invoke(t, "", "order", "get", "K7QF", "--api", newFakeAPI(t, page(open, shippedBefore)).URL)
	require.Equal(t, exitUsage, said.code)
	require.Contains(t, said.stderr, shippedBefore.ID)
	require.Equal(t, exitUsage, invoke(t, "", "order", "get", "not-an-id", "--api", newFakeAPI(t, page()).URL).code)
	require.Equal(t, exitUnavailable, invoke(t, "", "order", "get", "K7QF", "--api", "http://127.0.0.1:1").code)
}
