// Package export sends a process's spans where the standard OTEL_* variables say.
// Without one of them nothing is made or sent.
package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cupcakery/cupcakery/internal/tracing"
)

// stopWithin bounds how long a process that stops waits until its last spans are
// sent.
const stopWithin = 3 * time.Second

// viewWithin is how soon a viewer has what has happened.
const viewWithin = 500 * time.Millisecond

// Config says what a process is called and where its variables are.
type Config struct {
	// Service is the process's name unless OTEL_SERVICE_NAME or
	// OTEL_RESOURCE_ATTRIBUTES give another.
	Service string
	Version string
	// LookUp finds a variable: os.LookupEnv.
	LookUp func(name string) (string, bool)
	Logger *slog.Logger
	// Viewer is the base address of who is to get the spans, at once and whatever
	// the variables say. Empty in production.
	Viewer string
}

// Settings are what the variables say.
type Settings struct {
	// Protocol is how spans are sent, empty for not at all.
	Protocol string
	Sampler  sdktrace.Sampler
}

// The protocols that can be used.
const (
	ProtocolHTTP = "http/protobuf"
	ProtocolGRPC = "grpc"
)

// Read reads the variables that decide whether spans are made. What has no default
// of ours (endpoints, headers, certificates, batches, limits) OpenTelemetry reads by
// itself. Its error names every fault.
func Read(lookUp func(string) (string, bool)) (Settings, error) {
	get := func(name string) string {
		value, _ := lookUp(name)
		return strings.TrimSpace(value)
	}
	sampler, err := newSampler(get("OTEL_TRACES_SAMPLER"), get("OTEL_TRACES_SAMPLER_ARG"))
	off := Settings{Sampler: sampler}
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return off, nil
	}
	exporter := get("OTEL_TRACES_EXPORTER")
	switch exporter {
	case "otlp":
	case "none":
		return off, nil
	case "":
		if get("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return off, err
		}
	default:
		return Settings{}, fmt.Errorf("OTEL_TRACES_EXPORTER: %q is not built in: use otlp, or none", exporter)
	}
	protocol := cmp.Or(get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), get("OTEL_EXPORTER_OTLP_PROTOCOL"), ProtocolHTTP)
	var faults []error
	if protocol != ProtocolHTTP && protocol != ProtocolGRPC {
		faults = append(faults, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %q is not built in: use %s or %s", protocol, ProtocolHTTP, ProtocolGRPC))
	}
	return Settings{Protocol: protocol, Sampler: sampler}, errors.Join(append(faults, err)...)
}

// SetUp makes the process's spans from now on, if the variables say so. The function
// that it returns sends what is left and ends that.
func SetUp(ctx context.Context, config Config) (stop func(), err error) {
	settings, err := Read(config.LookUp)
	var exporter *otlptrace.Exporter
	var batches []sdktrace.BatchSpanProcessorOption
	switch {
	case err != nil:
		return func() {}, err
	case config.Viewer != "":
		exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(config.Viewer+"/v1/traces"))
		batches = append(batches, sdktrace.WithBatchTimeout(viewWithin))
	case settings.Protocol == "":
		return func() {}, nil
	case settings.Protocol == ProtocolGRPC:
		exporter, err = otlptracegrpc.New(ctx)
	default:
		exporter, err = otlptracehttp.New(ctx)
	}
	if err != nil {
		return func() {}, fmt.Errorf("prepare to send traces: %w", err)
	}
	process, err := describe(ctx, config)
	if err != nil {
		return func() {}, fmt.Errorf("prepare to send traces: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	// What else OpenTelemetry has to say follows from what the exporter logs.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { config.Logger.Debug("tracing", "error", err) }))
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&noisyOnce{SpanExporter: exporter, logger: config.Logger}, batches...),
		sdktrace.WithResource(process),
		sdktrace.WithSampler(settings.Sampler))
	tracing.Use(provider)
	return func() {
		tracing.Use(nil)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		_ = provider.Shutdown(ctx) // the exporter has logged it
	}, nil
}

// describe names the process. Its command line, which OpenTelemetry could tell too, is
// nobody's business.
func describe(ctx context.Context, config Config) (*resource.Resource, error) {
	return resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			semconv.ServiceName(config.Service),
			semconv.ServiceVersion(config.Version),
			semconv.ServiceInstanceID(uuid.NewString())),
		resource.WithFromEnv()) // last, so that it wins
}

// noisyOnce logs when spans cannot be sent and when they can be again, once each.
type noisyOnce struct {
	sdktrace.SpanExporter
	logger *slog.Logger
	failed atomic.Bool
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *noisyOnce) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !e.failed.Swap(true):
		e.logger.Warn("traces cannot be sent and are dropped; nothing else is the worse for it", "error", err)
	case err == nil && e.failed.Swap(false):
		e.logger.Info("traces are sent again")
	}
	return err
}

// newSampler is the sampler that OTEL_TRACES_SAMPLER and its argument name.
func newSampler(name, argument string) (sdktrace.Sampler, error) {
	kind, parentBased := strings.CutPrefix(cmp.Or(name, "parentbased_always_on"), "parentbased_")
	var root sdktrace.Sampler
	switch kind {
	case "always_on":
		root = sdktrace.AlwaysSample()
	case "always_off":
		root = sdktrace.NeverSample()
	case "traceidratio":
		ratio, err := strconv.ParseFloat(cmp.Or(argument, "1"), 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG: %q is no share: give a number from 0 to 1", argument)
		}
		root = sdktrace.TraceIDRatioBased(ratio)
	default:
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER: %q is not known: use always_on, always_off, traceidratio, or one of these after parentbased_", name)
	}
	if parentBased {
		return sdktrace.ParentBased(linkBased{root}), nil
	}
	return root, nil
}

// linkBased decides about the first span of a trace as it was decided about those
// that it links to. An order's story is many traces, and a tenth of each would tell
// none of them.
type linkBased struct{ sdktrace.Sampler }

// ShouldSample implements sdktrace.Sampler.
func (s linkBased) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if len(p.Links) == 0 {
		return s.Sampler.ShouldSample(p)
	}
	for _, link := range p.Links {
		if link.SpanContext.IsSampled() {
			return sdktrace.AlwaysSample().ShouldSample(p)
		}
	}
	return sdktrace.NeverSample().ShouldSample(p)
}

// Description implements sdktrace.Sampler.
func (s linkBased) Description() string { return "LinkBased{" + s.Sampler.Description() + "}" }
