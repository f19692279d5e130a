package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// holding answers tickets at once, except for held ones, which stay open until
// the test ends them.
func (f *factory) holding(held ...string) {
	answer := f.answer
	f.answer = func(i issue) (kitchen.Ack, error) {
		for _, id := range held {
			if i.ticket.TicketID == orderID+"."+id {
				f.out[id] = i
				return kitchen.Ack{}, activity.ErrResultPending
			}
		}
		return answer(i)
	}
}

// at does something at a moment of the order's life.
func (f *factory) at(moment time.Duration, do func()) { f.env.RegisterDelayedCallback(do, moment) }

// finish ends a ticket that is held, as its station would.
func (f *factory) finish(id string) {
	f.t.Helper()
	require.NoError(f.t, f.env.CompleteActivity(f.out[id].token, f.done(f.out[id]), nil))
}

func (f *factory) failure(i issue, reason string, scrapped int) error {
	ack := f.done(i)
	ack.Kind, ack.Reason, ack.Note, ack.Scrapped = kitchen.AckFailed, reason, "oven 2", scrapped
	final := i.ticket.Kind == kitchen.TicketUndo || scrapped > 0 || orderInput().Rules.OutcomeFor(reason) == kitchen.OutcomeRemake
	return temporal.NewApplicationErrorWithOptions(reason, reason, temporal.ApplicationErrorOptions{Details: []any{ack}, NonRetryable: final})
}

// reply is what an update returned.
type reply struct {
	accepted bool
	answer   workflows.Answer
	err      error
}

// Accept implements testsuite's callbacks, as do Reject and Complete.
func (r *reply) Accept()          { r.accepted = true }
func (r *reply) Reject(err error) { r.err = err }
func (r *reply) Complete(answer any, err error) {
	r.err = err
	if err == nil {
		r.answer = answer.(workflows.Answer)
	}
}

// update sends an update that must be accepted. The answer comes a moment later,
// which is checked at the end.
func (f *factory) update(name, id string, request any) *reply {
	r := &reply{}
	f.env.UpdateWorkflow(name, id, r, request)
	f.checks = append(f.checks, func() {
		require.True(f.t, r.accepted, "update %s %s was not taken: %v", name, id, r.err)
		require.NoError(f.t, r.err)
	})
	return r
}

// refusal sends an update that must be refused for a reason.
func (f *factory) refusal(name, id string, request any, errorType, says string) {
	r := &reply{}
	f.env.UpdateWorkflow(name, id, r, request)
	f.checks = append(f.checks, func() {
		var refused *temporal.ApplicationError
		require.ErrorAs(f.t, r.err, &refused)
		require.Equal(f.t, errorType, refused.Type())
		require.Contains(f.t, refused.Message(), says)
	})
}

// tickets are the ids of all tickets in the order in which they went out.
func (f *factory) tickets() []string {
	var ids []string
	for _, i := range f.issued {
		ids = append(ids, i.ticket.TicketID[len(orderID)+1:])
	}
	return ids
}

func (f *factory) row(status kitchen.Status, stage kitchen.Stage, pass int) kitchen.StageStatus {
	f.t.Helper()
	for _, row := range status.Stages {
		if row.Stage == stage && row.Pass == pass {
			return row
		}
	}
	require.FailNow(f.t, "the order was never at "+string(stage))
	return kitchen.StageStatus{}
}

