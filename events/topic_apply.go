package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"github.com/cupcakery/cupcakery/internal/retry"
)

// TopicChange is what ApplyTopics does, or would do, to one topic.
type TopicChange struct {
	Topic string
	// Created says that the topic was not there.
	Created bool
	// Partitions is how many it has afterwards, and Before how many it had.
	Before, Partitions int
	Settings           []SettingChange
}

// SettingChange is a change of one setting of a topic.
type SettingChange struct {
	Name string
	// Before is empty for a topic that is created.
	Before, After string
}

// Extended reports whether a topic that exists gets more partitions.
func (c TopicChange) Extended() bool { return !c.Created && c.Partitions > c.Before }

// String says what changes.
func (c TopicChange) String() string {
	var parts []string
	switch {
	case c.Created:
		parts = append(parts, fmt.Sprintf("created with %d partitions", c.Partitions))
	case c.Extended():
		parts = append(parts, fmt.Sprintf("extended from %d to %d partitions", c.Before, c.Partitions))
	}
	for _, setting := range c.Settings {
		if c.Created {
			parts = append(parts, setting.Name+"="+setting.After)
		} else {
			parts = append(parts, fmt.Sprintf("%s changed from %s to %s", setting.Name, setting.Before, setting.After))
		}
	}
	return strings.Join(parts, ", ")
}

// plan is what has to be changed for the topics to be as the settings say.
func plan(settings TopicSettings, states map[string]topicState) []TopicChange {
	most := 0
	for _, state := range states {
		most = max(most, state.partitions)
	}
	var changes []TopicChange
	for _, topic := range Topics() {
		state := states[topic]
		change := TopicChange{Topic: topic, Before: state.partitions, Partitions: max(state.partitions, partitionsFor(topic, settings.Partitions))}
		switch {
		case isMissingTopic(state.err):
			change.Created = true
			change.Partitions = partitionsFor(topic, cmp.Or(change.Partitions, most, defaultPartitions))
			for _, promise := range promises(topic, settings, settings.Replication) {
				if promise.name != "min.insync.replicas" || settings.Replication > 0 {
					change.Settings = append(change.Settings, SettingChange{Name: promise.name, After: promise.value})
				}
			}
		case state.err != nil || state.partitions == 0:
			continue // nothing can be changed; whoever uses the topic says what is wrong
		default:
			for _, promise := range state.broken(topic, settings) {
				change.Settings = append(change.Settings, SettingChange{promise.name, state.settings[promise.name], promise.value})
			}
		}
		if change.Created || change.Extended() || len(change.Settings) > 0 {
			changes = append(changes, change)
		}
	}
	return changes
}

// broken are the promises that a topic's settings do not keep.
func (s topicState) broken(topic string, settings TopicSettings) []promise {
	return slices.DeleteFunc(promises(topic, settings, s.replication()), func(promise promise) bool {
		value, known := s.settings[promise.name]
		return !known || promise.isKept(value)
	})
}

// PlanTopics returns what ApplyTopics would change.
func PlanTopics(ctx context.Context, connection Connection, settings TopicSettings) ([]TopicChange, error) {
	admin, states, err := newTopicAdmin(ctx, connection, &settings)
	if err != nil {
		return nil, err
	}
	defer admin.close()
	return plan(settings, states), nil
}

// ApplyTopics creates the topics that are missing, adds partitions to those
// that have fewer than asked for, brings settings that have drifted to what is
// promised, and waits until all topics can be used. It returns what it has
// changed. Another call changes nothing.
//
// Before it adds partitions, and after they were added, by itself or another
// tool, it waits until every process has noticed. Then it notes up to where the
// former number held.
func ApplyTopics(ctx context.Context, connection Connection, settings TopicSettings) ([]TopicChange, error) {
	admin, states, err := newTopicAdmin(ctx, connection, &settings)
	if err != nil {
		return nil, err
	}
	defer admin.close()
	changes := plan(settings, states)
	if err := errors.Join(admin.createTopics(ctx, settings, changes), admin.extendTopics(ctx, settings, states, changes)); err != nil {
		return nil, err
	}
	if states, err = admin.awaitTopics(ctx, changes); err != nil {
		return nil, err
	}
	// A new topic's replication is known only now.
	if err := admin.alterTopics(ctx, plan(settings, states)); err != nil {
		return nil, err
	}
	return changes, admin.notePresent(ctx, settings, states)
}

// createTopics creates what the plan says.
func (c topicAdmin) createTopics(ctx context.Context, settings TopicSettings, changes []TopicChange) error {
	replication := settings.Replication
	if replication == 0 {
		replication = -1 // the broker's default
	}
	var configs []kafka.TopicConfig
	for _, change := range changes {
		if !change.Created {
			continue
		}
		config := kafka.TopicConfig{Topic: change.Topic, NumPartitions: change.Partitions, ReplicationFactor: replication}
		for _, setting := range change.Settings {
			config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: setting.Name, ConfigValue: setting.After})
		}
		configs = append(configs, config)
	}
	if len(configs) == 0 {
		return nil
	}
	// The transport waits for what it created to appear in its metadata, which
	// can take longer than the request; awaitTopics does that better.
	response, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: configs})
	if err != nil {
		return fmt.Errorf("create the topics: %w", c.connection.explain(err))
	}
	var faults []error
	for _, config := range configs {
		switch err := response.Errors[config.Topic]; {
		case err == nil, errors.Is(err, kafka.TopicAlreadyExists): // somebody else applies at the same time
		case errors.Is(err, kafka.InvalidReplicationFactor):
			faults = append(faults, fmt.Errorf("create topic %q: replication %d is more than there are brokers: ask for less or start more brokers: %w",
				config.Topic, settings.Replication, err))
		default:
			faults = append(faults, fmt.Errorf("create topic %q: %w", config.Topic, c.connection.explain(err)))
		}
	}
	return errors.Join(faults...)
}

