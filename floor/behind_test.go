package floor

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// TestAFloorIsBehindIfOneOfItsReadersIs: each topic may be away alone, and the floor is up
// to date once none is.
func TestAFloorIsBehindIfOneOfItsReadersIs(t *testing.T) {
	t.Parallel()
	f := newTestFloor(t)
	follower := f.FollowState(asleep)
	require.Zero(t, messagesOf(t, follower)[0].Behind)
	since := func(at time.Time) wire.Behind { return wire.Behind{Reason: wire.BehindKafka, Since: at} }
	for _, step := range []struct {
		away func(time.Time)
		at   time.Time
		want wire.Behind
	}{
		{f.setFlagsAway, morning.Add(time.Minute), since(morning.Add(time.Minute))},
		{f.setAway, morning.Add(2 * time.Minute), since(morning.Add(time.Minute))},
		{f.setFlagsAway, time.Time{}, since(morning.Add(2 * time.Minute))},
		{f.setFlagsAway, morning.Add(3 * time.Minute), since(morning.Add(2 * time.Minute))},
		{f.setAway, time.Time{}, since(morning.Add(3 * time.Minute))},
		{f.setFlagsAway, time.Time{}, wire.Behind{}},
	} {
		step.away(step.at)
		require.Equal(t, step.want, f.Behind())
	}
	require.NotEmpty(t, messagesOf(t, follower), "whoever looks is told")
}

// TestTheReaderOfKitchenStateSaysThatItIsBehind, although all other topics are read.
func TestTheReaderOfKitchenStateSaysThatItIsBehind(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, events.Topics()...))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	var isAway atomic.Bool
	flagsID := cluster.TopicInfo(events.TopicKitchenState).TopicID
	cluster.ControlKey(kmsg.Fetch.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		topics := request.(*kmsg.FetchRequest).Topics
		if !isAway.Load() || !slices.ContainsFunc(topics, func(topic kmsg.FetchRequestTopic) bool { return topic.TopicID == flagsID }) {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.FetchResponse)
		for _, topic := range topics {
			answer := kmsg.NewFetchResponseTopic()
			answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				partition := kmsg.NewFetchResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, kerr.NotLeaderForPartition.Code
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
		return response, nil, true
	})
	f, err := New(Config{Kafka: events.Connection{Brokers: cluster.ListenAddrs()}, Kitchen: kitchen.Default(), Orders: &testOrders{}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	isUpToDate := func() bool { return f.Behind().Since.IsZero() }
	require.Eventually(t, isUpToDate, patience, time.Millisecond)
	isAway.Store(true)
	require.Eventually(t, func() bool { return f.Behind().Reason == wire.BehindKafka }, patience, time.Millisecond)
	isAway.Store(false)
	require.Eventually(t, isUpToDate, patience, time.Millisecond)
}
