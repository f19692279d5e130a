package main

import (
	"io"
	"os"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// The looks of what people read on a terminal. The colours are the sixteen that
// every terminal's owner can choose. None tells anything alone: without colours
// the words and the reversed blocks say the same.
var (
	bold  = ansi.Style{}.Bold()
	faint = ansi.Style{}.Faint()
	// loud is for what must not be missed, lookAllergy for what may hurt somebody.
	loud        = ansi.Style{}.Bold().Reverse(true)
	lookAllergy = ansi.Style{}.Bold().Reverse(true).ForegroundColor(ansi.Red)
	lookRush    = ansi.Style{}.Bold().Reverse(true).ForegroundColor(ansi.Yellow)
	lookUndo    = ansi.Style{}.Bold().Reverse(true).ForegroundColor(ansi.Magenta)
	lookLate    = ansi.Style{}.Bold().ForegroundColor(ansi.Red)
	lookSoon    = ansi.Style{}.ForegroundColor(ansi.Yellow)
	lookGood    = ansi.Style{}.ForegroundColor(ansi.Green)
	lookBusy    = ansi.Style{}.ForegroundColor(ansi.Cyan)
)

// coloured returns a writer that passes on what w can show: all of it on a
// terminal with colours, the text alone in a pipe, on a dumb terminal and, but for
// what is bold or reversed, where $NO_COLOR is set.
func coloured(w io.Writer) io.Writer { return colorprofile.NewWriter(w, os.Environ()) }

// isDumb reports whether the terminal cannot place its cursor, so that there is no
// full screen on it.
func isDumb() bool { return os.Getenv("TERM") == "dumb" }
