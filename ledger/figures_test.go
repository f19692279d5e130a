package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// These tests look at what the reports tell of records, from one end to the other.

// added has a store read all that the log has.
func added(t *testing.T, log *testLog) *Store {
	t.Helper()
	store := newStore(t)
	_, err := store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	return store
}

// delayOf is what the reports tell of an order's time.
func delayOf(t *testing.T, store *Store, orderID string) wire.HistoryDelay {
	t.Helper()
	reports, err := OpenReports(t.Context(), store.config.Database)
	require.NoError(t, err)
	defer reports.Close()
	told, err := reports.Delay(t.Context(), orderID)
	require.NoError(t, err)
	return told
}

// dayOf is what the reports tell of a day.
func dayOf(t *testing.T, store *Store, of time.Time) wire.HistoryDay {
	t.Helper()
	reports, err := OpenReports(t.Context(), store.config.Database)
	require.NoError(t, err)
	defer reports.Close()
	told, err := reports.Day(t.Context(), kitchen.DateIn(of, time.UTC))
	require.NoError(t, err)
	return told
}

// `cupcakery order erase` takes the order's flags back, which name it.
func TestAnErasedOrderWasHandedOutAllTheSame(t *testing.T) {
	t.Parallel()
	log := newTestLog()
	day := log.now
	o := log.order(1)
	o.make(1, kitchen.Stages()...)
	o.ship()
	log.flag(kitchen.FlagCollected, o.id, "pia")
	store := added(t, log)
	before := dayOf(t, store, day).Figures
	require.Equal(t, 1, before.Collected)

	log.now = log.now.Add(5 * time.Hour)
	collected := kitchen.FlagAt{Kind: kitchen.FlagCollected, Of: o.id}.String()
	read := len(log.messages)
	log.flag(kitchen.FlagErased, kitchen.OrderKey(o.id), "max")
	log.append(events.TopicKitchenState, collected, nil, events.Header{Key: "ce_source", Value: []byte(events.SourceErase)})
	_, err := store.Add(t.Context(), log.messages[read:])
	require.NoError(t, err)
	require.Equal(t, before, dayOf(t, store, day).Figures)

	read = len(log.messages)
	log.append(events.TopicKitchenState, collected, nil)
	_, err = store.Add(t.Context(), log.messages[read:])
	require.NoError(t, err)
	require.Zero(t, dayOf(t, store, day).Figures.Collected, "somebody at the counter has taken it back")
}

// An order whose workflow is gone is never cancelled: `cupcakery order doctor` issues the
// undo ticket of what is open, and somebody clears it away.
func TestAnOrderThatTheDoctorHasWithdrawnIsOpenNoMore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		then func(o *testOrder, undo kitchen.TicketRef)
		open int
	}{
		"ItWaits":   {func(*testOrder, kitchen.TicketRef) {}, 1},
		"Withdrawn": {func(o *testOrder, undo kitchen.TicketRef) { o.issue(undo, 1) }, 0},
		"ClearedAway": {func(o *testOrder, undo kitchen.TicketRef) {
			o.issue(undo, 1)
			o.say(undo, kitchen.AckUndone, "mia")
		}, 0},
		"ItIsBeingMadeAgain": {func(o *testOrder, undo kitchen.TicketRef) {
			o.issue(undo, 1)
			o.tell(func(s *kitchen.LoggedStatus) {
				s.Stages = []kitchen.StageStatus{{Stage: kitchen.Bake, Pass: 1, Undo: &kitchen.UndoStatus{State: kitchen.TicketWaiting}}}
			})
		}, 1},
		"ItIsMadeAgain": {func(o *testOrder, undo kitchen.TicketRef) {
			o.issue(undo, 1)
			o.issue(o.ref(kitchen.Mix, 2), 1)
		}, 1},
		"OnlyAnEarlierTicket": {func(o *testOrder, undo kitchen.TicketRef) {
			o.issue(o.ref(kitchen.Decorate, 1), 1)
			o.issue(undo, 1)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := newTestLog()
			log.now = time.Now().UTC().Truncate(24 * time.Hour).Add(-16 * time.Hour) // yesterday: it is due
			day := log.now
			o := log.order(1)
			o.make(1, kitchen.Mix)
			bake := o.ref(kitchen.Bake, 1)
			o.issue(bake, 1)
			o.tell(func(s *kitchen.LoggedStatus) { s.Stage, s.WaitingFor = kitchen.Bake, kitchen.Bake })
			test.then(o, bake.Undo())
			figures := dayOf(t, added(t, log), day).Figures
			require.Equal(t, test.open, figures.Open)
			require.Equal(t, test.open, figures.Late)
			require.Zero(t, figures.Cancelled)
		})
	}
}

