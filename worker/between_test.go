package worker

import (
	"context"
	"encoding/json"
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

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
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

type letters chan string

func (l letters) PublishDeadLetter(_ context.Context, _ events.Message, reason string) error {
	l <- reason
	return nil
}

func (l letters) ForwardAck(context.Context, events.Message, kitchen.Ack) error { return nil }

func deliveryOf(t *testing.T, ack kitchen.Ack) *events.Delivery {
	t.Helper()
	value, err := json.Marshal(ack)
	require.NoError(t, err)
	return &events.Delivery{Message: events.Message{Topic: events.TopicAcks, Key: []byte(ack.OrderID), Value: value, Time: time.Now()}}
}

func TestAnAckBetweenTwoAttemptsHoldsUpNobodyAndIsNotLost(t *testing.T) {
	t.Parallel()
	buried := make(letters, 1)
	carrier := newAckCarrier(noAttempt{}, client.DefaultNamespace, buried, slog.New(slog.DiscardHandler), newMetrics(prometheus.NewRegistry()))
	carrier.betweenAttempts = time.Millisecond
	failed := kitchen.Ack{
		TicketID: orderID + ".bake.1", OrderID: orderID, Stage: kitchen.Bake, Kind: kitchen.AckFailed, By: "bob",
		At: time.Now(), Reason: "burnt", Scrapped: 12, Attempt: 1,
	}
	delivery := deliveryOf(t, failed)
	require.ErrorIs(t, carrier.carry(t.Context(), delivery), errBetweenAttempts, "its lane goes on")
	require.NoError(t, carrier.carryPatiently(t.Context(), delivery))
	require.Equal(t, "no attempt of its ticket has begun for 1ms: redrive it when the order's workers are back", <-buried)
}

// Whoever has the partition now reads these acks again.
func TestNothingIsFinishedOnceItsPartitionIsTakenAway(t *testing.T) {
	t.Parallel()
	buried := make(letters, 2)
	carrier := newAckCarrier(noAttempt{}, client.DefaultNamespace, buried, slog.New(slog.DiscardHandler), newMetrics(prometheus.NewRegistry()))
	queue := newAckQueue(carrier, carrier.metrics)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waits := kitchen.Ack{TicketID: orderID + ".bake.1", OrderID: orderID, Stage: kitchen.Bake, Kind: kitchen.AckDone, By: "bob", At: time.Now(), Attempt: 1}
	poison := waits
	poison.Kind = kitchen.AckUndone
	for _, ack := range []kitchen.Ack{poison, waits, poison} { // the last waits behind the one before
		queue.work(queuedAck{ctx: ctx, delivery: deliveryOf(t, ack), done: func() { assert.Fail(t, "an ack is committed", ack.Kind) }})
	}
	queue.waiting.Wait()
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

// Without the queue behind it, the done ack would end the ticket while the
// failed one waits, and the pieces that were thrown away would not be counted.
func TestAcksOfAnOrderKeepTheirOrderWhileOneWaits(t *testing.T) {
	t.Parallel()
	temporal := &secondAttempt{gate: make(chan struct{}), ended: make(chan string, 2)}
	carrier := newAckCarrier(temporal, client.DefaultNamespace, make(letters, 1), slog.New(slog.DiscardHandler), newMetrics(prometheus.NewRegistry()))
	queue := newAckQueue(carrier, carrier.metrics)
	now := time.Now().UTC()
	done := make(chan kitchen.AckKind, 2)
	work := func(ack kitchen.Ack) {
		queue.work(queuedAck{ctx: t.Context(), delivery: deliveryOf(t, ack), done: func() { done <- ack.Kind }})
	}
	ticket := kitchen.Ack{TicketID: orderID + ".bake.1", OrderID: orderID, Stage: kitchen.Bake, By: "bob", At: now, StartedAt: &now}
	failed, made := ticket, ticket
	failed.Kind, failed.Reason, failed.Scrapped, failed.Attempt = kitchen.AckFailed, "equipment", 2, 1
	made.Kind, made.Attempt = kitchen.AckDone, 2
	work(failed)
	work(made)
	require.Empty(t, done)
	close(temporal.gate)
	require.Equal(t, "failed", <-temporal.ended)
	require.Equal(t, "done", <-temporal.ended)
	require.Equal(t, kitchen.AckFailed, <-done)
	require.Equal(t, kitchen.AckDone, <-done)
	queue.waiting.Wait()
	require.Empty(t, queue.behind)
}
