package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// erase forgets an order's person as `cupcakery order erase` does, as far as an API is
// concerned: the flag, and then nothing in Temporal.
func (b *bakery) erase(orderID string) {
	b.t.Helper()
	require.NoError(b.t, b.server.floor.PutFlag(b.t.Context(), kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagErased, Of: kitchen.OrderKey(orderID)}, By: "mia"}))
	eraseInTemporal(b.t, orderID)
}

// eraseInTemporal is what Temporal sees of that.
func eraseInTemporal(t *testing.T, orderID string) {
	t.Helper()
	require.NoError(t, workflows.NewOrders(unstaffed, nil).MarkErased(t.Context(), orderID))
	_, err := unstaffed.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: temporalclient.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID)},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return isForgotten(t, orderID) }, patience, 20*time.Millisecond)
}

// isForgotten reports whether Temporal has nothing of an order.
func isForgotten(t *testing.T, orderID string) bool {
	t.Helper()
	_, err := unstaffed.DescribeWorkflowExecution(context.WithoutCancel(t.Context()), kitchen.WorkflowID(orderID), "")
	if err != nil {
		require.True(t, workflows.IsNotFound(err), err)
	}
	return err != nil
}

func TestTheKeyOfAnErasedOrderPlacesNoOrderAnyMore(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	here, there := openBakery(t, kafka, unstaffed, nil), openBakery(t, kafka, unstaffed, nil)
	order, key := asText(t, sampleOrder()), uuid.NewString()
	id := answerOf[kitchen.Status](t, postOrder(t, here.server, order, "Idempotency-Key", key), http.StatusCreated).ID
	tab := there.connectWith(nil)
	tab.subscribe("order/"+id, "")
	require.Equal(t, id, tab.next().Order.ID)
	require.NoError(t, unstaffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(id), "", "by an operator"))
	here.erase(id)
	require.Equal(t, wire.ProblemOrderErased, tab.next().Problem.Type, "whoever follows it, at another process")

	late := openBakery(t, kafka, unstaffed, nil)
	for name, b := range map[string]*bakery{"the process that has taken it": here, "another": there, "one that starts later": late} {
		for range 2 {
			require.Contains(t, requireProblem(t, postOrder(t, b.server, order, "Idempotency-Key", key), wire.ProblemOrderErased).Detail, "use a new key", name)
		}
		requireProblem(t, postOrder(t, b.server, `{"customer":{"name":"Eve"},"lines":[{"flavour":"lemon","size":"M","quantity":1}]}`, "Idempotency-Key", key), wire.ProblemOrderErased)
		path := "/api/v1/orders/" + id
		requireProblem(t, b.ask("", http.MethodGet, path, ""), wire.ProblemOrderErased)
		requireProblem(t, b.ask("", http.MethodPost, path+"/cancel", `{}`), wire.ProblemOrderErased)
		requireProblem(t, b.ask("", http.MethodPost, path+"/amend", `{"notes":"x"}`), wire.ProblemOrderErased)
		requireProblem(t, b.ask("bob", http.MethodPost, path+"/resolve", `{"choice":"retry"}`), wire.ProblemOrderErased)
		requireProblem(t, b.ask("bob", http.MethodPut, path+"/rush", `{"reason":"x"}`), wire.ProblemOrderErased)
		requireProblem(t, b.ask("bob", http.MethodPut, path+"/collected", ""), wire.ProblemOrderErased)
		requireProblem(t, b.ask("bob", http.MethodGet, path+"/explanation", ""), wire.ProblemOrderErased)
	}
	require.True(t, isForgotten(t, id), "nobody has started it anew")
	require.Equal(t, http.StatusCreated, postOrder(t, here.server, order, "Idempotency-Key", uuid.NewString()).Code, "the customer may come again")
}

// TestWithoutKafkaOrdersAreTakenAndErasedOnesAreNot, by a process that has lost Kafka and
// by one that has not read kitchen-state yet: a restart must be no way round.
func TestWithoutKafkaOrdersAreTakenAndErasedOnesAreNot(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	before := openBakery(t, kafka, unstaffed, nil)
	order, key := asText(t, sampleOrder()), uuid.NewString()
	id := answerOf[kitchen.Status](t, postOrder(t, before.server, order, "Idempotency-Key", key), http.StatusCreated).ID
	require.NoError(t, unstaffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(id), "", "by an operator"))
	before.erase(id)
	keyMeanwhile := uuid.NewString()
	meanwhile := answerOf[kitchen.Status](t, postOrder(t, before.server, order, "Idempotency-Key", keyMeanwhile), http.StatusCreated).ID
	require.NoError(t, unstaffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(meanwhile), "", "by an operator"))
	kafka.stop()
	require.Eventually(t, func() bool {
		_, known := before.server.floor.IsErased(meanwhile)
		return !known
	}, patience, 20*time.Millisecond)
	eraseInTemporal(t, meanwhile) // whoever erases has a Kafka

	requireProblem(t, postOrder(t, before.server, order, "Idempotency-Key", key), wire.ProblemOrderErased)
	require.Equal(t, http.StatusCreated, postOrder(t, before.server, order, "Idempotency-Key", uuid.NewString()).Code, "a process that has read the flags takes orders without Kafka")
	after := openBakeryAtOnce(t, kafka, unstaffed, nil)
	requireProblem(t, postOrder(t, after.server, order, "Idempotency-Key", key), wire.ProblemOrderErased)
	for _, b := range []*bakery{before, after} {
		requireProblem(t, postOrder(t, b.server, order, "Idempotency-Key", keyMeanwhile), wire.ProblemOrderErased)
	}
	require.Equal(t, http.StatusCreated, postOrder(t, after.server, order, "Idempotency-Key", uuid.NewString()).Code, "pages always send a key")
	require.Equal(t, http.StatusCreated, postOrder(t, after.server, order).Code)
	require.True(t, isForgotten(t, id))
	require.True(t, isForgotten(t, meanwhile))

	kafka.start()
	after.server.floor.AwaitFlags(t.Context(), patience)
	requireProblem(t, postOrder(t, after.server, order, "Idempotency-Key", key), wire.ProblemOrderErased)
	require.Equal(t, http.StatusCreated, postOrder(t, after.server, order, "Idempotency-Key", uuid.NewString()).Code)
	require.True(t, isForgotten(t, id))
}