// extendTopics adds the partitions that the plan says, once every reader knows
// that they will come. Otherwise what a quick sender writes by the new number would
// look misplaced to a reader.
func (c topicAdmin) extendTopics(ctx context.Context, settings TopicSettings, states map[string]topicState, changes []TopicChange) error {
	changes = slices.DeleteFunc(slices.Clone(changes), func(change TopicChange) bool { return !change.Extended() })
	if len(changes) == 0 {
		return nil
	}
	if err := untilItAnswers(ctx, func() error { return c.writeCountHistories(ctx, states, changes) }); err != nil {
		return err
	}
	if err := settings.waitUntilNoticed(ctx); err != nil {
		return err
	}
	var configs []kafka.TopicPartitionsConfig
	for _, change := range changes {
		configs = append(configs, kafka.TopicPartitionsConfig{Name: change.Topic, Count: int32(change.Partitions)})
	}
	response, err := c.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: configs})
	if err != nil {
		return fmt.Errorf("add partitions: %w", c.connection.explain(err))
	}
	var faults []error
	for _, config := range configs {
		if err := response.Errors[config.Name]; err != nil && !errors.Is(err, kafka.InvalidPartitionNumber) {
			faults = append(faults, fmt.Errorf("add partitions to topic %q: %w", config.Name, c.connection.explain(err)))
		}
	}
	return errors.Join(faults...)
}

// alterTopics brings settings to what the plan says.
func (c topicAdmin) alterTopics(ctx context.Context, changes []TopicChange) error {
	request := kafka.IncrementalAlterConfigsRequest{}
	for _, change := range changes {
		resource := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: change.Topic}
		for _, setting := range change.Settings {
			resource.Configs = append(resource.Configs, kafka.IncrementalAlterConfigsRequestConfig{
				Name: setting.Name, Value: setting.After, ConfigOperation: kafka.ConfigOperationSet,
			})
		}
		if len(resource.Configs) > 0 {
			request.Resources = append(request.Resources, resource)
		}
	}
	if len(request.Resources) == 0 {
		return nil
	}
	response, err := c.IncrementalAlterConfigs(ctx, &request)
	if err != nil {
		return fmt.Errorf("change the topics' settings: %w", c.connection.explain(err))
	}
	var faults []error
	for _, resource := range response.Resources {
		if resource.Error != nil {
			faults = append(faults, fmt.Errorf("change the settings of topic %q: %w", resource.ResourceName, c.connection.explain(resource.Error)))
		}
	}
	return errors.Join(faults...)
}

// notePresent notes how many partitions the topics have. If that has changed
// everybody gets the time to notice first: what is written meanwhile may lie
// where either number puts it.
func (c topicAdmin) notePresent(ctx context.Context, settings TopicSettings, states map[string]topicState) error {
	if slices.ContainsFunc(Topics(), func(topic string) bool {
		_, grown := states[topic].unconfirmedGrowth()
		return grown
	}) {
		if err := settings.waitUntilNoticed(ctx); err != nil {
			return err
		}
	}
	return untilItAnswers(ctx, func() error { return c.writeCountHistories(ctx, states, nil) })
}

// waitUntilNoticed gives every process of the factory time to notice.
func (s TopicSettings) waitUntilNoticed(ctx context.Context) error {
	if !retry.Pause(ctx, s.NoticeTime) {
		return fmt.Errorf("wait until everybody has noticed that partitions are added: %w; run %s again", ctx.Err(), s.command())
	}
	return nil
}

// awaitTopics returns how the topics are once each has all its partitions and a
// leader for each. Creating a topic answers before the whole cluster knows of it.
func (c topicAdmin) awaitTopics(ctx context.Context, changes []TopicChange) (map[string]topicState, error) {
	ctx, cancel := context.WithTimeout(ctx, usableWithin)
	defer cancel()
	expected := make(map[string]int)
	for _, change := range changes {
		expected[change.Topic] = change.Partitions
	}
	for {
		states, err := c.topicStates(ctx)
		if err == nil && !slices.ContainsFunc(Topics(), func(topic string) bool {
			state := states[topic]
			return state.err != nil || len(state.leaderless) > 0 || state.partitions < max(expected[topic], 1)
		}) {
			return c.topicDetails(ctx)
		}
		if !retry.Pause(ctx, usableCheck) {
			return nil, fmt.Errorf("wait until the topics can be used: %w", c.connection.explain(ctx.Err()))
		}
		c.reset(time.Now())
	}
}
