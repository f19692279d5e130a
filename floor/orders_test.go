package floor

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// followedOrder is an order that is followed, by the clock of a synctest bubble.
type followedOrder struct {
	t        *testing.T
	floor    *Floor
	follower *Follower

	mu        sync.Mutex      // guards what follows
	asked     []time.Duration // since the beginning
	status    kitchen.Status
	err       error
	meanwhile func()
}

func followOrder(t *testing.T, status kitchen.Status, err error) *followedOrder {
	t.Helper()
	o := &followedOrder{t: t, status: status, err: err}
	began := time.Now()
	o.floor = newTestFloorWith(t, &testOrders{status: func(string) (kitchen.Status, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked = append(o.asked, time.Since(began))
		status, err := o.status, o.err
		if meanwhile := o.meanwhile; meanwhile != nil {
			o.meanwhile = nil
			meanwhile()
		}
		return status, err
	}})
	o.follower, _, err = o.floor.Follow(ChannelOrder+testOrderID(1), "", asleep)
	require.NoError(t, err)
	synctest.Wait()
	t.Cleanup(o.floor.orders.stop)
	return o
}

// set sets where the order stands, and forgets when it was asked about.
func (o *followedOrder) set(status kitchen.Status, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked, o.status, o.err = nil, status, err
}

// during sets what happens during the next question.
func (o *followedOrder) during(meanwhile func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.meanwhile = meanwhile
}

// wasAsked is when the order was asked about since set.
func (o *followedOrder) wasAsked() []time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.asked)
}

// after is what the follower has got when some time has passed.
func (o *followedOrder) after(wait time.Duration) []wire.LiveMessage {
	o.t.Helper()
	time.Sleep(wait) // by the bubble's clock
	synctest.Wait()
	return messagesOf(o.t, o.follower)
}

// next is the only snapshot that the follower has got, without anybody waiting.
func (o *followedOrder) next() kitchen.Status {
	o.t.Helper()
	messages := o.after(0)
	require.Len(o.t, messages, 1)
	require.Equal(o.t, wire.LiveMessageTypeSnapshot, messages[0].Type)
	return messages[0].Order
}

func (o *followedOrder) tell(status kitchen.Status) { tell(o.t, o.floor, status.ForLog(morning)) }

func (o *followedOrder) ack(kind kitchen.AckKind, by string) events.Message {
	ack := ackOf(mixOf(1), kind, morning)
	ack.By = by
	return o.append(events.TopicAcks, ack)
}

func (o *followedOrder) append(topic string, value any) events.Message {
	m := record(o.t, topic, morning, value)
	o.floor.handle(m)
	return m
}

func tell(t require.TestingT, f *Floor, told kitchen.LoggedStatus) {
	f.handle(record(t, events.TopicStatus, morning, told))
}

func mixOf(order int) kitchen.TicketRef {
	return kitchen.TicketRef{OrderID: testOrderID(order), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
}

// waitingForMix is an order whose first ticket is out.
func waitingForMix(version int64) kitchen.Status {
	return kitchen.Status{
		ID: testOrderID(1), PickupCode: "K7QF", State: kitchen.StateInProgress, Route: kitchen.Stages(), Stage: kitchen.Mix, WaitingFor: kitchen.Mix,
		Customer: kitchen.Customer{Name: "Ada"}, Notes: "ring the bell", Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeL, Quantity: 2, Message: "Hi"}},
		Stages:   []kitchen.StageStatus{{Stage: kitchen.Mix, Pass: 1, State: kitchen.TicketWaiting, Attempt: 1, IssuedAt: new(morning)}},
		PlacedAt: morning, Version: version,
	}
}

// waitingForBake is the same order a step later.
func waitingForBake(version int64) kitchen.Status {
	status := waitingForMix(version)
	status.Stage, status.WaitingFor = kitchen.Bake, kitchen.Bake
	status.Stages[0].State, status.Stages[0].By, status.Stages[0].DoneAt = kitchen.TicketDone, "bob", new(morning)
	status.Stages = append(status.Stages, kitchen.StageStatus{Stage: kitchen.Bake, Pass: 1, State: kitchen.TicketWaiting, Attempt: 1, IssuedAt: new(morning)})
	return status
}

