package worker

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
	"unique"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// logLookBack is how far back the log is read, and how long it is remembered.
	// An open ticket is issued again sooner, and what is older Temporal is asked.
	logLookBack = 4 * time.Hour
	// readWithin bounds how long an ack waits until the log has been read up to it.
	// Both are read at the same time, so that takes a moment.
	readWithin = 5 * time.Second
	// caughtUpWithin bounds how long a worker that starts waits for the log.
	caughtUpWithin = 30 * time.Second
	// settledAfter is how long the log must have been silent about a ticket that
	// has ended before only its end is kept.
	settledAfter = 5 * time.Second
	// tidyEvery and tidyAfter are when tickets are looked through for those: after
	// so long, or so many records.
	tidyEvery = 5 * time.Second
	tidyAfter = 10_000
	// mostTickets and mostEnded bound what is remembered. Whoever floods the log
	// makes it forget, and then Temporal is asked.
	mostTickets = 50_000
	mostEnded   = 100_000
)

// ticketLog is what the log of tickets and acks says, as far as this worker has
// read it: the board's rules, folded beside the group's consumer. It is why an ack
// that the log already answers costs no call to Temporal.
//
// It keeps nothing of an order's content, and of a ticket that has ended only its
// end.
type ticketLog struct {
	connection events.Connection
	logger     *slog.Logger
	lookBack   time.Duration
	// flags tell which stations are paused, and have a lock of their own.
	flags *events.Flags
	// judgeFailure tells what a failure is by the rules of its order.
	judgeFailure func(ctx context.Context, ref kitchen.TicketRef, ack kitchen.Ack) (activities.Failed, error)
	// caughtUp is closed when the log has been read to its end for the first time,
	// or cannot be read. Nobody waits for it after patience.
	caughtUp chan struct{}
	patience time.Time
	once     sync.Once

	mu      sync.Mutex // guards what follows
	board   *board.Board
	ended   endedTickets
	reading *board.Stopwatch
	// away says that the log is not being read to its end.
	away bool
	// complete says that it has been read to its end once; forgotAt is when
	// something was forgotten before its time.
	complete bool
	forgotAt time.Time
	places   map[partition]*placeInLog
	// refused are the offsets of the acks that the log has taken back, by ticket.
	refused map[string][]int64
	// failed is the offset of a ticket's last failure that counted, whatever came
	// after it.
	failed map[string]int64
	// sent are the tickets that belong to a trace, and awaited those that the log has
	// not read yet and somebody waits for.
	sent    sentTickets
	awaited map[string]chan struct{}
	tidied  time.Duration
	untidy  int // records since then
}

// partition is one of a topic.
type partition struct {
	topic  string
	number int
}

// placeInLog is how far a partition has been read.
type placeInLog struct {
	next    int64 // the offset behind the last record
	late    bool  // somebody has waited for it in vain since
	waiters []waiter
}

type waiter struct {
	offset int64
	read   chan struct{}
}

// newTicketLog returns a log that has not been read: it knows nothing and nobody
// waits for it.
func newTicketLog(connection events.Connection, logger *slog.Logger) *ticketLog {
	quiet := events.ForDebugging(logger)
	return &ticketLog{
		connection: connection,
		flags:      events.NewFlags(events.FlagsConfig{Connection: connection, Logger: logger}),
		logger:     quiet,
		lookBack:   logLookBack,
		caughtUp:   make(chan struct{}),
		board:      board.New(),
		ended:      endedTickets{orders: map[uuid.UUID][]endedTicket{}},
		reading:    board.NewStopwatch(time.Now),
		away:       true,
		places:     map[partition]*placeInLog{},
		refused:    map[string][]int64{},
		failed:     map[string]int64{},
		sent:       sentTickets{},
		awaited:    map[string]chan struct{}{},
	}
}

// run reads the log until ctx ends.
func (l *ticketLog) run(ctx context.Context) error {
	topics := []string{events.TopicAcks}
	for _, stage := range kitchen.Stages() {
		topics = append(topics, events.TicketTopic(stage))
	}
	return events.Tail(ctx, events.TailConfig{
		Behind:     l.setAway,
		CaughtUp:   l.setCaughtUp,
		Connection: l.connection,
		Handle:     l.handle,
		Logger:     l.logger,
		LookBack:   l.lookBack,
		Topics:     topics,
	})
}

