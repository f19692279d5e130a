package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// takingTemporal takes every order, or refuses all with an error.
type takingTemporal struct {
	unreachableTemporal
	mu    sync.Mutex
	taken int
	err   error
}

func (t *takingTemporal) ExecuteWorkflow(context.Context, temporalclient.StartWorkflowOptions, any, ...any) (temporalclient.WorkflowRun, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.taken++
	}
	return nil, t.err
}

// orderOf is an order of a number of cupcakes.
func orderOf(pieces int) kitchen.Order {
	order := kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}}
	for pieces > 0 {
		line := kitchen.Line{Flavour: "lemon", Size: kitchen.SizeS, Quantity: min(pieces, kitchen.HardLimits().Quantity)}
		order.Lines = append(order.Lines, line)
		pieces -= line.Quantity
	}
	return order
}

func placeOrder(t *testing.T, server *Server, order kitchen.Order, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	body, err := json.Marshal(order)
	require.NoError(t, err)
	return postOrder(t, server, string(body), headers...)
}

func requirePlaced(t *testing.T, recorder *httptest.ResponseRecorder) kitchen.Status {
	t.Helper()
	return answerOf[kitchen.Status](t, recorder, http.StatusCreated)
}

func TestOrdersOfAnAddressAreLimited(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, temporal *takingTemporal) *Server {
		return newTestServer(t, temporal, func(c *Config) {
			c.OrdersPerAddress = 3
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // where httptest's requests come from
		})
	}
	from := func(address string) []string { return []string{"X-Forwarded-For", address} }
	t.Run("ManySmallOnes", func(t *testing.T) {
		t.Parallel()
		var temporal takingTemporal
		server := open(t, &temporal)
		for range 3 {
			requirePlaced(t, placeOrder(t, server, orderOf(1), from("198.51.100.1:4711")...))
			requireProblem(t, placeOrder(t, server, orderOf(0), from("198.51.100.1")...), wire.ProblemInvalidOrder) // does not count
		}
		recorder := placeOrder(t, server, orderOf(1), from("198.51.100.1:4712")...)
		problem := requireProblem(t, recorder, wire.ProblemTooManyOrders)
		require.Equal(t, "1200", recorder.Header().Get("Retry-After"))
		require.Contains(t, problem.Detail, "Too many orders came from your address. Nothing was ordered this time: try again in 20 minutes.")
		require.Equal(t, 3, temporal.taken, "what is refused is stored nowhere")
		requirePlaced(t, placeOrder(t, server, orderOf(1), from("198.51.100.2")...))
		require.Contains(t, scrape(t, server), `cupcakery_orders_refused_total{limit="address"} 1`)
	})
	t.Run("FromOneNetworkOfIPv6", func(t *testing.T) {
		t.Parallel()
		server := open(t, &takingTemporal{})
		for i := range 3 {
			requirePlaced(t, placeOrder(t, server, orderOf(1), from(fmt.Sprintf("[2001:db8::%d]:443", i))...))
		}
		requireProblem(t, placeOrder(t, server, orderOf(1), from("2001:db8::ffff")...), wire.ProblemTooManyOrders)
		requirePlaced(t, placeOrder(t, server, orderOf(1), from("2001:db8:0:1::1")...))
	})
	t.Run("OneOfTenThousandCupcakes", func(t *testing.T) {
		t.Parallel()
		server := open(t, &takingTemporal{})
		requirePlaced(t, placeOrder(t, server, orderOf(10_000), from("198.51.100.1")...))
		recorder := placeOrder(t, server, orderOf(1), from("198.51.100.1")...)
		requireProblem(t, recorder, wire.ProblemTooManyOrders)
		require.Contains(t, recorder.Body.String(), "try again in 33 hours", "98 orders' time")
	})
	t.Run("NotThoseOfStaff", func(t *testing.T) {
		t.Parallel()
		server := open(t, &takingTemporal{})
		for range 5 {
			body, err := json.Marshal(orderOf(1))
			require.NoError(t, err)
			request := newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader(string(body)), "Content-Type", "application/json")
			requirePlaced(t, do(t, server, signInAs(server, kitchen.RolePackager, request)))
		}
		requirePlaced(t, placeOrder(t, server, orderOf(1)))
	})
	t.Run("NotThoseThatTemporalRefuses", func(t *testing.T) {
		t.Parallel()
		for _, refusal := range []error{serviceerror.NewUnavailable("away"), serviceerror.NewNamespaceNotFound("orders")} {
			temporal := &takingTemporal{err: refusal}
			server := open(t, temporal)
			for range 5 {
				requireProblem(t, placeOrder(t, server, orderOf(10_000)), wire.ProblemUnavailable)
			}
			temporal.err = nil
			requirePlaced(t, placeOrder(t, server, orderOf(1)))
		}
	})
	t.Run("ManyAtOnce", func(t *testing.T) {
		t.Parallel()
		var temporal takingTemporal
		server := open(t, &temporal)
		var placing sync.WaitGroup
		for range 30 {
			placing.Go(func() { placeOrder(t, server, orderOf(1)) })
		}
		placing.Wait()
		require.Equal(t, 3, temporal.taken)
	})
	t.Run("NotWithoutALimit", func(t *testing.T) {
		t.Parallel()
		server := newTestServer(t, &takingTemporal{}, nil)
		for range 200 {
			requirePlaced(t, placeOrder(t, server, orderOf(10_000)))
		}
		_, err := New(Config{Temporal: untouchedTemporal{}, Secret: testSecret, OrdersPerAddress: -1})
		require.ErrorContains(t, err, "orders from one address, -1, is negative")
	})
}

