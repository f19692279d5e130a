package worker_test

import (
	"context"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/worker"
	"github.com/cupcakery/cupcakery/workflows"
)

// other is a ticket of the same order and pass.
func other(ticket kitchen.Ticket, stage kitchen.Stage) kitchen.Ticket {
	ref := ticket.Ref()
	ref.Stage = stage
	return kitchen.Ticket{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: stage, Kind: ref.Kind, Pass: ref.Pass}
}

// fold is the board of whoever reads the log now.
func (f *floor) fold() *board.Board {
	f.t.Helper()
	fold := board.New()
	for _, m := range f.messages(events.TopicAcks, events.TicketTopic(kitchen.Mix), events.TicketTopic(kitchen.Bake)) {
		if ack, err := events.DecodeAck(m); err == nil {
			fold.AddAck(ack, board.HeardFrom(m, 0))
		} else if ticket, err := events.DecodeTicket(m); err == nil {
			fold.AddTicket(ticket, board.HeardFrom(m, 0))
		}
	}
	return fold
}

// Without the refusal, the order would be done with bake, decorate and package by
// a ghost as soon as its mix is done, or every board would show bake as ended while
// the order waits for it.
func TestAnEndBeforeItsBeginningIsRefused(t *testing.T) {
	t.Parallel()
	f := newFloorOn(t, server)
	var log lockedBuffer
	f.hire(server, func(c *worker.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	run := f.place()
	mix := f.ticket()
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone, kitchen.AckFailed} {
		early := other(mix, kitchen.Bake)
		f.answer(early, kind, map[string]any{"by": "ghost", "reason": "burnt"})
		letter := wait(t, f.other, "a dead letter")
		require.Equal(t, events.TopicDeadLetters, letter.Topic)
		require.Equal(t, mix.OrderID, string(letter.Key))
		reason, _ := letter.Header(events.HeaderDeadReason)
		require.Contains(t, reason, "never been issued")
		place, _ := letter.Header(events.HeaderDeadPartition)
		offset, _ := letter.Header(events.HeaderDeadOffset)
		line := regexp.MustCompile("level=WARN .*partition=" + place + " offset=" + offset + ` ticket_id=\S+bake.1 kind=` + string(kind) + ` by=ghost`)
		require.Eventually(t, func() bool { return line.MatchString(log.String()) }, time.Minute, 20*time.Millisecond)
		entry, _ := f.fold().Get(early.TicketID)
		require.Equal(t, kitchen.TicketWaiting, entry.State, "everybody knows by the time of the letter")
		require.Eventually(t, func() bool { return f.acks(string(kind), "refused") == 1 }, time.Minute, 20*time.Millisecond)
	}
	undo := mix.Ref().Undo() // whoever has begun that has withdrawn mix
	f.answer(mix, kitchen.AckStarted, map[string]any{"by": "ghost", "ticketId": undo.TicketID()})
	wait(t, f.other, "a dead letter")
	entry, _ := f.fold().Get(mix.TicketID)
	require.False(t, entry.Withdrawn)
	f.answer(mix, kitchen.AckDone, nil)
	for _, stage := range []kitchen.Stage{kitchen.Bake, kitchen.Decorate, kitchen.Package} {
		ticket := f.ticket()
		require.Equal(t, stage, ticket.Stage)
		entry, _ := f.fold().Get(ticket.TicketID)
		require.False(t, entry.Ended())
		f.answer(ticket, kitchen.AckDone, nil)
	}
	for _, row := range f.result(run).Stages {
		require.Equal(t, "bob", row.By)
	}
	require.EqualValues(t, 4, f.acks("done", "carried"))

	// Once its order has closed, nobody waits for anything.
	f.answer(other(mix, kitchen.Bake), kitchen.AckFailed, map[string]any{"ticketId": mix.OrderID + ".bake.7"})
	require.Eventually(t, func() bool { return f.acks("failed", "stale") == 1 }, time.Minute, 20*time.Millisecond)
}

// Two failures without attempts are an attempt each in the log. The second was taken
// for one that names an attempt which never was.
func TestTwoFailuresTypedByHandAreNotRefused(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	run := f.place()
	mix := f.ticket()
	require.NoError(t, f.stop())
	f.answer(mix, kitchen.AckFailed, map[string]any{"by": "eve", "reason": "equipment", "scrapped": 1})
	f.answer(mix, kitchen.AckFailed, map[string]any{"reason": "equipment", "scrapped": 2})
	f.hire(server, func(c *worker.Config) { c.Metrics = nil })
	again := f.ticket()
	require.Equal(t, mix.TicketID, again.TicketID)
	require.Equal(t, 3, again.Attempt)
	entry, _ := f.fold().Get(mix.TicketID)
	require.Equal(t, kitchen.TicketWaiting, entry.State)
	require.Empty(t, f.other, "no dead letter")
	order, err := workflows.NewOrders(server, nil).StatusFromHistory(t.Context(), mix.OrderID)
	require.NoError(t, err)
	require.Equal(t, 2, order.Scrapped, "%s hears of the last", run.GetID())
}

// While a manager is asked about a failure, somebody may begin again without saying
// which attempt that is. For boards it is the next.
func TestWorkThatGoesOnWhileAManagerIsAskedIsNotRefused(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	f.rules = func(r *kitchen.Rules) { r.MaxRemakes = 0 }
	run := f.place()
	mix := f.ticket()
	f.answer(mix, kitchen.AckFailed, map[string]any{"reason": "burnt", "attempt": 1})
	require.Equal(t, events.TopicFailures, wait(t, f.other, "a question").Topic)
	f.answer(mix, kitchen.AckStarted, nil)
	entry, _ := f.fold().Get(mix.TicketID)
	require.Equal(t, 2, entry.Attempt)
	f.answer(mix, kitchen.AckDone, map[string]any{"attempt": 2})
	require.Eventually(t, func() bool { return f.acks("done", "stale") == 1 }, time.Minute, 20*time.Millisecond)
	f.update(run, workflows.UpdateResolve, kitchen.Resolution{Choice: kitchen.ChoiceRetry})
	require.Equal(t, kitchen.Bake, f.ticket().Stage, "the log has the end")
}

// An attempt that never was would block the ticket for every station whose acks
// name a lower one.
func TestAnAttemptThatNeverWasIsRefused(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	run := f.place()
	mix := f.ticket()
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone} {
		f.answer(mix, kind, map[string]any{"by": "ghost", "attempt": 99_999})
		reason, _ := wait(t, f.other, "a dead letter").Header(events.HeaderDeadReason)
		require.Contains(t, reason, "not been issued as often")
		require.Eventually(t, func() bool { return f.acks(string(kind), "refused") == 1 }, time.Minute, 20*time.Millisecond)
		entry, _ := f.fold().Get(mix.TicketID)
		require.Equal(t, kitchen.TicketWaiting, entry.State)
		require.Equal(t, 1, entry.Attempt)
	}
	require.Nil(t, f.pending(run)[0].AtWork)
	f.answer(mix, kitchen.AckFailed, map[string]any{"attempt": 1, "reason": "equipment"})
	again := f.ticket()
	require.Equal(t, 2, again.Attempt)
	f.answer(again, kitchen.AckDone, map[string]any{"attempt": 2})
	require.Equal(t, kitchen.Bake, f.ticket().Stage)
}

