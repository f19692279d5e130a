package api

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// followWithin bounds the whole of an answer.
	followWithin = 3 * time.Second
	// describeWithin is how long Temporal may take to tell about the ticket
	// that is out. Under full load its slowest answers take longer, and what
	// they add is not worth the wait.
	describeWithin = 200 * time.Millisecond
	// queriesAtOnce bounds the queries under way: when workers are slow, more
	// of them would only make them slower.
	queriesAtOnce = 64
	// queriesGivenUp in a row mean that no worker is there, or that workers
	// are far behind: a query waits its turn behind the order's own tasks.
	// Then nobody waits for one until a probe, sent each queryPause beside an
	// answer, has come back in time.
	queriesGivenUp = 3
	queryPause     = time.Second
)

// source says where an order's status came from.
type source string

const (
	fromQuery   source = "query"   // the workflow itself
	fromLog     source = "log"     // what the log tells of an open order
	fromHistory source = "history" // what Temporal has recorded of an open order
	fromClosed  source = "closed"  // the same of a closed order, which cannot change any more
)

// follower tells where orders stand. It asks the workflow, for a short time only
// because a query waits for a worker; then the log must do, or else what Temporal has
// recorded.
type follower struct {
	temporal  client.Client
	orders    *workflows.Orders
	codec     *encryption.Codec
	namespace string
	log       *floor.Floor
	// queryWithin is how long a worker may take to answer.
	queryWithin time.Duration
	// describeWithin is how long Temporal may take to tell about the ticket.
	describeWithin time.Duration
	gate           queryGate
}

// status is where an order stands, apart from what floor.AddWork adds. While the
// floor is behind the log, Temporal tells that.
func (f *follower) status(ctx context.Context, orderID string) (status kitchen.Status, from source, err error) {
	defer func() {
		// Not all who ask are requests, and a panic must not end the process.
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	status, from, err = f.ask(ctx, orderID)
	switch {
	case err != nil:
		return kitchen.Status{}, "", err
	case status.State.IsFinal():
		status.Stale = false
		return status, fromClosed, nil
	case !f.log.Behind().Since.IsZero():
		err = f.addPending(ctx, &status)
	}
	return status, from, err
}

// addPending adds what Temporal knows of the tickets that an order waits for.
func (f *follower) addPending(ctx context.Context, status *kitchen.Status) error {
	ctx, cancel := context.WithTimeout(ctx, f.describeWithin)
	defer cancel()
	description, err := f.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(status.ID), "")
	switch {
	case err == nil:
		pending, err := f.orders.PendingTickets(description)
		if err != nil {
			return err
		}
		workflows.AddPending(status, pending)
	case isOutage(err):
		status.Stale = true // who works on it, and how often it was issued, is unknown
	default:
		return err
	}
	return nil
}

// ask asks the workflow. If that is in vain, the log tells, or what is recorded.
func (f *follower) ask(ctx context.Context, orderID string) (kitchen.Status, source, error) {
	switch f.gate.enter() {
	case askAndWait:
		status, err := f.query(ctx, orderID)
		switch {
		case err == nil:
			return status, fromQuery, nil
		case workflows.IsNotFound(err):
			return status, "", err
		case errors.Is(err, errClosed):
			return f.recorded(ctx, orderID)
		}
	case askBeside:
		go func() { _, _ = f.query(context.WithoutCancel(ctx), orderID) }() // the gate learns what came of it
	case doNotAsk:
	}
	told, known := f.log.OrderStatus(orderID)
	if !known {
		return f.recorded(ctx, orderID)
	}
	if closed, err := f.isClosed(ctx, orderID); err != nil || closed {
		return f.recorded(ctx, orderID) // the log never has that an order was ended from outside
	}
	status, err := f.placed(ctx, orderID)
	switch {
	case err != nil:
		return status, "", fmt.Errorf("read how the order was placed: %w", err)
	case told.Version < status.Version || told.DetailsVersion > status.DetailsVersion, lacksPasses(told, status):
		// What the log leaves out has changed since. If the order has told more than its
		// history has, its workflow task is still under way.
		status, from, err := f.recorded(ctx, orderID)
		status.Stale = status.Stale || told.Version > status.Version
		return status, from, err
	}
	return status.With(told), fromLog, nil
}

// lacksPasses reports whether neither what the log tells nor the status with which the
// order began has the order's first passes: the log leaves out the oldest of very many.
func lacksPasses(told kitchen.LoggedStatus, began kitchen.Status) bool {
	return len(told.Stages) > 0 && told.Stages[0].Pass > 1 && (len(began.Stages) == 0 || began.Stages[0].Pass > 1)
}

