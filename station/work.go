package station

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Start takes a ticket in hand. It returns once the log has decided: nil if the
// ticket is ours, a *TakenError if somebody else was first. While Kafka is away
// it tries again until ctx ends. A word that was written although we gave up
// still counts: then the ticket turns out to be in hand a little later.
func (s *Station) Start(ctx context.Context, ticketID string) error {
	s.mu.Lock()
	j, err := s.find(ticketID)
	if err == nil {
		err = s.claim(j)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.start(ctx, j)
}

// find returns the job of a ticket, or why there is none for people. The lock
// is held.
func (s *Station) find(ticketID string) (*job, error) {
	if j := s.jobs[ticketID]; j != nil && !j.hidden {
		return j, nil
	}
	return nil, s.gone(ticketID)
}

// next takes the ticket in hand that has waited longest, undo tickets first, or waits for one until
// waiting ends. What has been found is taken in hand or not before it returns,
// unless ctx ends: a ticket that is started and left lying would have to be
// issued again. over is closed when the ticket is no longer in hand, however
// that comes about.
//
// Without announce nobody is told that it is in hand: for work that is over as
// soon as it begins, whose last word is all there is to say.
func (s *Station) next(waiting, ctx context.Context, announce bool) (item Item, over <-chan struct{}, err error) {
	waiting, stop := s.until(waiting)
	defer stop()
	for {
		j, err := s.claimNext(waiting)
		if err != nil {
			return Item{}, nil, err
		}
		if !announce {
			s.startSilently(j)
		} else if err := s.start(ctx, j); err != nil && ctx.Err() != nil {
			return Item{}, nil, err
		}
		s.mu.Lock()
		item, over = s.item(j), j.over
		s.mu.Unlock()
		if over != nil {
			return item, over, nil
		}
		// Somebody else was first.
	}
}

// claimNext waits for a job that may be started and claims it. Those who wait
// do so one after the other: all at once, each change would wake as many as
// the robot has arms, for one of them to find something.
func (s *Station) claimNext(ctx context.Context) (*job, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	var j *job
	err := s.await(ctx, func() bool {
		j = s.longestWaiting()
		return j != nil && ctx.Err() == nil && s.claim(j) == nil
	})
	return j, err
}

// longestWaiting returns the job that may be started and has the lowest number,
// or nil. Undo tickets come first: until they are undone, somebody keeps what
// nobody wants. The lock is held.
func (s *Station) longestWaiting() *job {
	var longest *job
	for _, j := range s.jobs {
		if s.startable(j) == nil && j.hand == nothing && !j.hidden && (longest == nil || j.before(longest)) {
			longest = j
		}
	}
	return longest
}

// claim keeps others at this station from starting the same job. The lock is
// held. It changes nothing about a job that is in hand.
func (s *Station) claim(j *job) error {
	if err := s.startable(j); err != nil {
		return err
	}
	if j.hand == nothing {
		j.hand = starting
	}
	return nil
}

// startable returns why a job cannot be started here. The lock is held.
func (s *Station) startable(j *job) error {
	switch {
	case j.hand == starting || j.hand == ending:
		return ErrBusy
	case j.elsewhere != nil && j.elsewhere.By != s.config.Name:
		return taken(j.elsewhere)
	}
	return nil
}

// start says started about a job that has been claimed and hears what the log
// makes of it.
func (s *Station) start(ctx context.Context, j *job) error {
	ctx, stop := s.until(ctx)
	defer stop()
	for {
		s.mu.Lock()
		if done, err := s.started(j); done {
			s.mu.Unlock()
			return err
		}
		ack := s.ack(j, kitchen.AckStarted)
		s.mu.Unlock()
		err := s.sayAndHear(ctx, j, ack, func() bool { return j.gone || j.hand != starting || j.heard.Equal(ack.At) })
		s.mu.Lock()
		switch {
		case j.hand == working:
			err = nil
		case j.hand != starting || j.gone:
		case err != nil:
			s.unclaim(j)
		case j.elsewhere != nil:
			err = taken(j.elsewhere)
			s.unclaim(j)
		}
		s.mu.Unlock()
		if err != nil {
			return err
		}
		// Otherwise it is in hand, or gone, or has been issued again before
		// the log had our word: then that counts for nothing, so once more.
	}
}

// startSilently takes a claimed job in hand without a word to the log.
func (s *Station) startSilently(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case j.gone || j.hand != starting: // it was taken away since it was claimed
	case j.elsewhere != nil:
		s.unclaim(j)
	default:
		s.takenUp(j, s.ack(j, kitchen.AckStarted))
	}
}

// started reports whether there is nothing more to say to have the job in
// hand, and the reason if it cannot be. The lock is held.
func (s *Station) started(j *job) (bool, error) {
	switch {
	case j.gone && j.outcome != nil:
		return true, taken(j.outcome)
	case j.gone:
		return true, s.gone(j.ticket.TicketID)
	case j.hand == working:
		return true, nil
	case j.hand != starting:
		if j.elsewhere != nil {
			return true, taken(j.elsewhere)
		}
		return true, ErrNotHere
	}
	return false, nil
}

// unclaim gives up starting a job. The lock is held.
func (s *Station) unclaim(j *job) {
	j.hand = nothing
	if j.lost {
		s.lose(j)
	}
	s.change()
}

