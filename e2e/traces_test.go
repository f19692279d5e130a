package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// span is one that a process has sent.
type span struct {
	*tracepb.Span
	service string
	tells   map[string]string
}

// spanID names a span among those of all traces.
type spanID struct{ trace, span string }

func (s span) id() spanID     { return spanID{string(s.TraceId), string(s.SpanId)} }
func (s span) parent() spanID { return spanID{string(s.TraceId), string(s.ParentSpanId)} }

func (s span) String() string {
	return fmt.Sprintf("%s %s %v", s.service, s.Name, s.tells)
}

// collector takes spans from all processes over OTLP.
type collector struct {
	f     *factory
	mu    sync.Mutex
	raw   [][]byte
	spans []span
}

// newCollector has everything that the factory starts from now on send its spans
// here.
func newCollector(f *factory) *collector {
	c := &collector{f: f}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		var request collectorpb.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(data, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.add(data, &request)
	}))
	f.t.Cleanup(server.Close)
	f.env = append(f.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL, "OTEL_BSP_SCHEDULE_DELAY=100")
	return c
}

func (c *collector) add(data []byte, request *collectorpb.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, data)
	for _, process := range request.ResourceSpans {
		var service string
		for _, a := range process.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range process.ScopeSpans {
			for _, sent := range scope.Spans {
				s := span{Span: sent, service: service, tells: map[string]string{}}
				for _, a := range sent.Attributes {
					s.tells[a.Key] = a.Value.GetStringValue()
					if s.tells[a.Key] == "" {
						s.tells[a.Key] = fmt.Sprint(a.Value.GetIntValue())
					}
				}
				c.spans = append(c.spans, s)
			}
		}
	}
}

// what chooses spans: by name, and by attributes without "cupcakery.".
type what struct {
	name  string
	tells map[string]string
	// below is the parent and linked one of the links that it must have; above is a
	// span whose parent it must be.
	below, above, linked *span
}

func (w what) suits(s span) bool {
	if s.Name != w.name {
		return false
	}
	for key, value := range w.tells {
		if s.tells["cupcakery."+key] != value {
			return false
		}
	}
	return (w.below == nil || s.parent() == w.below.id()) &&
		(w.above == nil || w.above.parent() == s.id()) &&
		(w.linked == nil || slices.Contains(linksOf(s), w.linked.id()))
}

func linksOf(s span) []spanID {
	var ids []spanID
	for _, l := range s.Links {
		ids = append(ids, spanID{string(l.TraceId), string(l.SpanId)})
	}
	return ids
}

func idsOf(spans ...*span) []spanID {
	var ids []spanID
	for _, s := range spans {
		ids = append(ids, s.id())
	}
	return ids
}

func (c *collector) find(w what) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.spans), func(s span) bool { return !w.suits(s) })
}

// the waits for the span that suits; there must be one.
func (c *collector) the(w what) *span {
	c.f.t.Helper()
	var found []span
	deadline := time.Now().Add(patience)
	for found = c.find(w); len(found) == 0; found = c.find(w) {
		if time.Now().After(deadline) {
			c.mu.Lock()
			defer c.mu.Unlock()
			var all []string
			for _, s := range c.spans {
				all = append(all, s.String())
			}
			require.FailNow(c.f.t, "no such span", "%s %v, among\n%s", w.name, w.tells, strings.Join(all, "\n"))
		}
		wait(50 * time.Millisecond)
	}
	require.Len(c.f.t, found, 1, "%s %v", w.name, w.tells)
	return &found[0]
}

// failed are the spans that say that something has failed, but those of the API: its
// questions to a busy worker may come to nothing.
func (c *collector) failed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var failed []string
	for _, s := range c.spans {
		if s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR && s.service != "cupcakery-api" {
			failed = append(failed, s.String())
		}
	}
	return failed
}

// requireNothingPrivate checks what was sent, to the last byte.
func (c *collector) requireNothingPrivate(private ...string) {
	c.f.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NotEmpty(c.f.t, c.raw)
	for _, data := range c.raw {
		for _, text := range private {
			require.False(c.f.t, bytes.Contains(data, []byte(text)), "%q is in a trace", text)
		}
	}
}

