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

// sendTo makes answers go out at a station.
func sendTo(bench *station.Station) func(context.Context, pendingAnswer) error {
	return func(ctx context.Context, p pendingAnswer) error { return p.send(ctx, bench) }
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

// errNotTaken says that an answer was waited for in vain.
var errNotTaken = fmt.Errorf("it was not taken by Kafka in %s", ageText(sentWithin))

// pendingAnswers are those of one person, the oldest first. They are safe for
// concurrent use.
type pendingAnswers struct {
	// deliver sends one.
	deliver func(context.Context, pendingAnswer) error
	// sending ends when Kafka is not waited for any more. Leaving does not end it: what
	// somebody has said must not get lost because they quit as it went out.
	sending context.Context
	giveUp  context.CancelFunc

	mu      sync.Mutex
	answers []pendingAnswer
	// isDue are those that cannot be taken back any more, until they are sent.
	isDue []pendingAnswer
	// leaving is set once whoever sends an answer may have nobody to tell of its fault:
	// unsent has those that failed since.
	leaving  bool
	unsent   []unsentAnswer
	underWay sync.WaitGroup
}

type unsentAnswer struct {
	answer pendingAnswer
	err    error
}

func newPendingAnswers(deliver func(context.Context, pendingAnswer) error) *pendingAnswers {
	p := &pendingAnswers{deliver: deliver}
	p.sending, p.giveUp = context.WithCancel(context.Background())
	return p
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

// due returns the answers that have waited long enough. They are to be sent; nobody
// can take them back any more.
func (p *pendingAnswers) due(now time.Time) []pendingAnswer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var due []pendingAnswer
	due, p.answers = split(p.answers, func(a pendingAnswer) bool { return !a.until.After(now) })
	p.isDue = append(p.isDue, due...)
	return due
}

// send sends an answer that is due, unless that was begun already.
func (p *pendingAnswers) send(answer pendingAnswer) error {
	if !p.begin(answer) {
		return nil
	}
	defer p.underWay.Done()
	err := p.deliver(p.sending, answer)
	if errors.Is(err, context.Canceled) {
		err = errNotTaken
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && p.leaving {
		p.unsent = append(p.unsent, unsentAnswer{answer, err})
		return nil
	}
	return err
}

func (p *pendingAnswers) begin(answer pendingAnswer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	isMeant := func(a pendingAnswer) bool { return a.item.Ticket.TicketID == answer.item.Ticket.TicketID }
	meant, others := split(p.isDue, isMeant)
	if p.isDue = others; len(meant) == 0 {
		return false
	}
	p.underWay.Add(1)
	return true
}

// sendAll sends what waits, for somebody who leaves, and shows what was not sent by
// the time that nobody waits for any more.
func (p *pendingAnswers) sendAll(show func(pendingAnswer, error)) {
	defer p.giveUp()
	defer time.AfterFunc(sentWithin, p.giveUp).Stop()
	p.mu.Lock()
	p.leaving = true
	p.isDue, p.answers = append(p.isDue, p.answers...), nil
	rest := slices.Clone(p.isDue)
	p.mu.Unlock()
	for _, answer := range rest {
		_ = p.send(answer) // it is among the unsent
	}
	p.underWay.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, unsent := range p.unsent {
		show(unsent.answer, unsent.err)
	}
}

// drop forgets the answers to tickets that are not in the person's hand any more:
// the order was cancelled, or somebody has taken the ticket over.
func (p *pendingAnswers) drop(isYours func(ticketID string) bool) {
	p.takeAway(func(a pendingAnswer) bool { return !isYours(a.item.Ticket.TicketID) })
}

func (p *pendingAnswers) takeAway(which func(pendingAnswer) bool) (taken []pendingAnswer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken, p.answers = split(p.answers, which)
	return taken
}

func split(answers []pendingAnswer, which func(pendingAnswer) bool) (taken, kept []pendingAnswer) {
	for _, answer := range answers {
		if which(answer) {
			taken = append(taken, answer)
		} else {
			kept = append(kept, answer)
		}
	}
	return taken, kept
}
