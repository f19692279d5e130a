package eventstest

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// readingScenarios are what other clients and operators do to a log.
var readingScenarios = []scenario{
	{"OnlyCommittedTransactionsAreRead", transactions},
	{"AnOpenTransactionThatHoldsAPartitionBackIsLogged", openTransaction},
	{"ATopicThatIsMadeAnewIsReadFromItsBeginning", recreatedTopic},
	{"ReadersWaitForATopicThatIsNotThereYet", awaitedTopic},
	{"AGroupGoesOnWhereAnOperatorHasPutIt", resetGroup},
	{"AppendTimesAreKnownAndLookedBackBy", appendTimes},
	{"SenderTimesAreNotTakenForAppendTimes", senderTimes},
}

// producer returns one that writes transactions into the first partition.
func (w *world) producer(topic string) *kgo.Client {
	w.Helper()
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.instance.Addr()), kgo.TransactionalID(uuid.NewString()),
		kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(w, err)
	w.Cleanup(producer.Close)
	return producer
}

// open begins a transaction with a record that the broker has.
func (w *world) open(producer *kgo.Client, value string) {
	w.Helper()
	require.NoError(w, producer.BeginTransaction())
	require.NoError(w, producer.ProduceSync(w.ctx(), kgo.StringRecord(value)).FirstErr())
}

func (w *world) end(producer *kgo.Client, how kgo.TransactionEndTry) {
	w.Helper()
	require.NoError(w, producer.EndTransaction(w.ctx(), how))
}

// awaitEnd awaits a fetch that shows the end of a partition.
func (w *world) awaitEnd(ends <-chan int64, end int64) {
	w.Helper()
	for receive(w, ends, "a fetch that shows the end") < end {
	}
}

func transactions(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0")
	ends := make(chan int64, 1000)
	m := w.join(group, topic, func(c *events.ConsumerConfig) {
		c.OnFetched = func(_ string, _, _ int, highWatermark int64) { ends <- highWatermark }
	})
	m.next().Done()
	tail := w.tail(topic)
	assert.Equal(w, "0", string(tail.next().Value))

	producer := w.producer(topic)
	w.open(producer, "1 is aborted")
	w.produce(topic, 0, "2")
	w.awaitEnd(ends, 3)
	m.awaitCommit(1)
	assert.Empty(w, m.deliveries, "what is not committed is not read, nor what lies behind it")
	w.end(producer, kgo.TryAbort)
	d := m.next()
	assert.Equal(w, int64(2), d.Offset)
	d.Done()
	m.awaitCommit(4) // past the marker
	assert.Equal(w, int64(2), tail.next().Offset)

	w.open(producer, "4 is committed")
	w.end(producer, kgo.TryCommit)
	d = m.next()
	assert.Equal(w, int64(4), d.Offset)
	d.Done()
	assert.Equal(w, int64(4), tail.next().Offset)
	m.awaitCommit(6)

	w.open(producer, "6 is aborted, and the last")
	w.end(producer, kgo.TryAbort)
	m.awaitCommit(8)
	late := w.tail(topic)
	wait(w, late.caughtUp, "the end of a tail that ends with an aborted transaction")
	assert.Len(w, late.messages, 3)
	assert.Empty(w, m.deliveries)
}

func openTransaction(w *world) {
	topic := w.topic(1)
	held := make(chan int64, 1)
	m := w.join(uuid.NewString(), topic, func(c *events.ConsumerConfig) {
		c.OnHeldBack = func(_ string, _ int, offset int64) { held <- offset }
	})
	w.produce(topic, 0, "0")
	producer := w.producer(topic)
	w.open(producer, "1")
	w.produce(topic, 0, "2")
	m.next().Done()
	assert.Equal(w, int64(1), receive(w, held, "the report of the transaction"))
	assert.Equal(w, 1, w.log.count("An open transaction holds the partition back"))
	w.end(producer, kgo.TryCommit)
	m.take(2)
	assert.Empty(w, held, "it is logged once")
	require.Eventually(w, func() bool { return w.log.count("The transaction that held the partition back has ended") == 1 }, patience, 10*time.Millisecond)
}

// records reads what lies in a partition as another client sees it.
func (w *world) records(topic string) []*kgo.Record {
	w.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.instance.Addr()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	require.NoError(w, err)
	defer client.Close()
	var records []*kgo.Record
	for end := int64(1); len(records) == 0 || records[len(records)-1].Offset < end-1; {
		fetches := client.PollFetches(w.ctx())
		require.NoError(w, fetches.Err())
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { end = p.HighWatermark })
		records = append(records, fetches.Records()...)
	}
	return records
}

