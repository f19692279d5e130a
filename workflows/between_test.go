package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

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
