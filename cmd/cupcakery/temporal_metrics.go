package main

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// temporalMetrics gives what Temporal's SDK measures, under the SDK's own names. Like
// OpenTelemetry's exporter for Prometheus it adds _total to counters and _seconds to
// timers. It is an unchecked collector: the SDK makes metrics as it goes, and gives
// one of a name more labels than another.
type temporalMetrics struct {
	mu      sync.RWMutex
	metrics map[string]prometheus.Metric // by kind, name and labels
}

// measureTemporal returns what a client of Temporal measures with, for the registry.
func measureTemporal(registerer prometheus.Registerer) client.MetricsHandler {
	m := &temporalMetrics{metrics: make(map[string]prometheus.Metric)}
	registerer.MustRegister(m)
	return &taggedMetrics{metrics: m}
}

// temporalBuckets go from one call, in seconds, to an order that waits for people.
var temporalBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 300, 1800, 14400}

// Describe implements prometheus.Collector. No description makes it unchecked.
func (m *temporalMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *temporalMetrics) Collect(metrics chan<- prometheus.Metric) {
	m.mu.RLock()
	all := slices.Collect(maps.Values(m.metrics))
	m.mu.RUnlock()
	for _, metric := range all {
		metrics <- metric
	}
}

// metricOf returns the metric with a key, which is made the first time.
func metricOf[M prometheus.Metric](m *temporalMetrics, key string, made func() M) M {
	m.mu.RLock()
	metric, known := m.metrics[key]
	m.mu.RUnlock()
	if known {
		return metric.(M) //nolint:forcetypeassert // a key begins with its kind
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if metric, known := m.metrics[key]; known {
		return metric.(M) //nolint:forcetypeassert // as above
	}
	fresh := made()
	m.metrics[key] = fresh
	return fresh
}

// taggedMetrics are those with some tags. It implements client.MetricsHandler.
type taggedMetrics struct {
	metrics *temporalMetrics
	tags    map[string]string
	key     string // the tags once more
}

// WithTags implements client.MetricsHandler.
func (t *taggedMetrics) WithTags(tags map[string]string) client.MetricsHandler {
	all := make(map[string]string, len(t.tags)+len(tags))
	maps.Copy(all, t.tags)
	maps.Copy(all, tags)
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		key.WriteString("\x00" + name + "\x00" + all[name])
	}
	return &taggedMetrics{metrics: t.metrics, tags: all, key: key.String()}
}

const temporalHelp = "Measured by Temporal's SDK; see https://docs.temporal.io/references/sdk-metrics."

// Counter implements client.MetricsHandler.
func (t *taggedMetrics) Counter(name string) client.MetricsCounter {
	return counter{metricOf(t.metrics, "counter\x00"+name+t.key, func() prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: strings.TrimSuffix(name, "_total") + "_total", Help: temporalHelp, ConstLabels: t.tags})
	})}
}

// Gauge implements client.MetricsHandler.
func (t *taggedMetrics) Gauge(name string) client.MetricsGauge {
	return gauge{metricOf(t.metrics, "gauge\x00"+name+t.key, func() prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: temporalHelp, ConstLabels: t.tags})
	})}
}

// Timer implements client.MetricsHandler.
func (t *taggedMetrics) Timer(name string) client.MetricsTimer {
	return timer{metricOf(t.metrics, "timer\x00"+name+t.key, func() prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name + "_seconds", Help: temporalHelp, ConstLabels: t.tags, Buckets: temporalBuckets})
	})}
}

type counter struct{ prometheus.Counter }

// Inc implements client.MetricsCounter.
func (c counter) Inc(by int64) { c.Add(float64(by)) }

type gauge struct{ prometheus.Gauge }

// Update implements client.MetricsGauge.
func (g gauge) Update(value float64) { g.Set(value) }

type timer struct{ prometheus.Histogram }

// Record implements client.MetricsTimer.
func (t timer) Record(took time.Duration) { t.Observe(took.Seconds()) }
