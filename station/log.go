package station

import (
	"context"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// sourceHeader is the CloudEvents header that tells who wrote an ack.
const sourceHeader = "ce_source"

// hear handles a message of the log of acks. One that cannot be understood is
// for the workers to put aside.
func (s *Station) hear(m events.Message) {
	ack, err := events.DecodeAck(m)
	source, _ := m.Header(sourceHeader)
	own := source == s.source
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := board.HeardFrom(m, s.reading.Elapsed())
	if err != nil || ack.Stage != s.config.Stage {
		s.board.Note(heard) // every record tells how far back the log was read
		return
	}
	s.board.AddAck(ack, heard)
	if j := s.jobs[ack.TicketID]; j != nil {
		if own {
			j.heard = ack.SaidAt()
			defer s.change()
		}
		s.settle(j, ack, own)
		if j.hidden && !j.gone {
			s.takeUndo(j)
		}
	} else if _, numbered := s.numbers[ack.TicketID]; numbered {
		s.change()
	}
	s.hearOfCounterpart(ack)
}

// settle does what the log's newest ack means for a job. The lock is held.
//
// A job exists only while its ticket is open, so if the ticket has ended, this
// ack has ended it.
func (s *Station) settle(j *job, ack kitchen.Ack, own bool) {
	entry, _ := s.board.Get(ack.TicketID)
	switch {
	case entry.Ended():
		s.answered(j, entry.Ack, own)
	case own && ack.Kind == kitchen.AckFailed:
		// Also when the ticket was issued again meanwhile: whichever attempt
		// is open, the failure ends it.
		s.answered(j, &ack, true)
	case entry.State == kitchen.TicketFailed && entry.Attempt >= j.ticket.Attempt:
		s.answered(j, entry.Ack, own)
	case entry.State == kitchen.TicketWaiting && ack.Kind == kitchen.AckFailed && ack.Attempt == 0:
		// The log alone does not tell whether it is of the attempt that is here
		// or of one before. It has just come, so it ends the one that is here.
		s.answered(j, &ack, own)
	case entry.State != kitchen.TicketStarted || ack.Kind != kitchen.AckStarted:
	case entry.By != s.config.Name:
		s.startedElsewhere(j, entry.Ack)
	case ack.By != s.config.Name || (ack.Attempt != 0 && ack.Attempt < entry.Attempt):
		// Somebody came second, or speaks of an attempt that is over.
	case own:
		s.takenUp(j, ack)
	default:
		// Somebody of our name, at another station, and later than we.
		s.startedElsewhere(j, &ack)
	}
}

// answered removes a job that the log has ended. The lock is held.
func (s *Station) answered(j *job, by *kitchen.Ack, mine bool) {
	item := s.item(j)
	j.outcome = by
	s.remove(j)
	s.observe(Event{Kind: Answered, Item: item, Was: item.State, Ack: by, Mine: mine})
}

// takenUp puts a job into our hands. The lock is held.
func (s *Station) takenUp(j *job, started kitchen.Ack) {
	j.elsewhere = nil
	if j.hand == working || j.hand == ending {
		return
	}
	was := j.state()
	j.hand = working
	j.over = make(chan struct{})
	if j.startedAt.IsZero() {
		j.startedAt = started.At
	}
	s.observe(Event{Kind: TakenUp, Item: s.item(j), Was: was})
}

// startedElsewhere notes that the log gives a job to somebody else. What is on
// its way to the log is left to the log. The lock is held.
func (s *Station) startedElsewhere(j *job, started *kitchen.Ack) {
	if j.elsewhere != nil && *j.elsewhere == *started {
		return
	}
	was := j.state()
	j.elsewhere = started
	if j.hand == working {
		j.drop()
	}
	s.observe(Event{Kind: StartedElsewhere, Item: s.item(j), Was: was, Ack: started})
	if j.lost {
		s.lose(j)
	}
}

// repeat says a ticket's last ack once more, word for word, and then finishes
// the delivery that asked again. The lock may be held.
func (s *Station) repeat(ctx context.Context, ack kitchen.Ack, finish func()) {
	s.background.Go(func() {
		ctx, stop := s.until(ctx)
		defer stop()
		if s.say(ctx, ack, byItself) == nil {
			finish()
		}
	})
}

// startAgain says started for a newer attempt of a ticket that is in hand.
func (s *Station) startAgain(j job) {
	ack := s.ack(&j, kitchen.AckStarted)
	s.background.Go(func() {
		// If the station stops before, the attempt is as good as abandoned.
		_ = s.say(s.ctx, ack, byItself)
	})
}

// bury puts a message that is no ticket of ours into the dead letters.
func (s *Station) bury(ctx context.Context, m events.Message, reason string, finish func()) {
	// The reason may tell an order's id, so it goes to the dead letter only.
	logger := s.config.Logger.With("topic", m.Topic, "partition", m.Partition, "offset", m.Offset)
	for wait := retryAtFirst; ; wait = min(2*wait, retryAtMost) {
		err := s.publisher.PublishDeadLetter(ctx, m, reason)
		if err == nil {
			logger.WarnContext(ctx, "A message that is no ticket of this stage went to the dead letters")
			finish()
			return
		}
		if wait == retryAtFirst {
			logger.WarnContext(ctx, "A dead letter could not be written; it is tried again", "error", err)
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// say publishes an ack, again and again until Kafka has it, ctx ends, or goOn,
// which is asked after each failure, says no.
func (s *Station) say(ctx context.Context, ack kitchen.Ack, goOn func(error) bool) error {
	for wait := retryAtFirst; ; wait = min(2*wait, retryAtMost) {
		err := s.publisher.PublishAck(ctx, ack)
		if err == nil || (ctx.Err() == nil && !goOn(err)) {
			return nil
		}
		if !pause(ctx, wait) {
			return err
		}
	}
}

// byItself is the goOn of what a station says without being asked.
func byItself(error) bool { return true }

// until is ctx, but ends with the station.
func (s *Station) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { cancel(ErrStopped) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// pause waits for d and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
