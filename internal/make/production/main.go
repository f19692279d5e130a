// Command production runs the factory as in production on this machine, without
// containers: what docker-compose.yml starts, as processes, on Kafka with TLS,
// passwords and ACLs. It runs in the repository, where it finds bin/cupcakery and
// deploy/.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/production"
)

const (
	binary = "bin/cupcakery"
	// stopWithin is what docker-compose.yml grants.
	stopWithin = 30 * time.Second
	// readyWithin bounds the start of the factory's own processes.
	readyWithin = 2 * time.Minute
	pollEvery   = 50 * time.Millisecond
)

type settings struct {
	dataDir, readyFile   string
	ephemeral, freePorts bool
}

func main() {
	var s settings
	flag.StringVar(&s.dataDir, "data-dir", ".production", "directory that keeps databases, topics, passwords and logs")
	flag.BoolVar(&s.ephemeral, "ephemeral", false, "keep nothing: a temporary directory, which is removed at the end")
	flag.BoolVar(&s.freePorts, "free-ports", false, "listen on free ports instead of 7233, 8080, 8081, 8082, 8084, 8091 and 9092")
	flag.StringVar(&s.readyFile, "ready-file", "", "file to write the addresses in use to, as JSON, when all is up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "production:", err)
		os.Exit(1)
	}
}

// factory is everything that runs.
type factory struct {
	stack *production.Stack
	logs  string

	mu      sync.Mutex
	running []devstack.Child // those that use others last
	stopped bool
}

func run(ctx context.Context, s settings) (err error) {
	if flag.NArg() > 0 {
		return fmt.Errorf("%q: there are only flags; -help lists them", flag.Arg(0))
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("run `make build` first, or `make production`: %w", err)
	}
	ports, err := choosePorts(s.freePorts)
	if err != nil {
		return err
	}
	if s.readyFile != "" {
		// Whoever waits for it must not read old addresses.
		if err := os.Remove(s.readyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	dataDir := s.dataDir
	if s.ephemeral {
		dataDir = ""
	}
	say("Starting PostgreSQL, the Temporal server and Apache Kafka ...")
	stack, err := production.Start(ctx, production.Config{DataDir: dataDir, KafkaPort: ports["kafka"], TemporalPort: ports["temporal"], Say: say})
	if err != nil {
		return stoppedOr(ctx, err)
	}
	f := &factory{stack: stack, logs: stack.Path("logs")}
	defer f.stop()
	if err := f.start(ctx, ports); err != nil {
		return stoppedOr(ctx, err)
	}
	if err := f.describe(s, ports); err != nil {
		return err
	}
	err = stack.Wait(ctx)
	say("Stopping ...")
	return err
}

// stoppedOr is no error if somebody has asked for the end meanwhile.
func stoppedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// choosePorts returns the port of each part: those of docker-compose.yml, and one
// for a second worker.
func choosePorts(free bool) (map[string]int, error) {
	ports := map[string]int{"temporal": 7233, "api": 8080, "worker-1": 8081, "metrics": 8082, "ledger": 8084, "worker-2": 8091, "kafka": 9092}
	var faults []error
	for name, port := range ports {
		var err error
		if free {
			ports[name], err = devstack.FreePort()
		} else if err = devstack.CheckPort(name, port); err != nil {
			err = fmt.Errorf("%w: stop that program, or use --free-ports", err)
		}
		faults = append(faults, err)
	}
	return ports, errors.Join(faults...)
}

// start starts the factory's own processes.
func (f *factory) start(ctx context.Context, ports map[string]int) error {
	if err := os.MkdirAll(f.logs, 0o755); err != nil {
		return err
	}
	if err := f.finish(ctx, "topics", events.ProcessTopics, "topics", "apply"); err != nil {
		return err
	}
	staff, ok := os.LookupEnv("STAFF_FILE")
	if !ok {
		staff = "deploy/staff.yaml"
	}
	address := func(name string) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[name])) }
	for _, worker := range []string{"worker-1", "worker-2"} {
		if err := f.keepRunning(worker, events.ProcessWorker, nil, "worker", "--listen", address(worker)); err != nil {
			return err
		}
	}
	ledgerDatabase := "CUPCAKERY_LEDGER_DATABASE=" + f.stack.LedgerDatabase()
	if err := f.keepRunning("ledger", events.ProcessLedger, []string{ledgerDatabase}, "ledger", "--listen", address("ledger")); err != nil {
		return err
	}
	if err := f.keepRunning("api", events.ProcessAPI, []string{ledgerDatabase, "CUPCAKERY_SECRET=" + f.stack.APISecret(), "CUPCAKERY_STAFF=" + staff},
		"api", "--listen", address("api"), "--metrics-listen", address("metrics")); err != nil {
		return err
	}
	robots, err := readRobots("docker-compose.yml")
	if err != nil {
		return err
	}
	for _, robot := range robots {
		if err := f.keepRunning(robot.name, events.StationProcess(robot.stage), nil, robot.command...); err != nil {
			return err
		}
	}
	for _, name := range []string{"worker-1", "worker-2", "ledger", "api"} {
		if err := f.awaitReady(ctx, name, "http://"+address(name)+"/readyz"); err != nil {
			return err
		}
	}
	return nil
}

