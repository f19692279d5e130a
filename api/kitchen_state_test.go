package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// ask sends a request in somebody's name; an empty name is nobody.
func (b *bakery) ask(name, method, path, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	request := newRequest(method, path, nil)
	if body != "" {
		request = newRequest(method, path, strings.NewReader(body), "Content-Type", "application/json")
	}
	if name != "" {
		request = b.as(name, request)
	}
	return do(b.t, b.server, request)
}

func (b *bakery) state() wire.KitchenState {
	b.t.Helper()
	return answerOf[wire.KitchenState](b.t, b.ask("bob", http.MethodGet, "/api/v1/kitchen/state", ""), http.StatusOK)
}

func TestASoldOutFlavourIsRefusedByEveryProcess(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	here, there := openBakery(t, kafka, staffed, nil), openBakery(t, kafka, staffed, nil)
	order := `{"customer":{"name":"Ada"},"lines":[{"flavour":"carrot","size":"M","quantity":1},{"flavour":"lemon","size":"M","quantity":1}]}`
	key := "a key that was used before"
	taken := postOrder(t, there.server, order, "Idempotency-Key", strings.ReplaceAll(key, " ", "-"))
	require.Equal(t, http.StatusCreated, taken.Code, taken.Body.String())
	menu := there.connectWith(nil)
	menu.subscribe("menu", "")
	require.Empty(t, menu.next().Menu.SoldOut)

	until := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	state := answerOf[wire.KitchenState](t, here.ask("bob", http.MethodPut, "/api/v1/kitchen/sold-out/lemon", `{"until":"`+until.Format(time.RFC3339Nano)+`"}`), http.StatusOK)
	require.Equal(t, []any{"lemon", "bob", until}, []any{state.SoldOut[0].Flavour, state.SoldOut[0].By, state.SoldOut[0].Until})
	require.Equal(t, []wire.SoldOutFlavour{{Flavour: "lemon", Until: until}}, menu.next().Menu.SoldOut, "at the other process, without asking")
	for _, b := range []*bakery{here, there} {
		require.Equal(t, "lemon", answerOf[wire.Menu](t, b.ask("", http.MethodGet, "/api/v1/menu", ""), http.StatusOK).SoldOut[0].Flavour)
		problem := requireProblem(t, postOrder(t, b.server, order), wire.ProblemSoldOut)
		require.Len(t, problem.Errors, 1)
		require.Equal(t, "/lines/1/flavour", *problem.Errors[0].Pointer)
		require.Contains(t, problem.Errors[0].Detail, "line 2: Lemon is sold out until "+until.Format(time.RFC3339))
		lemon := kitchen.Order{Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 1}}}
		for pickupAt, refused := range map[time.Time]bool{{}: true, until.Add(-time.Minute): true, until: false, until.AddDate(0, 0, 2): false} {
			lemon.PickupAt = pickupAt
			require.Equal(t, refused, b.server.checkSoldOut(lemon) != nil, "for %v", pickupAt)
		}
	}
	again := postOrder(t, here.server, order, "Idempotency-Key", strings.ReplaceAll(key, " ", "-"))
	require.Equal(t, http.StatusCreated, again.Code, "it was taken before")

	require.Empty(t, answerOf[wire.KitchenState](t, there.ask("eve", http.MethodDelete, "/api/v1/kitchen/sold-out/lemon", ""), http.StatusOK).SoldOut)
	require.Empty(t, menu.next().Menu.SoldOut)
	require.Equal(t, http.StatusCreated, postOrder(t, there.server, order).Code)

	late := openBakery(t, kafka, untouchedTemporal{}, nil)
	require.Empty(t, late.state().SoldOut)
}

func TestWhatIsSoldOutHasAFlavourAndATimeToCome(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	b := &bakery{t: t, server: server}
	put := func(flavour, body string) *httptest.ResponseRecorder {
		request := newRequest(http.MethodPut, "/api/v1/kitchen/sold-out/"+flavour, strings.NewReader(body), "Content-Type", "application/json")
		signInAs(server, kitchen.RoleMixer, request)
		return do(b.t, server, request)
	}
	require.Contains(t, requireProblem(t, put("granite", "{}"), wire.ProblemNotFound).Detail, `no flavour "granite"`)
	for _, until := range []time.Time{time.Now().Add(-time.Minute), time.Now().Add(32 * 24 * time.Hour)} {
		problem := requireProblem(t, put("lemon", `{"until":"`+until.UTC().Format(time.RFC3339)+`"}`), wire.ProblemInvalidUpdate)
		require.Equal(t, "/until", *problem.Errors[0].Pointer)
	}
	requireProblem(t, put("lemon", `{"until":"soon"}`), wire.ProblemInvalidUpdate)
	require.Contains(t, requireProblem(t, put("lemon", "{}"), wire.ProblemUnavailable).Detail, "without Kafka")
}