// begin prepares for run: from now on acks wait for what it reads.
func (l *ticketLog) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away, l.patience = false, time.Now().Add(caughtUpWithin)
}

// awaitCaughtUp waits until the log has been read to its end for the first time:
// acks lie in another topic than what they are about, and the activities ask for
// what they have missed. It gives up when the log is away.
func (l *ticketLog) awaitCaughtUp(ctx context.Context) {
	timer := time.NewTimer(time.Until(l.patience))
	defer timer.Stop()
	select {
	case <-l.caughtUp:
	case <-timer.C:
		l.once.Do(func() { close(l.caughtUp) })
	case <-ctx.Done():
	}
	l.flags.AwaitRead(ctx, time.Until(l.patience))
}

// isCaughtUp reports whether nobody waits any more until the log has been read.
func (l *ticketLog) isCaughtUp() bool {
	select {
	case <-l.caughtUp:
		return true
	default:
		return false
	}
}

func (l *ticketLog) setCaughtUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.complete = true
	l.once.Do(func() { close(l.caughtUp) })
}

// setAway notes that Kafka does not answer, or does again.
func (l *ticketLog) setAway(since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = !since.IsZero()
	if !l.away {
		l.reading.Start()
		return
	}
	l.reading.Stop()
	l.once.Do(func() { close(l.caughtUp) })
	for _, at := range l.places {
		at.wake(func(int64) bool { return true })
	}
}

// handle folds a record. It is decoded before the lock is taken: acks under way
// wait for that.
func (l *ticketLog) handle(m events.Message) {
	m.Topic = unique.Make(m.Topic).Value()
	if m.Topic == events.TopicAcks {
		if ack, err := events.DecodeAck(m); err == nil {
			l.read(m, func(heard board.Heard) { l.addAck(lean(ack), heard) })
			return
		}
	} else if ticket, err := events.DecodeTicket(m); err == nil && m.Topic == events.TicketTopic(ticket.Stage) {
		l.read(m, func(heard board.Heard) {
			ticket := bare(ticket)
			l.addTicket(ticket, heard)
			l.noteSent(ticket, m)
		})
		return
	}
	l.read(m, func(heard board.Heard) { l.board.Note(heard) })
}

// read adds a record and wakes who has waited for it.
func (l *ticketLog) read(m events.Message, add func(board.Heard)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	add(board.HeardFrom(m, l.reading.Elapsed()))
	at := l.place(partition{m.Topic, m.Partition})
	at.next, at.late = m.Offset+1, false
	at.wake(func(offset int64) bool { return offset < at.next })
	if l.untidy++; l.untidy >= tidyAfter || l.reading.Elapsed()-l.tidied >= tidyEvery {
		l.tidy()
	}
}

// addAck folds an ack. Nothing but a refusal changes what has ended.
func (l *ticketLog) addAck(ack kitchen.Ack, heard board.Heard) {
	if end := l.ended.find(ack.TicketID); end != nil {
		l.board.Note(heard)
		if ack.Kind != kitchen.AckRefused || *ack.Offset != end.offset {
			return
		}
		issued := int(end.issued)
		l.ended.drop(ack.TicketID)
		l.noteRefused(ack)
		if issued > 0 {
			l.board.AddTicket(ticketOf(ack.TicketID, issued), heard)
		}
		return
	}
	switch l.board.AddAck(ack, heard) {
	case board.Failed:
		l.failed[ack.TicketID] = heard.Offset
		l.sent.end(ack.TicketID, heard.Offset)
	case board.Ended, board.Released:
		l.sent.end(ack.TicketID, heard.Offset)
	case board.Refused:
		l.noteRefused(ack)
	}
}

// awaitRefusal waits until the log has read that an ack was refused, as long as for
// any record that is there. The refusal lies behind what has been read.
func (l *ticketLog) awaitRefusal(ctx context.Context, ticketID string, at partition, offset int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readWithin, errNotRead)
	defer cancel()
	for {
		l.mu.Lock()
		place := l.place(at)
		if l.away || place.late || slices.Contains(l.refused[ticketID], offset) {
			l.mu.Unlock()
			return nil
		}
		next := place.next
		l.mu.Unlock()
		if err := l.await(ctx, at, next, readWithin); err != nil {
			if errors.Is(context.Cause(ctx), errNotRead) {
				return nil
			}
			return err
		}
	}
}

