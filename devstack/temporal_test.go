package devstack_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

func TestTemporal(t *testing.T) {
	t.Parallel()

	t.Run("TakesAnOrderThatCanBeFoundAsSoonAsItIsUp", func(t *testing.T) {
		t.Parallel()
		server := startTemporal(t, devstack.TemporalConfig{})
		orderID := startOrder(t, server)
		c := dial(t, server)
		query := `CupcakeState = "in-progress" AND CupcakeFlavours = "vanilla" AND CupcakeCustomer = "Ada" AND CupcakePickupCode = "` + kitchen.PickupCode(orderID) + `"`
		require.Eventually(t, func() bool {
			found, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
			return err == nil && len(found.GetExecutions()) == 1
		}, 30*time.Second, 20*time.Millisecond)
	})

	t.Run("ServesItsUI", func(t *testing.T) {
		t.Parallel()
		server := startTemporal(t, devstack.TemporalConfig{})
		requireListening(t, server.UIAddr())
	})

	t.Run("LeavesTheUIOut", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, startTemporal(t, devstack.TemporalConfig{Headless: true}).UIAddr())
	})

	t.Run("KeepsFinishedOrdersLongerThanTheServersOwnDefault", func(t *testing.T) {
		t.Parallel()
		c := dial(t, startTemporal(t, devstack.TemporalConfig{Headless: true}))
		namespace, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
		require.NoError(t, err)
		require.GreaterOrEqual(t, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(), 7*24*time.Hour)
	})

	for name, end := range map[string]func(*devstack.Temporal){"Stop": (*devstack.Temporal).Stop, "Kill": (*devstack.Temporal).Kill} {
		t.Run("GoesOnWithItsOrdersOnTheSamePortAfter"+name, func(t *testing.T) {
			t.Parallel()
			dir, err := devstack.OpenDataDir(t.TempDir(), devstack.PartTemporal)
			require.NoError(t, err)
			t.Cleanup(dir.Close)
			first := startTemporal(t, devstack.TemporalConfig{DataDir: dir})
			orderID := startOrder(t, first)
			end(first)
			requireEnded(t, first)

			_, port, err := net.SplitHostPort(first.Addr())
			require.NoError(t, err)
			number, err := net.LookupPort("tcp", port)
			require.NoError(t, err)
			second := startTemporal(t, devstack.TemporalConfig{DataDir: dir, Port: number})
			require.Equal(t, first.Addr(), second.Addr())
			order, err := dial(t, second).DescribeWorkflowExecution(t.Context(), kitchen.WorkflowID(orderID), "")
			require.NoError(t, err)
			require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, order.GetWorkflowExecutionInfo().GetStatus())
			require.FileExists(t, dir.Path("temporal.log.old"))
		})
	}

	t.Run("RefusesADirectoryThatIsNotLockedForIt", func(t *testing.T) {
		t.Parallel()
		dir, err := devstack.OpenDataDir(t.TempDir(), devstack.PartKafka)
		require.NoError(t, err)
		t.Cleanup(dir.Close)
		_, err = devstack.StartTemporal(t.Context(), devstack.TemporalConfig{DataDir: dir})
		require.ErrorContains(t, err, "not locked")
	})

	t.Run("NamesThePortThatIsTaken", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { require.NoError(t, listener.Close()) }()
		port := listener.Addr().(*net.TCPAddr).Port

		_, err = devstack.StartTemporal(t.Context(), devstack.TemporalConfig{UIPort: port})
		var inUse *devstack.PortInUseError
		require.ErrorAs(t, err, &inUse)
		require.Equal(t, devstack.PortInUseError{For: "the Temporal UI", Port: port}, *inUse)
	})

	t.Run("SaysWhatItLoggedWhenItEndsAtOnce", func(t *testing.T) {
		t.Parallel()
		broken := executable(t, t.TempDir(), "temporal", "echo cannot read the database >&2; exit 3")
		_, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{CLI: broken})
		require.ErrorContains(t, err, "exit status 3")
		require.ErrorContains(t, err, "cannot read the database")
	})

	t.Run("EndsWhenTheStartIsGivenUp", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		deaf := executable(t, dir, "temporal", `echo $$ > "$0.pid"; exec sleep 600`)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := devstack.StartTemporal(ctx, devstack.TemporalConfig{CLI: deaf})
			result <- err
		}()
		require.Eventually(t, func() bool {
			_, err := os.Stat(deaf + ".pid")
			return err == nil
		}, 30*time.Second, 10*time.Millisecond)
		cancel()
		require.ErrorIs(t, <-result, context.Canceled, "and StartTemporal returns only once the process is gone")
	})
}

