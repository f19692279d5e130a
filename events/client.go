package events

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/produce"
)

const (
	dialTimeout = 3 * time.Second
	// requestTimeout bounds a request whose caller set no deadline. Without
	// one, a broker that falls silent would hold kafka-go for ever.
	requestTimeout = 10 * time.Second
	metadataTTL    = 5 * time.Second
)

// client is kafka-go's transport with two things added that a long-lived
// process needs:
//
//   - Every request has a deadline.
//   - Nothing stale survives an outage. kafka-go keeps idle connections to a
//     broker that has died, each of which fails one more request, and keeps its
//     picture of the cluster until a timer fires. The first sign of trouble
//     drops both, so the next request starts from what is true now.
type client struct {
	kafka.Client
	connection Connection
	transport  *kafka.Transport

	mu      sync.Mutex // guards resetAt
	resetAt time.Time  // when the connections were last dropped
}

// newClient dials nobody yet. It asks the cluster about these topics only.
func newClient(connection Connection, topics []string) (*client, error) {
	if err := connection.Check(); err != nil {
		return nil, err
	}
	mechanism, _, err := connection.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	encryption, err := connection.TLS.config()
	if err != nil {
		return nil, err
	}
	c := &client{connection: connection}
	c.transport = &kafka.Transport{
		ClientID:       connection.clientID(),
		DialTimeout:    dialTimeout,
		MetadataTTL:    metadataTTL,
		MetadataTopics: topics,
		SASL:           mechanism,
		TLS:            encryption,
	}
	c.Client = kafka.Client{Addr: kafka.TCP(connection.Brokers...), Transport: c}
	return c, nil
}

// RoundTrip implements kafka.RoundTripper.
func (c *client) RoundTrip(ctx context.Context, addr net.Addr, request kafka.Request) (kafka.Response, error) {
	started := time.Now()
	bounded := ctx
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
	}
	response, err := c.transport.RoundTrip(bounded, addr, request)
	if isMissingTopic(err) {
		// Perhaps the transport knows no topic because it has not reached any
		// broker since the last reset; then that is the error.
		if _, unreached := c.transport.RoundTrip(bounded, addr, &metadata.Request{}); unreached != nil {
			err = unreached
		}
	}
	if errors.Is(err, protocol.ErrNoLeader) {
		// Passes like the broker's own error for it, and kafka-go's writer
		// tries again after that one.
		err = fmt.Errorf("%w (%w)", kafka.LeaderNotAvailable, err)
	}
	if (err != nil && ctx.Err() == nil) || outOfDate(response) {
		c.reset(started)
	}
	return response, err
}

// outOfDate reports whether an answer shows that the transport's picture of
// the cluster is wrong: a leader has moved, or a topic has come or gone.
func outOfDate(response kafka.Response) bool {
	stale := func(code int16) bool {
		switch kafka.Error(code) {
		case kafka.UnknownTopicOrPartition, kafka.LeaderNotAvailable, kafka.NotLeaderForPartition, kafka.FencedLeaderEpoch, kafka.UnknownLeaderEpoch:
			return true
		}
		return false
	}
	switch response := response.(type) {
	case *produce.Response:
		for _, topic := range response.Topics {
			for _, partition := range topic.Partitions {
				if stale(partition.ErrorCode) {
					return true
				}
			}
		}
	case *metadata.Response:
		for _, topic := range response.Topics {
			if stale(topic.ErrorCode) {
				return true
			}
		}
	}
	return false
}

// reset drops connections and metadata, unless that has happened since the
// request that found them bad was sent. When a broker dies many requests fail
// together, and only the first may drop what the others may have dialled anew.
func (c *client) reset(since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resetAt.After(since) {
		return
	}
	c.resetAt = time.Now()
	c.transport.CloseIdleConnections()
}

// close ends the connections.
func (c *client) close() { c.transport.CloseIdleConnections() }
