package station

import (
	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// cause is an input with the ack that it came from.
type cause struct {
	input input
	// ack is what the owner elsewhere or whoever ended the ticket has published;
	// nil if no ack is the cause. own is set if it is this station's own.
	ack *kitchen.Ack
	own bool
}

// causeOfAck returns what a new ack means for a job that is here, given where
// the log has its ticket now; its input is empty if it means nothing. owner is
// the started ack of the present owner elsewhere, if there is one, and own says
// that this station, whose people are called name, has published the ack.
//
// A job exists only while its ticket is open, so if the ticket has ended, this
// ack has ended it.
func causeOfAck(entry board.Entry, attempt int, owner *kitchen.Ack, ack kitchen.Ack, name string, own bool) cause {
	c := cause{own: own}
	switch {
	case entry.Ended():
		c.input, c.ack = ended, entry.Ack
	case own && ack.Kind == kitchen.AckFailed:
		// Also when the ticket was issued again meanwhile: whichever attempt
		// is open, the failure ends it.
		c.input, c.ack = ended, &ack
	case entry.State == kitchen.TicketFailed && entry.Attempt >= attempt:
		c.input, c.ack = ended, entry.Ack
	case entry.State == kitchen.TicketWaiting && ack.Kind == kitchen.AckFailed && ack.Attempt == 0:
		// The log alone does not tell whether it is of the attempt that is here
		// or of one before. It has just come, so it ends the one that is here.
		c.input, c.ack = ended, &ack
	case entry.State != kitchen.TicketStarted || ack.Kind != kitchen.AckStarted:
	case entry.By != name:
		c.input, c.ack = ownedElsewhere, entry.Ack
	case ack.By != name || (ack.Attempt != 0 && ack.Attempt < entry.Attempt):
		// Somebody was second, or the attempt is over.
	case own:
		c.input, c.ack = ownedHere, &ack
	default:
		// Somebody of our name, at another station, and later than we.
		c.input, c.ack = ownedElsewhere, &ack
	}
	if c.input == ownedElsewhere && owner != nil && *owner == *c.ack {
		return cause{} // it is known already
	}
	return c
}

// causeOfReissue returns what a newer attempt means for a job that is here.
func causeOfReissue(entry board.Entry, name string) cause {
	if entry.State == kitchen.TicketStarted && entry.By != name {
		return cause{input: reissuedOwned, ack: entry.Ack}
	}
	return cause{input: reissued}
}

// causeOfOffer shows a ticket to people, who may find an owner elsewhere.
func causeOfOffer(owner *kitchen.Ack) cause {
	if owner != nil {
		return cause{input: offeredOwned, ack: owner}
	}
	return cause{input: offered}
}
