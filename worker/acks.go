package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"golang.org/x/time/rate"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/fault"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// carryWithin bounds one call to Temporal.
	carryWithin = 10 * time.Second

	// betweenAttemptsWithin is far longer than the pause between two attempts
	// while a worker is there.
	betweenAttemptsWithin = 5 * time.Minute

	// misplacedLogInterval is how often it is logged that acks lie in the wrong
	// place.
	misplacedLogInterval = time.Minute

	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
)

// publisher takes acks that cannot be carried as they are: those that can never
// be understood, and those that lie in the wrong place.
type publisher interface {
	PublishDeadLetter(ctx context.Context, original events.Message, reason string) error
	ForwardAck(ctx context.Context, original events.Message, ack kitchen.Ack) error
}

// ackCarrier carries single acks from Kafka into Temporal. It may carry many at
// once.
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
	misplacedLog    rate.Sometimes
	metrics         *metrics
}

func newAckCarrier(temporalClient client.Client, namespace string, publisher publisher, logger *slog.Logger, metrics *metrics) *ackCarrier {
	carrier := &ackCarrier{
		temporal:  temporalClient,
		orders:    workflows.NewOrders(temporalClient),
		namespace: namespace,
		publisher: publisher,
		logger:    logger,
		metrics:   metrics,

		betweenAttempts: betweenAttemptsWithin,
		misplacedLog:    rate.Sometimes{First: 1, Interval: misplacedLogInterval},
	}
	carrier.courtesy = newCourtesy(carrier.heartbeat)
	return carrier
}

// carry finishes an ack, however long Temporal or Kafka are away: Temporal has
// it or needs it no more, or it lies in dead-letters or among the others of its
// order. It returns nil then, and the ack may be committed. It gives up with
// ctx's error when the ack's partition is taken away, and with
// errBetweenAttempts when the ack has to wait for its ticket's next attempt.
func (c *ackCarrier) carry(ctx context.Context, delivery *events.Delivery) error {
	logger := c.loggerOf(delivery)
	ack, err := events.DecodeAck(delivery.Message)
	if misplaced, is := errors.AsType[*events.MisplacedError](err); is {
		return c.forward(ctx, delivery.Message, ack, misplaced, logger.With("ticket_id", ack.TicketID))
	}
	if err != nil {
		return c.bury(ctx, delivery.Message, err, logger)
	}
	logger = logger.With("ticket_id", ack.TicketID, "kind", ack.Kind)
	result, err := c.toTemporal(ctx, ack, delivery.Lag(), logger)
	fault.Pass(fault.AckDelivered, ack.OrderID, ack.TicketID, string(ack.Kind))
	switch result {
	case outcomePoison:
		return c.bury(ctx, delivery.Message, err, logger)
	case outcomeWait, outcomeRetry:
		return err
	}
	c.metrics.acks.WithLabelValues(string(ack.Kind), string(result)).Inc()
	logger.DebugContext(ctx, "an ack is finished", "outcome", result)
	return nil
}

// carryPatiently is carry for an ack that may have to wait for its ticket's next
// attempt. That begins in a moment, unless no worker takes it up: commits must
// not wait for that for ever.
func (c *ackCarrier) carryPatiently(ctx context.Context, delivery *events.Delivery) error {
	deadline := time.Now().Add(c.betweenAttempts)
	for backoff := retry.NewBackoff(shortestPause, longestPause); ; {
		err := c.carry(ctx, delivery)
		if !errors.Is(err, errBetweenAttempts) {
			return err
		}
		if time.Now().After(deadline) {
			ack, _ := events.DecodeAck(delivery.Message) // which carry has read
			err = fmt.Errorf("no attempt of its ticket has begun for %s: redrive it when the order's workers are back", kitchen.Duration(c.betweenAttempts))
			return c.bury(ctx, delivery.Message, err, c.loggerOf(delivery).With("ticket_id", ack.TicketID, "kind", ack.Kind))
		}
		if !backoff.Wait(ctx) {
			return ctx.Err()
		}
	}
}

func (c *ackCarrier) loggerOf(delivery *events.Delivery) *slog.Logger {
	return c.logger.With("topic", delivery.Topic, "partition", delivery.Partition, "offset", delivery.Offset)
}

// toTemporal does what an ack says, again and again while Temporal is away. Who
// has started a ticket is shown later, or not at all if many acks wait.
func (c *ackCarrier) toTemporal(ctx context.Context, ack kitchen.Ack, lag int64, logger *slog.Logger) (outcome, error) {
	if ack.Kind == kitchen.AckStarted {
		if lag <= courtesyUpToLag {
			c.courtesy.plan(ack)
		}
		return outcomeCarried, nil
	}
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if err != nil {
		return outcomePoison, err
	}
	c.courtesy.forget(ack.TicketID)
	fault.Pass(fault.AckRead, ack.OrderID, ack.TicketID, string(ack.Kind))
	for backoff := retry.NewBackoff(shortestPause, longestPause); ; {
		err := c.end(ctx, ref, ack)
		if workflows.IsNotFound(err) {
			err = c.lookAgain(ctx, ref, err)
		}
		if result := outcomeOf(err); result != outcomeRetry {
			return result, err
		}
		if ctx.Err() != nil {
			return outcomeRetry, ctx.Err()
		}
		c.metrics.temporalRetries.Inc()
		if backoff.IsFresh() {
			logger.Log(ctx, levelOf(err), "Temporal cannot take an ack; it keeps its place and is tried again", "error", err)
		}
		if !backoff.Wait(ctx) {
			return outcomeRetry, ctx.Err()
		}
	}
}

// outcome is what becomes of an ack.
type outcome string

