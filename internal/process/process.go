// Package process runs the cupcakery binary as separate operating-system
// processes, as a bakery does, for the end-to-end tests and the benchmark.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Build compiles the binary of the module in root into directory, with further
// flags of go build if there are any, and returns its path.
func Build(ctx context.Context, root, directory string, flags ...string) (string, error) {
	binary := filepath.Join(directory, "cupcakery")
	args := append([]string{"build", "-o", binary}, flags...)
	build := exec.CommandContext(ctx, "go", append(args, "./cmd/cupcakery")...)
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, output)
	}
	return binary, nil
}

// Process is one running process of the binary.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	output *output
	exited chan struct{}
}

// Options say how a process is started.
type Options struct {
	// Name is how the process is called in errors.
	Name   string
	Binary string
	Args   []string
	// Env is added to this process's environment.
	Env []string
	// Dir is the working directory. Defaults to that of this process.
	Dir string
	// Log also receives what the process prints. Optional.
	Log io.Writer
}

// Start starts a process. It dies with this one, where the system can do
// that.
func Start(options Options) (*Process, error) {
	p := &Process{name: options.Name, output: newOutput(options.Log), exited: make(chan struct{})}
	p.cmd = exec.Command(options.Binary, options.Args...)
	p.cmd.Env = append(os.Environ(), options.Env...)
	p.cmd.Dir = options.Dir
	p.cmd.Stdout = p.output
	p.cmd.Stderr = p.output
	p.cmd.SysProcAttr = dieWithParent()
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", options.Name, err)
	}
	p.stdin = stdin
	started := make(chan error)
	go func() {
		// "Die with your parent" means the parent's thread, so the one that
		// starts the process stays for as long as it runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // how it ended is read from ProcessState
		p.output.close()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", options.Name, err)
	}
	return p, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode is the exit code of an ended process; -1 if a signal ended it.
func (p *Process) ExitCode() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// Output is what the process has printed so far, both streams together.
func (p *Process) Output() string { return p.output.String() }

// Type writes a line to the process's standard input.
func (p *Process) Type(line string) error {
	_, err := io.WriteString(p.stdin, line+"\n")
	return err
}

// WaitForOutput waits until the process has printed text.
func (p *Process) WaitForOutput(ctx context.Context, text string) error {
	for {
		changed, ended := p.output.changed()
		if strings.Contains(p.Output(), text) {
			return nil
		}
		if ended {
			return fmt.Errorf("%s ended without printing %q; it printed:\n%s", p.name, text, p.Output())
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s did not print %q: %w; it printed:\n%s", p.name, text, ctx.Err(), p.Output())
		}
	}
}

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // the only error is that it has ended already
	<-p.exited
}

// Stop asks the process to end, as Kubernetes does, and waits. One that does
// not end in time is killed, and that is an error.
func (p *Process) Stop(within time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // the only error is that it has ended already
	select {
	case <-p.exited:
	case <-time.After(within):
		p.Kill()
		return fmt.Errorf("%s did not stop within %s of SIGTERM; it printed:\n%s", p.name, within, p.Output())
	}
	if code := p.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with exit code %d; it printed:\n%s", p.name, code, p.Output())
	}
	return nil
}

// Memory is the resident memory of the process in bytes.
func (p *Process) Memory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("read the memory of %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("the system does not show resident memory")
}

// ticksPerSecond is the unit of CPU times in /proc.
const ticksPerSecond = 100

// CPU is the processor time that the process itself has used, and that which
// its running children have.
func (p *Process) CPU() (own, children time.Duration, err error) { return CPU(p.PID()) }

// CPU is Process.CPU of a process that something else has started.
func CPU(pid int) (own, children time.Duration, err error) {
	if own, err = cpuOf(pid); err != nil {
		return 0, 0, err
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, 0, err
	}
	for _, file := range threads {
		pids, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has just ended
		}
		for _, text := range strings.Fields(string(pids)) {
			pid, err := strconv.Atoi(text)
			if err != nil {
				continue // never: the kernel writes numbers
			}
			if spent, err := cpuOf(pid); err == nil { // else it has just ended
				children += spent
			}
		}
	}
	return own, children, nil
}

func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	// The command's name, in parentheses, may have spaces; what follows not.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const user, system = 11, 12
	if len(fields) <= system {
		return 0, fmt.Errorf("read the CPU time of process %d: unknown form %q", pid, stat)
	}
	userTicks, userErr := strconv.ParseInt(fields[user], 10, 64)
	systemTicks, systemErr := strconv.ParseInt(fields[system], 10, 64)
	if err := errors.Join(userErr, systemErr); err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(userTicks+systemTicks) * time.Second / ticksPerSecond, nil
}

// output collects what a process prints and signals when there is more.
type output struct {
	also io.Writer

	mu     sync.Mutex
	buffer bytes.Buffer
	more   chan struct{}
	ended  bool
}

func newOutput(also io.Writer) *output {
	if also == nil {
		also = io.Discard
	}
	return &output{also: also, more: make(chan struct{})}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.also.Write(p) // a full log must not stop the process
	close(o.more)
	o.more = make(chan struct{})
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

func (o *output) changed() (more <-chan struct{}, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.more, o.ended
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	close(o.more)
	o.more = make(chan struct{})
}
