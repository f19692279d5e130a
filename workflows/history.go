package workflows

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
)

var dataConverter = converter.GetDefaultDataConverter()

const historyFilterAll = enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT

// StatusFromHistory puts an order's status together from its history alone,
// for when no worker can answer the query. The result is marked stale: what
// history does not tell, such as who works on a pending ticket, is missing.
// An unknown order is a *serviceerror.NotFound.
func StatusFromHistory(ctx context.Context, temporalClient client.Client, orderID string) (kitchen.Status, error) {
	events := temporalClient.GetWorkflowHistory(ctx, kitchen.WorkflowID(orderID), "", false, historyFilterAll)
	fold := historyFold{orderID: orderID, pending: map[int64]kitchen.TicketRef{}}
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
	fold.order.status.Stale = true
	return fold.order.status, nil
}

// historyFold repeats on events what OrderWorkflow does to its status.
type historyFold struct {
	orderID string
	order   *order
	// pending has the tickets whose activities are scheduled, by the id of
	// the event that scheduled them.
	pending map[int64]kitchen.TicketRef
	// heardInTask are the ends of tickets that the last workflow task has
	// heard of, heardSince those that came since.
	heardInTask, heardSince []ticketEnd
}

func (f *historyFold) hear(end ticketEnd, at time.Time) {
	if end.ack.At.IsZero() && !end.failed {
		end.ack.At = at
	}
	f.heardSince = append(f.heardSince, end)
	f.order.record(end)
}

// knows reports whether the status has it that a ticket ended so.
func (o *order) knows(end ticketEnd) bool {
	row := o.row(end.ref)
	switch {
	case row == nil:
		return true // of another run
	case end.failed:
		byHand := end.ack.At.IsZero()
		return byHand || row.FailedAt != nil && row.FailedAt.Equal(end.ack.At)
	case end.ref.Kind == kitchen.TicketUndo:
		return row.Undo != nil && row.Undo.State == kitchen.TicketUndone
	}
	return row.DoneAt != nil
}

func (f *historyFold) apply(event *historypb.HistoryEvent) error {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		var in OrderInput
		if err := dataConverter.FromPayloads(event.GetWorkflowExecutionStartedEventAttributes().GetInput(), &in); err != nil {
			return err
		}
		f.order = newOrder(f.orderID, in)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		ref, err := kitchen.ParseActivityID(event.GetActivityTaskScheduledEventAttributes().GetActivityId())
		if err != nil {
			return err
		}
		ref.OrderID = f.orderID
		f.pending[event.GetEventId()] = ref
		f.order.recordIssued(ref, event.GetEventTime().AsTime())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		completed := event.GetActivityTaskCompletedEventAttributes()
		end := ticketEnd{ref: f.pending[completed.GetScheduledEventId()]}
		// Who completes an activity by hand may say anything.
		end.failed = dataConverter.FromPayloads(completed.GetResult(), &end.ack) != nil
		f.hear(end, event.GetEventTime().AsTime())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		failed := event.GetActivityTaskFailedEventAttributes()
		end := ticketEnd{ref: f.pending[failed.GetScheduledEventId()], failed: true}
		end.ack, _ = failedAck(temporal.GetDefaultFailureConverter().FailureToError(failed.GetFailure()))
		f.hear(end, event.GetEventTime().AsTime())
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
		f.heardInTask, f.heardSince = f.heardSince, nil
	case enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		payload := event.GetWorkflowPropertiesModifiedEventAttributes().GetUpsertedMemo().GetFields()[MemoStatus]
		if payload == nil {
			return nil
		}
		var status kitchen.Status // a fresh one: decoding must not merge
		if err := dataConverter.FromPayload(payload, &status); err != nil {
			return err
		}
		f.order.setStatus(status)
		// An update may have been told before the order heard, in the same
		// task, how its ticket ended.
		for _, end := range f.heardInTask {
			if !f.order.knows(end) {
				f.order.record(end)
			}
		}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		var status kitchen.Status
		if err := dataConverter.FromPayloads(event.GetWorkflowExecutionCompletedEventAttributes().GetResult(), &status); err != nil {
			return err
		}
		f.order.setStatus(status)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		f.order.status.Attention = nil // nobody can decide any more
		f.order.recordCancelled(event.GetEventTime().AsTime())
	default: // the rest, such as workflow tasks, says nothing about the order
	}
	return nil
}
