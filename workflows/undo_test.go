package workflows_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// undoInput is an order whose stages are all undone by hand.
func undoInput() workflows.OrderInput {
	in := orderInput()
	in.Rules.MaxRemakes, in.Rules.MaxReissues = 1, 2
	in.Rules.Reasons = map[string]kitchen.Outcome{"burnt": kitchen.OutcomeRemake, kitchen.ReasonOther: kitchen.OutcomeAgain}
	in.Rules.Undo = nil
	return in
}

// play lets an order live by a script, after which everybody behaves.
func play(t *testing.T, in workflows.OrderInput, script ...scene) (*world, kitchen.Status) {
	t.Helper()
	w := newWorld(t, nil, in)
	w.script = script
	status := w.run()
	require.Empty(t, w.script, "the order has closed before its time")
	return w, status
}

// together lets scenes happen at one instant.
func together(scenes ...scene) scene {
	return scene{events: func(w *world) []*event {
		var all []*event
		for _, s := range scenes {
			all = append(all, s.events(w)...)
		}
		return all
	}}
}

// slowly is a scene from which on announcements take five beats.
func slowly(s scene) scene {
	s.announcing = 5 * offbeat
	return s
}

func refOf(activityID string) kitchen.TicketRef {
	ref, err := kitchen.ParseActivityID(activityID)
	if err != nil {
		panic(err)
	}
	ref.OrderID = orderID
	return ref
}

// acked is a good ack on a ticket, with a number of scrapped pieces on an undo
// ticket.
func acked(activityID string, scrapped int) scene {
	return scene{events: func(w *world) []*event {
		ack := goodAck(&pending{ref: refOf(activityID), attempt: 1}, w.env.Now())
		ack.Scrapped = scrapped
		return []*event{w.ack(refOf(activityID), ack)}
	}}
}

func failed(activityID, reason string) scene {
	return scene{events: func(w *world) []*event {
		return []*event{w.ack(refOf(activityID), kitchen.Ack{OrderID: orderID, Kind: kitchen.AckFailed, By: "eve", At: w.env.Now(), Reason: reason})}
	}}
}

// silent has somebody take a ticket and not be heard of for two deliveries, which
// is as many as undoInput allows.
func silent(activityID string) scene {
	return scene{events: func(w *world) []*event {
		p := w.pending(refOf(activityID))
		return []*event{w.claim(p, "kim"), w.silence(p), w.silence(p)}
	}}
}

func resolved(choice kitchen.Choice) scene {
	return scene{events: func(w *world) []*event {
		return []*event{w.update(workflows.UpdateResolve, "", kitchen.Resolution{Choice: choice})}
	}}
}

func cancelledByUpdate() scene {
	return scene{events: func(w *world) []*event {
		return []*event{w.update(workflows.UpdateCancel, "", kitchen.Cancellation{})}
	}}
}

func cancelledInTemporal() scene {
	return scene{events: func(w *world) []*event { return []*event{w.cancelInTemporal()} }}
}

func (w *world) tickets() []string {
	var ids []string
	for _, i := range w.issued {
		ids = append(ids, i.id)
	}
	return ids
}

// cancellations are the ways in which an order is cancelled.
var cancellations = map[string]func() scene{"by an update": cancelledByUpdate, "in Temporal": cancelledInTemporal}

func TestCancelUndoesEachStageThatHasBegun(t *testing.T) {
	t.Parallel()
	for way, cancel := range cancellations {
		stages := orderInput().Rules.Route.Stages()
		for begun, stage := range stages {
			t.Run(fmt.Sprintf("%s at %s", way, stage), func(t *testing.T) {
				t.Parallel()
				var script []scene
				var makes, undos []string
				for _, before := range stages[:begun] {
					script = append(script, acked(string(before)+".1", 0))
				}
				for _, s := range stages[:begun+1] {
					makes = append(makes, string(s)+".1")
					undos = slices.Insert(undos, 0, string(s)+".1.undo")
				}
				w, status := play(t, undoInput(), append(script, cancel())...)
				require.Equal(t, kitchen.StateCancelled, status.State)
				require.Equal(t, append(makes, undos...), w.tickets(), "newest first, each once")
				for i, made := range w.issued[begun+1:] {
					require.Equal(t, i > 0, made.made, "only the last stage was still open")
				}
				for _, row := range status.Stages {
					require.Equal(t, kitchen.TicketUndone, row.Undo.State, row.Stage)
				}
				require.Len(t, w.failed, 1)
				require.Empty(t, w.failed[0].NotUndone)
			})
		}
	}
}

