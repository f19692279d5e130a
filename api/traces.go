package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/cupcakery/cupcakery/internal/tracing"
)

// trace makes the span of a request. Requests for files and probes have none, nor
// live connections, which may last for hours. It tells the request's route and never
// its address, which may have an order's id.
//
// A request goes on with a trace only if a trusted proxy says so: anybody else could
// join somebody's trace, or have all that they do recorded.
func (s *Server) trace(c *gin.Context) {
	if !tracing.IsOn() || !strings.HasPrefix(c.FullPath(), "/api/") || c.FullPath() == "/api/v1/live" {
		return
	}
	ctx := c.Request.Context()
	if s.trusts(readAddress(c.Request.RemoteAddr)) {
		ctx = tracing.Context.Extract(ctx, propagation.HeaderCarrier(c.Request.Header))
	}
	ctx, span := tracing.Start(ctx, c.Request.Method+" "+c.FullPath(), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		semconv.HTTPRequestMethodKey.String(c.Request.Method),
		semconv.HTTPRoute(c.FullPath())))
	defer span.End()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
	status := c.Writer.Status()
	span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		tracing.FailAs(span, http.StatusText(status))
	}
}

// traceOrder names the order that a request is about.
func traceOrder(ctx context.Context, orderID string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(tracing.Order(orderID))
	}
}
