package ledger

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
)

// server is one PostgreSQL for all tests that do not break it.
var server struct {
	sync.Once
	*devstack.Postgres
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if server.Postgres != nil {
		server.Stop()
	}
	os.Exit(code)
}

var databases atomic.Int64

// newDatabase returns the URL of an empty database of the test's own.
func newDatabase(t testing.TB) string {
	server.Do(func() {
		server.Postgres, server.err = devstack.StartPostgres(context.Background(), devstack.PostgresConfig{Fast: true})
	})
	require.NoError(t, server.err)
	url, err := server.CreateDatabase(t.Context(), fmt.Sprintf("test%d", databases.Add(1)), "red velvet")
	require.NoError(t, err)
	return url
}

// newStore returns an empty ledger in a database of its own.
func newStore(t testing.TB) *Store {
	return openStore(t, Config{Database: newDatabase(t)})
}

func openStore(t testing.TB, config Config) *Store {
	store, err := Open(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	require.NoError(t, store.Migrate(t.Context()))
	return store
}

// query reads one value.
func query[T any](t testing.TB, store *Store, sql string, args ...any) T {
	rows, err := store.pool.Query(t.Context(), sql, args...)
	require.NoError(t, err, sql)
	value, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	require.NoError(t, err, sql)
	return value
}
