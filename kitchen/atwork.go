package kitchen

import "time"

// AtWork says who has a ticket in hand. Temporal keeps it with the pending
// activity, as its heartbeat, so that operators see the name.
type AtWork struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}
