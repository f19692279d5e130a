package ledger

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// world is a ledger whose derived rows a test writes itself, and reports of it.
type world struct {
	store   *Store
	reports *Reports
}

func newWorld(t testing.TB, zone string) *world {
	database := newDatabase(t)
	w := &world{store: openStore(t, Config{Database: database, TimeZone: zone})}
	var err error
	w.reports, err = OpenReports(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(w.reports.Close)
	return w
}

// personalOf is what a test knows of an order's customer; nil if they were erased.
type personalOf struct{ id, customer string }

// write replaces all rows.
func (w *world) write(ctx context.Context, orders map[string]folded, personal map[string]personalOf) error {
	return pgx.BeginFunc(ctx, w.store.pool, func(tx pgx.Tx) error {
		for _, table := range append([]string{"personal"}, derivedTables...) {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table); err != nil {
				return err
			}
		}
		var keys []string
		for key := range orders {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for key, of := range personal {
			if _, err := tx.Exec(ctx, "INSERT INTO personal (order_key, order_id, customer) VALUES ($1, $2, $3)", key, of.id, of.customer); err != nil {
				return err
			}
		}
		return writeFolded(ctx, tx, keys, orders)
	})
}

func testOrderID(i int) string { return "0199c0de-7a11-7000-8000-" + twelveDigits(i) }

func twelveDigits(i int) string {
	digits := []byte("000000000000")
	for at := len(digits) - 1; i > 0; at-- {
		digits[at] = byte('0' + i%10)
		i /= 10
	}
	return string(digits)
}

func day(t testing.TB, text string) kitchen.Date {
	day, err := kitchen.ParseDate(text)
	require.NoError(t, err)
	return day
}

func at(t testing.TB, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

// shipped is an order of ten pieces that was ready some minutes after it was due.
func shippedOrder(due time.Time, late time.Duration) folded {
	ready := due.Add(late)
	placed := due.Add(-2 * time.Hour)
	return folded{
		order: &orderRow{
			pickupCode: "K7QF", state: kitchen.StateShipped, route: kitchen.Stages(), first: placed, last: ready, placedAt: &placed, dueAt: &due, readyAt: &ready,
			pieces: 10, total: &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: 2880}, complete: true,
		},
		lines: []lineRow{{line: 1, of: kitchen.Line{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 10}, price: new(int64(288))}},
	}
}

// made adds a make ticket that was done.
func made(of *folded, stage kitchen.Stage, pass int, worker string, issued time.Time, waited, inHand time.Duration) *ticketRow {
	started := issued.Add(waited)
	ended := started.Add(inHand)
	of.tickets = append(of.tickets, ticketRow{
		ref: kitchen.TicketRef{Stage: stage, Pass: pass, Kind: kitchen.TicketMake}, state: kitchen.TicketDone, pieces: 10, issued: &issued, attempts: 1,
		started: &started, ended: &ended, worker: worker, waited: new(waited.Seconds()), inHand: new(inHand.Seconds()),
	})
	return &of.tickets[len(of.tickets)-1]
}

func TestEveryTableViewColumnAndFunctionHasAComment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	rows, err := w.store.pool.Query(t.Context(), `
		SELECT relname FROM pg_class
		WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'v') AND relname <> 'schema_versions' AND obj_description(oid, 'pg_class') IS NULL
		UNION ALL
		SELECT relname || '.' || attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
		WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'v') AND relname <> 'schema_versions' AND attnum > 0 AND NOT attisdropped
			AND col_description(pg_class.oid, attnum) IS NULL
		UNION ALL
		SELECT proname || '()' FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL`)
	require.NoError(t, err)
	without, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, without)
	require.Greater(t, query[int](t, w.store, "SELECT count(*)::int FROM pg_views WHERE schemaname = 'ledger'"), 15)
}

func TestViewsAreOfTheSchemaThatTheyAreMadeIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	_, err := w.store.pool.Exec(t.Context(), "ALTER SCHEMA ledger RENAME TO elsewhere")
	require.NoError(t, err)
	_, err = w.store.pool.Exec(t.Context(), "SET search_path = ''; SELECT * FROM elsewhere.order_delays, elsewhere.stage_times, elsewhere.bottleneck_now, elsewhere.trays")
	require.NoError(t, err)
}

func TestAMigrationCanBeTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	before := query[int](t, w.store, "SELECT count(*)::int FROM pg_class WHERE relnamespace = 'ledger'::regnamespace")
	_, err := openGoose(t, w.store).DownTo(t.Context(), 1)
	require.NoError(t, err)
	require.Zero(t, query[int](t, w.store, "SELECT count(*)::int FROM pg_views WHERE schemaname = 'ledger'"))
	require.Zero(t, query[int](t, w.store, "SELECT count(*)::int FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace"))
	require.NoError(t, w.store.Migrate(t.Context()))
	require.Equal(t, before, query[int](t, w.store, "SELECT count(*)::int FROM pg_class WHERE relnamespace = 'ledger'::regnamespace"))
}

func TestAnEmptyLedgerHasNothingToTell(t *testing.T) {
	t.Parallel()
	r := newWorld(t, "Europe/Berlin").reports
	from, to := day(t, "2026-03-28"), day(t, "2026-03-30")
	days, err := r.Days(t.Context(), from, to)
	require.NoError(t, err)
	require.Len(t, days.Days, 3)
	for i, figures := range days.Days {
		require.Equal(t, wire.DayFigures{Day: from.Add(i), Revenue: []wire.Money{}}, figures)
	}
	require.Zero(t, days.ReadUntil)
	told, err := r.Day(t.Context(), to)
	require.NoError(t, err)
	require.Equal(t, wire.HistoryDay{
		Figures:  wire.DayFigures{Day: to, Revenue: []wire.Money{}},
		Flavours: []wire.DayFlavour{}, Waste: []wire.DayWaste{}, People: []wire.DayPerson{}, Hours: []wire.DayHour{}, Late: []wire.LateOrder{},
	}, told)
	stages, err := r.Stages(t.Context(), from, to)
	require.NoError(t, err)
	require.Len(t, stages.Stages, len(kitchen.Stages()), "every stage, in the order of the work")
	require.Equal(t, []wire.StageHourTimes{}, stages.Hours)
	forecast, err := r.Forecast(t.Context(), to)
	require.NoError(t, err)
	require.Equal(t, wire.HistoryForecast{Day: to, Weekday: "monday", Flavours: []wire.FlavourForecast{}}, forecast)
	bottleneck, err := r.Bottleneck(t.Context())
	require.NoError(t, err)
	require.Empty(t, bottleneck.Stage)
	require.Len(t, bottleneck.Stages, len(kitchen.Stages()))
	_, err = r.Delay(t.Context(), testOrderID(1))
	require.ErrorIs(t, err, ErrUnknownOrder)
	trace, err := r.Trace(t.Context(), Trace{Stage: kitchen.Bake, From: at(t, "2026-03-28T00:00:00Z"), To: at(t, "2026-03-29T00:00:00Z")})
	require.NoError(t, err)
	require.Equal(t, wire.HistoryTrace{Tickets: []wire.TracedTicket{}}, trace)
	_, err = r.Trace(t.Context(), Trace{Ticket: kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}})
	require.ErrorIs(t, err, ErrUnknownOrder)
}

func TestReportsTellHowFarTheLedgerHasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	_, err := w.store.pool.Exec(t.Context(), `
		INSERT INTO logs (topic, topic_id) VALUES ('order-acks', gen_random_uuid());
		INSERT INTO positions SELECT log, p, 1, timestamptz '2026-11-26 10:00+00' + p * interval '1 hour' FROM logs, generate_series(0, 2) AS p;
		INSERT INTO positions SELECT log, 3, 0, NULL FROM logs`)
	require.NoError(t, err)
	days, err := w.reports.Days(t.Context(), day(t, "2026-11-26"), day(t, "2026-11-26"))
	require.NoError(t, err)
	require.Equal(t, at(t, "2026-11-26T12:00:00Z"), days.ReadUntil)
}

