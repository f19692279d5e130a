package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// UpdatePlace places an order that is to be fetched at a time of its own, with a
	// Place. It returns a Placed once the order has its place in the slot, or gets none.
	UpdatePlace = "place"
	// StatePlacing is the value of KeyState of an order that has no place in its slot
	// yet. It is no order to anybody but who places it.
	StatePlacing = "placing"
	// ErrorNotPlaced is the type of the error with which an order ends that got no
	// place. Then nothing was ordered.
	ErrorNotPlaced = "not-placed"
	// ErrorAnotherOrder is the type of the error with which UpdatePlace is refused whose
	// request is not the one that began the order.
	ErrorAnotherOrder = "another-order"
	// ActivityReservePlace is the activity that reserves an order's place in its slot,
	// and ActivityReleasePlace the one that gives it back. Their input is a
	// kitchen.Reservation, and the first returns a kitchen.Reserved.
	ActivityReservePlace = "ReservePlace"
	ActivityReleasePlace = "ReleasePlace"

	// PlaceWithin is how long an order tries to get its place after it was asked for.
	// It is longer than anybody waits for the answer, and shorter than they take to
	// forget: what they repeat is the same order.
	PlaceWithin = 30 * time.Second

	// askedWithin is how long an order waits to be placed once a worker has it. The
	// update comes with the order's start; who sent it may send it again if a server of
	// Temporal's has lost it.
	askedWithin = 10 * time.Second

	// clocksApart is how much later than PlaceWithin from now somebody may say that they
	// give up, before the order tells them the time. Their clock need not be exact.
	clocksApart = 5 * time.Second

	reserveWithin = 5 * time.Second
	// reserveAgainAfter and reserveAtMost are the shortest and the longest pause between
	// two tries: Temporal takes ten updates of one workflow at a time, so at a rush they
	// wait for each other.
	reserveAgainAfter = 100 * time.Millisecond
	reserveAtMost     = 2 * time.Second
	answerAtMost      = time.Minute

	// lookForBuildAfter is how long a workflow that only waits does so before it looks
	// whether it can move to a newer build.
	lookForBuildAfter = 24 * time.Hour

	// changeConfirmPlace is the version marker of orders that ask for their place again
	// because they were reset in Temporal; see marks.
	changeConfirmPlace = "confirm-place"
	// changeRefuseUnplaced is the version marker of orders that Temporal's own cancel
	// request does not cancel once they are known to get no place.
	changeRefuseUnplaced = "refuse-unplaced"
)

// Place asks an order to get its place.
type Place struct {
	// Until is when whoever asks has given up, by Temporal's clock: after that no order
	// must come of it.
	Until time.Time `json:"until"`
	// RequestHash tells which order is meant.
	RequestHash string `json:"requestHash"`
}

// Placed is what came of it.
type Placed struct {
	// Refused is why the order got no place, and so is none; nil if it is placed.
	Refused *kitchen.NoPlaceError `json:"refused,omitempty"`
	// PlacedAt is when the order was placed first.
	PlacedAt time.Time `json:"placedAt"`
}

// Clock is the detail of an ErrorRefused with which UpdatePlace is refused because of its
// time: by Temporal's clock whoever asks has given up, or asks later than now. The clock of
// somebody who is there and hears this is wrong.
type Clock struct {
	// At is the time by Temporal's clock.
	At time.Time `json:"at"`
}

// placing is how an order for later gets its place:
//
//	started with a place update   accepted
//	ReservePlace                  the day's workflow is asked; from here on the place
//	                              is given back if the order is cancelled
//	there is room                 scheduled · the update is answered
//	BeginAt                       in-progress, and on to the first stage
//
// Without room, or without an answer in time, it ends as ErrorNotPlaced, and the update
// is answered with the reason. An order whose update was lost, because no worker was
// there until its sender had given up, ends the same way without having asked anybody.
//
// One that is cancelled before it has its place is an order, and cancelled: somebody has
// heard of it. So is one that was reset in Temporal and has lost its place:
//
//	reset to before its place     ReservePlace by itself: who placed it waits no more
//	reset to after that           ReservePlace beside its steps
//	it still has it               it goes on, with the same place
//	it was given back             cancelled, whose work is undone
type placing struct {
	// placeUntil is when the last who asked gives up; zero while nobody has asked.
	placeUntil time.Time
	// holdsPlace is set while there may be a place to give back.
	holdsPlace bool
	// refusal is why the order got no place; nil while that can still be.
	refusal *kitchen.NoPlaceError
	// confirms are the marks of places that are asked for again after a reset in Temporal.
	confirms marks
	// resetBefore is set in a run that follows one that was reset in Temporal and ended
	// before it had its place confirmed.
	resetBefore bool
	confirmed   bool
}

func newPlacing() placing { return placing{confirms: marks{change: changeConfirmPlace}} }

func dueAt(pickup *kitchen.Pickup) *time.Time {
	if pickup == nil {
		return nil
	}
	return inUTC(pickup.At)
}

