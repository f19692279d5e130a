package eventstest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/events"
)

// patience bounds each wait, so that a promise that is broken fails its test
// instead of hanging it. It is far more than any wait takes.
const patience = time.Minute

// world is what a scenario works in: a broker, and topics and groups of its own.
type world struct {
	*testing.T
	connection events.Connection
	client     *kgo.Client
	instance   Instance
	log        *logs
}

func newWorld(t *testing.T, instance Instance) *world {
	t.Helper()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(instance.Addr()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(8<<20),
		kgo.MetadataMinAge(10*time.Millisecond),
	)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	w := &world{T: t, client: client, connection: events.Connection{Brokers: []string{instance.Addr()}}, instance: instance, log: &logs{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("what the code under test logged:\n" + w.log.String())
		}
	})
	return w
}

// ctx ends when the scenario has taken far too long.
func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	w.Cleanup(cancel)
	return ctx
}

// topic makes a topic with a name of its own.
func (w *world) topic(partitions int32, configs ...string) string {
	w.Helper()
	name := "test-" + uuid.NewString()
	w.createTopic(name, partitions, configs...)
	return name
}

func (w *world) createTopic(name string, partitions int32, configs ...string) {
	w.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic = name
	topic.NumPartitions = partitions
	topic.ReplicationFactor = 1
	for i := 0; i+1 < len(configs); i += 2 {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = configs[i], &configs[i+1]
		topic.Configs = append(topic.Configs, config)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = int32(patience / time.Millisecond)
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	require.NoError(w, kerr.ErrorForCode(response.Topics[0].ErrorCode))
	w.awaitTopic(topic.Topic, partitions)
}

// topicID tells a topic from an earlier one of the same name.
func (w *world) topicID(topic string) [16]byte {
	w.Helper()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &topic
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, asked)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	return response.Topics[0].TopicID
}

// awaitTopic waits until the whole broker knows of the topic: it answers a
// creation or deletion before that. No partitions means no topic.
func (w *world) awaitTopic(topic string, partitions int32) {
	w.Helper()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &topic
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, asked)
	require.Eventually(w, func() bool {
		response, err := request.RequestWith(w.Context(), w.client)
		if err != nil || len(response.Topics) != 1 {
			return false
		}
		if partitions == 0 {
			return response.Topics[0].ErrorCode == kerr.UnknownTopicOrPartition.Code
		}
		return int32(len(response.Topics[0].Partitions)) == partitions &&
			!slices.ContainsFunc(response.Topics[0].Partitions, func(p kmsg.MetadataResponseTopicPartition) bool { return p.ErrorCode != 0 || p.Leader < 0 })
	}, patience, 10*time.Millisecond)
}

// produce writes records with the given values into one partition and returns
// the offset of the first. The key is the partition's number.
func (w *world) produce(topic string, partition int32, values ...string) int64 {
	w.Helper()
	records := make([]*kgo.Record, len(values))
	for i, value := range values {
		records[i] = &kgo.Record{Topic: topic, Partition: partition, Key: fmt.Append(nil, partition), Value: []byte(value)}
	}
	return w.produceRecords(records...)
}

func (w *world) produceRecords(records ...*kgo.Record) int64 {
	w.Helper()
	results := w.client.ProduceSync(w.ctx(), records...)
	require.NoError(w, results.FirstErr())
	return records[0].Offset
}

// committed returns a group's offset, -1 for none.
func (w *world) committed(group, topic string, partition int32) int64 {
	w.Helper()
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = group
	asked := kmsg.NewOffsetFetchRequestTopic()
	asked.Topic, asked.Partitions = topic, []int32{partition}
	request.Topics = append(request.Topics, asked)
	groupRequest := kmsg.NewOffsetFetchRequestGroup()
	groupRequest.Group = group
	groupTopic := kmsg.NewOffsetFetchRequestGroupTopic()
	groupTopic.Topic, groupTopic.Partitions = topic, []int32{partition}
	groupRequest.Topics = append(groupRequest.Topics, groupTopic)
	request.Groups = append(request.Groups, groupRequest)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	if len(response.Groups) > 0 {
		return response.Groups[0].Topics[0].Partitions[0].Offset
	}
	return response.Topics[0].Partitions[0].Offset
}

// deleteRecords makes offset the first of a partition, as retention does.
func (w *world) deleteRecords(topic string, partition int32, offset int64) {
	w.Helper()
	at := kmsg.NewDeleteRecordsRequestTopicPartition()
	at.Partition, at.Offset = partition, offset
	of := kmsg.NewDeleteRecordsRequestTopic()
	of.Topic, of.Partitions = topic, []kmsg.DeleteRecordsRequestTopicPartition{at}
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.TimeoutMillis = int32(patience / time.Millisecond)
	request.Topics = append(request.Topics, of)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	require.NoError(w, kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode))
}

