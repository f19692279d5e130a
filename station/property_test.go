package station

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// TestStationsSeeWhatTheBoardSays: whatever is delivered, acked, given to another
// station or restarted, in whatever order, each station that has read the whole
// log sees a ticket as the board of the whole log does, and no two have it in hand.
func TestStationsSeeWhatTheBoardSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newModel(t, r)
		defer w.close()
		r.Repeat(map[string]func(*rapid.T){
			"":          func(*rapid.T) { w.check() },
			"issue":     w.issue,
			"deliver":   w.deliver,
			"revoke":    w.revoke,
			"restart":   w.restart,
			"ask":       w.ask,
			"type":      w.typeAck,
			"refuse":    w.refuse,
			"renew":     w.renew,
			"interrupt": w.interrupt,
			"pass":      w.pass,
		})
	})
}

// model is a stage with a few tickets. Bob has two of its stations, eve has one.
type model struct {
	t         *testing.T
	r         *rapid.T
	log       *fakeLog
	names     []string
	stations  []*fakeStation
	issued    []kitchen.Ticket // the newest attempt of each
	delivered []map[string]*fakeDelivery
	// seen are the deliveries of tickets, in the order in which they came.
	seen []events.Message
}

func newModel(t *testing.T, r *rapid.T) *model {
	w := &model{t: t, r: r, log: &fakeLog{t: t}, names: []string{"bob", "eve", "bob"}}
	for range w.names {
		w.stations, w.delivered = append(w.stations, nil), append(w.delivered, nil)
	}
	for i := range w.names {
		w.open(i)
	}
	for range 3 {
		w.issued = append(w.issued, newTicket(t))
	}
	return w
}

func (w *model) open(i int) {
	w.stations[i] = w.log.station(w.names[i])
	w.delivered[i] = map[string]*fakeDelivery{}
}

func (w *model) close() {
	for i := range w.stations {
		w.shut(i)
	}
}

func (w *model) shut(i int) {
	old := w.stations[i]
	old.cancel()
	old.background.Wait()
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for at, reader := range w.log.readers {
		if reader == old.Station {
			w.log.readers = append(w.log.readers[:at:at], w.log.readers[at+1:]...)
			return
		}
	}
}

func (w *model) anyTicket(r *rapid.T) int {
	return rapid.IntRange(0, len(w.issued)-1).Draw(r, "ticket")
}
func (w *model) anyStation(r *rapid.T) int {
	return rapid.IntRange(0, len(w.stations)-1).Draw(r, "station")
}

func (w *model) issue(r *rapid.T) {
	i := w.anyTicket(r)
	w.issued[i] = again(w.issued[i])
	w.deliverTo(w.anyStation(r), w.issued[i])
}

// deliver brings a ticket for the first time, again, or to another station.
func (w *model) deliver(r *rapid.T) { w.deliverTo(w.anyStation(r), w.issued[w.anyTicket(r)]) }

func (w *model) deliverTo(i int, ticket kitchen.Ticket) {
	d := w.stations[i].deliver(ticket)
	w.delivered[i][ticket.TicketID] = d
	w.stations[i].mu.Lock()
	here := w.stations[i].jobs[ticket.TicketID] != nil
	w.stations[i].mu.Unlock()
	if !here {
		d.await(w.t) // until its last ack is repeated
	}
	value, err := json.Marshal(ticket)
	require.NoError(w.r, err)
	w.seen = append(w.seen, events.Message{Topic: events.TicketTopic(kitchen.Bake), Offset: int64(len(w.seen)), Key: []byte(ticket.OrderID), Value: value})
}

func (w *model) revoke(r *rapid.T) {
	i := w.anyStation(r)
	if d := w.delivered[i][w.issued[w.anyTicket(r)].TicketID]; d != nil {
		d.revoke()
		d.revoked = true
	}
}

func (w *model) restart(r *rapid.T) {
	i := w.anyStation(r)
	w.shut(i)
	w.open(i)
}

// ask lets somebody at a station do something to a ticket.
func (w *model) ask(r *rapid.T) {
	s, ticketID := w.stations[w.anyStation(r)], w.issued[w.anyTicket(r)].TicketID
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	call := rapid.SampledFrom([]string{"start", "done", "fail", "release", "take over"}).Draw(r, "call")
	err := map[string]func() error{
		"start":     func() error { return s.Start(ctx, ticketID) },
		"done":      func() error { return s.Done(ctx, ticketID) },
		"fail":      func() error { return s.Fail(ctx, ticketID, "burnt", "", 0) },
		"release":   func() error { return s.Release(ctx, ticketID) },
		"take over": func() error { return s.TakeOver(ctx, ticketID) },
	}[call]()
	require.False(w.r, errors.Is(err, context.DeadlineExceeded), "%s does not end", call)
}

