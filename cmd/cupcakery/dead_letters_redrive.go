package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/deadletter"
)

func newDeadLettersRedriveCommand() *cobra.Command {
	var (
		kafka  kafkaSettings
		chosen chosenLetters
		file   string
		again  bool
	)
	cmd := &cobra.Command{
		Use:   "redrive [PARTITION/OFFSET...]",
		Short: "Send letters to their topics again",
		Long: `Send letters to the topics they came from again, with their keys, headers and
bytes, or with the bytes that --value gives. The header redrive_count tells how
often that was done, also after the message has died again.

What this version cannot understand is not sent, since it would come back: mend
it with --value, or discard it. An ack without a time takes that of the redrive.
A failed ack does nothing if its attempt has failed before, or if somebody else
has its ticket by now. If nobody has it, it counts: see whether it still should.

However many people redrive a letter at once, one sends it. One that was sent, or
may have been when somebody was interrupted, is sent a second time only with
--again. --all leaves what it must not send, names it and exits with 4.

Exit codes: 0 sent and noted, 1 failed, 2 wrong usage, 3 no such letter,
4 refused, 5 Kafka cannot be reached.`,
		Example: `  cupcakery dead-letters redrive 3/17 5/2
  cupcakery dead-letters redrive 3/17 --value ack.json --by ada --note "the id was cut"
  cupcakery dead-letters redrive --all`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			places, err := chosen.check(cmd, args)
			if err != nil {
				return err
			}
			how := deadletter.Redrive{Decision: chosen.decision, Again: again}
			mended := cmd.Flags().Changed("value")
			switch {
			case mended && len(places) != 1:
				return &exitError{exitUsage, errors.New("--value is for one letter: give its place alone")}
			case again && chosen.all:
				return &exitError{exitUsage, errors.New("--again is for letters that you have looked at: give their places, not --all")}
			}
			if mended {
				if how.Value, err = readLetterValue(cmd, file); err != nil {
					return err
				}
			}
			queue, err := openDeadLetters(kafka)
			if err != nil {
				return err
			}
			defer closeDeadLetters(queue)
			return chosen.decide(cmd, queue, places, func(place deadletter.Place) (deadletter.Letter, error) {
				letter, err := queue.Redrive(cmd.Context(), place, how)
				if err != nil {
					return letter, err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s sent to %s (redriven %s)\n", place, printable(letter.Topic), counted(letter.Redrives, "time", "times"))
				return letter, err
			})
		},
	}
	kafka.register(cmd)
	chosen.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&file, "value", "", "file with the bytes to send instead of the letter's own; - for standard input")
	flags.BoolVar(&again, "again", false, "send it although it was or may have been sent, or was discarded")
	return cmd
}

// readLetterValue reads what --value names. It is never nil.
func readLetterValue(cmd *cobra.Command, file string) ([]byte, error) {
	in := cmd.InOrStdin()
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("--value: %w", err)}
		}
		defer func() { _ = opened.Close() }() // only read
		in = opened
	}
	value, err := io.ReadAll(io.LimitReader(in, events.MaxDeadLetterBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--value: %w", err)
	case len(value) > events.MaxDeadLetterBytes:
		return nil, &exitError{exitUsage, fmt.Errorf("--value %q: more than the %d bytes that a letter may have", file, events.MaxDeadLetterBytes)}
	}
	return value, nil
}
