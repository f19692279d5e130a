package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// listen takes everything that comes from outside while the order goes on:
// queries, updates, Temporal's own cancel request, and what activities notice: that a
// ticket's owner is silent, and that a status was lost. The order's steps see what has
// changed.
func (o *order) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryStatus, func() (kitchen.Status, error) { return o.status, nil }); err != nil {
		return err
	}
	if err := onUpdate(ctx, o, UpdateCancel, "Cancel the order and undo what was made.", o.checkCancel, o.cancel); err != nil {
		return err
	}
	if err := onUpdate(ctx, o, UpdateAmend, "Change the notes, the piped messages and the telephone number.", o.checkAmend, o.amend); err != nil {
		return err
	}
	if err := onUpdate(ctx, o, UpdateResolve, "Decide what the order needs attention for: retry, remake or cancel.", o.checkResolve, o.resolve); err != nil {
		return err
	}
	if err := o.listenForPlacing(ctx); err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx.Done().Receive(ctx, nil)
		isUnplaced := o.refusal != nil && workflow.GetVersion(ctx, changeRefuseUnplaced, workflow.DefaultVersion, 1) == workflow.DefaultVersion
		if o.cancelRefusal() == nil || isUnplaced {
			o.cancel(kitchen.Cancellation{Reason: "cancelled in Temporal"}, workflow.Now(ctx))
			_ = o.saveStatus(ctx) // the search attributes exist, or the order could not have been started
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		complaints := workflow.GetSignalChannel(ctx, SignalUnanswered)
		for {
			var complaint Unanswered
			complaints.Receive(ctx, &complaint)
			if o.isCurrent(complaint) && o.patience.isOver(complaint, o.in.Rules.MaxReissues) {
				o.complaint = &complaint
			}
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		lost := workflow.GetSignalChannel(ctx, SignalUntold)
		for {
			var untold Untold
			lost.Receive(ctx, &untold)
			o.lose(untold.Version)
		}
	})
	return nil
}

// handledKept is how many handled updates an order carries on to its next run.
// At up to 8 KB each, they stay below the 2 MB that Temporal accepts as input.
const handledKept = 100

// onUpdate registers an update. To act waits for nothing, so an update is
// complete as soon as it is accepted.
func onUpdate[Request any](ctx workflow.Context, o *order, name, description string, check func(Request) error, act func(request Request, at time.Time) Answer) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, name, func(ctx workflow.Context, request Request) (Answer, error) {
		id := workflow.GetCurrentUpdateInfo(ctx).ID
		answer, again := o.alreadyHandled(id)
		if !again {
			answer = act(request, workflow.Now(ctx))
			o.handled = append(o.handled, Handled{ID: id, Answer: answer})
			o.handled = o.handled[max(0, len(o.handled)-handledKept):]
			if err := o.saveStatus(ctx); err != nil {
				return Answer{}, err
			}
		}
		answer.Order = o.status
		return answer, nil
	}, workflow.UpdateHandlerOptions{
		Description: description,
		Validator: func(ctx workflow.Context, request Request) error {
			if _, again := o.alreadyHandled(workflow.GetCurrentUpdateInfo(ctx).ID); again {
				return nil
			}
			return check(request)
		},
	})
}

// alreadyHandled finds the answer to an update that acted in an earlier run.
// Temporal itself recognises those of this run.
func (o *order) alreadyHandled(id string) (Answer, bool) {
	i := slices.IndexFunc(o.handled, func(h Handled) bool { return h.ID == id })
	if i < 0 {
		return Answer{}, false
	}
	return o.handled[i].Answer, true
}

func (o *order) checkCancel(request kitchen.Cancellation) error {
	if err := invalid(request.Check()); err != nil {
		return err
	}
	return o.cancelRefusal()
}

// cancelRefusal is why the order cannot be cancelled; nil if it can.
func (o *order) cancelRefusal() error {
	switch {
	case o.refusal != nil:
		return refused("The order was not placed: there is nothing to cancel.")
	case o.shipping:
		return refused("The order is shipped: it cannot be cancelled any more.")
	case o.status.State == kitchen.StateCancelled:
		return refused("The order is cancelled already.")
	case o.direction == Cancelling:
		return refused("The order is being cancelled already.")
	}
	return nil
}

func (o *order) cancel(request kitchen.Cancellation, at time.Time) Answer {
	o.direction = Cancelling
	o.recordCancelling(request.Reason, request.By, at)
	return Answer{Cancelled: &request}
}

func (o *order) checkAmend(request kitchen.Amendment) error {
	if err := invalid(request.Check(o.in.Rules.LimitsNow(), len(o.status.Lines))); err != nil {
		return err
	}
	closing, closes := o.status.Route.ClosesAmending()
	switch {
	case o.shipping:
		return refused("The order is shipped: it cannot be changed any more.")
	case o.direction == Cancelling:
		return refused("The order is being cancelled: it cannot be changed any more.")
	case request.ChangesTexts() && closes && o.direction == Making && o.stage(o.ref(closing)) != nil:
		return refused("The order is at %s: notes and messages can be changed until its %s ticket is issued.", o.status.Stage, closing)
	}
	return nil
}

func (o *order) amend(request kitchen.Amendment, _ time.Time) Answer {
	o.recordAmended(request)
	return Answer{Amended: &request}
}

func refused(format string, args ...any) error {
	return temporal.NewApplicationError(fmt.Sprintf(format, args...), ErrorRefused)
}

func invalid(faults []kitchen.FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	return temporal.NewApplicationError(kitchen.FieldErrors(faults), ErrorInvalid, faults)
}
