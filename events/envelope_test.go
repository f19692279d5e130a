package events

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding/format"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	testOrder  = "0193c0de-7000-7000-8000-000000000001"
	testTicket = testOrder + ".bake.1"
)

func TestTicketEnvelope(t *testing.T) {
	issued := time.Date(2026, 1, 31, 13, 0, 0, 120_000_000, time.FixedZone("", 3600))
	ticket := kitchen.Ticket{TicketID: testTicket, Kind: kitchen.TicketMake, OrderID: testOrder, Stage: kitchen.Bake, Pass: 1, Attempt: 3, IssuedAt: issued}
	message, err := ticketMessage("/cupcakery/worker", ticket)
	require.NoError(t, err)
	assert.Equal(t, "orders-to-bake", message.Topic)
	assert.Equal(t, testOrder, string(message.Key))
	assert.Equal(t, []Header{
		{"ce_specversion", []byte("1.0")},
		{"ce_type", []byte("cupcakery.ticket.v1")},
		{"ce_source", []byte("/cupcakery/worker")},
		{"ce_id", []byte(testTicket + "#3")},
		{"ce_time", []byte("2026-01-31T12:00:00.12Z")},
		{"ce_subject", []byte(testOrder)},
		{"content-type", []byte("application/json")},
	}, message.Headers)
	got, err := DecodeTicket(message)
	require.NoError(t, err)
	got.IssuedAt, ticket.IssuedAt = got.IssuedAt.UTC(), ticket.IssuedAt.UTC()
	assert.Equal(t, ticket, got)
}

func TestAckAndShippedEnvelopes(t *testing.T) {
	ack, err := ackMessage("/bob", kitchen.Ack{TicketID: testTicket, OrderID: testOrder, At: time.Now()})
	require.NoError(t, err)
	assert.Equal(t, TopicAcks, ack.Topic)
	id, _ := ack.Header("ce_id")
	require.NoError(t, uuid.Validate(id))
	shipped, err := shippedMessage("/worker", kitchen.Shipped{OrderID: testOrder, ShippedAt: time.Now()})
	require.NoError(t, err)
	assert.Equal(t, TopicShip, shipped.Topic)
	again, err := shippedMessage("/worker", kitchen.Shipped{OrderID: testOrder, ShippedAt: time.Now()})
	require.NoError(t, err)
	first, _ := shipped.Header("ce_id")
	second, _ := again.Header("ce_id")
	assert.Equal(t, first, second, "a repeated announcement is recognisable")

	// A worker that dies while it tells of an end makes another tell of it, at
	// another time.
	cancelled := kitchen.Failed{OrderID: testOrder, State: kitchen.StateCancelled, At: time.Now()}
	later := cancelled
	later.At = later.At.Add(time.Second)
	assert.Equal(t, failedID(t, cancelled), failedID(t, later))
	cancelled.State, later.State = kitchen.StateNeedsAttention, kitchen.StateNeedsAttention
	assert.NotEqual(t, failedID(t, cancelled), failedID(t, later), "an order may need attention more than once")

	_, err = ackMessage("not a URI reference\n", kitchen.Ack{TicketID: testTicket, OrderID: testOrder, At: time.Now()})
	require.ErrorContains(t, err, "source")
}

func failedID(t *testing.T, failed kitchen.Failed) string {
	t.Helper()
	message, err := failedMessage("/worker", failed)
	require.NoError(t, err)
	id, _ := message.Header("ce_id")
	return id
}

func TestTraceTravelsInTheHeaders(t *testing.T) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true})
	message := Message{Headers: []Header{{"traceparent", []byte("of whoever wrote it before")}, {"other", []byte("kept")}}}
	tracing.Context.Inject(trace.ContextWithSpanContext(context.Background(), span), headerCarrier{&message})
	assert.Len(t, message.Headers, 2, "the old trace is replaced")
	got := trace.SpanContextFromContext(withTrace(context.Background(), &message))
	assert.Equal(t, span, got)
	assert.ElementsMatch(t, []string{"traceparent", "other"}, headerCarrier{&message}.Keys())

	none := withTrace(context.Background(), &Message{})
	assert.False(t, trace.SpanContextFromContext(none).IsValid())
}

