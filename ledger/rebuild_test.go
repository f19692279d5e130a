package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// realLog is a log in Kafka.
type realLog struct {
	*testLog
	t          *testing.T
	connection events.Connection
	writer     *events.Writer
	written    int
	read       map[partitionName]int64
}

func newRealLog(t *testing.T) *realLog {
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	connection := events.Connection{Brokers: []string{kafka.Addr()}}
	_, err = events.ApplyTopics(t.Context(), connection, events.TopicSettings{Partitions: 3})
	require.NoError(t, err)
	writer, err := events.NewWriter(connection)
	require.NoError(t, err)
	t.Cleanup(func() { _ = writer.Close() })
	return &realLog{testLog: newTestLog(), t: t, connection: connection, writer: writer, read: make(map[partitionName]int64)}
}

// publish publishes what the test has written since.
func (l *realLog) publish() {
	for _, m := range l.messages[l.written:] {
		if m.Topic == events.TopicKitchenState {
			require.NoError(l.t, l.writer.PublishInto(l.t.Context(), events.Message{Topic: m.Topic, Key: m.Key, Value: m.Value}))
			continue
		}
		require.NoError(l.t, l.writer.Publish(l.t.Context(), events.Message{Topic: m.Topic, Key: m.Key, Value: m.Value, Headers: m.Headers}))
	}
	l.written = len(l.messages)
}

// addAll has a store read what is new, partition by partition.
func (l *realLog) addAll(store *Store) {
	for _, batch := range l.partitions() {
		if len(batch) > 0 {
			_, err := store.Add(l.t.Context(), batch)
			require.NoError(l.t, err)
		}
	}
}

// partitions reads what is new of each partition.
func (l *realLog) partitions() (batches [][]events.Message) {
	reader, err := events.NewLogReader(l.connection)
	require.NoError(l.t, err)
	defer reader.Close()
	for _, topic := range Topics() {
		partitions, err := reader.Partitions(l.t.Context(), topic)
		require.NoError(l.t, err)
		for partition := range partitions {
			at := partitionName{topic, partition}
			first, end, err := reader.Bounds(l.t.Context(), topic, partition)
			require.NoError(l.t, err)
			var batch []events.Message
			l.read[at], err = reader.Read(l.t.Context(), topic, partition, max(first, l.read[at]), end, func(m events.Message) { batch = append(batch, m) })
			require.NoError(l.t, err)
			batches = append(batches, batch)
		}
	}
	return batches
}

// deleteUntil deletes what lies before an offset, as retention does.
func (l *realLog) deleteUntil(topic string, offset int64) {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.connection.Brokers...))
	require.NoError(l.t, err)
	defer client.Close()
	request := kmsg.NewPtrDeleteRecordsRequest()
	of := kmsg.NewDeleteRecordsRequestTopic()
	of.Topic = topic
	for partition := range 3 {
		if l.read[partitionName{topic, partition}] < offset {
			continue
		}
		at := kmsg.NewDeleteRecordsRequestTopicPartition()
		at.Partition, at.Offset = int32(partition), offset
		of.Partitions = append(of.Partitions, at)
	}
	require.NotEmpty(l.t, of.Partitions)
	request.Topics = append(request.Topics, of)
	_, err = request.RequestWith(l.t.Context(), client)
	require.NoError(l.t, err)
}

