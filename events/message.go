package events

import (
	"strings"
	"time"

	kafka "github.com/segmentio/kafka-go"
)

// Message is one record as it lies in Kafka.
type Message struct {
	Topic     string
	Partition int
	Offset    int64
	Key       []byte
	Value     []byte
	Headers   []Header
	// Time is when the broker appended the record if Appended says so, and
	// otherwise when its sender made it, by a clock that may be wrong.
	Time time.Time
	// Appended says that Time is the broker's: the topic's timestamp type is
	// LogAppendTime. Only such times may be compared, and only with those of
	// the same partition.
	Appended bool
	// TopicID tells its topic from an earlier one of the same name; zero if the broker
	// has no such ids, or for a message that was not read from its topic.
	TopicID [16]byte
	// Partitions is how many partitions its topic had when it was written, which
	// says where its key belongs. There are two numbers if it was written while
	// partitions were added. Empty for a message that was not read from its
	// topic.
	Partitions []int
}

// Header is one header of a message. Keys may repeat.
type Header struct {
	Key   string
	Value []byte
}

// Header returns the value of the last header with that key.
func (m Message) Header(key string) (string, bool) {
	for i := len(m.Headers) - 1; i >= 0; i-- {
		if m.Headers[i].Key == key {
			return string(m.Headers[i].Value), true
		}
	}
	return "", false
}

func (m Message) kafka() kafka.Message {
	message := kafka.Message{Topic: m.Topic, Key: m.Key, Value: m.Value}
	for _, header := range m.Headers {
		message.Headers = append(message.Headers, kafka.Header{Key: header.Key, Value: header.Value})
	}
	return message
}

// FirstBytes returns at most the first most bytes of a text, as UTF-8.
func FirstBytes(text string, most int) string {
	return strings.Clone(strings.ToValidUTF8(text[:min(len(text), most)], ""))
}
