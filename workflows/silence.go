package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// isCurrent reports whether a complaint is about the open ticket and no manager
// has been asked about that.
func (o *order) isCurrent(complaint Unanswered) bool {
	ref, err := kitchen.ParseActivityID(complaint.ActivityID)
	if err != nil || o.status.Attention != nil || o.status.WaitingFor != ref.Stage || ref.Pass != o.pass {
		return false
	}
	undoing := ref.Kind == kitchen.TicketUndo
	return undoing == (o.direction != Making) && complaint.Attempt >= o.askFrom
}

// askAboutSilence asks what to do about a ticket that nobody answers. The ticket
// stays open, and its ack closes the question.
func (o *order) askAboutSilence(ctx workflow.Context, ref kitchen.TicketRef) error {
	complaint := *o.complaint
	o.complaint = nil
	if !o.isCurrent(complaint) {
		return nil
	}
	o.askFrom = complaint.Attempt
	choices := kitchen.Choices()
	if ref.Kind == kitchen.TicketUndo {
		choices = o.undoChoices()
	}
	return o.ask(ctx, ref, complaint.Reason, choices...)
}

// clearComplaint forgets what was known against a ticket that is no longer open:
// it says nothing about the next.
func (o *order) clearComplaint() {
	o.askFrom = 0
	o.complaint = nil
}

// silence says what is known of a ticket that nobody answers, for people.
func silence(description *workflowservice.DescribeWorkflowExecutionResponse, ref kitchen.TicketRef, waited time.Duration) string {
	task, where := string(ref.Stage), ""
	if ref.Kind == kitchen.TicketUndo {
		task, where = "undoing "+task, ", where the work is to be undone"
	}
	since := roundForPeople(waited)
	for _, pending := range description.GetPendingActivities() {
		if pending.GetActivityId() != ref.ActivityID() {
			continue
		}
		if failure := pending.GetLastFailure(); failure != nil {
			if ack, reported := failedAck(temporal.GetDefaultFailureConverter().FailureToError(failure)); reported {
				return fmt.Sprintf("%s has been tried again and again for %s; the last time: %s", task, since, ackWords(ack))
			}
		}
		if who := lastAtWork(pending); who != nil {
			return fmt.Sprintf("%s started %s and has not finished; the ticket has been out for %s", who.By, task, since)
		}
	}
	return fmt.Sprintf("nobody has answered at %s for %s%s", ref.Stage, since, where)
}

// roundForPeople leaves seconds out of what takes minutes.
func roundForPeople(d time.Duration) kitchen.Duration {
	if d < time.Minute {
		return kitchen.Duration(d.Round(time.Second))
	}
	return kitchen.Duration(d.Round(time.Minute))
}
