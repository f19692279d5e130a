package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/cupcakery/cupcakery/events"
)

// Schema is the schema that has the ledger.
const Schema = "ledger"

// nextSchema is where a ledger is built before it takes the place of the other.
const nextSchema = Schema + "_next"

// Config says where a ledger is kept.
type Config struct {
	// Database is a postgres:// URL. Its account must own the schema, or be allowed to
	// make it.
	Database string
	// TimeZone is whose days and hours the views go by. Defaults to UTC.
	TimeZone string
	// Logger defaults to slog.Default().
	Logger *slog.Logger

	// schema is Schema or nextSchema.
	schema string
	// tracer watches the statements.
	tracer pgx.QueryTracer
	// cleanAgain is after how long what was erased is cleaned up again. Defaults to 15 s.
	cleanAgain time.Duration
}

// Store is a ledger in PostgreSQL. It is safe for concurrent use.
type Store struct {
	config Config
	pool   *pgxpool.Pool
	// writer is by which the database tells this store from others: of two that
	// have a partition, the one that has claimed it last writes it.
	writer uuid.UUID

	mu sync.Mutex // guards what follows
	// nexts are the positions that this store has seen last.
	nexts map[logPartition]int64

	cleaning sync.Mutex // guards again and closed
	// again cleans up later what could not be; nil if nothing is to be.
	again  *time.Timer
	closed bool
}

// logName is a topic as it was made.
type logName struct {
	topic string
	id    [16]byte
}

// logPartition is a partition of a topic as it was made.
type logPartition struct {
	logName
	partition int
}

// Open checks the settings. It connects when it is first used.
func Open(ctx context.Context, config Config) (*Store, error) {
	config.TimeZone = cmp.Or(config.TimeZone, "UTC")
	config.Logger = cmp.Or(config.Logger, slog.Default())
	config.schema = cmp.Or(config.schema, Schema)
	config.cleanAgain = cmp.Or(config.cleanAgain, 15*time.Second)
	pool, err := openPool(ctx, config.Database, config.schema, func(settings *pgxpool.Config) {
		settings.ConnConfig.Tracer = config.tracer
	})
	if err != nil {
		return nil, err
	}
	return &Store{config: config, pool: pool, writer: uuid.New(), nexts: make(map[logPartition]int64)}, nil
}

// openPool reads a URL, whose password must not show in an error.
func openPool(ctx context.Context, database, schema string, change func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	settings, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, errors.New("the ledger's database: not a URL as PostgreSQL has it: give postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	settings.ConnConfig.RuntimeParams["search_path"] = schema
	settings.ConnConfig.RuntimeParams["application_name"] = cmp.Or(settings.ConnConfig.RuntimeParams["application_name"], "cupcakery")
	settings.ConnConfig.RuntimeParams["timezone"] = "UTC"
	settings.ConnConfig.ConnectTimeout = cmp.Or(settings.ConnConfig.ConnectTimeout, 10*time.Second)
	// A rebuild puts other tables under the names that a prepared statement has.
	settings.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	change(settings)
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("the ledger's database: %w", err)
	}
	return pool, nil
}

// Close ends the connections.
func (s *Store) Close() {
	s.cleaning.Lock()
	s.closed = true
	if s.again != nil {
		s.again.Stop()
	}
	s.cleaning.Unlock()
	s.pool.Close()
}