// Done says that a ticket's work is done. For an undo ticket that is undone,
// with as many pieces scrapped as Item.ToScrap tells. It returns once the log
// has it: nil if the work counts as ours, a *TakenError if somebody else was
// first, a *WithdrawnError if the order was cancelled. While Kafka is away it
// tries again until ctx ends, and the ticket stays in hand.
func (s *Station) Done(ctx context.Context, ticketID string) error {
	return s.answer(ctx, ticketID, func(item Item, ack *kitchen.Ack) {
		ack.Kind = kitchen.AckDone
		if item.Ticket.Kind == kitchen.TicketUndo {
			ack.Kind = kitchen.AckUndone
			ack.Scrapped = item.ToScrap()
		}
	})
}

// Undone is Done for an undo ticket, with a word on what became of its pieces.
func (s *Station) Undone(ctx context.Context, ticketID string, scrapped int, note string) error {
	return s.answer(ctx, ticketID, func(_ Item, ack *kitchen.Ack) {
		ack.Kind, ack.Scrapped, ack.Note = kitchen.AckUndone, scrapped, note
	})
}

// Fail says that a ticket's work failed, why, and how many pieces had to be
// thrown away. What happens then is for the order to decide; for an undo
// ticket, a manager is asked. Otherwise it is like Done.
func (s *Station) Fail(ctx context.Context, ticketID, reason, note string, scrapped int) error {
	return s.answer(ctx, ticketID, func(_ Item, ack *kitchen.Ack) {
		ack.Kind, ack.Reason, ack.Note, ack.Scrapped = kitchen.AckFailed, reason, note, scrapped
	})
}

// answer says the last word about a ticket in hand and hears what the log makes
// of it.
func (s *Station) answer(ctx context.Context, ticketID string, complete func(Item, *kitchen.Ack)) error {
	ctx, stop := s.until(ctx)
	defer stop()
	s.mu.Lock()
	var ack kitchen.Ack
	j, err := s.find(ticketID)
	if err == nil {
		ack, err = s.lastWord(j, complete)
	}
	if err == nil {
		j.hand = ending
		s.change()
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = s.sayAndHear(ctx, j, ack, func() bool { return j.gone })
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !j.gone:
		s.takeBack(j)
		return err
	case j.outcome == nil:
		return s.gone(ticketID)
	case j.outcome.By == ack.By && j.outcome.Kind == ack.Kind && j.outcome.SaidAt().Equal(ack.At):
		return nil
	}
	return taken(j.outcome)
}

// takeBack leaves a job in hand whose last word has not reached the log, unless
// its order has been cancelled meanwhile. The lock is held.
func (s *Station) takeBack(j *job) {
	j.hand = working
	if j.elsewhere != nil {
		j.drop()
	}
	undoID, _ := board.UndoOf(j.ticket.TicketID)
	if undo := s.jobs[undoID]; undo != nil {
		s.takeUndo(undo)
	}
	if entry, _ := s.board.Get(j.ticket.TicketID); entry.Withdrawn && !j.gone {
		s.withdraw(j, nil)
	}
	s.change()
}

// lastWord makes the ack that ends a job. The lock is held.
func (s *Station) lastWord(j *job, complete func(Item, *kitchen.Ack)) (kitchen.Ack, error) {
	switch {
	case j.hand == starting || j.hand == ending:
		return kitchen.Ack{}, ErrBusy
	case j.hand != working && j.elsewhere != nil && j.elsewhere.By != s.config.Name:
		return kitchen.Ack{}, taken(j.elsewhere)
	case j.hand != working:
		return kitchen.Ack{}, ErrNotStarted
	}
	ack := s.ack(j, "")
	startedAt := j.startedAt
	ack.StartedAt = &startedAt
	complete(s.item(j), &ack)
	if err := ack.Check(); err != nil {
		return kitchen.Ack{}, fmt.Errorf("this answer cannot be given: %w", err)
	}
	if err := j.ticket.CheckScrapped(ack.Scrapped); err != nil {
		return kitchen.Ack{}, fmt.Errorf("this answer cannot be given: scrapped: %w", err)
	}
	return ack, nil
}

// ack is what this station says about a job. The lock is held.
func (s *Station) ack(j *job, kind kitchen.AckKind) kitchen.Ack {
	return kitchen.Ack{
		At:       time.Now().UTC(),
		Attempt:  j.ticket.Attempt,
		By:       s.config.Name,
		Kind:     kind,
		OrderID:  j.ticket.OrderID,
		Stage:    j.ticket.Stage,
		TicketID: j.ticket.TicketID,
	}
}

// sayAndHear publishes an ack about a job and waits until the log has told what
// there is to know, which is asked with the lock held.
func (s *Station) sayAndHear(ctx context.Context, j *job, ack kitchen.Ack, known func() bool) error {
	complained := false
	err := s.say(ctx, ack, func(err error) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if known() {
			return false // Kafka has taken it without saying so, or somebody was first
		}
		if !complained {
			complained = true
			s.observe(Event{Kind: Unsent, Item: s.item(j), Was: j.state(), Err: err})
		}
		return true
	})
	if err == nil {
		err = s.await(ctx, known)
	}
	if err != nil && errors.Is(context.Cause(ctx), ErrStopped) {
		return ErrStopped
	}
	return err
}

// await waits until the condition holds, which is asked after every change
// with the lock held.
func (s *Station) await(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		if condition() {
			s.mu.Unlock()
			return nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}
