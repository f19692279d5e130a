package api

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

func TestAnOrderIsFollowedThroughTheFactory(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	answer := s.order(sampleOrder(), "")
	require.Equal(t, http.StatusCreated, answer.StatusCode(), string(answer.Body))
	taken := *answer.JSON201
	require.NoError(t, kitchen.CheckOrderID(taken.ID))
	require.Equal(t, "/api/v1/orders/"+taken.ID, answer.HTTPResponse.Header.Get("Location"))
	require.Equal(t, kitchen.StateAccepted, taken.State)
	require.Equal(t, sampleOrder(), kitchen.Order{Customer: taken.Customer, Lines: taken.Lines, Notes: taken.Notes, Allergies: taken.Allergies})
	require.Equal(t, kitchen.PickupCode(taken.ID), taken.PickupCode)
	require.Empty(t, taken.Stages)

	for i, stage := range kitchen.Stages() {
		ticket := nextTicket(t, taken.ID)
		require.Equal(t, stage, ticket.Stage)

		status := s.status(taken.ID)
		require.False(t, status.Stale)
		require.Equal(t, kitchen.StateInProgress, status.State)
		require.Equal(t, stage, status.WaitingFor)
		require.True(t, taken.PlacedAt.Equal(status.PlacedAt))
		require.Len(t, status.Stages, i+1)
		require.Equal(t, kitchen.TicketWaiting, status.Stages[i].State)

		takeUp(t, ticket, "carol")
		status = s.status(taken.ID)
		require.Equal(t, kitchen.TicketStarted, status.Stages[i].State)
		require.Equal(t, "carol", status.Stages[i].By)
		require.NotNil(t, status.Stages[i].StartedAt)

		finish(t, ticket)
	}
	require.NoError(t, staffed.GetWorkflow(t.Context(), kitchen.WorkflowID(taken.ID), "").Get(t.Context(), nil))
	status := s.status(taken.ID)
	require.Equal(t, kitchen.StateShipped, status.State)
	require.False(t, status.Stale)
	require.NotNil(t, status.ShippedAt)
	for _, pass := range status.Stages {
		require.Equal(t, kitchen.TicketDone, pass.State)
		require.Equal(t, "bob", pass.By)
	}
	require.Equal(t, "1", s.metric("cupcakery_orders_created_total"))
	require.Equal(t, "0", s.metric("cupcakery_stale_answers_total"))
	require.Equal(t, "8", s.metric(`cupcakery_order_answers_total{source="`+string(fromQuery)+`"}`))
	require.Equal(t, "1", s.metric(`cupcakery_order_answers_total{source="`+string(fromClosed)+`"}`))
}

func TestATicketThatIsIssuedAgainStaysItsOwners(t *testing.T) {
	t.Parallel()
	impatient, err := kitchen.Parse("impatient.yaml", []byte("ackWithin: {mix: 2s}\n"))
	require.NoError(t, err)
	s := openShop(t, staffed, func(c *Config) { c.Kitchen = impatient })
	id := s.taken(sampleOrder())
	takeUp(t, nextTicket(t, id), "carol")
	second := nextTicket(t, id)
	require.Equal(t, 2, second.Attempt)
	// The second attempt's ticket is published before its activity has returned.
	require.Eventually(t, func() bool {
		pass := s.status(id).Stages[0]
		return pass.Attempt >= 2 && pass.State == kitchen.TicketStarted && pass.By == "carol"
	}, 30*time.Second, 10*time.Millisecond)
}

