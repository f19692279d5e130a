package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// row is the pass through a stage that a ticket is for; nil before its first
// ticket has gone out.
func (o *order) row(ref kitchen.TicketRef) *kitchen.StageStatus {
	for i := range o.status.Stages {
		if row := &o.status.Stages[i]; row.Stage == ref.Stage && row.Pass == ref.Pass {
			return row
		}
	}
	return nil
}

// recordIssued notes that a ticket goes out, for the first time or once more
// after its activity has ended.
func (o *order) recordIssued(ref kitchen.TicketRef, at time.Time) {
	o.status.WaitingFor = ref.Stage
	row := o.row(ref)
	if ref.Kind == kitchen.TicketUndo {
		if row == nil {
			return // cannot be: an undo ticket undoes one that went out
		}
		if row.Undo == nil {
			row.Undo = &kitchen.UndoStatus{IssuedAt: inUTC(at)}
		}
		row.Undo.State = kitchen.TicketWaiting
		row.Undo.Attempt++
		return
	}
	if o.status.State == kitchen.StateAccepted {
		o.status.State = kitchen.StateInProgress
	}
	o.recordPass(ref.Pass)
	o.status.Stage = ref.Stage
	if row == nil {
		o.status.Stages = append(o.status.Stages, kitchen.StageStatus{Stage: ref.Stage, Pass: ref.Pass, IssuedAt: inUTC(at)})
		row = &o.status.Stages[len(o.status.Stages)-1]
	}
	row.State = kitchen.TicketWaiting
	row.Attempt++
}

// recordPass notes that the order starts again from its first stage.
func (o *order) recordPass(pass int) { o.status.Remakes = max(o.status.Remakes, pass-1) }

// recordAttempts notes how often the ticket that is out has been issued since
// its activity began.
func (o *order) recordAttempts(ref kitchen.TicketRef, attempts int) {
	row := o.row(ref)
	if more := max(0, attempts-1); ref.Kind == kitchen.TicketUndo {
		row.Undo.Attempt += more
	} else {
		row.Attempt += more
	}
}

// ticketEnd is how a ticket's activity ended.
type ticketEnd struct {
	ref    kitchen.TicketRef
	ack    kitchen.Ack
	failed bool
}

// record notes how a ticket ended.
func (o *order) record(end ticketEnd) {
	switch {
	case end.failed:
		o.recordFailed(end.ref, end.ack)
	case end.ref.Kind == kitchen.TicketUndo:
		o.recordUndone(end.ref, end.ack)
	default:
		o.recordDone(end.ref, end.ack)
	}
}

// stopWaiting notes that the order does not wait for a stage any more.
func (o *order) stopWaiting(stage kitchen.Stage) {
	if o.status.WaitingFor == stage {
		o.status.WaitingFor = ""
	}
}

// recordDone notes a station's done ack on the ticket that ref names.
func (o *order) recordDone(ref kitchen.TicketRef, ack kitchen.Ack) {
	row := o.row(ref)
	if row == nil {
		return // cannot be: the ticket went out
	}
	if row.Undo == nil {
		o.stopWaiting(row.Stage)
	}
	row.State = kitchen.TicketDone
	row.By, row.MadeBy = ack.By, ""
	if row.Undo != nil {
		row.MadeBy = ack.By
	}
	row.DoneAt = inUTC(ack.At)
	row.Note = ack.Note
	if ack.StartedAt != nil {
		row.StartedAt = inUTC(*ack.StartedAt)
	}
	row.Attempt = max(row.Attempt, ack.Attempt)
}

// recordFailed notes that a ticket's activity has ended without its work being
// done, and reports whether that is news: a worker that dies may leave the same
// ack to come again, for the next attempt. Then what it scrapped has been
// counted, and whoever had to hear of it has.
func (o *order) recordFailed(ref kitchen.TicketRef, ack kitchen.Ack) (news bool) {
	row := o.row(ref)
	if row == nil {
		return false // cannot be: the ticket went out
	}
	again := row.FailedAt != nil && row.FailedAt.Equal(ack.At) && row.Reason == ack.Reason
	row.Reason, row.Note, row.FailedAt = ack.Reason, ack.Note, nil
	if !ack.At.IsZero() { // otherwise it was ended by hand, and no ack that can come again
		row.FailedAt = inUTC(ack.At)
	}
	if !again {
		row.Scrapped += o.scrapped(ack)
		o.status.Scrapped += o.scrapped(ack)
	}
	if ref.Kind == kitchen.TicketUndo {
		o.stopWaiting(row.Stage)
		row.Undo.State = kitchen.TicketFailed
		row.Undo.By = ack.By
		row.Undo.Attempt = max(row.Undo.Attempt, ack.Attempt)
		return !again
	}
	row.Attempt = max(row.Attempt, ack.Attempt)
	if row.Undo != nil {
		return !again // its undo ticket is out: it says what became of the pieces
	}
	o.stopWaiting(row.Stage)
	row.State = kitchen.TicketFailed
	row.By = ack.By
	row.StartedAt = ack.StartedAt
	return !again
}

