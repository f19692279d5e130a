package workflows

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/kitchen"
)

// An erased order's mark in Temporal is a workflow that nobody runs: its first task is
// due when Temporal can put it off no longer, on a task queue that no worker polls. It
// is open until then, so no retention ends it, and it has no input. Its id has the order's
// key, by which nobody finds the order.
const (
	erasedMarkType  = "ErasedOrder"
	erasedMarkQueue = "erased-orders"
	erasedMarkDelay = 100 * 365 * 24 * time.Hour
)

// ErasedMarkID is the id of the workflow that marks an order as erased.
func ErasedMarkID(orderID string) string { return "erased-" + kitchen.OrderKey(orderID) }

// MarkErased marks an order as erased, for those who cannot read kitchen-state. It may be
// marked already.
func (o *Orders) MarkErased(ctx context.Context, orderID string) error {
	_, err := o.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: ErasedMarkID(orderID), TaskQueue: erasedMarkQueue, StartDelay: erasedMarkDelay,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, erasedMarkType)
	if err != nil {
		return fmt.Errorf("mark the order as erased in Temporal: %w", err)
	}
	return nil
}

// IsMarkedErased reports whether an order is marked as erased.
func (o *Orders) IsMarkedErased(ctx context.Context, orderID string) (bool, error) {
	_, err := o.temporal.DescribeWorkflowExecution(ctx, ErasedMarkID(orderID), "")
	if IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
