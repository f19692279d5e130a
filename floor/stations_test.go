package floor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// TestWhoeverFollowsABoardSeesTheBoard plays any log to a floor, whose
// followers read now and then, come back with their cursor, and fall behind:
// what each has made of its messages is the board of one fold.
func TestWhoeverFollowsABoardSeesTheBoard(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		f := newTestFloor(t)
		var refs []kitchen.TicketRef
		for i := range 32 {
			ref := kitchen.TicketRef{OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-0000000000%02d", i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
			refs = append(refs, ref)
			if i%8 == 0 {
				ref.Kind = kitchen.TicketUndo
				refs = append(refs, ref)
			}
			if kitchen.TicketUndo != ref.Kind && i < rapid.IntRange(0, 32).Draw(t, "done before") {
				at := noon.Add(-time.Duration(i) * time.Minute)
				f.handle(record(t, events.TicketTopic(kitchen.Bake), at, floortest.Ticket(ref, 1)))
				f.handle(record(t, events.TopicAcks, at, kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "mia", At: at}))
			}
		}
		var messages []events.Message
		for range rapid.IntRange(0, 80).Draw(t, "records") {
			ref := rapid.SampledFrom(refs).Draw(t, "ticket")
			at := noon.Add(time.Duration(len(messages)) * time.Minute)
			if rapid.Bool().Draw(t, "an issue") {
				ticket := floortest.Ticket(ref, rapid.IntRange(1, 3).Draw(t, "attempt"))
				messages = append(messages, record(t, events.TicketTopic(kitchen.Bake), at, ticket))
				continue
			}
			kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone, kitchen.AckDone}).Draw(t, "kind")
			if ref.Kind == kitchen.TicketUndo && kind == kitchen.AckDone {
				kind = kitchen.AckUndone
			}
			messages = append(messages, record(t, events.TopicAcks, at, kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind,
				By: rapid.SampledFrom([]string{"bob", "eve"}).Draw(t, "by"), At: at, Attempt: rapid.IntRange(0, 3).Draw(t, "attempt")}))
		}

		station := f.stations[kitchen.Bake]
		followers, mirrors := make([]*Follower, 3), make([]*floortest.Mirror, 3)
		for i := range followers {
			followers[i], _ = station.follow("", asleep)
			mirrors[i] = &floortest.Mirror{}
		}
		read := func(i int) {
			for _, message := range messagesOf(t, followers[i]) {
				mirrors[i].Apply(message)
				named := slices.Clone(message.Change.Removed)
				for _, ticket := range message.Change.Tickets {
					named = append(named, ticket.TicketID)
				}
				slices.Sort(named)
				require.Equal(t, slices.Compact(slices.Clone(named)), named, "a change names a ticket once")
			}
		}
		for _, message := range messages {
			f.handle(message)
			i := rapid.IntRange(0, 2).Draw(t, "who")
			switch rapid.IntRange(0, 5).Draw(t, "does") {
			case 0, 1:
				read(i)
			case 2:
				followers[i].Leave()
				followers[i], _ = station.follow(mirrors[i].Cursor, asleep)
			case 3:
				station.changes = nil // as if they were too many
				station.snapshot = nil
			case 4:
				f.lookBack = time.Duration(rapid.IntRange(0, len(messages)).Draw(t, "minutes")) * time.Minute
				f.forget()
			}
		}
		var want []wire.BoardTicket
		ended := 0
		whole := f.board.Entries(kitchen.Bake)
		slices.SortStableFunc(whole, func(x, y board.Entry) int {
			return cmp.Or(y.Heard.Time.Compare(x.Heard.Time), strings.Compare(x.Ticket.TicketID, y.Ticket.TicketID))
		})
		for _, entry := range whole {
			switch {
			case entry.Withdrawn && entry.State != kitchen.TicketStarted:
				continue
			case entry.Ended():
				if ended++; ended > endedShown {
					continue
				}
			}
			want = append(want, f.boardTicket(entry))
		}
		for i := range followers {
			read(i)
			require.Len(t, mirrors[i].Tickets, len(want))
			for _, ticket := range want {
				require.Equal(t, mustJSON(t, ticket), mustJSON(t, mirrors[i].Tickets[ticket.TicketID]))
			}
		}
	})
}

