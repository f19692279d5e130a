package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

// A demo runs longer than a session.
func TestTheDemosManagerSignsInAgainWhenTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	var session atomic.Int64 // the one that is good
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/session/demo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"staff":[{"name":"max","role":"manager","pin":"555555"}]}`)
	})
	mux.HandleFunc("POST /api/v1/session", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: fmt.Sprint(session.Add(1))})
	})
	mux.HandleFunc("POST /api/v1/orders/{id}/resolve", func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie(sessionCookie)
		if err != nil || cookie.Value != fmt.Sprint(session.Load()) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if string(body) != `{"choice":"remake"}` {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	bakery, err := newAPIBakery(server.URL)
	require.NoError(t, err)
	decide := func() error {
		return bakery.resolve(t.Context(), "id", kitchen.Resolution{Choice: kitchen.ChoiceRemake})
	}
	require.NoError(t, decide())
	require.NoError(t, decide())
	require.EqualValues(t, 1, session.Load(), "one session is enough while it is good")
	session.Add(1) // it ends
	require.NoError(t, decide())
	require.NoError(t, decide())
	require.EqualValues(t, 3, session.Load())
}
