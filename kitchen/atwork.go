package kitchen

import "time"

// AtWork is who has claimed a ticket, and when. Temporal keeps it as the pending
// activity's heartbeat, so that operators see the name.
type AtWork struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}
