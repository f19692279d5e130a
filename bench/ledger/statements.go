package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// busyWith is what a connection to PostgreSQL is busy with.
type busyWith struct{ statement, waitsFor string }

// sampleEvery is how often PostgreSQL is asked what it is busy with.
const sampleEvery = 5 * time.Millisecond

// watchStatements says, once stop is called, what share of the time the database's
// ledger was busy with which statement, or waited for this process.
func watchStatements(ctx context.Context, url string) (stop func(), err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	seen, samples := make(map[busyWith]int), 0
	go func() {
		defer close(ended)
		for ticker := time.NewTicker(sampleEvery); ; {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			rows, _ := conn.Query(ctx, `
				SELECT CASE state WHEN 'active' THEN left(regexp_replace(query, '\s+', ' ', 'g'), 80) ELSE '(this process)' END,
					CASE state WHEN 'active' THEN coalesce(wait_event, 'running') ELSE '' END
				FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cupcakery' AND state <> 'idle'`)
			found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b busyWith, err error) {
				err = row.Scan(&b.statement, &b.waitsFor)
				return b, err
			})
			if err != nil {
				return
			}
			for _, each := range found {
				seen[each]++
				samples++
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		_ = conn.Close(context.WithoutCancel(ctx))
		most := slices.SortedFunc(maps.Keys(seen), func(x, y busyWith) int { return cmp.Compare(seen[y], seen[x]) })
		for _, each := range most[:min(len(most), 20)] {
			say("%5.1f %% %-80s %s", 100*float64(seen[each])/float64(samples), each.statement, each.waitsFor)
		}
	}, nil
}
