package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// fewOpen is the number of open orders that many are compared with.
	fewOpen = 100
	// A factory has read all that was written when its processes use less than
	// idleShare of a processor in each of idleLooks seconds. That is little enough
	// not to be mistaken for one that gets no processor.
	idleShare = 0.05
	idleLooks = 3
	// idleWithin is how long that is waited for: a factory may have other things to
	// do all the time.
	idleWithin = 5 * time.Minute
)

// measureManyOpen compares what an order costs with few and with many open ones on
// the log, in two factories in turn, and measures the start of an API with many.
// The benchmark is all the stations: robots would make what is open. It is open on
// the log only, since to Temporal a workflow that waits is no more than a row.
func measureManyOpen(ctx context.Context, s *side, p plan) ([]row, error) {
	say("starting Temporal, Kafka, worker and API twice, for orders while few and while many are open")
	few, err := startWithOpen(ctx, s, fewOpen)
	if err != nil {
		return nil, err
	}
	stopFew := sync.OnceFunc(few.stop)
	defer stopFew()
	many, err := startWithOpen(ctx, s, p.manyOpen)
	if err != nil {
		return nil, err
	}
	defer many.stop()
	var fewCosts, manyCosts []cpu
	for round := range max(1, p.rounds) {
		if err := s.pass(ctx); err != nil {
			return nil, err
		}
		fewCost, err := few.costOfOrders(ctx, p)
		if err != nil {
			return nil, errors.Join(err, few.lookForDead())
		}
		manyCost, err := many.costOfOrders(ctx, p)
		if err != nil {
			return nil, errors.Join(err, many.lookForDead())
		}
		fewCosts, manyCosts = append(fewCosts, fewCost), append(manyCosts, manyCost)
		say("round %d: %.1f ms of CPU per order with %d open, %.1f ms with %d", round+1, perOrder(fewCost, p, cpuParts...), fewOpen, perOrder(manyCost, p, cpuParts...), p.manyOpen)
	}
	stopFew()
	if err := errors.Join(many.worker.Stop(30*time.Second), many.apiServer.Stop(30*time.Second)); err != nil {
		return nil, err
	}
	starts, err := many.measureStart(ctx, p.manyOpen)
	if err != nil {
		return nil, errors.Join(err, many.lookForDead())
	}
	return append(rowsOfManyOpen(fewCosts, manyCosts, p), starts...), s.pass(ctx)
}

// rowsOfManyOpen tells what orders have taken, by round.
func rowsOfManyOpen(few, many []cpu, p plan) []row {
	var ratios []float64
	for i := range few {
		ratios = append(ratios, perOrder(many[i], p, cpuParts...)/perOrder(few[i], p, cpuParts...))
	}
	rows := []row{
		atMost(row{Name: fmt.Sprintf("CPU of everything per order, %d open ÷ %d open", p.manyOpen, fewOpen), Value: median(ratios), Unit: "ratio", Spread: spread(ratios)}, 1.2),
	}
	for _, part := range cpuParts {
		var fewOfPart, manyOfPart []float64
		for i := range few {
			fewOfPart, manyOfPart = append(fewOfPart, perOrder(few[i], p, part)), append(manyOfPart, perOrder(many[i], p, part))
		}
		rows = append(rows, row{
			Name: fmt.Sprintf("CPU of %s per order with %d open", part, p.manyOpen), Value: median(manyOfPart), Unit: "ms",
			Spread: fmt.Sprintf("%.3g with %d open", median(fewOfPart), fewOpen),
		})
	}
	return rows
}

// perOrder is what some parts have spent for each order of a round, in milliseconds.
func perOrder(spent cpu, p plan, parts ...string) float64 {
	return milliseconds(spent.of(parts)) / float64(p.orders)
}

// startWithOpen starts a factory without robots, with open orders on its log that
// everybody has read.
func startWithOpen(ctx context.Context, s *side, open int) (*factory, error) {
	f, err := startWithoutRobots(ctx, s)
	if err != nil {
		return nil, err
	}
	copies, err := f.recordOpenOrders(ctx, kitchen.Stages())
	if err == nil {
		err = copies.write(ctx, open)
	}
	if err == nil {
		err = f.untilIdle(ctx)
	}
	if err != nil {
		err = errors.Join(err, f.lookForDead())
		f.stop()
		return nil, err
	}
	return f, nil
}

// costOfOrders makes orders, and returns the CPU that they have taken. The stations'
// is the benchmark's.
func (f *factory) costOfOrders(ctx context.Context, p plan) (cpu, error) {
	writer, err := events.NewWriter(f.connection())
	if err != nil {
		return nil, err
	}
	defer func() { _ = writer.Close() }() // all that counts has been acknowledged
	tickets, stop, err := f.watchTickets(ctx, kitchen.Stages()...)
	if err != nil {
		return nil, err
	}
	defer stop()
	before, err := f.cpu()
	if err != nil {
		return nil, err
	}
	if _, err := runLoad(ctx, p.orders, p.inFlight, func(ctx context.Context) (client.WorkflowRun, error) {
		run, orderID, err := f.startKnownOrder(ctx)
		if err != nil {
			return nil, err
		}
		return run, bring(ctx, writer, tickets, orderID, "", kitchen.AckDone)
	}); err != nil {
		return nil, err
	}
	after, err := f.cpu()
	return after.since(before), err
}

// untilIdle waits until the processes have read all that was written.
func (f *factory) untilIdle(ctx context.Context) error {
	const look = time.Second
	giveUp := time.Now().Add(idleWithin)
	before, err := f.cpu()
	for idle := 0; err == nil && idle < idleLooks; {
		if time.Now().After(giveUp) {
			say("the factory has not come to rest within %s; going on", idleWithin)
			return nil
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
		var now cpu
		if now, err = f.cpu(); err != nil {
			return err
		}
		if now.since(before).of(cpuParts).Seconds() < idleShare*look.Seconds() {
			idle++
		} else {
			idle = 0
		}
		before = now
	}
	return err
}
