package events

import (
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
	return append(topics, TopicAcks, TopicShip, TopicFailures, TopicDeadLetters)
}
