package worker

import (
	"context"
	"sync"
	"time"
)

const (
	// heartbeatAfter is how long a ticket is in hand before its activity gets a
	// heartbeat with the name of its owner. Measured, a heartbeat on every stage
	// costs a fifth of the throughput, and work that ends sooner needs no name.
	// Boards and pages do not wait for it, since they have the name from the log.
	heartbeatAfter = 3 * time.Second
	// heartbeatsAtOnce bounds the heartbeats under way, and so the load that they
	// add to that of the completions.
	heartbeatsAtOnce = 4
	heartbeatWithin  = 5 * time.Second
)

// heartbeats tell Temporal who has a ticket in hand, and that they still have it.
// None holds back a commit. None is left out because there is no room or Temporal
// does not answer: it waits, and there is one at most for each ticket. What it says
// is found out when it is sent, so none shows an owner who has lost the ticket by
// then, as far as the log tells.
type heartbeats struct {
	// send sends one about a ticket; again is how often that was tried in vain. If
	// it is to be tried again, retry is after how long.
	send func(ctx context.Context, ticketID string, again int) (retry time.Duration)

	ctx     context.Context
	cancel  context.CancelFunc
	working sync.WaitGroup

	mu      sync.Mutex
	tickets map[string]*heartbeat
	due     []*heartbeat // those first that have waited longest
	senders int
}

// heartbeat is the one of a ticket.
type heartbeat struct {
	ticketID string
	ctx      context.Context // ends when the partition of its newest ack is taken away
	timer    *time.Timer     // until it is due; nil since
	sending  chan struct{}   // while it is being sent; closed then
	renewed  bool            // there was another ack meanwhile
	again    int
}

func newHeartbeats(send func(ctx context.Context, ticketID string, again int) time.Duration) *heartbeats {
	ctx, cancel := context.WithCancel(context.Background())
	return &heartbeats{send: send, ctx: ctx, cancel: cancel, tickets: map[string]*heartbeat{}}
}

// plan plans the heartbeat for a ticket that somebody has in hand: now, or in a
// moment.
func (h *heartbeats) plan(ctx context.Context, ticketID string, now bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return
	}
	beat := h.tickets[ticketID]
	switch {
	case beat == nil:
		beat = &heartbeat{ticketID: ticketID}
		h.tickets[ticketID] = beat
		if now {
			h.setDue(beat)
		} else {
			h.waitFor(beat, heartbeatAfter)
		}
	case beat.sending != nil:
		beat.renewed = true
	case now && beat.timer != nil:
		beat.timer.Stop()
		h.setDue(beat)
	}
	beat.ctx = ctx
}

// settle drops the heartbeat of a ticket of which something else is about to be
// told, and waits for one that is under way, so that none comes later.
func (h *heartbeats) settle(ctx context.Context, ticketID string) {
	h.mu.Lock()
	beat := h.tickets[ticketID]
	if beat == nil {
		h.mu.Unlock()
		return
	}
	delete(h.tickets, ticketID)
	if beat.timer != nil {
		beat.timer.Stop()
	}
	sending := beat.sending
	h.mu.Unlock()
	if sending != nil {
		select {
		case <-sending:
		case <-ctx.Done():
		}
	}
}

// waitFor makes a heartbeat due later. The lock is held.
func (h *heartbeats) waitFor(beat *heartbeat, later time.Duration) {
	var timer *time.Timer
	timer = time.AfterFunc(later, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.tickets[beat.ticketID] == beat && beat.timer == timer && h.ctx.Err() == nil {
			h.setDue(beat)
		}
	})
	beat.timer = timer
}

// setDue has a heartbeat sent as soon as there is room. The lock is held.
func (h *heartbeats) setDue(beat *heartbeat) {
	beat.timer = nil
	h.due = append(h.due, beat)
	if h.senders < heartbeatsAtOnce {
		h.senders++
		h.working.Go(h.work)
	}
}

// work sends what is due.
func (h *heartbeats) work() {
	for beat, ctx := h.next(); beat != nil; beat, ctx = h.next() {
		ctx, cancel := context.WithTimeout(ctx, heartbeatWithin)
		stop := context.AfterFunc(h.ctx, cancel)
		retry := h.send(ctx, beat.ticketID, beat.again)
		stop()
		cancel()
		h.sent(beat, retry)
	}
}

// next takes the heartbeat that has been due for longest, with its context; nil if
// there is none.
func (h *heartbeats) next() (*heartbeat, context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.due) > 0 {
		beat := h.due[0]
		h.due[0], h.due = nil, h.due[1:]
		switch {
		case h.tickets[beat.ticketID] != beat: // settled
		case beat.ctx.Err() != nil || h.ctx.Err() != nil:
			delete(h.tickets, beat.ticketID)
		default:
			beat.sending = make(chan struct{})
			return beat, beat.ctx
		}
	}
	h.due = nil
	h.senders--
	return nil, nil
}

// sent notes how a heartbeat went.
func (h *heartbeats) sent(beat *heartbeat, retry time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(beat.sending)
	beat.sending = nil
	switch {
	case h.tickets[beat.ticketID] != beat:
	case beat.renewed:
		beat.renewed, beat.again = false, 0
		h.setDue(beat)
	case retry > 0:
		beat.again++
		h.waitFor(beat, retry)
	default:
		delete(h.tickets, beat.ticketID)
	}
}

// stop drops all heartbeats and waits for those under way.
func (h *heartbeats) stop() {
	h.mu.Lock()
	h.cancel()
	for ticketID, beat := range h.tickets {
		if beat.timer != nil {
			beat.timer.Stop()
		}
		delete(h.tickets, ticketID)
	}
	h.mu.Unlock()
	h.working.Wait()
}