func TestAFailureOfUndoingCounts(t *testing.T) {
	t.Parallel()
	log := newTestLog()
	day := log.now
	o := log.order(1) // six pieces
	o.make(1, kitchen.Mix)
	undo := o.ref(kitchen.Mix, 1).Undo()
	fail := func(attempt, scrapped int) {
		o.issue(undo, attempt)
		o.say(undo, kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Scrapped, a.Attempt = "dropped", scrapped, attempt })
	}
	fail(1, 0)
	fail(2, 3)
	o.issue(undo, 3)
	o.say(undo, kitchen.AckUndone, "bob", func(a *kitchen.Ack) { a.Scrapped = 2 })
	store := added(t, log)
	require.ElementsMatch(t, []wire.DayWaste{
		{Stage: kitchen.Mix, Reason: "dropped", Worker: "bob", Failures: 1},
		{Stage: kitchen.Mix, Reason: "dropped", Flavour: "lemon", Worker: "bob", Failures: 1, Pieces: 3},
		{Stage: kitchen.Mix, Reason: "undone", Flavour: "lemon", Worker: "bob", Pieces: 2},
	}, dayOf(t, store, day).Waste)
	require.Equal(t, "2 failures, 5 pieces", query[string](t, store, "SELECT failures || ' failures, ' || scrapped || ' pieces' FROM tickets WHERE kind = 'undo'"))
}

func TestAFailureOfUndoingCostsNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	log := newTestLog()
	day := log.now
	o := log.order(1) // six pieces
	o.make(1, kitchen.Mix)
	undo := o.ref(kitchen.Mix, 1).Undo()
	o.issue(undo, 1)
	o.say(undo, kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Scrapped, a.Attempt = "dropped", 900, 1 })
	store := added(t, log)
	require.Equal(t, 6, query[int](t, store, "SELECT max(scrapped) FROM failures"))
	require.Equal(t, 6, dayOf(t, store, day).Figures.Scrapped)
	require.Equal(t, 6, query[int](t, store, "SELECT sum(scrapped)::int FROM day_people"), "people have thrown away what the day says")
}

