package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
	"github.com/cupcakery/cupcakery/wire"
)

// aBusyStation has one ticket of every look, in the order in which a station gives
// them.
func aBusyStation() *screen {
	undo := itemOf(9, station.Waiting, func(ticket *kitchen.Ticket) { ticket.Kind = kitchen.TicketUndo })
	undo.Work, undo.WorkBy = kitchen.TicketDone, "eve"
	rush := itemOf(7, station.Waiting, func(ticket *kitchen.Ticket) {
		ticket.PickupCode, ticket.IssuedAt = "R5SH", noon.Add(-20*time.Second)
	})
	rush.Rush = "the bride is at the door"
	silent := itemOf(6, station.Elsewhere, func(ticket *kitchen.Ticket) { ticket.PickupCode = "LOST" })
	silent.Silent, silent.HeardAt = true, noon.Add(-20*time.Minute)
	items := []station.Item{
		undo, rush,
		itemOf(1, station.InHand, func(ticket *kitchen.Ticket) {
			ticket.PickupCode, ticket.Allergies = "HAND", []string{"nuts", "milk"}
			ticket.Notes = "ring the bell"
		}),
		itemOf(2, station.Waiting, func(ticket *kitchen.Ticket) {
			ticket.PickupCode, ticket.DueAt, ticket.IssuedAt = "DUE2", noon.Add(-time.Minute), noon.Add(-time.Hour)
		}),
		itemOf(3, station.Waiting, func(ticket *kitchen.Ticket) {
			ticket.PickupCode, ticket.IssuedAt, ticket.Pass = "OLD3", noon.Add(-3*time.Hour), 2
			ticket.Allergies = []string{"nuts"}
			ticket.Lines = append(ticket.Lines, kitchen.Line{Flavour: "レモン", Size: kitchen.SizeS, Quantity: 3})
		}),
		itemOf(4, station.Elsewhere, func(ticket *kitchen.Ticket) { ticket.PickupCode = "EVE4" }),
		silent,
	}
	return screenOf(items...)
}

func TestScreensAsTheyAreShown(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*screen){
		"list": func(s *screen) { press(s, "down", "down", "down") },
		"list-narrow-and-low": func(s *screen) {
			press(s, "down", "down")
			s.Update(tea.WindowSizeMsg{Width: 44, Height: 14})
		},
		"done-can-be-taken-back": func(s *screen) {
			press(s, "down", "d")
			s.clock = func() time.Time { return noon.Add(2 * time.Second) }
			s.Update(clockTick{})
		},
		"paused": func(s *screen) {
			s.Update(screenFacts{items: s.all, ready: true, paused: "PAUSED by mia since 11:58:00: oven 2 is out"})
			press(s, "down", "down")
		},
		"filter":        func(s *screen) { press(s, "/", "n", "u", "t", "s") },
		"filter-of-one": func(s *screen) { press(s, "/", "o", "l", "d", "enter") },
		"ticket":        func(s *screen) { press(s, "down", "enter") },
		"totals":        func(s *screen) { s.stage = kitchen.Mix; press(s, "o") },
		"batches": func(s *screen) {
			s.Update(screenFacts{items: aStationOfBatches().all, ready: true})
			press(s, "a")
		},
		"help": func(s *screen) {
			press(s, "?")
			s.Update(tea.WindowSizeMsg{Width: 80, Height: 40})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := aBusyStation()
			change(s)
			requireGolden(t, "station-"+name, s.draw())
			lines := strings.Split(s.draw(), "\n")
			require.Len(t, lines, s.height)
			for _, line := range lines {
				require.LessOrEqual(t, ansi.StringWidth(line), s.width)
			}
		})
	}
}

func TestScreenShowsDangerInColourAndWithoutIt(t *testing.T) {
	t.Parallel()
	s := aBusyStation()
	for _, block := range []string{
		lookAllergy.Styled("! NUTS, MILK"), lookAllergy.Styled("!!! ALLERGIES: NUTS, MILK !!!"), lookRush.Styled("RUSH"), lookUndo.Styled("UNDO"),
	} {
		require.Contains(t, s.draw(), block)
		require.Contains(t, block, "7", "reversed, which needs no colours")
	}
	require.Contains(t, s.draw(), lookLate.Styled("due 11:59"))
	require.Contains(t, s.draw(), lookLate.Styled("3h00m"))
}

func TestScreenFindsWhatPeopleReadOfATicket(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string][]int{
		"nuts": {1, 3}, "NUTS milk": {1}, "レモン": {3}, "eve4": {4}, "bride": {7}, "#2": {2}, "due": {2}, "undo": {9}, "nothing like it": nil,
	} {
		s := aBusyStation()
		press(s, "/")
		s.Update(tea.PasteMsg{Content: typed})
		var found []int
		for _, item := range s.items {
			found = append(found, item.Number)
		}
		require.ElementsMatch(t, want, found, typed)
		require.Contains(t, ansi.Strip(s.draw()), fmt.Sprintf("%d of 7", len(want)))
		press(s, "s", "esc")
		require.Len(t, s.items, 7, "esc shows all again, and s was text")
	}
}

