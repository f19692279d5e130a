package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const orderID = "01890a5d-ac96-774b-bcce-b302099a8057"

// dataConverter reads what any order keeps, encrypted or not.
var dataConverter = codec.DataOf("")

var placedAt = time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)

func orderInput() workflows.OrderInput {
	return workflows.OrderInput{
		Order: kitchen.Order{
			Customer:  kitchen.Customer{Name: "Ada"},
			Notes:     "ring the bell",
			Allergies: []string{"nuts"},
			Lines: []kitchen.Line{
				{Flavour: "vanilla", Size: kitchen.SizeS, Quantity: 1},
				{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th 🎂"},
			},
		},
		Rules:    kitchen.Default().Rules,
		PlacedAt: placedAt,
	}
}

// prices are a price list by which the order of orderInput costs EUR 48.60.
var prices = kitchen.PriceList{
	Currency: "EUR", Decimals: 2, Sizes: map[kitchen.Size]int64{kitchen.SizeS: 180, kitchen.SizeL: 320},
	Surcharges: map[string]int64{"red-velvet": 20}, Message: 50,
}

// factory is an order's world in a test: it stands in for the activities, and
// keeps what they were given.
type factory struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment

	in workflows.OrderInput
	// workflow is OrderWorkflow, perhaps that of another build.
	workflow func(workflow.Context, workflows.OrderInput) (kitchen.Status, error)
	// checks are made when the order has ended.
	checks []func()
	// out are the tickets that the test holds, by their activities' ids.
	out map[string]issue

	mu      sync.Mutex
	issued  []issue
	shipped []kitchen.Shipped
	failed  []kitchen.Failed
	told    told
	// tooLarge reports whether the log takes no such status. Optional.
	tooLarge func(kitchen.LoggedStatus) bool
	// refusals is how often Kafka still refuses an announcement.
	refusals int
	// attempts is what Temporal says of the pending activity; whileCounting is
	// called before it does, where updates may be sent. Optional.
	attempts      int
	whileCounting func()
	// answer says how an activity ends; the default is a done ack at once.
	answer func(issue) (kitchen.Ack, error)
}

// issue is one attempt of a ticket, as its activity saw it.
type issue struct {
	ticket  kitchen.Ticket
	attempt int
	token   []byte
}

func newFactory(t *testing.T) *factory {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	f := &factory{t: t, env: suite.NewTestWorkflowEnvironment(), in: orderInput(), workflow: workflows.OrderWorkflow, out: map[string]issue{}}
	f.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // a busy machine is none
	f.answer = func(i issue) (kitchen.Ack, error) { return f.done(i), nil }
	f.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: kitchen.WorkflowID(orderID), TaskQueue: workflows.TaskQueue})
	f.env.SetTestTimeout(time.Minute)
	for _, stage := range kitchen.Stages() {
		f.registerStage(stage)
	}
	f.env.RegisterActivityWithOptions(func(_ context.Context, failed kitchen.Failed) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.refusals > 0 {
			f.refusals--
			return errors.New("Kafka is away")
		}
		f.failed = append(f.failed, failed)
		return nil
	}, activity.RegisterOptions{Name: workflows.ActivityAnnounceFailed})
	f.env.RegisterActivityWithOptions(func(context.Context, string) (int, error) {
		if f.whileCounting != nil {
			// An activity has its own goroutine, and the environment takes updates only on its own.
			called := make(chan struct{})
			f.env.RegisterDelayedCallback(func() { f.whileCounting(); close(called) }, 0)
			<-called
		}
		return f.attempts, nil
	}, activity.RegisterOptions{Name: workflows.ActivityCountAttempts})
	f.env.RegisterActivityWithOptions(func(_ context.Context, status kitchen.LoggedStatus) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.tooLarge != nil && f.tooLarge(status) {
			return temporal.NewNonRetryableApplicationError("too large", kitchen.FailureTooLarge, nil)
		}
		require.NoError(t, f.told.take(status))
		return nil
	}, activity.RegisterOptions{Name: workflows.ActivityTellStatus})
	f.env.RegisterActivityWithOptions(func(_ context.Context, shipped kitchen.Shipped, status *kitchen.LoggedStatus) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.refusals > 0 {
			f.refusals--
			return errors.New("Kafka is away")
		}
		f.shipped = append(f.shipped, shipped)
		require.NoError(t, f.told.take(*status))
		return nil
	}, activity.RegisterOptions{Name: workflows.ActivityAnnounceShipped})
	return f
}

