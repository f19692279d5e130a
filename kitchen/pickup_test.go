package kitchen

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWhoHasGivenAPlaceBackTakesNobodyElses: a day takes as many orders as it may, however
// many have been cancelled, and does not remember those for ever.
func TestWhoHasGivenAPlaceBackTakesNobodyElses(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	slot := now.Add(time.Hour)
	plan := PickupPlan{
		Day: Date{2026, time.November, 28}, Spans: []OpenSpan{{From: slot, To: slot.Add(time.Hour)}},
		Slot: Duration(time.Hour), Capacity: 2 * mostPlaces, EndsAt: slot.Add(2 * time.Hour),
	}
	ask := func(holder string) Reservation {
		return Reservation{Holder: holder, Slot: slot, Pieces: 1, Plan: plan}
	}
	day := PickupDay{Plan: plan}
	for i := range mostPlaces {
		day.Places = append(day.Places, Place{Holder: fmt.Sprint(i), Slot: slot, Pieces: 1})
	}
	var full *NoPlaceError
	require.ErrorAs(t, day.Reserve(now, ask("one more")), &full)
	require.Equal(t, PickupFull, full.Why)

	for i := range mostReleased + 5 {
		day.Release(fmt.Sprint(i))
		require.NoError(t, day.Reserve(now, ask(fmt.Sprint("instead of ", i))))
	}
	require.Len(t, day.Places, mostPlaces+mostReleased)
	require.Equal(t, mostPlaces, day.Taken(slot))
	for _, late := range []int{5, mostReleased + 4} {
		var gone *NoPlaceError
		require.ErrorAs(t, day.Check(now, ask(fmt.Sprint(late))), &gone)
		require.Equal(t, PickupReleased, gone.Why, "it is too late for an order that is over")
	}
	day.Release(fmt.Sprint(5)) // again
	require.Len(t, day.Places, mostPlaces+mostReleased)
}
