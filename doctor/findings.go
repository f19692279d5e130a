package doctor

import (
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Findings are what the doctor has found.
type Findings struct {
	// DryRun says that nothing was to be withdrawn. Who examines sets it.
	DryRun  bool     `json:"dryRun"`
	Tickets []Orphan `json:"tickets"`
	Orders  []Order  `json:"orders"`
	// Places are those in slots that orders have left which cannot come any more.
	Places []Place `json:"places"`
}

// Place is a place in a slot of an order that has ended without giving it back.
type Place struct {
	Slot       time.Time `json:"slot"`
	Pieces     int       `json:"pieces"`
	OrderID    string    `json:"orderId"`
	PickupCode string    `json:"pickupCode"`
	Order      Fate      `json:"order"`
	Released   bool      `json:"released"`

	day    kitchen.Date
	holder string
}

func noFindings() Findings {
	return Findings{Tickets: []Orphan{}, Orders: []Order{}, Places: []Place{}}
}

// NotReleased is how many places were found and not given back.
func (f Findings) NotReleased() int {
	count := 0
	for _, place := range f.Places {
		if !place.Released {
			count++
		}
	}
	return count
}

// Orphan is an open ticket that its order does not wait for any more.
type Orphan struct {
	TicketID   string              `json:"ticketId"`
	Kind       kitchen.TicketKind  `json:"kind"`
	PickupCode string              `json:"pickupCode"`
	Stage      kitchen.Stage       `json:"stage"`
	Pass       int                 `json:"pass"`
	State      kitchen.TicketState `json:"state"`
	// By is who has it in hand; empty while it waits.
	By        string    `json:"by,omitempty"`
	Since     time.Time `json:"since"`
	Order     Fate      `json:"order"`
	Withdrawn bool      `json:"withdrawn"`

	ticket kitchen.Ticket
}

// Order is an order that has left orphans.
type Order struct {
	OrderID    string `json:"orderId"`
	PickupCode string `json:"pickupCode"`
	Order      Fate   `json:"order"`
	// Made is what was made for it and not undone.
	Made []kitchen.StageStatus `json:"made"`
}

// Fate is what became of an order: one of the constants, or how its workflow
// closed.
type Fate string

// The fates of orders that have not closed.
const (
	FateRuns    Fate = "runs without waiting for it"
	fateUnknown Fate = "unknown to Temporal"
)

// knownOrder is what Temporal knows of an order.
type knownOrder struct {
	fate Fate
	// waitsFor reports whether the order, if it runs, has issued a ticket and
	// waits for it, or may issue it again in a moment.
	waitsFor func(kitchen.TicketRef) bool
	// history is the order's status as its history has it. It is only known of
	// orders that have suspects.
	history kitchen.Status
}

// NotWithdrawn is how many tickets were found and not withdrawn.
func (f Findings) NotWithdrawn() int {
	count := 0
	for _, orphan := range f.Tickets {
		if !orphan.Withdrawn {
			count++
		}
	}
	return count
}

// openTickets are the tickets that stations hold for open and that nobody has
// asked them yet to put aside.
func openTickets(log *board.Board) []board.Entry {
	var open []board.Entry
	for _, stage := range kitchen.Stages() {
		for _, entry := range log.Open(stage) {
			if !stationPutsAside(log, entry) {
				open = append(open, entry)
			}
		}
	}
	return open
}

// stationPutsAside reports whether the station is already asked to put its ticket
// aside: the undo ticket is out, or it is the undo ticket of work that nobody had
// begun, which stations answer by themselves.
func stationPutsAside(log *board.Board, entry board.Entry) bool {
	madeID, isUndo := board.UndoneBy(entry.Ticket.TicketID)
	if !isUndo {
		return entry.Withdrawn
	}
	made, _ := log.Get(madeID)
	return !entry.Ticket.Made && entry.State == kitchen.TicketWaiting && !made.LeavesWork()
}

// notWaitedFor are the tickets that no order waits for.
func notWaitedFor(open []board.Entry, orders map[string]knownOrder) []board.Entry {
	return slices.DeleteFunc(slices.Clone(open), func(entry board.Entry) bool {
		order := orders[entry.Ticket.OrderID]
		return order.fate == FateRuns && order.waitsFor(entry.Ticket.Ref())
	})
}

// findOrphans returns the orphans among the suspects, and their orders. A ticket is
// no orphan if its order has heard of its failure: the order has gone on without
// it, or waits for a manager who may issue it again. Nor is it one if its order
// will issue it again when it gets there.
func findOrphans(suspects []board.Entry, orders map[string]knownOrder) Findings {
	found := noFindings()
	for _, entry := range suspects {
		ticket, order := entry.Ticket, orders[entry.Ticket.OrderID]
		if hasFailed(order.history, ticket.Ref()) && (entry.State == kitchen.TicketFailed || order.fate == FateRuns) {
			continue
		}
		if order.fate == FateRuns && isAhead(order.history, ticket.Ref()) {
			continue
		}
		orphan := Orphan{
			TicketID: ticket.TicketID, Kind: ticket.Kind, PickupCode: kitchen.PickupCode(ticket.OrderID), Stage: ticket.Stage, Pass: ticket.Pass,
			State: entry.State, By: entry.By, Since: ticket.IssuedAt, Order: order.fate, ticket: ticket,
		}
		if entry.State == kitchen.TicketStarted && entry.StartedAt != nil {
			orphan.Since = *entry.StartedAt
		}
		found.Tickets = append(found.Tickets, orphan)
		if !slices.ContainsFunc(found.Orders, func(o Order) bool { return o.OrderID == ticket.OrderID }) {
			found.Orders = append(found.Orders, Order{OrderID: ticket.OrderID, PickupCode: orphan.PickupCode, Order: order.fate, Made: order.madeAndLeft()})
		}
	}
	return found
}

// hasFailed reports whether an order has heard that a ticket failed.
func hasFailed(status kitchen.Status, ref kitchen.TicketRef) bool {
	return slices.ContainsFunc(status.Stages, func(pass kitchen.StageStatus) bool {
		if pass.Stage != ref.Stage || pass.Pass != ref.Pass {
			return false
		}
		if ref.Kind == kitchen.TicketUndo {
			return pass.Undo != nil && pass.Undo.State == kitchen.TicketFailed
		}
		return pass.State == kitchen.TicketFailed
	})
}

// isAhead reports whether an order comes to a ticket's stage in the pass that it is
// in. A reset in Temporal sets an order back while a later ticket is out.
func isAhead(status kitchen.Status, ref kitchen.TicketRef) bool {
	making := status.State == kitchen.StateInProgress || status.State == kitchen.StateScheduled ||
		status.State == kitchen.StateNeedsAttention && (status.Attention == nil || status.Attention.Cause != kitchen.CauseUndoFailed)
	if !making || ref.Kind != kitchen.TicketMake {
		return false
	}
	pass, at := 1, -1
	stages := status.Route.Stages()
	if entered := len(status.Stages); entered > 0 {
		last := status.Stages[entered-1]
		pass, at = last.Pass, slices.Index(stages, last.Stage)
	}
	return ref.Pass == pass && slices.Index(stages, ref.Stage) > at
}

// madeAndLeft are the stages of a closed order whose work may still stand there.
func (o knownOrder) madeAndLeft() []kitchen.StageStatus {
	made := []kitchen.StageStatus{}
	if o.fate == FateRuns || o.history.State == kitchen.StateShipped {
		return made
	}
	for _, pass := range o.history.Stages {
		if pass.Made() {
			made = append(made, pass)
		}
	}
	return made
}