func TestAnIdempotencyKeyStandsForOneOrder(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	key := uuid.NewString()
	first := s.order(sampleOrder(), key)
	require.Equal(t, http.StatusCreated, first.StatusCode())
	require.Equal(t, kitchen.OrderIDFromKey(testSecret, key), first.JSON201.ID)

	requireSame := func(answer *client.CreateOrderResponse) {
		t.Helper()
		require.Equal(t, http.StatusCreated, answer.StatusCode(), string(answer.Body))
		require.Equal(t, string(first.Body), string(answer.Body))
		require.Equal(t, first.HTTPResponse.Header.Get("Location"), answer.HTTPResponse.Header.Get("Location"))
	}
	requireSame(s.order(sampleOrder(), key))

	t.Run("however the same order is written", func(t *testing.T) {
		body := " { \"allergies\": [\"n\\u0075ts\"],\n\"notes\":\"ring the bell\", \"lines\":[{\"quantity\":1.2e1,\"size\":\"L\",\"message\":\"Happy 40th 🎂 يوم سعيد\",\"flavour\":\"red-velvet\"}], \"customer\":{\"name\":\"Ada\"}}\n"
		answer, err := s.CreateOrderWithBodyWithResponse(t.Context(), &wire.CreateOrderParams{IdempotencyKey: &key}, "application/json; charset=UTF-8", strings.NewReader(body))
		require.NoError(t, err)
		requireSame(answer)
	})
	t.Run("another order is refused", func(t *testing.T) {
		other := sampleOrder()
		other.Lines[0].Quantity++
		answer := s.order(other, key)
		require.Equal(t, http.StatusConflict, answer.StatusCode())
		require.Equal(t, wire.ProblemIdempotencyConflict, answer.ApplicationProblemJSON409.Type)
		require.Contains(t, answer.ApplicationProblemJSON409.Detail, "use a new key")
		require.NotContains(t, string(answer.Body), first.JSON201.ID)
	})
	t.Run("also when it has shipped", func(t *testing.T) {
		for range kitchen.Stages() {
			finish(t, nextTicket(t, first.JSON201.ID))
		}
		require.NoError(t, staffed.GetWorkflow(t.Context(), kitchen.WorkflowID(first.JSON201.ID), "").Get(t.Context(), nil))
		requireSame(s.order(sampleOrder(), key))
	})
	require.Equal(t, "1", s.metric("cupcakery_orders_created_total"))
}

func TestManyRequestsWithOneKeyMakeOneOrder(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	key := uuid.NewString()
	gate := make(chan struct{})
	bodies := make([]string, 10)
	var requests sync.WaitGroup
	for i := range bodies {
		requests.Go(func() {
			<-gate
			answer, err := s.CreateOrderWithResponse(t.Context(), &wire.CreateOrderParams{IdempotencyKey: &key}, sampleOrder())
			if err != nil {
				bodies[i] = err.Error()
				return
			}
			bodies[i] = fmt.Sprint(answer.StatusCode(), " ", string(answer.Body))
		})
	}
	close(gate)
	requests.Wait()
	require.True(t, strings.HasPrefix(bodies[0], "201 "), bodies[0])
	for _, body := range bodies {
		require.Equal(t, bodies[0], body)
	}
	require.Equal(t, "1", s.metric("cupcakery_orders_created_total"))
}

func TestWithoutAKeyEveryRequestIsAnOrder(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, nil)
	require.NotEqual(t, s.taken(sampleOrder()), s.taken(sampleOrder()))
}

func TestWithoutAWorker(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, func(c *Config) { c.QueryWithin = 50 * time.Millisecond })

	t.Run("orders are taken, and shown as Temporal knows them", func(t *testing.T) {
		answer := s.order(sampleOrder(), "")
		require.Equal(t, http.StatusCreated, answer.StatusCode())
		require.Equal(t, *answer.JSON201, s.status(answer.JSON201.ID), "nothing has happened that a worker would know of")

		require.NoError(t, unstaffed.SignalWorkflow(t.Context(), kitchen.WorkflowID(answer.JSON201.ID), "", "news", nil))
		want := *answer.JSON201
		want.Stale = true
		require.Equal(t, want, s.status(want.ID))
	})
	t.Run("after a few queries in vain no request waits for one", func(t *testing.T) {
		id := s.taken(sampleOrder())
		require.NoError(t, unstaffed.SignalWorkflow(t.Context(), kitchen.WorkflowID(id), "", "news", nil))
		for range queriesGivenUp {
			require.True(t, s.status(id).Stale)
		}
		require.Equal(t, doNotAsk, s.server.follower.gate.enter())
		require.True(t, s.status(id).Stale)
	})
	require.NotEqual(t, "0", s.metric("cupcakery_stale_answers_total"))
}

