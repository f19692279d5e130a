package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/time/rate"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/fault"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// maxAcksInFlight bounds, per partition, the acks read but not finished.
	maxAcksInFlight = 256
	// lanes is how many acks are carried at once. The acks of one order
	// share a lane, so they are carried in the order of the log.
	lanes = 32
	// carryWithin bounds one call to Temporal.
	carryWithin = 10 * time.Second

	// betweenAttemptsWithin is far longer than the pause between two attempts
	// while a worker is there.
	betweenAttemptsWithin = 5 * time.Minute

	// misplacedTold is how often it is said that acks lie in the wrong place.
	misplacedTold = time.Minute

	pauseAtFirst = 100 * time.Millisecond
	pauseAtMost  = 5 * time.Second
)

// publisher takes acks that cannot be carried as they are: those that can never
// be understood, and those that lie in the wrong place.
type publisher interface {
	PublishDeadLetter(ctx context.Context, original events.Message, reason string) error
	ForwardAck(ctx context.Context, original events.Message, ack kitchen.Ack) error
}

// ackCarrier carries acks from Kafka into Temporal.
type ackCarrier struct {
	temporal  client.Client
	orders    *workflows.Orders
	namespace string
	publisher publisher
	watch     *events.PublishWatch // hears of what is published; may be nil
	courtesy  *courtesy
	// betweenAttempts is how long an ack may wait for its ticket's next
	// attempt.
	betweenAttempts time.Duration
	logger          *slog.Logger
	tellMisplaced   rate.Sometimes
	metrics         *metrics
	lanes           [lanes]chan inHand
	seed            maphash.Seed
	// waiting counts the orders of which an ack waits beside its lane for its
	// ticket's next attempt, and behind has by order what was read after it: an
	// order's acks are delivered in their order.
	waiting  sync.WaitGroup
	behindMu sync.Mutex
	behind   map[string][]inHand
}

// inHand is an ack that has been read and not yet finished. Its context ends
// when its partition is taken away.
type inHand struct {
	ctx      context.Context
	delivery *events.Delivery
	done     func()
}

func newAckCarrier(temporalClient client.Client, namespace string, publisher publisher, logger *slog.Logger, metrics *metrics) *ackCarrier {
	carrier := &ackCarrier{
		temporal:  temporalClient,
		orders:    workflows.NewOrders(temporalClient),
		namespace: namespace,
		publisher: publisher,
		logger:    logger,
		metrics:   metrics,
		seed:      maphash.MakeSeed(),

		tellMisplaced: rate.Sometimes{First: 1, Interval: misplacedTold},

		betweenAttempts: betweenAttemptsWithin,
		behind:          make(map[string][]inHand),
	}
	carrier.courtesy = newCourtesy(carrier.heartbeat)
	for i := range carrier.lanes {
		carrier.lanes[i] = make(chan inHand)
	}
	return carrier
}

// run reads acks and carries them until ctx ends and what is in hand is done.
func (c *ackCarrier) run(ctx context.Context, consumer *events.Consumer) error {
	var working sync.WaitGroup
	for _, lane := range c.lanes {
		working.Go(func() {
			for hand := range lane {
				c.carry(hand)
			}
		})
	}
	err := consumer.Run(ctx)
	// The consumer calls take no more, so the lanes can be closed.
	for _, lane := range c.lanes {
		close(lane)
	}
	working.Wait()
	c.waiting.Wait()
	c.courtesy.stop()
	if err != nil {
		return fmt.Errorf("read acks: %w", err)
	}
	return nil
}

// take hands a message to the lane of its order. While the lane is busy it
// blocks, which is the consumer's back-pressure.
func (c *ackCarrier) take(ctx context.Context, delivery *events.Delivery) {
	c.metrics.waiting(delivery.Partition, delivery.Lag())
	lane := c.lanes[maphash.Bytes(c.seed, delivery.Key)%lanes]
	select {
	case lane <- inHand{ctx, delivery, delivery.Done}:
	case <-ctx.Done():
	}
}

// carry finishes one message, however long Temporal or Kafka are away. It
// gives up, without committing, only when the message is no longer ours. A
// message that has to wait for its ticket's next attempt waits beside the lane,
// and what comes for the same order waits behind it.
func (c *ackCarrier) carry(hand inHand) {
	if c.waitsBehind(hand) {
		return
	}
	later := c.attempt(hand)
	if later == nil {
		return
	}
	key := string(hand.delivery.Key)
	c.behindMu.Lock()
	c.behind[key] = nil
	c.behindMu.Unlock()
	c.waiting.Go(func() {
		later()
		for next, more := c.nextBehind(key); more; next, more = c.nextBehind(key) {
			if later := c.attempt(next); later != nil {
				later()
			}
		}
	})
}

