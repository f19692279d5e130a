package api

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

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
	fromHistory source = "history" // what Temporal has recorded of an open order
	fromClosed  source = "closed"  // the same of a closed order, which cannot change any more
)

// follower tells where orders stand. It asks the workflow, and Temporal about
// the ticket that is out, at the same time. Both get a short time only, a query
// because it waits for a worker; then what Temporal has recorded must do.
type follower struct {
	temporal client.Client
	// queryWithin is how long a worker may take to answer.
	queryWithin time.Duration
	// describeWithin is how long Temporal may take to tell about the ticket.
	describeWithin time.Duration
	gate           queryGate
}

func (f *follower) status(ctx context.Context, orderID string) (kitchen.Status, source, error) {
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	queryCtx, endQuery := context.WithTimeout(ctx, f.queryWithin)
	defer endQuery()
	answered := make(chan answer, 1)
	go func() {
		defer func() {
			// Nothing else catches a panic here, and it must not end the process.
			if reason := recover(); reason != nil {
				answered <- answer{err: fmt.Errorf("panic: %v\n%s", reason, debug.Stack())}
			}
		}()
		answered <- f.ask(ctx, queryCtx, orderID)
	}()

	describeCtx, endDescribe := context.WithTimeout(ctx, f.describeWithin)
	defer endDescribe()
	description, describeErr := f.temporal.DescribeWorkflowExecution(describeCtx, kitchen.WorkflowID(orderID), "")
	if describeErr != nil && !isOutage(describeErr) {
		return kitchen.Status{}, "", describeErr
	}
	closed := description.GetWorkflowExecutionInfo().GetCloseTime() != nil
	if closed {
		endQuery() // no worker knows more than what is recorded
	}
	now := <-answered
	if now.err == nil && closed && !now.status.State.IsFinal() {
		now = f.recorded(ctx, orderID) // it closed while it was asked
	}
	if now.err != nil {
		return kitchen.Status{}, "", now.err
	}
	if now.status.State.IsFinal() {
		now.status.Stale = false
		return now.status, fromClosed, nil
	}
	if describeErr != nil {
		now.status.Stale = true // who works on it, and how often it was issued, is unknown
	}
	workflows.AddPending(&now.status, workflows.PendingTickets(description))
	return now.status, now.from, nil
}

type answer struct {
	status kitchen.Status
	from   source
	err    error
}

// ask asks the workflow, and reads what is recorded if that is in vain.
func (f *follower) ask(ctx, queryCtx context.Context, orderID string) answer {
	switch f.gate.enter() {
	case askAndWait:
		if status, err := f.query(queryCtx, orderID); err == nil {
			return answer{status: status, from: fromQuery}
		}
	case askBeside:
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.queryWithin)
			defer cancel()
			_, _ = f.query(ctx, orderID) // the gate learns what came of it
		}()
	case doNotAsk:
	}
	return f.recorded(ctx, orderID)
}

func (f *follower) recorded(ctx context.Context, orderID string) answer {
	status, err := workflows.StatusFromHistory(ctx, f.temporal, orderID)
	return answer{status: status, from: fromHistory, err: err}
}

// query asks the workflow, once the gate has been entered. Any error means that
// the answer must come from elsewhere; which one it is decides only whether the
// next query is tried.
func (f *follower) query(ctx context.Context, orderID string) (status kitchen.Status, err error) {
	outcome := queryWithdrawn
	defer func() { f.gate.leave(outcome) }()
	value, err := f.temporal.QueryWorkflow(ctx, kitchen.WorkflowID(orderID), "", workflows.QueryStatus)
	if err == nil {
		err = value.Get(&status)
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
func firstRequest(ctx context.Context, temporal client.Client, orderID string) (in workflows.OrderInput, requestHash string, err error) {
	events := temporal.GetWorkflowHistory(ctx, kitchen.WorkflowID(orderID), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return in, "", errors.New("the order's history is empty")
	}
	event, err := events.Next()
	if err != nil {
		return in, "", err
	}
	started := event.GetWorkflowExecutionStartedEventAttributes()
	data := converter.GetDefaultDataConverter()
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
