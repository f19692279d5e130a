package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// measureCancelled cancels every order when its decorate ticket is out: that
// stage and those before it are then undone. The benchmark is the decorate
// station, so that each order is cancelled at the same point.
func measureCancelled(ctx context.Context, f *factory, p plan) ([]row, error) {
	say("cancelling %d orders at decorate", p.orders)
	d := &decorateStation{factory: f, reached: map[string]chan struct{}{}}
	if err := d.open(ctx); err != nil {
		return nil, err
	}
	defer d.close()
	result, err := runLoad(ctx, p.orders, p.inFlight, d.cancelOne)
	if err != nil {
		return nil, err
	}
	run, err := d.cancelOne(ctx)
	if err != nil {
		return nil, err
	}
	historyEvents, err := f.historyEvents(ctx, run)
	if err != nil {
		return nil, err
	}
	d.close()
	return []row{
		{Name: "cancelled orders/s, cancelled at decorate", Value: result.perSecond, Unit: "1/s"},
		{Name: "history events per cancelled order", Value: historyEvents, Unit: "events"},
	}, f.employRobots(ctx, 0)
}

// decorateStation takes the place of the robot at decorate: it decorates
// nothing, and undoes what it is asked to.
type decorateStation struct {
	*factory
	writer *events.Writer
	stop   func()

	mu      sync.Mutex
	reached map[string]chan struct{} // closed when the order's ticket is out
}

func (d *decorateStation) open(ctx context.Context) error {
	decorate := slices.Index(kitchen.Stages(), kitchen.Decorate)
	if err := d.robots[decorate].Stop(30 * time.Second); err != nil {
		return err
	}
	d.robots = append(d.robots[:decorate:decorate], d.robots[decorate+1:]...)
	var err error
	if d.writer, err = events.NewWriter(d.connection()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	tailed := make(chan error, 1)
	ready := make(chan struct{})
	var undoing sync.WaitGroup
	go func() {
		tailed <- events.Tail(ctx, events.TailConfig{
			Connection: d.connection(),
			Topics:     []string{events.TicketTopic(kitchen.Decorate)},
			OnlyNew:    true,
			CaughtUp:   func() { close(ready) },
			Logger:     slog.New(slog.DiscardHandler),
			Handle: func(m events.Message) {
				ticket, err := events.DecodeTicket(m)
				if err != nil {
					return
				}
				if ticket.Kind == kitchen.TicketMake {
					d.mark(ticket.OrderID)
					return
				}
				undoing.Go(func() { d.undo(ctx, ticket) })
			},
		})
	}()
	d.stop = sync.OnceFunc(func() {
		undoing.Wait()
		cancel()
		_ = errors.Join(<-tailed, d.writer.Close()) // the measurement is over
	})
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *decorateStation) close() { d.stop() }

// at is closed when the order has reached decorate.
func (d *decorateStation) at(orderID string) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reached[orderID] == nil {
		d.reached[orderID] = make(chan struct{})
	}
	return d.reached[orderID]
}

func (d *decorateStation) mark(orderID string) {
	reached := d.at(orderID)
	select {
	case <-reached: // it was issued again
	default:
		close(reached)
	}
}

func (d *decorateStation) undo(ctx context.Context, ticket kitchen.Ticket) {
	now := time.Now().UTC()
	err := d.writer.PublishAck(ctx, kitchen.Ack{
		TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kitchen.AckUndone,
		By: "benchmark", At: now, StartedAt: &now, Attempt: ticket.Attempt,
	})
	if err != nil {
		say("an undo was not acknowledged: %v", err)
	}
}

// cancelOne brings an order to decorate and cancels it there.
func (d *decorateStation) cancelOne(ctx context.Context) (client.WorkflowRun, error) {
	run, orderID, err := d.startKnownOrder(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case <-d.at(orderID):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	handle, err := d.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateName: workflows.UpdateCancel,
		Args: []any{kitchen.Cancellation{Reason: "changed my mind"}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return nil, err
	}
	return run, handle.Get(ctx, nil)
}
