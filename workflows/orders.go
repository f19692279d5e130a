package workflows

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Orders reaches the orders' workflows from outside.
type Orders struct {
	temporal client.Client
	codec    *encryption.Codec
	// now is this process's clock, and ahead how far Temporal's is ahead of it, as far as
	// is known: see Place.
	now   func() time.Time
	ahead atomic.Int64
}

// NewOrders returns the orders that the client reaches. The codec is the client's,
// nil if it has none.
func NewOrders(temporalClient client.Client, codec *encryption.Codec) *Orders {
	return &Orders{temporal: temporalClient, codec: codec, now: time.Now}
}

// CanWrite returns an error if a key is missing without which nothing may be written:
// see encryption.Codec.
func (o *Orders) CanWrite() error { return o.codec.CanWrite() }

// Silent reports whether the last attempt of a pending ticket ended because its
// owner was silent. Each attempt also ends after longestAttempt times as long,
// however often its owner is heard of, and that is no silence.
func (o *Orders) Silent(ctx context.Context, ref kitchen.TicketRef) (bool, error) {
	description, err := o.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(ref.OrderID), "")
	if err != nil {
		return false, err
	}
	for _, pending := range description.GetPendingActivities() {
		if pending.GetActivityId() == ref.ActivityID() {
			timedOut := pending.GetLastFailure().GetTimeoutFailureInfo().GetTimeoutType()
			hasHeartbeatTimeout := pending.GetActivityOptions().GetHeartbeatTimeout().AsDuration() > 0
			return !hasHeartbeatTimeout || timedOut != enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil
		}
	}
	return false, nil // it has ended meanwhile
}

// Complain signals an order that somebody has taken a ticket and is silent,
// unless a manager has been asked.
func (o *Orders) Complain(ctx context.Context, ref kitchen.TicketRef, attempt int, owner kitchen.AtWork, silence time.Duration) error {
	workflowID := kitchen.WorkflowID(ref.OrderID)
	description, err := o.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return err
	}
	var state string
	payload := description.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()[KeyState.GetName()]
	// Search attributes are never encrypted.
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &state); err == nil && state == string(kitchen.StateNeedsAttention) {
		return nil
	}
	return o.temporal.SignalWorkflow(ctx, workflowID, "", SignalUnanswered, Unanswered{
		ActivityID: ref.ActivityID(),
		Attempt:    attempt,
		Reason:     silenceReason(ref, owner, silence),
		By:         owner.By,
		Silent:     owner.Silent,
	})
}

// Untold signals an order that the log does not have a version of its status that was
// to be told with a ticket.
func (o *Orders) Untold(ctx context.Context, orderID string, version int64) error {
	return o.temporal.SignalWorkflow(ctx, kitchen.WorkflowID(orderID), "", SignalUntold, Untold{Version: version})
}

// CountAttempts is how often Temporal has started a pending activity of an
// order; 0 if it is not pending.
func (o *Orders) CountAttempts(ctx context.Context, workflowID, activityID string) (int, error) {
	description, err := o.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return 0, err
	}
	for _, pending := range description.GetPendingActivities() {
		if pending.GetActivityId() == activityID {
			return int(pending.GetAttempt()), nil
		}
	}
	return 0, nil
}

// Rules reads the rules that an order was started with.
func (o *Orders) Rules(ctx context.Context, orderID string) (kitchen.Rules, error) {
	events := o.temporal.GetWorkflowHistory(ctx, kitchen.WorkflowID(orderID), "", false, historyFilterAll)
	if !events.HasNext() {
		return kitchen.Rules{}, fmt.Errorf("the history of workflow %q is empty", kitchen.WorkflowID(orderID))
	}
	event, err := events.Next()
	if err != nil {
		return kitchen.Rules{}, err
	}
	var in OrderInput
	err = o.codec.DataOf(kitchen.WorkflowID(orderID)).FromPayloads(event.GetWorkflowExecutionStartedEventAttributes().GetInput(), &in)
	return in.Rules, err
}

// IsBetweenAttempts reports whether an ack that found no activity to end may
// find one a moment later: its ticket waits for its next attempt, or its order
// has just continued as new and has not issued the ticket again yet.
func IsBetweenAttempts(description *workflowservice.DescribeWorkflowExecutionResponse, ref kitchen.TicketRef) bool {
	if IsPending(description, ref) {
		return true
	}
	info := description.GetWorkflowExecutionInfo()
	continued := info.GetFirstRunId() != info.GetExecution().GetRunId()
	// The first task comes after two or three events. It may fail with its
	// worker, and signals may come meanwhile. An order whose tasks keep failing
	// has more events than this soon.
	const firstTask = 10
	return continued && description.GetPendingWorkflowTask() != nil && info.GetHistoryLength() <= firstTask
}

// IsNotFound reports whether Temporal has no such order, or none that is still
// open, or no such pending activity. It has one error for all of them. A
// missing namespace is another error.
func IsNotFound(err error) bool {
	_, is := errors.AsType[*serviceerror.NotFound](err)
	return is
}
