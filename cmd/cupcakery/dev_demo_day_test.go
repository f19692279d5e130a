package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// fakeBakery has stations that finish an order in each interval, as long as they
// work, and in which what the day has doomed comes to a manager.
type fakeBakery struct {
	t       *testing.T
	pace    time.Duration // for an order
	working bool
	next    time.Time
	number  int
	orders  []*fakeOrder // that are not collected

	mostOpen, placed, collected, cancelled, amended, forLater int
	decidedAfter                                              []time.Duration
	burnt, doomed, silenced                                   int
	story                                                     []string
}

type fakeOrder struct {
	id    string
	state kitchen.OrderState
	asked time.Time
	due   time.Time
}

// pass lets the stations work until now.
func (b *fakeBakery) pass() {
	for ; b.working && !b.next.After(time.Now()); b.next = b.next.Add(b.pace) {
		for _, o := range b.orders {
			if o.state == kitchen.StateScheduled && !o.due.After(b.next) {
				o.state = kitchen.StateInProgress
			}
		}
		if at := slices.IndexFunc(b.orders, func(o *fakeOrder) bool { return o.state == kitchen.StateInProgress }); at >= 0 {
			b.orders[at].state = kitchen.StateShipped
		}
	}
}

func (b *fakeBakery) of(state kitchen.OrderState) (orders []*fakeOrder) {
	b.pass()
	for _, o := range b.orders {
		if o.state == state {
			orders = append(orders, o)
		}
	}
	return orders
}

func (b *fakeBakery) find(id string) *fakeOrder {
	at := slices.IndexFunc(b.orders, func(o *fakeOrder) bool { return o.id == id })
	if at < 0 {
		return nil
	}
	return b.orders[at]
}

func (b *fakeBakery) place(_ context.Context, order kitchen.Order) (kitchen.Status, error) {
	require.Empty(b.t, kitchen.Default().CheckOrder(order))
	b.number++
	o := &fakeOrder{id: fmt.Sprintf("order-%d", b.number), state: kitchen.StateInProgress, due: order.PickupAt}
	if !o.due.IsZero() {
		o.state = kitchen.StateScheduled
		b.forLater++
	}
	b.orders = append(b.orders, o)
	b.placed++
	b.mostOpen = max(b.mostOpen, len(b.of(kitchen.StateInProgress)))
	return kitchen.Status{ID: o.id, PickupCode: o.id}, nil
}

func (b *fakeBakery) slots(context.Context, int) ([]wire.SlotOffer, error) {
	now := time.Now()
	return []wire.SlotOffer{{At: now.Add(time.Hour), Free: true}, {At: now.Add(2 * time.Hour)}, {At: now.Add(24 * time.Hour), Free: true}}, nil
}

func (b *fakeBakery) cancel(_ context.Context, orderID, _ string) error {
	o := b.find(orderID)
	if o == nil || o.state == kitchen.StateShipped {
		return &exitError{exitRefused, errors.New("too late")}
	}
	b.orders = slices.DeleteFunc(b.orders, func(other *fakeOrder) bool { return other == o })
	b.cancelled++
	return nil
}

func (b *fakeBakery) amend(_ context.Context, orderID string, change kitchen.Amendment) error {
	require.Empty(b.t, change.Check(kitchen.Default().Limits, 1))
	b.amended++
	return nil
}

func (b *fakeBakery) open(context.Context) (int, error) {
	return len(b.of(kitchen.StateInProgress)), nil
}

func (b *fakeBakery) questions(context.Context) (asked []wire.OrderSummary, _ error) {
	for _, o := range b.of(kitchen.StateNeedsAttention) {
		asked = append(asked, wire.OrderSummary{ID: o.id, PickupCode: o.id, Attention: &kitchen.Attention{Since: o.asked, Choices: kitchen.Choices()}})
	}
	return asked, nil
}

func (b *fakeBakery) resolve(_ context.Context, orderID string, decision kitchen.Resolution) error {
	o := b.find(orderID)
	require.Equal(b.t, o.asked, decision.Since)
	o.state = kitchen.StateInProgress
	b.decidedAfter = append(b.decidedAfter, time.Since(o.asked))
	return nil
}

func (b *fakeBakery) ready(context.Context) (ready []wire.ReadyOrder, _ error) {
	for _, o := range b.of(kitchen.StateShipped) {
		ready = append(ready, wire.ReadyOrder{ID: o.id, PickupCode: o.id})
	}
	return ready, nil
}

func (b *fakeBakery) collect(_ context.Context, orderID string) error {
	b.orders = slices.DeleteFunc(b.orders, func(o *fakeOrder) bool { return o.id == orderID })
	b.collected++
	return nil
}

