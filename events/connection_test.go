package events

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryFaultOfAConnectionIsReportedAtOnce(t *testing.T) {
	dir := t.TempDir()
	notPEM := filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(notPEM, []byte("hello"), 0o600))
	err := Connection{
		Brokers: []string{"kafka.example.com", "kafka:0", ":9092", "good:9092"},
		SASL:    SASL{Mechanism: "GSSAPI"},
		TLS:     TLS{Enabled: true, CAFile: notPEM, KeyFile: "client.key"},
	}.Check()
	require.Error(t, err)
	faults := strings.Split(err.Error(), "\n")
	assert.Equal(t, []string{
		`brokers: "kafka.example.com" must read host:port, such as kafka.example.com:9092`,
		`brokers: "kafka:0" must read host:port, such as kafka.example.com:9092`,
		`brokers: ":9092" must read host:port, such as kafka.example.com:9092`,
		`SASL user name: missing: GSSAPI needs one`,
		`SASL password: missing: GSSAPI needs one`,
		`SASL mechanism: unknown "GSSAPI": use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512`,
		`TLS CA file: "` + notPEM + `" holds no certificate: it must be PEM, starting with -----BEGIN CERTIFICATE-----`,
		`TLS certificate file: missing though the key file "client.key" is given: give both or neither`,
	}, faults)
}

func TestConnectionCheck(t *testing.T) {
	brokers := []string{"127.0.0.1:9092", "[::1]:9092"}
	for name, c := range map[string]struct {
		connection Connection
		fault      string
	}{
		"PlainConnection":     {Connection{Brokers: brokers}, ""},
		"NoBrokers":           {Connection{}, "brokers: none given"},
		"SASLWithoutTLS":      {Connection{Brokers: brokers, SASL: SASL{MechanismScramSHA256, "bob", "secret"}}, ""},
		"PasswordOnly":        {Connection{Brokers: brokers, SASL: SASL{Password: "secret"}}, "SASL mechanism: missing though"},
		"UserMissing":         {Connection{Brokers: brokers, SASL: SASL{Mechanism: MechanismPlain, Password: "secret"}}, "SASL user name: missing"},
		"TLSOfTheSystem":      {Connection{Brokers: brokers, TLS: TLS{Enabled: true}}, ""},
		"CAWithoutTLS":        {Connection{Brokers: brokers, TLS: TLS{CAFile: "ca.pem"}}, "TLS: files or a server name are given but TLS is off"},
		"NoSuchCAFile":        {Connection{Brokers: brokers, TLS: TLS{Enabled: true, CAFile: "/nowhere/ca.pem"}}, "TLS CA file: open /nowhere/ca.pem"},
		"NoSuchCertificate":   {Connection{Brokers: brokers, TLS: TLS{Enabled: true, CertFile: "/nowhere/c", KeyFile: "/nowhere/k"}}, `TLS certificate file "/nowhere/c" with key file "/nowhere/k"`},
		"CertificateAlone":    {Connection{Brokers: brokers, TLS: TLS{Enabled: true, CertFile: "c"}}, "TLS key file: missing though the certificate file"},
		"LowerCaseMechanism":  {Connection{Brokers: brokers, SASL: SASL{"plain", "bob", "secret"}}, ""},
		"ProhibitedCharacter": {Connection{Brokers: brokers, SASL: SASL{MechanismScramSHA512, "bob", "a\x00b"}}, "prohibited"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.connection.Check()
			if c.fault == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.fault)
			}
		})
	}
}

func TestNoPasswordInErrors(t *testing.T) {
	err := Connection{SASL: SASL{Mechanism: "nonsense", Username: "bob", Password: "red velvet"}}.Check()
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "red velvet")
}
