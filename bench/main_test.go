package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestAPlanThatMeasuresNothingIsRefused(t *testing.T) {
	whole := plan{orders: 1, inFlight: 1, alone: 1, junk: goodAcks, liveOrders: 1, liveAcks: 1, openOrders: 1}
	require.NoError(t, whole.check())
	without := whole
	without.junk, without.orders = 0, 0
	require.ErrorContains(t, without.check(), "-junk 0: at least 50")
	require.ErrorContains(t, without.check(), "-orders 0: at least 1")
}

// The benchmark is run once at its smallest, against the same binary, so that it
// cannot rot. Only what does not depend on the machine's speed is looked at.
func TestTheSmallestBenchmark(t *testing.T) {
	binary, err := process.Build(t.Context(), "..", t.TempDir())
	require.NoError(t, err)
	profiles := t.TempDir()
	results, err := measure(t.Context(), [2]string{binary, binary}, profiles, plan{profileFor: time.Second, rounds: 1, orders: 5, inFlight: 5, alone: 5, soak: 0, workTime: 10 * time.Millisecond, junk: 2000,
		live: 10, liveOrders: 5, liveAcks: 5, openOrders: 20, manyOpen: 40})
	require.NoError(t, err)
	for _, name := range []string{"the-worker-rates-cpu", "the-robot-at-bake-rates-alloc", "the-worker-soak-heap", "the-API-start-heap"} {
		require.FileExists(t, filepath.Join(profiles, "cupcakery-"+name+".pprof"))
	}
	figures := map[string]float64{}
	for _, r := range results {
		figures[r.Name] = r.Value
		require.NotNil(t, r.Against, "%s has no figure of the second binary", r.Name)
	}
	stages := len(kitchen.Stages())
	require.EqualValues(t, 6*stages+6, figures["history events per order"])
	require.EqualValues(t, 6*stages+5, figures["history events per bare workflow"])
	require.EqualValues(t, 3*stages+2, figures["Kafka messages per order"], "a ticket, a status and an ack for each stage, one announcement with a last status")
	require.NotZero(t, figures["cancelled orders/s, cancelled at decorate"])
	require.Zero(t, figures["GET of an order under load, errors"])

	for _, name := range []string{
		"good ack among 2000 junk acks to the next ticket, longest",
		"CPU of everything per order ÷ bare", "CPU of Temporal per order ÷ bare", "GET of an order under load, stale",
		"ack to a board with 10 connections, p99", "ack to an order with 2 connections, 10 follow theirs, p99",
		"API, resident per connection, 20 connections", "API, start with 20 open orders until up to date",
		"API, resident when up to date with 20 open orders", "CPU of everything per order, 40 open ÷ 100 open",
		"API, start with 40 open orders until up to date",
	} {
		require.Contains(t, figures, name)
	}
}

func TestTableHasAColumnForEachBinary(t *testing.T) {
	t.Parallel()
	results := []row{
		atMost(row{Name: "p50", Value: 30, Unit: "ms", Spread: "29 … 31"}, 20),
		{Name: "new", Value: 1, Unit: "ratio"},
		{Name: "start", Value: 1, Unit: "s"},
		{Name: "start", Value: 2, Unit: "s"},
		{Name: "errors", Value: 3, Unit: "GETs"},
	}
	table := func(results []row) [][]string {
		var written bytes.Buffer
		require.NoError(t, printTable(&written, results))
		var lines [][]string
		for line := range strings.Lines(written.String()) {
			lines = append(lines, regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1))
		}
		return lines
	}
	require.Equal(t, [][]string{
		{"figure", "value", "unit", "aim", "met", "spread"},
		{"p50", "30", "ms", "≤ 20", "NO", "29 … 31"},
		{"new", "1", "ratio"}, {"start", "1", "s"}, {"start", "2", "s"}, {"errors", "3", "GETs"},
	}, table(results))
	compared := compare(results, []row{
		{Name: "errors", Value: 0}, {Name: "start", Value: 4}, {Name: "start", Value: 5}, {Name: "p50", Value: 40, Spread: "39 … 41"},
	})
	require.Equal(t, [][]string{
		{"figure", "value", "against", "value ÷ against", "unit", "aim", "met", "spread", "spread of against"},
		{"p50", "30", "40", "0.75", "ms", "≤ 20", "NO", "29 … 31", "39 … 41"},
		{"new", "1", "ratio"},
		{"start", "1", "4", "0.25", "s"},
		{"start", "2", "5", "0.4", "s"},
		{"errors", "3", "0", "GETs"},
	}, table(compared))
}

func TestCPURatiosAreOfTheRoundsMedian(t *testing.T) {
	t.Parallel()
	r := rounds{
		orderCPU: []cpu{{"Temporal": 6, "worker": 4, "API": 2}, {"Temporal": 9, "worker": 6, "API": 5}, {"Temporal": 30, "worker": 10, "API": 8}},
		bareCPU:  []cpu{{"Temporal": 4, "benchmark": 1, "worker": 7}, {"Temporal": 9, "benchmark": 1}, {"Temporal": 9, "benchmark": 1}},
	}
	for _, ratio := range []struct {
		orderParts, bareParts []string
		value                 float64
		spread                string
	}{
		{ofOrder, ofBare, 2, "1.5 … 4"},
		{cpuParts, ofBare, 2.4, "2 … 4.8"},
		{temporals, temporals, 1.5, "1 … 3.33"},
	} {
		require.Equal(t, row{Name: "CPU", Value: ratio.value, Unit: "ratio", Spread: ratio.spread}, r.cpuRatio("CPU", ratio.orderParts, ratio.bareParts))
	}
	require.Equal(t, cpu{"Temporal": 3, "worker": 2, "API": 3}, r.orderCPU[1].since(r.orderCPU[0]))
}

