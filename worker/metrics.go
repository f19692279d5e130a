package worker

import "github.com/prometheus/client_golang/prometheus"

// The outcomes of an ack, as the metric's label.
const (
	outcomeCarried = "carried"
	outcomeStale   = "stale"
	outcomePoison  = "poison"
	// outcomeForwarded is of an ack that lay in the wrong place.
	outcomeForwarded = "forwarded"
)

type metrics struct {
	acks            *prometheus.CounterVec
	heartbeats      prometheus.Counter
	temporalRetries prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		acks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cupcakery_acks_total",
			Help: "Acks read from Kafka, by kind and by what became of them: carried into Temporal, stale, poison, or forwarded to its order's partition.",
		}, []string{"kind", "outcome"}),
		heartbeats: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_heartbeats_total",
			Help: "Activities that were told who works on their ticket.",
		}),
		temporalRetries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cupcakery_ack_retries_total",
			Help: "Times that Temporal could not take an ack and it was tried again.",
		}),
	}
	registerer.MustRegister(m.acks, m.heartbeats, m.temporalRetries)
	return m
}
