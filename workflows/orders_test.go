package workflows_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// describing is a Temporal that has this to say of every order.
type describing struct {
	client.Client
	pending []*workflowpb.PendingActivityInfo
}

func (d describing) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: d.pending}, nil
}

func TestAnOwnerWhoIsHeardOfIsNotSilent(t *testing.T) {
	t.Parallel()
	timedOut := func(kind enumspb.TimeoutType) *failurepb.Failure {
		return &failurepb.Failure{FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: kind}}}
	}
	for name, c := range map[string]struct {
		id        string
		heartbeat time.Duration
		last      *failurepb.Failure
		want      bool
	}{
		"no sign within the heartbeat timeout":           {"bake.1", time.Minute, timedOut(enumspb.TIMEOUT_TYPE_HEARTBEAT), true},
		"signs for as long as an attempt may last":       {"bake.1", time.Minute, timedOut(enumspb.TIMEOUT_TYPE_START_TO_CLOSE), false},
		"no answer in an attempt of an older build":      {"bake.1", 0, timedOut(enumspb.TIMEOUT_TYPE_START_TO_CLOSE), true},
		"a delivery that did not reach Kafka in between": {"bake.1", time.Minute, &failurepb.Failure{}, true},
		"a ticket that has ended meanwhile":              {"mix.1", time.Minute, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			orders := workflows.NewOrders(describing{pending: []*workflowpb.PendingActivityInfo{{
				ActivityId: c.id, LastFailure: c.last, ActivityOptions: &activitypb.ActivityOptions{HeartbeatTimeout: durationpb.New(c.heartbeat)},
			}}}, nil)
			silent, err := orders.Silent(t.Context(), refOf("bake.1"))
			require.NoError(t, err)
			require.Equal(t, c.want, silent)
		})
	}
}

// memory is a log that knows the ends that the test tells it.
type memory struct {
	noLog
	ends sync.Map // acks by the tickets' ids
}

func (m *memory) End(ticketID string) (kitchen.Ack, bool) {
	end, known := m.ends.Load(ticketID)
	if !known {
		return kitchen.Ack{}, false
	}
	return end.(kitchen.Ack), true
}

// An operator resets an order to before its bake ticket was issued. Bake's station
// has done it long ago, and will not say so again.
func TestAResetOrderHearsFromTheLogWhatItHasLost(t *testing.T) {
	t.Parallel()
	log := &memory{}
	l := prepareLiveOn(t, server, nil)
	l.worker.Stop()
	l.log = log
	l.startWorker()
	in := orderInput()
	options := workflows.StartOptions(l.orderID, in, "hash")
	options.TaskQueue = l.orderID
	var err error
	l.run, err = server.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflowType, in)
	require.NoError(t, err)

	l.makes("mix.1")
	bake := l.expect("bake.1")
	pending := l.describe().GetPendingActivities()[0].GetActivityOptions()
	within := in.Rules.AckWithinFor(kitchen.Bake)
	require.Equal(t, within, pending.GetHeartbeatTimeout().AsDuration())
	require.Equal(t, 4*within, pending.GetStartToCloseTimeout().AsDuration())
	done := ackFor(bake, kitchen.AckDone)
	require.NoError(t, l.complete(bake, done, nil))
	decorate := l.expect("decorate.1")
	log.ends.Store(bake.TicketID, done) // no activity asks for it before the reset

	events := l.history("")
	scheduled := slices.IndexFunc(events, func(e *historypb.HistoryEvent) bool {
		return e.GetActivityTaskScheduledEventAttributes().GetActivityId() == "bake.1"
	})
	_, err = server.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: l.run.GetID(), RunId: l.run.GetRunID()},
		Reason: "tests", RequestId: "reset", WorkflowTaskFinishEventId: events[scheduled].GetActivityTaskScheduledEventAttributes().GetWorkflowTaskCompletedEventId(),
	})
	require.NoError(t, err)
	l.run = server.GetWorkflow(t.Context(), l.run.GetID(), "")
	again := l.ticket()
	require.Equal(t, decorate.TicketID, again.TicketID, "bake's ticket does not go out again")
	require.Equal(t, 1, again.Attempt)
	l.ends(again)
	l.makes("package.1")
	status := l.result()
	require.Equal(t, kitchen.StateShipped, status.State)
	require.Equal(t, done.At, *status.Stages[1].DoneAt)
}
