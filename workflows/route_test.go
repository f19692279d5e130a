package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// dust is a stage that only another build has.
const dust kitchen.Stage = "dust"

var dustedRoute = kitchen.Route{kitchen.Mix, kitchen.Bake, dust, kitchen.Decorate, kitchen.Package}

func dustedInput() workflows.OrderInput {
	in := orderInput()
	in.Rules.Route = dustedRoute
	in.Rules.AckWithin = map[kitchen.Stage]kitchen.Duration{dust: kitchen.Duration(time.Hour)}
	return in
}

func TestAnOrderGoesByItsOwnRoute(t *testing.T) {
	t.Parallel()

	newDustingFactory := func(t *testing.T) *factory {
		f := newFactory(t)
		f.in = dustedInput()
		f.workflow = workflows.OrderWorkflowOf(dustedRoute...)
		f.registerStage(dust)
		return f
	}
	tickets := func(f *factory) (ids []string) {
		for _, i := range f.issued {
			ref := i.ticket.Ref()
			ids = append(ids, ref.ActivityID())
		}
		return ids
	}

	t.Run("through a stage of its own", func(t *testing.T) {
		t.Parallel()
		f := newDustingFactory(t)
		status := f.run()
		require.Equal(t, []string{"mix.1", "bake.1", "dust.1", "decorate.1", "package.1"}, tickets(f))
		require.Equal(t, dustedRoute, status.Route)
		require.Equal(t, kitchen.StateShipped, status.State)
	})

	t.Run("and back", func(t *testing.T) {
		t.Parallel()
		f := newDustingFactory(t)
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.Ref().ActivityID() == "decorate.1" {
				f.env.RegisterDelayedCallback(func() { f.env.CancelWorkflow() }, time.Minute)
				return kitchen.Ack{}, activity.ErrResultPending
			}
			return f.done(i), nil
		}
		status := f.run()
		require.Equal(t, []string{"mix.1", "bake.1", "dust.1", "decorate.1", "decorate.1.undo", "dust.1.undo", "bake.1.undo", "mix.1.undo"}, tickets(f))
		require.Equal(t, kitchen.StateCancelled, status.State)
	})

	t.Run("without a stage that its builds have since", func(t *testing.T) {
		t.Parallel()
		f := newDustingFactory(t)
		f.in = orderInput() // from before there were routes
		status := f.run()
		require.Equal(t, []string{"mix.1", "bake.1", "decorate.1", "package.1"}, tickets(f))
		require.Equal(t, kitchen.Route{"mix", "bake", "decorate", "package"}, status.Route)
	})
}

// Two builds side by side, while one with a new stage is rolled out: the older
// one decides nothing about an order that goes through it, and issues none of
// its tickets there.
func TestAWorkerLeavesAnOrderWithAnUnknownStageToAnother(t *testing.T) {
	t.Parallel()
	server := withoutEncryption(t)
	l := prepareLiveOn(t, server, nil) // with a worker that does not know dust
	options := workflows.StartOptions(l.orderID, dustedInput(), "hash")
	options.TaskQueue = l.orderID
	options.WorkflowTaskTimeout = time.Second // for which a worker may sit on a task that it cannot do
	var err error
	l.run, err = server.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflowType, dustedInput())
	require.NoError(t, err)

	events := server.GetWorkflowHistory(t.Context(), l.run.GetID(), "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var failure string
	for failure == "" {
		event, err := events.Next()
		require.NoError(t, err)
		failure = event.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage()
	}
	require.Contains(t, failure, `this build does not know ["dust"]`)
	status, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
	require.NoError(t, err)
	require.Equal(t, kitchen.StateAccepted, status.State)
	require.Equal(t, dustedRoute, status.Route)
	require.Empty(t, l.tray.tickets)

	startKnowing := func() worker.Worker {
		w := worker.New(server, l.orderID, worker.Options{DisableRegistrationAliasing: true})
		w.RegisterWorkflowWithOptions(workflows.OrderWorkflowOf(dustedRoute...), workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
		activities.Register(w, dustedRoute, l.tray, workflows.NewOrders(server, codec), noLog{})
		require.NoError(t, w.Start())
		return w
	}
	knowing := startKnowing()
	defer func() { knowing.Stop() }()
	notes := "sprinkles"
	l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: &notes})

	for _, stage := range dustedRoute {
		ticket := l.ticket()
		require.Equal(t, stage, ticket.Stage)
		if stage == dust {
			knowing.Stop()
			_, err = server.QueryWorkflow(t.Context(), l.run.GetID(), "", workflows.QueryStatus)
			require.ErrorContains(t, err, `this build does not know ["dust"]`)
			status, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
			require.NoError(t, err)
			require.Equal(t, dust, status.WaitingFor)
			require.Equal(t, dust, l.pending()[0].Ref.Stage)
			knowing = startKnowing()
		}
		ref := ticket.Ref()
		require.NoError(t, server.CompleteActivityByID(t.Context(), client.DefaultNamespace, l.run.GetID(), "", ref.ActivityID(), ackFor(ticket, kitchen.AckDone), nil))
	}
	require.Equal(t, kitchen.StateShipped, l.result().State)
	require.Empty(t, l.tray.failed, "no manager was asked")
}