// placedOrder is an order with the spans of its request.
type placedOrder struct {
	kitchen.Status
	c     *collector
	start *span // of its workflow
}

func (c *collector) place() *placedOrder {
	c.f.t.Helper()
	o := &placedOrder{Status: c.f.place(wedding()), c: c}
	request := c.the(what{name: "POST /api/v1/orders", tells: o.tells()})
	require.Equal(c.f.t, "cupcakery-api", request.service)
	require.Equal(c.f.t, tracepb.Span_SPAN_KIND_SERVER, request.Kind)
	require.Empty(c.f.t, request.ParentSpanId)
	require.Equal(c.f.t, "201", request.tells["http.response.status_code"])
	o.start = c.the(what{name: "StartWorkflow:OrderWorkflow", below: request, tells: o.tells()})
	return o
}

// tells are an order's attributes, and others in pairs.
func (o *placedOrder) tells(more ...string) map[string]string {
	tells := map[string]string{"pickup_code": o.PickupCode}
	for pair := range slices.Chunk(more, 2) {
		tells[pair[0]] = pair[1]
	}
	return tells
}

// ticket is the spans of one attempt of a ticket.
type ticket struct {
	run, send, received *span
}

// ticket checks how an attempt of a ticket came to its station: its issue begins a
// trace that links to what led to it, and to nothing else.
func (o *placedOrder) ticket(stage kitchen.Stage, pass, attempt string, kind kitchen.TicketKind, ledTo ...*span) ticket {
	t := o.c.f.t
	t.Helper()
	name := stage.ActivityType()
	if kind == kitchen.TicketUndo {
		name = "Undo" + name
	}
	about := o.tells("ticket.stage", string(stage), "ticket.pass", pass, "ticket.kind", string(kind), "ticket.attempt", attempt)
	var is ticket
	is.send = o.c.the(what{name: "send orders-to-" + string(stage), tells: about})
	require.Equal(t, tracepb.Span_SPAN_KIND_PRODUCER, is.send.Kind)
	require.Equal(t, "kafka", is.send.tells["messaging.system"])
	require.Equal(t, "send", is.send.tells["messaging.operation.type"])
	require.Equal(t, "orders-to-"+string(stage), is.send.tells["messaging.destination.name"])
	is.run = o.c.the(what{name: "RunActivity:" + name, above: is.send})
	require.Equal(t, "cupcakery-worker", is.run.service)
	require.Empty(t, is.run.ParentSpanId, "an attempt has a trace of its own")
	require.NotEqual(t, o.start.TraceId, is.run.TraceId)
	require.ElementsMatch(t, idsOf(append(ledTo, o.start)...), linksOf(*is.run))
	require.Equal(t, tracepb.Status_STATUS_CODE_UNSET, is.run.Status.GetCode(), "that it stays pending is no failure")
	return is
}

// arrives checks how it was received.
func (o *placedOrder) arrives(is *ticket) {
	t := o.c.f.t
	t.Helper()
	is.received = o.c.the(what{name: "process " + is.send.tells["messaging.destination.name"], linked: is.send})
	require.Equal(t, "cupcakery-station", is.received.service)
	require.Equal(t, tracepb.Span_SPAN_KIND_CONSUMER, is.received.Kind)
	require.Empty(t, is.received.ParentSpanId, "messages are connected by links")
	require.Len(t, is.received.Links, 1)
	require.Equal(t, is.send.tells["cupcakery.ticket.attempt"], is.received.tells["cupcakery.ticket.attempt"])
}

