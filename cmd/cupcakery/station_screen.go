package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

const (
	// recentShown is how many of the last happenings the screen shows.
	recentShown = 5
	// the size of a terminal that does not tell its own
	usualWidth, usualHeight = 80, 24
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
		model := &screen{bench: bench, ctx: ctx, height: usualHeight, name: config.Name, reasons: reasons, stage: config.Stage, width: usualWidth}
		// The program's signals are ours: cobra's context ends with them.
		program := tea.NewProgram(model, append(options, tea.WithContext(ctx), tea.WithoutSignalHandler())...)
		feeding, stop := context.WithCancel(ctx)
		var fed sync.WaitGroup
		fed.Go(func() { feed.run(feeding, bench, program) })
		_, err := program.Run()
		stop()
		fed.Wait()
		printer := newTicketPrinter(io.Discard, errOut, config.Name)
		(&plain{bench: bench, screen: printer}).sayGoodbye(config.Name)
		printer.close()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("show the station's screen: %w; --plain works without one", err)
		}
		return nil
	})
}

// screenFeed brings what happens at the station to the screen. The station
// must never wait for the screen, which itself calls the station.
type screenFeed struct {
	name string
	wake chan struct{}

	mu   sync.Mutex
	news []string
}

func newScreenFeed(name string) *screenFeed {
	return &screenFeed{name: name, wake: make(chan struct{}, 1)}
}

func (f *screenFeed) observe(e station.Event) {
	text := news(e, f.name)
	switch {
	case e.Kind == station.Unsent:
		text = "! " + text
	case isStop(e, f.name):
		text = loud.Styled(text)
	}
	f.note(text)
}

func (f *screenFeed) note(text string) {
	if text != "" {
		f.mu.Lock()
		// What nobody can have read by the time it is shown is left out.
		f.news = append(f.news, text)
		f.news = f.news[max(0, len(f.news)-recentShown):]
		f.mu.Unlock()
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// screenFacts are what the screen is told.
type screenFacts struct {
	items []station.Item
	news  []string
	ready bool
}

func (f *screenFeed) run(ctx context.Context, bench *station.Station, program *tea.Program) {
	facts := screenFacts{}
	ready := bench.Ready()
	for {
		changed := bench.Changed()
		f.mu.Lock()
		facts.news, f.news = f.news, nil
		f.mu.Unlock()
		facts.items = bench.Tickets()
		program.Send(facts)
		select {
		case <-ctx.Done():
			return
		case <-ready:
			facts.ready = true
			ready = nil
		case <-changed:
		case <-f.wake:
		}
	}
}

// notDone is why something that the person asked for was not done.
type notDone struct {
	number int
	err    error
}

// question is what the person is asked before a word is said about a ticket.
type question struct {
	item   station.Item
	reason *kitchen.Reason // nil while it is chosen, or for an UNDO ticket
	fields []*field
	at     int // the field that is filled in
}

// field is one line of a question.
type field struct {
	label string
	text  string
}

// screen is the full screen of a station.
type screen struct {
	bench   *station.Station
	ctx     context.Context
	name    string
	reasons []kitchen.Reason
	stage   kitchen.Stage

	width, height int
	ready         bool
	items         []station.Item
	chosen        string // ticket id
	recent        []string
	asked         *question
}

// binding is a key and what it does. The help line is made of these.
type binding struct {
	keys []string
	help string
	do   func() tea.Cmd
}

// bindings are the keys that do something now.
func (s *screen) bindings() []binding {
	if s.asked != nil {
		return s.questionBindings()
	}
	return []binding{
		{[]string{"s"}, "s start", s.start},
		{[]string{"d"}, "d done", s.done},
		{[]string{"f"}, "f fail", s.fail},
		{[]string{"up", "k"}, "↑↓ choose", func() tea.Cmd { return s.move(-1) }},
		{[]string{"down", "j"}, "", func() tea.Cmd { return s.move(1) }},
		{[]string{"q", "ctrl+c", "ctrl+d"}, "q quit", func() tea.Cmd { return tea.Quit }},
	}
}

func (s *screen) questionBindings() []binding {
	bindings := []binding{
		{[]string{"esc"}, "esc back", func() tea.Cmd { s.asked = nil; return nil }},
		{[]string{"ctrl+c"}, "ctrl+c quit", func() tea.Cmd { return tea.Quit }},
	}
	if s.asked.fields == nil {
		for i := range s.reasons[:min(9, len(s.reasons))] {
			bindings = append(bindings, binding{[]string{strconv.Itoa(i + 1)}, "", func() tea.Cmd { return s.askDetails(&s.reasons[i]) }})
		}
		return bindings
	}
	return append(bindings,
		binding{[]string{"enter"}, "enter next", s.next},
		binding{[]string{"backspace"}, "", s.erase},
	)
}

// Init implements tea.Model.
func (s *screen) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (s *screen) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = message.Width, message.Height
	case screenFacts:
		s.items, s.ready = message.items, message.ready
		if s.asked != nil && !s.inHand(s.asked.item) {
			s.asked = nil // so that it is seen why
		}
		s.remember(message.news...)
		if s.index() < 0 {
			s.move(0)
		}
	case notDone:
		s.remember(fmt.Sprintf("! #%d  %s", message.number, reasonText(message.err)))
	case tea.KeyPressMsg:
		for _, binding := range s.bindings() {
			for _, key := range binding.keys {
				if message.String() == key {
					return s, binding.do()
				}
			}
		}
		if s.asked != nil && s.asked.fields != nil && message.Text != "" {
			s.asked.fields[s.asked.at].text += message.Text
		}
	case tea.PasteMsg:
		if s.asked != nil && s.asked.fields != nil {
			s.asked.fields[s.asked.at].text += message.Content
		}
	}
	return s, nil
}

