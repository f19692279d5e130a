package floor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// told is a floor that has read records of one order, a minute apart:
//
//	bake.1 issued        its ticket is delivered
//	bob started bake.1   an ack of it
func told(t *testing.T, orderID, log string) *Floor {
	t.Helper()
	f := newTestFloor(t)
	for i, said := range strings.Split(log, ", ") {
		words := strings.Fields(said)
		at := morning.Add(time.Duration(i) * time.Minute)
		id := words[len(words)-1]
		if words[1] == "issued" {
			id = words[0]
		}
		ref, err := kitchen.ParseTicketID(orderID + "." + id)
		require.NoError(t, err)
		if words[1] == "issued" {
			ticket := floortest.Ticket(ref, 1)
			ticket.Since, ticket.IssuedAt, ticket.AckBy = at, at, at.Add(boardWithin)
			f.handle(record(t, events.TicketTopic(ref.Stage), at, ticket))
			continue
		}
		ack := ackOf(ref, kitchen.AckKind(words[1]), at)
		ack.By = words[0]
		f.handle(record(t, events.TopicAcks, at, ack))
	}
	return f
}

func TestAnOrderIsWhereItsOpenTicketIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log    string
		stage  kitchen.Stage // none if empty
		inHand string        // nobody if empty
	}{
		"NobodyHasStarted":                       {"mix.1 issued", kitchen.Mix, ""},
		"SomebodyHas":                            {"mix.1 issued, bob started mix.1", kitchen.Mix, "bob"},
		"PutBack":                                {"mix.1 issued, bob started mix.1, bob released mix.1", kitchen.Mix, ""},
		"Failed":                                 {"mix.1 issued, bob started mix.1, bob failed mix.1", kitchen.Mix, ""},
		"BetweenTwoStages":                       {"mix.1 issued, bob done mix.1", "", ""},
		"AtTheNextStage":                         {"mix.1 issued, bob done mix.1, bake.1 issued, eve started bake.1", kitchen.Bake, "eve"},
		"CancelledWhileNobodyHasIt":              {"bake.1 issued, bake.1.undo issued", kitchen.Bake, ""},
		"CancelledUnderSomebodysHands":           {"bake.1 issued, bob started bake.1, bake.1.undo issued", kitchen.Bake, "bob"},
		"CancelledUnderThemAndAnotherPutsItAway": {"bake.1 issued, bob started bake.1, bake.1.undo issued, eve started bake.1.undo", kitchen.Bake, "eve"},
		"Undone":                                 {"bake.1 issued, bob started bake.1, bake.1.undo issued, eve undone bake.1.undo", "", ""},
		"UndoneStageByStage":                     {"mix.1 issued, bob done mix.1, bake.1 issued, bake.1.undo issued, eve undone bake.1.undo, mix.1.undo issued, mia started mix.1.undo", kitchen.Mix, "mia"},
		"MadeAnew":                               {"bake.1 issued, bob started bake.1, bob failed bake.1, mix.2 issued", kitchen.Mix, ""},
		"MadeAnewWhileSomebodyStillHasTheLast":   {"bake.1 issued, bob started bake.1, mix.2 issued", kitchen.Mix, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := told(t, testOrderID(1), c.log)
			places := f.OrderPlaces([]string{testOrderID(1), testOrderID(2)})
			if c.stage == "" {
				require.Empty(t, places)
			} else {
				require.Len(t, places, 1)
				place := places[testOrderID(1)]
				require.Equal(t, []any{testOrderID(1), c.stage, c.inHand, c.inHand == ""}, []any{place.OrderID, place.Stage, place.InHand.By, place.InHand.Since.IsZero()})
			}
			for _, stage := range kitchen.Stages() {
				queue, last := f.Queue(stage, kitchen.QueuePlace{}, 10)
				require.Zero(t, last)
				if stage == c.stage {
					require.Equal(t, []OrderPlace{places[testOrderID(1)]}, queue)
				} else {
					require.Empty(t, queue, "%s", stage)
				}
			}
		})
	}
}

func TestWhoHasAnOrderInHandHasItSinceTheyStarted(t *testing.T) {
	t.Parallel()
	f := told(t, testOrderID(1), "mix.1 issued, bob started mix.1, bob started mix.1")
	require.Equal(t, wire.InHand{By: "bob", Since: morning.Add(time.Minute)}, f.OrderPlaces([]string{testOrderID(1)})[testOrderID(1)].InHand)
}

