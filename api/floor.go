package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// endedShown is how many tickets a board shows that have just ended.
	endedShown = 20
	// kitchenPause is the least time between two counts of the kitchen.
	kitchenPause = 100 * time.Millisecond
	// forgetAtMost is the longest time between two looks for what is over.
	forgetAtMost = time.Minute
)

// floor is what this process knows of the factory's floor. One reader of the
// log folds it, for all boards and everybody who follows them:
//
//	ticket topics, station-acks ─► board.Board ─► the feeds of station/…, kitchen and counter
//	                            └► figures ─► statistics and pace
//	all topics ─► (only that something was said) ─► order/…, kitchen's counts of orders
//
// The board is kept until the log has been silent about a ticket for twice as
// long as one may stay unanswered: an open ticket is issued again before. The
// log is read as far back at the start, and at least as far as the figures go,
// so that every process shows the same. How long the log has been silent is told
// by the broker's times of each partition, and by how long this process has been
// reading; its clock only tells people what time it is.
type floor struct {
	connection  events.Connection
	logger      *slog.Logger
	kitchenFile *kitchen.Kitchen
	now         func() time.Time // for people, and to measure lengths
	// lookBack is when the board forgets, and readBack how far the log is read
	// back at the start.
	lookBack, readBack time.Duration
	// source marks this process's own acks in the log.
	source string
	writer *events.Writer // nil without brokers
	// recount has a token when the kitchen's counts may have changed.
	recount     chan struct{}
	orders      *orderFeeds
	orderCounts *orderCounter

	// mu protects what follows, and everything of every feed.
	mu       sync.Mutex
	board    *board.Board
	reading  *board.Stopwatch // how long the log has been read
	began    time.Time        // when that was begun
	live     liveTime
	figures  *figures
	behind   wire.Behind // zero when everything is up to date
	caughtUp bool
	away     time.Time // since when Kafka does not answer; zero when it does
	states   uint64    // counts changes of behind
	stations map[kitchen.Stage]*stationFeed
	kitchen  *feed
	counts   wire.KitchenCounts
	counter  *counterFeed
	// cancelled are orders of which order-failures says so, and where.
	cancelled map[string]board.Heard
	conns     map[*liveConn]struct{}
	// signedOut are the marks of sessions that have just ended here, and when.
	signedOut map[string]time.Time
	queue     queue
	awaited   map[saying]chan board.Entry
	lastAck   time.Time
}

// saying tells this process's own acks apart.
type saying struct {
	ticketID string
	at       int64
}

func newFloor(config Config, orders *orderFeeds) (*floor, error) {
	lookBack := 2 * longestAckWithin(config.Kitchen.Rules)
	readBack := max(lookBack, figuresBack)
	f := &floor{
		connection:  config.Kafka,
		logger:      config.Logger,
		kitchenFile: config.Kitchen,
		now:         time.Now,
		lookBack:    lookBack,
		readBack:    readBack,
		source:      "/cupcakery/api/" + uuid.NewString(),
		recount:     make(chan struct{}, 1),
		orders:      orders,
		board:       board.New(),
		figures:     newFigures(config.Kitchen.Rules, readBack),
		behind:      wire.Behind{Reason: wire.BehindStarting, Since: time.Now().UTC()},
		stations:    make(map[kitchen.Stage]*stationFeed),
		conns:       make(map[*liveConn]struct{}),
		awaited:     make(map[saying]chan board.Entry),
		cancelled:   make(map[string]board.Heard),
		signedOut:   make(map[string]time.Time),
		queue:       queue{limits: config.Kitchen.Open, taken: make(map[string]takenOrder)},
	}
	f.began = f.now()
	f.reading = board.NewStopwatch(func() time.Time { return f.now() })
	for _, stage := range kitchen.Stages() {
		f.stations[stage] = f.newStationFeed(stage)
	}
	f.kitchen = newFeed(channelKitchen, func() wire.LiveMessage {
		return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Kitchen: f.counts}
	})
	f.counts = f.count()
	f.counter = f.newCounterFeed()
	f.orderCounts = newOrderCounter(config.Temporal, f)
	if len(config.Kafka.Brokers) == 0 {
		return f, nil
	}
	var err error
	f.writer, err = events.NewWriter(config.Kafka, events.WithSource(f.source), events.WithLogger(f.logger))
	return f, err
}

