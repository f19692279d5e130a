package board

import (
	"iter"
	"maps"
	"slices"
	"time"

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
	Issued, Acked, FirstIssued packedHeard
	FromFirst, Repeated        bool
	IssuedAt                   time.Duration
	HighestIssued              int
	Within                     time.Duration
	Ticket                     kitchen.Ticket
	Since                      time.Time
	Acks                       []packedAck
}

// packedHeard is a Heard whose topic is one of endedTickets.topics.
type packedHeard struct {
	Topic, Partition int
	Offset           int64
	Time             time.Time
	Appended         bool
	After            time.Duration
}

// packedAck is a kitchen.Ack of the ticket that was sent when it says.
type packedAck struct {
	Heard     packedHeard
	Kind      kitchen.AckKind
	By        string
	At        time.Time
	StartedAt *time.Time
	TakeOver  bool
	From      string
	Attempt   int
	Reason    string
	Note      string
	Scrapped  int
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
		return ack.TicketID != h.id || ack.OrderID != ref.OrderID || ack.Stage != ref.Stage || ack.Offset != nil || !ack.SaidAt().Equal(ack.At)
	})
}

func (e *endedTickets) pack(h *history) string {
	p := packedTicket{
		Issued: e.packHeard(h.issued), Acked: e.packHeard(h.acked), FirstIssued: e.packHeard(h.firstIssued),
		FromFirst: h.fromFirst, Repeated: h.life.repeated, IssuedAt: h.issuedAt, HighestIssued: h.life.issued, Within: h.life.within,
		Ticket: h.ticket, Since: h.since,
	}
	p.Ticket.TicketID, p.Ticket.OrderID, p.Ticket.Stage, p.Ticket.Kind, p.Ticket.Pass = "", "", "", "", 0
	for _, a := range h.life.recent {
		p.Acks = append(p.Acks, packedAck{
			Heard: e.packHeard(a.heard), Kind: a.ack.Kind, By: a.ack.By, At: a.ack.At, StartedAt: a.ack.StartedAt, TakeOver: a.ack.TakeOver, From: a.ack.From,
			Attempt: a.ack.Attempt, Reason: a.ack.Reason, Note: a.ack.Note, Scrapped: a.ack.Scrapped,
		})
	}
	return string(pack.Append(nil, &p))
}

// lastRecords are the last delivery and the last ack of a ticket that is packed.
func (e *endedTickets) lastRecords(ticketID string) (issued, acked Heard) {
	var packedIssued, packedAcked packedHeard
	pack.Read(pack.Read(e.packed[ticketID], &packedIssued), &packedAcked)
	return e.unpackHeard(packedIssued), e.unpackHeard(packedAcked)
}

// find unpacks a ticket. What is done to it changes nothing here.
func (e *endedTickets) find(ticketID string) (*history, bool) {
	data, has := e.packed[ticketID]
	if !has {
		return nil, false
	}
	var p packedTicket
	pack.Read(data, &p)
	ref := ticketOf(ticketID)
	h := &history{
		id: ticketID, issued: e.unpackHeard(p.Issued), acked: e.unpackHeard(p.Acked), firstIssued: e.unpackHeard(p.FirstIssued),
		fromFirst: p.FromFirst, issuedAt: p.IssuedAt, ticket: p.Ticket, since: p.Since,
		life: life{issued: p.HighestIssued, repeated: p.Repeated, within: p.Within},
	}
	h.ticket.TicketID, h.ticket.OrderID, h.ticket.Stage, h.ticket.Kind, h.ticket.Pass = ref.TicketID, ref.OrderID, ref.Stage, ref.Kind, ref.Pass
	for _, a := range p.Acks {
		logged := &loggedAck{kitchen.Ack{
			TicketID: ref.TicketID, OrderID: ref.OrderID, Stage: ref.Stage,
			Kind: a.Kind, By: a.By, At: a.At, StartedAt: a.StartedAt, TakeOver: a.TakeOver, From: a.From,
			Attempt: a.Attempt, Reason: a.Reason, Note: a.Note, Scrapped: a.Scrapped,
		}, e.unpackHeard(a.Heard)}
		h.life.recent = append(h.life.recent, recentAck{logged, h.life.judge(logged)})
	}
	h.life.first = h.life.recent[0].loggedAck
	return h, true
}

func (e *endedTickets) packHeard(h Heard) packedHeard {
	topic := slices.Index(e.topics, h.Topic)
	if topic < 0 {
		topic = len(e.topics)
		e.topics = append(e.topics, h.Topic)
	}
	return packedHeard{topic, h.Partition, h.Offset, h.Time, h.Appended, h.After}
}

func (e *endedTickets) unpackHeard(p packedHeard) Heard {
	return Heard{e.topics[p.Topic], p.Partition, p.Offset, p.Time, p.Appended, p.After}
}
