package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/erase"
	"github.com/cupcakery/cupcakery/kitchen"
)

func newOrderEraseCommand() *cobra.Command {
	var (
		kafka       kafkaSettings
		temporal    temporalSettings
		output, by  string
		dryRun, yes bool
		unknown     bool
		cutLetters  bool
	)
	cmd := &cobra.Command{
		Use:   "erase CODE|ID",
		Short: "Forget an order's customer: delete what they wrote, for good",
		Long: `Forget an order's customer: their name, what they wrote and that they ordered. This
is for operators, and for good.

It talks to Kafka and Temporal directly. An order that is open is refused: cancel it
first. Then it puts up a flag on kitchen-state that is never taken back. By that every
API forgets the customer at once and refuses the order's Idempotency-Key for ever, and
ledgers delete what they have of them, now and whenever they are built again. For an
API that cannot read the flag it marks the order in Temporal, by an open workflow that
has only a key and that nobody runs. Ten seconds later it deletes the order's workflows
in Temporal, all runs, and those of its standing order that placed it or no order, and
waits until Temporal shows none. It discards the order's dead letters, and takes back
other flags that name the order.

Nobody can delete single messages of a topic. It tells which topics have some of the
order and, by each topic's own settings, when the last is gone. Dead letters stay for
ever: --cut-dead-letters deletes them, and with them every settled letter before them.

A standing order is its customer's, too: end it with "cupcakery standing end" and erase
each of its orders. Running the command again finishes what a crash has left, and
changes nothing else; give the id then, since Temporal may not know the code any more.

What is on the customer's own devices, in logs and in backups is not reached: see
docs/retention.md.

Exit codes: 0 the order is erased, or --dry-run has found no obstacle; 1 something is
left for you to see to, or failed; 2 wrong usage; 3 nobody knows the order; 4 it is
open or has an open ticket, or you did not say yes; 5 Kafka or Temporal cannot be
reached.`,
		Example: `  cupcakery order erase K7QF --dry-run
  cupcakery order erase 0199c0de-7a11-7000-8000-00000000cafe --by mia`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			if kitchen.CheckOrderID(args[0]) != nil && !kitchen.IsPickupCode(strings.ToUpper(args[0])) {
				return &exitError{exitUsage, fmt.Errorf("%q is neither an order's id nor a pickup code", safeText(kitchen.Excerpt(args[0])))}
			}
			if n := utf8.RuneCountInString(by); n < 1 || n > kitchen.MaxByLength || !utf8.ValidString(by) {
				return &exitError{exitUsage, fmt.Errorf("--by: must have 1 to %d characters", kitchen.MaxByLength)}
			}
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			logger := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
			temporalClient, namespace, err := temporal.dial(logger)
			if err != nil {
				return err
			}
			defer temporalClient.Close()
			eraser := erase.New(erase.Config{
				Kafka: connection, Temporal: temporalClient, Encryption: temporal.codec, Namespace: namespace, By: by, CutLetters: cutLetters, Unknown: unknown, Logger: logger,
			})
			report, err := eraser.Examine(cmd.Context(), args[0])
			if err != nil {
				return eraseExit(err)
			}
			if report.DryRun = dryRun; !dryRun {
				if !yes {
					if err := confirm(cmd, fmt.Sprintf("Erase the order %s (%s) for good? Type yes: ", safeText(report.PickupCode), report.OrderID), "nothing was erased"); err != nil {
						return err
					}
				}
				if err := eraser.Erase(cmd.Context(), &report); err != nil {
					return errors.Join(writeErased(cmd.OutOrStdout(), output, report), eraseExit(fmt.Errorf("%w\nTo go on: cupcakery order erase %s", err, report.OrderID)))
				}
			}
			if err := writeErased(cmd.OutOrStdout(), output, report); err != nil {
				return err
			}
			if left := len(report.Left); left > 0 && !dryRun {
				return fmt.Errorf("%s left for you to see to", counted(left, "thing is", "things are"))
			}
			return nil
		},
	}
	kafka.register(cmd)
	temporal.register(cmd)
	registerOutput(cmd, &output)
	flags := cmd.Flags()
	flags.BoolVar(&dryRun, "dry-run", false, "only say what there is of the order")
	flags.BoolVar(&yes, "yes", false, "do not ask before erasing")
	flags.StringVar(&by, "by", "an operator", "who erases, for those who look later")
	flags.BoolVar(&unknown, "unknown", false, "erase although neither Temporal nor Kafka knows the order any more: a ledger may")
	flags.BoolVar(&cutLetters, "cut-dead-letters", false, "delete the order's dead letters from their topic, and with them every settled letter before them")
	return cmd
}

