package events

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CutPartition deletes every message of a partition before an offset. Nobody can read
// them from then on; their bytes leave the brokers' disks with their segments.
func CutPartition(ctx context.Context, connection Connection, topic string, partition int, before int64) error {
	client, err := newReadClient(connection)
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer client.close()
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.TimeoutMillis = int32(requestTimeout / time.Millisecond)
	ofPartition := kmsg.NewDeleteRecordsRequestTopicPartition()
	ofPartition.Partition, ofPartition.Offset = int32(partition), before
	ofTopic := kmsg.NewDeleteRecordsRequestTopic()
	ofTopic.Topic, ofTopic.Partitions = topic, append(ofTopic.Partitions, ofPartition)
	request.Topics = append(request.Topics, ofTopic)
	response, err := request.RequestWith(ctx, client.Client)
	for i := 0; err == nil && i < len(response.Topics); i++ {
		for _, answer := range response.Topics[i].Partitions {
			if err = kerr.ErrorForCode(answer.ErrorCode); err != nil {
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("delete what lies before offset %d of partition %d of %s: %w", before, partition, topic, connection.explain(err))
	}
	return nil
}
