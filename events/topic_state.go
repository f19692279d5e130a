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
	"github.com/twmb/franz-go/pkg/kerr"
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

// unconfirmedGrowth returns the former number of partitions if some were added and
// nobody has noted yet up to which offset that number held.
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

const (
	// usableWithin bounds the wait for a cluster that has just been told something,
	// or has just begun, and usableCheck is how often it is asked.
	usableWithin = 30 * time.Second
	usableCheck  = 25 * time.Millisecond
)

// topicAdmin is a client that changes topics and one that reads what is noted of
// their partitions.
type topicAdmin struct {
	*client
	reader *readClient
}

// newTopicAdmin checks the settings and returns an admin and how the topics
// are.
func newTopicAdmin(ctx context.Context, connection Connection, settings *TopicSettings) (topicAdmin, map[string]topicState, error) {
	if err := settings.Check(); err != nil {
		return topicAdmin{}, nil, err
	}
	settings.setDefaults()
	topics, err := newClient(connection, Topics())
	if err != nil {
		return topicAdmin{}, nil, err
	}
	reader, err := newReadClient(connection)
	if err != nil {
		topics.close()
		return topicAdmin{}, nil, err
	}
	admin := topicAdmin{topics, reader}
	states, err := admin.topicDetails(ctx)
	if err != nil {
		admin.close()
		return topicAdmin{}, nil, err
	}
	return admin, states, nil
}

func (c topicAdmin) close() {
	c.client.close()
	c.reader.close()
}

// topicDetails asks for the settings and what is noted as well.
func (c topicAdmin) topicDetails(ctx context.Context) (states map[string]topicState, err error) {
	err = untilItAnswers(ctx, func() error {
		if states, err = c.topicStates(ctx); err != nil {
			return fmt.Errorf("list the topics: %w", c.connection.explain(err))
		}
		for _, topic := range Topics() {
			if err := states[topic].err; errors.Is(err, kafka.TopicAuthorizationFailed) {
				return fmt.Errorf("look at topic %q, which this user may not do: `cupcakery topics acls` says what it needs: %w", topic, err)
			}
		}
		return c.describeTopics(ctx, states)
	})
	return states, err
}

func (c topicAdmin) describeTopics(ctx context.Context, states map[string]topicState) error {
	request := kafka.DescribeConfigsRequest{}
	counts := make(map[string]int)
	for _, topic := range Topics() {
		if states[topic].partitions == 0 {
			continue
		}
		counts[topic] = states[topic].partitions
		resource := kafka.DescribeConfigRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic}
		for _, promise := range promises(topic, TopicSettings{}, 0) {
			resource.ConfigNames = append(resource.ConfigNames, promise.name)
		}
		request.Resources = append(request.Resources, resource)
	}
	if len(counts) == 0 {
		return nil
	}
	response, err := c.DescribeConfigs(ctx, &request)
	if err != nil {
		return fmt.Errorf("read the topics' settings: %w", c.connection.explain(err))
	}
	noted, err := c.reader.readCountHistories(ctx, counts)
	if err != nil {
		return err
	}
	for _, resource := range response.Resources {
		if resource.Error != nil {
			return fmt.Errorf("read the settings of topic %q, for which this user needs DESCRIBE_CONFIGS: %w", resource.ResourceName, resource.Error)
		}
		state := states[resource.ResourceName]
		state.counts = noted[resource.ResourceName]
		state.settings = make(map[string]string)
		for _, entry := range resource.ConfigEntries {
			state.settings[entry.ConfigName] = entry.ConfigValue
		}
		states[resource.ResourceName] = state
	}
	return nil
}

// untilItAnswers tries again while the cluster can be reached and cannot answer
// for groups: a new one makes their topic only when it is asked first.
func untilItAnswers(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, usableWithin)
	defer cancel()
	for backoff := newBackoff(); ; backoff.Wait(ctx) {
		err := ask()
		if ctx.Err() != nil || !isWithoutCoordinator(err) {
			return err
		}
	}
}

func isWithoutCoordinator(err error) bool {
	return slices.ContainsFunc([]error{
		kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup, kafka.GroupLoadInProgress,
		kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress,
	}, func(passes error) bool { return errors.Is(err, passes) })
}
