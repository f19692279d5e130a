package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// standInQueue is the task queue of orders that standIn drives.
const standInQueue = "stand-in-orders"

// As the notes of an order, or as the reason of an update, these change what
// standIn does.
const (
	notesOfTrouble    = "needs a manager"
	reasonToCloseSoon = "close at once"
	reasonToHang      = "never answer"
)

// standIn is a workflow that answers the updates of an order by their contract
// and does nothing else, so that each test chooses the state of its order.
func standIn(ctx workflow.Context, in workflows.OrderInput) (kitchen.Status, error) {
	orderID, err := kitchen.OrderIDFromWorkflowID(workflow.GetInfo(ctx).WorkflowExecution.ID)
	if err != nil {
		return kitchen.Status{}, err
	}
	status := workflows.Accepted(orderID, in)
	status.State = kitchen.StateInProgress
	if in.Order.Notes == notesOfTrouble {
		status.State = kitchen.StateNeedsAttention
		status.Attention = &kitchen.Attention{Reason: "the oven is cold", Stage: kitchen.Bake, Pass: 1, Since: workflow.Now(ctx), Choices: []kitchen.Choice{kitchen.ChoiceRetry, kitchen.ChoiceCancel}}
	}
	closed := false
	end := func() {
		status.State, status.CancelledAt, closed = kitchen.StateCancelled, new(workflow.Now(ctx).UTC()), true
	}
	refused := func(reason string) error { return temporal.NewApplicationError(reason, workflows.ErrorRefused) }
	handle := func(name string, update, validate any) {
		err = errors.Join(err, workflow.SetUpdateHandlerWithOptions(ctx, name, update, workflow.UpdateHandlerOptions{Validator: validate}))
	}
	err = workflow.SetQueryHandler(ctx, workflows.QueryStatus, func() (kitchen.Status, error) { return status, nil })
	handle(workflows.UpdateCancel, func(ctx workflow.Context, asked kitchen.Cancellation) (workflows.Answer, error) {
		switch asked.Reason {
		case reasonToHang:
			if err := workflow.Await(ctx, func() bool { return false }); err != nil {
				return workflows.Answer{}, err
			}
		case reasonToCloseSoon:
			end()
		default:
			status.State = kitchen.StateCancelling
		}
		status.CancelReason = asked.Reason
		return workflows.Answer{Order: status, Cancelled: &asked}, nil
	}, func(kitchen.Cancellation) error {
		if status.State == kitchen.StateCancelling {
			return refused("The order is being cancelled already.")
		}
		return nil
	})
	handle(workflows.UpdateAmend, func(_ workflow.Context, asked kitchen.Amendment) (workflows.Answer, error) {
		if asked.Notes != nil {
			status.Notes = *asked.Notes
		}
		for _, message := range asked.Messages {
			status.Lines[message.Line].Message = message.Message
		}
		return workflows.Answer{Order: status, Amended: &asked}, nil
	}, func(asked kitchen.Amendment) error {
		if faults := asked.Check(in.Rules.LimitsNow(), len(in.Order.Lines)); len(faults) > 0 {
			return temporal.NewApplicationError(kitchen.FieldErrors(faults), workflows.ErrorInvalid, faults)
		}
		return nil
	})
	handle(workflows.UpdateResolve, func(_ workflow.Context, asked kitchen.Resolution) (workflows.Answer, error) {
		status.State, status.Attention = kitchen.StateInProgress, nil
		return workflows.Answer{Order: status, Resolved: &asked}, nil
	}, func(kitchen.Resolution) error {
		if status.Attention == nil {
			return refused("The order needs no decision: it is in progress.")
		}
		return nil
	})
	if err != nil {
		return kitchen.Status{}, err
	}
	if err := workflow.Await(ctx, func() bool { return closed && workflow.AllHandlersFinished(ctx) }); err != nil {
		return kitchen.Status{}, err
	}
	return status, nil
}

// standInOrder starts an order that standIn drives.
func standInOrder(t *testing.T, notes string) string {
	t.Helper()
	order := sampleOrder()
	order.Notes = notes
	return startOrder(t, staffed, standInQueue, order)
}

