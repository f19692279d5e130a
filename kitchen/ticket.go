package kitchen

import "time"

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
	// Pass counts how often the order goes through this stage, from 1; a
	// remake is a new pass with a ticket of its own.
	Pass int `json:"pass"`
	// Attempt counts how often this same ticket was issued, from 1.
	Attempt    int      `json:"attempt"`
	Lines      []Line   `json:"lines"`
	Notes      string   `json:"notes,omitempty"`
	Allergies  []string `json:"allergies,omitempty"`
	PickupCode string   `json:"pickupCode"`
	// Customer is whom to call when the box is handed out. Only tickets to make
	// the package stage have it: no other station needs to know.
	Customer Customer `json:"customer,omitzero"`
	// Made goes with an undo ticket: the stage's work was done when the order
	// was cancelled. Without it the stage's own ticket was still open, so if
	// nobody has started that either, it is only to be withdrawn.
	Made bool `json:"made,omitempty"`
	// IssuedAt is when this attempt went out, AckBy when it goes out again
	// unless the station has answered.
	IssuedAt time.Time `json:"issuedAt"`
	AckBy    time.Time `json:"ackBy"`
}

// Ref names the ticket.
func (t Ticket) Ref() TicketRef {
	return TicketRef{OrderID: t.OrderID, Stage: t.Stage, Pass: t.Pass, Kind: t.Kind}
}

// Issue is what an activity is asked to do about a ticket. In JSON it is the
// ticket with further fields beside.
type Issue struct {
	Ticket
	// Issued is how often the ticket was issued before this activity.
	Issued int `json:"issued,omitempty"`
	// MaxReissues is how often the activity issues the ticket again in vain
	// before it asks for a manager; 0 for never.
	MaxReissues int `json:"maxReissues,omitempty"`
}

// AckKind is what a station says about a ticket.
type AckKind string

// The kinds of acks.
const (
	AckStarted AckKind = "started"
	AckDone    AckKind = "done"
	AckFailed  AckKind = "failed"
	AckUndone  AckKind = "undone"
)

// Ends reports whether an ack of this kind ends the work on its ticket.
func (k AckKind) Ends() bool { return k == AckDone || k == AckFailed || k == AckUndone }

// Ack is a station's acknowledgement of a ticket.
type Ack struct {
	TicketID string  `json:"ticketId"`
	OrderID  string  `json:"orderId"`
	Stage    Stage   `json:"stage"`
	Kind     AckKind `json:"kind"`
	// By is the person or robot that speaks.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// StartedAt may go with done and failed, so that the order keeps it.
	StartedAt *time.Time `json:"startedAt,omitempty"`
	// Attempt is the ticket's attempt that was answered; 0 if the station
	// does not say.
	Attempt int `json:"attempt,omitempty"`
	// Reason is a code of the kitchen file; it goes with failed and undone,
	// as do Note and Scrapped (pieces thrown away).
	Reason   string `json:"reason,omitempty"`
	Note     string `json:"note,omitempty"`
	Scrapped int    `json:"scrapped,omitempty"`
}

// Shipped announces to downstream systems that an order left the factory.
type Shipped struct {
	OrderID    string    `json:"orderId"`
	PickupCode string    `json:"pickupCode"`
	Customer   Customer  `json:"customer"`
	Lines      []Line    `json:"lines"`
	PlacedAt   time.Time `json:"placedAt"`
	ShippedAt  time.Time `json:"shippedAt"`
}

// Failed announces to downstream systems that an order was cancelled or needs
// a manager's decision.
type Failed struct {
	OrderID    string   `json:"orderId"`
	PickupCode string   `json:"pickupCode"`
	Customer   Customer `json:"customer"`
	Lines      []Line   `json:"lines"`
	// State is StateNeedsAttention or StateCancelled.
	State OrderState `json:"state"`
	// Reason says why, for people.
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	// Attention is what a manager is asked; nil for a cancelled order.
	Attention *Attention `json:"attention,omitempty"`
	// Stages tell what has been made and what has been undone.
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

// ReasonOther is the reason of a failed ack that gives none, and what a reason
// that the kitchen file does not list counts as.
const ReasonOther = "other"
