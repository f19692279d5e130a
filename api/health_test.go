package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/namespace"
	"github.com/cupcakery/cupcakery/wire"
)

// Ready means that an order could be taken.
func TestAnAPIIsReadyOnceItsNamespaceIsPreparedForOrders(t *testing.T) {
	t.Parallel()
	name := "unprepared-" + uuid.NewString()
	temporal, err := temporalclient.NewClientFromExisting(unstaffed, temporalclient.Options{Namespace: name})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	s := openShop(t, temporal, nil)

	requireUnprepared := func() {
		t.Helper()
		// Each is the first question to a new server, which has not looked before. A look
		// has little time, and may not have had it.
		for deadline := time.Now().Add(time.Minute); ; {
			readiness, err := openShop(t, temporal, nil).GetReadinessWithResponse(t.Context())
			require.NoError(t, err)
			require.Equal(t, http.StatusServiceUnavailable, readiness.StatusCode())
			require.False(t, readiness.JSON503.Ready)
			if strings.Contains(readiness.JSON503.Temporal.Detail, "run cupcakery temporal apply") {
				break
			}
			require.True(t, time.Now().Before(deadline), readiness.JSON503.Temporal.Detail)
		}

		order := openShop(t, temporal, nil).order(sampleOrder(), "")
		require.Equal(t, http.StatusServiceUnavailable, order.StatusCode(), string(order.Body))
		require.Equal(t, wire.ProblemUnavailable, order.ApplicationProblemJSON503.Type)
		require.Contains(t, order.ApplicationProblemJSON503.Detail, "is not prepared for them. Nothing was started. Whoever operates this server runs cupcakery temporal apply")
		require.NotContains(t, order.ApplicationProblemJSON503.Detail, name, "what Temporal says is for the log")

		list, err := openShop(t, temporal, nil).ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Customer: new("Ada")})
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, list.StatusCode(), string(list.Body))
	}
	requireUnprepared() // without a namespace

	_, err = temporal.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { // the server sees it
		var invalid *serviceerror.InvalidArgument
		return errors.As(namespace.Ready(t.Context(), temporal), &invalid)
	}, time.Minute, 20*time.Millisecond)
	requireUnprepared() // without search attributes

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, namespace.Apply(ctx, temporal, namespace.Settings{Namespace: name}, func([]string) {}))
	require.Eventually(t, func() bool {
		readiness, err := s.GetReadinessWithResponse(t.Context())
		return err == nil && readiness.StatusCode() == http.StatusOK && readiness.JSON200.Ready
	}, time.Minute, 20*time.Millisecond)
	s.taken(sampleOrder())
}

// probedTemporal counts how often it is asked whether it takes orders.
type probedTemporal struct {
	temporalclient.Client
	asked chan struct{}
	err   error
}

func (c *probedTemporal) CountWorkflow(context.Context, *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	c.asked <- struct{}{}
	return &workflowservice.CountWorkflowExecutionsResponse{}, c.err
}

func TestProbesLookAtMostOnceASecondAndTheLogHasEachChange(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	temporal := &probedTemporal{asked: make(chan struct{}, 100), err: errors.New("strange things at 10.0.0.7")}
	server := newTestServer(t, temporal, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	// Instead of waiting, the test changes the time of the last look.
	looked := func(ago time.Duration) {
		server.temporalProbe.mu.Lock()
		defer server.temporalProbe.mu.Unlock()
		server.temporalProbe.looked = time.Now().Add(-ago)
	}
	for range 20 {
		recorder := do(t, server, newRequest(http.MethodGet, "/readyz", nil))
		require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
		require.NotContains(t, recorder.Body.String(), "10.0.0.7")
		looked(-time.Hour)
	}
	require.Len(t, temporal.asked, 1)
	for _, err := range []error{temporal.err, nil, nil, errors.New("strange"), nil} {
		temporal.err = err
		looked(probeAgainAfter)
		require.Equal(t, err, server.temporalProbe.ask())
	}
	require.Equal(t, 2, strings.Count(log.String(), "Temporal is not in order"), log.String())
	require.Equal(t, 2, strings.Count(log.String(), "Temporal is in order"))
}

// The errors of single requests during an outage are for debugging.
func TestAnOutageIsLoggedOnceAndNotByEachRequest(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		serviceerror.NewUnavailable("connection refused"), serviceerror.NewDeadlineExceeded("context deadline exceeded"),
		context.DeadlineExceeded, &events.UnavailableError{Err: errors.New("connection refused")},
	} {
		require.True(t, isLoggedElsewhere(&problemError{Type: wire.ProblemUnavailable, Cause: err}), "%T", err)
	}
	for _, err := range []error{
		nil, errors.New("strange"), serviceerror.NewInvalidArgument("strange"),
		temporalclient.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded), // nobody at work
	} {
		require.False(t, isLoggedElsewhere(err), "%T", err)
	}
}
