package production

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/twmb/franz-go/pkg/kgo"
	kgoplain "github.com/twmb/franz-go/pkg/sasl/plain"
)

// AdminTransport is for clients of kafka-go that may do everything.
func (s *Stack) AdminTransport() (*kafka.Transport, error) {
	encryption, err := s.encryption()
	return &kafka.Transport{TLS: encryption, SASL: plain.Mechanism{Username: adminUser, Password: s.secrets.Kafka[adminUser]}}, err
}

// AdminClient may do everything.
func (s *Stack) AdminClient() (*kafka.Client, error) {
	transport, err := s.AdminTransport()
	return &kafka.Client{Addr: kafka.TCP(s.Kafka.SecureAddr()), Transport: transport}, err
}

// AdminOptions are for a client of franz-go that may do everything.
func (s *Stack) AdminOptions() ([]kgo.Opt, error) {
	encryption, err := s.encryption()
	return []kgo.Opt{
		kgo.SeedBrokers(s.Kafka.SecureAddr()), kgo.DialTLSConfig(encryption),
		kgo.SASL(kgoplain.Auth{User: adminUser, Pass: s.secrets.Kafka[adminUser]}.AsMechanism()),
	}, err
}

func (s *Stack) encryption() (*tls.Config, error) {
	pem, err := os.ReadFile(s.CAFile())
	if err != nil {
		return nil, fmt.Errorf("read the certificate of Kafka's authority: %w", err)
	}
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(pem)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority}, nil
}
