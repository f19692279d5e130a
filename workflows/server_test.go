package workflows_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// server is the dev server that the tests of this package share, and
// shortServer one that has orders continue as new after few events.
var (
	server      client.Client
	shortServer func() (client.Client, error)
	quiet       = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	// codec encrypts what the servers keep: what holds with it holds without.
	codec = newCodec()
)

func newCodec() *encryption.Codec {
	keys, err := encryption.NewKeyset()
	if err != nil {
		panic(err)
	}
	return encryption.New(keys, slog.New(slog.DiscardHandler))
}

func TestMain(m *testing.M) {
	flag.Parse()
	if *record {
		codec = nil // histories are recorded for everybody to read
	}
	os.Exit(func() int {
		var stops []func()
		defer func() {
			for _, stop := range stops {
				stop()
			}
		}()
		start := func(dynamicConfig map[string]string) (client.Client, error) {
			devServer, err := devstack.StartTemporal(context.Background(), devstack.TemporalConfig{Headless: true, DynamicConfig: dynamicConfig})
			if err != nil {
				return nil, err
			}
			options := client.Options{HostPort: devServer.Addr(), Identity: "tests", Logger: quiet}
			codec.Configure(&options)
			connected, err := client.Dial(options)
			if err != nil {
				devServer.Stop()
				return nil, err
			}
			stops = append(stops, func() { connected.Close(); devServer.Stop() })
			return connected, nil
		}
		shortServer = sync.OnceValues(func() (client.Client, error) {
			return start(map[string]string{"limit.historyCount.suggestContinueAsNew": "40"})
		})
		var err error
		if server, err = start(nil); err != nil {
			slog.Error("the Temporal dev server did not start", "error", err)
			return 1
		}
		return m.Run()
	}())
}

// tray is a publisher that hands tickets to the test instead of Kafka.
type tray struct {
	tickets chan kitchen.Ticket
	shipped chan kitchen.Shipped
	failed  chan kitchen.Failed
	// refuses is set while order-failures cannot be written.
	refuses atomic.Bool
	// refusesStatus is set while order-status cannot be written.
	refusesStatus atomic.Bool
	mu            sync.Mutex
	told          told
	// onTicket is called while the activity is still running. Optional.
	onTicket func(kitchen.Ticket) error
}

func (p *tray) PublishTicket(_ context.Context, ticket kitchen.Ticket) error {
	if p.onTicket != nil {
		if err := p.onTicket(ticket); err != nil {
			return err
		}
	}
	p.tickets <- ticket
	return nil
}

// PublishStatus implements activities.Publisher.
func (p *tray) PublishStatus(_ context.Context, status kitchen.LoggedStatus) error {
	if p.refusesStatus.Load() {
		return errors.New("Kafka is away")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told.take(status)
}

// tells compares what the log tells with the order's own answer.
func (p *tray) tells(status kitchen.Status) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told.check(status)
}

func (p *tray) PublishShipped(_ context.Context, shipped kitchen.Shipped) error {
	p.shipped <- shipped
	return nil
}

func (p *tray) PublishFailed(_ context.Context, failed kitchen.Failed) error {
	if p.refuses.Load() {
		return errors.New("Kafka is away")
	}
	p.failed <- failed
	return nil
}

// live is one order on the dev server, with a task queue and a worker of its
// own.
type live struct {
	t       *testing.T
	server  client.Client
	orderID string
	tray    *tray
	run     client.WorkflowRun
	worker  worker.Worker
	log     activities.Log
	// plan is the plan of its day, if the order is for later.
	plan kitchen.PickupPlan
	// last is what was announced last on order-failures.
	last kitchen.Failed
}

func startLive(t *testing.T, in workflows.OrderInput, onTicket func(kitchen.Ticket) error) *live {
	t.Helper()
	return startLiveOn(t, server, in, onTicket)
}

func startLiveOn(t *testing.T, server client.Client, in workflows.OrderInput, onTicket func(kitchen.Ticket) error) *live {
	t.Helper()
	l := prepareLiveOn(t, server, onTicket)
	options := workflows.StartOptions(l.orderID, in, "hash")
	options.TaskQueue = l.orderID
	var err error
	l.run, err = server.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflowType, in)
	require.NoError(t, err)
	return l
}

