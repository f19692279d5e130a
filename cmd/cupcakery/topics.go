package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
)

// topicsTimeout bounds what topics apply and topics check do, so that a script
// never hangs on a cluster that does not answer.
const topicsTimeout = 3 * time.Minute

func newTopicsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "Create and check the factory's Kafka topics, and who may use them",
		Args:  cobra.ArbitraryArgs,
		RunE:  chooseSubcommand,
	}
	cmd.AddCommand(newTopicsACLsCommand(), newTopicsApplyCommand(), newTopicsCheckCommand())
	return cmd
}

// topicFlags are the flags for the wanted settings of the topics.
func topicFlags(cmd *cobra.Command, settings *events.TopicSettings) {
	flags := cmd.Flags()
	flags.IntVar(&settings.Partitions, "partitions", 0, "partitions of each topic: how many members of a group can share it; 0 for as many as there are, and 8 of new topics")
	fromEnvironment(flags, "partitions", "CUPCAKERY_TOPIC_PARTITIONS")
	flags.IntVar(&settings.Replication, "replication", 0, "brokers that hold each message of a new topic; 0 for the brokers' default")
	fromEnvironment(flags, "replication", "CUPCAKERY_TOPIC_REPLICATION")
	flags.DurationVar(&settings.Retention, "retention", 7*24*time.Hour, "how long tickets and acks are kept at least")
	fromEnvironment(flags, "retention", "CUPCAKERY_TOPIC_RETENTION")
	flags.DurationVar(&settings.AnnouncementRetention, "announcement-retention", 30*24*time.Hour, "how long announcements of shipped, failed and cancelled orders are kept at least")
	fromEnvironment(flags, "announcement-retention", "CUPCAKERY_TOPIC_ANNOUNCEMENT_RETENTION")
}

func newTopicsApplyCommand() *cobra.Command {
	var kafka kafkaSettings
	var settings events.TopicSettings
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create the topics that are missing, and bring the others to what they promise",
		Long: `Create the topics that are missing, and bring the others to what they promise:
times are the broker's (LogAppendTime), nothing is compacted, tickets and acks
are kept for days, announcements longer, dead letters until somebody has decided
about them, and where three brokers hold a message two must have it before it
counts. A topic that keeps longer is left alone. Doing it again changes nothing.

Existing topics get more partitions only with --partitions, and never fewer. They
keep their replication: topics check says how to change it.

More partitions move keys: an order's next messages lie elsewhere than those
before. Orders that are open go on, since up to when the former number held is
noted, and older messages are judged by it. Do it in a quiet hour all the same:
while it is going on (most of a minute) two people who start one ticket at the
same moment may both be told that it is theirs.

Exit codes: 0 all topics are there, 1 Kafka refused, 5 Kafka cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			if err := settings.Check(); err != nil {
				return &exitError{exitUsage, err}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), topicsTimeout)
			defer cancel()
			changes, err := events.PlanTopics(ctx, connection, settings)
			if err != nil {
				return kafkaExit(err)
			}
			warnOfExtension(cmd.ErrOrStderr(), changes)
			if !dryRun {
				if changes, err = events.ApplyTopics(ctx, connection, settings); err != nil {
					return kafkaExit(err)
				}
			}
			return printChanges(cmd.OutOrStdout(), changes)
		},
	}
	kafka.register(cmd)
	topicFlags(cmd, &settings)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be changed")
	return cmd
}

// warnOfExtension explains what adding partitions means, before it is done.
func warnOfExtension(w io.Writer, changes []events.TopicChange) {
	var topics []string
	for _, change := range changes {
		if change.Extended() {
			topics = append(topics, change.Topic)
		}
	}
	if len(topics) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, `warning: more partitions for %s
  Keys move: the next messages of an order lie elsewhere than those before, and
  nobody who reads the topics has an order between the two. It cannot be undone.
  Open orders go on: what lies there is believed where it lies, acks go to the
  new partition at once, and a ticket does when it is issued again. For most of
  a minute two people who start one ticket at the same moment may both be told
  that it is theirs. Stations of your own must choose partitions by murmur2.
`, strings.Join(topics, ", ")) // a warning that cannot be shown stops nothing
}

// printChanges prints a line for each topic.
func printChanges(w io.Writer, changes []events.TopicChange) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, topic := range events.Topics() {
		state := "unchanged"
		if i := slices.IndexFunc(changes, func(change events.TopicChange) bool { return change.Topic == topic }); i >= 0 {
			state = changes[i].String()
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\n", topic, state); err != nil {
			return err
		}
	}
	return table.Flush()
}

func newTopicsCheckCommand() *cobra.Command {
	var kafka kafkaSettings
	var settings events.TopicSettings
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the topics and how to mend it",
		Long: `Say what is wrong with the topics, and the command that mends it: what is missing
or cannot be used, settings that are not as topics apply would have them, too few
brokers or partitions. Give it the flags, or the variables, that topics apply was
given. Nothing is changed.

Exit codes: 0 nothing is wrong, 1 something is, 5 Kafka cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			if err := settings.Check(); err != nil {
				return &exitError{exitUsage, err}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), topicsTimeout)
			defer cancel()
			if err := events.CheckTopicSettings(ctx, connection, settings); err != nil {
				return kafkaExit(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "All %d topics are there and as they should be.\n", len(events.Topics()))
			return err
		},
	}
	kafka.register(cmd)
	topicFlags(cmd, &settings)
	return cmd
}

// kafkaExit chooses the exit code for an error of Kafka.
func kafkaExit(err error) error {
	var unavailable *events.UnavailableError
	if errors.As(err, &unavailable) {
		return &exitError{exitUnavailable, err}
	}
	return err
}