func longestAckWithin(rules kitchen.Rules) time.Duration {
	var longest time.Duration
	for _, stage := range kitchen.Stages() {
		longest = max(longest, rules.AckWithinFor(stage))
	}
	return longest
}

// run reads the log until the context ends. It goes on by itself through every
// outage of Kafka.
func (f *floor) run(ctx context.Context) error {
	if f.writer == nil {
		f.logger.Warn("there are no Kafka brokers: boards stay empty")
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var beside sync.WaitGroup
	beside.Go(func() { f.keepHouse(ctx) })
	beside.Go(func() { f.keepCounts(ctx) })
	beside.Go(func() { f.keepCounter(ctx) })
	beside.Go(func() { f.orderCounts.run(ctx) })
	topics := []string{events.TopicAcks, events.TopicShip, events.TopicFailures}
	for _, stage := range kitchen.Stages() {
		topics = append(topics, events.TicketTopic(stage))
	}
	err := events.Tail(ctx, events.TailConfig{
		Behind:     f.kafkaIsAway,
		CaughtUp:   f.hasCaughtUp,
		Connection: f.connection,
		Handle:     f.handle,
		Logger:     f.logger,
		LookBack:   f.readBack,
		Topics:     topics,
	})
	cancel()
	beside.Wait()
	if closeErr := f.writer.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close the writer of acks: %w", closeErr)
	}
	return err
}

// handle folds one message. What cannot be understood is for the workers and
// stations to put aside, and stages that only another build knows are for that
// build to show. Messages are read before the lock is taken: others
// wait for it.
func (f *floor) handle(m events.Message) {
	switch m.Topic {
	case events.TopicAcks:
		if ack, err := events.DecodeAck(m); err == nil && ack.Stage.Valid() {
			f.hearAck(ack, m)
		} else {
			f.note(m)
		}
	case events.TopicShip:
		f.hearOfOrder(string(m.Key))
	case events.TopicFailures:
		f.hearFailed(m)
	default:
		if ticket, err := events.DecodeTicket(m); err == nil && ticket.Stage.Valid() && m.Topic == events.TicketTopic(ticket.Stage) {
			f.hearTicket(ticket, m)
		} else {
			f.note(m)
		}
	}
}

// note hears of a message that counts for nothing, but still tells how far the
// log was read.
func (f *floor) note(m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.board.Note(f.heard(m))
}

func (f *floor) hearAck(ack kitchen.Ack, m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.heard(m)
	f.board.AddAck(ack, h)
	f.figures.hearAck(ack, h, f.now())
	f.touch(ack.TicketID)
	if source, _ := m.Header("ce_source"); source == f.source {
		f.answer(ack)
	}
	f.said(ack.OrderID, afterAck)
}

func (f *floor) hearTicket(ticket kitchen.Ticket, m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.heard(m)
	f.board.AddTicket(ticket, h)
	f.figures.hearTicket(ticket, h, f.now())
	f.touch(ticket.TicketID)
	if f.caughtUp { // or it is on no board yet
		f.queue.heard(ticket.OrderID)
	}
	f.said(ticket.OrderID, afterWord)
}

// heard is a record that has just been heard. The lock is held.
func (f *floor) heard(m events.Message) board.Heard {
	h := board.HeardFrom(m, f.reading.Elapsed())
	if f.caughtUp && f.away.IsZero() && h.Appended {
		f.live = liveTime{h.Time, f.now()}
	}
	return h
}

// liveTime is the time of a record that was heard as soon as it was there, and
// when that was by our own clock, which may be wrong.
type liveTime struct{ brokers, ours time.Time }

// logTime is the time by which the log is dated now: the broker's, as far as it
// is known, whatever our own clock says. The lock is held.
func (f *floor) logTime() time.Time {
	now := f.now()
	if f.live == (liveTime{}) {
		return now
	}
	return f.live.brokers.Add(now.Sub(f.live.ours))
}

// heardAt is when a record was heard, in an order that no sender's clock
// changes: by the broker's time, or by when it was heard here.
func (f *floor) heardAt(h board.Heard) time.Time {
	if h.Appended {
		return h.Time
	}
	return f.began.Add(h.After)
}

func (f *floor) hearOfOrder(orderID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said(orderID, afterWord)
}

