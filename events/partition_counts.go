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

// A topic that gets more partitions moves keys, and what was written before
// stays where it is. So that everybody judges it alike, also after a restart,
// Kafka keeps how many partitions a topic had up to which offset: as the
// metadata of the places of a consumer group that nobody joins. ApplyTopics
// writes it, and whoever reads orders' messages reads it first.

// GroupPartitionCounts is the consumer group whose offsets carry, as metadata, how many
// partitions a topic had when older messages were placed. It has no members.
const GroupPartitionCounts = "cupcake-placings"

// noticeTime is longer than any process of the factory takes to notice what is
// noted or that there are more partitions (metadataTTL, and partitionWatch or
// partitionCheck).
const noticeTime = 20 * time.Second

// placing says that from one offset of a partition to another keys were put
// among so many of the topic's partitions. JSON is what Kafka keeps.
//
// When partitions are added, From is the end of the partition before that, noted
// early enough for every reader to know, and Until its end once every process
// has noticed. Between the two a message may have been placed by either number.
// If another tool has added them, it is not known from when on the new number
// holds, and it gets the old one's From.
type partitionCount struct {
	Partitions int    `json:"partitions"`
	From       int64  `json:"from,omitempty"`
	Until      *int64 `json:"until,omitempty"` // nil while it holds
}

func (p partitionCount) covers(offset int64) bool {
	return offset >= p.From && (p.Until == nil || offset < *p.Until)
}

// growthBegun notes of a partition that ends at an offset that its topic is
// about to have another number of partitions.
func growthBegun(list []partitionCount, present, next int, end int64) []partitionCount {
	list = growthNoticed(list, present, end)
	return append(list, partitionCount{Partitions: next, From: end})
}

// growthNoticed notes that by now everybody has noticed the present number.
func growthNoticed(list []partitionCount, present int, end int64) []partitionCount {
	// Partitions are never taken away, so a higher number is one that was to be
	// and did not come about.
	list = slices.DeleteFunc(slices.Clone(list), func(p partitionCount) bool { return p.Partitions > present })
	if len(list) == 0 {
		return []partitionCount{{Partitions: present}}
	}
	if last := list[len(list)-1]; last.Partitions != present {
		list = append(list, partitionCount{Partitions: present, From: last.From})
	}
	for i := range list[:len(list)-1] {
		if list[i].Until == nil {
			list[i].Until = &end
		}
	}
	return list
}

// isSettled reports whether nothing has to be noted.
func isNoted(list []partitionCount, present int) bool {
	return len(list) == 0 || reflect.DeepEqual(growthNoticed(list, present, -1), list)
}

// isPartitionChecked reports whether a topic's messages are judged by their place.
func isPartitionChecked(topic string) bool {
	return topic == TopicAcks || slices.ContainsFunc(kitchen.Stages(), func(stage kitchen.Stage) bool { return topic == TicketTopic(stage) })
}

// placings are what is known of some topics.
type partitionCounts struct {
	mu     sync.Mutex
	topics map[string]topicCounts
}

type topicCounts struct {
	present int
	noted   map[int][]partitionCount // by partition
}

func newTopicCounts(present int, noted map[int][]partitionCount) topicCounts {
	known := topicCounts{present: present, noted: make(map[int][]partitionCount)}
	for partition, list := range noted {
		if n := len(list); n > 0 && list[n-1].Partitions < present { // another tool has added some
			list = append(list, partitionCount{Partitions: present, From: list[n-1].From})
		}
		known.noted[partition] = list
	}
	return known
}

// among returns the numbers of partitions among which the key of a message may
// have been placed, in the order in which the topic had them; nil for a topic
// that is not known.
func (p *partitionCounts) countsAt(at topicPartition, offset int64) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.topics[at.topic]
	if !ok {
		return nil
	}
	var counts []int
	for _, count := range known.noted[at.partition] {
		if count.covers(offset) {
			counts = append(counts, count.Partitions)
		}
	}
	if len(counts) == 0 {
		return []int{known.present}
	}
	return counts
}

// update takes notice of how many partitions topics have now, and of what is
// noted. What a reader knows already does not end because the group's
// coordinator is away.
func (p *partitionCounts) update(ctx context.Context, c *readClient, counts map[string]int) error {
	noted, err := c.readPartitionCounts(ctx, counts)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.topics == nil {
		p.topics = make(map[string]topicCounts)
	}
	for topic, present := range counts {
		switch {
		case err == nil:
		case p.topics[topic].present == present:
			continue
		default:
			return err
		}
		p.topics[topic] = newTopicCounts(present, noted[topic])
	}
	return nil
}

// readPartitionCounts reads what is noted, by topic and partition.
func (c *readClient) readPartitionCounts(ctx context.Context, counts map[string]int) (map[string]map[int][]partitionCount, error) {
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = GroupPartitionCounts
	for topic, count := range counts {
		if !isPartitionChecked(topic) {
			continue
		}
		of := kmsg.NewOffsetFetchRequestTopic()
		of.Topic = topic
		for partition := range count {
			of.Partitions = append(of.Partitions, int32(partition))
		}
		request.Topics = append(request.Topics, of)
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
	noted := make(map[string]map[int][]partitionCount)
	for _, topic := range response.Topics {
		noted[topic.Topic] = make(map[int][]partitionCount)
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return nil, c.connection.explainPartitionCounts("read", err)
			}
			if partition.Offset < 0 || partition.Metadata == nil {
				continue // nothing noted
			}
			var list []partitionCount
			if err := json.Unmarshal([]byte(*partition.Metadata), &list); err != nil || len(list) == 0 || slices.ContainsFunc(list, func(p partitionCount) bool { return p.Partitions < 1 }) {
				return nil, fmt.Errorf("group %q has a note for %s partition %d that is not ours: delete the group with kafka-consumer-groups.sh, then run `cupcakery topics apply`",
					GroupPartitionCounts, topic.Topic, partition.Partition)
			}
			noted[topic.Topic][int(partition.Partition)] = list
		}
	}
	return noted, nil
}

// writePartitionCounts notes for the topics of the changes that they are about to have
// more partitions, or, without changes, of all topics that everybody has
// noticed how many they have.
func (c topicAdmin) writePartitionCounts(ctx context.Context, states map[string]topicState, changes []TopicChange) error {
	request := kafka.OffsetCommitRequest{GroupID: GroupPartitionCounts, GenerationID: -1, Topics: make(map[string][]kafka.OffsetCommit)}
	next := make(map[string]int)
	for _, change := range changes {
		next[change.Topic] = change.Partitions
	}
	for topic, state := range states {
		if !isPartitionChecked(topic) || (len(changes) > 0 && next[topic] == 0) {
			continue
		}
		for partition := range state.partitions {
			var end int64
			list := state.counts[partition]
			if len(changes) > 0 || !isNoted(list, state.partitions) {
				var err error
				if end, err = c.notes.offset(ctx, topicPartition{topic, partition}, endOffset, readUncommitted); err != nil {
					return fmt.Errorf("find the end of %s partition %d: %w", topic, partition, c.connection.explain(err))
				}
			}
			if len(changes) > 0 {
				list = growthBegun(list, state.partitions, next[topic], end)
			} else {
				list = growthNoticed(list, state.partitions, end)
			}
			metadata, _ := json.Marshal(list) // numbers, which cannot fail
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
