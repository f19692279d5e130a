package events

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// fetchBytes bounds what one fetch brings of a partition, and pollBytes of
	// all partitions. A single batch that is larger still comes whole, so no
	// record can block its partition.
	fetchBytes = 1 << 20
	pollBytes  = 8 << 20
	// locateTimeout bounds a question for the topics' leaders.
	locateTimeout = 5 * time.Second

	// The offsets that stand for the two ends of a partition.
	firstOffset = -2
	endOffset   = -1

	readUncommitted = 0
	readCommitted   = 1
)

// place is one partition of one topic.
type place struct {
	topic     string
	partition int
}

func (p place) attributes() []any { return []any{"topic", p.topic, "partition", p.partition} }

// location is where a partition is found.
type location struct {
	leader int32
	// topicID tells a topic from an earlier one of the same name; zero if the
	// broker has no such ids.
	topicID [16]byte
}

// start is where a fetch of a partition begins.
type start struct {
	place
	topicID [16]byte
	offset  int64
}

// batch is what one fetch brought of a partition.
type batch struct {
	topicID  [16]byte
	messages []Message
	// from and next are the offsets at which the batch begins and at which
	// reading goes on. There may be no message between them: they were compacted
	// away, are those of an aborted transaction, or its marker.
	from, next int64
	// end is where what may be read ends: the first open transaction or the end
	// of the partition, which is highWatermark.
	end, highWatermark int64
	size               int
	// err says why reading stopped before this batch.
	err error
}

// readClient is franz-go's client, which sees what the wire says: where batches
// end, transactions, who set a record's time, which topic has a name.
type readClient struct {
	*kgo.Client
	connection Connection
	end        context.CancelFunc
}

// newReadClient dials nobody yet.
func newReadClient(connection Connection, logger *slog.Logger, options ...kgo.Opt) (*readClient, error) {
	if err := connection.Check(); err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	options = append(options,
		kgo.ClientID(connection.clientID()),
		kgo.DialTimeout(dialTimeout),
		kgo.DisableClientMetrics(),
		kgo.MetadataMaxAge(partitionCheck),
		kgo.MetadataMinAge(backoffMin),
		kgo.RetryBackoffFn(func(failures int) time.Duration {
			return jittered(min(backoffMin<<min(failures-1, 10), backoffMax))
		}),
		kgo.SeedBrokers(connection.Brokers...),
		kgo.WithContext(ctx),
		kgo.WithLogger(debugLogger{logger}),
	)
	encryption, err := connection.TLS.config()
	if err == nil && encryption != nil {
		options = append(options, kgo.DialTLSConfig(encryption))
	}
	if mechanism := connection.SASL.reading(); mechanism != nil {
		options = append(options, kgo.SASL(mechanism))
	}
	client, clientErr := kgo.NewClient(options...)
	if err := errors.Join(err, clientErr); err != nil {
		end()
		return nil, err
	}
	return &readClient{Client: client, connection: connection, end: end}, nil
}

// close ends every request and connection at once.
func (c *readClient) close() {
	c.end()
	c.Close()
}

// locate finds the partitions of topics that exist, and says which topics
// cannot be read.
func (c *readClient) locate(ctx context.Context, topics []string) (map[place]location, error) {
	ctx, cancel := context.WithTimeout(ctx, locateTimeout)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	for i := range topics {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &topics[i]
		request.Topics = append(request.Topics, topic)
	}
	response, err := request.RequestWith(ctx, c)
	if err != nil {
		return nil, c.connection.explain(err)
	}
	found := make(map[place]location)
	var faults []error
	for _, topic := range response.Topics {
		switch err := kerr.ErrorForCode(topic.ErrorCode); {
		case isMissingTopic(err):
			faults = append(faults, fmt.Errorf("topic %q does not exist: run `cupcakery topics apply`", *topic.Topic))
		case err != nil:
			faults = append(faults, fmt.Errorf("topic %q: %w", *topic.Topic, c.connection.explain(err)))
		case len(topic.Partitions) == 0:
			faults = append(faults, fmt.Errorf("topic %q has no partitions yet", *topic.Topic))
		}
		for _, partition := range topic.Partitions {
			found[place{*topic.Topic, int(partition.Partition)}] = location{partition.Leader, topic.TopicID}
		}
	}
	return found, errors.Join(faults...)
}

// offset asks for the first offset that has at least a time, in milliseconds
// since 1970, or for firstOffset or endOffset. There may be none.
func (c *readClient) offset(ctx context.Context, at place, millis int64, isolation int8) (offset int64, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Partition, partition.Timestamp = int32(at.partition), millis
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic, topic.Partitions = at.topic, append(topic.Partitions, partition)
	request := kmsg.NewPtrListOffsetsRequest()
	request.IsolationLevel, request.Topics = isolation, append(request.Topics, topic)
	response, err := request.RequestWith(ctx, c)
	if err != nil {
		return 0, false, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return 0, false, kerr.UnknownTopicOrPartition
	}
	answer := response.Topics[0].Partitions[0]
	return answer.Offset, answer.Offset >= 0, kerr.ErrorForCode(answer.ErrorCode)
}

