package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

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
	client, err := newReadClient(config.Connection, config.Logger)
	if err != nil {
		return fmt.Errorf("tail Kafka topics: %w", err)
	}
	defer client.close()
	t := &tail{config: config, outage: newOutage(config.Logger), tailed: make(map[place]struct{}), lost: make(map[any]struct{})}
	t.outage.onBegan = t.lose
	t.reader = newReader(ctx, client, config.Logger, t.outage, config.Topics)
	t.reader.watch(t.start)
	t.running.Wait()
	t.reader.running.Wait()
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
	config  TailConfig
	outage  *outage
	reader  *reader
	tailed  map[place]struct{} // only used by start; nil before the first
	running sync.WaitGroup

	mu     sync.Mutex // held while a callback runs
	behind int        // partitions that have not caught up
	// lost are the parts that an outage has stopped and that have not caught
	// up since: partitions, and the list of them.
	lost map[any]struct{}
}

// start reads the partitions that are not read yet. Those that come later are
// read from their beginning, and do not count for having caught up.
func (t *tail) start(found map[place]location) {
	t.regain("topics")
	first := len(t.tailed) == 0
	if first {
		t.behind = len(found)
	}
	var asked sync.WaitGroup
	for at, where := range found {
		if _, ok := t.tailed[at]; ok {
			continue
		}
		t.tailed[at] = struct{}{}
		asked.Add(1)
		t.running.Go(func() { t.read(at, where, first, &asked) })
	}
}

// read waits until all have asked once where to begin, since a poll that has
// begun would hold up their questions.
func (t *tail) read(at place, where location, first bool, asked *sync.WaitGroup) {
	ctx, offset := t.reader.ctx, int64(firstOffset)
	if first {
		asking := sync.OnceFunc(asked.Done)
		defer asking()
		backoff := newBackoff()
		for {
			var err error
			if offset, err = t.begin(at, where); err == nil {
				break
			}
			asking()
			if ctx.Err() != nil {
				return
			}
			t.outage.began(at, fmt.Errorf("find where to begin in %s partition %d: %w", at.topic, at.partition, t.reader.client.connection.explain(err)))
			backoff.wait(ctx)
			if now, err := t.reader.client.locate(ctx, []string{at.topic}); err == nil {
				where = now[at]
			}
		}
		asking()
		asked.Wait()
	}
	end := int64(-1) // where the partition ended when it was read first
	t.reader.read(ctx, at, offset, nil, func(fetched batch) bool {
		if end < 0 {
			end = fetched.end
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
			t.regain(at)
		}
		return true
	})
}

// begin returns where to begin in a partition.
func (t *tail) begin(at place, where location) (int64, error) {
	switch {
	case t.config.OnlyNew:
		offset, _, err := t.reader.client.offset(t.reader.ctx, at, endOffset, readCommitted)
		return offset, err
	case t.config.LookBack > 0:
		return t.reader.client.lookBack(t.reader.ctx, at, where, t.config.LookBack)
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
