package floor

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
)

// anySteps draws the steps of an order: each as the workflow tells it.
func anySteps(t *rapid.T) []kitchen.Status {
	status := waitingForMix(1)
	status.Stages = nil
	var steps []kitchen.Status
	for range rapid.IntRange(1, 8).Draw(t, "steps") {
		status.Version += int64(rapid.IntRange(1, 3).Draw(t, "later"))
		status.Stages = kitchen.CloneStages(status.Stages)
		at := rapid.IntRange(0, len(status.Stages)).Draw(t, "stage")
		if at == len(status.Stages) && at < 2 {
			status.Stages = append(status.Stages, kitchen.StageStatus{Stage: kitchen.Stages()[at], Pass: 1, State: kitchen.TicketWaiting, Attempt: 1})
			status.Stage, status.WaitingFor = kitchen.Stages()[at], kitchen.Stages()[at]
		} else if row := &status.Stages[min(at, len(status.Stages)-1)]; rapid.Bool().Draw(t, "undoes") {
			row.Undo = &kitchen.UndoStatus{State: rapid.SampledFrom([]kitchen.TicketState{kitchen.TicketWaiting, kitchen.TicketUndone}).Draw(t, "undo"), Attempt: 1}
		} else {
			row.State = rapid.SampledFrom([]kitchen.TicketState{kitchen.TicketWaiting, kitchen.TicketDone, kitchen.TicketFailed}).Draw(t, "state")
			status.WaitingFor = ""
		}
		steps = append(steps, status)
	}
	if rapid.Bool().Draw(t, "over") {
		status.Version++
		status.State = rapid.SampledFrom([]kitchen.OrderState{kitchen.StateCancelled, kitchen.StateShipped}).Draw(t, "end")
		steps = append(steps, status)
	}
	return steps
}

// naiveWork is what a page shows of an order's step, put together from all acks and
// tickets in the simplest way.
func naiveWork(status kitchen.Status, all *board.Board) kitchen.Status {
	status.Stages = kitchen.CloneStages(status.Stages)
	for i, row := range status.Stages {
		make := kitchen.TicketRef{OrderID: status.ID, Stage: row.Stage, Pass: row.Pass, Kind: kitchen.TicketMake}
		open := !status.State.IsFinal() && (row.Undo == nil || row.Undo.State == kitchen.TicketWaiting)
		if entry, known := all.Get(make.TicketID()); known && open && row.State == kitchen.TicketWaiting {
			shown := &status.Stages[i]
			shown.Attempt = max(row.Attempt, entry.Attempt)
			if entry.State == kitchen.TicketStarted {
				shown.State, shown.By, shown.StartedAt = kitchen.TicketStarted, entry.By, entry.StartedAt
			}
			if entry.State == kitchen.TicketDone && row.Undo == nil {
				shown.State, shown.By, shown.DoneAt, shown.Note, shown.StartedAt = kitchen.TicketDone, entry.By, &entry.Ack.At, entry.Ack.Note, entry.StartedAt
				if status.WaitingFor == row.Stage {
					status.WaitingFor = ""
				}
			}
		}
		if entry, known := all.Get(make.Undo().TicketID()); known && open && row.Undo != nil {
			undo := status.Stages[i].Undo
			undo.Attempt = max(undo.Attempt, entry.Attempt)
			if entry.State == kitchen.TicketStarted {
				undo.State, undo.By, undo.StartedAt = kitchen.TicketStarted, entry.By, entry.StartedAt
			}
		}
	}
	return status
}

