package workflows_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// Whatever way a payload takes into Temporal, it is encrypted and bound to its order:
// input, memo, summary, heartbeat, result by id, failure, signal, update and its
// answer, upserted memo, and all of that again in the next run.
func TestEveryPayloadOfAnOrderIsEncryptedForItsOrder(t *testing.T) {
	t.Parallel()
	short, err := shortServer()
	require.NoError(t, err)
	l := startLiveOn(t, short, orderInput(), nil)
	described := []proto.Message{}
	mix := l.claims(l.expect("mix.1"), "bob")
	described = append(described, l.describe()) // has the heartbeat
	l.fails(mix, "equipment", 5)
	l.ends(l.expect("mix.1"))
	l.fails(l.expect("bake.1"), "burnt", 5)
	mix = l.expect("mix.2")
	notes := "in the next run too"
	l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: &notes})
	require.NoError(t, short.SignalWorkflow(t.Context(), l.run.GetID(), "", workflows.SignalUnanswered, workflows.Unanswered{ActivityID: "mix.2", Attempt: 1, Reason: "silent", By: "bob", Silent: 3}))
	described = append(described, l.describe()) // has the changed status in its memo
	l.ends(mix)
	l.makes("bake.2", "decorate.2", "package.2")
	require.Equal(t, notes, l.result().Notes)
	described = append(described, l.describe())

	runs := l.runs()
	found := map[string]int{}
	for _, run := range runs {
		for _, event := range l.history(run) {
			l.requireEncrypted(event, event.GetEventType().String(), found)
		}
	}
	for _, description := range described {
		l.requireEncrypted(description, "description", found)
	}
	require.Greater(t, len(found), 6, "%v", found)
	t.Logf("%d runs, encrypted payloads: %v", len(runs), found)
}

func (l *live) requireEncrypted(message proto.Message, what string, found map[string]int) {
	l.t.Helper()
	err := proxy.VisitPayloads(l.t.Context(), message, proxy.VisitPayloadsOptions{SkipSearchAttributes: true, Visitor: func(visit *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
		for _, payload := range payloads {
			if string(payload.GetMetadata()[converter.MetadataEncoding]) == "binary/null" {
				continue
			}
			require.Equal(l.t, encryption.Encoding, string(payload.GetMetadata()[converter.MetadataEncoding]), "%s has %s in %T", what, payload.GetData(), visit.Parent)
			require.Equal(l.t, l.run.GetID(), string(payload.GetMetadata()[encryption.MetadataWorkflowID]), "%s in %T", what, visit.Parent)
			found[what]++
		}
		return payloads, nil
	}})
	require.NoError(l.t, err)
}

// A worker without the key fails tasks and attempts, and never the order: one with
// the key goes on with it.
func TestAWorkerWithoutTheKeyLeavesAnOrderToOneThatHasIt(t *testing.T) {
	t.Parallel()
	keyless := encryption.New(nil, slog.New(slog.DiscardHandler))
	blind := clientWith(t, keyless)

	l := prepareLiveOn(t, server, nil)
	l.worker.Stop()
	start := workflows.NewOrders(server, codec).StartOptions(l.orderID, orderInput(), "hash")
	start.TaskQueue, start.WorkflowTaskTimeout = l.orderID, time.Second
	var err error
	l.run, err = server.ExecuteWorkflow(t.Context(), start, workflows.OrderWorkflowType, orderInput())
	require.NoError(t, err)

	decides := worker.New(blind, l.orderID, worker.Options{DisableRegistrationAliasing: true, LocalActivityWorkerOnly: true})
	decides.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	require.NoError(t, decides.Start())
	l.waitFor(func(event *historypb.HistoryEvent) bool {
		return event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED
	})
	decides.Stop()
	require.True(t, encryption.IsMissingKey(keyless.CanWrite()))

	// It issues no ticket either.
	knows := worker.New(server, l.orderID, worker.Options{DisableRegistrationAliasing: true, LocalActivityWorkerOnly: true})
	knows.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	require.NoError(t, knows.Start())
	issues := worker.New(blind, l.orderID, worker.Options{DisableRegistrationAliasing: true, DisableWorkflowWorker: true})
	activities.Register(issues, kitchen.Stages(), l.tray, workflows.NewOrders(blind, keyless), l.log)
	require.NoError(t, issues.Start())
	require.Eventually(t, func() bool {
		pending := l.describe().GetPendingActivities()
		return len(pending) == 1 && pending[0].GetAttempt() > 1
	}, patience, tick)
	issues.Stop()
	knows.Stop()
	require.Empty(t, l.tray.tickets)

	l.startWorker()
	for range kitchen.Stages() {
		l.ends(l.ticket())
	}
	require.Equal(t, kitchen.StateShipped, l.result().State)
}