// endsBefore are the offsets of the acks before an offset that end a ticket, or an
// attempt of it, and count.
func (l *ticketLog) endsBefore(ticketID string, offset int64) []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var offsets []int64
	for _, judged := range l.board.Acks(ticketID) {
		if judged.Heard.Offset < offset && (judged.Effect == board.Ended || judged.Effect == board.Failed) {
			offsets = append(offsets, judged.Heard.Offset)
		}
	}
	return offsets
}

// errNotRead says that a record does not come.
var errNotRead = errors.New("the log does not come on")

func (l *ticketLog) noteRefused(refusal kitchen.Ack) {
	const most = 64 // of one ticket
	offsets := append(l.refused[refusal.TicketID], *refusal.Offset)
	l.refused[refusal.TicketID] = offsets[max(0, len(offsets)-most):]
	if l.failed[refusal.TicketID] == *refusal.Offset {
		delete(l.failed, refusal.TicketID)
	}
}

// addTicket folds a delivery.
func (l *ticketLog) addTicket(ticket kitchen.Ticket, heard board.Heard) {
	if end := l.ended.find(ticket.TicketID); end != nil {
		end.issue(ticket.Attempt)
		l.board.Note(heard)
		return
	}
	l.board.AddTicket(ticket, heard)
}

// tidy keeps only the end of what has ended, and forgets what the log has been
// silent about for long.
func (l *ticketLog) tidy() {
	now := l.reading.Elapsed()
	l.tidied, l.untidy = now, 0
	l.board.Forget(now, settledAfter, func(ticketID string) (keep bool) {
		entry, _ := l.board.Get(ticketID)
		if !hasEnded(ticketID, entry) {
			return true
		}
		l.ended.add(ticketID, entry, now)
		return false
	})
	silence := l.lookBack
	l.board.Forget(now, silence, nil)
	for l.board.Len() > mostTickets && silence > time.Second {
		silence /= 2
		l.board.Forget(now, silence, nil)
		l.forgotAt = time.Now()
	}
	silence = l.lookBack
	l.ended.forget(now - silence)
	for l.ended.count > mostEnded && silence > time.Second {
		silence /= 2
		l.ended.forget(now - silence)
		l.forgotAt = time.Now()
	}
	over := func(ticketID string) bool {
		_, known := l.board.Get(ticketID)
		return !known && l.ended.find(ticketID) == nil
	}
	maps.DeleteFunc(l.refused, func(ticketID string, _ []int64) bool { return over(ticketID) })
	maps.DeleteFunc(l.failed, func(ticketID string, _ int64) bool { return over(ticketID) })
	l.sent.forget(over)
}

// hasEnded reports whether a ticket has an end of its own: a ticket to make may
// have ended by the end of its undo ticket.
func hasEnded(ticketID string, entry board.Entry) bool {
	return entry.Ended() && entry.Ack.TicketID == ticketID
}

// judgement is what the log says of an ack that lies in it.
type judgement struct {
	// known is false if the log has not read the ack or has forgotten its ticket.
	known bool
	// inForce says that the ack still decides where its ticket stands, or is the last
	// failure before its end: what it says of lost pieces counts.
	inForce bool
	// refused says that a worker has taken it back.
	refused bool
	// claims says of a started that its sender has the ticket by this very ack.
	claims bool
	entry  board.Entry // where the ticket stands; zero if the log knows nothing of it
}

// mayBeLost reports whether an order may wait for an end that the log has had
// before: its ticket was issued after that.
func (j judgement) mayBeLost(ack kitchen.Ack) bool {
	return j.entry.IssuedAfterEnd && (ack.Kind == kitchen.AckDone || ack.Kind == kitchen.AckUndone)
}

// fillIn returns an ack that decides where its ticket stands with what its sender
// left out and the log knows.
func (j judgement) fillIn(ack kitchen.Ack) kitchen.Ack {
	if !j.inForce {
		return ack
	}
	last := j.entry.Ack
	if ack.Kind == kitchen.AckFailed && j.entry.State != kitchen.TicketFailed {
		last = j.entry.LastFailure
	}
	if last == nil || last.Kind != ack.Kind {
		return ack
	}
	if ack.StartedAt == nil {
		ack.StartedAt = last.StartedAt
	}
	if ack.Attempt == 0 && j.entry.Ticket.Attempt > 0 && last == j.entry.Ack {
		ack.Attempt = j.entry.Attempt
	}
	return ack
}

