package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// listen takes everything that comes from outside while the order goes on:
// queries, updates, Temporal's own cancel request, and complaints of tickets.
// What is heard changes the order; its steps see the change.
func (o *order) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryStatus, func() (kitchen.Status, error) { return o.status, nil }); err != nil {
		return err
	}
	if err := onUpdate(ctx, o, UpdateCancel, "Cancel the order and undo what was made.", o.checkCancel, o.cancel); err != nil {
		return err
	}
	if err := onUpdate(ctx, o, UpdateAmend, "Change the notes and the piped messages.", o.checkAmend, o.amend); err != nil {
		return err
	}
	if err := onUpdate(ctx, o, UpdateResolve, "Decide what the order needs attention for: retry, remake or cancel.", o.checkResolve, o.resolve); err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx.Done().Receive(ctx, nil)
		if o.refusesCancel() == nil {
			o.cancel(kitchen.Cancellation{Reason: "cancelled in Temporal"})
			_ = o.tell(ctx) // the search attributes exist, or the order could not have been started
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		complaints := workflow.GetSignalChannel(ctx, SignalUnanswered)
		for {
			var complaint Unanswered
			complaints.Receive(ctx, &complaint)
			if o.hasGroundsFor(complaint) {
				o.unanswered = &complaint
			}
		}
	})
	return nil
}

// handledKept is how many of the updates that have acted an order remembers
// over its runs. At up to 8 KB each, they stay below the 2 MB that Temporal
// takes as the input of the next run.
const handledKept = 100

// onUpdate registers an update. What acts does not wait for anything, so an
// update is over as soon as it is accepted.
func onUpdate[Request any](ctx workflow.Context, o *order, name, description string, check func(Request) error, act func(Request) Answer) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, name, func(ctx workflow.Context, request Request) (Answer, error) {
		id := workflow.GetCurrentUpdateInfo(ctx).ID
		answer, again := o.handledBefore(id)
		if !again {
			answer = act(request)
			o.handled = append(o.handled, Handled{ID: id, Answer: answer})
			o.handled = o.handled[max(0, len(o.handled)-handledKept):]
			if err := o.tell(ctx); err != nil {
				return Answer{}, err
			}
		}
		answer.Order = o.status
		return answer, nil
	}, workflow.UpdateHandlerOptions{
		Description: description,
		Validator: func(ctx workflow.Context, request Request) error {
			if _, again := o.handledBefore(workflow.GetCurrentUpdateInfo(ctx).ID); again {
				return nil
			}
			return check(request)
		},
	})
}

// handledBefore finds an update that has acted in an earlier run; Temporal
// itself knows those of this one.
func (o *order) handledBefore(id string) (Answer, bool) {
	i := slices.IndexFunc(o.handled, func(h Handled) bool { return h.ID == id })
	if i < 0 {
		return Answer{}, false
	}
	return o.handled[i].Answer, true
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

func (o *order) checkCancel(request kitchen.Cancellation) error {
	if err := invalid(request.Check()); err != nil {
		return err
	}
	return o.refusesCancel()
}

func (o *order) refusesCancel() error {
	switch {
	case o.shipping:
		return refused("The order is shipped: it cannot be cancelled any more.")
	case o.status.State == kitchen.StateCancelled:
		return refused("The order is cancelled already.")
	case o.direction == Cancelling:
		return refused("The order is being cancelled already.")
	}
	return nil
}

func (o *order) cancel(request kitchen.Cancellation) Answer {
	o.direction = Cancelling
	o.recordCancelling(request.Reason)
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
	case closes && o.direction == Making && o.row(o.ref(closing)) != nil:
		return refused("The order is at %s: notes and messages can be changed until its %s ticket is issued.", o.status.Stage, closing)
	}
	return nil
}

func (o *order) amend(request kitchen.Amendment) Answer {
	o.recordAmended(request)
	return Answer{Amended: &request}
}

func (o *order) checkResolve(request kitchen.Resolution) error {
	if err := invalid(request.Check()); err != nil {
		return err
	}
	switch asked := o.status.Attention; {
	case asked == nil:
		return refused("Nothing is asked about this order now: it is %s.", o.status.State)
	case !slices.Contains(asked.Choices, request.Choice):
		return refused("%s cannot be chosen now: choose %s.", request.Choice, strings.Join(choiceNames(asked.Choices), " or "))
	}
	return nil
}

func choiceNames(choices []kitchen.Choice) []string {
	names := make([]string, len(choices))
	for i, choice := range choices {
		names[i] = string(choice)
	}
	return names
}

