package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	defaultMaxInFlight    = 64
	defaultStopWait       = 10 * time.Second
	defaultSessionTimeout = 10 * time.Second
)

// ConsumerConfig says what a Consumer reads and who handles it.
type ConsumerConfig struct {
	Connection Connection
	// Group shares the partitions among its members and remembers how far they
	// are. A new group starts at the first message there is.
	Group  string
	Topics []string
	// Handle is called with each message, in the order of offsets within a
	// partition, one call at a time per partition and in parallel for
	// different ones. While it has not returned, its partition gets nothing
	// more. Its context carries the trace of the message; it ends when the
	// partition is taken away, or when the consumer has stopped waiting for
	// what is in hand. Handle must return soon after that. To hear of a stop
	// earlier, watch the context that was given to Run.
	Handle func(ctx context.Context, d *Delivery)
	// MaxInFlight is how many messages of one partition may be delivered but
	// not yet committable: everything from the first unfinished message on,
	// finished or not. It bounds memory and what a crash delivers again, and
	// it is the back-pressure: a message that is never finished stops its
	// partition after this many. Defaults to 64.
	MaxInFlight int
	// SessionTimeout is how long after its death a member's partitions go to
	// others. Brokers ask for at least 6 s unless told otherwise. Defaults to
	// 10 s.
	SessionTimeout time.Duration
	// StopWait is how long a stop waits for messages in hand to be finished.
	// Negative for not at all. Defaults to 10 s.
	StopWait time.Duration
	// Logger defaults to slog.Default().
	Logger *slog.Logger

	// OnFetched is called after each fetch with how many messages it brought
	// and the partition's high watermark.
	OnFetched func(topic string, partition, messages int, highWatermark int64)
	// OnCommitted is called with the offset that the group has committed in a
	// partition.
	OnCommitted func(topic string, partition int, offset int64)
	// OnRebalance is called with the partitions that this member now has.
	OnRebalance func(partitions map[string][]int)
	// OnHeldBack is called when an open transaction has held a partition back
	// for ten seconds, with the offset of its first message.
	OnHeldBack func(topic string, partition int, offset int64)
}

func (c *ConsumerConfig) check() error {
	var faults []error
	if c.Group == "" {
		faults = append(faults, errors.New("group: missing: give the consumer group's name"))
	}
	if len(c.Topics) == 0 {
		faults = append(faults, errors.New("topics: none given: name at least one"))
	}
	if c.Handle == nil {
		faults = append(faults, errors.New("handle: missing: give the function that takes the messages"))
	}
	if c.MaxInFlight < 0 {
		faults = append(faults, fmt.Errorf("max in flight: %d must be at least 1, or 0 for %d", c.MaxInFlight, defaultMaxInFlight))
	}
	if c.SessionTimeout != 0 && c.SessionTimeout < 3*heartbeatInterval {
		faults = append(faults, fmt.Errorf("session timeout: %s must be at least three heartbeats, %s", c.SessionTimeout, 3*heartbeatInterval))
	}
	return errors.Join(append(faults, c.Connection.Check())...)
}

func (c *ConsumerConfig) setDefaults() {
	if c.MaxInFlight == 0 {
		c.MaxInFlight = defaultMaxInFlight
	}
	if c.SessionTimeout == 0 {
		c.SessionTimeout = defaultSessionTimeout
	}
	if c.StopWait == 0 {
		c.StopWait = defaultStopWait
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}
