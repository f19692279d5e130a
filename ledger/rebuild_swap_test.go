package ledger

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// whileHashing calls do whenever a rebuild is about to hash a table.
type whileHashing struct{ do func() }

func (w *whileHashing) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.Contains(data.SQL, "sum(hashtextextended(") {
		w.do()
	}
	return ctx
}
func (*whileHashing) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// All tables are hashed twice before the swap, which takes minutes for a ledger of a year.
func TestWritersDoNotWaitForTheComparison(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	log.play(0, 4)
	log.publish()
	log.addAll(store)
	tables := 0
	config := store.config
	config.tracer = &whileHashing{do: func() {
		tables++
		_, err := store.pool.Exec(t.Context(), "BEGIN; LOCK TABLE positions, facts, orders, personal IN ROW EXCLUSIVE MODE NOWAIT; COMMIT")
		require.NoError(t, err, "whoever writes would wait")
		if tables%5 == 1 {
			log.play(4+tables, 2)
			log.publish()
			log.addAll(store)
		}
	}}
	result, err := Rebuild(t.Context(), RebuildConfig{Config: config, Connection: log.connection})
	require.NoError(t, err)
	require.Equal(t, 2*len(hashedTables), tables)
	assert.Empty(t, result.Differences, "both are compared as they were at one moment")
	reference := newStore(t)
	clear(log.read)
	log.addAll(reference)
	assert.Equal(t, hashes(t, reference), hashes(t, store), "what came meanwhile is in it")
}
