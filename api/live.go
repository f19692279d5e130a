package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	channelCounter = "counter"
	channelKitchen = "kitchen"
	channelStation = "station/"
	channelOrder   = "order/"

	// defaultLiveConnections is how many live connections a process takes, and
	// defaultLiveConnectionsPerAddress how many of them from one address.
	defaultLiveConnections           = 4096
	defaultLiveConnectionsPerAddress = 256
	// liveRetryAfter is when a client may connect again whose address has too
	// many.
	liveRetryAfter = 30 * time.Second
	// channelsEach is how many channels a connection may follow.
	channelsEach = 16
	// maxLiveRequest is the longest message that a client may send,
	// requestsASecond how many it may send for long, and requestsAtOnce how many
	// at a time: far more than a page needs that comes back with 16 channels.
	maxLiveRequest  = 4 << 10
	requestsASecond = 50
	requestsAtOnce  = 100
	// liveReadBuffer and liveWriteBuffer are what a connection keeps. A change
	// of a board fits into the latter and is then written at once.
	liveReadBuffer  = 512
	liveWriteBuffer = 2 << 10
	// maxNotices bounds the answers to a client's own messages that it has not
	// taken yet.
	maxNotices = 64
	// liveWriteWithin is how long a client may take to take a message.
	liveWriteWithin = 10 * time.Second
	pingEvery       = 10 * time.Second
	pongWithin      = 10 * time.Second
	// showAgainAfter is how long the connection of somebody who has signed in
	// may last at most; see watchSession.
	showAgainAfter = 10 * time.Minute
	sessionIsOver  = "your session is over: sign in again"
)

// liveSide is who is connected.
type liveSide struct {
	limit, perAddress int
	// pingEvery is how often a client must show that it is still there, and is
	// shown that the server is: a browser's pages do not see pings. pongWithin is
	// how long it may take for that, and writeWithin how long to take a message.
	pingEvery, pongWithin, writeWithin time.Duration
	// showAgainAfter is how long the next connection of somebody who has signed
	// in may last: not the same for all, or they would come back all at once.
	showAgainAfter func() time.Duration
	// closing ends when the process is told to stop.
	closing chan struct{}

	mu      sync.Mutex
	closed  bool
	open    int
	from    map[string]int // of open, by address
	running sync.WaitGroup
}

func newLiveSide(config Config) *liveSide {
	return &liveSide{
		limit:       config.LiveConnections,
		perAddress:  config.LiveConnectionsPerAddress,
		pingEvery:   pingEvery,
		pongWithin:  pongWithin,
		writeWithin: liveWriteWithin,

		showAgainAfter: func() time.Duration { return showAgainAfter - rand.N(showAgainAfter/10) },

		closing: make(chan struct{}),
		from:    make(map[string]int),
	}
}

// enter lets one more connection in from an address, unless there are too many.
func (l *liveSide) enter(address string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return &problemError{Type: wire.ProblemUnavailable, Detail: "This process is about to stop: connect again."}
	case l.from[address] >= l.perAddress:
		return &problemError{Type: wire.ProblemTooManyConnections, RetryAfter: liveRetryAfter,
			Detail: fmt.Sprintf("Your address has its %d live connections with this process: close one, or connect again later.", l.perAddress)}
	case l.open >= l.limit:
		return &problemError{Type: wire.ProblemUnavailable, Detail: fmt.Sprintf("This process has its %d live connections: connect again later.", l.limit)}
	}
	l.open++
	l.from[address]++
	l.running.Add(1)
	return nil
}

func (l *liveSide) leave(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.from[address]--; l.from[address] == 0 {
		delete(l.from, address)
	}
	l.running.Done()
}

// close tells all connections to go; it can be called again.
func (l *liveSide) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.closing)
	}
}

// liveConn is one connection. Its writer takes what is new from the feeds
// that it follows; nothing is queued for it but answers to its own messages.
type liveConn struct {
	server *Server
	socket *websocket.Conn
	// session is who has connected, if anybody has signed in.
	session  staff.Session
	signedIn bool
	// news has a token when there may be something to write.
	news chan struct{}

	// What follows is protected by the floor's lock.
	feeds   []*feed // in the order in which they were subscribed
	notices []frame
	toldOf  uint64 // the floor's state that was told last
	told    bool
	ends    websocket.CloseError // why the server ends the connection; zero while it does not
}

