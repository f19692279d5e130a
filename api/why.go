package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// worthTelling is for how long a manager was asked at least if that is why an order is
// late.
const worthTelling = time.Minute

// situation is all that is known of an order at a moment. What it says is for staff: it
// names people, and durations instead of times, which are the same in all time zones.
type situation struct {
	order    kitchen.Status // with what stations do
	work     floor.Work
	happened []workflows.Happening
	now      time.Time
	// lead is how long the kitchen needs for the order.
	lead time.Duration
	// isBehind says that the log may tell more than is known here.
	isBehind bool
	// label is what a reason's code means.
	label func(code string) string
}

// waiting says what the order waits for. The first case that holds is the one that
// somebody can do something about.
func (s situation) waiting() wire.Waiting {
	order, ticket := s.order, s.work.Ticket
	at := func(cause wire.WaitingCause, format string, args ...any) wire.Waiting {
		text := fmt.Sprintf(format, args...)
		if order.State == kitchen.StateCancelling {
			text = "It is being cancelled, and what was made is cleared away. " + text
		}
		return wire.Waiting{Cause: cause, Text: text}
	}
	// Without the log, the order's own row tells less.
	stage, state, by, since := order.WaitingFor, kitchen.TicketState(""), "", time.Time{}
	if s.work.Stage != "" && (order.WaitingFor == "" || s.work.Stage == order.WaitingFor) {
		stage, state, by, since = s.work.Stage, ticket.State, ticket.By, ticket.Since
		switch row := s.row(stage); {
		case state == kitchen.TicketStarted:
			since = ticket.StartedAt
		case ticket.Kind == kitchen.TicketMake && row != nil && row.IssuedAt != nil:
			since = *row.IssuedAt // in a remake the ticket's age counts from the first pass
		}
	} else if row := s.row(stage); row != nil {
		state, by, since = row.State, row.By, orZero(cmp.Or(row.StartedAt, row.IssuedAt))
		if row.Undo != nil {
			state, by, since = row.Undo.State, row.Undo.By, orZero(cmp.Or(row.Undo.StartedAt, row.Undo.IssuedAt))
		}
	}
	switch {
	case order.State == kitchen.StateShipped && s.work.Collected != nil:
		return at(wire.WaitingForNothing, "It was handed out %s ago.", s.ago(s.work.Collected.At))
	case order.State == kitchen.StateShipped && (s.isBehind || s.now.Sub(orZero(order.ShippedAt)) > kitchen.CollectedKept):
		return at(wire.WaitingForNothing, "It was ready %s ago. Whether it was collected is not known any more.", s.ago(orZero(order.ShippedAt)))
	case order.State == kitchen.StateShipped:
		return at(wire.WaitingForNothing, "It has been ready for pickup for %s.", s.ago(orZero(order.ShippedAt)))
	case order.State == kitchen.StateCancelled:
		return at(wire.WaitingForNothing, "It was cancelled %s ago.", s.ago(orZero(order.CancelledAt)))
	case order.Attention != nil:
		return at(wire.WaitingForDecision, "A manager must decide, and has been asked for %s: %s.", s.ago(order.Attention.Since), strings.TrimSuffix(order.Attention.Reason, "."))
	case order.State == kitchen.StateScheduled:
		if left := orZero(order.DueAt).Add(-s.lead).Sub(s.now); left > 0 {
			return at(wire.WaitingForTime, "It is for later: the kitchen begins in %s.", lasting(left))
		}
		return at(wire.WaitingForTime, "It is for later, and the kitchen is about to begin.")
	case order.State == kitchen.StateAccepted:
		return at(wire.WaitingForWorker, "No worker has taken it up yet.")
	case state == kitchen.TicketFailed && stage != "":
		return at(wire.WaitingAfterFailure, "%s has failed%s, and the order is about to decide what follows.", capital(stage), s.whyFailed(ticket))
	case state == kitchen.TicketStarted && s.isSilent():
		return at(wire.WaitingInSilence, "%s has it in hand at %s and has not been heard of for %s: ask them, or take it over.", by, stage, s.ago(ticket.HeardAt))
	case state == kitchen.TicketStarted:
		return at(wire.WaitingForWork, "%s has had it in hand at %s for %s.", by, stage, s.ago(since))
	case state == kitchen.TicketWaiting && s.work.Paused != (wire.Paused{}):
		text := fmt.Sprintf("%s was paused by %s %s ago", capital(stage), s.work.Paused.By, s.ago(s.work.Paused.At))
		if s.work.Paused.Reason != "" {
			text += ": " + s.work.Paused.Reason
		}
		return at(wire.WaitingWhilePaused, "%s.", strings.TrimSuffix(text, "."))
	case state == kitchen.TicketWaiting && s.work.Ahead > 0:
		return at(wire.WaitingInQueue, "%s before it in the queue for %s, where it has waited for %s.", others(s.work.Ahead), stage, s.ago(since))
	case state == kitchen.TicketWaiting && s.work.Stage != "":
		return at(wire.WaitingInQueue, "It is the next one at %s, where it has waited for %s.", stage, s.ago(since))
	case state == kitchen.TicketWaiting:
		return at(wire.WaitingInQueue, "It has waited at %s for %s.", stage, s.ago(since))
	case order.Stale:
		return at(wire.WaitingForWorker, "No worker answers: until one does, it stays where it is.")
	}
	return at(wire.WaitingForNext, "Its next ticket is about to go out.")
}

