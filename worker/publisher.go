package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// watchedPublisher tells the watch how each publish went. Temporal logs failed
// activities only for debugging, since they are tried again: an outage of Kafka
// fails one for every order.
type watchedPublisher struct {
	publisher activities.Publisher
	watch     *events.PublishWatch
}

// PublishTicket implements activities.Publisher.
func (p watchedPublisher) PublishTicket(ctx context.Context, ticket kitchen.Ticket) error {
	return p.report(events.TicketTopic(ticket.Stage), p.publisher.PublishTicket(ctx, ticket))
}

// PublishShipped implements activities.Publisher.
func (p watchedPublisher) PublishShipped(ctx context.Context, shipped kitchen.Shipped) error {
	return p.report(events.TopicShip, p.publisher.PublishShipped(ctx, shipped))
}

// PublishFailed implements activities.Publisher.
func (p watchedPublisher) PublishFailed(ctx context.Context, failed kitchen.Failed) error {
	return p.report(events.TopicFailures, p.publisher.PublishFailed(ctx, failed))
}

// PublishStatus implements activities.Publisher.
func (p watchedPublisher) PublishStatus(ctx context.Context, status kitchen.LoggedStatus) error {
	err := p.publisher.PublishStatus(ctx, status)
	if errors.Is(err, events.ErrTooLarge) {
		return fmt.Errorf("%w: %w", activities.ErrTooLarge, err) // it is no outage
	}
	return p.report(events.TopicStatus, err)
}

func (p watchedPublisher) report(topic string, err error) error {
	p.watch.Heard(topic, err)
	return err
}
