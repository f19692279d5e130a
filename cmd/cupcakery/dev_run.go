package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/tracing/temporaltrace"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/ledger"
	"github.com/cupcakery/cupcakery/namespace"
	"github.com/cupcakery/cupcakery/web"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/worker"
)

const (
	// devPartitions is how many stations of a stage can share its work here.
	devPartitions = 8
	// devStopWithin bounds the wait for each part when it is told to stop.
	// None takes longer than what it waits for itself.
	devStopWithin = 20 * time.Second
	// devFailWithin bounds the same wait when a part has failed: the others may
	// wait for it in vain.
	devFailWithin = 2 * time.Second
)

// dev is the factory on this machine: what it needs first, then what runs.
type dev struct {
	settings devSettings
	stdout   io.Writer
	logger   *slog.Logger
	// registry has the metrics of all that runs here.
	registry *prometheus.Registry

	kitchen       *kitchen.Kitchen
	dataDir       *devstack.DataDir // nil when nothing is kept
	secret        []byte
	temporalCLI   string
	listener      net.Listener // the API's
	forOperators  net.Listener // the API's too, for its metrics
	externalKafka events.Connection

	stack        *devstack.Stack
	kafka        events.Connection
	temporal     client.Client
	codec        *encryption.Codec
	namespace    string
	temporalAddr string
	uiAddr       string
	apiAddr      string
	lanAddr      string // the API's too, for other machines; empty unless it is open to them
	ledgerURL    string // of the ledger's database; empty without a ledger
	metricsAddr  string
	demoStaff    []wire.DemoPerson // the API's
	crew         *demoCrew         // the demo's robots; nil without a demo
	brokerClock  brokerClock       // the embedded Kafka's
	reports      *ledger.Reports   // nil without a ledger
	traces       traceViewer

	parts  []*devPart // in the order in which they were started
	failed chan error // the first part that ended by itself
}

// devPart is something that runs until it is told to stop.
type devPart struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set when done is closed
}

// runDev starts everything, waits until ctx ends or a part fails, and stops
// everything.
func runDev(ctx context.Context, settings devSettings, stdout, stderr io.Writer) (err error) {
	begin := time.Now()
	logger, err := settings.logs.logger(stderr)
	if err != nil {
		return err
	}
	d := &dev{settings: settings, stdout: stdout, logger: logger, registry: prometheus.NewRegistry(), failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = d.stop(devFailWithin) // later errors would only hide the cause
			return
		}
		err = d.stop(devStopWithin)
	}()
	if err := d.prepare(ctx); err != nil {
		return err
	}
	if err := d.traces.begin(ctx, d); err != nil {
		return err
	}
	if err := d.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before all was up
		}
		return err
	}
	if err := d.writeReadyFile(); err != nil {
		return err
	}
	if err := d.describe(time.Since(begin)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		d.announce("\nStopping ...")
		d.tellTheDay()
		return nil
	case err := <-d.failed:
		return err
	}
}

// prepare checks everything that can be checked before anything is started.
func (d *dev) prepare(ctx context.Context) error {
	var err error
	if d.kitchen, err = d.settings.kitchen.load(); err != nil {
		return &exitError{exitUsage, err}
	}
	if d.settings.uses(serviceKafka) && !d.settings.runs(serviceKafka) {
		if d.externalKafka, err = d.settings.kafka.connection(); err != nil {
			return err
		}
	}
	if d.settings.uses(serviceTemporal) && !d.settings.runs(serviceTemporal) {
		options, err := d.settings.temporal.options(d.logger)
		if err != nil {
			return err
		}
		d.temporalAddr = options.HostPort
	}
	if d.codec, err = d.settings.temporal.encryption.newCodec(d.logger); err != nil {
		return err
	}
	if err := d.checkReadyFile(); err != nil {
		return err
	}
	if err := d.openData(); err != nil {
		return err
	}
	if err := d.takePorts(); err != nil {
		return err
	}
	if d.settings.runs(serviceTemporal) {
		d.temporalCLI, err = devstack.FindTemporalCLI(ctx, d.settings.temporalCLI, d.announce)
	}
	return err
}

