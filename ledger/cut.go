package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Cut takes note that a partition ends at an offset that lies before what the ledger has
// of it: Kafka has lost its end, as when a replica became its leader that had not all.
// What the ledger has from there on goes, since nobody else can know of it, and other
// records come to lie there. The rest is read again from the first offset, since some of
// it may be other records already. It claims the partition, and returns how many records
// have gone.
func (s *Store) Cut(ctx context.Context, topic string, topicID [16]byte, partition int, first, end int64) (lost int, err error) {
	log, err := s.log(ctx, logName{topic, topicID})
	if err == nil {
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			lost, err = s.cut(ctx, tx, place{log, partition}, first, end)
			return err
		})
	}
	if err != nil {
		s.forgetLogs()
		return 0, fmt.Errorf("take back what %s partition %d has lost: %w", topic, partition, explain(err))
	}
	return lost, nil
}

func (s *Store) cut(ctx context.Context, tx pgx.Tx, at place, first, end int64) (lost int, err error) {
	var next int64
	err = tx.QueryRow(ctx, `
		INSERT INTO positions (log, partition, next_offset, writer) VALUES ($1, $2, -1, $3)
		ON CONFLICT (log, partition) DO UPDATE SET writer = excluded.writer
		RETURNING next_offset`, at.log, int32(at.partition), s.writer).Scan(&next)
	if err != nil || next <= end {
		return 0, err // another process has done it
	}
	rows, err := tx.Query(ctx, "DELETE FROM facts WHERE log = $1 AND partition = $2 AND record_offset >= $3 RETURNING order_key::text", at.log, int32(at.partition), end)
	if err != nil {
		return 0, err
	}
	cut, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	rejects, err := tx.Exec(ctx, "DELETE FROM rejects WHERE log = $1 AND partition = $2 AND record_offset >= $3", at.log, int32(at.partition), end)
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
	_, err = tx.Exec(ctx, "UPDATE positions SET next_offset = $3, again_until = $4 WHERE log = $1 AND partition = $2", at.log, int32(at.partition), first, end)
	return len(cut) + int(rejects.RowsAffected()), err
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