// fetch asks a broker for what several partitions have. It waits until there is
// something, but not longer than told.
func (c *readClient) fetch(ctx context.Context, broker int32, wait time.Duration, isolation int8, most int32, from ...start) (map[place]*kmsg.FetchResponseTopicPartition, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+requestTimeout)
	defer cancel()
	request := kmsg.NewPtrFetchRequest()
	request.IsolationLevel, request.MaxBytes, request.MinBytes = isolation, pollBytes, 1
	request.MaxWaitMillis = int32(wait.Milliseconds())
	ids := make(map[[16]byte]string)
	index := make(map[string]int)
	for _, from := range from {
		i, ok := index[from.topic]
		if !ok {
			i, ids[from.topicID] = len(request.Topics), from.topic
			index[from.topic] = i
			topic := kmsg.NewFetchRequestTopic()
			topic.Topic, topic.TopicID = from.topic, from.topicID
			request.Topics = append(request.Topics, topic)
		}
		partition := kmsg.NewFetchRequestTopicPartition()
		partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = int32(from.partition), from.offset, most
		request.Topics[i].Partitions = append(request.Topics[i].Partitions, partition)
	}
	answer, err := c.Broker(int(broker)).Request(ctx, request)
	if err != nil {
		return nil, err
	}
	response := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return nil, err
	}
	fetched := make(map[place]*kmsg.FetchResponseTopicPartition, len(from))
	for _, topic := range response.Topics {
		name := topic.Topic
		if name == "" { // since version 13 only the id is told
			name = ids[topic.TopicID]
		}
		for i := range topic.Partitions {
			fetched[place{name, int(topic.Partitions[i].Partition)}] = &topic.Partitions[i]
		}
	}
	return fetched, nil
}

var decompressor = kgo.DefaultDecompressor()

// decode reads what committed records a fetch has brought.
func decode(from start, answer *kmsg.FetchResponseTopicPartition) (batch, error) {
	if answer == nil {
		return batch{}, kerr.UnknownTopicOrPartition
	}
	fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		IsolationLevel: kgo.ReadCommitted(), Offset: from.offset, Partition: int32(from.partition), Topic: from.topic,
	}, answer, decompressor, nil)
	b := batch{topicID: from.topicID, from: from.offset, next: next, end: answer.LastStableOffset, highWatermark: answer.HighWatermark}
	if b.end < 0 {
		b.end = b.highWatermark
	}
	switch {
	case next > from.offset: // what else came is asked for again
	case fetched.Err != nil:
		return batch{}, fetched.Err
	case len(answer.RecordBatches) > 0:
		return batch{}, fmt.Errorf("what lies at offset %d cannot be read", from.offset)
	}
	for _, record := range fetched.Records {
		m := messageOf(record)
		b.messages = append(b.messages, m)
		b.size += 200 + len(m.Key) + len(m.Value)
	}
	return b, nil
}

// messageOf copies a record, since records that are kept would keep all that
// was fetched with them.
func messageOf(record *kgo.Record) Message {
	m := Message{
		Topic: record.Topic, Partition: int(record.Partition), Offset: record.Offset,
		Key: bytes.Clone(record.Key), Value: bytes.Clone(record.Value),
		Time: record.Timestamp, Appended: record.Attrs.TimestampType() == 1,
	}
	for _, header := range record.Headers {
		m.Headers = append(m.Headers, Header{header.Key, bytes.Clone(header.Value)})
	}
	return m
}

// appendTime returns when the broker appended the last of some batches, if it
// says so. Markers of transactions and batches that were compacted away count.
func appendTime(batches []byte) (time.Time, bool) {
	var last kmsg.RecordBatch
	for len(batches) > 12 {
		size := 12 + int(int32(binary.BigEndian.Uint32(batches[8:])))
		var b kmsg.RecordBatch
		if size < 12 || size > len(batches) || b.ReadFrom(batches[:size]) != nil || b.Magic != 2 {
			break
		}
		last, batches = b, batches[size:]
	}
	const logAppendTime = 1 << 3
	return time.UnixMilli(last.MaxTimestamp), last.Attributes&logAppendTime != 0
}

// lookBack finds where the newest batch of a partition was appended that long
// ago. No clock but the broker's is asked. If the times are the senders', it is
// where the partition begins.
func (c *readClient) lookBack(ctx context.Context, at place, where location, ago time.Duration) (int64, error) {
	end, _, err := c.offset(ctx, at, endOffset, readUncommitted)
	if err != nil || end == 0 {
		return firstOffset, err
	}
	fetched, err := c.fetch(ctx, where.leader, 0, readUncommitted, 1, start{at, where.topicID, end - 1})
	if err != nil {
		return 0, err
	}
	answer := fetched[at]
	if answer == nil {
		return 0, kerr.UnknownTopicOrPartition
	}
	switch err := kerr.ErrorForCode(answer.ErrorCode); {
	case errors.Is(err, kerr.OffsetOutOfRange): // deleted just now
		return firstOffset, nil
	case err != nil:
		return 0, err
	}
	newest, ok := appendTime(answer.RecordBatches)
	if !ok {
		return firstOffset, nil
	}
	offset, ok, err := c.offset(ctx, at, newest.Add(-ago).UnixMilli(), readUncommitted)
	if !ok {
		offset = firstOffset
	}
	return offset, err
}

// debugLogger hands kgo's log on; what a person should know we say ourselves.
type debugLogger struct{ logger *slog.Logger }

// Level implements kgo.Logger.
func (l debugLogger) Level() kgo.LogLevel {
	if l.logger.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelNone
}

// Log implements kgo.Logger.
func (l debugLogger) Log(_ kgo.LogLevel, message string, attributes ...any) {
	l.logger.Debug("Kafka client: "+message, attributes...)
}

// jittered is about as long as told, so that readers that failed together do
// not come back together.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }
