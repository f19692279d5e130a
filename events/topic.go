package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"github.com/cupcakery/cupcakery/kitchen"
)

// The topics that do not belong to one stage; TicketTopic names the others.
const (
	TopicAcks        = "station-acks"
	TopicDeadLetters = "dead-letters"
	TopicFailures    = "order-failures"
	TopicShip        = "orders-to-ship"
)

// GroupAcks is the consumer group of the workers, which carry acks to the
// orders' workflows.
const GroupAcks = "order-acks"

const defaultPartitions = 8

// MaxDeadLetterBytes is the largest dead letter that the topic takes when
// ApplyTopics has made it. It is more than Kafka's default for other topics, so
// that what was too large to be understood still fits.
const MaxDeadLetterBytes = 16 << 20

var ticketGroups = map[kitchen.Stage]string{
	kitchen.Mix:      "cupcake-mixers",
	kitchen.Bake:     "cupcake-bakers",
	kitchen.Decorate: "cupcake-decorators",
	kitchen.Package:  "cupcake-packagers",
}

// TicketTopic is where the tickets of a stage go.
func TicketTopic(stage kitchen.Stage) string { return "orders-to-" + string(stage) }

// TicketGroup is the consumer group that shares the tickets of a stage; empty
// for a stage that does not exist.
func TicketGroup(stage kitchen.Stage) string { return ticketGroups[stage] }

// Topics lists every topic of the factory.
func Topics() []string {
	var topics []string
	for _, stage := range kitchen.Stages() {
		topics = append(topics, TicketTopic(stage))
	}
	return append(topics, TopicAcks, TopicShip, TopicFailures, TopicDeadLetters)
}

// TopicSettings is how the topics shall be made.
type TopicSettings struct {
	// Partitions bounds how many members of one group can work at a time.
	// Topics that have fewer get more; none is ever shrunk. More partitions
	// move keys, so the order within a key holds only from then on: do it
	// while no order is open. Defaults to 8.
	Partitions int
	// Replication is on how many brokers each message lies. It holds for
	// topics that are created; existing ones keep theirs. Defaults to what
	// the broker is set to.
	Replication int
}

// Check returns every fault of the settings at once.
func (s TopicSettings) Check() error {
	var faults []error
	if s.Partitions < 0 || s.Partitions > 10_000 {
		faults = append(faults, fmt.Errorf("partitions: %d must be from 1 to 10000, or 0 for %d", s.Partitions, defaultPartitions))
	}
	if s.Replication < 0 || s.Replication > 32_767 {
		faults = append(faults, fmt.Errorf("replication: %d must be at least 1, or 0 for the broker's own default", s.Replication))
	}
	return errors.Join(faults...)
}

// ApplyTopics creates the topics that are missing, adds partitions to those
// that have fewer than asked for, and waits until all of them can be used. It
// returns the names of the topics it created or extended. Doing it again does
// nothing.
func ApplyTopics(ctx context.Context, connection Connection, settings TopicSettings) ([]string, error) {
	if err := settings.Check(); err != nil {
		return nil, err
	}
	if settings.Partitions == 0 {
		settings.Partitions = defaultPartitions
	}
	admin, err := newClient(connection, Topics())
	if err != nil {
		return nil, err
	}
	defer admin.close()
	states, err := admin.topicStates(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the topics: %w", connection.explain(err))
	}
	created, err := admin.createTopics(ctx, settings, states)
	if err != nil {
		return nil, err
	}
	extended, err := admin.extendTopics(ctx, settings, states)
	if err != nil {
		return nil, err
	}
	changed := append(created, extended...)
	slices.Sort(changed)
	return changed, admin.awaitTopics(ctx, settings)
}

// CheckTopics returns every fault of the topics at once, as sentences that name
// the remedy: a topic that is missing, that has no partition or no leader, or
// whose tickets and acks could not be read in parallel alike.
func CheckTopics(ctx context.Context, connection Connection) error {
	admin, err := newClient(connection, Topics())
	if err != nil {
		return err
	}
	defer admin.close()
	states, err := admin.topicStates(ctx)
	if err != nil {
		return fmt.Errorf("list the topics: %w", connection.explain(err))
	}
	var faults []error
	for _, topic := range Topics() {
		faults = append(faults, states[topic].check(topic))
	}
	return errors.Join(faults...)
}

// topicState is what the cluster knows of one topic.
type topicState struct {
	partitions int
	leaderless []int
	thin       []int // partitions with fewer replicas in sync than they have
	err        error
}

