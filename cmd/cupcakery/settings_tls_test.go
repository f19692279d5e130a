package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// writeCertificate writes a certificate for 127.0.0.1 with its key, and returns
// somebody who trusts it alone.
func writeCertificate(t *testing.T, certFile, keyFile, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certFile, certificate, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(certificate))
	return pool
}

func TestTheAPIServesTLSAndReadsARenewedCertificate(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	certFile, keyFile := filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key")
	first := writeCertificate(t, certFile, keyFile, "first")
	address, _, stop := startAPI(t, "--tls-cert", certFile, "--tls-key", keyFile)

	get := func(trusted *x509.CertPool) (int, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		response, err := client.Get("https://" + address + "/api/v1/menu")
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	status, err := get(first)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	requireStatus(t, http.StatusBadRequest, "http://"+address+"/api/v1/menu") // TLS only

	// The key comes a moment after its certificate.
	key, err := os.ReadFile(keyFile)
	require.NoError(t, err)
	second := writeCertificate(t, certFile, keyFile, "second, which is longer")
	newKey, err := os.ReadFile(keyFile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(keyFile, append(key, "half\n"...), 0o600))
	_, err = get(first)
	require.NoError(t, err, "the certificate from before is good while the files do not fit together")
	require.NoError(t, os.WriteFile(keyFile, newKey, 0o600))
	_, err = get(second)
	require.NoError(t, err)
	_, err = get(first)
	require.Error(t, err)

	stop()
}

func TestACertificateThatCannotServeIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	logger := slog.New(slog.DiscardHandler)
	config, err := (&tlsSettings{}).load(logger)
	require.NoError(t, err)
	require.Nil(t, config)
	_, err = (&tlsSettings{cert: "tls.crt"}).load(logger)
	require.ErrorContains(t, err, "--tls-cert and --tls-key go together")
	_, err = (&tlsSettings{cert: "/nowhere/tls.crt", key: "/nowhere/tls.key"}).load(logger)
	require.ErrorContains(t, err, "/nowhere/tls.crt")
}
