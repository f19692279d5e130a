package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cupcakery/cupcakery/namespace"
)

func TestATemporalOutageIsSaidOnceHoweverManyCallsMeetIt(t *testing.T) {
	t.Parallel()
	log := &lockedLog{}
	outage := &temporalOutage{logger: slog.New(slog.NewTextHandler(log, nil))}
	call := func(err error) {
		invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return err }
		require.Equal(t, err, outage.watch(t.Context(), "/Poll", nil, nil, nil, invoke))
	}
	call(nil)
	call(status.Error(codes.NotFound, "no such order"))
	require.Empty(t, log.String())

	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() { call(status.Error(codes.Unavailable, "connection refused")) })
	}
	calls.Wait()
	call(nil) // one that another failure follows
	call(status.Error(codes.DeadlineExceeded, "no patience"))
	call(status.Error(codes.Unavailable, "connection refused"))
	require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	require.Contains(t, log.String(), "level=WARN msg=\"Temporal does not answer as it should; trying again until it does\"")

	call(status.Error(codes.NotFound, "an answer, though not a welcome one"))
	call(nil)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "level=INFO msg=\"Temporal answers again\"") }, time.Minute, 10*time.Millisecond)
	require.Equal(t, 2, strings.Count(log.String(), "\n"), log.String())
}

func TestTheSDKWarnsOfAllButOutages(t *testing.T) {
	t.Parallel()
	log := &lockedLog{}
	logger := slog.New(quietOutage{slog.NewTextHandler(log, nil)}).With("Namespace", "default").WithGroup("sdk")
	for _, err := range []error{
		status.Error(codes.Unavailable, "connection refused"),
		serviceerror.NewUnavailable("connection refused"),
		fmt.Errorf("poll: %w", serviceerror.NewUnavailable("connection refused")),
	} {
		logger.Warn("Failed to poll for task.", "Error", err)
		logger.Error("Activity error.", "Attempt", 3, "Error", err)
	}
	require.Empty(t, log.String())
	logger.Warn("Failed to poll for task.", "Error", serviceerror.NewPermissionDenied("not you", ""))
	logger.Error("Workflow panic", "Error", errors.New("boom"))
	logger.Info("Started Worker")
	require.Equal(t, 3, strings.Count(log.String(), "\n"), log.String())
}

// lockedLog may be read while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestTheSDKDoesNotWarnOfOrdersWithManyLines(t *testing.T) {
	t.Parallel()
	options, err := new(temporalSettings).options(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, namespace.MemoBytes, options.PayloadLimits.MemoSizeWarning)
}
