package board_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// minute is m minutes after noon.
func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

// inTickets is a record of a ticket that the broker appended m minutes after
// noon, and that was heard at once; inAcks is one of an ack.
func inTickets(m int) board.Heard { return heardIn(events.TicketTopic(kitchen.Bake), m) }

func inAcks(m int) board.Heard { return heardIn(events.TopicAcks, m) }

func heardIn(topic string, m int) board.Heard {
	return board.Heard{Topic: topic, Time: minute(m), Appended: true, After: time.Duration(m) * time.Minute}
}

const orderID = "01936f8e-5c1a-7d3b-9f00-000000000001"

var bake = kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}

// unbake is the undo ticket of bake.
var unbake = kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketUndo}

func issue(ref kitchen.TicketRef, attempt int) kitchen.Ticket {
	return kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt,
		Lines: []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12}},
	}
}

func ack(ref kitchen.TicketRef, kind kitchen.AckKind, attempt int, by string, at time.Time) kitchen.Ack {
	return kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, Attempt: attempt, By: by, At: at}
}

// entry is one record of the log: an issue of the bake ticket, or an ack.
type entry struct {
	minute  int
	issue   int // the attempt; 0 for an ack
	kind    kitchen.AckKind
	attempt int
	by      string
}

func (e entry) addTo(b *board.Board) {
	if e.issue > 0 {
		b.AddTicket(issue(bake, e.issue), inTickets(e.minute))
		return
	}
	b.AddAck(ack(bake, e.kind, e.attempt, e.by, minute(e.minute)), inAcks(e.minute))
}