// ends checks how the ticket was answered, and returns the wait for that.
func (o *placedOrder) ends(is *ticket, with kitchen.AckKind, call string) *span {
	t := o.c.f.t
	t.Helper()
	ack := o.c.the(what{name: "send station-acks", below: is.received, tells: o.tells("ack.kind", string(with))})
	require.Equal(t, tracepb.Span_SPAN_KIND_PRODUCER, ack.Kind)
	carried := o.c.the(what{name: "process station-acks", below: is.send, linked: ack})
	require.Equal(t, "cupcakery-worker", carried.service)
	require.Equal(t, tracepb.Span_SPAN_KIND_CONSUMER, carried.Kind)
	require.Equal(t, "order-acks", carried.tells["messaging.consumer.group.name"])
	require.Equal(t, "carried", carried.tells["cupcakery.outcome"])
	require.Len(t, carried.Links, 1)
	completed := o.c.the(what{name: call, below: carried})
	require.Equal(t, tracepb.Span_SPAN_KIND_CLIENT, completed.Kind)
	waited := o.c.the(what{name: "wait for " + is.send.tells["cupcakery.ticket.stage"], below: is.send})
	require.Equal(t, string(with), waited.tells["cupcakery.outcome"])
	require.Equal(t, idsOf(ack), linksOf(*waited))
	return waited
}

// Every process sends its spans by itself. What they say together is one story for
// each order: what is a span's parent, and what it links to.
func TestTracesTellAnOrdersStory(t *testing.T) {
	f := newStack(t, anyKafka(), time.Hour)
	c := newCollector(f)
	f.startAPI()
	f.startWorker()
	people := map[kitchen.Stage]*process.Process{}
	for _, stage := range kitchen.Stages() {
		people[stage] = f.person(stage, "person-"+string(stage))
	}
	var ids []string

	// A happy order. Stations number their tickets from 1.
	o := c.place()
	ids = append(ids, o.ID)
	waits := map[kitchen.Stage]*span{}
	for _, stage := range kitchen.Stages() {
		f.until(o.ID, "at "+string(stage), waitsFor(stage))
		typed(t, people[stage], "start 1", "done 1")
		made := o.ticket(stage, "1", "1", kitchen.TicketMake)
		o.arrives(&made)
		waited := o.ends(&made, kitchen.AckDone, "CompleteActivity:"+stage.ActivityType())

		waits[stage] = waited
	}
	f.until(o.ID, "shipped", shipped)
	announced := c.the(what{name: "send orders-to-ship"})
	run := c.the(what{name: "RunActivity:AnnounceShipped", tells: o.tells()})
	require.Equal(t, run.SpanId, announced.ParentSpanId)
	require.Equal(t, idsOf(o.start), linksOf(*run))
	require.Empty(t, c.failed())
	for _, m := range f.records(events.TopicAcks, 2*len(kitchen.Stages())) {
		ack, err := events.DecodeAck(m)
		require.NoError(t, err)
		waited := waits[ack.Stage]
		if ack.Kind == kitchen.AckStarted {
			require.Equal(t, "started", waited.Events[0].Name)
			require.Equal(t, ack.At.UnixNano(), int64(waited.Events[0].TimeUnixNano))
			continue
		}
		sent := f.records(events.TicketTopic(ack.Stage), 1)[0]
		require.Equal(t, sent.Time.UnixNano(), int64(waited.StartTimeUnixNano), "the wait begins when Kafka has the ticket")
		require.Equal(t, m.Time.UnixNano(), int64(waited.EndTimeUnixNano), "it ends when Kafka has the ack")
	}

	// One that is burnt and made again.
	o = c.place()
	ids = append(ids, o.ID)
	f.until(o.ID, "at mix", waitsFor(kitchen.Mix))
	typed(t, people[kitchen.Mix], "start 2", "done 2")
	f.until(o.ID, "at bake", waitsFor(kitchen.Bake))
	typed(t, people[kitchen.Bake], "start 2", "fail 2 burnt they were all black")
	burnt := o.ticket(kitchen.Bake, "1", "1", kitchen.TicketMake)
	o.arrives(&burnt)
	o.ends(&burnt, kitchen.AckFailed, "FailActivity:Bake")
	again := o.ticket(kitchen.Mix, "2", "1", kitchen.TicketMake)
	o.arrives(&again)

	// It is cancelled while nobody has the second mix in hand: its ticket is withdrawn,
	// and undone by the station itself.
	f.run("order", "cancel", o.ID, "--reason", "changed my mind")
	request := c.the(what{name: "POST /api/v1/orders/:id/cancel"})
	cancelled := c.the(what{name: "StartWorkflowUpdate:cancel", below: request})
	undone := o.ticket(kitchen.Mix, "2", "1", kitchen.TicketUndo, cancelled, again.send)
	o.arrives(&undone)
	o.ends(&undone, kitchen.AckUndone, "CompleteActivity:UndoMix")
	withdrawn := c.the(what{name: "wait for mix", below: again.send})
	require.Equal(t, "withdrawn", withdrawn.tells["cupcakery.outcome"])
	require.Equal(t, idsOf(undone.run), linksOf(*withdrawn))
	f.until(o.ID, "cancelled", func(s kitchen.Status) bool { return s.State == kitchen.StateCancelled })
	c.the(what{name: "send order-failures"})

	// One that is cancelled when it is half made: people take it away.
	o = c.place()
	ids = append(ids, o.ID)
	f.until(o.ID, "at mix", waitsFor(kitchen.Mix))
	typed(t, people[kitchen.Mix], "start 4", "done 4")
	mixed := o.ticket(kitchen.Mix, "1", "1", kitchen.TicketMake)
	f.until(o.ID, "at bake", waitsFor(kitchen.Bake))
	typed(t, people[kitchen.Bake], "start 3")
	f.until(o.ID, "in the baker's hands", func(s kitchen.Status) bool { return s.Stages[1].By != "" })
	baking := o.ticket(kitchen.Bake, "1", "1", kitchen.TicketMake)
	f.run("order", "cancel", o.ID)
	cancelled = c.the(what{name: "StartWorkflowUpdate:cancel", tells: o.tells()})
	typed(t, people[kitchen.Bake], "start 4", "done 4")
	unbaked := o.ticket(kitchen.Bake, "1", "1", kitchen.TicketUndo, cancelled, baking.send)
	o.arrives(&unbaked)
	o.ends(&unbaked, kitchen.AckUndone, "CompleteActivity:UndoBake")
	typed(t, people[kitchen.Mix], "start 5", "done 5")
	unmixed := o.ticket(kitchen.Mix, "1", "1", kitchen.TicketUndo, cancelled, mixed.send)
	o.arrives(&unmixed)
	o.ends(&unmixed, kitchen.AckUndone, "CompleteActivity:UndoMix")
	f.until(o.ID, "cancelled", func(s kitchen.Status) bool { return s.State == kitchen.StateCancelled })

	private := append(ids, "Ада", "Ring twice", "nuts", "Happy 40th", "מזל טוב", "person-", "all black", "changed my mind", "burnt")
	for _, id := range ids {
		private = append(private, strings.ReplaceAll(id, "-", ""))
	}
	c.requireNothingPrivate(private...)
}