func TestManyOpenOrdersAreComparedRoundByRound(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	rows := rowsOfManyOpen([]cpu{{"Temporal": 80 * ms, "API": 20 * ms}, {"Temporal": 180 * ms, "API": 20 * ms}},
		[]cpu{{"Temporal": 90 * ms, "API": 60 * ms}, {"Temporal": 180 * ms, "API": 60 * ms}}, plan{orders: 2, manyOpen: 1000})
	require.Equal(t, atMost(row{Name: "CPU of everything per order, 1000 open ÷ 100 open", Value: 1.5, Unit: "ratio", Spread: "1.2 … 1.5"}, 1.2), rows[0])
	require.Contains(t, rows, row{Name: "CPU of API per order with 1000 open", Value: 30, Unit: "ms", Spread: "10 with 100 open"})
}

func TestSidesMeasureInTurn(t *testing.T) {
	t.Parallel()
	var order []string // only whose turn it is appends
	turns := takeTurns(func(side int) { order = append(order, []string{"first", "second"}[side]) })
	var sides errgroup.Group
	for side, rounds := range []int{1, 3} {
		sides.Go(func() error {
			turn := turns[side]
			if err := turn.wait(t.Context()); err != nil {
				return err
			}
			for round := range rounds {
				order = append(order, fmt.Sprint(round))
				if err := turn.pass(t.Context()); err != nil {
					return err
				}
			}
			turn.leave()
			return nil
		})
	}
	require.NoError(t, sides.Wait())
	require.Equal(t, []string{"first", "0", "second", "0", "first", "second", "1", "second", "2", "second"}, order, "the first is done before the second")
}

func TestASideAloneNeverWaits(t *testing.T) {
	t.Parallel()
	var alone *turn
	require.NoError(t, alone.wait(t.Context()))
	require.NoError(t, alone.pass(t.Context()))
	alone.leave()
}

func TestASideWaitsNoLongerThanTheBenchmarkRuns(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	turns := takeTurns(func(int) {})
	require.NoError(t, turns[0].wait(ctx))
	cancel() // as when the other side fails
	require.ErrorIs(t, turns[0].pass(ctx), context.Canceled)
}

func TestACopyOfAnOrderIsAnotherOrderEverywhere(t *testing.T) {
	t.Parallel()
	from, err := kitchen.NewOrderID()
	require.NoError(t, err)
	to, err := kitchen.NewOrderID()
	require.NoError(t, err)
	messages := func(orderID string) []kafka.Message {
		return []kafka.Message{{
			Topic: "orders-to-mix", Key: []byte(orderID),
			Value:   fmt.Appendf(nil, `{"ticketId":%q,"orderId":%q,"pickupCode":%q}`, ticketOf(orderID, kitchen.Mix).TicketID(), orderID, kitchen.PickupCode(orderID)),
			Headers: []kafka.Header{{Key: "ce_subject", Value: []byte(orderID)}},
		}}
	}
	o := original{orderID: from, messages: messages(from)}
	require.Equal(t, messages(to), o.copy(to))
	require.Equal(t, messages(from), o.messages, "the original is copied again")
}

func TestAnAckIsSeenOfAnOrderWhenItsStageIsDone(t *testing.T) {
	t.Parallel()
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	message := func(stages ...kitchen.StageStatus) []byte {
		data, err := json.Marshal(map[string]any{"type": "update", "channel": "order/" + orderID, "order": kitchen.Status{ID: orderID, Stages: stages}})
		require.NoError(t, err)
		return data
	}
	mix := kitchen.StageStatus{Stage: kitchen.Mix, Pass: 1, State: kitchen.TicketDone, By: ackedBy}
	bake := kitchen.StageStatus{Stage: kitchen.Bake, Pass: 1, State: kitchen.TicketStarted, By: ackedBy}
	require.Equal(t, ticketOf(orderID, kitchen.Mix).TicketID(), seenOfOrder(message(mix)), "before the next ticket is out")
	require.Equal(t, ticketOf(orderID, kitchen.Mix).TicketID(), seenOfOrder(message(mix, bake)))
	bake.State = kitchen.TicketDone
	require.Equal(t, ticketOf(orderID, kitchen.Bake).TicketID(), seenOfOrder(message(mix, bake)))
	mix.By = "somebody else"
	require.Empty(t, seenOfOrder(message(mix)))
	require.Empty(t, seenOfOrder([]byte(`{"type":"hello"}`)))
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	values := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	require.Equal(t, 1, quantile(values, 0))
	require.Equal(t, 6, quantile(values, 0.5))
	require.Equal(t, 10, quantile(values, 0.99))
	require.Equal(t, 10, quantile(values, 1))
}
