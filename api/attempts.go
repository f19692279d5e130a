package api

import (
	"sync"
	"time"
)

// attempts limits how often something may be tried under one key. It keeps one
// time for each key, and a bounded number of keys.
type attempts struct {
	// burst attempts may be made at once; then each is given back after every.
	burst int
	every time.Duration
	// most is how many keys are remembered. When they are more, those with the
	// fewest attempts are forgotten first, so that a flood of new keys does not
	// wash away the one that is being guessed at.
	most int

	mu sync.Mutex
	// until is when all attempts under a key will have been given back.
	until map[string]time.Time
}

func newAttempts(burst int, every time.Duration, most int) *attempts {
	return &attempts{burst: burst, every: every, most: most, until: map[string]time.Time{}}
}

// take makes an attempt, or returns how long to wait until one may be made. One
// that counts as several may be made whenever one may, however many that is:
// the next have to wait for as long as all of them take to be given back.
func (a *attempts) take(key string, count int, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, known := a.until[key]
	if until.Before(now) {
		until = now
	}
	if wait := until.Sub(now) - time.Duration(a.burst-1)*a.every; wait > 0 {
		return wait
	}
	until = until.Add(time.Duration(count) * a.every)
	if !known && len(a.until) >= a.most {
		a.forgetSome(now)
	}
	a.until[key] = until
	return 0
}

// giveBack undoes an attempt that counted as so many.
func (a *attempts) giveBack(key string, count int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if until, known := a.until[key]; known {
		a.until[key] = until.Add(-time.Duration(count) * a.every)
	}
}

// forgetSome drops the keys whose attempts have been given back, or else the
// one that is nearest to it.
func (a *attempts) forgetSome(now time.Time) {
	var nearest string
	var nearestUntil time.Time
	for key, until := range a.until {
		if !until.After(now) {
			delete(a.until, key)
			continue
		}
		if nearestUntil.IsZero() || until.Before(nearestUntil) {
			nearest, nearestUntil = key, until
		}
	}
	if len(a.until) >= a.most {
		delete(a.until, nearest)
	}
}
