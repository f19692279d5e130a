package workflows_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// kind is a kind of order: what it was started with and what happens to it
// until it closes. TestEveryKindOfOrder lets it happen, and TestReplay keeps a
// history of it.
type kind struct {
	// rules changes the rules; nil for the default kitchen file's.
	rules func(*kitchen.Rules)
	// on is the server; nil for the one that the tests share.
	on func(*testing.T) client.Client
	// beginsAfter is when the kitchen begins an order for later; 0 for as soon as possible.
	beginsAfter time.Duration
	happen      func(*testing.T, *live)
	// ends is the state in which the order closes.
	ends kitchen.OrderState
}

func (k kind) start(t *testing.T) *live {
	t.Helper()
	in := orderInput()
	if k.rules != nil {
		k.rules(&in.Rules)
	}
	on := server
	if k.on != nil {
		on = k.on(t)
	}
	if k.beginsAfter > 0 {
		l := prepareLiveOn(t, on, nil)
		l.plan = dayPlan(100)
		later := laterInput(l.plan, 0, 13, time.Now().Add(k.beginsAfter))
		in.Pickup, in.Order.PickupAt = later.Pickup, later.Order.PickupAt
		l.placed(in)
		return l
	}
	return startLiveOn(t, on, in, nil)
}

// What a manager reads about a silent owner.
const (
	silentAtMix  = "bob has taken mix and has not been heard of for"
	silentAtUndo = "bob has taken undoing mix and has not been heard of for"
)

// Rules for orders that get into trouble.
func withoutRemakes(rules *kitchen.Rules) { rules.MaxRemakes = 0 }
func withImpatience(rules *kitchen.Rules) { rules.MaxReissues = 1; within(time.Second)(rules) }
func withMixOnRecord(rules *kitchen.Rules) {
	rules.Undo = map[kitchen.Stage]kitchen.UndoWith{kitchen.Mix: kitchen.UndoOnRecord}
}

func withPrices(rules *kitchen.Rules) { rules.Prices = &prices }

// within lets mixing take no longer than this.
func within(d time.Duration) func(*kitchen.Rules) {
	return func(rules *kitchen.Rules) {
		rules.AckWithin = map[kitchen.Stage]kitchen.Duration{kitchen.Mix: kitchen.Duration(d)}
	}
}

