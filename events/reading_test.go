package events_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/events"
)

// produce writes values into one partition of the acks.
func produce(t *testing.T, connection events.Connection, partition int32, values ...string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	require.NoError(t, err)
	defer client.Close()
	records := make([]*kgo.Record, len(values))
	for i, value := range values {
		records[i] = &kgo.Record{Topic: events.TopicAcks, Partition: partition, Value: []byte(value)}
	}
	require.NoError(t, client.ProduceSync(t.Context(), records...).FirstErr())
}

func TestReadersFollowLeadersAndCoordinators(t *testing.T) {
	t.Parallel()
	cluster, connection := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(1, events.Topics()...))
	deliveries, commits := consume(t, connection)
	for i := range int64(6) {
		require.NoError(t, cluster.MoveTopicPartition(events.TopicAcks, 0, int32(i%3)))
		if i%2 == 1 {
			cluster.RehashCoordinators()
		}
		produce(t, connection, 0, strconv.Itoa(int(i)))
		assert.Equal(t, i, await(t, deliveries).Offset, "each once, in order")
		for await(t, commits) <= i {
		}
	}
}

func TestAMemberThatTheCoordinatorHasForgottenKeepsItsWork(t *testing.T) {
	t.Parallel()
	cluster, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...))
	produce(t, connection, 0, "0")
	deliveries, rebalances := make(chan *events.Delivery, 10), make(chan map[string][]int, 10)
	commits := make(chan int64, 10)
	run(t, events.ConsumerConfig{
		Connection: connection, Group: "group", Topics: []string{events.TopicAcks}, Logger: slog.New(slog.DiscardHandler),
		Handle:      func(_ context.Context, d *events.Delivery) { deliveries <- d },
		OnCommitted: func(_ string, _ int, offset int64) { commits <- offset },
		OnRebalance: func(partitions map[string][]int) { rebalances <- partitions },
	})
	inHand := await(t, deliveries)
	await(t, rebalances)
	cluster.ControlKey(kmsg.Heartbeat.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		response := request.ResponseKind().(*kmsg.HeartbeatResponse)
		response.ErrorCode = kerr.UnknownMemberID.Code
		return response, nil, true // once
	})
	await(t, rebalances)
	inHand.Done()
	assert.Equal(t, int64(1), await(t, commits))
	produce(t, connection, 0, "1")
	assert.Equal(t, int64(1), await(t, deliveries).Offset, "what was in hand is not delivered again")
}

func TestASlowPartitionDelaysNoOther(t *testing.T) {
	t.Parallel()
	cluster, connection := newCluster(t, kfake.SeedTopics(2, events.Topics()...))
	release := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	cluster.ControlKey(kmsg.Fetch.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if request.(*kmsg.FetchRequest).Topics[0].Partitions[0].Partition == 0 {
			cluster.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	produce(t, connection, 0, "slow")
	produce(t, connection, 1, "quick")
	deliveries, _ := consume(t, connection)
	assert.Equal(t, "quick", string(await(t, deliveries).Value))
	produce(t, connection, 1, "quick again")
	assert.Equal(t, "quick again", string(await(t, deliveries).Value))
	letGo()
	assert.Equal(t, "slow", string(await(t, deliveries).Value))
}

// A backlog is read in bounded pieces, each message once and in order, and the
// log tells how it gets on.
func TestALongBacklogOfJunkIsReadOnceInBoundedPieces(t *testing.T) {
	t.Parallel()
	const total, every, limit = 100_000, 1000, 64
	cluster, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...))
	junk := strings.Repeat("junk ", 10)
	values := make([]string, total)
	for i := range values {
		if values[i] = junk; i%every == 0 {
			values[i] = fmt.Sprintf("good %d", i)
		}
	}
	produce(t, connection, 0, values...)
	var largest atomic.Int32
	cluster.ControlKey(kmsg.Fetch.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		fetch := request.(*kmsg.FetchRequest)
		largest.Store(max(largest.Load(), fetch.MaxBytes, fetch.Topics[0].Partitions[0].PartitionMaxBytes))
		return nil, nil, false
	})
	var log bytes.Buffer
	var next, most int64
	good := 0
	inHand, finished := make(chan *events.Delivery, total), make(chan int64, 1)
	go func() { // finishes what came first, as slowly as the window asks for
		for d := range inHand {
			d.Done()
		}
	}()
	run(t, events.ConsumerConfig{
		Connection: connection, Group: "group", MaxInFlight: limit, Topics: []string{events.TopicAcks},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Handle: func(_ context.Context, d *events.Delivery) {
			assert.Equal(t, next, d.Offset)
			if next++; string(d.Value) != junk {
				good++
			}
			inHand <- d
			most = max(most, int64(len(inHand)))
		},
		OnCommitted: func(_ string, _ int, offset int64) {
			if offset == total {
				finished <- offset
			}
		},
	})
	await(t, finished)
	close(inHand)
	assert.Equal(t, int64(total), next)
	assert.Equal(t, total/every, good)
	assert.LessOrEqual(t, most, int64(limit))
	assert.LessOrEqual(t, largest.Load(), int32(1<<20))
	assert.Contains(t, log.String(), "A partition is far behind; catching up")
	assert.Contains(t, log.String(), "A partition has caught up")
}

// A few bytes can unpack to more than there is memory.
func TestWhatUnpacksToFarTooMuchIsReadInPiecesOrPassedOverLoudly(t *testing.T) {
	t.Parallel()
	_, connection := newCluster(t, kfake.SeedTopics(1, events.Topics()...))
	bomber, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...), kgo.ProducerBatchMaxBytes(90<<20), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	require.NoError(t, err)
	defer bomber.Close()
	for _, size := range []int{30 << 20, 30 << 20, 30 << 20, 30 << 20, 80 << 20, 1} { // all in one fetch
		require.NoError(t, bomber.ProduceSync(t.Context(), &kgo.Record{Topic: events.TopicAcks, Value: make([]byte, size)}).FirstErr())
	}
	var log bytes.Buffer
	var most atomic.Int32
	offsets := make(chan int64, 10)
	run(t, events.ConsumerConfig{
		Connection: connection, Group: "group", Topics: []string{events.TopicAcks}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Handle:    func(_ context.Context, d *events.Delivery) { offsets <- d.Offset; d.Done() },
		OnFetched: func(_ string, _, messages int, _ int64) { most.Store(max(most.Load(), int32(messages))) },
	})
	for _, offset := range []int64{0, 1, 2, 3, 5} {
		assert.Equal(t, offset, await(t, offsets))
	}
	assert.LessOrEqual(t, most.Load(), int32(3))
	assert.Contains(t, log.String(), "A batch is too large when it is unpacked")
}