// interrupt lets something else get into the log before what a station writes.
func (w *model) interrupt(r *rapid.T) {
	w.log.before = func(kitchen.Ack) {
		w.log.before = nil
		switch rapid.SampledFrom([]string{"type", "refuse", "ask", "deliver", "issue", "revoke"}).Draw(r, "meanwhile") {
		case "type":
			w.typeAck(r)
		case "refuse":
			w.refuse(r)
		case "ask":
			w.ask(r)
		case "deliver":
			w.deliver(r)
		case "issue":
			w.issue(r)
		case "revoke":
			w.revoke(r)
		}
	}
	w.ask(r)
	w.log.before = nil
}

// typeAck writes an ack by hand, or as another build's station does.
func (w *model) typeAck(r *rapid.T) {
	ticket := w.issued[w.anyTicket(r)]
	kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckFailed, kitchen.AckDone}).Draw(r, "kind")
	ack := typed(ticket, kind, rapid.SampledFrom([]string{"bob", "eve", "kcat"}).Draw(r, "by"))
	ack.Attempt = rapid.IntRange(0, ticket.Attempt+1).Draw(r, "attempt")
	if from := rapid.SampledFrom([]string{"", "bob", "eve", "kcat"}).Draw(r, "from"); kind == kitchen.AckStarted && from != ack.By {
		ack.TakeOver, ack.From = from != "", from
	}
	w.log.write(ack, "")
}

// refuse takes back an ack of a ticket, as workers do.
func (w *model) refuse(r *rapid.T) {
	if len(w.log.acks) == 0 {
		return
	}
	last := int64(len(w.log.acks) - 1)
	offset := rapid.Int64Range(max(0, last-4), last).Draw(r, "offset") // what is older rarely counts
	ack := typed(kitchen.Ticket{}, kitchen.AckRefused, "worker")
	refused := w.log.acks[offset]
	ack.TicketID, ack.OrderID, ack.Stage, ack.Offset = refused.TicketID, refused.OrderID, refused.Stage, &offset
	w.log.write(ack, "")
}

// renew writes a renewal of what a station has in hand, as time would.
func (w *model) renew(r *rapid.T) {
	s := w.stations[w.anyStation(r)]
	ticketID := w.issued[w.anyTicket(r)].TicketID
	s.mu.Lock()
	j := s.jobs[ticketID]
	if j == nil || j.state != InHand {
		s.mu.Unlock()
		return
	}
	ack := s.newAck(j, kitchen.AckStarted)
	ack.StartedAt = &j.startedAt
	s.mu.Unlock()
	w.log.write(ack, s.source)
}

// pass lets so much time pass by the broker's clock that owners are silent. None of
// the stations renews anything meanwhile.
func (w *model) pass(*rapid.T) { w.log.brokersAhead += time.Hour + time.Minute }

// check compares what each station shows with the board of the whole log.
func (w *model) check() {
	whole := w.whole()
	inHand := map[string]string{}
	for i, s := range w.stations {
		shown := map[string]Item{}
		for _, item := range s.Tickets() {
			shown[item.Ticket.TicketID] = item
		}
		for _, ticket := range w.issued {
			item, here := shown[ticket.TicketID]
			entry, _ := whole.Get(ticket.TicketID)
			who := fmt.Sprintf("%s's station %d has %q with %q; the log has %s with %q", w.names[i], i, item.State, item.By, entry.State, entry.By)
			if d := w.delivered[i][ticket.TicketID]; !here {
				require.True(w.r, d == nil || d.revoked || d.finished(), who)
				continue
			}
			require.Equal(w.r, entry.State == kitchen.TicketStarted, item.State != Waiting, who)
			require.False(w.r, entry.Ended(), who)
			require.False(w.r, item.Answering, who)
			if item.State == Waiting {
				continue
			}
			require.Equal(w.r, entry.By, item.By, who)
			require.True(w.r, entry.StartedAt.Equal(item.StartedAt), who)
			if item.State == InHand {
				require.Empty(w.r, inHand[ticket.TicketID], who)
				inHand[ticket.TicketID] = who
			}
		}
		for len(s.events) > 0 {
			<-s.events
		}
	}
}

// whole is the board of all deliveries and the whole log.
func (w *model) whole() *board.Board {
	whole := board.New()
	for _, m := range w.seen {
		ticket, err := events.DecodeTicket(m)
		require.NoError(w.r, err)
		whole.AddTicket(ticket, board.HeardFrom(m, 0))
	}
	for _, m := range w.log.messages {
		ack, err := events.DecodeAck(m)
		require.NoError(w.r, err)
		whole.AddAck(ack, board.HeardFrom(m, 0))
	}
	return whole
}