// kinds are all kinds of orders. Their names are part of the names of recorded
// histories.
var kinds = map[string]kind{
	"happy": {ends: kitchen.StateShipped, happen: func(_ *testing.T, l *live) {
		l.makes("mix.1", "bake.1", "decorate.1", "package.1")
	}},
	"reissued": {ends: kitchen.StateShipped, rules: within(time.Second), happen: func(t *testing.T, l *live) {
		l.expect("mix.1")
		again := l.expect("mix.1")
		require.Equal(t, 2, again.Attempt)
		l.ends(again)
		l.makes("bake.1", "decorate.1", "package.1")
		require.GreaterOrEqual(t, l.query().Stages[0].Attempt, 2)
	}},
	"failed-again-here": {ends: kitchen.StateShipped, happen: func(_ *testing.T, l *live) {
		l.fails(l.expect("mix.1"), "equipment", 0)
		l.makes("mix.1", "bake.1", "decorate.1", "package.1")
	}},
	"failed-again-scrapped": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		l.fails(l.expect("bake.1"), "equipment", 2)
		again := l.expect("bake.1")
		require.Equal(t, 2, again.Attempt)
		l.ends(again)
		l.makes("decorate.1", "package.1")
		require.Equal(t, 2, l.query().Scrapped)
	}},
	"remade": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		l.fails(l.expect("bake.1"), "burnt", 13)
		l.makes("mix.2", "bake.2", "decorate.2", "package.2")
		status := l.query()
		require.Equal(t, 1, status.Remakes)
		require.Equal(t, 13, status.Scrapped)
	}},

	"scheduled": {ends: kitchen.StateShipped, beginsAfter: 3 * time.Second, happen: func(t *testing.T, l *live) {
		require.Equal(t, kitchen.StateScheduled, l.query().State)
		l.tellsTheSame()
		l.makes("mix.1", "bake.1", "decorate.1", "package.1")
	}},
	"scheduled-cancelled": {ends: kitchen.StateCancelled, beginsAfter: time.Hour, happen: func(_ *testing.T, l *live) {
		l.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "changed my mind"})
	}},
	"scheduled-cancelled-at-bake": {ends: kitchen.StateCancelled, beginsAfter: time.Millisecond, happen: func(_ *testing.T, l *live) {
		l.makes("mix.1")
		l.expect("bake.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		l.undoes("bake.1.undo", "mix.1.undo")
	}},
	"scheduled-and-continued": {ends: kitchen.StateCancelled, beginsAfter: time.Hour, on: shortHistories, happen: func(t *testing.T, l *live) {
		for i := 0; l.describe().GetWorkflowExecutionInfo().GetFirstRunId() == l.describe().GetWorkflowExecutionInfo().GetExecution().GetRunId(); i++ {
			l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: new(fmt.Sprint("ring ", i, " times"))})
		}
		require.Equal(t, kitchen.StateScheduled, l.query().State)
		l.tellsTheSame()
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
	}},

	"cancelled-at-mix": {ends: kitchen.StateCancelled, happen: func(_ *testing.T, l *live) {
		l.expect("mix.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		l.undoes("mix.1.undo")
	}},
	"cancelled-at-bake": {ends: kitchen.StateCancelled, happen: func(_ *testing.T, l *live) {
		l.makes("mix.1")
		l.expect("bake.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "changed my mind"})
		l.undoes("bake.1.undo", "mix.1.undo")
	}},
	"cancelled-at-decorate": {ends: kitchen.StateCancelled, happen: func(_ *testing.T, l *live) {
		l.makes("mix.1", "bake.1")
		l.expect("decorate.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "changed my mind"})
		l.undoes("decorate.1.undo", "bake.1.undo", "mix.1.undo")
	}},
	"cancelled-at-package": {ends: kitchen.StateCancelled, rules: withMixOnRecord, happen: func(_ *testing.T, l *live) {
		l.makes("mix.1", "bake.1", "decorate.1")
		l.expect("package.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "changed my mind"})
		l.undoes("package.1.undo", "decorate.1.undo", "bake.1.undo")
	}},
	"cancelled-in-temporal": {ends: kitchen.StateCancelled, happen: func(t *testing.T, l *live) {
		l.makes("mix.1", "bake.1")
		l.expect("decorate.1")
		require.NoError(t, l.server.CancelWorkflow(t.Context(), l.run.GetID(), ""))
		l.undoes("decorate.1.undo", "bake.1.undo", "mix.1.undo")
		require.Equal(t, "cancelled in Temporal", l.query().CancelReason)
	}},
	"cancelled-with-a-late-done": {ends: kitchen.StateCancelled, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		late := l.expect("bake.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		undo := l.expect("bake.1.undo")
		require.False(t, undo.Made)
		l.ends(late)
		l.until(func(s kitchen.Status) bool { return s.Stages[1].State == kitchen.TicketDone })
		l.tellsTheSame()
		l.ends(undo)
		l.undoes("mix.1.undo")
	}},
	"cancelled-with-work-done-after-its-undo": {ends: kitchen.StateCancelled, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		late := l.expect("bake.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		l.ends(l.expect("bake.1.undo"))
		undo := l.expect("mix.1.undo")
		l.ends(late)
		l.until(func(s kitchen.Status) bool { return s.Stages[1].State == kitchen.TicketDone })
		l.ends(undo)
		l.asks("bake was done by bob after its ticket had been withdrawn", kitchen.ChoiceCancel)
		l.decides(kitchen.ChoiceCancel)
		require.Len(t, l.announced().NotUndone, 1)
	}},

	"attention-retried": {ends: kitchen.StateShipped, rules: withoutRemakes, happen: func(_ *testing.T, l *live) {
		l.makes("mix.1")
		l.fails(l.expect("bake.1"), "burnt", 13)
		l.asks("bake failed after 0 remakes: burnt (bob): oven 2", kitchen.Choices()...)
		l.decides(kitchen.ChoiceRetry)
		l.makes("bake.1", "decorate.1", "package.1")
	}},
	"attention-remade": {ends: kitchen.StateShipped, rules: withoutRemakes, happen: func(_ *testing.T, l *live) {
		l.makes("mix.1")
		l.fails(l.expect("bake.1"), "burnt", 13)
		l.asks("bake failed after 0 remakes", kitchen.Choices()...)
		l.decides(kitchen.ChoiceRemake)
		l.makes("mix.2", "bake.2", "decorate.2", "package.2")
	}},
	"attention-cancelled": {ends: kitchen.StateCancelled, rules: withoutRemakes, happen: func(_ *testing.T, l *live) {
		l.makes("mix.1")
		l.fails(l.expect("bake.1"), "burnt", 13)
		l.asks("bake failed after 0 remakes", kitchen.Choices()...)
		l.decides(kitchen.ChoiceCancel)
		l.undoes("bake.1.undo", "mix.1.undo")
	}},
	"attention-after-an-end-by-hand": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		ticket := l.expect("mix.1")
		require.NoError(t, l.complete(ticket, nil, temporal.NewNonRetryableApplicationError("an operator", "operator", nil)))
		l.asks("was ended in Temporal and not by its station", kitchen.Choices()...)
		l.decides(kitchen.ChoiceRetry)
		l.makes("mix.1", "bake.1", "decorate.1", "package.1")
	}},

	"unanswered-healed": {ends: kitchen.StateShipped, rules: withImpatience, happen: func(t *testing.T, l *live) {
		ticket := l.claims(l.expect("mix.1"), "bob")
		l.asks(silentAtMix, kitchen.Choices()...)
		require.Equal(t, kitchen.Mix, l.query().WaitingFor, "the ticket stays open")
		l.ends(ticket)
		l.makes("bake.1", "decorate.1", "package.1")
		require.Nil(t, l.query().Attention)
	}},
	"unanswered-retried": {ends: kitchen.StateShipped, rules: withImpatience, happen: func(_ *testing.T, l *live) {
		ticket := l.claims(l.expect("mix.1"), "bob")
		l.asks(silentAtMix, kitchen.Choices()...)
		l.decides(kitchen.ChoiceRetry)
		l.asks(silentAtMix, kitchen.Choices()...)
		l.ends(ticket)
		l.makes("bake.1", "decorate.1", "package.1")
	}},
	"unanswered-remade": {ends: kitchen.StateShipped, rules: withImpatience, happen: func(_ *testing.T, l *live) {
		l.claims(l.expect("mix.1"), "bob")
		l.asks(silentAtMix, kitchen.Choices()...)
		l.decides(kitchen.ChoiceRemake)
		l.undoes("mix.1.undo")
		l.makes("mix.2", "bake.2", "decorate.2", "package.2")
	}},
	"unanswered-cancelled": {ends: kitchen.StateCancelled, rules: withImpatience, happen: func(_ *testing.T, l *live) {
		l.claims(l.expect("mix.1"), "bob")
		l.asks(silentAtMix, kitchen.Choices()...)
		l.decides(kitchen.ChoiceCancel)
		l.undoes("mix.1.undo")
	}},
	"undo-unanswered": {ends: kitchen.StateCancelled, rules: withImpatience, happen: func(_ *testing.T, l *live) {
		l.expect("mix.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		undo := l.claims(l.expect("mix.1.undo"), "bob")
		l.asks(silentAtUndo, kitchen.ChoiceRetry, kitchen.ChoiceCancel)
		l.ends(undo)
	}},
	"undo-unanswered-left": {ends: kitchen.StateCancelled, rules: withImpatience, happen: func(_ *testing.T, l *live) {
		l.expect("mix.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		l.claims(l.expect("mix.1.undo"), "bob")
		l.asks(silentAtUndo, kitchen.ChoiceRetry, kitchen.ChoiceCancel)
		l.decides(kitchen.ChoiceCancel)
		require.Len(l.t, l.announced().NotUndone, 1)
	}},
	// How long a manager has waited for another ticket must not matter to the undo.
	"undo-unanswered-after-waiting-on": {ends: kitchen.StateCancelled, rules: withImpatience, happen: func(t *testing.T, l *live) {
		l.claims(l.expect("mix.1"), "bob")
		for range 3 {
			l.asks(silentAtMix, kitchen.Choices()...)
			l.decides(kitchen.ChoiceRetry)
		}
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		undo := l.claims(l.expect("mix.1.undo"), "bob")
		l.asks(silentAtUndo, kitchen.ChoiceRetry, kitchen.ChoiceCancel)
		complaints := 0
		for _, event := range l.history("") {
			var complaint workflows.Unanswered
			if signal := event.GetWorkflowExecutionSignaledEventAttributes(); signal != nil {
				require.NoError(t, dataConverter.FromPayloads(signal.GetInput(), &complaint))
			}
			if complaint.ActivityID == "mix.1.undo" {
				complaints++
			}
		}
		require.Equal(t, 1, complaints, "its first complaint is heard")
		l.ends(undo)
	}},

	"undo-failed-retried": {ends: kitchen.StateCancelled, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		l.expect("bake.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		l.fails(l.expect("bake.1.undo"), "equipment", 0)
		l.asks("bake cannot be undone: equipment (bob): oven 2", kitchen.ChoiceRetry, kitchen.ChoiceCancel)
		l.decides(kitchen.ChoiceRetry)
		again := l.expect("bake.1.undo")
		require.Equal(t, 2, again.Attempt)
		l.ends(again)
		l.undoes("mix.1.undo")
	}},
	"undo-failed-left": {ends: kitchen.StateCancelled, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		l.expect("bake.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		l.fails(l.expect("bake.1.undo"), "equipment", 0)
		l.asks("bake cannot be undone", kitchen.ChoiceRetry, kitchen.ChoiceCancel)
		l.decides(kitchen.ChoiceCancel)
		l.undoes("mix.1.undo")
		require.Equal(t, []kitchen.Leftover{{Stage: kitchen.Bake, Pass: 1, Reason: "the manager says so"}}, l.announced().NotUndone)
	}},
	"undo-failed-while-remaking": {ends: kitchen.StateShipped, rules: withImpatience, happen: func(_ *testing.T, l *live) {
		l.claims(l.expect("mix.1"), "bob")
		l.asks(silentAtMix, kitchen.Choices()...)
		l.decides(kitchen.ChoiceRemake)
		l.fails(l.expect("mix.1.undo"), "equipment", 0)
		l.asks("mix cannot be undone", kitchen.Choices()...)
		l.decides(kitchen.ChoiceRemake)
		l.makes("mix.2", "bake.2", "decorate.2", "package.2")
	}},

	"put-back": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		ticket := l.claims(l.expect("mix.1"), "bob")
		l.putsBack(ticket)
		again := l.expect("mix.1")
		require.Equal(t, 2, again.Attempt)
		require.Nil(t, l.pending()[0].AtWork)
		l.ends(l.claims(again, "kim"))
		l.makes("bake.1", "decorate.1", "package.1")
	}},
	"taken-over": {ends: kitchen.StateShipped, rules: within(time.Second), happen: func(t *testing.T, l *live) {
		ticket := l.claims(l.expect("mix.1"), "kim")
		again := l.expect("mix.1")
		require.Greater(t, again.Attempt, ticket.Attempt)
		require.Equal(t, "kim", l.pending()[0].AtWork.By, "who has taken a ticket has it, however often it is issued")
		l.claims(again, "bob")
		require.Equal(t, "bob", l.pending()[0].AtWork.By)
		l.ends(again)
		l.makes("bake.1", "decorate.1", "package.1")
	}},
	"silent-after-a-claim": {ends: kitchen.StateShipped, rules: withImpatience, happen: func(t *testing.T, l *live) {
		l.expect("mix.1")
		l.expect("mix.1")
		ticket := l.expect("mix.1")
		require.GreaterOrEqual(t, ticket.Attempt, 3)
		l.tellsTheSame()
		require.Nil(t, l.query().Attention, "nobody is asked about what only waits")
		require.Empty(t, l.tray.failed)
		l.claims(ticket, "bob")
		asked := l.asks(silentAtMix, kitchen.Choices()...).Attention
		require.Equal(t, kitchen.CauseSilent, asked.Cause)
		require.Equal(t, "bob", asked.By)
		l.ends(ticket)
		l.makes("bake.1", "decorate.1", "package.1")
	}},
	// Each of two failures is delivered twice.
	"failed-again-repeated": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		first := l.expect("mix.1")
		failures := []kitchen.Ack{failedAck(first, "equipment", 5)}
		l.failsAs(first, failures[0])
		second := l.expect("mix.1")
		failures = append(failures, failedAck(second, "equipment", 5))
		l.failsAs(second, failures[1])
		for _, repeated := range failures {
			again := l.expect("mix.1")
			l.failsAs(again, repeated)
		}
		l.makes("mix.1", "bake.1", "decorate.1", "package.1")
		status := l.query()
		require.Equal(t, 10, status.Scrapped)
		require.Equal(t, 5, status.Stages[0].Attempt)
		require.Zero(t, status.Remakes)
	}},
	"burnt-repeated": {ends: kitchen.StateShipped, rules: withoutRemakes, happen: func(t *testing.T, l *live) {
		first := l.expect("mix.1")
		burnt := failedAck(first, "burnt", 5)
		l.failsAs(first, burnt)
		l.asks("mix failed after 0 remakes", kitchen.Choices()...)
		l.decides(kitchen.ChoiceRetry)
		l.fails(l.expect("mix.1"), "equipment", 5)
		l.failsAs(l.expect("mix.1"), burnt)
		l.makes("mix.1", "bake.1", "decorate.1", "package.1")
		require.Equal(t, 10, l.query().Scrapped)
		require.Empty(t, l.tray.failed, "one question")
	}},
	"resolved-while-order-failures-is-away": {ends: kitchen.StateShipped, rules: withoutRemakes, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		l.tray.refuses.Store(true)
		l.fails(l.expect("bake.1"), "burnt", 13)
		l.until(func(s kitchen.Status) bool { return s.Attention != nil })
		l.decides(kitchen.ChoiceRetry)
		l.makes("bake.1", "decorate.1", "package.1")
		l.until(func(s kitchen.Status) bool { return s.State == kitchen.StateShipped })
		require.Len(t, l.tray.shipped, 1)
		l.tellsTheSame()
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, l.describe().GetWorkflowExecutionInfo().GetStatus(), "it waits for its announcement")
		l.tray.refuses.Store(false)
		require.Contains(t, l.announced().Reason, "bake failed after 0 remakes")
	}},
	"remade-in-its-place": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		first := l.expect("mix.1")
		l.ends(first)
		bake := l.expect("bake.1")
		for _, ticket := range []kitchen.Ticket{first, bake} {
			require.False(t, ticket.Since.IsZero())
		}
		l.fails(bake, "burnt", 13)
		for _, id := range []string{"mix.2", "bake.2", "decorate.2", "package.2"} {
			ticket := l.expect(id)
			want := map[kitchen.Stage]time.Time{kitchen.Bake: bake.Since}[ticket.Stage]
			if want.IsZero() {
				want = first.Since
			}
			require.Equal(t, want, ticket.Since, id)
			l.ends(ticket)
		}
	}},

	"amended": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		bake := l.expect("bake.1")
		l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: text("no bell"), Messages: []kitchen.LineMessage{{Line: 1, Message: "Happy 41st"}}})
		l.tellsTheSame()
		l.ends(bake)
		decorate := l.expect("decorate.1")
		require.Equal(t, "Happy 41st", decorate.Lines[1].Message)
		_, err := l.updateAs("", workflows.UpdateAmend, kitchen.Amendment{Notes: text("a bell")})
		require.ErrorContains(t, err, "until its decorate ticket is issued")
		l.ends(decorate)
		l.makes("package.1")
	}},
	"told-amended": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		mix := l.expect("mix.1")
		before := l.query()
		require.Zero(t, before.DetailsVersion)
		l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: text("no bell")})
		after := l.query()
		require.Greater(t, after.Version, before.Version)
		require.Equal(t, after.Version, after.DetailsVersion)
		l.tellsTheSame()
		l.ends(mix)
		l.makes("bake.1", "decorate.1", "package.1")
		require.Equal(t, after.DetailsVersion, l.query().DetailsVersion)
	}},
	"priced-and-amended": {ends: kitchen.StateShipped, rules: withPrices, happen: func(t *testing.T, l *live) {
		mix := l.expect("mix.1")
		require.Equal(t, int64(48_60), l.query().Total.Amount)
		l.update(workflows.UpdateAmend, kitchen.Amendment{Messages: []kitchen.LineMessage{{Line: 1}}})
		require.Equal(t, int64(42_60), l.query().Total.Amount)
		l.tellsTheSame()
		l.ends(mix)
		l.makes("bake.1", "decorate.1", "package.1")
		require.Equal(t, []int64{1_80, 3_40}, l.query().UnitPrices)
	}},
	// A phone number is on no ticket: it changes until the order is shipped, and lists follow.
	"phone-amended": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		listed := func() (phone *string) {
			t.Helper()
			if payload := l.describe().GetWorkflowExecutionInfo().GetMemo().GetFields()[workflows.MemoPhone]; payload != nil {
				require.NoError(t, dataConverter.FromPayload(payload, &phone))
			}
			return phone
		}
		l.makes("mix.1", "bake.1")
		decorate := l.expect("decorate.1")
		l.update(workflows.UpdateAmend, kitchen.Amendment{Phone: text("+49305550123")})
		require.Equal(t, text("+49305550123"), listed())
		_, err := l.updateAs("", workflows.UpdateAmend, kitchen.Amendment{Phone: text("0305550124"), Notes: text("a bell")})
		require.ErrorContains(t, err, "until its decorate ticket is issued")
		_, err = l.updateAs("", workflows.UpdateAmend, kitchen.Amendment{Phone: text("ring")})
		require.ErrorContains(t, err, "/phone")
		l.tellsTheSame()
		l.ends(decorate)
		pack := l.expect("package.1")
		l.update(workflows.UpdateAmend, kitchen.Amendment{Phone: text("")})
		require.Equal(t, text(""), listed())
		require.Empty(t, l.query().Phone)
		l.tellsTheSame()
		l.ends(pack)
	}},
	"told-asked-and-cancelled": {ends: kitchen.StateCancelled, rules: withoutRemakes, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		l.fails(l.expect("bake.1"), "burnt", 13)
		l.asks("bake failed after 0 remakes", kitchen.Choices()...)
		l.decides(kitchen.ChoiceCancel)
		l.undoes("bake.1.undo", "mix.1.undo")
	}},
	// The work is done when nothing is left to do but to close.
	"told-late-work": {ends: kitchen.StateShipped, rules: withImpatience, happen: func(t *testing.T, l *live) {
		late := l.claims(l.expect("mix.1"), "bob")
		l.asks(silentAtMix, kitchen.Choices()...)
		l.decides(kitchen.ChoiceRemake)
		l.undoes("mix.1.undo")
		l.makes("mix.2", "bake.2", "decorate.2")
		l.expect("package.2")
		l.ends(late)
		l.until(func(s kitchen.Status) bool { return s.Stages[0].State == kitchen.TicketDone })
		l.tellsTheSame()
		l.ends(kitchen.Ticket{TicketID: l.orderID + ".package.2", OrderID: l.orderID, Stage: kitchen.Package, Kind: kitchen.TicketMake, Attempt: 1})
	}},
	"told-when-kafka-is-back": {ends: kitchen.StateCancelled, rules: withoutRemakes, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		bake := l.expect("bake.1")
		l.tray.refusesStatus.Store(true)
		l.fails(bake, "burnt", 13)
		l.asks("bake failed after 0 remakes", kitchen.Choices()...)
		l.decides(kitchen.ChoiceCancel)
		l.undoes("bake.1.undo", "mix.1.undo")
		l.until(func(s kitchen.Status) bool { return s.State == kitchen.StateCancelled })
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, l.describe().GetWorkflowExecutionInfo().GetStatus(), "it waits until its status is told")
		l.tray.refusesStatus.Store(false)
	}},
	// Kafka takes everything but statuses.
	"told-after-it-was-lost": {ends: kitchen.StateShipped, happen: func(_ *testing.T, l *live) {
		mix := l.expect("mix.1")
		l.tray.refusesStatus.Store(true)
		l.ends(mix)
		bake := l.expect("bake.1")
		l.pendingTell()
		l.tray.refusesStatus.Store(false)
		l.tellsTheSame() // before its next step
		l.ends(bake)
		l.makes("decorate.1", "package.1")
	}},
	"told-after-it-was-announced": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		l.makes("mix.1", "bake.1", "decorate.1")
		box := l.expect("package.1")
		l.tray.refusesStatus.Store(true)
		l.ends(box)
		l.until(func(s kitchen.Status) bool { return s.State == kitchen.StateShipped })
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, l.describe().GetWorkflowExecutionInfo().GetStatus(), "it waits until its status is told")
		l.pendingTell()
		require.Len(t, l.tray.shipped, 1, "it is announced once")
		l.tray.refusesStatus.Store(false)
	}},
	"told-after-an-older-build": {ends: kitchen.StateShipped, happen: func(t *testing.T, l *live) {
		mix := l.expect("mix.1")
		l.replaceWorker(&olderBuild{})
		l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: text("untold")})
		require.Zero(t, l.query().Version)
		l.replaceWorker()
		require.Zero(t, l.query().Version)
		l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: text("told")})
		l.tellsTheSame()
		l.ends(mix)
		l.makes("bake.1", "decorate.1", "package.1")
	}},
	"told-by-its-next-run": {ends: kitchen.StateShipped, rules: withoutRemakes, on: shortHistories, happen: func(t *testing.T, l *live) {
		l.fails(l.expect("mix.1"), "burnt", 13)
		l.asks("mix failed after 0 remakes", kitchen.Choices()...)
		l.tray.refusesStatus.Store(true)
		l.continues()
		l.tray.refusesStatus.Store(false)
		l.tellsTheSame()
		l.decides(kitchen.ChoiceRetry)
		l.makes("mix.1", "bake.1", "decorate.1", "package.1")
	}},
	"continued-as-new": {ends: kitchen.StateShipped, on: shortHistories, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		l.expect("bake.1")
		l.continues()
		again := l.expect("bake.1")
		require.Equal(t, 2, again.Attempt)
		l.ends(again)
		l.makes("decorate.1", "package.1")
		require.Equal(t, "ring twice", l.query().Notes)
	}},
	"continued-as-new-while-undoing": {ends: kitchen.StateCancelled, on: shortHistories, happen: func(t *testing.T, l *live) {
		l.makes("mix.1")
		l.expect("bake.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		first := l.expect("bake.1.undo")
		for len(l.runs()) == 1 {
			require.NoError(t, l.server.SignalWorkflow(t.Context(), l.run.GetID(), "", workflows.SignalUnanswered, workflows.Unanswered{ActivityID: "mix.1"}))
			l.query()
		}
		again := l.expect("bake.1.undo")
		require.Equal(t, first.Attempt+1, again.Attempt)
		l.ends(again)
		l.undoes("mix.1.undo")
	}},
	"continued-as-new-while-it-asks": {ends: kitchen.StateShipped, rules: withoutRemakes, on: shortHistories, happen: func(t *testing.T, l *live) {
		l.fails(l.expect("mix.1"), "burnt", 13)
		l.asks("mix failed after 0 remakes", kitchen.Choices()...)
		l.continues()
		l.tellsTheSame()
		require.Equal(t, kitchen.StateNeedsAttention, l.query().State)
		l.decides(kitchen.ChoiceRetry)
		again := l.expect("mix.1")
		require.Equal(t, 2, again.Attempt)
		l.ends(again)
		l.makes("bake.1", "decorate.1", "package.1")
	}},
}

