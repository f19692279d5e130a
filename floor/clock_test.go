package floor

import (
	"fmt"
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

// shownBoard is what people see of a station's board that nobody's clock may
// change.
func shownBoard(f *Floor, stage kitchen.Stage) []string {
	board := f.stations[stage].board()
	var lines []string
	for _, ticket := range slices.Concat(board.Tickets, board.Ended) {
		lines = append(lines, fmt.Sprint(ticket.TicketID, " ", ticket.State, " ", ticket.By, " ", ticket.Attempt, " ", ticket.Withdrawn))
	}
	return lines
}

func shownAtTheCounter(f *Floor) []string {
	f.counter.open()
	var lines []string
	for _, order := range slices.Concat(f.counter.display.Preparing, []wire.CounterOrder{{PickupCode: "ready"}}, f.counter.display.Ready) {
		lines = append(lines, order.PickupCode)
	}
	return lines
}

// TestNobodysClockDecidesWhatIsShown: a process whose clock is off reads what
// people and workers wrote whose clocks are off, and shows the same as one in a
// world where every clock is right.
func TestNobodysClockDecidesWhatIsShown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		off := func(who string) time.Duration {
			return time.Duration(rapid.IntRange(-5*3600, 5*3600).Draw(t, "seconds that the clock of "+who+" is off")) * time.Second
		}
		people := map[string]time.Duration{"bob": off("bob"), "eve": off("eve")}
		workers, processes := off("the worker"), off("the process")
		appended := rapid.Bool().Draw(t, "LogAppendTime")
		now := morning
		right, wrong := newFloorAt(t, &now), newTestFloor(t)
		wrong.now, wrong.caughtUp = func() time.Time { return now.Add(processes) }, false
		write := func(f *Floor, topic string, off time.Duration, value any) {
			m := record(t, topic, now, value)
			if !appended {
				m.Appended, m.Time = false, now.Add(off)
			}
			f.handle(m)
		}
		caughtUp := rapid.IntRange(0, 60).Draw(t, "caught up after")
		for i := range rapid.IntRange(0, 80).Draw(t, "records") {
			if i == caughtUp {
				right.setCaughtUp()
				wrong.setCaughtUp()
			}
			now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second)
			ref := kitchen.TicketRef{OrderID: testOrderID(rapid.IntRange(0, 5).Draw(t, "order")), Stage: rapid.SampledFrom(kitchen.Stages()[2:]).Draw(t, "stage"), Pass: 1, Kind: kitchen.TicketMake}
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				right.forget()
				wrong.forget()
			case 1, 2, 3:
				ticket := floortest.Ticket(ref, rapid.IntRange(1, 3).Draw(t, "attempt"))
				for f, off := range map[*Floor]time.Duration{right: 0, wrong: workers} {
					ticket.IssuedAt, ticket.AckBy = now.Add(off), now.Add(off+40*time.Minute)
					write(f, events.TicketTopic(ref.Stage), off, ticket)
				}
			default:
				by := rapid.SampledFrom([]string{"bob", "eve"}).Draw(t, "by")
				ack := ackOf(ref, rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind"), now)
				ack.By, ack.Attempt = by, rapid.IntRange(0, 3).Draw(t, "attempt")
				write(right, events.TopicAcks, 0, ack)
				ack.At = ack.At.Add(people[by])
				write(wrong, events.TopicAcks, people[by], ack)
			}
		}
		if !right.caughtUp {
			right.setCaughtUp()
			wrong.setCaughtUp()
		}
		for _, stage := range kitchen.Stages() {
			want, got := shownBoard(right, stage), shownBoard(wrong, stage)
			if !appended { // then the order of what waits goes by what the worker writes, for people's eyes only
				slices.Sort(want)
				slices.Sort(got)
			}
			require.Equal(t, want, got)
		}
		require.Equal(t, right.board.Len(), wrong.board.Len())
		want, got := shownAtTheCounter(right), shownAtTheCounter(wrong)
		if !appended {
			slices.Sort(want)
			slices.Sort(got)
		}
		require.Equal(t, want, got)
	})
}

