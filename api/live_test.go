package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/live"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

func TestAStationsChannelGoesOnFromItsCursor(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	writer := kafka.writer()
	first, second := newTicket(t, kitchen.Bake), newTicket(t, kitchen.Bake)
	b.onBoard(writer, first)

	tablet := b.connect()
	tablet.subscribe("station/bake", "")
	snapshot := tablet.next()
	require.Equal(t, wire.LiveMessageTypeSnapshot, snapshot.Type)
	require.Equal(t, "station/bake", snapshot.Channel)
	shown := &floortest.Mirror{}
	shown.Apply(snapshot)
	for shown.Cursor != b.board(kitchen.Bake).Cursor {
		shown.Apply(tablet.next())
	}
	require.Contains(t, shown.Tickets, first.TicketID)
	b.acked("bob", first, `{"kind":"started"}`)
	change := tablet.next()
	require.Equal(t, wire.LiveMessageTypeChange, change.Type)
	require.Equal(t, []any{first.TicketID, kitchen.TicketStarted, "bob"}, []any{change.Change.Tickets[0].TicketID, change.Change.Tickets[0].State, change.Change.Tickets[0].By})
	require.NoError(t, tablet.socket.Close(websocket.StatusNormalClosure, "the tablet sleeps"))

	b.acked("bob", first, `{"kind":"done"}`)
	b.onBoard(writer, second)
	woken := b.connect()
	woken.subscribe("station/bake", change.Cursor)
	resumed := woken.next()
	require.Equal(t, wire.LiveMessageTypeResumed, resumed.Type)
	require.Equal(t, change.Cursor, resumed.Cursor)
	require.Equal(t, kitchen.TicketDone, woken.next().Change.Tickets[0].State)
	last := woken.next()
	require.Equal(t, second.TicketID, last.Change.Tickets[0].TicketID)
	require.Equal(t, b.board(kitchen.Bake).Cursor, last.Cursor)

	for _, unknown := range []string{"", "nonsense", "0123456789abcdef.1", strings.Split(last.Cursor, ".")[0] + ".99999", strings.Split(last.Cursor, ".")[0] + ".-1"} {
		again := b.connect()
		again.subscribe("station/bake", unknown)
		require.Equal(t, wire.LiveMessageTypeSnapshot, again.next().Type, unknown)
	}
	restarted := openBakery(t, kafka, untouchedTemporal{}, nil).connect()
	restarted.subscribe("station/bake", last.Cursor)
	fresh := restarted.next()
	require.Equal(t, wire.LiveMessageTypeSnapshot, fresh.Type, "another process has other cursors")
	require.Equal(t, b.board(kitchen.Bake).Tickets, fresh.Board.Tickets, "and the same board")
	require.Equal(t, b.board(kitchen.Bake).Ended, fresh.Board.Ended)
}

func TestTheKitchensChannelCountsWhatIsOpen(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, awayTemporal(t), nil)
	tablet := b.connect()
	tablet.subscribe("kitchen", "")
	require.Len(t, tablet.next().Kitchen.Stages, 4)
	writer := kafka.writer()
	ticket := newTicket(t, kitchen.Bake)
	b.onBoard(writer, ticket)
	b.onBoard(writer, newTicket(t, kitchen.Bake))
	b.onBoard(writer, newTicket(t, kitchen.Mix))
	b.acked("bob", ticket, `{"kind":"started"}`)
	for {
		message := tablet.next()
		require.Equal(t, wire.LiveMessageTypeSnapshot, message.Type)
		stages := message.Kitchen.Stages
		oldest := stages[1].Oldest
		stages[0].Oldest, stages[1].Oldest = time.Time{}, time.Time{}
		if stages[1].Started == 1 && stages[1].Waiting == 1 {
			require.Equal(t, []wire.StageCounts{{Stage: kitchen.Mix, Waiting: 1}, {Stage: kitchen.Bake, Waiting: 1, Started: 1}, {Stage: kitchen.Decorate}, {Stage: kitchen.Package}}, stages)
			require.Equal(t, b.board(kitchen.Bake).Tickets[0].Since, oldest)
			return
		}
	}
}

