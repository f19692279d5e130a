package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// maxShown is how many characters of one text a station shows. No order that
// the API has taken has longer ones, but anybody may write to Kafka.
const maxShown = 500

// printable makes text from elsewhere safe to show, in one line and not without
// end.
func printable(text string) string {
	count := 0
	for i := range text {
		if count == maxShown {
			return safeText(text[:i]) + "…"
		}
		count++
	}
	return safeText(text)
}

// printableLines is printable for text that may have several lines.
func printableLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		lines = append(lines, printable(strings.TrimSuffix(line, "\r")))
	}
	if len(lines) > maxNoteLines {
		lines = append(lines[:maxNoteLines], "…")
	}
	return lines
}

// maxNoteLines is how many lines of notes are shown.
const maxNoteLines = 20

// title is the ticket's first line: its number and what people call it by.
func title(item station.Item) string {
	ticket := item.Ticket
	text := nameOf(item) + "  "
	if ticket.Kind == kitchen.TicketUndo {
		text += "UNDO "
	}
	text += string(ticket.Stage)
	if ticket.Pass > 1 {
		text += fmt.Sprintf("  pass %d", ticket.Pass)
	}
	text += "  " + count(ticket.Pieces(), "piece") + "  since " + timeOfDay(ticket.QueuedSince())
	if due := ticket.Due(); !due.IsZero() {
		text += "  due " + dueText(due, time.Now())
	}
	return text
}

// nameOf is what people at the station call a ticket.
func nameOf(item station.Item) string {
	return fmt.Sprintf("#%d  %s", item.Number, printable(item.Ticket.PickupCode))
}

// isWith reports whether the person called name has a ticket in hand, here or
// elsewhere.
func isWith(item station.Item, name string) bool {
	return item.State == station.InHand || item.State == station.Elsewhere && item.By == name
}

// standing is where a ticket stands, for the person called name.
func standing(item station.Item, name string) string {
	switch since := timeOfDay(item.StartedAt); {
	case item.Answering:
		return "in hand; the answer is on its way"
	case item.State == station.InHand:
		return "in hand since " + since
	case item.State == station.Elsewhere && item.By == name:
		return "started by you, before or elsewhere: it can be answered from here, start takes it up here"
	case item.Silent:
		return fmt.Sprintf("in hand with %s since %s, last heard of at %s; it can be taken over", printable(item.By), since, timeOfDay(item.HeardAt))
	case item.State == station.Elsewhere:
		return "in hand with " + printable(item.By) + " since " + since
	}
	return "waiting"
}

// summary tells the person called name how much there is at a station.
func summary(items []station.Item, name string) string {
	var waiting, inHand, others int
	for _, item := range items {
		switch {
		case isWith(item, name):
			inHand++
		case item.State == station.Elsewhere:
			others++
		default:
			waiting++
		}
	}
	text := fmt.Sprintf("%d waiting · %d in hand", waiting, inHand)
	if others > 0 {
		text += fmt.Sprintf(" · %d with others", others)
	}
	return text
}

// count is a number of things: 1 piece, 6 pieces.
func count(n int, singular string) string {
	if n != 1 {
		singular += "s"
	}
	return fmt.Sprintf("%d %s", n, singular)
}

// dueText is a time at which something is to be ready, by the clock here: of today
// without the day.
func dueText(due, now time.Time) string { return shortDueClock(due.Local(), now.Local()) }