func TestTheLogDecides(t *testing.T) {
	t.Parallel()
	const (
		started = kitchen.AckStarted
		done    = kitchen.AckDone
		failed  = kitchen.AckFailed
	)
	tests := []struct {
		name    string
		log     []entry
		state   kitchen.TicketState
		by      string
		attempt int
	}{
		{"AnIssuedTicketWaits", []entry{{issue: 1}}, kitchen.TicketWaiting, "", 1},
		{"TheFirstToStartOwnsIt", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {1, 0, started, 1, "eve"}}, kitchen.TicketStarted, "bob", 1},
		{"AnAckTypedByHandCountsAsWell", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {1, 0, started, 1, "eve"}}, kitchen.TicketStarted, "bob", 1},
		{"DoneByAnyoneEndsIt", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {2, 0, done, 0, "eve"}}, kitchen.TicketDone, "eve", 1},
		{"TheFirstDoneIsTheOneThatCounts", []entry{{issue: 1}, {2, 0, done, 1, "bob"}, {2, 0, done, 1, "eve"}}, kitchen.TicketDone, "bob", 1},
		{"WhatFollowsDoneIsStale", []entry{{issue: 1}, {2, 0, done, 1, "bob"}, {3, 0, failed, 1, "eve"}, {4, 0, started, 2, "eve"}}, kitchen.TicketDone, "bob", 1},
		{"DoneOfAnEarlierAttemptEndsItToo", []entry{{issue: 1}, {issue: 2, minute: 30}, {31, 0, done, 1, "bob"}}, kitchen.TicketDone, "bob", 2},
		{"DoneEndsALaterAttemptToo", []entry{{issue: 1}, {2, 0, done, 1, "bob"}, {issue: 2, minute: 30}}, kitchen.TicketDone, "bob", 2},
		{"AFailedTicketWaitsForItsNextAttempt", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {2, 0, failed, 1, "bob"}}, kitchen.TicketFailed, "bob", 1},
		{"TheNextAttemptReopensAFailedTicket", []entry{{issue: 1}, {2, 0, failed, 1, "bob"}, {issue: 2, minute: 3}}, kitchen.TicketWaiting, "", 2},
		{"TheNextAttemptReopensATicketThatFailedByHand", []entry{{issue: 1}, {2, 0, failed, 0, "bob"}, {issue: 2, minute: 3}}, kitchen.TicketWaiting, "", 2},
		{"AStartAfterTheFailureIsStale", []entry{{issue: 1}, {2, 0, failed, 1, "bob"}, {2, 0, started, 1, "eve"}}, kitchen.TicketFailed, "bob", 1},
		{"AStartByHandAfterTheFailureIsOfTheNextAttempt", []entry{{issue: 1}, {2, 0, failed, 1, "bob"}, {4, 0, started, 0, "eve"}}, kitchen.TicketStarted, "eve", 2},
		{"ReissuingFreesATicketWhoseOwnerIsGone", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {issue: 2, minute: 30}}, kitchen.TicketWaiting, "", 2},
		{"ReissuingDoesNotFreeATicketStartedByHand", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {issue: 2, minute: 30}}, kitchen.TicketStarted, "bob", 2},
		{"AFailureFreesATicketStartedByHand", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {2, 0, failed, 0, "bob"}, {issue: 2, minute: 3}}, kitchen.TicketWaiting, "", 2},
		{"AFailureThatNamesItsAttemptFreesItAsWell", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {2, 0, failed, 1, "bob"}, {issue: 2, minute: 3}}, kitchen.TicketWaiting, "", 2},
		{"WhoNamesANewerAttemptTakesOverATicketStartedByHand", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {issue: 2, minute: 30}, {31, 0, started, 2, "eve"}}, kitchen.TicketStarted, "eve", 2},
		{"WhoTookItOverLosesItWithTheirAttempt", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {31, 0, started, 2, "eve"}, {issue: 3, minute: 60}}, kitchen.TicketWaiting, "", 3},
		{"WhoNamesTheSameAttemptDoesNotTakeItOver", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {2, 0, started, 1, "eve"}}, kitchen.TicketStarted, "bob", 1},
		{"AStartByHandAfterOneThatIsOverOwnsTheTicket", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {issue: 2, minute: 30}, {31, 0, started, 0, "eve"}}, kitchen.TicketStarted, "eve", 2},
		{"AStartByHandIsSecondWhileTheAttemptLasts", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {2, 0, started, 0, "eve"}}, kitchen.TicketStarted, "bob", 1},
		{"TheOwnerKeepsItByNamingItsNextAttempt", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {2, 0, started, 0, "eve"}, {issue: 2, minute: 30}, {31, 0, started, 2, "bob"}}, kitchen.TicketStarted, "bob", 2},
		{"AFailureEndsEveryClaimOfItsAttempt", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {2, 0, started, 0, "eve"}, {3, 0, failed, 1, "bob"}, {issue: 2, minute: 4}}, kitchen.TicketWaiting, "", 2},
		{"ALateStartOfAnEarlierAttemptIsStale", []entry{{issue: 1}, {issue: 2, minute: 30}, {31, 0, started, 1, "bob"}}, kitchen.TicketWaiting, "", 2},
		{"ALateFailureOfAnEarlierAttemptIsStale", []entry{{issue: 1}, {issue: 2, minute: 30}, {31, 0, started, 2, "eve"}, {32, 0, failed, 1, "bob"}}, kitchen.TicketStarted, "eve", 2},
		{"AnAckMayComeBeforeItsTicket", []entry{{1, 0, started, 1, "bob"}, {issue: 1}}, kitchen.TicketStarted, "bob", 1},
		{"AnAckMayAnswerAnAttemptNotSeenYet", []entry{{issue: 1}, {31, 0, started, 2, "bob"}}, kitchen.TicketStarted, "bob", 2},
		{"AnAttemptThatThereNeverWasCountsForNothing", []entry{{issue: 1}, {1, 0, started, 4000, "bob"}}, kitchen.TicketWaiting, "", 1},
		{"AnAttemptThatThereNeverWasHidesNothing", []entry{{issue: 1}, {1, 0, started, 4000, "bob"}, {2, 0, started, 0, "eve"}}, kitchen.TicketStarted, "eve", 1},
		{"AnEarlierAttemptThatComesLateChangesNothing", []entry{{issue: 2, minute: 30}, {31, 0, started, 2, "bob"}, {issue: 1, minute: 32}}, kitchen.TicketStarted, "bob", 2},
		{"TheSameIssueTwiceChangesNothing", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {issue: 1, minute: 2}}, kitchen.TicketStarted, "bob", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := board.New()
			for _, e := range test.log {
				e.addTo(b)
			}
			got, ok := b.Get(bake.TicketID())
			require.True(t, ok)
			require.Equal(t, test.state, got.State)
			require.Equal(t, test.by, got.By)
			require.Equal(t, test.attempt, got.Attempt)
		})
	}
}

