package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
)

// kafkaSettings are the flags of every command that speaks with Kafka.
type kafkaSettings struct {
	brokers       []string
	saslMechanism string
	saslUsername  string
	saslPassword  string
	// saslPasswordFile has the password, if saslPassword is empty.
	saslPasswordFile string
	tls              bool
	tlsCA            string
	tlsCert          string
	tlsKey           string
	tlsServerName    string
}

func (s *kafkaSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&s.brokers, "kafka-brokers", []string{"127.0.0.1:9092"}, "Kafka brokers to start from, host:port, separated by commas")
	fromEnvironment(flags, "kafka-brokers", "KAFKA_BROKERS")
	flags.StringVar(&s.saslMechanism, "kafka-sasl-mechanism", "", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty for no credentials")
	fromEnvironment(flags, "kafka-sasl-mechanism", "KAFKA_SASL_MECHANISM")
	flags.StringVar(&s.saslUsername, "kafka-sasl-username", "", "user name for SASL")
	fromEnvironment(flags, "kafka-sasl-username", "KAFKA_SASL_USERNAME")
	secretVar(flags, &s.saslPassword, "kafka-sasl-password", "KAFKA_SASL_PASSWORD", "set $KAFKA_SASL_PASSWORD, or name its file with --kafka-sasl-password-file")
	flags.StringVar(&s.saslPasswordFile, "kafka-sasl-password-file", "", "file that has the password for SASL; or set $KAFKA_SASL_PASSWORD")
	fromEnvironment(flags, "kafka-sasl-password-file", "KAFKA_SASL_PASSWORD_FILE")
	flags.BoolVar(&s.tls, "kafka-tls", false, "encrypt the connection to Kafka")
	fromEnvironment(flags, "kafka-tls", "KAFKA_TLS")
	flags.StringVar(&s.tlsCA, "kafka-tls-ca", "", "PEM file of the authorities that may sign the brokers' certificates; empty for the system's")
	fromEnvironment(flags, "kafka-tls-ca", "KAFKA_TLS_CA")
	flags.StringVar(&s.tlsCert, "kafka-tls-cert", "", "PEM file of this client's certificate, with --kafka-tls-key")
	fromEnvironment(flags, "kafka-tls-cert", "KAFKA_TLS_CERT")
	flags.StringVar(&s.tlsKey, "kafka-tls-key", "", "PEM file of this client's key, with --kafka-tls-cert")
	fromEnvironment(flags, "kafka-tls-key", "KAFKA_TLS_KEY")
	flags.StringVar(&s.tlsServerName, "kafka-tls-server-name", "", "name that the brokers' certificates must carry; empty for the host dialled")
	fromEnvironment(flags, "kafka-tls-server-name", "KAFKA_TLS_SERVER_NAME")
}

// connection returns the settings as given, or every fault in them at once.
func (s *kafkaSettings) connection() (events.Connection, error) {
	password, err := s.password()
	if err != nil {
		return events.Connection{}, &exitError{exitUsage, err}
	}
	connection := events.Connection{
		SASL: events.SASL{Mechanism: s.saslMechanism, Username: s.saslUsername, Password: password},
		TLS:  events.TLS{Enabled: s.tls, CAFile: s.tlsCA, CertFile: s.tlsCert, KeyFile: s.tlsKey, ServerName: s.tlsServerName},
	}
	for _, broker := range s.brokers {
		connection.Brokers = append(connection.Brokers, strings.TrimSpace(broker))
	}
	if err := connection.Check(); err != nil {
		return events.Connection{}, &exitError{exitUsage, fmt.Errorf("the Kafka settings (--kafka-…, $KAFKA_…) cannot work:\n%w", err)}
	}
	return connection, nil
}

// password returns the password from the one place where it is given.
func (s *kafkaSettings) password() (string, error) {
	switch {
	case s.saslPasswordFile == "":
		return s.saslPassword, nil
	case s.saslPassword != "":
		return "", errors.New("the password for Kafka is given twice, by $KAFKA_SASL_PASSWORD and by --kafka-sasl-password-file or $KAFKA_SASL_PASSWORD_FILE: keep one")
	}
	data, err := os.ReadFile(s.saslPasswordFile)
	if err != nil {
		return "", fmt.Errorf("read Kafka's password: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
