// Command bench measures the factory against a bare workflow on the same
// server in the same run, so that its figures are ratios that hold on a slow
// or shared machine too. It runs the real binary as separate processes on the
// embedded stack: Temporal and Kafka, a worker, an API and a robot per
// station.
//
// With -stack production it runs on what "make production" runs on instead: the
// Temporal server on PostgreSQL, and Apache Kafka with TLS and ACLs.
//
// The bare workflow has as many activities as an order has stages; they do
// nothing. What an order costs beyond it is what Kafka, tickets and acks add.
//
// The live side is measured in a factory of its own, without robots: this
// process publishes the acks, and has the WebSockets on which they are seen.
//
// With -against a second binary is measured in the same run: each has factories
// of its own, Temporal and Kafka included, and each measures a round while the
// other's have nothing to do. The second binary may be an older one, so nothing
// is asked of it that it might not know: no new flag and no new topic.
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
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
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
	manyOpen   int // on the log while orders are made; 0 leaves that out

	profileFor time.Duration // whole seconds

	onProduction bool // instead of the embedded stack

	parts []string // of a factory that makes orders; all if empty
}

func main() {
	var (
		p               = plan{profileFor: 8 * time.Second}
		file            string
		binary, against string
		profiles        string
	)
	flag.IntVar(&p.rounds, "rounds", 5, "rounds of bare workflows and orders in turn; 0 measures the live side only")
	flag.IntVar(&p.orders, "orders", 400, "orders, and bare workflows, per round")
	flag.IntVar(&p.inFlight, "in-flight", 100, "orders under way at once")
	flag.IntVar(&p.alone, "alone", 60, "orders, and bare workflows, with one in flight")
	flag.IntVar(&p.soak, "soak", 10_000, "orders in all, after which memory is read")
	flag.DurationVar(&p.workTime, "work-time", 2*time.Second, "work time of a stage in the round with heartbeats; over a second")
	flag.IntVar(&p.junk, "junk", 50_000, "acks that change nothing, with good ones among them")
	flag.IntVar(&p.live, "live", 1000, "live connections on one station's board, and as many on orders; 0 leaves the live side out")
	flag.IntVar(&p.liveOrders, "live-orders", 100, "orders that those follow, each the same number of them")
	flag.IntVar(&p.liveAcks, "live-acks", 200, "acks whose way to live connections is timed, of each kind")
	flag.IntVar(&p.openOrders, "open-orders", 10_000, "open orders on the log when the API is restarted")
	flag.IntVar(&p.manyOpen, "many-open", 0, "also compare what an order costs with so many open orders on the log and with 100, as with 100000; takes minutes")
	flag.Func("parts", "measure only these of a factory that makes orders, as in \"alone,rates\": "+strings.Join(partNames(), ", "), func(value string) error {
		p.parts = strings.Split(value, ",")
		for _, part := range p.parts {
			if !slices.Contains(partNames(), part) {
				return fmt.Errorf("there is no part %q", part)
			}
		}
		return nil
	})
	flag.Func("stack", "embedded (the default) or production", func(value string) error {
		if value != "embedded" && value != "production" {
			return fmt.Errorf("there is no stack %q", value)
		}
		p.onProduction = value == "production"
		return nil
	})
	flag.StringVar(&file, "json", "bench.json", "file for the results")
	flag.StringVar(&binary, "binary", "bin/cupcakery", "the binary to measure")
	flag.StringVar(&against, "against", "", "a second binary, measured in turn with the first")
	flag.StringVar(&profiles, "profiles", "", "directory for profiles of each process, taken in the first round of orders, after all orders and after the start with open ones; a binary that gives none is measured without")
	flag.Parse()

	if err := p.check(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	results, err := measure(ctx, [2]string{binary, against}, profiles, p)
	if err == nil {
		err = errors.Join(printTable(os.Stdout, results), writeJSON(file, results))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// check refuses a plan that leaves nothing to measure in one of its parts.
func (p plan) check() error {
	var faults []error
	for _, at := range []struct {
		name         string
		value, least int
	}{
		{"orders", p.orders, 1}, {"in-flight", p.inFlight, 1}, {"alone", p.alone, 1}, {"junk", p.junk, goodAcks},
		{"live-orders", p.liveOrders, 1}, {"live-acks", p.liveAcks, 1}, {"open-orders", p.openOrders, 1},
	} {
		if at.value < at.least {
			faults = append(faults, fmt.Errorf("-%s %d: at least %d; -parts leaves parts out", at.name, at.value, at.least))
		}
	}
	return errors.Join(faults...)
}

// measure does the whole plan and returns the rows of the table. With a second
// binary to measure against, each row tells both.
func measure(ctx context.Context, binaries [2]string, profiles string, p plan) ([]row, error) {
	directory, err := os.MkdirTemp("", "cupcakery-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	if binaries[1] == "" {
		return (&side{binary: binaries[0], directory: directory, profiles: profiles, onProduction: p.onProduction}).measure(ctx, p)
	}
	turns := takeTurns(func(i int) { say("-- %s", binaries[i]) })
	var results [2][]row
	sides, sidesCtx := errgroup.WithContext(ctx)
	for i := range binaries {
		sides.Go(func() error {
			s := &side{binary: binaries[i], directory: filepath.Join(directory, strconv.Itoa(i)), profiles: profiles, onProduction: p.onProduction, turn: turns[i]}
			if err := os.Mkdir(s.directory, 0o700); err != nil {
				return err
			}
			if err := s.turn.wait(sidesCtx); err != nil {
				return err
			}
			var err error
			if results[i], err = s.measure(sidesCtx, p); err != nil {
				return fmt.Errorf("%s: %w", s.binary, err)
			}
			s.turn.leave()
			return nil
		})
	}
	if err := sides.Wait(); err != nil {
		return nil, err
	}
	return compare(results[0], results[1]), nil
}

// side is a binary that is measured, and what its factories share.
type side struct {
	*turn
	binary       string
	directory    string
	onProduction bool
	profiles     string // where profiles of its processes go; empty for none
}

func (s *side) measure(ctx context.Context, p plan) ([]row, error) {
	var results []row
	for _, part := range []struct {
		wanted  bool
		measure func(context.Context, *side, plan) ([]row, error)
	}{
		{p.rounds > 0, measureOrders},
		{p.live > 0, measureLive},
		{p.manyOpen > 0, measureManyOpen},
	} {
		if !part.wanted {
			continue
		}
		rows, err := part.measure(ctx, s, p)
		if err != nil {
			return nil, err
		}
		results = append(results, rows...)
		// The other side's factory is to be gone, too, before the next part.
		if err := s.pass(ctx); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// orderParts are what is measured of a factory that makes orders, in this order.
var orderParts = []struct {
	name    string
	measure func(context.Context, *factory, plan) ([]row, error)
}{
	{"alone", measureAlone},
	{"rates", measureRates},
	{"reads", measureReads},
	{"cancelled", measureCancelled},
	{"junk", measureJunk},
	{"work-times", measureWorkTimes},
	{"memory", measureMemory},
}

func partNames() []string {
	var names []string
	for _, part := range orderParts {
		names = append(names, part.name)
	}
	return names
}

// measureOrders measures a factory that makes orders.
func measureOrders(ctx context.Context, s *side, p plan) ([]row, error) {
	say("starting Temporal, Kafka, worker, API and four robots")
	f, err := startFactory(ctx, s, 0)
	if err != nil {
		return nil, err
	}
	defer f.stop()

	var results []row
	for _, part := range orderParts {
		if len(p.parts) > 0 && !slices.Contains(p.parts, part.name) {
			continue
		}
		if err := f.pass(ctx); err != nil {
			return nil, err
		}
		rows, err := part.measure(ctx, f, p)
		if err != nil {
			return nil, errors.Join(err, f.lookForDead())
		}
		results = append(results, rows...)
	}
	return results, f.pass(ctx)
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
	// Against is the second binary's value, Quotient this value divided by it.
	Against       *float64 `json:"against,omitempty"`
	AgainstSpread string   `json:"againstSpread,omitempty"`
	Quotient      *float64 `json:"quotient,omitempty"`
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

// compare adds to each row what the same row of the second binary says. The first
// of a name is compared with the first of that name.
func compare(results, against []row) []row {
	compared, against := slices.Clone(results), slices.Clone(against)
	for i := range compared {
		at := slices.IndexFunc(against, func(r row) bool { return r.Name == compared[i].Name })
		if at < 0 {
			continue
		}
		other := against[at]
		against = slices.Delete(against, at, at+1)
		compared[i].Against, compared[i].AgainstSpread = &other.Value, other.Spread
		if other.Value != 0 {
			quotient := compared[i].Value / other.Value
			compared[i].Quotient = &quotient
		}
	}
	return compared
}

func printTable(w io.Writer, results []row) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	compared := slices.ContainsFunc(results, func(r row) bool { return r.Against != nil })
	line := func(figure, value, against, quotient, unit, aim, met, spread, againstSpread string) {
		cells := []string{figure, value, unit, aim, met, spread}
		if compared {
			cells = []string{figure, value, against, quotient, unit, aim, met, spread, againstSpread}
		}
		_, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) // Flush reports what fails
	}
	line("figure", "value", "against", "value ÷ against", "unit", "aim", "met", "spread", "spread of against")
	for _, r := range results {
		met := ""
		if r.Met != nil {
			met = map[bool]string{true: "yes", false: "NO"}[*r.Met]
		}
		line(r.Name, fmt.Sprintf("%.4g", r.Value), optional("%.4g", r.Against), optional("%.3g", r.Quotient), r.Unit, r.Aim, met, r.Spread, r.AgainstSpread)
	}
	return table.Flush()
}

func optional(format string, value *float64) string {
	if value == nil {
		return ""
	}
	return fmt.Sprintf(format, *value)
}

func writeJSON(file string, results []row) error {
	data, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

func say(format string, args ...any) { slog.Info(fmt.Sprintf(format, args...)) }