func TestARepeatedOrderIsAnsweredWhateverTheLimitsSay(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, unstaffed, func(c *Config) { c.OrdersPerAddress = 2 })
	key := []string{"Idempotency-Key", uuid.NewString()}
	first := requirePlaced(t, placeOrder(t, server, orderOf(1), key...))
	for range 5 { // and does not count
		require.Equal(t, first, requirePlaced(t, placeOrder(t, server, orderOf(1), key...)))
	}
	requirePlaced(t, placeOrder(t, server, orderOf(1)))
	requireProblem(t, placeOrder(t, server, orderOf(1)), wire.ProblemTooManyOrders)
	require.Equal(t, first, requirePlaced(t, placeOrder(t, server, orderOf(1), key...)))
	requireProblem(t, placeOrder(t, server, orderOf(2), key...), wire.ProblemIdempotencyConflict)
	requireProblem(t, placeOrder(t, server, orderOf(1), "Idempotency-Key", uuid.NewString()), wire.ProblemTooManyOrders)
}

func TestNothingWasOrderedIsSaidOnlyWhenThatIsKnown(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, awayTemporal(t), func(c *Config) { c.OrdersPerAddress = 1 })
	require.Zero(t, server.orderLimit.Spend("192.0.2.1", 1, time.Now()))
	requireProblem(t, placeOrder(t, server, orderOf(1)), wire.ProblemTooManyOrders)
	requireProblem(t, placeOrder(t, server, orderOf(1), "Idempotency-Key", uuid.NewString()), wire.ProblemUnavailable)
}

// forgetfulTemporal has no orders.
type forgetfulTemporal struct {
	temporalclient.Client
	asked  atomic.Int32
	answer chan struct{} // closed when it may answer; nil for at once
}

func (t *forgetfulTemporal) WorkflowService() workflowservice.WorkflowServiceClient {
	return forgetfulService{of: t}
}

type forgetfulService struct {
	workflowservice.WorkflowServiceClient
	of *forgetfulTemporal
}

func (s forgetfulService) GetWorkflowExecutionHistory(context.Context, *workflowservice.GetWorkflowExecutionHistoryRequest, ...grpc.CallOption) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	s.of.asked.Add(1)
	if s.of.answer != nil {
		<-s.of.answer
	}
	return nil, serviceerror.NewNotFound("no such workflow")
}

