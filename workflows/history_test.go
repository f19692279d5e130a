package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"github.com/cupcakery/cupcakery/kitchen"
)

// An ack and an update came in one workflow task, and the update was told
// first: the status that it left in the memo knows nothing of the ack.
func TestHistoryTellsAnAckThatCameWithAnUpdate(t *testing.T) {
	t.Parallel()
	const orderID = "01890a5d-ac96-774b-bcce-b302099a8057"
	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
	ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: orderID, Stage: kitchen.Mix, Kind: kitchen.AckDone, By: "bob", At: at, Attempt: 1}
	for name, before := range map[string]func(*order){
		"before the order heard it": func(*order) {},
		"after the order heard it":  func(o *order) { o.recordDone(ticketEnd{ref: ref, ack: ack}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			order := newOrder(orderID, OrderInput{PlacedAt: at})
			order.recordIssued(ref, at)
			fold := newHistoryFold(orderID, nil)
			fold.order, fold.pending[5] = newOrder(orderID, OrderInput{PlacedAt: at}), ref
			fold.order.recordIssued(ref, at)
			before(order)
			order.recordCancelling("changed my mind", "max", at)
			result, err := converter.GetDefaultDataConverter().ToPayloads(ack)
			require.NoError(t, err)
			memo, err := converter.GetDefaultDataConverter().ToPayload(order.status)
			require.NoError(t, err)
			for _, event := range []*historypb.HistoryEvent{
				{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED},
				{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
					ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: 5, Result: result},
				}},
				{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED},
				{EventType: enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, Attributes: &historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes{
					WorkflowPropertiesModifiedEventAttributes: &historypb.WorkflowPropertiesModifiedEventAttributes{
						UpsertedMemo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{MemoStatus: memo}},
					},
				}},
			} {
				require.NoError(t, fold.apply(event))
			}
			require.Equal(t, kitchen.StateCancelling, fold.order.status.State)
			require.Equal(t, kitchen.TicketDone, fold.order.status.Stages[0].State)
			require.Equal(t, "bob", fold.order.status.Stages[0].By)
			require.Equal(t, "max", fold.order.status.CancelledBy)
		})
	}
}
