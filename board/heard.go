package board

import (
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Heard is where a record of the log lies, and when it was made and heard, as far
// as that can be known without believing anybody's clock.
type Heard struct {
	Topic     string
	Partition int
	// Time is when the record was made, for people to see.
	Time time.Time
	// Appended says that Time is the broker's. Nothing is concluded from a
	// sender's.
	Appended bool
	// After is how long the reader had been reading the log when it heard the
	// record, by a Stopwatch.
	After time.Duration
}

// HeardFrom returns what a board needs to know about a message; after is how long
// the reader had been reading the log when it received it.
func HeardFrom(m events.Message, after time.Duration) Heard {
	h := Heard{Topic: m.Topic, Partition: m.Partition, Time: m.Time, Appended: m.Appended, After: after}
	if !h.Time.IsZero() {
		h.Time = kitchen.TimeThatCanBe(h.Time)
	}
	return h
}

// place is one partition of the log.
type place struct {
	topic     string
	partition int
}

func (h Heard) place() place { return place{h.Topic, h.Partition} }
