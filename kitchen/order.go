package kitchen

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Customer is who ordered.
type Customer struct {
	Name string `json:"name"`
}

// CalledName is the name to call a customer by where strangers can see and hear:
// the first word and the initial of the last, "Ada L.". A name whose last word
// does not begin with a letter has no surname and is returned whole.
func (c Customer) CalledName() string {
	words := strings.Fields(c.Name)
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	initial, size := utf8.DecodeRuneInString(last)
	if len(words) == 1 || !unicode.IsLetter(initial) {
		return strings.Join(words, " ")
	}
	// Some scripts, such as the Indic ones, put marks after the letter.
	marks := strings.IndexFunc(last[size:], func(r rune) bool { return !unicode.Is(unicode.M, r) })
	if marks < 0 {
		return words[0] + " " + last + "."
	}
	return words[0] + " " + last[:size+marks] + "."
}

// mostTableDigits is how many digits a name has that is a place, such as "Table 12". With
// more, they may be somebody's telephone number.
const mostTableDigits = 3

// FirstName is what to call a customer where everybody reads along: the first word,
// with what follows it if that has no surname, as in "Table 12", and no long number.
func (c Customer) FirstName() string {
	words := strings.Fields(c.Name)
	digits := 0
	for _, word := range words[min(1, len(words)):] {
		for _, character := range word {
			if unicode.IsDigit(character) {
				digits++
			}
		}
		if initial, _ := utf8.DecodeRuneInString(word); unicode.IsLetter(initial) || digits > mostTableDigits {
			return words[0]
		}
	}
	return strings.Join(words, " ")
}

// Line is one position of an order: a quantity of cupcakes of one flavour and
// size.
type Line struct {
	Flavour  string `json:"flavour"`
	Size     Size   `json:"size"`
	Quantity int    `json:"quantity"`
	// Message is piped onto each cupcake of the line; empty for none.
	Message string `json:"message,omitempty"`
}

// Order is what a customer asks for.
type Order struct {
	Customer Customer `json:"customer"`
	// Phone is where to call the customer, as ParsePhone returns it; empty if they give
	// none. It is no part of Customer, which is on tickets and in announcements.
	Phone     string   `json:"phone,omitempty"`
	Lines     []Line   `json:"lines"`
	Notes     string   `json:"notes,omitempty"`
	Allergies []string `json:"allergies,omitempty"`
	// AllergyConfirmed says that the customer wants flavours although they meet one of
	// the allergies. Such an order is refused without it.
	AllergyConfirmed bool `json:"allergyConfirmed,omitempty"`
	// Total is what the customer expects to pay; nil if they do not say. What they are
	// charged is Status.Total.
	Total *Money `json:"total,omitempty"`
	// PickupAt is the beginning of the slot in which the order is to be fetched; zero
	// for as soon as possible.
	PickupAt time.Time `json:"pickupAt,omitzero"`
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

// The states of an order. Accepted lasts only until its first ticket goes out, or until
// an order for later has its place. Scheduled is one that waits for its time.
const (
	StateAccepted       OrderState = "accepted"
	StateScheduled      OrderState = "scheduled"
	StateInProgress     OrderState = "in-progress"
	StateNeedsAttention OrderState = "needs-attention"
	StateCancelling     OrderState = "cancelling"
	StateCancelled      OrderState = "cancelled"
	StateShipped        OrderState = "shipped"
)

// OrderStates lists all states of an order.
func OrderStates() []OrderState {
	return []OrderState{StateAccepted, StateScheduled, StateInProgress, StateNeedsAttention, StateCancelling, StateCancelled, StateShipped}
}

// IsFinal reports whether an order in this state cannot change any more.
func (s OrderState) IsFinal() bool { return s == StateShipped || s == StateCancelled }

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
	// By is the person or robot that works or has worked on the ticket. Once the
	// work is undone, it is who has undone it.
	By        string     `json:"by,omitempty"`
	IssuedAt  *time.Time `json:"issuedAt,omitempty"`
	StartedAt *time.Time `json:"startedAt,omitempty"`
	// DoneAt is when the work was done, MadeBy who did it if By has become who
	// undid it. Both stay when the work is undone.
	DoneAt *time.Time `json:"doneAt,omitempty"`
	MadeBy string     `json:"madeBy,omitempty"`
	// Reason is the code with which the work failed, FailedAt when.
	Reason   string     `json:"reason,omitempty"`
	FailedAt *time.Time `json:"failedAt,omitempty"`
	Note     string     `json:"note,omitempty"`
	// Scrapped is how many pieces were thrown away here.
	Scrapped int `json:"scrapped,omitempty"`
	// Undo is how undoing the work goes; nil while it need not be undone.
	Undo *UndoStatus `json:"undo,omitempty"`
}

// Made reports whether the stage's work has been done and not been undone.
func (s StageStatus) Made() bool { return s.DoneAt != nil && s.State != TicketUndone }

// UndoStatus is the compensation of one pass through one stage.
type UndoStatus struct {
	// State is the undo ticket's state. It is undone without a ticket where the
	// kitchen file says that undoing needs no hands.
	State    TicketState `json:"state"`
	Attempt  int         `json:"attempt"`
	IssuedAt *time.Time  `json:"issuedAt,omitempty"`
	// StartedAt is when By claimed the undo ticket.
	StartedAt *time.Time `json:"startedAt,omitempty"`
	By        string     `json:"by,omitempty"`
	UndoneAt  *time.Time `json:"undoneAt,omitempty"`
	// Scrapped is how many of the pieces at this stage were thrown away by
	// undoing it.
	Scrapped int `json:"scrapped,omitempty"`
	// Left says why a manager has decided to leave the work as it is, for people;
	// empty while none has.
	Left string `json:"left,omitempty"`
}

