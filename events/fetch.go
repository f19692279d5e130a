package events

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cupcakery/cupcakery/internal/retry"
)

const (
	// fetchWait is how long the broker holds a fetch that finds nothing.
	fetchWait = 5 * time.Second
	// fetchBytes bounds what one fetch brings. A single batch that is larger
	// still comes whole, so no record can block its partition.
	fetchBytes = 1 << 20
	// maxUnpacked bounds a batch that was compressed, and, but for the last,
	// those of one fetch together.
	maxUnpacked = 64 << 20
	// heldBackAfter is when an open transaction that holds a partition back is
	// worth a word.
	heldBackAfter = 10 * time.Second
	// farBehind is how many offsets behind its end a partition is worth a word,
	// which is said again every sayAgain until it has caught up.
	farBehind = 10_000
	sayAgain  = 10 * time.Second

	// The offsets that stand for the two ends of a partition.
	firstOffset = -2
	endOffset   = -1

	readUncommitted = 0
	readCommitted   = 1
)

var errRecreated = errors.New("the topic has been deleted and made anew")

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

// readClient is franz-go's client, which sees what the wire says: where batches
// end, transactions, who set a record's time, which topic has a name.
type readClient struct {
	*kgo.Client
	connection   Connection
	decompressor kgo.Decompressor
	end          context.CancelFunc
	// placings take notice whenever partitions are located. May be nil.
	placings *placings
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
func (c *readClient) locate(ctx context.Context, topics []string) (map[place]location, error) {
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
	found := make(map[place]location)
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
			found[place{*topic.Topic, int(partition.Partition)}] = location{partition.Leader, topic.TopicID}
		}
		counts[*topic.Topic] = len(topic.Partitions)
	}
	if c.placings != nil && len(faults) == 0 {
		faults = append(faults, c.placings.update(ctx, c, counts))
	}
	return found, errors.Join(faults...)
}

