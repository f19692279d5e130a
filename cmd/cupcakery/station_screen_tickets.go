package main

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

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

// inOrder sorts tickets, which come in the order of the work, into the sections in
// which they are shown.
func inOrder(items []station.Item) []station.Item {
	var sorted []station.Item
	for _, title := range []string{sectionUndo, sectionInHand, sectionWaiting, sectionElsewhere} {
		for _, item := range items {
			if section(item) == title {
				sorted = append(sorted, item)
			}
		}
	}
	return sorted
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

// stillIsWith reports whether a ticket still is with whom it was.
func (s *screen) stillIsWith(item station.Item) bool {
	return slices.ContainsFunc(s.items, func(here station.Item) bool {
		return here.Ticket.TicketID == item.Ticket.TicketID && here.By == item.By
	})
}

// drawTickets returns the list, and the line of the chosen ticket. It is drawn
// by us: a table's rows and a list's items all have one height, and these have
// as many lines as there is to know.
func (s *screen) drawTickets() (lines []string, at int) {
	last := ""
	for _, item := range s.items {
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
		if chosen || last == sectionInHand || last == sectionUndo {
			lines = append(lines, s.drawDetails(item)...)
		}
	}
	if len(lines) == 0 && s.ready {
		lines = append(lines, "Nothing to do. Tickets come by themselves.")
	}
	return lines, at
}

func (s *screen) drawTitle(item station.Item) string {
	text := title(item)
	if item.Rush != "" {
		text += "  RUSH"
	}
	if len(item.Ticket.Allergies) > 0 {
		text = loud.Styled("!") + " " + text
	}
	switch {
	case item.Answering:
		text += "  (your answer is on its way)"
	case item.State == station.Elsewhere && item.By == s.name:
		text += "  (yours, from before or elsewhere)"
	case item.Silent:
		text += "  (" + printable(item.By) + ", last heard of at " + timeOfDay(item.HeardAt) + ")"
	case item.State == station.Elsewhere:
		text += "  (" + printable(item.By) + ")"
	}
	return text
}

func (s *screen) drawDetails(item station.Item) []string {
	urgent := 0 // how many of the details are
	if len(item.Ticket.Allergies) > 0 {
		urgent++
	}
	if item.Rush != "" {
		urgent++
	}
	if item.Ticket.Kind == kitchen.TicketUndo {
		urgent++
	}
	var lines []string
	for i, detail := range details(item) {
		for line := range strings.SplitSeq(ansi.Wrap(detail, max(20, s.width-6), ""), "\n") {
			if i < urgent {
				line = loud.Styled(line)
			}
			lines = append(lines, "      "+line)
		}
	}
	return lines
}
