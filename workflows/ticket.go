package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// reissueAfter is the pause between the end of a ticket's attempt and the
// next attempt.
const reissueAfter = time.Second

// ticket is a ticket that is out: an activity that stays pending until a
// station's last word on it comes.
type ticket struct {
	ref    kitchen.TicketRef
	future workflow.Future
	cancel workflow.CancelFunc
}

// issue sends a ticket out.
func (o *order) issue(ctx workflow.Context, ref kitchen.TicketRef) *ticket {
	issued := o.issuedBefore(ref)
	if issued == 0 {
		o.askFrom = 0 // what was said about another ticket does not hold for this one
	}
	o.recordIssued(ref, workflow.Now(ctx))
	o.showDetails(ctx)
	row := o.row(ref)
	var customer kitchen.Customer
	if o.status.Route.HandsOut(ref.Stage) && ref.Kind == kitchen.TicketMake {
		customer = o.status.Customer
	}
	activityCtx, cancel := workflow.WithCancel(o.ticketOptions(ctx, ref))
	return &ticket{
		ref: ref,
		future: workflow.ExecuteActivity(activityCtx, ref.ActivityType(), kitchen.Issue{
			Ticket: kitchen.Ticket{
				TicketID:   ref.TicketID(),
				Kind:       ref.Kind,
				OrderID:    ref.OrderID,
				Stage:      ref.Stage,
				Pass:       ref.Pass,
				Lines:      o.status.Lines,
				Notes:      o.status.Notes,
				Allergies:  o.status.Allergies,
				PickupCode: o.status.PickupCode,
				Customer:   customer,
				Made:       ref.Kind == kitchen.TicketUndo && row.Made(),
			},
			Issued:      issued,
			MaxReissues: o.in.Rules.MaxReissues,
		}),
		cancel: cancel,
	}
}

// ticketOptions are the options of an activity that is one ticket. There is
// no limit on the whole wait, only on one attempt's.
func (o *order) ticketOptions(ctx workflow.Context, ref kitchen.TicketRef) workflow.Context {
	summary := fmt.Sprintf("%s · %s", o.status.PickupCode, pieces(o.in.Order))
	if ref.Kind == kitchen.TicketUndo {
		summary = "undo " + summary
	}
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:          ref.ActivityID(),
		StartToCloseTimeout: o.in.Rules.AckWithinFor(ref.Stage),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    reissueAfter,
			BackoffCoefficient: 1,
			MaximumInterval:    reissueAfter,
		},
		// A ticket that is withdrawn may still be answered.
		WaitForCancellation: true,
		Summary:             summary,
	})
}

func (t *ticket) isAnswered() bool { return t.future.IsReady() }

// answer is the station's ack, or the failure that ended the activity.
func (t *ticket) answer(ctx workflow.Context) (kitchen.Ack, error) {
	var ack kitchen.Ack
	err := t.future.Get(ctx, &ack)
	if ack.At.IsZero() {
		ack.At = workflow.Now(ctx) // whoever completed it by hand did not say
	}
	return ack, err
}

// withdraw stops waiting for a ticket, which is then not issued again. What
// its station says all the same, within the time of its last attempt, is
// noted: the cupcakes exist, or are gone.
func (o *order) withdraw(ctx workflow.Context, ticket *ticket) {
	ticket.cancel()
	o.ended()
	workflow.Go(ctx, func(ctx workflow.Context) {
		ack, failure := ticket.answer(ctx)
		if o.ending && ticket.ref.Kind == kitchen.TicketUndo {
			return // downstream systems have been told that it was left
		}
		if failure == nil {
			o.record(ticketEnd{ref: ticket.ref, ack: ack})
		} else if ack, reported := failedAck(failure); reported {
			o.record(ticketEnd{ref: ticket.ref, ack: ack, failed: true})
		}
	})
}

// failedAck is the ack with which a station ended an activity, if one did.
func failedAck(failure error) (kitchen.Ack, bool) {
	var ack kitchen.Ack
	var reported *temporal.ApplicationError
	if !errors.As(failure, &reported) || !reported.HasDetails() || reported.Details(&ack) != nil || ack.Kind != kitchen.AckFailed {
		return kitchen.Ack{}, false
	}
	return ack, true
}

// pauseBeforeReissue waits before a ticket that has ended goes out again, and
// reports whether it still shall. Temporal's SDK cannot schedule an activity
// under the id of one that ended in the same workflow task either.
func (o *order) pauseBeforeReissue(ctx workflow.Context) bool {
	direction := o.direction
	changed, err := workflow.AwaitWithTimeout(ctx, reissueAfter, func() bool { return o.direction != direction })
	return err == nil && !changed
}