// Another build may have stages that this one does not know.
func TestATicketOfAnUnknownStageIsOnNoKnownBoard(t *testing.T) {
	t.Parallel()
	b := board.New()
	dust := bake
	dust.Stage = "dust"
	b.AddTicket(issue(bake, 1), inTickets(0))
	b.AddTicket(issue(dust, 1), inTickets(1))
	b.AddAck(ack(dust, kitchen.AckStarted, 1, "eve", minute(2)), inAcks(2))
	b.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(3)), inAcks(3))
	for _, stage := range kitchen.Stages() {
		require.NotContains(t, ids(b.Open(stage)), dust.TicketID())
	}
	require.Equal(t, "bob", b.Open(kitchen.Bake)[0].By)
}

func TestAnEntryTellsWhenAndWhy(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddTicket(issue(bake, 1), inTickets(0))
	b.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(1)), inAcks(1))
	failed := ack(bake, kitchen.AckFailed, 1, "bob", minute(2))
	failed.Reason, failed.Note = "burnt", "oven 2"
	b.AddAck(failed, inAcks(2))
	b.AddTicket(issue(bake, 2), inTickets(3))
	b.AddAck(ack(bake, kitchen.AckStarted, 2, "eve", minute(4)), inAcks(4))

	got, _ := b.Get(bake.TicketID())
	require.Equal(t, "eve", got.By)
	require.Equal(t, minute(4), *got.StartedAt)
	require.Equal(t, "oven 2", got.LastFailure.Note)

	b.AddAck(ack(bake, kitchen.AckDone, 2, "eve", minute(5)), inAcks(5))
	got, _ = b.Get(bake.TicketID())
	require.Equal(t, minute(4), *got.StartedAt, "the start is known though the done ack does not have it")
	require.Equal(t, minute(5), got.Ack.At)
	require.True(t, got.Ended())
}