// Somebody who is refused again and again must not keep Temporal busy.
func TestRefusedOrdersAreLookedUpAFewAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		temporal := &forgetfulTemporal{answer: make(chan struct{})}
		server := newTestServer(t, temporal, func(c *Config) { c.OrdersPerAddress = 1 })
		require.Zero(t, server.orderLimit.Spend("192.0.2.1", 1, time.Now()))
		refused := func() *httptest.ResponseRecorder {
			return placeOrder(t, server, orderOf(1), "Idempotency-Key", uuid.NewString())
		}
		var placing sync.WaitGroup
		for range 3 * lookUpsAtOnce {
			placing.Go(func() { requireProblem(t, refused(), wire.ProblemTooManyOrders) })
		}
		synctest.Wait()
		require.EqualValues(t, lookUpsAtOnce, temporal.asked.Load(), "the others wait")
		close(temporal.answer)
		placing.Wait()
		require.EqualValues(t, 3*lookUpsAtOnce, temporal.asked.Load(), "each makes room for the next")

		require.NoError(t, server.lookUps.Acquire(t.Context(), lookUpsAtOnce))
		requireProblem(t, refused(), wire.ProblemUnavailable)
		require.EqualValues(t, 3*lookUpsAtOnce, temporal.asked.Load(), "it waited for room until its time was over")
		server.lookUps.Release(lookUpsAtOnce)
		requireProblem(t, refused(), wire.ProblemTooManyOrders)
	})
}

func TestAKitchenTakesALimitedNumberAtOnce(t *testing.T) {
	t.Parallel()
	small, err := kitchen.Parse("small.yaml", []byte("open: {orders: 3, pieces: 100}\n"))
	require.NoError(t, err)
	kafka := startBrokers(t)
	open := func() *bakery {
		return openBakery(t, kafka, &takingTemporal{}, func(c *Config) { c.Kitchen = small })
	}
	b := open()
	writer := kafka.writer()
	full := func(pieces int) {
		t.Helper()
		recorder := placeOrder(t, b.server, orderOf(pieces))
		problem := requireProblem(t, recorder, wire.ProblemKitchenFull)
		require.Equal(t, "120", recorder.Header().Get("Retry-After"))
		require.Contains(t, problem.Detail, "Nothing was ordered: try again in a few minutes.")
	}
	ticketFor := func(order kitchen.Status, stage kitchen.Stage) kitchen.Ticket {
		ticket := floortest.Ticket(kitchen.TicketRef{OrderID: order.ID, Stage: stage, Pass: 1, Kind: kitchen.TicketMake}, 1)
		ticket.Lines = order.Lines
		return ticket
	}
	inAll := func(s *Server) [3]int {
		orders, pieces, unlogged := s.floor.Queued()
		return [3]int{orders, pieces, unlogged}
	}

	big := requirePlaced(t, placeOrder(t, b.server, orderOf(500))) // alone
	full(1)
	b.server.floor.Dequeue(big.ID, 500)
	first, second := requirePlaced(t, placeOrder(t, b.server, orderOf(60))), requirePlaced(t, placeOrder(t, b.server, orderOf(30)))
	full(11)
	third := requirePlaced(t, placeOrder(t, b.server, orderOf(10)))
	require.Equal(t, [3]int{3, 100, 3}, inAll(b.server))
	full(1)
	require.Contains(t, scrape(t, b.server), `cupcakery_orders_refused_total{limit="kitchen"} 3`)

	// Once they are in the log, every process counts them.
	for _, order := range []kitchen.Status{first, second, third} {
		b.onBoard(writer, ticketFor(order, kitchen.Mix))
	}
	require.Equal(t, [3]int{3, 100, 0}, inAll(b.server))
	full(1)
	other := open()
	require.Equal(t, [3]int{3, 100, 0}, inAll(other.server), "also one that has just started")
	requireProblem(t, placeOrder(t, other.server, orderOf(1)), wire.ProblemKitchenFull)

	// An order that goes to its next stage keeps its place; one that is done or
	// withdrawn makes room.
	b.acked("bob", ticketFor(second, kitchen.Mix), `{"kind":"done"}`)
	b.onBoard(writer, ticketFor(second, kitchen.Bake))
	require.Equal(t, [3]int{3, 100, 0}, inAll(b.server))
	b.onBoard(writer, undoOf(ticketFor(third, kitchen.Mix), false))
	require.Equal(t, [3]int{2, 90, 0}, inAll(b.server))
	requirePlaced(t, placeOrder(t, b.server, orderOf(10)))
	full(1)
}

