package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	"charm.land/bubbles/v2/viewport"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

const (
	// recentShown is how many of the last events the screen shows.
	recentShown = 5
	// the size of a terminal that does not report its own
	usualWidth, usualHeight = 80, 24
)

var (
	loud = ansi.Style{}.Bold().Reverse(true)
	bold = ansi.Style{}.Bold()
)

// runScreen shows a full screen until the person quits.
func runScreen(cmd *cobra.Command, config station.Config, reasons []kitchen.Reason) error {
	return showScreen(cmd.Context(), config, reasons, cmd.ErrOrStderr(), tea.WithInput(cmd.InOrStdin()), tea.WithOutput(cmd.OutOrStdout()))
}

func showScreen(ctx context.Context, config station.Config, reasons []kitchen.Reason, errOut io.Writer, options ...tea.ProgramOption) error {
	feed := newScreenFeed(config.Name)
	config.Observe = feed.observe
	config.Logger = slog.New(newNotices(config.Logger.Handler(), feed.note))
	bench, err := station.New(config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return workAt(ctx, bench, func(ctx context.Context) error {
		model := newScreen(config.Stage, config.Name, reasons)
		model.bench, model.ctx = bench, ctx
		// The program's signals are ours: cobra's context ends with them.
		program := tea.NewProgram(model, append(options, tea.WithContext(ctx), tea.WithoutSignalHandler())...)
		feeding, stop := context.WithCancel(ctx)
		var fed sync.WaitGroup
		fed.Go(func() { feed.run(feeding, bench, program) })
		_, err := program.Run()
		stop()
		fed.Wait()
		remindOfWorkInHand(bench, config.Name, func(format string, args ...any) {
			_, _ = fmt.Fprintf(errOut, format+"\n", args...) // nobody may be left to read it
		})
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("show the station's screen: %w; --plain works without one", err)
		}
		return nil
	})
}

// screen is the full screen of a station.
type screen struct {
	bench   *station.Station
	ctx     context.Context
	name    string
	reasons []kitchen.Reason
	stage   kitchen.Stage

	width, height int
	help          help.Model
	tickets       viewport.Model

	ready    bool
	paused   string
	items    []station.Item // in the order in which they are shown
	chosen   string         // ticket id
	chosenAt int            // its line in tickets
	recent   []string
	question *question // nil if none is open
}

func newScreen(stage kitchen.Stage, name string, reasons []kitchen.Reason) *screen {
	return &screen{
		height: usualHeight, help: newHelp(), name: name, reasons: reasons, stage: stage, tickets: newTicketView(), width: usualWidth,
	}
}

// Init implements tea.Model.
func (s *screen) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (s *screen) Update(message tea.Msg) (_ tea.Model, command tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = message.Width, message.Height
	case screenFacts:
		s.items, s.ready, s.paused = inOrder(message.items), message.ready, message.paused
		if s.question != nil && !s.stillIsWith(s.question.item) {
			s.question = nil // so that it is seen why
		}
		s.remember(message.recent...)
		s.choose(0)
	case notDone:
		s.remember(fmt.Sprintf("! #%d  %s", message.number, reasonText(message.err)))
	case tea.KeyPressMsg:
		if s.question != nil {
			command = s.pressInQuestion(message)
		} else {
			command = s.press(message)
		}
	case tea.PasteMsg:
		s.edit(message)
	}
	s.layOut()
	return s, command
}

// press does what a key means while no question is open.
func (s *screen) press(message tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(message, keyStart):
		return s.toChosen(s.start)
	case key.Matches(message, keyDone):
		return s.toChosen(s.done)
	case key.Matches(message, keyFail):
		return s.toChosen(s.fail)
	case key.Matches(message, keyPutBack):
		return s.toChosen(s.putBack)
	case key.Matches(message, keyTakeOver):
		return s.toChosen(s.takeOver)
	case key.Matches(message, keyUp):
		s.choose(-1)
	case key.Matches(message, keyDown):
		s.choose(1)
	case key.Matches(message, keyQuit):
		return tea.Quit
	default:
		s.tickets, _ = s.tickets.Update(message)
	}
	return nil
}

// toChosen does something to the chosen ticket, if there is one.
func (s *screen) toChosen(do func(station.Item) tea.Cmd) tea.Cmd {
	if i := s.chosenIndex(); i >= 0 {
		return do(s.items[i])
	}
	return nil
}

// remember shows lines below the tickets.
func (s *screen) remember(lines ...string) {
	s.recent = append(s.recent, lines...)
	s.recent = s.recent[max(0, len(s.recent)-recentShown):]
}

// notDone is why something that the person asked for was not done.
type notDone struct {
	number int
	err    error
}

// call calls the station, which may wait for Kafka, and shows its error.
func (s *screen) call(item station.Item, do func(ctx context.Context) error) tea.Cmd {
	ctx := s.ctx
	return func() tea.Msg {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			return notDone{item.Number, err}
		}
		return nil
	}
}

func (s *screen) start(item station.Item) tea.Cmd {
	return s.call(item, func(ctx context.Context) error { return s.bench.Start(ctx, item.Ticket.TicketID) })
}

func (s *screen) done(item station.Item) tea.Cmd {
	if item.Ticket.Kind == kitchen.TicketUndo && s.isYours(item) {
		s.question = &question{item: item}
		s.askDetails(nil)
		return nil
	}
	return s.call(item, func(ctx context.Context) error { return s.bench.Done(ctx, item.Ticket.TicketID) })
}