// offset asks for the first offset that has at least a time, in milliseconds
// since 1970, or for firstOffset or endOffset. It is negative if there is none.
func (c *readClient) offset(ctx context.Context, at place, millis int64, isolation int8) (int64, error) {
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
// waits until there is something, but not longer than told.
func (c *readClient) fetch(ctx context.Context, at place, where location, offset int64, wait time.Duration, isolation int8, most int32) (*kmsg.FetchResponseTopicPartition, error) {
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

// read fetches what is committed of a partition from an offset on.
func (c *readClient) read(ctx context.Context, at place, where location, offset int64, wait time.Duration, most int32) (batch, error) {
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
		b.messages = append(b.messages, messageOf(record))
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

// lookBack finds the first offset that was appended at most so long before the
// newest of its partition. No clock but the broker's is asked. If the times are
// the senders', it is where the partition begins.
func (c *readClient) lookBack(ctx context.Context, at place, ago time.Duration) (int64, error) {
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

// fetcher reads one partition from an offset on, for ever. Each partition has
// its own long poll, and a client of its own for it, since franz-go has one
// connection for fetches and brokers answer what comes on one in turn: a
// partition that is silent or whose reader is busy never delays another.
type fetcher struct {
	connection Connection
	logger     *slog.Logger
	outage     *outage
	place      place
	placings   *placings
	// jumped is called when the offset that comes next no longer exists, with
	// the one that does.
	jumped func(to int64)
	// heldBack hears of the open transaction that holds the partition back.
	heldBack func(offset int64)

	client *readClient
	where  location
	// held is the open transaction that the last fetch met.
	held       int64
	heldSince  time.Time
	heldTold   bool
	behindSaid time.Time // zero while the partition is not far behind
}

// run calls handle with each batch until the context ends or handle returns
// false. offset may be firstOffset. An outage makes it wait and try again, and
// is logged once.
func (f *fetcher) run(ctx context.Context, offset int64, handle func(batch) bool) {
	client, err := newReadClient(f.connection)
	if err != nil {
		f.outage.began(f.place, err) // a file of the settings has gone since they were checked
		return
	}
	defer client.close()
	client.placings = f.placings
	f.client, f.held = client, -1
	backoff, wait, located := newBackoff(), time.Duration(0), false // the first tells at once where the end is
	for ctx.Err() == nil {
		var fetched batch
		if err = nil; !located {
			err = f.locate(ctx)
		}
		if err == nil {
			fetched, err = client.read(ctx, f.place, f.where, max(offset, 0), wait, fetchBytes)
		}
		var bomb *kgo.ErrDecompressTooLarge
		switch {
		case errors.Is(err, kerr.OffsetOutOfRange), errors.Is(err, errRecreated):
			if err = f.jump(ctx, &offset, err); err == nil {
				located = false
				continue
			}
		case errors.As(err, &bomb):
			f.logger.Error("A batch is too large when it is unpacked; going on behind it. Its messages are lost to this reader.",
				append(f.place.attributes(), "offset", bomb.Offset, "next_offset", bomb.NextOffset, "limit", maxUnpacked)...)
			offset = bomb.NextOffset
			continue
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			for i := range fetched.messages {
				fetched.messages[i].Partitions = f.placings.among(f.place, fetched.messages[i].Offset)
			}
			f.outage.over(f.place)
			located, wait = true, fetchWait
			backoff.Reset()
			f.noteBehind(fetched)
			if f.noteHeld(fetched); f.held >= 0 {
				wait = time.Second // to see in time how long it is held
			}
			if !handle(fetched) {
				return
			}
			offset = fetched.next
			continue
		}
		// A short wait tells that an outage is over even if there is nothing to read.
		located, wait, err = false, shortestWait, fmt.Errorf("read %s partition %d from offset %d: %w", f.place.topic, f.place.partition, offset, f.connection.explain(err))
		f.outage.began(f.place, err)
		backoff.Wait(ctx)
	}
}

// locate finds out who leads the partition, and whether its topic is another
// one than before.
func (f *fetcher) locate(ctx context.Context) error {
	found, err := f.client.locate(ctx, []string{f.place.topic})
	if err != nil {
		return err
	}
	where, ok := found[f.place]
	switch none := [16]byte{}; {
	case !ok:
		return kerr.UnknownTopicOrPartition
	case f.where.topicID != none && f.where.topicID != where.topicID:
		return errRecreated
	case where.leader < 0:
		return kerr.LeaderNotAvailable
	}
	f.where = where
	return nil
}

// jump moves the offset to the first that exists: retention has deleted what
// came next, or the log has been cut, or the topic made anew.
func (f *fetcher) jump(ctx context.Context, offset *int64, why error) error {
	first, err := f.client.offset(ctx, f.place, firstOffset, readCommitted)
	if err != nil {
		return err
	}
	switch attributes := append(f.place.attributes(), "offset", *offset, "first_offset", first); {
	case *offset < 0: // the first that there is was asked for
	case why == errRecreated:
		f.logger.Error("The topic has been deleted and made anew; reading the new one from its beginning", attributes...)
	default:
		f.logger.Error("The offset to read next no longer exists; going on from the first that does. "+
			"Messages between the two are lost to this reader: keep the topic's retention longer than any outage.", attributes...)
	}
	if f.jumped != nil {
		f.jumped(first)
	}
	*offset, f.where = first, location{}
	return nil
}

// noteBehind tells how reading gets on while the partition is far behind.
func (f *fetcher) noteBehind(fetched batch) {
	behind := fetched.end - fetched.next
	attributes := append(f.place.attributes(), "offset", fetched.next)
	switch {
	case behind <= 0 && !f.behindSaid.IsZero():
		f.behindSaid = time.Time{}
		f.logger.Info("A partition has caught up", attributes...)
	case behind > farBehind && time.Since(f.behindSaid) >= sayAgain:
		f.behindSaid = time.Now()
		f.logger.Info("A partition is far behind; catching up", append(attributes, "messages_behind", behind)...)
	}
}

// noteHeld tells when an open transaction has held the partition back for too
// long, and when it no longer does.
func (f *fetcher) noteHeld(fetched batch) {
	open := int64(-1)
	if fetched.next >= fetched.end && fetched.end < fetched.highWatermark {
		open = fetched.end
	}
	attributes := append(f.place.attributes(), "offset", f.held)
	switch {
	case open != f.held:
		if f.heldTold {
			f.logger.Info("The transaction that held the partition back has ended", attributes...)
		}
		f.held, f.heldSince, f.heldTold = open, time.Now(), false
	case open >= 0 && !f.heldTold && time.Since(f.heldSince) >= heldBackAfter:
		f.heldTold = true
		f.logger.Warn("An open transaction holds the partition back; what lies behind it is read once its producer ends it, or the broker does after its transaction.timeout.ms. "+
			"If its producer is gone, abort it with kafka-transactions.sh.", append(attributes, "messages_behind", fetched.highWatermark-open)...)
		if f.heldBack != nil {
			f.heldBack(open)
		}
	}
}