func TestStack(t *testing.T) {
	t.Parallel()

	t.Run("TellsThatAPartEndedByItself", func(t *testing.T) {
		t.Parallel()
		stack, err := devstack.Start(t.Context(), devstack.Config{Temporal: &devstack.TemporalConfig{Headless: true}, Kafka: &devstack.KafkaConfig{}})
		require.NoError(t, err)
		t.Cleanup(stack.Stop)
		requireListening(t, stack.Kafka.Addr())
		stack.Temporal.Kill()
		require.ErrorContains(t, stack.Wait(t.Context()), "the Temporal dev server ended")
	})

	t.Run("WaitsUntilItIsToldToEnd", func(t *testing.T) {
		t.Parallel()
		stack, err := devstack.Start(t.Context(), devstack.Config{Kafka: &devstack.KafkaConfig{}})
		require.NoError(t, err)
		t.Cleanup(stack.Stop)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, stack.Wait(ctx))
	})

	t.Run("StopsThePartsThatStartedWhenOneCannot", func(t *testing.T) {
		t.Parallel()
		dir, err := devstack.OpenDataDir(t.TempDir(), devstack.PartTemporal)
		require.NoError(t, err)
		t.Cleanup(dir.Close)
		broken := executable(t, t.TempDir(), "temporal", "exit 3")
		kafkaDir := t.TempDir()
		_, err = devstack.Start(t.Context(), devstack.Config{
			Temporal: &devstack.TemporalConfig{CLI: broken, DataDir: dir},
			Kafka:    &devstack.KafkaConfig{DataDir: kafkaDir},
		})
		require.ErrorContains(t, err, "exit status 3")
		again, err := devstack.Start(t.Context(), devstack.Config{Kafka: &devstack.KafkaConfig{DataDir: kafkaDir}})
		require.NoError(t, err)
		again.Stop()
		again.Stop()
	})
}

func startTemporal(t *testing.T, config devstack.TemporalConfig) *devstack.Temporal {
	t.Helper()
	server, err := devstack.StartTemporal(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	return server
}

func dial(t *testing.T, server *devstack.Temporal) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: server.Addr()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func newOrderID(t *testing.T) string {
	t.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	return orderID
}

func orderInput() workflows.OrderInput {
	return workflows.OrderInput{
		Order: kitchen.Order{
			Customer: kitchen.Customer{Name: "Ada"},
			Lines:    []kitchen.Line{{Flavour: "vanilla", Size: kitchen.SizeM, Quantity: 6}},
		},
		PlacedAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	}
}

func startOrder(t *testing.T, server *devstack.Temporal) string {
	t.Helper()
	orderID := newOrderID(t)
	_, err := dial(t, server).ExecuteWorkflow(t.Context(), workflows.StartOptions(orderID, orderInput(), ""), workflows.OrderWorkflowType, orderInput())
	require.NoError(t, err)
	return orderID
}

func requireListening(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func requireEnded(t *testing.T, server *devstack.Temporal) {
	t.Helper()
	select {
	case <-server.Exited():
	default:
		require.Fail(t, "the dev server has not ended")
	}
}

// executable writes a shell script and returns its path.
func executable(t *testing.T, dir, name, script string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return file
}
