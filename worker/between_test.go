package worker

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

func TestAnAckBetweenTwoAttemptsHoldsUpNobodyAndIsNotLost(t *testing.T) {
	t.Parallel()
	buried := make(letters, 1)
	carrier := newAckCarrier(noAttempt{}, client.DefaultNamespace, buried, slog.New(slog.DiscardHandler), newMetrics(prometheus.NewRegistry()))
	carrier.betweenAttempts = time.Millisecond
	failed := kitchen.Ack{
		TicketID: orderID + ".bake.1", OrderID: orderID, Stage: kitchen.Bake, Kind: kitchen.AckFailed, By: "bob",
		At: time.Now(), Reason: "burnt", Scrapped: 12, Attempt: 1,
	}
	hand := inHand{ctx: t.Context(), delivery: &events.Delivery{}}
	require.ErrorIs(t, carrier.deliver(hand, failed, carrier.logger), errBetweenAttempts, "its lane goes on")
	err := carrier.deliverLater(hand, failed, carrier.logger)
	require.ErrorContains(t, err, "no attempt of its ticket has begun for 1ms: redrive it when the order's workers are back")
	require.True(t, carrier.bury(hand, err, carrier.logger))
	require.Contains(t, <-buried, "redrive it")
}