func TestScreenGoesThroughALongListByPages(t *testing.T) {
	t.Parallel()
	var items []station.Item
	for number := range 300 {
		items = append(items, itemOf(number+1, station.Waiting, nil))
	}
	s := screenOf(items...)
	press(s, "pgdown", "pgdown")
	second := s.chosenIndex()
	require.Greater(t, second, 20)
	require.Contains(t, s.draw(), fmt.Sprintf("#%d ", second+1))
	press(s, "pgup")
	require.Less(t, s.chosenIndex(), second)
	press(s, "end")
	require.Equal(t, 299, s.chosenIndex())
	require.Contains(t, s.draw(), "#300")
	press(s, "g")
	require.Zero(t, s.chosenIndex())
}

func TestScreenTakesAnAnswerBackUntilItHasGoneOut(t *testing.T) {
	t.Parallel()
	now := noon
	s := screenOf(itemOf(1, station.InHand, nil), itemOf(2, station.InHand, nil))
	s.clock = func() time.Time { return now }
	press(s, "d")
	require.Contains(t, ansi.Strip(s.draw()), "done, u takes it back (5s)")
	require.Equal(t, 12, piecesIn(s.countPieces()), "it is made")

	now = now.Add(4900 * time.Millisecond)
	require.Nil(t, s.sendDue(), "it can still be taken back")
	press(s, "u")
	require.Contains(t, ansi.Strip(s.draw()), "#1  K7QF  done: taken back; you still have it in hand")
	require.NotContains(t, ansi.Strip(s.draw()), "u takes it back")
	now = now.Add(time.Second)
	require.Nil(t, s.sendDue(), "what was taken back does not go out")

	press(s, "g", "p")
	now = now.Add(5 * time.Second)
	_, send := s.Update(answersDue{})
	require.NotNil(t, send)
	press(s, "u")
	require.Contains(t, ansi.Strip(s.draw()), "! nothing to take back")
}

func TestScreenDropsTheAnswerToATicketThatIsNotYoursAnyMore(t *testing.T) {
	t.Parallel()
	s := screenOf(itemOf(1, station.InHand, nil), itemOf(2, station.InHand, nil), itemOf(3, station.InHand, nil))
	press(s, "d", "d", "d") // what comes next is chosen each time
	s.Update(screenFacts{items: []station.Item{itemOf(2, station.Elsewhere, nil), itemOf(3, station.InHand, nil)}, ready: true})
	left := takeAll(s)
	require.Len(t, left, 1)
	require.Equal(t, 3, left[0].item.Number)
}

func TestScreenNeverTurnsFromOneTicketToAnotherByItself(t *testing.T) {
	t.Parallel()
	second := itemOf(2, station.InHand, func(ticket *kitchen.Ticket) { ticket.PickupCode = "GONE" })
	for _, rest := range [][]station.Item{{itemOf(1, station.InHand, nil)}, nil} {
		s := screenOf(itemOf(1, station.InHand, nil), second)
		press(s, "down", "enter")
		require.Contains(t, ansi.Strip(s.draw()), "since 11:56:00", "all about it")
		s.Update(screenFacts{items: rest, ready: true, recent: []string{"STOP #2  GONE"}})
		require.Equal(t, pageList, s.page, "whoever looks away would answer another ticket")
		require.Contains(t, s.draw(), "STOP #2  GONE")
	}
}

func TestScreenRefusesAtOnceWhatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	refusal := func(s *screen, keys ...string) string {
		command := press(s, keys...)
		require.NotNil(t, command)
		s.Update(command())
		return ansi.Strip(s.draw())
	}
	require.Contains(t, refusal(screenOf(itemOf(1, station.Waiting, nil)), "d"), "start it first")
	require.Contains(t, refusal(screenOf(itemOf(1, station.Elsewhere, nil)), "p"), "eve was first")
	require.Contains(t, refusal(screenOf(itemOf(1, station.InHand, nil)), "d", "d"), "take that back first")
	tooMany := screenOf(itemOf(1, station.InHand, nil))
	press(tooMany, "f", "1", "backspace", "backspace", "9", "9", "enter")
	require.Contains(t, refusal(tooMany, "enter"), "scrapped: must be from 0 to 12")
}

func TestScreenExplainsEveryKeyThatItOffers(t *testing.T) {
	t.Parallel()
	help := ansi.Strip(strings.Join(aBusyStation().drawHelpPage(), "\n"))
	for _, s := range []*screen{screenOf(), aBusyStation(), screenOf(itemOf(1, station.InHand, nil)), screenOf(itemOf(1, station.Elsewhere, nil))} {
		for _, binding := range s.helpKeys() {
			require.Contains(t, help, "\n  "+binding.Help().Key+" ", binding.Help().Desc)
		}
	}
}

func TestScreensStayWithinTheSmallestTerminal(t *testing.T) {
	t.Parallel()
	asked, typing, helping := aBusyStation(), aBusyStation(), aBusyStation()
	press(asked, "down", "f", "1")
	press(typing, "/", "n", "u", "t", "s")
	press(helping, "?")
	list := newListScreen(false)
	list.Update(listNews{page: &wire.OrderPage{Orders: aLongList()}})
	for _, screen := range []tea.Model{aBusyStation(), asked, typing, helping, aTopScreen(t), list} {
		for _, size := range []tea.WindowSizeMsg{{Width: 20, Height: 5}, {Width: 7, Height: 2}, {Width: 1, Height: 1}, {Width: 80, Height: 24}} {
			screen, _ = screen.Update(size)
			lines := strings.Split(screen.View().Content, "\n")
			require.Len(t, lines, size.Height)
			for _, line := range lines {
				require.LessOrEqual(t, ansi.StringWidth(line), size.Width)
			}
		}
	}
}
