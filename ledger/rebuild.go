package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/retry"
)

const (
	// rebuildBatch is how many records a rebuild writes at a time, and foldBatch how many
	// orders it folds at a time.
	rebuildBatch = 5000
	foldBatch    = 1000

	// swapTries is how often a rebuild tries to take the present ledger away from who
	// reads it. Each try waits as long as lockTimeout; who writes it and others who read
	// it wait meanwhile.
	swapTries   = 10
	lockTimeout = "10s"
)

// RebuildConfig says from where a ledger is built anew.
type RebuildConfig struct {
	Config
	Connection events.Connection
	// CheckOnly builds it, compares it with the one there is, and throws it away.
	CheckOnly bool
	// Progress is called now and then with how many records were read and how many
	// orders were folded. May be nil.
	Progress func(records, orders int)
}

// RebuildResult is what building a ledger anew has come to.
type RebuildResult struct {
	// Records were read from the log, and Kept are the facts and rejects that the log
	// does not have any more and the ledger had.
	Records, Kept int
	// Lost are facts of the ledger that the log should have and does not: it was cut. They
	// are not taken over.
	Lost   int
	Orders int
	// Existed says that there was a ledger, and Differences are its tables that differed
	// from what was built when the two were compared. There are none if it was right.
	Existed     bool
	Differences []Difference
	Took        time.Duration
}

// Difference is a table in which what there was and what was built differ.
type Difference struct{ Had, Built TableHash }

// rebuild is a ledger that is built beside another.
type rebuild struct {
	config RebuildConfig
	reader *events.LogReader
	store  *Store // what is built
	live   *Store // what there is
	result RebuildResult
	// ends is how far the partitions were read.
	ends map[partitionName]int64
	// cuts are those that the present ledger knew of before anything was read.
	cuts string
}

type partitionName struct {
	topic     string
	partition int
}

// Rebuild builds the ledger anew from the log into a second schema, as far as the present
// ledger has read, and puts it into its place. Processes that write the ledger wait for
// moments, before both are compared and at the end, and go on. What the log does not have any more is taken over from
// the present ledger. If it fails, everything is as before.
func Rebuild(ctx context.Context, config RebuildConfig) (RebuildResult, error) {
	began := time.Now()
	config.Logger = cmp.Or(config.Logger, slog.Default())
	r := rebuild{config: config, ends: make(map[partitionName]int64)}
	var err error
	if r.live, err = Open(ctx, config.Config); err != nil {
		return RebuildResult{}, err
	}
	defer r.live.Close()
	next := config.Config
	next.schema = nextSchema
	if r.store, err = Open(ctx, next); err != nil {
		return RebuildResult{}, err
	}
	defer r.store.Close()
	if r.reader, err = events.NewLogReader(config.Connection); err != nil {
		return RebuildResult{}, err
	}
	defer r.reader.Close()
	if err := r.run(ctx); err != nil {
		return RebuildResult{}, fmt.Errorf("build the ledger anew: %w", explain(err))
	}
	r.result.Took = time.Since(began)
	return r.result, nil
}

func (r *rebuild) run(ctx context.Context) error {
	conn, err := r.live.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var free bool
	if err := conn.QueryRow(ctx, rebuildLock).Scan(&free); err != nil {
		return err
	}
	if !free {
		return errors.New("somebody else is building it: wait until they are done")
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock_all()") }()
	if err := r.prepare(ctx, conn.Conn()); err != nil {
		return err
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "DROP SCHEMA IF EXISTS "+nextSchema+" CASCADE") // of no use any more
	}()
	if err := r.readLog(ctx); err != nil {
		return err
	}
	if err := r.takeOver(ctx); err != nil {
		return err
	}
	if err := r.foldAll(ctx); err != nil {
		return err
	}
	if r.result.Existed {
		if err := r.compare(ctx, conn.Conn()); err != nil {
			return err
		}
	}
	if r.config.CheckOnly {
		return nil
	}
	backoff := retry.NewBackoff(shortestPause, longestPause)
	for try := 1; ; try++ {
		err := r.swap(ctx, conn.Conn())
		if !isInTheWay(err) {
			return err
		}
		if try == swapTries || ctx.Err() != nil {
			return fmt.Errorf("somebody reads the present ledger all the time, so it cannot be replaced: find them in pg_stat_activity (%w)", err)
		}
		r.config.Logger.InfoContext(ctx, "Somebody reads the ledger that is to be replaced; trying again", "error", err)
		backoff.Wait(ctx)
	}
}

