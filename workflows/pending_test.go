package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

func TestAddPending(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	beat, err := converter.GetDefaultDataConverter().ToPayloads(kitchen.AtWork{By: "carol", At: started.Add(time.Second)})
	require.NoError(t, err)
	nobody, err := converter.GetDefaultDataConverter().ToPayloads(kitchen.AtWork{})
	require.NoError(t, err)
	garbage, err := converter.GetDefaultDataConverter().ToPayloads(7)
	require.NoError(t, err)
	pending := func(change func(*workflowpb.PendingActivityInfo)) *workflowpb.PendingActivityInfo {
		activity := &workflowpb.PendingActivityInfo{
			ActivityId: "bake.1", Attempt: 3, State: enumspb.PENDING_ACTIVITY_STATE_STARTED, HeartbeatDetails: beat,
			LastStartedTime: timestamppb.New(started), LastHeartbeatTime: timestamppb.New(started.Add(2 * time.Second)),
		}
		if change != nil {
			change(activity)
		}
		return activity
	}
	waiting := kitchen.StageStatus{Stage: kitchen.Bake, Pass: 1, Attempt: 1, State: kitchen.TicketWaiting}
	again := waiting
	again.Attempt = 3
	taken := again
	at := started.Add(time.Second)
	taken.State, taken.By, taken.StartedAt = kitchen.TicketStarted, "carol", &at
	done := waiting
	done.State, done.By = kitchen.TicketDone, "bob"

	for name, c := range map[string]struct {
		before, want kitchen.StageStatus
		activity     *workflowpb.PendingActivityInfo
	}{
		"who has it in hand":  {waiting, taken, pending(nil)},
		"nobody yet":          {waiting, again, pending(func(a *workflowpb.PendingActivityInfo) { a.HeartbeatDetails = nil })},
		"who has put it back": {waiting, again, pending(func(a *workflowpb.PendingActivityInfo) { a.HeartbeatDetails = nobody })},
		"who took it before it was issued again": {waiting, taken, pending(func(a *workflowpb.PendingActivityInfo) {
			a.LastHeartbeatTime = timestamppb.New(started.Add(-time.Second))
		})},
		"who took it, between two attempts": {waiting, taken, pending(func(a *workflowpb.PendingActivityInfo) {
			a.State = enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
		})},
		"a heartbeat of another kind": {waiting, again, pending(func(a *workflowpb.PendingActivityInfo) { a.HeartbeatDetails = garbage })},
		"done meanwhile":              {done, done, pending(nil)},
		"another stage":               {waiting, waiting, pending(func(a *workflowpb.PendingActivityInfo) { a.ActivityId = "mix.1" })},
		"another pass":                {waiting, waiting, pending(func(a *workflowpb.PendingActivityInfo) { a.ActivityId = "bake.2" })},
		"an activity that is none":    {waiting, waiting, pending(func(a *workflowpb.PendingActivityInfo) { a.ActivityId = "7" })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := kitchen.Status{Stages: []kitchen.StageStatus{c.before}}
			pending, err := workflows.NewOrders(nil, codec).PendingTickets(&workflowservice.DescribeWorkflowExecutionResponse{
				WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID)}},
				PendingActivities:     []*workflowpb.PendingActivityInfo{c.activity},
			})
			require.NoError(t, err)
			workflows.AddPending(&status, pending)
			require.Equal(t, c.want, status.Stages[0])
		})
	}
}

// An owner that cannot be read is not nobody.
func TestPendingTicketsSayThatAKeyIsMissing(t *testing.T) {
	t.Parallel()
	ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	sealed, err := newCodec().DataOf(kitchen.WorkflowID(orderID)).ToPayloads(kitchen.AtWork{By: "bob"})
	require.NoError(t, err)
	pending, err := workflows.NewOrders(nil, codec).PendingTickets(&workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID)}},
		PendingActivities:     []*workflowpb.PendingActivityInfo{{ActivityId: ref.ActivityID(), Attempt: 3, HeartbeatDetails: sealed}},
	})
	require.True(t, encryption.IsMissingKey(err), "%v", err)
	require.Equal(t, []workflows.PendingTicket{{Ref: ref, Attempt: 3}}, pending)
}

func TestIsBetweenAttempts(t *testing.T) {
	t.Parallel()
	ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	for name, c := range map[string]struct {
		firstRun, run string
		length        int64
		task          bool
		pending       string
		want          bool
	}{
		"its ticket waits for its next attempt":             {"one", "one", 20, false, "bake.1", true},
		"another ticket waits":                              {"one", "one", 20, false, "bake.1.undo", false},
		"the first run has not begun":                       {"one", "one", 2, true, "", false},
		"the next run has not begun":                        {"one", "two", 2, true, "", true},
		"the next run's first task has failed once":         {"one", "two", 4, true, "", true},
		"the next run has gone on":                          {"one", "two", 8, false, "", false},
		"the next run's tasks have been failing for longer": {"one", "two", 11, true, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			description := &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
				Execution:  &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID), RunId: c.run},
				FirstRunId: c.firstRun, HistoryLength: c.length,
			}}
			if c.task {
				description.PendingWorkflowTask = &workflowpb.PendingWorkflowTaskInfo{}
			}
			if c.pending != "" {
				description.PendingActivities = []*workflowpb.PendingActivityInfo{{ActivityId: c.pending}}
			}
			require.Equal(t, c.want, workflows.IsBetweenAttempts(description, ref))
		})
	}
}
