package floor

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
	// orders stay ready for a time only. It is also how long the feed stays up to
	// date after the last follower has left.
	counterRefresh = time.Minute
	// readyFor is how long a packaged order is shown as ready.
	readyFor = 30 * time.Minute
	// preparingShown and readyShown are how many orders a screen shows.
	preparingShown = 200
	readyShown     = 60
)

// counterFeed is the channel of what customers see who wait at the counter. It
// is put together from the board while somebody follows it, and then only of
// the orders that the log has had messages of: there may be very many.
type counterFeed struct {
	*feed
	floor *Floor
	poll  *poller

	// The floor's lock guards what follows. The orders are those that the board
	// knows something of; nil while nobody follows the feed.
	orders map[string]*counterOrder
	// current are those of them that are under way or packaged not long ago. Far more
	// are over.
	current map[string]*counterOrder
	// changed are those that may stand elsewhere now.
	changed map[string]struct{}
	// followedAt is when somebody was last known to follow the feed.
	followedAt time.Time

	// The feed's lock guards the display. Only who has the floor's lock as well
	// changes it.
	display wire.CounterDisplay
}

// counterOrder is an order as the counter sees it.
type counterOrder struct {
	tickets []string // ids of its make tickets
	// preparing is set while it is under way, since its first ticket.
	preparing bool
	since     time.Time
	// due is when it is due or, if no ticket tells, when it began.
	due time.Time
	// packaged is when that was done; zero if it was not, or if it is to be
	// undone. record is the one that says so, and name what its customer is
	// called by then.
	packaged time.Time
	record   board.Heard
	name     string
}

func (f *Floor) newCounterFeed() *counterFeed {
	c := &counterFeed{floor: f, current: make(map[string]*counterOrder), changed: make(map[string]struct{})}
	c.feed = newFeed(ChannelCounter, func() wire.LiveMessage {
		return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Counter: c.display}
	})
	c.poll = newPoller(counterPause, counterRefresh, c.update)
	c.display = c.newDisplay(f.now())
	return c
}

// follow adds a follower, for whom the display is brought up to date.
func (c *counterFeed) follow(cursor string, wake func()) (*Follower, bool) {
	c.floor.mu.Lock()
	defer c.floor.mu.Unlock()
	c.open()
	return c.feed.follow(cursor, wake)
}

// open brings the display up to date for somebody who is about to follow it.
// The floor's lock is held.
func (c *counterFeed) open() {
	if c.orders == nil && c.floor.caughtUp {
		c.orders = make(map[string]*counterOrder)
		for ticketID := range c.floor.board.TicketIDs() {
			c.ticketChanged(ticketID)
		}
	}
	c.followedAt = c.floor.now()
	c.refresh(c.followedAt)
}

// close forgets what is only kept for followers. The floor's lock is held.
func (c *counterFeed) close() {
	c.orders = nil
	clear(c.current)
	clear(c.changed)
	c.show(c.newDisplay(c.floor.now()))
}

// update keeps the display up to date while somebody follows it, and some time
// longer.
func (c *counterFeed) update(context.Context) (over bool) {
	c.floor.mu.Lock()
	defer c.floor.mu.Unlock()
	now := c.floor.now()
	switch {
	case c.isFollowed():
		c.followedAt = now
		c.refresh(now)
	case c.orders != nil && now.Sub(c.followedAt) >= counterRefresh:
		c.close()
	}
	return false
}

// ticketChanged notes that the log has a message of a ticket, or that the board
// has forgotten it. The floor's lock is held.
func (c *counterFeed) ticketChanged(ticketID string) {
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
	c.orderChanged(ref.OrderID)
}

// orderChanged notes that an order may stand elsewhere now. The floor's lock is
// held.
func (c *counterFeed) orderChanged(orderID string) {
	if c.orders == nil {
		return
	}
	c.changed[orderID] = struct{}{}
	c.poll.plan(0)
}

