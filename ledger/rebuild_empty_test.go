package ledger

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where the account may not make schemas, an administrator makes an empty one for it.
func TestAnEmptySchemaBecomesALedger(t *testing.T) {
	t.Parallel()
	log, reference := newRealLog(t), newStore(t)
	log.play(0, 4)
	log.publish()
	log.addAll(reference)
	for name, fill := range map[string]func(t *testing.T, store *Store){
		"by a process": func(t *testing.T, store *Store) {
			require.NoError(t, store.Migrate(t.Context()))
			clear(log.read)
			log.addAll(store)
		},
		"by a rebuild": func(t *testing.T, store *Store) {
			result, err := Rebuild(t.Context(), RebuildConfig{Config: store.config, Connection: log.connection})
			require.NoError(t, err)
			assert.False(t, result.Existed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := openEmpty(t, "CREATE SCHEMA ledger; GRANT USAGE ON SCHEMA ledger TO pg_monitor")
			fill(t, store)
			assert.Equal(t, hashes(t, reference), hashes(t, store))
			assert.True(t, query[bool](t, store, `
				SELECT has_schema_privilege('pg_monitor', 'ledger', 'USAGE') AND NOT has_schema_privilege('pg_monitor', 'ledger', 'CREATE')
				AND has_function_privilege('pg_monitor', 'ledger.forecast(date)', 'EXECUTE')`), "what is allowed in it is as if it had been filled")
		})
	}
}

func openEmpty(t *testing.T, sql string) *Store {
	store, err := Open(t.Context(), Config{Database: newDatabase(t)})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	_, err = store.pool.Exec(t.Context(), sql)
	require.NoError(t, err)
	return store
}

// What takes hours must not fail at its end for what was there at its beginning.
func TestARebuildReplacesNoSchemaThatIsNoLedger(t *testing.T) {
	t.Parallel()
	log := newRealLog(t)
	log.play(0, 1)
	log.publish()
	for name, test := range map[string]struct{ sql, wants string }{
		"somebody's tables":  {"CREATE SCHEMA ledger; CREATE TABLE ledger.orders (id int)", "the schema ledger is not empty and no ledger: it has ledger.orders: "},
		"default privileges": {"CREATE SCHEMA ledger; ALTER DEFAULT PRIVILEGES IN SCHEMA ledger GRANT SELECT ON TABLES TO pg_monitor", " in schema ledger on tables: "},
	} {
		t.Run(name, func(t *testing.T) {
			store := openEmpty(t, test.sql)
			_, err := Rebuild(t.Context(), RebuildConfig{Config: store.config, Connection: log.connection, Progress: func(int, int) { assert.Fail(t, "it has begun to read") }})
			require.ErrorContains(t, err, test.wants)
			assert.True(t, query[bool](t, store, "SELECT to_regnamespace('ledger') IS NOT NULL AND to_regnamespace('ledger_next') IS NULL"))
		})
	}
}

// A process may start meanwhile.
func TestARebuildReplacesNoLedgerThatWasBegunMeanwhile(t *testing.T) {
	t.Parallel()
	log := newRealLog(t)
	log.play(0, 1)
	log.publish()
	for name, sql := range map[string]string{"nothing": "", "an empty schema": "CREATE SCHEMA ledger"} {
		t.Run(name, func(t *testing.T) {
			store := openEmpty(t, sql)
			_, err := Rebuild(t.Context(), RebuildConfig{Config: store.config, Connection: log.connection, Progress: func(int, int) {
				require.NoError(t, store.Migrate(t.Context()))
			}})
			require.ErrorContains(t, err, "somebody has begun a ledger meanwhile: run the rebuild again")
			require.NoError(t, store.Check(t.Context()))
		})
	}
}

// An account that may only use its schema is told what it lacks.
func TestAnAccountWithoutRightsIsToldWhatItLacks(t *testing.T) {
	t.Parallel()
	log := newRealLog(t)
	settings, err := pgx.ParseConfig(newDatabase(t))
	require.NoError(t, err)
	store, err := Open(t.Context(), Config{Database: settings.ConnString()})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	account, database := settings.User, settings.Database
	run := func(sql string) {
		admin, err := pgx.Connect(t.Context(), server.URL(database))
		require.NoError(t, err)
		defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
		_, err = admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	rebuild := func() error {
		_, err := Rebuild(t.Context(), RebuildConfig{Config: store.config, Connection: log.connection})
		return err
	}
	run("ALTER DATABASE " + database + " OWNER TO CURRENT_USER; GRANT CONNECT, TEMPORARY ON DATABASE " + database + " TO " + account)
	var refused *RefusedError
	err = store.Migrate(t.Context())
	require.ErrorAs(t, err, &refused, "a process waits for it")
	require.ErrorContains(t, err, `CREATE SCHEMA "ledger" AUTHORIZATION "`+account+`"`)
	run("CREATE SCHEMA ledger; GRANT USAGE, CREATE ON SCHEMA ledger TO " + account)
	require.NoError(t, store.Migrate(t.Context()))
	require.ErrorContains(t, rebuild(), "an administrator run GRANT CREATE ON DATABASE "+database+" TO "+account+"; ALTER SCHEMA ledger OWNER TO "+account)
	run("GRANT CREATE ON DATABASE " + database + " TO " + account + "; ALTER SCHEMA ledger OWNER TO " + account)
	require.NoError(t, rebuild())
}