func startOrder(t *testing.T, temporal temporalclient.Client, queue string, order kitchen.Order) string {
	t.Helper()
	return startOrderWith(t, temporal, queue, workflows.OrderInput{Order: order, Rules: kitchen.Default().OrderRules(), PlacedAt: time.Now().UTC().Truncate(time.Millisecond)})
}

func startOrderWith(t *testing.T, temporal temporalclient.Client, queue string, in workflows.OrderInput) string {
	t.Helper()
	id, err := kitchen.NewOrderID()
	require.NoError(t, err)
	options := workflows.StartOptions(id, in, "hash")
	options.TaskQueue = queue
	_, err = temporal.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflowType, in)
	require.NoError(t, err)
	return id
}

// changed is an API's answer to a change of an order.
type changed struct {
	code    int
	header  http.Header
	body    string
	order   kitchen.Status
	problem wire.Problem
}

// ask sends a change as JSON; an empty key sends none.
func (s *shop) ask(orderID, verb, key, body string) changed {
	s.t.Helper()
	request := newRequest(http.MethodPost, "/api/v1/orders/"+orderID+"/"+verb, strings.NewReader(body), "Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	recorder := do(s.t, s.server, signInAs(s.server, kitchen.RoleManager, request))
	answer := changed{code: recorder.Code, header: recorder.Header(), body: recorder.Body.String()}
	if recorder.Code == http.StatusOK {
		require.NoError(s.t, json.Unmarshal(recorder.Body.Bytes(), &answer.order))
	} else {
		require.NoError(s.t, json.Unmarshal(recorder.Body.Bytes(), &answer.problem))
		requireProblem(s.t, recorder, answer.problem.Type)
	}
	return answer
}

func (s *shop) changed(orderID, verb, key, body string) changed {
	s.t.Helper()
	answer := s.ask(orderID, verb, key, body)
	require.Equal(s.t, http.StatusOK, answer.code, answer.body)
	return answer
}

func (s *shop) refused(problemType wire.ProblemType, orderID, verb, key, body string) wire.Problem {
	s.t.Helper()
	answer := s.ask(orderID, verb, key, body)
	require.Equal(s.t, problemType, answer.problem.Type, answer.body)
	require.NotContains(s.t, answer.body, orderID)
	return answer.problem
}

func TestAnOrderIsChanged(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)

	t.Run("amended", func(t *testing.T) {
		t.Parallel()
		id := standInOrder(t, "ring the bell")
		order := s.changed(id, "amend", "", `{"messages":[{"line":0,"message":"Happy 41st"}]}`).order
		require.Equal(t, id, order.ID)
		require.Equal(t, "Happy 41st", order.Lines[0].Message)
		require.Equal(t, "ring the bell", order.Notes, "what is left out stays")
		order = s.changed(id, "amend", "", `{"notes":""}`).order
		require.Empty(t, order.Notes)
		require.Equal(t, order, s.status(id))
	})
	t.Run("resolved", func(t *testing.T) {
		t.Parallel()
		id := standInOrder(t, notesOfTrouble)
		require.Equal(t, "the oven is cold", s.status(id).Attention.Reason)
		order := s.changed(id, "resolve", "", `{"choice":"retry","note":"it is warm"}`).order
		require.Equal(t, kitchen.StateInProgress, order.State)
		require.Nil(t, order.Attention)
	})
	t.Run("cancelled, with a reason and without", func(t *testing.T) {
		t.Parallel()
		for body, reason := range map[string]string{`{"reason":"changed my mind"}`: "changed my mind", `{}`: ""} {
			id := standInOrder(t, "")
			order := s.changed(id, "cancel", "", body).order
			require.Equal(t, kitchen.StateCancelling, order.State)
			require.Equal(t, reason, order.CancelReason)
			require.Equal(t, order, s.status(id))
		}
	})
}

