package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
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
//
// Only Temporal's clock decides how long that is. If this process's differs, the order says
// so, and Place asks once more.
func (o *Orders) Place(ctx context.Context, options client.StartWorkflowOptions, in OrderInput, again bool) (placedAt time.Time, err error) {
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	if again {
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	}
	placed, err := o.askForPlace(ctx, options, in)
	if refusal, is := errors.AsType[*temporal.ApplicationError](err); is && refusal.Type() == ErrorRefused && refusal.HasDetails() {
		var clock Clock
		if err := refusal.Details(&clock); err != nil {
			return time.Time{}, fmt.Errorf("read the time by Temporal's clock: %w", err)
		}
		o.ahead.Store(int64(clock.At.Sub(o.now())))
		placed, err = o.askForPlace(ctx, options, in)
	}
	switch {
	case err != nil:
		return time.Time{}, err
	case placed.Refused != nil:
		return time.Time{}, placed.Refused
	}
	return placed.PlacedAt, nil
}

func (o *Orders) askForPlace(ctx context.Context, options client.StartWorkflowOptions, in OrderInput) (placed Placed, err error) {
	until := o.now().Add(time.Duration(o.ahead.Load()) + PlaceWithin)
	handle, err := o.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: o.temporal.NewWithStartWorkflowOperation(options, OrderWorkflowType, in),
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: options.ID,
			// Not one id for all calls: another's that has given up would answer this one.
			UpdateID:     uuid.NewString(),
			UpdateName:   UpdatePlace,
			Args:         []any{Place{Until: until, RequestHash: in.RequestHash}},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(ctx, &placed)
	}
	return placed, err
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

// GiveBack gives back the place that somebody has on a day whose workflow runs, in an
// order's stead.
func (o *Orders) GiveBack(ctx context.Context, day kitchen.Date, holder string) error {
	handle, err := o.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: kitchen.PickupWorkflowID(day), UpdateID: UpdateRelease + "/" + holder, UpdateName: UpdateRelease,
		Args: []any{kitchen.Reservation{Holder: holder, Plan: kitchen.PickupPlan{Day: day}}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
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
			UpdateID:     update + "/" + r.Holder + "/" + r.Run, // a repeated one is the same
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
	}
	// Whether the day is over is for its own clock to say.
	description, lookedUp := o.temporal.DescribeWorkflow(ctx, workflowID, "")
	switch {
	case lookedUp != nil:
		return fmt.Errorf("ask how %s has ended: %w", workflowID, lookedUp)
	case description.Status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return fmt.Errorf("%s was ended from outside before its day was over, and has to be reset: %w", workflowID, err)
	}
	return &kitchen.NoPlaceError{Why: kitchen.PickupOver}
}

// ErrDayEnded says that a day's workflow has ended: nobody gets a place until an operator
// has reset it, or the day is over.
var ErrDayEnded = errors.New("the workflow of the day's slots has ended")

// TakenSlots are the slots of a day in which somebody has a place.
func (o *Orders) TakenSlots(ctx context.Context, day kitchen.Date) (slots []kitchen.TakenSlot, err error) {
	return slots, o.queryDay(ctx, day, QuerySlots, &slots)
}

// Places are the places of a day that orders have.
func (o *Orders) Places(ctx context.Context, day kitchen.Date) (places []kitchen.Place, err error) {
	return places, o.queryDay(ctx, day, QueryPlaces, &places)
}

// queryDay asks a day's workflow. Of a day for which nobody has ordered there is nothing
// to tell.
func (o *Orders) queryDay(ctx context.Context, day kitchen.Date, query string, answer any) error {
	response, err := o.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: kitchen.PickupWorkflowID(day), QueryType: query, QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	switch {
	case IsNotFound(err):
		return nil
	case err != nil:
		return err
	case response.QueryRejected != nil:
		return ErrDayEnded
	}
	return response.QueryResult.Get(answer)
}

// Days are the days whose slots somebody keeps.
func (o *Orders) Days(ctx context.Context) (days []kitchen.Date, err error) {
	var token []byte
	for first := true; first || len(token) > 0; first = false {
		page, err := o.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", PickupDayWorkflowType), NextPageToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, execution := range page.GetExecutions() {
			if day, err := kitchen.DateFromPickupWorkflowID(execution.GetExecution().GetWorkflowId()); err == nil {
				days = append(days, day)
			}
		}
		token = page.GetNextPageToken()
	}
	return days, nil
}

// holder is who has a place of an order that began with a run.
func holder(orderID, firstRunID string) string { return orderID + "/" + firstRunID }

// OrderOfHolder is the inverse of holder: the order, and the run with which it began.
func OrderOfHolder(holder string) (orderID, firstRunID string) {
	orderID, firstRunID, _ = strings.Cut(holder, "/")
	return orderID, firstRunID
}
