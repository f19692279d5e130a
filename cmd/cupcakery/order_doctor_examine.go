package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// doctorReadWithin bounds one reading of the log.
	doctorReadWithin = 2 * time.Minute
	// doctorAskWithin bounds one question to Temporal.
	doctorAskWithin = 10 * time.Second
	// doctorAsksAtOnce keeps the questions from being a load for Temporal.
	doctorAsksAtOnce = 16
)

// doctor finds tickets that are open at the stations and that no order waits
// for.
type doctor struct {
	temporal   client.Client
	namespace  string
	kafka      events.Connection
	rules      kitchen.Rules
	logger     *slog.Logger
	ordersLost bool
	dryRun     bool
}

// orderFate is what Temporal says of an order.
type orderFate string

const (
	fateRuns    orderFate = "runs without waiting for it"
	fateUnknown orderFate = "unknown to Temporal"
)

// examined is an order as Temporal has it.
type examined struct {
	fate orderFate // fateRuns, fateUnknown, or how the order closed
	// pending are the tickets that the order waits for.
	pending []kitchen.TicketRef
	// between is set if the order may issue any of its tickets again in a
	// moment.
	between func(kitchen.TicketRef) bool
}

func (e examined) waitsFor(ref kitchen.TicketRef) bool {
	return e.fate == fateRuns && (slices.Contains(e.pending, ref) || e.between(ref))
}

// examine finds the orphans. What looks like one is looked at again: an order
// that runs may have gone on between the two questions. Its stations' ack is
// on the log before Temporal hears of it, so a log that is read after Temporal
// said that the ticket is not waited for has the reason, unless there is none.
func (d *doctor) examine(ctx context.Context) (findings, error) {
	found := findings{DryRun: d.dryRun, Tickets: []orphanTicket{}, Orders: []orphanOrder{}}
	if err := d.reachable(ctx); err != nil {
		return found, err
	}
	suspects, err := d.openTickets(ctx)
	if err != nil {
		return found, err
	}
	suspects, orders, err := d.notWaitedFor(ctx, suspects)
	if err != nil {
		return found, err
	}
	if err := d.isRightNamespace(orders); err != nil || len(suspects) == 0 {
		return found, err
	}
	open, err := d.openTickets(ctx)
	if err != nil {
		return found, err
	}
	suspects = slices.DeleteFunc(open, func(now board.Entry) bool {
		return !slices.ContainsFunc(suspects, func(before board.Entry) bool { return before.Ticket.TicketID == now.Ticket.TicketID })
	})
	orphans, orders, err := d.notWaitedFor(ctx, suspects)
	if err != nil {
		return found, err
	}
	err = d.describe(ctx, &found, orphans, orders)
	return found, err
}

// isRightNamespace fails if Temporal knows none of the orders: then it is more
// likely that somebody else's orders were asked for than that all are lost.
func (d *doctor) isRightNamespace(orders map[string]examined) error {
	for _, order := range orders {
		if order.fate != fateUnknown {
			return nil
		}
	}
	if len(orders) == 0 || d.ordersLost {
		return nil
	}
	return fmt.Errorf("the namespace %q of Temporal knows none of the %d orders that have open tickets: give the right one with --temporal-namespace, or say with --orders-lost that the orders are lost; nothing was withdrawn", d.namespace, len(orders))
}

// reachable fails unless both sides can be asked, so that a doctor who finds
// nothing has looked.
func (d *doctor) reachable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, doctorAskWithin)
	defer cancel()
	if err := events.CheckTopics(ctx, d.kafka); err != nil {
		if _, away := errors.AsType[*events.UnavailableError](err); away {
			return kafkaExit(err)
		}
		d.logger.Warn("Kafka's topics are not in order", slog.Any("error", err))
	}
	if _, err := d.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return &exitError{exitUnavailable, fmt.Errorf("no connection to Temporal: %w; start it, or give its address with --temporal-address or $TEMPORAL_ADDRESS", err)}
	}
	return nil
}

// openTickets reads the log and returns the tickets that stations hold for
// open and that nobody has withdrawn.
func (d *doctor) openTickets(ctx context.Context) ([]board.Entry, error) {
	reading, cancel := context.WithTimeout(ctx, doctorReadWithin)
	defer cancel()
	var longest time.Duration
	var topics []string
	for _, stage := range kitchen.Stages() {
		longest = max(longest, d.rules.AckWithinFor(stage))
		topics = append(topics, events.TicketTopic(stage))
	}
	log, caughtUp, lookBack := board.New(), false, 2*longest
	err := events.Tail(reading, events.TailConfig{
		Connection: d.kafka,
		Topics:     append(topics, events.TopicAcks),
		LookBack:   lookBack,
		Logger:     d.logger,
		CaughtUp:   func() { caughtUp = true; cancel() },
		Handle: func(m events.Message) {
			if m.Topic == events.TopicAcks {
				if ack, err := events.DecodeAck(m); err == nil { // poison is the workers' to find
					log.AddAck(ack, board.HeardFrom(m, 0))
				}
			} else if ticket, err := events.DecodeTicket(m); err == nil {
				log.AddTicket(ticket, board.HeardFrom(m, 0))
			}
		},
	})
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, &exitError{exitFailed, errors.New("interrupted; nothing was withdrawn")}
	case !caughtUp:
		return nil, &exitError{exitUnavailable, fmt.Errorf("the log in Kafka could not be read within %s", doctorReadWithin)}
	}
	log.CaughtUp(lookBack)
	log.ForgetTooOld() // nobody can tell from here whether those are open
	var open []board.Entry
	for _, stage := range kitchen.Stages() {
		for _, entry := range log.Open(stage) {
			if !isTakenBack(log, entry) {
				open = append(open, entry)
			}
		}
	}
	return open, nil
}

