package station

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
)

// receiveTicket handles a message of the stage's topic. It returns when the
// ticket is known here, which is not before the log of acks is, or when ctx has
// ended. finish may then be called later, from anywhere.
func (s *Station) receiveTicket(ctx context.Context, m events.Message, finish func()) {
	processing, span := events.StartProcess(ctx, m, events.TicketGroup(s.config.Stage), trace.SpanContext{})
	defer span.End()
	// The ticket's context lives for hours, and must not keep what the span has recorded.
	ctx = tracing.Follow(ctx, processing)
	ticket, err := events.DecodeTicket(m)
	switch {
	case err != nil:
		tracing.Fail(span, err)
		s.publishDeadLetter(ctx, m, err.Error(), finish)
		return
	case ticket.Stage != s.config.Stage:
		s.publishDeadLetter(ctx, m, "stage: a ticket of "+string(ticket.Stage)+" is not for the topic of "+string(s.config.Stage), finish)
		return
	}
	if span.IsRecording() {
		span.SetAttributes(tracing.Ticket(ticket.Ref(), ticket.Attempt)...)
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
	before, _ := s.board.Get(ticket.TicketID)
	s.board.AddTicket(ticket, heard)
	d := &delivery{ctx: ctx, finish: finish, issued: heard}
	s.received(ticket.TicketID, d)
	s.dropMadeAnew(ticket)
	if j := s.jobs[ticket.TicketID]; j != nil {
		s.reissue(j, ticket, d)
		now, _ := s.board.Get(ticket.TicketID)
		s.apply(j, causeOfChange(before, now, nil))
		return
	}
	s.offer(ticket, d)
}

// dropMadeAnew takes away what waits of the passes before a ticket's. Its order may
// have heard of the failure of an attempt when the next was out already. The lock is
// held.
func (s *Station) dropMadeAnew(ticket kitchen.Ticket) {
	for ticketID, j := range s.jobs {
		if j.state == Waiting && j.ticket.OrderID == ticket.OrderID && s.board.MadeAnew(ticketID) {
			s.apply(j, cause{input: expired})
		}
	}
}

// received notes where a ticket came from, and makes room in its partition. The
// lock is held.
func (s *Station) received(ticketID string, d *delivery) {
	s.origins[ticketID] = origin{d.ctx, d.issued}
	s.newest[d.issued.Partition] = d.issued.Offset
	for _, j := range s.jobs {
		s.makeRoom(j)
	}
}

// makeRoom finishes the delivery of a job that somebody has in hand, here or
// elsewhere, once many lie behind it: the group takes only so many from the first
// unfinished one on, and work in hand may take hours. The job stays. If this
// station dies, the ticket comes back when it is issued again. The lock is held.
func (s *Station) makeRoom(j *job) {
	owned := j.state == Elsewhere || j.state == contested || j.state.visible() == InHand
	if owned && s.newest[j.delivery.issued.Partition]-j.delivery.issued.Offset >= maxInFlight/2 {
		j.delivery.finish()
	}
}

// offer makes a job of a ticket that is not here yet, unless the log has ended
// it. The lock is held.
func (s *Station) offer(ticket kitchen.Ticket, d *delivery) {
	entry, _ := s.board.Get(ticket.TicketID)
	switch {
	case entry.Withdrawn, entry.State == kitchen.TicketWaiting && s.board.MadeAnew(ticket.TicketID):
		d.finish() // its order was cancelled or is made anew, and has stopped waiting for it
		return
	case entry.Ended() && entry.IssuedAfterEnd:
		s.publishByItself(d.ctx, *entry.Ack, d.finish)
		return
	case entry.Ended(), entry.State == kitchen.TicketFailed, entry.Ticket.Attempt > ticket.Attempt:
		d.finish() // the next attempt lies behind this one, or is on its way, if there is one
		return
	}
	j := &job{lastFailure: entry.LastFailure}
	s.jobs[ticket.TicketID] = j
	s.hold(j, ticket, d)
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

// bringBack makes a job again of a ticket that ended here, if that end was
// refused and its partition is still ours. For the group its delivery is finished;
// since its order still waits for it, it is issued again. The lock is held.
func (s *Station) bringBack(ticketID string) {
	entry, _ := s.board.Get(ticketID)
	from, known := s.origins[ticketID]
	if s.jobs[ticketID] == nil && known && from.ctx.Err() == nil && !entry.Ended() {
		s.offer(entry.Ticket, &delivery{ctx: from.ctx, finish: func() {}, issued: from.issued})
	}
}

// reissue puts a delivery in the place of an earlier one of the same ticket, with
// what it says. Nothing else follows from it. The lock is held.
func (s *Station) reissue(j *job, ticket kitchen.Ticket, d *delivery) {
	if ticket.Attempt < j.ticket.Attempt {
		d.finish()
		return
	}
	j.delivery.end()
	s.hold(j, ticket, d)
	entry, _ := s.board.Get(ticket.TicketID)
	j.lastFailure = entry.LastFailure
	s.change()
	s.decideUndo(j)
}

// hold makes a delivery the one that the job will finish. The lock is held.
func (s *Station) hold(j *job, ticket kitchen.Ticket, d *delivery) {
	j.ticket = ticket
	if ticket.Attempt == 1 {
		j.firstIssued = &d.issued
	}
	j.delivery = d
	d.unwatch = context.AfterFunc(d.ctx, func() {
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