func TestCancelUndoesAfterTrouble(t *testing.T) {
	t.Parallel()
	for way, cancel := range cancellations {
		t.Run(way+", after a failure that a manager was asked about", func(t *testing.T) {
			t.Parallel()
			in := undoInput()
			in.Rules.MaxRemakes = 0
			w, _ := play(t, in, acked("mix.1", 0), failed("bake.1", "burnt"), cancel())
			require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo", "mix.1.undo"}, w.tickets())
		})
		t.Run(way+", while nobody answers", func(t *testing.T) {
			t.Parallel()
			w, _ := play(t, undoInput(), acked("mix.1", 0), silent("bake.1"), cancel())
			require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo", "mix.1.undo"}, w.tickets())
		})
		t.Run(way+", in the pause before a ticket goes out again", func(t *testing.T) {
			t.Parallel()
			scrapping := scene{events: func(w *world) []*event {
				return []*event{w.ack(refOf("bake.1"), kitchen.Ack{OrderID: orderID, Kind: kitchen.AckFailed, By: "eve", At: w.env.Now(), Scrapped: 1})}
			}}
			w, status := play(t, undoInput(), acked("mix.1", 0), scrapping, cancel())
			require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo", "mix.1.undo"}, w.tickets())
			require.Equal(t, 14, status.Scrapped, "one by the failure, and the same cupcakes once")
		})
		t.Run(way+", of the second pass only", func(t *testing.T) {
			t.Parallel()
			w, _ := play(t, undoInput(), acked("mix.1", 0), failed("bake.1", "burnt"), acked("mix.2", 0), cancel())
			require.Equal(t, []string{"mix.1", "bake.1", "mix.2", "bake.2", "bake.2.undo", "mix.2.undo"}, w.tickets())
		})
		t.Run(way+", and an undo that fails is asked about before the next", func(t *testing.T) {
			t.Parallel()
			w, status := play(t, undoInput(), acked("mix.1", 0), cancel(), failed("bake.1.undo", "burnt"), resolved(kitchen.ChoiceCancel))
			require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo", "mix.1.undo"}, w.tickets())
			require.Equal(t, kitchen.StateCancelled, status.State)
			require.Equal(t, kitchen.Bake, w.failed[1].NotUndone[0].Stage)
		})
	}
	t.Run("a manager's remake undoes what was made", func(t *testing.T) {
		t.Parallel()
		w, status := play(t, undoInput(), acked("mix.1", 0), silent("bake.1"), resolved(kitchen.ChoiceRemake))
		require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo", "mix.1.undo", "mix.2", "bake.2", "decorate.2", "package.2"}, w.tickets())
		require.Equal(t, kitchen.StateShipped, status.State)
	})
}

// Bake's ticket was withdrawn and then done. Its row said done again, so the
// pieces that its undo had scrapped no longer counted as the order's: mix
// scrapped them a second time.
func TestLateDoneDoesNotScrapPiecesTwice(t *testing.T) {
	t.Parallel()
	_, status := play(t, undoInput(), acked("mix.1", 0), cancelledByUpdate(), acked("bake.1.undo", 13), acked("bake.1", 0), acked("mix.1.undo", 13))
	require.Equal(t, kitchen.StateCancelled, status.State)
	require.Equal(t, 13, status.Scrapped)
}

// A station answered an undo ticket while a manager left it. The order was then
// both undone and left as it is, and after a failure it asked the manager again.
func TestUndoIsEitherUndoneOrLeft(t *testing.T) {
	t.Parallel()
	t.Run("undone after all", func(t *testing.T) {
		t.Parallel()
		w, status := play(t, undoInput(), cancelledByUpdate(), slowly(silent("mix.1.undo")), together(acked("mix.1.undo", 0), resolved(kitchen.ChoiceCancel)))
		require.Empty(t, status.Stages[0].Undo.Left)
		require.Equal(t, kitchen.TicketUndone, status.Stages[0].Undo.State)
		require.Empty(t, w.failed[1].NotUndone)
	})
	t.Run("failed after all", func(t *testing.T) {
		t.Parallel()
		w, status := play(t, undoInput(), cancelledByUpdate(), slowly(silent("mix.1.undo")), together(failed("mix.1.undo", "burnt"), resolved(kitchen.ChoiceCancel)))
		require.NotEmpty(t, status.Stages[0].Undo.Left)
		require.Len(t, w.failed, 2, "one question and one cancellation")
		require.Len(t, w.failed[1].NotUndone, 1)
	})
}

// A question about one ticket delayed the question about the next: nobody was
// asked about the undo ticket before it had been issued as often as the ticket
// that it undoes.
func TestPatienceWithATicketEndsWithIt(t *testing.T) {
	t.Parallel()
	again := func(activityID string) scene {
		return scene{events: func(w *world) []*event { return []*event{w.silence(w.pending(refOf(activityID)))} }}
	}
	w, _ := play(t, undoInput(), silent("mix.1"), again("mix.1"), again("mix.1"), resolved(kitchen.ChoiceRetry), cancelledByUpdate(), silent("mix.1.undo"), acked("mix.1.undo", 0))
	require.Len(t, w.failed, 3)
	require.True(t, w.failed[1].Attention.Undoing)
}

// A manager who waits on is asked again after as many silent deliveries, however
// long the decision took, and at once as ever when the owner was heard of meanwhile.
func TestWaitingOnIsForAsManyDeliveries(t *testing.T) {
	t.Parallel()
	again := scene{events: func(w *world) []*event { return []*event{w.silence(w.pending(refOf("mix.1")))} }}
	heard := scene{events: func(w *world) []*event { return []*event{w.claim(w.pending(refOf("mix.1")), "kim")} }}
	asked := func(questions int) scene {
		return scene{events: func(w *world) []*event {
			require.Len(w.t, w.failed, questions)
			return []*event{nothing()}
		}}
	}
	play(t, undoInput(),
		silent("mix.1"), asked(1), again, again, again, resolved(kitchen.ChoiceRetry),
		again, asked(1), again, asked(2), resolved(kitchen.ChoiceRetry),
		again, asked(2), heard, again, asked(2), again, asked(3))
}

// An ack and Temporal's cancel request came in one workflow task. The next
// ticket was issued and withdrawn in it, so it never went out, but its station
// was asked to undo it.
func TestCancelRequestIsHeardBeforeTheNextTicketGoesOut(t *testing.T) {
	t.Parallel()
	w, status := play(t, undoInput(), together(acked("mix.1", 0), cancelledInTemporal()))
	require.Equal(t, []string{"mix.1", "mix.1.undo"}, w.tickets())
	require.Equal(t, kitchen.StateCancelled, status.State)
}
