package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newReportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Read reports of past days, of the stages and of late orders",
		Long: `Read what the ledger remembers: days in figures, how long the stages took, what a day
is likely to need, which stage holds up the others, why an order was late and which
orders a batch went into. The API must have a ledger ("cupcakery ledger"). All reports
are for managers, who sign in with --as.

Days are those of the bakery's calendar; times are by its clock. Results go to
standard output, everything else to standard error; --csv writes a table for
spreadsheets. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 there is no such order or
no ledger, 4 what was asked for was refused, 5 the API or the ledger's database cannot
be reached.`,
		Args: cobra.ArbitraryArgs,
		RunE: chooseSubcommand,
	}
	cmd.AddCommand(
		newReportBottleneckCommand(),
		newReportDayCommand(),
		newReportDaysCommand(),
		newReportForecastCommand(),
		newReportLateCommand(),
		newReportStagesCommand(),
		newReportTraceCommand(),
	)
	return cmd
}

// formatCSV is what the API calls CSV.
const formatCSV = "csv"

// reportSettings are the flags of every report.
type reportSettings struct {
	orderSettings
	csv bool
}

func (s *reportSettings) register(cmd *cobra.Command) {
	s.orderSettings.register(cmd)
	s.registerStaff(cmd)
	cmd.Flags().BoolVar(&s.csv, "csv", false, "write a table as CSV, for spreadsheets; texts that would be formulas there begin with an apostrophe")
}

func (s *reportSettings) check() error {
	if s.csv && s.output == outputJSON {
		return &exitError{exitUsage, errors.New("--csv and --output json: choose one of them")}
	}
	return checkOutput(s.output)
}

// connectForReport checks the settings and connects.
func (s *reportSettings) connectForReport(cmd *cobra.Command) (*client.ClientWithResponses, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.connectAsStaff(cmd)
}

// connectForOrder connects, and finds an order by its id or its pickup code: among those
// that Temporal has or, if it has none, the newest in the ledger.
func (s *reportSettings) connectForOrder(cmd *cobra.Command, called string) (*client.ClientWithResponses, string, error) {
	apiClient, id, err := s.connectFor(cmd, called, anyState)
	if !errors.Is(err, errNoSuchOrder) {
		return apiClient, id, err
	}
	noSuchOrder := err
	if apiClient, err = s.connect(); err != nil {
		return nil, "", err
	}
	answer, err := apiClient.GetHistoryOrdersWithResponse(cmd.Context(), &wire.GetHistoryOrdersParams{PickupCode: called})
	switch {
	case err != nil:
		return nil, "", s.unreachable(err)
	case answer.JSON200 == nil:
		return nil, "", refusal(answer.StatusCode(), answer.Body)
	case len(answer.JSON200.Orders) == 0:
		return nil, "", noSuchOrder
	}
	orders := answer.JSON200.Orders
	if len(orders) > 1 {
		cmd.PrintErrf("%s had this code; this is the newest. For another give its id:\n", countWords(len(orders), "order"))
		for _, order := range orders {
			day := "-"
			if at := cmp.Or(order.DueAt, order.PlacedAt); !at.IsZero() {
				day = kitchen.DateIn(at, s.bakery(cmd.Context(), apiClient)).String()
			}
			cmd.PrintErrf("  %s  %s  %s\n", day, safeText(order.OrderID), piecesWords(order.Pieces))
		}
	}
	return apiClient, orders[0].OrderID, nil
}

// format is what the API is asked for.
func (s *reportSettings) format() *string {
	if s.csv {
		return new(formatCSV)
	}
	return nil
}

// bakery is the bakery's time zone, which is asked for once.
func (s *reportSettings) bakery(ctx context.Context, apiClient client.ClientWithResponsesInterface) *time.Location {
	if s.zone == nil {
		s.zone = bakeryZone(ctx, apiClient)
	}
	return s.zone
}

// report is how a command shows an answer about the past.
type report[T any] struct {
	settings *reportSettings
	// ask returns the answer, or nil and what came instead of it: CSV is not read.
	ask       func(ctx context.Context) (*T, answered, error)
	readUntil func(told *T) time.Time
	write     func(page *reportPage, told *T)
}

// show asks and shows the answer: as CSV, as JSON or for people.
func (r report[T]) show(cmd *cobra.Command, apiClient *client.ClientWithResponses) error {
	told, instead, err := r.ask(cmd.Context())
	out := cmd.OutOrStdout()
	switch {
	case err != nil:
		return r.settings.unreachable(err)
	case r.settings.csv && instead.status == 200:
		return writeCSV(out, instead.body)
	case told == nil:
		return refusal(instead.status, instead.body)
	case r.settings.output == outputJSON:
		return writeJSON(out, told, "  ")
	}
	page := &reportPage{columns: narrowWidth, zone: r.settings.bakery(cmd.Context(), apiClient)}
	if columns, isTerminal := terminalWidth(out); isTerminal {
		page.columns = columns
	}
	r.write(page, told)
	if _, err := io.WriteString(coloured(out), page.text.String()); err != nil {
		return err
	}
	if until := r.readUntil(told); until.IsZero() {
		cmd.PrintErrln("The ledger has read nothing yet.")
	} else {
		cmd.PrintErrf("The ledger has read the log until %s.\n", page.day(until)+" "+page.clock(until))
	}
	return nil
}

