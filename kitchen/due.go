package kitchen

import (
	"cmp"
	"strings"
	"time"
)

// This file has what everybody goes by who sorts tickets or says that one is late:
// stations, boards and lists, in Go. The browser's side of it is web/src/due.ts;
// testdata/due.json holds the two to the same.

// TargetFor is when the kitchen means to have an order ready that is wanted as soon as
// possible: when it was placed and, from then on, as long as the kitchen needs for so
// many pieces. So it lies on one scale with the pickup times of orders for later, which
// begin as long before their slot. Zero if the rules do not tell, as those of older
// builds.
func (r Rules) TargetFor(placedAt time.Time, pieces int) time.Time {
	if r.Lead == nil || placedAt.IsZero() {
		return time.Time{}
	}
	return placedAt.Add(r.Lead.For(pieces)).UTC()
}

// Due is when the ticket's order is due; zero if that is not known, and for cancelled
// work, which nobody waits for.
func (t Ticket) Due() time.Time {
	if t.Kind == TicketUndo {
		return time.Time{}
	}
	return t.DueAt
}

// The ranks of tickets in a queue.
const (
	// rankUndo: until it is undone, somebody keeps what nobody wants.
	rankUndo = iota + 1
	rankRush
	rankOthers
)

// QueuePlace is a ticket's place in its stage's queue. The zero value comes before
// all.
type QueuePlace struct {
	// Rank puts cancelled work first, and then the orders in a rush.
	Rank int
	// Due is when the order is due or, if that is not known, since when the ticket is
	// in the queue: then it is of an older build, and is older than what is due later.
	Due      time.Time
	Since    time.Time
	TicketID string
}

// PlaceInQueue is the place of a ticket. dueAt may be zero.
func PlaceInQueue(ticketID string, kind TicketKind, rush bool, dueAt, since time.Time) QueuePlace {
	place := QueuePlace{Rank: rankOthers, Due: dueAt, Since: since, TicketID: ticketID}
	switch {
	case kind == TicketUndo:
		place.Rank = rankUndo
	case rush:
		place.Rank = rankRush
	}
	if kind == TicketUndo || dueAt.IsZero() {
		place.Due = since
	}
	return place
}

// Compare says which of two tickets is to be worked on first.
func (p QueuePlace) Compare(other QueuePlace) int {
	return cmp.Or(
		cmp.Compare(p.Rank, other.Rank),
		p.Due.Compare(other.Due),
		p.Since.Compare(other.Since),
		strings.Compare(p.TicketID, other.TicketID),
	)
}

// Urgency says how much a ticket's time presses.
type Urgency string

// The urgencies.
const (
	UrgencyNone Urgency = ""
	// UrgencySoon: what is left until the order is due is less than its remaining
	// stages are planned to take.
	UrgencySoon Urgency = "soon"
	// UrgencyLate: the order was due before now.
	UrgencyLate Urgency = "late"
)

// DueSoon is how long before its order is due a ticket at a stage should have gone on:
// as long as this stage and those after it may take before they are late.
func (k *Kitchen) DueSoon(stage Stage) time.Duration {
	var needed time.Duration
	ahead := false
	for _, each := range Stages() {
		if ahead = ahead || each == stage; ahead {
			needed += time.Duration(k.Age[each].Late)
		}
	}
	return needed
}

// UrgencyOf is how much a ticket's time presses. One of which nobody knows when it is
// due goes by its age.
func (k *Kitchen) UrgencyOf(stage Stage, dueAt, since, now time.Time) Urgency {
	soonFrom, lateFrom := dueAt.Add(-k.DueSoon(stage)), dueAt
	if dueAt.IsZero() {
		soonFrom, lateFrom = since.Add(time.Duration(k.Age[stage].Late)), since.Add(time.Duration(k.Age[stage].Overdue))
	}
	switch {
	case !now.Before(lateFrom):
		return UrgencyLate
	case !now.Before(soonFrom):
		return UrgencySoon
	}
	return UrgencyNone
}
