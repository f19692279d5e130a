package events

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/internal/retry"
)

// The offsets that stand for the two ends of a partition, and what a request may
// show, as the protocol has them.
const (
	firstOffset = -2
	endOffset   = -1

	readUncommitted = 0
	readCommitted   = 1
)

const (
	// fetchBytes bounds what one fetch brings. A single batch that is larger
	// still comes whole, so no record can block its partition.
	fetchBytes = 1 << 20
	// maxUnpacked is how large a compressed batch may be when it is unpacked. Those
	// of one fetch may have as much together, not counting the last.
	maxUnpacked = 64 << 20
)

// topicPartition is one partition of one topic.
type topicPartition struct {
	topic     string
	partition int
}

func (p topicPartition) attributes() []any { return []any{"topic", p.topic, "partition", p.partition} }

// location is where a partition can be read.
type location struct {
	leader int32
	// topicID tells a topic from an earlier one of the same name; zero if the
	// broker has no such ids.
	topicID [16]byte
}

// readClient is franz-go's client, which sees what the wire says: where batches
// end, transactions, who set a record's time, which topic has a name.
type readClient struct {
	*kgo.Client
	connection   Connection
	decompressor kgo.Decompressor
	end          context.CancelFunc
	// counts learn how many partitions there are whenever partitions are located.
	// May be nil.
	counts *knownCounts
}

// newReadClient dials nobody yet.
func newReadClient(connection Connection, options ...kgo.Opt) (*readClient, error) {
	_, mechanism, saslErr := connection.SASL.mechanism()
	encryption, tlsErr := connection.TLS.config()
	if err := errors.Join(connection.checkBrokers(), saslErr, tlsErr); err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	options = append([]kgo.Opt{
		kgo.ClientID(connection.clientID()),
		kgo.DialTimeout(dialTimeout),
		kgo.DisableClientMetrics(),
		kgo.MaxDecompressBatchBytes(maxUnpacked),
		kgo.RequestTimeoutOverhead(requestTimeout),
		kgo.RequestRetries(3), // enough for another broker; who asks tries again
		kgo.RetryBackoffFn(func(failures int) time.Duration {
			return retry.Jitter(min(shortestWait<<min(failures-1, 10), longestWait))
		}),
		kgo.SeedBrokers(connection.Brokers...),
		kgo.WithContext(ctx),
	}, options...)
	if encryption != nil {
		options = append(options, kgo.DialTLSConfig(encryption))
	}
	if mechanism != nil {
		options = append(options, kgo.SASL(mechanism))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		end()
		return nil, err
	}
	decompressor := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	return &readClient{Client: client, connection: connection, decompressor: decompressor, end: end}, nil
}

// close ends every request and connection at once.
func (c *readClient) close() {
	c.end()
	c.Close()
}

// locate finds the partitions of topics that exist, and says which topics
// cannot be read.
func (c *readClient) locate(ctx context.Context, topics []string) (map[topicPartition]location, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout/2)
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
	found := make(map[topicPartition]location)
	counts := make(map[string]int)
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
			found[topicPartition{*topic.Topic, int(partition.Partition)}] = location{partition.Leader, topic.TopicID}
		}
		counts[*topic.Topic] = len(topic.Partitions)
	}
	if c.counts != nil && len(faults) == 0 {
		faults = append(faults, c.counts.update(ctx, c, counts))
	}
	return found, errors.Join(faults...)
}

// offset asks for the first offset that has at least a time, in milliseconds
// since 1970, or for firstOffset or endOffset. It is negative if there is none.
func (c *readClient) offset(ctx context.Context, at topicPartition, millis int64, isolation int8) (int64, error) {
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
		return 0, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return 0, kerr.UnknownTopicOrPartition
	}
	answer := response.Topics[0].Partitions[0]
	return answer.Offset, kerr.ErrorForCode(answer.ErrorCode)
}