// play writes lives with all that can happen to an order.
func (l *testLog) play(from, count int) {
	for n := from; n < from+count; n++ {
		o := l.order(n, kitchen.Line{Flavour: "lemon", Size: "M", Quantity: 6, Message: "Happy 40th"}, kitchen.Line{Flavour: "vanilla", Size: "S", Quantity: n%5 + 1})
		o.make(1, kitchen.Mix)
		bake := o.ref(kitchen.Bake, 1)
		o.issue(bake, 1)
		switch n % 4 {
		case 0:
			o.say(bake, kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Scrapped = "burnt", 3 })
			o.tell(func(s *kitchen.LoggedStatus) { s.Remakes = 1 })
			o.make(2, kitchen.Stages()...)
			o.ship()
			l.flag(kitchen.FlagCollected, o.id, "pia")
		case 1:
			o.issue(o.ref(kitchen.Mix, 1).Undo(), 1)
			o.say(o.ref(kitchen.Mix, 1).Undo(), kitchen.AckUndone, "mia", func(a *kitchen.Ack) { a.Scrapped = 2 })
			l.put(events.TopicFailures, o.id, kitchen.Failed{OrderID: o.id, PickupCode: "K", Customer: kitchen.Customer{Name: "Ada"}, Lines: o.lines, State: kitchen.StateCancelled, Reason: "ill", At: l.now})
		case 2:
			o.say(bake, kitchen.AckDone, "bob")
			o.make(1, kitchen.Decorate, kitchen.Package)
			o.ship()
			l.flag(kitchen.FlagErased, kitchen.OrderKey(o.id), "max")
		case 3:
			l.append(events.TopicAcks, o.id, []byte("nonsense"))
			o.say(bake, kitchen.AckDone, "bob")
			l.messages[len(l.messages)-1].Key = []byte("my oven, and not the order")
		}
	}
}

func hashes(t *testing.T, store *Store) []TableHash {
	found, err := store.Hashes(t.Context())
	require.NoError(t, err)
	return found
}

func TestARebuildIsTheLedgerAgain(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	rebuild := func(config RebuildConfig) RebuildResult {
		config.Database, config.Connection = store.config.Database, log.connection
		result, err := Rebuild(t.Context(), config)
		require.NoError(t, err)
		return result
	}
	for _, topic := range Topics() {
		for partition := range 3 {
			reader, err := events.NewLogReader(log.connection)
			require.NoError(t, err)
			id, err := reader.TopicID(t.Context(), topic)
			require.NoError(t, err)
			_, err = store.Position(t.Context(), topic, id, partition)
			require.NoError(t, err)
			reader.Close()
		}
	}
	log.play(0, 12)
	log.publish()
	log.addAll(store)
	before := hashes(t, store)
	require.Equal(t, 3, query[int](t, store, "SELECT count(*)::int FROM rejects WHERE kind = 'misplaced'"))

	checked := rebuild(RebuildConfig{CheckOnly: true})
	assert.True(t, checked.Existed)
	assert.Empty(t, checked.Differences)
	assert.Equal(t, 12, checked.Orders)

	admin, err := pgx.Connect(t.Context(), server.URL("postgres"))
	require.NoError(t, err)
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
	_, err = admin.Exec(t.Context(), "CREATE ROLE analyst")
	require.NoError(t, err)
	_, err = store.pool.Exec(t.Context(), "UPDATE tickets SET worker = 'somebody else' WHERE ticket = 'mix.1'; GRANT USAGE ON SCHEMA ledger TO analyst; GRANT SELECT ON orders TO analyst")
	require.NoError(t, err)
	checked = rebuild(RebuildConfig{CheckOnly: true})
	require.Len(t, checked.Differences, 1)
	assert.Equal(t, "tickets", checked.Differences[0].Had.Table)
	assert.NotEqual(t, before, hashes(t, store), "and checking mends nothing")

	rebuilt := rebuild(RebuildConfig{})
	assert.Len(t, rebuilt.Differences, 1)
	assert.Equal(t, before, hashes(t, store))
	assert.True(t, query[bool](t, store, "SELECT has_table_privilege('analyst', 'ledger.orders', 'SELECT') AND NOT has_table_privilege('analyst', 'ledger.personal', 'SELECT')"),
		"whoever could read it still can")

	log.play(12, 6)
	log.publish()
	log.addAll(store) // who writes it goes on, with its claims
	before = hashes(t, store)
	other := openStore(t, store.config)
	_, err = other.Add(t.Context(), []events.Message{{Topic: events.TopicAcks, TopicID: log.idOf(events.TopicAcks), Partition: 0, Offset: 1 << 40, Time: log.now}})
	var fenced *FencedError
	require.ErrorAs(t, err, &fenced, "and who had no claim has none")

	for _, topic := range []string{events.TopicAcks, events.TopicStatus, events.TicketTopic(kitchen.Mix)} {
		log.deleteUntil(topic, 3)
	}
	rebuilt = rebuild(RebuildConfig{})
	assert.Positive(t, rebuilt.Kept, "what the log has forgotten stays")
	assert.Empty(t, rebuilt.Differences)
	assert.Equal(t, before, hashes(t, store))
}

