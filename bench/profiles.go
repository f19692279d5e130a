package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// profile writes profiles of the factory's own processes at some moment, each to a
// file of its own: the time they spend from now on, if they are given any, and then
// what they have allocated so far and what of that they hold. Temporal's server is another's program, which gives none; perf
// record sees it.
func (f *factory) profile(ctx context.Context, moment string, length time.Duration) error {
	if f.profiles == "" {
		return nil
	}
	var profiles errgroup.Group
	for process, address := range f.pprof {
		profiles.Go(func() error {
			for _, kind := range []struct{ name, path string }{
				{"cpu", fmt.Sprintf("profile?seconds=%d", int(length.Seconds()))},
				{"alloc", "allocs"},
				{"heap", "heap"},
			} {
				if kind.name == "cpu" && length == 0 {
					continue
				}
				name := filepath.Base(f.binary) + "-" + strings.ReplaceAll(process, " ", "-") + "-" + moment + "-" + kind.name + ".pprof"
				err := download(ctx, "http://"+address+"/debug/pprof/"+kind.path, filepath.Join(f.profiles, name))
				if errors.Is(err, syscall.ECONNREFUSED) {
					say("%s gives no profiles", f.binary)
					return nil
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return profiles.Wait()
}

func download(ctx context.Context, url, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644) //nolint:gosec // a profile of a benchmark is nobody's secret
}
