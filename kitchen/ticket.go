package kitchen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// TicketKind says what a ticket asks of its station.
type TicketKind string

// The kinds of tickets: make the stage's work, or undo it.
const (
	TicketMake TicketKind = "make"
	TicketUndo TicketKind = "undo"
)

// Ticket is a stage's work for one order, as it travels to the station.
type Ticket struct {
	TicketID string     `json:"ticketId"`
	Kind     TicketKind `json:"kind"`
	OrderID  string     `json:"orderId"`
	Stage    Stage      `json:"stage"`
	// Pass counts the order's passes through this stage, from 1. A remake is a
	// new pass with a ticket of its own.
	Pass int `json:"pass"`
	// Attempt counts how often this same ticket was issued, from 1.
	Attempt    int      `json:"attempt"`
	Lines      []Line   `json:"lines"`
	Notes      string   `json:"notes,omitempty"`
	Allergies  []string `json:"allergies,omitempty"`
	PickupCode string   `json:"pickupCode"`
	// Customer is who to call when the box is handed out. Only tickets to make
	// the last stage have it: no other station needs to know.
	Customer Customer `json:"customer,omitzero"`
	// Total is what to take for it then, on the same tickets; nil if the order has no
	// price.
	Total *Money `json:"total,omitempty"`
	// Made is for an undo ticket: the stage's work was done when the order was
	// cancelled. Without it the stage's own ticket was still open, and if nobody
	// has claimed that, it only needs to be withdrawn.
	Made bool `json:"made,omitempty"`
	// Since is what the ticket's age and its place in the queue count from: when
	// it was first issued or, in a later pass, when its order was first there.
	// Zero in a ticket of a build that did not tell: see QueuedSince.
	Since time.Time `json:"since,omitzero"`
	// DueAt is when the order is due: when it is to be fetched or, if it is wanted as
	// soon as possible, when the kitchen means to have it ready (see Rules.TargetFor).
	// Zero in undo tickets, and in those of a build that did not tell. See Due.
	DueAt time.Time `json:"dueAt,omitzero"`
	// IssuedAt is when this attempt went out, AckBy when it goes out again
	// unless somebody has taken it and says so in time.
	IssuedAt time.Time `json:"issuedAt"`
	AckBy    time.Time `json:"ackBy"`
}

// QueuedSince is Since or, if the ticket does not tell, when this attempt went
// out.
func (t Ticket) QueuedSince() time.Time {
	if t.Since.IsZero() {
		return t.IssuedAt
	}
	return t.Since
}

// WithoutTexts is the ticket without what its customer has written, and without their
// name.
func (t Ticket) WithoutTexts() Ticket {
	t.Notes, t.Allergies, t.Customer = "", nil, Customer{}
	t.Lines = slices.Clone(t.Lines)
	for i := range t.Lines {
		t.Lines[i].Message = ""
	}
	return t
}

// Ref names the ticket.
func (t Ticket) Ref() TicketRef {
	return TicketRef{OrderID: t.OrderID, Stage: t.Stage, Pass: t.Pass, Kind: t.Kind}
}

// ParseTicket reads a ticket as the factory wrote it. Unknown fields are
// ignored; a missing or wrong one is named in the error.
func ParseTicket(data []byte) (Ticket, error) {
	var ticket Ticket
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &ticket); err != nil {
		return Ticket{}, fmt.Errorf("not a ticket: %w", decodeError("ticket", err))
	}
	if err := ticket.Check(); err != nil {
		return Ticket{}, err
	}
	return ticket, nil
}

// MaxPass is an upper bound: no order goes through a stage this often. Beyond
// what the kitchen file allows, each further pass takes a manager's decision.
const MaxPass = 10_000

// maxPickupCode is an upper bound on a pickup code's characters.
const maxPickupCode = 16