func TestAnOrdersChannelFollowsTheOrder(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, undescribed{staffed}, nil)
	orders := &shop{t: t, server: b.server, ClientWithResponses: clientOf(t, b.web)}
	elsewhere := openBakery(t, kafka, staffed, nil)
	orderID := orders.taken(sampleOrder())
	mix := nextTicket(t, orderID)
	tablets := []*tablet{b.connect(), b.connect()}
	for _, tablet := range tablets {
		tablet.subscribe("order/"+orderID, "")
		tablet.awaitOrder(func(order kitchen.Status) bool { return order.WaitingFor == kitchen.Mix })
	}
	writer := kafka.writer()
	finish(t, mix)
	bake := nextTicket(t, orderID)
	b.onBoard(writer, bake)
	publishStatus(t, writer, orderID)
	for _, tablet := range tablets {
		order := tablet.awaitOrder(func(order kitchen.Status) bool { return order.WaitingFor == kitchen.Bake })
		require.Equal(t, orderID, order.ID)
		require.Equal(t, "bob", order.Stages[0].By)
	}
	b.acked("eve", bake, `{"kind":"started"}`)
	tablets[0].awaitOrder(func(order kitchen.Status) bool { return order.Stages[1].By == "eve" })
	inHand := orders.status(orderID)
	require.Equal(t, []any{kitchen.TicketStarted, "eve"}, []any{inHand.Stages[1].State, inHand.Stages[1].By})

	// The log says that there are other notes, but not which.
	amended, err := clientOf(t, elsewhere.web).AmendOrderWithResponse(t.Context(), orderID, nil, kitchen.Amendment{Notes: new("ring twice")})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, amended.StatusCode())
	publishStatus(t, writer, orderID)
	tablets[0].awaitOrder(func(order kitchen.Status) bool { return order.Notes == "ring twice" })

	finish(t, bake)
	finish(t, nextTicket(t, orderID))
	finish(t, nextTicket(t, orderID))
	require.Eventually(t, func() bool { return orders.status(orderID).State == kitchen.StateShipped }, patience, 20*time.Millisecond)
	publishStatus(t, writer, orderID)
	tablets[0].awaitOrder(func(order kitchen.Status) bool { return order.State == kitchen.StateShipped })

	tablets[0].subscribe("order/01936f8e-5c1a-7d3b-9f00-000000000001", "")
	problem := tablets[0].next()
	require.Equal(t, []any{wire.LiveMessageTypeProblem, wire.ProblemOrderNotFound}, []any{problem.Type, problem.Problem.Type})
}

// undescribed is a Temporal that does not describe workflows.
type undescribed struct{ temporalclient.Client }

func (undescribed) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	panic("there is no need to describe a workflow")
}

// publishStatus tells where an order stands, as its workflow knows it.
func publishStatus(t *testing.T, writer *events.Writer, orderID string) {
	t.Helper()
	value, err := staffed.QueryWorkflow(t.Context(), kitchen.WorkflowID(orderID), "", workflows.QueryStatus)
	require.NoError(t, err)
	var status kitchen.Status
	require.NoError(t, value.Get(&status))
	if status.Version == 0 {
		status.Version = time.Now().UnixMilli()
		status.DetailsVersion = status.Version
	}
	require.NoError(t, writer.PublishStatus(t.Context(), status.ForLog(time.Now())))
}

// awayTemporal is a client of a Temporal that nobody can reach.
func awayTemporal(t *testing.T) temporalclient.Client {
	t.Helper()
	away := newAwayTemporal(t)
	t.Cleanup(away.Close)
	return away
}

func newAwayTemporal(t *testing.T) temporalclient.Client {
	t.Helper()
	away, err := temporalclient.NewLazyClient(temporalOptions("127.0.0.1:1"))
	require.NoError(t, err)
	return away
}