// The other tests use standIn; this one uses the real workflow.
func TestARealOrderIsChanged(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	id := s.taken(sampleOrder())
	finish(t, nextTicket(t, id))
	nextTicket(t, id)
	order := s.changed(id, "amend", "", `{"messages":[{"line":0,"message":"Happy 41st"}]}`).order
	require.Equal(t, "Happy 41st", order.Lines[0].Message)
	require.NotEmpty(t, s.refused(wire.ProblemRefused, id, "resolve", "", `{"choice":"retry"}`).Detail)
	require.Len(t, s.refused(wire.ProblemInvalidUpdate, id, "amend", "", `{"messages":[{"line":1,"message":""}]}`).Errors, 1)
	key := uuid.NewString()
	first := s.changed(id, "cancel", key, `{"reason":"changed my mind"}`)
	require.Equal(t, kitchen.StateCancelling, first.order.State)
	require.Equal(t, "changed my mind", first.order.CancelReason)
	require.Equal(t, first.body, s.changed(id, "cancel", key, `{"reason":"changed my mind"}`).body)
	require.NotEmpty(t, s.refused(wire.ProblemRefused, id, "cancel", "", `{}`).Detail)
}

func TestAnUpdatesKeyActsOnce(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	id := standInOrder(t, notesOfTrouble)
	key := uuid.NewString()
	first := s.changed(id, "amend", key, `{"notes":"first","messages":[]}`)
	s.changed(id, "amend", "", `{"notes":"second"}`)

	requireFirst := func() {
		t.Helper()
		for _, body := range []string{`{"notes":"first"}`, "{ \"notes\": \"f\\u0069rst\", \"messages\": [] }\n"} {
			require.Equal(t, first.body, s.changed(id, "amend", key, body).body)
		}
	}
	requireConflict := func() {
		t.Helper()
		for _, other := range [][2]string{{"amend", `{"notes":"another"}`}, {"amend", `{"notes":"first","messages":[{"line":0,"message":""}]}`}, {"cancel", `{}`}, {"resolve", `{"choice":"retry"}`}} {
			require.Contains(t, s.refused(wire.ProblemIdempotencyConflict, id, other[0], key, other[1]).Detail, "use a new key")
		}
	}
	requireFirst()
	require.Equal(t, "second", s.status(id).Notes, "it has not acted again")
	requireConflict()
	require.Equal(t, kitchen.StateNeedsAttention, s.status(id).State, "the others have not acted")

	t.Run("a refused request is not remembered", func(t *testing.T) {
		key := uuid.NewString()
		s.refused(wire.ProblemInvalidUpdate, id, "amend", key, `{"messages":[{"line":1,"message":"of no line"}]}`)
		s.changed(id, "amend", key, `{"notes":"third"}`)
	})
	t.Run("also when the order has closed", func(t *testing.T) {
		last := uuid.NewString()
		ended := s.changed(id, "cancel", last, `{"reason":"`+reasonToCloseSoon+`"}`)
		require.NoError(t, staffed.GetWorkflow(t.Context(), kitchen.WorkflowID(id), "").Get(t.Context(), nil))
		requireFirst()
		requireConflict()
		require.Equal(t, ended.body, s.changed(id, "cancel", last, `{"reason":"`+reasonToCloseSoon+`"}`).body)
	})
}

func TestManyRequestsWithOneKeyChangeAnOrderOnce(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	id := standInOrder(t, "")
	key := uuid.NewString()
	gate := make(chan struct{})
	answers := make([]string, 8)
	var requests sync.WaitGroup
	for i := range answers {
		requests.Go(func() {
			<-gate
			request := newRequest(http.MethodPost, "/api/v1/orders/"+id+"/cancel", strings.NewReader(`{}`), "Content-Type", "application/json", "Idempotency-Key", key)
			recorder := do(t, s.server, request)
			answers[i] = fmt.Sprint(recorder.Code, " ", recorder.Body.String())
		})
	}
	close(gate)
	requests.Wait()
	require.True(t, strings.HasPrefix(answers[0], "200 "), answers[0])
	for _, answer := range answers {
		require.Equal(t, answers[0], answer) // a second cancellation would be refused
	}
}

