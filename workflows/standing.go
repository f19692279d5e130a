package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// StandingOrderWorkflowType is the name of StandingOrderWorkflow in Temporal.
	StandingOrderWorkflowType = "StandingOrderWorkflow"
	// ActivityPlaceStandingOrder is the activity that places one order of a standing
	// order. Its input is a PlaceStanding, and it returns an Occurrence. The API runs it,
	// on StandingTaskQueue: only the API has the menu, the prices and what is sold out.
	ActivityPlaceStandingOrder = "PlaceStandingOrder"
	// StandingTaskQueue is where the API looks for orders to place.
	StandingTaskQueue = "cupcakery-standing-orders"
	// ErrorOccurrenceRefused is the type of the error with which the order for a day
	// ends that could not be placed. Its message says why, for people.
	ErrorOccurrenceRefused = "occurrence-refused"

	standingPrefix = "standing-"

	placeStandingWithin = 15 * time.Second
	placeStandingAgain  = time.Second
	placeStandingAtMost = 15 * time.Minute

	// creatingWithin is longer than it takes to keep a standing order and a usual clock is
	// slow. What is to be placed by then is placed at once: the schedule begins by Temporal's
	// clock, and would miss it. If it does not, a day still has one order.
	creatingWithin = time.Minute
)

// keyScheduledStart is when a schedule was to start a workflow, which an outage does not
// change. The server sets it.
var keyScheduledStart = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// Standing is a standing order. It is the input of StandingOrderWorkflow.
type Standing struct {
	ID    string                `json:"id"`
	Order kitchen.StandingOrder `json:"order"`
	// DaysAhead is how many days before its pickup each order is placed, by the clock of
	// TimeZone.
	DaysAhead int    `json:"daysAhead"`
	TimeZone  string `json:"timezone"`
	TakenBy   string `json:"takenBy,omitempty"`
	// RequestHash is that of the request that has made it.
	RequestHash string `json:"requestHash,omitempty"`
}

// PlaceStanding asks for the order that a schedule wanted placed at a time.
type PlaceStanding struct {
	Standing    Standing  `json:"standing"`
	ScheduledAt time.Time `json:"scheduledAt"`
}

// Day is the day for which the order is.
func (p PlaceStanding) Day() (kitchen.Date, error) {
	location, err := time.LoadLocation(p.Standing.TimeZone)
	if err != nil {
		return kitchen.Date{}, fmt.Errorf("the time zone of a standing order: %w", err)
	}
	return kitchen.DateIn(p.ScheduledAt, location).Add(p.Standing.DaysAhead), nil
}