func TestWithoutTemporalBoardsGoOn(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, awayTemporal(t), nil)
	tablet := b.connect()
	tablet.subscribe("order/01936f8e-5c1a-7d3b-9f00-000000000001", "")
	problem := tablet.next()
	require.Equal(t, []any{wire.LiveMessageTypeProblem, wire.ProblemUnavailable}, []any{problem.Type, problem.Problem.Type})
	ticket := newTicket(t, kitchen.Mix)
	b.onBoard(kafka.writer(), ticket)
	require.Equal(t, kitchen.TicketDone, b.acked("bob", ticket, `{"kind":"done"}`).State)
}

func TestAClientThatReadsSlowlyGetsASnapshotAndNobodyWaits(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, unreachableTemporal{}, func(c *Config) {
		c.liveTiming = live.Timing{PingEvery: patience, WriteWithin: patience} // this machine may be slow as well
	})
	slow, quick := b.connect(), b.connect()
	for _, tablet := range []*tablet{slow, quick} {
		tablet.subscribe("station/bake", "")
		require.Equal(t, wire.LiveMessageTypeSnapshot, tablet.next().Type)
	}
	// More than the connections between the two hold, and the changes kept.
	const tickets, times = 64, 24
	writer := kafka.writer()
	var large []kitchen.Ticket
	for range tickets {
		ticket := newTicket(t, kitchen.Bake)
		limits := kitchen.HardLimits()
		ticket.Notes = strings.Repeat("🎂", limits.NotesLength)
		for i := range limits.Allergies {
			ticket.Allergies = append(ticket.Allergies[:i], fmt.Sprintf("%02d", i)+strings.Repeat("🥜", limits.AllergyLength-2))
		}
		large = append(large, ticket)
	}
	last := ""
	for attempt := range times {
		var publishing errgroup.Group
		for _, ticket := range large {
			ticket.Attempt = attempt + 1
			publishing.Go(func() error { return writer.PublishTicket(t.Context(), ticket) })
		}
		require.NoError(t, publishing.Wait())
		for range large {
			message := quick.next()
			require.Equal(t, wire.LiveMessageTypeChange, message.Type)
			last = message.Cursor
		}
	}
	for {
		message := slow.next()
		if message.Type == wire.LiveMessageTypeSnapshot {
			require.Equal(t, last, message.Cursor)
			break
		}
	}
	metrics := scrape(t, b.server)
	require.Contains(t, metrics, "cupcakery_live_missed_total 1")
	require.Contains(t, metrics, "cupcakery_live_connections 3") // with the one that waited for the log
	require.Contains(t, metrics, `cupcakery_live_messages_total{type="change"} `)
}

func TestAClientThatBreaksTheProtocolIsToldHow(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), untouchedTemporal{}, nil)
	for text, reason := range map[string]string{
		`subscribe me`: "",
		`{"type":"subscribe","channel":"kitchen"} {}`:                                       "",
		`{"type":"subscribe"}`:                                                              "/channel: missing",
		`{"type":"shout","channel":"kitchen"}`:                                              "/type: unknown value",
		`{"type":"subscribe","channel":7}`:                                                  "/channel: must be a text",
		`{"type":"subscribe","channel":"kitchen","as":"` + strings.Repeat("m", 3000) + `"}`: "/as: unknown field",
		`{"type":"subscribe","type":"subscribe","channel":"kitchen"}`:                       "",
		`[]`:   "must be an object",
		`null`: "",
	} {
		tablet := b.connect()
		tablet.send(websocket.MessageText, text)
		closed := tablet.closedWith()
		require.Equal(t, websocket.StatusPolicyViolation, closed.Code, text)
		require.NotEmpty(t, closed.Reason)
		if len(text) < 1000 {
			require.Contains(t, closed.Reason, reason, text)
		}
	}
	binary := b.connect()
	binary.send(websocket.MessageBinary, `{"type":"subscribe","channel":"kitchen"}`)
	require.Equal(t, websocket.StatusPolicyViolation, binary.closedWith().Code)
	long := b.connect()
	long.send(websocket.MessageText, `{"type":"subscribe","channel":"`+strings.Repeat("x", live.MaxRequest)+`"}`)
	require.Equal(t, websocket.StatusMessageTooBig, long.closedWith().Code)
}

