package devstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	stopWithin = 10 * time.Second
	pollEvery  = 20 * time.Millisecond
)

// processRecord names a process beyond doubt: a pid alone may have been given to
// another process since.
type processRecord struct {
	PID     int    `json:"pid"`
	Started string `json:"started"`
}

// childProcess is a process of ours. It ends with us where the kernel can
// arrange that.
type childProcess struct {
	cmd *exec.Cmd
	// exited is closed once the process has ended.
	exited chan struct{}
}

// Child is a process of ours, in a process group of its own: Ctrl-C in a terminal
// reaches only us, so that the parts stop in our order. It ends with us where the
// kernel can arrange that.
type Child struct{ *childProcess }

// StartChild starts a process of ours.
func StartChild(cmd *exec.Cmd) (Child, error) {
	child, err := startChild(cmd)
	return Child{child}, err
}

// Exited is closed when the process has ended.
func (c Child) Exited() <-chan struct{} { return c.exited }

// State says how an ended process has ended.
func (c Child) State() string { return c.cmd.ProcessState.String() }

// Stop asks the process to end, insists after a while, and waits for the end.
func (c Child) Stop(within time.Duration) { c.stopBy(syscall.SIGTERM, within) }

// startChild starts cmd in a process group of its own, so that Ctrl-C in a
// terminal reaches only us and the parts stop in our order.
func startChild(cmd *exec.Cmd) (*childProcess, error) {
	attributes := childAttributes()
	if cmd.SysProcAttr != nil {
		attributes.Credential = cmd.SysProcAttr.Credential
	}
	cmd.SysProcAttr = attributes
	child := &childProcess{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel's "end the child with its parent" means the parent's
		// thread. Keep the one that starts the child for as long as it runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(child.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return child, nil
}

// stop asks the process to end, insists after a while, and waits for the end.
func (c *childProcess) stop() { c.stopBy(syscall.SIGTERM, stopWithin) }

// stopBy is stop for a process that wants another signal, or more time.
func (c *childProcess) stopBy(signal syscall.Signal, within time.Duration) {
	_ = c.cmd.Process.Signal(signal) // fails only when it has ended
	select {
	case <-c.exited:
	case <-time.After(within):
		c.kill()
	}
}

func (c *childProcess) kill() {
	_ = c.cmd.Process.Kill() // fails only when it has ended
	<-c.exited
}

// record writes down which process it is, for endRecordedProcess.
func (c *childProcess) record(file string) error {
	started, err := processStart(c.cmd.Process.Pid)
	if err != nil {
		return err
	}
	data, err := json.Marshal(processRecord{PID: c.cmd.Process.Pid, Started: started})
	if err != nil {
		return fmt.Errorf("record process %d: %w", c.cmd.Process.Pid, err)
	}
	return WriteFileAtomically(file, append(data, '\n'), 0o644)
}

// endRecordedProcess ends the process that the file names and removes the
// file. It reports whether there was one to end. A process that has the pid
// but started at another time is not the one, and is left alone.
func endRecordedProcess(file string) (ended bool, err error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var recorded processRecord
	if err := json.Unmarshal(data, &recorded); err != nil || recorded.PID <= 1 || recorded.Started == "" {
		return false, fmt.Errorf("%q does not name a process: end the dev server by hand if one is running, and delete the file", file)
	}
	if ended, err = endProcess(recorded); err != nil {
		return ended, err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ended, err
	}
	return ended, nil
}

func endProcess(recorded processRecord) (ended bool, err error) {
	// The handle is taken before the check, so that where it is more than a
	// pid (Linux) the signal cannot hit a process that came in between.
	process, err := os.FindProcess(recorded.PID)
	if err != nil {
		return false, fmt.Errorf("find process %d: %w", recorded.PID, err)
	}
	defer func() { _ = process.Release() }() // only the handle
	for _, step := range []struct {
		signal syscall.Signal
		within time.Duration
	}{{syscall.SIGTERM, stopWithin}, {syscall.SIGKILL, stopWithin}} {
		for deadline := time.Now().Add(step.within); ; time.Sleep(pollEvery) {
			started, err := processStart(recorded.PID)
			if err != nil {
				return ended, err
			}
			if started != recorded.Started {
				return ended, nil
			}
			if !ended || step.signal == syscall.SIGKILL {
				if err := process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
					return ended, fmt.Errorf("end process %d: %w", recorded.PID, err)
				}
				ended = true
			}
			if time.Now().After(deadline) {
				break
			}
		}
	}
	return ended, fmt.Errorf("process %d does not end: end it by hand", recorded.PID)
}
