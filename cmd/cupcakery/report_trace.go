package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newReportTraceCommand() *cobra.Command {
	var (
		settings reportSettings
		batch    batchFlags
	)
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "List the orders that a batch went into",
		Long: `List the orders that a batch went into, so that its customers can be warned. Either
those that were on one tray with an order at a stage: what the same person ended
there within two seconds of each other. Or all that ended at a stage between two
times, if asked only those with a flavour or of one person. This is for managers.`,
		Example: `  cupcakery report trace --stage bake --order K7QF
  cupcakery report trace --stage bake --from 08:00 --to 09:30 --flavour lemon
  cupcakery report trace --stage mix --from 2026-11-26T08:00 --to 2026-11-26T12:00 --worker bob --csv`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := firstError(settings.check(), batch.check()); err != nil {
				return err
			}
			if err := settings.askForPIN(cmd); err != nil {
				return err
			}
			apiClient, params, err := batch.params(cmd, &settings)
			if err != nil {
				return err
			}
			params.Format = settings.format()
			return report[wire.HistoryTrace]{
				settings: &settings,
				ask: func(ctx context.Context) (*wire.HistoryTrace, answered, error) {
					answer, err := apiClient.TraceHistoryWithResponse(ctx, &params)
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				readUntil: func(told *wire.HistoryTrace) time.Time { return told.ReadUntil },
				write: func(page *reportPage, told *wire.HistoryTrace) {
					page.writeTrace(told)
					if told.More {
						cmd.PrintErrln("There are more than these: ask for less time.")
					}
				},
			}.show(cmd, apiClient)
		},
	}
	settings.register(cmd)
	batch.register(cmd, &settings)
	return cmd
}

// batchFlags say which batch is meant.
type batchFlags struct {
	stage, order, from, to, flavour, worker string
	pass                                    int
}

func (b *batchFlags) register(cmd *cobra.Command, settings *reportSettings) {
	flags := cmd.Flags()
	flags.StringVar(&b.stage, "stage", "", "the stage at which the batch was made")
	flags.StringVar(&b.order, "order", "", "an order of the batch, by its pickup code or its id")
	flags.IntVar(&b.pass, "pass", 1, "with --order: which time it was at the stage, 2 after a remake")
	flags.StringVar(&b.from, "from", "", "from when, such as 08:00 today or 2026-11-26T08:00, by the bakery's clock")
	flags.StringVar(&b.to, "to", "", "until when")
	flags.StringVar(&b.flavour, "flavour", "", "only what has this flavour, by its code")
	flags.StringVar(&b.worker, "worker", "", "only what this person or robot has ended")
	complete(cmd, "stage", func(string) []string { return stageNames() })
}

func (b *batchFlags) check() error {
	switch {
	case b.stage == "":
		return &exitError{exitUsage, errors.New("give --stage, and --order or --from and --to")}
	case b.order != "" && (b.from != "" || b.to != "" || b.flavour != "" || b.worker != ""):
		return &exitError{exitUsage, errors.New("--order names the tray: leave --from, --to, --flavour and --worker out")}
	case b.order == "" && (b.from == "" || b.to == ""):
		return &exitError{exitUsage, errors.New("give --from and --to, or --order")}
	case b.pass < 1 || b.pass > kitchen.MaxPass:
		return &exitError{exitUsage, fmt.Errorf("--pass %d: give a number from 1 to %d", b.pass, kitchen.MaxPass)}
	}
	for flag, text := range map[string]string{"from": b.from, "to": b.to} {
		if _, err := readBakeryTime(text, time.Now(), time.UTC); text != "" && err != nil {
			return &exitError{exitUsage, fmt.Errorf("--%s %q: %w", flag, safeText(text), err)}
		}
	}
	return checkStage("stage", b.stage)
}

// params connects, and returns what the API is asked.
func (b *batchFlags) params(cmd *cobra.Command, settings *reportSettings) (*client.ClientWithResponses, wire.TraceHistoryParams, error) {
	if b.order != "" {
		apiClient, id, err := settings.connectForOrder(cmd, b.order)
		ticket := kitchen.TicketRef{OrderID: id, Stage: kitchen.Stage(b.stage), Pass: b.pass, Kind: kitchen.TicketMake}
		return apiClient, wire.TraceHistoryParams{Ticket: new(ticket.TicketID())}, err
	}
	apiClient, err := settings.connect()
	if err != nil {
		return nil, wire.TraceHistoryParams{}, err
	}
	params := wire.TraceHistoryParams{Stage: new(kitchen.Stage(b.stage))}
	zone := settings.bakery(cmd.Context(), apiClient)
	for to, text := range map[**string]string{&params.From: b.from, &params.To: b.to} {
		at, err := readBakeryTime(text, time.Now(), zone)
		if err != nil {
			return nil, params, &exitError{exitUsage, err}
		}
		*to = new(at.UTC().Format(time.RFC3339))
	}
	if b.flavour != "" {
		params.Flavour = &b.flavour
	}
	if b.worker != "" {
		params.Worker = &b.worker
	}
	return apiClient, params, nil
}

// readBakeryTime reads a time by the bakery's clock, of today if it has no date, or one
// with its zone.
func readBakeryTime(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, form := range []string{"2006-01-02T15:04", "2006-01-02 15:04"} {
		if at, err := time.ParseInLocation(form, text, zone); err == nil {
			return at, nil
		}
	}
	if of, err := time.ParseInLocation("15:04", text, zone); err == nil {
		today := now.In(zone)
		return time.Date(today.Year(), today.Month(), today.Day(), of.Hour(), of.Minute(), 0, 0, zone), nil
	}
	return time.Time{}, errors.New("give a time of today such as 08:00, or one like 2026-11-26T08:00 or 2026-11-26T08:00:00+01:00")
}

func (p *reportPage) writeTrace(told *wire.HistoryTrace) {
	t := reportTable{columns: []reportColumn{
		{title: "CODE"}, {title: "CUSTOMER", least: 12}, {title: "STATE"}, {title: "COLLECTED"}, {title: "PIECES", right: true}, {title: "ENDED"}, {title: "BY", least: 6, spare: 1},
		{title: "FLAVOURS", least: 10, spare: 2}, {title: "ORDER", spare: 3},
	}}
	orders := map[string]bool{}
	for _, ticket := range told.Tickets {
		customer, id := printable(ticket.Customer), safeText(ticket.OrderID)
		if ticket.OrderID == "" {
			customer, id = "(erased)", "(erased)"
		}
		state, look := orderState(ticket.State)
		collected := "-"
		if !ticket.CollectedAt.IsZero() {
			collected = p.day(ticket.CollectedAt)[5:] + " " + p.clock(ticket.CollectedAt)
		}
		t.add(bold.Styled(safeText(ticket.PickupCode)), orDash(customer), look.Styled(state), collected, inDigits(ticket.Pieces), p.day(ticket.EndedAt)[5:]+" "+p.clock(ticket.EndedAt),
			orDash(printable(ticket.Worker)), printable(strings.Join(ticket.Flavours, ", ")), id)
		orders[ticket.PickupCode+ticket.OrderID] = true
	}
	if len(t.rows) == 0 {
		p.printf("No ticket was ended there and then.\n")
		return
	}
	p.table("", t)
	p.printf("\n%s.\n", countWords(len(orders), "order"))
}
