package floor

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// counterWatch follows the counter of a floor, by a clock that it sets.
type counterWatch struct {
	t     require.TestingT
	floor *Floor
	now   time.Time
}

func watchCounter(t require.TestingT) *counterWatch {
	w := &counterWatch{t: t, now: morning}
	w.floor = newTestFloor(t)
	w.floor.now = func() time.Time { return w.now }
	w.follow()
	return w
}

func (w *counterWatch) follow() {
	_, _, err := w.floor.Follow(ChannelCounter, "", asleep)
	require.NoError(w.t, err)
}

func (w *counterWatch) issue(ref kitchen.TicketRef) {
	w.floor.handle(record(w.t, events.TicketTopic(ref.Stage), w.now, floortest.Ticket(ref, 1)))
}

func (w *counterWatch) ack(ref kitchen.TicketRef, kind kitchen.AckKind) {
	w.floor.handle(record(w.t, events.TopicAcks, w.now, ackOf(ref, kind, w.now)))
}

// shows is what the counter shows now.
func (w *counterWatch) shows() wire.CounterDisplay {
	w.floor.counter.refresh(w.now)
	return w.floor.counter.display
}

func (w *counterWatch) requireShown(preparing, ready []int) {
	codes := func(orders []int) []string {
		codes := []string{}
		for _, i := range orders {
			codes = append(codes, kitchen.PickupCode(testOrderID(i)))
		}
		return codes
	}
	shown := func(orders []wire.CounterOrder) []string {
		codes := []string{}
		for _, order := range orders {
			codes = append(codes, order.PickupCode)
		}
		return codes
	}
	display := w.shows()
	require.Equal(w.t, codes(preparing), shown(display.Preparing), "preparing")
	require.Equal(w.t, codes(ready), shown(display.Ready), "ready")
}

// TestTheCounterShowsFirstWhatIsDueFirst, and what does not tell by when it came.
func TestTheCounterShowsFirstWhatIsDueFirst(t *testing.T) {
	t.Parallel()
	w := watchCounter(t)
	for i, dueIn := range []time.Duration{3 * time.Hour, 2 * time.Hour, 0, time.Hour} {
		ticket := floortest.Ticket(kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}, 1)
		if dueIn > 0 {
			ticket.DueAt = morning.Add(dueIn)
		}
		w.floor.handle(record(t, events.TicketTopic(kitchen.Mix), w.now, ticket))
		w.now = w.now.Add(time.Second)
	}
	w.requireShown([]int{2, 3, 1, 0}, nil)
}

