// Package viewer takes spans over OTLP and shows them on a page, for "cupcakery dev
// --traces". It keeps the newest in memory. Traces that link to each other are shown
// as one story: most viewers show a link only as a link.
package viewer

import (
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/cupcakery/cupcakery/internal/tracing"
)

const (
	// mostSpans is how many spans are kept: some hundred orders.
	mostSpans = 20_000
	// mostStories is how many are on the page.
	mostStories = 50
	// maxRequest bounds what is sent at once.
	maxRequest = 8 << 20
)

// Viewer keeps spans. Its zero value is ready.
type Viewer struct {
	mu sync.Mutex
	// spans are those of a trace; traces are ordered by when their first one came.
	spans  map[string][]*span
	traces []string
	count  int
}

// span is what is shown of one.
type span struct {
	trace, id, parent string
	links             []link
	name, service     string
	attributes        []attribute
	events            []event
	start, end        time.Time
	failed            bool
}

type link struct{ trace, id string }

type attribute struct{ Key, Value string }

type event struct {
	name string
	at   time.Time
}

// Register has the viewer answer at /traces, and take spans at /v1/traces.
func (v *Viewer) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /traces", v.show)
	mux.HandleFunc("POST /v1/traces", v.receive)
}

// receive takes spans as OTLP over HTTP has them, in protobuf.
func (v *Viewer) receive(w http.ResponseWriter, r *http.Request) {
	if content := r.Header.Get("Content-Type"); content != "application/x-protobuf" {
		http.Error(w, "send application/x-protobuf (OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)", http.StatusUnsupportedMediaType)
		return
	}
	var body io.Reader = http.MaxBytesReader(w, r.Body, maxRequest)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = io.LimitReader(unpacked, maxRequest)
	}
	data, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	v.add(&request)
	w.Header().Set("Content-Type", "application/x-protobuf") // an empty answer takes all
}

func (v *Viewer) add(request *collector.ExportTraceServiceRequest) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.spans == nil {
		v.spans = map[string][]*span{}
	}
	for _, process := range request.GetResourceSpans() {
		service := ""
		for _, a := range process.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = text(a.GetValue())
			}
		}
		for _, scope := range process.GetScopeSpans() {
			for _, sent := range scope.GetSpans() {
				v.keep(read(sent, service))
			}
		}
	}
}

// keep adds a span, and forgets the oldest traces if there are too many. The lock is
// held.
func (v *Viewer) keep(s *span) {
	if _, known := v.spans[s.trace]; !known {
		v.traces = append(v.traces, s.trace)
	}
	v.spans[s.trace] = append(v.spans[s.trace], s)
	v.count++
	for v.count > mostSpans && len(v.traces) > 1 {
		oldest := v.traces[0]
		v.traces = v.traces[1:]
		v.count -= len(v.spans[oldest])
		delete(v.spans, oldest)
	}
}

func read(sent *tracepb.Span, service string) *span {
	s := &span{
		trace:   hex.EncodeToString(sent.GetTraceId()),
		id:      hex.EncodeToString(sent.GetSpanId()),
		parent:  hex.EncodeToString(sent.GetParentSpanId()),
		name:    sent.GetName(),
		service: service,
		start:   time.Unix(0, int64(sent.GetStartTimeUnixNano())),
		end:     time.Unix(0, int64(sent.GetEndTimeUnixNano())),
		failed:  sent.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
	}
	for _, l := range sent.GetLinks() {
		s.links = append(s.links, link{hex.EncodeToString(l.GetTraceId()), hex.EncodeToString(l.GetSpanId())})
	}
	for _, a := range sent.GetAttributes() {
		s.attributes = append(s.attributes, attribute{a.GetKey(), text(a.GetValue())})
	}
	for _, e := range sent.GetEvents() {
		s.events = append(s.events, event{e.GetName(), time.Unix(0, int64(e.GetTimeUnixNano()))})
	}
	return s
}

func text(value *commonpb.AnyValue) string {
	switch value := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return value.StringValue
	case *commonpb.AnyValue_IntValue:
		return fmt.Sprint(value.IntValue)
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(value.BoolValue)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint(value.DoubleValue)
	}
	return ""
}

// story is what happened to one order, or another bunch of traces that link to each
// other.
type story struct {
	first, last time.Time
	lines       []line
}

// line is a span in its place: below its parent or, if it is the first of its trace,
// below what that links to.
type line struct {
	*span
	depth  int
	linked bool
}

// stories are the newest, the newest first.
func (v *Viewer) stories() []story {
	v.mu.Lock()
	defer v.mu.Unlock()
	// Traces that link to each other get the same name.
	name := map[string]string{}
	var find func(string) string
	find = func(trace string) string {
		if up, known := name[trace]; known && up != trace {
			name[trace] = find(up)
			return name[trace]
		}
		return trace
	}
	for _, spans := range v.spans {
		for _, s := range spans {
			for _, l := range s.links {
				if _, kept := v.spans[l.trace]; kept {
					name[find(s.trace)] = find(l.trace)
				}
			}
		}
	}
	bunches := map[string][]*span{}
	for trace, spans := range v.spans {
		bunches[find(trace)] = append(bunches[find(trace)], spans...)
	}
	var stories []story
	for _, spans := range bunches {
		stories = append(stories, tell(spans))
	}
	slices.SortFunc(stories, func(a, b story) int { return b.first.Compare(a.first) })
	return stories[:min(len(stories), mostStories)]
}

// tell puts spans into their places.
func tell(spans []*span) story {
	slices.SortFunc(spans, func(a, b *span) int { return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.id, b.id)) })
	told := story{first: spans[0].start}
	here := map[link]bool{}
	for _, s := range spans {
		here[link{s.trace, s.id}] = true
		if s.end.After(told.last) {
			told.last = s.end
		}
	}
	below := map[link][]*span{}
	linked := map[*span]bool{}
	for _, s := range spans {
		var place link
		switch parent := (link{s.trace, s.parent}); {
		case here[parent]:
			place = parent
		default:
			for _, l := range s.links {
				if place == (link{}) && here[l] && l.trace != s.trace {
					place, linked[s] = l, true
				}
			}
		}
		below[place] = append(below[place], s)
	}
	done := map[*span]bool{}
	var add func(s *span, depth int)
	add = func(s *span, depth int) {
		if done[s] {
			return
		}
		done[s] = true
		told.lines = append(told.lines, line{s, depth, linked[s]})
		for _, child := range below[link{s.trace, s.id}] {
			add(child, depth+1)
		}
	}
	for _, s := range below[link{}] {
		add(s, 0)
	}
	for _, s := range spans { // those that link to each other in a ring
		add(s, 0)
	}
	return told
}

// code is the pickup code of a story's order, if it has one.
func (s story) code() string {
	for _, l := range s.lines {
		for _, a := range l.attributes {
			if a.Key == string(tracing.PickupCodeKey) {
				return a.Value
			}
		}
	}
	return ""
}
