package workflows_test

import (
	"flag"
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
	"go.temporal.io/sdk/temporal"
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

// recordings are the kinds of orders of which a history is kept, each with
// what happens to it.
var recordings = map[string]func(*testing.T, *live){
	"happy": func(t *testing.T, l *live) {
		for range kitchen.Stages() {
			require.NoError(t, complete(t.Context(), l.ticket(), nil))
		}
	},
	"reissued": func(t *testing.T, l *live) {
		l.ticket()
		require.NoError(t, complete(t.Context(), l.ticket(), nil))
		for range 3 {
			require.NoError(t, complete(t.Context(), l.ticket(), nil))
		}
	},
	"failed-again-here": func(t *testing.T, l *live) {
		ticket := l.ticket()
		require.NoError(t, complete(t.Context(), ticket, temporal.NewApplicationError("equipment at mix: bob", "equipment", ackFor(ticket, kitchen.AckFailed))))
		for range kitchen.Stages() {
			require.NoError(t, complete(t.Context(), l.ticket(), nil))
		}
	},
}

func TestReplay(t *testing.T) {
	if *record {
		require.NoError(t, os.MkdirAll(histories, 0o755))
		for name, happen := range recordings {
			recordHistory(t, name, happen)
		}
	}
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), len(recordings), "histories are missing: run make record-histories")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			require.NoError(t, replay(file),
				"OrderWorkflow no longer does what it did when this order ran, so orders under way would be stuck. "+
					"Put the change behind workflow.GetVersion; never re-record an old history to make this pass.")
		})
	}
}

// replay runs today's OrderWorkflow against a recorded history.
func replay(file string) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	data, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = data.Close() }() // it was only read
	history, err := client.HistoryFromJSON(data, client.HistoryJSONOptions{})
	if err != nil {
		return err
	}
	return replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history, worker.ReplayWorkflowHistoryOptions{
		// The order id is part of the workflow id, which the replayer would
		// otherwise make up.
		OriginalExecution: workflow.Execution{ID: history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()},
	})
}

func recordHistory(t *testing.T, name string, happen func(*testing.T, *live)) {
	t.Helper()
	in := orderInput()
	in.Rules.AckWithin = map[kitchen.Stage]kitchen.Duration{kitchen.Mix: kitchen.Duration(time.Second)}
	l := startLive(t, in, nil)
	happen(t, l)
	l.result()
	var history historypb.History
	events := server.GetWorkflowHistory(t.Context(), l.run.GetID(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)
	}
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(&history)
	require.NoError(t, err)
	file := filepath.Join(histories, time.Now().UTC().Format("2006-01-02")+"-"+name+".json")
	require.NoError(t, os.WriteFile(file, append(data, '\n'), 0o644))
}