// compactedAway has a broker of its own that has no topic yet, because it
// changes how often the broker looks for what to compact.
func compactedAway(w *world) {
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = "log.cleaner.backoff.ms", kmsg.StringPtr("100")
	broker := kmsg.NewIncrementalAlterConfigsRequestResource()
	broker.ResourceType, broker.Configs = kmsg.ConfigResourceTypeBroker, append(broker.Configs, config)
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, broker)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	require.NoError(w, kerr.ErrorForCode(response.Resources[0].ErrorCode))

	topic, group := w.topic(1, "cleanup.policy", "compact", "segment.ms", "50", "min.cleanable.dirty.ratio", "0", "segment.bytes", "1048576"), uuid.NewString()
	record := func(key string) *kgo.Record {
		return &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte("a " + key)}
	}
	w.produceRecords(record("kept"), record("gone"), record("gone too")) // one batch
	m := w.join(group, topic, nil)
	m.next().Done()
	m.awaitCommit(1)
	m.stop()
	w.produceRecords(record("gone"), record("gone too"))
	require.Eventually(w, func() bool {
		w.produceRecords(record("filler")) // else the segment is in use, and not compacted
		return !slices.ContainsFunc(w.records(topic), func(r *kgo.Record) bool { return r.Offset == 1 || r.Offset == 2 })
	}, patience, 100*time.Millisecond)

	m = w.join(group, topic, nil)
	d := m.next()
	assert.GreaterOrEqual(w, d.Offset, int64(3))
	d.Done()
	m.awaitCommit(d.Offset + 1)
	tail := w.tail(topic)
	wait(w, tail.caughtUp, "the end of a tail with gaps")
	assert.Equal(w, "kept", string(tail.next().Key))
}

// compactedFlags needs the broker that compactedAway has made quick. Its topic has the
// factory's name, and goes again.
func compactedFlags(w *world) {
	w.createTopic(events.TopicKitchenState, 1, "cleanup.policy", "compact", "segment.ms", "50", "min.cleanable.dirty.ratio", "0", "segment.bytes", "1048576")
	defer w.deleteTopic(events.TopicKitchenState)
	writer, at := w.writer(), time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	put := func(kind kitchen.FlagKind, of, by string) string {
		id := uuid.NewString()
		err := writer.PublishFlag(w.ctx(), id, kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kind, Of: of}, By: by, At: at})
		require.NoError(w, err)
		return id
	}
	follow := func() (*events.Flags, chan events.FlagRecord) {
		records := make(chan events.FlagRecord, 10_000)
		flags := events.NewFlags(events.FlagsConfig{Connection: w.connection, Logger: w.logger(), OnRecord: func(record events.FlagRecord) { records <- record }})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- flags.Run(ctx) }()
		w.Cleanup(func() {
			cancel()
			assert.NoError(w, <-ended)
		})
		wait(w, flags.Read(), "the end of kitchen-state")
		return flags, records
	}
	early, records := follow()
	put(kitchen.FlagPaused, "bake", "Ann")
	put(kitchen.FlagSoldOut, "lemon", "Ann")
	put(kitchen.FlagPaused, "mix", "Ann")
	err := writer.TakeBackFlag(w.ctx(), uuid.NewString(), kitchen.FlagAt{Kind: kitchen.FlagPaused, Of: "bake"})
	require.NoError(w, err)
	last := put(kitchen.FlagSoldOut, "lemon", "Bob")
	require.Eventually(w, func() bool {
		last = put(kitchen.FlagSessions, "filler", "Ann") // else the segment is in use, and not compacted
		first := w.records(events.TopicKitchenState)[0]
		return first.Offset > 1
	}, patience, 100*time.Millisecond)
	for receive(w, records, "the last flag").ID() != last {
	}
	late, _ := follow()
	for _, flags := range []*events.Flags{early, late} {
		paused, soldOut := flags.All(kitchen.FlagPaused), flags.All(kitchen.FlagSoldOut)
		require.Len(w, paused, 1)
		assert.Equal(w, kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagPaused, Of: "mix"}, By: "Ann", At: at}, paused[0])
		require.Len(w, soldOut, 1)
		assert.Equal(w, "Bob", soldOut[0].By)
	}
}

