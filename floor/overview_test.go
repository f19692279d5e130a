package floor

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// overviewWatch follows the overview of a floor, by a clock that it sets.
type overviewWatch struct {
	t        *testing.T
	floor    *Floor
	now      time.Time
	follower *Follower
}

func watchOverview(t *testing.T) *overviewWatch {
	w := &overviewWatch{t: t, now: morning, floor: newTestFloor(t)}
	w.floor.now = func() time.Time { return w.now }
	var err error
	w.follower, _, err = w.floor.Follow(ChannelOverview, "", asleep)
	require.NoError(t, err)
	return w
}

func (w *overviewWatch) issue(ticket kitchen.Ticket) {
	w.floor.handle(record(w.t, events.TicketTopic(ticket.Stage), w.now, ticket))
}

func (w *overviewWatch) ack(ref kitchen.TicketRef, kind kitchen.AckKind) {
	w.floor.handle(record(w.t, events.TopicAcks, w.now, ackOf(ref, kind, w.now)))
}

// places are the pickup codes at each stage and of those that are ready, after a look.
func (w *overviewWatch) places() map[string][]string {
	w.floor.overview.look(w.t.Context())
	places := make(map[string][]string)
	for _, stage := range w.floor.overview.overview.Stages {
		for _, ticket := range stage.Tickets {
			places[string(stage.Stage)] = append(places[string(stage.Stage)], ticket.PickupCode+" "+string(ticket.State))
		}
	}
	for _, ready := range w.floor.overview.overview.Ready {
		places["ready"] = append(places["ready"], ready.PickupCode)
	}
	return places
}

func TestTheOverviewShowsAnOrderFromBowlToBox(t *testing.T) {
	t.Parallel()
	w := watchOverview(t)
	code := kitchen.PickupCode(testOrderID(1))
	require.Empty(t, w.places())
	require.Len(t, w.floor.overview.overview.Stages, len(kitchen.Stages()), "a stage without tickets is shown too")
	for _, stage := range kitchen.Stages() {
		ref := kitchen.TicketRef{OrderID: testOrderID(1), Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
		w.issue(floortest.Ticket(ref, 1))
		require.Equal(t, map[string][]string{string(stage): {code + " waiting"}}, w.places())
		w.ack(ref, kitchen.AckStarted)
		require.Equal(t, map[string][]string{string(stage): {code + " started"}}, w.places())
		w.ack(ref, kitchen.AckDone)
	}
	require.Equal(t, map[string][]string{"ready": {code}}, w.places())
	w.now = w.now.Add(readyFor + time.Minute)
	w.issue(floortest.Ticket(kitchen.TicketRef{OrderID: testOrderID(2), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}, 1)) // the log's time goes on with its records
	require.NotContains(t, w.places(), "ready", "nobody looks for it any more")
}

func TestTheOverviewShowsAllThatWaitsToBeCollectedHoweverMuchWasMadeSince(t *testing.T) {
	t.Parallel()
	w := watchOverview(t)
	for i := 1; i <= 2*endedShown; i++ {
		w.now = w.now.Add(time.Second)
		ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
		w.issue(floortest.Ticket(ref, 1))
		w.ack(ref, kitchen.AckDone)
		if i > 2 {
			putFlag(t, w.floor, kitchen.FlagCollected, testOrderID(i), w.now, nil)
		}
	}
	first, second := kitchen.PickupCode(testOrderID(1)), kitchen.PickupCode(testOrderID(2))
	require.ElementsMatch(t, []string{first, second}, w.places()["ready"])
	ref := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketUndo}
	w.issue(floortest.Ticket(ref, 1))
	require.Equal(t, []string{second}, w.places()["ready"], "what is to be put away is not ready")
}

