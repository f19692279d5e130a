package events

import (
	"context"
	"errors"
	"sync"
	"time"
)

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
	w.forget[topic] = time.AfterFunc(publishForgottenAfter, func() { w.outage.recovered(part) })
}
