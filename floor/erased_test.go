package floor

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// personal are texts of an order's customer, and of who has worked on it.
var personal = []string{"Lovelace", "ring the bell", "sesame", "happy birthday", "she was rude"}

// handlePersonal has a floor read an order that was packaged and shipped.
func handlePersonal(t *testing.T, f *Floor, at time.Time) {
	t.Helper()
	ref := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
	ticket := floortest.Ticket(ref, 1)
	ticket.Customer.Name, ticket.Notes, ticket.Allergies = "Ada Lovelace", "ring the bell", []string{"sesame"}
	ticket.Lines = []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 12, Message: "happy birthday"}}
	done := ackOf(ref, kitchen.AckDone, at)
	done.Note = "she was rude"
	shipped := record(t, events.TopicShip, at, kitchen.Shipped{OrderID: ref.OrderID, Customer: ticket.Customer, Lines: ticket.Lines, ShippedAt: at})
	shipped.Key = []byte(ref.OrderID)
	f.handle(record(t, events.TicketTopic(ref.Stage), at, ticket))
	f.handle(record(t, events.TopicAcks, at, done))
	f.handle(shipped)
}

// requireNothingPersonal looks wherever this process shows an order.
func requireNothingPersonal(t *testing.T, f *Floor) {
	t.Helper()
	shown := mustJSON(t, f.Board(kitchen.Package)) + mustJSON(t, f.ReadyOrders("", 100)) + mustJSON(t, f.shipped[testOrderID(1)].name)
	for _, channel := range []string{ChannelCounter, ChannelKitchen, ChannelOverview, ChannelStation + string(kitchen.Package)} {
		follower, _, err := f.Follow(channel, "", asleep)
		require.NoError(t, err)
		shown += mustJSON(t, messagesOf(t, follower))
	}
	for _, entry := range f.board.Entries(kitchen.Package) {
		shown += mustJSON(t, entry) + mustJSON(t, entry.Ack)
	}
	for _, text := range personal {
		require.NotContains(t, shown, text)
	}
}

func TestAnErasedOrderHasNoPersonAnyMore(t *testing.T) {
	t.Parallel()
	now := morning
	f := newTestFloor(t)
	f.now = func() time.Time { return now }
	_, _, err := f.Follow(ChannelCounter, "", asleep)
	require.NoError(t, err)
	board, _, err := f.Follow(ChannelStation+string(kitchen.Package), "", asleep)
	require.NoError(t, err)
	messagesOf(t, board)
	handlePersonal(t, f, now)
	f.counter.refresh(now)
	require.Equal(t, "Ada", f.counter.display.Ready[0].Name)
	require.Equal(t, 1, f.KitchenState().Uncollected)
	require.Contains(t, mustJSON(t, f.Board(kitchen.Package)), "ring the bell")

	putFlag(t, f, kitchen.FlagErased, kitchen.OrderKey(testOrderID(1)), now, nil)
	f.counter.refresh(now)
	requireNothingPersonal(t, f)
	require.NotContains(t, mustJSON(t, messagesOf(t, board)), "Lovelace", "the changes before tell of it")
	require.Empty(t, f.counter.display.Ready, "nobody calls them")
	require.Zero(t, f.KitchenState().Uncollected)
	require.Equal(t, 1, f.ReadyOrders("", 1).Today.Shipped, "the figures stay")
	require.Equal(t, kitchen.TicketDone, f.Board(kitchen.Package).Ended[0].State, "and so does the work")
	require.True(t, f.isErased(testOrderID(1)))
	require.False(t, f.isErased(testOrderID(2)))

	handlePersonal(t, f, now.Add(time.Second)) // the log may have it twice
	requireNothingPersonal(t, f)
}

// TestAProcessThatStartsForgetsAsWell, in whatever order it reads the topics.
func TestAProcessThatStartsForgetsAsWell(t *testing.T) {
	t.Parallel()
	for _, flagFirst := range []bool{true, false} {
		now := morning
		f := newFloorAt(t, &now)
		if flagFirst {
			putFlag(t, f, kitchen.FlagErased, kitchen.OrderKey(testOrderID(1)), now, nil)
		}
		handlePersonal(t, f, now)
		if !flagFirst {
			putFlag(t, f, kitchen.FlagErased, kitchen.OrderKey(testOrderID(1)), now, nil)
		}
		f.setCaughtUp()
		requireNothingPersonal(t, f)
		require.Zero(t, f.KitchenState().Uncollected)
	}
}

func TestAnErasedOrderThatWasTerminatedAsksNobody(t *testing.T) {
	t.Parallel()
	f := newTestFloor(t)
	asked := waitingForMix(1)
	asked.ID, asked.Version = testOrderID(1), 7
	asked.Attention = &kitchen.Attention{Reason: "she was rude", Since: morning}
	f.handle(record(t, events.TopicStatus, morning, asked.ForLog(morning)))
	open, _ := f.Questions()
	require.Equal(t, 1, open)
	putFlag(t, f, kitchen.FlagErased, kitchen.OrderKey(testOrderID(1)), morning, nil)
	for range 2 {
		open, _ = f.Questions()
		require.Zero(t, open)
		require.Empty(t, f.statuses[testOrderID(1)].status)
		f.handle(record(t, events.TopicStatus, morning, asked.ForLog(morning))) // once more
	}
}

func TestWhoFollowsAnErasedOrderSeesItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shipped := kitchen.Status{ID: testOrderID(1), State: kitchen.StateShipped, Customer: kitchen.Customer{Name: "Ada Lovelace"}}
		o := followOrder(t, shipped, nil)
		require.Equal(t, "Ada Lovelace", o.next().Customer.Name)
		o.set(kitchen.Status{}, errForgotten)
		putFlag(t, o.floor, kitchen.FlagErased, kitchen.OrderKey(testOrderID(1)), morning, nil)
		messages := o.after(time.Second)
		require.Len(t, messages, 1)
		require.Equal(t, wire.LiveMessageTypeProblem, messages[0].Type)
		late, _, err := o.floor.Follow(ChannelOrder+testOrderID(1), "", asleep)
		require.NoError(t, err)
		synctest.Wait()
		require.NotContains(t, mustJSON(t, messagesOf(t, late)), "Lovelace")
	})
}

var errForgotten = errors.New("its person is forgotten")
