package devstack_test

import (
	"context"
	"net"
	"strconv"
	"testing"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
)

func createTopic(t *testing.T, addr, topic string) {
	t.Helper()
	client := kafka.Client{Addr: kafka.TCP(addr), Transport: &kafka.Transport{}}
	response, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}},
	})
	require.NoError(t, err)
	require.NoError(t, response.Errors[topic])
}

func topicsOf(t *testing.T, addr string) []string {
	t.Helper()
	conn, err := kafka.DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	partitions, err := conn.ReadPartitions()
	require.NoError(t, err)
	var topics []string
	for _, partition := range partitions {
		topics = append(topics, partition.Topic)
	}
	return topics
}

func TestEmbeddedKafkaKeepsItsDataAndPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{DataDir: dir})
	require.NoError(t, err)
	createTopic(t, first.Addr(), "kept")
	first.Stop()
	first.Stop() // again, which does nothing

	second, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{DataDir: dir, Port: first.Port()})
	require.NoError(t, err)
	defer second.Stop()
	assert.Equal(t, first.Addr(), second.Addr())
	assert.Equal(t, []string{"kept"}, topicsOf(t, second.Addr()))
}

func TestEmbeddedKafkaInMemoryStartsEmpty(t *testing.T) {
	t.Parallel()
	for range 2 {
		kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
		require.NoError(t, err)
		assert.Empty(t, topicsOf(t, kafka.Addr()))
		createTopic(t, kafka.Addr(), "lost")
		kafka.Stop()
	}
}

func TestEmbeddedKafkaNamesAPortInUse(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	port := listener.Addr().(*net.TCPAddr).Port
	_, err = devstack.StartKafka(context.Background(), devstack.KafkaConfig{Port: port})
	var inUse *devstack.PortInUseError
	require.ErrorAs(t, err, &inUse)
	assert.Equal(t, "port "+strconv.Itoa(port)+", wanted for Kafka, is in use by another program", err.Error())
}

func TestApacheKafkaNamesWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := devstack.StartApacheKafka(t.Context(), devstack.ApacheKafkaConfig{})
	require.ErrorContains(t, err, "java is not on the PATH: Apache Kafka needs Java 17 or newer: install it")
}
