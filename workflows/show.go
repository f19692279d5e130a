package workflows

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// saveStatus writes the order's state where operators and lists look, and its
// whole status into history. It costs two events, so it is only for changes
// that no activity's event shows; a happy order has none.
func (o *order) saveStatus(ctx workflow.Context) error {
	o.takeVersion(ctx)
	o.showDetails(ctx)
	state := o.status.State
	if state == kitchen.StateAccepted {
		state = kitchen.StateInProgress // lists do not distinguish them
	}
	if state != o.listedState {
		o.listedState = state
		if err := workflow.UpsertTypedSearchAttributes(ctx, KeyState.ValueSet(string(state))); err != nil {
			return fmt.Errorf("write the order's state: %w", err)
		}
	}
	memo := map[string]any{MemoStatus: o.status}
	if o.status.Phone != o.listedPhone {
		o.listedPhone = o.status.Phone
		memo[MemoPhone] = o.status.Phone // an empty one too: encrypted, nothing could not be told from something
	}
	if err := workflow.UpsertMemo(ctx, memo); err != nil {
		return fmt.Errorf("write the order's status: %w", err)
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

// undoWords say how undoing goes, if the stage is to be undone.
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

// markdownText escapes a text from outside, so that it is not read as markup.
func markdownText(s string) string { return markdownEscapes.Replace(s) }

// markdownEscapes is made once: made anew for each text, it was a third of all
// memory that a worker allocated.
var markdownEscapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "<", "&lt;", "\n", " ")

func clock(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.TimeOnly)
}
