package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/ledger"
)

// ledgerFlags are the flags of all commands that write a ledger.
type ledgerFlags struct {
	logs     logSettings
	database ledgerSettings
	kitchen  kitchenSettings
}

func (f *ledgerFlags) register(cmd *cobra.Command) {
	f.logs.register(cmd)
	f.database.register(cmd, "database", "PostgreSQL that keeps the ledger, postgres://USER@HOST:PORT/DATABASE; with the password only by the variable")
	f.kitchen.register(cmd)
}

// load returns everything that says how a ledger is kept.
func (f *ledgerFlags) load(stderr io.Writer) (ledger.Config, error) {
	logger, err := f.logs.logger(stderr)
	if err != nil {
		return ledger.Config{}, err
	}
	database, err := f.database.require()
	if err != nil {
		return ledger.Config{}, err
	}
	k, err := f.kitchen.load()
	if err != nil {
		return ledger.Config{}, err
	}
	return ledger.Config{Database: database, TimeZone: k.Opening.Location().String(), Logger: logger}, nil
}

func newLedgerCommand() *cobra.Command {
	var (
		flags    ledgerFlags
		profiles profileSettings
		kafka    kafkaSettings
		listen   string
		group    string
	)
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Remember what the bakery has done: carry Kafka's log into PostgreSQL",
		Long: `Remember what the bakery has done: carry what Kafka's topics tell into the schema
"ledger" of a PostgreSQL, each record once, so that anybody can query it after
Kafka and Temporal have forgotten. The schema is made, and led to this build's
version, when the process starts. Any number of them share the work. A second ledger
of the same Kafka, in another database, needs another --group, and Kafka refuses it
otherwise.

The kitchen file says in which time zone days and hours are counted.

SIGTERM lets it write what is in hand, then it stops. Kafka and the database may be
away, and the database full or read-only: it waits and goes on by itself. /readyz
says whether a record could be written now, and otherwise what is in the way.

Exit codes: 0 stopped, 1 the schema cannot be prepared or is a newer build's, 2 the
command line is wrong.`,
		Example: `  CUPCAKERY_LEDGER_DATABASE=postgres://ledger:PASSWORD@127.0.0.1:5432/ledger cupcakery ledger
  cupcakery ledger check
  cupcakery ledger rebuild`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := flags.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			var readiness ledger.Readiness
			health, err := listenForHealth(listen, readiness.Check)
			if err != nil {
				return err
			}
			store, err := ledger.Open(cmd.Context(), config)
			if err != nil {
				return errors.Join(err, health.listener.Close())
			}
			defer store.Close()
			defer health.serveBeside(cmd.Context())()
			return ledger.Run(cmd.Context(), ledger.RunConfig{
				Store: store, Connection: connection, Logger: config.Logger, Metrics: health.registry, Readiness: &readiness,
				Group: group,
			})
		},
	}
	flags.register(cmd)
	profiles.register(cmd)
	kafka.register(cmd)
	cmd.Flags().StringVar(&listen, "listen", ":8084", "address of /healthz, /readyz and /metrics")
	fromEnvironment(cmd.Flags(), "listen", "CUPCAKERY_LEDGER_LISTEN")
	cmd.Flags().StringVar(&group, "group", events.GroupLedger, "Kafka consumer group; each ledger that reads this Kafka needs one of its own")
	fromEnvironment(cmd.Flags(), "group", "CUPCAKERY_LEDGER_GROUP")
	cmd.AddCommand(newLedgerCheckCommand(), newLedgerMigrateCommand(), newLedgerRebuildCommand())
	return cmd
}

func newLedgerMigrateCommand() *cobra.Command {
	var flags ledgerFlags
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Lead the ledger's schema to this build's version",
		Long: `Make the ledger's schema, or lead it to this build's version, as "cupcakery ledger"
does when it starts. A migration that fails changes nothing. Doing it again changes
nothing.

Exit codes: 0 the schema is this build's, 1 it could not be prepared or is a newer
build's, 2 the command line is wrong, 5 the database cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := flags.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			store, err := ledger.Open(cmd.Context(), config)
			if err != nil {
				return err
			}
			defer store.Close()
			if err := store.Migrate(cmd.Context()); err != nil {
				return ledgerExit(err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "The ledger's schema is this build's.")
			return err
		},
	}
	flags.register(cmd)
	return cmd
}

func newLedgerRebuildCommand() *cobra.Command {
	var flags ledgerFlags
	var kafka kafkaSettings
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Build the ledger anew from Kafka's log",
		Long: `Build the ledger anew from Kafka's log, beside the present one, as far as that has
read, and put it into its place. What Kafka has no longer is taken over from the
present one, and told. Processes that write the ledger may run: they wait for the
last moment, and go on. It needs as much room again in the database. If it fails or
is interrupted, everything is as before.

Exit codes: 0 it is done, 1 it has failed, 2 the command line is wrong, 5 Kafka or
the database cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := rebuildLedger(cmd, &flags, &kafka, false)
			if err != nil {
				return err
			}
			return printRebuild(cmd.OutOrStdout(), result)
		},
	}
	flags.register(cmd)
	kafka.register(cmd)
	return cmd
}