// TestAQueueHasEachOfItsOrdersOnce, whatever the log says, on whichever pages.
func TestAQueueHasEachOfItsOrdersOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newTestFloor(t)
		for _, message := range anyLife(t) {
			f.handle(message)
		}
		orderIDs := []string{testOrderID(0), testOrderID(1), testOrderID(2)}
		places := f.OrderPlaces(orderIDs)
		for _, stage := range kitchen.Stages() {
			var want []string
			for _, orderID := range orderIDs {
				if places[orderID].Stage == stage {
					want = append(want, orderID)
				}
			}
			var read []OrderPlace
			var last kitchen.QueuePlace
			for more := true; more; more = last != (kitchen.QueuePlace{}) {
				var orders []OrderPlace
				after := last
				orders, last = f.Queue(stage, after, rapid.IntRange(1, 4).Draw(t, "tickets"))
				read = append(read, orders...)
			}
			var got []string
			for i, order := range read {
				require.Equal(t, places[order.OrderID], order)
				require.True(t, i == 0 || read[i-1].Compare(order.QueuePlace) < 0, "what comes first is first")
				got = append(got, order.OrderID)
			}
			require.ElementsMatch(t, want, got)
		}
		for _, orderID := range orderIDs {
			open := false
			for _, stage := range kitchen.Stages() {
				for _, ticket := range f.Board(stage).Tickets {
					open = open || orderOf(ticket.TicketID) == orderID
				}
			}
			require.Equal(t, open, places[orderID].Stage != "", "whoever has an open ticket is somewhere")
		}
	})
}

// TestTheQueueIsSorted, whatever is put into it and in whichever order it leaves: what
// is asked of it is what a plain list says.
func TestTheQueueIsSorted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		open := openTickets{byOrder: make(map[string][]*openTicket)}
		want := make(map[string]openTicket)
		for range rapid.IntRange(0, 60).Draw(t, "changes") {
			ref := kitchen.TicketRef{OrderID: testOrderID(rapid.IntRange(0, 9).Draw(t, "order")), Stage: kitchen.Bake, Pass: rapid.IntRange(1, 2).Draw(t, "pass"), Kind: kitchen.TicketMake}
			if ticket := open.get(ref.TicketID()); ticket != nil && rapid.Bool().Draw(t, "leaves") {
				open.remove(ticket)
				delete(want, ref.TicketID())
				continue
			}
			ticket := openTicket{arrived: morning.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "arrived")))}
			ticket.TicketID, ticket.Since = ref.TicketID(), morning.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "since")))
			if rapid.Bool().Draw(t, "told") {
				ticket.DueAt = morning.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "due")))
			}
			if rapid.Bool().Draw(t, "isRush") {
				ticket.Rush = wire.Rush{By: "ann"}
			}
			ticket.State = rapid.SampledFrom([]kitchen.TicketState{kitchen.TicketWaiting, kitchen.TicketStarted, kitchen.TicketFailed}).Draw(t, "state")
			open.put(ticket)
			want[ref.TicketID()] = ticket
		}
		states := map[kitchen.TicketState]int{}
		var oldest, arrived time.Time
		for id, ticket := range want {
			require.Equal(t, ticket, *open.get(id))
			states[ticket.State]++
			if oldest.IsZero() || ticket.Since.Before(oldest) {
				oldest = ticket.Since
			}
			if ticket.State == kitchen.TicketWaiting && (arrived.IsZero() || ticket.arrived.Before(arrived)) {
				arrived = ticket.arrived
			}
		}
		require.Len(t, open.queue, len(want))
		require.True(t, slices.IsSortedFunc(open.queue, func(x, y *openTicket) int { return x.comparePlace(y.place()) }))
		require.Equal(t, []int{states[kitchen.TicketWaiting], states[kitchen.TicketStarted], states[kitchen.TicketFailed]}, []int{open.waiting(), open.started, open.failed})
		require.Equal(t, []time.Time{oldest, arrived}, []time.Time{open.oldest(), open.arrived()})
		orders := 0
		for _, tickets := range open.byOrder {
			orders += len(tickets)
			require.NotEmpty(t, tickets, "or it would be kept for ever")
		}
		require.Equal(t, len(want), orders)
	})
}
