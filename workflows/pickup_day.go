package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// PickupDayWorkflowType is the name of PickupDayWorkflow in Temporal.
	PickupDayWorkflowType = "PickupDayWorkflow"
	// UpdateReserve and UpdateRelease are the updates that a PickupDayWorkflow takes,
	// each with a kitchen.Reservation. Both may come again.
	UpdateReserve = "reserve"
	UpdateRelease = "release"
	// QuerySlots is the query that a PickupDayWorkflow answers with the
	// kitchen.TakenSlots of its day.
	QuerySlots = "slots"
	// QueryPlaces is the query that it answers with the kitchen.Places that orders have.
	QueryPlaces = "places"
	// ErrorNoPlace is the type of the error with which UpdateReserve is refused; its
	// details are a kitchen.NoPlaceError.
	ErrorNoPlace = "no-place"
)

// PickupDayWorkflow has the places in the slots of one day. Its workflow id is
// kitchen.PickupWorkflowID of the day. It begins with the day's first order and ends
// with the day. Everybody who wants a place asks it, one after the other, so the last
// one goes to one of them; what it refuses leaves no trace in its history.
func PickupDayWorkflow(ctx workflow.Context, day kitchen.PickupDay) error {
	date, err := kitchen.DateFromPickupWorkflowID(workflow.GetInfo(ctx).WorkflowExecution.ID)
	if err == nil && date != day.Plan.Day {
		err = fmt.Errorf("the plan is for %s", day.Plan.Day)
	}
	if err != nil {
		return temporal.NewNonRetryableApplicationError("the workflow id of a day's slots is pickup-<date>", "WrongWorkflowID", err)
	}
	if err := takeReservations(ctx, &day); err != nil {
		return err
	}
	builds := watchBuilds(ctx)
	left := func() time.Duration { return day.Plan.EndsAt.Sub(workflow.Now(ctx)) }
	for left() > 0 {
		timerCtx, stop := workflow.WithCancel(ctx)
		timer := workflow.NewTimerWithOptions(timerCtx, min(left(), lookForBuildAfter), workflow.TimerOptions{Summary: "the day ends at " + day.Plan.EndsAt.Format(time.RFC3339)})
		moves := func() bool {
			return workflow.GetInfo(ctx).GetContinueAsNewSuggested() || builds.isNewer(ctx)
		}
		err := workflow.Await(ctx, func() bool { return timer.IsReady() || moves() })
		stop()
		if err != nil {
			return err
		}
		if moves() && left() > 0 {
			return continueOnCurrentBuild(ctx, PickupDayWorkflowType, day)
		}
	}
	return nil
}

// takeReservations takes what others ask of the day. Nothing here waits, so no update
// is under way when the workflow goes on in another run.
func takeReservations(ctx workflow.Context, day *kitchen.PickupDay) error {
	if err := workflow.SetQueryHandler(ctx, QuerySlots, func() ([]kitchen.TakenSlot, error) { return day.Slots(), nil }); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(ctx, QueryPlaces, func() ([]kitchen.Place, error) { return day.Held(), nil }); err != nil {
		return err
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateReserve, func(ctx workflow.Context, r kitchen.Reservation) error {
		return noPlace(day.Reserve(workflow.Now(ctx), r))
	}, workflow.UpdateHandlerOptions{
		Description: "Give an order a place in a slot.",
		Validator: func(ctx workflow.Context, r kitchen.Reservation) error {
			return noPlace(day.Check(workflow.Now(ctx), r))
		},
	})
	if err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdateRelease, func(_ workflow.Context, r kitchen.Reservation) error {
		day.Release(r.Holder)
		return nil
	}, workflow.UpdateHandlerOptions{Description: "Take an order's place back."})
}

// noPlace tells who asks in which way they get no place.
func noPlace(err error) error {
	if refusal, is := errors.AsType[*kitchen.NoPlaceError](err); is {
		return temporal.NewApplicationError(refusal.Error(), ErrorNoPlace, *refusal)
	}
	return err
}
