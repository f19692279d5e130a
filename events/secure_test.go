package events_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// A real broker with TLS both ways and each SASL mechanism: what a Connection
// says is what the broker asks for.
func TestSecureConnection(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	serverCert, serverKey := authority.issue(t, "broker")
	clientCert, clientKey := authority.issue(t, "client")
	kafka, err := devstack.StartApacheKafka(t.Context(), devstack.ApacheKafkaConfig{Secure: &devstack.SecureListener{
		CertPEM: serverCert, KeyPEM: serverKey, ClientCAPEM: authority.pem,
		Users: map[string]string{"bob": "red velvet"},
	}})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	good := events.Connection{
		Brokers: []string{kafka.SecureAddr()},
		SASL:    events.SASL{Mechanism: events.MechanismPlain, Username: "bob", Password: "red velvet"},
		TLS: events.TLS{
			Enabled: true, CAFile: file("ca.pem", authority.pem),
			CertFile: file("client.pem", clientCert), KeyFile: file("client.key", clientKey),
		},
	}
	_, err = events.ApplyTopics(t.Context(), good, events.TopicSettings{Partitions: 1})
	require.NoError(t, err)

	for _, mechanism := range []string{events.MechanismPlain, events.MechanismScramSHA256, events.MechanismScramSHA512} {
		t.Run(mechanism+"RoundTrip", func(t *testing.T) {
			connection := good
			connection.SASL.Mechanism = mechanism
			roundTrip(t, connection, mechanism)
		})
	}
	for _, fault := range []struct {
		name, says string
		change     func(*events.Connection)
	}{
		{"WrongPlainPasswordIsNamed", `refused the SASL credentials (mechanism "PLAIN", user "bob")`, func(c *events.Connection) { c.SASL.Password = "vanilla" }},
		{"WrongScramPasswordIsNamed", `refused the SASL credentials (mechanism "SCRAM-SHA-512", user "bob")`, func(c *events.Connection) {
			c.SASL.Mechanism, c.SASL.Password = events.MechanismScramSHA512, "vanilla"
		}},
		{"ABrokerOfAnUnknownAuthorityIsRefused", "the TLS settings do not match the broker", func(c *events.Connection) {
			c.TLS.CAFile = file("other.pem", newAuthority(t).pem)
		}},
		{"AnotherServerNameIsRefused", "the TLS settings do not match the broker", func(c *events.Connection) { c.TLS.ServerName = "elsewhere.example" }},
		{"AMissingClientCertificateIsNamed", "the TLS settings do not match the broker", func(c *events.Connection) { c.TLS.CertFile, c.TLS.KeyFile = "", "" }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			connection := good
			fault.change(&connection)
			err := events.CheckTopics(t.Context(), connection)
			require.ErrorContains(t, err, fault.says)
			var unavailable *events.UnavailableError
			assert.NotErrorAs(t, err, &unavailable, "waiting does not mend it")
		})
	}
	t.Run("APortThatClosesHintsAtTheSettings", func(t *testing.T) {
		connection := good
		connection.Brokers = []string{kafka.Addr()} // speaks no TLS
		require.ErrorContains(t, events.CheckTopics(t.Context(), connection), "the TLS or SASL settings do not fit its port")
	})
}

// roundTrip publishes a ticket and reads it as a member of a group.
func roundTrip(t *testing.T, connection events.Connection, group string) {
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
	writer, err := events.NewWriter(connection)
	require.NoError(t, err)
	require.NoError(t, writer.PublishTicket(t.Context(), kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: orderID, Stage: ref.Stage, Pass: 1, Attempt: 1, IssuedAt: time.Now(),
	}))
	require.NoError(t, writer.Close())

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	found := false
	consumer, err := events.NewConsumer(events.ConsumerConfig{
		Connection: connection, Group: group, Topics: []string{events.TicketTopic(kitchen.Mix)},
		Handle: func(_ context.Context, d *events.Delivery) {
			d.Done()
			if ticket, err := events.DecodeTicket(d.Message); err == nil && ticket.OrderID == orderID {
				found = true
				cancel()
			}
		},
	})
	require.NoError(t, err)
	require.NoError(t, consumer.Run(ctx))
	assert.True(t, found)
}

// authority signs certificates for this machine.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour),
		NotBefore: time.Now().Add(-time.Hour), SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{certificate: certificate, key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a *authority) issue(t *testing.T, name string) (certificate, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, NotAfter: time.Now().Add(time.Hour),
		NotBefore: time.Now().Add(-time.Hour), SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}
