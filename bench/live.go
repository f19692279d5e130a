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
	// lateAfter is the longest that a message may take.
	lateAfter = 10 * time.Second
	benchPIN  = "271828"
)

// measureLive measures how soon an ack is seen on live connections, what a
// connection costs, and how soon an API is up to date that starts.
func measureLive(ctx context.Context, binary, directory string, p plan) ([]row, error) {
	say("starting Temporal, Kafka, worker and API for the live side")
	directory, err := os.MkdirTemp(directory, "live-") // an earlier factory's data is not this one's
	if err != nil {
		return nil, err
	}
	f, cookie, err := startLiveFactory(ctx, binary, directory, p)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	writer, err := events.NewWriter(events.Connection{Brokers: []string{f.kafka.Addr.String()}})
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
	l.hangUp()
	starts, err := l.measureStart(ctx, p)
	if err != nil {
		return nil, errors.Join(err, f.lookForDead())
	}
	return append(rows, starts...), nil
}

// startLiveFactory starts a factory without robots whose API accepts enough
// connections, and signs a baker in. Signing in is done at another API: hashing
// the PIN would add to the memory of the one that is measured.
func startLiveFactory(ctx context.Context, binary, directory string, p plan) (*factory, string, error) {
	pin, err := kitchen.HashPIN(benchPIN)
	if err != nil {
		return nil, "", err
	}
	staffFile := filepath.Join(directory, "staff.yaml")
	if err := os.WriteFile(staffFile, fmt.Appendf(nil, "staff:\n  - {name: bench, role: baker, pin: %q}\n", pin.String()), 0o600); err != nil {
		return nil, "", err
	}
	room := fmt.Sprint(2*p.live + 10)
	f, err := startWithoutRobots(ctx, binary, directory, "--staff", staffFile, "--live-connections", room, "--live-connections-per-address", room)
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
	ref := kitchen.TicketRef{OrderID: orderID, Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
	return kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: orderID, Stage: stage, Pass: 1, Attempt: 1,
		Lines: order().Lines, PickupCode: kitchen.PickupCode(orderID), IssuedAt: now, AckBy: now.Add(time.Hour),
	}
}

func (l *liveBench) ack(ticketID string, kind kitchen.AckKind) (kitchen.Ack, error) {
	ref, err := kitchen.ParseTicketID(ticketID)
	return kitchen.Ack{TicketID: ticketID, OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, By: "bench", At: time.Now().UTC(), Attempt: 1}, err
}