func TestTheCounterShowsAnOrderThroughItsLife(t *testing.T) {
	t.Parallel()
	w := watchCounter(t)
	of := func(i int, stage kitchen.Stage, pass int, kind kitchen.TicketKind) kitchen.TicketRef {
		return kitchen.TicketRef{OrderID: testOrderID(i), Stage: stage, Pass: pass, Kind: kind}
	}
	w.requireShown(nil, nil)
	w.issue(of(1, kitchen.Mix, 1, kitchen.TicketMake))
	w.now = w.now.Add(time.Second)
	w.issue(of(2, kitchen.Mix, 1, kitchen.TicketMake))
	w.requireShown([]int{1, 2}, nil)
	require.Equal(t, morning, w.shows().Preparing[0].Since)
	w.now = w.now.Add(time.Minute)
	w.ack(of(1, kitchen.Mix, 1, kitchen.TicketMake), kitchen.AckDone)
	w.requireShown([]int{1, 2}, nil) // between two stages
	w.issue(of(1, kitchen.Package, 1, kitchen.TicketMake))
	w.requireShown([]int{1, 2}, nil)
	w.now = w.now.Add(time.Minute)
	w.ack(of(1, kitchen.Package, 1, kitchen.TicketMake), kitchen.AckDone)
	w.requireShown([]int{2}, []int{1})
	require.Equal(t, w.now, w.shows().Ready[0].Since)
	require.Equal(t, "Ada", w.shows().Ready[0].Name, "strangers read it")
	require.Empty(t, w.shows().Preparing[0].Name, "nobody is called before the box is there")

	// A remake leaves the first pass behind, whatever became of it.
	w.ack(of(2, kitchen.Mix, 1, kitchen.TicketMake), kitchen.AckFailed)
	w.requireShown([]int{2}, []int{1})
	w.issue(of(2, kitchen.Mix, 1, kitchen.TicketUndo))
	w.requireShown(nil, []int{1}) // a manager has decided so
	w.issue(of(2, kitchen.Mix, 2, kitchen.TicketMake))
	w.requireShown([]int{2}, []int{1})
	w.ack(of(2, kitchen.Mix, 2, kitchen.TicketMake), kitchen.AckDone)
	w.now = w.now.Add(time.Second)
	w.issue(of(2, kitchen.Package, 2, kitchen.TicketMake))
	w.ack(of(2, kitchen.Package, 2, kitchen.TicketMake), kitchen.AckDone)
	w.requireShown(nil, []int{2, 1})

	// Cancelled: with undo tickets, or with nothing to undo.
	w.issue(of(3, kitchen.Bake, 1, kitchen.TicketMake))
	w.issue(of(4, kitchen.Bake, 1, kitchen.TicketMake))
	w.ack(of(4, kitchen.Bake, 1, kitchen.TicketMake), kitchen.AckFailed)
	w.requireShown([]int{3, 4}, []int{2, 1})
	w.issue(of(3, kitchen.Bake, 1, kitchen.TicketUndo))
	for _, state := range []kitchen.OrderState{kitchen.StateNeedsAttention, kitchen.StateCancelled} {
		w.requireShown([]int{4}, []int{2, 1})
		w.floor.handle(record(t, events.TopicFailures, w.now, kitchen.Failed{OrderID: testOrderID(4), State: state}))
	}
	w.requireShown(nil, []int{2, 1})
	w.ack(of(3, kitchen.Bake, 1, kitchen.TicketUndo), kitchen.AckUndone)
	w.requireShown(nil, []int{2, 1})

	// Both stay for half an hour, with nothing else on the log.
	w.now = w.now.Add(readyFor)
	w.requireShown(nil, []int{2})
	w.now = w.now.Add(time.Second)
	w.requireShown(nil, nil)
	w.now = w.now.Add(2 * w.floor.lookBack)
	w.floor.forget()
	w.requireShown(nil, nil)
	require.Contains(t, w.floor.cancelled, testOrderID(4), "its failed ticket is known still: the factory may be away")
	for worked := time.Duration(0); worked <= w.floor.lookBack; worked += 5 * time.Minute {
		w.now = w.now.Add(5 * time.Minute)
		for _, stage := range kitchen.Stages() {
			w.issue(of(9, stage, 1, kitchen.TicketMake))
		}
	}
	for range 2 { // an undo ticket goes after the ticket that it withdraws
		w.floor.forget()
		w.requireShown([]int{9}, nil)
	}
	require.Len(t, w.floor.counter.orders, 1)
	require.Empty(t, w.floor.cancelled)
}

// TestAnOrderWhosePackagingIsRefusedIsNotReady: somebody said done for its box before
// there was one.
func TestAnOrderWhosePackagingIsRefusedIsNotReady(t *testing.T) {
	t.Parallel()
	w := watchCounter(t)
	packing := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
	mixing := packing
	mixing.Stage = kitchen.Mix
	w.issue(mixing)
	early := record(t, events.TopicAcks, w.now, ackOf(packing, kitchen.AckDone, w.now))
	w.floor.handle(early)
	w.requireShown([]int{1}, nil)
	w.ack(mixing, kitchen.AckDone)
	w.issue(packing)
	w.requireShown(nil, []int{1})
	refused := ackOf(packing, kitchen.AckRefused, w.now)
	refused.Offset = &early.Offset
	w.floor.handle(record(t, events.TopicAcks, w.now, refused))
	w.requireShown([]int{1}, nil)
	w.ack(packing, kitchen.AckDone)
	w.requireShown(nil, []int{1})
}

// What is ready is shown for as long as promised, though the board of a
// quick kitchen forgets sooner.
func TestTheBoardKeepsWhatIsReady(t *testing.T) {
	t.Parallel()
	w := watchCounter(t)
	w.floor.lookBack = time.Minute
	packing := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
	baking := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	w.issue(baking)
	w.ack(baking, kitchen.AckDone)
	w.issue(packing)
	w.ack(packing, kitchen.AckDone)
	for range 30 {
		w.now = w.now.Add(time.Minute)
		w.floor.forget()
		w.requireShown(nil, []int{1})
	}
	require.Equal(t, 1, w.floor.board.Len())
	w.now = w.now.Add(time.Minute)
	w.floor.forget()
	w.requireShown(nil, nil)
	require.Zero(t, w.floor.board.Len())
}

