package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/production"
	"github.com/cupcakery/cupcakery/kitchen"
)

// newProduction starts the production stack and returns its Kafka; its Temporal
// becomes the factory's.
func newProduction(t *testing.T, f *factory) server {
	t.Helper()
	stack, err := production.Start(t.Context(), production.Config{DynamicConfig: f.dynamicConfig})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	f.production = stack
	f.temporal = &productionPart{t, stack.Temporal}
	return &productionPart{t, secureKafka{stack.Kafka}}
}

// productionServer is what a part of the stack can do.
type productionServer interface {
	Addr() string
	Kill()
	Restart(context.Context) error
}

// secureKafka has only the address at which everybody signs in.
type secureKafka struct{ *devstack.ApacheKafka }

func (k secureKafka) Addr() string { return k.SecureAddr() }

// productionPart is a part of the production stack.
type productionPart struct {
	t    *testing.T
	part productionServer
}

func (p *productionPart) address() string { return p.part.Addr() }
func (p *productionPart) kill()           { p.part.Kill() }
func (p *productionPart) restart()        { require.NoError(p.t, p.part.Restart(p.t.Context())) }

// credentials are what a process of the factory signs in to Kafka with.
func (f *factory) credentials(args []string) []string {
	switch {
	case f.production == nil:
		return nil
	case args[0] == "station":
		return f.production.Env(events.StationProcess(kitchen.Stage(args[1])))
	case args[0] == "order" && args[1] == "doctor":
		return f.production.Env(events.ProcessDoctor)
	case args[0] == "order" && args[1] == "erase":
		return f.production.Env(events.ProcessErase)
	case events.RightsOf(args[0]) != nil:
		return f.production.Env(args[0])
	}
	return nil
}

// connection is how the tests themselves reach Kafka.
func (f *factory) connection() events.Connection {
	if f.production != nil {
		return f.production.Admin()
	}
	return events.Connection{Brokers: []string{f.kafka.address()}}
}

// writerTo writes messages as a client of another making does.
func (f *factory) writerTo(topic string) *kafka.Writer {
	f.t.Helper()
	writer := &kafka.Writer{Addr: kafka.TCP(f.kafka.address()), Topic: topic, Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond}
	if f.production != nil {
		transport, err := f.production.AdminTransport()
		require.NoError(f.t, err)
		writer.Transport = transport
	}
	return writer
}

func (f *factory) kgoOptions() []kgo.Opt {
	f.t.Helper()
	if f.production == nil {
		return []kgo.Opt{kgo.SeedBrokers(f.kafka.address())}
	}
	options, err := f.production.AdminOptions()
	require.NoError(f.t, err)
	return options
}

// kcatFlags are how kcat reaches Kafka: as a stage's station, or as an administrator
// if there is no stage. It signs in by PLAIN: Kafka 4 refuses the answer of librdkafka
// before 2.6.1 by SCRAM, which has the client's nonce twice.
func (f *factory) kcatFlags(stage kitchen.Stage) []string {
	flags := []string{"-b", f.kafka.address()}
	if f.production == nil {
		return flags
	}
	connection := f.production.Admin()
	if stage.Valid() {
		connection = f.production.Connection(events.StationProcess(stage))
	}
	for _, property := range []string{
		"security.protocol=SASL_SSL", "ssl.ca.location=" + connection.TLS.CAFile, "sasl.mechanisms=" + events.MechanismPlain,
		"sasl.username=" + connection.SASL.Username, "sasl.password=" + connection.SASL.Password,
	} {
		flags = append(flags, "-X", property)
	}
	return flags
}