func newLedgerCheckCommand() *cobra.Command {
	var flags ledgerFlags
	var kafka kafkaSettings
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare the ledger with what Kafka's log says",
		Long: `Compare the ledger with what Kafka's log says: it is built anew beside the present
one, as "cupcakery ledger rebuild" does, and thrown away. The ledger itself is not
changed.

Exit codes: 0 the ledger is as the log has it, 1 it is not or that could not be
found out, 2 the command line is wrong, 3 there is no ledger in the database, 5
Kafka or the database cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := rebuildLedger(cmd, &flags, &kafka, true)
			if err != nil {
				return err
			}
			return printCheck(cmd.OutOrStdout(), result)
		},
	}
	flags.register(cmd)
	kafka.register(cmd)
	return cmd
}

// progressEvery is how often a rebuild tells how far it is.
const progressEvery = 2 * time.Second

func rebuildLedger(cmd *cobra.Command, flags *ledgerFlags, kafka *kafkaSettings, checkOnly bool) (ledger.RebuildResult, error) {
	config, err := flags.load(cmd.ErrOrStderr())
	if err != nil {
		return ledger.RebuildResult{}, err
	}
	connection, err := kafka.connection()
	if err != nil {
		return ledger.RebuildResult{}, err
	}
	last := time.Now()
	result, err := ledger.Rebuild(cmd.Context(), ledger.RebuildConfig{
		Config: config, Connection: connection, CheckOnly: checkOnly,
		Progress: func(records, orders int) {
			if time.Since(last) >= progressEvery {
				last = time.Now()
				config.Logger.LogAttrs(cmd.Context(), slog.LevelInfo, "building", slog.Int("records_read", records), slog.Int("orders_folded", orders))
			}
		},
	})
	return result, ledgerExit(err)
}

// ledgerExit chooses the exit code for an error of the ledger's database, or of Kafka.
func ledgerExit(err error) error {
	var away *ledger.AwayError
	var unavailable *events.UnavailableError
	if errors.As(err, &away) || errors.As(err, &unavailable) || errors.Is(err, context.DeadlineExceeded) {
		return &exitError{exitUnavailable, err}
	}
	return err
}

// printRead tells what a ledger was built from.
func printRead(w io.Writer, result ledger.RebuildResult) error {
	_, err := fmt.Fprintf(w, "Read %s from Kafka and folded %s in %s.\n", counted(result.Records, "record", "records"), counted(result.Orders, "order", "orders"), result.Took.Round(time.Millisecond))
	return err
}

func printRebuild(w io.Writer, result ledger.RebuildResult) error {
	if err := printRead(w, result); err != nil {
		return err
	}
	if result.Kept > 0 {
		if _, err := fmt.Fprintf(w, "Kafka has no longer %s that the ledger had: taken over.\n", counted(result.Kept, "record", "records")); err != nil {
			return err
		}
	}
	if result.Lost > 0 {
		if _, err := fmt.Fprintf(w, "Left out %s that the ledger had and Kafka's log should have and does not: it was cut.\n", counted(result.Lost, "record", "records")); err != nil {
			return err
		}
	}
	switch {
	case !result.Existed:
		_, err := fmt.Fprintln(w, "There was no ledger before.")
		return err
	case len(result.Differences) == 0:
		_, err := fmt.Fprintln(w, "It is as it was: all tables agree.")
		return err
	}
	return printDifferences(w, result.Differences)
}

func printCheck(w io.Writer, result ledger.RebuildResult) error {
	if !result.Existed {
		return &exitError{exitNotFound, errors.New("the database has no ledger: start `cupcakery ledger`, or run `cupcakery ledger rebuild`")}
	}
	if err := printRead(w, result); err != nil {
		return err
	}
	if len(result.Differences) == 0 {
		_, err := fmt.Fprintln(w, "The ledger is as the log has it.")
		return err
	}
	if err := printDifferences(w, result.Differences); err != nil {
		return err
	}
	return errors.New("the ledger is not as the log has it: `cupcakery ledger rebuild` builds it anew")
}

func printDifferences(w io.Writer, differences []ledger.Difference) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "TABLE\tROWS THERE WERE\tROWS THAT WERE BUILT\t") // Flush reports what fails
	for _, d := range differences {
		note := ""
		if d.Had.Rows == d.Built.Rows {
			note = "not the same"
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", d.Had.Table, d.Had.Rows, d.Built.Rows, note)
	}
	return table.Flush()
}
