package main

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestStandingOrdersAreShownToPeople(t *testing.T) {
	t.Parallel()
	const id, placed = "0199c0de-7a11-7000-8000-00000000cafe", "0199c0de-7a11-7000-8000-00000000beef"
	day := kitchen.Date{Year: 2026, Month: 11, Day: 30}
	var out bytes.Buffer
	require.NoError(t, writeStanding(&out, []wire.StandingOrder{
		{
			ID: id, At: "08:30", Days: []kitchen.Weekday{"monday", "friday"}, Until: day.Add(28), Next: []kitchen.Date{day.Add(7)},
			Order: kitchen.Order{Customer: kitchen.Customer{Name: "Café\x1b[31m Ada"}, Phone: "+49305550123", Lines: []kitchen.Line{{Flavour: "lemon", Size: "M", Quantity: 40}, {Flavour: "vanilla", Size: "S", Quantity: 2}}},
			Recent: []wire.StandingOccurrence{
				{Day: day.Add(-7), OrderID: placed}, {Day: day.Add(-3), Skipped: "The bakery is closed on that day."},
				{Day: day, Refused: "It is too soon."}, {Day: day.Add(4), Waits: "The slot is full."},
			},
		},
		{ID: id, At: "09:00", Days: []kitchen.Weekday{"sunday"}, Paused: true},
	}))
	require.Equal(t, id+"\n  customer    Café\\u001b[31m Ada"+`
  every       monday, friday, at 08:30
  order       40 M lemon · 2 S vanilla
  phone       +49305550123
  until       2026-12-28
  next        for 2026-12-07
  2026-11-23  placed: `+kitchen.PickupCode(placed)+` (`+placed+`)
  2026-11-27  none: The bakery is closed on that day.
  2026-11-30  NOT PLACED: It is too soon.
  2026-12-04  not placed yet: The slot is full.

`+id+`
  customer  
  every     sunday, at 09:00
  order     
  next      it is paused
`, out.String())
}

func TestStandingOrdersFromTheCommandLine(t *testing.T) {
	t.Parallel()
	taken := wire.StandingOrder{ID: anOrderID, At: "08:30", From: kitchen.Date{Year: 2026, Month: 11, Day: 30}, Days: []kitchen.Weekday{"monday"}}
	fake := newFakeAPI(t, answerJSON(http.StatusCreated, taken))
	said := invoke(t, "", "standing", "create", "--name", "Ada", "--line", "40xM:lemon", "--day", "Monday", "--at", "08:30", "--until", "2026-12-24", "--phone", "+49 30 5550123", "--api", fake.URL)
	require.Equal(t, 0, said.code, said.stderr)
	require.Equal(t, "The standing order is taken: "+anOrderID+".\nIts first order is for 2026-11-30 at 08:30.\n", said.stdout)
	require.JSONEq(t, `{"order":{"customer":{"name":"Ada"},"phone":"+49 30 5550123","lines":[{"flavour":"lemon","size":"M","quantity":40}]},"days":["monday"],"at":"08:30","until":"2026-12-24"}`, fake.bodies[0])
	require.NotEmpty(t, fake.requests[0].Header.Get("Idempotency-Key"))

	for verb, method := range map[string]string{"pause": "PUT", "resume": "DELETE"} {
		fake := newFakeAPI(t, noContent)
		require.Equal(t, 0, invoke(t, "", "standing", verb, anOrderID, "--api", fake.URL).code)
		require.Equal(t, method+" /api/v1/standing-orders/"+anOrderID+"/paused", fake.requests[0].Method+" "+fake.requests[0].URL.Path)
	}
	fake = newFakeAPI(t, noContent)
	require.Equal(t, "It has ended.\n", invoke(t, "", "standing", "end", anOrderID, "--api", fake.URL).stdout)
	require.Equal(t, "DELETE /api/v1/standing-orders/"+anOrderID, fake.requests[0].Method+" "+fake.requests[0].URL.Path)
	require.Equal(t, "There are no standing orders.\n", invoke(t, "", "standing", "list", "--api", newFakeAPI(t, answerJSON(http.StatusOK, wire.StandingOrders{})).URL).stdout)

	for _, wrong := range [][]string{
		{"--name", "Ada", "--line", "40xM:lemon", "--at", "08:30"},
		{"--name", "Ada", "--line", "40xM:lemon", "--day", "someday", "--at", "08:30"},
		{"--name", "Ada", "--line", "lemon", "--day", "monday", "--at", "08:30"},
		{"--name", "Ada", "--line", "40xM:lemon", "--day", "monday", "--at", "08:30", "--until", "soon"},
	} {
		require.Equal(t, exitUsage, invoke(t, "", append([]string{"standing", "create"}, wrong...)...).code, wrong)
	}
}
