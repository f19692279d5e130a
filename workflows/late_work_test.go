package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// The SDK's test environment forgets an activity whose cancellation is requested;
// the server still takes its result. So these tests run on the server.
func TestWorkThatIsDoneWhileItsOrderIsCancelled(t *testing.T) {
	t.Parallel()

	// cancelAtBake brings an order to bake, cancels it, and returns its bake
	// ticket and the undo ticket.
	cancelAtBake := func(t *testing.T) (l *live, bake, undo kitchen.Ticket) {
		l = startLive(t, orderInput(), nil)
		require.NoError(t, complete(t.Context(), l.ticket(), nil))
		bake = l.ticket()
		l.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "changed my mind"})
		undo = l.ticket()
		require.Equal(t, bake.TicketID+".undo", undo.TicketID)
		require.False(t, undo.Made)
		return l, bake, undo
	}

	t.Run("is noted, and its undo ticket says what became of it", func(t *testing.T) {
		t.Parallel()
		l, bake, undo := cancelAtBake(t)
		require.NoError(t, complete(t.Context(), bake, nil))
		l.until(func(s kitchen.Status) bool { return s.Stages[1].State == kitchen.TicketDone })
		require.NoError(t, complete(t.Context(), undo, nil))
		require.NoError(t, complete(t.Context(), l.ticket(), nil))
		status := l.result()
		require.Equal(t, kitchen.StateCancelled, status.State)
		require.Equal(t, kitchen.TicketUndone, status.Stages[1].State)
		require.NotNil(t, status.Stages[1].DoneAt)
		require.Equal(t, "bob", status.Stages[1].MadeBy)
	})

	t.Run("after its undo is for a manager", func(t *testing.T) {
		t.Parallel()
		l, bake, undo := cancelAtBake(t)
		require.NoError(t, complete(t.Context(), undo, nil))
		mixUndo := l.ticket()
		require.NoError(t, complete(t.Context(), bake, nil))
		l.until(func(s kitchen.Status) bool { return s.Stages[1].State == kitchen.TicketDone })
		require.NoError(t, complete(t.Context(), mixUndo, nil))
		asked := l.until(func(s kitchen.Status) bool { return s.Attention != nil })
		require.Contains(t, asked.Attention.Reason, "bake was done by bob after its ticket had been withdrawn")
		require.Equal(t, []kitchen.Choice{kitchen.ChoiceCancel}, asked.Attention.Choices)
		l.update(workflows.UpdateResolve, kitchen.Resolution{Choice: kitchen.ChoiceCancel, Note: "given to the staff"})
		require.Equal(t, kitchen.StateCancelled, l.result().State)
		require.Equal(t, kitchen.StateNeedsAttention, (<-l.tray.failed).State)
		require.Equal(t, []kitchen.Leftover{{Stage: kitchen.Bake, Pass: 1, Reason: "given to the staff"}}, (<-l.tray.failed).NotUndone)
	})
}

func TestAnUndoThatIsLeftAndComesAllTheSame(t *testing.T) {
	t.Parallel()
	l := startLive(t, orderInput(), nil)
	require.NoError(t, complete(t.Context(), l.ticket(), nil))
	l.ticket()
	l.update(workflows.UpdateCancel, kitchen.Cancellation{})
	undo := l.ticket()
	require.NoError(t, server.SignalWorkflow(t.Context(), l.run.GetID(), "", workflows.SignalUnanswered,
		workflows.Unanswered{ActivityID: "bake.1.undo", Attempt: 3, Reason: "nobody has answered"}))
	l.until(func(s kitchen.Status) bool { return s.Attention != nil })
	l.update(workflows.UpdateResolve, kitchen.Resolution{Choice: kitchen.ChoiceCancel, Note: "the oven is locked"})
	mixUndo := l.ticket()
	require.NoError(t, complete(t.Context(), undo, nil))
	fromQuery := l.until(func(s kitchen.Status) bool { return s.Stages[1].State == kitchen.TicketUndone })
	require.Equal(t, kitchen.Mix, fromQuery.WaitingFor, "it still waits for the next undo")
	fromHistory, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
	require.NoError(t, err)
	requireSameButTimes(t, fromQuery, fromHistory)
	require.NoError(t, complete(t.Context(), mixUndo, nil))
	l.result()
	require.Equal(t, kitchen.StateNeedsAttention, (<-l.tray.failed).State)
	require.Empty(t, (<-l.tray.failed).NotUndone)
}

func TestAResultThatIsNoAckIsForAManager(t *testing.T) {
	t.Parallel()
	l := startLive(t, orderInput(), nil)
	l.ticket()
	require.NoError(t, server.CompleteActivityByID(t.Context(), client.DefaultNamespace, l.run.GetID(), "", "mix.1", "ok", nil))
	asked := l.until(func(s kitchen.Status) bool { return s.Attention != nil })
	require.Equal(t, "the ticket mix.1 was ended in Temporal and not by its station", asked.Attention.Reason, "internal text stays inside")
	fromHistory, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
	require.NoError(t, err)
	require.Equal(t, asked.Attention, fromHistory.Attention)
}

func TestAnAmendmentBeforeTheFirstTicketLeavesVisibilityTrue(t *testing.T) {
	t.Parallel()
	l := prepareLiveOn(t, server, nil)
	in, notes := orderInput(), "ring twice"
	options := workflows.StartOptions(l.orderID, in, "hash")
	options.TaskQueue = l.orderID
	handle, err := server.UpdateWithStartWorkflow(t.Context(), client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: server.NewWithStartWorkflowOperation(options, workflows.OrderWorkflowType, in),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName: workflows.UpdateAmend, Args: []any{kitchen.Amendment{Notes: &notes}}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(t.Context(), nil))
	require.Equal(t, notes, l.ticket().Notes)
	description, err := server.DescribeWorkflowExecution(t.Context(), kitchen.WorkflowID(l.orderID), "")
	require.NoError(t, err)
	var state string
	require.NoError(t, dataConverter.FromPayload(description.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()["CupcakeState"], &state))
	require.Equal(t, "in-progress", state)
}

// update sends an update that must be accepted.
func (l *live) update(name string, request any) workflows.Answer {
	l.t.Helper()
	answer, err := l.updateAs("", name, request)
	require.NoError(l.t, err)
	return answer
}

// updateAs sends an update under an id.
func (l *live) updateAs(id, name string, request any) (answer workflows.Answer, err error) {
	l.t.Helper()
	handle, err := l.server.UpdateWorkflow(l.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: l.run.GetID(), UpdateID: id, UpdateName: name, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return answer, err
	}
	return answer, handle.Get(l.t.Context(), &answer)
}

// until asks the order until its status passes the check.
func (l *live) until(check func(kitchen.Status) bool) (status kitchen.Status) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		status = l.query()
		return check(status)
	}, patience, tick)
	return status
}