func TestAnUndoTicketWithdrawsTheTicketThatItUndoes(t *testing.T) {
	t.Parallel()
	const (
		waiting = kitchen.TicketWaiting
		started = kitchen.TicketStarted
	)
	make1 := func(b *board.Board) { b.AddTicket(issue(bake, 1), inTickets(0)) }
	undo1 := func(b *board.Board) { b.AddTicket(issue(unbake, 1), inTickets(5)) }
	answer := func(ref kitchen.TicketRef, kind kitchen.AckKind, by string, m int) func(*board.Board) {
		return func(b *board.Board) { b.AddAck(ack(ref, kind, 1, by, minute(m)), inAcks(m)) }
	}
	tests := []struct {
		name      string
		log       []func(*board.Board)
		withdrawn bool
		state     kitchen.TicketState
		by        string
		open      bool
	}{
		{"NotWithoutOne", []func(*board.Board){make1}, false, waiting, "", true},
		{"WhenItIsIssued", []func(*board.Board){make1, undo1}, true, waiting, "", false},
		{"WhenItIsIssuedBefore", []func(*board.Board){undo1, make1}, true, waiting, "", false},
		{"WhenSomebodyStartsIt", []func(*board.Board){make1, answer(unbake, kitchen.AckStarted, "eve", 6)}, true, waiting, "", false},
		{"WhenSomebodyFailsIt", []func(*board.Board){make1, answer(unbake, kitchen.AckFailed, "eve", 6)}, true, waiting, "", false},
		{"ButNotOutOfSomebodysHands", []func(*board.Board){make1, answer(bake, kitchen.AckStarted, "bob", 1), undo1}, true, started, "bob", true},
		{"AlsoWhenTheStartComesLate", []func(*board.Board){make1, undo1, answer(bake, kitchen.AckStarted, "bob", 6)}, true, started, "bob", true},
		{"AFailedOneDoesNotComeAgain", []func(*board.Board){make1, answer(bake, kitchen.AckFailed, "bob", 1), undo1}, true, kitchen.TicketFailed, "bob", false},
		{"DoneStaysDoneUntilItIsUndone", []func(*board.Board){make1, undo1, answer(bake, kitchen.AckDone, "bob", 6)}, true, kitchen.TicketDone, "bob", false},
		{"UndoneEndsIt", []func(*board.Board){make1, undo1, answer(unbake, kitchen.AckUndone, "eve", 6)}, true, kitchen.TicketUndone, "eve", false},
		{"UndoneEndsWhatWasDone", []func(*board.Board){make1, answer(bake, kitchen.AckDone, "bob", 1), undo1, answer(unbake, kitchen.AckUndone, "eve", 6)}, true, kitchen.TicketUndone, "eve", false},
		{"UndoneEndsItBeforeItIsSeen", []func(*board.Board){answer(unbake, kitchen.AckUndone, "eve", 6), make1}, true, kitchen.TicketUndone, "eve", false},
		{"AStartAfterUndoneIsStale", []func(*board.Board){make1, answer(unbake, kitchen.AckUndone, "eve", 6), answer(bake, kitchen.AckStarted, "bob", 7)}, true, kitchen.TicketUndone, "eve", false},
		{"DoneAfterUndoneIsStale", []func(*board.Board){make1, answer(unbake, kitchen.AckUndone, "eve", 6), answer(bake, kitchen.AckDone, "bob", 7)}, true, kitchen.TicketUndone, "eve", false},
		{"ALaterAttemptAfterUndoneIsStale", []func(*board.Board){make1, answer(unbake, kitchen.AckUndone, "eve", 6), func(b *board.Board) { b.AddTicket(issue(bake, 2), inTickets(8)) }}, true, kitchen.TicketUndone, "eve", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := board.New()
			for _, add := range test.log {
				add(b)
			}
			got, ok := b.Get(bake.TicketID())
			require.True(t, ok)
			require.Equal(t, test.withdrawn, got.Withdrawn)
			require.Equal(t, test.state, got.State)
			require.Equal(t, test.by, got.By)
			require.Equal(t, test.state == kitchen.TicketDone || test.state == kitchen.TicketUndone, got.Ended())
			open := ids(b.Open(kitchen.Bake))
			if test.open {
				require.Contains(t, open, bake.TicketID())
			} else {
				require.NotContains(t, open, bake.TicketID())
			}
			other := bake
			other.Pass = 2
			b.AddTicket(issue(other, 1), inTickets(9))
			remade, _ := b.Get(other.TicketID())
			require.False(t, remade.Withdrawn, "another pass has an undo ticket of its own")
			require.Contains(t, ids(b.Open(kitchen.Bake)), other.TicketID())
		})
	}
}

func TestAnUndoTicketIsOpenUntilItIsUndone(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddTicket(issue(unbake, 1), inTickets(1))
	b.AddAck(ack(unbake, kitchen.AckFailed, 1, "bob", minute(2)), inAcks(2))
	require.Equal(t, []string{unbake.TicketID()}, ids(b.Open(kitchen.Bake)))
	b.AddAck(ack(unbake, kitchen.AckUndone, 1, "bob", minute(3)), inAcks(3))
	require.Empty(t, b.Open(kitchen.Bake))
	got, _ := b.Get(unbake.TicketID())
	require.Equal(t, kitchen.TicketUndone, got.State)
	require.False(t, got.Withdrawn)
}

