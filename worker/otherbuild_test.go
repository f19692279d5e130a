package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	temporalworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// dusting is an order of a newer build that only goes through the stage dust.
func dusting(ctx workflow.Context, _ workflows.OrderInput) (kitchen.Ack, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{ActivityID: "dust.1", StartToCloseTimeout: time.Hour})
	var ack kitchen.Ack
	err := workflow.ExecuteActivity(ctx, "Dust").Get(ctx, &ack)
	return ack, err
}

// An ack may be read by a worker of any build. One that does not know the stage
// must not make a dead letter of it: the order would wait for it in vain.
func TestAnAckOfAStageThatOnlyAnotherBuildKnowsReachesItsOrder(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	attempts := make(chan int32, 10)
	newer := temporalworker.New(server, t.Name()+"/newer", temporalworker.Options{})
	newer.RegisterWorkflow(dusting)
	newer.RegisterActivityWithOptions(func(ctx context.Context) (kitchen.Ack, error) {
		attempts <- activity.GetInfo(ctx).Attempt
		return kitchen.Ack{}, activity.ErrResultPending
	}, activity.RegisterOptions{Name: "Dust"})
	require.NoError(t, newer.Start())
	t.Cleanup(newer.Stop)
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	run, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: kitchen.WorkflowID(orderID), TaskQueue: t.Name() + "/newer"},
		dusting, workflows.OrderInput{Rules: kitchen.Default().Rules})
	require.NoError(t, err)
	require.EqualValues(t, 1, wait(t, attempts, "the ticket"))
	ref := kitchen.TicketRef{OrderID: orderID, Stage: "dust", Pass: 1, Kind: kitchen.TicketMake}
	ticket := kitchen.Ticket{TicketID: ref.TicketID(), OrderID: orderID, Stage: ref.Stage}

	f.answer(ticket, kitchen.AckFailed, map[string]any{"reason": "equipment", "attempt": 1})
	require.EqualValues(t, 2, wait(t, attempts, "its next attempt"))
	f.answer(ticket, kitchen.AckStarted, nil)
	require.Eventually(t, func() bool {
		pending := f.pending(run)
		return len(pending) == 1 && pending[0].AtWork != nil && pending[0].AtWork.By == "bob"
	}, time.Minute, 50*time.Millisecond)
	f.writeTo(1-home(orderID), kafka.Message{Key: []byte(orderID), Value: []byte(ackJSON(ticket, nil))}) // forwarded as any
	var ack kitchen.Ack
	require.NoError(t, run.Get(t.Context(), &ack))
	require.Equal(t, ref.TicketID(), ack.TicketID)
	require.Equal(t, 2, ack.Attempt, "asked of Temporal, since the ack does not say")
	require.NotNil(t, ack.StartedAt)

	f.answer(ticket, kitchen.AckDone, map[string]any{"by": "eve"})
	require.Eventually(t, func() bool { return f.acks("done", "stale") == 1 }, time.Minute, 20*time.Millisecond)
	require.EqualValues(t, 1, f.acks("done", "carried"))

	f.answer(ticket, kitchen.AckDone, map[string]any{"ticketId": orderID + ".Dust.1", "stage": "Dust"})
	letter := wait(t, f.other, "the dead letter of a stage that cannot be one")
	require.Equal(t, events.TopicDeadLetters, letter.Topic)
}
