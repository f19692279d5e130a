package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/internal/retry"
)

const (
	// heartbeatInterval is also how soon a member hears of a rebalance, so a
	// new member waits about this long for its first partitions.
	heartbeatInterval = time.Second
	// rebalanceTimeout is how long a rebalance waits for a member that is
	// alive but does not join again.
	rebalanceTimeout = 15 * time.Second
	// partitionWatch is how often added partitions are looked for, and the ends of
	// those that are not read on.
	partitionWatch = 5 * time.Second
	// leaveTimeout bounds how long leaving the group may hold up a stop.
	leaveTimeout = 3 * time.Second
	// commitTimeout bounds a commit, which a rebalance waits for.
	commitTimeout = 5 * time.Second
	// commitInterval keeps commits apart under load; the first after a
	// pause goes out at once.
	commitInterval = 100 * time.Millisecond
)

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
		kgo.Balancers(c.balancer()),
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

// balancer is the one that every client offers, under a name of its own if the group is
// not for everybody: members that have no name in common cannot share a group.
func (c *Consumer) balancer() kgo.GroupBalancer {
	balancer := kgo.RangeBalancer()
	if c.config.Ours == nil {
		return balancer
	}
	return namedBalancer{balancer, balancer.ProtocolName() + "-" + c.config.Ours()}
}

type namedBalancer struct {
	kgo.GroupBalancer
	name string
}

// ProtocolName implements kgo.GroupBalancer.
func (b namedBalancer) ProtocolName() string { return b.name }

// assign makes the partitions in hand those of a new generation. What stays
// goes on undisturbed if the group's offset allows it.
func (c *Consumer) assign(assignments map[string]map[int32]kgo.Offset) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.member, c.generation = c.client.GroupMetadata()
	assigned := make(map[string][]int)
	offsets := make(map[topicPartition]int64)
	for topic, partitions := range assignments {
		for number, offset := range partitions {
			offsets[topicPartition{topic, int(number)}] = offset.EpochOffset().Offset
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
	c.outage.recovered("group")
	c.logger.Info("Partitions assigned", "generation", c.generation, "partitions", assigned)
	if c.config.OnRebalance != nil {
		c.config.OnRebalance(assigned)
	}
	c.joined.Store(true)
	c.once.Do(func() { close(c.ready) })
	signal(c.drained)
	signal(c.progress)
}

// reread begins anew with a partition that is still in our hands. In the
// middle of a rebalance the next generation says whether it goes on.
func (c *Consumer) reread(old *partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.partitions[old.topicPartition] != old {
		return
	}
	old.cancel()
	delete(c.partitions, old.topicPartition)
	if c.stopping {
		signal(c.drained)
		return
	}
	p := old.successor()
	c.partitions[old.topicPartition] = p
	c.running.Go(p.run)
}

// pause stops handing out until the next generation says what is still ours.
func (c *Consumer) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.partitions {
		p.pause()
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

// logErrors logs what keeps this member from taking part in the group.
func (c *Consumer) logErrors() {
	ctx := c.client.Context()
	for backoff := newBackoff(); ctx.Err() == nil; backoff.Wait(ctx) {
		if _, err := c.client.locate(ctx, c.config.Topics); err != nil {
			c.outage.failed("topics", err)
			continue
		}
		c.outage.recovered("topics")
		break
	}
	for ctx.Err() == nil {
		c.client.PollFetches(ctx).EachError(func(topic string, partition int32, err error) {
			var session *kgo.ErrGroupSession
			switch err = c.config.Connection.explain(err); {
			case ctx.Err() != nil:
			case errors.As(err, &session):
				if errors.Is(err, kerr.InconsistentGroupProtocol) {
					err = fmt.Errorf("its members are not of our kind, so they would take a part of what each needs whole: give this process a group of its own (%w)", err)
				}
				c.outage.failed("group", fmt.Errorf("take part in group %q: %w", c.config.Group, err))
			default:
				c.logger.Warn("A partition cannot be read by the group", "topic", topic, "partition", partition, "error", err)
			}
		})
	}
}

// watchPartitions notices in time that partitions are about to be added, and how the
// lag grows of those of which nothing is read.
func (c *Consumer) watchPartitions() {
	for ctx := c.client.Context(); retry.Pause(ctx, partitionWatch); {
		_, _ = c.client.locate(ctx, c.config.Topics) // a failure is logged by those who cannot do without
		c.mu.Lock()
		held := maps.Clone(c.partitions)
		c.mu.Unlock()
		for at, p := range held {
			if !p.isStill() {
				continue
			}
			if end, err := c.client.offset(ctx, at, endOffset, readUncommitted); err == nil {
				p.setEnd(end)
			}
		}
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
		retry.Pause(ctx, commitInterval)
	}
}

// commit moves the group's offset to the first unfinished message of each
// partition. The broker refuses it if the generation is over.
func (c *Consumer) commit() error {
	c.committing.Lock()
	defer c.committing.Unlock()
	c.mu.Lock()
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.MemberID, request.Generation = c.config.Group, c.member, c.generation
	held := maps.Clone(c.partitions)
	c.mu.Unlock()
	offsets := make(map[topicPartition]int64)
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
			at := topicPartition{cmp.Or(topic.Topic, names[topic.TopicID]), int(partition.Partition)}
			held[at].setCommitted(offsets[at])
			if c.config.OnCommitted != nil {
				c.config.OnCommitted(at.topic, at.partition, offsets[at])
			}
		}
	}
	return err
}
