package board_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// minute is noon and so many minutes.
func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

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
		b.AddTicket(issue(bake, e.issue), minute(e.minute))
		return
	}
	b.AddAck(ack(bake, e.kind, e.attempt, e.by, minute(e.minute)), minute(e.minute))
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
		{"ReissuingFreesATicketOfSomebodyGone", []entry{{issue: 1}, {1, 0, started, 1, "bob"}, {issue: 2, minute: 30}}, kitchen.TicketWaiting, "", 2},
		{"ReissuingFreesATicketStartedByHand", []entry{{issue: 1}, {1, 0, started, 0, "bob"}, {issue: 2, minute: 30}}, kitchen.TicketWaiting, "", 2},
		{"ALateStartOfAnEarlierAttemptIsStale", []entry{{issue: 1}, {issue: 2, minute: 30}, {31, 0, started, 1, "bob"}}, kitchen.TicketWaiting, "", 2},
		{"ALateFailureOfAnEarlierAttemptIsStale", []entry{{issue: 1}, {issue: 2, minute: 30}, {31, 0, started, 2, "eve"}, {32, 0, failed, 1, "bob"}}, kitchen.TicketStarted, "eve", 2},
		{"AnAckMayComeBeforeItsTicket", []entry{{1, 0, started, 1, "bob"}, {issue: 1}}, kitchen.TicketStarted, "bob", 1},
		{"AnAckMayTellOfAnAttemptNotSeenYet", []entry{{issue: 1}, {31, 0, started, 2, "bob"}}, kitchen.TicketStarted, "bob", 2},
		{"AWrongAttemptIsBelievedOnlyUntilTheNextIssue", []entry{{issue: 1}, {1, 0, started, 4000, "bob"}, {issue: 2, minute: 30}}, kitchen.TicketWaiting, "", 2},
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

func TestAnEntryTellsWhenAndWhy(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddTicket(issue(bake, 1), minute(0))
	b.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(1)), minute(1))
	failed := ack(bake, kitchen.AckFailed, 1, "bob", minute(2))
	failed.Reason, failed.Note = "burnt", "oven 2"
	b.AddAck(failed, minute(2))
	b.AddTicket(issue(bake, 2), minute(3))
	b.AddAck(ack(bake, kitchen.AckStarted, 2, "eve", minute(4)), minute(4))

	got, _ := b.Get(bake.TicketID())
	require.Equal(t, "eve", got.By)
	require.Equal(t, minute(4), *got.StartedAt)
	require.Equal(t, "oven 2", got.LastFailure.Note)

	b.AddAck(ack(bake, kitchen.AckDone, 2, "eve", minute(5)), minute(5))
	got, _ = b.Get(bake.TicketID())
	require.Equal(t, minute(4), *got.StartedAt, "the start is known though the done ack does not tell it")
	require.Equal(t, minute(5), got.Ack.At)
	require.True(t, got.Ended())
}

