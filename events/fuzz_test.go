package events

import (
	"encoding/base64"
	"encoding/json"
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
	f.Add(structuredEvent("data_base64", `"e30="`), structured)
	f.Add([]byte("\x00\x00\x00\x00\x07{}"), "")
	f.Add([]byte(`{"data":`+plainAck+`,"data_base64":7}`), " application/cloudevents-batch+json ;")
	f.Fuzz(func(t *testing.T, value []byte, content string) {
		m := Message{Value: value, Headers: contentOf(content), Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
		if ack, err := DecodeAck(m); err == nil {
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

func FuzzParseLetterPlace(f *testing.F) {
	for _, text := range []string{"3/17", "0/0", "2147483647/9223372036854775807", "2147483648/1", "03/1", "+3/1", "3/-1", "3/17/", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		place, err := ParseLetterPlace(text)
		if err != nil {
			require.Less(t, len(err.Error()), 5*maxLetterKey)
			return
		}
		assert.Equal(t, text, place.String())
	})
}

// Whatever lies in the topic of dead letters, the fold of it keeps bounded
// texts, and as many letters as there are.
func FuzzLetterLog(f *testing.F) {
	f.Add("station-acks", "3", "17", "burnt", "2026-01-31T12:00:00Z", "70000", "2", []byte("key"), []byte("value"), TypeLetterRedriving, "")
	f.Add("", "-1", "x", "\xff", "yesterday", "1e9", "99999999999999999999", []byte{0xff}, []byte(`{"letter":"0/0","follows":"0/0","by":"ada"}`), TypeLetterDiscarded, "m1")
	f.Add("orders-to-bake", "0", "0", "", "", "", "", []byte(nil), []byte(`{"letter":"0/0","redriving":"m1"}`), TypeLetterRedriven, "m2")
	f.Fuzz(func(t *testing.T, topic, partition, offset, reason, made, size, redrives string, key, value []byte, kind, id string) {
		letter := Message{Topic: TopicDeadLetters, Key: key, Value: value, Headers: []Header{
			{HeaderDeadTopic, []byte(topic)}, {HeaderDeadPartition, []byte(partition)}, {HeaderDeadOffset, []byte(offset)}, {HeaderDeadReason, []byte(reason)},
			{HeaderDeadTime, []byte(made)}, {HeaderDeadSize, []byte(size)}, {HeaderRedriveCount, []byte(redrives)},
		}}
		log := newLetterLog(0)
		log.fold(letter)
		for i := range int64(3) {
			log.fold(Message{Topic: TopicDeadLetters, Offset: i + 1, Key: key, Value: value, Headers: []Header{{"ce_type", []byte(kind)}, {"ce_id", []byte(id)}}})
		}
		require.NotNil(t, log.letters[0])
		for _, letter := range log.letters {
			for text, most := range map[string]int{letter.Topic: maxTopicBytes, letter.Reason: maxReasonBytes, letter.By: maxReasonBytes, letter.Note: maxReasonBytes, string(letter.Key): maxLetterKey} {
				require.LessOrEqual(t, len(text), most)
			}
			require.True(t, utf8.ValidString(letter.Topic+letter.Reason+letter.By+letter.Note))
			require.GreaterOrEqual(t, letter.Redrives, 0)
			require.GreaterOrEqual(t, letter.FullSize, 0)
			if err := letter.CheckRedrive(value); err != nil {
				require.Less(t, len(err.Error()), 3000)
			}
			_, err := json.Marshal(letter)
			require.NoError(t, err)
		}
	})
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