// command runs the binary as a process of the factory, its log in a file.
func (f *factory) command(name, process string, env []string, args ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(f.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(append(os.Environ(), f.stack.Env(process)...), env...)
	return cmd, nil
}

func (f *factory) log(name string) string { return filepath.Join(f.logs, name+".log") }

// finish runs a process to its end.
func (f *factory) finish(ctx context.Context, name, process string, args ...string) error {
	cmd, err := f.command(name, process, nil, args...)
	if err != nil {
		return err
	}
	child, err := devstack.StartChild(cmd)
	closeLog(cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	select {
	case <-child.Exited():
	case <-ctx.Done():
		child.Stop(stopWithin)
		return ctx.Err()
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with exit code %d: see %s", name, code, f.log(name))
	}
	return nil
}

// keepRunning starts a process, and again whenever it ends by itself.
func (f *factory) keepRunning(name, process string, env []string, args ...string) error {
	child, err := f.startChild(name, process, env, args...)
	if err != nil || child == nil {
		return err
	}
	go func() {
		for child != nil {
			<-child.Exited()
			f.mu.Lock()
			stopped := f.stopped
			f.mu.Unlock()
			if stopped {
				return
			}
			say(fmt.Sprintf("%s has ended (%s) and is started again; its log is %s", name, child.State(), f.log(name)))
			time.Sleep(time.Second) // one that cannot start does not fill the disk with its log
			if child, err = f.startChild(name, process, env, args...); err != nil {
				say(fmt.Sprintf("%s cannot be started again: %v", name, err))
			}
		}
	}()
	return nil
}

// startChild returns nil once everything is being stopped.
func (f *factory) startChild(name, process string, env []string, args ...string) (*devstack.Child, error) {
	cmd, err := f.command(name, process, env, args...)
	if err != nil {
		return nil, err
	}
	defer closeLog(cmd)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return nil, nil
	}
	child, err := devstack.StartChild(cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	f.running = append(f.running, child)
	return &child, nil
}

// closeLog closes our descriptor of a child's log; it has its own.
func closeLog(cmd *exec.Cmd) { _ = cmd.Stdout.(*os.File).Close() }

func (f *factory) awaitReady(ctx context.Context, name, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer := "no answer"
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close() // nothing is read
			if answer = response.Status; response.StatusCode < 300 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (%s: %s): see %s", name, url, answer, f.log(name))
		case <-time.After(pollEvery):
		}
	}
}

// stop stops everything: the factory's own processes together, as a deployment
// does, then what they stand on.
func (f *factory) stop() {
	f.mu.Lock()
	f.stopped = true
	running := f.running
	f.mu.Unlock()
	var stopping sync.WaitGroup
	for _, child := range running {
		stopping.Go(func() { child.Stop(stopWithin) })
	}
	stopping.Wait()
	f.stack.Stop()
}

func (f *factory) describe(s settings, ports map[string]int) error {
	admin := f.stack.Admin()
	addresses := map[string]string{
		"api": fmt.Sprintf("http://127.0.0.1:%d", ports["api"]), "temporal": f.stack.Temporal.Addr(),
		"kafka": admin.Brokers[0], "kafkaCA": admin.TLS.CAFile, "passwords": f.stack.Path("secrets.json"), "logs": f.logs,
		"postgres": f.stack.Postgres.Addr(),
	}
	say(fmt.Sprintf(`The factory runs. Ctrl-C stops all of it.
  API        %s
  Temporal   %s
  Kafka      %s, SASL_SSL, certificate of its authority in %s
  Ledger     postgres://ledger@%s/ledger
  Passwords  %s: the ledger's, and those of Kafka's users, who are the processes of docs/production.md
  Logs       %s`, addresses["api"], addresses["temporal"], addresses["kafka"], addresses["kafkaCA"], addresses["postgres"], addresses["passwords"], addresses["logs"]))
	if s.readyFile == "" {
		return nil
	}
	data, err := json.MarshalIndent(addresses, "", "  ")
	if err != nil {
		return err
	}
	return devstack.WriteFileAtomically(s.readyFile, append(data, '\n'), 0o644)
}

func say(text string) { fmt.Println(text) }
