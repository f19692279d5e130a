package devstack

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kfake stores a topic's timestamp settings and does not act on them. This file
// does what Apache Kafka does with two of them:
//
//   - message.timestamp.type=LogAppendTime: records get the broker's time
//     and are marked as such, whatever their producer's clock says.
//   - message.timestamp.after.max.ms, of topics with CreateTime: a batch that
//     is further ahead of the broker's clock is refused with InvalidTimestamp.
//
// An attribute of a batch states that its times are the broker's. If a batch
// arrives with it, kfake dates the batch once more and leaves a wrong checksum.
// So the batch is stored with a mark in an unused bit instead, and gets the
// attribute on its way to a reader. The same goes for the markers of
// transactions, which kfake writes and dates itself.

// The parts of a record batch (magic 2) that are read and written here.
const (
	batchLength         = 8
	batchLengthFrom     = 12
	batchCRC            = 17
	batchAttributes     = 21
	batchFirstTimestamp = 27
	batchMaxTimestamp   = 35
	batchRecords        = 61

	appendTimeAttribute = 1 << 3
	controlAttribute    = 1 << 5 // of a transaction's marker
	appendTimeMark      = 1 << 14
)

// timestampAfterMax is Apache Kafka's default.
const timestampAfterMax = time.Hour

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stamper looks at the times of what producers send before kfake stores it.
type stamper struct {
	cluster *kfake.Cluster
	now     func() time.Time
	topics  *stampedTopics
}

// stampedTopics are the topics to which batches with the broker's time have come,
// by name and by id as a fetch may give either.
type stampedTopics struct {
	mu    sync.Mutex
	names map[string]bool
	ids   map[[16]byte]bool
}

func newStampedTopics() *stampedTopics {
	return &stampedTopics{names: make(map[string]bool), ids: make(map[[16]byte]bool)}
}

func (t *stampedTopics) add(name string, id [16]byte, appendTime bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names[name], t.ids[id] = appendTime, appendTime
}

func (t *stampedTopics) have(name string, id [16]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.names[name] || t.ids[id]
}

// produce is a kfake control function: it changes the request, or answers it.
func (s stamper) produce(request kmsg.Request) (kmsg.Response, error, bool) {
	produce := request.(*kmsg.ProduceRequest)
	now := s.now()
	for _, topic := range produce.Topics {
		appendTime, afterMax, exists := s.settings(topic)
		if !exists {
			continue // kfake refuses it
		}
		for _, partition := range topic.Partitions {
			batch := partition.Records
			switch {
			case len(batch) < batchRecords || !isWhole(batch): // kfake refuses it
			case appendTime:
				setAttributes(batch, attributesOf(batch)&^appendTimeAttribute|appendTimeMark, now)
			case int64(binary.BigEndian.Uint64(batch[batchMaxTimestamp:])) > now.Add(afterMax).UnixMilli():
				s.cluster.KeepControl()
				return refuse(produce), nil, true
			}
		}
	}
	return nil, nil, false
}