// What the ledger writes while it is built anew is in both, once.
func TestALedgerIsBuiltAnewWhileItIsWritten(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	log.play(0, 12)
	log.publish()
	log.addAll(store)
	log.play(12, 12) // it is behind
	log.publish()
	var meanwhile sync.Once
	result, err := Rebuild(t.Context(), RebuildConfig{
		Config: Config{Database: store.config.Database}, Connection: log.connection,
		Progress: func(int, int) {
			meanwhile.Do(func() { log.addAll(store) })
		},
	})
	require.NoError(t, err)
	assert.Empty(t, result.Differences)
	assert.Zero(t, result.Kept, "the log has everything")
	reference := openStore(t, Config{Database: newDatabase(t)})
	clear(log.read)
	log.addAll(reference)
	assert.Equal(t, hashes(t, reference), hashes(t, store))
}

func (l *realLog) idOf(topic string) [16]byte {
	reader, err := events.NewLogReader(l.connection)
	require.NoError(l.t, err)
	defer reader.Close()
	id, err := reader.TopicID(l.t.Context(), topic)
	require.NoError(l.t, err)
	return id
}

func TestADeletedDatabaseIsBackFromTheLog(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	log.play(0, 8)
	log.publish()
	log.addAll(store)
	url := newDatabase(t)
	result, err := Rebuild(t.Context(), RebuildConfig{Config: Config{Database: url}, Connection: log.connection})
	require.NoError(t, err)
	assert.False(t, result.Existed)
	assert.Equal(t, hashes(t, store), hashes(t, openStore(t, Config{Database: url})))
}

// Each statement of a batch is one after which the server may be gone.
func TestPostgreSQLMayDieAtAnyStatement(t *testing.T) {
	t.Parallel()
	postgres, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Fast: true})
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	url, err := postgres.CreateDatabase(t.Context(), "ledger", "red velvet")
	require.NoError(t, err)
	log, reference := newTestLog(), newStore(t)
	log.play(0, 4)
	_, err = reference.Add(t.Context(), log.messages)
	require.NoError(t, err)
	want := hashes(t, reference)

	killing := &killing{postgres: postgres}
	store := openStore(t, Config{Database: url, tracer: killing})
	for statement := int64(1); ; statement++ {
		store.pool.Reset()
		killing.in.Store(statement)
		_, err := store.Add(t.Context(), log.messages)
		if left := killing.in.Swap(-1); left > 0 {
			require.NoError(t, err)
			require.Greater(t, statement, int64(15), "a batch has many statements")
			break
		}
		require.NoError(t, postgres.Restart(t.Context()))
		reading := openStore(t, Config{Database: url}) // without connections to what is gone
		if err != nil {
			var away *AwayError
			require.ErrorAs(t, err, &away, "after statement %d", statement)
			require.Zero(t, query[int](t, reading, "SELECT count(*)::int FROM facts"), "statement %d", statement)
			continue
		}
		// It was killed while the table was rewritten, after the batch.
		require.Equal(t, want, hashes(t, reading), "statement %d", statement)
		empty(t, reading)
		store = openStore(t, Config{Database: url, tracer: killing}) // which has written nothing there yet
	}
	assert.Equal(t, want, hashes(t, store))
}