// TestEveryKindOfOrder checks each kind, and that history and query agree at
// every step.
func TestEveryKindOfOrder(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := kind.start(t)
			kind.happen(t, l)
			status := l.result()
			require.Equal(t, kind.ends, status.State)
			require.Nil(t, status.Attention)
			require.Empty(t, status.WaitingFor)
			l.tellsTheSame()
			if kind.ends == kitchen.StateCancelled {
				require.Equal(t, kitchen.StateCancelled, l.announced().State)
				require.Equal(t, status.Stages, l.last.Stages)
			}
			if kind.beginsAfter > 0 {
				want := 13
				if kind.ends == kitchen.StateCancelled {
					want = 0
				}
				require.Equal(t, want, l.taken(l.plan)[0])
			}
			require.Equal(t, kind.ends, workflows.StateFromVisibility(l.describe().GetWorkflowExecutionInfo().GetStatus(), l.attribute()))
		})
	}
}

// pendingTell waits until the server tries again to tell a status.
func (l *live) pendingTell() (tell *workflowpb.PendingActivityInfo) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		for _, pending := range l.describe().GetPendingActivities() {
			if pending.GetActivityType().GetName() == workflows.ActivityTellStatus {
				tell = pending
			}
		}
		return tell != nil
	}, patience, tick)
	return tell
}