// hearFailed hears of an order that was cancelled or needs attention.
func (f *floor) hearFailed(m events.Message) {
	orderID, cancelled := readCancelled(m)
	f.mu.Lock()
	defer f.mu.Unlock()
	if cancelled {
		h := f.heard(m)
		f.board.Note(h)
		f.cancelled[orderID] = h
		f.queue.heard(orderID)
		f.counter.touchOrder(orderID)
	}
	f.said(string(m.Key), afterWord)
	f.orderCounts.failed()
}

// readCancelled reads which order a message says was cancelled, if it is one of
// that.
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

// said passes on that the log has spoken of an order, and when to ask about it.
// The lock is held.
func (f *floor) said(orderID string, ask []time.Duration) {
	f.orders.said(orderID, ask)
	f.orderCounts.said()
}

// touch shows a ticket of which the log has spoken as it is now, and the
// ticket that it undoes or is undone by. The lock is held.
func (f *floor) touch(ticketID string) {
	if !f.caughtUp {
		return // everything is shown at once then
	}
	ref, err := kitchen.ParseTicketID(ticketID)
	if err != nil {
		return // not reached: what was decoded has a good id
	}
	ids := []string{ticketID}
	if other, ok := board.UndoOf(ticketID); ok {
		ids = append(ids, other)
	} else if other, ok := board.UndoneBy(ticketID); ok {
		ids = append(ids, other)
	}
	f.stations[ref.Stage].update(ids)
	if ref.Kind == kitchen.TicketMake && ref.Stage == kitchen.Mix && ref.Pass > 1 {
		// What failed in the pass before waits for nothing any more.
		for _, stage := range kitchen.Stages() {
			before := kitchen.TicketRef{OrderID: ref.OrderID, Stage: stage, Pass: ref.Pass - 1, Kind: kitchen.TicketMake}
			f.stations[stage].update([]string{before.TicketID()})
		}
	}
	f.counter.touch(ticketID)
}

// isMadeAnew reports whether the ticket's order has begun a further pass since.
// The lock is held.
func (f *floor) isMadeAnew(ticketID string) bool {
	ref, err := kitchen.ParseTicketID(ticketID)
	if err != nil {
		return false // cannot be: the ticket is on the board
	}
	next := kitchen.TicketRef{OrderID: ref.OrderID, Stage: kitchen.Mix, Pass: ref.Pass + 1, Kind: kitchen.TicketMake}
	entry, known := f.board.Get(next.TicketID())
	return known && entry.Ticket.Attempt > 0
}

// kafkaIsAway hears when Kafka stops answering, and when it is well again.
func (f *floor) kafkaIsAway(since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = since
	if since.IsZero() {
		f.reading.Start()
	} else {
		f.reading.Stop()
	}
	f.judge()
}

// hasCaughtUp hears when the log has been read to its end for the first time.
func (f *floor) hasCaughtUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.caughtUp = true
	f.board.CaughtUp(f.readBack)
	f.board.ForgetTooOld()
	// What a process has forgotten that has run for longer, though the figures
	// needed it.
	f.drop()
	for _, station := range f.stations {
		station.rebuild()
	}
	for ticketID := range f.board.TicketIDs() {
		if ref, err := kitchen.ParseTicketID(ticketID); err == nil {
			f.queue.heard(ref.OrderID)
		}
	}
	if len(f.counter.followers) > 0 {
		f.counter.open()
	}
	f.judge()
}

// judge says whether the floor is behind. The lock is held.
func (f *floor) judge() {
	var behind wire.Behind
	switch {
	case !f.away.IsZero():
		behind = wire.Behind{Reason: wire.BehindKafka, Since: f.away.UTC()}
		if !f.caughtUp {
			behind.Since = f.behind.Since
		}
	case !f.caughtUp:
		behind = wire.Behind{Reason: wire.BehindStarting, Since: f.behind.Since}
	}
	if behind == f.behind {
		return
	}
	f.behind = behind
	f.states++
	for c := range f.conns {
		c.poke()
	}
}

// keepHouse forgets what is over until the context ends.
func (f *floor) keepHouse(ctx context.Context) {
	ticker := time.NewTicker(min(f.lookBack/20, forgetAtMost))
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

func (f *floor) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.away.IsZero() {
		return // the log is silent because nobody can read it
	}
	f.figures.forget(f.reading.Elapsed())
	if f.drop() == 0 {
		return
	}
	for _, station := range f.stations {
		station.update(station.shown())
	}
}

