package workflows_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// Temporal keeps an order's closed runs for a while only, and an order for later may wait
// for longer than that.
func TestATimelineLeavesOutWhatTemporalHasForgotten(t *testing.T) {
	t.Parallel()
	queue := uuid.NewString()
	w := worker.New(server, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.OrderInput) (kitchen.Status, error) {
		if in.Progress == nil {
			in.Progress = &workflows.Progress{}
			return kitchen.Status{}, workflow.NewContinueAsNewError(ctx, "Twice", in)
		}
		return kitchen.Status{State: kitchen.StateShipped}, nil
	}, workflow.RegisterOptions{Name: "Twice"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	run, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: kitchen.WorkflowID(orderID), TaskQueue: queue}, "Twice", workflows.OrderInput{PlacedAt: time.Now()})
	require.NoError(t, err)
	firstRun := run.GetRunID()
	require.NoError(t, run.Get(t.Context(), nil))
	kinds := func() (kinds []workflows.HappeningKind, complete bool) {
		happened, complete, err := workflows.NewOrders(server, codec).Timeline(t.Context(), orderID)
		require.NoError(t, err)
		for _, h := range happened {
			kinds = append(kinds, h.Kind)
		}
		return kinds, complete
	}
	all, complete := kinds()
	require.True(t, complete)
	require.Equal(t, []workflows.HappeningKind{workflows.HappenedPlaced, workflows.HappenedShipped}, all)

	_, err = server.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID), RunId: firstRun},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := server.DescribeWorkflowExecution(t.Context(), kitchen.WorkflowID(orderID), firstRun)
		return workflows.IsNotFound(err)
	}, time.Minute, 20*time.Millisecond, "the first run is deleted")
	left, complete := kinds()
	require.False(t, complete)
	require.Equal(t, []workflows.HappeningKind{workflows.HappenedShipped}, left)
}
