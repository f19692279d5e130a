package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestDueTimesAreTheBakerys(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	due := time.Date(2026, 11, 28, 10, 0, 0, 0, berlin)
	for want, now := range map[string]time.Time{
		"10:00:00":                time.Date(2026, 11, 28, 8, 0, 0, 0, berlin),
		"2026-11-28 10:00:00":     time.Date(2026, 11, 27, 8, 0, 0, 0, berlin),
		"10:00:00 CET":            time.Date(2026, 11, 28, 8, 0, 0, 0, tokyo), // 00:00 of the same day in Berlin
		"2026-11-28 10:00:00 CET": time.Date(2026, 11, 28, 7, 0, 0, 0, tokyo), // still the day before
	} {
		require.Equal(t, want, dueClock(&due, now))
	}
	require.Equal(t, "-", dueClock(nil, due))
}

func TestListsTellDueTimesByTheBakerysClock(t *testing.T) {
	t.Parallel()
	bakery, err := time.LoadLocation("Pacific/Kiritimati")
	require.NoError(t, err)
	due := noon.AddDate(0, 0, 3).UTC()
	api := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/menu" {
			answerJSON(http.StatusOK, wire.Menu{Timezone: bakery.String()})(w, r)
			return
		}
		answerJSON(http.StatusOK, wire.OrderPage{Orders: []wire.OrderSummary{{ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateScheduled, DueAt: due}}})(w, r)
	}
	for _, args := range [][]string{{"list"}, {"list", "--wide"}, {"find", "K7QF"}} {
		c := invoke(t, "", append(append([]string{"order"}, args...), "--api", newFakeAPI(t, api).URL)...)
		require.Zero(t, c.code, c.stderr)
		require.Contains(t, c.stdout, due.In(bakery).Format("15:04"), args)
		require.Contains(t, c.stdout, due.In(bakery).Format(" MST"), args)
	}

	var settings orderSettings
	fake := newFakeAPI(t, api)
	settings.api, settings.output = fake.URL, "table"
	apiClient, err := settings.connect()
	require.NoError(t, err)
	for range 3 { // as a list is that somebody watches
		orders := []wire.OrderSummary{{DueAt: due}, {}}
		settings.dueAtTheBakery(t.Context(), apiClient, orders)
		require.Equal(t, due.In(bakery), orders[0].DueAt)
	}
	require.Len(t, fake.requests, 1, "the zone is asked for once")
}
