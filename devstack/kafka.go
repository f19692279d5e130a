package devstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// KafkaConfig says how the embedded Kafka runs. The zero value runs one in
// memory, on a free port.
type KafkaConfig struct {
	// Port on 127.0.0.1. Defaults to a free one.
	Port int
	// DataDir keeps topics, messages and the groups' places. They survive a
	// kill of this process at any moment, but not the machine's: as with
	// Kafka itself, the operating system decides when it writes to disk.
	// Empty keeps everything in memory. Only one process may use a
	// directory at a time.
	DataDir string
	// MaxMessageBytes is the largest batch that topics take unless they say
	// otherwise. Defaults to Kafka's 1 MiB.
	MaxMessageBytes int
	// Logger gets the broker's warnings and errors. Defaults to slog.Default().
	Logger *slog.Logger
	// Now is the broker's clock, which stamps what it appends to topics with
	// LogAppendTime. Defaults to time.Now.
	Now func() time.Time
}

// Kafka is a Kafka broker inside this process, for development and tests: it
// speaks the protocol and keeps its data, and is neither fast nor replicated.
type Kafka struct {
	cluster *kfake.Cluster
	addr    string
}

// StartKafka returns once the broker takes connections.
func StartKafka(_ context.Context, config KafkaConfig) (*Kafka, error) {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Port != 0 {
		return startKafka(config)
	}
	// A free port may be taken before the broker listens on it.
	for attempts := 3; ; attempts-- {
		var err error
		if config.Port, err = FreePort(); err != nil {
			return nil, err
		}
		kafka, err := startKafka(config)
		var inUse *PortInUseError
		if attempts == 1 || !errors.As(err, &inUse) {
			return kafka, err
		}
	}
}

func startKafka(config KafkaConfig) (*Kafka, error) {
	stamped := newStampedTopics()
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ListenFn(stamped.listen),
		kfake.Ports(config.Port),
		kfake.WithLogger(kafkaLogger{config.Logger}),
	}
	if config.DataDir != "" {
		if err := os.MkdirAll(config.DataDir, 0o755); err != nil {
			return nil, fmt.Errorf("make the embedded Kafka's data directory: %w", err)
		}
		options = append(options, kfake.DataDir(config.DataDir))
	}
	if config.MaxMessageBytes > 0 {
		options = append(options, kfake.BrokerConfigs(map[string]string{"message.max.bytes": fmt.Sprint(config.MaxMessageBytes)}))
	}
	cluster, err := kfake.NewCluster(options...)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &PortInUseError{For: "Kafka", Port: config.Port}
	case err != nil && config.DataDir != "":
		return nil, fmt.Errorf("start the embedded Kafka on data directory %q: %w", config.DataDir, err)
	case err != nil:
		return nil, fmt.Errorf("start the embedded Kafka: %w", err)
	}
	cluster.ControlKey(int16(kmsg.Produce), stamper{cluster, config.Now, stamped}.produce)
	return &Kafka{cluster: cluster, addr: cluster.ListenAddrs()[0]}, nil
}

// Addr is where the broker listens, as host:port.
func (k *Kafka) Addr() string { return k.addr }

// Port is the port of Addr.
func (k *Kafka) Port() int {
	_, port, _ := net.SplitHostPort(k.addr)
	number, _ := net.LookupPort("tcp", port) // a number that the listener gave us
	return number
}

// Stop saves what is only in memory and ends all connections. Stopping again
// does nothing.
func (k *Kafka) Stop() { k.cluster.Close() }

// kafkaLogger passes kfake's log on: warnings and errors keep their level, the
// rest is for debugging.
type kafkaLogger struct{ logger *slog.Logger }

// Logf implements kfake.Logger.
func (l kafkaLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	slogLevel := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		slogLevel = slog.LevelError
	case kfake.LogLevelWarn:
		slogLevel = slog.LevelWarn
	}
	if l.logger.Enabled(context.Background(), slogLevel) {
		l.logger.Log(context.Background(), slogLevel, "Embedded Kafka: "+fmt.Sprintf(format, args...))
	}
}
