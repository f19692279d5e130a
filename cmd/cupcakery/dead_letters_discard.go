package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events/deadletter"
)

func newDeadLettersDiscardCommand() *cobra.Command {
	var (
		kafka  kafkaSettings
		chosen chosenLetters
	)
	cmd := &cobra.Command{
		Use:   "discard [PARTITION/OFFSET...]",
		Short: "Note that letters need nothing more",
		Long: `Note that letters need nothing more, so that the list leaves them out. Nothing is
deleted: a letter can be seen, and redriven with --again, for as long as Kafka
keeps it.

Exit codes: 0 noted, 1 failed, 2 wrong usage, 3 no such letter, 4 refused since
it is settled already, 5 Kafka cannot be reached.`,
		Example: "  cupcakery dead-letters discard 3/17 --note \"a test of the new printer\"",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			places, err := chosen.check(cmd, args)
			if err != nil {
				return err
			}
			queue, err := openDeadLetters(kafka)
			if err != nil {
				return err
			}
			defer closeDeadLetters(queue)
			return chosen.decide(cmd, queue, places, func(place deadletter.Place) (deadletter.Letter, error) {
				letter, err := queue.Discard(cmd.Context(), place, chosen.decision)
				if err != nil {
					return letter, err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s discarded\n", place)
				return letter, err
			})
		},
	}
	kafka.register(cmd)
	chosen.register(cmd)
	return cmd
}