func TestNobodyHasInHandWhatIsOver(t *testing.T) {
	t.Parallel()
	cancel := func(o *testOrder) {
		o.tell(func(s *kitchen.LoggedStatus) { s.State, s.CancelledAt = kitchen.StateCancelled, new(o.log.now) })
	}
	for name, test := range map[string]struct {
		then func(o *testOrder, undo kitchen.TicketRef) (over time.Time)
		ends bool
	}{
		"ItIsInHand": {func(o *testOrder, undo kitchen.TicketRef) time.Time {
			o.issue(undo, 1) // whoever has it in hand has not put it away yet
			return time.Time{}
		}, false},
		"ItsWorkIsUndone": {func(o *testOrder, undo kitchen.TicketRef) time.Time {
			o.issue(undo, 1)
			over := o.log.now
			o.say(undo, kitchen.AckUndone, "mia")
			cancel(o)
			return over
		}, true},
		"ItsWorkNeedsNoHandsToBeUndone": {func(o *testOrder, _ kitchen.TicketRef) time.Time {
			over := o.log.now
			o.tell(func(s *kitchen.LoggedStatus) {
				s.Stages = []kitchen.StageStatus{{Stage: kitchen.Bake, Pass: 1, Undo: &kitchen.UndoStatus{State: kitchen.TicketUndone, UndoneAt: &over}}}
			})
			return over
		}, true},
		"ItsOrderIsCancelled": {func(o *testOrder, _ kitchen.TicketRef) time.Time {
			over := o.log.now
			cancel(o)
			return over
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := newTestLog()
			o := log.order(1)
			o.make(1, kitchen.Mix)
			bake := o.ref(kitchen.Bake, 1)
			o.issue(bake, 1)
			o.say(bake, kitchen.AckStarted, "bob")
			over := test.then(o, bake.Undo())
			store := added(t, log)
			until := query[*time.Time](t, store, "SELECT until_at FROM holds WHERE ticket = 'bake.1'")
			if !test.ends {
				require.Nil(t, until)
				return
			}
			require.NotNil(t, until)
			require.WithinDuration(t, over, *until, 0)
			require.Equal(t, "bob withdrawn", query[string](t, store, "SELECT worker || ' ' || ended FROM holds WHERE ticket = 'bake.1'"))
		})
	}
}

func TestAQuestionThatIsOpenCostsTimeUntilNowOrItsOrderIsOver(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(o *testOrder, asked kitchen.Attention){
		"ItIsOpen": nil,
		"ItIsReadyByItsAnnouncementAlone": func(o *testOrder, _ kitchen.Attention) {
			o.log.put(events.TopicShip, o.id, kitchen.Shipped{OrderID: o.id, PickupCode: "K001", Lines: o.lines, PlacedAt: o.status.PlacedAt, ShippedAt: o.log.now})
		},
		"ItIsReadyByItsStatusAlone": func(o *testOrder, _ kitchen.Attention) {
			o.tell(func(s *kitchen.LoggedStatus) {
				s.State, s.ShippedAt, s.Attention = kitchen.StateShipped, new(o.log.now), nil
			})
		},
		"ItIsReadyAndItsStatusStillAsks": func(o *testOrder, _ kitchen.Attention) {
			o.tell(func(s *kitchen.LoggedStatus) { s.State, s.ShippedAt = kitchen.StateShipped, new(o.log.now) })
		},
		"ItIsCancelledByItsAnnouncementAlone": func(o *testOrder, _ kitchen.Attention) {
			o.log.put(events.TopicFailures, o.id, kitchen.Failed{OrderID: o.id, PickupCode: "K001", Lines: o.lines, State: kitchen.StateCancelled, Reason: "no oven", At: o.log.now})
		},
		"ItIsCancelledByItsStatusAlone": func(o *testOrder, _ kitchen.Attention) {
			o.tell(func(s *kitchen.LoggedStatus) { s.State, s.CancelledAt = kitchen.StateCancelled, new(o.log.now) })
		},
		"ItIsDecided": func(o *testOrder, asked kitchen.Attention) {
			o.tell(func(s *kitchen.LoggedStatus) {
				s.State, s.Attention, s.Decisions = kitchen.StateInProgress, nil, []kitchen.Decision{asked.Decide(kitchen.ChoiceRetry, "max", o.log.now)}
			})
		},
		"ItIsWithdrawn": func(o *testOrder, _ kitchen.Attention) { o.issue(o.ref(kitchen.Bake, 1).Undo(), 1) },
		"ItIsErased":    func(o *testOrder, _ kitchen.Attention) { o.log.flag(kitchen.FlagErased, kitchen.OrderKey(o.id), "max") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := newTestLog()
			log.now = time.Now().UTC().Truncate(24 * time.Hour).Add(-16 * time.Hour) // yesterday: it is due
			o := log.order(1)
			o.make(1, kitchen.Mix)
			o.issue(o.ref(kitchen.Bake, 1), 1)
			asked := kitchen.Attention{Reason: "burnt again", Stage: kitchen.Bake, Pass: 1, Since: log.now, Cause: kitchen.CauseFailed, By: "bob", ReasonCode: "burnt"}
			o.tell(func(s *kitchen.LoggedStatus) { s.State, s.Attention = kitchen.StateNeedsAttention, &asked })
			log.now = log.now.Add(10 * time.Minute)
			want := log.now.Sub(asked.Since).Seconds()
			if then == nil {
				want = time.Since(asked.Since).Seconds()
			} else {
				then(o, asked)
			}
			store := added(t, log)
			told := delayOf(t, store, o.id)
			require.InDelta(t, want, told.DecisionSeconds, soon)
			require.InDelta(t, want, told.Steps[1].AskedSeconds, soon)
			require.InDelta(t, want, query[float64](t, store, "SELECT decision_seconds FROM order_delays"), soon)
			if then == nil {
				require.Equal(t, wire.DelayedByDecision, told.Cause)
				require.Equal(t, kitchen.Bake, told.Stage)
			}
		})
	}
}