// Migrate leads the schema to this build's version, one process at a time. A migration
// that fails changes nothing.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.migrate(ctx); err != nil {
		return fmt.Errorf("prepare the ledger's schema: %w", s.explain(ctx, err))
	}
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	// The lock is the session's, so it ends with the process.
	const lock = "SELECT pg_advisory_lock(hashtextextended('cupcakery ledger', 0))"
	if _, err := conn.Exec(ctx, lock); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock_all()") }()
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", s.config.schema).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		name := pgx.Identifier{s.config.schema}.Sanitize()
		if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+name); err != nil {
			return fmt.Errorf("make it, as an administrator does with CREATE SCHEMA %s AUTHORIZATION %s: %w", name, pgx.Identifier{conn.Conn().Config().User}.Sanitize(), err)
		}
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer func() { _ = db.Close() }() // the pool goes on
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	has, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	wants, err := newestMigration()
	if err != nil {
		return err
	}
	if has > wants {
		return &SchemaError{has, wants}
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	if _, err = conn.Exec(ctx, "UPDATE bakery SET time_zone = $1 WHERE time_zone <> $1", s.config.TimeZone); err != nil {
		return err
	}
	var erased bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM erasures)").Scan(&erased); err != nil || !erased {
		return err
	}
	s.clean(ctx) // a process may have died before it was done
	return nil
}

// clean rewrites the table of what is personal, so that its file has nothing of what was
// erased: a deleted row's bytes stay in their page otherwise, also after a VACUUM. If it
// fails it is tried again until the store is closed; the next to open it does so, too.
func (s *Store) clean(ctx context.Context) {
	err := s.rewritePersonal(ctx)
	s.cleaning.Lock()
	defer s.cleaning.Unlock()
	if err == nil || isMissing(err) || s.closed { // what was dropped has nothing any more
		return
	}
	s.config.Logger.Warn("What was erased is deleted, but may still lie in the file of its table; trying again", "error", explain(err))
	if s.again != nil {
		return
	}
	s.again = time.AfterFunc(s.config.cleanAgain, func() {
		s.cleaning.Lock()
		s.again = nil
		s.cleaning.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), addWithin)
		defer cancel()
		s.clean(ctx)
	})
}

// mayStillSee is whether somebody has a transaction that began before the last erasure,
// here or on a standby: for them the table keeps deleted rows even when it is rewritten.
const mayStillSee = `
	SELECT EXISTS (SELECT FROM (
			SELECT greatest(age(backend_xmin), age(backend_xid)) FROM pg_stat_activity
			WHERE pid <> pg_backend_pid() AND coalesce(datname, current_database()) = current_database()
			UNION ALL SELECT age(xmin) FROM pg_replication_slots
		) AS others (began)
		WHERE began >= (SELECT min(age(xmin)) FROM erasures WHERE age(xmin) >= 0))`

func (s *Store) rewritePersonal(ctx context.Context) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err := dropUnfinished(ctx, conn.Conn()); err != nil {
		return err
	}
	var old bool
	if err := conn.QueryRow(ctx, mayStillSee).Scan(&old); err != nil {
		return err
	}
	if old {
		return errors.New("somebody else has a transaction from before in the ledger's database, such as a backup")
	}
	// Everybody who wants the table waits behind us while we wait for it.
	if _, err := conn.Exec(ctx, "SET lock_timeout = '2s'"); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "RESET lock_timeout") }()
	_, err = conn.Exec(ctx, "VACUUM (FULL) personal")
	return err
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName("schema_versions"), goose.WithSlog(slog.New(slog.DiscardHandler)))
}

// Check says whether the ledger could be written now: its error is an AwayError, a
// RefusedError or a SchemaError.
func (s *Store) Check(ctx context.Context) error {
	if err := checkSchema(ctx, s.pool); err != nil {
		return err
	}
	return explain(pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE bakery SET time_zone = $1 WHERE time_zone <> $1", s.config.TimeZone)
		return err
	}))
}

// checkSchema returns a SchemaError unless the schema is of this build's version.
func checkSchema(ctx context.Context, pool *pgxpool.Pool) error {
	wants, err := newestMigration()
	if err != nil {
		return err
	}
	has, err := schemaVersion(ctx, pool)
	if err != nil {
		return explain(err)
	}
	if has != wants {
		return &SchemaError{has, wants}
	}
	return nil
}

