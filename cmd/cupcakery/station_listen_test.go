package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
)

func TestAStationThatListensSaysHowItIs(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	port, err := devstack.FreePort()
	require.NoError(t, err)
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	get := func(path string) (int, string) {
		answer, err := http.Get(address + path)
		if err != nil {
			return 0, err.Error()
		}
		defer func() { require.NoError(t, answer.Body.Close()) }()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	status := func(path string, want int) func() bool {
		return func() bool { got, _ := get(path); return got == want }
	}
	bob := openStation(t, floor.kafka.Addr(), "--plain", "--name", "bob", "--listen", fmt.Sprintf("127.0.0.1:%d", port))
	require.Eventually(t, status("/readyz", http.StatusNoContent), stationPatience, 10*time.Millisecond)
	require.True(t, status("/healthz", http.StatusNoContent)())
	ticket := floor.issue(nil)
	bob.enter("start 1")
	bob.out.await(t, ticket.PickupCode+"  started by bob")
	// The station may read its own ack before Kafka has answered whoever sent it.
	var metrics string
	require.Eventually(t, func() bool {
		_, metrics = get("/metrics")
		return strings.Contains(metrics, `cupcakery_station_acks_total{kind="started",stage="bake"} 1`)
	}, stationPatience, 10*time.Millisecond)
	for _, part := range []string{
		`cupcakery_consumer_lag{group="cupcake-bakers",topic="orders-to-bake"} 1`,
		`cupcakery_station_acks_total{kind="done",stage="bake"} 0`,
		`cupcakery_rebalances_total{group="cupcake-bakers"} `,
		"go_goroutines ",
	} {
		require.Contains(t, metrics, part)
	}
	floor.kafka.Stop()
	require.Eventually(t, status("/readyz", http.StatusServiceUnavailable), stationPatience, 10*time.Millisecond)
	require.True(t, status("/healthz", http.StatusNoContent)(), "a restart would not help")
	_, why := get("/readyz")
	require.Contains(t, why, "the brokers do not answer")
	bob.ctrlC()
	require.Zero(t, bob.exit(), bob.errOut)
	require.True(t, status("/healthz", 0)(), "the address is free again")
}

func TestAStationSaysThatItsAddressIsTaken(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	bob := openStation(t, floor.kafka.Addr(), "--plain", "--name", "bob", "--listen", floor.kafka.Addr())
	require.Equal(t, 1, bob.exit())
	require.Contains(t, bob.errOut.String(), "choose another address with --listen")
}
