package api

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// The tests of this package share two dev servers: one with a worker, whose
// tickets go to the tests instead of Kafka, and one without.
var (
	staffed    temporalclient.Client
	unstaffed  temporalclient.Client
	theTickets *ticketBoard
)

func TestMain(m *testing.M) {
	flag.Parse()
	if worker := flag.Lookup("test.fuzzworker"); worker != nil && worker.Value.String() == "true" {
		os.Exit(m.Run()) // needs no server, and is killed without a chance to stop one
	}
	os.Exit(func() int {
		staffedServer, stop, err := startTemporal(context.Background())
		if err != nil {
			slog.Error("the Temporal dev server did not start", "error", err)
			return 1
		}
		defer stop()
		staffed = staffedServer
		unstaffedServer, stopUnstaffed, err := startTemporal(context.Background())
		if err != nil {
			slog.Error("the Temporal dev server did not start", "error", err)
			return 1
		}
		defer stopUnstaffed()
		unstaffed = unstaffedServer

		theTickets = newTicketBoard()
		orders := worker.New(staffed, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
		orders.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
		orders.RegisterWorkflowWithOptions(workflows.PickupDayWorkflow, workflow.RegisterOptions{Name: workflows.PickupDayWorkflowType})
		orders.RegisterWorkflowWithOptions(workflows.StandingOrderWorkflow, workflow.RegisterOptions{Name: workflows.StandingOrderWorkflowType})
		activities.Register(orders, kitchen.Stages(), theTickets, workflows.NewOrders(staffed, nil), noLog{})
		if err := orders.Start(); err != nil {
			slog.Error("the worker did not start", "error", err)
			return 1
		}
		defer orders.Stop()
		standIns := worker.New(staffed, standInQueue, worker.Options{DisableRegistrationAliasing: true})
		standIns.RegisterWorkflowWithOptions(standIn, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
		if err := standIns.Start(); err != nil {
			slog.Error("the stand-ins' worker did not start", "error", err)
			return 1
		}
		defer standIns.Stop()
		return m.Run()
	}())
}

func startTemporal(ctx context.Context) (temporalclient.Client, func(), error) {
	devServer, err := devstack.StartTemporal(ctx, devstack.TemporalConfig{Headless: true})
	if err != nil {
		return nil, nil, err
	}
	connected, err := temporalclient.DialContext(ctx, temporalOptions(devServer.Addr()))
	if err != nil {
		devServer.Stop()
		return nil, nil, err
	}
	return connected, func() { connected.Close(); devServer.Stop() }, nil
}

func temporalOptions(address string) temporalclient.Options {
	return temporalclient.Options{HostPort: address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))}
}

// ticketBoard is a publisher that hands each order's tickets to its test.
type ticketBoard struct {
	register chan func(map[string]chan kitchen.Ticket)
}

func newTicketBoard() *ticketBoard {
	board := &ticketBoard{register: make(chan func(map[string]chan kitchen.Ticket))}
	go func() {
		byOrder := map[string]chan kitchen.Ticket{}
		for change := range board.register {
			change(byOrder)
		}
	}()
	return board
}

func (b *ticketBoard) of(orderID string) chan kitchen.Ticket {
	found := make(chan chan kitchen.Ticket, 1)
	b.register <- func(byOrder map[string]chan kitchen.Ticket) {
		if byOrder[orderID] == nil {
			byOrder[orderID] = make(chan kitchen.Ticket, 100)
		}
		found <- byOrder[orderID]
	}
	return <-found
}

func (b *ticketBoard) PublishTicket(_ context.Context, ticket kitchen.Ticket) error {
	b.of(ticket.OrderID) <- ticket
	return nil
}

// PublishStatus implements activities.Publisher.
func (b *ticketBoard) PublishStatus(context.Context, kitchen.LoggedStatus) error { return nil }

func (b *ticketBoard) PublishShipped(context.Context, kitchen.Shipped) error { return nil }

func (b *ticketBoard) PublishFailed(context.Context, kitchen.Failed) error { return nil }

// nextTicket waits for an order's next ticket.
func nextTicket(t *testing.T, orderID string) kitchen.Ticket {
	t.Helper()
	select {
	case ticket := <-theTickets.of(orderID):
		return ticket
	case <-time.After(time.Minute):
		t.Fatal("no ticket within a minute")
		return kitchen.Ticket{}
	}
}

