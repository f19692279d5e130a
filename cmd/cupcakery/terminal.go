package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The formats of results.
const (
	outputTable = "table"
	outputJSON  = "json"
)

func registerOutput(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", outputTable, "table for people, json for programs")
	complete(cmd, "output", func(string) []string { return []string{outputTable, outputJSON} })
}

func checkOutput(output string) error {
	if output != outputTable && output != outputJSON {
		return &exitError{exitUsage, fmt.Errorf("--output %q: use table or json", output)}
	}
	return nil
}

// safeText makes text that came from elsewhere harmless on a terminal: what
// could move the cursor, change colours, ring, or turn the direction of the
// text around it is shown as an escape instead.
func safeText(text string) string {
	if !strings.ContainsFunc(text, unsafeRune) && utf8.ValidString(text) {
		return text
	}
	var safe strings.Builder
	for _, r := range text {
		if unsafeRune(r) {
			fmt.Fprintf(&safe, `\u%04x`, r)
		} else {
			safe.WriteRune(r)
		}
	}
	return safe.String()
}

func unsafeRune(r rune) bool {
	// Beside the controls: line and paragraph separators, and embeddings,
	// overrides and isolates. Plain direction marks are part of normal text.
	return unicode.IsControl(r) || r >= '\u2028' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// writeJSON writes value as one JSON document. Of the control characters,
// encoding/json leaves DEL and the C1 set as they are, and some terminals obey
// them; they occur in strings only, so they can be escaped afterwards.
func writeJSON(w io.Writer, value any, indent string) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	var safe strings.Builder
	for _, r := range text.String() {
		if r >= 0x7f && r <= 0x9f {
			fmt.Fprintf(&safe, `\u%04x`, r)
		} else {
			safe.WriteRune(r)
		}
	}
	_, err := io.WriteString(w, safe.String())
	return err
}

// terminalWidth is how many columns w has if it is a terminal.
func terminalWidth(w io.Writer) (columns int, is bool) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns < 20 {
		columns = 80
	}
	return columns, true
}

// fit shortens a line so that it takes one row.
func fit(line string, columns int) string { return ansi.Truncate(line, columns, "…") }