func (w *world) addPartitions(topic string, count int32) {
	w.Helper()
	of := kmsg.NewCreatePartitionsRequestTopic()
	of.Topic, of.Count = topic, count
	request := kmsg.NewPtrCreatePartitionsRequest()
	request.TimeoutMillis = int32(patience / time.Millisecond)
	request.Topics = append(request.Topics, of)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	require.NoError(w, kerr.ErrorForCode(response.Topics[0].ErrorCode))
	w.awaitTopic(topic, count)
}

func (w *world) deleteTopic(topic string) {
	w.Helper()
	of := kmsg.NewDeleteTopicsRequestTopic()
	of.Topic = &topic
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.TimeoutMillis = int32(patience / time.Millisecond)
	request.TopicNames = []string{topic}
	request.Topics = append(request.Topics, of)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	require.NoError(w, kerr.ErrorForCode(response.Topics[0].ErrorCode))
	w.awaitTopic(topic, 0)
}

func (w *world) writer(options ...events.WriterOption) *events.Writer {
	w.Helper()
	writer, err := events.NewWriter(w.connection, options...)
	require.NoError(w, err)
	w.Cleanup(func() { require.NoError(w, writer.Close()) })
	return writer
}

func (w *world) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// delivered is what a handler was called with.
type delivered struct {
	*events.Delivery
	ctx context.Context
}

// member is a consumer whose deliveries are kept in a channel, so that
// scenarios take them when they want.
type member struct {
	w          *world
	consumer   *events.Consumer
	deliveries chan delivered
	assigned   chan map[string][]int
	commits    chan int64
	cancel     context.CancelFunc
	ended      chan error
}

// join starts a member of a group. The change may be nil.
func (w *world) join(group, topic string, change func(*events.ConsumerConfig)) *member {
	w.Helper()
	m := &member{
		w: w, deliveries: make(chan delivered, 10_000), assigned: make(chan map[string][]int, 100),
		commits: make(chan int64, 10_000), ended: make(chan error, 1),
	}
	config := events.ConsumerConfig{
		Connection:  w.connection,
		Group:       group,
		Handle:      func(ctx context.Context, d *events.Delivery) { m.deliveries <- delivered{d, ctx} },
		Logger:      w.logger(),
		OnCommitted: func(_ string, _ int, offset int64) { m.commits <- offset },
		OnRebalance: func(partitions map[string][]int) { m.assigned <- partitions },
		StopWait:    -1,
		Topics:      []string{topic},
	}
	if change != nil {
		change(&config)
	}
	var err error
	m.consumer, err = events.NewConsumer(config)
	require.NoError(w, err)
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() { m.ended <- m.consumer.Run(ctx) }()
	w.Cleanup(func() { m.stop() })
	return m
}

// stop ends the member as SIGTERM does, and waits. Again it does nothing.
func (m *member) stop() {
	m.w.Helper()
	m.cancel()
	select {
	case err, ok := <-m.ended:
		if ok {
			close(m.ended)
			require.NoError(m.w, err)
		}
	case <-time.After(patience):
		require.FailNow(m.w, "the consumer does not stop")
	}
}

// next returns the next delivery.
func (m *member) next() delivered {
	m.w.Helper()
	return receive(m.w, m.deliveries, "a delivery")
}

// take returns the next n deliveries.
func (m *member) take(n int) []delivered {
	m.w.Helper()
	taken := make([]delivered, n)
	for i := range taken {
		taken[i] = m.next()
	}
	return taken
}

// awaitCommit returns once the group has committed the offset.
func (m *member) awaitCommit(offset int64) {
	m.w.Helper()
	for receive(m.w, m.commits, fmt.Sprintf("the commit of %d", offset)) != offset {
	}
}

// awaitPartitions returns once the member has that many partitions.
func (m *member) awaitPartitions(topic string, count int) []int {
	m.w.Helper()
	for {
		if partitions := receive(m.w, m.assigned, fmt.Sprintf("an assignment of %d partitions", count))[topic]; len(partitions) == count {
			return partitions
		}
	}
}

func receive[T any](w *world, c <-chan T, what string) T {
	w.Helper()
	select {
	case value := <-c:
		return value
	case <-time.After(patience):
		require.FailNow(w, "did not come: "+what)
		panic("not reached")
	}
}

func wait(w *world, c <-chan struct{}, what string) {
	w.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		require.FailNow(w, "did not come: "+what)
	}
}

// logs collects what was logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything so far.
func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) count(part string) int { return strings.Count(l.String(), part) }
