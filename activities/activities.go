// Package activities does for OrderWorkflow what reaches outside Temporal:
// it issues tickets to the stations, complains when nobody answers them, and
// announces what became of an order.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/cupcakery/cupcakery/internal/fault"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// ErrorTypeNotPublished is the type of the error with which an activity
	// fails that could not reach Kafka.
	ErrorTypeNotPublished = "not-published"
	// ErrorTypeNotTold is the type of the error with which an activity fails
	// that could not tell its workflow that nobody answers.
	ErrorTypeNotTold = "not-told"

	// publishWithin bounds one try to publish. Longer outages are waited out
	// by Temporal's retries: an attempt that is not running survives the
	// death of its worker.
	publishWithin = 10 * time.Second
	// publishAgainAfter is the pause before the next try.
	publishAgainAfter = 5 * time.Second
)

// Publisher publishes the factory's messages to Kafka. A nil error means that
// Kafka keeps the message. It must be safe for concurrent use.
type Publisher interface {
	PublishTicket(context.Context, kitchen.Ticket) error
	PublishShipped(context.Context, kitchen.Shipped) error
	PublishFailed(context.Context, kitchen.Failed) error
}

// Orders tells the orders' workflows what only an activity notices. It is
// workflows.Orders.
type Orders interface {
	// Complain tells an order that nobody has answered a ticket for the time
	// waited.
	Complain(ctx context.Context, ref kitchen.TicketRef, attempt int, waited time.Duration) error
	// CountAttempts is how often Temporal has started a pending activity.
	CountAttempts(ctx context.Context, workflowID, activityID string) (int, error)
}

// Activities are all activities. Each exported method is one of that name; the
// two of each stage, which issue its tickets, come from Register.
type Activities struct {
	publisher Publisher
	orders    Orders
}

// Register registers all activities with a Temporal worker. Each stage's
// tickets have types of their own, such as Bake and UndoBake, so that Temporal's
// UI shows where an order is.
func Register(registry worker.ActivityRegistry, stages []kitchen.Stage, publisher Publisher, orders Orders) {
	a := &Activities{publisher: publisher, orders: orders}
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
// attempt it answers.
func (a *Activities) issue(ctx context.Context, issue kitchen.Issue) (kitchen.Ack, error) {
	info := activity.GetInfo(ctx)
	ticket := issue.Ticket
	ticket.Attempt = issue.Issued + int(info.Attempt)
	// By Temporal's clock, which counts the time for the ack as well; this
	// machine's may be wrong.
	ticket.IssuedAt = info.StartedTime.UTC()
	ticket.AckBy = ticket.IssuedAt.Add(info.StartToCloseTimeout)

	publishing, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	fault.Pass(fault.TicketUnpublished, ticket.OrderID, ticket.TicketID)
	if err := a.publisher.PublishTicket(publishing, ticket); err != nil {
		return kitchen.Ack{}, notPublished("the ticket could not be put on Kafka", err)
	}
	if waited := ticket.IssuedAt.Sub(info.ScheduledTime); inVain(issue, info, waited) {
		if err := a.orders.Complain(publishing, ticket.Ref(), ticket.Attempt, waited); err != nil {
			return kitchen.Ack{}, passing("the order could not be told that nobody answers", ErrorTypeNotTold, err)
		}
	}
	fault.Pass(fault.TicketPublished, ticket.OrderID, ticket.TicketID)
	return kitchen.Ack{}, activity.ErrResultPending
}

// inVain reports whether a ticket has been out for longer than its re-issues
// may take. Attempts alone do not say so: while Kafka is away, they pass
// quickly.
func inVain(issue kitchen.Issue, info activity.Info, waited time.Duration) bool {
	return issue.MaxReissues > 0 && int(info.Attempt) > issue.MaxReissues &&
		waited >= time.Duration(issue.MaxReissues)*info.StartToCloseTimeout
}

// CountAttempts tells how often Temporal has started a pending activity of the
// workflow that asks.
func (a *Activities) CountAttempts(ctx context.Context, activityID string) (int, error) {
	return a.orders.CountAttempts(ctx, activity.GetInfo(ctx).WorkflowExecution.ID, activityID)
}

// AnnounceShipped tells downstream systems that an order has left the factory.
func (a *Activities) AnnounceShipped(ctx context.Context, shipped kitchen.Shipped) error {
	fault.Pass(fault.AnnouncementUnpublished, shipped.OrderID, string(kitchen.StateShipped))
	if err := a.publisher.PublishShipped(ctx, shipped); err != nil {
		return notPublished("the shipped order could not be announced on Kafka", err)
	}
	fault.Pass(fault.AnnouncementPublished, shipped.OrderID, string(kitchen.StateShipped))
	return nil
}

// AnnounceFailed tells downstream systems that an order was cancelled or needs
// attention.
func (a *Activities) AnnounceFailed(ctx context.Context, failed kitchen.Failed) error {
	fault.Pass(fault.AnnouncementUnpublished, failed.OrderID, string(failed.State))
	if err := a.publisher.PublishFailed(ctx, failed); err != nil {
		return notPublished("the failed order could not be announced on Kafka", err)
	}
	fault.Pass(fault.AnnouncementPublished, failed.OrderID, string(failed.State))
	return nil
}

func notPublished(message string, cause error) error {
	return passing(message, ErrorTypeNotPublished, cause)
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