func TestAChangeIsRefusedInAStateThatDoesNotAllowIt(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	t.Run("in the workflow's own words", func(t *testing.T) {
		t.Parallel()
		id := standInOrder(t, "")
		require.Equal(t, "The order needs no decision: it is in progress.", s.refused(wire.ProblemRefused, id, "resolve", "", `{"choice":"retry"}`).Detail)
	})
	t.Run("with the fields that only the workflow can object to", func(t *testing.T) {
		t.Parallel()
		id := standInOrder(t, "")
		problem := s.refused(wire.ProblemInvalidUpdate, id, "amend", "", `{"messages":[{"line":1,"message":"of no line"}]}`)
		require.Len(t, problem.Errors, 1)
		require.Equal(t, "/messages/0/line", *problem.Errors[0].Pointer)
		require.Contains(t, problem.Errors[0].Detail, "from 0 to 0")
	})
	t.Run("when it is cancelled", func(t *testing.T) {
		t.Parallel()
		id := standInOrder(t, "")
		s.changed(id, "cancel", "", `{"reason":"`+reasonToCloseSoon+`"}`)
		require.NoError(t, staffed.GetWorkflow(t.Context(), kitchen.WorkflowID(id), "").Get(t.Context(), nil))
		detail := s.refused(wire.ProblemRefused, id, "amend", "", `{"notes":"too late"}`).Detail
		require.Contains(t, detail, "The order was cancelled on "+time.Now().UTC().Format("2 January 2006"))
	})
	t.Run("unless it was done in an earlier run", func(t *testing.T) {
		t.Parallel()
		key := uuid.NewString()
		order := sampleOrder()
		asked := kitchen.Amendment{Notes: new("ring twice")}
		id := startOrderWith(t, staffed, standInQueue, workflows.OrderInput{Order: order, Rules: kitchen.Default().OrderRules(),
			Progress: &workflows.Progress{Handled: []workflows.Handled{{ID: key, Answer: workflows.Answer{Amended: &asked}}}}})
		require.NoError(t, staffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(id), "", "by an operator"))
		require.Equal(t, kitchen.StateCancelled, s.changed(id, "amend", key, `{"notes":"ring twice"}`).order.State)
		s.refused(wire.ProblemIdempotencyConflict, id, "amend", key, `{"notes":"ring once"}`)
		s.refused(wire.ProblemRefused, id, "amend", uuid.NewString(), `{"notes":"ring twice"}`)
	})
	t.Run("when it was ended from outside", func(t *testing.T) {
		t.Parallel()
		id := standInOrder(t, "")
		require.NoError(t, staffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(id), "", "by an operator"))
		require.Contains(t, s.refused(wire.ProblemRefused, id, "cancel", "", `{}`).Detail, "The order was cancelled on ")
	})
	t.Run("when it is ended from outside before the answer", func(t *testing.T) {
		t.Parallel()
		id := standInOrder(t, "")
		asked := make(chan changed)
		go func() { asked <- s.ask(id, "cancel", "", `{"reason":"`+reasonToHang+`"}`) }()
		require.Eventually(t, func() bool { return hasEvent(t, id, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED) }, 4*time.Second, 5*time.Millisecond)
		require.NoError(t, staffed.TerminateWorkflow(t.Context(), kitchen.WorkflowID(id), "", "by an operator"))
		require.Contains(t, (<-asked).problem.Detail, "The order was cancelled on ")
	})
	t.Run("when it is shipped", func(t *testing.T) {
		t.Parallel()
		id := s.taken(sampleOrder())
		for range kitchen.Stages() {
			finish(t, nextTicket(t, id))
		}
		require.NoError(t, staffed.GetWorkflow(t.Context(), kitchen.WorkflowID(id), "").Get(t.Context(), nil))
		require.Contains(t, s.refused(wire.ProblemRefused, id, "cancel", "", `{}`).Detail, "The order was shipped on ")
	})
	t.Run("when there is no such order", func(t *testing.T) {
		t.Parallel()
		s.refused(wire.ProblemOrderNotFound, uuid.NewString(), "cancel", "", `{}`)
	})
}

