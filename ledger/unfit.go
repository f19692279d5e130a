package ledger

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sort"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// isUnfit reports whether the database will never take what it was given.
func isUnfit(err error) bool {
	var data *DataError
	return errors.As(explain(err), &data)
}

// foldSingly folds orders one by one, as a process does that reads the log: the fact with
// which an order cannot be folded any more is rejected.
func foldSingly(ctx context.Context, pool *pgxpool.Pool, keys []string) error {
	for _, key := range keys {
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return foldRejecting(ctx, tx, key) })
		if err != nil {
			return err
		}
	}
	return nil
}

func foldRejecting(ctx context.Context, tx pgx.Tx, key string) error {
	for {
		all, err := readFacts(ctx, tx, []string{key})
		if err != nil {
			return err
		}
		facts := all[key]
		// They were read about in this order.
		slices.SortFunc(facts, func(x, y fact) int { return cmp.Or(x.at.Compare(y.at), x.compare(y)) })
		if err := foldFirst(ctx, tx, key, facts); !isUnfit(err) || len(facts) == 0 {
			return err
		}
		var failed error
		fit := sort.Search(len(facts)-1, func(n int) bool {
			err := foldFirst(ctx, tx, key, facts[:n+1])
			if err != nil && !isUnfit(err) {
				failed = err
			}
			return err != nil
		})
		if failed != nil {
			return failed
		}
		if err := rejectFact(ctx, tx, facts[fit]); err != nil {
			return err
		}
	}
}

// foldFirst folds an order from the first of its facts, and leaves no trace if it fails.
func foldFirst(ctx context.Context, tx pgx.Tx, key string, facts []fact) error {
	return pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		return foldFacts(ctx, tx, []string{key}, map[string][]fact{key: slices.Clone(facts)})
	})
}

func rejectFact(ctx context.Context, tx pgx.Tx, f fact) error {
	_, err := tx.Exec(ctx, `
		WITH gone AS (DELETE FROM facts WHERE (log, partition, record_offset) = ($1, $2, $3) RETURNING *)
		INSERT INTO rejects (log, partition, record_offset, recorded_at, kind, reason)
		SELECT log, partition, record_offset, recorded_at, $4, $5 FROM gone`, f.log, int32(f.partition), f.offset, rejectUnfit, unfitReason)
	return err
}
