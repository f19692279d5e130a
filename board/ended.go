package board

import (
	"iter"
	"maps"
	"slices"

	"github.com/cupcakery/cupcakery/internal/pack"
	"github.com/cupcakery/cupcakery/kitchen"
)

// keptUnpacked is how many tickets that have just ended are kept as they are: much
// is asked about them. Only tests change it.
var keptUnpacked = 1024

// acksPacked is how many acks a ticket has at most that is packed. Few have more.
const acksPacked = 8

// endedTickets are tickets that have ended. There are far more of them than of open
// ones, since late acks must find them, but hardly anything is asked about one of
// them, so they are kept in a tenth of the bytes.
type endedTickets struct {
	packed map[string]string // a packedTicket each, by its id
	topics []string          // of the records
	// next are the ids of tickets to be packed, in this order. One that does not
	// qualify any more when its turn comes is left alone.
	next []string
	kept int // how many of them stay as they are
}

// packedTicket is a history. What the ticket's id tells is left out, and so is where
// the ticket stands: the acks tell.
type packedTicket struct {
	*history
	acks []loggedAck
}

func newEndedTickets() endedTickets {
	return endedTickets{packed: map[string]string{}, kept: keptUnpacked}
}

func (e *endedTickets) has(ticketID string) bool {
	_, has := e.packed[ticketID]
	return has
}

func (e *endedTickets) len() int { return len(e.packed) }

func (e *endedTickets) ids() iter.Seq[string] { return maps.Keys(e.packed) }

func (e *endedTickets) drop(ticketID string) { delete(e.packed, ticketID) }

// packLater packs a ticket that has ended once others have ended as well.
func (b *Board) packLater(h *history) {
	if h.life.now.end == nil {
		return
	}
	e := &b.ended
	for e.next = append(e.next, h.id); len(e.next) > e.kept; e.next = e.next[1:] {
		next, unpacked := b.tickets[e.next[0]]
		if !unpacked || !next.canBePacked() {
			continue
		}
		delete(b.tickets, next.id)
		e.packed[next.id] = e.pack(next)
	}
}

// canBePacked reports whether the ticket has ended and unpack would bring back all
// that is known of it.
func (h *history) canBePacked() bool {
	l, ref := &h.life, ticketOf(h.id)
	switch {
	case l.now.end == nil, h.ticket.Attempt == 0, l.base != (standing{}), len(l.recent) == 0, len(l.recent) > acksPacked,
		l.first != l.recent[0].loggedAck,
		h.ticket.TicketID != h.id, h.ticket.OrderID != ref.OrderID, h.ticket.Stage != ref.Stage, h.ticket.Kind != ref.Kind, h.ticket.Pass != ref.Pass:
		return false
	}
	return !slices.ContainsFunc(l.recent, func(a recentAck) bool {
		ack := a.ack
		return ack.TicketID != h.id || ack.OrderID != ref.OrderID || ack.Stage != ref.Stage || ack.Offset != nil
	})
}

// code codes all that is kept of a ticket.
func (e *endedTickets) code(c *pack.Coder, t *packedTicket) {
	e.codeRecords(c, t.history)
	e.codeHeard(c, &t.firstIssued)
	pack.Flag(c, &t.fromFirst)
	pack.Number(c, &t.issuedAt)
	codeTicket(c, &t.ticket)
	pack.Time(c, &t.since)
	pack.Number(c, &t.life.issued)
	pack.Flag(c, &t.life.repeated)
	pack.Number(c, &t.life.within)
	pack.Slice(c, &t.acks, e.codeAck)
}

// codeRecords codes the last delivery and the last ack of a ticket.
func (e *endedTickets) codeRecords(c *pack.Coder, h *history) {
	e.codeHeard(c, &h.issued)
	e.codeHeard(c, &h.acked)
}

func (e *endedTickets) codeHeard(c *pack.Coder, h *Heard) {
	topic := slices.Index(e.topics, h.Topic)
	if topic < 0 {
		topic = len(e.topics)
		e.topics = append(e.topics, h.Topic)
	}
	pack.Number(c, &topic)
	h.Topic = e.topics[topic]
	pack.Number(c, &h.Partition)
	pack.Number(c, &h.Offset)
	pack.Time(c, &h.Time)
	pack.Flag(c, &h.Appended)
	pack.Number(c, &h.After)
}

// codeTicket leaves out what the ticket's id tells.
func codeTicket(c *pack.Coder, t *kitchen.Ticket) {
	pack.Number(c, &t.Attempt)
	pack.Slice(c, &t.Lines, func(c *pack.Coder, line *kitchen.Line) {
		pack.Text(c, &line.Flavour)
		pack.Text(c, &line.Size)
		pack.Number(c, &line.Quantity)
		pack.Text(c, &line.Message)
	})
	pack.Text(c, &t.Notes)
	pack.Slice(c, &t.Allergies, pack.Text)
	pack.Text(c, &t.PickupCode)
	pack.Text(c, &t.Customer.Name)
	pack.Optional(c, &t.Total, func(c *pack.Coder, total *kitchen.Money) {
		pack.Text(c, &total.Currency)
		pack.Number(c, &total.Decimals)
		pack.Number(c, &total.Amount)
	})
	pack.Flag(c, &t.Made)
	pack.Time(c, &t.Since)
	pack.Time(c, &t.DueAt)
	pack.Time(c, &t.IssuedAt)
	pack.Time(c, &t.AckBy)
}

// codeAck leaves out what the ticket's id tells, and an offset, which only refusals
// have.
func (e *endedTickets) codeAck(c *pack.Coder, a *loggedAck) {
	e.codeHeard(c, &a.heard)
	pack.Text(c, &a.ack.Kind)
	pack.Text(c, &a.ack.By)
	said := a.ack.SaidAt()
	pack.Time(c, &a.ack.At)
	pack.Time(c, &said)
	a.ack = a.ack.SaidWhen(said)
	pack.Optional(c, &a.ack.StartedAt, pack.Time)
	pack.Flag(c, &a.ack.TakeOver)
	pack.Text(c, &a.ack.From)
	pack.Number(c, &a.ack.Attempt)
	pack.Text(c, &a.ack.Reason)
	pack.Text(c, &a.ack.Note)
	pack.Number(c, &a.ack.Scrapped)
}

func (e *endedTickets) pack(h *history) string {
	t := packedTicket{history: h}
	for _, a := range h.life.recent {
		t.acks = append(t.acks, *a.loggedAck)
	}
	return pack.Pack(&t, e.code)
}

// lastRecords are the last delivery and the last ack of a ticket that is packed.
func (e *endedTickets) lastRecords(ticketID string) (issued, acked Heard) {
	var h history
	pack.Unpack(e.packed[ticketID], &h, e.codeRecords)
	return h.issued, h.acked
}

// find unpacks a ticket. What is done to it changes nothing here.
func (e *endedTickets) find(ticketID string) (*history, bool) {
	data, has := e.packed[ticketID]
	if !has {
		return nil, false
	}
	t := packedTicket{history: &history{id: ticketID, ticket: ticketOf(ticketID)}}
	pack.Unpack(data, &t, e.code)
	h, ref := t.history, t.ticket
	for i := range t.acks {
		a := &t.acks[i]
		a.ack.TicketID, a.ack.OrderID, a.ack.Stage = ref.TicketID, ref.OrderID, ref.Stage
		h.life.recent = append(h.life.recent, recentAck{a, h.life.judge(a)})
	}
	h.life.first = &t.acks[0]
	return h, true
}