func TestReportsSayWhyTheLedgerCannotBeRead(t *testing.T) {
	t.Parallel()
	today := day(t, "2026-11-26")
	t.Run("ABadURLWithoutShowingItsPassword", func(t *testing.T) {
		t.Parallel()
		for _, bad := range []string{"postgres://ledger:swordfish@host:port/db", "postgres://ledger:sword%fish@host/db", "http://ledger:swordfish@host/db"} {
			_, err := OpenReports(t.Context(), bad)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "sword")
		}
	})
	t.Run("ADatabaseThatIsAway", func(t *testing.T) {
		t.Parallel()
		reports, err := OpenReports(t.Context(), "postgres://ledger:swordfish@127.0.0.1:1/ledger")
		require.NoError(t, err, "it is asked only for a report")
		t.Cleanup(reports.Close)
		_, err = reports.Day(t.Context(), today)
		var away *AwayError
		require.ErrorAs(t, err, &away)
		require.NotContains(t, err.Error(), "swordfish")
	})
	t.Run("ADatabaseThatSomebodyHasClosed", func(t *testing.T) {
		t.Parallel()
		database := newDatabase(t)
		admin, err := pgx.Connect(t.Context(), server.URL("postgres"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = admin.Close(context.WithoutCancel(t.Context())) })
		config, err := pgx.ParseConfig(database)
		require.NoError(t, err)
		_, err = admin.Exec(t.Context(), "ALTER DATABASE "+pgx.Identifier{config.Database}.Sanitize()+" ALLOW_CONNECTIONS false")
		require.NoError(t, err)
		reports, err := OpenReports(t.Context(), database)
		require.NoError(t, err)
		t.Cleanup(reports.Close)
		_, err = reports.Day(t.Context(), today)
		var away *AwayError
		require.ErrorAs(t, err, &away)
	})
	t.Run("ADatabaseWithoutALedger", func(t *testing.T) {
		t.Parallel()
		reports, err := OpenReports(t.Context(), newDatabase(t))
		require.NoError(t, err)
		t.Cleanup(reports.Close)
		_, err = reports.Bottleneck(t.Context())
		var schema *SchemaError
		require.ErrorAs(t, err, &schema)
		require.Zero(t, schema.Has)
	})
	t.Run("ALedgerOfAnEarlierBuild", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "UTC")
		_, err := openGoose(t, w.store).DownTo(t.Context(), 1)
		require.NoError(t, err)
		_, err = w.reports.Forecast(t.Context(), today)
		var schema *SchemaError
		require.ErrorAs(t, err, &schema)
		require.EqualValues(t, 1, schema.Has)
		require.GreaterOrEqual(t, schema.Wants, int64(2))
	})
	t.Run("ALedgerOfALaterBuildIsRead", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "UTC")
		_, err := w.store.pool.Exec(t.Context(), "INSERT INTO schema_versions (version_id, is_applied) VALUES (99999, true)")
		require.NoError(t, err)
		_, err = w.reports.Day(t.Context(), today)
		require.NoError(t, err)
	})
	t.Run("AReportThatTakesTooLong", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "UTC")
		_, err := w.reports.read(t.Context(), "sleep", func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "SET LOCAL statement_timeout = '20ms'"); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), "SELECT pg_sleep(60)")
			return err
		})
		var away *AwayError
		require.ErrorAs(t, err, &away)
	})
	t.Run("OneThatNobodyWaitsForAnyMore", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "UTC")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := w.reports.Day(ctx, today)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestReportsChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	_, err := w.reports.read(t.Context(), "write", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE bakery SET time_zone = 'Asia/Tokyo'")
		return err
	})
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
}

