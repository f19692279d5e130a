// Package activities does for OrderWorkflow what reaches outside Temporal:
// it issues tickets to the stations, tells an order when somebody has taken a
// ticket and gone silent, tells the log where an order stands, and announces what
// became of it.
package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/internal/fault"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// ErrorTypeNotPublished is the type of the error with which an activity
	// fails that could not reach Kafka.
	ErrorTypeNotPublished = "not-published"
	// ErrorTypeNotTold is the type of the error with which an activity fails
	// that could not ask or tell Temporal about a silent owner.
	ErrorTypeNotTold = "not-told"
	// ErrorTypeNoKey is the type of the error with which an activity fails that lacks
	// the key to what it would read or write.
	ErrorTypeNoKey = "no-key"

	// publishWithin bounds one try to publish. Longer outages are waited out
	// by Temporal's retries: an attempt that is not running survives the
	// death of its worker.
	publishWithin = 10 * time.Second
	// statusWithin bounds how long an activity that has issued its ticket, or announced
	// its order, waits for the order's status beside that: others need its place.
	statusWithin = 2 * time.Second
	// publishAgainAfter is the pause before the next try.
	publishAgainAfter = 5 * time.Second
)

// ErrTooLarge says that a message is larger than anybody reads.
var ErrTooLarge = errors.New("larger than anybody reads")

// Publisher publishes the factory's messages to Kafka. A nil error means that
// Kafka keeps the message. It must be safe for concurrent use.
type Publisher interface {
	PublishTicket(context.Context, kitchen.Ticket) error
	PublishShipped(context.Context, kitchen.Shipped) error
	PublishFailed(context.Context, kitchen.Failed) error
	// PublishStatus fails with ErrTooLarge if no reader would take the status.
	PublishStatus(context.Context, kitchen.LoggedStatus) error
}

// Orders tells the orders' workflows what only an activity notices. It is
// workflows.Orders.
type Orders interface {
	// Silent reports whether the last attempt of a pending ticket ended because
	// its owner was silent, and not because it had lasted as long as one may.
	Silent(ctx context.Context, ref kitchen.TicketRef) (bool, error)
	// Complain tells an order that a ticket's owner has been silent for as many
	// attempts as owner.Silent says, which took the time given.
	Complain(ctx context.Context, ref kitchen.TicketRef, attempt int, owner kitchen.AtWork, silence time.Duration) error
	// Untold tells an order that the log does not have a version of its status that was
	// to be told with a ticket.
	Untold(ctx context.Context, orderID string, version int64) error
	// Reserve asks the workflow of a day, on the task queue, for a place in a slot. A
	// *kitchen.NoPlaceError says that there is none.
	Reserve(ctx context.Context, taskQueue string, r kitchen.Reservation) error
	// Release gives the place back.
	Release(ctx context.Context, taskQueue string, r kitchen.Reservation) error
	// CountAttempts is how often Temporal has started a pending activity.
	CountAttempts(ctx context.Context, workflowID, activityID string) (int, error)
	// CanWrite returns an error if the process lacks the key without which Temporal
	// would keep in plain text what an activity writes.
	CanWrite() error
}

// Log is what the log of tickets and acks tells of a ticket, as far as it has
// been read.
type Log interface {
	// End is the ack that has ended a ticket; none if the log has not seen the
	// ticket issued before.
	End(ticketID string) (kitchen.Ack, bool)
	// Withdrawn reports whether a ticket's undo ticket has been issued: no
	// station takes the ticket any more.
	Withdrawn(ticketID string) bool
	// Owner is who has a ticket in hand, nobody if it was put back or has failed.
	// known is false if the log has heard of nobody who began it.
	Owner(ticketID string) (owner kitchen.AtWork, known bool)
	// Failure is a ticket's last failure that counts, with its attempt, which the
	// log has seen issued.
	Failure(ctx context.Context, ticketID string) (failed Failed, found bool)
	// Paused reports whether nobody is to begin anything at a stage's station.
	Paused(stage kitchen.Stage) bool
}

