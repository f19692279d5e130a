package events

import (
	"cmp"
	"context"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/internal/retry"
)

const (
	// commitTimeout bounds a commit, which a rebalance waits for.
	commitTimeout = 5 * time.Second
	// commitInterval keeps commits apart under load; the first after a
	// pause goes out at once.
	commitInterval = 100 * time.Millisecond
)

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
