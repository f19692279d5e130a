package devstack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/namespace"
)

const (
	// temporalServerModule has the server's version, in a module of its own so
	// that the product does not depend on it.
	temporalServerModule = "deploy/temporalserver"
	// temporalServerStart bounds how long the server may take to come up after a
	// kill: its place in its own cluster is free again only after a while.
	temporalServerStart = 2 * time.Minute
)

// TemporalServerConfig says how the Temporal server of a production runs.
type TemporalServerConfig struct {
	// Postgres keeps the orders.
	Postgres *Postgres
	// DataDir gets the log. Defaults to a temporary directory that Stop removes.
	DataDir string
	// Port is where workers and clients connect. Defaults to a free one.
	Port int
	// DynamicConfig is added to deploy/temporal/dynamicconfig.yaml, for tests.
	DynamicConfig map[string]string
	// Say hears what takes minutes. May be nil.
	Say func(string)
}

// TemporalServer is a running Temporal server: the real one, with all its
// services in one process, on PostgreSQL.
type TemporalServer struct {
	config    TemporalServerConfig
	program   string
	port      int
	env       []string
	temporary bool
	child     *childProcess
	log       string
}

// StartTemporalServer brings the databases to the server's schema, starts the
// server, and returns once the namespace "default" takes orders. The first time
// it builds the server, which takes minutes. It must run in the repository.
func StartTemporalServer(ctx context.Context, config TemporalServerConfig) (*TemporalServer, error) {
	if config.Say == nil {
		config.Say = func(string) {}
	}
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	programs, err := buildTemporalServer(ctx, root, config.Say)
	if err != nil {
		return nil, err
	}
	t := &TemporalServer{config: config, program: filepath.Join(programs, "temporal-server")}
	if config.DataDir == "" {
		t.temporary = true
		if t.config.DataDir, err = os.MkdirTemp("", "temporal-server-"); err != nil {
			return nil, fmt.Errorf("make the Temporal server's data directory: %w", err)
		}
	}
	if err = os.MkdirAll(t.config.DataDir, 0o755); err == nil {
		t.log = filepath.Join(t.config.DataDir, "server.log")
		if err = config.Postgres.applyTemporalSchema(ctx, root, programs); err == nil {
			err = t.firstStart(ctx, root)
		}
	}
	if err != nil {
		t.Stop()
		return nil, fmt.Errorf("start the Temporal server: %w", err)
	}
	return t, nil
}

// firstStart chooses ports and tries others if another program was quicker.
func (t *TemporalServer) firstStart(ctx context.Context, root string) error {
	for attempt := 1; ; attempt++ {
		err := t.configure(root)
		if err == nil {
			err = t.Restart(ctx)
		}
		if attempt == startAttempts || !isPortInUse(err) {
			return err
		}
	}
}

// BuildTemporalServer builds the server and its schema tool unless they are
// there.
func BuildTemporalServer(ctx context.Context, say func(string)) error {
	root, err := moduleRoot()
	if err == nil {
		_, err = buildTemporalServer(ctx, root, say)
	}
	return err
}

// buildTemporalServer returns the directory with the programs, under the names
// that they have in Temporal's images.
func buildTemporalServer(ctx context.Context, root string, say func(string)) (string, error) {
	module := filepath.Join(root, temporalServerModule)
	version, err := temporalServerVersion(module)
	if err != nil {
		return "", err
	}
	return toolDir(filepath.Join(root, ".tools"), "temporal-server-"+version, func(dir string) error {
		say(fmt.Sprintf("Building the Temporal server %s (once; it takes several minutes of all processors) ...", version))
		work, err := os.MkdirTemp(filepath.Dir(dir), "temporal-server-")
		if err != nil {
			return fmt.Errorf("build the Temporal server: %w", err)
		}
		defer func() { _ = os.RemoveAll(work) }() // a left-over harms nobody
		built := filepath.Join(work, "bin")
		for program, from := range map[string]string{"temporal-server": "server", "temporal-sql-tool": "tools/sql"} {
			build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(built, program), "go.temporal.io/server/cmd/"+from)
			build.Dir = module
			if out, err := build.CombinedOutput(); err != nil {
				return fmt.Errorf("build the Temporal server %s: %w\n%s", version, err, out)
			}
		}
		return os.Rename(built, dir)
	})
}

// temporalServerVersion is what the server's module asks for.
func temporalServerVersion(module string) (string, error) {
	data, err := os.ReadFile(filepath.Join(module, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("find the Temporal server's version (this runs only in the repository): %w", err)
	}
	found := regexp.MustCompile(`(?m)^\s*(?:require )?go\.temporal\.io/server v(\S+)`).FindSubmatch(data)
	if found == nil {
		return "", fmt.Errorf("%s/go.mod does not ask for go.temporal.io/server", module)
	}
	return string(found[1]), nil
}

// applyTemporalSchema makes the two databases, or brings them to the schema of
// the schema tool's version.
func (p *Postgres) applyTemporalSchema(ctx context.Context, root, programs string) error {
	cmd := exec.CommandContext(ctx, "sh", filepath.Join(root, "deploy/temporal/schema.sh"))
	cmd.Env = p.schemaEnv(programs)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bring PostgreSQL's databases to Temporal's schema: %w\n%s", err, out)
	}
	return nil
}

