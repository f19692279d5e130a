package ledger

import (
	"context"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
)

func TestARebuildTakesNothingOfOthersAway(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	_, err := store.pool.Exec(t.Context(), "CREATE SCHEMA analysts; CREATE VIEW analysts.days AS SELECT count(*) FROM ledger.orders; CREATE TABLE ledger.notes (note text)")
	require.NoError(t, err)
	config := RebuildConfig{Config: Config{Database: store.config.Database}, Connection: log.connection}
	_, err = Rebuild(t.Context(), config)
	require.ErrorContains(t, err, "analysts.days, ledger.notes")
	config.CheckOnly = true
	_, err = Rebuild(t.Context(), config)
	require.NoError(t, err, "a check takes nothing away")
	_, err = store.pool.Exec(t.Context(), "DROP VIEW analysts.days; DROP TABLE ledger.notes")
	require.NoError(t, err)
	config.CheckOnly = false
	_, err = Rebuild(t.Context(), config)
	require.NoError(t, err)
}

// What depends on a ledger in other ways than a view, or was added to its tables.
func TestARebuildTakesNoFunctionOrIndexAway(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	_, err := store.pool.Exec(t.Context(), `
		CREATE SCHEMA own;
		CREATE FUNCTION own.late() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM ledger.orders; END;
		CREATE TABLE own.remarks (order_key uuid REFERENCES ledger.orders, remark text);
		CREATE VIEW own.days AS SELECT * FROM ledger.days;
		CREATE VIEW own.late_days AS SELECT own.late(), * FROM own.days;
		CREATE FUNCTION ledger.own_rule() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		CREATE TRIGGER own_trigger BEFORE INSERT ON ledger.orders FOR EACH ROW EXECUTE FUNCTION ledger.own_rule();
		CREATE SEQUENCE ledger.own_numbers;
		CREATE INDEX own_index ON ledger.orders (cancelled_by)`)
	require.NoError(t, err)
	config := RebuildConfig{Config: store.config, Connection: log.connection}
	_, err = Rebuild(t.Context(), config)
	require.ErrorContains(t, err, ": ledger.own_index, ledger.own_numbers, ledger.own_rule(), own.days, own.late(), own.late_days, own_trigger on ledger.orders, remarks_order_key_fkey on own.remarks: ")
	_, err = store.pool.Exec(t.Context(), `
		DROP SCHEMA own CASCADE; DROP TRIGGER own_trigger ON ledger.orders; DROP FUNCTION ledger.own_rule; DROP SEQUENCE ledger.own_numbers; DROP INDEX ledger.own_index`)
	require.NoError(t, err)
	for range 2 { // also one that was built anew has nothing else
		_, err = Rebuild(t.Context(), config)
		require.NoError(t, err)
	}
}

// Rights that were taken from somebody stay away from them, whatever new tables are given.
func TestARebuildGivesNobodyWhatWasTakenFromThem(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	log.play(0, 4)
	log.publish()
	log.addAll(store)
	admin, err := pgx.Connect(t.Context(), server.URL("postgres"))
	require.NoError(t, err)
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
	_, err = admin.Exec(t.Context(), "CREATE ROLE auditor")
	require.NoError(t, err)
	_, err = store.pool.Exec(t.Context(), `
		ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO auditor;
		GRANT USAGE ON SCHEMA ledger TO auditor;
		GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO auditor;
		REVOKE SELECT ON ledger.personal FROM auditor;
		GRANT SELECT (order_key) ON ledger.personal TO auditor;
		REVOKE EXECUTE ON FUNCTION ledger.forecast FROM PUBLIC`)
	require.NoError(t, err)
	type rights struct{ Orders, Personal, Key, Customer, Usual, Forecast, Next bool }
	may := func() (found rights) {
		rows, err := store.pool.Query(t.Context(), `
			SELECT has_table_privilege('auditor', 'ledger.orders', 'SELECT') AS orders, has_table_privilege('auditor', 'ledger.personal', 'SELECT') AS personal,
				has_column_privilege('auditor', 'ledger.personal', 'order_key', 'SELECT') AS key,
				has_column_privilege('auditor', 'ledger.personal', 'customer', 'SELECT') AS customer,
				has_function_privilege('auditor', 'ledger.usual_times(date)', 'EXECUTE') AS usual,
				has_function_privilege('auditor', 'ledger.forecast(date)', 'EXECUTE') AS forecast,
				coalesce(has_table_privilege('auditor', to_regclass('ledger_next.personal'), 'SELECT'), false) AS next`)
		require.NoError(t, err)
		found, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[rights])
		require.NoError(t, err)
		return found
	}
	want := rights{Orders: true, Key: true, Usual: true}
	require.Equal(t, want, may())
	_, err = Rebuild(t.Context(), RebuildConfig{Config: store.config, Connection: log.connection, Progress: func(int, int) {
		require.Equal(t, want, may(), "while it is built")
	}})
	require.NoError(t, err)
	require.Equal(t, want, may())
}