// refresh looks at the orders that have changed, and publishes the display if
// it has. The floor's lock is held.
func (c *counterFeed) refresh(now time.Time) {
	for orderID := range c.changed {
		delete(c.current, orderID)
		order := c.orders[orderID]
		switch {
		case order == nil:
		case !c.look(orderID, order):
			delete(c.orders, orderID)
		case order.preparing || !order.packaged.IsZero():
			c.current[orderID] = order
		}
	}
	clear(c.changed)
	display := c.newDisplay(now)
	if !slices.Equal(display.Preparing, c.display.Preparing) || !slices.Equal(display.Ready, c.display.Ready) {
		c.show(display)
	}
}

// show publishes a display. The floor's lock is held.
func (c *counterFeed) show(display wire.CounterDisplay) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.display = display
	c.restart()
}

// look finds out where an order stands by the board, and whether that still
// knows it. The last pass counts: what a remake leaves behind is over.
func (c *counterFeed) look(orderID string, order *counterOrder) (known bool) {
	var (
		kept    []string
		pass    int
		undoing bool
	)
	order.preparing, order.since, order.due, order.packaged = false, time.Time{}, time.Time{}, time.Time{}
	for _, ticketID := range order.tickets {
		entry, found := c.floor.board.Get(ticketID)
		if !found {
			continue
		}
		kept = append(kept, ticketID)
		if entry.Ticket.Attempt == 0 {
			continue // the board knows only acks of it
		}
		if since := printable(entry.Since); order.since.IsZero() || since.Before(order.since) {
			order.since = since
		}
		if due := printable(entry.Ticket.Due()); !due.IsZero() {
			order.due = due
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
			order.packaged, order.record = entry.Ack.At, entry.Heard
			order.name = entry.Ticket.Customer.FirstName()
		default:
			order.preparing = true
		}
	}
	if order.due.IsZero() {
		order.due = order.since
	}
	order.tickets = kept
	if !order.packaged.IsZero() && c.floor.isGone(orderID) {
		order.preparing, order.packaged = false, time.Time{}
		return len(kept) > 0
	}
	_, cancelled := c.floor.cancelled[orderID]
	if undoing || cancelled {
		order.preparing, order.packaged = false, time.Time{}
	}
	if !order.packaged.IsZero() {
		order.preparing = false
	}
	return len(kept) > 0
}

// newDisplay puts a display together.
func (c *counterFeed) newDisplay(now time.Time) wire.CounterDisplay {
	preparing, ready := firstOrders{most: preparingShown}, firstOrders{most: readyShown, newest: true}
	for orderID, order := range c.current {
		switch {
		case order.preparing:
			preparing.add(placedOrder{orderID: orderID, since: order.since, by: order.due})
		case c.floor.isReady(order.record):
			ready.add(placedOrder{orderID: orderID, since: order.packaged, by: c.floor.readAt(order.record), name: order.name})
		default:
			delete(c.current, orderID) // only another message of it makes it ready again
		}
	}
	return wire.CounterDisplay{At: now.UTC(), Preparing: preparing.show(), Ready: ready.show()}
}

type placedOrder struct {
	orderID string
	since   time.Time
	// by is what orders are sorted by. For one under way it is when it is due; for one
	// that is ready it is when that was read: when it was packaged is what some
	// station's clock says.
	by   time.Time
	name string
}

// firstOrders keeps a number of orders, oldest first or newest first. The others
// are not sorted: there may be thousands.
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
		// A ticket's code is what its writer says; this is the order's own.
		shown[i] = wire.CounterOrder{PickupCode: kitchen.PickupCode(order.orderID), Since: order.since, Name: order.name}
	}
	return shown
}

// isReady reports whether an order is still shown as ready, by the record that
// says that it is packaged. The lock is held.
func (f *Floor) isReady(packaged board.Heard) bool {
	return f.board.Age(packaged, f.reading.Elapsed()) <= readyFor
}