// TestTheCounterShowsWhatTheBoardHas: whatever is in the log, and in whichever
// pieces it was looked at, the screen is what a fresh look at the whole board
// gives.
func TestTheCounterShowsWhatTheBoardHas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := watchCounter(t)
		for range rapid.IntRange(0, 80).Draw(t, "records") {
			ref := kitchen.TicketRef{
				OrderID: testOrderID(rapid.IntRange(0, 5).Draw(t, "order")), Stage: rapid.SampledFrom(kitchen.Stages()).Draw(t, "stage"),
				Pass: rapid.IntRange(1, 2).Draw(t, "pass"), Kind: kitchen.TicketMake,
			}
			if rapid.IntRange(0, 5).Draw(t, "an undo ticket") == 0 {
				ref.Kind = kitchen.TicketUndo
			}
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "seconds")) * time.Second)
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				w.floor.lookBack = time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute
				w.floor.forget()
			case 1:
				w.floor.handle(record(t, events.TopicFailures, w.now, kitchen.Failed{OrderID: ref.OrderID, State: kitchen.StateCancelled}))
			case 2, 3, 4, 5:
				w.issue(ref)
			default:
				kinds := []kitchen.AckKind{kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone}
				if ref.Kind == kitchen.TicketUndo {
					kinds = []kitchen.AckKind{kitchen.AckStarted, kitchen.AckUndone}
				}
				w.ack(ref, rapid.SampledFrom(kinds).Draw(t, "kind"))
			}
			if rapid.Bool().Draw(t, "look") {
				w.shows()
			}
			if rapid.IntRange(0, 9).Draw(t, "come back") == 0 {
				w.floor.counter.close()
				w.follow()
			}
		}
		shown := w.shows()
		w.floor.counter.close()
		require.Empty(t, w.floor.counter.display.Preparing)
		w.follow()
		fresh := w.shows()
		require.Equal(t, mustJSON(t, fresh.Preparing), mustJSON(t, shown.Preparing))
		require.Equal(t, mustJSON(t, fresh.Ready), mustJSON(t, shown.Ready))
		for _, order := range slices.Concat(fresh.Preparing, fresh.Ready) {
			require.NotZero(t, order.Since)
		}
	})
}

func TestTheCountersScreenHasAnEnd(t *testing.T) {
	t.Parallel()
	w := watchCounter(t)
	for i := range 500 {
		ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
		w.now = morning.Add(time.Duration(i) * time.Second)
		w.issue(ref)
		if i%2 == 0 {
			w.ack(ref, kitchen.AckDone)
		}
	}
	display := w.shows()
	require.Len(t, display.Preparing, preparingShown)
	require.Equal(t, kitchen.PickupCode(testOrderID(1)), display.Preparing[0].PickupCode, "the longest known first")
	require.Len(t, display.Ready, readyShown)
	require.Equal(t, kitchen.PickupCode(testOrderID(498)), display.Ready[0].PickupCode, "the newest first")

	hostile := kitchen.TicketRef{OrderID: testOrderID(499), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
	w.floor.handle(record(t, events.TopicAcks, w.now, ackOf(hostile, kitchen.AckDone, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))))
	require.Equal(t, w.now, w.shows().Ready[0].Since, "an ack of the far future is of when it came")
}

// BenchmarkTheCounterOfManyOrders looks at one order that has changed while
// 10,000 are open.
func BenchmarkTheCounterOfManyOrders(b *testing.B) {
	w := watchCounter(b)
	for i := range 10_000 {
		for _, stage := range kitchen.Stages()[:i%4+1] {
			ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
			w.issue(ref)
			if i%4 > 0 && stage != kitchen.Package {
				w.ack(ref, kitchen.AckDone)
			}
		}
	}
	b.Run("a change of one", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			w.floor.counter.orderChanged(testOrderID(i % 10_000))
			w.floor.counter.refresh(w.now)
		}
	})
	b.Run("the first follower", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			w.floor.counter.close()
			w.floor.counter.open()
		}
	})
}
