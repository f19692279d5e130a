package worker

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Tickets and acks lie in topics of their own, so the log may read a ticket's end
// before the ticket. The span of the wait was missing then, or the ack's lay in no
// trace of the ticket.
func TestTheWaitIsTracedThoughItsEndIsReadFirst(t *testing.T) {
	const attempt1, attempt2, theAck = "00-0000000000000000000000000000000a-000000000000000a-01", "00-0000000000000000000000000000000b-000000000000000b-01", "00-0000000000000000000000000000000c-000000000000000c-01"
	for name, test := range map[string]struct {
		before  bool // an attempt before has failed
		carried bool // before the log reads the ticket
	}{
		"AndThenTheTicketBeforeItIsCarried":      {},
		"AndCarriedBeforeTheTicketIsRead":        {carried: true},
		"OfTheSecondAttempt":                     {before: true},
		"OfTheSecondAttemptAndCarriedBeforehand": {before: true, carried: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				recorded := tracetest.NewInMemoryExporter()
				tracing.Use(sdktrace.NewTracerProvider(sdktrace.WithSyncer(recorded)))
				defer tracing.Use(nil)
				s := newScribe(t)
				s.begin()
				s.setCaughtUp()
				s.patience = time.Now() // nobody reads what is paused
				queue := newTestQueue(atOnce{}, &desk{log: s})
				queue.carrier.log = s.ticketLog

				attempt, sentBy := 1, attempt1
				if test.before {
					s.handle(ticketInTrace(t, s, attempt, sentBy))
					s.ack(mix(1), kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Attempt, a.Reason = 1, "burnt" })
					attempt, sentBy = 2, attempt2
				}
				ack := s.ack(mix(1), kitchen.AckDone, "bob", func(a *kitchen.Ack) { a.Attempt, a.StartedAt = attempt, new(s.now) })
				ack.delivery.Message.Headers = []events.Header{{Key: "traceparent", Value: []byte(theAck)}}
				carried := make(chan error, 1)
				carry := func() { carried <- queue.carrier.carry(ack) }
				if test.carried {
					go carry()
					synctest.Wait()
				}
				s.handle(ticketInTrace(t, s, attempt, sentBy))
				if !test.carried {
					carry()
				}
				require.NoError(t, <-carried)

				parents := map[string]string{}
				for _, span := range recorded.GetSpans() {
					parents[span.Name] = span.Parent.SpanID().String()
				}
				require.Equal(t, sentBy[36:52], parents["process station-acks"])
				require.Equal(t, sentBy[36:52], parents["wait for mix"])
			})
		})
	}
}

// ticketInTrace is a ticket as Kafka has it.
func ticketInTrace(t *testing.T, s *scribe, attempt int, traceparent string) events.Message {
	t.Helper()
	ref := mix(1)
	value, err := json.Marshal(kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt,
		Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 1}}, IssuedAt: s.now, AckBy: s.now.Add(20 * time.Minute),
	})
	require.NoError(t, err)
	m := events.Message{
		Topic: events.TicketTopic(ref.Stage), Offset: s.ticket, Time: s.now, Appended: true, Key: []byte(ref.OrderID), Value: value,
		Headers: []events.Header{{Key: "traceparent", Value: []byte(traceparent)}},
	}
	s.ticket++
	return m
}
