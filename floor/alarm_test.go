package floor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// alarm is since when nobody has taken anything at bake; zero unless that is an
// alarm.
func (h *boardHand) alarm() time.Time {
	follower, _, err := h.floor.Follow(ChannelKitchen, "", asleep)
	require.NoError(h.t, err)
	defer follower.Leave()
	h.floor.kitchen.updateStages(h.t.Context())
	of := h.floor.Stations().Stages[1]
	require.Equal(h.t, of, h.floor.kitchen.counts.Stages[1], "the channel has the same")
	untaken := untakenAt(h.t, h.floor, kitchen.Bake)
	if of.UntakenSince.IsZero() {
		require.Zero(h.t, untaken)
	} else {
		require.Equal(h.t, h.floor.readUntil().Sub(of.UntakenSince), untaken)
	}
	return of.UntakenSince
}

// untakenAt is how long nobody has taken anything at a stage, as it is measured; 0
// while that is not known.
func untakenAt(t require.TestingT, floor *Floor, stage kitchen.Stage) time.Duration {
	loads := floor.Loads()
	if loads == nil {
		return 0
	}
	for _, load := range loads {
		if load.Stage == stage {
			return load.Untaken
		}
	}
	require.Fail(t, "the stage is not measured")
	return 0
}

func TestAQueueThatNobodyTakesFromIsAnAlarm(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	after := time.Duration(kitchen.Default().UntakenAfter)
	require.Equal(t, 20*time.Minute, after)
	bake := func(i int) kitchen.TicketRef {
		return kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	}
	for i := 2; i <= 5; i++ {
		h.issue(bake(i), 1)
	}
	follower, _, err := h.floor.Follow(ChannelKitchen, "", asleep)
	require.NoError(t, err)
	h.now = morning.Add(after)
	require.Zero(t, h.alarm())
	messagesOf(t, follower)
	h.now = h.now.Add(time.Second) // the log is silent
	require.Equal(t, morning, h.alarm())
	require.Equal(t, morning, messagesOf(t, follower)[0].Kitchen.Stages[1].UntakenSince)
	h.issue(bake(2), 2)
	require.Equal(t, morning, h.alarm(), "a repeated delivery changes nothing")

	// What does not count ends nothing.
	h.hear(ackOf(bake(99), kitchen.AckDone, h.now)) // was never issued
	undone := ackOf(bake(98).Undo(), kitchen.AckUndone, h.now)
	h.issue(bake(98).Undo(), 1)
	h.hear(undone) // stations answer that by themselves
	require.Equal(t, morning, h.alarm())

	taken := h.now
	wrongClock := ackOf(bake(2), kitchen.AckStarted, h.now.Add(3*time.Hour))
	h.hear(wrongClock)
	require.Zero(t, h.alarm())
	h.now = taken.Add(after)
	for range 2 { // bob goes on, eve is too late, and neither takes another ticket
		h.hear(ackOf(bake(2), kitchen.AckStarted, h.now))
		late := ackOf(bake(2), kitchen.AckStarted, h.now)
		late.By = "eve"
		h.hear(late)
		require.Zero(t, h.alarm())
	}
	h.now = h.now.Add(time.Second)
	require.Equal(t, taken, h.alarm(), "bob is still at the one that he began then")
	released := ackOf(bake(2), kitchen.AckReleased, h.now)
	h.hear(released)
	require.Equal(t, taken, h.alarm(), "what is put back is not taken")

	for i, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone, kitchen.AckFailed} {
		h.hear(ackOf(bake(3+i), kind, h.now))
		require.Zero(t, h.alarm(), kind)
		taken = h.now
		h.now = h.now.Add(after + time.Second)
		require.Equal(t, taken, h.alarm(), kind)
	}
	fresh := newTestFloor(t)
	require.Zero(t, untakenAt(t, fresh, kitchen.Bake), "where nothing waits there is no alarm")
}

func TestARemadeOrderIsNoAlarmWhenItArrives(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	h.says("bob", start)
	h.says("bob", done)
	h.now = morning.Add(3 * time.Hour)
	again := h.ref
	again.Pass = 2
	h.issue(again, 1)
	require.Equal(t, morning, h.floor.Board(kitchen.Bake).Tickets[0].Since, "it keeps its order's place")
	require.Zero(t, h.alarm())
	arrived := h.now
	h.now = h.now.Add(20*time.Minute + time.Second)
	h.issue(again, 2)
	require.Equal(t, arrived, h.alarm())
}

func TestNoAlarmBeginsWhileNobodyCanHearOfAcks(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	h.now = h.now.Add(10 * time.Minute)
	h.floor.setAway(h.now)
	h.now = h.now.Add(2 * time.Hour)
	require.Zero(t, h.alarm())
	h.floor.setAway(time.Time{})
	require.Equal(t, morning, h.alarm())
	h.floor.setAway(h.now)
	h.now = h.now.Add(time.Hour)
	require.Equal(t, morning, h.alarm(), "one that was there stays")

	h.floor.caughtUp = false
	require.Zero(t, h.alarm())
}

func TestAnAlarmCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	k, err := kitchen.Parse("kitchen.yaml", []byte("attention: {untakenAfter: 0}"))
	require.NoError(t, err)
	h := newBoardHand(t)
	h.floor.kitchenFile = k
	h.now = h.now.Add(100 * time.Hour)
	require.Zero(t, h.alarm())
}

// A process that has just started tells the same alarm: by acks that it read
// before the tickets, or after them.
func TestAFreshProcessHasTheSameAlarm(t *testing.T) {
	t.Parallel()
	now := morning
	ref := func(i int) kitchen.TicketRef {
		return kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	}
	tickets := []events.Message{
		record(t, events.TicketTopic(kitchen.Bake), morning, floortest.Ticket(ref(1), 1)),
		record(t, events.TicketTopic(kitchen.Bake), morning, floortest.Ticket(ref(2), 1)),
	}
	acks := []events.Message{record(t, events.TopicAcks, morning.Add(5*time.Minute), ackOf(ref(2), kitchen.AckDone, morning))}
	for _, log := range [][]events.Message{append(acks, tickets...), append(tickets, acks...)} {
		f := newFloorAt(t, &now)
		for _, message := range log {
			f.handle(message)
		}
		now = morning.Add(time.Hour)
		f.setCaughtUp()
		require.Equal(t, wire.StageCounts{Stage: kitchen.Bake, Waiting: 1, Oldest: morning, UntakenSince: morning.Add(5 * time.Minute)}, f.Stations().Stages[1])
	}
}
