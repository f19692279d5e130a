package events

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/google/uuid"
)

// This file covers CloudEvents 1.0 over Kafka. Messages are written in binary mode: attributes as ce_* headers, the
// data as the value. Three forms are read: binary mode, a bare JSON value without
// any header, and structured mode. In that the value is a JSON object with the
// attributes and, as data or data_base64, the data; the header content-type says so.

// The CloudEvents types of the factory's messages.
const (
	TypeFlag    = "cupcakery.kitchen.flag.v1"
	TypeTicket  = "cupcakery.ticket.v1"
	TypeAck     = "cupcakery.ack.v1"
	TypeShipped = "cupcakery.order.shipped.v1"
	TypeFailed  = "cupcakery.order.failed.v1"
	TypeStatus  = "cupcakery.order.status.v1"
)

// MaxMessageBytes is the largest value that is read as a ticket, an ack or a status.
const MaxMessageBytes = kitchen.MaxLoggedStatusBytes

const jsonContent = "application/json"

// structured is the content type of CloudEvents' structured mode in JSON. The
// content types of all its formats, also of batches, begin with anyStructured.
const (
	structured    = "application/cloudevents+json"
	anyStructured = "application/cloudevents"
)

// DecodeTicket reads a ticket. Its times are those that can be: see
// kitchen.Ticket.DatedBy. Its error is a PoisonError, or a MisplacedError for a
// ticket that does not lie where its order's messages do.
func DecodeTicket(m Message) (kitchen.Ticket, error) {
	data, err := payload(m)
	if err != nil {
		return kitchen.Ticket{}, &PoisonError{m, err}
	}
	ticket, err := kitchen.ParseTicket(data)
	if err != nil {
		return kitchen.Ticket{}, &PoisonError{m, err}
	}
	if m.Topic == TicketTopic(ticket.Stage) {
		if err := checkPlace(m, ticket.OrderID); err != nil {
			return ticket, err
		}
	}
	return ticket.DatedBy(recordedAt(m)), nil
}

// DecodeAck reads an ack, leniently: headers and fields that it does not know
// do not matter, and an ack that does not say when it was given was given when
// the record was made. Its times are those that can be: see kitchen.Ack.DatedBy.
// Its error is a PoisonError; or a MisplacedError, with the ack, for one that
// does not lie where its order's messages do.
func DecodeAck(m Message) (kitchen.Ack, error) {
	data, err := payload(m)
	if err != nil {
		return kitchen.Ack{}, &PoisonError{m, err}
	}
	recorded := recordedAt(m)
	ack, err := kitchen.ParseAck(data, recorded)
	if err != nil {
		if contentType(m) != structured && isEvent(data) {
			err = fmt.Errorf("%w; the value is a CloudEvent in structured mode: say so with the header content-type: %s", err, structured)
		}
		return kitchen.Ack{}, &PoisonError{m, err}
	}
	if m.Topic == TopicAcks {
		if err := checkPlace(m, ack.OrderID); err != nil {
			return ack, err
		}
	}
	return ack.DatedBy(recorded), nil
}

// DecodeStatus reads where an order stands. Its error is a PoisonError, or a
// MisplacedError for one that does not lie where its order's messages do.
func DecodeStatus(m Message) (kitchen.LoggedStatus, error) {
	data, err := payload(m)
	if err != nil {
		return kitchen.LoggedStatus{}, &PoisonError{m, err}
	}
	status, err := kitchen.ParseLoggedStatus(data)
	if err != nil {
		return kitchen.LoggedStatus{}, &PoisonError{m, err}
	}
	if m.Topic == TopicStatus {
		if err := checkPlace(m, status.OrderID); err != nil {
			return status, err
		}
	}
	return status, nil
}

// MayBeAckOf is false only for a message that DecodeAck does not read as an ack of
// a stage's ticket, and costs a tenth of DecodeAck: all stations read the acks of
// all stages. A stage's name stands in its acks as it is, unless it is escaped or
// the whole ack is.
func MayBeAckOf(m Message, stage kitchen.Stage) bool {
	return bytes.Contains(m.Value, []byte(stage)) || bytes.IndexByte(m.Value, '\\') >= 0 || contentType(m) == structured
}

// recordedAt is the time of a message's record, or the nearest one that is possible:
// a record may be dated by its sender. Zero if it is unknown.
func recordedAt(m Message) time.Time {
	if m.Time.IsZero() {
		return time.Time{}
	}
	return kitchen.TimeThatCanBe(m.Time)
}

// isEvent reports whether a value is a CloudEvent as structured mode has it.
func isEvent(value []byte) bool {
	var event struct {
		SpecVersion string `json:"specversion"`
		Source      string `json:"source"`
	}
	return json.Unmarshal(value, &event) == nil && event.SpecVersion != "" && event.Source != ""
}

// payload is the JSON that a message carries: its value, or the data in it if it is
// an event in structured mode.
func payload(m Message) ([]byte, error) {
	switch size := len(m.Value); {
	case size == 0:
		return nil, errors.New("the value is empty")
	case size > MaxMessageBytes:
		return nil, fmt.Errorf("the value has %d bytes, more than the %d that are read", size, MaxMessageBytes)
	case m.Value[0] == 0 && size >= 5:
		// The serializers of Confluent's schema registry put a zero and the
		// schema's number before what they write.
		return nil, fmt.Errorf("the value begins with Confluent's schema-registry framing (schema id %d): send plain JSON", binary.BigEndian.Uint32(m.Value[1:5]))
	}
	switch content := contentType(m); {
	case content == structured:
		return eventData(m.Value)
	case strings.HasPrefix(content, anyStructured):
		return nil, fmt.Errorf("content-type %q is not read here: send each event in a message of its own, as %s or as plain JSON", FirstBytes(content, maxContentType), structured)
	}
	return m.Value, nil
}

