// Command bench measures the factory against a bare workflow on the same
// server in the same run, so that its figures are ratios that hold on a slow
// or shared machine too. It runs the real binary as separate processes on the
// embedded stack: Temporal and Kafka, a worker, an API and a robot per
// station.
//
// The bare workflow has as many activities as an order has stages; they do
// nothing. What an order costs beyond it is what Kafka, tickets and acks add.
//
// The live side is measured in a factory of its own, without robots: this
// process publishes the acks, and has the WebSockets on which they are seen.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"
)

// plan is how much the benchmark does.
type plan struct {
	rounds   int
	orders   int // per round and kind
	inFlight int
	alone    int // orders, and bare workflows, with one in flight
	soak     int // orders before the last look at memory
	workTime time.Duration
	junk     int // acks that change nothing, with good ones among them

	live       int // live connections of each kind
	liveOrders int // orders that they follow
	liveAcks   int // acks whose way to them is timed, of each kind
	openOrders int // on the log when the API starts
}

func main() {
	var (
		p      plan
		file   string
		binary string
	)
	flag.IntVar(&p.rounds, "rounds", 5, "rounds of bare workflows and orders in turn; 0 measures the live side only")
	flag.IntVar(&p.orders, "orders", 600, "orders, and bare workflows, per round")
	flag.IntVar(&p.inFlight, "in-flight", 100, "orders under way at once")
	flag.IntVar(&p.alone, "alone", 60, "orders, and bare workflows, with one in flight")
	flag.IntVar(&p.soak, "soak", 10_000, "orders in all, after which memory is read")
	flag.DurationVar(&p.workTime, "work-time", 2*time.Second, "work time of a stage in the round with heartbeats; over a second")
	flag.IntVar(&p.junk, "junk", 50_000, "acks that change nothing, with good ones among them")
	flag.IntVar(&p.live, "live", 1000, "live connections on one station's board, and as many on orders; 0 leaves the live side out")
	flag.IntVar(&p.liveOrders, "live-orders", 100, "orders that those follow, each the same number of them")
	flag.IntVar(&p.liveAcks, "live-acks", 200, "acks whose way to live connections is timed, of each kind")
	flag.IntVar(&p.openOrders, "open-orders", 10_000, "open orders on the log when the API is restarted")
	flag.StringVar(&file, "json", "bench.json", "file for the results")
	flag.StringVar(&binary, "binary", "bin/cupcakery", "the binary to measure")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	results, err := measure(ctx, binary, p)
	if err == nil {
		err = errors.Join(printTable(os.Stdout, results), writeJSON(file, results))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure does the whole plan and returns the rows of the table.
func measure(ctx context.Context, binary string, p plan) ([]row, error) {
	directory, err := os.MkdirTemp("", "cupcakery-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	var results []row
	if p.rounds > 0 {
		if results, err = measureOrders(ctx, binary, directory, p); err != nil {
			return nil, err
		}
	}
	if p.live == 0 {
		return results, nil
	}
	rows, err := measureLive(ctx, binary, directory, p)
	return append(results, rows...), err
}

// measureOrders measures a factory that makes orders.
func measureOrders(ctx context.Context, binary, directory string, p plan) ([]row, error) {
	say("starting Temporal, Kafka, worker, API and four robots")
	f, err := startFactory(ctx, binary, directory, 0)
	if err != nil {
		return nil, err
	}
	defer f.stop()

	var results []row
	for _, part := range []func(context.Context, *factory, plan) ([]row, error){
		measureAlone,
		measureRates,
		measureReads,
		measureCancelled,
		measureJunk,
		measureWorkTimes,
		measureMemory,
	} {
		rows, err := part(ctx, f, p)
		if err != nil {
			return nil, errors.Join(err, f.lookForDead())
		}
		results = append(results, rows...)
	}
	return results, nil
}

// row is one line of the table.
type row struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Spread string  `json:"spread,omitempty"`
	// Aim is what the figure should reach; empty for a figure that only
	// explains another.
	Aim string `json:"aim,omitempty"`
	Met *bool  `json:"met,omitempty"`
}

func atLeast(r row, aim float64) row {
	met := r.Value >= aim
	r.Aim, r.Met = fmt.Sprintf("≥ %g", aim), &met
	return r
}

func atMost(r row, aim float64) row {
	met := r.Value <= aim
	r.Aim, r.Met = fmt.Sprintf("≤ %g", aim), &met
	return r
}

func printTable(w io.Writer, results []row) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "figure\tvalue\tunit\taim\tmet\tspread") // Flush reports what fails
	for _, r := range results {
		met := ""
		if r.Met != nil {
			met = map[bool]string{true: "yes", false: "NO"}[*r.Met]
		}
		_, _ = fmt.Fprintf(table, "%s\t%.4g\t%s\t%s\t%s\t%s\n", r.Name, r.Value, r.Unit, r.Aim, met, r.Spread)
	}
	return table.Flush()
}

func writeJSON(file string, results []row) error {
	data, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

func say(format string, args ...any) { slog.Info(fmt.Sprintf(format, args...)) }
