package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/kitchen/kitchentest"
	"github.com/cupcakery/cupcakery/wire"
)

// FuzzReadBody holds that a body is read as encoding/json reads it or refused,
// and that what every route says to it is short.
func FuzzReadBody(f *testing.F) {
	f.Add([]byte(goodOrder))
	f.Add([]byte(`{"a":{"b":[1,2,{"c":null}]},"a":1e999}`))
	f.Add([]byte(`{"customer":{"name":""},"lines":[{"flavour":"lava","size":"L","quantity":"1"},null],"tip":5,"allergies":["nuts","Nuts "]}`))
	f.Add([]byte(`{"notes":"","messages":[{"line":0,"message":"a\u0007"},{"line":0},{"line":1e99}]}`))
	f.Add([]byte(`{"kind":"failed","reason":"two\nlines","scrapped":-1}`))
	f.Add([]byte(`{"name":"Max","pin":"314159"}`))
	f.Add([]byte(`{"choice":"remake","note":"\ud83d"}`))
	contract := newTestContract(f)
	routes := bodyRoutes(contract)
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := readJSON(data)
		if err != nil {
			requireShortProblem(t, asProblem(err), wire.ProblemMalformedBody)
			return
		}
		require.NoError(t, json.Unmarshal(data, new(json.RawMessage)), "what is read is JSON")
		var plain any
		if json.Unmarshal(data, &plain) == nil { // fails for numbers that no float holds
			require.Equal(t, plain, value)
		}
		for _, route := range routes {
			operation := contract.operations[route]
			schema := operation.RequestBody.Value.Content.Get("application/json").Schema.Value
			faults := contract.checkBody(operation.OperationID, value, checkSchema(schema, value))
			if len(faults) > 0 {
				requireShortProblem(t, fieldsProblem(wire.ProblemInvalidOrder, fieldErrors(faults)), wire.ProblemInvalidOrder)
				continue
			}
			canonical, err := json.Marshal(value)
			require.NoError(t, err)
			again, err := readJSON(canonical)
			require.NoError(t, err)
			require.Equal(t, value, again)
		}
	})
}

// requireShortProblem holds that a refusal is of a type and no longer than
// people read.
func requireShortProblem(t *testing.T, problem *problemError, problemType wire.ProblemType) {
	t.Helper()
	require.Equal(t, problemType, problem.Type)
	require.NotEmpty(t, problem.Detail)
	require.LessOrEqual(t, len(problem.Errors), maxFaults)
	told, err := json.Marshal(problem.Errors)
	require.NoError(t, err)
	require.Less(t, len(problem.Detail)+len(told), 64<<10)
	require.True(t, utf8.ValidString(problem.Detail))
	places := map[string]bool{}
	for _, fault := range problem.Errors {
		require.NotEmpty(t, fault.Detail)
		if fault.Pointer != nil && !strings.Contains(*fault.Pointer, "…") && problemType != wire.ProblemMalformedBody {
			require.False(t, places[*fault.Pointer], "one place is told once")
			places[*fault.Pointer] = true
		}
	}
}

func FuzzReadLiveRequest(f *testing.F) {
	f.Add(`{"type":"subscribe","channel":"station/bake","cursor":"5f0c9a7e21d4b386.17"}`)
	f.Add(`{"type":"unsubscribe","channel":""}`)
	f.Add(`{"type":"subscribe","type":"unsubscribe","channel":7,"a":{}}`)
	server := &Server{contract: newTestContract(f)}
	f.Fuzz(func(t *testing.T, text string) {
		request, err := server.readLiveRequest(websocket.MessageText, []byte(text))
		if err != nil {
			require.NotEmpty(t, err.Error())
			require.Less(t, len(err.Error()), 4<<10)
			return
		}
		require.Contains(t, []wire.LiveRequestType{wire.LiveSubscribe, wire.LiveUnsubscribe}, request.Type)
		written, err := json.Marshal(request)
		require.NoError(t, err)
		again, err := server.readLiveRequest(websocket.MessageText, written)
		require.NoError(t, err)
		require.Equal(t, request, again)
	})
}