// shortHistories is a server that has orders continue as new after few events.
func shortHistories(t *testing.T) client.Client {
	t.Helper()
	connected, err := shortServer()
	require.NoError(t, err)
	return connected
}

// expect waits for the ticket, past those that are issued again, and checks
// that history and query agree then.
func (l *live) expect(id string) kitchen.Ticket {
	l.t.Helper()
	for {
		ticket := l.ticket()
		if ticket.TicketID == l.orderID+"."+id {
			l.tellsTheSame()
			return ticket
		}
		require.Greater(l.t, ticket.Attempt, 1, "%s came instead of %s", ticket.TicketID, id)
	}
}

// makes has stations do the work of tickets, one after the other.
func (l *live) makes(ids ...string) {
	l.t.Helper()
	for _, id := range ids {
		l.ends(l.expect(id))
	}
}

// undoes has stations undo, one after the other.
func (l *live) undoes(ids ...string) {
	l.t.Helper()
	for _, id := range ids {
		undo := l.expect(id)
		require.Equal(l.t, kitchen.TicketUndo, undo.Kind)
		require.Equal(l.t, undo.Stage, l.query().WaitingFor)
		l.ends(undo)
	}
}

// ends delivers done or undone, as the worker does.
func (l *live) ends(ticket kitchen.Ticket) {
	l.t.Helper()
	ack := ackFor(ticket, endOf(ticket))
	if ticket.Made {
		ack.Scrapped = 13
	}
	require.NoError(l.t, l.complete(ticket, ack, nil))
}