// judge waits until the log has been read up to an ack, if it can be, and returns
// what it says of it then. An error is ctx's.
func (l *ticketLog) judge(ctx context.Context, ack kitchen.Ack, m events.Message) (judgement, error) {
	l.awaitCaughtUp(ctx)
	if err := l.await(ctx, partition{m.Topic, m.Partition}, m.Offset, readWithin); err != nil {
		return judgement{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	j := judgement{refused: slices.Contains(l.refused[ack.TicketID], m.Offset)}
	if end := l.ended.find(ack.TicketID); end != nil {
		j.entry, j.known = end.entry(ack.TicketID), true
		j.inForce = end.offset == m.Offset && int(end.partition) == m.Partition && ack.Kind == j.entry.Ack.Kind
	} else {
		j.inForce, j.known = l.board.InForce(ack, board.HeardFrom(m, 0))
		j.entry, _ = l.board.Get(ack.TicketID)
		j.claims = j.inForce && j.entry.Heard.Offset == m.Offset
	}
	if failed, has := l.failed[ack.TicketID]; has && ack.Kind == kitchen.AckFailed && j.entry.Ended() {
		j.inForce = failed == m.Offset
	}
	return j, nil
}

// await waits until a record of a partition has been read, for no longer than
// within. Once that was in vain, nobody waits until the partition goes on.
func (l *ticketLog) await(ctx context.Context, at partition, offset int64, within time.Duration) error {
	l.mu.Lock()
	place := l.place(at)
	if l.away || place.late || place.next > offset {
		l.mu.Unlock()
		return ctx.Err()
	}
	read := make(chan struct{})
	place.waiters = append(place.waiters, waiter{offset, read})
	l.mu.Unlock()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-read:
	case <-timer.C:
		l.mu.Lock()
		place.late = place.next <= offset
		l.mu.Unlock()
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (l *ticketLog) place(at partition) *placeInLog {
	place := l.places[at]
	if place == nil {
		place = &placeInLog{}
		l.places[at] = place
	}
	return place
}

// wake wakes those whose record has been read.
func (p *placeInLog) wake(read func(offset int64) bool) {
	left := p.waiters[:0]
	for _, w := range p.waiters {
		if read(w.offset) {
			close(w.read)
		} else {
			left = append(left, w)
		}
	}
	clear(p.waiters[len(left):])
	p.waiters = left
}

// issued is the highest attempt of a ticket that the log has seen issued; 0 if it
// has seen none.
func (l *ticketLog) issued(ticketID string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newestIssued(ticketID)
}

// newestIssued is issued. The lock is held.
func (l *ticketLog) newestIssued(ticketID string) int {
	if end := l.ended.find(ticketID); end != nil {
		return int(end.issued)
	}
	entry, _ := l.board.Get(ticketID)
	return entry.Ticket.Attempt
}

// Owner implements activities.Log. A log that has not heard of anybody who began
// may have forgotten them.
func (l *ticketLog) Owner(ticketID string) (owner kitchen.AtWork, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry, _ := l.board.Get(ticketID)
	if entry.State != kitchen.TicketStarted {
		return kitchen.AtWork{}, entry.BegunBy != ""
	}
	return kitchen.AtWork{By: entry.By, At: *entry.StartedAt}, true
}

// Paused implements activities.Log.
func (l *ticketLog) Paused(stage kitchen.Stage) bool {
	_, paused := l.flags.Get(kitchen.FlagPaused, string(stage))
	return paused
}

// End implements activities.Log. An end of a ticket that the log has not seen
// issued is one before its beginning.
func (l *ticketLog) End(ticketID string) (kitchen.Ack, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var entry board.Entry
	if end := l.ended.find(ticketID); end != nil {
		entry = end.entry(ticketID)
	} else {
		entry, _ = l.board.Get(ticketID)
	}
	if !hasEnded(ticketID, entry) || entry.Ticket.Attempt == 0 {
		return kitchen.Ack{}, false
	}
	end := *entry.Ack
	if end.Attempt == 0 {
		end.Attempt = entry.Attempt
	}
	return end, true
}

// Withdrawn implements activities.Log.
func (l *ticketLog) Withdrawn(ticketID string) bool {
	undoID, isMake := board.UndoOf(ticketID)
	return isMake && l.issued(undoID) > 0
}

// Failure implements activities.Log.
func (l *ticketLog) Failure(ctx context.Context, ticketID string) (activities.Failed, bool) {
	ref, err := kitchen.ParseTicketID(ticketID)
	if err != nil {
		return activities.Failed{}, false
	}
	l.mu.Lock()
	entry, _ := l.board.Get(ticketID)
	l.mu.Unlock()
	var ack kitchen.Ack
	switch {
	case entry.Ended():
		return activities.Failed{}, false
	case entry.State == kitchen.TicketFailed:
		ack = *entry.Ack
	case entry.LastFailure != nil:
		ack = *entry.LastFailure
	default:
		return activities.Failed{}, false
	}
	if issued := entry.Ticket.Attempt; issued == 0 || ack.Attempt > issued {
		return activities.Failed{}, false // of an attempt that was never issued: it will be refused
	}
	if ack.Attempt == 0 {
		ack.Attempt = entry.Failed
	}
	failed, err := l.judgeFailure(ctx, ref, ack)
	if err != nil {
		return activities.Failed{}, false // the ticket is issued as it is
	}
	return failed, true
}

// recallsAll reports whether the log has seen every ticket of a stage that an
// order placed at a time has issued so far. It asks Kafka how far there is to read.
func (l *ticketLog) recallsAll(ctx context.Context, stage kitchen.Stage, placedAt time.Time) (bool, error) {
	l.mu.Lock()
	all := l.complete && !l.away && stage.Valid() && time.Since(placedAt) < l.lookBack && time.Since(l.forgotAt) > l.lookBack
	l.mu.Unlock()
	if !all {
		return false, nil
	}
	reader, err := events.NewLogReader(l.connection)
	if err != nil {
		return false, err
	}
	defer reader.Close()
	topic := events.TicketTopic(stage)
	count, err := reader.Partitions(ctx, topic)
	for number := 0; number < count && err == nil && all; number++ {
		all, err = l.readOn(ctx, reader, partition{topic, number})
	}
	return all && err == nil, err
}

// readOn asks Kafka for the end of a partition and reports whether the log has been
// read up to it, for which it waits a while.
func (l *ticketLog) readOn(ctx context.Context, reader *events.LogReader, at partition) (bool, error) {
	first, end, err := reader.Bounds(ctx, at.topic, at.number)
	if err != nil || first == end {
		return err == nil, err
	}
	if err := l.await(ctx, at, end-1, readWithin); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.away && l.place(at).next >= end, nil
}

// lean is an ack whose texts are shared with others: many repeat the same few.
func lean(ack kitchen.Ack) kitchen.Ack {
	ack.TicketID = unique.Make(ack.TicketID).Value()
	ack.OrderID = ack.TicketID[:len(ack.OrderID)]
	ack.Stage = unique.Make(ack.Stage).Value()
	ack.Kind = unique.Make(ack.Kind).Value()
	ack.By = unique.Make(ack.By).Value()
	ack.Reason = unique.Make(ack.Reason).Value()
	return ack
}

// bare is a ticket without what only its station needs.
func bare(ticket kitchen.Ticket) kitchen.Ticket {
	id := unique.Make(ticket.TicketID).Value()
	return kitchen.Ticket{
		TicketID: id,
		Kind:     unique.Make(ticket.Kind).Value(),
		OrderID:  id[:len(ticket.OrderID)],
		Stage:    unique.Make(ticket.Stage).Value(),
		Pass:     ticket.Pass,
		Attempt:  ticket.Attempt,
		Since:    ticket.Since,
		IssuedAt: ticket.IssuedAt,
		AckBy:    ticket.AckBy,
	}
}

// ticketOf is what is known of a ticket by its id and how often it was issued.
func ticketOf(ticketID string, attempt int) kitchen.Ticket {
	ref, err := kitchen.ParseTicketID(ticketID)
	if err != nil {
		panic(errors.New("a ticket's id was checked when it was read"))
	}
	return kitchen.Ticket{TicketID: ticketID, Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt}
}
