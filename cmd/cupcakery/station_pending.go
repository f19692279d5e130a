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

const (
	// retractableFor is how long an answer waits before it is sent, so that a slip
	// of the finger can be taken back. An ack in Kafka cannot. The boards' pages
	// wait as long.
	retractableFor = 5 * time.Second
	// sentWithin is how long whoever leaves waits for Kafka to take the answers that
	// waited.
	sentWithin = 10 * time.Second
)

// pendingAnswer is an answer to a ticket that was given and is not sent yet.
type pendingAnswer struct {
	item station.Item
	// answer has what the person has said; the station makes an ack of it.
	answer kitchen.Ack
	until  time.Time
	// batch is the flavour of the tickets that were answered together with this one, at
	// the same time, and are taken back with it; empty for an answer to one ticket.
	batch string
}

// check returns why an answer cannot be given: whoever is told so only when it is
// sent has turned to something else.
func (p pendingAnswer) check() error {
	if faults := p.answer.CheckRemarks(); len(faults) > 0 {
		return fmt.Errorf("this answer cannot be given: %s: %s", strings.TrimPrefix(faults[0].Pointer, "/"), faults[0].Detail)
	}
	if err := p.item.Ticket.CheckScrapped(p.answer.Scrapped); err != nil {
		return errors.New("this answer cannot be given: scrapped: " + err.Error()) // whole: reasonText shows what is innermost
	}
	return nil
}

func (p pendingAnswer) send(ctx context.Context, bench *station.Station) error {
	ticketID, answer := p.item.Ticket.TicketID, p.answer
	switch answer.Kind {
	case kitchen.AckReleased:
		return bench.Release(ctx, ticketID)
	case kitchen.AckUndone:
		return bench.Undone(ctx, ticketID, answer.Scrapped, answer.Note)
	case kitchen.AckFailed:
		return bench.Fail(ctx, ticketID, answer.Reason, answer.Note, answer.Scrapped)
	}
	return bench.Done(ctx, ticketID)
}

// words are what the answer says, for people.
func (p pendingAnswer) words() string {
	if p.answer.Kind == kitchen.AckReleased {
		return "put back"
	}
	return outcome(&p.answer)
}

// withBatch are the words for how much is taken back with the answer.
func (p pendingAnswer) withBatch() string {
	if p.batch != "" {
		return "the batch"
	}
	return "it"
}

// isWith reports whether two answers are taken back together.
func (p pendingAnswer) isWith(other pendingAnswer) bool {
	return p.item.Ticket.TicketID == other.item.Ticket.TicketID || p.batch != "" && p.batch == other.batch && p.until.Equal(other.until)
}

// takenBack tells that answers which were given together were taken back.
func takenBack(taken []pendingAnswer) string {
	if first := taken[0]; len(taken) == 1 {
		return nameOf(first.item) + "  " + first.words() + ": taken back; you still have it in hand"
	}
	return ticketsOf(len(taken), taken[0].batch) + "  " + taken[0].words() + ": taken back; you still have them in hand"
}

// errHeld says that a ticket has an answer that waits.
var errHeld = errors.New("you have just answered this: take that back first")

// pendingAnswers are those of one person, the oldest first. They are safe for
// concurrent use.
type pendingAnswers struct {
	mu      sync.Mutex
	answers []pendingAnswer
}

func (p *pendingAnswers) add(answers ...pendingAnswer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = append(p.answers, answers...)
}

// find returns the answer to a ticket that waits.
func (p *pendingAnswers) find(ticketID string) (pendingAnswer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.answers, func(a pendingAnswer) bool { return a.item.Ticket.TicketID == ticketID })
	if i < 0 {
		return pendingAnswer{}, false
	}
	return p.answers[i], true
}

// answerable returns why an answer to a ticket by the person called name would be
// refused, as far as is known here. The station, which knows more, has the last word.
func (p *pendingAnswers) answerable(item station.Item, name string) error {
	switch _, held := p.find(item.Ticket.TicketID); {
	case held:
		return errHeld
	case item.Answering:
		return station.ErrBusy
	case isWith(item, name):
		return nil
	case item.State == station.Elsewhere:
		return &station.TakenError{By: item.By, Kind: kitchen.AckStarted, At: item.StartedAt}
	}
	return station.ErrNotStarted
}

// takeBack takes away the answer to a ticket, with its whole batch; none if no answer
// to it waits.
func (p *pendingAnswers) takeBack(ticketID string) []pendingAnswer {
	held, found := p.find(ticketID)
	if !found {
		return nil
	}
	return p.takeAway(held.isWith)
}

// last is the answer that was given last.
func (p *pendingAnswers) last() (pendingAnswer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.answers) == 0 {
		return pendingAnswer{}, false
	}
	return p.answers[len(p.answers)-1], true
}

// due takes away the answers that have waited long enough.
func (p *pendingAnswers) due(now time.Time) []pendingAnswer {
	return p.takeAway(func(a pendingAnswer) bool { return !a.until.After(now) })
}

// all takes all of them away.
func (p *pendingAnswers) all() []pendingAnswer {
	return p.takeAway(func(pendingAnswer) bool { return true })
}

// drop forgets the answers to tickets that are not in the person's hand any more:
// the order was cancelled, or somebody has taken the ticket over.
func (p *pendingAnswers) drop(isYours func(ticketID string) bool) {
	p.takeAway(func(a pendingAnswer) bool { return !isYours(a.item.Ticket.TicketID) })
}

func (p *pendingAnswers) takeAway(which func(pendingAnswer) bool) []pendingAnswer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var taken, kept []pendingAnswer
	for _, answer := range p.answers {
		if which(answer) {
			taken = append(taken, answer)
		} else {
			kept = append(kept, answer)
		}
	}
	p.answers = kept
	return taken
}

// sendAll sends what waits, for somebody who leaves, and shows what cannot be sent.
func (p *pendingAnswers) sendAll(ctx context.Context, bench *station.Station, show func(pendingAnswer, error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sentWithin)
	defer cancel()
	for _, answer := range p.all() {
		if err := answer.send(ctx, bench); err != nil {
			show(answer, err)
		}
	}
}
