package station

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func requireWithdrawn(t *testing.T, err error, undo int) {
	t.Helper()
	var withdrawn *WithdrawnError
	require.ErrorAs(t, err, &withdrawn)
	require.Equal(t, undo, withdrawn.Undo)
}

func TestATicketWithdrawnBeforeAnybodyStartsItBothersNobody(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, delivery := bob.offerNew()
	undo := bob.deliver(undoOf(ticket, false))
	withdrawn := bob.expect(Withdrawn)
	require.True(t, withdrawn.Cancelled)
	require.Equal(t, Waiting, withdrawn.Was)
	require.Zero(t, withdrawn.Undo)
	require.True(t, delivery.finished())
	undo.await(t)
	undone := log.last(kitchen.AckUndone)
	require.Equal(t, "bob", undone.By)
	require.Zero(t, undone.Scrapped)
	require.Equal(t, "withdrawn: nobody had started it", undone.Note)
	require.Equal(t, []kitchen.AckKind{kitchen.AckUndone}, log.kinds())
	require.Empty(t, bob.Tickets())
	bob.expectNothing()
	requireWithdrawn(t, bob.Start(t.Context(), ticket.TicketID), 0)
	_, standing := bob.Lookup(1)
	require.Equal(t, Cancelled, standing)

	next := newTicket(t)
	bob.deliver(next)
	require.Equal(t, 2, bob.expect(Offered).Item.Number, "what nobody saw has taken no number")
}

func TestAFailedTicketThatIsWithdrawnNeedsNoHands(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	bob.deliver(ticket)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	require.NoError(t, bob.Fail(t.Context(), ticket.TicketID, "burnt", "", 15))
	bob.deliver(undoOf(ticket, false)).await(t)
	undone := log.last(kitchen.AckUndone)
	require.Zero(t, undone.Scrapped)
	require.Equal(t, "withdrawn: nobody had it in hand", undone.Note)
}

func TestATicketWithdrawnInHandIsTakenOutOfItAtOnce(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, delivery := bob.offerNew()
	bob.start(ticket)
	bob.mu.Lock()
	over := bob.jobs[ticket.TicketID].over
	bob.mu.Unlock()

	undo := undoOf(ticket, false)
	undoDelivery := bob.deliver(undo)
	withdrawn := bob.expect(Withdrawn)
	require.True(t, withdrawn.Cancelled)
	require.Equal(t, InHand, withdrawn.Was)
	require.Equal(t, "bob", withdrawn.Item.By)
	require.Equal(t, 2, withdrawn.Undo)
	<-over
	require.True(t, delivery.finished())
	offered := bob.expect(Offered).Item
	require.Equal(t, 2, offered.Number)
	require.Equal(t, kitchen.TicketStarted, offered.Work)
	require.Equal(t, "bob", offered.WorkBy)
	require.False(t, undoDelivery.finished())

	for _, err := range []error{
		bob.Done(t.Context(), ticket.TicketID),
		bob.Start(t.Context(), ticket.TicketID),
		bob.Fail(t.Context(), ticket.TicketID, "burnt", "", 0),
	} {
		requireWithdrawn(t, err, 2)
		require.EqualError(t, err, "withdrawn: this work was cancelled; see its UNDO ticket #2")
	}
	require.Equal(t, []kitchen.AckKind{kitchen.AckStarted}, log.kinds(), "no ack was published")
	log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
	bob.expectNothing()
	require.NoError(t, bob.Start(t.Context(), undo.TicketID))
	require.NoError(t, bob.Done(t.Context(), undo.TicketID))
	require.Equal(t, 15, log.last(kitchen.AckUndone).Scrapped)
	require.True(t, undoDelivery.finished())
	require.Empty(t, bob.Tickets())
}

