package events

import (
	"context"
	"errors"
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
	// onFailed hears of each part when it stops working. May be nil.
	onFailed func(part any)

	mu    sync.Mutex // guards what follows
	down  map[any]struct{}
	since time.Time
}

func newOutage(logger *slog.Logger) *outage {
	return &outage{logger: logger, down: make(map[any]struct{})}
}

// failed says that a part of the reader cannot work.
func (o *outage) failed(part any, err error) {
	if o.note(part, err) && o.onFailed != nil {
		o.onFailed(part) // not under our lock: it takes locks of its own
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

// recovered says that a part of the reader works, or is not needed any more.
func (o *outage) recovered(part any) {
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

// publishForgottenAfter is how long a failed publish counts when no other
// follows. Another process may take over publishing, and then this one never
// hears that Kafka takes messages again.
const publishForgottenAfter = time.Minute

// PublishWatch logs when Kafka stops taking what a process publishes, and when
// it takes it again. It shares what the process's consumer notices, so that an
// outage is logged once when it begins and once when it ends, whichever of the
// two notices first.
type PublishWatch struct {
	outage *outage

	mu     sync.Mutex             // guards forget
	forget map[string]*time.Timer // by topic
}

// publishPart is publishing to a topic, as a part of an outage: one topic may
// be away while others are well.
type publishPart struct{ topic string }

// WatchPublishes returns a watch that shares outages with the consumer.
func (c *Consumer) WatchPublishes() *PublishWatch {
	return &PublishWatch{outage: c.outage, forget: make(map[string]*time.Timer)}
}

// Heard tells the watch how a publish to a topic went. It is safe for concurrent
// use.
func (w *PublishWatch) Heard(topic string, err error) {
	if errors.Is(err, context.Canceled) {
		return // the process stops
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	part := publishPart{topic}
	if timer := w.forget[topic]; timer != nil {
		timer.Stop()
		delete(w.forget, topic)
	}
	if err == nil {
		w.outage.recovered(part)
		return
	}
	w.outage.failed(part, err)
	var forget *time.Timer
	forget = time.AfterFunc(publishForgottenAfter, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.forget[topic] != forget {
			return // there was another publish while it waited for the lock
		}
		delete(w.forget, topic)
		w.outage.recovered(part)
	})
	w.forget[topic] = forget
}
