package events_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestABrokerThatRefusesOurClockIsReportedWithTheRemedy(t *testing.T) {
	t.Parallel()
	var behind atomic.Int64
	behind.Store(int64(2 * time.Hour))
	broker, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{
		Logger: slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) },
	})
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	admin := kafka.Client{Addr: kafka.TCP(broker.Addr()), Transport: transport}
	create := func(topic, timestampType string) {
		created, err := admin.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
			Topic: topic, NumPartitions: 1, ReplicationFactor: 1,
			ConfigEntries: []kafka.ConfigEntry{{ConfigName: "message.timestamp.type", ConfigValue: timestampType}},
		}}})
		require.NoError(t, err)
		require.NoError(t, created.Errors[topic])
	}
	create(events.TicketTopic(kitchen.Mix), "CreateTime")
	create(events.TicketTopic(kitchen.Bake), "LogAppendTime")

	var log bytes.Buffer
	var hooked []error
	writer, err := events.NewWriter(events.Connection{Brokers: []string{broker.Addr()}},
		events.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
		events.WithOnWritten(func(_ string, _ int, err error) { hooked = append(hooked, err) }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, writer.Close()) })
	publish := func(stage kitchen.Stage) error {
		orderID, err := kitchen.NewOrderID()
		require.NoError(t, err)
		ref := kitchen.TicketRef{OrderID: orderID, Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
		return writer.PublishTicket(t.Context(), kitchen.Ticket{TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: orderID, Stage: stage, Pass: 1, Attempt: 1})
	}

	for range 2 {
		err = publish(kitchen.Mix)
		var clock *events.ClockError
		require.ErrorAs(t, err, &clock)
		require.Equal(t, events.TicketTopic(kitchen.Mix), clock.Topic)
		require.ErrorContains(t, err, "set the clock, or let the broker date the records (LogAppendTime): `cupcakery topics apply`")
		require.ErrorAs(t, hooked[len(hooked)-1], &clock, "whoever counts writes is told as well")
		var away *events.UnavailableError
		require.NotErrorAs(t, err, &away, "it is no outage")
	}
	require.NoError(t, publish(kitchen.Bake), "a broker that dates the records itself does not care for our clock")
	require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), "said once: %s", log.String())
	require.NotContains(t, log.String(), "level=INFO")

	behind.Store(0)
	require.NoError(t, publish(kitchen.Mix))
	require.NoError(t, publish(kitchen.Mix))
	require.Equal(t, 1, strings.Count(log.String(), "Kafka takes this machine's clock again"))
}
