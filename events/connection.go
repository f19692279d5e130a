package events

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
	kgosasl "github.com/twmb/franz-go/pkg/sasl"
	kgoplain "github.com/twmb/franz-go/pkg/sasl/plain"
	kgoscram "github.com/twmb/franz-go/pkg/sasl/scram"
)

// The SASL mechanisms that a Connection can use.
const (
	MechanismPlain       = "PLAIN"
	MechanismScramSHA256 = "SCRAM-SHA-256"
	MechanismScramSHA512 = "SCRAM-SHA-512"
)

// Connection says how to reach Kafka.
type Connection struct {
	// Brokers are one or more host:port pairs from which the whole cluster
	// is found.
	Brokers []string
	// ClientID names this process in the broker's logs and quotas. Defaults
	// to "cupcakery".
	ClientID string
	SASL     SASL
	TLS      TLS
}

// SASL says who we are. The zero value sends no credentials.
type SASL struct {
	// Mechanism is one of the Mechanism constants, in either case; empty for
	// none.
	Mechanism string
	Username  string
	Password  string
}

// TLS says how the connection is encrypted. The zero value is a plain
// connection.
type TLS struct {
	// Enabled encrypts the connection and checks the broker's certificate.
	Enabled bool
	// CAFile has the PEM certificates that may sign the broker's; empty for
	// those that the system trusts.
	CAFile string
	// CertFile and KeyFile are this client's own PEM certificate and key, for
	// brokers that ask for one. Give both or neither.
	CertFile string
	KeyFile  string
	// ServerName is the name that the broker's certificate must carry;
	// empty for the host that was dialled.
	ServerName string
}

// Check returns every fault of the settings at once, each with its remedy. It
// reads the files that are named, and dials nobody.
func (c Connection) Check() error {
	_, _, saslErr := c.SASL.mechanism()
	_, tlsErr := c.TLS.config()
	return errors.Join(c.checkBrokers(), saslErr, tlsErr)
}

func (c Connection) checkBrokers() error {
	if len(c.Brokers) == 0 {
		return errors.New("brokers: none given: name at least one as host:port")
	}
	var faults []error
	for _, broker := range c.Brokers {
		host, port, err := net.SplitHostPort(broker)
		number, portErr := strconv.Atoi(port)
		if err != nil || host == "" || portErr != nil || number < 1 || number > 65535 {
			faults = append(faults, fmt.Errorf("brokers: %q must read host:port, such as kafka.example.com:9092", broker))
		}
	}
	return errors.Join(faults...)
}

func (c Connection) clientID() string { return cmp.Or(c.ClientID, "cupcakery") }

// mechanism returns nil for no credentials, and otherwise what each of the two
// clients takes.
func (s SASL) mechanism() (writing sasl.Mechanism, reading kgosasl.Mechanism, err error) {
	if s.Mechanism == "" {
		if s.Username != "" || s.Password != "" {
			return nil, nil, fmt.Errorf("SASL mechanism: missing though a user name or password is given: use %s, %s or %s",
				MechanismPlain, MechanismScramSHA256, MechanismScramSHA512)
		}
		return nil, nil, nil
	}
	var faults []error
	if s.Username == "" {
		faults = append(faults, fmt.Errorf("SASL user name: missing: %s needs one", s.Mechanism))
	}
	if s.Password == "" {
		faults = append(faults, fmt.Errorf("SASL password: missing: %s needs one", s.Mechanism))
	}
	switch strings.ToUpper(s.Mechanism) {
	case MechanismPlain:
		writing = plain.Mechanism{Username: s.Username, Password: s.Password}
		reading = kgoplain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()
	case MechanismScramSHA256:
		writing, err = scram.Mechanism(scram.SHA256, s.Username, s.Password)
		reading = kgoscram.Auth{User: s.Username, Pass: s.Password}.AsSha256Mechanism()
	case MechanismScramSHA512:
		writing, err = scram.Mechanism(scram.SHA512, s.Username, s.Password)
		reading = kgoscram.Auth{User: s.Username, Pass: s.Password}.AsSha512Mechanism()
	default:
		err = fmt.Errorf("SASL mechanism: unknown %q: use %s, %s or %s",
			s.Mechanism, MechanismPlain, MechanismScramSHA256, MechanismScramSHA512)
	}
	if err != nil {
		faults = append(faults, err)
	}
	if len(faults) > 0 {
		return nil, nil, errors.Join(faults...)
	}
	return writing, reading, nil
}

// config returns nil for a plain connection.
func (t TLS) config() (*tls.Config, error) {
	if !t.Enabled {
		if t != (TLS{}) {
			return nil, errors.New("TLS: files or a server name are given but TLS is off: switch it on or leave them out")
		}
		return nil, nil
	}
	var faults []error
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			faults = append(faults, fmt.Errorf("TLS CA file: %w", err))
		} else if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(pem) {
			faults = append(faults, fmt.Errorf("TLS CA file: %q holds no certificate: it must be PEM, starting with -----BEGIN CERTIFICATE-----", t.CAFile))
		}
	}
	switch {
	case t.CertFile == "" && t.KeyFile == "":
	case t.CertFile == "":
		faults = append(faults, fmt.Errorf("TLS certificate file: missing though the key file %q is given: give both or neither", t.KeyFile))
	case t.KeyFile == "":
		faults = append(faults, fmt.Errorf("TLS key file: missing though the certificate file %q is given: give both or neither", t.CertFile))
	default:
		certificate, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			faults = append(faults, fmt.Errorf("TLS certificate file %q with key file %q: %w", t.CertFile, t.KeyFile, err))
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return config, nil
}