func TestCancelling(t *testing.T) {
	t.Parallel()

	for name, cancel := range map[string]func(*factory) *reply{
		"by an update": func(f *factory) *reply {
			return f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{Reason: "changed my mind"})
		},
		"by Temporal's own request": func(f *factory) *reply { f.env.CancelWorkflow(); return nil },
	} {
		t.Run("undoes newest first, each after the former, "+name, func(t *testing.T) {
			t.Parallel()
			f := newFactory(t)
			f.holding("decorate.1", "decorate.1.undo", "bake.1.undo", "mix.1.undo")
			var r *reply
			f.at(time.Minute, func() { r = cancel(f) })
			for i, id := range []string{"decorate.1.undo", "bake.1.undo", "mix.1.undo"} {
				f.at(time.Duration(i+2)*time.Minute, func() {
					require.Equal(t, id, f.tickets()[len(f.issued)-1])
					require.Len(t, f.issued, 4+i, "the next undo waits for this one")
					require.Equal(t, kitchen.StateCancelling, f.status().State)
					require.Equal(t, f.out[id].ticket.Stage, f.status().WaitingFor)
					f.finish(id)
				})
			}
			status := f.run()
			if r != nil {
				require.Equal(t, kitchen.StateCancelling, r.answer.Order.State)
				require.Equal(t, &kitchen.Cancellation{Reason: "changed my mind"}, r.answer.Cancelled)
			}
			require.Equal(t, []string{"mix.1", "bake.1", "decorate.1", "decorate.1.undo", "bake.1.undo", "mix.1.undo"}, f.tickets())
			require.Equal(t, kitchen.StateCancelled, status.State)
			require.NotNil(t, status.CancelledAt)
			require.Empty(t, status.WaitingFor)
			require.False(t, f.out["decorate.1.undo"].ticket.Made, "its ticket was open")
			require.True(t, f.out["bake.1.undo"].ticket.Made)
			for _, row := range status.Stages {
				require.Equal(t, kitchen.TicketUndone, row.State)
				require.Equal(t, "bob", row.By)
			}
			require.Equal(t, 13, f.row(status, kitchen.Bake, 1).Scrapped)
			require.Equal(t, 13, status.Scrapped, "the same cupcakes are counted once")
			require.Empty(t, f.shipped)
			require.Len(t, f.failed, 1)
			require.Equal(t, kitchen.StateCancelled, f.failed[0].State)
			require.Equal(t, status.Stages, f.failed[0].Stages)
			require.Empty(t, f.failed[0].NotUndone)
		})
	}

	t.Run("what needs no hands is only recorded, and an open ticket is withdrawn all the same", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.in.Rules.Undo = map[kitchen.Stage]kitchen.UndoWith{kitchen.Mix: kitchen.UndoOnRecord, kitchen.Bake: kitchen.UndoOnRecord}
		f.holding("bake.1")
		f.at(time.Minute, func() { f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{}) })
		status := f.run()
		require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo"}, f.tickets())
		require.Equal(t, kitchen.TicketUndone, f.row(status, kitchen.Mix, 1).State)
		require.NotNil(t, f.row(status, kitchen.Mix, 1).Undo.UndoneAt)
	})

	t.Run("an undo that fails is for a manager, who tries again or leaves it", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("bake.1")
		answer, tries := f.answer, 0
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.TicketID == orderID+".mix.1.undo" {
				tries++
				return kitchen.Ack{}, f.failure(i, "equipment", 0)
			}
			return answer(i)
		}
		f.at(time.Minute, func() { f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{}) })
		f.at(2*time.Minute, func() {
			asked := f.status().Attention
			require.Contains(t, asked.Reason, "mix cannot be undone: equipment (bob): oven 2")
			require.True(t, asked.Undoing)
			f.refusal(workflows.UpdateResolve, "two", kitchen.Resolution{Choice: kitchen.ChoiceRemake}, workflows.ErrorRefused, "choose retry or cancel")
			f.refusal(workflows.UpdateCancel, "three", kitchen.Cancellation{}, workflows.ErrorRefused, "being cancelled already")
			f.update(workflows.UpdateResolve, "four", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
		})
		f.at(3*time.Minute, func() {
			require.Equal(t, 2, tries)
			f.update(workflows.UpdateResolve, "five", kitchen.Resolution{Choice: kitchen.ChoiceCancel})
			f.refusal(workflows.UpdateResolve, "six", kitchen.Resolution{Choice: kitchen.ChoiceCancel}, workflows.ErrorRefused, "Nothing is asked")
		})
		status := f.run()
		require.Equal(t, kitchen.StateCancelled, status.State)
		require.Equal(t, kitchen.TicketDone, f.row(status, kitchen.Mix, 1).State, "it is not called undone")
		last := f.failed[len(f.failed)-1]
		require.Len(t, f.failed, 3, "two questions and the end")
		require.Equal(t, []kitchen.Leftover{{Stage: kitchen.Mix, Pass: 1, Reason: "a manager has decided to leave it"}}, last.NotUndone)
		require.Equal(t, 2, f.row(status, kitchen.Mix, 1).Undo.Attempt, "attempts go on over activities")
	})

	// A worker dies after it has delivered a failed undo to Temporal and before
	// it has committed the ack. By the time the next worker reads the ack, a
	// manager has chosen to retry, and the undo ticket is open again.
	t.Run("a failed undo that is heard twice is asked about once", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("bake.1")
		f.answer = repeatingTheFirst(f, f.answer, orderID+".mix.1.undo", "other", 0)
		f.at(time.Minute, func() { f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{}) })
		f.at(2*time.Minute, func() {
			f.update(workflows.UpdateResolve, "two", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
		})
		status := f.run()
		require.Equal(t, []string{"mix.1.undo", "mix.1.undo", "mix.1.undo"}, f.tickets()[3:])
		require.Equal(t, kitchen.TicketUndone, f.row(status, kitchen.Mix, 1).Undo.State)
		require.Len(t, f.failed, 2, "one question and the end")
	})

	t.Run("is refused twice, and once the order is shipped", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("mix.1", "mix.1.undo")
		f.at(time.Minute, func() { f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{}) })
		f.at(2*time.Minute, func() {
			f.refusal(workflows.UpdateCancel, "two", kitchen.Cancellation{}, workflows.ErrorRefused, "being cancelled already")
			f.refusal(workflows.UpdateAmend, "three", kitchen.Amendment{Notes: text("")}, workflows.ErrorRefused, "being cancelled")
			f.finish("mix.1.undo")
		})
		f.run()
	})
}

