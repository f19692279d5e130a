package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// list asks for a page of orders by filters, as name, value, name, value.
func (b *bakery) list(filters ...string) wire.OrderPage {
	b.t.Helper()
	return answerOf[wire.OrderPage](b.t, do(b.t, b.server, b.listRequest(filters...)), http.StatusOK)
}

func (b *bakery) listRequest(filters ...string) *http.Request {
	query := url.Values{}
	for i := 0; i < len(filters); i += 2 {
		query.Set(filters[i], filters[i+1])
	}
	return b.as("bob", newRequest(http.MethodGet, "/api/v1/orders?"+query.Encode(), nil))
}

func idsOf(page wire.OrderPage) []string {
	ids := []string{}
	for _, order := range page.Orders {
		ids = append(ids, order.ID)
	}
	return ids
}

// place starts an order's workflow, and puts its ticket on a board.
func (b *bakery) place(writer *events.Writer, order kitchen.Order, stage kitchen.Stage, since time.Time) kitchen.Ticket {
	b.t.Helper()
	ticket := newTicket(b.t, stage)
	ticket.Since = since
	_, err := unstaffed.ExecuteWorkflow(b.t.Context(), workflows.StartOptions(ticket.OrderID, workflows.OrderInput{Order: order}, "hash"), workflows.OrderWorkflowType, workflows.OrderInput{Order: order})
	require.NoError(b.t, err)
	b.onBoard(writer, ticket)
	return ticket
}

// found waits until Temporal lists as many orders of a customer.
func (b *bakery) found(customer string, orders int) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return len(b.list("customer", customer).Orders) == orders }, patience, 20*time.Millisecond)
}

func TestAListSaysWhereOrdersAreAndWhoHasThemInHand(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, unstaffed, nil)
	writer := kafka.writer()
	order := sampleOrder()
	order.Customer.Name = "In hand " + uuid.NewString()
	noon := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	// Not in the order in which they were placed: a remake keeps its place.
	second, first := b.place(writer, order, kitchen.Bake, noon.Add(time.Minute)), b.place(writer, order, kitchen.Bake, noon)
	atMix := b.place(writer, order, kitchen.Mix, noon)
	b.acked("eve", first, `{"kind":"started"}`)
	b.found(order.Customer.Name, 3)

	t.Run("EachOrder", func(t *testing.T) {
		page := b.list("customer", order.Customer.Name)
		require.Zero(t, page.Behind)
		places := map[string][]string{}
		for _, listed := range page.Orders {
			places[listed.ID] = []string{string(listed.Stage), listed.InHand.By}
			require.Equal(t, listed.InHand.By == "", listed.InHand.Since.IsZero())
			require.Equal(t, 12, listed.Pieces)
		}
		require.Equal(t, map[string][]string{first.OrderID: {"bake", "eve"}, second.OrderID: {"bake", ""}, atMix.OrderID: {"mix", ""}}, places)
	})
	t.Run("OfAStageInTheOrderOfItsQueue", func(t *testing.T) {
		page := b.list("stage", "bake")
		require.Equal(t, []string{first.OrderID, second.OrderID}, idsOf(page))
		require.Equal(t, []any{kitchen.Bake, "eve"}, []any{page.Orders[0].Stage, page.Orders[0].InHand.By})
		require.WithinDuration(t, time.Now(), page.Orders[0].InHand.Since, patience)
		require.Equal(t, wire.InHand{}, page.Orders[1].InHand)
		require.Empty(t, page.NextPageToken)
		require.Equal(t, []string{atMix.OrderID}, idsOf(b.list("stage", "mix")))
		require.Empty(t, idsOf(b.list("stage", "package")))
	})
	t.Run("OfAStageByOtherFiltersToo", func(t *testing.T) {
		for name, c := range map[string]struct {
			filters []string
			want    []string
		}{
			"Customer":            {[]string{"customer", order.Customer.Name}, []string{first.OrderID, second.OrderID}},
			"AnotherCustomer":     {[]string{"customer", "nobody"}, []string{}},
			"State":               {[]string{"state", "in-progress"}, []string{first.OrderID, second.OrderID}},
			"AnotherState":        {[]string{"state", "needs-attention"}, []string{}},
			"Flavour":             {[]string{"flavour", "red-velvet"}, []string{first.OrderID, second.OrderID}},
			"AnotherFlavour":      {[]string{"flavour", "lemon"}, []string{}},
			"PickupCode":          {[]string{"pickupCode", kitchen.PickupCode(second.OrderID)}, []string{second.OrderID}},
			"PickupCodeElsewhere": {[]string{"pickupCode", kitchen.PickupCode(atMix.OrderID)}, []string{}},
		} {
			require.Equal(t, c.want, idsOf(b.list(append(c.filters, "stage", "bake")...)), name)
		}
	})
	t.Run("AnOrderThatIsUndoneIsWhereThatIsDone", func(t *testing.T) {
		done := b.acked("eve", first, `{"kind":"done"}`)
		require.Equal(t, kitchen.TicketDone, done.State)
		require.Equal(t, []string{second.OrderID}, idsOf(b.list("stage", "bake")), "between two stages")
		b.onBoard(writer, undoOf(first, true))
		require.ElementsMatch(t, []string{first.OrderID, second.OrderID}, idsOf(b.list("stage", "bake")))
	})
	t.Run("AnOrderThatWasResetIsListedOnce", func(t *testing.T) {
		require.NoError(t, unstaffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(second.OrderID), "", "reset"))
		options := workflows.StartOptions(second.OrderID, workflows.OrderInput{Order: order}, "hash")
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
		_, err := unstaffed.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflowType, workflows.OrderInput{Order: order})
		require.NoError(t, err)
		b.found(order.Customer.Name, 4) // one of them closed
		page := b.list("stage", "bake", "pickupCode", kitchen.PickupCode(second.OrderID))
		require.Len(t, page.Orders, 1)
		require.Equal(t, kitchen.StateInProgress, page.Orders[0].State)
	})
}

