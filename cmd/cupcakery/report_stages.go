package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newReportStagesCommand() *cobra.Command {
	var settings reportSettings
	from, to := dayFlag{name: "from"}, dayFlag{name: "to"}
	table := tableFlag{names: []string{"stages", "hours"}}
	cmd := &cobra.Command{
		Use:   "stages",
		Short: "Show how long the stages took",
		Long: `Show how long tickets waited at each stage and how long somebody had them in hand,
in all and, with --table hours, by weekday and hour. HALF is what half of them did not
exceed, MOST what nine of ten did not. This is for managers.`,
		Example: `  cupcakery report stages
  cupcakery report stages --from 2026-11-01 --to 2026-11-26 --table hours`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := firstError(from.check(), to.check(), table.check()); err != nil {
				return err
			}
			apiClient, err := settings.connectForReport(cmd)
			if err != nil {
				return err
			}
			return report[wire.HistoryStages]{
				settings: &settings,
				ask: func(ctx context.Context) (*wire.HistoryStages, answered, error) {
					answer, err := apiClient.GetHistoryStagesWithResponse(ctx, &wire.GetHistoryStagesParams{From: from.date(ctx, &settings, apiClient), To: to.date(ctx, &settings, apiClient), Format: settings.format(), Table: table.asked()})
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				readUntil: func(told *wire.HistoryStages) time.Time { return told.ReadUntil },
				write: func(page *reportPage, told *wire.HistoryStages) {
					times := stagesOf(told.Stages)
					if table.text == "hours" {
						times = stageHoursOf(told.Hours)
					}
					page.table("", times)
					if len(times.rows) == 0 {
						page.printf("No ticket was done on these days.\n")
					}
				},
			}.show(cmd, apiClient)
		},
	}
	settings.register(cmd)
	from.register(cmd, "the first day, such as 2026-11-01 (default: 28 days in all)")
	to.register(cmd, "the last day, such as 2026-11-26 or yesterday (default: today)")
	table.register(cmd)
	return cmd
}

// timeColumns are those of two pairs of times.
var timeColumns = []reportColumn{{title: "WAITED: HALF", right: true}, {title: "MOST", right: true}, {title: "IN HAND: HALF", right: true}, {title: "MOST", right: true}}

func timeCells(waited, inHand *wire.Quantiles) []string {
	cells := []string{"-", "-", "-", "-"}
	if waited != nil {
		cells[0], cells[1] = spanOf(waited.P50), spanOf(waited.P90)
	}
	if inHand != nil {
		cells[2], cells[3] = spanOf(inHand.P50), spanOf(inHand.P90)
	}
	return cells
}

func stagesOf(stages []wire.StageTimes) reportTable {
	t := reportTable{columns: append([]reportColumn{{title: "STAGE"}, {title: "TICKETS", right: true}}, timeColumns...)}
	for _, s := range stages {
		t.add(append([]string{safeText(string(s.Stage)), inDigits(s.Tickets)}, timeCells(s.Waited, s.InHand)...)...)
	}
	return t
}

func stageHoursOf(hours []wire.StageHourTimes) reportTable {
	t := reportTable{columns: append([]reportColumn{{title: "STAGE"}, {title: "WEEKDAY"}, {title: "HOUR", right: true}, {title: "TICKETS", right: true}}, timeColumns...)}
	for _, h := range hours {
		t.add(append([]string{safeText(string(h.Stage)), safeText(string(h.Weekday)), fmt.Sprintf("%02d", h.Hour), inDigits(h.Tickets)}, timeCells(h.Waited, h.InHand)...)...)
	}
	return t
}

func newReportForecastCommand() *cobra.Command {
	var settings reportSettings
	day := dayFlag{name: "day"}
	cmd := &cobra.Command{
		Use:   "forecast",
		Short: "Show how much of each flavour a day is likely to need",
		Long: `Show how much of each flavour a day is likely to need, by the same weekday of the last
weeks, at most eight: the mean, the least and the most, and what is ordered for the
day already. This is for managers.`,
		Example: `  cupcakery report forecast
  cupcakery report forecast --day 2026-12-24 --csv`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := day.check(); err != nil {
				return err
			}
			apiClient, err := settings.connectForReport(cmd)
			if err != nil {
				return err
			}
			return report[wire.HistoryForecast]{
				settings: &settings,
				ask: func(ctx context.Context) (*wire.HistoryForecast, answered, error) {
					answer, err := apiClient.GetHistoryForecastWithResponse(ctx, &wire.GetHistoryForecastParams{Day: day.date(ctx, &settings, apiClient), Format: settings.format()})
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				readUntil: func(told *wire.HistoryForecast) time.Time { return told.ReadUntil },
				write:     (*reportPage).writeForecast,
			}.show(cmd, apiClient)
		},
	}
	settings.register(cmd)
	day.register(cmd, "which day, such as 2026-11-27 (default: tomorrow)")
	return cmd
}

