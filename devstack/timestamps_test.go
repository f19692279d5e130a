package devstack_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/cupcakery/cupcakery/devstack"
)

// createTimedTopic makes a topic with the given timestamp type.
func createTimedTopic(t *testing.T, client *kgo.Client, topic, timestampType string) {
	t.Helper()
	request := kmsg.NewPtrCreateTopicsRequest()
	created := kmsg.NewCreateTopicsRequestTopic()
	created.Topic, created.NumPartitions, created.ReplicationFactor = topic, 1, 1
	config := kmsg.NewCreateTopicsRequestTopicConfig()
	config.Name, config.Value = "message.timestamp.type", &timestampType
	created.Configs = append(created.Configs, config)
	request.Topics = append(request.Topics, created)
	response, err := request.RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(response.Topics[0].ErrorCode))
}

// fetchAll reads a partition from its beginning, as it is on the wire.
func fetchAll(t *testing.T, client *kgo.Client, topic string) *kmsg.FetchResponse {
	t.Helper()
	request := kmsg.NewPtrFetchRequest()
	request.MaxBytes, request.MinBytes = 1<<20, 1
	asked := kmsg.NewFetchRequestTopic()
	asked.Topic = topic
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.PartitionMaxBytes = 1 << 20
	asked.Partitions = append(asked.Partitions, partition)
	request.Topics = append(request.Topics, asked)
	response, err := request.RequestWith(t.Context(), client)
	require.NoError(t, err)
	return response
}

func dialKafka(t *testing.T, kafka *devstack.Kafka, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(kafka.Addr()))...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func TestEmbeddedKafkaDatesRecordsByItsOwnClock(t *testing.T) {
	t.Parallel()
	brokers := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	config := devstack.KafkaConfig{DataDir: dir, Now: func() time.Time { return brokers }}
	kafka, err := devstack.StartKafka(t.Context(), config)
	require.NoError(t, err)
	defer func() { kafka.Stop() }()
	client := dialKafka(t, kafka)
	createTimedTopic(t, client, "appended", "LogAppendTime")
	early := dialKafka(t, kafka, kgo.MaxVersions(kversion.V3_0_0()))
	for _, senders := range []time.Time{brokers.Add(-48 * time.Hour), brokers.Add(48 * time.Hour), time.UnixMilli(1)} {
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "appended", Timestamp: senders, Value: []byte("cake")},
			&kgo.Record{Topic: "appended", Timestamp: senders.Add(time.Minute), Value: []byte("another")}).FirstErr())
		brokers = brokers.Add(time.Second)
	}
	requireAppendTimes := func(client *kgo.Client) {
		t.Helper()
		consumer, err := kgo.NewClient(append(client.Opts(), kgo.ConsumeTopics("appended"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
		require.NoError(t, err)
		defer consumer.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var records []*kgo.Record
		for len(records) < 6 {
			fetches := consumer.PollFetches(ctx) // kgo verifies the checksums
			require.NoError(t, fetches.Err())
			records = append(records, fetches.Records()...)
		}
		for i, record := range records {
			require.Equal(t, time.Date(2026, 1, 31, 12, 0, i/2, 0, time.UTC), record.Timestamp.UTC())
			require.EqualValues(t, 1, record.Attrs.TimestampType(), "the batch says that its time is the broker's")
		}
	}
	requireAppendTimes(client)
	requireAppendTimes(early)

	kafka.Stop()
	kafka, err = devstack.StartKafka(t.Context(), config)
	require.NoError(t, err)
	requireAppendTimes(dialKafka(t, kafka))
}

func TestEmbeddedKafkaLeavesCreateTimesAlone(t *testing.T) {
	t.Parallel()
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	defer kafka.Stop()
	client := dialKafka(t, kafka, kgo.MaxVersions(kversion.V3_0_0())) // later versions of the requests call topics by id
	createTimedTopic(t, client, "created", "CreateTime")
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "created", Timestamp: time.UnixMilli(7), Value: []byte("cake")}).FirstErr())

	refused := client.ProduceSync(t.Context(), &kgo.Record{Topic: "created", Timestamp: time.Now().Add(2 * time.Hour), Value: []byte("cake")}).FirstErr()
	require.ErrorIs(t, refused, kerr.InvalidTimestamp, "as Apache Kafka answers a producer whose clock is two hours fast")
	require.ErrorIs(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "created", Timestamp: time.Now().Add(2 * time.Hour), Value: []byte("cake")}).FirstErr(),
		kerr.InvalidTimestamp, "each time")

	response := fetchAll(t, client, "created")
	require.NoError(t, kerr.ErrorForCode(response.ErrorCode))
	require.NoError(t, kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode))
	var batch kmsg.RecordBatch
	require.NoError(t, batch.ReadFrom(response.Topics[0].Partitions[0].RecordBatches))
	require.EqualValues(t, 7, batch.MaxTimestamp)
	require.Zero(t, batch.Attributes)
	require.EqualValues(t, 1, response.Topics[0].Partitions[0].HighWatermark)
}