// ageText is how long something has lasted, as exactly as it matters.
func ageText(d time.Duration) string {
	switch d = max(d, 0); { // another machine's clock may be ahead
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// pausedWords tell who has paused a station, and why; empty if nobody has.
func pausedWords(bench *station.Station) string {
	flag, paused := bench.Paused()
	if !paused {
		return ""
	}
	text := "PAUSED by " + printable(flag.By) + " since " + timeOfDay(flag.At)
	if flag.Reason != "" {
		text += ": " + printable(flag.Reason)
	}
	return text
}

// timeOfDay is a time of the day as people read it.
func timeOfDay(t time.Time) string { return t.Local().Format("15:04:05") }

// detail is a line about a ticket, with how it looks on a screen.
type detail struct {
	text string
	look ansi.Style
}

// undoDetails is what an undo ticket asks for.
func undoDetails(item station.Item) []detail {
	who, work := printable(item.WorkBy), "the work was not done; nobody is known to have begun it"
	switch {
	case item.Work == kitchen.TicketDone && who != "":
		work = "the work was done, by " + who
	case item.Work == kitchen.TicketDone:
		work = "the work was done"
	case item.Work == kitchen.TicketStarted:
		work = "the work was not done, but " + who + " had it in hand"
	}
	return []detail{{"UNDO: this work was cancelled; " + item.Ticket.Stage.Info().Undoing, lookUndo}, {work, nil}}
}

// allergies are those of a ticket, for people; empty if there are none.
func allergies(ticket kitchen.Ticket) string {
	var texts []string
	for _, allergy := range ticket.Allergies {
		texts = append(texts, printable(strings.ToUpper(allergy)))
	}
	return strings.Join(texts, ", ")
}

// details is what there is to know for the work, without the title.
func details(item station.Item) []detail {
	var lines []detail
	add := func(look ansi.Style, text string) { lines = append(lines, detail{text, look}) }
	ticket := item.Ticket
	if text := allergies(ticket); text != "" {
		add(lookAllergy, "!!! ALLERGIES: "+text+" !!!")
	}
	if item.Rush != "" {
		add(lookRush, "RUSH: "+printable(item.Rush))
	}
	if ticket.Kind == kitchen.TicketUndo {
		lines = append(lines, undoDetails(item)...)
	}
	if ticket.Customer.Name != "" {
		add(nil, "for "+printable(ticket.Customer.Name))
	}
	for _, line := range ticket.Lines {
		text := fmt.Sprintf("%3d × %s %s", line.Quantity, printable(line.Flavour), printable(string(line.Size)))
		if line.Message != "" {
			text += `  "` + printable(line.Message) + `"`
		}
		add(nil, text)
	}
	if strings.TrimSpace(ticket.Notes) != "" {
		for i, line := range printableLines(ticket.Notes) {
			label := "notes: "
			if i > 0 {
				label = "       "
			}
			add(nil, label+line)
		}
	}
	if item.LastFailure != nil {
		add(lookSoon, "last time: "+outcome(item.LastFailure)+" by "+printable(item.LastFailure.By))
	}
	return lines
}

// outcome is what an ack reports, without who sent it.
func outcome(ack *kitchen.Ack) string {
	text := string(ack.Kind)
	if ack.Kind == kitchen.AckFailed {
		reason := ack.Reason
		if reason == "" {
			reason = kitchen.ReasonOther
		}
		text += " (" + printable(reason)
		if ack.Note != "" {
			text += ": " + printable(ack.Note)
		}
		text += ")"
	}
	if ack.Scrapped > 0 {
		text += fmt.Sprintf(", %d scrapped", ack.Scrapped)
	}
	return text
}

// reasonText is an error as a person at a station reads it. The outer layers
// of Kafka's errors name the ticket by an id that is the customer's secret.
func reasonText(err error) string {
	var away *events.UnavailableError
	var taken *station.TakenError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &away):
		return away.Error()
	case errors.As(err, &taken):
		return printable(taken.Error())
	}
	inner := err
	for errors.Unwrap(inner) != nil {
		inner = errors.Unwrap(inner)
	}
	return printable(inner.Error())
}

// eventText is what an event means to the person called name, in one line; empty
// if the ticket itself is shown.
func eventText(e station.Event, name string) string {
	who := nameOf(e.Item) + "  "
	switch e.Kind {
	case station.Started:
		return who + "started by " + printable(e.Item.By)
	case station.StartedElsewhere:
		switch {
		case e.Ack.By == name && e.Was == station.InHand:
			return who + "you have started it at another station"
		case e.Ack.By == name:
			return who + "you have started it before or elsewhere; it can be answered from here"
		case e.Was == station.InHand:
			return who + "taken over by " + printable(e.Ack.By) + "; leave it to them"
		case e.Ack.TakeOver:
			return who + "taken over by " + printable(e.Ack.By) + ", from " + printable(e.Ack.From)
		case e.Item.Silent:
			return who + silence(e.Item)
		}
		return who + "started by " + printable(e.Ack.By)
	case station.OwnerSilent:
		return who + silence(e.Item)
	case station.PutBack:
		return who + putBack(e, name)
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

// silence says that nobody hears of a ticket's owner any more.
func silence(item station.Item) string {
	return fmt.Sprintf("%s has it and was last heard of at %s; it can be taken over", printable(item.By), timeOfDay(item.HeardAt))
}

// putBack is how a ticket came to wait again.
func putBack(e station.Event, name string) string {
	switch {
	case e.Ack == nil:
		return "waits again: nobody has it, as is known now"
	case e.Ack.Kind == kitchen.AckRefused && e.Was == station.InHand:
		return "your start of it was refused; it waits again"
	case e.Ack.Kind == kitchen.AckRefused:
		return "waits again: its start was refused"
	case e.Mine:
		return "put back; it waits again"
	case e.Ack.By == name:
		return "you have put it back at another station; it waits again"
	}
	return "put back by " + printable(e.Ack.By) + "; it waits again"
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
		return fmt.Sprintf("STOP: this work was cancelled; put it aside, its UNDO ticket is #%d", e.Undo)
	case isStop(e, name) && e.Ack != nil && e.Ack.Kind == kitchen.AckUndone:
		return "STOP: this work was cancelled; put it away, " + printable(e.Ack.By) + " has said already that it is undone"
	case isStop(e, name) && e.Ack != nil:
		return "STOP: this work was cancelled; put it aside, its UNDO ticket is with " + printable(e.Ack.By)
	case isStop(e, name):
		return "STOP: this work was cancelled; put it aside"
	case e.Was == station.Elsewhere:
		return "this work was cancelled; " + printable(e.Item.By) + " had it in hand"
	}
	return "this work was cancelled; nobody needs to start it"
}