// drop lets the board forget, and returns how many tickets it has. The lock is
// held.
func (f *floor) drop() int {
	now := f.reading.Elapsed()
	for orderID, h := range f.cancelled {
		if f.board.Age(h, now) > f.lookBack {
			delete(f.cancelled, orderID)
			f.counter.touchOrder(orderID)
		}
	}
	for orderID, order := range f.queue.taken {
		if now-order.after > f.lookBack {
			f.queue.heard(orderID) // it was ended from outside, or nobody is at work
		}
	}
	return f.board.Forget(now, f.lookBack, func(ticketID string) bool {
		// An undo ticket goes after the ticket that it withdraws, which would
		// be open again without it.
		makeID, isUndo := board.UndoneBy(ticketID)
		if _, known := f.board.Get(makeID); isUndo && known {
			return true
		}
		if entry, _ := f.board.Get(ticketID); entry.Ticket.Stage == kitchen.Package && entry.State == kitchen.TicketDone && f.isReady(entry.Heard) {
			return true // whoever waits at the counter may not have seen it yet
		}
		f.counter.touch(ticketID)
		return false
	})
}

// keepCounts counts the kitchen's open tickets anew when they may have
// changed, and not more often than makes sense to a person.
func (f *floor) keepCounts(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-f.recount:
		}
		f.mu.Lock()
		if counts := f.count(); !slices.Equal(counts.Stages, f.counts.Stages) {
			counts.Orders = f.counts.Orders
			f.counts = counts
			f.kitchen.renew()
		}
		f.mu.Unlock()
		pause.Reset(kitchenPause)
	}
}

// count counts the open tickets. The lock is held, or nobody else is there.
func (f *floor) count() wire.KitchenCounts {
	counts := wire.KitchenCounts{At: f.now().UTC()}
	for _, stage := range kitchen.Stages() {
		of := wire.StageCounts{Stage: stage}
		for _, ticket := range f.stations[stage].open {
			switch ticket.State {
			case kitchen.TicketStarted:
				of.Started++
			case kitchen.TicketFailed:
				of.Failed++
			case kitchen.TicketWaiting, kitchen.TicketDone, kitchen.TicketUndone:
				of.Waiting++ // those that ended are not open
			}
			if of.Oldest.IsZero() || ticket.Since.Before(of.Oldest) {
				of.Oldest = ticket.Since
			}
		}
		counts.Stages = append(counts.Stages, of)
	}
	return counts
}

// stationFeed is a station's board and who follows it.
type stationFeed struct {
	*feed
	floor *floor
	stage kitchen.Stage
	rules wire.BoardRules
	open  map[string]wire.BoardTicket
	ended []endedTicket // the newest, newest first
	// more is set while the board knows of others that have ended before.
	more bool
}

// endedTicket is a ticket that has ended, and when that was heard. When it was
// ended is what some station's clock says.
type endedTicket struct {
	wire.BoardTicket
	heard time.Time
}

func (f *floor) newStationFeed(stage kitchen.Stage) *stationFeed {
	s := &stationFeed{floor: f, stage: stage, rules: boardRules(f.kitchenFile, stage), open: make(map[string]wire.BoardTicket)}
	s.feed = newFeed(channelStation+string(stage), func() wire.LiveMessage {
		b := s.board()
		b.Behind = wire.Behind{} // told to each connection by itself, as it is by then
		return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Board: b}
	})
	return s
}

// board is the whole board, as it is now.
func (s *stationFeed) board() wire.Board {
	b := wire.Board{
		At:      s.floor.now().UTC(),
		Behind:  s.floor.behind,
		Cursor:  s.cursor(s.number),
		Ended:   make([]wire.BoardTicket, 0, len(s.ended)),
		Rules:   s.rules,
		Stage:   s.stage,
		Tickets: make([]wire.BoardTicket, 0, len(s.open)),
	}
	for _, ticket := range s.ended {
		b.Ended = append(b.Ended, ticket.BoardTicket)
	}
	for _, ticket := range s.open {
		b.Tickets = append(b.Tickets, ticket)
	}
	slices.SortFunc(b.Tickets, func(x, y wire.BoardTicket) int {
		return cmp.Or(x.Since.Compare(y.Since), strings.Compare(x.TicketID, y.TicketID))
	})
	return b
}

