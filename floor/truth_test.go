package floor

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// anyLife draws what may be in the log about a few tickets of two stages: repeated
// deliveries, remakes, undo tickets, and acks of three people, of whom some are
// late, take over, put back, or are refused.
func anyLife(t *rapid.T) []events.Message {
	var messages []events.Message
	var acks []events.Message
	at := morning
	for range rapid.IntRange(0, 60).Draw(t, "records") {
		at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 60, 600, 2400}).Draw(t, "seconds")) * time.Second)
		ref := kitchen.TicketRef{
			OrderID: testOrderID(rapid.IntRange(0, 2).Draw(t, "order")), Stage: rapid.SampledFrom(kitchen.Stages()[:2]).Draw(t, "stage"),
			Pass: rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "pass"), Kind: rapid.SampledFrom([]kitchen.TicketKind{kitchen.TicketMake, kitchen.TicketMake, kitchen.TicketMake, kitchen.TicketUndo}).Draw(t, "kind"),
		}
		if rapid.IntRange(0, 2).Draw(t, "an issue") == 0 {
			ticket := floortest.Ticket(ref, rapid.IntRange(1, 3).Draw(t, "attempt"))
			ticket.IssuedAt, ticket.Since = at, morning
			ticket.AckBy = at.Add(boardWithin)
			messages = append(messages, record(t, events.TicketTopic(ref.Stage), at, ticket))
			continue
		}
		ends := kitchen.AckDone
		if ref.Kind == kitchen.TicketUndo {
			ends = kitchen.AckUndone
		}
		ack := ackOf(ref, rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckStarted, kitchen.AckReleased, kitchen.AckFailed, ends, kitchen.AckRefused}).Draw(t, "ack"), at)
		ack.By, ack.Attempt = rapid.SampledFrom([]string{"bob", "eve", "mia"}).Draw(t, "by"), rapid.IntRange(0, 3).Draw(t, "answers")
		switch {
		case ack.Kind == kitchen.AckStarted && ack.By != "bob" && rapid.Bool().Draw(t, "takes over"):
			ack.TakeOver, ack.From = true, "bob"
		case ack.Kind == kitchen.AckRefused && len(acks) == 0:
			continue
		case ack.Kind == kitchen.AckRefused:
			refused := rapid.SampledFrom(acks).Draw(t, "refused")
			earlier, err := events.DecodeAck(refused)
			require.NoError(t, err)
			ack.TicketID, ack.OrderID, ack.Stage, ack.Offset = earlier.TicketID, earlier.OrderID, earlier.Stage, &refused.Offset
		}
		m := record(t, events.TopicAcks, at, ack)
		messages, acks = append(messages, m), append(acks, m)
	}
	return messages
}

// shuffled is a log as another process may read it: each topic in its order.
func shuffled(t *rapid.T, messages []events.Message) []events.Message {
	byTopic := map[string][]events.Message{}
	var topics []string
	for _, message := range messages {
		if byTopic[message.Topic] == nil {
			topics = append(topics, message.Topic)
		}
		byTopic[message.Topic] = append(byTopic[message.Topic], message)
	}
	var read []events.Message
	for len(topics) > 0 {
		topic := rapid.SampledFrom(topics).Draw(t, "topic")
		batch := rapid.IntRange(1, len(byTopic[topic])).Draw(t, "batch")
		read = append(read, byTopic[topic][:batch]...)
		if byTopic[topic] = byTopic[topic][batch:]; len(byTopic[topic]) == 0 {
			topics = slices.DeleteFunc(topics, func(other string) bool { return other == topic })
		}
	}
	return read
}

// TestEveryFloorShowsTheBoardOfTheWholeLog, in whichever order it has read the
// topics, and whether it has read along or has just started.
func TestEveryFloorShowsTheBoardOfTheWholeLog(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		messages := anyLife(t)
		end := morning.Add(3 * time.Hour)
		if len(messages) > 0 {
			end = messages[len(messages)-1].Time.Add(21 * time.Minute)
		}
		whole := board.New()
		for _, message := range messages {
			if ack, err := events.DecodeAck(message); message.Topic == events.TopicAcks {
				require.NoError(t, err)
				whole.AddAck(ack, board.HeardFrom(message, 0))
			} else {
				ticket, err := events.DecodeTicket(message)
				require.NoError(t, err)
				whole.AddTicket(ticket, board.HeardFrom(message, 0))
			}
		}
		newFloor := func(read []events.Message, caughtUpAfter int) *Floor {
			now := end
			f := newFloorAt(t, &now)
			f.lookBack, f.readBack, f.figures.back = 100*time.Hour, 100*time.Hour, 100*time.Hour
			for i, message := range read {
				if i == caughtUpAfter {
					f.setCaughtUp()
				}
				f.handle(message)
			}
			if caughtUpAfter >= len(read) {
				f.setCaughtUp()
			}
			f.newest = newestRecord{end, end}
			f.forget()
			return f
		}
		floors := []*Floor{
			newFloor(messages, 0), newFloor(messages, len(messages)), newFloor(shuffled(t, messages), len(messages)),
			newFloor(shuffled(t, messages), rapid.IntRange(0, len(messages)).Draw(t, "caught up after")),
		}
		for i, f := range floors {
			for _, stage := range kitchen.Stages()[:2] {
				var want []wire.BoardTicket
				for _, entry := range whole.Open(stage) {
					if entry.State == kitchen.TicketStarted || !whole.MadeAnew(entry.Ticket.TicketID) {
						want = append(want, floors[0].boardTicket(entry))
					}
				}
				got := f.Board(stage)
				require.ElementsMatch(t, want, got.Tickets, "floor %d, %s", i, stage)
				require.True(t, slices.IsSortedFunc(got.Tickets, func(x, y wire.BoardTicket) int { return x.Since.Compare(y.Since) }))
				ended := 0
				for _, entry := range whole.Entries(stage) {
					if entry.Ended() && !entry.Withdrawn {
						ended++
						require.Contains(t, got.Ended, floors[0].boardTicket(entry))
					}
				}
				require.Len(t, got.Ended, ended)
			}
			require.Equal(t, floors[0].Stations(), f.Stations(), "floor %d", i)
			require.Equal(t, answers(t, floors[0]), answers(t, f), "floor %d", i)
		}
	})
}