// fails delivers failed, as the worker does.
func (l *live) fails(ticket kitchen.Ticket, reason string, scrapped int) {
	l.t.Helper()
	l.failsAs(ticket, failedAck(ticket, reason, scrapped))
}

func failedAck(ticket kitchen.Ticket, reason string, scrapped int) kitchen.Ack {
	ack := ackFor(ticket, kitchen.AckFailed)
	ack.Reason, ack.Note, ack.Scrapped = reason, "oven 2", scrapped
	return ack
}

// failsAs delivers a failed ack, perhaps one of an earlier attempt.
func (l *live) failsAs(ticket kitchen.Ticket, ack kitchen.Ack) {
	l.t.Helper()
	final := ticket.Kind == kitchen.TicketUndo || ack.Scrapped > 0 || orderInput().Rules.OutcomeFor(ack.Reason) != kitchen.OutcomeAgain
	require.NoError(l.t, l.complete(ticket, nil, activities.FailureOf(activities.Failed{Ack: ack, Code: orderInput().Rules.CodeOf(ack.Reason), Final: final})))
}

// claims shows who has a ticket, as the worker does: in its next attempt if it is
// between two.
func (l *live) claims(ticket kitchen.Ticket, by string) kitchen.Ticket {
	l.t.Helper()
	l.beats(ticket, kitchen.AtWork{By: by, At: time.Now().UTC()})
	return ticket
}

