package worker

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	acks            *prometheus.CounterVec
	heartbeats      prometheus.Counter
	heldBack        *prometheus.CounterVec
	lag             *prometheus.GaugeVec
	temporalRetries prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		acks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_acks_total",
			Help: "Acks read from Kafka, by kind and by what became of them: carried into Temporal, stale, poison, refused, left to the next attempt of their ticket, or forwarded to their order's partition.",
		}, []string{"kind", "outcome"}),
		heartbeats: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_heartbeats_total",
			Help: "Activities that were told who works on their ticket.",
		}),
		heldBack: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_ack_transactions_held_total",
			Help: "Open transactions that have held back the acks of a partition for more than ten seconds.",
		}, []string{"partition"}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cupcakery_acks_waiting",
			Help: "Acks that lie in Kafka behind the last that this worker was handed, by partition.",
		}, []string{"partition"}),
		temporalRetries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ack_retries_total",
			Help: "Times that Temporal could not take an ack and it was tried again.",
		}),
	}
	registerer.MustRegister(m.acks, m.heartbeats, m.heldBack, m.lag, m.temporalRetries)
	return m
}

// rebalanced forgets partitions that are others' business now.
func (m *metrics) rebalanced(map[string][]int) { m.lag.Reset() }

func (m *metrics) waiting(partition int, acks int64) {
	m.lag.WithLabelValues(strconv.Itoa(partition)).Set(float64(acks))
}

func (m *metrics) held(_ string, partition int, _ int64) {
	m.heldBack.WithLabelValues(strconv.Itoa(partition)).Inc()
}