func TestAcksAreReadLeniently(t *testing.T) {
	recorded := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	plain := `{"ticketId":"` + testTicket + `","orderId":"` + testOrder + `","stage":"bake","kind":"done","by":"bob"}`
	for name, message := range map[string]Message{
		"NoHeaders":         {Value: []byte(plain)},
		"UnknownField":      {Value: []byte(strings.Replace(plain, "{", `{"oven":7,`, 1))},
		"TrailingNewline":   {Value: []byte(plain + "\n")},
		"HeadersOfAnother":  {Value: []byte(plain), Headers: []Header{{"ce_type", []byte("something.else")}, {"ce_specversion", []byte("9")}, {"", nil}}},
		"NoKey":             {Value: []byte(plain), Key: nil},
		"AnotherKey":        {Value: []byte(plain), Key: []byte("whatever")},
		"LargeWithinLimits": {Value: []byte(plain + strings.Repeat(" ", MaxMessageBytes-len(plain)))},

		"ByteOrderMark":       {Value: []byte("\ufeff" + plain)},
		"NoZone":              {Value: []byte(strings.Replace(plain, "{", `{"at":"2026-01-31T23:59:59.5","startedAt":"2026-01-31 23:00",`, 1))},
		"NullTimes":           {Value: []byte(strings.Replace(plain, "{", `{"at":null,"startedAt":null,"attempt":null,`, 1))},
		"Escaped":             {Value: []byte(strings.Replace(plain, "\"bake\"", `"\u0062ake"`, 1))},
		"WholeWithAPoint":     {Value: []byte(strings.Replace(plain, "{", `{"scrapped":0.0,`, 1))},
		"Structured":          {Value: structuredEvent("data", plain), Headers: contentOf("application/cloudevents+json")},
		"StructuredCharset":   {Value: structuredEvent("data", plain), Headers: contentOf("Application/CloudEvents+JSON; charset=UTF-8")},
		"StructuredBase64":    {Value: structuredEvent("data_base64", `"`+base64.StdEncoding.EncodeToString([]byte("\ufeff"+plain))+`"`), Headers: contentOf(structured)},
		"StructuredText":      {Value: structuredEvent("data", strconv.Quote(plain)), Headers: contentOf(structured)},
		"StructuredMark":      {Value: append([]byte("\ufeff"), structuredEvent("data", plain)...), Headers: contentOf(structured)},
		"StructuredCapitals":  {Value: structuredEvent("data", plain), Headers: []Header{{"Content-Type", []byte(structured)}}},
		"StructuredBare":      {Value: []byte(`{"data":` + plain + `}`), Headers: contentOf(structured)},
		"StructuredLastCount": {Value: structuredEvent("data", plain), Headers: append(contentOf("text/plain"), contentOf(structured)...)},
	} {
		t.Run(name, func(t *testing.T) {
			message.Time = recorded
			ack, err := DecodeAck(message)
			require.NoError(t, err)
			assert.Equal(t, kitchen.Ack{TicketID: testTicket, OrderID: testOrder, Stage: kitchen.Bake, Kind: kitchen.AckDone, By: "bob", At: recorded}, ack)
			assert.True(t, MayBeAckOf(message, kitchen.Bake))
		})
	}
	assert.False(t, MayBeAckOf(Message{Value: []byte(plain)}, kitchen.Mix), "what is for others need not be decoded")
}

// structuredEvent is a CloudEvent in structured mode with one more member.
func structuredEvent(name, value string) []byte {
	return []byte(`{"specversion":"1.0","type":"cupcakery.ack.v1","source":"/oven/2","id":"7","time":"2020-01-01T00:00:00Z","` + name + `":` + value + `}`)
}

func contentOf(content string) []Header { return []Header{{"content-type", []byte(content)}} }

// The CloudEvents project's own library writes what we read.
func TestAcksOfTheCloudEventsLibraryAreRead(t *testing.T) {
	ack := kitchen.Ack{TicketID: testTicket, OrderID: testOrder, Stage: kitchen.Bake, Kind: kitchen.AckFailed, By: "bob", At: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Attempt: 2, Note: "oven 2", Scrapped: 12}
	for name, set := range map[string]func(*event.Event) error{
		"Data": func(e *event.Event) error { return e.SetData(event.ApplicationJSON, ack) },
		"DataBase64": func(e *event.Event) error {
			data, err := json.Marshal(ack)
			return errors.Join(err, e.SetData("", data))
		},
		"DataAsText": func(e *event.Event) error {
			data, err := json.Marshal(ack)
			return errors.Join(err, e.SetData(event.TextPlain, string(data)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			written := event.New()
			written.SetID("7")
			written.SetSource("/oven/2")
			written.SetType(TypeAck)
			require.NoError(t, set(&written))
			value, err := format.JSON.Marshal(&written)
			require.NoError(t, err)
			got, err := DecodeAck(Message{Value: value, Headers: contentOf(format.JSON.MediaType()), Time: ack.At})
			require.NoError(t, err)
			assert.Equal(t, ack, got)
		})
	}
}

func TestTicketsInStructuredModeAreRead(t *testing.T) {
	ticket := kitchen.Ticket{TicketID: testTicket, Kind: kitchen.TicketMake, OrderID: testOrder, Stage: kitchen.Bake, Pass: 1, Attempt: 3,
		IssuedAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), AckBy: time.Date(2026, 1, 31, 12, 20, 0, 0, time.UTC)}
	plain, err := json.Marshal(ticket)
	require.NoError(t, err)
	got, err := DecodeTicket(Message{Value: structuredEvent("data", string(plain)), Headers: contentOf(structured)})
	require.NoError(t, err)
	assert.Equal(t, ticket, got)
}