// schemaVersion is the version that the schema has; 0 if there is none.
func schemaVersion(ctx context.Context, database interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (has int64, err error) {
	err = database.QueryRow(ctx, "SELECT max(version_id) FROM schema_versions WHERE is_applied").Scan(&has)
	if isMissing(err) {
		return 0, nil
	}
	return has, err
}

// explain gives an error of the database its type: a SchemaError if the ledger has gone.
func (s *Store) explain(ctx context.Context, err error) error {
	if isMissing(err) {
		if has, versionErr := schemaVersion(ctx, s.pool); versionErr == nil && has == 0 {
			wants, _ := newestMigration()
			return &SchemaError{has, wants}
		}
	}
	return explain(err)
}

// Name is the ledger's own. One that is built anew keeps it.
func (s *Store) Name(ctx context.Context) (string, error) {
	var name string
	if err := s.pool.QueryRow(ctx, "SELECT ledger::text FROM bakery").Scan(&name); err != nil {
		return "", fmt.Errorf("find the ledger's name: %w", s.explain(ctx, err))
	}
	return name, nil
}

// Position is how far the ledger has read a partition.
type Position struct {
	// Next is the offset to go on at, if it is Known. Otherwise the ledger has nothing of
	// the partition: begin at the first record there is.
	Next  int64
	Known bool
	// Last is the record that was written last; nil if it is not known.
	Last *LastRecord
}

// Position claims a partition for this store and says where reading it is to go on.
func (s *Store) Position(ctx context.Context, topic string, topicID [16]byte, partition int) (Position, error) {
	at := logPartition{logName{topic, topicID}, partition}
	err := s.nameLogs(ctx, at.logName)
	var had claimed
	if err == nil {
		had, err = s.claim(ctx, s.pool, at)
	}
	if err != nil {
		return Position{}, fmt.Errorf("find where to go on in %s partition %d: %w", topic, partition, s.explain(ctx, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nexts[at] = had.next
	return Position{max(had.next, 0), had.next >= 0, had.last}, nil
}

// claimed is a partition's position when it was claimed.
type claimed struct {
	place
	table            uint32 // in which it lies
	next, againUntil int64
	last             *LastRecord
}

// claim claims a partition of a topic that has a number. The statement looks that up by the
// topic's name: in a ledger that was made anew it is another topic's.
func (s *Store) claim(ctx context.Context, database interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, at logPartition) (claimed, error) {
	had := claimed{place: place{partition: at.partition}}
	var lastOffset, lastChecksum *int64
	err := database.QueryRow(ctx, `
		INSERT INTO positions (log, partition, next_offset, writer)
		SELECT log, $3, -1, $4 FROM logs WHERE topic = $1 AND topic_id = $2
		ON CONFLICT (log, partition) DO UPDATE SET writer = excluded.writer
		RETURNING tableoid, log, next_offset, again_until, last_offset, last_checksum`, at.topic, uuid.UUID(at.id), int32(at.partition), s.writer).
		Scan(&had.table, &had.log, &had.next, &had.againUntil, &lastOffset, &lastChecksum)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errMadeAnew
	}
	had.last = lastRecord(lastOffset, lastChecksum)
	return had, err
}

// errMadeAnew says that another ledger has come into the place of the one that a call had
// begun with. The same call may succeed.
var errMadeAnew = errors.New("the ledger was made anew in this moment")

// nameLogs gives numbers to topics that have none here. It does so in a transaction of its
// own: nothing depends on a topic of which nothing is written in the end.
func (s *Store) nameLogs(ctx context.Context, names ...logName) error {
	topics, ids := make([]string, len(names)), make([]uuid.UUID, len(names))
	for i, name := range names {
		topics[i], ids[i] = name.topic, name.id
	}
	// It writes nothing where there is nothing new: each attempt would use up a number.
	_, err := s.pool.Exec(ctx, `
		INSERT INTO logs (topic, topic_id)
		SELECT topic, topic_id FROM unnest($1::text[], $2::uuid[]) AS named (topic, topic_id)
		WHERE NOT EXISTS (SELECT FROM logs WHERE (logs.topic, logs.topic_id) = (named.topic, named.topic_id))
		ORDER BY topic, topic_id ON CONFLICT DO NOTHING`, topics, ids)
	return err
}

// Added is what a batch has brought.
type Added struct {
	// Facts, Rejects and Erasures are rows that were written, Orders the orders that
	// were folded anew.
	Facts, Rejects, Erasures, Orders int
	// Skipped are messages that were written before.
	Skipped int
	// RejectKinds are the rejects by kind.
	RejectKinds map[string]int
}

// place is a partition of a log.
type place struct {
	log       int16
	partition int
}

func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(p.log, other.log), cmp.Compare(p.partition, other.partition))
}

// Add writes what messages tell, in one transaction with how far their partitions are
// read. Those of one partition must be in their order, and none between them left out
// that the log has. Messages that were written before are passed over.
//
// Its error is a FencedError if another store has claimed one of the partitions, or if
// less of it was written than this store has written, as in a database that was restored
// or made anew; then Position says where to go on. It is a
// DataError if the database will never take one of the messages: see Reject. Nothing is
// written then.
func (s *Store) Add(ctx context.Context, batch []events.Message) (Added, error) {
	return s.add(ctx, readAll(batch))
}

// Reject writes of a message only that it counts for nothing, for one with which Add ends
// in a DataError.
func (s *Store) Reject(ctx context.Context, m events.Message) error {
	r := record{message: m, at: readRecord(m).at, reject: &reject{rejectUnfit, unfitReason}}
	_, err := s.add(ctx, []record{r})
	return err
}

func readAll(batch []events.Message) []record {
	records := make([]record, len(batch))
	for i, m := range batch {
		records[i] = readRecord(m)
	}
	return records
}

func (s *Store) add(ctx context.Context, records []record) (Added, error) {
	added, err := s.write(ctx, records, true)
	if err != nil {
		return Added{}, fmt.Errorf("write %d records into the ledger: %w", len(records), err)
	}
	if added.Erasures > 0 {
		s.clean(ctx)
	}
	return added, nil
}

// write writes records in one transaction. Without fold the orders are left for later.
func (s *Store) write(ctx context.Context, records []record, fold bool) (added Added, err error) {
	added.RejectKinds = make(map[string]int)
	groups := make(map[logPartition][]record)
	names := make(map[logName]struct{})
	for _, r := range records {
		at := logPartitionOf(r.message)
		groups[at] = append(groups[at], r)
		names[at.logName] = struct{}{}
	}
	err = s.nameLogs(ctx, slices.Collect(maps.Keys(names))...)
	if err == nil {
		var nexts map[logPartition]int64
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
			nexts, err = s.writeIn(ctx, tx, groups, &added, fold)
			return err
		})
		if err == nil {
			s.mu.Lock()
			maps.Copy(s.nexts, nexts)
			s.mu.Unlock()
		}
	}
	if err != nil {
		return Added{}, s.explain(ctx, err)
	}
	return added, nil
}

