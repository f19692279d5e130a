package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// ackPause is the time between two acks that are timed: one has arrived
	// everywhere before the next.
	ackPause = 200 * time.Millisecond
	// boardTickets is the number of tickets on the board that all clients follow.
	boardTickets = 100
	// liveRounds is in how many rounds the acks are timed: everybody connects anew
	// for each, so that two factories are not both full of connections.
	liveRounds = 4
	// lateAfter is the longest that a message may take.
	lateAfter = 10 * time.Second
	benchPIN  = "271828"
)

// measureLive measures how soon an ack is seen on live connections, what a
// connection costs, and how soon an API is up to date that starts.
func measureLive(ctx context.Context, s *side, p plan) ([]row, error) {
	say("starting Temporal, Kafka, worker and API for the live side")
	f, cookie, err := startLiveFactory(ctx, s, p)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	writer, err := events.NewWriter(f.connection())
	if err != nil {
		return nil, err
	}
	defer func() { _ = writer.Close() }() // all that counts has been acknowledged
	l := &liveBench{factory: f, cookie: cookie, writer: writer, seen: map[string]*sighting{}}
	defer l.hangUp()
	rows, err := l.measureConnections(ctx, p)
	if err != nil {
		return nil, errors.Join(err, f.lookForDead())
	}
	copies, err := f.recordOpenOrders(ctx, kitchen.Stages())
	if err != nil {
		return nil, errors.Join(err, f.lookForDead())
	}
	if err := errors.Join(f.worker.Stop(30*time.Second), f.apiServer.Stop(30*time.Second)); err != nil {
		return nil, err
	}
	if err := copies.write(ctx, p.openOrders); err != nil {
		return nil, err
	}
	starts, err := f.measureStart(ctx, p.openOrders)
	if err != nil {
		return nil, errors.Join(err, f.lookForDead())
	}
	return append(rows, starts...), f.pass(ctx)
}

// startLiveFactory starts a factory without robots whose API accepts enough
// connections, and signs a baker in. Signing in is done at another API: hashing
// the PIN would add to the memory of the one that is measured.
func startLiveFactory(ctx context.Context, side *side, p plan) (*factory, string, error) {
	pin, err := kitchen.HashPIN(benchPIN)
	if err != nil {
		return nil, "", err
	}
	staffFile := filepath.Join(side.directory, "staff.yaml")
	if err := os.WriteFile(staffFile, fmt.Appendf(nil, "staff:\n  - {name: bench, role: baker, pin: %q}\n", pin.String()), 0o600); err != nil {
		return nil, "", err
	}
	room := fmt.Sprint(2*p.live + 10)
	f, err := startWithoutRobots(ctx, side, "--staff", staffFile, "--live-connections", room, "--live-connections-per-address", room)
	if err != nil {
		return nil, "", err
	}
	cookie, err := signIn(ctx, f, staffFile)
	if err != nil {
		f.stop()
		return nil, "", err
	}
	return f, cookie, nil
}

func signIn(ctx context.Context, f *factory, staffFile string) (string, error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	other, err := f.start("the API to sign in at", "api", "--listen", address, "--staff", staffFile)
	if err != nil {
		return "", err
	}
	if err := waitFor(ctx, answers("http://"+address+"/readyz"), other); err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/api/v1/session", strings.NewReader(`{"name":"bench","pin":"`+benchPIN+`"}`))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("sign in: %s", response.Status)
	}
	http.DefaultClient.CloseIdleConnections()
	cookie, _, _ := strings.Cut(response.Header.Get("Set-Cookie"), ";")
	return cookie, other.Stop(30 * time.Second)
}

// liveBench is the stations' and the clients' side of the measurement.
type liveBench struct {
	*factory
	cookie string
	writer *events.Writer

	clients sync.WaitGroup
	sockets []*websocket.Conn

	mu   sync.Mutex
	seen map[string]*sighting // by what a client sees of an ack
}

// sighting is an ack on its way to the clients.
type sighting struct {
	left     int
	at       []time.Time
	complete chan struct{}
}

