package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// gap holds the first task of an order that has continued as new, on its way
// to the worker: the last run is over and the next has issued no ticket yet.
type gap struct {
	held    chan string   // the id of the run that is held
	release chan struct{} // closed to let it go on
	missed  chan struct{} // an ack that found no activity
}

func (g *gap) intercept(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	err := invoke(ctx, method, request, reply, connection, options...)
	if strings.HasSuffix(method, "/RespondActivityTaskCompletedById") && err != nil {
		select {
		case g.missed <- struct{}{}:
		default:
		}
	}
	task, isTask := reply.(*workflowservice.PollWorkflowTaskQueueResponse)
	if err != nil || !isTask || len(task.GetHistory().GetEvents()) == 0 {
		return err
	}
	if task.GetHistory().GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId() == "" {
		return nil
	}
	select {
	case g.held <- task.GetWorkflowExecution().GetRunId():
	default:
	}
	<-g.release
	return nil
}

func TestAnAckBetweenTwoRunsIsNotLost(t *testing.T) {
	t.Parallel()
	devServer, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{
		Headless: true, DynamicConfig: map[string]string{"limit.historyCount.suggestContinueAsNew": "40"},
	})
	require.NoError(t, err)
	t.Cleanup(devServer.Stop)
	connect := func(interceptors ...grpc.UnaryClientInterceptor) client.Client {
		connected, err := client.Dial(client.Options{
			HostPort:          devServer.Addr(),
			Logger:            sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
			ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(interceptors...)}},
		})
		require.NoError(t, err)
		t.Cleanup(connected.Close)
		return connected
	}
	between := &gap{held: make(chan string, 1), release: make(chan struct{}), missed: make(chan struct{}, 100)}
	outside := connect()
	f := newFloorOn(t, outside)
	f.hire(connect(between.intercept), nil)
	run := f.place()
	f.answer(f.ticket(), kitchen.AckDone, nil)
	bake := f.ticket()
	require.Equal(t, kitchen.Bake, bake.Stage)

	// Changes make its history long; the one that comes into the gap waits there.
	changing, stopChanging := context.WithCancel(t.Context())
	changed := make(chan error, 1)
	go func() {
		for changing.Err() == nil {
			update, err := outside.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
				WorkflowID: run.GetID(), UpdateName: workflows.UpdateAmend, WaitForStage: client.WorkflowUpdateStageCompleted,
				Args: []any{kitchen.Amendment{Messages: []kitchen.LineMessage{{Line: 0, Message: "Hi"}}}},
			})
			if err == nil {
				err = update.Get(t.Context(), nil)
			}
			if err != nil {
				changed <- err
				return
			}
		}
		changed <- nil
	}()
	wait(t, between.held, "the order to continue as new")
	stopChanging()
	// A signal comes first, and adds to the history of the new run.
	require.NoError(t, outside.SignalWorkflow(t.Context(), run.GetID(), "", workflows.SignalUnanswered, workflows.Unanswered{}))
	f.answer(bake, kitchen.AckDone, nil)
	for range 3 {
		wait(t, between.missed, "another try of the ack")
	}
	require.Zero(t, f.acks("done", "stale"))
	close(between.release)

	for ticket := f.ticket(); ; ticket = f.ticket() {
		if ticket.Stage == kitchen.Decorate {
			break
		}
		require.Equal(t, bake.TicketID, ticket.TicketID)
	}
	// The order may have come to decorate by then, and says so.
	if err := wait(t, changed, "the change in the gap to be answered"); err != nil {
		refused, is := errors.AsType[*temporal.ApplicationError](err)
		require.True(t, is, err)
		require.Equal(t, workflows.ErrorRefused, refused.Type())
	}
	order, err := workflows.NewOrders(outside, nil).StatusFromHistory(t.Context(), bake.OrderID)
	require.NoError(t, err)
	require.Equal(t, kitchen.TicketDone, order.Stages[1].State)
	require.Equal(t, "bob", order.Stages[1].By)
	require.Equal(t, "Hi", order.Lines[0].Message)

	// Once its ticket is answered, the same ack is stale in this run too. The one in
	// the gap is if the ticket's activity was first to find it in the log.
	f.answer(bake, kitchen.AckDone, map[string]any{"by": "eve"})
	require.Eventually(t, func() bool { return f.acks("done", "carried")+f.acks("done", "stale") == 3 }, time.Minute, 20*time.Millisecond)
	require.NotZero(t, f.acks("done", "stale"))
}
