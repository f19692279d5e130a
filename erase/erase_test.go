package erase_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/erase"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const patience = time.Minute

// place is a Temporal and a Kafka of a test's own, with a worker whose orders do what
// standIn says.
type place struct {
	*testing.T
	temporal client.Client
	kafka    events.Connection
}

// standIn is an order that goes on in as many runs as it is told.
func standIn(ctx workflow.Context, runs int) error {
	if runs > 1 {
		return workflow.NewContinueAsNewError(ctx, workflows.OrderWorkflowType, runs-1)
	}
	return nil
}

func newPlace(t *testing.T) *place {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	stack, err := devstack.Start(t.Context(), devstack.Config{Temporal: &devstack.TemporalConfig{Headless: true}, Kafka: &devstack.KafkaConfig{Logger: quiet}})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	p := &place{T: t, kafka: events.Connection{Brokers: []string{stack.Kafka.Addr()}}}
	p.temporal, err = client.Dial(client.Options{HostPort: stack.Temporal.Addr(), Logger: sdklog.NewStructuredLogger(quiet)})
	require.NoError(t, err)
	t.Cleanup(p.temporal.Close)
	_, err = events.ApplyTopics(t.Context(), p.kafka, events.TopicSettings{Partitions: 1})
	require.NoError(t, err)
	w := worker.New(p.temporal, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
	w.RegisterWorkflowWithOptions(standIn, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	w.RegisterWorkflowWithOptions(workflows.StandingOrderWorkflow, workflow.RegisterOptions{Name: workflows.StandingOrderWorkflowType})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	return p
}

func (p *place) eraser(change func(*erase.Config)) *erase.Eraser {
	config := erase.Config{Kafka: p.kafka, Temporal: p.temporal, Namespace: client.DefaultNamespace, By: "mia", Settle: time.Nanosecond, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&config)
	}
	return erase.New(config)
}

func (p *place) erase(orderID string) erase.Report {
	p.Helper()
	report, err := p.eraser(nil).Examine(p.Context(), orderID)
	require.NoError(p, err)
	require.NoError(p, p.eraser(nil).Erase(p.Context(), &report))
	return report
}

// order is one that has closed after a number of runs.
func (p *place) order(runs int) string {
	p.Helper()
	id, err := kitchen.NewOrderID()
	require.NoError(p, err)
	p.start(id, runs)
	return id
}

func (p *place) start(id string, runs int) {
	p.Helper()
	run, err := p.temporal.ExecuteWorkflow(p.Context(), client.StartWorkflowOptions{ID: kitchen.WorkflowID(id), TaskQueue: workflows.TaskQueue}, workflows.OrderWorkflowType, runs)
	require.NoError(p, err)
	require.NoError(p, run.Get(p.Context(), nil))
}

func (p *place) isKnown(workflowID, runID string) bool {
	p.Helper()
	_, err := p.temporal.DescribeWorkflowExecution(p.Context(), workflowID, runID)
	if err != nil {
		require.True(p, workflows.IsNotFound(err), "%v", err)
	}
	return err == nil
}

// flags are those of kitchen-state.
func (p *place) flags() *events.Flags {
	p.Helper()
	reader, err := events.NewLogReader(p.kafka)
	require.NoError(p, err)
	defer reader.Close()
	flags := events.NewFlags(events.FlagsConfig{})
	first, end, err := reader.Bounds(p.Context(), events.TopicKitchenState, 0)
	require.NoError(p, err)
	_, err = reader.Read(p.Context(), events.TopicKitchenState, 0, first, end, flags.Add)
	require.NoError(p, err)
	return flags
}

// A chain of runs, and two chains of one id, as an order has that got no place at first.
func TestAllRunsOfAnOrderAreDeleted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	id, other := p.order(3), p.order(1)
	p.start(id, 1)
	report := p.erase(id)
	require.Len(t, report.Runs, 4)
	for _, run := range report.Runs {
		require.True(t, run.Deleted)
		require.False(t, p.isKnown(run.WorkflowID, run.RunID))
	}
	require.False(t, p.isKnown(kitchen.WorkflowID(id), ""))
	require.True(t, p.isKnown(kitchen.WorkflowID(other), ""))
	for orderID, erased := range map[string]bool{id: true, other: false} {
		marked, err := workflows.NewOrders(p.temporal, nil).IsMarkedErased(t.Context(), orderID)
		require.NoError(t, err)
		require.Equal(t, erased, marked)
	}
	flag, up := p.flags().Get(kitchen.FlagErased, kitchen.OrderKey(id))
	require.True(t, up)
	require.Equal(t, []any{"mia", *report.ErasedAt, ""}, []any{flag.By, flag.At, flag.Reason})
	require.Len(t, p.flags().All(kitchen.FlagErased), 1)
}

