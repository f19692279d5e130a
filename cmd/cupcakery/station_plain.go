package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

const plainHelp = `  start N                              take ticket N in hand
  done N                               it is done
  fail N REASON [scrapped=K] [note]    it went wrong; K pieces are thrown away
                                       (all of them if the reason means a remake)
  list                                 what is here
  help                                 these lines
  quit                                 close the station

An UNDO ticket asks to undo the work for a cancelled order:
  done N [scrapped=K] [note]           it is undone; K pieces are thrown away (all
                                       of them if the work was done or begun)
  fail N REASON [scrapped=K] [note]    it cannot be undone; a manager is asked
STOP at a ticket that you have in hand means that its order was cancelled: put
the work aside. You need not answer that ticket any more.
`

const (
	// maxLine is the longest command that is read.
	maxLine = 4 << 10
	// overlong stands for a line that was longer.
	overlong = "\x00"
	// quietFor is how long a list from a pipe waits, once the station is
	// ready, for the tickets that are there already.
	quietFor = time.Second
)

// plain is a station that is worked at line by line.
type plain struct {
	bench   *station.Station
	reasons []kitchen.Reason
	screen  *ticketPrinter
	// piped input is done one command after the other; on a terminal a
	// command that takes its time does not keep the others from being read.
	piped   bool
	timeout time.Duration
	// refused counts the commands from a pipe that were.
	refused int
}

// runPlain works by the commands on standard input, until it ends.
func runPlain(cmd *cobra.Command, config station.Config, options stationOptions, reasons []kitchen.Reason) error {
	screen := newTicketPrinter(cmd.OutOrStdout(), cmd.ErrOrStderr(), config.Name)
	defer screen.close()
	if !cmd.Flags().Changed("log-format") {
		config.Logger = slog.New(newNotices(config.Logger.Handler(), func(line string) { screen.complain("%s", line) }))
	}
	config.Observe = screen.show
	bench, err := station.New(config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	p := &plain{
		bench: bench, piped: !isTerminal(cmd.InOrStdin()), reasons: reasons, screen: screen, timeout: options.timeout,
	}
	if !p.piped {
		screen.complain("The %s station is open; you are %s. Tickets come by themselves; help lists the commands.", config.Stage, config.Name)
	}
	err = workAt(cmd.Context(), bench, func(ctx context.Context) error {
		defer p.sayGoodbye(config.Name)
		return p.run(ctx, readLines(ctx, cmd.InOrStdin()))
	})
	if err == nil && p.refused > 0 {
		err = &exitError{exitRefused, fmt.Errorf("%d of the commands were refused", p.refused)}
	}
	return err
}

// sayGoodbye reminds of what is left in hand.
func (p *plain) sayGoodbye(name string) {
	var left []string
	for _, item := range p.bench.Tickets() {
		if item.State == station.InHand {
			left = append(left, fmt.Sprintf("#%d %s", item.Number, printable(item.Ticket.PickupCode)))
		}
	}
	if len(left) > 0 {
		p.screen.complain("You leave with %s in hand. Come back as %s to finish; otherwise others get it when its time is over.",
			strings.Join(left, ", "), name)
	}
}

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

// run does the commands until they end, one says quit, or ctx ends.
func (p *plain) run(ctx context.Context, lines <-chan string) error {
	work := make(chan func(), 100)
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		for do := range work {
			do()
		}
	}()
	working, cancel := context.WithCancel(ctx)
	defer func() {
		if !p.piped {
			cancel() // whoever quits does not wait for what is under way
		}
		close(work)
		<-worked
		cancel()
	}()
	for {
		var line string
		select {
		case <-ctx.Done():
			return nil
		case next, ok := <-lines:
			if !ok {
				return nil
			}
			line = next
		}
		command, err := parseCommand(line, p.reasons)
		switch {
		case err != nil && p.piped:
			p.inTurn(ctx, work, func() { p.refuse("%s", err) })
		case err != nil:
			p.refuse("%s", err)
		case command.verb == "":
		case command.verb == "quit":
			return nil
		case command.verb == "help" && !p.piped:
			p.help()
		case command.verb == "list" && !p.piped:
			p.screen.list(p.bench.Tickets())
		default:
			p.inTurn(ctx, work, func() { p.do(working, command) })
		}
	}
}

// inTurn has something done after all that came before.
func (p *plain) inTurn(ctx context.Context, work chan<- func(), do func()) {
	select {
	case work <- do:
	case <-ctx.Done():
	}
}