// A cursor gives a place in the feed or a snapshot, never a place that is not
// there.
func FuzzCursor(f *testing.F) {
	feed := newFeed("kitchen", func() wire.LiveMessage { return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot} })
	for range keptChanges + 10 {
		feed.change(wire.LiveMessage{Type: wire.LiveMessageTypeChange})
	}
	f.Add(".17")
	f.Add("." + strings.TrimPrefix(feed.cursor(feed.number), feed.epoch+"."))
	f.Add(".18446744073709551615")
	f.Add(".-1")
	f.Add("17")
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, cursor := range []string{cursor, feed.epoch + cursor} {
			c := &liveConn{news: make(chan struct{}, 1)}
			resumed := feed.follow(c, cursor)
			place := feed.followers[c]
			require.Equal(t, resumed, !place.fresh)
			frames, dropped := feed.next(c)
			require.False(t, dropped)
			require.LessOrEqual(t, len(frames), keptChanges+1)
			delete(feed.followers, c)
		}
	})
}

// Only a token that we have signed for the same filters is a page's.
func FuzzPageToken(f *testing.F) {
	server := &Server{secret: testSecret}
	token := server.pageToken("a query", []byte("a place"))
	f.Add(token, "a query")
	f.Add(token, "another")
	f.Add(strings.Repeat("A", 100), "a query")
	f.Add("=", "")
	f.Fuzz(func(t *testing.T, text, query string) {
		place, err := server.readPageToken(query, text)
		switch {
		case text == "":
			require.NoError(t, err)
			require.Nil(t, place)
		case err == nil:
			require.Equal(t, "a query", query)
			require.Equal(t, "a place", string(place))
		default:
			requireShortProblem(t, asProblem(err), wire.ProblemInvalidParameter)
		}
	})
}

// FuzzHead holds that an address and headers are understood or refused in
// short words, and never a fault of the server.
func FuzzHead(f *testing.F) {
	f.Add("state=shipped&limit=10", "application/json", "0123456789abcdef", "a=b")
	f.Add("limit=1e9&limit=2&%zz&;", `application/json; charset="utf-8`, "clé", sessionCookie+"=e30.e30")
	f.Add("pickupCode=%f0%9f%a7%81&customer=%00", "a/b;c*0=d", "", ";;=")
	server := newTestServer(f, untouchedTemporal{}, nil)
	session := signInAs(server, kitchen.RoleManager, newRequest(http.MethodGet, "/", nil)).Header["Cookie"]
	f.Fuzz(func(t *testing.T, query, content, key, cookie string) {
		if len(query)+len(content)+len(key)+len(cookie) > maxHeader {
			return
		}
		list := newRequest(http.MethodGet, "/api/v1/menu", nil)
		list.URL = &url.URL{Path: "/api/v1/menu", RawQuery: query}
		list.Header["Cookie"] = append([]string{cookie}, session...)
		order := newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader("{}"))
		order.Header["Content-Type"] = []string{content}
		order.Header["Idempotency-Key"] = []string{key}
		order.Header["Cookie"] = []string{cookie}
		refused := list.Clone(list.Context()) // Temporal is not asked
		refused.URL = &url.URL{Path: "/api/v1/orders", RawQuery: "limit=0&" + query}
		for _, request := range []*http.Request{list, refused, order} {
			answer := do(t, server, request)
			require.Less(t, answer.Code, 500, answer.Body.String())
			if answer.Code >= 400 {
				require.Less(t, answer.Body.Len(), 32<<10)
				require.True(t, json.Valid(answer.Body.Bytes()))
			}
		}
	})
}

func hostileAnnouncements() map[string]kitchentest.Shape {
	return kitchentest.Within(`{"state":"cancelled","orderId":`, "}", kitchentest.JSON())
}

func TestReadingAnAnnouncementCostsNoMoreThanItsBytesJustify(t *testing.T) {
	kitchentest.RequireFlat(t, events.MaxMessageBytes, 400, hostileAnnouncements(), func(data []byte) { readCancelled(events.Message{Value: data}) })
}

func BenchmarkReadCancelled(b *testing.B) {
	kitchentest.Benchmark(b, events.MaxMessageBytes, hostileAnnouncements(), func(data []byte) { readCancelled(events.Message{Value: data}) })
}

func FuzzReadCancelled(f *testing.F) {
	f.Add([]byte(`{"orderId":"0199c0de-7a11-7000-8000-00000000cafe","state":"cancelled"}`))
	f.Add([]byte(`{"orderId":"0199C0DE-7a11-7000-8000-00000000cafe","state":"needs-attention"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		orderID, cancelled := readCancelled(events.Message{Value: data, Time: time.Unix(1, 0)})
		if cancelled {
			require.NoError(t, kitchen.CheckOrderID(orderID))
		}
	})
}
