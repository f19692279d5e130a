package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// changeTellStatus is the version marker of orders that tell the log each change
// of their status, also when no ticket goes out with it.
const changeTellStatus = "tell-status"

// telling is what an order has told the log of its status:
//
//	the status changes                  changed
//	it gets its version                 at the latest when the order waits
//	a ticket goes out, or it is shipped told with that, in the same activity
//	otherwise                           told beside the order's steps
//
// So an order that nothing happens to tells everything without a history event.
type telling struct {
	// changed is set while the status has changed since it got its version, and
	// detailsChanged while something has that is not told.
	changed, detailsChanged bool
	// lastVersion is the last version that was given: that of the status, which it got
	// at versionAt, or the one it is to have once the order is shipped.
	lastVersion int64
	versionAt   time.Time
	// told is the version that the log has, or gets with a ticket that is out.
	told int64
	// beside is set once there is a coroutine that tells the status. An order that
	// has changed under an older build without telling it tells nothing in this run:
	// then it is silent, and its versions are 0.
	beside, silent bool
}

// takeVersion gives the status a version of its own if it has changed. It goes by
// time as well, so that an order that was reset in Temporal soon has higher
// versions than those that the log has from before.
func (o *order) takeVersion(ctx workflow.Context) {
	if !o.changed || o.silent {
		return
	}
	o.versionAt = workflow.Now(ctx)
	o.status.Version = o.nextVersion(o.versionAt)
	if o.detailsChanged {
		o.status.DetailsVersion = o.status.Version
	}
	o.changed, o.detailsChanged = false, false
}

func (o *order) nextVersion(at time.Time) int64 {
	o.lastVersion = max(o.lastVersion+1, at.UnixMilli())
	return o.lastVersion
}

// loggedStatus is what is told of the status; nil if the order is silent.
func (o *order) loggedStatus() *kitchen.LoggedStatus {
	if o.silent {
		return nil
	}
	status := o.status.ForLog(o.versionAt)
	return &status
}

// shippedStatus is the status that the order is going to have once it is announced
// as shipped; nil if the order is silent.
func (o *order) shippedStatus(at time.Time) *kitchen.LoggedStatus {
	if o.silent {
		return nil
	}
	shipped := order{status: o.status}
	shipped.recordShipped(at)
	shipped.status.Version = o.nextVersion(at)
	status := shipped.status.ForLog(at)
	return &status
}

// toldShipped notes that an order that is shipped is announced with that status.
func (o *order) toldShipped(ctx workflow.Context, status *kitchen.LoggedStatus) {
	if status == nil {
		return
	}
	o.told = status.Version
	if o.lastVersion == status.Version {
		o.status.Version, o.changed = status.Version, false
		return
	}
	o.takeVersion(ctx) // late work was recorded meanwhile
}

// isUntold reports whether the log has yet to hear of the status. Until an order is
// announced as shipped its last status is on the way, and no other is told.
func (o *order) isUntold() bool {
	shipping := o.shipping && o.status.State != kitchen.StateShipped
	return !o.silent && !shipping && o.status.Version > o.told
}

// await waits until a condition is met. The order's steps wait here and in
// pauseBeforeReissue: if its status has changed by then and no ticket has gone out
// with that, it is told beside them.
func (o *order) await(ctx workflow.Context, met func() bool) error {
	for {
		o.tellStatus(ctx)
		if err := workflow.Await(ctx, func() bool { return met() || o.isUntold() && !o.beside }); err != nil || met() {
			return err
		}
	}
}

// tellStatus has a coroutine tell the status, and each that follows, if no ticket
// takes it along before the end of the workflow task. While Kafka is away only the
// newest one is kept.
func (o *order) tellStatus(ctx workflow.Context) {
	o.takeVersion(ctx)
	if o.beside || !o.isUntold() {
		return
	}
	o.beside = true
	// It comes after the steps in each workflow task, as the newest coroutine.
	workflow.Go(ctx, func(ctx workflow.Context) {
		for workflow.Await(ctx, o.isUntold) == nil {
			if workflow.GetVersion(ctx, changeTellStatus, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
				o.silent = true
				o.status.Version, o.status.DetailsVersion = 0, 0
				return
			}
			status := *o.loggedStatus()
			if announce(ctx, ActivityTellStatus, status) != nil {
				return
			}
			o.told = max(o.told, status.Version)
		}
	})
}
