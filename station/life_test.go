package station

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// inBubble runs a test in which time passes only when everybody waits.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

func TestWorkInHandIsRenewedUntilItEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		log, bob := newLog(t, "bob")
		ticket, _ := bob.offerNew() // an hour for its ack
		bob.start(ticket)
		startedAt := log.acks[0].At
		time.Sleep(20*time.Minute - 1)
		synctest.Wait()
		require.Len(t, log.kinds(), 1)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Len(t, log.kinds(), 2)
		bob.deliver(again(ticket))
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckStarted}, log.kinds())
		renewal := log.last(kitchen.AckStarted)
		require.True(t, renewal.StartedAt.Equal(startedAt))
		require.Equal(t, 2, renewal.Attempt)
		require.False(t, renewal.TakeOver)
		bob.expectNothing()

		require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
		require.True(t, log.last(kitchen.AckDone).StartedAt.Equal(startedAt))
		time.Sleep(24 * time.Hour)
		require.Len(t, log.kinds(), 4, "nothing is renewed that has ended")
	})
}

func TestARenewalIsMadeUpForWhenKafkaWasAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		log, bob := newLog(t, "bob")
		ticket, _ := bob.offerNew()
		var away atomic.Bool
		log.refuse = func(kitchen.Ack) (error, bool) {
			if away.Load() {
				return errAway, false
			}
			return nil, false
		}
		bob.start(ticket)
		away.Store(true)
		time.Sleep(50 * time.Minute)
		require.Len(t, log.kinds(), 1)
		away.Store(false)
		time.Sleep(retryAtMost)
		synctest.Wait()
		require.Len(t, log.kinds(), 2)
		bob.expectNothing()
	})
}

// In each case the ticket leaves the hand, and nothing about it is renewed.
func TestNothingIsRenewedThatIsNotInHandAnyMore(t *testing.T) {
	for name, leave := range map[string]func(log *fakeLog, bob *fakeStation, ticket kitchen.Ticket){
		"put back": func(_ *fakeLog, bob *fakeStation, ticket kitchen.Ticket) {
			require.NoError(bob.t, bob.Release(bob.t.Context(), ticket.TicketID))
		},
		"taken over": func(log *fakeLog, _ *fakeStation, ticket kitchen.Ticket) {
			taken := typed(ticket, kitchen.AckStarted, "eve")
			taken.TakeOver, taken.From = true, "bob"
			log.write(taken, "")
		},
		"taken up at another station": func(log *fakeLog, _ *fakeStation, ticket kitchen.Ticket) {
			log.write(typed(ticket, kitchen.AckStarted, "bob"), "")
		},
		"failed": func(_ *fakeLog, bob *fakeStation, ticket kitchen.Ticket) {
			require.NoError(bob.t, bob.Fail(bob.t.Context(), ticket.TicketID, "burnt", "", 0))
		},
		"withdrawn": func(_ *fakeLog, bob *fakeStation, ticket kitchen.Ticket) { bob.deliver(undoOf(ticket, false)) },
		"stopped":   func(_ *fakeLog, bob *fakeStation, _ kitchen.Ticket) { bob.cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				log, bob := newLog(t, "bob")
				ticket, _ := bob.offerNew()
				bob.start(ticket)
				leave(log, bob, ticket)
				synctest.Wait()
				before := log.kinds()
				time.Sleep(3 * time.Hour)
				synctest.Wait()
				require.Equal(t, before, log.kinds())
			})
		})
	}
}

// A renewal that gets to the log after a released would claim the ticket again.
func TestWhatIsPutBackIsNotRenewedAtTheSameTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		log, bob := newLog(t, "bob")
		ticket, _ := bob.offerNew()
		reached, goOn := make(chan struct{}), make(chan struct{})
		log.before = func(ack kitchen.Ack) {
			if isRenewal(ack) {
				close(reached)
				<-goOn
			}
		}
		bob.start(ticket)
		<-reached
		result := make(chan error, 1)
		go func() { result <- bob.Release(t.Context(), ticket.TicketID) }()
		synctest.Wait()
		require.Len(t, log.kinds(), 1, "the renewal goes first")
		close(goOn)
		require.NoError(t, <-result)
		require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckReleased}, log.kinds())
		require.Equal(t, Waiting, bob.Tickets()[0].State)
	})
}

