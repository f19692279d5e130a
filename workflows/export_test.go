package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// OrderWorkflowOf is OrderWorkflow in a build with these stages.
func OrderWorkflowOf(stages ...kitchen.Stage) func(workflow.Context, OrderInput) (kitchen.Status, error) {
	return func(ctx workflow.Context, in OrderInput) (kitchen.Status, error) {
		return orderWorkflow(ctx, in, stages)
	}
}

// SetClock gives the process that reaches the orders another clock.
func (o *Orders) SetClock(now func() time.Time) { o.now = now }
