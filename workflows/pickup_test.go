package workflows_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

var pickupDay = kitchen.Date{Year: 2026, Month: time.November, Day: 28}

// planFrom is the plan of a day with as many slots of half an hour as given.
func planFrom(first time.Time, slots, capacity int) kitchen.PickupPlan {
	const slot = 30 * time.Minute
	last := first.Add(time.Duration(slots) * slot)
	return kitchen.PickupPlan{
		Day: pickupDay, Spans: []kitchen.OpenSpan{{From: first.UTC(), To: last.UTC()}},
		Slot: kitchen.Duration(slot), Capacity: capacity, EndsAt: last.Add(time.Hour).UTC(),
	}
}

// dayAsked is what somebody has asked of a day, and the answer.
type dayAsked struct {
	t    rapid.TB
	r    kitchen.Reservation
	name string
	err  error
	done bool
	// answers are those of the run, in the order in which they were given.
	answers *[]*dayAsked
}

func (a *dayAsked) Accept() {}

func (a *dayAsked) Reject(err error) { a.answered(err) }

func (a *dayAsked) Complete(_ any, err error) { a.answered(err) }

func (a *dayAsked) answered(err error) {
	if a.done {
		a.t.Fatalf("%s is answered twice", a.name)
	}
	a.err, a.done = err, true
	*a.answers = append(*a.answers, a)
}

// refusal is why there is no place; empty if there is one.
func (a *dayAsked) refusal() kitchen.PickupRefusal {
	var why kitchen.NoPlaceError
	failed, is := errors.AsType[*temporal.ApplicationError](a.err)
	switch {
	case a.err == nil:
		return ""
	case !is || failed.Type() != workflows.ErrorNoPlace || failed.Details(&why) != nil:
		a.t.Fatalf("%s has failed: %v", a.name, a.err)
	}
	for _, free := range why.Free {
		if !a.r.Plan.Has(free) || free.Equal(a.r.Slot) {
			a.t.Fatalf("%s is offered instead of %s", free, a.r.Slot)
		}
	}
	return why.Why
}

// Whatever is asked of a day, however often and in however many runs of its workflow:
// no slot has more than its capacity, and nobody's place is lost.
func TestNoSlotOfADayIsGivenTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		began := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
		plan := planFrom(began.Add(time.Hour), 4, 10)
		day := kitchen.PickupDay{Plan: plan}
		has, gone := map[string]kitchen.Reservation{}, map[string]bool{}
		for run, over := 0, false; !over; run++ {
			suite := &testsuite.WorkflowTestSuite{}
			suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			env.SetStartTime(began)
			env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: kitchen.PickupWorkflowID(pickupDay), TaskQueue: workflows.TaskQueue})
			var answers []*dayAsked
			at := time.Duration(0)
			for i := range rapid.IntRange(1, 12).Draw(t, "updates") {
				// Several may come at the same instant.
				at += rapid.SampledFrom([]time.Duration{0, 0, 10 * time.Minute}).Draw(t, "later")
				a := &dayAsked{t: t, answers: &answers, name: workflows.UpdateReserve, r: kitchen.Reservation{
					Holder: rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "holder"),
					Slot:   rapid.SampledFrom(plan.Slots()).Draw(t, "slot"), Pieces: rapid.IntRange(1, 6).Draw(t, "pieces"), Plan: plan,
				}}
				if rapid.IntRange(0, 3).Draw(t, "releases") == 0 {
					a.name = workflows.UpdateRelease
				}
				env.RegisterDelayedCallback(func() { env.UpdateWorkflow(a.name, fmt.Sprint(run, "/", i), a, a.r) }, at)
			}
			continues := rapid.Bool().Draw(t, "continues as new")
			if continues {
				env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, at+time.Minute)
				wake := &dayAsked{t: t, answers: &answers, name: workflows.UpdateRelease, r: kitchen.Reservation{Holder: "nobody", Plan: plan}}
				env.RegisterDelayedCallback(func() { env.UpdateWorkflow(wake.name, fmt.Sprint(run, "/wake"), wake, wake.r) }, at+time.Minute)
			}
			env.ExecuteWorkflow(workflows.PickupDayWorkflow, day)
			now := began
			for _, a := range answers {
				_, again := has[a.r.Holder]
				taken := 0
				for _, other := range has {
					if other.Slot.Equal(a.r.Slot) {
						taken += other.Pieces
					}
				}
				switch {
				case a.name == workflows.UpdateRelease:
					if a.err != nil {
						t.Fatalf("a release has failed: %v", a.err)
					}
					delete(has, a.r.Holder)
					gone[a.r.Holder] = true
				case a.refusal() == "":
					if before, known := has[a.r.Holder]; known && !before.Slot.Equal(a.r.Slot) || gone[a.r.Holder] {
						t.Fatalf("%v got a place for %v", a.r, before)
					}
					if !again {
						if taken+a.r.Pieces > plan.Capacity {
							t.Fatalf("%s has %d and got %d", a.r.Slot, taken, a.r.Pieces)
						}
						has[a.r.Holder] = a.r
					}
				case a.refusal() == kitchen.PickupFull && (again || taken+a.r.Pieces <= plan.Capacity):
					t.Fatalf("%s is refused, though it has only %d", a.r.Slot, taken)
				case a.refusal() == kitchen.PickupReleased && !gone[a.r.Holder]:
					t.Fatalf("%s has given nothing back", a.r.Holder)
				case a.refusal() == kitchen.PickupOver && a.r.Slot.After(now.Add(at)):
					t.Fatalf("%s is not over", a.r.Slot)
				}
			}
			err := env.GetWorkflowError()
			if next, is := errors.AsType[*workflow.ContinueAsNewError](err); is {
				day = kitchen.PickupDay{}
				if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &day); err != nil {
					t.Fatal(err)
				}
				for holder, r := range has {
					if day.Taken(r.Slot) < r.Pieces {
						t.Fatalf("the next run has forgotten %s", holder)
					}
				}
				began = env.Now()
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if env.Now().Before(plan.EndsAt) {
				t.Fatalf("the day is over at %s", env.Now())
			}
			over = true
		}
	})
}

func TestADayIsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(quiet)
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "pickup-2026-11-29", TaskQueue: workflows.TaskQueue})
	env.ExecuteWorkflow(workflows.PickupDayWorkflow, kitchen.PickupDay{Plan: planFrom(time.Now(), 1, 1)})
	require.ErrorContains(t, env.GetWorkflowError(), "the plan is for 2026-11-28")
}
