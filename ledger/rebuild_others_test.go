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
