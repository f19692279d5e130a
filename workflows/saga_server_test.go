package workflows_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

func TestAnUpdateIDActsOnce(t *testing.T) {
	t.Parallel()

	amend := func(t *testing.T, l *live, notes string) workflows.Answer {
		t.Helper()
		answer, err := l.updateAs("the same", workflows.UpdateAmend, kitchen.Amendment{Notes: text(notes)})
		require.NoError(t, err)
		require.Equal(t, "first", *answer.Amended.Notes, "the answer tells what it was that acted")
		return answer
	}

	t.Run("in one run, and after the order has closed", func(t *testing.T) {
		t.Parallel()
		l := startLive(t, orderInput(), nil)
		mix := l.expect("mix.1")
		amend(t, l, "first")
		require.Equal(t, "first", amend(t, l, "second").Order.Notes)
		l.ends(mix)
		l.makes("bake.1", "decorate.1", "package.1")
		require.Equal(t, "first", l.result().Notes)
		require.Equal(t, "first", amend(t, l, "third").Order.Notes)
		require.Equal(t, 1, l.accepted()["the same"])
	})

	t.Run("over the runs of an order, and after it has closed", func(t *testing.T) {
		t.Parallel()
		l := startLiveOn(t, shortHistories(t), orderInput(), nil)
		mix := l.expect("mix.1")
		amend(t, l, "first")
		_, err := l.updateAs("of the first run only", workflows.UpdateAmend, kitchen.Amendment{Notes: text("first")})
		require.NoError(t, err)
		l.continues()
		require.Equal(t, "ring twice", amend(t, l, "second").Order.Notes, "the answer tells where the order stands now")
		l.ends(mix)
		l.makes("bake.1", "decorate.1", "package.1")
		require.Equal(t, "ring twice", l.result().Notes)
		amend(t, l, "third")
		_, err = l.updateAs("of the first run only", workflows.UpdateAmend, kitchen.Amendment{Notes: text("third")})
		requireNotFound(t, err) // Temporal remembers those of the last run
	})

	t.Run("if it cancels", func(t *testing.T) {
		t.Parallel()
		l := startLive(t, orderInput(), nil)
		l.expect("mix.1")
		for _, reason := range []string{"first", "second"} {
			answer, err := l.updateAs("the same", workflows.UpdateCancel, kitchen.Cancellation{Reason: reason})
			require.NoError(t, err)
			require.Equal(t, "first", answer.Cancelled.Reason)
		}
		l.undoes("mix.1.undo")
		require.Equal(t, kitchen.StateCancelled, l.result().State)
		answer, err := l.updateAs("the same", workflows.UpdateCancel, kitchen.Cancellation{Reason: "third"})
		require.NoError(t, err)
		require.Equal(t, "first", answer.Cancelled.Reason)
		_, err = l.updateAs("another", workflows.UpdateCancel, kitchen.Cancellation{Reason: "fourth"})
		requireNotFound(t, err)
	})
}

