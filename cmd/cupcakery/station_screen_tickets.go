package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// The sections of the list, in their order.
const (
	sectionUndo      = "To undo"
	sectionInHand    = "In hand"
	sectionPending   = "Going out"
	sectionWaiting   = "Waiting"
	sectionElsewhere = "With others"
)

// section is where a ticket is shown to the person called name.
func section(item station.Item, name string) string {
	switch {
	case isWith(item, name):
		return sectionInHand
	case item.State == station.Elsewhere:
		return sectionElsewhere
	case item.Ticket.Kind == kitchen.TicketUndo:
		return sectionUndo
	}
	return sectionWaiting
}

// inOrder sorts tickets, which come in the order of the work, into the sections in
// which they are shown.
func inOrder(items []station.Item, sectionOf func(station.Item) string) []station.Item {
	order := []string{sectionUndo, sectionInHand, sectionPending, sectionWaiting, sectionElsewhere}
	return slices.SortedStableFunc(slices.Values(items), func(a, b station.Item) int {
		return cmp.Compare(slices.Index(order, sectionOf(a)), slices.Index(order, sectionOf(b)))
	})
}

// section is where the screen shows a ticket.
func (s *screen) section(item station.Item) string {
	if s.isPending(item) {
		return sectionPending
	}
	return section(item, s.name)
}

// sort puts the tickets in their order and leaves out those that the filter does
// not let through.
func (s *screen) sort() {
	s.all = inOrder(s.all, s.section)
	s.items = s.all
	if words := strings.Fields(strings.ToLower(s.filter.Value())); len(words) > 0 {
		s.items = slices.DeleteFunc(slices.Clone(s.all), func(item station.Item) bool { return !hasWords(item, words) })
	}
	s.choose(0)
}

// hasWords reports whether all words occur in what people read of a ticket.
func hasWords(item station.Item, words []string) bool {
	text := []string{fmt.Sprintf("#%d", item.Number), title(item), item.By, contents(item.Ticket)}
	for _, detail := range details(item) {
		text = append(text, detail.text)
	}
	all := strings.ToLower(strings.Join(text, "\n"))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(all, word) })
}

func (s *screen) isPending(item station.Item) bool {
	_, held := s.pending.find(item.Ticket.TicketID)
	return held
}

func (s *screen) find(ticketID string) (station.Item, bool) {
	i := slices.IndexFunc(s.all, func(item station.Item) bool { return item.Ticket.TicketID == ticketID })
	if i < 0 {
		return station.Item{}, false
	}
	return s.all[i], true
}

// chosenIndex is where the chosen ticket is in the list, or −1.
func (s *screen) chosenIndex() int {
	return slices.IndexFunc(s.items, func(item station.Item) bool { return item.Ticket.TicketID == s.chosen })
}

// choose moves the choice by some tickets. If the chosen one is not here any
// more, the first is chosen.
func (s *screen) choose(by int) {
	s.chosen, by = "", max(s.chosenIndex(), 0)+by
	if len(s.items) > 0 {
		s.chosen = s.items[min(max(by, 0), len(s.items)-1)].Ticket.TicketID
	}
}

// chooseNextTo chooses what comes after a ticket that was just answered, or before.
func (s *screen) chooseNextTo(item station.Item) {
	at := slices.IndexFunc(s.items, func(here station.Item) bool { return here.Ticket.TicketID == item.Ticket.TicketID })
	for _, next := range slices.Concat(s.items[at+1:], s.items[:max(at, 0)]) {
		if !s.isPending(next) {
			s.chosen = next.Ticket.TicketID
			return
		}
	}
}

// pageful is how many tickets a page up or down passes over.
func (s *screen) pageful() int { return max(1, s.body.Height()-1) }

// stillIsWith reports whether a ticket still is with whom it was.
func (s *screen) stillIsWith(item station.Item) bool {
	here, found := s.find(item.Ticket.TicketID)
	return found && here.By == item.By
}

// pressInFilter does what a key means while the filter is typed.
func (s *screen) pressInFilter(message tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(message, keyLeave):
		return tea.Quit
	case key.Matches(message, keyClear):
		s.typing = false
		s.filter.SetValue("")
	case key.Matches(message, keyKeep):
		s.typing = false
	default:
		s.edit(message)
	}
	s.sort()
	return nil
}

func (s *screen) drawFilter() string {
	line := (&field{label: "/", input: s.filter}).draw(s.width-12, s.typing)
	return line + "  " + faint.Styled(fmt.Sprintf("%d of %d", len(s.items), len(s.all)))
}

// drawTickets returns the list, and the line of the chosen ticket. It is drawn
// by us: a table's rows and a list's items all have one height, and these have
// as many lines as there is to know.
func (s *screen) drawTickets(height int) (lines []string, at int) {
	last := ""
	columns := s.columns()
	for _, item := range s.items {
		if title := s.section(item); title != last {
			last = title
			lines = append(lines, bold.Styled(title))
		}
		mark := "  "
		chosen := item.Ticket.TicketID == s.chosen
		if chosen {
			mark = "▸ "
			at = len(lines)
		}
		row := mark + s.drawRow(item, columns)
		if chosen || last == sectionInHand || last == sectionUndo {
			lines = append(append(lines, row), s.drawDetails(item, max(3, height/3))...)
		} else {
			lines = append(lines, row+"  "+contents(item.Ticket))
		}
	}
	switch {
	case len(lines) > 0 || !s.ready:
	case len(s.all) > 0:
		lines = append(lines, "No ticket has these words; esc shows all.")
	default:
		lines = append(lines, "Nothing to do. Tickets come by themselves.")
	}
	return lines, at
}

