package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

func TestTheSDKsMetricsHaveTheirOwnNames(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	root := measureTemporal(registry)
	orders := root.WithTags(map[string]string{"namespace": "default", "task_queue": "none"}).WithTags(map[string]string{"task_queue": "orders"})
	var counting sync.WaitGroup
	for range 8 {
		counting.Go(func() { orders.Counter("temporal_request").Inc(2) })
	}
	counting.Wait()
	orders.WithTags(map[string]string{"operation": "Poll"}).Counter("temporal_request").Inc(1)
	root.Counter("temporal_local_activity_total").Inc(1)
	orders.Gauge("temporal_num_pollers").Update(3)
	orders.Timer("temporal_request_latency").Record(2 * time.Second)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP temporal_local_activity_total Measured by Temporal's SDK; see https://docs.temporal.io/references/sdk-metrics.
# TYPE temporal_local_activity_total counter
temporal_local_activity_total 1
# HELP temporal_num_pollers Measured by Temporal's SDK; see https://docs.temporal.io/references/sdk-metrics.
# TYPE temporal_num_pollers gauge
temporal_num_pollers{namespace="default",task_queue="orders"} 3
# HELP temporal_request_total Measured by Temporal's SDK; see https://docs.temporal.io/references/sdk-metrics.
# TYPE temporal_request_total counter
temporal_request_total{namespace="default",task_queue="orders"} 16
temporal_request_total{namespace="default",operation="Poll",task_queue="orders"} 1
`), "temporal_local_activity_total", "temporal_num_pollers", "temporal_request_total"))
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Equal(t, "temporal_request_latency_seconds", families[2].GetName())
	require.InDelta(t, 2, families[2].GetMetric()[0].GetHistogram().GetSampleSum(), 0.001)
}

func TestAClientOfTemporalIsMeasured(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	temporal, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", MetricsHandler: measureTemporal(registry)})
	require.NoError(t, err)
	defer temporal.Close()
	_, err = temporal.WorkflowService().GetSystemInfo(t.Context(), &workflowservice.GetSystemInfoRequest{})
	require.Error(t, err)
	count, err := testutil.GatherAndCount(registry, "temporal_request_failure_total")
	require.NoError(t, err)
	require.Positive(t, count)
}
