package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// madeOf makes a ticket ask for some pieces of each flavour.
func madeOf(pieces int, flavours ...string) func(*kitchen.Ticket) {
	return func(ticket *kitchen.Ticket) {
		ticket.Lines = nil
		for _, flavour := range flavours {
			ticket.Lines = append(ticket.Lines, kitchen.Line{Flavour: flavour, Size: kitchen.SizeM, Quantity: pieces})
		}
	}
}

func numbersOf(items []station.Item) (numbers []int) {
	for _, item := range items {
		numbers = append(numbers, item.Number)
	}
	return numbers
}

func notPending(station.Item) bool { return false }

func TestABatchIsOfTheTicketsThatAreAllOfOneFlavour(t *testing.T) {
	t.Parallel()
	undo := itemOf(1, station.Waiting, madeOf(4, "lemon"))
	undo.Ticket.Kind = kitchen.TicketUndo
	answering := itemOf(8, station.InHand, madeOf(4, "lemon"))
	answering.Answering = true
	elsewhere := itemOf(9, station.Elsewhere, madeOf(4, "lemon"))
	elsewhere.By = "bob"
	items := []station.Item{
		undo,
		itemOf(2, station.Waiting, madeOf(4, "lemon", "vanilla")),
		itemOf(3, station.Waiting, madeOf(4, "vanilla", "vanilla")),
		itemOf(4, station.Waiting, madeOf(4, "lemon")),
		itemOf(5, station.Waiting, madeOf(4, "lemon")),
		itemOf(6, station.Elsewhere, madeOf(4, "lemon")),
		itemOf(7, station.InHand, madeOf(4, "lemon")),
		answering, elsewhere,
		itemOf(10, station.Waiting, func(ticket *kitchen.Ticket) { ticket.Lines = nil }),
	}
	batches := batchesOf(kitchen.Bake, items, "bob", false, func(item station.Item) bool { return item.Number == 9 })
	require.Len(t, batches, 2)
	require.Equal(t, "vanilla", batches[0].flavour, "it comes first in the queue")
	require.Equal(t, []int{3}, numbersOf(batches[0].start))
	require.Equal(t, "lemon", batches[1].flavour)
	require.Equal(t, []int{4, 5}, numbersOf(batches[1].start))
	require.Equal(t, []int{7}, numbersOf(batches[1].finish))

	batches = batchesOf(kitchen.Bake, items, "bob", true, notPending)
	require.Len(t, batches, 1, "nothing is begun while the station is paused")
	require.Empty(t, batches[0].start)
	require.Equal(t, []int{7, 9}, numbersOf(batches[0].finish))
	require.Empty(t, batchesOf(kitchen.Package, items, "bob", false, notPending), "each ticket is work of its own there")
}

func TestABatchHasNoMoreThanFitTogether(t *testing.T) {
	t.Parallel()
	var many []station.Item
	for number := range 15 {
		many = append(many, itemOf(number+1, station.Waiting, madeOf(4, "lemon")))
	}
	limits := kitchen.Bake.Info().Batch
	batch := batchesOf(kitchen.Bake, many, "bob", false, notPending)[0]
	require.Len(t, batch.start, limits.Tickets)
	require.Equal(t, "12 of 15 waiting tickets, 48 pieces", batch.startWords())

	large := []station.Item{
		itemOf(1, station.Waiting, madeOf(limits.Pieces-10, "lemon")), itemOf(2, station.Waiting, madeOf(11, "lemon")), itemOf(3, station.Waiting, madeOf(10, "lemon")),
	}
	require.Equal(t, []int{1, 3}, numbersOf(batchesOf(kitchen.Bake, large, "bob", false, notPending)[0].start), "what is too large lets those behind it pass")
}

func TestWhatOneTicketOfABatchMeetsIsNoMatterOfTheOthers(t *testing.T) {
	t.Parallel()
	items := []station.Item{itemOf(1, station.Waiting, nil), itemOf(2, station.Waiting, nil), itemOf(3, station.Waiting, nil), itemOf(4, station.Waiting, nil)}
	taken := &station.TakenError{By: "eve", Kind: kitchen.AckStarted}
	outcome := sayOfAll(t.Context(), "red-velvet", items, func(_ context.Context, ticketID string) error {
		return map[int]error{1: taken, 3: taken, 4: errors.New("the oven is out")}[len(ticketID)]
	})
	require.Equal(t, []int{2}, numbersOf(outcome.counted))
	require.Equal(t, []string{"#1  K7QF, #3  K7QF  eve was first: eve has started it", "#4  K7QF  the oven is out"}, outcome.refusals)
}