// checkReadyFile removes the file of an earlier run: whoever waits for it
// must not read old addresses.
func (d *dev) checkReadyFile() error {
	file := d.settings.readyFile
	if file == "" {
		return nil
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--ready-file: %w", err)
	}
	if _, err := os.Stat(filepath.Dir(file)); err != nil {
		return fmt.Errorf("--ready-file %q: its directory: %w", file, err)
	}
	return nil
}

// openData locks the data directory for the parts that keep data, and reads
// the API's secret.
func (d *dev) openData() error {
	if d.settings.ephemeral {
		d.secret = newSecret()
		return nil
	}
	var parts []devstack.Part
	if d.settings.runs(serviceTemporal) {
		parts = append(parts, devstack.PartTemporal)
	}
	if d.settings.runs(serviceKafka) {
		parts = append(parts, devstack.PartKafka)
	}
	if d.settings.ledger {
		parts = append(parts, devstack.PartPostgres)
	}
	if len(parts) == 0 && !d.settings.runs(serviceAPI) {
		return nil // a worker alone keeps nothing
	}
	var err error
	if d.dataDir, err = devstack.OpenDataDir(d.settings.dataDir, parts...); err != nil {
		return err
	}
	if d.settings.runs(serviceAPI) {
		d.secret, err = keptSecret(d.dataDir.Path("secret"))
	}
	return err
}

// takePorts listens for the API, and checks that the other parts will be able
// to. It names every port that is taken.
func (d *dev) takePorts() error {
	var faults []error
	for _, port := range d.settings.ports() {
		err := devstack.CheckPort(port.wantedFor, port.number)
		var inUse *devstack.PortInUseError
		if errors.As(err, &inUse) {
			err = fmt.Errorf("%w: stop that program, or choose another port with --%s (0 takes a free one)", err, port.flag)
		}
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil || !d.settings.runs(serviceAPI) {
		return err
	}
	var err error
	d.listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.settings.apiPort)))
	if err != nil {
		return fmt.Errorf("listen for the API: %w", err)
	}
	d.apiAddr = d.listener.Addr().String()
	if d.settings.lan != "" {
		addr, err := lanAddress(d.settings.lan)
		if err != nil {
			return err
		}
		if err := d.openToLAN(addr); err != nil {
			return err
		}
	}
	d.forOperators, err = listenForOperators(net.JoinHostPort("127.0.0.1", strconv.Itoa(d.settings.metricsPort)), "metrics-port")
	if err != nil {
		return err
	}
	d.metricsAddr = d.forOperators.Addr().String()
	return nil
}

// start starts the parts in the order in which they need each other.
func (d *dev) start(ctx context.Context) error {
	if err := d.startStack(ctx); err != nil {
		return err
	}
	if d.settings.ledger {
		if err := d.startLedger(ctx); err != nil {
			return err
		}
	}
	if d.settings.runs(serviceWorker) {
		if err := d.startWorker(ctx); err != nil {
			return err
		}
	}
	if d.settings.runs(serviceAPI) {
		staff, demo, err := demoStaff()
		if err != nil {
			return err
		}
		config := api.Config{Temporal: d.temporal, Encryption: d.codec, Namespace: d.namespace, Kafka: d.kafka, Kitchen: d.kitchen, Secret: d.secret, Staff: staff, Demo: demo, SignInNames: true, Pages: web.Files(), Logger: d.logger, Metrics: d.registry, TemporalUIURL: cmp.Or(d.settings.uiURL, d.addresses().TemporalUI)}
		if d.reports != nil {
			config.History = d.reports
		}
		if d.settings.demo.on {
			d.crew = newDemoCrew(d.kitchen.Rules)
			config.Seats = d.crew
		}
		server, err := api.New(config)
		if err != nil {
			return err
		}
		if d.crew != nil {
			d.crew.putBack = func(stage kitchen.Stage, by string) { server.PutBack(ctx, stage, by) }
		}
		listener, forOperators := d.listener, d.forOperators
		d.listener, d.forOperators = nil, nil // the servers close them
		d.demoStaff = demo
		d.run("the API's metrics", func(ctx context.Context) error {
			return serveOperators(ctx, forOperators, d.traces.beside(server.Operators()))
		})
		d.run("the API", func(ctx context.Context) error { return server.Serve(ctx, listener) })
		d.run("standing orders", func(ctx context.Context) error { server.PlaceStandingOrders(ctx); return nil })
	}
	if d.settings.demo.on {
		return d.startDemo(ctx)
	}
	return nil
}

