package worker

import (
	"context"
	"fmt"
	"sync"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// maxAcksInFlight bounds, per partition, the acks read but not finished.
const maxAcksInFlight = 256

// ackQueue decides when each ack is carried: those of one order one after the
// other, in the order of the log; those of different orders side by side. What one
// order's ack waits for holds up no other order.
//
//	             queue of the order
//	consumer ──► ack ack ack ────────► carry ──► commit
//	         ──► ack ────────────────► carry ──► commit
//
// The consumer's window bounds what is in the queues.
type ackQueue struct {
	carrier *ackCarrier

	working sync.WaitGroup
	mu      sync.Mutex // guards waiting
	// waiting has an entry for each order while one of its acks is carried: the acks
	// that come after that one.
	waiting map[string][]queuedAck
}

// queuedAck is an ack that has been read and not yet finished.
type queuedAck struct {
	ctx      context.Context // ends when the ack's partition is taken away
	delivery *events.Delivery
	ack      kitchen.Ack
	fault    error  // why it cannot be carried as it is
	done     func() // lets it be committed
}

func newAckQueue(carrier *ackCarrier) *ackQueue {
	return &ackQueue{carrier: carrier, waiting: map[string][]queuedAck{}}
}

// run reads acks and carries them until ctx ends and all that were read are
// finished.
func (q *ackQueue) run(ctx context.Context, consumer *events.Consumer) error {
	err := consumer.Run(ctx)
	q.working.Wait() // the consumer does not call add any more
	if err != nil {
		return fmt.Errorf("read acks: %w", err)
	}
	return nil
}

// add puts an ack into the queue of its order. It does not wait: the consumer hands
// out no more acks of a partition than its window holds.
func (q *ackQueue) add(ctx context.Context, delivery *events.Delivery) {
	ack, err := events.DecodeAck(delivery.Message)
	q.put(queuedAck{ctx, delivery, ack, err, delivery.Done})
}

func (q *ackQueue) put(ack queuedAck) {
	order := ack.order()
	q.mu.Lock()
	defer q.mu.Unlock()
	if waiting, busy := q.waiting[order]; busy {
		q.waiting[order] = append(waiting, ack)
		return
	}
	q.waiting[order] = nil
	q.working.Go(func() {
		for more := true; more; ack, more = q.next(order) {
			if q.carrier.carry(ack) == nil {
				ack.done()
			}
		}
	})
}

// order names the queue of an ack. One that cannot be read has a queue of its own.
func (a queuedAck) order() string {
	if a.ack.OrderID != "" {
		return a.ack.OrderID
	}
	return fmt.Sprintf("%s/%d/%d", a.delivery.Topic, a.delivery.Partition, a.delivery.Offset)
}

// next removes and returns the next ack of an order.
func (q *ackQueue) next(order string) (ack queuedAck, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.waiting[order]
	if len(waiting) == 0 {
		delete(q.waiting, order)
		return queuedAck{}, false
	}
	q.waiting[order] = waiting[1:]
	return waiting[0], true
}