// placed is a record with its place.
type placed struct {
	record
	place
}

// writeIn returns the offsets that come next once the transaction is done.
func (s *Store) writeIn(ctx context.Context, tx pgx.Tx, groups map[logPartition][]record, added *Added, fold bool) (map[logPartition]int64, error) {
	readings, err := s.lockPositions(ctx, tx, groups)
	if err != nil {
		return nil, err
	}
	var facts, rest, again []placed
	for _, reading := range readings {
		for _, r := range groups[reading.at] {
			if r.message.Offset < reading.next {
				added.Skipped++
				continue
			}
			reading.next, reading.last = r.message.Offset+1, &r.message
			each := placed{r, reading.place}
			if r.message.Offset < reading.againUntil {
				again = append(again, each)
			}
			switch {
			case r.kind != "":
				facts = append(facts, each)
			case r.reject != nil || r.erasure != nil:
				rest = append(rest, each)
			}
		}
	}
	keys, err := forgetAgain(ctx, tx, again)
	if err != nil {
		return nil, err
	}
	if err := copyFacts(ctx, tx, facts); err != nil {
		return nil, err
	}
	added.Facts += len(facts)
	for _, f := range append(slices.Clone(facts), rest...) {
		if f.key != "" {
			keys[f.key] = struct{}{}
		}
	}
	sorted := slices.Sorted(maps.Keys(keys))
	if err := lockOrders(ctx, tx, sorted); err != nil {
		return nil, err
	}
	if err := writeRest(ctx, tx, rest, added); err != nil {
		return nil, err
	}
	if err := writePersonal(ctx, tx, facts); err != nil {
		return nil, err
	}
	if fold {
		if err := foldOrders(ctx, tx, sorted); err != nil {
			return nil, err
		}
		added.Orders += len(sorted)
	}
	if err := movePositions(ctx, tx, readings, groups); err != nil {
		return nil, err
	}
	nexts := make(map[logPartition]int64, len(readings))
	for _, reading := range readings {
		nexts[reading.at] = reading.next
	}
	return nexts, nil
}

