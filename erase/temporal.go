package erase

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// schedulerPrefix is what Temporal puts before a schedule's id to name the workflow that
// carries it out. What the schedule starts is in its history, and stays there when the
// schedule was deleted.
const schedulerPrefix = "temporal-sys-scheduler:"

// clocksDiffer is how far the clocks of Temporal's parts may.
const clocksDiffer = time.Minute

// find is the id of the order that somebody calls by its id or its pickup code.
func (e *Eraser) find(ctx context.Context, called string) (string, error) {
	if kitchen.CheckOrderID(called) == nil {
		return called, nil
	}
	code := strings.ToUpper(called)
	runs, err := e.list(ctx, fmt.Sprintf("%s = '%s'", workflows.KeyPickupCode.GetName(), strings.ReplaceAll(code, "'", "")))
	if err != nil {
		return "", err
	}
	var ids []string
	for _, run := range runs {
		if id, err := kitchen.OrderIDFromWorkflowID(run.WorkflowID); err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch len(ids) {
	case 0:
		return "", &NotFoundError{fmt.Sprintf("Temporal knows no order with the pickup code %s in the namespace %q: give the order's id, also to go on with an order that is half erased", code, e.config.Namespace)}
	case 1:
		return ids[0], nil
	}
	return "", &RefusedError{fmt.Sprintf("several orders have the pickup code %s, give the id of one: %s", code, strings.Join(ids, ", "))}
}

// list finds workflows in Temporal's visibility.
func (e *Eraser) list(ctx context.Context, query string) (runs []Run, err error) {
	var token []byte
	for first := true; first || len(token) > 0; first = false {
		page, err := e.listPage(ctx, query, token)
		if err != nil {
			return nil, unlessAnswered(fmt.Errorf("look for workflows in Temporal: %w", err))
		}
		for _, info := range page.GetExecutions() {
			runs = append(runs, runOf(info))
		}
		token = page.GetNextPageToken()
	}
	return runs, nil
}

func (e *Eraser) listPage(ctx context.Context, query string, token []byte) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return e.config.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: token})
}

func runOf(info *workflowpb.WorkflowExecutionInfo) Run {
	return Run{
		WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), Status: strings.ToLower(info.GetStatus().String()),
		started: info.GetStartTime().AsTime(), open: info.GetCloseTime() == nil,
	}
}

// describe is a run, or the last one; nil if Temporal does not know it.
func (e *Eraser) describe(ctx context.Context, workflowID, runID string) (*Run, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	description, err := e.config.Temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
	if workflows.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unlessAnswered(fmt.Errorf("ask Temporal about a workflow: %w", err))
	}
	run := runOf(description.GetWorkflowExecutionInfo())
	return &run, nil
}

// runs are all runs of a workflow id: those that went on in a new run, were reset, or got
// no place. Visibility may not have the last ones yet, so the links between runs are
// followed as well.
func (e *Eraser) runs(ctx context.Context, workflowID string) ([]Run, error) {
	runs, err := e.list(ctx, fmt.Sprintf("WorkflowId = '%s'", workflowID))
	if err != nil {
		return nil, err
	}
	next := []string{""}
	for _, run := range runs {
		next = append(next, run.RunID)
	}
	known := []Run{}
	seen := map[string]bool{}
	for ; len(next) > 0; next = next[1:] {
		if seen[next[0]] {
			continue
		}
		seen[next[0]] = true
		run, err := e.describe(ctx, workflowID, next[0])
		if err != nil {
			return nil, err
		}
		if run == nil || slices.ContainsFunc(known, func(other Run) bool { return other.RunID == run.RunID }) {
			continue
		}
		seen[run.RunID] = true
		known = append(known, *run)
		others, err := e.linked(ctx, *run)
		if err != nil {
			return nil, err
		}
		next = append(next, others...)
	}
	slices.SortFunc(known, func(x, y Run) int { return x.started.Compare(y.started) })
	return known, nil
}

