package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

const (
	// demoStopWithin is how long a robot may finish what it has in hand when the
	// demo stops. It takes up the rest under the same name at the next start.
	demoStopWithin = 2 * time.Second
	// demoJitter is how much longer or shorter a robot may take for a ticket.
	demoJitter = 0.5
)

// demoSettings are the flags of the demo.
type demoSettings struct {
	on       bool
	every    time.Duration
	failRate float64
	seed     uint64
	workTime time.Duration
}

func (s *demoSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&s.on, "demo", false, "robots at the stations, customers who order, and a manager who decides")
	flags.DurationVar(&s.every, "demo-every", demoPace, "how often a customer of the demo orders while there is little to do; all else that happens keeps pace")
	flags.DurationVar(&s.workTime, "demo-work-time", 10*time.Second, "how long a robot of the demo works on a ticket: half as long at least, and half as long again at most")
	flags.Float64Var(&s.failRate, "demo-fail-rate", 0.03, "share of the robots' work that fails, from 0 to 1; with 0 nothing goes wrong")
	flags.Uint64Var(&s.seed, "demo-seed", 0, "who orders what and when, and what goes wrong; 0 draws another day at each start")
}

func (s *demoSettings) check(given []string) error {
	if !s.on {
		for _, flag := range []string{"demo-every", "demo-work-time", "demo-fail-rate", "demo-seed"} {
			if slices.Contains(given, flag) {
				return fmt.Errorf("--%s is for the demo: add --demo or leave the flag out", flag)
			}
		}
		return nil
	}
	switch {
	case s.every <= 0:
		return fmt.Errorf("--demo-every %s: must be above zero, such as 3s", s.every)
	case s.workTime < 0:
		return fmt.Errorf("--demo-work-time %s: must not be negative", s.workTime)
	case !(s.failRate >= 0 && s.failRate < 1):
		return fmt.Errorf("--demo-fail-rate %v: must be from 0 to less than 1", s.failRate)
	}
	return nil
}

// startDemo puts a robot at every station, lets customers order, and prints
// what happens.
func (d *dev) startDemo(ctx context.Context) error {
	var told sync.Once
	listening := make(chan struct{})
	log := &lifeLog{rules: d.kitchen.Rules, w: d.stdout}
	d.run("the demo's log", func(ctx context.Context) error {
		return events.Tail(ctx, events.TailConfig{
			Connection: d.kafka,
			Topics:     []string{events.TopicAcks, events.TopicShip},
			OnlyNew:    true,
			Handle:     log.hear,
			CaughtUp:   func() { told.Do(func() { close(listening) }) },
			Logger:     d.logger,
		})
	})
	if err := d.await(ctx, listening); err != nil {
		return err
	}
	seed := d.settings.demo.seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for i, stage := range kitchen.Stages() {
		if err := d.startRobot(ctx, stage, rand.New(rand.NewPCG(seed, uint64(i)))); err != nil {
			return err
		}
	}
	bakery, err := newAPIBakery(d.addresses().API)
	if err != nil {
		return err
	}
	day := newDemoDay(bakery, d.crew, d.kitchen, seed, d.settings.demo.every)
	day.fails = d.settings.demo.failRate > 0
	day.tell = func(code, text string) { log.print(time.Now(), code, text) }
	d.run("the demo's day", func(ctx context.Context) error {
		day.run(ctx)
		return nil
	})
	return nil
}

func (d *dev) startRobot(ctx context.Context, stage kitchen.Stage, chance *rand.Rand) error {
	name := "robot-" + string(stage.Info().Role)
	s, err := station.New(station.Config{
		Connection: d.kafka,
		Stage:      stage,
		Name:       name,
		AckWithin:  d.kitchen.Rules.AckWithinFor(stage),
		Logger:     d.logger,
		Metrics:    d.registry,
	})
	if err != nil {
		return err
	}
	robot := &station.Robot{
		Station:    s,
		WorkTime:   d.settings.demo.workTime,
		Jitter:     demoJitter,
		FailRate:   d.settings.demo.failRate,
		Judge:      d.crew.judge,
		Reasons:    d.kitchen.Reasons,
		Chance:     chance.Float64,
		Parallel:   d.demoArms(stage),
		StopWithin: demoStopWithin,
	}
	d.crew.add(stage, name, robot)
	d.run("the "+name, func(ctx context.Context) error { return workAt(ctx, s, robot.Run) })
	return d.await(ctx, s.Ready())
}

