package worker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const orderID = "01890a5d-ac96-774b-bcce-b302099a8057"

// noAttempt is a Temporal in which no worker takes up a ticket's next attempt:
// its activity is pending, and cannot be failed.
type noAttempt struct{ client.Client }

func (noAttempt) CompleteActivityByID(context.Context, string, string, string, string, any, error) error {
	return serviceerror.NewNotFound("the activity has not been started")
}

func (noAttempt) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID)}},
		PendingActivities:     []*workflowpb.PendingActivityInfo{{ActivityId: "bake.1", State: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED}},
	}, nil
}

// letters are the reasons of dead letters.
type letters chan string

func (l letters) PublishDeadLetter(_ context.Context, _ events.Message, reason string) error {
	l <- reason
	return nil
}

func (l letters) ForwardAck(context.Context, events.Message, kitchen.Ack) error { return nil }

func (l letters) PublishAck(context.Context, kitchen.Ack) error { return nil }

// newTestQueue returns a queue whose worker has not read the log.
func newTestQueue(temporal client.Client, publisher publisher) *ackQueue {
	logger := slog.New(slog.DiscardHandler)
	metrics := newMetrics(prometheus.NewRegistry())
	return newAckQueue(newAckCarrier(temporal, workflows.NewOrders(temporal, nil), client.DefaultNamespace, newTicketLog(events.Connection{}, logger), publisher, logger, metrics))
}