func TestATicketAndItsUndoTicketFindEachOther(t *testing.T) {
	t.Parallel()
	undoID, ok := board.UndoOf(bake.TicketID())
	require.True(t, ok)
	require.Equal(t, unbake.TicketID(), undoID)
	makeID, ok := board.UndoneBy(undoID)
	require.True(t, ok)
	require.Equal(t, bake.TicketID(), makeID)
	for _, wrong := range []string{"", "nonsense", undoID, undoID + ".undo"} {
		_, ok := board.UndoOf(wrong)
		require.False(t, ok, wrong)
	}
	for _, wrong := range []string{"", "nonsense", makeID} {
		_, ok := board.UndoneBy(wrong)
		require.False(t, ok, wrong)
	}
}

func TestOpenListsWhatIsNotEndedLongestKnownFirst(t *testing.T) {
	t.Parallel()
	refs := make([]kitchen.TicketRef, 4)
	b := board.New()
	for i := range refs {
		refs[i] = kitchen.TicketRef{OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-00000000000%d", i), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
	}
	b.AddTicket(issue(refs[2], 1), inTickets(0))
	b.AddTicket(issue(refs[0], 1), inTickets(1))
	b.AddTicket(issue(refs[1], 1), inTickets(1))
	b.AddTicket(issue(refs[2], 2), inTickets(9))
	b.AddTicket(issue(bake, 1), inTickets(0))
	b.AddAck(ack(refs[0], kitchen.AckDone, 1, "bob", minute(2)), inAcks(2))
	b.AddAck(ack(refs[1], kitchen.AckFailed, 1, "bob", minute(2)), inAcks(2))
	b.AddAck(ack(refs[3], kitchen.AckStarted, 1, "bob", minute(2)), inAcks(2)) // its ticket was never seen

	require.Equal(t, []string{refs[2].TicketID(), refs[1].TicketID()}, ids(b.Open(kitchen.Mix)))
	require.Equal(t, []string{refs[2].TicketID(), refs[0].TicketID(), refs[1].TicketID()}, ids(b.Entries(kitchen.Mix)))
	heard, ok := b.Get(refs[3].TicketID())
	require.True(t, ok)
	require.Equal(t, kitchen.TicketStarted, heard.State)
	require.Equal(t, kitchen.Mix, heard.Ticket.Stage)
	require.Zero(t, heard.Ticket.Attempt)
}

func TestABoardKnowsHowFarBackItKnows(t *testing.T) {
	t.Parallel()
	const lookBack = time.Hour
	first, second := bake, bake
	first.OrderID, second.OrderID = orderID[:len(orderID)-1]+"2", orderID[:len(orderID)-1]+"3"
	byItsSender := inTickets(0)
	byItsSender.Appended = false

	b := board.New()
	require.True(t, b.Recalls(inTickets(0), lookBack), "everything")
	b.AddTicket(issue(bake, 1), inTickets(59))
	b.AddTicket(issue(first, 1), inTickets(60))
	b.AddTicket(issue(second, 1), inTickets(30))
	b.AddAck(ack(second, kitchen.AckDone, 1, "bob", minute(120)), inAcks(120))
	require.False(t, b.TooOld(inTickets(0)))
	b.CaughtUp(lookBack)
	require.True(t, b.TooOld(inTickets(59)))
	require.False(t, b.TooOld(inTickets(60)))
	require.False(t, b.TooOld(byItsSender), "nothing follows from a sender's time")
	require.True(t, b.Recalls(inTickets(90), 30*time.Minute))
	require.False(t, b.Recalls(inTickets(89), 30*time.Minute))
	require.False(t, b.Recalls(byItsSender, 0))
	require.Equal(t, 1, b.ForgetTooOld(), "its acks may lie before what was read")
	_, known := b.Get(bake.TicketID())
	require.False(t, known)
	_, known = b.Get(second.TicketID())
	require.True(t, known, "of which an ack is known")

	require.Equal(t, 2, b.Forget(4*time.Hour, lookBack, nil))
	require.True(t, b.TooOld(inTickets(119)), "what was forgotten is not known any more")
	require.False(t, b.TooOld(inTickets(120)))

	sender := board.New()
	ackBySender := inAcks(0)
	ackBySender.Appended = false
	sender.AddAck(ack(bake, kitchen.AckDone, 1, "bob", minute(0)), ackBySender)
	sender.CaughtUp(lookBack)
	require.True(t, sender.Recalls(byItsSender, time.Hour), "a log without the broker's times is read whole")
	require.Equal(t, 1, sender.Forget(2*time.Hour, lookBack, nil))
	require.False(t, sender.Recalls(byItsSender, 0), "until some of it is forgotten")
	require.False(t, sender.TooOld(byItsSender))
}

func TestAStopwatchMeasuresReadingOnly(t *testing.T) {
	t.Parallel()
	now := noon
	watch := board.NewStopwatch(func() time.Time { return now })
	pass := func(d time.Duration) { now = now.Add(d) }
	pass(time.Minute)
	require.Equal(t, time.Minute, watch.Elapsed())
	watch.Start() // runs already
	watch.Stop()
	pass(time.Hour)
	watch.Stop()
	require.Equal(t, time.Minute, watch.Elapsed())
	watch.Start()
	pass(time.Second)
	require.Equal(t, time.Minute+time.Second, watch.Elapsed())
}

// TestNobodysClockDecides: owner, state and order of the board are the same
// whatever the clocks of workers and stations say. Those of brokers may count.
func TestNobodysClockDecides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var refs []kitchen.TicketRef
		for i := range 4 {
			refs = append(refs, kitchen.TicketRef{OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-0000000000b%d", i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake})
		}
		people := []string{"bob", "eve", "mia"}
		appended := rapid.Bool().Draw(t, "LogAppendTime")
		offsets := map[string]time.Duration{}
		for _, sender := range append(people, "worker") {
			offsets[sender] = time.Duration(rapid.IntRange(-5*3600, 5*3600).Draw(t, "seconds that the clock of "+sender+" is off")) * time.Second
		}
		right, wrong := board.New(), board.New()
		// message is a record as Kafka has it if its sender's clock is off.
		message := func(topic string, m int, off time.Duration, value any) events.Message {
			data, err := json.Marshal(value)
			require.NoError(t, err)
			message := events.Message{Topic: topic, Value: data, Time: minute(m), Appended: appended}
			if !appended {
				message.Time = message.Time.Add(off)
			}
			return message
		}
		hear := func(b *board.Board, m int, message events.Message) {
			h := board.HeardFrom(message, time.Duration(m)*time.Minute)
			if message.Topic == events.TopicAcks {
				ack, err := events.DecodeAck(message)
				require.NoError(t, err)
				b.AddAck(ack, h)
				return
			}
			ticket, err := events.DecodeTicket(message)
			require.NoError(t, err)
			b.AddTicket(ticket, h)
		}
		records := rapid.IntRange(0, 60).Draw(t, "records")
		for m := range records {
			ref := rapid.SampledFrom(refs).Draw(t, "ticket")
			topic, sender := events.TopicAcks, rapid.SampledFrom(people).Draw(t, "by")
			answer := ack(ref, rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind"),
				rapid.IntRange(0, 3).Draw(t, "attempt"), sender, time.Time{})
			issued := issue(ref, rapid.IntRange(1, 3).Draw(t, "issued"))
			isIssue := rapid.Bool().Draw(t, "an issue")
			for b, off := range map[*board.Board]time.Duration{right: 0, wrong: 1} {
				var value any
				if isIssue {
					topic, off = events.TicketTopic(kitchen.Bake), off*offsets["worker"]
					issued.IssuedAt, issued.AckBy = minute(m).Add(off), minute(m+40).Add(off)
					value = issued
				} else {
					off *= offsets[sender]
					answer.At = minute(m).Add(off)
					value = answer
				}
				hear(b, m, message(topic, m, off, value))
			}
		}
		if appended {
			require.Equal(t, ids(right.Entries(kitchen.Bake)), ids(wrong.Entries(kitchen.Bake)), "the order of the board")
		}
		for _, ref := range refs {
			want, known := right.Get(ref.TicketID())
			got, alsoKnown := wrong.Get(ref.TicketID())
			require.Equal(t, known, alsoKnown)
			require.Equal(t, []any{want.State, want.By, want.Attempt, want.Withdrawn, want.Ticket.Attempt}, []any{got.State, got.By, got.Attempt, got.Withdrawn, got.Ticket.Attempt})
		}
		now, silence := time.Duration(records)*time.Minute, time.Duration(rapid.IntRange(0, 60).Draw(t, "silence"))*time.Minute
		require.Equal(t, right.Forget(now, silence, nil), wrong.Forget(now, silence, nil), "and both forget the same")
		require.ElementsMatch(t, slices.Collect(right.TicketIDs()), slices.Collect(wrong.TicketIDs()))
	})
}

