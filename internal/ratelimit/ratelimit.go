// Package ratelimit limits how often something may be done under one key, such
// as an address or a name.
package ratelimit

import (
	"sync"
	"time"
)

// Limiter limits attempts, key by key. It keeps one time for each key, and a
// bounded number of keys.
type Limiter struct {
	burst   int
	every   time.Duration
	maxKeys int

	mu sync.Mutex // guards restored
	// restored is when a key will have all its attempts again.
	restored map[string]time.Time
}

// New returns a limiter that allows burst attempts at once under one key and
// restores one after each interval. It remembers at most maxKeys keys. When
// there are more it first forgets those with the fewest attempts, so that a
// flood of new keys does not wash away the one that is being guessed at.
func New(burst int, every time.Duration, maxKeys int) *Limiter {
	return &Limiter{burst: burst, every: every, maxKeys: maxKeys, restored: map[string]time.Time{}}
}

// Spend uses n attempts of a key. If none is left it uses none and returns how
// long to wait. Whenever one is left, n may be more than are left, even more
// than the burst: the next attempt then waits until all of them are restored.
func (l *Limiter) Spend(key string, n int, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	restored, known := l.restored[key]
	if restored.Before(now) {
		restored = now
	}
	if wait := restored.Sub(now) - time.Duration(l.burst-1)*l.every; wait > 0 {
		return wait
	}
	if !known && len(l.restored) >= l.maxKeys {
		l.makeRoom(now)
	}
	l.restored[key] = restored.Add(time.Duration(n) * l.every)
	return 0
}

// Refund gives a key n attempts back that it has spent.
func (l *Limiter) Refund(key string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if restored, known := l.restored[key]; known {
		l.restored[key] = restored.Add(-time.Duration(n) * l.every)
	}
}

// Len is how many keys are remembered.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.restored)
}

// makeRoom forgets the keys that have all their attempts again, or else the
// one that will have them first.
func (l *Limiter) makeRoom(now time.Time) {
	var first string
	var firstRestored time.Time
	for key, restored := range l.restored {
		if !restored.After(now) {
			delete(l.restored, key)
			continue
		}
		if firstRestored.IsZero() || restored.Before(firstRestored) {
			first, firstRestored = key, restored
		}
	}
	if len(l.restored) >= l.maxKeys {
		delete(l.restored, first)
	}
}
