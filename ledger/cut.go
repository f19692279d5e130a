package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cupcakery/cupcakery/events"
)

// LastRecord tells the record of a partition that was written last from any other that
// comes to lie at its offset, in a log that was cut and has grown since.
type LastRecord struct {
	Offset   int64
	Checksum int64
}

func lastRecordOf(m events.Message) LastRecord {
	sum := sha256.New()
	for _, part := range [][]byte{m.Key, m.Value} {
		sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		sum.Write(part)
	}
	sum.Write(binary.BigEndian.AppendUint64(nil, uint64(m.Time.UnixMilli())))
	return LastRecord{m.Offset, int64(binary.BigEndian.Uint64(sum.Sum(nil)))}
}

// LogCut is what is seen of a partition whose end Kafka has lost, as when a replica became
// its leader that had not all, or its data are an old copy.
type LogCut struct {
	// First and End are the offsets at which the log begins and ends.
	First, End int64
	// Replaced is the last record that was written, if the log has another one at its
	// offset; nil if the log ends before what is to be read next.
	Replaced *LastRecord
}

// Cut takes note that a log was cut. What the ledger has from the log's end on goes, since
// nobody else can know of it, and other records come to lie there. The rest is read again
// from the first offset, since some of it may be other records already: they take the
// place of what the ledger has. It claims the partition, and returns how many records have
// gone. If another process has done it, it does nothing else.
func (s *Store) Cut(ctx context.Context, topic string, topicID [16]byte, partition int, what LogCut) (lost int, err error) {
	of := logPartition{logName{topic, topicID}, partition}
	err = s.nameLogs(ctx, of.logName)
	if err == nil {
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			lost, err = s.cut(ctx, tx, of, what)
			return err
		})
	}
	if err != nil {
		return 0, fmt.Errorf("take back what %s partition %d has lost: %w", topic, partition, s.explain(ctx, err))
	}
	return lost, nil
}

func (s *Store) cut(ctx context.Context, tx pgx.Tx, of logPartition, what LogCut) (lost int, err error) {
	at, err := s.claim(ctx, tx, of)
	if err != nil {
		return 0, err
	}
	if replaced := what.Replaced != nil && at.last != nil && *at.last == *what.Replaced; at.next <= what.End && !replaced {
		return 0, nil // another process has done it
	}
	rows, err := tx.Query(ctx, "DELETE FROM facts WHERE log = $1 AND partition = $2 AND record_offset >= $3 RETURNING order_key::text", at.log, int32(at.partition), what.End)
	if err != nil {
		return 0, err
	}
	cut, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	rejects, err := tx.Exec(ctx, "DELETE FROM rejects WHERE log = $1 AND partition = $2 AND record_offset >= $3", at.log, int32(at.partition), what.End)
	if err != nil {
		return 0, err
	}
	slices.Sort(cut)
	keys := slices.Compact(slices.Clone(cut))
	if err := lockOrders(ctx, tx, keys); err != nil {
		return 0, err
	}
	if err := foldOrders(ctx, tx, keys); err != nil {
		return 0, err
	}
	moved, err := tx.Exec(ctx, `
		UPDATE positions SET next_offset = $3, again_until = $4, cut_at = clock_timestamp(), last_offset = NULL, last_checksum = NULL
		WHERE log = $1 AND partition = $2 AND tableoid = $5`, at.log, int32(at.partition), what.First, min(what.End, max(at.next, at.againUntil)), at.table)
	if err == nil && moved.RowsAffected() == 0 {
		err = errMadeAnew
	}
	return len(cut) + int(rejects.RowsAffected()), err
}

// lastRecord is nil if it is not known.
func lastRecord(offset, checksum *int64) *LastRecord {
	if offset == nil || checksum == nil {
		return nil
	}
	return &LastRecord{*offset, *checksum}
}

// forgetAgain deletes what the ledger has at the places of records that are read again,
// and returns the orders that it was about.
func forgetAgain(ctx context.Context, tx pgx.Tx, again []placed) (map[string]struct{}, error) {
	keys := make(map[string]struct{})
	if len(again) == 0 {
		return keys, nil
	}
	var logs []int16
	var partitions []int32
	var offsets []int64
	for _, each := range again {
		logs, partitions, offsets = append(logs, each.log), append(partitions, int32(each.partition)), append(offsets, each.message.Offset)
	}
	const which = `USING unnest($1::smallint[], $2::integer[], $3::bigint[]) AS again (log, partition, record_offset)
		WHERE (had.log, had.partition, had.record_offset) = (again.log, again.partition, again.record_offset)`
	if _, err := tx.Exec(ctx, "DELETE FROM rejects AS had "+which, logs, partitions, offsets); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, "DELETE FROM facts AS had "+which+" RETURNING order_key::text", logs, partitions, offsets)
	if err != nil {
		return nil, err
	}
	var key string
	_, err = pgx.ForEachRow(rows, []any{&key}, func() error {
		keys[key] = struct{}{}
		return nil
	})
	return keys, err
}