// columns are the widths of what all rows have.
type columns struct{ number, code, due, age, pieces int }

func (s *screen) columns() columns {
	var c columns
	for _, item := range s.items {
		c.number = max(c.number, len(rowNumber(item)))
		c.code = max(c.code, ansi.StringWidth(printable(item.Ticket.PickupCode)))
		c.due = max(c.due, len(rowDue(item, s.clock())))
		c.age = max(c.age, len(s.rowAge(item)))
		c.pieces = max(c.pieces, len(rowPieces(item)))
	}
	return c
}

func rowNumber(item station.Item) string { return fmt.Sprintf("#%d", item.Number) }

func rowPieces(item station.Item) string { return fmt.Sprintf("%d pcs", item.Ticket.Pieces()) }

func rowDue(item station.Item, now time.Time) string {
	due := item.Ticket.Due()
	if due.IsZero() {
		return ""
	}
	return "due " + dueText(due, now)
}

func (s *screen) rowAge(item station.Item) string {
	return ageText(s.clock().Sub(item.Ticket.QueuedSince()))
}

// drawRow is a ticket in one line: what it is called by, how long it has waited and
// until when, what must not be missed, and who has it.
func (s *screen) drawRow(item station.Item, c columns) string {
	now := s.clock()
	look := s.urgency(item, now)
	words := []string{
		fmt.Sprintf("%-*s", c.number, rowNumber(item)),
		bold.Styled(pad(printable(item.Ticket.PickupCode), c.code)),
		look.Styled(fmt.Sprintf("%*s", c.age, s.rowAge(item))),
	}
	if c.due > 0 {
		words = append(words, look.Styled(fmt.Sprintf("%-*s", c.due, rowDue(item, now))))
	}
	words = append(words, fmt.Sprintf("%*s", c.pieces, rowPieces(item)))
	if item.Ticket.Kind == kitchen.TicketUndo {
		words = append(words, lookUndo.Styled("UNDO"))
	}
	if text := allergies(item.Ticket); text != "" {
		words = append(words, lookAllergy.Styled("! "+text))
	}
	if item.Rush != "" {
		words = append(words, lookRush.Styled("RUSH"))
	}
	if text := s.whereabouts(item, now); text != "" {
		words = append(words, text)
	}
	if item.Ticket.Pass > 1 {
		words = append(words, lookSoon.Styled(fmt.Sprintf("pass %d", item.Ticket.Pass)))
	}
	return strings.Join(words, "  ")
}

// whereabouts tells who has a ticket, or what is on its way.
func (s *screen) whereabouts(item station.Item, now time.Time) string {
	held, pending := s.pending.find(item.Ticket.TicketID)
	switch {
	case pending:
		seconds := max(0, held.until.Sub(now)+time.Second-1)
		return lookGood.Styled(fmt.Sprintf("%s, u takes %s back (%s)", held.words(), held.withBatch(), ageText(seconds)))
	case item.Answering:
		return lookBusy.Styled("(your answer is on its way)")
	case item.State == station.InHand:
		return lookBusy.Styled("(since " + ageText(now.Sub(item.StartedAt)) + ")")
	case item.State == station.Elsewhere && item.By == s.name:
		return lookBusy.Styled("(yours, from before or elsewhere)")
	case item.Silent:
		return lookSoon.Styled("(" + printable(item.By) + ", last heard of at " + timeOfDay(item.HeardAt) + ")")
	case item.State == station.Elsewhere:
		return "(" + printable(item.By) + ")"
	}
	return ""
}

// urgency is the look of a ticket's times, by the rule of all boards.
func (s *screen) urgency(item station.Item, now time.Time) ansi.Style {
	switch s.rules.UrgencyOf(s.stage, item.Ticket.Due(), item.Ticket.QueuedSince(), now) {
	case kitchen.UrgencyLate:
		return lookLate
	case kitchen.UrgencySoon:
		return lookSoon
	}
	return nil
}

// contents is what a ticket asks for, in one line.
func contents(ticket kitchen.Ticket) string {
	var lines []string
	for _, line := range ticket.Lines {
		text := fmt.Sprintf("%d %s %s", line.Quantity, printable(line.Flavour), printable(string(line.Size)))
		if line.Message != "" {
			text += ` "` + printable(line.Message) + `"`
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, " · ")
}

// pad fills text with spaces up to a width in columns.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}

// drawDetails are the lines below a ticket's row; what must not be missed comes
// first and is never cut off.
func (s *screen) drawDetails(item station.Item, most int) []string {
	var lines []string
	urgent := 0
	for _, detail := range details(item) {
		wrapped := s.wrap(detail, 6)
		lines = append(lines, wrapped...)
		if detail.look != nil && urgent+len(wrapped) == len(lines) {
			urgent = len(lines)
		}
	}
	if most = max(most, urgent+1); len(lines) > most {
		lines = append(lines[:most-1], "      "+faint.Styled(fmt.Sprintf("… %s more: enter", count(len(lines)-most+1, "line"))))
	}
	return lines
}

// wrap breaks a detail into lines that fit, after some spaces.
func (s *screen) wrap(d detail, indent int) []string {
	var lines []string
	for line := range strings.SplitSeq(ansi.Wrap(d.text, max(20, s.width-indent), ""), "\n") {
		lines = append(lines, strings.Repeat(" ", indent)+d.look.Styled(line))
	}
	return lines
}