// rebuildLock is held by whoever builds a ledger anew. It is the session's, so it ends
// with the process.
const (
	rebuildLock   = "SELECT pg_try_advisory_lock(hashtextextended('cupcakery ledger rebuild', 0))"
	rebuildUnlock = "SELECT pg_advisory_unlock(hashtextextended('cupcakery ledger rebuild', 0))"
)

// dropUnfinished drops what somebody has left who was killed while they built a ledger:
// it may have whom the ledger has forgotten since.
func dropUnfinished(ctx context.Context, conn *pgx.Conn) error {
	var free bool
	if err := conn.QueryRow(ctx, rebuildLock).Scan(&free); err != nil {
		return err
	}
	if !free {
		return errors.New("the ledger is being built anew")
	}
	_, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+nextSchema+" CASCADE")
	_, unlockErr := conn.Exec(context.WithoutCancel(ctx), rebuildUnlock)
	return cmp.Or(err, unlockErr)
}

// prepare makes the second schema, with what is not on the log.
func (r *rebuild) prepare(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+nextSchema+" CASCADE"); err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", Schema+".positions").Scan(&r.result.Existed); err != nil {
		return err
	}
	if err := r.checkRights(ctx, conn); err != nil {
		return err
	}
	if !r.result.Existed {
		if err := r.checkEmpty(ctx, conn); err != nil {
			return err
		}
		return r.store.Migrate(ctx)
	}
	if err := checkSchema(ctx, r.live.pool); err != nil {
		return err
	}
	if err := r.store.Migrate(ctx); err != nil {
		return err
	}
	if err := r.checkOthers(ctx, conn.QueryRow); err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, liveCuts).Scan(&r.cuts); err != nil {
		return err
	}
	// Nobody reads what is built who may not read the ledger.
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return r.copyGrants(ctx, tx) }); err != nil {
		return err
	}
	// The numbers stay, so that what is taken over keeps its place.
	_, err := conn.Exec(ctx, strings.NewReplacer("{next}", nextSchema, "{live}", Schema).Replace(`
		INSERT INTO {next}.logs OVERRIDING SYSTEM VALUE SELECT * FROM {live}.logs;
		SELECT setval(pg_get_serial_sequence('{next}.logs', 'log'), coalesce((SELECT max(log) FROM {next}.logs), 0) + 1, false);
		INSERT INTO {next}.erasures SELECT * FROM {live}.erasures;
		UPDATE {next}.bakery SET ledger = (SELECT ledger FROM {live}.bakery);`))
	return err
}

// checkRights refuses to begin what the account may not end.
func (r *rebuild) checkRights(ctx context.Context, conn *pgx.Conn) error {
	var lacking []string
	err := conn.QueryRow(ctx, `SELECT array_remove(ARRAY[
		CASE WHEN NOT has_database_privilege(current_database(), 'CREATE') THEN format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user) END,
		CASE WHEN $2 AND NOT pg_has_role(nspowner, 'USAGE') THEN format('ALTER SCHEMA %I OWNER TO %I', $1::text, current_user) END
	], NULL) FROM (SELECT $1::text AS nspname) AS live LEFT JOIN pg_namespace USING (nspname)`, Schema, !r.config.CheckOnly).Scan(&lacking)
	if err == nil && len(lacking) > 0 {
		err = fmt.Errorf("the account may not make a second schema and put it into the place of the first: have an administrator run %s", strings.Join(lacking, "; "))
	}
	return err
}

// checkEmpty refuses to replace a schema that somebody uses for something else. The second
// one is not there yet, so that everything in the first is named.
func (r *rebuild) checkEmpty(ctx context.Context, conn *pgx.Conn) error {
	if r.config.CheckOnly {
		return nil
	}
	var others []string
	err := conn.QueryRow(ctx, goesWithIt, Schema, nextSchema).Scan(&others)
	if err == nil && len(others) > 0 {
		err = fmt.Errorf("the schema %s is not empty and no ledger: it has %s: drop them or move them, or give the ledger a database of its own", Schema, strings.Join(others, ", "))
	}
	return err
}

// checkOthers refuses to replace a ledger with which something would go that is not ours.
func (r *rebuild) checkOthers(ctx context.Context, query func(context.Context, string, ...any) pgx.Row) error {
	if r.config.CheckOnly {
		return nil
	}
	var others []string
	err := query(ctx, goesWithIt, Schema, nextSchema).Scan(&others)
	if err == nil && len(others) > 0 {
		err = fmt.Errorf("with the present ledger these would go, which depend on it or lie in its schema: %s: drop them, and make them again afterwards", strings.Join(others, ", "))
	}
	return err
}

