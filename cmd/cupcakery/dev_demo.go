package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
	"github.com/cupcakery/cupcakery/wire"
)

// demoStopWithin is how long a robot may finish what it has in hand when the
// demo stops. It takes up the rest under the same name at the next start.
const demoStopWithin = 2 * time.Second

// demoSettings are the flags of the demo.
type demoSettings struct {
	on       bool
	every    time.Duration
	failRate float64
	workTime time.Duration
}

func (s *demoSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&s.on, "demo", false, "robots at the stations, and customers who order")
	flags.DurationVar(&s.every, "demo-every", 3*time.Second, "how often a customer of the demo orders")
	flags.DurationVar(&s.workTime, "demo-work-time", time.Second, "how long a robot of the demo works on a ticket")
	flags.Float64Var(&s.failRate, "demo-fail-rate", 0.05, "share of the robots' work that fails, from 0 to 1")
}

func (s *demoSettings) check(given []string) error {
	if !s.on {
		for _, flag := range []string{"demo-every", "demo-work-time", "demo-fail-rate"} {
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
	for _, stage := range kitchen.Stages() {
		if err := d.startRobot(ctx, stage); err != nil {
			return err
		}
	}
	customers, err := newCustomers(d.addresses().API, d.kitchen, log)
	if err != nil {
		return err
	}
	d.run("the demo's customers", func(ctx context.Context) error {
		customers.order(ctx, d.settings.demo.every)
		return nil
	})
	return nil
}

func (d *dev) startRobot(ctx context.Context, stage kitchen.Stage) error {
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
		Station:  s,
		WorkTime: d.settings.demo.workTime,
		FailRate: d.settings.demo.failRate,
		Reasons:  d.kitchen.Reasons,
		// Enough arms that orders do not pile up at any pace.
		Parallel:   2 + 2*int(d.settings.demo.workTime/d.settings.demo.every),
		StopWithin: demoStopWithin,
	}
	d.run("the "+name, func(ctx context.Context) error {
		// The station outlives the robot, which finishes what it has in hand.
		group, running := errgroup.WithContext(context.WithoutCancel(ctx))
		running, stop := context.WithCancel(running)
		group.Go(func() error { return s.Run(running) })
		group.Go(func() error {
			defer stop()
			return robot.Run(ctx)
		})
		return group.Wait()
	})
	return d.await(ctx, s.Ready())
}

// customers order through the API, as customers do.
type customers struct {
	client  *client.ClientWithResponses
	kitchen *kitchen.Kitchen
	log     *lifeLog
}

func newCustomers(apiURL string, k *kitchen.Kitchen, log *lifeLog) (*customers, error) {
	// A transport of its own: this must never go through a proxy.
	transport := &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
	c, err := client.NewClientWithResponses(apiURL, client.WithHTTPClient(&http.Client{Transport: transport, Timeout: 10 * time.Second}))
	if err != nil {
		return nil, fmt.Errorf("prepare the demo's customers: %w", err)
	}
	return &customers{client: c, kitchen: k, log: log}, nil
}

// order places one order at once and then one at each interval, until ctx ends.
// An order that is refused is printed and forgotten: others will come.
func (c *customers) order(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := c.orderOnce(ctx); err != nil && ctx.Err() == nil {
			c.log.print(time.Now(), "----", "an order was not taken: "+err.Error())
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *customers) orderOnce(ctx context.Context) error {
	order := c.invent()
	key := rand.Text()
	answer, err := c.client.CreateOrderWithResponse(ctx, &wire.CreateOrderParams{IdempotencyKey: &key}, order)
	if err != nil {
		return err
	}
	if answer.JSON201 == nil {
		return fmt.Errorf("%s: %s", answer.Status(), answer.Body)
	}
	var lines []string
	for _, line := range order.Lines {
		lines = append(lines, fmt.Sprintf("%d %s %s", line.Quantity, line.Flavour, line.Size))
	}
	c.log.print(answer.JSON201.PlacedAt, answer.JSON201.PickupCode, order.Customer.Name+" orders "+strings.Join(lines, ", "))
	return nil
}

var (
	demoNames    = []string{"Ada", "Benedikt", "Chidi", "Dilara", "Emeka", "Fatima", "Grace", "Hana", "Íñigo", "Jürgen", "Kwame", "Łucja", "Mei 美", "Noor نور", "Olga Ольга"}
	demoMessages = []string{"", "", "Happy 40th", "Thank you!", "Get well soon 🌷", "Congratulations 🎉", "誕生日おめでとう", "مبروك"}
)

// invent makes up an order from what is on the menu.
func (c *customers) invent() kitchen.Order {
	limits := c.kitchen.Limits
	order := kitchen.Order{Customer: kitchen.Customer{Name: pick(demoNames)}}
	for range 1 + mathrand.IntN(min(3, limits.Lines)) {
		line := kitchen.Line{
			Flavour:  pick(c.kitchen.Menu.Flavours).Code,
			Size:     pick(c.kitchen.Menu.Sizes).Code,
			Quantity: 1 + mathrand.IntN(min(24, limits.Quantity)),
			Message:  pick(demoMessages),
		}
		if limits.CheckMessage(line.Message) != nil {
			line.Message = "" // too long for this kitchen
		}
		order.Lines = append(order.Lines, line)
	}
	return order
}

func pick[T any](from []T) T { return from[mathrand.IntN(len(from))] }

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
		l.print(ack.At, code, fmt.Sprintf("%s undone by %s, %s", ack.Stage, ack.By, scrapped(ack)))
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
	_, _ = fmt.Fprintf(l.w, "%s  order %s: %s\n", at.Local().Format(time.TimeOnly), code, safeText(text)) // nobody may be watching
}
