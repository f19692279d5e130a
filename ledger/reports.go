package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// reportConnect bounds how long a report waits for a connection's beginning.
	reportConnect = 3 * time.Second
	// defaultSearchPath is where the ledger is unless the URL says otherwise.
	defaultSearchPath = "ledger"
)

var (
	// ErrAway says that the ledger's database does not answer, or lets nobody in. It
	// passes, or its operator must look.
	ErrAway = errors.New("the ledger's database cannot be read")
	// ErrNotMigrated says that there is a database, and no ledger in it.
	ErrNotMigrated = errors.New("the database has no ledger: run cupcakery ledger migrate, or start cupcakery ledger")
	// ErrTooOld says that the ledger is one of an earlier build.
	ErrTooOld = errors.New("the ledger is of an earlier build, and has not what reports read: run cupcakery ledger migrate, or start this build's cupcakery ledger")
)

// Reports answers from the ledger, and changes nothing there. Any number of
// goroutines may ask at the same time. Each answer is of one moment.
type Reports struct {
	pool *pgxpool.Pool
	// schemaVersion is the migration that reports need.
	schemaVersion int64
}

// OpenReports prepares to read the ledger that a postgres:// URL names. It returns an
// error for a bad URL alone: the database may be away until somebody asks.
func OpenReports(ctx context.Context, databaseURL string) (*Reports, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		// Its own text quotes the URL, and hides the password only in what it understands.
		return nil, errors.New("the URL of the ledger's database is not understood: write it as postgres://user:password@host:5432/database, with the password's special characters percent-encoded")
	}
	version, err := schemaVersion()
	if err != nil {
		return nil, err
	}
	parameters := config.ConnConfig.RuntimeParams
	if parameters["application_name"] == "" {
		parameters["application_name"] = "cupcakery reports"
	}
	if parameters["search_path"] == "" {
		parameters["search_path"] = defaultSearchPath
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = reportConnect
	}
	config.MinConns = 0
	// Each statement is planned for its own days, and nothing is remembered that a
	// migration or a rebuild has changed meanwhile.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("prepare to read the ledger: %w", err)
	}
	return &Reports{pool: pool, schemaVersion: version}, nil
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
		var version int64
		if err := tx.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
			return err
		}
		switch {
		case version == 0:
			return ErrNotMigrated
		case version < r.schemaVersion:
			return ErrTooOld
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
		return time.Time{}, fmt.Errorf("%s: %w", report, reportError(ctx, err))
	}
	return readUntil, nil
}

// reportError says of an error what whoever asks can do about it.
func reportError(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, ErrNotMigrated) || errors.Is(err, ErrTooOld) || errors.Is(err, ErrUnknownOrder) {
		return err
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		var broken *pgx.ScanArgError
		if errors.As(err, &broken) {
			return err // our own fault
		}
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	const undefinedTable, undefinedSchema = "42P01", "3F000"
	switch {
	case refused.Code == undefinedTable || refused.Code == undefinedSchema:
		return fmt.Errorf("%w (%w)", ErrNotMigrated, err)
	case isAway(refused.Code):
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}

// isAway reports whether an error of PostgreSQL is about the server, or about who may
// read there, and not about what was asked.
func isAway(code string) bool {
	const noPrivilege = "42501"
	away := []string{
		"08", // connection
		"25", // transaction state: ended while idle
		"28", // who may connect
		"3D", // no such database
		"40", // serialization: a standby that must go on
		"53", // resources
		"55", // object in use: the database is being shut
		"57", // shut down, or out of time
		"58", // system
	}
	return code == noPrivilege || slices.ContainsFunc(away, func(class string) bool { return strings.HasPrefix(code, class) })
}

// schemaVersion is the newest migration of this build.
func schemaVersion() (newest int64, err error) {
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
