// Package groupmetrics measures a member of a Kafka consumer group.
package groupmetrics

import "github.com/prometheus/client_golang/prometheus"

// Lag is how many messages of each topic a member has not finished.
type Lag func() map[string]int64

// Register adds a member of a group to what registerer gives: its lag, as it is when
// somebody asks, and its rebalances. The member calls rebalanced whenever it has got
// its share. A registry takes one member of each group.
func Register(registerer prometheus.Registerer, group string, lag Lag) (rebalanced func()) {
	labels := prometheus.Labels{"group": group}
	rebalances := prometheus.NewCounter(prometheus.CounterOpts{
		Name:        "cupcakery_rebalances_total",
		Help:        "Times that the group has given this member its share of the partitions anew.",
		ConstLabels: labels,
	})
	registerer.MustRegister(rebalances, &collector{
		lag: lag,
		desc: prometheus.NewDesc("cupcakery_consumer_lag",
			"Messages of the partitions that this member has which are not finished: in hand, or not yet read.", []string{"topic"}, labels),
	})
	return rebalances.Inc
}

type collector struct {
	lag  Lag
	desc *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) { descs <- c.desc }

// Collect implements prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	for topic, messages := range c.lag() {
		metrics <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(messages), topic)
	}
}