// linked are the runs that a run names as those it comes from.
func (e *Eraser) linked(ctx context.Context, run Run) (runIDs []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	history, err := e.config.Temporal.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: e.config.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: run.WorkflowID, RunId: run.RunID}, MaximumPageSize: 1,
	})
	if workflows.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unlessAnswered(fmt.Errorf("read how a workflow began: %w", err))
	}
	for _, event := range history.GetHistory().GetEvents() {
		started := event.GetWorkflowExecutionStartedEventAttributes()
		for _, other := range []string{started.GetContinuedExecutionRunId(), started.GetOriginalExecutionRunId(), started.GetFirstExecutionRunId()} {
			if other != "" {
				runIDs = append(runIDs, other)
			}
		}
	}
	return runIDs, nil
}

// openRun is the run that has not closed; nil if all have.
func openRun(runs []Run) *Run {
	for i := range runs {
		if runs[i].open {
			return &runs[i]
		}
	}
	return nil
}

// standing finds what the standing order of an order has in Temporal of their customer;
// nil if the order comes from none, as far as Temporal remembers.
func (e *Eraser) standing(ctx context.Context, orderID string, runs []Run) (*Standing, error) {
	query := fmt.Sprintf("WorkflowType = '%s'", workflows.StandingOrderWorkflowType)
	if len(runs) > 0 { // it was placed while its run went on
		query += fmt.Sprintf(" AND StartTime <= '%s' AND (CloseTime IS NULL OR CloseTime >= '%s')",
			runs[0].started.Add(clocksDiffer).UTC().Format(time.RFC3339), runs[0].started.Add(-clocksDiffer).UTC().Format(time.RFC3339))
	}
	candidates, err := e.list(ctx, query)
	if err != nil {
		return nil, err
	}
	for _, run := range candidates {
		occurrence, err := e.occurrenceOf(ctx, run)
		if err != nil {
			return nil, err
		}
		if standingID, is := workflows.StandingOfRun(run.WorkflowID); is && occurrence.OrderID == orderID {
			return e.ofStanding(ctx, standingID, orderID)
		}
	}
	return nil, nil
}

func (e *Eraser) ofStanding(ctx context.Context, standingID, orderID string) (*Standing, error) {
	standing := &Standing{ID: standingID, Runs: []Run{}, OtherOrders: []string{}}
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	_, err := e.orders.Standing().Get(asking, standingID)
	if err != nil && !workflows.IsNotFound(err) {
		return nil, unlessAnswered(fmt.Errorf("ask Temporal about the standing order: %w", err))
	}
	standing.Continues = err == nil
	runs, err := e.list(ctx, fmt.Sprintf("WorkflowType = '%s' AND TemporalScheduledById = '%s'", workflows.StandingOrderWorkflowType, workflows.ScheduleOf(standingID)))
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		occurrence, err := e.occurrenceOf(ctx, run)
		switch {
		case err != nil:
			return nil, err
		case occurrence.OrderID != "" && occurrence.OrderID != orderID:
			standing.OtherOrders = append(standing.OtherOrders, occurrence.OrderID)
		case !run.open:
			standing.Runs = append(standing.Runs, run)
		}
	}
	if standing.Continues {
		return standing, nil
	}
	scheduler, err := e.runs(ctx, schedulerPrefix+workflows.ScheduleOf(standingID))
	for _, run := range scheduler {
		if !run.open {
			standing.Runs = append(standing.Runs, run)
		}
	}
	return standing, err
}

// occurrenceOf is what became of a standing order's run; zero if Temporal has just
// forgotten it.
func (e *Eraser) occurrenceOf(ctx context.Context, run Run) (workflows.Occurrence, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	occurrence, err := e.orders.Standing().OccurrenceOf(ctx, workflows.StandingRun{WorkflowID: run.WorkflowID, RunID: run.RunID})
	if workflows.IsNotFound(err) {
		return workflows.Occurrence{}, nil
	}
	if err != nil {
		return occurrence, unlessAnswered(fmt.Errorf("ask Temporal about an order of a standing order: %w", err))
	}
	return occurrence, nil
}