// A worker whose keyset lacks the newest key neither refuses for good what it cannot
// read nor replays an order as another version: it says which key it lacks.
func TestAWorkerWithAnOldKeysetSaysWhichKeyItLacks(t *testing.T) {
	t.Parallel()
	keys, err := encryption.NewKeyset()
	require.NoError(t, err)
	added, id, err := keys.Add()
	require.NoError(t, err)
	promoted, err := added.Promote(id)
	require.NoError(t, err)
	hasOld := encryption.New(keys, slog.New(slog.DiscardHandler))
	old, fresh := clientWith(t, hasOld), clientWith(t, encryption.New(promoted, slog.New(slog.DiscardHandler)))

	l := prepareLiveOn(t, old, nil)
	start := workflows.NewOrders(old, hasOld).StartOptions(l.orderID, orderInput(), "hash")
	start.TaskQueue, start.WorkflowTaskTimeout = l.orderID, time.Second
	l.run, err = old.ExecuteWorkflow(t.Context(), start, workflows.OrderWorkflowType, orderInput())
	require.NoError(t, err)
	mix := l.ticket()
	l.server = fresh
	notes := "under the new key"
	_, err = l.updateAs("", workflows.UpdateAmend, kitchen.Amendment{Notes: &notes})
	require.True(t, encryption.IsMissingKeyElsewhere(err), "%v", err)

	l.replaceWorker()
	l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: &notes}) // records a version
	l.server = old
	l.replaceWorker()
	require.NoError(t, fresh.CompleteActivityByID(t.Context(), client.DefaultNamespace, l.run.GetID(), "", mix.Ref().ActivityID(), ackFor(mix, kitchen.AckDone), nil))
	l.waitFor(func(event *historypb.HistoryEvent) bool {
		failed := event.GetWorkflowTaskFailedEventAttributes()
		if failed == nil {
			return false
		}
		failure, err := hasOld.FailureOf(l.run.GetID(), failed.GetFailure())
		require.NoError(t, err)
		require.ErrorContains(t, failure, "give every process the newest keyset")
		require.NotContains(t, failure.Error(), "marker name", "it is the version, which comes first")
		return true
	})

	l.server = fresh
	l.replaceWorker()
	for range len(kitchen.Stages()) - 1 {
		l.ends(l.ticket())
	}
	l.run = fresh.GetWorkflow(t.Context(), l.run.GetID(), "")
	require.Equal(t, notes, l.result().Notes)
}

func clientWith(t *testing.T, codec *encryption.Codec) client.Client {
	t.Helper()
	options := client.Options{Logger: quiet}
	codec.Configure(&options)
	connected, err := client.NewClientFromExisting(server, options)
	require.NoError(t, err)
	return connected
}

// waitFor waits for an event of the order's history.
func (l *live) waitFor(is func(*historypb.HistoryEvent) bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	events := l.server.GetWorkflowHistory(ctx, l.run.GetID(), "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(l.t, err)
		if is(event) {
			return
		}
	}
	require.FailNow(l.t, "the order has ended without such an event")
}

// withoutEncryption is the server for who has no codec, such as an operator who looks
// at an order in plain text.
func withoutEncryption(t *testing.T) client.Client {
	t.Helper()
	plain, err := client.NewClientFromExisting(server, client.Options{Logger: quiet})
	require.NoError(t, err)
	return plain
}

// An order from before encryption was switched on goes on, and what it writes from
// then on is encrypted.
func TestAnOrderFromBeforeEncryptionGoesOn(t *testing.T) {
	t.Parallel()
	plain := withoutEncryption(t)
	l := prepareLiveOn(t, server, nil)
	l.worker.Stop()
	start := workflows.StartOptions(l.orderID, orderInput(), "hash")
	start.TaskQueue = l.orderID
	var err error
	l.run, err = plain.ExecuteWorkflow(t.Context(), start, workflows.OrderWorkflowType, orderInput())
	require.NoError(t, err)
	before := worker.New(plain, l.orderID, worker.Options{DisableRegistrationAliasing: true})
	before.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	activities.Register(before, kitchen.Stages(), l.tray, workflows.NewOrders(plain, nil), l.log)
	require.NoError(t, before.Start())
	mix := l.ticket()
	require.NoError(t, plain.CompleteActivityByID(t.Context(), client.DefaultNamespace, l.run.GetID(), "", mix.Ref().ActivityID(), ackFor(mix, kitchen.AckDone), nil))
	bake := l.ticket()
	before.Stop()

	l.run = server.GetWorkflow(t.Context(), l.run.GetID(), "")
	l.startWorker()
	l.ends(bake)
	for range len(kitchen.Stages()) - 2 {
		l.ends(l.ticket())
	}
	status := l.result()
	require.Equal(t, kitchen.StateShipped, status.State)
	require.Equal(t, "bob", status.Stages[0].By)
	fromHistory, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
	require.NoError(t, err)
	require.Equal(t, status.Customer, fromHistory.Customer)
}
