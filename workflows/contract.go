package workflows

import (
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// TaskQueue is where workers look for orders.
	TaskQueue = "cupcakery-orders"
	// OrderWorkflowType is the name of OrderWorkflow in Temporal.
	OrderWorkflowType = "OrderWorkflow"
	// QueryStatus is the query that an OrderWorkflow answers with its
	// kitchen.Status.
	QueryStatus = "status"
	// UpdateCancel, UpdateAmend and UpdateResolve are the updates that an
	// OrderWorkflow takes, with a kitchen.Cancellation, kitchen.Amendment or
	// kitchen.Resolution. Each returns an Answer. An update id acts once.
	UpdateCancel  = "cancel"
	UpdateAmend   = "amend"
	UpdateResolve = "resolve"
	// ErrorRefused is the type of the error with which an update is refused
	// because of where the order stands; its message says why, for people.
	ErrorRefused = "refused"
	// ErrorInvalid is the type of the error with which an update is refused
	// because of its content; its details are []kitchen.FieldError.
	ErrorInvalid = "invalid"
	// SignalUnanswered tells an OrderWorkflow that somebody has taken a ticket and
	// been silent for too many attempts, with an Unanswered.
	SignalUnanswered = "unanswered"
	// SignalUntold tells an OrderWorkflow that the log does not have a status that
	// was to be told with a ticket, with an Untold.
	SignalUntold = "untold"
	// ActivityCountAttempts is the local activity that counts how often Temporal
	// has started a pending activity of the order. Its input is the activity's
	// id.
	ActivityCountAttempts = "CountAttempts"
	// MemoStatus is the memo field with the order's status as of the last change
	// that no activity's event shows.
	MemoStatus = "status"
	// ActivityAnnounceFailed is the activity that announces to downstream systems
	// an order that was cancelled or needs attention. Its input is a
	// kitchen.Failed. It runs as a local one first.
	ActivityAnnounceFailed = "AnnounceFailed"
	// ActivityAnnounceShipped is the activity that announces a shipped order to
	// downstream systems. Its input is a kitchen.Shipped and the order's last
	// *kitchen.LoggedStatus, nil in orders of older builds. It returns a
	// kitchen.Announced. It runs as a local one first.
	ActivityAnnounceShipped = "AnnounceShipped"
	// ActivityTellStatus is the activity that tells the log where an order stands
	// when no ticket goes out with that. Its input is a kitchen.LoggedStatus. It runs
	// as a local one first.
	ActivityTellStatus = "TellStatus"
	// MemoPieces is the memo field with the number of cupcakes in the order, so
	// that large orders are found in lists.
	MemoPieces = "pieces"
	// MemoTotal is the memo field with what the order costs when it is placed, a
	// kitchen.Money; absent if it has no prices. Once MemoStatus is there, it has the
	// newer total.
	MemoTotal = "total"
	// MemoContents is the memo field with what is in the order when it is placed, a
	// Contents; absent in orders of older builds. Once MemoStatus is there, it has the
	// newer messages.
	MemoContents = "contents"
	// MemoRequestHash is the memo field with the hash of the request that
	// created the order, so that the same Idempotency-Key with another body is
	// recognised.
	MemoRequestHash = "requestHash"
	// MemoCustomer is the memo field with the customer's name where the memo is
	// encrypted. Elsewhere KeyCustomer has it.
	MemoCustomer = "customer"
	// MemoPhone is the memo field with the customer's telephone number, for lists and
	// searches; absent if they gave none, and empty if it was removed. It is no search attribute, as those are never
	// encrypted.
	MemoPhone = "phone"
)

// The search attributes of an order. They are set when it starts; only the
// state changes later: that of an order for later from statePlacing to scheduled and
// in-progress, and that of any towards needs-attention, cancelling and cancelled: see
// StateFromVisibility.
var (
	KeyState      = temporal.NewSearchAttributeKeyKeyword("CupcakeState")
	KeyFlavours   = temporal.NewSearchAttributeKeyKeywordList("CupcakeFlavours")
	KeyCustomer   = temporal.NewSearchAttributeKeyKeyword("CupcakeCustomer")
	KeyPickupCode = temporal.NewSearchAttributeKeyKeyword("CupcakePickupCode")
)

// OrderInput is what OrderWorkflow starts with. It is part of every recorded
// history: fields may be added, never renamed or given another meaning.
type OrderInput struct {
	Order kitchen.Order `json:"order"`
	// Rules are the kitchen file's rules on the day of the order, so that a
	// changed file never breaks an order under way.
	Rules    kitchen.Rules `json:"rules"`
	PlacedAt time.Time     `json:"placedAt"`
	// Progress is set when the order has continued as new: how far it got.
	Progress *Progress `json:"progress,omitempty"`
	// Pickup is when the order is to be fetched, as it was agreed when it was placed;
	// nil for as soon as possible. Such an order is placed with UpdatePlace.
	Pickup *kitchen.Pickup `json:"pickup,omitempty"`
	// RequestHash is MemoRequestHash of an order with a Pickup, which compares it: another
	// request with the same id must not place this order.
	RequestHash string `json:"requestHash,omitempty"`
}

// Contents is what a list tells of what is in an order.
type Contents struct {
	Lines     []kitchen.Line `json:"lines"`
	Allergies []string       `json:"allergies,omitempty"`
}