// The broker dates the log, and the figures with it.
func TestTheFiguresGoByTheBrokersClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-2 * time.Hour, 2 * time.Hour, 1000 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			now := morning
			right, wrong := newFloorAt(t, &now), newTestFloor(t)
			wrong.now, wrong.caughtUp = func() time.Time { return now.Add(off) }, false
			for i := range 30 {
				now = now.Add(10 * time.Minute)
				if i == 15 { // half of it is read at the start
					right.setCaughtUp()
					wrong.setCaughtUp()
				}
				ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
				for _, f := range []*Floor{right, wrong} {
					f.handle(record(t, events.TicketTopic(kitchen.Bake), now.Add(-5*time.Minute), floortest.Ticket(ref, 1)))
					f.handle(record(t, events.TopicAcks, now, ackOf(ref, kitchen.AckDone, now)))
					f.forget()
				}
			}
			now = now.Add(time.Minute)
			want, got := right.figures.statistics(right.logTime()), wrong.figures.statistics(wrong.logTime())
			require.Equal(t, mustJSON(t, want), mustJSON(t, got))
			done := 0
			for _, step := range got.Stages[1].Steps {
				done += step.Done
			}
			require.Equal(t, 24, done, "of four hours")
			require.Equal(t, right.figures.paces[kitchen.Bake].of(kitchen.Bake, right.logTime()), wrong.figures.paces[kitchen.Bake].of(kitchen.Bake, wrong.logTime()))
		})
	}
}

// A producer dates its records, and its clock is decades fast.
func TestAProducersClockNeitherKeepsNorHidesAnything(t *testing.T) {
	t.Parallel()
	now := morning
	f := newTestFloor(t)
	f.now = func() time.Time { return now }
	decades := 50 * 365 * 24 * time.Hour
	add := func(i int, off time.Duration) string {
		ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
		for _, m := range []events.Message{record(t, events.TicketTopic(ref.Stage), now.Add(off), floortest.Ticket(ref, 1)), record(t, events.TopicAcks, now.Add(off), ackOf(ref, kitchen.AckDone, now.Add(off)))} {
			m.Appended = false
			f.handle(m)
		}
		return ref.TicketID()
	}
	for i := range 100 {
		add(i, decades)
	}
	now = now.Add(time.Second)
	last := add(100, 0)
	require.Equal(t, last, f.stations[kitchen.Package].board().Ended[0].TicketID)
	f.counter.open()
	require.Equal(t, kitchen.PickupCode(testOrderID(100)), f.counter.display.Ready[0].PickupCode)
	now = now.Add(readyFor + time.Second)
	f.counter.refresh(now)
	require.Empty(t, f.counter.display.Ready)
	now = now.Add(f.lookBack)
	f.forget()
	require.Zero(t, f.board.Len())
}

// A worker two hours slow: its tickets seem to have been due long ago.
func TestWhatASlowWorkerIssuesStaysOnTheBoard(t *testing.T) {
	t.Parallel()
	for _, appended := range []bool{true, false} {
		for _, off := range []time.Duration{-2 * time.Hour, -48 * time.Hour, 48 * time.Hour} {
			t.Run(fmt.Sprintf("%sAndLogAppendTimeIs%t", off, appended), func(t *testing.T) {
				t.Parallel()
				now := morning
				f := newFloorAt(t, &now)
				ref := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
				ticket := floortest.Ticket(ref, 1)
				ticket.IssuedAt = now.Add(off)
				ticket.AckBy = ticket.IssuedAt.Add(40 * time.Minute)
				m := record(t, events.TicketTopic(kitchen.Bake), now, ticket)
				if !appended {
					m.Time, m.Appended = now.Add(off), false
				}
				f.handle(m)
				other := record(t, events.TopicAcks, now, ackOf(kitchen.TicketRef{OrderID: testOrderID(2), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}, kitchen.AckDone, now))
				other.Appended = appended
				f.handle(other)
				f.setCaughtUp()
				now = now.Add(40 * time.Minute)
				f.forget()
				require.Len(t, f.stations[kitchen.Bake].board().Tickets, 1)
				if appended {
					require.Equal(t, morning.Add(40*time.Minute), f.stations[kitchen.Bake].board().Tickets[0].AckBy)
				}
			})
		}
	}
}

