package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newReportDayCommand() *cobra.Command {
	var settings reportSettings
	day := dayFlag{name: "day", text: "today"}
	table := tableFlag{names: []string{"flavours", "waste", "people", "hours", "late"}}
	cmd := &cobra.Command{
		Use:   "day",
		Short: "Show a day in full",
		Long: `Show a day in full: what was made of each flavour and what it brought in, what was
thrown away and why, what everybody has done, when it was busy, and which orders were
late. An order belongs to the day on which it is due. This is for managers.`,
		Example: `  cupcakery report day
  cupcakery report day --day yesterday --table waste
  cupcakery report day --day 2026-11-26 --table late --csv > late.csv`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := firstError(day.check(), table.check()); err != nil {
				return err
			}
			apiClient, err := settings.connectForReport(cmd)
			if err != nil {
				return err
			}
			date := day.date(cmd.Context(), &settings, apiClient)
			if date == nil {
				return &exitError{exitUsage, fmt.Errorf("--day is empty: give a day such as 2026-11-26, or leave it out for today")}
			}
			return report[wire.HistoryDay]{
				settings: &settings,
				ask: func(ctx context.Context) (*wire.HistoryDay, answered, error) {
					answer, err := apiClient.GetHistoryDayWithResponse(ctx, *date, &wire.GetHistoryDayParams{Format: settings.format(), Table: table.asked()})
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				readUntil: func(told *wire.HistoryDay) time.Time { return told.ReadUntil },
				write: func(page *reportPage, told *wire.HistoryDay) {
					page.writeDay(told, table)
					if table.text == "" && told.Figures.Orders == 0 {
						page.writeOpenOfNext(cmd.Context(), &settings, apiClient, told.Figures.Day)
					}
				},
			}.show(cmd, apiClient)
		},
	}
	settings.register(cmd)
	day.register(cmd, "which day, such as 2026-11-26, yesterday or tomorrow")
	table.register(cmd)
	return cmd
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// writeDay shows a day, or one of its tables.
func (p *reportPage) writeDay(told *wire.HistoryDay, only tableFlag) {
	title := func(text string) string { return text }
	if only.text == "" {
		p.writeFigures(told.Figures)
	} else {
		title = func(string) string { return "" } // it is what was asked for
	}
	for _, each := range []struct {
		name, title string
		table       reportTable
	}{
		{"flavours", "Flavours", flavoursOf(told.Flavours)},
		{"waste", "Thrown away", wasteOf(told.Waste)},
		{"people", "Who did what", peopleOf(told.People)},
		{"hours", "When", hoursOf(told.Hours)},
		{"late", "Late", p.lateOf(told.Late)},
	} {
		if only.wants(each.name) {
			p.table(title(each.title), each.table)
		}
		if only.text == each.name && len(each.table.rows) == 0 {
			p.printf("Nothing.\n")
		}
	}
}

// writeFigures is a day in a few lines.
func (p *reportPage) writeFigures(figures wire.DayFigures) {
	p.printf("%s\n\n", bold.Styled(fmt.Sprintf("%s, %s", figures.Day.Weekday(), figures.Day)))
	if figures.Orders == 0 {
		p.printf("No orders.\n")
	} else {
		p.printf("%s, %s", countWords(figures.Orders, "order"), piecesWords(figures.Pieces))
		if len(figures.Revenue) > 0 {
			p.printf(", %s", revenueWords(figures.Revenue))
		}
		p.printf("\n%d ready (%d collected), %d open, %d cancelled, ", figures.Ready, figures.Collected, figures.Open, figures.Cancelled)
		late := fmt.Sprintf("%d late", figures.Late)
		if figures.Late > 0 {
			late = lookLate.Styled(late)
		}
		p.printf("%s\n", late)
	}
	if figures.Remakes > 0 || figures.Scrapped > 0 {
		p.printf("%s, %s thrown away\n", countWords(figures.Remakes, "remake"), countWords(figures.Scrapped, "piece"))
	}
}

// writeOpenOfNext says under a day without orders, if it is today, how many are being
// made for tomorrow: shortly before midnight that is where all of them are. What cannot
// be asked is left out.
func (p *reportPage) writeOpenOfNext(ctx context.Context, settings *reportSettings, apiClient *client.ClientWithResponses, day kitchen.Date) {
	if day != kitchen.DateIn(time.Now(), settings.bakery(ctx, apiClient)) {
		return
	}
	next := day.Next().String()
	answer, err := apiClient.GetHistoryDaysWithResponse(ctx, &wire.GetHistoryDaysParams{From: &next, To: &next})
	if err != nil || answer.JSON200 == nil {
		return
	}
	for _, figures := range answer.JSON200.Days {
		switch {
		case figures.Open == 1:
			p.printf("1 open order is due tomorrow.\n")
		case figures.Open > 1:
			p.printf("%d open orders are due tomorrow.\n", figures.Open)
		}
	}
}

func countWords(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func flavoursOf(flavours []wire.DayFlavour) reportTable {
	t := reportTable{columns: []reportColumn{{title: "FLAVOUR", least: 12}, {title: "SIZE"}, {title: "PIECES", right: true}, {title: "SCRAPPED", right: true}, {title: "REVENUE", right: true}}}
	for _, f := range flavours {
		t.add(printable(f.Flavour), safeText(string(f.Size)), inDigits(f.Pieces), inDigits(f.Scrapped), revenueWords(f.Revenue))
	}
	return t
}

func wasteOf(waste []wire.DayWaste) reportTable {
	t := reportTable{columns: []reportColumn{{title: "STAGE"}, {title: "REASON", least: 8}, {title: "FLAVOUR", least: 10}, {title: "BY", least: 6}, {title: "TIMES", right: true}, {title: "PIECES", right: true}}}
	for _, w := range waste {
		t.add(safeText(string(w.Stage)), printable(w.Reason), printable(w.Flavour), orDash(printable(w.Worker)), inDigits(w.Failures), inDigits(w.Pieces))
	}
	return t
}

func peopleOf(people []wire.DayPerson) reportTable {
	t := reportTable{columns: []reportColumn{{title: "WHO", least: 10}, {title: "STAGE"}, {title: "TICKETS", right: true}, {title: "PIECES", right: true}, {title: "IN HAND", right: true}, {title: "FAILED", right: true}, {title: "SCRAPPED", right: true}}}
	for _, p := range people {
		t.add(printable(p.Worker), safeText(string(p.Stage)), inDigits(p.Tickets), inDigits(p.Pieces), spanOf(p.InHandSeconds), inDigits(p.Failures), inDigits(p.Scrapped))
	}
	return t
}

// hourBar is how long the bar of the busiest hour is.
const hourBar = 30

// hoursOf has a bar for what was due in each hour.
func hoursOf(hours []wire.DayHour) reportTable {
	t := reportTable{columns: []reportColumn{{title: "HOUR", right: true}, {title: "PLACED", right: true}, {title: "READY", right: true}, {title: "DUE", right: true}, {least: 10, spare: 1}}}
	most := 1
	for _, h := range hours {
		most = max(most, h.Due)
	}
	for _, h := range hours {
		t.add(fmt.Sprintf("%02d", h.Hour), inDigits(h.Placed), inDigits(h.Ready), inDigits(h.Due), strings.Repeat("█", (h.Due*hourBar+most-1)/most))
	}
	return t
}

func (p *reportPage) lateOf(late []wire.LateOrder) reportTable {
	t := reportTable{columns: []reportColumn{{title: "CODE"}, {title: "DUE"}, {title: "READY", spare: 1}, {title: "LATE BY", right: true}, {title: "WHY", least: 12}, {title: "ORDER"}}}
	for _, l := range late {
		ready := "not yet"
		if !l.ReadyAt.IsZero() {
			ready = p.clock(l.ReadyAt)
		}
		id := safeText(l.OrderID)
		if id == "" {
			id = "(erased)"
		}
		t.add(bold.Styled(safeText(l.PickupCode)), p.clock(l.DueAt), ready, spanOf(l.LateSeconds), causeWords(l.Cause, l.Stage), id)
	}
	return t
}

func newReportDaysCommand() *cobra.Command {
	var settings reportSettings
	from, to := dayFlag{name: "from"}, dayFlag{name: "to"}
	cmd := &cobra.Command{
		Use:   "days",
		Short: "Show days in figures",
		Long: `Show what was made and sold, day by day. An order belongs to the day on which it is
due; what was thrown away, to the day on which that happened. Without --from the
table begins with the first day that has something. This is for managers.`,
		Example: `  cupcakery report days
  cupcakery report days --from 2026-11-01 --to yesterday
  cupcakery report days --from 2026-01-01 --to 2026-12-31 --csv > 2026.csv`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := firstError(from.check(), to.check()); err != nil {
				return err
			}
			apiClient, err := settings.connectForReport(cmd)
			if err != nil {
				return err
			}
			return report[wire.HistoryDays]{
				settings: &settings,
				ask: func(ctx context.Context) (*wire.HistoryDays, answered, error) {
					answer, err := apiClient.GetHistoryDaysWithResponse(ctx, &wire.GetHistoryDaysParams{From: from.date(ctx, &settings, apiClient), To: to.date(ctx, &settings, apiClient), Format: settings.format()})
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				readUntil: func(told *wire.HistoryDays) time.Time { return told.ReadUntil },
				write: func(page *reportPage, told *wire.HistoryDays) {
					days := told.Days
					if !cmd.Flags().Changed("from") {
						days = fromTheFirst(days)
					}
					page.table("", daysOf(days))
				},
			}.show(cmd, apiClient)
		},
	}
	settings.register(cmd)
	from.register(cmd, "the first day, such as 2026-11-01 (default: 28 days in all)")
	to.register(cmd, "the last day, such as 2026-11-26 or yesterday (default: today)")
	return cmd
}

// fromTheFirst leaves out days before the first that has something: a young ledger would
// show a month of nothing.
func fromTheFirst(days []wire.DayFigures) []wire.DayFigures {
	for len(days) > 1 && days[0].Orders == 0 && days[0].Scrapped == 0 {
		days = days[1:]
	}
	return days
}

// daysOf has a row for each day, and their sum.
func daysOf(days []wire.DayFigures) reportTable {
	t := reportTable{columns: []reportColumn{
		{title: "DAY"}, {title: "ORDERS", right: true}, {title: "PIECES", right: true}, {title: "READY", right: true}, {title: "COLLECTED", right: true, spare: 3}, {title: "OPEN", right: true, spare: 1},
		{title: "CANCELLED", right: true}, {title: "LATE", right: true}, {title: "REMADE", right: true, spare: 2}, {title: "SCRAPPED", right: true}, {title: "REVENUE", right: true},
	}}
	row := func(day string, f wire.DayFigures) {
		t.add(day, inDigits(f.Orders), inDigits(f.Pieces), inDigits(f.Ready), inDigits(f.Collected), inDigits(f.Open), inDigits(f.Cancelled), inDigits(f.Late), inDigits(f.Remakes), inDigits(f.Scrapped), revenueWords(f.Revenue))
	}
	var sum wire.DayFigures
	for _, f := range days {
		row(fmt.Sprintf("%s %s", f.Day, f.Day.Weekday().String()[:3]), f)
		sum = wire.DayFigures{
			Orders: sum.Orders + f.Orders, Pieces: sum.Pieces + f.Pieces, Ready: sum.Ready + f.Ready, Collected: sum.Collected + f.Collected, Open: sum.Open + f.Open,
			Cancelled: sum.Cancelled + f.Cancelled, Late: sum.Late + f.Late, Remakes: sum.Remakes + f.Remakes, Scrapped: sum.Scrapped + f.Scrapped, Revenue: addRevenue(sum.Revenue, f.Revenue),
		}
	}
	if len(days) > 1 {
		row("in all", sum)
	}
	return t
}
