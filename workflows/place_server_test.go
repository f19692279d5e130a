package workflows_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// However wrong the clock of the process is through which orders are placed.
func TestAnOrderIsPlacedByAWrongClock(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]time.Duration{"half a minute slow": -30 * time.Second, "a day slow": -24 * time.Hour, "an hour fast": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := dayPlan(12)
			l := prepareLiveOn(t, server, nil)
			var asked atomic.Int32
			orders := workflows.NewOrders(server, codec)
			orders.SetClock(func() time.Time { asked.Add(1); return time.Now().Add(wrong) })
			for range 2 {
				id, err := kitchen.NewOrderID()
				require.NoError(t, err)
				in := laterInput(plan, 0, 6, time.Now().Add(time.Hour))
				options := workflows.StartOptions(id, in, "hash")
				options.TaskQueue = l.orderID
				placedAt, err := orders.Place(t.Context(), options, in, false)
				require.NoError(t, err)
				require.True(t, in.PlacedAt.Equal(placedAt))
			}
			require.Equal(t, []int{12, 0, 0, 0}, l.taken(plan))
			require.EqualValues(t, 3+1, asked.Load(), "the second is placed at once")
		})
	}
}

// resetTo resets a run of the order to one of its workflow tasks, the first being 1.
func (l *live) resetTo(runID string, task int, excluded ...enumspb.ResetReapplyExcludeType) {
	l.t.Helper()
	for _, event := range l.history(runID) {
		if event.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		if task--; task > 0 {
			continue
		}
		_, err := l.server.ResetWorkflowExecution(l.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: client.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: l.run.GetID(), RunId: runID},
			Reason: "tests", RequestId: uuid.NewString(), WorkflowTaskFinishEventId: event.GetEventId(), ResetReapplyExcludeTypes: excluded,
		})
		require.NoError(l.t, err)
		l.run = l.server.GetWorkflow(l.t.Context(), l.run.GetID(), "")
		return
	}
	require.FailNow(l.t, "the run has no such workflow task")
}

// replays requires that the order's last run is replayed.
func (l *live) replays() {
	l.t.Helper()
	run := l.describe().GetWorkflowExecutionInfo().GetExecution().GetRunId()
	require.NoError(l.t, replayRun(&historypb.History{Events: l.history(run)}, run))
}

// awaits waits until the order is in a state. It is never unknown meanwhile.
func (l *live) awaits(state kitchen.OrderState) {
	l.t.Helper()
	orders := workflows.NewOrders(l.server, codec)
	require.EventuallyWithT(l.t, func(t *assert.CollectT) {
		status, err := orders.StatusFromHistory(l.t.Context(), l.orderID)
		require.False(l.t, workflows.IsNotFound(err), "the order is unknown")
		require.NoError(t, err)
		require.Equal(t, state, status.State)
	}, 2*patience, 10*tick)
}

// What was agreed with a customer holds through a reset, and nobody gets a place that is
// another's.
func TestAnOrderForLaterThatIsReset(t *testing.T) {
	t.Parallel()
	const (
		toBeforeItsPlace = 1
		toAfterIt        = 2
	)
	without := enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE
	hour := func() time.Time { return time.Now().Add(time.Hour) }

	for name, task := range map[string]int{"to before its place": toBeforeItsPlace, "to after it": toAfterIt} {
		t.Run(name+" goes on with the same place", func(t *testing.T) {
			t.Parallel()
			plan := dayPlan(12)
			l := prepareLiveOn(t, server, nil)
			l.placed(laterInput(plan, 1, 12, time.Now().Add(3*time.Second)))
			l.resetTo(l.runs()[0], task, without) // so nobody asks for it any more
			l.awaits(kitchen.StateInProgress)
			l.makes("mix.1", "bake.1", "decorate.1", "package.1")
			require.Equal(t, kitchen.StateShipped, l.result().State)
			require.Equal(t, []int{0, 12, 0, 0}, l.taken(plan))
			l.replays()
		})

		t.Run(name+", though it was cancelled and its place is another's, is cancelled", func(t *testing.T) {
			t.Parallel()
			plan := dayPlan(12)
			l := prepareLiveOn(t, server, nil)
			l.placed(laterInput(plan, 0, 12, hour()))
			l.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "changed my mind"})
			require.Equal(t, kitchen.StateCancelled, l.result().State)
			other, err := kitchen.NewOrderID()
			require.NoError(t, err)
			require.NoError(t, l.place(t.Context(), other, laterInput(plan, 0, 12, hour()), false))
			l.resetTo(l.runs()[0], task, without)
			l.awaits(kitchen.StateCancelled)
			require.Contains(t, l.result().CancelReason, "the order has given its place back")
			require.Equal(t, []int{12, 0, 0, 0}, l.taken(plan))
			l.replays()
		})

		t.Run(name+" is cancelled again if that is repeated", func(t *testing.T) {
			t.Parallel()
			plan := dayPlan(12)
			l := prepareLiveOn(t, server, nil)
			l.placed(laterInput(plan, 0, 12, hour()))
			l.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "changed my mind"})
			require.Equal(t, kitchen.StateCancelled, l.result().State)
			l.resetTo(l.runs()[0], task)
			l.awaits(kitchen.StateCancelled)
			require.Equal(t, "changed my mind", l.result().CancelReason)
			require.Equal(t, []int{0, 0, 0, 0}, l.taken(plan))
			l.replays()
		})
	}

	t.Run("to before it continued as new goes on with the same place", func(t *testing.T) {
		t.Parallel()
		on, err := shortServer()
		require.NoError(t, err)
		plan := dayPlan(12)
		l := prepareLiveOn(t, on, nil)
		l.placed(laterInput(plan, 1, 12, time.Now().Add(10*time.Second)))
		for len(l.runs()) < 2 {
			l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: new("ring twice")})
		}
		l.resetTo(l.runs()[0], toAfterIt)
		l.awaits(kitchen.StateInProgress)
		l.makes("mix.1", "bake.1", "decorate.1", "package.1")
		require.Equal(t, kitchen.StateShipped, l.result().State)
		require.Equal(t, []int{0, 12, 0, 0}, l.taken(plan))
	})

	t.Run("to before it continued as new and was cancelled is cancelled", func(t *testing.T) {
		t.Parallel()
		on, err := shortServer()
		require.NoError(t, err)
		plan := dayPlan(12)
		l := prepareLiveOn(t, on, nil)
		l.placed(laterInput(plan, 1, 12, hour()))
		for len(l.runs()) < 2 {
			l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: new("ring twice")})
		}
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		require.Equal(t, kitchen.StateCancelled, l.result().State)
		l.resetTo(l.runs()[0], toAfterIt, without)
		l.awaits(kitchen.StateCancelled)
		require.Contains(t, l.result().CancelReason, "the order has given its place back")
		require.Equal(t, []int{0, 0, 0, 0}, l.taken(plan))
	})
}
