package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/namespace"
)

const (
	temporalPIDFile = "temporal.pid"
	// temporalStartWithin bounds how long the dev server may take to come up.
	// It takes half a second, more with a large database on a slow disk.
	temporalStartWithin = time.Minute
)

// DynamicConfig is how the dev server differs from its defaults.
func DynamicConfig() map[string]string {
	return map[string]string{
		// The defaults of 20 hold every dispatch for 50 ms on one shard: four
		// stations and back took 249 ms instead of 48.
		"history.transferProcessorMaxPollRPS":   "1000",
		"history.timerProcessorMaxPollRPS":      "1000",
		"history.visibilityProcessorMaxPollRPS": "1000",
		// A queue goes through all tasks since its last checkpoint whenever one is
		// added. With the default of 30 s between checkpoints that took a twelfth
		// of the server's time under load.
		"history.transferProcessorUpdateAckInterval":   "2",
		"history.timerProcessorUpdateAckInterval":      "2",
		"history.visibilityProcessorUpdateAckInterval": "2",
		// One machine needs no spread of its task queues: with one partition
		// the p99 under load fell from 6 s to 2 s.
		"matching.numTaskqueueReadPartitions":  "1",
		"matching.numTaskqueueWritePartitions": "1",
	}
}

// TemporalConfig says how to start Temporal's dev server.
type TemporalConfig struct {
	// CLI is the Temporal CLI's executable. Defaults to what FindTemporalCLI
	// finds.
	CLI string
	// Port is where workers and clients connect. 0 picks a free one.
	Port int
	// UIPort is where the web UI is served. 0 picks a free one.
	UIPort int
	// Headless leaves the web UI out.
	Headless bool
	// DynamicConfig is added to DynamicConfig, for tests.
	DynamicConfig map[string]string
	// DataDir keeps the orders, with PartTemporal locked. Defaults to keeping
	// nothing.
	DataDir *DataDir
}

// Temporal is a running dev server.
type Temporal struct {
	addr   string
	uiAddr string
	child  *childProcess
	log    *os.File
	forget func() error
}

// StartTemporal starts Temporal's dev server with the orders' search
// attributes, and returns once it answers. ctx bounds only the start.
func StartTemporal(ctx context.Context, config TemporalConfig) (*Temporal, error) {
	if config.DataDir != nil && !config.DataDir.holds(PartTemporal) {
		return nil, fmt.Errorf("start Temporal: data directory %q is not locked for it", config.DataDir.path)
	}
	err := errors.Join(CheckPort("Temporal", config.Port), CheckPort("the Temporal UI", config.UIPort))
	if err != nil {
		return nil, fmt.Errorf("start Temporal: %w", err)
	}
	if config.CLI == "" {
		if config.CLI, err = FindTemporalCLI(ctx, "", nil); err != nil {
			return nil, fmt.Errorf("start Temporal: %w", err)
		}
	}
	// A free port may be taken by another program before the server listens.
	// Then it ends at once, and other ports are worth a try.
	for attempts := 3; ; attempts-- {
		t, err := startTemporal(ctx, config)
		if err == nil {
			return t, nil
		}
		var ended *temporalEndedError
		if attempts == 1 || !errors.As(err, &ended) || !ended.portInUse() || (config.Port != 0 && config.UIPort != 0) {
			return nil, fmt.Errorf("start Temporal: %w", err)
		}
	}
}

func startTemporal(ctx context.Context, config TemporalConfig) (*Temporal, error) {
	args := []string{"server", "start-dev", "--ip", localhost, "--log-level", "warn", "--log-format", "json"}
	port, err := portOrFree(config.Port)
	if err != nil {
		return nil, err
	}
	t := &Temporal{addr: hostPort(port), forget: func() error { return nil }}
	args = append(args, "--port", strconv.Itoa(port))
	if config.Headless {
		args = append(args, "--headless")
	} else {
		uiPort, err := portOrFree(config.UIPort)
		if err != nil {
			return nil, err
		}
		t.uiAddr = hostPort(uiPort)
		args = append(args, "--ui-port", strconv.Itoa(uiPort))
	}
	if config.DataDir != nil {
		args = append(args, "--db-filename", config.DataDir.Path("temporal.db"))
	}
	attributes := namespace.SearchAttributes()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		args = append(args, "--search-attribute", name+"="+attributes[name].String())
	}
	values := DynamicConfig()
	maps.Copy(values, config.DynamicConfig)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		args = append(args, "--dynamic-config-value", key+"="+values[key])
	}

	if t.log, err = openTemporalLog(config.DataDir); err != nil {
		return nil, err
	}
	cmd := exec.Command(config.CLI, args...)
	cmd.Stdout, cmd.Stderr = t.log, t.log
	// Settings meant for clients, such as TEMPORAL_ADDRESS, are not the server's.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TEMPORAL_") })
	if t.child, err = startChild(cmd); err != nil {
		_ = t.log.Close() // nothing was logged
		return nil, fmt.Errorf("run the Temporal CLI: %w", err)
	}
	if config.DataDir != nil {
		file := config.DataDir.Path(temporalPIDFile)
		if err := t.child.record(file); err != nil {
			t.Kill()
			return nil, err
		}
		t.forget = func() error { return os.Remove(file) }
	}
	if err := t.waitUntilReady(ctx); err != nil {
		t.Kill()
		return nil, err
	}
	return t, nil
}

