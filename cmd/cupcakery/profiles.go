package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/spf13/cobra"
)

// profileSettings are the flags of every process whose time and memory may be
// looked into.
type profileSettings struct{ listen string }

func (s *profileSettings) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.listen, "pprof-listen", "", "address of Go's profiles, for go tool pprof http://ADDRESS/debug/pprof/profile; they show what the process has in memory, so nobody else should reach them")
	fromEnvironment(cmd.Flags(), "pprof-listen", "CUPCAKERY_PPROF_LISTEN")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if s.listen == "" {
			return run(cmd, args)
		}
		listener, err := net.Listen("tcp", s.listen)
		if err != nil {
			return fmt.Errorf("listen for profiles: %w; choose another address with --pprof-listen", err)
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		go func() { _ = serveOperators(cmd.Context(), listener, mux) }()
		return run(cmd, args)
	}
}