// waitsBehind puts a message behind another of its order that waits, if there
// is one.
func (c *ackCarrier) waitsBehind(hand inHand) bool {
	c.behindMu.Lock()
	defer c.behindMu.Unlock()
	key := string(hand.delivery.Key)
	queue, waits := c.behind[key]
	if waits {
		c.behind[key] = append(queue, hand)
	}
	return waits
}

// nextBehind takes the next message of an order, or ends the waiting.
func (c *ackCarrier) nextBehind(key string) (hand inHand, more bool) {
	c.behindMu.Lock()
	defer c.behindMu.Unlock()
	queue := c.behind[key]
	if len(queue) == 0 {
		delete(c.behind, key)
		return inHand{}, false
	}
	c.behind[key] = queue[1:]
	return queue[0], true
}

// attempt finishes one message, unless it came between two attempts of its
// ticket: then it returns what finishes it later.
func (c *ackCarrier) attempt(hand inHand) (later func()) {
	logger := c.logger.With("topic", hand.delivery.Topic, "partition", hand.delivery.Partition, "offset", hand.delivery.Offset)
	ack, err := events.DecodeAck(hand.delivery.Message)
	var misplaced *events.MisplacedError
	switch {
	case errors.As(err, &misplaced):
		if c.forward(hand, ack, misplaced, logger.With("ticket_id", ack.TicketID)) {
			hand.done()
		}
		return nil
	case err == nil:
		logger = logger.With("ticket_id", ack.TicketID, "kind", ack.Kind)
		err = c.deliver(hand, ack, logger)
		fault.Pass(fault.AckDelivered, ack.OrderID, ack.TicketID, string(ack.Kind))
	}
	if errors.Is(err, errBetweenAttempts) {
		return func() { c.finish(hand, c.deliverLater(hand, ack, logger), logger) }
	}
	c.finish(hand, err, logger)
	return nil
}

// finish commits a message that was delivered, or buries it for the reason
// why it never can be.
func (c *ackCarrier) finish(hand inHand, err error, logger *slog.Logger) {
	if err != nil && (hand.ctx.Err() != nil || !c.bury(hand, err, logger)) {
		return
	}
	hand.done()
}

// deliverLater delivers an ack that came between two attempts of its ticket.
// That is over in a moment, unless no worker takes up the next attempt; other
// orders must not wait for it, nor commits for ever.
func (c *ackCarrier) deliverLater(hand inHand, ack kitchen.Ack, logger *slog.Logger) error {
	deadline := time.Now().Add(c.betweenAttempts)
	for wait := pauseAtFirst; time.Now().Before(deadline); wait = min(2*wait, pauseAtMost) {
		if !pause(hand.ctx, wait) {
			return hand.ctx.Err()
		}
		if err := c.deliver(hand, ack, logger); !errors.Is(err, errBetweenAttempts) {
			return err
		}
	}
	return fmt.Errorf("no attempt of its ticket has begun for %s: redrive it when the order's workers are back", kitchen.Duration(c.betweenAttempts))
}

// deliver tells Temporal what the ack says, again and again while Temporal is
// away. The error is a reason why the ack can never be delivered, or that of
// the ended context.
func (c *ackCarrier) deliver(hand inHand, ack kitchen.Ack, logger *slog.Logger) error {
	if ack.Kind == kitchen.AckStarted {
		if hand.delivery.Lag() <= courtesyUpToLag {
			c.courtesy.afterwards(ack)
		}
		c.metrics.acks.WithLabelValues(string(ack.Kind), outcomeCarried).Inc()
		return nil
	}
	c.courtesy.forget(ack.TicketID)
	fault.Pass(fault.AckRead, ack.OrderID, ack.TicketID, string(ack.Kind))
	for wait := pauseAtFirst; ; wait = min(2*wait, pauseAtMost) {
		err := c.end(hand.ctx, ack)
		if workflows.IsNotFound(err) {
			err = c.lookAgain(hand.ctx, ack, err)
		}
		if errors.Is(err, errBetweenAttempts) {
			return err
		}
		switch judge(err) {
		case carried:
			c.metrics.acks.WithLabelValues(string(ack.Kind), outcomeCarried).Inc()
			logger.DebugContext(hand.ctx, "carried an ack")
			return nil
		case stale:
			c.metrics.acks.WithLabelValues(string(ack.Kind), outcomeStale).Inc()
			logger.DebugContext(hand.ctx, "stale ack: its ticket waits for none")
			return nil
		case poison:
			return err
		}
		if hand.ctx.Err() != nil {
			return hand.ctx.Err()
		}
		c.metrics.temporalRetries.Inc()
		if wait == pauseAtFirst {
			logger.Log(hand.ctx, loudness(err), "Temporal cannot take an ack; it keeps its place and is tried again", "error", err)
		}
		if !pause(hand.ctx, wait) {
			return hand.ctx.Err()
		}
	}
}