// measureConnections connects everybody and times acks to them.
func (l *liveBench) measureConnections(ctx context.Context, p plan) ([]row, error) {
	board := make([]string, 0, max(boardTickets, p.liveAcks))
	for range cap(board) {
		orderID, err := kitchen.NewOrderID()
		if err != nil {
			return nil, err
		}
		ticket := l.ticket(orderID, kitchen.Bake)
		board = append(board, ticket.TicketID)
		if err := l.writer.PublishTicket(ctx, ticket); err != nil {
			return nil, err
		}
	}
	orders, err := l.openOrders(ctx, p.liveOrders)
	if err != nil {
		return nil, err
	}
	before, err := l.apiServer.Memory()
	if err != nil {
		return nil, err
	}
	say("connecting %d clients to a board, and as many to %d orders", p.live, len(orders))
	if err := l.connect(ctx, p.live, func(int) (string, func([]byte) string) { return "station/" + string(kitchen.Bake), seenOnBoard }); err != nil {
		return nil, err
	}
	each := max(1, p.live/len(orders))
	if err := l.connect(ctx, each*len(orders), func(i int) (string, func([]byte) string) { return "order/" + orders[i/each], seenOfOrder }); err != nil {
		return nil, err
	}
	connected, err := l.apiServer.Memory()
	if err != nil {
		return nil, err
	}

	say("timing %d acks to a board", p.liveAcks)
	onBoard, err := l.time(ctx, p.live, slices.Values(board[:p.liveAcks]), kitchen.AckStarted)
	if err != nil {
		return nil, err
	}
	say("timing %d acks to orders", p.liveAcks)
	ofOrders, err := l.time(ctx, each, func(yield func(string) bool) {
		for i := range p.liveAcks {
			stage := kitchen.Stages()[(i/len(orders))%len(kitchen.Stages())]
			ref := kitchen.TicketRef{OrderID: orders[i%len(orders)], Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
			if !yield(ref.TicketID()) {
				return
			}
		}
	}, kitchen.AckDone)
	if err != nil {
		return nil, err
	}
	after, err := l.apiServer.Memory()
	if err != nil {
		return nil, err
	}
	connections := float64(p.live + each*len(orders))
	each50, each99 := quantile(onBoard, 0.5), quantile(onBoard, 0.99)
	order50, order99 := quantile(ofOrders, 0.5), quantile(ofOrders, 0.99)
	return []row{
		{Name: fmt.Sprintf("ack to a board with %d connections, p50", p.live), Value: milliseconds(each50), Unit: "ms"},
		atMost(row{Name: fmt.Sprintf("ack to a board with %d connections, p99", p.live), Value: milliseconds(each99), Unit: "ms"}, 50),
		{Name: fmt.Sprintf("ack to an order with %d connections, %d follow theirs, p50", each, each*len(orders)), Value: milliseconds(order50), Unit: "ms"},
		atMost(row{Name: fmt.Sprintf("ack to an order with %d connections, %d follow theirs, p99", each, each*len(orders)), Value: milliseconds(order99), Unit: "ms"}, 50),
		atMost(row{Name: fmt.Sprintf("API, resident per connection, %.0f connections", connections), Value: float64(max(connected, after)-before) / connections / 1000, Unit: "kB",
			Spread: fmt.Sprintf("%.3g before the acks", float64(connected-before)/connections/1000)}, 50),
	}, nil
}

// openOrders starts orders and waits until each is at mix.
func (l *liveBench) openOrders(ctx context.Context, n int) ([]string, error) {
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
			return waitFor(startCtx, func() error {
				response, err := http.Get(l.api + "/api/v1/orders/" + orderID)
				if err != nil {
					return err
				}
				defer func() { _ = response.Body.Close() }()
				status, err := decodeStatus(response.Body)
				if err == nil && status.WaitingFor != kitchen.Mix {
					err = errors.New("an order has not come to mix")
				}
				return err
			}, l.apiServer)
		})
	}
	err := starting.Wait()
	http.DefaultClient.CloseIdleConnections()
	return orders, err
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
// Kafka's acknowledgement of an ack until each client saw it, sorted.
func (l *liveBench) time(ctx context.Context, clients int, tickets func(yield func(string) bool), kind kitchen.AckKind) ([]time.Duration, error) {
	var took []time.Duration
	for ticketID := range tickets {
		ack, err := l.ack(ticketID, kind)
		if err != nil {
			return nil, err
		}
		s := l.expect(ticketID, clients)
		if err := l.writer.PublishAck(ctx, ack); err != nil {
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
		delete(l.seen, ticketID)
		l.mu.Unlock()
		select {
		case <-time.After(time.Until(acknowledged.Add(ackPause))):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	slices.Sort(took)
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

// seenOfOrder is the last ticket that an order shows as done.
func seenOfOrder(data []byte) string {
	var message struct{ Order kitchen.Status }
	if json.Unmarshal(data, &message) != nil {
		return ""
	}
	for _, stage := range slices.Backward(message.Order.Stages) {
		if stage.State == kitchen.TicketDone {
			return kitchen.TicketRef{OrderID: message.Order.ID, Stage: stage.Stage, Pass: stage.Pass, Kind: kitchen.TicketMake}.TicketID()
		}
	}
	return ""
}

// measureStart times an API that starts with many open orders on the log,
// until its boards are up to date. Nothing else runs meanwhile but Kafka and
// Temporal.
func (l *liveBench) measureStart(ctx context.Context, p plan) ([]row, error) {
	if err := errors.Join(l.worker.Stop(30*time.Second), l.apiServer.Stop(30*time.Second)); err != nil {
		return nil, err
	}
	say("writing %d open orders to the log", p.openOrders)
	writing, writeCtx := errgroup.WithContext(ctx)
	writing.SetLimit(500)
	for i := range p.openOrders {
		writing.Go(func() error { return l.writeOpenOrder(writeCtx, i) })
	}
	if err := writing.Wait(); err != nil {
		return nil, err
	}
	var took []float64
	var memory float64
	for range 3 {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if l.apiServer, err = l.start("the API", "api", "--listen", address); err != nil {
			return nil, err
		}
		if err := l.upToDate(ctx, address); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began).Seconds())
		say("up to date after %.2f s", took[len(took)-1])
		bytes, err := l.apiServer.Memory()
		if err != nil {
			return nil, err
		}
		memory = float64(bytes) / (1 << 20)
		if err := l.apiServer.Stop(30 * time.Second); err != nil {
			return nil, err
		}
	}
	return []row{
		atMost(row{Name: fmt.Sprintf("API, start with %d open orders until up to date", p.openOrders), Value: median(took), Unit: "s", Spread: spread(took)}, 2),
		{Name: fmt.Sprintf("API, resident when up to date with %d open orders", p.openOrders), Value: memory, Unit: "MiB"},
	}, nil
}

// writeOpenOrder writes what the log has of an order that is at one of the
// stages: its tickets, and two acks for each that is done.
func (l *liveBench) writeOpenOrder(ctx context.Context, i int) error {
	orderID, err := kitchen.NewOrderID()
	if err != nil {
		return err
	}
	at := kitchen.Stages()[i%len(kitchen.Stages())]
	for _, stage := range kitchen.Stages() {
		ticket := l.ticket(orderID, stage)
		if err := l.writer.PublishTicket(ctx, ticket); err != nil || stage == at {
			return err
		}
		for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone} {
			ack, err := l.ack(ticket.TicketID, kind)
			if err != nil {
				return err
			}
			if err := l.writer.PublishAck(ctx, ack); err != nil {
				return err
			}
		}
	}
	return nil
}

// upToDate waits until an API says that it is.
func (l *liveBench) upToDate(ctx context.Context, address string) error {
	for {
		socket, _, err := websocket.Dial(ctx, "ws://"+address+"/api/v1/live", nil)
		if err != nil {
			select {
			case <-time.After(2 * time.Millisecond):
				continue
			case <-l.apiServer.Exited():
				return fmt.Errorf("the API has ended; it printed:\n%s", l.apiServer.Output())
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
