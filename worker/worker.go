package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/groupmetrics"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/internal/tracing/temporaltrace"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// Config is what a worker runs with.
type Config struct {
	// Temporal is a client that itself logs when Temporal cannot be reached: the
	// worker logs the single orders that meet an outage only for debugging.
	Temporal client.Client
	// Encryption is the client's codec, nil if it has none.
	Encryption *encryption.Codec
	// Namespace is the Temporal namespace of the orders. Defaults to
	// client.DefaultNamespace.
	Namespace string
	// TaskQueue defaults to workflows.TaskQueue.
	TaskQueue string
	// DeploymentName and BuildID make the worker a version of a Temporal Worker
	// Deployment: an order that starts on a build stays on it to its end. Both
	// or neither; without them any worker may go on with any order.
	DeploymentName string
	BuildID        string
	Kafka          events.Connection
	Logger         *slog.Logger
	// Metrics receives the worker's counters. Defaults to a registry of its
	// own, which nobody reads.
	Metrics prometheus.Registerer
	// Ready is called once orders and acks are being worked on. Optional.
	Ready func()
	// Readiness says, once Run has begun, whether acks can be carried. Optional.
	Readiness *Readiness
}

const (
	// stopWithin bounds the wait for what is in hand when the worker stops.
	stopWithin = 10 * time.Second
	// cachedOrders bounds the memory held for orders under way in one process.
	// An order that falls out of the cache is replayed from its history.
	cachedOrders = 2000
)

