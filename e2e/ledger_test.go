package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// keeper is a factory's ledger. Its process may be killed and started again.
type keeper struct {
	f        *factory
	postgres *devstack.Postgres
	// dir has PostgreSQL's files.
	dir     string
	url     string
	running *process.Process
}

// keepLedger starts a ledger beside the factory, with a PostgreSQL of its own.
func (f *factory) keepLedger() *keeper {
	f.t.Helper()
	dir := f.t.TempDir()
	postgres, err := devstack.StartPostgres(f.t.Context(), devstack.PostgresConfig{DataDir: dir, Fast: true})
	require.NoError(f.t, err)
	f.t.Cleanup(postgres.Stop)
	url, err := postgres.CreateDatabase(f.t.Context(), "ledger", "red velvet")
	require.NoError(f.t, err)
	f.env = append(f.env, "CUPCAKERY_LEDGER_DATABASE="+url)
	k := &keeper{f: f, postgres: postgres, dir: dir, url: url}
	k.start()
	return k
}

func (k *keeper) start() {
	k.f.t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(k.f.t))
	k.running = k.f.start("ledger", "ledger", "--listen", address)
	k.f.eventually(k.f.answers("http://"+address+"/healthz"), k.running)
}

// kill kills the process at any moment, and starts another.
func (k *keeper) kill() {
	k.f.t.Helper()
	k.running.Kill()
	k.start()
}

// awaitEnd waits until the ledger has read all that is on the log now.
func (k *keeper) awaitEnd() {
	k.f.t.Helper()
	reader, err := events.NewLogReader(k.f.connection())
	require.NoError(k.f.t, err)
	defer reader.Close()
	k.f.eventually(func() error {
		conn, err := pgx.Connect(k.f.t.Context(), k.url)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(k.f.t.Context())) }()
		for _, topic := range events.Topics() {
			if topic == events.TopicDeadLetters {
				continue // it is not read
			}
			partitions, err := reader.Partitions(k.f.t.Context(), topic)
			if err != nil {
				return err
			}
			for partition := range partitions {
				_, end, err := reader.Bounds(k.f.t.Context(), topic, partition)
				if err != nil {
					return err
				}
				if end == 0 {
					continue
				}
				last := int64(-1) // of what can be read; behind it may lie a transaction's mark
				_, err = reader.Read(k.f.t.Context(), topic, partition, max(0, end-100), end, func(m events.Message) { last = m.Offset })
				if err != nil {
					return err
				}
				var next int64
				if err := conn.QueryRow(k.f.t.Context(), `
					SELECT coalesce(max(next_offset), 0) FROM ledger.positions JOIN ledger.logs USING (log) WHERE topic = $1 AND partition = $2`,
					topic, partition).Scan(&next); err != nil {
					return err
				}
				if next <= last {
					return fmt.Errorf("the ledger has read %s partition %d up to %d, and %d is there", topic, partition, next, last)
				}
			}
		}
		return nil
	}, k.running)
}

// keptOrder is what the ledger says of an order.
type keptOrder struct {
	State             string
	Remakes, Scrapped int
	Complete          bool
}

// requireAgrees compares the ledger with the statuses that the orders' workflows have
// ended with, and with a ledger that is built anew.
func (k *keeper) requireAgrees(statuses []kitchen.Status) {
	t := k.f.t
	t.Helper()
	k.awaitEnd()
	conn, err := pgx.Connect(t.Context(), k.url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	for _, status := range statuses {
		key := kitchen.OrderKey(status.ID)
		var kept keptOrder
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT state, remakes, scrapped, complete FROM ledger.orders WHERE order_key = $1", key).
			Scan(&kept.State, &kept.Remakes, &kept.Scrapped, &kept.Complete), "order %s", status.ID)
		assert.Equal(t, keptOrder{string(status.State), status.Remakes, status.Scrapped, true}, kept, "order %s", status.ID)
		for _, row := range status.Stages {
			if row.DoneAt == nil {
				continue
			}
			by := row.MadeBy
			if by == "" {
				by = row.By
			}
			ref := kitchen.TicketRef{OrderID: status.ID, Stage: row.Stage, Pass: row.Pass, Kind: kitchen.TicketMake}
			var worker *string
			var ended *time.Time
			require.NoError(t, conn.QueryRow(t.Context(), "SELECT worker, ended_at FROM ledger.tickets WHERE order_key = $1 AND ticket = $2", key, ref.ActivityID()).
				Scan(&worker, &ended), ref.TicketID())
			if assert.NotNil(t, worker, ref.TicketID()) && assert.NotNil(t, ended, ref.TicketID()) {
				assert.Equal(t, by, *worker, ref.TicketID())
				assert.WithinDuration(t, *row.DoneAt, *ended, time.Millisecond, ref.TicketID())
			}
		}
		var thrownAway int
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT coalesce(sum(pieces), 0) FROM ledger.waste WHERE order_key = $1", key).Scan(&thrownAway))
		assert.Equal(t, status.Scrapped, thrownAway, "pieces thrown away for %s", status.ID)
	}
	k.requireRebuildIsTheSame()
}

