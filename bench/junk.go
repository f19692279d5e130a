package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// junkOrders is how many orders have ended of whose tickets the junk speaks.
	junkOrders = 100
	// goodAcks is how many acks among the junk are waited for.
	goodAcks = 50
	// One in so many junk acks is about an order that never was, or ends a ticket
	// that has not been issued.
	unknownEvery, earlyEvery = 250, 1000
	junkBatch                = 500
)

// measureJunk writes acks that change nothing as fast as it can, with good ones
// among them, and measures how soon each good one has brought its order to the next
// stage.
func measureJunk(ctx context.Context, f *factory, p plan) ([]row, error) {
	say("%d good acks among %d that change nothing", goodAcks, p.junk)
	var ended []string
	for range junkOrders {
		_, orderID, err := f.startKnownOrder(ctx)
		if err != nil {
			return nil, err
		}
		ended = append(ended, orderID)
	}
	for _, orderID := range ended {
		if err := f.temporal.GetWorkflow(ctx, kitchen.WorkflowID(orderID), "").Get(ctx, nil); err != nil {
			return nil, err
		}
	}
	if err := f.dismissRobots(); err != nil {
		return nil, err
	}
	tickets, stop, err := f.watchTickets(ctx, kitchen.Mix, kitchen.Bake)
	if err != nil {
		return nil, err
	}
	defer stop()
	j := &junkBench{f, tickets}
	took, err := j.measure(ctx, ended, p.junk)
	if err != nil {
		return nil, err
	}
	stop()
	slices.Sort(took)
	return []row{
		atMost(row{
			Name: fmt.Sprintf("good ack among %d junk acks to the next ticket, longest", p.junk), Value: milliseconds(took[len(took)-1]), Unit: "ms",
			Spread: fmt.Sprintf("p50 %.0f", milliseconds(quantile(took, 0.5))),
		}, 2000),
	}, f.employRobots(ctx, 0)
}

type junkBench struct {
	*factory
	*ticketWatch
}

// place places orders and returns their ids once their first tickets are out.
func (j *junkBench) place(ctx context.Context, count int) (orderIDs []string, err error) {
	for range count {
		_, orderID, err := j.startKnownOrder(ctx)
		if err != nil {
			return nil, err
		}
		orderIDs = append(orderIDs, orderID)
	}
	for _, orderID := range orderIDs {
		if _, err := j.when(ctx, orderID, kitchen.Mix); err != nil {
			return nil, err
		}
	}
	return orderIDs, nil
}

// measure writes the junk with the good acks among it, and returns how long each of
// those took.
func (j *junkBench) measure(ctx context.Context, ended []string, junk int) ([]time.Duration, error) {
	good, err := j.place(ctx, goodAcks)
	if err != nil {
		return nil, err
	}
	victims, err := j.place(ctx, 10)
	if err != nil {
		return nil, err
	}
	stages := kitchen.Stages()
	var acks []kafka.Message
	goodAt := map[int]string{} // by the number of their batch
	for i := range junk {
		ref := ticketOf(ended[i%len(ended)], stages[i/len(ended)%len(stages)])
		switch {
		case i%unknownEvery == 0:
			if ref.OrderID, err = kitchen.NewOrderID(); err != nil {
				return nil, err
			}
		case i%earlyEvery == 1:
			ref = ticketOf(victims[i/earlyEvery%len(victims)], kitchen.Package)
		}
		acks = append(acks, doneAck(ref))
		if next := len(goodAt); next < len(good) && i >= (next+1)*junk/(len(good)+1) {
			goodAt[len(acks)] = good[next]
			acks = append(acks, doneAck(ticketOf(good[next], kitchen.Mix)))
		}
	}
	writer := &kafka.Writer{Addr: j.kafka.Addr, Transport: j.kafka.Transport, Topic: events.TopicAcks, Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond, BatchSize: junkBatch}
	defer func() { _ = writer.Close() }() // all that counts has been acknowledged
	took := make([]time.Duration, 0, len(good))
	var (
		mu      sync.Mutex
		waiting errgroup.Group
	)
	for from := 0; from < len(acks); from += junkBatch {
		to := min(from+junkBatch, len(acks))
		if err := writer.WriteMessages(ctx, acks[from:to]...); err != nil {
			return nil, err
		}
		written := time.Now()
		for at, orderID := range goodAt {
			if at < from || at >= to {
				continue
			}
			waiting.Go(func() error {
				next, err := j.when(ctx, orderID, kitchen.Bake)
				mu.Lock()
				defer mu.Unlock()
				took = append(took, max(0, next.Sub(written)))
				return err
			})
		}
	}
	return took, waiting.Wait()
}

func doneAck(ref kitchen.TicketRef) kafka.Message {
	return kafka.Message{Key: []byte(ref.OrderID), Value: fmt.Appendf(nil, `{"ticketId":%q,"orderId":%q,"stage":%q,"kind":"done","by":"benchmark"}`, ref.TicketID(), ref.OrderID, ref.Stage)}
}