// TestAnybodysRecordsCanBeShown: whoever writes to Kafka decides what is in
// its records.
func TestAnybodysRecordsCanBeShown(t *testing.T) {
	t.Parallel()
	f := newTestFloor(t)
	station := f.stations[kitchen.Bake]
	follower, _ := station.follow("", asleep)
	ref := kitchen.TicketRef{OrderID: "01936f8e-5c1a-7d3b-9f00-000000000001", Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	bare := fmt.Sprintf(`{"ticketId":%q,"kind":"make","orderId":%q,"stage":"bake","pass":1,"attempt":1,"notes":"<script>alert(1)</script>"}`, ref.TicketID(), ref.OrderID)
	for _, message := range []events.Message{
		{Topic: events.TicketTopic(kitchen.Bake), Value: []byte("nonsense")},
		{Topic: events.TicketTopic(kitchen.Mix), Value: []byte(bare)},
		{Topic: events.TopicAcks, Value: []byte("nonsense")},
		{Topic: events.TopicShip},
		{Topic: events.TicketTopic(kitchen.Bake), Value: []byte(bare), Time: time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		f.handle(message)
	}
	frames, _, _ := follower.Next()
	require.NotEmpty(t, frames)
	shown := station.board()
	require.Len(t, shown.Tickets, 1)
	require.Equal(t, "<script>alert(1)</script>", shown.Tickets[0].Notes)
	require.NotContains(t, string(frames[0].Data), "<script>", "nor if it lands in a page")
	require.NotNil(t, shown.Tickets[0].Lines)
}

// TestStagesOfAnotherBuildAreItsToShow: while builds run side by side, the log
// has acks of stages that this one does not know.
func TestStagesOfAnotherBuildAreItsToShow(t *testing.T) {
	t.Parallel()
	at := morning
	f := newFloorAt(t, &at)
	f.counter.orders = make(map[string]*counterOrder)
	dust := kitchen.TicketRef{OrderID: testOrderID(1), Stage: "dust", Pass: 1, Kind: kitchen.TicketMake}
	hear := func() {
		f.handle(record(t, events.TicketTopic(kitchen.Bake), at, floortest.Ticket(dust, 1)))
		f.handle(record(t, events.TicketTopic(dust.Stage), at, floortest.Ticket(dust, 1)))
		for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone} {
			f.handle(record(t, events.TopicAcks, at, ackOf(dust, kind, at)))
		}
		f.handle(record(t, events.TopicAcks, at, ackOf(dust.Undo(), kitchen.AckUndone, at)))
	}
	hear()
	f.setCaughtUp()
	hear()
	require.Zero(t, f.board.Len())
	require.Empty(t, f.counter.orders)
	require.Empty(t, f.figures.works)

	bake := dust
	bake.Stage = kitchen.Bake
	f.handle(record(t, events.TicketTopic(kitchen.Bake), at, floortest.Ticket(bake, 1)))
	f.handle(record(t, events.TopicAcks, at, ackOf(bake, kitchen.AckStarted, at)))
	require.Equal(t, "bob", f.stations[kitchen.Bake].board().Tickets[0].By)
}

// BenchmarkReadingTheLogOfManyOrders is the start of a process with 10,000 open
// orders on the log, a quarter of them at each stage.
func BenchmarkReadingTheLogOfManyOrders(b *testing.B) {
	var messages []events.Message
	for i := range 10_000 {
		for _, stage := range kitchen.Stages()[:i%4+1] {
			ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
			messages = append(messages, record(b, events.TicketTopic(stage), time.Now(), floortest.Ticket(ref, 1)))
			if stage != kitchen.Stages()[i%4] {
				messages = append(messages, record(b, events.TopicAcks, time.Now(), ackOf(ref, kitchen.AckStarted, time.Now())), record(b, events.TopicAcks, time.Now(), ackOf(ref, kitchen.AckDone, time.Now())))
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		f := newTestFloor(b)
		f.caughtUp = false
		for _, message := range messages {
			f.handle(message)
		}
		f.setCaughtUp()
	}
}

// TestWhatIsOpenIsForgottenOnlyWhileTheFactoryWorks: Temporal was away for hours, and what
// bob had in hand had left the board, though he was at it.
func TestWhatIsOpenIsForgottenOnlyWhileTheFactoryWorks(t *testing.T) {
	t.Parallel()
	now := morning
	f := newTestFloor(t)
	f.now = func() time.Time { return now }
	follower, _, err := f.Follow("station/bake", "", asleep)
	require.NoError(t, err)
	require.Len(t, messagesOf(t, follower), 1)
	of := func(i int) kitchen.TicketRef {
		return kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	}
	waits, inHand, failed, done := of(1), of(2), of(3), of(4)
	for _, ref := range []kitchen.TicketRef{waits, inHand, failed, done} {
		f.handle(record(t, events.TicketTopic(kitchen.Bake), now, floortest.Ticket(ref, 1)))
	}
	f.handle(record(t, events.TopicAcks, now, ackOf(inHand, kitchen.AckStarted, now)))
	f.handle(record(t, events.TopicAcks, now, ackOf(failed, kitchen.AckFailed, now)))
	f.handle(record(t, events.TopicAcks, now, ackOf(done, kitchen.AckDone, now)))
	messagesOf(t, follower)

	now = now.Add(f.lookBack + 1)
	f.forget()
	require.Equal(t, []string{done.TicketID()}, messagesOf(t, follower)[0].Change.Removed, "what is over goes")
	require.Len(t, f.Board(kitchen.Bake).Tickets, 3)
	_, _, resolved, err := f.prepareAck("bob", kitchen.Bake, inHand.TicketID(), wire.Ack{Kind: kitchen.AckDone})
	require.NoError(t, err)
	require.NotNil(t, resolved)

	elsewhere := record(t, events.TicketTopic(kitchen.Bake), now, floortest.Ticket(of(5), 1))
	elsewhere.Partition = 1
	f.handle(elsewhere)
	f.handle(record(t, events.TicketTopic(kitchen.Mix), now, floortest.Ticket(kitchen.TicketRef{OrderID: testOrderID(5), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}, 1)))
	nonsense := record(t, events.TicketTopic(kitchen.Bake), now, "nonsense")
	f.handle(nonsense)
	f.forget()
	require.Len(t, f.Board(kitchen.Bake).Tickets, 4, "nothing was issued where these are")

	f.handle(record(t, events.TicketTopic(kitchen.Bake), now, floortest.Ticket(of(6), 1)))
	f.forget()
	require.Len(t, f.Board(kitchen.Bake).Tickets, 5, "they may be issued again in a moment")
	for worked := time.Duration(0); worked <= f.lookBack; worked += 10 * time.Minute {
		now = now.Add(10 * time.Minute)
		f.handle(record(t, events.TicketTopic(kitchen.Bake), now, floortest.Ticket(of(6), 2)))
	}
	f.handle(record(t, events.TicketTopic(kitchen.Bake), now, floortest.Ticket(of(5), 2)))
	f.forget()
	require.Len(t, f.Board(kitchen.Bake).Tickets, 2, "their orders were terminated, or they had been issued again")
	require.Equal(t, 3, f.board.Len())
}
