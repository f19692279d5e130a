package worker

import (
	"context"
	"maps"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// How the newest attempt of a ticket, whose trace the log tells, stops waiting for
// its ack if no ack of its own ends the wait.
const (
	waitReissued  = "reissued"
	waitWithdrawn = "withdrawn"
)

// noAck is the offset of no ack.
const noAck = -1

// sentWithin bounds how long an ack that belongs to a trace waits until the log has
// read the attempt that it answers.
const sentWithin = time.Second

// sentTicket is the newest attempt of a ticket: the span that has sent it, and since
// when it waits for its ack.
type sentTicket struct {
	ref     kitchen.TicketRef
	attempt int
	span    trace.SpanContext
	at      time.Time
	// ended says that it waits no more; by is then the offset of the ack that has
	// ended the wait, negative if none has.
	ended bool
	by    int64
}

// sentTickets are those in the log that belong to a trace, by their ids. Each worker
// finds the same ones there, whichever has issued them.
type sentTickets map[string]*sentTicket

// issued notes an attempt as the log has it.
func (t sentTickets) issued(ticket kitchen.Ticket, m events.Message) {
	if !tracing.IsOn() {
		return
	}
	if makes, isUndo := board.UndoneBy(ticket.TicketID); isUndo {
		t.end(makes, noAck)
	}
	span := events.TraceOf(m)
	if !span.IsSampled() {
		delete(t, ticket.TicketID)
		return
	}
	t[ticket.TicketID] = &sentTicket{ref: ticket.Ref(), attempt: ticket.Attempt, span: span, at: m.Time}
}

// end notes what ends the wait of a ticket's newest attempt.
func (t sentTickets) end(ticketID string, by int64) {
	if sent := t[ticketID]; sent != nil && !sent.ended {
		sent.ended, sent.by = true, by
	}
}

// noteSent notes an attempt as the log has it, and wakes who has waited for it. Acks
// lie in another topic: the one that has ended the attempt may have been read before
// it. The lock is held.
func (l *ticketLog) noteSent(ticket kitchen.Ticket, m events.Message) {
	if !tracing.IsOn() {
		return
	}
	l.sent.issued(ticket, m)
	entry, _ := l.board.Get(ticket.TicketID)
	if hasEnded(ticket.TicketID, entry) && !entry.IssuedAfterEnd || entry.State == kitchen.TicketFailed {
		l.sent.end(ticket.TicketID, entry.Heard.Offset)
	}
	if read := l.awaited[ticket.TicketID]; read != nil {
		close(read)
		delete(l.awaited, ticket.TicketID)
	}
}

// awaitSent waits until the log has read an attempt of a ticket, but not for long: it
// may have been issued before what the log looks back to.
func (l *ticketLog) awaitSent(ctx context.Context, ticketID string, attempt int) {
	ctx, cancel := context.WithTimeout(ctx, sentWithin)
	defer cancel()
	for {
		l.mu.Lock()
		if l.away || l.newestIssued(ticketID) >= max(attempt, 1) {
			l.mu.Unlock()
			return
		}
		read := l.awaited[ticketID]
		if read == nil {
			read = make(chan struct{})
			l.awaited[ticketID] = read
		}
		l.mu.Unlock()
		select {
		case <-read:
		case <-ctx.Done():
			l.mu.Lock()
			if l.awaited[ticketID] == read {
				delete(l.awaited, ticketID) // who waits for it too gives up by itself
			}
			l.mu.Unlock()
			return
		}
	}
}

// forget drops the tickets that are over.
func (t sentTickets) forget(over func(ticketID string) bool) {
	maps.DeleteFunc(t, func(ticketID string, _ *sentTicket) bool { return over(ticketID) })
}

// sentTicket returns the newest attempt of a ticket as the log has it, if it belongs
// to a trace.
func (l *ticketLog) sentTicket(ticketID string) (sentTicket, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent[ticketID]
	if sent == nil {
		return sentTicket{}, false
	}
	return *sent, true
}

// endWait notes that an attempt waits no more, without an ack. It reports whether it
// has waited until now. The log may have read what ends the wait by then.
func (l *ticketLog) endWait(before sentTicket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent[before.ref.TicketID()]
	if sent == nil || !sent.span.Equal(before.span) {
		return !before.ended
	}
	waited := !before.ended && (!sent.ended || sent.by == noAck)
	if !sent.ended {
		sent.ended, sent.by = true, noAck
	}
	return waited
}

// traceWait makes the span of an attempt's wait for its ack, once that is over. It
// belongs to the span that has sent the attempt, and links to what ended it.
func traceWait(sent sentTicket, until time.Time, outcome string, startedAt *time.Time, endedBy trace.SpanContext) {
	if until.Before(sent.at) { // by another clock
		until = sent.at
	}
	_, span := tracing.Start(trace.ContextWithRemoteSpanContext(context.Background(), sent.span), "wait for "+string(sent.ref.Stage),
		trace.WithTimestamp(sent.at), trace.WithLinks(tracing.Links(endedBy)...),
		trace.WithAttributes(tracing.Ticket(sent.ref, sent.attempt)...), trace.WithAttributes(tracing.OutcomeKey.String(outcome)))
	if startedAt != nil && startedAt.After(sent.at) && startedAt.Before(until) {
		span.AddEvent("started", trace.WithTimestamp(*startedAt))
	}
	span.End(trace.WithTimestamp(until))
}

// before returns what a ticket that is about to be issued comes after: its attempt
// before or, if it is an undo ticket, the ticket that it undoes. What belongs to no
// trace is left out.
func (l *ticketLog) before(ticket kitchen.Ticket) (sent sentTicket, known bool) {
	if !tracing.IsOn() {
		return sentTicket{}, false
	}
	sent, known = l.sentTicket(ticket.TicketID)
	if makes, isUndo := board.UndoneBy(ticket.TicketID); isUndo && !known {
		sent, known = l.sentTicket(makes)
	}
	return sent, known
}

// traceIssue links the issue of a ticket to what came before it, whose wait it ends.
func (l *ticketLog) traceIssue(ctx context.Context, ticket kitchen.Ticket, before sentTicket) {
	issue := trace.SpanFromContext(ctx)
	issue.AddLink(trace.Link{SpanContext: before.span})
	outcome := waitReissued
	if before.ref.Kind != ticket.Kind {
		outcome = waitWithdrawn
	}
	if l.endWait(before) {
		traceWait(before, time.Now(), outcome, nil, issue.SpanContext())
	}
}

// startProcess starts the span in which an ack is carried. It belongs to the span
// that has sent the ticket, so that a ticket's attempt has its end in its own trace.
func (c *ackCarrier) startProcess(a queuedAck) (context.Context, trace.Span, sentTicket) {
	if !tracing.IsOn() {
		ctx, span := tracing.Start(a.ctx, "")
		return ctx, span, sentTicket{}
	}
	begun := time.Now()
	var sent sentTicket
	ref, err := kitchen.ParseTicketID(a.ack.TicketID)
	if a.fault == nil && err == nil {
		c.log.awaitCaughtUp(a.ctx)
		_ = c.log.await(a.ctx, partition{a.delivery.Topic, a.delivery.Partition}, a.delivery.Offset, readWithin) // whoever judges the ack hears of it
		// Then its ticket belongs to a trace too. Acks lie in another topic, and may be
		// read first.
		if events.TraceOf(a.delivery.Message).IsSampled() {
			c.log.awaitSent(a.ctx, a.ack.TicketID, a.ack.Attempt)
		}
		sent, _ = c.log.sentTicket(a.ack.TicketID)
	}
	ctx, span := events.StartProcess(a.ctx, a.delivery.Message, events.GroupAcks, sent.span, trace.WithTimestamp(begun))
	if err == nil {
		span.SetAttributes(append(tracing.Ticket(ref, a.ack.Attempt), tracing.AckKey.String(string(a.ack.Kind)))...)
	}
	return ctx, span, sent
}

// endProcess ends it, and the wait if this is the ack that did.
func (c *ackCarrier) endProcess(span trace.Span, a queuedAck, sent sentTicket, result outcome, err error) {
	if !tracing.IsOn() {
		return
	}
	switch {
	case result == outcomePoison:
		tracing.FailAs(span, string(outcomePoison))
	case result != "":
		span.SetAttributes(tracing.OutcomeKey.String(string(result)))
	}
	tracing.Fail(span, err)
	if sent.ended && sent.by == a.delivery.Offset && (result == outcomeCarried || result == outcomeLeft) {
		traceWait(sent, a.delivery.Time, string(a.ack.Kind), a.ack.StartedAt, events.TraceOf(a.delivery.Message))
	}
	span.End()
}

// traceCompletion makes the span of the call that ends a ticket's activity, which the
// SDK's interceptors do not know. That nothing waits for an ack any more is no fault.
func traceCompletion(ctx context.Context, ref kitchen.TicketRef, failure error, complete func(context.Context) error) error {
	if !tracing.IsOn() {
		return complete(ctx)
	}
	operation := "CompleteActivity:"
	if failure != nil {
		operation = "FailActivity:"
	}
	ctx, span := tracing.Start(ctx, operation+ref.ActivityType(), trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	err := complete(ctx)
	if !workflows.IsNotFound(err) {
		tracing.Fail(span, err)
	}
	return err
}