func TestTheListOfWhatIsReadyHasALimit(t *testing.T) {
	t.Parallel()
	b := &bakery{t: t, server: newTestServer(t, untouchedTemporal{}, nil)}
	for query, want := range map[string]int{"": http.StatusOK, "?q=k7&limit=200": http.StatusOK, "?limit=0": http.StatusBadRequest, "?limit=201": http.StatusBadRequest, "?q=" + strings.Repeat("k", 81): http.StatusBadRequest} {
		require.Equal(t, want, b.ask(string(kitchen.RoleBaker), http.MethodGet, "/api/v1/kitchen/ready"+query, "").Code, query)
	}
}

func TestNothingIsBegunAtAPausedStation(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	here, there := openBakery(t, kafka, untouchedTemporal{}, nil), openBakery(t, kafka, untouchedTemporal{}, nil)
	writer := kafka.writer()
	ticket, inHand := newTicket(t, kitchen.Bake), newTicket(t, kitchen.Bake)
	here.onBoard(writer, ticket)
	here.onBoard(writer, inHand)
	require.Eventually(t, func() bool { return len(there.board(kitchen.Bake).Tickets) == 2 }, patience, time.Millisecond)
	there.acked("bob", inHand, `{"kind":"started"}`)
	state := answerOf[wire.KitchenState](t, here.ask("eve", http.MethodPut, "/api/v1/kitchen/paused/bake", `{"reason":"oven 2 is out"}`), http.StatusOK)
	require.Equal(t, []any{kitchen.Bake, "eve", "oven 2 is out"}, []any{state.Paused[0].Stage, state.Paused[0].By, state.Paused[0].Reason})
	require.Eventually(t, func() bool { return there.board(kitchen.Bake).Paused.By == "eve" }, patience, time.Millisecond)
	acks := func(ticket kitchen.Ticket) string {
		return "/api/v1/stations/bake/tickets/" + ticket.TicketID + "/acks"
	}
	problem := requireProblem(t, there.ask("bob", http.MethodPost, acks(ticket), `{"kind":"started"}`), wire.ProblemStationPaused)
	require.Equal(t, "eve has paused this station (oven 2 is out): nothing can be begun here until it goes on.", problem.Detail)
	require.Equal(t, "eve", problem.By)
	there.acked("bob", inHand, `{"kind":"done"}`)

	require.Empty(t, answerOf[wire.KitchenState](t, there.ask("bob", http.MethodDelete, "/api/v1/kitchen/paused/bake", ""), http.StatusOK).Paused)
	there.acked("bob", ticket, `{"kind":"started"}`)
}

