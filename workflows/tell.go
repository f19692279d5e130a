package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// changeTellStatus is the version marker of orders that tell the log each change
// of their status, also when no ticket goes out with it; see marks.
const changeTellStatus = "tell-status"

// changeTellReset is the version marker of orders that tell the log where they stand
// because they were reset in Temporal; see marks.
const changeTellReset = "tell-reset"

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
	// at versionAt, or the one it is to have once the order is shipped. The status's
	// own is 0 while the log cannot have it.
	lastVersion int64
	versionAt   time.Time
	// told is the version that the log has, or gets with a ticket that is out.
	told int64
	// beside is set once there is a coroutine that tells the status.
	beside bool
	// alone are the marks of changes that are told alone, and tellsAlone is set once
	// there is one. resets are those of workflow tasks that may be the first after a
	// reset in Temporal.
	alone, resets marks
	tellsAlone    bool
	// runID is this run, and beganRun the one whose history it goes on with if it was
	// reset. knownRun is the last run that is known in history: at first the one that
	// began it, and another once that has told that it was reset. lookedAt is the workflow
	// task that has looked for a reset last.
	runID, beganRun, knownRun string
	lookedAt                  time.Time
}

func newTelling() telling {
	return telling{alone: marks{change: changeTellStatus}, resets: marks{change: changeTellReset}}
}

// marks are version markers of one kind. A marker says in history that it was written
// when its step was first taken, and not by an older build that has taken the step
// without it. The SDK tells the same of one id for the rest of a run, so each step gets
// a marker of its own until there is one in history.
type marks struct {
	change string
	asked  int
}

// next reports whether the next step is taken by a build that has these markers.
func (m *marks) next(ctx workflow.Context) bool {
	m.asked++
	id := m.change
	if m.asked > 1 {
		id = fmt.Sprintf("%s-%d", m.change, m.asked)
	}
	return workflow.GetVersion(ctx, id, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// takeVersion gives the status a version of its own if it has changed. It goes by
// time as well, so that an order that was reset in Temporal has higher versions than
// those that the log has from before.
func (o *order) takeVersion(ctx workflow.Context) {
	if !o.changed {
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

// loggedStatus is what is told of the status.
func (o *order) loggedStatus() *kitchen.LoggedStatus {
	status := o.status.ForLog(o.versionAt)
	return &status
}

// shippedStatus is the status that the order is going to have once it is announced
// as shipped.
func (o *order) shippedStatus(at time.Time) *kitchen.LoggedStatus {
	shipped := order{status: o.status}
	shipped.recordShipped(at)
	shipped.status.Version = o.nextVersion(at)
	status := shipped.status.ForLog(at)
	return &status
}

// announcedShipped notes that an order that is shipped is announced, and whether the
// log has the status that was to be told with that.
func (o *order) announcedShipped(ctx workflow.Context, status *kitchen.LoggedStatus, isTold bool) {
	if isTold {
		o.told = status.Version
	}
	if o.lastVersion == status.Version {
		o.status.Version, o.versionAt, o.changed = status.Version, status.At, false
		return
	}
	o.takeVersion(ctx) // late work was recorded meanwhile
}

// isUntold reports whether the log has yet to hear of the status. Until an order is
// announced as shipped its last status is on the way, and no other is told.
func (o *order) isUntold() bool {
	shipping := o.shipping && o.status.State != kitchen.StateShipped
	return !shipping && o.status.Version > o.told
}

// lose notes that a ticket is out and the version that was to be told with it is not.
func (o *order) lose(version int64) {
	if version > 0 && o.told == version {
		o.told--
	}
}

// leaveUntold notes that nobody tells the status as it is: whoever follows the order
// must ask for it. The next change is told again, if it can be.
func (o *order) leaveUntold() {
	o.status.Version, o.status.DetailsVersion = 0, 0
	o.detailsChanged = true
}

// await waits until a condition is met. The order's steps wait here and in
// pauseBeforeReissue: if its status has changed by then and no ticket has gone out
// with that, it is told beside them.
func (o *order) await(ctx workflow.Context, met func() bool) error {
	for {
		o.tellStatus(ctx)
		if err := workflow.Await(ctx, func() bool {
			return met() || o.isUntold() && !o.beside || o.mayBeReset(ctx)
		}); err != nil || met() {
			return err
		}
	}
}

// mayBeReset reports whether this may be the first workflow task after a reset in
// Temporal, in which the order has not taken a step. Then the log tells of steps that
// the order has not taken, until it tells it otherwise.
func (o *order) mayBeReset(ctx workflow.Context) bool {
	if o.runID == o.knownRun {
		return false
	}
	now := workflow.Now(ctx)
	return !now.Equal(o.lookedAt) && !now.Equal(o.versionAt)
}

// noticeReset has the order tell its status if it was reset. What happened before that
// is replayed, and has no marker.
func (o *order) noticeReset(ctx workflow.Context) {
	if !o.mayBeReset(ctx) {
		return
	}
	o.lookedAt = workflow.Now(ctx)
	if !o.resets.next(ctx) {
		return
	}
	run := workflow.SideEffect(ctx, func(workflow.Context) any { return o.runID })
	if err := run.Get(&o.knownRun); err != nil { // cannot be: it is a text
		o.knownRun = o.runID
	}
	o.changed, o.detailsChanged = true, true
	o.confirmPlace(ctx)
}

// tellStatus has a coroutine tell the status, and each that follows, if no ticket
// takes it along before the end of the workflow task. While Kafka is away only the
// newest one is kept.
func (o *order) tellStatus(ctx workflow.Context) {
	o.noticeReset(ctx)
	o.takeVersion(ctx)
	if o.beside || !o.isUntold() {
		return
	}
	o.beside = true
	// It comes after the steps in each workflow task, as the newest coroutine.
	workflow.Go(ctx, func(ctx workflow.Context) {
		pause := announceAgainAfter
		for workflow.Await(ctx, o.isUntold) == nil {
			if !o.isToldAlone(ctx) {
				o.leaveUntold() // it has changed under an older build
				continue
			}
			status := *o.loggedStatus()
			switch err := tryToAnnounce(ctx, ActivityTellStatus, nil, status); {
			case err == nil, isTooLarge(err) && o.status.Version != status.Version:
				o.told = max(o.told, status.Version)
				pause = announceAgainAfter
			case isTooLarge(err):
				o.leaveUntold()
			default: // somebody has ended it by hand, or it is an older build's order
				if workflow.Sleep(ctx, pause) != nil {
					return
				}
				pause = min(2*pause, announceAtMost)
			}
		}
	})
}

// isToldAlone reports whether a change is told with which no ticket goes out.
func (o *order) isToldAlone(ctx workflow.Context) bool {
	o.tellsAlone = o.tellsAlone || o.alone.next(ctx)
	return o.tellsAlone
}