// The outcomes of an ack. Those that finish it are the metric's label.
const (
	outcomeCarried outcome = "carried"
	outcomeStale   outcome = "stale"
	outcomePoison  outcome = "poison"
	// outcomeForwarded is of an ack that lay in the wrong place.
	outcomeForwarded outcome = "forwarded"
	outcomeWait      outcome = "wait for the next attempt"
	outcomeRetry     outcome = "retry"
)

// outcomeOf is the one place that decides, after a call to Temporal, whether an
// ack is tried again. What is not known to be final is: an ack must not be lost
// to an error that passes.
func outcomeOf(err error) outcome {
	var invalid *serviceerror.InvalidArgument
	switch {
	case err == nil:
		return outcomeCarried
	case errors.Is(err, errBetweenAttempts):
		// Its ticket is about to be issued again.
		return outcomeWait
	case workflows.IsNotFound(err), errors.Is(err, errAttemptOver):
		// No such pending activity: done before, or its order has closed, or
		// it never was.
		return outcomeStale
	case errors.As(err, &invalid):
		// Temporal will not take it in this form, such as one over its size
		// limit.
		return outcomePoison
	}
	return outcomeRetry
}

// errAttemptOver says that a failure came when its attempt had ended: the
// ticket comes again anyway.
var errAttemptOver = errors.New("the attempt is over already")

// errBetweenAttempts says that no activity waits for an ack now, and that one
// will.
var errBetweenAttempts = errors.New("the ticket is between two attempts")

// end ends the ticket's activity with what the ack says.
func (c *ackCarrier) end(ctx context.Context, ref kitchen.TicketRef, ack kitchen.Ack) error {
	ctx, cancel := context.WithTimeout(ctx, carryWithin)
	defer cancel()
	if ack.Kind == kitchen.AckFailed {
		return c.fail(ctx, ref, ack)
	}
	if ack.Attempt == 0 || ack.StartedAt == nil {
		if err := c.fillIn(ctx, ref, &ack); err != nil {
			return err
		}
	}
	return c.temporal.CompleteActivityByID(ctx, c.namespace, kitchen.WorkflowID(ref.OrderID), "", ref.ActivityID(), ack, nil)
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
		if err := c.fillIn(ctx, ref, &ack); err != nil {
			return err
		}
	}
	err := c.temporal.CompleteActivityByID(ctx, c.namespace, kitchen.WorkflowID(ref.OrderID), "", ref.ActivityID(), nil, activities.FailureOf(ack, final))
	if !final && workflows.IsNotFound(err) {
		return errAttemptOver
	}
	return err
}

// fillIn adds to an ack what its station left out and Temporal knows of the
// pending ticket. Stations that use our library do not leave it out, so this is
// for acks typed by hand.
func (c *ackCarrier) fillIn(ctx context.Context, ref kitchen.TicketRef, ack *kitchen.Ack) error {
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

// lookAgain distinguishes an ack that no activity will ever wait for from one
// that came between two attempts or two runs.
func (c *ackCarrier) lookAgain(ctx context.Context, ref kitchen.TicketRef, notFound error) error {
	ctx, cancel := context.WithTimeout(ctx, carryWithin)
	defer cancel()
	description, err := c.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(ref.OrderID), "")
	switch {
	case err != nil:
		return err
	case workflows.IsBetweenAttempts(description, ref):
		return errBetweenAttempts
	}
	return notFound
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
// order, where it is read again and counts for everybody alike.
func (c *ackCarrier) forward(ctx context.Context, original events.Message, ack kitchen.Ack, why *events.MisplacedError, logger *slog.Logger) error {
	var tooLarge error
	err := c.publish(ctx, logger, "a misplaced ack could not be forwarded; it is tried again", events.TopicAcks, func() error {
		err := c.publisher.ForwardAck(ctx, original, ack)
		if errors.Is(err, events.ErrTooLarge) {
			tooLarge = err
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case tooLarge != nil:
		return c.bury(ctx, original, fmt.Errorf("%w; and it is too large to be forwarded", why), logger)
	}
	fault.Pass(fault.AckForwarded, ack.OrderID, ack.TicketID, string(ack.Kind))
	c.metrics.acks.WithLabelValues(string(ack.Kind), string(outcomeForwarded)).Inc()
	c.misplacedLog.Do(func() {
		logger.WarnContext(ctx, "acks lie in the wrong place and are forwarded, which takes them longer; cupcakery_acks_total counts them",
			"by", ack.By, "reason", why)
	})
	return nil
}

// bury puts a poison ack into dead-letters.
func (c *ackCarrier) bury(ctx context.Context, original events.Message, why error, logger *slog.Logger) error {
	err := c.publish(ctx, logger, "a dead letter could not be written; it is tried again", events.TopicDeadLetters, func() error {
		return c.publisher.PublishDeadLetter(ctx, original, why.Error())
	})
	if err != nil {
		return err
	}
	fault.Pass(fault.LetterPublished, string(original.Key))
	c.metrics.acks.WithLabelValues("", string(outcomePoison)).Inc()
	logger.WarnContext(ctx, "an ack that cannot be understood went to dead-letters", "reason", why)
	return nil
}

// publish publishes again and again until Kafka has it or ctx ends, and returns
// ctx's error then: whoever has the partition now publishes it.
func (c *ackCarrier) publish(ctx context.Context, logger *slog.Logger, failed, topic string, publish func() error) error {
	for backoff := retry.NewBackoff(shortestPause, longestPause); ctx.Err() == nil; backoff.Wait(ctx) {
		err := publish()
		if c.watch != nil {
			c.watch.Heard(topic, err)
		}
		if err == nil {
			return nil
		}
		if backoff.IsFresh() {
			logger.DebugContext(ctx, failed, "error", err)
		}
	}
	return ctx.Err()
}
