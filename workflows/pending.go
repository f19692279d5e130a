package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/cupcakery/cupcakery/kitchen"
)

// PendingTicket is what Temporal knows of a ticket that waits for its ack,
// and its workflow does not: how often it was issued and who is at work.
type PendingTicket struct {
	Ref     kitchen.TicketRef
	Attempt int
	// AtWork is nil while nobody has the ticket in hand, or its station's
	// word has not reached Temporal yet.
	AtWork *kitchen.AtWork
}

// PendingTickets reads the tickets that an order waits for from the
// description of its workflow.
func PendingTickets(description *workflowservice.DescribeWorkflowExecutionResponse) []PendingTicket {
	orderID, err := kitchen.OrderIDFromWorkflowID(description.GetWorkflowExecutionInfo().GetExecution().GetWorkflowId())
	if err != nil {
		return nil
	}
	var tickets []PendingTicket
	for _, pending := range description.GetPendingActivities() {
		ref, err := kitchen.ParseActivityID(pending.GetActivityId())
		if err != nil {
			continue // an activity that is no ticket
		}
		ref.OrderID = orderID
		tickets = append(tickets, PendingTicket{Ref: ref, Attempt: max(1, int(pending.GetAttempt())), AtWork: atWork(pending)})
	}
	return tickets
}

// atWork tells who has a pending ticket in hand. Temporal keeps the last
// heartbeat across attempts; one from before this attempt was issued says who
// had the ticket then.
func atWork(pending *workflowpb.PendingActivityInfo) *kitchen.AtWork {
	beat := pending.GetLastHeartbeatTime()
	if beat == nil || beat.AsTime().Before(pending.GetLastStartedTime().AsTime()) || pending.GetState() != enumspb.PENDING_ACTIVITY_STATE_STARTED {
		return nil
	}
	return lastAtWork(pending)
}

// lastAtWork tells who had a pending ticket in hand last, perhaps in an earlier
// attempt.
func lastAtWork(pending *workflowpb.PendingActivityInfo) *kitchen.AtWork {
	var who kitchen.AtWork
	if err := dataConverter.FromPayloads(pending.GetHeartbeatDetails(), &who); err != nil || who.By == "" {
		return nil
	}
	return &who
}

// AddPending completes a status with what only Temporal knows of the tickets
// the order waits for.
func AddPending(status *kitchen.Status, pending []PendingTicket) {
	for _, ticket := range pending {
		for i := range status.Stages {
			row := &status.Stages[i]
			switch {
			case row.Stage != ticket.Ref.Stage || row.Pass != ticket.Ref.Pass:
			case ticket.Ref.Kind == kitchen.TicketMake && row.State == kitchen.TicketWaiting:
				addPending(ticket, &row.State, &row.Attempt, &row.By, &row.StartedAt)
			case ticket.Ref.Kind == kitchen.TicketUndo && row.Undo != nil && row.Undo.State == kitchen.TicketWaiting:
				addPending(ticket, &row.Undo.State, &row.Undo.Attempt, &row.Undo.By, &row.Undo.StartedAt)
			}
		}
	}
}

func addPending(ticket PendingTicket, state *kitchen.TicketState, attempt *int, by *string, startedAt **time.Time) {
	*attempt += ticket.Attempt - 1
	if ticket.AtWork != nil {
		*state = kitchen.TicketStarted
		*by = ticket.AtWork.By
		*startedAt = inUTC(ticket.AtWork.At)
	}
}
