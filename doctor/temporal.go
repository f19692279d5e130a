package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// askTemporal describes the orders of the tickets, by their ids.
func (d *Doctor) askTemporal(ctx context.Context, tickets []board.Entry) (map[string]knownOrder, error) {
	var ids []string
	for _, entry := range tickets {
		ids = append(ids, entry.Ticket.OrderID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	answers := make([]knownOrder, len(ids))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(questionsAtOnce)
	for i, id := range ids {
		group.Go(func() (err error) {
			answers[i], err = d.describe(asking, id)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, unlessAnswered(err)
	}
	orders := make(map[string]knownOrder)
	for i, id := range ids {
		orders[id] = answers[i]
	}
	return orders, nil
}

func (d *Doctor) describe(ctx context.Context, orderID string) (knownOrder, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	description, err := d.config.Temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(orderID), "")
	if isUnknownOrder(err) {
		return knownOrder{fate: fateUnknown}, nil
	}
	if err != nil {
		return knownOrder{}, fmt.Errorf("ask Temporal about an order: %w", err)
	}
	return knownOrder{
		fate:     fateOf(description.GetWorkflowExecutionInfo().GetStatus()),
		waitsFor: func(ref kitchen.TicketRef) bool { return workflows.IsBetweenAttempts(description, ref) }, // also true of one that is pending
	}, nil
}

// readHistories adds to the suspects' orders what their histories tell.
func (d *Doctor) readHistories(ctx context.Context, suspects []board.Entry, orders map[string]knownOrder) error {
	read := map[string]bool{}
	for _, entry := range suspects {
		id := entry.Ticket.OrderID
		if read[id] {
			continue
		}
		status, err := d.readHistory(ctx, id)
		if err != nil {
			return unlessAnswered(err)
		}
		order := orders[id]
		order.history = status
		orders[id], read[id] = order, true
	}
	return nil
}

// readHistory is empty for an order that Temporal does not know.
func (d *Doctor) readHistory(ctx context.Context, orderID string) (kitchen.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	status, err := workflows.NewOrders(d.config.Temporal, d.config.Encryption).StatusFromHistory(ctx, orderID)
	if isUnknownOrder(err) {
		return kitchen.Status{}, nil
	}
	return status, err
}

func isUnknownOrder(err error) bool {
	_, is := errors.AsType[*serviceerror.NotFound](err) // a namespace that is missing has an error of its own
	return is
}

// unlessAnswered is err as an UnreachableError, unless it is Temporal's answer or
// our own end.
func unlessAnswered(err error) error {
	_, denied := errors.AsType[*serviceerror.PermissionDenied](err)
	_, noNamespace := errors.AsType[*serviceerror.NamespaceNotFound](err)
	if denied || noNamespace || errors.Is(err, context.Canceled) {
		return err
	}
	if encryption.IsMissingKey(err) {
		return err
	}
	return &UnreachableError{err}
}

func fateOf(status enumspb.WorkflowExecutionStatus) Fate {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return "completed"
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return "failed"
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return "canceled"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return "terminated"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "timed out"
	}
	return FateRuns // also paused, and between two runs
}
