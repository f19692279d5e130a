package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/erase"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

func (f *factory) erase(stdin string, args ...string) said {
	f.Helper()
	return invoke(f.T, stdin, append([]string{"order", "erase", "--kafka-brokers", f.kafka.Addr(), "--temporal-address", f.address}, args...)...)
}

// eraseJSON erases and returns what was reported, with the exit code.
func (f *factory) eraseJSON(code int, args ...string) (report erase.Report) {
	f.Helper()
	c := f.erase("", append(args, "--yes", "--output", "json")...)
	require.Equal(f, code, c.code, c.stderr)
	require.NoError(f, json.Unmarshal([]byte(c.stdout), &report))
	return report
}

// awaitClosed waits until an order's workflow has closed.
func (f *factory) awaitClosed(orderID string) {
	f.Helper()
	require.Eventually(f, func() bool {
		description, err := f.temporal.DescribeWorkflowExecution(f.Context(), kitchen.WorkflowID(orderID), "")
		return err == nil && description.GetWorkflowExecutionInfo().GetCloseTime() != nil
	}, stationPatience, 20*time.Millisecond)
}

// requireForgotten looks for an order wherever Temporal could show it.
func (f *factory) requireForgotten(orderID string, runs ...erase.Run) {
	f.Helper()
	id := kitchen.WorkflowID(orderID)
	_, err := f.temporal.DescribeWorkflowExecution(f.Context(), id, "")
	require.True(f, workflows.IsNotFound(err), "%v", err)
	for _, run := range append(runs, erase.Run{}) {
		_, err := f.temporal.WorkflowService().GetWorkflowExecutionHistory(f.Context(), &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: temporalclient.DefaultNamespace, Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: run.RunID},
		})
		require.True(f, workflows.IsNotFound(err), "%v", err)
	}
	page, err := f.temporal.ListWorkflow(f.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(f, err)
	require.NotContains(f, page.String(), orderID)
}

func TestAnOrderIsErased(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	ticket := f.order()
	id, code := ticket.OrderID, kitchen.PickupCode(ticket.OrderID)

	c := f.erase("", id, "--yes")
	require.Equal(t, exitRefused, c.code, c.stderr)
	require.Contains(t, c.stderr, "cupcakery order cancel "+id)

	for _, stage := range kitchen.Stages()[1:] {
		ticket = f.finish(ticket, stage)
	}
	f.ack(ticket, kitchen.AckDone, "bob")
	f.awaitClosed(id)
	// Somebody resets the order to before its last ticket was answered: it goes on in
	// a second run, and ends as before.
	f.reset(id)
	f.awaitClosed(id)
	writer := f.writer
	rush := kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagRush, Of: id}, By: "ann", At: time.Now(), Reason: "the bride is at the door"}
	require.NoError(t, writer.PublishFlag(t.Context(), uuid.NewString(), rush))
	require.NoError(t, writer.PublishDeadLetter(t.Context(), events.Message{Topic: events.TopicAcks, Key: []byte(id), Value: []byte("what Ada said")}, "no JSON"))
	require.NoError(t, writer.PublishDeadLetter(t.Context(), events.Message{Topic: events.TopicAcks, Value: []byte("somebody else's")}, "no JSON"))

	dry := f.erase("", code, "--dry-run")
	require.Zero(t, dry.code, dry.stderr)
	for _, says := range []string{"Order " + code, "Temporal has 2 runs of the order, which would be deleted.", `the flag "rush" would be taken back`, ": would be discarded", "orders-to-package", "the customer's name", "at the latest on "} {
		require.Contains(t, dry.stdout, says)
	}
	no := f.erase("no\n", code)
	require.Equal(t, exitRefused, no.code)
	require.Contains(t, no.stderr, "nothing was erased")
	require.Zero(t, f.erase("", id, "--dry-run").code)

	report := f.eraseJSON(exitFailed, code, "--by", "mia") // the dead letter is left
	f.requireForgotten(id, report.Runs...)
	require.Equal(t, []any{id, kitchen.OrderKey(id), code, false}, []any{report.OrderID, report.OrderKey, report.PickupCode, report.ErasedBefore})
	require.Len(t, report.Runs, 2)
	require.True(t, report.Runs[0].Deleted && report.Runs[1].Deleted)
	require.Equal(t, []erase.Flag{{Kind: "rush", TakenBack: true}}, report.Flags)
	require.Len(t, report.Letters, 1)
	require.True(t, report.Letters[0].Discarded)
	require.Len(t, report.Left, 1)
	require.Contains(t, report.Left[0], "--cut-dead-letters")
	var topics []string
	for _, topic := range report.Topics {
		topics = append(topics, topic.Topic)
		require.True(t, topic.GoneAt.After(topic.Newest.AddDate(0, 0, 7)))
		require.False(t, topic.GoneAt.After(*report.GoneAt))
	}
	require.Equal(t, []string{"orders-to-mix", "orders-to-bake", "orders-to-decorate", "orders-to-package", "station-acks", "orders-to-ship", "order-status"}, topics)
	require.True(t, report.GoneAt.After(time.Now().AddDate(0, 0, 30)), "statuses lie there longest")

	again := f.eraseJSON(0, id, "--cut-dead-letters")
	require.True(t, again.ErasedBefore)
	require.Equal(t, report.ErasedAt, again.ErasedAt, "the flag is put up once")
	require.Empty(t, again.Runs)
	require.Empty(t, again.Flags)
	require.True(t, again.Letters[0].Cut)
	require.Empty(t, again.Left)
	require.Empty(t, f.eraseJSON(0, id).Letters)
	last := f.erase("", id, "--dry-run")
	require.Zero(t, last.code)
	require.Contains(t, last.stdout, "already")
	require.Contains(t, last.stdout, "Temporal has nothing of the order.")

	c = f.erase("", code, "--yes")
	require.Equal(t, exitNotFound, c.code, c.stderr)
	require.Contains(t, c.stderr, "give the order's id")
}

