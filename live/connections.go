package live

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// MaxRequest is the longest message that a client may send.
	MaxRequest = 4 << 10

	pingEvery   = 10 * time.Second
	pongWithin  = 10 * time.Second
	writeWithin = 10 * time.Second
	// reconnectAfter is how long the connection of somebody who has signed in
	// may last at most; see limitSession.
	reconnectAfter = 10 * time.Minute
	// readBuffer and writeBuffer are what a connection keeps. A change of a board
	// fits into the latter and is then written at once.
	readBuffer  = 512
	writeBuffer = 2 << 10
)

// Why a request is not made into a connection, besides *FullError and
// *AddressFullError.
var (
	ErrCrossSite    = errors.New("the request comes from a page of another site")
	ErrNotWebSocket = errors.New("the request does not ask for a WebSocket")
	ErrStopping     = errors.New("the process is about to stop")
)

// FullError means that the process has as many connections as it takes.
type FullError struct{ Limit int }

func (e *FullError) Error() string { return fmt.Sprintf("there are %d live connections", e.Limit) }

// AddressFullError means that an address has as many connections as it may.
type AddressFullError struct{ Limit int }

func (e *AddressFullError) Error() string {
	return fmt.Sprintf("the address has %d live connections", e.Limit)
}

// Config says what connections work with.
type Config struct {
	Floor *floor.Floor
	// Limit is how many connections the process takes, and LimitPerAddress how
	// many of them may come from one address.
	Limit, LimitPerAddress int
	// ReadRequest reads a client's message. Its error is for the client.
	ReadRequest func(data []byte) (wire.LiveRequest, error)
	// Problem is what a client is told of an error.
	Problem func(err error) wire.Problem
	Metrics Metrics
	Logger  *slog.Logger
	Timing
}

// Timing is how patient connections are. Each defaults to what suits browsers.
type Timing struct {
	// PingEvery is how often a client must show that it is still there, and is
	// shown that the server is: a browser's pages do not see pings. PongWithin is
	// how long it may take for that, and WriteWithin how long to take a message.
	PingEvery, PongWithin, WriteWithin time.Duration
	// ReconnectAfter is how long the next connection of somebody who has signed
	// in may last: not the same for all, or they would come back all at once.
	ReconnectAfter func() time.Duration
}

func (t Timing) withDefaults() Timing {
	t.PingEvery = cmp.Or(t.PingEvery, pingEvery)
	t.PongWithin = cmp.Or(t.PongWithin, pongWithin)
	t.WriteWithin = cmp.Or(t.WriteWithin, writeWithin)
	if t.ReconnectAfter == nil {
		t.ReconnectAfter = func() time.Duration { return reconnectAfter - rand.N(reconnectAfter/10) }
	}
	return t
}

// Metrics counts what connections do.
type Metrics interface {
	LiveConnected()
	LiveDisconnected()
	LiveSent(kind wire.LiveMessageType)
	// LiveMissed counts a client that had read too slowly and got a snapshot
	// instead of what it missed.
	LiveMissed()
	// LiveCutOff counts a connection that was ended because its client took a
	// message too slowly.
	LiveCutOff()
	// LiveFollowed and LiveUnfollowed count who follows a channel.
	LiveFollowed(channel string)
	LiveUnfollowed(channel string)
}

// Client is who connects.
type Client struct {
	Address string
	// MayFollow returns an error unless the client may follow the channel.
	MayFollow func(channel string) error
	// Session is nil unless somebody has signed in.
	Session *Session
}

// Session is that of a client who has signed in.
type Session struct {
	// HasEnded reports whether it has ended before its time.
	HasEnded func() bool
	// Remaining is how long it still lasts.
	Remaining time.Duration
}

// Connections are all live connections of a process.
type Connections struct {
	config Config
	// closing is closed when the process is told to stop.
	closing chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex // guards who is connected: what follows
	closed bool
	open   int
	from   map[string]int // of open, by address
	conns  map[*conn]struct{}
}

// New returns connections, of which there are none yet.
func New(config Config) *Connections {
	config.Timing = config.withDefaults()
	return &Connections{
		config:  config,
		closing: make(chan struct{}),
		from:    make(map[string]int),
		conns:   make(map[*conn]struct{}),
	}
}