func TestAChannelThatCannotBeFollowedDisturbsNoOther(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, awayTemporal(t), nil)
	tablet := b.connect()
	for _, unknown := range []string{"", "cellar", "station/cellar", "station/", "order/", "order/x", "order/01936F8E-5C1A-7D3B-9F00-000000000001", "<script>", strings.Repeat("y", 1000)} {
		tablet.subscribe(unknown, "")
		problem := tablet.next()
		require.Equal(t, []any{wire.LiveMessageTypeProblem, wire.ProblemNotFound}, []any{problem.Type, problem.Problem.Type})
		require.Equal(t, kitchen.Excerpt(unknown), problem.Channel)
	}
	tablet.subscribe("station/mix", "")
	require.Equal(t, wire.LiveMessageTypeSnapshot, tablet.next().Type)
	tablet.send(websocket.MessageText, `{"type":"unsubscribe","channel":"station/mix"}`)
	tablet.send(websocket.MessageText, `{"type":"unsubscribe","channel":"never"}`)
	tablet.subscribe("kitchen", "")
	require.Equal(t, "kitchen", tablet.next().Channel)
	b.onBoard(kafka.writer(), newTicket(t, kitchen.Mix))
	require.Equal(t, "kitchen", tablet.next().Channel, "nothing comes of a channel that was left")
}

// A client need not wait for the answer to its upgrade before it sends messages.
func TestMessagesSentWithTheUpgradeAreRead(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), awayTemporal(t), nil)
	conn, err := net.Dial("tcp", b.web.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the server may have been faster
	var sent bytes.Buffer
	fmt.Fprintf(&sent, "GET /api/v1/live HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", conn.RemoteAddr())
	const frames = 20 // more than a connection's buffer holds
	for i := range frames {
		text := fmt.Sprintf(`{"type":"subscribe","channel":"cellar %d"}`, i)
		sent.Write([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}) // a text, masked with nothing
		sent.WriteString(text)
	}
	_, err = conn.Write(sent.Bytes())
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	var answers bytes.Buffer
	for !strings.Contains(answers.String(), fmt.Sprintf(`"channel":"cellar %d"`, frames-1)) {
		_, err := io.CopyN(&answers, conn, 1)
		require.NoError(t, err, answers.String())
	}
	for i := range frames {
		require.Contains(t, answers.String(), fmt.Sprintf(`"channel":"cellar %d"`, i))
	}
}

func TestAConnectionFollowsAtMostSixteenChannels(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), awayTemporal(t), nil)
	tablet := b.connect()
	for range live.MaxChannels {
		tablet.subscribe("order/"+newTicket(t, kitchen.Mix).OrderID, "")
		require.Equal(t, wire.ProblemUnavailable, tablet.next().Problem.Type)
	}
	tablet.subscribe("kitchen", "")
	require.Equal(t, wire.ProblemRefused, tablet.next().Problem.Type)
}

func TestWhoMayConnect(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), untouchedTemporal{}, func(c *Config) {
		c.LiveConnections = 2
	})
	for origin, status := range map[string]int{
		b.web.URL:                    http.StatusSwitchingProtocols,
		"https://boards.example.com": http.StatusForbidden,
		b.web.URL + ".evil.example":  http.StatusForbidden,
		"null":                       http.StatusForbidden,
		"://":                        http.StatusForbidden,
	} {
		socket, response, err := b.dial(http.Header{"Origin": {origin}})
		require.Equal(t, status, response.StatusCode, origin)
		if err == nil {
			// It counts until it is over, and one is open since the beginning.
			t.Cleanup(func() { _ = socket.CloseNow() })
			continue
		}
		require.Equal(t, problemContentType, response.Header.Get("Content-Type"))
		require.Contains(t, body(t, response), string(wire.ProblemCrossSite))
	}
	_, response, err := b.dial(nil)
	require.Error(t, err)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.NotEmpty(t, response.Header.Get("Retry-After"))
	require.Contains(t, body(t, response), "has its 2 live connections")

	requireProblem(t, do(t, b.server, newRequest(http.MethodGet, "/api/v1/live", nil)), wire.ProblemUpgradeRequired)
	requireProblem(t, do(t, b.server, newRequest(http.MethodGet, "/api/v1/live?channel=kitchen", nil)), wire.ProblemInvalidParameter)

	_, err = New(Config{Temporal: untouchedTemporal{}, Secret: testSecret, LiveConnections: -1, LiveConnectionsPerAddress: -2})
	require.ErrorContains(t, err, "live connections, -1, is negative")
	require.ErrorContains(t, err, "from one address, -2, is negative")
}

