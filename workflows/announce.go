package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// The pauses between two tries to announce.
const (
	announceAgainAfter = 5 * time.Second
	announceAtMost     = time.Minute
)

// announce runs one of the local activities that announce what became of an
// order, and retries it for as long as it takes. The retries are the
// workflow's: a local activity's own would hold up queries and updates, and
// would give up.
func announce(ctx workflow.Context, activity string, what any) error {
	oneTry := workflow.WithLocalActivityOptions(ctx, oneTryOptions)
	for pause := announceAgainAfter; ; pause = min(2*pause, announceAtMost) {
		if err := workflow.ExecuteLocalActivity(oneTry, activity, what).Get(ctx, nil); err == nil {
			return nil
		}
		if err := workflow.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("wait to call %s again: %w", activity, err)
		}
	}
}

// oneTryOptions are for local activities that are not retried.
var oneTryOptions = workflow.LocalActivityOptions{
	StartToCloseTimeout: 5 * time.Second,
	RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
}

// endCancelled announces exactly what was undone and what was not, and closes
// the order.
func (o *order) endCancelled(ctx workflow.Context) error {
	at := workflow.Now(ctx)
	o.leftoversAnnounced = true
	if err := announce(ctx, ActivityAnnounceFailed, o.failedMessage(kitchen.StateCancelled, o.cancelWords(), at)); err != nil {
		return err
	}
	o.recordCancelled(at)
	return o.saveStatus(ctx)
}

func (o *order) cancelWords() string {
	if o.status.CancelReason == "" {
		return "cancelled"
	}
	return "cancelled: " + o.status.CancelReason
}

// failedMessage announces an order that was cancelled or needs attention.
func (o *order) failedMessage(state kitchen.OrderState, reason string, at time.Time) kitchen.Failed {
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

// cloneStages copies stages in full. A local activity gets its input as it is,
// not encoded, while the order goes on changing its stages.
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
