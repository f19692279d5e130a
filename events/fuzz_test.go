package events

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/kitchen/kitchentest"
)

const plainAck = `{"ticketId":"` + testTicket + `","orderId":"` + testOrder + `","stage":"bake","kind":"done","by":"bob"}`

// hostileEvents are messages in structured mode, and their data in every form.
func hostileEvents() map[string]kitchentest.Shape {
	shapes := map[string]kitchentest.Shape{}
	for where, around := range map[string][2]string{
		"Value": {"", ""}, "Data": {`{"specversion":"1.0","data":`, "}"}, "DataBase64": {`{"data_base64":`, "}"},
		"Attribute": {`{"type":`, `,"data":` + plainAck + "}"},
	} {
		for name, shape := range kitchentest.Within(around[0], around[1], kitchentest.JSON()) {
			shapes[where+"/"+name] = shape
		}
	}
	shapes["Base64"] = func(size int) []byte {
		data := strings.Repeat("[", (size-20)*3/4-3)
		return fmt.Appendf(nil, `{"data_base64":"%s"}`, base64.StdEncoding.EncodeToString([]byte(data)))
	}
	shapes["TextInText"] = func(size int) []byte {
		return fmt.Appendf(nil, `{"data":%s}`, strconv.Quote(strings.Repeat(`"`, size/2-10)))
	}
	return shapes
}

func decodeAnyway(value []byte) {
	for _, content := range []string{"", structured} {
		m := Message{Value: value, Headers: contentOf(content), Time: time.Unix(1, 0)}
		_, _ = DecodeAck(m)
		_, _ = DecodeTicket(m)
		_, _ = DecodeStatus(m)
		m.Key = []byte("paused/bake")
		_, _, _ = DecodeFlag(m)
	}
}

func TestReadingAMessageCostsNoMoreThanItsBytesJustify(t *testing.T) {
	kitchentest.RequireFlat(t, MaxMessageBytes, 1000, hostileEvents(), decodeAnyway)
}

func BenchmarkDecode(b *testing.B) {
	kitchentest.Benchmark(b, MaxMessageBytes, hostileEvents(), decodeAnyway)
}

// A message is understood or poison, for a short reason, and what is understood
// can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(plainAck), "")
	f.Add([]byte("\ufeff"+plainAck), "application/json")
	f.Add(structuredEvent("data", plainAck), "application/cloudevents+json; charset=utf-8")
	f.Add(structuredEvent("data", strconv.Quote(plainAck)), "APPLICATION/CLOUDEVENTS+JSON")
	f.Add([]byte(strings.Replace(plainAck, "bake", `\u0062ake`, 1)), "")
	f.Add(structuredEvent("data_base64", `"e30="`), structured)
	f.Add([]byte("\x00\x00\x00\x00\x07{}"), "")
	f.Add([]byte(`{"data":`+plainAck+`,"data_base64":7}`), " application/cloudevents-batch+json ;")
	f.Fuzz(func(t *testing.T, value []byte, content string) {
		m := Message{Value: value, Headers: contentOf(content), Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
		if ack, err := DecodeAck(m); err == nil {
			require.True(t, MayBeAckOf(m, ack.Stage))
			written, err := ackMessage("/bob", ack)
			require.NoError(t, err)
			again, err := DecodeAck(written)
			require.NoError(t, err)
			assert.Equal(t, ack, again)
		} else {
			requirePoison(t, err)
		}
		if ticket, err := DecodeTicket(m); err == nil {
			written, err := ticketMessage("/worker", ticket)
			require.NoError(t, err)
			again, err := DecodeTicket(written)
			require.NoError(t, err)
			assert.Equal(t, ticket.Ref(), again.Ref())
		} else {
			requirePoison(t, err)
		}
		if status, err := DecodeStatus(m); err == nil {
			written, err := statusMessage("/worker", status)
			if errors.Is(err, ErrTooLarge) {
				return // the factory escapes more
			}
			require.NoError(t, err)
			again, err := DecodeStatus(written)
			require.NoError(t, err)
			assert.Equal(t, status.Version, again.Version)
		} else {
			requirePoison(t, err)
		}
	})
}

func requirePoison(t *testing.T, err error) {
	t.Helper()
	var poison *PoisonError
	require.ErrorAs(t, err, &poison)
	require.NotEmpty(t, err.Error())
	require.LessOrEqual(t, len(err.Error()), maxReasonBytes+200, err.Error())
	require.True(t, utf8.ValidString(err.Error()), "%q", err.Error())
}

// Kafka would take it, and every reader would find the order's steps missing.
func TestAStatusThatNobodyWouldReadIsNotWritten(t *testing.T) {
	status := kitchen.LoggedStatus{OrderID: testOrder, Version: 7, State: kitchen.StateInProgress, Attention: &kitchen.Attention{}}
	message, err := statusMessage("/worker", status)
	require.NoError(t, err)
	room := MaxMessageBytes - len(message.Value)
	status.Attention.Reason = strings.Repeat("b", room)
	message, err = statusMessage("/worker", status)
	require.NoError(t, err)
	_, err = DecodeStatus(message)
	require.NoError(t, err)
	status.Attention.Reason += "b"
	_, err = statusMessage("/worker", status)
	require.ErrorIs(t, err, ErrTooLarge)
}

// Nothing that the kitchen may issue is too large to be read.
func TestTheLargestTicketIsRead(t *testing.T) {
	hard := kitchen.HardLimits()
	ticket := kitchen.Ticket{TicketID: testTicket, Kind: kitchen.TicketMake, OrderID: testOrder, Stage: kitchen.Bake, Pass: 1, Attempt: kitchen.MaxAttempt, Notes: strings.Repeat("\U0001F9C1", hard.NotesLength)}
	for range hard.Lines {
		ticket.Lines = append(ticket.Lines, kitchen.Line{Flavour: strings.Repeat("f", 64), Size: kitchen.SizeXL, Quantity: hard.Quantity, Message: strings.Repeat("\U0001F9C1", hard.MessageLength)})
	}
	for range hard.Allergies {
		ticket.Allergies = append(ticket.Allergies, strings.Repeat("<", hard.AllergyLength)) // six bytes each in JSON
	}
	message, err := ticketMessage("/worker", ticket)
	require.NoError(t, err)
	_, err = DecodeTicket(message)
	require.NoError(t, err)
}
