// Command cupcakery is the whole cupcake factory in one binary: the processes
// a bakery runs in production (api, worker, ledger), the stations' side of the
// contract (station), tools for people (order, menu, report, top, stations, topics, temporal,
// dead-letters, kitchen, staff, keys), and everything at once on one machine (dev).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when a release is built: -ldflags "-X main.version=1.2.3".
var version = "development"

// Exit codes that scripts can rely on; the help of the commands names them.
const (
	exitFailed      = 1 // something went wrong while doing what was asked
	exitUsage       = 2 // the command line itself is wrong
	exitNotFound    = 3 // what was asked for does not exist
	exitRefused     = 4 // the input is invalid, or the state of the order or letter forbids it
	exitUnavailable = 5 // the API, Kafka or Temporal cannot be reached
)

// exitError is an error that chooses the exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exitCode(err error) int {
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	return exitFailed
}

func main() {
	// SIGTERM is what Kubernetes and docker stop send, SIGINT is Ctrl-C: both
	// mean finish what is in hand, then stop. A second one ends at once.
	ctx, stop := signal.NotifyContext(untilHungUp(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// untilHungUp ends when the terminal is closed, which also means finish what is in hand:
// an answer at a station may still wait to go out. Shells send it more than once. Under
// nohup it is ignored, as before.
func untilHungUp() context.Context {
	if signal.Ignored(syscall.SIGHUP) {
		return context.Background()
	}
	ctx, end := context.WithCancel(context.Background())
	hungUp := make(chan os.Signal, 1)
	signal.Notify(hungUp, syscall.SIGHUP)
	go func() {
		<-hungUp
		end()
	}()
	return ctx
}

// run is main with its outside as parameters.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "cupcakery: %v\n", err)
	return exitCode(err)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "cupcakery",
		Short:             "Run a cupcake factory on Temporal and Kafka",
		Version:           version,
		Args:              cobra.ArbitraryArgs,
		RunE:              chooseSubcommand,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return applyEnvironment(cmd.Flags(), os.LookupEnv) },
	}
	root.SetFlagErrorFunc(wrongFlag)
	root.AddCommand(
		newAPICommand(),
		newDeadLettersCommand(),
		newDevCommand(),
		newHealthcheckCommand(),
		newKeysCommand(),
		newKitchenCommand(),
		newLedgerCommand(),
		newLicencesCommand(),
		newMenuCommand(),
		newOrderCommand(),
		newReportCommand(),
		newSlotsCommand(),
		newStandingCommand(),
		newStaffCommand(),
		newStationCommand(),
		newStationsCommand(),
		newTemporalCommand(),
		newTopCommand(),
		newTopicsCommand(),
		newWorkerCommand(),
	)
	return root
}

// exactArgs is cobra.ExactArgs with the exit code for wrong usage.
func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if n == 0 && len(args) > 0 && cmd.HasAvailableSubCommands() {
			return unknownCommand(cmd, args[0])
		}
		if err := cobra.ExactArgs(n)(cmd, args); err != nil {
			return &exitError{exitUsage, fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
		}
		return nil
	}
}

// someArgs is cobra.MinimumNArgs(1) with the exit code for wrong usage.
func someArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.MinimumNArgs(1)(cmd, args); err != nil {
		return &exitError{exitUsage, fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
	}
	return nil
}

// chooseSubcommand is what a command that only groups others runs: its help
// when nothing follows, wrong usage when what follows is not one of them.
func chooseSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return unknownCommand(cmd, args[0])
}
