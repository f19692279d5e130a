package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/namespace"
)

// temporalTimeout bounds what temporal apply and temporal check do with a
// server that answers, so that a script never hangs.
const temporalTimeout = time.Minute

func newTemporalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "temporal",
		Short: "Prepare and check Temporal's namespace for orders",
		Args:  cobra.ArbitraryArgs,
		RunE:  chooseSubcommand,
	}
	cmd.AddCommand(newTemporalApplyCommand(), newTemporalCheckCommand())
	return cmd
}

func newTemporalApplyCommand() *cobra.Command {
	var temporal temporalSettings
	var settings namespace.Settings
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create the namespace and the search attributes that are missing",
		Long: `Create the namespace unless it exists, and add the search attributes that are
missing in it. It says what it is going to do, does it, and returns once the
namespace takes orders. Doing it again changes nothing.

This needs an operator's rights. Temporal Cloud takes such changes from its own
tools only: create the namespace there, add the search attributes that
"cupcakery temporal check" names, and check again.

Exit codes: 0 the namespace takes orders, 1 Temporal refused, 2 the command line
is wrong, 5 Temporal cannot be reached.`,
		Example: "  cupcakery temporal apply --temporal-namespace bakery --retention 720h",
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settings.Check(); err != nil {
				return &exitError{exitUsage, fmt.Errorf("--%w", err)}
			}
			if wait < 0 {
				return &exitError{exitUsage, fmt.Errorf("--wait %s: must not be negative", wait)}
			}
			temporalClient, options, err := temporal.dialQuietly()
			if err != nil {
				return err
			}
			defer temporalClient.Close()
			if err := awaitTemporal(cmd, temporalClient, options.HostPort, wait); err != nil {
				return awayExit(options.HostPort, err)
			}
			settings.Namespace = options.Namespace
			ctx, cancel := context.WithTimeout(cmd.Context(), temporalTimeout)
			defer cancel()
			say := func(format string, args ...any) { _, _ = fmt.Fprintf(cmd.OutOrStdout(), format, args...) }
			err = namespace.Apply(ctx, temporalClient, settings, func(steps []string) {
				say("Namespace %q at %s:\n", options.Namespace, options.HostPort)
				for _, step := range steps {
					say("  %s\n", step)
				}
				if len(steps) == 0 {
					say("  nothing to change\n")
				}
			})
			if err != nil {
				return awayExit(options.HostPort, err)
			}
			say("Ready for orders.\n")
			return nil
		},
	}
	temporal.register(cmd)
	flags := cmd.Flags()
	flags.DurationVar(&settings.Retention, "retention", 0, "how long finished orders are kept; 0 for 720h in a new namespace, and for what an existing one has")
	fromEnvironment(flags, "retention", "CUPCAKERY_ORDER_RETENTION")
	flags.DurationVar(&wait, "wait", 0, "how long to wait for a Temporal that cannot be reached yet")
	return cmd
}

func newTemporalCheckCommand() *cobra.Command {
	var temporal temporalSettings
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with Temporal's namespace and how to mend it",
		Long: `Say what is wrong with Temporal's namespace and how to mend it. Nothing is
changed. Whoever may not list search attributes, as on Temporal Cloud, learns
which are missing, and not whether one has a wrong type.

Exit codes: 0 nothing is wrong, 1 something is, 5 Temporal cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			temporalClient, options, err := temporal.dialQuietly()
			if err != nil {
				return err
			}
			defer temporalClient.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), temporalTimeout)
			defer cancel()
			if err := awaitTemporal(cmd, temporalClient, options.HostPort, 0); err != nil {
				return awayExit(options.HostPort, err)
			}
			if err := namespace.Check(ctx, temporalClient, options.Namespace); err != nil {
				return awayExit(options.HostPort, err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Namespace %q at %s has all that orders need.\n", options.Namespace, options.HostPort)
			return err
		},
	}
	temporal.register(cmd)
	return cmd
}

// dialQuietly returns a client for a command that itself tells its user what
// goes wrong.
func (s *temporalSettings) dialQuietly() (client.Client, client.Options, error) {
	options, err := s.options(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, client.Options{}, err
	}
	temporalClient, err := client.NewLazyClient(options)
	if err != nil {
		return nil, client.Options{}, &exitError{exitUsage, fmt.Errorf("prepare to connect to Temporal at %q: %w", options.HostPort, err)}
	}
	return temporalClient, options, nil
}

// awaitTemporal returns once Temporal answers. It asks at least once, and tells
// the user when it has to wait.
func awaitTemporal(cmd *cobra.Command, temporalClient client.Client, address string, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	for first := true; ; first = false {
		ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second)
		_, err := temporalClient.CheckHealth(ctx, &client.CheckHealthRequest{})
		cancel()
		if err == nil || !time.Now().Before(deadline) || cmd.Context().Err() != nil {
			return err
		}
		if first {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "Waiting for Temporal at %s ...\n", address)
		}
		if !retry.Pause(cmd.Context(), 250*time.Millisecond) {
			return err
		}
	}
}

// awayExit chooses the exit code for an error of the namespace, and says where Temporal is if
// it cannot be reached.
func awayExit(address string, err error) error {
	var unprepared *namespace.UnpreparedError
	if namespace.IsAway(err) && !errors.As(err, &unprepared) {
		return &exitError{exitUnavailable, fmt.Errorf("cannot reach Temporal at %s: %w", address, err)}
	}
	return err
}
