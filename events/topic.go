package events

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// The topics that do not belong to one stage; TicketTopic names the others.
const (
	TopicAcks         = "station-acks"
	TopicDeadLetters  = "dead-letters"
	TopicFailures     = "order-failures"
	TopicKitchenState = "kitchen-state"
	TopicShip         = "orders-to-ship"
	TopicStatus       = "order-status"
)

// GroupAcks is the consumer group of the workers, which carry acks to the
// orders' workflows.
const GroupAcks = "order-acks"

// GroupLedger is the consumer group of the processes that keep the ledger. Where they
// are is kept in their database; the group's offsets only show it.
const GroupLedger = "cupcakery-ledger"

// MaxDeadLetterBytes is the largest dead letter that the topic takes when
// ApplyTopics has made it. It is more than Kafka's default for other topics, so
// that what was too large to be understood still fits.
const MaxDeadLetterBytes = 16 << 20

// TicketTopic is where the tickets of a stage go.
func TicketTopic(stage kitchen.Stage) string { return "orders-to-" + string(stage) }

// TicketGroup is the consumer group that shares the tickets of a stage; empty
// for a stage that does not exist.
func TicketGroup(stage kitchen.Stage) string { return stage.Info().Group }

// Topics lists every topic of the factory.
func Topics() []string {
	var topics []string
	for _, stage := range kitchen.Stages() {
		topics = append(topics, TicketTopic(stage))
	}
	return append(topics, TopicAcks, TopicShip, TopicFailures, TopicStatus, TopicKitchenState, TopicDeadLetters)
}

const (
	defaultPartitions            = 8
	defaultRetention             = 7 * 24 * time.Hour
	defaultAnnouncementRetention = 30 * 24 * time.Hour
	// shortestRetention is at least as long as any reader looks back.
	shortestRetention = 24 * time.Hour
	// stateSegment is how long records of kitchen-state are kept at least that were
	// replaced.
	stateSegment = 4 * time.Hour
)

// TopicSettings says how the topics shall be.
type TopicSettings struct {
	// Partitions bounds how many members of one group can work at a time.
	// Topics that have fewer get more, which moves keys; none is ever shrunk.
	// 0 leaves topics alone that exist; those that are created get as many as
	// the others have, and 8 if there are none. kitchen-state has one, so that all
	// its records have one order.
	Partitions int
	// Replication is on how many brokers each message lies. It holds for
	// topics that are created; existing ones keep theirs. Defaults to what
	// the broker is set to.
	Replication int
	// Retention is how long tickets and acks are kept at least. Defaults to 7
	// days.
	Retention time.Duration
	// AnnouncementRetention is how long it is kept at least what the factory tells
	// of an order: its status, and that it was shipped, was cancelled or needs
	// attention. No order should be open for longer. Defaults to 30 days.
	AnnouncementRetention time.Duration
	// NoticeTime is how long the factory's processes get to notice that a topic is
	// about to have more partitions, and again that it has. Defaults to 20 s.
	NoticeTime time.Duration
}

// Check returns every fault of the settings at once.
func (s TopicSettings) Check() error {
	var faults []error
	if s.Partitions < 0 || s.Partitions > 10_000 {
		faults = append(faults, fmt.Errorf("partitions: %d must be from 1 to 10000, or 0 for as many as there are, and %d if there are none", s.Partitions, defaultPartitions))
	}
	if s.Replication < 0 || s.Replication > 32_767 {
		faults = append(faults, fmt.Errorf("replication: %d must be at least 1, or 0 for the broker's own default", s.Replication))
	}
	for _, kept := range []struct {
		name string
		long time.Duration
	}{{"retention", s.Retention}, {"announcement retention", s.AnnouncementRetention}} {
		if kept.long != 0 && kept.long < shortestRetention {
			faults = append(faults, fmt.Errorf("%s: %s must be at least %s: boards and figures are put together from what is kept",
				kept.name, kitchen.Duration(kept.long), kitchen.Duration(shortestRetention)))
		}
	}
	return errors.Join(faults...)
}

func (s *TopicSettings) setDefaults() {
	s.Retention = cmp.Or(s.Retention, defaultRetention)
	s.AnnouncementRetention = cmp.Or(s.AnnouncementRetention, defaultAnnouncementRetention)
	s.NoticeTime = cmp.Or(s.NoticeTime, noticeTime)
}

// command is the command line that applies the settings.
func (s TopicSettings) command() string {
	command := "cupcakery topics apply"
	if s.Partitions > 0 {
		command += fmt.Sprintf(" --partitions %d", s.Partitions)
	}
	if s.Replication > 0 {
		command += fmt.Sprintf(" --replication %d", s.Replication)
	}
	if s.Retention != defaultRetention {
		command += fmt.Sprintf(" --retention %s", kitchen.Duration(s.Retention))
	}
	if s.AnnouncementRetention != defaultAnnouncementRetention {
		command += fmt.Sprintf(" --announcement-retention %s", kitchen.Duration(s.AnnouncementRetention))
	}
	return "`" + command + "`"
}

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
	case TopicKitchenState:
		return append([]promise{
			{name: "cleanup.policy", value: "compact", why: "what is paused or sold out must stay until it is taken back, and what was taken back must go"},
			{name: "message.timestamp.type", value: "LogAppendTime", why: "otherwise times are those of the senders' clocks, and the broker refuses a clock that is too wrong"},
			// Only segments that are full or old enough are compacted. Some hosted brokers
			// allow no shorter time.
			{name: "segment.ms", value: milliseconds(stateSegment), why: "what is replaced or taken back is only cleared away once its segment is closed"},
		}, inSync(replication))
	case TopicDeadLetters:
		retention.value, retention.why = "-1", "a dead letter must stay until somebody has decided about it"
	case TopicShip, TopicFailures, TopicStatus:
		retention.value, retention.why = milliseconds(settings.AnnouncementRetention), "downstream systems may come back late"
	default:
		retention.value, retention.why = milliseconds(settings.Retention), "boards, stations and figures read it again"
	}
	list := []promise{
		{name: "cleanup.policy", value: "delete", why: "a compacted topic loses all but an order's last message, which need not be its newest"},
		{name: "message.timestamp.type", value: "LogAppendTime", why: "otherwise times are those of the senders' clocks, and the broker refuses a clock that is too wrong"},
		retention,
		{name: "retention.bytes", value: "-1", why: "a partition that has grown would be deleted before its time"},
	}
	if topic == TopicDeadLetters {
		list = append(list, promise{name: "max.message.bytes", value: strconv.Itoa(MaxDeadLetterBytes), most: endless, why: "what was too large to be understood must fit"})
	}
	return append(list, inSync(replication))
}

// inSync is on how many brokers a message must be before it counts.
func inSync(replication int) promise {
	if replication >= 3 {
		return promise{name: "min.insync.replicas", value: "2", most: int64(replication), why: "a message that one broker alone has is lost with it"}
	}
	return promise{name: "min.insync.replicas", value: "1", most: int64(max(replication, 1)), why: "no more replicas can be in sync than there are, so nothing could be written"}
}

// partitionsFor is how many partitions a topic shall have where the settings ask for
// as many.
func partitionsFor(topic string, asked int) int {
	if topic == TopicKitchenState {
		return min(asked, 1)
	}
	return asked
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
