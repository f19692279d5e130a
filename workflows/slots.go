package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/kitchen"
)

// Place starts an order that is to be fetched at a time of its own, and waits until it
// has its place. A *kitchen.NoPlaceError says that it got none, and that nothing was
// ordered. After another error it may be placed within PlaceWithin of the call, or not:
// the same call with the same order id finds out. again says that the order was refused
// a place before. Place returns when the order was placed first: a call that comes again
// finds the order of the first.
func (o *Orders) Place(ctx context.Context, options client.StartWorkflowOptions, in OrderInput, again bool) (placedAt time.Time, err error) {
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	if again {
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	}
	handle, err := o.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: o.temporal.NewWithStartWorkflowOperation(options, OrderWorkflowType, in),
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: options.ID,
			// Not one id for all calls: another's that has given up would answer this one.
			UpdateID:     uuid.NewString(),
			UpdateName:   UpdatePlace,
			Args:         []any{Place{Until: time.Now().Add(PlaceWithin), RequestHash: in.RequestHash}},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	var placed Placed
	if err == nil {
		err = handle.Get(ctx, &placed)
	}
	switch {
	case err != nil:
		return time.Time{}, err
	case placed.Refused != nil:
		return time.Time{}, placed.Refused
	}
	return placed.PlacedAt, nil
}

// Placing says how far an order for later is that Temporal has.
type Placing int

// The states of placing: an order for later is none until it has its place in its slot.
const (
	HasPlace Placing = iota
	// BeingPlaced is an order that may still get its place.
	BeingPlaced
	// NotPlaced is one that got none.
	NotPlaced
)

// PlacingOf is how far an order is.
func (o *Orders) PlacingOf(ctx context.Context, orderID string) (Placing, error) {
	description, err := o.temporal.DescribeWorkflow(ctx, kitchen.WorkflowID(orderID), "")
	if err != nil {
		return 0, err
	}
	state, _ := description.TypedSearchAttributes.GetKeyword(KeyState)
	switch {
	case state != StatePlacing:
		return HasPlace, nil
	case description.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return BeingPlaced, nil
	}
	return NotPlaced, nil
}

// Reserve asks the day's workflow for a place. A *kitchen.NoPlaceError says that there
// is none.
func (o *Orders) Reserve(ctx context.Context, taskQueue string, r kitchen.Reservation) error {
	err := o.askDay(ctx, taskQueue, UpdateReserve, r)
	if refusal, is := errors.AsType[*temporal.ApplicationError](err); is && refusal.Type() == ErrorNoPlace {
		var why kitchen.NoPlaceError
		if err := refusal.Details(&why); err != nil {
			return fmt.Errorf("read why there is no place: %w", err)
		}
		return &why
	}
	return err
}

// Release gives a place back. Once the day has ended there is nothing to give back.
func (o *Orders) Release(ctx context.Context, taskQueue string, r kitchen.Reservation) error {
	return o.askDay(ctx, taskQueue, UpdateRelease, r)
}

// askDay sends an update to the day's workflow, which begins with the first one. A day
// that was ended from outside does not begin anew: it would have forgotten its places.
func (o *Orders) askDay(ctx context.Context, taskQueue, update string, r kitchen.Reservation) error {
	workflowID := kitchen.PickupWorkflowID(r.Plan.Day)
	handle, err := o.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: o.temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID:                       workflowID,
			TaskQueue:                taskQueue,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary:            "slots of " + r.Plan.Day.String(),
		}, PickupDayWorkflowType, kitchen.PickupDay{Plan: r.Plan}),
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID:   workflowID,
			UpdateID:     update + "/" + r.Holder, // a repeated one is the same
			UpdateName:   update,
			Args:         []any{r},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	_, closed := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err)
	switch {
	case !closed:
		return err
	case update == UpdateRelease:
		return nil // nobody keeps the place any more
	case time.Now().Before(r.Plan.EndsAt):
		return fmt.Errorf("%s was ended from outside before its day was over, and has to be reset: %w", workflowID, err)
	}
	return &kitchen.NoPlaceError{Why: kitchen.PickupOver}
}

// TakenSlots are the slots of a day in which somebody has a place.
func (o *Orders) TakenSlots(ctx context.Context, day kitchen.Date) ([]kitchen.TakenSlot, error) {
	value, err := o.temporal.QueryWorkflow(ctx, kitchen.PickupWorkflowID(day), "", QuerySlots)
	if IsNotFound(err) {
		return nil, nil // nobody has ordered for that day
	}
	if err != nil {
		return nil, err
	}
	var slots []kitchen.TakenSlot
	return slots, value.Get(&slots)
}
