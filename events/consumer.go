package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	kafka "github.com/segmentio/kafka-go"
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
	joinBackoff      = 250 * time.Millisecond
	// partitionWatch is how often added partitions are looked for.
	partitionWatch = 5 * time.Second
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
}

// Consumer is one member of a consumer group; doc.go tells what it promises.
type Consumer struct {
	config ConsumerConfig
	client *client
	logger *slog.Logger
	outage *outage

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
	// partitionCount is how many partitions there were before joining.
	partitionCount atomic.Int64

	// mu protects what follows. It may be held while a partition's is taken,
	// never the other way round.
	mu         sync.Mutex
	generation *kafka.Generation
	partitions map[place]*partition
	stopping   bool
}

// NewConsumer checks the settings, all at once. It does not dial.
func NewConsumer(config ConsumerConfig) (*Consumer, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("make a Kafka consumer: %w", err)
	}
	config.setDefaults()
	client, err := newClient(config.Connection, config.Topics)
	if err != nil {
		return nil, fmt.Errorf("make a Kafka consumer of group %q: %w", config.Group, err)
	}
	logger := config.Logger.With("group", config.Group)
	c := &Consumer{
		client: client, config: config, logger: logger, outage: newOutage(logger),
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

// Run delivers messages until the context ends. Then it hands out nothing
// more, waits up to StopWait for what is in hand, commits, and leaves the
// group, so that others take over at once. It goes on by itself through every
// outage of Kafka and returns nil after a stop. It can be called once.
func (c *Consumer) Run(ctx context.Context) error {
	defer c.client.close()
	defer c.cancel()
	if !c.awaitTopics(ctx) {
		return nil
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		Brokers:           c.config.Connection.Brokers,
		Dialer:            c.client.groupDialer(),
		HeartbeatInterval: heartbeatInterval,
		ID:                c.config.Group,
		JoinGroupBackoff:  joinBackoff,
		RebalanceTimeout:  rebalanceTimeout,
		SessionTimeout:    c.config.SessionTimeout,
		StartOffset:       kafka.FirstOffset,
		Topics:            c.config.Topics,
	})
	if err != nil {
		return fmt.Errorf("join group %q: %w", c.config.Group, err)
	}
	member := make(chan struct{})
	go func() {
		defer close(member)
		c.takePart(group)
	}()
	<-ctx.Done()
	c.drain()
	c.cancel() // whoever gets the partitions next shall not find us at work
	c.leave(group)
	<-member
	c.awaitHandlers()
	return nil
}

// awaitTopics waits until every topic exists: joining before that would give
// an empty assignment. It returns false if the context ended.
func (c *Consumer) awaitTopics(ctx context.Context) bool {
	backoff := newBackoff()
	for {
		partitions, err := c.client.partitionsOf(ctx, c.config.Topics)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			c.partitionCount.Store(int64(len(partitions)))
			c.outage.over("topics")
			return true
		}
		c.outage.began("topics", err)
		backoff.wait(ctx)
	}
}

// takePart follows the group from generation to generation until it is closed.
func (c *Consumer) takePart(group *kafka.ConsumerGroup) {
	var memberID string
	var short shortLives
	for {
		generation, err := group.Next(context.Background())
		switch {
		case errors.Is(err, kafka.ErrGroupClosed):
			return
		case err != nil:
			c.outage.began("group", fmt.Errorf("take part in group %q: %w", c.config.Group, c.config.Connection.explain(err)))
			if !errors.Is(err, kafka.RebalanceInProgress) {
				c.buryMember(memberID)
				memberID = ""
			}
			continue
		}
		c.outage.over("group")
		memberID = generation.MemberID
		short.throttle()
		c.assign(generation)
		generation.Start(func(ctx context.Context) { c.follow(ctx, generation) })
		c.once.Do(func() { close(c.ready) })
	}
}

// buryMember takes the member that we were out of the group. After an error
// kafka-go joins as a new member; the broker would keep the old one's
// partitions for it until its session timeout, and everybody would wait.
func (c *Consumer) buryMember(memberID string) {
	if memberID == "" {
		return
	}
	c.running.Go(func() {
		// A broker that comes back counts the session from then on, so there
		// is no time after which this is needless; any answer ends it.
		backoff, ctx := newBackoff(), c.deliveries
		for ctx.Err() == nil {
			response, err := c.client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{
				GroupID: c.config.Group,
				Members: []kafka.LeaveGroupRequestMember{{ID: memberID}},
			})
			if err == nil && (response.Error == nil || errors.Is(response.Error, kafka.UnknownMemberId)) {
				return
			}
			backoff.wait(ctx)
		}
	})
}

