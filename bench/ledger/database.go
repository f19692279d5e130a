package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cupcakery/cupcakery/ledger"
)

// copyAll copies all that a ledger has into tables of the same kind, and returns how
// long that took.
func (b *bench) copyAll(ctx context.Context, from string) (taken time.Duration, err error) {
	tables, err := dump(ctx, from)
	if err != nil {
		return 0, err
	}
	url, err := b.newDatabase(ctx)
	if err != nil {
		return 0, err
	}
	store, err := ledger.Open(ctx, ledger.Config{Database: url})
	if err != nil {
		return 0, err
	}
	err = store.Migrate(ctx)
	store.Close()
	if err != nil {
		return 0, err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	began := time.Now()
	for _, table := range tables {
		if _, err := conn.PgConn().CopyFrom(ctx, &table.rows, "COPY "+table.name+" FROM STDIN (FORMAT binary)"); err != nil {
			return 0, fmt.Errorf("copy into %s: %w", table.name, err)
		}
	}
	return time.Since(began), nil
}

// table is all rows of one, as COPY writes them.
type table struct {
	name string
	rows bytes.Buffer
}

// dump reads all tables that a process writes, those first to which others refer.
func dump(ctx context.Context, url string) ([]*table, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `SELECT tablename::text FROM pg_tables WHERE schemaname = $1 AND tablename NOT IN ('bakery', 'schema_versions')
		ORDER BY tablename <> 'logs', tablename`, ledger.Schema)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var tables []*table
	for _, name := range names {
		t := &table{name: pgx.Identifier{ledger.Schema, name}.Sanitize()}
		if _, err := conn.PgConn().CopyTo(ctx, &t.rows, "COPY "+t.name+" TO STDOUT (FORMAT binary)"); err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// tableSize is how many bytes a table and its indexes have on the disk.
type tableSize struct {
	name           string
	table, indexes int64
}

func sizesOf(ctx context.Context, url string) ([]tableSize, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `SELECT relname::text, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
		WHERE relnamespace = $1::text::regnamespace AND relkind = 'r' ORDER BY pg_total_relation_size(oid) DESC`, ledger.Schema)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (size tableSize, err error) {
		err = row.Scan(&size.name, &size.table, &size.indexes)
		return size, err
	})
}
