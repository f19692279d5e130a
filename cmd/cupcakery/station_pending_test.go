package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// takeAll takes away all answers that wait.
func takeAll(s *screen) []pendingAnswer {
	return s.pending.takeAway(func(pendingAnswer) bool { return true })
}

// newPlainForTest works at no station; what it prints is lost.
func newPlainForTest(t *testing.T, deliver func(context.Context, pendingAnswer) error) *plain {
	printer := newTicketPrinter(io.Discard, io.Discard, "bob")
	t.Cleanup(printer.close)
	return &plain{name: "bob", pending: newPendingAnswers(deliver), printer: printer, stage: kitchen.Bake}
}

// Whoever quits while an answer goes out would otherwise find the ticket in hand the
// next day.
func TestWhatGoesOutWhileSomebodyLeavesIsSent(t *testing.T) {
	t.Parallel()
	t.Run("lines", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			kafka, sent := make(chan struct{}), []string{}
			p := newPlainForTest(t, func(ctx context.Context, answer pendingAnswer) error {
				select {
				case <-kafka:
				case <-ctx.Done():
					return ctx.Err()
				}
				sent = append(sent, answer.item.Ticket.TicketID)
				return nil
			})
			p.hold(pendingAnswer{item: itemOf(1, station.InHand, nil), answer: kitchen.Ack{Kind: kitchen.AckDone}, until: time.Now().Add(retractableFor)})
			time.Sleep(retractableFor) // by the bubble's clock
			synctest.Wait()
			time.AfterFunc(time.Second, func() { close(kafka) })
			p.pending.sendAll(func(pendingAnswer, error) { t.Error("it was not sent") })
			require.Equal(t, []string{itemOf(1, "", nil).Ticket.TicketID}, sent)
		})
	})
	t.Run("screen", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			kafka, sent := make(chan struct{}), []string{}
			s := screenOf(itemOf(1, station.InHand, nil), itemOf(2, station.InHand, nil))
			s.ctx = t.Context()
			s.pending = newPendingAnswers(func(_ context.Context, answer pendingAnswer) error {
				<-kafka
				sent = append(sent, answer.item.Ticket.TicketID)
				return nil
			})
			press(s, "g", "d")
			now := s.clock()
			s.clock = func() time.Time { return now.Add(retractableFor) }
			send := s.sendDue()
			require.NotNil(t, send, "and it may be that nobody comes to do it")
			time.AfterFunc(time.Second, func() { close(kafka) })
			s.pending.sendAll(func(pendingAnswer, error) { t.Error("it was not sent") })
			require.Len(t, sent, 1)
			send()
			require.Len(t, sent, 1, "it goes out once")
		})
	})
}

func TestWhoeverLeavesIsToldWhatWasNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlainForTest(t, func(ctx context.Context, answer pendingAnswer) error {
			if answer.item.Number == 3 {
				return errors.New("somebody else has it")
			}
			<-ctx.Done() // Kafka is away
			return ctx.Err()
		})
		for number := 1; number <= 3; number++ {
			p.hold(pendingAnswer{item: itemOf(number, station.InHand, nil), answer: kitchen.Ack{Kind: kitchen.AckDone}, until: time.Now().Add(retractableFor)})
			time.Sleep(retractableFor / 2) // by the bubble's clock: the first is under way
		}
		synctest.Wait()
		left := time.Now()
		unsent := map[int]string{}
		p.pending.sendAll(func(answer pendingAnswer, err error) { unsent[answer.item.Number] = err.Error() })
		require.Equal(t, map[int]string{1: "it was not taken by Kafka in 10s", 2: "it was not taken by Kafka in 10s", 3: "somebody else has it"}, unsent)
		require.Equal(t, sentWithin, time.Since(left), "nobody waits for ever")
	})
}
