package floor

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
)

// TestAnEstimateKeepsItsPromises: more work ahead, a larger order and fewer hands never
// make it earlier, and while nothing happens the order is never promised sooner than
// before, nor does what is left grow.
func TestAnEstimateKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		span := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(0, 3600).Draw(t, name)) * time.Second
		}
		stages := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stageWork {
			typical := time.Duration(rapid.IntRange(0, 1800).Draw(t, "typical")) * time.Second
			return stageWork{
				perPiece: time.Duration(rapid.IntRange(0, 100).Draw(t, "perPiece")) * time.Second,
				typical:  typical, slow: typical + time.Duration(rapid.IntRange(0, 900).Draw(t, "slower"))*time.Second,
				hands: rapid.IntRange(1, 4).Draw(t, "hands"), ahead: float64(rapid.IntRange(0, 200).Draw(t, "ahead")), left: float64(rapid.IntRange(0, 200).Draw(t, "left")),
			}
		}), 1, 4).Draw(t, "stages")
		pieces, worked := rapid.IntRange(1, 100).Draw(t, "pieces"), span("worked")
		from, until, slow := reckon(pieces, stages, worked)
		require.LessOrEqual(t, from, until)

		at := rapid.IntRange(0, len(stages)-1).Draw(t, "stage")
		changed := func(change func(*stageWork)) []stageWork {
			other := append([]stageWork{}, stages...)
			change(&other[at])
			return other
		}
		notEarlier := func(why string, pieces int, stages []stageWork) {
			laterFrom, laterUntil, _ := reckon(pieces, stages, worked)
			require.GreaterOrEqual(t, laterFrom, from, why)
			require.GreaterOrEqual(t, laterUntil, until, why)
		}
		notEarlier("more ahead", pieces, changed(func(s *stageWork) { s.ahead += 10 }))
		notEarlier("more left of it", pieces, changed(func(s *stageWork) { s.left += 10 }))
		notEarlier("fewer hands", pieces, changed(func(s *stageWork) { s.hands = max(1, s.hands-1) }))
		notEarlier("larger", pieces+5, stages)
		notEarlier("another stage", pieces, append([]stageWork{{perPiece: time.Second, typical: time.Second, slow: time.Second, hands: 1}}, changed(func(*stageWork) {})...))

		passed := span("passed")
		fromThen, untilThen, slowThen := reckon(pieces, stages, worked+passed)
		require.GreaterOrEqual(t, passed+fromThen, from, "never sooner than before")
		require.GreaterOrEqual(t, passed+untilThen, until)
		require.LessOrEqual(t, fromThen, from, "what is left does not grow")
		require.LessOrEqual(t, untilThen, until)
		require.True(t, slowThen || !slow)
	})
}

// kitchenAtWork is a kitchen in which everybody has done tickets of twelve pieces lately,
// each a minute after it came and ten minutes after it was begun, by a clock that it sets.
type kitchenAtWork struct {
	t     require.TestingT
	floor *Floor
	now   time.Time
	made  int
}

func openKitchen(t require.TestingT, samples int) *kitchenAtWork {
	k := &kitchenAtWork{t: t, now: morning, floor: newTestFloor(t)}
	k.floor.now = func() time.Time { return k.now }
	for range samples {
		for _, stage := range kitchen.Stages() {
			ref := k.issue(stage, time.Time{})
			k.ack(ref, "bob", kitchen.AckStarted)
			k.now = k.now.Add(10 * time.Minute)
			k.ack(ref, "bob", kitchen.AckDone)
			k.now = k.now.Add(-9 * time.Minute)
		}
	}
	k.now = k.now.Add(10 * time.Minute)
	return k
}

// issue issues a ticket of another order.
func (k *kitchenAtWork) issue(stage kitchen.Stage, dueAt time.Time) kitchen.TicketRef {
	k.made++
	return k.issueOf(100+k.made, stage, dueAt)
}

