package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
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
	// acksAtOnce is how many acks are carried at once. One that waits, for the log,
	// for Temporal to come back or for its ticket's next attempt, is not counted.
	acksAtOnce = 64

	// betweenAttemptsWithin is longer than the pause between two attempts while a
	// worker is there.
	betweenAttemptsWithin = 10 * time.Second

	// misplacedLogInterval is how often it is logged that acks lie in the wrong
	// place.
	misplacedLogInterval = time.Minute

	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second

	// beatAgainAfter is longer than the pause between two attempts.
	beatAgainAfter = 2 * time.Second
)

// typeReleased is the type of the failure that ends an attempt whose ticket was put
// back.
const typeReleased = "released"

// publisher takes acks that cannot be carried as they are: those that can never
// be understood or are refused, and those that lie in the wrong place.
type publisher interface {
	PublishDeadLetter(ctx context.Context, original events.Message, reason string) error
	ForwardAck(ctx context.Context, original events.Message, ack kitchen.Ack) error
	PublishAck(ctx context.Context, ack kitchen.Ack) error
}

// ackCarrier carries single acks from Kafka into Temporal. It may carry many at
// once.
type ackCarrier struct {
	temporal   client.Client
	orders     *workflows.Orders
	namespace  string
	log        *ticketLog
	publisher  publisher
	watch      *events.PublishWatch // hears of what is published; may be nil
	heartbeats *heartbeats
	runs       *runs
	room       chan struct{} // taken for as long as Temporal is asked about an ack
	// betweenAttempts is how long an ack may wait for its ticket's next
	// attempt.
	betweenAttempts time.Duration
	logger          *slog.Logger
	misplacedLog    rate.Sometimes
	metrics         *metrics
}

func newAckCarrier(temporalClient client.Client, orders *workflows.Orders, namespace string, log *ticketLog, publisher publisher, logger *slog.Logger, metrics *metrics) *ackCarrier {
	carrier := &ackCarrier{
		temporal:  temporalClient,
		orders:    orders,
		namespace: namespace,
		log:       log,
		publisher: publisher,
		runs:      newRuns(),
		room:      make(chan struct{}, acksAtOnce),
		logger:    logger,
		metrics:   metrics,

		betweenAttempts: betweenAttemptsWithin,
		misplacedLog:    rate.Sometimes{First: 1, Interval: misplacedLogInterval},
	}
	carrier.heartbeats = newHeartbeats(carrier.sendHeartbeat)
	log.judgeFailure = carrier.judgeFailure
	return carrier
}

// carry finishes an ack, however long Temporal or Kafka are away: Temporal has
// it or needs it no more, or it lies in dead-letters or among the others of its
// order. It returns nil then, and the ack may be committed. It gives up with
// ctx's error when the ack's partition is taken away.
func (c *ackCarrier) carry(a queuedAck) error {
	ctx, span, sent := c.startProcess(a)
	result, err := c.finish(ctx, a)
	c.endProcess(span, a, sent, result, err)
	return err
}

// finish is carry, and tells what became of the ack.
func (c *ackCarrier) finish(ctx context.Context, a queuedAck) (outcome, error) {
	ack, original := a.ack, a.delivery.Message
	logger := c.logger.With("topic", original.Topic, "partition", original.Partition, "offset", original.Offset)
	if misplaced, is := errors.AsType[*events.MisplacedError](a.fault); is {
		return outcomeForwarded, c.forward(ctx, original, ack, misplaced, logger.With("ticket_id", ack.TicketID))
	}
	if a.fault != nil {
		return outcomePoison, c.bury(ctx, original, a.fault, logger)
	}
	logger = logger.With("ticket_id", ack.TicketID, "kind", ack.Kind)
	result, err := c.resolve(ctx, ack, original, logger)
	fault.Pass(fault.AckDelivered, ack.OrderID, ack.TicketID, string(ack.Kind))
	switch result {
	case outcomePoison:
		return result, c.bury(ctx, original, err, logger)
	case outcomeRefused:
		return result, c.refuse(ctx, original, ack, err, logger)
	case outcomeRetry:
		return result, err
	}
	c.metrics.finished(ack.Kind, result, 1)
	logger.DebugContext(ctx, "an ack is finished", "outcome", result)
	return result, nil
}

