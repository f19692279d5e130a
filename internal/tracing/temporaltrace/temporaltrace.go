// Package temporaltrace carries traces through Temporal, on the SDK's own tracing
// interceptor, which knows that an activity that stays pending has not failed.
//
// A workflow makes no spans: it only hands on, in the headers of its activities, the
// span that started it. So nothing about spans can differ when a history is replayed,
// no span stays open as long as an order, and headers are all that changes in a
// history.
//
//	client   StartWorkflow, StartWorkflowUpdate, ... : children of the request's span
//	workflow (none)
//	activity RunActivity: a trace of its own for each attempt, linked to the span that
//	         started the workflow and to the change that led to it, if one did
package temporaltrace

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdktracing "go.temporal.io/sdk/interceptor/tracing"
	"go.temporal.io/sdk/workflow"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// headerKey is where Temporal's SDKs for OpenTelemetry, of all languages, put the
	// span.
	headerKey = "_tracer-data"
	// causeKey is the same for the change that led to an activity.
	causeKey = "cupcakery-cause"
)

// InstallClient has a client's calls be part of the traces of those who make them,
// if tracing is on.
func InstallClient(options *client.Options) {
	if tracing.IsOn() {
		forClients, _ := sdktracing.NewTracingInterceptor(tracer{}, workflowTracer{})
		options.Interceptors = append(options.Interceptors, forClients)
	}
}

// Worker returns the interceptors of a worker, none if tracing is off.
func Worker() []interceptor.WorkerInterceptor {
	if !tracing.IsOn() {
		return nil
	}
	_, forWorkers := sdktracing.NewTracingInterceptor(tracer{}, workflowTracer{})
	return []interceptor.WorkerInterceptor{forWorkers, &causes{}}
}

// common is what both tracers have in common. A span is known by its context.
type common struct{ sdktracing.BaseTracer }

// UnmarshalSpan implements tracing.Tracer.
func (common) UnmarshalSpan(data map[string]string) (sdktracing.TracerSpanRef, error) {
	span := trace.SpanContextFromContext(tracing.Context.Extract(context.Background(), propagation.MapCarrier(data)))
	if !span.IsValid() {
		return nil, nil //nolint:nilnil // that is how the SDK has it: no span, and no fault
	}
	return span, nil
}

// MarshalSpan implements tracing.Tracer.
func (common) MarshalSpan(ref sdktracing.TracerSpanRef) (map[string]string, error) {
	data := propagation.MapCarrier{}
	tracing.Context.Inject(trace.ContextWithSpanContext(context.Background(), contextOf(ref)), data)
	return data, nil
}

// contextOf is the span that the SDK hands back to us; invalid for none.
func contextOf(ref sdktracing.TracerSpanRef) trace.SpanContext {
	switch ref := ref.(type) {
	case span:
		return ref.SpanContext()
	case trace.SpanContext:
		return ref
	}
	return trace.SpanContext{}
}

// span is one that the SDK ends.
type span struct{ trace.Span }

// Finish implements tracing.TracerSpan.
func (s span) Finish(options *sdktracing.TracerFinishSpanOptions) {
	tracing.Fail(s.Span, options.Error)
	s.End()
}

// tracer traces clients and activities.
type tracer struct{ common }

// Options implements tracing.Tracer.
func (tracer) Options() sdktracing.TracerOptions {
	return sdktracing.TracerOptions{HeaderKey: headerKey, AddTemporalSpans: true, AllowInvalidParentSpans: true}
}

// SpanFromContext implements tracing.Tracer.
func (tracer) SpanFromContext(ctx context.Context) sdktracing.TracerSpanRef {
	if current := trace.SpanContextFromContext(ctx); current.IsValid() {
		return current
	}
	return nil
}

// ContextWithSpan implements tracing.Tracer.
func (tracer) ContextWithSpan(ctx context.Context, ref sdktracing.TracerSpanRef) context.Context {
	switch ref := ref.(type) {
	case span:
		return trace.ContextWithSpan(ctx, ref.Span)
	case trace.SpanContext:
		return trace.ContextWithSpanContext(ctx, ref)
	}
	return ctx
}