func (o *order) isPlacing() bool {
	return o.in.Pickup != nil && o.status.State == kitchen.StateAccepted
}

// listenForPlacing takes the update with which the order is placed. It may come again. An
// order for as soon as possible is another order to whoever sends it.
func (o *order) listenForPlacing(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdatePlace, func(ctx workflow.Context, request Place) (Placed, error) {
		if request.Until.After(o.placeUntil) {
			o.placeUntil = request.Until
		}
		ctx, _ = workflow.NewDisconnectedContext(ctx) // Temporal's own cancel request is answered as any other
		err := workflow.Await(ctx, func() bool { return !o.isPlacing() || o.refusal != nil })
		return Placed{Refused: o.refusal, PlacedAt: o.in.PlacedAt}, err
	}, workflow.UpdateHandlerOptions{
		Description: "Get the order its place in the slot.",
		Validator: func(ctx workflow.Context, request Place) error {
			if request.RequestHash != o.in.RequestHash {
				return temporal.NewApplicationError("This is another order.", ErrorAnotherOrder)
			}
			now := workflow.Now(ctx)
			if left := request.Until.Sub(now); o.isPlacing() && (left <= 0 || left > PlaceWithin+clocksApart) {
				return temporal.NewApplicationError("Whoever wanted to place the order has given up by "+now.UTC().Format(time.RFC3339)+", or their clock is wrong.", ErrorRefused, Clock{At: now})
			}
			return nil
		},
	})
}

// takePlace gets the order its place, or ends it.
func (o *order) takePlace(ctx workflow.Context) error {
	asked, err := workflow.AwaitWithTimeout(ctx, askedWithin, func() bool { return !o.placeUntil.IsZero() || o.direction != Making })
	switch {
	case err != nil:
		return err
	case o.isReset(ctx):
		return o.takePlaceAgain(ctx)
	case o.direction != Making:
		return nil
	case !asked:
		return o.endNotPlaced(ctx, &kitchen.NoPlaceError{Why: kitchen.PickupUnanswered})
	}
	o.holdsPlace = true // before the reservation can have any effect
	var reserved kitchen.Reserved
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    reserveWithin,
		ScheduleToCloseTimeout: max(time.Second, o.placeUntil.Sub(workflow.Now(ctx))),
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: reserveAgainAfter, BackoffCoefficient: 1.5, MaximumInterval: reserveAtMost},
		Summary:                o.in.Pickup.At.Format(time.RFC3339),
	}), ActivityReservePlace, o.reservation(ctx)).Get(ctx, &reserved)
	if encryption.IsMissingKey(err) {
		panic(err) // fails the task, not the order: another worker has the key
	}
	o.holdsPlace = reserved.Refused == nil // also if nobody could say
	switch {
	case o.direction != Making: // it was cancelled meanwhile, and whoever placed it has heard that it is an order
		return nil
	case err != nil:
		return o.endNotPlaced(ctx, &kitchen.NoPlaceError{Why: kitchen.PickupUnanswered})
	case reserved.Refused != nil:
		return o.endNotPlaced(ctx, reserved.Refused)
	}
	o.recordScheduled()
	if err := o.saveStatus(ctx); err != nil {
		return err
	}
	o.confirmPlace(ctx)
	return nil
}

// takePlaceAgain gets an order its place that was reset in Temporal to before it had it.
// If it has it, it gets the same.
func (o *order) takePlaceAgain(ctx workflow.Context) error {
	o.holdsPlace = true
	refusal := o.reserveAgain(ctx)
	o.confirmed = true
	if o.direction != Making {
		return nil
	}
	if refusal == nil {
		o.recordScheduled()
	} else {
		o.cancelWithoutPlace(ctx, refusal)
	}
	return o.saveStatus(ctx)
}

// confirmPlace asks for the place again of an order that was reset in Temporal, beside its
// steps. It may have given it back since, and then somebody else may have it.
func (o *order) confirmPlace(ctx workflow.Context) {
	if o.direction == Cancelling || !o.holdsPlace || !o.resetBefore && !o.isReset(ctx) {
		return
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		refusal := o.reserveAgain(ctx)
		o.confirmed = true
		if refusal != nil && o.cancelRefusal() == nil {
			o.cancelWithoutPlace(ctx, refusal)
			_ = o.saveStatus(ctx) // the search attributes exist, or the order could not have been started
		}
	})
}

// mayHaveLostPlace reports whether the order was reset in Temporal, and has no answer yet
// whether the place that it had is still its own.
func (o *order) mayHaveLostPlace() bool {
	return o.holdsPlace && !o.confirmed && (o.resetBefore || o.runID != o.beganRun)
}

// isReset reports whether the order was reset in Temporal, and goes on in a build that asks
// for its place again. What happened before that is replayed, and has no marker.
func (o *order) isReset(ctx workflow.Context) bool {
	return o.in.Pickup != nil && workflow.GetInfo(ctx).WorkflowExecution.RunID != o.beganRun && o.confirms.next(ctx)
}

