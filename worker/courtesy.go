package worker

import (
	"context"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// courtesyAfter is how long a ticket is in hand before its activity gets a
	// heartbeat with the name of its owner. Measured, a heartbeat on every stage
	// costs a fifth of the throughput, and work that ends sooner needs no name.
	courtesyAfter = time.Second
	// courtesyUpToLag is the lag, in acks of one partition, above which the
	// heartbeats are left out: completions come first.
	courtesyUpToLag = 100
	// courtesiesAtOnce bounds the heartbeats under way, and so the load that
	// they add to that of the completions.
	courtesiesAtOnce = 4
	courtesyWithin   = 5 * time.Second
)

// courtesy sends a heartbeat a moment after a started ack, unless the ticket
// has ended by then. It never holds back a commit, and drops what it has no
// room for.
type courtesy struct {
	send func(context.Context, kitchen.Ack)

	ctx    context.Context
	cancel context.CancelFunc
	room   chan struct{}

	mu      sync.Mutex
	planned map[string]*time.Timer // by ticket id
	sending sync.WaitGroup
}

func newCourtesy(send func(context.Context, kitchen.Ack)) *courtesy {
	ctx, cancel := context.WithCancel(context.Background())
	return &courtesy{
		send:    send,
		ctx:     ctx,
		cancel:  cancel,
		room:    make(chan struct{}, courtesiesAtOnce),
		planned: map[string]*time.Timer{},
	}
}

// plan plans the heartbeat for a started ack. The first to start a
// ticket owns it; a second started ack changes nothing.
func (c *courtesy) plan(ack kitchen.Ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil || c.planned[ack.TicketID] != nil {
		return
	}
	c.planned[ack.TicketID] = time.AfterFunc(courtesyAfter, func() { c.due(ack) })
}

// forget drops the plan for a ticket that has ended.
func (c *courtesy) forget(ticketID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if timer := c.planned[ticketID]; timer != nil {
		timer.Stop()
		delete(c.planned, ticketID)
	}
}

func (c *courtesy) due(ack kitchen.Ack) {
	c.mu.Lock()
	if c.ctx.Err() != nil || c.planned[ack.TicketID] == nil {
		c.mu.Unlock()
		return
	}
	delete(c.planned, ack.TicketID)
	c.sending.Add(1)
	c.mu.Unlock()
	defer c.sending.Done()

	select {
	case c.room <- struct{}{}:
		defer func() { <-c.room }()
	default:
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, courtesyWithin)
	defer cancel()
	c.send(ctx, ack)
}

// stop drops all plans and waits for heartbeats under way.
func (c *courtesy) stop() {
	c.cancel()
	c.mu.Lock()
	for ticketID, timer := range c.planned {
		timer.Stop()
		delete(c.planned, ticketID)
	}
	c.mu.Unlock()
	c.sending.Wait()
}