func TestTheOverviewTellsWhatHappenedOnceAndTheNewestFirst(t *testing.T) {
	t.Parallel()
	w := watchOverview(t)
	told := func() (told []string) {
		w.floor.overview.look(t.Context())
		for _, news := range w.floor.overview.overview.News {
			require.Equal(t, kitchen.PickupCode(testOrderID(1)), news.PickupCode)
			told = append(told, strings.TrimSpace(string(news.Kind)+" "+string(news.Stage)+" "+news.Reason))
		}
		return told
	}
	of := func(stage kitchen.Stage, pass int, kind kitchen.TicketKind) kitchen.TicketRef {
		return kitchen.TicketRef{OrderID: testOrderID(1), Stage: stage, Pass: pass, Kind: kind}
	}
	for range 2 { // the log may have it twice
		w.issue(floortest.Ticket(of(kitchen.Mix, 1, kitchen.TicketMake), 1))
	}
	w.issue(floortest.Ticket(of(kitchen.Mix, 1, kitchen.TicketMake), 2))
	w.ack(of(kitchen.Mix, 1, kitchen.TicketMake), kitchen.AckStarted)
	w.ack(of(kitchen.Mix, 1, kitchen.TicketMake), kitchen.AckDone)
	require.Equal(t, []string{"placed"}, told(), "that work goes on is no news")
	w.issue(floortest.Ticket(of(kitchen.Bake, 1, kitchen.TicketMake), 1))
	failed := ackOf(of(kitchen.Bake, 1, kitchen.TicketMake), kitchen.AckFailed, w.now)
	failed.Reason = "burnt"
	w.floor.handle(record(t, events.TopicAcks, w.now, failed))
	w.floor.handle(record(t, events.TopicAcks, w.now, failed))
	w.issue(floortest.Ticket(of(kitchen.Mix, 1, kitchen.TicketUndo), 1))
	w.issue(floortest.Ticket(of(kitchen.Mix, 2, kitchen.TicketMake), 1))
	require.Equal(t, []string{"remade", "failed bake burnt", "placed"}, told())
	for range 2 {
		w.floor.handle(record(t, events.TopicFailures, w.now, kitchen.Failed{OrderID: testOrderID(1), State: kitchen.StateCancelled}))
	}
	require.Equal(t, []string{"cancelled", "remade", "failed bake burnt", "placed"}, told())
}

func TestTheOverviewTellsEachFailureAndOnlyReasonsOfTheKitchenFile(t *testing.T) {
	t.Parallel()
	w := watchOverview(t)
	later := w.now.Add(time.Minute)
	for _, pass := range []int{2, 1} { // partitions of topics are read beside each other
		ref := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: pass, Kind: kitchen.TicketMake}
		if w.now = later; pass == 1 {
			w.now = later.Add(-time.Minute)
		}
		w.issue(floortest.Ticket(ref, 1))
		failed := ackOf(ref, kitchen.AckFailed, w.now)
		failed.Reason = "Ada has moved away"
		w.floor.handle(record(t, events.TopicAcks, w.now, failed))
		w.floor.overview.look(t.Context())
		if lane := w.floor.overview.overview.Stages[1]; len(lane.Tickets) > 0 {
			require.NotContains(t, lane.Tickets[0].Reason, "Ada")
		}
	}
	news := w.floor.overview.overview.News
	require.Len(t, news, 2, "one for each pass")
	require.Equal(t, []time.Time{later, later.Add(-time.Minute)}, []time.Time{news[0].At, news[1].At})
	require.Equal(t, []string{kitchen.ReasonOther, kitchen.ReasonOther}, []string{news[0].Reason, news[1].Reason})
}

func TestTheOverviewTellsNothingOfACustomer(t *testing.T) {
	t.Parallel()
	w := watchOverview(t)
	ticket := floortest.Ticket(kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}, 1)
	ticket.Customer = kitchen.Customer{Name: "Xanthippe"}
	ticket.Notes, ticket.Allergies = "Quagga", []string{"Zwieback"}
	ticket.Lines = []kitchen.Line{
		{Flavour: "carrot", Size: "S", Quantity: 4},
		{Flavour: "lemon", Size: "M", Quantity: 3, Message: "Yggdrasil"},
		{Flavour: "lemon", Size: "L", Quantity: 2},
	}
	w.issue(ticket)
	w.floor.overview.look(t.Context())
	frames, _, _ := w.follower.Next()
	require.NotEmpty(t, frames)
	last := frames[len(frames)-1]
	for _, secret := range []string{"Xanthippe", "Quagga", "Zwieback", "Yggdrasil", testOrderID(1)} {
		require.NotContains(t, string(last.Data), secret)
	}
	var message wire.LiveMessage
	require.NoError(t, json.Unmarshal(last.Data, &message))
	shown := message.Overview.Stages[len(message.Overview.Stages)-1].Tickets
	require.Len(t, shown, 1)
	require.Equal(t, "lemon", shown[0].Flavour, "five of nine pieces")
	require.Equal(t, 9, shown[0].Pieces)
}

func TestTheOverviewIsOnlySentWhenItChanges(t *testing.T) {
	t.Parallel()
	w := watchOverview(t)
	w.issue(floortest.Ticket(kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}, 1))
	w.floor.overview.look(t.Context())
	frames, _, _ := w.follower.Next()
	require.Len(t, frames, 1)
	w.floor.overview.look(t.Context())
	frames, _, _ = w.follower.Next()
	require.Empty(t, frames)
}

func TestTheOverviewShowsTheFirstTicketsOfALongQueueAndCountsAll(t *testing.T) {
	t.Parallel()
	w := watchOverview(t)
	for i := range overviewShown + 5 {
		w.issue(floortest.Ticket(kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}, 1))
	}
	require.Len(t, w.places()[string(kitchen.Mix)], overviewShown)
	require.Equal(t, overviewShown+5, w.floor.overview.overview.Stages[0].Waiting)
}
