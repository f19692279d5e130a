package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// drawTicketPage is all that is known of a ticket.
func (s *screen) drawTicketPage(item station.Item) []string {
	now := s.clock()
	lines := []string{bold.Styled(title(item))}
	for _, d := range details(item) {
		lines = append(lines, s.wrap(d, 2)...)
	}
	facts := []string{fmt.Sprintf("in the queue for %s, since %s", s.rowAge(item), timeOfDay(item.Ticket.QueuedSince()))}
	if due := item.Ticket.Due(); !due.IsZero() {
		facts = append(facts, "due at "+dueText(due, now))
	}
	if item.Ticket.Attempt > 1 {
		facts = append(facts, fmt.Sprintf("issued %d times", item.Ticket.Attempt))
	}
	if held, pending := s.pending.find(item.Ticket.TicketID); pending {
		facts = append(facts, held.words()+": goes out in a moment, u takes "+held.withBatch()+" back")
	} else {
		facts = append(facts, standing(item, s.name))
	}
	lines = append(lines, "")
	for _, fact := range facts {
		lines = append(lines, s.wrap(detail{text: fact}, 2)...)
	}
	return lines
}

// flavourCount is how many pieces of a flavour are to be made.
type flavourCount struct {
	flavour string
	pieces  int
	sizes   map[kitchen.Size]int
}

// countPieces counts what is to be made by all tickets at this station, the most
// first. What somebody has just finished is left out, and so is what is to be
// undone.
func (s *screen) countPieces() []flavourCount {
	counts := map[string]*flavourCount{}
	for _, item := range s.all {
		held, pending := s.pending.find(item.Ticket.TicketID)
		if item.Ticket.Kind == kitchen.TicketUndo || item.Answering || pending && held.answer.Kind != kitchen.AckReleased {
			continue
		}
		for _, line := range item.Ticket.Lines {
			of := counts[line.Flavour]
			if of == nil {
				of = &flavourCount{flavour: line.Flavour, sizes: map[kitchen.Size]int{}}
				counts[line.Flavour] = of
			}
			of.pieces += line.Quantity
			of.sizes[line.Size] += line.Quantity
		}
	}
	var sorted []flavourCount
	for _, of := range counts {
		sorted = append(sorted, *of)
	}
	slices.SortFunc(sorted, func(a, b flavourCount) int {
		return cmp.Or(cmp.Compare(b.pieces, a.pieces), cmp.Compare(a.flavour, b.flavour))
	})
	return sorted
}

// sizesWords tell how many of each size, the smallest first.
func (f flavourCount) sizesWords() string {
	var words []string
	for _, size := range kitchen.Sizes() {
		if n := f.sizes[size]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, size))
		}
	}
	return strings.Join(words, ", ")
}

// batter is what the counted pieces weigh; empty where no batter is made, or if the
// kitchen file does not tell the weight of one of their sizes.
func (s *screen) batter(counts []flavourCount) string {
	if s.stage != kitchen.Stages()[0] {
		return ""
	}
	weights := map[kitchen.Size]int{}
	for _, size := range s.rules.Menu.Sizes {
		weights[size.Code] = size.Grams
	}
	grams := 0
	for _, of := range counts {
		for size, n := range of.sizes {
			if weights[size] == 0 {
				return ""
			}
			grams += n * weights[size]
		}
	}
	if grams < 1000 {
		return fmt.Sprintf("%d g of batter", grams)
	}
	return fmt.Sprintf("%.1f kg of batter", float64(grams)/1000)
}

func piecesIn(counts []flavourCount) int {
	pieces := 0
	for _, of := range counts {
		pieces += of.pieces
	}
	return pieces
}

// totalsLine is what is to be made in all, in one line.
func (s *screen) totalsLine(counts []flavourCount) string {
	words := []string{count(piecesIn(counts), "piece")}
	if batter := s.batter(counts); batter != "" {
		words = append(words, batter)
	}
	for _, of := range counts {
		words = append(words, fmt.Sprintf("%d %s", of.pieces, printable(of.flavour)))
	}
	return strings.Join(words, " · ")
}

func (s *screen) drawTotalsPage() []string {
	counts := s.countPieces()
	if len(counts) == 0 {
		return []string{"Nothing is to be made by the tickets at this station."}
	}
	lines := []string{bold.Styled("To make, by the tickets at this station"), ""}
	widest, sizes := len("all"), map[kitchen.Size]int{}
	for _, of := range counts {
		widest = max(widest, ansi.StringWidth(printable(of.flavour)))
		for size, n := range of.sizes {
			sizes[size] += n
		}
	}
	all := flavourCount{pieces: piecesIn(counts), sizes: sizes}
	row := func(name string, of flavourCount) string {
		return fmt.Sprintf("  %s  %6d  %s", pad(printable(name), widest), of.pieces, of.sizesWords())
	}
	for _, of := range counts {
		lines = append(lines, row(of.flavour, of))
	}
	lines = append(lines, bold.Styled(row("all", all)))
	if batter := s.batter(counts); batter != "" {
		lines = append(lines, "", "  "+batter)
	}
	return lines
}

// looksExplained are the colours of the list, each with the block or the word that
// says the same without colours.
func looksExplained() []string {
	return []string{
		"  " + lookAllergy.Styled("! NUTS") + "  an allergy: of a customer, at every one of their tickets",
		"  " + lookRush.Styled("RUSH") + "    goes before others; the details say why",
		"  " + lookUndo.Styled("UNDO") + "    work that was cancelled: say what became of it",
		"  " + lookSoon.Styled("12m") + "     it is due soon, or has waited long",
		"  " + lookLate.Styled("40m") + "     late: it is due, or has waited too long",
	}
}

func (s *screen) drawHelpPage() []string {
	lines := []string{bold.Styled("Keys")}
	for _, each := range explained {
		if s.hasNoBatches() && each.key.Help() == keyBatch.Help() {
			continue
		}
		for i, words := range s.wrap(detail{text: each.words}, 14) {
			if i == 0 {
				words = "  " + pad(each.key.Help().Key, 10) + "  " + strings.TrimLeft(words, " ")
			}
			lines = append(lines, words)
		}
	}
	lines = append(append(lines, "", bold.Styled("What the list shows")), looksExplained()...)
	lines = append(lines, "", bold.Styled("Cancelled work"))
	return append(lines, strings.Split(strings.TrimSpace(cancelledHelp), "\n")...)
}
