package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// CheckTopics returns why topics cannot be used, all at once, as sentences that
// name the remedy: one is missing, or has no partition or no leader. It looks at
// all of the factory's topics unless some are named.
func CheckTopics(ctx context.Context, connection Connection, topics ...string) error {
	if len(topics) == 0 {
		topics = Topics()
	}
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
	for _, topic := range topics {
		faults = append(faults, states[topic].check(topic))
	}
	return errors.Join(faults...)
}

// CheckTopicSettings returns everything that CheckTopics does, and besides which
// replicas are behind and where a topic is not as promised, with the command that
// mends it.
func CheckTopicSettings(ctx context.Context, connection Connection, settings TopicSettings) error {
	admin, states, err := newTopicAdmin(ctx, connection, &settings)
	if err != nil {
		return err
	}
	defer admin.close()
	return errors.Join(drift(settings, connection, states)...)
}

// drift says of each topic what is not as it should be, and what mends it.
func drift(settings TopicSettings, connection Connection, states map[string]topicState) []error {
	var faults []error
	replication, partitions := settings.Replication, settings.Partitions
	for _, topic := range Topics() {
		replication = max(replication, states[topic].replication())
		if isKeyedByOrder(topic) {
			partitions = max(partitions, states[topic].partitions)
		}
	}
	for _, topic := range Topics() {
		state := states[topic]
		if err := state.check(topic); err != nil {
			faults = append(faults, err)
		}
		if state.partitions == 0 {
			continue
		}
		if len(state.underReplicated) > 0 {
			faults = append(faults, fmt.Errorf("topic %q has replicas that are behind in partition %s: check the brokers that hold them", topic, join(state.underReplicated)))
		}
		for _, promise := range state.broken(topic, settings) {
			faults = append(faults, fmt.Errorf("topic %q has %s %s instead of %s, and %s: run %s", topic, promise.name,
				inWords(promise.name, state.settings[promise.name]), inWords(promise.name, promise.value), promise.why, settings.command()))
		}
		wanted := partitionsFor(topic, settings.Partitions)
		if isKeyedByOrder(topic) {
			wanted = partitions
		}
		if state.partitions < wanted {
			more := settings
			more.Partitions = wanted
			why := "are asked for"
			if settings.Partitions < wanted {
				why = "others of the tickets' and acks' topics have, which want the same number to be shared alike"
			}
			faults = append(faults, fmt.Errorf("topic %q has %d partitions where %d %s: run %s, which moves keys: in a quiet hour", topic, state.partitions, wanted, why, more.command()))
		}
		if former, grown := state.unconfirmedGrowth(); grown {
			faults = append(faults, fmt.Errorf("topic %q has got %d partitions since `cupcakery topics apply` ran last, where it had %d, and messages are believed where either number puts them: run %s",
				topic, state.partitions, former, settings.command()))
		}
		if state.replication() < replication {
			faults = append(faults, fmt.Errorf("topic %q lies on %d brokers where %s: %s", topic, state.replication(), wantedReplication(settings, replication), state.reassignment(topic, replication, connection)))
		}
	}
	return faults
}

func wantedReplication(settings TopicSettings, replication int) string {
	if settings.Replication == replication {
		return fmt.Sprintf("%d are asked for", replication)
	}
	return fmt.Sprintf("other topics lie on %d", replication)
}

// reassignment is the command that puts a topic on more brokers. Each message's
// present brokers stay.
func (s topicState) reassignment(topic string, replication int, connection Connection) string {
	if len(s.brokers) < replication {
		return fmt.Sprintf("start more brokers, there are %d, and run `cupcakery topics check` again", len(s.brokers))
	}
	type partition struct {
		Topic     string `json:"topic"`
		Partition int    `json:"partition"`
		Replicas  []int  `json:"replicas"`
	}
	var wanted struct {
		Version    int         `json:"version"`
		Partitions []partition `json:"partitions"`
	}
	wanted.Version = 1
	for number, replicas := range s.replicas {
		replicas = slices.Clone(replicas)
		for i := 0; len(replicas) < replication && i < len(s.brokers); i++ {
			if next := s.brokers[(number+i)%len(s.brokers)]; !slices.Contains(replicas, next) {
				replicas = append(replicas, next)
			}
		}
		wanted.Partitions = append(wanted.Partitions, partition{topic, number, replicas})
	}
	text, _ := json.Marshal(wanted) // a name and numbers, which cannot fail
	return fmt.Sprintf("run `echo '%s' | kafka-reassign-partitions.sh --bootstrap-server %s --execute --reassignment-json-file /dev/stdin`, and then `cupcakery topics apply`",
		text, strings.Join(connection.Brokers, ","))
}