func text(s string) *string { return &s }

// repeatingTheFirst answers a ticket with a failed ack, then with the same ack
// again, and then as usual.
func repeatingTheFirst(f *factory, answer func(issue) (kitchen.Ack, error), ticketID, reason string, scrapped int) func(issue) (kitchen.Ack, error) {
	var first error
	heard := 0
	return func(i issue) (kitchen.Ack, error) {
		if i.ticket.TicketID != ticketID || heard == 2 {
			return answer(i)
		}
		heard++
		if first == nil {
			first = f.failure(i, reason, scrapped)
		}
		return kitchen.Ack{}, first
	}
}

func TestRemaking(t *testing.T) {
	t.Parallel()

	// burning fails every bake ticket for a reason, of the given passes.
	burning := func(f *factory, reason string, scrapped int, passes ...int) {
		answer := f.answer
		f.answer = func(i issue) (kitchen.Ack, error) {
			for _, pass := range passes {
				if i.ticket.Stage == kitchen.Bake && i.ticket.Pass == pass && i.ticket.Kind == kitchen.TicketMake && i.attempt == 1 {
					return kitchen.Ack{}, f.failure(i, reason, scrapped)
				}
			}
			return answer(i)
		}
	}

	t.Run("burnt cupcakes start again from mix with new tickets", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		burning(f, "burnt", 13, 1)
		status := f.run()
		require.Equal(t, []string{"mix.1", "bake.1", "mix.2", "bake.2", "decorate.2", "package.2"}, f.tickets())
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Equal(t, 1, status.Remakes)
		require.Equal(t, 13, status.Scrapped)
		row := f.row(status, kitchen.Bake, 1)
		require.Equal(t, kitchen.TicketFailed, row.State)
		require.Equal(t, "burnt", row.Reason)
		require.Equal(t, "oven 2", row.Note)
	})

	t.Run("pieces scrapped on the way to another try are counted, once for each ack", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		burning(f, "equipment", 2, 1)
		status := f.run()
		require.Equal(t, []string{"mix.1", "bake.1", "bake.1", "decorate.1", "package.1"}, f.tickets())
		require.Equal(t, 2, f.row(status, kitchen.Bake, 1).Attempt)
		require.Equal(t, 2, status.Scrapped)
		require.Zero(t, status.Remakes)
	})

	t.Run("no more pieces are scrapped at once than the order has", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		burning(f, "burnt", 10_000, 1)
		status := f.run()
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Equal(t, 13, status.Scrapped)
		require.Equal(t, 13, f.row(status, kitchen.Bake, 1).Scrapped)
	})

	t.Run("the same failed ack twice counts once", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		var first error
		answer := f.answer
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.Stage == kitchen.Bake && i.attempt <= 2 {
				if first == nil {
					first = f.failure(i, "equipment", 2)
				}
				return kitchen.Ack{}, first
			}
			return answer(i)
		}
		require.Equal(t, 2, f.run().Scrapped)
	})

	t.Run("the same failed ack after a manager's retry asks nobody again", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.in.Rules.MaxRemakes = 0
		f.answer = repeatingTheFirst(f, f.answer, orderID+".bake.1", "burnt", 13)
		f.at(time.Hour, func() {
			f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
		})
		status := f.run()
		require.Equal(t, []string{"mix.1", "bake.1", "bake.1", "bake.1", "decorate.1", "package.1"}, f.tickets())
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Equal(t, 13, status.Scrapped)
		require.Len(t, f.failed, 1, "one question")
	})

	t.Run("an unknown reason counts as other", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.in.Rules.Reasons = map[string]kitchen.Outcome{kitchen.ReasonOther: kitchen.OutcomeRemake}
		burning(f, "gremlins", 1, 1)
		status := f.run()
		require.Equal(t, 1, status.Remakes)
		require.Equal(t, "gremlins", f.row(status, kitchen.Bake, 1).Reason, "and is kept")
	})

	for choice, want := range map[kitchen.Choice]struct {
		tickets []string
		state   kitchen.OrderState
		remakes int
	}{
		kitchen.ChoiceRetry:  {[]string{"bake.3", "decorate.3", "package.3"}, kitchen.StateShipped, 2},
		kitchen.ChoiceRemake: {[]string{"mix.4", "bake.4", "decorate.4", "package.4"}, kitchen.StateShipped, 3},
		kitchen.ChoiceCancel: {[]string{"bake.3.undo", "mix.3.undo"}, kitchen.StateCancelled, 2},
	} {
		t.Run("after the last remake a manager decides: "+string(choice), func(t *testing.T) {
			t.Parallel()
			f := newFactory(t)
			burning(f, "burnt", 13, 1, 2, 3)
			f.at(time.Hour, func() {
				asked := f.status()
				require.Equal(t, kitchen.StateNeedsAttention, asked.State)
				require.Empty(t, asked.WaitingFor)
				require.Equal(t, "bake failed after 2 remakes: burnt (bob): oven 2", asked.Attention.Reason)
				require.Equal(t, kitchen.Choices(), asked.Attention.Choices)
				f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: choice, Note: "new oven"})
			})
			status := f.run()
			require.Equal(t, want.tickets, f.tickets()[6:])
			require.Equal(t, want.state, status.State)
			require.Equal(t, want.remakes, status.Remakes)
			require.Nil(t, status.Attention)
			require.Equal(t, kitchen.StateNeedsAttention, f.failed[0].State)
		})
	}
}

