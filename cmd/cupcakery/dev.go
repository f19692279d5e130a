package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cupcakery/cupcakery/api"
)

// service is a part of the factory that "cupcakery dev" can run.
type service string

const (
	serviceAPI      service = "api"
	serviceKafka    service = "kafka"
	serviceTemporal service = "temporal"
	serviceWorker   service = "worker"
)

var allServices = []service{serviceTemporal, serviceKafka, serviceWorker, serviceAPI}

// devSettings are the flags of "cupcakery dev".
type devSettings struct {
	demo         demoSettings
	kafka        kafkaSettings
	kitchen      kitchenSettings
	logs         logSettings
	profiles     profileSettings
	temporal     temporalSettings
	apiPort      int
	dataDir      string
	ephemeral    bool
	kafkaPort    int
	lan          string
	ledger       bool
	metricsPort  int
	postgresPort int
	readyFile    string
	services     []string
	temporalCLI  string
	temporalPort int
	traces       bool
	uiPort       int
	uiURL        string
}

func newDevCommand() *cobra.Command {
	var settings devSettings
	var given []string
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole factory on this machine: Temporal with its UI, Kafka, worker and API",
		Long: `Run the whole factory on this machine: Temporal's dev server with its UI, an
embedded Kafka, the worker and the API. It keeps its data, so that the next
start goes on with yesterday's orders. Ctrl-C stops all of it.

Everything listens on 127.0.0.1 only. With --lan the pages and the API can also be
reached from this network, for instance by a phone; a code to scan is shown. Each
port can be moved; 0 takes a free one. The secret that the API needs is made once
and kept with the data. The API has demo staff, whose names and PINs everybody can
learn.

--ledger remembers every order in a PostgreSQL that runs here too: the page /history
shows the days, and any other program may ask it by SQL. If its data is deleted, the
next start has it back from Kafka's log.

--services runs only some parts here, for instance to stop and start a worker
of your own. The parts that run elsewhere are found by --temporal-address,
--kafka-brokers and their variables, as "cupcakery worker" finds them; those
settings do not count for parts that run here.

Exit codes: 0 stopped when told to, 1 something cannot be started or failed,
2 the command line is wrong.`,
		Args: func(cmd *cobra.Command, args []string) error {
			// Before the environment is applied: a variable that is set for
			// other commands contradicts nothing here.
			cmd.Flags().Visit(func(f *pflag.Flag) { given = append(given, f.Name) })
			if settings.lan == lanAuto && len(args) == 1 {
				return &exitError{exitUsage, fmt.Errorf("--lan takes an address behind an equals sign: --lan=%s", args[0])}
			}
			return exactArgs(0)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settings.check(given); err != nil {
				return &exitError{exitUsage, err}
			}
			return runDev(cmd.Context(), settings, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	settings.register(cmd)
	return cmd
}

func (s *devSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&s.services, "services", names(allServices), "what runs in this process, separated by commas")
	flags.IntVar(&s.apiPort, "api-port", 8080, "port of the API")
	flags.IntVar(&s.metricsPort, "metrics-port", 8082, "port of /metrics, for all that runs here")
	flags.IntVar(&s.temporalPort, "temporal-port", 7233, "port of Temporal")
	flags.IntVar(&s.uiPort, "temporal-ui-port", 8233, "port of the Temporal UI")
	flags.IntVar(&s.kafkaPort, "kafka-port", 9092, "port of Kafka")
	flags.BoolVar(&s.ledger, "ledger", false, "remember every order in a PostgreSQL, for the page /history and for SQL")
	flags.IntVar(&s.postgresPort, "postgres-port", 5433, "port of PostgreSQL, with --ledger")
	flags.StringVar(&s.dataDir, "data-dir", ".cupcakery", "directory that keeps orders and topics")
	fromEnvironment(flags, "data-dir", "CUPCAKERY_DATA_DIR")
	flags.BoolVar(&s.ephemeral, "ephemeral", false, "keep nothing: everything in memory, gone when it stops")
	flags.StringVar(&s.readyFile, "ready-file", "", "file to write the addresses in use to, as JSON, when all is up")
	flags.BoolVar(&s.traces, "traces", false, "show what each order's request led to, at /traces beside /metrics; stations in other terminals send theirs with OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:8082")
	flags.StringVar(&s.temporalCLI, "temporal-cli", "", "the Temporal CLI's executable (default: temporal in PATH, .tools/temporal, or a download)")
	fromEnvironment(flags, "temporal-cli", "CUPCAKERY_TEMPORAL_CLI")
	flags.StringVar(&s.lan, "lan", "", "open the pages and the API to this network, without encryption and with PINs that everybody knows; =ADDRESS if this machine has several")
	flags.Lookup("lan").NoOptDefVal = lanAuto
	registerUIURL(cmd, &s.uiURL, ", unless the UI runs here")
	s.demo.register(cmd)
	s.temporal.register(cmd)
	s.kafka.register(cmd)
	s.kitchen.register(cmd)
	s.logs.register(cmd)
	s.profiles.register(cmd)
	// People watch this command at work; what goes wrong is what they need.
	level := flags.Lookup("log-level")
	level.DefValue = "warn"
	s.logs.level = level.DefValue
}

// runs reports whether the service runs in this process.
func (s *devSettings) runs(wanted service) bool {
	return slices.Contains(s.services, string(wanted))
}

// uses reports whether the stack's part is used here, wherever it runs.
func (s *devSettings) uses(part service) bool {
	return s.runs(part) || s.runs(serviceWorker) || s.runs(serviceAPI)
}

// check refuses settings that contradict each other or would do nothing.
// given are the flags on the command line.
func (s *devSettings) check(given []string) error {
	if len(s.services) == 0 {
		return fmt.Errorf("--services is empty: name some of %s", strings.Join(names(allServices), ", "))
	}
	for i, name := range s.services {
		if !slices.Contains(allServices, service(name)) {
			return fmt.Errorf("--services: unknown service %q: use %s", name, strings.Join(names(allServices), ", "))
		}
		if slices.Contains(s.services[:i], name) {
			return fmt.Errorf("--services: %q is named twice", name)
		}
	}
	for _, rule := range []struct {
		service service
		here    bool
		flags   []string
	}{
		{serviceAPI, true, []string{"api-port", "metrics-port", "kitchen", "demo", "lan", "ledger", "traces", "temporal-ui-url"}},
		{serviceKafka, true, []string{"kafka-port"}},
		{serviceTemporal, true, []string{"temporal-port", "temporal-ui-port", "temporal-cli"}},
		{serviceKafka, false, flagsStartingWith(given, "kafka-", "kafka-port")},
		{serviceTemporal, false, []string{"temporal-address", "temporal-namespace"}},
	} {
		for _, flag := range rule.flags {
			if slices.Contains(given, flag) && s.runs(rule.service) != rule.here {
				if rule.here {
					return fmt.Errorf("--%s is for the service %s, which does not run here: add it to --services or leave the flag out", flag, rule.service)
				}
				return fmt.Errorf("--%s is for a %s elsewhere, but it runs here: take it out of --services or leave the flag out", flag, rule.service)
			}
		}
	}
	if !s.ledger && slices.Contains(given, "postgres-port") {
		return fmt.Errorf("--postgres-port is for the ledger: add --ledger or leave the flag out")
	}
	if s.ephemeral && slices.Contains(given, "data-dir") {
		return fmt.Errorf("--ephemeral keeps nothing, so --data-dir has no use: leave one of them out")
	}
	if s.lan != "" && s.lan != lanAuto {
		if _, err := lanAddress(s.lan); err != nil {
			return err
		}
	}
	if s.lan != "" && s.temporal.encryption.keyset != "" {
		return fmt.Errorf("--lan lets everybody sign in as a manager, for whom the API decrypts: leave it out, or start without a keyset")
	}
	if err := api.CheckUIURL(s.uiURL); err != nil {
		return fmt.Errorf("--temporal-ui-url %q: %w", s.uiURL, err)
	}
	if err := s.checkPorts(); err != nil {
		return err
	}
	return s.demo.check(given)
}

func (s *devSettings) checkPorts() error {
	seen := map[int]string{}
	for _, port := range s.ports() {
		if port.number < 0 || port.number > 65535 {
			return fmt.Errorf("--%s %d is not a port: use 0 to 65535, 0 for any free one", port.flag, port.number)
		}
		if other := seen[port.number]; other != "" && port.number != 0 {
			return fmt.Errorf("--%s and --%s are both %d: give them different ports", other, port.flag, port.number)
		}
		seen[port.number] = port.flag
	}
	return nil
}

// devPort is a port that a part listens on.
type devPort struct {
	wantedFor string
	flag      string
	number    int
}

// ports are those of the parts that run here.
func (s *devSettings) ports() []devPort {
	var ports []devPort
	if s.runs(serviceAPI) {
		ports = append(ports, devPort{"the API", "api-port", s.apiPort}, devPort{"the API's metrics", "metrics-port", s.metricsPort})
	}
	if s.runs(serviceTemporal) {
		ports = append(ports, devPort{"Temporal", "temporal-port", s.temporalPort}, devPort{"the Temporal UI", "temporal-ui-port", s.uiPort})
	}
	if s.runs(serviceKafka) {
		ports = append(ports, devPort{"Kafka", "kafka-port", s.kafkaPort})
	}
	if s.ledger {
		ports = append(ports, devPort{"PostgreSQL", "postgres-port", s.postgresPort})
	}
	return ports
}

func names(services []service) []string {
	var all []string
	for _, s := range services {
		all = append(all, string(s))
	}
	return all
}

func flagsStartingWith(flags []string, prefix string, but ...string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool {
		return !strings.HasPrefix(flag, prefix) || slices.Contains(but, flag)
	})
}