func TestARobotRenewsWhatTakesItLong(t *testing.T) {
	for name, c := range map[string]struct {
		workTime time.Duration
		kinds    []kitchen.AckKind
	}{
		"long": {50 * time.Minute, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckStarted, kitchen.AckDone}},
		"none": {0, []kitchen.AckKind{kitchen.AckDone}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				log, arm := newLog(t, "arm")
				arm.deliver(newTicket(t))
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- (&Robot{Station: arm.Station, WorkTime: c.workTime}).Run(ctx) }()
				time.Sleep(3 * time.Hour)
				cancel()
				require.NoError(t, <-ended)
				require.Equal(t, c.kinds, log.kinds())
			})
		})
	}
}

// Its work is somebody else's by now, so it neither ends nor fails it.
func TestARobotStopsWhenItsTicketIsTakenOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		log, arm := newLog(t, "arm")
		ticket, _ := arm.offerNew()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- (&Robot{Station: arm.Station, WorkTime: time.Minute, FailRate: 1}).Run(ctx) }()
		arm.expect(Started)
		taken := typed(ticket, kitchen.AckStarted, "eve")
		taken.TakeOver, taken.From = true, "arm"
		log.write(taken, "")
		lost := arm.expect(StartedElsewhere)
		require.Equal(t, InHand, lost.Was)
		require.Equal(t, "eve", lost.Ack.By)
		time.Sleep(10 * time.Minute)
		require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted}, log.kinds())
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestWhatIsPutBackWaitsAgain(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob, eve := log.station("bob"), log.station("eve")
	ticket, delivery := bob.offerNew()
	eve.deliver(ticket)
	eve.expect(Offered)
	require.ErrorIs(t, bob.Release(t.Context(), ticket.TicketID), ErrNotStarted)
	bob.start(ticket)
	eve.expect(StartedElsewhere)
	requireTaken(t, eve.Release(t.Context(), ticket.TicketID), "bob", kitchen.AckStarted)
	over := bob.jobs[ticket.TicketID].over

	require.NoError(t, bob.Release(t.Context(), ticket.TicketID))
	<-over
	put := bob.expect(PutBack)
	require.True(t, put.Mine)
	require.Equal(t, InHand, put.Was)
	require.Equal(t, Waiting, put.Item.State)
	put = eve.expect(PutBack)
	require.False(t, put.Mine)
	require.Equal(t, "bob", put.Ack.By)
	require.False(t, delivery.finished(), "it is still to be done")
	require.ErrorIs(t, bob.Fail(t.Context(), ticket.TicketID, "burnt", "", 0), ErrNotStarted)
	eve.start(ticket)
	require.NoError(t, eve.Done(t.Context(), ticket.TicketID))
	require.ErrorIs(t, bob.Release(t.Context(), ticket.TicketID), ErrNotHere)
	require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckStarted, kitchen.AckDone}, log.kinds())
}

// Whatever the log has when the released gets there decides.
func TestPuttingBackTellsWhatTheLogMadeOfIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(log *fakeLog, bob *fakeStation, ticket kitchen.Ticket)
		check     func(t *testing.T, err error)
	}{
		"taken over": {
			func(log *fakeLog, _ *fakeStation, ticket kitchen.Ticket) {
				taken := typed(ticket, kitchen.AckStarted, "eve")
				taken.TakeOver, taken.From = true, "bob"
				log.write(taken, "")
			},
			func(t *testing.T, err error) { requireTaken(t, err, "eve", kitchen.AckStarted) },
		},
		"done": {
			func(log *fakeLog, _ *fakeStation, ticket kitchen.Ticket) {
				log.write(typed(ticket, kitchen.AckDone, "eve"), "")
			},
			func(t *testing.T, err error) { requireTaken(t, err, "eve", kitchen.AckDone) },
		},
		"cancelled": {
			func(_ *fakeLog, bob *fakeStation, ticket kitchen.Ticket) { bob.deliver(undoOf(ticket, false)) },
			func(t *testing.T, err error) { requireWithdrawn(t, err, 2) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, bob := newLog(t, "bob")
			ticket, _ := bob.offerNew()
			bob.start(ticket)
			log.before = func(ack kitchen.Ack) {
				if ack.Kind == kitchen.AckReleased {
					log.before = nil
					c.meanwhile(log, bob, ticket)
				}
			}
			c.check(t, bob.Release(t.Context(), ticket.TicketID))
		})
	}
}