// Choice is what a manager can decide about an order that needs attention.
type Choice string

// The choices.
const (
	// ChoiceRetry goes on at the same station: it waits longer for an open
	// ticket, and issues one that has ended again.
	ChoiceRetry Choice = "retry"
	// ChoiceRemake starts again from the first stage, after undoing what was made.
	ChoiceRemake Choice = "remake"
	// ChoiceCancel cancels the order. If that is being cancelled already, the
	// work in question is left as it is.
	ChoiceCancel Choice = "cancel"
)

// Choices lists all choices.
func Choices() []Choice { return []Choice{ChoiceRetry, ChoiceRemake, ChoiceCancel} }

// AttentionCause is the kind of a question to a manager.
type AttentionCause string

// The causes.
const (
	// CauseSilent: somebody took a ticket and went silent.
	CauseSilent AttentionCause = "silent"
	// CauseFailed: the work failed too often.
	CauseFailed AttentionCause = "failed"
	// CauseUndoFailed: the work cannot be undone.
	CauseUndoFailed AttentionCause = "undo-failed"
	// CauseLateWork: work was done that nobody will undo.
	CauseLateWork AttentionCause = "late-work"
	// CauseEndedByHand: somebody ended the ticket in Temporal.
	CauseEndedByHand AttentionCause = "ended-by-hand"
)

// AttentionCauses lists all causes.
func AttentionCauses() []AttentionCause {
	return []AttentionCause{CauseSilent, CauseFailed, CauseUndoFailed, CauseLateWork, CauseEndedByHand}
}

// Attention is what a manager must decide about an order.
type Attention struct {
	// Reason says what happened, for people.
	Reason string `json:"reason"`
	Stage  Stage  `json:"stage"`
	Pass   int    `json:"pass"`
	// Undoing is set when the question is about the stage's undo ticket.
	Undoing bool      `json:"undoing,omitempty"`
	Since   time.Time `json:"since"`
	// Cause, By and ReasonCode tell questions of one kind from others: questions
	// that agree in them, in the stage and in Undoing can be decided together.
	// By is who went silent or reported the failure, ReasonCode why. Empty in
	// orders of older builds.
	Cause      AttentionCause `json:"cause,omitempty"`
	By         string         `json:"by,omitempty"`
	ReasonCode string         `json:"reasonCode,omitempty"`
	// Choices are those that can be made now.
	Choices []Choice `json:"choices"`
}

// Status is everything that is known of an order: the answer of the workflow's
// status query and of GET /api/v1/orders/{id}.
type Status struct {
	ID         string     `json:"id"`
	PickupCode string     `json:"pickupCode"`
	State      OrderState `json:"state"`
	// Route is the stages that the order goes through.
	Route Route `json:"route"`
	// Stage is the last stage the order entered; empty before the first.
	Stage Stage `json:"stage,omitempty"`
	// WaitingFor is the stage whose ack the order waits for, for work or for
	// undoing it; empty when it waits for no station.
	WaitingFor Stage    `json:"waitingFor,omitempty"`
	Customer   Customer `json:"customer"`
	// Phone is where to call the customer; empty if they gave none. Only staff see it.
	Phone string `json:"phone,omitempty"`
	Lines []Line `json:"lines"`
	// UnitPrices are what a piece of each line costs, in the currency of Total, and
	// Total what the order costs, paid at pickup. Both are nil for an order that is
	// sold without prices or of an older build.
	UnitPrices []int64   `json:"unitPrices,omitempty"`
	Total      *Money    `json:"total,omitempty"`
	Notes      string    `json:"notes,omitempty"`
	Allergies  []string  `json:"allergies,omitempty"`
	PlacedAt   time.Time `json:"placedAt"`
	// DueAt is when the order is to be fetched; nil for as soon as possible.
	DueAt       *time.Time    `json:"dueAt,omitempty"`
	ShippedAt   *time.Time    `json:"shippedAt,omitempty"`
	CancelledAt *time.Time    `json:"cancelledAt,omitempty"`
	Stages      []StageStatus `json:"stages"`
	Remakes     int           `json:"remakes"`
	Scrapped    int           `json:"scrapped"`
	// Attention is what a manager must decide; nil when nothing is asked.
	Attention *Attention `json:"attention,omitempty"`
	// Decisions are how the questions to the managers were closed, the oldest first: the
	// last ones, see AddDecision. Questions of older builds are missing.
	Decisions []Decision `json:"decisions,omitempty"`
	// CancelReason is why the order was cancelled or is being, for people.
	CancelReason string `json:"cancelReason,omitempty"`
	// CancelledBy is the member of the staff who has cancelled; empty if a customer
	// has, or nobody knows.
	CancelledBy string `json:"cancelledBy,omitempty"`
	// Version grows with each step of the order, and DetailsVersion is the version
	// with which something last changed that LoggedStatus leaves out. Both are 0 in
	// orders of older builds.
	Version        int64 `json:"version,omitempty"`
	DetailsVersion int64 `json:"detailsVersion,omitempty"`
	// Estimate is when the order may be ready, by the queues before it. Only the API
	// knows it.
	Estimate Estimate `json:"estimate,omitzero"`
	// Stale is set when no worker answered, so that the status was derived from
	// what Temporal has recorded.
	Stale bool `json:"stale"`
}

// ForCustomer is the status without what only members of the staff see: who has
// decided what, and the telephone number, since whoever has an order's link may follow it.
func (s Status) ForCustomer() Status {
	s.Decisions, s.CancelledBy, s.Phone = nil, "", ""
	return s
}
