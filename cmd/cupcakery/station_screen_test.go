package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// noon is when everything happens on the screens of these tests.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.Local)

func screenOf(items ...station.Item) *screen {
	s := newScreen(kitchen.Bake, "bob", kitchen.Default())
	s.clock = func() time.Time { return noon }
	s.Update(screenFacts{items: items, ready: true})
	return s
}

func itemOf(number int, state station.State, change func(*kitchen.Ticket)) station.Item {
	ticket := kitchen.Ticket{
		TicketID: strings.Repeat("x", number), Stage: kitchen.Bake, Kind: kitchen.TicketMake, Pass: 1, Attempt: 1, PickupCode: "K7QF", IssuedAt: noon.Add(-4 * time.Minute),
		Lines: []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th"}},
	}
	if change != nil {
		change(&ticket)
	}
	return station.Item{Number: number, State: state, Ticket: ticket, By: "eve", StartedAt: noon.Add(-time.Minute), HeardAt: noon.Add(-50 * time.Second)}
}

func press(s *screen, keys ...string) (command tea.Cmd) {
	for _, key := range keys {
		message := tea.KeyPressMsg{Code: []rune(key)[0], Text: key}
		switch key {
		case "enter":
			message = tea.KeyPressMsg{Code: tea.KeyEnter}
		case "esc":
			message = tea.KeyPressMsg{Code: tea.KeyEscape}
		case "pgdown":
			message = tea.KeyPressMsg{Code: tea.KeyPgDown}
		case "pgup":
			message = tea.KeyPressMsg{Code: tea.KeyPgUp}
		case "end":
			message = tea.KeyPressMsg{Code: tea.KeyEnd}
		case "down":
			message = tea.KeyPressMsg{Code: tea.KeyDown}
		case "backspace":
			message = tea.KeyPressMsg{Code: tea.KeyBackspace}
		}
		_, command = s.Update(message)
	}
	return command
}

func TestScreenShowsWhatIsInHandFirstAndAllOfTheChosenTicket(t *testing.T) {
	t.Parallel()
	s := screenOf(
		itemOf(1, station.Waiting, func(ticket *kitchen.Ticket) {
			ticket.Allergies = []string{"nuts"}
			ticket.Customer.Name = "Ada Lovelace"
			ticket.Notes = "ring\x1b[2J the bell"
		}),
		itemOf(2, station.InHand, nil),
		itemOf(3, station.Elsewhere, nil),
	)
	shown := s.draw()
	plain := ansi.Strip(shown)
	require.Less(t, strings.Index(plain, "#2"), strings.Index(plain, "#1"))
	require.Less(t, strings.Index(plain, "#1"), strings.Index(plain, "#3"))
	require.Contains(t, plain, "1 waiting · 1 in hand")
	require.Contains(t, plain, "(eve)")
	require.NotContains(t, plain, "ring", "only the chosen ticket and what is in hand show all")

	press(s, "down")
	require.NotContains(t, s.draw(), "\x1b[2J")
	plain = ansi.Strip(s.draw())
	require.Contains(t, plain, `12 × red-velvet L  "Happy 40th"`)
	require.Contains(t, plain, "!!! ALLERGIES: NUTS !!!")
	require.Contains(t, plain, "for Ada Lovelace")
	require.Contains(t, plain, `ring\u001b[2J the bell`)
	require.Contains(t, plain, "s start · ? help · q quit")
}

func TestScreenShowsTheKeysThatDoSomethingToTheChosenTicket(t *testing.T) {
	t.Parallel()
	yours := itemOf(1, station.Elsewhere, nil)
	yours.By = "bob"
	for keys, item := range map[string]station.Item{
		"s start":                      itemOf(1, station.Waiting, nil),
		"d done · f fail · p put back": itemOf(1, station.InHand, nil),
		"s start · d done · f fail · p put back": yours,
		"t take over": itemOf(1, station.Elsewhere, nil),
	} {
		plain := ansi.Strip(screenOf(item).draw())
		require.Contains(t, plain, "\n"+keys+" · ? help · q quit")
	}
}

func TestScreenAsksBeforeItTakesATicketOver(t *testing.T) {
	t.Parallel()
	theirs := itemOf(1, station.Elsewhere, nil)
	theirs.By, theirs.Silent = "eve\x1b[2J", true
	s := screenOf(theirs)
	require.Contains(t, s.draw(), `eve\u001b[2J, last heard of at`)
	require.Nil(t, press(s, "t"))
	plain := ansi.Strip(s.draw())
	require.Contains(t, plain, `#1  K7QF: take it over from eve\u001b[2J?`)
	require.Contains(t, plain, "esc back · ctrl+c quit · enter take it over")
	require.Nil(t, press(s, "esc"))
	require.NotContains(t, s.draw(), "take it over from")
	press(s, "t")
	require.NotNil(t, press(s, "enter"))
	require.NotContains(t, s.draw(), "take it over from")

	press(s, "t")
	theirs.By = "mia"
	s.Update(screenFacts{items: []station.Item{theirs}, ready: true})
	require.NotContains(t, s.draw(), "take it over from", "somebody was faster")
}