func TestAnAddressHasALimitOfConnections(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), untouchedTemporal{}, func(c *Config) {
		c.LiveConnectionsPerAddress = 2
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	from := func(address string) (*websocket.Conn, *http.Response) {
		socket, response, err := b.dial(http.Header{"X-Forwarded-For": {address}})
		if err == nil {
			t.Cleanup(func() { _ = socket.CloseNow() }) // closed already, one of them
		}
		return socket, response
	}
	var open []*websocket.Conn
	for _, address := range []string{"192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"} {
		socket, response := from(address)
		require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
		open = append(open, socket)
	}
	for _, address := range []string{"192.0.2.1", "2001:db8::3"} { // the same network
		_, response := from(address)
		require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		require.Equal(t, "30", response.Header.Get("Retry-After"))
		require.Contains(t, body(t, response), string(wire.ProblemTooManyConnections))
	}
	_, response := from("192.0.2.2")
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode, "another address")
	require.NoError(t, open[0].Close(websocket.StatusNormalClosure, "bye"))
	require.Eventually(t, func() bool {
		_, response := from("192.0.2.1")
		return response.StatusCode == http.StatusSwitchingProtocols
	}, patience, 10*time.Millisecond, "one has left")
}

func TestAClientThatSendsTooMuchIsClosed(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), awayTemporal(t), nil)
	modest := b.connect()
	for range 98 {
		modest.send(websocket.MessageText, `{"type":"unsubscribe","channel":"kitchen"}`)
	}
	modest.subscribe("kitchen", "")
	require.Equal(t, "kitchen", modest.next().Channel)

	wild := b.connect()
	for range 400 {
		if wild.socket.Write(t.Context(), websocket.MessageText, []byte(`{"type":"unsubscribe","channel":"kitchen"}`)) != nil {
			break // closed already
		}
	}
	require.Equal(t, websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "too many messages: send at most 50 a second"}, wild.closedWith())
}

func TestAClientThatDoesNotAnswerPingsIsDropped(t *testing.T) {
	t.Parallel()
	b := openBakeryAtOnce(t, startBrokers(t), awayTemporal(t), func(c *Config) {
		c.liveTiming = live.Timing{PingEvery: 20 * time.Millisecond, PongWithin: 2 * time.Second}
	})
	lively := b.connect()
	dead := b.connect() // answers pings only while it reads
	go func() {
		for {
			if _, err := lively.read(); err != nil {
				return
			}
		}
	}()
	open := func(connections string) func() bool {
		return func() bool { return strings.Contains(scrape(t, b.server), "cupcakery_live_connections "+connections) }
	}
	require.Eventually(t, open("1"), patience, 5*time.Millisecond)
	require.Never(t, open("0"), 500*time.Millisecond, 50*time.Millisecond, "who answers stays")
	for {
		if _, err := dead.read(); err != nil {
			break
		}
	}
}

func TestAConnectionIsSentTheStateAgainAndAgain(t *testing.T) {
	t.Parallel()
	tablet := openBakeryAtOnce(t, startBrokers(t), awayTemporal(t), func(c *Config) { c.liveTiming.PingEvery = 20 * time.Millisecond }).connect()
	upToDate := func(behind wire.Behind) bool { return behind.Since.IsZero() }
	for range 3 { // nothing changes meanwhile
		tablet.awaitState(upToDate)
	}
}

