package workflows_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// slotFactory is the world of an order for a slot: reserve stands in for the day's
// workflow.
type slotFactory struct {
	*factory
	reserve func(kitchen.Reservation) (kitchen.Reserved, error)

	// onRelease is called while the place is given back, where updates may be sent. Optional.
	onRelease func()

	mu       sync.Mutex
	released int
}

func newSlotFactory(t *testing.T, reserve func(kitchen.Reservation) (kitchen.Reserved, error)) *slotFactory {
	f := &slotFactory{factory: newFactory(t), reserve: reserve}
	plan := planFrom(placedAt.Add(3*time.Hour), 4, 100)
	f.in.Order.PickupAt = plan.Slots()[0]
	f.in.Pickup = &kitchen.Pickup{At: f.in.Order.PickupAt, BeginAt: placedAt.Add(2 * time.Hour), Plan: plan}
	f.env.SetStartTime(placedAt)
	f.env.RegisterActivityWithOptions(func(_ context.Context, r kitchen.Reservation) (kitchen.Reserved, error) {
		return f.reserve(r)
	}, activity.RegisterOptions{Name: workflows.ActivityReservePlace})
	f.env.RegisterActivityWithOptions(func(context.Context, kitchen.Reservation) error {
		if f.onRelease != nil {
			f.meanwhile(f.onRelease)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.released++
		return nil
	}, activity.RegisterOptions{Name: workflows.ActivityReleasePlace})
	return f
}

// meanwhile does something while an activity runs. That has its own goroutine, and the
// environment takes updates only on its own.
func (f *slotFactory) meanwhile(do func()) {
	done := make(chan struct{})
	f.env.RegisterDelayedCallback(func() { do(); close(done) }, 0)
	<-done
}

// placeReply is what who places an order hears.
type placeReply struct {
	placed workflows.Placed
	err    error
	done   bool
}

func (r *placeReply) Accept()          {}
func (r *placeReply) Reject(err error) { r.err, r.done = err, true }
func (r *placeReply) Complete(answer any, err error) {
	if r.err, r.done = err, true; err == nil {
		r.placed = answer.(workflows.Placed)
	}
}

// place asks for the order to be placed until a time.
func (f *slotFactory) place(id string, until time.Time) *placeReply {
	r := &placeReply{}
	f.env.UpdateWorkflow(workflows.UpdatePlace, id, r, workflows.Place{Until: until})
	return r
}

// isPlaced requires that who placed the order has heard that it is one.
func (r *placeReply) isPlaced(t *testing.T) {
	t.Helper()
	require.True(t, r.done)
	require.NoError(t, r.err)
	require.Nil(t, r.placed.Refused)
}

// Whoever placed the order, and whoever cancelled it, has heard that there is one.
func TestAnOrderThatIsCancelledWhileItIsPlacedIsOne(t *testing.T) {
	t.Parallel()
	full := func(kitchen.Reservation) (kitchen.Reserved, error) {
		return kitchen.Reserved{Refused: &kitchen.NoPlaceError{Why: kitchen.PickupFull}}, nil
	}
	for name, c := range map[string]struct {
		reserve  func(kitchen.Reservation) (kitchen.Reserved, error)
		released int
	}{
		"and its place is given back": {func(kitchen.Reservation) (kitchen.Reserved, error) { return kitchen.Reserved{}, nil }, 1},
		"though its slot is full":     {full, 0},
		"though nobody can say whether there is room": {func(kitchen.Reservation) (kitchen.Reserved, error) {
			return kitchen.Reserved{}, temporal.NewNonRetryableApplicationError("away", "away", nil)
		}, 1},
	} {
		for by, cancel := range map[string]func(*slotFactory){
			"by an update":              func(f *slotFactory) { f.update(workflows.UpdateCancel, "cancel", kitchen.Cancellation{}) },
			"by Temporal's own request": func(f *slotFactory) { f.env.CancelWorkflow() },
		} {
			t.Run(name+", "+by, func(t *testing.T) {
				t.Parallel()
				f := newSlotFactory(t, nil)
				f.reserve = func(r kitchen.Reservation) (kitchen.Reserved, error) {
					f.meanwhile(func() { cancel(f) })
					return c.reserve(r)
				}
				var first *placeReply
				f.at(0, func() { first = f.place("one", placedAt.Add(workflows.PlaceWithin)) })
				require.Equal(t, kitchen.StateCancelled, f.run().State)
				first.isPlaced(t)
				require.Equal(t, c.released, f.released)
				require.Len(t, f.failed, 1)
			})
		}
	}

	t.Run("also before anybody has asked", func(t *testing.T) {
		t.Parallel()
		f := newSlotFactory(t, full)
		f.refusals = 2 // so it takes a moment to close
		f.at(time.Second, func() { f.update(workflows.UpdateCancel, "cancel", kitchen.Cancellation{}) })
		var late *placeReply
		f.at(2*time.Second, func() { late = f.place("late", placedAt.Add(workflows.PlaceWithin)) })
		require.Equal(t, kitchen.StateCancelled, f.run().State)
		late.isPlaced(t)
	})
}

// Whoever placed it has heard that nothing was ordered.
func TestAnOrderThatGetsNoPlaceIsNotCancelled(t *testing.T) {
	t.Parallel()
	for by, cancel := range map[string]func(*slotFactory){
		"by an update": func(f *slotFactory) {
			f.refusal(workflows.UpdateCancel, "cancel", kitchen.Cancellation{}, workflows.ErrorRefused, "was not placed")
		},
		"by Temporal's own request": func(f *slotFactory) { f.env.CancelWorkflow() },
	} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			f := newSlotFactory(t, func(kitchen.Reservation) (kitchen.Reserved, error) {
				return kitchen.Reserved{}, temporal.NewNonRetryableApplicationError("away", "away", nil)
			})
			var placed *placeReply
			f.at(0, func() { placed = f.place("one", placedAt.Add(workflows.PlaceWithin)) })
			f.onRelease = func() { cancel(f) }
			f.env.ExecuteWorkflow(f.workflow, f.in)
			failed, is := errors.AsType[*temporal.ApplicationError](f.env.GetWorkflowError())
			require.True(t, is)
			require.Equal(t, workflows.ErrorNotPlaced, failed.Type())
			require.Equal(t, kitchen.PickupUnanswered, placed.placed.Refused.Why)
			require.Empty(t, f.failed, "nobody hears of it")
			require.Equal(t, kitchen.StateAccepted, f.status().State)
			require.Equal(t, 1, f.released)
			for _, check := range f.checks {
				check()
			}
		})
	}
}

// The clock of who places an order may be wrong, and Temporal's decides.
func TestWhoPlacesAnOrderLearnsThatTheirClockIsWrong(t *testing.T) {
	t.Parallel()
	f := newSlotFactory(t, func(kitchen.Reservation) (kitchen.Reserved, error) { return kitchen.Reserved{}, nil })
	wrong := map[string]*placeReply{}
	f.at(time.Second, func() {
		wrong["slow"] = f.place("slow", f.env.Now().Add(-time.Second))
		wrong["fast"] = f.place("fast", f.env.Now().Add(2*workflows.PlaceWithin))
	})
	var right *placeReply
	f.at(2*time.Second, func() { right = f.place("right", f.env.Now().Add(workflows.PlaceWithin)) })
	require.Equal(t, kitchen.StateShipped, f.run().State)
	right.isPlaced(t)
	for name, r := range wrong {
		refused, is := errors.AsType[*temporal.ApplicationError](r.err)
		require.True(t, is, name)
		require.Equal(t, workflows.ErrorRefused, refused.Type())
		var clock workflows.Clock
		require.NoError(t, refused.Details(&clock))
		require.True(t, placedAt.Add(time.Second).Equal(clock.At), clock.At)
	}
}