// CreateSpan implements tracing.Tracer. Calls that belong to no request, such as the
// API's own questions about orders, get no span.
func (t tracer) CreateSpan(ctx context.Context, options *sdktracing.TracerStartSpanOptions) sdktracing.TracerSpan {
	parent := contextOf(options.Parent)
	if options.Operation == "RunActivity" {
		_, run := tracing.Start(ctx, t.SpanName(options), trace.WithNewRoot(),
			trace.WithLinks(tracing.Links(parent, causeOf(ctx))...), trace.WithAttributes(aboutActivity(ctx)...))
		return span{run}
	}
	if !parent.IsValid() {
		return span{noop.Span{}}
	}
	attributes := []attribute.KeyValue{}
	if orderID, err := kitchen.OrderIDFromWorkflowID(options.Tags["temporalWorkflowID"]); err == nil {
		attributes = append(attributes, tracing.Order(orderID))
	}
	_, call := tracing.Start(trace.ContextWithSpanContext(ctx, parent), t.SpanName(options),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return span{call}
}

// aboutActivity names an activity's run and, if it issues a ticket, the ticket. The
// ticket's attempt may be another than the activity's: see the span that sends it.
func aboutActivity(ctx context.Context) []attribute.KeyValue {
	info := activity.GetInfo(ctx)
	attributes := []attribute.KeyValue{
		attribute.String("temporalRunID", info.WorkflowExecution.RunID),
		attribute.Int("cupcakery.activity.attempt", int(info.Attempt)),
	}
	orderID, err := kitchen.OrderIDFromWorkflowID(info.WorkflowExecution.ID)
	if err != nil {
		return attributes
	}
	ref, err := kitchen.ParseActivityID(info.ActivityID)
	if err != nil {
		return append(attributes, tracing.Order(orderID))
	}
	ref.OrderID = orderID
	return append(attributes, tracing.Ticket(ref, 0)...)
}

// workflowTracer hands on what it finds.
type workflowTracer struct{ common }

type spanKey struct{}

// Options implements tracing.WorkflowTracer.
func (workflowTracer) Options() sdktracing.TracerOptions {
	return sdktracing.TracerOptions{HeaderKey: headerKey, AllowInvalidParentSpans: true}
}

// SpanFromContext implements tracing.WorkflowTracer.
func (workflowTracer) SpanFromContext(ctx workflow.Context) sdktracing.TracerSpanRef {
	return ctx.Value(spanKey{})
}

// ContextWithSpan implements tracing.WorkflowTracer.
func (workflowTracer) ContextWithSpan(ctx workflow.Context, ref sdktracing.TracerSpanRef) workflow.Context {
	return workflow.WithValue(ctx, spanKey{}, ref)
}

// CreateSpan implements tracing.WorkflowTracer. It is not called, by its options.
func (workflowTracer) CreateSpan(workflow.Context, *sdktracing.TracerStartSpanOptions) sdktracing.TracerSpan {
	return span{noop.Span{}}
}

// causes hands the span of an order's last change on to the activities that come
// after it: an undo ticket has the request that cancelled its order. An amendment
// leads to no ticket. A new run does not know the changes of the one before.
type causes struct {
	interceptor.WorkerInterceptorBase
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (*causes) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &causesIn{cause: &cause{}}
	in.Next = next
	return in
}

// cause is the last change's span, as it came in a header; nil for none.
type cause struct{ payload *commonpb.Payload }

type causesIn struct {
	interceptor.WorkflowInboundInterceptorBase
	cause *cause
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (i *causesIn) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	out := &causesOut{cause: i.cause}
	out.Next = outbound
	return i.Next.Init(out)
}

// ExecuteUpdate implements interceptor.WorkflowInboundInterceptor.
func (i *causesIn) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	if payload := interceptor.WorkflowHeader(ctx)[headerKey]; payload != nil && in.Name != workflows.UpdateAmend {
		i.cause.payload = payload
	}
	return i.Next.ExecuteUpdate(ctx, in)
}

type causesOut struct {
	interceptor.WorkflowOutboundInterceptorBase
	cause *cause
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (o *causesOut) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	if o.cause.payload != nil {
		interceptor.WorkflowHeader(ctx)[causeKey] = o.cause.payload
	}
	return o.Next.ExecuteActivity(ctx, activityType, args...)
}

// causeOf is the change that led to the activity of ctx.
func causeOf(ctx context.Context) trace.SpanContext {
	var data map[string]string
	payload := interceptor.Header(ctx)[causeKey]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &data) != nil {
		return trace.SpanContext{}
	}
	ref, _ := common{}.UnmarshalSpan(data)
	return contextOf(ref)
}