func TestPagesOfAQueueHaveEachOrderOnce(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, unstaffed, nil)
	writer := kafka.writer()
	ada := sampleOrder()
	ada.Customer.Name = "Ada " + uuid.NewString()
	noon := time.Now().UTC().Add(-time.Hour)
	var want []string
	for i := range 5 {
		want = append(want, b.place(writer, ada, kitchen.Decorate, noon.Add(time.Duration(i)*time.Second)).OrderID)
	}
	b.found(ada.Customer.Name, 5)

	var got, tokens []string
	for token := ""; ; {
		filters := []string{"stage", "decorate", "limit", "2"}
		if token != "" {
			filters = append(filters, "pageToken", token)
		}
		page := b.list(filters...)
		got = append(got, idsOf(page)...)
		if token = page.NextPageToken; token == "" {
			break
		}
		require.Len(t, page.Orders, 2)
		tokens = append(tokens, token)
	}
	require.Equal(t, want, got)
	require.Len(t, tokens, 2)
	require.Empty(t, b.list("stage", "decorate", "limit", "5").NextPageToken, "a full page that is the last one")
	require.Equal(t, want[2:], idsOf(b.list("stage", "decorate", "pageToken", tokens[0])), "another limit does not matter")

	plain := b.list("customer", ada.Customer.Name, "limit", "2").NextPageToken
	require.NotEmpty(t, plain)
	for name, filters := range map[string][]string{
		"OfAnotherStage":        {"stage", "bake", "pageToken", tokens[0]},
		"OfNoStage":             {"pageToken", tokens[0]},
		"OfAnotherCustomer":     {"stage", "decorate", "customer", "nobody", "pageToken", tokens[0]},
		"OfTheListWithoutStage": {"stage", "decorate", "customer", ada.Customer.Name, "pageToken", plain},
		"Changed":               {"stage", "decorate", "pageToken", tokens[0][:len(tokens[0])-2] + "AA"},
	} {
		problem := requireProblem(t, do(t, b.server, b.listRequest(filters...)), wire.ProblemInvalidParameter)
		require.Equal(t, "pageToken", problem.Errors[0].Parameter, name)
	}

	t.Run("BehindManyThatDoNotMatch", func(t *testing.T) {
		// Temporal knows nothing of them.
		for i := range queueAtOnce {
			ghost := newTicket(t, kitchen.Package)
			ghost.Since = noon.Add(time.Duration(i) * time.Second)
			require.NoError(t, writer.PublishTicket(t.Context(), ghost))
		}
		last := b.place(writer, ada, kitchen.Package, noon.Add(time.Hour))
		require.Eventually(t, func() bool { return len(b.board(kitchen.Package).Tickets) == queueAtOnce+1 }, patience, 20*time.Millisecond)
		b.found(ada.Customer.Name, 6)
		page := b.list("stage", "package")
		require.Empty(t, page.Orders)
		require.NotEmpty(t, page.NextPageToken)
		page = b.list("stage", "package", "pageToken", page.NextPageToken)
		require.Equal(t, []string{last.OrderID}, idsOf(page))
		require.Empty(t, page.NextPageToken)
	})
}

