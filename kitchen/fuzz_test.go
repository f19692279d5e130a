package kitchen

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireShort checks that a refusal is clear and short enough to read, whatever
// was sent.
func requireShort(t *testing.T, err error, longest int) {
	t.Helper()
	require.Error(t, err)
	require.NotEmpty(t, err.Error())
	require.LessOrEqual(t, len(err.Error()), longest, err.Error())
	require.True(t, utf8.ValidString(err.Error()), "%q", err.Error())
}

func FuzzParseTicket(f *testing.F) {
	full, err := json.Marshal(fullTicket())
	require.NoError(f, err)
	f.Add(full)
	f.Add([]byte(`{"ticketId": "` + someOrder + `.bake.2.undo", "orderId": "` + someOrder + `", "stage": "bake", "kind": "undo", "pass": 2, "attempt": 1, "made": true}`))
	f.Add([]byte(`{"attempt": 1e999999, "lines": [{}, 7], "issuedAt": "0000-01-01T00:00:00+23:59"}`))
	f.Add([]byte("\ufeff[[]]"))
	f.Add(bytes.Replace(full, []byte(`"issuedAt"`), []byte(`"since":"2026-01-31T12:00:00+01:00","issuedAt"`), 1))
	f.Add(bytes.Replace(full, []byte(`"issuedAt"`), []byte(`"since":"0000-01-01T00:00:00+23:59","issuedAt"`), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		ticket, err := ParseTicket(data)
		if err != nil {
			assert.Zero(t, ticket)
			requireShort(t, err, 1000)
			return
		}
		written, err := json.Marshal(ticket)
		require.NoError(t, err)
		again, err := ParseTicket(written)
		require.NoError(t, err)
		assert.True(t, ticket.IssuedAt.Equal(again.IssuedAt) && ticket.AckBy.Equal(again.AckBy) && ticket.Since.Equal(again.Since))
		ticket.IssuedAt, ticket.AckBy, ticket.Since = again.IssuedAt, again.AckBy, again.Since
		if len(ticket.Allergies) == 0 {
			ticket.Allergies = again.Allergies // an empty list is treated as none
		}
		assert.Equal(t, ticket, again)
		assert.LessOrEqual(t, ticket.Pieces(), MaxScrapped)
		assert.LessOrEqual(t, ticket.Attempt, MaxAttempt)
		assert.LessOrEqual(t, ticket.Pass, MaxPass)
		assert.Less(t, len(written), 64<<10, "what is accepted can be sent")
	})
}

func FuzzParseTicketID(f *testing.F) {
	for _, id := range []string{someOrder + ".bake.1", someOrder + ".package.10000.undo", someOrder + ".bake.01", someOrder + ".bake.+1", someOrder + ".bake.1.undo.undo", ".", ""} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		ref, err := ParseTicketID(id)
		if err != nil {
			requireShort(t, err, 1000)
			return
		}
		assert.Equal(t, id, ref.TicketID())
		assert.NoError(t, CheckOrderID(ref.OrderID))
	})
}

func FuzzParseStaff(f *testing.F) {
	f.Add([]byte("staff: [{name: mia, role: mixer, pin: '" + aHash + "'}]\nsessions: 1\n"))
	f.Add([]byte("staff:\n  - name: &x \"mi\\ta\"\n    role: *x\n    pin: 987654\n"))
	f.Add([]byte("%YAML 1.2\n---\n? [a]\n: !!binary |\n  b\n--- \nstaff: []\n..."))
	f.Fuzz(func(t *testing.T, data []byte) {
		staff, err := ParseStaff("f", data)
		if err != nil {
			var faults *FileError
			require.ErrorAs(t, err, &faults)
			assert.LessOrEqual(t, len(faults.Faults), maxFileFaults)
			requireShort(t, err, 1000*maxFileFaults)
			return
		}
		names := map[string]bool{}
		for _, person := range staff.People {
			assert.False(t, isBlank(person.Name) || names[person.Name])
			assert.LessOrEqual(t, utf8.RuneCountInString(person.Name), MaxByLength)
			assert.Contains(t, Roles(), person.Role)
			names[person.Name] = true
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, text := range []string{"20m", "1h30m", "-1ns", "1e9h", "9223372036854775807ns", "µs", strings.Repeat("1h", 1000)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			requireShort(t, err, 1000)
			return
		}
		var again Duration
		require.NoError(t, again.UnmarshalText([]byte(d.String())))
		assert.Equal(t, d, again)
	})
}

// An order that passes has texts that pass on their own, and a refusal is
// short, whatever the order has.
func FuzzCheckOrder(f *testing.F) {
	good, err := json.Marshal(goodOrder())
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"customer": {"name": "Ada"}, "phone": "+44 (0)20 7946 0018", "lines": [{"flavour": "lemon", "size": "M", "quantity": 1}]}`))
	f.Add([]byte(`{"customer": {"name": "\u202e"}, "phone": "\u0663+-()", "lines": [{"flavour": "lava", "size": "Q", "quantity": -1, "message": "\ufffe"}], "allergies": ["Nuts", " nuts"]}`))
	k := Default()
	f.Fuzz(func(t *testing.T, data []byte) {
		var order Order
		if json.Unmarshal(data, &order) != nil {
			return
		}
		faults := k.CheckOrder(order)
		for _, fault := range faults {
			requireShort(t, errors.New(fault.Detail), 1000)
		}
		if len(faults) == 0 {
			assert.NoError(t, HardLimits().CheckName(order.Customer.Name))
			_, err := ParsePhone(order.Phone)
			assert.NoError(t, err)
			assert.Positive(t, order.Pieces())
			assert.LessOrEqual(t, order.Pieces(), MaxScrapped)
		}
	})
}

func FuzzParseLoggedStatus(f *testing.F) {
	full, err := json.Marshal(fullStatus().ForLog(time.Unix(1, 0)))
	require.NoError(f, err)
	f.Add(full)
	f.Add([]byte(`{"orderId": "` + someOrder + `", "version": 1, "state": "shipped", "route": null, "stages": [{}, null]}`))
	f.Add([]byte(`{"version": 1e999999, "stages": [[]], "at": "0000-01-01T00:00:00+23:59"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		told, err := ParseLoggedStatus(data)
		if err != nil {
			assert.Zero(t, told)
			requireShort(t, err, 1000)
			return
		}
		written, err := json.Marshal(told)
		require.NoError(t, err)
		again, err := ParseLoggedStatus(written)
		require.NoError(t, err)
		rewritten, err := json.Marshal(again)
		require.NoError(t, err)
		assert.Equal(t, string(written), string(rewritten))
	})
}
