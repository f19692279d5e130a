package station

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// tracedPublisher keeps which span each ack belongs to.
type tracedPublisher struct {
	fakePublisher
	mu    sync.Mutex
	spans map[kitchen.AckKind]trace.SpanContext
}

// PublishAck implements publisher.
func (p *tracedPublisher) PublishAck(ctx context.Context, ack kitchen.Ack) error {
	p.mu.Lock()
	p.spans[ack.Kind] = trace.SpanContextFromContext(ctx)
	p.mu.Unlock()
	return p.fakePublisher.PublishAck(ctx, ack)
}

// A station without tracing hands the trace of a ticket on with its acks, whoever
// gives them, and whatever the station says by itself.
func TestAcksHandOnTheTraceOfTheirTicket(t *testing.T) {
	t.Parallel()
	log, s := newLog(t, "bob")
	published := &tracedPublisher{fakePublisher: fakePublisher{log, s.source}, spans: map[kitchen.AckKind]trace.SpanContext{}}
	s.publisher = published
	deliver := func(ticket kitchen.Ticket, span byte) trace.SpanContext {
		value, err := json.Marshal(ticket)
		require.NoError(t, err)
		sent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{span}, SpanID: trace.SpanID{span}, Remote: true})
		s.receiveTicket(trace.ContextWithRemoteSpanContext(t.Context(), sent),
			log.dated(events.Message{Topic: events.TicketTopic(kitchen.Bake), Offset: int64(span), Key: []byte(ticket.OrderID), Value: value}), func() {})
		return sent
	}
	ticket := newTicket(t)
	sent := deliver(ticket, 1)
	s.expect(Offered)
	s.start(ticket)
	require.NoError(t, s.Done(t.Context(), ticket.TicketID))
	s.expect(Answered)

	waiting := newTicket(t)
	deliver(waiting, 2)
	s.expect(Offered)
	undo := waiting
	undo.Kind = kitchen.TicketUndo
	undo.TicketID = undo.Ref().TicketID()
	sentUndo := deliver(undo, 3)
	s.expect(Withdrawn)
	s.background.Wait()

	published.mu.Lock()
	defer published.mu.Unlock()
	require.Equal(t, map[kitchen.AckKind]trace.SpanContext{kitchen.AckStarted: sent, kitchen.AckDone: sent, kitchen.AckUndone: sentUndo}, published.spans)
}
