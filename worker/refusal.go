package worker

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/fault"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// refuser is who refuses an ack.
const refuser = "worker"

// Why an ack is refused: it is about what never was. Tickets and acks lie in
// different topics, so those who fold the log cannot tell such an ack from one whose
// ticket they have not read yet. The worker can ask Temporal, and tells them by an
// ack of its own.
var (
	errNeverIssued   = errors.New("its ticket has never been issued, and its order is open: wait until it has been, then send the ack again")
	errNeverSoOften  = errors.New("its ticket has not been issued as often as its attempt says: leave the attempt out, or give the one that the ticket has")
	errRefusedBefore = errors.New("it was refused: its ticket had never been issued, or not as often as its attempt says")
)

// lookAgain finds out about an ack for which no activity waits: whether one will,
// since it came between two attempts or two runs; or its ticket was never issued. If
// neither, it is stale, and the error that there is no activity is returned.
func (c *ackCarrier) lookAgain(ctx context.Context, ref kitchen.TicketRef, ack kitchen.Ack, notFound error) error {
	description, err := c.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(ref.OrderID), "")
	switch {
	case err != nil:
		return err
	case workflows.IsBetweenAttempts(description, ref):
		return errBetweenAttempts
	case !ack.Kind.Ends() || !isOpen(description) || c.log.issued(ack.TicketID) > 0:
		return notFound
	}
	status, err := c.status(ctx, ref, description)
	if err != nil {
		return err
	}
	switch state, _, issued := ticketIn(status, ref); {
	case issued && state == kitchen.TicketWaiting:
		return errBetweenAttempts // it has been issued a moment ago
	case issued, status.ID == "":
		return notFound
	}
	if never, err := c.wasNeverIssued(ctx, ref, 1, status, description); never || err != nil {
		return cmp.Or(err, errNeverIssued)
	}
	return notFound
}

// checkIssued returns errNeverIssued for a started of an open order whose ticket
// neither the log nor Temporal knows, and errNeverSoOften for an ack that names an
// attempt which neither knows. About the end of a ticket that was never issued
// Temporal is asked anyway: see lookAgain.
func (c *ackCarrier) checkIssued(ctx context.Context, ref kitchen.TicketRef, kind kitchen.AckKind, attempt int) error {
	if kind == kitchen.AckStarted {
		attempt = max(attempt, 1)
	}
	if attempt <= c.log.issued(ref.TicketID()) || attempt <= 1 && kind != kitchen.AckStarted {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, carryWithin)
	defer cancel()
	description, err := c.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(ref.OrderID), "")
	switch {
	case err != nil:
		return err
	case !isOpen(description), attempt == 1 && workflows.IsPending(description, ref):
		return nil
	}
	status, err := c.status(ctx, ref, description)
	if err != nil {
		return err
	}
	state, known, _ := ticketIn(status, ref)
	if state == kitchen.TicketFailed {
		known++ // a started without an attempt has claimed the next before it is issued
	}
	if status.ID == "" || known >= attempt {
		return nil
	}
	never, err := c.wasNeverIssued(ctx, ref, attempt, status, description)
	switch {
	case err != nil || !never:
		return err
	case attempt == 1:
		return errNeverIssued
	}
	return errNeverSoOften
}

// wasNeverIssued reports whether a ticket was certainly never issued as often as an
// attempt says, where the order's status does not know of it. A reset order does not
// know what it issued before, and after a reset of the activity Temporal counts its
// attempts anew. Then the log must be known to have all.
func (c *ackCarrier) wasNeverIssued(ctx context.Context, ref kitchen.TicketRef, attempt int, status kitchen.Status, description *workflowservice.DescribeWorkflowExecutionResponse) (bool, error) {
	if attempt == 1 && isFirstRun(description) {
		return true, nil
	}
	all, err := c.log.recallsAll(ctx, ref.Stage, status.PlacedAt)
	return err == nil && all && c.log.issued(ref.TicketID()) < attempt, err
}

