package events

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

func TestKafkaTellsHowLongATopicKeepsAMessage(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	connection := Connection{Brokers: cluster.ListenAddrs()}
	_, err = ApplyTopics(t.Context(), connection, TopicSettings{Partitions: 1, Retention: 48 * time.Hour})
	require.NoError(t, err)
	kept, err := TopicsKept(t.Context(), connection, TopicAcks, TopicShip, TopicDeadLetters, TopicKitchenState, "no-such-topic")
	require.NoError(t, err)
	require.NotContains(t, kept, "no-such-topic")
	const week = 7 * 24 * time.Hour // Kafka's own default of segment.ms
	assert.Equal(t, Kept{Retention: 48 * time.Hour, Segment: week}, kept[TopicAcks])
	assert.Equal(t, Kept{Retention: 30 * 24 * time.Hour, Segment: week}, kept[TopicShip])
	assert.Equal(t, Kept{Retention: -1, Segment: week}, kept[TopicDeadLetters])
	assert.True(t, kept[TopicKitchenState].Compacted)
	assert.Equal(t, stateSegment, kept[TopicKitchenState].Segment)

	written := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	gone, goes := kept[TopicAcks].Until(written)
	assert.True(t, goes)
	assert.Equal(t, written.Add(48*time.Hour+week+retentionCheck), gone)
	for _, topic := range []string{TopicDeadLetters, TopicKitchenState} {
		_, goes = kept[topic].Until(written)
		assert.False(t, goes, topic)
	}
	longest, err := parseMilliseconds("9223372036854775807")
	require.NoError(t, err)
	assert.Negative(t, longest, "as good as for ever")
}
