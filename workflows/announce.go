package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// announceAgainAfter and announceAtMost are the shortest and the longest pause
	// between two tries to announce.
	announceAgainAfter = 5 * time.Second
	announceAtMost     = time.Minute
	// announceWithin bounds one try to announce, and tellWithin the first try to tell
	// a status: an update of the same workflow task is answered after that.
	announceWithin = 5 * time.Second
	tellWithin     = time.Second
	// tellAtMost is the longest pause between two tries of the server to tell a status:
	// pages wait for it.
	tellAtMost = 10 * time.Second
	// changeAnnounceBeside is the version marker of announcements that the order
	// does not wait for, and whose retries are not in its history.
	changeAnnounceBeside = "announce-beside"
)

// announcesBeside reports whether the order goes on while its questions are
// announced. One that has asked under an older build waits for them, in this run.
func announcesBeside(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, changeAnnounceBeside, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// announceLater announces a question or the order's end after all that were to be
// announced before.
func (o *order) announceLater(ctx workflow.Context, what kitchen.Failed) {
	o.queued = append(o.queued, what)
	o.announceQueued(ctx)
}

// announceQueued writes what is queued to order-failures, one after the other,
// beside the order's steps.
func (o *order) announceQueued(ctx workflow.Context) {
	if o.announcing || len(o.queued) == 0 {
		return
	}
	o.announcing = true
	workflow.Go(ctx, func(ctx workflow.Context) {
		for len(o.queued) > 0 && announce(ctx, ActivityAnnounceFailed, nil, o.queued[0]) == nil {
			o.queued = o.queued[1:]
		}
		o.announcing = false
	})
}

// awaitAnnouncements waits until all that was queued is written.
func (o *order) awaitAnnouncements(ctx workflow.Context) error {
	return o.await(ctx, func() bool { return len(o.queued) == 0 })
}

// announce has one of the activities announce what became of an order, for as long as
// it takes, and decodes what it returns. It fails only if ctx is cancelled.
func announce(ctx workflow.Context, activity string, result any, what ...any) error {
	for pause := announceAgainAfter; ; pause = min(2*pause, announceAtMost) {
		if tryToAnnounce(ctx, activity, result, what...) == nil {
			return nil
		}
		// Kafka still has no announcement.
		if err := workflow.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("wait to call %s again: %w", activity, err)
		}
	}
}

// tryToAnnounce is announce until somebody ends its activity by hand, or the activity
// has a failure that is final. An order of an older build gets one try.
//
// The first try is a local activity: it is short, needs no watching, and costs one
// history event instead of six. If that fails, Kafka is away, perhaps for days:
// the further tries are the server's, which writes none of them into history. A
// local activity's own would hold up queries and updates, and would give up.
func tryToAnnounce(ctx workflow.Context, activity string, result any, what ...any) error {
	once, again := oneTryOptions, temporal.RetryPolicy{
		InitialInterval: announceAgainAfter, BackoffCoefficient: 2, MaximumInterval: announceAtMost,
	}
	if activity == ActivityTellStatus {
		once.StartToCloseTimeout, again.MaximumInterval = tellWithin, tellAtMost
	}
	first := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, once), activity, what...)
	err := decode(ctx, first, result)
	if err == nil || isTooLarge(err) || !announcesBeside(ctx) {
		return err
	}
	return decode(ctx, workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: announceWithin, RetryPolicy: &again,
	}), activity, what...), result)
}

// decode waits for an activity. Its result stays as it is if the activity was of an
// older build, which had none, or somebody has completed it by hand with another.
func decode(ctx workflow.Context, future workflow.Future, result any) error {
	err := future.Get(ctx, nil)
	kept := err
	if err == nil && result != nil {
		kept = future.Get(ctx, result)
	}
	if encryption.IsMissingKey(kept) {
		panic(kept) // the task fails: a worker with the key would go on otherwise
	}
	return err
}

// isTooLarge reports whether an activity has found that Kafka never takes its message.
func isTooLarge(failure error) bool {
	cause, is := errors.AsType[*temporal.ApplicationError](failure)
	return is && cause.Type() == kitchen.FailureTooLarge
}

// oneTryOptions are for local activities that are not retried.
var oneTryOptions = workflow.LocalActivityOptions{
	StartToCloseTimeout: announceWithin,
	RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
}

// endCancelled announces exactly what was undone and what was not, and closes
// the order.
func (o *order) endCancelled(ctx workflow.Context) error {
	at := workflow.Now(ctx)
	o.leftoversAnnounced = true
	o.announceLater(ctx, o.failedMessage(kitchen.StateCancelled, o.cancelWords(), at))
	if err := o.awaitAnnouncements(ctx); err != nil {
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
		UnitPrices: o.status.UnitPrices,
		Total:      o.status.Total,
		State:      state,
		Reason:     reason,
		At:         at.UTC(),
		DueAt:      o.status.DueAt,
		Attention:  o.status.Attention,
		// A local activity gets its input as it is, not encoded, while the order goes
		// on changing its stages.
		Stages:    kitchen.CloneStages(o.status.Stages),
		NotUndone: []kitchen.Leftover{},
		Remakes:   o.status.Remakes,
		Scrapped:  o.status.Scrapped,
	}
	for _, row := range o.status.Stages {
		if row.Undo != nil && row.Undo.Left != "" {
			failed.NotUndone = append(failed.NotUndone, kitchen.Leftover{Stage: row.Stage, Pass: row.Pass, Reason: row.Undo.Left})
		}
	}
	return failed
}
