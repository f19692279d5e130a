package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestWhyAnOrderWasLate(t *testing.T) {
	t.Parallel()
	due := at(t, "2026-11-26T12:00:00Z")
	issued := due.Add(-100 * time.Minute)
	// usual is ten minutes' wait and ten in hand at each stage: what 25 orders took that
	// were ready in time on the same day.
	others := make(map[string]folded)
	for i := range 25 {
		of := shippedOrder(due.Add(-3*time.Hour), -time.Minute)
		for _, stage := range kitchen.Stages() {
			made(&of, stage, 1, "max", issued.Add(-4*time.Hour), 10*time.Minute, 10*time.Minute)
		}
		others[kitchen.OrderKey(testOrderID(100+i))] = of
	}
	usually := func(of *folded, pass int, from time.Time) {
		for _, stage := range kitchen.Stages() {
			made(of, stage, pass, "bob", from, 10*time.Minute, 10*time.Minute)
			from = from.Add(20 * time.Minute)
		}
	}
	ask := func(stage kitchen.Stage, after, took time.Duration, choice kitchen.Choice) questionRow {
		return questionRow{asked: issued.Add(after), stage: stage, pass: 1, closed: new(issued.Add(after + took)), choice: choice, cause: kitchen.CauseSilent}
	}
	for name, test := range map[string]struct {
		change func(of *folded)
		cause  wire.DelayCause
		stage  kitchen.Stage
	}{
		"InTime": {func(of *folded) { of.order.readyAt = &due }, wire.DelayedByNothing, ""},
		"Cancelled": {func(of *folded) {
			of.order.state, of.order.readyAt, of.order.cancelledAt = kitchen.StateCancelled, nil, &due
		}, wire.DelayedByNothing, ""},
		"ItWaitedLongerThanUsual":    {func(of *folded) { *of.tickets[2].waited += 900 }, wire.DelayedInQueue, kitchen.Decorate},
		"ItWasInHandLongerThanUsual": {func(of *folded) { *of.tickets[1].inHand += 900 }, wire.DelayedInQueue, kitchen.Bake},
		"ItWasMadeAgain": {func(of *folded) {
			of.order.remakes = 1
			of.failures = append(of.failures, failureRow{ticket: "bake.1", failure: 1, stage: kitchen.Bake, at: issued.Add(30 * time.Minute), worker: "bob", reason: "burnt", scrapped: 10})
			usually(of, 2, issued.Add(31*time.Minute))
		}, wire.DelayedByRemake, kitchen.Bake},
		"AManagerHadItMadeAgain": {func(of *folded) {
			of.order.remakes = 1
			of.questions = append(of.questions, ask(kitchen.Decorate, 40*time.Minute, time.Minute, kitchen.ChoiceRemake))
			usually(of, 2, issued.Add(45*time.Minute))
		}, wire.DelayedByRemake, kitchen.Decorate},
		"AManagerWasAsked": {func(of *folded) {
			of.questions = append(of.questions, ask(kitchen.Bake, 20*time.Minute, 5*time.Minute, kitchen.ChoiceRetry), ask(kitchen.Package, 60*time.Minute, 25*time.Minute, kitchen.ChoiceRetry))
			*of.tickets[3].waited += 1500
		}, wire.DelayedByDecision, kitchen.Package},
		"SomebodyWentSilent": {func(of *folded) {
			// Bob has it in hand, says nothing for two times ten minutes, and eve takes over.
			start := issued.Add(20 * time.Minute)
			for attempt := range 3 {
				at := start.Add(time.Duration(attempt) * 10 * time.Minute)
				of.attempts = append(of.attempts, attemptRow{ticket: "bake.1", attempt: attempt + 1, issued: at, ackBy: new(at.Add(10 * time.Minute))})
			}
			from, until := start.Add(time.Second), start.Add(25*time.Minute)
			of.holds = append(of.holds, holdRow{ticket: "bake.1", hold: 1, worker: "bob", from: from, until: &until, ended: "taken over"})
			*of.tickets[1].waited += 1500
		}, wire.DelayedBySilence, kitchen.Bake},
		"WorkThatTookLongWasIssuedAgainAndIsNoSilence": {func(of *folded) {
			start := issued.Add(20 * time.Minute)
			for attempt := range 2 {
				at := start.Add(time.Duration(attempt) * 40 * time.Minute)
				of.attempts = append(of.attempts, attemptRow{ticket: "bake.1", attempt: attempt + 1, issued: at, ackBy: new(at.Add(10 * time.Minute))})
			}
			of.holds = append(of.holds, holdRow{ticket: "bake.1", hold: 1, worker: "bob", from: start.Add(time.Second), until: new(start.Add(50 * time.Minute)), ended: "done"})
			*of.tickets[1].inHand += 2400
		}, wire.DelayedInQueue, kitchen.Bake},
		"WorkFailedAndWasTriedAgain": {func(of *folded) {
			from := issued.Add(40 * time.Minute)
			of.holds = append(of.holds, holdRow{ticket: "decorate.1", hold: 1, worker: "bob", from: from, until: new(from.Add(20 * time.Minute)), ended: "failed"})
			*of.tickets[2].waited += 1200
		}, wire.DelayedByFailure, kitchen.Decorate},
		"ItWasPlacedTooLate":      {func(of *folded) { of.order.placedAt = new(due.Add(-time.Hour)) }, wire.DelayedByLateOrder, ""},
		"NothingStandsOut":        {func(of *folded) { *of.tickets[3].waited, *of.tickets[3].inHand = 300, 1000 }, wire.DelayedInQueue, kitchen.Package},
		"NothingIsKnownOfItsWork": {func(of *folded) { of.tickets = nil }, wire.DelayedInQueue, kitchen.Mix},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "UTC")
			id := testOrderID(1)
			of := shippedOrder(due, 24*time.Minute)
			usually(&of, 1, issued)
			test.change(&of)
			orders := map[string]folded{kitchen.OrderKey(id): of}
			for key, other := range others {
				orders[key] = other
			}
			require.NoError(t, w.write(t.Context(), orders, map[string]personalOf{kitchen.OrderKey(id): {id, "Ada"}}))
			delay, err := w.reports.Delay(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, test.cause, delay.Cause)
			require.Equal(t, test.stage, delay.Stage)
			told, err := w.reports.Day(t.Context(), kitchen.DateIn(due, time.UTC))
			require.NoError(t, err)
			if test.cause == wire.DelayedByNothing {
				require.Empty(t, told.Late)
				require.Zero(t, delay.LateSeconds)
				return
			}
			require.Equal(t, []wire.LateOrder{{OrderID: id, PickupCode: "K7QF", DueAt: due, ReadyAt: due.Add(24 * time.Minute), LateSeconds: 1440, Cause: test.cause, Stage: test.stage}}, told.Late)
		})
	}
}