func TestWorkStartedWithoutAnAckIsPutAwayAsWell(t *testing.T) {
	t.Parallel()
	log, arm := newLog(t, "arm")
	ticket, _ := arm.offerNew()
	item, _, err := arm.startNext(t.Context(), t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, ticket.TicketID, item.Ticket.TicketID)
	arm.expect(Started)
	arm.deliver(undoOf(ticket, false))
	require.Equal(t, InHand, arm.expect(Withdrawn).Was)
	offered := arm.expect(Offered).Item
	require.Equal(t, "arm", offered.WorkBy)
	require.Equal(t, 15, offered.ToScrap())
	require.Empty(t, log.kinds())
}

func TestMadeWorkNeedsHandsToUndoIt(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	undo := undoOf(newTicket(t), true)
	bob.deliver(undo)
	offered := bob.expect(Offered).Item
	require.Equal(t, kitchen.TicketDone, offered.Work)
	require.Equal(t, 15, offered.ToScrap())
	require.NoError(t, bob.Start(t.Context(), undo.TicketID))
	require.NoError(t, bob.Undone(t.Context(), undo.TicketID, 3, "staff ate the rest"))
	require.Equal(t, 3, log.last(kitchen.AckUndone).Scrapped)
}

// The work was finished while the order was being cancelled.
func TestDoneThatTheCancellingMissedNeedsHands(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	log.write(typed(ticket, kitchen.AckDone, "eve"), "")
	bob.deliver(undoOf(ticket, false))
	offered := bob.expect(Offered).Item
	require.Equal(t, kitchen.TicketDone, offered.Work)
	require.Equal(t, "eve", offered.WorkBy)
	require.Equal(t, 15, offered.ToScrap())
}

func TestWhatSomebodyElseHasInHandNeedsHands(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, delivery := bob.offerNew()
	log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
	bob.expect(StartedElsewhere)
	bob.deliver(undoOf(ticket, false))
	withdrawn := bob.expect(Withdrawn)
	require.Equal(t, Elsewhere, withdrawn.Was)
	require.Equal(t, "eve", withdrawn.Item.By)
	require.True(t, delivery.finished())
	require.Equal(t, "eve", bob.expect(Offered).Item.WorkBy)
}

func TestATicketThatComesAfterItsUndoTicketIsNotOffered(t *testing.T) {
	t.Parallel()
	for name, finished := range map[string]bool{"while that is open": false, "when that is undone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, bob := newLog(t, "bob")
			ticket := newTicket(t)
			undo := undoOf(ticket, true)
			bob.deliver(undo)
			bob.expect(Offered)
			if finished {
				require.NoError(t, bob.Start(t.Context(), undo.TicketID))
				require.NoError(t, bob.Done(t.Context(), undo.TicketID))
				bob.expect(Started)
				bob.expect(Answered)
			}
			before := log.kinds()
			require.True(t, bob.deliver(ticket).finished())
			bob.expectNothing()
			require.Equal(t, before, log.kinds())
		})
	}
}

// Another station has the partition now, and only the log shows that somebody
// has begun to undo.
func TestWorkInHandElsewhereIsWithdrawnByTheLog(t *testing.T) {
	t.Parallel()
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckFailed, kitchen.AckUndone} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			log, bob := newLog(t, "bob")
			ticket, delivery := bob.offerNew()
			bob.start(ticket)
			delivery.revoke()
			log.write(typed(undoOf(ticket, false), kind, "mia"), "")
			withdrawn := bob.expect(Withdrawn)
			require.True(t, withdrawn.Cancelled)
			require.Equal(t, InHand, withdrawn.Was)
			require.Zero(t, withdrawn.Undo)
			require.Equal(t, "mia", withdrawn.Ack.By)
			requireWithdrawn(t, bob.Done(t.Context(), ticket.TicketID), 0)
			require.Empty(t, bob.Tickets())
		})
	}
}

