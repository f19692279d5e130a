package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// topReport is how the whole kitchen is.
type topReport struct {
	At time.Time `json:"at"`
	// Behind is there while the API has not read the log to its end.
	Behind wire.Behind `json:"behind,omitzero"`
	// Orders is nil while Temporal does not answer.
	Orders *wire.OrderCounts `json:"orders,omitempty"`
	Stages []topStage        `json:"stages"`
	// SoldOut are flavours that cannot be ordered.
	SoldOut []wire.SoldOut `json:"soldOut"`
	// Uncollected counts the orders that are ready and were not collected.
	Uncollected int `json:"uncollected"`
	// News is what has happened lately, the newest first.
	News []wire.OverviewNews `json:"news"`

	// zone is the bakery's; nil while it is not known.
	zone *time.Location
}

// topStage is how one station is.
type topStage struct {
	Stage   kitchen.Stage `json:"stage"`
	Waiting int           `json:"waiting"`
	Started int           `json:"started"`
	Failed  int           `json:"failed"`
	// Late counts the tickets that are older than they should be, among those that
	// come first; if LateIsAtLeast, there may be more.
	Late          int       `json:"late"`
	LateIsAtLeast bool      `json:"lateIsAtLeast,omitempty"`
	Oldest        time.Time `json:"oldest,omitzero"`
	// DoneLastHour is −1 while it is not known.
	DoneLastHour int         `json:"doneLastHour"`
	InHand       []topInHand `json:"inHand"`
	// UntakenSince is there if tickets wait that nobody takes.
	UntakenSince time.Time    `json:"untakenSince,omitzero"`
	Paused       *wire.Paused `json:"paused,omitempty"`
}

// topInHand is a ticket that somebody works on.
type topInHand struct {
	By         string    `json:"by"`
	PickupCode string    `json:"pickupCode"`
	Since      time.Time `json:"since,omitzero"`
	Flavour    string    `json:"flavour"`
	Pieces     int       `json:"pieces"`
	// Undo says that cancelled work is undone.
	Undo bool `json:"undo,omitempty"`
}

// topParts are what the API has told, each as new as it came.
type topParts struct {
	behind     wire.Behind
	kitchen    *wire.KitchenCounts
	overview   *wire.Overview
	statistics *wire.Statistics
	zone       *time.Location
}

// add takes in a message of the API.
func (p *topParts) add(message wire.LiveMessage) {
	switch {
	case message.Type == wire.LiveMessageTypeState:
		p.behind = message.Behind
	case message.Type != wire.LiveMessageTypeSnapshot:
	case message.Channel == channelKitchen:
		p.kitchen = &message.Kitchen
	case message.Channel == channelOverview:
		p.overview = &message.Overview
	}
}

func (p *topParts) complete() bool { return p.kitchen != nil && p.overview != nil }

// report puts together what is known.
func (p *topParts) report(now time.Time) topReport {
	report := topReport{
		At: now, Behind: p.behind, News: p.overview.News, Orders: p.kitchen.Orders,
		SoldOut: p.kitchen.State.SoldOut, Uncollected: p.kitchen.State.Uncollected,
		zone: p.zone,
	}
	for _, counts := range p.kitchen.Stages {
		row := topStage{
			DoneLastHour: p.doneLastHour(counts.Stage), InHand: []topInHand{}, Oldest: counts.Oldest, Stage: counts.Stage,
			Failed: counts.Failed, Started: counts.Started, UntakenSince: counts.UntakenSince, Waiting: counts.Waiting,
		}
		for _, paused := range p.kitchen.State.Paused {
			if paused.Stage == counts.Stage {
				row.Paused = &paused
			}
		}
		for _, stage := range p.overview.Stages {
			if stage.Stage == counts.Stage {
				row.addTickets(stage, now)
			}
		}
		report.Stages = append(report.Stages, row)
	}
	return report
}

// addTickets takes in a stage's tickets. Its counts are those of the same moment, so
// that who has what in hand agrees with how much is.
func (s *topStage) addTickets(stage wire.OverviewStage, now time.Time) {
	s.Waiting, s.Started, s.Failed = stage.Waiting, stage.Started, stage.Failed
	for _, ticket := range stage.Tickets {
		if isLate(stage, ticket, now) {
			s.Late++
		}
		if ticket.State == kitchen.TicketStarted {
			s.InHand = append(s.InHand, topInHand{By: ticket.By, Flavour: ticket.Flavour, PickupCode: ticket.PickupCode, Pieces: ticket.Pieces, Since: ticket.StartedAt, Undo: ticket.Kind == kitchen.TicketUndo})
		}
	}
	// A ticket is late before those behind it are.
	shown := len(stage.Tickets)
	s.LateIsAtLeast = shown > 0 && shown < stage.Waiting+stage.Started+stage.Failed && isLate(stage, stage.Tickets[shown-1], now)
	slices.SortStableFunc(s.InHand, func(a, b topInHand) int { return a.Since.Compare(b.Since) })
}