// resolve finds out what becomes of an ack. What the log answers costs no call to
// Temporal.
func (c *ackCarrier) resolve(ctx context.Context, ack kitchen.Ack, original events.Message, logger *slog.Logger) (outcome, error) {
	if ack.Kind == kitchen.AckRefused {
		return outcomeStale, nil // it is for those who fold the log
	}
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if err != nil {
		return outcomePoison, err
	}
	says, err := c.log.judge(ctx, ack, original)
	switch {
	case err != nil:
		return outcomeRetry, err
	case says.refused:
		return outcomeRefused, errRefusedBefore
	case says.known && !says.inForce && !says.mayBeLost(ack):
		return outcomeStale, nil
	}
	switch {
	case !says.inForce && (ack.Kind == kitchen.AckStarted || ack.Kind == kitchen.AckReleased):
		return outcomeStale, nil // nobody knows whose the ticket is; its owner says so again
	case ack.Kind == kitchen.AckStarted:
		return c.show(ctx, ref, ack, says, logger)
	}
	fault.Pass(fault.AckRead, ack.OrderID, ack.TicketID, string(ack.Kind))
	c.heartbeats.settle(ctx, ack.TicketID)
	p := &passage{ref: ref, ack: says.fillIn(ack), names: ack.Attempt, says: says}
	result, err := c.toTemporal(ctx, p, logger)
	if result == outcomeCarried {
		c.metrics.hasCarried(p.ack, original, says.entry, time.Now())
	}
	return result, err
}

// show has Temporal show who has a ticket in hand.
func (c *ackCarrier) show(ctx context.Context, ref kitchen.TicketRef, ack kitchen.Ack, says judgement, logger *slog.Logger) (outcome, error) {
	result, err := c.patiently(ctx, logger, func() error { return c.checkIssued(ctx, ref, ack.Kind, ack.Attempt) })
	if result == outcomeCarried {
		c.heartbeats.plan(ctx, ack.TicketID, !says.claims || ack.TakeOver)
	}
	return result, err
}

// passage is an ack on its way into Temporal.
type passage struct {
	ref kitchen.TicketRef
	ack kitchen.Ack
	// names is the attempt that its sender has named, 0 for none. The one that is
	// filled in is nobody's claim.
	names int
	says  judgement
	// comesAgain says that the attempt which the ack ends is over already: its ticket
	// is issued again anyway.
	comesAgain bool
}

// toTemporal does what an ack says. One that comes between two attempts waits for
// the next for a while. Then it is finished all the same: the next attempt's
// activity finds it in the log.
func (c *ackCarrier) toTemporal(ctx context.Context, p *passage, logger *slog.Logger) (outcome, error) {
	deadline := time.Now().Add(c.betweenAttempts)
	for backoff := retry.NewBackoff(shortestPause, longestPause); ; {
		result, err := c.patiently(ctx, logger, func() error { return c.end(ctx, p) })
		if result != outcomeWait {
			return result, err
		}
		if !time.Now().Before(deadline) {
			return outcomeLeft, nil
		}
		p.comesAgain = true
		if !backoff.Wait(ctx) {
			return outcomeRetry, ctx.Err()
		}
	}
}