func TestAnUndoTicketMovesWithItsPartition(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob, mia := log.station("bob"), log.station("mia")
	ticket, _ := bob.offerNew()
	bob.start(ticket)
	undo := undoOf(ticket, false)
	d := bob.deliver(undo)
	bob.expect(Withdrawn)
	bob.expect(Offered)
	d.revoke()
	moved := bob.expect(Withdrawn)
	require.False(t, moved.Cancelled, "it is not cancelled but elsewhere")
	mia.deliver(ticket)
	mia.deliver(undo)
	require.Equal(t, StartedElsewhere, mia.expect(StartedElsewhere).Kind, "bob has not let go as far as mia knows")
	require.Equal(t, Elsewhere, mia.expect(Withdrawn).Was)
	require.Equal(t, "bob", mia.expect(Offered).Item.WorkBy)
	require.NoError(t, mia.Start(t.Context(), undo.TicketID))
	require.NoError(t, mia.Done(t.Context(), undo.TicketID))
	require.Equal(t, 15, log.last(kitchen.AckUndone).Scrapped)
}

func TestAClaimThatIsWithdrawnOnItsWayDoesNotCount(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	log.before = func(ack kitchen.Ack) {
		if ack.Kind == kitchen.AckStarted {
			bob.deliver(undoOf(ticket, false))
		}
	}
	requireWithdrawn(t, bob.Start(t.Context(), ticket.TicketID), 2)
	require.Equal(t, 2, bob.expect(Withdrawn).Undo)
	require.Equal(t, Waiting, bob.expect(Offered).Item.State, "the claim may be in the log, so somebody looks")
	require.Len(t, bob.Tickets(), 1)
}

// What is on its way to the log is left to the log.
func TestAnAnswerOnItsWayDecidesWhatThereIsToUndo(t *testing.T) {
	t.Parallel()
	type world struct {
		t            *testing.T
		log          *fakeLog
		bob          *fakeStation
		ticket, undo kitchen.Ticket
		answer       func(ctx context.Context, meanwhile func()) error
	}
	begin := func(t *testing.T, kind kitchen.AckKind) *world {
		w := &world{t: t, log: &fakeLog{t: t}, ticket: newTicket(t)}
		w.undo = undoOf(w.ticket, false)
		w.bob = w.log.station("bob")
		w.bob.deliver(w.ticket)
		w.bob.expect(Offered)
		w.bob.start(w.ticket)
		w.answer = func(ctx context.Context, meanwhile func()) error {
			w.log.before = func(ack kitchen.Ack) {
				if ack.Kind == kind {
					w.log.before = nil
					w.bob.deliver(w.undo)
					w.bob.expectNothing()
					require.ErrorIs(t, w.bob.Start(ctx, w.undo.TicketID), ErrNotHere, "it is not known yet what to undo")
					meanwhile()
				}
			}
			if kind == kitchen.AckFailed {
				return w.bob.Fail(ctx, w.ticket.TicketID, "burnt", "", 15)
			}
			return w.bob.Done(ctx, w.ticket.TicketID)
		}
		return w
	}
	t.Run("done needs hands", func(t *testing.T) {
		t.Parallel()
		w := begin(t, kitchen.AckDone)
		require.NoError(t, w.answer(t.Context(), func() {}))
		require.True(t, w.bob.expect(Answered).Mine)
		require.Equal(t, kitchen.TicketDone, w.bob.expect(Offered).Item.Work)
	})
	t.Run("failed needs none", func(t *testing.T) {
		t.Parallel()
		w := begin(t, kitchen.AckFailed)
		require.NoError(t, w.answer(t.Context(), func() {}))
		require.True(t, w.bob.expect(Answered).Mine)
		require.Eventually(t, func() bool { return len(w.log.kinds()) == 3 }, patience, time.Millisecond)
		require.Equal(t, "withdrawn: nobody had it in hand", w.log.last(kitchen.AckUndone).Note)
		w.bob.expectNothing()
	})
	t.Run("an answer that is given up is a ticket withdrawn in hand", func(t *testing.T) {
		t.Parallel()
		w := begin(t, kitchen.AckDone)
		w.log.refuse = func(kitchen.Ack) (error, bool) { return errAway, false }
		ctx, cancel := context.WithCancel(t.Context())
		require.ErrorIs(t, w.answer(ctx, cancel), errAway)
		withdrawn := w.bob.expect(Withdrawn)
		require.Equal(t, InHand, withdrawn.Was)
		require.Equal(t, 2, withdrawn.Undo)
		require.Equal(t, kitchen.TicketStarted, w.bob.expect(Offered).Item.Work)
	})
	t.Run("an answer that is given up is withdrawn by the log as well", func(t *testing.T) {
		t.Parallel()
		w := begin(t, kitchen.AckDone)
		w.log.refuse = func(kitchen.Ack) (error, bool) { return errAway, false }
		w.log.before = func(kitchen.Ack) { w.log.before = nil; w.log.write(typed(w.undo, kitchen.AckStarted, "mia"), "") }
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- w.bob.Done(ctx, w.ticket.TicketID) }()
		w.bob.expect(Unsent) // and nothing else: the answer may yet get there
		cancel()
		require.ErrorIs(t, <-result, errAway)
		require.Equal(t, InHand, w.bob.expect(Withdrawn).Was)
		requireWithdrawn(t, w.bob.Done(t.Context(), w.ticket.TicketID), 0)
	})
	t.Run("undone by somebody else ends it", func(t *testing.T) {
		t.Parallel()
		w := begin(t, kitchen.AckDone)
		requireWithdrawn(t, w.answer(t.Context(), func() { w.log.write(typed(w.undo, kitchen.AckUndone, "eve"), "") }), 0)
		withdrawn := w.bob.expect(Withdrawn)
		require.Equal(t, InHand, withdrawn.Was)
		require.Equal(t, "eve", withdrawn.Ack.By)
		w.bob.expectNothing()
		require.Empty(t, w.bob.Tickets())
	})
}