// assign makes the partitions in hand those of the generation.
func (c *Consumer) assign(generation *kafka.Generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation = generation
	assigned := make(map[string][]int)
	offsets := make(map[place]int64)
	for topic, assignments := range generation.Assignments {
		for _, assignment := range assignments {
			offsets[place{topic, assignment.ID}] = assignment.Offset
			assigned[topic] = append(assigned[topic], assignment.ID)
		}
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
	c.logger.Info("Partitions assigned", "generation", generation.ID, "partitions", assigned)
	if c.config.OnRebalance != nil {
		c.config.OnRebalance(assigned)
	}
	signal(c.drained)
}

// follow commits what is finished for as long as the generation lasts. When it
// returns, kafka-go ends the generation and joins the next.
func (c *Consumer) follow(ctx context.Context, generation *kafka.Generation) {
	// Whatever has changed by now, the next generation takes into account.
	defer c.partitionsChanged()
	defer c.pause(generation)
	watch := time.NewTicker(partitionWatch)
	defer watch.Stop()
	pause := time.NewTimer(0) // between commits; while it lasts, progress is nil
	defer pause.Stop()
	var progress <-chan struct{}
	for {
		select {
		case <-ctx.Done():
			c.commitLast(generation)
			return
		case <-watch.C:
			if c.partitionsChanged() {
				c.logger.Info("Topics have got more or fewer partitions; joining the group again")
				c.commitLast(generation)
				return
			}
		case <-pause.C:
			progress = c.progress
		case <-progress:
			if err := c.commit(generation); err != nil {
				c.logger.Debug("A commit was refused; joining the group again", "error", err)
				signal(c.progress)
				return
			}
			progress = nil
			pause.Reset(commitInterval)
		}
	}
}

// partitionsChanged reports whether there are other partitions than when it was
// last asked, which is before each time the group is joined. kafka-go has a
// watch for that, but it first counts after joining, and so never sees what
// was added in between.
func (c *Consumer) partitionsChanged() bool {
	// Mostly answered from what the transport knows already. A generation must
	// not end late because Kafka is away.
	ctx, cancel := context.WithTimeout(c.deliveries, joinBackoff)
	defer cancel()
	partitions, err := c.client.partitionsOf(ctx, c.config.Topics)
	if err != nil {
		return false
	}
	return c.partitionCount.Swap(int64(len(partitions))) != int64(len(partitions))
}

// pause stops handing out until the next generation says what is still ours.
func (c *Consumer) pause(generation *kafka.Generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return // the next one is here already
	}
	for _, p := range c.partitions {
		p.pause()
	}
}

// commitLast hands out nothing more and commits at the end of a generation,
// where the broker may refuse it for being late; then the next generation does
// it, or the messages are delivered again.
func (c *Consumer) commitLast(generation *kafka.Generation) {
	c.pause(generation)
	if err := c.commit(generation); err != nil {
		c.logger.Debug("The last commit of a generation was refused", "error", err)
		signal(c.progress)
	}
}

func (c *Consumer) commit(generation *kafka.Generation) error {
	c.mu.Lock()
	if c.generation != generation {
		c.mu.Unlock()
		return nil
	}
	held := maps.Clone(c.partitions)
	c.mu.Unlock()
	offsets := make(map[string]map[int]int64)
	for at, p := range held {
		offset, ok := p.uncommitted()
		if !ok {
			continue
		}
		if offsets[at.topic] == nil {
			offsets[at.topic] = make(map[int]int64)
		}
		offsets[at.topic][at.partition] = offset
	}
	if err := generation.CommitOffsets(offsets); err != nil {
		return err
	}
	for topic, partitions := range offsets {
		for number, offset := range partitions {
			held[place{topic, number}].commit(offset)
			if c.config.OnCommitted != nil {
				c.config.OnCommitted(topic, number, offset)
			}
		}
	}
	return nil
}

// drain stops handing out and waits until nothing is in hand, up to StopWait.
// The generation goes on meanwhile: heartbeats are sent and what gets finished
// is committed.
func (c *Consumer) drain() {
	c.mu.Lock()
	c.stopping = true
	for _, p := range c.partitions {
		p.pause()
	}
	c.mu.Unlock()
	timer := time.NewTimer(max(c.config.StopWait, 0))
	defer timer.Stop()
	for {
		open := c.inHand()
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

func (c *Consumer) inHand() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := 0
	for _, p := range c.partitions {
		open += p.inHand()
	}
	return open
}

// leave ends the generation, which commits, and leaves the group. If Kafka does
// not answer, it breaks the connections and lets the session time out.
func (c *Consumer) leave(group *kafka.ConsumerGroup) {
	late := time.AfterFunc(leaveTimeout, func() {
		c.logger.Warn("Kafka did not confirm that this member left the group; its partitions move when its session times out")
		c.client.close()
	})
	defer late.Stop()
	_ = group.Close() // never fails
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

// shortLives slows down a group whose generations end as soon as they begin,
// as they do when the broker lets this member join but not commit: kafka-go
// would join again without a pause.
type shortLives struct {
	last  time.Time
	count int
}

func (s *shortLives) throttle() {
	if time.Since(s.last) > 2*heartbeatInterval {
		s.count = 0
	}
	s.count++
	if s.count > 5 {
		time.Sleep(heartbeatInterval)
	}
	s.last = time.Now()
}