// Whoever reads in a long transaction stops neither those who write the ledger nor the
// rebuild for ever.
func TestARebuildTriesAgainWhileSomebodyReads(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	log.play(0, 4)
	log.publish()
	log.addAll(store)
	before, name := hashes(t, store), nameOf(t, store)
	reader, err := pgx.Connect(t.Context(), store.config.Database)
	require.NoError(t, err)
	defer func() { _ = reader.Close(context.WithoutCancel(t.Context())) }()
	_, err = reader.Exec(t.Context(), "BEGIN; SELECT FROM ledger.orders")
	require.NoError(t, err)
	waits := make(chan struct{})
	logged := &signals{Handler: slog.DiscardHandler, heard: waits}
	go func() {
		<-waits
		_, _ = reader.Exec(context.WithoutCancel(t.Context()), "COMMIT")
	}()
	result, err := Rebuild(t.Context(), RebuildConfig{Config: Config{Database: store.config.Database, Logger: slog.New(logged)}, Connection: log.connection})
	require.NoError(t, err)
	assert.Empty(t, result.Differences)
	assert.Equal(t, before, hashes(t, store))
	assert.Equal(t, name, nameOf(t, store), "who writes it is still of its kind")
}

func nameOf(t *testing.T, store *Store) string {
	name, err := store.Name(t.Context())
	require.NoError(t, err)
	return name
}

// signals closes a channel when it hears that a rebuild tries again.
type signals struct {
	slog.Handler
	heard chan struct{}
}

// Enabled implements slog.Handler.
func (s *signals) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (s *signals) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "Somebody reads the ledger that is to be replaced; trying again" {
		close(s.heard)
	}
	return nil
}

// A log that has lost its end since the ledger has read it can be built from all the same.
func TestALogThatWasCutCanBeRebuiltFrom(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	log.play(0, 4)
	log.publish()
	log.addAll(store)
	before := hashes(t, store)
	// The ledger has a record that the log has not.
	topic, partition := events.TopicAcks, 0
	for at := range 3 {
		if log.read[partitionName{topic, at}] > 0 {
			partition = at
		}
	}
	end := log.read[partitionName{topic, partition}]
	_, err := store.Add(t.Context(), []events.Message{{
		Topic: topic, TopicID: log.idOf(topic), Partition: partition, Offset: end, Key: log.messages[0].Key, Value: []byte("nonsense"), Time: log.now, Appended: true,
	}})
	require.NoError(t, err)
	_, err = Rebuild(t.Context(), RebuildConfig{Config: Config{Database: store.config.Database}, Connection: log.connection})
	require.NoError(t, err)
	assert.Equal(t, before, hashes(t, store))
	position, err := store.Position(t.Context(), topic, log.idOf(topic), partition)
	require.NoError(t, err)
	assert.Equal(t, end, position.Next, "and what comes there now is read")
}