// Somebody began, so something may have to be put away.
func TestWhatWasPutBackNeedsHandsWhenItsOrderIsCancelled(t *testing.T) {
	t.Parallel()
	_, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	bob.start(ticket)
	require.NoError(t, bob.Release(t.Context(), ticket.TicketID))
	bob.expect(PutBack)
	bob.deliver(undoOf(ticket, false))
	bob.expect(Withdrawn)
	offered := bob.expect(Offered).Item
	require.Equal(t, "bob", offered.WorkBy)
	require.Equal(t, 15, offered.ToScrap())
}

func TestOnlyOneOfTwoTakesATicketOver(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob, mia := log.station("bob"), log.station("mia")
	ticket, _ := bob.offerNew()
	log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
	bob.expect(StartedElsewhere)
	mia.deliver(ticket)
	mia.expect(StartedElsewhere)
	log.before = func(kitchen.Ack) {
		log.before = nil
		require.NoError(t, mia.TakeOver(t.Context(), ticket.TicketID))
	}
	requireTaken(t, bob.TakeOver(t.Context(), ticket.TicketID), "mia", kitchen.AckStarted)
	require.Equal(t, InHand, mia.Tickets()[0].State)
	require.Equal(t, "mia", bob.Tickets()[0].By)

	require.NoError(t, bob.TakeOver(t.Context(), ticket.TicketID))
	lost := mia.expect(Started)
	require.Equal(t, "mia", lost.Item.By)
	lost = mia.expect(StartedElsewhere)
	require.Equal(t, InHand, lost.Was)
	require.Equal(t, "bob", lost.Ack.By)
	requireTaken(t, mia.Fail(t.Context(), ticket.TicketID, "burnt", "", 1), "bob", kitchen.AckStarted)
	require.NotContains(t, log.kinds(), kitchen.AckFailed)
}

func TestTakingOverWhatIsPutBackMeanwhileStartsIt(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
	log.before = func(kitchen.Ack) {
		log.before = nil
		log.write(typed(ticket, kitchen.AckReleased, "eve"), "")
	}
	require.NoError(t, bob.TakeOver(t.Context(), ticket.TicketID))
	require.Equal(t, InHand, bob.Tickets()[0].State)
	require.NoError(t, bob.TakeOver(t.Context(), ticket.TicketID), "what is in hand already stays so")
}

// The failure was on its way when the ticket was lost.
func TestAFailureOfWhatIsNotInHandAnyMoreDoesNotCount(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, delivery := bob.offerNew()
	bob.start(ticket)
	log.before = func(ack kitchen.Ack) {
		log.before = nil
		taken := typed(ticket, kitchen.AckStarted, "eve")
		taken.TakeOver, taken.From = true, "bob"
		log.write(taken, "")
	}
	requireTaken(t, bob.Fail(t.Context(), ticket.TicketID, "burnt", "", 1), "eve", kitchen.AckStarted)
	require.Equal(t, "eve", bob.Tickets()[0].By)
	require.False(t, delivery.finished())
}

func TestAnOwnerWhoIsNotHeardOfIsSilent(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
	bob.expect(StartedElsewhere)
	bob.pass(time.Hour)
	require.False(t, bob.Tickets()[0].Silent)
	bob.pass(1)
	silent := bob.expect(OwnerSilent).Item
	require.True(t, silent.Silent)
	require.True(t, silent.HeardAt.Equal(log.messages[0].Time))
	require.True(t, bob.Tickets()[0].Silent)
	bob.pass(time.Minute)
	bob.expectNothing()

	log.write(typed(ticket, kitchen.AckStarted, "eve"), "") // she is back
	require.False(t, bob.Tickets()[0].Silent)
	bob.expectNothing()
	bob.pass(2 * time.Hour)
	bob.expect(OwnerSilent)

	bob.deliver(again(ticket))
	require.True(t, bob.Tickets()[0].Silent, "an order says nothing of an owner")
	mia := log.station("mia")
	mia.deliver(again(ticket))
	require.False(t, mia.expect(StartedElsewhere).Item.Silent, "as far as mia, who has just come, can know")
	mia.pass(time.Hour + 1)
	mia.expect(OwnerSilent)
}

