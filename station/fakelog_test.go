package station

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// fakeLog is a log of acks in memory, with stations that read it. It shows what
// depends on the exact order of what happens.
type fakeLog struct {
	t        *testing.T
	mu       sync.Mutex
	readers  []*Station
	acks     []kitchen.Ack
	letters  []string
	messages []events.Message // the acks, as they lie in the log
	tickets  int64            // how many deliveries there were
	// brokersAhead is how much the broker's clock is ahead of the stations', and
	// createTime says that the senders date the records instead, sendersAhead of
	// the stations.
	brokersAhead, sendersAhead time.Duration
	createTime                 bool
	// refuse, if set, is asked before each ack; written says whether the ack
	// gets into the log all the same.
	refuse func(kitchen.Ack) (err error, written bool)
	// before, if set, is called with each ack before it gets into the log.
	before func(kitchen.Ack)
}

// newLog returns an empty log, and its first station.
func newLog(t *testing.T, name string) (*fakeLog, *fakeStation) {
	log := &fakeLog{t: t}
	return log, log.station(name)
}

// fakePublisher writes to the log as one station.
type fakePublisher struct {
	log    *fakeLog
	source string
}

// PublishAck implements publisher.
func (s fakePublisher) PublishAck(ctx context.Context, ack kitchen.Ack) error {
	if s.log.before != nil {
		s.log.before(ack)
	}
	if s.log.refuse != nil {
		if err, written := s.log.refuse(ack); err != nil {
			if written {
				s.log.write(ack, s.source)
			}
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.log.write(ack, s.source)
	return nil
}

// PublishDeadLetter implements publisher.
func (s fakePublisher) PublishDeadLetter(_ context.Context, _ events.Message, reason string) error {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.letters = append(s.log.letters, reason)
	return nil
}

// write appends an ack and shows it to everyone.
func (l *fakeLog) write(ack kitchen.Ack, source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	value, err := json.Marshal(ack)
	if err != nil {
		panic(err)
	}
	m := l.dated(events.Message{Topic: events.TopicAcks, Offset: int64(len(l.acks)), Key: []byte(ack.OrderID), Value: value})
	if source != "" {
		m.Headers = []events.Header{{Key: sourceHeader, Value: []byte(source)}}
	}
	l.acks, l.messages = append(l.acks, ack), append(l.messages, m)
	for _, reader := range l.readers {
		reader.receiveAck(m)
	}
}

// dated is a message that is appended now.
func (l *fakeLog) dated(m events.Message) events.Message {
	m.Time, m.Appended = time.Now().Add(l.brokersAhead), !l.createTime
	if l.createTime {
		m.Time = time.Now().Add(l.sendersAhead)
	}
	return m
}

// kinds returns the kinds of the acks in the log.
func (l *fakeLog) kinds() []kitchen.AckKind {
	l.mu.Lock()
	defer l.mu.Unlock()
	var kinds []kitchen.AckKind
	for _, ack := range l.acks {
		kinds = append(kinds, ack.Kind)
	}
	return kinds
}

// last returns the newest ack of a kind.
func (l *fakeLog) last(kind kitchen.AckKind) kitchen.Ack {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.acks) - 1; i >= 0; i-- {
		if l.acks[i].Kind == kind {
			return l.acks[i]
		}
	}
	return kitchen.Ack{}
}

// station joins a station that has caught up with the log.
func (l *fakeLog) station(name string) *fakeStation { return l.quickStation(name, time.Hour) }

// quickStation joins one that has to answer within that time.
func (l *fakeLog) quickStation(name string, ackWithin time.Duration) *fakeStation {
	f := &fakeStation{t: l.t, log: l, events: make(chan Event, 1000)}
	config := Config{
		Stage: kitchen.Bake, Name: name, AckWithin: ackWithin,
		Observe: func(e Event) { f.events <- e },
		Logger:  slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	config.setDefaults()
	f.Station = newStation(config)
	f.publisher = fakePublisher{l, f.source}
	f.reading = board.NewStopwatch(func() time.Time { return f.clock })
	l.mu.Lock()
	for _, m := range l.messages {
		f.receiveAck(m)
	}
	f.caught()
	l.readers = append(l.readers, f.Station)
	l.mu.Unlock()
	l.t.Cleanup(func() {
		f.cancel()
		f.background.Wait()
	})
	return f
}

type fakeStation struct {
	*Station
	t      *testing.T
	log    *fakeLog
	events chan Event
	clock  time.Time // by which it measures how long it reads; the station's mu protects it
}

// pass lets time pass in which the station reads the log, and then clears it.
func (f *fakeStation) pass(d time.Duration) {
	f.mu.Lock()
	f.clock = f.clock.Add(d)
	f.mu.Unlock()
	f.clear()
}

// deliver brings a ticket and returns its delivery.
func (f *fakeStation) deliver(ticket kitchen.Ticket) *fakeDelivery {
	return f.deliverOld(ticket, 0)
}

// offerNew brings a new ticket, which is offered.
func (f *fakeStation) offerNew() (kitchen.Ticket, *fakeDelivery) {
	f.t.Helper()
	ticket := newTicket(f.t)
	delivery := f.deliver(ticket)
	f.expect(Offered)
	return ticket, delivery
}

// start starts a ticket, which is then in hand.
func (f *fakeStation) start(ticket kitchen.Ticket) {
	f.t.Helper()
	require.NoError(f.t, f.Start(f.t.Context(), ticket.TicketID))
	f.expect(Started)
}

// deliverOld brings one that was issued that long ago.
func (f *fakeStation) deliverOld(ticket kitchen.Ticket, ago time.Duration) *fakeDelivery {
	value, err := json.Marshal(ticket)
	require.NoError(f.t, err)
	d := &fakeDelivery{done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	f.t.Cleanup(cancel)
	d.revoke = cancel
	f.log.mu.Lock()
	m := f.log.dated(events.Message{Topic: events.TicketTopic(kitchen.Bake), Offset: f.log.tickets, Key: []byte(ticket.OrderID), Value: value})
	f.log.tickets++
	f.log.mu.Unlock()
	m.Time = m.Time.Add(-ago)
	f.receiveTicket(ctx, m, sync.OnceFunc(func() { close(d.done) }))
	return d
}

// expect returns the next event, which must be of that kind.
func (f *fakeStation) expect(kind EventKind) Event {
	f.t.Helper()
	select {
	case e := <-f.events:
		require.Equal(f.t, kind, e.Kind, "%+v", e)
		return e
	case <-time.After(patience):
		require.FailNow(f.t, "nothing happened")
		return Event{}
	}
}

// expectNothing fails if something happened that was not expected.
func (f *fakeStation) expectNothing() {
	f.t.Helper()
	select {
	case e := <-f.events:
		require.FailNow(f.t, "something happened", "%+v", e)
	default:
	}
}

// await waits until the delivery is finished.
func (d *fakeDelivery) await(t *testing.T) {
	t.Helper()
	select {
	case <-d.done:
	case <-time.After(patience):
		require.FailNow(t, "the delivery was not finished")
	}
}

type fakeDelivery struct {
	done    chan struct{}
	revoke  context.CancelFunc
	revoked bool // by the property's model
}

func (d *fakeDelivery) finished() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

const patience = time.Minute

// newTicket makes a bake ticket of a new order.
func newTicket(t *testing.T) kitchen.Ticket { return ticketOf(t, kitchen.Bake, kitchen.TicketMake) }

func ticketOf(t *testing.T, stage kitchen.Stage, kind kitchen.TicketKind) kitchen.Ticket {
	t.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	ref := kitchen.TicketRef{OrderID: orderID, Stage: stage, Pass: 1, Kind: kind}
	now := time.Now().UTC()
	return kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: kind, OrderID: orderID, Stage: stage, Pass: 1, Attempt: 1,
		Lines: []kitchen.Line{
			{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th"},
			{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 3},
		},
		Allergies: []string{"nuts"}, Notes: "ring the bell",
		PickupCode: kitchen.PickupCode(orderID), IssuedAt: now, AckBy: now.Add(time.Hour),
	}
}

func again(ticket kitchen.Ticket) kitchen.Ticket {
	ticket.Attempt++
	return ticket
}

// undoOf is the undo ticket of a ticket whose order has been cancelled.
func undoOf(ticket kitchen.Ticket, made bool) kitchen.Ticket {
	ref := kitchen.TicketRef{OrderID: ticket.OrderID, Stage: ticket.Stage, Pass: ticket.Pass, Kind: kitchen.TicketUndo}
	ticket.TicketID, ticket.Kind, ticket.Attempt, ticket.Made = ref.TicketID(), ref.Kind, 1, made
	return ticket
}

// typed is an ack as a person types it.
func typed(ticket kitchen.Ticket, kind kitchen.AckKind, by string) kitchen.Ack {
	return kitchen.Ack{TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kind, By: by, At: time.Now().UTC()}
}

func requireTaken(t *testing.T, err error, by string, kind kitchen.AckKind) {
	t.Helper()
	var taken *TakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, by, taken.By)
	require.Equal(t, kind, taken.Kind)
}

var errAway = errors.New("nobody answers")
