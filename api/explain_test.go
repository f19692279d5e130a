package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

func (s *shop) explained(orderID string) wire.OrderExplanation {
	s.t.Helper()
	answer, err := s.ExplainOrderWithResponse(s.t.Context(), orderID)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, answer.StatusCode(), string(answer.Body))
	return *answer.JSON200
}

// burn lets a ticket fail, as its station does.
func burn(t *testing.T, ticket kitchen.Ticket) {
	t.Helper()
	ref, err := kitchen.ParseTicketID(ticket.TicketID)
	require.NoError(t, err)
	ack := kitchen.Ack{TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kitchen.AckFailed, By: "bob", At: time.Now().UTC(), Attempt: ticket.Attempt, Reason: "burnt", Note: "tray 4", Scrapped: 12}
	failure := temporal.NewNonRetryableApplicationError("burnt", "burnt", nil, ack)
	require.NoError(t, staffed.CompleteActivityByID(t.Context(), temporalclient.DefaultNamespace, kitchen.WorkflowID(ticket.OrderID), "", ref.ActivityID(), nil, failure))
}

func texts(explained wire.OrderExplanation) (lines []string) {
	for _, happened := range explained.Happened {
		lines = append(lines, happened.Text)
	}
	return lines
}

func TestAnOrderIsExplained(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, func(c *Config) { c.TemporalUIURL = "https://temporal.example.com/ui/" })
	id := s.taken(sampleOrder())
	finish(t, nextTicket(t, id))
	burn(t, nextTicket(t, id))
	require.Equal(t, 2, nextTicket(t, id).Pass)
	_, err := s.AmendOrderWithResponse(t.Context(), id, &wire.AmendOrderParams{}, kitchen.Amendment{Notes: new("ring twice")})
	require.NoError(t, err)

	explained := s.explained(id)
	require.Equal(t, []string{
		"It was ordered: 12 cupcakes.", "The ticket for mix went out.", "bob began to mix.", "Mix was done by bob.",
		"The ticket for bake went out.", "Bake failed, says bob (Burnt). “tray 4” 12 cupcakes were thrown away.",
		"The ticket for mix went out, for the 2nd time.", "Its notes were changed.",
	}, texts(explained))
	require.Equal(t, wire.HappenedFailed, explained.Happened[5].Kind)
	require.Equal(t, []any{kitchen.Bake, 1, "bob"}, []any{explained.Happened[5].Stage, explained.Happened[5].Pass, explained.Happened[5].By})
	require.Equal(t, wire.WaitingInQueue, explained.Waiting.Cause)
	require.Equal(t, "https://temporal.example.com/ui/namespaces/default/workflows/order-"+id, explained.TemporalURL)
	require.Equal(t, []kitchen.PackedBox{{Code: kitchen.SizeL, Lines: sampleOrder().Lines}}, explained.Boxes)
	require.Equal(t, "ring twice", explained.Order.Notes)
	require.False(t, explained.Incomplete)
	require.Zero(t, explained.Late)

	cancelled, err := s.CancelOrderWithResponse(t.Context(), id, &wire.CancelOrderParams{}, kitchen.Cancellation{Reason: "changed my mind"})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, cancelled.StatusCode(), string(cancelled.Body))
	explained = s.explained(id)
	require.Contains(t, texts(explained), "manager asked to cancel it: changed my mind.")
	require.Contains(t, explained.Waiting.Text, "It is being cancelled")
}

func TestAnOrderThatIsOverIsExplained(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	id := s.taken(sampleOrder())
	for range kitchen.Stages() {
		finish(t, nextTicket(t, id))
	}
	require.Eventually(t, func() bool { return s.status(id).State == kitchen.StateShipped }, patience, 20*time.Millisecond)
	explained := s.explained(id)
	require.Equal(t, wire.WaitingForNothing, explained.Waiting.Cause)
	require.Equal(t, "It was ready for pickup.", explained.Happened[len(explained.Happened)-1].Text)
	require.Empty(t, explained.TemporalURL)
}

func TestOfAnOpenTicketTheLogIsTold(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, unstaffed, nil)
	order := sampleOrder()
	order.Customer.Name = "Explained " + uuid.NewString()
	writer := kafka.writer()
	ticket := b.place(writer, order, kitchen.Mix, time.Now().UTC())
	explain := func() wire.OrderExplanation {
		return answerOf[wire.OrderExplanation](t, b.ask("bob", http.MethodGet, "/api/v1/orders/"+ticket.OrderID+"/explanation", ""), http.StatusOK)
	}
	b.ask("bob", http.MethodPut, "/api/v1/orders/"+ticket.OrderID+"/rush", `{"reason":"the bride is here"}`)
	require.Eventually(t, func() bool { return explain().Rush.By == "bob" }, patience, 20*time.Millisecond)
	require.Contains(t, texts(explain()), "bob let it go before others: the bride is here.")

	b.acked("eve", ticket, `{"kind":"started"}`)
	explained := explain()
	require.Equal(t, wire.WaitingForWorker, explained.Waiting.Cause, "nobody drives this order, whatever the log has")
	last := explained.Happened[len(explained.Happened)-1]
	require.Equal(t, []any{"eve began to mix.", wire.HappenedStarted, "eve"}, []any{last.Text, last.Kind, last.By})
}

func TestExplainingIsForStaff(t *testing.T) {
	t.Parallel()
	b := &bakery{t: t, server: newTestServer(t, staffed, func(c *Config) { c.Staff = managers })}
	const path = "/api/v1/orders/01936f8e-5c1a-7d3b-9f00-000000000001/explanation"
	requireProblem(t, b.ask("", http.MethodGet, path, ""), wire.ProblemNotSignedIn)
	requireProblem(t, b.ask("bob", http.MethodGet, path, ""), wire.ProblemOrderNotFound)
}

func TestTheAddressOfTemporalsUI(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "http://127.0.0.1:8233", "https://temporal.example.com/ui/"} {
		require.NoError(t, CheckUIURL(good), good)
	}
	for _, bad := range []string{"temporal.example.com", "javascript:alert(1)", "https://", "https://temporal.example.com/?a=b", "https://temporal.example.com/#x"} {
		require.Error(t, CheckUIURL(bad), bad)
	}
}

// The owner may give the kitchen more time for new orders; those of before are due, and
// begun, when their customers were told.
func TestAnOrderIsExplainedByTheRulesThatItWasPlacedWith(t *testing.T) {
	t.Parallel()
	now, hour := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), kitchen.Duration(time.Hour)
	file := *kitchen.Default()
	file.Opening.Lead = kitchen.Lead{Base: 5 * hour}
	s := &Server{kitchen: &file}
	order := sampleOrder()
	for name, c := range map[string]struct {
		in   workflows.OrderInput
		lead time.Duration
	}{
		"as soon as possible": {workflows.OrderInput{Order: order, Rules: kitchen.Rules{Lead: &kitchen.Lead{Base: hour, PerDozen: hour}}}, 2 * time.Hour},
		"for later":           {workflows.OrderInput{Order: order, Rules: kitchen.Rules{Lead: &kitchen.Lead{Base: hour}}, Pickup: &kitchen.Pickup{At: now.Add(3 * time.Hour), BeginAt: now}}, 3 * time.Hour},
		"an older build":      {workflows.OrderInput{Order: order}, 5 * time.Hour},
	} {
		require.Equal(t, c.lead, s.leadOf(c.in), name)
	}
}