func TestUnanswered(t *testing.T) {
	t.Parallel()
	complain := func(f *factory, id string, attempt int) {
		f.env.SignalWorkflow(workflows.SignalUnanswered, workflows.Unanswered{ActivityID: id, Attempt: attempt, Reason: "nobody has answered at bake for 40m"})
	}

	t.Run("asks a manager while the ticket stays out, and a late done heals the order", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("bake.1")
		f.at(40*time.Minute-time.Second, func() { complain(f, "bake.1", 3); complain(f, "bake.1", 4); complain(f, "mix.1", 9) })
		f.at(40*time.Minute-time.Millisecond, func() {
			asked := f.status()
			require.Equal(t, kitchen.StateNeedsAttention, asked.State)
			require.Equal(t, kitchen.Bake, asked.WaitingFor)
			require.Equal(t, "nobody has answered at bake for 40m", asked.Attention.Reason)
			f.finish("bake.1")
		})
		status := f.run()
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Nil(t, status.Attention)
		require.Len(t, f.failed, 1, "asked once")
	})

	t.Run("retry waits on, for as many attempts as before", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("bake.1")
		f.at(time.Minute, func() { complain(f, "bake.1", 3) })
		f.at(2*time.Minute, func() {
			f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
		})
		f.at(150*time.Second, func() { complain(f, "bake.1", 4) })
		f.at(3*time.Minute, func() {
			require.Nil(t, f.status().Attention)
			complain(f, "bake.1", 5)
		})
		f.at(4*time.Minute, func() {
			require.NotNil(t, f.status().Attention)
			f.finish("bake.1")
		})
		require.Equal(t, kitchen.StateShipped, f.run().State)
	})

	t.Run("remake undoes what was made before it starts again", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("bake.1")
		f.at(time.Minute, func() { complain(f, "bake.1", 3) })
		f.at(2*time.Minute, func() {
			f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRemake})
		})
		status := f.run()
		require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo", "mix.1.undo", "mix.2", "bake.2", "decorate.2", "package.2"}, f.tickets())
		require.Equal(t, kitchen.StateShipped, status.State)
		require.Equal(t, 1, status.Remakes)
		require.Equal(t, kitchen.TicketUndone, f.row(status, kitchen.Mix, 1).State)
	})
}

