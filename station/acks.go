package station

import (
	"context"
	"errors"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
)

// sourceHeader is the CloudEvents header that names who published an ack.
const sourceHeader = "ce_source"

// receiveAck handles a message of the log of acks. One that cannot be understood
// is for the workers to put aside.
func (s *Station) receiveAck(m events.Message) {
	var ack kitchen.Ack
	ours := events.MayBeAckOf(m, s.config.Stage)
	if ours {
		var err error
		ack, err = events.DecodeAck(m)
		ours = err == nil && ack.Stage == s.config.Stage
	}
	source, _ := m.Header(sourceHeader)
	own := source == s.source
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := board.HeardFrom(m, s.reading.Elapsed())
	if !ours {
		s.board.Note(heard) // every record tells how far back the log was read
		return
	}
	before, _ := s.board.Get(ack.TicketID)
	effect := s.board.AddAck(ack, heard)
	if j := s.jobs[ack.TicketID]; j != nil {
		if own && !isRenewal(ack) && !j.hasShown(ack) {
			j.shown, j.shownDid = ack, effect
		}
		c := causeOfAck(effect, ack, s.config.Name, own)
		if effect == board.Refused {
			now, _ := s.board.Get(ack.TicketID)
			c = causeOfChange(before, now, &ack)
		}
		s.apply(j, c)
		j.silent = s.ownerIsSilent(j)
		s.change() // also if only the time at which somebody was heard of has changed
		s.decideUndo(j)
	} else if _, numbered := s.numbers[ack.TicketID]; numbered {
		s.change()
	}
	s.applyToCounterpart(ack)
	if effect == board.Refused {
		s.bringBack(ack.TicketID)
		if undoes, ok := board.UndoneBy(ack.TicketID); ok {
			s.bringBack(undoes)
		}
	}
}

// isRenewal reports whether a started only says that somebody is still at work:
// it tells when the work began.
func isRenewal(ack kitchen.Ack) bool { return ack.Kind == kitchen.AckStarted && ack.StartedAt != nil }

// newAck returns an ack of this station about a job. The lock is held.
func (s *Station) newAck(j *job, kind kitchen.AckKind) kitchen.Ack {
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

// publish publishes an ack, again and again until Kafka has it, ctx ends, or
// goOn, which is asked after each failure, says no. first is true after the
// first one. The ack belongs to the trace of the delivery that it answers.
func (s *Station) publish(ctx context.Context, ack kitchen.Ack, goOn func(err error, first bool) bool) error {
	s.mu.Lock()
	if from, known := s.origins[ack.TicketID]; known {
		ctx = tracing.Follow(ctx, from.ctx)
	}
	s.mu.Unlock()
	for backoff := newBackoff(); ; {
		err := s.publisher.PublishAck(ctx, ack)
		if err == nil {
			s.metrics.acks.WithLabelValues(string(ack.Kind)).Inc()
		}
		if err == nil || (ctx.Err() == nil && !goOn(err, backoff.IsFresh())) {
			return nil
		}
		if !backoff.Wait(ctx) {
			return err
		}
	}
}

// publishAndAwait publishes an ack about a job and waits until the log has
// decided, which is asked with the lock held.
func (s *Station) publishAndAwait(ctx context.Context, j *job, ack kitchen.Ack, decided func() bool) error {
	err := s.publish(ctx, ack, func(err error, first bool) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if decided() {
			return false // Kafka has taken it without confirming, or somebody was first
		}
		if first {
			s.observe(Event{Kind: Unsent, Item: s.item(j), Was: j.state.visible(), Err: err})
		}
		return true
	})
	if err == nil {
		err = s.await(ctx, decided)
	}
	if err != nil && errors.Is(context.Cause(ctx), ErrStopped) {
		return ErrStopped
	}
	return err
}

// publishByItself publishes an ack without being asked, and then calls finish. If
// ctx or the station ends before, the ticket is issued or delivered again. The
// lock may be held.
func (s *Station) publishByItself(ctx context.Context, ack kitchen.Ack, finish func()) {
	s.background.Go(func() {
		ctx, stop := s.until(ctx)
		defer stop()
		if s.publish(ctx, ack, func(error, bool) bool { return true }) == nil {
			finish()
		}
	})
}

// until is ctx, but ends with the station.
func (s *Station) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { cancel(ErrStopped) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
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