// forget deletes all runs of the order, and waits until Temporal shows none. One that has
// begun since the flag was put up is not deleted: somebody may be at work.
func (e *Eraser) forget(ctx context.Context, report *Report) error {
	ctx, cancel := context.WithTimeout(ctx, goneWithin)
	defer cancel()
	for backoff := retry.NewBackoff(50*time.Millisecond, 2*time.Second); ; backoff.Wait(ctx) {
		runs, err := e.runs(ctx, kitchen.WorkflowID(report.OrderID))
		switch {
		case ctx.Err() != nil:
			return &UnreachableError{fmt.Errorf("the order is still in Temporal %s after it was deleted: erase it once more", goneWithin)}
		case err != nil:
			return err
		case openRun(runs) != nil:
			return &RefusedError{"somebody has reset the order, or it was placed anew by an API that has not read kitchen-state since: it is erased, and open again in Temporal; cancel it there, and erase it once more"}
		}
		for _, run := range runs {
			if !slices.ContainsFunc(report.Runs, run.isSame) {
				report.Runs = append(report.Runs, run) // visibility did not have it yet
			}
		}
		for i, run := range report.Runs {
			report.Runs[i].Deleted = !slices.ContainsFunc(runs, run.isSame)
		}
		shown, err := e.list(ctx, fmt.Sprintf("WorkflowId = '%s'", kitchen.WorkflowID(report.OrderID)))
		if err != nil {
			return err
		}
		if len(runs)+len(shown) == 0 {
			return nil
		}
		if err := e.delete(ctx, runs); err != nil {
			return err
		}
	}
}

// forgetStanding deletes what the order's standing order has left, and waits as well.
func (e *Eraser) forgetStanding(ctx context.Context, standing *Standing) error {
	if err := e.delete(ctx, standing.Runs); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, goneWithin)
	defer cancel()
	for i := range standing.Runs {
		run := &standing.Runs[i]
		for backoff := retry.NewBackoff(50*time.Millisecond, 2*time.Second); ; backoff.Wait(ctx) {
			found, err := e.describe(ctx, run.WorkflowID, run.RunID)
			switch {
			case ctx.Err() != nil:
				return &UnreachableError{fmt.Errorf("what placed the order is still in Temporal %s after it was deleted: erase the order once more", goneWithin)}
			case err != nil:
				return err
			}
			if run.Deleted = found == nil; run.Deleted {
				break
			}
		}
	}
	return nil
}

// delete has Temporal delete closed runs. It does so by and by.
func (e *Eraser) delete(ctx context.Context, runs []Run) error {
	for _, run := range runs {
		if err := e.deleteRun(ctx, run); err != nil && !workflows.IsNotFound(err) {
			return unlessAnswered(fmt.Errorf("delete a workflow in Temporal: %w", err))
		}
	}
	return nil
}

func (e *Eraser) deleteRun(ctx context.Context, run Run) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	_, err := e.config.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: e.config.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: run.WorkflowID, RunId: run.RunID},
	})
	return err
}

// tellArchive tells whether Temporal has copied closed orders elsewhere.
func (e *Eraser) tellArchive(ctx context.Context, report *Report) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	namespace, err := e.config.Temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: e.config.Namespace})
	if err != nil {
		return unlessAnswered(fmt.Errorf("ask Temporal whether it archives: %w", err))
	}
	config := namespace.GetConfig()
	for _, archive := range []struct {
		state   enumspb.ArchivalState
		address string
	}{{config.GetHistoryArchivalState(), config.GetHistoryArchivalUri()}, {config.GetVisibilityArchivalState(), config.GetVisibilityArchivalUri()}} {
		if archive.state == enumspb.ARCHIVAL_STATE_ENABLED {
			report.Left = append(report.Left, fmt.Sprintf("the namespace copies closed workflows to %s: delete %s there", archive.address, kitchen.WorkflowID(report.OrderID)))
		}
	}
	return nil
}

// unlessAnswered is err as an UnreachableError, unless it is Temporal's answer or our own
// end.
func unlessAnswered(err error) error {
	if err == nil {
		return nil
	}
	_, denied := errors.AsType[*serviceerror.PermissionDenied](err)
	_, noNamespace := errors.AsType[*serviceerror.NamespaceNotFound](err)
	_, invalid := errors.AsType[*serviceerror.InvalidArgument](err)
	if denied || noNamespace || invalid || errors.Is(err, context.Canceled) || encryption.IsMissingKey(err) {
		return err
	}
	return &UnreachableError{err}
}
