package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
)

// OrderWorkflow drives one order from the first bowl to the counter, or back
// to an empty bowl. Its workflow id is kitchen.WorkflowID of the order id; it
// answers QueryStatus at any time, takes UpdateCancel, UpdateAmend and
// UpdateResolve, and returns the order's last status.
func OrderWorkflow(ctx workflow.Context, in OrderInput) (kitchen.Status, error) {
	return orderWorkflow(ctx, in, kitchen.Stages())
}

// orderWorkflow is OrderWorkflow in a build that knows these stages. An order
// that goes through any other is left to a worker of another build: what it
// would need to decide, this one could only get wrong.
func orderWorkflow(ctx workflow.Context, in OrderInput, known []kitchen.Stage) (kitchen.Status, error) {
	orderID, err := kitchen.OrderIDFromWorkflowID(workflow.GetInfo(ctx).WorkflowExecution.ID)
	if err != nil {
		return kitchen.Status{}, temporal.NewNonRetryableApplicationError("an order's workflow id is order-<order id>", "WrongWorkflowID", err)
	}
	if unknown := in.Rules.Route.Unknown(known); len(unknown) > 0 {
		// A panic fails the workflow task and nothing else: the task waits for
		// another worker, and queries and updates wait or fail with it.
		panic(fmt.Sprintf("this build does not know %q, which the order goes through: its workflow tasks are left to workers that do", unknown))
	}
	order := newOrder(orderID, in)
	if err := order.listen(ctx); err != nil {
		return order.status, err
	}
	if in.Progress != nil {
		order.showDetails(ctx) // which Temporal does not carry over
	}
	// Temporal's own cancel request is one of the things that the order listens
	// for. It must not break off what comes then, so the steps do not see it.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	// Coroutines take turns in the order in which they began. So the steps see
	// what was heard in the same workflow task, and no ticket goes out only to
	// be withdrawn, after which its station would be asked to undo it.
	ended := false
	workflow.Go(ctx, func(ctx workflow.Context) {
		err = order.steps(ctx)
		ended = true
	})
	if err := workflow.Await(ctx, func() bool { return ended }); err != nil {
		return order.status, err
	}
	return order.status, err
}