// isClosed reports whether an order's workflow has ended, however that came about.
func (f *follower) isClosed(ctx context.Context, orderID string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, f.describeWithin)
	defer cancel()
	description, err := f.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(orderID), "")
	return description.GetWorkflowExecutionInfo().GetCloseTime() != nil, err
}

// placed is the status with which an order, or its last run, was started.
func (f *follower) placed(ctx context.Context, orderID string) (kitchen.Status, error) {
	in, _, err := f.firstRequest(ctx, orderID)
	if err != nil {
		return kitchen.Status{}, err
	}
	if in.Progress != nil {
		return in.Progress.Status, nil
	}
	return workflows.Accepted(orderID, in), nil
}

// recorded is where an order stands by its history.
func (f *follower) recorded(ctx context.Context, orderID string) (kitchen.Status, source, error) {
	status, err := f.orders.StatusFromHistory(ctx, orderID)
	return status, fromHistory, err
}

// errClosed means that an order is over: no worker knows more than what is recorded.
var errClosed = errors.New("the order's workflow is closed")

// query asks the workflow, once the gate has been entered. Any error means that
// the answer must come from elsewhere; which one it is decides only whether the
// next query is tried.
func (f *follower) query(ctx context.Context, orderID string) (status kitchen.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.queryWithin)
	defer cancel()
	outcome := queryWithdrawn
	defer func() { f.gate.leave(outcome) }()
	response, err := f.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: kitchen.WorkflowID(orderID), QueryType: workflows.QueryStatus, QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	switch {
	case err != nil:
	case response.QueryRejected != nil:
		return status, errClosed // by Temporal, which has asked no worker
	default:
		err = response.QueryResult.Get(&status)
	}
	switch {
	case err == nil:
		outcome = queryAnswered
	case workflows.IsNotFound(err), errors.Is(ctx.Err(), context.Canceled):
		// Says nothing about workers.
	default:
		outcome = queryGivenUp
	}
	return status, err
}

// queryOutcome is how a query ended.
type queryOutcome int

const (
	queryWithdrawn queryOutcome = iota // nobody waits for it any more
	queryAnswered
	queryGivenUp
)

// queryGate decides whether a query is worth its time.
type queryGate struct {
	mu          sync.Mutex
	asking      int
	givenUp     int // in a row
	pausedUntil time.Time
}

// admission is what the gate says to somebody who wants to query.
type admission int

const (
	doNotAsk   admission = iota
	askBeside            // to find out whether it is worth waiting again
	askAndWait           // the usual
)

// enter decides; unless it says doNotAsk, leave must be called afterwards.
func (g *queryGate) enter() admission {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asking >= queriesAtOnce {
		return doNotAsk
	}
	admitted := askAndWait
	if g.givenUp >= queriesGivenUp {
		if time.Now().Before(g.pausedUntil) {
			return doNotAsk
		}
		g.pausedUntil = time.Now().Add(queryPause)
		admitted = askBeside
	}
	g.asking++
	return admitted
}

func (g *queryGate) leave(outcome queryOutcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asking--
	switch outcome {
	case queryAnswered:
		g.givenUp = 0
	case queryGivenUp:
		if g.givenUp++; g.givenUp >= queriesGivenUp {
			g.pausedUntil = time.Now().Add(queryPause)
		}
	case queryWithdrawn:
	}
}

// firstRequest reads from an order's history what it was started with.
func (f *follower) firstRequest(ctx context.Context, orderID string) (in workflows.OrderInput, requestHash string, err error) {
	history, err := f.temporal.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace:       f.namespace,
		Execution:       &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID)},
		MaximumPageSize: 1, // of the rest nothing is needed
	})
	if err != nil {
		return in, "", err
	}
	events := history.GetHistory().GetEvents()
	if len(events) == 0 {
		return in, "", errors.New("the order's history is empty")
	}
	started := events[0].GetWorkflowExecutionStartedEventAttributes()
	data := f.codec.DataOf(kitchen.WorkflowID(orderID))
	if err := data.FromPayloads(started.GetInput(), &in); err != nil {
		return in, "", err
	}
	return in, requestHash, data.FromPayload(started.GetMemo().GetFields()[workflows.MemoRequestHash], &requestHash)
}

// isAlreadyStarted reports whether Temporal refused to start an order twice.
func isAlreadyStarted(err error) bool {
	_, is := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err)
	return is
}
