package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// counterPause is the least time between two looks at what customers see.
	counterPause = 500 * time.Millisecond
	// counterRefresh is how often there is one although nothing has happened:
	// orders stay ready for a time only. It is also how long the feed goes on
	// keeping itself up to date after the last follower has left.
	counterRefresh = time.Minute
	// readyFor is how long a packaged order is shown as ready.
	readyFor = 30 * time.Minute
	// preparingShown and readyShown are how many orders a screen shows.
	preparingShown = 200
	readyShown     = 60
)

// counterFeed is what customers see who wait at the counter, and who follows
// it. It is put together from the board, while somebody follows it, and then
// only of the orders of which the log has spoken: there may be very many.
type counterFeed struct {
	*feed
	floor *floor
	// orders are those that the board knows something of; nil while nobody
	// follows the feed.
	orders map[string]*counterOrder
	// news are those that may stand elsewhere now, and changed has a token
	// when there are any.
	news    map[string]struct{}
	changed chan struct{}
	display wire.CounterDisplay
}

// counterOrder is an order as the counter sees it.
type counterOrder struct {
	tickets []string // ids of its make tickets
	// preparing is set while it is under way, since its first ticket.
	preparing bool
	since     time.Time
	// packaged is when that was done; zero if it was not, or if it is to be
	// undone. heard is the record that says so, and name what its customer is
	// called by then.
	packaged time.Time
	heard    board.Heard
	name     string
}

func (f *floor) newCounterFeed() *counterFeed {
	c := &counterFeed{floor: f, news: make(map[string]struct{}), changed: make(chan struct{}, 1)}
	c.feed = newFeed(channelCounter, func() wire.LiveMessage {
		return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Counter: c.display}
	})
	c.display = c.put(f.now())
	return c
}

// open brings the display up to date for somebody who is about to follow it.
func (c *counterFeed) open() {
	if c.orders == nil && c.floor.caughtUp {
		c.orders = make(map[string]*counterOrder)
		for ticketID := range c.floor.board.TicketIDs() {
			c.touch(ticketID)
		}
	}
	c.refresh(c.floor.now())
}

// touch hears that the log has spoken of a ticket, or that the board has
// forgotten it.
func (c *counterFeed) touch(ticketID string) {
	if c.orders == nil {
		return
	}
	ref, err := kitchen.ParseTicketID(ticketID)
	if err != nil {
		return // not reached: what the board has has a good id
	}
	order := c.orders[ref.OrderID]
	if order == nil {
		order = &counterOrder{}
		c.orders[ref.OrderID] = order
	}
	ref.Kind = kitchen.TicketMake
	if makeID := ref.TicketID(); !slices.Contains(order.tickets, makeID) {
		order.tickets = append(order.tickets, makeID)
	}
	c.touchOrder(ref.OrderID)
}

func (c *counterFeed) touchOrder(orderID string) {
	if c.orders == nil {
		return
	}
	c.news[orderID] = struct{}{}
	select {
	case c.changed <- struct{}{}:
	default: // somebody has said so
	}
}

// refresh tells whoever follows the counter what has changed there.
func (c *counterFeed) refresh(now time.Time) {
	for orderID := range c.news {
		if order := c.orders[orderID]; order != nil && !c.look(orderID, order) {
			delete(c.orders, orderID)
		}
	}
	clear(c.news)
	display := c.put(now)
	if slices.Equal(display.Preparing, c.display.Preparing) && slices.Equal(display.Ready, c.display.Ready) {
		return
	}
	c.display = display
	c.renew()
}

