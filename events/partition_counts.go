package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/kitchen"
)

// A topic that gets more partitions moves keys, and what was written before stays
// where it is. So a message is judged by how many partitions there were when it
// was written. All readers must agree on that, also after a restart, so Kafka keeps
// it: ApplyTopics writes it, and whoever reads orders' messages reads it first.

// noticeTime is longer than any process of the factory takes to notice what is
// noted, or that there are more partitions (metadataTTL, and partitionWatch or
// partitionCheck).
const noticeTime = 20 * time.Second

// partitionCount says over how many partitions of a topic keys were spread, from
// one offset of a partition to another. JSON is what Kafka keeps.
//
// When partitions are added, From is the end of the partition before that, noted
// early enough for every reader to know, and Until its end once every process
// has noticed. Between the two either number may have been used. If another tool
// has added them, it is not known from when on the new number holds, and it gets
// the old one's From.
type partitionCount struct {
	Partitions int    `json:"partitions"`
	From       int64  `json:"from,omitempty"`
	Until      *int64 `json:"until,omitempty"` // nil while it holds
}

func (c partitionCount) covers(offset int64) bool {
	return offset >= c.From && (c.Until == nil || offset < *c.Until)
}

// countHistory is what is noted of one partition: the numbers of partitions that
// its topic had, in their order. It is never changed in place.
type countHistory []partitionCount

// announce notes that the topic is about to have another number of partitions.
// The partition ends at end.
func (h countHistory) announce(present, next int, end int64) countHistory {
	return append(h.confirm(present, end), partitionCount{Partitions: next, From: end})
}

// confirm notes that by now everybody has noticed the present number.
func (h countHistory) confirm(present int, end int64) countHistory {
	// Partitions are never taken away. A higher number was announced, and then the
	// partitions were not added.
	h = slices.DeleteFunc(slices.Clone(h), func(c partitionCount) bool { return c.Partitions > present })
	if len(h) == 0 {
		return countHistory{{Partitions: present}}
	}
	if last := h[len(h)-1]; last.Partitions != present {
		h = append(h, partitionCount{Partitions: present, From: last.From})
	}
	for i := range h[:len(h)-1] {
		if h[i].Until == nil {
			h[i].Until = &end
		}
	}
	return h
}

// isConfirmed reports whether nothing has to be noted.
func (h countHistory) isConfirmed(present int) bool {
	return len(h) == 0 || reflect.DeepEqual(h.confirm(present, -1), h)
}

// isKeyedByOrder reports whether a topic's messages count only in the partition
// of their order's id.
func isKeyedByOrder(topic string) bool {
	return topic == TopicAcks || slices.ContainsFunc(kitchen.Stages(), func(stage kitchen.Stage) bool { return topic == TicketTopic(stage) })
}

// knownCounts is what a reader knows of its topics.
type knownCounts struct {
	mu     sync.Mutex // guards topics
	topics map[string]topicCounts
}

type topicCounts struct {
	present   int
	histories map[int]countHistory // by partition
}

func newTopicCounts(present int, histories map[int]countHistory) topicCounts {
	known := topicCounts{present: present, histories: make(map[int]countHistory)}
	for partition, history := range histories {
		if n := len(history); n > 0 && history[n-1].Partitions < present { // another tool has added some
			history = append(history, partitionCount{Partitions: present, From: history[n-1].From})
		}
		known.histories[partition] = history
	}
	return known
}

// at returns the numbers of partitions over which keys may have been spread when a
// message was written, in the order in which the topic had them; nil for a topic
// that is not known.
func (k *knownCounts) at(tp topicPartition, offset int64) []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, ok := k.topics[tp.topic]
	if !ok {
		return nil
	}
	var counts []int
	for _, count := range known.histories[tp.partition] {
		if count.covers(offset) {
			counts = append(counts, count.Partitions)
		}
	}
	if len(counts) == 0 {
		return []int{known.present}
	}
	return counts
}

// update learns how many partitions topics have now, and what is noted. While the
// group's coordinator is away, a reader goes on with what it knows already.
func (k *knownCounts) update(ctx context.Context, c *readClient, present map[string]int) error {
	noted, err := c.readCountHistories(ctx, present)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.topics == nil {
		k.topics = make(map[string]topicCounts)
	}
	for topic, count := range present {
		switch {
		case err == nil:
			k.topics[topic] = newTopicCounts(count, noted[topic])
		case k.topics[topic].present != count:
			return err
		}
	}
	return nil
}

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

// writeCountHistories announces that the topics in changes are about to have more
// partitions. Without changes it confirms that everybody has noticed how many
// partitions each topic has.
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
