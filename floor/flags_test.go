package floor

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// putFlag has a floor read a flag, and takeBackFlag that it was taken back.
func putFlag(t require.TestingT, f *Floor, kind kitchen.FlagKind, of string, at time.Time, until *time.Time) {
	flag := kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kind, Of: of}, By: "ann", At: at, Until: until, Reason: "because"}
	m := record(t, events.TopicKitchenState, at, flag)
	m.Key = []byte(flag.String())
	f.flags.Add(m)
}

func takeBackFlag(f *Floor, kind kitchen.FlagKind, of string, at time.Time) {
	f.flags.Add(events.Message{Topic: events.TopicKitchenState, Key: []byte(kitchen.FlagAt{Kind: kind, Of: of}.String()), Time: at, Appended: true})
}

func ship(t require.TestingT, f *Floor, i int, at time.Time) {
	m := record(t, events.TopicShip, at, kitchen.Shipped{OrderID: testOrderID(i), Customer: kitchen.Customer{Name: "Ada Lovelace"}, Lines: []kitchen.Line{{Quantity: 7}, {Quantity: 5}}, Total: &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: 2880}, ShippedAt: at})
	m.Key = []byte(testOrderID(i))
	f.handle(m)
}

func TestAFlavourIsSoldOutUntilItsTimeOrUntilThatIsTakenBack(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	follower, _, err := f.Follow(ChannelMenu, "", asleep)
	require.NoError(t, err)
	require.Empty(t, messagesOf(t, follower)[0].Menu.SoldOut)

	until := now.Add(time.Hour)
	putFlag(t, f, kitchen.FlagSoldOut, "lemon", now, &until)
	putFlag(t, f, kitchen.FlagSoldOut, "carrot", now, nil)
	require.Equal(t, []wire.SoldOutFlavour{{Flavour: "carrot"}, {Flavour: "lemon", Until: until}}, messagesOf(t, follower)[0].Menu.SoldOut)
	_, soldOut := f.SoldOut("lemon")
	require.True(t, soldOut)
	require.False(t, f.menu.poll.isIdle(), "it looks again by itself when the first can be ordered again")

	now = until
	_, soldOut = f.SoldOut("lemon")
	require.False(t, soldOut)
	f.menu.poll.look(t.Context())
	require.Equal(t, []wire.SoldOutFlavour{{Flavour: "carrot"}}, messagesOf(t, follower)[0].Menu.SoldOut)

	takeBackFlag(f, kitchen.FlagSoldOut, "carrot", now)
	require.Empty(t, messagesOf(t, follower)[0].Menu.SoldOut)
}

func TestNothingCanBeClaimedAtAPausedStation(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	f.setCaughtUp()
	for i := range 2 {
		f.handle(record(t, events.TicketTopic(kitchen.Bake), now, floortest.Ticket(refOf(i), 1)))
	}
	f.handle(record(t, events.TopicAcks, now, ackOf(refOf(0), kitchen.AckStarted, now)))
	follower, _, err := f.Follow(ChannelStation+string(kitchen.Bake), "", asleep)
	require.NoError(t, err)
	require.Zero(t, messagesOf(t, follower)[0].Board.Paused)

	putFlag(t, f, kitchen.FlagPaused, string(kitchen.Bake), now, nil)
	require.Equal(t, wire.Paused{Stage: kitchen.Bake, By: "ann", At: now, Reason: "because"}, messagesOf(t, follower)[0].Board.Paused)
	claim := func(i int, asked wire.Ack) error {
		_, _, _, err := f.prepareAck("bob", kitchen.Bake, refOf(i).TicketID(), asked)
		return err
	}
	var paused *PausedError
	require.ErrorAs(t, claim(1, wire.Ack{Kind: kitchen.AckStarted}), &paused)
	require.Equal(t, PausedError{"ann", "because"}, *paused)
	require.NoError(t, claim(0, wire.Ack{Kind: kitchen.AckStarted}), "who has a ticket in hand may renew")
	require.NoError(t, claim(0, wire.Ack{Kind: kitchen.AckDone}), "and finish it")

	takeBackFlag(f, kitchen.FlagPaused, string(kitchen.Bake), now)
	require.Zero(t, messagesOf(t, follower)[0].Board.Paused)
	require.NoError(t, claim(1, wire.Ack{Kind: kitchen.AckStarted}))
}

func refOf(i int) kitchen.TicketRef {
	return kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
}