// TestAPageShowsTheNewestStepAndWhatStationsDid, however the topics are interleaved,
// and whatever comes twice or late. Nothing is sent that changes nothing.
func TestAPageShowsTheNewestStepAndWhatStationsDid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		steps := anySteps(t)
		log := shuffled(t, anyLife(t))
		for _, index := range rapid.SliceOfN(rapid.IntRange(0, len(steps)-1), 0, 12).Draw(t, "told") {
			told := steps[index].ForLog(morning)
			told.Repeated = rapid.Bool().Draw(t, "repeated")
			log = slices.Insert(log, rapid.IntRange(0, len(log)).Draw(t, "at"), record(t, events.TopicStatus, morning, told))
		}
		f := newTestFloor(t)
		f.orders.stop() // nobody is asked; the test answers
		follower, _, err := f.Follow(ChannelOrder+testOrderID(1), "", asleep)
		require.NoError(t, err)
		order := f.orders.get(testOrderID(1))
		asksAt := rapid.IntRange(0, len(log)).Draw(t, "asks at")
		answersAt := rapid.IntRange(asksAt, len(log)).Draw(t, "answers at")

		all := board.New()
		var newest, shown kitchen.Status
		var answer, asOf int64
		for i := 0; i <= len(log); i++ {
			if i == asksAt {
				_, asOf, _ = order.asks()
				answer = rapid.Int64Range(asOf, steps[len(steps)-1].Version).Draw(t, "answer")
			}
			if i == answersAt {
				answered := steps[0]
				for _, step := range steps {
					if step.Version <= answer {
						answered = step // an order's workflow is never behind what it has told
					}
				}
				if answered.Version > newest.Version {
					newest = answered
				}
				f.mu.Lock()
				order.answered(answered, asOf, false)
				f.mu.Unlock()
			}
			if i < len(log) {
				f.handle(log[i])
				addNaively(t, all, log[i])
				if told, err := events.DecodeStatus(log[i]); log[i].Topic == events.TopicStatus && err == nil {
					for _, step := range steps {
						if step.Version == told.Version && step.Version > newest.Version {
							newest = step
						}
					}
				}
			}
			messages := messagesOf(t, follower)
			if i < answersAt {
				require.Empty(t, messages)
				continue
			}
			want := naiveWork(newest, all)
			if mustJSON(t, want) == mustJSON(t, shown) {
				require.Empty(t, messages, "nothing has changed")
				continue
			}
			require.Len(t, messages, 1)
			shown = messages[0].Order
			require.JSONEq(t, mustJSON(t, want), mustJSON(t, shown))
		}
	})
}

func addNaively(t require.TestingT, all *board.Board, m events.Message) {
	switch m.Topic {
	case events.TopicStatus:
	case events.TopicAcks:
		ack, err := events.DecodeAck(m)
		require.NoError(t, err)
		all.AddAck(ack, board.HeardFrom(m, 0))
	default:
		ticket, err := events.DecodeTicket(m)
		require.NoError(t, err)
		all.AddTicket(ticket, board.HeardFrom(m, 0))
	}
}

func TestTheLogTellsWhereAnOrderStandsOnlyIfItIsSure(t *testing.T) {
	t.Parallel()
	repeated := func(version int64) kitchen.LoggedStatus {
		told := waitingForMix(version).ForLog(morning)
		told.Repeated = true
		return told
	}
	shipped := waitingForBake(30)
	shipped.State = kitchen.StateShipped
	for name, c := range map[string]struct {
		log  []kitchen.LoggedStatus
		want int64 // 0 if it is not sure
	}{
		"it tells nothing":                              {nil, 0},
		"it tells a step":                               {[]kitchen.LoggedStatus{waitingForMix(10).ForLog(morning)}, 10},
		"a late one":                                    {[]kitchen.LoggedStatus{waitingForBake(20).ForLog(morning), waitingForMix(10).ForLog(morning)}, 20},
		"only what was told before":                     {[]kitchen.LoggedStatus{repeated(10), repeated(10)}, 0},
		"what was told before, and since":               {[]kitchen.LoggedStatus{waitingForMix(10).ForLog(morning), repeated(10)}, 10},
		"a later step that could not be told at first":  {[]kitchen.LoggedStatus{waitingForMix(10).ForLog(morning), repeated(20)}, 20},
		"an earlier step that says nothing of the last": {[]kitchen.LoggedStatus{repeated(20), waitingForMix(10).ForLog(morning)}, 0},
		"the order is over":                             {[]kitchen.LoggedStatus{shipped.ForLog(morning), waitingForMix(10).ForLog(morning)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newTestFloor(t)
			for _, told := range c.log {
				tell(t, f, told)
			}
			told, known := f.OrderStatus(testOrderID(1))
			require.Equal(t, c.want > 0, known)
			require.Equal(t, c.want, told.Version)
			f.setAway(time.Now())
			_, known = f.OrderStatus(testOrderID(1))
			require.False(t, known, "the floor is behind the log")
		})
	}
}

