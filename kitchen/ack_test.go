package kitchen

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var received = time.Date(2026, 1, 31, 13, 0, 0, 0, time.FixedZone("CET", 3600))

// typedByHand is the least that a person types with kcat.
const typedByHand = `{"ticketId": "` + someOrder + `.bake.1", "orderId": "` + someOrder + `", "stage": "bake", "kind": "done", "by": "bob"}`

func TestAnAckWithoutATimeWasGivenWhenItWasReceived(t *testing.T) {
	t.Parallel()
	ack, err := ParseAck([]byte(typedByHand), received)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), ack.At)

	_, err = ParseAck([]byte(typedByHand), time.Time{})
	assert.EqualError(t, err, "at: missing: give the time as RFC 3339, such as 2026-01-31T12:00:00Z")
}

func TestAnAcksOwnTimesCountAndAreTurnedIntoUTC(t *testing.T) {
	t.Parallel()
	ack, err := ParseAck(ackWith(t, "at", "2026-01-31T09:30:00-02:00", "startedAt", "2026-01-31T12:15:00+01:00"), received)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 31, 11, 30, 0, 0, time.UTC), ack.At)
	assert.Equal(t, time.Date(2026, 1, 31, 11, 15, 0, 0, time.UTC), *ack.StartedAt)
}

func TestGoodAcks(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"started":                       ackWith(t, "kind", "started"),
		"failed with all that goes":     ackWith(t, "kind", "failed", "reason", "burnt", "note", "oven 2\nagain", "scrapped", 12, "attempt", 3),
		"undone answers an undo ticket": ackWith(t, "kind", "undone", "ticketId", someOrder+".bake.1.undo"),
		"failed answers an undo ticket": ackWith(t, "kind", "failed", "ticketId", someOrder+".bake.1.undo"),
		"released":                      ackWith(t, "kind", "released"),
		"taken over":                    ackWith(t, "kind", "started", "takeOver", true, "from", "eve"),
		"from at the limit":             ackWith(t, "kind", "started", "takeOver", true, "from", strings.Repeat("é", MaxByLength)),
		"not taken over":                ackWith(t, "kind", "started", "takeOver", false),
		"nulls":                         ackWith(t, "kind", "started", "takeOver", nil, "from", nil, "offset", nil, "attempt", nil),
		"renewed":                       ackWith(t, "kind", "started", "startedAt", "2026-01-31T11:00:00Z"),
		"refused":                       ackWith(t, "kind", "refused", "offset", 0),
		"refused at the limit":          ackWith(t, "kind", "refused", "offset", maxOffset),
		"refused of an undo ticket":     ackWith(t, "kind", "refused", "offset", 7, "ticketId", someOrder+".bake.1.undo"),
		"a stage of another build":      ackWith(t, "ticketId", someOrder+".dust.1", "stage", "dust"),
		"unknown fields":                ackWith(t, "oven", 2, "specversion", []int{1}),
		"a name in another script":      ackWith(t, "by", "מיכל 👩🏽‍🍳"),
		"by at the limit":               ackWith(t, "by", strings.Repeat("é", MaxByLength)),
		"note at the limit":             ackWith(t, "note", strings.Repeat("é", MaxAckNoteLength)),
		"reason at the limit":           ackWith(t, "reason", strings.Repeat("x", MaxReasonLength)),
		"scrapped at the limit":         ackWith(t, "scrapped", MaxScrapped),
	} {
		_, err := ParseAck(data, received)
		assert.NoError(t, err, name)
	}
}

