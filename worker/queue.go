package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/cupcakery/cupcakery/events"
)

const (
	// maxAcksInFlight bounds, per partition, the acks read but not finished.
	maxAcksInFlight = 256
	// laneCount is how many acks are carried at once.
	laneCount = 32
)

// ackQueue decides when each ack is carried: many at once, but those of one
// order one after the other, in the order of the log.
//
//	             lane of the order
//	consumer ──► ack ack ack ──────► carry ──────────────────► commit
//	                                   │ between two attempts     ▲
//	                                   │ of its ticket            │
//	                                   └─► beside the lane, with ─┘
//	                                       the order's later acks
//	                                       behind it
type ackQueue struct {
	carrier *ackCarrier
	metrics *metrics
	lanes   [laneCount]chan queuedAck
	seed    maphash.Seed // of the choice of lanes

	// waiting counts the orders that have an ack beside its lane.
	waiting sync.WaitGroup
	mu      sync.Mutex // guards behind
	// behind has an entry for each of those orders, by key: the acks that were
	// read after the one beside the lane.
	behind map[string][]queuedAck
}

// queuedAck is an ack that has been read and not yet finished.
type queuedAck struct {
	ctx      context.Context // ends when the ack's partition is taken away
	delivery *events.Delivery
	done     func() // lets the ack be committed
}

// finish lets the ack be committed if it was carried.
func (a queuedAck) finish(err error) {
	if err == nil {
		a.done()
	}
}

func newAckQueue(carrier *ackCarrier, metrics *metrics) *ackQueue {
	q := &ackQueue{carrier: carrier, metrics: metrics, seed: maphash.MakeSeed(), behind: make(map[string][]queuedAck)}
	for i := range q.lanes {
		q.lanes[i] = make(chan queuedAck)
	}
	return q
}

// run reads acks and carries them until ctx ends and all that were read are
// finished.
func (q *ackQueue) run(ctx context.Context, consumer *events.Consumer) error {
	var working sync.WaitGroup
	for _, lane := range q.lanes {
		working.Go(func() {
			for ack := range lane {
				q.work(ack)
			}
		})
	}
	err := consumer.Run(ctx)
	// The consumer does not call add any more, so the lanes can be closed.
	for _, lane := range q.lanes {
		close(lane)
	}
	working.Wait()
	q.waiting.Wait()
	if err != nil {
		return fmt.Errorf("read acks: %w", err)
	}
	return nil
}

// add puts an ack into the lane of its order. It blocks while the lane is busy,
// which is the consumer's back-pressure.
func (q *ackQueue) add(ctx context.Context, delivery *events.Delivery) {
	q.metrics.waiting(delivery.Partition, delivery.Lag())
	lane := q.lanes[maphash.Bytes(q.seed, delivery.Key)%laneCount]
	select {
	case lane <- queuedAck{ctx, delivery, delivery.Done}:
	case <-ctx.Done():
	}
}

// work carries an ack, unless it has to wait for its ticket's next attempt or
// behind another ack of its order: the other orders of its lane go on.
func (q *ackQueue) work(ack queuedAck) {
	if q.waitsBehind(ack) {
		return
	}
	err := q.carrier.carry(ack.ctx, ack.delivery)
	if !errors.Is(err, errBetweenAttempts) {
		ack.finish(err)
		return
	}
	key := string(ack.delivery.Key)
	q.mu.Lock()
	q.behind[key] = nil
	q.mu.Unlock()
	q.waiting.Go(func() {
		for more := true; more; ack, more = q.nextBehind(key) {
			ack.finish(q.carrier.carryPatiently(ack.ctx, ack.delivery))
		}
	})
}

// waitsBehind puts an ack behind another of its order that waits beside the
// lane, and reports whether there is one.
func (q *ackQueue) waitsBehind(ack queuedAck) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := string(ack.delivery.Key)
	acks, waits := q.behind[key]
	if waits {
		q.behind[key] = append(acks, ack)
	}
	return waits
}

// nextBehind removes and returns the next ack of an order. If there is none, the
// order goes back to its lane.
func (q *ackQueue) nextBehind(key string) (ack queuedAck, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	acks := q.behind[key]
	if len(acks) == 0 {
		delete(q.behind, key)
		return queuedAck{}, false
	}
	q.behind[key] = acks[1:]
	return acks[0], true
}
