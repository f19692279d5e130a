package devstack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
)

// TemporalCLIVersion is the version of the Temporal CLI that "make tools"
// installs and FindTemporalCLI downloads as a last resort.
const TemporalCLIVersion = "1.9.1"

// downloadWithin bounds the download of the Temporal CLI, some 45 MB.
const downloadWithin = 5 * time.Minute

// FindTemporalCLI returns the Temporal CLI's executable: the one given, or
// else the first of "temporal" in PATH, ".tools/temporal" in the working
// directory, that of this program or one above them, and the one that the
// Temporal SDK downloads. Before a download, announce is called with a
// sentence for people.
func FindTemporalCLI(ctx context.Context, given string, announce func(string)) (string, error) {
	if given != "" {
		found, err := exec.LookPath(given)
		if err != nil {
			return "", fmt.Errorf("the Temporal CLI %q cannot be run: %w; run \"make tools\" and leave the setting out, or name an executable", given, err)
		}
		return filepath.Abs(found)
	}
	if found, err := exec.LookPath("temporal"); err == nil {
		return filepath.Abs(found)
	}
	for _, dir := range toolDirs() {
		if found, err := exec.LookPath(filepath.Join(dir, "temporal")); err == nil {
			return found, nil
		}
	}
	return downloadTemporalCLI(ctx, announce)
}

// toolDirs lists the .tools directories to look into, nearest first.
func toolDirs() []string {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if executable, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(executable))
	}
	var dirs []string
	for _, dir := range starts {
		for {
			dirs = append(dirs, filepath.Join(dir, ".tools"))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return dirs
}

// downloadTemporalCLI lets the SDK download the CLI. It does so only on the
// way to starting a dev server, so one is started for a moment.
func downloadTemporalCLI(ctx context.Context, announce func(string)) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "cupcakery")
	file := filepath.Join(dir, "temporal-cli-v"+TemporalCLIVersion)
	if found, err := exec.LookPath(file); err == nil {
		return found, nil
	}
	if announce != nil {
		announce("The Temporal CLI is not installed: downloading version " + TemporalCLIVersion + " into " + dir + " ...")
	}
	fail := func(err error) error {
		return fmt.Errorf("the Temporal CLI was not found in PATH or .tools and cannot be downloaded: run \"make tools\", or name an executable with --temporal-cli: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fail(err)
	}
	ctx, cancel := context.WithTimeout(ctx, downloadWithin)
	defer cancel()
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		CachedDownload: testsuite.CachedDownload{Version: "v" + TemporalCLIVersion, DestDir: dir},
		ClientOptions:  &client.Options{Logger: silentLogger{}},
		LogLevel:       "never",
	})
	if err != nil {
		return "", fail(err)
	}
	server.Client().Close()
	_ = server.Stop() // reports the interrupt that it is stopped with
	found, err := exec.LookPath(file)
	if err != nil {
		return "", fail(err)
	}
	return found, nil
}

// silentLogger drops the SDK's log of connection attempts while a server
// comes up: they are expected, and the outcome is reported as an error.
type silentLogger struct{}

var _ sdklog.Logger = silentLogger{}

func (silentLogger) Debug(string, ...any) {}
func (silentLogger) Info(string, ...any)  {}
func (silentLogger) Warn(string, ...any)  {}
func (silentLogger) Error(string, ...any) {}