// startStack starts what runs here of Temporal and Kafka, and connects to
// both.
func (d *dev) startStack(ctx context.Context) error {
	var config devstack.Config
	if d.settings.runs(serviceTemporal) {
		config.Temporal = &devstack.TemporalConfig{
			CLI: d.temporalCLI, Port: d.settings.temporalPort, UIPort: d.settings.uiPort, DataDir: d.dataDir,
		}
	}
	if d.settings.runs(serviceKafka) {
		config.Kafka = &devstack.KafkaConfig{Port: d.settings.kafkaPort, Logger: d.logger, Now: d.brokerClock.now}
		if d.dataDir != nil {
			config.Kafka.DataDir = d.dataDir.Path("kafka")
			if err := d.forgetHalfASample(); err != nil {
				return err
			}
		}
	}
	if d.settings.ledger {
		config.Postgres = &devstack.PostgresConfig{Port: d.settings.postgresPort, Fast: d.settings.ephemeral, Say: d.announce}
		if d.dataDir != nil {
			config.Postgres.DataDir = d.dataDir.Path("postgres")
		}
	}
	var err error
	if d.stack, err = devstack.Start(ctx, config); err != nil {
		return err
	}
	if config != (devstack.Config{}) {
		d.run("the stack", d.stack.Wait)
		if d.dataDir != nil {
			d.run("the data directory", d.dataDir.WatchSpace)
		}
	}

	d.kafka = d.externalKafka
	if d.stack.Kafka != nil {
		d.kafka = events.Connection{Brokers: []string{d.stack.Kafka.Addr()}}
		topics := events.TopicSettings{Partitions: devPartitions}
		if d.hasSample() {
			topics.Retention = sampleKept
		}
		if _, err := events.ApplyTopics(ctx, d.kafka, topics); err != nil {
			return err
		}
		if d.hasSample() {
			if err := d.writeSample(ctx); err != nil {
				return err
			}
		}
	}
	if !d.settings.uses(serviceTemporal) {
		return nil
	}
	if d.stack.Temporal == nil {
		d.settings.temporal.metrics = measureTemporal(d.registry)
		d.temporal, d.namespace, err = d.settings.temporal.dial(d.logger)
		d.codec = d.settings.temporal.codec
		return err
	}
	d.temporalAddr, d.uiAddr = d.stack.Temporal.Addr(), d.stack.Temporal.UIAddr()
	d.namespace = client.DefaultNamespace
	options := client.Options{HostPort: d.temporalAddr, MetricsHandler: measureTemporal(d.registry)}
	d.codec.Configure(&options)
	options.PayloadLimits.MemoSizeWarning = namespace.MemoBytes
	logOutagesOnce(&options, d.logger)
	temporaltrace.InstallClient(&options)
	d.temporal, err = client.DialContext(ctx, options)
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	return nil
}

func (d *dev) startWorker(ctx context.Context) error {
	ready := make(chan struct{})
	d.run("the worker", func(ctx context.Context) error {
		return worker.Run(ctx, worker.Config{
			Temporal:   d.temporal,
			Encryption: d.codec,
			Namespace:  d.namespace,
			Kafka:      d.kafka,
			Logger:     d.logger,
			Metrics:    d.registry,
			Ready:      func() { close(ready) },
		})
	})
	return d.await(ctx, ready)
}

