// Package activities does for OrderWorkflow what reaches outside Temporal:
// it issues tickets to the stations and announces what became of an order.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// ErrorTypeNotPublished is the type of the error with which an activity
	// fails that could not reach Kafka.
	ErrorTypeNotPublished = "not-published"

	// publishWithin bounds one try to publish. Longer outages are waited out
	// by Temporal's retries: an attempt that is not running survives the
	// death of its worker.
	publishWithin = 10 * time.Second
	// publishAgainAfter is the pause before the next try.
	publishAgainAfter = 5 * time.Second
)

// Publisher puts what the factory has to say on Kafka. A nil error means that
// Kafka has it for good. It must be safe for concurrent use.
type Publisher interface {
	PublishTicket(context.Context, kitchen.Ticket) error
	PublishShipped(context.Context, kitchen.Shipped) error
}

// Activities are registered with a Temporal worker as they are; each exported
// method is an activity of that name.
type Activities struct {
	publisher Publisher
}

// New returns activities that publish with the given publisher.
func New(publisher Publisher) *Activities { return &Activities{publisher: publisher} }

// Mix issues a mix ticket and stays pending until its ack completes it, as do
// Bake, Decorate and Package. The type shows in the Temporal UI where an
// order is.
func (a *Activities) Mix(ctx context.Context, ticket kitchen.Ticket) (kitchen.Ack, error) {
	return a.issue(ctx, ticket)
}

// Bake issues a bake ticket.
func (a *Activities) Bake(ctx context.Context, ticket kitchen.Ticket) (kitchen.Ack, error) {
	return a.issue(ctx, ticket)
}

// Decorate issues a decorate ticket.
func (a *Activities) Decorate(ctx context.Context, ticket kitchen.Ticket) (kitchen.Ack, error) {
	return a.issue(ctx, ticket)
}

// Package issues a package ticket.
func (a *Activities) Package(ctx context.Context, ticket kitchen.Ticket) (kitchen.Ack, error) {
	return a.issue(ctx, ticket)
}

// issue publishes one attempt of a ticket. The result comes later, by the
// activity's ids and not by its task token: a token dies with its attempt, but
// an ack is for the ticket, whichever attempt it answers.
func (a *Activities) issue(ctx context.Context, ticket kitchen.Ticket) (kitchen.Ack, error) {
	info := activity.GetInfo(ctx)
	ticket.Attempt = int(info.Attempt)
	ticket.IssuedAt = time.Now().UTC()
	ticket.AckBy = info.Deadline.UTC()

	publishing, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	if err := a.publisher.PublishTicket(publishing, ticket); err != nil {
		return kitchen.Ack{}, notPublished("the ticket could not be put on Kafka", err)
	}
	return kitchen.Ack{}, activity.ErrResultPending
}

// AnnounceShipped tells downstream systems that an order has left the factory.
func (a *Activities) AnnounceShipped(ctx context.Context, shipped kitchen.Shipped) error {
	if err := a.publisher.PublishShipped(ctx, shipped); err != nil {
		return notPublished("the shipped order could not be announced on Kafka", err)
	}
	return nil
}

func notPublished(message string, cause error) error {
	return temporal.NewApplicationErrorWithOptions(message, ErrorTypeNotPublished, temporal.ApplicationErrorOptions{
		NextRetryDelay: publishAgainAfter,
		Cause:          cause,
	})
}
