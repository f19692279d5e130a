package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestAListOfOrdersSaysWhereEachIsAndWhoHasIt(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 31, 12, 38, 0, 0, time.Local)
	order := func(code string, stage kitchen.Stage, inHand wire.InHand) wire.OrderSummary {
		return wire.OrderSummary{
			ID: anOrderID, PickupCode: code, State: kitchen.StateInProgress, Customer: kitchen.Customer{Name: "Ada"}, Flavours: []string{"lemon"},
			PlacedAt: since.Add(-time.Hour), Stage: stage, InHand: inHand,
		}
	}
	page := wire.OrderPage{Orders: []wire.OrderSummary{
		order("K7QA", kitchen.Bake, wire.InHand{By: "bob", Since: since}), order("K7QB", kitchen.Bake, wire.InHand{By: "eve"}),
		order("K7QC", kitchen.Bake, wire.InHand{}), order("K7QD", "", wire.InHand{}),
	}}
	fake := newFakeAPI(t, answerJSON(http.StatusOK, page))
	c := invoke(t, "", "order", "list", "--api", fake.URL, "--stage", "bake")
	require.Equal(t, 0, c.code, c.stderr)
	require.Empty(t, c.stderr)
	require.Equal(t, "bake", fake.requests[0].URL.Query().Get("stage"))
	lines := strings.Split(c.stdout, "\n")
	require.Regexp(t, "^PICKUP +STATE +STAGE +IN HAND +CUSTOMER ", lines[0])
	for i, want := range []string{"K7QA +in-progress +bake +bob since 2026-01-31 12:38:00 +Ada ", "K7QB +in-progress +bake +eve +Ada ", "K7QC +in-progress +bake +- +Ada ", "K7QD +in-progress +- +- +Ada "} {
		require.Regexp(t, "^"+want, lines[i+1])
	}

	c = invoke(t, "", "order", "list", "--api", fake.URL, "-o", "json")
	require.Equal(t, 0, c.code, c.stderr)
	var written wire.OrderPage
	require.NoError(t, json.Unmarshal([]byte(c.stdout), &written))
	require.Equal(t, kitchen.Bake, written.Orders[0].Stage)
	require.Equal(t, "bob", written.Orders[0].InHand.By)
	require.True(t, written.Orders[0].InHand.Since.Equal(since))
	require.Equal(t, []int{3, 2}, []int{strings.Count(c.stdout, `"stage"`), strings.Count(c.stdout, `"inHand"`)}, "the others are absent")
}

func TestAListOfOrdersSaysThatItMayBeOutOfDate(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 31, 12, 38, 0, 0, time.Local)
	pages := []wire.OrderPage{
		{Orders: []wire.OrderSummary{}, NextPageToken: "next", Behind: wire.Behind{Since: since, Reason: wire.BehindKafka}},
		{Orders: []wire.OrderSummary{}}, // it has caught up meanwhile
	}
	fake := newFakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		page := pages[0]
		if r.URL.Query().Get("pageToken") != "" {
			page = pages[1]
		}
		answerJSON(http.StatusOK, page)(w, r)
	})
	c := invoke(t, "", "order", "list", "--api", fake.URL, "--stage", "bake")
	require.Equal(t, 0, c.code, c.stderr)
	require.Contains(t, c.stderr, "may be out of date since 2026-01-31 12:38:00")
	require.Contains(t, c.stderr, "No order matches.")
	c = invoke(t, "", "order", "list", "--api", fake.URL, "--stage", "bake", "-o", "json")
	require.Contains(t, c.stdout, `"behind"`)
}
