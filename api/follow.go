package api

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// followWithin bounds the whole of an answer.
	followWithin = 3 * time.Second
	// queriesAtOnce bounds the queries under way: when workers are slow, more
	// of them would only make them slower.
	queriesAtOnce = 64
	// queriesGivenUp in a row mean that no worker is there. Then nobody waits
	// for one during queryPause; one query at a time finds out whether that
	// has changed.
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
// the ticket that is out, at the same time. A query waits for a worker, so it
// gets a short time only; then what Temporal has recorded must do.
type follower struct {
	temporal client.Client
	// queryWithin is how long a worker may take to answer.
	queryWithin time.Duration
	gate        queryGate
}

func (f *follower) status(ctx context.Context, orderID string) (kitchen.Status, source, error) {
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	queryCtx, endQuery := context.WithTimeout(ctx, f.queryWithin)
	defer endQuery()
	queried := make(chan queryAnswer, 1)
	go func() { queried <- f.query(queryCtx, orderID) }()

	description, err := f.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(orderID), "")
	if err != nil {
		return kitchen.Status{}, "", err
	}
	if description.GetWorkflowExecutionInfo().GetCloseTime() != nil {
		endQuery()
		status, err := workflows.StatusFromHistory(ctx, f.temporal, orderID)
		status.Stale = false
		return status, fromClosed, err
	}
	answer, from := <-queried, fromQuery
	if answer.err != nil {
		from = fromHistory
		if answer.status, err = workflows.StatusFromHistory(ctx, f.temporal, orderID); err != nil {
			return kitchen.Status{}, "", err
		}
	}
	for _, activity := range description.GetPendingActivities() {
		addPending(&answer.status, activity)
	}
	return answer.status, from, nil
}

type queryAnswer struct {
	status kitchen.Status
	err    error
}

var errNotAsked = errors.New("no worker has answered for a while, so none was asked")

// query asks the workflow. Any error means that the answer must come from
// elsewhere; which one it is decides only whether the next query is tried.
func (f *follower) query(ctx context.Context, orderID string) (answer queryAnswer) {
	if !f.gate.enter() {
		return queryAnswer{err: errNotAsked}
	}
	outcome := queryWithdrawn
	defer func() { f.gate.leave(outcome) }()
	value, err := f.temporal.QueryWorkflow(ctx, kitchen.WorkflowID(orderID), "", workflows.QueryStatus)
	if err == nil {
		err = value.Get(&answer.status)
	}
	answer.err = err
	switch {
	case err == nil:
		outcome = queryAnswered
	case isNotFound(err), errors.Is(ctx.Err(), context.Canceled):
		// Says nothing about workers.
	default:
		outcome = queryGivenUp
	}
	return answer
}

// addPending adds to a status what only Temporal knows of a ticket that is
// out: how often it was issued, and who has it in hand.
func addPending(status *kitchen.Status, activity *workflowpb.PendingActivityInfo) {
	ref, err := kitchen.ParseActivityID(activity.GetActivityId())
	if err != nil {
		return // an activity that is no ticket
	}
	i := slices.IndexFunc(status.Stages, func(pass kitchen.StageStatus) bool { return pass.Stage == ref.Stage && pass.Pass == ref.Pass })
	if i < 0 || status.Stages[i].State != kitchen.TicketWaiting {
		return // the two answers are of different moments
	}
	pass := &status.Stages[i]
	pass.Attempt = max(pass.Attempt, int(activity.GetAttempt()))
	// Temporal keeps the last heartbeat over attempts; one from before this
	// attempt was issued says who had the ticket then.
	beat := activity.GetLastHeartbeatTime()
	if beat == nil || beat.AsTime().Before(activity.GetLastStartedTime().AsTime()) || activity.GetState() != enumspb.PENDING_ACTIVITY_STATE_STARTED {
		return
	}
	var atWork kitchen.AtWork
	if err := converter.GetDefaultDataConverter().FromPayloads(activity.GetHeartbeatDetails(), &atWork); err != nil || atWork.By == "" {
		return
	}
	at := atWork.At.UTC()
	pass.State, pass.By, pass.StartedAt = kitchen.TicketStarted, atWork.By, &at
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

// enter reports whether a query may be sent; then leave must be called.
func (g *queryGate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asking >= queriesAtOnce {
		return false
	}
	if g.givenUp >= queriesGivenUp {
		if time.Now().Before(g.pausedUntil) {
			return false
		}
		// This query finds out; the others go on without until it has.
		g.pausedUntil = time.Now().Add(queryPause)
	}
	g.asking++
	return true
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
