package station

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestATicketIsStartedAndDone(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	d := bob.deliver(ticket)
	require.Equal(t, 1, bob.expect(Offered).Item.Number)
	require.ErrorIs(t, bob.Done(t.Context(), ticket.TicketID), ErrNotStarted)

	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	require.Equal(t, "bob", bob.expect(Started).Item.By)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID), "starting what is in hand changes nothing")
	require.False(t, d.finished())

	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
	require.True(t, bob.expect(Answered).Mine)
	require.True(t, d.finished())
	require.Empty(t, bob.Tickets())
	require.Len(t, log.acks, 2)
	started, done := log.acks[0], log.acks[1]
	require.Equal(t, kitchen.AckStarted, started.Kind)
	require.Equal(t, kitchen.AckDone, done.Kind)
	require.Equal(t, 1, done.Attempt)
	require.True(t, done.StartedAt.Equal(started.At))
	require.ErrorIs(t, bob.Done(t.Context(), ticket.TicketID), ErrNotHere)
	require.ErrorIs(t, bob.Start(t.Context(), ticket.TicketID), ErrNotHere)
}

func TestAnUndoTicketEndsUndone(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	all, some := ticketOf(t, kitchen.Bake, kitchen.TicketUndo), ticketOf(t, kitchen.Bake, kitchen.TicketUndo)
	all.Made, some.Made = true, true
	for _, ticket := range []kitchen.Ticket{all, some} {
		bob.deliver(ticket)
		require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	}
	require.NoError(t, bob.Done(t.Context(), all.TicketID))
	require.NoError(t, bob.Undone(t.Context(), some.TicketID, 4, "the rest went to staff"))
	require.Equal(t, kitchen.AckUndone, log.acks[2].Kind)
	require.Equal(t, 15, log.acks[2].Scrapped)
	require.Equal(t, kitchen.AckUndone, log.acks[3].Kind)
	require.Equal(t, 4, log.acks[3].Scrapped)
	require.Empty(t, bob.Tickets())
}

func TestAnAnswerThatTheContractRefusesIsNotGiven(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	bob.deliver(ticket)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	require.ErrorContains(t, bob.Fail(t.Context(), ticket.TicketID, "burnt", "", -1), "scrapped")
	require.ErrorContains(t, bob.Fail(t.Context(), ticket.TicketID, "burnt", "", 16), "scrapped: must be from 0 to 15")
	require.ErrorContains(t, bob.Undone(t.Context(), ticket.TicketID, 0, ""), "undo ticket")
	require.Equal(t, []kitchen.AckKind{kitchen.AckStarted}, log.kinds())
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
}

// Two stations have the same ticket, as after a rebalance, and both start it at
// the same moment.
func TestTwoBakersNeverBothGetATicket(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bakers := []*fakeStation{log.station("bob"), log.station("eve")}
	for range 50 {
		ticket := newTicket(t)
		for _, baker := range bakers {
			baker.deliver(ticket)
		}
		gate := make(chan struct{})
		results := make(chan error, len(bakers))
		for _, baker := range bakers {
			go func() {
				<-gate
				results <- baker.Start(context.Background(), ticket.TicketID)
			}()
		}
		close(gate)
		won := 0
		for range bakers {
			if err := <-results; err == nil {
				won++
			} else {
				requireTaken(t, err, log.owner(ticket.TicketID), kitchen.AckStarted)
			}
		}
		require.Equal(t, 1, won)
	}
}

// owner is who was first to start a ticket.
func (l *fakeLog) owner(ticketID string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ack := range l.acks {
		if ack.TicketID == ticketID && ack.Kind == kitchen.AckStarted {
			return ack.By
		}
	}
	return ""
}

func TestTwoArmsOfOneRobotNeverStartTheSameTicket(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	var second error
	log.before = func(ack kitchen.Ack) {
		if ack.Kind == kitchen.AckStarted {
			second = bob.Start(context.Background(), ticket.TicketID)
		}
	}
	bob.deliver(ticket)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	require.ErrorIs(t, second, ErrBusy)
	require.Equal(t, []kitchen.AckKind{kitchen.AckStarted}, log.kinds())
}

