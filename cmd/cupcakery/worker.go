package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/worker"
)

func newWorkerCommand() *cobra.Command {
	var (
		logs     logSettings
		profiles profileSettings
		temporal temporalSettings
		kafka    kafkaSettings
		listen   string
		// deploymentName and buildID are a version of a Worker Deployment.
		deploymentName, buildID string
	)
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Drive orders: run workflows and activities, carry acks from Kafka into Temporal",
		Long: `Drive orders: run their workflows and activities on Temporal, and carry the
stations' acks from Kafka into Temporal. Any number of workers may run.

SIGTERM lets it finish what is in hand, then it stops. Temporal and Kafka may
be away: it keeps its place and goes on by itself. /readyz says whether an ack
could be carried now, and otherwise what is in the way.

With --deployment-name and --build-id an order stays on the build that it began
on, and Temporal is told which build takes new orders; docs/rollout.md says how.
Temporal's worker controller gives both by its own variables, which come first.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := worker.CheckDeployment(deploymentName, buildID); err != nil {
				return &exitError{exitUsage, fmt.Errorf("--deployment-name %q, --build-id %q: %w", deploymentName, buildID, err)}
			}
			logger, err := logs.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			var readiness worker.Readiness
			health, err := listenForHealth(listen, readiness.Check)
			if err != nil {
				return err
			}
			temporal.metrics = measureTemporal(health.registry)
			temporalClient, namespace, err := temporal.dial(logger)
			if err != nil {
				return errors.Join(err, health.listener.Close())
			}
			defer temporalClient.Close()
			group, ctx := errgroup.WithContext(cmd.Context())
			group.Go(func() error { return health.serve(ctx) })
			group.Go(func() error {
				return worker.Run(ctx, worker.Config{
					Temporal:       temporalClient,
					Encryption:     temporal.codec,
					Namespace:      namespace,
					DeploymentName: deploymentName,
					BuildID:        buildID,
					Kafka:          connection,
					Logger:         logger,
					Metrics:        health.registry,
					Readiness:      &readiness,
				})
			})
			return group.Wait()
		},
	}
	logs.register(cmd)
	profiles.register(cmd)
	traceRun(cmd, "cupcakery-worker", &logs)
	temporal.register(cmd)
	kafka.register(cmd)
	cmd.Flags().StringVar(&listen, "listen", ":8081", "address of /healthz, /readyz and /metrics")
	fromEnvironment(cmd.Flags(), "listen", "CUPCAKERY_WORKER_LISTEN")
	cmd.Flags().StringVar(&deploymentName, "deployment-name", "", "Temporal Worker Deployment that the worker is a version of, with --build-id; empty for a worker without versions")
	fromEnvironment(cmd.Flags(), "deployment-name", "TEMPORAL_DEPLOYMENT_NAME", "CUPCAKERY_DEPLOYMENT_NAME")
	cmd.Flags().StringVar(&buildID, "build-id", "", "the worker's version in its deployment, with --deployment-name")
	fromEnvironment(cmd.Flags(), "build-id", "TEMPORAL_WORKER_BUILD_ID", "CUPCAKERY_BUILD_ID")
	return cmd
}

// healthServer answers probes and metrics for a process that serves nothing
// else.
type healthServer struct {
	registry *prometheus.Registry
	listener net.Listener
	check    func(context.Context) error
}

func listenForHealth(address string, check func(context.Context) error) (*healthServer, error) {
	listener, err := listenForOperators(address, "listen")
	if err != nil {
		return nil, err
	}
	s := &healthServer{registry: prometheus.NewRegistry(), listener: listener, check: check}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s, nil
}

// serveBeside answers until stop is called, also while a process that was told to
// stop finishes what it has in hand.
func (s *healthServer) serveBeside(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.serve(ctx) }) // its work goes on without
	return func() {
		cancel()
		serving.Wait()
	}
}

// serve answers until ctx ends.
func (s *healthServer) serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.check(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	return serveOperators(ctx, s.listener, mux)
}
