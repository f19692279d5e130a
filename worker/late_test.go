package worker_test

import (
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/worker"
	"github.com/cupcakery/cupcakery/workflows"
)

// ticketFor waits for a ticket of a stage. Earlier tickets may come again meanwhile.
func (f *floor) ticketFor(stage kitchen.Stage) kitchen.Ticket {
	f.t.Helper()
	for {
		if ticket := f.ticket(); ticket.Stage == stage {
			return ticket
		}
	}
}

// status is what the history of a ticket's order tells.
func (f *floor) status(ticket kitchen.Ticket) kitchen.Status {
	f.t.Helper()
	status, err := workflows.NewOrders(server, nil).StatusFromHistory(f.t.Context(), ticket.OrderID)
	require.NoError(f.t, err)
	return status
}

// A late failure started a remake while somebody else was at the next attempt, whose
// done was then stale.
func TestALateFailureChangesNothingForWhoHasTheTicketNow(t *testing.T) {
	t.Parallel()
	for name, bobHadIt := range map[string]bool{"NobodyHadSaidThatTheyBegan": false, "TakenOver": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, server)
			f.rules = func(rules *kitchen.Rules) {
				rules.AckWithin = map[kitchen.Stage]kitchen.Duration{kitchen.Mix: kitchen.Duration(2 * time.Second)}
			}
			f.place()
			first := f.ticket()
			claim := map[string]any{"by": "eve", "attempt": 2}
			if bobHadIt {
				f.answer(first, kitchen.AckStarted, map[string]any{"attempt": 1})
				claim["takeOver"], claim["from"] = true, "bob"
			}
			second := f.ticket()
			require.Equal(t, 2, second.Attempt)
			f.answer(second, kitchen.AckStarted, claim)
			f.answer(first, kitchen.AckFailed, map[string]any{"attempt": 1, "reason": "burnt", "scrapped": 6})
			f.answer(second, kitchen.AckDone, map[string]any{"by": "eve", "attempt": 2})
			bake := f.ticketFor(kitchen.Bake)
			require.Equal(t, 1, bake.Pass)
			status := f.status(bake)
			require.Zero(t, status.Remakes)
			require.Zero(t, status.Scrapped)
			require.Equal(t, "eve", status.Stages[0].By)
		})
	}
}

// A worker that died reads failures again, and a redrive writes them again. Their
// pieces counted twice.
func TestFailuresThatComeAgainCountOnce(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	f.place()
	var again []func()
	for i, pieces := range []int{2, 3} {
		ticket := f.ticket()
		require.Equal(t, i+1, ticket.Attempt)
		failure := map[string]any{"attempt": ticket.Attempt, "reason": "equipment", "scrapped": pieces, "at": time.Now().UTC().Format(time.RFC3339Nano)}
		again = append(again, func() { f.answer(ticket, kitchen.AckFailed, failure) })
		again[i]()
	}
	third := f.ticket()
	require.Equal(t, 3, third.Attempt)
	require.NoError(t, f.stop())
	kafkaClient := &kafka.Client{Addr: f.writer.Addr}
	answer, err := kafkaClient.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{
		GroupID: events.GroupAcks, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{events.TopicAcks: {{Partition: 0}, {Partition: 1}}},
	})
	require.NoError(t, err)
	for _, partition := range answer.Topics[events.TopicAcks] {
		require.NoError(t, partition.Error)
	}
	for _, writeAgain := range again {
		writeAgain()
	}
	f.hire(server, func(c *worker.Config) { c.Metrics = nil })
	f.answer(third, kitchen.AckDone, map[string]any{"attempt": 3})
	status := f.status(f.ticketFor(kitchen.Bake))
	require.Equal(t, 5, status.Scrapped)
	require.Zero(t, status.Remakes)
}

// The done had ended the ticket in the log and was stale for the order, which waited
// for ever.
func TestADoneRightBehindAFailureIsNotLost(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	f.place()
	mix := f.ticket()
	f.answer(mix, kitchen.AckFailed, map[string]any{"attempt": 1, "reason": "equipment", "scrapped": 2})
	f.answer(mix, kitchen.AckDone, map[string]any{"attempt": 1})
	status := f.status(f.ticketFor(kitchen.Bake))
	require.Equal(t, 2, status.Scrapped)
	require.Zero(t, status.Remakes)
	require.Equal(t, "bob", status.Stages[0].By)
}

func TestTheLoserOfARaceIsNotShown(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	run := f.place()
	mix := f.ticket()
	f.answer(mix, kitchen.AckStarted, nil)
	require.Eventually(t, func() bool { return f.pending(run)[0].AtWork != nil }, time.Minute, 20*time.Millisecond)
	heard := f.lastHeartbeat(run)
	f.answer(mix, kitchen.AckStarted, map[string]any{"by": "eve"})
	require.Eventually(t, func() bool { return f.acks("started", "stale") == 1 }, time.Minute, 20*time.Millisecond)
	f.answer(mix, kitchen.AckStarted, nil)
	require.Eventually(t, func() bool { return f.lastHeartbeat(run).After(heard) }, time.Minute, 20*time.Millisecond)
	require.Equal(t, "bob", f.pending(run)[0].AtWork.By)
	f.answer(mix, kitchen.AckFailed, map[string]any{"by": "eve", "reason": "burnt"})
	f.answer(mix, kitchen.AckDone, nil)
	require.Equal(t, 1, f.ticketFor(kitchen.Bake).Pass)
}

// lastHeartbeat is when Temporal was last told who has an order's ticket.
func (f *floor) lastHeartbeat(run client.WorkflowRun) time.Time {
	f.t.Helper()
	description, err := server.DescribeWorkflowExecution(f.t.Context(), run.GetID(), "")
	require.NoError(f.t, err)
	return description.GetPendingActivities()[0].GetLastHeartbeatTime().AsTime()
}