// goesWithIt names what goes with the present ledger's schema and has no counterpart in the
// second one. What belongs to another object, as a table's type does, is not named.
const goesWithIt = `
	WITH RECURSIVE dependents (root, classid, objid) AS (
		SELECT nspname, 'pg_namespace'::regclass::oid, oid FROM pg_namespace WHERE nspname IN ($1, $2)
		UNION
		-- A view is known by its rule, and goes with that.
		SELECT root, CASE WHEN w.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END, coalesce(w.ev_class, d.objid)
		FROM dependents AS on_it JOIN pg_depend d ON d.refclassid = on_it.classid AND d.refobjid = on_it.objid
		LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
	), named AS (
		SELECT root, found.type, found.identity FROM dependents d, pg_identify_object(d.classid, d.objid, 0) AS found
		WHERE d.classid <> 'pg_namespace'::regclass AND found.schema IS DISTINCT FROM 'pg_toast'
		AND NOT EXISTS (SELECT FROM pg_depend whole WHERE whole.classid = d.classid AND whole.objid = d.objid AND whole.deptype = 'i')
	)
	SELECT coalesce(array_agg(DISTINCT had.identity ORDER BY had.identity), '{}') FROM named AS had
	WHERE had.root = $1 AND NOT EXISTS (
		SELECT FROM named AS has WHERE has.root = $2 AND has.type = had.type AND replace(has.identity, $2 || '.', $1 || '.') = had.identity)`

