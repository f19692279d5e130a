package station

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// flag has a station read a flag of ann's; without a reason it is taken back.
func (f *fakeStation) flag(t *testing.T, kind kitchen.FlagKind, of, reason string) {
	t.Helper()
	m := events.Message{Topic: events.TopicKitchenState, Key: []byte(kitchen.FlagAt{Kind: kind, Of: of}.String())}
	if reason != "" {
		var err error
		m.Value, err = json.Marshal(kitchen.Flag{By: "ann", At: time.Now(), Reason: reason})
		require.NoError(t, err)
	}
	f.flags.Add(m)
}

func TestNothingIsBegunAtAPausedStation(t *testing.T) {
	t.Parallel()
	log, arm := newLog(t, "arm")
	waiting, inHand, elsewhere := newTicket(t), newTicket(t), newTicket(t)
	log.write(typed(elsewhere, kitchen.AckStarted, "eve"), "")
	for _, ticket := range []kitchen.Ticket{waiting, inHand, elsewhere} {
		arm.deliver(ticket)
	}
	require.NoError(t, arm.Start(t.Context(), inHand.TicketID))
	arm.flag(t, kitchen.FlagPaused, string(kitchen.Bake), "oven 2 is out")
	flag, paused := arm.Paused()
	require.True(t, paused)
	require.Equal(t, "ann", flag.By)
	var refused *PausedError
	require.ErrorAs(t, arm.Start(t.Context(), waiting.TicketID), &refused)
	require.EqualError(t, refused, "ann has paused this station (oven 2 is out): nothing can be begun here until it goes on")
	require.ErrorAs(t, arm.TakeOver(t.Context(), elsewhere.TicketID), &refused)
	require.NoError(t, arm.Start(t.Context(), inHand.TicketID), "what is in hand stays that")
	require.NoError(t, arm.Done(t.Context(), inHand.TicketID), "and can be finished")

	arm.flag(t, kitchen.FlagPaused, string(kitchen.Bake), "")
	require.NoError(t, arm.Start(t.Context(), waiting.TicketID))
	arm.flag(t, kitchen.FlagPaused, string(kitchen.Mix), "another station")
	_, paused = arm.Paused()
	require.False(t, paused)
}

func TestARobotWaitsUntilItsStationGoesOn(t *testing.T) {
	t.Parallel()
	_, arm := newLog(t, "arm")
	arm.flag(t, kitchen.FlagPaused, string(kitchen.Bake), "because")
	ticket := newTicket(t)
	arm.deliver(ticket)
	arm.expect(Offered)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := arm.startNext(over, t.Context(), true)
	require.ErrorIs(t, err, context.Canceled, "there is nothing that it may begin")
	started := make(chan Item, 1)
	go func() {
		item, _, err := arm.startNext(t.Context(), t.Context(), true)
		if err == nil {
			started <- item
		}
	}()
	arm.flag(t, kitchen.FlagPaused, string(kitchen.Bake), "")
	require.Equal(t, ticket.TicketID, (<-started).Ticket.TicketID, "it is woken")
}

func TestWhatIsInARushIsWorkedOnFirst(t *testing.T) {
	t.Parallel()
	_, arm := newLog(t, "arm")
	undo, old, young := undoOf(newTicket(t), true), newTicket(t), newTicket(t)
	old.Since = old.IssuedAt.Add(-time.Hour)
	for _, ticket := range []kitchen.Ticket{undo, old, young} {
		arm.deliver(ticket)
		arm.expect(Offered)
	}
	arm.flag(t, kitchen.FlagRush, young.OrderID, "the bride is at the door")
	var listed, why []string
	for _, item := range arm.Tickets() {
		listed, why = append(listed, item.Ticket.TicketID), append(why, item.Rush)
	}
	require.Equal(t, []string{undo.TicketID, young.TicketID, old.TicketID}, listed)
	require.Equal(t, []string{"", "the bride is at the door", ""}, why)
}