func TestAcksOfOthersCount(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	waiting, inHand, failing := newTicket(t), newTicket(t), newTicket(t)
	var deliveries []*fakeDelivery
	for _, ticket := range []kitchen.Ticket{waiting, inHand, failing} {
		deliveries = append(deliveries, bob.deliver(ticket))
		bob.expect(Offered)
	}
	bob.start(inHand)

	log.write(typed(waiting, kitchen.AckStarted, "eve"), "")
	require.Equal(t, "eve", bob.expect(StartedElsewhere).Item.By)
	requireTaken(t, bob.Start(t.Context(), waiting.TicketID), "eve", kitchen.AckStarted)
	requireTaken(t, bob.Done(t.Context(), waiting.TicketID), "eve", kitchen.AckStarted)
	log.write(typed(waiting, kitchen.AckDone, "eve"), "")
	require.False(t, bob.expect(Answered).Mine)
	require.True(t, deliveries[0].finished())

	log.write(typed(inHand, kitchen.AckDone, "eve"), "")
	answered := bob.expect(Answered)
	require.Equal(t, InHand, answered.Was)
	require.Equal(t, "eve", answered.Ack.By)
	require.True(t, deliveries[1].finished())

	log.write(typed(failing, kitchen.AckFailed, "eve"), "")
	require.Equal(t, kitchen.AckFailed, bob.expect(Answered).Ack.Kind)
	require.True(t, deliveries[2].finished())
	require.Empty(t, bob.Tickets())
}

func TestWhoeverAnswersFirstGetsTheCredit(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	bob.deliver(ticket)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	log.before = func(ack kitchen.Ack) {
		if ack.Kind == kitchen.AckDone {
			log.write(typed(ticket, kitchen.AckDone, "eve"), "")
		}
	}
	requireTaken(t, bob.Done(t.Context(), ticket.TicketID), "eve", kitchen.AckDone)
	require.Empty(t, bob.Tickets())
}

func TestANewerAttemptReplacesTheOlder(t *testing.T) {
	t.Parallel()
	_, bob := newLog(t, "bob")
	ticket := newTicket(t)
	first := bob.deliver(ticket)
	number := bob.expect(Offered).Item.Number
	changed := again(ticket)
	changed.Notes = "use the back door"
	second := bob.deliver(changed)
	bob.expectNothing()
	item := bob.Tickets()[0]
	require.Equal(t, number, item.Number)
	require.Equal(t, changed, item.Ticket)
	require.True(t, first.finished())
	require.False(t, second.finished())
	late := bob.deliver(ticket)
	require.True(t, late.finished(), "an attempt that is over")
	require.Len(t, bob.Tickets(), 1)
}

// Whose a ticket is does not change when it is issued again.
func TestARepeatedDeliveryTakesATicketFromNobody(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob, eve := log.station("bob"), log.station("eve")
	ticket, first := bob.offerNew()
	eve.deliver(ticket)
	eve.expect(Offered)
	bob.start(ticket)
	eve.expect(StartedElsewhere)

	second := bob.deliver(again(ticket))
	eve.deliver(again(ticket))
	bob.expectNothing()
	eve.expectNothing()
	require.True(t, first.finished())
	require.False(t, second.finished())
	require.Equal(t, InHand, bob.Tickets()[0].State)
	requireTaken(t, eve.Start(t.Context(), ticket.TicketID), "bob", kitchen.AckStarted)
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
	require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone}, log.kinds())
	require.Equal(t, 2, log.last(kitchen.AckDone).Attempt)
	require.True(t, second.finished())
}

func TestATicketIssuedAgainWhileItIsStartedIsStarted(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	bob.deliver(ticket)
	log.before = func(kitchen.Ack) { bob.deliver(again(ticket)) }
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	require.Equal(t, []kitchen.AckKind{kitchen.AckStarted}, log.kinds())
	items := bob.Tickets()
	require.Len(t, items, 1)
	require.Equal(t, InHand, items[0].State)
}

func TestAFailedTicketComesBackWithItsNextAttempt(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, d := bob.offerNew()
	bob.start(ticket)
	require.NoError(t, bob.Fail(t.Context(), ticket.TicketID, "burnt", "oven 2", 12))
	bob.expect(Answered)
	require.True(t, d.finished())
	require.Equal(t, 12, log.acks[1].Scrapped)

	redelivered := bob.deliver(ticket)
	require.True(t, redelivered.finished(), "its attempt is over")
	require.Len(t, log.acks, 2, "a failure published twice could fail the next attempt")

	bob.deliver(again(ticket))
	offered := bob.expect(Offered)
	require.Equal(t, "oven 2", offered.Item.LastFailure.Note)
	require.Equal(t, 1, offered.Item.Number)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
}

// The failure answers whichever attempt is open when it arrives.
func TestAFailureOfATicketThatIsIssuedAgainMeanwhileEndsItHere(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	bob.deliver(ticket)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	var second *fakeDelivery
	log.before = func(ack kitchen.Ack) {
		if ack.Kind == kitchen.AckFailed {
			second = bob.deliver(again(ticket))
		}
	}
	require.NoError(t, bob.Fail(t.Context(), ticket.TicketID, "dropped", "", 15))
	require.True(t, second.finished())
	require.Empty(t, bob.Tickets())
}

