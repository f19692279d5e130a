package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events/deadletter"
)

func newDeadLettersListCommand() *cobra.Command {
	var (
		kafka  kafkaSettings
		output string
		all    bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the letters that somebody must see to",
		Long: `List the letters that somebody must see to, the newest first. REDRIVEN is how
often the message has been sent again, or that was begun, in all its lives. The
JSON has the keys, which are order ids, and the notes.

Exit codes: 0 done, 1 the topic is missing, 5 Kafka cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			queue, err := openDeadLetters(kafka)
			if err != nil {
				return err
			}
			defer closeDeadLetters(queue)
			letters, err := queue.List(cmd.Context())
			if err != nil {
				return letterExit(err)
			}
			settled := 0
			letters = slices.DeleteFunc(letters, func(letter deadletter.Letter) bool {
				if !letter.State.IsSettled() {
					return false
				}
				settled++
				return !all
			})
			if output == outputJSON {
				list := struct {
					Letters []letterJSON `json:"letters"`
				}{[]letterJSON{}}
				for _, letter := range letters {
					list.Letters = append(list.Letters, newLetterJSON(letter))
				}
				return writeJSON(cmd.OutOrStdout(), list, "  ")
			}
			if err := writeLetters(cmd.OutOrStdout(), letters); err != nil {
				return err
			}
			switch {
			case len(letters) > 0:
			case settled > 0:
				cmd.PrintErrf("No dead letter is open; --all shows the %d that are settled.\n", settled)
			default:
				cmd.PrintErrln("There is no dead letter.")
			}
			return nil
		},
	}
	kafka.register(cmd)
	registerOutput(cmd, &output)
	cmd.Flags().BoolVar(&all, "all", false, "also letters that are settled, and what became of them")
	return cmd
}

// letterJSON is a letter for programs. Offsets are texts, because JavaScript
// would round large ones.
type letterJSON struct {
	Letter    deadletter.Place `json:"letter"`
	Died      time.Time        `json:"died"`
	Topic     string           `json:"topic"`
	Partition int              `json:"partition"`
	Offset    string           `json:"offset"`
	Made      *time.Time       `json:"made,omitempty"`
	Reason    string           `json:"reason"`
	Key       *textJSON        `json:"key,omitempty"`
	Size      int              `json:"size"`
	FullSize  int              `json:"fullSize,omitempty"`
	Redrives  int              `json:"redrives"`
	State     deadletter.State `json:"state"`
	Since     *time.Time       `json:"since,omitempty"`
	By        string           `json:"by,omitempty"`
	Note      string           `json:"note,omitempty"`
	Mended    bool             `json:"mended,omitempty"`
}

func newLetterJSON(letter deadletter.Letter) letterJSON {
	given := func(at time.Time) *time.Time {
		if at.IsZero() {
			return nil
		}
		return new(at.UTC())
	}
	return letterJSON{
		Letter: letter.Place, Died: letter.Died.UTC(), Topic: letter.Topic, Partition: letter.Partition, Offset: strconv.FormatInt(letter.Offset, 10),
		Made: given(letter.Made), Reason: letter.Reason, Key: newTextJSON(letter.Key), Size: letter.Size, FullSize: letter.FullSize,
		Redrives: letter.Redrives, State: letter.State, Since: given(letter.Since), By: letter.By, Note: letter.Note, Mended: letter.Mended,
	}
}

// textJSON has bytes as text if they are text, and otherwise in base64. It is
// nil for none.
type textJSON struct {
	Text   *string `json:"text,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
}

func newTextJSON(data []byte) *textJSON {
	switch {
	case data == nil:
		return nil
	case utf8.Valid(data):
		return &textJSON{Text: new(string(data))}
	}
	return &textJSON{Base64: data}
}

// writeLetters shows letters to people. On a terminal each takes one row.
func writeLetters(w io.Writer, letters []deadletter.Letter) error {
	if len(letters) == 0 {
		return nil
	}
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "LETTER\tDIED\tFROM\tBYTES\tREDRIVEN\tSTATE\tREASON") // a buffer takes everything
	for _, letter := range letters {
		from := "-"
		if letter.Topic != "" {
			from = fmt.Sprintf("%s %d/%d", printable(letter.Topic), letter.Partition, letter.Offset)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", letter.Place, clock(&letter.Died), from,
			max(letter.Size, letter.FullSize), letter.Redrives, stateText(letter), printable(letter.Reason))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	columns, terminal := terminalWidth(w)
	for line := range strings.Lines(text.String()) {
		if terminal {
			line = fit(strings.TrimSuffix(line, "\n"), columns) + "\n"
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}

// stateText says where a letter stands.
func stateText(letter deadletter.Letter) string {
	if letter.State == deadletter.Open {
		return string(letter.State)
	}
	words := string(letter.State) + " " + clock(&letter.Since)
	if letter.By != "" {
		words += " by " + printable(letter.By)
	}
	if letter.State == deadletter.Redriving {
		words += ", may have been sent"
	}
	return words
}
