package eventstest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// topicsOf names the topics that are changed.
func topicsOf(changes []events.TopicChange) []string {
	var topics []string
	for _, change := range changes {
		topics = append(topics, change.Topic)
	}
	return topics
}

// configure sets a topic's settings as an operator does.
func (w *world) configure(topic string, settings map[string]string) {
	w.Helper()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for name, value := range settings {
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Value, config.Op = name, &value, kmsg.IncrementalAlterConfigOpSet
		resource.Configs = append(resource.Configs, config)
	}
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	require.NoError(w, kerr.ErrorForCode(response.Resources[0].ErrorCode))
}

// settings are a topic's as the broker has them.
func (w *world) settings(topic string) map[string]string {
	w.Helper()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	settings := make(map[string]string)
	for _, config := range response.Resources[0].Configs {
		if config.Value != nil {
			settings[config.Name] = *config.Value
		}
	}
	return settings
}

func driftedTopics(w *world) {
	ctx := w.ctx()
	settings := events.TopicSettings{NoticeTime: time.Millisecond}
	_, err := events.ApplyTopics(ctx, w.connection, settings)
	require.NoError(w, err)
	day := 24 * time.Hour
	milliseconds := func(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
	for topic, expected := range map[string]map[string]string{
		events.TicketTopic(kitchen.Mix): {"retention.ms": milliseconds(7 * day)},
		events.TopicAcks:                {"retention.ms": milliseconds(7 * day)},
		events.TopicShip:                {"retention.ms": milliseconds(30 * day)},
		events.TopicFailures:            {"retention.ms": milliseconds(30 * day)},
		events.TopicStatus:              {"retention.ms": milliseconds(30 * day)},
		events.TopicDeadLetters:         {"retention.ms": "-1", "max.message.bytes": fmt.Sprint(events.MaxDeadLetterBytes)},
	} {
		got := w.settings(topic)
		expected["cleanup.policy"], expected["message.timestamp.type"] = "delete", "LogAppendTime"
		expected["retention.bytes"], expected["min.insync.replicas"] = "-1", "1"
		for name, value := range expected {
			assert.Equal(w, value, got[name], "%s of %s", name, topic)
		}
	}

	w.configure(events.TopicAcks, map[string]string{
		"cleanup.policy": "compact", "message.timestamp.type": "CreateTime", "retention.ms": milliseconds(time.Hour), "min.insync.replicas": "2",
	})
	w.configure(events.TopicDeadLetters, map[string]string{"retention.ms": milliseconds(365 * day), "max.message.bytes": "1000000"})
	w.configure(events.TopicShip, map[string]string{"retention.ms": milliseconds(365 * day)})
	w.configure(events.TopicFailures, map[string]string{"retention.ms": "-1"})
	require.NoError(w, events.CheckTopics(ctx, w.connection), "they can be used all the same")
	err = events.CheckTopicSettings(ctx, w.connection, settings)
	require.Error(w, err)
	for _, told := range []string{
		`topic "station-acks" has cleanup.policy compact instead of delete`,
		`topic "station-acks" has message.timestamp.type CreateTime instead of LogAppendTime`,
		`topic "station-acks" has retention.ms 3600000 (1h) instead of 604800000 (168h)`,
		`topic "station-acks" has min.insync.replicas 2 instead of 1`,
		`topic "dead-letters" has retention.ms 31536000000 (8760h) instead of -1 (for ever)`,
		`topic "dead-letters" has max.message.bytes 1000000 instead of 16777216`,
		"run `cupcakery topics apply`",
	} {
		assert.ErrorContains(w, err, told)
	}
	for _, longer := range []string{events.TopicShip, events.TopicFailures} {
		assert.NotContains(w, err.Error(), longer, "who keeps longer does so on purpose")
	}

	changed, err := events.ApplyTopics(ctx, w.connection, settings)
	require.NoError(w, err)
	assert.Equal(w, []string{events.TopicAcks, events.TopicDeadLetters}, topicsOf(changed))
	require.NoError(w, events.CheckTopicSettings(ctx, w.connection, settings))
	assert.Equal(w, milliseconds(365*day), w.settings(events.TopicShip)["retention.ms"])
	err = events.CheckTopicSettings(ctx, w.connection, events.TopicSettings{Partitions: 100, Replication: 3, Retention: 8 * day})
	const command = "run `cupcakery topics apply --partitions 100 --replication 3 --retention 192h`"
	require.ErrorContains(w, err, `topic "station-acks" has retention.ms 604800000 (168h) instead of 691200000 (192h), and boards, stations and figures read it again: `+command)
	require.ErrorContains(w, err, "partitions where 100 are asked for: "+command)
	require.ErrorContains(w, err, `topic "station-acks" lies on 1 brokers where 3 are asked for: start more brokers, there are 1`)
}

// judgedByFormerPartitions adds partitions twice: as we do, and with another
// tool.
func judgedByFormerPartitions(w *world) {
	ctx := w.ctx()
	settings := events.TopicSettings{NoticeTime: time.Millisecond}
	apply := func(partitions int) int {
		w.Helper()
		settings.Partitions = partitions
		_, err := events.ApplyTopics(ctx, w.connection, settings)
		require.NoError(w, err)
		at, err := events.PlanTopics(ctx, w.connection, events.TopicSettings{Partitions: 1000})
		require.NoError(w, err)
		return at[0].Before
	}
	first := apply(3)
	second, third := first+2, first+4
	// Orders whose partition changes each time.
	var orders []kitchen.TicketRef
	for len(orders) < 40 {
		order := newTicket(w)
		at := func(partitions int) int { return JavaPartition([]byte(order.OrderID), partitions) }
		if at(first) != at(second) && at(second) != at(third) && at(first) != at(third) {
			orders = append(orders, order)
		}
	}
	publish := func() {
		w.Helper()
		writer := w.writer() // a new one knows all partitions
		for _, order := range orders {
			require.NoError(w, writer.PublishAck(ctx, kitchen.Ack{
				TicketID: order.TicketID(), OrderID: order.OrderID, Stage: order.Stage, Kind: kitchen.AckStarted, By: "bob", At: time.Now(),
			}))
		}
	}
	// put writes an ack of each order where it was among a former number of
	// partitions.
	put := func(former int, headers ...kgo.RecordHeader) {
		w.Helper()
		var records []*kgo.Record
		for _, order := range orders {
			value := fmt.Appendf(nil, `{"ticketId":%q,"orderId":%q,"stage":"bake","kind":"started","by":"eve"}`, order.TicketID(), order.OrderID)
			partition := int32(JavaPartition([]byte(order.OrderID), former))
			records = append(records, &kgo.Record{Topic: events.TopicAcks, Partition: partition, Key: []byte(order.OrderID), Value: value, Headers: headers})
		}
		w.produceRecords(records...)
	}
	// believed is how many acks of our orders a reader that begins now believes,
	// and how many it does not.
	believed := func() (good, misplaced int) {
		w.Helper()
		tail := w.tail(events.TopicAcks)
		wait(w, tail.caughtUp, "the end of the acks")
		for len(tail.messages) > 0 {
			ack, err := events.DecodeAck(tail.next())
			if !isOf(orders, ack) {
				continue
			}
			var elsewhere *events.MisplacedError
			if err == nil {
				good++
			} else if assert.ErrorAs(w, err, &elsewhere) {
				misplaced++
			}
		}
		return good, misplaced
	}
	expect := func(good, misplaced int, why string) {
		w.Helper()
		gotGood, gotMisplaced := believed()
		assert.Equal(w, []int{good, misplaced}, []int{gotGood, gotMisplaced}, why)
	}

	good, misplaced := 0, 0
	publish()
	good += len(orders)
	expect(good, misplaced, "before")

	require.Equal(w, second, apply(second))
	expect(good, misplaced, "what was written before is believed where it lies")
	publish()
	good += len(orders)
	expect(good, misplaced, "and what comes after it is believed in its new place")
	put(first)
	misplaced += len(orders)
	expect(good, misplaced, "but no longer in the former")
	put(first, kgo.RecordHeader{Key: events.HeaderForwarded, Value: []byte("station-acks/0/0")})
	good += len(orders)
	expect(good, misplaced, "unless a worker has put it there")

	w.addPartitions(events.TopicAcks, int32(third))
	publish()
	put(second)
	good += 2 * len(orders)
	expect(good, misplaced, "as long as nothing is noted, either number is good")
	err := events.CheckTopicSettings(ctx, w.connection, events.TopicSettings{})
	require.ErrorContains(w, err, fmt.Sprintf("topic \"station-acks\" has got %d partitions since `cupcakery topics apply` ran last, where it had %d", third, second))
	require.ErrorContains(w, err, fmt.Sprintf("topic \"orders-to-mix\" has %d partitions where %d others", second, third))
	require.Equal(w, third, apply(third))
	require.NoError(w, events.CheckTopicSettings(ctx, w.connection, events.TopicSettings{}))
	expect(good, misplaced, "what was written meanwhile stays good")
	put(second)
	misplaced += len(orders)
	expect(good, misplaced, "and that is over now")
}

func isOf(orders []kitchen.TicketRef, ack kitchen.Ack) bool {
	for _, order := range orders {
		if order.OrderID == ack.OrderID {
			return true
		}
	}
	return false
}