// getLive makes a request into a live connection. It is served on a goroutine
// of its own: the request's has a deep stack and all that a request needs,
// which would else be kept for as long as a page is open.
func (s *Server) getLive(c *gin.Context) {
	if err := s.checkUpgrade(c.Request); err != nil {
		s.fail(c, err)
		return
	}
	address := s.addressOf(c.Request)
	if err := s.live.enter(address); err != nil {
		s.fail(c, err)
		return
	}
	// The origin has been checked, by rules of our own.
	socket, err := websocket.Accept(smallBuffers{c.Writer}, c.Request, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		s.live.leave(address)
		return // it has answered
	}
	conn := &liveConn{server: s, socket: socket, news: make(chan struct{}, 1)}
	conn.session, conn.signedIn = sessionOf(c)
	go s.serveLive(conn, address)
}

// serveLive serves a live connection until either side ends it.
func (s *Server) serveLive(conn *liveConn, address string) {
	defer s.live.leave(address)
	defer func() {
		// Nothing else catches a panic here, and it must not end the process.
		if reason := recover(); reason != nil {
			_ = conn.socket.CloseNow()
			s.logger.Error("a live connection panicked", slog.Any("reason", reason), slog.String("stack", string(debug.Stack())))
		}
	}()
	conn.socket.SetReadLimit(maxLiveRequest)
	s.metrics.liveConnections.Inc()
	defer s.metrics.liveConnections.Dec()
	if conn.signedIn {
		ends := conn.watchSession()
		defer ends.Stop()
	}
	s.floor.join(conn)
	defer s.floor.leave(conn)
	conn.serve()
}

// watchSession ends the connection when its session is over. What has become
// of the session meanwhile only the browser's cookie tells, which comes with a
// request: so the connection also ends every few minutes, and whoever is still
// signed in connects again and goes on from the cursors.
func (c *liveConn) watchSession() *time.Timer {
	left, again := c.session.ExpiresAt.Sub(c.server.sessions.Now()), c.server.live.showAgainAfter()
	if left <= again {
		return time.AfterFunc(left, func() { c.breach(sessionIsOver) })
	}
	return time.AfterFunc(again, func() { c.end(websocket.StatusGoingAway, "show again who you are: connect again") })
}

// endSession ends the connections of a session, whose token has the mark. One
// that is being made just now hears of it when it joins.
func (f *floor) endSession(mark string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	maps.DeleteFunc(f.signedOut, func(_ string, at time.Time) bool { return now.Sub(at) > requestWithin })
	f.signedOut[mark] = now
	for c := range f.conns {
		c.leaveWith(mark)
	}
}

// leaveWith ends the connection if it is of the session with the mark. The lock
// is held.
func (c *liveConn) leaveWith(mark string) {
	if c.signedIn && c.session.ID == mark {
		c.ends = websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: sessionIsOver}
		c.poke()
	}
}

// smallBuffers gives a connection smaller buffers when it is taken over than
// a request has: a page says little, and most of what it is told fits.
type smallBuffers struct{ gin.ResponseWriter }

func (w smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := w.ResponseWriter.Hijack()
	if err != nil {
		return conn, buffers, err
	}
	// What the client has said already moves from one buffer to the other, where
	// it is looked for.
	said := buffers.Reader.Buffered()
	reader := bufio.NewReaderSize(io.MultiReader(io.LimitReader(buffers.Reader, int64(said)), conn), max(said, liveReadBuffer))
	if _, err := reader.Peek(said); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, bufio.NewReadWriter(reader, bufio.NewWriterSize(conn, liveWriteBuffer)), nil
}

// checkUpgrade refuses what is no WebSocket, and pages of other sites: a
// browser lets any page connect and sends our cookies along.
func (s *Server) checkUpgrade(r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return &problemError{Type: wire.ProblemUpgradeRequired, Detail: "This address is a WebSocket: connect with ws:// or wss://."}
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil // no browser
	}
	from, err := url.Parse(origin)
	if err != nil || from.Host == "" || !strings.EqualFold(from.Host, r.Host) {
		return &problemError{Type: wire.ProblemCrossSite, Detail: "Pages of another site may not connect: open this server's own pages. Behind a proxy, the proxy must pass the Host header on."}
	}
	return nil
}

