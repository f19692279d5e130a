package workflows

import (
	"slices"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
)

// PendingTicket is what Temporal knows of a ticket that waits for its ack and
// the ticket's workflow does not know: how often it was issued and who is at
// work.
type PendingTicket struct {
	Ref     kitchen.TicketRef
	Attempt int
	// AtWork is nil while nobody has the ticket, or while the started ack has not
	// reached Temporal.
	AtWork *kitchen.AtWork
}

// PendingTickets reads the tickets that an order waits for from the
// description of its workflow. With an encryption.MissingKeyError it has all but the
// owners that cannot be read.
func (o *Orders) PendingTickets(description *workflowservice.DescribeWorkflowExecutionResponse) (tickets []PendingTicket, missing error) {
	orderID, err := kitchen.OrderIDFromWorkflowID(description.GetWorkflowExecutionInfo().GetExecution().GetWorkflowId())
	if err != nil {
		return nil, nil
	}
	data := o.codec.DataOf(kitchen.WorkflowID(orderID))
	for _, pending := range description.GetPendingActivities() {
		ref, err := kitchen.ParseActivityID(pending.GetActivityId())
		if err != nil {
			continue // an activity that is no ticket
		}
		ref.OrderID = orderID
		who, err := atWork(pending, data)
		if err != nil {
			missing = err
		}
		tickets = append(tickets, PendingTicket{Ref: ref, Attempt: max(1, int(pending.GetAttempt())), AtWork: who})
	}
	return tickets, missing
}

// IsPending reports whether an order waits for a ticket, by the description of its
// workflow.
func IsPending(description *workflowservice.DescribeWorkflowExecutionResponse, ref kitchen.TicketRef) bool {
	info := description.GetWorkflowExecutionInfo()
	return info.GetExecution().GetWorkflowId() == kitchen.WorkflowID(ref.OrderID) &&
		slices.ContainsFunc(description.GetPendingActivities(), func(pending *workflowpb.PendingActivityInfo) bool { return pending.GetActivityId() == ref.ActivityID() })
}

// atWork is the owner of a pending ticket, nil if there is none. Temporal keeps
// the last heartbeat across attempts, as a ticket keeps its owner; one without a
// name says that it was put back. The error is an encryption.MissingKeyError.
func atWork(pending *workflowpb.PendingActivityInfo, data converter.DataConverter) (*kitchen.AtWork, error) {
	var who kitchen.AtWork
	err := data.FromPayloads(pending.GetHeartbeatDetails(), &who)
	switch {
	case encryption.IsMissingKey(err):
		return nil, err
	case err != nil || who.By == "":
		return nil, nil
	}
	return &who, nil
}

// AddPending completes a status with what only Temporal knows of the tickets
// that the order waits for.
func AddPending(status *kitchen.Status, pending []PendingTicket) {
	for _, ticket := range pending {
		row := rowIn(status, ticket.Ref)
		if row == nil || *row.state != kitchen.TicketWaiting {
			continue
		}
		*row.attempt += ticket.Attempt - 1
		if owner := ticket.AtWork; owner != nil {
			*row.state, *row.by, *row.startedAt = kitchen.TicketStarted, owner.By, inUTC(owner.At)
		}
	}
}
