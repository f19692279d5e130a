package events

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// handlersTimeout bounds how long a stop waits for handlers whose context has
// ended.
const handlersTimeout = 5 * time.Second

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
	helpers.Go(c.watchPartitionCounts)
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