func TestAPausedStationHasNoAlarmAndBeginsAnewWhenItGoesOn(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	f.setCaughtUp()
	f.kitchenFile.UntakenAfter = kitchen.Duration(10 * time.Minute)
	f.handle(record(t, events.TicketTopic(kitchen.Bake), now, floortest.Ticket(refOf(0), 1)))
	alarm := func() time.Time { return f.stations[kitchen.Bake].count(f.readUntil()).UntakenSince }
	now = now.Add(11 * time.Minute)
	require.NotZero(t, alarm())
	putFlag(t, f, kitchen.FlagPaused, string(kitchen.Bake), now, nil)
	require.Zero(t, alarm())
	now = now.Add(time.Hour)
	takeBackFlag(f, kitchen.FlagPaused, string(kitchen.Bake), now)
	require.Zero(t, alarm())
	now = now.Add(11 * time.Minute)
	require.Equal(t, now.Add(-11*time.Minute), alarm(), "it counts since the station goes on")
	takeBackFlag(f, kitchen.FlagPaused, string(kitchen.Bake), now)
	require.NotZero(t, alarm(), "to take back what is not paused changes nothing")
}

func TestWhatIsInARushIsShownAndComesFirst(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	f.setCaughtUp()
	for i := range 3 {
		now = now.Add(time.Second)
		ticket := floortest.Ticket(refOf(i), 1)
		ticket.Since = now
		f.handle(record(t, events.TicketTopic(kitchen.Bake), now, ticket))
	}
	order := func() (orders []string) {
		for _, ticket := range f.Board(kitchen.Bake).Tickets {
			orders = append(orders, orderOf(ticket.TicketID))
		}
		return orders
	}
	oldest := f.stations[kitchen.Bake].open.oldest()
	follower, _, err := f.Follow(ChannelStation+string(kitchen.Bake), "", asleep)
	require.NoError(t, err)
	messagesOf(t, follower)
	putFlag(t, f, kitchen.FlagRush, testOrderID(2), now, nil)
	changed := messagesOf(t, follower)[0].Change.Tickets
	require.Len(t, changed, 1)
	require.Equal(t, wire.Rush{By: "ann", At: now, Reason: "because"}, changed[0].Rush)
	require.Equal(t, []string{testOrderID(2), testOrderID(0), testOrderID(1)}, order())
	require.Equal(t, oldest, f.stations[kitchen.Bake].open.oldest(), "the oldest is who has waited longest all the same")
	places, last := f.Queue(kitchen.Bake, kitchen.QueuePlace{}, 1)
	require.Equal(t, testOrderID(2), places[0].OrderID)
	places, _ = f.Queue(kitchen.Bake, last, 1)
	require.Equal(t, testOrderID(0), places[0].OrderID)

	takeBackFlag(f, kitchen.FlagRush, testOrderID(2), now)
	require.Equal(t, []string{testOrderID(0), testOrderID(1), testOrderID(2)}, order())
}

func TestWhatIsCollectedIsForgottenByTheCounterAndTheList(t *testing.T) {
	t.Parallel()
	w := watchCounter(t)
	for i := range 2 {
		ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
		w.issue(ref)
		w.ack(ref, kitchen.AckDone)
	}
	putFlag(t, w.floor, kitchen.FlagCollected, testOrderID(2), w.now, nil) // it may be read before the order
	for i := range 3 {
		ship(t, w.floor, i, w.now.Add(time.Duration(i)*time.Second))
		ship(t, w.floor, i, w.now.Add(time.Duration(i)*time.Second)) // once more
	}
	require.Equal(t, []wire.ReadyOrder{
		{ID: testOrderID(0), PickupCode: kitchen.PickupCode(testOrderID(0)), Name: "Ada L.", Pieces: 12, Total: &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: 2880}, Since: w.now},
		{ID: testOrderID(1), PickupCode: kitchen.PickupCode(testOrderID(1)), Name: "Ada L.", Pieces: 12, Total: &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: 2880}, Since: w.now.Add(time.Second)},
	}, w.floor.ReadyOrders("", 100).Orders)
	require.Len(t, w.shows().Ready, 2)
	version := w.floor.KitchenState().ReadyVersion

	putFlag(t, w.floor, kitchen.FlagCollected, testOrderID(0), w.now, nil)
	require.NotEqual(t, version, w.floor.KitchenState().ReadyVersion, "who shows the list reads it again")
	w.requireShown(nil, []int{1})
	require.Len(t, w.floor.ReadyOrders("", 100).Orders, 1)
	require.Equal(t, 1, w.floor.KitchenState().Uncollected)
	takeBackFlag(w.floor, kitchen.FlagCollected, testOrderID(0), w.now)
	require.Len(t, w.shows().Ready, 2)
	require.Equal(t, 2, w.floor.KitchenState().Uncollected)

	w.now = w.now.Add(collectWithin + 2*time.Second)
	w.floor.forget()
	require.Empty(t, w.floor.ReadyOrders("", 100).Orders, "a day later nobody comes for them")
	require.Zero(t, w.floor.KitchenState().Uncollected)
}

