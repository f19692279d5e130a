package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

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
	// recentKept is how many of the last events the screen remembers; a low
	// terminal shows fewer.
	recentKept = 5
	// the size of a terminal that does not report its own
	usualWidth, usualHeight = 80, 24
)

// runScreen shows a full screen until the person quits.
func runScreen(cmd *cobra.Command, config station.Config, rules *kitchen.Kitchen, seat *robotSeat) error {
	return showScreen(cmd.Context(), config, rules, seat, cmd.ErrOrStderr(), tea.WithInput(cmd.InOrStdin()), tea.WithOutput(cmd.OutOrStdout()))
}

func showScreen(ctx context.Context, config station.Config, rules *kitchen.Kitchen, seat *robotSeat, errOut io.Writer, options ...tea.ProgramOption) error {
	feed := newScreenFeed(config.Name)
	config.Observe = feed.observe
	config.Logger = slog.New(newNotices(config.Logger.Handler(), feed.note))
	bench, err := station.New(config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(errOut, format+"\n", args...) // nobody may be left to read it
	}
	return workAt(ctx, bench, func(ctx context.Context) error {
		model := newScreen(config.Stage, config.Name, rules)
		model.bench, model.ctx, model.pending = bench, ctx, newPendingAnswers(sendTo(bench))
		// The program's signals are ours: cobra's context ends with them.
		program := tea.NewProgram(model, append(options, tea.WithContext(ctx), tea.WithoutSignalHandler())...)
		feeding, stop := context.WithCancel(ctx)
		var fed sync.WaitGroup
		fed.Go(func() { feed.run(feeding, bench, program) })
		fed.Go(func() { seat.keep(feeding, feed.note) })
		_, err := program.Run()
		stop()
		fed.Wait()
		model.pending.sendAll(func(answer pendingAnswer, err error) {
			say("! %s  %s was not sent: %s", nameOf(answer.item), answer.words(), reasonText(err))
		})
		remindOfWorkInHand(bench, config.Name, say)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("show the station's screen: %w; --plain works without one", err)
		}
		return nil
	})
}

// page is what stands between header and footer.
type page int

const (
	pageList page = iota
	pageTicket
	pageTotals
	pageBatches
	pageHelp
)

// screen is the full screen of a station.
type screen struct {
	bench *station.Station
	ctx   context.Context
	name  string
	rules *kitchen.Kitchen
	stage kitchen.Stage
	clock func() time.Time

	width, height int
	help          help.Model
	page          page
	body          viewport.Model // what the page shows

	ready    bool
	paused   string
	all      []station.Item // in the order in which they are shown
	items    []station.Item // those that the filter lets through
	chosen   string         // ticket id
	chosenAt int            // its line on the list
	recent   []string
	pending  *pendingAnswers
	flavour  string     // the chosen one among the batches
	begun    begunBatch // the last one
	filter   textinput.Model
	typing   bool      // the filter is being typed
	question *question // nil if none is open
}

func newScreen(stage kitchen.Stage, name string, rules *kitchen.Kitchen) *screen {
	filter := newInput("")
	return &screen{
		body: newBody(), clock: time.Now, filter: filter, height: usualHeight, help: newHelp(), name: name,
		pending: newPendingAnswers(sendTo(nil)), rules: rules, stage: stage, width: usualWidth,
	}
}

// clockTick makes ages go on.
type clockTick struct{}

// answersDue makes answers go out that have waited long enough.
type answersDue struct{}

// Init implements tea.Model.
func (s *screen) Init() tea.Cmd { return tick() }

func tick() tea.Cmd { return tea.Tick(time.Second, func(time.Time) tea.Msg { return clockTick{} }) }

// Update implements tea.Model.
func (s *screen) Update(message tea.Msg) (_ tea.Model, command tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = message.Width, message.Height
	case screenFacts:
		s.take(message)
	case clockTick:
		command = tick()
	case answersDue:
		command = s.sendDue()
	case notDone:
		s.remember(fmt.Sprintf("! #%d  %s", message.number, reasonText(message.err)))
	case batchSaid:
		s.takeOutcome(message)
	case tea.KeyPressMsg:
		switch {
		case s.question != nil:
			command = s.pressInQuestion(message)
		case s.typing:
			command = s.pressInFilter(message)
		default:
			command = s.press(message)
		}
	case tea.PasteMsg:
		s.edit(message)
	}
	s.layOut()
	return s, command
}

// take takes in what has become of the station.
func (s *screen) take(facts screenFacts) {
	s.all, s.ready, s.paused = facts.items, facts.ready, facts.paused
	s.pending.drop(func(ticketID string) bool {
		item, here := s.find(ticketID)
		return here && s.isYours(item)
	})
	if s.question != nil && !s.stillIsWith(s.question.item) {
		s.question = nil // so that it is seen why
	}
	s.remember(facts.recent...)
	shown := s.chosen
	s.sort()
	if s.page == pageTicket && s.chosen != shown {
		s.turnTo(pageList) // it has gone; the lines below say where
	}
}