// Addr is the host:port for workers and clients.
func (t *Temporal) Addr() string { return t.addr }

// UIAddr is the host:port of the web UI; empty if it was left out.
func (t *Temporal) UIAddr() string { return t.uiAddr }

// PID is the dev server's process id.
func (t *Temporal) PID() int { return t.child.cmd.Process.Pid }

// Exited is closed when the dev server has ended, by Stop or by itself.
func (t *Temporal) Exited() <-chan struct{} { return t.child.exited }

// Err returns, once the dev server has ended by itself, how it ended and what it logged
// last.
func (t *Temporal) Err() error {
	return &temporalEndedError{cli: t.child.cmd.Path, state: t.child.cmd.ProcessState.String(), log: t.lastLog()}
}

// Stop ends the dev server and waits for the end. It may be called again.
func (t *Temporal) Stop() {
	t.child.stop()
	t.cleanUp()
}

// Kill ends the dev server as kill -9 does, and waits for the end.
func (t *Temporal) Kill() {
	t.child.kill()
	t.cleanUp()
}

func (t *Temporal) cleanUp() {
	_ = t.forget()    // a record of a process that is gone does no harm
	_ = t.log.Close() // the server wrote it, not we
}

// waitUntilReady returns once the server takes orders.
func (t *Temporal) waitUntilReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, temporalStartWithin, fmt.Errorf("not ready after %s", temporalStartWithin))
	defer cancel()
	var lastErr error
	for {
		if lastErr = t.checkReady(ctx); lastErr == nil {
			return nil
		}
		select {
		case <-t.child.exited:
			return t.Err()
		case <-ctx.Done():
			return fmt.Errorf("%w (last answer: %w); it logged: %s", context.Cause(ctx), lastErr, t.lastLog())
		case <-time.After(pollEvery):
		}
	}
}

func (t *Temporal) checkReady(ctx context.Context) error {
	c, err := client.DialContext(ctx, client.Options{HostPort: t.addr, Logger: silentLogger{}})
	if err != nil {
		return err
	}
	defer c.Close()
	// The dev server's own retention is a day, too short for looking at last
	// week's orders.
	return namespace.Apply(ctx, c, namespace.Settings{Namespace: client.DefaultNamespace, Retention: namespace.DefaultRetention}, func([]string) {})
}

// lastLog is the end of what the server logged, for error messages.
func (t *Temporal) lastLog() string {
	const limit = 2000
	size, err := t.log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Sprintf("(log unreadable: %v)", err)
	}
	data := make([]byte, min(size, limit))
	if _, err := t.log.ReadAt(data, size-int64(len(data))); err != nil {
		return fmt.Sprintf("(log unreadable: %v)", err)
	}
	return string(bytes.TrimSpace(data))
}

// openTemporalLog opens the server's log: a file in the data directory, where
// the log of the run before is kept once more, or one that nobody sees.
func openTemporalLog(dir *DataDir) (*os.File, error) {
	if dir == nil {
		file, err := os.CreateTemp("", "temporal-*.log")
		if err != nil {
			return nil, fmt.Errorf("open Temporal's log: %w", err)
		}
		return file, os.Remove(file.Name())
	}
	name := dir.Path("temporal.log")
	if err := os.Rename(name, name+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open Temporal's log: %w", err)
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open Temporal's log: %w", err)
	}
	return file, nil
}

// temporalEndedError says that the dev server ended by itself.
type temporalEndedError struct {
	cli   string
	state string
	log   string
}

func (e *temporalEndedError) Error() string {
	log := "logged last: " + e.log
	if e.log == "" {
		log = "logged nothing"
	}
	return fmt.Sprintf("the Temporal dev server ended (%s); it was started with %q and %s", e.state, e.cli, log)
}

func (e *temporalEndedError) portInUse() bool {
	return strings.Contains(e.log, "address already in use")
}

func portOrFree(port int) (int, error) {
	if port != 0 {
		return port, nil
	}
	return FreePort()
}