func TestAFinishedTicketIsAnsweredWithItsLastAck(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	bob.deliver(ticket)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))

	mia := log.station("mia")
	require.True(t, mia.deliver(ticket).finished(), "its order has the end")
	require.Len(t, log.acks, 2)
	d := bob.deliver(again(ticket))
	<-d.done
	require.Len(t, log.acks, 3)
	require.Equal(t, log.acks[1], log.acks[2])
	require.Empty(t, bob.Tickets())
}

func TestPartitionLossWithdrawsWhatWaitsAndLeavesWhatIsInHand(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob, eve := log.station("bob"), log.station("eve")
	waiting, inHand := newTicket(t), newTicket(t)
	d1, d2 := bob.deliver(waiting), bob.deliver(inHand)
	bob.expect(Offered)
	bob.expect(Offered)
	bob.start(inHand)
	d1.revoke()
	require.Equal(t, waiting.TicketID, bob.expect(Withdrawn).Item.Ticket.TicketID)
	d2.revoke()
	eve.deliver(waiting)
	eve.expect(Offered)
	taken := eve.deliver(inHand)
	require.Equal(t, "bob", eve.expect(StartedElsewhere).Item.By)
	requireTaken(t, eve.Start(t.Context(), inHand.TicketID), "bob", kitchen.AckStarted)
	require.NoError(t, bob.Done(t.Context(), inHand.TicketID))
	eve.expect(Answered)
	require.True(t, taken.finished())
}

// A partition that comes back finds its work where it was.
func TestATicketInHandThatComesBackIsTheSame(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, d := bob.offerNew()
	bob.start(ticket)
	d.revoke()
	back := bob.deliver(ticket)
	require.Len(t, bob.Tickets(), 1)
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
	require.True(t, back.finished())
	require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone}, log.kinds())
}

func TestTakenOverWorkLeavesTheHand(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob, eve := log.station("bob"), log.station("eve")
	ticket, d := bob.offerNew()
	bob.start(ticket)
	over := bob.jobs[ticket.TicketID].over
	d.revoke()
	eve.deliver(again(ticket)) // bob's station does not see this attempt
	eve.expect(StartedElsewhere)
	require.NoError(t, eve.TakeOver(t.Context(), ticket.TicketID))
	<-over
	lost := bob.expect(StartedElsewhere)
	require.Equal(t, InHand, lost.Was)
	require.Equal(t, "eve", lost.Item.By)
	bob.expect(Withdrawn)
	require.ErrorIs(t, bob.Done(t.Context(), ticket.TicketID), ErrNotHere)
	require.NoError(t, eve.Done(t.Context(), ticket.TicketID))
}

func TestAPersonWhoComesBackClaimsTheirWorkAgain(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	before := log.station("bob")
	ticket, _ := before.offerNew()
	now, eve := log.station("bob"), log.station("eve")
	before.start(ticket)

	now.deliver(ticket)
	require.Equal(t, "bob", now.expect(StartedElsewhere).Item.By)
	eve.deliver(ticket)
	requireTaken(t, eve.Start(t.Context(), ticket.TicketID), "bob", kitchen.AckStarted)

	now.start(ticket)
	require.Equal(t, InHand, before.expect(StartedElsewhere).Was, "the work is in one place only")
	require.NoError(t, before.Done(t.Context(), ticket.TicketID), "but its owner may answer anywhere")
	require.False(t, now.expect(Answered).Mine)
}

func TestAnAckIsPublishedUntilKafkaHasIt(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, d := bob.offerNew()
	bob.start(ticket)
	var tries atomic.Int32
	log.refuse = func(kitchen.Ack) (error, bool) {
		if tries.Add(1) <= 3 {
			return errAway, false
		}
		return nil, false
	}
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
	unsent := bob.expect(Unsent)
	require.ErrorIs(t, unsent.Err, errAway)
	require.True(t, unsent.Item.Answering)
	bob.expect(Answered) // and no second complaint
	require.True(t, d.finished())
}

func TestWorkStaysInHandWhenItsAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	d := bob.deliver(ticket)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	away := true
	ctx, cancel := context.WithCancel(t.Context())
	log.refuse = func(kitchen.Ack) (error, bool) {
		if away {
			cancel()
			return errAway, false
		}
		return nil, false
	}
	require.ErrorIs(t, bob.Done(ctx, ticket.TicketID), errAway)
	require.False(t, d.finished())
	require.Equal(t, InHand, bob.Tickets()[0].State)
	away = false
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
}

func TestAnAckThatKafkaTookWithoutConfirmingCounts(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	ctx, cancel := context.WithCancel(t.Context())
	log.refuse = func(kitchen.Ack) (error, bool) {
		cancel()
		return errAway, true
	}
	// The log has given us the ticket before we gave up.
	require.NoError(t, bob.Start(ctx, ticket.TicketID))
	bob.expect(Started)
	log.refuse = func(kitchen.Ack) (error, bool) { return errAway, true }
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
	require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone}, log.kinds())
}

