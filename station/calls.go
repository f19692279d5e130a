package station

import (
	"context"
	"fmt"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Start claims a ticket. It returns once the log has decided: nil if the ticket
// is in hand here, a *TakenError if somebody else was first. While Kafka is away
// it tries again until ctx ends. An ack that was written although we gave up
// still counts: then the ticket turns out to be in hand a little later.
func (s *Station) Start(ctx context.Context, ticketID string) error {
	s.mu.Lock()
	j, err := s.find(ticketID)
	if err == nil {
		err = s.mayBegin(j)
	}
	if err == nil {
		err = s.claim(j)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.publishClaim(ctx, j, false)
}

// TakeOver claims a ticket from whoever has it elsewhere; they are told at once.
// It is meant for an owner who is silent (Item.Silent), but no clock decides: it
// counts while they are still the owner when the log has it. If somebody else has
// got the ticket by then, that is a *TakenError. Otherwise it is like Start.
func (s *Station) TakeOver(ctx context.Context, ticketID string) error {
	s.mu.Lock()
	j, err := s.find(ticketID)
	if err == nil {
		err = s.mayBegin(j)
	}
	switch {
	case err != nil:
	case j.isBusy():
		err = ErrBusy
	default:
		s.apply(j, cause{input: claimBegun})
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.publishClaim(ctx, j, true)
}

// Release puts a ticket back that is in hand here, or at another station of the
// same name: it waits again. It returns once the log has it: nil, a *TakenError if
// somebody else has it or has ended it by then, a *WithdrawnError if the order was
// cancelled. While Kafka is away it tries again until ctx ends.
func (s *Station) Release(ctx context.Context, ticketID string) error {
	ctx, stop := s.until(ctx)
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(ticketID)
	if err == nil {
		err = s.answerable(j)
	}
	if err != nil {
		return err
	}
	j.releasing++
	defer func() { j.releasing-- }()
	var ack kitchen.Ack
	s.mu.Unlock()
	err = s.await(ctx, func() bool {
		ack = s.newAck(j, kitchen.AckReleased)
		return j.renewing == 0
	})
	if err == nil {
		err = s.publishAndAwait(ctx, j, ack, func() bool { return s.answerable(j) != nil || j.hasShown(ack) })
	}
	s.mu.Lock()
	switch {
	case j.hasShown(ack) && j.shownDid == board.Released:
		return nil
	case j.endedBy != nil:
		return takenBy(j.endedBy)
	case j.state == closed:
		return s.absence(ticketID)
	case err != nil:
		return err
	}
	return s.answerable(j)
}

// find returns the job of a ticket, or an error for people if there is none.
// The lock is held.
func (s *Station) find(ticketID string) (*job, error) {
	if j := s.jobs[ticketID]; j != nil && j.state.visible() != "" {
		return j, nil
	}
	return nil, s.absence(ticketID)
}

// claim keeps others at this station from starting the same job. It changes
// nothing about a job that is in hand. The lock is held.
func (s *Station) claim(j *job) error {
	if err := s.claimable(j); err != nil {
		return err
	}
	s.apply(j, cause{input: claimBegun})
	return nil
}

// Paused tells who has paused the station, if somebody has.
func (s *Station) Paused() (kitchen.Flag, bool) {
	return s.flags.Get(kitchen.FlagPaused, string(s.config.Stage))
}

// mayBegin returns a *PausedError for a job that nobody of our name has in hand, while
// the station is paused. The lock is held.
func (s *Station) mayBegin(j *job) error {
	flag, paused := s.Paused()
	if ours := j.state.visible() == InHand || j.state == Elsewhere && j.owner.By == s.config.Name; !paused || ours {
		return nil
	}
	return &PausedError{flag.By, flag.Reason}
}

// claimable returns why a job cannot be started here. The lock is held.
func (s *Station) claimable(j *job) error {
	switch {
	case j.isBusy():
		return ErrBusy
	case j.state == Elsewhere && j.owner.By != s.config.Name:
		return takenBy(j.owner)
	}
	return nil
}

// answerable returns why a job cannot be ended or put back from here. What
// somebody of our name has in hand at another station can. The lock is held.
func (s *Station) answerable(j *job) error {
	if err := s.claimable(j); err != nil {
		return err
	}
	if j.state != InHand && j.state != Elsewhere {
		return ErrNotStarted
	}
	return nil
}

// publishClaim publishes started for a job that has been claimed and returns
// what the log makes of it. With takeOver it is taken from its owner, if it has
// one.
func (s *Station) publishClaim(ctx context.Context, j *job, takeOver bool) error {
	ctx, stop := s.until(ctx)
	defer stop()
	for {
		s.mu.Lock()
		if !j.state.isClaimed() {
			err := s.claimResult(j)
			s.mu.Unlock()
			return err
		}
		ack := s.newAck(j, kitchen.AckStarted)
		if takeOver && j.owner != nil && j.owner.By != ack.By {
			ack.TakeOver, ack.From = true, j.owner.By
		}
		s.mu.Unlock()
		err := s.publishAndAwait(ctx, j, ack, func() bool {
			return !j.state.isClaimed() || j.hasShown(ack) || ack.TakeOver && (j.owner == nil || j.owner.By != ack.From)
		})
		s.mu.Lock()
		if err == nil && j.state == contested {
			err = takenBy(j.owner)
		}
		if err != nil && j.state.isClaimed() {
			s.apply(j, cause{input: claimDropped})
			s.mu.Unlock()
			return err
		}
		s.mu.Unlock()
		// Otherwise the log has decided, or whom it was to be taken from has put
		// it back before the log had our ack, which then counts for nothing: claim
		// again.
	}
}

// claimResult returns nil if a job is in hand after a claim, and otherwise why
// it is not. The lock is held.
func (s *Station) claimResult(j *job) error {
	switch {
	case j.endedBy != nil:
		return takenBy(j.endedBy)
	case j.state == closed:
		return s.absence(j.ticket.TicketID)
	case j.state.visible() == InHand:
		return nil
	case j.state == Elsewhere:
		return takenBy(j.owner)
	}
	return ErrNotHere
}

// startNext claims the ticket that comes first: see Tickets. If none
// waits it takes one over whose owner is silent, or waits for one until waiting
// ends. Whether it is in hand is decided before it returns, unless ctx ends: a
// ticket that is started and left lying would have to be issued again. over is
// closed when the ticket is no longer in hand, however that comes about.
//
// Without announce no started is published for what nobody has: for work that is
// over as soon as it begins, about which the final ack is all there is to say.
func (s *Station) startNext(waiting, ctx context.Context, announce bool) (item Item, over <-chan struct{}, err error) {
	waiting, stop := s.until(waiting)
	defer stop()
	for {
		j, takesOver, err := s.claimNext(waiting)
		if err != nil {
			return Item{}, nil, err
		}
		if !announce && !takesOver {
			s.startSilently(j)
		} else if err := s.publishClaim(ctx, j, takesOver); err != nil && ctx.Err() != nil {
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

// claimNext waits for a job that may be started and claims it. If nothing waits,
// that is one whose owner elsewhere is silent: then it is taken over. Those who
// wait do so one after the other: all at once, each change would wake as many as
// the robot has arms, for one of them to find something.
func (s *Station) claimNext(ctx context.Context) (j *job, takesOver bool, err error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	err = s.await(ctx, func() bool {
		j = s.oldest(func(j *job) bool {
			return (j.state == Waiting || j.state == Elsewhere) && s.claimable(j) == nil && s.mayBegin(j) == nil
		})
		if takesOver = j == nil; takesOver {
			j = s.oldest(func(j *job) bool { return j.state == Elsewhere && j.silent && !j.isBusy() && s.mayBegin(j) == nil })
		}
		if j == nil || ctx.Err() != nil {
			return false
		}
		s.apply(j, cause{input: claimBegun})
		return true
	})
	return j, takesOver, err
}

// oldest returns the job that comes first of those that suit, or nil. The lock is
// held.
func (s *Station) oldest(suits func(*job) bool) *job {
	var oldest *job
	for _, j := range s.jobs {
		if suits(j) && (oldest == nil || s.compare(j, oldest) < 0) {
			oldest = j
		}
	}
	return oldest
}

// startSilently starts a claimed job without an ack.
func (s *Station) startSilently(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case j.state == claiming, j.state == contested && j.owner.By == s.config.Name:
		ack := s.newAck(j, kitchen.AckStarted)
		s.apply(j, cause{input: ownedHere, ack: &ack, own: true, unannounced: true})
	case j.state == contested:
		s.apply(j, cause{input: claimDropped})
	}
}

// Done answers that a ticket's work is done, which is in hand here or at another
// station of the same name. For an undo ticket that is undone,
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

// Undone is Done for an undo ticket, with a note on what became of its pieces.
func (s *Station) Undone(ctx context.Context, ticketID string, scrapped int, note string) error {
	return s.answer(ctx, ticketID, func(_ Item, ack *kitchen.Ack) {
		ack.Kind, ack.Scrapped, ack.Note = kitchen.AckUndone, scrapped, note
	})
}

// Fail answers that a ticket's work failed, why, and how many pieces had to be
// thrown away. What happens then is for the order to decide; for an undo
// ticket, a manager is asked. Otherwise it is like Done.
func (s *Station) Fail(ctx context.Context, ticketID, reason, note string, scrapped int) error {
	return s.answer(ctx, ticketID, func(_ Item, ack *kitchen.Ack) {
		ack.Kind, ack.Reason, ack.Note, ack.Scrapped = kitchen.AckFailed, reason, note, scrapped
	})
}

// answer publishes the final ack about a ticket in hand and returns what the
// log makes of it.
func (s *Station) answer(ctx context.Context, ticketID string, complete func(Item, *kitchen.Ack)) error {
	ctx, stop := s.until(ctx)
	defer stop()
	s.mu.Lock()
	var ack kitchen.Ack
	j, err := s.find(ticketID)
	if err == nil {
		ack, err = s.finalAck(j, complete)
	}
	if err == nil {
		s.apply(j, cause{input: answerBegun})
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = s.publishAndAwait(ctx, j, ack, func() bool { return j.state == closed || j.hasShown(ack) })
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case j.state != closed:
		s.dropAnswer(j)
		if err == nil { // it did not count: the ticket is not ours any more
			err = s.answerable(j)
		}
		return err
	case j.endedBy == nil:
		return s.absence(ticketID)
	case j.endedBy.By == ack.By && j.endedBy.Kind == ack.Kind && j.endedBy.SaidAt().Equal(ack.At):
		return nil
	}
	return takenBy(j.endedBy)
}

// finalAck makes the ack that ends a job. The lock is held.
func (s *Station) finalAck(j *job, complete func(Item, *kitchen.Ack)) (kitchen.Ack, error) {
	if err := s.answerable(j); err != nil {
		return kitchen.Ack{}, err
	}
	ack, item := s.newAck(j, ""), s.item(j)
	ack.StartedAt = &item.StartedAt
	complete(item, &ack)
	if err := ack.Check(); err != nil {
		return kitchen.Ack{}, fmt.Errorf("this answer cannot be given: %w", err)
	}
	if err := j.ticket.CheckScrapped(ack.Scrapped); err != nil {
		return kitchen.Ack{}, fmt.Errorf("this answer cannot be given: scrapped: %w", err)
	}
	return ack, nil
}