// Bob works at two stations, or comes back to one.
func TestATicketOfOnesOwnNameIsAnsweredFromAnywhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(bob *fakeStation, ticketID string) error
		kind   kitchen.AckKind
		seen   EventKind
	}{
		"done": {func(bob *fakeStation, ticketID string) error { return bob.Done(bob.t.Context(), ticketID) }, kitchen.AckDone, Answered},
		"failed": {func(bob *fakeStation, ticketID string) error {
			return bob.Fail(bob.t.Context(), ticketID, "burnt", "", 3)
		}, kitchen.AckFailed, Answered},
		"put back": {func(bob *fakeStation, ticketID string) error { return bob.Release(bob.t.Context(), ticketID) }, kitchen.AckReleased, PutBack},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &fakeLog{t: t}
			before, now := log.station("bob"), log.station("bob")
			ticket, _ := before.offerNew()
			before.start(ticket)
			now.deliver(ticket)
			now.expect(StartedElsewhere)
			require.NoError(t, c.answer(now, ticket.TicketID))
			seen := before.expect(c.seen)
			require.Equal(t, InHand, seen.Was)
			require.False(t, seen.Mine)
			require.True(t, now.expect(c.seen).Mine)
			require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, c.kind}, log.kinds())
			if c.kind.Ends() {
				require.True(t, log.acks[1].StartedAt.Equal(log.acks[0].At), "the work began at the other station")
				require.Empty(t, now.Tickets())
			}
		})
	}
}

// An answer that is given up leaves the ticket where it was.
func TestAnAnswerFromAfarThatIsGivenUpChangesNothing(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	before, now := log.station("bob"), log.station("bob")
	ticket, _ := before.offerNew()
	before.start(ticket)
	now.deliver(ticket)
	now.expect(StartedElsewhere)
	log.refuse = func(kitchen.Ack) (error, bool) { return errAway, false }
	ctx, cancel := context.WithCancel(t.Context())
	log.before = func(kitchen.Ack) { cancel() }
	require.ErrorIs(t, now.Done(ctx, ticket.TicketID), errAway)
	require.Equal(t, Elsewhere, now.Tickets()[0].State)
	require.Equal(t, InHand, before.Tickets()[0].State)
}

// A renewal is no claim: the other station goes on, and this one does not lose its
// work to it.
func TestRenewalsOfOneNameTakeNothingFromEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		log := &fakeLog{t: t}
		before, now := log.station("bob"), log.station("bob")
		ticket, _ := before.offerNew()
		before.start(ticket)
		now.deliver(ticket)
		now.expect(StartedElsewhere)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, log.kinds(), 4)
		require.Equal(t, InHand, before.Tickets()[0].State)
		now.start(ticket)
		before.expect(StartedElsewhere)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, log.kinds(), 8, "only one of them renews")
		require.Equal(t, InHand, now.Tickets()[0].State)
		require.Equal(t, Elsewhere, before.Tickets()[0].State)
		require.True(t, now.Tickets()[0].StartedAt.Equal(log.acks[0].At))
	})
}

// refused is a worker's ack that takes back the newest in the log.
func (l *fakeLog) refused(ticket kitchen.Ticket) {
	l.mu.Lock()
	at := int64(len(l.acks) - 1)
	l.mu.Unlock()
	ack := typed(ticket, kitchen.AckRefused, "worker")
	ack.Offset = &at
	l.write(ack, "")
}

func TestAnEndThatIsRefusedBringsItsTicketBack(t *testing.T) {
	t.Parallel()
	for _, kind := range []kitchen.AckKind{kitchen.AckDone, kitchen.AckFailed} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			log, bob := newLog(t, "bob")
			ticket, delivery := bob.offerNew()
			ghost := typed(ticket, kind, "ghost")
			ghost.Attempt = 7
			log.write(ghost, "")
			bob.expect(Answered)
			require.Empty(t, bob.Tickets())
			log.refused(ticket)
			offered := bob.expect(Offered).Item
			require.Equal(t, 1, offered.Number)
			require.Nil(t, offered.LastFailure)
			require.True(t, delivery.finished(), "its order waits for it, so it is issued again")
			require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
			require.NoError(t, bob.Done(t.Context(), ticket.TicketID))

			bob.expect(Started)
			bob.expect(Answered)
			another, d := bob.offerNew()
			log.write(typed(another, kind, "ghost"), "")
			d.revoke()
			log.refused(another)
			require.Empty(t, bob.Tickets(), "its partition is not ours any more")
		})
	}
}

func TestAnEndThatIsRefusedComesBackToItsOwner(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob, eve := log.station("bob"), log.station("eve")
	ticket, _ := bob.offerNew()
	bob.start(ticket)
	eve.deliver(ticket)
	eve.expect(StartedElsewhere)
	log.write(typed(ticket, kitchen.AckDone, "ghost"), "")
	bob.expect(Answered)
	eve.expect(Answered)
	log.refused(ticket)
	require.Equal(t, "bob", bob.expect(StartedElsewhere).Ack.By)
	require.Equal(t, "bob", eve.expect(StartedElsewhere).Ack.By)
	require.NoError(t, bob.Done(t.Context(), ticket.TicketID), "though its hand is not told again")
}

