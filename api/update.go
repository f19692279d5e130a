package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// updateWithin is how long an order's workflow may take to answer an update.
	// Only a worker can answer for it.
	updateWithin = 5 * time.Second
	// closedWithin bounds the search for the end of a closed order.
	closedWithin = 3 * time.Second
	// errorClosedFirst is the type of the error with which Temporal ends an
	// update when the order has closed before the update was answered.
	errorClosedFirst = "AcceptedUpdateCompletedWorkflow"
)

// CancelOrder cancels an order, for its customer or a member of the staff.
func (s *Server) CancelOrder(ctx context.Context, request CancelOrderRequestObject) (CancelOrderResponseObject, error) {
	cancellation := *request.Body
	cancellation.By = nameOf(ctx)
	order, err := s.update(requestContext(ctx), request.ID, orZero(request.Params.IdempotencyKey),
		change{name: workflows.UpdateCancel, asked: workflows.Answer{Cancelled: &cancellation}})
	return CancelOrder200JSONResponse(shownTo(ctx, order)), err
}

// AmendOrder changes an order's notes and messages, and for staff where to call its
// customer, who is not shown that either.
func (s *Server) AmendOrder(ctx context.Context, request AmendOrderRequestObject) (AmendOrderResponseObject, error) {
	if phone := request.Body.Phone; phone != nil {
		if nameOf(ctx) == "" {
			return nil, &problemError{Type: wire.ProblemNotSignedIn, Detail: fmt.Sprintf("Only staff change a phone number: sign in with POST %s, or leave phone out.", sessionPath)}
		}
		parsed, err := kitchen.ParsePhone(*phone)
		if err != nil { // cannot be: the body was checked
			return nil, fieldsProblem(wire.ProblemInvalidUpdate, []wire.FieldError{{Pointer: new("/phone"), Detail: err.Error()}})
		}
		request.Body.Phone = &parsed // one number is one change, however it is written
	}
	order, err := s.update(requestContext(ctx), request.ID, orZero(request.Params.IdempotencyKey),
		change{name: workflows.UpdateAmend, asked: workflows.Answer{Amended: request.Body}})
	return AmendOrder200JSONResponse(shownTo(ctx, order)), err
}

// ResolveOrder decides about an order that needs attention.
func (s *Server) ResolveOrder(ctx context.Context, request ResolveOrderRequestObject) (ResolveOrderResponseObject, error) {
	resolution := *request.Body
	resolution.By = nameOf(ctx)
	order, err := s.update(requestContext(ctx), request.ID, orZero(request.Params.IdempotencyKey),
		change{name: workflows.UpdateResolve, asked: workflows.Answer{Resolved: &resolution}})
	return ResolveOrder200JSONResponse(shownTo(ctx, order)), err
}

// nameOf is who of the staff has sent a request; empty for anybody else.
func nameOf(ctx context.Context) string {
	session, _ := sessionOf(ctx)
	return session.Name
}

// shownTo is what whoever has sent a request may see of an order's status.
func shownTo(ctx context.Context, order kitchen.Status) kitchen.Status {
	if _, signedIn := sessionOf(ctx); signedIn {
		return order
	}
	return order.ForCustomer()
}

// change is a change of an order that somebody asks for.
type change struct {
	name string // of the update
	// asked has the request in the field in which the update's answer repeats it.
	asked workflows.Answer
}

// argument is what the update is sent with.
func (c change) argument() any {
	switch {
	case c.asked.Cancelled != nil:
		return *c.asked.Cancelled
	case c.asked.Amended != nil:
		return *c.asked.Amended
	}
	return *c.asked.Resolved
}

// isAnsweredBy reports whether an answer belongs to this change. Who asks for it does
// not matter: a key may be used again after somebody has signed in or out, and a worker
// of an older build does not repeat the name.
func (c change) isAnsweredBy(answer workflows.Answer) (bool, error) {
	answer.Order = c.asked.Order
	asked, err := json.Marshal(withoutNames(c.asked))
	if err != nil {
		return false, fmt.Errorf("write what was asked: %w", err)
	}
	answered, err := json.Marshal(withoutNames(answer))
	if err != nil {
		return false, fmt.Errorf("write what was answered: %w", err)
	}
	return bytes.Equal(asked, answered), nil
}

// withoutNames is an answer without who has asked for the change.
func withoutNames(answer workflows.Answer) workflows.Answer {
	if answer.Cancelled != nil {
		cancelled := *answer.Cancelled
		cancelled.By = ""
		answer.Cancelled = &cancelled
	}
	if answer.Resolved != nil {
		resolved := *answer.Resolved
		resolved.By = ""
		answer.Resolved = &resolved
	}
	return answer
}