func (l *live) beats(ticket kitchen.Ticket, owner kitchen.AtWork) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		err := l.server.RecordActivityHeartbeatByID(l.t.Context(), client.DefaultNamespace, l.run.GetID(), "", ticket.Ref().ActivityID(), owner)
		return err == nil
	}, patience, tick)
}

// putsBack delivers released, as the worker does.
func (l *live) putsBack(ticket kitchen.Ticket) {
	l.t.Helper()
	l.beats(ticket, kitchen.AtWork{})
	require.NoError(l.t, l.complete(ticket, nil, temporal.NewApplicationError("put back by bob", "released")))
}

func (l *live) complete(ticket kitchen.Ticket, ack any, err error) error {
	ref, parseErr := kitchen.ParseTicketID(ticket.TicketID)
	if parseErr != nil {
		return parseErr
	}
	return l.server.CompleteActivityByID(context.WithoutCancel(l.t.Context()), client.DefaultNamespace, l.run.GetID(), "", ref.ActivityID(), ack, err)
}

// asks waits until a manager is asked, in every place where managers look.
func (l *live) asks(reason string, choices ...kitchen.Choice) kitchen.Status {
	l.t.Helper()
	announced := l.announced()
	require.Equal(l.t, kitchen.StateNeedsAttention, announced.State)
	require.Contains(l.t, announced.Reason, reason)
	status := l.query()
	require.Equal(l.t, kitchen.StateNeedsAttention, status.State)
	require.Contains(l.t, status.Attention.Reason, reason)
	require.Equal(l.t, choices, status.Attention.Choices)
	require.Equal(l.t, status.Attention, announced.Attention)
	require.Equal(l.t, kitchen.StateNeedsAttention, l.attribute())
	l.tellsTheSame()
	return status
}