func TestPoisonIsNamed(t *testing.T) {
	good := kitchen.Ticket{TicketID: testTicket, Kind: kitchen.TicketMake, OrderID: testOrder, Stage: kitchen.Bake, Pass: 1, Attempt: 1}
	changed := func(change func(*kitchen.Ticket)) string {
		ticket := good
		change(&ticket)
		value, err := json.Marshal(ticket)
		require.NoError(t, err)
		return string(value)
	}
	decodeTicket := func(m Message) error { _, err := DecodeTicket(m); return err }
	decodeAck := func(m Message) error { _, err := DecodeAck(m); return err }
	for name, poison := range map[string]struct {
		decode func(Message) error
		value  string
		says   string
		// content is the content type that its headers tell.
		content string
	}{
		"EmptyAck":          {decodeAck, "", "the value is empty", ""},
		"TooLargeAck":       {decodeAck, strings.Repeat(" ", MaxMessageBytes+1), "the value has 65537 bytes, more than the 65536 that are read", ""},
		"AckOfOtherOrder":   {decodeAck, `{"ticketId":"` + testTicket + `","orderId":"x","stage":"bake","kind":"done","by":"bob"}`, "orderId", ""},
		"AckNotJSON":        {decodeAck, "done!", "", ""},
		"TooLargeTicket":    {decodeTicket, strings.Repeat(" ", MaxMessageBytes+1), "more than the 65536", ""},
		"TicketNotJSON":     {decodeTicket, "[]", "not a ticket", ""},
		"TicketID":          {decodeTicket, changed(func(k *kitchen.Ticket) { k.TicketID = "1" }), "ticketId", ""},
		"TicketOfOtherPass": {decodeTicket, changed(func(k *kitchen.Ticket) { k.Pass = 2 }), "pass: 2 is not the pass of ticket", ""},
		"TicketStage":       {decodeTicket, changed(func(k *kitchen.Ticket) { k.Stage = kitchen.Mix }), `stage: "mix"`, ""},
		"TicketKind":        {decodeTicket, changed(func(k *kitchen.Ticket) { k.Kind = kitchen.TicketUndo }), `kind: "undo"`, ""},
		"TicketOrder":       {decodeTicket, changed(func(k *kitchen.Ticket) { k.OrderID = "x" }), `orderId: "x"`, ""},
		"TicketAttempt":     {decodeTicket, changed(func(k *kitchen.Ticket) { k.Attempt = 0 }), "attempt: 0 must be at least 1", ""},

		"Confluent":         {decodeAck, "\x00\x00\x00\x00\x07{}", "the value begins with Confluent's schema-registry framing (schema id 7): send plain JSON", ""},
		"ConfluentTicket":   {decodeTicket, "\x00\x00\x01\x00\x07\x02", "(schema id 65543): send plain JSON", ""},
		"Batch":             {decodeAck, "[]", `content-type "application/cloudevents-batch+json" is not read here: send each event in a message of its own, as application/cloudevents+json or as plain JSON`, "application/cloudevents-batch+json"},
		"Avro":              {decodeAck, "Obj\x01", `content-type "application/cloudevents+avro" is not read here`, "application/cloudevents+avro; x=y"},
		"NoEvent":           {decodeAck, "[]", "not a CloudEvent, though content-type is application/cloudevents+json: json: cannot unmarshal array", structured},
		"NoData":            {decodeAck, string(structuredEvent("dataschema", `"/ack"`)), "the CloudEvent has no data: send a JSON object with the attributes and, as data, the message", structured},
		"NullData":          {decodeAck, string(structuredEvent("data", "null")), "the CloudEvent has no data", structured},
		"DataTwice":         {decodeAck, `{"data":{},"data_base64":"e30="}`, "has data and data_base64: leave one of them out", structured},
		"NotBase64":         {decodeAck, `{"data_base64":"é"}`, "data_base64: not base64", structured},
		"DataThatIsNoAck":   {decodeAck, `{"data":{"ticketId":"x"}}`, `ticketId: "x" is not a ticket id`, structured},
		"UTF16":             {decodeAck, "\xff\xfe{\x00}\x00", "not UTF-8: send the ack as JSON in UTF-8", ""},
		"EventWithoutAWord": {decodeAck, string(structuredEvent("data", "{}")), "the value is a CloudEvent in structured mode: say so with the header content-type: application/cloudevents+json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			message := Message{Topic: "somewhere", Offset: 7, Value: []byte(poison.value), Headers: contentOf(poison.content), Time: time.Now()}
			err := poison.decode(message)
			var typed *PoisonError
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, message, typed.Message)
			assert.ErrorContains(t, err, poison.says)
		})
	}
}