func TestUsualIsThatOfTheWeekdayOnceThereIsEnoughOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	due := at(t, "2026-11-26T12:00:00Z") // a Thursday
	orders := make(map[string]folded)
	add := func(i int, ago int, waited time.Duration) {
		of := shippedOrder(due.AddDate(0, 0, -ago), 0)
		made(&of, kitchen.Bake, 1, "bob", due.AddDate(0, 0, -ago).Add(-time.Hour), waited, time.Minute)
		orders[kitchen.OrderKey(testOrderID(i))] = of
	}
	usual := func() float64 {
		require.NoError(t, w.write(t.Context(), orders, nil))
		return query[float64](t, w.store, "SELECT waited_seconds FROM usual_times('2026-11-26')")
	}
	for i := range 40 {
		add(i, 1+i%6, 300*time.Second) // other weekdays
	}
	for i := range 19 {
		add(100+i, 7, 900*time.Second)
	}
	add(200, 28, time.Hour) // a Thursday too, 28 days back: the first day that does not count
	require.InDelta(t, 300, usual(), 1e-9, "19 are not enough")
	add(201, 21, 900*time.Second)
	require.InDelta(t, 900, usual(), 1e-9)
}

func TestADayHasTheHoursThatItsClockShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Europe/Berlin")
	orders := make(map[string]folded)
	for i, placed := range []string{
		"2026-10-24T21:59:59Z",                                                 // the day before
		"2026-10-24T22:00:00Z",                                                 // midnight
		"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T22:59:59Z", // half past two twice, and the last second
		"2026-10-25T23:00:00Z", // the day after
	} {
		of := shippedOrder(at(t, placed).Add(48*time.Hour), 0)
		of.order.placedAt = new(at(t, placed))
		orders[kitchen.OrderKey(testOrderID(i))] = of
	}
	require.NoError(t, w.write(t.Context(), orders, nil))
	told, err := w.reports.Day(t.Context(), day(t, "2026-10-25"))
	require.NoError(t, err)
	require.Equal(t, []wire.DayHour{{Hour: 0, Placed: 1}, {Hour: 2, Placed: 2}, {Hour: 23, Placed: 1}}, told.Hours)
	for text, hours := range map[string]int{"2026-10-24": 24, "2026-10-25": 25, "2026-10-26": 24} {
		require.Equal(t, hours, query[int](t, w.store, "SELECT (extract(epoch FROM ends_at - starts_at) / 3600)::int FROM days WHERE day = $1", text), text)
	}
}

