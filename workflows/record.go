package workflows

import (
	"cmp"
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// recordScheduled notes that the order has its place and waits for its time.
func (o *order) recordScheduled() {
	o.changed = true
	o.status.State = kitchen.StateScheduled
}

// recordBegun notes that the time has come for the kitchen to begin.
func (o *order) recordBegun() {
	o.changed = true
	o.status.State = kitchen.StateInProgress
}

// recordIssued notes that a ticket goes out, for the first time or again after
// its activity has ended.
func (o *order) recordIssued(ref kitchen.TicketRef, at time.Time) {
	o.changed = true
	o.status.WaitingFor = ref.Stage
	stage := o.stage(ref)
	if ref.Kind == kitchen.TicketUndo {
		if stage == nil {
			return // cannot be: an undo ticket undoes one that went out
		}
		if stage.Undo == nil {
			stage.Undo = &kitchen.UndoStatus{IssuedAt: inUTC(at)}
		}
		o.row(ref).issue()
		return
	}
	if o.status.State == kitchen.StateAccepted || o.status.State == kitchen.StateScheduled {
		o.status.State = kitchen.StateInProgress
	}
	o.recordPass(ref.Pass)
	o.status.Stage = ref.Stage
	if stage == nil {
		o.status.Stages = append(o.status.Stages, kitchen.StageStatus{Stage: ref.Stage, Pass: ref.Pass, IssuedAt: inUTC(at)})
	}
	o.row(ref).issue()
}

// recordPass notes that the order starts again from its first stage.
func (o *order) recordPass(pass int) {
	o.changed = true
	o.status.Remakes = max(o.status.Remakes, pass-1)
}

// recordAttempts notes how often the open ticket has been issued since its
// activity began.
func (o *order) recordAttempts(ref kitchen.TicketRef, attempts int) {
	o.changed = true
	*o.row(ref).attempt += max(0, attempts-1)
}

// record notes how a ticket ended.
func (o *order) record(end ticketEnd) {
	switch {
	case end.failure != nil:
		o.recordFailed(end)
	case end.ref.Kind == kitchen.TicketUndo:
		o.recordUndone(end)
	default:
		o.recordDone(end)
	}
}

// hasRecorded reports whether the status already records this end.
func (o *order) hasRecorded(end ticketEnd) bool {
	stage := o.stage(end.ref)
	switch {
	case stage == nil:
		return true // of another run
	case end.failure != nil:
		if end.repeated {
			return stage.Undo != nil || o.row(end.ref).failed()
		}
		return end.byHand() || stage.FailedAt != nil && stage.FailedAt.Equal(end.ack.At) && stage.Reason == end.ack.Reason
	case end.ref.Kind == kitchen.TicketUndo:
		return stage.Undo != nil && stage.Undo.State == kitchen.TicketUndone
	}
	return stage.DoneAt != nil
}

// recordDone notes that a stage's work is done.
func (o *order) recordDone(end ticketEnd) {
	o.changed = true
	stage, row := o.stage(end.ref), o.row(end.ref)
	if stage == nil {
		return // cannot be: the ticket went out
	}
	stage.MadeBy = ""
	if stage.Undo == nil {
		o.stopWaiting(stage.Stage)
	} else {
		stage.MadeBy = end.ack.By
	}
	row.end(kitchen.TicketDone, end.ack)
	row.start(end.ack)
	stage.DoneAt = inUTC(end.ack.At)
	stage.Note = end.ack.Note
}

// recordFailed notes that a ticket's activity has ended without its work being
// done. Of a failure that has been counted, the status has the rest already.
func (o *order) recordFailed(end ticketEnd) {
	o.changed = true
	stage, row, ack := o.stage(end.ref), o.row(end.ref), end.ack
	if stage == nil || row == nil {
		return // cannot be: the ticket went out
	}
	withdrawn := end.ref.Kind == kitchen.TicketMake && stage.Undo != nil // the undo ticket says what became of the pieces
	if !end.repeated {
		stage.Reason, stage.Note, stage.FailedAt = ack.Reason, ack.Note, nil
		if !ack.At.IsZero() { // otherwise it was ended by hand, not by an ack that can come again
			stage.FailedAt = inUTC(ack.At)
		}
		stage.Scrapped += o.scrapped(ack)
		o.status.Scrapped += o.scrapped(ack)
		if end.ref.Kind == kitchen.TicketMake && !withdrawn {
			stage.StartedAt = ack.StartedAt
		}
	}
	if withdrawn {
		row.answered(ack)
		return
	}
	o.stopWaiting(stage.Stage)
	row.end(kitchen.TicketFailed, ack)
}

// scrapped is how many pieces an ack says were thrown away, at most the order's
// pieces, whatever a foreign station says.
func (o *order) scrapped(ack kitchen.Ack) int {
	return max(0, min(ack.Scrapped, o.in.Order.Pieces()))
}

// recordUndone notes that a stage's work is undone. The undone stages of one
// pass together scrap at most the order's pieces: they are the same cupcakes.
func (o *order) recordUndone(end ticketEnd) {
	o.changed = true
	stage, row, ack := o.stage(end.ref), o.row(end.ref), end.ack
	if row == nil {
		return // cannot be: the undo ticket went out
	}
	counted := 0
	for _, other := range o.status.Stages {
		if other.Pass == stage.Pass && other.Undo != nil {
			counted += other.Undo.Scrapped
		}
	}
	scrapped := o.scrapped(ack)
	o.status.Scrapped += max(0, min(scrapped, o.in.Order.Pieces()-counted))
	o.markUndone(stage, ack.At)
	row.end(kitchen.TicketUndone, ack)
	row.start(ack)
	stage.Scrapped += scrapped
	stage.Undo.Scrapped = scrapped
	stage.By, stage.Note = ack.By, cmp.Or(ack.Note, stage.Note)
}

// recordUndoneOnRecord notes that a stage is undone without anybody's hands.
func (o *order) recordUndoneOnRecord(ref kitchen.TicketRef, at time.Time) {
	o.changed = true
	stage := o.stage(ref)
	stage.Undo = &kitchen.UndoStatus{}
	o.markUndone(stage, at)
}

func (o *order) markUndone(stage *kitchen.StageStatus, at time.Time) {
	o.stopWaiting(stage.Stage)
	if stage.DoneAt != nil {
		stage.MadeBy = cmp.Or(stage.MadeBy, stage.By)
	}
	stage.State = kitchen.TicketUndone
	stage.Undo.State = kitchen.TicketUndone
	stage.Undo.Left = "" // it was undone even if a manager had decided to leave it
	stage.Undo.UndoneAt = inUTC(at)
}

// recordLeft notes that a manager leaves a stage's work as it is.
func (o *order) recordLeft(ref kitchen.TicketRef, why string) {
	o.changed = true
	o.status.WaitingFor = ""
	o.stage(ref).Undo.Left = why
}

// stopWaiting notes that the order no longer waits for a stage.
func (o *order) stopWaiting(stage kitchen.Stage) {
	if o.status.WaitingFor == stage {
		o.status.WaitingFor = ""
	}
}

// recordQuestion notes that a manager must decide.
func (o *order) recordQuestion(question kitchen.Attention) {
	o.changed = true
	o.recordDecision("", "", question.Since) // about the same ticket, while it was open
	o.status.State = kitchen.StateNeedsAttention
	o.status.Attention = &question
}

// recordQuestionClosed notes that no question is open any more, and what was decided by
// whom; an empty choice is none.
func (o *order) recordQuestionClosed(choice kitchen.Choice, by string, at time.Time) {
	o.changed = true
	o.recordDecision(choice, by, at)
	o.status.State = kitchen.StateInProgress
	if o.direction == Cancelling {
		o.status.State = kitchen.StateCancelling
	}
}

// recordDecision notes how the open question was closed, if there is one.
func (o *order) recordDecision(choice kitchen.Choice, by string, at time.Time) {
	if asked := o.status.Attention; asked != nil {
		o.status.Decisions = kitchen.AddDecision(o.status.Decisions, asked.Decide(choice, by, at))
	}
	o.status.Attention = nil
}

// recordCancelling notes that somebody has cancelled the order; by is empty for a
// customer.
func (o *order) recordCancelling(reason, by string, at time.Time) {
	o.changed, o.detailsChanged = true, true
	o.recordDecision("", "", at)
	o.status.State = kitchen.StateCancelling
	o.status.CancelReason, o.status.CancelledBy = reason, by
}

func (o *order) recordCancelled(at time.Time) {
	o.changed = true
	o.status.State = kitchen.StateCancelled
	o.status.WaitingFor = ""
	o.status.CancelledAt = inUTC(at)
}

func (o *order) recordAmended(amendment kitchen.Amendment) {
	o.changed, o.detailsChanged = true, true
	if amendment.Notes != nil {
		o.status.Notes = *amendment.Notes
	}
	if amendment.Phone != nil {
		o.status.Phone = *amendment.Phone
	}
	// Open tickets share the old lines.
	o.status.Lines = slices.Clone(o.status.Lines)
	for _, message := range amendment.Messages {
		o.status.Lines[message.Line].Message = message.Message
	}
	o.charge()
}

// recordShipped notes that the order has left the factory.
func (o *order) recordShipped(at time.Time) {
	o.changed = true
	o.status.State = kitchen.StateShipped
	o.status.ShippedAt = inUTC(at)
}