// settings are a topic's timestamp settings.
func (s stamper) settings(topic kmsg.ProduceRequestTopic) (appendTime bool, afterMax time.Duration, exists bool) {
	info := s.cluster.TopicInfo(topic.Topic)
	if topic.Topic == "" {
		info = s.cluster.TopicIDInfo(topic.TopicID)
	}
	if info == nil {
		return false, 0, false
	}
	afterMax = timestampAfterMax
	if value := info.Configs["message.timestamp.after.max.ms"]; value != nil {
		if milliseconds, err := strconv.ParseInt(*value, 10, 64); err == nil {
			afterMax = time.Duration(min(milliseconds, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
		}
	}
	kind := info.Configs["message.timestamp.type"]
	appendTime = kind != nil && *kind == "LogAppendTime"
	s.topics.add(info.Topic, info.TopicID, appendTime)
	return appendTime, afterMax, true
}

// refuse answers every partition of a request with InvalidTimestamp.
func refuse(request *kmsg.ProduceRequest) kmsg.Response {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range request.Topics {
		refused := kmsg.NewProduceResponseTopic()
		refused.Topic, refused.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			answer := kmsg.NewProduceResponseTopicPartition()
			answer.Partition, answer.ErrorCode, answer.BaseOffset = partition.Partition, kerr.InvalidTimestamp.Code, -1
			refused.Partitions = append(refused.Partitions, answer)
		}
		response.Topics = append(response.Topics, refused)
	}
	return response
}

func attributesOf(batch []byte) uint16 { return binary.BigEndian.Uint16(batch[batchAttributes:]) }

// isWhole reports whether a batch's checksum is right.
func isWhole(batch []byte) bool {
	return binary.BigEndian.Uint32(batch[batchCRC:]) == crc32.Checksum(batch[batchAttributes:], castagnoli)
}

// setAttributes changes a batch's attributes and, unless it is zero, its time.
func setAttributes(batch []byte, attributes uint16, at time.Time) {
	binary.BigEndian.PutUint16(batch[batchAttributes:], attributes)
	if !at.IsZero() {
		binary.BigEndian.PutUint64(batch[batchFirstTimestamp:], uint64(at.UnixMilli()))
		binary.BigEndian.PutUint64(batch[batchMaxTimestamp:], uint64(at.UnixMilli()))
	}
	binary.BigEndian.PutUint32(batch[batchCRC:], crc32.Checksum(batch[batchAttributes:], castagnoli))
}

// listen is net.Listen, for connections whose fetches have append times.
func (t *stampedTopics) listen(network, address string) (net.Listener, error) {
	listener, err := net.Listen(network, address)
	return stampedListener{listener, t}, err
}

type stampedListener struct {
	net.Listener
	topics *stampedTopics
}

// Accept implements net.Listener.
func (l stampedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &stampedConn{Conn: conn, topics: l.topics, fetches: make(map[int32]int16)}, nil
}

// stampedConn is a connection of a client. It reads along in which version the
// client fetches, and turns the mark of batches into Kafka's attribute.
type stampedConn struct {
	net.Conn
	topics *stampedTopics

	// header is the beginning of the request that is being read, and left what
	// comes before the next.
	header []byte
	left   int

	mu      sync.Mutex
	fetches map[int32]int16 // versions by the request's correlation id
}

// requestHeader is the length of a request's size, key, version and
// correlation id.
const requestHeader = 12

// Read implements net.Conn.
func (c *stampedConn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	for read := data[:n]; len(read) > 0; {
		if c.left > 0 {
			skip := min(c.left, len(read))
			c.left, read = c.left-skip, read[skip:]
			continue
		}
		more := min(requestHeader-len(c.header), len(read))
		c.header, read = append(c.header, read[:more]...), read[more:]
		if len(c.header) == requestHeader {
			c.begin(c.header)
			c.header = c.header[:0]
		}
	}
	return n, err
}

// begin records the request whose header has been read.
func (c *stampedConn) begin(header []byte) {
	c.left = max(0, int(binary.BigEndian.Uint32(header))-(requestHeader-4))
	if key := int16(binary.BigEndian.Uint16(header[4:])); key == int16(kmsg.Fetch) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.fetches[int32(binary.BigEndian.Uint32(header[8:]))] = int16(binary.BigEndian.Uint16(header[6:]))
	}
}

// Write implements net.Conn. kfake writes each response at once, into a buffer
// of its own.
func (c *stampedConn) Write(data []byte) (int, error) {
	const header = 8 // size and correlation id
	if len(data) > header {
		c.mu.Lock()
		correlation := int32(binary.BigEndian.Uint32(data[4:]))
		version, isFetch := c.fetches[correlation]
		delete(c.fetches, correlation)
		c.mu.Unlock()
		if isFetch {
			c.tellAppendTimes(version, data[header:])
		}
	}
	return c.Conn.Write(data)
}

// tellAppendTimes changes the response of a fetch in place.
func (c *stampedConn) tellAppendTimes(version int16, body []byte) {
	response := kmsg.NewPtrFetchResponse()
	response.SetVersion(version)
	if response.IsFlexible() {
		body = body[1:] // the header's tags: kfake writes none
	}
	if response.ReadFrom(body) != nil {
		return // not reached: kfake wrote it
	}
	for _, topic := range response.Topics {
		stamped := c.topics.have(topic.Topic, topic.TopicID)
		for _, partition := range topic.Partitions {
			for rest := partition.RecordBatches; len(rest) >= batchRecords; {
				end := batchLengthFrom + int(binary.BigEndian.Uint32(rest[batchLength:]))
				if end > len(rest) {
					break // cut off by the limit of the fetch
				}
				batch := rest[:end]
				if attributes := attributesOf(batch); attributes&appendTimeMark != 0 || stamped && attributes&controlAttribute != 0 {
					setAttributes(batch, attributes&^appendTimeMark|appendTimeAttribute, time.Time{})
				}
				rest = rest[end:]
			}
		}
	}
}
