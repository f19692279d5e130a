package ledger

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

// BenchmarkAdd writes orders that are done, as after an outage: each record is in the
// batch of its order's others, or in the next.
func BenchmarkAdd(b *testing.B) {
	store, log := newStore(b), newTestLog()
	const orders = 2000
	for n := range orders {
		o := log.order(n)
		o.make(1, kitchen.Stages()...)
		o.ship()
	}
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		_, err := store.pool.Exec(b.Context(), "TRUNCATE logs, positions, facts, rejects, erasures, order_folds, personal, orders, order_lines, tickets, attempts, holds, failures, waste, questions, undone")
		require.NoError(b, err)
		b.StartTimer()
		for at := 0; at < len(log.messages); at += 2000 {
			_, err := store.Add(b.Context(), log.messages[at:min(at+2000, len(log.messages))])
			require.NoError(b, err)
		}
	}
	b.ReportMetric(float64(len(log.messages)*b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(orders*b.N)/b.Elapsed().Seconds(), "orders/s")
}

// BenchmarkReports asks for each report of a ledger with three months of a bakery that
// makes a million orders a year.
func BenchmarkReports(b *testing.B) {
	w := newWorld(b, "Europe/Berlin")
	late := w.fill(b, 250_000)
	first, month, week, last := day(b, "2026-08-28"), day(b, "2026-10-27"), day(b, "2026-11-19"), day(b, "2026-11-25")
	traced := Trace{Stage: kitchen.Bake, From: at(b, "2026-11-24T08:00:00Z"), To: at(b, "2026-11-24T09:00:00Z"), Flavour: "lemon"}
	for _, report := range []struct {
		name string
		ask  func() error
	}{
		{"StagesOfAWeek", func() error { _, err := w.reports.Stages(b.Context(), week, last); return err }},
		{"StagesOfAMonth", func() error { _, err := w.reports.Stages(b.Context(), month, last); return err }},
		{"StagesOfThreeMonths", func() error { _, err := w.reports.Stages(b.Context(), first, last); return err }},
		{"StagesOfThreeMonthsByTheFunction", func() error {
			_, err := w.reports.read(b.Context(), "read the stages' times", func(tx pgx.Tx) error {
				_, err := tx.Exec(b.Context(), "SELECT * FROM stage_times_between($1::date, $2::date)", first.String(), last.String())
				return err
			})
			return err
		}},
		{"DaysOfThreeMonths", func() error { _, err := w.reports.Days(b.Context(), first, last); return err }},
		{"Day", func() error { _, err := w.reports.Day(b.Context(), day(b, "2026-11-24")); return err }},
		{"Forecast", func() error { _, err := w.reports.Forecast(b.Context(), day(b, "2026-11-27")); return err }},
		{"Delay", func() error { _, err := w.reports.Delay(b.Context(), late); return err }},
		{"Trace", func() error { _, err := w.reports.Trace(b.Context(), traced); return err }},
		{"Bottleneck", func() error { _, err := w.reports.Bottleneck(b.Context()); return err }},
	} {
		b.Run(report.name, func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, report.ask())
			}
		})
	}
}

// fill writes orders of four tickets each, over three months, whose times spread as
// people's do. It returns the id of one that was late.
func (w *world) fill(t testing.TB, orders int) (late string) {
	late = testOrderID(1)
	for _, each := range []struct {
		rows      string
		arguments []any
	}{
		{`
			INSERT INTO orders (order_key, pickup_code, state, route, first_recorded_at, last_recorded_at, placed_at, due_at, for_later, ready_at, collected_at,
				pieces, total, currency, decimals, remakes, scrapped, complete)
			SELECT CASE n WHEN $1 - 1 THEN $2::uuid ELSE gen_random_uuid() END, 'K' || n, 'shipped', '{mix,bake,decorate,package}',
				placed, placed + interval '2 hours', placed, placed + interval '110 minutes', false,
				placed + interval '100 minutes' + CASE n WHEN $1 - 1 THEN 1 ELSE random() END * interval '12 minutes', placed + interval '2 hours', 12, 4200, 'EUR', 2, 0, 0, true
			FROM generate_series(0, $1::integer - 1) AS n, LATERAL (SELECT timestamptz '2026-08-28 00:00+02' + n * (interval '90 days' / $1) AS placed) AS times`,
			[]any{orders, kitchen.OrderKey(late)}},
		{"INSERT INTO personal (order_key, order_id, customer) SELECT order_key, gen_random_uuid(), 'Ada' FROM orders", nil},
		{`
			INSERT INTO order_lines SELECT order_key, line, (ARRAY['lemon', 'vanilla', 'red-velvet', 'chocolate'])[1 + floor(random() * 4)], 'M', 6, 350
			FROM orders, generate_series(1, 2) AS line`, nil},
		{`
			INSERT INTO tickets
			SELECT order_key, stage || '.1', stage, 1, 'make', 'done', 12, issued, 1, issued + waited * interval '1 second', issued + (waited + in_hand) * interval '1 second',
				(ARRAY['mia', 'bob', 'eve', 'pia', 'max'])[1 + floor(random() * 5)], waited, in_hand, 0, 0, false
			FROM orders, unnest(route) WITH ORDINALITY AS at (stage, rank),
			LATERAL (SELECT placed_at + (rank - 1) * interval '25 minutes' AS issued, round((600 * -ln(1 - random()))::numeric, 3)::float AS waited, round((300 + 300 * random())::numeric, 3)::float AS in_hand) AS times`, nil},
		{"INSERT INTO attempts SELECT order_key, ticket, 1, issued_at, issued_at + interval '30 minutes' FROM tickets", nil},
		{"INSERT INTO holds SELECT order_key, ticket, 1, worker, started_at, ended_at, 'done' FROM tickets", nil},
		{"INSERT INTO waste SELECT order_key, ticket, 1, 1, stage, 'lemon', 'M', 2, 'burnt', worker, ended_at FROM tickets WHERE random() < 0.02", nil},
		{"VACUUM (ANALYZE)", nil},
	} {
		_, err := w.store.pool.Exec(t.Context(), each.rows, each.arguments...)
		require.NoError(t, err)
	}
	return late
}
