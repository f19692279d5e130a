package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// measureAlone compares one order in flight with one bare workflow.
func measureAlone(ctx context.Context, f *factory, p plan) ([]row, error) {
	say("one in flight: %d bare workflows and %d orders in turn", p.alone, p.alone)
	var bare, orders []time.Duration
	const together = 5
	for done := 0; done < p.alone; done += together {
		if err := f.pass(ctx); err != nil {
			return nil, err
		}
		bareLoad, err := runLoad(ctx, together, 1, func(ctx context.Context) (client.WorkflowRun, error) { return startBare(ctx, f.temporal) })
		if err != nil {
			return nil, err
		}
		orderLoad, err := f.runOrders(ctx, together, 1, f.startOrder)
		if err != nil {
			return nil, err
		}
		bare, orders = append(bare, bareLoad.latencies...), append(orders, orderLoad.latencies...)
	}
	slices.Sort(bare)
	slices.Sort(orders)
	bareP50, orderP50 := quantile(bare, 0.5), quantile(orders, 0.5)
	return []row{
		{Name: "bare workflow, one in flight, p50", Value: milliseconds(bareP50), Unit: "ms"},
		{Name: "order, one in flight, p50", Value: milliseconds(orderP50), Unit: "ms"},
		atMost(row{Name: "order ÷ bare, p50 with one in flight", Value: float64(orderP50) / float64(bareP50), Unit: "ratio"}, 1.35),
	}, nil
}

// measureRates compares the rates with many in flight, and counts what an
// order costs in history events and Kafka messages.
func measureRates(ctx context.Context, f *factory, p plan) ([]row, error) {
	before, err := f.messages(ctx)
	if err != nil {
		return nil, err
	}
	shippedBefore := f.shipped
	rounds, err := f.compareRates(ctx, p, p.inFlight)
	if err != nil {
		return nil, err
	}
	after, err := f.messages(ctx)
	if err != nil {
		return nil, err
	}
	run, err := f.startOrder(ctx)
	if err != nil {
		return nil, err
	}
	orderEvents, err := f.historyEvents(ctx, run)
	if err != nil {
		return nil, err
	}
	f.shipped++
	if run, err = startBare(ctx, f.temporal); err != nil {
		return nil, err
	}
	bareEvents, err := f.historyEvents(ctx, run)
	if err != nil {
		return nil, err
	}
	return append(rounds.rows(p),
		atMost(row{Name: "history events per order", Value: orderEvents, Unit: "events"}, float64(6*len(kitchen.Stages())+6)),
		row{Name: "history events per bare workflow", Value: bareEvents, Unit: "events"},
		row{Name: "Kafka messages per order", Value: float64(after-before) / float64(f.shipped-1-shippedBefore), Unit: "messages"},
	), nil
}

// rounds are rounds of bare workflows and orders in turn.
type rounds struct {
	bareRates, orderRates, ratios []float64 // by round, the ratio is orders/s ÷ bare/s
	bareCPU, orderCPU             []cpu     // by round, of all its workflows
}

// compareRates runs bare workflows and orders in turn.
func (f *factory) compareRates(ctx context.Context, p plan, ordersInFlight int) (rounds, error) {
	var r rounds
	for round := range p.rounds {
		if err := f.pass(ctx); err != nil {
			return r, err
		}
		before, err := f.cpu()
		if err != nil {
			return r, err
		}
		bare, err := runLoad(ctx, p.orders, p.inFlight, func(ctx context.Context) (client.WorkflowRun, error) { return startBare(ctx, f.temporal) })
		if err != nil {
			return r, err
		}
		between, err := f.cpu()
		if err != nil {
			return r, err
		}
		profiled := make(chan error, 1)
		go func() {
			if round > 0 || ordersInFlight > p.inFlight {
				profiled <- nil
				return
			}
			profiled <- f.profile(ctx, "rates", p.profileFor)
		}()
		orders, err := f.runOrders(ctx, p.orders, ordersInFlight, f.startOrder)
		if err = errors.Join(err, <-profiled); err != nil {
			return r, err
		}
		after, err := f.cpu()
		if err != nil {
			return r, err
		}
		say("round %d of %d: %.1f bare workflows/s, %.1f orders/s", round+1, p.rounds, bare.perSecond, orders.perSecond)
		r.bareCPU, r.orderCPU = append(r.bareCPU, between.since(before)), append(r.orderCPU, after.since(between))
		r.bareRates, r.orderRates = append(r.bareRates, bare.perSecond), append(r.orderRates, orders.perSecond)
		r.ratios = append(r.ratios, orders.perSecond/bare.perSecond)
	}
	return r, nil
}

