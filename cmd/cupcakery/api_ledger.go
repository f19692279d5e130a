package main

import (
	"context"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/ledger"
)

// withHistory lets the API answer from the ledger's database, if there is one, and
// returns what ends that. The database may be away: orders are taken without it.
func withHistory(ctx context.Context, config *api.Config, database string) (end func(), err error) {
	if database == "" {
		return func() {}, nil
	}
	reports, err := ledger.OpenReports(ctx, database)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	config.History = reports
	return reports.Close, nil
}
