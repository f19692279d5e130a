package deadletter_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/deadletter"
)

// What holds on every broker is in eventstest/deadletters.go. These tests need
// faults in single requests, or a topic as nobody would set it up.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bury starts a cluster with one dead letter, at 0/0.
func bury(t *testing.T, original events.Message) (*kfake.Cluster, events.Connection) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, events.Topics()...))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	connection := events.Connection{Brokers: cluster.ListenAddrs()}
	writer, err := events.NewWriter(connection)
	require.NoError(t, err)
	require.NoError(t, writer.PublishDeadLetter(t.Context(), original, "a bad day"))
	require.NoError(t, writer.Close())
	return cluster, connection
}

func newQueue(t *testing.T, config deadletter.Config) *deadletter.Queue {
	t.Helper()
	queue, err := deadletter.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, queue.Close()) })
	return queue
}

// What was cut is not sent in place of the whole.
func TestACutLetterIsRedrivenOnlyWithItsWholeValue(t *testing.T) {
	t.Parallel()
	_, connection := bury(t, events.Message{Topic: events.TopicShip, Partition: 4, Offset: 7, Value: []byte(strings.Repeat("x", 3<<20))})
	queue := newQueue(t, deadletter.Config{Connection: connection})
	_, err := queue.Redrive(t.Context(), deadletter.Place{}, deadletter.Redrive{})
	var refused *deadletter.RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "it has only the first 65536 of 3145728 bytes: the whole lies in orders-to-ship, partition 4, offset 7")
	letter, err := queue.Redrive(t.Context(), deadletter.Place{}, deadletter.Redrive{Value: []byte("{}")})
	require.NoError(t, err)
	assert.Equal(t, deadletter.Redriven, letter.State)
}

// Kafka is away between the announcement and the message: the letter stays
// listed, and is sent when somebody says so.
func TestARedriveWithoutKafkaLeavesTheLetterListed(t *testing.T) {
	t.Parallel()
	cluster, connection := bury(t, events.Message{Topic: events.TopicShip, Value: []byte("{}")})
	var away atomic.Bool
	cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if away.Load() {
			return nil, errors.New("away"), true
		}
		return nil, nil, false
	})
	queue := newQueue(t, deadletter.Config{
		Connection: connection,
		OnStep:     func(_ deadletter.Place, step deadletter.RedriveStep) { away.Store(step == deadletter.RedriveAnnounced) },
	})
	_, err := queue.Redrive(t.Context(), deadletter.Place{}, deadletter.Redrive{})
	var unavailable *events.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.ErrorContains(t, err, "which may have happened all the same")
	listed, err := queue.List(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 1)
	assert.Equal(t, deadletter.Redriving, listed[0].State)

	away.Store(false)
	letter, err := newQueue(t, deadletter.Config{Connection: connection}).Redrive(t.Context(), deadletter.Place{}, deadletter.Redrive{Again: true})
	require.NoError(t, err)
	assert.Equal(t, 2, letter.Redrives)
}

// A message under a wrong key would be a dead letter again.
func TestAnAckUnderAWrongKeyIsRedrivenUnderItsOrders(t *testing.T) {
	t.Parallel()
	const order = "0199c2a0-5b7c-7000-8000-000000000001"
	value := `{"ticketId":"` + order + `.bake.1","orderId":"` + order + `","stage":"bake","kind":"done","by":"bob"}`
	_, connection := bury(t, events.Message{Topic: events.TopicAcks, Key: []byte("wrong"), Value: []byte(value)})
	_, err := newQueue(t, deadletter.Config{Connection: connection}).Redrive(t.Context(), deadletter.Place{}, deadletter.Redrive{})
	require.NoError(t, err)
	reader, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...), kgo.ConsumeTopics(events.TopicAcks))
	require.NoError(t, err)
	defer reader.Close()
	fetched := reader.PollFetches(t.Context())
	require.NoError(t, fetched.Err())
	require.Len(t, fetched.Records(), 1)
	assert.Equal(t, order, string(fetched.Records()[0].Key))
	assert.Equal(t, value, string(fetched.Records()[0].Value))
}
