package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
	"github.com/cupcakery/cupcakery/wire"
)

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func TestTheKitchensStateIsChangedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	state := answerJSON(http.StatusOK, wire.KitchenState{SoldOut: []wire.SoldOut{}, Paused: []wire.Paused{}})
	for name, c := range map[string]struct {
		args               []string
		method, path, body string
		says               string
		answer             http.HandlerFunc
	}{
		"sold out":               {[]string{"kitchen", "sold-out", "lemon"}, "PUT", "/api/v1/kitchen/sold-out/lemon", "{}", "lemon is sold out until somebody takes that back.\n", state},
		"back on sale":           {[]string{"kitchen", "sold-out", "lemon", "--back"}, "DELETE", "/api/v1/kitchen/sold-out/lemon", "", "lemon can be ordered again.\n", state},
		"a paused station":       {[]string{"stations", "pause", "bake", "--reason", "oven 2"}, "PUT", "/api/v1/kitchen/paused/bake", `{"reason":"oven 2"}`, "The station bake is paused.\n", state},
		"a station that goes on": {[]string{"stations", "resume", "bake"}, "DELETE", "/api/v1/kitchen/paused/bake", "", "The station bake goes on.\n", state},
		"a rush":                 {[]string{"order", "rush", anOrderID, "--reason", "the bride"}, "PUT", "/api/v1/orders/" + anOrderID + "/rush", `{"reason":"the bride"}`, "The order goes first.\n", noContent},
		"no rush":                {[]string{"order", "rush", anOrderID, "--back"}, "DELETE", "/api/v1/orders/" + anOrderID + "/rush", "", "The order waits for its turn again.\n", noContent},
		"a collected order":      {[]string{"order", "collected", anOrderID}, "PUT", "/api/v1/orders/" + anOrderID + "/collected", "", "The order is collected.\n", noContent},
		"one that was not":       {[]string{"order", "collected", anOrderID, "--back"}, "DELETE", "/api/v1/orders/" + anOrderID + "/collected", "", "The order waits to be collected.\n", noContent},
		"all sessions":           {[]string{"staff", "sign-out", "bob"}, "DELETE", "/api/v1/staff/bob/sessions", "", "All sessions of bob have ended.\n", noContent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFakeAPI(t, c.answer)
			said := invoke(t, "", append(c.args, "--api", fake.URL)...)
			require.Equal(t, 0, said.code, said.stderr)
			require.Equal(t, []string{c.method, c.path}, []string{fake.requests[0].Method, fake.requests[0].URL.Path})
			if c.body == "" {
				require.Empty(t, fake.bodies[0])
			} else {
				require.JSONEq(t, c.body, fake.bodies[0])
			}
			if c.says != "" {
				require.Equal(t, c.says, said.stdout)
			}
		})
	}
	fake := newFakeAPI(t, answerProblem(http.StatusForbidden, "This is for another role", "You are signed in as mixer."))
	said := invoke(t, "", "stations", "pause", "bake", "--api", fake.URL)
	require.NotZero(t, said.code)
	require.Contains(t, said.stderr, "This is for another role")
	require.Equal(t, exitUsage, invoke(t, "", "stations", "pause", "freeze").code)
	require.Equal(t, exitUsage, invoke(t, "", "kitchen", "sold-out", "lemon", "--until", "soon").code)
	require.Equal(t, exitUsage, invoke(t, "", "order", "rush", anOrderID).code, "whoever has to wait wants to know why")
}

func TestAnOrderIsFoundByItsPickupCode(t *testing.T) {
	t.Parallel()
	const another = "0199c0de-7a11-7000-8000-00000000beef"
	page := func(orders ...wire.OrderSummary) http.HandlerFunc {
		return answerJSON(http.StatusOK, wire.OrderPage{Orders: orders})
	}
	shipped := wire.OrderSummary{ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateShipped}
	open := wire.OrderSummary{ID: another, PickupCode: "K7QF", State: kitchen.StateInProgress}
	fake := newFakeAPI(t, page(open, shipped), noContent)
	require.Equal(t, 0, invoke(t, "", "order", "collected", "k7qf", "--api", fake.URL).code)
	require.Equal(t, "k7qf", fake.requests[0].URL.Query().Get("pickupCode"))
	require.Equal(t, "/api/v1/orders/"+anOrderID+"/collected", fake.requests[1].URL.Path)
	fake = newFakeAPI(t, page(open, shipped), noContent)
	require.Equal(t, 0, invoke(t, "", "order", "rush", "K7QF", "--reason", "x", "--api", fake.URL).code)
	require.Equal(t, "/api/v1/orders/"+another+"/rush", fake.requests[1].URL.Path)

	said := invoke(t, "", "order", "collected", "K7QF", "--api", newFakeAPI(t, page(open)).URL)
	require.Equal(t, exitRefused, said.code)
	require.Contains(t, said.stderr, "no such order has the pickup code K7QF")
	said = invoke(t, "", "order", "collected", "K7QF", "--api", newFakeAPI(t, page(shipped, shipped)).URL)
	require.Equal(t, exitUsage, said.code)
	require.Contains(t, said.stderr, "give the id instead: "+anOrderID)
}

