package workflows_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// told is what the log has of an order's status: each version that was told.
type told struct {
	versions map[int64]kitchen.LoggedStatus
	newest   int64
}

// take reads a status from the log. It may come again, and always tells the same.
func (l *told) take(status kitchen.LoggedStatus) error {
	status.Repeated = false // of the attempt, not of the order
	if before, again := l.versions[status.Version]; again && !reflect.DeepEqual(before, status) {
		return fmt.Errorf("version %d was told as\n%+v\nand now as\n%+v", status.Version, before, status)
	}
	if l.versions == nil {
		l.versions = map[int64]kitchen.LoggedStatus{}
	}
	l.versions[status.Version] = status
	l.newest = max(l.newest, status.Version)
	return nil
}

// takeFirst reads a status that nobody has told before.
func (l *told) takeFirst(status kitchen.LoggedStatus) error {
	if _, again := l.versions[status.Version]; again {
		return fmt.Errorf("version %d is told twice", status.Version)
	}
	return l.take(status)
}

// check compares what the log tells with the order's own answer, but for what is the
// customer's own.
func (l *told) check(status kitchen.Status) error {
	newest := l.versions[l.newest]
	if status.Version == 0 {
		return fmt.Errorf("the order does not know what the log tells, which is\n%+v", newest)
	}
	if want := status.ForLog(newest.At); !reflect.DeepEqual(want, newest) {
		return fmt.Errorf("the log tells\n%+v\nand the order\n%+v", newest, want)
	}
	return nil
}

// Builds share the orders during a rollout. What an older one has changed, nobody has
// told: then the order says that it does not know what the log has, until it tells more.
func TestAnOrderTellsWhereItStandsOnceANewerBuildHasIt(t *testing.T) {
	t.Parallel()
	// start has an older build make as many changes as given.
	start := func(t *testing.T, changes int) *factory {
		f := newFactory(t)
		for i := 1; i <= 5; i++ {
			id := "tell-status"
			if i > 1 {
				id = fmt.Sprintf("tell-status-%d", i)
			}
			version := workflow.DefaultVersion
			if i > changes {
				version = 1
			}
			f.env.OnGetVersion(id, workflow.DefaultVersion, workflow.Version(1)).Return(version).Maybe()
		}
		f.env.OnGetVersion("announce-beside", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.Version(1)).Maybe()
		f.holding("mix.1")
		return f
	}
	amend := func(f *factory, notes string) {
		f.update(workflows.UpdateAmend, notes, kitchen.Amendment{Notes: &notes})
	}
	untold := func(f *factory) {
		f.mu.Lock()
		defer f.mu.Unlock()
		require.Zero(t, f.status().Version)
		require.Zero(t, f.status().DetailsVersion)
		require.Len(t, f.told.versions, 1, "that of its first ticket, before it changed")
	}
	tells := func(f *factory) {
		f.mu.Lock()
		defer f.mu.Unlock()
		status := f.status()
		require.NoError(t, f.told.check(status))
		require.Equal(t, status.Version, status.DetailsVersion, "what is not told may have changed in between")
	}

	t.Run("with its next change", func(t *testing.T) {
		t.Parallel()
		f := start(t, 2)
		f.at(1*time.Minute, func() { amend(f, "one") })
		f.at(2*time.Minute, func() { untold(f); amend(f, "two") })
		f.at(3*time.Minute, func() { untold(f); amend(f, "three") })
		f.at(4*time.Minute, func() { tells(f); amend(f, "four") })
		f.at(5*time.Minute, func() { tells(f); f.finish("mix.1") })
		require.Equal(t, kitchen.StateShipped, f.run().State)
	})

	t.Run("with its next ticket", func(t *testing.T) {
		t.Parallel()
		f := start(t, 1)
		f.holding("mix.1", "bake.1")
		f.at(1*time.Minute, func() { amend(f, "one") })
		f.at(2*time.Minute, func() { untold(f); f.finish("mix.1") })
		f.at(3*time.Minute, func() { tells(f); f.finish("bake.1") })
		require.Equal(t, kitchen.StateShipped, f.run().State)
	})
}

// No retry makes a status smaller.
func TestAStatusThatIsTooLargeIsLeftUntold(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	f.tooLarge = func(status kitchen.LoggedStatus) bool { return status.State == kitchen.StateNeedsAttention }
	withoutRemakes(&f.in.Rules)
	f.answer = func(i issue) (kitchen.Ack, error) {
		if i.ticket.Kind == kitchen.TicketUndo {
			return f.done(i), nil
		}
		return kitchen.Ack{}, temporal.NewNonRetryableApplicationError("by an operator", "", nil)
	}
	f.at(time.Minute, func() {
		status := f.status()
		require.Equal(t, kitchen.StateNeedsAttention, status.State)
		require.Zero(t, status.Version, "whoever follows the order asks for it")
		f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceCancel})
	})
	status := f.run()
	require.Equal(t, kitchen.StateCancelled, status.State)
	require.NoError(t, f.told.check(status))

	f = newFactory(t)
	f.tooLarge = func(kitchen.LoggedStatus) bool { return true }
	f.holding("mix.1")
	f.at(time.Minute, func() { f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{}) })
	status = f.run()
	require.Equal(t, kitchen.StateCancelled, status.State, "it closes")
	require.Zero(t, status.Version)
}

func amended(notes string) scene {
	return scene{events: func(w *world) []*event {
		return []*event{w.update(workflows.UpdateAmend, "", kitchen.Amendment{Notes: &notes})}
	}}
}