func TestARoleThatMayOnlyReadCanReport(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	store := openStore(t, Config{Database: database})
	name := query[string](t, store, "SELECT current_database()")
	owner, err := pgx.Connect(t.Context(), server.URL(name))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, owner.Close(context.WithoutCancel(t.Context()))) })
	role := name + "_reader"
	_, err = owner.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'lemon'; GRANT CONNECT ON DATABASE "+name+" TO "+role)
	require.NoError(t, err)
	address, err := url.Parse(database)
	require.NoError(t, err)
	address.User = url.UserPassword(role, "lemon")
	reports, err := OpenReports(t.Context(), address.String())
	require.NoError(t, err)
	t.Cleanup(reports.Close)
	_, err = reports.Day(t.Context(), day(t, "2026-11-26"))
	require.Error(t, err, "before it may")

	_, err = owner.Exec(t.Context(), "GRANT USAGE ON SCHEMA ledger TO "+role+"; GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO "+role)
	require.NoError(t, err)
	for name, ask := range map[string]func() error{
		"Day": func() error { _, err := reports.Day(t.Context(), day(t, "2026-11-26")); return err },
		"Stages": func() error {
			_, err := reports.Stages(t.Context(), day(t, "2026-11-25"), day(t, "2026-11-26"))
			return err
		},
		"Forecast":   func() error { _, err := reports.Forecast(t.Context(), day(t, "2026-11-26")); return err },
		"Bottleneck": func() error { _, err := reports.Bottleneck(t.Context()); return err },
	} {
		require.NoError(t, ask(), name)
	}
}

func openGoose(t testing.TB, store *Store) *goose.Provider {
	db := stdlib.OpenDBFromPool(store.pool)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	provider, err := newProvider(db)
	require.NoError(t, err)
	return provider
}

// The report and the function that people ask in SQL find the same tickets, hours and times
// by different ways, also where the hour changes within a quarter of one.
func TestTheReportOfTheStagesIsWhatItsFunctionSays(t *testing.T) {
	t.Parallel()
	for _, place := range []struct{ zone, first, last string }{
		{"America/St_Johns", "2010-11-06", "2010-11-07"}, // a minute after midnight it is 23:01
		{"Australia/Lord_Howe", "2025-04-05", "2025-04-06"},
		{"Europe/Berlin", "2025-03-29", "2025-03-30"},
	} {
		t.Run(place.zone, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, place.zone)
			_, err := w.store.pool.Exec(t.Context(), `
				INSERT INTO tickets (order_key, ticket, stage, pass, kind, state, pieces, ended_at, attempts, failures, scrapped, is_open, waited_seconds, in_hand_seconds)
				SELECT gen_random_uuid(), stage || '.1', stage, 1, 'make', 'done', 1, ended, 1, 0, 0, false, nullif(floor(random() * 50), 0) / 7, nullif(floor(random() * 3), 0)
				FROM unnest('{mix,a-new-one}'::text[]) AS stage, generate_series($1::date - interval '1 day', $2::date + interval '2 days', interval '19 seconds') AS ended`, place.first, place.last)
			require.NoError(t, err)
			var told []string
			add := func(stage kitchen.Stage, weekday, hour string, tickets int64, waited, inHand *wire.Quantiles) {
				told = append(told, fmt.Sprint(stage, weekday, hour, tickets, waited, inHand))
			}
			rows, err := w.store.pool.Query(t.Context(), `
				SELECT stage, coalesce(weekday, 0), coalesce(hour, 0), weekday IS NULL, tickets, waited_p50, waited_p90, in_hand_p50, in_hand_p90 FROM stage_times_between($1, $2)`, place.first, place.last)
			require.NoError(t, err)
			var stage kitchen.Stage
			var weekday, hour int
			var isAll bool
			var tickets int64
			var waited, inHand wire.Quantiles
			_, err = pgx.ForEachRow(rows, []any{&stage, &weekday, &hour, &isAll, &tickets, &waited.P50, &waited.P90, &inHand.P50, &inHand.P90}, func() error {
				if isAll {
					add(stage, "all", "", tickets, &waited, &inHand)
				} else {
					add(stage, string(weekdayOf(weekday)), strconv.Itoa(hour), tickets, &waited, &inHand)
				}
				return nil
			})
			require.NoError(t, err)
			require.Greater(t, len(told), 2*24)
			expected := told
			told = nil
			stages, err := w.reports.Stages(t.Context(), day(t, place.first), day(t, place.last))
			require.NoError(t, err)
			for _, of := range stages.Stages {
				if of.Tickets > 0 {
					add(of.Stage, "all", "", int64(of.Tickets), of.Waited, of.InHand)
				}
			}
			for _, of := range stages.Hours {
				add(of.Stage, string(of.Weekday), strconv.Itoa(of.Hour), int64(of.Tickets), of.Waited, of.InHand)
			}
			require.ElementsMatch(t, expected, told)
		})
	}
}
