package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

func standingOf(days ...kitchen.Weekday) workflows.Standing {
	return workflows.Standing{
		ID: uuid.NewString(), DaysAhead: 7, TimeZone: "UTC",
		Order: kitchen.StandingOrder{
			Order: kitchen.Order{Customer: kitchen.Customer{Name: "Café Ada"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 40}}},
			Days:  days, At: "08:30",
		},
	}
}

// The day is that of the moment for which the schedule has meant it, however late it
// begins.
func TestAStandingOrderIsForTheDayThatWasScheduled(t *testing.T) {
	t.Parallel()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(workflows.StandingOrderWorkflow, workflow.RegisterOptions{Name: workflows.StandingOrderWorkflowType})
	scheduledAt := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	env.SetStartTime(scheduledAt.Add(50 * time.Hour))
	require.NoError(t, env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime").ValueSet(scheduledAt))))
	tries := 0
	env.RegisterActivityWithOptions(func(ctx context.Context, request workflows.PlaceStanding) (workflows.Occurrence, error) {
		require.Equal(t, workflows.StandingTaskQueue, activity.GetInfo(ctx).TaskQueue)
		day, err := request.Day()
		require.NoError(t, err)
		if tries++; tries == 1 {
			return workflows.Occurrence{}, temporal.NewApplicationError("The slot is full.", workflows.ErrorOccurrenceRefused)
		}
		return workflows.Occurrence{Day: day, OrderID: "an order"}, nil
	}, activity.RegisterOptions{Name: workflows.ActivityPlaceStandingOrder})
	env.ExecuteWorkflow(workflows.StandingOrderWorkflowType, standingOf("monday"))
	require.NoError(t, env.GetWorkflowError())
	var placed workflows.Occurrence
	require.NoError(t, env.GetWorkflowResult(&placed))
	require.Equal(t, workflows.Occurrence{Day: kitchen.Date{Year: 2026, Month: 11, Day: 30}, OrderID: "an order"}, placed)
	require.Equal(t, 2, tries)
}

func TestAStandingOrderTellsWhyADayHasNone(t *testing.T) {
	t.Parallel()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(workflows.StandingOrderWorkflow, workflow.RegisterOptions{Name: workflows.StandingOrderWorkflowType})
	env.RegisterActivityWithOptions(func(context.Context, workflows.PlaceStanding) (workflows.Occurrence, error) {
		return workflows.Occurrence{}, temporal.NewNonRetryableApplicationError("It is too soon.", workflows.ErrorOccurrenceRefused, nil)
	}, activity.RegisterOptions{Name: workflows.ActivityPlaceStandingOrder})
	env.ExecuteWorkflow(workflows.StandingOrderWorkflowType, standingOf("monday"))
	var refused *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &refused)
	require.Equal(t, workflows.ErrorOccurrenceRefused, refused.Type())
	require.Equal(t, "It is too soon.", refused.Message())
}

// What was to be placed by now is placed at once, also by a clock that is slow, and nobody
// without the key reads whose it is.
func TestAStandingOrderIsKeptEncryptedAndPlaced(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	opening := kitchen.Default().Opening
	first := kitchen.DateIn(now, time.UTC).Add(5)
	standing := standingOf(kitchen.Weekdays()[first.Weekday()])
	standing.Order.From = first
	orders := workflows.NewOrders(server, codec)
	slow := opening.PlacedOn(first, standing.DaysAhead).Add(-30 * time.Second) // by Temporal's clock that has passed
	require.NoError(t, orders.Standing().Create(t.Context(), standing, &opening, first, slow))
	require.ErrorIs(t, orders.Standing().Create(t.Context(), standing, &opening, first, now), workflows.ErrStandingExists)
	t.Cleanup(func() { _ = orders.Standing().End(context.WithoutCancel(t.Context()), standing.ID) })

	raw, err := server.WorkflowService().DescribeSchedule(t.Context(), &workflowservice.DescribeScheduleRequest{Namespace: client.DefaultNamespace, ScheduleId: "standing-" + standing.ID})
	require.NoError(t, err)
	require.NotContains(t, raw.String(), "Ada")

	// The workflow is carried out by whoever serves the orders' queue.
	decides := worker.New(server, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
	decides.RegisterWorkflowWithOptions(workflows.StandingOrderWorkflow, workflow.RegisterOptions{Name: workflows.StandingOrderWorkflowType})
	require.NoError(t, decides.Start())
	t.Cleanup(decides.Stop)
	asked := make(chan workflows.PlaceStanding, 10)
	places := worker.New(server, workflows.StandingTaskQueue, worker.Options{DisableWorkflowWorker: true})
	places.RegisterActivityWithOptions(func(_ context.Context, request workflows.PlaceStanding) (workflows.Occurrence, error) {
		asked <- request
		day, err := request.Day()
		return workflows.Occurrence{Day: day, OrderID: "an order"}, err
	}, activity.RegisterOptions{Name: workflows.ActivityPlaceStandingOrder})
	require.NoError(t, places.Start())
	t.Cleanup(places.Stop)
	select {
	case request := <-asked:
		require.Equal(t, standing, request.Standing)
		day, err := request.Day()
		require.NoError(t, err)
		require.Equal(t, first, day)
	case <-time.After(time.Minute):
		t.Fatal("nothing was placed")
	}

	info, err := orders.Standing().Get(t.Context(), standing.ID)
	require.NoError(t, err)
	require.Equal(t, standing, info.Standing)
	require.False(t, info.Paused)
	require.NotEmpty(t, info.Next)
	require.Equal(t, first.Add(7), info.Next[0], fmt.Sprint(info.Next))
	require.Len(t, info.Recent, 1)
	var occurrence workflows.Occurrence
	require.Eventually(t, func() bool {
		occurrence, err = orders.Standing().OccurrenceOf(t.Context(), info.Recent[0])
		return err == nil && occurrence.Waits == ""
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, workflows.Occurrence{Day: first, OrderID: "an order"}, occurrence)

	// What is placed at once may be scheduled again, on time.
	again := opening.PlacedOn(first, standing.DaysAhead)
	schedule := server.ScheduleClient().GetHandle(t.Context(), "standing-"+standing.ID)
	require.NoError(t, schedule.Backfill(t.Context(), client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{
		Start: again.Add(-time.Second), End: again.Add(time.Second), Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
	}}}))
	require.Eventually(t, func() bool {
		described, err := schedule.Describe(t.Context())
		return err == nil && len(described.Info.RecentActions) == 2
	}, time.Minute, 20*time.Millisecond)
	info, err = orders.Standing().Get(t.Context(), standing.ID)
	require.NoError(t, err)
	require.Len(t, info.Recent, 1, "a day is told of once")

	require.NoError(t, orders.Standing().Pause(t.Context(), standing.ID, "paused by mia"))
	info, err = orders.Standing().Get(t.Context(), standing.ID)
	require.NoError(t, err)
	require.True(t, info.Paused)
	require.NoError(t, orders.Standing().Resume(t.Context(), standing.ID, "resumed by mia"))
	require.NoError(t, orders.Standing().End(t.Context(), standing.ID))
	_, err = orders.Standing().Get(t.Context(), standing.ID)
	require.True(t, workflows.IsNotFound(err), "%v", err)
}