// What an order takes, and what a bare workflow does: the bare worker, and all that
// starts and awaits workflows, is the benchmark itself. The API has no part in an
// order that is started without HTTP, but it reads the log all the same.
var (
	ofOrder   = []string{"Temporal", "PostgreSQL", "Kafka", "worker", "robots", "benchmark"}
	ofBare    = []string{"Temporal", "PostgreSQL", "benchmark"}
	cpuParts  = append(slices.Clone(ofOrder), "API")
	temporals = []string{"Temporal"}
)

func (r rounds) rows(p plan) []row {
	rows := []row{
		{Name: "bare workflows/s", Value: median(r.bareRates), Unit: "1/s", Spread: spread(r.bareRates)},
		{Name: "orders/s", Value: median(r.orderRates), Unit: "1/s", Spread: spread(r.orderRates)},
		{Name: fmt.Sprintf("orders/s ÷ bare/s, %d in flight", p.inFlight), Value: median(r.ratios), Unit: "ratio", Spread: spread(r.ratios)},
		atMost(r.cpuRatio("CPU of everything per order ÷ bare", ofOrder, ofBare), 1.2),
		r.cpuRatio("CPU of everything per order ÷ bare, the API included", cpuParts, ofBare),
		atMost(r.cpuRatio("CPU of Temporal per order ÷ bare", temporals, temporals), 1.08),
	}
	for _, part := range cpuParts {
		var ofOrders, ofBares time.Duration
		for i := range r.orderCPU {
			ofOrders, ofBares = ofOrders+r.orderCPU[i][part], ofBares+r.bareCPU[i][part]
		}
		if ofOrders == 0 && ofBares == 0 {
			continue // the embedded stack has no PostgreSQL
		}
		n := float64(p.rounds * p.orders)
		rows = append(rows, row{
			Name: "CPU of " + part + " per order", Value: milliseconds(ofOrders) / n, Unit: "ms",
			Spread: fmt.Sprintf("%.3g per bare workflow", milliseconds(ofBares)/n),
		})
	}
	return rows
}

// cpuRatio is what some parts spend on orders, divided by what others spend on as
// many bare workflows.
func (r rounds) cpuRatio(name string, orderParts, bareParts []string) row {
	var ratios []float64
	for i := range r.orderCPU {
		ratios = append(ratios, float64(r.orderCPU[i].of(orderParts))/float64(max(1, r.bareCPU[i].of(bareParts))))
	}
	return row{Name: name, Value: median(ratios), Unit: "ratio", Spread: spread(ratios)}
}

// cpu is processor time by part.
type cpu map[string]time.Duration

// since is what each part has spent since an earlier look.
func (c cpu) since(before cpu) cpu {
	spent := cpu{}
	for part, total := range c {
		spent[part] = total - before[part]
	}
	return spent
}

// of is what some parts have spent together.
func (c cpu) of(parts []string) time.Duration {
	var sum time.Duration
	for _, part := range parts {
		sum += c[part]
	}
	return sum
}

// cpu looks at what each part has spent so far.
func (f *factory) cpu() (cpu, error) {
	look, err := f.stackCPU()
	if err != nil {
		return nil, err
	}
	workerTime, _, err := f.worker.CPU()
	if err != nil {
		return nil, err
	}
	apiTime, _, err := f.apiServer.CPU()
	if err != nil {
		return nil, err
	}
	look["worker"], look["API"] = workerTime, apiTime
	for _, robot := range f.robots {
		robotTime, _, err := robot.CPU()
		if err != nil {
			return nil, err
		}
		look["robots"] += robotTime
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return nil, err
	}
	look["benchmark"] = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return look, nil
}