// Check returns an error that names the first field that is missing, wrong or
// too large for any ticket. The characters of its texts were checked when the
// order was taken.
func (t Ticket) Check() error {
	ref, err := ParseTicketID(t.TicketID)
	if err != nil {
		return fmt.Errorf("ticketId: %w", err)
	}
	switch {
	case t.OrderID != ref.OrderID:
		return fmt.Errorf("orderId: %q is not the order of ticket %q", Excerpt(t.OrderID), t.TicketID)
	case t.Stage != ref.Stage:
		return fmt.Errorf("stage: %q is not the stage of ticket %q", Excerpt(string(t.Stage)), t.TicketID)
	case t.Kind != ref.Kind:
		return fmt.Errorf("kind: %q is not the kind of ticket %q", Excerpt(string(t.Kind)), t.TicketID)
	case t.Pass != ref.Pass:
		return fmt.Errorf("pass: %d is not the pass of ticket %q", t.Pass, t.TicketID)
	case t.Attempt < 1:
		return fmt.Errorf("attempt: %d must be at least 1", t.Attempt)
	case t.Attempt > MaxAttempt:
		return fmt.Errorf("attempt: must be from 1 to %d, it is %d", MaxAttempt, t.Attempt)
	case !inFourDigits(t.IssuedAt):
		return fmt.Errorf("issuedAt: the year must have four digits")
	case !inFourDigits(t.Since):
		return fmt.Errorf("since: the year must have four digits")
	case !inFourDigits(t.DueAt):
		return fmt.Errorf("dueAt: the year must have four digits")
	case !inFourDigits(t.AckBy):
		return fmt.Errorf("ackBy: the year must have four digits")
	}
	if t.Total != nil {
		if err := t.Total.Check(); err != nil {
			return fmt.Errorf("total: %w", err)
		}
	}
	return t.checkWork(HardLimits())
}

// checkWork checks the fields that say what to make.
func (t Ticket) checkWork(hard Limits) error {
	if len(t.Lines) > hard.Lines {
		return fmt.Errorf("lines: must be at most %d, there are %d", hard.Lines, len(t.Lines))
	}
	for i, line := range t.Lines {
		at := fmt.Sprintf("lines/%d", i)
		if err := atMost(at+"/flavour", line.Flavour, maxCodeLength); err != nil {
			return err
		}
		if !line.Size.Valid() {
			return fmt.Errorf("%s/size: %q is none of S, M, L and XL", at, Excerpt(string(line.Size)))
		}
		if line.Quantity < 1 || line.Quantity > hard.Quantity {
			return fmt.Errorf("%s/quantity: must be from 1 to %d, it is %d", at, hard.Quantity, line.Quantity)
		}
		if err := atMost(at+"/message", line.Message, hard.MessageLength); err != nil {
			return err
		}
	}
	if err := atMost("notes", t.Notes, hard.NotesLength); err != nil {
		return err
	}
	if err := atMost("customer/name", t.Customer.Name, hard.NameLength); err != nil {
		return err
	}
	if len(t.Allergies) > hard.Allergies {
		return fmt.Errorf("allergies: must be at most %d, there are %d", hard.Allergies, len(t.Allergies))
	}
	for i, allergy := range t.Allergies {
		if err := atMost(fmt.Sprintf("allergies/%d", i), allergy, hard.AllergyLength); err != nil {
			return err
		}
	}
	return atMost("pickupCode", t.PickupCode, maxPickupCode)
}

func atMost(field, text string, longest int) error {
	if n := utf8.RuneCountInString(text); n > longest {
		return fmt.Errorf("%s: must have at most %s, it has %d", field, characters(longest), n)
	}
	return nil
}

// Pieces is the number of cupcakes on the ticket.
func (t Ticket) Pieces() int { return Order{Lines: t.Lines}.Pieces() }

// CheckScrapped returns an error if the ticket has fewer pieces than were thrown
// away. A ticket without lines allows any number that is not negative.
func (t Ticket) CheckScrapped(scrapped int) error {
	if pieces := t.Pieces(); scrapped < 0 || len(t.Lines) > 0 && scrapped > pieces {
		return fmt.Errorf("must be from 0 to %d, as many pieces as the ticket has", pieces)
	}
	return nil
}

// Issue is the input of the activity that issues a ticket. In JSON its fields
// are beside the ticket's.
type Issue struct {
	Ticket
	// Issued is how often the ticket was issued before this activity.
	Issued int `json:"issued,omitempty"`
	// MaxReissues is how often the activity issues the ticket again in vain
	// before it complains to the order; 0 if it never does.
	MaxReissues int `json:"maxReissues,omitempty"`
	// Status is where the order stands with this ticket, which the activity publishes
	// beside it; nil in orders of older builds.
	Status *LoggedStatus `json:"status,omitempty"`
}

// FailureWithdrawn is the type of the failure with which a ticket's activity ends
// if the log has withdrawn the ticket without the order's knowledge: its history
// in Temporal was reset to before it was undone.
const FailureWithdrawn = "withdrawn"

// FailureTooLarge is the type of the failure with which an activity ends whose message
// is larger than anybody reads: no retry makes it smaller.
const FailureTooLarge = "too-large"

// Announced is what the announcement of a shipped order returns.
type Announced struct {
	// StatusUntold says that the log may not have the order's last status. Older builds
	// announced nothing without it, and returned nothing.
	StatusUntold bool `json:"statusUntold,omitempty"`
}

