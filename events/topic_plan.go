package events

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
		change := TopicChange{Topic: topic, Before: state.partitions, Partitions: max(state.partitions, settings.Partitions)}
		switch {
		case isMissingTopic(state.err):
			change.Created = true
			change.Partitions = cmp.Or(change.Partitions, most, defaultPartitions)
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