// writeCSV passes a table on; to a terminal without what could change it.
func writeCSV(w io.Writer, table []byte) error {
	text := string(table)
	if _, isTerminal := terminalWidth(w); isTerminal {
		lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
		for i, line := range lines {
			lines[i] = safeText(line)
		}
		text = strings.Join(lines, "\n") + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// dayWords are days that need no date.
var dayWords = map[string]int{"yesterday": -1, "today": 0, "tomorrow": 1}

// dayFlag is a day that somebody names: by its date or by a word.
type dayFlag struct {
	name, text string
}

func (d *dayFlag) register(cmd *cobra.Command, usage string) {
	cmd.Flags().StringVar(&d.text, d.name, d.text, usage)
	complete(cmd, d.name, func(string) []string { return []string{"today", "yesterday", "tomorrow"} })
}

// check returns an error for a text that names no day. An empty one is none.
func (d *dayFlag) check() error {
	if _, isWord := dayWords[d.text]; isWord || d.text == "" {
		return nil
	}
	if _, err := kitchen.ParseDate(d.text); err != nil {
		return &exitError{exitUsage, fmt.Errorf("--%s: %w, or as today, yesterday or tomorrow%s", d.name, err, didYouMean(d.text, []string{"today", "yesterday", "tomorrow"}))}
	}
	return nil
}

// date is the day as the API wants it; nil if nobody has named one.
func (d *dayFlag) date(ctx context.Context, settings *reportSettings, apiClient client.ClientWithResponsesInterface) *string {
	days, isWord := dayWords[d.text]
	switch {
	case d.text == "":
		return nil
	case !isWord:
		return &d.text
	}
	return new(kitchen.DateIn(time.Now(), settings.bakery(ctx, apiClient)).Add(days).String())
}

// tableFlag is which of a report's tables somebody wants.
type tableFlag struct {
	text  string
	names []string
}

func (f *tableFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.text, "table", "", "only this table, and with --csv which: "+strings.Join(f.names, ", ")+fmt.Sprintf(" (CSV without it: %s)", f.names[0]))
	complete(cmd, "table", func(string) []string { return f.names })
}

func (f *tableFlag) check() error {
	if f.text == "" {
		return nil
	}
	for _, name := range f.names {
		if f.text == name {
			return nil
		}
	}
	return &exitError{exitUsage, fmt.Errorf("--table %q: use one of %s%s", safeText(f.text), strings.Join(f.names, ", "), didYouMean(f.text, f.names))}
}

// wants reports whether a table is to be shown.
func (f *tableFlag) wants(name string) bool { return f.text == "" || f.text == name }

// asked is the table as the API is asked for it.
func (f *tableFlag) asked() *string {
	if f.text == "" {
		return nil
	}
	return &f.text
}

// checkStage returns an error for a text that is no stage.
func checkStage(flag, text string) error {
	if kitchen.Stage(text).Valid() {
		return nil
	}
	names := stageNames()
	return &exitError{exitUsage, fmt.Errorf("--%s %q: use %s%s", flag, safeText(text), strings.Join(names, ", "), didYouMean(text, names))}
}

func stageNames() []string {
	var names []string
	for _, stage := range kitchen.Stages() {
		names = append(names, string(stage))
	}
	return names
}

// revenueWords are amounts of one or more currencies.
func revenueWords(amounts []wire.Money) string {
	words := make([]string, len(amounts))
	for i, amount := range amounts {
		words[i] = amount.String()
	}
	return orDash(safeText(strings.Join(words, " + ")))
}

// addRevenue adds amounts up, each in its currency.
func addRevenue(sum, amounts []wire.Money) []wire.Money {
next:
	for _, amount := range amounts {
		for i := range sum {
			if sum[i].Currency == amount.Currency && sum[i].Decimals == amount.Decimals {
				sum[i].Amount += amount.Amount
				continue next
			}
		}
		sum = append(sum, amount)
	}
	return sum
}

// causeWords say what has cost an order most time.
func causeWords(cause wire.DelayCause, stage kitchen.Stage) string {
	at := safeText(string(stage))
	switch cause {
	case wire.DelayedByNothing:
		return "-"
	case wire.DelayedInQueue:
		return "queue for " + at
	case wire.DelayedByRemake:
		return "made again after " + at
	case wire.DelayedBySilence:
		return "silence at " + at
	case wire.DelayedByFailure:
		return "failure at " + at
	case wire.DelayedByDecision:
		return "a decision"
	case wire.DelayedByLateOrder:
		return "placed too late"
	}
	return safeText(string(cause))
}