func (s topicState) check(topic string) error {
	switch {
	case isMissingTopic(s.err):
		return fmt.Errorf("topic %q does not exist: run `cupcakery topics apply`", topic)
	case s.err != nil:
		return fmt.Errorf("topic %q cannot be used: %w", topic, s.err)
	case len(s.leaderless) > 0:
		return fmt.Errorf("topic %q has no leader for partition %s: start the brokers that hold it", topic, join(s.leaderless))
	case len(s.thin) > 0:
		return fmt.Errorf("topic %q has replicas that are behind in partition %s: check the brokers that hold them", topic, join(s.thin))
	}
	return nil
}

func join(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, number := range numbers {
		texts[i] = strconv.Itoa(number)
	}
	return strings.Join(texts, ", ")
}

func (c *client) topicStates(ctx context.Context) (map[string]topicState, error) {
	response, err := c.Metadata(ctx, &kafka.MetadataRequest{Topics: Topics()})
	if err != nil {
		return nil, err
	}
	states := make(map[string]topicState, len(response.Topics))
	for _, topic := range response.Topics {
		state := topicState{err: topic.Error, partitions: len(topic.Partitions)}
		for _, partition := range topic.Partitions {
			switch {
			case partition.Leader.Port == 0:
				state.leaderless = append(state.leaderless, partition.ID)
			case len(partition.Isr) < len(partition.Replicas):
				state.thin = append(state.thin, partition.ID)
			}
		}
		slices.Sort(state.leaderless)
		slices.Sort(state.thin)
		states[topic.Name] = state
	}
	return states, nil
}

func (c *client) createTopics(ctx context.Context, settings TopicSettings, states map[string]topicState) ([]string, error) {
	replication := settings.Replication
	if replication == 0 {
		replication = -1 // the broker's default
	}
	var configs []kafka.TopicConfig
	for _, topic := range Topics() {
		if !isMissingTopic(states[topic].err) {
			continue
		}
		config := kafka.TopicConfig{Topic: topic, NumPartitions: settings.Partitions, ReplicationFactor: replication}
		if topic == TopicDeadLetters {
			config.ConfigEntries = []kafka.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(MaxDeadLetterBytes)}}
		}
		configs = append(configs, config)
	}
	if len(configs) == 0 {
		return nil, nil
	}
	// The transport waits for what it created to appear in its metadata, which
	// can take longer than the request; awaitTopics does that better.
	response, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: configs})
	if err != nil {
		return nil, fmt.Errorf("create the topics: %w", c.connection.explain(err))
	}
	var created []string
	var faults []error
	for _, config := range configs {
		switch err := response.Errors[config.Topic]; {
		case err == nil:
			created = append(created, config.Topic)
		case errors.Is(err, kafka.TopicAlreadyExists):
			// Somebody else applies at the same time.
		case errors.Is(err, kafka.InvalidReplicationFactor):
			faults = append(faults, fmt.Errorf("create topic %q: replication %d is more than there are brokers: ask for less or start more brokers: %w",
				config.Topic, settings.Replication, err))
		default:
			faults = append(faults, fmt.Errorf("create topic %q: %w", config.Topic, c.connection.explain(err)))
		}
	}
	return created, errors.Join(faults...)
}

func (c *client) extendTopics(ctx context.Context, settings TopicSettings, states map[string]topicState) ([]string, error) {
	var configs []kafka.TopicPartitionsConfig
	for _, topic := range Topics() {
		if has := states[topic].partitions; has > 0 && has < settings.Partitions {
			configs = append(configs, kafka.TopicPartitionsConfig{Name: topic, Count: int32(settings.Partitions)})
		}
	}
	if len(configs) == 0 {
		return nil, nil
	}
	response, err := c.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: configs})
	if err != nil {
		return nil, fmt.Errorf("add partitions: %w", c.connection.explain(err))
	}
	var extended []string
	var faults []error
	for _, config := range configs {
		if err := response.Errors[config.Name]; err != nil && !errors.Is(err, kafka.InvalidPartitionNumber) {
			faults = append(faults, fmt.Errorf("add partitions to topic %q: %w", config.Name, c.connection.explain(err)))
		} else if err == nil {
			extended = append(extended, config.Name)
		}
	}
	return extended, errors.Join(faults...)
}

// awaitTopics returns once every topic has all its partitions and a leader for
// each: creating a topic answers before the cluster has spread the news.
func (c *client) awaitTopics(ctx context.Context, settings TopicSettings) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		states, err := c.topicStates(ctx)
		if err == nil && !slices.ContainsFunc(Topics(), func(topic string) bool {
			state := states[topic]
			return state.err != nil || len(state.leaderless) > 0 || state.partitions < settings.Partitions
		}) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the topics can be used: %w", c.connection.explain(ctx.Err()))
		case <-time.After(25 * time.Millisecond):
		}
		c.reset(time.Now())
	}
}