// expect prepares for a number of clients to see something.
func (l *liveBench) expect(what string, clients int) *sighting {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[what] = &sighting{left: clients, complete: make(chan struct{})}
	return l.seen[what]
}

// saw records the first time that a client saw something.
func (l *liveBench) saw(what string, at time.Time, already map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.seen[what]
	if s == nil || already[what] {
		return
	}
	already[what] = true
	s.at = append(s.at, at)
	if s.left--; s.left == 0 {
		close(s.complete)
	}
}

// follow connects a client to a channel; it returns once the client has the
// first snapshot. read returns what a later message shows of an ack.
func (l *liveBench) follow(ctx context.Context, channel string, read func(data []byte) string) error {
	socket, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(l.api, "http")+"/api/v1/live", &websocket.DialOptions{HTTPHeader: http.Header{"Cookie": {l.cookie}}})
	if err != nil {
		return err
	}
	socket.SetReadLimit(1 << 24)
	l.mu.Lock()
	l.sockets = append(l.sockets, socket)
	l.mu.Unlock()
	if err := socket.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"subscribe","channel":%q}`, channel)); err != nil {
		return err
	}
	first := make(chan error, 1)
	l.clients.Go(func() {
		already := map[string]bool{}
		ready := false
		for {
			_, data, err := socket.Read(context.Background())
			at := time.Now()
			if err != nil {
				if !ready {
					first <- err
				}
				return
			}
			if !ready && bytes.Contains(data, fmt.Appendf(nil, `"channel":%q`, channel)) {
				ready = true
				first <- nil
			}
			if what := read(data); what != "" {
				l.saw(what, at, already)
			}
		}
	})
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *liveBench) hangUp() {
	l.mu.Lock()
	for _, socket := range l.sockets {
		_ = socket.CloseNow() // nothing more is expected from it
	}
	l.sockets = nil
	l.mu.Unlock()
	l.clients.Wait()
}

// ticket is one that no order waits for.
func (l *liveBench) ticket(orderID string, stage kitchen.Stage) kitchen.Ticket {
	now := time.Now().UTC()
	ref := ticketOf(orderID, stage)
	return kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: orderID, Stage: stage, Pass: ref.Pass, Attempt: 1,
		Lines: order().Lines, PickupCode: kitchen.PickupCode(orderID), IssuedAt: now, AckBy: now.Add(time.Hour),
	}
}

// measureConnections connects everybody and times acks to them, some in each
// round.
func (l *liveBench) measureConnections(ctx context.Context, p plan) ([]row, error) {
	board := make([]kitchen.TicketRef, 0, max(boardTickets, p.liveAcks))
	for range cap(board) {
		orderID, err := kitchen.NewOrderID()
		if err != nil {
			return nil, err
		}
		ticket := l.ticket(orderID, kitchen.Bake)
		board = append(board, ticketOf(orderID, kitchen.Bake))
		if err := l.writer.PublishTicket(ctx, ticket); err != nil {
			return nil, err
		}
	}
	board = board[:p.liveAcks]
	orders, err := l.openOrders(ctx, min(p.liveOrders, p.live))
	if err != nil {
		return nil, err
	}
	ofOrders := make([]kitchen.TicketRef, p.liveAcks)
	for i := range ofOrders {
		ofOrders[i] = ticketOf(orders[i%len(orders)], kitchen.Stages()[(i/len(orders))%len(kitchen.Stages())])
	}
	before, err := l.apiServer.Memory()
	if err != nil {
		return nil, err
	}
	var (
		each              = max(1, p.live/len(orders))
		connections       = float64(p.live + each*len(orders))
		connected, after  int64
		toBoard, toOrders []time.Duration
		rounds            = min(liveRounds, p.liveAcks)
		perRound          = func(round int) (from, to int) { return round * p.liveAcks / rounds, (round + 1) * p.liveAcks / rounds }
		connectEverybody  = func() error {
			if err := l.connect(ctx, p.live, func(int) (string, func([]byte) string) { return "station/" + string(kitchen.Bake), seenOnBoard }); err != nil {
				return err
			}
			return l.connect(ctx, each*len(orders), func(i int) (string, func([]byte) string) { return "order/" + orders[i/each], seenOfOrder })
		}
	)
	for round := range rounds {
		if err := l.pass(ctx); err != nil {
			return nil, err
		}
		from, to := perRound(round)
		say("connecting %d clients to a board, and as many to %d orders; timing %d acks to either", p.live, len(orders), to-from)
		if err := connectEverybody(); err != nil {
			return nil, err
		}
		if round == 0 {
			if connected, err = l.apiServer.Memory(); err != nil {
				return nil, err
			}
		}
		took, err := l.time(ctx, p.live, board[from:to], kitchen.AckStarted)
		if err != nil {
			return nil, err
		}
		toBoard = append(toBoard, took...)
		if took, err = l.time(ctx, each, ofOrders[from:to], kitchen.AckDone); err != nil {
			return nil, err
		}
		toOrders = append(toOrders, took...)
		if round == 0 {
			if after, err = l.apiServer.Memory(); err != nil {
				return nil, err
			}
		}
		l.hangUp()
	}
	slices.Sort(toBoard)
	slices.Sort(toOrders)
	onBoard := fmt.Sprintf("ack to a board with %d connections", p.live)
	ofOrder := fmt.Sprintf("ack to an order with %d connections, %d follow theirs", each, each*len(orders))
	return []row{
		{Name: onBoard + ", p50", Value: milliseconds(quantile(toBoard, 0.5)), Unit: "ms"},
		atMost(row{Name: onBoard + ", p99", Value: milliseconds(quantile(toBoard, 0.99)), Unit: "ms"}, 30),
		atMost(row{Name: ofOrder + ", p50", Value: milliseconds(quantile(toOrders, 0.5)), Unit: "ms"}, 15),
		atMost(row{Name: ofOrder + ", p99", Value: milliseconds(quantile(toOrders, 0.99)), Unit: "ms"}, 40),
		atMost(row{Name: fmt.Sprintf("API, resident per connection, %.0f connections", connections), Value: float64(max(connected, after)-before) / connections / 1000, Unit: "kB",
			Spread: fmt.Sprintf("%.3g before the acks", float64(connected-before)/connections/1000)}, 50),
	}, nil
}

// openOrders starts orders and waits until each is at mix.
func (l *liveBench) openOrders(ctx context.Context, n int) ([]string, error) {
	tickets, stop, err := l.watchTickets(ctx, kitchen.Mix)
	if err != nil {
		return nil, err
	}
	defer stop()
	orders := make([]string, n)
	starting, startCtx := errgroup.WithContext(ctx)
	starting.SetLimit(20)
	for i := range orders {
		starting.Go(func() error {
			_, orderID, err := l.startKnownOrder(startCtx)
			if err != nil {
				return err
			}
			orders[i] = orderID
			_, err = tickets.when(startCtx, orderID, kitchen.Mix)
			return err
		})
	}
	return orders, starting.Wait()
}

func (l *liveBench) connect(ctx context.Context, n int, channel func(i int) (string, func([]byte) string)) error {
	connecting, connectCtx := errgroup.WithContext(ctx)
	connecting.SetLimit(20)
	for i := range n {
		connecting.Go(func() error {
			name, read := channel(i)
			return l.follow(connectCtx, name, read)
		})
	}
	return connecting.Wait()
}

// time publishes acks of tickets one after the other. It returns the times from
// Kafka's acknowledgement of an ack until each client saw it.
func (l *liveBench) time(ctx context.Context, clients int, tickets []kitchen.TicketRef, kind kitchen.AckKind) ([]time.Duration, error) {
	var took []time.Duration
	for _, ref := range tickets {
		s := l.expect(ref.TicketID(), clients)
		if err := l.writer.PublishAck(ctx, ackOf(ref, kind)); err != nil {
			return nil, err
		}
		acknowledged := time.Now()
		select {
		case <-s.complete:
		case <-time.After(lateAfter):
			return nil, fmt.Errorf("an ack was not seen by all of %d clients within %s", clients, lateAfter)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		l.mu.Lock()
		for _, at := range s.at {
			took = append(took, max(0, at.Sub(acknowledged)))
		}
		delete(l.seen, ref.TicketID())
		l.mu.Unlock()
		select {
		case <-time.After(time.Until(acknowledged.Add(ackPause))):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return took, nil
}

// seenOnBoard is the ticket that a change of a board shows. It is not read as
// JSON: a thousand clients would be busy with that.
func seenOnBoard(data []byte) string {
	if len(data) > 4<<10 || !bytes.Contains(data, []byte(`"state":"started"`)) {
		return ""
	}
	_, rest, found := bytes.Cut(data, []byte(`"ticketId":"`))
	ticketID, _, _ := bytes.Cut(rest, []byte(`"`))
	if !found {
		return ""
	}
	return string(ticketID)
}

