package ledger

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
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

// What was read of a log before it was cut must not come back by a ledger that was built
// from it, even if the present one has read the log again meanwhile.
func TestARebuildDoesNotUndoACut(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"while it reads", "while it compares"} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, read again: %t", when, again), func(t *testing.T) {
				t.Parallel()
				log, store := newRealLog(t), newStore(t)
				log.play(0, 4)
				log.publish()
				log.addAll(store)
				before := hashes(t, store)
				at := partitionName{events.TopicKitchenState, 0} // of all the first to be read
				position := func() Position {
					position, err := store.Position(t.Context(), at.topic, log.idOf(at.topic), at.partition)
					require.NoError(t, err)
					return position
				}
				readAgain := func() {
					log.read[at] = position().Next
					log.addAll(store)
				}
				cut := sync.OnceFunc(func() {
					_, err := store.Cut(t.Context(), at.topic, log.idOf(at.topic), at.partition, LogCut{End: log.read[at] - 1})
					require.NoError(t, err)
					if again {
						readAgain()
					}
				})
				config := RebuildConfig{Config: store.config, Connection: log.connection, Progress: func(int, int) { cut() }}
				if when == "while it compares" {
					config.Progress, config.tracer = nil, &whileHashing{do: cut}
				}
				_, err := Rebuild(t.Context(), config)
				require.ErrorContains(t, err, "run the rebuild again")
				require.Equal(t, again, position().Next > 0)
				readAgain()
				_, err = Rebuild(t.Context(), config)
				require.NoError(t, err)
				require.Equal(t, before, hashes(t, store))
			})
		}
	}
}
