package e2e

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/internal/production"
	"github.com/cupcakery/cupcakery/kitchen"
)

// patience bounds every wait. It is never slept: each wait ends with its
// condition.
const patience = 3 * time.Minute

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		directory, err := os.MkdirTemp("", "cupcakery-e2e-")
		if err == nil {
			defer func() { _ = os.RemoveAll(directory) }()
			binary, err = process.Build(context.Background(), "..", directory)
		}
		if err != nil {
			slog.Error("the tests cannot start", "error", err)
			return 1
		}
		return m.Run()
	}())
}

// server is a Kafka or a Temporal that can be killed and come back with its data.
type server interface {
	address() string
	kill()
	restart()
}

// apacheKafka is the real one.
type apacheKafka struct {
	t *testing.T
	*devstack.ApacheKafka
}

func newApacheKafka(t *testing.T) server {
	kafka, err := devstack.StartApacheKafka(t.Context(), devstack.ApacheKafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	return &apacheKafka{t, kafka}
}

func (k *apacheKafka) address() string { return k.Addr() }
func (k *apacheKafka) kill()           { k.Kill() }
func (k *apacheKafka) restart()        { require.NoError(k.t, k.Restart(k.t.Context())) }

// service is a part of the embedded stack in a process of its own, always on
// the same ports and data.
type service struct {
	t       *testing.T
	f       *factory
	name    string
	args    []string
	ready   addresses
	running *process.Process
}

// addresses is the ready file of cupcakery dev.
type addresses struct{ API, Temporal, TemporalUI, Kafka, Namespace, Ledger string }

func newService(t *testing.T, f *factory, name string, portFlags ...string) *service {
	s := &service{t: t, f: f, name: name}
	t.Cleanup(func() { s.running.Kill() })
	var err error
	for range 3 { // another program may be quicker to take a port
		s.args = []string{"dev", "--services", name, "--data-dir", filepath.Join(t.TempDir(), name)}
		for _, flag := range portFlags {
			s.args = append(s.args, flag, strconv.Itoa(freePort(t)))
		}
		if err = s.start(); err == nil || !strings.Contains(s.running.Output(), "in use") {
			break
		}
	}
	require.NoError(t, err)
	return s
}

func (s *service) address() string { return cmp.Or(s.ready.Kafka, s.ready.Temporal) }
func (s *service) dataDir() string { return s.args[slices.Index(s.args, "--data-dir")+1] }
func (s *service) kill()           { s.running.Kill() }

func (s *service) restart() {
	s.t.Helper()
	require.NoError(s.t, s.start())
}

// start starts the service and waits until it is ready.
func (s *service) start() error {
	s.t.Helper()
	readyFile := filepath.Join(s.t.TempDir(), "ready.json")
	s.running = s.f.start(s.name, append(s.args, "--ready-file", readyFile)...)
	return s.f.await(func() error {
		data, err := os.ReadFile(readyFile)
		if err != nil {
			return err
		}
		return json.Unmarshal(data, &s.ready)
	}, s.running)
}

// factory is the whole of it, each part in a process.
type factory struct {
	t        *testing.T
	kafka    server
	temporal server
	// production is what both are parts of, if they are; else nil.
	production *production.Stack
	worker     *process.Process
	api        *process.Process
	apiURL     string
	env        []string
	// binary is what everything runs, if not the ordinary binary.
	binary string
	// workerBinary is what the worker runs, if not the ordinary binary.
	workerBinary string
	// ticketsAgainAfter is every stage's ackWithin.
	ticketsAgainAfter time.Duration
	// dynamicConfig is added to Temporal's.
	dynamicConfig map[string]string
	// kitchenLines are further lines of the kitchen file.
	kitchenLines []string
}

// newFactory starts a factory on the given Kafka: worker and API, but nobody
// at the stations.
func newFactory(t *testing.T, newBroker func(*testing.T, *factory) server, ticketsAgainAfter time.Duration) *factory {
	t.Helper()
	f := newStack(t, newBroker, ticketsAgainAfter)
	f.startAPI()
	f.startWorker()
	return f
}

// newStack starts what a factory stands on: Kafka, with its topics, and
// Temporal.
func newStack(t *testing.T, newBroker func(*testing.T, *factory) server, ticketsAgainAfter time.Duration) *factory {
	t.Helper()
	f := &factory{t: t, ticketsAgainAfter: ticketsAgainAfter}
	f.kafka = newBroker(t, f)
	if f.temporal == nil {
		f.temporal = newService(t, f, "temporal", "--temporal-port", "--temporal-ui-port")
	}
	f.prepare()
	return f
}

// prepare makes the topics and what every process has to know, once Kafka and
// Temporal are there.
func (f *factory) prepare() {
	t := f.t
	t.Helper()
	kitchenFile := filepath.Join(t.TempDir(), "kitchen.yaml")
	within := f.ticketsAgainAfter.String()
	text := fmt.Sprintf("ackWithin: {mix: %s, bake: %s, decorate: %s, package: %s}\n%s\n", within, within, within, within, strings.Join(f.kitchenLines, "\n"))
	require.NoError(t, os.WriteFile(kitchenFile, []byte(text), 0o600))
	f.apiURL = fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	f.env = []string{
		"KAFKA_BROKERS=" + f.kafka.address(),
		"TEMPORAL_ADDRESS=" + f.temporal.address(),
		"CUPCAKERY_KITCHEN=" + kitchenFile,
		"CUPCAKERY_SECRET=a secret for the end-to-end tests",
		"CUPCAKERY_API=" + f.apiURL,
		"CUPCAKERY_API_METRICS_LISTEN=127.0.0.1:0",
	}
	f.run("topics", "apply", "--partitions", "2")
}

func (f *factory) startAPI() {
	f.t.Helper()
	f.api = f.start("api", "api", "--listen", f.apiURL[len("http://"):], "--orders-per-address", "0")
	f.eventually(f.answers(f.apiURL+"/readyz"), f.api)
}

func (f *factory) startWorker() {
	f.t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(f.t))
	f.worker = f.startBinary(cmp.Or(f.workerBinary, f.binary, binary), "worker", "worker", "--listen", address)
	f.eventually(f.answers("http://"+address+"/readyz"), f.worker)
}

