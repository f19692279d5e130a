package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// MaxChannels is how many channels a connection may follow.
	MaxChannels = 16
	// requestsPerSecond is how many messages a client may send for long, and
	// requestBurst how many at a time: far more than a page needs that comes back
	// with 16 channels.
	requestsPerSecond = 50
	requestBurst      = 100
	// maxNotices bounds the answers to a client's own messages that it has not
	// taken yet.
	maxNotices    = 64
	sessionIsOver = "your session is over: sign in again"
)

// ErrTooManyChannels means that a connection follows as many channels as it may.
var ErrTooManyChannels = fmt.Errorf("a connection follows at most %d channels", MaxChannels)

// conn is one connection. Its writer takes what is new from the channels that
// it follows; nothing is queued for it but answers to its own messages.
type conn struct {
	config *Config
	client Client
	socket *websocket.Conn
	// pending has a token when there may be something to write.
	pending chan struct{}

	mu        sync.Mutex // guards what is yet to be done: what follows
	state     *floor.Follower
	repeat    bool              // the state is due, though it has not changed
	followers []*floor.Follower // in the order in which they were subscribed
	notices   []floor.Frame
	ending    websocket.CloseError // why the server ends the connection; zero while it does not
}

// limitSession ends the connection when its session is over. That it has ended before
// its time this process may not have heard, while Kafka is away, and what the browser
// does with the cookie only a request tells: so the connection also ends every few
// minutes, and whoever is still signed in connects again and goes on from the cursors.
func (c *conn) limitSession() *time.Timer {
	remaining, again := c.client.Session.Remaining, c.config.ReconnectAfter()
	if remaining <= again {
		return time.AfterFunc(remaining, func() { c.end(websocket.StatusPolicyViolation, sessionIsOver) })
	}
	return time.AfterFunc(again, func() { c.end(websocket.StatusGoingAway, "show again who you are: connect again") })
}

// endWithSession ends the connection if its session has ended before its time.
func (c *conn) endWithSession() {
	if c.client.Session != nil && c.client.Session.HasEnded() {
		c.end(websocket.StatusPolicyViolation, sessionIsOver)
	}
}

// end makes the writer end the connection.
func (c *conn) end(code websocket.StatusCode, reason string) {
	const most = 120 // a close frame has room for 123 bytes
	if len(reason) > most {
		reason = strings.ToValidUTF8(reason[:most], "")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = websocket.CloseError{Code: code, Reason: reason}
	c.wake()
}

// wake lets the writer look for something to write.
func (c *conn) wake() {
	select {
	case c.pending <- struct{}{}:
	default: // it will look
	}
}

// serve reads and writes until the connection is over or the process stops.
func (c *conn) serve(closing <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var beside sync.WaitGroup
	defer beside.Wait()
	defer func() { _ = c.socket.CloseNow() }() // closed already, unless the client has gone
	clientLeft := make(chan struct{})
	beside.Go(func() {
		defer close(clientLeft)
		defer c.survive()
		c.read(ctx)
	})
	ping := time.NewTicker(c.config.PingEvery)
	defer ping.Stop()
	for {
		frames, ending := c.next()
		for _, frame := range frames {
			if c.write(ctx, frame) != nil {
				return
			}
		}
		if ending.Code != 0 {
			_ = c.socket.Close(ending.Code, ending.Reason)
			return
		}
		select {
		case <-c.pending:
		case <-clientLeft:
			if _, ending := c.next(); ending.Code != 0 {
				_ = c.socket.Close(ending.Code, ending.Reason)
			}
			return
		case <-closing:
			_ = c.socket.Close(websocket.StatusGoingAway, "this process stops: connect again")
			return
		case <-ping.C:
			c.repeatState()
			beside.Go(func() {
				defer c.survive()
				ctx, cancel := context.WithTimeout(ctx, c.config.PongWithin)
				defer cancel()
				if c.socket.Ping(ctx) != nil {
					_ = c.socket.CloseNow()
				}
			})
		}
	}
}

// survive is deferred on each of a connection's goroutines: nothing else catches a
// panic there, which must end the connection and not the process.
func (c *conn) survive() {
	if reason := recover(); reason != nil {
		_ = c.socket.CloseNow()
		c.config.Logger.Error("a live connection panicked", slog.Any("reason", reason), slog.String("stack", string(debug.Stack())))
	}
}

func (c *conn) write(ctx context.Context, frame floor.Frame) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.WriteWithin)
	defer cancel()
	if err := c.socket.Write(ctx, websocket.MessageText, frame.Data); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			c.config.Metrics.LiveCutOff()
		}
		return err
	}
	c.config.Metrics.LiveSent(frame.Kind)
	return nil
}