// What an order tells alone costs an event, and in most orders there is nothing.
func TestAnOrderTellsAloneOnlyWhatNoTicketTells(t *testing.T) {
	t.Parallel()
	is := func(state kitchen.OrderState) func(kitchen.LoggedStatus) bool {
		return func(s kitchen.LoggedStatus) bool { return s.State == state }
	}
	inProgress, asks, cancelling := is(kitchen.StateInProgress), is(kitchen.StateNeedsAttention), is(kitchen.StateCancelling)
	cancelled, shipped := is(kitchen.StateCancelled), is(kitchen.StateShipped)
	for name, c := range map[string]struct {
		script []scene
		alone  []func(kitchen.LoggedStatus) bool
	}{
		"nothing, if nothing happens": {nil, nil},
		"nothing of a remake":         {[]scene{acked("mix.1", 0), failed("bake.1", "burnt")}, nil},
		"that all is undone, and its end, where undo tickets tell the rest": {
			[]scene{acked("mix.1", 0), cancelledByUpdate()}, []func(kitchen.LoggedStatus) bool{cancelling, cancelled},
		},
		"that all is undone, and its end, if it is cancelled in Temporal": {
			[]scene{cancelledInTemporal()}, []func(kitchen.LoggedStatus) bool{cancelling, cancelled},
		},
		"each amendment": {
			[]scene{amended("one"), amended("two")}, []func(kitchen.LoggedStatus) bool{inProgress, inProgress},
		},
		"an amendment that comes with an ack, with the next ticket": {[]scene{together(acked("mix.1", 0), amended("one"))}, nil},
		"a question and that it is closed": {
			[]scene{silent("mix.1"), resolved(kitchen.ChoiceRetry)}, []func(kitchen.LoggedStatus) bool{asks, inProgress},
		},
		"a question, whose end the next ticket tells": {[]scene{silent("mix.1"), acked("mix.1", 0)}, []func(kitchen.LoggedStatus) bool{asks}},
		"the newest, once Kafka is back": {
			[]scene{slowly(amended("one")), slowly(amended("two")), slowly(amended("three")), {events: func(*world) []*event { return []*event{nothing()} }}},
			[]func(kitchen.LoggedStatus) bool{inProgress, inProgress},
		},
		"a failure, before the ticket goes out again": {
			[]scene{cancelledByUpdate(), failed("mix.1.undo", "burnt"), resolved(kitchen.ChoiceRetry)},
			[]func(kitchen.LoggedStatus) bool{asks, cancelling, cancelling, cancelled},
		},
		"late work": {
			[]scene{silent("mix.1"), resolved(kitchen.ChoiceRemake), acked("mix.1.undo", 0), acked("mix.1", 0)},
			[]func(kitchen.LoggedStatus) bool{asks, inProgress},
		},
		"late work that comes while it is announced as shipped, after that": {
			[]scene{
				silent("mix.1"), resolved(kitchen.ChoiceRemake), acked("mix.1.undo", 0), acked("mix.2", 0), acked("bake.2", 0),
				acked("decorate.2", 0), slowly(acked("package.2", 0)), acked("mix.1", 0),
			},
			[]func(kitchen.LoggedStatus) bool{asks, shipped},
		},
		"late work that comes after everything": {
			[]scene{silent("mix.1"), cancelledByUpdate(), slowly(acked("mix.1.undo", 0)), acked("mix.1", 0)},
			[]func(kitchen.LoggedStatus) bool{asks, cancelling, cancelling, cancelled},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := play(t, undoInput(), c.script...)
			require.Len(t, w.toldAlone, len(c.alone), "%+v", w.toldAlone)
			for i, holds := range c.alone {
				require.True(t, holds(w.toldAlone[i]), "%d: %+v", i, w.toldAlone[i])
			}
		})
	}
}

func TestTheLogHasNothingOfTheCustomers(t *testing.T) {
	t.Parallel()
	in := undoInput()
	in.Order.Customer.Name, in.Order.Notes, in.Order.Allergies = "SECRET name", "SECRET notes", []string{"SECRET allergy"}
	in.Order.Lines[1].Message = "SECRET message"
	w := newWorld(t, nil, in)
	w.script = []scene{amended("SECRET amendment"), {events: func(w *world) []*event {
		return []*event{w.update(workflows.UpdateCancel, "", kitchen.Cancellation{Reason: "SECRET reason"})}
	}}}
	w.run()
	require.Len(t, w.told.versions, 5, "a ticket, the amendment, the undo ticket, and its end")
	for _, status := range w.told.versions {
		require.NotContains(t, inJSON(status), "SECRET")
	}
}

// The run before was that of an older build, and nobody has told the question.
func TestAnOrderThatGoesOnTellsWhereItStands(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	status := workflows.Accepted(orderID, f.in)
	status.State = kitchen.StateNeedsAttention
	status.Attention = &kitchen.Attention{Stage: kitchen.Mix, Pass: 1, Choices: kitchen.Choices()}
	f.in.Progress = &workflows.Progress{Status: status, Direction: workflows.Making}
	f.at(time.Minute, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		status := f.status()
		require.NoError(t, f.told.check(status))
		require.Len(t, f.told.versions, 1)
		require.Equal(t, status.Version, status.DetailsVersion, "nobody knows when the customer's own has changed")
	})
	f.at(2*time.Minute, func() { f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceCancel}) })
	require.Equal(t, kitchen.StateCancelled, f.run().State)
}