// silentDescribe does not answer about pending activities.
type silentDescribe struct{ temporalclient.Client }

func (silentDescribe) DescribeWorkflowExecution(ctx context.Context, _, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAnAnswerDoesNotWaitForDetailsThatItDoesNotNeed(t *testing.T) {
	t.Parallel()
	s := openShop(t, silentDescribe{staffed}, nil)
	id := s.taken(sampleOrder())
	nextTicket(t, id)
	status := s.status(id)
	require.Equal(t, kitchen.Mix, status.WaitingFor)
	require.True(t, status.Stale, "who works on it is unknown")
	for range kitchen.Stages()[1:] {
		finish(t, kitchen.Ticket{TicketID: id + "." + string(status.WaitingFor) + ".1", OrderID: id, Stage: status.WaitingFor})
		status.WaitingFor = nextTicket(t, id).Stage
	}
	finish(t, kitchen.Ticket{TicketID: id + ".package.1", OrderID: id, Stage: kitchen.Package})
	require.NoError(t, staffed.GetWorkflow(t.Context(), kitchen.WorkflowID(id), "").Get(t.Context(), nil))
	status = s.status(id)
	require.Equal(t, kitchen.StateShipped, status.State)
	require.False(t, status.Stale)
}

// explodingHistory panics when a history is read.
type explodingHistory struct{ temporalclient.Client }

func (explodingHistory) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) temporalclient.HistoryEventIterator {
	panic("secret of the house")
}

func TestAPanicBesideTheRequestDoesNotEndTheProcess(t *testing.T) {
	t.Parallel()
	var log lockedBuffer // the server may still write when the answer is there
	s := openShop(t, explodingHistory{unstaffed}, func(c *Config) {
		c.QueryWithin = time.Millisecond
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	answer, err := s.GetOrderWithResponse(t.Context(), s.taken(sampleOrder()))
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, answer.StatusCode())
	require.NotContains(t, string(answer.Body), "secret of the house")
	require.Contains(t, log.String(), "secret of the house")
	require.Contains(t, log.String(), "GetWorkflowHistory", "the stack")
}

func TestAnOrderThatWasEndedFromOutsideIsCancelled(t *testing.T) {
	t.Parallel()
	for _, temporal := range []temporalclient.Client{staffed, unstaffed} { // a worker would not know
		s := openShop(t, temporal, nil)
		id := s.taken(sampleOrder())
		require.NoError(t, temporal.TerminateWorkflow(t.Context(), kitchen.WorkflowID(id), "", "by an operator"))
		status := s.status(id)
		require.Equal(t, kitchen.StateCancelled, status.State)
		require.False(t, status.Stale, "a closed order cannot change any more")
	}
}

func TestWithoutAWorkerTheLogTells(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, unstaffed, func(c *Config) { c.QueryWithin = 50 * time.Millisecond })
	s := &shop{t: t, server: b.server, ClientWithResponses: clientOf(t, b.web)}
	placed := *s.order(sampleOrder(), "").JSON201
	require.NoError(t, unstaffed.SignalWorkflow(t.Context(), kitchen.WorkflowID(placed.ID), "", "news", nil), "or its history would tell all that there is")
	mix := floortest.Ticket(kitchen.TicketRef{OrderID: placed.ID, Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}, 1)
	writer := kafka.writer()
	b.onBoard(writer, mix)
	issued := mix.IssuedAt
	told := placed
	told.State, told.Stage, told.WaitingFor, told.Version = kitchen.StateInProgress, kitchen.Mix, kitchen.Mix, 10
	told.Stages = []kitchen.StageStatus{{Stage: kitchen.Mix, Pass: 1, State: kitchen.TicketWaiting, Attempt: 1, IssuedAt: &issued}}
	require.NoError(t, writer.PublishStatus(t.Context(), told.ForLog(time.Now())))
	started := b.acked("eve", mix, `{"kind":"started"}`)
	answered := func(stale bool) kitchen.Status {
		t.Helper()
		require.Eventually(t, func() bool { return s.status(placed.ID).Stale == stale }, patience, 10*time.Millisecond)
		return s.status(placed.ID)
	}

	want := told
	want.Stages = kitchen.CloneStages(told.Stages)
	want.Stages[0].State, want.Stages[0].By, want.Stages[0].StartedAt = kitchen.TicketStarted, "eve", &started.StartedAt
	require.Equal(t, want, answered(false), "with the customer's own part")
	require.NotEqual(t, "0", s.metric(`cupcakery_order_answers_total{source="`+string(fromLog)+`"}`))

	kafka.stop()
	require.Equal(t, kitchen.StateAccepted, answered(true).State, "the log may tell more by now")
	kafka.start()
	require.Equal(t, want, answered(false))

	told.Version, told.DetailsVersion = 20, 20
	require.NoError(t, writer.PublishStatus(t.Context(), told.ForLog(time.Now())))
	require.Equal(t, kitchen.StateAccepted, answered(true).State, "the log does not tell what has changed")

	told.Version, told.DetailsVersion = 30, 0
	require.NoError(t, writer.PublishStatus(t.Context(), told.ForLog(time.Now())))
	require.Equal(t, kitchen.StateInProgress, answered(false).State)
	require.NoError(t, unstaffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(placed.ID), "", "by hand"))
	require.Equal(t, kitchen.StateCancelled, s.status(placed.ID).State, "the log never has that")
}

