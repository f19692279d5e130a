package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultMaxInFlight    = 64
	defaultStopWait       = 10 * time.Second
	defaultSessionTimeout = 10 * time.Second
	// handlersTimeout bounds how long a stop waits for handlers whose context has
	// ended.
	handlersTimeout = 5 * time.Second
)

// ConsumerConfig says what a Consumer reads and who handles it.
type ConsumerConfig struct {
	Connection Connection
	// Group shares the partitions among its members and remembers how far they
	// are. A new group starts at the first message there is.
	Group  string
	Topics []string
	// Ours tells those that may share the group from others, for whom each needs all of
	// it: Kafka refuses a member that says something else than the first. Run asks for
	// it. Defaults to sharing with everybody.
	Ours func() string
	// Handle is called with each message, in the order of offsets within a
	// partition, one call at a time per partition and in parallel for
	// different ones. While it has not returned, its partition gets nothing
	// more. Its context carries the trace of the message; it ends when the
	// partition is taken away, is read again or was cut (see OnCut), or when the
	// consumer has stopped waiting for what is in hand. Handle must return soon after that. To hear of a stop
	// earlier, watch the context that was given to Run.
	Handle func(ctx context.Context, d *Delivery)
	// MaxInFlight is how many messages of one partition may be delivered but
	// not yet committable: everything from the first unfinished message on,
	// finished or not. It bounds memory and what a crash delivers again, and
	// it is the back-pressure: a message that is never finished stops its
	// partition after this many. Defaults to 64.
	MaxInFlight int
	// SessionTimeout is how long after its death a member's partitions go to
	// others. Brokers ask for at least 6 s unless told otherwise. Defaults to
	// 10 s.
	SessionTimeout time.Duration
	// StopWait is how long a stop waits for messages in hand to be finished.
	// Negative for not at all. Defaults to 10 s.
	StopWait time.Duration
	// Logger defaults to slog.Default().
	Logger *slog.Logger

	// StartAt says where a partition begins, for who keeps offsets elsewhere: in the
	// transaction that writes what was read, say. The group's offset then says nothing
	// of where to read, but is committed all the same, so that Kafka's own tools show
	// the lag. It is called when this member gets a partition, when its topic was
	// made anew (with another id), and after Delivery.Reread; one that stays with
	// this member goes on without. A partition that is not known begins at the first
	// message there is. On an error it is asked again, and says itself what is wrong.
	// Defaults to the group's offset.
	StartAt func(ctx context.Context, topic string, topicID [16]byte, partition int) (offset int64, known bool, err error)

	// OnCut is called when a partition of somebody who keeps offsets elsewhere ends
	// before the offset that comes next: its log was cut. The contexts of the deliveries
	// in hand have ended. It is called again until it returns nil; then StartAt is asked.
	// Defaults to reading on from the first message there is, as without StartAt.
	OnCut func(ctx context.Context, topic string, topicID [16]byte, partition int, first, end int64) error

	// OnFetched is called after each fetch with how many messages it brought
	// and the partition's high watermark.
	OnFetched func(topic string, partition, messages int, highWatermark int64)
	// OnCommitted is called with the offset that the group has committed in a
	// partition.
	OnCommitted func(topic string, partition int, offset int64)
	// OnRebalance is called with the partitions that this member now has.
	OnRebalance func(partitions map[string][]int)
	// OnJump is called when reading goes on elsewhere, because what came next is gone:
	// deleted by retention, or with its topic, which was made anew; or because the
	// log was cut, and then to lies before from.
	OnJump func(topic string, partition int, from, to int64)
	// OnHeldBack is called when an open transaction has held a partition back
	// for ten seconds, with the offset of its first message.
	OnHeldBack func(topic string, partition int, offset int64)
}

func (c *ConsumerConfig) check() error {
	var faults []error
	if c.Group == "" {
		faults = append(faults, errors.New("group: missing: give the consumer group's name"))
	}
	if len(c.Topics) == 0 {
		faults = append(faults, errors.New("topics: none given: name at least one"))
	}
	if c.Handle == nil {
		faults = append(faults, errors.New("handle: missing: give the function that takes the messages"))
	}
	if c.MaxInFlight < 0 {
		faults = append(faults, fmt.Errorf("max in flight: %d must be at least 1, or 0 for %d", c.MaxInFlight, defaultMaxInFlight))
	}
	if c.SessionTimeout != 0 && c.SessionTimeout < 3*heartbeatInterval {
		faults = append(faults, fmt.Errorf("session timeout: %s must be at least three heartbeats, %s", c.SessionTimeout, 3*heartbeatInterval))
	}
	return errors.Join(append(faults, c.Connection.Check())...)
}

