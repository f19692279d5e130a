// Package retry is the one way to try again: wait, and wait longer after each
// failure. Workflows cannot use it: they wait by Temporal's clock.
package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff is the wait between attempts. It doubles from attempt to attempt. It
// is not safe for concurrent use.
type Backoff struct {
	shortest, longest, next time.Duration
	waited                  bool
}

// NewBackoff returns a backoff whose first wait is about shortest and whose
// later ones grow to about longest.
func NewBackoff(shortest, longest time.Duration) *Backoff {
	return &Backoff{shortest: shortest, longest: longest, next: shortest}
}

// IsFresh reports whether nothing has been waited for since the beginning or
// the last Reset: the moment to log a failure that may come again and again.
func (b *Backoff) IsFresh() bool { return !b.waited }

// Reset makes the next wait the shortest, after a success.
func (b *Backoff) Reset() { b.next, b.waited = b.shortest, false }

// Wait waits before the next attempt and reports whether ctx still goes on.
func (b *Backoff) Wait(ctx context.Context) bool {
	wait := b.next
	b.next, b.waited = min(2*b.next, b.longest), true
	return Pause(ctx, Jitter(wait))
}

// Jitter returns a length between half of d and d: many who failed together
// must not come back together.
func Jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// Pause waits for d and reports whether ctx still goes on.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
