package events

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	kafka "github.com/segmentio/kafka-go"
)

// topicState is what the cluster knows of one topic.
type topicState struct {
	partitions      int
	leaderless      []int
	underReplicated []int // partitions with fewer replicas in sync than they have
	err             error

	replicas [][]int              // by partition
	brokers  []int                // of the whole cluster
	settings map[string]string    // nil if they were not asked for
	counts   map[int]countHistory // by partition
}

func (s topicState) check(topic string) error {
	switch {
	case isMissingTopic(s.err):
		return fmt.Errorf("topic %q does not exist: run `cupcakery topics apply`", topic)
	case s.err != nil:
		return fmt.Errorf("topic %q cannot be used: %w", topic, s.err)
	case len(s.leaderless) > 0:
		return fmt.Errorf("topic %q has no leader for partition %s: start the brokers that hold it", topic, join(s.leaderless))
	}
	return nil
}

// replication is on how many brokers each message lies, at least.
func (s topicState) replication() int {
	least := 0
	for i, replicas := range s.replicas {
		if i == 0 || len(replicas) < least {
			least = len(replicas)
		}
	}
	return least
}

// unconfirmedGrowth reports whether partitions were added and nobody has noted up
// to where the former number held, and which that is.
func (s topicState) unconfirmedGrowth() (former int, grown bool) {
	for partition := range s.partitions {
		history := s.counts[partition]
		if history.isConfirmed(s.partitions) {
			continue
		}
		for _, count := range history {
			if count.Partitions != s.partitions {
				former = count.Partitions
			}
		}
		return former, true
	}
	return 0, false
}

func join(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, number := range numbers {
		texts[i] = strconv.Itoa(number)
	}
	return strings.Join(texts, ", ")
}

// topicStates asks what any user of the topics may ask.
func (c *client) topicStates(ctx context.Context) (map[string]topicState, error) {
	response, err := c.Metadata(ctx, &kafka.MetadataRequest{Topics: Topics()})
	if err != nil {
		return nil, err
	}
	var brokers []int
	for _, broker := range response.Brokers {
		brokers = append(brokers, broker.ID)
	}
	slices.Sort(brokers)
	states := make(map[string]topicState, len(response.Topics))
	for _, topic := range response.Topics {
		state := topicState{err: topic.Error, partitions: len(topic.Partitions), brokers: brokers, replicas: make([][]int, len(topic.Partitions))}
		for _, partition := range topic.Partitions {
			switch {
			case partition.Leader.Port == 0:
				state.leaderless = append(state.leaderless, partition.ID)
			case len(partition.Isr) < len(partition.Replicas):
				state.underReplicated = append(state.underReplicated, partition.ID)
			}
			for _, replica := range partition.Replicas {
				if partition.ID < len(state.replicas) {
					state.replicas[partition.ID] = append(state.replicas[partition.ID], replica.ID)
				}
			}
		}
		slices.Sort(state.leaderless)
		slices.Sort(state.underReplicated)
		states[topic.Name] = state
	}
	return states, nil
}