func TestChannelsAreForThoseWhomTheyConcern(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), awayTemporal(t), func(c *Config) {
		c.Staff = kitchen.Staff{People: append(slices.Clone(testStaff.People), managers.People...)}
	})
	const order = "order/01936f8e-5c1a-7d3b-9f00-000000000001"
	// Listed by role and not by channel, so that a slip in mayFollow is seen.
	want := map[kitchen.Role][]string{
		nobody:                {order},
		kitchen.RoleMixer:     {order, "counter", "kitchen", "overview", "station/mix"},
		kitchen.RoleBaker:     {order, "counter", "kitchen", "overview", "station/bake"},
		kitchen.RoleDecorator: {order, "counter", "kitchen", "overview", "station/decorate"},
		kitchen.RolePackager:  {order, "counter", "kitchen", "overview", "station/package"},
		kitchen.RoleManager:   {order, "counter", "kitchen", "overview", "station/mix", "station/bake", "station/decorate", "station/package"},
	}
	for role, may := range want {
		tablet := b.connectWith(nil)
		refusal := wire.ProblemNotSignedIn
		if role != nobody {
			tablet = b.connectWith(b.cookie(string(role)))
			refusal = wire.ProblemNotAllowed
		}
		for _, channel := range want[kitchen.RoleManager] {
			tablet.subscribe(channel, "")
			answer := tablet.next()
			require.Equal(t, channel, answer.Channel)
			switch {
			case channel == order:
				require.Equal(t, wire.ProblemUnavailable, answer.Problem.Type, "%s follows %s", role, channel)
			case slices.Contains(may, channel):
				require.Equal(t, wire.LiveMessageTypeSnapshot, answer.Type, "%s follows %s", role, channel)
			default:
				require.Equal(t, refusal, answer.Problem.Type, "%s follows %s", role, channel)
			}
		}
	}
}

func TestTheOverviewAndTheCounterOfADemonstrationAreForEverybody(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), awayTemporal(t), func(c *Config) {
		person := c.Staff.People[0]
		c.Demo = []wire.DemoPerson{{Name: person.Name, Pin: "123456", Role: person.Role}}
	})
	tablet := b.connectWith(nil)
	tablet.subscribe("overview", "")
	require.Len(t, tablet.next().Overview.Stages, len(kitchen.Stages()))
	tablet.subscribe("counter", "")
	require.Equal(t, wire.LiveMessageTypeSnapshot, tablet.next().Type)
	tablet.subscribe("kitchen", "")
	require.Equal(t, wire.ProblemNotSignedIn, tablet.next().Problem.Type, "and nothing else is")
}

func TestALiveConnectionEndsWithItsSession(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), awayTemporal(t), nil)
	cookie := b.cookie("bob")
	b.server.sessions.Now = func() time.Time { return time.Now().Add(staff.SessionLifetime - 5*time.Second) } // to connect in
	tablet := b.connectWith(cookie)
	tablet.subscribe("kitchen", "")
	require.Equal(t, wire.LiveMessageTypeSnapshot, tablet.next().Type)
	require.Equal(t, websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "your session is over: sign in again"}, tablet.closedWith())
}

func TestALiveConnectionEndsWithItsSignOut(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), awayTemporal(t), nil)
	matchGoodPIN(b.server)
	for name, leave := range map[string]func(cookie http.Header) *http.Request{
		"BySigningOut": func(cookie http.Header) *http.Request {
			request := newRequest(http.MethodDelete, sessionPath, nil)
			request.Header = cookie
			return request
		},
		"BySigningInAnew": func(cookie http.Header) *http.Request {
			request := newRequest(http.MethodPost, sessionPath, strings.NewReader(`{"name":"bob","pin":"`+goodPIN+`"}`), "Content-Type", "application/json")
			request.Header["Cookie"] = cookie["Cookie"]
			return request
		},
	} {
		t.Run(name, func(t *testing.T) {
			cookie := b.cookie("bob")
			elsewhere := b.connectWith(b.cookie("bob"))
			anonymous := b.connectWith(nil)
			tabs := []*tablet{b.connectWith(cookie), b.connectWith(cookie)}
			for _, tab := range append(tabs, elsewhere) {
				tab.subscribe("kitchen", "")
				require.Equal(t, wire.LiveMessageTypeSnapshot, tab.next().Type)
			}
			require.Less(t, do(t, b.server, leave(cookie)).Code, http.StatusMultipleChoices)
			for _, tab := range tabs {
				require.Equal(t, websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "your session is over: sign in again"}, tab.closedWith())
			}
			late := b.connectWith(cookie)
			late.subscribe("kitchen", "")
			require.Equal(t, wire.ProblemNotSignedIn, late.next().Problem.Type, "the cookie is good for nothing any more")
			for _, tab := range []*tablet{elsewhere, anonymous} {
				tab.subscribe("counter", "")
				require.Equal(t, "counter", tab.next().Channel, "of another session, or of none")
			}
		})
	}
}

