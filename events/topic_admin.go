package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
)

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
	for _, passes := range []error{
		kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup, kafka.GroupLoadInProgress,
		kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress,
	} {
		if errors.Is(err, passes) {
			return true
		}
	}
	return false
}
