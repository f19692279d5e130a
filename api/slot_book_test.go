package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

// TestADayIsAskedOnceForAllWhoWantToKnow, and for a moment the answer is told again, also
// if there is none.
func TestADayIsAskedOnceForAllWhoWantToKnow(t *testing.T) {
	t.Parallel()
	var asked int
	var fault error
	book := newSlotBook(func(_ context.Context, day kitchen.Date) ([]kitchen.TakenSlot, error) {
		asked++ // which is no race, since nobody else asks meanwhile
		return []kitchen.TakenSlot{{Taken: day.Day}}, fault
	}, slog.New(slog.DiscardHandler))
	now := time.Now()
	book.now = func() time.Time { return now }
	saturday := kitchen.Date{Year: 2026, Month: time.November, Day: 28}
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			taken, err := book.taken(saturday)
			assert.NoError(t, err)
			assert.Equal(t, 28, taken[0].Taken)
		})
	}
	asking.Wait()
	require.Equal(t, 1, asked)

	_, err := book.taken(saturday.Next())
	require.NoError(t, err)
	require.Equal(t, 2, asked, "each day for itself")
	book.changed(saturday)
	_, err = book.taken(saturday)
	require.NoError(t, err)
	require.Equal(t, 3, asked, "what this process has changed is asked for")
	fault = errors.New("away")
	now = now.Add(slotsFor)
	for range 3 {
		_, err = book.taken(saturday)
		require.ErrorIs(t, err, fault)
	}
	require.Equal(t, 4, asked)
	fault = nil
	now = now.Add(slotsFor)
	_, err = book.taken(saturday)
	require.NoError(t, err, "no fault is kept for longer")
}

func TestADayThatWasEndedOffersNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, bakeryWithSlots(t))
	day, slots := s.aDay()
	s.taken(orderAt(slots[3].At, 2))
	require.Equal(t, 10, s.slots(day, 1).Slots[3].Left)
	require.NoError(t, staffed.TerminateWorkflow(t.Context(), kitchen.PickupWorkflowID(day), "", "a mistake"))
	s.server.slotBook.changed(day)
	for _, slot := range s.slots(day, 1).Slots {
		require.False(t, slot.Free)
		require.Zero(t, slot.Left)
	}
	answer := s.order(orderAt(slots[5].At, 1), "")
	require.NotEqual(t, http.StatusCreated, answer.StatusCode(), "and nobody gets a place")
}