func TestAmending(t *testing.T) {
	t.Parallel()

	t.Run("changes what later tickets say, until the decorate ticket is out", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("bake.1", "decorate.1")
		change := kitchen.Amendment{Notes: text(""), Messages: []kitchen.LineMessage{{Line: 1, Message: "Happy 41st"}}}
		var r *reply
		f.at(time.Minute, func() { r = f.update(workflows.UpdateAmend, "one", change) })
		f.at(90*time.Second, func() { f.finish("bake.1") })
		f.at(2*time.Minute, func() {
			f.refusal(workflows.UpdateAmend, "two", change, workflows.ErrorRefused, "until its decorate ticket is issued")
			f.finish("decorate.1")
		})
		status := f.run()
		require.Equal(t, "Happy 41st", r.answer.Order.Lines[1].Message)
		require.Equal(t, &change, r.answer.Amended)
		require.Equal(t, "Happy 40th 🎂", f.out["bake.1"].ticket.Lines[1].Message)
		require.Equal(t, "Happy 41st", f.out["decorate.1"].ticket.Lines[1].Message)
		require.Empty(t, f.out["decorate.1"].ticket.Notes)
		require.Equal(t, "Happy 41st", f.shipped[0].Lines[1].Message)
		require.Empty(t, status.Notes)
	})

	t.Run("changes what the order costs, by the prices that it was placed with", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.in.Rules.Prices = &prices
		f.holding("mix.1")
		euros := func(cents int64) *kitchen.Money { return &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: cents} }
		var without, with *reply
		f.at(time.Minute, func() {
			status := f.status()
			require.Equal(t, []int64{180, 390}, status.UnitPrices)
			require.Equal(t, euros(180+12*390), status.Total)
			without = f.update(workflows.UpdateAmend, "one", kitchen.Amendment{Messages: []kitchen.LineMessage{{Line: 1}}})
		})
		f.at(2*time.Minute, func() {
			require.Equal(t, euros(180+12*340), f.status().Total)
			with = f.update(workflows.UpdateAmend, "two", kitchen.Amendment{Messages: []kitchen.LineMessage{{Line: 0, Message: "Hi"}}})
		})
		f.at(3*time.Minute, func() { f.finish("mix.1") })
		status := f.run()
		require.Equal(t, euros(180+12*340), without.answer.Order.Total)
		require.Equal(t, euros(230+12*340), with.answer.Order.Total)
		require.Equal(t, euros(230+12*340), status.Total)
		require.Equal(t, []int64{230, 340}, status.UnitPrices)
		require.Equal(t, status.Total, f.shipped[0].Total)
		require.Equal(t, status.UnitPrices, f.shipped[0].UnitPrices)
	})

	t.Run("is held to the rules of an order", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("mix.1")
		f.at(time.Minute, func() {
			f.refusal(workflows.UpdateAmend, "one", kitchen.Amendment{Messages: []kitchen.LineMessage{{Line: 2, Message: "Hi"}}}, workflows.ErrorInvalid, "/messages/0/line: must be from 0 to 1")
		})
		f.at(2*time.Minute, func() { f.finish("mix.1") })
		f.run()
	})
}