// isLate reports whether a ticket is late, as the stage's board says it.
func isLate(stage wire.OverviewStage, ticket wire.OverviewTicket, now time.Time) bool {
	if !ticket.DueAt.IsZero() {
		return !now.Before(ticket.DueAt)
	}
	return now.Sub(ticket.Since) >= time.Duration(stage.OverdueAfterSeconds)*time.Second
}

// doneLastHour adds up the steps of the last hour, the one under way included.
func (p *topParts) doneLastHour(stage kitchen.Stage) int {
	if p.statistics == nil || p.statistics.StepSeconds <= 0 {
		return -1
	}
	steps := int(time.Hour/time.Second) / p.statistics.StepSeconds
	for _, each := range p.statistics.Stages {
		if each.Stage != stage {
			continue
		}
		done := 0
		for _, step := range each.Steps[max(0, len(each.Steps)-steps):] {
			done += step.Done
		}
		return done
	}
	return -1
}

// lines are the report for people; the tickets in hand and the news come last, as
// many as there is room for, or all of them if height is 0.
func (r topReport) lines(height int) []string {
	lines := append([]string{r.heading()}, r.table()...)
	if warnings := r.warnings(); len(warnings) > 0 {
		lines = append(append(lines, ""), warnings...)
	}
	inHand, news := r.inHandLines(), r.newsLines()
	if height > 0 {
		room := max(0, height-len(lines)-4) // two headings, each with an empty line above
		inHand = shorten(inHand, max(room/2, room-len(news)))
		news = news[:min(len(news), room-len(inHand))]
	}
	for _, part := range []struct {
		title string
		lines []string
	}{{"In hand", inHand}, {"Lately", news}} {
		if len(part.lines) > 0 {
			lines = append(append(lines, "", bold.Styled(part.title)), part.lines...)
		}
	}
	return lines
}

// shorten keeps the first lines, and says how many there are besides.
func shorten(lines []string, most int) []string {
	switch {
	case most <= 0:
		return nil
	case len(lines) <= most:
		return lines
	}
	return append(slices.Clone(lines[:most-1]), faint.Styled(fmt.Sprintf("  … and %d more", len(lines)-most+1)))
}

func (r topReport) heading() string {
	words := []string{"orders: -"}
	if counts := r.Orders; counts != nil {
		words = []string{fmt.Sprintf("%d in progress", counts.InProgress)}
		if counts.NeedsAttention > 0 {
			words = append(words, lookLate.Styled(count(counts.NeedsAttention, "open question")))
		}
		if counts.Cancelling > 0 {
			words = append(words, fmt.Sprintf("%d cancelling", counts.Cancelling))
		}
	}
	words = append(words, fmt.Sprintf("%d to collect", r.Uncollected))
	if r.Orders != nil && r.Orders.Scheduled > 0 {
		words = append(words, fmt.Sprintf("%d for later", r.Orders.Scheduled))
	}
	return bold.Styled(timeOfDay(r.At)) + "  " + strings.Join(words, " · ")
}

func (r topReport) table() []string {
	rows := [][]string{{"STATION", "WAITING", "IN HAND", "FAILED", "LATE", "OLDEST", "DONE 1H", "BY"}}
	for _, stage := range r.Stages {
		late, oldest, done := fmt.Sprint(stage.Late), "-", "-"
		if stage.LateIsAtLeast {
			late += "+"
		}
		if stage.Late > 0 {
			late = lookLate.Styled(late)
		}
		if !stage.Oldest.IsZero() {
			oldest = ageText(r.At.Sub(stage.Oldest))
		}
		if stage.DoneLastHour >= 0 {
			done = lookGood.Styled(fmt.Sprint(stage.DoneLastHour))
		}
		failed := fmt.Sprint(stage.Failed)
		if stage.Failed > 0 {
			failed = lookSoon.Styled(failed)
		}
		name := safeText(string(stage.Stage))
		if stage.Paused != nil {
			name = loud.Styled(name)
		}
		rows = append(rows, []string{name, fmt.Sprint(stage.Waiting), fmt.Sprint(stage.Started), failed, late, oldest, done, stage.people()})
	}
	lines := alignColumns(rows, 1, 6)
	lines[0] = faint.Styled(lines[0])
	return append([]string{""}, lines...)
}

