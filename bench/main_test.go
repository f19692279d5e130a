package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// The benchmark is run once at its smallest, so that it cannot rot. Only what
// does not depend on the machine's speed is looked at.
func TestTheSmallestBenchmark(t *testing.T) {
	binary, err := process.Build(t.Context(), "..", t.TempDir())
	require.NoError(t, err)
	results, err := measure(t.Context(), binary, plan{rounds: 1, orders: 5, inFlight: 5, alone: 5, soak: 0, workTime: 10 * time.Millisecond, junk: 2000,
		live: 10, liveOrders: 5, liveAcks: 5, openOrders: 20})
	require.NoError(t, err)
	figures := map[string]float64{}
	for _, r := range results {
		figures[r.Name] = r.Value
	}
	stages := len(kitchen.Stages())
	require.EqualValues(t, 6*stages+6, figures["history events per order"])
	require.EqualValues(t, 6*stages+5, figures["history events per bare workflow"])
	require.EqualValues(t, 2*stages+1, figures["Kafka messages per order"], "a ticket and an ack for each stage, one announcement")
	require.NotZero(t, figures["cancelled orders/s, cancelled at decorate"])
	require.Zero(t, figures["GET of an order under load, errors"])

	require.Contains(t, figures, "good ack among 2000 junk acks to the next ticket, longest")
	for _, name := range []string{
		"ack to a board with 10 connections, p99", "ack to an order with 2 connections, 10 follow theirs, p99",
		"API, resident per connection, 20 connections", "API, start with 20 open orders until up to date",
	} {
		require.Contains(t, figures, name)
	}

	var table bytes.Buffer
	require.NoError(t, printTable(&table, results))
	require.Contains(t, table.String(), "orders/s ÷ bare/s")
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	values := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	require.Equal(t, 1, quantile(values, 0))
	require.Equal(t, 6, quantile(values, 0.5))
	require.Equal(t, 10, quantile(values, 0.99))
	require.Equal(t, 10, quantile(values, 1))
}