// Occurrence is what became of a standing order on a day.
type Occurrence struct {
	Day kitchen.Date `json:"day"`
	// OrderID is the order that was placed; empty if there is none.
	OrderID string `json:"orderId,omitempty"`
	// Skipped says why there is none on a day on which nobody expects one.
	Skipped string `json:"skipped,omitempty"`
	// Waits says why it is not placed yet, and Refused why it never will be.
	Waits   string `json:"waits,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// StandingOrderWorkflow places one order of a standing order. A Temporal Schedule starts
// it some days before each day of pickup. While the slot is full, or a flavour is sold
// out, it asks again, until there is no time left to make the order.
func StandingOrderWorkflow(ctx workflow.Context, standing Standing) (Occurrence, error) {
	info := workflow.GetInfo(ctx)
	scheduledAt, known := workflow.GetTypedSearchAttributes(ctx).GetTime(keyScheduledStart)
	if !known {
		scheduledAt = info.WorkflowStartTime
	}
	var occurrence Occurrence
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              StandingTaskQueue,
		StartToCloseTimeout:    placeStandingWithin,
		ScheduleToCloseTimeout: time.Duration(standing.DaysAhead+1) * 24 * time.Hour,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: placeStandingAgain, BackoffCoefficient: 2, MaximumInterval: placeStandingAtMost},
	}), ActivityPlaceStandingOrder, PlaceStanding{Standing: standing, ScheduledAt: scheduledAt}).Get(ctx, &occurrence)
	if refused, is := errors.AsType[*temporal.ApplicationError](err); is && refused.Type() == ErrorOccurrenceRefused {
		return occurrence, refused // its message is what people look for
	}
	return occurrence, err
}

// StandingOrders keeps standing orders: each is a Temporal Schedule.
type StandingOrders struct{ orders *Orders }

// Standing are the standing orders that the client reaches.
func (o *Orders) Standing() StandingOrders { return StandingOrders{o} }

// ErrStandingExists says that there is a standing order with the id.
var ErrStandingExists = errors.New("there is a standing order with this id")

// Create keeps a standing order whose first order is for the day. What was to be placed
// by now, or within a minute, is placed at once.
func (s StandingOrders) Create(ctx context.Context, standing Standing, opening *kitchen.Opening, first kitchen.Date, now time.Time) error {
	if err := s.orders.CanWrite(); err != nil {
		return err
	}
	// Each order's workflow has another id than the schedule's, so no workflow is bound
	// to what the schedule keeps.
	input, err := s.orders.codec.DataOf("").ToPayload(standing)
	if err != nil {
		return fmt.Errorf("write the standing order: %w", err)
	}
	var days []client.ScheduleRange
	for _, day := range standing.Order.Days {
		placed := (day.Number() + 7 - standing.DaysAhead%7) % 7
		days = append(days, client.ScheduleRange{Start: placed})
	}
	spec := client.ScheduleSpec{
		TimeZoneName: standing.TimeZone,
		Calendars: []client.ScheduleCalendarSpec{{
			DayOfWeek: days,
			Hour:      []client.ScheduleRange{{Start: kitchen.PlacedAtHour}},
		}},
		// Not a moment before the first order is to be placed.
		StartAt: opening.PlacedOn(first, standing.DaysAhead).Add(-time.Minute),
	}
	if until := standing.Order.Until; !until.IsZero() {
		spec.EndAt = opening.PlacedOn(until, standing.DaysAhead).Add(time.Minute)
	}
	options := client.ScheduleOptions{
		ID:            standingPrefix + standing.ID,
		Spec:          spec,
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
		CatchupWindow: time.Duration(max(1, standing.DaysAhead)) * 24 * time.Hour,
		Action: &client.ScheduleWorkflowAction{
			ID:        standingPrefix + standing.ID,
			Workflow:  StandingOrderWorkflowType,
			Args:      []any{input},
			TaskQueue: TaskQueue,
		},
	}
	if until := now.Add(creatingWithin); spec.StartAt.Before(until) {
		options.ScheduleBackfill = []client.ScheduleBackfill{{Start: spec.StartAt, End: until, Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL}}
	}
	_, err = s.orders.temporal.ScheduleClient().Create(ctx, options)
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return ErrStandingExists
	}
	return err
}

// ErrNotStanding says that a schedule has the id of a standing order and does not start
// one.
var ErrNotStanding = errors.New("the schedule was changed from outside: it starts no standing order")

// StandingInfo is a standing order as it stands.
type StandingInfo struct {
	Standing
	Paused bool
	// Next are the days of the next orders that are to be placed.
	Next []kitchen.Date
	// Recent are the workflows of the orders that were placed last, the newest last.
	Recent []StandingRun
}

// StandingRun is the workflow that places the order for a day.
type StandingRun struct {
	Day               kitchen.Date
	WorkflowID, RunID string
}

// Get describes a standing order. An unknown one is a *serviceerror.NotFound.
func (s StandingOrders) Get(ctx context.Context, id string) (StandingInfo, error) {
	description, err := s.handle(ctx, id).Describe(ctx)
	if err != nil {
		return StandingInfo{}, err
	}
	action, is := description.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !is || len(action.Args) != 1 {
		return StandingInfo{}, fmt.Errorf("%w: %s%s", ErrNotStanding, standingPrefix, id)
	}
	info := StandingInfo{Paused: description.Schedule.State.Paused}
	if err := s.readArg(action.Args[0], &info.Standing); err != nil {
		return StandingInfo{}, fmt.Errorf("read the standing order: %w", err)
	}
	dayOf := func(at time.Time) (kitchen.Date, error) { return PlaceStanding{info.Standing, at}.Day() }
	for _, at := range description.Info.NextActionTimes {
		day, err := dayOf(at)
		if err != nil {
			return StandingInfo{}, err
		}
		info.Next = append(info.Next, day)
	}
	for _, action := range description.Info.RecentActions {
		day, err := dayOf(action.ScheduleTime)
		if err != nil {
			return StandingInfo{}, err
		}
		run := action.StartWorkflowResult
		switch last := len(info.Recent) - 1; {
		case run == nil:
		case last >= 0 && info.Recent[last].Day == day: // a day that Create has begun comes again on time
			info.Recent[last] = StandingRun{day, run.WorkflowID, run.FirstExecutionRunID}
		default:
			info.Recent = append(info.Recent, StandingRun{day, run.WorkflowID, run.FirstExecutionRunID})
		}
	}
	return info, nil
}

// IsPaused reports whether no order of a standing order is to be placed now. An unknown
// one is a *serviceerror.NotFound.
func (s StandingOrders) IsPaused(ctx context.Context, id string) (bool, error) {
	description, err := s.handle(ctx, id).Describe(ctx)
	if err != nil {
		return false, err
	}
	return description.Schedule.State.Paused, nil
}

func (s StandingOrders) readArg(arg any, to any) error {
	payload, is := arg.(*commonpb.Payload)
	if !is {
		return fmt.Errorf("it is no payload but a %T", arg)
	}
	return s.orders.codec.DataOf("").FromPayload(payload, to)
}

// IDs lists the ids of standing orders, at most so many.
func (s StandingOrders) IDs(ctx context.Context, most int) ([]string, error) {
	list, err := s.orders.temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: most})
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for list.HasNext() && len(ids) < most {
		entry, err := list.Next()
		if err != nil {
			return nil, err
		}
		if id, ours := strings.CutPrefix(entry.ID, standingPrefix); ours {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Pause keeps further orders from being placed; what was to be placed meanwhile is not
// placed later. Orders that are placed stay.
func (s StandingOrders) Pause(ctx context.Context, id, note string) error {
	return s.handle(ctx, id).Pause(ctx, client.SchedulePauseOptions{Note: note})
}

// Resume lets a standing order go on.
func (s StandingOrders) Resume(ctx context.Context, id, note string) error {
	return s.handle(ctx, id).Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
}

// End ends a standing order. Orders that are placed stay.
func (s StandingOrders) End(ctx context.Context, id string) error {
	return s.handle(ctx, id).Delete(ctx)
}

func (s StandingOrders) handle(ctx context.Context, id string) client.ScheduleHandle {
	return s.orders.temporal.ScheduleClient().GetHandle(ctx, standingPrefix+id)
}

// OccurrenceOf is what became of the order for a day, or what keeps it.
func (s StandingOrders) OccurrenceOf(ctx context.Context, run StandingRun) (Occurrence, error) {
	occurrence := Occurrence{Day: run.Day}
	description, err := s.orders.temporal.DescribeWorkflowExecution(ctx, run.WorkflowID, run.RunID)
	if err != nil {
		return occurrence, err
	}
	if description.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		occurrence.Waits = "It is about to be placed."
		for _, pending := range description.GetPendingActivities() {
			failure := pending.GetLastFailure()
			if failure.GetApplicationFailureInfo().GetType() != ErrorOccurrenceRefused {
				continue
			}
			reason, err := s.orders.codec.FailureOf(run.WorkflowID, failure)
			if err != nil {
				return occurrence, err
			}
			occurrence.Waits = refusalText(reason)
		}
		return occurrence, nil
	}
	err = s.orders.temporal.GetWorkflow(ctx, run.WorkflowID, run.RunID).Get(ctx, &occurrence)
	if _, isFailed := errors.AsType[*temporal.WorkflowExecutionError](err); isFailed {
		occurrence.Refused = refusalText(err)
		return occurrence, nil
	}
	return occurrence, err
}

// refusalText is why an order was not placed, as the API says it.
func refusalText(err error) string {
	if refused, is := errors.AsType[*temporal.ApplicationError](err); is && refused.Type() == ErrorOccurrenceRefused {
		return refused.Message()
	}
	return "It could not be placed: look at its workflow in Temporal."
}