func TestAVeryLongOrderContinuesAsNew(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	f.holding("bake.1")
	f.attempts = 7
	f.at(time.Minute, func() {
		f.update(workflows.UpdateAmend, "one", kitchen.Amendment{Notes: text("twice")})
	})
	f.at(2*time.Minute, func() {
		f.env.SetContinueAsNewSuggested(true)
		f.update(workflows.UpdateAmend, "two", kitchen.Amendment{Notes: text("thrice")})
	})
	g := newFactory(t)
	g.in = f.continuesAsNew()
	g.holding("bake.1")
	var again *reply
	g.at(time.Minute, func() {
		require.Equal(t, 8, g.out["bake.1"].attempt, "the open ticket comes again as the next attempt")
		again = g.update(workflows.UpdateAmend, "one", kitchen.Amendment{Notes: text("other")})
	})
	g.at(2*time.Minute, func() { g.finish("bake.1") })
	status := g.run()
	require.Equal(t, "twice", *again.answer.Amended.Notes, "an update id acts once")
	require.Equal(t, "thrice", again.answer.Order.Notes)
	require.Equal(t, []string{"bake.1", "decorate.1", "package.1"}, g.tickets())
	require.Equal(t, kitchen.StateShipped, status.State)
	require.Equal(t, "thrice", status.Notes)
	require.Equal(t, 8, g.row(status, kitchen.Bake, 1).Attempt)
}

// continuesAsNew runs the order until it goes on in a new run, and returns what
// that starts with.
func (f *factory) continuesAsNew() (in workflows.OrderInput) {
	f.t.Helper()
	f.env.ExecuteWorkflow(f.workflow, f.in)
	var next *workflow.ContinueAsNewError
	require.True(f.t, errors.As(f.env.GetWorkflowError(), &next), "%v", f.env.GetWorkflowError())
	require.NoError(f.t, dataConverter.FromPayloads(next.Input, &in))
	return in
}

func TestAnnouncementsOutlastKafkasAbsence(t *testing.T) {
	t.Parallel()

	t.Run("of a shipped order, which can be looked at meanwhile", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.refusals = 50
		f.at(30*time.Minute, func() { require.Equal(t, kitchen.TicketDone, f.row(f.status(), kitchen.Package, 1).State) })
		require.Equal(t, kitchen.StateShipped, f.run().State)
		require.Len(t, f.shipped, 1)
	})

	t.Run("of a question and of a cancelled order, which takes decisions meanwhile", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.in.Rules.MaxRemakes = 0
		f.refusals = 50
		answer := f.answer
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.Stage == kitchen.Bake && i.ticket.Kind == kitchen.TicketMake {
				return kitchen.Ack{}, f.failure(i, "burnt", 13)
			}
			return answer(i)
		}
		f.at(time.Minute, func() {
			require.NotNil(t, f.status().Attention)
			f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceCancel})
		})
		require.Equal(t, kitchen.StateCancelled, f.run().State)
		require.Equal(t, kitchen.StateCancelled, f.failed[len(f.failed)-1].State)
	})
}

