package events

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/kitchen"
)

// HeaderForwarded marks the copy of an ack that its sender put elsewhere than
// its order's other acks. It names the original, TOPIC/PARTITION/OFFSET.
const HeaderForwarded = "cupcakery_forwarded"

// MisplacedError says that a message can be understood, but lies where the
// other messages of its order do not: its key is not the order's id, or its
// sender did not choose the partition by murmur2. Such a message is neither
// before nor after the others, so nobody acts on it. The workers forward an ack;
// a ticket becomes a dead letter.
type MisplacedError struct {
	Message Message
	OrderID string
}

// Error says what is wrong and how a sender gets it right. It does not name the
// order, whose id does not belong in a log.
func (e *MisplacedError) Error() string {
	if string(e.Message.Key) != e.OrderID {
		return "the key is not the order's id: give that as the key, and murmur2 as the partitioner"
	}
	return fmt.Sprintf("partition %d is not where murmur2 puts the order's id, which is %d: set the sender's partitioner to murmur2 (librdkafka: murmur2_random)",
		e.Message.Partition, partitionOf(e.OrderID, e.Message.Partitions[len(e.Message.Partitions)-1]))
}

// checkPlace returns a *MisplacedError unless the message lies where everybody
// looks for those of its order. A copy that a worker has forwarded is good
// wherever it lies, so that none is forwarded twice.
func checkPlace(m Message, orderID string) error {
	if len(m.Partitions) == 0 {
		return nil // not read from its topic
	}
	if string(m.Key) == orderID {
		if _, forwarded := m.Header(HeaderForwarded); forwarded {
			return nil
		}
		if slices.ContainsFunc(m.Partitions, func(count int) bool { return partitionOf(orderID, count) == m.Partition }) {
			return nil
		}
	}
	return &MisplacedError{m, orderID}
}

// murmur2 chooses partitions as the Java client does.
var murmur2 = kgo.StickyKeyPartitioner(nil).ForTopic("")

// partitionOf returns the partition of a key in a topic with count partitions.
func partitionOf(key string, count int) int {
	return murmur2.Partition(&kgo.Record{Key: []byte(key)}, count)
}

// ForwardAck puts a copy of a misplaced ack among the others of its order, with
// its headers and bytes. Finish the original only once this has returned
// without an error. It is ErrTooLarge if the topic does not take the copy, which
// has a header more than the original and is not compressed.
func (w *Writer) ForwardAck(ctx context.Context, original Message, ack kitchen.Ack) error {
	from := fmt.Sprintf("%s/%d/%d", original.Topic, original.Partition, original.Offset)
	err := w.Publish(ctx, Message{
		Topic:   TopicAcks,
		Key:     []byte(ack.OrderID),
		Value:   original.Value,
		Headers: append(slices.Clone(original.Headers), Header{HeaderForwarded, []byte(from)}),
	})
	if err != nil {
		return fmt.Errorf("forward the ack at %s: %w", from, err)
	}
	return nil
}
