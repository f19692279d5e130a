package ledger

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// undoneTwice undoes the mixing of two passes, which are one in a column of 32 bits.
func undoneTwice(s *kitchen.LoggedStatus) {
	undone := &kitchen.UndoStatus{State: kitchen.TicketUndone}
	s.Stages = []kitchen.StageStatus{{Stage: kitchen.Mix, Pass: 1, Undo: undone}, {Stage: kitchen.Mix, Pass: 1<<32 + 1, Undo: undone}}
}

func TestNumbersThatNoOrderHasAreRejected(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*kitchen.LoggedStatus){
		"APassOfAStage":    undoneTwice,
		"APassOfZero":      func(s *kitchen.LoggedStatus) { s.Stages = []kitchen.StageStatus{{Stage: kitchen.Mix}} },
		"APassOfAQuestion": func(s *kitchen.LoggedStatus) { s.Attention = &kitchen.Attention{Stage: kitchen.Mix, Pass: 1<<32 + 1} },
		"APassOfADecision": func(s *kitchen.LoggedStatus) {
			s.Decisions = []kitchen.Decision{{Stage: kitchen.Mix, Pass: 1<<32 + 1}}
		},
		"Remakes":  func(s *kitchen.LoggedStatus) { s.Remakes = 1 << 32 },
		"Scrapped": func(s *kitchen.LoggedStatus) { s.Scrapped = -1 },
		"ScrappedByUndoing": func(s *kitchen.LoggedStatus) {
			s.Stages = []kitchen.StageStatus{{Stage: kitchen.Mix, Pass: 1, Undo: &kitchen.UndoStatus{Scrapped: 1 << 32}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := readRecord(newTestLog().order(1).tell(change))
			require.NotNil(t, r.reject)
			require.Equal(t, rejectPoison, r.reject.kind)
		})
	}
	require.Nil(t, readRecord(newTestLog().order(1).tell(func(s *kitchen.LoggedStatus) {
		s.Stages = []kitchen.StageStatus{{Stage: kitchen.Mix, Pass: kitchen.MaxPass}}
	})).reject)
}

// Facts that another build has taken may not be fit for the tables of this one: live, the
// record with which that shows is rejected.
func TestARebuildEndsThoughARecordIsUnfit(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	var orders []*testOrder
	for n := range 3 {
		o := log.order(n)
		o.make(1, kitchen.Mix)
		orders = append(orders, o)
	}
	_, err := store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	want := rowsOf(t, store, "orders")
	unfit := orders[1]
	undoneTwice(&unfit.status)
	unfit.status.OrderID, unfit.status.Version, unfit.status.PickupCode = kitchen.OrderKey(unfit.id), 100, "UNFIT"
	body, err := json.Marshal(unfit.status)
	require.NoError(t, err)
	_, err = store.pool.Exec(t.Context(), `
		INSERT INTO facts SELECT log, 0, 1000, $2::text::uuid, 'status', $3, true, $4 FROM logs WHERE topic = $1`,
		events.TopicStatus, unfit.status.OrderID, log.now, json.RawMessage(body))
	require.NoError(t, err)
	for _, table := range derivedTables {
		_, err = store.pool.Exec(t.Context(), "TRUNCATE "+table)
		require.NoError(t, err)
	}
	r := rebuild{store: store}
	require.NoError(t, r.foldAll(t.Context()))
	require.Equal(t, 3, r.result.Orders)
	require.Equal(t, want, rowsOf(t, store, "orders"))
	require.Equal(t, "1000 unfit", query[string](t, store, "SELECT string_agg(record_offset || ' ' || kind, ', ') FROM rejects"))
	require.Zero(t, query[int](t, store, "SELECT count(*)::int FROM facts WHERE record_offset = 1000"))
}