// hasEvent reports whether an order's history has an event of the type.
func hasEvent(t *testing.T, orderID string, eventType enumspb.EventType) bool {
	history := staffed.GetWorkflowHistory(t.Context(), kitchen.WorkflowID(orderID), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return false
		}
		if event.GetEventType() == eventType {
			return true
		}
	}
	return false
}

func TestWithoutAWorkerTheOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	s := openShop(t, unstaffed, nil)
	id := s.taken(sampleOrder())
	answer := s.ask(id, "cancel", uuid.NewString(), `{}`)
	require.Equal(t, http.StatusServiceUnavailable, answer.code)
	require.Equal(t, "2", answer.header.Get("Retry-After"))
	require.Equal(t, wire.ProblemUnavailable, answer.problem.Type)
	require.Contains(t, answer.problem.Detail, "Nobody can tell now whether this was done. Repeat the request with the same Idempotency-Key")
}

func TestBadChangesAreRefusedAndSendNothing(t *testing.T) {
	t.Parallel()
	k, err := kitchen.Parse("small.yaml", []byte("limits: {lines: 2, messageLength: 10, notesLength: 20}\n"))
	require.NoError(t, err)
	s := &shop{t: t, server: newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Kitchen = k })}
	long := strings.Repeat("x", kitchen.MaxDecisionLength+1)
	type places map[string]string // by pointer, a part of the detail
	for name, bad := range map[string]struct {
		verb, body string
		problem    wire.ProblemType
		places     places
	}{
		"cancel as amend":            {"amend", `{"reason":"x"}`, wire.ProblemInvalidUpdate, places{"/reason": "unknown field: leave it out; known here are messages, notes and phone"}},
		"amend as cancel":            {"cancel", `{"notes":"x"}`, wire.ProblemInvalidUpdate, places{"/notes": "unknown field: leave it out; known here are reason"}},
		"cancel as resolve":          {"resolve", `{"reason":"x"}`, wire.ProblemInvalidUpdate, places{"/reason": "unknown field", "/choice": "missing"}},
		"reason too long":            {"cancel", `{"reason":"` + long + `"}`, wire.ProblemInvalidUpdate, places{"/reason": "at most 500 characters"}},
		"reason blank":               {"cancel", `{"reason":"  "}`, wire.ProblemInvalidUpdate, places{"/reason": "must not be blank"}},
		"reason null":                {"cancel", `{"reason":null}`, wire.ProblemInvalidUpdate, places{"/reason": "must be a text, not null"}},
		"nothing to amend":           {"amend", `{}`, wire.ProblemInvalidUpdate, places{"": "changes nothing: give notes, messages or a phone number"}},
		"notes over the kitchen's":   {"amend", `{"notes":"012345678901234567890"}`, wire.ProblemInvalidUpdate, places{"/notes": "at most 20 characters"}},
		"notes a number":             {"amend", `{"notes":5}`, wire.ProblemInvalidUpdate, places{"/notes": "must be a text, not another number"}},
		"message over the kitchen's": {"amend", `{"messages":[{"line":0,"message":"01234567890"}]}`, wire.ProblemInvalidUpdate, places{"/messages/0/message": "at most 10 characters"}},
		"line over the kitchen's":    {"amend", `{"messages":[{"line":2,"message":"a"}]}`, wire.ProblemInvalidUpdate, places{"/messages/0/line": "from 0 to 1"}},
		"line -1":                    {"amend", `{"messages":[{"line":-1,"message":"a"}]}`, wire.ProblemInvalidUpdate, places{"/messages/0/line": "from 0 to 1"}},
		"line twice":                 {"amend", `{"messages":[{"line":0,"message":"a"},{"line":0,"message":"b"}]}`, wire.ProblemInvalidUpdate, places{"/messages/1/line": "in the list already"}},
		"line a text":                {"amend", `{"messages":[{"line":"0","message":"a"}]}`, wire.ProblemInvalidUpdate, places{"/messages/0/line": "must be a whole number, not a text"}},
		"line and message missing":   {"amend", `{"messages":[{}]}`, wire.ProblemInvalidUpdate, places{"/messages/0/line": "missing", "/messages/0/message": "missing"}},
		"message null":               {"amend", `{"messages":[null]}`, wire.ProblemInvalidUpdate, places{"/messages/0": "must be an object, not null"}},
		"unknown choice":             {"resolve", `{"choice":"remak"}`, wire.ProblemInvalidUpdate, places{"/choice": `did you mean "remake"`}},
		"note too long":              {"resolve", `{"choice":"retry","note":"` + long + `"}`, wire.ProblemInvalidUpdate, places{"/note": "at most 500 characters"}},
		"a list":                     {"cancel", `[]`, wire.ProblemInvalidUpdate, places{"": "must be an object, not a list"}},
		"no body":                    {"cancel", ``, wire.ProblemMalformedBody, places{"": "empty"}},
		"reason twice":               {"cancel", `{"reason":"a","reason":"b"}`, wire.ProblemMalformedBody, places{"/reason": "named twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := s.refused(bad.problem, anOrderID, bad.verb, "", bad.body)
			found := places{}
			for _, fault := range problem.Errors {
				found[*fault.Pointer] = fault.Detail
			}
			require.Len(t, found, len(bad.places), "%v", found)
			require.Len(t, problem.Errors, len(bad.places))
			for where, part := range bad.places {
				require.Contains(t, found[where], part)
			}
		})
	}
	t.Run("a key that is too short", func(t *testing.T) {
		t.Parallel()
		problem := s.refused(wire.ProblemInvalidParameter, anOrderID, "cancel", "short", `{}`)
		require.Equal(t, "Idempotency-Key", problem.Errors[0].Header)
	})
	t.Run("an id that is none", func(t *testing.T) {
		t.Parallel()
		for _, verb := range []string{"cancel", "amend", "resolve"} {
			request := newRequest(http.MethodPost, "/api/v1/orders/0199/"+verb, strings.NewReader(`{}`), "Content-Type", "application/json")
			recorder := do(t, s.server, signInAs(s.server, kitchen.RoleManager, request))
			require.Equal(t, "id", requireProblem(t, recorder, wire.ProblemInvalidParameter).Errors[0].Parameter)
		}
	})
}

