//go:build production

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// What `make production` starts makes what a customer orders, with the robots of
// compose, keeps orders over night, starts what has died again, and leaves nothing
// running.
func TestMakeProductionShipsOrders(t *testing.T) {
	f := &factory{t: t}
	program := filepath.Join(t.TempDir(), "production")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../internal/make/production")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	data := t.TempDir()

	var ready struct{ API, Logs, Passwords, Postgres string }
	start := func() *process.Process {
		readyFile := filepath.Join(t.TempDir(), "ready.json")
		p, err := process.Start(process.Options{Name: "production", Binary: program, Dir: "..", Args: []string{"--data-dir", data, "--free-ports", "--ready-file", readyFile}})
		require.NoError(t, err)
		t.Cleanup(p.Kill)
		f.eventually(func() error {
			text, err := os.ReadFile(readyFile)
			if err != nil {
				return err
			}
			return json.Unmarshal(text, &ready)
		}, p)
		f.apiURL, f.api = ready.API, p
		return p
	}

	first := start()
	placed := f.place(wedding())
	require.NoError(t, first.Stop(patience))
	_, err = http.Get(ready.API + "/readyz")
	require.Error(t, err, "it runs on")

	second := start()
	robots := childrenOf(t, second, "station mix")
	require.Len(t, robots, 1)
	require.NoError(t, robots[0].Kill())
	f.eventually(func() error {
		if !strings.Contains(second.Output(), "has ended (signal: killed) and is started again") {
			return fmt.Errorf("nobody has noticed: %s", second.Output())
		}
		return nil
	}, second)
	for _, id := range []string{placed.ID, f.place(wedding()).ID} {
		status := f.until(id, "shipped", shipped)
		require.Len(t, status.Stages, len(kitchen.Stages()))
		require.Equal(t, "Mixing robot", status.Stages[0].By)
	}
	require.Len(t, childrenOf(t, second, "worker --listen"), 2)
	require.Len(t, childrenOf(t, second, "ledger --listen"), 1)

	var passwords struct{ Ledger string }
	text, err := os.ReadFile(ready.Passwords)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &passwords))
	ledger, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://ledger:%s@%s/ledger", passwords.Ledger, ready.Postgres))
	require.NoError(t, err)
	f.eventually(func() error {
		var ready int
		if err := ledger.QueryRow(t.Context(), "select count(*) from ledger.orders where ready_at is not null").Scan(&ready); err != nil {
			return err
		}
		if ready != 2 {
			return fmt.Errorf("the ledger knows of %d orders that are ready", ready)
		}
		return nil
	}, second)
	require.NoError(t, ledger.Close(t.Context()))
	require.NoError(t, second.Stop(patience))
}

// childrenOf are the processes that one has started whose command line has this in
// it.
func childrenOf(t *testing.T, parent *process.Process, command string) []*os.Process {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent.PID()))
	require.NoError(t, err)
	var children []*os.Process
	for _, list := range lists {
		pids, err := os.ReadFile(list)
		require.NoError(t, err)
		for pid := range strings.FieldsSeq(string(pids)) {
			line, err := os.ReadFile("/proc/" + pid + "/cmdline")
			if err != nil || !strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), command) {
				continue
			}
			var number int
			_, err = fmt.Sscan(pid, &number)
			require.NoError(t, err)
			child, err := os.FindProcess(number)
			require.NoError(t, err)
			children = append(children, child)
		}
	}
	return children
}
