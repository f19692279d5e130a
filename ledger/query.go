package ledger

import (
	"errors"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// MaxTraced is how many tickets a trace has at most.
const MaxTraced = 1000

// ErrUnknownOrder says that the ledger has nothing of an order.
var ErrUnknownOrder = errors.New("the ledger does not know the order")

// Trace says which tickets to trace: those that were on the tray of one, or those that
// ended at a stage within some time.
type Trace struct {
	// Ticket names a ticket whose tray is meant; the zero value if there is none. Nothing
	// else is given with it.
	Ticket kitchen.TicketRef

	// Stage is where the tickets ended, From and To between when.
	Stage    kitchen.Stage
	From, To time.Time
	// Flavour leaves only tickets with it, Worker only those that they ended; all if empty.
	Flavour string
	Worker  string
}