func (s *screen) remember(news ...string) {
	s.recent = append(s.recent, news...)
	s.recent = s.recent[max(0, len(s.recent)-recentShown):]
}

// index is where the chosen ticket is in the list, or −1.
func (s *screen) index() int {
	for i, item := range s.items {
		if item.Ticket.TicketID == s.chosen {
			return i
		}
	}
	return -1
}

// inHand reports whether a ticket is still in hand here.
func (s *screen) inHand(item station.Item) bool {
	return slices.ContainsFunc(s.items, func(here station.Item) bool {
		return here.Ticket.TicketID == item.Ticket.TicketID && here.State == station.InHand
	})
}

// move chooses another ticket. One that is gone gives way to the first.
func (s *screen) move(by int) tea.Cmd {
	if len(s.items) == 0 {
		s.chosen = ""
		return nil
	}
	order := s.order()
	at := 0
	for i, item := range order {
		if item.Ticket.TicketID == s.chosen {
			at = min(max(i+by, 0), len(order)-1)
		}
	}
	s.chosen = order[at].Ticket.TicketID
	return nil
}

// The sections of the list, in their order.
const (
	sectionUndo      = "To undo"
	sectionInHand    = "In hand"
	sectionWaiting   = "Waiting"
	sectionElsewhere = "With others"
)

// section is where a ticket is shown.
func section(item station.Item) string {
	switch {
	case item.State == station.InHand:
		return sectionInHand
	case item.State == station.Elsewhere:
		return sectionElsewhere
	case item.Ticket.Kind == kitchen.TicketUndo:
		return sectionUndo
	}
	return sectionWaiting
}

// order is the items as they are shown: what waits to be undone first, then
// what is in hand.
func (s *screen) order() []station.Item {
	var order []station.Item
	for _, title := range []string{sectionUndo, sectionInHand, sectionWaiting, sectionElsewhere} {
		for _, item := range undoFirst(s.items) {
			if section(item) == title {
				order = append(order, item)
			}
		}
	}
	return order
}

// choice is the chosen ticket.
func (s *screen) choice() (station.Item, bool) {
	if i := s.index(); i >= 0 {
		return s.items[i], true
	}
	return station.Item{}, false
}

// say does something that may take its time, and tells why if it cannot.
func (s *screen) say(item station.Item, do func(ctx context.Context) error) tea.Cmd {
	ctx := s.ctx
	return func() tea.Msg {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			return notDone{item.Number, err}
		}
		return nil
	}
}

func (s *screen) start() tea.Cmd {
	item, ok := s.choice()
	if !ok {
		return nil
	}
	return s.say(item, func(ctx context.Context) error { return s.bench.Start(ctx, item.Ticket.TicketID) })
}

func (s *screen) done() tea.Cmd {
	item, ok := s.choice()
	switch {
	case !ok:
		return nil
	case item.Ticket.Kind == kitchen.TicketUndo && item.State == station.InHand:
		s.asked = &question{item: item}
		return s.askDetails(nil)
	}
	return s.say(item, func(ctx context.Context) error { return s.bench.Done(ctx, item.Ticket.TicketID) })
}

func (s *screen) fail() tea.Cmd {
	item, ok := s.choice()
	switch {
	case !ok:
		return nil
	case item.State != station.InHand:
		return s.say(item, func(context.Context) error { return station.ErrNotStarted })
	}
	s.asked = &question{item: item}
	return nil
}

// askDetails asks what goes with a reason, or with an undo if there is none.
func (s *screen) askDetails(reason *kitchen.Reason) tea.Cmd {
	scrapped := s.asked.item.ToScrap()
	if reason != nil {
		scrapped = scrappedBy(*reason, s.asked.item)
	}
	s.asked.reason = reason
	s.asked.fields = []*field{{"pieces thrown away", strconv.Itoa(scrapped)}, {"note", ""}}
	return nil
}

func (s *screen) erase() tea.Cmd {
	text := []rune(s.asked.fields[s.asked.at].text)
	s.asked.fields[s.asked.at].text = string(text[:max(0, len(text)-1)])
	return nil
}