// contentType is the media type that a message says it has, without
// parameters. CloudEvents write the header's name small, others do not.
func contentType(m Message) string {
	for _, header := range slices.Backward(m.Headers) {
		if strings.EqualFold(header.Key, "content-type") {
			content, _, _ := strings.Cut(string(header.Value[:min(len(header.Value), maxContentType)]), ";")
			return strings.ToLower(strings.TrimSpace(content))
		}
	}
	return ""
}

// maxContentType is how much of a content type is looked at.
const maxContentType = 128

// eventData is the data of a CloudEvent in structured mode. Its attributes do
// not matter, as they do not in binary mode.
func eventData(value []byte) ([]byte, error) {
	var event struct {
		Data   json.RawMessage `json:"data"`
		Base64 string          `json:"data_base64"`
	}
	const remedy = "send a JSON object with the attributes and, as data, the message"
	if err := json.Unmarshal(bytes.TrimPrefix(value, []byte("\ufeff")), &event); err != nil {
		return nil, fmt.Errorf("not a CloudEvent, though content-type is %s: %s: %s", structured, FirstBytes(err.Error(), maxContentType), remedy)
	}
	hasData := len(event.Data) > 0 && string(event.Data) != "null"
	switch {
	case hasData && event.Base64 != "":
		return nil, errors.New("the CloudEvent has data and data_base64: leave one of them out")
	case hasData:
		var text string
		if json.Unmarshal(event.Data, &text) == nil {
			return []byte(text), nil // of another content type than JSON
		}
		return event.Data, nil
	case event.Base64 != "":
		data, err := base64.StdEncoding.DecodeString(event.Base64)
		if err != nil {
			return nil, errors.New("data_base64: not base64 as RFC 4648 has it, with padding")
		}
		return data, nil
	}
	return nil, fmt.Errorf("the CloudEvent has no data: %s", remedy)
}

func ticketMessage(source string, ticket kitchen.Ticket) (Message, error) {
	id := ticket.TicketID + "#" + strconv.Itoa(ticket.Attempt)
	return NewMessage(TicketTopic(ticket.Stage), source, TypeTicket, id, ticket.OrderID, ticket.IssuedAt, ticket)
}

func ackMessage(source string, ack kitchen.Ack) (Message, error) {
	return NewMessage(TopicAcks, source, TypeAck, uuid.NewString(), ack.OrderID, ack.At, ack)
}

func shippedMessage(source string, shipped kitchen.Shipped) (Message, error) {
	return NewMessage(TopicShip, source, TypeShipped, shipped.OrderID+"#shipped", shipped.OrderID, shipped.ShippedAt, shipped)
}

func failedMessage(source string, failed kitchen.Failed) (Message, error) {
	id := failed.OrderID + "#" + string(failed.State)
	if failed.State != kitchen.StateCancelled {
		// An order may need attention more than once, and the time tells which. It
		// ends once, however often workers announce that because one has died.
		id += "#" + failed.At.UTC().Format(time.RFC3339Nano)
	}
	return NewMessage(TopicFailures, source, TypeFailed, id, failed.OrderID, failed.At, failed)
}

func statusMessage(source string, status kitchen.LoggedStatus) (Message, error) {
	id := status.OrderID + "#" + strconv.FormatInt(status.Version, 10)
	message, err := NewMessage(TopicStatus, source, TypeStatus, id, status.OrderID, status.At, status)
	if err == nil && len(message.Value) > kitchen.MaxLoggedStatusBytes {
		// The topic might take it, and no reader would.
		err = fmt.Errorf("%w: the status has %d bytes, more than the %d that are read", ErrTooLarge, len(message.Value), kitchen.MaxLoggedStatusBytes)
	}
	return message, err
}

// NewMessage is a message of the factory: JSON in the envelope that the top of this
// file describes. Its key is the subject.
func NewMessage(topic, source, eventType, id, subject string, at time.Time, data any) (Message, error) {
	value, err := json.Marshal(data)
	if err != nil {
		return Message{}, fmt.Errorf("encode %s %q: %w", eventType, id, err)
	}
	envelope := event.New(event.CloudEventsVersionV1)
	envelope.SetDataContentType(jsonContent)
	envelope.SetID(id)
	envelope.SetSource(source)
	envelope.SetSubject(subject)
	envelope.SetTime(at.UTC())
	envelope.SetType(eventType)
	if err := envelope.Validate(); err != nil {
		return Message{}, fmt.Errorf("envelope of %s %q: %w", eventType, id, err)
	}
	return Message{Topic: topic, Key: []byte(subject), Value: value, Headers: envelopeHeaders(envelope)}, nil
}

func envelopeHeaders(envelope event.Event) []Header {
	return []Header{
		{"ce_specversion", []byte(envelope.SpecVersion())},
		{"ce_type", []byte(envelope.Type())},
		{"ce_source", []byte(envelope.Source())},
		{"ce_id", []byte(envelope.ID())},
		{"ce_time", []byte(envelope.Time().Format(time.RFC3339Nano))},
		{"ce_subject", []byte(envelope.Subject())},
		{"content-type", []byte(envelope.DataContentType())},
	}
}
