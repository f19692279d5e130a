package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const temporalDeploy = repositoryRoot + "/deploy/temporal/"

func TestTheDeployedTemporalIsSetLikeTheEmbeddedOne(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(temporalDeploy + "dynamicconfig.yaml")
	require.NoError(t, err)
	var settings map[string][]struct {
		Value any `yaml:"value"`
	}
	require.NoError(t, yaml.UnmarshalWithOptions(data, &settings, yaml.Strict()))
	want := devstack.DynamicConfig()
	assert.Len(t, settings, len(want))
	for key, value := range want {
		require.Len(t, settings[key], 1, key)
		written, err := yaml.Marshal(settings[key][0].Value)
		require.NoError(t, err)
		assert.Equal(t, value, strings.TrimSpace(string(written)), key)
	}
}

// The script runs in an image with the same Temporal CLI. Once it has ended,
// an order can be started at once; run again, it changes nothing.
func TestPreparingTemporalMakesItReadyForOrders(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{Headless: true})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	const namespace = "bakery"
	environment := []string{"TEMPORAL_ADDRESS=" + server.Addr(), "TEMPORAL_NAMESPACE=" + namespace, "ORDER_RETENTION=240h"}
	temporalClient, err := client.Dial(client.Options{HostPort: server.Addr(), Namespace: namespace})
	require.NoError(t, err)
	t.Cleanup(temporalClient.Close)

	for range 2 {
		output, err := prepareTemporal(t, environment...)
		require.NoError(t, err, output)
		assert.Contains(t, output, "Ready for orders.")

		described, err := temporalClient.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
		require.NoError(t, err)
		assert.Equal(t, 240*time.Hour, described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
		attributes, err := temporalClient.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
		require.NoError(t, err)
		ours := map[string]enumspb.IndexedValueType{}
		for name, kind := range attributes.GetCustomAttributes() {
			if strings.HasPrefix(name, "Cupcake") {
				ours[name] = kind
			}
		}
		assert.Equal(t, devstack.SearchAttributes(), ours)

		orderID, err := kitchen.NewOrderID()
		require.NoError(t, err)
		input := workflows.OrderInput{
			Order:    kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 1}}},
			Rules:    kitchen.Default().Rules,
			PlacedAt: time.Now(),
		}
		_, err = temporalClient.ExecuteWorkflow(t.Context(), workflows.StartOptions(orderID, input, "hash"), workflows.OrderWorkflowType, input)
		assert.NoError(t, err)
	}
}

func TestPreparingTemporalGivesUpWithAReason(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	output, err := prepareTemporal(t, "TEMPORAL_ADDRESS="+closed.Addr().String(), "PATIENCE=1")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, output, "Gave up (tries: 1): temporal operator cluster health")

	output, err = prepareTemporal(t, "TEMPORAL_ADDRESS=")
	require.Error(t, err)
	assert.Contains(t, output, "TEMPORAL_ADDRESS: say where Temporal is, host:port")
}

func TestTheSchemaJobPreparesBothDatabasesAndStopsAtAFailure(t *testing.T) {
	t.Parallel()
	run := func(failAt int) (calls []string, err error) {
		dir := t.TempDir()
		tool := "#!/bin/sh\necho \"$@\" >>" + filepath.Join(dir, "calls") + "\n[ $(wc -l <" + filepath.Join(dir, "calls") + ") -ne " + strconv.Itoa(failAt) + " ]\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "temporal-sql-tool"), []byte(tool), 0o700))
		job := exec.CommandContext(t.Context(), "sh", temporalDeploy+"schema.sh")
		job.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		err = job.Run()
		data, readErr := os.ReadFile(filepath.Join(dir, "calls"))
		require.NoError(t, readErr)
		return strings.Split(strings.TrimSpace(string(data)), "\n"), err
	}
	want := []string{
		"--database temporal create-database",
		"--database temporal setup-schema --version 0.0",
		"--database temporal update-schema --schema-dir /etc/temporal/schema/postgresql/v12/temporal/versioned",
		"--database temporal_visibility create-database",
		"--database temporal_visibility setup-schema --version 0.0",
		"--database temporal_visibility update-schema --schema-dir /etc/temporal/schema/postgresql/v12/visibility/versioned",
	}
	calls, err := run(0)
	require.NoError(t, err)
	assert.Equal(t, want, calls)
	for failAt := range want {
		calls, err := run(failAt + 1)
		assert.Error(t, err)
		assert.Equal(t, want[:failAt+1], calls)
	}
}

// prepareTemporal runs the script with the Temporal CLI that the tests have.
func prepareTemporal(t *testing.T, environment ...string) (output string, err error) {
	t.Helper()
	cli, err := devstack.FindTemporalCLI(t.Context(), "", nil)
	require.NoError(t, err)
	// The script calls it temporal, which need not be its name here.
	dir := t.TempDir()
	require.NoError(t, os.Symlink(cli, filepath.Join(dir, "temporal")))
	script := exec.CommandContext(t.Context(), "sh", temporalDeploy+"prepare.sh")
	// A home of its own, so that a developer's temporal.toml has no say.
	script.Env = append([]string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir}, environment...)
	said, err := script.CombinedOutput()
	return string(said), err
}
