package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// What is made up keeps the rules of what is real, and is over before today.
func TestTheSampleIsValidAndLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	k, today := kitchen.Default(), kitchen.Date{Year: 2026, Month: time.November, Day: 27}
	records := sampleBefore(k, today)
	require.Equal(t, records, sampleBefore(k, today), "a day is always the same")
	log, last, tickets, shipped, cancelled, collected, decisions := board.New(), map[string]kitchen.LoggedStatus{}, map[string]bool{}, 0, 0, 0, 0
	for i, record := range records {
		require.True(t, record.at.Before(k.Opening.Begin(today)))
		require.True(t, i == 0 || !record.at.Before(records[i-1].at))
		heard := board.Heard{Topic: "log", Offset: int64(i), Time: record.at, Appended: true}
		switch what := record.what.(type) {
		case kitchen.Ticket:
			require.NoError(t, what.Check())
			log.AddTicket(what, heard)
			tickets[what.TicketID] = true
		case kitchen.Ack:
			require.NoError(t, what.Check())
			effect := log.AddAck(what, heard)
			require.NotContains(t, []board.Effect{board.Stale, board.Unjudged}, effect, "%+v", what)
		case kitchen.LoggedStatus:
			require.Greater(t, what.Version, last[what.OrderID].Version)
			last[what.OrderID] = what
		case kitchen.Shipped:
			shipped++
		case kitchen.Failed:
			if what.State == kitchen.StateCancelled {
				cancelled++
			}
		case kitchen.Flag:
			collected++
		}
	}
	for id := range tickets {
		entry, _ := log.Get(id)
		require.True(t, entry.Ended() || entry.Withdrawn || log.MadeAnew(id), id)
	}
	for id, told := range last {
		require.True(t, told.State.IsFinal(), id)
		decisions += len(told.Decisions)
	}
	require.Equal(t, len(last), shipped+cancelled)
	require.Equal(t, shipped, collected)
	require.Positive(t, cancelled)
	require.Positive(t, decisions)
}
