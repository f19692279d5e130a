package events

import (
	"log/slog"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/internal/retry"
)

// Between attempts while Kafka does not answer.
const (
	shortestWait = 100 * time.Millisecond
	longestWait  = 2 * time.Second
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
	o.mu.Lock()
	if _, known := o.down[part]; !known && o.onBegan != nil {
		defer o.onBegan(part)
	}
	defer o.mu.Unlock()
	if len(o.down) == 0 {
		o.since = time.Now()
		o.logger.Warn("Kafka does not answer as it should; trying again until it does", "error", err)
	} else {
		o.logger.Debug("Kafka still does not answer as it should", "error", err)
	}
	o.down[part] = struct{}{}
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

func newBackoff() *retry.Backoff { return retry.NewBackoff(shortestWait, longestWait) }
