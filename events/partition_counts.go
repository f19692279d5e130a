package events

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

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

// partitionCount says that keys were spread over so many partitions of a topic,
// from one offset of a partition to another. JSON is what Kafka keeps.
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
