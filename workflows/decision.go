package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// ask puts a question to the managers: it shows in the status, in Temporal's
// lists and UI, and on order-failures. The order does not wait until it is
// there: a manager may decide before, or the ticket may end.
func (o *order) ask(ctx workflow.Context, about kitchen.TicketRef, question kitchen.Attention, choices ...kitchen.Choice) error {
	o.complaint = nil
	question.Stage, question.Pass, question.Undoing = about.Stage, about.Pass, about.Kind == kitchen.TicketUndo
	question.Since, question.Choices = workflow.Now(ctx).UTC(), choices
	o.recordQuestion(question)
	if err := o.saveStatus(ctx); err != nil {
		return err
	}
	o.announceLater(ctx, o.failedMessage(kitchen.StateNeedsAttention, question.Reason, question.Since))
	if announcesBeside(ctx) {
		return nil
	}
	return o.awaitAnnouncements(ctx)
}

// waitsForDecision reports whether the order stands still until a manager has
// decided. With an open ticket it does not: that may end first.
func (o *order) waitsForDecision() bool {
	return o.status.Attention != nil && o.status.WaitingFor == ""
}

func (o *order) awaitDecision(ctx workflow.Context) error {
	if err := o.await(ctx, func() bool { return !o.waitsForDecision() || o.tooLong(ctx) }); err != nil {
		return err
	}
	if !o.waitsForDecision() {
		return nil
	}
	return o.continueAsNew(ctx, nil)
}

func (o *order) checkResolve(request kitchen.Resolution) error {
	if err := invalid(request.Check()); err != nil {
		return err
	}
	switch asked := o.status.Attention; {
	case asked == nil:
		return refused("Nothing is asked about this order now: it is %s.", o.status.State)
	case !request.Since.IsZero() && !request.Since.Equal(asked.Since):
		return refused("Another question is asked now: look at the order before you decide.")
	case !slices.Contains(asked.Choices, request.Choice):
		return refused("%s cannot be chosen now: choose %s.", request.Choice, strings.Join(choiceNames(asked.Choices), " or "))
	}
	return nil
}

// resolve does what a manager has chosen. The waiting steps see that the
// question is closed.
func (o *order) resolve(request kitchen.Resolution, at time.Time) Answer {
	asked := *o.status.Attention
	made := o.row(o.ref(asked.Stage))
	o.recordQuestionClosed(request.Choice, request.By, at)
	switch {
	case request.Choice == kitchen.ChoiceRetry:
		o.patience.waitOn(o.in.Rules.MaxReissues) // an open ticket is issued again by itself
	case asked.Undoing && request.Choice == o.choicesToLeave()[0]:
		o.recordLeft(o.ref(asked.Stage), leftReason(request))
	case request.Choice == kitchen.ChoiceCancel:
		o.direction = Cancelling
		o.recordCancelling(cmp.Or(request.Note, asked.Reason), request.By, at)
	case made.failed() && *made.by != "":
		o.startPass() // its station says that what was made is lost
	default:
		o.direction = Remaking
	}
	return Answer{Resolved: &request}
}

// closeQuestion closes the open question, if there is one: the ticket in
// question has ended.
func (o *order) closeQuestion(ctx workflow.Context) error {
	if o.status.Attention == nil {
		return nil
	}
	o.recordQuestionClosed("", "", workflow.Now(ctx))
	return o.saveStatus(ctx)
}

// isCurrent reports whether a complaint is about the open ticket's activity and no
// manager has been asked about that.
func (o *order) isCurrent(complaint Unanswered) bool {
	ref, err := kitchen.ParseActivityID(complaint.ActivityID)
	if err != nil || o.status.Attention != nil || o.status.WaitingFor != ref.Stage || ref.Pass != o.pass {
		return false
	}
	undoing := ref.Kind == kitchen.TicketUndo
	if undoing != (o.direction != Making) || o.row(ref).issued() == 0 {
		return false
	}
	// An activity complains after its first attempt, which the row counts.
	return complaint.Silent == 0 || complaint.Attempt > o.row(ref).issued()
}

