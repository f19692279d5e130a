package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cupcakery/cupcakery/kitchen"
)

// openPTY returns the two ends of a terminal of 80 × 24: what a person types into and
// reads from, and what a program has as its streams.
func openPTY(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = person.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = program.Close() })
	require.NoError(t, unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 80, Row: 24}))
	return person, program
}

// atTerminal runs the true command at a terminal.
type atTerminal struct {
	person *os.File
	shown  *watched
	code   chan int
}

func runAtTerminal(t *testing.T, args ...string) *atTerminal {
	t.Helper()
	person, program := openPTY(t)
	at := &atTerminal{code: make(chan int, 1), person: person, shown: newWatched()}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		at.code <- run(ctx, args, program, program, program)
	}()
	go func() { _, _ = io.Copy(at.shown, person) }() // until the terminal is closed
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return at
}

func (a *atTerminal) write(t *testing.T, text string) {
	t.Helper()
	_, err := io.WriteString(a.person, text)
	require.NoError(t, err)
}

func TestStationShowsAScreenAtATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	floor := newFactoryFloor(t)
	ticket := floor.issue(nil)
	args := []string{"station", "bake", "--name", "bob", "--kafka-brokers", floor.kafka.Addr()}
	bob := runAtTerminal(t, args...)
	bob.shown.await(t, ticket.PickupCode)
	require.Contains(t, bob.shown.String(), "\x1b[?1049h", "the other screen")
	bob.write(t, "?")
	bob.shown.await(t, "start work on the chosen ticket")
	bob.write(t, "q")
	require.Zero(t, <-bob.code)

	t.Setenv("TERM", "dumb")
	bob = runAtTerminal(t, args...)
	bob.shown.await(t, "help lists the commands")
	bob.shown.await(t, ticket.PickupCode)
	bob.write(t, "quit\n")
	require.Zero(t, <-bob.code)
	require.NotContains(t, bob.shown.String(), "\x1b")
}

// ownTerminal is the true program, as a process of its own, at a terminal of its own.
type ownTerminal struct {
	*exec.Cmd
	person *os.File
	shown  *watched
	closed chan struct{}
}

func startAtOwnTerminal(t *testing.T, args ...string) *ownTerminal {
	t.Helper()
	person, terminal := openPTY(t)
	// Under nohup the tests ignore it, and what they start would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	executable, err := os.Executable()
	require.NoError(t, err)
	own := &ownTerminal{Cmd: exec.Command(executable, args...), closed: make(chan struct{}), person: person, shown: newWatched()}
	own.Env = append(os.Environ(), actAsProgram+"=yes", "TERM=xterm-256color")
	own.Stdin, own.Stdout, own.Stderr = terminal, terminal, terminal
	own.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, own.Start())
	require.NoError(t, terminal.Close())
	go func() {
		defer close(own.closed)
		_, _ = io.Copy(own.shown, person) // until the terminal is closed
	}()
	return own
}

// hangUp closes the terminal, and waits for the program's end.
func (o *ownTerminal) hangUp(t *testing.T) {
	t.Helper()
	require.NoError(t, o.Process.Signal(syscall.SIGHUP))
	require.NoError(t, o.Process.Signal(syscall.SIGHUP), "a shell sends it to whom the system has sent it")
	_ = o.Wait()
	<-o.closed
}

func TestAnAnswerThatWaitsGoesOutWhenTheTerminalIsClosed(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	ticket := floor.issue(nil)
	bob := startAtOwnTerminal(t, "station", "bake", "--plain", "--name", "bob", "--kafka-brokers", floor.kafka.Addr())
	bob.shown.await(t, ticket.PickupCode)
	_, err := io.WriteString(bob.person, "start 1\ndone 1\n")
	require.NoError(t, err)
	bob.shown.await(t, "done: goes out in 5s")
	bob.hangUp(t)
	require.Equal(t, kitchen.AckDone, floor.acks(ticket)[1].Kind)
}

func TestTheRobotHasItsSeatBackWhenTheTerminalIsClosed(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	crew, address := aDemo(t)
	bob := startAtOwnTerminal(t, "station", "bake", "--take-seat", "--api", address, "--kafka-brokers", floor.kafka.Addr())
	bob.shown.await(t, "bake station · bob")
	bob.shown.await(t, "You have the seat of robot-baker")
	require.Equal(t, "bob", sitter(crew))
	bob.hangUp(t)
	require.Empty(t, sitter(crew))
}

func TestPlainStationTakesABatchBackAtATerminal(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	tickets := []kitchen.Ticket{floor.issue(nil), floor.issue(nil)}
	bob := runAtTerminal(t, "station", "bake", "--plain", "--name", "bob", "--kafka-brokers", floor.kafka.Addr())
	for _, ticket := range tickets {
		bob.shown.await(t, ticket.PickupCode)
	}
	bob.write(t, "batch red-velvet start\n")
	bob.shown.await(t, "#1  ")
	bob.write(t, "batch red-velvet done\ntakeback 2\nbatch red-velvet putback\nbatch\n")
	bob.shown.await(t, "2 tickets of red-velvet: done: goes out in 5s; takeback ") // either of them
	bob.shown.await(t, "2 tickets of red-velvet  done: taken back; you still have them in hand")
	bob.shown.await(t, "2 tickets of red-velvet: put back: goes out in 5s")
	bob.shown.await(t, "No ticket of one flavour alone can be started, and you have none in hand.")
	bob.write(t, "quit\n")
	require.Zero(t, <-bob.code)
	for _, ticket := range tickets {
		acks := floor.acks(ticket)
		require.Len(t, acks, 2)
		require.Equal(t, kitchen.AckReleased, acks[1].Kind)
	}
}

func TestPlainStationTakesBackAnAnswerAtATerminal(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	first, second := floor.issue(nil), floor.issue(nil)
	bob := runAtTerminal(t, "station", "bake", "--plain", "--name", "bob", "--kafka-brokers", floor.kafka.Addr())
	bob.shown.await(t, first.PickupCode)
	bob.shown.await(t, second.PickupCode)
	bob.write(t, "start 1\nstart 2\n")
	bob.shown.await(t, "#1  ")
	bob.shown.await(t, "started by bob")
	// All at once, so that no answer has the time to go out.
	bob.write(t, "takeback 1\ndone 1\ndone 1\ntakeback 1\nfail 1 burnt scrapped=13\nfail 1 burnt oven 2\n")
	bob.shown.await(t, "there is no answer to take back")
	bob.shown.await(t, "done: goes out in 5s; takeback 1 takes it back")
	bob.shown.await(t, "! #1  you have just answered this: take that back first")
	bob.shown.await(t, "done: taken back; you still have it in hand")
	bob.shown.await(t, "! #1  this answer cannot be given: scrapped: must be from 0 to 12")
	bob.shown.await(t, "failed (burnt: oven 2), 12 scrapped: goes out in 5s")
	bob.write(t, "quit\n") // what waits goes out when the person leaves
	require.Zero(t, <-bob.code)
	var kinds []string
	for _, ticket := range []string{first.TicketID, second.TicketID} {
		for _, ack := range append(floor.acks(first), floor.acks(second)...) {
			if ack.TicketID == ticket {
				kinds = append(kinds, string(ack.Kind))
			}
		}
	}
	require.ElementsMatch(t, []string{"started", "started", "failed"}, kinds)
}
