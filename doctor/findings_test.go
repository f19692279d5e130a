package doctor

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

const orderID = "0199c2a0-5b7c-7000-8000-000000000001"

var (
	noon   = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	bake   = kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	unbake = bake.Undo()
)

// log is a board that has read the whole log.
type log struct{ *board.Board }

func (l log) issue(ref kitchen.TicketRef, made bool) {
	ticket := kitchen.Ticket{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Kind: ref.Kind, Attempt: 1, Made: made, IssuedAt: noon}
	l.AddTicket(ticket, board.Heard{Topic: events.TicketTopic(ref.Stage), Time: noon, Appended: true})
}

func (l log) ack(ref kitchen.TicketRef, kind kitchen.AckKind) {
	at := noon.Add(time.Minute)
	ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, Attempt: 1, By: "carol", At: at}
	if kind == kitchen.AckRefused {
		ack.Offset = new(int64) // all lie there
	}
	l.AddAck(ack, board.Heard{Topic: events.TopicAcks, Time: at, Appended: true})
}

func TestATicketIsOpenUntilItsStationIsAskedToPutItAside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log  func(log)
		open []kitchen.TicketRef
	}{
		"NothingIsIssued":  {func(log) {}, nil},
		"ItWaits":          {func(l log) { l.issue(bake, false) }, []kitchen.TicketRef{bake}},
		"ItIsInHand":       {func(l log) { l.issue(bake, false); l.ack(bake, kitchen.AckStarted) }, []kitchen.TicketRef{bake}},
		"ItHasFailed":      {func(l log) { l.issue(bake, false); l.ack(bake, kitchen.AckFailed) }, []kitchen.TicketRef{bake}},
		"ItIsDone":         {func(l log) { l.issue(bake, false); l.ack(bake, kitchen.AckDone) }, nil},
		"ItsDoneIsRefused": {func(l log) { l.issue(bake, false); l.ack(bake, kitchen.AckDone); l.ack(bake, kitchen.AckRefused) }, []kitchen.TicketRef{bake}},
		"ItsUndoNeedsHandForWhatWasPutBack": {func(l log) {
			l.issue(bake, false)
			l.ack(bake, kitchen.AckStarted)
			l.ack(bake, kitchen.AckReleased)
			l.issue(unbake, false)
		}, []kitchen.TicketRef{unbake}},
		"ItsUndoIsOut":     {func(l log) { l.issue(bake, false); l.issue(unbake, false) }, nil},
		"ItsUndoNeedsHand": {func(l log) { l.issue(bake, false); l.ack(bake, kitchen.AckStarted); l.issue(unbake, false) }, []kitchen.TicketRef{unbake}},
		"ItWasDone":        {func(l log) { l.issue(bake, false); l.ack(bake, kitchen.AckDone); l.issue(unbake, true) }, []kitchen.TicketRef{unbake}},
		"ItIsUndone":       {func(l log) { l.issue(bake, false); l.issue(unbake, false); l.ack(unbake, kitchen.AckUndone) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := log{board.New()}
			c.log(l)
			var open []kitchen.TicketRef
			for _, entry := range openTickets(l.Board) {
				open = append(open, entry.Ticket.Ref())
			}
			assert.Equal(t, c.open, open)
		})
	}
}

// entry is a ticket that stations hold for open.
func entry(ref kitchen.TicketRef, state kitchen.TicketState) board.Entry {
	return board.Entry{
		Ticket: kitchen.Ticket{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Kind: ref.Kind, IssuedAt: noon}, State: state,
	}
}

func waitsFor(refs ...kitchen.TicketRef) func(kitchen.TicketRef) bool {
	return func(ref kitchen.TicketRef) bool { return slices.Contains(refs, ref) }
}