// people are who work at a station, with how much each has in hand.
func (s topStage) people() string {
	counts := map[string]int{}
	var names []string
	for _, ticket := range s.InHand {
		if counts[ticket.By]++; counts[ticket.By] == 1 {
			names = append(names, ticket.By)
		}
	}
	for i, name := range names {
		names[i] = printable(name)
		if n := counts[name]; n > 1 {
			names[i] += fmt.Sprintf(" (%d)", n)
		}
	}
	return cmp.Or(strings.Join(names, ", "), "-")
}

// warnings are what is not as always.
func (r topReport) warnings() []string {
	var lines []string
	for _, stage := range r.Stages {
		if paused := stage.Paused; paused != nil {
			text := fmt.Sprintf("PAUSED: %s, by %s since %s", stage.Stage, printable(paused.By), timeOfDay(paused.At))
			if paused.Reason != "" {
				text += ": " + printable(paused.Reason)
			}
			lines = append(lines, loud.Styled(text))
		}
		if since := stage.UntakenSince; !since.IsZero() {
			lines = append(lines, lookLate.Styled(fmt.Sprintf("%s: nobody has taken anything for %s, since %s", stage.Stage, ageText(r.At.Sub(since)), timeOfDay(since))))
		}
	}
	var soldOut []string
	for _, flavour := range r.SoldOut {
		text := printable(flavour.Flavour)
		if !flavour.Until.IsZero() {
			text += " until " + shortDueClock(flavour.Until.In(cmp.Or(r.zone, time.Local)), r.At.Local())
		}
		soldOut = append(soldOut, text)
	}
	if len(soldOut) > 0 {
		lines = append(lines, lookSoon.Styled("Sold out: "+strings.Join(soldOut, ", ")))
	}
	if r.Orders != nil && r.Orders.NeedsAttention > 0 {
		lines = append(lines, lookLate.Styled("Questions to decide: cupcakery order list --state needs-attention"))
	}
	return lines
}

func (r topReport) inHandLines() []string {
	var rows [][]string
	for _, stage := range r.Stages {
		for _, ticket := range stage.InHand {
			since := "-"
			if !ticket.Since.IsZero() {
				since = ageText(r.At.Sub(ticket.Since))
			}
			work := fmt.Sprintf("%d %s", ticket.Pieces, printable(ticket.Flavour))
			if ticket.Undo {
				work = lookUndo.Styled("UNDO") + " " + work
			}
			rows = append(rows, []string{"  " + printable(ticket.PickupCode), string(stage.Stage), printable(ticket.By), since, work})
		}
	}
	return alignColumns(rows, 3, 3)
}

func (r topReport) newsLines() []string {
	var rows [][]string
	for _, news := range r.News {
		rows = append(rows, []string{"  " + timeOfDay(news.At), printable(news.PickupCode), newsWords(news)})
	}
	return alignColumns(rows, 0, -1)
}

func newsWords(news wire.OverviewNews) string {
	switch news.Kind {
	case wire.NewsPlaced:
		return fmt.Sprintf("%d %s ordered", news.Pieces, printable(news.Flavour))
	case wire.NewsFailed:
		return lookSoon.Styled(fmt.Sprintf("failed at %s: %s", printable(string(news.Stage)), printable(cmp.Or(news.Reason, kitchen.ReasonOther))))
	case wire.NewsRemade:
		return lookSoon.Styled("starts again: a fresh batch")
	case wire.NewsReady:
		return lookGood.Styled("ready")
	}
	return printable(string(news.Kind))
}

// alignColumns puts cells under each other, in columns as wide as their widest; the
// columns from one up to another are numbers, and stand to the right.
func alignColumns(rows [][]string, firstNumber, lastNumber int) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	var lines []string
	for _, row := range rows {
		var cells []string
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-ansi.StringWidth(cell))
			switch {
			case i >= firstNumber && i <= lastNumber:
				cell = space + cell
			case i < len(row)-1:
				cell += space
			}
			cells = append(cells, cell)
		}
		lines = append(lines, strings.TrimRight(strings.Join(cells, "  "), " "))
	}
	return lines
}