// demoArms is how many tickets a robot works on at once: enough that orders do not pile
// up at any pace. The first stages are the fastest, so that when many come something
// waits at each station, and not only at the first.
func (d *dev) demoArms(stage kitchen.Stage) int {
	fast := max(0, 2-slices.Index(kitchen.Stages(), stage))
	atOnce := min(d.settings.demo.workTime/d.settings.demo.every, demoMostOpen) // nobody orders what they could not reach
	return 1 + int(atOnce) + fast
}

// lifeLog prints the life of orders, a line for each thing that happens, as
// the log in Kafka has it: whoever works at a station appears in it.
type lifeLog struct {
	rules kitchen.Rules
	mu    sync.Mutex // one line at a time
	w     io.Writer
}

// hear prints what a message says. What cannot be understood is the worker's
// to deal with.
func (l *lifeLog) hear(m events.Message) {
	if m.Topic == events.TopicShip {
		var shipped kitchen.Shipped
		if err := json.Unmarshal(m.Value, &shipped); err == nil {
			took := shipped.ShippedAt.Sub(shipped.PlacedAt).Round(100 * time.Millisecond)
			l.print(shipped.ShippedAt, shipped.PickupCode, fmt.Sprintf("shipped to %s, %s after the order", shipped.Customer.Name, took))
		}
		return
	}
	ack, err := events.DecodeAck(m)
	if err != nil || !ack.Stage.Valid() {
		return
	}
	code := kitchen.PickupCode(ack.OrderID)
	switch ack.Kind {
	case kitchen.AckDone:
		l.print(ack.At, code, ack.Stage.Info().Did+" by "+ack.By)
	case kitchen.AckFailed:
		reason := ack.Reason
		if reason == "" {
			reason = kitchen.ReasonOther
		}
		l.print(ack.At, code, fmt.Sprintf("%s failed at %s (%s): %s", what(ack), ack.By, reason, l.afterFailure(ack)))
	case kitchen.AckUndone:
		l.print(ack.At, code, fmt.Sprintf("%s cleared away by %s, %s", ack.Stage, ack.By, scrapped(ack)))
	}
}

// afterFailure says what happens after work failed. An order that has started
// again too often waits for a manager; the log does not show that.
func (l *lifeLog) afterFailure(ack kitchen.Ack) string {
	switch {
	case isUndo(ack):
		return "a manager is asked"
	case l.rules.OutcomeFor(ack.Reason) == kitchen.OutcomeRemake:
		return "the order starts again from " + kitchen.StageNames()[0]
	}
	return "the ticket is issued again"
}

func isUndo(ack kitchen.Ack) bool {
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	return err == nil && ref.Kind == kitchen.TicketUndo
}

// what names the work that an ack is about.
func what(ack kitchen.Ack) string {
	if isUndo(ack) {
		return "undoing " + string(ack.Stage)
	}
	return string(ack.Stage)
}

// scrapped says what undoing has cost, and why if nothing.
func scrapped(ack kitchen.Ack) string {
	switch {
	case ack.Scrapped == 1:
		return "1 piece scrapped"
	case ack.Scrapped > 0:
		return fmt.Sprintf("%d pieces scrapped", ack.Scrapped)
	case ack.Note != "":
		return "nothing scrapped (" + ack.Note + ")"
	}
	return "nothing scrapped"
}

func (l *lifeLog) print(at time.Time, code, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if code != "" {
		text = "order " + code + ": " + text
	}
	_, _ = fmt.Fprintf(l.w, "%s  %s\n", at.Local().Format(time.TimeOnly), safeText(text)) // nobody may be watching
}
