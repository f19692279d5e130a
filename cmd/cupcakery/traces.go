package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/internal/tracing/export"
	"github.com/cupcakery/cupcakery/internal/tracing/viewer"
)

// traceRun has a command send traces where the standard OTEL_* variables say, under
// the name that the process has there.
func traceRun(cmd *cobra.Command, service string, logs *logSettings) {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		logger, err := logs.logger(cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		stop, err := export.SetUp(cmd.Context(), export.Config{Service: service, Version: version, LookUp: os.LookupEnv, Logger: logger})
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("traces: %w", err)}
		}
		defer stop()
		return run(cmd, args)
	}
}

// traceViewer shows the traces of "cupcakery dev --traces".
type traceViewer struct {
	viewer *viewer.Viewer // nil if they are not shown
	stop   func()
}

// begin has the factory's spans made, before anything makes one: for the viewer if
// there is to be one, otherwise for whom the variables name.
func (t *traceViewer) begin(ctx context.Context, d *dev) error {
	config := export.Config{Service: "cupcakery-dev", Version: version, LookUp: os.LookupEnv, Logger: d.logger}
	if d.settings.traces {
		config.Viewer = "http://" + d.metricsAddr
		t.viewer = &viewer.Viewer{}
	}
	stop, err := export.SetUp(ctx, config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	t.stop = stop
	return nil
}

// beside serves the viewer beside what else operators are served.
func (t *traceViewer) beside(rest http.Handler) http.Handler {
	if t.viewer == nil {
		return rest
	}
	mux := http.NewServeMux()
	t.viewer.Register(mux)
	mux.Handle("/", rest)
	return mux
}

// end sends the last spans.
func (t *traceViewer) end() {
	if t.stop != nil {
		t.stop()
	}
}