// goAway lets the log refuse acks until back is called; tried is closed at the
// first.
func (l *fakeLog) goAway() (tried <-chan struct{}, back func()) {
	refused := make(chan struct{})
	first := sync.OnceFunc(func() { close(refused) })
	var isBack atomic.Bool
	l.refuse = func(kitchen.Ack) (error, bool) {
		if isBack.Load() {
			return nil, false
		}
		first()
		return errAway, false
	}
	return refused, func() { isBack.Store(true) }
}

func TestAStationThatLosesAnUndoTicketDoesNotAnswerIt(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	tried, back := log.goAway()
	d := bob.deliver(undoOf(newTicket(t), false))
	<-tried
	bob.mu.Lock()
	require.Nil(t, bob.oldest(func(j *job) bool { return j.state.visible() != "" }), "no robot takes what is not offered")
	bob.mu.Unlock()
	d.revoke()
	require.Eventually(t, func() bool {
		bob.mu.Lock()
		defer bob.mu.Unlock()
		return len(bob.jobs) == 0
	}, patience, time.Millisecond)
	back()
	bob.background.Wait()
	require.Empty(t, log.kinds(), "whoever has it now knows more")
	bob.expectNothing()
}

func TestAnUndoTicketThatIsIssuedAgainForMadeWorkNeedsHands(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	tried, _ := log.goAway()
	undo := undoOf(newTicket(t), false)
	bob.deliver(undo)
	<-tried
	undo.Made = true
	bob.deliver(again(undo))
	offered := bob.expect(Offered).Item
	require.Equal(t, kitchen.TicketDone, offered.Work)
	require.Equal(t, 2, offered.Ticket.Attempt)
}