// Serve turns a request into a connection, or returns why it may not be one.
// The connection is served on a goroutine of its own: the request's has a deep
// stack and all that a request needs, which would be kept for as long as a page
// is open.
func (c *Connections) Serve(w http.ResponseWriter, r *http.Request, client Client) error {
	if err := checkUpgrade(r); err != nil {
		return err
	}
	if err := c.enter(client.Address); err != nil {
		return err
	}
	// The origin has been checked, by rules of our own.
	socket, err := websocket.Accept(smallBuffers{w}, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		c.leave(client.Address)
		return nil //nolint:nilerr // it has answered
	}
	go c.serve(&conn{config: &c.config, client: client, socket: socket, pending: make(chan struct{}, 1)})
	return nil
}

// enter admits one more connection from an address, unless there are too many.
func (c *Connections) enter(address string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrStopping
	case c.from[address] >= c.config.LimitPerAddress:
		return &AddressFullError{c.config.LimitPerAddress}
	case c.open >= c.config.Limit:
		return &FullError{c.config.Limit}
	}
	c.open++
	c.from[address]++
	c.running.Add(1)
	return nil
}

func (c *Connections) leave(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if c.from[address]--; c.from[address] == 0 {
		delete(c.from, address)
	}
	c.running.Done()
}

// serve serves a connection until either side ends it.
func (c *Connections) serve(conn *conn) {
	defer c.leave(conn.client.Address)
	defer func() {
		// Nothing else catches a panic here, and it must not end the process.
		if reason := recover(); reason != nil {
			_ = conn.socket.CloseNow()
			c.config.Logger.Error("a live connection panicked", slog.Any("reason", reason), slog.String("stack", string(debug.Stack())))
		}
	}()
	conn.socket.SetReadLimit(MaxRequest)
	c.config.Metrics.LiveConnected()
	defer c.config.Metrics.LiveDisconnected()
	if conn.client.Session != nil {
		timer := conn.limitSession()
		defer timer.Stop()
	}
	c.join(conn)
	defer c.remove(conn)
	conn.state = c.config.Floor.FollowState(conn.wake)
	defer conn.leaveAll()
	conn.serve(c.closing)
}

// join adds a connection to those that hear of the ends of sessions. Its own may have
// ended since its request was looked at.
func (c *Connections) join(conn *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = struct{}{}
	conn.endWithSession()
}

func (c *Connections) remove(conn *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
}

// SessionsHaveEnded ends the connections of sessions that have ended before their
// time. Whoever learns of such an end calls it.
func (c *Connections) SessionsHaveEnded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		conn.endWithSession()
	}
}

// Close tells all connections to go and admits no more. It can be called again.
func (c *Connections) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.closing)
	}
}

// Wait waits until all connections have gone, and returns the context's error if
// that ends first.
func (c *Connections) Wait(ctx context.Context) error {
	over := make(chan struct{})
	go func() {
		c.running.Wait()
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkUpgrade refuses what is no WebSocket, and pages of other sites: a
// browser lets any page connect and sends our cookies along.
func checkUpgrade(r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return ErrNotWebSocket
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil // no browser
	}
	from, err := url.Parse(origin)
	if err != nil || from.Host == "" || !strings.EqualFold(from.Host, r.Host) {
		return ErrCrossSite
	}
	return nil
}

// smallBuffers gives a connection smaller buffers when it is taken over than
// a request has: a page says little, and most of what it is sent fits.
type smallBuffers struct{ http.ResponseWriter }

// WriteHeaderNow is for response writers that hold the header back until they
// are told; the WebSocket library does so.
func (w smallBuffers) WriteHeaderNow() {
	if held, is := w.ResponseWriter.(interface{ WriteHeaderNow() }); is {
		held.WriteHeaderNow()
	}
}

// Hijack implements http.Hijacker.
func (w smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return conn, buffers, err
	}
	// What the client has sent already moves from one buffer to the other, where
	// it is looked for.
	sent := buffers.Reader.Buffered()
	reader := bufio.NewReaderSize(io.MultiReader(io.LimitReader(buffers.Reader, int64(sent)), conn), max(sent, readBuffer))
	if _, err := reader.Peek(sent); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, bufio.NewReadWriter(reader, bufio.NewWriterSize(conn, writeBuffer)), nil
}
