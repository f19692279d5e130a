package floor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestLoadsTellWhatWaitsAndWhatIsInHand(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	other := h.ref
	other.OrderID = testOrderID(2)
	h.issue(other, 1)
	h.hear(ackOf(other, kitchen.AckStarted, h.now))
	h.now = h.now.Add(time.Minute)
	loads := h.floor.Loads()
	require.Len(t, loads, len(kitchen.Stages()))
	require.Equal(t, StageLoad{Stage: kitchen.Mix}, loads[0])
	require.Equal(t, StageLoad{Stage: kitchen.Bake, Waiting: 1, InHand: 1, Oldest: time.Minute}, loads[1])
	h.hear(ackOf(other, kitchen.AckDone, h.now))
	require.Equal(t, 0, h.floor.Loads()[1].InHand)

	h.floor.caughtUp = false
	require.Nil(t, h.floor.Loads(), "no queue is known, which is not an empty one")
}

func TestQuestionsAreCountedUntilTheyAreAnswered(t *testing.T) {
	t.Parallel()
	now := morning
	f := newTestFloor(t)
	f.now = func() time.Time { return now }
	var answered []time.Duration
	f.onAnswered = func(after time.Duration) { answered = append(answered, after) }
	tell := func(order int, version int64, asked time.Time, state kitchen.OrderState) {
		told := kitchen.LoggedStatus{OrderID: testOrderID(order), Version: version, State: state}
		if !asked.IsZero() {
			told.Attention = &kitchen.Attention{Since: asked}
		}
		f.handle(record(t, events.TopicStatus, now, told))
	}
	tell(1, 1, morning, kitchen.StateNeedsAttention)
	now = now.Add(time.Minute)
	tell(2, 1, now, kitchen.StateNeedsAttention)
	open, oldest := f.Questions()
	require.Equal(t, 2, open)
	require.Equal(t, time.Minute, oldest)
	tell(1, 1, morning, kitchen.StateNeedsAttention)
	require.Empty(t, answered, "it was only told again")

	now = now.Add(time.Minute)
	tell(1, 2, time.Time{}, kitchen.StateInProgress)
	tell(2, 2, time.Time{}, kitchen.StateCancelled)
	tell(2, 1, morning, kitchen.StateNeedsAttention) // late
	open, oldest = f.Questions()
	require.Zero(t, open)
	require.Zero(t, oldest)
	require.Equal(t, []time.Duration{2 * time.Minute, time.Minute}, answered)

	// Nobody can answer an order that was ended in Temporal.
	tell(4, 1, now.Add(-time.Hour), kitchen.StateNeedsAttention)
	tell(5, 1, now.Add(-2*time.Hour), kitchen.StateNeedsAttention)
	require.Equal(t, []string{testOrderID(5), testOrderID(4)}, f.AskedLonger(30*time.Minute))
	require.Empty(t, f.AskedLonger(3*time.Hour))
	f.QuestionClosed(testOrderID(5))
	open, oldest = f.Questions()
	require.Equal(t, 1, open)
	require.Equal(t, time.Hour, oldest)
	tell(5, 2, now, kitchen.StateNeedsAttention) // it was reset, and asks again
	open, _ = f.Questions()
	require.Equal(t, 2, open)
	require.Len(t, answered, 2)
	f.QuestionClosed(testOrderID(4))
	f.QuestionClosed(testOrderID(5))

	// What a process that starts reads back was answered long ago.
	f.caughtUp = false
	tell(3, 1, morning, kitchen.StateNeedsAttention)
	tell(3, 2, time.Time{}, kitchen.StateInProgress)
	require.Len(t, answered, 2)
}
