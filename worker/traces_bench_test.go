package worker

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
)

// BenchmarkAnAckWithoutTraces is what the tracing code costs an ack while tracing is
// off. A handler that goes through all of it twice is held against one that does so
// once, in turns, with a Temporal that answers at once: what the ratio (the median of
// all turns) is above one is its share.
func BenchmarkAnAckWithoutTraces(b *testing.B) {
	require.False(b, tracing.IsOn())
	s := newScribe(b)
	queue := newTestQueue(atOnce{}, &desk{log: s})
	queue.carrier.log = s.ticketLog
	s.issue(mix(1), 1)
	ack := s.ack(mix(1), kitchen.AckDone, "bob", func(a *kitchen.Ack) { a.Attempt, a.StartedAt = 1, new(s.now) })
	ack.ctx = b.Context()
	once := func() {
		if err := queue.carrier.carry(ack); err != nil {
			b.Fatal(err)
		}
	}
	ref := mix(1)
	ticket := kitchen.Ticket{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Attempt: 1}
	twice := func() {
		once()
		s.sent.issued(ticket, ack.delivery.Message)
		ctx, span, sent := queue.carrier.startProcess(ack)
		err := traceCompletion(ctx, ref, nil, func(context.Context) error { return nil })
		queue.carrier.endProcess(span, ack, sent, outcomeCarried, err)
	}
	const inARow = 100
	took := func(handler func()) float64 {
		began := time.Now()
		for range inARow {
			handler()
		}
		return time.Since(began).Seconds()
	}
	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, took(twice)/took(once))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(testing.AllocsPerRun(1000, twice)-testing.AllocsPerRun(1000, once), "more-allocs/ack")
}

// atOnce is a Temporal that takes whatever it is told.
type atOnce struct{ client.Client }

func (atOnce) CompleteActivityByID(context.Context, string, string, string, string, any, error) error {
	return nil
}
