package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// dayOfSample is what the ledger says of a day, and what was made up for it.
type dayOfSample struct{ Orders, Pieces, Ready, Collected, Cancelled, Open, Remakes, Scrapped, Cents int }

func TestTheDemosLedgerHasDaysBehindIt(t *testing.T) {
	t.Parallel()
	kitchenFile := kitchenAtNoon(t)
	k, err := kitchen.Load(kitchenFile)
	require.NoError(t, err)
	today := k.Opening.DateOf(time.Now())
	want := make(map[string]dayOfSample)
	for n := 1; n <= sampleDays; n++ {
		want[today.Add(-n).String()] = figuresOf(sampleDay(k, today.Add(-n)))
	}

	d := newDevRun(t)
	demo := []string{"--demo", "--demo-every", "1h", "--demo-fail-rate", "0", "--ledger", "--kitchen", kitchenFile}
	d.start(demo...)
	require.Contains(t, d.process.Output(), "14 days before the first start are a sample")
	require.Equal(t, want, d.daysBefore(today, want))

	// What is open, ready or done lately is of today's orders alone.
	var statistics wire.Statistics
	d.read("/api/v1/statistics", &statistics)
	placed := 0
	for _, n := range statistics.Placed {
		placed += n
	}
	var orders wire.OrderPage
	d.read("/api/v1/orders", &orders)
	require.LessOrEqual(t, placed, 1)
	require.LessOrEqual(t, len(orders.Orders), 1)
	var ready wire.ReadyOrders
	d.read("/api/v1/kitchen/ready", &ready)
	require.Empty(t, ready.Orders)

	// A second start adds nothing.
	require.NoError(t, d.process.Stop(devStopsWithin))
	begun := filepath.Join(d.dataDir, sampleBegun)
	require.NoFileExists(t, begun)
	d.start(demo...)
	require.Equal(t, want, d.daysBefore(today, want))
	require.NoError(t, d.process.Stop(devStopsWithin))

	// One whose writing was killed is written anew.
	require.NoError(t, os.RemoveAll(filepath.Join(d.dataDir, "postgres")))
	require.NoError(t, os.WriteFile(begun, nil, 0o600))
	d.start(demo...)
	require.NoFileExists(t, begun)
	require.Equal(t, want, d.daysBefore(today, want))
	require.NoError(t, d.process.Stop(devStopsWithin))
}

// figuresOf adds up a made-up day.
func figuresOf(records []sampled) (day dayOfSample) {
	last := make(map[string]kitchen.LoggedStatus)
	pieces := make(map[string]int)
	for _, record := range records {
		switch what := record.what.(type) {
		case kitchen.Ticket:
			pieces[what.OrderID] = kitchen.Order{Lines: what.Lines}.Pieces()
		case kitchen.LoggedStatus:
			last[what.OrderID] = what
		case kitchen.Shipped:
			day.Cents += int(what.Total.Amount)
		case kitchen.Flag:
			day.Collected++
		}
	}
	for id, order := range last {
		day.Orders++
		day.Remakes += order.Remakes
		day.Scrapped += order.Scrapped
		switch order.State {
		case kitchen.StateShipped:
			day.Ready++
			day.Pieces += pieces[id]
		case kitchen.StateCancelled:
			day.Cancelled++
		default:
			day.Open++
		}
	}
	return day
}

// daysBefore waits until the ledger says of the days before today what is wanted, and
// returns what it said last.
func (d *devRun) daysBefore(today kitchen.Date, want map[string]dayOfSample) (days map[string]dayOfSample) {
	d.t.Helper()
	ctx := d.t.Context()
	connection, err := pgx.Connect(ctx, d.ready.Ledger)
	require.NoError(d.t, err)
	defer func() { assert.NoError(d.t, connection.Close(ctx)) }()
	for deadline := time.Now().Add(devPatience); ; {
		days = make(map[string]dayOfSample)
		rows, err := connection.Query(ctx, `select day::text, orders, pieces, ready, collected, cancelled, open, remakes, scrapped,
			coalesce((select amount from ledger.day_revenue r where r.day = f.day), 0) from ledger.day_figures f where day < $1::text::date`, today.String())
		require.NoError(d.t, err)
		var day string
		var f dayOfSample
		_, err = pgx.ForEachRow(rows, []any{&day, &f.Orders, &f.Pieces, &f.Ready, &f.Collected, &f.Cancelled, &f.Open, &f.Remakes, &f.Scrapped, &f.Cents}, func() error {
			days[day] = f
			return nil
		})
		require.NoError(d.t, err)
		if assert.ObjectsAreEqual(want, days) || time.Now().After(deadline) {
			return days
		}
		<-time.After(100 * time.Millisecond)
	}
}

// read asks the API as the demo's manager.
func (d *devRun) read(path string, into any) {
	d.t.Helper()
	signIn, err := http.Post(d.ready.API+"/api/v1/session", "application/json", strings.NewReader(`{"name":"max","pin":"555555"}`))
	require.NoError(d.t, err)
	require.NoError(d.t, signIn.Body.Close())
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.ready.API+path, http.NoBody)
	require.NoError(d.t, err)
	for _, cookie := range signIn.Cookies() {
		request.AddCookie(cookie)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(d.t, err)
	defer func() { _ = response.Body.Close() }() // read to its end
	require.Equal(d.t, http.StatusOK, response.StatusCode)
	require.NoError(d.t, json.NewDecoder(response.Body).Decode(into))
}