func TestAnUnknownOrder(t *testing.T) {
	t.Parallel()
	id, err := kitchen.NewOrderID()
	require.NoError(t, err)
	for _, temporal := range []temporalclient.Client{staffed, unstaffed} {
		answer, err := openShop(t, temporal, nil).GetOrderWithResponse(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, http.StatusNotFound, answer.StatusCode())
		require.Equal(t, wire.ProblemOrderNotFound, answer.ApplicationProblemJSON404.Type)
	}
}

func TestTheWholeHTTPSurfaceWorksWithHEAD(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	id := s.taken(sampleOrder())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, s.ClientInterface.(*client.Client).Server+"api/v1/orders/"+id, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	var body bytes.Buffer
	_, err = body.ReadFrom(answer.Body)
	require.NoError(t, err)
	require.Empty(t, body.String())
}

func TestWithoutTemporal(t *testing.T) {
	t.Parallel()
	devServer, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{Headless: true})
	require.NoError(t, err)
	connected, err := temporalclient.DialContext(t.Context(), temporalOptions(devServer.Addr()))
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	before := openShop(t, connected, nil)
	id := before.taken(sampleOrder())
	var ready *client.GetReadinessResponse
	require.Eventually(t, func() bool { // a busy machine may take longer than a look
		var err error
		ready, err = before.GetReadinessWithResponse(t.Context())
		return err == nil && ready.StatusCode() == http.StatusOK
	}, patience, 20*time.Millisecond)
	require.True(t, ready.JSON200.Ready)
	require.False(t, ready.JSON200.Kafka.Ok, "there is none, and it does not matter")
	devServer.Kill()
	// A client that was never connected fails in other ways.
	never, err := temporalclient.NewLazyClient(temporalOptions(devServer.Addr()))
	require.NoError(t, err)
	t.Cleanup(never.Close)

	for name, temporal := range map[string]temporalclient.Client{"that was there": connected, "that never was there": never} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, temporal, nil)
			requireUnavailable := func(response *http.Response, problem *wire.Problem) {
				t.Helper()
				require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
				require.Equal(t, "2", response.Header.Get("Retry-After"))
				require.Equal(t, wire.ProblemUnavailable, problem.Type)
				require.NotContains(t, problem.Detail, devServer.Addr())
			}
			var calls sync.WaitGroup
			calls.Go(func() {
				answer := s.order(sampleOrder(), uuid.NewString())
				requireUnavailable(answer.HTTPResponse, answer.ApplicationProblemJSON503)
				require.Contains(t, answer.ApplicationProblemJSON503.Detail, "Idempotency-Key")
			})
			calls.Go(func() {
				answer, err := s.GetOrderWithResponse(t.Context(), id)
				require.NoError(t, err)
				requireUnavailable(answer.HTTPResponse, answer.ApplicationProblemJSON503)
			})
			calls.Go(func() {
				answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{})
				require.NoError(t, err)
				requireUnavailable(answer.HTTPResponse, answer.ApplicationProblemJSON503)
			})
			calls.Go(func() {
				answer, err := s.GetReadinessWithResponse(t.Context())
				require.NoError(t, err)
				require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode())
				require.False(t, answer.JSON503.Ready)
				require.NotContains(t, string(answer.Body), devServer.Addr())
			})
			calls.Go(func() {
				answer, err := s.GetHealthWithResponse(t.Context())
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, answer.StatusCode())
			})
			calls.Wait()
		})
	}
}