func TestWorkThatWasUndoneLaterTookItsTime(t *testing.T) {
	t.Parallel()
	log := newTestLog()
	log.now = time.Now().UTC().Truncate(time.Second).Add(-30 * time.Minute)
	today := kitchen.DateIn(time.Now(), time.UTC)
	o := log.order(1)
	o.make(1, kitchen.Mix)
	undo := o.ref(kitchen.Mix, 1).Undo()
	o.issue(undo, 1)
	o.say(undo, kitchen.AckUndone, "bob")
	store := added(t, log)
	require.Equal(t, "undone", query[string](t, store, "SELECT state FROM tickets WHERE kind = 'make'"))
	reports, err := OpenReports(t.Context(), store.config.Database)
	require.NoError(t, err)
	defer reports.Close()
	stages, err := reports.Stages(t.Context(), today.Add(-1), today)
	require.NoError(t, err)
	took := &wire.Quantiles{P50: 1, P90: 1}
	require.Equal(t, wire.StageTimes{Stage: kitchen.Mix, Tickets: 1, Waited: took, InHand: took}, stages.Stages[0])
	require.Len(t, stages.Hours, 1)
	bottleneck, err := reports.Bottleneck(t.Context())
	require.NoError(t, err)
	require.Equal(t, new(1.0), bottleneck.Stages[0].TypicalInHandSeconds)
	require.Equal(t, "mix 1", query[string](t, store, "SELECT concat_ws(' ', stage, tickets) FROM stage_times WHERE hour IS NULL"))
	require.Equal(t, "mix 1", query[string](t, store, "SELECT concat_ws(' ', stage, tickets) FROM usual_times($1::date)", today.String()))

	// It was in the same bowl as others, and joins those that it came between.
	trace, err := reports.Trace(t.Context(), Trace{Ticket: o.ref(kitchen.Mix, 1)})
	require.NoError(t, err)
	require.Len(t, trace.Tickets, 1)
	require.Equal(t, "mix 1", query[string](t, store, "SELECT concat_ws(' ', stage, tickets) FROM trays"))
}

func TestASendersClockDoesNotSayHowFarWasRead(t *testing.T) {
	t.Parallel()
	log := newTestLog()
	day := log.now
	o := log.order(1)
	o.make(1, kitchen.Mix) // its last record is the newest that has the broker's time
	read := log.now
	o.say(o.ref(kitchen.Mix, 1), kitchen.AckDone, "mia")
	ahead := &log.messages[len(log.messages)-1]
	ahead.Appended, ahead.Time = false, log.now.AddDate(1, 0, 0)
	require.Equal(t, read, dayOf(t, added(t, log), day).ReadUntil)
}
