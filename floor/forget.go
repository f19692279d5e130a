package floor

import (
	"context"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// maxForgetInterval is the longest time between two rounds of forgetting.
const maxForgetInterval = time.Minute

// forgetRegularly forgets what is over until the context ends.
func (f *Floor) forgetRegularly(ctx context.Context) {
	ticker := time.NewTicker(min(f.lookBack/20, maxForgetInterval))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.forget()
		}
	}
}

// forget forgets what is over, on the boards too.
func (f *Floor) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.away.IsZero() {
		return // the log is silent because nobody can read it
	}
	f.figures.forget(f.reading.Elapsed())
	if f.dropOld() == 0 {
		return
	}
	for _, station := range f.stations {
		station.updateAll()
	}
}

// dropOld drops what the log has been silent about for lookBack, and returns
// how many tickets that were. The lock is held.
func (f *Floor) dropOld() (tickets int) {
	now := f.reading.Elapsed()
	for orderID, record := range f.cancelled {
		if f.board.Age(record, now) > f.lookBack {
			delete(f.cancelled, orderID)
			f.counter.orderChanged(orderID)
		}
	}
	for orderID, order := range f.queue.accepted {
		if now-order.after > f.lookBack {
			f.queue.drop(orderID) // it was ended from outside, or nobody is at work
		}
	}
	return f.board.Forget(now, f.lookBack, func(ticketID string) (keep bool) {
		// An undo ticket goes after the ticket that it withdraws, which would
		// be open again without it.
		makeID, isUndo := board.UndoneBy(ticketID)
		if _, known := f.board.Get(makeID); isUndo && known {
			return true
		}
		if entry, _ := f.board.Get(ticketID); entry.Ticket.Stage == kitchen.Package && entry.State == kitchen.TicketDone && f.isReady(entry.Heard) {
			return true // whoever waits at the counter may not have seen it yet
		}
		f.counter.ticketChanged(ticketID)
		return false
	})
}