// readLog reads each partition as far as the ledger has read it or, if there is none, to
// its end. Orders are folded later, once each.
func (r *rebuild) readLog(ctx context.Context) error {
	until := r.livePositions(ctx, r.live.pool.QueryRow)
	topics := Topics()
	slices.Reverse(topics) // kitchen-state first: nothing is written of whom it says that they are forgotten
	for _, topic := range topics {
		partitions, err := r.reader.Partitions(ctx, topic)
		if err != nil {
			return err
		}
		for partition := range partitions {
			at := partitionName{topic, partition}
			first, end, err := r.reader.Bounds(ctx, topic, partition)
			if err != nil {
				return err
			}
			if r.result.Existed {
				next, err := until(at)
				if err != nil {
					return err
				}
				end = min(end, next)
			}
			if err := r.readPartition(ctx, at, first, end, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// livePositions returns how far the present ledger has read a partition of the topic as it
// is now.
func (r *rebuild) livePositions(ctx context.Context, query func(context.Context, string, ...any) pgx.Row) func(partitionName) (int64, error) {
	return func(at partitionName) (next int64, err error) {
		id, err := r.reader.TopicID(ctx, at.topic)
		if err != nil {
			return 0, err
		}
		err = query(ctx, `
			SELECT coalesce((SELECT max(next_offset) FROM `+Schema+`.positions JOIN `+Schema+`.logs USING (log)
			WHERE topic = $1 AND topic_id = $2 AND partition = $3), 0)`, at.topic, uuid.UUID(id), at.partition).Scan(&next)
		return next, err
	}
}

// readPartition reads a partition from one offset to another, and nothing behind it.
func (r *rebuild) readPartition(ctx context.Context, at partitionName, from, until int64, fold bool) error {
	for from < until {
		var batch []events.Message
		next, err := r.reader.Read(ctx, at.topic, at.partition, from, min(until, from+rebuildBatch), func(m events.Message) {
			if m.Offset < until {
				batch = append(batch, m)
			}
		})
		if err != nil {
			return err
		}
		if len(batch) > 0 {
			if err := r.write(ctx, batch, fold); err != nil {
				return err
			}
		}
		from = min(next, until) // what lies behind came along, and is not written yet
		if r.config.Progress != nil {
			r.config.Progress(r.result.Records, 0)
		}
	}
	r.ends[at] = max(r.ends[at], from)
	return r.setPosition(ctx, at, until)
}

// write writes a batch. A record that the database does not take is rejected, as the
// process that writes the ledger does.
func (r *rebuild) write(ctx context.Context, batch []events.Message, fold bool) error {
	_, err := r.store.write(ctx, readAll(batch), fold)
	if err == nil {
		r.result.Records += len(batch)
		return nil
	}
	var data *DataError
	switch {
	case !errors.As(err, &data):
		return err
	case len(batch) == 1:
		r.result.Records++
		return r.store.Reject(ctx, batch[0])
	}
	half := len(batch) / 2
	if err := r.write(ctx, batch[:half], fold); err != nil {
		return err
	}
	return r.write(ctx, batch[half:], fold)
}

// setPosition notes that a partition was read to an offset, behind which there may be no
// message.
func (r *rebuild) setPosition(ctx context.Context, at partitionName, next int64) error {
	id, err := r.reader.TopicID(ctx, at.topic)
	if err != nil {
		return err
	}
	log, err := r.log(ctx, logName{at.topic, id})
	if err != nil {
		return err
	}
	_, err = r.store.pool.Exec(ctx, `
		INSERT INTO positions (log, partition, next_offset) VALUES ($1, $2, $3)
		ON CONFLICT (log, partition) DO UPDATE SET next_offset = greatest(positions.next_offset, excluded.next_offset)`, log, at.partition, next)
	return err
}

// log returns the number that a topic has in what is built.
func (r *rebuild) log(ctx context.Context, name logName) (log int16, err error) {
	if err = r.store.nameLogs(ctx, name); err == nil {
		err = r.store.pool.QueryRow(ctx, "SELECT log FROM logs WHERE topic = $1 AND topic_id = $2", name.topic, uuid.UUID(name.id)).Scan(&log)
	}
	return log, err
}

// takeOver takes over from the present ledger what the log does not have any more: what
// lies before its first offset, what was compacted away, and what is of topics that were
// deleted. It counts what else is missing.
func (r *rebuild) takeOver(ctx context.Context) error {
	if !r.result.Existed {
		return nil
	}
	return pgx.BeginFunc(ctx, r.store.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE gone_before (log smallint, partition integer, first_offset bigint) ON COMMIT DROP"); err != nil {
			return err
		}
		for at := range r.ends {
			log, before, err := r.goneBefore(ctx, at)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "INSERT INTO pg_temp.gone_before VALUES ($1, $2, $3)", log, at.partition, before); err != nil {
				return err
			}
		}
		if err := r.takeOverMissing(ctx, tx, `
			NOT EXISTS (SELECT FROM pg_temp.gone_before AS gone WHERE (gone.log, gone.partition) = (had.log, had.partition) AND had.record_offset >= gone.first_offset)`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO positions (log, partition, next_offset, read_until, last_offset, last_checksum)
			SELECT had.log, had.partition, had.next_offset, had.read_until, had.last_offset, had.last_checksum FROM `+Schema+`.positions AS had
			ON CONFLICT DO NOTHING`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO order_folds SELECT order_key FROM "+Schema+".order_folds ON CONFLICT DO NOTHING"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, mergeOtherPersonal)
		return err
	})
}

// goneBefore returns the number of a partition's log, and the offset before which the log
// may lack what it had. It is asked after reading, since retention deletes meanwhile.
func (r *rebuild) goneBefore(ctx context.Context, at partitionName) (log int16, before int64, err error) {
	id, err := r.reader.TopicID(ctx, at.topic)
	if err != nil {
		return 0, 0, err
	}
	if log, err = r.log(ctx, logName{at.topic, id}); err != nil {
		return 0, 0, err
	}
	if at.topic == events.TopicKitchenState {
		return log, r.ends[at], nil // it is compacted
	}
	before, _, err = r.reader.Bounds(ctx, at.topic, at.partition)
	return log, before, err
}

// takeOverMissing takes over facts and rejects that were not read, where a condition holds
// for what the present ledger had.
func (r *rebuild) takeOverMissing(ctx context.Context, tx pgx.Tx, where string, args ...any) error {
	for _, table := range []string{"facts", "rejects"} {
		kept, err := tx.Exec(ctx, `
			INSERT INTO `+table+` SELECT had.* FROM `+Schema+`.`+table+` AS had
			WHERE NOT EXISTS (SELECT FROM `+table+` AS has WHERE (has.log, has.partition, has.record_offset) = (had.log, had.partition, had.record_offset))
			AND `+where, args...)
		if err != nil {
			return err
		}
		r.result.Kept += int(kept.RowsAffected())
	}
	return nil
}

// takeOverSince takes over what lies behind an offset and was deleted before it was read.
func (r *rebuild) takeOverSince(ctx context.Context, at partitionName, from int64) error {
	log, before, err := r.goneBefore(ctx, at)
	if err != nil || before <= from {
		return err
	}
	return pgx.BeginFunc(ctx, r.store.pool, func(tx pgx.Tx) error {
		const which = "(had.log, had.partition) = ($1, $2) AND had.record_offset >= $3 AND had.record_offset < $4"
		kept := r.result.Kept
		if err := r.takeOverMissing(ctx, tx, which, log, at.partition, from, before); err != nil || r.result.Kept == kept {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT DISTINCT order_key::text FROM facts AS had WHERE "+which, log, at.partition, from, before)
		if err != nil {
			return err
		}
		keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if err := lockOrders(ctx, tx, keys); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, mergeOtherPersonal); err != nil {
			return err
		}
		return foldOrders(ctx, tx, keys)
	})
}

// mergeOtherPersonal takes over what is personal, which the log may not have any more.
var mergeOtherPersonal = strings.Replace(mergePersonal, newPersonal, Schema+".personal AS had", 1)

// foldAll folds every order once.
func (r *rebuild) foldAll(ctx context.Context) error {
	last := uuid.UUID{}
	for {
		var keys []string
		err := pgx.BeginFunc(ctx, r.store.pool, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, "SELECT order_key::text FROM order_folds WHERE order_key > $1 ORDER BY order_key LIMIT $2", last, foldBatch)
			if err != nil {
				return err
			}
			if keys, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
				return err
			}
			return foldOrders(ctx, tx, keys)
		})
		if isUnfit(err) {
			err = foldSingly(ctx, r.store.pool, keys)
		}
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return nil
		}
		last = uuid.MustParse(keys[len(keys)-1])
		r.result.Orders += len(keys)
		if r.config.Progress != nil {
			r.config.Progress(r.result.Records, r.result.Orders)
		}
	}
}

// swap brings what was built to where the present ledger is, and puts it into its place.
func (r *rebuild) swap(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		drop := "DROP SCHEMA IF EXISTS " + Schema // only if it is empty
		if r.result.Existed {
			if err := r.catchUpAndHold(ctx, tx); err != nil {
				return err
			}
			if err := r.takeOverClaims(ctx, tx); err != nil {
				return err
			}
			if err := r.checkOthers(ctx, tx.QueryRow); err != nil {
				return err
			}
			drop += " CASCADE"
		}
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+lockTimeout+"'"); err != nil {
			return err
		}
		if err := r.copyGrants(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, drop)
		if err == nil {
			_, err = tx.Exec(ctx, "ALTER SCHEMA "+nextSchema+" RENAME TO "+Schema)
		}
		if isTaken(err) {
			err = fmt.Errorf("somebody has begun a ledger meanwhile: run the rebuild again (%w)", err)
		}
		return err
	})
}

// catchUpAndHold brings what was built to where the present ledger is, which nobody writes
// until the transaction ends.
func (r *rebuild) catchUpAndHold(ctx context.Context, tx pgx.Tx) error {
	if err := r.catchUp(ctx, tx); err != nil { // so that little is left while they wait
		return err
	}
	// Who writes the ledger begins with its positions.
	if _, err := tx.Exec(ctx, "LOCK TABLE "+Schema+".positions IN EXCLUSIVE MODE"); err != nil {
		return err
	}
	if err := r.checkCuts(ctx, tx); err != nil {
		return err
	}
	return r.catchUp(ctx, tx)
}

// liveCuts tells which partitions were cut, and when, as the present ledger knows.
const liveCuts = `SELECT coalesce(string_agg(concat_ws(' ', log, partition, cut_at), ', ' ORDER BY log, partition), '') FROM ` + Schema + `.positions WHERE cut_at IS NOT NULL`

// checkCuts refuses to go on if a log was cut since it was read: what is built may have what
// the present ledger has taken back.
func (r *rebuild) checkCuts(ctx context.Context, tx pgx.Tx) error {
	var cuts string
	err := tx.QueryRow(ctx, liveCuts).Scan(&cuts)
	if err == nil && cuts != r.cuts {
		err = errors.New("the log was cut meanwhile, and the present ledger has taken back what it had lost: run the rebuild again")
	}
	return err
}

// catchUp reads what the present ledger has read meanwhile.
func (r *rebuild) catchUp(ctx context.Context, tx pgx.Tx) error {
	until := r.livePositions(ctx, tx.QueryRow)
	for at, end := range r.ends {
		next, err := until(at)
		if err != nil {
			return err
		}
		_, logEnd, err := r.reader.Bounds(ctx, at.topic, at.partition)
		if err != nil {
			return err
		}
		// A log that was cut ends before that.
		if err := r.readPartition(ctx, at, end, min(next, logEnd), true); err != nil {
			return err
		}
		if next > end {
			if err := r.takeOverSince(ctx, at, end); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeOverClaims lets the processes go on that write the present ledger.
func (r *rebuild) takeOverClaims(ctx context.Context, tx pgx.Tx) error {
	var other int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FROM `+Schema+`.logs AS had LEFT JOIN `+nextSchema+`.logs AS has USING (log)
		WHERE (had.topic, had.topic_id) IS DISTINCT FROM (has.topic, has.topic_id)`).Scan(&other)
	if err != nil {
		return err
	}
	if other > 0 {
		return errors.New("a topic was made anew meanwhile: try again")
	}
	_, err = tx.Exec(ctx, `
		UPDATE `+nextSchema+`.positions AS has SET writer = had.writer, cut_at = had.cut_at FROM `+Schema+`.positions AS had
		WHERE (had.log, had.partition) = (has.log, has.partition)`)
	return err
}

// compare compares the present ledger with what was built, as both are at one moment. Who
// writes waits only until that moment is held fast: hashing everything takes long. What
// comes later is folded into both by the same rules.
func (r *rebuild) compare(ctx context.Context, conn *pgx.Conn) error {
	var had, built []TableHash
	reading := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, r.live.pool, reading, func(view pgx.Tx) error {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if err := r.catchUpAndHold(ctx, tx); err != nil {
				return err
			}
			_, err := view.Exec(ctx, "SELECT pg_current_snapshot()") // its first statement says what it sees
			return err
		})
		if err != nil {
			return err
		}
		if had, err = hashesOf(ctx, view, Schema); err == nil {
			built, err = hashesOf(ctx, view, nextSchema)
		}
		return err
	})
	if err != nil {
		return err
	}
	for i := range had {
		if had[i] != built[i] {
			r.result.Differences = append(r.result.Differences, Difference{had[i], built[i]})
			if had[i].Table == "facts" {
				r.result.Lost = int(max(0, had[i].Rows-built[i].Rows))
			}
		}
	}
	return nil
}

