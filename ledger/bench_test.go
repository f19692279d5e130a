package ledger

import (
	"testing"

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
		store.forgetLogs()
		b.StartTimer()
		for at := 0; at < len(log.messages); at += 2000 {
			_, err := store.Add(b.Context(), log.messages[at:min(at+2000, len(log.messages))])
			require.NoError(b, err)
		}
	}
	b.ReportMetric(float64(len(log.messages)*b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(orders*b.N)/b.Elapsed().Seconds(), "orders/s")
}
