package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/kitchen/kitchentest"
	"github.com/cupcakery/cupcakery/live"
	"github.com/cupcakery/cupcakery/wire"
)

// hostileBodies are bodies of a stranger, with hostile values in every place.
func hostileBodies() map[string]kitchentest.Shape {
	bodies := map[string]kitchentest.Shape{}
	for where, around := range map[string][2]string{
		"TheBody": {"", ""},
		"Lines":   {`{"customer":{"name":"Ada"},"lines":`, "}"},
		"ALine":   {`{"customer":{"name":"Ada"},"lines":[`, "]}"},
		"Flavour": {`{"customer":{"name":"Ada"},"lines":[{"size":"L","quantity":1,"flavour":`, "}]}"},
		"Name":    {`{"customer":{"name":`, `},"lines":[]}`},
		"Notes":   {`{"notes":`, `}`},
	} {
		for name, shape := range kitchentest.Within(around[0], around[1], kitchentest.JSON()) {
			bodies[where+"/"+name] = shape
		}
	}
	bodies["FaultyLines"] = func(size int) []byte {
		const faulty = `{"flavour":"lava","size":"Q","quantity":501,"icing":true},`
		return []byte(line(strings.Repeat(faulty, size/len(faulty)-2) + strings.TrimSuffix(faulty, ",")))
	}
	bodies["WrongTypes"] = func(size int) []byte {
		const faulty = `{"flavour":1,"size":[],"quantity":"","message":{}},`
		return []byte(line(strings.Repeat(faulty, size/len(faulty)-2) + strings.TrimSuffix(faulty, ",")))
	}
	bodies["SameAllergies"] = func(size int) []byte {
		return []byte(`{"customer":{"name":"Ada"},"allergies":["n` + strings.Repeat(`","n`, (size-100)/4) + `"],"lines":[]}`)
	}
	return bodies
}

// reader reads bodies as contract.check does, for one operation.
func (c *contract) reader(t testing.TB, route string) func(data []byte) {
	t.Helper()
	operation := c.operations[route]
	require.NotNil(t, operation)
	schema := operation.RequestBody.Value.Content.Get("application/json").Schema.Value
	return func(data []byte) {
		value, err := readJSON(data)
		if err != nil {
			return
		}
		if faults := c.checkBody(operation.OperationID, value, checkSchema(schema, value)); len(faults) > 0 {
			_ = fieldsProblem(wire.ProblemInvalidOrder, fieldErrors(faults))
		}
	}
}

func newTestContract(t testing.TB) *contract {
	t.Helper()
	c, err := newContract(kitchen.Default())
	require.NoError(t, err)
	return c
}

// bodyRoutes are the routes that take a body.
func bodyRoutes(c *contract) []string {
	var routes []string
	for route, operation := range c.operations {
		if operation.RequestBody != nil {
			routes = append(routes, route)
		}
	}
	return routes
}

// One request of 19 kB with 2,000 unknown fields once took 17 s.
func TestReadingABodyCostsNoMoreThanItsBytesJustify(t *testing.T) {
	c := newTestContract(t)
	for _, route := range bodyRoutes(c) {
		bodies := kitchentest.JSON()
		if route == "POST /api/v1/orders" {
			bodies = hostileBodies()
		}
		t.Run(route, func(t *testing.T) { kitchentest.RequireFlat(t, maxBody, 400, bodies, c.reader(t, route)) })
	}
}

func BenchmarkReadBody(b *testing.B) {
	kitchentest.Benchmark(b, maxBody, hostileBodies(), newTestContract(b).reader(b, "POST /api/v1/orders"))
}

func hostileLiveRequests() map[string]kitchentest.Shape {
	requests := kitchentest.JSON()
	maps.Copy(requests, kitchentest.Within(`{"type":"subscribe","channel":`, "}", kitchentest.JSON()))
	return requests
}

func (c *contract) liveReader() func(data []byte) {
	return func(data []byte) { _, _ = c.readLiveRequest(data) }
}

func TestReadingALiveMessageCostsNoMoreThanItsBytesJustify(t *testing.T) {
	kitchentest.RequireFlat(t, live.MaxRequest, 400, hostileLiveRequests(), newTestContract(t).liveReader())
}

func BenchmarkReadLiveRequest(b *testing.B) {
	kitchentest.Benchmark(b, live.MaxRequest, hostileLiveRequests(), newTestContract(b).liveReader())
}

// An answer is not much longer than its question.
func TestAnswersToHostileBodiesAreShort(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	for name, shape := range hostileBodies() {
		answer := postOrder(t, server, string(shape(maxBody)))
		require.GreaterOrEqual(t, answer.Code, 400, name)
		require.Less(t, answer.Code, 500, name)
		require.Less(t, answer.Body.Len(), 32<<10, name)
	}
}

func TestOfManyFaultsTheFirstAreListedAndCounted(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	fields := make([]string, 100)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"f%02d":1`, i)
	}
	body := strings.Replace(goodOrder, "{", "{"+strings.Join(fields, ",")+",", 1)
	problem := requireProblem(t, postOrder(t, server, body), wire.ProblemInvalidOrder)
	require.Len(t, problem.Errors, maxFaults)
	require.Equal(t, "more than 32 places are at fault, errors has the first 32; mend these: /f00: unknown field: leave it out; known here are allergies, allergyConfirmed, customer, lines, notes, phone, pickupAt and total", problem.Detail)
	require.Equal(t, "/f31", *problem.Errors[maxFaults-1].Pointer)

	problem = requireProblem(t, postOrder(t, server, "{"+strings.Repeat(`"a":1,`, 100)+`"a":1}`), wire.ProblemMalformedBody)
	require.Len(t, problem.Errors, maxFaults)

	target := "/api/v1/menu?" + strings.Join(strings.Split(strings.ReplaceAll(strings.Join(fields, ","), `"`, ""), ","), "&")
	problem = requireProblem(t, do(t, server, newRequest(http.MethodGet, target, nil)), wire.ProblemInvalidParameter)
	require.Len(t, problem.Errors, maxFaults)
}