// scrapped is how many pieces an ack says were thrown away: no more than the
// order has, whatever a station of somebody else's says.
func (o *order) scrapped(ack kitchen.Ack) int {
	return max(0, min(ack.Scrapped, o.in.Order.Pieces()))
}

// recordUndone notes a station's undone ack. Of one pass, all undone stages
// together scrap at most the order's pieces: they are the same cupcakes.
func (o *order) recordUndone(ref kitchen.TicketRef, ack kitchen.Ack) {
	row := o.row(ref)
	if row == nil || row.Undo == nil {
		return // cannot be: the undo ticket went out
	}
	counted := 0
	for _, other := range o.status.Stages {
		if other.Pass == row.Pass && other.Undo != nil {
			counted += other.Undo.Scrapped
		}
	}
	scrapped := o.scrapped(ack)
	o.status.Scrapped += max(0, min(scrapped, o.in.Order.Pieces()-counted))
	o.endUndo(row, ack.At)
	row.Scrapped += scrapped
	row.Undo.Scrapped = scrapped
	row.By, row.Note = ack.By, cmp.Or(ack.Note, row.Note)
	row.Undo.By = ack.By
	if ack.StartedAt != nil {
		row.Undo.StartedAt = inUTC(*ack.StartedAt)
	}
	row.Undo.Attempt = max(row.Undo.Attempt, ack.Attempt)
}

// recordUndoneOnRecord notes that a stage is undone without anybody's hands.
func (o *order) recordUndoneOnRecord(ref kitchen.TicketRef, at time.Time) {
	row := o.row(ref)
	row.Undo = &kitchen.UndoStatus{}
	o.endUndo(row, at)
}

func (o *order) endUndo(row *kitchen.StageStatus, at time.Time) {
	o.stopWaiting(row.Stage)
	if row.DoneAt != nil {
		row.MadeBy = cmp.Or(row.MadeBy, row.By)
	}
	row.State = kitchen.TicketUndone
	row.Undo.State = kitchen.TicketUndone
	row.Undo.Left = "" // if a manager had given it up, it was undone all the same
	row.Undo.UndoneAt = inUTC(at)
}

// recordLeft notes that a manager leaves a stage's work as it is.
func (o *order) recordLeft(ref kitchen.TicketRef, why string) {
	o.status.WaitingFor = ""
	o.row(ref).Undo.Left = why
}

// recordAsked notes that a manager must decide.
func (o *order) recordAsked(about kitchen.TicketRef, reason string, choices []kitchen.Choice, at time.Time) {
	o.status.State = kitchen.StateNeedsAttention
	o.status.Attention = &kitchen.Attention{
		Reason: reason, Stage: about.Stage, Pass: about.Pass, Undoing: about.Kind == kitchen.TicketUndo,
		Since: at.UTC(), Choices: choices,
	}
}

// recordDecided notes that nothing is asked any more.
func (o *order) recordDecided() {
	o.status.Attention = nil
	o.status.State = kitchen.StateInProgress
	if o.direction == Cancelling {
		o.status.State = kitchen.StateCancelling
	}
}

func (o *order) recordCancelling(reason string) {
	o.status.Attention = nil
	o.status.State = kitchen.StateCancelling
	o.status.CancelReason = reason
}

func (o *order) recordCancelled(at time.Time) {
	o.status.State = kitchen.StateCancelled
	o.status.WaitingFor = ""
	o.status.CancelledAt = inUTC(at)
}

func (o *order) recordAmended(amendment kitchen.Amendment) {
	if amendment.Notes != nil {
		o.status.Notes = *amendment.Notes
	}
	// Tickets that are out share the old lines.
	o.status.Lines = slices.Clone(o.status.Lines)
	for _, message := range amendment.Messages {
		o.status.Lines[message.Line].Message = message.Message
	}
}

// recordShipped notes that the order has left the factory.
func (o *order) recordShipped(at time.Time) {
	o.status.State = kitchen.StateShipped
	o.status.ShippedAt = inUTC(at)
}

