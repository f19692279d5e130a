package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cupcakery/cupcakery/kitchen"
)

// derivedTables are those that are folded from facts by order.
var derivedTables = []string{"orders", "order_lines", "tickets", "attempts", "holds", "failures", "waste", "questions", "undone"}

// foldOrders folds orders anew from all their facts. They are locked.
func foldOrders(ctx context.Context, tx pgx.Tx, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	facts, err := readFacts(ctx, tx, keys)
	if err != nil {
		return err
	}
	return foldFacts(ctx, tx, keys, facts)
}

// foldFacts folds orders anew from these facts.
func foldFacts(ctx context.Context, tx pgx.Tx, keys []string, facts map[string][]fact) (err error) {
	rows := make(map[string]folded, len(facts))
	for key, of := range facts {
		if rows[key], err = foldOrder(key, of); err != nil {
			return fmt.Errorf("fold an order: %w", err)
		}
	}
	batch := &pgx.Batch{}
	for _, table := range derivedTables {
		batch.Queue("DELETE FROM "+table+" WHERE order_key = ANY ($1::text[]::uuid[])", keys)
	}
	if err := send(ctx, tx, batch); err != nil {
		return err
	}
	return writeFolded(ctx, tx, keys, rows)
}

func readFacts(ctx context.Context, tx pgx.Tx, keys []string) (map[string][]fact, error) {
	rows, err := tx.Query(ctx, `
		SELECT order_key, log, partition, record_offset, kind, recorded_at, appended, body
		FROM facts WHERE order_key = ANY ($1::text[]::uuid[])`, keys)
	if err != nil {
		return nil, err
	}
	facts := make(map[string][]fact)
	var key uuid.UUID
	var each fact
	_, err = pgx.ForEachRow(rows, []any{&key, &each.log, &each.partition, &each.offset, &each.kind, &each.at, &each.appended, &each.body}, func() error {
		kept := each
		kept.at = each.at.UTC()
		facts[key.String()] = append(facts[key.String()], kept)
		each.body = nil
		return nil
	})
	return facts, err
}

// table collects rows for one COPY.
type table struct {
	name    string
	columns []string
	rows    [][]any
}

func (t *table) add(values ...any) { t.rows = append(t.rows, values) }

func writeFolded(ctx context.Context, tx pgx.Tx, keys []string, rows map[string]folded) error {
	orders := &table{name: "orders", columns: []string{
		"order_key", "pickup_code", "state", "route", "first_recorded_at", "last_recorded_at", "placed_at", "due_at", "for_later", "ready_at",
		"cancelled_at", "cancelled_by", "withdrawn_at", "collected_at", "collected_by", "pieces", "total", "currency", "decimals", "remakes", "scrapped", "complete",
	}}
	lines := &table{name: "order_lines", columns: []string{"order_key", "line", "flavour", "size", "quantity", "unit_price"}}
	tickets := &table{name: "tickets", columns: []string{
		"order_key", "ticket", "stage", "pass", "kind", "state", "pieces", "issued_at", "attempts", "started_at", "ended_at", "worker",
		"waited_seconds", "in_hand_seconds", "failures", "scrapped", "is_open",
	}}
	attempts := &table{name: "attempts", columns: []string{"order_key", "ticket", "attempt", "issued_at", "ack_by"}}
	holds := &table{name: "holds", columns: []string{"order_key", "ticket", "hold", "worker", "from_at", "until_at", "ended"}}
	failures := &table{name: "failures", columns: []string{"order_key", "ticket", "failure", "stage", "attempt", "failed_at", "worker", "reason", "scrapped"}}
	waste := &table{name: "waste", columns: []string{"order_key", "ticket", "waste", "line", "stage", "flavour", "size", "pieces", "reason", "worker", "wasted_at"}}
	questions := &table{name: "questions", columns: []string{
		"order_key", "asked_at", "stage", "pass", "undoing", "cause", "worker", "reason", "closed_at", "choice", "decided_by",
	}}
	undone := &table{name: "undone", columns: []string{"order_key", "stage", "pass", "state", "undone_at", "worker", "scrapped", "is_left"}}

	for _, key := range keys {
		of := rows[key]
		if of.order == nil {
			continue
		}
		id, o := uuid.MustParse(key), of.order
		var total *int64
		var currency *string
		var decimals *int16
		if o.total != nil {
			total, currency, decimals = &o.total.Amount, optional(o.total.Currency), new(int16(o.total.Decimals))
		}
		orders.add(id, text(o.pickupCode), string(o.state), routeOf(o.route), o.first, o.last, o.placedAt, o.dueAt, o.forLater, o.readyAt,
			o.cancelledAt, optional(o.cancelledBy), micros(o.withdrawnAt), o.collectedAt, optional(o.collectedBy), int32(o.pieces), total, currency, decimals,
			int32(o.remakes), int32(o.scrapped), o.complete)
		for _, l := range of.lines {
			lines.add(id, int16(l.line), text(l.of.Flavour), string(l.of.Size), int32(l.of.Quantity), l.price)
		}
		for _, t := range of.tickets {
			tickets.add(id, t.ref.ActivityID(), string(t.ref.Stage), int32(t.ref.Pass), string(t.ref.Kind), string(t.state), int32(t.pieces), t.issued, int32(t.attempts),
				micros(t.started), micros(t.ended), optional(t.worker), t.waited, t.inHand, int32(t.failures), int32(t.scrapped), t.isOpen)
		}
		for _, a := range of.attempts {
			attempts.add(id, a.ticket, int32(a.attempt), a.issued, micros(a.ackBy))
		}
		for _, h := range of.holds {
			holds.add(id, h.ticket, int32(h.hold), text(h.worker), h.from, micros(h.until), optional(h.ended))
		}
		for _, x := range of.failures {
			failures.add(id, x.ticket, int32(x.failure), string(x.stage), int32(x.attempt), x.at, text(x.worker), text(x.reason), int32(x.scrapped))
		}
		for _, w := range of.waste {
			waste.add(id, w.ticket, int32(w.waste), int16(w.line), string(w.stage), text(w.of.Flavour), string(w.of.Size), int32(w.pieces), text(w.reason), text(w.worker), w.at)
		}
		for _, q := range of.questions {
			questions.add(id, q.asked, string(q.stage), int32(q.pass), q.undoing, string(q.cause), optional(q.worker), optional(q.reason), micros(q.closed), optional(string(q.choice)), optional(q.decided))
		}
		for _, u := range of.undone {
			undone.add(id, string(u.stage), int32(u.pass), string(u.state), micros(u.at), optional(u.worker), int32(u.scrapped), u.isLeft)
		}
	}
	for _, t := range []*table{orders, lines, tickets, attempts, holds, failures, waste, questions, undone} {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	return nil
}

// optional is null for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return new(text(s))
}

// micros is a time for PostgreSQL, which has whole microseconds.
func micros(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	return new(kitchen.TimeThatCanBe(at.Truncate(time.Microsecond)))
}

func routeOf(route kitchen.Route) []string {
	stages := make([]string, len(route))
	for i, stage := range route {
		stages[i] = text(string(stage))
	}
	return stages
}