// aStationOfBatches has three flavours.
func aStationOfBatches() *screen {
	return screenOf(
		itemOf(1, station.Waiting, madeOf(6, "lemon")), itemOf(2, station.Waiting, madeOf(12, "vanilla")), itemOf(3, station.Waiting, madeOf(6, "lemon")),
		itemOf(4, station.InHand, madeOf(8, "vanilla")), itemOf(5, station.InHand, madeOf(4, "vanilla")), itemOf(6, station.Waiting, madeOf(2, "lemon", "red-velvet")),
		itemOf(7, station.Waiting, madeOf(24, "red-velvet")),
	)
}

func TestScreenFinishesABatchAndTakesAllOfItBack(t *testing.T) {
	t.Parallel()
	now := noon
	s := aStationOfBatches()
	s.clock = func() time.Time { return now }
	press(s, "a")
	require.Contains(t, ansi.Strip(s.draw()), "▸ vanilla", "the flavour of the chosen ticket")
	require.Contains(t, ansi.Strip(s.draw()), "s start · d done · p put back · esc back")
	press(s, "d")
	shown := ansi.Strip(s.draw())
	require.Equal(t, 2, strings.Count(shown, "done, u takes the batch back (5s)"))
	press(s, "a")
	require.NotContains(t, ansi.Strip(s.draw()), "in hand, 12 pieces")
	press(s, "u")
	require.Contains(t, ansi.Strip(s.draw()), "2 tickets of vanilla  done: taken back; you still have them in hand")
	require.Empty(t, takeAll(s))

	press(s, "down", "p")
	require.Equal(t, pageList, s.page)
	now = now.Add(time.Second)
	waits := takeAll(s)
	require.Len(t, waits, 2)
	require.Equal(t, kitchen.AckReleased, waits[0].answer.Kind)
	s.pending.add(waits...)
	now = now.Add(4 * time.Second)
	require.NotNil(t, s.sendDue())
	require.Empty(t, takeAll(s))
}

func TestScreenTakesOnlyTheLastBatchBack(t *testing.T) {
	t.Parallel()
	now := noon
	s := aStationOfBatches()
	s.clock = func() time.Time { return now }
	press(s, "a", "d")
	now = now.Add(time.Second)
	s.Update(screenFacts{items: append(s.all, itemOf(8, station.InHand, madeOf(4, "vanilla")), itemOf(9, station.InHand, madeOf(4, "vanilla"))), ready: true})
	press(s, "a", "down", "d")
	require.Len(t, s.pending.takeBack(itemOf(9, "", nil).Ticket.TicketID), 2)
	require.Len(t, takeAll(s), 2, "the one before goes out")
}

func TestScreenPutsABatchBackThatWasBegunByASlip(t *testing.T) {
	t.Parallel()
	now := noon
	s := aStationOfBatches()
	s.clock = func() time.Time { return now }
	press(s, "a", "k")
	require.Contains(t, ansi.Strip(s.draw()), "▸ lemon")
	require.NotNil(t, press(s, "s"))
	require.Equal(t, pageList, s.page)
	begun := []station.Item{itemOf(1, station.InHand, madeOf(6, "lemon")), itemOf(3, station.InHand, madeOf(6, "lemon"))}
	begins := func() {
		s.Update(batchSaid{batchOutcome{flavour: "lemon", counted: begun, refusals: []string{"#7  K7QF  eve was first"}}, "started"})
	}
	begins()
	require.NotContains(t, ansi.Strip(s.draw()), "u take back", "the log has not shown it here")
	s.Update(screenFacts{items: begun, ready: true})
	shown := ansi.Strip(s.draw())
	require.Contains(t, shown, "! #7  K7QF  eve was first")
	require.Contains(t, shown, "2 tickets of lemon: started")
	require.Contains(t, shown, "u take back")
	now = now.Add(4 * time.Second)
	require.NotNil(t, press(s, "u"))
	press(s, "u")
	require.Contains(t, ansi.Strip(s.draw()), "! nothing to take back", "it is put back once")

	begins()
	press(s, "d") // one of them is done since, which is taken back first
	now = now.Add(time.Second)
	s.begun.until = s.begun.until.Add(-time.Second)
	press(s, "u")
	require.Contains(t, ansi.Strip(s.draw()), "done: taken back; you still have it in hand")
	now = now.Add(5 * time.Second)
	press(s, "u")
	require.Contains(t, ansi.Strip(s.draw()), "! nothing to take back", "it is no slip any more")
}