// prepareLiveOn has a worker ready for an order that has not started.
func prepareLiveOn(t *testing.T, server client.Client, onTicket func(kitchen.Ticket) error) *live {
	t.Helper()
	id, err := kitchen.NewOrderID()
	require.NoError(t, err)
	l := &live{
		t:       t,
		server:  server,
		orderID: id,
		log:     noLog{},
		tray:    &tray{tickets: make(chan kitchen.Ticket, 100), shipped: make(chan kitchen.Shipped, 1), failed: make(chan kitchen.Failed, 100), onTicket: onTicket},
	}
	l.startWorker()
	t.Cleanup(func() { l.worker.Stop() })
	return l
}

func (l *live) startWorker(interceptors ...interceptor.WorkerInterceptor) {
	l.t.Helper()
	l.worker = worker.New(l.server, l.orderID, worker.Options{DisableRegistrationAliasing: true, Interceptors: interceptors})
	l.worker.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	l.worker.RegisterWorkflowWithOptions(workflows.PickupDayWorkflow, workflow.RegisterOptions{Name: workflows.PickupDayWorkflowType})
	activities.Register(l.worker, kitchen.Stages(), l.tray, workflows.NewOrders(l.server, codec), l.log)
	require.NoError(l.t, l.worker.Start())
}

// replaceWorker has another worker take the order over, which replays it.
func (l *live) replaceWorker(interceptors ...interceptor.WorkerInterceptor) {
	l.t.Helper()
	l.worker.Stop()
	l.startWorker(interceptors...)
	// Otherwise what is asked next waits until the server knows that the first is gone.
	_, err := l.server.WorkflowService().ResetStickyTaskQueue(l.t.Context(), &workflowservice.ResetStickyTaskQueueRequest{
		Namespace: client.DefaultNamespace, Execution: &commonpb.WorkflowExecution{WorkflowId: l.run.GetID()},
	})
	require.NoError(l.t, err)
}

// olderBuild has a worker do as a build that does not know tell-status.
type olderBuild struct {
	interceptor.WorkerInterceptorBase
}

func (*olderBuild) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &olderInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type olderInbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (o *olderInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return o.Next.Init(&olderOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}})
}

type olderOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (o *olderOutbound) GetVersion(ctx workflow.Context, change string, least, most workflow.Version) workflow.Version {
	if strings.HasPrefix(change, "tell-status") {
		return workflow.DefaultVersion
	}
	return o.Next.GetVersion(ctx, change, least, most)
}

// ticket waits for the next ticket.
func (l *live) ticket() kitchen.Ticket {
	l.t.Helper()
	select {
	case ticket := <-l.tray.tickets:
		return ticket
	case <-time.After(time.Minute):
		l.t.Fatal("no ticket within a minute")
		return kitchen.Ticket{}
	}
}

func ackFor(ticket kitchen.Ticket, kind kitchen.AckKind) kitchen.Ack {
	at := time.Now().UTC()
	return kitchen.Ack{
		TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kind,
		By: "bob", At: at, StartedAt: &at, Attempt: ticket.Attempt,
	}
}

// patience bounds every wait, and tick is the pause between two questions.
const (
	patience = time.Minute
	tick     = 20 * time.Millisecond
)

// complete ends a ticket's activity as the worker does, with done or undone
// unless there is an error.
func complete(ctx context.Context, ticket kitchen.Ticket, err error) error {
	ref, parseErr := kitchen.ParseTicketID(ticket.TicketID)
	if parseErr != nil {
		return parseErr
	}
	return server.CompleteActivityByID(ctx, client.DefaultNamespace, kitchen.WorkflowID(ref.OrderID), "", ref.ActivityID(), ackFor(ticket, endOf(ticket)), err)
}

func endOf(ticket kitchen.Ticket) kitchen.AckKind {
	if ticket.Kind == kitchen.TicketUndo {
		return kitchen.AckUndone
	}
	return kitchen.AckDone
}

func (l *live) query() kitchen.Status {
	l.t.Helper()
	value, err := l.server.QueryWorkflow(l.t.Context(), l.run.GetID(), "", workflows.QueryStatus)
	require.NoError(l.t, err)
	var status kitchen.Status
	require.NoError(l.t, value.Get(&status))
	return status
}

// result waits for the order to close.
func (l *live) result() kitchen.Status {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	var status kitchen.Status
	require.NoError(l.t, l.run.Get(ctx, &status))
	require.NoError(l.t, l.tray.tells(status))
	return status
}

