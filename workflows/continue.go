package workflows

import "go.temporal.io/sdk/workflow"

// tooLong reports whether Temporal suggests going on with a fresh history. That
// happens to orders that wait, or are changed, hundreds of times.
func (o *order) tooLong(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// continueAsNew goes on in a new run, with the open ticket, if there is one.
// Its activity ends with this run, so the next run issues the ticket again, as
// its next attempt. It returns nil if the ticket has ended meanwhile.
func (o *order) continueAsNew(ctx workflow.Context, ticket *ticket) error {
	if ticket != nil {
		var attempts int
		count := workflow.WithLocalActivityOptions(ctx, oneTryOptions)
		if err := workflow.ExecuteLocalActivity(count, ActivityCountAttempts, ticket.ref.ActivityID()).Get(ctx, &attempts); err != nil {
			attempts = 0 // then an attempt's number comes twice, which stations treat as a repetition
		}
		if ticket.hasEnded() {
			return nil
		}
		o.recordAttempts(ticket.ref, attempts)
	}
	in := o.in
	in.Progress = &Progress{Status: o.status, Direction: o.direction, ToUndo: o.toUndo, AskFrom: o.askFrom, Handled: o.handled}
	return workflow.NewContinueAsNewError(ctx, OrderWorkflowType, in)
}