// look finds out where an order stands by the board; false if that has
// forgotten it. The last pass counts: what a remake leaves behind is over.
func (c *counterFeed) look(orderID string, order *counterOrder) (known bool) {
	var (
		kept    []string
		pass    int
		undoing bool
	)
	order.preparing, order.since, order.packaged = false, time.Time{}, time.Time{}
	for _, ticketID := range order.tickets {
		entry, found := c.floor.board.Get(ticketID)
		if !found {
			continue
		}
		kept = append(kept, ticketID)
		if entry.Ticket.Attempt == 0 {
			continue // only acks have been heard of it
		}
		if since := printable(entry.Since); order.since.IsZero() || since.Before(order.since) {
			order.since = since
		}
		if entry.Ticket.Pass < pass {
			continue
		}
		if entry.Ticket.Pass > pass {
			pass, undoing = entry.Ticket.Pass, false
			order.preparing, order.packaged = false, time.Time{}
		}
		switch {
		case entry.Withdrawn:
			undoing = true
		case entry.Ticket.Stage == kitchen.Package && entry.Ended():
			order.packaged, order.heard = entry.Ack.At, entry.Heard
			order.name = entry.Ticket.Customer.CalledName()
		default:
			order.preparing = true
		}
	}
	order.tickets = kept
	_, cancelled := c.floor.cancelled[orderID]
	if undoing || cancelled {
		order.preparing, order.packaged = false, time.Time{}
	}
	if !order.packaged.IsZero() {
		order.preparing = false
	}
	return len(kept) > 0
}

// put puts the display together.
func (c *counterFeed) put(now time.Time) wire.CounterDisplay {
	preparing, ready := firstOrders{most: preparingShown}, firstOrders{most: readyShown, newest: true}
	for orderID, order := range c.orders {
		switch {
		case order.preparing:
			preparing.add(placedOrder{orderID: orderID, since: order.since, by: order.since})
		case !order.packaged.IsZero() && c.floor.isReady(order.heard):
			ready.add(placedOrder{orderID: orderID, since: order.packaged, by: c.floor.heardAt(order.heard), name: order.name})
		}
	}
	return wire.CounterDisplay{At: now.UTC(), Preparing: preparing.show(), Ready: ready.show()}
}

type placedOrder struct {
	orderID string
	since   time.Time
	// by is what orders are sorted by. What is ready goes by when that was
	// heard: when it was done is what some station's clock says.
	by   time.Time
	name string
}

// firstOrders are so many orders with the oldest first, or the newest. Those
// that are not among the first are not sorted: there may be thousands.
type firstOrders struct {
	most   int
	newest bool
	orders []placedOrder
}

func (f *firstOrders) compare(x, y placedOrder) int {
	if f.newest {
		x, y = y, x
	}
	if order := x.by.Compare(y.by); order != 0 {
		return order
	}
	return strings.Compare(x.orderID, y.orderID)
}

func (f *firstOrders) add(order placedOrder) {
	if last := len(f.orders) - 1; len(f.orders) == f.most && f.compare(order, f.orders[last]) > 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(f.orders, order, f.compare)
	f.orders = slices.Insert(f.orders, at, order)
	f.orders = f.orders[:min(len(f.orders), f.most)]
}

func (f *firstOrders) show() []wire.CounterOrder {
	shown := make([]wire.CounterOrder, len(f.orders))
	for i, order := range f.orders {
		// The code in a ticket is what its writer says; this is the order's.
		shown[i] = wire.CounterOrder{PickupCode: kitchen.PickupCode(order.orderID), Since: order.since, Name: order.name}
	}
	return shown
}

// isReady reports whether an order is still shown that was packaged by the word
// of a record.
func (f *floor) isReady(packaged board.Heard) bool {
	return f.board.Age(packaged, f.reading.Elapsed()) <= readyFor
}

// keepCounter keeps the display up to date while somebody follows it.
func (f *floor) keepCounter(ctx context.Context) {
	refresh := time.NewTicker(counterRefresh)
	defer refresh.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		onTime := false
		select {
		case <-ctx.Done():
			return
		case <-f.counter.changed:
		case <-refresh.C:
			onTime = true
		}
		f.mu.Lock()
		switch {
		case len(f.counter.followers) > 0:
			f.counter.refresh(f.now())
		case onTime:
			f.counter.close()
		}
		f.mu.Unlock()
		pause.Reset(counterPause)
	}
}

// close forgets what is only kept for followers.
func (c *counterFeed) close() {
	c.orders = nil
	clear(c.news)
	c.display = c.put(c.floor.now())
	c.renew()
}