func TestAnAckOfSomebodyElseStopsAStationFromUndoingByItself(t *testing.T) {
	t.Parallel()
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			log, bob := newLog(t, "bob")
			ticket := newTicket(t)
			tried, back := log.goAway()
			undo := undoOf(ticket, false)
			bob.deliver(undo)
			<-tried
			bob.expectNothing()
			require.Empty(t, bob.Tickets())
			log.write(typed(ticket, kind, "eve"), "")
			require.Equal(t, "eve", bob.expect(Offered).Item.WorkBy)
			back()
			bob.background.Wait()
			require.Equal(t, []kitchen.AckKind{kind}, log.kinds())
		})
	}
}

func TestAnUndoTicketThatSomebodyElseStartsIsSeen(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	log.refuse = func(kitchen.Ack) (error, bool) { return errAway, false }
	undo := undoOf(newTicket(t), false)
	bob.deliver(undo)
	log.write(typed(undo, kitchen.AckStarted, "eve"), "")
	require.Equal(t, "eve", bob.expect(StartedElsewhere).Item.By)
	log.write(typed(undo, kitchen.AckUndone, "eve"), "")
	bob.expect(Answered)
}

func TestAnUndoTicketThatIsIssuedAgainIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	undo := undoOf(newTicket(t), false)
	var second *fakeDelivery
	log.before = func(kitchen.Ack) {
		log.before = nil
		second = bob.deliver(again(undo))
	}
	first := bob.deliver(undo)
	first.await(t)
	require.Eventually(t, func() bool { return len(log.kinds()) == 1 }, patience, time.Millisecond)
	second.await(t)
	require.Equal(t, []kitchen.AckKind{kitchen.AckUndone}, log.kinds())
	bob.expectNothing()
}

func TestAFinishedUndoTicketIsAnsweredWithItsLastAck(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	undo := undoOf(newTicket(t), true)
	bob.deliver(undo)
	require.NoError(t, bob.Start(t.Context(), undo.TicketID))
	require.NoError(t, bob.Undone(t.Context(), undo.TicketID, 4, "eaten"))
	bob.deliver(again(undo)).await(t)
	require.Len(t, log.acks, 3)
	require.Equal(t, log.acks[1], log.acks[2])
}

func TestAnUndoTicketThatFailedComesBackToHands(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	bob.deliver(ticket)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
	undo := undoOf(ticket, false)
	d := bob.deliver(undo)
	require.NoError(t, bob.Start(t.Context(), undo.TicketID))
	require.ErrorContains(t, bob.Fail(t.Context(), undo.TicketID, "other", "", -1), "scrapped")
	require.NoError(t, bob.Fail(t.Context(), undo.TicketID, "other", "somebody has taken it home", 0))
	require.True(t, d.finished())
	require.Equal(t, "somebody has taken it home", log.last(kitchen.AckFailed).Note)
	bob.deliver(again(undo))
	require.NoError(t, bob.Start(t.Context(), undo.TicketID))
	require.NoError(t, bob.Undone(t.Context(), undo.TicketID, 0, ""))

	// Also without any other reason: somebody has looked, and asks a manager.
	ticket = newTicket(t)
	bob.deliver(ticket)
	another := undoOf(ticket, false)
	log.write(typed(another, kitchen.AckFailed, "eve"), "")
	bob.deliver(again(another))
	require.NoError(t, bob.Start(t.Context(), another.TicketID))
}

