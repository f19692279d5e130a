package groupmetrics_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/groupmetrics"
)

func TestMembersOfTwoGroupsShareARegistry(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	lag := int64(7)
	rebalanced := groupmetrics.Register(registry, "order-acks", func() map[string]int64 { return map[string]int64{"acks": lag} })
	groupmetrics.Register(registry, "bakers", func() map[string]int64 { return map[string]int64{"orders-to-bake": 2} })
	rebalanced()
	rebalanced()
	lag = 8
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP cupcakery_consumer_lag Messages of the partitions that this member has which are not finished: in hand, or not yet read.
# TYPE cupcakery_consumer_lag gauge
cupcakery_consumer_lag{group="bakers",topic="orders-to-bake"} 2
cupcakery_consumer_lag{group="order-acks",topic="acks"} 8
# HELP cupcakery_rebalances_total Times that the group has given this member its share of the partitions anew.
# TYPE cupcakery_rebalances_total counter
cupcakery_rebalances_total{group="bakers"} 0
cupcakery_rebalances_total{group="order-acks"} 2
`)))
}