// Failed is a station's failure by the rules of its order.
type Failed struct {
	Ack kitchen.Ack
	// Code is the reason as the rules know it. What the station has written may be
	// anything, and anybody reads it where this is used.
	Code string
	// Final says that it ends the ticket for its order.
	Final bool
}

// Activities are all activities. Each exported method is one of that name; the
// two of each stage, which issue its tickets, come from Register.
type Activities struct {
	publisher Publisher
	orders    Orders
	log       Log
}

// Register registers all activities with a Temporal worker. Each stage's
// tickets have types of their own, such as Bake and UndoBake, so that Temporal's
// UI shows where an order is.
func Register(registry worker.ActivityRegistry, stages []kitchen.Stage, publisher Publisher, orders Orders, log Log) {
	a := &Activities{publisher: publisher, orders: orders, log: log}
	registry.RegisterActivity(a)
	for _, stage := range stages {
		ref := kitchen.TicketRef{Stage: stage}
		for _, name := range []string{ref.ActivityType(), ref.Undo().ActivityType()} {
			registry.RegisterActivityWithOptions(a.issue, activity.RegisterOptions{Name: name})
		}
	}
}

// issue publishes one attempt of a ticket and leaves the activity pending until
// the ticket's ack completes it, by the activity's ids and not by its task
// token: a token dies with its attempt, but an ack is for the ticket, whichever
// attempt it answers. If the log has an end that Temporal has missed, that is
// the activity's result, and nothing is published. An error comes without a result: the
// SDK would encode that first, and fail with what comes of it.
func (a *Activities) issue(ctx context.Context, issue kitchen.Issue) (*kitchen.Ack, error) {
	info := activity.GetInfo(ctx)
	ticket := issue.Ticket
	// Nobody reads a ticket with more attempts; repeated ones do no harm.
	ticket.Attempt = min(issue.Issued+int(info.Attempt), kitchen.MaxAttempt)
	// By Temporal's clock, which counts the time for the ack as well; this
	// machine's may be wrong.
	ticket.IssuedAt = info.StartedTime.UTC()
	ticket.AckBy = ticket.IssuedAt.Add(silentAfter(info))

	publishing, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	// Before the ticket goes out: what is tried again after that issues it each time.
	if err := a.orders.CanWrite(); err != nil {
		return nil, passing("Temporal would keep in plain text what became of the ticket", ErrorTypeNoKey, err)
	}
	shown, err := shownOwner(ctx)
	if err != nil {
		return nil, err
	}
	if end, ended := a.log.End(ticket.TicketID); ended && end.Kind == endOf(ticket.Kind) {
		return &end, nil
	}
	if a.log.Withdrawn(ticket.TicketID) {
		return nil, temporal.NewNonRetryableApplicationError(
			"its undo ticket is out, which Temporal's history does not know", kitchen.FailureWithdrawn, nil)
	}
	if failed, found := a.log.Failure(publishing, ticket.TicketID); found {
		if failed.Final && failed.Ack.Attempt > issue.Issued {
			return nil, FailureOf(failed) // the order has missed it
		}
		// After a reset in Temporal attempts begin anew; stations take those that
		// have failed for failed.
		ticket.Attempt = min(max(ticket.Attempt, failed.Ack.Attempt+1), kitchen.MaxAttempt)
	}
	fault.Pass(fault.TicketUnpublished, ticket.OrderID, ticket.TicketID)
	// Tickets do not depend on it: if only the status is lost, the order tells it beside
	// its steps.
	told := a.publishStatus(publishing, statusOfAttempt(issue.Status, info.Attempt))
	defer told()
	if err := a.publisher.PublishTicket(publishing, ticket); err != nil {
		return nil, notPublished("the ticket could not be put on Kafka", err)
	}
	if err := a.countSilence(publishing, info, issue, ticket, shown); err != nil {
		return nil, err
	}
	fault.Pass(fault.TicketPublished, ticket.OrderID, ticket.TicketID)
	if !told() {
		// Should Temporal be away too, the order's next step or this ticket's next attempt
		// tells a status.
		_ = a.orders.Untold(publishing, ticket.OrderID, issue.Status.Version)
	}
	return nil, activity.ErrResultPending
}