// Whoever has the work in hand may have acked before what was read.
func TestAStationThatDoesNotRecallAllLeavesUndoingToHands(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	late := again(undoOf(newTicket(t), false))
	bob.deliver(late)
	offered := bob.expect(Offered).Item
	require.Equal(t, kitchen.TicketWaiting, offered.Work)
	require.Zero(t, offered.ToScrap())

	log.write(typed(newTicket(t), kitchen.AckDone, "eve"), "")
	mia := log.station("mia") // whose acks begin two hours before that
	mia.deliverOld(undoOf(newTicket(t), false), time.Hour+time.Minute)
	mia.expect(Offered)
	mia.deliverOld(undoOf(newTicket(t), false), time.Hour-time.Minute).await(t)
	require.Equal(t, []kitchen.AckKind{kitchen.AckDone, kitchen.AckUndone}, log.kinds())

	ticket, _ := bob.offerNew()
	bob.deliver(again(undoOf(ticket, false))).await(t)
	require.Equal(t, []kitchen.AckKind{kitchen.AckDone, kitchen.AckUndone, kitchen.AckUndone}, log.kinds(), "all of that ticket's life was seen")

	require.NoError(t, bob.Start(t.Context(), late.TicketID))
	require.NoError(t, bob.Done(t.Context(), late.TicketID))
	require.Equal(t, late.TicketID, log.last(kitchen.AckUndone).TicketID)
	require.Zero(t, log.last(kitchen.AckUndone).Scrapped)
}

func TestWhatAnUndoTicketUndoesIsNotForgotten(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
	bob.deliver(undoOf(ticket, false))
	bob.pass(3 * time.Hour)
	require.Equal(t, 15, bob.Tickets()[0].ToScrap())
	require.Equal(t, "eve", bob.Tickets()[0].WorkBy)
}

func TestARobotStopsWhenItsTicketIsWithdrawnAndUndoesItFirst(t *testing.T) {
	t.Parallel()
	log, arm := newLog(t, "arm")
	first, second := newTicket(t), newTicket(t)
	arm.deliver(first)
	arm.deliver(second)
	arm.expect(Offered)
	arm.expect(Offered)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	robot := &Robot{Station: arm.Station, WorkTime: time.Hour, FailRate: 1}
	go func() { ended <- robot.Run(ctx) }()
	require.Equal(t, first.TicketID, arm.expect(Started).Item.Ticket.TicketID)
	undo := undoOf(first, false)
	arm.deliver(undo)
	arm.expect(Withdrawn)
	arm.expect(Offered)
	require.Equal(t, undo.TicketID, arm.expect(Started).Item.Ticket.TicketID, "an undo ticket comes first")
	require.NoError(t, arm.Done(t.Context(), undo.TicketID)) // somebody helps the robot, which would take an hour
	arm.expect(Answered)
	require.Equal(t, second.TicketID, arm.expect(Started).Item.Ticket.TicketID)
	log.write(typed(second, kitchen.AckDone, "eve"), "")
	arm.expect(Answered)
	cancel()
	require.NoError(t, <-ended)
}

// The robot's time may be over just when its ticket is withdrawn.
func TestARobotDoesNotComplainOfAWithdrawnTicket(t *testing.T) {
	t.Parallel()
	for name, complains := range map[string]bool{"withdrawn": false, "done by somebody else": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, arm := newLog(t, "arm")
			var logged bytes.Buffer
			arm.config.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			ticket := newTicket(t)
			arm.deliver(ticket)
			item, _, err := arm.startNext(t.Context(), t.Context(), true)
			require.NoError(t, err)
			if complains {
				log.write(typed(ticket, kitchen.AckDone, "eve"), "")
			} else {
				arm.deliver(undoOf(ticket, false))
			}
			robot := &Robot{Station: arm.Station}
			robot.setDefaults()
			robot.work(t.Context(), item, nil, t.Context())
			require.Equal(t, complains, strings.Contains(logged.String(), "did not count"), logged.String())
		})
	}
}

