package erase

import (
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/events/deadletter"
)

// Report is what there is of an order, and what has become of it.
type Report struct {
	// DryRun says that nothing was to be changed. Who examines sets it.
	DryRun     bool   `json:"dryRun"`
	OrderID    string `json:"orderId"`
	OrderKey   string `json:"orderKey"`
	PickupCode string `json:"pickupCode"`
	// ErasedAt is when the flag was put up, and ErasedBefore says that it was up
	// already.
	ErasedAt     *time.Time `json:"erasedAt,omitempty"`
	ErasedBefore bool       `json:"erasedBefore"`
	// Runs are the workflows of the order in Temporal, and Standing what its standing
	// order has left there; nil if there is none.
	Runs     []Run     `json:"runs"`
	Standing *Standing `json:"standing,omitempty"`
	// Flags are other flags that name the order.
	Flags []Flag `json:"flags"`
	// Letters are its dead letters.
	Letters []Letter `json:"letters"`
	// Topics are those that have messages of the order.
	Topics []Topic `json:"topics"`
	// GoneAt is when the last of these is gone at the latest; nil if there is none, or
	// if one stays.
	GoneAt *time.Time `json:"goneAt,omitempty"`
	// Left is what somebody has to see to, in words.
	Left []string `json:"left"`
}

// Run is a run of a workflow.
type Run struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Status     string `json:"status"`
	Deleted    bool   `json:"deleted"`

	started time.Time
	open    bool
}

func (r Run) isSame(other Run) bool {
	return r.WorkflowID == other.WorkflowID && r.RunID == other.RunID
}

// Standing is what a standing order has in Temporal of an order's customer.
type Standing struct {
	ID string `json:"id"`
	// Continues says that its schedule is still there.
	Continues bool `json:"continues"`
	// Runs are those that placed this order, or none.
	Runs []Run `json:"runs"`
	// OtherOrders are the orders that it has placed besides.
	OtherOrders []string `json:"otherOrders"`
}

// Flag is a flag that names the order.
type Flag struct {
	Kind      string `json:"kind"`
	TakenBack bool   `json:"takenBack"`
}

// Letter is a dead letter of the order.
type Letter struct {
	Place deadletter.Place `json:"letter"`
	// State is that in which it was found.
	State     deadletter.State `json:"state"`
	Discarded bool             `json:"discarded"`
	// Cut says that Kafka has it no more.
	Cut bool `json:"cut"`
}

// Topic is a topic that has messages of the order.
type Topic struct {
	Topic    string `json:"topic"`
	Messages int    `json:"messages"`
	// Has says what these have of a person.
	Has string `json:"has"`
	// Newest is the time of the last.
	Newest time.Time `json:"newest"`
	// GoneAt is when that one is gone at the latest; nil if it stays.
	GoneAt *time.Time `json:"goneAt,omitempty"`
}

// tellLeft tells what somebody has to see to after an order was erased.
func (r *Report) tellLeft() {
	if r.Standing != nil && r.Standing.Continues {
		r.Left = append(r.Left, fmt.Sprintf("the standing order %s goes on and has the customer's texts: end it with cupcakery standing end %s, and erase the order once more", r.Standing.ID, r.Standing.ID))
	}
	kept := 0
	for _, letter := range r.Letters {
		if !letter.Cut {
			kept++
		}
	}
	if kept > 0 {
		r.Left = append(r.Left, fmt.Sprintf("%d of the order's dead letters lie on their topic for ever: --cut-dead-letters deletes them, with every settled letter before them", kept))
	}
}

// isKnown reports whether anybody has anything of the order.
func (r *Report) isKnown() bool {
	return r.ErasedAt != nil || len(r.Runs)+len(r.Flags)+len(r.Letters)+len(r.Topics) > 0 || r.Standing != nil
}
