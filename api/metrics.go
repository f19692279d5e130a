package api

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/cupcakery/cupcakery/floor"
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
	// standingOrders counts what became of standing orders' days.
	standingOrders *prometheus.CounterVec
	answers        *prometheus.CounterVec
	stale          prometheus.Counter
	signIns        *prometheus.CounterVec

	acks            *prometheus.CounterVec
	answered        prometheus.Histogram
	liveConnections prometheus.Gauge
	liveFollowers   *prometheus.GaugeVec
	liveMessages    *prometheus.CounterVec
	liveMissed      prometheus.Counter
	liveCutOff      prometheus.Counter
}

// Which limit refused an order.
const (
	refusedByAddress = "address"
	refusedByKitchen = "kitchen"
)

// The outcome of an ack given at a board.
const (
	ackCounted     = "counted"
	ackRefused     = "refused"
	ackUnconfirmed = "unconfirmed"
)

// The outcome of an attempt to sign in.
const (
	signInDone    = "signed-in"
	signInWrong   = "wrong"
	signInRefused = "refused"
)

// newMetrics adds to what a registry gives.
func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		registry: registry,
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
		standingOrders: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_standing_orders_total",
			Help: "Attempts to place a standing order's order for a day, by outcome: placed, skipped (the bakery is closed then), waits (it is tried again), refused.",
		}, []string{"outcome"}),
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
			Name: "cupcakery_board_acks_total",
			Help: "Acks given at boards, by kind and outcome: counted, refused, unconfirmed (Kafka did not take it in time).",
		}, []string{"kind", "outcome"}),
		answered: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "cupcakery_question_answered_seconds",
			Help:    "How long questions to managers were open that the log tells are over. Every API process counts all of them.",
			Buckets: []float64{30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400},
		}),
		liveConnections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cupcakery_live_connections",
			Help: "Live connections that are open.",
		}),
		liveFollowers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cupcakery_live_followers",
			Help: "Followers of live channels, by kind of channel: counter, kitchen, menu, overview, station, order.",
		}, []string{"channel"}),
		liveMessages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_live_messages_total",
			Help: "Messages sent on live connections, by type.",
		}, []string{"type"}),
		liveMissed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_live_missed_total",
			Help: "Times that a client had read too slowly and got a fresh snapshot instead of what it missed.",
		}),
		liveCutOff: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_live_cut_off_total",
			Help: "Live connections that were ended because the client took a message too slowly.",
		}),
	}
	m.registry.MustRegister(m.requests, m.created, m.ordersRefused, m.standingOrders, m.answers, m.stale, m.signIns, m.acks, m.answered,
		m.liveConnections, m.liveFollowers, m.liveMessages, m.liveMissed, m.liveCutOff,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, from := range []source{fromQuery, fromLog, fromHistory, fromClosed} {
		m.answers.WithLabelValues(string(from))
	}
	for _, limit := range []string{refusedByAddress, refusedByKitchen} {
		m.ordersRefused.WithLabelValues(limit)
	}
	for _, outcome := range []string{standingPlaced, standingSkipped, standingWaits, standingRefused} {
		m.standingOrders.WithLabelValues(outcome)
	}
	for _, outcome := range []string{signInDone, signInWrong, signInRefused} {
		m.signIns.WithLabelValues(outcome)
	}
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckDone, kitchen.AckFailed, kitchen.AckUndone} {
		for _, outcome := range []string{ackCounted, ackRefused, ackUnconfirmed} {
			m.acks.WithLabelValues(string(kind), outcome)
		}
	}
	for _, kind := range []wire.LiveMessageType{wire.LiveMessageTypeSnapshot, wire.LiveMessageTypeChange, wire.LiveMessageTypeResumed, wire.LiveMessageTypeProblem, wire.LiveMessageTypeState} {
		m.liveMessages.WithLabelValues(string(kind))
	}
	for _, channel := range []string{floor.ChannelCounter, floor.ChannelKitchen, floor.ChannelMenu, floor.ChannelOverview, floor.ChannelStation, floor.ChannelOrder} {
		m.liveFollowers.WithLabelValues(channelKind(channel))
	}
	return m
}

// questionAnswered counts a question to a manager that is over.
func (m *metrics) questionAnswered(after time.Duration) { m.answered.Observe(after.Seconds()) }

// LiveConnected implements live.Metrics.
func (m *metrics) LiveConnected() { m.liveConnections.Inc() }

// LiveDisconnected implements live.Metrics.
func (m *metrics) LiveDisconnected() { m.liveConnections.Dec() }

// LiveSent implements live.Metrics.
func (m *metrics) LiveSent(kind wire.LiveMessageType) {
	m.liveMessages.WithLabelValues(string(kind)).Inc()
}

// LiveMissed implements live.Metrics.
func (m *metrics) LiveMissed() { m.liveMissed.Inc() }

// LiveCutOff implements live.Metrics.
func (m *metrics) LiveCutOff() { m.liveCutOff.Inc() }

// LiveFollowed implements live.Metrics.
func (m *metrics) LiveFollowed(channel string) {
	m.liveFollowers.WithLabelValues(channelKind(channel)).Inc()
}

// LiveUnfollowed implements live.Metrics.
func (m *metrics) LiveUnfollowed(channel string) {
	m.liveFollowers.WithLabelValues(channelKind(channel)).Dec()
}

// channelKind is a channel without the stage or the order that it is of.
func channelKind(channel string) string {
	kind, _, _ := strings.Cut(channel, "/")
	return kind
}
