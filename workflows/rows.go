package workflows

import (
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// stage is the pass through a stage that a ticket is for; nil before its first
// ticket has gone out.
func (o *order) stage(ref kitchen.TicketRef) *kitchen.StageStatus { return stageIn(&o.status, ref) }

// row is what the order's status says of a ticket; nil before it has gone out.
func (o *order) row(ref kitchen.TicketRef) *ticketRow { return rowIn(&o.status, ref) }

// ticketRow is what a status says of one ticket. A status has the same fields
// for a stage's ticket and for its undo ticket, in two places.
type ticketRow struct {
	state     *kitchen.TicketState
	attempt   *int
	by        *string
	startedAt **time.Time
}

func stageIn(status *kitchen.Status, ref kitchen.TicketRef) *kitchen.StageStatus {
	for i := range status.Stages {
		if stage := &status.Stages[i]; stage.Stage == ref.Stage && stage.Pass == ref.Pass {
			return stage
		}
	}
	return nil
}

func rowIn(status *kitchen.Status, ref kitchen.TicketRef) *ticketRow {
	stage := stageIn(status, ref)
	switch {
	case stage == nil:
		return nil
	case ref.Kind == kitchen.TicketMake:
		return &ticketRow{&stage.State, &stage.Attempt, &stage.By, &stage.StartedAt}
	case stage.Undo == nil:
		return nil
	}
	undo := stage.Undo
	return &ticketRow{&undo.State, &undo.Attempt, &undo.By, &undo.StartedAt}
}

// issued is how often the ticket has gone out.
func (r *ticketRow) issued() int {
	if r == nil {
		return 0
	}
	return *r.attempt
}

// failed reports whether the ticket's last activity has ended in a failure.
func (r *ticketRow) failed() bool { return r != nil && *r.state == kitchen.TicketFailed }

// issue notes that the ticket goes out.
func (r *ticketRow) issue() {
	*r.state = kitchen.TicketWaiting
	*r.attempt++
}

// end notes how the ticket ended, by its station's ack.
func (r *ticketRow) end(state kitchen.TicketState, ack kitchen.Ack) {
	*r.state, *r.by = state, ack.By
	r.answered(ack)
}

// answered notes the attempt that an ack answers.
func (r *ticketRow) answered(ack kitchen.Ack) { *r.attempt = max(*r.attempt, ack.Attempt) }

// start notes when the work began, if the ack says so.
func (r *ticketRow) start(ack kitchen.Ack) {
	if ack.StartedAt != nil {
		*r.startedAt = inUTC(*ack.StartedAt)
	}
}

func inUTC(t time.Time) *time.Time {
	utc := t.UTC()
	return &utc
}