// A process that starts after a quiet weekend reads what was shipped before it, and the
// flags of what was collected may be gone.
func TestWhatWasShippedBeforeAQuietTimeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for quiet, listed := range map[time.Duration]int{20 * time.Hour: 1, 72 * time.Hour: 0} {
		now := morning
		f := newFloorAt(t, &now)
		f.caughtUp = false
		ship(t, f, 1, now)
		now = now.Add(quiet)
		f.setCaughtUp()
		require.Len(t, f.ReadyOrders("", 100).Orders, listed, quiet)
		require.Equal(t, listed, f.KitchenState().Uncollected)
	}
}

func TestWhatNobodyNeedsToKnowAnyMoreIsSpent(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	f.setCaughtUp()
	ended := morning.Add(time.Hour)
	putFlag(t, f, kitchen.FlagCollected, testOrderID(1), now, nil)
	putFlag(t, f, kitchen.FlagRush, testOrderID(2), now, nil) // shipped
	putFlag(t, f, kitchen.FlagRush, testOrderID(3), now, nil) // cancelled
	putFlag(t, f, kitchen.FlagRush, testOrderID(4), now, nil) // open
	putFlag(t, f, kitchen.FlagSession, "mark", now, &ended)
	putFlag(t, f, kitchen.FlagSessions, "bob", now, nil)
	putFlag(t, f, kitchen.FlagSoldOut, "lemon", now, &ended)
	putFlag(t, f, kitchen.FlagPaused, "bake", now, nil)
	putFlag(t, f, kitchen.FlagErased, kitchen.OrderKey(testOrderID(1)), now, nil)
	spent := func() (at []string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, flag := range f.flags.Where(f.isSpent) {
			at = append(at, flag.String())
		}
		return at
	}
	require.Empty(t, spent())
	ship(t, f, 2, now)
	over, open := waitingForMix(1), waitingForMix(1)
	over.ID, over.State = testOrderID(3), kitchen.StateCancelled
	open.ID = testOrderID(4)
	f.handle(record(t, events.TopicStatus, now, over.ForLog(now)))
	f.handle(record(t, events.TopicStatus, now, open.ForLog(now)))
	require.ElementsMatch(t, []string{"rush/" + testOrderID(2), "rush/" + testOrderID(3)}, spent())
	now = ended.Add(sessionKept - time.Second)
	require.NotContains(t, spent(), "session/mark", "another process's clock may be slow")
	now = ended.Add(sessionKept)
	require.Contains(t, spent(), "session/mark")
	require.NotContains(t, spent(), "collected/"+testOrderID(1))
	now = morning.Add(collectedKept + time.Second)
	require.Contains(t, spent(), "collected/"+testOrderID(1))
	require.NotContains(t, spent(), "rush/"+testOrderID(4))
	now = morning.AddDate(0, 0, f.kitchenFile.Opening.Ahead+29) // an order for later has not even been begun by then
	require.NotContains(t, spent(), "rush/"+testOrderID(4))
	now = morning.Add(f.rushKept() + time.Second)
	require.Contains(t, spent(), "rush/"+testOrderID(4))
	require.Len(t, spent(), 5, "what is sold out or paused stays")
	now = morning.AddDate(10, 0, 0)
	require.NotContains(t, spent(), "erased/"+kitchen.OrderKey(testOrderID(1)))
}

