package station

import (
	"context"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
)

// receiveTicket handles a message of the stage's topic. It returns when the
// ticket is known here, which is not before the log of acks is, or when ctx has
// ended. finish may then be called later, from anywhere.
func (s *Station) receiveTicket(ctx context.Context, m events.Message, finish func()) {
	ticket, err := events.DecodeTicket(m)
	switch {
	case err != nil:
		s.publishDeadLetter(ctx, m, err.Error(), finish)
		return
	case ticket.Stage != s.config.Stage:
		s.publishDeadLetter(ctx, m, "stage: a ticket of "+string(ticket.Stage)+" is not for the topic of "+string(s.config.Stage), finish)
		return
	}
	select {
	case <-s.caughtUp:
	case <-ctx.Done():
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	heard := board.HeardFrom(m, s.reading.Elapsed())
	if s.board.TooOld(heard) {
		s.config.Logger.WarnContext(ctx, "A ticket is older than what was read of the acks; it is not offered, and is issued again if it is open",
			"pickup_code", ticket.PickupCode, "appended_at", m.Time, "topic", m.Topic, "partition", m.Partition, "offset", m.Offset)
		finish()
		return
	}
	s.board.AddTicket(ticket, heard)
	if j := s.jobs[ticket.TicketID]; j != nil {
		s.reissue(ctx, j, ticket, heard, finish)
		return
	}
	s.offer(ctx, ticket, heard, finish)
}

// offer makes a job of a ticket that is not here yet, unless the log has ended
// it. The lock is held.
func (s *Station) offer(ctx context.Context, ticket kitchen.Ticket, issued board.Heard, finish func()) {
	entry, _ := s.board.Get(ticket.TicketID)
	switch {
	case entry.Withdrawn:
		finish() // its order was cancelled and has stopped waiting for it
		return
	case entry.Ended():
		s.publishByItself(ctx, *entry.Ack, finish)
		return
	case entry.State == kitchen.TicketFailed, entry.Ticket.Attempt > ticket.Attempt:
		finish() // the next attempt lies behind this one, or is on its way
		return
	}
	j := &job{lastFailure: entry.LastFailure}
	s.jobs[ticket.TicketID] = j
	s.hold(ctx, j, ticket, issued, finish)
	if entry.State == kitchen.TicketStarted {
		j.owner = entry.Ack
	}
	if undoes, ok := board.UndoneBy(ticket.TicketID); ok {
		j.undoes = undoes
		s.apply(j, cause{input: undoDelivered})
		s.decideUndo(j)
		return
	}
	s.apply(j, causeOfOffer(j.owner))
}

// reissue puts a delivery in the place of an earlier one of the same ticket.
// The lock is held.
func (s *Station) reissue(ctx context.Context, j *job, ticket kitchen.Ticket, issued board.Heard, finish func()) {
	if ticket.Attempt < j.ticket.Attempt {
		finish()
		return
	}
	newer := ticket.Attempt > j.ticket.Attempt
	j.delivery.end()
	s.hold(ctx, j, ticket, issued, finish)
	if !newer {
		return
	}
	entry, _ := s.board.Get(ticket.TicketID)
	j.lastFailure = entry.LastFailure
	s.apply(j, causeOfReissue(entry, s.config.Name))
	s.decideUndo(j)
}

// hold makes a delivery the one that the job will finish. The lock is held.
func (s *Station) hold(ctx context.Context, j *job, ticket kitchen.Ticket, issued board.Heard, finish func()) {
	j.ticket = ticket
	if ticket.Attempt == 1 {
		j.firstIssued = &issued
	}
	j.expires = issued.After + max(s.config.AckWithin, ticket.AckWithin()) + reissueGrace
	d := &delivery{ctx: ctx, finish: finish}
	j.delivery = d
	d.unwatch = context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if j.delivery == d {
			s.apply(j, cause{input: partitionLost})
		}
	})
}

// publishDeadLetter puts a message that is no ticket of ours into the dead
// letters.
func (s *Station) publishDeadLetter(ctx context.Context, m events.Message, reason string, finish func()) {
	// The reason may contain an order's id, so it goes to the dead letter only.
	logger := s.config.Logger.With("topic", m.Topic, "partition", m.Partition, "offset", m.Offset)
	for backoff := newBackoff(); ; {
		err := s.publisher.PublishDeadLetter(ctx, m, reason)
		if err == nil {
			logger.WarnContext(ctx, "A message that is no ticket of this stage went to the dead letters")
			finish()
			return
		}
		if backoff.IsFresh() {
			logger.WarnContext(ctx, "A dead letter could not be written; it is tried again", "error", err)
		}
		if !backoff.Wait(ctx) {
			return
		}
	}
}

func newBackoff() *retry.Backoff { return retry.NewBackoff(retryAtFirst, retryAtMost) }