// shownOwner is who has the ticket in hand as Temporal shows it: the last heartbeat.
// It is nobody if there is none, or one of another kind.
func shownOwner(ctx context.Context) (owner kitchen.AtWork, err error) {
	if !activity.HasHeartbeatDetails(ctx) {
		return kitchen.AtWork{}, nil
	}
	err = activity.GetHeartbeatDetails(ctx, &owner)
	switch {
	case encryption.IsMissingKey(err):
		return kitchen.AtWork{}, passing("the ticket's owner could not be read", ErrorTypeNoKey, err)
	case err != nil:
		return kitchen.AtWork{}, nil
	}
	return owner, nil
}

// endOf is the kind of ack that ends a ticket well. The log may also have ended
// a ticket by undoing it, which is no result of the ticket's own.
func endOf(kind kitchen.TicketKind) kitchen.AckKind {
	if kind == kitchen.TicketUndo {
		return kitchen.AckUndone
	}
	return kitchen.AckDone
}

// silentAfter is how long a ticket's owner may be silent. An order of an older
// build has scheduled its activities without a heartbeat timeout.
func silentAfter(info activity.Info) time.Duration {
	return cmp.Or(info.HeartbeatTimeout, info.StartToCloseTimeout)
}

// countSilence counts an attempt if the ticket's owner has been silent since the
// last one, and tells the order after too many of them. The count is part of the
// activity's heartbeat, which Temporal keeps across attempts; the owner's next
// sign sets it back. A ticket that nobody has taken counts nothing. Where Temporal
// and the log name different owners, a heartbeat was lost or is under way, or came
// in the midst of this: then the log is right, and Temporal is told.
func (a *Activities) countSilence(ctx context.Context, info activity.Info, issue kitchen.Issue, ticket kitchen.Ticket, owner kitchen.AtWork) error {
	if info.Attempt == 1 {
		return nil
	}
	if has, known := a.log.Owner(ticket.TicketID); known && has.By != owner.By {
		activity.RecordHeartbeat(ctx, has)
		return nil
	}
	// While a station is paused nobody expects to hear of it.
	if owner.By == "" || a.log.Paused(ticket.Stage) {
		return nil
	}
	silent, err := a.orders.Silent(ctx, ticket.Ref())
	if err != nil {
		return passing("Temporal could not be asked how the last attempt ended", ErrorTypeNotTold, err)
	}
	if !silent {
		return nil
	}
	owner.Silent++
	if issue.MaxReissues > 0 && owner.Silent >= issue.MaxReissues {
		if err := a.orders.Complain(ctx, ticket.Ref(), ticket.Attempt, owner, time.Duration(owner.Silent)*silentAfter(info)); err != nil {
			return passing("the order could not be told that the ticket's owner is silent", ErrorTypeNotTold, err)
		}
	}
	// After the complaint, so that one that must be repeated is counted once.
	activity.RecordHeartbeat(ctx, owner)
	return nil
}

// FailureOf is the error that ends an attempt whose station failed. Its type, which
// no codec encrypts, is the reason's code, its text what operators read in the
// Temporal UI; a final one ends the ticket as well.
func FailureOf(failed Failed) error {
	ack := failed.Ack
	reason := cmp.Or(ack.Reason, kitchen.ReasonOther)
	message := fmt.Sprintf("%s at %s: %s", reason, ack.Stage, ack.By)
	if ack.Note != "" {
		message += ": " + ack.Note
	}
	return temporal.NewApplicationErrorWithOptions(message, failed.Code, temporal.ApplicationErrorOptions{Details: []any{ack}, NonRetryable: failed.Final})
}

// CountAttempts tells how often Temporal has started a pending activity of the
// workflow that asks.
func (a *Activities) CountAttempts(ctx context.Context, activityID string) (int, error) {
	return a.orders.CountAttempts(ctx, activity.GetInfo(ctx).WorkflowExecution.ID, activityID)
}

