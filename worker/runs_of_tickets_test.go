package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/kitchen"
)

// oneRun is a Temporal in which one run of an order is open. It notes which runs it
// is asked about.
type oneRun struct {
	client.Client
	open  string
	asked []string
}

func (o *oneRun) answer(runID string) error {
	o.asked = append(o.asked, runID)
	if runID != "" && runID != o.open {
		return serviceerror.NewNotFound("the run is over")
	}
	return nil
}

func (o *oneRun) CompleteActivityByID(_ context.Context, _, _, runID, _ string, _ any, _ error) error {
	return o.answer(runID)
}

func (o *oneRun) RecordActivityHeartbeatByID(_ context.Context, _, _, runID, _ string, _ ...any) error {
	return o.answer(runID)
}

// accepting takes every ticket.
type accepting struct{ activities.Publisher }

func (accepting) PublishTicket(context.Context, kitchen.Ticket) error { return nil }

func TestTemporalIsToldTheRunThatHasIssuedATicket(t *testing.T) {
	t.Parallel()
	temporal := &oneRun{}
	carrier := newTestQueue(temporal, letters(nil)).carrier
	ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	issue := func() {
		suite := testsuite.WorkflowTestSuite{}
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivity(notingPublisher{accepting{}, carrier.runs, carrier.log}.PublishTicket)
		_, err := env.ExecuteActivity(notingPublisher{}.PublishTicket, kitchen.Ticket{TicketID: ref.TicketID()})
		require.NoError(t, err)
	}
	issue()
	temporal.open = carrier.runs.of(ref.TicketID())
	require.NotEmpty(t, temporal.open)
	require.NoError(t, carrier.heartbeat(t.Context(), ref, kitchen.AtWork{}))
	require.NoError(t, carrier.complete(t.Context(), ref, nil, nil))
	require.NoError(t, carrier.complete(t.Context(), ref, nil, nil), "what others have issued is asked about without")
	require.Equal(t, []string{temporal.open, temporal.open, ""}, temporal.asked)

	issue()
	over := temporal.open
	temporal.open, temporal.asked = "the next run", nil
	require.NoError(t, carrier.heartbeat(t.Context(), ref, kitchen.AtWork{}), "the order goes on in another run")
	require.NoError(t, carrier.complete(t.Context(), ref, nil, nil))
	require.Equal(t, []string{over, "", ""}, temporal.asked)
}

func TestOnlySoManyRunsAreKept(t *testing.T) {
	t.Parallel()
	kept := newRuns()
	for range 3 * mostRuns {
		id, err := kitchen.NewOrderID()
		require.NoError(t, err)
		kept.note(id, "a run")
	}
	require.LessOrEqual(t, len(kept.ids), mostRuns)
	require.NotEmpty(t, kept.ids)
}