const anOrderID = "0199c0de-7a11-7000-8000-00000000cafe"

// updatingTemporal fails every update, and describes an order that is open.
type updatingTemporal struct {
	temporalclient.Client
	err    error
	paused bool
}

func (f updatingTemporal) UpdateWorkflow(context.Context, temporalclient.UpdateWorkflowOptions) (temporalclient.WorkflowUpdateHandle, error) {
	return nil, f.err
}

func (f updatingTemporal) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	info := &workflowpb.WorkflowExecutionInfo{Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}
	if f.paused {
		info.Status = enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil
}

func TestUpdateErrorToProblem(t *testing.T) {
	t.Parallel()
	const secret = "order-" + anOrderID + " on 10.0.0.1"
	application := func(errorType string, details ...any) error {
		return temporal.NewApplicationError(secret, errorType, details...)
	}
	for name, c := range map[string]struct {
		err  error
		want wire.ProblemType
	}{
		"refused":                          {temporal.NewApplicationError("It is too late.", workflows.ErrorRefused), wire.ProblemRefused},
		"invalid":                          {application(workflows.ErrorInvalid, []kitchen.FieldError{{Pointer: "/notes", Detail: "too long"}}), wire.ProblemInvalidUpdate},
		"invalid without fields":           {application(workflows.ErrorInvalid), wire.ProblemInternal},
		"an update that no workflow knows": {application(""), wire.ProblemInternal},
		"a worker without the key":         {temporal.NewApplicationErrorWithCause(secret, "wrapError", temporal.NewApplicationError(secret, "MissingKeyError")), wire.ProblemUnavailable},
		"closed, and yet open":             {serviceerror.NewNotFound("workflow execution already completed"), wire.ProblemUnavailable},
		"ended first, and yet open":        {application(errorClosedFirst), wire.ProblemUnavailable},
		"no worker in time":                {temporalclient.NewWorkflowUpdateServiceTimeoutOrCanceledError(errors.New(secret)), wire.ProblemUnavailable},
		"Temporal away":                    {serviceerror.NewUnavailable(secret), wire.ProblemUnavailable},
		"too many updates at once":         {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, secret), wire.ProblemUnavailable},
		"paused by an operator":            {serviceerror.NewFailedPrecondition(secret), wire.ProblemRefused},
		"another condition":                {serviceerror.NewFailedPrecondition(secret), wire.ProblemInternal},
		"anything else":                    {errors.New(secret), wire.ProblemInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := &shop{t: t, server: newTestServer(t, updatingTemporal{err: c.err, paused: c.want == wire.ProblemRefused}, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })}
			answer := s.ask(anOrderID, "cancel", "", `{}`)
			require.Equal(t, c.want, answer.problem.Type, answer.body)
			require.NotContains(t, answer.body, "10.0.0.1", "internal text")
			require.NotContains(t, answer.body+log.String(), anOrderID)
		})
	}
}