// count is how many acks of a kind had an outcome.
func (m *metrics) count(t *testing.T, kind kitchen.AckKind, outcome outcome) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.acks)
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if labels := metric.GetLabel(); labels[0].GetValue() == string(kind) && labels[1].GetValue() == string(outcome) {
				return metric.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func queued(t *testing.T, ctx context.Context, ack kitchen.Ack, done func()) queuedAck {
	t.Helper()
	value, err := json.Marshal(ack)
	require.NoError(t, err)
	return queuedAck{ctx: ctx, ack: ack, done: done, delivery: &events.Delivery{Message: events.Message{Topic: events.TopicAcks, Key: []byte(ack.OrderID), Value: value, Time: time.Now()}}}
}

func TestAnAckBetweenTwoAttemptsIsLeftToTheNext(t *testing.T) {
	t.Parallel()
	queue := newTestQueue(noAttempt{}, make(letters))
	queue.carrier.betweenAttempts = time.Millisecond
	failed := kitchen.Ack{
		TicketID: orderID + ".bake.1", OrderID: orderID, Stage: kitchen.Bake, Kind: kitchen.AckFailed, By: "bob",
		At: time.Now(), Reason: "burnt", Scrapped: 12, Attempt: 1,
	}
	done := make(chan struct{})
	queue.put(queued(t, t.Context(), failed, func() { close(done) }))
	<-done
	require.EqualValues(t, 1, queue.carrier.metrics.count(t, "failed", outcomeLeft))
}

// Whoever has the partition now reads these acks again.
func TestNothingIsFinishedOnceItsPartitionIsTakenAway(t *testing.T) {
	t.Parallel()
	buried := make(letters, 2)
	queue := newTestQueue(noAttempt{}, buried)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waits := kitchen.Ack{TicketID: orderID + ".bake.1", OrderID: orderID, Stage: kitchen.Bake, Kind: kitchen.AckDone, By: "bob", At: time.Now(), Attempt: 1}
	for _, fault := range []error{errors.New("poison"), nil, errors.New("poison")} {
		ack := queued(t, ctx, waits, func() { assert.Fail(t, "an ack is committed") })
		ack.fault = fault
		queue.put(ack)
	}
	queue.working.Wait()
	require.Empty(t, buried)
}

// secondAttempt is a Temporal in which a ticket's next attempt begins when its
// gate opens. It remembers how the ticket's activity was ended.
type secondAttempt struct {
	noAttempt
	gate  chan struct{}
	ended chan string
}

func (s *secondAttempt) CompleteActivityByID(ctx context.Context, namespace, workflowID, runID, activityID string, result any, err error) error {
	select {
	case <-s.gate:
	default:
		if err != nil { // Temporal takes a result at any time, and a failure of an attempt only
			return s.noAttempt.CompleteActivityByID(ctx, namespace, workflowID, runID, activityID, result, err)
		}
	}
	if err != nil {
		s.ended <- "failed"
	} else {
		s.ended <- "done"
	}
	return nil
}

// If the done ack did not wait, it would end the ticket while the failed one waits,
// and the pieces that were thrown away would not be counted.
func TestAcksOfAnOrderKeepTheirOrderWhileOneWaits(t *testing.T) {
	t.Parallel()
	temporal := &secondAttempt{gate: make(chan struct{}), ended: make(chan string, 2)}
	queue := newTestQueue(temporal, make(letters))
	queue.carrier.betweenAttempts = time.Hour
	now := time.Now().UTC()
	done := make(chan kitchen.AckKind, 2)
	put := func(ack kitchen.Ack) { queue.put(queued(t, t.Context(), ack, func() { done <- ack.Kind })) }
	ticket := kitchen.Ack{TicketID: orderID + ".bake.1", OrderID: orderID, Stage: kitchen.Bake, By: "bob", At: now, StartedAt: &now, Attempt: 1}
	failed, made := ticket, ticket
	failed.Kind, failed.Reason, failed.Scrapped = kitchen.AckFailed, "equipment", 2
	made.Kind, made.Attempt = kitchen.AckDone, 2
	put(failed)
	put(made)
	require.Empty(t, done)
	close(temporal.gate)
	require.Equal(t, "failed", <-temporal.ended)
	require.Equal(t, "done", <-temporal.ended)
	require.Equal(t, kitchen.AckFailed, <-done)
	require.Equal(t, kitchen.AckDone, <-done)
	queue.working.Wait()
	require.Empty(t, queue.waiting)
}

// An ack that waits must not stop its partition: of 400 that come after it, 255 were
// carried, as many as the window holds.
func TestAnAckThatWaitsDoesNotStopItsPartition(t *testing.T) {
	t.Parallel()
	const others = 400
	broker, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	connection := events.Connection{Brokers: []string{broker.Addr()}}
	_, err = events.ApplyTopics(t.Context(), connection, events.TopicSettings{Partitions: 1})
	require.NoError(t, err)
	writer, err := events.NewWriter(connection)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, writer.Close()) })
	failed := kitchen.Ack{
		TicketID: orderID + ".bake.1", OrderID: orderID, Stage: kitchen.Bake, Kind: kitchen.AckFailed, By: "bob",
		At: time.Now(), Reason: "burnt", Scrapped: 12, Attempt: 1,
	}
	require.NoError(t, writer.PublishAck(t.Context(), failed))
	var publishing errgroup.Group
	for order := range others {
		ref := mix(order)
		publishing.Go(func() error {
			return writer.PublishAck(t.Context(), kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "bob", At: time.Now(), Attempt: 1, StartedAt: &failed.At})
		})
	}
	require.NoError(t, publishing.Wait())

	carried := make(chan string, others)
	queue := newTestQueue(onlyOneWaits{ended: carried}, make(letters))
	queue.carrier.betweenAttempts = 500 * time.Millisecond
	consumer, err := events.NewConsumer(events.ConsumerConfig{
		Connection: connection, Group: events.GroupAcks, Topics: []string{events.TopicAcks}, MaxInFlight: maxAcksInFlight,
		Handle: queue.add, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- queue.run(ctx, consumer) }()
	for carriedSoFar := range others {
		select {
		case <-carried:
		case <-time.After(time.Minute):
			require.FailNow(t, "the partition has stopped", "%d of %d were carried", carriedSoFar, others)
		}
	}
	stop()
	require.NoError(t, <-ran)
}

// onlyOneWaits is a Temporal in which one order's ticket waits for its next attempt.
type onlyOneWaits struct {
	noAttempt
	ended chan string
}

func (o onlyOneWaits) CompleteActivityByID(ctx context.Context, namespace, workflowID, runID, activityID string, result any, err error) error {
	if workflowID == kitchen.WorkflowID(orderID) {
		return o.noAttempt.CompleteActivityByID(ctx, namespace, workflowID, runID, activityID, result, err)
	}
	o.ended <- workflowID
	return nil
}

func (noAttempt) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return new(onlyStarted)
}