// A process that starts while the server goes away waits for it, and does not end.
func TestPostgreSQLMayDieWhileTheSchemaIsPrepared(t *testing.T) {
	t.Parallel()
	postgres, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Fast: true})
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	url, err := postgres.CreateDatabase(t.Context(), "ledger", "red velvet")
	require.NoError(t, err)
	killing := &killing{postgres: postgres}
	store, err := Open(t.Context(), Config{Database: url, tracer: killing})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	for statement := int64(1); ; statement += max(1, statement/3-2) { // the many of a migration file are alike
		killing.in.Store(statement)
		err := store.Migrate(t.Context())
		if left := killing.in.Swap(-1); left > 0 {
			require.NoError(t, err)
			require.Greater(t, statement, int64(20), "a migration has many statements")
			break
		}
		if err != nil {
			require.True(t, passes(err), "after statement %d: %v", statement, err)
		}
		require.NoError(t, postgres.Restart(t.Context()))
		store.pool.Reset()
		_, err = store.pool.Exec(t.Context(), "DROP SCHEMA IF EXISTS ledger CASCADE")
		require.NoError(t, err)
	}
	require.NoError(t, store.Check(t.Context()))
}

func TestOfWhoIsForgottenNoByteIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	postgres, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{DataDir: dir, Fast: true})
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	url, err := postgres.CreateDatabase(t.Context(), "ledger", "red velvet")
	require.NoError(t, err)
	store, log := openStore(t, Config{Database: url, cleanAgain: 20 * time.Millisecond}), newRealLog(t)
	write := func(n int, customer string) *testOrder {
		o := log.order(n, kitchen.Line{Flavour: "lemon", Size: "M", Quantity: 6, Message: "Message of " + customer})
		o.make(1, kitchen.Stages()...)
		o.log.put(events.TicketTopic(kitchen.Package), o.id, kitchen.Ticket{
			TicketID: o.ref(kitchen.Package, 2).TicketID(), Kind: kitchen.TicketMake, OrderID: o.id, Stage: kitchen.Package, Pass: 2, Attempt: 1, Lines: o.lines,
			Notes: "Notes of " + customer, Allergies: []string{"Allergy of " + customer}, Customer: kitchen.Customer{Name: "Name of " + customer}, PickupCode: "K", IssuedAt: log.now,
		})
		o.say(o.ref(kitchen.Mix, 1).Undo(), kitchen.AckUndone, "bob", func(a *kitchen.Ack) { a.Note = "Remark on " + customer })
		return o
	}
	forgotten := write(1, "Forgotten")
	for n := 2; n < 12; n++ {
		write(n, "Remembered")
	}
	log.publish()
	log.addAll(store)
	_, err = store.pool.Exec(t.Context(), "ANALYZE")
	require.NoError(t, err)
	inFiles := func(text string) (found []string) {
		require.NoError(t, filepath.WalkDir(filepath.Join(dir, "cluster", "base"), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(text)) {
				found = append(found, path)
			}
			return err
		}))
		return found
	}
	checkpoint := func() {
		admin, err := pgx.Connect(t.Context(), postgres.URL("postgres"))
		require.NoError(t, err)
		defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
		_, err = admin.Exec(t.Context(), "CHECKPOINT")
		require.NoError(t, err)
	}
	checkpoint()
	require.NotEmpty(t, inFiles("of Forgotten"))

	// Somebody was killed while they built it anew.
	_, err = store.pool.Exec(t.Context(), "CREATE SCHEMA ledger_next; CREATE TABLE ledger_next.personal AS SELECT * FROM ledger.personal")
	require.NoError(t, err)
	// For a transaction from before the deleted row stays, whatever is rewritten.
	reading, err := store.pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	defer func() { _ = reading.Rollback(context.WithoutCancel(t.Context())) }() // it has ended by then
	_, err = reading.Exec(t.Context(), "SELECT FROM orders")
	require.NoError(t, err)
	log.flag(kitchen.FlagErased, kitchen.OrderKey(forgotten.id), "max")
	log.publish()
	log.addAll(store)
	require.NoError(t, reading.Rollback(t.Context()))
	require.Eventually(t, func() bool {
		checkpoint()
		return len(inFiles("of Forgotten")) == 0
	}, time.Minute, 20*time.Millisecond)
	assert.Empty(t, inFiles("on Forgotten"))
	assert.NotEmpty(t, inFiles("of Remembered"))
	assert.Zero(t, query[int](t, store, "SELECT count(*)::int FROM personal WHERE order_key = $1", kitchen.OrderKey(forgotten.id)))

	for _, database := range []string{url, newDatabase(t)} {
		result, err := Rebuild(t.Context(), RebuildConfig{Config: Config{Database: database}, Connection: log.connection})
		require.NoError(t, err)
		assert.Empty(t, result.Differences)
		rebuilt := openStore(t, Config{Database: database})
		assert.Zero(t, query[int](t, rebuilt, "SELECT count(*)::int FROM personal WHERE order_key = $1", kitchen.OrderKey(forgotten.id)), "although the log still has them")
		assert.Equal(t, 10, query[int](t, rebuilt, "SELECT count(*)::int FROM personal"))
	}
	checkpoint()
	assert.Empty(t, inFiles("of Forgotten"))
}

