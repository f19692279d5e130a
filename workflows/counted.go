package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// changeCountedOnce is the version marker of the rule that a failure counts once,
// however many others were reported since. Before, only the last one was known
// again.
const changeCountedOnce = "failures-count-once"

// countedKept is how many counted failures an order carries on to its next run.
// Nobody delivers one again after as many others of the same pass.
const countedKept = 100

// repeats counts a failure, and reports whether the order has acted on it
// before: a worker that dies may deliver acks again, for the next attempt.
func (o *order) repeats(ctx workflow.Context, end *ticketEnd) bool {
	stage := o.stage(end.ref)
	isLast := stage != nil && stage.FailedAt != nil && stage.FailedAt.Equal(end.ack.At) && stage.Reason == end.ack.Reason
	o.count(end)
	// An order that took the repetition for a new failure when it ran under an
	// older build must do so in its replays.
	return end.repeated && (isLast || workflow.GetVersion(ctx, changeCountedOnce, workflow.DefaultVersion, 1) != workflow.DefaultVersion)
}

// count notes a failure that a station has reported, and in the end itself
// whether it has been counted before.
func (o *order) count(end *ticketEnd) {
	if !end.reported {
		return
	}
	failure := CountedFailure{ActivityID: end.ref.ActivityID(), At: end.ack.At, Reason: end.ack.Reason}
	end.repeated = slices.ContainsFunc(o.counted, func(c CountedFailure) bool {
		return c.ActivityID == failure.ActivityID && c.At.Equal(failure.At) && c.Reason == failure.Reason
	})
	if !end.repeated {
		o.counted = append(o.counted, failure)
	}
}

// countedOfPass are the counted failures that can come again in the next run:
// tickets of earlier passes end with this one.
func (o *order) countedOfPass() []CountedFailure {
	var kept []CountedFailure
	for _, failure := range o.counted {
		if ref, err := kitchen.ParseActivityID(failure.ActivityID); err == nil && ref.Pass == o.pass {
			kept = append(kept, failure)
		}
	}
	return kept[max(0, len(kept)-countedKept):]
}

// countLastFailures counts what the status tells of failures. An order that comes
// from a run of an older build knows no more.
func (o *order) countLastFailures() {
	for _, stage := range o.status.Stages {
		if stage.FailedAt == nil {
			continue
		}
		ref := kitchen.TicketRef{Stage: stage.Stage, Pass: stage.Pass, Kind: kitchen.TicketMake}
		if stage.Undo != nil {
			ref = ref.Undo()
		}
		o.counted = append(o.counted, CountedFailure{ActivityID: ref.ActivityID(), At: *stage.FailedAt, Reason: stage.Reason})
	}
}