// late says by how much the order is late and why; nil if it is not.
func (s situation) late() *wire.Lateness {
	due := s.due()
	if state := s.order.State; state.IsFinal() || state == kitchen.StateCancelling || !s.now.After(due) {
		return nil
	}
	said := []string{fmt.Sprintf("It is %s late.", lasting(s.now.Sub(due)))}
	if remakes := s.order.Remakes; remakes > 0 {
		said = append(said, s.remade(remakes))
	} else if failed, found := s.lastFailure(); found && s.order.Attention == nil {
		said = append(said, fmt.Sprintf("%s failed %s ago%s, and was issued again.", capital(failed.Stage), s.ago(failed.At), s.because(failed.Reason)))
	}
	if decided := s.decided(); decided >= worthTelling {
		said = append(said, fmt.Sprintf("Managers took %s to decide.", lasting(decided)))
	}
	said = append(said, s.waiting().Text)
	return &wire.Lateness{DueAt: due, Text: strings.Join(said, " ")}
}

// due is when the order was to be ready.
func (s situation) due() time.Time {
	if s.order.DueAt != nil {
		return *s.order.DueAt
	}
	return s.order.PlacedAt.Add(s.lead)
}

// remade says why the order was made anew.
func (s situation) remade(times int) string {
	text := "It was made anew"
	if times > 1 {
		text = fmt.Sprintf("It was made anew %d times", times)
	}
	if failed, found := s.lastFailure(); found {
		text += fmt.Sprintf(": %s failed %s ago%s", failed.Stage, s.ago(failed.At), s.because(failed.Reason))
	}
	if scrapped := s.order.Scrapped; scrapped > 0 {
		text += fmt.Sprintf(", and %s thrown away", wasPieces(scrapped))
	}
	return text + "."
}

// lastFailure is the last failure of work that was to be made.
func (s situation) lastFailure() (workflows.Happening, bool) {
	for _, happened := range slices.Backward(s.happened) {
		if happened.Kind == workflows.HappenedFailed && !happened.Undoing {
			return happened, true
		}
	}
	return workflows.Happening{}, false
}

// decided is how long managers took for what they have decided.
func (s situation) decided() (took time.Duration) {
	var asked time.Time
	for _, happened := range s.happened {
		switch {
		case happened.Kind == workflows.HappenedAsked:
			asked = happened.At
		case happened.Kind == workflows.HappenedDecided && !asked.IsZero():
			took += happened.At.Sub(asked)
			asked = time.Time{}
		}
	}
	return took
}

// row is the order's last pass through a stage; nil if it was not there.
func (s situation) row(stage kitchen.Stage) *kitchen.StageStatus {
	for i := range slices.Backward(s.order.Stages) {
		if s.order.Stages[i].Stage == stage {
			return &s.order.Stages[i]
		}
	}
	return nil
}

func (s situation) isSilent() bool {
	ticket := s.work.Ticket
	return ticket.SilentAfterSeconds > 0 && !ticket.HeardAt.IsZero() && s.now.Sub(ticket.HeardAt) > time.Duration(ticket.SilentAfterSeconds)*time.Second
}

// whyFailed says who has reported a failure of the ticket, and why.
func (s situation) whyFailed(ticket wire.BoardTicket) string {
	failure := ticket.Failure
	if failure.By == "" {
		return ""
	}
	return fmt.Sprintf(", says %s%s", failure.By, s.because(failure.Reason))
}

func (s situation) because(code string) string {
	if code == "" {
		return ""
	}
	return " (" + s.label(code) + ")"
}

func (s situation) ago(at time.Time) string {
	if at.IsZero() {
		return "some time"
	}
	return lasting(s.now.Sub(at))
}

// lasting is a duration for people, without seconds if it takes minutes.
func lasting(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), " 0 min")
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}

func others(n int) string {
	if n == 1 {
		return "One other is"
	}
	return fmt.Sprintf("%d others are", n)
}

func wasPieces(n int) string {
	if n == 1 {
		return "1 cupcake was"
	}
	return fmt.Sprintf("%d cupcakes were", n)
}

func capital[T ~string](word T) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(string(word[:1])) + string(word[1:])
}
