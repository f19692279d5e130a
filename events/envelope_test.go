package events

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	testOrder  = "0193c0de-7000-7000-8000-000000000001"
	testTicket = testOrder + ".bake.1"
)

func TestTicketEnvelope(t *testing.T) {
	issued := time.Date(2026, 1, 31, 13, 0, 0, 120_000_000, time.FixedZone("", 3600))
	ticket := kitchen.Ticket{TicketID: testTicket, Kind: kitchen.TicketMake, OrderID: testOrder, Stage: kitchen.Bake, Pass: 1, Attempt: 3, IssuedAt: issued}
	message, err := ticketMessage("/cupcakery/worker", ticket)
	require.NoError(t, err)
	assert.Equal(t, "orders-to-bake", message.Topic)
	assert.Equal(t, testOrder, string(message.Key))
	assert.Equal(t, []Header{
		{"ce_specversion", []byte("1.0")},
		{"ce_type", []byte("cupcakery.ticket.v1")},
		{"ce_source", []byte("/cupcakery/worker")},
		{"ce_id", []byte(testTicket + "#3")},
		{"ce_time", []byte("2026-01-31T12:00:00.12Z")},
		{"ce_subject", []byte(testOrder)},
		{"content-type", []byte("application/json")},
	}, message.Headers)
	got, err := DecodeTicket(message)
	require.NoError(t, err)
	got.IssuedAt, ticket.IssuedAt = got.IssuedAt.UTC(), ticket.IssuedAt.UTC()
	assert.Equal(t, ticket, got)
}

func TestAckAndShippedEnvelopes(t *testing.T) {
	ack, err := ackMessage("/bob", kitchen.Ack{TicketID: testTicket, OrderID: testOrder, At: time.Now()})
	require.NoError(t, err)
	assert.Equal(t, TopicAcks, ack.Topic)
	id, _ := ack.Header("ce_id")
	require.NoError(t, uuid.Validate(id))
	shipped, err := shippedMessage("/worker", kitchen.Shipped{OrderID: testOrder, ShippedAt: time.Now()})
	require.NoError(t, err)
	assert.Equal(t, TopicShip, shipped.Topic)
	again, err := shippedMessage("/worker", kitchen.Shipped{OrderID: testOrder, ShippedAt: time.Now()})
	require.NoError(t, err)
	first, _ := shipped.Header("ce_id")
	second, _ := again.Header("ce_id")
	assert.Equal(t, first, second, "a repeated announcement is recognisable")

	// A worker that dies while it tells of an end makes another tell of it, at
	// another time.
	cancelled := kitchen.Failed{OrderID: testOrder, State: kitchen.StateCancelled, At: time.Now()}
	later := cancelled
	later.At = later.At.Add(time.Second)
	assert.Equal(t, failedID(t, cancelled), failedID(t, later))
	cancelled.State, later.State = kitchen.StateNeedsAttention, kitchen.StateNeedsAttention
	assert.NotEqual(t, failedID(t, cancelled), failedID(t, later), "an order may need attention more than once")

	_, err = ackMessage("not a URI reference\n", kitchen.Ack{TicketID: testTicket, OrderID: testOrder, At: time.Now()})
	require.ErrorContains(t, err, "source")
}

func failedID(t *testing.T, failed kitchen.Failed) string {
	t.Helper()
	message, err := failedMessage("/worker", failed)
	require.NoError(t, err)
	id, _ := message.Header("ce_id")
	return id
}

func TestTraceTravelsInTheHeaders(t *testing.T) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true})
	message := Message{Headers: []Header{{"traceparent", []byte("of whoever wrote it before")}, {"other", []byte("kept")}}}
	traceContext.Inject(trace.ContextWithSpanContext(context.Background(), span), headerCarrier{&message})
	assert.Len(t, message.Headers, 2, "the old trace is replaced")
	got := trace.SpanContextFromContext(withTrace(context.Background(), &message))
	assert.Equal(t, span, got)
	assert.ElementsMatch(t, []string{"traceparent", "other"}, headerCarrier{&message}.Keys())

	none := withTrace(context.Background(), &Message{})
	assert.False(t, trace.SpanContextFromContext(none).IsValid())
}