func TestABodyHasABoundedNumberOfValues(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"Fields": "{" + numbered(maxValues, `"f%d":1`) + "}",
		"Items":  "[" + numbered(maxValues, `%d`) + "]",
		"Both":   `{"a":[` + numbered(maxValues-1, `%d`) + "]}",
	} {
		_, err := readJSON([]byte(body))
		var problem *problemError
		require.True(t, errors.As(err, &problem), name)
		require.Contains(t, problem.Detail, "more than 1000 values: send fewer", name)
	}
	_, err := readJSON([]byte("[" + numbered(maxValues-1, `%d`) + "]"))
	require.NoError(t, err)
}

// numbered joins n texts, each with its number in it.
func numbered(n int, format string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(texts, ",")
}

// hostileHeads are addresses and headers of a stranger. net/http reads them up to
// maxHeader and a little more.
func hostileHeads() map[string]func(size int) *http.Request {
	query := func(part func(i int) string) func(size int) *http.Request {
		return func(size int) *http.Request {
			var text strings.Builder
			for i := 0; text.Len() < size-20; i++ {
				text.WriteString(part(i))
			}
			return newRequest(http.MethodGet, "/api/v1/orders?"+text.String(), nil)
		}
	}
	header := func(name, part string) func(size int) *http.Request {
		return func(size int) *http.Request {
			return newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader("{}"), name, strings.Repeat(part, size/len(part)))
		}
	}
	return map[string]func(size int) *http.Request{
		"ManyParameters":  query(func(i int) string { return fmt.Sprintf("%d&", i) }),
		"OneParameter":    query(func(int) string { return "state=shipped&" }),
		"EmptyParameters": query(func(int) string { return "&" }),
		"LongValue":       query(func(int) string { return "x" }),
		"Escapes":         query(func(int) string { return "%41" }),
		"BadEscapes":      query(func(int) string { return "%" }),
		"Plus":            query(func(int) string { return "+" }),
		"Semicolons":      query(func(int) string { return "a=1;" }),
		"PathOfSlashes":   func(size int) *http.Request { return newRequest(http.MethodGet, strings.Repeat("/", size), nil) },
		"PathOfAnID": func(size int) *http.Request {
			return newRequest(http.MethodGet, "/api/v1/orders/"+strings.Repeat("0", size), nil)
		},
		"ContentType":       header("Content-Type", "application/json;a=b;"),
		"ContentTypeParts":  header("Content-Type", "a/b;c*0=d;c*1=e;"),
		"ContentTypeQuotes": header("Content-Type", `"\`),
		"Charsets":          header("Content-Type", "application/json; charset=x"),
		"IdempotencyKey":    header("Idempotency-Key", "k"),
		"Cookies":           header("Cookie", sessionCookie+"=e30.e30; "),
		"LongCookie":        header("Cookie", sessionCookie+"=e30.eyJuYW1lIjoi"),
		"ForwardedFor":      header("X-Forwarded-For", "10.0.0.1, "),
		"Origin":            header("Origin", "http://[::1"),
		"RequestID":         header(requestIDHeader, "a"),
		"Accept":            header("Accept", "text/html;q=0.1,"),
		"AcceptEncoding":    header("Accept-Encoding", "gzip;q=0.1,"),
		"IfNoneMatch":       header("If-None-Match", `W/"a",`),
		"ManyIdempotencyKeys": func(size int) *http.Request {
			request := newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader("{}"))
			for range size / 18 {
				request.Header.Add("Idempotency-Key", "k")
			}
			return request
		},
	}
}

// readHead serves a request, which is refused at the latest because of its body.
func readHead(t testing.TB) func(*http.Request) {
	server := newTestServer(t, untouchedTemporal{}, nil)
	session := signInAs(server, kitchen.RoleManager, newRequest(http.MethodGet, "/", nil)).Header["Cookie"]
	return func(request *http.Request) {
		if request.Header["Cookie"] == nil {
			request.Header["Cookie"] = session
		}
		do(t, server, request)
	}
}

func TestReadingAHeadCostsNoMoreThanItsBytesJustify(t *testing.T) {
	read := readHead(t)
	for name, head := range hostileHeads() {
		var made *http.Request
		shape := func(size int) []byte {
			made = head(size)
			return make([]byte, size)
		}
		kitchentest.RequireFlat(t, maxHeader, 400, map[string]kitchentest.Shape{name: shape}, func([]byte) { read(made) })
	}
}

func BenchmarkReadHead(b *testing.B) {
	read := readHead(b)
	for name, head := range hostileHeads() {
		var made *http.Request
		shape := func(size int) []byte {
			made = head(size)
			return make([]byte, size)
		}
		kitchentest.Benchmark(b, maxHeader, map[string]kitchentest.Shape{name: shape}, func([]byte) { read(made) })
	}
}

func TestARequestOfAClientThatHasLeftIsNotReadFurther(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request := newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader("{}"), "Content-Type", "application/json")
	requireProblem(t, do(t, server, request.WithContext(ctx)), wire.ProblemUnavailable)
}
