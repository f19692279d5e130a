package floor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// collectWithin is how long an order that was shipped is listed until it is
	// collected.
	collectWithin = 24 * time.Hour
	// mayBeOff is how far this process's own clock may be off.
	mayBeOff = 6 * time.Hour
	// What nobody needs to know any more is taken back by one of the processes that
	// know it: what was collected once no process lists the order, a rush as rushKept
	// says, and the end of a session some time after the session would have ended by itself,
	// because clocks differ.
	collectedKept = kitchen.CollectedKept
	sessionKept   = time.Hour
	tidyEvery     = 5 * time.Minute
	// tidyFirst is within what time a process begins that has caught up: one that did
	// not live for long would put nothing aside that nobody can understand.
	tidyFirst = 5 * time.Second
	// tidiedAtOnce bounds what one round takes back.
	tidiedAtOnce = 1000
)

// ErrNoLog means that there is no Kafka to keep a flag.
var ErrNoLog = errors.New("this process has no Kafka")

// FlagUnconfirmedError means that nobody knows whether a flag is in the log.
type FlagUnconfirmedError struct{ Err error }

func (e *FlagUnconfirmedError) Error() string {
	return fmt.Sprintf("the flag was not seen in the log within %s: %v", publishWithin, e.Err)
}

// Unwrap returns the cause.
func (e *FlagUnconfirmedError) Unwrap() error { return e.Err }

// AwaitFlags waits until kitchen-state has been read for the first time, but not for
// longer than patience.
func (f *Floor) AwaitFlags(ctx context.Context, patience time.Duration) {
	if f.writer != nil {
		f.flags.AwaitRead(ctx, patience)
	}
}

// PutFlag puts up a flag that stands from now on, and waits until the log has it and
// this process shows it.
func (f *Floor) PutFlag(ctx context.Context, flag kitchen.Flag) error {
	flag.At = f.now().UTC()
	if before, up := f.flags.Get(flag.Kind, flag.Of); up && !before.At.Before(flag.At) {
		flag.At = before.At.Add(time.Millisecond) // another process's clock is fast
	}
	flag.At = flag.At.Truncate(time.Millisecond)
	return f.writeFlag(ctx, func(ctx context.Context, id string) error { return f.writer.PublishFlag(ctx, id, flag) })
}

// PutFlagLater has a flag put up that ends by itself, and that Kafka has not taken: it is
// tried again, some minutes apart, until Kafka has it, it has ended, or the process ends.
func (f *Floor) PutFlagLater(flag kitchen.Flag) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owedFlags[flag.FlagAt] = flag
}

// putOwedFlags puts up what Kafka has not taken before.
func (f *Floor) putOwedFlags(ctx context.Context) {
	f.mu.Lock()
	owed := maps.Clone(f.owedFlags)
	f.mu.Unlock()
	for at, flag := range owed {
		if _, up := f.flags.Get(at.Kind, at.Of); !up && !flag.IsOver(f.now()) {
			if err := f.PutFlag(ctx, flag); err != nil {
				f.logger.DebugContext(ctx, "a flag could not be put up again", slog.Any("error", err))
				return
			}
		}
		f.mu.Lock()
		delete(f.owedFlags, at)
		f.mu.Unlock()
	}
}

// TakeBackFlag takes a flag back, and waits as PutFlag does. It also writes what seems to
// change nothing: another process may have put up a flag that this one has not read yet.
func (f *Floor) TakeBackFlag(ctx context.Context, at kitchen.FlagAt) error {
	return f.writeFlag(ctx, func(ctx context.Context, id string) error { return f.writer.TakeBackFlag(ctx, id, at) })
}

// writeFlag writes a record of kitchen-state and waits until it is read.
func (f *Floor) writeFlag(ctx context.Context, write func(ctx context.Context, id string) error) error {
	if f.writer == nil {
		return ErrNoLog
	}
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	id, read := uuid.NewString(), make(chan struct{})
	f.mu.Lock()
	f.ownFlags[id] = read
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.ownFlags, id)
	}()
	if err := write(ctx, id); err != nil {
		return &FlagUnconfirmedError{err}
	}
	select {
	case <-read:
		return nil
	case <-ctx.Done():
		return &FlagUnconfirmedError{ctx.Err()}
	}
}