func TestAnOrderIsAskedAboutOnceAndThenTheLogTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(10), nil)
		require.Equal(t, waitingForMix(10), o.next())
		require.Len(t, o.wasAsked(), 1)
		o.set(kitchen.Status{}, errors.New("nobody asks"))

		o.append(events.TicketTopic(kitchen.Mix), floortest.Ticket(mixOf(1), 1))
		require.Empty(t, o.after(0), "it is known")
		o.ack(kitchen.AckStarted, "eve")
		started := o.next().Stages[0]
		require.Equal(t, []any{kitchen.TicketStarted, "eve", new(morning)}, []any{started.State, started.By, started.StartedAt})
		o.ack(kitchen.AckStarted, "bob")
		require.Empty(t, o.after(0), "eve has it")
		o.append(events.TicketTopic(kitchen.Mix), floortest.Ticket(mixOf(1), 3))
		require.Equal(t, 3, o.next().Stages[0].Attempt)
		o.ack(kitchen.AckReleased, "eve")
		require.Equal(t, kitchen.TicketWaiting, o.next().Stages[0].State)
		o.ack(kitchen.AckDone, "bob")
		done := o.next()
		require.Equal(t, []any{kitchen.TicketDone, "bob", new(morning)}, []any{done.Stages[0].State, done.Stages[0].By, done.Stages[0].DoneAt})
		require.Empty(t, done.WaitingFor)

		o.tell(waitingForBake(20))
		require.Equal(t, waitingForBake(20), o.next(), "with what the log leaves out")
		o.tell(waitingForBake(20))
		o.tell(waitingForMix(15))
		require.Empty(t, o.after(0), "repeated, and late")

		shipped := waitingForBake(30)
		shipped.State, shipped.WaitingFor, shipped.ShippedAt = kitchen.StateShipped, "", new(morning)
		o.tell(shipped)
		require.Equal(t, shipped, o.next())
		o.append(events.TopicShip, kitchen.Shipped{OrderID: testOrderID(1)})
		require.Empty(t, o.after(time.Hour))
		require.Empty(t, o.wasAsked(), "it cannot change any more")
		o.follower.Leave()
		require.Empty(t, o.floor.orders.followed)
	})
}

func TestTheKeeperIsAskedAgainForDetailsThatTheLogLeavesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(10), nil)
		o.next()
		cancelling := waitingForMix(20)
		cancelling.State, cancelling.CancelReason, cancelling.Notes, cancelling.DetailsVersion = kitchen.StateCancelling, "the party is off", "do not ring", 20
		o.set(cancelling, nil)
		o.tell(cancelling)
		messages := o.after(0)
		require.Equal(t, cancelling, messages[len(messages)-1].Order)
		require.Len(t, o.wasAsked(), 1)
		later := cancelling
		later.Version = 30
		o.tell(later)
		require.Equal(t, "do not ring", o.next().Notes)
		require.Len(t, o.wasAsked(), 1, "they are known")

		amended := later
		amended.Version, amended.DetailsVersion, amended.Notes = 40, 40, "knock"
		later.Stale = true // no worker has answered, and nobody else knows
		o.set(later, nil)
		o.tell(amended)
		shown := o.after(0)
		require.Equal(t, []any{int64(40), int64(20)}, []any{shown[0].Order.Version, shown[0].Order.DetailsVersion}, "what is known at once")
		o.set(amended, nil)
		require.Equal(t, amended, o.after(orderRetry)[0].Order)
		o.set(amended, nil)
		require.Empty(t, o.after(orderRefresh-time.Second))
		require.Empty(t, o.wasAsked())
	})
}

func TestDetailsThatChangeWhileTheKeeperIsAskedAreAskedForAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(10), nil)
		o.next()
		amended := waitingForMix(20)
		amended.DetailsVersion, amended.Notes = 20, "knock"
		o.during(func() { o.tell(amended); o.status = amended }) // the answer is on its way
		messages := o.after(orderRefresh)
		require.NotEmpty(t, messages)
		require.Equal(t, "knock", messages[len(messages)-1].Order.Notes)
	})
}

