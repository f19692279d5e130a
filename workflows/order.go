package workflows

import (
	"cmp"
	"fmt"
	"slices"

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
	info := workflow.GetInfo(ctx)
	orderID, err := kitchen.OrderIDFromWorkflowID(info.WorkflowExecution.ID)
	if err != nil {
		return kitchen.Status{}, temporal.NewNonRetryableApplicationError("an order's workflow id is order-<order id>", "WrongWorkflowID", err)
	}
	if unknown := in.Rules.Route.Unknown(known); len(unknown) > 0 {
		// A panic fails the workflow task and nothing else: the task waits for
		// another worker, and queries and updates wait or fail with it.
		panic(fmt.Sprintf("this build does not know %q, which the order goes through: its workflow tasks are left to workers that do", unknown))
	}
	order := newOrder(orderID, in)
	order.runID = info.WorkflowExecution.RunID
	order.beganRun = cmp.Or(info.OriginalRunID, order.runID) // the SDK's test environment has no original
	order.knownRun = order.beganRun
	if err := order.listen(ctx); err != nil {
		return order.status, err
	}
	if in.Progress != nil {
		order.showDetails(ctx) // which Temporal does not carry over
	}
	// The order listens for Temporal's own cancel request and then undoes what
	// was made. The request must not interrupt that, so the steps do not see it.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	order.announceQueued(ctx)
	if order.resetBefore {
		order.confirmPlace(ctx)
	}
	// Coroutines run in the order in which they began. The steps run last, so
	// they see every message of the same workflow task: no ticket goes out only
	// to be withdrawn and then undone.
	closed := false
	workflow.Go(ctx, func(ctx workflow.Context) {
		err = order.steps(ctx)
		closed = true
	})
	if err := workflow.Await(ctx, func() bool { return closed }); err != nil {
		return order.status, err
	}
	if err != nil {
		return order.status, err
	}
	// Also what the order has learnt while it closed.
	err = order.await(ctx, func() bool { return !order.isUntold() })
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

// step does what comes next. It goes only by the order's status and progress,
// so that each step can be the first of a new run.
func (o *order) step(ctx workflow.Context) error {
	switch {
	case o.waitsForDecision():
		return o.awaitDecision(ctx)
	case o.direction != Making && len(o.toUndo) > 0:
		return o.undo(ctx, o.toUndo[len(o.toUndo)-1])
	case o.direction != Making && o.madeAfterUndo() != nil:
		return o.askAboutLateWork(ctx, o.madeAfterUndo())
	case o.direction == Cancelling && o.holdsPlace:
		return o.releasePlace(ctx)
	case o.direction == Cancelling:
		return o.endCancelled(ctx)
	case o.direction == Remaking:
		o.startPass()
		return nil
	case o.isPlacing():
		return o.takePlace(ctx)
	case o.status.State == kitchen.StateScheduled:
		return o.awaitTime(ctx)
	}
	if stage, found := o.nextStage(); found {
		return o.makeAt(ctx, stage)
	}
	return o.ship(ctx)
}

// order is an order under way: what it was started with and where it stands.
// Only its record methods change the status. OrderWorkflow and
// StatusFromHistory share them, so both come to the same status.
type order struct {
	in     OrderInput
	status kitchen.Status

	pass      int
	direction Direction
	// toUndo are the stages of this pass that have begun, in that order.
	toUndo []kitchen.Stage
	// patience is with the owner of the open ticket.
	patience patience
	// complaint says that the open ticket's owner is silent; nil once it has been
	// looked at.
	complaint *Unanswered
	// shipping is set once the order can no longer be changed,
	// leftoversAnnounced once downstream systems are told what a cancelled order
	// leaves undone.
	shipping, leftoversAnnounced bool
	// counted are the failures that have been acted on, the newest last.
	counted []CountedFailure
	// queued are the announcements that order-failures does not have yet, the
	// oldest first; announcing is set while a coroutine writes them.
	queued     []kitchen.Failed
	announcing bool
	// handled are the updates that have acted, the newest last.
	handled []Handled
	// listedState is the state that Temporal lists the order with.
	listedState kitchen.OrderState
	// listedPhone is the telephone number in MemoPhone.
	listedPhone string
	placing
	telling
}

func newOrder(orderID string, in OrderInput) *order {
	o := &order{in: in, status: Accepted(orderID, in), pass: 1, direction: Making, listedState: kitchen.StateInProgress, placing: newPlacing(), telling: newTelling()}
	if p := in.Progress; p != nil {
		o.setStatus(p.Status)
		o.direction, o.toUndo, o.patience.from, o.handled = p.Direction, p.ToUndo, p.AskFrom, p.Handled
		o.counted, o.queued = p.Counted, p.Announcements
		if o.counted == nil {
			o.countLastFailures()
		}
		// What the last run has not told, this one tells. If that had no version, nobody
		// knows when its details have changed.
		o.holdsPlace, o.resetBefore = p.HoldsPlace, p.ConfirmPlace
		o.lastVersion, o.changed, o.detailsChanged = p.Status.Version, true, p.Status.Version == 0
		o.pass = p.Status.Remakes + 1
		if p.Status.State != kitchen.StateAccepted {
			o.listedState = p.Status.State
		}
	}
	o.listedPhone = o.status.Phone
	return o
}

// setStatus sets a status that was read back. One written by a build without
// routes has none.
func (o *order) setStatus(status kitchen.Status) {
	o.status = status
	o.status.Route = o.in.Rules.Route.Stages()
	o.charge()
}

// charge sets what the order costs, by the prices of when it was placed. A status
// that was written by a build without prices has none.
func (o *order) charge() {
	o.status.UnitPrices, o.status.Total = o.in.Rules.Prices.Charge(o.status.Lines)
}

// Accepted is the status of an order that has just been started.
func Accepted(orderID string, in OrderInput) kitchen.Status {
	unitPrices, total := in.Rules.Prices.Charge(in.Order.Lines)
	return kitchen.Status{
		ID:         orderID,
		PickupCode: kitchen.PickupCode(orderID),
		State:      kitchen.StateAccepted,
		Route:      in.Rules.Route.Stages(),
		Customer:   in.Order.Customer,
		Phone:      in.Order.Phone,
		Lines:      in.Order.Lines,
		UnitPrices: unitPrices,
		Total:      total,
		Notes:      in.Order.Notes,
		Allergies:  in.Order.Allergies,
		PlacedAt:   in.PlacedAt,
		DueAt:      dueAt(in.Pickup),
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

// nextStage is the first stage that this pass has not made, if there is one.
func (o *order) nextStage() (kitchen.Stage, bool) {
	for _, stage := range o.status.Route {
		if row := o.row(o.ref(stage)); row == nil || *row.state != kitchen.TicketDone {
			return stage, true
		}
	}
	return "", false
}

// makeAt sends the order's ticket to a stage's station and waits for its end,
// or until the order is to be undone.
func (o *order) makeAt(ctx workflow.Context, stage kitchen.Stage) error {
	ref := o.ref(stage)
	if !slices.Contains(o.toUndo, stage) {
		o.toUndo = append(o.toUndo, stage) // before the ticket can have any effect
	}
	if o.row(ref).failed() && !o.pauseBeforeReissue(ctx) {
		return nil
	}
	ticket := o.issue(ctx, ref)
	for {
		if err := o.await(ctx, func() bool {
			return ticket.hasEnded() || o.direction != Making || o.complaint != nil || o.tooLong(ctx)
		}); err != nil {
			return err
		}
		switch {
		case ticket.hasEnded():
			return o.concludeWork(ctx, ticket)
		case o.direction != Making:
			o.withdraw(ctx, ticket)
			return nil
		case o.complaint != nil:
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

// concludeWork goes by how a ticket has ended: the work is done, or it failed
// and the kitchen's rules say what happens then.
func (o *order) concludeWork(ctx workflow.Context, ticket *ticket) error {
	o.clearComplaint()
	end := ticket.end(ctx)
	if end.failure == nil {
		o.recordDone(end)
		return o.closeQuestion(ctx)
	}
	repeated := o.repeats(ctx, &end)
	o.recordFailed(end)
	switch {
	case o.direction != Making:
		return nil // it was cancelled at the same moment
	case end.isWithdrawn():
		return o.ask(ctx, end.ref, withdrawnUnknown(end), kitchen.ChoiceRemake, kitchen.ChoiceCancel)
	case end.byHand():
		return o.ask(ctx, end.ref, endedByHand(end), kitchen.Choices()...)
	case repeated:
		return o.closeQuestion(ctx) // it has been acted on: the ticket is issued again
	case o.in.Rules.OutcomeFor(end.ack.Reason) == kitchen.OutcomeAgain:
		return o.closeQuestion(ctx) // and so the ticket is issued again
	case o.status.Remakes < o.in.Rules.MaxRemakes:
		o.startPass()
		return o.closeQuestion(ctx)
	}
	return o.ask(ctx, end.ref, failedTooOften(end.ack, o.status.Remakes), kitchen.Choices()...)
}

// startPass begins again from the first stage. What the last pass made is lost
// or undone, so nothing of it needs undoing any more.
func (o *order) startPass() {
	o.pass++
	o.direction = Making
	o.toUndo = nil
	o.recordPass(o.pass)
}

// ship announces the order to downstream systems and closes it, once the
// announcements of its questions are written too: those must not hold up what
// the counter waits for.
func (o *order) ship(ctx workflow.Context) error {
	o.shipping = true
	shippedAt := workflow.Now(ctx)
	o.takeVersion(ctx)
	status := o.shippedStatus(shippedAt)
	var announced kitchen.Announced
	if err := announce(ctx, ActivityAnnounceShipped, &announced, kitchen.Shipped{
		OrderID:    o.status.ID,
		PickupCode: o.status.PickupCode,
		Customer:   o.status.Customer,
		Lines:      o.status.Lines,
		Allergies:  o.status.Allergies,
		UnitPrices: o.status.UnitPrices,
		Total:      o.status.Total,
		PlacedAt:   o.status.PlacedAt,
		DueAt:      o.status.DueAt,
		ShippedAt:  shippedAt,
	}, status); err != nil {
		return err
	}
	o.recordShipped(shippedAt)
	o.announcedShipped(ctx, status, !announced.StatusUntold)
	o.showDetails(ctx)
	if len(o.queued) == 0 && !(o.isUntold() && o.isToldAlone(ctx)) {
		return nil
	}
	if err := o.saveStatus(ctx); err != nil { // for lists, while the workflow still runs
		return err
	}
	return o.awaitAnnouncements(ctx)
}

// tooLong reports whether Temporal suggests going on with a fresh history. That
// happens to orders that wait, or are changed, hundreds of times.
func (o *order) tooLong(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// continueAsNew goes on in a new run, with the open ticket, if there is one.
// Its activity ends with this run, so the next run issues the ticket again, as
// its next attempt. It returns nil if the ticket has ended meanwhile.
func (o *order) continueAsNew(ctx workflow.Context, ticket *ticket) error {
	if ticket != nil {
		var attempts int
		count := workflow.WithLocalActivityOptions(ctx, oneTryOptions)
		if err := workflow.ExecuteLocalActivity(count, ActivityCountAttempts, ticket.ref.ActivityID()).Get(ctx, &attempts); err != nil {
			attempts = 0 // then an attempt's number comes twice, which stations treat as a repetition
		}
		if ticket.hasEnded() {
			return nil
		}
		o.recordAttempts(ticket.ref, attempts)
	}
	return workflow.NewContinueAsNewError(ctx, OrderWorkflowType, o.nextInput())
}

// nextInput is what the next run starts with.
func (o *order) nextInput() OrderInput {
	in := o.in
	in.Progress = &Progress{
		Status: o.status, Direction: o.direction, ToUndo: o.toUndo, AskFrom: o.patience.from, Handled: o.handled,
		Counted: o.countedOfPass(), Announcements: o.queued, HoldsPlace: o.holdsPlace, ConfirmPlace: o.mayHaveLostPlace(),
	}
	return in
}
