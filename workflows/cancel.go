package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

func (o *order) checkCancel(request kitchen.Cancellation) error {
	if err := invalid(request.Check()); err != nil {
		return err
	}
	return o.cancelRefusal()
}

// cancelRefusal is why the order cannot be cancelled; nil if it can.
func (o *order) cancelRefusal() error {
	switch {
	case o.shipping:
		return refused("The order is shipped: it cannot be cancelled any more.")
	case o.status.State == kitchen.StateCancelled:
		return refused("The order is cancelled already.")
	case o.direction == Cancelling:
		return refused("The order is being cancelled already.")
	}
	return nil
}

func (o *order) cancel(request kitchen.Cancellation) Answer {
	o.direction = Cancelling
	o.recordCancelling(request.Reason)
	return Answer{Cancelled: &request}
}

// endCancelled announces exactly what was undone and what was not, and closes
// the order.
func (o *order) endCancelled(ctx workflow.Context) error {
	at := workflow.Now(ctx)
	o.leftoversAnnounced = true
	if err := announce(ctx, ActivityAnnounceFailed, o.failedMessage(kitchen.StateCancelled, o.cancelWords(), at)); err != nil {
		return err
	}
	o.recordCancelled(at)
	return o.saveStatus(ctx)
}

func (o *order) cancelWords() string {
	if o.status.CancelReason == "" {
		return "cancelled"
	}
	return "cancelled: " + o.status.CancelReason
}