// The tickets' partition has been idle since yesterday, so its end is read; the
// acks of those tickets are older than the acks that are read.
func TestAFreshProcessDoesNotShowWhatItCannotKnow(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	yesterday := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	today := kitchen.TicketRef{OrderID: testOrderID(2), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	f.handle(record(t, events.TicketTopic(kitchen.Bake), now.Add(-14*time.Hour), floortest.Ticket(yesterday, 1)))
	other := record(t, events.TicketTopic(kitchen.Bake), now.Add(-30*time.Minute), floortest.Ticket(today, 1))
	other.Partition = 1
	f.handle(other)
	f.handle(record(t, events.TopicAcks, now, ackOf(kitchen.TicketRef{OrderID: testOrderID(3), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}, kitchen.AckDone, now)))
	// A partition from before topics had the broker's times is read whole.
	undated := record(t, events.TicketTopic(kitchen.Bake), now.Add(-48*time.Hour), floortest.Ticket(kitchen.TicketRef{OrderID: testOrderID(4), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}, 1))
	undated.Partition, undated.Appended = 2, false
	f.handle(undated)
	f.setCaughtUp()
	shown := f.stations[kitchen.Bake].board().Tickets
	require.Len(t, shown, 1)
	require.Equal(t, today.TicketID(), shown[0].TicketID)
}

// The process that has published an ack knows it again, though its record has
// another time than the process's clock gave.
func TestAnAckIsAnsweredWhateverItsRecordDatesIt(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{40 * time.Minute, -5 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			f := newTestFloor(t)
			f.now = func() time.Time { return morning.Add(off) }
			ref := kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
			f.handle(record(t, events.TicketTopic(kitchen.Bake), morning, floortest.Ticket(ref, 1)))
			ack, _, resolved, err := f.prepareAck("mia", kitchen.Bake, ref.TicketID(), wire.Ack{Kind: kitchen.AckDone})
			require.NoError(t, err)
			m := record(t, events.TopicAcks, morning, ack)
			m.Headers = []events.Header{{Key: "ce_source", Value: []byte(f.source)}}
			f.handle(m)
			select {
			case heard := <-resolved:
				require.NoError(t, whyInVain(ack, heard))
				require.Equal(t, morning, f.boardTicket(heard.entry).EndedAt)
			default:
				require.Fail(t, "nobody got the ticket")
			}
		})
	}
}

func TestTimesThatCannotBeReachNobody(t *testing.T) {
	t.Parallel()
	now := morning
	f := newTestFloor(t)
	f.now = func() time.Time { return now }
	for i, year := range []int{1, 9999} {
		ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
		at := time.Date(year, 1, 1, 0, 0, 1, 0, time.UTC)
		f.handle(record(t, events.TicketTopic(ref.Stage), now, floortest.Ticket(ref, 1)))
		ack := ackOf(ref, kitchen.AckDone, at)
		ack.StartedAt = &at
		f.handle(record(t, events.TopicAcks, now, ack))
	}
	for _, ticket := range f.stations[kitchen.Package].board().Ended {
		require.Equal(t, now, ticket.EndedAt)
		require.Contains(t, []time.Time{{}, now}, ticket.StartedAt)
	}
	f.counter.open()
	require.Len(t, f.counter.display.Ready, 2)
	for _, order := range f.counter.display.Ready {
		require.Equal(t, now, order.Since)
	}
	statistics := f.figures.statistics(f.logTime())
	require.Equal(t, 2, statistics.Stages[3].Steps[figuresSteps-1].Done)
}