func (f *factory) registerStage(stage kitchen.Stage) {
	for _, kind := range []kitchen.TicketKind{kitchen.TicketMake, kitchen.TicketUndo} {
		f.env.RegisterActivityWithOptions(f.issue, activity.RegisterOptions{Name: kitchen.TicketRef{Stage: stage, Kind: kind}.ActivityType()})
	}
}

func (f *factory) issue(ctx context.Context, asked kitchen.Issue) (kitchen.Ack, error) {
	info := activity.GetInfo(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	ticket := asked.Ticket
	i := issue{ticket: ticket, attempt: asked.Issued + int(info.Attempt), token: info.TaskToken}
	f.issued = append(f.issued, i)
	require.NoError(f.t, f.told.take(*asked.Status))
	require.Equal(f.t, kitchen.TicketRef{Stage: ticket.Stage, Kind: ticket.Kind}.ActivityType(), info.ActivityType.Name)
	require.Equal(f.t, ticket.TicketID, orderID+"."+info.ActivityID)
	handsOut := ticket.Stage == kitchen.Package && ticket.Kind == kitchen.TicketMake
	require.Equal(f.t, handsOut, ticket.Customer.Name == "Ada", "only who hands the box out needs the name")
	if handsOut {
		require.Equal(f.t, asked.Status.Total, ticket.Total, "and what to take for it")
	} else {
		require.Nil(f.t, ticket.Total)
	}
	return f.answer(i)
}

// done is a station's ack for a ticket: done, or undone with all its pieces
// scrapped if its work was made.
func (f *factory) done(i issue) kitchen.Ack {
	at := f.env.Now().UTC()
	ack := kitchen.Ack{
		TicketID: i.ticket.TicketID, OrderID: i.ticket.OrderID, Stage: i.ticket.Stage,
		Kind: kitchen.AckDone, By: "bob", At: at, StartedAt: &at, Attempt: i.attempt,
	}
	if i.ticket.Kind == kitchen.TicketUndo {
		ack.Kind = kitchen.AckUndone
		if i.ticket.Made {
			ack.Scrapped = 13
		}
	}
	return ack
}

func (f *factory) status() kitchen.Status {
	value, err := f.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(f.t, err)
	var status kitchen.Status
	require.NoError(f.t, value.Get(&status))
	return status
}

// run runs the order to its end and returns its result.
func (f *factory) run() kitchen.Status {
	f.env.ExecuteWorkflow(f.workflow, f.in)
	require.True(f.t, f.env.IsWorkflowCompleted())
	require.NoError(f.t, f.env.GetWorkflowError())
	var status kitchen.Status
	require.NoError(f.t, f.env.GetWorkflowResult(&status))
	if status.Version > 0 {
		require.NoError(f.t, f.told.check(status))
	}
	for _, check := range f.checks {
		check()
	}
	return status
}

func TestOrderWorkflow(t *testing.T) {
	t.Parallel()

	t.Run("goes through the stages in order and ships", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		status := f.run()

		require.Len(t, f.issued, 4)
		for i, stage := range f.in.Rules.Route.Stages() {
			ticket := f.issued[i].ticket
			require.Equal(t, stage, ticket.Stage)
			require.Equal(t, orderID+"."+string(stage)+".1", ticket.TicketID)
			require.Equal(t, kitchen.TicketMake, ticket.Kind)
			require.Equal(t, orderInput().Order.Lines, ticket.Lines)
			require.Equal(t, "ring the bell", ticket.Notes)
			require.Equal(t, []string{"nuts"}, ticket.Allergies)
			require.Equal(t, kitchen.PickupCode(orderID), ticket.PickupCode)

			require.Equal(t, stage, status.Stages[i].Stage)
			require.Equal(t, kitchen.TicketDone, status.Stages[i].State)
			require.Equal(t, "bob", status.Stages[i].By)
			require.NotNil(t, status.Stages[i].IssuedAt)
			require.NotNil(t, status.Stages[i].StartedAt)
			require.NotNil(t, status.Stages[i].DoneAt)
		}
		require.Len(t, status.Stages, 4)
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Equal(t, placedAt, status.PlacedAt)
		require.NotNil(t, status.ShippedAt)
		require.Empty(t, status.WaitingFor)
		require.False(t, status.Stale)
		require.Equal(t, status, f.status(), "the query and the result tell the same")

		require.Len(t, f.shipped, 1)
		require.Equal(t, kitchen.Shipped{
			OrderID: orderID, PickupCode: kitchen.PickupCode(orderID), Customer: kitchen.Customer{Name: "Ada"},
			Lines: orderInput().Order.Lines, Allergies: orderInput().Order.Allergies, PlacedAt: placedAt, ShippedAt: *status.ShippedAt,
		}, f.shipped[0])
	})

	t.Run("waits at a stage for a late ack without issuing the next ticket", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.Stage != kitchen.Bake {
				return f.done(i), nil
			}
			f.env.RegisterDelayedCallback(func() {
				status := f.status()
				require.Equal(t, kitchen.StateInProgress, status.State)
				require.Equal(t, kitchen.Bake, status.Stage)
				require.Equal(t, kitchen.Bake, status.WaitingFor)
				require.Len(t, status.Stages, 2)
				require.Equal(t, kitchen.TicketWaiting, status.Stages[1].State)
			}, 59*time.Minute)
			f.env.RegisterDelayedCallback(func() {
				require.NoError(t, f.env.CompleteActivity(i.token, f.done(i), nil))
			}, time.Hour)
			return kitchen.Ack{}, activity.ErrResultPending
		}
		status := f.run()
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Equal(t, time.Hour, status.Stages[1].DoneAt.Sub(*status.Stages[1].IssuedAt).Round(time.Minute))
	})

	t.Run("issues the same ticket again for as long as it takes", func(t *testing.T) {
		t.Parallel()
		// The test suite gives up after ten attempts where the server goes on;
		// that the server does is held by TestOnTheServer.
		const asOftenAsTheSuite = 10
		f := newFactory(t)
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.Stage == kitchen.Decorate && i.attempt < asOftenAsTheSuite {
				return kitchen.Ack{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, errors.New("no ack in time"))
			}
			return f.done(i), nil
		}
		status := f.run()
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Equal(t, asOftenAsTheSuite, status.Stages[2].Attempt)
		decorated := 0
		for _, i := range f.issued {
			if i.ticket.Stage == kitchen.Decorate {
				decorated++
				require.Equal(t, orderID+".decorate.1", i.ticket.TicketID, "the same ticket")
				require.Equal(t, decorated, i.attempt)
			}
		}
		require.Equal(t, asOftenAsTheSuite, decorated)
	})

	t.Run("a failed ack means again at this station", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.Stage == kitchen.Bake && i.attempt == 1 {
				return kitchen.Ack{}, temporal.NewApplicationError("burnt at bake: bob", "burnt")
			}
			return f.done(i), nil
		}
		status := f.run()
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Len(t, status.Stages, 4, "no new pass")
		require.Equal(t, 2, status.Stages[1].Attempt)
		require.Len(t, f.issued, 5)
	})

	t.Run("a duplicate ack changes nothing", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.answer = func(i issue) (kitchen.Ack, error) {
			f.env.RegisterDelayedCallback(func() {
				require.NoError(t, f.env.CompleteActivity(i.token, f.done(i), nil))
				second := f.done(i)
				second.By = "mallory"
				_ = f.env.CompleteActivity(i.token, second, nil) // the outcome differs by when the first is taken; the credit must not
			}, time.Minute)
			return kitchen.Ack{}, activity.ErrResultPending
		}
		status := f.run()
		require.Len(t, f.issued, 4)
		for _, pass := range status.Stages {
			require.Equal(t, "bob", pass.By)
		}
	})

	t.Run("refuses a workflow id that names no order", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "lunch", TaskQueue: workflows.TaskQueue})
		f.env.ExecuteWorkflow(workflows.OrderWorkflow, orderInput())
		var refused *temporal.ApplicationError
		require.ErrorAs(t, f.env.GetWorkflowError(), &refused)
		require.True(t, refused.NonRetryable())
		require.Empty(t, f.issued)
	})
}