func TestAcksAreReadLeniently(t *testing.T) {
	recorded := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	plain := `{"ticketId":"` + testTicket + `","orderId":"` + testOrder + `","stage":"bake","kind":"done","by":"bob"}`
	for name, message := range map[string]Message{
		"NoHeaders":         {Value: []byte(plain)},
		"UnknownField":      {Value: []byte(strings.Replace(plain, "{", `{"oven":7,`, 1))},
		"TrailingNewline":   {Value: []byte(plain + "\n")},
		"HeadersOfAnother":  {Value: []byte(plain), Headers: []Header{{"ce_type", []byte("something.else")}, {"ce_specversion", []byte("9")}, {"", nil}}},
		"NoKey":             {Value: []byte(plain), Key: nil},
		"AnotherKey":        {Value: []byte(plain), Key: []byte("whatever")},
		"LargeWithinLimits": {Value: []byte(plain + strings.Repeat(" ", MaxMessageBytes-len(plain)))},
	} {
		t.Run(name, func(t *testing.T) {
			message.Time = recorded
			ack, err := DecodeAck(message)
			require.NoError(t, err)
			assert.Equal(t, kitchen.Ack{TicketID: testTicket, OrderID: testOrder, Stage: kitchen.Bake, Kind: kitchen.AckDone, By: "bob", At: recorded}, ack)
		})
	}
}

func TestPoisonIsNamed(t *testing.T) {
	good := kitchen.Ticket{TicketID: testTicket, Kind: kitchen.TicketMake, OrderID: testOrder, Stage: kitchen.Bake, Pass: 1, Attempt: 1}
	changed := func(change func(*kitchen.Ticket)) string {
		ticket := good
		change(&ticket)
		value, err := json.Marshal(ticket)
		require.NoError(t, err)
		return string(value)
	}
	decodeTicket := func(m Message) error { _, err := DecodeTicket(m); return err }
	decodeAck := func(m Message) error { _, err := DecodeAck(m); return err }
	for name, poison := range map[string]struct {
		decode func(Message) error
		value  string
		says   string
	}{
		"EmptyAck":          {decodeAck, "", "the value is empty"},
		"TooLargeAck":       {decodeAck, strings.Repeat(" ", MaxMessageBytes+1), "the value has 65537 bytes, more than the 65536 that are read"},
		"AckOfOtherOrder":   {decodeAck, `{"ticketId":"` + testTicket + `","orderId":"x","stage":"bake","kind":"done","by":"bob"}`, "orderId"},
		"AckNotJSON":        {decodeAck, "done!", ""},
		"TooLargeTicket":    {decodeTicket, strings.Repeat(" ", MaxMessageBytes+1), "more than the 65536"},
		"TicketNotJSON":     {decodeTicket, "[]", "not a ticket"},
		"TicketID":          {decodeTicket, changed(func(k *kitchen.Ticket) { k.TicketID = "1" }), "ticketId"},
		"TicketOfOtherPass": {decodeTicket, changed(func(k *kitchen.Ticket) { k.Pass = 2 }), "pass: 2 is not the pass of ticket"},
		"TicketStage":       {decodeTicket, changed(func(k *kitchen.Ticket) { k.Stage = kitchen.Mix }), `stage: "mix"`},
		"TicketKind":        {decodeTicket, changed(func(k *kitchen.Ticket) { k.Kind = kitchen.TicketUndo }), `kind: "undo"`},
		"TicketOrder":       {decodeTicket, changed(func(k *kitchen.Ticket) { k.OrderID = "x" }), `orderId: "x"`},
		"TicketAttempt":     {decodeTicket, changed(func(k *kitchen.Ticket) { k.Attempt = 0 }), "attempt: 0 must be at least 1"},
	} {
		t.Run(name, func(t *testing.T) {
			message := Message{Topic: "somewhere", Offset: 7, Value: []byte(poison.value), Time: time.Now()}
			err := poison.decode(message)
			var typed *PoisonError
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, message, typed.Message)
			assert.ErrorContains(t, err, poison.says)
		})
	}
}
