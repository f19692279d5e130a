package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// begunBatch are tickets that were begun together, which are put back together while
// that can be a slip of the finger.
type begunBatch struct {
	flavour string
	items   []station.Item
	until   time.Time
}

// batchSaid is what became of a batch that was begun or put back.
type batchSaid struct {
	batchOutcome
	verb string // what counts of it: started, put back
}

func (s *screen) hasNoBatches() bool { return s.stage.Info().Batch == (kitchen.Batch{}) }

func (s *screen) batches() []flavourBatch {
	return batchesOf(s.stage, s.all, s.name, s.paused != "", s.isPending)
}

// openBatches shows what can be done together, the flavour of the chosen ticket
// chosen.
func (s *screen) openBatches() {
	if s.hasNoBatches() {
		s.remember("! " + errNoBatches.Error())
		return
	}
	if item, here := s.find(s.chosen); here && s.page != pageBatches {
		s.flavour, _ = onlyFlavour(item.Ticket)
	}
	s.turnTo(pageBatches)
}

// chosenBatch is where the chosen flavour is among the batches: at the first if it is
// not there any more.
func (s *screen) chosenBatch(batches []flavourBatch) int {
	return max(0, slices.IndexFunc(batches, func(b flavourBatch) bool { return b.flavour == s.flavour }))
}

// pressInBatches does what a key means on the page of the batches.
func (s *screen) pressInBatches(message tea.KeyPressMsg) tea.Cmd {
	batches := s.batches()
	if len(batches) == 0 {
		return nil
	}
	at := s.chosenBatch(batches)
	move := func(by int) { s.flavour = batches[min(max(at+by, 0), len(batches)-1)].flavour }
	switch {
	case key.Matches(message, keyStart):
		return s.startBatch(batches[at])
	case key.Matches(message, keyDone):
		return s.answerBatch(batches[at], kitchen.AckDone)
	case key.Matches(message, keyPutBack):
		return s.answerBatch(batches[at], kitchen.AckReleased)
	case key.Matches(message, keyUp):
		move(-1)
	case key.Matches(message, keyDown):
		move(1)
	case key.Matches(message, keyPageUp):
		move(-s.pageful())
	case key.Matches(message, keyPageDown):
		move(s.pageful())
	case key.Matches(message, keyFirst):
		move(-len(batches))
	case key.Matches(message, keyLast):
		move(len(batches))
	}
	return nil
}

func (s *screen) startBatch(batch flavourBatch) tea.Cmd {
	if len(batch.start) == 0 {
		s.remember("! " + batch.nothingToStart(s.paused).Error())
		return nil
	}
	s.turnTo(pageList)
	return s.sayOfAll(batch.flavour, batch.start, "started", s.bench.Start)
}

// answerBatch says the same of all that is in hand of a flavour.
func (s *screen) answerBatch(batch flavourBatch, kind kitchen.AckKind) tea.Cmd {
	if len(batch.finish) == 0 {
		s.remember("! " + batch.nothingInHand().Error())
		return nil
	}
	s.turnTo(pageList)
	return s.holdAll(batch.answers(kind, s.clock().Add(retractableFor))...)
}

// sayOfAll calls the station about each of some tickets.
func (s *screen) sayOfAll(flavour string, items []station.Item, verb string, say func(context.Context, string) error) tea.Cmd {
	ctx := s.ctx
	return func() tea.Msg {
		outcome := sayOfAll(ctx, flavour, items, say)
		if ctx.Err() != nil {
			return nil
		}
		return batchSaid{outcome, verb}
	}
}

// takeOutcome shows what became of a batch.
func (s *screen) takeOutcome(said batchSaid) {
	for _, refusal := range said.refusals {
		s.remember("! " + refusal)
	}
	if len(said.counted) == 0 {
		return
	}
	s.remember(ticketsOf(len(said.counted), said.flavour) + ": " + said.verb)
	if said.verb == "started" {
		s.begun = begunBatch{said.flavour, said.counted, s.clock().Add(retractableFor)}
	}
}

// canPutBatchBack reports whether some of the batch that was begun last is still in
// hand, and that only a moment ago.
func (s *screen) canPutBatchBack() bool {
	return s.clock().Before(s.begun.until) && len(s.stillBegun()) > 0
}

// stillBegun are those of the batch begun last that are in hand and not answered.
func (s *screen) stillBegun() []station.Item {
	return slices.DeleteFunc(slices.Clone(s.begun.items), func(item station.Item) bool {
		here, found := s.find(item.Ticket.TicketID)
		return !found || here.Answering || !s.isYours(here) || s.isPending(here)
	})
}

// putBatchBack puts back what was begun together. This does not wait: it is the slip
// of the finger that is taken back.
func (s *screen) putBatchBack() tea.Cmd {
	items := s.stillBegun()
	s.begun.until = time.Time{}
	return s.sayOfAll(s.begun.flavour, items, "put back", s.bench.Release)
}

// batchKeys are the keys that do something with the chosen batch.
func (s *screen) batchKeys() []key.Binding {
	var keys []key.Binding
	batches := s.batches()
	if len(batches) == 0 {
		return nil
	}
	batch := batches[s.chosenBatch(batches)]
	if len(batch.start) > 0 {
		keys = append(keys, keyStart)
	}
	if len(batch.finish) > 0 {
		keys = append(keys, keyDone, keyPutBack)
	}
	return keys
}

// drawBatchesPage is what can be done together, and the line of the chosen flavour.
func (s *screen) drawBatchesPage() (lines []string, at int) {
	lines = []string{bold.Styled("All tickets of one flavour together"), ""}
	batches := s.batches()
	if len(batches) == 0 {
		why := "No ticket of one flavour alone waits, and you have none in hand."
		if s.paused != "" {
			why = "Nothing is begun while the station is paused, and you have no ticket of one flavour alone in hand."
		}
		return append(lines, s.wrap(detail{text: why}, 2)...), 0
	}
	flavours, starts := 0, 0
	for _, batch := range batches {
		flavours = max(flavours, ansi.StringWidth(printable(batch.flavour)))
		starts = max(starts, len(batch.startWords()))
	}
	for i, batch := range batches {
		mark := "  "
		if i == s.chosenBatch(batches) {
			mark, at = "▸ ", len(lines)
		}
		lines = append(lines, fmt.Sprintf("%s%s  %s  %s", mark, bold.Styled(pad(printable(batch.flavour), flavours)), pad(batch.startWords(), starts), lookBusy.Styled(batch.finishWords())))
	}
	limits := s.stage.Info().Batch
	most := fmt.Sprintf("At most %s and %s are started together.", count(limits.Tickets, "ticket"), count(limits.Pieces, "piece"))
	return append(append(lines, ""), s.wrap(detail{text: most, look: faint}, 2)...), at
}