// failed is what downstream systems hear of an order that was cancelled or
// needs attention.
func (o *order) failed(state kitchen.OrderState, reason string, at time.Time) kitchen.Failed {
	failed := kitchen.Failed{
		OrderID:    o.status.ID,
		PickupCode: o.status.PickupCode,
		Customer:   o.status.Customer,
		Lines:      o.status.Lines,
		State:      state,
		Reason:     reason,
		At:         at.UTC(),
		Attention:  o.status.Attention,
		Stages:     cloneStages(o.status.Stages),
		NotUndone:  []kitchen.Leftover{},
		Remakes:    o.status.Remakes,
		Scrapped:   o.status.Scrapped,
	}
	for _, row := range o.status.Stages {
		if row.Undo != nil && row.Undo.Left != "" {
			failed.NotUndone = append(failed.NotUndone, kitchen.Leftover{Stage: row.Stage, Pass: row.Pass, Reason: row.Undo.Left})
		}
	}
	return failed
}

// cloneStages are stages that share nothing with those that the order goes on
// changing: a local activity is given its input as it is.
func cloneStages(stages []kitchen.StageStatus) []kitchen.StageStatus {
	clones := slices.Clone(stages)
	for i, row := range clones {
		if row.Undo != nil {
			undo := *row.Undo
			clones[i].Undo = &undo
		}
	}
	return clones
}

// tell puts the order's state where operators and lists look, and the whole
// status into history. It is for changes that no activity's event tells: a
// happy order has none, because it costs two events.
func (o *order) tell(ctx workflow.Context) error {
	o.showDetails(ctx)
	state := o.status.State
	if state == kitchen.StateAccepted {
		state = kitchen.StateInProgress // visibility does not tell them apart
	}
	if state != o.told {
		o.told = state
		if err := workflow.UpsertTypedSearchAttributes(ctx, KeyState.ValueSet(string(state))); err != nil {
			return fmt.Errorf("tell the order's state: %w", err)
		}
	}
	if err := workflow.UpsertMemo(ctx, map[string]any{MemoStatus: o.status}); err != nil {
		return fmt.Errorf("keep the order's status: %w", err)
	}
	return nil
}

// showDetails puts the order's state into the Temporal UI, as Markdown under
// the workflow's current details. It adds no history event.
func (o *order) showDetails(ctx workflow.Context) {
	var text strings.Builder
	fmt.Fprintf(&text, "**%s** · pickup code **%s** · %s · %s", o.status.State, o.status.PickupCode, markdownText(o.status.Customer.Name), pieces(o.in.Order))
	if o.status.WaitingFor != "" {
		fmt.Fprintf(&text, " · waiting for **%s**", o.status.WaitingFor)
	}
	if o.status.Scrapped > 0 {
		fmt.Fprintf(&text, " · %d scrapped", o.status.Scrapped)
	}
	if asked := o.status.Attention; asked != nil {
		names := choiceNames(asked.Choices)
		fmt.Fprintf(&text, "\n\n**A manager must decide:** %s.\n\nChoose %s: `cupcakery order resolve`, or the update `resolve` with `{\"choice\": \"%s\"}`.",
			markdownText(asked.Reason), strings.Join(names, ", "), names[0])
	}
	if o.status.CancelReason != "" {
		fmt.Fprintf(&text, "\n\nCancelled because: %s", markdownText(o.status.CancelReason))
	}
	text.WriteString("\n\n| stage | pass | state | by | issued | done | what went wrong | undo |\n|---|---|---|---|---|---|---|---|\n")
	for _, row := range o.status.Stages {
		fmt.Fprintf(&text, "| %s | %d | %s | %s | %s | %s | %s | %s |\n", row.Stage, row.Pass, row.State, markdownText(row.By),
			clock(row.IssuedAt), clock(row.DoneAt), markdownText(troubleWords(row)), markdownText(undoWords(row)))
	}
	workflow.SetCurrentDetails(ctx, text.String())
}

// troubleWords say how work failed, if it did.
func troubleWords(row kitchen.StageStatus) string {
	if row.FailedAt == nil {
		return ""
	}
	return strings.TrimSuffix(cmp.Or(row.Reason, kitchen.ReasonOther)+": "+row.Note, ": ")
}

// undoWords say how undoing goes, if somebody was asked to.
func undoWords(row kitchen.StageStatus) string {
	switch undo := row.Undo; {
	case undo == nil:
		return ""
	case undo.Left != "":
		return "left as it is: " + undo.Left
	case undo.State == kitchen.TicketUndone:
		return fmt.Sprintf("undone, %d scrapped", undo.Scrapped)
	default:
		return string(undo.State)
	}
}

// markdownText keeps a name that came from outside from being read as markup.
func markdownText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "<", "&lt;", "\n", " ").Replace(s)
}

func clock(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.TimeOnly)
}

func inUTC(t time.Time) *time.Time {
	utc := t.UTC()
	return &utc
}