// killing kills the server before a statement.
type killing struct {
	crash
	in       atomic.Int64
	postgres *devstack.Postgres
}

func (k *killing) count(ctx context.Context) context.Context {
	if k.in.Add(-1) == 0 {
		k.postgres.Kill()
	}
	return ctx
}
func (k *killing) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return k.count(ctx)
}
func (k *killing) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return k.count(ctx)
}
func (k *killing) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return k.count(ctx)
}

func TestAFailedMigrationChangesNothing(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	dying := &crash{}
	store, err := Open(t.Context(), Config{Database: url, tracer: dying})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	statements := int64(0)
	for at := int64(1); ; at++ {
		dying.in.Store(at)
		err := store.Migrate(t.Context())
		if dying.in.Load() > 0 {
			require.NoError(t, err)
			statements = at
			break
		}
		dying.in.Store(-1)
		tables := query[string](t, store, "SELECT coalesce(string_agg(tablename, ' ' ORDER BY tablename), '') FROM pg_tables WHERE schemaname = 'ledger'")
		assert.True(t, tables == "" || tables == "schema_versions" || strings.Contains(tables, "waste"), "half of it: %s", tables)
	}
	dying.in.Store(-1)
	assert.Greater(t, statements, int64(5))
	require.NoError(t, store.Check(t.Context()))
	_, err = store.pool.Exec(t.Context(), "INSERT INTO schema_versions (version_id, is_applied) VALUES (99, true)")
	require.NoError(t, err)
	var schema *SchemaError
	require.ErrorAs(t, store.Check(t.Context()), &schema)
	assert.Equal(t, int64(99), schema.Has)
	require.ErrorAs(t, store.Migrate(t.Context()), &schema, "an older build leaves a newer one's schema alone")
}

func TestADatabaseThatTakesNothingIsTold(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	log.play(0, 1)
	_, err := store.pool.Exec(t.Context(), fmt.Sprintf("ALTER ROLE %s SET default_transaction_read_only = on", query[string](t, store, "SELECT current_user::text")))
	require.NoError(t, err)
	store.pool.Reset()
	var refused *RefusedError
	require.ErrorAs(t, store.Check(t.Context()), &refused)
	_, err = store.Add(t.Context(), log.messages)
	require.ErrorAs(t, err, &refused)

	_, err = Open(t.Context(), Config{Database: "postgres://ann:red velvet@[somewhere"})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "velvet")
	away := &Store{}
	if away, err = Open(t.Context(), Config{Database: "postgres://ann:secret@127.0.0.1:1/ledger"}); assert.NoError(t, err) {
		defer away.Close()
		err := away.Check(t.Context())
		var gone *AwayError
		require.ErrorAs(t, err, &gone)
		assert.NotContains(t, err.Error(), "secret")
		assert.False(t, errors.As(err, &refused))
	}
}
