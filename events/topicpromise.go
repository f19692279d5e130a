package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// promise is a setting that the factory relies on.
type promise struct {
	name, value string
	// most is set if other values are as good: any from value to most. For
	// Kafka -1 is without end.
	most int64
	// why is what goes wrong otherwise.
	why string
}

const endless = -1

// promises are what a topic promises. A replication of 0 is not known, and then
// nothing that depends on it is among them.
func promises(topic string, settings TopicSettings, replication int) []promise {
	retention := promise{name: "retention.ms", most: endless}
	switch topic {
	case TopicDeadLetters:
		retention.value, retention.why = "-1", "a dead letter must stay until somebody has decided about it"
	case TopicShip, TopicFailures:
		retention.value, retention.why = milliseconds(settings.AnnouncementRetention), "downstream systems may come back late"
	default:
		retention.value, retention.why = milliseconds(settings.Retention), "boards, stations and figures read it again"
	}
	list := []promise{
		{name: "cleanup.policy", value: "delete", why: "a compacted topic loses all but an order's last message"},
		{name: "message.timestamp.type", value: "LogAppendTime", why: "otherwise times are those of the senders' clocks, and the broker refuses a clock that is too wrong"},
		retention,
		{name: "retention.bytes", value: "-1", why: "a partition that has grown would be deleted before its time"},
	}
	if topic == TopicDeadLetters {
		list = append(list, promise{name: "max.message.bytes", value: strconv.Itoa(MaxDeadLetterBytes), most: endless, why: "what was too large to be understood must fit"})
	}
	inSync := promise{name: "min.insync.replicas", value: "1", most: int64(max(replication, 1)), why: "no more replicas can be in sync than there are, so nothing could be written"}
	if replication >= 3 {
		inSync.value, inSync.why = "2", "a message that one broker alone has is lost with it"
	}
	return append(list, inSync)
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// isKept reports whether a value is as good as what is promised.
func (p promise) isKept(value string) bool {
	if value == p.value {
		return true
	}
	has, err := strconv.ParseInt(value, 10, 64)
	least, leastErr := strconv.ParseInt(p.value, 10, 64)
	if p.most == 0 || err != nil || leastErr != nil {
		return false
	}
	if p.most == endless {
		return has == endless || (least != endless && has >= least)
	}
	return has >= least && has <= p.most
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
			if change.Partitions == 0 {
				change.Partitions = most
			}
			if change.Partitions == 0 {
				change.Partitions = defaultPartitions
			}
			for _, promise := range promises(topic, settings, settings.Replication) {
				if promise.name != "min.insync.replicas" || settings.Replication > 0 {
					change.Settings = append(change.Settings, SettingChange{Name: promise.name, After: promise.value})
				}
			}
		case state.err != nil || state.partitions == 0:
			continue // nothing can be changed; what is wrong is said by whoever uses it
		default:
			change.Settings = state.broken(topic, settings)
		}
		if change.Created || change.Extended() || len(change.Settings) > 0 {
			changes = append(changes, change)
		}
	}
	return changes
}

// broken are the settings that are not as promised.
func (s topicState) broken(topic string, settings TopicSettings) []SettingChange {
	var changes []SettingChange
	for _, promise := range promises(topic, settings, s.replication()) {
		if value, known := s.settings[promise.name]; known && !promise.isKept(value) {
			changes = append(changes, SettingChange{promise.name, value, promise.value})
		}
	}
	return changes
}

// drift says of each topic what is not as it should be, and what mends it.
func drift(settings TopicSettings, connection Connection, states map[string]topicState) []error {
	var faults []error
	replication, partitions := settings.Replication, settings.Partitions
	for _, topic := range Topics() {
		replication = max(replication, states[topic].replication())
		if isPartitionChecked(topic) {
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
		if len(state.thin) > 0 {
			faults = append(faults, fmt.Errorf("topic %q has replicas that are behind in partition %s: check the brokers that hold them", topic, join(state.thin)))
		}
		for _, promise := range promises(topic, settings, state.replication()) {
			if value, known := state.settings[promise.name]; known && !promise.isKept(value) {
				faults = append(faults, fmt.Errorf("topic %q has %s %s instead of %s, and %s: run %s",
					topic, promise.name, inWords(promise.name, value), inWords(promise.name, promise.value), promise.why, settings.command()))
			}
		}
		wanted := settings.Partitions
		if isPartitionChecked(topic) {
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
		if former, unsettled := state.unnotedGrowth(); unsettled {
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

// inWords says how long a number of milliseconds is.
func inWords(name, value string) string {
	number, err := strconv.ParseInt(value, 10, 64)
	switch {
	case name != "retention.ms" || err != nil:
		return value
	case number < 0:
		return value + " (for ever)"
	}
	return fmt.Sprintf("%s (%s)", value, kitchen.Duration(time.Duration(number)*time.Millisecond))
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