// press does what a key means on a page.
func (s *screen) press(message tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(message, keyQuit):
		return tea.Quit
	case key.Matches(message, keyTakeBack):
		return s.takeBack()
	case key.Matches(message, keyHelp):
		s.turnTo(pageHelp)
	case key.Matches(message, keyTotals):
		s.turnTo(pageTotals)
	case key.Matches(message, keyBatch):
		s.openBatches()
	case s.page != pageList && key.Matches(message, keyClose, keyOpen):
		s.turnTo(pageList)
	case s.page == pageList && key.Matches(message, keyClose):
		s.filter.SetValue("")
		s.sort()
	case s.page == pageHelp || s.page == pageTotals:
		s.scroll(message)
	case s.page == pageBatches:
		return s.pressInBatches(message)
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
	case s.page == pageTicket:
		s.scroll(message)
	case key.Matches(message, keyFilter):
		s.typing = true
	case s.page == pageList && key.Matches(message, keyOpen):
		if s.chosenIndex() >= 0 {
			s.turnTo(pageTicket)
		}
	case key.Matches(message, keyUp):
		s.choose(-1)
	case key.Matches(message, keyDown):
		s.choose(1)
	case key.Matches(message, keyPageUp):
		s.choose(-s.pageful())
	case key.Matches(message, keyPageDown):
		s.choose(s.pageful())
	case key.Matches(message, keyFirst):
		s.choose(-len(s.items))
	case key.Matches(message, keyLast):
		s.choose(len(s.items))
	}
	return nil
}

// turnTo shows a page from its beginning, or the list if it is shown already.
func (s *screen) turnTo(to page) {
	if to == s.page {
		to = pageList
	}
	s.page, s.chosenAt = to, -1
	s.body.SetYOffset(0)
}

// scroll moves through a page that is no list.
func (s *screen) scroll(message tea.KeyPressMsg) {
	switch {
	case key.Matches(message, keyUp):
		s.body.ScrollUp(1)
	case key.Matches(message, keyDown):
		s.body.ScrollDown(1)
	case key.Matches(message, keyPageUp):
		s.body.PageUp()
	case key.Matches(message, keyPageDown):
		s.body.PageDown()
	case key.Matches(message, keyFirst):
		s.body.GotoTop()
	case key.Matches(message, keyLast):
		s.body.GotoBottom()
	}
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
	s.recent = s.recent[max(0, len(s.recent)-recentKept):]
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

// refuse shows why something is not done.
func (s *screen) refuse(item station.Item, err error) tea.Cmd {
	return func() tea.Msg { return notDone{item.Number, err} }
}

// hold keeps an answer for as long as it can be taken back.
func (s *screen) hold(item station.Item, answer kitchen.Ack) tea.Cmd {
	held := pendingAnswer{item: item, answer: answer, until: s.clock().Add(retractableFor)}
	if err := held.check(); err != nil {
		return s.refuse(item, err)
	}
	return s.holdAll(held)
}

// holdAll keeps answers that were given together.
func (s *screen) holdAll(held ...pendingAnswer) tea.Cmd {
	s.pending.add(held...)
	for _, each := range held {
		if each.item.Ticket.TicketID == s.chosen {
			s.chooseNextTo(each.item)
		}
	}
	s.sort()
	return tea.Tick(retractableFor, func(time.Time) tea.Msg { return answersDue{} })
}

// sendDue sends the answers that have waited long enough.
func (s *screen) sendDue() tea.Cmd {
	var commands []tea.Cmd
	for _, answer := range s.pending.due(s.clock()) {
		commands = append(commands, s.call(answer.item, func(context.Context) error { return s.pending.send(answer) }))
	}
	s.sort()
	return tea.Batch(commands...)
}

// takeBack takes back what was done last, if it can be: an answer that has not gone
// out, with its batch, or a batch that was begun just now.
func (s *screen) takeBack() tea.Cmd {
	last, waits := s.pending.last()
	if s.canPutBatchBack() && (!waits || s.begun.until.After(last.until)) {
		return s.putBatchBack()
	}
	if !waits {
		s.remember("! nothing to take back: an answer can be taken back for " + ageText(retractableFor))
		return nil
	}
	taken := s.pending.takeBack(last.item.Ticket.TicketID)
	s.remember(takenBack(taken))
	s.chosen = taken[0].item.Ticket.TicketID
	s.sort()
	return nil
}

func (s *screen) start(item station.Item) tea.Cmd {
	return s.call(item, func(ctx context.Context) error { return s.bench.Start(ctx, item.Ticket.TicketID) })
}

func (s *screen) done(item station.Item) tea.Cmd {
	if err := s.pending.answerable(item, s.name); err != nil {
		return s.refuse(item, err)
	}
	if item.Ticket.Kind == kitchen.TicketUndo {
		s.question = &question{item: item}
		s.askDetails(nil)
		return nil
	}
	return s.hold(item, kitchen.Ack{Kind: kitchen.AckDone})
}

func (s *screen) fail(item station.Item) tea.Cmd {
	if err := s.pending.answerable(item, s.name); err != nil {
		return s.refuse(item, err)
	}
	s.question = &question{item: item}
	return nil
}

func (s *screen) putBack(item station.Item) tea.Cmd {
	if err := s.pending.answerable(item, s.name); err != nil {
		return s.refuse(item, err)
	}
	return s.hold(item, kitchen.Ack{Kind: kitchen.AckReleased})
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
func (s *screen) isYours(item station.Item) bool { return isWith(item, s.name) }

// View implements tea.Model.
func (s *screen) View() tea.View {
	view := tea.NewView(s.draw())
	view.AltScreen = true
	view.WindowTitle = fmt.Sprintf("Cupcakery: %s station, %s", s.stage, printable(s.name))
	return view
}

// draw returns the screen, as many lines as the terminal has.
func (s *screen) draw() string {
	lines := append(s.drawHeader(), strings.Split(s.body.View(), "\n")...)
	return cutTo(s.width, s.height, append(lines, s.drawFooter()...))
}

// cutTo joins lines of which a terminal shows as much as it has room for.
func cutTo(width, height int, lines []string) string {
	lines = lines[:min(len(lines), max(1, height))]
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, width, "…")
	}
	return strings.Join(lines, "\n")
}

