package ledger

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
)

// Processes come, stop and crash, and PostgreSQL is killed and comes back, while the
// bakery works: the ledger is what one fold of the whole log gives, and so is one that is
// built anew.
func TestProcessesAndTheDatabaseComeAndGo(t *testing.T) {
	t.Parallel()
	postgres, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Fast: true})
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	url, err := postgres.CreateDatabase(t.Context(), "ledger", "red velvet")
	require.NoError(t, err)
	log, said := newRealLog(t), new(lines)
	logger := slog.New(slog.NewTextHandler(said, nil))

	start := func() (store *Store, stop func()) {
		store, err := Open(t.Context(), Config{Database: url, Logger: logger})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ready, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- Run(ctx, RunConfig{Store: store, Connection: log.connection, Logger: logger, Ready: func() { close(ready) }})
		}()
		select {
		case <-ready:
		case <-time.After(patience):
			require.FailNow(t, "it does not become ready", said.String())
		}
		return store, func() {
			cancel()
			require.NoError(t, <-ended)
			store.Close()
		}
	}
	played := 0
	work := func(orders int) {
		log.play(played, orders)
		played += orders
		log.publish()
	}

	work(10)
	_, stopFirst := start()
	work(10)
	second, stopSecond := start()
	work(10)
	postgres.Kill()
	work(10)
	require.NoError(t, postgres.Restart(t.Context()))
	stopFirst()
	work(10)
	second.Close() // its connections are gone in the middle of whatever it did
	stopSecond()
	work(10)
	third, stopThird := start()
	work(10)

	reference := newStore(t)
	log.addAll(reference)
	want := hashes(t, reference)
	require.Eventually(t, func() bool {
		got, err := third.Hashes(t.Context())
		return err == nil && slices.Equal(got, want)
	}, patience, 50*time.Millisecond, "%s", said)
	checked, err := Rebuild(t.Context(), RebuildConfig{Config: Config{Database: url, Logger: logger}, Connection: log.connection, CheckOnly: true})
	require.NoError(t, err)
	require.Empty(t, checked.Differences)
	stopThird()
}