func (c *ConsumerConfig) setDefaults() {
	c.MaxInFlight = cmp.Or(c.MaxInFlight, defaultMaxInFlight)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, defaultSessionTimeout)
	c.StopWait = cmp.Or(c.StopWait, defaultStopWait)
	c.Logger = cmp.Or(c.Logger, slog.Default())
}

// Consumer is one member of a consumer group; doc.go tells what it promises.
//
// franz-go joins, balances and sends heartbeats. The fetches are our own, since
// its polls tell nothing of records that are not there.
type Consumer struct {
	config ConsumerConfig
	client *readClient
	logger *slog.Logger
	outage *outage
	// counts are known of a topic before any of its partitions is read.
	counts knownCounts

	// deliveries is the parent of every delivery's context.
	deliveries context.Context
	cancel     context.CancelFunc
	// running counts the partitions' goroutines.
	running sync.WaitGroup
	// progress is signalled when there may be something to commit, drained
	// when there may be nothing in hand any more.
	progress chan struct{}
	drained  chan struct{}
	ready    chan struct{}
	once     sync.Once
	joined   atomic.Bool
	// committing is held during a commit, so that none overtakes another.
	committing sync.Mutex

	// mu guards what follows. A partition's mu may be taken while it is held, never
	// the other way round.
	mu         sync.Mutex
	member     string
	generation int32
	partitions map[topicPartition]*partition
	stopping   bool
}

// NewConsumer checks the settings, all at once. It does not dial.
func NewConsumer(config ConsumerConfig) (*Consumer, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("make a Kafka consumer: %w", err)
	}
	config.setDefaults()
	logger := config.Logger.With("group", config.Group)
	c := &Consumer{
		config: config, logger: logger, outage: newOutage(logger),
		drained: make(chan struct{}, 1), partitions: make(map[topicPartition]*partition),
		progress: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	c.deliveries, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Ready is closed once the group has given this member its first assignment,
// which may be empty when there are more members than partitions.
func (c *Consumer) Ready() <-chan struct{} { return c.ready }

// IsMember reports whether the group has given this member its share and has not
// put it out since. A rebalance that is under way changes nothing.
func (c *Consumer) IsMember() bool { return c.joined.Load() }

// Lag is how many messages this member's partitions have, by topic, that are not
// finished: those in hand and those that have not been read. It counts offsets, as
// Kafka's own tools do, so what was compacted away counts too. The lags of all members
// together are the group's.
func (c *Consumer) Lag() map[string]int64 {
	lag := make(map[string]int64, len(c.config.Topics))
	for _, topic := range c.config.Topics {
		lag[topic] = 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, p := range c.partitions {
		lag[at.topic] += p.lag()
	}
	return lag
}

// Run delivers messages until the context ends. Then it hands out nothing
// more, waits up to StopWait for what is in hand, commits, and leaves the
// group, so that others take over at once. It goes on by itself through every
// outage of Kafka and returns nil after a stop. It can be called once.
func (c *Consumer) Run(ctx context.Context) error {
	defer c.cancel()
	var err error
	c.mu.Lock() // it joins at once, and an assignment must find the client
	c.client, err = newReadClient(c.config.Connection, c.groupOptions()...)
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("join group %q: %w", c.config.Group, err)
	}
	c.client.counts = &c.counts
	var helpers sync.WaitGroup
	helpers.Go(c.logErrors)
	helpers.Go(c.commitFinished)
	helpers.Go(c.watchPartitions)
	<-ctx.Done()
	c.drain()
	c.cancel() // before others get the partitions
	c.leave()
	c.client.close()
	helpers.Wait()
	c.awaitHandlers()
	return nil
}

// drain stops handing out and waits until nothing is in hand, up to StopWait.
// The generation goes on meanwhile: heartbeats are sent and what gets finished
// is committed.
func (c *Consumer) drain() {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	c.pause()
	timer := time.NewTimer(max(c.config.StopWait, 0))
	defer timer.Stop()
	for {
		open := 0
		c.mu.Lock()
		for _, p := range c.partitions {
			open += p.inHand()
		}
		c.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-timer.C:
			c.logger.Info("Stopping with messages in hand; they will be delivered again", "messages", open)
			return
		case <-c.drained:
		}
	}
}

func (c *Consumer) awaitHandlers() {
	returned := make(chan struct{})
	go func() {
		c.running.Wait()
		close(returned)
	}()
	timer := time.NewTimer(handlersTimeout)
	defer timer.Stop()
	select {
	case <-returned:
	case <-timer.C:
		c.logger.Error("A handler goes on although its context has ended; leaving it behind")
	}
}