func TestAnOrderThatTheLogDoesNotTellOfIsAskedAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(0), nil) // an older build's
		o.next()
		for topic, value := range map[string]any{
			events.TopicFailures: kitchen.Failed{OrderID: testOrderID(1), State: kitchen.StateNeedsAttention}, events.TopicShip: kitchen.Shipped{},
			events.TicketTopic(kitchen.Bake): floortest.Ticket(kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}, 1),
		} {
			o.set(waitingForMix(0), nil)
			m := record(t, topic, morning, value)
			m.Key = []byte(testOrderID(1))
			o.floor.handle(m)
			require.Empty(t, o.after(0))
			require.Len(t, o.wasAsked(), 1, topic)
		}
		o.set(waitingForMix(0), nil)
		o.floor.OrderChanged(testOrderID(1))
		o.after(0)
		require.Len(t, o.wasAsked(), 1, "this process has changed it")
		o.tell(waitingForMix(10))
		o.floor.OrderChanged(testOrderID(1))
		o.after(0)
		require.Len(t, o.wasAsked(), 1, "the log tells now")
		o.floor.setAway(time.Now())
		o.floor.OrderChanged(testOrderID(1))
		o.after(0)
		require.Len(t, o.wasAsked(), 2, "the log cannot tell")

		o.set(waitingForMix(10), nil)
		terminated := waitingForMix(10)
		terminated.State, terminated.WaitingFor = kitchen.StateCancelled, ""
		o.set(terminated, nil) // which no log has
		messages := o.after(orderRefresh)
		require.Equal(t, kitchen.StateCancelled, messages[len(messages)-1].Order.State)
	})
}

// What somebody has terminated in Temporal does not go on because the log has a step
// of it that Temporal's history does not show.
func TestAnAnswerThatAnOrderIsOverOutdatesTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(10), nil)
		o.next()
		o.tell(waitingForMix(20))
		require.EqualValues(t, 20, o.next().Version)
		terminated := waitingForMix(10)
		terminated.State, terminated.WaitingFor = kitchen.StateCancelled, ""
		o.set(terminated, nil)
		require.Equal(t, kitchen.StateCancelled, o.after(orderRefresh)[0].Order.State)
		o.tell(waitingForMix(20))
		require.Empty(t, o.after(0))
		o.tell(waitingForBake(30)) // it was reset in Temporal
		require.Equal(t, kitchen.Bake, o.next().WaitingFor)
	})
}

// Somebody can reset an order that has ended in Temporal: then it has more steps.
func TestAnOrderThatGoesOnAfterItsEndIsFollowedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shipped := waitingForBake(30)
		shipped.State, shipped.WaitingFor, shipped.ShippedAt = kitchen.StateShipped, "", new(morning)
		o := followOrder(t, shipped, nil)
		require.Equal(t, shipped, o.next())
		o.set(shipped, nil)
		require.Empty(t, o.after(time.Hour))
		require.Empty(t, o.wasAsked(), "it is over")

		amended := waitingForBake(40)
		amended.DetailsVersion, amended.Notes = 40, "knock"
		o.set(amended, nil)
		o.tell(amended)
		messages := o.after(0)
		require.Equal(t, amended, messages[len(messages)-1].Order)
		require.Len(t, o.wasAsked(), 1, "the log leaves details out")
		terminated := amended
		terminated.State, terminated.WaitingFor = kitchen.StateCancelled, ""
		o.set(terminated, nil)
		require.Equal(t, kitchen.StateCancelled, o.after(orderRefresh)[0].Order.State, "no log tells that")
		o.set(terminated, nil)
		o.after(time.Hour)
		require.Empty(t, o.wasAsked())
	})
}