func TestAnOrderGoesOnInNewRuns(t *testing.T) {
	t.Parallel()

	t.Run("with the attempts of the open ticket, its memo and what it is found by", func(t *testing.T) {
		t.Parallel()
		in := orderInput()
		within(time.Second)(&in.Rules)
		in.Rules.MaxReissues = 0 // on a slow machine a run may issue it more than twice
		l := startLiveOn(t, shortHistories(t), in, nil)
		first := l.describe().GetWorkflowExecutionInfo()
		ticket := l.expect("mix.1")
		for range 3 {
			again := l.expect("mix.1") // so that each run has issued it more than once
			require.Greater(t, again.Attempt, ticket.Attempt)
			ticket = again
			l.continues()
			next := l.expect("mix.1")
			require.Greater(t, next.Attempt, ticket.Attempt)
			ticket = next
		}
		now := l.describe().GetWorkflowExecutionInfo()
		require.Len(t, l.runs(), 4)
		require.Equal(t, string(first.GetMemo().GetFields()[workflows.MemoRequestHash].GetData()), string(now.GetMemo().GetFields()[workflows.MemoRequestHash].GetData()))
		var kept kitchen.Status
		require.NoError(t, dataConverter.FromPayload(now.GetMemo().GetFields()[workflows.MemoStatus], &kept))
		require.Equal(t, "ring twice", kept.Notes)
		for _, key := range []string{workflows.KeyState.GetName(), workflows.KeyFlavours.GetName(), workflows.KeyCustomer.GetName(), workflows.KeyPickupCode.GetName()} {
			require.Equal(t, string(first.GetSearchAttributes().GetIndexedFields()[key].GetData()), string(now.GetSearchAttributes().GetIndexedFields()[key].GetData()), key)
		}
		require.Contains(t, l.details(), "**in-progress** · pickup code **"+kitchen.PickupCode(l.orderID)+"** · Ada · 13 cupcakes · waiting for **mix**",
			"the run has no summary of its own")
		l.ends(ticket)
		l.makes("bake.1", "decorate.1", "package.1")
		require.GreaterOrEqual(t, l.result().Stages[0].Attempt, 7)
	})

	t.Run("showing what is asked", func(t *testing.T) {
		t.Parallel()
		in := orderInput()
		withoutRemakes(&in.Rules)
		l := startLiveOn(t, shortHistories(t), in, nil)
		l.fails(l.expect("mix.1"), "burnt", 13)
		l.asks("mix failed after 0 remakes", kitchen.Choices()...)
		l.continues()
		require.Contains(t, l.details(), "A manager must decide")
		require.Equal(t, kitchen.StateNeedsAttention, l.attribute())
	})

	t.Run("without losing an update that comes at the same time", func(t *testing.T) {
		t.Parallel()
		l := startLiveOn(t, shortHistories(t), orderInput(), nil)
		l.expect("mix.1")
		const people, changes = 6, 15
		var group sync.WaitGroup
		errs := make(chan error, people*changes)
		for person := range people {
			group.Go(func() {
				for change := range changes {
					id := fmt.Sprintf("%d-%d", person, change)
					answer, err := l.updateAs(id, workflows.UpdateAmend, kitchen.Amendment{Notes: text(id)})
					if err == nil && *answer.Amended.Notes != id {
						err = fmt.Errorf("%s was answered with the answer to %s", id, *answer.Amended.Notes)
					}
					errs <- err
				}
			})
		}
		group.Wait()
		for range people * changes {
			require.NoError(t, <-errs)
		}
		require.Greater(t, len(l.runs()), 2, "the order has gone on in new runs meanwhile")
		accepted := l.accepted()
		require.Len(t, accepted, people*changes)
		for id, times := range accepted {
			require.Equal(t, 1, times, "update %s acted more than once", id)
		}
		l.tellsTheSame()
		var last kitchen.Ticket
		for last = l.ticket(); len(l.tray.tickets) > 0; last = l.ticket() {
		}
		l.ends(last)
		l.makes("bake.1", "decorate.1", "package.1")
		require.Equal(t, kitchen.StateShipped, l.result().State)
	})

	t.Run("for hundreds of changes, whose ids do not fill the next run's input", func(t *testing.T) {
		t.Parallel()
		l := startLiveOn(t, shortHistories(t), orderInput(), nil)
		l.expect("mix.1")
		for i := range 250 {
			_, err := l.updateAs(fmt.Sprint(i), workflows.UpdateAmend, kitchen.Amendment{Notes: text(fmt.Sprint(i))})
			require.NoError(t, err)
		}
		events := l.history(l.describe().GetWorkflowExecutionInfo().GetExecution().GetRunId())
		var in workflows.OrderInput
		require.NoError(t, dataConverter.FromPayloads(events[0].GetWorkflowExecutionStartedEventAttributes().GetInput(), &in))
		require.Len(t, in.Progress.Handled, 100)
		answer, err := l.updateAs("249", workflows.UpdateAmend, kitchen.Amendment{Notes: text("again")})
		require.NoError(t, err)
		require.Equal(t, "249", answer.Order.Notes)
	})
}

// An outage of Kafka may last for days, and Temporal limits the length of a
// history.
func TestTriesToAnnounceAreNotInHistory(t *testing.T) {
	t.Parallel()
	in := orderInput()
	withoutRemakes(&in.Rules)
	l := startLive(t, in, nil)
	l.tray.refuses.Store(true)
	l.fails(l.expect("mix.1"), "burnt", 13)
	l.until(func(s kitchen.Status) bool { return s.Attention != nil })
	// events waits for a try to announce, and returns how long the history is.
	events := func(try int32) (length int64) {
		require.Eventually(t, func() bool {
			description := l.describe()
			length = description.GetWorkflowExecutionInfo().GetHistoryLength()
			pending := description.GetPendingActivities()
			return len(pending) == 1 && pending[0].GetActivityType().GetName() == workflows.ActivityAnnounceFailed && pending[0].GetAttempt() >= try
		}, patience, tick)
		return length
	}
	require.Equal(t, events(2), events(3))
	require.Empty(t, l.pending(), "it is no ticket")
	l.tellsTheSame()
	l.tray.refuses.Store(false)
	l.decides(kitchen.ChoiceCancel)
	l.undoes("mix.1.undo")
	require.Equal(t, kitchen.StateCancelled, l.result().State)
	require.Equal(t, kitchen.StateNeedsAttention, (<-l.tray.failed).State)
	require.Equal(t, kitchen.StateCancelled, (<-l.tray.failed).State)
}