func TestAStartThatIsRefusedIsNotInHand(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	bob.start(ticket)
	log.refused(ticket)
	put := bob.expect(PutBack)
	require.Equal(t, InHand, put.Was)
	require.Equal(t, kitchen.AckRefused, put.Ack.Kind)
	require.Equal(t, Waiting, bob.Tickets()[0].State)
}

// An undone of an undo ticket that was never issued withdraws nothing.
func TestAnUndoneThatIsRefusedBringsBackWhatItWithdrew(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket, _ := bob.offerNew()
	undo := undoOf(ticket, false)
	log.write(typed(undo, kitchen.AckUndone, "ghost"), "")
	require.True(t, bob.expect(Withdrawn).Cancelled)
	log.refused(undo)
	require.Equal(t, ticket.TicketID, bob.expect(Offered).Item.Ticket.TicketID)
	require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
}

// An end that lies before its ticket may be refused yet, so nobody repeats it.
func TestAnEndBeforeItsBeginningIsNotRepeated(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	ticket := newTicket(t)
	log.write(typed(ticket, kitchen.AckDone, "ghost"), "")
	require.True(t, bob.deliver(ticket).finished())
	require.Len(t, log.kinds(), 1)
	bob.expectNothing()
	log.refused(ticket)
	require.Equal(t, Waiting, bob.expect(Offered).Item.State)
}

func TestTicketsAreWorkedOnOldestFirst(t *testing.T) {
	t.Parallel()
	_, arm := newLog(t, "arm")
	young := newTicket(t)
	old := newTicket(t)
	old.Since = old.IssuedAt.Add(-time.Hour)
	same := newTicket(t)
	same.Since = old.Since
	undo := undoOf(newTicket(t), true)
	var want []string
	for _, ticket := range []kitchen.Ticket{young, old, same, undo} {
		arm.deliver(ticket)
		arm.expect(Offered)
	}
	for _, ticket := range []kitchen.Ticket{undo, old, same, young} {
		want = append(want, ticket.TicketID)
	}
	arm.deliver(again(old))
	var listed []string
	for _, item := range arm.Tickets() {
		listed = append(listed, item.Ticket.TicketID)
	}
	require.Equal(t, want, listed)
	var started []string
	for range want {
		item, _, err := arm.startNext(t.Context(), t.Context(), true)
		require.NoError(t, err)
		started = append(started, item.Ticket.TicketID)
	}
	require.Equal(t, want, started)
}

// The group takes only so many messages from the first unfinished one on.
func TestWorkThatTakesLongDoesNotStopItsPartition(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t}
	bob := log.station("bob")
	here, elsewhere, waiting := newTicket(t), newTicket(t), newTicket(t)
	var deliveries []*fakeDelivery
	for _, ticket := range []kitchen.Ticket{here, elsewhere, waiting} {
		deliveries = append(deliveries, bob.deliver(ticket))
		bob.expect(Offered)
	}
	bob.start(here)
	log.write(typed(elsewhere, kitchen.AckStarted, "eve"), "")
	bob.expect(StartedElsewhere)
	for range maxInFlight/2 - 3 {
		bob.offerNew()
	}
	require.False(t, deliveries[0].finished())
	bob.offerNew()
	require.True(t, deliveries[0].finished())
	require.False(t, deliveries[1].finished())
	bob.offerNew()
	require.True(t, deliveries[1].finished())
	bob.offerNew()
	require.False(t, deliveries[2].finished(), "what waits is not let go")
	require.NoError(t, bob.Start(t.Context(), waiting.TicketID))
	require.True(t, deliveries[2].finished(), "but once somebody has it")

	require.Len(t, bob.Tickets(), maxInFlight/2+3)
	log.write(typed(elsewhere, kitchen.AckReleased, "eve"), "")
	require.NoError(t, bob.Start(t.Context(), elsewhere.TicketID), "and all of them stay here")
	for _, ticket := range []kitchen.Ticket{here, elsewhere, waiting} {
		require.NoError(t, bob.Done(t.Context(), ticket.TicketID))
	}
	deliveries[0].revoke()
}

