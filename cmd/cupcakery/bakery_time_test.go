package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDueTimesAreTheBakerys(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	due := time.Date(2026, 11, 28, 10, 0, 0, 0, berlin)
	for want, now := range map[string]time.Time{
		"10:00:00":                time.Date(2026, 11, 28, 8, 0, 0, 0, berlin),
		"2026-11-28 10:00:00":     time.Date(2026, 11, 27, 8, 0, 0, 0, berlin),
		"10:00:00 CET":            time.Date(2026, 11, 28, 8, 0, 0, 0, tokyo), // 00:00 of the same day in Berlin
		"2026-11-28 10:00:00 CET": time.Date(2026, 11, 28, 7, 0, 0, 0, tokyo), // still the day before
	} {
		require.Equal(t, want, dueClock(&due, now))
	}
	require.Equal(t, "-", dueClock(nil, due))
}