// Not parallel: it counts allocations.
func TestAStationGoneWildCostsLittleMemory(t *testing.T) {
	b := board.New()
	b.AddTicket(issue(bake, 1), inTickets(0))
	for range 10_000 {
		b.AddAck(ack(bake, kitchen.AckFailed, 0, "eve", minute(1)), inAcks(1))
	}
	b.AddTicket(issue(bake, 2), inTickets(2))
	b.AddAck(ack(bake, kitchen.AckStarted, 2, "bob", minute(3)), inAcks(3))
	got, _ := b.Get(bake.TicketID())
	require.Equal(t, "bob", got.By)
	require.Less(t, testing.AllocsPerRun(1, func() { b.Get(bake.TicketID()) }), 200.0, "the acks of one ticket are bounded")
}

// TestInterleavingDoesNotMatter reads the same partitions twice, each time
// interleaved differently, and expects the same board.
func TestInterleavingDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		refs := []kitchen.TicketRef{bake, {OrderID: orderID, Stage: kitchen.Bake, Pass: 2, Kind: kitchen.TicketMake}, unbake}
		tickets := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) func(*board.Board) {
			ticket := issue(rapid.SampledFrom(refs).Draw(t, "ticket"), rapid.IntRange(1, 4).Draw(t, "attempt"))
			m := rapid.IntRange(0, 20).Draw(t, "minute")
			return func(b *board.Board) { b.AddTicket(ticket, inTickets(m)) }
		}), 0, 12).Draw(t, "tickets")
		acks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) func(*board.Board) {
			kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind")
			m := rapid.IntRange(0, 20).Draw(t, "minute")
			ref := rapid.SampledFrom(refs).Draw(t, "ticket")
			if kind == kitchen.AckDone && ref.Kind == kitchen.TicketUndo {
				kind = kitchen.AckUndone
			}
			answer := ack(ref, kind, rapid.IntRange(0, 5).Draw(t, "attempt"),
				rapid.SampledFrom([]string{"bob", "eve", "mia"}).Draw(t, "by"), minute(m))
			return func(b *board.Board) { b.AddAck(answer, inAcks(m)) }
		}), 0, 16).Draw(t, "acks")

		ticketsFirst := board.New()
		for _, add := range append(append([]func(*board.Board){}, tickets...), acks...) {
			add(ticketsFirst)
		}
		mixed := board.New()
		for len(tickets)+len(acks) > 0 {
			next := &acks
			if len(acks) == 0 || (len(tickets) > 0 && rapid.Bool().Draw(t, "ticket next")) {
				next = &tickets
			}
			(*next)[0](mixed)
			*next = (*next)[1:]
		}
		require.Equal(t, ticketsFirst.Entries(kitchen.Bake), mixed.Entries(kitchen.Bake))
		require.Equal(t, ticketsFirst.Open(kitchen.Bake), mixed.Open(kitchen.Bake))
		require.Equal(t, ticketsFirst.Len(), mixed.Len())
		for _, ref := range refs {
			want, wantOK := ticketsFirst.Get(ref.TicketID())
			got, gotOK := mixed.Get(ref.TicketID())
			require.Equal(t, wantOK, gotOK)
			require.Equal(t, want, got)
		}
	})
}