// askAboutSilence asks what to do about a ticket whose owner is silent. The
// ticket stays open, and its ack closes the question.
func (o *order) askAboutSilence(ctx workflow.Context, ref kitchen.TicketRef) error {
	complaint := *o.complaint
	o.complaint = nil
	if !o.isCurrent(complaint) {
		return nil
	}
	o.patience.from = complaint.Attempt
	choices := kitchen.Choices()
	if ref.Kind == kitchen.TicketUndo {
		choices = o.undoChoices()
	}
	question := kitchen.Attention{Reason: complaint.Reason, Cause: kitchen.CauseSilent, By: complaint.By}
	return o.ask(ctx, ref, question, choices...)
}

// clearComplaint forgets what was known against a ticket that is no longer open:
// it says nothing about the next.
func (o *order) clearComplaint() {
	o.patience = patience{}
	o.complaint = nil
}

func choiceNames(choices []kitchen.Choice) []string {
	names := make([]string, len(choices))
	for i, choice := range choices {
		names[i] = string(choice)
	}
	return names
}

func leftReason(request kitchen.Resolution) string {
	return cmp.Or(request.Note, "a manager has decided to leave it")
}

func failedTooOften(ack kitchen.Ack, remakes int) kitchen.Attention {
	times := "after 1 remake"
	if remakes != 1 {
		times = fmt.Sprintf("after %d remakes", remakes)
	}
	return questionAbout(ack, kitchen.CauseFailed, fmt.Sprintf("%s failed %s: %s", ack.Stage, times, ackWords(ack)))
}

func undoFailed(ack kitchen.Ack) kitchen.Attention {
	return questionAbout(ack, kitchen.CauseUndoFailed, fmt.Sprintf("%s cannot be undone: %s", ack.Stage, ackWords(ack)))
}

func questionAbout(failed kitchen.Ack, cause kitchen.AttentionCause, reason string) kitchen.Attention {
	return kitchen.Attention{Reason: reason, Cause: cause, By: failed.By, ReasonCode: cmp.Or(failed.Reason, kitchen.ReasonOther)}
}

func endedByHand(end ticketEnd) kitchen.Attention {
	text := fmt.Sprintf("the ticket %s was ended in Temporal and not by its station", end.ref.ActivityID())
	var cause *temporal.ApplicationError
	if errors.As(end.failure, &cause) && cause.Message() != "" {
		text += ": " + cause.Message()
	}
	return kitchen.Attention{Reason: text, Cause: kitchen.CauseEndedByHand}
}

func withdrawnUnknown(end ticketEnd) kitchen.Attention {
	text := fmt.Sprintf("%s was undone before the order was reset in Temporal, so its ticket cannot be made any more", end.ref.Stage)
	return kitchen.Attention{Reason: text, Cause: kitchen.CauseEndedByHand}
}

// silenceReason says who has taken a ticket and is silent, and for how long, for
// people. A duration is the same to readers in all time zones.
func silenceReason(ref kitchen.TicketRef, owner kitchen.AtWork, silence time.Duration) string {
	task := string(ref.Stage)
	if ref.Kind == kitchen.TicketUndo {
		task = "undoing " + task
	}
	return fmt.Sprintf("%s has taken %s and has not been heard of for %s", owner.By, task, roundForPeople(silence))
}

// roundForPeople leaves seconds out of what takes minutes.
func roundForPeople(d time.Duration) kitchen.Duration {
	if d < time.Minute {
		return kitchen.Duration(d.Round(time.Second))
	}
	return kitchen.Duration(d.Round(time.Minute))
}

// ackWords are what a failed ack says: the reason, who reported it, and the
// note.
func ackWords(ack kitchen.Ack) string {
	text := fmt.Sprintf("%s (%s)", cmp.Or(ack.Reason, kitchen.ReasonOther), ack.By)
	if ack.Note != "" {
		text += ": " + ack.Note
	}
	return text
}
