package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// ticketWatch sees when tickets are issued.
type ticketWatch struct {
	mu     sync.Mutex
	issued map[string]chan time.Time // by ticket id
}

// watchTickets reads new tickets of some stages until stop is called.
func (f *factory) watchTickets(ctx context.Context, stages ...kitchen.Stage) (_ *ticketWatch, stop func(), err error) {
	w := &ticketWatch{issued: map[string]chan time.Time{}}
	var topics []string
	for _, stage := range stages {
		topics = append(topics, events.TicketTopic(stage))
	}
	ctx, cancel := context.WithCancel(ctx)
	ready, failed, ended := make(chan struct{}), make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		failed <- events.Tail(ctx, events.TailConfig{
			Connection: f.connection(), Topics: topics,
			OnlyNew: true, CaughtUp: func() { close(ready) }, Logger: slog.New(slog.DiscardHandler),
			Handle: func(m events.Message) {
				if ticket, err := events.DecodeTicket(m); err == nil {
					select {
					case w.at(ticket.TicketID) <- time.Now():
					default: // it was issued again
					}
				}
			},
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	select {
	case <-ready:
		return w, stop, nil
	case err := <-failed:
		stop()
		return nil, nil, fmt.Errorf("read new tickets: %w", errors.Join(err, ctx.Err()))
	}
}

func (w *ticketWatch) at(ticketID string) chan time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.issued[ticketID] == nil {
		w.issued[ticketID] = make(chan time.Time, 1)
	}
	return w.issued[ticketID]
}

// when waits for a ticket, and tells when it came.
func (w *ticketWatch) when(ctx context.Context, orderID string, stage kitchen.Stage) (time.Time, error) {
	select {
	case at := <-w.at(ticketOf(orderID, stage).TicketID()):
		return at, nil
	case <-time.After(5 * time.Minute):
		return time.Time{}, errors.New("no ticket has come for five minutes")
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

func ticketOf(orderID string, stage kitchen.Stage) kitchen.TicketRef {
	return kitchen.TicketRef{OrderID: orderID, Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
}