func TestWhoIsAnOrphan(t *testing.T) {
	t.Parallel()
	done := noon.Add(time.Hour)
	mixed := kitchen.StageStatus{Stage: kitchen.Mix, Pass: 1, State: kitchen.TicketDone, DoneAt: &done}
	failed := kitchen.Status{Stages: []kitchen.StageStatus{mixed, {Stage: kitchen.Bake, Pass: 1, State: kitchen.TicketFailed}}}
	undoFailed := kitchen.Status{Stages: []kitchen.StageStatus{{Stage: kitchen.Bake, Pass: 1, State: kitchen.TicketStarted, Undo: &kitchen.UndoStatus{State: kitchen.TicketFailed}}}}
	decorate, bakeAgain := bake, bake
	decorate.Stage, bakeAgain.Pass = kitchen.Decorate, 2
	// An order that was reset in Temporal is back at bake.
	reset := func(state kitchen.OrderState, cause kitchen.AttentionCause) knownOrder {
		history := kitchen.Status{State: state, Stages: []kitchen.StageStatus{mixed, {Stage: kitchen.Bake, Pass: 1, State: kitchen.TicketWaiting}}}
		if cause != "" {
			history.Attention = &kitchen.Attention{Cause: cause}
		}
		return knownOrder{fate: FateRuns, waitsFor: waitsFor(bake), history: history}
	}
	closed := reset(kitchen.StateInProgress, "")
	closed.fate = "terminated"
	fromTheStart := knownOrder{fate: FateRuns, waitsFor: waitsFor(), history: kitchen.Status{State: kitchen.StateInProgress}}
	under := kitchen.Status{Stages: []kitchen.StageStatus{mixed, {Stage: kitchen.Bake, Pass: 1, State: kitchen.TicketWaiting}}}
	for name, c := range map[string]struct {
		ticket board.Entry
		order  knownOrder
		orphan bool
		made   []kitchen.StageStatus
	}{
		"OfAnOrderThatWaitsForIt":             {entry(bake, kitchen.TicketWaiting), knownOrder{fate: FateRuns, waitsFor: waitsFor(bake)}, false, nil},
		"OfAnOrderThatWaitsForItsUndo":        {entry(bake, kitchen.TicketWaiting), knownOrder{fate: FateRuns, waitsFor: waitsFor(unbake)}, true, nil},
		"OfAnOrderThatWaitsForAnother":        {entry(bake, kitchen.TicketStarted), knownOrder{fate: FateRuns, waitsFor: waitsFor(), history: under}, true, nil},
		"OfAResetOrderThatComesToIt":          {entry(decorate, kitchen.TicketWaiting), reset(kitchen.StateInProgress, ""), false, nil},
		"OfAResetOrderThatComesToItInHand":    {entry(decorate, kitchen.TicketStarted), reset(kitchen.StateInProgress, ""), false, nil},
		"OfAResetOrderThatAsksAManager":       {entry(decorate, kitchen.TicketWaiting), reset(kitchen.StateNeedsAttention, kitchen.CauseSilent), false, nil},
		"OfAResetOrderAtItsStart":             {entry(decorate, kitchen.TicketWaiting), fromTheStart, false, nil},
		"OfAResetOrderThatIsCancelled":        {entry(decorate, kitchen.TicketWaiting), reset(kitchen.StateCancelling, ""), true, nil},
		"OfAResetOrderThatCannotUndo":         {entry(decorate, kitchen.TicketWaiting), reset(kitchen.StateNeedsAttention, kitchen.CauseUndoFailed), true, nil},
		"OfAResetOrderThatWasTerminated":      {entry(decorate, kitchen.TicketWaiting), closed, true, []kitchen.StageStatus{mixed}},
		"OfAResetOrderInAPassThatIsNotBegun":  {entry(bakeAgain, kitchen.TicketWaiting), reset(kitchen.StateInProgress, ""), true, nil},
		"OfAResetOrderItsUndo":                {entry(decorate.Undo(), kitchen.TicketWaiting), reset(kitchen.StateInProgress, ""), true, nil},
		"OfAClosedOrder":                      {entry(bake, kitchen.TicketStarted), knownOrder{fate: "terminated", waitsFor: waitsFor(bake), history: under}, true, []kitchen.StageStatus{mixed}},
		"OfAnOrderThatIsUnknown":              {entry(bake, kitchen.TicketWaiting), knownOrder{fate: fateUnknown}, true, nil},
		"OfAShippedOrder":                     {entry(bake, kitchen.TicketWaiting), knownOrder{fate: "completed", history: kitchen.Status{State: kitchen.StateShipped, Stages: under.Stages}}, true, nil},
		"FailedAndItsOrderHasHeard":           {entry(bake, kitchen.TicketFailed), knownOrder{fate: FateRuns, waitsFor: waitsFor(), history: failed}, false, nil},
		"FailedAndItsOrderHasClosedAfterThat": {entry(bake, kitchen.TicketFailed), knownOrder{fate: "terminated", history: failed}, false, nil},
		"FailedAndItsOrderHasNotHeard":        {entry(bake, kitchen.TicketFailed), knownOrder{fate: FateRuns, waitsFor: waitsFor(), history: under}, true, nil},
		"AManagerIsAskedAboutIt":              {entry(bake, kitchen.TicketWaiting), knownOrder{fate: FateRuns, waitsFor: waitsFor(), history: failed}, false, nil},
		"InHandAgainOfAClosedOrder":           {entry(bake, kitchen.TicketStarted), knownOrder{fate: "terminated", history: failed}, true, []kitchen.StageStatus{mixed}},
		"AManagerIsAskedAboutItsUndo":         {entry(unbake, kitchen.TicketWaiting), knownOrder{fate: FateRuns, waitsFor: waitsFor(), history: undoFailed}, false, nil},
		"AnotherPassHasFailed":                {entry(kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 2, Kind: kitchen.TicketMake}, kitchen.TicketWaiting), knownOrder{fate: FateRuns, waitsFor: waitsFor(), history: failed}, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			orders := map[string]knownOrder{orderID: c.order}
			found := findOrphans(notWaitedFor([]board.Entry{c.ticket}, orders), orders)
			if !c.orphan {
				require.Empty(t, found.Tickets)
				require.Empty(t, found.Orders)
				return
			}
			require.Len(t, found.Tickets, 1)
			require.Len(t, found.Orders, 1)
			assert.Equal(t, c.ticket.Ticket.TicketID, found.Tickets[0].TicketID)
			assert.Equal(t, c.order.fate, found.Tickets[0].Order)
			assert.Equal(t, noon, found.Tickets[0].Since)
			assert.ElementsMatch(t, c.made, found.Orders[0].Made)
			assert.Equal(t, 1, found.NotWithdrawn())
		})
	}
}