func TestScreenFitsEveryTerminal(t *testing.T) {
	t.Parallel()
	var items []station.Item
	for number := range 60 {
		items = append(items, itemOf(number+1, station.Waiting, func(ticket *kitchen.Ticket) {
			ticket.Notes = strings.Repeat("very long notes 🧁 ", 20)
		}))
	}
	s := screenOf(items...)
	for range 40 {
		press(s, "down")
	}
	for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 30, Height: 12}, {Width: 200, Height: 60}} {
		s.Update(size)
		lines := strings.Split(s.draw(), "\n")
		require.Len(t, lines, size.Height)
		for _, line := range lines {
			require.LessOrEqual(t, ansi.StringWidth(line), size.Width)
		}
		require.Contains(t, s.draw(), "▸", "the chosen ticket is in sight")
		require.Contains(t, s.draw(), "#41")
	}
}

func TestScreenAsksBeforeItReportsThatWorkFailed(t *testing.T) {
	t.Parallel()
	s := screenOf(itemOf(1, station.InHand, nil))
	require.Nil(t, press(s, "f"))
	require.Contains(t, ansi.Strip(s.draw()), "1  Burnt")
	press(s, "1")
	require.Contains(t, ansi.Strip(s.draw()), "pieces thrown away: 12█")
	press(s, "x")
	require.Nil(t, press(s, "enter"), "12x is no number")
	require.Contains(t, ansi.Strip(s.draw()), "pieces thrown away: 12x█")
	press(s, "backspace", "enter", "o", "k", "q")
	require.Contains(t, ansi.Strip(s.draw()), "note: okq█", "letters are text now")
	press(s, "esc")
	require.Contains(t, ansi.Strip(s.draw()), "q quit")
	require.NotNil(t, press(s, "q"))
}

func TestScreenShowsWhatIsToBeUndoneAboveAll(t *testing.T) {
	t.Parallel()
	undo := itemOf(3, station.Waiting, func(ticket *kitchen.Ticket) { ticket.Kind = kitchen.TicketUndo })
	undo.Work, undo.WorkBy = kitchen.TicketDone, "eve\x1b[2J"
	s := screenOf(itemOf(1, station.InHand, nil), itemOf(2, station.Waiting, nil), undo)
	press(s, "down")
	plain := ansi.Strip(s.draw())
	require.Less(t, strings.Index(plain, "To undo"), strings.Index(plain, "In hand"))
	require.Less(t, strings.Index(plain, "#3"), strings.Index(plain, "#1"))
	require.Contains(t, s.draw(), lookUndo.Styled("UNDO: this work was cancelled; set the cupcakes aside or bin them"))
	require.Contains(t, plain, `the work was done, by eve\u001b[2J`)
	require.NotContains(t, s.draw(), "\x1b[2J")
}

func TestScreenAsksWhatBecameOfUndoneWork(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		work   kitchen.TicketState
		pieces string
	}{{kitchen.TicketDone, "12"}, {kitchen.TicketStarted, "12"}, {kitchen.TicketWaiting, "0"}} {
		undo := itemOf(1, station.InHand, func(ticket *kitchen.Ticket) { ticket.Kind = kitchen.TicketUndo })
		undo.Work = test.work
		s := screenOf(undo)
		press(s, "d")
		require.Contains(t, ansi.Strip(s.draw()), "pieces thrown away: "+test.pieces+"█", test.work)
		press(s, "esc", "f")
		require.Contains(t, ansi.Strip(s.draw()), "why can it not be undone? A manager is asked.")
		press(s, "1") // burnt, which would be a remake of anything else
		require.Contains(t, ansi.Strip(s.draw()), "pieces thrown away: 0█")
	}
}

func TestScreenDropsAQuestionAboutWorkThatIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := screenOf(itemOf(1, station.InHand, nil), itemOf(2, station.InHand, nil))
	press(s, "f", "1")
	require.Contains(t, s.draw(), "pieces thrown away")
	s.Update(screenFacts{items: []station.Item{itemOf(1, station.InHand, nil)}, ready: true})
	require.Contains(t, s.draw(), "pieces thrown away", "the other's matter")

	feed := newScreenFeed("bob")
	feed.observe(station.Event{Kind: station.Withdrawn, Item: itemOf(1, station.InHand, nil), Was: station.InHand, Cancelled: true, Undo: 5})
	s.Update(screenFacts{ready: true, recent: feed.recent})
	require.NotContains(t, s.draw(), "pieces thrown away")
	require.Contains(t, s.draw(), loud.Styled("#1  K7QF  STOP: this work was cancelled; put it aside, its UNDO ticket is #5"))
}

