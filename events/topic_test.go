package events_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/events"
)

func TestAMessageThatCountsIsOnTwoOfThreeBrokers(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]events.TopicSettings{"AsAskedFor": {Replication: 3}, "AsTheBrokersDo": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, connection := newCluster(t, kfake.NumBrokers(3))
			_, err := events.ApplyTopics(t.Context(), connection, settings)
			require.NoError(t, err)
			for _, topic := range events.Topics() {
				assert.Equal(t, "2", settingOf(t, cluster, topic, "min.insync.replicas"), topic)
			}
			require.NoError(t, events.CheckTopicSettings(t.Context(), connection, settings))
			_, err = events.ApplyTopics(t.Context(), connection, events.TopicSettings{Partitions: 8, Replication: 2})
			require.NoError(t, err, "which changes nothing")
			assert.Equal(t, "2", settingOf(t, cluster, events.TopicAcks, "min.insync.replicas"))
		})
	}
}

func TestATopicOnOneBrokerBesideOthersOnThreeIsReportedWithTheCommandThatMendsIt(t *testing.T) {
	t.Parallel()
	cluster, connection := newCluster(t, kfake.NumBrokers(3), kfake.DefaultNumPartitions(4))
	admin, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = events.TopicAcks, 4, 1
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Topics = append(create.Topics, topic)
	created, err := create.RequestWith(t.Context(), admin)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(created.Topics[0].ErrorCode))
	changes, err := events.ApplyTopics(t.Context(), connection, events.TopicSettings{Replication: 3})
	require.NoError(t, err)
	for _, change := range changes {
		if change.Topic == events.TopicKitchenState {
			assert.Equal(t, 1, change.Partitions, "it always has one")
			continue
		}
		assert.Equal(t, 4, change.Partitions, "as many as the topic that was there")
	}

	err = events.CheckTopicSettings(t.Context(), connection, events.TopicSettings{})
	require.ErrorContains(t, err, `topic "station-acks" lies on 1 brokers where other topics lie on 3: run `)
	assert.NotContains(t, err.Error(), "\n", "nothing else is wrong")
	command := regexp.MustCompile("run `echo '([^']*)' \\| kafka-reassign-partitions.sh --bootstrap-server ([^ ]*) --execute --reassignment-json-file /dev/stdin`").FindStringSubmatch(err.Error())
	require.Len(t, command, 3, err.Error())
	assert.Equal(t, strings.Join(connection.Brokers, ","), command[2])
	var plan struct {
		Partitions []struct {
			Topic     string
			Partition int32
			Replicas  []int32
		}
	}
	require.NoError(t, json.Unmarshal([]byte(command[1]), &plan))
	require.Len(t, plan.Partitions, 4)
	for number, partition := range plan.Partitions {
		assert.Equal(t, events.TopicAcks, partition.Topic)
		assert.Equal(t, int32(number), partition.Partition)
		assert.ElementsMatch(t, []int32{0, 1, 2}, partition.Replicas)
	}
}

// settingOf is a topic's setting as the broker has it.
func settingOf(t *testing.T, cluster *kfake.Cluster, topic, name string) string {
	t.Helper()
	admin, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	defer admin.Close()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName, resource.ConfigNames = kmsg.ConfigResourceTypeTopic, topic, []string{name}
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(t.Context(), admin)
	require.NoError(t, err)
	value := ""
	for _, config := range response.Resources[0].Configs {
		value = *config.Value
	}
	return value
}
