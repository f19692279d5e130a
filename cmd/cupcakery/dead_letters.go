package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events/deadletter"
)

func newDeadLettersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead-letters",
		Short: "See what could not be understood, mend it, send it again",
		Long: `See what could not be understood, mend it, and send it to its topic again.

A message that can never be understood is a dead letter in the topic
dead-letters, called by its place there: PARTITION/OFFSET, such as 3/17. It stays
for as long as Kafka keeps it. What becomes of it is noted in the same topic, so
everybody sees it, and a crash at any moment loses nothing.

A letter is open until somebody decides about it; then it is redriven, or
discarded. One that stays redriving was given up half-way: the message may have
been sent or not.

Results go to standard output, everything else to standard error. Exit codes:
0 done, 1 failed, 2 wrong usage, 3 no such letter, 4 refused, 5 Kafka cannot be
reached.`,
		Example: `  cupcakery dead-letters list
  cupcakery dead-letters show 3/17
  cupcakery dead-letters show 3/17 --raw > ack.json   # then mend it
  cupcakery dead-letters redrive 3/17 --value ack.json`,
		Args: cobra.ArbitraryArgs,
		RunE: chooseSubcommand,
	}
	cmd.AddCommand(newDeadLettersListCommand(), newDeadLettersShowCommand(), newDeadLettersRedriveCommand(), newDeadLettersDiscardCommand())
	return cmd
}

// openDeadLetters checks the settings. It dials nobody.
func openDeadLetters(kafka kafkaSettings) (*deadletter.Queue, error) {
	connection, err := kafka.connection()
	if err != nil {
		return nil, err
	}
	connection.ClientID = "dead-letters"
	queue, err := deadletter.New(deadletter.Config{Connection: connection})
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return queue, nil
}

// letterExit chooses the exit code for an error about dead letters.
func letterExit(err error) error {
	if _, ok := errors.AsType[*deadletter.NotFoundError](err); ok {
		return &exitError{exitNotFound, err}
	}
	if _, ok := errors.AsType[*deadletter.RefusedError](err); ok {
		return &exitError{exitRefused, err}
	}
	if errors.Is(err, context.Canceled) {
		return &exitError{exitFailed, errors.New("interrupted")}
	}
	return kafkaExit(err)
}

// chosenLetters are the letters that a decision is about.
type chosenLetters struct {
	all      bool
	decision deadletter.Decision
}

func (c *chosenLetters) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&c.all, "all", false, "all letters that are open")
	flags.StringVar(&c.decision.By, "by", "", "who decides, for those who look later")
	flags.StringVar(&c.decision.Note, "note", "", "why, for those who look later")
}

// check reads the places on the command line, which is wrong with none.
func (c *chosenLetters) check(cmd *cobra.Command, args []string) ([]deadletter.Place, error) {
	var faults []error
	switch {
	case c.all && len(args) > 0:
		faults = append(faults, errors.New("give places or --all, not both"))
	case !c.all && len(args) == 0:
		faults = append(faults, errors.New("give the places of letters, such as 3/17, or --all"))
	}
	var places []deadletter.Place
	for _, arg := range args {
		place, err := deadletter.ParsePlace(arg)
		faults = append(faults, err)
		places = append(places, place)
	}
	if err := errors.Join(append(faults, c.decision.Check())...); err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
	}
	return places, nil
}

// decide calls act with one letter after the other. One that is refused or not
// there does not keep the others from their turn; the error names all that were.
// An interruption waits for the letter in hand.
func (c *chosenLetters) decide(cmd *cobra.Command, queue *deadletter.Queue, places []deadletter.Place, act func(deadletter.Place) (deadletter.Letter, error)) error {
	var faults letterFaults
	if c.all {
		var err error
		if places, faults, err = queue.Undecided(cmd.Context()); err != nil {
			return letterExit(err)
		}
	}
	elsewhere := 0
	for i, place := range places {
		if cmd.Context().Err() != nil {
			return faults.stopped(cmd.Context().Err(), len(places)-i)
		}
		letter, err := act(place)
		switch code := exitCode(letterExit(err)); {
		case err == nil:
		case c.all && code == exitRefused && letter.State != deadletter.Open:
			elsewhere++ // somebody else was faster than the list
		case code == exitRefused, code == exitNotFound:
			faults = append(faults, err)
		default:
			return faults.stopped(err, len(places)-i)
		}
	}
	if elsewhere > 0 {
		cmd.PrintErrf("Somebody else has decided about %s meanwhile.\n", counted(elsewhere, "letter", "letters"))
	}
	return faults.join()
}

// letterFaults are the errors of letters that did not get what was asked for.
type letterFaults []error

// stopped is the error for an end before the last of them.
func (f letterFaults) stopped(err error, left int) error {
	last := letterExit(err)
	if left == 1 && len(f) == 0 {
		return last
	}
	text := fmt.Sprintf("%v\nnot done for the last %s", last, counted(left, "letter", "letters"))
	if len(f) > 0 {
		text += "\n" + f.join().Error()
	}
	return &exitError{exitCode(last), errors.New(text)}
}

// join is one error for all of them.
func (f letterFaults) join() error {
	switch len(f) {
	case 0:
		return nil
	case 1:
		return letterExit(f[0])
	}
	text := "not done for " + counted(len(f), "letter", "letters")
	for _, fault := range f {
		text += "\n  " + fault.Error()
	}
	return &exitError{exitCode(letterExit(f[0])), errors.New(text)}
}

// closeDeadLetters ends the connections. Nothing is under way any more, so nothing
// can fail.
func closeDeadLetters(queue *deadletter.Queue) { _ = queue.Close() }
