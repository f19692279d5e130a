package ledger

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// Stages tells how long the stages took of the tickets that ended on a day from the
// first to the last.
func (r *Reports) Stages(ctx context.Context, first, last kitchen.Date) (wire.HistoryStages, error) {
	var stages wire.HistoryStages
	readUntil, err := r.read(ctx, "read the stages' times", func(tx pgx.Tx) (err error) {
		stages, err = stageTimes(ctx, tx, first, last)
		return err
	})
	if err != nil {
		return wire.HistoryStages{}, err
	}
	stages.ReadUntil = readUntil
	return stages, nil
}

func stageTimes(ctx context.Context, tx pgx.Tx, first, last kitchen.Date) (wire.HistoryStages, error) {
	type row struct {
		wire.StageHourTimes
		ofHour bool
	}
	rows, err := collect(ctx, tx, func(from pgx.CollectableRow) (to row, err error) {
		var weekday, hour *int
		var waited, inHand [2]*float64
		err = from.Scan(&to.Stage, &weekday, &hour, &to.Tickets, &waited[0], &waited[1], &inHand[0], &inHand[1])
		if weekday != nil && hour != nil {
			to.ofHour, to.Weekday, to.Hour = true, weekdayOf(*weekday), *hour
		}
		to.Waited, to.InHand = quantiles(waited), quantiles(inHand)
		return to, err
	}, `
		SELECT stage, weekday, hour, tickets, waited_p50, waited_p90, in_hand_p50, in_hand_p90
		FROM stage_times_between($1::date, $2::date) ORDER BY weekday, hour, stage`, first.String(), last.String())
	if err != nil {
		return wire.HistoryStages{}, err
	}
	stages := wire.HistoryStages{Stages: []wire.StageTimes{}, Hours: []wire.StageHourTimes{}}
	for _, of := range rows {
		if of.ofHour {
			stages.Hours = append(stages.Hours, of.StageHourTimes)
			continue
		}
		stages.Stages = append(stages.Stages, wire.StageTimes{Stage: of.Stage, Tickets: of.Tickets, Waited: of.Waited, InHand: of.InHand})
	}
	for _, stage := range kitchen.Stages() {
		if !slices.ContainsFunc(stages.Stages, func(of wire.StageTimes) bool { return of.Stage == stage }) {
			stages.Stages = append(stages.Stages, wire.StageTimes{Stage: stage})
		}
	}
	slices.SortStableFunc(stages.Stages, func(x, y wire.StageTimes) int { return cmp.Compare(stageRank(x.Stage), stageRank(y.Stage)) })
	slices.SortStableFunc(stages.Hours, func(x, y wire.StageHourTimes) int {
		return cmp.Or(cmp.Compare(stageRank(x.Stage), stageRank(y.Stage)), cmp.Compare(x.Stage, y.Stage))
	})
	return stages, nil
}

// weekdayOf is a day of the week as PostgreSQL counts it, 1 for Monday to 7.
func weekdayOf(number int) wire.Weekday { return kitchen.Weekdays()[number%7] }

func quantiles(of [2]*float64) *wire.Quantiles {
	if of[0] == nil || of[1] == nil {
		return nil
	}
	return &wire.Quantiles{P50: *of[0], P90: *of[1]}
}

// Bottleneck tells which stage holds up the others now.
func (r *Reports) Bottleneck(ctx context.Context) (wire.HistoryBottleneck, error) {
	var told wire.HistoryBottleneck
	readUntil, err := r.read(ctx, "read how the stages stand", func(tx pgx.Tx) (err error) {
		if err = tx.QueryRow(ctx, `SELECT now()`).Scan(&told.At); err != nil {
			return err
		}
		told.Stages, err = collect(ctx, tx, func(row pgx.CollectableRow) (load wire.StageLoad, err error) {
			err = row.Scan(&load.Stage, &load.Waiting, &load.InHand, &load.OldestWaitingSeconds, &load.ArrivedLastHour, &load.DoneLastHour, &load.TypicalInHandSeconds, &load.People, &load.ClearSeconds)
			return load, err
		}, `
			SELECT stage, waiting, in_hand, oldest_waiting_seconds, arrived_last_hour, done_last_hour, typical_in_hand_seconds, people, clear_seconds
			FROM bottleneck_now ORDER BY stage`)
		return err
	})
	if err != nil {
		return wire.HistoryBottleneck{}, err
	}
	for _, stage := range kitchen.Stages() {
		if !slices.ContainsFunc(told.Stages, func(load wire.StageLoad) bool { return load.Stage == stage }) {
			told.Stages = append(told.Stages, wire.StageLoad{Stage: stage, ClearSeconds: new(float64)})
		}
	}
	slices.SortStableFunc(told.Stages, func(x, y wire.StageLoad) int { return cmp.Compare(stageRank(x.Stage), stageRank(y.Stage)) })
	told.At, told.ReadUntil, told.Stage = told.At.UTC(), readUntil, bottleneckOf(told.Stages)
	return told, nil
}

// bottleneckOf is the stage that needs longest to clear what waits there; none if
// nothing waits. Where nobody can say how long, nothing is going on: that is longest.
func bottleneckOf(stages []wire.StageLoad) kitchen.Stage {
	var longest *wire.StageLoad
	for i := range stages {
		load := &stages[i]
		switch {
		case load.Waiting == 0:
		case longest == nil, clearsLater(load, longest):
			longest = load
		}
	}
	if longest == nil {
		return ""
	}
	return longest.Stage
}

func clearsLater(x, y *wire.StageLoad) bool {
	switch {
	case x.ClearSeconds == nil && y.ClearSeconds == nil:
		return x.Waiting > y.Waiting
	case x.ClearSeconds == nil || y.ClearSeconds == nil:
		return x.ClearSeconds == nil
	}
	return *x.ClearSeconds > *y.ClearSeconds
}
