package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	kafka "github.com/segmentio/kafka-go"
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
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	client, err := newClient(config.Connection, config.Topics)
	if err != nil {
		return fmt.Errorf("tail Kafka topics: %w", err)
	}
	defer client.close()
	t := &tail{client: client, config: config, outage: newOutage(config.Logger), readers: make(map[place]struct{}), lost: make(map[any]struct{})}
	t.outage.onBegan = t.lose
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
	client  *client
	config  TailConfig
	outage  *outage
	readers map[place]struct{} // only used by run
	running sync.WaitGroup

	mu     sync.Mutex // held while a callback runs
	behind int        // partitions that have not caught up
	// lost are the parts that an outage has stopped and that have not caught
	// up since: partitions, and the list of them.
	lost map[any]struct{}
}

func (t *tail) run(ctx context.Context) {
	backoff := newBackoff()
	for first := true; ctx.Err() == nil; {
		partitions, err := t.client.partitionsOf(ctx, t.config.Topics)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			t.outage.began("topics", err)
			backoff.wait(ctx)
			continue
		}
		t.outage.over("topics")
		t.regain("topics")
		backoff.reset()
		t.start(ctx, partitions, first)
		first = false
		select {
		case <-ctx.Done():
		case <-time.After(partitionCheck):
		}
	}
}

// start reads the partitions that are not read yet. Those that come later are
// read from their beginning, and do not count for having caught up.
func (t *tail) start(ctx context.Context, partitions []place, first bool) {
	if first {
		t.behind = len(partitions)
	}
	for _, at := range partitions {
		if _, ok := t.readers[at]; ok {
			continue
		}
		t.readers[at] = struct{}{}
		t.running.Go(func() { t.read(ctx, at, first) })
	}
}

func (t *tail) read(ctx context.Context, at place, first bool) {
	start, end := int64(kafka.FirstOffset), int64(-1)
	if first {
		var ok bool
		if start, end, ok = t.bounds(ctx, at); !ok {
			return
		}
		if start >= end {
			t.caughtUp()
			t.regain(at)
			end = -1
		}
	}
	f := fetcher{client: t.client, logger: t.config.Logger, outage: t.outage, place: at}
	f.run(ctx, start, func(fetched batch) bool {
		for _, message := range fetched.messages {
			if !t.handle(ctx, message) {
				return false
			}
		}
		if end >= 0 && fetched.next >= end {
			t.caughtUp()
			end = -1
		}
		if fetched.next >= fetched.highWatermark {
			t.regain(at)
		}
		return true
	})
}

// bounds returns where to start and where the partition ends now.
func (t *tail) bounds(ctx context.Context, at place) (start, end int64, ok bool) {
	backoff := newBackoff()
	for {
		var err error
		end, err = t.client.offset(ctx, at, kafka.LastOffset)
		switch {
		case err != nil:
		case t.config.OnlyNew:
			start = end
		case t.config.LookBack == 0:
			start, err = t.client.offset(ctx, at, kafka.FirstOffset)
		default:
			start, err = t.client.offsetAt(ctx, at, time.Now().Add(-t.config.LookBack))
		}
		if ctx.Err() != nil {
			return 0, 0, false
		}
		if err == nil {
			t.outage.over(at)
			return start, end, true
		}
		t.outage.began(at, fmt.Errorf("find the bounds of %s partition %d: %w", at.topic, at.partition, err))
		backoff.wait(ctx)
	}
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
	t.behind--
	if t.behind == 0 && t.config.CaughtUp != nil {
		t.config.CaughtUp()
	}
}

// lose notes that an outage has stopped a part of the tail.
func (t *tail) lose(part any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.lost[part]; ok {
		return
	}
	t.lost[part] = struct{}{}
	if len(t.lost) == 1 && t.config.Behind != nil {
		t.config.Behind(time.Now())
	}
}

// regain notes that a part has caught up, if it was lost.
func (t *tail) regain(part any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.lost[part]; !ok {
		return
	}
	delete(t.lost, part)
	if len(t.lost) == 0 && t.config.Behind != nil {
		t.config.Behind(time.Time{})
	}
}

// partitionsOf lists the partitions of the topics, or says which is missing.
func (c *client) partitionsOf(ctx context.Context, topics []string) ([]place, error) {
	response, err := c.Metadata(ctx, &kafka.MetadataRequest{Topics: topics})
	if err != nil {
		return nil, c.connection.explain(err)
	}
	var places []place
	for _, topic := range response.Topics {
		switch {
		case isMissingTopic(topic.Error):
			return nil, fmt.Errorf("topic %q does not exist: run `cupcakery topics apply`", topic.Name)
		case topic.Error != nil:
			return nil, fmt.Errorf("topic %q: %w", topic.Name, topic.Error)
		case len(topic.Partitions) == 0:
			return nil, fmt.Errorf("topic %q has no partitions yet", topic.Name)
		}
		for _, partition := range topic.Partitions {
			places = append(places, place{topic.Name, partition.ID})
		}
	}
	return places, nil
}