// refuse says why something is not done.
func (p *plain) refuse(format string, args ...any) {
	if p.piped { // then only one command is done at a time
		p.refused++
	}
	p.screen.complain("! "+format, args...)
}

func (p *plain) help() {
	p.screen.say("%s", strings.TrimRight(plainHelp, "\n"))
	var codes []string
	for _, reason := range p.reasons {
		codes = append(codes, fmt.Sprintf("%s (%s)", printable(reason.Code), printable(reason.Label)))
	}
	p.screen.say("\nReasons: %s", strings.Join(codes, ", "))
}

// do does one command and says so if it cannot be done. What can be done is
// told by the station's events.
func (p *plain) do(ctx context.Context, command command) {
	switch command.verb {
	case "help":
		p.help()
		return
	case "list":
		p.awaitTickets(ctx)
		p.screen.list(p.bench.Tickets())
		return
	}
	ticketID, err := p.find(ctx, command.number)
	if err == nil {
		err = command.doTo(ctx, p.bench, ticketID)
	}
	if err != nil && ctx.Err() == nil {
		p.refuse("#%d  %s", command.number, reasonText(err))
	}
}

// awaitTickets gives the tickets that are there already time to come, and
// gives up when Kafka does not answer within --timeout.
func (p *plain) awaitTickets(ctx context.Context) {
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	select {
	case <-p.bench.Ready():
	case <-ctx.Done():
		return
	}
	quiet := time.NewTimer(quietFor)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-quiet.C:
			return
		case <-p.bench.Changed():
			quiet.Reset(quietFor)
		}
	}
}

// find returns the ticket with a number. From a pipe, it waits for it to come,
// or to come back.
func (p *plain) find(ctx context.Context, number int) (string, error) {
	var late <-chan time.Time
	if p.timeout > 0 {
		timer := time.NewTimer(p.timeout)
		defer timer.Stop()
		late = timer.C
	}
	for {
		changed := p.bench.Changed()
		ticketID, standing := p.bench.Lookup(number)
		switch {
		case standing == station.Here, standing == station.Cancelled:
			return ticketID, nil // the station tells why nothing can be done to a cancelled one
		case standing == station.Ended:
			return "", errors.New("this ticket is finished")
		case !p.piped && standing == station.Away:
			return "", station.ErrNotHere
		case !p.piped:
			return "", errors.New("there is no such ticket: list shows what is here")
		}
		select {
		case <-changed:
		case <-late:
			return "", fmt.Errorf("no such ticket has come within %s", p.timeout)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// command is a line that has been understood.
type command struct {
	verb     string // empty for an empty line
	number   int
	reason   kitchen.Reason
	note     string
	scrapped int // −1 if it was not said
}

// parseCommand understands a line, or says what would be understood.
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
	case "start", "done", "fail":
	default:
		return command{}, fmt.Errorf("unknown command \"%s\": use start, done, fail, list, help or quit", printable(words[0]))
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
	if c.verb == "start" && len(words) > 0 {
		return errors.New("start takes only the number of a ticket")
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

// doTo does the command to a ticket.
func (c command) doTo(ctx context.Context, bench *station.Station, ticketID string) error {
	var item station.Item
	for _, here := range bench.Tickets() {
		if here.Ticket.TicketID == ticketID {
			item = here
		}
	}
	scrapped := c.scrapped
	switch {
	case c.verb == "start":
		return bench.Start(ctx, ticketID)
	case c.verb == "fail":
		if scrapped < 0 {
			scrapped = scrappedBy(c.reason, item)
		}
		return bench.Fail(ctx, ticketID, c.reason.Code, c.note, scrapped)
	case item.Ticket.Kind == kitchen.TicketUndo:
		if scrapped < 0 {
			scrapped = item.ToScrap()
		}
		return bench.Undone(ctx, ticketID, scrapped, c.note)
	case item.Number > 0 && (c.scrapped >= 0 || c.note != ""):
		return errors.New("done takes only the number of a ticket, unless it is an UNDO ticket")
	}
	return bench.Done(ctx, ticketID)
}

// scrappedBy is how many pieces a failure costs if nobody says: all if the work
// starts again, none of what could not be undone.
func scrappedBy(reason kitchen.Reason, item station.Item) int {
	if reason.Then == kitchen.OutcomeRemake && item.Ticket.Kind != kitchen.TicketUndo {
		return item.Ticket.Pieces()
	}
	return 0
}
