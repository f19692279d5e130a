package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startAPI runs an API process until stop is called, which holds that it then ends
// well. Temporal and Kafka are away: it starts all the same.
func startAPI(t *testing.T, args ...string) (address, metrics string, stop func()) {
	t.Helper()
	secret := secretFile(t, "0123456789abcdef")
	ctx, cancel := context.WithCancel(t.Context())
	logRead, logWrite := io.Pipe()
	exited := make(chan int, 1)
	go func() {
		exited <- run(ctx, append([]string{"api", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--temporal-address", "127.0.0.1:1", "--kafka-brokers", "127.0.0.1:1",
			"--secret-file", secret}, args...), strings.NewReader(""), io.Discard, logWrite)
		_ = logWrite.Close()
	}()
	lines := bufio.NewScanner(logRead)
	for address == "" && lines.Scan() {
		if match := regexp.MustCompile(`msg="taking orders" address=(\S+) metrics=http://(\S+)/metrics`).FindStringSubmatch(lines.Text()); match != nil {
			address, metrics = match[1], match[2]
		}
	}
	require.NotEmpty(t, address)
	go func() { _, _ = io.Copy(io.Discard, logRead) }()
	return address, metrics, func() {
		cancel() // what SIGTERM does
		select {
		case code := <-exited:
			require.Equal(t, 0, code)
		case <-time.After(time.Minute):
			t.Fatal("did not stop")
		}
	}
}

func TestTheAPIProcess(t *testing.T) {
	t.Parallel()
	address, metrics, stop := startAPI(t)
	for place, status := range map[string]int{
		address + "/healthz": http.StatusOK, address + "/readyz": http.StatusServiceUnavailable, address + "/api/v1/menu": http.StatusOK,
		// Customers do not see the process's numbers, nor operators' tools its orders.
		address + "/metrics": http.StatusNotFound, metrics + "/metrics": http.StatusOK,
		metrics + "/healthz": http.StatusOK, metrics + "/readyz": http.StatusServiceUnavailable, metrics + "/api/v1/menu": http.StatusNotFound,
	} {
		requireStatus(t, status, "http://"+place)
	}
	stop()
}

func TestTheAPIProcessNamesEveryWrongSettingAtOnce(t *testing.T) {
	t.Parallel()
	c := invoke(t, "", "api", "--secret-file", secretFile(t, "short"), "--kitchen", "/nowhere/kitchen.yaml", "--kafka-brokers", "no-port",
		"--staff", "/nowhere/staff.yaml", "--trusted-proxies", "10.0.0.0/8,the-proxy", "--ledger-database", "mysql://db/ledger")
	require.Equal(t, exitUsage, c.code)
	require.Contains(t, c.stderr, "the deployment's secret has 5 characters, and must have at least 16")
	require.Contains(t, c.stderr, "/nowhere/kitchen.yaml")
	require.Contains(t, c.stderr, "no-port")
	require.Contains(t, c.stderr, "--ledger-database, $CUPCAKERY_LEDGER_DATABASE: not a database's address")
	require.Contains(t, c.stderr, "read the staff file: open /nowhere/staff.yaml")
	require.Contains(t, c.stderr, `--trusted-proxies "the-proxy": give a network such as 10.0.0.0/8, or one address`)

	c = invoke(t, "", "api")
	require.Equal(t, exitUsage, c.code)
	require.Contains(t, c.stderr, "set $CUPCAKERY_SECRET or $CUPCAKERY_SECRET_FILE")

	for secret, says := range map[string]string{
		"a secret for demonstrations only": "stood in an example, so everybody knows it",
		"0000000000000000":                 "made of 1 different characters",
		"abcdabcdabcdabcdabcd":             "made of 4 different characters",
	} {
		c = invoke(t, "", "api", "--secret-file", secretFile(t, secret))
		require.Equal(t, exitUsage, c.code, secret)
		require.Contains(t, c.stderr, says)
		require.Contains(t, c.stderr, `make one with "openssl rand -hex 32"`)
		require.NotContains(t, c.stderr, secret)
	}

	c = invoke(t, "", "api", "--secret-file", "/nowhere/secret")
	require.Equal(t, exitUsage, c.code)
	require.Contains(t, c.stderr, "read the deployment's secret")
}

func TestTheAPIProcessNamesAnAddressInUse(t *testing.T) {
	t.Parallel()
	fake := newFakeAPI(t, hangUp)
	c := invoke(t, "", "api", "--secret-file", secretFile(t, "0123456789abcdef"), "--listen", strings.TrimPrefix(fake.URL, "http://"))
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stderr, "address already in use; choose another address with --listen")

	c = invoke(t, "", "api", "--secret-file", secretFile(t, "0123456789abcdef"), "--listen", "127.0.0.1:0", "--metrics-listen", strings.TrimPrefix(fake.URL, "http://"))
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stderr, "address already in use; choose another address with --metrics-listen")
}

// The ledger's database is away here, and its password comes from the command line there.
func TestTheAPIProcessNeedsNoLedgerToBeReady(t *testing.T) {
	t.Setenv(pinVariable, "314159")
	staff := filepath.Join(t.TempDir(), "staff.yaml")
	pin := invoke(t, "314159\n", "staff", "hash").stdout
	require.NoError(t, os.WriteFile(staff, []byte("staff:\n  - name: max\n    role: manager\n"+pin), 0o600))
	address, _, stop := startAPI(t, "--staff", staff, "--ledger-database", "postgres://ledger@127.0.0.1:1/ledger")
	defer stop()
	c := invoke(t, "", "report", "days", "--as", "max", "--api", "http://"+address)
	require.Equal(t, exitUnavailable, c.code, c.stderr)
	require.Contains(t, c.stderr, "The ledger's database did not answer in time")
	answer, err := http.Get("http://" + address + "/readyz")
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.NotContains(t, string(body), "ledger")

	c = invoke(t, "", "api", "--ledger-database", "postgres://ledger:hunter2@127.0.0.1:1/ledger")
	require.Equal(t, exitUsage, c.code)
	require.Contains(t, c.stderr, "no password is taken from one")
	require.NotContains(t, c.stderr, "hunter2")
}
