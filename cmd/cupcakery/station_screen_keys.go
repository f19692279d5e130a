package main

import (
	"fmt"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	"charm.land/bubbles/v2/viewport"
	"charm.land/lipgloss/v2"
)

// The keys of the screen, with their texts in the help line.
var (
	keyStart    = key.NewBinding(key.WithKeys("s"), key.WithHelp("s", "start"))
	keyDone     = key.NewBinding(key.WithKeys("d"), key.WithHelp("d", "done"))
	keyFail     = key.NewBinding(key.WithKeys("f"), key.WithHelp("f", "fail"))
	keyUp       = key.NewBinding(key.WithKeys("up", "k"), key.WithHelp("↑↓", "choose"))
	keyDown     = key.NewBinding(key.WithKeys("down", "j"))
	keyQuit     = key.NewBinding(key.WithKeys("q", "ctrl+c", "ctrl+d"), key.WithHelp("q", "quit"))
	keyPageUp   = key.NewBinding(key.WithKeys("pgup"), key.WithHelp("pgup/pgdn", "scroll"))
	keyPageDown = key.NewBinding(key.WithKeys("pgdown"))

	// While a question is open, letters are text.
	keyBack   = key.NewBinding(key.WithKeys("esc"), key.WithHelp("esc", "back"))
	keyLeave  = key.NewBinding(key.WithKeys("ctrl+c"), key.WithHelp("ctrl+c", "quit"))
	keyReason = key.NewBinding(key.WithKeys("1", "2", "3", "4", "5", "6", "7", "8", "9"))
	keyNext   = key.NewBinding(key.WithKeys("enter"), key.WithHelp("enter", "next"))
)

// helpKeys are the keys that the help line shows now.
func (s *screen) helpKeys() []key.Binding {
	switch {
	case s.question == nil && s.tickets.TotalLineCount() > s.tickets.Height():
		return []key.Binding{keyStart, keyDone, keyFail, keyUp, keyQuit, keyPageUp}
	case s.question == nil:
		return []key.Binding{keyStart, keyDone, keyFail, keyUp, keyQuit}
	case s.question.fields == nil:
		reason := keyReason
		reason.SetHelp(fmt.Sprintf("1–%d", min(reasonsShown, len(s.reasons))), "choose")
		return []key.Binding{keyBack, keyLeave, reason}
	}
	return []key.Binding{keyBack, keyLeave, keyNext}
}

func newHelp() help.Model {
	h := help.New()
	h.ShortSeparator = " · "
	faint := lipgloss.NewStyle().Faint(true)
	h.Styles.Ellipsis, h.Styles.ShortKey, h.Styles.ShortDesc, h.Styles.ShortSeparator = faint, faint, faint, faint
	return h
}

// newTicketView returns the part of the screen that scrolls. Other keys than
// these choose a ticket.
func newTicketView() viewport.Model {
	view := viewport.New()
	view.KeyMap = viewport.KeyMap{PageDown: keyPageDown, PageUp: keyPageUp}
	return view
}

// newInput returns a line of text that can be edited, with its cursor at the
// end. The terminal pastes; the machine's own clipboard is not asked.
func newInput(text string) textinput.Model {
	input := textinput.New()
	input.KeyMap.Paste.SetEnabled(false)
	input.SetVirtualCursor(false)
	input.SetValue(text)
	input.CursorEnd()
	input.Focus()
	return input
}
