package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// command is a line that has been parsed.
type command struct {
	verb     string // empty for an empty line
	number   int
	batch    string // start, done or putback with the verb batch; empty to list them
	flavour  string
	reason   kitchen.Reason
	note     string
	scrapped int // −1 if it is not given
}

// commandVerbs are what a line can begin with.
var commandVerbs = []string{"start", "done", "fail", "putback", "takeback", "takeover", "batch", "list", "help", "quit"}

// parseCommand parses a line; its error names what it could be.
func parseCommand(line string, reasons []kitchen.Reason) (command, error) {
	words := strings.Fields(line)
	if line == overlong {
		return command{}, fmt.Errorf("a line has at most %d bytes", maxLine)
	}
	if len(words) == 0 {
		return command{}, nil
	}
	c := command{scrapped: -1, verb: strings.ToLower(words[0])}
	switch c.verb {
	case "list", "help", "quit":
		if len(words) > 1 {
			return command{}, fmt.Errorf("%s stands alone", c.verb)
		}
		return c, nil
	case "batch":
		return c, c.parseBatch(words[1:])
	case "start", "done", "fail", "putback", "takeback", "takeover":
	default:
		return command{}, fmt.Errorf("unknown command \"%s\": use start, done, fail, putback, takeback, takeover, batch, list, help or quit%s", printable(words[0]), didYouMean(c.verb, commandVerbs))
	}
	if len(words) < 2 {
		return command{}, fmt.Errorf("%s needs the number of a ticket, such as %s 3", c.verb, c.verb)
	}
	var err error
	if c.number, err = strconv.Atoi(strings.TrimPrefix(words[1], "#")); err != nil || c.number < 1 {
		return command{}, fmt.Errorf("\"%s\" is not the number of a ticket: use the one after the #, such as %s 3", printable(words[1]), c.verb)
	}
	rest := words[2:]
	if c.verb == "fail" {
		if c.reason, rest, err = parseReason(rest, reasons); err != nil {
			return command{}, err
		}
	}
	return c, c.parseRemarks(rest)
}

// parseBatch reads what is done with all tickets of which flavour.
func (c *command) parseBatch(words []string) error {
	switch len(words) {
	case 0:
		return nil
	case 2:
		c.flavour, c.batch = words[0], strings.ToLower(words[1])
		switch c.batch {
		case "start", "done", "putback":
			return nil
		}
	}
	return fmt.Errorf("batch stands alone, or with a flavour and start, done or putback, such as batch %s start", printable(words[0]))
}

func parseReason(words []string, reasons []kitchen.Reason) (kitchen.Reason, []string, error) {
	var codes []string
	for _, reason := range reasons {
		if len(words) > 0 && words[0] == reason.Code {
			return reason, words[1:], nil
		}
		codes = append(codes, reason.Code)
	}
	given := "fail needs a reason"
	if len(words) > 0 {
		given = fmt.Sprintf("\"%s\" is no reason that the kitchen knows", printable(words[0]))
	}
	return kitchen.Reason{}, nil, fmt.Errorf("%s: use %s", given, strings.Join(codes, ", "))
}

// parseRemarks reads how many pieces were scrapped, and the note.
func (c *command) parseRemarks(words []string) error {
	if c.verb != "done" && c.verb != "fail" && len(words) > 0 {
		return fmt.Errorf("%s takes only the number of a ticket", c.verb)
	}
	if len(words) > 0 {
		if count, found := strings.CutPrefix(words[0], "scrapped="); found {
			scrapped, err := strconv.Atoi(count)
			if err != nil || scrapped < 0 || scrapped > kitchen.MaxScrapped {
				return fmt.Errorf("scrapped=%s: give a number of pieces from 0 to %d", printable(count), kitchen.MaxScrapped)
			}
			c.scrapped = scrapped
			words = words[1:]
		}
	}
	c.note = strings.Join(words, " ")
	return nil
}

// answer is what done, fail and putback say about a ticket.
func (c command) answer(item station.Item) (kitchen.Ack, error) {
	scrapped := c.scrapped
	switch {
	case c.verb == "putback":
		return kitchen.Ack{Kind: kitchen.AckReleased}, nil
	case c.verb == "fail":
		if scrapped < 0 {
			scrapped = scrappedBy(c.reason, item)
		}
		return kitchen.Ack{Kind: kitchen.AckFailed, Note: c.note, Reason: c.reason.Code, Scrapped: scrapped}, nil
	case item.Ticket.Kind == kitchen.TicketUndo:
		if scrapped < 0 {
			scrapped = item.ToScrap()
		}
		return kitchen.Ack{Kind: kitchen.AckUndone, Note: c.note, Scrapped: scrapped}, nil
	case item.Number > 0 && (c.scrapped >= 0 || c.note != ""):
		return kitchen.Ack{}, errors.New("done takes only the number of a ticket, unless it is an UNDO ticket")
	}
	return kitchen.Ack{Kind: kitchen.AckDone}, nil
}

// scrappedBy is how many pieces a failure costs unless a number is given: all if
// the work starts again, none of what could not be undone.
func scrappedBy(reason kitchen.Reason, item station.Item) int {
	if reason.Then == kitchen.OutcomeRemake && item.Ticket.Kind != kitchen.TicketUndo {
		return item.Ticket.Pieces()
	}
	return 0
}

const (
	// maxLine is the longest command that is read.
	maxLine = 4 << 10
	// overlong stands for a line that was longer.
	overlong = "\x00"
)

// readLines reads lines until the stream or ctx ends. A stream cannot be told
// to stop: a line that is read after ctx has ended is dropped.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		reader := bufio.NewReaderSize(in, maxLine)
		for {
			line, tooLong, err := readLine(reader)
			if tooLong {
				line = overlong
			}
			if line != "" || err == nil {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

// readLine reads one line, of which it drops what is too long.
func readLine(reader *bufio.Reader) (line string, tooLong bool, err error) {
	for {
		part, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			tooLong = true
			continue
		}
		return string(part), tooLong, err
	}
}
