package deadletter_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/deadletter"
)

func TestLettersAreFoundByWhatIsInThemAndCutWithWhatIsSettledBefore(t *testing.T) {
	t.Parallel()
	_, connection := bury(t, events.Message{Topic: events.TopicAcks, Value: []byte("bob's")}) // at 0/0
	writer, err := events.NewWriter(connection)
	require.NoError(t, err)
	for _, original := range []events.Message{
		{Topic: events.TopicAcks, Key: []byte("ada"), Value: []byte("x")},       // 0/1
		{Topic: events.TopicAcks, Value: []byte("what ada said")},               // 0/2
		{Topic: events.TopicAcks, Key: []byte("bob"), Value: []byte("not her")}, // 0/3
	} {
		require.NoError(t, writer.PublishDeadLetter(t.Context(), original, "a bad day"))
	}
	require.NoError(t, writer.Close())
	queue := newQueue(t, deadletter.Config{Connection: connection})
	found := func() (places []deadletter.Place) {
		t.Helper()
		letters, err := queue.Mentioning(t.Context(), "ada")
		require.NoError(t, err)
		for _, letter := range letters {
			places = append(places, letter.Place)
		}
		return places
	}
	hers := []deadletter.Place{{Offset: 1}, {Offset: 2}}
	require.ElementsMatch(t, hers, found())
	for _, place := range hers {
		_, err := queue.Discard(t.Context(), place, deadletter.Decision{By: "mia", Note: "erased"})
		require.NoError(t, err)
	}

	var refused *deadletter.RefusedError
	require.ErrorAs(t, queue.Cut(t.Context(), hers), &refused, "nobody has decided about 0/0")
	require.Equal(t, deadletter.Place{}, refused.Place)
	require.ElementsMatch(t, hers, found())
	_, err = queue.Discard(t.Context(), deadletter.Place{}, deadletter.Decision{})
	require.NoError(t, err)
	require.NoError(t, queue.Cut(t.Context(), hers))
	require.Empty(t, found())

	// Who looks later finds the rest as it was: the notes about the others count for nothing.
	later := newQueue(t, deadletter.Config{Connection: connection})
	letters, err := later.List(t.Context())
	require.NoError(t, err)
	require.Len(t, letters, 1)
	require.Equal(t, []any{deadletter.Place{Offset: 3}, deadletter.Open}, []any{letters[0].Place, letters[0].State})
	require.NoError(t, later.Cut(t.Context(), hers), "once more")
}