func (k *kitchenAtWork) issueOf(order int, stage kitchen.Stage, dueAt time.Time) kitchen.TicketRef {
	ref := kitchen.TicketRef{OrderID: testOrderID(order), Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
	ticket := floortest.Ticket(ref, 1)
	ticket.IssuedAt, ticket.DueAt = k.now, dueAt
	k.floor.handle(record(k.t, events.TicketTopic(stage), k.now, ticket))
	return ref
}

func (k *kitchenAtWork) ack(ref kitchen.TicketRef, by string, kind kitchen.AckKind) {
	ack := ackOf(ref, kind, k.now)
	ack.By = by
	k.floor.handle(record(k.t, events.TopicAcks, k.now, ack))
}

func (k *kitchenAtWork) flag(kind kitchen.FlagKind, key string) {
	putFlag(k.t, k.floor, kind, key, k.now, nil)
}

// order is where order 1 stands while it waits for a stage.
func (k *kitchenAtWork) order(stage kitchen.Stage, dueAt time.Time) kitchen.Status {
	status := kitchen.Status{
		ID: testOrderID(1), State: kitchen.StateInProgress, Route: kitchen.Stages(), PlacedAt: k.now, DueAt: &dueAt, WaitingFor: stage,
		Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 12}},
	}
	for _, each := range kitchen.Stages() {
		if each == stage {
			status.Stages = append(status.Stages, kitchen.StageStatus{Stage: each, Pass: 1, State: kitchen.TicketWaiting, Attempt: 1})
			break
		}
		status.Stages = append(status.Stages, kitchen.StageStatus{Stage: each, Pass: 1, State: kitchen.TicketDone, Attempt: 1})
	}
	return status
}

// left is how long an order takes from now, at the earliest and at the latest.
func (k *kitchenAtWork) left(status kitchen.Status) (from, until time.Duration, known bool) {
	k.floor.mu.Lock()
	defer k.floor.mu.Unlock()
	k.floor.addWork(&status)
	stages, worked := k.floor.workBefore(&status, k.now)
	from, until, _ = reckon(kitchen.Order{Lines: status.Lines}.Pieces(), stages, worked)
	return from, until, len(stages) > 0
}

func (k *kitchenAtWork) requireLeft(want time.Duration, status kitchen.Status, why string) {
	from, _, known := k.left(status)
	require.True(k.t, known, why)
	require.Equal(k.t, want, from, why)
}

func TestAnEstimateGoesByTheRealQueues(t *testing.T) {
	t.Parallel()
	k := openKitchen(t, 4)
	due := k.now.Add(time.Hour)
	bake := k.order(kitchen.Bake, due)
	k.issueOf(1, kitchen.Bake, due)
	k.requireLeft(30*time.Minute, bake, "three stages of ten minutes, and nothing ahead")

	first := k.issue(kitchen.Bake, due.Add(-time.Minute))
	k.requireLeft(40*time.Minute, bake, "one ahead of it")
	k.issue(kitchen.Bake, due.Add(time.Minute))
	k.requireLeft(40*time.Minute, bake, "what is due later comes later")
	k.issue(kitchen.Decorate, due.Add(-time.Minute))
	k.requireLeft(40*time.Minute, bake, "what is further on is through by then")
	k.issue(kitchen.Decorate, due.Add(-time.Minute))
	k.requireLeft(50*time.Minute, bake, "or holds it up where it waits")

	k.ack(first, "bob", kitchen.AckStarted)
	k.now = k.now.Add(4 * time.Minute)
	k.requireLeft(50*time.Minute, bake, "nobody has begun at decorate, where all of them have to pass")
	k.ack(first, "bob", kitchen.AckDone)
	ours := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	k.ack(ours, "bob", kitchen.AckStarted)
	k.now = k.now.Add(6 * time.Minute)
	_, _, known := k.left(bake)
	require.True(t, known)
	k.flag(kitchen.FlagRush, testOrderID(1))
	k.requireLeft(24*time.Minute, bake, "a rush comes before all others, four minutes of bake are left")

	again := bake
	again.Stages = append([]kitchen.StageStatus{}, bake.Stages...)
	again.Stages[1].Undo = &kitchen.UndoStatus{State: kitchen.TicketWaiting, Attempt: 1}
	k.requireLeft(40*time.Minute, again, "an order that starts again has everything before it")
}