func TestTheIndexListsEveryOperationUnderAPI(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	index, err := io.ReadAll(do(t, server, newRequest(http.MethodGet, "/", nil)).Body)
	require.NoError(t, err)
	for path, item := range loadSpec(t).Paths.Map() {
		for method := range item.Operations() {
			if strings.HasPrefix(path, "/api/") {
				require.Regexp(t, `(?m)^`+method+` +`+strings.NewReplacer("{", `\{`, "}", `\}`).Replace(path)+` `, string(index))
			}
		}
	}
}

// A list tells what is asked, and a decision can name the question that it is
// for: it never decides another one.
func TestAQuestionIsListedAndDecidedAsItWasFound(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	order := sampleOrder()
	order.Customer.Name = "Ada " + uuid.NewString()
	id := s.taken(order)
	listed := func(asked bool) *kitchen.Attention {
		var found *kitchen.Attention
		require.Eventually(t, func() bool {
			answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Customer: &order.Customer.Name})
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
			if len(answer.JSON200.Orders) != 1 {
				return false
			}
			found = answer.JSON200.Orders[0].Attention
			return asked == (found != nil)
		}, patience, 50*time.Millisecond)
		return found
	}
	fail := func() {
		ticket := nextTicket(t, id)
		ref, err := kitchen.ParseTicketID(ticket.TicketID)
		require.NoError(t, err)
		require.NoError(t, staffed.CompleteActivityByID(t.Context(), temporalclient.DefaultNamespace, kitchen.WorkflowID(id), "", ref.ActivityID(), nil, temporal.NewNonRetryableApplicationError("by hand", "byHand", nil)))
	}
	decide := func(asked *kitchen.Attention, choice kitchen.Choice) string {
		body, err := json.Marshal(kitchen.Resolution{Choice: choice, Since: asked.Since})
		require.NoError(t, err)
		return string(body)
	}
	listed(false)
	fail()
	first := listed(true)
	require.Equal(t, s.status(id).Attention, first)
	key := uuid.NewString()
	answer := s.changed(id, "resolve", key, decide(first, kitchen.ChoiceRetry))
	require.Equal(t, answer.body, s.changed(id, "resolve", key, decide(first, kitchen.ChoiceRetry)).body, "decided once under its key")
	fail()
	require.Eventually(t, func() bool { return s.status(id).Attention != nil }, patience, 50*time.Millisecond)
	second := s.status(id).Attention
	require.Contains(t, s.refused(wire.ProblemRefused, id, "resolve", "", decide(first, kitchen.ChoiceCancel)).Detail, "Another question is asked now")
	require.Equal(t, wire.ProblemIdempotencyConflict, s.ask(id, "resolve", key, decide(second, kitchen.ChoiceRetry)).problem.Type, "the key has decided the first question")
	require.Equal(t, second, s.status(id).Attention)
	require.Equal(t, kitchen.StateCancelling, s.changed(id, "resolve", "", decide(second, kitchen.ChoiceCancel)).order.State)
	require.NotEmpty(t, s.refused(wire.ProblemRefused, id, "resolve", "", decide(second, kitchen.ChoiceCancel)).Detail, "it is decided")
	listed(false)
}
