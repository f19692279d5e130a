package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// Forecast tells how much of each flavour a day is likely to need, by the same weekday
// of the weeks before.
func (r *Reports) Forecast(ctx context.Context, day kitchen.Date) (wire.HistoryForecast, error) {
	forecast := wire.HistoryForecast{Day: day, Weekday: kitchen.Weekdays()[day.Weekday()]}
	readUntil, err := r.read(ctx, "read the forecast", func(tx pgx.Tx) (err error) {
		forecast.Flavours, err = collect(ctx, tx, func(row pgx.CollectableRow) (flavour wire.FlavourForecast, err error) {
			err = row.Scan(&flavour.Flavour, &forecast.Weeks, &flavour.Pieces, &flavour.Low, &flavour.High, &flavour.Ordered)
			return flavour, err
		}, `
			SELECT flavour, weeks, pieces, low, high, ordered
			FROM forecast($1::date) ORDER BY pieces DESC, ordered DESC, flavour`, day.String())
		return err
	})
	if err != nil {
		return wire.HistoryForecast{}, err
	}
	forecast.ReadUntil = readUntil
	return forecast, nil
}
