package floor

import (
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// boardTicket is a ticket as its station sees it.
func (f *Floor) boardTicket(e board.Entry) wire.BoardTicket {
	ticket := wire.BoardTicket{
		AckBy:      printable(e.Ticket.AckBy),
		Allergies:  e.Ticket.Allergies,
		Attempt:    e.Attempt,
		By:         e.By,
		IssuedAt:   printable(e.Ticket.IssuedAt),
		Kind:       e.Ticket.Kind,
		Lines:      e.Ticket.Lines,
		Made:       e.Ticket.Made,
		Notes:      e.Ticket.Notes,
		Pass:       e.Ticket.Pass,
		PickupCode: e.Ticket.PickupCode,
		Since:      printable(e.Since),
		State:      e.State,
		TicketID:   e.Ticket.TicketID,
		Withdrawn:  e.Withdrawn,
	}
	if ticket.Lines == nil {
		ticket.Lines = []kitchen.Line{}
	}
	if e.Ticket.Stage == kitchen.Package && e.Ticket.Kind == kitchen.TicketMake {
		ticket.Boxes = f.kitchenFile.Boxes(e.Ticket.Pieces())
		ticket.Customer = e.Ticket.Customer
	}
	if e.StartedAt != nil {
		ticket.StartedAt = printable(*e.StartedAt)
	}
	if e.Ack != nil && e.Ack.Kind.Ends() {
		ticket.EndedAt = printable(e.Ack.At)
	}
	if e.State == kitchen.TicketFailed {
		ticket.Failure = newTicketFailure(e.Ticket, e.Ack)
	}
	if e.LastFailure != nil {
		ticket.LastFailure = newTicketFailure(e.Ticket, e.LastFailure)
	}
	return ticket
}

// boardRules are what a stage's board needs of the kitchen file.
func boardRules(k *kitchen.Kitchen, stage kitchen.Stage) wire.BoardRules {
	age := k.Age[stage]
	rules := wire.BoardRules{
		LateAfterSeconds:    int(time.Duration(age.Late).Seconds()),
		OverdueAfterSeconds: int(time.Duration(age.Overdue).Seconds()),
		Reasons:             make([]wire.ReasonOnOffer, 0, len(k.Reasons)),
	}
	for _, reason := range k.Reasons {
		rules.Reasons = append(rules.Reasons, wire.ReasonOnOffer{Code: reason.Code, Label: reason.Label, Remake: reason.Then == kitchen.OutcomeRemake})
	}
	return rules
}

func newTicketFailure(ticket kitchen.Ticket, ack *kitchen.Ack) wire.TicketFailure {
	scrapped := ack.Scrapped
	if ticket.CheckScrapped(scrapped) != nil {
		scrapped = ticket.Pieces() // other programs may write any number
	}
	return wire.TicketFailure{At: printable(ack.At), By: ack.By, Note: ack.Note, Reason: ack.Reason, Scrapped: scrapped}
}

// printable is a time in UTC, or none if JSON cannot express it: anybody can
// write records to Kafka that are from the year 20,000.
func printable(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
