package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/internal/retry"
)

// partitionCheck is how often a tail looks for added partitions.
const partitionCheck = 10 * time.Second

// TailConfig says what Tail reads and who hears of it.
type TailConfig struct {
	Connection Connection
	Topics     []string
	// LookBack is how far back from the newest record of each partition reading
	// begins. A partition whose times are its senders' is read whole. Zero reads
	// everything there is.
	LookBack time.Duration
	// LookBackOf is LookBack of single topics.
	LookBackOf map[string]time.Duration
	// OnlyNew reads what is appended from now on, and nothing older.
	OnlyNew bool
	// Handle is called with each message, one call at a time. Messages of one
	// partition come in their order; between partitions there is none.
	Handle func(Message)
	// CaughtUp is called once, when everything has been handled that was
	// there when Tail started. May be nil.
	CaughtUp func()
	// Behind is called with the time when Kafka stopped answering, and with the
	// zero time once it answers and everything that came meanwhile has been
	// handled. Like Handle it is called one at a time. May be nil.
	Behind func(since time.Time)
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

// Tail reads every partition of the topics without a group, so that each
// caller sees every message, until the context ends. It waits for Kafka and
// for topics that do not exist yet, and goes on by itself after an outage. It
// returns an error only for settings that cannot work.
func Tail(ctx context.Context, config TailConfig) error {
	if err := config.check(); err != nil {
		return fmt.Errorf("tail Kafka topics: %w", err)
	}
	config.Logger = cmp.Or(config.Logger, slog.Default())
	client, err := newReadClient(config.Connection)
	if err != nil {
		return fmt.Errorf("tail Kafka topics: %w", err)
	}
	defer client.close()
	client.counts = new(knownCounts)
	t := &tail{client: client, config: config, outage: newOutage(config.Logger), readers: make(map[topicPartition]struct{}), stalled: make(map[any]struct{})}
	t.outage.onFailed = t.stall
	defer t.running.Wait()
	t.run(ctx)
	return nil
}

func (c TailConfig) check() error {
	var faults []error
	if len(c.Topics) == 0 {
		faults = append(faults, errors.New("topics: none given: name at least one"))
	}
	if c.Handle == nil {
		faults = append(faults, errors.New("handle: missing: give the function that takes the messages"))
	}
	return errors.Join(append(faults, c.Connection.Check())...)
}

type tail struct {
	client  *readClient // for questions; each partition is read by one of its own
	config  TailConfig
	outage  *outage
	readers map[topicPartition]struct{} // only used by run
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows, and is held while a callback runs
	unread int        // partitions whose first end has not been reached
	// stalled are the parts that an outage has stopped and that have not caught
	// up since: partitions, and the list of them.
	stalled map[any]struct{}
}

func (t *tail) run(ctx context.Context) {
	backoff := newBackoff()
	for first := true; ctx.Err() == nil; {
		partitions, err := t.client.locate(ctx, t.config.Topics)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			t.outage.failed("topics", err)
			backoff.Wait(ctx)
			continue
		}
		t.outage.recovered("topics")
		t.resume("topics")
		backoff.Reset()
		t.start(ctx, partitions, first)
		first = false
		retry.Pause(ctx, partitionCheck)
	}
}

// start reads the partitions that are not read yet. Those that come later are
// read from their beginning, and do not count for having caught up.
func (t *tail) start(ctx context.Context, partitions map[topicPartition]location, first bool) {
	if first {
		t.unread = len(partitions)
	}
	for at := range partitions {
		if _, ok := t.readers[at]; ok {
			continue
		}
		t.readers[at] = struct{}{}
		t.running.Go(func() { t.readPartition(ctx, at, first) })
	}
}

func (t *tail) readPartition(ctx context.Context, at topicPartition, first bool) {
	offset, end := int64(firstOffset), int64(-1)
	for backoff := newBackoff(); first && ctx.Err() == nil; backoff.Wait(ctx) {
		var err error
		if offset, err = t.begin(ctx, at); err == nil {
			break
		}
		t.outage.failed(at, fmt.Errorf("find where to begin in %s partition %d: %w", at.topic, at.partition, t.config.Connection.explain(err)))
	}
	f := fetcher{connection: t.config.Connection, logger: t.config.Logger, outage: t.outage, topicPartition: at, counts: t.client.counts}
	f.run(ctx, offset, func(fetched batch) bool {
		if end < 0 {
			end = fetched.end // where the partition ended when it was read first
		}
		for _, message := range fetched.messages {
			if !t.handle(ctx, message) {
				return false
			}
		}
		if first && fetched.next >= end {
			first = false
			t.caughtUp()
		}
		if fetched.next >= fetched.end {
			t.resume(at)
		}
		return true
	})
}

// begin returns where to begin in a partition.
func (t *tail) begin(ctx context.Context, at topicPartition) (int64, error) {
	lookBack, own := t.config.LookBackOf[at.topic]
	if !own {
		lookBack = t.config.LookBack
	}
	switch {
	case t.config.OnlyNew:
		return t.client.offset(ctx, at, endOffset, readCommitted)
	case lookBack > 0:
		return t.client.lookBack(ctx, at, lookBack)
	}
	return firstOffset, nil
}

func (t *tail) handle(ctx context.Context, message Message) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	t.config.Handle(message)
	return true
}

func (t *tail) caughtUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unread--
	if t.unread == 0 && t.config.CaughtUp != nil {
		t.config.CaughtUp()
	}
}

// stall notes that an outage has stopped a part of the tail.
func (t *tail) stall(part any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.stalled[part]; ok {
		return
	}
	t.stalled[part] = struct{}{}
	if len(t.stalled) == 1 && t.config.Behind != nil {
		t.config.Behind(time.Now())
	}
}

// resume notes that a part has caught up, if it was stalled.
func (t *tail) resume(part any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.stalled[part]; !ok {
		return
	}
	delete(t.stalled, part)
	if len(t.stalled) == 0 && t.config.Behind != nil {
		t.config.Behind(time.Time{})
	}
}
