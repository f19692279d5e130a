package floor

import (
	"context"
	"encoding/json"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// handle folds one message. What cannot be understood is for the workers and
// stations to put aside. Messages of a stage that only another build knows are
// not shown here. Messages are decoded before the lock is taken: others wait for
// it.
func (f *Floor) handle(m events.Message) {
	switch m.Topic {
	case events.TopicAcks:
		if ack, err := events.DecodeAck(m); err == nil && ack.Stage.Valid() {
			f.addAck(ack, m)
		} else {
			f.note(m)
		}
	case events.TopicStatus:
		if told, err := events.DecodeStatus(m); err == nil {
			f.addStatus(told, m)
		} else {
			f.missStatus(m)
		}
	case events.TopicShip:
		f.addShipped(m)
	case events.TopicFailures:
		f.addFailure(m)
	default:
		if ticket, err := events.DecodeTicket(m); err == nil && ticket.Stage.Valid() && m.Topic == events.TicketTopic(ticket.Stage) {
			f.addTicket(ticket, m)
		} else {
			f.note(m)
		}
	}
}

// note notes a message that counts for nothing, but still tells how far the log
// was read.
func (f *Floor) note(m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.board.Note(f.place(m))
}

func (f *Floor) addAck(ack kitchen.Ack, m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.place(m)
	if f.isErased(ack.OrderID) {
		ack.Note = ""
	}
	effect := f.board.AddAck(ack, at)
	f.figures.addAck(board.Judged{Ack: ack, Heard: at, Effect: effect}, f.board, f.now())
	f.overview.tellAck(ack, effect, f.readAt(at).UTC())
	f.show(ack.TicketID)
	if effect == board.Refused {
		f.stations[ack.Stage].noteRefused()
	}
	if source, _ := m.Header("ce_source"); source == f.source {
		f.resolve(ack, effect)
	}
	f.orders.ticketChanged(ack.OrderID)
	if order := f.statuses[ack.OrderID]; order != nil && order.asked != 0 {
		f.kitchen.questionsChanged() // whoever decides sees who has it in hand
	} else {
		f.kitchen.ordersChanged()
	}
}

func (f *Floor) addTicket(ticket kitchen.Ticket, m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.place(m)
	if f.isErased(ticket.OrderID) {
		ticket = ticket.WithoutTexts()
	}
	judged := f.board.AddTicket(ticket, at)
	f.figures.addTicket(ticket, judged, f.board, at, f.now())
	f.overview.tellTicket(ticket, f.readAt(at).UTC())
	f.show(ticket.TicketID)
	if f.caughtUp { // or it is on no board yet
		f.queue.drop(ticket.OrderID)
	}
	f.expectStatus(ticket)
	f.orders.issued(ticket.Ref())
	f.kitchen.ordersChanged()
}

// addShipped adds that an order was shipped.
func (f *Floor) addShipped(m events.Message) {
	order, known := readShipped(m)
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.place(m)
	f.board.Note(at)
	if known {
		order.record = at
		f.addReady(string(m.Key), order)
		f.overview.tell(string(m.Key), wire.OverviewNews{Kind: wire.NewsReady, At: f.readAt(at).UTC()})
	}
	f.orders.stepTaken(string(m.Key))
	f.kitchen.ordersChanged()
}

// addFailure adds that an order was cancelled or needs attention.
func (f *Floor) addFailure(m events.Message) {
	orderID, cancelled := readCancelled(m)
	f.mu.Lock()
	defer f.mu.Unlock()
	if cancelled {
		at := f.place(m)
		f.board.Note(at)
		f.cancelled[orderID] = at
		f.queue.drop(orderID)
		f.counter.orderChanged(orderID)
		f.overview.tell(orderID, wire.OverviewNews{Kind: wire.NewsCancelled, At: f.readAt(at).UTC()})
	}
	f.orders.stepTaken(string(m.Key))
	f.kitchen.questionsChanged()
}

// readCancelled reads which order a message reports as cancelled, if it does.
func readCancelled(m events.Message) (orderID string, cancelled bool) {
	var failed struct {
		OrderID string             `json:"orderId"`
		State   kitchen.OrderState `json:"state"`
	}
	if len(m.Value) > events.MaxMessageBytes || json.Unmarshal(m.Value, &failed) != nil || kitchen.CheckOrderID(failed.OrderID) != nil {
		return "", false
	}
	return failed.OrderID, failed.State == kitchen.StateCancelled
}

// newestRecord is the time of a record that was read as soon as it was there,
// and when that was by our own clock, which may be wrong.
type newestRecord struct{ brokers, ours time.Time }

// place is a record's place in the log and in time. The lock is held.
func (f *Floor) place(m events.Message) board.Heard {
	at := board.HeardFrom(m, f.reading.Elapsed())
	if f.caughtUp && f.away.IsZero() && at.Appended {
		f.newest = newestRecord{at.Time, f.now()}
	}
	return at
}

// logTime is the present by the clock that dates the log: the broker's, as far
// as it is known, whatever our own clock says. The lock is held.
func (f *Floor) logTime() time.Time {
	now := f.now()
	if f.newest == (newestRecord{}) {
		return now
	}
	return f.newest.brokers.Add(now.Sub(f.newest.ours))
}

// readUntil is the time by logTime up to which the log has been read: the present,
// unless Kafka does not answer. It is zero while the log has not been read to its
// end.
func (f *Floor) readUntil() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readUntilLocked()
}

// readUntilLocked is readUntil for who has the lock.
func (f *Floor) readUntilLocked() time.Time {
	switch {
	case !f.caughtUp:
		return time.Time{}
	case f.away.IsZero():
		return f.logTime()
	case f.newest == (newestRecord{}):
		return f.away
	}
	return f.newest.brokers.Add(f.away.Sub(f.newest.ours))
}

// readAt is a time for a record that no sender's clock changes: the broker's,
// or that at which it was read here. The lock is held.
func (f *Floor) readAt(record board.Heard) time.Time {
	if record.Appended {
		return record.Time
	}
	return f.began.Add(record.After)
}

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
	for _, station := range f.stations {
		station.forgetRefused()
	}
	f.show(f.dropOld()...)
}

// dropOld drops what is over and has not been in the log for lookBack, and returns
// which tickets that were. What is open stays while the factory may be away: see
// board.Board.Forget. The lock is held.
func (f *Floor) dropOld() (ticketIDs []string) {
	now := f.reading.Elapsed()
	for orderID, order := range f.queue.accepted {
		if now-order.after > f.lookBack {
			f.queue.drop(orderID) // it was ended from outside, or nobody is at work
		}
	}
	f.board.Forget(now, f.lookBack, func(ticketID string) (keep bool) {
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
		ticketIDs = append(ticketIDs, ticketID)
		return false
	})
	f.dropCancelled(now)
	f.dropStatuses(now)
	f.dropShipped(now)
	return ticketIDs
}

// dropCancelled forgets that orders were cancelled, once the board has forgotten
// their tickets: without that they would seem to be under way. The lock is held.
func (f *Floor) dropCancelled(now time.Duration) {
	over := make(map[string]bool)
	for orderID, record := range f.cancelled {
		if f.board.Age(record, now) > f.lookBack {
			over[orderID] = true
		}
	}
	if len(over) == 0 {
		return
	}
	for ticketID := range f.board.TicketIDs() {
		if ref, err := kitchen.ParseTicketID(ticketID); err == nil {
			delete(over, ref.OrderID)
		}
	}
	for orderID := range over {
		delete(f.cancelled, orderID)
		f.counter.orderChanged(orderID)
	}
}
