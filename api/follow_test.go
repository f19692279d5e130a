package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cupcakery/cupcakery/kitchen"
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

func (f queryTemporal) QueryWorkflow(ctx context.Context, _, _, _ string, _ ...any) (converter.EncodedValue, error) {
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

func TestAddPending(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	beat, err := converter.GetDefaultDataConverter().ToPayloads(kitchen.AtWork{By: "carol", At: started.Add(time.Second)})
	require.NoError(t, err)
	garbage, err := converter.GetDefaultDataConverter().ToPayloads(7)
	require.NoError(t, err)
	pending := func(change func(*workflowpb.PendingActivityInfo)) *workflowpb.PendingActivityInfo {
		activity := &workflowpb.PendingActivityInfo{
			ActivityId: "bake.1", Attempt: 3, State: enumspb.PENDING_ACTIVITY_STATE_STARTED, HeartbeatDetails: beat,
			LastStartedTime: timestamppb.New(started), LastHeartbeatTime: timestamppb.New(started.Add(2 * time.Second)),
		}
		if change != nil {
			change(activity)
		}
		return activity
	}
	waiting := kitchen.StageStatus{Stage: kitchen.Bake, Pass: 1, Attempt: 1, State: kitchen.TicketWaiting}
	again := waiting
	again.Attempt = 3
	taken := again
	at := started.Add(time.Second)
	taken.State, taken.By, taken.StartedAt = kitchen.TicketStarted, "carol", &at
	done := waiting
	done.State, done.By = kitchen.TicketDone, "bob"

	for name, c := range map[string]struct {
		before, want kitchen.StageStatus
		activity     *workflowpb.PendingActivityInfo
	}{
		"who has it in hand": {waiting, taken, pending(nil)},
		"nobody yet":         {waiting, again, pending(func(a *workflowpb.PendingActivityInfo) { a.LastHeartbeatTime = nil })},
		"who had it before it was issued again": {waiting, again, pending(func(a *workflowpb.PendingActivityInfo) {
			a.LastHeartbeatTime = timestamppb.New(started.Add(-time.Second))
		})},
		"between two attempts": {waiting, again, pending(func(a *workflowpb.PendingActivityInfo) {
			a.State = enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
		})},
		"a heartbeat of another kind": {waiting, again, pending(func(a *workflowpb.PendingActivityInfo) { a.HeartbeatDetails = garbage })},
		"done meanwhile":              {done, done, pending(nil)},
		"another stage":               {waiting, waiting, pending(func(a *workflowpb.PendingActivityInfo) { a.ActivityId = "mix.1" })},
		"another pass":                {waiting, waiting, pending(func(a *workflowpb.PendingActivityInfo) { a.ActivityId = "bake.2" })},
		"an activity that is none":    {waiting, waiting, pending(func(a *workflowpb.PendingActivityInfo) { a.ActivityId = "7" })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := kitchen.Status{Stages: []kitchen.StageStatus{c.before}}
			addPending(&status, c.activity)
			require.Equal(t, c.want, status.Stages[0])
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