func TestOnTheServer(t *testing.T) {
	t.Parallel()

	t.Run("a happy order fits into 6 history events and 6 for each stage, and its history tells what the query tells", func(t *testing.T) {
		t.Parallel()
		in := orderInput()
		in.Rules.Route, in.Rules.Prices = kitchen.Stages(), &prices
		l := startLive(t, in, nil)
		for range in.Rules.Route {
			ticket := l.ticket()
			fromQuery := l.query()
			fromHistory, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
			require.NoError(t, err)
			require.True(t, fromHistory.Stale)
			require.Equal(t, fromQuery.Version, fromHistory.Version)
			requireSameButTimes(t, fromQuery, fromHistory)
			require.Equal(t, ticket.Stage, fromQuery.WaitingFor)
			require.NoError(t, complete(t.Context(), ticket, nil))
		}
		status := l.result()
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Equal(t, l.orderID, (<-l.tray.shipped).OrderID)

		fromHistory, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
		require.NoError(t, err)
		requireSameButTimes(t, status, fromHistory)

		description, err := server.DescribeWorkflowExecution(t.Context(), l.run.GetID(), "")
		require.NoError(t, err)
		require.LessOrEqual(t, description.GetWorkflowExecutionInfo().GetHistoryLength(), int64(6+6*len(in.Rules.Route)))
	})

	t.Run("an ack may arrive before its activity has returned", func(t *testing.T) {
		t.Parallel()
		l := startLive(t, orderInput(), func(ticket kitchen.Ticket) error { return complete(context.Background(), ticket, nil) })
		require.Equal(t, kitchen.StateShipped, l.result().State)
	})

	t.Run("without an ack in time the same ticket goes out again", func(t *testing.T) {
		t.Parallel()
		in := orderInput()
		in.Rules.AckWithin = map[kitchen.Stage]kitchen.Duration{kitchen.Mix: kitchen.Duration(time.Second)}
		l := startLive(t, in, nil)
		first, second := l.ticket(), l.ticket()
		require.Equal(t, 1, first.Attempt)
		require.Equal(t, 2, second.Attempt)
		third := l.ticket()
		require.Equal(t, 3, third.Attempt)
		require.Equal(t, first.TicketID, second.TicketID)
		require.WithinDuration(t, first.IssuedAt.Add(time.Second), first.AckBy, time.Second)

		// On a busy machine it goes out even more often, and between two attempts it cannot end.
		require.Eventually(t, func() bool { return complete(t.Context(), third, nil) == nil }, patience, tick)
		require.Equal(t, kitchen.Bake, l.expect("bake.1").Stage)
		require.GreaterOrEqual(t, l.query().Stages[0].Attempt, 3)
	})

	t.Run("an ack may arrive during the pause before the next attempt", func(t *testing.T) {
		t.Parallel()
		l := startLive(t, orderInput(), nil)
		ticket := l.ticket()
		long := temporal.NewApplicationErrorWithOptions("oven 2", "equipment", temporal.ApplicationErrorOptions{NextRetryDelay: 24 * time.Hour})
		require.NoError(t, complete(t.Context(), ticket, long))
		require.NoError(t, complete(t.Context(), ticket, nil))
		require.Equal(t, kitchen.Bake, l.ticket().Stage)
	})

	t.Run("a second ack, and one after the order has closed, find nothing", func(t *testing.T) {
		t.Parallel()
		l := startLive(t, orderInput(), nil)
		var tickets []kitchen.Ticket
		for range orderInput().Rules.Route.Stages() {
			ticket := l.ticket()
			tickets = append(tickets, ticket)
			require.NoError(t, complete(t.Context(), ticket, nil))
			requireNotFound(t, complete(t.Context(), ticket, nil))
		}
		l.result()
		for _, ticket := range tickets {
			requireNotFound(t, complete(t.Context(), ticket, nil))
		}
	})

	t.Run("a ticket that cannot be published is tried again", func(t *testing.T) {
		t.Parallel()
		down := make(chan struct{}, 1)
		down <- struct{}{}
		l := startLive(t, orderInput(), func(kitchen.Ticket) error {
			select {
			case <-down:
				return errors.New("Kafka is away")
			default:
				return nil
			}
		})
		require.Equal(t, 2, l.ticket().Attempt)
	})

	t.Run("the pending ticket tells its attempt and who is at work", func(t *testing.T) {
		t.Parallel()
		l := startLive(t, orderInput(), nil)
		ticket := l.ticket()
		ref, err := kitchen.ParseTicketID(ticket.TicketID)
		require.NoError(t, err)
		startedAt := time.Now().UTC()
		require.NoError(t, server.RecordActivityHeartbeatByID(t.Context(), client.DefaultNamespace, l.run.GetID(), "", ref.ActivityID(), kitchen.AtWork{By: "bob", At: startedAt}))
		status := l.query()
		workflows.AddPending(&status, l.pending())
		require.Equal(t, kitchen.TicketStarted, status.Stages[0].State)
		require.Equal(t, "bob", status.Stages[0].By)
		require.Equal(t, startedAt, *status.Stages[0].StartedAt)

		l.putsBack(ticket)
		require.Equal(t, 2, l.ticket().Attempt)
		status = l.query()
		workflows.AddPending(&status, l.pending())
		require.Equal(t, kitchen.TicketWaiting, status.Stages[0].State, "who has put it back no longer has it")
		require.Equal(t, 2, status.Stages[0].Attempt)
	})

	t.Run("a second start with the same order id is refused", func(t *testing.T) {
		t.Parallel()
		l := startLive(t, orderInput(), nil)
		options := workflows.StartOptions(l.orderID, orderInput(), "hash")
		_, err := server.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflowType, orderInput())
		var started *serviceerror.WorkflowExecutionAlreadyStarted
		require.ErrorAs(t, err, &started)
	})

	t.Run("an unknown order has no history", func(t *testing.T) {
		t.Parallel()
		_, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), orderID)
		requireNotFound(t, err)
	})

	t.Run("an order that an operator terminates counts as cancelled", func(t *testing.T) {
		t.Parallel()
		l := startLive(t, orderInput(), nil)
		l.ticket()
		require.NoError(t, server.TerminateWorkflow(t.Context(), l.run.GetID(), "", "by an operator"))
		status, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
		require.NoError(t, err)
		require.Equal(t, kitchen.StateCancelled, status.State)
		description, err := server.DescribeWorkflowExecution(t.Context(), l.run.GetID(), "")
		require.NoError(t, err)
		require.Equal(t, kitchen.StateCancelled, workflows.StateFromVisibility(description.GetWorkflowExecutionInfo().GetStatus(), kitchen.StateInProgress))
	})
}