// reset resets an order to its last workflow task but one.
func (f *factory) reset(orderID string) {
	f.Helper()
	var tasks []int64
	history := f.temporal.GetWorkflowHistory(f.Context(), kitchen.WorkflowID(orderID), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(f, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			tasks = append(tasks, event.GetEventId())
		}
	}
	_, err := f.temporal.ResetWorkflowExecution(f.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: temporalclient.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID)},
		Reason: "a test", RequestId: uuid.NewString(), WorkflowTaskFinishEventId: tasks[len(tasks)-1],
	})
	require.NoError(f, err)
}

// TestWhatAnOrderHasLeftAtStationsIsWithdrawnFirst, or its undo tickets would have the
// texts again.
func TestWhatAnOrderHasLeftAtStationsIsWithdrawnFirst(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	running, ticket := f.order(), f.order()
	f.terminate(ticket)
	c := f.erase("", ticket.OrderID, "--yes")
	require.Equal(t, exitRefused, c.code, c.stderr)
	require.Contains(t, c.stderr, "cupcakery order doctor")
	require.Zero(t, f.doctor().code)
	f.ack(f.await(ticket.Ref().Undo()), kitchen.AckUndone, "bob")
	f.eraseJSON(0, ticket.OrderID)
	f.requireForgotten(ticket.OrderID)
	_, err := f.temporal.DescribeWorkflowExecution(t.Context(), kitchen.WorkflowID(running.OrderID), "")
	require.NoError(t, err, "the other order goes on")

	unknown, err := kitchen.NewOrderID()
	require.NoError(t, err)
	c = f.erase("", unknown, "--yes")
	require.Equal(t, exitNotFound, c.code, c.stderr)
	require.Contains(t, c.stderr, "--unknown")
	require.NotNil(t, f.eraseJSON(0, unknown, "--unknown").ErasedAt)
	for _, args := range [][]string{{}, {"K7"}, {strings.ToUpper(unknown)}, {unknown, "--by", ""}, {unknown, "--output", "xml"}} {
		require.Equal(t, exitUsage, f.erase("", args...).code, args)
	}
}
