package export_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/internal/tracing/export"
)

func environment(variables ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, variable := range variables {
			if value, found := strings.CutPrefix(variable, name+"="); found {
				return value, true
			}
		}
		return "", false
	}
}

func TestVariablesDecideWhetherAndHowSpansAreSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		variables []string
		protocol  string
		says      string
	}{
		"NothingIsSentByDefault":       {},
		"AnEndpointTurnsItOn":          {variables: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"}, protocol: export.ProtocolHTTP},
		"OneForTracesDoesToo":          {variables: []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4318/v1/traces"}, protocol: export.ProtocolHTTP},
		"SoDoesTheExportersName":       {variables: []string{"OTEL_TRACES_EXPORTER=otlp"}, protocol: export.ProtocolHTTP},
		"AnotherSignalsEndpointDoesNo": {variables: []string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://collector:4318"}},
		"NoneTurnsItOff":               {variables: []string{"OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"}},
		"SoDoesDisabled":               {variables: []string{"OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"}},
		"ByGRPC":                       {variables: []string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, protocol: export.ProtocolGRPC},
		"TheTracesOwnProtocolWins":     {variables: []string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc"}, protocol: export.ProtocolGRPC},
		"AnUnknownExporter":            {variables: []string{"OTEL_TRACES_EXPORTER=zipkin"}, says: `OTEL_TRACES_EXPORTER: "zipkin"`},
		"AnUnknownProtocol":            {variables: []string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"}, says: `OTEL_EXPORTER_OTLP_PROTOCOL: "http/json"`},
		"AnUnknownSampler":             {variables: []string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_TRACES_SAMPLER=jaeger_remote"}, says: `OTEL_TRACES_SAMPLER: "jaeger_remote"`},
		"AShareThatIsNone":             {variables: []string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=10%"}, says: `OTEL_TRACES_SAMPLER_ARG: "10%"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, err := export.Read(environment(test.variables...))
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.protocol, settings.Protocol)
		})
	}
}

// A tenth of the traces are a tenth of the stories: what links to a trace that is
// kept is kept, and what links to one that is not is not.
func TestAStoryIsSampledAsAWhole(t *testing.T) {
	t.Parallel()
	linkTo := func(flags trace.TraceFlags) []trace.Link {
		return []trace.Link{{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: flags})}}
	}
	for name, test := range map[string]struct {
		sampler, argument string
		links             []trace.Link
		kept              bool
	}{
		"LinkedToWhatIsKept":    {"parentbased_always_off", "", linkTo(trace.FlagsSampled), true},
		"LinkedToWhatIsNot":     {"", "", linkTo(0), false},
		"LinkedToNothing":       {"", "", nil, true},
		"OfNothing":             {"parentbased_traceidratio", "0", nil, false},
		"OfAll":                 {"parentbased_traceidratio", "1", nil, true},
		"WhateverItsLinksSay":   {"always_on", "", linkTo(0), true},
		"NeverWhateverTheySay":  {"always_off", "", linkTo(trace.FlagsSampled), false},
		"ARatioWhateverTheySay": {"traceidratio", "0", linkTo(trace.FlagsSampled), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, err := export.Read(environment("OTEL_TRACES_EXPORTER=otlp", "OTEL_TRACES_SAMPLER="+test.sampler, "OTEL_TRACES_SAMPLER_ARG="+test.argument))
			require.NoError(t, err)
			result := settings.Sampler.ShouldSample(sdktrace.SamplingParameters{ParentContext: context.Background(), TraceID: trace.TraceID{2}, Links: test.links})
			require.Equal(t, test.kept, result.Decision == sdktrace.RecordAndSample)
		})
	}
}

func TestACollectorThatIsAwayIsLoggedOnce(t *testing.T) {
	var away atomic.Bool
	away.Store(true)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusBadRequest) // what is not tried again
		}
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	var log bytes.Buffer
	stop, err := export.SetUp(t.Context(), export.Config{Service: "test", LookUp: environment(), Logger: slog.New(slog.NewTextHandler(&log, nil)), Viewer: collector.URL})
	require.NoError(t, err)
	require.True(t, tracing.IsOn())
	for range 3 {
		_, span := tracing.Start(t.Context(), "one")
		span.End()
	}
	stop()
	require.False(t, tracing.IsOn())
	require.Equal(t, 1, strings.Count(log.String(), "traces cannot be sent"), log.String())
}

// collector takes spans by either protocol.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	got chan *collectorpb.ExportTraceServiceRequest
}

// Export implements collectorpb.TraceServiceServer.
func (c collector) Export(_ context.Context, request *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.got <- request
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// ServeHTTP implements http.Handler.
func (c collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request collectorpb.ExportTraceServiceRequest
	data, err := io.ReadAll(r.Body)
	if err != nil || proto.Unmarshal(data, &request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.got <- &request
}

func TestSpansAreSentByEitherProtocol(t *testing.T) {
	for protocol, serve := range map[string]func(*testing.T, collector) (address string){
		export.ProtocolHTTP: func(t *testing.T, c collector) string {
			server := httptest.NewServer(c)
			t.Cleanup(server.Close)
			return server.URL
		},
		export.ProtocolGRPC: func(t *testing.T, c collector) string {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			server := grpc.NewServer()
			collectorpb.RegisterTraceServiceServer(server, c)
			go func() { _ = server.Serve(listener) }() // until it is stopped
			t.Cleanup(server.Stop)
			return "http://" + listener.Addr().String()
		},
	} {
		t.Run(protocol, func(t *testing.T) {
			c := collector{got: make(chan *collectorpb.ExportTraceServiceRequest, 1)}
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", serve(t, c))
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
			stop, err := export.SetUp(t.Context(), export.Config{Service: "cupcakery-test", Version: "1.2.3", LookUp: os.LookupEnv, Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			_, span := tracing.Start(t.Context(), "one")
			span.End()
			stop() // sends it
			sent := (<-c.got).ResourceSpans
			require.Len(t, sent, 1)
			require.Equal(t, "one", sent[0].ScopeSpans[0].Spans[0].Name)
			process := map[string]string{}
			for _, a := range sent[0].Resource.Attributes {
				process[a.Key] = a.Value.GetStringValue()
			}
			require.Equal(t, "cupcakery-test", process["service.name"])
			require.Equal(t, "1.2.3", process["service.version"])
			require.Equal(t, "test", process["deployment.environment.name"])
		})
	}
}

func TestNothingIsMadeByDefault(t *testing.T) {
	stop, err := export.SetUp(t.Context(), export.Config{LookUp: environment()})
	require.NoError(t, err)
	defer stop()
	require.False(t, tracing.IsOn())
	ctx, span := tracing.Start(t.Context(), "nothing")
	require.Equal(t, t.Context(), ctx)
	require.False(t, span.IsRecording())
	require.Zero(t, testing.AllocsPerRun(100, func() { tracing.Start(ctx, "nothing") }))
}
