package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	defaultMaxInFlight    = 64
	defaultStopWait       = 10 * time.Second
	defaultSessionTimeout = 10 * time.Second

	// heartbeatInterval is also how soon a member hears of a rebalance, so a
	// new member waits about this long for its first partitions.
	heartbeatInterval = time.Second
	// rebalanceTimeout is how long a rebalance waits for a member that is
	// alive but does not join again.
	rebalanceTimeout = 15 * time.Second
	// partitionWatch is how often added partitions are looked for.
	partitionWatch = 5 * time.Second
	// commitTimeout bounds a commit, which a rebalance waits for.
	commitTimeout = 5 * time.Second
	// commitInterval keeps commits apart under load; the first after a
	// pause goes out at once.
	commitInterval = 100 * time.Millisecond
	// leaveTimeout bounds how long leaving the group may hold up a stop.
	leaveTimeout = 3 * time.Second
	// handlersTimeout bounds how long a stop waits for handlers whose
	// context has ended.
	handlersTimeout = 5 * time.Second
)

// ConsumerConfig says what a Consumer reads and who handles it.
type ConsumerConfig struct {
	Connection Connection
	// Group shares the partitions among its members and remembers its place.
	// A new group starts at the first message there is.
	Group  string
	Topics []string
	// Handle is called with each message, in the order of offsets within a
	// partition, one call at a time per partition and in parallel for
	// different ones. While it has not returned, its partition gets nothing
	// more. Its context carries the trace of the message; it ends when the
	// partition is taken away, or when the consumer has stopped waiting for
	// what is in hand. Handle must return soon after that. To hear of a stop
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

	// OnFetched is called after each fetch with how many messages it brought
	// and the partition's high watermark.
	OnFetched func(topic string, partition, messages int, highWatermark int64)
	// OnCommitted is called with the group's new place in a partition.
	OnCommitted func(topic string, partition int, offset int64)
	// OnRebalance is called with the partitions that this member now has.
	OnRebalance func(partitions map[string][]int)
	// OnHeldBack is called when an open transaction has held a partition back
	// for ten seconds, with the offset of its first message.
	OnHeldBack func(topic string, partition int, offset int64)
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
	// placings are known of a topic before any of its partitions is read.
	placings placings

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

	// mu protects what follows. It may be held while a partition's is taken,
	// never the other way round.
	mu         sync.Mutex
	member     string
	generation int32
	partitions map[place]*partition
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
		drained: make(chan struct{}, 1), partitions: make(map[place]*partition),
		progress: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	c.deliveries, c.cancel = context.WithCancel(context.Background())
	return c, nil
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
	if c.MaxInFlight == 0 {
		c.MaxInFlight = defaultMaxInFlight
	}
	if c.SessionTimeout == 0 {
		c.SessionTimeout = defaultSessionTimeout
	}
	if c.StopWait == 0 {
		c.StopWait = defaultStopWait
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
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
	c.client.placings = &c.placings
	var helpers sync.WaitGroup
	helpers.Go(c.tellErrors)
	helpers.Go(c.commitFinished)
	helpers.Go(c.watchPlacings)
	<-ctx.Done()
	c.drain()
	c.cancel() // whoever gets the partitions next shall not find us at work
	c.leave()
	c.client.close()
	helpers.Wait()
	c.awaitHandlers()
	return nil
}

func (c *Consumer) groupOptions() []kgo.Opt {
	return []kgo.Opt{
		// It fetches nothing itself.
		kgo.AdjustFetchOffsetsFn(func(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			if ctx.Err() != nil {
				return nil, ctx.Err() // the next rebalance has begun meanwhile
			}
			c.assign(offsets)
			return nil, nil
		}),
		kgo.Balancers(kgo.RangeBalancer()), // which every client offers
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeTopics(c.config.Topics...),
		kgo.ConsumerGroup(c.config.Group),
		kgo.DisableAutoCommit(),
		kgo.HeartbeatInterval(heartbeatInterval),
		kgo.MetadataMaxAge(partitionWatch),
		kgo.MetadataMinAge(shortestWait),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, assigned map[string][]int32) {
			if len(assigned) == 0 { // there are no offsets to be fetched
				c.assign(nil)
			}
		}),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) {
			c.joined.Store(false)
			c.pause()
		}),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) {
			c.pause()
			if err := c.commit(); err != nil {
				c.logger.Debug("The last commit of a generation was refused", "error", err)
			}
		}),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.RequestRetries(20), // as long as a session lasts, a member is one
		kgo.SessionTimeout(c.config.SessionTimeout),
	}
}

// tellErrors logs what keeps this member from taking part in the group.
func (c *Consumer) tellErrors() {
	ctx := c.client.Context()
	for backoff := newBackoff(); ctx.Err() == nil; backoff.Wait(ctx) {
		if _, err := c.client.locate(ctx, c.config.Topics); err != nil {
			c.outage.began("topics", err)
			continue
		}
		c.outage.over("topics")
		break
	}
	for ctx.Err() == nil {
		c.client.PollFetches(ctx).EachError(func(topic string, partition int32, err error) {
			var session *kgo.ErrGroupSession
			switch err = c.config.Connection.explain(err); {
			case ctx.Err() != nil:
			case errors.As(err, &session):
				c.outage.began("group", fmt.Errorf("take part in group %q: %w", c.config.Group, err))
			default:
				c.logger.Warn("A partition cannot be read by the group", "topic", topic, "partition", partition, "error", err)
			}
		})
	}
}

