package kitchen

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// fullTicket is at every limit.
func fullTicket() Ticket {
	hard := HardLimits()
	ref := TicketRef{OrderID: someOrder, Stage: Bake, Pass: MaxPass, Kind: TicketMake}
	ticket := Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: MaxAttempt,
		Notes: strings.Repeat("é", hard.NotesLength), PickupCode: "K7QF", Since: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		IssuedAt: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), AckBy: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for range hard.Lines {
		ticket.Lines = append(ticket.Lines, Line{
			Flavour: strings.Repeat("f", maxCodeLength), Size: SizeXL, Quantity: hard.Quantity, Message: strings.Repeat("é", hard.MessageLength),
		})
	}
	for range hard.Allergies {
		ticket.Allergies = append(ticket.Allergies, strings.Repeat("é", hard.AllergyLength))
	}
	return ticket
}

func TestATicketMayBeAsLargeAsTheLargestOrder(t *testing.T) {
	t.Parallel()
	ticket := fullTicket()
	assert.NoError(t, ticket.Check())
	assert.Equal(t, MaxScrapped, ticket.Pieces())
}

// Nothing that anybody can write to Kafka makes a ticket larger than any order,
// or an attempt so high that no later one can be newer.
func TestATicketLargerThanAnyOrderNamesTheField(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*Ticket){
		"ticketId: ": func(k *Ticket) { k.TicketID = someOrder + ".bake.10001"; k.Pass = 10_001 },
		"attempt: must be from 1 to 100000, it is 1000000":             func(k *Ticket) { k.Attempt = 1_000_000 },
		"attempt: must be from 1 to 100000, it is 9223372036854775807": func(k *Ticket) { k.Attempt = math.MaxInt },
		"lines: must be at most 20, there are 21":                      func(k *Ticket) { k.Lines = append(k.Lines, k.Lines[0]) },
		"lines/19/quantity: must be from 1 to 500, it is 501":          func(k *Ticket) { k.Lines[19].Quantity++ },
		"lines/0/quantity: must be from 1 to 500, it is 0":             func(k *Ticket) { k.Lines[0].Quantity = 0 },
		"lines/0/flavour: must have at most 64 characters, it has 65":  func(k *Ticket) { k.Lines[0].Flavour += "f" },
		`lines/0/size: "XXL" is none of S, M, L and XL`:                func(k *Ticket) { k.Lines[0].Size = "XXL" },
		"lines/1/message: must have at most 40 characters, it has 41":  func(k *Ticket) { k.Lines[1].Message += "é" },
		"notes: must have at most 500 characters, it has 501":          func(k *Ticket) { k.Notes += "é" },
		"allergies: must be at most 20, there are 21":                  func(k *Ticket) { k.Allergies = append(k.Allergies, "nuts") },
		"allergies/3: must have at most 80 characters, it has 81":      func(k *Ticket) { k.Allergies[3] += "é" },
		"customer/name: must have at most 80 characters, it has 81":    func(k *Ticket) { k.Customer.Name = strings.Repeat("é", 81) },
		"pickupCode: must have at most 16 characters, it has 17":       func(k *Ticket) { k.PickupCode = strings.Repeat("K", 17) },
		"since: the year must have four digits":                        func(k *Ticket) { k.Since = k.Since.Add(time.Second) },
		"issuedAt: the year must have four digits":                     func(k *Ticket) { k.IssuedAt = k.IssuedAt.Add(time.Second) },
		"ackBy: the year must have four digits":                        func(k *Ticket) { k.AckBy = k.AckBy.Add(-time.Second) },
	} {
		ticket := fullTicket()
		change(&ticket)
		assert.ErrorContains(t, ticket.Check(), says)
	}
}

func TestATicketTellsItsPlaceInTheQueue(t *testing.T) {
	t.Parallel()
	ticket := fullTicket()
	ticket.Since = time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)
	assert.Equal(t, ticket.Since, ticket.QueuedSince())
	ticket.Since = time.Time{} // by a build that does not tell
	assert.Equal(t, ticket.IssuedAt, ticket.QueuedSince())

	written, err := json.Marshal(ticket)
	assert.NoError(t, err)
	assert.NotContains(t, string(written), "since")
	for _, since := range []string{`null`, `"0001-01-01T00:00:00Z"`} {
		read, err := ParseTicket([]byte("\ufeff" + strings.Replace(string(written), "{", `{"oven": 2, "since": `+since+`, `, 1)))
		assert.NoError(t, err)
		assert.True(t, read.Since.IsZero())
	}
	read, err := ParseTicket([]byte(strings.Replace(string(written), "{", `{"since": "2026-01-31T12:00:00+01:00", `, 1)))
	assert.NoError(t, err)
	assert.True(t, read.QueuedSince().Equal(time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)))
	_, err = ParseTicket([]byte(strings.Replace(string(written), "{", `{"since": 7, `, 1)))
	assert.Error(t, err)
}

func TestNoMorePiecesAreScrappedThanATicketHas(t *testing.T) {
	t.Parallel()
	ticket := Ticket{Lines: []Line{{Quantity: 4}, {Quantity: 2}}}
	assert.NoError(t, ticket.CheckScrapped(0))
	assert.NoError(t, ticket.CheckScrapped(6))
	assert.EqualError(t, ticket.CheckScrapped(7), "must be from 0 to 6, as many pieces as the ticket has")
	assert.Error(t, ticket.CheckScrapped(-1))
	assert.NoError(t, Ticket{}.CheckScrapped(7), "nobody knows how many it has")
}