// serve reads and writes until the connection is over.
func (c *liveConn) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var beside sync.WaitGroup
	defer beside.Wait()
	defer func() { _ = c.socket.CloseNow() }() // closed already, unless the client has gone
	gone := make(chan struct{})
	beside.Go(func() {
		defer close(gone)
		c.read(ctx)
	})
	ping := time.NewTicker(c.server.live.pingEvery)
	defer ping.Stop()
	for {
		frames, ends := c.take()
		for _, frame := range frames {
			if c.write(ctx, frame) != nil {
				return
			}
		}
		if ends.Code != 0 {
			_ = c.socket.Close(ends.Code, ends.Reason)
			return
		}
		select {
		case <-c.news:
		case <-gone:
			if _, ends := c.take(); ends.Code != 0 {
				_ = c.socket.Close(ends.Code, ends.Reason)
			}
			return
		case <-c.server.live.closing:
			_ = c.socket.Close(websocket.StatusGoingAway, "this process stops: connect again")
			return
		case <-ping.C:
			c.tellState()
			beside.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, c.server.live.pongWithin)
				defer cancel()
				if c.socket.Ping(ctx) != nil {
					_ = c.socket.CloseNow()
				}
			})
		}
	}
}

func (c *liveConn) write(ctx context.Context, frame frame) error {
	ctx, cancel := context.WithTimeout(ctx, c.server.live.writeWithin)
	defer cancel()
	if err := c.socket.Write(ctx, websocket.MessageText, frame.data); err != nil {
		return err
	}
	c.server.metrics.liveMessages.WithLabelValues(string(frame.kind)).Inc()
	return nil
}

// poke tells the writer that there may be something to write.
func (c *liveConn) poke() {
	select {
	case c.news <- struct{}{}:
	default: // it knows
	}
}

// tellState lets the writer say once more how the floor is, so that the client
// knows that it still hears everything, and the server's time.
func (c *liveConn) tellState() {
	c.server.floor.mu.Lock()
	defer c.server.floor.mu.Unlock()
	c.told = false
}

// read takes the client's messages until the connection is over or the client
// breaks the protocol.
func (c *liveConn) read(ctx context.Context) {
	requests := rate.NewLimiter(requestsASecond, requestsAtOnce)
	for {
		kind, data, err := c.socket.Read(ctx)
		if err != nil {
			return
		}
		if !requests.Allow() {
			c.breach(fmt.Sprintf("too many messages: send at most %d a second", requestsASecond))
			return
		}
		request, err := c.server.readLiveRequest(kind, data)
		if err != nil {
			c.breach(err.Error())
			return
		}
		c.obey(request)
	}
}

// breach ends the connection because its client may not go on.
func (c *liveConn) breach(reason string) { c.end(websocket.StatusPolicyViolation, reason) }

func (c *liveConn) end(code websocket.StatusCode, reason string) {
	const most = 120 // a close frame has room for 123 bytes
	if len(reason) > most {
		reason = strings.ToValidUTF8(reason[:most], "")
	}
	c.server.floor.mu.Lock()
	defer c.server.floor.mu.Unlock()
	c.ends = websocket.CloseError{Code: code, Reason: reason}
	c.poke()
}

// readLiveRequest reads a client's message by the specification.
func (s *Server) readLiveRequest(kind websocket.MessageType, data []byte) (wire.LiveRequest, error) {
	if kind != websocket.MessageText {
		return wire.LiveRequest{}, errors.New("send JSON in text frames")
	}
	value, err := readJSON(data)
	if err != nil {
		if problem, ok := errors.AsType[*problemError](err); ok {
			return wire.LiveRequest{}, errors.New(problem.Detail)
		}
		return wire.LiveRequest{}, err
	}
	if faults := checkSchema(s.contract.liveRequest, value); len(faults) > 0 {
		return wire.LiveRequest{}, errors.New(strings.TrimPrefix(faults[0].pointer()+": "+faults[0].detail, ": "))
	}
	object, _ := value.(map[string]any)
	return readAs[wire.LiveRequest](object), nil
}