func TestWorkThatWasUndoneDoesNotCountAsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	due := at(t, "2026-11-26T12:00:00Z")
	of := shippedOrder(due, 0)
	made(&of, kitchen.Mix, 1, "mia", due.Add(-time.Hour), time.Minute, 10*time.Minute)
	made(&of, kitchen.Bake, 1, "bob", due.Add(-40*time.Minute), time.Minute, 10*time.Minute)
	of.undone = []undoneRow{{stage: kitchen.Bake, pass: 1, state: kitchen.TicketUndone}, {stage: kitchen.Mix, pass: 1, state: kitchen.TicketDone, isLeft: true}}
	require.NoError(t, w.write(t.Context(), map[string]folded{kitchen.OrderKey(testOrderID(1)): of}, nil))
	told, err := w.reports.Day(t.Context(), day(t, "2026-11-26"))
	require.NoError(t, err)
	require.Equal(t, []wire.DayPerson{{Worker: "mia", Stage: kitchen.Mix, Tickets: 1, Pieces: 10, InHandSeconds: 600}}, told.People)
}

func TestWhatSomebodyHasInHandAtTheSameTimeCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	due := at(t, "2026-11-26T12:00:00Z")
	orders := make(map[string]folded)
	for i := range 12 {
		of := shippedOrder(due, 0)
		made(&of, kitchen.Bake, 1, "bob", due.Add(-time.Hour), time.Minute, 20*time.Minute)
		orders[kitchen.OrderKey(testOrderID(i))] = of
	}
	require.NoError(t, w.write(t.Context(), orders, nil))
	told, err := w.reports.Day(t.Context(), day(t, "2026-11-26"))
	require.NoError(t, err)
	require.Equal(t, []wire.DayPerson{{Worker: "bob", Stage: kitchen.Bake, Tickets: 12, Pieces: 120, InHandSeconds: 1200}}, told.People)
}

func TestTheForecastIsOfTheSameWeekdayBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	today := time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)
	orders := make(map[string]folded)
	add := func(i, inDays, pieces int) {
		of := shippedOrder(today.AddDate(0, 0, inDays), 0)
		of.order.placedAt = new(today.AddDate(0, 0, -70))
		of.lines[0].of.Quantity = pieces
		orders[kitchen.OrderKey(testOrderID(i))] = of
	}
	add(1, 7, 5)     // ordered for the day itself
	add(2, 0, 999)   // today is not over
	add(3, -7, 20)   // two weeks before it
	add(4, -21, 41)  // in the week between, the bakery was closed
	add(5, -56, 30)  // the eighth week before today
	add(6, -63, 999) // too long ago
	add(7, -6, 999)  // another weekday
	require.NoError(t, w.write(t.Context(), orders, nil))
	date := kitchen.DateIn(today.AddDate(0, 0, 7), time.UTC)
	forecast, err := w.reports.Forecast(t.Context(), date)
	require.NoError(t, err)
	require.Equal(t, wire.HistoryForecast{
		Day: date, Weekday: kitchen.Weekdays()[date.Weekday()], Weeks: 3,
		Flavours: []wire.FlavourForecast{{Flavour: "lemon", Pieces: 30, Low: 20, High: 41, Ordered: 5}},
	}, forecast)
}

func TestTheBottleneckNeedsLongestToClearWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	now := time.Now()
	orders := make(map[string]folded)
	add := func(i int, change func(of *folded)) {
		of := shippedOrder(now.Add(time.Hour), 0)
		of.order.state, of.order.readyAt = kitchen.StateInProgress, nil
		change(&of)
		orders[kitchen.OrderKey(testOrderID(i))] = of
	}
	wait := func(of *folded, stage kitchen.Stage, state kitchen.TicketState, ago time.Duration) {
		ticket := ticketRow{ref: kitchen.TicketRef{Stage: stage, Pass: 1, Kind: kitchen.TicketMake}, state: state, pieces: 10, issued: new(now.Add(-ago)), attempts: 1, isOpen: true}
		if state == kitchen.TicketStarted {
			ticket.started, ticket.worker = new(now.Add(-time.Minute)), "bob"
		}
		of.tickets = append(of.tickets, ticket)
	}
	for i := range 6 { // the mixers do one in ten minutes, and three wait
		add(i, func(of *folded) { made(of, kitchen.Mix, 1, "mia", now.Add(-59*time.Minute), 0, 10*time.Minute) })
	}
	for i := range 3 {
		add(10+i, func(of *folded) { wait(of, kitchen.Mix, kitchen.TicketWaiting, 2*time.Hour) })
	}
	// One baker has done one lately, in half an hour, and two wait: an hour.
	add(20, func(of *folded) { made(of, kitchen.Bake, 1, "bob", now.Add(-40*time.Minute), 0, 30*time.Minute) })
	add(21, func(of *folded) {
		wait(of, kitchen.Bake, kitchen.TicketWaiting, 30*time.Minute)
		of.questions = []questionRow{{asked: now, stage: kitchen.Bake, pass: 1, undoing: true}, {asked: now.Add(-time.Second), stage: kitchen.Bake, pass: 2}, {asked: now.Add(-time.Minute), stage: kitchen.Mix, pass: 1}}
	})
	add(22, func(of *folded) {
		wait(of, kitchen.Bake, kitchen.TicketFailed, 10*time.Minute)
		of.questions = []questionRow{{asked: now.Add(-time.Minute), stage: kitchen.Bake, pass: 1, closed: &now}}
	})
	add(23, func(of *folded) { wait(of, kitchen.Bake, kitchen.TicketStarted, 10*time.Minute) })
	for i, state := range []kitchen.TicketState{kitchen.TicketFailed, kitchen.TicketStarted} { // for a manager, and not for the baker
		add(24+i, func(of *folded) {
			wait(of, kitchen.Bake, state, 50*time.Minute)
			of.questions = []questionRow{{asked: now.Add(-time.Minute), stage: kitchen.Bake, pass: 1}}
		})
	}
	require.NoError(t, w.write(t.Context(), orders, nil))
	told, err := w.reports.Bottleneck(t.Context())
	require.NoError(t, err)
	require.Equal(t, kitchen.Bake, told.Stage)
	bake := told.Stages[1]
	require.InDelta(t, 1800, *bake.OldestWaitingSeconds, soon)
	require.InDelta(t, 3600, *bake.ClearSeconds, 1)
	bake.OldestWaitingSeconds, bake.ClearSeconds = nil, nil
	require.Equal(t, wire.StageLoad{Stage: kitchen.Bake, Waiting: 2, InHand: 1, Asked: 2, ArrivedLastHour: 6, DoneLastHour: 1, TypicalInHandSeconds: new(1800.0), People: 1}, bake)
	mix := told.Stages[0]
	require.Equal(t, 6, mix.DoneLastHour)
	require.InDelta(t, 1800, *mix.ClearSeconds, 1, "at the pace of the last hour")
	require.Zero(t, mix.People)
	require.Zero(t, *told.Stages[3].ClearSeconds)

	// Where something waits and nothing was ever done, nobody can say how long.
	add(30, func(of *folded) { wait(of, kitchen.Decorate, kitchen.TicketWaiting, time.Minute) })
	require.NoError(t, w.write(t.Context(), orders, nil))
	told, err = w.reports.Bottleneck(t.Context())
	require.NoError(t, err)
	require.Equal(t, kitchen.Decorate, told.Stage)
	require.Nil(t, told.Stages[2].ClearSeconds)
}

