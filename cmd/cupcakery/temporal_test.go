package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/namespace"
)

func TestTemporalApplyAndCheck(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{Headless: true})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	at := []string{"--temporal-address", server.Addr(), "--temporal-namespace", "bakery"}

	c := invoke(t, "", append([]string{"temporal", "check"}, at...)...)
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stderr, "namespace \"bakery\" does not exist: run `cupcakery temporal apply`")
	require.Empty(t, c.stdout)

	c = invoke(t, "", append([]string{"temporal", "apply", "--retention", "240h"}, at...)...)
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, `Namespace "bakery" at `+server.Addr()+`:
  create the namespace, which keeps finished orders for 10 days
  add the search attribute CupcakeCustomer (Keyword)
  add the search attribute CupcakeFlavours (KeywordList)
  add the search attribute CupcakePickupCode (Keyword)
  add the search attribute CupcakeState (Keyword)
Ready for orders.
`, c.stdout)
	require.Empty(t, c.stderr)

	c = invoke(t, "", append([]string{"temporal", "apply"}, at...)...)
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, "Namespace \"bakery\" at "+server.Addr()+":\n  nothing to change\nReady for orders.\n", c.stdout)

	c = invoke(t, "", append([]string{"temporal", "check"}, at...)...)
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, "Namespace \"bakery\" at "+server.Addr()+" has all that orders need.\n", c.stdout)

	temporalClient, err := client.Dial(client.Options{HostPort: server.Addr()})
	require.NoError(t, err)
	t.Cleanup(temporalClient.Close)
	_, err = temporalClient.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: "bare", WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { // the server sees it
		c = invoke(t, "", "temporal", "check", "--temporal-address", server.Addr(), "--temporal-namespace", "bare")
		return c.code == exitFailed && strings.Contains(c.stderr, "search attribute")
	}, time.Minute, 50*time.Millisecond)
	for name := range namespace.SearchAttributes() {
		require.Contains(t, c.stderr, "search attribute "+name+" is missing in namespace \"bare\": run `cupcakery temporal apply`")
	}
}

func TestTemporalSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	away := closed.Addr().String()
	for name, test := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"NoTemporal":       {[]string{"check", "--temporal-address", away}, exitUnavailable, []string{"cannot reach Temporal at " + away}},
		"NoTemporalApply":  {[]string{"apply", "--temporal-address", away}, exitUnavailable, []string{"cannot reach Temporal at " + away}},
		"NoTemporalInTime": {[]string{"apply", "--temporal-address", away, "--wait", "2s"}, exitUnavailable, []string{"Waiting for Temporal at " + away + " ...\n", "cannot reach"}},
		"ATooShortTime":    {[]string{"apply", "--retention", "1m"}, exitUsage, []string{"--retention: 1m0s is too short"}},
		"ANegativeTime":    {[]string{"apply", "--wait", "-1s"}, exitUsage, []string{"--wait -1s"}},
		"Arguments":        {[]string{"check", "default"}, exitUsage, []string{"accepts 0 arg(s)"}},
		"NoSubcommand":     {[]string{"prepare"}, exitUsage, []string{`unknown command "prepare"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := invoke(t, "", append([]string{"temporal"}, test.args...)...)
			require.Equal(t, test.code, c.code, c.stderr)
			for _, text := range test.says {
				require.Contains(t, c.stderr, text)
			}
		})
	}
}