// stackCPU looks at what the factory stands on. The embedded Kafka is in the process
// that starts Temporal, and does little else.
func (f *factory) stackCPU() (cpu, error) {
	if f.production == nil {
		kafkaTime, temporalTime, err := f.stack.CPU()
		return cpu{"Temporal": temporalTime, "Kafka": kafkaTime}, err
	}
	look := cpu{}
	for part, pid := range map[string]int{"Temporal": f.production.Temporal.PID(), "PostgreSQL": f.production.Postgres.PID(), "Kafka": f.production.Kafka.PID()} {
		own, children, err := process.CPU(pid)
		if err != nil {
			return nil, err
		}
		look[part] = own + children
	}
	return look, nil
}

func spread(values []float64) string {
	return fmt.Sprintf("%.3g … %.3g", slices.Min(values), slices.Max(values))
}

func (f *factory) runOrders(ctx context.Context, n, inFlight int, start starter) (load, error) {
	result, err := runLoad(ctx, n, inFlight, start)
	f.shipped += n
	return result, err
}

// historyEvents waits for a workflow to close and counts its events.
func (f *factory) historyEvents(ctx context.Context, run client.WorkflowRun) (float64, error) {
	if err := run.Get(ctx, nil); err != nil {
		return 0, err
	}
	description, err := f.temporal.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
	return float64(description.GetWorkflowExecutionInfo().GetHistoryLength()), err
}

// readsPerSecond is the pace at which orders under way are read: far more
// often than their customers would look.
const readsPerSecond = 50

// measureReads reads orders over REST while others are under way.
func measureReads(ctx context.Context, f *factory, p plan) ([]row, error) {
	say("reading orders while %d are in flight", p.inFlight)
	var (
		mu        sync.Mutex
		underWay  []string
		latencies []time.Duration
		failed    int
		stale     int
	)
	reading, stopReading := context.WithCancel(ctx)
	readers, readersCtx := errgroup.WithContext(reading)
	readers.SetLimit(200)
	loaded := make(chan error, 1)
	go func() {
		_, err := f.runOrders(ctx, p.orders, p.inFlight, func(ctx context.Context) (client.WorkflowRun, error) {
			run, orderID, err := f.startKnownOrder(ctx)
			if err == nil {
				mu.Lock()
				underWay = append(underWay, orderID)
				mu.Unlock()
			}
			return run, err
		})
		stopReading()
		loaded <- err
	}()
	pace := time.NewTicker(time.Second / readsPerSecond)
	defer pace.Stop()
	for i := 0; ; i++ {
		select {
		case <-pace.C:
		case <-reading.Done():
			if err := readers.Wait(); err != nil && ctx.Err() != nil {
				return nil, err
			}
			if err := <-loaded; err != nil {
				return nil, err
			}
			slices.Sort(latencies)
			ofAll := fmt.Sprintf("of %d", len(latencies))
			return []row{
				{Name: "GET of an order under load, p50", Value: milliseconds(quantile(latencies, 0.5)), Unit: "ms"},
				atMost(row{Name: "GET of an order under load, p99", Value: milliseconds(quantile(latencies, 0.99)), Unit: "ms"}, 250),
				atMost(row{Name: "GET of an order under load, errors", Value: float64(failed), Unit: "GETs", Spread: ofAll}, 0),
				atMost(row{Name: "GET of an order under load, stale", Value: 100 * float64(stale) / float64(max(1, len(latencies))), Unit: "%", Spread: ofAll}, 10),
			}, nil
		}
		mu.Lock()
		var orderID string
		if n := len(underWay); n > 0 {
			orderID = underWay[max(0, n-1-i%p.inFlight)] // among the newest, which are under way
		}
		mu.Unlock()
		if orderID == "" {
			continue
		}
		readers.Go(func() error {
			began := time.Now()
			isStale, err := f.read(ctx, orderID)
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, took)
			if err != nil {
				failed++
				say("a GET failed: %v", err)
			}
			if isStale {
				stale++
			}
			return readersCtx.Err()
		})
	}
}