// An order that its address may not place must not keep others out, not even for
// a moment.
func TestAnOrderThatItsAddressMayNotPlaceTakesUpNoRoom(t *testing.T) {
	t.Parallel()
	small, err := kitchen.Parse("small.yaml", []byte("open: {orders: 1}\n"))
	require.NoError(t, err)
	kafka := startBrokers(t)
	server := newTestServer(t, &takingTemporal{}, func(c *Config) { c.Kafka, c.Kitchen, c.OrdersPerAddress = kafka.connection(), small, 1 })
	require.Zero(t, server.orderLimit.Spend("192.0.2.1", 1, time.Now()))
	room, _ := server.floor.Enqueue("01936f8e-5c1a-7d3b-9f00-000000000001", 1)
	require.True(t, room)
	requireProblem(t, placeOrder(t, server, orderOf(1)), wire.ProblemTooManyOrders) // though the kitchen is full as well
	server.orderLimit.Refund("192.0.2.1", 1)
	for range 3 { // and what the kitchen refuses does not count for the address
		requireProblem(t, placeOrder(t, server, orderOf(1)), wire.ProblemKitchenFull)
	}
	_, _, unlogged := server.floor.Queued()
	require.Equal(t, 1, unlogged)
}

// overtakenTemporal gets the first order last.
type overtakenTemporal struct {
	temporalclient.Client
	calls       atomic.Int32
	began, goOn chan struct{}
}

func (t *overtakenTemporal) ExecuteWorkflow(ctx context.Context, options temporalclient.StartWorkflowOptions, workflow any, args ...any) (temporalclient.WorkflowRun, error) {
	if t.calls.Add(1) == 1 {
		close(t.began)
		<-t.goOn
	}
	return t.Client.ExecuteWorkflow(ctx, options, workflow, args...)
}

// A repeated request is not counted while the first one is being placed. If it
// overtakes the first one, the order must stay counted.
func TestAnOrderCountsWhicheverOfItsRequestsComesFirst(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	for name, c := range map[string]struct {
		pieces, limit, answer int
		wait                  string
	}{
		"TheSame":         {1, 1, http.StatusCreated, "60 minutes"},
		"ALargerOfItsKey": {10_000, 4, http.StatusConflict, "25 hours"}, // 1 and 100 of 4 in an hour, the last may come 3 before
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temporal := &overtakenTemporal{Client: unstaffed, began: make(chan struct{}), goOn: make(chan struct{})}
			server := newTestServer(t, temporal, func(config *Config) { config.Kafka, config.OrdersPerAddress = kafka.connection(), c.limit })
			key := []string{"Idempotency-Key", uuid.NewString()}
			var first *httptest.ResponseRecorder
			var placing sync.WaitGroup
			placing.Go(func() { first = placeOrder(t, server, orderOf(1), key...) })
			<-temporal.began
			requirePlaced(t, placeOrder(t, server, orderOf(c.pieces), key...))
			close(temporal.goOn)
			placing.Wait()
			require.Equal(t, c.answer, first.Code, first.Body.String())
			problem := requireProblem(t, placeOrder(t, server, orderOf(1)), wire.ProblemTooManyOrders)
			require.Contains(t, problem.Detail, "try again in "+c.wait)
			orders, pieces, _ := server.floor.Queued()
			require.Equal(t, []int{1, c.pieces}, []int{orders, pieces})
		})
	}
}

func TestWaitsReadNaturally(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		time.Second: "a second", 2 * time.Second: "2 seconds", 119 * time.Second: "119 seconds", 121 * time.Second: "3 minutes", time.Hour: "60 minutes", 121 * time.Minute: "3 hours",
	} {
		require.Equal(t, want, inWords(wait))
	}
}
