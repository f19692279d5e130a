package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	kafka "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// GroupPartitionCounts is a consumer group without members. The metadata of its
// offsets tells how many partitions a topic had when older messages were written.
const GroupPartitionCounts = "cupcake-placings"

// readCountHistories reads what is noted, by topic and partition. present is how
// many partitions the topics have.
func (c *readClient) readCountHistories(ctx context.Context, present map[string]int) (map[string]map[int]countHistory, error) {
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = GroupPartitionCounts
	for topic, count := range present {
		if !isKeyedByOrder(topic) {
			continue
		}
		asked := kmsg.NewOffsetFetchRequestTopic()
		asked.Topic = topic
		for partition := range count {
			asked.Partitions = append(asked.Partitions, int32(partition))
		}
		request.Topics = append(request.Topics, asked)
	}
	if len(request.Topics) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	response, err := request.RequestWith(ctx, c)
	if err == nil {
		err = kerr.ErrorForCode(response.ErrorCode)
	}
	switch {
	case errors.Is(err, kerr.GroupIDNotFound):
		return nil, nil // nothing has been noted yet
	case err != nil:
		return nil, c.connection.explainPartitionCounts("read", err)
	}
	noted := make(map[string]map[int]countHistory)
	for _, topic := range response.Topics {
		noted[topic.Topic] = make(map[int]countHistory)
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return nil, c.connection.explainPartitionCounts("read", err)
			}
			if partition.Offset < 0 || partition.Metadata == nil {
				continue // nothing noted
			}
			var history countHistory
			if err := json.Unmarshal([]byte(*partition.Metadata), &history); err != nil || len(history) == 0 || slices.ContainsFunc(history, func(c partitionCount) bool { return c.Partitions < 1 }) {
				return nil, fmt.Errorf("group %q has a note for %s partition %d that is not ours: delete the group with kafka-consumer-groups.sh, then run `cupcakery topics apply`",
					GroupPartitionCounts, topic.Topic, partition.Partition)
			}
			noted[topic.Topic][int(partition.Partition)] = history
		}
	}
	return noted, nil
}

// writeCountHistories announces of the topics in changes that they are about to
// have more partitions. Without changes it confirms of all topics that everybody
// has noticed how many they have.
func (c topicAdmin) writeCountHistories(ctx context.Context, states map[string]topicState, changes []TopicChange) error {
	request := kafka.OffsetCommitRequest{GroupID: GroupPartitionCounts, GenerationID: -1, Topics: make(map[string][]kafka.OffsetCommit)}
	next := make(map[string]int)
	for _, change := range changes {
		next[change.Topic] = change.Partitions
	}
	for topic, state := range states {
		if !isKeyedByOrder(topic) || (len(changes) > 0 && next[topic] == 0) {
			continue
		}
		for partition := range state.partitions {
			var end int64
			history := state.counts[partition]
			if len(changes) > 0 || !history.isConfirmed(state.partitions) {
				var err error
				if end, err = c.reader.offset(ctx, topicPartition{topic, partition}, endOffset, readUncommitted); err != nil {
					return fmt.Errorf("find the end of %s partition %d: %w", topic, partition, c.connection.explain(err))
				}
			}
			if len(changes) > 0 {
				history = history.announce(state.partitions, next[topic], end)
			} else {
				history = history.confirm(state.partitions, end)
			}
			metadata, _ := json.Marshal(history) // numbers, which cannot fail
			request.Topics[topic] = append(request.Topics[topic], kafka.OffsetCommit{Partition: partition, Offset: end, Metadata: string(metadata)})
		}
	}
	if len(request.Topics) == 0 {
		return nil
	}
	response, err := c.OffsetCommit(ctx, &request)
	if err != nil {
		return c.connection.explainPartitionCounts("write", err)
	}
	for _, partitions := range response.Topics {
		for _, partition := range partitions {
			if partition.Error != nil {
				return c.connection.explainPartitionCounts("write", partition.Error)
			}
		}
	}
	return nil
}

func (c Connection) explainPartitionCounts(verb string, err error) error {
	if errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kafka.GroupAuthorizationFailed) {
		return fmt.Errorf("%s how many partitions the topics had: allow this user to READ group %q: %w", verb, GroupPartitionCounts, err)
	}
	return fmt.Errorf("%s how many partitions the topics had (group %q): %w", verb, GroupPartitionCounts, c.explain(err))
}
