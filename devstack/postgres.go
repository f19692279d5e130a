package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	// postgresUser owns the databases, as in docker-compose.yml.
	postgresUser = "temporal"
	// postgresAccount runs the server when we are root, which it refuses.
	// Debian's package makes it.
	postgresAccount = "postgres"
	// postgresStart bounds how long the server may take to come up, also when
	// it has to recover from a kill.
	postgresStart = time.Minute
)

// PostgresConfig says how PostgreSQL runs.
type PostgresConfig struct {
	// DataDir keeps the cluster. Defaults to a temporary directory that Stop
	// removes.
	DataDir string
	// Port on 127.0.0.1. Defaults to a free one.
	Port int
	// Password of the user that owns the databases. A cluster that exists keeps
	// the one that it was made with.
	Password string
}

// Postgres is a running PostgreSQL server: Debian's, or the first on the PATH.
type Postgres struct {
	config    PostgresConfig
	port      int
	programs  string
	account   *syscall.Credential // nil for this process's own
	temporary bool
	child     *childProcess
	log       string
}

// StartPostgres returns once the server answers. The first time it makes the
// cluster. If this process is root the server runs as user "postgres".
func StartPostgres(ctx context.Context, config PostgresConfig) (*Postgres, error) {
	p := &Postgres{config: config}
	var err error
	if p.programs, err = postgresPrograms(); err != nil {
		return nil, err
	}
	if p.account, err = postgresCredential(); err != nil {
		return nil, err
	}
	if config.DataDir == "" {
		p.temporary = true
		if p.config.DataDir, err = os.MkdirTemp("", "postgres-"); err != nil {
			return nil, fmt.Errorf("make PostgreSQL's data directory: %w", err)
		}
	}
	p.log = filepath.Join(p.config.DataDir, "server.log")
	if err = p.prepare(ctx); err == nil {
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

// CheckPrograms names all that is missing of what StartPostgres and
// StartApacheKafka run, with the remedies.
func CheckPrograms() error {
	_, postgres := postgresPrograms()
	_, account := postgresCredential()
	_, java := lookPath("java", javaRemedy)
	return errors.Join(postgres, account, java)
}

// postgresPrograms finds the directory with PostgreSQL's programs. Debian keeps
// most of them off the PATH.
func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path) // the others lie beside the program, not beside the link
		return filepath.Dir(path), err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: install it (on Debian: apt-get install postgresql)")
	}
	slices.SortFunc(found, func(a, b string) int { return postgresVersion(a) - postgresVersion(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

func postgresVersion(initdb string) int {
	version, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb)))) // 0 sorts first
	return version
}

// postgresCredential is who the server runs as.
func postgresCredential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup(postgresAccount)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is no user %q to run it as: make one (useradd --system %s), or start this as another user: %w", postgresAccount, postgresAccount, err)
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

// prepare makes the cluster unless there is one.
func (p *Postgres) prepare(ctx context.Context) error {
	if err := os.MkdirAll(p.config.DataDir, 0o700); err != nil {
		return err
	}
	if err := p.own(p.config.DataDir); err != nil {
		return err
	}
	cluster := filepath.Join(p.config.DataDir, "cluster")
	if _, err := os.Stat(filepath.Join(cluster, "PG_VERSION")); err == nil {
		return nil
	}
	password := filepath.Join(p.config.DataDir, "password")
	if err := os.WriteFile(password, []byte(p.config.Password+"\n"), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.Remove(password) }() // nobody but the server's user could read it
	if err := p.own(password); err != nil {
		return err
	}
	initdb := p.command(ctx, "initdb", "--pgdata", cluster, "--username", postgresUser, "--pwfile", password,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C")
	if out, err := initdb.CombinedOutput(); err != nil {
		_ = os.RemoveAll(cluster) // half a cluster would look like one
		return fmt.Errorf("make the cluster in %q: %w; if permission is denied, each directory above must be open to user %q (chmod o+x), or choose another one\n%s",
			p.config.DataDir, err, postgresAccount, out)
	}
	return nil
}

// own gives a file to the server's user.
func (p *Postgres) own(path string) error {
	if p.account == nil {
		return nil
	}
	return os.Chown(path, int(p.account.Uid), int(p.account.Gid))
}

func (p *Postgres) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.programs, program), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.account}
	cmd.Dir = p.config.DataDir
	return cmd
}

// Addr is where the server listens, as host:port.
func (p *Postgres) Addr() string { return hostPort(p.port) }

// PID is the process id of the server's first process.
func (p *Postgres) PID() int { return p.child.cmd.Process.Pid }

// Exited is closed when the server has ended, by Stop or by itself.
func (p *Postgres) Exited() <-chan struct{} { return p.child.exited }

// Err returns, once the server has ended by itself, what it logged last.
func (p *Postgres) Err() error {
	return fmt.Errorf("PostgreSQL ended (%s); its log ends with:\n%s", p.child.cmd.ProcessState, lastLines(p.log))
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
	cmd := p.command(context.Background(), "postgres", "-D", filepath.Join(p.config.DataDir, "cluster"), "-p", strconv.Itoa(p.port),
		"-c", "listen_addresses="+localhost, "-c", "unix_socket_directories=")
	cmd.Stdout, cmd.Stderr = log, log
	p.child, err = startChild(cmd)
	return err
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

// Stop shuts the server down cleanly and removes a temporary data directory.
func (p *Postgres) Stop() {
	if p.child != nil {
		// It waits for its clients to go when it is asked as others are.
		p.child.stopBy(syscall.SIGINT, stopWithin)
	}
	if p.temporary {
		_ = os.RemoveAll(p.config.DataDir) // a left-over in the temporary directory harms nobody
	}
}