// patiently asks Temporal, again and again while it is away, and returns what that
// makes of an ack.
func (c *ackCarrier) patiently(ctx context.Context, logger *slog.Logger, ask func() error) (outcome, error) {
	for backoff := retry.NewBackoff(shortestPause, longestPause); ; {
		select {
		case c.room <- struct{}{}:
		case <-ctx.Done():
			return outcomeRetry, ctx.Err()
		}
		err := ask()
		<-c.room
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
	// outcomeRefused is of an ack about what never was.
	outcomeRefused outcome = "refused"
	// outcomeLeft is of an ack that the next attempt of its ticket finds in the log.
	outcomeLeft  outcome = "left"
	outcomeWait  outcome = "wait"
	outcomeRetry outcome = "retry"
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
	case errors.Is(err, errNeverIssued), errors.Is(err, errNeverSoOften):
		return outcomeRefused
	case workflows.IsNotFound(err), errors.Is(err, errOver):
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

// errOver says that a failure which means the same ticket again comes after the end
// of its ticket.
var errOver = errors.New("the ticket has ended since")

// errBetweenAttempts says that no activity waits for an ack now, and that one
// will.
var errBetweenAttempts = errors.New("the ticket is between two attempts")

// end ends the ticket's activity, or its attempt, with what the ack says.
func (c *ackCarrier) end(ctx context.Context, p *passage) error {
	ctx, cancel := context.WithTimeout(ctx, carryWithin)
	defer cancel()
	if err := c.checkIssued(ctx, p.ref, p.ack.Kind, p.names); err != nil {
		return err
	}
	var err error
	switch p.ack.Kind {
	case kitchen.AckReleased:
		err = c.endAttempt(ctx, p, temporal.NewApplicationErrorWithOptions("put back by "+p.ack.By, typeReleased, temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign}))
	case kitchen.AckFailed:
		err = c.fail(ctx, p)
	default:
		if err = c.fillIn(ctx, p, p.ack.StartedAt == nil); err == nil {
			err = c.complete(ctx, p.ref, p.ack, nil)
		}
	}
	if workflows.IsNotFound(err) {
		return c.lookAgain(ctx, p.ref, p.ack, err)
	}
	return err
}

// fail ends the ticket's attempt, or the whole ticket if its order must know
// at once.
func (c *ackCarrier) fail(ctx context.Context, p *passage) error {
	failed, err := c.judgeFailure(ctx, p.ref, p.ack)
	switch {
	case err != nil:
		return err
	case !failed.Final && p.says.entry.Ended():
		return errOver
	case !failed.Final:
		return c.endAttempt(ctx, p, activities.FailureOf(failed))
	}
	if err := c.fillIn(ctx, p, false); err != nil {
		return err
	}
	failed.Ack = p.ack
	return c.complete(ctx, p.ref, nil, activities.FailureOf(failed))
}

// judgeFailure tells what a failure is by the rules of its order. The order must know
// of it at once if it means something else than the same ticket again, or if pieces
// were scrapped, which are counted.
func (c *ackCarrier) judgeFailure(ctx context.Context, ref kitchen.TicketRef, ack kitchen.Ack) (activities.Failed, error) {
	rules, err := c.orders.Rules(ctx, ref.OrderID)
	switch {
	case isUnreadable(ctx, err):
		return activities.Failed{Ack: ack, Code: kitchen.ReasonOther, Final: true}, nil // the order decides
	case err != nil:
		return activities.Failed{}, err
	}
	final := ref.Kind == kitchen.TicketUndo || ack.Scrapped > 0 || rules.OutcomeFor(ack.Reason) != kitchen.OutcomeAgain
	return activities.Failed{Ack: ack, Code: rules.CodeOf(ack.Reason), Final: final}, nil
}

// endAttempt ends the ticket's attempt, so that the ticket is issued again. Before
// that it takes away who had it: the next attempt would ask why they are silent.
func (c *ackCarrier) endAttempt(ctx context.Context, p *passage, why error) error {
	if err := c.heartbeat(ctx, p.ref, kitchen.AtWork{At: p.ack.At}); err != nil || p.comesAgain {
		return err
	}
	fault.Pass(fault.AttemptCleared, p.ack.OrderID, p.ack.TicketID, string(p.ack.Kind))
	return c.complete(ctx, p.ref, nil, why)
}

func (c *ackCarrier) complete(ctx context.Context, ref kitchen.TicketRef, result any, failure error) error {
	if err := c.orders.CanWrite(); err != nil {
		return err
	}
	err := traceCompletion(ctx, ref, failure, func(ctx context.Context) error {
		return c.runs.call(ref.TicketID(), func(runID string) error {
			return c.temporal.CompleteActivityByID(ctx, c.namespace, kitchen.WorkflowID(ref.OrderID), runID, ref.ActivityID(), result, failure)
		})
	})
	if err == nil {
		c.runs.drop(ref.TicketID())
	}
	return err
}

// fillIn adds to an ack what its station left out, and the log does not know, and
// Temporal knows of the pending ticket. Stations that use our library do not leave
// it out, so this is for acks typed by hand.
func (c *ackCarrier) fillIn(ctx context.Context, p *passage, start bool) error {
	if issued := p.says.entry.Ticket.Attempt > 0; p.ack.Attempt != 0 && (!start || issued) {
		return nil // nobody has said that they have begun, or the log would know
	}
	description, err := c.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(p.ref.OrderID), "")
	if err != nil {
		return err
	}
	pending, err := c.orders.PendingTickets(description)
	if err != nil && !isUnreadable(ctx, err) {
		return err
	}
	for _, ticket := range pending {
		if ticket.Ref != p.ref {
			continue
		}
		if p.ack.Attempt == 0 {
			p.ack.Attempt = ticket.Attempt
		}
		if start && ticket.AtWork != nil {
			startedAt := ticket.AtWork.At
			if startedAt.After(p.ack.At) { // by another clock
				startedAt = p.ack.At
			}
			p.ack.StartedAt = &startedAt
		}
	}
	return nil
}