// eraseExit chooses the exit code for an error of the eraser.
func eraseExit(err error) error {
	if _, is := errors.AsType[*erase.RefusedError](err); is {
		return &exitError{exitRefused, err}
	}
	if _, is := errors.AsType[*erase.NotFoundError](err); is {
		return &exitError{exitNotFound, err}
	}
	if _, away := errors.AsType[*erase.UnreachableError](err); away {
		return &exitError{exitUnavailable, err}
	}
	return kafkaExit(err)
}

// writeErased shows what there is of an order, and what has become of it.
func writeErased(w io.Writer, output string, report erase.Report) error {
	if output == outputJSON {
		return writeJSON(w, report, "  ")
	}
	var text strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	say("Order %s (%s)", safeText(report.PickupCode), report.OrderID)
	switch {
	case report.ErasedBefore:
		say("It was erased on %s already.", day(*report.ErasedAt))
	case report.ErasedAt != nil:
		say("It is erased: every API refuses its Idempotency-Key from now on.")
	}
	sayRuns(say, report, report.Runs, "the order")
	if standing := report.Standing; standing != nil {
		sayRuns(say, report, standing.Runs, "its standing order "+standing.ID)
		if others := standing.OtherOrders; len(others) > 0 {
			say("The standing order has placed others, which are erased one by one: %s", strings.Join(others, ", "))
		}
	}
	for _, flag := range report.Flags {
		say("kitchen-state: the flag %q %s", flag.Kind, become(report.DryRun, flag.TakenBack, "taken back"))
	}
	for _, letter := range report.Letters {
		switch {
		case letter.Cut:
			say("dead letter %s: deleted", letter.Place)
		case letter.State.IsSettled():
			say("dead letter %s: %s before", letter.Place, letter.State)
		default:
			say("dead letter %s: %s", letter.Place, become(report.DryRun, letter.Discarded, "discarded"))
		}
	}
	if err := sayTopics(&text, report); err != nil {
		return err
	}
	for _, left := range report.Left {
		say("Left for you: %s.", safeText(left))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func sayRuns(say func(string, ...any), report erase.Report, runs []erase.Run, whose string) {
	deleted := 0
	for _, run := range runs {
		if run.Deleted {
			deleted++
		}
	}
	switch {
	case len(runs) == 0:
		say("Temporal has nothing of %s.", whose)
	case report.DryRun:
		say("Temporal has %s of %s, which would be deleted.", counted(len(runs), "run", "runs"), whose)
	default:
		say("Temporal had %s of %s; deleted: %d.", counted(len(runs), "run", "runs"), whose, deleted)
	}
}

// become is what has become of something, or would.
func become(dryRun, done bool, what string) string {
	switch {
	case dryRun:
		return "would be " + what
	case done:
		return what
	}
	return "not " + what
}

func sayTopics(text *strings.Builder, report erase.Report) error {
	if len(report.Topics) == 0 {
		text.WriteString("No topic has a message of it.\n")
		return nil
	}
	table := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "TOPIC\tMESSAGES\tLAST\tGONE AT THE LATEST\tTHEY HAVE") // Flush reports
	for _, topic := range report.Topics {
		gone := "never"
		if topic.GoneAt != nil {
			gone = day(*topic.GoneAt)
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", topic.Topic, topic.Messages, day(topic.Newest), gone, topic.Has)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if report.GoneAt != nil {
		fmt.Fprintf(text, "No topic has anything of it any more at the latest on %s.\n", day(*report.GoneAt))
	}
	return nil
}

// day is a time as people write down when something is to be looked after.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
