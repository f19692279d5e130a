package kitchen

import "time"

// Customer is who ordered.
type Customer struct {
	Name string `json:"name"`
}

// Line is one position of an order: so many cupcakes of one flavour and size.
type Line struct {
	Flavour  string `json:"flavour"`
	Size     Size   `json:"size"`
	Quantity int    `json:"quantity"`
	// Message is piped onto each cupcake of the line; empty for none.
	Message string `json:"message,omitempty"`
}

// Order is what a customer asks for.
type Order struct {
	Customer  Customer `json:"customer"`
	Lines     []Line   `json:"lines"`
	Notes     string   `json:"notes,omitempty"`
	Allergies []string `json:"allergies,omitempty"`
}

// Pieces is the number of cupcakes in the order.
func (o Order) Pieces() int {
	pieces := 0
	for _, line := range o.Lines {
		pieces += line.Quantity
	}
	return pieces
}

// OrderState says where an order stands as a whole. The zero value is no state.
type OrderState string

// The states of an order. Accepted lasts only until its first ticket goes out.
const (
	StateAccepted       OrderState = "accepted"
	StateInProgress     OrderState = "in-progress"
	StateNeedsAttention OrderState = "needs-attention"
	StateCancelling     OrderState = "cancelling"
	StateCancelled      OrderState = "cancelled"
	StateShipped        OrderState = "shipped"
)

// TicketState says where a ticket stands at its station.
type TicketState string

// The states of a ticket.
const (
	TicketWaiting TicketState = "waiting"
	TicketStarted TicketState = "started"
	TicketDone    TicketState = "done"
	TicketFailed  TicketState = "failed"
	TicketUndone  TicketState = "undone"
)

// StageStatus is one pass of an order through one stage.
type StageStatus struct {
	Stage Stage       `json:"stage"`
	Pass  int         `json:"pass"`
	State TicketState `json:"state"`
	// Attempt counts how often the ticket was issued, from 1.
	Attempt int `json:"attempt"`
	// By is the person or robot that works on the ticket or did.
	By        string     `json:"by,omitempty"`
	IssuedAt  *time.Time `json:"issuedAt,omitempty"`
	StartedAt *time.Time `json:"startedAt,omitempty"`
	DoneAt    *time.Time `json:"doneAt,omitempty"`
	Note      string     `json:"note,omitempty"`
}

// Status is everything there is to know about an order: the answer of the
// workflow's status query and of GET /api/v1/orders/{id}.
type Status struct {
	ID         string     `json:"id"`
	PickupCode string     `json:"pickupCode"`
	State      OrderState `json:"state"`
	// Stage is the last stage the order entered; empty before the first.
	Stage Stage `json:"stage,omitempty"`
	// WaitingFor is the stage whose ack the order waits for; empty when it
	// waits for nobody.
	WaitingFor Stage         `json:"waitingFor,omitempty"`
	Customer   Customer      `json:"customer"`
	Lines      []Line        `json:"lines"`
	Notes      string        `json:"notes,omitempty"`
	Allergies  []string      `json:"allergies,omitempty"`
	PlacedAt   time.Time     `json:"placedAt"`
	ShippedAt  *time.Time    `json:"shippedAt,omitempty"`
	Stages     []StageStatus `json:"stages"`
	Remakes    int           `json:"remakes"`
	Scrapped   int           `json:"scrapped"`
	// Stale is set when no worker could be asked and the answer was put
	// together from what Temporal has recorded.
	Stale bool `json:"stale"`
}
