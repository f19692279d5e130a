package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/web"
)

func newAPICommand() *cobra.Command {
	var (
		logs        logSettings
		profiles    profileSettings
		temporal    temporalSettings
		kafka       kafkaSettings
		kitchenFile kitchenSettings
		deployment  secretSettings
		people      staffSettings
		counter     counterSettings
		history     ledgerSettings
		listen      string
		metrics     string
		live        liveSettings
		serveTLS    tlsSettings
		temporalUI  string
		uiURL       string
		perAddress  int
	)
	cmd := &cobra.Command{
		Use:   "api",
		Short: "Take orders over HTTP and show where they stand",
		Long: `Take orders over HTTP and show where they stand. Any number of these processes
may run, with the same secret; they keep no state. Each reads the log of tickets
and acks from Kafka and shows it to the stations, live.

SIGTERM lets it finish the requests in hand, then it stops. Temporal and Kafka
may be away: /readyz says so, and it goes on by itself when they are back.
Orders are taken without Kafka, but not without Temporal.

With the ledger's database managers can read its reports. While that is away, only
these are.

Customers need no account. What is for staff (listing orders, deciding about
them, the stations' boards) is refused without a staff file; "cupcakery staff"
makes one.

/healthz and /readyz are answered at both addresses, /metrics only at that of
--metrics-listen, which customers should not reach.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := logs.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			// Most of the heap is what the log has of the last hours, which stays.
			// Collecting the little garbage beside it twice as often saves a third
			// of the memory.
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(50)
			}
			// Everything is checked before anything is opened, and every fault
			// is reported at once.
			secret, secretErr := deployment.load()
			connection, kafkaErr := kafka.connection()
			menu, kitchenErr := kitchenFile.load()
			staff, staffErr := people.load()
			proxies, proxiesErr := people.trusted()
			counterToken, counterErr := counter.load()
			certificate, tlsErr := serveTLS.load(logger)
			database, ledgerErr := history.load()
			var uiErr error
			if temporalUI != "" {
				uiErr = api.CheckOrigin(temporalUI)
			}
			if uiErr != nil {
				uiErr = fmt.Errorf("--temporal-ui-origin %q: %w", temporalUI, uiErr)
			}
			if err := api.CheckUIURL(uiURL); err != nil {
				uiErr = errors.Join(uiErr, fmt.Errorf("--temporal-ui-url %q: %w", uiURL, err))
			}
			if err := errors.Join(secretErr, kafkaErr, kitchenErr, staffErr, proxiesErr, counterErr, tlsErr, uiErr, ledgerErr); err != nil {
				return &exitError{exitUsage, err}
			}
			registry := prometheus.NewRegistry()
			temporal.metrics = measureTemporal(registry)
			temporalClient, namespace, err := temporal.dial(logger)
			if err != nil {
				return err
			}
			defer temporalClient.Close()
			config := api.Config{
				Temporal:   temporalClient,
				Encryption: temporal.codec,
				Namespace:  namespace,
				Kafka:      connection,
				Kitchen:    menu,
				Secret:     secret,
				Staff:      staff,
				WallToken:  counterToken,
				Pages:      web.Files(),
				Logger:     logger,
				TLS:        certificate,
				TemporalUI: temporalUI,
				Metrics:    registry,

				TemporalUIURL: uiURL,

				SignInNames:     people.names,
				TrustedProxies:  proxies,
				LiveConnections: live.connections,

				LiveConnectionsPerAddress: live.perAddress,
				OrdersPerAddress:          perAddress,
			}
			endHistory, err := withHistory(cmd.Context(), &config, database)
			if err != nil {
				return err
			}
			defer endHistory()
			server, err := api.New(config)
			if err != nil {
				return err
			}
			listener, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("listen for the API: %w; choose another address with --listen", err)
			}
			forOperators, err := listenForOperators(metrics, "metrics-listen")
			if err != nil {
				return errors.Join(err, listener.Close())
			}
			if len(staff.People) == 0 {
				logger.Warn("there is no staff: nobody can list orders, decide about them or see a station's board; name a staff file with --staff or CUPCAKERY_STAFF")
			}
			logger.Info("taking orders", slog.String("address", listener.Addr().String()), slog.String("metrics", "http://"+forOperators.Addr().String()+"/metrics"))
			group, ctx := errgroup.WithContext(cmd.Context())
			group.Go(func() error { return serveOperators(ctx, forOperators, server.Operators()) })
			group.Go(func() error { return server.Serve(ctx, listener) })
			group.Go(func() error { server.PlaceStandingOrders(ctx); return nil })
			return group.Wait()
		},
	}
	logs.register(cmd)
	profiles.register(cmd)
	traceRun(cmd, "cupcakery-api", &logs)
	temporal.register(cmd)
	kafka.register(cmd)
	kitchenFile.register(cmd)
	deployment.register(cmd)
	people.register(cmd)
	counter.register(cmd)
	history.register(cmd, "ledger-database", "database that cupcakery ledger keeps, such as postgres://ledger@127.0.0.1:5432/ledger, from which managers are told of past days; without one nobody is")
	live.register(cmd)
	serveTLS.register(cmd)
	cmd.Flags().StringVar(&temporalUI, "temporal-ui-origin", "", "origin of Temporal's web UI, such as https://temporal.example.com, whose pages may decrypt through /codec when a manager is signed in; empty for none")
	fromEnvironment(cmd.Flags(), "temporal-ui-origin", "CUPCAKERY_TEMPORAL_UI_ORIGIN")
	registerUIURL(cmd, &uiURL, "")
	cmd.Flags().StringVar(&listen, "listen", ":8080", "address of the API")
	fromEnvironment(cmd.Flags(), "listen", "CUPCAKERY_API_LISTEN")
	cmd.Flags().IntVar(&perAddress, "orders-per-address", 60, "orders that one address may place in an hour, in one burst too; a large order counts once for each 100 pieces begun; 0 for no limit; behind a proxy that is not in --trusted-proxies all customers share its address")
	fromEnvironment(cmd.Flags(), "orders-per-address", "CUPCAKERY_ORDERS_PER_ADDRESS")
	cmd.Flags().StringVar(&metrics, "metrics-listen", "127.0.0.1:8082", "address of /metrics, and of /healthz and /readyz once more, for operators")
	fromEnvironment(cmd.Flags(), "metrics-listen", "CUPCAKERY_API_METRICS_LISTEN")
	return cmd
}

// registerUIURL adds the flag for the address of Temporal's UI.
func registerUIURL(cmd *cobra.Command, url *string, unset string) {
	cmd.Flags().StringVar(url, "temporal-ui-url", "", "address of Temporal's web UI, such as https://temporal.example.com, to which staff's page of an order links; empty for no link"+unset)
	fromEnvironment(cmd.Flags(), "temporal-ui-url", "CUPCAKERY_TEMPORAL_UI_URL")
}

// liveSettings limit live connections.
type liveSettings struct {
	connections int
	perAddress  int
}

func (s *liveSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&s.connections, "live-connections", 4096, "live connections (WebSockets) that this process accepts")
	fromEnvironment(flags, "live-connections", "CUPCAKERY_LIVE_CONNECTIONS")
	flags.IntVar(&s.perAddress, "live-connections-per-address", 256, "how many of them one address may have; behind a proxy that is not in --trusted-proxies all customers share its address")
	fromEnvironment(flags, "live-connections-per-address", "CUPCAKERY_LIVE_CONNECTIONS_PER_ADDRESS")
}

// secretSettings are where a deployment's secret comes from.
type secretSettings struct {
	secret string
	file   string
}

func (s *secretSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	secretVar(flags, &s.secret, "secret", "CUPCAKERY_SECRET", "set $CUPCAKERY_SECRET, or name its file with --secret-file")
	flags.StringVar(&s.file, "secret-file", "", "file that has the deployment's secret, at least 16 random characters, the same for every API process and never changed lightly: idempotency keys depend on it; or set $CUPCAKERY_SECRET")
	fromEnvironment(flags, "secret-file", "CUPCAKERY_SECRET_FILE")
}

// load returns the secret from the one place where it is given.
func (s *secretSettings) load() ([]byte, error) {
	const remedy = `make one with "openssl rand -hex 32" and give it to every API process`
	secret := []byte(s.secret)
	switch {
	case s.secret != "" && s.file != "":
		return nil, errors.New("the secret is given twice, by $CUPCAKERY_SECRET and by --secret-file or $CUPCAKERY_SECRET_FILE: keep one")
	case s.secret == "" && s.file == "":
		return nil, fmt.Errorf("the deployment's secret is missing: set $CUPCAKERY_SECRET or $CUPCAKERY_SECRET_FILE; %s", remedy)
	case s.file != "":
		data, err := os.ReadFile(s.file)
		if err != nil {
			return nil, fmt.Errorf("read the deployment's secret: %w", err)
		}
		secret = bytes.TrimSpace(data)
	}
	switch {
	case len(secret) < api.MinSecret:
		return nil, fmt.Errorf("the deployment's secret has %d characters, and must have at least %d: %s", len(secret), api.MinSecret, remedy)
	case slices.Contains(knownSecrets, string(secret)):
		return nil, fmt.Errorf("the deployment's secret stood in an example, so everybody knows it and can sign in as anybody: %s", remedy)
	case distinct(secret) < minDistinct:
		return nil, fmt.Errorf("the deployment's secret is made of %d different characters, which can be guessed: %s", distinct(secret), remedy)
	}
	return secret, nil
}

// knownSecrets were in files of this program that people copy.
var knownSecrets = []string{"a secret for demonstrations only"}

// minDistinct is the least number of different characters in a secret. A random
// one of 16 hexadecimal digits has fewer less than once in a million times.
const minDistinct = 5

func distinct(secret []byte) int {
	seen := map[byte]bool{}
	for _, character := range secret {
		seen[character] = true
	}
	return len(seen)
}