// reserveAgain asks for the order's place for as long as it takes, unless the order is
// cancelled meanwhile, and returns why it has none.
func (o *order) reserveAgain(ctx workflow.Context) *kitchen.NoPlaceError {
	ctx, stop := workflow.WithCancel(ctx)
	defer stop()
	var reserved kitchen.Reserved
	reserving := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o.untilAnswered()), ActivityReservePlace, o.reservation(ctx))
	if workflow.Await(ctx, func() bool { return reserving.IsReady() || o.direction == Cancelling }) != nil || !reserving.IsReady() {
		return nil
	}
	switch err := reserving.Get(ctx, &reserved); {
	case encryption.IsMissingKey(err):
		panic(err)
	case err != nil: // somebody has ended it by hand
		return &kitchen.NoPlaceError{Why: kitchen.PickupUnanswered}
	}
	return reserved.Refused
}

// cancelWithoutPlace cancels an order that has no place in its slot any more.
func (o *order) cancelWithoutPlace(ctx workflow.Context, refusal *kitchen.NoPlaceError) {
	o.holdsPlace = refusal.Why == kitchen.PickupUnanswered
	o.cancel(kitchen.Cancellation{Reason: "reset in Temporal, and without its place: " + refusal.Error()}, workflow.Now(ctx))
}

// endNotPlaced ends the order, of which nobody but who placed it has heard.
func (o *order) endNotPlaced(ctx workflow.Context, refusal *kitchen.NoPlaceError) error {
	o.refusal = refusal
	if o.holdsPlace {
		if err := o.releasePlace(ctx); err != nil {
			return err
		}
	}
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	return temporal.NewApplicationErrorWithOptions("the order was not placed: "+refusal.Error(), ErrorNotPlaced, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Category:     temporal.ApplicationErrorCategoryBenign,
	})
}

// releasePlace gives the order's place back, for as long as it takes.
func (o *order) releasePlace(ctx workflow.Context) error {
	released := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o.untilAnswered()), ActivityReleasePlace, o.reservation(ctx))
	if err := o.await(ctx, released.IsReady); err != nil {
		return err
	}
	o.holdsPlace = false // also if somebody has ended it by hand
	return nil
}

// untilAnswered are the options of an activity that asks the day's workflow until it has an
// answer.
func (o *order) untilAnswered() workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: reserveWithin,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: reserveAgainAfter, BackoffCoefficient: 1.5, MaximumInterval: answerAtMost},
		Summary:             o.in.Pickup.At.Format(time.RFC3339),
	}
}

func (o *order) reservation(ctx workflow.Context) kitchen.Reservation {
	info := workflow.GetInfo(ctx)
	return kitchen.Reservation{
		Holder: holder(o.status.ID, info.FirstRunID), Run: info.WorkflowExecution.RunID,
		Slot: o.in.Pickup.At, Pieces: o.in.Order.Pieces(), Plan: o.in.Pickup.Plan,
	}
}

// awaitTime waits until the kitchen is to begin. Meanwhile the order moves to newer
// builds: one that waits for days must not keep an old one running.
func (o *order) awaitTime(ctx workflow.Context) error {
	builds := watchBuilds(ctx)
	left := func() time.Duration { return o.in.Pickup.BeginAt.Sub(workflow.Now(ctx)) }
	for left() > 0 {
		timerCtx, stop := workflow.WithCancel(ctx)
		timer := workflow.NewTimerWithOptions(timerCtx, min(left(), lookForBuildAfter), workflow.TimerOptions{Summary: "begin at " + o.in.Pickup.BeginAt.UTC().Format(time.RFC3339)})
		err := o.await(ctx, func() bool {
			return timer.IsReady() || o.direction != Making || o.tooLong(ctx) || builds.isNewer(ctx)
		})
		stop()
		switch {
		case err != nil:
			return err
		case o.direction != Making:
			return nil
		case left() > 0 && (o.tooLong(ctx) || builds.isNewer(ctx)):
			return continueOnCurrentBuild(ctx, OrderWorkflowType, o.nextInput())
		}
	}
	o.recordBegun()
	return o.saveStatus(ctx)
}

// builds tells a workflow that only waits when to move to another build.
type builds struct{ began time.Time }

func watchBuilds(ctx workflow.Context) builds {
	return builds{began: workflow.GetInfo(ctx).WorkflowStartTime}
}

// isNewer reports whether another build has become the current one. In the moments
// after it has begun a run does not look: if it is held on its build from outside, it
// would move without end.
func (b builds) isNewer(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetTargetWorkerDeploymentVersionChanged() && workflow.Now(ctx).Sub(b.began) > time.Second
}

// continueOnCurrentBuild goes on in a new run, on the build that is current then.
func continueOnCurrentBuild(ctx workflow.Context, workflowType string, in any) error {
	return workflow.NewContinueAsNewErrorWithOptions(ctx, workflow.ContinueAsNewErrorOptions{
		InitialVersioningBehavior: workflow.ContinueAsNewVersioningBehaviorAutoUpgrade,
	}, workflowType, in)
}
