package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// An order that has continued as new is one order to those who ask for it.
func TestAnOrderOfSeveralRunsIsOneOrder(t *testing.T) {
	t.Parallel()
	devServer, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{
		Headless: true, DynamicConfig: map[string]string{"limit.historyCount.suggestContinueAsNew": "40"},
	})
	require.NoError(t, err)
	t.Cleanup(devServer.Stop)
	temporal, err := temporalclient.DialContext(t.Context(), temporalOptions(devServer.Addr()))
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	orders := worker.New(temporal, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
	orders.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	activities.Register(orders, kitchen.Stages(), theTickets, workflows.NewOrders(temporal, nil), noLog{})
	require.NoError(t, orders.Start())
	t.Cleanup(orders.Stop)

	s := openShop(t, temporal, nil)
	order := sampleOrder()
	order.Customer.Name = "Runs " + uuid.NewString()
	key := uuid.NewString()
	placed := s.order(order, key)
	require.Equal(t, http.StatusCreated, placed.StatusCode(), string(placed.Body))
	id := placed.JSON201.ID
	ticket := nextTicket(t, id)
	const runs = 3
	seen := map[string]bool{}
	for len(seen) < runs {
		notes := "ring twice"
		update, err := temporal.UpdateWorkflow(t.Context(), temporalclient.UpdateWorkflowOptions{
			WorkflowID: kitchen.WorkflowID(id), UpdateName: workflows.UpdateAmend, WaitForStage: temporalclient.WorkflowUpdateStageCompleted,
			Args: []any{kitchen.Amendment{Notes: &notes}},
		})
		require.NoError(t, err)
		require.NoError(t, update.Get(t.Context(), nil))
		description, err := temporal.DescribeWorkflowExecution(t.Context(), kitchen.WorkflowID(id), "")
		require.NoError(t, err)
		seen[description.GetWorkflowExecutionInfo().GetExecution().GetRunId()] = true
	}
	for ticket.Attempt < runs {
		ticket = nextTicket(t, id)
	}

	status := s.status(id)
	require.False(t, status.Stale)
	require.Equal(t, kitchen.Mix, status.WaitingFor)
	require.Equal(t, runs, status.Stages[0].Attempt)
	require.Equal(t, "ring twice", status.Notes)
	require.True(t, placed.JSON201.PlacedAt.Equal(status.PlacedAt))

	again := s.order(order, key)
	require.Equal(t, http.StatusCreated, again.StatusCode(), string(again.Body))
	require.Equal(t, placed.JSON201, again.JSON201, "the same request is answered with the same order")
	order.Notes = "another"
	require.Equal(t, http.StatusConflict, s.order(order, key).StatusCode())

	list := func(state kitchen.OrderState) []wire.OrderSummary {
		t.Helper()
		params := wire.ListOrdersParams{Customer: &order.Customer.Name}
		if state != "" {
			params.State = &state
		}
		answer, err := s.ListOrdersWithResponse(t.Context(), &params)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
		return answer.JSON200.Orders
	}
	// Visibility follows; wait until it has the runs that are over.
	require.Eventually(t, func() bool {
		count, err := temporal.CountWorkflow(t.Context(), countRequest("ExecutionStatus = 'ContinuedAsNew'"))
		return err == nil && count.GetCount() == runs-1 && len(list("")) == 1
	}, 30*time.Second, 20*time.Millisecond)
	require.Len(t, list(kitchen.StateInProgress), 1)
	require.True(t, placed.JSON201.PlacedAt.Equal(list("")[0].PlacedAt), "it was placed when its first run started")

	for range kitchen.Stages() {
		ref, err := kitchen.ParseTicketID(ticket.TicketID)
		require.NoError(t, err)
		ack := kitchen.Ack{TicketID: ticket.TicketID, OrderID: id, Stage: ticket.Stage, Kind: kitchen.AckDone, By: "bob", At: time.Now().UTC(), Attempt: ticket.Attempt}
		require.NoError(t, temporal.CompleteActivityByID(t.Context(), temporalclient.DefaultNamespace, kitchen.WorkflowID(id), "", ref.ActivityID(), ack, nil))
		if ticket.Stage != kitchen.Package {
			ticket = nextTicket(t, id)
		}
	}
	require.NoError(t, temporal.GetWorkflow(t.Context(), kitchen.WorkflowID(id), "").Get(t.Context(), nil))
	require.Equal(t, kitchen.StateShipped, s.status(id).State)
	require.Eventually(t, func() bool { return len(list(kitchen.StateShipped)) == 1 }, 30*time.Second, 20*time.Millisecond)
	require.Len(t, list(""), 1)
}
