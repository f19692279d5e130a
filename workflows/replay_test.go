package workflows_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// record makes new histories instead of only replaying those there are:
//
//	make record-histories
var record = flag.Bool("record", false, "record the histories that TestReplay replays anew")

const histories = "testdata/histories"

func TestReplay(t *testing.T) {
	if *record {
		require.NoError(t, os.MkdirAll(histories, 0o755))
		for name, kind := range kinds {
			if len(recordedFiles(t, name)) == 0 {
				recordHistory(t, name, kind)
			}
		}
	}
	for name := range kinds {
		require.NotEmpty(t, recordedFiles(t, name), "no order of the kind %q is recorded: run make record-histories", name)
	}
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			require.NoError(t, replay(file),
				"OrderWorkflow no longer does what it did when this order ran, so orders under way would be stuck. "+
					"Put the change behind workflow.GetVersion; never re-record an old history to make this pass.")
		})
	}
}

// recordedFiles are the histories of a kind of order, whenever they were
// recorded.
func recordedFiles(t *testing.T, kind string) []string {
	t.Helper()
	const day = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
	files, err := filepath.Glob(filepath.Join(histories, day+"-"+kind+".json"))
	require.NoError(t, err)
	return files
}

// replay runs today's OrderWorkflow against a recorded history.
func replay(file string) error {
	data, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = data.Close() }() // it was only read
	history, err := client.HistoryFromJSON(data, client.HistoryJSONOptions{})
	if err != nil {
		return err
	}
	return replayRun(history, "")
}

// replayRun runs today's OrderWorkflow against the history of a run.
func replayRun(history *historypb.History, runID string) error {
	var options client.Options
	codec.Configure(&options) // which reads what is not encrypted as it is
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DataConverter: options.DataConverter, FailureConverter: options.FailureConverter})
	if err != nil {
		return err
	}
	replayer.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	replayer.RegisterWorkflowWithOptions(workflows.PickupDayWorkflow, workflow.RegisterOptions{Name: workflows.PickupDayWorkflowType})
	return replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history, worker.ReplayWorkflowHistoryOptions{
		// The order id is part of the workflow id, which the replayer would
		// otherwise make up.
		OriginalExecution: workflow.Execution{ID: history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId(), RunID: runID},
	})
}

// recordHistory keeps the history of an order, that of its first run under the
// name of its kind.
func recordHistory(t *testing.T, name string, kind kind) {
	t.Helper()
	l := kind.start(t)
	kind.happen(t, l)
	l.result()
	day := time.Now().UTC().Format(time.DateOnly)
	for i, runID := range l.runs() {
		file := day + "-" + name
		if i > 0 {
			file += fmt.Sprintf(".run-%d", i+1)
		}
		keepHistory(t, file, l.history(runID))
	}
	if kind.beginsAfter > 0 { // the day's workflow goes on
		l.run = l.server.GetWorkflow(t.Context(), kitchen.PickupWorkflowID(l.plan.Day), "")
		keepHistory(t, day+"-"+name+".day", l.history(l.runs()[0]))
	}
}

func keepHistory(t *testing.T, file string, events []*historypb.HistoryEvent) {
	t.Helper()
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(&historypb.History{Events: events})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(histories, file+".json"), append(data, '\n'), 0o644))
}

// runs are the order's runs, the first first.
func (l *live) runs() []string {
	l.t.Helper()
	runs := []string{l.describe().GetWorkflowExecutionInfo().GetFirstRunId()}
	for {
		events := l.history(runs[len(runs)-1])
		next := events[len(events)-1].GetWorkflowExecutionContinuedAsNewEventAttributes()
		if next == nil {
			return runs
		}
		runs = append(runs, next.GetNewExecutionRunId())
	}
}

func (l *live) history(runID string) (history []*historypb.HistoryEvent) {
	l.t.Helper()
	events := l.server.GetWorkflowHistory(l.t.Context(), l.run.GetID(), runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(l.t, err)
		history = append(history, event)
	}
	return history
}
