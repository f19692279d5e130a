package board_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func ofAnotherOrder() kitchen.TicketRef {
	ref := bake
	ref.OrderID = "01936f8e-5c1a-7d3b-9f00-000000000002"
	return ref
}

func TestForgettingDropsOnlyWhatIsSilent(t *testing.T) {
	t.Parallel()
	const silence = 30 * time.Minute
	other := bake
	other.Pass = 2
	b := board.New()
	b.AddTicket(issue(bake, 1), inTickets(0))
	b.AddTicket(issue(other, 1), inTickets(0))
	b.AddAck(ack(other, kitchen.AckDone, 1, "bob", minute(0)), inAcks(0))
	b.AddAck(ack(bake, kitchen.AckDone, 1, "bob", minute(10)), inAcks(10))
	require.Zero(t, b.Forget(silence, silence, nil))
	require.Zero(t, b.Forget(silence+1, silence, func(ticketID string) bool { return ticketID == other.TicketID() }))
	require.Equal(t, 1, b.Forget(silence+1, silence, nil))
	require.Equal(t, 1, b.Len())
	_, ok := b.Get(other.TicketID())
	require.False(t, ok)
	got, _ := b.Get(bake.TicketID())
	require.Equal(t, "bob", got.By)
	require.Equal(t, 1, b.Forget(10*time.Minute+silence+1, silence, nil))
}

func TestSilenceIsMeasuredByTheTimesOfItsPartition(t *testing.T) {
	t.Parallel()
	const silence = 30 * time.Minute
	next := ofAnotherOrder()
	// A process that has just started hears at once what took hours.
	at := func(m, partition int, appended bool) board.Heard {
		return board.Heard{Topic: events.TicketTopic(kitchen.Bake), Partition: partition, Time: minute(m), Appended: appended}
	}
	end := func(ref kitchen.TicketRef) kitchen.Ack { return ack(ref, kitchen.AckDone, 1, "bob", minute(0)) }
	for _, test := range []struct {
		name    string
		newest  board.Heard
		dropped int
	}{
		{"LongBeforeTheNewestOfItsPartition", at(31, 0, true), 1},
		{"NotLongBefore", at(30, 0, true), 0},
		{"LongBeforeTheNewestOfAnother", at(600, 1, true), 0},
		{"ASendersTimeProvesNothing", at(600, 0, false), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ended, open := board.New(), board.New()
			for _, b := range []*board.Board{ended, open} {
				b.AddTicket(issue(bake, 1), at(0, 0, true))
				// The factory issues another ticket again and again.
				for m := 0; minute(m).Before(test.newest.Time); m += 5 {
					heard := test.newest
					heard.Time = minute(m)
					b.AddTicket(issue(next, 1), heard)
				}
				b.AddTicket(issue(next, 1), test.newest)
			}
			// Where acks lie whose newest tells nothing.
			ended.AddAck(end(bake), board.Heard{Topic: events.TopicAcks})
			ended.AddAck(end(next), board.Heard{Topic: events.TopicAcks})
			require.Zero(t, ended.Forget(0, silence, nil), "the acks were heard just now")
			require.Equal(t, 2, ended.Forget(silence+1, silence, nil), "and what was heard that long ago goes")

			require.Equal(t, test.dropped, open.Forget(0, silence, nil))
			require.Zero(t, open.Forget(1000*time.Hour, silence, nil), "no time that passes without an issue tells that the factory works")
		})
	}

	b := board.New()
	future := at(60*24*365, 0, false)
	b.AddTicket(issue(bake, 1), future)
	b.AddTicket(issue(next, 1), at(0, 0, false))
	require.Zero(t, b.Forget(silence, silence, nil), "a producer's clock hides nothing")
	const later = silence + 5*time.Minute
	for after := time.Duration(0); after <= later; after += 5 * time.Minute {
		late := at(0, 0, false)
		late.After = after
		b.AddTicket(issue(next, 2), late)
	}
	require.Equal(t, 1, b.Forget(later, silence, nil), "and keeps nothing for ever")
}