// AtWork is who has claimed a ticket, and when. Temporal keeps it as the pending
// activity's heartbeat, so that operators see the name.
type AtWork struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
	// Silent is how often the ticket was issued again since its owner was last
	// heard of.
	Silent int `json:"silent,omitempty"`
}

// AckKind is what an ack reports about a ticket.
type AckKind string

// The kinds of acks. AckRefused is the workers' alone: it takes back what another
// ack seemed to say, for every reader in the same place of the log.
const (
	AckStarted  AckKind = "started"
	AckReleased AckKind = "released"
	AckDone     AckKind = "done"
	AckFailed   AckKind = "failed"
	AckUndone   AckKind = "undone"
	AckRefused  AckKind = "refused"
)

// Ends reports whether an ack of this kind ends the work on its ticket.
func (k AckKind) Ends() bool { return k == AckDone || k == AckFailed || k == AckUndone }

// Ack is a station's acknowledgement of a ticket.
type Ack struct {
	TicketID string  `json:"ticketId"`
	OrderID  string  `json:"orderId"`
	Stage    Stage   `json:"stage"`
	Kind     AckKind `json:"kind"`
	// By is the person or robot that sent the ack.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// sent is At by the sender's clock where the record has dated the ack
	// differently: see DatedBy and SaidAt.
	sent time.Time
	// StartedAt may go with done and failed, so that the order keeps it, and with
	// a started that renews an earlier one.
	StartedAt *time.Time `json:"startedAt,omitempty"`
	// TakeOver goes with started: it takes the ticket from From, and counts only
	// while that is the owner.
	TakeOver bool   `json:"takeOver,omitempty"`
	From     string `json:"from,omitempty"`
	// Offset goes with refused: where the ack lies that is refused, in the same
	// partition.
	Offset *int64 `json:"offset,omitempty"`
	// Attempt is the ticket's attempt that the ack answers; 0 if the station does
	// not know.
	Attempt int `json:"attempt,omitempty"`
	// Reason is a code of the kitchen file; it goes with failed and undone,
	// as do Note and Scrapped (pieces thrown away).
	Reason   string `json:"reason,omitempty"`
	Note     string `json:"note,omitempty"`
	Scrapped int    `json:"scrapped,omitempty"`
}

// Shipped announces to downstream systems that an order left the factory.
type Shipped struct {
	OrderID    string   `json:"orderId"`
	PickupCode string   `json:"pickupCode"`
	Customer   Customer `json:"customer"`
	Lines      []Line   `json:"lines"`
	Allergies  []string `json:"allergies,omitempty"`
	// UnitPrices and Total are those of Status.
	UnitPrices []int64   `json:"unitPrices,omitempty"`
	Total      *Money    `json:"total,omitempty"`
	PlacedAt   time.Time `json:"placedAt"`
	// DueAt is when the order was to be fetched; nil for as soon as possible.
	DueAt     *time.Time `json:"dueAt,omitempty"`
	ShippedAt time.Time  `json:"shippedAt"`
}

// Failed announces to downstream systems that an order was cancelled or needs
// a manager's decision.
type Failed struct {
	OrderID    string   `json:"orderId"`
	PickupCode string   `json:"pickupCode"`
	Customer   Customer `json:"customer"`
	Lines      []Line   `json:"lines"`
	// UnitPrices and Total are those of Status.
	UnitPrices []int64 `json:"unitPrices,omitempty"`
	Total      *Money  `json:"total,omitempty"`
	// State is StateNeedsAttention or StateCancelled.
	State OrderState `json:"state"`
	// Reason says why, for people.
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	// DueAt is when the order is, or was, to be fetched; nil for as soon as possible.
	DueAt *time.Time `json:"dueAt,omitempty"`
	// Attention is what a manager is asked; nil for a cancelled order.
	Attention *Attention `json:"attention,omitempty"`
	// Stages are the passes so far, with what was made and undone.
	Stages []StageStatus `json:"stages"`
	// NotUndone lists the work of a cancelled order that nobody has undone.
	NotUndone []Leftover `json:"notUndone"`
	Remakes   int        `json:"remakes"`
	Scrapped  int        `json:"scrapped"`
}

// Leftover is a stage's work that was made and neither shipped nor undone.
type Leftover struct {
	Stage Stage `json:"stage"`
	Pass  int   `json:"pass"`
	// Reason says why nobody has undone it, for people.
	Reason string `json:"reason"`
}

// ReasonOther stands for the reason of a failed ack that gives none, or one that
// the kitchen file does not list.
const ReasonOther = "other"
