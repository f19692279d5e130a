package workflows

import (
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

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
		ticket := PendingTicket{Ref: ref, Attempt: max(1, int(pending.GetAttempt()))}
		var atWork kitchen.AtWork
		if err := converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &atWork); err == nil && atWork.By != "" {
			ticket.AtWork = &atWork
		}
		// Temporal keeps the heartbeat across attempts. Whoever said that the
		// work failed no longer has it in hand.
		var failed kitchen.Ack
		details := pending.GetLastFailure().GetApplicationFailureInfo().GetDetails()
		if err := converter.GetDefaultDataConverter().FromPayloads(details, &failed); err == nil && failed.Kind == kitchen.AckFailed &&
			ticket.AtWork != nil && !failed.At.Before(ticket.AtWork.At) {
			ticket.AtWork = nil
		}
		tickets = append(tickets, ticket)
	}
	return tickets
}

// AddPending completes a status with what only Temporal knows of the tickets
// the order waits for.
func AddPending(status *kitchen.Status, pending []PendingTicket) {
	for _, ticket := range pending {
		for i := range status.Stages {
			pass := &status.Stages[i]
			if pass.Stage != ticket.Ref.Stage || pass.Pass != ticket.Ref.Pass || pass.State != kitchen.TicketWaiting {
				continue
			}
			pass.Attempt = ticket.Attempt
			if ticket.AtWork != nil {
				pass.State = kitchen.TicketStarted
				pass.By = ticket.AtWork.By
				pass.StartedAt = inUTC(ticket.AtWork.At)
			}
		}
	}
}