// TestNothingOpenIsDroppedWhileTheFactoryIsAway, however long that is; once it
// works again, what it does not issue again is over.
func TestNothingOpenIsDroppedWhileTheFactoryIsAway(t *testing.T) {
	t.Parallel()
	const silence = 30 * time.Minute
	later := ofAnotherOrder()
	for state, ack := range map[kitchen.TicketState]*kitchen.Ack{
		kitchen.TicketWaiting: nil,
		kitchen.TicketStarted: new(ack(bake, kitchen.AckStarted, 1, "bob", minute(1))),
		kitchen.TicketFailed:  new(ack(bake, kitchen.AckFailed, 1, "bob", minute(1))),
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			b := board.New()
			b.AddTicket(issue(bake, 1), inTickets(0))
			if ack != nil {
				b.AddAck(*ack, inAcks(1))
			}
			b.Note(inTickets(600)) // not a ticket
			require.Zero(t, b.Forget(10*time.Hour, silence, nil))
			got, _ := b.Get(bake.TicketID())
			require.Equal(t, state, got.State)
			b.AddTicket(issue(later, 1), inTickets(601))
			require.Zero(t, b.Forget(10*time.Hour+time.Minute, silence, nil), "this one may be issued again in a moment")
			for m := 606; m <= 636; m += 5 {
				b.AddTicket(issue(later, 2), inTickets(m))
			}
			require.Equal(t, 1, b.Forget(636*time.Minute, silence, nil))
			_, known := b.Get(bake.TicketID())
			require.False(t, known)
		})
	}
}

// TestWhatARemakeLeavesBehindGoesWithIt: without the later pass, a failed ticket
// would seem to be open again.
func TestWhatARemakeLeavesBehindGoesWithIt(t *testing.T) {
	t.Parallel()
	const silence = 30 * time.Minute
	again := bake
	again.Pass = 2
	for range 20 { // a map has no order
		b := board.New()
		b.AddTicket(issue(bake, 1), inTickets(0))
		b.AddAck(ack(bake, kitchen.AckFailed, 1, "bob", minute(1)), inAcks(1))
		b.AddTicket(issue(again, 1), inTickets(2))
		require.False(t, b.MadeAnew(again.TicketID()))
		require.True(t, b.MadeAnew(bake.TicketID()))
		b.AddAck(ack(again, kitchen.AckDone, 1, "bob", minute(3)), inAcks(3))
		require.Equal(t, 2, b.Forget(10*time.Hour, silence, nil))
	}
}

// TestABoardKnowsAllAcksOfATicket whose first delivery it has heard, or whose acks
// it has read from then on.
func TestABoardKnowsAllAcksOfATicket(t *testing.T) {
	t.Parallel()
	recalls := func(attempt int, since time.Time, readFrom int) bool {
		b := board.New()
		b.AddAck(ack(ofAnotherOrder(), kitchen.AckDone, 1, "bob", minute(600)), inAcks(600))
		b.CaughtUp(time.Duration(600-readFrom) * time.Minute)
		ticket := issue(bake, attempt)
		ticket.Since = since
		b.AddTicket(ticket, inTickets(600))
		ticket.Attempt++
		b.AddTicket(ticket, inTickets(601))
		return b.RecallsTicket(bake.TicketID())
	}
	require.True(t, recalls(1, minute(0), 300), "it was first issued just now, by another clock")
	require.False(t, recalls(7, minute(300), 300), "somebody may have had it in hand for hours, and be silent")
	require.False(t, recalls(7, minute(300), 300-int(within.Minutes())+1))
	require.True(t, recalls(7, minute(300), 300-int(within.Minutes())))
	require.False(t, recalls(7, time.Time{}, 300), "a factory that does not tell")
	require.False(t, board.New().RecallsTicket(bake.TicketID()))
}
