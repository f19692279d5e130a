package events_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// These tests put faults into single requests of the protocol.

const patience = time.Minute

func newCluster(t *testing.T, options ...kfake.Opt) (*kfake.Cluster, events.Connection) {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster, events.Connection{Brokers: cluster.ListenAddrs()}
}

func newAck(t *testing.T) kitchen.Ack {
	t.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
	return kitchen.Ack{TicketID: ref.TicketID(), OrderID: orderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "bob", At: time.Now()}
}

func newWriter(t *testing.T, connection events.Connection) *events.Writer {
	t.Helper()
	writer, err := events.NewWriter(connection)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, writer.Close()) })
	return writer
}

// consume starts a consumer of the acks that finishes everything at once, and
// returns what it gets and the offsets it commits.
func consume(t *testing.T, connection events.Connection) (<-chan *events.Delivery, <-chan int64) {
	t.Helper()
	deliveries, commits := make(chan *events.Delivery, 1000), make(chan int64, 1000)
	run(t, events.ConsumerConfig{
		Connection: connection, Group: "group", Topics: []string{events.TopicAcks}, Logger: slog.New(slog.DiscardHandler),
		Handle:      func(_ context.Context, d *events.Delivery) { d.Done(); deliveries <- d },
		OnCommitted: func(_ string, _ int, offset int64) { commits <- offset },
	})
	return deliveries, commits
}

// run starts a consumer that is stopped when the test ends.
func run(t *testing.T, config events.ConsumerConfig) {
	t.Helper()
	consumer, err := events.NewConsumer(config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- consumer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, await(t, ended))
	})
}

func await[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case value := <-c:
		return value
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		panic("not reached")
	}
}

func TestRefusedCommitIsMadeUpForWithoutRedelivery(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.CoordinatorLoadInProgress} {
		t.Run(code.Message, func(t *testing.T) {
			cluster, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...))
			cluster.ControlKey(kmsg.OffsetCommit.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
				response := request.ResponseKind().(*kmsg.OffsetCommitResponse)
				for _, topic := range request.(*kmsg.OffsetCommitRequest).Topics {
					refused := kmsg.NewOffsetCommitResponseTopic()
					refused.Topic = topic.Topic
					for _, p := range topic.Partitions {
						refused.Partitions = append(refused.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code.Code})
					}
					response.Topics = append(response.Topics, refused)
				}
				return response, nil, true // once
			})
			writer := newWriter(t, connection)
			deliveries, commits := consume(t, connection)
			require.NoError(t, writer.PublishAck(t.Context(), newAck(t)))
			assert.Equal(t, int64(0), await(t, deliveries).Offset)
			assert.Equal(t, int64(1), await(t, commits))
			require.NoError(t, writer.PublishAck(t.Context(), newAck(t)))
			assert.Equal(t, int64(1), await(t, deliveries).Offset, "what was finished is not delivered again")
		})
	}
}

func TestWriterTriesAgainWhenAPartitionHasNoLeader(t *testing.T) {
	t.Parallel()
	cluster, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...))
	var refused atomic.Int32
	cluster.ControlKey(kmsg.Produce.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		if refused.Add(1) > 3 {
			return nil, nil, false
		}
		cluster.KeepControl()
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.(*kmsg.ProduceRequest).Topics {
			answer := kmsg.NewProduceResponseTopic()
			answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				partition := kmsg.NewProduceResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, kerr.NotLeaderForPartition.Code
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
		return response, nil, true
	})
	require.NoError(t, newWriter(t, connection).PublishAck(t.Context(), newAck(t)))
	assert.Greater(t, refused.Load(), int32(3))
}

// A lost answer makes the writer write twice. Nobody can prevent that without
// an idempotent producer; the id makes the second recognisable.
func TestRepeatedPublishIsRecognisable(t *testing.T) {
	t.Parallel()
	proxy := &lossyProxy{}
	cluster, _ := newCluster(t, kfake.SeedTopics(1, events.Topics()...), kfake.ListenFn(proxy.listen))
	connection := events.Connection{Brokers: []string{proxy.addr}}
	loseFirst := sync.OnceFunc(func() { proxy.loseNextAnswer.Store(true) })
	cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		loseFirst()
		return nil, nil, false // the request is carried out
	})
	require.NoError(t, newWriter(t, connection).PublishAck(t.Context(), newAck(t)))
	deliveries, _ := consume(t, connection)
	first, second := await(t, deliveries), await(t, deliveries)
	firstID, _ := first.Header("ce_id")
	secondID, _ := second.Header("ce_id")
	assert.Equal(t, firstID, secondID)
}

// lossyProxy can close a broker's connection instead of handing on what the
// broker answers.
type lossyProxy struct {
	addr           string
	loseNextAnswer atomic.Bool
}

// listen gives the broker a listener whose connections lose answers.
func (p *lossyProxy) listen(network, address string) (net.Listener, error) {
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	p.addr = listener.Addr().String()
	return lossyListener{listener, p}, nil
}

type lossyListener struct {
	net.Listener
	proxy *lossyProxy
}

func (l lossyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return lossyConn{conn, l.proxy}, nil
}

type lossyConn struct {
	net.Conn
	proxy *lossyProxy
}

