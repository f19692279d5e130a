package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// burntAtBake is an order that asks at once what to do after its first bake.
func burntAtBake(t *testing.T) *factory {
	t.Helper()
	f := newFactory(t)
	f.in.Rules.MaxRemakes = 0
	answer := f.answer
	f.answer = func(i issue) (kitchen.Ack, error) {
		if i.ticket.TicketID == orderID+".bake.1" && i.attempt == 1 {
			return kitchen.Ack{}, f.failure(i, "burnt", 13)
		}
		return answer(i)
	}
	return f
}

func TestAnOrderRemembersHowItsQuestionsWereClosed(t *testing.T) {
	t.Parallel()
	burnt := kitchen.Decision{Stage: kitchen.Bake, Pass: 1, Cause: kitchen.CauseFailed, ReasonCode: "burnt"}
	silent := kitchen.Decision{Stage: kitchen.Bake, Pass: 1, Cause: kitchen.CauseSilent}
	by := func(d kitchen.Decision, choice kitchen.Choice, by string) kitchen.Decision {
		d.Choice, d.By = choice, by
		return d
	}
	// silentAtBake is an order that asks after a minute about whoever has its bake.
	silentAtBake := func(t *testing.T) *factory {
		f := newFactory(t)
		f.holding("bake.1")
		f.at(time.Minute, func() {
			f.env.SignalWorkflow(workflows.SignalUnanswered, workflows.Unanswered{ActivityID: "bake.1", Attempt: 9, Reason: "bob is silent"})
		})
		return f
	}
	for name, c := range map[string]struct {
		asks        func(*testing.T) *factory
		happens     func(*factory)
		want        []kitchen.Decision
		cancelledBy string
	}{
		"a manager has decided": {burntAtBake, func(f *factory) {
			f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRetry, By: "max", Note: "Ada called"})
		}, []kitchen.Decision{by(burnt, kitchen.ChoiceRetry, "max")}, ""},
		"an operator has, through Temporal": {burntAtBake, func(f *factory) {
			f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRemake})
		}, []kitchen.Decision{by(burnt, kitchen.ChoiceRemake, "")}, ""},
		"a manager has decided to cancel": {burntAtBake, func(f *factory) {
			f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceCancel, By: "max"})
		}, []kitchen.Decision{by(burnt, kitchen.ChoiceCancel, "max")}, "max"},
		"the customer has cancelled first": {burntAtBake, func(f *factory) {
			f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{Reason: "no appetite"})
		}, []kitchen.Decision{burnt}, ""},
		"one of the staff has cancelled first": {burntAtBake, func(f *factory) {
			f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{Reason: "a flood", By: "kim"})
		}, []kitchen.Decision{burnt}, "kim"},
		"the ticket has ended first": {silentAtBake, func(f *factory) { f.finish("bake.1") }, []kitchen.Decision{silent}, ""},
		"nothing was asked":          {newFactory, func(*factory) {}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.asks(t)
			var asked, closed time.Time
			f.at(time.Hour, func() {
				if attention := f.status().Attention; attention != nil {
					asked, closed = attention.Since, f.env.Now().UTC()
				}
				c.happens(f)
			})
			status := f.run()
			for i := range c.want {
				c.want[i].AskedAt, c.want[i].At = asked, closed
			}
			require.Equal(t, c.want, status.Decisions)
			require.Equal(t, c.cancelledBy, status.CancelledBy)
		})
	}
}

func TestWhoDecidesIsCheckedLikeOtherNames(t *testing.T) {
	t.Parallel()
	f := burntAtBake(t)
	long := strings.Repeat("x", kitchen.MaxByLength+1)
	f.at(time.Hour, func() {
		f.refusal(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRetry, By: long}, workflows.ErrorInvalid, "/by: must have at most 80 characters")
		f.refusal(workflows.UpdateCancel, "two", kitchen.Cancellation{By: long}, workflows.ErrorInvalid, "/by: must have at most 80 characters")
		f.update(workflows.UpdateResolve, "three", kitchen.Resolution{Choice: kitchen.ChoiceRetry, By: long[1:]})
	})
	require.Len(t, f.run().Decisions, 1)
}

func TestANewRunRemembersTheDecisionsOfTheLast(t *testing.T) {
	t.Parallel()
	f := burntAtBake(t)
	f.at(time.Hour, func() {
		f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRetry, By: "max"})
	})
	held := f.answer
	f.answer = func(i issue) (kitchen.Ack, error) {
		if i.ticket.Stage == kitchen.Bake && i.attempt > 1 {
			return kitchen.Ack{}, f.failure(i, "burnt", 13)
		}
		return held(i)
	}
	f.at(2*time.Hour, func() {
		f.env.SetContinueAsNewSuggested(true)
		f.update(workflows.UpdateAmend, "two", kitchen.Amendment{Notes: text("twice")})
	})
	g := newFactory(t)
	g.in = f.continuesAsNew()
	g.at(time.Minute, func() {
		g.update(workflows.UpdateResolve, "three", kitchen.Resolution{Choice: kitchen.ChoiceRetry, By: "kim"})
	})
	status := g.run()
	require.Len(t, status.Decisions, 2)
	require.Equal(t, []string{"max", "kim"}, []string{status.Decisions[0].By, status.Decisions[1].By})
	require.Equal(t, g.in.Progress.Status.Decisions, status.Decisions[:1])
}
