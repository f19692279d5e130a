package floor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhenOrdersAreCounted(t *testing.T) {
	t.Parallel()
	now := morning
	at := func(seconds float64) time.Time { return now.Add(time.Duration(seconds * float64(time.Second))) }
	plan := func(last time.Time, planned []time.Time) []time.Time {
		s := schedule{now: func() time.Time { return now }, pause: orderCountsPause, last: last, planned: planned}
		s.plan(0, orderCountsPause, orderCountsSettled)
		return s.planned
	}
	require.Equal(t, []time.Time{at(0), at(1), at(3)}, plan(time.Time{}, nil), "at once, and when Temporal has settled")
	require.Equal(t, []time.Time{at(0.4), at(1.4), at(3)}, plan(at(-0.6), nil), "once a second at most")
	require.Equal(t, []time.Time{at(0.4), at(1.4), at(3)}, plan(at(-0.6), []time.Time{at(0.4), at(2.4)}), "more messages change nothing about the first")
	require.Equal(t, []time.Time{at(0), at(1), at(3)}, plan(at(-2), []time.Time{at(-0.1)}), "what is due is not put off")
}

// TestNoTwoLooksBeginWithinThePause, however often something changes and however
// late a look begins; and none is further from the last than the refresh.
func TestNoTwoLooksBeginWithinThePause(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := morning
		s := newSchedule(func() time.Time { return now }, time.Second, time.Minute)
		var began []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "a hint") {
				now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "after")) * time.Millisecond)
				s.plan(0, time.Second, 3*time.Second)
				require.LessOrEqual(t, s.next(), latest(now, s.last.Add(time.Second)), "as soon as the pause allows")
				continue
			}
			require.LessOrEqual(t, s.next().Sub(s.last), time.Minute)
			if s.next().After(now) {
				now = s.next()
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "late by")) * time.Millisecond)
			s.begin()
			began = append(began, now)
		}
		for i := range began[min(1, len(began)):] {
			require.GreaterOrEqual(t, began[i+1].Sub(began[i]), time.Second)
		}
	})
}

func TestAPollerLooksAsItsScheduleSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var looked []time.Duration
		p := newPoller(time.Second, time.Minute, func(context.Context) bool {
			looked = append(looked, time.Since(start))
			return false
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.run(ctx)
		}()
		p.plan(0, time.Second, 3*time.Second)
		time.Sleep(500 * time.Millisecond) // by the bubble's clock
		p.plan(0, time.Second, 3*time.Second)
		time.Sleep(2 * time.Minute)
		cancel()
		<-ended
		require.Equal(t, []time.Duration{0, time.Second, 2 * time.Second, 3500 * time.Millisecond, 63500 * time.Millisecond}, looked)
	})
}