func (f *factory) read(ctx context.Context, orderID string) (stale bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.api+"/api/v1/orders/"+orderID, nil)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%s", response.Status)
	}
	status, err := decodeStatus(response.Body)
	return status.Stale, err
}

// measureWorkTimes repeats the comparison with stages that take long enough
// for a started ack and its heartbeat each. More orders are in flight, so that
// the factory has as much to do as before.
func measureWorkTimes(ctx context.Context, f *factory, p plan) ([]row, error) {
	say("stages that take %s", p.workTime)
	if err := f.employRobots(ctx, p.workTime); err != nil {
		return nil, err
	}
	probe, err := runLoad(ctx, p.orders, p.inFlight, func(ctx context.Context) (client.WorkflowRun, error) { return startBare(ctx, f.temporal) })
	if err != nil {
		return nil, err
	}
	atWork := p.workTime.Seconds() * float64(len(kitchen.Stages())) * probe.perSecond
	longer := p
	longer.orders = max(p.orders, 4*int(atWork)) // long enough that filling and emptying the line weigh little
	longer.rounds = max(1, p.rounds/2)
	rounds, err := f.compareRates(ctx, longer, p.inFlight+int(atWork))
	if err != nil {
		return nil, err
	}
	return []row{
		atLeast(row{Name: fmt.Sprintf("orders/s ÷ bare/s, %s a stage, with heartbeats", p.workTime), Value: median(rounds.ratios), Unit: "ratio", Spread: spread(rounds.ratios)}, 0.75),
	}, f.employRobots(ctx, 0)
}

// memoryLooks is how often memory is read on the way to the last order.
const memoryLooks = 4

// measureMemory places orders over REST until enough have shipped in all,
// and looks at the memory of worker and API on the way.
func measureMemory(ctx context.Context, f *factory, p plan) ([]row, error) {
	const mebi = 1 << 20
	var workerMemory, apiMemory []float64
	left := max(memoryLooks, p.soak-f.shipped)
	say("%d orders more over REST, %d in all", left, f.shipped+left)
	for look := range memoryLooks {
		if err := f.pass(ctx); err != nil {
			return nil, err
		}
		if _, err := f.runOrders(ctx, left/memoryLooks, p.inFlight, f.postOrder); err != nil {
			return nil, err
		}
		workerBytes, err := f.worker.Memory()
		if err != nil {
			return nil, err
		}
		apiBytes, err := f.apiServer.Memory()
		if err != nil {
			return nil, err
		}
		workerMemory, apiMemory = append(workerMemory, float64(workerBytes)/mebi), append(apiMemory, float64(apiBytes)/mebi)
		say("look %d of %d, after %d orders: worker %.0f MB, API %.0f MB", look+1, memoryLooks, f.shipped, workerMemory[look], apiMemory[look])
	}
	if err := f.profile(ctx, "soak", 0); err != nil {
		return nil, err
	}
	const last = memoryLooks - 1
	return []row{
		atMost(row{Name: fmt.Sprintf("worker, resident after %d orders", p.soak), Value: workerMemory[last], Unit: "MiB", Spread: spread(workerMemory)}, 80),
		atMost(row{Name: "worker, last look ÷ first", Value: workerMemory[last] / workerMemory[0], Unit: "ratio"}, 1.2),
		atMost(row{Name: fmt.Sprintf("API, resident after %d orders", p.soak), Value: apiMemory[last], Unit: "MiB", Spread: spread(apiMemory)}, 80),
		atMost(row{Name: "API, last look ÷ first", Value: apiMemory[last] / apiMemory[0], Unit: "ratio"}, 1.2),
	}, nil
}
