package board

import "strings"

// ForgetTexts forgets what an order's customer has written, their name, and the notes of
// those who worked on it. Where its tickets stand, and whose they are, stays as it was.
// It returns the tickets.
func (b *Board) ForgetTexts(orderID string) (ticketIDs []string) {
	for ticketID := range b.TicketIDs() {
		if strings.HasPrefix(ticketID, orderID+".") {
			ticketIDs = append(ticketIDs, ticketID)
		}
	}
	for _, ticketID := range ticketIDs {
		h, _ := b.find(ticketID)
		h.ticket = h.ticket.WithoutTexts()
		h.life.forgetNotes()
		if b.ended.has(ticketID) {
			b.ended.packed[ticketID] = b.ended.pack(h)
		}
	}
	return ticketIDs
}

// forgetNotes forgets the notes of all acks that are kept. What an ack does depends on
// none.
func (l *life) forgetNotes() {
	kept := []*loggedAck{l.first}
	for _, a := range l.recent {
		kept = append(kept, a.loggedAck)
	}
	for _, s := range []standing{l.base, l.now} {
		kept = append(kept, s.taken, s.failure, s.failureBefore, s.release, s.end)
		if s.owner != nil {
			kept = append(kept, s.owner.claim)
		}
	}
	for _, a := range kept {
		if a != nil {
			a.ack.Note = ""
		}
	}
}
