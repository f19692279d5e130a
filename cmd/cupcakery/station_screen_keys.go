package main

import (
	"fmt"

	"charm.land/bubbles/v2/key"

	"github.com/cupcakery/cupcakery/station"
)

// The keys of the screen, with their texts in the help line and on the help page.
var (
	keyStart    = key.NewBinding(key.WithKeys("s"), key.WithHelp("s", "start"))
	keyDone     = key.NewBinding(key.WithKeys("d"), key.WithHelp("d", "done"))
	keyFail     = key.NewBinding(key.WithKeys("f"), key.WithHelp("f", "fail"))
	keyPutBack  = key.NewBinding(key.WithKeys("p"), key.WithHelp("p", "put back"))
	keyTakeOver = key.NewBinding(key.WithKeys("t"), key.WithHelp("t", "take over"))
	keyTakeBack = key.NewBinding(key.WithKeys("u"), key.WithHelp("u", "take back"))
	keyUp       = key.NewBinding(key.WithKeys("up", "k"), key.WithHelp("↑↓", "choose"))
	keyDown     = key.NewBinding(key.WithKeys("down", "j"))
	keyPageUp   = key.NewBinding(key.WithKeys("pgup", "b"), key.WithHelp("pgup/pgdn", "page"))
	keyPageDown = key.NewBinding(key.WithKeys("pgdown", "space"))
	keyFirst    = key.NewBinding(key.WithKeys("home", "g"), key.WithHelp("home/end", "first, last"))
	keyLast     = key.NewBinding(key.WithKeys("end", "G"))
	keyOpen     = key.NewBinding(key.WithKeys("enter"), key.WithHelp("enter", "details"))
	keyClose    = key.NewBinding(key.WithKeys("esc"), key.WithHelp("esc", "back"))
	keyBatch    = key.NewBinding(key.WithKeys("a"), key.WithHelp("a", "batch"))
	keyFilter   = key.NewBinding(key.WithKeys("/"), key.WithHelp("/", "filter"))
	keyTotals   = key.NewBinding(key.WithKeys("o"), key.WithHelp("o", "totals"))
	keyHelp     = key.NewBinding(key.WithKeys("?"), key.WithHelp("?", "help"))
	keyQuit     = key.NewBinding(key.WithKeys("q", "ctrl+c", "ctrl+d"), key.WithHelp("q", "quit"))

	// While a question is open or a filter is typed, letters are text.
	keyBack   = key.NewBinding(key.WithKeys("esc"), key.WithHelp("esc", "back"))
	keyLeave  = key.NewBinding(key.WithKeys("ctrl+c"), key.WithHelp("ctrl+c", "quit"))
	keyReason = key.NewBinding(key.WithKeys("1", "2", "3", "4", "5", "6", "7", "8", "9"))
	keyNext   = key.NewBinding(key.WithKeys("enter"), key.WithHelp("enter", "next"))
	keyYes    = key.NewBinding(key.WithKeys("enter"), key.WithHelp("enter", "take it over"))
	keyClear  = key.NewBinding(key.WithKeys("esc"), key.WithHelp("esc", "all tickets"))
	keyKeep   = key.NewBinding(key.WithKeys("enter", "up", "down"), key.WithHelp("enter", "only these"))
)

// explained are the keys of the help page, and what each does.
var explained = []struct {
	key   key.Binding
	words string
}{
	{keyStart, "start work on the chosen ticket"},
	{keyDone, "it is done, or undone if it is an UNDO ticket"},
	{keyFail, "it went wrong: you are asked why"},
	{keyPutBack, "you do not finish it: it waits again"},
	{keyTakeBack, "take back your last answer, or the batch begun last, for five seconds"},
	{keyTakeOver, "take a ticket from whoever has it; they are told at once"},
	{keyUp, "choose a ticket; also k and j"},
	{keyPageUp, "a page up or down; also b and space"},
	{keyFirst, "the first or the last ticket; also g and G"},
	{keyOpen, "all about the chosen ticket"},
	{keyBatch, "start, finish or put back all tickets of one flavour together"},
	{keyFilter, "only tickets with these words: code, flavour, size, allergy, name, notes"},
	{keyClose, "back, or all tickets again"},
	{keyTotals, "what is to be made in all, by flavour and size"},
	{keyHelp, "this page"},
	{keyQuit, "close the station; what you have in hand stays yours"},
}

// helpKeys are the keys that the help line shows now, the most needed first: a
// narrow terminal shows no more.
func (s *screen) helpKeys() []key.Binding {
	switch {
	case s.question != nil:
		return s.question.keys(len(s.rules.Reasons))
	case s.typing:
		return []key.Binding{keyClear, keyLeave, keyKeep}
	case s.page == pageHelp || s.page == pageTotals:
		return []key.Binding{keyClose, keyQuit, keyPageUp}
	}
	keys := s.ticketKeys()
	if s.page == pageBatches {
		keys = s.batchKeys()
	}
	if _, waits := s.pending.last(); waits || s.canPutBatchBack() {
		keys = append(keys, keyTakeBack)
	}
	switch {
	case s.page == pageBatches:
		return append(keys, keyClose, keyHelp, keyQuit, keyUp)
	case s.page == pageTicket:
		return append(keys, keyClose, keyHelp, keyQuit, keyPageUp)
	}
	keys = append(keys, keyHelp, keyQuit, keyOpen)
	if !s.hasNoBatches() {
		keys = append(keys, keyBatch)
	}
	return append(keys, keyFilter, keyTotals, keyUp)
}

// keys are those that answer a question.
func (q *question) keys(reasons int) []key.Binding {
	switch {
	case q.takesOver:
		return []key.Binding{keyBack, keyLeave, keyYes}
	case q.fields == nil:
		reason := keyReason
		reason.SetHelp(fmt.Sprintf("1–%d", min(reasonsShown, reasons)), "choose")
		return []key.Binding{keyBack, keyLeave, reason}
	}
	return []key.Binding{keyBack, keyLeave, keyNext}
}

// ticketKeys are the keys that do something to the chosen ticket.
func (s *screen) ticketKeys() []key.Binding {
	i := s.chosenIndex()
	switch {
	case i < 0 || s.isPending(s.items[i]) || s.items[i].Answering:
		return nil
	case s.items[i].State == station.Waiting && s.paused != "":
		return nil // nothing is begun while the station is paused
	case s.items[i].State == station.Waiting:
		return []key.Binding{keyStart}
	case s.items[i].State == station.InHand:
		return []key.Binding{keyDone, keyFail, keyPutBack}
	case s.isYours(s.items[i]):
		return []key.Binding{keyStart, keyDone, keyFail, keyPutBack}
	case s.paused != "":
		return nil
	}
	return []key.Binding{keyTakeOver}
}
