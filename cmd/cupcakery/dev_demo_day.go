package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// demoPace is the interval between orders for which the times of a day are
	// written. At another one they are as much shorter or longer.
	demoPace = 6 * time.Second
	// demoMostOpen is how many orders may be in the kitchen before nobody else
	// orders: robots go on, and a person at a board is not buried.
	demoMostOpen = 24
	// demoMostForLater is how many orders with a pickup slot are waited for.
	demoMostForLater = 6
	// demoLaterWithin is how far away a slot may be that a customer takes.
	demoLaterWithin = 3 * time.Hour
	// demoRushWhile is with how many open orders a rush may still begin.
	demoRushWhile = demoMostOpen / 2
)

// demoBakery is what the people of the demo can do, all of it through the API.
type demoBakery interface {
	place(ctx context.Context, order kitchen.Order) (kitchen.Status, error)
	slots(ctx context.Context, pieces int) ([]wire.SlotOffer, error)
	cancel(ctx context.Context, orderID, reason string) error
	amend(ctx context.Context, orderID string, change kitchen.Amendment) error
	// open is how many orders are at a station.
	open(ctx context.Context) (int, error)
	questions(ctx context.Context) ([]wire.OrderSummary, error)
	resolve(ctx context.Context, orderID string, decision kitchen.Resolution) error
	ready(ctx context.Context) ([]wire.ReadyOrder, error)
	collect(ctx context.Context, orderID string) error
}

// demoRobots are the demo's robots, as far as a day has a say in what they do.
type demoRobots interface {
	// burn has the next work at a stage fail.
	burn(stage kitchen.Stage, reason kitchen.Reason)
	// doom has all work on an order fail at a stage, until a manager is asked.
	doom(orderID string, stage kitchen.Stage, reason kitchen.Reason)
	// silence has nobody answer at a stage for a while.
	silence(stage kitchen.Stage, silent bool)
}

// demoDay makes a day in the demo's kitchen: who orders what and when, who changes
// their mind, what goes wrong, who decides. One goroutine does one thing after the
// other, and a seed decides all of it.
type demoDay struct {
	bakery  demoBakery
	robots  demoRobots
	kitchen *kitchen.Kitchen
	chance  *rand.Rand
	every   time.Duration
	fails   bool                    // whether things go wrong
	tell    func(code, text string) // code is the order's, if it is about one

	planned []planned
	later   []time.Time          // the slots of orders that are waited for
	seen    map[string]time.Time // when a question is decided and a box collected, by id
}

// planned is something that will happen.
type planned struct {
	at time.Time
	do func(context.Context) error
}

func newDemoDay(bakery demoBakery, robots demoRobots, k *kitchen.Kitchen, seed uint64, every time.Duration) *demoDay {
	return &demoDay{
		bakery: bakery, robots: robots, kitchen: k, every: every,
		chance: rand.New(rand.NewPCG(seed, seed)),
		seen:   map[string]time.Time{},
	}
}

// run goes on until ctx ends. What is refused is told and forgotten: more will come.
func (d *demoDay) run(ctx context.Context) {
	// The first minute has something of everything.
	for i := range 7 {
		d.in(float64(i), func(ctx context.Context) error { return d.placeOne(ctx, d.fails && i == 0) })
	}
	if d.fails {
		d.in(8, d.burnTray)
		d.in(d.between(35, 45), d.orderWithBadLuck)
	}
	d.in(8, d.trickle)
	d.in(d.between(50, 70), d.rush)
	d.in(d.between(100, 160), d.silence)
	d.in(4, d.manage)
	d.in(5, d.handOut)
	for {
		next := d.planned[0]
		d.planned = slices.Delete(d.planned, 0, 1)
		timer := time.NewTimer(time.Until(next.at))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		if err := next.do(ctx); err != nil && ctx.Err() == nil {
			d.tell("", strings.Join(strings.Fields(err.Error()), " ")) // a refusal has a line for each fault
		}
	}
}

// in plans something after so many seconds, at the pace for which days are written.
func (d *demoDay) in(seconds float64, do func(context.Context) error) {
	p := planned{time.Now().Add(d.long(seconds)), do}
	at := len(d.planned)
	for at > 0 && d.planned[at-1].at.After(p.at) {
		at--
	}
	d.planned = slices.Insert(d.planned, at, p)
}

func (d *demoDay) long(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second) * float64(d.every) / float64(demoPace))
}

func (d *demoDay) between(least, most float64) float64 {
	return least + d.chance.Float64()*(most-least)
}

