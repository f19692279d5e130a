package ratelimit

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var now = time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)

func TestAttemptsAreRememberedInBoundedMemory(t *testing.T) {
	t.Parallel()
	l := New(3, time.Minute, 100)
	for range 3 {
		require.Zero(t, l.Spend("guessed at", 1, now))
	}
	for i := range 10_000 {
		require.Zero(t, l.Spend(strconv.Itoa(i), 1, now))
		require.LessOrEqual(t, l.Len(), 100)
	}
	require.Equal(t, time.Minute, l.Spend("guessed at", 1, now), "a flood of others does not wash it away")
	require.Zero(t, l.Spend("later", 1, now.Add(time.Hour)))
	require.Equal(t, 1, l.Len(), "what is over is forgotten")
	l.Refund("never tried", 1)
	require.Equal(t, 1, l.Len())
}

func TestAnAttemptThatCountsAsSeveralHoldsTheNextBack(t *testing.T) {
	t.Parallel()
	l := New(3, time.Minute, 100)
	require.Zero(t, l.Spend("big", 10, now), "more than may be made at once")
	require.Equal(t, 8*time.Minute, l.Spend("big", 1, now))
	require.Zero(t, l.Spend("big", 1, now.Add(8*time.Minute)))
	l.Refund("big", 10)
	require.Zero(t, l.Spend("big", 1, now))
}
