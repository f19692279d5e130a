package ledger

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cupcakery/cupcakery/events"
)

// metrics are what a process that writes the ledger counts. docs/metrics.md says what
// each means.
type metrics struct {
	records      *prometheus.CounterVec
	rejects      *prometheus.CounterVec
	orders       prometheus.Counter
	batch        prometheus.Histogram
	newest       prometheus.Gauge
	fenced, gaps prometheus.Counter
	outages      prometheus.Counter
	newestSeen   time.Time // only used by the reader's goroutine
}

// What became of a record.
const (
	outcomeFact    = "fact"
	outcomeErasure = "erasure"
	outcomeReject  = "reject"
	outcomeNothing = "nothing"
	outcomeSkipped = "skipped"
)

func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_ledger_records_total",
			Help: "Records that the ledger is past, by outcome: a fact, an erasure, a reject, nothing (it tells the ledger nothing), or skipped because it was written before.",
		}, []string{"outcome"}),
		rejects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_ledger_rejects_total",
			Help: "Records that count for nothing in the ledger, by kind: poison, misplaced, unknown, future, or unfit for the database.",
		}, []string{"kind"}),
		orders: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ledger_orders_folded_total",
			Help: "Times that an order was folded anew from its facts.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "cupcakery_ledger_batch_seconds",
			Help:    "How long it took to write a batch of records, in one transaction.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		newest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cupcakery_ledger_newest_record_timestamp_seconds",
			Help: "The time of the newest record that this process has written, in seconds since 1970; 0 for none.",
		}),
		fenced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ledger_fenced_total",
			Help: "Times that a batch was not written because another process had claimed one of its partitions.",
		}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ledger_gaps_total",
			Help: "Times that records were gone from Kafka before the ledger had read them, or a log was cut or made anew; the log names the partition.",
		}),
		outages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ledger_outages_total",
			Help: "Times that the database has stopped taking what was read.",
		}),
	}
	registerer.MustRegister(m.records, m.rejects, m.orders, m.batch, m.newest, m.fenced, m.gaps, m.outages)
	for _, outcome := range []string{outcomeFact, outcomeErasure, outcomeReject, outcomeNothing, outcomeSkipped} {
		m.records.WithLabelValues(outcome)
	}
	for _, kind := range []string{rejectPoison, rejectMisplaced, rejectUnknown, rejectFuture, rejectUnfit} {
		m.rejects.WithLabelValues(kind)
	}
	return m
}

// watch adds what is looked at when somebody asks.
func (m *metrics) watch(registerer prometheus.Registerer, check func(context.Context) error, r *reader) {
	registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cupcakery_ledger_ready",
		Help: "1 if the ledger could be written now, as its /readyz says; otherwise 0.",
	}, func() float64 {
		if check(context.Background()) != nil {
			return 0
		}
		return 1
	}), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cupcakery_ledger_behind_seconds",
		Help: "How long the first record that this process has read and not written yet has lain in Kafka; 0 if there is none.",
	}, func() float64 { return r.behind().Seconds() }))
}

// wrote counts a batch that was written.
func (m *metrics) wrote(batch []events.Message, added Added, took time.Duration) {
	m.batch.Observe(took.Seconds())
	nothing := len(batch) - added.Facts - added.Erasures - added.Rejects - added.Skipped
	for outcome, records := range map[string]int{
		outcomeFact: added.Facts, outcomeErasure: added.Erasures, outcomeReject: added.Rejects, outcomeNothing: max(nothing, 0), outcomeSkipped: added.Skipped,
	} {
		m.records.WithLabelValues(outcome).Add(float64(records))
	}
	for kind, rejects := range added.RejectKinds {
		m.rejects.WithLabelValues(kind).Add(float64(rejects))
	}
	m.orders.Add(float64(added.Orders))
	for _, message := range batch {
		if message.Appended && message.Time.After(m.newestSeen) {
			m.newestSeen = message.Time
			m.newest.Set(float64(message.Time.UnixMilli()) / 1000)
		}
	}
}