// requireRebuildIsTheSame has the ledger that was written while all this went on compared
// with one that is built from the log.
func (k *keeper) requireRebuildIsTheSame() {
	t := k.f.t
	t.Helper()
	t.Log(k.f.run("ledger", "check")) // it fails if they differ
}

// countedAtStage is what the boards' statistics and the ledger both tell of a stage.
type countedAtStage struct {
	Done, Failed int
	// Waited and InHand are sums in seconds.
	Waited, InHand float64
}

// What managers read in the report is what the boards have shown, and it comes back from
// the log when the database is deleted.
func TestTheReportAgreesWithTheBoardsAndOutlivesItsDatabase(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	ports := []string{"--api-port", "0", "--metrics-port", "0", "--temporal-port", "0", "--temporal-ui-port", "0", "--kafka-port", "0", "--postgres-port", "0"}
	f := &factory{t: t}
	var ready addresses
	start := func() *process.Process {
		readyFile := filepath.Join(t.TempDir(), "ready.json")
		dev := f.start("dev", append([]string{"dev", "--ledger", "--data-dir", data, "--ready-file", readyFile}, ports...)...)
		f.eventually(func() error {
			written, err := os.ReadFile(readyFile)
			if err != nil {
				return err
			}
			return json.Unmarshal(written, &ready)
		}, dev)
		f.apiURL, f.api = ready.API, dev
		return dev
	}
	dev := start()
	f.env = append(f.env, "KAFKA_BROKERS="+ready.Kafka, "CUPCAKERY_API="+ready.API)
	for _, stage := range kitchen.Stages() {
		f.robot(stage, "--work-time", "150ms", "--fail-rate", "0.1")
	}
	var placed []string
	for i := range 20 {
		placed = append(placed, f.placePatiently(kitchen.Order{
			Customer: kitchen.Customer{Name: "Ada Lovelace"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 1 + i%4}, {Flavour: "vanilla", Size: kitchen.SizeS, Quantity: 3}},
		}).ID)
	}
	shippedOrders := 0
	for _, id := range placed {
		last := f.until(id, "over", func(s kitchen.Status) bool { return shipped(s) || s.Attention != nil })
		if shipped(last) {
			shippedOrders++
		}
	}
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	staff := &http.Client{Jar: jar}
	signIn, err := staff.Post(ready.API+"/api/v1/session", "application/json", strings.NewReader(`{"name":"max","pin":"555555"}`))
	require.NoError(t, err)
	require.NoError(t, signIn.Body.Close())
	require.Equal(t, http.StatusOK, signIn.StatusCode)
	read := func(path string, into any) error {
		response, err := staff.Get(ready.API + path)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }() // read to its end
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path, response.Status)
		}
		return json.NewDecoder(response.Body).Decode(into)
	}
	ofTheBoards := func() map[string]countedAtStage {
		var statistics struct {
			Stages []struct {
				Stage kitchen.Stage
				Steps []struct {
					Done, Failed             int
					WaitSeconds, WorkSeconds *float64
				}
			}
		}
		require.NoError(t, read("/api/v1/statistics", &statistics))
		counted := make(map[string]countedAtStage)
		for _, stage := range statistics.Stages {
			var sum countedAtStage
			for _, step := range stage.Steps {
				sum.Done, sum.Failed = sum.Done+step.Done, sum.Failed+step.Failed
				if step.WaitSeconds != nil {
					sum.Waited += *step.WaitSeconds * float64(step.Done)
				}
				if step.WorkSeconds != nil {
					sum.InHand += *step.WorkSeconds * float64(step.Done)
				}
			}
			counted[string(stage.Stage)] = sum
		}
		return counted
	}
	ofTheLedger := func() map[string]countedAtStage {
		conn, err := pgx.Connect(t.Context(), ready.Ledger)
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		rows, err := conn.Query(t.Context(), `
			SELECT stage, count(*) FILTER (WHERE state = 'done'), sum(failures), coalesce(sum(waited_seconds) FILTER (WHERE state = 'done'), 0), coalesce(sum(in_hand_seconds) FILTER (WHERE state = 'done'), 0)
			FROM ledger.tickets WHERE kind = 'make' GROUP BY stage`)
		require.NoError(t, err)
		counted := make(map[string]countedAtStage)
		var stage string
		var sum countedAtStage
		_, err = pgx.ForEachRow(rows, []any{&stage, &sum.Done, &sum.Failed, &sum.Waited, &sum.InHand}, func() error {
			counted[stage] = sum
			return nil
		})
		require.NoError(t, err)
		return counted
	}
	agree := func() error {
		boards, kept := ofTheBoards(), ofTheLedger()
		for stage, shown := range boards {
			has := kept[stage]
			near := func(x, y float64) bool { return math.Abs(x-y) <= 0.001*float64(shown.Done)+0.001 } // the boards round to milliseconds
			if shown.Done != has.Done || shown.Failed != has.Failed || !near(shown.Waited, has.Waited) || !near(shown.InHand, has.InHand) {
				return fmt.Errorf("at %s the boards have shown %+v, and the ledger has %+v", stage, shown, has)
			}
		}
		return nil
	}
	f.eventually(agree, dev)
	var before, after struct{ Days []map[string]any }
	// Orders belong to the day on which they are due, which may be another one than today.
	days := fmt.Sprintf("/api/v1/history/days?from=%s&to=%s", time.Now().Add(-48*time.Hour).Format(time.DateOnly), time.Now().Add(48*time.Hour).Format(time.DateOnly))
	require.NoError(t, read(days, &before))
	orders, readyOrders := 0.0, 0.0
	for _, day := range before.Days {
		orders, readyOrders = orders+day["orders"].(float64), readyOrders+day["ready"].(float64)
	}
	assert.EqualValues(t, len(placed), orders)
	assert.EqualValues(t, shippedOrders, readyOrders)

	require.NoError(t, dev.Stop(patience))
	require.NoError(t, os.RemoveAll(filepath.Join(data, "postgres")))
	dev = start()
	f.eventually(func() error {
		after.Days = nil
		if err := read(days, &after); err != nil {
			return err
		}
		if !reflect.DeepEqual(before.Days, after.Days) {
			return fmt.Errorf("the report was %+v, and is %+v", before.Days, after.Days)
		}
		return nil
	}, dev)
	f.eventually(agree, dev)
}

// Whatever happens to the ledger and its database, it says in the end what the orders
// say.
func TestTheLedgerOutlivesKillsAndOutages(t *testing.T) {
	for name, newBroker := range kafkas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFactory(t, newBroker, time.Minute)
			for _, stage := range kitchen.Stages() {
				f.robot(stage, "--work-time", "10ms")
			}
			k := f.keepLedger()
			second := k.f.start("second ledger", "ledger", "--listen", "127.0.0.1:0")
			var placed []kitchen.Status
			place := func(count int) {
				for range count {
					placed = append(placed, f.placePatiently(kitchen.Order{
						Customer: kitchen.Customer{Name: "Ada Lovelace"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 6}},
					}))
				}
			}
			place(5)
			k.kill()
			place(5)
			k.postgres.Kill()
			place(5)
			require.NoError(t, k.postgres.Restart(t.Context()))
			k.kill()
			second.Kill()
			place(5)
			f.kafka.kill()
			f.kafka.restart()
			place(5)
			statuses := make([]kitchen.Status, len(placed))
			for i, order := range placed {
				statuses[i] = f.until(order.ID, "shipped", shipped)
			}
			k.requireAgrees(statuses)
		})
	}
}
