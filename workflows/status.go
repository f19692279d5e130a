package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// recordIssued notes that a ticket goes out for the first time.
func (o *order) recordIssued(ref kitchen.TicketRef, at time.Time) {
	o.status.State = kitchen.StateInProgress
	o.status.Stage = ref.Stage
	o.status.WaitingFor = ref.Stage
	o.status.Stages = append(o.status.Stages, kitchen.StageStatus{
		Stage:    ref.Stage,
		Pass:     ref.Pass,
		State:    kitchen.TicketWaiting,
		Attempt:  1,
		IssuedAt: inUTC(at),
	})
}

// recordDone notes a station's done ack on the ticket that ref names.
func (o *order) recordDone(ref kitchen.TicketRef, ack kitchen.Ack) {
	o.status.WaitingFor = ""
	for i := range o.status.Stages {
		pass := &o.status.Stages[i]
		if pass.Stage != ref.Stage || pass.Pass != ref.Pass {
			continue
		}
		pass.State = kitchen.TicketDone
		pass.By = ack.By
		pass.DoneAt = inUTC(ack.At)
		pass.Note = ack.Note
		if ack.StartedAt != nil {
			pass.StartedAt = inUTC(*ack.StartedAt)
		}
		if ack.Attempt > 0 {
			pass.Attempt = ack.Attempt
		}
	}
}

// recordShipped notes that the order has left the factory.
func (o *order) recordShipped(at time.Time) {
	o.status.State = kitchen.StateShipped
	o.status.ShippedAt = inUTC(at)
}

// showDetails puts the order's state into the Temporal UI, as Markdown under
// the workflow's current details. It adds no history event.
func (o *order) showDetails(ctx workflow.Context) {
	var text strings.Builder
	fmt.Fprintf(&text, "**%s** · pickup code **%s**", o.status.State, o.status.PickupCode)
	if o.status.WaitingFor != "" {
		fmt.Fprintf(&text, " · waiting for **%s**", o.status.WaitingFor)
	}
	text.WriteString("\n\n| stage | pass | state | by | issued | done |\n|---|---|---|---|---|---|\n")
	for _, pass := range o.status.Stages {
		fmt.Fprintf(&text, "| %s | %d | %s | %s | %s | %s |\n", pass.Stage, pass.Pass, pass.State, markdownText(pass.By), clock(pass.IssuedAt), clock(pass.DoneAt))
	}
	workflow.SetCurrentDetails(ctx, text.String())
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
