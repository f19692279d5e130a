// Command ledger measures how fast the log is folded into PostgreSQL, as a ratio to
// COPY of the same rows into tables of the same kind on the same server in the same
// run: so its figures hold on a slow or shared machine too. It starts PostgreSQL, as
// durable as one is by default, and the embedded Kafka, publishes orders that were
// made, and writes what the log says of them into ledgers:
//
//   - as it was written, which is how a process reads that keeps up, in large and in
//     small batches,
//   - topic by topic, the worst that can happen after an outage: each order is folded
//     anew for each of its topics,
//   - as "cupcakery ledger rebuild" does it, with reading Kafka.
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
	"runtime/pprof"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/ledger"
)

// plan is how much the benchmark does.
type plan struct {
	orders, rounds, batch, smallBatch int
	// factory is how many orders a second the factory makes here.
	factory float64
	cpu     string // file for a profile of the first ledger
	// statements says what PostgreSQL is busy with meanwhile.
	statements bool
}

func main() {
	var p plan
	var file string
	flag.IntVar(&p.orders, "orders", 5000, "orders on the log")
	flag.IntVar(&p.rounds, "rounds", 3, "rounds of ledger and COPY in turn")
	flag.IntVar(&p.batch, "batch", 2000, "records that one transaction writes")
	flag.IntVar(&p.smallBatch, "small-batch", 50, "the same of a process that keeps up, and so finds little")
	flag.Float64Var(&p.factory, "factory", 25, "orders a second that the factory makes on this machine, as make bench says")
	flag.StringVar(&p.cpu, "cpuprofile", "", "file for a profile of this process while it writes the first ledger")
	flag.BoolVar(&p.statements, "statements", false, "also say what PostgreSQL is busy with meanwhile")
	flag.StringVar(&file, "json", "bench-ledger.json", "file for the results")
	flag.Parse()
	if p.orders < 100 || p.rounds < 1 || p.batch < 1 || p.smallBatch < 1 || p.factory <= 0 {
		fmt.Fprintln(os.Stderr, "bench: at least 100 orders, and one of everything else")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	results, err := measure(ctx, p)
	if err == nil {
		err = errors.Join(printTable(os.Stdout, results), writeJSON(file, results))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// row is one line of the table.
type row struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Spread string  `json:"spread,omitempty"`
	// Aim is what the figure should reach; empty for one that only explains.
	Aim string `json:"aim,omitempty"`
	Met *bool  `json:"met,omitempty"`
}

// bench is what is measured with.
type bench struct {
	plan
	postgres   *devstack.Postgres
	connection events.Connection
	databases  int
	messages   []events.Message // as they were written
}

func measure(ctx context.Context, p plan) ([]row, error) {
	say("starting PostgreSQL and Kafka")
	postgres, err := devstack.StartPostgres(ctx, devstack.PostgresConfig{Say: func(text string) { say("%s", text) }})
	if err != nil {
		return nil, err
	}
	defer postgres.Stop()
	kafka, err := devstack.StartKafka(ctx, devstack.KafkaConfig{})
	if err != nil {
		return nil, err
	}
	defer kafka.Stop()
	b := &bench{plan: p, postgres: postgres, connection: events.Connection{Brokers: []string{kafka.Addr()}}}
	if _, err := events.ApplyTopics(ctx, b.connection, events.TopicSettings{Partitions: 8}); err != nil {
		return nil, err
	}
	say("publishing what %d orders say", p.orders)
	if err := publish(ctx, b.connection, p.orders); err != nil {
		return nil, err
	}
	if b.messages, err = readAll(ctx, b.connection); err != nil {
		return nil, err
	}
	return b.measure(ctx)
}

func (b *bench) measure(ctx context.Context) ([]row, error) {
	perOrder := float64(len(b.messages)) / float64(b.orders)
	var live, copied, ratios, ages []float64
	var sizes []tableSize
	for round := range b.rounds {
		say("round %d of %d: %d records into a ledger, %d at a time, and COPY of the same rows", round+1, b.rounds, len(b.messages), b.batch)
		url, err := b.newDatabase(ctx)
		if err != nil {
			return nil, err
		}
		profiled := ""
		if round == 0 {
			profiled = b.cpu
		}
		taken, err := b.write(ctx, url, b.messages, b.batch, profiled)
		if err != nil {
			return nil, err
		}
		if sizes, err = sizesOf(ctx, url); err != nil {
			return nil, err
		}
		byCopy, err := b.copyAll(ctx, url)
		if err != nil {
			return nil, err
		}
		total := sum(taken)
		live, copied = append(live, b.rate(total)), append(copied, b.rate(byCopy))
		ratios = append(ratios, byCopy.Seconds()/total.Seconds())
		quarter := max(len(taken)/4, 1)
		ages = append(ages, sum(taken[:quarter]).Seconds()/sum(taken[len(taken)-quarter:]).Seconds())
	}

	some := b.messages[:len(b.messages)/5]
	say("%d records, %d at a time", len(some), b.smallBatch)
	url, err := b.newDatabase(ctx)
	if err != nil {
		return nil, err
	}
	taken, err := b.write(ctx, url, some, b.smallBatch, "")
	if err != nil {
		return nil, err
	}
	small := float64(len(some)) / perOrder / sum(taken).Seconds()

	say("topic by topic, as at worst after an outage")
	if url, err = b.newDatabase(ctx); err != nil {
		return nil, err
	}
	if taken, err = b.write(ctx, url, byPartition(b.messages), b.batch, ""); err != nil {
		return nil, err
	}
	worst := b.rate(sum(taken))

	say("a rebuild from Kafka")
	if url, err = b.newDatabase(ctx); err != nil {
		return nil, err
	}
	rebuilt, err := ledger.Rebuild(ctx, ledger.RebuildConfig{Config: ledger.Config{Database: url}, Connection: b.connection})
	if err != nil {
		return nil, err
	}
	compact, err := sizesOf(ctx, url)
	if err != nil {
		return nil, err
	}

	results := []row{
		{Name: "records of an order", Value: perOrder, Unit: "records"},
		spread("COPY of the same rows", copied, "orders/s"),
		spread("written as they were read", live, "orders/s"),
		{Name: "the same", Value: median(live) * perOrder, Unit: "records/s"},
		spread("ledger ÷ COPY", ratios, "ratio"),
		atLeast(row{Name: fmt.Sprintf("ledger ÷ factory (%g orders/s)", b.factory), Value: median(live) / b.factory, Unit: "ratio"}, 20),
		spread("the last quarter ÷ the first", ages, "ratio"),
		{Name: fmt.Sprintf("written %d at a time", b.smallBatch), Value: small, Unit: "orders/s"},
		{Name: "written topic by topic", Value: worst, Unit: "orders/s"},
		{Name: "built anew, with reading Kafka", Value: b.rate(rebuilt.Took), Unit: "orders/s"},
		{Name: "built anew ÷ COPY", Value: b.rate(rebuilt.Took) / median(copied), Unit: "ratio"},
	}
	// While it catches up the factory goes on.
	missed := time.Hour.Seconds() * b.factory
	caughtUp := func(name string, rate float64) row {
		if rate <= b.factory {
			return row{Name: name + ": never"}
		}
		return row{Name: name, Value: missed / (rate - b.factory), Unit: "s"}
	}
	results = append(results,
		caughtUp("caught up after an hour's outage, computed", median(live)),
		caughtUp("the same topic by topic", worst))
	results = append(results, row{Name: fmt.Sprintf("an outage of %.0f s, tried topic by topic", float64(b.orders)/b.factory), Value: sum(taken).Seconds(), Unit: "s"})
	for _, each := range []struct {
		of    string
		sizes []tableSize
	}{{"as written", sizes}, {"built anew", compact}} {
		var tables, indexes int64
		for _, size := range each.sizes {
			tables, indexes = tables+size.table, indexes+size.indexes
		}
		results = append(results,
			row{Name: "a million orders, " + each.of + ": tables", Value: b.gigabytes(tables), Unit: "GB"},
			row{Name: "their indexes", Value: b.gigabytes(indexes), Unit: "GB"})
	}
	for _, size := range compact {
		if b.gigabytes(size.table+size.indexes) >= 0.05 {
			results = append(results, row{Name: "of that built anew, " + size.name, Value: b.gigabytes(size.table + size.indexes), Unit: "GB"})
		}
	}
	return results, nil
}

// rate is orders a second, if all were written in that time.
func (b *bench) rate(taken time.Duration) float64 { return float64(b.orders) / taken.Seconds() }

// gigabytes are those of a million orders.
func (b *bench) gigabytes(bytes int64) float64 {
	return float64(bytes) / float64(b.orders) * 1e6 / 1e9
}

// newDatabase is an empty database.
func (b *bench) newDatabase(ctx context.Context) (string, error) {
	b.databases++
	return b.postgres.CreateDatabase(ctx, fmt.Sprintf("ledger%d", b.databases), "bench")
}

// write writes messages into a new ledger, and returns how long each batch took.
func (b *bench) write(ctx context.Context, url string, messages []events.Message, batch int, profile string) (taken []time.Duration, err error) {
	store, err := ledger.Open(ctx, ledger.Config{Database: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	if profile != "" {
		file, err := os.Create(profile)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	if b.statements {
		stop, err := watchStatements(ctx, url)
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	for each := range slices.Chunk(messages, batch) {
		began := time.Now()
		added, err := store.Add(ctx, slices.Clone(each))
		if err != nil {
			return nil, err
		}
		if added.Skipped+added.Rejects > 0 {
			return nil, fmt.Errorf("%d records were passed over and %d rejected: %v", added.Skipped, added.Rejects, added.RejectKinds)
		}
		taken = append(taken, time.Since(began))
	}
	return taken, nil
}

func sum(taken []time.Duration) (total time.Duration) {
	for _, each := range taken {
		total += each
	}
	return total
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func spread(name string, values []float64, unit string) row {
	return row{Name: name, Value: median(values), Unit: unit, Spread: fmt.Sprintf("%.3g … %.3g", slices.Min(values), slices.Max(values))}
}

func atLeast(r row, aim float64) row {
	met := r.Value >= aim
	r.Aim, r.Met = fmt.Sprintf("≥ %g", aim), &met
	return r
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

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
	written, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(written, '\n'), 0o644)
}
