package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealthcheckTellsHealthyFromUnhealthyFromAway(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Temporal is away", http.StatusServiceUnavailable)
	})
	mux.Handle("/moved", http.RedirectHandler("/healthz", http.StatusFound))
	mux.HandleFunc("/hangs", func(http.ResponseWriter, *http.Request) { <-hung })
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(hung)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())

	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"healthy":     {[]string{server.URL + "/healthz"}, 0, ""},
		"not ready":   {[]string{server.URL + "/readyz"}, exitFailed, `is not healthy: status 503, "Temporal is away\n"`},
		"moved":       {[]string{server.URL + "/moved"}, exitFailed, "status 302"},
		"hangs":       {[]string{server.URL + "/hangs", "--timeout", "50ms"}, exitUnavailable, "no answer within 50ms"},
		"away":        {[]string{"http://" + closed.Addr().String() + "/healthz"}, exitUnavailable, "connection refused"},
		"no scheme":   {[]string{"127.0.0.1:8080/healthz"}, exitUsage, "give one like http://127.0.0.1:8080/healthz"},
		"not HTTP":    {[]string{"file:///etc/passwd"}, exitUsage, "give one like http://127.0.0.1:8080/healthz"},
		"no time":     {[]string{server.URL + "/healthz", "--timeout", "0s"}, exitUsage, "--timeout 0s: must be above zero"},
		"no argument": {nil, exitUsage, "accepts 1 arg(s), received 0"},
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, c.code, run(context.Background(), append([]string{"healthcheck"}, c.args...), nil, &stdout, &stderr), "%s: %s", name, &stderr)
		assert.Contains(t, stderr.String(), c.says, name)
		assert.Empty(t, stdout.String(), name)
	}
}