// addFlag shows what a record of kitchen-state changes, once the flags have it.
func (f *Floor) addFlag(record events.FlagRecord) {
	isSession := record.Kind == kitchen.FlagSession || record.Kind == kitchen.FlagSessions
	if isSession && record.Now != nil && f.onSession != nil {
		f.onSession(*record.Now)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch record.Kind {
	case kitchen.FlagCollected:
		f.updateCollected(record.Of)
		f.counter.orderChanged(record.Of)
		f.overview.changed()
	case kitchen.FlagPaused:
		if station := f.stations[kitchen.Stage(record.Of)]; station != nil {
			station.pausedChanged(record, f.readAt(board.HeardFrom(record.Message, f.reading.Elapsed())))
		}
	case kitchen.FlagRush:
		for _, station := range f.stations {
			station.orderChanged(record.Of)
		}
	case kitchen.FlagSoldOut:
		f.menu.refresh()
	case kitchen.FlagErased:
		if f.caughtUp { // or all are looked at once then
			f.forgetPersons(func(orderID string) bool { return kitchen.OrderKey(orderID) == record.Of })
		}
	case kitchen.FlagSession, kitchen.FlagSessions:
	}
	if read, waits := f.ownFlags[record.ID()]; waits {
		delete(f.ownFlags, record.ID())
		close(read)
	}
}

// pausedChanged shows that the station is paused, or goes on. The floor's lock is
// held.
func (s *stationFeed) pausedChanged(record events.FlagRecord, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if record.Now == nil && record.Before != nil {
		s.resumed = latest(s.resumed, at) // the alarm begins anew
	}
	s.restart()
	s.floor.kitchen.ticketsChanged()
}

// orderChanged shows the open tickets of an order as they are now. The floor's lock is
// held.
func (s *stationFeed) orderChanged(orderID string) {
	var ids []string
	s.mu.Lock()
	for _, ticket := range s.open.byOrder[orderID] {
		ids = append(ids, ticket.TicketID)
	}
	s.mu.Unlock()
	s.update(ids...)
}

// paused is what is told of a paused station; zero if it is not.
func (f *Floor) paused(stage kitchen.Stage) wire.Paused {
	flag, paused := f.flags.Get(kitchen.FlagPaused, string(stage))
	if !paused {
		return wire.Paused{}
	}
	return wire.Paused{Stage: stage, By: flag.By, At: flag.At, Reason: flag.Reason}
}

// rush is why an order goes before others; zero if it does not.
func (f *Floor) rush(orderID string) wire.Rush {
	flag, rush := f.flags.Get(kitchen.FlagRush, orderID)
	if !rush {
		return wire.Rush{}
	}
	return wire.Rush{By: flag.By, At: flag.At, Reason: flag.Reason}
}

// SoldOut reports whether a flavour cannot be ordered at present.
func (f *Floor) SoldOut(flavour string) (kitchen.Flag, bool) {
	flag, soldOut := f.flags.Get(kitchen.FlagSoldOut, flavour)
	return flag, soldOut && !flag.IsOver(f.now())
}

// soldOut are the flavours that cannot be ordered at present, by their codes.
func (f *Floor) soldOut() []kitchen.Flag {
	var flags []kitchen.Flag
	for _, flavour := range f.kitchenFile.Menu.Flavours {
		if flag, soldOut := f.SoldOut(flavour.Code); soldOut {
			flags = append(flags, flag)
		}
	}
	slices.SortFunc(flags, func(x, y kitchen.Flag) int { return strings.Compare(x.Of, y.Of) })
	return flags
}

// Menu is what customers may know of what is sold out.
func (f *Floor) Menu() wire.SoldOutMenu {
	menu := wire.SoldOutMenu{SoldOut: []wire.SoldOutFlavour{}}
	for _, flag := range f.soldOut() {
		menu.SoldOut = append(menu.SoldOut, wire.SoldOutFlavour{Flavour: flag.Of, Until: orZeroTime(flag.Until)})
	}
	return menu
}

// KitchenState is what is not as always.
func (f *Floor) KitchenState() wire.KitchenState {
	state := f.kitchenState()
	state.Behind = f.Behind()
	return state
}

func (f *Floor) kitchenState() wire.KitchenState {
	state := wire.KitchenState{SoldOut: []wire.SoldOut{}, Paused: []wire.Paused{}}
	for _, flag := range f.soldOut() {
		state.SoldOut = append(state.SoldOut, wire.SoldOut{Flavour: flag.Of, By: flag.By, At: flag.At, Until: orZeroTime(flag.Until)})
	}
	for _, stage := range kitchen.Stages() {
		if paused := f.paused(stage); paused != (wire.Paused{}) {
			state.Paused = append(state.Paused, paused)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	state.Uncollected, state.ReadyVersion = f.uncollected, f.readyVersion
	return state
}

func orZeroTime(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// shippedOrder is an order that may still wait to be collected.
type shippedOrder struct {
	name      string
	pieces    int
	allergies []string
	// total is what it costs; nil if it was placed without prices.
	total  *kitchen.Money
	at     time.Time
	record board.Heard
	// collected is what uncollected counts by.
	collected bool
}

// readShipped reads an announcement of a shipped order, if it is one of the order
// under whose id it lies.
func readShipped(m events.Message) (order shippedOrder, known bool) {
	var shipped struct {
		OrderID  string `json:"orderId"`
		Customer struct {
			Name string `json:"name"`
		} `json:"customer"`
		Lines []struct {
			Quantity int `json:"quantity"`
		} `json:"lines"`
		Allergies []string       `json:"allergies"`
		Total     *kitchen.Money `json:"total"`
		ShippedAt time.Time      `json:"shippedAt"`
	}
	if len(m.Value) > events.MaxMessageBytes || json.Unmarshal(m.Value, &shipped) != nil || shipped.OrderID != string(m.Key) || kitchen.CheckOrderID(shipped.OrderID) != nil {
		return shippedOrder{}, false
	}
	if shipped.Total != nil && shipped.Total.Check() != nil {
		shipped.Total = nil // no page could show it
	}
	order = shippedOrder{name: kitchen.Customer{Name: kitchen.Excerpt(shipped.Customer.Name)}.CalledName(), allergies: shipped.Allergies, total: shipped.Total, at: printable(shipped.ShippedAt)}
	for _, line := range shipped.Lines {
		if line.Quantity > 0 && order.pieces+line.Quantity <= kitchen.MaxScrapped {
			order.pieces += line.Quantity
		}
	}
	return order, true
}

// addReady adds an order that waits to be collected, unless it was. The lock is held.
func (f *Floor) addReady(orderID string, order shippedOrder) {
	before, known := f.shipped[orderID]
	if f.isErased(orderID) {
		order.name, order.allergies = "", nil
	}
	order.collected = !known || before.collected // as it was counted
	f.shipped[orderID] = order
	f.updateCollected(orderID)
}

// updateCollected counts an order by whether it is collected or forgotten now. The lock
// is held.
func (f *Floor) updateCollected(orderID string) {
	order, known := f.shipped[orderID]
	collected := f.isGone(orderID)
	if !known || order.collected == collected {
		return
	}
	if order.collected = collected; collected {
		f.uncollected--
	} else {
		f.uncollected++
	}
	f.shipped[orderID] = order
	f.readyVersion++
	f.kitchen.ticketsChanged()
}

// dropShipped forgets orders that nobody has collected for too long. The lock is held.
func (f *Floor) dropShipped(now time.Duration) {
	for orderID, order := range f.shipped {
		if f.board.Age(order.record, now) <= collectWithin && !f.isLongAgo(order.record) {
			continue
		}
		if !order.collected {
			f.uncollected--
			f.readyVersion++
			f.kitchen.ticketsChanged()
		}
		delete(f.shipped, orderID)
	}
}

// isLongAgo reports whether an order was shipped too long ago to be waited for, by the
// clock that dates the log. The board's age counts from the newest record of the
// partition, which a process that starts after a quiet weekend has only just read. Until
// that has read a newer one it goes by its own clock, which may be off. The lock is held.
func (f *Floor) isLongAgo(record board.Heard) bool {
	within := collectWithin
	if f.newest == (newestRecord{}) {
		within += mayBeOff
	}
	return f.caughtUp && record.Appended && f.logTime().Sub(record.Time) > within
}

// IsShipped reports whether an order is known to be shipped, not long ago.
func (f *Floor) IsShipped(orderID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, shipped := f.shipped[orderID]
	return shipped
}

// Pickups tell of orders whether they wait to be collected or were, as far as the log
// tells, by their ids.
func (f *Floor) Pickups(orderIDs []string) map[string]wire.OrderSummaryPickup {
	f.mu.Lock()
	defer f.mu.Unlock()
	pickups := map[string]wire.OrderSummaryPickup{}
	for _, orderID := range orderIDs {
		if _, collected := f.flags.Get(kitchen.FlagCollected, orderID); collected {
			pickups[orderID] = wire.PickupCollected
		} else if _, shipped := f.shipped[orderID]; shipped {
			pickups[orderID] = wire.PickupReady
		}
	}
	return pickups
}

// tidyFlagsRegularly takes back what nobody needs to know any more, until the context
// ends. Processes do so at times that differ, so mostly one of them does. If two take
// back the same, the second record changes nothing.
func (f *Floor) tidyFlagsRegularly(ctx context.Context) {
	for wait := rand.N(tidyFirst); ; wait = tidyEvery/2 + rand.N(tidyEvery) {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			f.tidyFlags(ctx)
		}
	}
}

// tidyFlags takes back what is spent, so that the topic does not grow for ever, and
// puts aside what nobody can understand.
func (f *Floor) tidyFlags(ctx context.Context) {
	f.mu.Lock()
	behind := f.isBehind()
	var spent []kitchen.Flag
	if !behind {
		spent = f.flags.Where(f.isSpent)
	}
	f.mu.Unlock()
	if behind {
		return // nobody takes anything, or the order is not known yet
	}
	f.putOwedFlags(ctx)
	for _, flag := range spent[:min(len(spent), tidiedAtOnce)] {
		if err := f.writer.TakeBackFlag(ctx, uuid.NewString(), flag.FlagAt); err != nil {
			f.logger.DebugContext(ctx, "a flag that is spent could not be taken back", slog.Any("error", err))
			return
		}
	}
	for _, poison := range f.flags.Poison() {
		if err := f.writer.PublishDeadLetter(ctx, poison.Message, poison.Error()); err != nil {
			f.logger.WarnContext(ctx, "A record of kitchen-state cannot be understood, and could not be put with the dead letters; trying again later", slog.String("reason", poison.Error()), slog.Any("error", err))
			return
		}
		f.logger.WarnContext(ctx, "A record of kitchen-state cannot be understood; it is with the dead letters", slog.String("reason", poison.Error()))
		if !slices.Contains(f.flags.Poison(), poison) {
			continue // somebody has put up a good flag in its place meanwhile
		}
		if err := f.writer.ClearPoison(ctx, poison.Message); err != nil {
			f.logger.DebugContext(ctx, "a record of kitchen-state could not be taken back", slog.Any("error", err))
			return
		}
	}
}

// isSpent reports whether nobody needs to know a flag any more. That an order is erased
// stays for ever: the ledger may be built again at any time. What is sold out or
// paused, and since when a person's sessions count, stays: of these there are only as
// many as flavours, stages and people. Also, they may be put up again at any moment,
// and taking back what is spent must not take back that. The lock is held.
func (f *Floor) isSpent(flag kitchen.Flag) bool {
	now := f.now()
	switch flag.Kind {
	case kitchen.FlagCollected:
		return now.Sub(flag.At) > collectedKept
	case kitchen.FlagRush:
		_, shipped := f.shipped[flag.Of]
		return shipped || f.isOver(flag.Of) || now.Sub(flag.At) > f.rushKept()
	case kitchen.FlagSession:
		return flag.IsOver(now.Add(-sessionKept))
	case kitchen.FlagErased, kitchen.FlagPaused, kitchen.FlagSessions, kitchen.FlagSoldOut:
	}
	return false
}

// rushKept is how long a rush is kept whose order's end was not noticed: until the log
// itself has lost an order that was to be fetched as late as can be.
func (f *Floor) rushKept() time.Duration {
	return askedFor + time.Duration(f.kitchenFile.Opening.Ahead)*24*time.Hour
}

// isOver reports whether the log tells that an order is over. The lock is held.
func (f *Floor) isOver(orderID string) bool {
	order := f.statuses[orderID]
	return order != nil && order.version > 0 && order.status == ""
}

// menuFeed is the channel of what cannot be ordered.
type menuFeed struct {
	*feed
	floor *Floor
	poll  *poller          // looks again when something can be ordered again
	shown wire.SoldOutMenu // guarded by the feed's lock
}

func newMenuFeed(f *Floor) *menuFeed {
	m := &menuFeed{floor: f, shown: f.Menu()}
	m.feed = newFeed(ChannelMenu, func() wire.LiveMessage {
		return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Menu: m.shown}
	})
	m.poll = newPoller(0, never, func(context.Context) bool {
		m.refresh()
		return false
	})
	return m
}

// refresh shows what is sold out now, and plans to look again when the first of that
// is over.
func (m *menuFeed) refresh() {
	m.mu.Lock()
	now, menu := m.floor.now(), m.floor.Menu() // with the lock, or what is older could come after
	if !slices.Equal(menu.SoldOut, m.shown.SoldOut) {
		m.shown = menu
		m.restart()
	}
	m.mu.Unlock()
	m.floor.kitchen.ticketsChanged() // who has said so may be another
	var next time.Time
	for _, flavour := range menu.SoldOut {
		if until := flavour.Until; !until.IsZero() && (next.IsZero() || until.Before(next)) {
			next = until
		}
	}
	if !next.IsZero() {
		m.poll.plan(next.Sub(now))
	}
}