// end ends the ticket's activity with what the ack says.
func (c *ackCarrier) end(ctx context.Context, ack kitchen.Ack) error {
	ctx, cancel := context.WithTimeout(ctx, carryWithin)
	defer cancel()
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if err != nil {
		return serviceerror.NewInvalidArgument(err.Error())
	}
	workflowID := kitchen.WorkflowID(ref.OrderID)
	if ack.Kind == kitchen.AckFailed {
		return c.fail(ctx, ref, ack)
	}
	if ack.Attempt == 0 || ack.StartedAt == nil {
		if err := c.complete(ctx, ref, &ack); err != nil {
			return err
		}
	}
	return c.temporal.CompleteActivityByID(ctx, c.namespace, workflowID, "", ref.ActivityID(), ack, nil)
}

// fail ends the ticket's attempt, or the whole ticket if its order must know
// at once: because the failure means something else than the same ticket
// again, or because pieces were scrapped, which are counted.
func (c *ackCarrier) fail(ctx context.Context, ref kitchen.TicketRef, ack kitchen.Ack) error {
	final := ref.Kind == kitchen.TicketUndo || ack.Scrapped > 0
	if !final {
		rules, err := c.orders.Rules(ctx, ref.OrderID)
		if err != nil {
			return err
		}
		final = rules.OutcomeFor(ack.Reason) != kitchen.OutcomeAgain
	}
	if final && ack.Attempt == 0 {
		if err := c.complete(ctx, ref, &ack); err != nil {
			return err
		}
	}
	err := c.temporal.CompleteActivityByID(ctx, c.namespace, kitchen.WorkflowID(ref.OrderID), "", ref.ActivityID(), nil, failure(ack, final))
	if !final && workflows.IsNotFound(err) {
		return errAttemptOver
	}
	return err
}

// errAttemptOver says that a failure came when its attempt had ended: the
// ticket comes again anyway.
var errAttemptOver = errors.New("the attempt is over already")

// errBetweenAttempts says that nobody waits for an ack now, and somebody will.
var errBetweenAttempts = errors.New("the ticket is between two attempts")

// complete adds to an ack what its station left out and Temporal knows of the
// pending ticket. Stations that use our library say it themselves, so this
// call is for acks typed by hand.
func (c *ackCarrier) complete(ctx context.Context, ref kitchen.TicketRef, ack *kitchen.Ack) error {
	description, err := c.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(ref.OrderID), "")
	if err != nil {
		return err
	}
	for _, ticket := range workflows.PendingTickets(description) {
		if ticket.Ref != ref {
			continue
		}
		if ack.Attempt == 0 {
			ack.Attempt = ticket.Attempt
		}
		if ack.StartedAt == nil && ticket.AtWork != nil {
			startedAt := ticket.AtWork.At
			if startedAt.After(ack.At) { // by another clock
				startedAt = ack.At
			}
			ack.StartedAt = &startedAt
		}
	}
	return nil
}

// failure is the error that ends an attempt whose station failed. Its type is
// the reason, its text what operators read in the Temporal UI; a final one ends
// the ticket as well.
func failure(ack kitchen.Ack, final bool) error {
	reason := ack.Reason
	if reason == "" {
		reason = kitchen.ReasonOther
	}
	message := fmt.Sprintf("%s at %s: %s", reason, ack.Stage, ack.By)
	if ack.Note != "" {
		message += ": " + ack.Note
	}
	return temporal.NewApplicationErrorWithOptions(message, reason, temporal.ApplicationErrorOptions{Details: []any{ack}, NonRetryable: final})
}

