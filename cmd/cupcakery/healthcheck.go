package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

func newHealthcheckCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "healthcheck URL",
		Short: "Ask a process how it is, for container images without curl",
		Long: `Ask a process how it is: succeed if URL answers with a status from 200 to 299
in time. It serves as the health check of container images that have no shell
and no curl.

Exit codes: 0 healthy, 1 it answers but is not healthy, 5 it does not answer.`,
		Example: "  cupcakery healthcheck http://127.0.0.1:8080/healthz",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := url.Parse(args[0])
			if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
				return &exitError{exitUsage, fmt.Errorf("%q is not a URL to ask: give one like http://127.0.0.1:8080/healthz", args[0])}
			}
			if timeout <= 0 {
				return &exitError{exitUsage, fmt.Errorf("--timeout %s: must be above zero, such as 3s", timeout)}
			}
			return checkHealth(cmd.Context(), target.String(), timeout)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return cmd
}

func checkHealth(ctx context.Context, target string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("ask %q: %w", target, err)
	}
	// A transport of its own: a health check must not be sent to a proxy, and
	// leaves no connection behind.
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport,
		// A redirect is an answer, and not a healthy one.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return &exitError{exitUnavailable, fmt.Errorf("ask %q: %w", target, err)}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		says, _ := io.ReadAll(io.LimitReader(response.Body, 300)) // what it says only helps
		return fmt.Errorf("%q is not healthy: status %d, %q", target, response.StatusCode, says)
	}
	return nil
}
