package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/internal/production"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// robotsAtOnce is how many tickets each station works on at once: more than
// are ever in flight, so that stations are never what is measured.
const robotsAtOnce = 2000

// factory is the real thing under load.
type factory struct {
	*side
	env      []string
	temporal client.Client
	kafka    *kafka.Client
	api      string

	stack, worker, apiServer *process.Process
	production               *production.Stack // instead of stack
	robots                   []*process.Process
	bare                     worker.Worker
	pprof                    map[string]string // addresses of their profiles, by the process's name
	// shipped counts the orders so far.
	shipped int
}

// startFactory starts everything. What has been started is stopped again if
// something fails.
func startFactory(ctx context.Context, s *side, workTime time.Duration) (*factory, error) {
	f, err := startWithoutRobots(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := f.employRobots(ctx, workTime); err != nil {
		f.stop()
		return nil, err
	}
	return f, nil
}

// startWithoutRobots starts a factory whose stations nobody has. Further
// arguments are the API's.
func startWithoutRobots(ctx context.Context, s *side, apiArgs ...string) (_ *factory, err error) {
	f := &factory{side: s, pprof: make(map[string]string)}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	f.env = []string{"CUPCAKERY_LOG_LEVEL=warn", "CUPCAKERY_SECRET=a secret of the benchmark, 32 bytes", "CUPCAKERY_API_METRICS_LISTEN=127.0.0.1:0"}
	address, err := f.startStack(ctx)
	if err != nil {
		return nil, err
	}
	f.temporal, err = client.Dial(client.Options{HostPort: address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return nil, err
	}
	if f.bare, err = startBareWorker(f.temporal); err != nil {
		return nil, err
	}

	apiAddress, err := freeAddress()
	if err != nil {
		return nil, err
	}
	workerAddress, err := freeAddress()
	if err != nil {
		return nil, err
	}
	f.api = "http://" + apiAddress
	if f.worker, err = f.start("the worker", "worker", "--listen", workerAddress); err != nil {
		return nil, err
	}
	if f.apiServer, err = f.start("the API", append([]string{"api", "--listen", apiAddress, "--orders-per-address", "0"}, apiArgs...)...); err != nil {
		return nil, err
	}
	if err := waitFor(ctx, answers(f.api+"/readyz"), f.apiServer); err != nil {
		return nil, err
	}
	return f, waitFor(ctx, answers("http://"+workerAddress+"/readyz"), f.worker)
}

// startStack starts Temporal and Kafka, and returns where Temporal is.
func (f *factory) startStack(ctx context.Context) (temporal string, err error) {
	if f.onProduction {
		if f.production, err = production.Start(ctx, production.Config{Say: func(text string) { say("%s", text) }}); err != nil {
			return "", err
		}
		if f.kafka, err = f.production.AdminClient(); err != nil {
			return "", err
		}
		_, err = events.ApplyTopics(ctx, f.production.Connection(events.ProcessTopics), events.TopicSettings{})
		return f.production.Temporal.Addr(), err
	}
	directory, err := os.MkdirTemp(f.directory, "factory-") // an earlier factory's data is not this one's
	if err != nil {
		return "", err
	}
	readyFile := filepath.Join(directory, "ready.json")
	f.stack, err = f.start("the embedded stack", "dev", "--services", "temporal,kafka", "--ephemeral", "--ready-file", readyFile,
		"--temporal-port", "0", "--temporal-ui-port", "0", "--kafka-port", "0")
	if err != nil {
		return "", err
	}
	var ready struct{ Temporal, Kafka string }
	if err := waitFor(ctx, func() error {
		data, err := os.ReadFile(readyFile)
		if err != nil {
			return err
		}
		return json.Unmarshal(data, &ready)
	}, f.stack); err != nil {
		return "", err
	}
	f.env = append(f.env, "KAFKA_BROKERS="+ready.Kafka, "TEMPORAL_ADDRESS="+ready.Temporal)
	f.kafka = &kafka.Client{Addr: kafka.TCP(ready.Kafka)}
	return ready.Temporal, nil
}

// employRobots replaces the robots by ones with another work time, and waits
// until an order has gone through their hands.
func (f *factory) employRobots(ctx context.Context, workTime time.Duration) error {
	if err := f.dismissRobots(); err != nil {
		return err
	}
	for _, stage := range kitchen.Stages() {
		if err := f.employRobot(stage, workTime); err != nil {
			return err
		}
	}
	_, err := runLoad(ctx, 1, 1, f.startOrder)
	return err
}

func (f *factory) employRobot(stage kitchen.Stage, workTime time.Duration) error {
	robot, err := f.start("the robot at "+string(stage), "station", string(stage), "--auto", "--name", "robot-"+string(stage),
		"--work-time", workTime.String(), "--fail-rate", "0", "--parallel", strconv.Itoa(robotsAtOnce))
	if err == nil {
		f.robots = append(f.robots, robot)
	}
	return err
}

func (f *factory) dismissRobots() error {
	for _, robot := range f.robots {
		if err := robot.Stop(30 * time.Second); err != nil {
			return err
		}
	}
	f.robots = nil
	return nil
}

func (f *factory) start(name string, args ...string) (*process.Process, error) {
	env := slices.Clone(f.env)
	if f.production != nil {
		user := args[0]
		if user == "station" {
			user = events.StationProcess(kitchen.Stage(args[1]))
		}
		env = append(env, f.production.Env(user)...)
	}
	if f.profiles != "" {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		env = append(env, "CUPCAKERY_PPROF_LISTEN="+address)
		f.pprof[name] = address
	}
	return process.Start(process.Options{Name: name, Binary: f.binary, Args: args, Env: env})
}

// processes are all that run, those that use others first.
func (f *factory) processes() []*process.Process {
	all := append([]*process.Process(nil), f.robots...)
	for _, p := range []*process.Process{f.apiServer, f.worker, f.stack} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

func (f *factory) stop() {
	if f.bare != nil {
		f.bare.Stop()
	}
	if f.temporal != nil {
		f.temporal.Close()
	}
	for _, p := range f.processes() {
		if err := p.Stop(30 * time.Second); err != nil {
			slog.Warn("a process did not stop as it should", "error", err)
		}
	}
	if f.production != nil {
		f.production.Stop()
	}
}

// lookForDead explains a failure by a process that has ended.
func (f *factory) lookForDead() error {
	var dead []error
	for _, p := range f.processes() {
		select {
		case <-p.Exited():
			dead = append(dead, fmt.Errorf("a process has ended; it printed:\n%s", p.Output()))
		default:
		}
	}
	return errors.Join(dead...)
}

func (f *factory) connection() events.Connection {
	if f.production != nil {
		return f.production.Admin()
	}
	return events.Connection{Brokers: []string{f.kafka.Addr.String()}}
}

func order() kitchen.Order {
	return kitchen.Order{
		Customer: kitchen.Customer{Name: "Ada"},
		Lines:    []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th"}},
	}
}

// startOrder starts an order as the API does, without HTTP, so that it
// compares with the bare workflow.
func (f *factory) startOrder(ctx context.Context) (client.WorkflowRun, error) {
	run, _, err := f.startKnownOrder(ctx)
	return run, err
}

func (f *factory) startKnownOrder(ctx context.Context) (client.WorkflowRun, string, error) {
	orderID, err := kitchen.NewOrderID()
	if err != nil {
		return nil, "", err
	}
	in := workflows.OrderInput{Order: order(), Rules: kitchen.Default().OrderRules(), PlacedAt: time.Now().UTC()}
	run, err := f.temporal.ExecuteWorkflow(ctx, workflows.StartOptions(orderID, in, "benchmark"), workflows.OrderWorkflowType, in)
	return run, orderID, err
}

// postOrder places an order over REST.
func (f *factory) postOrder(ctx context.Context) (client.WorkflowRun, error) {
	body, err := json.Marshal(order())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.api+"/api/v1/orders", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var placed kitchen.Status
	if err := json.NewDecoder(response.Body).Decode(&placed); err != nil || response.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("place an order: %s: %w", response.Status, err)
	}
	return f.temporal.GetWorkflow(ctx, kitchen.WorkflowID(placed.ID), ""), nil
}

// topics are those of the factory's topics that this factory has: an older
// binary's may lack some.
func (f *factory) topics(ctx context.Context) ([]kafka.Topic, error) {
	metadata, err := f.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: events.Topics()})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(metadata.Topics, func(topic kafka.Topic) bool { return topic.Error != nil }), nil
}

// messages counts the messages on all topics.
func (f *factory) messages(ctx context.Context) (int64, error) {
	topics, err := f.topics(ctx)
	if err != nil {
		return 0, err
	}
	request := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
	for _, topic := range topics {
		for _, partition := range topic.Partitions {
			request.Topics[topic.Name] = append(request.Topics[topic.Name], kafka.LastOffsetOf(partition.ID))
		}
	}
	response, err := f.kafka.ListOffsets(ctx, request)
	if err != nil {
		return 0, err
	}
	var count int64
	for _, partitions := range response.Topics {
		for _, partition := range partitions {
			if partition.Error != nil {
				return 0, partition.Error
			}
			count += partition.LastOffset
		}
	}
	return count, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func answers(url string) func() error {
	return func() error {
		response, err := http.Get(url)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode >= 300 {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}

// waitFor tries until check passes; it gives up when the process has ended.
func waitFor(ctx context.Context, check func() error, p *process.Process) error {
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-p.Exited():
			return fmt.Errorf("%w; a process has ended; it printed:\n%s", err, p.Output())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