func ids(entries []board.Entry) []string {
	found := make([]string, len(entries))
	for i, e := range entries {
		found[i] = e.Ticket.TicketID
	}
	return found
}

// TestAnyReadingOfTheLogGivesTheSameBoard reads one log as several processes
// do: each fetches the partitions in its own order and batches, asks in between,
// and may be restarted with an empty board.
func TestAnyReadingOfTheLogGivesTheSameBoard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		refs := []kitchen.TicketRef{bake, unbake}
		for i := range 3 {
			refs = append(refs, kitchen.TicketRef{OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-0000000000a%d", i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake})
		}
		// An order's tickets of a stage lie in one partition, its acks in another.
		type partition []func(*board.Board)
		log := map[string]partition{}
		for m := range rapid.IntRange(0, 40).Draw(t, "records") {
			ref := rapid.SampledFrom(refs).Draw(t, "ticket")
			attempt := rapid.IntRange(1, 3).Draw(t, "attempt")
			if rapid.Bool().Draw(t, "an issue") {
				ticket := issue(ref, attempt)
				log["tickets/"+ref.OrderID] = append(log["tickets/"+ref.OrderID], func(b *board.Board) { b.AddTicket(ticket, inTickets(m)) })
				continue
			}
			kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind")
			if ref.Kind == kitchen.TicketUndo && kind == kitchen.AckDone {
				kind = kitchen.AckUndone
			}
			answer := ack(ref, kind, attempt-rapid.IntRange(0, 1).Draw(t, "less"), rapid.SampledFrom([]string{"bob", "eve"}).Draw(t, "by"), minute(m))
			log["acks/"+ref.OrderID] = append(log["acks/"+ref.OrderID], func(b *board.Board) { b.AddAck(answer, inAcks(m)) })
		}
		names := slices.Sorted(maps.Keys(log))

		once := board.New()
		for _, name := range names {
			for _, add := range log[name] {
				add(once)
			}
		}
		reader, read, unread := board.New(), map[string]int{}, 0
		for _, records := range log {
			unread += len(records)
		}
		for unread > 0 {
			if rapid.IntRange(0, 19).Draw(t, "restart") == 0 {
				for _, n := range read {
					unread += n
				}
				reader, read = board.New(), map[string]int{}
			}
			name := rapid.SampledFrom(names).Draw(t, "partition")
			batch := rapid.IntRange(0, len(log[name])-read[name]).Draw(t, "batch")
			for _, add := range log[name][read[name] : read[name]+batch] {
				add(reader)
			}
			read[name] += batch
			unread -= batch
			reader.Open(kitchen.Bake) // asking changes nothing
		}
		require.Equal(t, once.Entries(kitchen.Bake), reader.Entries(kitchen.Bake))
		for _, ref := range refs {
			want, known := once.Get(ref.TicketID())
			have, alsoKnown := reader.Get(ref.TicketID())
			require.Equal(t, known, alsoKnown)
			require.Equal(t, want, have)
		}
	})
}
