package events

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 2 * time.Second
)

// outage logs the beginning and the end of a time without Kafka, once each,
// however many parts of a reader notice it.
type outage struct {
	logger *slog.Logger
	// onBegan hears of each part when it stops working. May be nil.
	onBegan func(part any)

	mu    sync.Mutex
	down  map[any]struct{}
	since time.Time
}

func newOutage(logger *slog.Logger) *outage {
	return &outage{logger: logger, down: make(map[any]struct{})}
}

// began says that a part of the reader cannot work.
func (o *outage) began(part any, err error) {
	if o.note(part, err) && o.onBegan != nil {
		o.onBegan(part) // not under our lock: it takes locks of its own
	}
}

// note logs that a part cannot work and reports whether it could until now.
func (o *outage) note(part any, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.down) == 0 {
		o.since = time.Now()
		o.logger.Warn("Kafka does not answer as it should; trying again until it does", "error", err)
	} else {
		o.logger.Debug("Kafka still does not answer as it should", "error", err)
	}
	_, known := o.down[part]
	o.down[part] = struct{}{}
	return !known
}

// over says that a part of the reader works, or is not needed any more.
func (o *outage) over(part any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.down[part]; !ok {
		return
	}
	delete(o.down, part)
	if len(o.down) == 0 {
		o.logger.Info("Kafka answers again", "after", time.Since(o.since).Round(time.Millisecond).String())
	}
}

// backoff waits longer after each failure.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{next: backoffMin} }

func (b *backoff) reset() { b.next = backoffMin }

func (b *backoff) wait(ctx context.Context) {
	timer := time.NewTimer(jittered(b.next))
	defer timer.Stop()
	b.next = min(2*b.next, backoffMax)
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
