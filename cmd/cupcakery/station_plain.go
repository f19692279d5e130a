package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

const plainHelp = `  start N                              start work on ticket N
  done N                               it is done
  fail N REASON [scrapped=K] [note]    it went wrong; K pieces are thrown away
                                       (all of them if the reason means a remake)
  putback N                            you do not finish it; it waits again
  takeback N                           take back what you have just said about it:
                                       done, fail and putback go out after five
                                       seconds (from a pipe at once)
  takeover N                           take ticket N from whoever has it, who is
                                       told at once; list shows who is silent
  batch                                flavours whose tickets can be started or
                                       finished together, where a station has that
  batch FLAVOUR start|done|putback     do it with all of them; what done and putback
                                       say is taken back together
  list                                 what is here
  help                                 these lines
  quit                                 close the station

An UNDO ticket asks to undo work that was cancelled:
  done N [scrapped=K] [note]           it is undone; K pieces are thrown away (all
                                       of them if the work was done or begun)
  fail N REASON [scrapped=K] [note]    it cannot be undone; a manager is asked
` + cancelledHelp

// cancelledHelp tells what the screen and the lines have in common.
const cancelledHelp = `STOP on a ticket that you have in hand means that this work was cancelled: put
the work aside. You need not answer that ticket any more.
`

// quietFor is how long a list from a pipe waits, once the station is ready, for
// the tickets that are there already.
const quietFor = time.Second

// plain is a station that is worked at line by line.
type plain struct {
	bench   *station.Station
	stage   kitchen.Stage
	reasons []kitchen.Reason
	name    string
	pending *pendingAnswers
	printer *ticketPrinter
	// piped commands are done one after the other; on a terminal a slow command
	// does not keep the others from being read.
	piped   bool
	timeout time.Duration
	// refused counts the commands read from a pipe that were refused.
	refused int
}

// runPlain works by the commands on standard input, until it ends.
func runPlain(cmd *cobra.Command, config station.Config, options stationOptions, reasons []kitchen.Reason, seat *robotSeat) error {
	printer := newTicketPrinter(cmd.OutOrStdout(), cmd.ErrOrStderr(), config.Name)
	defer printer.close()
	if !cmd.Flags().Changed("log-format") {
		config.Logger = slog.New(newNotices(config.Logger.Handler(), func(line string) { printer.printError("%s", line) }))
	}
	config.Observe = printer.show
	bench, err := station.New(config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	p := &plain{
		bench: bench, name: config.Name, piped: !isTerminal(cmd.InOrStdin()), reasons: reasons, printer: printer, stage: config.Stage, timeout: options.timeout,
		pending: newPendingAnswers(sendTo(bench)),
	}
	if !p.piped {
		printer.printError("The %s station is open; you are %s. Tickets come by themselves; help lists the commands.", config.Stage, config.Name)
	}
	err = workAt(cmd.Context(), bench, func(ctx context.Context) error {
		defer printer.leave()
		defer remindOfWorkInHand(bench, config.Name, printer.printError)
		defer p.pending.sendAll(func(answer pendingAnswer, err error) {
			printer.printError("! %s  %s was not sent: %s", nameOf(answer.item), answer.words(), reasonText(err))
		})
		watching, stop := context.WithCancel(ctx)
		var watched sync.WaitGroup
		watched.Go(func() { p.watchFlags(watching) })
		watched.Go(func() { seat.keep(watching, func(line string) { printer.printError("%s", line) }) })
		defer watched.Wait()
		defer stop()
		return p.run(ctx, readLines(ctx, cmd.InOrStdin()))
	})
	if err == nil && p.refused > 0 {
		err = &exitError{exitRefused, fmt.Errorf("%d of the commands were refused", p.refused)}
	}
	return err
}

// remindOfWorkInHand writes what is left in hand, if anything is.
func remindOfWorkInHand(bench *station.Station, name string, write func(format string, args ...any)) {
	var left []string
	for _, item := range bench.Tickets() {
		if item.State == station.InHand {
			left = append(left, fmt.Sprintf("#%d %s", item.Number, printable(item.Ticket.PickupCode)))
		}
	}
	if len(left) > 0 {
		write("You leave with %s in hand. Come back as %s to finish; once nobody has heard of you for too long, others may take it over.",
			strings.Join(left, ", "), name)
	}
}

// run does the commands until they end, one is quit, or ctx ends.
func (p *plain) run(ctx context.Context, lines <-chan string) error {
	queue := make(chan func(), 100)
	emptied := make(chan struct{})
	go func() {
		defer close(emptied)
		for do := range queue {
			do()
		}
	}()
	working, cancel := context.WithCancel(ctx)
	defer func() {
		if !p.piped {
			cancel() // whoever quits does not wait for what is under way
		}
		close(queue)
		<-emptied
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
			p.inTurn(ctx, queue, func() { p.refuse("%s", err) })
		case err != nil:
			p.refuse("%s", err)
		case command.verb == "":
		case command.verb == "quit":
			return nil
		case command.verb == "help" && !p.piped:
			p.help()
		case command.verb == "list" && !p.piped:
			p.list()
		default:
			p.inTurn(ctx, queue, func() { p.do(working, command) })
		}
	}
}

