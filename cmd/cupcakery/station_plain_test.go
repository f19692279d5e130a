package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// flag puts a flag up; without a reason it is taken back.
func (f *factoryFloor) flag(kind kitchen.FlagKind, of, reason string) {
	f.Helper()
	at := kitchen.FlagAt{Kind: kind, Of: of}
	if reason == "" {
		require.NoError(f, f.writer.TakeBackFlag(f.Context(), uuid.NewString(), at))
		return
	}
	require.NoError(f, f.writer.PublishFlag(f.Context(), uuid.NewString(), kitchen.Flag{FlagAt: at, At: time.Now(), By: "ann", Reason: reason}))
}

// The list and the refusals of one pipe agree with each other, ticket by ticket: what
// is in hand is counted as in hand, also if it was started before, and what is
// finished is not listed.
func TestPlainStationDoesNotContradictItself(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	mine := floor.issue(nil)
	floor.ack(mine, kitchen.AckStarted, "bob")
	theirs := floor.issue(func(ticket *kitchen.Ticket) { ticket.Since = ticket.IssuedAt.Add(-time.Hour) })
	floor.ack(theirs, kitchen.AckStarted, "eve")
	bob := openStation(t, floor.kafka.Addr(), "--plain", "--name", "bob")
	bob.out.await(t, mine.PickupCode)
	bob.out.await(t, theirs.PickupCode)
	number := func(ticket kitchen.Ticket) string {
		return regexp.MustCompile(`#(\d+)  ` + ticket.PickupCode).FindStringSubmatch(bob.out.String())[1]
	}
	bob.enter("list")
	bob.out.await(t, "0 waiting · 1 in hand · 1 with others")
	bob.enter("fail "+number(theirs)+" burnt scrapped=99", "fail "+number(mine)+" burnt scrapped=99", "done "+number(mine), "done "+number(mine), "takeback "+number(theirs), "list")
	require.NoError(t, bob.input.Close())
	require.Equal(t, exitRefused, bob.exit())

	first, last, _ := strings.Cut(bob.out.String(), "0 waiting · 1 in hand · 1 with others\n")
	require.Less(t, strings.LastIndex(first, mine.PickupCode), strings.LastIndex(first, theirs.PickupCode), "what is in hand comes first, as on the screen")
	require.Contains(t, last, "0 waiting · 0 in hand · 1 with others\n")
	_, list, _ := strings.Cut(last, "done by bob\n")
	require.NotContains(t, list, mine.PickupCode)
	require.NotContains(t, bob.out.String(), "is not offered here any more", "nothing vanishes because somebody leaves")

	refusals := bob.errOut.String()
	require.Contains(t, refusals, "! #"+number(theirs)+"  eve was first", "and not that it has fewer pieces")
	require.Contains(t, refusals, "! #"+number(mine)+"  this answer cannot be given: scrapped: must be from 0 to 12")
	require.Contains(t, refusals, "! #"+number(mine)+"  this ticket is finished")
	require.Contains(t, refusals, "nothing to take back")
	require.Contains(t, refusals, fmt.Sprintf("%d of the commands were refused", strings.Count(refusals, "! ")))
}

func TestPlainStationSaysWhenItIsPausedAndWhatIsInARush(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	ticket := floor.issue(nil)
	bob := openStation(t, floor.kafka.Addr(), "--plain", "--name", "bob")
	bob.out.await(t, ticket.PickupCode)
	floor.flag(kitchen.FlagPaused, string(kitchen.Bake), "oven 2 is out")
	bob.out.await(t, "PAUSED by ann since ")
	bob.enter("start 1")
	bob.errOut.await(t, "! #1  ann has paused this station (oven 2 is out)")
	floor.flag(kitchen.FlagPaused, string(kitchen.Bake), "")
	bob.out.await(t, "The station is not paused any more.")
	floor.flag(kitchen.FlagRush, ticket.OrderID, "the bride")
	bob.out.await(t, "#1  "+ticket.PickupCode+"  RUSH: the bride")
	floor.flag(kitchen.FlagRush, ticket.OrderID, "")
	bob.out.await(t, "#1  "+ticket.PickupCode+"  does not go before others any more")
	require.NoError(t, bob.input.Close())
	require.Equal(t, exitRefused, bob.exit())
}

// Everything that the lines say of a ticket stands on the screen too.
func TestPlainSaysWhatTheScreenSays(t *testing.T) {
	t.Parallel()
	s := aBusyStation()
	var out strings.Builder
	printer := newTicketPrinter(&out, &out, "bob")
	printer.list(s.all, func(item station.Item) string { return standing(item, "bob") })
	printer.close()
	blocks := regexp.MustCompile(`(?m)^#\d`).Split(out.String(), -1)[1:]
	require.Len(t, blocks, len(s.all))
	s.height, s.width = 60, 120
	for i, item := range s.all {
		s.chosen, s.page = item.Ticket.TicketID, pageTicket
		s.layOut()
		var words []string
		for line := range strings.Lines(ansi.Strip(s.draw())) {
			words = append(words, strings.TrimSpace(line))
		}
		shown := strings.Join(words, "\n")
		for line := range strings.Lines(blocks[i]) {
			line = strings.TrimSpace(line)
			if line != summary(s.all, "bob") {
				require.Contains(t, shown, line)
			}
		}
		require.Contains(t, shown, summary(s.all, "bob"))
	}
}