// A robot that takes no time is always about to publish done.
func TestARobotWithoutWorkTimeIsCancelledWithoutARace(t *testing.T) {
	t.Parallel()
	log, arm := newLog(t, "arm")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&Robot{Station: arm.Station, Parallel: 4, FailRate: 0}).Run(ctx) }()
	go func() {
		for { // nobody looks at these events
			select {
			case <-arm.events:
			case <-ctx.Done():
				return
			}
		}
	}()
	const orders = 300
	var undos []*fakeDelivery
	for range orders {
		ticket := newTicket(t)
		arm.deliver(ticket)
		undos = append(undos, arm.deliver(undoOf(ticket, false)))
	}
	for _, undo := range undos {
		undo.await(t)
	}
	cancel()
	require.NoError(t, <-ended)
	require.Empty(t, arm.Tickets())
	log.mu.Lock()
	defer log.mu.Unlock()
	made, undone := map[string]bool{}, 0
	for _, ack := range log.acks {
		switch ack.Kind {
		case kitchen.AckDone:
			made[ack.OrderID] = true
		case kitchen.AckUndone:
			undone++
			require.False(t, made[ack.OrderID] && ack.Scrapped == 0, "cupcakes were made and not put away")
			delete(made, ack.OrderID)
		}
	}
	require.Equal(t, orders, undone)
	require.Empty(t, made, "cupcakes were made after they were undone")
}

func TestAnErrorOfAWithdrawnTicketNamesNoOrder(t *testing.T) {
	t.Parallel()
	require.EqualError(t, &WithdrawnError{}, "withdrawn: this work was cancelled")
	require.False(t, errors.Is(&WithdrawnError{}, ErrNotHere))
}

// Whoever puts back what has failed before may leave something, too.
func TestWorkThatWasPutBackAfterAFailureNeedsHands(t *testing.T) {
	t.Parallel()
	_, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	bob.start(ticket)
	require.NoError(t, bob.Fail(t.Context(), ticket.TicketID, "dropped", "", 0))
	bob.expect(Answered)
	ticket = again(ticket)
	bob.deliver(ticket)
	bob.expect(Offered)
	bob.start(ticket)
	require.NoError(t, bob.Release(t.Context(), ticket.TicketID))
	bob.expect(PutBack)
	bob.deliver(undoOf(ticket, false))
	bob.expect(Withdrawn)
	offered := bob.expect(Offered).Item
	require.Equal(t, kitchen.TicketStarted, offered.Work)
	require.Equal(t, "bob", offered.WorkBy)
}

// Its claim may lie further back than a station reads that has just started, however
// often the ticket was issued again since.
func TestWhoeverIsSilentForLongMayStillHaveBegun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		age   time.Duration
		needs bool
	}{{10 * time.Hour, true}, {3 * time.Hour, false}} {
		log, _ := newLog(t, "bob")
		log.write(typed(newTicket(t), kitchen.AckDone, "eve"), "")
		mia := log.station("mia") // who reads five hours back
		ticket := newTicket(t)
		ticket.Attempt, ticket.Since = 9, time.Now().Add(-test.age)
		mia.deliver(ticket)
		mia.expect(Offered)
		undo := mia.deliver(undoOf(ticket, false))
		mia.expect(Withdrawn)
		if test.needs {
			mia.expect(Offered)
		} else {
			undo.await(t)
		}
	}
}

// A failure that names an earlier attempt leaves a ticket open that was issued again
// before, also if the order is made anew because of it.
func TestWhatWaitsLeavesWhenItsOrderIsMadeAnew(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	bob.deliver(again(ticket))
	failed := typed(ticket, kitchen.AckFailed, "kcat")
	failed.Attempt = 1
	log.write(failed, "")
	bob.expect(Answered)
	bob.deliver(again(ticket)) // it is delivered to a station that has just got the partition
	bob.expect(Offered)
	ref := ticket.Ref()
	ref.Pass = 2
	remake := ticket
	remake.TicketID, remake.Pass = ref.TicketID(), 2
	bob.deliver(remake)
	withdrawn := bob.expect(Withdrawn)
	require.False(t, withdrawn.Cancelled)
	require.Equal(t, ticket.TicketID, withdrawn.Item.Ticket.TicketID)
	require.Equal(t, remake.TicketID, bob.expect(Offered).Item.Ticket.TicketID)
	bob.deliver(again(ticket)).await(t)
	bob.expectNothing()
}
