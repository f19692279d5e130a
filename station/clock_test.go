package station

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// TestAStationsClockDecidesNothing: the station's clock is off, the broker's is
// not. The log began long before, and what waits is no older than the time for
// an ack.
func TestAStationsClockDecidesNothing(t *testing.T) {
	t.Parallel()
	const ackWithin = 10 * time.Minute
	for _, off := range []time.Duration{40 * time.Minute, -40 * time.Minute, 48 * time.Hour, -48 * time.Hour} {
		for _, createTime := range []bool{false, true} {
			t.Run(fmt.Sprintf("%sFastAndCreateTimeIs%t", off, createTime), func(t *testing.T) {
				t.Parallel()
				log := &fakeLog{t: t, brokersAhead: -off, sendersAhead: -off, createTime: createTime}
				log.write(typed(newTicket(t), kitchen.AckDone, "eve"), "")
				bob := log.quickStation("bob", ackWithin)
				deliveries := map[string]*fakeDelivery{}
				for _, age := range []time.Duration{0, time.Minute, ackWithin} {
					ticket := newTicket(t)
					deliveries[ticket.TicketID] = bob.deliverOld(ticket, age)
					require.Equal(t, ticket.TicketID, bob.expect(Offered).Item.Ticket.TicketID)
				}
				for _, item := range bob.Tickets() {
					require.False(t, deliveries[item.Ticket.TicketID].finished(), "nothing is committed that was not handled")
					require.NoError(t, bob.Start(t.Context(), item.Ticket.TicketID))
					require.NoError(t, bob.Done(t.Context(), item.Ticket.TicketID), "and it knows its own acks, whatever their records date them")
					deliveries[item.Ticket.TicketID].await(t)
				}
			})
		}
	}
}

func TestATicketFromBeforeWhatWasReadIsNotOffered(t *testing.T) {
	t.Parallel()
	const ackWithin = 10 * time.Minute
	log := &fakeLog{t: t}
	// The newest ack may be of any stage: all of them lie in one topic.
	log.write(typed(ticketOf(t, kitchen.Mix, kitchen.TicketMake), kitchen.AckDone, "eve"), "")
	bob := log.quickStation("bob", ackWithin)
	old := newTicket(t)
	bob.deliverOld(old, 6*ackWithin).await(t)
	bob.expectNothing()
	again := again(old)
	bob.deliver(again)
	require.Equal(t, again.TicketID, bob.expect(Offered).Item.Ticket.TicketID, "if it is open it is issued again")

	// Where senders date the records nothing follows from a time, and the log
	// has been read whole.
	log = &fakeLog{t: t, createTime: true}
	log.write(typed(newTicket(t), kitchen.AckDone, "eve"), "")
	bob = log.quickStation("bob", ackWithin)
	bob.deliverOld(newTicket(t), 48*time.Hour)
	bob.expect(Offered)
}

// A foreign station publishes started without an attempt, and its clock dates the
// record: five seconds before the ticket that it has read.
func TestAStartByHandCountsWhateverItsClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-5 * time.Second, -2 * time.Hour, 2 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			log := &fakeLog{t: t, createTime: true}
			bob := log.station("bob")
			ticket, _ := bob.offerNew()
			log.sendersAhead = off
			log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
			require.Equal(t, "eve", bob.expect(StartedElsewhere).Item.By)
			requireTaken(t, bob.Start(t.Context(), ticket.TicketID), "eve", kitchen.AckStarted)

			log.sendersAhead = 0
			bob.deliver(again(ticket))
			bob.expectNothing()
			require.Equal(t, "eve", bob.Tickets()[0].By, "also when it is issued again")
			requireTaken(t, bob.Start(t.Context(), ticket.TicketID), "eve", kitchen.AckStarted)
			log.write(typed(ticket, kitchen.AckFailed, "eve"), "")
			bob.expect(Answered)
			third := again(again(ticket))
			bob.deliver(third)
			bob.expect(Offered)
			require.NoError(t, bob.Start(t.Context(), ticket.TicketID))
		})
	}
}

// A worker two hours slow issues tickets whose acks seem to be overdue. Neither the
// order nor eve says anything any more.
func TestATicketInOtherHandsIsKeptForAsLongAsItMayTake(t *testing.T) {
	t.Parallel()
	const ackWithin = 10 * time.Minute
	for _, test := range []struct {
		name       string
		createTime bool
		off        time.Duration
	}{{"ASlowWorker", false, -2 * time.Hour}, {"AFastWorker", false, 2 * time.Hour}, {"ASlowWorkerThatDatesItsRecords", true, -2 * time.Hour}, {"AFastWorkerThatDatesItsRecords", true, 2 * time.Hour}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			log := &fakeLog{t: t, createTime: test.createTime, sendersAhead: test.off}
			bob := log.quickStation("bob", ackWithin)
			ticket := newTicket(t)
			ticket.IssuedAt = time.Now().Add(test.off)
			ticket.AckBy = ticket.IssuedAt.Add(2 * ackWithin) // in its order's kitchen file
			delivery := bob.deliver(ticket)
			bob.expect(Offered)
			log.write(typed(ticket, kitchen.AckStarted, "eve"), "")
			bob.expect(StartedElsewhere)
			bob.pass(lookBackTimes * 2 * ackWithin)
			require.False(t, delivery.finished())
			bob.pass(1)
			require.True(t, delivery.finished())
		})
	}
	forever := newTicket(t)
	log := &fakeLog{t: t}
	bob := log.quickStation("bob", ackWithin)
	forever.AckBy = forever.IssuedAt.AddDate(1000, 0, 0)
	delivery := bob.deliver(forever)
	log.write(typed(forever, kitchen.AckStarted, "eve"), "")
	bob.pass(lookBackTimes*kitchen.MaxAckWithin + 1)
	require.True(t, delivery.finished(), "no ticket may take for ever")
}

// The producer's clock keeps nothing on the board and takes nothing from it.
func TestAProducersClockNeitherKeepsNorHides(t *testing.T) {
	t.Parallel()
	log := &fakeLog{t: t, createTime: true}
	bob := log.station("bob")
	ackAt := func(at time.Duration) kitchen.Ticket {
		log.sendersAhead = at
		ticket := newTicket(t)
		log.write(typed(ticket, kitchen.AckDone, "eve"), "")
		return ticket
	}
	ackAt(-1000 * 24 * time.Hour)
	ackAt(20 * 365 * 24 * time.Hour)
	ackAt(0)
	bob.pass(5 * time.Hour)
	require.Equal(t, 3, bob.board.Len())
	bob.pass(time.Hour)
	require.Zero(t, bob.board.Len())
	require.Empty(t, bob.Tickets())
	bob.deliver(newTicket(t))
	require.Equal(t, events.TicketTopic(kitchen.Bake), events.TicketTopic(bob.expect(Offered).Item.Ticket.Stage))
}