// update asks an order's workflow for a change and returns the order as it was
// right after the change.
//
// An idempotency key is the id of the update. Temporal keeps the answer by that
// id for as long as it keeps the order, unless the workflow refuses the update.
// So a repeated request reaches no worker and gets the first answer, even if the
// order has closed. (Once the order has continued in a new run, its workflow
// answers for updates of earlier runs, with the present status.) Temporal does
// not compare the updates: the answer tells what its update was for, and so a key
// is found that was used for something else.
func (s *Server) update(ctx context.Context, orderID, key string, asked change) (kitchen.Status, error) {
	if key == "" {
		key = uuid.NewString()
	}
	updating, cancel := context.WithTimeout(ctx, updateWithin)
	defer cancel()
	handle, err := s.temporal.UpdateWorkflow(updating, client.UpdateWorkflowOptions{
		WorkflowID:   kitchen.WorkflowID(orderID),
		UpdateID:     key,
		UpdateName:   asked.name,
		Args:         []any{asked.argument()},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var answer workflows.Answer
	if err == nil {
		err = handle.Get(updating, &answer)
	}
	if err != nil {
		if answer, err = s.updateFailed(ctx, orderID, key, err); err != nil {
			return kitchen.Status{}, err
		}
	}
	same, err := asked.isAnsweredBy(answer)
	if err != nil {
		return kitchen.Status{}, err
	}
	if !same {
		return kitchen.Status{}, &problemError{Type: wire.ProblemIdempotencyConflict,
			Detail: "This Idempotency-Key was used for another change of this order: use a new key, or send exactly the same request to repeat the first one."}
	}
	s.floor.OrderChanged(orderID)
	return answer.Order, nil
}

// updateFailed decides what an update that failed is answered with: an error, or
// the update's answer after all. Each branch has its case in
// TestUpdateErrorToProblem.
func (s *Server) updateFailed(ctx context.Context, orderID, key string, err error) (workflows.Answer, error) {
	if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		switch failure.Type() {
		case workflows.ErrorRefused:
			return workflows.Answer{}, &problemError{Type: wire.ProblemRefused, Detail: failure.Message()}
		case workflows.ErrorInvalid:
			return workflows.Answer{}, invalidUpdate(failure)
		case errorClosedFirst:
			return s.closedAnswer(ctx, orderID, key)
		}
		if encryption.IsMissingKeyElsewhere(err) {
			return workflows.Answer{}, &problemError{Type: wire.ProblemUnavailable, Cause: err,
				Detail: "Orders are encrypted here, and the worker that was asked does not have this server's newest key. Nothing was changed. Whoever operates the workers gives them the deployment's keyset; then ask again."}
		}
		return workflows.Answer{}, fmt.Errorf("update the order: %w", err)
	}
	if workflows.IsNotFound(err) { // there is no such order, or it is closed
		return s.closedAnswer(ctx, orderID, key)
	}
	if _, timeout := errors.AsType[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err); timeout || isOutage(err) {
		return workflows.Answer{}, unknownOutcome(err)
	}
	if _, is := errors.AsType[*serviceerror.FailedPrecondition](err); is && s.isPaused(ctx, orderID) {
		return workflows.Answer{}, &problemError{Type: wire.ProblemRefused, Cause: err,
			Detail: "Somebody has paused the order in Temporal. Nothing was changed: it can be changed once they let it go on."}
	}
	return workflows.Answer{}, fmt.Errorf("update the order: %w", err)
}

// isPaused reports whether an operator has paused an order's workflow.
func (s *Server) isPaused(ctx context.Context, orderID string) bool {
	ctx, cancel := context.WithTimeout(ctx, closedWithin)
	defer cancel()
	description, err := s.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(orderID), "")
	return err == nil && description.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
}

func unknownOutcome(cause error) error {
	return &problemError{Type: wire.ProblemUnavailable, Cause: cause,
		Detail: "Nobody can tell now whether this was done. Repeat the request with the same Idempotency-Key and it is done once; without a key, look at the order first."}
}

// invalidUpdate is the problem with the faults that the workflow has found.
func invalidUpdate(failure *temporal.ApplicationError) error {
	var found []kitchen.FieldError
	if err := failure.Details(&found); err != nil || len(found) == 0 {
		return fmt.Errorf("read which fields of the update are invalid: %w", errors.Join(failure, err))
	}
	return fieldsProblem(wire.ProblemInvalidUpdate, ofKitchen(found))
}

// closedAnswer answers an update that reached no open order: the order does not
// exist, or it is closed. Temporal knows only the updates of an order's last run;
// the answers of earlier ones are part of that run's input.
func (s *Server) closedAnswer(ctx context.Context, orderID, key string) (workflows.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, closedWithin)
	defer cancel()
	description, err := s.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(orderID), "")
	if err != nil {
		return workflows.Answer{}, fmt.Errorf("look for the order: %w", err)
	}
	closed := description.GetWorkflowExecutionInfo().GetCloseTime()
	if closed == nil { // one run has ended meanwhile, and the next has begun
		return workflows.Answer{}, unknownOutcome(errors.New("the order's workflow was between two runs"))
	}
	status, err := s.follower.orders.StatusFromHistory(ctx, orderID)
	if err != nil {
		return workflows.Answer{}, fmt.Errorf("read how the order ended: %w", err)
	}
	status.Stale = false // it cannot change any more
	in, _, err := s.follower.firstRequest(ctx, orderID)
	if err != nil {
		return workflows.Answer{}, fmt.Errorf("read what was asked of the order: %w", err)
	}
	if in.Progress != nil {
		for _, handled := range in.Progress.Handled {
			if handled.ID == key {
				handled.Answer.Order = status
				return handled.Answer, nil
			}
		}
	}
	at := cmp.Or(status.ShippedAt, status.CancelledAt, new(closed.AsTime()))
	return workflows.Answer{}, &problemError{Type: wire.ProblemRefused,
		Detail: fmt.Sprintf("The order was %s on %s: it cannot be changed any more.", status.State, at.UTC().Format("2 January 2006 at 15:04:05 MST"))}
}