// fetch asks the leader of a partition for what it has from an offset on. It
// waits until there is something, at most as long as wait.
func (c *readClient) fetch(ctx context.Context, at topicPartition, where location, offset int64, wait time.Duration, isolation int8, most int32) (*kmsg.FetchResponseTopicPartition, error) {
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = int32(at.partition), offset, most
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID, topic.Partitions = at.topic, where.topicID, append(topic.Partitions, partition)
	request := kmsg.NewPtrFetchRequest()
	request.IsolationLevel, request.MaxBytes, request.MinBytes = isolation, most, 1
	request.MaxWaitMillis, request.Topics = int32(wait.Milliseconds()), append(request.Topics, topic)
	answer, err := c.Broker(int(where.leader)).Request(ctx, request)
	if err != nil {
		return nil, err
	}
	response := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return nil, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, kerr.UnknownTopicOrPartition
	}
	fetched := &response.Topics[0].Partitions[0]
	return fetched, kerr.ErrorForCode(fetched.ErrorCode)
}

// batch is what one fetch brought.
type batch struct {
	messages []Message
	// from and next are the offsets at which the batch begins and at which
	// reading goes on. There may be no message between them: they were compacted
	// away, are those of an aborted transaction, or its marker.
	from, next int64
	// end is where what may be read ends: at the first open transaction or at
	// the end of the partition, which is highWatermark.
	end, highWatermark int64
	topicID            [16]byte
}

// read fetches what is committed of a partition from an offset on.
func (c *readClient) read(ctx context.Context, at topicPartition, where location, offset int64, wait time.Duration, most int32) (batch, error) {
	answer, err := c.fetch(ctx, at, where, offset, wait, readCommitted, most)
	if err != nil {
		return batch{}, err
	}
	fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		IsolationLevel: kgo.ReadCommitted(), Offset: offset, Partition: int32(at.partition), Topic: at.topic,
	}, answer, &unpacker{c.decompressor, maxUnpacked}, nil)
	switch {
	case next > offset: // what else came is asked for again
	case fetched.Err != nil:
		return batch{}, fetched.Err
	case len(answer.RecordBatches) > 0:
		return batch{}, fmt.Errorf("what lies at offset %d cannot be read", offset)
	}
	b := batch{from: offset, next: next, end: answer.LastStableOffset, highWatermark: answer.HighWatermark, topicID: where.topicID}
	if b.end < 0 { // an old broker
		b.end = b.highWatermark
	}
	for _, record := range fetched.Records {
		message := messageOf(record)
		message.TopicID = where.topicID
		b.messages = append(b.messages, message)
	}
	return b, nil
}

// unpacker stops after the batch with which too much has been unpacked. What
// comes behind it is fetched again.
type unpacker struct {
	kgo.Decompressor
	left int
}

// Decompress implements kgo.Decompressor.
func (u *unpacker) Decompress(data []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if u.left <= 0 {
		return nil, errors.New("enough for one fetch")
	}
	data, err := u.Decompressor.Decompress(data, codec)
	u.left -= len(data)
	return data, err
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

// lookBack finds the first offset that was appended at most ago before the newest
// of its partition. It asks no clock but the broker's. If the times are the
// senders', it is where the partition begins.
func (c *readClient) lookBack(ctx context.Context, at topicPartition, ago time.Duration) (int64, error) {
	end, err := c.offset(ctx, at, endOffset, readUncommitted)
	if err != nil || end == 0 {
		return firstOffset, err
	}
	found, err := c.locate(ctx, []string{at.topic})
	if err != nil {
		return 0, err
	}
	last, err := c.fetch(ctx, at, found[at], end-1, 0, readUncommitted, 1)
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange): // deleted just now
		return firstOffset, nil
	case err != nil:
		return 0, err
	}
	newest, ok := appendTime(last.RecordBatches)
	if !ok {
		return firstOffset, nil
	}
	return c.offset(ctx, at, newest.Add(-ago).UnixMilli(), readUncommitted)
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