// obey does what the client asks for.
func (c *liveConn) obey(request wire.LiveRequest) {
	floor := c.server.floor
	floor.mu.Lock()
	defer floor.mu.Unlock()
	defer c.poke()
	at := slices.IndexFunc(c.feeds, func(f *feed) bool { return f.channel == request.Channel })
	if at >= 0 { // also to subscribe anew, from another cursor
		floor.unfollow(c, c.feeds[at])
	}
	if request.Type == wire.LiveUnsubscribe {
		return
	}
	if len(c.feeds) >= channelsEach {
		c.refuse(request.Channel, &problemError{Type: wire.ProblemRefused, Detail: fmt.Sprintf("A connection follows at most %d channels: leave one, or open another connection.", channelsEach)})
		return
	}
	if err := c.mayFollow(request.Channel); err != nil {
		c.refuse(request.Channel, err)
		return
	}
	f, err := floor.channel(request.Channel)
	if err != nil {
		c.refuse(request.Channel, err)
		return
	}
	c.feeds = append(c.feeds, f)
	if f.follow(c, request.Cursor) {
		c.notify(wire.LiveMessage{Type: wire.LiveMessageTypeResumed, Channel: f.channel, Cursor: request.Cursor})
	}
	if f == floor.kitchen {
		floor.orderCounts.said() // what is known of orders may be old
	}
}

// mayFollow returns an error if whoever has connected may not follow a channel.
func (c *liveConn) mayFollow(channel string) *problemError {
	stage, _ := strings.CutPrefix(channel, channelStation)
	if err := c.server.permit(mayFollow(channel), kitchen.Stage(stage), c.session, c.signedIn); err != nil {
		return asProblem(err)
	}
	return nil
}

// refuse tells that a channel cannot be followed. The lock is held.
func (c *liveConn) refuse(channel string, problem *problemError) {
	c.notify(wire.LiveMessage{Type: wire.LiveMessageTypeProblem, Channel: clip(channel), Problem: liveProblem(problem)})
}

// notify answers a client's own message. The lock is held.
func (c *liveConn) notify(message wire.LiveMessage) {
	if len(c.notices) >= maxNotices {
		c.ends = websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "too many messages at once: read the answers"}
		return
	}
	c.notices = append(c.notices, newFrame(message))
}

// take is what the connection has not got yet, and why it ends, if it does.
func (c *liveConn) take() (frames []frame, ends websocket.CloseError) {
	floor := c.server.floor
	floor.mu.Lock()
	defer floor.mu.Unlock()
	if !c.told || c.toldOf != floor.states {
		c.told, c.toldOf = true, floor.states
		frames = append(frames, newFrame(wire.LiveMessage{Type: wire.LiveMessageTypeState, At: time.Now().UTC(), Behind: floor.behind}))
	}
	frames = append(frames, c.notices...)
	c.notices = nil
	for _, f := range slices.Clone(c.feeds) {
		more, dropped := f.next(c)
		frames = append(frames, more...)
		if dropped {
			c.server.metrics.liveDrops.Inc()
		}
		if f.ended && len(more) > 0 {
			floor.unfollow(c, f)
		}
	}
	return frames, c.ends
}

// channel finds what a name stands for. The lock is held.
func (f *floor) channel(name string) (*feed, *problemError) {
	switch name {
	case channelCounter:
		f.counter.open()
		return f.counter.feed, nil
	case channelKitchen:
		return f.kitchen, nil
	}
	if stage, ok := strings.CutPrefix(name, channelStation); ok {
		if station := f.stations[kitchen.Stage(stage)]; station != nil {
			return station.feed, nil
		}
	}
	if orderID, ok := strings.CutPrefix(name, channelOrder); ok && kitchen.CheckOrderID(orderID) == nil {
		return f.orders.get(orderID).feed, nil
	}
	return nil, &problemError{Type: wire.ProblemNotFound, Detail: "There is no such channel: use counter, kitchen, station/ with a stage, or order/ with an order's id."}
}

// join adds a connection to those that hear how the floor is.
func (f *floor) join(c *liveConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns[c] = struct{}{}
	for mark := range f.signedOut {
		c.leaveWith(mark)
	}
}

// leave removes a connection from everything.
func (f *floor) leave(c *liveConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
	for _, feed := range slices.Clone(c.feeds) {
		f.unfollow(c, feed)
	}
}

// unfollow removes a connection from a feed. The lock is held.
func (f *floor) unfollow(c *liveConn, of *feed) {
	c.feeds = slices.DeleteFunc(c.feeds, func(each *feed) bool { return each == of })
	delete(of.followers, c)
	if orderID, ok := strings.CutPrefix(of.channel, channelOrder); ok {
		f.orders.leave(orderID)
	}
}

// finishLive ends all live connections and waits for them, until ctx ends.
func (s *Server) finishLive(ctx context.Context) {
	s.live.close()
	over := make(chan struct{})
	go func() {
		s.live.running.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-ctx.Done():
		s.logger.Warn("some live connections were cut off", slog.Duration("after", finishWithin))
	}
}