func (l *live) decides(choice kitchen.Choice) {
	l.t.Helper()
	answer := l.update(workflows.UpdateResolve, kitchen.Resolution{Choice: choice, Note: "the manager says so", By: "max"})
	require.Nil(l.t, answer.Order.Attention)
	decided := answer.Order.Decisions[len(answer.Order.Decisions)-1]
	require.Equal(l.t, []any{choice, "max"}, []any{decided.Choice, decided.By})
	l.tellsTheSame()
}

// announced waits for the next announcement on order-failures.
func (l *live) announced() kitchen.Failed {
	l.t.Helper()
	if l.last.State == kitchen.StateCancelled {
		return l.last
	}
	select {
	case l.last = <-l.tray.failed:
		return l.last
	case <-time.After(patience):
		l.t.Fatal("nothing was announced")
		return kitchen.Failed{}
	}
}

// attribute is the order's state as Temporal's lists have it.
func (l *live) attribute() (state kitchen.OrderState) {
	l.t.Helper()
	fields := l.describe().GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()
	require.NoError(l.t, dataConverter.FromPayload(fields[workflows.KeyState.GetName()], &state))
	return state
}

// tellsTheSame compares the status from history, and what the log tells, with that
// from the query. It retries until the order has stood still in between: a complaint
// may come at any time.
func (l *live) tellsTheSame() {
	l.t.Helper()
	began := time.Now()
	for before := l.query(); ; {
		fromHistory, err := workflows.NewOrders(l.server, codec).StatusFromHistory(l.t.Context(), l.orderID)
		require.NoError(l.t, err)
		after := l.query()
		if reflect.DeepEqual(before, after) {
			requireSameButTimes(l.t, before, fromHistory)
			if l.tray.refusesStatus.Load() || l.tray.tells(after) == nil {
				return
			}
			require.Less(l.t, time.Since(began), patience, "the log does not tell where the order stands")
			after = l.query()
		}
		before = after
	}
}
