package retry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/retry"
)

func TestWaitsDoubleUpToTheLongest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		backoff := retry.NewBackoff(100*time.Millisecond, time.Second)
		for _, most := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
			most *= time.Millisecond
			began := time.Now()
			require.True(t, backoff.Wait(t.Context()))
			waited := time.Since(began)
			require.LessOrEqual(t, waited, most)
			require.GreaterOrEqual(t, waited, most/2)
		}
	})
}

func TestASuccessBeginsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		backoff := retry.NewBackoff(time.Second, time.Minute)
		require.True(t, backoff.IsFresh())
		for range 5 {
			backoff.Wait(t.Context())
			require.False(t, backoff.IsFresh())
		}
		backoff.Reset()
		require.True(t, backoff.IsFresh())
		began := time.Now()
		backoff.Wait(t.Context())
		require.LessOrEqual(t, time.Since(began), time.Second)
	})
}

func TestWaitsOfOneLengthAreNotFreshEither(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		backoff := retry.NewBackoff(time.Second, time.Second)
		backoff.Wait(t.Context())
		require.False(t, backoff.IsFresh())
	})
}

func TestTheEndOfTheContextEndsAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.False(t, retry.NewBackoff(time.Hour, time.Hour).Wait(ctx))
		require.False(t, retry.Pause(ctx, time.Hour))
		require.Equal(t, time.Second, time.Since(began))
	})
}
