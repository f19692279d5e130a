package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/deadletter"
)

// maxShownValue is how much of a value people are shown.
const maxShownValue = 16 << 10

func newDeadLettersShowCommand() *cobra.Command {
	var (
		kafka  kafkaSettings
		output string
		raw    bool
	)
	cmd := &cobra.Command{
		Use:   "show PARTITION/OFFSET",
		Short: "Show a letter: why it is one, its headers and its value",
		Long: `Show a letter: why it is one, whether it could be redriven as it is, its headers
and its value. Bytes that a terminal would obey, and those that are no text, are
shown as escapes. --raw writes the exact value and nothing else, for a file.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such letter, 5 Kafka cannot be
reached.`,
		Example: "  cupcakery dead-letters show 3/17\n  cupcakery dead-letters show 3/17 --raw > ack.json",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := deadletter.ParsePlace(args[0])
			switch {
			case err != nil:
				return &exitError{exitUsage, err}
			case raw && cmd.Flags().Changed("output"):
				return &exitError{exitUsage, errors.New("give --raw or --output, not both")}
			}
			if err := checkOutput(output); err != nil {
				return err
			}
			queue, err := openDeadLetters(kafka)
			if err != nil {
				return err
			}
			defer closeDeadLetters(queue)
			letter, record, err := queue.Get(cmd.Context(), place)
			if err != nil {
				return letterExit(err)
			}
			switch {
			case raw:
				return writeRaw(cmd, letter, record.Value)
			case output == outputJSON:
				return writeJSON(cmd.OutOrStdout(), newShownLetterJSON(letter, record), "  ")
			}
			return writeLetter(cmd.OutOrStdout(), letter, record)
		},
	}
	kafka.register(cmd)
	registerOutput(cmd, &output)
	cmd.Flags().BoolVar(&raw, "raw", false, "write the exact bytes of the value and nothing else")
	return cmd
}

// writeRaw writes the value as it is. A terminal would obey it, so it gets only
// text.
func writeRaw(cmd *cobra.Command, letter deadletter.Letter, value []byte) error {
	if _, terminal := terminalWidth(cmd.OutOrStdout()); terminal && (!utf8.Valid(value) || bytes.ContainsFunc(value, func(r rune) bool { return unsafeRune(r) && r != '\n' && r != '\t' })) {
		return &exitError{exitUsage, errors.New("the value has bytes that a terminal would obey: send it to a file, or show it without --raw")}
	}
	if letter.FullSize > 0 {
		cmd.PrintErrf("This is not all of it: %s.\n", wholeText(letter))
	}
	_, err := cmd.OutOrStdout().Write(value)
	return err
}

// wholeText says where the whole of a letter is that was cut for its size.
func wholeText(letter deadletter.Letter) string {
	return fmt.Sprintf("the first %d of %d bytes; the whole lies in %s, partition %d, offset %d, while Kafka keeps it",
		letter.Size, letter.FullSize, printable(letter.Topic), letter.Partition, letter.Offset)
}

// shownLetterJSON is a letter with all that it has.
type shownLetterJSON struct {
	letterJSON
	// Refusal is why it cannot be redriven as it is.
	Refusal string       `json:"refusal,omitempty"`
	Headers []headerJSON `json:"headers"`
	Value   *textJSON    `json:"value"`
}

type headerJSON struct {
	Key   string    `json:"key"`
	Value *textJSON `json:"value"`
}

func newShownLetterJSON(letter deadletter.Letter, record events.Message) shownLetterJSON {
	shown := shownLetterJSON{letterJSON: newLetterJSON(letter), Headers: []headerJSON{}, Value: newTextJSON(record.Value)}
	shown.Key = newTextJSON(record.Key)
	if err := letter.CheckRedrive(record); err != nil {
		shown.Refusal = errors.Unwrap(err).Error()
	}
	for _, header := range record.Headers {
		shown.Headers = append(shown.Headers, headerJSON{header.Key, newTextJSON(header.Value)})
	}
	return shown
}

// writeLetter shows a letter to people.
func writeLetter(w io.Writer, letter deadletter.Letter, record events.Message) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(label, text string) { _, _ = fmt.Fprintf(table, "%s\t%s\n", label, text) } // Flush reports
	row("Letter", letter.Place.String())
	row("State", stateText(letter))
	if letter.Note != "" {
		row("Note", printable(letter.Note))
	}
	if letter.Mended {
		row("Mended", "it was sent with other bytes than these")
	}
	row("Reason", printable(letter.Reason))
	if letter.Topic != "" {
		row("From", fmt.Sprintf("%s, partition %d, offset %d", printable(letter.Topic), letter.Partition, letter.Offset))
	}
	row("Made", clock(&letter.Made))
	row("Died", clock(&letter.Died))
	redriven := counted(letter.Redrives, "time", "times")
	if from, ok := record.Header(deadletter.HeaderRedriveLetter); ok {
		redriven += ", before this death from letter " + printable(from)
	}
	row("Redriven", redriven)
	row("As it is", redriveText(letter, record))
	row("Key", orDash(printable(escaped(record.Key))))
	if err := table.Flush(); err != nil {
		return err
	}
	if len(record.Headers) > 0 {
		_, _ = fmt.Fprintln(table, "\nHEADER\tVALUE")
		for _, header := range record.Headers {
			row(printable(header.Key), printable(escaped(header.Value)))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return writeValue(w, letter, record.Value)
}

// redriveText says whether the letter could be redriven as it is, by its value.
func redriveText(letter deadletter.Letter, record events.Message) string {
	if letter.FullSize > 0 {
		return "cannot be redriven: it is only a part"
	}
	if err := letter.CheckRedrive(record); err != nil {
		return "cannot be redriven: " + safeText(errors.Unwrap(err).Error())
	}
	return "can be redriven"
}

func writeValue(w io.Writer, letter deadletter.Letter, value []byte) error {
	title := fmt.Sprintf("VALUE (%s)", counted(len(value), "byte", "bytes"))
	if letter.FullSize > 0 {
		title = "VALUE (" + wholeText(letter) + ")"
	}
	shown := value[:min(len(value), maxShownValue)]
	if _, err := fmt.Fprintln(w, "\n"+title); err != nil {
		return err
	}
	for line := range strings.Lines(string(shown)) {
		if _, err := fmt.Fprintln(w, safeText(escaped([]byte(strings.TrimSuffix(line, "\n"))))); err != nil {
			return err
		}
	}
	if left := len(value) - len(shown); left > 0 {
		_, err := fmt.Fprintf(w, "… and %s more: --raw writes them all\n", counted(left, "byte", "bytes"))
		return err
	}
	return nil
}

// escaped returns bytes as text. Those that are not UTF-8 become \x and two digits.
func escaped(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	var text strings.Builder
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			text.WriteString(`\x` + strconv.FormatUint(uint64(data[0])|0x100, 16)[1:])
		} else {
			text.Write(data[:size])
		}
		data = data[size:]
	}
	return text.String()
}