// start starts the binary and kills it when the test ends.
func (f *factory) start(name string, args ...string) *process.Process {
	f.t.Helper()
	return f.startBinary(cmp.Or(f.binary, binary), name, args...)
}

func (f *factory) startBinary(binary, name string, args ...string) *process.Process {
	f.t.Helper()
	p, err := process.Start(process.Options{Name: name, Binary: binary, Args: args, Env: append(slices.Clone(f.env), f.credentials(args)...)})
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		p.Kill()
		if f.t.Failed() {
			f.t.Logf("%s printed:\n%s", name, p.Output())
		}
	})
	return p
}

// run runs the binary to its end and returns what it printed.
func (f *factory) run(args ...string) string {
	f.t.Helper()
	p := f.start(args[0], args...)
	select {
	case <-p.Exited():
	case <-time.After(patience):
		require.FailNow(f.t, "cupcakery "+args[0]+" did not end", p.Output())
	}
	require.Zero(f.t, p.ExitCode(), p.Output())
	return p.Output()
}

// person puts somebody at a station, who takes commands line by line.
func (f *factory) person(stage kitchen.Stage, name string) *process.Process {
	f.t.Helper()
	return f.start(string(stage)+" station", "station", string(stage), "--plain", "--name", name)
}

func (f *factory) robot(stage kitchen.Stage, args ...string) *process.Process {
	f.t.Helper()
	return f.start(string(stage)+" robot", append([]string{"station", string(stage), "--auto", "--name", "robot-" + string(stage)}, args...)...)
}

func (f *factory) answers(url string) func() error {
	return func() error {
		response, err := http.Get(url)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }() // nothing is read
		if response.StatusCode >= 300 {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}

// eventually polls a condition that cannot be waited for; it fails at
// once when a process that it depends on has ended.
func (f *factory) eventually(check func() error, dependsOn ...*process.Process) {
	f.t.Helper()
	require.NoError(f.t, f.await(check, dependsOn...))
}

// await is eventually for a test that can go on without.
func (f *factory) await(check func() error, dependsOn ...*process.Process) error {
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return nil
		}
		for _, p := range dependsOn {
			select {
			case <-p.Exited():
				return fmt.Errorf("a process has ended: %w\n%s", err, p.Output())
			default:
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited in vain: %w", err)
		}
		wait(50 * time.Millisecond)
	}
}

// wait is the pause between two questions.
func wait(d time.Duration) { <-time.After(d) }