// inTurn queues something behind all that came before.
func (p *plain) inTurn(ctx context.Context, queue chan<- func(), do func()) {
	select {
	case queue <- do:
	case <-ctx.Done():
	}
}

// refuse shows why a command is not done.
func (p *plain) refuse(format string, args ...any) {
	if p.piped { // then only one command is done at a time
		p.refused++
	}
	p.printer.printError("! "+format, args...)
}

func (p *plain) help() {
	p.printer.print("%s", strings.TrimRight(plainHelp, "\n"))
	var codes []string
	for _, reason := range p.reasons {
		codes = append(codes, fmt.Sprintf("%s (%s)", printable(reason.Code), printable(reason.Label)))
	}
	p.printer.print("\nReasons: %s", strings.Join(codes, ", "))
}

// do does one command and shows why if it cannot be done. What was done is seen
// by the station's events.
func (p *plain) do(ctx context.Context, command command) {
	switch command.verb {
	case "help":
		p.help()
		return
	case "list":
		p.awaitTickets(ctx)
		p.list()
		return
	case "batch":
		if p.piped {
			p.awaitTickets(ctx)
		}
		p.doBatch(ctx, command)
		return
	}
	ticketID, err := p.find(ctx, command.number)
	if err == nil {
		err = p.doTo(ctx, command, ticketID)
	}
	if err != nil && ctx.Err() == nil {
		p.refuse("#%d  %s", command.number, reasonText(err))
	}
}

// doTo does a command to a ticket.
func (p *plain) doTo(ctx context.Context, command command, ticketID string) error {
	switch command.verb {
	case "start":
		return p.bench.Start(ctx, ticketID)
	case "takeover":
		return p.bench.TakeOver(ctx, ticketID)
	case "takeback":
		return p.takeBack(ticketID)
	}
	item := itemHere(p.bench, ticketID)
	answer, err := command.answer(item)
	if err != nil {
		return err
	}
	given := pendingAnswer{item: item, answer: answer, until: time.Now().Add(retractableFor)}
	if item.Number == 0 {
		return given.send(ctx, p.bench) // the station knows why it is not here any more
	}
	if err := cmp.Or(p.pending.answerable(item, p.name), given.check()); err != nil {
		return err
	}
	if p.piped {
		return given.send(ctx, p.bench)
	}
	p.hold(given)
	return nil
}

// itemHere is the ticket with an id as it stands; with the id alone if it is not at
// the station any more.
func itemHere(bench *station.Station, ticketID string) station.Item {
	for _, here := range bench.Tickets() {
		if here.Ticket.TicketID == ticketID {
			return here
		}
	}
	return station.Item{Ticket: kitchen.Ticket{TicketID: ticketID}}
}

// hold keeps answers that were given together for as long as they can be taken back.
func (p *plain) hold(given ...pendingAnswer) {
	p.pending.add(given...)
	first := given[0]
	if first.batch == "" {
		p.printer.print("%s  %s: goes out in %s; takeback %d takes it back", nameOf(first.item), first.words(), ageText(retractableFor), first.item.Number)
	} else {
		p.printer.print("%s: %s: goes out in %s; takeback %d takes the batch back", ticketsOf(len(given), first.batch), first.words(), ageText(retractableFor), first.item.Number)
	}
	time.AfterFunc(retractableFor, func() {
		for _, answer := range p.pending.due(time.Now()) {
			if err := p.pending.send(answer); err != nil {
				p.refuse("#%d  %s", answer.item.Number, reasonText(err))
			}
		}
	})
}

func (p *plain) takeBack(ticketID string) error {
	if p.piped {
		return errors.New("answers from a pipe go out at once: there is nothing to take back")
	}
	taken := p.pending.takeBack(ticketID)
	if len(taken) == 0 {
		return errors.New("there is no answer to take back: it has gone out, or none was given")
	}
	p.printer.print("%s", takenBack(taken))
	return nil
}

