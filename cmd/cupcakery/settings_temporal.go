package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/internal/tracing/temporaltrace"
	"github.com/cupcakery/cupcakery/namespace"
)

// temporalSettings say where Temporal is. What is not on the command line
// comes from Temporal's own environment variables (TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS…) and temporal.toml.
type temporalSettings struct {
	address    string
	namespace  string
	encryption encryptionSettings
	// codec is what the client writes and reads through, once options has been
	// called.
	codec *encryption.Codec
	// metrics measure the client; nil for none.
	metrics client.MetricsHandler
}

func (s *temporalSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.address, "temporal-address", "", "Temporal's host:port (default 127.0.0.1:7233; TLS, API keys and profiles by Temporal's own TEMPORAL_* variables and temporal.toml)")
	fromEnvironment(flags, "temporal-address", "TEMPORAL_ADDRESS")
	flags.StringVar(&s.namespace, "temporal-namespace", "", `Temporal's namespace (default "default")`)
	fromEnvironment(flags, "temporal-namespace", "TEMPORAL_NAMESPACE")
	s.encryption.register(cmd)
}

// options reads Temporal's configuration.
func (s *temporalSettings) options(logger *slog.Logger) (client.Options, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return client.Options{}, &exitError{exitUsage, fmt.Errorf("read Temporal's settings (TEMPORAL_* and temporal.toml): %w", err)}
	}
	if s.address != "" {
		options.HostPort = s.address
	}
	if s.namespace != "" {
		options.Namespace = s.namespace
	}
	if options.HostPort == "" {
		options.HostPort = "127.0.0.1:7233"
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	// An order's requests have a few kilobytes. Packing and unpacking them took a
	// tenth of the worker's time, and a megabyte for each at once.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	options.Logger = sdklog.NewStructuredLogger(logger)
	options.MetricsHandler = s.metrics
	if s.codec, err = s.encryption.newCodec(logger); err != nil {
		return client.Options{}, err
	}
	s.codec.Configure(&options)
	options.PayloadLimits.MemoSizeWarning = namespace.MemoBytes
	temporaltrace.InstallClient(&options)
	return options, nil
}

// dial returns a client that connects when it is first used, so that a
// process may start before Temporal does, and the namespace it works in. It
// logs when Temporal cannot be reached, once.
func (s *temporalSettings) dial(logger *slog.Logger) (client.Client, string, error) {
	options, err := s.options(logger)
	if err != nil {
		return nil, "", err
	}
	logOutagesOnce(&options, logger)
	temporalClient, err := client.NewLazyClient(options)
	if err != nil {
		return nil, "", &exitError{exitUsage, fmt.Errorf("prepare to connect to Temporal at %q: %w", options.HostPort, err)}
	}
	return temporalClient, options.Namespace, nil
}
