package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// listenForOperators takes the address on which a process answers probes and
// gives its metrics to those who operate it. flag is the one that names it.
func listenForOperators(address, flag string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for probes and metrics: %w; choose another address with --%s", err, flag)
	}
	return listener, nil
}

// serveOperators answers probes and scrapes until ctx ends.
func serveOperators(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() }) // probes need no goodbye
	defer stopped()
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve probes and metrics: %w", err)
	}
	return nil
}
