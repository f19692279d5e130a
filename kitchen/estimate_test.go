package kitchen

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAnEstimateIsNeverAbsurdlyExact(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 14, 3, 20, 0, time.UTC)
	at := func(minutes, seconds int) time.Time {
		return time.Date(2026, 1, 31, 14, minutes, seconds, 0, time.UTC)
	}
	for name, c := range map[string]struct {
		from, until time.Time
		want        Estimate
	}{
		"in a moment":       {at(3, 50), at(4, 10), Estimate{From: at(3, 0), Until: at(5, 0)}},
		"within one minute": {at(4, 10), at(4, 50), Estimate{From: at(5, 0), Until: at(5, 0)}},
		"in minutes":        {at(9, 59), at(13, 1), Estimate{From: at(9, 0), Until: at(14, 0)}},
		"later":             {at(21, 20), at(38, 41), Estimate{From: at(20, 0), Until: at(40, 0)}},
		"on the dot":        {at(25, 0), at(30, 0), Estimate{From: at(25, 0), Until: at(30, 0)}},
		"tomorrow":          {at(25, 0), now.Add(25 * time.Hour), Estimate{}},
	} {
		assert.Equal(t, c.want, NewEstimate(now, c.from, c.until, false), name)
	}
	rapid.Check(t, func(t *rapid.T) {
		from := time.Duration(rapid.Int64Range(0, int64(20*time.Hour)).Draw(t, "from"))
		more := time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "more"))
		e := NewEstimate(now, now.Add(from), now.Add(from+more), true)
		require.False(t, e.Until.Before(now.Add(from+more)), "nobody is called too soon")
		require.False(t, e.Until.Before(e.From))
		require.Zero(t, e.Until.Second()+e.From.Second()+e.Until.Nanosecond()+e.From.Nanosecond())
		require.True(t, e.Slow)
	})
}