// next goes to the next field, and says the word after the last.
func (s *screen) next() tea.Cmd {
	asked := s.asked
	scrapped, err := strconv.Atoi(strings.TrimSpace(asked.fields[0].text))
	if err != nil || scrapped < 0 {
		s.remember("! pieces thrown away: give a number")
		asked.at = 0
		return nil
	}
	if asked.at++; asked.at < len(asked.fields) {
		return nil
	}
	s.asked = nil
	ticketID, note := asked.item.Ticket.TicketID, strings.TrimSpace(asked.fields[1].text)
	return s.say(asked.item, func(ctx context.Context) error {
		if asked.reason == nil {
			return s.bench.Undone(ctx, ticketID, scrapped, note)
		}
		return s.bench.Fail(ctx, ticketID, asked.reason.Code, note, scrapped)
	})
}

// View implements tea.Model.
func (s *screen) View() tea.View {
	view := tea.NewView(s.draw())
	view.AltScreen = true
	view.WindowTitle = fmt.Sprintf("Cupcakery: %s station, %s", s.stage, printable(s.name))
	return view
}

var (
	loud  = ansi.Style{}.Bold().Reverse(true)
	bold  = ansi.Style{}.Bold()
	faint = ansi.Style{}.Faint()
)

// draw returns the screen, as many lines as the terminal has.
func (s *screen) draw() string {
	header := []string{bold.Styled(fmt.Sprintf("%s station · %s", s.stage, printable(s.name))) + "  " + s.summary(), ""}
	var footer []string
	if s.asked != nil {
		footer = append(footer, s.drawQuestion()...)
	} else if len(s.recent) > 0 {
		footer = append(append(footer, bold.Styled("Just now")), s.recent...)
	}
	var keys []string
	for _, binding := range s.bindings() {
		if binding.help != "" {
			keys = append(keys, binding.help)
		}
	}
	footer = append(footer, "", faint.Styled(strings.Join(keys, " · ")))
	body, at := s.drawTickets()
	room := max(1, s.height-len(header)-len(footer))
	if len(body) > room { // keep the chosen ticket in sight
		from := min(max(0, at-room/3), len(body)-room)
		body = body[from : from+room]
	}
	for len(body) < room {
		body = append(body, "")
	}
	lines := append(append(header, body...), footer...)
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, s.width, "…")
	}
	return strings.Join(lines, "\n")
}

func (s *screen) summary() string {
	if !s.ready {
		return "waiting for Kafka…"
	}
	count := map[station.State]int{}
	for _, item := range s.items {
		count[item.State]++
	}
	return fmt.Sprintf("%d waiting · %d in hand", count[station.Waiting], count[station.InHand])
}

// drawTickets returns the list, and where the chosen ticket is in it.
func (s *screen) drawTickets() (lines []string, at int) {
	last := ""
	for _, item := range s.order() {
		if title := section(item); title != last {
			last = title
			lines = append(lines, bold.Styled(title))
		}
		mark := "  "
		chosen := item.Ticket.TicketID == s.chosen
		if chosen {
			mark = "▸ "
			at = len(lines)
		}
		lines = append(lines, mark+s.drawTitle(item))
		if !chosen && last != sectionInHand && last != sectionUndo {
			continue
		}
		urgent := 0 // how many of the details are
		if len(item.Ticket.Allergies) > 0 {
			urgent++
		}
		if item.Ticket.Kind == kitchen.TicketUndo {
			urgent++
		}
		for i, detail := range details(item) {
			for wrapped := range strings.SplitSeq(ansi.Wrap(detail, max(20, s.width-6), ""), "\n") {
				if i < urgent {
					wrapped = loud.Styled(wrapped)
				}
				lines = append(lines, "      "+wrapped)
			}
		}
	}
	if len(lines) == 0 && s.ready {
		lines = append(lines, "Nothing to do. Tickets come by themselves.")
	}
	return lines, at
}

func (s *screen) drawTitle(item station.Item) string {
	text := title(item)
	if len(item.Ticket.Allergies) > 0 {
		text = loud.Styled("!") + " " + text
	}
	switch {
	case item.Answering:
		text += "  (your answer is on its way)"
	case item.State == station.Elsewhere && item.By == s.name:
		text += "  (yours, from before or elsewhere: s takes it up here)"
	case item.State == station.Elsewhere:
		text += "  (" + printable(item.By) + ")"
	}
	return text
}

func (s *screen) drawQuestion() []string {
	who := fmt.Sprintf("#%d  %s", s.asked.item.Number, printable(s.asked.item.Ticket.PickupCode))
	if s.asked.fields == nil {
		question := ": what went wrong?"
		if s.asked.item.Ticket.Kind == kitchen.TicketUndo {
			question = ": why can it not be undone? A manager is asked."
		}
		lines := []string{bold.Styled(who + question)}
		for i, reason := range s.reasons[:min(9, len(s.reasons))] {
			lines = append(lines, fmt.Sprintf("  %d  %s", i+1, printable(reason.Label)))
		}
		return lines
	}
	heading := who + ": undone"
	if s.asked.reason != nil {
		heading = who + ": " + printable(s.asked.reason.Label)
	}
	lines := []string{bold.Styled(heading)}
	for i, field := range s.asked.fields {
		cursor := ""
		if i == s.asked.at {
			cursor = "█"
		}
		lines = append(lines, fmt.Sprintf("  %s: %s%s", field.label, printable(field.text), cursor))
	}
	return lines
}
