package events

import (
	"context"
	"fmt"

	kafka "github.com/segmentio/kafka-go"
)

// SkipToEnd has a group that nobody is in go on behind all that its topics have now.
func SkipToEnd(ctx context.Context, connection Connection, group string, topics ...string) error {
	client, err := newClient(connection, topics)
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer client.close()
	log, err := NewLogReader(connection)
	if err != nil {
		return err
	}
	defer log.Close()
	request := kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1, Topics: make(map[string][]kafka.OffsetCommit)}
	for _, topic := range topics {
		partitions, err := log.Partitions(ctx, topic)
		if err != nil {
			return err
		}
		for partition := range partitions {
			_, end, err := log.Bounds(ctx, topic, partition)
			if err != nil {
				return err
			}
			request.Topics[topic] = append(request.Topics[topic], kafka.OffsetCommit{Partition: partition, Offset: end})
		}
	}
	response, err := client.OffsetCommit(ctx, &request)
	if err == nil {
		for _, answers := range response.Topics {
			for _, answer := range answers {
				if answer.Error != nil {
					err = answer.Error
				}
			}
		}
	}
	if err != nil {
		return fmt.Errorf("have group %q skip what there is: %w", group, connection.explain(err))
	}
	return nil
}
