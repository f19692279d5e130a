package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// undo compensates the stage that was begun last of those that are left: its
// station gets an undo ticket and says what became of the pieces. If the
// stage's own ticket was still open, the undo ticket withdraws it.
func (o *order) undo(ctx workflow.Context, stage kitchen.Stage) error {
	made := o.ref(stage)
	row := o.row(made)
	if row == nil || row.Undo != nil && row.Undo.Left != "" {
		o.settled(stage)
		return nil
	}
	if row.Made() && o.in.Rules.UndoOnRecordAt(stage) {
		o.recordUndoneOnRecord(made, workflow.Now(ctx))
		o.settled(stage)
		return o.tell(ctx)
	}
	if o.endedBefore(made.Undo()) && !o.pauseBeforeReissue(ctx) {
		return nil
	}
	ticket := o.issue(ctx, made.Undo())
	isLeft := func() bool { return o.row(made).Undo.Left != "" }
	for {
		if err := workflow.Await(ctx, func() bool {
			return ticket.isAnswered() || isLeft() || o.unanswered != nil || o.tooLong(ctx)
		}); err != nil {
			return err
		}
		switch {
		case ticket.isAnswered():
			return o.hearUndo(ctx, ticket)
		case isLeft():
			o.withdraw(ctx, ticket)
			o.settled(stage)
			return nil
		case o.unanswered != nil:
			if err := o.askAboutSilence(ctx, ticket.ref); err != nil {
				return err
			}
		default:
			if err := o.continueAsNew(ctx, ticket); err != nil {
				return err
			}
		}
	}
}

// hearUndo takes a station's last word on its undo ticket. What cannot be
// undone is for a manager to see.
func (o *order) hearUndo(ctx workflow.Context, ticket *ticket) error {
	o.ended()
	ack, failure := ticket.answer(ctx)
	left := o.row(ticket.ref).Undo.Left != "" // decided before this answer was heard
	if failure == nil {
		o.recordUndone(ticket.ref, ack)
		o.settled(ticket.ref.Stage)
		return o.settle(ctx)
	}
	ack, reported := failedAck(failure)
	reason := undoFailed(ack)
	if !reported {
		reason = endedByHand(ticket.ref, failure)
	}
	switch news := o.recordFailed(ticket.ref, ack); {
	case left:
		o.settled(ticket.ref.Stage)
		return o.settle(ctx)
	case reported && !news:
		return o.settle(ctx) // a manager has decided about it: the ticket is issued again
	}
	return o.ask(ctx, ticket.ref, reason, o.undoChoices()...)
}

// settled notes that there is nothing left to undo of a stage.
func (o *order) settled(stage kitchen.Stage) {
	o.toUndo = slices.DeleteFunc(o.toUndo, func(s kitchen.Stage) bool { return s == stage })
}

// choicesToLeave are the choices that go on without the undo that is asked
// about, the first of them in the direction in which the order goes.
func (o *order) choicesToLeave() []kitchen.Choice {
	if o.direction == Remaking {
		return []kitchen.Choice{kitchen.ChoiceRemake, kitchen.ChoiceCancel}
	}
	return []kitchen.Choice{kitchen.ChoiceCancel}
}

// undoChoices are those about an undo ticket that can still be answered.
func (o *order) undoChoices() []kitchen.Choice {
	return append([]kitchen.Choice{kitchen.ChoiceRetry}, o.choicesToLeave()...)
}

// madeAfterUndo is a pass through a stage that was done although its undo had
// ended, with nobody asked about it yet: the cupcakes stand somewhere.
func (o *order) madeAfterUndo() *kitchen.StageStatus {
	for i := range o.status.Stages {
		row := &o.status.Stages[i]
		if row.Pass == o.pass && row.Made() && row.Undo != nil && row.Undo.State == kitchen.TicketUndone && row.Undo.Left == "" {
			return row
		}
	}
	return nil
}

// askAboutLateWork asks a manager to see to work that nobody will undo.
func (o *order) askAboutLateWork(ctx workflow.Context, row *kitchen.StageStatus) error {
	reason := fmt.Sprintf("%s was done by %s after its ticket had been withdrawn, so the cupcakes may stand there: set them aside or bin them", row.Stage, row.MadeBy)
	return o.ask(ctx, o.ref(row.Stage).Undo(), reason, o.choicesToLeave()...)
}

// endCancelled tells downstream systems exactly what was undone and what was
// not, and closes the order.
func (o *order) endCancelled(ctx workflow.Context) error {
	at := workflow.Now(ctx)
	o.ending = true
	if err := announce(ctx, ActivityAnnounceFailed, o.failed(kitchen.StateCancelled, o.cancelWords(), at)); err != nil {
		return err
	}
	o.recordCancelled(at)
	return o.tell(ctx)
}

func (o *order) cancelWords() string {
	if o.status.CancelReason == "" {
		return "cancelled"
	}
	return "cancelled: " + o.status.CancelReason
}
