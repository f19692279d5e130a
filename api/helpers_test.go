package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

var testSecret = []byte("a secret that only tests know")

// untouchedTemporal must not be called: every method panics, which the server
// would answer with 500.
type untouchedTemporal struct{ client.Client }

func newTestServer(t testing.TB, temporal client.Client, change func(*Config)) *Server {
	t.Helper()
	config := Config{Temporal: temporal, Secret: testSecret, Logger: slog.New(slog.DiscardHandler), Staff: testStaff}
	if change != nil {
		change(&config)
	}
	server, err := New(config)
	require.NoError(t, err)
	return server
}

// do sends a request to the server's handler.
func do(t testing.TB, server *Server, request *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, request)
	return recorder
}

// scrape returns the server's metrics as Prometheus would get them.
func scrape(t *testing.T, server *Server) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	server.Operators().ServeHTTP(recorder, newRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	return recorder.Body.String()
}

func newRequest(method, target string, body io.Reader, headers ...string) *http.Request {
	request := httptest.NewRequestWithContext(context.Background(), method, target, body)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	return request
}

func postOrder(t *testing.T, server *Server, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	headers = append([]string{"Content-Type", "application/json"}, headers...)
	return do(t, server, newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader(body), headers...))
}

// answerOf reads the body of an answer that has the status.
func answerOf[T any](t testing.TB, recorder *httptest.ResponseRecorder, status int) (answer T) {
	t.Helper()
	require.Equal(t, status, recorder.Code, recorder.Body.String())
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &answer))
	return answer
}

// requireProblem checks that the answer is a complete problem document of the
// type.
func requireProblem(t *testing.T, recorder *httptest.ResponseRecorder, problemType wire.ProblemType) wire.Problem {
	t.Helper()
	kind := kindOf(problemType)
	problem := answerOf[wire.Problem](t, recorder, kind.Status)
	require.Equal(t, problemContentType, recorder.Header().Get("Content-Type"))
	require.Equal(t, problemType, problem.Type)
	require.Equal(t, kind.Status, problem.Status)
	require.Equal(t, kind.Title, problem.Title)
	require.NotEmpty(t, problem.Detail)
	require.NotEmpty(t, problem.RequestID)
	require.Equal(t, recorder.Header().Get(requestIDHeader), problem.RequestID)
	return problem
}

func sampleOrder() kitchen.Order {
	return kitchen.Order{
		Customer:  kitchen.Customer{Name: "Ada"},
		Lines:     []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th 🎂 يوم سعيد"}},
		Notes:     "ring the bell",
		Allergies: []string{"nuts"},
	}
}

// asJSON is a value as a client that knows no types reads it.
func asJSON(t *testing.T, value any) any {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	var read any
	require.NoError(t, json.Unmarshal(data, &read))
	return read
}
