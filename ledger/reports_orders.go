package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// Delay tells an order's time against the usual, and why it was late. It returns
// ErrUnknownOrder if the ledger has nothing of the order.
func (r *Reports) Delay(ctx context.Context, orderID string) (wire.HistoryDelay, error) {
	delay, key := wire.HistoryDelay{OrderID: orderID}, kitchen.OrderKey(orderID)
	readUntil, err := r.read(ctx, "read why the order was late", func(tx pgx.Tx) error {
		var withdrawn, due, ready *time.Time
		err := tx.QueryRow(ctx, `
			SELECT o.pickup_code, o.state, o.withdrawn_at, o.due_at, o.ready_at, coalesce((SELECT sum(q.asked_seconds) FROM question_times q WHERE q.order_key = o.order_key), 0),
				coalesce(d.late_seconds, 0), coalesce(d.cause, 'none'), coalesce(d.stage, '')
			FROM orders o
			LEFT JOIN order_delays d ON d.order_key = o.order_key
			WHERE o.order_key = $1::uuid`, key).
			Scan(&delay.PickupCode, &delay.State, &withdrawn, &due, &ready, &delay.DecisionSeconds, &delay.LateSeconds, &delay.Cause, &delay.Stage)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrUnknownOrder
		}
		if err != nil {
			return err
		}
		delay.WithdrawnAt, delay.DueAt, delay.ReadyAt = inUTC(withdrawn), inUTC(due), inUTC(ready)
		delay.Steps, err = collect(ctx, tx, scanStep, `
			SELECT stage, pass, kind, waited_seconds, usual_waited_seconds, in_hand_seconds, usual_in_hand_seconds, extra_seconds, failures, silent_seconds, asked_seconds, coalesce(worker, '')
			FROM order_steps WHERE order_key = $1::uuid ORDER BY issued_at, pass, ticket`, key)
		return err
	})
	if err != nil {
		return wire.HistoryDelay{}, err
	}
	delay.ReadUntil = readUntil
	return delay, nil
}

// maxWithCode is how many orders with the same pickup code are told.
const maxWithCode = 20

// Orders tells which orders had a pickup code, the newest first. Those that were erased
// are not among them: nothing may lead to them.
func (r *Reports) Orders(ctx context.Context, pickupCode string) (wire.HistoryOrders, error) {
	var told wire.HistoryOrders
	readUntil, err := r.read(ctx, "find the orders with the code", func(tx pgx.Tx) (err error) {
		told.Orders, err = collect(ctx, tx, func(row pgx.CollectableRow) (order wire.RememberedOrder, err error) {
			var placed, due, ready, withdrawn *time.Time
			err = row.Scan(&order.OrderID, &order.PickupCode, &order.State, &order.Pieces, &placed, &due, &ready, &withdrawn)
			order.PlacedAt, order.DueAt, order.ReadyAt, order.WithdrawnAt = inUTC(placed), inUTC(due), inUTC(ready), inUTC(withdrawn)
			return order, err
		}, `
			SELECT p.order_id::text, o.pickup_code, o.state, o.pieces, o.placed_at, o.due_at, o.ready_at, o.withdrawn_at
			FROM orders o
			JOIN personal p ON p.order_key = o.order_key
			WHERE o.pickup_code = $1 AND p.order_id IS NOT NULL
			ORDER BY coalesce(o.placed_at, o.first_recorded_at) DESC, o.order_key LIMIT $2`, pickupCode, maxWithCode)
		return err
	})
	if err != nil {
		return wire.HistoryOrders{}, err
	}
	told.ReadUntil = readUntil
	return told, nil
}

func scanStep(row pgx.CollectableRow) (step wire.DelayStep, err error) {
	err = row.Scan(&step.Stage, &step.Pass, &step.Kind, &step.WaitedSeconds, &step.UsualWaitedSeconds, &step.InHandSeconds, &step.UsualInHandSeconds,
		&step.ExtraSeconds, &step.Failures, &step.SilentSeconds, &step.AskedSeconds, &step.Worker)
	return step, err
}

// Trace tells which tickets were of one batch, and which orders they went into: the
// oldest first, at most MaxTraced. It returns ErrUnknownOrder if the ledger has nothing
// of the order whose ticket's tray is asked for. A ticket that is not done is on no tray.
func (r *Reports) Trace(ctx context.Context, what Trace) (wire.HistoryTrace, error) {
	trace := wire.HistoryTrace{}
	readUntil, err := r.read(ctx, "trace the batch", func(tx pgx.Tx) (err error) {
		if what.Ticket != (kitchen.TicketRef{}) {
			trace.Tickets, err = trayOf(ctx, tx, what.Ticket)
			return err
		}
		trace.Tickets, err = collect(ctx, tx, scanTraced, tracedColumns+`
			FROM traced_tickets t
			LEFT JOIN personal p ON p.order_key = t.order_key
			WHERE t.stage = $2 AND t.ended_at >= $3 AND t.ended_at < $4 AND ($5 = '' OR $5 = ANY (t.flavours)) AND ($6 = '' OR t.worker = $6)`+tracedOrder,
			MaxTraced+1, string(what.Stage), what.From, what.To, what.Flavour, what.Worker)
		return err
	})
	if err != nil {
		return wire.HistoryTrace{}, err
	}
	if trace.ReadUntil = readUntil; len(trace.Tickets) > MaxTraced {
		trace.Tickets, trace.More = trace.Tickets[:MaxTraced], true
	}
	return trace, nil
}

const (
	tracedColumns = `
		SELECT coalesce(p.order_id::text, ''), t.pickup_code, t.stage, t.pass, coalesce(t.worker, ''), t.started_at, t.ended_at, t.flavours, t.pieces, t.state, t.collected_at, coalesce(p.customer, '')`
	tracedOrder = ` ORDER BY t.ended_at, t.order_key, t.ticket LIMIT $1`
)

func trayOf(ctx context.Context, tx pgx.Tx, ticket kitchen.TicketRef) ([]wire.TracedTicket, error) {
	key, known := kitchen.OrderKey(ticket.OrderID), false
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM orders WHERE order_key = $1::uuid)`, key).Scan(&known); err != nil {
		return nil, err
	}
	if !known {
		return nil, ErrUnknownOrder
	}
	return collect(ctx, tx, scanTraced, tracedColumns+`
		FROM tray_of($2::uuid, $3) AS mate
		JOIN traced_tickets t ON t.order_key = mate.order_key AND t.ticket = mate.ticket
		LEFT JOIN personal p ON p.order_key = t.order_key`+tracedOrder,
		MaxTraced+1, key, ticket.ActivityID())
}

func scanTraced(row pgx.CollectableRow) (ticket wire.TracedTicket, err error) {
	var started, collected *time.Time
	err = row.Scan(&ticket.OrderID, &ticket.PickupCode, &ticket.Stage, &ticket.Pass, &ticket.Worker, &started, &ticket.EndedAt, &ticket.Flavours, &ticket.Pieces, &ticket.State, &collected, &ticket.Customer)
	ticket.StartedAt, ticket.EndedAt, ticket.CollectedAt = inUTC(started), ticket.EndedAt.UTC(), inUTC(collected)
	return ticket, err
}
