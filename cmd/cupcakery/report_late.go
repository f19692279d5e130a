package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newReportLateCommand() *cobra.Command {
	var settings reportSettings
	day := dayFlag{name: "day"}
	cmd := &cobra.Command{
		Use:   "late [CODE|ID]",
		Short: "Tell why an order was late, or which orders of a day were",
		Long: `Tell why an order was late: its time, stage by stage, against what is usual there, and
the cause that has cost most. Without an order, list the late orders of a day.

A pickup code finds the order that Temporal has or, if that is long ago, the newest in
the ledger; others with the same code are listed with their ids. Orders whose customer
was erased are not found by it. This is for managers.`,
		Example: `  cupcakery report late K7QF
  cupcakery report late
  cupcakery report late --day yesterday --csv`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return exactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := firstError(settings.check(), day.check()); err != nil {
				return err
			}
			if len(args) == 0 {
				return showLate(cmd, &settings, day)
			}
			if day.text != "" {
				return &exitError{exitUsage, errors.New("give an order or --day, not both")}
			}
			if err := settings.askForPIN(cmd); err != nil {
				return err
			}
			apiClient, id, err := settings.connectForOrder(cmd, args[0])
			if err != nil {
				return err
			}
			return report[wire.HistoryDelay]{
				settings: &settings,
				ask: func(ctx context.Context) (*wire.HistoryDelay, answered, error) {
					answer, err := apiClient.GetHistoryDelayWithResponse(ctx, id, &wire.GetHistoryDelayParams{Format: settings.format()})
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				readUntil: func(told *wire.HistoryDelay) time.Time { return told.ReadUntil },
				write:     (*reportPage).writeDelay,
			}.show(cmd, apiClient)
		},
		ValidArgsFunction: settings.completeOrderID,
	}
	settings.register(cmd)
	day.register(cmd, "the late orders of this day, such as 2026-11-26 or yesterday (default: today)")
	return cmd
}

// showLate lists the late orders of a day.
func showLate(cmd *cobra.Command, settings *reportSettings, day dayFlag) error {
	if day.text == "" {
		day.text = "today"
	}
	apiClient, err := settings.connectForReport(cmd)
	if err != nil {
		return err
	}
	date := *day.date(cmd.Context(), settings, apiClient)
	return lateReport(settings, apiClient, date).show(cmd, apiClient)
}

func lateReport(settings *reportSettings, apiClient *client.ClientWithResponses, date string) report[wire.HistoryDay] {
	return report[wire.HistoryDay]{
		settings: settings,
		ask: func(ctx context.Context) (*wire.HistoryDay, answered, error) {
			answer, err := apiClient.GetHistoryDayWithResponse(ctx, date, &wire.GetHistoryDayParams{Format: settings.format(), Table: new("late")})
			if err != nil {
				return nil, answered{}, err
			}
			return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
		},
		readUntil: func(told *wire.HistoryDay) time.Time { return told.ReadUntil },
		write: func(page *reportPage, told *wire.HistoryDay) {
			late := page.lateOf(told.Late)
			page.table("", late)
			if len(late.rows) == 0 {
				page.printf("No order of %s is late.\n", safeText(date))
			}
		},
	}
}

// writeDelay tells why an order was late.
func (p *reportPage) writeDelay(told *wire.HistoryDelay) {
	p.printf("%s", bold.Styled(safeText(told.PickupCode)))
	if !told.DueAt.IsZero() {
		p.printf(" · due %s %s", p.day(told.DueAt), p.clock(told.DueAt))
	}
	switch {
	case told.ReadyAt.IsZero():
		p.printf(" · %s", unfinishedWords(told))
	case !told.DueAt.IsZero() && p.day(told.ReadyAt) == p.day(told.DueAt):
		p.printf(" · ready %s", p.clock(told.ReadyAt))
	default:
		p.printf(" · ready %s %s", p.day(told.ReadyAt), p.clock(told.ReadyAt))
	}
	if told.LateSeconds > 0 {
		p.printf(" · %s", lookLate.Styled(spanOf(told.LateSeconds)+" late"))
	}
	p.printf("\n%s\n\n", delayWords(told))
	t := reportTable{columns: []reportColumn{
		{title: "STAGE"}, {title: "PASS", right: true, spare: 1}, {title: "WAITED", right: true}, {title: "USUAL", right: true}, {title: "IN HAND", right: true}, {title: "USUAL", right: true},
		{title: "EXTRA", right: true}, {title: "FAILED", right: true, spare: 2}, {title: "SILENT", right: true}, {title: "ASKED", right: true}, {title: "BY", least: 6},
	}}
	for _, s := range told.Steps {
		stage := stageOf(s.Stage)
		if s.Kind == kitchen.TicketUndo {
			stage = "undo " + stage
		}
		extra := spanOf(s.ExtraSeconds)
		if s.ExtraSeconds > 0 {
			extra = "+" + extra
		}
		t.add(stage, inDigits(s.Pass), span(s.WaitedSeconds), span(s.UsualWaitedSeconds), span(s.InHandSeconds), span(s.UsualInHandSeconds), extra, inDigits(s.Failures), noneOr(s.SilentSeconds), noneOr(s.AskedSeconds), orDash(printable(s.Worker)))
	}
	p.table("", t)
	if told.DecisionSeconds > 0 {
		p.printf("\nOf this it waited %s for a manager's decision.\n", spanOf(told.DecisionSeconds))
	}
}

// noneOr is a time that most often is none.
func noneOr(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return spanOf(seconds)
}

// unfinishedWords are where an order stands of which no time is known at which it was ready.
func unfinishedWords(told *wire.HistoryDelay) string {
	switch {
	case told.State == kitchen.StateCancelled:
		return "cancelled"
	case told.State == kitchen.StateCancelling:
		return "being cancelled"
	case told.State == kitchen.StateShipped:
		return "ready"
	case !told.WithdrawnAt.IsZero():
		return "withdrawn"
	}
	return "not ready yet"
}

// delayWords name the cause in a sentence.
func delayWords(told *wire.HistoryDelay) string {
	stage := stageOf(told.Stage)
	switch told.Cause {
	case wire.DelayedByNothing:
		if told.DueAt.IsZero() {
			return "The log does not tell when it was due."
		}
		switch {
		case told.State == kitchen.StateCancelled:
			return "It was cancelled, and so is not late."
		case told.State == kitchen.StateCancelling:
			return "It is being cancelled, and so is not late."
		case !told.WithdrawnAt.IsZero():
			return "Its tickets were withdrawn since it was ended in Temporal, and so it is not late."
		case told.ReadyAt.IsZero():
			return "It is not late."
		}
		return "It was in time."
	case wire.DelayedInQueue:
		return fmt.Sprintf("The queue for %s cost it most.", stage)
	case wire.DelayedByRemake:
		return fmt.Sprintf("Being made again after %s cost it most.", stage)
	case wire.DelayedBySilence:
		return fmt.Sprintf("Somebody had it in hand at %s and was silent: that cost it most.", stage)
	case wire.DelayedByFailure:
		return fmt.Sprintf("Work that failed at %s cost it most.", stage)
	case wire.DelayedByDecision:
		return "Waiting for a manager's decision cost it most."
	case wire.DelayedByLateOrder:
		return "It was placed too late to be ready in time."
	}
	return causeWords(told.Cause, told.Stage)
}