// Progress is what an order carries on from one run to the next.
type Progress struct {
	Status    kitchen.Status `json:"status"`
	Direction Direction      `json:"direction"`
	// ToUndo are the stages of this pass that have begun, in that order.
	ToUndo []kitchen.Stage `json:"toUndo"`
	// AskFrom is the first attempt of the open ticket at which a manager may be
	// asked about it because an older build complains.
	AskFrom int `json:"askFrom,omitempty"`
	// Counted are the failures of this pass that have been acted on, the newest
	// last.
	Counted []CountedFailure `json:"counted,omitempty"`
	// Announcements are those that order-failures does not have yet, the oldest
	// first.
	Announcements []kitchen.Failed `json:"announcements,omitempty"`
	// Handled are the updates that have acted, the newest last.
	Handled []Handled `json:"handled,omitempty"`
	// HoldsPlace is set while the order has a place in its slot.
	HoldsPlace bool `json:"holdsPlace,omitempty"`
	// ConfirmPlace is set if the order was reset in Temporal and has no answer yet
	// whether it still has its place.
	ConfirmPlace bool `json:"confirmPlace,omitempty"`
}

// CountedFailure identifies a failed ack that an order has acted on. The attempt
// is not part of it: where a station leaves it out, a worker fills in the one that
// is under way, which may be another when the same ack is delivered again.
type CountedFailure struct {
	ActivityID string    `json:"activityId"`
	At         time.Time `json:"at"`
	Reason     string    `json:"reason,omitempty"`
}

// Direction is which way an order goes.
type Direction string

// The directions.
const (
	Making     Direction = "making"
	Remaking   Direction = "remaking" // undoing the pass, to start another
	Cancelling Direction = "cancelling"
)

// Handled is an update that has acted.
type Handled struct {
	ID string `json:"id"`
	// Answer has no order: a repeated update gets the order as it stands then.
	Answer Answer `json:"answer"`
}

// Unanswered says that somebody has taken a ticket and been silent for too many
// attempts.
type Unanswered struct {
	ActivityID string `json:"activityId"`
	// Attempt is the attempt of the ticket that went out last.
	Attempt int `json:"attempt"`
	// Reason says what is known of it, for people.
	Reason string `json:"reason"`
	// By is the ticket's owner, and Silent how often the ticket was issued again
	// since they were last heard of. An older build complains of tickets that
	// nobody has answered, and tells neither.
	By     string `json:"by,omitempty"`
	Silent int    `json:"silent,omitempty"`
}

// Untold says that a version of an order's status could not be told with its ticket,
// which is out.
type Untold struct {
	Version int64 `json:"version"`
}

// Answer is what an update returns: the order afterwards, and the request that
// acted, so that a caller notices when it uses an update id twice for different
// requests. One of the three requests is set.
type Answer struct {
	Order     kitchen.Status        `json:"order,omitzero"`
	Cancelled *kitchen.Cancellation `json:"cancelled,omitempty"`
	Amended   *kitchen.Amendment    `json:"amended,omitempty"`
	Resolved  *kitchen.Resolution   `json:"resolved,omitempty"`
}

// StartOptions are the options with which an order is started: its workflow
// id, its summary in the Temporal UI, and what it is found by. Temporal refuses
// a second start with the same order id, even after the first has closed, for
// as long as it retains its history.
func StartOptions(orderID string, in OrderInput, requestHash string) client.StartWorkflowOptions {
	return startOptions(orderID, in, requestHash, KeyCustomer.ValueSet(in.Order.Customer.Name))
}

// StartOptions are the options with which an order is started through the client.
// Search attributes are never encrypted: with encryption the customer's name is none,
// and lists have it from the memo.
func (o *Orders) StartOptions(orderID string, in OrderInput, requestHash string) client.StartWorkflowOptions {
	if !o.codec.Encrypts() {
		return StartOptions(orderID, in, requestHash)
	}
	options := startOptions(orderID, in, requestHash)
	options.Memo[MemoCustomer] = in.Order.Customer.Name
	return options
}

func startOptions(orderID string, in OrderInput, requestHash string, more ...temporal.SearchAttributeUpdate) client.StartWorkflowOptions {
	state := string(kitchen.StateInProgress)
	if in.Pickup != nil {
		state = StatePlacing
	}
	memo := map[string]any{MemoRequestHash: requestHash, MemoPieces: in.Order.Pieces(), MemoContents: Contents{in.Order.Lines, in.Order.Allergies}}
	if _, total := in.Rules.Prices.Charge(in.Order.Lines); total != nil {
		memo[MemoTotal] = *total
	}
	if in.Order.Phone != "" {
		memo[MemoPhone] = in.Order.Phone
	}
	return client.StartWorkflowOptions{
		ID:                                       kitchen.WorkflowID(orderID),
		TaskQueue:                                TaskQueue,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     memo,
		TypedSearchAttributes: temporal.NewSearchAttributes(append(more,
			KeyState.ValueSet(state),
			KeyFlavours.ValueSet(flavours(in.Order)),
			KeyPickupCode.ValueSet(kitchen.PickupCode(orderID)),
		)...),
		StaticSummary: fmt.Sprintf("%s · %s · %s", kitchen.PickupCode(orderID), in.Order.Customer.Name, pieces(in.Order)),
	}
}

// StateFromVisibility derives an order's state from Temporal's visibility:
// whether its workflow runs, and the value of KeyState. The workflow's own
// status comes first, which saves the last upsert. An order that an operator
// ended from outside counts as cancelled.
func StateFromVisibility(status enumspb.WorkflowExecutionStatus, attribute kitchen.OrderState) kitchen.OrderState {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return attribute
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		if attribute == kitchen.StateInProgress {
			return kitchen.StateShipped
		}
		return attribute
	default:
		return kitchen.StateCancelled
	}
}

// flavours lists an order's flavours once each, sorted.
func flavours(order kitchen.Order) []string {
	var codes []string
	for _, line := range order.Lines {
		codes = append(codes, line.Flavour)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func pieces(order kitchen.Order) string {
	if n := order.Pieces(); n != 1 {
		return fmt.Sprintf("%d cupcakes", n)
	}
	return "1 cupcake"
}
