package events

import (
	"context"
	"errors"
	"sync"
	"time"
)

// publishForgottenAfter is how long a failed publish counts when no other
// follows. Another process may publish in its place, and then this one never
// hears that Kafka takes messages again.
const publishForgottenAfter = time.Minute

// PublishWatch logs when Kafka stops taking what a process publishes, and when
// it takes it again. It shares what the process's consumer notices, so that an
// outage is logged once when it begins and once when it ends, whichever of the
// two notices first.
type PublishWatch struct {
	outage *outage

	mu     sync.Mutex
	forget *time.Timer
}

// WatchPublishes returns a watch that shares outages with the consumer.
func (c *Consumer) WatchPublishes() *PublishWatch { return &PublishWatch{outage: c.outage} }

// Heard tells the watch how a publish went. It is safe for concurrent use.
func (w *PublishWatch) Heard(err error) {
	if errors.Is(err, context.Canceled) {
		return // the process stops
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.forget != nil {
		w.forget.Stop()
		w.forget = nil
	}
	if err == nil {
		w.outage.over(w)
		return
	}
	w.outage.began(w, err)
	w.forget = time.AfterFunc(publishForgottenAfter, func() { w.outage.over(w) })
}
