package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
)

// topicsTimeout bounds what topics apply and topics check do, so that a script
// never hangs on a cluster that does not answer.
const topicsTimeout = time.Minute

func newTopicsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "Create and check the factory's Kafka topics",
		Args:  cobra.ArbitraryArgs,
		RunE:  chooseSubcommand,
	}
	cmd.AddCommand(newTopicsApplyCommand(), newTopicsCheckCommand())
	return cmd
}

func newTopicsApplyCommand() *cobra.Command {
	var kafka kafkaSettings
	var settings events.TopicSettings
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create the topics that are missing and add partitions where there are fewer",
		Long: `Create the topics that are missing and add partitions where there are fewer
than asked for. Existing topics are never made smaller, and keep their
replication. Doing it again changes nothing.

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
			changed, err := events.ApplyTopics(ctx, connection, settings)
			if err != nil {
				return kafkaExit(err)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, topic := range events.Topics() {
				state := "unchanged"
				if slices.Contains(changed, topic) {
					state = "applied"
				}
				if _, err := fmt.Fprintf(table, "%s\t%s\n", topic, state); err != nil {
					return err
				}
			}
			return table.Flush()
		},
	}
	kafka.register(cmd)
	flags := cmd.Flags()
	flags.IntVar(&settings.Partitions, "partitions", 8, "partitions of each topic: how many members of a group can share it")
	fromEnvironment(flags, "partitions", "CUPCAKERY_TOPIC_PARTITIONS")
	flags.IntVar(&settings.Replication, "replication", 0, "brokers that hold each message of a new topic; 0 for the brokers' default")
	fromEnvironment(flags, "replication", "CUPCAKERY_TOPIC_REPLICATION")
	return cmd
}

func newTopicsCheckCommand() *cobra.Command {
	var kafka kafkaSettings
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the topics and how to mend it",
		Long: `Say what is wrong with the topics and how to mend it. Nothing is changed.

Exit codes: 0 nothing is wrong, 1 something is, 5 Kafka cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), topicsTimeout)
			defer cancel()
			if err := events.CheckTopics(ctx, connection); err != nil {
				return kafkaExit(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "All %d topics are there and can be used.\n", len(events.Topics()))
			return err
		},
	}
	kafka.register(cmd)
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
