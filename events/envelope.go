package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"

	"github.com/cupcakery/cupcakery/kitchen"
)

// This file covers CloudEvents 1.0 in Kafka's binary mode (attributes as ce_*
// headers, the data as the value) and W3C Trace Context (traceparent,
// tracestate). Reading asks for none of it: a bare JSON value is a message.

// The CloudEvents types of the factory's messages.
const (
	TypeTicket  = "cupcakery.ticket.v1"
	TypeAck     = "cupcakery.ack.v1"
	TypeShipped = "cupcakery.order.shipped.v1"
	TypeFailed  = "cupcakery.order.failed.v1"
)

// MaxMessageBytes is the largest value that is read as a ticket or an ack.
const MaxMessageBytes = 64 << 10

const jsonContent = "application/json"

var traceContext = propagation.TraceContext{}

// DecodeTicket reads a ticket. Its error is a PoisonError.
func DecodeTicket(m Message) (kitchen.Ticket, error) {
	if err := checkSize(m); err != nil {
		return kitchen.Ticket{}, err
	}
	var ticket kitchen.Ticket
	if err := json.Unmarshal(m.Value, &ticket); err != nil {
		return kitchen.Ticket{}, &PoisonError{m, fmt.Errorf("not a ticket: %w", err)}
	}
	if err := ticket.Check(); err != nil {
		return kitchen.Ticket{}, &PoisonError{m, err}
	}
	return ticket, nil
}

// DecodeAck reads an ack, leniently: headers and fields that it does not know
// do not matter, and an ack that does not say when it was given was given when
// the record was made. Its error is a PoisonError.
func DecodeAck(m Message) (kitchen.Ack, error) {
	if err := checkSize(m); err != nil {
		return kitchen.Ack{}, err
	}
	ack, err := kitchen.ParseAck(m.Value, m.Time)
	if err != nil {
		return kitchen.Ack{}, &PoisonError{m, err}
	}
	return ack, nil
}

func checkSize(m Message) error {
	switch size := len(m.Value); {
	case size == 0:
		return &PoisonError{m, errors.New("the value is empty")}
	case size > MaxMessageBytes:
		return &PoisonError{m, fmt.Errorf("the value has %d bytes, more than the %d that are read", size, MaxMessageBytes)}
	}
	return nil
}

func ticketMessage(source string, ticket kitchen.Ticket) (Message, error) {
	id := ticket.TicketID + "#" + strconv.Itoa(ticket.Attempt)
	return newMessage(TicketTopic(ticket.Stage), source, TypeTicket, id, ticket.OrderID, ticket.IssuedAt, ticket)
}

func ackMessage(source string, ack kitchen.Ack) (Message, error) {
	return newMessage(TopicAcks, source, TypeAck, uuid.NewString(), ack.OrderID, ack.At, ack)
}

func shippedMessage(source string, shipped kitchen.Shipped) (Message, error) {
	return newMessage(TopicShip, source, TypeShipped, shipped.OrderID+"#shipped", shipped.OrderID, shipped.ShippedAt, shipped)
}

func failedMessage(source string, failed kitchen.Failed) (Message, error) {
	id := failed.OrderID + "#" + string(failed.State)
	if failed.State != kitchen.StateCancelled {
		// One order may need attention more than once; it ends once, however
		// often a worker that dies meanwhile makes another say so.
		id += "#" + failed.At.UTC().Format(time.RFC3339Nano)
	}
	return newMessage(TopicFailures, source, TypeFailed, id, failed.OrderID, failed.At, failed)
}

func newMessage(topic, source, eventType, id, orderID string, at time.Time, data any) (Message, error) {
	value, err := json.Marshal(data)
	if err != nil {
		return Message{}, fmt.Errorf("encode %s %q: %w", eventType, id, err)
	}
	envelope := event.New(event.CloudEventsVersionV1)
	envelope.SetDataContentType(jsonContent)
	envelope.SetID(id)
	envelope.SetSource(source)
	envelope.SetSubject(orderID)
	envelope.SetTime(at.UTC())
	envelope.SetType(eventType)
	if err := envelope.Validate(); err != nil {
		return Message{}, fmt.Errorf("envelope of %s %q: %w", eventType, id, err)
	}
	return Message{Topic: topic, Key: []byte(orderID), Value: value, Headers: envelopeHeaders(envelope)}, nil
}

func envelopeHeaders(envelope event.Event) []Header {
	return []Header{
		{"ce_specversion", []byte(envelope.SpecVersion())},
		{"ce_type", []byte(envelope.Type())},
		{"ce_source", []byte(envelope.Source())},
		{"ce_id", []byte(envelope.ID())},
		{"ce_time", []byte(envelope.Time().Format(time.RFC3339Nano))},
		{"ce_subject", []byte(envelope.Subject())},
		{"content-type", []byte(envelope.DataContentType())},
	}
}

// headerCarrier lets OpenTelemetry read and write the headers of a message.
type headerCarrier struct{ message *Message }

// Get implements propagation.TextMapCarrier.
func (c headerCarrier) Get(key string) string {
	value, _ := c.message.Header(key)
	return value
}

// Set implements propagation.TextMapCarrier.
func (c headerCarrier) Set(key, value string) {
	headers := slices.DeleteFunc(slices.Clone(c.message.Headers), func(header Header) bool { return header.Key == key })
	c.message.Headers = append(headers, Header{key, []byte(value)})
}

// Keys implements propagation.TextMapCarrier.
func (c headerCarrier) Keys() []string {
	keys := make([]string, len(c.message.Headers))
	for i, header := range c.message.Headers {
		keys[i] = header.Key
	}
	return keys
}

// withTrace returns ctx as part of the trace that the message belongs to.
func withTrace(ctx context.Context, m *Message) context.Context {
	return traceContext.Extract(ctx, headerCarrier{m})
}