func TestWhoHasSignedInReconnectsNowAndThen(t *testing.T) {
	t.Parallel()
	b := openBakeryAtOnce(t, startBrokers(t), awayTemporal(t), func(c *Config) {
		c.liveTiming.ReconnectAfter = func() time.Duration { return 50 * time.Millisecond }
	})
	tablet := b.connect()
	require.Equal(t, websocket.CloseError{Code: websocket.StatusGoingAway, Reason: "show again who you are: connect again"}, tablet.closedWith())
	anonymous := b.connectWith(nil)
	require.Equal(t, websocket.StatusGoingAway, b.connect().closedWith().Code, "meanwhile")
	anonymous.subscribe("counter", "")
	require.Equal(t, "counter", anonymous.next().Channel)
}

func TestTheCounterIsSentWhenItHasChanged(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	writer := kafka.writer()
	ticket := newTicket(t, kitchen.Package)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	screen := b.connect()
	screen.subscribe("counter", "")
	require.Empty(t, screen.next().Counter.Preparing)
	b.onBoard(writer, ticket)
	snapshot := screen.next()
	require.Equal(t, wire.LiveMessageTypeSnapshot, snapshot.Type)
	require.Equal(t, kitchen.PickupCode(ticket.OrderID), snapshot.Counter.Preparing[0].PickupCode)
	require.Empty(t, snapshot.Counter.Ready)
	b.acked("bob", ticket, `{"kind":"started"}`) // which changes nothing here
	b.acked("bob", ticket, `{"kind":"done"}`)
	ready := screen.next()
	require.Equal(t, kitchen.PickupCode(ticket.OrderID), ready.Counter.Ready[0].PickupCode)
	require.Equal(t, []wire.CounterOrder{}, ready.Counter.Preparing)

	late := openBakery(t, kafka, untouchedTemporal{}, nil).connect()
	late.subscribe("counter", "")
	require.Equal(t, ready.Counter.Ready, late.next().Counter.Ready, "another process shows the same")

	require.NoError(t, loadSpec(t).Components.Schemas["LiveMessage"].Value.VisitJSON(asJSON(t, ready)))
}

// TestServeEndsLiveConnections runs alone: it looks for goroutines that stay
// behind.
func TestServeEndsLiveConnections(t *testing.T) {
	kafka := startBrokers(t)
	leaks := []goleak.Option{
		goleak.IgnoreCurrent(),
		// The worker that the tests share polls all the time.
		goleak.IgnoreAnyFunction("google.golang.org/grpc.(*ClientConn).Invoke"),
		// The embedded Kafka ends a connection's goroutines a moment after it.
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"),
	}
	away := newAwayTemporal(t)
	server := newTestServer(t, away, func(c *Config) { c.Kafka, c.Staff = kafka.connection(), managers })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	socket, _, err := websocket.Dial(t.Context(), "ws://"+listener.Addr().String()+"/api/v1/live", &websocket.DialOptions{HTTPHeader: (&bakery{t: t, server: server}).cookie("bob")})
	require.NoError(t, err)
	tablet := &tablet{t, socket}
	tablet.awaitState(func(behind wire.Behind) bool { return behind.Since.IsZero() })
	for _, channel := range []string{"station/bake", "kitchen", "order/01936f8e-5c1a-7d3b-9f00-000000000001"} {
		tablet.subscribe(channel, "")
		require.Equal(t, channel, tablet.next().Channel)
	}
	stop()
	require.Equal(t, websocket.StatusGoingAway, tablet.closedWith().Code)
	require.NoError(t, <-served)
	away.Close()
	goleak.VerifyNone(t, leaks...)
}
