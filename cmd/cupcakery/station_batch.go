package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// errNoBatches says that a stage has no batches.
var errNoBatches = errors.New("each ticket is work of its own at this station: there are no batches")

// flavourBatch is what can be done at once with the tickets of one flavour.
type flavourBatch struct {
	flavour string
	// start are those that the person may begin together, waiting is how many wait in
	// all: more than may be begun together, perhaps.
	start   []station.Item
	waiting int
	// finish are those that the person has in hand.
	finish []station.Item
}

// batchesOf are the batches of a stage for the person called name, by the rule of the
// boards: a ticket counts if all its lines have one flavour. The flavour that comes
// first in the queue is the first. What isPending has an answer already.
func batchesOf(stage kitchen.Stage, items []station.Item, name string, paused bool, isPending func(station.Item) bool) []flavourBatch {
	limits := stage.Info().Batch
	if limits == (kitchen.Batch{}) {
		return nil
	}
	var batches []flavourBatch
	of := func(flavour string) *flavourBatch {
		i := slices.IndexFunc(batches, func(b flavourBatch) bool { return b.flavour == flavour })
		if i < 0 {
			i = len(batches)
			batches = append(batches, flavourBatch{flavour: flavour})
		}
		return &batches[i]
	}
	for _, item := range items {
		flavour, isOne := onlyFlavour(item.Ticket)
		if !isOne || item.Ticket.Kind != kitchen.TicketMake || item.State != station.Waiting || paused {
			continue
		}
		batch := of(flavour)
		batch.waiting++
		// One that is too large for what is left lets those behind it pass.
		if len(batch.start) < limits.Tickets && piecesOf(batch.start)+item.Ticket.Pieces() <= limits.Pieces {
			batch.start = append(batch.start, item)
		}
	}
	for _, item := range items {
		flavour, isOne := onlyFlavour(item.Ticket)
		if isOne && item.Ticket.Kind == kitchen.TicketMake && isWith(item, name) && !item.Answering && !isPending(item) {
			batch := of(flavour)
			batch.finish = append(batch.finish, item)
		}
	}
	return slices.DeleteFunc(batches, func(b flavourBatch) bool { return len(b.start)+len(b.finish) == 0 })
}

// onlyFlavour is the flavour of all lines of a ticket, if they have one.
func onlyFlavour(ticket kitchen.Ticket) (string, bool) {
	for _, line := range ticket.Lines {
		if line.Flavour != ticket.Lines[0].Flavour {
			return "", false
		}
	}
	if len(ticket.Lines) == 0 {
		return "", false
	}
	return ticket.Lines[0].Flavour, true
}

func piecesOf(items []station.Item) int {
	pieces := 0
	for _, item := range items {
		pieces += item.Ticket.Pieces()
	}
	return pieces
}

// startWords and finishWords tell how much can be begun and ended together; empty if
// nothing can.
func (b flavourBatch) startWords() string {
	switch {
	case len(b.start) == 0:
		return ""
	case len(b.start) < b.waiting:
		return fmt.Sprintf("%d of %s, %s", len(b.start), count(b.waiting, "waiting ticket"), count(piecesOf(b.start), "piece"))
	}
	return fmt.Sprintf("%s, %s", count(b.waiting, "waiting ticket"), count(piecesOf(b.start), "piece"))
}

func (b flavourBatch) finishWords() string {
	if len(b.finish) == 0 {
		return ""
	}
	return fmt.Sprintf("%d in hand, %s", len(b.finish), count(piecesOf(b.finish), "piece"))
}

// nothingToStart says why no ticket of the flavour can be begun.
func (b flavourBatch) nothingToStart(paused string) error {
	if paused != "" {
		return errors.New("nothing is begun here now: " + paused)
	}
	return fmt.Errorf("no ticket that is all %s can be started in a batch here", printable(b.flavour))
}

// nothingInHand says that no ticket of the flavour can be answered.
func (b flavourBatch) nothingInHand() error {
	return fmt.Errorf("you have no ticket in hand that is all %s: start them first", printable(b.flavour))
}

// answers are the same one to each ticket that is in hand of a batch.
func (b flavourBatch) answers(kind kitchen.AckKind, until time.Time) []pendingAnswer {
	var answers []pendingAnswer
	for _, item := range b.finish {
		answers = append(answers, pendingAnswer{item: item, answer: kitchen.Ack{Kind: kind}, until: until, batch: b.flavour})
	}
	return answers
}

// ticketsOf is a number of tickets of a flavour: 4 tickets of lemon.
func ticketsOf(n int, flavour string) string { return count(n, "ticket") + " of " + printable(flavour) }

// batchOutcome is what became of something that was said of several tickets together.
type batchOutcome struct {
	flavour string
	// counted are those of which it counts, refusals why it does not of others.
	counted  []station.Item
	refusals []string
}

// sayOfAll says the same of many tickets, to each on its own, as one person would
// who does one after the other: in the log each is claimed by itself, so the rest goes
// on if somebody else was faster at one of them.
func sayOfAll(ctx context.Context, flavour string, items []station.Item, say func(ctx context.Context, ticketID string) error) batchOutcome {
	errs := make([]error, len(items))
	var said sync.WaitGroup
	for i, item := range items {
		said.Go(func() { errs[i] = say(ctx, item.Ticket.TicketID) })
	}
	said.Wait()
	outcome := batchOutcome{flavour: flavour}
	var reasons []string // in the order in which they came
	codes := map[string][]string{}
	for i, item := range items {
		if errs[i] == nil {
			outcome.counted = append(outcome.counted, item)
			continue
		}
		reason := reasonText(errs[i])
		if codes[reason] == nil {
			reasons = append(reasons, reason)
		}
		codes[reason] = append(codes[reason], nameOf(item))
	}
	for _, reason := range reasons {
		outcome.refusals = append(outcome.refusals, strings.Join(codes[reason], ", ")+"  "+reason)
	}
	return outcome
}