func TestBadAcksNameTheField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                      {nil, "not a JSON object: unexpected end of JSON input"},
		"null":                       {[]byte(`null`), "ticketId: "},
		"a list":                     {[]byte(`[]`), "not a JSON object but a JSON array"},
		"text":                       {[]byte(`"done"`), "not a JSON object but a JSON string"},
		"cut off":                    {[]byte(typedByHand[:40]), "not a JSON object: unexpected end of JSON input"},
		"two values":                 {[]byte(typedByHand + typedByHand), "not a JSON object: invalid character '{' after top-level value"},
		"not UTF-8":                  {[]byte(strings.Replace(typedByHand, "bob", "b\xf6b", 1)), "not UTF-8: send"},
		"no ticket":                  {ackWith(t, "ticketId", ""), "ticketId: "},
		"another order":              {ackWith(t, "orderId", strings.Replace(someOrder, "cafe", "beef", 1)), "orderId: "},
		"no order":                   {ackWith(t, "orderId", ""), "orderId: "},
		"unknown stage":              {ackWith(t, "stage", "fry"), `stage: unknown stage "fry": use mix, bake, `},
		"a stage of another ticket":  {ackWith(t, "ticketId", someOrder+".dust.1"), `stage: "bake" is not the stage of ticket`},
		"a malformed stage":          {ackWith(t, "ticketId", someOrder+".Dust.1", "stage", "Dust"), "ticketId: "},
		"another stage":              {ackWith(t, "stage", "mix"), "stage: "},
		"unknown kind":               {ackWith(t, "kind", "ready"), `kind: unknown kind "ready": use started, released, done, failed or undone`},
		"done for an undo ticket":    {ackWith(t, "ticketId", someOrder+".bake.1.undo"), "kind: "},
		"undone for a make ticket":   {ackWith(t, "kind", "undone"), "kind: "},
		"nobody":                     {ackWith(t, "by", ""), "by: missing: say who did the work"},
		"a blank name":               {ackWith(t, "by", " \u200d"), "by: missing: say who did the work"},
		"a name that moves a cursor": {ackWith(t, "by", "\x1b[2Jbob"), "by: character 1 is a control character (U+001B): remove it"},
		"by too long":                {ackWith(t, "by", strings.Repeat("é", MaxByLength+1)), "by: must have at most 80 characters, it has 81"},
		"by of another type":         {ackWith(t, "by", 7), "by: must not be a JSON number"},
		"at not a time":              {ackWith(t, "at", "yesterday"), "at: not a time: give the time as RFC 3339"},
		"at of another type":         {ackWith(t, "at", 1769860800), "at: not a time: give the time as RFC 3339"},
		"at beyond the years":        {ackWith(t, "at", "9999-12-31T23:59:59-01:00"), "at: the year must have four digits"},
		"startedAt not a time":       {ackWith(t, "startedAt", "now"), "startedAt: not a time: give the time as RFC 3339"},
		"startedAt beyond the years": {ackWith(t, "startedAt", "0000-01-01T00:00:00+01:00"), "startedAt: the year must have four digits"},
		"taken over from nobody":     {ackWith(t, "kind", "started", "takeOver", true), "from: missing: say whom the ticket is taken from"},
		"taken over from a blank":    {ackWith(t, "kind", "started", "takeOver", true, "from", " \u200d"), "from: missing: say whom the ticket is taken from"},
		"taken over from oneself":    {ackWith(t, "kind", "started", "takeOver", true, "from", "bob"), "from: nobody takes a ticket over from themselves: leave takeOver and from out"},
		"from too long":              {ackWith(t, "kind", "started", "takeOver", true, "from", strings.Repeat("é", MaxByLength+1)), "from: must have at most 80 characters, it has 81"},
		"from that moves a cursor":   {ackWith(t, "kind", "started", "takeOver", true, "from", "\x1b[2Jeve"), "from: character 1 is a control character (U+001B): remove it"},
		"from of another type":       {ackWith(t, "kind", "started", "takeOver", true, "from", 7), "from: must not be a JSON number 7: give a text"},
		"takeOver of another type":   {ackWith(t, "kind", "started", "takeOver", "true", "from", "eve"), "takeOver: must not be a JSON string: give true or false"},
		"takeOver a number":          {ackWith(t, "kind", "started", "takeOver", 1, "from", "eve"), "takeOver: must not be a JSON number 1: give true or false"},
		"refused without an offset":  {ackWith(t, "kind", "refused"), "offset: missing: say where the ack lies that is refused"},
		"an offset below all":        {ackWith(t, "kind", "refused", "offset", -1), "offset: must be the offset of an ack in the same partition"},
		"an offset beyond all":       {ackWith(t, "kind", "refused", "offset", 1e300), "offset: must be the offset of an ack in the same partition"},
		"an offset in halves":        {ackWith(t, "kind", "refused", "offset", 1.5), "offset: must not be a JSON number 1.5: give a whole number"},
		"an offset that is a text":   {ackWith(t, "kind", "refused", "offset", "7"), "offset: must not be a JSON string: give a whole number"},
		"attempt negative":           {ackWith(t, "attempt", -1), "attempt: must be from 1 to 100000, or left out"},
		"attempt beyond all":         {ackWith(t, "attempt", 100_001), "attempt: must be from 1 to 100000, or left out"},
		"attempt a text":             {ackWith(t, "attempt", "1"), "attempt: must not be a JSON string"},
		"reason too long":            {ackWith(t, "reason", strings.Repeat("x", MaxReasonLength+1)), "reason: must have at most 64 characters, it has 65"},
		"reason with a line break":   {ackWith(t, "reason", "burnt\n"), "reason: character 6 is a line break (U+000A): remove it"},
		"note too long":              {ackWith(t, "note", strings.Repeat("é", MaxAckNoteLength+1)), "note: must have at most 500 characters, it has 501"},
		"note that turns around":     {ackWith(t, "note", "\u202eevo 2"), "note: character 1 is a character that changes the direction"},
		"scrapped negative":          {ackWith(t, "scrapped", -1), "scrapped: must be from 0 to 10000 pieces"},
		"scrapped too many":          {ackWith(t, "scrapped", MaxScrapped+1), "scrapped: must be from 0 to 10000 pieces"},
		"scrapped in halves":         {ackWith(t, "scrapped", 1.5), "scrapped: must not be a JSON number 1.5"},
	} {
		ack, err := ParseAck(c.data, received)
		assert.ErrorContains(t, err, c.want, name)
		assert.Zero(t, ack, name)
	}
}

