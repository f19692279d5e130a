package workflows

import (
	"context"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
)

const historyFilterAll = enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT

// StatusFromHistory derives an order's status from its history alone, for when
// no worker can answer the query. The result is marked stale: what is not in
// history, such as who works on a pending ticket, is missing. It is not while
// nothing has happened since the order was placed, which may take a while when
// workers have much to do.
// An unknown order is a *serviceerror.NotFound.
func (o *Orders) StatusFromHistory(ctx context.Context, orderID string) (kitchen.Status, error) {
	events := o.temporal.GetWorkflowHistory(ctx, kitchen.WorkflowID(orderID), "", false, historyFilterAll)
	fold := newHistoryFold(orderID, o.codec)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return kitchen.Status{}, fmt.Errorf("read the history of the order: %w", err)
		}
		if err := fold.apply(event); err != nil {
			return kitchen.Status{}, fmt.Errorf("read event %d of the order's history: %w", event.GetEventId(), err)
		}
	}
	if fold.order == nil {
		return kitchen.Status{}, fmt.Errorf("the history of workflow %q is empty", kitchen.WorkflowID(orderID))
	}
	fold.order.status.Stale = fold.begun
	return fold.order.status, nil
}

// historyFold repeats on events what OrderWorkflow does to its status:
//
//	event                                   status after it
//	WorkflowExecutionStarted                accepted
//	WorkflowTaskCompleted
//	ActivityTaskScheduled mix.1             in-progress · waiting for mix · mix waiting
//	ActivityTaskCompleted mix.1: done, bob  mix done by bob
//	WorkflowTaskCompleted
//	ActivityTaskScheduled bake.1            waiting for bake · bake waiting
//	  (the update cancel comes, and bob's ack)
//	ActivityTaskCompleted bake.1: done, bob bake done by bob
//	WorkflowTaskCompleted
//	WorkflowPropertiesModified              what the memo says: cancelling · bake waiting;
//	                                        and again: bake done by bob
//	ActivityTaskScheduled bake.1.undo       waiting for bake · its undo waiting
//
// The memo has the whole status after a change that no activity's event shows,
// such as an update. It was written in the middle of a workflow task, perhaps
// before the workflow saw an ack of the same task, so the fold records again
// the ends of that task that the memo lacks.
type historyFold struct {
	orderID string
	codec   *encryption.Codec
	data    converter.DataConverter
	order   *order
	// pending has the tickets whose activities are scheduled, by the id of
	// the event that scheduled them.
	pending map[int64]kitchen.TicketRef
	// begun says that the order has done something, or has something to react to,
	// since it was placed.
	begun bool
	// endsInTask are the ends of tickets that the last workflow task saw,
	// endsSince those that came later.
	endsInTask, endsSince []ticketEnd
}

func newHistoryFold(orderID string, codec *encryption.Codec) historyFold {
	return historyFold{orderID: orderID, codec: codec, data: codec.DataOf(kitchen.WorkflowID(orderID)), pending: map[int64]kitchen.TicketRef{}}
}

func (f *historyFold) apply(event *historypb.HistoryEvent) error {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
	default:
		f.begun = true
	}
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		var in OrderInput
		if err := f.data.FromPayloads(event.GetWorkflowExecutionStartedEventAttributes().GetInput(), &in); err != nil {
			return err
		}
		f.order = newOrder(f.orderID, in)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		ref, err := kitchen.ParseActivityID(event.GetActivityTaskScheduledEventAttributes().GetActivityId())
		if err != nil {
			return nil // an activity that is no ticket
		}
		ref.OrderID = f.orderID
		f.pending[event.GetEventId()] = ref
		f.order.recordIssued(ref, event.GetEventTime().AsTime())
		return f.setVersion(event.GetActivityTaskScheduledEventAttributes().GetInput())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		completed := event.GetActivityTaskCompletedEventAttributes()
		end := ticketEnd{ref: f.pending[completed.GetScheduledEventId()]}
		// Somebody who completes an activity by hand may give any result.
		end.failure = f.data.FromPayloads(completed.GetResult(), &end.ack)
		if encryption.IsMissingKey(end.failure) {
			return end.failure
		}
		if end.failure == nil && end.ack.At.IsZero() {
			end.ack.At = event.GetEventTime().AsTime()
		}
		f.record(end)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		failed := event.GetActivityTaskFailedEventAttributes()
		end := ticketEnd{ref: f.pending[failed.GetScheduledEventId()]}
		var err error
		if end.failure, err = f.codec.FailureOf(kitchen.WorkflowID(f.orderID), failed.GetFailure()); err != nil {
			return err
		}
		end.ack, end.reported = failedAck(end.failure)
		f.record(end)
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
		f.endsInTask, f.endsSince = f.endsSince, nil
	case enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		payload := event.GetWorkflowPropertiesModifiedEventAttributes().GetUpsertedMemo().GetFields()[MemoStatus]
		if payload == nil {
			return nil
		}
		var status kitchen.Status // a fresh one: decoding must not merge
		if err := f.data.FromPayload(payload, &status); err != nil {
			return err
		}
		f.order.setStatus(status)
		for _, end := range f.endsInTask {
			if !f.order.hasRecorded(end) {
				f.order.record(end)
			}
		}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		var status kitchen.Status
		if err := f.data.FromPayloads(event.GetWorkflowExecutionCompletedEventAttributes().GetResult(), &status); err != nil {
			return err
		}
		f.order.setStatus(status)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		failure, err := f.codec.FailureOf(kitchen.WorkflowID(f.orderID), event.GetWorkflowExecutionFailedEventAttributes().GetFailure())
		if err != nil {
			return err
		}
		if ended, is := errors.AsType[*temporal.ApplicationError](failure); is && ended.Type() == ErrorNotPlaced {
			return serviceerror.NewNotFound("the order was not placed")
		}
		f.endFromOutside(event)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		f.endFromOutside(event)
	default: // the rest, such as timers, changes nothing about the order
	}
	return nil
}

func (f *historyFold) endFromOutside(event *historypb.HistoryEvent) {
	at := event.GetEventTime().AsTime()
	f.order.recordDecision("", "", at) // nobody can decide any more
	f.order.recordCancelled(at)
}

// setVersion sets the status's version from the input of a ticket's activity.
func (f *historyFold) setVersion(input *commonpb.Payloads) error {
	var issue struct {
		Status *struct {
			Version        int64 `json:"version"`
			DetailsVersion int64 `json:"detailsVersion"`
		} `json:"status"`
	}
	if err := f.data.FromPayloads(input, &issue); err != nil || issue.Status == nil {
		return err
	}
	f.order.status.Version, f.order.status.DetailsVersion = issue.Status.Version, issue.Status.DetailsVersion
	return nil
}

func (f *historyFold) record(end ticketEnd) {
	if end.ref == (kitchen.TicketRef{}) {
		return // of an activity that is no ticket
	}
	f.order.count(&end)
	f.endsSince = append(f.endsSince, end)
	f.order.record(end)
}