func TestAStationThatStopsLetsGoOfItsCallers(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	log.refuse = func(kitchen.Ack) (error, bool) { return errAway, false }
	result := make(chan error)
	go func() { result <- bob.Start(context.Background(), ticket.TicketID) }()
	bob.expect(Unsent)
	bob.cancel()
	require.ErrorIs(t, <-result, ErrStopped)
}

// Nobody tells a station that the order of a ticket has been given up.
func TestWhatSomebodyGoneHadInHandDoesNotStayForEver(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	theirs, waiting := newTicket(t), newTicket(t)
	d1, d2 := bob.deliver(theirs), bob.deliver(waiting)
	bob.expect(Offered)
	bob.expect(Offered)
	log.write(typed(theirs, kitchen.AckStarted, "eve"), "")
	bob.expect(StartedElsewhere)
	bob.pass(4 * time.Hour)
	bob.expect(OwnerSilent)
	require.False(t, d1.finished(), "its next attempt may just be on its way")
	log.write(typed(theirs, kitchen.AckStarted, "eve"), "")
	bob.pass(2 * time.Hour)
	bob.expect(OwnerSilent)
	require.False(t, d1.finished(), "eve works on, whether or not its order says anything")
	bob.pass(3*time.Hour + 1)
	require.Equal(t, theirs.TicketID, bob.expect(Withdrawn).Item.Ticket.TicketID)
	require.True(t, d1.finished())
	require.False(t, d2.finished())
	require.Len(t, bob.Tickets(), 1)
}

func TestWhatIsOverIsForgotten(t *testing.T) {
	t.Parallel()
	_, bob := newLog(t, "bob")
	finished, waiting := newTicket(t), newTicket(t)
	bob.deliver(finished)
	bob.deliver(waiting)
	require.NoError(t, bob.Start(t.Context(), finished.TicketID))
	require.NoError(t, bob.Done(t.Context(), finished.TicketID))
	bob.pass(4 * time.Hour)
	require.Equal(t, 2, bob.board.Len())
	bob.kafkaIsAway(time.Now())
	bob.pass(10 * time.Hour)
	require.Equal(t, 2, bob.board.Len(), "nobody can read the log")
	bob.kafkaIsAway(time.Time{})
	bob.pass(2 * time.Hour)
	require.Equal(t, 1, bob.board.Len(), "what waits here is not over")
	require.Len(t, bob.numbers, 1)
	require.Len(t, bob.Tickets(), 1)
}

func TestSettingsAreCheckedAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Stage: "fry", AckWithin: -1, Connection: events.Connection{Brokers: []string{"nowhere"}}})
	for _, part := range []string{"fry", "name", "-1ns", "nowhere"} {
		require.ErrorContains(t, err, part)
	}
}

func TestARobotPublishesStartedOnlyIfTheWorkTakesTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workTime time.Duration
		kinds    []kitchen.AckKind
	}{
		"work that takes time": {time.Millisecond, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone}},
		"work that takes none": {0, []kitchen.AckKind{kitchen.AckDone}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, arm := newLog(t, "arm")
			delivery := arm.deliver(newTicket(t))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- (&Robot{Station: arm.Station, WorkTime: c.workTime}).Run(ctx) }()
			arm.expect(Offered)
			arm.expect(Started)
			require.True(t, arm.expect(Answered).Mine)
			cancel()
			require.NoError(t, <-ended)
			require.Equal(t, c.kinds, log.kinds())
			require.NotNil(t, log.last(kitchen.AckDone).StartedAt)
			require.True(t, delivery.finished())
		})
	}
}

// Without an own started in the log, the ticket stays where the log has it, and
// the robot must not look at it again and again.
func TestARobotThatTakesNoTimeFinishesWhatItHadInHandBefore(t *testing.T) {
	t.Parallel()
	log, arm := newLog(t, "arm")
	ticket := newTicket(t)
	log.write(typed(ticket, kitchen.AckStarted, "arm"), "")
	arm.deliver(ticket)
	arm.expect(StartedElsewhere)
	item, _, err := arm.startNext(t.Context(), t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, InHand, item.State)
	require.NoError(t, arm.Done(t.Context(), ticket.TicketID))
}

// While builds run side by side, the log has acks of stages that only another
// build knows.
func TestAnAckOfAnUnknownStageIsNobodysHere(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	dust := ticket.Ref()
	dust.Stage = "dust"
	log.write(kitchen.Ack{TicketID: dust.TicketID(), OrderID: dust.OrderID, Stage: dust.Stage, Kind: kitchen.AckDone, By: "eve", At: ticket.IssuedAt}, "")
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
}