// shown are the ids of all tickets on the board.
func (s *stationFeed) shown() []string {
	ids := make([]string, 0, len(s.open)+len(s.ended))
	for id := range s.open {
		ids = append(ids, id)
	}
	for _, ticket := range s.ended {
		ids = append(ids, ticket.TicketID)
	}
	return ids
}

// rebuild shows all that the log has told, and starts everybody afresh.
func (s *stationFeed) rebuild() {
	for _, entry := range s.floor.board.Entries(s.stage) {
		s.put(entry.Ticket.TicketID)
	}
	s.renew()
	s.changed()
}

// update shows tickets as they are now and tells whoever follows the board.
func (s *stationFeed) update(ids []string) {
	change := wire.BoardChange{Tickets: []wire.BoardTicket{}, Removed: []string{}}
	for _, id := range ids {
		ticket, removed := s.put(id)
		if ticket != nil {
			change.Tickets = append(change.Tickets, *ticket)
		}
		change.Removed = append(change.Removed, removed...)
	}
	if s.more && len(s.ended) < endedShown {
		change.Tickets = append(change.Tickets, s.refill()...)
	}
	change = s.settle(change)
	if len(change.Tickets)+len(change.Removed) == 0 {
		return
	}
	s.change(wire.LiveMessage{Type: wire.LiveMessageTypeChange, Change: change})
	s.changed()
}

// settle names each ticket of a change once, by whether it is shown in the end:
// one may have made room for another that went away again.
func (s *stationFeed) settle(change wire.BoardChange) wire.BoardChange {
	settled := wire.BoardChange{Tickets: []wire.BoardTicket{}, Removed: []string{}}
	told := make(map[string]bool)
	for _, ticket := range slices.Backward(change.Tickets) { // the last word counts
		if !told[ticket.TicketID] && s.isShown(ticket.TicketID) {
			settled.Tickets = append(settled.Tickets, ticket)
		}
		told[ticket.TicketID] = true
	}
	slices.Reverse(settled.Tickets)
	for _, id := range change.Removed {
		if !s.isShown(id) && !slices.Contains(settled.Removed, id) {
			settled.Removed = append(settled.Removed, id)
		}
	}
	return settled
}

func (s *stationFeed) isShown(id string) bool {
	_, isOpen := s.open[id]
	return isOpen || slices.ContainsFunc(s.ended, func(t endedTicket) bool { return t.TicketID == id })
}

func (s *stationFeed) changed() {
	select {
	case s.floor.recount <- struct{}{}:
	default: // somebody has said so
	}
}

// put places a ticket on the board where it belongs now. It returns the
// ticket if it is shown and differs from what was shown before, and the ids
// of those that are not shown any more.
func (s *stationFeed) put(id string) (changed *wire.BoardTicket, removed []string) {
	before, wasOpen := s.open[id]
	place := slices.IndexFunc(s.ended, func(t endedTicket) bool { return t.TicketID == id })
	if place >= 0 {
		before = s.ended[place].BoardTicket
		s.ended = slices.Delete(s.ended, place, place+1)
	}
	delete(s.open, id)
	if wasOpen {
		s.floor.queue.count(before, -1)
	}
	wasShown := wasOpen || place >= 0

	entry, _ := s.floor.board.Get(id)
	now := s.floor.boardTicket(entry)
	switch {
	case entry.Ticket.Attempt == 0:
		// Forgotten, or only acks have been heard of it.
	case entry.Withdrawn && entry.State != kitchen.TicketStarted:
		// Its undo ticket is shown instead.
	case !entry.Ended() && entry.State != kitchen.TicketStarted && entry.Ticket.Kind == kitchen.TicketMake && s.floor.isMadeAnew(id):
		// The order is made anew, and has other tickets.
	case !entry.Ended():
		s.open[id] = now
		s.floor.queue.count(now, 1)
	default:
		ended := endedTicket{now, s.floor.heardAt(entry.Heard)}
		at, _ := slices.BinarySearchFunc(s.ended, ended, lastEndedFirst)
		s.ended = slices.Insert(s.ended, at, ended)
		if len(s.ended) > endedShown {
			last := s.ended[endedShown].TicketID
			s.ended, s.more = s.ended[:endedShown], true
			if last != id {
				removed = append(removed, last)
			}
		}
	}
	isShown := s.isShown(id)
	switch {
	case isShown && !(wasShown && reflect.DeepEqual(before, now)):
		changed = &now
	case wasShown && !isShown:
		removed = append(removed, id)
	}
	return changed, removed
}

