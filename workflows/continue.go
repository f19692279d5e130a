package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// tooLong reports whether Temporal suggests to go on with a fresh history,
// which happens to orders that wait or are changed hundreds of times.
func (o *order) tooLong(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// continueAsNew goes on in a new run, with the ticket that is out, if one is.
// The activity ends with this run, so the next issues the ticket again, as the
// attempt after the last. It returns nil if something has happened meanwhile
// that comes first.
func (o *order) continueAsNew(ctx workflow.Context, ticket *ticket) error {
	if ticket != nil {
		var attempts int
		count := workflow.WithLocalActivityOptions(ctx, oneTryOptions)
		if err := workflow.ExecuteLocalActivity(count, ActivityCountAttempts, ticket.ref.ActivityID()).Get(ctx, &attempts); err != nil {
			attempts = 0 // then an attempt's number comes twice, which stations take for one that was repeated
		}
		if ticket.isAnswered() {
			return nil
		}
		o.recordAttempts(ticket.ref, attempts)
	}
	in := o.in
	in.Progress = &Progress{Status: o.status, Direction: o.direction, ToUndo: o.toUndo, AskFrom: o.askFrom, Handled: o.handled}
	return workflow.NewContinueAsNewError(ctx, OrderWorkflowType, in)
}

// issuedBefore is how often a ticket was issued before it goes out now.
func (o *order) issuedBefore(ref kitchen.TicketRef) int {
	row := o.row(ref)
	switch {
	case row == nil:
		return 0
	case ref.Kind == kitchen.TicketMake:
		return row.Attempt
	case row.Undo == nil:
		return 0
	}
	return row.Undo.Attempt
}

// endedBefore reports whether a ticket's last activity has ended in a failure.
func (o *order) endedBefore(ref kitchen.TicketRef) bool {
	row := o.row(ref)
	if ref.Kind == kitchen.TicketMake {
		return row != nil && row.State == kitchen.TicketFailed
	}
	return row != nil && row.Undo != nil && row.Undo.State == kitchen.TicketFailed
}
