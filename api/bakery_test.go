package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// patience is how long tests wait for what must happen.
const patience = time.Minute

// brokers is a Kafka that can go away and come back.
type brokers struct {
	t      *testing.T
	config devstack.KafkaConfig
	kafka  *devstack.Kafka
}

func startBrokers(t *testing.T) *brokers {
	t.Helper()
	port, err := devstack.FreePort()
	require.NoError(t, err)
	b := &brokers{t: t, config: devstack.KafkaConfig{Port: port, DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}}
	b.start()
	t.Cleanup(func() { b.kafka.Stop() })
	_, err = events.ApplyTopics(t.Context(), b.connection(), events.TopicSettings{Partitions: 2})
	require.NoError(t, err)
	return b
}

func (b *brokers) start() {
	b.t.Helper()
	var err error
	b.kafka, err = devstack.StartKafka(b.t.Context(), b.config)
	require.NoError(b.t, err)
}

func (b *brokers) stop() { b.kafka.Stop() }

func (b *brokers) connection() events.Connection {
	return events.Connection{Brokers: []string{b.kafka.Addr()}}
}

func (b *brokers) writer() *events.Writer {
	b.t.Helper()
	writer, err := events.NewWriter(b.connection())
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = writer.Close() }) // Kafka may be gone by then
	return writer
}

// managers may do everything, under their names.
var managers = func() kitchen.Staff {
	var staff kitchen.Staff
	for _, name := range []string{"bob", "eve", "person 0", "person 1", "person 2", "person 3", "person 4", "person 5", "person 6", "person 7"} {
		person := testStaff.People[len(testStaff.People)-1]
		person.Name = name
		staff.People = append(staff.People, person)
	}
	return staff
}()

// bakery is an API that reads its boards from Kafka.
type bakery struct {
	t      *testing.T
	server *Server
	web    *httptest.Server
}

// openBakery returns an API that has read the log to its end.
func openBakery(t *testing.T, kafka *brokers, temporal temporalclient.Client, change func(*Config)) *bakery {
	t.Helper()
	b := openBakeryAtOnce(t, kafka, temporal, change)
	b.connect().awaitState(func(behind wire.Behind) bool { return behind.Since.IsZero() })
	return b
}

// openBakeryAtOnce does not wait for the log.
func openBakeryAtOnce(t *testing.T, kafka *brokers, temporal temporalclient.Client, change func(*Config)) *bakery {
	t.Helper()
	server := newTestServer(t, temporal, func(c *Config) {
		c.QueryWithin = 2 * time.Second
		c.Kafka = kafka.connection()
		c.Staff = managers
		if change != nil {
			change(c)
		}
	})
	server.follower.describeWithin = 2 * time.Second
	return serveBakery(t, server)
}

// serveBakery lets a server read the log and serve, until the test ends.
func serveBakery(t *testing.T, server *Server) *bakery {
	t.Helper()
	stop := server.readLog(context.Background())
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		server.live.Close()
		require.NoError(t, server.live.Wait(context.Background()))
		web.Close()
		require.NoError(t, stop())
	})
	return &bakery{t, server, web}
}

func (b *bakery) board(stage kitchen.Stage) wire.Board {
	b.t.Helper()
	recorder := do(b.t, b.server, b.as("bob", newRequest(http.MethodGet, "/api/v1/stations/"+string(stage)+"/tickets", nil)))
	return answerOf[wire.Board](b.t, recorder, http.StatusOK)
}

// as makes a request in somebody's name.
func (b *bakery) as(name string, request *http.Request) *http.Request {
	for header, values := range b.cookie(name) {
		request.Header[header] = values
	}
	return request
}

// cookie is the header with somebody's session.
func (b *bakery) cookie(name string) http.Header {
	b.t.Helper()
	person, found := b.server.sessions.Find(name)
	require.True(b.t, found, name)
	_, token := b.server.sessions.Begin(person)
	return http.Header{"Cookie": {sessionCookie + "=" + token}}
}

// ack sends an ack and returns the answer.
func (b *bakery) ack(name string, ticket kitchen.Ticket, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	return do(b.t, b.server, b.as(name, newRequest(http.MethodPost, "/api/v1/stations/"+string(ticket.Stage)+"/tickets/"+ticket.TicketID+"/acks",
		strings.NewReader(body), "Content-Type", "application/json")))
}