func TestScreenScrollsThroughATicketThatIsLongerThanTheTerminal(t *testing.T) {
	t.Parallel()
	s := screenOf(itemOf(1, station.InHand, func(ticket *kitchen.Ticket) {
		ticket.Notes = strings.Repeat("焦げ🧁 long notes\n", 18) + "the last line"
	}))
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 14})
	require.Contains(t, ansi.Strip(s.draw()), "18 lines more: enter")
	require.NotContains(t, s.draw(), "the last line")
	press(s, "enter")
	require.Contains(t, ansi.Strip(s.draw()), "pgup")
	press(s, "pgdown", "pgdown")
	s.Update(screenFacts{items: s.items, ready: true})
	require.Contains(t, s.draw(), "the last line", "what happens elsewhere does not scroll it away")
	press(s, "pgup", "pgup")
	require.Contains(t, s.draw(), "12 × red-velvet")
	press(s, "esc")
	require.Contains(t, s.draw(), "▸")
}

func TestScreenKeepsTheCursorInSightAndShowsNothingThatSteers(t *testing.T) {
	t.Parallel()
	s := screenOf(itemOf(1, station.InHand, nil))
	press(s, "f", "2", "enter")
	for range 40 {
		s.Update(tea.PasteMsg{Content: "焦げ🧁 a\u202eb\x1b[2J\n"})
		shown := s.draw()
		require.Contains(t, shown, "█")
		require.NotContains(t, shown, "\u202e")
		require.NotContains(t, shown, "\x1b[2J")
		for line := range strings.SplitSeq(shown, "\n") {
			require.LessOrEqual(t, ansi.StringWidth(line), 80)
		}
	}
	s.Update(tea.KeyPressMsg{Code: tea.KeyHome})
	press(s, "x")
	require.Contains(t, ansi.Strip(s.draw()), "note: x█焦げ", "what is written can be changed")
}

// TestScreenWorks runs the true program on keys and looks into the log.
func TestScreenWorks(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	first := floor.issue(nil)
	keys, keyboard := io.Pipe()
	out, errOut := newWatched(), newWatched()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- showScreen(ctx, station.Config{
			Connection: events.Connection{Brokers: []string{floor.kafka.Addr()}}, Stage: kitchen.Bake, Name: "bob",
			Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		}, kitchen.Default(), nil, errOut, tea.WithInput(keys), tea.WithOutput(out), tea.WithWindowSize(100, 40))
	}()
	t.Cleanup(func() {
		cancel()
		_ = keyboard.Close()
	})
	typeKeys := func(text string) {
		_, err := io.WriteString(keyboard, text)
		require.NoError(t, err)
	}
	until := func(ticket kitchen.Ticket, kinds ...kitchen.AckKind) {
		t.Helper()
		require.Eventually(t, func() bool {
			var found []kitchen.AckKind
			for _, ack := range floor.acks(ticket) {
				found = append(found, ack.Kind)
			}
			return len(found) == len(kinds) && (len(kinds) == 0 || found[len(found)-1] == kinds[len(kinds)-1])
		}, stationPatience, 20*time.Millisecond)
	}
	out.await(t, first.PickupCode)
	second := first
	first = floor.issue(func(ticket *kitchen.Ticket) { ticket.Since = ticket.IssuedAt.Add(-time.Hour) })
	out.await(t, first.PickupCode)
	typeKeys("ks") // what has waited longest is at the top, also if it came last
	until(first, kitchen.AckStarted)
	out.await(t, "In hand")
	out.await(t, "started by bob")
	typeKeys("d")
	until(first, kitchen.AckStarted, kitchen.AckDone)
	out.await(t, "done by bob")
	typeKeys("s")
	until(second, kitchen.AckStarted)
	// The screen may learn a moment later than we that it is in hand; until then
	// it refuses.
	require.Eventually(t, func() bool {
		typeKeys("f")
		return strings.Contains(out.String(), "what went wrong?")
	}, stationPatience, 20*time.Millisecond)
	typeKeys("1")
	out.await(t, "thrown away")
	typeKeys("\r")
	typeKeys("oven 2\r")
	out.await(t, "takes it back")
	typeKeys("u") // a slip
	out.await(t, "taken back")
	typeKeys("f1\roven 2\r")
	typeKeys("q") // what waits goes out when the person leaves
	until(second, kitchen.AckStarted, kitchen.AckFailed)
	failed := floor.acks(second)[1]
	require.Equal(t, "burnt", failed.Reason)
	require.Equal(t, "oven 2", failed.Note)
	require.Equal(t, 12, failed.Scrapped)
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(stationPatience):
		require.FailNow(t, "the screen did not close")
	}
	require.NotContains(t, out.String(), first.OrderID)
}