// one says yes in one case out of n.
func (d *demoDay) one(n int) bool { return d.chance.IntN(n) == 0 }

func pick[T any](chance *rand.Rand, from []T) T { return from[chance.IntN(len(from))] }

// trickle has customers come one by one, the slower the more there is to do.
func (d *demoDay) trickle(ctx context.Context) error {
	pause := demoPace.Seconds()
	defer func() { d.in(pause*d.between(0.6, 1.4), d.trickle) }()
	open, err := d.bakery.open(ctx)
	if err != nil {
		return fmt.Errorf("nobody knows how much there is to do: %w", err)
	}
	if open >= demoMostOpen {
		return nil
	}
	pause *= 1 + float64(open)/demoRushWhile
	return d.placeOne(ctx, false)
}

// rush has a crowd come at once, unless there is enough to do.
func (d *demoDay) rush(ctx context.Context) error {
	defer func() { d.in(d.between(240, 480), d.rush) }()
	open, err := d.bakery.open(ctx)
	if err != nil || open > demoRushWhile {
		return err
	}
	crowd := 6 + d.chance.IntN(5)
	d.tell("", fmt.Sprintf("a crowd of %d comes in", crowd))
	for range crowd {
		d.in(d.between(0, 10), func(ctx context.Context) error { return d.placeOne(ctx, false) })
	}
	return nil
}

// orderWithBadLuck is an order that cannot be made until a manager is asked.
func (d *demoDay) orderWithBadLuck(ctx context.Context) error {
	defer func() { d.in(d.between(120, 240), d.orderWithBadLuck) }()
	return d.placeOne(ctx, true)
}

// placeOne places one order, whose customer may change their mind.
func (d *demoDay) placeOne(ctx context.Context, badLuck bool) error {
	order := inventOrder(d.chance, d.kitchen)
	unsure, better := d.one(12), d.one(10)
	if !badLuck && d.one(8) {
		if err := d.forLater(ctx, &order); err != nil {
			return err
		}
	}
	placed, err := d.bakery.place(ctx, order)
	if err != nil {
		return fmt.Errorf("an order was not taken: %w", err)
	}
	d.tell(placed.PickupCode, order.Customer.Name+" orders "+linesOf(order)+pickupOf(order))
	later := !order.PickupAt.IsZero()
	switch {
	case badLuck:
		if reason, found := d.remade(kitchen.Mix); found {
			d.robots.doom(placed.ID, kitchen.Mix, reason)
		}
	case unsure:
		d.in(d.between(6, 40), func(ctx context.Context) error { return d.changeMind(ctx, placed, order) })
	case better && !later:
		d.in(d.between(2, 8), func(ctx context.Context) error { return d.think(ctx, placed, order) })
	}
	if later {
		d.later = append(d.later, order.PickupAt)
	}
	return nil
}

// forLater has an order fetched in a slot of today, if there is one soon.
func (d *demoDay) forLater(ctx context.Context, order *kitchen.Order) error {
	d.later = slices.DeleteFunc(d.later, func(at time.Time) bool { return at.Before(time.Now()) })
	if len(d.later) >= demoMostForLater {
		return nil
	}
	offers, err := d.bakery.slots(ctx, order.Pieces())
	if err != nil {
		return fmt.Errorf("there are no slots to see: %w", err)
	}
	var free []wire.SlotOffer
	for _, offer := range offers {
		if offer.Free && offer.At.Before(time.Now().Add(demoLaterWithin)) {
			free = append(free, offer)
		}
	}
	if len(free) > 0 {
		order.PickupAt = pick(d.chance, free).At
	}
	return nil
}

func (d *demoDay) changeMind(ctx context.Context, placed kitchen.Status, order kitchen.Order) error {
	err := d.bakery.cancel(ctx, placed.ID, pick(d.chance, demoCancelReasons))
	if err == nil {
		d.tell(placed.PickupCode, order.Customer.Name+" cancels")
	}
	return unlessTooLate(err)
}

// think has a customer write what they have forgotten.
func (d *demoDay) think(ctx context.Context, placed kitchen.Status, order kitchen.Order) error {
	notes := pick(d.chance, demoNotes)
	if d.kitchen.Limits.CheckNotes(notes) != nil {
		return nil // too long for this kitchen
	}
	err := d.bakery.amend(ctx, placed.ID, kitchen.Amendment{Notes: &notes})
	if err == nil {
		d.tell(placed.PickupCode, order.Customer.Name+" adds a note: "+notes)
	}
	return unlessTooLate(err)
}