// A floor writes flags and waits until it has read them; another that starts late
// shows the same. What is spent or cannot be understood goes from the topic.
func TestFlagsAreWrittenReadAndTidied(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, events.Topics()...))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	connection := events.Connection{Brokers: cluster.ListenAddrs()}
	open := func() *Floor {
		f, err := New(Config{Kafka: connection, Kitchen: kitchen.Default(), Orders: &testOrders{}, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			require.NoError(t, <-ended)
		})
		require.Eventually(t, func() bool { return f.Behind().Since.IsZero() }, patience, time.Millisecond)
		return f
	}
	early := open()
	put := func(kind kitchen.FlagKind, of string) {
		require.NoError(t, early.PutFlag(t.Context(), kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kind, Of: of}, By: "ann"}))
		_, up := early.flags.Get(kind, of)
		require.True(t, up, "whoever has put it up sees it")
	}
	put(kitchen.FlagSoldOut, "lemon")
	put(kitchen.FlagPaused, "bake")
	put(kitchen.FlagRush, testOrderID(1))
	require.NoError(t, early.TakeBackFlag(t.Context(), kitchen.FlagAt{Kind: kitchen.FlagPaused, Of: "bake"}))
	require.NoError(t, early.TakeBackFlag(t.Context(), kitchen.FlagAt{Kind: kitchen.FlagPaused, Of: "mix"}), "it was not paused")

	// What Kafka did not take is told again, unless it is over by then.
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Second)
	owed := func(of string, until *time.Time) kitchen.Flag {
		return kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagSession, Of: of}, By: "ann", Until: until}
	}
	away, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, early.PutFlag(away, owed("a", &soon)))
	early.PutFlagLater(owed("a", &soon))
	early.PutFlagLater(owed("b", &past))
	early.putOwedFlags(away)
	require.Contains(t, early.owedFlags, owed("a", nil).FlagAt)
	early.putOwedFlags(t.Context())
	require.Empty(t, early.owedFlags)
	_, up := early.flags.Get(kitchen.FlagSession, "a")
	require.True(t, up)
	_, up = early.flags.Get(kitchen.FlagSession, "b")
	require.False(t, up)

	client, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	shipped, err := json.Marshal(kitchen.Shipped{OrderID: testOrderID(1), ShippedAt: time.Now()})
	require.NoError(t, err)
	require.NoError(t, client.ProduceSync(t.Context(),
		&kgo.Record{Topic: events.TopicKitchenState, Key: []byte("paused/decorate"), Value: []byte("{")},
		&kgo.Record{Topic: events.TopicShip, Key: []byte(testOrderID(1)), Value: shipped},
	).FirstErr())
	require.Eventually(t, func() bool { return len(early.flags.Poison()) == 1 && early.IsShipped(testOrderID(1)) }, patience, time.Millisecond)
	early.tidyFlags(t.Context())
	late := open()
	for _, f := range []*Floor{early, late} {
		require.Eventually(t, func() bool { _, rush := f.flags.Get(kitchen.FlagRush, testOrderID(1)); return !rush }, patience, time.Millisecond, "its order is over")
		require.Eventually(t, func() bool { return len(f.flags.Poison()) == 0 }, patience, time.Millisecond)
		require.Equal(t, "lemon", f.KitchenState().SoldOut[0].Flavour)
		require.Empty(t, f.KitchenState().Paused)
	}
	letters := make(chan *kgo.Record, 10)
	client.AddConsumeTopics(events.TopicDeadLetters)
	client.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) { letters <- r })
	require.Equal(t, "paused/decorate", string((<-letters).Key))
}

// One process has put up a flag, and another takes it back that has not read it yet.
func TestAFlagIsTakenBackByAProcessThatHasNotReadIt(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, events.Topics()...))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	open := func() *Floor {
		f, err := New(Config{Kafka: events.Connection{Brokers: cluster.ListenAddrs()}, Kitchen: kitchen.Default(), Orders: &testOrders{}, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		return f
	}
	one, other := open(), open()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- one.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ran)
	})
	other.setCaughtUp() // with what was there a moment ago: it does not run, so it reads nothing new

	lemon := kitchen.FlagAt{Kind: kitchen.FlagSoldOut, Of: "lemon"}
	require.NoError(t, one.PutFlag(t.Context(), kitchen.Flag{FlagAt: lemon, By: "ann"}))
	_, soldOut := one.SoldOut("lemon")
	require.True(t, soldOut)
	takenBack := make(chan error, 1)
	go func() { takenBack <- other.TakeBackFlag(ctx, lemon) }()
	require.Eventually(t, func() bool { _, soldOut := one.SoldOut("lemon"); return !soldOut }, patience, time.Millisecond)
	cancel()
	var unconfirmed *FlagUnconfirmedError
	require.ErrorAs(t, <-takenBack, &unconfirmed, "it does not claim what it has not read")
}

func TestReadingWhatWasShippedBelievesOnlyItsOwnOrder(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	m := record(t, events.TopicShip, now, kitchen.Shipped{OrderID: testOrderID(1), Lines: []kitchen.Line{{Quantity: -7}, {Quantity: kitchen.MaxScrapped + 1}, {Quantity: 3}}})
	m.Key = []byte(testOrderID(2))
	f.handle(m)
	require.Empty(t, f.ReadyOrders("", 100).Orders)
	m.Key = []byte(testOrderID(1))
	f.handle(m)
	require.Equal(t, 3, f.ReadyOrders("", 100).Orders[0].Pieces)
}
