package temporaltrace_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/internal/tracing/temporaltrace"
	"github.com/cupcakery/cupcakery/workflows"
)

// An order that was placed while tracing was off goes on when it is on, and a replay
// makes no spans.
func TestHistoriesReplayWhileTracingIsOn(t *testing.T) {
	recorded := tracetest.NewInMemoryExporter()
	tracing.Use(sdktrace.NewTracerProvider(sdktrace.WithSyncer(recorded)))
	t.Cleanup(func() { tracing.Use(nil) })
	files, err := filepath.Glob("../../../workflows/testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: temporaltrace.Worker()})
			require.NoError(t, err)
			replayer.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
			replayer.RegisterWorkflowWithOptions(workflows.PickupDayWorkflow, workflow.RegisterOptions{Name: workflows.PickupDayWorkflowType})
			data, err := os.Open(file)
			require.NoError(t, err)
			defer func() { require.NoError(t, data.Close()) }()
			history, err := client.HistoryFromJSON(data, client.HistoryJSONOptions{})
			require.NoError(t, err)
			require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history, worker.ReplayWorkflowHistoryOptions{
				OriginalExecution: workflow.Execution{ID: history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()},
			}))
		})
	}
	require.Empty(t, recorded.GetSpans())
}

func TestNothingIsInterceptedWhileTracingIsOff(t *testing.T) {
	var options client.Options
	temporaltrace.InstallClient(&options)
	require.Empty(t, options.Interceptors)
	require.Empty(t, temporaltrace.Worker())
}