func TestWhatIsReadyIsListed(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 31, 12, 0, 0, 0, time.Local)
	ready := wire.ReadyOrders{Orders: []wire.ReadyOrder{{ID: anOrderID, PickupCode: "K7QF", Name: "Ada L.", Pieces: 12, Since: since}}}
	require.Equal(t, said{stdout: "CODE  NAME    PIECES  READY SINCE\nK7QF  Ada L.  12      2026-01-31 12:00:00\n"},
		invoke(t, "", "order", "ready", "--api", newFakeAPI(t, answerJSON(http.StatusOK, ready)).URL))
	ready.Count = 201
	require.Equal(t, "There are 200 more.\n", invoke(t, "", "order", "ready", "--api", newFakeAPI(t, answerJSON(http.StatusOK, ready)).URL).stderr)
	ready.Count, ready.Orders = 0, []wire.ReadyOrder{}
	require.Equal(t, said{stdout: "Everything that is ready was collected.\n"},
		invoke(t, "", "order", "ready", "--api", newFakeAPI(t, answerJSON(http.StatusOK, ready)).URL))
}

// Whoever says it may be in another zone than the bakery: all others see the times of
// the bakery.
func TestAFlavourIsSoldOutUntilATimeAtTheBakery(t *testing.T) {
	t.Parallel()
	// A zone in which it is noon, whenever the test runs, and another date or clock than here.
	now := time.Now().UTC()
	zone := fmt.Sprintf("Etc/GMT%+d", now.Hour()-12)
	bakery, err := time.LoadLocation(zone)
	require.NoError(t, err)
	menu := answerJSON(http.StatusOK, wire.Menu{Timezone: zone})
	state := answerJSON(http.StatusOK, wire.KitchenState{SoldOut: []wire.SoldOut{}, Paused: []wire.Paused{}})

	fake := newFakeAPI(t, menu, state)
	c := invoke(t, "", "kitchen", "sold-out", "lemon", "--until", "14:00", "--api", fake.URL)
	require.Zero(t, c.code, c.stderr)
	today := now.In(bakery)
	until := time.Date(today.Year(), today.Month(), today.Day(), 14, 0, 0, 0, bakery)
	require.JSONEq(t, fmt.Sprintf(`{"until": %q}`, until.UTC().Format(time.RFC3339)), fake.bodies[1])
	require.Contains(t, c.stdout, "lemon is sold out until 14:00:00")

	fake = newFakeAPI(t, menu, state)
	c = invoke(t, "", "kitchen", "sold-out", "lemon", "--until", "2036-01-31T14:00:00Z", "--api", fake.URL)
	require.Zero(t, c.code, c.stderr)
	require.Equal(t, "/api/v1/kitchen/sold-out/lemon", fake.requests[1].URL.Path)
	require.JSONEq(t, `{"until": "2036-01-31T14:00:00Z"}`, fake.bodies[1])
	require.Contains(t, c.stdout, time.Date(2036, 1, 31, 14, 0, 0, 0, time.UTC).In(bakery).Format(time.DateTime))

	fake = newFakeAPI(t, menu, state)
	c = invoke(t, "", "kitchen", "sold-out", "lemon", "--until", "11:59", "--api", fake.URL)
	require.Equal(t, exitUsage, c.code)
	require.Contains(t, c.stderr, "--until 11:59: that is over, it is 12:")
	require.Len(t, fake.requests, 1, "nothing was changed")

	fake = newFakeAPI(t, answerProblem(http.StatusServiceUnavailable, "The kitchen is closed", ""), state)
	c = invoke(t, "", "kitchen", "sold-out", "lemon", "--until", "14:00", "--api", fake.URL)
	require.Equal(t, exitUnavailable, c.code, "nobody knows when that is")
	require.Len(t, fake.requests, 1)
}

func TestATimeOfTodayIsATimeToCome(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 13, 30, 0, 0, time.FixedZone("CET", 3600))
	for text, meant := range map[string]time.Time{"14:00": now.Add(30 * time.Minute), "2026-01-31T14:00:00Z": now.Add(90 * time.Minute)} {
		until, err := parseUntil(text)
		require.NoError(t, err)
		at, err := until.onDayOf(now)
		require.NoError(t, err)
		require.Equal(t, meant, at)
	}
	for _, over := range []string{"13:30", "00:00"} {
		until, err := parseUntil(over)
		require.NoError(t, err)
		_, err = until.onDayOf(now)
		require.ErrorContains(t, err, "that is over, it is 13:30 at the bakery; give a time like 2026-02-01T"+over+":00+01:00")
	}
}

func TestTheScreenSaysThatItsStationIsPausedAndWhatIsInARush(t *testing.T) {
	t.Parallel()
	s := newScreen(kitchen.Bake, "bob", kitchen.Default())
	item := station.Item{Number: 1, State: station.Waiting, Rush: "the bride", Ticket: kitchen.Ticket{TicketID: anOrderID + ".bake.1", Stage: kitchen.Bake, Kind: kitchen.TicketMake}}
	s.Update(screenFacts{ready: true, paused: "PAUSED by ann since 12:00:00: oven 2", items: []station.Item{item}})
	drawn := s.draw()
	require.Contains(t, drawn, "PAUSED by ann since 12:00:00: oven 2")
	require.Contains(t, drawn, "RUSH: the bride")
	s.Update(screenFacts{ready: true})
	require.NotContains(t, s.draw(), "PAUSED")
}
