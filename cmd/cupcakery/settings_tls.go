package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// tlsSettings are the certificate with which the API serves TLS itself.
type tlsSettings struct {
	cert string
	key  string
}

func (s *tlsSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.cert, "tls-cert", "", "PEM file of the API's certificate and its chain, to serve TLS; read again when it changes")
	fromEnvironment(flags, "tls-cert", "CUPCAKERY_API_TLS_CERT")
	flags.StringVar(&s.key, "tls-key", "", "PEM file of the certificate's key, with --tls-cert")
	fromEnvironment(flags, "tls-key", "CUPCAKERY_API_TLS_KEY")
}

// load returns how to serve TLS, nil for not at all.
func (s *tlsSettings) load(logger *slog.Logger) (*tls.Config, error) {
	if s.cert == "" && s.key == "" {
		return nil, nil
	}
	if s.cert == "" || s.key == "" {
		return nil, errors.New("--tls-cert and --tls-key go together: give both, or neither to serve without TLS")
	}
	files := &certificateFiles{cert: s.cert, key: s.key, logger: logger}
	if err := files.reload(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get}, nil
}

// certificateFiles is a certificate that is read again once its files have changed,
// as they do when a cluster renews it.
type certificateFiles struct {
	cert, key string
	logger    *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	read    [2]fileState // of the last attempt to read, good or not
}

// fileState tells a file from what it was before.
type fileState struct {
	changedAt time.Time
	size      int64
}

// get is asked at each handshake. While the files cannot be read, as in the middle of
// a change, the certificate from before is good.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read != f.states() {
		if err := f.reload(); err != nil {
			f.logger.Error("the API's certificate has changed and cannot be read; the one from before is used", "error", err)
		} else {
			f.logger.Info("the API's certificate was read again", "valid until", f.current.Leaf.NotAfter)
		}
	}
	return f.current, nil
}

func (f *certificateFiles) reload() error {
	f.read = f.states()
	certificate, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("read the API's certificate (--tls-cert, --tls-key): %w", err)
	}
	f.current = &certificate
	return nil
}

func (f *certificateFiles) states() [2]fileState {
	var states [2]fileState
	for i, file := range []string{f.cert, f.key} {
		if info, err := os.Stat(file); err == nil {
			states[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return states
}