// schemaEnv says to the schema's script what docker-compose.yml says to it.
func (p *Postgres) schemaEnv(programs string) []string {
	return append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "SQL_PLUGIN=postgres12", "SQL_HOST="+localhost,
		"SQL_PORT="+strconv.Itoa(p.port), "SQL_USER="+postgresUser, "SQL_PASSWORD="+p.config.Password)
}

// configure says to the server what docker-compose.yml says to its image, and
// gives each of its services ports of its own.
func (t *TemporalServer) configure(root string) error {
	dynamic := filepath.Join(root, "deploy/temporal/dynamicconfig.yaml")
	if len(t.config.DynamicConfig) > 0 {
		text, err := os.ReadFile(dynamic)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(t.config.DynamicConfig)) {
			text = fmt.Appendf(text, "%s:\n  - value: %s\n", key, t.config.DynamicConfig[key])
		}
		dynamic = filepath.Join(t.config.DataDir, "dynamicconfig.yaml")
		if err := os.WriteFile(dynamic, text, 0o644); err != nil {
			return err
		}
	}
	host, port, err := net.SplitHostPort(t.config.Postgres.Addr())
	if err != nil {
		return err
	}
	names := []string{
		"FRONTEND_GRPC_PORT", "FRONTEND_HTTP_PORT", "FRONTEND_MEMBERSHIP_PORT", "HISTORY_GRPC_PORT", "HISTORY_MEMBERSHIP_PORT",
		"MATCHING_GRPC_PORT", "MATCHING_MEMBERSHIP_PORT", "WORKER_GRPC_PORT", "WORKER_MEMBERSHIP_PORT",
	}
	ports, err := freePorts(len(names))
	if err != nil {
		return err
	}
	if t.config.Port != 0 {
		ports[0] = t.config.Port
	}
	t.port = ports[0]
	// Settings meant for clients, such as TEMPORAL_ADDRESS, are not the server's.
	t.env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TEMPORAL_") })
	t.env = append(t.env, "DB=postgres12", "DB_PORT="+port, "POSTGRES_SEEDS="+host, "POSTGRES_USER="+postgresUser,
		"POSTGRES_PWD="+t.config.Postgres.config.Password, "BIND_ON_IP="+localhost, "DYNAMIC_CONFIG_FILE_PATH="+dynamic,
		"NUM_HISTORY_SHARDS=16", "LOG_LEVEL=warn")
	for i, name := range names {
		t.env = append(t.env, name+"="+strconv.Itoa(ports[i]))
	}
	return nil
}

// Addr is where workers and clients connect, as host:port.
func (t *TemporalServer) Addr() string { return hostPort(t.port) }

// PID is the server's process id.
func (t *TemporalServer) PID() int { return t.child.cmd.Process.Pid }

// Exited is closed when the server has ended, by Stop or by itself.
func (t *TemporalServer) Exited() <-chan struct{} { return t.child.exited }

// Err returns, once the server has ended by itself, what it logged last.
func (t *TemporalServer) Err() error {
	return fmt.Errorf("the Temporal server ended (%s); its log ends with:\n%s", t.child.cmd.ProcessState, lastLines(t.log))
}

// Kill ends the server as kill -9 does.
func (t *TemporalServer) Kill() {
	if t.child != nil {
		t.child.kill()
	}
}

// Restart starts the server again, on the same databases and ports, after Kill.
func (t *TemporalServer) Restart(ctx context.Context) error {
	log, err := os.Create(t.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor
	cmd := exec.Command(t.program, "--allow-no-auth", "start")
	cmd.Dir, cmd.Env = t.config.DataDir, t.env
	cmd.Stdout, cmd.Stderr = log, log
	if t.child, err = startChild(cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, temporalServerStart)
	defer cancel()
	for {
		asked := t.checkReady(ctx)
		if asked == nil {
			return nil
		}
		select {
		case <-t.child.exited:
			return t.Err()
		case <-ctx.Done():
			t.Kill()
			return errors.Join(fmt.Errorf("it takes no orders: %w; its log ends with:\n%s", asked, lastLines(t.log)), ctx.Err())
		case <-time.After(10 * pollEvery):
		}
	}
}

// checkReady prepares the namespace, which also shows that all services work
// together.
func (t *TemporalServer) checkReady(ctx context.Context) error {
	c, err := client.DialContext(ctx, client.Options{HostPort: t.Addr(), Logger: silentLogger{}})
	if err != nil {
		return err
	}
	defer c.Close()
	return namespace.Apply(ctx, c, namespace.Settings{Namespace: client.DefaultNamespace}, func([]string) {})
}

// Stop shuts the server down cleanly. PostgreSQL goes on.
func (t *TemporalServer) Stop() {
	if t.child != nil {
		t.child.stop()
	}
	if t.temporary {
		_ = os.RemoveAll(t.config.DataDir) // a left-over in the temporary directory harms nobody
	}
}
