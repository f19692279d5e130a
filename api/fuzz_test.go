package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// FuzzReadBody checks that a body is either refused or read as encoding/json
// reads it, and that every route's answer to it is short.
func FuzzReadBody(f *testing.F) {
	f.Add([]byte(goodOrder))
	f.Add([]byte(`{"a":{"b":[1,2,{"c":null}]},"a":1e999}`))
	f.Add([]byte(`{"customer":{"name":""},"lines":[{"flavour":"lava","size":"L","quantity":"1"},null],"tip":5,"allergies":["nuts","Nuts "]}`))
	f.Add([]byte(`{"customer":{"name":"Ada"},"lines":[{"flavour":"lemon","size":"S","quantity":1}],"total":{"currency":"eur","decimals":1e99,"amount":-1e999}}`))
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

// requireShortProblem checks that a problem has the type and is short enough to
// be read.
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
	contract := newTestContract(f)
	f.Fuzz(func(t *testing.T, text string) {
		request, err := contract.readLiveRequest([]byte(text))
		if err != nil {
			require.NotEmpty(t, err.Error())
			require.Less(t, len(err.Error()), 4<<10)
			return
		}
		require.Contains(t, []wire.LiveRequestType{wire.LiveSubscribe, wire.LiveUnsubscribe}, request.Type)
		written, err := json.Marshal(request)
		require.NoError(t, err)
		again, err := contract.readLiveRequest(written)
		require.NoError(t, err)
		require.Equal(t, request, again)
	})
}

// Only a token that we have signed for the same filters is valid.
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

// FuzzHead checks that addresses and headers are accepted or refused in few
// words, and never make the server fail.
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
