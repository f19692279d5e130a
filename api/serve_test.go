package api

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/goleak"

	"github.com/cupcakery/cupcakery/kitchen"
)

// gatedTemporal answers lists once the test lets it.
type gatedTemporal struct {
	client.Client
	entered chan struct{}
	gate    chan struct{}
}

func (g gatedTemporal) ListWorkflow(ctx context.Context, _ *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	close(g.entered)
	select {
	case <-g.gate:
		return &workflowservice.ListWorkflowExecutionsResponse{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestServeFinishesWhatIsInHand is not parallel: it looks for goroutines that
// are left over.
func TestServeFinishesWhatIsInHand(t *testing.T) {
	leaks := []goleak.Option{
		goleak.IgnoreCurrent(),
		// The worker that the tests share polls all the time.
		goleak.IgnoreAnyFunction("google.golang.org/grpc.(*ClientConn).Invoke"),
	}
	temporal := gatedTemporal{entered: make(chan struct{}), gate: make(chan struct{})}
	server := newTestServer(t, temporal, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()

	transport := &http.Transport{}
	web := &http.Client{Transport: transport}
	address := "http://" + listener.Addr().String()
	type answer struct {
		status int
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address+"/api/v1/orders", nil)
		if err != nil {
			answered <- answer{err: err}
			return
		}
		response, err := web.Do(signInAs(server, kitchen.RoleMixer, request))
		if err != nil {
			answered <- answer{err: err}
			return
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		answered <- answer{response.StatusCode, err}
	}()
	<-temporal.entered
	stop()
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	}, 10*time.Second, 5*time.Millisecond, "takes no more")
	select {
	case err := <-served:
		t.Fatalf("stopped with a request in hand: %v", err)
	default:
	}
	close(temporal.gate)
	require.Equal(t, answer{status: http.StatusOK}, <-answered)
	require.NoError(t, <-served)
	transport.CloseIdleConnections()
	goleak.VerifyNone(t, leaks...)
}

func TestServeSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.ErrorContains(t, server.Serve(t.Context(), listener), "serve the API on 127.0.0.1:")
}

func TestRequestsAreLoggedAndMeasuredByRoute(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	server := newTestServer(t, unreachableTemporal{}, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, request := range []*http.Request{
		newRequest(http.MethodGet, "/api/v1/menu", nil, requestIDHeader, "from-the-proxy"),
		newRequest(http.MethodGet, "/api/v1/orders/none", nil, requestIDHeader, "bad id\nwith a line"),
		newRequest("BREW", "/api/v1/orders/x", nil),
		newRequest(http.MethodGet, "/healthz", nil),
	} {
		recorder := do(t, server, request)
		require.Regexp(t, requestIDForm, recorder.Header().Get(requestIDHeader))
		require.Equal(t, "nosniff", recorder.Header().Get("X-Content-Type-Options"))
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 3, "probes are not logged: %s", log.String())
	require.Contains(t, lines[0], "method=GET route=/api/v1/menu status=200")
	require.Contains(t, lines[0], "request_id=from-the-proxy")
	require.Contains(t, lines[1], "route=/api/v1/orders/:id status=400")
	require.NotContains(t, log.String(), "with a line")
	require.Contains(t, lines[2], "method=other route=none status=405")

	metrics := scrape(t, server)
	require.Contains(t, metrics, `cupcakery_http_request_duration_seconds_count{method="GET",route="/api/v1/menu",status="200"} 1`)
	require.Contains(t, metrics, `cupcakery_http_request_duration_seconds_count{method="GET",route="/api/v1/orders/:id",status="400"} 1`)
	require.Contains(t, metrics, `cupcakery_http_request_duration_seconds_count{method="other",route="none",status="405"} 1`)
	require.Contains(t, metrics, "go_goroutines")
	require.Contains(t, metrics, "cupcakery_orders_created_total 0")
}