func (l *live) describe() *workflowservice.DescribeWorkflowExecutionResponse {
	l.t.Helper()
	description, err := l.server.DescribeWorkflowExecution(l.t.Context(), l.run.GetID(), "")
	require.NoError(l.t, err)
	return description
}

func (l *live) pending() []workflows.PendingTicket {
	l.t.Helper()
	pending, err := workflows.NewOrders(nil, codec).PendingTickets(l.describe())
	require.NoError(l.t, err)
	return pending
}

func requireNotFound(t *testing.T, err error) {
	t.Helper()
	var notFound *serviceerror.NotFound
	require.ErrorAs(t, err, &notFound)
}

// requireSameButTimes compares the statuses from query and history. The
// workflow's times are those of its tasks, history's those of the events: close,
// not equal. History may lack the version of the last change, as after late work.
func requireSameButTimes(t *testing.T, want, got kitchen.Status) {
	t.Helper()
	require.Len(t, got.Stages, len(want.Stages))
	for i := range want.Stages {
		require.WithinDuration(t, *want.Stages[i].IssuedAt, *got.Stages[i].IssuedAt, patience)
		got.Stages[i].IssuedAt = want.Stages[i].IssuedAt
		wanted, undo := want.Stages[i].Undo, got.Stages[i].Undo
		if wanted != nil && undo != nil && wanted.IssuedAt != nil && undo.IssuedAt != nil {
			require.WithinDuration(t, *wanted.IssuedAt, *undo.IssuedAt, patience)
			undo.IssuedAt = wanted.IssuedAt
		}
	}
	require.LessOrEqual(t, got.Version, want.Version)
	got.Version = want.Version
	got.Stale = want.Stale
	require.Equal(t, want, got)
}

// noLog is a log that nobody has written.
type noLog struct{}

func (noLog) End(string) (kitchen.Ack, bool) { return kitchen.Ack{}, false }

func (noLog) Withdrawn(string) bool { return false }

func (noLog) Paused(kitchen.Stage) bool { return false }

func (noLog) Owner(string) (kitchen.AtWork, bool) { return kitchen.AtWork{}, false }

func (noLog) Failure(context.Context, string) (failed activities.Failed, found bool) {
	return activities.Failed{}, false
}