// Run works on orders until ctx ends, then finishes what is in hand and
// returns nil. Kafka and Temporal may be away, at the start too: Run waits
// and goes on by itself. An error means that it cannot, by its configuration.
func Run(ctx context.Context, config Config) error {
	if config.Namespace == "" {
		config.Namespace = client.DefaultNamespace
	}
	if config.TaskQueue == "" {
		config.TaskQueue = workflows.TaskQueue
	}
	if config.Metrics == nil {
		config.Metrics = prometheus.NewRegistry()
	}
	if err := CheckDeployment(config.DeploymentName, config.BuildID); err != nil {
		return err
	}
	if config.Readiness == nil {
		config.Readiness = new(Readiness)
	}
	writer, err := events.NewWriter(config.Kafka, events.WithLogger(config.Logger), events.WithOnWritten(config.Readiness.written))
	if err != nil {
		return fmt.Errorf("prepare to write to Kafka: %w", err)
	}
	defer func() { _ = writer.Close() }() // every write has been waited for by then

	metrics := newMetrics(config.Metrics)
	log := newTicketLog(config.Kafka, config.Logger)
	orders := workflows.NewOrders(config.Temporal, config.Encryption)
	carrier := newAckCarrier(config.Temporal, orders, config.Namespace, log, writer, config.Logger, metrics)
	queue := newAckQueue(carrier)
	var rebalanced func() // set before the consumer runs
	consumer, err := events.NewConsumer(events.ConsumerConfig{
		Connection:  config.Kafka,
		Group:       events.GroupAcks,
		Topics:      []string{events.TopicAcks},
		MaxInFlight: maxAcksInFlight,
		Handle:      queue.add,
		StopWait:    5 * time.Second,
		Logger:      config.Logger,
		OnHeldBack:  func(string, int, int64) { metrics.heldBack.Inc() },
		OnRebalance: func(map[string][]int) { rebalanced() },
	})
	if err != nil {
		return fmt.Errorf("prepare to read acks: %w", err)
	}
	rebalanced = groupmetrics.Register(config.Metrics, events.GroupAcks, consumer.Lag)

	config.Readiness.begin(&config, log.isCaughtUp, consumer.IsMember)
	metrics.watchReadiness(config.Metrics, config.Readiness.Check)
	worker.SetStickyWorkflowCacheSize(cachedOrders)
	group, ctx := errgroup.WithContext(ctx)
	watch := consumer.WatchPublishes()
	carrier.watch = watch
	log.begin()
	group.Go(func() error { return log.run(ctx) })
	group.Go(func() error { return log.flags.Run(ctx) })
	group.Go(func() error {
		log.awaitCaughtUp(ctx)
		return runTemporalWorker(ctx, config, func(registry worker.ActivityRegistry) {
			activities.Register(registry, kitchen.Stages(), notingPublisher{watchedPublisher{writer, watch}, carrier.runs, log}, orders, log)
		})
	})
	group.Go(func() error {
		defer carrier.heartbeats.stop()
		return queue.run(ctx, consumer)
	})
	group.Go(func() error {
		select {
		case <-consumer.Ready():
			log.awaitCaughtUp(ctx)
			config.Logger.InfoContext(ctx, "worker is ready", "task_queue", config.TaskQueue, "group", events.GroupAcks)
			if config.Ready != nil {
				config.Ready()
			}
		case <-ctx.Done():
		}
		return nil
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// runTemporalWorker serves the task queue until ctx ends, with the activities that
// register registers. If it cannot start because Temporal cannot be reached, it
// tries again.
func runTemporalWorker(ctx context.Context, config Config, register func(worker.ActivityRegistry)) error {
	for backoff := retry.NewBackoff(time.Second, time.Second); ; {
		err := serveTaskQueue(ctx, config, register)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if temporalRefuses(err) {
			return fmt.Errorf("run the Temporal worker: %w", err)
		}
		if backoff.IsFresh() {
			config.Logger.Log(ctx, levelOf(err), "the Temporal worker cannot start; orders wait until it can", "error", err)
		}
		if !backoff.Wait(ctx) {
			return nil
		}
	}
}

func serveTaskQueue(ctx context.Context, config Config, register func(worker.ActivityRegistry)) error {
	failed := make(chan error, 1)
	w := worker.New(config.Temporal, config.TaskQueue, worker.Options{
		WorkerStopTimeout:                stopWithin,
		DisableRegistrationAliasing:      true,
		MaxConcurrentWorkflowTaskPollers: 8,
		MaxConcurrentActivityTaskPollers: 8,
		DeploymentOptions:                deployment(config),
		Interceptors:                     temporaltrace.Worker(),
		OnFatalError: func(err error) {
			select {
			case failed <- err:
			default:
			}
		},
	})
	w.RegisterWorkflowWithOptions(workflows.OrderWorkflow, workflow.RegisterOptions{Name: workflows.OrderWorkflowType})
	w.RegisterWorkflowWithOptions(workflows.PickupDayWorkflow, workflow.RegisterOptions{Name: workflows.PickupDayWorkflowType})
	// It waits for days, with nothing to take along, so it pins no build.
	w.RegisterWorkflowWithOptions(workflows.StandingOrderWorkflow, workflow.RegisterOptions{
		Name: workflows.StandingOrderWorkflowType, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	register(w)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// temporalRefuses reports whether an error is a refusal, which a retry does not
// change, and not an outage, which passes. A missing namespace counts as an
// outage: a new cluster registers it while we wait.
func temporalRefuses(err error) bool {
	var (
		invalid       *serviceerror.InvalidArgument
		denied        *serviceerror.PermissionDenied
		unimplemented *serviceerror.Unimplemented
	)
	return errors.As(err, &invalid) || errors.As(err, &denied) || errors.As(err, &unimplemented)
}

// levelOf is the level at which an error of Temporal is logged. One that only
// means that Temporal cannot be reached, which the client has logged, is for
// debugging.
func levelOf(err error) slog.Level {
	var (
		unavailable *serviceerror.Unavailable
		late        *serviceerror.DeadlineExceeded
	)
	if errors.As(err, &unavailable) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// CheckDeployment checks a worker's deployment name and build id: that both or
// neither are there, and that Temporal takes them.
func CheckDeployment(name, buildID string) error {
	switch {
	case (name == "") != (buildID == ""):
		return errors.New("a worker's deployment name and build id go together: give both, or neither for a worker without versions")
	case strings.ContainsAny(name, ".:"):
		return fmt.Errorf("deployment name %q: Temporal takes no dot and no colon in it", name)
	}
	return nil
}

// deployment is how Temporal versions the worker. Orders are pinned: each goes
// on with the code that it began with, so a change of OrderWorkflow cannot break
// an order under way. Those that wait for their time, and the days with their slots,
// move to the current build between two runs: see workflows.
func deployment(config Config) worker.DeploymentOptions {
	if config.DeploymentName == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   worker.WorkerDeploymentVersion{DeploymentName: config.DeploymentName, BuildID: config.BuildID},
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}
}
