package main

import (
	"fmt"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// eventText is what an event means to the person called name, in one line; empty
// if the ticket itself is shown.
func eventText(e station.Event, name string) string {
	who := fmt.Sprintf("#%d  %s  ", e.Item.Number, printable(e.Item.Ticket.PickupCode))
	switch e.Kind {
	case station.Reissued:
		text := fmt.Sprintf("issued again, attempt %d", e.Item.Ticket.Attempt)
		if !e.Item.Ticket.AckBy.IsZero() {
			text += ", ack by " + e.Item.Ticket.AckBy.Local().Format("15:04:05")
		}
		return who + text
	case station.Started:
		return who + "started by " + printable(e.Item.By)
	case station.StartedElsewhere:
		switch {
		case e.Ack.By == name && e.Was == station.InHand:
			return who + "you have started it at another station"
		case e.Ack.By == name:
			return fmt.Sprintf("%syou have started it before or elsewhere; start %d takes it up here", who, e.Item.Number)
		case e.Was == station.InHand:
			return who + "taken over by " + printable(e.Ack.By) + "; leave it to them"
		}
		return who + "started by " + printable(e.Ack.By)
	case station.Answered:
		text := who + outcome(e.Ack) + " by " + printable(e.Ack.By)
		if e.Was == station.InHand && !e.Mine {
			text += "; your work on it is not needed any more"
		}
		return text
	case station.Withdrawn:
		return who + withdrawal(e, name)
	case station.Unsent:
		return who + "Kafka does not take your ack now; it is kept and sent as soon as possible: " + reasonText(e.Err)
	}
	return ""
}

// isStop reports whether an event takes work out of the hand of the person
// called name.
func isStop(e station.Event, name string) bool {
	return e.Kind == station.Withdrawn && e.Cancelled && (e.Was == station.InHand || e.Item.By == name)
}

// withdrawal is why a ticket is no longer offered, and what is to be done.
func withdrawal(e station.Event, name string) string {
	switch {
	case !e.Cancelled:
		return "is not offered here any more"
	case isStop(e, name) && e.Undo > 0:
		return fmt.Sprintf("STOP: the order was cancelled; put it aside, its UNDO ticket is #%d", e.Undo)
	case isStop(e, name) && e.Ack != nil && e.Ack.Kind == kitchen.AckUndone:
		return "STOP: the order was cancelled; put it away, " + printable(e.Ack.By) + " has said already that it is undone"
	case isStop(e, name) && e.Ack != nil:
		return "STOP: the order was cancelled; put it aside, its UNDO ticket is with " + printable(e.Ack.By)
	case isStop(e, name):
		return "STOP: the order was cancelled; put it aside"
	case e.Was == station.Elsewhere:
		return "the order was cancelled; " + printable(e.Item.By) + " had it in hand"
	}
	return "the order was cancelled; nobody needs to start it"
}