// heartbeat shows in the Temporal UI who has the ticket in hand.
func (c *ackCarrier) heartbeat(ctx context.Context, ack kitchen.Ack) {
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if err != nil {
		return // cannot be: the ack has been checked
	}
	err = c.temporal.RecordActivityHeartbeatByID(ctx, c.namespace, kitchen.WorkflowID(ref.OrderID), "", ref.ActivityID(), kitchen.AtWork{By: ack.By, At: ack.At})
	if err != nil {
		c.logger.DebugContext(ctx, "who is at work was not shown", "ticket_id", ack.TicketID, "error", err)
		return
	}
	c.metrics.heartbeats.Inc()
}

// forward puts an ack that lies in the wrong place among the others of its
// order, where it is read again and counts for everybody alike, and reports
// whether it is there.
func (c *ackCarrier) forward(hand inHand, ack kitchen.Ack, why *events.MisplacedError, logger *slog.Logger) bool {
	var tooLarge error
	if !c.write(hand.ctx, logger, "a misplaced ack could not be forwarded; it is tried again", events.TopicAcks, func() error {
		err := c.publisher.ForwardAck(hand.ctx, hand.delivery.Message, ack)
		if errors.Is(err, events.ErrTooLarge) {
			tooLarge = err
			return nil
		}
		return err
	}) {
		return false
	}
	if tooLarge != nil {
		return c.bury(hand, fmt.Errorf("%w; and it is too large to be forwarded", why), logger)
	}
	fault.Pass(fault.AckForwarded, ack.OrderID, ack.TicketID, string(ack.Kind))
	c.metrics.acks.WithLabelValues(string(ack.Kind), outcomeForwarded).Inc()
	c.tellMisplaced.Do(func() {
		logger.WarnContext(hand.ctx, "acks lie in the wrong place and are forwarded, which takes them longer; cupcakery_acks_total counts them",
			"by", ack.By, "reason", why)
	})
	return true
}

// bury puts a poison ack into dead-letters and reports whether it is there.
func (c *ackCarrier) bury(hand inHand, why error, logger *slog.Logger) bool {
	if !c.write(hand.ctx, logger, "a dead letter could not be written; it is tried again", events.TopicDeadLetters, func() error {
		return c.publisher.PublishDeadLetter(hand.ctx, hand.delivery.Message, why.Error())
	}) {
		return false
	}
	fault.Pass(fault.LetterPublished, string(hand.delivery.Key))
	c.metrics.acks.WithLabelValues("", outcomePoison).Inc()
	logger.WarnContext(hand.ctx, "an ack that cannot be understood went to dead-letters", "reason", why)
	return true
}

// write publishes again and again until Kafka has it, and reports whether it
// has, or false if ctx ended.
func (c *ackCarrier) write(ctx context.Context, logger *slog.Logger, failed, topic string, publish func() error) bool {
	for wait := pauseAtFirst; ; wait = min(2*wait, pauseAtMost) {
		err := publish()
		if c.watch != nil {
			c.watch.Heard(topic, err)
		}
		if err == nil {
			return true
		}
		if wait == pauseAtFirst {
			logger.DebugContext(ctx, failed, "error", err)
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

// lookAgain tells an ack that no activity waits for from one that came between
// two attempts or two runs: that one is tried again.
func (c *ackCarrier) lookAgain(ctx context.Context, ack kitchen.Ack, notFound error) error {
	ctx, cancel := context.WithTimeout(ctx, carryWithin)
	defer cancel()
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if err != nil {
		return notFound // cannot be: the ack has been checked
	}
	description, err := c.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(ref.OrderID), "")
	switch {
	case err != nil:
		return err
	case workflows.IsBetweenAttempts(description, ref):
		return errBetweenAttempts
	}
	return notFound
}

// verdict is what becomes of an ack after a call to Temporal.
type verdict int

const (
	carried verdict = iota + 1
	stale
	poison
	again
)

// judge is the one place that decides whether an ack is tried again. What is
// not known to be final is: an ack must not be lost to an error that passes.
func judge(err error) verdict {
	var invalid *serviceerror.InvalidArgument
	switch {
	case err == nil:
		return carried
	case workflows.IsNotFound(err), errors.Is(err, errAttemptOver):
		// No such pending activity: done before, or its order has closed, or
		// it never was.
		return stale
	case errors.As(err, &invalid):
		// Temporal will not take it in this form, such as one over its size
		// limit.
		return poison
	}
	return again
}