func TestAnUndoTicketWithdrawsTheTicketThatItUndoes(t *testing.T) {
	t.Parallel()
	const (
		waiting = kitchen.TicketWaiting
		started = kitchen.TicketStarted
	)
	make1 := func(b *board.Board) { b.AddTicket(issue(bake, 1), minute(0)) }
	undo1 := func(b *board.Board) { b.AddTicket(issue(unbake, 1), minute(5)) }
	say := func(ref kitchen.TicketRef, kind kitchen.AckKind, by string, m int) func(*board.Board) {
		return func(b *board.Board) { b.AddAck(ack(ref, kind, 1, by, minute(m)), minute(m)) }
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
		{"WhenSomebodyStartsIt", []func(*board.Board){make1, say(unbake, kitchen.AckStarted, "eve", 6)}, true, waiting, "", false},
		{"WhenSomebodyFailsIt", []func(*board.Board){make1, say(unbake, kitchen.AckFailed, "eve", 6)}, true, waiting, "", false},
		{"ButNotOutOfSomebodysHands", []func(*board.Board){make1, say(bake, kitchen.AckStarted, "bob", 1), undo1}, true, started, "bob", true},
		{"AlsoWhenTheStartComesLate", []func(*board.Board){make1, undo1, say(bake, kitchen.AckStarted, "bob", 6)}, true, started, "bob", true},
		{"AFailedOneDoesNotComeAgain", []func(*board.Board){make1, say(bake, kitchen.AckFailed, "bob", 1), undo1}, true, kitchen.TicketFailed, "bob", false},
		{"DoneStaysDoneUntilItIsUndone", []func(*board.Board){make1, undo1, say(bake, kitchen.AckDone, "bob", 6)}, true, kitchen.TicketDone, "bob", false},
		{"UndoneEndsIt", []func(*board.Board){make1, undo1, say(unbake, kitchen.AckUndone, "eve", 6)}, true, kitchen.TicketUndone, "eve", false},
		{"UndoneEndsWhatWasDone", []func(*board.Board){make1, say(bake, kitchen.AckDone, "bob", 1), undo1, say(unbake, kitchen.AckUndone, "eve", 6)}, true, kitchen.TicketUndone, "eve", false},
		{"UndoneEndsItBeforeItIsSeen", []func(*board.Board){say(unbake, kitchen.AckUndone, "eve", 6), make1}, true, kitchen.TicketUndone, "eve", false},
		{"AStartAfterUndoneIsStale", []func(*board.Board){make1, say(unbake, kitchen.AckUndone, "eve", 6), say(bake, kitchen.AckStarted, "bob", 7)}, true, kitchen.TicketUndone, "eve", false},
		{"DoneAfterUndoneIsStale", []func(*board.Board){make1, say(unbake, kitchen.AckUndone, "eve", 6), say(bake, kitchen.AckDone, "bob", 7)}, true, kitchen.TicketUndone, "eve", false},
		{"ALaterAttemptAfterUndoneIsStale", []func(*board.Board){make1, say(unbake, kitchen.AckUndone, "eve", 6), func(b *board.Board) { b.AddTicket(issue(bake, 2), minute(8)) }}, true, kitchen.TicketUndone, "eve", false},
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
			b.AddTicket(issue(other, 1), minute(9))
			remade, _ := b.Get(other.TicketID())
			require.False(t, remade.Withdrawn, "another pass has an undo ticket of its own")
			require.Contains(t, ids(b.Open(kitchen.Bake)), other.TicketID())
		})
	}
}

func TestAnUndoTicketIsOpenUntilItIsUndone(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddTicket(issue(unbake, 1), minute(1))
	b.AddAck(ack(unbake, kitchen.AckFailed, 1, "bob", minute(2)), minute(2))
	require.Equal(t, []string{unbake.TicketID()}, ids(b.Open(kitchen.Bake)))
	b.AddAck(ack(unbake, kitchen.AckUndone, 1, "bob", minute(3)), minute(3))
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
	b.AddTicket(issue(refs[2], 1), minute(0))
	b.AddTicket(issue(refs[0], 1), minute(1))
	b.AddTicket(issue(refs[1], 1), minute(1))
	b.AddTicket(issue(refs[2], 2), minute(9))
	b.AddTicket(issue(bake, 1), minute(0))
	b.AddAck(ack(refs[0], kitchen.AckDone, 1, "bob", minute(2)), minute(2))
	b.AddAck(ack(refs[1], kitchen.AckFailed, 1, "bob", minute(2)), minute(2))
	b.AddAck(ack(refs[3], kitchen.AckStarted, 1, "bob", minute(2)), minute(2)) // its ticket was never seen

	require.Equal(t, []string{refs[2].TicketID(), refs[1].TicketID()}, ids(b.Open(kitchen.Mix)))
	require.Equal(t, []string{refs[2].TicketID(), refs[0].TicketID(), refs[1].TicketID()}, ids(b.Entries(kitchen.Mix)))
	heard, ok := b.Get(refs[3].TicketID())
	require.True(t, ok)
	require.Equal(t, kitchen.TicketStarted, heard.State)
	require.Equal(t, kitchen.Mix, heard.Ticket.Stage)
	require.Zero(t, heard.Ticket.Attempt)
}

