package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/cupcakery/cupcakery/events"
)

// lookWithin bounds one look at Temporal and Kafka. It is below a second, which
// is all that Kubernetes gives a probe by default.
const lookWithin = 700 * time.Millisecond

// refusedFor is how long a clock counts as wrong after a refusal.
const refusedFor = time.Minute

// Readiness says whether a worker could carry an ack now. The zero value is of
// a worker that has not begun; give it to Run.
type Readiness struct {
	mu     sync.Mutex
	config *Config     // nil before Run has begun
	read   func() bool // whether the log has been read, as far as it is waited for
	member func() bool // whether the group has given the worker its share
	logged bool
	ready  bool // what was logged last
	// refused has the topics whose last write was refused for the clock, and
	// when. It is forgotten after a minute, since another worker may write in this
	// one's place; a clock that is still wrong is refused again before.
	refused map[string]time.Time
}

// Check returns nil if an ack could be carried now: the topics can be used, the log
// has been read, the group has given the worker its share, the broker accepts this machine's clock,
// no key for what Temporal keeps was missing, and Temporal has the orders' namespace. Otherwise it returns everything that
// is in the way, with its remedy. A change is logged.
func (r *Readiness) Check(ctx context.Context) error {
	r.mu.Lock()
	config, read, member := r.config, r.read, r.member
	r.mu.Unlock()
	if config == nil {
		return errors.New("the worker has not begun yet")
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	var topics, namespace error
	var looking sync.WaitGroup
	looking.Go(func() { topics = events.CheckTopics(ctx, config.Kafka) })
	looking.Go(func() { namespace = checkNamespace(ctx, config) })
	looking.Wait()
	faults := []error{topics, namespace, config.Encryption.CanWrite()}
	if !read() {
		faults = append(faults, errors.New("the tickets and acks that Kafka has are still being read"))
	}
	if !member() {
		faults = append(faults, fmt.Errorf("the group %q has not given this worker its share yet", events.GroupAcks))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, topic := range events.Topics() {
		if at, refused := r.refused[topic]; refused && time.Since(at) < refusedFor {
			faults = append(faults, fmt.Errorf("the broker refuses this machine's clock for topic %q: set the clock, or run `cupcakery topics apply`, which lets the broker date what it gets", topic))
		}
	}
	err := errors.Join(faults...)
	if changed := !r.logged || r.ready != (err == nil); changed && err != nil {
		config.Logger.WarnContext(ctx, "no ack could be carried now", slog.Any("error", err))
	} else if changed {
		config.Logger.InfoContext(ctx, "acks can be carried")
	}
	r.logged, r.ready = true, err == nil
	return err
}

// begin lets Check look at what a worker works with.
func (r *Readiness) begin(config *Config, read, member func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.config, r.read, r.member = config, read, member
}

// written hears of each write to Kafka. Only a write shows that a clock that
// was refused is accepted again.
func (r *Readiness) written(topic string, _ int, err error) {
	_, isRefused := errors.AsType[*events.ClockError](err)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case isRefused:
		if r.refused == nil {
			r.refused = make(map[string]time.Time)
		}
		r.refused[topic] = time.Now()
	case err == nil:
		delete(r.refused, topic)
	}
}

func checkNamespace(ctx context.Context, config *Config) error {
	_, err := config.Temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: config.Namespace})
	var missing *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("no namespace %q in Temporal: create it with `cupcakery temporal apply`, or give the right one with --temporal-namespace", config.Namespace)
	case err != nil:
		return fmt.Errorf("ask Temporal for namespace %q: %w", config.Namespace, err)
	}
	return nil
}