// Pages wait for it once Kafka is back.
func TestAStatusIsToldSoonOnceKafkaIsBack(t *testing.T) {
	t.Parallel()
	l := startLive(t, orderInput(), nil)
	l.expect("mix.1")
	l.tray.refusesStatus.Store(true)
	l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: text("ring twice")})
	require.LessOrEqual(t, l.pendingTell().GetActivityOptions().GetRetryPolicy().GetMaximumInterval().AsDuration(), 10*time.Second)
	l.tray.refusesStatus.Store(false)
	l.tellsTheSame()
}

// The log has steps that the order has not taken, with higher versions than it had
// then.
func TestAnOrderThatIsResetTellsWhereItStands(t *testing.T) {
	t.Parallel()
	l := startLive(t, orderInput(), nil)
	l.makes("mix.1")
	bake := l.expect("bake.1")
	var runs []string
	for range 2 { // the second reset is one of the run that the first has made
		require.NoError(t, l.server.SignalWorkflow(t.Context(), l.run.GetID(), "", workflows.SignalUnanswered, workflows.Unanswered{ActivityID: "mix.1"}))
		before := l.signalled() // nothing follows from a complaint about a ticket that has ended
		l.ends(bake)
		l.expect("decorate.1")
		reset, err := server.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: client.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: l.run.GetID()},
			Reason: "tests", RequestId: uuid.NewString(), WorkflowTaskFinishEventId: before,
		})
		require.NoError(t, err)
		runs = append(runs, reset.GetRunId())
		l.run = l.server.GetWorkflow(t.Context(), l.run.GetID(), "")
		require.Eventually(t, func() bool { return l.tray.tells(l.query()) == nil }, patience, tick)
		require.Equal(t, kitchen.Bake, l.query().WaitingFor)
		bake = l.ticket()
		require.Equal(t, kitchen.Bake, bake.Stage)
	}
	l.ends(bake)
	l.makes("decorate.1", "package.1")
	require.Equal(t, kitchen.StateShipped, l.result().State)
	told := 0
	for _, event := range l.history(runs[1]) {
		if event.GetMarkerRecordedEventAttributes().GetMarkerName() == "LocalActivity" {
			told++
		}
	}
	require.Equal(t, 2+1, told, "it is told once after each reset, and shipped once")
	require.NoError(t, replayRun(&historypb.History{Events: l.history(runs[1])}, runs[1]))
}

// signalled waits until the order has handled the last signal, and returns the event
// that ended that workflow task.
func (l *live) signalled() (id int64) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		signal := int64(0)
		for _, event := range l.history(l.describe().GetWorkflowExecutionInfo().GetExecution().GetRunId()) {
			switch event.GetEventType() {
			case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
				signal, id = event.GetEventId(), 0
			case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
				if signal > 0 && id == 0 {
					id = event.GetEventId()
				}
			}
		}
		return id > 0
	}, patience, tick)
	return id
}