func (f *factory) place(order kitchen.Order) kitchen.Status {
	f.t.Helper()
	body, err := json.Marshal(order)
	require.NoError(f.t, err)
	response, err := http.Post(f.apiURL+"/api/v1/orders", "application/json", bytes.NewReader(body))
	require.NoError(f.t, err)
	defer func() { _ = response.Body.Close() }() // read to its end
	require.Equal(f.t, http.StatusCreated, response.StatusCode)
	var status kitchen.Status
	require.NoError(f.t, json.NewDecoder(response.Body).Decode(&status))
	return status
}

// placePatiently has a customer ask again with the same key while Temporal is too busy to
// say that it has the order.
func (f *factory) placePatiently(order kitchen.Order) kitchen.Status {
	f.t.Helper()
	body, err := json.Marshal(order)
	require.NoError(f.t, err)
	key := rand.Text()
	var status kitchen.Status
	f.eventually(func() error {
		request, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.apiURL+"/api/v1/orders", bytes.NewReader(body))
		require.NoError(f.t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", key)
		response, err := http.DefaultClient.Do(request)
		require.NoError(f.t, err)
		defer func() { _ = response.Body.Close() }() // read to its end
		if response.StatusCode == http.StatusServiceUnavailable {
			return fmt.Errorf("POST order: %s", response.Status)
		}
		require.Equal(f.t, http.StatusCreated, response.StatusCode)
		return json.NewDecoder(response.Body).Decode(&status)
	}, f.api)
	return status
}

func (f *factory) get(orderID string) (kitchen.Status, error) {
	response, err := http.Get(f.apiURL + "/api/v1/orders/" + orderID)
	if err != nil {
		return kitchen.Status{}, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	if response.StatusCode != http.StatusOK {
		return kitchen.Status{}, fmt.Errorf("GET order: %s", response.Status)
	}
	var status kitchen.Status
	err = json.NewDecoder(response.Body).Decode(&status)
	return status, err
}

// until waits until the order's status passes the check.
func (f *factory) until(orderID, what string, check func(kitchen.Status) bool) kitchen.Status {
	f.t.Helper()
	var last kitchen.Status
	f.eventually(func() error {
		status, err := f.get(orderID)
		if err != nil {
			return err
		}
		last = status
		if !check(status) {
			return fmt.Errorf("the order is not %s yet: %+v", what, status)
		}
		return nil
	}, f.api)
	return last
}

func waitsFor(stage kitchen.Stage) func(kitchen.Status) bool {
	return func(s kitchen.Status) bool { return s.WaitingFor == stage }
}

func shipped(s kitchen.Status) bool { return s.State == kitchen.StateShipped }

// dialTemporal returns a client that is closed when the test ends.
func (f *factory) dialTemporal() client.Client {
	f.t.Helper()
	temporalClient, err := client.Dial(client.Options{HostPort: f.temporal.address(), Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(f.t, err)
	f.t.Cleanup(temporalClient.Close)
	return temporalClient
}

// requireEachStageOnce checks in Temporal's own record that each stage of the
// order was credited exactly once.
func (f *factory) requireEachStageOnce(orderID string) {
	f.t.Helper()
	temporalClient := f.dialTemporal()
	completed := 0
	history := temporalClient.GetWorkflowHistory(f.t.Context(), kitchen.WorkflowID(orderID), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(f.t, err)
		if event.GetActivityTaskCompletedEventAttributes() != nil {
			completed++
		}
	}
	require.Equal(f.t, len(kitchen.Stages()), completed)
}

// announcements waits for the first message on a topic and returns all that
// are there.
func (f *factory) announcements(topic string) []events.Message {
	f.t.Helper()
	messages := f.records(topic, 1)
	require.NotEmpty(f.t, messages, "nothing on %s", topic)
	return messages
}

// records reads so many messages of a topic.
func (f *factory) records(topic string, count int) []events.Message {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	var messages []events.Message
	require.NoError(f.t, events.Tail(ctx, events.TailConfig{
		Connection: f.connection(),
		Topics:     []string{topic},
		Logger:     slog.New(slog.DiscardHandler),
		Handle: func(m events.Message) {
			if messages = append(messages, m); len(messages) == count {
				cancel()
			}
		},
	}))
	require.GreaterOrEqual(f.t, len(messages), count)
	return messages
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := devstack.FreePort()
	require.NoError(t, err)
	return port
}
