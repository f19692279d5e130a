package tracing

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope is the instrumentation scope of every span.
const scope = "github.com/cupcakery/cupcakery"

// Context carries spans between processes: W3C Trace Context, and no baggage.
var Context = propagation.TraceContext{}

// tracer makes the process's spans; nil for none.
var tracer atomic.Pointer[trace.Tracer]

// Use has provider make the process's spans from now on; nil ends that.
func Use(provider trace.TracerProvider) {
	if provider == nil {
		tracer.Store(nil)
		return
	}
	t := provider.Tracer(scope)
	tracer.Store(&t)
}

// IsOn reports whether spans are made. Ask before anything is computed for one.
func IsOn() bool { return tracer.Load() != nil }

// Start starts a span. While tracing is off ctx stays as it is, so that a trace that
// it belongs to is still passed on.
func Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	t := tracer.Load()
	if t == nil {
		return ctx, noop.Span{}
	}
	return (*t).Start(ctx, name, options...)
}

// Follow returns ctx as part of the trace that other belongs to, if it does.
func Follow(ctx, other context.Context) context.Context {
	if followed := trace.SpanContextFromContext(other); followed.IsValid() {
		return trace.ContextWithSpanContext(ctx, followed)
	}
	return ctx
}

// Links are links to those of the spans that there are.
func Links(spans ...trace.SpanContext) []trace.Link {
	var links []trace.Link
	for _, span := range spans {
		if span.IsValid() {
			links = append(links, trace.Link{SpanContext: span})
		}
	}
	return links
}

// Fail marks a span as failed if err is not nil. It tells the type of the error
// only: see the package's comment.
func Fail(span trace.Span, err error) {
	if err == nil || !span.IsRecording() {
		return
	}
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(err) {
		err = cause
	}
	FailAs(span, fmt.Sprintf("%T", err))
}

// FailAs marks a span as failed, for a reason that is one of a few.
func FailAs(span trace.Span, reason string) {
	span.SetStatus(codes.Error, "")
	span.SetAttributes(attribute.String(string(semconv.ErrorTypeKey), reason))
}
