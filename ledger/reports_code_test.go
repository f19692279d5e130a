package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestOrdersAreFoundByTheirCodeUnlessTheyWereErased(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	reports, err := OpenReports(t.Context(), store.config.Database)
	require.NoError(t, err)
	t.Cleanup(reports.Close)
	older, other, newer, erased := log.order(1), log.order(2), log.order(3), log.order(4)
	for _, o := range []*testOrder{older, newer, erased} {
		o.status.PickupCode = "K7QF"
	}
	for _, o := range []*testOrder{older, other, newer, erased} {
		o.status.PlacedAt = log.now
		o.make(1, kitchen.Stages()...)
		o.ship()
	}
	log.flag(kitchen.FlagErased, kitchen.OrderKey(erased.id), "eve")
	withdrawn := log.order(5) // ended in Temporal, with what it waited for withdrawn
	withdrawn.status.PickupCode = "P4TT"
	withdrawn.make(1, kitchen.Mix)
	withdrawn.issue(withdrawn.ref(kitchen.Bake, 1), 1)
	withdrawn.issue(withdrawn.ref(kitchen.Bake, 1).Undo(), 1)
	withdrawnAt := log.now
	_, err = store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	require.Equal(t, 3, query[int](t, store, "SELECT count(*)::int FROM orders WHERE pickup_code = 'K7QF'"), "its figures stay")

	told, err := reports.Orders(t.Context(), "K7QF")
	require.NoError(t, err)
	require.Len(t, told.Orders, 2)
	require.Equal(t, newer.id, told.Orders[0].OrderID)
	require.Equal(t, older.id, told.Orders[1].OrderID)
	require.Equal(t, kitchen.StateShipped, told.Orders[0].State)
	require.True(t, newer.status.PlacedAt.Equal(told.Orders[0].PlacedAt))
	require.False(t, told.Orders[0].ReadyAt.IsZero())
	require.False(t, told.ReadUntil.IsZero())

	require.Zero(t, told.Orders[0].WithdrawnAt)

	told, err = reports.Orders(t.Context(), "P4TT")
	require.NoError(t, err)
	require.Len(t, told.Orders, 1)
	require.WithinDuration(t, withdrawnAt, told.Orders[0].WithdrawnAt, 2*time.Second)

	told, err = reports.Orders(t.Context(), "M2XZ")
	require.NoError(t, err)
	require.Empty(t, told.Orders)
}