// layOut fits the page between header and footer. What was scrolled to stays in
// sight; if the chosen ticket has moved, that is.
func (s *screen) layOut() {
	s.help.SetWidth(s.width)
	height := max(1, s.height-len(s.drawHeader())-len(s.drawFooter()))
	lines, at := s.drawPage(height)
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, s.width, "…")
	}
	moved := (s.page == pageList || s.page == pageBatches) && (at != s.chosenAt || height != s.body.Height())
	s.body.SetWidth(s.width)
	s.body.SetHeight(height)
	s.body.SetContentLines(lines)
	if s.chosenAt = at; moved {
		s.body.SetYOffset(at - height/3)
	}
}

// drawPage returns the page's lines and, if something on it is chosen, the line of
// that.
func (s *screen) drawPage(height int) ([]string, int) {
	switch s.page {
	case pageTicket:
		if i := s.chosenIndex(); i >= 0 {
			return s.drawTicketPage(s.items[i]), -1
		}
	case pageTotals:
		return s.drawTotalsPage(), -1
	case pageBatches:
		return s.drawBatchesPage()
	case pageHelp:
		return s.drawHelpPage(), -1
	}
	return s.drawTickets(height)
}

func (s *screen) drawHeader() []string {
	count := "waiting for Kafka…"
	if s.ready {
		count = summary(s.all, s.name)
	}
	lines := []string{bold.Styled(fmt.Sprintf("%s station · %s", s.stage, printable(s.name))) + "  " + count}
	if s.paused != "" {
		lines = append(lines, loud.Styled(s.paused))
	}
	if totals := s.countPieces(); len(totals) > 0 && s.height >= usualHeight {
		lines = append(lines, "To make: "+s.totalsLine(totals))
	}
	if filtered := s.filter.Value() != ""; s.typing || filtered {
		lines = append(lines, s.drawFilter())
	}
	return append(lines, "")
}

// drawFooter returns the open question or what has happened, and the keys.
func (s *screen) drawFooter() []string {
	var lines []string
	if s.question != nil {
		lines = s.drawQuestion()
	} else if most := min(recentKept, max(2, s.height/5)); len(s.recent) > 0 {
		var recent []string
		for _, line := range s.recent {
			recent = append(recent, strings.Split(ansi.Wrap(line, max(20, s.width), ""), "\n")...)
		}
		lines = append([]string{bold.Styled("Just now")}, recent[max(0, len(recent)-most):]...)
	}
	return append(lines, "", s.help.ShortHelpView(s.helpKeys()))
}

func newHelp() help.Model {
	h := help.New()
	h.ShortSeparator = " · "
	faint := lipgloss.NewStyle().Faint(true)
	h.Styles.Ellipsis, h.Styles.ShortKey, h.Styles.ShortDesc, h.Styles.ShortSeparator = faint, faint, faint, faint
	return h
}

// newBody returns the part of the screen that scrolls, by the screen's own keys.
func newBody() viewport.Model {
	view := viewport.New()
	view.KeyMap = viewport.KeyMap{}
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
