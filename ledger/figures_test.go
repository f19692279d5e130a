package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// These tests look at what the reports tell of records, from one end to the other.

// added has a store read all that the log has.
func added(t *testing.T, log *testLog) *Store {
	t.Helper()
	store := newStore(t)
	_, err := store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	return store
}

// theDay is what the reports tell of the day on which test logs begin.
func theDay(t *testing.T, store *Store) wire.HistoryDay {
	t.Helper()
	reports, err := OpenReports(t.Context(), store.config.Database)
	require.NoError(t, err)
	defer reports.Close()
	told, err := reports.Day(t.Context(), day(t, "2026-11-26"))
	require.NoError(t, err)
	return told
}

// `cupcakery order erase` takes the order's flags back, which name it.
func TestAnErasedOrderWasHandedOutAllTheSame(t *testing.T) {
	t.Parallel()
	log := newTestLog()
	o := log.order(1)
	o.make(1, kitchen.Stages()...)
	o.ship()
	log.flag(kitchen.FlagCollected, o.id, "pia")
	store := added(t, log)
	before := theDay(t, store).Figures
	require.Equal(t, 1, before.Collected)

	log.now = log.now.Add(5 * time.Hour)
	collected := kitchen.FlagAt{Kind: kitchen.FlagCollected, Of: o.id}.String()
	read := len(log.messages)
	log.flag(kitchen.FlagErased, kitchen.OrderKey(o.id), "max")
	log.append(events.TopicKitchenState, collected, nil, events.Header{Key: "ce_source", Value: []byte(events.SourceErase)})
	_, err := store.Add(t.Context(), log.messages[read:])
	require.NoError(t, err)
	require.Equal(t, before, theDay(t, store).Figures)

	read = len(log.messages)
	log.append(events.TopicKitchenState, collected, nil)
	_, err = store.Add(t.Context(), log.messages[read:])
	require.NoError(t, err)
	require.Zero(t, theDay(t, store).Figures.Collected, "somebody at the counter has taken it back")
}
