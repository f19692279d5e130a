package main

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/kitchen"
)

// load is how a number of workflows went.
type load struct {
	perSecond float64
	latencies []time.Duration // sorted
}

// starter starts one workflow.
type starter func(context.Context) (client.WorkflowRun, error)

// runLoad runs n workflows, inFlight of them at once, and waits for each to
// close.
func runLoad(ctx context.Context, n, inFlight int, start starter) (load, error) {
	var (
		group, groupCtx = errgroup.WithContext(ctx)
		next            atomic.Int64
		latencies       = make([]time.Duration, n)
		began           = time.Now()
	)
	for range min(n, inFlight) {
		group.Go(func() error {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				placed := time.Now()
				run, err := start(groupCtx)
				if err != nil {
					return err
				}
				if err := run.Get(groupCtx, nil); err != nil {
					return err
				}
				latencies[i] = time.Since(placed)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return load{}, err
	}
	elapsed := time.Since(began)
	slices.Sort(latencies)
	return load{perSecond: float64(n) / elapsed.Seconds(), latencies: latencies}, nil
}

// quantile of sorted values; q from 0 to 1. Of none it is zero.
func quantile[T any](sorted []T, q float64) T {
	if len(sorted) == 0 {
		var none T
		return none
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return quantile(sorted, 0.5)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func decodeStatus(r io.Reader) (kitchen.Status, error) {
	var status kitchen.Status
	err := json.NewDecoder(r).Decode(&status)
	return status, err
}