// status is an order's, with what only Temporal knows of the pending tickets. It has
// no id if the order's history cannot be read by this build.
func (c *ackCarrier) status(ctx context.Context, ref kitchen.TicketRef, description *workflowservice.DescribeWorkflowExecutionResponse) (kitchen.Status, error) {
	status, err := c.orders.StatusFromHistory(ctx, ref.OrderID)
	if isUnreadable(ctx, err) {
		c.logger.DebugContext(ctx, "the history of an order cannot be read", "order_id", ref.OrderID, "error", err)
		return kitchen.Status{}, nil
	}
	if err != nil {
		return kitchen.Status{}, err
	}
	pending, err := c.orders.PendingTickets(description)
	if err != nil && !isUnreadable(ctx, err) {
		return kitchen.Status{}, err
	}
	workflows.AddPending(&status, pending)
	return status, nil
}

// isUnreadable reports whether an error is that of a history which this process cannot
// read, however often it tries. A process without any keyset can once it is given one;
// that a keyset lacks one order's key must not hold up the acks of all others.
func isUnreadable(ctx context.Context, err error) bool {
	if missing, is := errors.AsType[*encryption.MissingKeyError](err); is && len(missing.Has) == 0 {
		return false
	}
	_, isTemporals := errors.AsType[serviceerror.ServiceError](err)
	return err != nil && !isTemporals && ctx.Err() == nil
}

// isOpen reports whether an order's workflow has not been closed.
func isOpen(description *workflowservice.DescribeWorkflowExecutionResponse) bool {
	switch description.GetWorkflowExecutionInfo().GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return true
	}
	return false
}

// isFirstRun reports whether an order has neither been reset nor continued as new.
func isFirstRun(description *workflowservice.DescribeWorkflowExecutionResponse) bool {
	info := description.GetWorkflowExecutionInfo()
	return info.GetFirstRunId() == info.GetExecution().GetRunId()
}

// ticketIn returns where a ticket stands by its order's status, and its highest
// attempt; known is false if the status knows nothing of it.
func ticketIn(status kitchen.Status, ref kitchen.TicketRef) (state kitchen.TicketState, attempt int, known bool) {
	for _, stage := range status.Stages {
		switch {
		case stage.Stage != ref.Stage || stage.Pass != ref.Pass:
		case ref.Kind == kitchen.TicketMake:
			return stage.State, stage.Attempt, true
		case stage.Undo != nil:
			return stage.Undo.State, stage.Undo.Attempt, true
		}
	}
	return "", 0, false
}

// refuse takes an ack back for all who fold the log, and puts it into dead-letters.
// It is taken back first: whoever reads it again after a crash then knows that.
func (c *ackCarrier) refuse(ctx context.Context, original events.Message, ack kitchen.Ack, why error, logger *slog.Logger) error {
	if !errors.Is(why, errRefusedBefore) {
		if err := c.takeBack(ctx, original.Partition, original.Offset, ack, logger); err != nil {
			return err
		}
		fault.Pass(fault.AckRefused, ack.OrderID, ack.TicketID, string(ack.Kind))
	}
	// What lies before an end that came too early came too early as well. It may
	// count now, though it was stale when it was carried.
	if !errors.Is(why, errNeverSoOften) && c.log.issued(ack.TicketID) == 0 {
		for _, offset := range c.log.endsBefore(ack.TicketID, original.Offset) {
			if err := c.takeBack(ctx, original.Partition, offset, ack, logger); err != nil {
				return err
			}
		}
	}
	if err := c.writeDeadLetter(ctx, original, why, logger); err != nil {
		return err
	}
	c.metrics.finished(ack.Kind, outcomeRefused, 1)
	logger.WarnContext(ctx, "an ack was refused and went to dead-letters", "by", ack.By, "reason", why)
	return nil
}

// takeBack refuses the ack that lies at an offset, and waits until the log has read
// that: what comes next of the order is judged without it.
func (c *ackCarrier) takeBack(ctx context.Context, number int, offset int64, ack kitchen.Ack, logger *slog.Logger) error {
	refusal := kitchen.Ack{
		TicketID: ack.TicketID, OrderID: ack.OrderID, Stage: ack.Stage, Kind: kitchen.AckRefused,
		By: refuser, At: time.Now().UTC(), Offset: &offset,
	}
	err := c.publish(ctx, logger, "an ack could not be refused; it is tried again", events.TopicAcks, func() error {
		return c.publisher.PublishAck(ctx, refusal)
	})
	if err != nil {
		return err
	}
	return c.log.awaitRefusal(ctx, ack.TicketID, partition{events.TopicAcks, number}, offset)
}
