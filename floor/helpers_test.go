package floor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// patience is how long tests wait for what must happen.
const patience = time.Minute

// morning is when the logs of these tests begin, within a step.
var morning = time.Date(2026, 1, 31, 8, 2, 0, 0, time.UTC)

// testOrders keeps orders that a test sets.
type testOrders struct {
	mu     sync.Mutex
	status func(orderID string) (kitchen.Status, error)
	counts *wire.OrderCounts // nil while they cannot be counted
}

func (o *testOrders) Status(_ context.Context, orderID string) (kitchen.Status, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.status(orderID)
}

func (o *testOrders) Count(context.Context) (wire.OrderCounts, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts == nil {
		return wire.OrderCounts{}, errors.New("away")
	}
	return *o.counts, nil
}

func (o *testOrders) Problem(err error) (wire.Problem, string) {
	problem := wire.Problem{Type: wire.ProblemOrderNotFound, Detail: err.Error()}
	if errors.Is(err, errAway) {
		problem.Type = wire.ProblemUnavailable
	}
	return problem, err.Error()
}

var errAway = errors.New("away")

// newTestFloor is a floor that has read an empty log.
func newTestFloor(t require.TestingT) *Floor { return newTestFloorWith(t, &testOrders{}) }

func newTestFloorWith(t require.TestingT, orders Orders) *Floor {
	f, err := New(Config{Kitchen: kitchen.Default(), Orders: orders, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	f.setCaughtUp()
	return f
}

// newFloorAt is a floor that reads a log from its beginning, by a clock of its
// own.
func newFloorAt(t require.TestingT, now *time.Time) *Floor {
	f := newTestFloor(t)
	f.now = func() time.Time { return *now }
	f.caughtUp = false
	return f
}

// records counts the records of all tests, so that each lies elsewhere.
var records atomic.Int64

func record(t require.TestingT, topic string, at time.Time, value any) events.Message {
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return events.Message{Topic: topic, Offset: records.Add(1), Value: data, Time: at, Appended: true}
}

// testOrderID is the id of a test's order.
func testOrderID(i int) string { return fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-%012d", i) }

func ackOf(ref kitchen.TicketRef, kind kitchen.AckKind, at time.Time) kitchen.Ack {
	return kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, By: "bob", At: at, Attempt: 1}
}

func mustJSON(t require.TestingT, value any) string {
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data)
}

// asleep is for followers that look by themselves.
func asleep() {}

// messagesOf decodes what a follower has got.
func messagesOf(t require.TestingT, follower *Follower) []wire.LiveMessage {
	frames, _, _ := follower.Next()
	messages := make([]wire.LiveMessage, len(frames))
	for i, frame := range frames {
		require.NoError(t, json.Unmarshal(frame.Data, &messages[i]))
	}
	return messages
}