// A full partition of work in hand elsewhere lets the next ticket come.
func TestAPartitionFullOfTicketsInOtherHandsGoesOn(t *testing.T) {
	t.Parallel()
	log, bob := newLog(t, "bob")
	var deliveries []*fakeDelivery
	for range maxInFlight {
		ticket, d := bob.offerNew()
		log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
		bob.expect(StartedElsewhere)
		deliveries = append(deliveries, d)
	}
	open := 0
	for _, d := range deliveries {
		if !d.finished() {
			open++
		}
	}
	require.Equal(t, maxInFlight/2, open)
	require.Len(t, bob.Tickets(), maxInFlight)
}

func TestWhatAnAckMeansIsWhatTheBoardSays(t *testing.T) {
	t.Parallel()
	startedAt := time.Now()
	for name, c := range map[string]struct {
		effect       board.Effect
		by           string
		own, renewal bool
		want         input
	}{
		"our claim":                      {board.Claimed, "bob", true, false, ownedHere},
		"somebody else's":                {board.Claimed, "eve", false, false, ownedElsewhere},
		"ours at another station":        {board.Claimed, "bob", false, false, ownedElsewhere},
		"our renewal that came too late": {board.Claimed, "bob", true, true, ownedElsewhere},
		"we took it over":                {board.TookOver, "bob", true, false, ownedHere},
		"they took it over":              {board.TookOver, "eve", false, false, ownedElsewhere},
		"our renewal":                    {board.Renewed, "bob", true, true, ""},
		"our second claim":               {board.Renewed, "bob", true, false, ownedHere},
		"our claim at another station":   {board.Renewed, "bob", false, false, ownedElsewhere},
		"our renewal at another station": {board.Renewed, "bob", false, true, ""},
		"their renewal":                  {board.Renewed, "eve", false, false, ""},
		"put back":                       {board.Released, "eve", false, false, freed},
		"failed":                         {board.Failed, "eve", false, false, ended},
		"ended":                          {board.Ended, "eve", false, false, ended},
		"stale":                          {board.Stale, "eve", false, false, ""},
		"not to be judged yet":           {board.Unjudged, "eve", false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ack := kitchen.Ack{Kind: kitchen.AckStarted, By: c.by}
			if c.renewal {
				ack.StartedAt = &startedAt
			}
			require.Equal(t, c.want, causeOfAck(c.effect, ack, "bob", c.own).input)
		})
	}
}

func TestWhatAChangeOfMindMeans(t *testing.T) {
	t.Parallel()
	ack := &kitchen.Ack{}
	waiting, failed, done := board.Entry{State: kitchen.TicketWaiting}, board.Entry{State: kitchen.TicketFailed, Ack: ack}, board.Entry{State: kitchen.TicketDone, Ack: ack}
	claimed := board.Entry{State: kitchen.TicketStarted, Ack: ack, Heard: board.Heard{Offset: 1}}
	another := board.Entry{State: kitchen.TicketStarted, Ack: ack, Heard: board.Heard{Offset: 2}}
	for _, c := range []struct {
		before, now board.Entry
		want        input
	}{
		{claimed, claimed, ""},
		{claimed, another, ownedElsewhere},
		{waiting, claimed, ownedElsewhere},
		{claimed, waiting, freed},
		{waiting, waiting, ""},
		{failed, waiting, ""},
		{claimed, failed, ended},
		{waiting, done, ended},
	} {
		require.Equal(t, c.want, causeOfChange(c.before, c.now, nil).input, "from %s to %s", c.before.State, c.now.State)
	}
}

// The station of whoever had begun it has died.
func TestARobotTakesOverFromWhoIsSilent(t *testing.T) {
	for name, workTime := range map[string]time.Duration{"WithWork": time.Minute, "WithoutWorkTime": 0} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				log, arm := newLog(t, "arm")
				ticket, _ := arm.offerNew()
				log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
				arm.expect(StartedElsewhere)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- (&Robot{Station: arm.Station, WorkTime: workTime}).Run(ctx) }()
				arm.pass(time.Hour)
				time.Sleep(time.Second)
				require.Equal(t, []kitchen.AckKind{kitchen.AckStarted}, log.kinds())
				arm.pass(1)
				arm.expect(OwnerSilent)
				taken := arm.expect(Started)
				require.Equal(t, Elsewhere, taken.Was)
				time.Sleep(workTime + time.Second)
				require.Equal(t, kitchen.AckDone, arm.expect(Answered).Ack.Kind)
				cancel()
				require.NoError(t, <-ended)
			})
		})
	}
}
