package worker

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// metrics are what a worker counts. docs/metrics.md says what each means.
type metrics struct {
	acks            *prometheus.CounterVec
	carried         prometheus.Histogram
	heartbeats      prometheus.Counter
	heldBack        prometheus.Counter
	temporalRetries prometheus.Counter
	waited, inHand  *prometheus.HistogramVec
}

// stageBuckets are for work that people do, in seconds: from a robot's blink to a
// morning.
var stageBuckets = []float64{1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400}

func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		acks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_acks_finished_total",
			Help: "Acks that the worker has finished, by kind and outcome: carried into Temporal, stale, left to the next attempt of their ticket, forwarded to their order's partition, refused, or poison. The last two went to dead-letters.",
		}, []string{"kind", "outcome"}),
		carried: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "cupcakery_ack_carried_seconds",
			Help:    "How long acks lay in Kafka, by the broker's clock, until Temporal had taken them.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		}),
		heartbeats: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ticket_heartbeats_total",
			Help: "Times that Temporal was told who has a ticket in hand.",
		}),
		heldBack: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ack_transactions_held_total",
			Help: "Open transactions that have held back the acks of a partition for more than ten seconds; the log names it.",
		}),
		temporalRetries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ack_retries_total",
			Help: "Times that Temporal could not take an ack and it was tried again.",
		}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "cupcakery_ticket_waited_seconds",
			Help:    "How long tickets that are done lay at their station until somebody began, by stage.",
			Buckets: stageBuckets,
		}, []string{"stage"}),
		inHand: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "cupcakery_ticket_in_hand_seconds",
			Help:    "How long tickets that are done were in hand, from begun to done, by stage.",
			Buckets: stageBuckets,
		}, []string{"stage"}),
	}
	registerer.MustRegister(m.acks, m.carried, m.heartbeats, m.heldBack, m.temporalRetries, m.waited, m.inHand)
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckDone, kitchen.AckFailed, kitchen.AckUndone} {
		m.acks.WithLabelValues(string(kind), string(outcomeCarried))
	}
	m.finished("", outcomePoison, 0)
	m.finished(kitchen.AckDone, outcomeRefused, 0)
	for _, stage := range kitchen.Stages() {
		m.waited.WithLabelValues(string(stage))
		m.inHand.WithLabelValues(string(stage))
	}
	return m
}

// watchReadiness adds whether the worker could carry an ack now.
func (m *metrics) watchReadiness(registerer prometheus.Registerer, check func(context.Context) error) {
	registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cupcakery_worker_ready",
		Help: "1 if the worker could carry an ack now, as its /readyz says; otherwise 0.",
	}, func() float64 {
		if check(context.Background()) != nil {
			return 0
		}
		return 1
	}))
}

// finished counts so many acks. Nobody knows the kind of one that cannot be
// understood.
func (m *metrics) finished(kind kitchen.AckKind, outcome outcome, acks int) {
	label := string(kind)
	if outcome == outcomePoison || label == "" {
		label = "unknown"
	}
	m.acks.WithLabelValues(label, string(outcome)).Add(float64(acks))
}

// hasCarried measures an ack that Temporal has taken now.
func (m *metrics) hasCarried(ack kitchen.Ack, original events.Message, entry board.Entry, now time.Time) {
	if original.Appended {
		m.carried.Observe(max(now.Sub(original.Time), 0).Seconds())
	}
	if ack.Kind != kitchen.AckDone {
		return
	}
	begun := ack.StartedAt
	if begun == nil {
		begun = entry.StartedAt
	}
	if begun == nil {
		return
	}
	if issued := entry.Issued; issued.Appended {
		observe(m.waited.WithLabelValues(string(ack.Stage)), begun.Sub(issued.Time))
	}
	observe(m.inHand.WithLabelValues(string(ack.Stage)), ack.At.Sub(*begun))
}

// observe leaves out what cannot be: a station's clock says when work began and
// ended, and anybody may write that.
func observe(into prometheus.Observer, took time.Duration) {
	if took < -time.Minute || took > logLookBack {
		return
	}
	into.Observe(max(took, 0).Seconds())
}
