package worker_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/worker"
)

func TestAWorkerIsReadyOnlyWhileAnAckCouldBeCarried(t *testing.T) {
	t.Parallel()
	f := newFloorOn(t, server)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	f.connection = events.Connection{Brokers: cluster.ListenAddrs()}
	var readiness worker.Readiness
	require.ErrorContains(t, readiness.Check(t.Context()), "has not begun")

	ready := make(chan struct{})
	keyless := encryption.New(nil, slog.New(slog.DiscardHandler))
	stop := f.hireInBackground(server, func(c *worker.Config) {
		c.Encryption, c.Readiness, c.Ready = keyless, &readiness, func() { close(ready) }
	})
	require.Eventually(t, func() bool {
		err = readiness.Check(t.Context())
		return err != nil && err.Error() != "the worker has not begun yet"
	}, time.Minute, 10*time.Millisecond)
	assert.ErrorContains(t, err, "topic \"station-acks\" does not exist: run `cupcakery topics apply`")
	assert.ErrorContains(t, err, `the group "order-acks" has not given this worker its share yet`)

	_, err = events.ApplyTopics(t.Context(), f.connection, events.TopicSettings{Partitions: 2})
	require.NoError(t, err)
	wait(t, ready, "the worker to be ready")
	require.NoError(t, readiness.Check(t.Context()))

	var refuse atomic.Bool
	refuse.Store(true)
	cluster.ControlKey(kmsg.Produce.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !refuse.Load() {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.(*kmsg.ProduceRequest).Topics {
			refused := kmsg.NewProduceResponseTopic()
			refused.Topic, refused.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				of := kmsg.NewProduceResponseTopicPartition()
				of.Partition, of.ErrorCode = partition.Partition, kerr.InvalidTimestamp.Code
				refused.Partitions = append(refused.Partitions, of)
			}
			response.Topics = append(response.Topics, refused)
		}
		return response, nil, true
	})
	f.place()
	refused := func(topic string) string {
		return "the broker refuses this machine's clock for topic \"" + topic + "\": set the clock, or run `cupcakery topics apply`, which lets the broker date what it gets"
	}
	// The ticket and, beside it, the order's status.
	both := refused(events.TicketTopic(kitchen.Mix)) + "\n" + refused(events.TopicStatus)
	require.Eventually(t, func() bool { err = readiness.Check(t.Context()); return err != nil && err.Error() == both }, time.Minute, 10*time.Millisecond)
	refuse.Store(false)
	require.Eventually(t, func() bool { return readiness.Check(t.Context()) == nil }, time.Minute, 10*time.Millisecond, "a ticket has been written")

	keys, err := encryption.NewKeyset()
	require.NoError(t, err)
	sealed, err := encryption.New(keys, slog.New(slog.DiscardHandler)).DataOf("an order").ToPayload("Ada")
	require.NoError(t, err)
	var name string
	require.Error(t, keyless.DataOf("an order").FromPayload(sealed, &name))
	require.ErrorContains(t, readiness.Check(t.Context()), "give it the deployment's with --encryption-keyset")
	require.NoError(t, stop())

	cluster.Close()
	var unavailable *events.UnavailableError
	require.ErrorAs(t, readiness.Check(t.Context()), &unavailable)
}

func TestAWorkerWithoutItsNamespaceIsNotReady(t *testing.T) {
	t.Parallel()
	f := newFloorOn(t, server)
	lost, err := client.NewLazyClient(client.Options{HostPort: serverAddress, Namespace: "nowhere", Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(lost.Close)
	var readiness worker.Readiness
	ready := make(chan struct{})
	stop := f.hireInBackground(lost, func(c *worker.Config) {
		c.Namespace, c.Readiness, c.Ready = "nowhere", &readiness, func() { close(ready) }
	})
	wait(t, ready, "the group")
	require.EqualError(t, readiness.Check(t.Context()), "no namespace \"nowhere\" in Temporal: create it with `cupcakery temporal apply`, or give the right one with --temporal-namespace")
	require.NoError(t, stop())
}
