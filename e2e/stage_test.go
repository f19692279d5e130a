//go:build !production

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// docs/adding-a-stage.md is followed word for word in a copy of the tree. Then
// the build that it makes takes over from this one, order by order.
func TestAddingAStage(t *testing.T) {
	const glaze kitchen.Stage = "glaze"
	glazed := kitchen.Route{kitchen.Mix, kitchen.Bake, glaze, kitchen.Decorate, kitchen.Package}
	newBinary := buildWithGlaze(t)

	f := newFactory(t, anyKafka(), time.Minute)
	ofOld := f.place(wedding())
	f.until(ofOld.ID, "at mix", waitsFor(kitchen.Mix))
	oldWorker := f.worker

	f.binary = newBinary
	f.run("topics", "apply")
	f.startWorker() // beside the old one
	require.NoError(t, f.api.Stop(patience))
	f.startAPI()
	for _, stage := range glazed {
		if stage != kitchen.Decorate {
			f.robot(stage, "--work-time", "0s")
		}
	}

	// Both builds are at work: which of them gets an order's next task is chance, so
	// orders come until the old one had one that it has to leave to the new one.
	var orders []kitchen.Status
	for leftToNew := false; !leftToNew; {
		require.Less(t, len(orders), 50, "the old worker gets no task")
		order := f.place(wedding())
		require.Equal(t, glazed, order.Route)
		orders = append(orders, order)
		f.eventually(func() error {
			leftToNew = strings.Contains(oldWorker.Output(), `this build does not know [\"glaze\"]`)
			status, err := f.get(order.ID)
			if err == nil && status.State == kitchen.StateAccepted && !leftToNew {
				err = fmt.Errorf("no worker has begun with order %s", order.ID)
			}
			return err
		}, oldWorker, f.worker)
	}
	// Temporal tries such a task again after growing pauses, each time with either build,
	// so while the old one is there nobody can say how long an order takes.
	require.NoError(t, oldWorker.Stop(patience))

	// It is undone newest first, the new stage among the others.
	cancelled := f.place(wedding())
	f.until(cancelled.ID, "at decorate", waitsFor(kitchen.Decorate))
	f.run("order", "cancel", cancelled.ID)
	f.robot(kitchen.Decorate, "--work-time", "0s")
	status := f.until(cancelled.ID, "cancelled", func(s kitchen.Status) bool { return s.State == kitchen.StateCancelled })
	require.Len(t, status.Stages, 4)
	for i, row := range status.Stages {
		require.Equal(t, glazed[i], row.Stage)
		require.Equal(t, kitchen.TicketUndone, row.State)
		if i > 0 {
			require.False(t, row.Undo.UndoneAt.After(*status.Stages[i-1].Undo.UndoneAt), "%s is undone before %s", row.Stage, glazed[i-1])
		}
	}

	// Nothing is lost or skipped.
	for _, order := range orders {
		f.requireShippedThrough(order.ID, glazed)
	}
	f.requireShippedThrough(ofOld.ID, kitchen.Route{kitchen.Mix, kitchen.Bake, kitchen.Decorate, kitchen.Package})
	require.NotContains(t, f.run("dead-letters", "list"), "station-acks")
}

// requireShippedThrough waits until an order is shipped, and checks that each
// stage of its route was done once and no other.
func (f *factory) requireShippedThrough(orderID string, route kitchen.Route) {
	f.t.Helper()
	status := f.until(orderID, "shipped", shipped)
	var through kitchen.Route
	for _, row := range status.Stages {
		require.Equal(f.t, kitchen.TicketDone, row.State, row.Stage)
		through = append(through, row.Stage)
	}
	require.Equal(f.t, route, status.Route)
	require.Equal(f.t, route, through)
}

// buildWithGlaze does what the document says, up to the rollout, and returns the
// binary.
func buildWithGlaze(t *testing.T) string {
	t.Helper()
	root := copyTree(t)
	recipe, err := os.ReadFile("../docs/adding-a-stage.md")
	require.NoError(t, err)
	toDo, rollout, found := strings.Cut(string(recipe), "\n## 7. Roll it out\n")
	require.True(t, found)
	require.Contains(t, rollout, "```sh\nbin/cupcakery topics apply\n```", "the test does so")
	blocks := regexp.MustCompile("(?s)```(diff|sh)\n(.*?)```").FindAllStringSubmatch(toDo, -1)
	require.Len(t, blocks, 5)
	for i, block := range blocks {
		run(t, root, block[2], map[string]string{"diff": "git apply -", "sh": "set -euo pipefail\n" + block[2]}[block[1]], fmt.Sprintf("block %d of the recipe", i+1))
	}
	run(t, filepath.Join(root, "web"), "", "npm run --silent types", "the pages with the new stage")
	run(t, root, "", "go vet ./workflows", "the new kind of order")
	binary, err := process.Build(t.Context(), root, filepath.Join(root, "bin"))
	require.NoError(t, err)
	run(t, root, "", "go test -C deploy/kubetest -count=1 -run 'TestRobotsWorkAtTheStagesThatThereAre|TestStrimzis' .", "the chart and Strimzi with the new stage")
	return binary
}

// run runs a command line in a folder.
func run(t *testing.T, folder, stdin, command, what string) {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "bash", "-c", command)
	shell.Dir, shell.Stdin = folder, strings.NewReader(stdin)
	output, err := shell.CombinedOutput()
	require.NoError(t, err, "%s: %s printed:\n%s", what, command, output)
}

// copyTree copies the files of the project, and links what is installed. All
// files are old, so that make does not install anew.
func copyTree(t *testing.T) string {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "git", "-C", "..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	root := t.TempDir()
	for path := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		source, target := filepath.Join("..", path), filepath.Join(root, path)
		info, err := os.Stat(source)
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		require.NoError(t, err)
		data, err := os.ReadFile(source)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, data, info.Mode()))
		require.NoError(t, os.Chtimes(target, time.Unix(0, 0), time.Unix(0, 0)))
	}
	for _, installed := range []string{".tools", "web/node_modules"} {
		there, err := filepath.Abs(filepath.Join("..", installed))
		require.NoError(t, err)
		require.NoError(t, os.Symlink(there, filepath.Join(root, installed)))
	}
	return root
}