// resolve does what a manager has chosen. The steps that wait see it by the
// question being gone.
func (o *order) resolve(request kitchen.Resolution) Answer {
	asked := *o.status.Attention
	row := o.row(o.ref(asked.Stage))
	o.recordDecided()
	switch {
	case request.Choice == kitchen.ChoiceRetry:
		// A ticket that is out comes again and again; who waits on gives it
		// as many attempts once more.
		o.askFrom += o.in.Rules.MaxReissues
	case asked.Undoing && request.Choice == o.choicesToLeave()[0]:
		o.recordLeft(o.ref(asked.Stage), leftWords(request))
	case request.Choice == kitchen.ChoiceCancel:
		o.direction = Cancelling
		o.recordCancelling(cmp.Or(request.Note, asked.Reason))
	case row.State == kitchen.TicketFailed && row.By != "":
		o.startPass() // its station says what was made is lost, as without a manager
	default:
		o.direction = Remaking
	}
	return Answer{Resolved: &request}
}

func leftWords(request kitchen.Resolution) string {
	return cmp.Or(request.Note, "a manager has decided to leave it")
}

// ask puts a question to the managers: it shows in the status, in Temporal's
// lists and UI, and on order-failures.
func (o *order) ask(ctx workflow.Context, about kitchen.TicketRef, reason string, choices ...kitchen.Choice) error {
	at := workflow.Now(ctx)
	o.unanswered = nil
	o.recordAsked(about, reason, choices, at)
	if err := o.tell(ctx); err != nil {
		return err
	}
	return announce(ctx, ActivityAnnounceFailed, o.failed(kitchen.StateNeedsAttention, reason, at))
}

// waitsForDecision reports whether nothing goes on before a manager has
// decided. While a ticket is out, its answer may come first.
func (o *order) waitsForDecision() bool {
	return o.status.Attention != nil && o.status.WaitingFor == ""
}

func (o *order) awaitDecision(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return !o.waitsForDecision() || o.tooLong(ctx) }); err != nil {
		return err
	}
	if !o.waitsForDecision() {
		return nil
	}
	return o.continueAsNew(ctx, nil)
}

// hasGroundsFor reports whether a complaint is about the ticket that is out
// and not about one for which somebody has been asked.
func (o *order) hasGroundsFor(complaint Unanswered) bool {
	ref, err := kitchen.ParseActivityID(complaint.ActivityID)
	if err != nil || o.status.Attention != nil || o.status.WaitingFor != ref.Stage || ref.Pass != o.pass {
		return false
	}
	undoing := ref.Kind == kitchen.TicketUndo
	return undoing == (o.direction != Making) && complaint.Attempt >= o.askFrom
}

// askAboutSilence asks what to do about a ticket that nobody answers. It stays
// out: an answer settles the question.
func (o *order) askAboutSilence(ctx workflow.Context, ref kitchen.TicketRef) error {
	complaint := *o.unanswered
	o.unanswered = nil
	if !o.hasGroundsFor(complaint) {
		return nil
	}
	o.askFrom = complaint.Attempt
	choices := kitchen.Choices()
	if ref.Kind == kitchen.TicketUndo {
		choices = o.undoChoices()
	}
	return o.ask(ctx, ref, complaint.Reason, choices...)
}

// ended notes that a ticket is not out any more: what is known against it says
// nothing about the next.
func (o *order) ended() {
	o.askFrom = 0
	o.unanswered = nil
}

// settle takes back a question that an answer has settled by itself.
func (o *order) settle(ctx workflow.Context) error {
	if o.status.Attention == nil {
		return nil
	}
	o.recordDecided()
	return o.tell(ctx)
}

func failedOnceTooOften(ack kitchen.Ack, remakes int) string {
	times := "after 1 remake"
	if remakes != 1 {
		times = fmt.Sprintf("after %d remakes", remakes)
	}
	return fmt.Sprintf("%s failed %s: %s", ack.Stage, times, ackWords(ack))
}

func undoFailed(ack kitchen.Ack) string {
	return fmt.Sprintf("%s cannot be undone: %s", ack.Stage, ackWords(ack))
}

func endedByHand(ref kitchen.TicketRef, failure error) string {
	text := fmt.Sprintf("the ticket %s was ended in Temporal and not by its station", ref.ActivityID())
	var said *temporal.ApplicationError
	if errors.As(failure, &said) && said.Message() != "" {
		text += ": " + said.Message()
	}
	return text
}

// ackWords is what a station said: the reason, who, and the note.
func ackWords(ack kitchen.Ack) string {
	text := fmt.Sprintf("%s (%s)", cmp.Or(ack.Reason, kitchen.ReasonOther), ack.By)
	if ack.Note != "" {
		text += ": " + ack.Note
	}
	return text
}
