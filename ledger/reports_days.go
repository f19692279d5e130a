package ledger

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// Days tells every day from the first to the last in figures.
func (r *Reports) Days(ctx context.Context, first, last kitchen.Date) (wire.HistoryDays, error) {
	var days wire.HistoryDays
	readUntil, err := r.read(ctx, "read the days", func(tx pgx.Tx) (err error) {
		days.Days, err = figuresOf(ctx, tx, first, last)
		return err
	})
	if err != nil {
		return wire.HistoryDays{}, err
	}
	days.ReadUntil = readUntil
	return days, nil
}

// figuresOf are the figures of every day, also of those on which there was nothing.
func figuresOf(ctx context.Context, tx pgx.Tx, first, last kitchen.Date) ([]wire.DayFigures, error) {
	known := make(map[kitchen.Date]wire.DayFigures)
	rows, err := collect(ctx, tx, scanFigures, `
		SELECT day::text, orders, pieces::bigint, ready, collected, cancelled, open, late, remakes::bigint, scrapped::bigint
		FROM day_figures WHERE day BETWEEN $1::date AND $2::date`, first.String(), last.String())
	if err != nil {
		return nil, err
	}
	for _, figures := range rows {
		known[figures.Day] = figures
	}
	type dayMoney struct {
		day   kitchen.Date
		money wire.Money
	}
	revenue, err := collect(ctx, tx, func(row pgx.CollectableRow) (of dayMoney, err error) {
		var day string
		if err = row.Scan(&day, &of.money.Currency, &of.money.Decimals, &of.money.Amount); err == nil {
			of.day, err = kitchen.ParseDate(day)
		}
		return of, err
	}, `
		SELECT day::text, currency, decimals, `+amount+`
		FROM day_revenue WHERE day BETWEEN $1::date AND $2::date ORDER BY day, currency, decimals`, first.String(), last.String())
	if err != nil {
		return nil, err
	}
	for _, of := range revenue {
		figures := known[of.day]
		figures.Revenue = append(figures.Revenue, of.money)
		known[of.day] = figures
	}
	days := []wire.DayFigures{}
	for day := first; !day.After(last); day = day.Next() {
		figures := known[day]
		figures.Day = day
		if figures.Revenue == nil {
			figures.Revenue = []wire.Money{}
		}
		days = append(days, figures)
	}
	return days, nil
}

// amount is at most what every reader of JSON takes exactly.
const amount = `least(amount, 9007199254740991)::bigint`

func scanFigures(row pgx.CollectableRow) (figures wire.DayFigures, err error) {
	var day string
	err = row.Scan(&day, &figures.Orders, &figures.Pieces, &figures.Ready, &figures.Collected, &figures.Cancelled, &figures.Open, &figures.Late, &figures.Remakes, &figures.Scrapped)
	if err == nil {
		figures.Day, err = kitchen.ParseDate(day)
	}
	return figures, err
}

// Day tells a day in full.
func (r *Reports) Day(ctx context.Context, day kitchen.Date) (wire.HistoryDay, error) {
	var told wire.HistoryDay
	readUntil, err := r.read(ctx, "read the day", func(tx pgx.Tx) error {
		figures, err := figuresOf(ctx, tx, day, day)
		if err != nil {
			return err
		}
		told.Figures = figures[0]
		if told.Flavours, err = flavoursOf(ctx, tx, day); err != nil {
			return err
		}
		told.Waste, err = collect(ctx, tx, func(row pgx.CollectableRow) (waste wire.DayWaste, err error) {
			err = row.Scan(&waste.Stage, &waste.Reason, &waste.Flavour, &waste.Worker, &waste.Failures, &waste.Pieces)
			return waste, err
		}, `
			SELECT stage, reason, coalesce(flavour, ''), worker, failures, pieces::bigint
			FROM day_waste WHERE day = $1::date ORDER BY pieces DESC, failures DESC, stage, reason, flavour, worker`, day.String())
		if err != nil {
			return err
		}
		told.People, err = collect(ctx, tx, func(row pgx.CollectableRow) (person wire.DayPerson, err error) {
			err = row.Scan(&person.Worker, &person.Stage, &person.Tickets, &person.Pieces, &person.InHandSeconds, &person.Failures, &person.Scrapped)
			return person, err
		}, `
			SELECT coalesce(worker, ''), stage, tickets, pieces::bigint, in_hand_seconds, failures, scrapped
			FROM day_people WHERE day = $1::date ORDER BY pieces DESC, worker, stage`, day.String())
		if err != nil {
			return err
		}
		told.Hours, err = collect(ctx, tx, func(row pgx.CollectableRow) (hour wire.DayHour, err error) {
			err = row.Scan(&hour.Hour, &hour.Placed, &hour.Due, &hour.Ready)
			return hour, err
		}, `SELECT hour, placed, due, ready FROM day_hours WHERE day = $1::date ORDER BY hour`, day.String())
		if err != nil {
			return err
		}
		told.Late, err = lateOf(ctx, tx, day)
		return err
	})
	if err != nil {
		return wire.HistoryDay{}, err
	}
	told.ReadUntil = readUntil
	return told, nil
}

func flavoursOf(ctx context.Context, tx pgx.Tx, day kitchen.Date) ([]wire.DayFlavour, error) {
	type kind struct{ flavour, size string }
	type kindMoney struct {
		kind
		money wire.Money
	}
	amounts, err := collect(ctx, tx, func(row pgx.CollectableRow) (of kindMoney, err error) {
		err = row.Scan(&of.flavour, &of.size, &of.money.Currency, &of.money.Decimals, &of.money.Amount)
		return of, err
	}, `
		SELECT flavour, size, currency, decimals, `+amount+`
		FROM day_flavour_revenue WHERE day = $1::date ORDER BY currency, decimals`, day.String())
	if err != nil {
		return nil, err
	}
	revenue := make(map[kind][]wire.Money)
	for _, of := range amounts {
		revenue[of.kind] = append(revenue[of.kind], of.money)
	}
	return collect(ctx, tx, func(row pgx.CollectableRow) (flavour wire.DayFlavour, err error) {
		err = row.Scan(&flavour.Flavour, &flavour.Size, &flavour.Pieces, &flavour.Scrapped)
		if flavour.Revenue = revenue[kind{flavour.Flavour, string(flavour.Size)}]; flavour.Revenue == nil {
			flavour.Revenue = []wire.Money{}
		}
		return flavour, err
	}, `
		SELECT flavour, size, pieces::bigint, scrapped::bigint
		FROM day_flavours WHERE day = $1::date ORDER BY pieces DESC, scrapped DESC, flavour, size`, day.String())
}

func lateOf(ctx context.Context, tx pgx.Tx, day kitchen.Date) ([]wire.LateOrder, error) {
	return collect(ctx, tx, func(row pgx.CollectableRow) (late wire.LateOrder, err error) {
		var ready *time.Time
		err = row.Scan(&late.OrderID, &late.PickupCode, &late.DueAt, &ready, &late.LateSeconds, &late.Cause, &late.Stage)
		late.DueAt, late.ReadyAt = late.DueAt.UTC(), inUTC(ready)
		return late, err
	}, `
		SELECT coalesce(p.order_id::text, ''), l.pickup_code, l.due_at, l.ready_at, l.late_seconds, l.cause, coalesce(l.stage, '')
		FROM late_orders l
		LEFT JOIN personal p ON p.order_key = l.order_key
		WHERE l.day = $1::date
		ORDER BY l.late_seconds DESC, l.due_at, l.order_key`, day.String())
}