func finish(t *testing.T, ticket kitchen.Ticket) {
	t.Helper()
	ref, err := kitchen.ParseTicketID(ticket.TicketID)
	require.NoError(t, err)
	at := time.Now().UTC()
	ack := kitchen.Ack{TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kitchen.AckDone, By: "bob", At: at, StartedAt: &at, Attempt: ticket.Attempt}
	require.NoError(t, staffed.CompleteActivityByID(t.Context(), temporalclient.DefaultNamespace, kitchen.WorkflowID(ticket.OrderID), "", ref.ActivityID(), ack, nil))
}

func takeUp(t *testing.T, ticket kitchen.Ticket, by string) {
	t.Helper()
	ref, err := kitchen.ParseTicketID(ticket.TicketID)
	require.NoError(t, err)
	require.NoError(t, staffed.RecordActivityHeartbeatByID(t.Context(), temporalclient.DefaultNamespace, kitchen.WorkflowID(ticket.OrderID), "", ref.ActivityID(),
		kitchen.AtWork{By: by, At: time.Now().UTC()}))
}

// shop is an API server and the generated client that speaks to it.
type shop struct {
	*client.ClientWithResponses
	t      *testing.T
	server *Server
}

func openShop(t *testing.T, temporal temporalclient.Client, change func(*Config)) *shop {
	t.Helper()
	// Workers and Temporal of a machine that runs other tests as well may be slow.
	server := newTestServer(t, temporal, func(c *Config) {
		c.QueryWithin = 2 * time.Second
		if change != nil {
			change(c)
		}
	})
	server.follower.describeWithin = 2 * time.Second
	web := httptest.NewServer(server.Handler())
	t.Cleanup(web.Close)
	apiClient, err := client.NewClientWithResponses(web.URL, client.WithHTTPClient(web.Client()),
		client.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			signInAs(server, kitchen.RoleManager, request)
			return nil
		}))
	require.NoError(t, err)
	return &shop{ClientWithResponses: apiClient, t: t, server: server}
}

func (s *shop) order(order kitchen.Order, key string) *client.CreateOrderResponse {
	s.t.Helper()
	params := &wire.CreateOrderParams{}
	if key != "" {
		params.IdempotencyKey = &key
	}
	answer, err := s.CreateOrderWithResponse(s.t.Context(), params, order)
	require.NoError(s.t, err)
	return answer
}

func (s *shop) taken(order kitchen.Order) string {
	s.t.Helper()
	answer := s.order(order, "")
	require.Equal(s.t, http.StatusCreated, answer.StatusCode(), string(answer.Body))
	return answer.JSON201.ID
}

func (s *shop) status(orderID string) kitchen.Status {
	s.t.Helper()
	answer, err := s.GetOrderWithResponse(s.t.Context(), orderID)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, answer.StatusCode(), string(answer.Body))
	require.Equal(s.t, "no-store", answer.HTTPResponse.Header.Get("Cache-Control"))
	require.Equal(s.t, "no-referrer", answer.HTTPResponse.Header.Get("Referrer-Policy"))
	return *answer.JSON200
}

func countRequest(query string) *workflowservice.CountWorkflowExecutionsRequest {
	return &workflowservice.CountWorkflowExecutionsRequest{Query: query}
}

// metric is a series' value as Prometheus would scrape it.
func (s *shop) metric(series string) string {
	s.t.Helper()
	for line := range strings.Lines(scrape(s.t, s.server)) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			return strings.TrimSpace(value)
		}
	}
	s.t.Fatalf("no metric %s", series)
	return ""
}

// lockedBuffer may be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// noLog is a log that nobody has written.
type noLog struct{}

func (noLog) End(string) (kitchen.Ack, bool) { return kitchen.Ack{}, false }

func (noLog) Withdrawn(string) bool { return false }

func (noLog) Paused(kitchen.Stage) bool { return false }

func (noLog) Owner(string) (kitchen.AtWork, bool) { return kitchen.AtWork{}, false }

func (noLog) Failure(context.Context, string) (failed activities.Failed, found bool) {
	return activities.Failed{}, false
}
