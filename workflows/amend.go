package workflows

import "github.com/cupcakery/cupcakery/kitchen"

func (o *order) checkAmend(request kitchen.Amendment) error {
	if err := invalid(request.Check(o.in.Rules.LimitsNow(), len(o.status.Lines))); err != nil {
		return err
	}
	closing, closes := o.status.Route.ClosesAmending()
	switch {
	case o.shipping:
		return refused("The order is shipped: it cannot be changed any more.")
	case o.direction == Cancelling:
		return refused("The order is being cancelled: it cannot be changed any more.")
	case closes && o.direction == Making && o.stage(o.ref(closing)) != nil:
		return refused("The order is at %s: notes and messages can be changed until its %s ticket is issued.", o.status.Stage, closing)
	}
	return nil
}

func (o *order) amend(request kitchen.Amendment) Answer {
	o.recordAmended(request)
	return Answer{Amended: &request}
}
