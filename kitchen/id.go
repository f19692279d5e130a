package kitchen

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

const (
	workflowPrefix = "order-"
	undoSuffix     = ".undo"
)

// NewOrderID returns a fresh order id, a UUIDv7. It is the customer's
// capability: whoever knows it may see and change the order.
func NewOrderID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an order id: %w", err)
	}
	return id.String(), nil
}

// OrderIDFromKey derives the order id that belongs to an idempotency key: a
// UUIDv8 (RFC 9562) from an HMAC-SHA256 of the key with the deployment's
// secret. Without the secret nobody can find an order by guessing keys.
func OrderIDFromKey(secret []byte, key string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(key))
	return uuidV8(mac.Sum(nil))
}

// CheckOrderID returns an error unless id is an order id in the canonical
// form: 36 characters, lower case.
func CheckOrderID(id string) error {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.String() != id {
		return fmt.Errorf("%q is not an order id: use the id from the order's answer, 36 characters in lower case", Excerpt(id))
	}
	return nil
}

// WorkflowID is the id of the workflow that drives an order.
func WorkflowID(orderID string) string { return workflowPrefix + orderID }

// OrderIDFromWorkflowID is the inverse of WorkflowID.
func OrderIDFromWorkflowID(workflowID string) (string, error) {
	orderID, found := strings.CutPrefix(workflowID, workflowPrefix)
	if !found {
		return "", fmt.Errorf("workflow id %q does not start with %q", Excerpt(workflowID), workflowPrefix)
	}
	return orderID, CheckOrderID(orderID)
}

// TicketRef names a ticket: which stage and pass of which order, and whether
// it makes or undoes.
type TicketRef struct {
	OrderID string
	Stage   Stage
	Pass    int
	Kind    TicketKind
}

// TicketID is "<order id>.<stage>.<pass>", with ".undo" for an undo ticket.
func (r TicketRef) TicketID() string { return r.OrderID + "." + r.ActivityID() }

// ActivityID is the id of the Temporal activity that issues the ticket: the
// ticket id without the order id.
func (r TicketRef) ActivityID() string {
	id := string(r.Stage) + "." + strconv.Itoa(r.Pass)
	if r.Kind == TicketUndo {
		id += undoSuffix
	}
	return id
}

// ActivityType is the name under which Temporal shows the activity that issues
// the ticket: that of its stage, such as Bake, or UndoBake.
func (r TicketRef) ActivityType() string {
	if r.Kind == TicketUndo {
		return "Undo" + r.Stage.ActivityType()
	}
	return r.Stage.ActivityType()
}

// Undo names the ticket that undoes this one.
func (r TicketRef) Undo() TicketRef {
	r.Kind = TicketUndo
	return r
}

// ParseTicketID is the inverse of TicketRef.TicketID. The ticket may be of a
// stage that only another build knows: see Stage.Valid.
func ParseTicketID(id string) (TicketRef, error) {
	orderID, activityID, _ := strings.Cut(id, ".")
	if err := CheckOrderID(orderID); err != nil {
		return TicketRef{}, fmt.Errorf("%q is not a ticket id: it must read <order id>.<stage>.<pass>", Excerpt(id))
	}
	ref, err := ParseActivityID(activityID)
	if err != nil {
		return TicketRef{}, fmt.Errorf("%q is not a ticket id: it must read <order id>.<stage>.<pass>", Excerpt(id))
	}
	ref.OrderID = orderID
	return ref, nil
}

// ParseActivityID is the inverse of TicketRef.ActivityID; the order id stays
// empty. The stage may be one that only another build knows.
func ParseActivityID(id string) (TicketRef, error) {
	rest, undo := strings.CutSuffix(id, undoSuffix)
	stageName, passText, _ := strings.Cut(rest, ".")
	stage := Stage(stageName)
	if !stage.IsWellFormed() {
		return TicketRef{}, fmt.Errorf("activity id %q: the stage must be a word of at most %d small letters", Excerpt(id), maxStageLength)
	}
	pass, err := strconv.Atoi(passText)
	if err != nil || pass < 1 || pass > MaxPass || strconv.Itoa(pass) != passText {
		return TicketRef{}, fmt.Errorf("activity id %q: the pass must be a number from 1 to %d", Excerpt(id), MaxPass)
	}
	ref := TicketRef{Stage: stage, Pass: pass, Kind: TicketMake}
	if undo {
		ref.Kind = TicketUndo
	}
	return ref, nil
}

// pickupAlphabet leaves out what is misheard or misread at a counter: 0 and
// O, 1 and I, and the vowels that would spell words.
const pickupAlphabet = "23456789BCDFGHJKLMNPQRSTVWXZ"

const pickupCodeLength = 4

// PickupCode is the four characters called out at the counter for an order.
// It is derived from the id by a one-way function, so it never gives the
// customer's capability away. Two open orders may rarely share one.
func PickupCode(orderID string) string {
	sum := sha256.Sum256([]byte("pickup code of " + orderID))
	n := binary.BigEndian.Uint64(sum[:8])
	code := make([]byte, pickupCodeLength)
	for i := range code {
		code[i] = pickupAlphabet[n%uint64(len(pickupAlphabet))]
		n /= uint64(len(pickupAlphabet))
	}
	return string(code)
}