// sendHeartbeat tells Temporal who has a ticket in hand, if anybody has.
func (c *ackCarrier) sendHeartbeat(ctx context.Context, ticketID string, again int) (retryAfter time.Duration) {
	owner, _ := c.log.Owner(ticketID)
	ref, err := kitchen.ParseTicketID(ticketID)
	if owner.By == "" || err != nil {
		return 0
	}
	switch err := c.heartbeat(ctx, ref, owner); {
	case err == nil:
		c.metrics.heartbeats.Inc()
		return 0
	case !workflows.IsNotFound(err):
		return min(shortestPause<<min(again, 10), longestPause)
	case again == 0 && c.log.issued(ticketID) > 0:
		return beatAgainAfter // it may be between two attempts
	}
	return 0
}

// heartbeat tells Temporal who has the ticket in hand, as the UI shows; an empty
// name for nobody. Temporal has it even if it answers that the ticket was withdrawn.
func (c *ackCarrier) heartbeat(ctx context.Context, ref kitchen.TicketRef, who kitchen.AtWork) error {
	err := c.runs.call(ref.TicketID(), func(runID string) error {
		return c.temporal.RecordActivityHeartbeatByID(ctx, c.namespace, kitchen.WorkflowID(ref.OrderID), runID, ref.ActivityID(), who)
	})
	if temporal.IsCanceledError(err) {
		return nil
	}
	return err
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
	c.metrics.finished(ack.Kind, outcomeForwarded, 1)
	c.misplacedLog.Do(func() {
		logger.WarnContext(ctx, "acks lie in the wrong place and are forwarded, which takes them longer; cupcakery_acks_finished_total counts them",
			"by", ack.By, "reason", why)
	})
	return nil
}

// bury puts a poison ack into dead-letters.
func (c *ackCarrier) bury(ctx context.Context, original events.Message, why error, logger *slog.Logger) error {
	if err := c.writeDeadLetter(ctx, original, why, logger); err != nil {
		return err
	}
	c.metrics.finished("", outcomePoison, 1)
	logger.WarnContext(ctx, "an ack that cannot be understood went to dead-letters", "reason", why)
	return nil
}

// writeDeadLetter makes a dead letter of an ack.
func (c *ackCarrier) writeDeadLetter(ctx context.Context, original events.Message, why error, logger *slog.Logger) error {
	err := c.publish(ctx, logger, "a dead letter could not be written; it is tried again", events.TopicDeadLetters, func() error {
		return c.publisher.PublishDeadLetter(ctx, original, why.Error())
	})
	if err == nil {
		fault.Pass(fault.LetterPublished, string(original.Key))
	}
	return err
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