// steps does one step after the other until the order is closed.
func (o *order) steps(ctx workflow.Context) error {
	for !o.closed() {
		if err := o.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step does what comes next. Whatever is known of an order lies in its status
// and progress, so that each step can be the first of a new run.
func (o *order) step(ctx workflow.Context) error {
	switch {
	case o.waitsForDecision():
		return o.awaitDecision(ctx)
	case o.direction != Making && len(o.toUndo) > 0:
		return o.undo(ctx, o.toUndo[len(o.toUndo)-1])
	case o.direction != Making && o.madeAfterUndo() != nil:
		return o.askAboutLateWork(ctx, o.madeAfterUndo())
	case o.direction == Cancelling:
		return o.endCancelled(ctx)
	case o.direction == Remaking:
		o.startPass()
		return nil
	}
	if stage, left := o.nextStage(); left {
		return o.makeAt(ctx, stage)
	}
	return o.ship(ctx)
}

// order is an order under way: what it was started with and where it stands.
// Its record methods are the only ones that change the status; they are
// shared by the workflow and by StatusFromHistory, so both tell the same.
type order struct {
	in     OrderInput
	status kitchen.Status

	pass      int
	direction Direction
	// toUndo are the stages of this pass whose compensation is registered.
	toUndo []kitchen.Stage
	// askFrom is the attempt of the open ticket from which on a manager may
	// be asked about it.
	askFrom int
	// unanswered is a complaint that has not been looked at.
	unanswered *Unanswered
	// shipping is set once nothing can be taken back, ending once it is being
	// announced what a cancelled order leaves.
	shipping, ending bool
	handled          []Handled
	// told is the state that Temporal's visibility has.
	told kitchen.OrderState
}

func newOrder(orderID string, in OrderInput) *order {
	o := &order{in: in, status: Accepted(orderID, in), pass: 1, direction: Making, told: kitchen.StateInProgress}
	if p := in.Progress; p != nil {
		o.setStatus(p.Status)
		o.direction, o.toUndo, o.askFrom, o.handled = p.Direction, p.ToUndo, p.AskFrom, p.Handled
		o.pass = p.Status.Remakes + 1
		if p.Status.State != kitchen.StateAccepted {
			o.told = p.Status.State
		}
	}
	return o
}

// setStatus takes a status as it was written down. One from before there were
// routes has none.
func (o *order) setStatus(status kitchen.Status) {
	o.status = status
	o.status.Route = o.in.Rules.Route.Stages()
}

// Accepted is the status of an order of which nothing is known yet but what
// it was started with.
func Accepted(orderID string, in OrderInput) kitchen.Status {
	return kitchen.Status{
		ID:         orderID,
		PickupCode: kitchen.PickupCode(orderID),
		State:      kitchen.StateAccepted,
		Route:      in.Rules.Route.Stages(),
		Customer:   in.Order.Customer,
		Lines:      in.Order.Lines,
		Notes:      in.Order.Notes,
		Allergies:  in.Order.Allergies,
		PlacedAt:   in.PlacedAt,
		Stages:     []kitchen.StageStatus{},
	}
}

func (o *order) closed() bool {
	return o.status.State == kitchen.StateShipped || o.status.State == kitchen.StateCancelled
}

// ref names the ticket of a stage in this pass.
func (o *order) ref(stage kitchen.Stage) kitchen.TicketRef {
	return kitchen.TicketRef{OrderID: o.status.ID, Stage: stage, Pass: o.pass, Kind: kitchen.TicketMake}
}

// nextStage is the first stage that this pass has not made, if one is left.
func (o *order) nextStage() (kitchen.Stage, bool) {
	for _, stage := range o.status.Route {
		if row := o.row(o.ref(stage)); row == nil || row.State != kitchen.TicketDone {
			return stage, true
		}
	}
	return "", false
}

// makeAt sends the order's ticket to a stage's station and waits until the
// station has done it, however often the ticket must be issued, or until the
// order goes another way.
func (o *order) makeAt(ctx workflow.Context, stage kitchen.Stage) error {
	ref := o.ref(stage)
	if !slices.Contains(o.toUndo, stage) {
		o.toUndo = append(o.toUndo, stage) // before the ticket can have any effect
	}
	if o.endedBefore(ref) && !o.pauseBeforeReissue(ctx) {
		return nil
	}
	ticket := o.issue(ctx, ref)
	for {
		if err := workflow.Await(ctx, func() bool {
			return ticket.isAnswered() || o.direction != Making || o.unanswered != nil || o.tooLong(ctx)
		}); err != nil {
			return err
		}
		switch {
		case ticket.isAnswered():
			return o.hear(ctx, ticket)
		case o.direction != Making:
			o.withdraw(ctx, ticket)
			return nil
		case o.unanswered != nil:
			if err := o.askAboutSilence(ctx, ref); err != nil {
				return err
			}
		default:
			if err := o.continueAsNew(ctx, ticket); err != nil {
				return err
			}
		}
	}
}

// hear takes a station's last word on its ticket: the work is done, or it
// failed and the kitchen's rules say what then.
func (o *order) hear(ctx workflow.Context, ticket *ticket) error {
	o.ended()
	ack, failure := ticket.answer(ctx)
	if failure == nil {
		o.recordDone(ticket.ref, ack)
		return o.settle(ctx)
	}
	ack, reported := failedAck(failure)
	news := o.recordFailed(ticket.ref, ack)
	switch {
	case o.direction != Making:
		return nil // it was cancelled at the same moment
	case reported && !news:
		return o.settle(ctx) // what it means has been decided: the ticket is issued again
	case !reported: // nobody at a station said so
		return o.ask(ctx, ticket.ref, endedByHand(ticket.ref, failure), kitchen.Choices()...)
	case o.in.Rules.OutcomeFor(ack.Reason) == kitchen.OutcomeAgain:
		return o.settle(ctx) // and so the ticket is issued again
	case o.status.Remakes < o.in.Rules.MaxRemakes:
		o.startPass()
		return o.settle(ctx)
	}
	return o.ask(ctx, ticket.ref, failedOnceTooOften(ack, o.status.Remakes), kitchen.Choices()...)
}

// startPass begins again from the first stage. What the last pass made is lost, or has been
// undone; there is nothing left of it to undo.
func (o *order) startPass() {
	o.pass++
	o.direction = Making
	o.toUndo = nil
	o.recordPass(o.pass)
}

// ship announces the order to downstream systems and closes it. The
// announcement is a local activity: it is short, needs no watching, and costs
// one history event instead of six.
func (o *order) ship(ctx workflow.Context) error {
	o.shipping = true
	shippedAt := workflow.Now(ctx)
	if err := announce(ctx, ActivityAnnounceShipped, kitchen.Shipped{
		OrderID:    o.status.ID,
		PickupCode: o.status.PickupCode,
		Customer:   o.status.Customer,
		Lines:      o.status.Lines,
		PlacedAt:   o.status.PlacedAt,
		ShippedAt:  shippedAt,
	}); err != nil {
		return err
	}
	o.recordShipped(shippedAt)
	o.showDetails(ctx)
	return nil
}

// The pauses between two tries to announce something.
const (
	announceAgainAfter = 5 * time.Second
	announceAtMost     = time.Minute
)

// announce runs one of the local activities that tell downstream systems what
// became of an order, for as long as it takes. Each is one try: a local
// activity that tried again by itself would hold up queries and updates, and
// would give up.
func announce(ctx workflow.Context, activity string, what any) error {
	oneTry := workflow.WithLocalActivityOptions(ctx, oneTryOptions)
	for pause := announceAgainAfter; ; pause = min(2*pause, announceAtMost) {
		if err := workflow.ExecuteLocalActivity(oneTry, activity, what).Get(ctx, nil); err == nil {
			return nil
		}
		if err := workflow.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("wait to call %s again: %w", activity, err)
		}
	}
}

// oneTryOptions are those of local activities that are not tried again.
var oneTryOptions = workflow.LocalActivityOptions{
	StartToCloseTimeout: 5 * time.Second,
	RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
}