func TestAnAckHasTheFieldsOfItsKind(t *testing.T) {
	t.Parallel()
	taken, err := ParseAck(ackWith(t, "kind", "started", "takeOver", true, "from", "eve", "offset", 7), received)
	require.NoError(t, err)
	assert.True(t, taken.TakeOver)
	assert.Equal(t, "eve", taken.From)
	assert.Nil(t, taken.Offset)

	written := []byte("\ufeff" + strings.Replace(string(ackWith(t, "kind", "refused")), "{", `{"offset": 12.0, "oven": {"from": 2}, `, 1))
	refused, err := ParseAck(written, received)
	require.NoError(t, err)
	require.NotNil(t, refused.Offset)
	assert.EqualValues(t, 12, *refused.Offset)
}

// A station that is older than these fields may have fields of its own by their
// names. They mean nothing.
func TestFieldsOfAnotherKindAreIgnored(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"started", "released", "done", "failed"} {
		for _, value := range []any{"oven 2", "\x1b[2J", strings.Repeat("x", 1000), 7, 1.5, true, []int{1}, map[string]int{"a": 1}} {
			fields := []any{"kind", kind, "from", value, "offset", value}
			if kind != "started" {
				fields = append(fields, "takeOver", value)
			}
			ack, err := ParseAck(ackWith(t, fields...), received)
			require.NoError(t, err, "%s with %v", kind, value)
			plain, err := ParseAck(ackWith(t, "kind", kind), received)
			require.NoError(t, err)
			assert.Equal(t, plain, ack)
		}
	}
}

