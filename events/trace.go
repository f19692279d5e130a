package events

import (
	"context"
	"slices"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
)

// This file covers W3C Trace Context in Kafka's headers (traceparent, tracestate),
// whether tracing is on or not, and OpenTelemetry's conventions for messaging
// (semconv 1.43, "Development"): a message has a span send, of kind producer, whose
// context travels in it, and a span process, of kind consumer, which links to that.
// messaging.kafka.message.key and messaging.message.id are left out: they have the
// order's id.

// TraceOf is the span that has sent a message; invalid if the message does not tell.
func TraceOf(m Message) trace.SpanContext {
	return trace.SpanContextFromContext(withTrace(context.Background(), &m))
}

// StartProcess starts the span in which a member of a group processes a message. ctx
// is that of its delivery. The span belongs to parent, or to a trace of its own if
// parent is invalid; either way it links to the span that has sent the message.
func StartProcess(ctx context.Context, m Message, group string, parent trace.SpanContext, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if !tracing.IsOn() {
		return tracing.Start(ctx, "")
	}
	sent := trace.SpanContextFromContext(ctx)
	options = append(options,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			semconv.MessagingSystemKafka,
			semconv.MessagingOperationTypeProcess,
			semconv.MessagingOperationName("process"),
			semconv.MessagingDestinationName(m.Topic),
			semconv.MessagingDestinationPartitionID(strconv.Itoa(m.Partition)),
			semconv.MessagingKafkaOffset(int(m.Offset)),
			semconv.MessagingConsumerGroupName(group)))
	if !sent.Equal(parent) {
		options = append(options, trace.WithLinks(tracing.Links(sent)...))
	}
	return tracing.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "process "+m.Topic, options...)
}

// startSend starts the span in which a message is sent.
func (w *Writer) startSend(ctx context.Context, topic string, about []attribute.KeyValue) (context.Context, trace.Span) {
	if !tracing.IsOn() {
		return tracing.Start(ctx, "")
	}
	return tracing.Start(ctx, "send "+topic,
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(
			semconv.MessagingSystemKafka,
			semconv.MessagingOperationTypeSend,
			semconv.MessagingOperationName("send"),
			semconv.MessagingDestinationName(topic),
			semconv.MessagingClientID(w.client.connection.clientID())),
		trace.WithAttributes(about...))
}

// aboutTicket and aboutAck are what the span of a message tells about what is in it.
func aboutTicket(ticket kitchen.Ticket) []attribute.KeyValue {
	if !tracing.IsOn() {
		return nil
	}
	return tracing.Ticket(ticket.Ref(), ticket.Attempt)
}

func aboutAck(ack kitchen.Ack) []attribute.KeyValue {
	if !tracing.IsOn() {
		return nil
	}
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if err != nil {
		return nil
	}
	return append(tracing.Ticket(ref, ack.Attempt), tracing.AckKey.String(string(ack.Kind)))
}

// withTrace returns ctx as part of the trace that the message belongs to.
func withTrace(ctx context.Context, m *Message) context.Context {
	return tracing.Context.Extract(ctx, headerCarrier{m})
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
