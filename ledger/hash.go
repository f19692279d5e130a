package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// hashedTables are what a ledger says: two that have read the same agree in them.
var hashedTables = append([]string{"facts", "rejects", "erasures", "personal"}, derivedTables...)

// TableHash is what a table comes to: how many rows it has, and a number that is another
// one, almost surely, if any of them differs.
type TableHash struct {
	Table string
	Rows  int64
	Sum   string
}

// Hashes are the hashes of all tables that say something, in a fixed order. The order of
// the rows does not matter.
func (s *Store) Hashes(ctx context.Context) ([]TableHash, error) {
	var hashes []TableHash
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		hashes, err = hashesOf(ctx, tx, s.config.schema)
		return err
	})
	return hashes, explain(err)
}

func hashesOf(ctx context.Context, tx pgx.Tx, schema string) ([]TableHash, error) {
	hashes := make([]TableHash, 0, len(hashedTables))
	for _, table := range hashedTables {
		hash := TableHash{Table: table}
		name := pgx.Identifier{schema, table}.Sanitize()
		// The numbers of logs are given by who comes first.
		row := "t::text"
		from := name + " AS t"
		if table == "facts" || table == "rejects" {
			row = "(l.topic, l.topic_id, to_jsonb(t) - 'log')::text"
			from += " JOIN " + pgx.Identifier{schema, "logs"}.Sanitize() + " AS l USING (log)"
		}
		err := tx.QueryRow(ctx, "SELECT count(*), coalesce(sum(hashtextextended("+row+", 0)::numeric), 0)::text FROM "+from).Scan(&hash.Rows, &hash.Sum)
		if err != nil {
			return nil, fmt.Errorf("hash %s: %w", table, err)
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}
