package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
)

// reissueAfter is the pause between the end of a ticket's attempt and the
// next attempt.
const reissueAfter = time.Second

// ticket is an open ticket: an activity that stays pending until its station
// ends it.
type ticket struct {
	ref    kitchen.TicketRef
	future workflow.Future
	cancel workflow.CancelFunc
}

// longestAttempt is how many ackWithins an attempt lasts at most. Then the ticket is
// issued again even if its owner is heard of, so that the log of the last hours
// tells all that is open.
const longestAttempt = 4

// issue sends a ticket out.
func (o *order) issue(ctx workflow.Context, ref kitchen.TicketRef) *ticket {
	issued := o.row(ref).issued()
	if issued == 0 {
		o.patience = patience{} // which was with another ticket
	}
	o.recordIssued(ref, workflow.Now(ctx))
	o.takeVersion(ctx)
	o.told = o.status.Version // with the ticket
	o.showDetails(ctx)
	var customer kitchen.Customer
	var total *kitchen.Money
	if o.status.Route.HandsOut(ref.Stage) && ref.Kind == kitchen.TicketMake {
		customer, total = o.status.Customer, o.status.Total
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
				Total:      total,
				Made:       ref.Kind == kitchen.TicketUndo && o.stage(ref).Made(),
				Since:      o.queuedSince(ref),
				DueAt:      o.ticketDue(ref),
			},
			Issued:      issued,
			MaxReissues: o.in.Rules.MaxReissues,
			Status:      o.loggedStatus(),
		}),
		cancel: cancel,
	}
}

// ticketOptions are the options of an activity that is one ticket. There is
// no limit on the whole wait, only on one attempt's. A worker tells each sign of
// the ticket's owner as a heartbeat.
func (o *order) ticketOptions(ctx workflow.Context, ref kitchen.TicketRef) workflow.Context {
	within := o.in.Rules.AckWithinFor(ref.Stage)
	summary := fmt.Sprintf("%s · %s", o.status.PickupCode, pieces(o.in.Order))
	if ref.Kind == kitchen.TicketUndo {
		summary = "undo " + summary
	}
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:          ref.ActivityID(),
		HeartbeatTimeout:    within,
		StartToCloseTimeout: longestAttempt * within,
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

// queuedSince is what a ticket's age and place in the queue count from: when it
// first went out or, in a remake, when the order was first there.
func (o *order) queuedSince(ref kitchen.TicketRef) time.Time {
	if ref.Kind == kitchen.TicketUndo {
		return timeOrZero(o.stage(ref).Undo.IssuedAt)
	}
	first := ref
	first.Pass = 1
	if stage := o.stage(first); stage != nil {
		return timeOrZero(stage.IssuedAt)
	}
	return timeOrZero(o.status.Stages[0].IssuedAt) // its last pass did not come this far
}

// ticketDue is when the order is due, for its tickets. Nobody waits for what is undone.
func (o *order) ticketDue(ref kitchen.TicketRef) time.Time {
	switch {
	case ref.Kind == kitchen.TicketUndo:
		return time.Time{}
	case o.in.Pickup != nil:
		return o.in.Pickup.At.UTC()
	}
	return o.in.Rules.TargetFor(o.in.PlacedAt, o.in.Order.Pieces())
}

func timeOrZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func (t *ticket) hasEnded() bool { return t.future.IsReady() }

// end waits for the ticket's end.
func (t *ticket) end(ctx workflow.Context) ticketEnd {
	end := ticketEnd{ref: t.ref}
	if end.failure = t.future.Get(ctx, &end.ack); end.failure != nil {
		if encryption.IsMissingKey(end.failure) {
			panic(end.failure) // fails the task, not the order: another worker has the key
		}
		end.ack, end.reported = failedAck(end.failure)
	} else if end.ack.At.IsZero() {
		end.ack.At = workflow.Now(ctx) // whoever completed it by hand did not say
	}
	return end
}

// ticketEnd is how a ticket's activity ended.
type ticketEnd struct {
	ref kitchen.TicketRef
	ack kitchen.Ack
	// failure ended the activity without its work being done; reported if a
	// station did so with an ack, otherwise somebody did so by hand.
	failure  error
	reported bool
	// repeated is set for a reported failure that has been counted before.
	repeated bool
}

func (e ticketEnd) byHand() bool { return e.failure != nil && !e.reported }

// isWithdrawn reports whether the log had withdrawn the ticket, which the order's
// history does not know: to issue it again would help nobody.
func (e ticketEnd) isWithdrawn() bool {
	var cause *temporal.ApplicationError
	return errors.As(e.failure, &cause) && cause.Type() == kitchen.FailureWithdrawn
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

// withdraw stops waiting for a ticket and does not issue it again. An ack that
// comes within the time of its last attempt is still recorded: it says whether
// the cupcakes exist.
func (o *order) withdraw(ctx workflow.Context, ticket *ticket) {
	ticket.cancel()
	o.clearComplaint()
	workflow.Go(ctx, func(ctx workflow.Context) {
		end := ticket.end(ctx)
		o.count(&end)
		if o.leftoversAnnounced && end.ref.Kind == kitchen.TicketUndo {
			return // downstream systems have been told that it was left
		}
		if !end.byHand() {
			o.record(end)
			o.takeVersion(ctx)
		}
	})
}

// pauseBeforeReissue waits before a ticket that has failed goes out again, and
// reports whether it still should. The pause also ends the workflow task:
// Temporal's SDK cannot schedule an activity under the id of one that ended in
// the same task.
func (o *order) pauseBeforeReissue(ctx workflow.Context) bool {
	o.tellStatus(ctx)
	direction := o.direction
	changed, err := workflow.AwaitWithTimeout(ctx, reissueAfter, func() bool { return o.direction != direction })
	return err == nil && !changed
}
