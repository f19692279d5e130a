package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cupcakery/cupcakery/kitchen"
)

// reportConnect bounds how long a report waits for a connection's beginning.
const reportConnect = 3 * time.Second

// Reports answers from the ledger, and changes nothing there. Any number of goroutines
// may ask at the same time. Each answer is of one moment.
//
// An error is an AwayError or a RefusedError if the database cannot be read, a SchemaError
// if it has no ledger or an earlier build's, or ErrUnknownOrder.
type Reports struct {
	pool *pgxpool.Pool
	// wants is the version of the schema that reports need.
	wants int64
}

// OpenReports prepares to read the ledger that a postgres:// URL names. It returns an
// error for a bad URL alone: the database may be away until somebody asks.
func OpenReports(ctx context.Context, databaseURL string) (*Reports, error) {
	pool, err := openPool(ctx, databaseURL, Schema, func(config *pgxpool.Config) {
		config.MinConns = 0
		config.ConnConfig.ConnectTimeout = min(config.ConnConfig.ConnectTimeout, reportConnect)
	})
	if err != nil {
		return nil, err
	}
	r := &Reports{pool: pool}
	if r.wants, err = newestMigration(); err != nil {
		pool.Close()
		return nil, err
	}
	return r, nil
}

// Close ends the connections, once the answers under way are given.
func (r *Reports) Close() { r.pool.Close() }

// settings hold for one report: it may read for ten seconds, sorts the tickets of a
// month in memory, and is not compiled first, which takes longer than most run.
const settings = `SELECT set_config('statement_timeout', '10s', true), set_config('work_mem', '32MB', true), set_config('jit', 'off', true)`

// read has ask read one moment of the ledger.
func (r *Reports) read(ctx context.Context, report string, ask func(tx pgx.Tx) error) (readUntil time.Time, err error) {
	err = pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, settings); err != nil {
			return err
		}
		has, err := schemaVersion(ctx, tx)
		if err != nil {
			return err
		}
		if has < r.wants { // a newer one still has these views
			return &SchemaError{has, r.wants}
		}
		var until *time.Time
		if err := tx.QueryRow(ctx, `SELECT read_until FROM ledger_read`).Scan(&until); err != nil {
			return err
		}
		if until != nil {
			readUntil = until.UTC()
		}
		return ask(tx)
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", report, explain(err))
	}
	return readUntil, nil
}

// newestMigration is this build's version of the schema.
func newestMigration() (newest int64, err error) {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		var version int64
		if _, err := fmt.Sscanf(file.Name(), "%d_", &version); err != nil {
			return 0, fmt.Errorf("migration %s has no number: %w", file.Name(), err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// inUTC is a time that may be unknown.
func inUTC(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.UTC()
}

// stageRank sorts stages in the order of the work, those of another build behind.
func stageRank(stage kitchen.Stage) int {
	if rank := slices.Index(kitchen.Stages(), stage); rank >= 0 {
		return rank
	}
	return len(kitchen.Stages())
}

// collect reads all rows of a question.
func collect[T any](ctx context.Context, tx pgx.Tx, scan func(row pgx.CollectableRow) (T, error), question string, arguments ...any) ([]T, error) {
	rows, err := tx.Query(ctx, question, arguments...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
