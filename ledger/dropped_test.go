package ledger

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// In a ledger that was made anew a topic's number may be another's.
func TestATopicsNumberIsLookedUpByItsName(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	other := openStore(t, store.config)
	o := log.order(1)
	mix, acks := events.TicketTopic(kitchen.Mix), events.TopicAcks
	claim := func(store *Store, topic string) Position {
		position, err := store.Position(t.Context(), topic, log.topicID(topic), 0)
		require.NoError(t, err)
		return position
	}
	claim(store, mix)
	claim(store, acks)
	issued := []events.Message{o.issue(o.ref(kitchen.Mix, 1), 1), o.issue(o.ref(kitchen.Mix, 1), 2)}
	said := []events.Message{o.say(o.ref(kitchen.Mix, 1), kitchen.AckStarted, "mia"), o.say(o.ref(kitchen.Mix, 1), kitchen.AckDone, "mia")}
	_, err := store.Add(t.Context(), append(slices.Clone(issued[:1]), said[:1]...))
	require.NoError(t, err)

	_, err = store.pool.Exec(t.Context(), "DROP SCHEMA ledger CASCADE")
	require.NoError(t, err)
	require.NoError(t, other.Migrate(t.Context()))
	claim(other, acks)
	_, err = other.Add(t.Context(), said)
	require.NoError(t, err)

	require.Equal(t, Position{}, claim(store, mix), "it has nothing of that")
	_, err = other.Add(t.Context(), said)
	require.NoError(t, err, "and the other's claim stands")
	_, err = store.Add(t.Context(), issued)
	require.NoError(t, err)
	lost, err := store.Cut(t.Context(), mix, log.topicID(mix), 0, LogCut{End: 1})
	require.NoError(t, err)
	require.Equal(t, 1, lost)
	require.Equal(t, "orders-to-mix 1, station-acks 2", query[string](t, store,
		"SELECT string_agg(concat_ws(' ', topic, n), ', ' ORDER BY topic) FROM (SELECT topic, count(*) AS n FROM facts JOIN logs USING (log) GROUP BY topic) AS had"))
}

// swapping puts another ledger into the place of a store's when it is about to copy facts.
type swapping struct {
	crash // for the methods of which there is no need
	do    func()
}

func (s *swapping) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	s.do()
	return ctx
}

// Renaming a schema waits for nobody, also not for a transaction that writes into it.
func TestABatchIsWrittenIntoOneLedger(t *testing.T) {
	t.Parallel()
	log := newTestLog()
	log.order(1).make(1, kitchen.Mix)
	tracer := &swapping{do: func() {}}
	store := openStore(t, Config{Database: newDatabase(t), tracer: tracer})
	admin := openStore(t, Config{Database: store.config.Database})
	for _, m := range slices.Backward(log.messages) {
		_, err := admin.Position(t.Context(), m.Topic, m.TopicID, m.Partition)
		require.NoError(t, err)
	}
	_, err := admin.pool.Exec(t.Context(), "UPDATE ledger.positions SET writer = NULL; ALTER SCHEMA ledger RENAME TO another")
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	tracer.do = sync.OnceFunc(func() {
		_, err := admin.pool.Exec(t.Context(), "ALTER SCHEMA ledger RENAME TO had; ALTER SCHEMA another RENAME TO ledger")
		require.NoError(t, err)
	})
	_, err = store.Add(t.Context(), log.messages)
	require.ErrorIs(t, err, errMadeAnew)
	reference := newStore(t)
	for _, each := range []*Store{store, reference} {
		_, err = each.Add(t.Context(), log.messages)
		require.NoError(t, err)
	}
	require.Equal(t, hashes(t, reference), hashes(t, store))
	require.Zero(t, query[int](t, store, "SELECT count(*)::int FROM had.facts"))
}

// A process whose ledger is dropped, or dropped and made anew by somebody else, does what
// one does that starts then.
func TestALedgerThatIsDroppedIsMadeAnew(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, store *Store, sql string) {
		_, err := store.pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	for name, drop := range map[string]func(t *testing.T, store *Store, log *realLog){
		"dropped": func(t *testing.T, store *Store, _ *realLog) { run(t, store, "DROP SCHEMA ledger CASCADE") },
		"renamed": func(t *testing.T, store *Store, _ *realLog) { run(t, store, "ALTER SCHEMA ledger RENAME TO had") },
		"made anew, and empty": func(t *testing.T, store *Store, _ *realLog) {
			run(t, store, "DROP SCHEMA ledger CASCADE; CREATE SCHEMA ledger")
		},
		"made anew, with other numbers": func(t *testing.T, store *Store, log *realLog) {
			run(t, store, "DROP SCHEMA ledger CASCADE")
			other := openStore(t, store.config)
			for _, topic := range slices.Backward(Topics()) {
				id := log.idOf(topic)
				_, err := other.pool.Exec(t.Context(), "INSERT INTO logs (topic, topic_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", topic, id)
				require.NoError(t, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, store, reference := newRealLog(t), newStore(t), newStore(t)
			said := new(lines)
			start := func(store *Store) (stop func()) {
				ctx, cancel := context.WithCancel(t.Context())
				ready, ended := make(chan struct{}), make(chan error, 1)
				go func() {
					ended <- Run(ctx, RunConfig{
						Store: store, Connection: log.connection, Logger: slog.New(slog.NewTextHandler(said, nil)), Ready: func() { close(ready) },
					})
				}()
				select {
				case <-ready:
				case <-time.After(patience):
					require.FailNow(t, "it does not become ready", said.String())
				}
				return func() {
					cancel()
					require.NoError(t, <-ended)
				}
			}
			played := 0
			work := func() {
				log.play(played, 6)
				played += 6
				log.publish()
				log.addAll(reference)
			}
			same := func() {
				require.Eventually(t, func() bool {
					got, err := store.Hashes(t.Context())
					return err == nil && slices.Equal(got, hashes(t, reference))
				}, patience, 20*time.Millisecond, "%s", said)
			}
			work()
			stop := start(store)
			same()
			work()
			drop(t, store, log)
			work()
			same()
			stopSecond := start(openStore(t, store.config)) // which Kafka lets into the group only if it writes the same ledger
			work()
			same()
			stop()
			work()
			same()
			stopSecond()
			checked, err := Rebuild(t.Context(), RebuildConfig{Config: store.config, Connection: log.connection, CheckOnly: true})
			require.NoError(t, err)
			assert.Empty(t, checked.Differences)
		})
	}
}
