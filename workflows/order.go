package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// OrderWorkflow drives one order from the first bowl to the counter. Its
// workflow id is kitchen.WorkflowID of the order id; it answers QueryStatus
// at any time and returns the order's last status.
func OrderWorkflow(ctx workflow.Context, in OrderInput) (kitchen.Status, error) {
	orderID, err := kitchen.OrderIDFromWorkflowID(workflow.GetInfo(ctx).WorkflowExecution.ID)
	if err != nil {
		return kitchen.Status{}, temporal.NewNonRetryableApplicationError("an order's workflow id is order-<order id>", "WrongWorkflowID", err)
	}
	order := newOrder(orderID, in)
	if err := workflow.SetQueryHandler(ctx, QueryStatus, func() (kitchen.Status, error) { return order.status, nil }); err != nil {
		return order.status, err
	}
	for _, stage := range kitchen.Stages() {
		if err := order.makeAt(ctx, stage); err != nil {
			return order.status, err
		}
	}
	err = order.ship(ctx)
	return order.status, err
}

// order is an order under way: what it was started with and where it stands.
// Its record methods are the only ones that change the status; they are
// shared by the workflow and by StatusFromHistory, so both tell the same.
type order struct {
	in     OrderInput
	status kitchen.Status
}

func newOrder(orderID string, in OrderInput) *order {
	return &order{in: in, status: Accepted(orderID, in)}
}

// Accepted is the status of an order of which nothing is known yet but what
// it was started with.
func Accepted(orderID string, in OrderInput) kitchen.Status {
	return kitchen.Status{
		ID:         orderID,
		PickupCode: kitchen.PickupCode(orderID),
		State:      kitchen.StateAccepted,
		Customer:   in.Order.Customer,
		Lines:      in.Order.Lines,
		Notes:      in.Order.Notes,
		Allergies:  in.Order.Allergies,
		PlacedAt:   in.PlacedAt,
		Stages:     []kitchen.StageStatus{},
	}
}

// makeAt sends the order's ticket to a stage's station and waits until the
// station has done it, however often the ticket must be issued.
func (o *order) makeAt(ctx workflow.Context, stage kitchen.Stage) error {
	ref := kitchen.TicketRef{OrderID: o.status.ID, Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
	o.recordIssued(ref, workflow.Now(ctx))
	o.showDetails(ctx)
	var ack kitchen.Ack
	if err := workflow.ExecuteActivity(o.ticketOptions(ctx, ref), stage.ActivityType(), o.ticket(ref)).Get(ctx, &ack); err != nil {
		return fmt.Errorf("wait for %s: %w", stage, err)
	}
	o.recordDone(ref, ack)
	return nil
}

// ticketOptions are the options of an activity that is one ticket. There is
// no limit on the whole wait, only on one attempt's.
func (o *order) ticketOptions(ctx workflow.Context, ref kitchen.TicketRef) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:          ref.ActivityID(),
		StartToCloseTimeout: o.in.Rules.AckWithinFor(ref.Stage),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    reissueAfter,
			BackoffCoefficient: 1,
			MaximumInterval:    reissueAfter,
		},
		Summary: fmt.Sprintf("%s · %s", o.status.PickupCode, pieces(o.in.Order)),
	})
}

// reissueAfter is the pause between the end of a ticket's attempt and the
// next attempt.
const reissueAfter = time.Second

// ticket is what the activity issues; the activity adds what differs from
// attempt to attempt.
func (o *order) ticket(ref kitchen.TicketRef) kitchen.Ticket {
	return kitchen.Ticket{
		TicketID:   ref.TicketID(),
		Kind:       ref.Kind,
		OrderID:    ref.OrderID,
		Stage:      ref.Stage,
		Pass:       ref.Pass,
		Lines:      o.status.Lines,
		Notes:      o.status.Notes,
		Allergies:  o.status.Allergies,
		PickupCode: o.status.PickupCode,
	}
}

// ship announces the order to downstream systems and closes it. The
// announcement is a local activity: it is short, needs no watching, and costs
// one history event instead of six.
func (o *order) ship(ctx workflow.Context) error {
	shippedAt := workflow.Now(ctx)
	announce := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
	})
	if err := workflow.ExecuteLocalActivity(announce, ActivityAnnounceShipped, kitchen.Shipped{
		OrderID:    o.status.ID,
		PickupCode: o.status.PickupCode,
		Customer:   o.status.Customer,
		Lines:      o.status.Lines,
		PlacedAt:   o.status.PlacedAt,
		ShippedAt:  shippedAt,
	}).Get(ctx, nil); err != nil {
		return fmt.Errorf("announce that the order shipped: %w", err)
	}
	o.recordShipped(shippedAt)
	o.showDetails(ctx)
	return nil
}
