package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/ledger"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// dayReportWithin bounds the report at the end: who has pressed Ctrl-C waits.
	dayReportWithin = 3 * time.Second
	// dayReportMost is how many flavours and reasons it names.
	dayReportMost = 3
)

// startLedger has the log written into a database of PostgreSQL that is the ledger's own.
func (d *dev) startLedger(ctx context.Context) error {
	// Derived, so that the address stays the same while the data is kept.
	password := hmac.New(sha256.New, d.secret)
	password.Write([]byte("the ledger's database"))
	url, err := d.stack.Postgres.CreateDatabase(ctx, "ledger", hex.EncodeToString(password.Sum(nil)[:16]))
	if err != nil {
		return err
	}
	store, err := ledger.Open(ctx, ledger.Config{Database: url, TimeZone: d.kitchen.Opening.Location().String(), Logger: d.logger})
	if err != nil {
		return err
	}
	if d.reports, err = ledger.OpenReports(ctx, url); err != nil {
		store.Close()
		return err
	}
	d.ledgerURL = url
	ready := make(chan struct{})
	d.run("the ledger", func(ctx context.Context) error {
		defer store.Close()
		return ledger.Run(ctx, ledger.RunConfig{
			Store: store, Connection: d.kafka, Logger: d.logger, Metrics: d.registry, Ready: func() { close(ready) },
		})
	})
	return d.await(ctx, ready)
}

// tellTheDay prints what the ledger has of today.
func (d *dev) tellTheDay() {
	if d.reports == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), dayReportWithin)
	defer cancel()
	today := d.kitchen.Opening.DateOf(time.Now())
	day, err := d.reports.Day(ctx, today)
	if err != nil {
		d.announce("The day's report cannot be read: " + err.Error())
		return
	}
	var text strings.Builder
	writeDay(&text, day)
	d.announce(strings.TrimSuffix(text.String(), "\n"))
}

// writeDay tells a day in a few lines.
func writeDay(w io.Writer, day wire.HistoryDay) {
	figures := day.Figures
	var revenue []string
	for _, money := range figures.Revenue {
		revenue = append(revenue, money.String())
	}
	line := func(name, format string, values ...any) {
		_, _ = fmt.Fprintf(w, "  %-12s "+format+"\n", append([]any{name}, values...)...) // into memory
	}
	_, _ = fmt.Fprintf(w, "The day so far, %s:\n", figures.Day) // as above
	line("Orders", "%d: %d ready, %d of them collected; %d open, %d cancelled, %d late", figures.Orders, figures.Ready, figures.Collected, figures.Open, figures.Cancelled, figures.Late)
	pieces := map[string]int{}
	for _, flavour := range day.Flavours {
		pieces[flavour.Flavour] += flavour.Pieces
	}
	line("Pieces", "%d%s", figures.Pieces, most(pieces))
	line("Revenue", "%s", cmp.Or(strings.Join(revenue, ", "), "nothing yet"))
	reasons := map[string]int{}
	for _, waste := range day.Waste {
		reasons[string(waste.Stage)+" "+waste.Reason] += waste.Pieces
	}
	line("Thrown away", "%d%s; %s", figures.Scrapped, most(reasons), counted(figures.Remakes, "remake", "remakes"))
	tickets := map[string]int{}
	for _, person := range day.People {
		tickets[person.Worker] += person.Tickets
	}
	line("Tickets", "%d%s", sum(tickets), most(tickets))
}

// most names those with the most.
func most(counts map[string]int) string {
	var names []string
	for name, count := range counts {
		if count > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	var told []string
	for _, name := range names[:min(len(names), dayReportMost)] {
		told = append(told, fmt.Sprintf("%s %d", name, counts[name]))
	}
	if len(told) == 0 {
		return ""
	}
	if len(names) > dayReportMost {
		told = append(told, "…")
	}
	return " (" + strings.Join(told, ", ") + ")"
}

func sum(counts map[string]int) int {
	total := 0
	for _, count := range counts {
		total += count
	}
	return total
}