// Its ticket may be there before a step, and the step may never come.
func TestAStepThatIsMissedMakesTheLogUnsure(t *testing.T) {
	t.Parallel()
	known := func(f *Floor) bool {
		_, known := f.OrderStatus(testOrderID(1))
		return known
	}
	bake := mixOf(1)
	bake.Stage = kitchen.Bake
	for name, missed := range map[string]func(*Floor){
		"a ticket of the next": func(f *Floor) {
			f.handle(record(t, events.TicketTopic(bake.Stage), morning, floortest.Ticket(bake, 1)))
		},
		"a ticket that undoes": func(f *Floor) {
			f.handle(record(t, events.TicketTopic(kitchen.Mix), morning, floortest.Ticket(mixOf(1).Undo(), 1)))
		},
		"one that cannot be read": func(f *Floor) {
			f.handle(events.Message{Topic: events.TopicStatus, Key: []byte(testOrderID(1)), Value: []byte("{"), Time: morning, Appended: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newTestFloor(t)
			tell(t, f, waitingForMix(10).ForLog(morning))
			f.handle(record(t, events.TicketTopic(kitchen.Mix), morning, floortest.Ticket(mixOf(1), 1)))
			require.True(t, known(f))
			missed(f)
			require.False(t, known(f))
			tell(t, f, waitingForBake(20).ForLog(morning))
			require.True(t, known(f))
		})
	}
}

// A status leaves out the oldest passes of an order that was made very often.
func TestATicketOfAPassThatAStatusLeavesOutIsNotMissed(t *testing.T) {
	t.Parallel()
	f := newTestFloor(t)
	status := waitingForMix(10)
	status.Remakes, status.Stages[0].Pass = 1, 2
	tell(t, f, status.ForLog(morning))
	f.handle(record(t, events.TicketTopic(kitchen.Mix), morning, floortest.Ticket(mixOf(1), 1)))
	_, known := f.OrderStatus(testOrderID(1))
	require.True(t, known)
}

func TestWhatTheLogTellsIsKeptAsItIs(t *testing.T) {
	t.Parallel()
	f := newTestFloor(t)
	want := waitingForBake(20).ForLog(morning)
	want.DetailsVersion, want.Scrapped, want.Remakes = 10, 3, 1
	want.Attention = &kitchen.Attention{Stage: kitchen.Bake, Pass: 1, Since: morning, Reason: "burnt", Choices: kitchen.Choices()}
	tell(t, f, want)
	got, known := f.OrderStatus(want.OrderID)
	require.True(t, known)
	want.Lines = nil
	require.Equal(t, want, got)
	f.handle(events.Message{Topic: events.TopicStatus, Value: []byte(`{"orderId":"` + want.OrderID + `"}`)})
	got, _ = f.OrderStatus(want.OrderID)
	require.Equal(t, want, got, "nobody can understand the other")
}

func TestOrdersThatTheLogIsSilentAboutAreForgotten(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	f.setCaughtUp()
	status := func(order int, change func(*kitchen.Status)) kitchen.LoggedStatus {
		s := waitingForMix(10)
		s.ID = testOrderID(order)
		change(&s)
		return s.ForLog(morning)
	}
	tell(t, f, status(1, func(s *kitchen.Status) { s.State = kitchen.StateShipped }))
	tell(t, f, status(2, func(*kitchen.Status) {})) // it was terminated: no ticket is issued
	tell(t, f, status(3, func(s *kitchen.Status) { s.Attention = &kitchen.Attention{Choices: kitchen.Choices()} }))
	tell(t, f, status(4, func(*kitchen.Status) {}))
	f.handle(record(t, events.TicketTopic(kitchen.Mix), morning, floortest.Ticket(mixOf(4), 1)))
	now = now.Add(f.lookBack)
	f.forget()
	require.Len(t, f.statuses, 4)
	now = now.Add(time.Minute)
	f.forget()
	require.Len(t, f.statuses, 2)
	require.Contains(t, f.statuses, testOrderID(3), "a manager may take days")
	require.Contains(t, f.statuses, testOrderID(4), "the factory may be away")
	now = morning.Add(askedFor)
	f.forget()
	require.Contains(t, f.statuses, testOrderID(3))
	now = now.Add(time.Minute)
	f.forget()
	require.Len(t, f.statuses, 1, "the log has lost the question")
	require.Contains(t, f.statuses, testOrderID(4))
}

func TestAStatusIsCompletedOnlyWhileTheLogIsUpToDate(t *testing.T) {
	t.Parallel()
	f := newTestFloor(t)
	f.handle(record(t, events.TopicAcks, morning, ackOf(mixOf(1), kitchen.AckStarted, morning)))
	asked := waitingForMix(10)
	status := asked
	require.True(t, f.AddWork(&status))
	require.Equal(t, kitchen.TicketStarted, status.Stages[0].State)
	require.Equal(t, waitingForMix(10), asked, "whoever has it as well keeps theirs")
	f.setAway(time.Now())
	require.False(t, f.AddWork(&asked))
	require.Equal(t, waitingForMix(10), asked)
}