func (b *fakeBakery) burn(stage kitchen.Stage, reason kitchen.Reason) {
	require.Equal(b.t, kitchen.Bake, stage)
	require.Equal(b.t, "burnt", reason.Code)
	b.burnt++
}

func (b *fakeBakery) doom(orderID string, stage kitchen.Stage, reason kitchen.Reason) {
	require.Equal(b.t, kitchen.Mix, stage)
	require.Equal(b.t, "dropped", reason.Code, "nothing burns in a bowl")
	require.Equal(b.t, kitchen.OutcomeRemake, reason.Then)
	b.doomed++
	o := b.find(orderID)
	o.state, o.asked = kitchen.StateNeedsAttention, time.Now()
}

func (b *fakeBakery) silence(_ kitchen.Stage, silent bool) {
	if silent {
		b.silenced++
	}
}

// play runs a day for a while of fake time.
func play(t *testing.T, seed uint64, pace, length time.Duration, change func(*demoDay, *fakeBakery)) *fakeBakery {
	t.Helper()
	b := &fakeBakery{t: t, pace: pace, working: true, next: time.Now()}
	day := newDemoDay(b, b, kitchen.Default(), seed, demoPace)
	day.fails = true
	begin := time.Now()
	day.tell = func(code, text string) {
		b.story = append(b.story, fmt.Sprintf("%s %s: %s", time.Since(begin), code, text))
	}
	if change != nil {
		change(day, b)
	}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	day.run(ctx)
	require.Less(t, len(day.planned), 60, "what is planned does not grow")
	require.Less(t, len(day.seen), 60, "what is remembered does not grow")
	require.LessOrEqual(t, len(day.later), demoMostForLater)
	return b
}

func TestADayOfTheDemoHasSomethingOfEverythingAndGoesOnForHours(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			b := play(t, seed, 5*time.Second, 6*time.Hour, nil)
			require.Greater(t, b.placed, 6*300, "a few orders a minute")
			require.LessOrEqual(t, b.mostOpen, demoMostOpen+10, "with a rush on top")
			require.LessOrEqual(t, len(b.orders), 100, "what is ready is collected")
			for what, times := range map[string]int{
				"cancelled": b.cancelled, "amended": b.amended, "for later": b.forLater, "burnt": b.burnt,
				"asked about": b.doomed, "silent": b.silenced, "collected": b.collected,
				"rushes": strings.Count(strings.Join(b.story, "\n"), "a crowd of "),
			} {
				require.Greater(t, times, 6, what)
			}
			require.NotEmpty(t, b.decidedAfter)
			for _, after := range b.decidedAfter {
				require.GreaterOrEqual(t, after, 20*time.Second)
				require.LessOrEqual(t, after, 50*time.Second)
			}
		})
	}
}

func TestADayOfTheDemoIsDecidedByItsSeed(t *testing.T) {
	t.Parallel()
	var stories [3][]string
	for i, seed := range []uint64{7, 7, 8} {
		synctest.Test(t, func(t *testing.T) { stories[i] = play(t, seed, 5*time.Second, time.Hour, nil).story })
	}
	require.Equal(t, stories[0], stories[1])
	require.NotEqual(t, stories[0], stories[2])
}

func TestNobodyOrdersWhileTheKitchenIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := play(t, 1, 5*time.Second, 6*time.Hour, func(_ *demoDay, b *fakeBakery) { b.working = false })
		// Those whose manager has decided come back on top, one in a few minutes.
		ordinary := b.placed - b.doomed - b.forLater
		require.LessOrEqual(t, ordinary-b.cancelled, demoMostOpen+10)
		require.GreaterOrEqual(t, b.mostOpen, demoMostOpen)
	})
}

func TestNothingGoesWrongWhereNothingMayFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := play(t, 1, 5*time.Second, time.Hour, func(d *demoDay, _ *fakeBakery) { d.fails = false })
		require.Zero(t, b.burnt+b.doomed)
		require.NotZero(t, b.placed)
	})
}

func TestADayKeepsPaceWithItsOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := play(t, 1, 50*time.Millisecond, 6*time.Minute, func(d *demoDay, b *fakeBakery) { d.every = demoPace / 60 })
		require.NotEmpty(t, b.decidedAfter)
		for _, after := range b.decidedAfter {
			require.Less(t, after, time.Second)
		}
		require.Greater(t, b.silenced, 6)
	})
}

func TestWhatIsRefusedIsToldAndForgotten(t *testing.T) {
	t.Parallel()
	require.NoError(t, unlessTooLate(fmt.Errorf("cancel: %w", &exitError{exitRefused, errors.New("too late")})))
	require.NoError(t, unlessTooLate(nil))
	require.Error(t, unlessTooLate(&exitError{exitUnavailable, errors.New("no worker")}))
}