func TestNobodyEstimatesWithoutFigures(t *testing.T) {
	t.Parallel()
	none := func(k *kitchenAtWork, status kitchen.Status, why string) {
		_, _, known := k.left(status)
		require.False(t, known, why)
		require.Zero(t, k.floor.estimate(&status), why)
	}
	few := openKitchen(t, enoughSamples-1)
	none(few, few.order(kitchen.Bake, few.now), "too few")
	k := openKitchen(t, enoughSamples)
	status := k.order(kitchen.Bake, k.now)
	_, _, known := k.left(status)
	require.True(t, known)
	for _, state := range []kitchen.OrderState{kitchen.StateScheduled, kitchen.StateNeedsAttention, kitchen.StateCancelling, kitchen.StateCancelled, kitchen.StateShipped} {
		other := status
		other.State = state
		none(k, other, string(state))
	}
	k.issueOf(1, kitchen.Bake, k.now)
	k.flag(kitchen.FlagPaused, string(kitchen.Mix))
	_, _, known = k.left(status)
	require.True(t, known, "it has passed what is paused")
	k.flag(kitchen.FlagPaused, string(kitchen.Bake))
	none(k, status, "nobody knows for how long")
	k.ack(kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}, "bob", kitchen.AckStarted)
	_, _, known = k.left(status)
	require.True(t, known, "what is in hand goes on")
	k.now = k.now.Add(figuresBack + figuresStep)
	k.issue(kitchen.Mix, time.Time{})
	none(k, status, "the figures are old")
}

// TestAnEstimateNeverGoesBackwards: while nothing happens in a kitchen, whatever stands
// in it, no order is promised sooner than before.
func TestAnEstimateNeverGoesBackwards(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := openKitchen(t, 3)
		due := k.now.Add(time.Hour)
		status := k.order(rapid.SampledFrom(kitchen.Stages()).Draw(t, "at"), due)
		k.issueOf(1, status.WaitingFor, due)
		for range rapid.IntRange(0, 12).Draw(t, "tickets") {
			ref := k.issue(rapid.SampledFrom(kitchen.Stages()).Draw(t, "stage"), due.Add(time.Duration(rapid.IntRange(-30, 30).Draw(t, "due"))*time.Minute))
			if rapid.Bool().Draw(t, "inHand") {
				k.ack(ref, fmt.Sprintf("person %d", rapid.IntRange(0, 2).Draw(t, "who")), kitchen.AckStarted)
			}
			k.now = k.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "pause")) * time.Second)
		}
		if rapid.Bool().Draw(t, "ours in hand") {
			k.ack(kitchen.TicketRef{OrderID: testOrderID(1), Stage: status.WaitingFor, Pass: 1, Kind: kitchen.TicketMake}, "bob", kitchen.AckStarted)
		}
		from, until, known := k.left(status)
		require.True(t, known)
		for range 20 {
			before := k.now
			k.now = k.now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "step")) * time.Second)
			fromThen, untilThen, known := k.left(status)
			require.True(t, known)
			passed := k.now.Sub(before)
			require.GreaterOrEqual(t, passed+fromThen+time.Millisecond, from)
			require.GreaterOrEqual(t, passed+untilThen+time.Millisecond, until)
			from, until = fromThen, untilThen
		}
		ahead := k.issue(status.WaitingFor, due.Add(-time.Hour))
		require.NotEmpty(t, ahead)
		longerFrom, longerUntil, _ := k.left(status)
		require.GreaterOrEqual(t, longerFrom, from, "one more ahead")
		require.GreaterOrEqual(t, longerUntil, until)
	})
}