// doBatch does a command with all tickets of a flavour, or lists the batches.
func (p *plain) doBatch(ctx context.Context, command command) {
	if p.stage.Info().Batch == (kitchen.Batch{}) {
		p.refuse("%s", errNoBatches)
		return
	}
	paused := pausedWords(p.bench)
	batches := batchesOf(p.stage, p.bench.Tickets(), p.name, paused != "", func(item station.Item) bool {
		_, held := p.pending.find(item.Ticket.TicketID)
		return held
	})
	if command.batch == "" {
		p.listBatches(batches, paused)
		return
	}
	batch, meant := batchOf(batches, command.flavour)
	switch {
	case command.batch == "start" && len(batch.start) == 0:
		p.refuse("%s%s", batch.nothingToStart(paused), meant)
	case command.batch == "start":
		p.sayOfAll(ctx, batch.flavour, batch.start, p.bench.Start)
	case len(batch.finish) == 0:
		p.refuse("%s%s", batch.nothingInHand(), meant)
	case p.piped && command.batch == "done":
		p.sayOfAll(ctx, batch.flavour, batch.finish, p.bench.Done)
	case p.piped:
		p.sayOfAll(ctx, batch.flavour, batch.finish, p.bench.Release)
	case command.batch == "done":
		p.hold(batch.answers(kitchen.AckDone, time.Now().Add(retractableFor))...)
	default:
		p.hold(batch.answers(kitchen.AckReleased, time.Now().Add(retractableFor))...)
	}
}

// batchOf is the batch of a flavour: an empty one, and a question about what may have
// been meant, if there is none.
func batchOf(batches []flavourBatch, flavour string) (batch flavourBatch, meant string) {
	var flavours []string
	for _, batch := range batches {
		if strings.EqualFold(batch.flavour, flavour) {
			return batch, ""
		}
		flavours = append(flavours, batch.flavour)
	}
	return flavourBatch{flavour: flavour}, didYouMean(strings.ToLower(flavour), flavours)
}

// sayOfAll says the same of some tickets; the station's events tell of each of which
// it counts.
func (p *plain) sayOfAll(ctx context.Context, flavour string, items []station.Item, say func(context.Context, string) error) {
	outcome := sayOfAll(ctx, flavour, items, say)
	if ctx.Err() != nil {
		return
	}
	for _, refusal := range outcome.refusals {
		p.refuse("%s", refusal)
	}
}

func (p *plain) listBatches(batches []flavourBatch, paused string) {
	if paused != "" {
		p.printer.print("%s", paused)
	}
	if len(batches) == 0 {
		p.printer.print("No ticket of one flavour alone can be started, and you have none in hand.")
	}
	for _, batch := range batches {
		var words []string
		for _, each := range []string{batch.startWords(), batch.finishWords()} {
			if each != "" {
				words = append(words, each)
			}
		}
		p.printer.print("%s: %s", printable(batch.flavour), strings.Join(words, "; "))
	}
}

// list prints what is here, and whether the station is paused.
func (p *plain) list() {
	if paused := pausedWords(p.bench); paused != "" {
		p.printer.print("%s", paused)
	}
	p.printer.list(p.bench.Tickets(), func(item station.Item) string {
		if held, pending := p.pending.find(item.Ticket.TicketID); pending {
			return held.words() + ": goes out in a moment; takeback takes " + held.withBatch() + " back"
		}
		return standing(item, p.name)
	})
}

// watchFlags shows when the station is paused and goes on, and which orders go
// before others. No event tells that, for it happens to no ticket.
func (p *plain) watchFlags(ctx context.Context) {
	paused, rush := "", map[string]string{}
	for {
		changed := p.bench.Changed()
		if now := pausedWords(p.bench); now != paused {
			paused = now
			p.printer.print("%s", cmp.Or(paused, "The station is not paused any more."))
		}
		before := rush
		rush = map[string]string{}
		for _, item := range p.bench.Tickets() {
			was, known := before[item.Ticket.TicketID]
			rush[item.Ticket.TicketID] = item.Rush
			switch {
			case !known || was == item.Rush: // the whole ticket was shown with it
			case item.Rush == "":
				p.printer.print("%s  does not go before others any more", nameOf(item))
			default:
				p.printer.print("%s  RUSH: %s", nameOf(item), printable(item.Rush))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
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
			return ticketID, nil // the station's error says why nothing can be done to a cancelled one
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
