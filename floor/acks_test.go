package floor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// boardHand says things about one ticket at a board, as the API does, by a clock
// that it sets. What it writes is in the log at once.
type boardHand struct {
	t     *testing.T
	floor *Floor
	now   time.Time
	ref   kitchen.TicketRef
}

// boardWithin is how long owners of the ticket may be silent.
const boardWithin = 40 * time.Minute

func newBoardHand(t *testing.T) *boardHand {
	t.Helper()
	h := &boardHand{t: t, floor: newTestFloor(t), now: morning}
	h.floor.now = func() time.Time { return h.now }
	h.ref = kitchen.TicketRef{OrderID: testOrderID(1), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	h.issue(h.ref, 1)
	return h
}

func (h *boardHand) issue(ref kitchen.TicketRef, attempt int) {
	ticket := floortest.Ticket(ref, attempt)
	ticket.IssuedAt = h.now
	ticket.AckBy = h.now.Add(boardWithin)
	ticket.Since = morning
	h.floor.handle(record(h.t, events.TicketTopic(ref.Stage), h.now, ticket))
}

// hear is an ack of somebody without a board.
func (h *boardHand) hear(ack kitchen.Ack) events.Message {
	m := record(h.t, events.TopicAcks, h.now, ack)
	h.floor.handle(m)
	return m
}

// say says something at the board, and whether that was written. In between happens
// what the board does not know of when it is said.
func (h *boardHand) say(by string, asked wire.Ack, between ...func()) (written bool, err error) {
	ack, _, resolved, err := h.floor.prepareAck(by, kitchen.Bake, h.ref.TicketID(), asked)
	if err != nil || resolved == nil {
		return false, err
	}
	for _, happens := range between {
		happens()
	}
	m := record(h.t, events.TopicAcks, h.now, ack)
	m.Headers = []events.Header{{Key: "ce_source", Value: []byte(h.floor.source)}}
	h.floor.handle(m)
	return true, whyInVain(ack, <-resolved)
}

func (h *boardHand) says(by string, asked wire.Ack, between ...func()) {
	h.t.Helper()
	written, err := h.say(by, asked, between...)
	require.NoError(h.t, err)
	require.True(h.t, written)
}

func (h *boardHand) ticket() wire.BoardTicket {
	entry, _ := h.floor.board.Get(h.ref.TicketID())
	return h.floor.boardTicket(entry)
}

var (
	start   = wire.Ack{Kind: kitchen.AckStarted}
	release = wire.Ack{Kind: kitchen.AckReleased}
	done    = wire.Ack{Kind: kitchen.AckDone}
	fails   = wire.Ack{Kind: kitchen.AckFailed}
)

func takeFrom(name string) wire.Ack {
	return wire.Ack{Kind: kitchen.AckStarted, TakeOver: true, From: name}
}

func TestAnOwnerRenewsFourTimesAtMostBeforeTheyAreSilent(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	h.says("bob", start)
	began := h.ticket()
	require.Equal(t, int(boardWithin.Seconds()), began.SilentAfterSeconds)
	require.Equal(t, morning, began.HeardAt)
	h.now = h.now.Add(boardWithin / renewalsEach)
	written, err := h.say("bob", start)
	require.NoError(t, err)
	require.False(t, written, "somebody presses start on another tab")
	require.Equal(t, morning, h.ticket().HeardAt)

	h.now = h.now.Add(time.Second)
	h.says("bob", start)
	require.Equal(t, h.now, h.ticket().HeardAt)
	require.Equal(t, began.StartedAt, h.ticket().StartedAt, "the work goes on")
	h.issue(h.ref, 2)
	require.Equal(t, "bob", h.ticket().By, "a repeated delivery changes nothing")
	require.Equal(t, morning, h.ticket().Since)

	// A reader who knows only the renewal shows the right start.
	late := newTestFloor(t)
	ack, _, _, err := func() (kitchen.Ack, wire.BoardTicket, bool, error) {
		ack, entry, resolved, err := h.floor.prepareAck("bob", kitchen.Bake, h.ref.TicketID(), start)
		return ack, h.floor.boardTicket(entry), resolved != nil, err
	}()
	require.NoError(t, err)
	late.handle(record(t, events.TicketTopic(kitchen.Bake), h.now, floortest.Ticket(h.ref, 2)))
	late.handle(record(t, events.TopicAcks, h.now, ack))
	entry, _ := late.board.Get(h.ref.TicketID())
	require.Equal(t, began.StartedAt, late.boardTicket(entry).StartedAt)
}

func TestOnlyTheOwnerPutsATicketBack(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	_, err := h.say("bob", release)
	require.ErrorIs(t, err, ErrNotInHand)
	h.says("bob", start)
	_, err = h.say("eve", release)
	require.Equal(t, &TakenError{Owner: "bob"}, err)
	h.says("bob", release)
	require.Equal(t, kitchen.TicketWaiting, h.ticket().State)
	require.Zero(t, h.ticket().HeardAt)
	_, err = h.say("bob", release)
	require.ErrorIs(t, err, ErrNotInHand)
	h.says("eve", start)
	_, err = h.say("bob", done)
	require.Equal(t, &TakenError{Owner: "eve"}, err)
	h.says("eve", done)
	_, err = h.say("eve", release)
	require.Equal(t, &EndedError{By: "eve", State: kitchen.TicketDone}, err)
}

func TestATicketIsTakenOverFromItsOwnerOnly(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	_, err := h.say("eve", takeFrom("bob"))
	require.ErrorIs(t, err, ErrNotInHand)
	h.says("bob", start)
	for asked, fault := range map[wire.Ack]string{
		{Kind: kitchen.AckStarted, TakeOver: true}:              "from: missing",
		{Kind: kitchen.AckStarted, From: "bob"}:                 "from: goes with takeOver",
		{Kind: kitchen.AckDone, TakeOver: true, From: "bob"}:    "takeOver: goes with started",
		{Kind: kitchen.AckStarted, TakeOver: true, From: "eve"}: "from: nobody takes a ticket over from themselves",
	} {
		_, err := h.say("eve", asked)
		var invalid *InvalidAckError
		require.ErrorAs(t, err, &invalid)
		require.ErrorContains(t, err, fault)
	}
	_, err = h.say("eve", takeFrom("mia"))
	require.Equal(t, &TakenError{Owner: "bob"}, err)
	h.says("eve", takeFrom("bob"))
	require.Equal(t, "eve", h.ticket().By)

	_, err = h.say("mia", takeFrom("eve"), func() { // two want it at the same moment
		h.says("tom", takeFrom("eve"))
	})
	require.Equal(t, &TakenError{Owner: "tom"}, err)
	_, err = h.say("mia", takeFrom("tom"), func() { h.says("tom", release) })
	require.ErrorIs(t, err, ErrNotInHand)
	require.Equal(t, kitchen.TicketWaiting, h.ticket().State)
}

func TestTheLogDecidesWhetherAnOwnerWasSilentForTooLong(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	h.says("bob", start)
	h.now = h.now.Add(boardWithin)
	written, err := h.say("eve", start)
	require.Equal(t, &TakenError{Owner: "bob"}, err)
	require.False(t, written, "nothing is written that cannot count")
	h.now = h.now.Add(time.Second)
	_, err = h.say("eve", start, func() { h.says("bob", start) })
	require.Equal(t, &TakenError{Owner: "bob"}, err, "he was heard of a moment before")
	h.now = h.now.Add(boardWithin + time.Second)
	h.says("eve", start)
	require.Equal(t, "eve", h.ticket().By)
	_, err = h.say("bob", start)
	require.Equal(t, &TakenError{Owner: "eve"}, err)
}

// TestAnEndThatItsOrderHasLostIsWrittenAgain: after Temporal's reset the order waited
// for bake for ever, while done was answered with 200 and nothing was written.
func TestAnEndThatItsOrderHasLostIsWrittenAgain(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	h.says("bob", start)
	h.says("bob", done)
	written, err := h.say("bob", done)
	require.NoError(t, err)
	require.False(t, written)
	_, err = h.say("eve", done)
	require.Equal(t, &EndedError{By: "bob", State: kitchen.TicketDone}, err)

	h.issue(h.ref, 1) // the order has lost what was done
	for _, by := range []string{"bob", "eve"} {
		h.says(by, done)
		require.Equal(t, kitchen.TicketDone, h.ticket().State)
	}
	_, err = h.say("eve", start)
	require.Equal(t, &EndedError{By: "bob", State: kitchen.TicketDone}, err)
	require.Empty(t, h.floor.Board(kitchen.Bake).Tickets, "the workers repair it")
}

// TestNobodyIsToldThatAnAckCountsThatDoesNot, whatever is in the log before it.
func TestNobodyIsToldThatAnAckCountsThatDoesNot(t *testing.T) {
	t.Parallel()
	ack := func(h *boardHand, kind kitchen.AckKind, by string) func() {
		return func() {
			ack := ackOf(h.ref, kind, h.now)
			ack.By = by
			h.hear(ack)
		}
	}
	for name, c := range map[string]struct {
		asked   wire.Ack
		between func(h *boardHand) []func()
		want    error
	}{
		"StartedBehindAStart":   {start, func(h *boardHand) []func() { return []func(){ack(h, kitchen.AckStarted, "eve")} }, &TakenError{Owner: "eve"}},
		"StartedBehindAFailure": {start, func(h *boardHand) []func() { return []func(){ack(h, kitchen.AckFailed, "eve")} }, &EndedError{By: "eve", State: kitchen.TicketFailed}},
		"StartedBehindAFailureAndTheNextAttempt": {start, func(h *boardHand) []func() {
			return []func(){ack(h, kitchen.AckFailed, "eve"), func() { h.issue(h.ref, 2) }}
		}, &EndedError{By: "eve", State: kitchen.TicketFailed}},
		"FailedBehindAStart": {fails, func(h *boardHand) []func() { return []func(){ack(h, kitchen.AckStarted, "eve")} }, &TakenError{Owner: "eve"}},
		"FailedBehindADone":  {fails, func(h *boardHand) []func() { return []func(){ack(h, kitchen.AckDone, "eve")} }, &EndedError{By: "eve", State: kitchen.TicketDone}},
		"DoneBehindADone":    {done, func(h *boardHand) []func() { return []func(){ack(h, kitchen.AckDone, "eve")} }, &EndedError{By: "eve", State: kitchen.TicketDone}},
		"DoneBehindOnesOwn":  {done, func(h *boardHand) []func() { return []func(){ack(h, kitchen.AckDone, "bob")} }, nil},
		"DoneBehindAStart":   {done, func(h *boardHand) []func() { return []func(){ack(h, kitchen.AckStarted, "eve")} }, nil},
		"DoneBehindAnUndone": {done, func(h *boardHand) []func() {
			return []func(){func() {
				undone := ackOf(h.ref.Undo(), kitchen.AckUndone, h.now)
				undone.By = "eve"
				h.hear(undone)
			}}
		}, &EndedError{By: "eve", State: kitchen.TicketUndone}},
		"StartedBehindANewAttempt": {start, func(h *boardHand) []func() { return []func(){func() { h.issue(h.ref, 2) }} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newBoardHand(t)
			written, err := h.say("bob", c.asked, c.between(h)...)
			require.True(t, written)
			require.Equal(t, c.want, err)
		})
	}
}

func TestAnUndoTicketTellsWhoHadBegun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(h *boardHand)
		begunBy string
	}{
		"NobodyHad":       {func(*boardHand) {}, ""},
		"ItIsInHand":      {func(h *boardHand) { h.says("bob", start) }, "bob"},
		"ItWasPutBack":    {func(h *boardHand) { h.says("bob", start); h.says("bob", release) }, "bob"},
		"ItHasFailed":     {func(h *boardHand) { h.says("bob", start); h.says("bob", fails) }, "bob"},
		"ItWasTakenOver":  {func(h *boardHand) { h.says("bob", start); h.says("eve", takeFrom("bob")) }, "eve"},
		"ItIsDone":        {func(h *boardHand) { h.says("bob", start); h.says("bob", done) }, "bob"},
		"BegunAfterwards": {func(h *boardHand) { h.issue(h.ref.Undo(), 1); h.hear(ackOf(h.ref, kitchen.AckStarted, h.now)) }, "bob"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newBoardHand(t)
			c.happens(h)
			h.issue(h.ref.Undo(), 1)
			for _, ticket := range h.floor.Board(kitchen.Bake).Tickets {
				want := ""
				if ticket.Kind == kitchen.TicketUndo {
					want = c.begunBy
				}
				require.Equal(t, want, ticket.BegunBy, ticket.TicketID)
			}
		})
	}
}