// refill shows tickets again that had to make room for others which are not
// shown any more, and returns them.
func (s *stationFeed) refill() []wire.BoardTicket {
	var ended []endedTicket
	for _, entry := range s.floor.board.Entries(s.stage) {
		if entry.Ended() && !entry.Withdrawn {
			ended = append(ended, endedTicket{s.floor.boardTicket(entry), s.floor.heardAt(entry.Heard)})
		}
	}
	slices.SortFunc(ended, lastEndedFirst)
	s.more = len(ended) > endedShown
	ended = ended[:min(len(ended), endedShown)]
	var back []wire.BoardTicket
	for _, ticket := range ended {
		if !slices.ContainsFunc(s.ended, func(t endedTicket) bool { return t.TicketID == ticket.TicketID }) {
			back = append(back, ticket.BoardTicket)
		}
	}
	s.ended = ended
	return back
}

func lastEndedFirst(x, y endedTicket) int {
	return cmp.Or(y.heard.Compare(x.heard), strings.Compare(x.TicketID, y.TicketID))
}

// boardTicket is a ticket as its station sees it.
func (f *floor) boardTicket(e board.Entry) wire.BoardTicket {
	ticket := wire.BoardTicket{
		AckBy:      printable(e.Ticket.AckBy),
		Allergies:  e.Ticket.Allergies,
		Attempt:    e.Attempt,
		By:         e.By,
		IssuedAt:   printable(e.Ticket.IssuedAt),
		Kind:       e.Ticket.Kind,
		Lines:      e.Ticket.Lines,
		Made:       e.Ticket.Made,
		Notes:      e.Ticket.Notes,
		Pass:       e.Ticket.Pass,
		PickupCode: e.Ticket.PickupCode,
		Since:      printable(e.Since),
		State:      e.State,
		TicketID:   e.Ticket.TicketID,
		Withdrawn:  e.Withdrawn,
	}
	if ticket.Lines == nil {
		ticket.Lines = []kitchen.Line{}
	}
	if e.Ticket.Stage == kitchen.Package && e.Ticket.Kind == kitchen.TicketMake {
		ticket.Boxes = f.kitchenFile.Boxes(e.Ticket.Pieces())
		ticket.Customer = e.Ticket.Customer
	}
	if e.StartedAt != nil {
		ticket.StartedAt = printable(*e.StartedAt)
	}
	if e.Ack != nil && e.Ack.Kind.Ends() {
		ticket.EndedAt = printable(e.Ack.At)
	}
	if e.State == kitchen.TicketFailed {
		ticket.Failure = newTicketFailure(e.Ticket, e.Ack)
	}
	if e.LastFailure != nil {
		ticket.LastFailure = newTicketFailure(e.Ticket, e.LastFailure)
	}
	return ticket
}

// boardRules are what a stage's board needs of the kitchen file.
func boardRules(k *kitchen.Kitchen, stage kitchen.Stage) wire.BoardRules {
	age := k.Age[stage]
	rules := wire.BoardRules{
		LateAfterSeconds:    int(time.Duration(age.Late).Seconds()),
		OverdueAfterSeconds: int(time.Duration(age.Overdue).Seconds()),
		Reasons:             make([]wire.ReasonOnOffer, 0, len(k.Reasons)),
	}
	for _, reason := range k.Reasons {
		rules.Reasons = append(rules.Reasons, wire.ReasonOnOffer{Code: reason.Code, Label: reason.Label, Remake: reason.Then == kitchen.OutcomeRemake})
	}
	return rules
}

func newTicketFailure(ticket kitchen.Ticket, ack *kitchen.Ack) wire.TicketFailure {
	scrapped := ack.Scrapped
	if ticket.CheckScrapped(scrapped) != nil {
		scrapped = ticket.Pieces() // other programs may say what they like
	}
	return wire.TicketFailure{At: printable(ack.At), By: ack.By, Note: ack.Note, Reason: ack.Reason, Scrapped: scrapped}
}

// printable is a time in UTC, or none if it is one that JSON cannot have:
// anybody can write records to Kafka that are from the year 20,000.
func printable(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
