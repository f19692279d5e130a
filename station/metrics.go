package station

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cupcakery/cupcakery/kitchen"
)

// metrics are what a station counts.
type metrics struct{ acks *prometheus.CounterVec }

func newMetrics(stage kitchen.Stage) *metrics {
	m := &metrics{acks: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name:        "cupcakery_station_acks_total",
		Help:        "Acks that this station has published, by stage and kind. A started that its owner repeats counts too.",
		ConstLabels: prometheus.Labels{"stage": string(stage)},
	}, []string{"kind"})}
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckDone, kitchen.AckFailed, kitchen.AckUndone} {
		m.acks.WithLabelValues(string(kind))
	}
	return m
}

// Readiness says whether a station offers tickets. Its zero value is of one that has
// not opened; give it to New.
type Readiness struct{ station atomic.Pointer[Station] }

// Check returns nil if the station offers tickets and can hear of new ones, and
// otherwise everything that is in the way.
func (r *Readiness) Check(context.Context) error {
	s := r.station.Load()
	if s == nil {
		return errors.New("the station has not opened yet")
	}
	var faults []error
	select {
	case <-s.caughtUp:
	default:
		faults = append(faults, errors.New("the acks that Kafka has are still being read"))
	}
	if !s.consumer.IsMember() {
		faults = append(faults, errors.New("the stage's group has not given this station its share"))
	}
	if s.isAway() {
		faults = append(faults, errors.New("the brokers do not answer"))
	}
	return errors.Join(faults...)
}

func (s *Station) isAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}
