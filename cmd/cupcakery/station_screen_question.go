package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// question is what the person is asked before an answer to a ticket goes out:
// first the reason, unless an UNDO ticket is done, then the fields. Who takes a
// ticket over is only asked whether they mean it.
type question struct {
	item      station.Item
	takesOver bool
	reason    *kitchen.Reason
	fields    []field
	at        int // the field that is filled in
}

// field is one line of a question.
type field struct {
	label string
	input textinput.Model
}

// reasonsShown is how many reasons can be chosen by a digit.
const reasonsShown = 9

// pressInQuestion does what a key means while a question is open.
func (s *screen) pressInQuestion(message tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(message, keyBack):
		s.question = nil
	case key.Matches(message, keyLeave):
		return tea.Quit
	case s.question.takesOver && key.Matches(message, keyYes):
		item := s.question.item
		s.question = nil
		return s.call(item, func(ctx context.Context) error { return s.bench.TakeOver(ctx, item.Ticket.TicketID) })
	case s.question.takesOver:
	case s.question.fields == nil && key.Matches(message, keyReason):
		if i, _ := strconv.Atoi(message.String()); i <= len(s.rules.Reasons) {
			s.askDetails(&s.rules.Reasons[i-1])
		}
	case s.question.fields != nil && key.Matches(message, keyNext):
		return s.nextField()
	default:
		s.edit(message)
	}
	return nil
}

// edit passes a key or a paste to the text that is being typed.
func (s *screen) edit(message tea.Msg) {
	switch {
	case s.question != nil && s.question.fields != nil:
		f := &s.question.fields[s.question.at]
		f.input, _ = f.input.Update(message)
	case s.question == nil && s.typing:
		s.filter, _ = s.filter.Update(message)
		s.sort()
	}
}

// askDetails asks what goes with a reason, or with an undo if there is none.
func (s *screen) askDetails(reason *kitchen.Reason) {
	scrapped := s.question.item.ToScrap()
	if reason != nil {
		scrapped = scrappedBy(*reason, s.question.item)
	}
	s.question.reason = reason
	s.question.fields = []field{{"  pieces thrown away: ", newInput(strconv.Itoa(scrapped))}, {"  note: ", newInput("")}}
}

// nextField goes to the next field; after the last, it sends the answer.
func (s *screen) nextField() tea.Cmd {
	asked := s.question
	scrapped, err := strconv.Atoi(strings.TrimSpace(asked.fields[0].input.Value()))
	if err != nil || scrapped < 0 {
		s.remember("! pieces thrown away: give a number")
		asked.at = 0
		return nil
	}
	if asked.at++; asked.at < len(asked.fields) {
		return nil
	}
	answer := kitchen.Ack{Kind: kitchen.AckUndone, Note: strings.TrimSpace(asked.fields[1].input.Value()), Scrapped: scrapped}
	if asked.reason != nil {
		answer.Kind, answer.Reason = kitchen.AckFailed, asked.reason.Code
	}
	s.question = nil
	return s.hold(asked.item, answer)
}

func (s *screen) drawQuestion() []string {
	who := nameOf(s.question.item)
	if s.question.takesOver {
		by := printable(s.question.item.By)
		return []string{
			bold.Styled(who + ": take it over from " + by + "?"),
			"  last heard of at " + timeOfDay(s.question.item.HeardAt) + "; " + by + " is told at once",
		}
	}
	if s.question.fields == nil {
		asks := ": what went wrong?"
		if s.question.item.Ticket.Kind == kitchen.TicketUndo {
			asks = ": why can it not be undone? A manager is asked."
		}
		lines := []string{bold.Styled(who + asks)}
		for i, reason := range s.rules.Reasons[:min(reasonsShown, len(s.rules.Reasons))] {
			lines = append(lines, fmt.Sprintf("  %d  %s", i+1, printable(reason.Label)))
		}
		return lines
	}
	heading := who + ": undone"
	if s.question.reason != nil {
		heading = who + ": " + printable(s.question.reason.Label)
	}
	lines := []string{bold.Styled(heading)}
	for i, f := range s.question.fields {
		lines = append(lines, f.draw(s.width, i == s.question.at))
	}
	return lines
}

// draw shows a field; if it is being filled in, with a cursor, which stays in
// sight however long the text is. The input's own view would show a character
// that steers the terminal as it is.
func (f *field) draw(width int, active bool) string {
	label, text := f.label, []rune(f.input.Value())
	if !active {
		return label + printable(string(text))
	}
	at := f.input.Position()
	before, after := safeText(string(text[:at])), safeText(string(text[at:]))
	if hidden := ansi.StringWidth(label+before) + 1 - width; hidden > 0 {
		before = ansi.TruncateLeft(before, hidden+2, "…") // half of a wide character stays whole
	}
	return label + before + "█" + after
}