func (c lossyConn) Write(p []byte) (int, error) {
	if c.proxy.loseNextAnswer.CompareAndSwap(true, false) {
		_ = c.Close() // the point of it
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func TestAPublishEndsWithItsContext(t *testing.T) {
	t.Parallel()
	cluster, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...))
	writer := newWriter(t, connection)
	require.NoError(t, writer.PublishAck(t.Context(), newAck(t)))
	arrived, release := make(chan struct{}), make(chan struct{})
	arrive := sync.OnceFunc(func() { close(arrived) })
	defer close(release)
	cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(func() { arrive(); <-release })
		return nil, nil, false
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	require.ErrorIs(t, writer.PublishAck(ctx, newAck(t)), context.Canceled)

	var unavailable *events.UnavailableError
	expired, cancelExpired := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelExpired()
	require.ErrorAs(t, writer.PublishAck(expired, newAck(t)), &unavailable)
}

func TestADeadLetterThatItsTopicRefusesIsCut(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	_, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...)) // with Kafka's own limit of 1 MiB
	writer := newWriter(t, connection)
	original := events.Message{Topic: events.TopicAcks, Offset: 7, Key: []byte("key"), Value: []byte(strings.Repeat("x", size))}
	require.NoError(t, writer.PublishDeadLetter(t.Context(), original, "too large"))
	original.Value = []byte(strings.Repeat("y", 20<<20)) // more than the writer itself takes
	require.NoError(t, writer.PublishDeadLetter(t.Context(), original, "too large"))
	original.Key = original.Value // and neither its key nor its headers may keep it out
	for i := range 100_000 {
		original.Headers = append(original.Headers, events.Header{Key: strconv.Itoa(i), Value: []byte("small")})
	}
	original.Headers = append(original.Headers, events.Header{Key: "large", Value: original.Value})
	require.NoError(t, writer.PublishDeadLetter(t.Context(), original, "too large"))

	client, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...), kgo.ConsumeTopics(events.TopicDeadLetters))
	require.NoError(t, err)
	defer client.Close()
	var letters []*kgo.Record
	for len(letters) < 3 {
		fetched := client.PollFetches(t.Context())
		require.NoError(t, fetched.Err())
		letters = append(letters, fetched.Records()...)
	}
	for i, size := range []int{size, 20 << 20, 20 << 20} {
		assert.Len(t, letters[i].Value, 64<<10)
		assert.Contains(t, letters[i].Headers, kgo.RecordHeader{Key: events.HeaderDeadSize, Value: []byte(strconv.Itoa(size))})
		assert.Contains(t, letters[i].Headers, kgo.RecordHeader{Key: events.HeaderDeadOffset, Value: []byte("7")})
	}
}

// Whoever has not reached Kafka yet has nothing to wait for.
func TestAConsumerWithoutKafkaStopsAtOnce(t *testing.T) {
	t.Parallel()
	cluster, connection := newCluster(t)
	cluster.Close()
	var log bytes.Buffer
	consumer, err := events.NewConsumer(events.ConsumerConfig{
		Connection: connection, Group: "group", Topics: []string{events.TopicAcks}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Handle: func(context.Context, *events.Delivery) {},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	cancel()
	require.NoError(t, await(t, ended))
	assert.NotContains(t, log.String(), "did not confirm that this member left")
}

func TestClosedWriterRefuses(t *testing.T) {
	t.Parallel()
	_, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...))
	writer, err := events.NewWriter(connection, events.WithSource("/test"))
	require.NoError(t, err)
	require.NoError(t, writer.PublishAck(t.Context(), newAck(t)))
	require.NoError(t, writer.Close())
	require.ErrorContains(t, writer.PublishAck(t.Context(), newAck(t)), "the writer is closed")
}

func TestConsumerAndTailNameEveryFaultOfTheirSettings(t *testing.T) {
	_, err := events.NewConsumer(events.ConsumerConfig{MaxInFlight: -1, SessionTimeout: time.Second})
	require.Error(t, err)
	for _, fault := range []string{"group: missing", "topics: none given", "handle: missing", "max in flight: -1", "session timeout: 1s", "brokers: none given"} {
		assert.ErrorContains(t, err, fault)
	}
	err = events.Tail(t.Context(), events.TailConfig{})
	require.Error(t, err)
	for _, fault := range []string{"topics: none given", "handle: missing", "brokers: none given"} {
		assert.ErrorContains(t, err, fault)
	}
	_, err = events.ApplyTopics(t.Context(), events.Connection{}, events.TopicSettings{Partitions: -1, Replication: -2})
	require.ErrorContains(t, err, "partitions: -1 must be from 1 to 10000, or 0 for as many as there are")
	require.ErrorContains(t, err, "replication: -2 must be at least 1")
}

// A partition that comes to be after the group's leader has handed them out,
// but before this member begins to read, is in nobody's assignment.
func TestPartitionsAddedWhileJoiningAreRead(t *testing.T) {
	t.Parallel()
	cluster, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...))
	client, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(10*time.Millisecond))
	require.NoError(t, err)
	defer client.Close()
	add := sync.OnceFunc(func() {
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = events.TopicAcks, 2
		request := kmsg.NewPtrCreatePartitionsRequest()
		request.Topics = append(request.Topics, topic)
		response, err := request.RequestWith(context.Background(), client)
		if assert.NoError(t, err) {
			assert.Zero(t, response.Topics[0].ErrorCode)
		}
	})
	cluster.ControlKey(kmsg.OffsetFetch.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(add) // the member asks for its places right before it begins to read
		return nil, nil, false
	})
	deliveries, _ := consume(t, connection)
	require.Eventually(t, func() bool {
		client.ForceMetadataRefresh()
		return client.ProduceSync(t.Context(), &kgo.Record{Topic: events.TopicAcks, Partition: 1, Value: []byte("new")}).FirstErr() == nil
	}, patience, 50*time.Millisecond)
	assert.Equal(t, 1, await(t, deliveries).Partition)
}