func TestOrdersAreFound(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, nil)
	// Names that would break out of a query that does not quote them.
	names := []string{`O'Brien ` + uuid.NewString(), `back\slash ` + uuid.NewString(), `x' OR 'a' = 'a ` + uuid.NewString(), `Ada "the 100%_er" \' ` + uuid.NewString(), `"quoted" ` + uuid.NewString(), `שלום 🎂 ` + uuid.NewString()}
	ids := map[string]string{}
	for _, name := range names {
		order := sampleOrder()
		order.Customer.Name = name
		order.Lines = append(order.Lines, kitchen.Line{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 6})
		ids[name] = s.taken(order)
	}
	find := func(params wire.ListOrdersParams) []string {
		t.Helper()
		found := []string{}
		for {
			answer, err := s.ListOrdersWithResponse(t.Context(), &params)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
			for _, order := range answer.JSON200.Orders {
				found = append(found, order.ID)
			}
			if answer.JSON200.NextPageToken == "" {
				return found
			}
			params.PageToken = &answer.JSON200.NextPageToken
		}
	}
	eventually := func(want string, params wire.ListOrdersParams) {
		t.Helper()
		require.Eventually(t, func() bool {
			found := find(params)
			return len(found) == 1 && found[0] == want
		}, 30*time.Second, 20*time.Millisecond)
	}
	for _, name := range names {
		eventually(ids[name], wire.ListOrdersParams{Customer: new(name)})
	}
	name := names[0]
	id := ids[name]
	for _, params := range []wire.ListOrdersParams{
		{Customer: new(name), State: new(kitchen.StateInProgress)},
		{Customer: new(name), Flavour: new("lemon")},
		{Customer: new(name), Flavour: new("red-velvet")},
		{Customer: new(name), PickupCode: new(kitchen.PickupCode(id))},
		{Customer: new(name), PickupCode: new(strings.ToLower(kitchen.PickupCode(id)))},
	} {
		require.Equal(t, []string{id}, find(params), "%+v", params)
	}
	for _, params := range []wire.ListOrdersParams{
		{Customer: new(name), State: new(kitchen.StateShipped)}, {Customer: new(name), State: new(kitchen.StateCancelled)}, {Customer: new(name), State: new(kitchen.StateNeedsAttention)},
		{Customer: new(name), State: new(kitchen.StateCancelling)}, {Customer: new(name), Flavour: new("chocolate")}, {Customer: new(name), PickupCode: new("0000")}, {Customer: new("nobody")},
	} {
		require.Empty(t, find(params), "%+v", params)
	}

	t.Run("an item tells what a list needs", func(t *testing.T) {
		answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Customer: new(name)})
		require.NoError(t, err)
		item := answer.JSON200.Orders[0]
		require.Equal(t, kitchen.PickupCode(id), item.PickupCode)
		require.Equal(t, kitchen.StateInProgress, item.State)
		require.Equal(t, name, item.Customer.Name)
		require.Equal(t, []string{"lemon", "red-velvet"}, item.Flavours)
		require.WithinDuration(t, time.Now(), item.PlacedAt, time.Minute)
		require.True(t, item.ClosedAt.IsZero())
		require.NotContains(t, string(answer.Body), "closedAt")
	})
	t.Run("an order ended from outside is found as cancelled", func(t *testing.T) {
		require.NoError(t, unstaffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(id), "", "by an operator"))
		eventually(id, wire.ListOrdersParams{Customer: new(name), State: new(kitchen.StateCancelled)})
		require.Empty(t, find(wire.ListOrdersParams{Customer: new(name), State: new(kitchen.StateInProgress)}))
		answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Customer: new(name)})
		require.NoError(t, err)
		require.Equal(t, kitchen.StateCancelled, answer.JSON200.Orders[0].State)
		require.WithinDuration(t, time.Now(), answer.JSON200.Orders[0].ClosedAt, time.Minute)
	})
}