// An outage of order-failures is none of the order's. Each of these was accepted
// and not acted on while a question could not be announced.
func TestAnOrderActsWhileItsQuestionCannotBeAnnounced(t *testing.T) {
	t.Parallel()
	const forEver = 1 << 30
	// burntAtBake is an order that asks what to do after bake, by a question that
	// Kafka does not take.
	burntAtBake := func(t *testing.T) *factory {
		f := newFactory(t)
		f.in.Rules.MaxRemakes = 0
		f.refusals = forEver
		answer := f.answer
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.TicketID == orderID+".bake.1" && i.attempt == 1 {
				return kitchen.Ack{}, f.failure(i, "burnt", 13)
			}
			return answer(i)
		}
		return f
	}
	for choice, want := range map[kitchen.Choice]string{
		kitchen.ChoiceRetry: "package.1", kitchen.ChoiceRemake: "package.2", kitchen.ChoiceCancel: "mix.1.undo",
	} {
		t.Run("resolve with "+string(choice), func(t *testing.T) {
			t.Parallel()
			f := burntAtBake(t)
			f.at(time.Hour, func() {
				f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: choice})
			})
			f.at(2*time.Hour, func() {
				require.Equal(t, want, f.tickets()[len(f.issued)-1])
				require.Empty(t, f.failed)
				f.refusals = 0
			})
			f.run()
			require.Equal(t, kitchen.StateNeedsAttention, f.failed[0].State, "and the question is announced before the end")
		})
	}
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		f := burntAtBake(t)
		f.at(time.Hour, func() { f.update(workflows.UpdateCancel, "one", kitchen.Cancellation{}) })
		f.at(2*time.Hour, func() {
			require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo", "mix.1.undo"}, f.tickets())
			require.Equal(t, kitchen.StateCancelling, f.status().State, "downstream systems must hear of it first")
			f.refusals = 0
		})
		require.Equal(t, kitchen.StateCancelled, f.run().State)
		require.Len(t, f.failed, 2)
		require.Equal(t, kitchen.StateNeedsAttention, f.failed[0].State)
		require.Equal(t, kitchen.StateCancelled, f.failed[1].State)
	})
	t.Run("an ack", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.refusals = forEver
		f.holding("bake.1")
		f.at(time.Minute, func() {
			f.env.SignalWorkflow(workflows.SignalUnanswered, workflows.Unanswered{ActivityID: "bake.1", Attempt: 4, By: "kim", Silent: 2})
		})
		f.at(time.Hour, func() { f.finish("bake.1") })
		f.at(2*time.Hour, func() {
			require.Equal(t, "package.1", f.tickets()[len(f.issued)-1])
			f.refusals = 0
		})
		require.Equal(t, kitchen.StateShipped, f.run().State)
		require.Equal(t, kitchen.CauseSilent, f.failed[0].Attention.Cause)
	})
	t.Run("and a new run announces what the last could not", func(t *testing.T) {
		t.Parallel()
		f := burntAtBake(t)
		f.at(time.Hour, func() {
			f.env.SetContinueAsNewSuggested(true)
			f.update(workflows.UpdateAmend, "one", kitchen.Amendment{Notes: text("twice")})
		})
		in := f.continuesAsNew()
		require.Len(t, in.Progress.Announcements, 1)
		g := newFactory(t)
		g.in = in
		g.at(time.Minute, func() {
			require.Equal(t, in.Progress.Announcements, g.failed)
			g.update(workflows.UpdateResolve, "two", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
		})
		require.Equal(t, kitchen.StateShipped, g.run().State)
		require.Len(t, g.failed, 1)
	})
	// Its history has the old commands, so it must go on as it began.
	t.Run("unless it has asked under an older build", func(t *testing.T) {
		t.Parallel()
		f := burntAtBake(t)
		f.env.OnGetVersion("announce-beside", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
		f.refusals = 9
		f.at(time.Minute, func() {
			f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
		})
		f.at(2*time.Minute, func() { require.Equal(t, []string{"mix.1", "bake.1"}, f.tickets()) })
		require.Equal(t, kitchen.StateShipped, f.run().State)
		require.Len(t, f.failed, 1)
	})
}

// While an order counts its ticket's attempts, to go on in a new run, updates are
// accepted: the new run must act on them.
func TestANewRunActsOnWhatTheLastAccepted(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	f.holding("bake.1")
	f.whileCounting = func() { f.update(workflows.UpdateCancel, "late", kitchen.Cancellation{Reason: "no appetite"}) }
	f.at(time.Minute, func() {
		f.env.SetContinueAsNewSuggested(true)
		f.update(workflows.UpdateAmend, "one", kitchen.Amendment{Notes: text("twice")})
	})
	g := newFactory(t)
	g.in = f.continuesAsNew()
	require.Equal(t, workflows.Cancelling, g.in.Progress.Direction)
	status := g.run()
	require.Equal(t, kitchen.StateCancelled, status.State)
	require.Equal(t, "no appetite", status.CancelReason)
	require.Equal(t, []string{"bake.1.undo", "mix.1.undo"}, g.tickets())
}

// A worker that dies may deliver several failures again, in their order.
func TestEachFailureCountsOnce(t *testing.T) {
	t.Parallel()
	// failing fails bake with these acks, one after the other.
	failing := func(f *factory, reason string, acks ...int) {
		answer, heard := f.answer, 0
		var failures []error
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.TicketID != orderID+".bake.1" || heard == len(acks) {
				return answer(i)
			}
			which := acks[heard]
			heard++
			if which == len(failures) {
				failures = append(failures, f.failure(i, reason, 5))
			}
			return kitchen.Ack{}, failures[which]
		}
	}
	t.Run("in whatever order they come again", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		failing(f, "equipment", 0, 1, 0, 1, 1, 0)
		status := f.run()
		require.Equal(t, 10, status.Scrapped)
		require.Equal(t, 10, f.row(status, kitchen.Bake, 1).Scrapped)
		require.Len(t, f.issued, 10, "each time the ticket comes again")
	})
	t.Run("and starts no second remake and asks nobody", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.in.Rules.MaxRemakes = 0
		failing(f, "burnt", 0, 1, 0, 1)
		for _, hour := range []time.Duration{1, 2} {
			f.at(hour*time.Hour, func() {
				f.update(workflows.UpdateResolve, "", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
			})
		}
		require.Equal(t, 10, f.run().Scrapped)
		require.Len(t, f.failed, 2, "two questions about two failures")
	})
	t.Run("also in the next run", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.holding("bake.1")
		var failures []error
		held := f.answer
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.TicketID == orderID+".bake.1" && len(failures) < 2 {
				failures = append(failures, f.failure(i, "equipment", 5))
				return kitchen.Ack{}, failures[len(failures)-1]
			}
			return held(i)
		}
		f.at(time.Hour, func() {
			f.env.SetContinueAsNewSuggested(true)
			f.update(workflows.UpdateAmend, "one", kitchen.Amendment{Notes: text("twice")})
		})
		g := newFactory(t)
		g.in = f.continuesAsNew()
		usual, heard := g.answer, 0
		g.answer = func(i issue) (kitchen.Ack, error) {
			if heard < 2 {
				heard++
				return kitchen.Ack{}, failures[heard-1]
			}
			return usual(i)
		}
		status := g.run()
		require.Equal(t, 10, status.Scrapped)
		require.Equal(t, []string{"bake.1", "bake.1", "bake.1", "decorate.1", "package.1"}, g.tickets())
	})
	t.Run("of which an order that ran under an older build knows the last only", func(t *testing.T) {
		t.Parallel()
		f := newFactory(t)
		f.in.Rules.MaxRemakes = 0
		f.env.OnGetVersion("failures-count-once", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
		f.env.OnGetVersion("announce-beside", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.Version(1))
		failing(f, "burnt", 0, 1, 0)
		for _, hour := range []time.Duration{1, 2, 3} {
			f.at(hour*time.Hour, func() {
				f.update(workflows.UpdateResolve, "", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
			})
		}
		f.run()
		require.Len(t, f.failed, 3, "its history has the commands of a third question")
	})
}

func TestAnEndByHandIsNoWordOfAStation(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	answer := f.answer
	f.answer = func(i issue) (kitchen.Ack, error) {
		if i.ticket.TicketID == orderID+".bake.1" {
			return kitchen.Ack{}, temporal.NewNonRetryableApplicationError("by an operator", "", nil)
		}
		return answer(i)
	}
	f.at(time.Minute, func() {
		asked := f.status()
		require.Equal(t, "the ticket bake.1 was ended in Temporal and not by its station: by an operator", asked.Attention.Reason)
		require.Nil(t, f.row(asked, kitchen.Bake, 1).FailedAt, "no station said so at any time")
		f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRemake})
	})
	require.Equal(t, kitchen.StateShipped, f.run().State)
	require.Equal(t, []string{"mix.1", "bake.1", "bake.1.undo", "mix.1.undo", "mix.2", "bake.2", "decorate.2", "package.2"}, f.tickets(),
		"the station still has the ticket, and the bowl is full")
}

// Its history was reset to before it was cancelled, and the log has the undo
// ticket. To issue the ticket again would help nobody.
func TestATicketThatTheLogHasWithdrawnIsAskedAbout(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	answer := f.answer
	f.answer = func(i issue) (kitchen.Ack, error) {
		if i.ticket.TicketID == orderID+".bake.1" {
			return kitchen.Ack{}, temporal.NewNonRetryableApplicationError("withdrawn", kitchen.FailureWithdrawn, nil)
		}
		return answer(i)
	}
	f.at(time.Minute, func() {
		asked := f.status()
		require.Equal(t, []kitchen.Choice{kitchen.ChoiceRemake, kitchen.ChoiceCancel}, asked.Attention.Choices)
		require.Contains(t, asked.Attention.Reason, "bake was undone before the order was reset")
		f.update(workflows.UpdateResolve, "one", kitchen.Resolution{Choice: kitchen.ChoiceRemake})
	})
	require.Equal(t, kitchen.StateShipped, f.run().State)
}