// isTakenBack reports whether nobody needs to do anything more about a ticket
// than its station is asked to already: its undo ticket is out, or it is one
// for work that nobody had begun, which stations answer by themselves.
func isTakenBack(log *board.Board, entry board.Entry) bool {
	madeID, isUndo := board.UndoneBy(entry.Ticket.TicketID)
	if !isUndo {
		return entry.Withdrawn
	}
	made, _ := log.Get(madeID)
	return !entry.Ticket.Made && entry.State == kitchen.TicketWaiting && made.By == ""
}

// notWaitedFor asks Temporal about the tickets' orders and returns the tickets
// that no order waits for, and the orders by their ids.
func (d *doctor) notWaitedFor(ctx context.Context, entries []board.Entry) ([]board.Entry, map[string]examined, error) {
	var ids []string
	for _, entry := range entries {
		ids = append(ids, entry.Ticket.OrderID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	answers := make([]examined, len(ids))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(doctorAsksAtOnce)
	for i, id := range ids {
		group.Go(func() (err error) {
			answers[i], err = d.ask(asking, id)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, temporalExit(err)
	}
	orders := map[string]examined{}
	for i, id := range ids {
		orders[id] = answers[i]
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e board.Entry) bool { return orders[e.Ticket.OrderID].waitsFor(e.Ticket.Ref()) }), orders, nil
}

func (d *doctor) ask(ctx context.Context, orderID string) (examined, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorAskWithin)
	defer cancel()
	description, err := d.temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(orderID), "")
	if isUnknownOrder(err) {
		return examined{fate: fateUnknown}, nil
	}
	if err != nil {
		return examined{}, fmt.Errorf("ask Temporal about an order: %w", err)
	}
	order := examined{fate: fateOf(description.GetWorkflowExecutionInfo().GetStatus())}
	for _, ticket := range workflows.PendingTickets(description) {
		order.pending = append(order.pending, ticket.Ref)
	}
	order.between = func(ref kitchen.TicketRef) bool { return workflows.IsBetweenAttempts(description, ref) }
	return order, nil
}

func isUnknownOrder(err error) bool {
	_, is := errors.AsType[*serviceerror.NotFound](err) // a namespace that is missing has an error of its own
	return is
}

func fateOf(status enumspb.WorkflowExecutionStatus) orderFate {
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
	return fateRuns // also paused, and between two runs
}

// temporalExit chooses the exit code for an error of Temporal.
func temporalExit(err error) error {
	_, denied := errors.AsType[*serviceerror.PermissionDenied](err)
	_, noNamespace := errors.AsType[*serviceerror.NamespaceNotFound](err)
	if denied || noNamespace || errors.Is(err, context.Canceled) {
		return err
	}
	return &exitError{exitUnavailable, err}
}

// describe tells what there is to say of the orphans and their orders. A
// ticket whose failure its order has heard of is none: the order has gone on
// without it, or waits for a manager who may issue it again.
func (d *doctor) describe(ctx context.Context, found *findings, orphans []board.Entry, orders map[string]examined) error {
	told := map[string]kitchen.Status{}
	for _, entry := range orphans {
		id := entry.Ticket.OrderID
		status, known := told[id]
		if !known {
			var err error
			if status, err = d.recorded(ctx, id); err != nil {
				return temporalExit(err)
			}
			told[id] = status
		}
		if hasHeardOfFailure(status, entry.Ticket.Ref()) && (entry.State == kitchen.TicketFailed || orders[id].fate == fateRuns) {
			continue
		}
		orphan := orphanTicket{
			TicketID: entry.Ticket.TicketID, Kind: entry.Ticket.Kind, PickupCode: kitchen.PickupCode(id), Stage: entry.Ticket.Stage, Pass: entry.Ticket.Pass,
			State: entry.State, By: entry.By, Since: entry.Ticket.IssuedAt, Order: orders[id].fate, ticket: entry.Ticket,
		}
		if entry.State == kitchen.TicketStarted && entry.StartedAt != nil {
			orphan.Since = *entry.StartedAt
		}
		found.Tickets = append(found.Tickets, orphan)
		if !slices.ContainsFunc(found.Orders, func(o orphanOrder) bool { return o.OrderID == id }) {
			found.Orders = append(found.Orders, orphanOrder{OrderID: id, PickupCode: orphan.PickupCode, Order: orphan.Order, Made: madeAndLeft(orphan.Order, status)})
		}
	}
	return nil
}

// recorded is an order as Temporal has recorded it; empty if it has not.
func (d *doctor) recorded(ctx context.Context, orderID string) (kitchen.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorAskWithin)
	defer cancel()
	status, err := workflows.StatusFromHistory(ctx, d.temporal, orderID)
	if isUnknownOrder(err) {
		return kitchen.Status{}, nil
	}
	return status, err
}

func hasHeardOfFailure(status kitchen.Status, ref kitchen.TicketRef) bool {
	return slices.ContainsFunc(status.Stages, func(pass kitchen.StageStatus) bool {
		if pass.Stage != ref.Stage || pass.Pass != ref.Pass {
			return false
		}
		if ref.Kind == kitchen.TicketUndo {
			return pass.Undo != nil && pass.Undo.State == kitchen.TicketFailed
		}
		return pass.State == kitchen.TicketFailed
	})
}

// madeAndLeft are the stages of a closed order whose work may still stand
// there.
func madeAndLeft(fate orderFate, status kitchen.Status) []kitchen.StageStatus {
	made := []kitchen.StageStatus{}
	if fate == fateRuns || status.State == kitchen.StateShipped {
		return made
	}
	for _, pass := range status.Stages {
		if pass.Made() {
			made = append(made, pass)
		}
	}
	return made
}