func TestForgettingDropsOnlyWhatIsSilent(t *testing.T) {
	t.Parallel()
	other := bake
	other.Pass = 2
	b := board.New()
	b.AddTicket(issue(bake, 1), minute(0))
	b.AddTicket(issue(other, 1), minute(0))
	b.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(10)), minute(10))
	require.Zero(t, b.Forget(minute(10), func(ticketID string) bool { return ticketID == other.TicketID() }))
	require.Equal(t, 1, b.Forget(minute(10), nil))
	require.Equal(t, 1, b.Len())
	_, ok := b.Get(other.TicketID())
	require.False(t, ok)
	got, _ := b.Get(bake.TicketID())
	require.Equal(t, "bob", got.By)
}

// Not parallel: it counts allocations.
func TestAStationGoneWildCostsLittleMemory(t *testing.T) {
	b := board.New()
	b.AddTicket(issue(bake, 1), minute(0))
	for range 10_000 {
		b.AddAck(ack(bake, kitchen.AckFailed, 0, "eve", minute(1)), minute(1))
	}
	b.AddTicket(issue(bake, 2), minute(2))
	b.AddAck(ack(bake, kitchen.AckStarted, 2, "bob", minute(3)), minute(3))
	got, _ := b.Get(bake.TicketID())
	require.Equal(t, "bob", got.By)
	require.Less(t, testing.AllocsPerRun(1, func() { b.Get(bake.TicketID()) }), 200.0, "the acks of one ticket are bounded")
}

// TestInterleavingDoesNotMatter reads the same partitions twice, each time
// interleaved in another way, and wants the same board.
func TestInterleavingDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		refs := []kitchen.TicketRef{bake, {OrderID: orderID, Stage: kitchen.Bake, Pass: 2, Kind: kitchen.TicketMake}, unbake}
		tickets := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) func(*board.Board) {
			ticket := issue(rapid.SampledFrom(refs).Draw(t, "ticket"), rapid.IntRange(1, 4).Draw(t, "attempt"))
			at := minute(rapid.IntRange(0, 20).Draw(t, "minute"))
			ticket.IssuedAt = at
			return func(b *board.Board) { b.AddTicket(ticket, at) }
		}), 0, 12).Draw(t, "tickets")
		acks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) func(*board.Board) {
			kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind")
			at := minute(rapid.IntRange(0, 20).Draw(t, "minute"))
			ref := rapid.SampledFrom(refs).Draw(t, "ticket")
			if kind == kitchen.AckDone && ref.Kind == kitchen.TicketUndo {
				kind = kitchen.AckUndone
			}
			said := ack(ref, kind, rapid.IntRange(0, 5).Draw(t, "attempt"),
				rapid.SampledFrom([]string{"bob", "eve", "mia"}).Draw(t, "by"), at)
			return func(b *board.Board) { b.AddAck(said, at) }
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
// do: each fetches its partitions in an order and in batches of its own, asks
// in between, and may be restarted and begin again with an empty board.
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
			attempt, at := rapid.IntRange(1, 3).Draw(t, "attempt"), minute(m)
			if rapid.Bool().Draw(t, "an issue") {
				ticket := issue(ref, attempt)
				log["tickets/"+ref.OrderID] = append(log["tickets/"+ref.OrderID], func(b *board.Board) { b.AddTicket(ticket, at) })
				continue
			}
			kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind")
			if ref.Kind == kitchen.TicketUndo && kind == kitchen.AckDone {
				kind = kitchen.AckUndone
			}
			said := ack(ref, kind, attempt-rapid.IntRange(0, 1).Draw(t, "less"), rapid.SampledFrom([]string{"bob", "eve"}).Draw(t, "by"), at)
			log["acks/"+ref.OrderID] = append(log["acks/"+ref.OrderID], func(b *board.Board) { b.AddAck(said, at) })
		}
		names := slices.Sorted(maps.Keys(log))

		once := board.New()
		for _, name := range names {
			for _, add := range log[name] {
				add(once)
			}
		}
		reader, read, left := board.New(), map[string]int{}, 0
		for _, records := range log {
			left += len(records)
		}
		for left > 0 {
			if rapid.IntRange(0, 19).Draw(t, "restart") == 0 {
				for _, n := range read {
					left += n
				}
				reader, read = board.New(), map[string]int{}
			}
			name := rapid.SampledFrom(names).Draw(t, "partition")
			batch := rapid.IntRange(0, len(log[name])-read[name]).Draw(t, "batch")
			for _, add := range log[name][read[name] : read[name]+batch] {
				add(reader)
			}
			read[name] += batch
			left -= batch
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