// unlessTooLate forgives what is refused: somebody was faster.
func unlessTooLate(err error) error {
	var refused *exitError
	if errors.As(err, &refused) && (refused.code == exitRefused || refused.code == exitNotFound) {
		return nil
	}
	return err
}

// remade is a reason of the kitchen file that leads to a remake at a stage, if it has
// one: only an oven burns anything, as far as the codes tell.
func (d *demoDay) remade(stage kitchen.Stage) (kitchen.Reason, bool) {
	for _, reason := range reasonsAt(stage, d.kitchen.Reasons) {
		if reason.Then == kitchen.OutcomeRemake {
			return reason, true
		}
	}
	return kitchen.Reason{}, false
}

// reasonsAt are the reasons for which work may fail at a stage.
func reasonsAt(stage kitchen.Stage, all []kitchen.Reason) []kitchen.Reason {
	if stage == kitchen.Bake {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(r kitchen.Reason) bool { return r.Code == "burnt" })
}

func (d *demoDay) burnTray(context.Context) error {
	defer func() { d.in(d.between(180, 360), d.burnTray) }()
	if reason, found := d.remade(kitchen.Bake); found {
		d.robots.burn(kitchen.Bake, reason)
	}
	return nil
}

// silence has one station not answer for a while, so that its queue grows.
func (d *demoDay) silence(context.Context) error {
	defer func() { d.in(d.between(300, 540), d.silence) }()
	stage := pick(d.chance, kitchen.Stages())
	d.tell("", fmt.Sprintf("nobody is at %s for a while", stage))
	d.robots.silence(stage, true)
	d.in(d.between(40, 60), func(context.Context) error {
		d.robots.silence(stage, false)
		return nil
	})
	return nil
}

// manage decides each question after a while.
func (d *demoDay) manage(ctx context.Context) error {
	defer func() { d.in(4, d.manage) }()
	questions, err := d.bakery.questions(ctx)
	if err != nil {
		return fmt.Errorf("the manager cannot see what is asked: %w", err)
	}
	open := map[string]bool{}
	for _, asked := range questions {
		if asked.Attention == nil || len(asked.Attention.Choices) == 0 {
			continue
		}
		key := "question/" + asked.ID + "/" + asked.Attention.Since.Format(time.RFC3339Nano)
		open[key] = true
		if !d.isDue(key, 20, 40) {
			continue
		}
		choice := pick(d.chance, asked.Attention.Choices)
		if d.one(2) && slices.Contains(asked.Attention.Choices, kitchen.ChoiceRemake) {
			choice = kitchen.ChoiceRemake
		}
		err := d.bakery.resolve(ctx, asked.ID, kitchen.Resolution{Choice: choice, Since: asked.Attention.Since})
		if err == nil {
			d.tell(asked.PickupCode, "the manager decides: "+string(choice))
		}
		if err := unlessTooLate(err); err != nil {
			return fmt.Errorf("the manager cannot decide: %w", err)
		}
	}
	d.forget("question/", open)
	return nil
}

// handOut has customers collect what is ready, after a while.
func (d *demoDay) handOut(ctx context.Context) error {
	defer func() { d.in(5, d.handOut) }()
	ready, err := d.bakery.ready(ctx)
	if err != nil {
		return fmt.Errorf("the counter cannot see what is ready: %w", err)
	}
	open := map[string]bool{}
	for _, box := range ready {
		key := "box/" + box.ID
		open[key] = true
		if !d.isDue(key, 25, 150) {
			continue
		}
		err := d.bakery.collect(ctx, box.ID)
		if err == nil {
			d.tell(box.PickupCode, box.Name+" collects it")
		}
		if err := unlessTooLate(err); err != nil {
			return fmt.Errorf("a box cannot be handed out: %w", err)
		}
	}
	d.forget("box/", open)
	return nil
}

// isDue reports whether so many seconds have passed since it was first asked.
func (d *demoDay) isDue(key string, least, most float64) bool {
	at, seen := d.seen[key]
	if !seen {
		at = time.Now().Add(d.long(d.between(least, most)))
		d.seen[key] = at
	}
	return !time.Now().Before(at)
}

func (d *demoDay) forget(prefix string, but map[string]bool) {
	maps.DeleteFunc(d.seen, func(key string, _ time.Time) bool { return strings.HasPrefix(key, prefix) && !but[key] })
}