func TestATicketThatIsPutBackComesAgain(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	run := f.place()
	mix := f.ticket()
	f.answer(mix, kitchen.AckStarted, nil)
	require.Eventually(t, func() bool { return f.pending(run)[0].AtWork != nil }, time.Minute, 20*time.Millisecond)
	f.answer(mix, kitchen.AckReleased, map[string]any{"by": "eve"}) // it is not hers
	f.answer(mix, kitchen.AckReleased, nil)
	again := f.ticket()
	require.Equal(t, mix.TicketID, again.TicketID)
	require.Equal(t, 2, again.Attempt)
	description, err := server.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
	require.NoError(t, err)
	pending := description.GetPendingActivities()[0]
	require.Equal(t, "put back by bob", pending.GetLastFailure().GetMessage())
	require.Equal(t, "released", pending.GetLastFailure().GetApplicationFailureInfo().GetType())
	var who kitchen.AtWork
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &who))
	require.Empty(t, who.By, "nobody is asked why they are silent")
	require.EqualValues(t, 1, f.acks("released", "carried"))
	require.EqualValues(t, 1, f.acks("released", "stale"))

	// The same before a failure that means again.
	f.answer(again, kitchen.AckStarted, nil)
	require.Eventually(t, func() bool { return f.pending(run)[0].AtWork != nil }, time.Minute, 20*time.Millisecond)
	f.answer(again, kitchen.AckFailed, map[string]any{"reason": "equipment"})
	require.Equal(t, 3, f.ticket().Attempt)
	description, err = server.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
	require.NoError(t, err)
	who = kitchen.AtWork{}
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(description.GetPendingActivities()[0].GetHeartbeatDetails(), &who))
	require.Empty(t, who.By)
}

// After a reset Temporal counts attempts anew, and the log knows how many there were.
func TestNoGoodAckOfAResetOrderIsRefused(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	run := f.place()
	mix := f.ticket()
	f.answer(mix, kitchen.AckFailed, map[string]any{"reason": "equipment", "attempt": 1})
	require.Equal(t, 2, f.ticket().Attempt)
	firstTask := int64(0)
	history := server.GetWorkflowHistory(t.Context(), run.GetID(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for firstTask == 0 && history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			firstTask = event.GetEventId()
		}
	}
	_, err := server.WorkflowService().ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: run.GetID()},
		Reason: "a test", RequestId: "reset", WorkflowTaskFinishEventId: firstTask,
	})
	require.NoError(t, err)
	again := f.ticket()
	require.Equal(t, mix.TicketID, again.TicketID)
	require.Equal(t, 2, again.Attempt, "the first has failed")
	f.answer(mix, kitchen.AckDone, map[string]any{"attempt": 2}) // from who has seen the second
	require.Equal(t, kitchen.Bake, f.ticket().Stage)
	require.Empty(t, f.other, "no dead letter")
	require.Zero(t, f.acks("done", "refused"))
}

// A worker that starts reads acks that lie there already, and the log beside them.
func TestAWorkerThatStartsKnowsWhatTheLogSaid(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	run := f.place()
	mix := f.ticket()
	f.answer(mix, kitchen.AckStarted, nil)
	require.Eventually(t, func() bool { return f.pending(run)[0].AtWork != nil }, time.Minute, 20*time.Millisecond)
	require.NoError(t, f.stop())
	f.answer(mix, kitchen.AckStarted, map[string]any{"by": "eve"})
	f.answer(mix, kitchen.AckReleased, map[string]any{"by": "eve"})
	f.answer(mix, kitchen.AckFailed, map[string]any{"by": "eve", "reason": "burnt", "scrapped": 6})
	for range 20 {
		f.answer(mix, kitchen.AckDone, nil)
	}
	f.hire(server, func(c *worker.Config) { c.Metrics = nil })
	require.Equal(t, kitchen.Bake, f.ticket().Stage)
	order, err := workflows.NewOrders(server, nil).StatusFromHistory(context.Background(), mix.OrderID)
	require.NoError(t, err)
	require.Equal(t, "bob", order.Stages[0].By)
	require.Zero(t, order.Scrapped)
}
