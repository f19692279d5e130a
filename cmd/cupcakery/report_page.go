package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// reportPage is a report for people as it is written: at the bakery's clock, and so
// that no line is longer than a terminal's.
type reportPage struct {
	text    strings.Builder
	columns int
	zone    *time.Location
}

func (p *reportPage) printf(format string, values ...any) { fmt.Fprintf(&p.text, format, values...) }

// clock is a time of some day.
func (p *reportPage) clock(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.In(p.zone).Format("15:04")
}

func (p *reportPage) day(at time.Time) string { return at.In(p.zone).Format(time.DateOnly) }

// table writes a table under a title, if there is one; nothing if it has no rows.
func (p *reportPage) table(title string, t reportTable) {
	if len(t.rows) == 0 {
		return
	}
	if title != "" {
		p.printf("\n%s\n", bold.Styled(title))
	}
	for _, line := range t.lines(p.columns) {
		p.printf("%s\n", line)
	}
}

// reportColumn is a column of a table.
type reportColumn struct {
	title string
	// right is for numbers.
	right bool
	// least is how wide it must be at least; it is never shortened if that is 0.
	least int
	// spare is from 1 for columns that are left out where there is no room, the
	// highest first.
	spare int
}

// reportTable is a table that gives way where there is no room. All rows have a cell
// for each column.
type reportTable struct {
	columns []reportColumn
	rows    [][]string
}

func (t *reportTable) add(cells ...string) { t.rows = append(t.rows, cells) }

// lines are the table in some columns of a terminal.
func (t reportTable) lines(width int) []string {
	rows := [][]string{nil}
	for _, column := range t.columns {
		rows[0] = append(rows[0], column.title)
	}
	rows = append(rows, t.rows...)
	widths := make([]int, len(t.columns))
	for i := range widths {
		widths[i] = columnWidth(rows, i)
	}
	shown := t.giveWay(widths, width)
	var lines []string
	for n, row := range rows {
		var cells []string
		for i, cell := range row {
			if !shown[i] {
				continue
			}
			cell = ansi.Truncate(cell, widths[i], "…")
			space := strings.Repeat(" ", widths[i]-ansi.StringWidth(cell))
			if t.columns[i].right {
				cells = append(cells, space+cell)
			} else {
				cells = append(cells, cell+space)
			}
		}
		line := ansi.Truncate(strings.TrimRight(strings.Join(cells, "  "), " "), width, "…")
		if n == 0 {
			line = faint.Styled(line)
		}
		lines = append(lines, line)
	}
	return lines
}

// giveWay leaves columns out, and makes others narrower, until all fit.
func (t reportTable) giveWay(widths []int, width int) (shown []bool) {
	shown = make([]bool, len(widths))
	for i := range shown {
		shown[i] = true
	}
	missing := func() int {
		total := -2
		for i, each := range widths {
			if shown[i] {
				total += each + 2
			}
		}
		return total - width
	}
	for missing() > 0 {
		spare := -1
		for i, column := range t.columns {
			if shown[i] && column.spare > 0 && (spare < 0 || column.spare > t.columns[spare].spare) {
				spare = i
			}
		}
		if spare < 0 {
			break
		}
		shown[spare] = false
	}
	for i, column := range t.columns {
		if column.least > 0 && shown[i] {
			widths[i] = max(min(widths[i], column.least), widths[i]-max(0, missing()))
		}
	}
	return shown
}

func inDigits(n int) string { return strconv.Itoa(n) }

// span is a number of seconds as people say it; a dash if it is not known.
func span(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return spanOf(*seconds)
}

func spanOf(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	switch {
	case d < 0:
		return "-" + spanOf(-seconds)
	case d >= time.Minute && d < 10*time.Minute && d%time.Minute != 0:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return ageText(d)
}