// TestAStandingOrderPlacesNoErasedOrderAgain: Temporal does not know it any more, and a
// schedule can be told to catch up.
func TestAStandingOrderPlacesNoErasedOrderAgain(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), untouchedTemporal{}, bakeryWithSlots(t))
	opening := &b.server.kitchen.Opening
	day := opening.DateOf(time.Now()).Add(3)
	standing := workflows.Standing{ID: uuid.NewString(), Order: everyWeekOn(day, "08:00", 1), DaysAhead: 7, TimeZone: opening.Location().String()}
	orderID := kitchen.OrderIDFromKey(b.server.secret, "standing order "+standing.ID+" on "+day.String())
	require.NoError(t, b.server.floor.PutFlag(t.Context(), kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagErased, Of: kitchen.OrderKey(orderID)}, By: "mia"}))
	_, err := b.server.placeStanding(t.Context(), workflows.PlaceStanding{Standing: standing, ScheduledAt: opening.PlacedOn(day, 7)})
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, workflows.ErrorOccurrenceRefused, failure.Type())
	require.True(t, failure.NonRetryable())
	require.Contains(t, failure.Message(), "was erased")
}

// Reports are of days and stages; one about a single order would tell of its customer.
func TestHistoryAnswersNothingAboutAnErasedOrder(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), unstaffed, func(c *Config) { c.History = &fakeHistory{answers: told("red-velvet")} })
	delay, trace := "/api/v1/history/orders/"+rememberedOrder+"/delay", "/api/v1/history/trace?ticket="+rememberedOrder+".bake.1"
	for _, path := range []string{delay, trace} {
		require.Equal(t, http.StatusOK, b.ask("bob", http.MethodGet, path, "").Code, path)
	}
	require.NoError(t, b.server.floor.PutFlag(t.Context(), kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagErased, Of: kitchen.OrderKey(rememberedOrder)}, By: "mia"}))
	for _, path := range []string{delay, trace} {
		requireProblem(t, b.ask("bob", http.MethodGet, path, ""), wire.ProblemOrderErased)
	}
}

// The ledger may read later than this process that an order was erased.
func TestHistoryNamesNoErasedOrderAmongOthers(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), untouchedTemporal{}, func(c *Config) {
		all := told("red-velvet")
		other := all.trace.Tickets[0]
		other.OrderID, other.Customer = unknownOrder, "Bo"
		all.trace.Tickets = append(all.trace.Tickets, other)
		c.History = &fakeHistory{answers: all}
	})
	day, orders, trace, tray := "/api/v1/history/days/2026-11-26", "/api/v1/history/orders?pickupCode=K7QF", "/api/v1/history/"+bakedInAnHour, "/api/v1/history/trace?ticket="+unknownOrder+".bake.1"
	tables := []string{day + "?format=csv&table=late", orders + "&format=csv", trace + "&format=csv", tray + "&format=csv"}
	for _, table := range tables {
		require.Contains(t, b.ask("bob", http.MethodGet, table, "").Body.String(), rememberedOrder, table)
	}
	require.NoError(t, b.server.floor.PutFlag(t.Context(), kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagErased, Of: kitchen.OrderKey(rememberedOrder)}, By: "mia"}))
	for _, table := range tables {
		require.NotContains(t, b.ask("bob", http.MethodGet, table, "").Body.String(), rememberedOrder, table)
	}
	late := answerOf[wire.HistoryDay](t, b.ask("bob", http.MethodGet, day, ""), http.StatusOK).Late
	require.Len(t, late, 2, "that it was late is a figure of the day")
	require.Empty(t, late[0].OrderID)
	require.Empty(t, answerOf[wire.HistoryOrders](t, b.ask("bob", http.MethodGet, orders, ""), http.StatusOK).Orders)
	for _, target := range []string{trace, tray} {
		tickets := answerOf[wire.HistoryTrace](t, b.ask("bob", http.MethodGet, target, ""), http.StatusOK).Tickets
		require.Len(t, tickets, 3, "what was baked was baked")
		require.Empty(t, tickets[0].OrderID+tickets[0].Customer)
		require.Equal(t, "Bo", tickets[2].Customer)
	}
}