func TestAnOrderIsNamedOnceForAllItsOrphans(t *testing.T) {
	t.Parallel()
	startedAt := noon.Add(time.Minute)
	inHand := entry(bake, kitchen.TicketStarted)
	inHand.By, inHand.StartedAt = "carol", &startedAt
	second := entry(kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Mix, Pass: 2, Kind: kitchen.TicketMake}, kitchen.TicketWaiting)
	found := findOrphans([]board.Entry{inHand, second}, map[string]knownOrder{orderID: {fate: "terminated"}})
	require.Len(t, found.Tickets, 2)
	require.Len(t, found.Orders, 1)
	assert.Equal(t, "carol", found.Tickets[0].By)
	assert.Equal(t, startedAt, found.Tickets[0].Since, "since it is in hand")
	assert.Equal(t, kitchen.PickupCode(orderID), found.Orders[0].PickupCode)
}

func TestAnUndoTicketWithdrawsAnother(t *testing.T) {
	t.Parallel()
	rules := kitchen.Default().Rules
	ticket := entry(bake, kitchen.TicketWaiting).Ticket
	ticket.Attempt, ticket.Notes = 3, "ring"
	undo := undoTicket(ticket, rules, noon)
	want := ticket
	want.Since = noon
	want.TicketID, want.Kind, want.Attempt, want.IssuedAt, want.AckBy = unbake.TicketID(), kitchen.TicketUndo, 1, noon, noon.Add(rules.AckWithinFor(kitchen.Bake))
	assert.Equal(t, want, undo)
}

func TestANamespaceThatKnowsNoOrderIsDoubted(t *testing.T) {
	t.Parallel()
	unknown := map[string]knownOrder{"a": {fate: fateUnknown}, "b": {fate: fateUnknown}}
	d := New(Config{Namespace: "elsewhere"})
	require.ErrorContains(t, d.checkNamespace(unknown), `the namespace "elsewhere" of Temporal knows none of the 2 orders that have open tickets`)
	require.NoError(t, New(Config{OrdersLost: true}).checkNamespace(unknown))
	require.NoError(t, d.checkNamespace(nil), "no ticket is open")
	require.NoError(t, d.checkNamespace(map[string]knownOrder{"a": {fate: fateUnknown}, "b": {fate: "terminated"}}))
}