func awaitedTopic(w *world) {
	topic := "test-" + uuid.NewString()
	m, tail := w.join(uuid.NewString(), topic, nil), w.tail(topic)
	require.Eventually(w, func() bool { return w.log.count("does not exist: run `cupcakery topics apply`") >= 2 }, patience, 10*time.Millisecond)
	w.createTopic(topic, 1)
	w.produce(topic, 0, "0")
	assert.Equal(w, "0", string(m.next().Value))
	assert.Equal(w, "0", string(tail.next().Value))
}

func recreatedTopic(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0", "1", "2")
	m := w.join(group, topic, nil)
	tail := w.tail(topic)
	for _, d := range m.take(3) {
		d.Done()
		tail.next()
	}
	m.awaitCommit(3)
	w.deleteTopic(topic)
	require.Eventually(w, func() bool { return w.log.count("does not exist: run `cupcakery topics apply`") > 0 }, patience, 10*time.Millisecond)
	w.createTopic(topic, 1)
	w.client.PurgeTopicsFromClient(topic)
	w.produce(topic, 0, "new 0", "new 1", "new 2", "new 3")
	for i, d := range m.take(4) {
		assert.Equal(w, int64(i), d.Offset)
		d.Done()
		assert.Equal(w, d.Value, tail.next().Value)
	}
	m.awaitCommit(4)
	assert.Equal(w, int64(4), w.committed(group, topic, 0))
}

func resetGroup(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0", "1", "2")
	put := func(offset int64) {
		w.Helper()
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Offset = offset
		of := kmsg.NewOffsetCommitRequestTopic()
		of.Topic, of.TopicID, of.Partitions = topic, w.topicID(topic), append(of.Partitions, partition)
		request := kmsg.NewPtrOffsetCommitRequest()
		request.Group, request.Topics = group, append(request.Topics, of)
		response, err := request.RequestWith(w.ctx(), w.client)
		require.NoError(w, err)
		require.NoError(w, kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode))
	}
	m := w.join(group, topic, nil)
	for _, d := range m.take(3) {
		d.Done()
	}
	m.awaitCommit(3)
	m.stop()
	put(0) // to the beginning
	m = w.join(group, topic, nil)
	for i, d := range m.take(3) {
		assert.Equal(w, int64(i), d.Offset)
	}
	m.stop()
	assert.Equal(w, int64(0), w.committed(group, topic, 0))
	put(3) // to the end
	m = w.join(group, topic, nil)
	m.awaitPartitions(topic, 1)
	w.produce(topic, 0, "3")
	assert.Equal(w, int64(3), m.next().Offset)
	m.stop()
	put(100) // where there is nothing
	m = w.join(group, topic, nil)
	assert.Equal(w, int64(0), m.next().Offset)
	assert.Equal(w, 1, w.log.count("The log ends before the offset to read next"))
}

func senderTimes(w *world) {
	topic := w.topic(1)
	old := time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC)
	w.produceRecords(&kgo.Record{Topic: topic, Timestamp: old}, &kgo.Record{Topic: topic, Timestamp: time.Now().Add(time.Minute)})
	tail := w.tailWith(func(c *events.TailConfig) { c.LookBack = time.Second }, topic)
	for range 2 { // all of it, whatever its times say
		assert.False(w, tail.next().Appended)
	}
	wait(w, tail.caughtUp, "the end of the topic")
}

// appendTimes is for brokers that keep them.
func appendTimes(w *world) {
	const ago = 2 * time.Second
	topic := w.topic(1, "message.timestamp.type", "LogAppendTime")
	append := func(value string) time.Time {
		w.Helper()
		offset := w.produceRecords(&kgo.Record{Topic: topic, Value: []byte(value), Timestamp: time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC)})
		return w.records(topic)[offset].Timestamp
	}
	old := append("old")
	require.Eventually(w, func() bool { return append("filler").Sub(old) > 2*ago }, patience, ago/10)
	producer := w.producer(topic)
	w.open(producer, "aborted")
	w.produce(topic, 0, "newest")
	w.end(producer, kgo.TryAbort) // the newest of all is its marker

	first := w.tail(topic).next()
	assert.True(w, first.Appended)
	assert.True(w, old.Equal(first.Time), "the broker's time, and not the sender's")
	tail := w.tailWith(func(c *events.TailConfig) { c.LookBack = ago }, topic)
	wait(w, tail.caughtUp, "the end of the topic")
	message := tail.next()
	assert.Greater(w, message.Offset, int64(0), "what is older is not read")
	for string(message.Value) != "newest" {
		message = tail.next()
	}
	assert.Empty(w, tail.messages)
}