func logPartitionOf(m events.Message) logPartition {
	return logPartition{logName{m.Topic, m.TopicID}, m.Partition}
}

// reading is how far a partition was read, and up to where what is read comes again
// after the log was cut. last is what was new of a batch, at its end; nil if nothing was.
type reading struct {
	at logPartition
	place
	table            uint32 // in which the position lies
	next, againUntil int64
	last             *events.Message
}

// lockPositions locks how far partitions are read, for which this store must have the
// last claim, and returns it. Like claim it looks up the topics' numbers.
func (s *Store) lockPositions(ctx context.Context, tx pgx.Tx, groups map[logPartition][]record) ([]*reading, error) {
	wanted := slices.Collect(maps.Keys(groups))
	topics, ids, partitions := make([]string, len(wanted)), make([]uuid.UUID, len(wanted)), make([]int32, len(wanted))
	for i, at := range wanted {
		topics[i], ids[i], partitions[i] = at.topic, at.id, int32(at.partition)
	}
	const which = `logs JOIN unnest($1::text[], $2::uuid[], $3::integer[]) WITH ORDINALITY AS wanted (topic, topic_id, partition, number) USING (topic, topic_id)`
	if _, err := tx.Exec(ctx, `
		INSERT INTO positions (log, partition, next_offset, writer)
		SELECT log, partition, -1, $4 FROM `+which+` ORDER BY log, partition
		ON CONFLICT DO NOTHING`, topics, ids, partitions, s.writer); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT number - 1, positions.tableoid, log, partition, next_offset, again_until, coalesce(writer = $4, true)
		FROM positions JOIN (`+which+`) USING (log, partition)
		ORDER BY log, partition FOR UPDATE OF positions`, topics, ids, partitions, s.writer)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*reading
	var number int
	var position reading
	var ours bool
	_, err = pgx.ForEachRow(rows, []any{&number, &position.table, &position.log, &position.partition, &position.next, &position.againUntil, &ours}, func() error {
		position.at = wanted[number]
		seen, known := s.nexts[position.at]
		if behind := known && position.next < seen; behind || !ours {
			return &FencedError{position.at.topic, position.at.partition, behind}
		}
		found = append(found, new(position))
		return nil
	})
	if err == nil && len(found) < len(wanted) {
		err = errMadeAnew
	}
	return found, err
}

// movePositions moves the positions that were locked: somebody may have renamed the schema
// since, and put another ledger into its place.
func movePositions(ctx context.Context, tx pgx.Tx, readings []*reading, groups map[logPartition][]record) error {
	var tables []uint32
	var logs []int16
	var partitions []int32
	var offsets []int64
	var until []*time.Time
	var lastOffsets, lastChecksums []*int64
	for _, reading := range readings {
		tables, logs, partitions = append(tables, reading.table), append(logs, reading.log), append(partitions, int32(reading.partition))
		offsets, until = append(offsets, reading.next), append(until, lastAppended(groups[reading.at]))
		var offset, checksum *int64
		if reading.last != nil {
			last := lastRecordOf(*reading.last)
			offset, checksum = &last.Offset, &last.Checksum
		}
		lastOffsets, lastChecksums = append(lastOffsets, offset), append(lastChecksums, checksum)
	}
	moved, err := tx.Exec(ctx, `
		UPDATE positions SET next_offset = new.next_offset, read_until = greatest(positions.read_until, new.read_until),
			last_offset = coalesce(new.last_offset, positions.last_offset), last_checksum = coalesce(new.last_checksum, positions.last_checksum)
		FROM unnest($1::smallint[], $2::integer[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::oid[]) AS new (log, partition, next_offset, read_until, last_offset, last_checksum, in_table)
		WHERE positions.log = new.log AND positions.partition = new.partition AND positions.tableoid = new.in_table`, logs, partitions, offsets, until, lastOffsets, lastChecksums, tables)
	if err == nil && int(moved.RowsAffected()) < len(readings) {
		err = errMadeAnew
	}
	return err
}

// lastAppended is the time of the last record that has the broker's; nil if none has. A
// sender's clock does not tell how far was read.
func lastAppended(records []record) *time.Time {
	for _, r := range slices.Backward(records) {
		if r.message.Appended {
			return &r.at
		}
	}
	return nil
}

func copyFacts(ctx context.Context, tx pgx.Tx, facts []placed) error {
	if len(facts) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"facts"},
		[]string{"log", "partition", "record_offset", "order_key", "kind", "recorded_at", "appended", "body"},
		pgx.CopyFromSlice(len(facts), func(i int) ([]any, error) {
			f := facts[i]
			return []any{f.log, int32(f.partition), f.message.Offset, uuid.MustParse(f.key), string(f.kind), f.at, f.message.Appended, json.RawMessage(f.body)}, nil
		}))
	return err
}

// lockOrders locks orders, in an order that all stores keep.
func lockOrders(ctx context.Context, tx pgx.Tx, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, "INSERT INTO order_folds (order_key) SELECT unnest($1::text[])::uuid ON CONFLICT DO NOTHING", keys); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "SELECT FROM order_folds WHERE order_key = ANY ($1::text[]::uuid[]) ORDER BY order_key FOR UPDATE", keys)
	return err
}

// writeRest writes what counts for nothing, and which orders are forgotten.
func writeRest(ctx context.Context, tx pgx.Tx, rest []placed, added *Added) error {
	batch := &pgx.Batch{}
	for _, r := range rest {
		if r.reject != nil {
			batch.Queue("INSERT INTO rejects (log, partition, record_offset, recorded_at, kind, reason) VALUES ($1, $2, $3, $4, $5, $6)",
				r.log, int32(r.partition), r.message.Offset, r.at, r.reject.kind, text(r.reject.reason))
			added.Rejects++
			added.RejectKinds[r.reject.kind]++
			continue
		}
		batch.Queue("INSERT INTO erasures (order_key, erased_at, erased_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", r.key, r.erasure.At, text(r.erasure.By))
		batch.Queue("DELETE FROM personal WHERE order_key = $1", r.key)
		added.Erasures++
	}
	return send(ctx, tx, batch)
}

// writePersonal merges what records tell that is personal, except of orders whose
// customer is forgotten.
func writePersonal(ctx context.Context, tx pgx.Tx, facts []placed) error {
	merged := make(map[string]*personalRow)
	var order []string
	for _, f := range facts {
		if f.personal == nil {
			continue
		}
		row := merged[f.key]
		if row == nil {
			row = &personalRow{}
			merged[f.key] = row
			order = append(order, f.key)
		}
		row.merge(f.personal, f.at)
	}
	if len(order) == 0 {
		return nil
	}
	slices.Sort(order)
	// One statement for all: planning one for each order took half of the time.
	var told []*time.Time
	var columns [7][]*string
	for _, key := range order {
		row := merged[key]
		told = append(told, row.toldAt)
		for i, value := range []*string{&key, row.orderID, row.customer, row.notes, row.allergies, row.messages, new(string(row.remarksJSON()))} {
			columns[i] = append(columns[i], value)
		}
	}
	_, err := tx.Exec(ctx, mergePersonal, columns[0], columns[1], columns[2], told, columns[3], columns[4], columns[5], columns[6])
	return err
}

// mergePersonal merges rows, of an order each, into what is known. It gives the same in
// whatever order rows come and however often.
const mergePersonal = `
	INSERT INTO personal AS known (order_key, order_id, customer, told_at, notes, allergies, messages, remarks)
	SELECT order_key::uuid, order_id::uuid, customer, told_at, notes, allergies, messages, remarks::jsonb
	FROM ` + newPersonal + `
	WHERE NOT EXISTS (SELECT FROM erasures WHERE erasures.order_key = had.order_key::uuid)
	ON CONFLICT (order_key) DO UPDATE SET
		order_id = coalesce(known.order_id, excluded.order_id),
		customer = greatest(known.customer, excluded.customer),
		(told_at, notes, allergies, messages) = (SELECT * FROM (VALUES
			(known.told_at, known.notes, known.allergies, known.messages),
			(excluded.told_at, excluded.notes, excluded.allergies, excluded.messages)
		) AS told (told_at, notes, allergies, messages) ORDER BY told_at DESC NULLS LAST, notes DESC, allergies DESC, messages DESC LIMIT 1),
		remarks = CASE WHEN excluded.remarks = '{}' THEN known.remarks ELSE (
			SELECT jsonb_object_agg(at, words) FROM (
				SELECT at, max(words COLLATE "C") AS words
				FROM (SELECT * FROM jsonb_each_text(known.remarks) UNION ALL SELECT * FROM jsonb_each_text(excluded.remarks)) AS each (at, words)
				GROUP BY at) AS merged) END`

// newPersonal are the rows that mergePersonal is given.
const newPersonal = `unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[])
		AS had (order_key, order_id, customer, told_at, notes, allergies, messages, remarks)`

type personalRow struct {
	orderID                    *string
	customer                   *string
	toldAt                     *time.Time
	notes, allergies, messages *string
	remarks                    map[string]string
}

// merge merges what one more record tells, by the rules of mergePersonal.
func (p *personalRow) merge(more *personal, at time.Time) {
	if more.orderID != "" {
		p.orderID = &more.orderID
	}
	if customer := text(more.customer); customer != "" && (p.customer == nil || customer > *p.customer) {
		p.customer = &customer
	}
	if more.told {
		notes, allergies, messages := text(more.notes), text(more.allergies), text(more.messages)
		if p.toldAt == nil || compareTold(at, notes, allergies, messages, *p.toldAt, *p.notes, *p.allergies, *p.messages) > 0 {
			p.toldAt, p.notes, p.allergies, p.messages = &at, &notes, &allergies, &messages
		}
	}
	for at, words := range more.remarks {
		if p.remarks == nil {
			p.remarks = make(map[string]string)
		}
		if words = text(words); words > p.remarks[at] {
			p.remarks[at] = words
		}
	}
}

func compareTold(at time.Time, notes, allergies, messages string, otherAt time.Time, otherNotes, otherAllergies, otherMessages string) int {
	return cmp.Or(at.Compare(otherAt), cmp.Compare(notes, otherNotes), cmp.Compare(allergies, otherAllergies), cmp.Compare(messages, otherMessages))
}

func (p *personalRow) remarksJSON() []byte {
	if len(p.remarks) == 0 {
		return []byte("{}")
	}
	written, err := json.Marshal(p.remarks)
	if err != nil {
		return []byte("{}") // not reached: texts can be written
	}
	return written
}

func send(ctx context.Context, tx pgx.Tx, batch *pgx.Batch) error {
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}
