package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// undo compensates a stage: its station gets an undo ticket and says what
// became of the pieces. If the stage's own ticket was still open, the undo
// ticket withdraws it.
func (o *order) undo(ctx workflow.Context, stage kitchen.Stage) error {
	made := o.ref(stage)
	isLeft := func() bool { undo := o.stage(made).Undo; return undo != nil && undo.Left != "" }
	if o.stage(made) == nil || isLeft() {
		o.unregisterUndo(stage)
		return nil
	}
	if o.stage(made).Made() && o.in.Rules.UndoOnRecordAt(stage) {
		o.recordUndoneOnRecord(made, workflow.Now(ctx))
		o.unregisterUndo(stage)
		return o.saveStatus(ctx)
	}
	if o.row(made.Undo()).failed() && !o.pauseBeforeReissue(ctx) {
		return nil
	}
	ticket := o.issue(ctx, made.Undo())
	for {
		if err := o.await(ctx, func() bool {
			return ticket.hasEnded() || isLeft() || o.complaint != nil || o.tooLong(ctx)
		}); err != nil {
			return err
		}
		switch {
		case ticket.hasEnded():
			return o.concludeUndo(ctx, ticket)
		case isLeft():
			o.withdraw(ctx, ticket)
			o.unregisterUndo(stage)
			return nil
		case o.complaint != nil:
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

// concludeUndo goes by how an undo ticket has ended. A manager decides about
// work that cannot be undone.
func (o *order) concludeUndo(ctx workflow.Context, ticket *ticket) error {
	o.clearComplaint()
	end := ticket.end(ctx)
	decided := o.stage(end.ref).Undo.Left != "" // before this end was known
	if end.failure == nil {
		o.recordUndone(end)
		o.unregisterUndo(end.ref.Stage)
		return o.closeQuestion(ctx)
	}
	repeated := o.repeats(ctx, &end)
	o.recordFailed(end)
	switch {
	case decided:
		o.unregisterUndo(end.ref.Stage)
		return o.closeQuestion(ctx)
	case end.byHand():
		return o.ask(ctx, end.ref, endedByHand(end), o.undoChoices()...)
	case repeated:
		return o.closeQuestion(ctx) // a manager has decided about it: the ticket is issued again
	}
	return o.ask(ctx, end.ref, undoFailed(end.ack), o.undoChoices()...)
}

// unregisterUndo notes that a stage needs no undoing any more.
func (o *order) unregisterUndo(stage kitchen.Stage) {
	o.toUndo = slices.DeleteFunc(o.toUndo, func(s kitchen.Stage) bool { return s == stage })
}

// choicesToLeave are the choices that go on without the undo in question. The
// first keeps the order's direction.
func (o *order) choicesToLeave() []kitchen.Choice {
	if o.direction == Remaking {
		return []kitchen.Choice{kitchen.ChoiceRemake, kitchen.ChoiceCancel}
	}
	return []kitchen.Choice{kitchen.ChoiceCancel}
}

// undoChoices are the choices about an undo ticket that can still be answered.
func (o *order) undoChoices() []kitchen.Choice {
	return append([]kitchen.Choice{kitchen.ChoiceRetry}, o.choicesToLeave()...)
}

// madeAfterUndo is a pass through a stage whose work was done after its undo
// had ended, and about which nobody has been asked: the cupcakes stand
// somewhere.
func (o *order) madeAfterUndo() *kitchen.StageStatus {
	for i := range o.status.Stages {
		row := &o.status.Stages[i]
		if row.Pass == o.pass && row.Made() && row.Undo != nil && row.Undo.State == kitchen.TicketUndone && row.Undo.Left == "" {
			return row
		}
	}
	return nil
}

// askAboutLateWork asks a manager to look after work that nobody will undo.
func (o *order) askAboutLateWork(ctx workflow.Context, row *kitchen.StageStatus) error {
	reason := fmt.Sprintf("%s was done by %s after its ticket had been withdrawn, so the cupcakes may stand there: set them aside or bin them", row.Stage, row.MadeBy)
	question := kitchen.Attention{Reason: reason, Cause: kitchen.CauseLateWork, By: row.MadeBy}
	return o.ask(ctx, o.ref(row.Stage).Undo(), question, o.choicesToLeave()...)
}
