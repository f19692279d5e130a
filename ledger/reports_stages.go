package ledger

import (
	"cmp"
	"context"
	"math"
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

// stageTimes are what the function stage_times_between tells, several times as fast: it has
// PostgreSQL sort nothing.
func stageTimes(ctx context.Context, tx pgx.Tx, first, last kitchen.Date) (wire.HistoryStages, error) {
	stages := wire.HistoryStages{Stages: []wire.StageTimes{}, Hours: []wire.StageHourTimes{}}
	rows, err := tx.Query(ctx, `
		SELECT stage, weekday, hour, tickets, waited_seconds, in_hand_seconds
		FROM stage_hours_between($1::date, $2::date) ORDER BY stage, weekday, hour`, first.String(), last.String())
	if err != nil {
		return wire.HistoryStages{}, err
	}
	var hour wire.StageHourTimes
	var weekday int
	var waited, inHand, allWaited, allInHand []float64 // the last two of the stage that is being read
	finish := func() {
		if newest := len(stages.Stages) - 1; newest >= 0 {
			stages.Stages[newest].Waited, stages.Stages[newest].InHand = quantiles(allWaited), quantiles(allInHand)
			allWaited, allInHand = allWaited[:0], allInHand[:0]
		}
	}
	_, err = pgx.ForEachRow(rows, []any{&hour.Stage, &weekday, &hour.Hour, &hour.Tickets, &waited, &inHand}, func() error {
		newest := len(stages.Stages) - 1
		if newest < 0 || stages.Stages[newest].Stage != hour.Stage {
			finish()
			newest++
			stages.Stages = append(stages.Stages, wire.StageTimes{Stage: hour.Stage})
		}
		allWaited, allInHand = append(allWaited, waited...), append(allInHand, inHand...)
		hour.Weekday, hour.Waited, hour.InHand = weekdayOf(weekday), quantiles(waited), quantiles(inHand)
		stages.Hours = append(stages.Hours, hour)
		stages.Stages[newest].Tickets += hour.Tickets
		return nil
	})
	if err != nil {
		return wire.HistoryStages{}, err
	}
	finish()
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

// quantiles are the least times that are not exceeded by half and by nine of ten, of which
// it sorts all; nil if there is none.
func quantiles(times []float64) *wire.Quantiles {
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	at := func(share float64) float64 { return times[int(math.Ceil(share*float64(len(times))))-1] }
	return &wire.Quantiles{P50: at(0.5), P90: at(0.9)}
}

// Bottleneck tells which stage holds up the others now.
func (r *Reports) Bottleneck(ctx context.Context) (wire.HistoryBottleneck, error) {
	var told wire.HistoryBottleneck
	readUntil, err := r.read(ctx, "read how the stages stand", func(tx pgx.Tx) (err error) {
		if err = tx.QueryRow(ctx, `SELECT now()`).Scan(&told.At); err != nil {
			return err
		}
		told.Stages, err = collect(ctx, tx, func(row pgx.CollectableRow) (load wire.StageLoad, err error) {
			err = row.Scan(&load.Stage, &load.Waiting, &load.InHand, &load.Asked, &load.OldestWaitingSeconds, &load.ArrivedLastHour, &load.DoneLastHour, &load.TypicalInHandSeconds, &load.People, &load.ClearSeconds)
			return load, err
		}, `
			SELECT stage, waiting, in_hand, asked, oldest_waiting_seconds, arrived_last_hour, done_last_hour, typical_in_hand_seconds, people, clear_seconds
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
