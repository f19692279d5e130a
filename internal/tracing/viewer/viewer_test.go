package viewer_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/cupcakery/cupcakery/internal/tracing/viewer"
)

func newViewer() http.Handler {
	mux := http.NewServeMux()
	new(viewer.Viewer).Register(mux)
	return mux
}

func is(value string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}
}

var begin = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// spanOf is a span that lasts from one second to another.
func spanOf(trace, id, parent byte, name string, from, to int, links ...*tracepb.Span_Link) *tracepb.Span {
	s := &tracepb.Span{
		TraceId: bytes.Repeat([]byte{trace}, 16), SpanId: bytes.Repeat([]byte{id}, 8), Name: name, Links: links,
		StartTimeUnixNano: uint64(begin.Add(time.Duration(from) * time.Second).UnixNano()),
		EndTimeUnixNano:   uint64(begin.Add(time.Duration(to) * time.Second).UnixNano()),
	}
	if parent != 0 {
		s.ParentSpanId = bytes.Repeat([]byte{parent}, 8)
	}
	return s
}

func linkTo(trace, id byte) *tracepb.Span_Link {
	return &tracepb.Span_Link{TraceId: bytes.Repeat([]byte{trace}, 16), SpanId: bytes.Repeat([]byte{id}, 8)}
}

func send(t *testing.T, to http.Handler, packed bool, service string, spans ...*tracepb.Span) {
	t.Helper()
	data, err := proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{Key: "service.name", Value: is(service)}}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans}},
	}}})
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/traces", bytes.NewReader(data))
	if packed {
		var body bytes.Buffer
		zip := gzip.NewWriter(&body)
		_, err = zip.Write(data)
		require.NoError(t, err)
		require.NoError(t, zip.Close())
		request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/traces", &body)
		request.Header.Set("Content-Encoding", "gzip")
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	answer := httptest.NewRecorder()
	to.ServeHTTP(answer, request)
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
}

func pageOf(t *testing.T, of http.Handler) string {
	t.Helper()
	answer := httptest.NewRecorder()
	of.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/traces", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

func TestTracesThatLinkToEachOtherAreOneStory(t *testing.T) {
	t.Parallel()
	v := newViewer()
	require.Contains(t, pageOf(t, v), "There are none yet")
	ordered := spanOf(1, 1, 0, "POST order", 0, 1)
	ordered.Attributes = []*commonpb.KeyValue{{Key: "cupcakery.pickup_code", Value: is("<K7>")}}
	failed := spanOf(2, 3, 2, "send ticket", 2, 10)
	failed.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
	// They come in any order.
	send(t, v, true, "station", spanOf(3, 4, 0, "process ticket", 3, 4, linkTo(2, 3)))
	send(t, v, false, "worker", failed, spanOf(2, 2, 0, "run", 1, 2, linkTo(1, 1)))
	send(t, v, false, "api", ordered, spanOf(4, 5, 0, "another", 100, 101))
	page := pageOf(t, v)
	require.Equal(t, 2, strings.Count(page, `class="story"`), page)
	var last int
	for _, text := range []string{"<strong>another</strong>", "<strong>&lt;K7&gt; · POST order</strong> · 4 spans · 10s · something failed", "POST order <", "↷ run <", "send ticket <", "left: 20.00%; width: 80.00%", "↷ process ticket <", "station</span>"} {
		at := strings.Index(page[last:], text)
		require.GreaterOrEqual(t, at, 0, "%q comes here in\n%s", text, page)
		last += at
	}
}

func TestRingsOfLinksAreShownOnce(t *testing.T) {
	t.Parallel()
	v := newViewer()
	send(t, v, false, "x", spanOf(1, 1, 0, "one", 0, 1, linkTo(2, 2)), spanOf(2, 2, 0, "two", 0, 1, linkTo(1, 1)), spanOf(3, 3, 0, "itself", 0, 0, linkTo(3, 3)))
	page := pageOf(t, v)
	for _, name := range []string{"one <", "two <", "itself <"} {
		require.Equal(t, 1, strings.Count(page, name), page)
	}
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	t.Parallel()
	v := newViewer()
	for batch := range byte(21) {
		spans := make([]*tracepb.Span, 1000)
		for i := range spans {
			spans[i] = spanOf(batch+1, byte(i), 0, "of trace "+strconv.Itoa(int(batch)+1)+".", int(batch), int(batch)+1)
		}
		send(t, v, false, "x", spans...)
	}
	page := pageOf(t, v)
	require.NotContains(t, page, "of trace 1.")
	require.Contains(t, page, "of trace 2.")
	require.Contains(t, page, "of trace 21.")
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body, content, encoding string
		status                  int
	}{
		"JSON":            {"{}", "application/json", "", http.StatusUnsupportedMediaType},
		"NoProtobuf":      {"\xff\xff", "application/x-protobuf", "", http.StatusBadRequest},
		"NotPacked":       {"plain", "application/x-protobuf", "gzip", http.StatusBadRequest},
		"Larger than all": {strings.Repeat("x", 9<<20), "application/x-protobuf", "", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/traces", strings.NewReader(test.body))
			request.Header.Set("Content-Type", test.content)
			request.Header.Set("Content-Encoding", test.encoding)
			answer := httptest.NewRecorder()
			newViewer().ServeHTTP(answer, request)
			require.Equal(t, test.status, answer.Code)
		})
	}
}