func TestShippedOrdersAreFound(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	order := sampleOrder()
	order.Customer.Name = "Shipped " + uuid.NewString()
	id := s.taken(order)
	for range kitchen.Stages() {
		finish(t, nextTicket(t, id))
	}
	require.Eventually(t, func() bool {
		answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Customer: new(order.Customer.Name), State: new(kitchen.StateShipped)})
		require.NoError(t, err)
		return len(answer.JSON200.Orders) == 1 && answer.JSON200.Orders[0].ID == id && answer.JSON200.Orders[0].State == kitchen.StateShipped
	}, 30*time.Second, 20*time.Millisecond)
}

func TestPagesHoldEveryOrderOnce(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, nil)
	order := sampleOrder()
	order.Customer.Name = "Pages " + uuid.NewString()
	want := map[string]bool{}
	for range 7 {
		want[s.taken(order)] = true
	}
	params := wire.ListOrdersParams{Customer: new(order.Customer.Name)}
	require.Eventually(t, func() bool {
		answer, err := s.ListOrdersWithResponse(t.Context(), &params)
		require.NoError(t, err)
		return len(answer.JSON200.Orders) == len(want)
	}, 30*time.Second, 20*time.Millisecond)

	params.Limit = new(3)
	found := map[string]bool{}
	var tokens []string
	for {
		answer, err := s.ListOrdersWithResponse(t.Context(), &params)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
		require.LessOrEqual(t, len(answer.JSON200.Orders), 3)
		for _, item := range answer.JSON200.Orders {
			require.False(t, found[item.ID], "twice")
			found[item.ID] = true
		}
		if answer.JSON200.NextPageToken == "" {
			break
		}
		tokens = append(tokens, answer.JSON200.NextPageToken)
		params.PageToken = &answer.JSON200.NextPageToken
	}
	require.Equal(t, want, found)
	require.GreaterOrEqual(t, len(tokens), 2)

	for name, refused := range map[string]wire.ListOrdersParams{
		"with other filters": {Customer: new("somebody else"), PageToken: &tokens[0]},
		"changed":            {Customer: &order.Customer.Name, PageToken: new(tokens[0][:len(tokens[0])-2] + "AA")},
		"cut off":            {Customer: &order.Customer.Name, PageToken: new(tokens[0][:20])},
	} {
		answer, err := s.ListOrdersWithResponse(t.Context(), &refused)
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, answer.StatusCode(), name)
		require.Equal(t, "pageToken", answer.ApplicationProblemJSON400.Errors[0].Parameter)
	}
}

func TestAWorkflowThatIsNoOrderDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, nil)
	order := sampleOrder()
	order.Customer.Name = "Odd " + uuid.NewString()
	id := s.taken(order)
	options := workflows.StartOptions(id, workflows.OrderInput{Order: order}, "hash")
	options.ID = "by-hand-" + uuid.NewString()
	_, err := unstaffed.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflowType, workflows.OrderInput{Order: order})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		count, err := unstaffed.CountWorkflow(t.Context(), countRequest(listQuery(wire.ListOrdersParams{Customer: new(order.Customer.Name)})))
		require.NoError(t, err)
		return count.GetCount() == 2
	}, 30*time.Second, 20*time.Millisecond)
	answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Customer: new(order.Customer.Name)})
	require.NoError(t, err)
	require.Len(t, answer.JSON200.Orders, 1)
	require.Equal(t, id, answer.JSON200.Orders[0].ID)
}