func TestScreenSaysWhyThereIsNoBatch(t *testing.T) {
	t.Parallel()
	s := aStationOfBatches()
	press(s, "a", "k", "d")
	require.Contains(t, ansi.Strip(s.draw()), "! you have no ticket in hand that is all lemon: start them first")
	press(s, "down", "down")
	s.Update(screenFacts{items: []station.Item{itemOf(4, station.InHand, madeOf(8, "vanilla"))}, ready: true, paused: "PAUSED by mia"})
	press(s, "s")
	require.Contains(t, ansi.Strip(s.draw()), "! nothing is begun here now: PAUSED by mia")
	s.Update(screenFacts{ready: true, paused: "PAUSED by mia"})
	require.Contains(t, ansi.Strip(s.draw()), "Nothing is begun while the station is paused")
	press(s, "s", "d", "p", "down")
	require.Equal(t, pageBatches, s.page)

	s = screenOf(itemOf(1, station.Waiting, nil))
	s.stage = kitchen.Package
	require.Nil(t, press(s, "a"))
	require.Equal(t, pageList, s.page)
	require.Contains(t, ansi.Strip(s.draw()), "! each ticket is work of its own at this station")
	require.NotContains(t, ansi.Strip(s.draw()), "a batch")
	press(s, "?")
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 50})
	require.NotContains(t, ansi.Strip(s.draw()), "of one flavour")
}

func TestPlainStationDoesABatchFromAPipe(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	first, second := floor.issue(madeOf(4, "lemon")), floor.issue(madeOf(6, "lemon"))
	mixed, theirs := floor.issue(madeOf(6, "lemon", "vanilla")), floor.issue(madeOf(6, "lemon"))
	floor.ack(theirs, kitchen.AckStarted, "eve")
	bob := openStation(t, floor.kafka.Addr(), "--plain", "--name", "bob")
	bob.out.await(t, "started by eve")
	for _, ticket := range []kitchen.Ticket{first, second, mixed} {
		bob.out.await(t, ticket.PickupCode)
	}
	bob.enter("batch", "batch lemom start", "batch Lemon start", "batch", "batch lemon start", "batch lemon putback", "batch lemon done", "batch lemon start", "batch lemon done")
	require.NoError(t, bob.input.Close())
	require.Equal(t, exitRefused, bob.exit())
	require.Contains(t, bob.out.String(), "lemon: 2 waiting tickets, 10 pieces\n")
	require.Contains(t, bob.out.String(), "lemon: 2 in hand, 10 pieces\n")
	for _, refusal := range []string{
		`! no ticket that is all lemom can be started in a batch here: did you mean "lemon"?`,
		"! no ticket that is all lemon can be started in a batch here\n",
		"! you have no ticket in hand that is all lemon: start them first\n",
		"3 of the commands were refused",
	} {
		require.Contains(t, bob.errOut.String(), refusal)
	}
	for _, ticket := range []kitchen.Ticket{first, second} {
		var kinds []kitchen.AckKind
		for _, ack := range floor.acks(ticket) {
			kinds = append(kinds, ack.Kind)
		}
		require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckStarted, kitchen.AckDone}, kinds)
	}
	require.Empty(t, floor.acks(mixed))
	require.Len(t, floor.acks(theirs), 1)
}

func TestPlainStationRefusesWhatIsNoBatch(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"batch lemon", "batch lemon fail", "batch lemon start now"} {
		_, err := parseCommand(line, nil)
		require.EqualError(t, err, "batch stands alone, or with a flavour and start, done or putback, such as batch lemon start", line)
	}
	_, err := parseCommand("bach", nil)
	require.EqualError(t, err, `unknown command "bach": use start, done, fail, putback, takeback, takeover, batch, list, help or quit: did you mean "batch"?`)
	require.Regexp(t, regexp.MustCompile(`(?m)^  batch FLAVOUR start\|done\|putback`), plainHelp)
}