// TestARefusedClaimIsNoBeginning: what a ghost has claimed was not in hand since then.
func TestARefusedClaimIsNoBeginning(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	worked := func() (seconds *float64) {
		for _, step := range h.floor.Statistics().Stages[1].Steps {
			if step.WorkSeconds != nil {
				seconds = step.WorkSeconds
			}
		}
		return seconds
	}
	h.ref = kitchen.TicketRef{OrderID: testOrderID(2), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	claim := h.hear(ackOf(h.ref, kitchen.AckStarted, h.now))
	h.now = h.now.Add(10 * time.Second)
	h.hear(ackOf(h.ref, kitchen.AckDone, h.now))
	require.NotNil(t, worked(), "until a worker refuses the claim")
	refused := ackOf(h.ref, kitchen.AckRefused, h.now)
	refused.Offset = &claim.Offset
	h.hear(refused)
	require.Nil(t, worked())
}

// TestARefusedEndIsNone: somebody said done for a ticket that was not issued yet.
func TestARefusedEndIsNone(t *testing.T) {
	t.Parallel()
	h := newBoardHand(t)
	counted := func() int {
		count := 0
		for _, step := range h.floor.Statistics().Stages[1].Steps {
			count += step.Done
		}
		return count
	}
	early := kitchen.TicketRef{OrderID: testOrderID(2), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	h.ref = early
	m := h.hear(ackOf(early, kitchen.AckDone, h.now))
	require.Len(t, h.floor.Board(kitchen.Bake).Tickets, 1, "what was never issued shows nothing")
	require.Empty(t, h.floor.Board(kitchen.Bake).Ended)
	require.Equal(t, 1, counted(), "until a worker refuses it")
	h.issue(early, 1)
	require.Len(t, h.floor.Board(kitchen.Bake).Ended, 1)
	require.Equal(t, 1, h.floor.Pace().Stages[1].Samples)

	follower, _, err := h.floor.Follow("station/bake", "", asleep)
	require.NoError(t, err)
	messagesOf(t, follower)
	refused := ackOf(early, kitchen.AckRefused, h.now)
	refused.Offset = &m.Offset
	h.hear(refused)
	require.Equal(t, kitchen.TicketWaiting, messagesOf(t, follower)[0].Change.Tickets[0].State, "it is open again at once")
	require.Len(t, h.floor.Board(kitchen.Bake).Tickets, 2)
	require.Empty(t, h.floor.Board(kitchen.Bake).Ended)
	require.Zero(t, counted())
	require.Zero(t, h.floor.Pace().Stages[1].Samples)
	h.says("eve", start)
	h.says("eve", done)
	require.Equal(t, 1, counted())

	// A failure is taken back in the same way, and the work before it is in hand again.
	h.ref.OrderID = testOrderID(1)
	h.says("bob", start)
	failed := ackOf(h.ref, kitchen.AckFailed, h.now)
	failed.Attempt, failed.Scrapped = 1_000, 5
	m = h.hear(failed)
	require.Equal(t, []wire.FailureCount{{Stage: kitchen.Bake, Reason: kitchen.ReasonOther, Count: 1, Scrapped: 5}}, h.floor.Statistics().Failures)
	refused = ackOf(h.ref, kitchen.AckRefused, h.now)
	refused.Offset = &m.Offset
	h.hear(refused)
	require.Empty(t, h.floor.Statistics().Failures)
	require.Equal(t, "bob", h.ticket().By)
	require.Equal(t, kitchen.TicketStarted, h.ticket().State)
}
