package events_test

import (
	"context"
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
	authority, err := devstack.NewAuthority()
	require.NoError(t, err)
	another, err := devstack.NewAuthority()
	require.NoError(t, err)
	serverCert, serverKey, err := authority.Issue("broker")
	require.NoError(t, err)
	clientCert, clientKey, err := authority.Issue("client")
	require.NoError(t, err)
	kafka, err := devstack.StartApacheKafka(t.Context(), devstack.ApacheKafkaConfig{Secure: &devstack.SecureListener{
		CertPEM: serverCert, KeyPEM: serverKey, ClientCAPEM: authority.PEM(),
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
			Enabled: true, CAFile: file("ca.pem", authority.PEM()),
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
			c.TLS.CAFile = file("other.pem", another.PEM())
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