// What an operator sees of an order in trouble, read as the Temporal UI and
// CLI read it.
func TestWhatAnOperatorSees(t *testing.T) {
	t.Parallel()
	in := orderInput()
	in.Rules.MaxRemakes = 0
	l := startLiveOn(t, withoutEncryption(t), in, nil)
	mix := l.expect("mix.1")
	description := l.describe()
	require.JSONEq(t, `"`+kitchen.PickupCode(l.orderID)+` · Ada · 13 cupcakes"`, string(description.GetExecutionConfig().GetUserMetadata().GetSummary().GetData()))

	l.fails(mix, "equipment", 0)
	require.Equal(t, 2, l.expect("mix.1").Attempt)
	pending := l.describe().GetPendingActivities()[0]
	require.Equal(t, "equipment at mix: bob: oven 2", pending.GetLastFailure().GetMessage(), "why the last attempt failed")
	require.Equal(t, "equipment", pending.GetLastFailure().GetApplicationFailureInfo().GetType())
	l.ends(mix)
	l.fails(l.expect("bake.1"), "burnt", 13)
	asked := l.asks("bake failed after 0 remakes: burnt (bob): oven 2", kitchen.Choices()...)

	description = l.describe()
	var inMemo kitchen.Status
	require.NoError(t, dataConverter.FromPayload(description.GetWorkflowExecutionInfo().GetMemo().GetFields()[workflows.MemoStatus], &inMemo))
	require.Equal(t, asked.Attention, inMemo.Attention)
	require.Equal(t, kitchen.StateNeedsAttention, inMemo.State)
	require.Eventually(t, func() bool {
		found, err := l.server.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("CupcakeState = 'needs-attention' AND WorkflowId = '%s'", l.run.GetID()),
		})
		return err == nil && len(found.GetExecutions()) == 1
	}, patience, tick, "it is found by its state")

	details := l.details()
	require.Contains(t, details, "**needs-attention** · pickup code **"+kitchen.PickupCode(l.orderID)+"**")
	require.Contains(t, details, "13 scrapped")
	require.Contains(t, details, "**A manager must decide:** bake failed after 0 remakes: burnt (bob): oven 2.")
	require.Contains(t, details, "| bake | 1 | failed | bob |")
	require.Contains(t, details, "| burnt: oven 2 |")
	descriptions := map[string]string{}
	for _, update := range l.metadata().GetDefinition().GetUpdateDefinitions() {
		descriptions[update.GetName()] = update.GetDescription()
	}
	require.Contains(t, descriptions[workflows.UpdateResolve], "retry, remake or cancel")

	l.decides(kitchen.ChoiceCancel)
	l.undoes("bake.1.undo", "mix.1.undo")
	require.Equal(t, kitchen.StateCancelled, l.result().State)
	require.Equal(t, kitchen.StateCancelled, l.attribute())
	require.Contains(t, l.details(), "Cancelled because: the manager says so")
	summaries := map[string]string{}
	for _, event := range l.history("") {
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			summaries[scheduled.GetActivityId()] = string(event.GetUserMetadata().GetSummary().GetData())
		}
	}
	require.JSONEq(t, `"`+kitchen.PickupCode(l.orderID)+` · 13 cupcakes"`, summaries["bake.1"])
	require.JSONEq(t, `"undo `+kitchen.PickupCode(l.orderID)+` · 13 cupcakes"`, summaries["bake.1.undo"])
}

func TestAnOrderTerminatedInTroubleAsksNothing(t *testing.T) {
	t.Parallel()
	in := orderInput()
	withoutRemakes(&in.Rules)
	l := startLive(t, in, nil)
	l.fails(l.expect("mix.1"), "burnt", 13)
	l.asks("mix failed after 0 remakes", kitchen.Choices()...)
	require.NoError(t, l.server.TerminateWorkflow(t.Context(), l.run.GetID(), "", "by an operator"))
	status, err := workflows.NewOrders(l.server, codec).StatusFromHistory(t.Context(), l.orderID)
	require.NoError(t, err)
	require.Equal(t, kitchen.StateCancelled, status.State)
	require.Nil(t, status.Attention)
	require.Len(t, status.Decisions, 1)
	require.Empty(t, status.Decisions[0].Choice, "nobody can decide any more")
	require.Empty(t, l.tray.failed, "nobody is told")
	require.Equal(t, kitchen.StateCancelled, workflows.StateFromVisibility(l.describe().GetWorkflowExecutionInfo().GetStatus(), l.attribute()))
}

// details is the order's table in the Temporal UI.
func (l *live) details() string {
	l.t.Helper()
	return l.metadata().GetCurrentDetails()
}

func (l *live) metadata() *sdkpb.WorkflowMetadata {
	l.t.Helper()
	value, err := l.server.QueryWorkflow(l.t.Context(), l.run.GetID(), "", "__temporal_workflow_metadata")
	require.NoError(l.t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(l.t, value.Get(&metadata))
	return &metadata
}

// continues changes the order until it has continued as new.
func (l *live) continues() {
	l.t.Helper()
	runs := len(l.runs())
	for len(l.runs()) == runs {
		l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: text("ring twice")})
	}
}

// accepted counts how often each update was accepted in any run of the order.
func (l *live) accepted() map[string]int {
	l.t.Helper()
	times := map[string]int{}
	for _, runID := range l.runs() {
		for _, event := range l.history(runID) {
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED {
				times[event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetMeta().GetUpdateId()]++
			}
		}
	}
	return times
}