func (p *reportPage) writeForecast(told *wire.HistoryForecast) {
	based := "No week before has this weekday in the ledger yet."
	if told.Weeks > 0 {
		based = fmt.Sprintf("By the same weekday of %s.", countWords(told.Weeks, "week"))
	}
	p.printf("%s\n%s\n\n", bold.Styled(fmt.Sprintf("%s, %s", told.Day.Weekday(), told.Day)), based)
	t := reportTable{columns: []reportColumn{{title: "FLAVOUR", least: 12}, {title: "LIKELY", right: true}, {title: "LEAST", right: true}, {title: "MOST", right: true}, {title: "ORDERED", right: true}}}
	for _, f := range told.Flavours {
		t.add(printable(f.Flavour), inDigits(f.Pieces), inDigits(f.Low), inDigits(f.High), inDigits(f.Ordered))
	}
	p.table("", t)
	if len(t.rows) == 0 {
		p.printf("Nothing is ordered for it.\n")
	}
}

func newReportBottleneckCommand() *cobra.Command {
	var settings reportSettings
	cmd := &cobra.Command{
		Use:   "bottleneck",
		Short: "Show which stage holds up the others now",
		Long: `Show which stage holds up the others now: the one that needs longest to clear what
waits there, by how long its tickets usually are in hand and by how many people have
ended tickets there in the last 15 minutes. This is for managers.`,
		Example: `  cupcakery report bottleneck`,
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			apiClient, err := settings.connectForReport(cmd)
			if err != nil {
				return err
			}
			return report[wire.HistoryBottleneck]{
				settings: &settings,
				ask: func(ctx context.Context) (*wire.HistoryBottleneck, answered, error) {
					answer, err := apiClient.GetHistoryBottleneckWithResponse(ctx, &wire.GetHistoryBottleneckParams{Format: settings.format()})
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				readUntil: func(told *wire.HistoryBottleneck) time.Time { return told.ReadUntil },
				write:     (*reportPage).writeBottleneck,
			}.show(cmd, apiClient)
		},
	}
	settings.register(cmd)
	return cmd
}

func (p *reportPage) writeBottleneck(told *wire.HistoryBottleneck) {
	asked := 0
	for _, s := range told.Stages {
		asked += s.Asked
	}
	p.printf("%s\n", bottleneckWords(told, asked))
	if asked > 0 {
		p.printf("%s waiting for a manager.\n", ticketsAre(asked))
	}
	p.printf("\n")
	t := reportTable{columns: []reportColumn{
		{title: "STAGE"}, {title: "WAITING", right: true}, {title: "OLDEST", right: true}, {title: "IN HAND", right: true}, {title: "ASKED", right: true}, {title: "CAME/H", right: true}, {title: "DONE/H", right: true},
		{title: "USUAL", right: true}, {title: "PEOPLE", right: true}, {title: "CLEAR", right: true},
	}}
	for _, s := range told.Stages {
		stage := safeText(string(s.Stage))
		if s.Stage == told.Stage {
			stage = lookLate.Styled(stage)
		}
		t.add(stage, inDigits(s.Waiting), span(s.OldestWaitingSeconds), inDigits(s.InHand), inDigits(s.Asked), inDigits(s.ArrivedLastHour), inDigits(s.DoneLastHour), span(s.TypicalInHandSeconds), inDigits(s.People), span(s.ClearSeconds))
	}
	p.table("", t)
}

func ticketsAre(tickets int) string {
	if tickets == 1 {
		return "1 ticket is"
	}
	return fmt.Sprintf("%d tickets are", tickets)
}

func bottleneckWords(told *wire.HistoryBottleneck, asked int) string {
	for _, s := range told.Stages {
		if s.Stage != told.Stage {
			continue
		}
		text := fmt.Sprintf("%s holds up the others: %s there.", stageOf(s.Stage), waitWords(s.Waiting))
		if s.ClearSeconds != nil {
			text += fmt.Sprintf("\nThat takes %s to clear.", spanOf(*s.ClearSeconds))
		}
		if s.People == 0 {
			text += " Nobody has ended a ticket there in the last 15 minutes."
		}
		return text
	}
	if asked > 0 {
		return "Nothing waits but for a manager."
	}
	return "Nothing waits anywhere."
}

func waitWords(tickets int) string {
	if tickets == 1 {
		return "1 ticket waits"
	}
	return fmt.Sprintf("%d tickets wait", tickets)
}

// stageOf is a stage in a sentence.
func stageOf(stage kitchen.Stage) string { return safeText(string(stage)) }