// grantsOf are the grants of a schema, and of what is in it, to others than the owner.
const grantsOf = `
	SELECT o.kind, o.name, o.columns, a.privilege_type AS privilege, a.is_grantable AS further,
		CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
	FROM (
		SELECT oid AS schema, 'SCHEMA' AS kind, '' AS name, '' AS columns, coalesce(nspacl, acldefault('n', nspowner)) AS acl, nspowner AS owner FROM pg_namespace
		UNION ALL
		SELECT relnamespace, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, format('.%I', relname), '', relacl, relowner
		FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
		UNION ALL
		SELECT relnamespace, 'TABLE', format('.%I', relname), format(' (%I)', attname), attacl, relowner
		FROM pg_class c JOIN pg_attribute ON attrelid = c.oid WHERE relkind IN ('r', 'p', 'v', 'm') AND NOT attisdropped
		UNION ALL
		SELECT pronamespace, 'FUNCTION', format('.%I(%s)', proname, pg_get_function_identity_arguments(oid)), '', coalesce(proacl, acldefault('f', proowner)), proowner
		FROM pg_proc
	) AS o, aclexplode(o.acl) AS a
	WHERE o.schema = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND a.grantee <> o.owner`

// copyGrants gives what was built the grants of the present ledger, and none that new
// objects are given by default. Of an empty schema it takes over the schema's own.
func (r *rebuild) copyGrants(ctx context.Context, tx pgx.Tx) error {
	for _, statements := range []struct{ from, sql string }{
		{nextSchema, `SELECT DISTINCT format('REVOKE ALL%s ON %s %I%s FROM %s', columns, kind, $2::text, name, grantee) FROM (` + grantsOf + `) AS given WHERE $3 OR kind = 'SCHEMA'`},
		{Schema, `
			SELECT DISTINCT format('GRANT %s%s ON %s %I%s TO %s', privilege, columns, kind, $2::text, name, grantee) || CASE WHEN further THEN ' WITH GRANT OPTION' ELSE '' END
			FROM (` + grantsOf + `) AS given WHERE $3 OR kind = 'SCHEMA'`},
	} {
		rows, err := tx.Query(ctx, statements.sql, statements.from, nextSchema, r.result.Existed)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, statement := range all {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
	}
	return nil
}
