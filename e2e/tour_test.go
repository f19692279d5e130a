//go:build !production

package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README's tour is run word for word, as one shell session. Only the
// addresses are others, so that it does not meet a factory that runs here.
func TestTheReadmesTour(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, tour, found := strings.Cut(string(readme), "## Ten minutes in the factory")
	require.True(t, found)
	tour, _, found = strings.Cut(tour, "\n## ")
	require.True(t, found)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(tour, -1)
	require.GreaterOrEqual(t, len(blocks), 8, "the tour's commands were not found")

	directory := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(directory, "bin"), 0o755))
	require.NoError(t, os.Symlink(binary, filepath.Join(directory, "bin", "cupcakery")))
	tools, err := filepath.Abs("../.tools")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(tools, filepath.Join(directory, ".tools")))

	f := &factory{t: t}
	readyFile := filepath.Join(directory, "ready.json")
	dev := f.start("dev", "dev", "--ephemeral", "--ready-file", readyFile, "--api-port", "0", "--metrics-port", "0", "--temporal-port", "0", "--temporal-ui-port", "0", "--kafka-port", "0")
	var ready addresses
	f.eventually(func() error {
		data, err := os.ReadFile(readyFile)
		if err != nil {
			return err
		}
		return json.Unmarshal(data, &ready)
	}, dev)
	api, err := url.Parse(ready.API)
	require.NoError(t, err)
	elsewhere := strings.NewReplacer("127.0.0.1:8080", api.Host, "127.0.0.1:9092", ready.Kafka)

	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for i, block := range blocks {
		fmt.Fprintf(&script, "echo '### block %d'\n%s", i+1, elsewhere.Replace(block[1]))
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	shell.Dir = directory
	shell.Env = append(os.Environ(), "CUPCAKERY_API="+ready.API, "KAFKA_BROKERS="+ready.Kafka, "TEMPORAL_ADDRESS="+ready.Temporal)
	output, err := shell.CombinedOutput()
	require.NoError(t, err, "the tour printed:\n%s", output)
	for _, promised := range []string{
		"Happy 40th 🎂",  // the order and its tickets
		`"kind":"make"`, // the bake ticket that kcat read
		"shipped",       // the end of watch
		"HTTP/1.1 201",  // the order by REST
		"openapi: 3",    // the specification
		"in-progress",   // the order on its way
		`"pass"`,        // the query's answer
		"WorkflowId",    // temporal's description
		"STOP: this work was cancelled",
		"set the cupcakes aside or bin them",
		"empty the bowl",
		"undone, 6 scrapped by bob",
		`"notUndone":[]`, // what downstream systems hear
	} {
		require.Contains(t, string(output), promised)
	}
	require.NoError(t, dev.Stop(patience))
}