func TestAListSaysThatTheLogIsNotUpToDate(t *testing.T) {
	t.Parallel()
	order := sampleOrder()
	order.Customer.Name = "Behind " + uuid.NewString()

	t.Run("WithoutALog", func(t *testing.T) {
		t.Parallel()
		b := &bakery{t: t, server: newTestServer(t, unstaffed, func(c *Config) { c.Staff = managers })}
		alone := order
		alone.Customer.Name += " alone"
		body, err := json.Marshal(alone)
		require.NoError(t, err)
		answerOf[kitchen.Status](t, postOrder(t, b.server, string(body)), http.StatusCreated)
		b.found(alone.Customer.Name, 1)
		recorder := do(t, b.server, b.listRequest("customer", alone.Customer.Name))
		require.NotContains(t, recorder.Body.String(), `"stage"`)
		require.NotContains(t, recorder.Body.String(), `"inHand"`)
		page := answerOf[wire.OrderPage](t, recorder, http.StatusOK)
		require.Equal(t, wire.BehindStarting, page.Behind.Reason)
		require.Equal(t, wire.BehindStarting, b.list("stage", "bake").Behind.Reason)
		require.Empty(t, b.list("stage", "bake").Orders)
	})
	t.Run("WhileKafkaIsAway", func(t *testing.T) {
		t.Parallel()
		kafka := startBrokers(t)
		b := openBakery(t, kafka, unstaffed, nil)
		ticket := b.place(kafka.writer(), order, kitchen.Bake, time.Now().UTC())
		b.found(order.Customer.Name, 1)
		watch := b.connect()
		kafka.stop()
		behind := watch.awaitState(func(behind wire.Behind) bool { return behind.Reason == wire.BehindKafka })
		for _, filter := range []string{"customer", "stage"} {
			page := b.list(filter, map[string]string{"customer": order.Customer.Name, "stage": "bake"}[filter])
			require.Equal(t, behind, page.Behind)
			require.Equal(t, []string{ticket.OrderID}, idsOf(page), "as it was when Kafka was last heard of")
			require.Equal(t, kitchen.Bake, page.Orders[0].Stage)
		}
		kafka.start()
		watch.awaitState(func(behind wire.Behind) bool { return behind.Since.IsZero() })
		require.Zero(t, b.list("stage", "bake").Behind)
	})
}

func TestAQueueNeedsTemporal(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, awayTemporal(t), nil)
	require.Empty(t, b.list("stage", "bake").Orders, "nobody need be asked about nothing")
	b.onBoard(kafka.writer(), newTicket(t, kitchen.Bake))
	requireProblem(t, do(t, b.server, b.listRequest("stage", "bake")), wire.ProblemUnavailable)
}
