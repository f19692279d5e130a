package devstack_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
)

func TestPostgresKeepsWhatItHasSaidItHas(t *testing.T) {
	t.Parallel()
	postgres, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Password: "red velvet"})
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	psql := func(password, command string) (string, error) {
		host, port, err := net.SplitHostPort(postgres.Addr())
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--host", host, "--port", port,
			"--username", "temporal", "--dbname", "postgres", "--command", command)
		cmd.Env = append(cmd.Environ(), "PGPASSWORD="+password)
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	output, err := psql("red velvet", "create table orders as select 'lemon' as flavour, 'for Mia'::bytea as message")
	require.NoError(t, err, output)
	output, err = psql("vanilla", "select 1")
	require.Error(t, err)
	require.Contains(t, output, "password authentication failed")

	postgres.Kill()
	require.NoError(t, postgres.Restart(t.Context()))
	output, err = psql("red velvet", "select flavour from orders")
	require.NoError(t, err, output)
	require.Equal(t, "lemon\n", output)
	dump, err := postgres.Dump(t.Context())
	require.NoError(t, err)
	require.Contains(t, string(dump), "for Mia", "also from a column that holds bytes")
}

func TestADirectoryThatPostgresCannotReachIsNamedWithTheRemedy(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o000))
	_, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{DataDir: filepath.Join(closed, "data")})
	require.ErrorContains(t, err, closed)
	if os.Geteuid() == 0 {
		require.ErrorContains(t, err, "chmod o+x")
	}
}