// publishStatus begins to publish where an order stands, beside something else, if
// the order tells that. The function that it returns waits until that is done, but not
// for longer than statusWithin, and reports whether there is nothing left to tell.
func (a *Activities) publishStatus(ctx context.Context, status *kitchen.LoggedStatus) (told func() bool) {
	if status == nil {
		return func() bool { return true }
	}
	done := make(chan error, 1)
	go func() {
		telling, cancel := context.WithTimeout(ctx, statusWithin)
		defer cancel()
		done <- a.publisher.PublishStatus(telling, *status)
	}()
	return sync.OnceValue(func() bool { return <-done == nil })
}

// statusOfAttempt is where an order stands by the input of an activity's attempt,
// which does not change while the order goes on.
func statusOfAttempt(status *kitchen.LoggedStatus, attempt int32) *kitchen.LoggedStatus {
	if status == nil || attempt == 1 {
		return status
	}
	again := *status
	again.Repeated = true
	return &again
}

// TellStatus tells the log where an order stands.
func (a *Activities) TellStatus(ctx context.Context, status kitchen.LoggedStatus) error {
	err := a.publisher.PublishStatus(ctx, *statusOfAttempt(&status, activity.GetInfo(ctx).Attempt))
	switch {
	case errors.Is(err, ErrTooLarge):
		return temporal.NewNonRetryableApplicationError("the order's status is too large", kitchen.FailureTooLarge, err)
	case err != nil:
		return notAnnounced("the order's status could not be put on Kafka", err)
	}
	return nil
}

// AnnounceShipped tells downstream systems that an order has left the factory, and
// the log its last status, if the order tells that. Once downstream systems know, it
// does not fail: it would tell them again.
func (a *Activities) AnnounceShipped(ctx context.Context, shipped kitchen.Shipped, status *kitchen.LoggedStatus) (kitchen.Announced, error) {
	fault.Pass(fault.AnnouncementUnpublished, shipped.OrderID, string(kitchen.StateShipped))
	told := a.publishStatus(ctx, statusOfAttempt(status, activity.GetInfo(ctx).Attempt))
	defer told()
	if err := a.publisher.PublishShipped(ctx, shipped); err != nil {
		return kitchen.Announced{}, notAnnounced("the shipped order could not be announced on Kafka", err)
	}
	fault.Pass(fault.AnnouncementPublished, shipped.OrderID, string(kitchen.StateShipped))
	return kitchen.Announced{StatusUntold: !told()}, nil
}

// AnnounceFailed tells downstream systems that an order was cancelled or needs
// attention.
func (a *Activities) AnnounceFailed(ctx context.Context, failed kitchen.Failed) error {
	fault.Pass(fault.AnnouncementUnpublished, failed.OrderID, string(failed.State))
	if err := a.publisher.PublishFailed(ctx, failed); err != nil {
		return notAnnounced("the failed order could not be announced on Kafka", err)
	}
	fault.Pass(fault.AnnouncementPublished, failed.OrderID, string(failed.State))
	return nil
}

func notPublished(message string, cause error) error {
	return passing(message, ErrorTypeNotPublished, cause)
}

// notAnnounced is notPublished for an announcement, after which the order says
// when it is tried again.
func notAnnounced(message string, cause error) error {
	return temporal.NewApplicationErrorWithOptions(message, ErrorTypeNotPublished, temporal.ApplicationErrorOptions{
		Category: temporal.ApplicationErrorCategoryBenign,
		Cause:    cause,
	})
}

// passing is an error after which Temporal tries again. It is benign to
// Temporal, which logs it for debugging only: an outage fails an activity for
// every order, and whoever runs the activities logs it once.
func passing(message, errorType string, cause error) error {
	return temporal.NewApplicationErrorWithOptions(message, errorType, temporal.ApplicationErrorOptions{
		Category:       temporal.ApplicationErrorCategoryBenign,
		NextRetryDelay: publishAgainAfter,
		Cause:          cause,
	})
}