func TestATrayOverMidnightIsOneTray(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	midnight := at(t, "2026-11-26T00:00:00Z")
	orders, personal := make(map[string]folded), make(map[string]personalOf)
	for i, after := range []time.Duration{-4 * time.Second, -2 * time.Second, 0, 2 * time.Second, 4001 * time.Millisecond} {
		of := shippedOrder(midnight.Add(time.Hour), 0)
		made(&of, kitchen.Bake, 1, "bob", midnight.Add(after-time.Hour), 0, time.Hour)
		id := testOrderID(i)
		orders[kitchen.OrderKey(id)], personal[kitchen.OrderKey(id)] = of, personalOf{id, "Ada"}
	}
	require.NoError(t, w.write(t.Context(), orders, personal))
	trace, err := w.reports.Trace(t.Context(), Trace{Ticket: kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}})
	require.NoError(t, err)
	var ids []string
	for _, ticket := range trace.Tickets {
		ids = append(ids, ticket.OrderID)
	}
	require.Equal(t, []string{testOrderID(0), testOrderID(1), testOrderID(2), testOrderID(3)}, ids, "the last came a little later")
	require.Equal(t, 2, query[int](t, w.store, "SELECT tickets::int FROM trays WHERE day = '2026-11-25'"))
	require.Equal(t, 2, query[int](t, w.store, "SELECT count(*)::int FROM trays WHERE day = '2026-11-26'"))
}

func TestATraceSaysWhenThereIsMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	from := at(t, "2026-11-26T08:00:00Z")
	trace := func(tickets int) wire.HistoryTrace {
		orders := make(map[string]folded)
		for i := range tickets {
			of := shippedOrder(from, 0)
			made(&of, kitchen.Bake, 1, "bob", from, 0, time.Duration(i)*time.Second)
			orders[kitchen.OrderKey(testOrderID(i))] = of
		}
		require.NoError(t, w.write(context.Background(), orders, nil))
		told, err := w.reports.Trace(t.Context(), Trace{Stage: kitchen.Bake, From: from, To: from.Add(time.Hour)})
		require.NoError(t, err)
		require.Len(t, told.Tickets, MaxTraced)
		return told
	}
	require.False(t, trace(MaxTraced).More)
	told := trace(MaxTraced + 1)
	require.True(t, told.More)
	require.Empty(t, told.Tickets[0].OrderID, "erased")
	require.Empty(t, told.Tickets[0].Customer)
}

func TestCancellationsTellWhatWasUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Asia/Tokyo")
	due := at(t, "2026-11-26T12:00:00Z")
	of := shippedOrder(due, 0)
	of.order.state, of.order.readyAt, of.order.cancelledAt, of.order.cancelledBy = kitchen.StateCancelled, nil, new(at(t, "2026-11-25T16:00:00Z")), "eve"
	of.undone = []undoneRow{
		{stage: kitchen.Bake, pass: 1, state: kitchen.TicketUndone, at: new(due), scrapped: 10},
		{stage: kitchen.Mix, pass: 1, state: kitchen.TicketWaiting, isLeft: true},
	}
	require.NoError(t, w.write(t.Context(), map[string]folded{kitchen.OrderKey(testOrderID(1)): of}, nil))
	require.Equal(t, "2026-11-26 eve {bake.1} {mix.1} 10", query[string](t, w.store, "SELECT concat_ws(' ', day, cancelled_by, undone, left_undone, scrapped) FROM cancellations"))
}