// watchPlacings notices in time that partitions are about to be added.
func (c *Consumer) watchPlacings() {
	ticker := time.NewTicker(partitionWatch)
	defer ticker.Stop()
	for ctx := c.client.Context(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_, _ = c.client.locate(ctx, c.config.Topics) // what has failed is said by those who cannot do without
		}
	}
}

// assign makes the partitions in hand those of a new generation. What stays
// goes on undisturbed if the group's place allows it.
func (c *Consumer) assign(assignments map[string]map[int32]kgo.Offset) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.member, c.generation = c.client.GroupMetadata()
	assigned := make(map[string][]int)
	offsets := make(map[place]int64)
	for topic, partitions := range assignments {
		for number, offset := range partitions {
			offsets[place{topic, int(number)}] = offset.EpochOffset().Offset
			assigned[topic] = append(assigned[topic], int(number))
		}
		slices.Sort(assigned[topic])
	}
	for at, held := range c.partitions {
		if offset, ok := offsets[at]; ok && (c.stopping || held.activate(offset)) {
			delete(offsets, at)
			continue
		}
		held.cancel()
		delete(c.partitions, at)
	}
	if !c.stopping {
		for at, offset := range offsets {
			p := newPartition(c, at, offset)
			c.partitions[at] = p
			c.running.Go(p.run)
		}
	}
	c.outage.over("group")
	c.logger.Info("Partitions assigned", "generation", c.generation, "partitions", assigned)
	if c.config.OnRebalance != nil {
		c.config.OnRebalance(assigned)
	}
	c.joined.Store(true)
	c.once.Do(func() { close(c.ready) })
	signal(c.drained)
	signal(c.progress)
}

// pause stops handing out until the next generation says what is still ours.
func (c *Consumer) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.partitions {
		p.pause()
	}
}

// commitFinished commits what is finished until the client is closed.
func (c *Consumer) commitFinished() {
	ctx, backoff := c.client.Context(), newBackoff()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.progress:
		}
		if err := c.commit(); err != nil {
			c.logger.Debug("A commit was refused; trying again", "error", err)
			signal(c.progress)
			backoff.Wait(ctx)
			continue
		}
		backoff.Reset()
		select {
		case <-ctx.Done():
		case <-time.After(commitInterval):
		}
	}
}

// commit moves the group's place to the first unfinished message of each
// partition. The broker refuses it if the generation is over.
func (c *Consumer) commit() error {
	c.committing.Lock()
	defer c.committing.Unlock()
	c.mu.Lock()
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.MemberID, request.Generation = c.config.Group, c.member, c.generation
	held := maps.Clone(c.partitions)
	c.mu.Unlock()
	offsets := make(map[place]int64)
	topics := make(map[string]*kmsg.OffsetCommitRequestTopic)
	names := make(map[[16]byte]string) // since version 10 answers have only ids
	for at, p := range held {
		offset, topicID, ok := p.uncommitted()
		if !ok {
			continue
		}
		offsets[at] = offset
		topic := topics[at.topic]
		if topic == nil {
			made := kmsg.NewOffsetCommitRequestTopic()
			topic, topics[at.topic] = &made, &made
			topic.Topic, topic.TopicID = at.topic, topicID
			names[topic.TopicID] = at.topic
		}
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset = int32(at.partition), offset
		topic.Partitions = append(topic.Partitions, partition)
	}
	if len(offsets) == 0 {
		return nil
	}
	for _, topic := range topics {
		request.Topics = append(request.Topics, *topic)
	}
	ctx, cancel := context.WithTimeout(c.client.Context(), commitTimeout)
	defer cancel()
	response, err := request.RequestWith(ctx, c.client)
	if err != nil {
		return err
	}
	for _, topic := range response.Topics {
		for _, partition := range topic.Partitions {
			if refused := kerr.ErrorForCode(partition.ErrorCode); refused != nil {
				err = refused
				continue
			}
			at := place{cmp.Or(topic.Topic, names[topic.TopicID]), int(partition.Partition)}
			held[at].commit(offsets[at])
			if c.config.OnCommitted != nil {
				c.config.OnCommitted(at.topic, at.partition, offsets[at])
			}
		}
	}
	return err
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

// leave leaves the group, after a last commit. If Kafka does not answer, it
// lets the session time out.
func (c *Consumer) leave() {
	if member, _ := c.client.GroupMetadata(); member == "" {
		return // Kafka has not heard of us
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := c.client.LeaveGroupContext(ctx); err != nil {
		c.logger.Warn("Kafka did not confirm that this member left the group; its partitions move when its session times out", "error", err)
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
