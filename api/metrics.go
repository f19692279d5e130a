package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// metrics are what the process counts. No label has a value from a request, so
// their number is bounded and none has an order's id.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	created  prometheus.Counter
	// ordersRefused counts what limits refuse, not what breaks a rule.
	ordersRefused *prometheus.CounterVec
	answers       *prometheus.CounterVec
	stale         prometheus.Counter
	signIns       *prometheus.CounterVec

	acks            *prometheus.CounterVec
	liveConnections prometheus.Gauge
	liveMessages    *prometheus.CounterVec
	liveDrops       prometheus.Counter
}

// Which limit refused an order.
const (
	refusedByAddress = "address"
	refusedByKitchen = "kitchen"
)

// The outcome of an attempt to sign in.
const (
	signInDone    = "signed-in"
	signInWrong   = "wrong"
	signInRefused = "refused"
)

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "cupcakery_http_request_duration_seconds",
			Help:    "How long requests took, by method, route and status.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
		created: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_orders_created_total",
			Help: "Orders taken; a repeated request is not counted again.",
		}),
		ordersRefused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_orders_refused_total",
			Help: "Good orders that were not taken, by limit: address (its orders), kitchen (what may be open in all).",
		}, []string{"limit"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_order_answers_total",
			Help: "Answers about one order, by source: query (the workflow), log (Kafka, without a worker), history (Temporal, without a worker), closed (Temporal, of a closed order).",
		}, []string{"source"}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_stale_answers_total",
			Help: "Answers about one order that were marked stale.",
		}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_sign_ins_total",
			Help: "Attempts to sign in, by outcome: signed-in, wrong (name or PIN), refused (too many attempts, or no staff).",
		}, []string{"outcome"}),
		acks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_acks_total",
			Help: "Acks given through the API, by kind and outcome: counts, refused, unknown (Kafka did not take it in time).",
		}, []string{"kind", "outcome"}),
		liveConnections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cupcakery_live_connections",
			Help: "Live connections that are open.",
		}),
		liveMessages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_live_messages_total",
			Help: "Messages sent on live connections, by type.",
		}, []string{"type"}),
		liveDrops: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_live_drops_total",
			Help: "Times that a client had read too slowly and got a fresh snapshot instead of what it missed.",
		}),
	}
	m.registry.MustRegister(m.requests, m.created, m.ordersRefused, m.answers, m.stale, m.signIns, m.acks, m.liveConnections, m.liveMessages, m.liveDrops,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, from := range []source{fromQuery, fromLog, fromHistory, fromClosed} {
		m.answers.WithLabelValues(string(from))
	}
	for _, limit := range []string{refusedByAddress, refusedByKitchen} {
		m.ordersRefused.WithLabelValues(limit)
	}
	for _, outcome := range []string{signInDone, signInWrong, signInRefused} {
		m.signIns.WithLabelValues(outcome)
	}
	return m
}

// watchStations adds how long nobody has taken anything at each station.
func (m *metrics) watchStations(untaken func(kitchen.Stage) time.Duration) {
	for _, stage := range kitchen.Stages() {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "cupcakery_station_untaken_seconds",
			Help:        "The station's alarm: for how long nobody has begun or finished anything although tickets wait, by stage; 0 while that is no longer than the kitchen file's attention.untakenAfter.",
			ConstLabels: prometheus.Labels{"stage": string(stage)},
		}, func() float64 { return untaken(stage).Seconds() }))
	}
}

// LiveConnected implements live.Metrics.
func (m *metrics) LiveConnected() { m.liveConnections.Inc() }

// LiveDisconnected implements live.Metrics.
func (m *metrics) LiveDisconnected() { m.liveConnections.Dec() }

// LiveSent implements live.Metrics.
func (m *metrics) LiveSent(kind wire.LiveMessageType) {
	m.liveMessages.WithLabelValues(string(kind)).Inc()
}

// LiveMissed implements live.Metrics.
func (m *metrics) LiveMissed() { m.liveDrops.Inc() }