// seenOfOrder is the last ticket that an order shows as done by this benchmark's
// ack. What comes of that, such as the next ticket, does not matter: it may be in a
// later message.
func seenOfOrder(data []byte) string {
	var message struct{ Order kitchen.Status }
	if json.Unmarshal(data, &message) != nil {
		return ""
	}
	for _, stage := range slices.Backward(message.Order.Stages) {
		if stage.State == kitchen.TicketDone && stage.By == ackedBy {
			return kitchen.TicketRef{OrderID: message.Order.ID, Stage: stage.Stage, Pass: stage.Pass, Kind: kitchen.TicketMake}.TicketID()
		}
	}
	return ""
}

// measureStart times an API that starts with many open orders on the log,
// until its boards are up to date. Nothing else runs meanwhile but Kafka and
// Temporal.
func (f *factory) measureStart(ctx context.Context, openOrders int) ([]row, error) {
	aimOfStart, aimOfMemory := 2.0, 110.0
	if openOrders > 10_000 { // those of 100,000
		aimOfStart, aimOfMemory = 10, 600
	}
	var took, memory []float64
	for range 3 {
		if err := f.pass(ctx); err != nil {
			return nil, err
		}
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if f.apiServer, err = f.start("the API", "api", "--listen", address); err != nil {
			return nil, err
		}
		if err := f.upToDate(ctx, address); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began).Seconds())
		say("up to date after %.2f s", took[len(took)-1])
		bytes, err := f.apiServer.Memory()
		if err != nil {
			return nil, err
		}
		memory = append(memory, float64(bytes)/(1<<20))
		if err := f.profile(ctx, "start", 0); err != nil {
			return nil, err
		}
		if err := f.apiServer.Stop(30 * time.Second); err != nil {
			return nil, err
		}
	}
	return []row{
		atMost(row{Name: fmt.Sprintf("API, start with %d open orders until up to date", openOrders), Value: median(took), Unit: "s", Spread: spread(took)}, aimOfStart),
		atMost(row{Name: fmt.Sprintf("API, resident when up to date with %d open orders", openOrders), Value: median(memory), Unit: "MiB", Spread: spread(memory)}, aimOfMemory),
	}, nil
}

// upToDate waits until an API says that it is.
func (f *factory) upToDate(ctx context.Context, address string) error {
	for {
		socket, _, err := websocket.Dial(ctx, "ws://"+address+"/api/v1/live", nil)
		if err != nil {
			select {
			case <-time.After(2 * time.Millisecond):
				continue
			case <-f.apiServer.Exited():
				return fmt.Errorf("the API has ended; it printed:\n%s", f.apiServer.Output())
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		defer func() { _ = socket.CloseNow() }()
		for {
			_, data, err := socket.Read(ctx)
			if err != nil {
				return err
			}
			if !bytes.Contains(data, []byte(`"behind"`)) {
				return nil
			}
		}
	}
}