// What the factory itself writes has no field that does not go with its kind.
func TestCheckNamesAFieldOfAnotherKind(t *testing.T) {
	t.Parallel()
	offset := int64(7)
	for says, change := range map[string]func(*Ack){
		"takeOver: goes with started, not with done":                                    func(a *Ack) { a.TakeOver, a.From = true, "eve" },
		"from: goes with takeOver: set takeOver to true, or leave from out":             func(a *Ack) { a.From = "eve" },
		"offset: goes with refused, not with done":                                      func(a *Ack) { a.Offset = &offset },
		"offset: missing: say where the ack lies that is refused":                       func(a *Ack) { a.Kind = AckRefused },
		"from: missing: say whom the ticket is taken from":                              func(a *Ack) { a.Kind, a.TakeOver = AckStarted, true },
		"from: nobody takes a ticket over from themselves: leave takeOver and from out": func(a *Ack) { a.Kind, a.TakeOver, a.From = AckStarted, true, a.By },
	} {
		ack, err := ParseAck([]byte(typedByHand), received)
		require.NoError(t, err)
		change(&ack)
		assert.EqualError(t, ack.Check(), says)
	}
}

func TestNeitherReleasedNorRefusedEndsTheWork(t *testing.T) {
	t.Parallel()
	for kind, ends := range map[AckKind]bool{AckStarted: false, AckReleased: false, AckDone: true, AckFailed: true, AckUndone: true, AckRefused: false} {
		assert.Equal(t, ends, kind.Ends(), kind)
	}
}

// A good ack goes on into Temporal and onto boards as JSON, so whatever
// ParseAck lets pass must be written and read again as the same.
func FuzzParseAck(f *testing.F) {
	f.Add([]byte(typedByHand))
	f.Add([]byte(`{"ticketId": "` + someOrder + `.bake.2.undo", "orderId": "` + someOrder + `", "stage": "bake", "kind": "failed", "by": "bob", "at": "2026-01-31T12:00:00.5+01:00", "startedAt": "2026-01-31T11:00:00Z", "attempt": 2, "reason": "burnt", "note": "oven 2", "scrapped": 12}`))
	f.Add([]byte(`{"at": "9999-12-31T23:59:59-23:59", "startedAt": 3}`))
	f.Add([]byte(`[{}]`))
	f.Add([]byte(`{"by": "\ud800"}`))
	f.Add([]byte(strings.Replace("\ufeff"+typedByHand, "{", `{"at": "2026-01-31t12:00:00.5", "startedAt": "2026-01-31 12:00+0100", "attempt": 1.0, "scrapped": 12e0, `, 1)))
	f.Add([]byte(strings.Replace(typedByHand, "{", `{"attempt": 1e999999, "scrapped": -1e400, "at": "9999-12-31T23:59:59-23:59", `, 1)))
	for _, fields := range []string{
		`"kind": "started", "takeOver": true, "from": "eve", "startedAt": "2026-01-31T11:00:00Z"`,
		`"kind": "started", "takeOver": 1, "from": ["eve"]`, `"kind": "started", "from": "\u001b", "offset": "x"`,
		`"kind": "released", "attempt": 2`, `"kind": "refused", "offset": 7.0`, `"kind": "refused", "offset": 9e15`, `"kind": "refused", "offset": -0.0`,
	} {
		f.Add([]byte(strings.Replace(typedByHand, `"kind": "done"`, fields, 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ack, err := ParseAck(data, received)
		if err != nil {
			assert.Zero(t, ack)
			requireShort(t, err, 1000)
			return
		}
		written, err := json.Marshal(ack)
		require.NoError(t, err)
		again, err := ParseAck(written, time.Time{})
		require.NoError(t, err)
		assert.Equal(t, ack, again)
		ref, err := ParseTicketID(ack.TicketID)
		require.NoError(t, err)
		assert.Equal(t, ack.OrderID, ref.OrderID)
		assert.Equal(t, ack.Stage, ref.Stage)
	})
}

// ackWith is the ack typed by hand with the given fields changed.
func ackWith(t *testing.T, namesAndValues ...any) []byte {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(typedByHand), &fields))
	for i := 0; i < len(namesAndValues); i += 2 {
		fields[namesAndValues[i].(string)] = namesAndValues[i+1]
	}
	data, err := json.Marshal(fields)
	require.NoError(t, err)
	return data
}