// next is what the client has not been sent yet, and why the connection ends,
// if it does.
func (c *conn) next() (frames []floor.Frame, ending websocket.CloseError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changed, _, _ := c.state.Next(); len(changed) > 0 || c.repeat {
		c.repeat = false
		frames = append(frames, floor.NewFrame(wire.LiveMessage{Type: wire.LiveMessageTypeState, At: time.Now().UTC(), Behind: c.config.Floor.Behind()}))
	}
	frames = append(frames, c.notices...)
	c.notices = nil
	for i := 0; i < len(c.followers); {
		more, missed, ended := c.followers[i].Next()
		frames = append(frames, more...)
		if missed {
			c.config.Metrics.LiveMissed()
		}
		if ended {
			c.unfollow(i)
		} else {
			i++
		}
	}
	return frames, c.ending
}

// repeatState sends the state again with the next messages, so that the client
// knows that it still hears everything, and the server's time.
func (c *conn) repeatState() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.repeat = true
}

// read takes the client's messages until the connection is over or the client
// breaks the protocol.
func (c *conn) read(ctx context.Context) {
	requests := rate.NewLimiter(requestsPerSecond, requestBurst)
	for {
		kind, data, err := c.socket.Read(ctx)
		if err != nil {
			return
		}
		if !requests.Allow() {
			c.end(websocket.StatusPolicyViolation, fmt.Sprintf("too many messages: send at most %d a second", requestsPerSecond))
			return
		}
		request, err := c.readRequest(kind, data)
		if err != nil {
			c.end(websocket.StatusPolicyViolation, err.Error())
			return
		}
		c.handle(request)
	}
}

func (c *conn) readRequest(kind websocket.MessageType, data []byte) (wire.LiveRequest, error) {
	if kind != websocket.MessageText {
		return wire.LiveRequest{}, errors.New("send JSON in text frames")
	}
	return c.config.ReadRequest(data)
}

// handle does what the client asks for.
func (c *conn) handle(request wire.LiveRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.wake()
	at := slices.IndexFunc(c.followers, func(f *floor.Follower) bool { return f.Channel() == request.Channel })
	if at >= 0 { // also to subscribe anew, from another cursor
		c.unfollow(at)
	}
	if request.Type == wire.LiveUnsubscribe {
		return
	}
	resumed, err := c.follow(request)
	switch {
	case err != nil:
		c.notify(wire.LiveMessage{Type: wire.LiveMessageTypeProblem, Channel: kitchen.Excerpt(request.Channel), Problem: c.config.Problem(err)})
	case resumed:
		c.notify(wire.LiveMessage{Type: wire.LiveMessageTypeResumed, Channel: request.Channel, Cursor: request.Cursor})
	}
}

// follow subscribes to a channel. The lock is held.
func (c *conn) follow(request wire.LiveRequest) (resumed bool, err error) {
	if len(c.followers) >= MaxChannels {
		return false, ErrTooManyChannels
	}
	if err := c.client.MayFollow(request.Channel); err != nil {
		return false, err
	}
	follower, resumed, err := c.config.Floor.Follow(request.Channel, request.Cursor, c.wake)
	if err != nil {
		return false, err
	}
	c.followers = append(c.followers, follower)
	c.config.Metrics.LiveFollowed(follower.Channel())
	return resumed, nil
}

// unfollow ends following one of the followed channels. The lock is held.
func (c *conn) unfollow(at int) {
	c.followers[at].Leave()
	c.config.Metrics.LiveUnfollowed(c.followers[at].Channel())
	c.followers = slices.Delete(c.followers, at, at+1)
}

// leaveAll ends following anything.
func (c *conn) leaveAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.followers) > 0 {
		c.unfollow(len(c.followers) - 1)
	}
	c.state.Leave()
}

// notify answers a client's own message. The lock is held.
func (c *conn) notify(message wire.LiveMessage) {
	if len(c.notices) >= maxNotices {
		c.ending = websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "too many messages at once: read the answers"}
		return
	}
	c.notices = append(c.notices, floor.NewFrame(message))
}