// TestACrashLeavesTheFlagAndIsMendedByErasingAgain, whatever it has kept from being done.
func TestACrashLeavesTheFlagAndIsMendedByErasingAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	id := p.order(1)
	slow := p.eraser(func(c *erase.Config) { c.Settle = time.Hour })
	report, err := slow.Examine(t.Context(), id)
	require.NoError(t, err)
	ctx, crash := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- slow.Erase(ctx, &report) }()
	require.Eventually(t, func() bool { return len(p.flags().All(kitchen.FlagErased)) == 1 }, patience, 10*time.Millisecond)
	require.True(t, p.isKnown(kitchen.WorkflowID(id), ""), "requests of before may still find it")
	crash()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.True(t, p.isKnown(kitchen.WorkflowID(id), ""))

	again := p.erase(id)
	require.True(t, again.ErasedBefore)
	require.Len(t, again.Runs, 1)
	require.False(t, p.isKnown(kitchen.WorkflowID(id), ""))
	require.Len(t, p.flags().All(kitchen.FlagErased), 1)
}

// TestWhatIsPlacedAnewIsNotDeleted: somebody may be at work on it.
func TestWhatIsPlacedAnewIsNotDeleted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	id := p.order(1)
	report, err := p.eraser(nil).Examine(t.Context(), id)
	require.NoError(t, err)
	_, err = p.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: kitchen.WorkflowID(id), TaskQueue: "nobody's"}, workflows.OrderWorkflowType, 1)
	require.NoError(t, err)
	var refused *erase.RefusedError
	require.ErrorAs(t, p.eraser(nil).Erase(t.Context(), &report), &refused)
	require.Contains(t, refused.Error(), "placed anew")
	require.True(t, p.isKnown(kitchen.WorkflowID(id), ""))
	_, err = p.eraser(nil).Examine(t.Context(), id)
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Error(), "cancel it first")
}

// A standing order has the customer's texts in its schedule, and in what has placed its
// orders, or none.
func TestWhatAStandingOrderHasLeftIsErased(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	now := time.Now().UTC()
	orders := workflows.NewOrders(p.temporal, nil)
	var (
		mu     sync.Mutex
		placed []string
	)
	w := worker.New(p.temporal, workflows.StandingTaskQueue, worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 1})
	w.RegisterActivityWithOptions(func(_ context.Context, request workflows.PlaceStanding) (workflows.Occurrence, error) {
		mu.Lock()
		defer mu.Unlock()
		day, err := request.Day()
		occurrence := workflows.Occurrence{Day: day, Skipped: "closed"}
		if len(placed) < 2 {
			occurrence = workflows.Occurrence{Day: day, OrderID: p.order(1)}
			placed = append(placed, occurrence.OrderID)
		}
		return occurrence, err
	}, activity.RegisterOptions{Name: workflows.ActivityPlaceStandingOrder})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	opening := kitchen.Default().Opening
	first := kitchen.DateIn(now, time.UTC).Add(-2)
	standing := workflows.Standing{ID: uuid.NewString(), DaysAhead: 3, TimeZone: "UTC", Order: kitchen.StandingOrder{
		Order: kitchen.Order{Customer: kitchen.Customer{Name: "Café Ada"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 4}}},
		Days:  kitchen.Weekdays(), At: "08:30", From: first,
	}}
	require.NoError(t, orders.Standing().Create(t.Context(), standing, &opening, first, now)) // five days or so are placed at once
	list := func() *workflowservice.ListWorkflowExecutionsResponse {
		page, err := p.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'StandingOrderWorkflow'"})
		require.NoError(t, err)
		return page
	}
	runs := 0
	require.Eventually(t, func() bool {
		executions := list().GetExecutions()
		runs = len(executions)
		return runs >= 4 && !slices.ContainsFunc(executions, func(info *workflowpb.WorkflowExecutionInfo) bool {
			return info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		})
	}, patience, 20*time.Millisecond)

	mu.Lock()
	defer mu.Unlock() // all that was to be placed has been
	report := p.erase(placed[0])
	require.Equal(t, []any{standing.ID, true, placed[1:]}, []any{report.Standing.ID, report.Standing.Continues, report.Standing.OtherOrders})
	require.Len(t, report.Standing.Runs, runs-1, "all but the one that placed the other order")
	require.Len(t, report.Left, 1)
	require.Contains(t, report.Left[0], "cupcakery standing end "+standing.ID)
	require.Eventually(t, func() bool { return len(list().GetExecutions()) == 1 }, patience, 20*time.Millisecond)
	require.True(t, p.isKnown(kitchen.WorkflowID(placed[1]), ""))

	require.NoError(t, orders.Standing().End(t.Context(), standing.ID))
	scheduler := "temporal-sys-scheduler:standing-" + standing.ID
	require.Eventually(t, func() bool {
		description, err := p.temporal.DescribeWorkflowExecution(t.Context(), scheduler, "")
		return workflows.IsNotFound(err) || err == nil && description.GetWorkflowExecutionInfo().GetCloseTime() != nil
	}, patience, 20*time.Millisecond)
	last := p.erase(placed[1])
	require.False(t, last.Standing.Continues)
	require.Empty(t, last.Left)
	require.Eventually(t, func() bool { return len(list().GetExecutions()) == 0 }, patience, 20*time.Millisecond)
	require.False(t, p.isKnown(scheduler, ""), "the schedule's own workflow has the customer's texts in its input")
	require.Nil(t, p.erase(placed[0]).Standing)
}