func (s *screen) fail(item station.Item) tea.Cmd {
	switch {
	case s.isYours(item):
		s.question = &question{item: item}
		return nil
	case item.State == station.Elsewhere:
		return s.call(item, func(context.Context) error {
			return &station.TakenError{By: item.By, Kind: kitchen.AckStarted, At: item.StartedAt}
		})
	}
	return s.call(item, func(context.Context) error { return station.ErrNotStarted })
}

func (s *screen) putBack(item station.Item) tea.Cmd {
	return s.call(item, func(ctx context.Context) error { return s.bench.Release(ctx, item.Ticket.TicketID) })
}

// takeOver asks first if somebody else has the ticket.
func (s *screen) takeOver(item station.Item) tea.Cmd {
	if item.State == station.Elsewhere && !s.isYours(item) {
		s.question = &question{item: item, takesOver: true}
		return nil
	}
	return s.call(item, func(ctx context.Context) error { return s.bench.TakeOver(ctx, item.Ticket.TicketID) })
}

// isYours reports whether the person has a ticket in hand, here or elsewhere.
func (s *screen) isYours(item station.Item) bool {
	return item.State == station.InHand || item.State == station.Elsewhere && item.By == s.name
}

// View implements tea.Model.
func (s *screen) View() tea.View {
	view := tea.NewView(s.draw())
	view.AltScreen = true
	view.WindowTitle = fmt.Sprintf("Cupcakery: %s station, %s", s.stage, printable(s.name))
	return view
}

// draw returns the screen, as many lines as the terminal has.
func (s *screen) draw() string {
	lines := append(append(s.drawHeader(), s.tickets.View()), s.drawFooter()...)
	return strings.Join(lines, "\n")
}

// layOut fits the tickets between header and footer. What was scrolled to stays
// in sight; if the chosen ticket has moved, that is.
func (s *screen) layOut() {
	s.help.SetWidth(s.width)
	lines, at := s.drawTickets()
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, s.width, "…")
	}
	height := max(1, s.height-len(s.drawHeader())-len(s.drawFooter()))
	moved := at != s.chosenAt || height != s.tickets.Height()
	s.tickets.SetWidth(s.width)
	s.tickets.SetHeight(height)
	s.tickets.SetContentLines(lines)
	if s.chosenAt = at; moved {
		s.tickets.SetYOffset(at - height/3)
	}
}

func (s *screen) drawHeader() []string {
	summary := "waiting for Kafka…"
	if s.ready {
		count := map[station.State]int{}
		for _, item := range s.items {
			count[item.State]++
		}
		summary = fmt.Sprintf("%d waiting · %d in hand", count[station.Waiting], count[station.InHand])
	}
	header := bold.Styled(fmt.Sprintf("%s station · %s", s.stage, printable(s.name))) + "  " + summary
	lines := []string{ansi.Truncate(header, s.width, "…")}
	if s.paused != "" {
		lines = append(lines, ansi.Truncate(loud.Styled(s.paused), s.width, "…"))
	}
	return append(lines, "")
}

// drawFooter returns the open question or what has happened, and the keys.
func (s *screen) drawFooter() []string {
	var lines []string
	if s.question != nil {
		lines = s.drawQuestion()
	} else if len(s.recent) > 0 {
		lines = append([]string{bold.Styled("Just now")}, s.recent...)
	}
	lines = append(lines, "", s.help.ShortHelpView(s.helpKeys()))
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, s.width, "…")
	}
	return lines
}

// The keys of the screen, with their texts in the help line.
var (
	keyStart    = key.NewBinding(key.WithKeys("s"), key.WithHelp("s", "start"))
	keyDone     = key.NewBinding(key.WithKeys("d"), key.WithHelp("d", "done"))
	keyFail     = key.NewBinding(key.WithKeys("f"), key.WithHelp("f", "fail"))
	keyPutBack  = key.NewBinding(key.WithKeys("p"), key.WithHelp("p", "put back"))
	keyTakeOver = key.NewBinding(key.WithKeys("t"), key.WithHelp("t", "take over"))
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
	keyYes    = key.NewBinding(key.WithKeys("enter"), key.WithHelp("enter", "take it over"))
)

// helpKeys are the keys that the help line shows now.
func (s *screen) helpKeys() []key.Binding {
	switch {
	case s.question == nil:
		keys := append(s.ticketKeys(), keyUp, keyQuit)
		if s.tickets.TotalLineCount() > s.tickets.Height() {
			keys = append(keys, keyPageUp)
		}
		return keys
	case s.question.takesOver:
		return []key.Binding{keyBack, keyLeave, keyYes}
	case s.question.fields == nil:
		reason := keyReason
		reason.SetHelp(fmt.Sprintf("1–%d", min(reasonsShown, len(s.reasons))), "choose")
		return []key.Binding{keyBack, keyLeave, reason}
	}
	return []key.Binding{keyBack, keyLeave, keyNext}
}

// ticketKeys are the keys that do something to the chosen ticket.
func (s *screen) ticketKeys() []key.Binding {
	i := s.chosenIndex()
	switch {
	case i < 0:
		return nil
	case s.items[i].State == station.Waiting:
		return []key.Binding{keyStart}
	case s.items[i].State == station.InHand:
		return []key.Binding{keyDone, keyFail, keyPutBack}
	case s.isYours(s.items[i]):
		return []key.Binding{keyStart, keyDone, keyFail, keyPutBack}
	}
	return []key.Binding{keyTakeOver}
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