func TestARushIsForOrdersThatAreOpenAndCollectedForThoseThatAreShipped(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, staffed, nil)
	id := answerOf[kitchen.Status](t, postOrder(t, b.server, asText(t, sampleOrder())), http.StatusCreated).ID
	path := "/api/v1/orders/" + id
	requireProblem(t, b.ask("bob", http.MethodPut, path+"/rush", `{}`), wire.ProblemInvalidUpdate)
	require.Equal(t, http.StatusNoContent, b.ask("bob", http.MethodPut, path+"/rush", `{"reason":"the bride is at the door"}`).Code)
	ticket := nextTicket(t, id)
	b.onBoard(kafka.writer(), ticket)
	require.Equal(t, "the bride is at the door", b.board(kitchen.Mix).Tickets[0].Rush.Reason)
	require.Equal(t, http.StatusNoContent, b.ask("eve", http.MethodDelete, path+"/rush", "").Code)
	require.Zero(t, b.board(kitchen.Mix).Tickets[0].Rush)
	require.Contains(t, requireProblem(t, b.ask("bob", http.MethodPut, path+"/collected", ""), wire.ProblemRefused).Detail, "in-progress and not ready")
	unknown, err := kitchen.NewOrderID()
	require.NoError(t, err)
	requireProblem(t, b.ask("bob", http.MethodPut, "/api/v1/orders/"+unknown+"/rush", `{"reason":"x"}`), wire.ProblemOrderNotFound)
	requireProblem(t, b.ask("bob", http.MethodPut, "/api/v1/orders/"+unknown+"/collected", ""), wire.ProblemOrderNotFound)

	finish(t, ticket)
	for range kitchen.Stages()[1:] {
		finish(t, nextTicket(t, id))
	}
	require.Eventually(t, func() bool {
		return answerOf[kitchen.Status](t, b.ask("", http.MethodGet, path, ""), http.StatusOK).State == kitchen.StateShipped
	}, patience, 10*time.Millisecond)
	require.Contains(t, requireProblem(t, b.ask("bob", http.MethodPut, path+"/rush", `{"reason":"x"}`), wire.ProblemRefused).Detail, "shipped")
	require.NoError(t, kafka.writer().PublishShipped(t.Context(), kitchen.Shipped{OrderID: id, Customer: kitchen.Customer{Name: "Ada Lovelace"}, Lines: sampleOrder().Lines, ShippedAt: time.Now()}))
	ready := func() []wire.ReadyOrder {
		return answerOf[wire.ReadyOrders](t, b.ask("bob", http.MethodGet, "/api/v1/kitchen/ready", ""), http.StatusOK).Orders
	}
	require.Eventually(t, func() bool { return len(ready()) == 1 }, patience, time.Millisecond)
	require.Equal(t, []any{id, "Ada L.", 12}, []any{ready()[0].ID, ready()[0].Name, ready()[0].Pieces})
	require.Equal(t, 1, b.state().Uncollected)
	listed := func() wire.OrderSummaryPickup {
		page := answerOf[wire.OrderPage](t, b.ask("bob", http.MethodGet, "/api/v1/orders?pickupCode="+kitchen.PickupCode(id), ""), http.StatusOK)
		require.Len(t, page.Orders, 1)
		return page.Orders[0].Pickup
	}
	require.Eventually(t, func() bool { return listed() == wire.PickupReady }, patience, 10*time.Millisecond)
	require.Equal(t, http.StatusNoContent, b.ask("bob", http.MethodPut, path+"/collected", "").Code)
	require.Empty(t, ready())
	require.Equal(t, wire.PickupCollected, listed())
	require.Zero(t, b.state().Uncollected)
	require.Equal(t, http.StatusNoContent, b.ask("bob", http.MethodDelete, path+"/collected", "").Code)
	require.Len(t, ready(), 1)
}

func TestASignOutIsHeardByEveryProcess(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	here, there := openBakery(t, kafka, awayTemporal(t), nil), openBakery(t, kafka, awayTemporal(t), nil)
	over := websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "your session is over: sign in again"}
	status := func(b *bakery, cookie http.Header) int {
		request := newRequest(http.MethodGet, "/api/v1/kitchen/state", nil)
		request.Header = cookie.Clone()
		return do(t, b.server, request).Code
	}
	cookie, other := here.cookie("bob"), here.cookie("bob")
	require.Equal(t, http.StatusOK, status(there, cookie))
	tab := there.connectWith(cookie)
	tab.subscribe("kitchen", "")
	require.Equal(t, wire.LiveMessageTypeSnapshot, tab.next().Type)
	signOut := newRequest(http.MethodDelete, sessionPath, nil)
	signOut.Header = cookie.Clone()
	require.Equal(t, http.StatusNoContent, do(t, here.server, signOut).Code)
	require.Equal(t, http.StatusUnauthorized, status(here, cookie))
	require.Equal(t, over, tab.closedWith(), "at the other process")
	require.Equal(t, http.StatusUnauthorized, status(there, cookie))
	require.Equal(t, http.StatusOK, status(there, other), "another of the same person")

	tab = there.connectWith(other)
	tab.subscribe("kitchen", "")
	require.Equal(t, wire.LiveMessageTypeSnapshot, tab.next().Type)
	requireProblem(t, here.ask("eve", http.MethodDelete, "/api/v1/staff/nobody/sessions", ""), wire.ProblemNotFound)
	require.Equal(t, http.StatusNoContent, here.ask("eve", http.MethodDelete, "/api/v1/staff/bob/sessions", "").Code)
	require.Equal(t, over, tab.closedWith())
	require.Equal(t, http.StatusUnauthorized, status(there, other))
	late := openBakeryAtOnce(t, kafka, untouchedTemporal{}, nil)
	late.server.floor.AwaitFlags(t.Context(), patience)
	require.Equal(t, http.StatusUnauthorized, status(late, other), "a process that starts later knows it too")
	require.Equal(t, http.StatusUnauthorized, status(late, cookie))
	require.Equal(t, http.StatusOK, status(late, there.cookie("bob")), "who signs in again is in")
}

func asText(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data)
}