// await waits until ready is closed, a part fails or ctx ends.
func (d *dev) await(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case err := <-d.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run runs a part until stop ends it. One that ends before is a failure of
// the whole.
func (d *dev) run(name string, part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &devPart{name: name, cancel: cancel, done: make(chan struct{})}
	d.parts = append(d.parts, p)
	go func() {
		defer close(p.done)
		err := part(ctx)
		if ctx.Err() != nil {
			p.err = err
			return
		}
		if err == nil {
			err = fmt.Errorf("%s ended by itself", name)
		}
		select {
		case d.failed <- err:
		default: // it is not the first
		}
	}()
}

// stop stops what was started, newest first: so the API takes no order that
// nobody works on, and Temporal and Kafka end when nobody needs them any more.
func (d *dev) stop(within time.Duration) error {
	d.traces.end() // while those who take them are there
	var faults []error
	for _, part := range slices.Backward(d.parts) {
		part.cancel()
		select {
		case <-part.done:
			faults = append(faults, part.err)
		case <-time.After(within):
			faults = append(faults, fmt.Errorf("%s did not stop within %s", part.name, within))
		}
	}
	for _, listener := range []net.Listener{d.listener, d.forOperators} {
		if listener != nil {
			faults = append(faults, listener.Close())
		}
	}
	if d.reports != nil {
		d.reports.Close()
	}
	if d.temporal != nil {
		d.temporal.Close()
	}
	if d.stack != nil {
		d.stack.Stop()
	}
	if d.dataDir != nil {
		d.dataDir.Close()
	}
	return errors.Join(faults...)
}

// announce prints a sentence for the person who watches.
func (d *dev) announce(text string) { _, _ = fmt.Fprintln(d.stdout, text) } // nobody may be reading

// readyAddresses is what the ready file says of the parts that run or are used
// here. Scripts rely on its fields.
type readyAddresses struct {
	API        string `json:"api,omitempty"`
	LAN        string `json:"lan,omitempty"`
	Metrics    string `json:"metrics,omitempty"`
	Traces     string `json:"traces,omitempty"`
	Temporal   string `json:"temporal,omitempty"`
	TemporalUI string `json:"temporalUI,omitempty"`
	Kafka      string `json:"kafka,omitempty"`
	Ledger     string `json:"ledger,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
}

func (d *dev) addresses() readyAddresses {
	a := readyAddresses{Temporal: d.temporalAddr, Namespace: d.namespace, Ledger: d.ledgerURL}
	if len(d.kafka.Brokers) > 0 {
		a.Kafka = d.kafka.Brokers[0]
	}
	if d.apiAddr != "" {
		a.API = "http://" + d.apiAddr
		a.Metrics = "http://" + d.metricsAddr + "/metrics"
		if d.settings.traces {
			a.Traces = "http://" + d.metricsAddr + "/traces"
		}
	}
	if d.lanAddr != "" {
		a.LAN = "http://" + d.lanAddr
	}
	if d.uiAddr != "" {
		a.TemporalUI = "http://" + d.uiAddr
	}
	return a
}

func (d *dev) writeReadyFile() error {
	if d.settings.readyFile == "" {
		return nil
	}
	data, err := json.Marshal(d.addresses())
	if err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	mode := fs.FileMode(0o644)
	if d.ledgerURL != "" {
		mode = 0o600 // it has a password
	}
	return devstack.WriteFileAtomically(d.settings.readyFile, append(data, '\n'), mode)
}

// newSecret is one that nobody can guess. It is text, so that the file that
// keeps it is also good for "cupcakery api --secret-file".
func newSecret() []byte { return []byte(rand.Text() + rand.Text()) }

// keptSecret reads the secret from the file, which it makes the first time.
// Processes that do so at once agree on the one that was first.
func keptSecret(file string) ([]byte, error) {
	for {
		secret, err := os.ReadFile(file)
		secret = bytes.TrimSpace(secret)
		if err == nil && len(secret) < api.MinSecret {
			return nil, fmt.Errorf("the API's secret in %q is shorter than %d bytes: restore the file, or delete it if no order is open", file, api.MinSecret)
		}
		if err == nil {
			return secret, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read the API's secret: %w", err)
		}
		fresh := file + "." + rand.Text()
		if err := devstack.WriteFileAtomically(fresh, append(newSecret(), '\n'), 0o600); err != nil {
			return nil, err
		}
		err = os.Link(fresh, file)
		_ = os.Remove(fresh) // a left-over harms nobody
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("keep the API's secret: %w", err)
		}
	}
}