// A ticket that nobody answers is issued again: the attempts are traces of their own
// that link to each other, and each has its wait.
func TestTracesTellOfTicketsIssuedAgain(t *testing.T) {
	f := newStack(t, anyKafka(), 5*time.Second)
	c := newCollector(f)
	f.startAPI()
	f.startWorker()
	o := c.place()
	first := o.ticket(kitchen.Mix, "1", "1", kitchen.TicketMake)
	second := o.ticket(kitchen.Mix, "1", "2", kitchen.TicketMake, first.send)
	waited := c.the(what{name: "wait for mix", below: first.send})
	require.Equal(t, "reissued", waited.tells["cupcakery.outcome"])
	require.Equal(t, idsOf(second.run), linksOf(*waited))

	f.robot(kitchen.Mix, "--work-time", "0s")
	f.until(o.ID, "at bake", waitsFor(kitchen.Bake))
	completed := c.the(what{name: "CompleteActivity:Mix"})
	newest := slices.MaxFunc(c.find(what{name: "send orders-to-mix"}), func(a, b span) int {
		return strings.Compare(a.tells["cupcakery.ticket.attempt"], b.tells["cupcakery.ticket.attempt"])
	})
	require.Equal(t, newest.TraceId, completed.TraceId, "the end is in the trace of the newest attempt")
	done := c.the(what{name: "wait for mix", tells: o.tells("outcome", "done")})
	require.Equal(t, newest.SpanId, done.ParentSpanId)
	c.requireNothingPrivate(o.ID)
}
