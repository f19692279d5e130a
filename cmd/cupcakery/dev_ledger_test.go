package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestDevHasItsLedgerBackFromTheLog(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	kitchenFile := kitchenAtNoon(t)
	d.start("--ledger", "--kitchen", kitchenFile)
	info, err := os.Stat(d.readyFile)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it has a password")
	for _, text := range []string{d.ready.API + "/history", "psql '" + d.ready.Ledger + "'"} {
		require.Contains(t, d.process.Output(), text)
	}
	first := d.ready.Ledger
	order := d.order("an idempotency key")
	d.remembers(order.PickupCode)
	require.NoError(t, d.process.Stop(devStopsWithin))
	require.Regexp(t, `(?m)^  Orders +1: 0 ready, 0 of them collected; 1 open, 0 cancelled, 0 late$`, d.process.Output(), "the day's report")

	require.NoError(t, os.RemoveAll(filepath.Join(d.dataDir, "postgres")))
	d.start("--ledger", "--kitchen", kitchenFile)
	require.Equal(t, first, d.ready.Ledger, "the address stays")
	d.remembers(order.PickupCode)
	require.NoError(t, d.process.Stop(devStopsWithin)) // so that nobody writes there while it is removed
}

// kitchenAtNoon is a kitchen file in whose time zone it is noon, so that what is ordered
// now is due today.
func kitchenAtNoon(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "kitchen.yaml")
	zone := fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12) // its sign is the other way round
	text := strings.Replace(string(kitchen.DefaultFile()), "timezone: UTC", "timezone: "+zone, 1)
	require.Contains(t, text, zone)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestDevEndsWithThePostgresThatEnds(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start("--ledger", "--services", "api,kafka,temporal")
	data, err := os.ReadFile(filepath.Join(d.dataDir, "postgres", "cluster", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(data), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	d.requireExit(exitFailed)
	require.Contains(t, d.process.Output(), "PostgreSQL ended (signal: killed)")
}

func TestTheDayIsToldInAFewLines(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	writeDay(&text, wire.HistoryDay{
		Figures: wire.DayFigures{
			Day: kitchen.Date{Year: 2026, Month: time.November, Day: 26}, Orders: 5, Ready: 3, Collected: 2, Open: 1, Cancelled: 1, Late: 1, Pieces: 60, Scrapped: 14, Remakes: 1,
			Revenue: []wire.Money{{Currency: "EUR", Decimals: 2, Amount: 2880}},
		},
		Flavours: []wire.DayFlavour{{Flavour: "lemon", Size: "M", Pieces: 20}, {Flavour: "vanilla", Size: "M", Pieces: 20}, {Flavour: "lemon", Size: "L", Pieces: 10}, {Flavour: "carrot", Pieces: 6}, {Flavour: "oreo", Pieces: 4}},
		Waste:    []wire.DayWaste{{Stage: kitchen.Bake, Reason: "burnt", Pieces: 12}, {Stage: kitchen.Mix, Reason: "undone", Pieces: 2}, {Stage: kitchen.Mix, Reason: "other", Failures: 1}},
		People:   []wire.DayPerson{{Worker: "bob", Stage: kitchen.Bake, Tickets: 4}, {Worker: "bob", Stage: kitchen.Mix, Tickets: 1}},
	})
	assert.Equal(t, `The day so far, 2026-11-26:
  Orders       5: 3 ready, 2 of them collected; 1 open, 1 cancelled, 1 late
  Pieces       60 (lemon 30, vanilla 20, carrot 6, …)
  Revenue      EUR 28.80
  Thrown away  14 (bake burnt 12, mix undone 2); 1 remake
  Tickets      5 (bob 5)
`, text.String())
}

// remembers waits until the ledger has the order.
func (d *devRun) remembers(code string) {
	d.t.Helper()
	require.Regexp(d.t, regexp.MustCompile(`^postgres://ledger:[0-9a-f]{32}@127\.0\.0\.1:`), d.ready.Ledger)
	ctx, cancel := context.WithTimeout(d.t.Context(), devPatience)
	defer cancel()
	connection, err := pgx.Connect(ctx, d.ready.Ledger)
	require.NoError(d.t, err)
	defer func() { assert.NoError(d.t, connection.Close(ctx)) }()
	require.Eventually(d.t, func() bool {
		var codes []string
		err := connection.QueryRow(ctx, "select array_agg(pickup_code) from ledger.orders").Scan(&codes)
		return err == nil && len(codes) == 1 && codes[0] == code
	}, devPatience, 50*time.Millisecond)
}

func postgresPort(address string) int {
	parsed, err := url.Parse(address)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(parsed.Port()) // 0 for no ledger
	return port
}