// A ticket is written although its order's step cannot be.
func TestAnOrderIsAskedAboutIfItsTicketComesWithoutItsStep(t *testing.T) {
	t.Parallel()
	bake := mixOf(1)
	bake.Stage = kitchen.Bake
	for name, ticket := range map[string]kitchen.TicketRef{"OfTheNextStage": bake, "ThatUndoes": mixOf(1).Undo()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				next := waitingForBake(20)
				next.Stages[0].Undo = &kitchen.UndoStatus{State: kitchen.TicketWaiting, Attempt: 1}
				o := followOrder(t, waitingForMix(10), nil)
				o.next()
				o.set(next, nil)
				issue := func() { o.append(events.TicketTopic(ticket.Stage), floortest.Ticket(ticket, 1)) }
				issue()
				require.Empty(t, o.after(stepWithin-1), "the step may be on its way")
				require.Equal(t, next, o.after(1)[0].Order)
				require.Len(t, o.wasAsked(), 1)
				issue()
				o.after(stepWithin)
				require.Len(t, o.wasAsked(), 1, "it is known")
			})
		})
	}
	t.Run("ItIsLate", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := followOrder(t, waitingForMix(10), nil)
			o.next()
			o.set(kitchen.Status{}, errors.New("nobody asks"))
			o.append(events.TicketTopic(kitchen.Bake), floortest.Ticket(bake, 1))
			require.Empty(t, o.after(stepWithin-1))
			o.tell(waitingForBake(20))
			o.next()
			require.Empty(t, o.after(orderRefresh/2))
			require.Empty(t, o.wasAsked())
		})
	})
}

// No order is a day ahead of the broker, so nobody can outdate all that one tells.
func TestAVersionThatNoOrderReachesChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(10), nil)
		o.next()
		foreign := waitingForMix(morning.Add(versionAhead + time.Hour).UnixMilli())
		foreign.State = kitchen.StateNeedsAttention
		o.tell(foreign)
		require.Empty(t, o.after(0))
		o.tell(waitingForBake(20))
		require.Equal(t, kitchen.Bake, o.next().WaitingFor)
		told, known := o.floor.OrderStatus(testOrderID(1))
		require.True(t, known)
		require.EqualValues(t, 20, told.Version)
	})
}

// Anybody who can write to Kafka can tell a version that the order has not reached.
func TestAnAnswerOutdatesWhatSomebodyElseTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(10), nil)
		o.next()
		ahead := morning.UnixMilli()
		foreign := waitingForMix(ahead)
		foreign.State, foreign.DetailsVersion = kitchen.StateNeedsAttention, ahead
		o.set(waitingForMix(10), nil)
		o.tell(foreign)
		messages := o.after(0)
		require.Equal(t, waitingForMix(10), messages[len(messages)-1].Order)
		o.after(orderRefresh - time.Second)
		require.Len(t, o.wasAsked(), 1, "it is asked about once for details")
	})
}

// While the floor is behind, who has a ticket in hand is part of the keeper's answer,
// and the log cannot take it back.
func TestWhatWasAnsweredWhileTheFloorWasBehindIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(10), nil)
		o.next()
		o.floor.setAway(time.Now())
		inHand := waitingForMix(20)
		inHand.Stages[0].State, inHand.Stages[0].By, inHand.Stages[0].StartedAt = kitchen.TicketStarted, "eve", new(morning)
		o.set(inHand, nil)
		o.floor.OrderChanged(testOrderID(1))
		require.Equal(t, inHand, o.next())
		o.set(waitingForMix(20), nil)
		o.floor.setAway(time.Time{})
		require.Equal(t, waitingForMix(20), o.next())
		require.Len(t, o.wasAsked(), 1)
		o.floor.setAway(time.Now())
		o.floor.setAway(time.Time{})
		o.after(0)
		require.Len(t, o.wasAsked(), 1, "nothing was answered meanwhile")

		o.floor.setAway(time.Now())
		o.set(waitingForMix(20), nil)
		o.during(func() { o.floor.setAway(time.Time{}) })
		o.floor.OrderChanged(testOrderID(1))
		o.after(0)
		require.Len(t, o.wasAsked(), 2, "the answer may have been given before or after")
	})
}

func TestAnAckThatIsRefusedTakesItsEffectBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := followOrder(t, waitingForMix(10), nil)
		o.next()
		o.append(events.TicketTopic(kitchen.Mix), floortest.Ticket(mixOf(1), 1))
		o.ack(kitchen.AckStarted, "eve")
		o.next()
		done := o.ack(kitchen.AckDone, "bob")
		require.Equal(t, kitchen.TicketDone, o.next().Stages[0].State)
		refusal := ackOf(mixOf(1), kitchen.AckRefused, morning)
		refusal.Offset = &done.Offset
		o.append(events.TopicAcks, refusal)
		again := o.next()
		require.Equal(t, []any{kitchen.TicketStarted, "eve", kitchen.Mix}, []any{again.Stages[0].State, again.Stages[0].By, again.WaitingFor})
		require.Nil(t, again.Stages[0].DoneAt)
	})
}

func TestAnUndoTicketsOwnerIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cancelling := waitingForMix(10)
		cancelling.State = kitchen.StateCancelling
		cancelling.Stages[0].Undo = &kitchen.UndoStatus{State: kitchen.TicketWaiting, Attempt: 1, IssuedAt: new(morning)}
		o := followOrder(t, cancelling, nil)
		o.next()
		o.append(events.TopicAcks, ackOf(mixOf(1), kitchen.AckStarted, morning))
		require.Equal(t, kitchen.TicketStarted, o.next().Stages[0].State, "there is something to put away")
		o.append(events.TopicAcks, ackOf(mixOf(1).Undo(), kitchen.AckStarted, morning))
		undo := o.next().Stages[0].Undo
		require.Equal(t, []any{kitchen.TicketStarted, "bob", new(morning)}, []any{undo.State, undo.By, undo.StartedAt})
		left := cancelling
		left.Version = 20
		left.Stages = kitchen.CloneStages(left.Stages)
		left.Stages[0].Undo.Left = "thrown away"
		o.tell(left)
		require.Equal(t, left, o.next(), "nobody waits for either any more")
	})
}

func TestAnOutageIsRetriedAndAnyOtherErrorClosesTheOrdersChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := waitingForMix(10)
		status.Stale = true
		o := followOrder(t, status, errAway)
		require.Equal(t, wire.ProblemUnavailable, o.after(0)[0].Problem.Type)
		o.tell(waitingForMix(10))
		require.Empty(t, o.after(2*orderRetry), "it is sent once, and nothing is shown without the customer's part")
		require.Equal(t, []time.Duration{0, orderRetry, 2 * orderRetry}, o.wasAsked())
		o.set(waitingForMix(10), nil)
		require.Equal(t, wire.LiveMessageTypeSnapshot, o.after(orderRetry)[0].Type)

		o.set(status, nil)
		require.Empty(t, o.after(orderRefresh), "the log tells as much")
		status.Version = 15 // which the log has not told yet
		o.set(status, nil)
		require.True(t, o.after(orderRefresh)[0].Order.Stale)
		o.set(status, nil)
		o.after(orderStale)
		require.Len(t, o.wasAsked(), 1, "no worker has answered")
		o.tell(waitingForMix(15))
		require.False(t, o.next().Stale)

		o.set(status, errAway)
		require.Empty(t, o.after(orderRefresh+orderStale), "the log goes on telling")
		o.tell(waitingForMix(16))
		require.EqualValues(t, 16, o.next().Version)
		o.wasAsked()
		o.floor.setAway(time.Now())
		o.floor.OrderChanged(testOrderID(1))
		require.Equal(t, wire.ProblemUnavailable, o.after(0)[0].Problem.Type, "nobody tells")
		o.set(waitingForMix(16), nil)
		require.Equal(t, waitingForMix(16), o.after(orderRetry)[0].Order, "although it has not changed")
		o.floor.setAway(time.Time{})
		o.after(0)
		o.set(status, errors.New("no such order"))
		time.Sleep(orderRefresh)
		synctest.Wait()
		frames, _, ended := o.follower.Next()
		require.Len(t, frames, 1)
		require.True(t, ended)
		o.set(status, nil)
		o.after(time.Hour)
		require.Empty(t, o.wasAsked())
		o.follower.Leave()
	})
}

// Whoever has an order's id may follow it.
func TestFollowersOfAnOrderAreNotToldWhoHasDecided(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		decided := waitingForBake(30)
		decided.CancelledBy = "max"
		decided.Decisions = []kitchen.Decision{{AskedAt: morning, At: morning, Stage: kitchen.Mix, Pass: 1, Choice: kitchen.ChoiceRetry, By: "max"}}
		o := followOrder(t, decided, nil)
		require.Equal(t, decided.ForCustomer(), o.next(), "by the order's keeper")
		later := decided
		later.Version, later.Scrapped = 40, 1
		o.tell(later)
		require.Equal(t, later.ForCustomer(), o.next(), "by the log")
	})
}