// acked sends an ack that counts, and returns its ticket.
func (b *bakery) acked(name string, ticket kitchen.Ticket, body string) wire.BoardTicket {
	b.t.Helper()
	return answerOf[wire.BoardTicket](b.t, b.ack(name, ticket, body), http.StatusOK)
}

// tablet is a live connection.
type tablet struct {
	t      *testing.T
	socket *websocket.Conn
}

func (b *bakery) dial(header http.Header) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	return websocket.Dial(ctx, "ws"+strings.TrimPrefix(b.web.URL, "http")+"/api/v1/live", &websocket.DialOptions{HTTPHeader: header})
}

func (b *bakery) connect() *tablet {
	b.t.Helper()
	return b.connectWith(b.cookie("bob"))
}

func (b *bakery) connectWith(header http.Header) *tablet {
	b.t.Helper()
	socket, _, err := b.dial(header)
	require.NoError(b.t, err)
	socket.SetReadLimit(1 << 24)
	b.t.Cleanup(func() { _ = socket.CloseNow() }) // closed already, in some tests
	return &tablet{b.t, socket}
}

func (l *tablet) send(kind websocket.MessageType, text string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(l.t, l.socket.Write(ctx, kind, []byte(text)))
}

func (l *tablet) subscribe(channel, cursor string) {
	l.t.Helper()
	l.send(websocket.MessageText, fmt.Sprintf(`{"type":"subscribe","channel":%q,"cursor":%q}`, channel, cursor))
}

func (l *tablet) read() (wire.LiveMessage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, data, err := l.socket.Read(ctx)
	var message wire.LiveMessage
	if err == nil {
		err = json.Unmarshal(data, &message)
	}
	return message, err
}

// next is the next message that is about a channel.
func (l *tablet) next() wire.LiveMessage {
	l.t.Helper()
	for {
		message, err := l.read()
		require.NoError(l.t, err)
		if message.Type != wire.LiveMessageTypeState {
			return message
		}
	}
}

func (l *tablet) awaitState(holds func(wire.Behind) bool) wire.Behind {
	l.t.Helper()
	for {
		message, err := l.read()
		require.NoError(l.t, err)
		if message.Type == wire.LiveMessageTypeState && holds(message.Behind) {
			require.NotZero(l.t, message.At)
			return message.Behind
		}
	}
}

// awaitOrder reads snapshots of an order until one is as wanted.
func (l *tablet) awaitOrder(holds func(kitchen.Status) bool) kitchen.Status {
	l.t.Helper()
	for {
		message := l.next()
		require.Equal(l.t, wire.LiveMessageTypeSnapshot, message.Type)
		if holds(message.Order) {
			return message.Order
		}
	}
}

// closedWith reads until the server closes the connection, and returns how.
func (l *tablet) closedWith() websocket.CloseError {
	l.t.Helper()
	for {
		if _, err := l.read(); err != nil {
			var closed websocket.CloseError
			require.ErrorAs(l.t, err, &closed)
			return closed
		}
	}
}

func newTicket(t *testing.T, stage kitchen.Stage) kitchen.Ticket {
	t.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	return floortest.Ticket(kitchen.TicketRef{OrderID: orderID, Stage: stage, Pass: 1, Kind: kitchen.TicketMake}, 1)
}

func undoOf(ticket kitchen.Ticket, made bool) kitchen.Ticket {
	undo := floortest.Ticket(kitchen.TicketRef{OrderID: ticket.OrderID, Stage: ticket.Stage, Pass: ticket.Pass, Kind: kitchen.TicketUndo}, 1)
	undo.Made = made
	return undo
}

// onBoard publishes a ticket and waits until a board shows it.
func (b *bakery) onBoard(writer *events.Writer, ticket kitchen.Ticket) {
	b.t.Helper()
	tablet := b.connect()
	tablet.subscribe("station/"+string(ticket.Stage), "")
	require.Equal(b.t, wire.LiveMessageTypeSnapshot, tablet.next().Type)
	require.NoError(b.t, writer.PublishTicket(b.t.Context(), ticket))
	for {
		for _, shown := range tablet.next().Change.Tickets {
			if shown.TicketID == ticket.TicketID && shown.Attempt == ticket.Attempt {
				return
			}
		}
	}
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(data)
}

// clientOf is the generated client of an API.
func clientOf(t *testing.T, web *httptest.Server) *client.ClientWithResponses {
	t.Helper()
	generated, err := client.NewClientWithResponses(web.URL, client.WithHTTPClient(web.Client()))
	require.NoError(t, err)
	return generated
}
