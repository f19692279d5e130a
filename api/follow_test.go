package api

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

func TestQueryGate(t *testing.T) {
	t.Parallel()
	vain := func(t *testing.T, gate *queryGate, times int) {
		t.Helper()
		for range times {
			require.NotEqual(t, doNotAsk, gate.enter())
			gate.leave(queryGivenUp)
		}
	}

	t.Run("lets only so many ask at once", func(t *testing.T) {
		t.Parallel()
		var gate queryGate
		for range queriesAtOnce {
			require.Equal(t, askAndWait, gate.enter())
		}
		require.Equal(t, doNotAsk, gate.enter())
		gate.leave(queryAnswered)
		require.Equal(t, askAndWait, gate.enter())
	})
	t.Run("pauses after vain queries, then lets one find out", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var gate queryGate
			vain(t, &gate, queriesGivenUp)
			require.Equal(t, doNotAsk, gate.enter())
			time.Sleep(queryPause)
			require.Equal(t, askBeside, gate.enter())
			require.Equal(t, doNotAsk, gate.enter(), "one is enough")
			gate.leave(queryAnswered)
			require.Equal(t, askAndWait, gate.enter())
			require.Equal(t, askAndWait, gate.enter())
		})
	})
	t.Run("pauses again when that one was in vain too", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var gate queryGate
			vain(t, &gate, queriesGivenUp)
			time.Sleep(queryPause)
			vain(t, &gate, 1)
			require.Equal(t, doNotAsk, gate.enter())
		})
	})
	t.Run("goes on when that one was withdrawn", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var gate queryGate
			vain(t, &gate, queriesGivenUp)
			time.Sleep(queryPause)
			require.Equal(t, askBeside, gate.enter())
			gate.leave(queryWithdrawn)
			time.Sleep(queryPause)
			require.Equal(t, askBeside, gate.enter())
		})
	})
	t.Run("an answer in between starts the count again", func(t *testing.T) {
		t.Parallel()
		var gate queryGate
		vain(t, &gate, queriesGivenUp-1)
		require.Equal(t, askAndWait, gate.enter())
		gate.leave(queryAnswered)
		vain(t, &gate, queriesGivenUp-1)
		require.Equal(t, askAndWait, gate.enter())
	})
}

// queryTemporal answers queries with an error, or not at all.
type queryTemporal struct {
	client.Client
	err error
}

func (f queryTemporal) QueryWorkflowWithOptions(ctx context.Context, _ *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	if f.err != nil {
		return nil, f.err
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestWhichQueriesCountAsGivenUp(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx     context.Context
		err     error
		givenUp int
	}{
		"no worker in time":      {t.Context(), nil, 1},
		"no worker is known":     {t.Context(), serviceerror.NewFailedPrecondition("no poller seen for task queue recently"), 1},
		"the query failed":       {t.Context(), serviceerror.NewQueryFailed("panic"), 1},
		"there is no such order": {t.Context(), serviceerror.NewNotFound("not found"), 0},
		"nobody waits any more":  {ended, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := follower{temporal: queryTemporal{err: c.err}, queryWithin: time.Millisecond}
			ctx, cancel := context.WithTimeout(c.ctx, f.queryWithin)
			defer cancel()
			require.Equal(t, askAndWait, f.gate.enter())
			_, err := f.query(ctx, "id")
			require.Error(t, err)
			require.Equal(t, c.givenUp, f.gate.givenUp)
			require.Zero(t, f.gate.asking)
		})
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Secret: []byte("short"), QueryWithin: -1})
	require.ErrorContains(t, err, "Temporal client is missing")
	require.ErrorContains(t, err, "the secret has 5 bytes: give at least 16 random ones")
	require.ErrorContains(t, err, "-1ns, is negative")
}

// contextTemporal records the contexts with which workflows are queried.
type contextTemporal struct {
	failingTemporal
	seen chan context.Context
}

func (c contextTemporal) QueryWorkflowWithOptions(ctx context.Context, _ *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	c.seen <- ctx
	return nil, c.err
}

// While no worker answers, the answer about an order is sent beside a query that
// finds out whether one does. By then gin has given its context to another request,
// which is a data race if the query still uses it.
func TestFollowingAnOrderHoldsNothingThatGinUsesAgain(t *testing.T) {
	t.Parallel()
	temporal := contextTemporal{failingTemporal: failingTemporal{err: serviceerror.NewNotFound("no such workflow")}, seen: make(chan context.Context, 1)}
	server := newTestServer(t, temporal, nil)
	server.follower.gate.givenUp = queriesGivenUp
	recorder := do(t, server, newRequest(http.MethodGet, "/api/v1/orders/0199c0de-7a11-7000-8000-00000000cafe", nil))
	require.Equal(t, http.StatusNotFound, recorder.Code)
	ctx := <-temporal.seen
	require.Nil(t, ctx.Value(gin.ContextKey))
	_, limited := ctx.Deadline()
	require.True(t, limited)
}
