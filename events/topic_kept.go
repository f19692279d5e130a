package events

import (
	"context"
	"fmt"
	"strconv"
	"time"

	kafka "github.com/segmentio/kafka-go"
)

// Kept is how long a topic keeps a message, by its settings in Kafka.
type Kept struct {
	// Retention is after how long it may go; negative for never.
	Retention time.Duration
	// Segment is how long a segment may take messages. It goes as a whole, once its
	// newest message may.
	Segment time.Duration
	// Compacted says that a message stays until another replaces it.
	Compacted bool
}

// retentionCheck is a bound for how often brokers look for what may go, and for how long
// they leave the file then: five minutes and one, unless told otherwise.
const retentionCheck = 10 * time.Minute

// Until is when a message is gone at the latest, and false if it stays.
func (k Kept) Until(written time.Time) (time.Time, bool) {
	if k.Retention < 0 || k.Compacted {
		return time.Time{}, false
	}
	return written.Add(k.Retention).Add(k.Segment).Add(retentionCheck), true
}

// TopicsKept asks Kafka how long topics keep their messages. One that does not exist is
// left out.
func TopicsKept(ctx context.Context, connection Connection, topics ...string) (map[string]Kept, error) {
	c, err := newClient(connection, topics)
	if err != nil {
		return nil, err
	}
	defer c.close()
	request := kafka.DescribeConfigsRequest{}
	for _, topic := range topics {
		request.Resources = append(request.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"cleanup.policy", "retention.ms", "segment.ms"},
		})
	}
	response, err := c.DescribeConfigs(ctx, &request)
	if err != nil {
		return nil, fmt.Errorf("read the topics' settings: %w", connection.explain(err))
	}
	kept := make(map[string]Kept)
	for _, resource := range response.Resources {
		if isMissingTopic(resource.Error) {
			continue
		}
		if resource.Error != nil {
			return nil, fmt.Errorf("read the settings of topic %q, for which this user needs DESCRIBE_CONFIGS: %w", resource.ResourceName, resource.Error)
		}
		var k Kept
		for _, entry := range resource.ConfigEntries {
			switch entry.ConfigName {
			case "cleanup.policy":
				k.Compacted = entry.ConfigValue == "compact"
			case "retention.ms":
				k.Retention, err = parseMilliseconds(entry.ConfigValue)
			case "segment.ms":
				k.Segment, err = parseMilliseconds(entry.ConfigValue)
			}
			if err != nil {
				return nil, fmt.Errorf("read the setting %s of topic %q: %w", entry.ConfigName, resource.ResourceName, err)
			}
		}
		kept[resource.ResourceName] = k
	}
	return kept, nil
}

// parseMilliseconds reads a length of time as Kafka writes it. What is longer than any
// time is as good as for ever.
func parseMilliseconds(text string) (time.Duration, error) {
	const longest = int64(100 * 365 * 24 * time.Hour / time.Millisecond)
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, err
	case n < 0 || n > longest:
		return -1, nil
	}
	return time.Duration(n) * time.Millisecond, nil
}
