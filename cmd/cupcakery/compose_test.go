package main

import (
	"context"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/kitchen"
)

// No test here starts a container. They hold what can be known without: that
// the file is valid, and that it and the program mean the same thing.

const (
	repositoryRoot = "../.."
	// binaryInImage is where the Dockerfile puts the program.
	binaryInImage = "/usr/local/bin/cupcakery"
)

func TestComposeCallsCommandsFlagsAndVariablesThatExist(t *testing.T) {
	t.Parallel()
	found := 0
	for _, service := range loadCompose(t, nil).Services {
		if !isOurs(service) {
			continue
		}
		found++
		cmd := parsedCommand(t, service.Command)
		variables := map[string]bool{}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			for _, variable := range f.Annotations[envAnnotation] {
				variables[variable] = true
			}
		})
		values := service.Environment.Resolve(os.LookupEnv)
		for name := range values {
			assert.True(t, variables[name], "%s: `%s` does not read the variable %s", service.Name, cmd.CommandPath(), name)
		}
		assert.NoError(t, applyEnvironment(cmd.Flags(), func(name string) (string, bool) {
			value := values[name]
			return deref(value), value != nil
		}), service.Name)
		assert.Empty(t, service.Entrypoint, "%s: the image has its entrypoint", service.Name)
	}
	assert.Equal(t, 5+len(kitchen.Stages()), found, "topics, temporal-prepare, worker, ledger, api and each stage's robot")
}

func TestEveryStageHasARobot(t *testing.T) {
	t.Parallel()
	var stages []string
	for _, service := range loadCompose(t, nil).Services {
		if isOurs(service) && service.Command[0] == "station" {
			cmd := parsedCommand(t, service.Command)
			stages = append(stages, cmd.Flags().Arg(0))
			assert.Equal(t, "true", cmd.Flags().Lookup("auto").Value.String(), service.Name)
		}
	}
	assert.ElementsMatch(t, kitchen.StageNames(), stages)
}

func TestPublishedPortsAreListenedOnAndOpenToThisMachineOnly(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, nil)
	published := map[string]string{}
	for _, service := range project.Services {
		for _, port := range service.Ports {
			assert.Contains(t, listening(t, service), strconv.Itoa(int(port.Target)), "%s publishes a port that it does not listen on, or that is for operators", service.Name)
			assert.Equal(t, "127.0.0.1", port.HostIP, service.Name)
			published[port.Published] = service.Name
		}
	}
	assert.Equal(t, map[string]string{"7233": "temporal", "8080": "api", "8233": "temporal-ui", "9092": "kafka"}, published)

	for _, service := range loadCompose(t, types.Mapping{"BIND_ADDRESS": "0.0.0.0"}).Services {
		for _, port := range service.Ports {
			assert.Equal(t, "0.0.0.0", port.HostIP, service.Name)
		}
	}
}

func TestServicesFindEachOther(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, nil)
	for _, service := range project.Services {
		for name, value := range service.Environment {
			var addresses []string
			switch name {
			case "KAFKA_BROKERS":
				addresses = strings.Split(deref(value), ",")
			case "TEMPORAL_ADDRESS":
				addresses = []string{deref(value)}
			case "POSTGRES_SEEDS":
				addresses = []string{deref(value) + ":" + deref(service.Environment["DB_PORT"])}
			case "PGHOST":
				addresses = []string{deref(value) + ":" + deref(service.Environment["PGPORT"])}
			case "CUPCAKERY_LEDGER_DATABASE":
				database, err := url.Parse(deref(value))
				require.NoError(t, err)
				addresses = []string{database.Host}
			case "SQL_HOST":
				addresses = []string{deref(value) + ":" + deref(service.Environment["SQL_PORT"])}
			}
			for _, address := range addresses {
				host, port, err := net.SplitHostPort(address)
				require.NoError(t, err, service.Name)
				target, err := project.GetService(host)
				require.NoError(t, err, "%s: %s=%s", service.Name, name, address)
				assert.Contains(t, listening(t, target), port, "%s: %s=%s", service.Name, name, address)
			}
		}
	}

	// A client goes where the broker tells it to: from outside to the published
	// port, from inside to the service.
	kafka := serviceNamed(t, project, "kafka")
	advertised := strings.Split(deref(kafka.Environment["KAFKA_ADVERTISED_LISTENERS"]), ",")
	assert.ElementsMatch(t, []string{"SERVICES://kafka:19092", "MACHINE://localhost:" + kafka.Ports[0].Published}, advertised)
	assert.Equal(t, "kafka", kafka.Hostname)
}

func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	exact := regexp.MustCompile(`^[a-z0-9./-]+:[0-9]+\.[0-9]+(\.[0-9]+)?$`)
	project := loadCompose(t, types.Mapping{"CUPCAKERY_VERSION": "1.2.3"})
	for _, service := range project.Services {
		assert.Regexp(t, exact, service.Image, service.Name)
		if isOurs(service) {
			assert.Equal(t, "cupcakery:1.2.3", service.Image)
			assert.Equal(t, "1.2.3", deref(service.Build.Args["VERSION"]), "the binary says the image's version")
			assert.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
		}
	}
	assert.Equal(t, "apache/kafka:"+devstack.ApacheKafkaVersion, serviceNamed(t, project, "kafka").Image, "what the tests run against")
	server, _ := strings.CutPrefix(serviceNamed(t, project, "temporal").Image, "temporalio/server:")
	assert.Equal(t, "temporalio/admin-tools:"+server, serviceNamed(t, project, "temporal-schema").Image, "tools and schema of the server's own version")
	module, err := os.ReadFile(filepath.Join(repositoryRoot, "deploy/temporalserver/go.mod"))
	require.NoError(t, err)
	assert.Regexp(t, `(?m)go\.temporal\.io/server v`+regexp.QuoteMeta(server)+`\b`, string(module), "what make production runs")
}

func TestServicesStartAfterWhatTheyNeed(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, nil)
	for _, service := range project.Services {
		for name, dependency := range service.DependsOn {
			target := serviceNamed(t, project, name)
			switch dependency.Condition {
			case types.ServiceConditionHealthy:
				require.NotNil(t, target.HealthCheck, "%s waits for the health of %s, which has no check", service.Name, name)
				assert.False(t, target.HealthCheck.Disable, "%s waits for the health of %s, which has no check", service.Name, name)
			case types.ServiceConditionCompletedSuccessfully:
				assert.Regexp(t, `^on-failure`, target.Restart, "%s waits for the end of %s, which never ends", service.Name, name)
			default:
				assert.Fail(t, "waits for nothing", "%s: %s", service.Name, name)
			}
		}
		needs := after(t, project, service.Name)
		if isOurs(service) && service.Name != "topics" && service.Name != "temporal-prepare" {
			assert.True(t, needs["topics"] && needs["kafka"], service.Name)
		}
		if service.Name == "ledger" {
			assert.True(t, needs["ledger-database"] && needs["postgres"])
		}
		if _, uses := service.Environment["TEMPORAL_ADDRESS"]; uses && isOurs(service) && service.Name != "temporal-prepare" {
			assert.True(t, needs["temporal-prepare"] && needs["temporal"] && needs["temporal-schema"] && needs["postgres"], service.Name)
		}
	}
}

func TestHealthChecksAskWhatTheProcessAnswers(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, nil)
	for _, service := range project.Services {
		if !isOurs(service) {
			continue
		}
		require.NotNil(t, service.HealthCheck, "%s: the image's own check would ask the API's port", service.Name)
		if service.HealthCheck.Disable {
			assert.Empty(t, listening(t, service), "%s could be asked", service.Name)
			continue
		}
		test := service.HealthCheck.Test
		require.Equal(t, []string{"CMD", binaryInImage}, []string(test[:2]), service.Name)
		cmd := parsedCommand(t, test[2:])
		require.Equal(t, "cupcakery healthcheck", cmd.CommandPath())
		ports := listening(t, service)
		if operators := parsedCommand(t, service.Command).Flags().Lookup("metrics-listen"); operators != nil {
			_, port, err := net.SplitHostPort(operators.Value.String())
			require.NoError(t, err)
			ports = []string{port} // the customers' address may have TLS
		}
		assertAsksItself(t, cmd.Flags().Arg(0), ports)
	}
}

func TestMountedFilesExistAndVolumesKeepTheData(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, nil)
	for _, service := range project.Services {
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind {
				assert.FileExists(t, volume.Source, service.Name)
				assert.True(t, volume.ReadOnly, "%s: %s", service.Name, volume.Source)
			}
		}
	}
	for name, directory := range map[string]string{"kafka": "/var/lib/kafka/data", "postgres": "/var/lib/postgresql/data"} {
		service := serviceNamed(t, project, name)
		require.Len(t, service.Volumes, 1)
		assert.Equal(t, types.VolumeTypeVolume, service.Volumes[0].Type)
		assert.Equal(t, directory, service.Volumes[0].Target)
	}
	kafka := serviceNamed(t, project, "kafka")
	assert.Equal(t, "/var/lib/kafka/data", deref(kafka.Environment["KAFKA_LOG_DIRS"]))
	temporal := serviceNamed(t, project, "temporal")
	assert.Equal(t, temporal.Volumes[0].Target, deref(temporal.Environment["DYNAMIC_CONFIG_FILE_PATH"]))
	schema := serviceNamed(t, project, "temporal-schema")
	assert.Equal(t, []string{"sh", schema.Volumes[0].Target}, []string(schema.Command))
	database := serviceNamed(t, project, "ledger-database")
	assert.Equal(t, []string{"sh", database.Volumes[0].Target}, []string(database.Entrypoint))
	assert.Equal(t, serviceNamed(t, project, "postgres").Image, database.Image, "the server's own psql")
}

// A fresh deployment comes up, and has no PIN that everybody knows.
func TestNobodyCanSignInUntilAStaffFileIsNamed(t *testing.T) {
	t.Parallel()
	service := serviceNamed(t, loadCompose(t, nil), "api")
	require.Len(t, service.Volumes, 1)
	assert.Equal(t, deref(service.Environment["CUPCAKERY_STAFF"]), service.Volumes[0].Target)
	staff, err := kitchen.LoadStaff(service.Volumes[0].Source)
	require.NoError(t, err)
	assert.Empty(t, staff.People)

	named := serviceNamed(t, loadCompose(t, types.Mapping{"STAFF_FILE": "/srv/bakery/staff.yaml"}), "api")
	assert.Equal(t, "/srv/bakery/staff.yaml", named.Volumes[0].Source)
}

func TestServicesHaveNoMoreRightsThanTheyNeed(t *testing.T) {
	t.Parallel()
	for _, service := range loadCompose(t, nil).Services {
		assert.Equal(t, []string{"ALL"}, service.CapDrop, service.Name)
		assert.Equal(t, []string{"no-new-privileges:true"}, service.SecurityOpt, service.Name)
		assert.False(t, service.Privileged, service.Name)
		assert.NotEqual(t, "no", service.Restart, service.Name)
		assert.NotEmpty(t, service.Restart, service.Name)
		if isOurs(service) || service.Name == "ledger-database" {
			assert.True(t, service.ReadOnly, service.Name)
		}
	}
}

func TestSecretsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	secretName := regexp.MustCompile(`PASSWORD|PWD|SECRET`)
	project := loadCompose(t, nil)
	found := 0
	for _, service := range project.Services {
		for name, value := range service.Environment {
			if !secretName.MatchString(name) {
				continue
			}
			found++
			assert.Contains(t, slices.Collect(maps.Values(composeSecrets)), deref(value), "%s: %s", service.Name, name)
		}
	}
	assert.Equal(t, 6, found)
	for _, name := range []string{"ledger", "api"} {
		database, err := url.Parse(deref(serviceNamed(t, project, name).Environment["CUPCAKERY_LEDGER_DATABASE"]))
		require.NoError(t, err)
		password, _ := database.User.Password()
		assert.Equal(t, composeSecrets["LEDGER_PASSWORD"], password, name)
		assert.NotEqual(t, deref(serviceNamed(t, project, "postgres").Environment["POSTGRES_USER"]), database.User.Username(), "it owns everything")
	}

	// None has a value that somebody could know: without one nothing starts, and
	// the message says what to do.
	for name := range composeSecrets {
		without := maps.Clone(composeSecrets)
		delete(without, name)
		_, err := tryCompose(t, without)
		assert.ErrorContains(t, err, name)
		assert.ErrorContains(t, err, "set it in the file .env; the first lines of docker-compose.yml say how")
	}
	text, err := os.ReadFile(filepath.Join(repositoryRoot, "docker-compose.yml"))
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(repositoryRoot, "README.md"))
	require.NoError(t, err)
	const recipe = `(umask 077; for name in CUPCAKERY_SECRET LEDGER_PASSWORD POSTGRES_PASSWORD; do`
	assert.Contains(t, string(text[:500]), recipe)
	assert.Contains(t, string(readme), recipe)
}

// What the job does in PostgreSQL, and that the address which the services have is
// that of a user who may do nothing but look after the ledger.
func TestTheLedgersDatabaseIsItsUsersAndNothingElse(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, nil)
	postgres, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Password: composeSecrets["POSTGRES_PASSWORD"], Fast: true})
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	host, port, err := net.SplitHostPort(postgres.Addr())
	require.NoError(t, err)

	job := serviceNamed(t, project, "ledger-database")
	for range 2 { // again is fine
		script := exec.CommandContext(t.Context(), job.Entrypoint[0], job.Volumes[0].Source)
		for name, value := range job.Environment {
			script.Env = append(script.Env, name+"="+deref(value))
		}
		script.Env = append(script.Env, "PATH="+postgres.Programs()+":"+os.Getenv("PATH"), "PGHOST="+host, "PGPORT="+port)
		output, err := script.CombinedOutput()
		require.NoError(t, err, string(output))
	}

	address, err := url.Parse(deref(serviceNamed(t, project, "ledger").Environment["CUPCAKERY_LEDGER_DATABASE"]))
	require.NoError(t, err)
	address.Host = postgres.Addr()
	connection, err := pgx.Connect(t.Context(), address.String())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, connection.Close(context.Background())) })
	_, err = connection.Exec(t.Context(), "create schema ledger")
	require.NoError(t, err)
	var mayMore bool
	require.NoError(t, connection.QueryRow(t.Context(), "select rolsuper or rolcreatedb or rolcreaterole or rolbypassrls or rolreplication from pg_roles where rolname = current_user").Scan(&mayMore))
	assert.False(t, mayMore)
}

// The lines that make the file .env make one that compose and the API take, and
// that nobody else may read.
func TestTheReadmesLinesMakeGoodSecrets(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(repositoryRoot, "README.md"))
	require.NoError(t, err)
	lines := regexp.MustCompile(`(?s)\(umask 077; .*?>\.env\)`).FindString(string(readme))
	require.NotEmpty(t, lines)
	shell := exec.CommandContext(t.Context(), "bash", "-euc", lines)
	shell.Dir = t.TempDir()
	output, err := shell.CombinedOutput()
	require.NoError(t, err, string(output))
	info, err := os.Stat(filepath.Join(shell.Dir, ".env"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	made, err := dotenv.Read(filepath.Join(shell.Dir, ".env"))
	require.NoError(t, err)
	project, err := tryCompose(t, made)
	require.NoError(t, err)
	settings := secretSettings{secret: deref(serviceNamed(t, project, "api").Environment["CUPCAKERY_SECRET"])}
	_, err = settings.load()
	assert.NoError(t, err)
}

// composeSecrets are what an operator must set.
var composeSecrets = types.Mapping{"POSTGRES_PASSWORD": "given password", "LEDGER_PASSWORD": "given-password-of-a-ledger", "CUPCAKERY_SECRET": "given secret of a bakery"}

// loadCompose reads the file with the environment, and with secrets.
func loadCompose(t *testing.T, environment types.Mapping) *types.Project {
	t.Helper()
	all := maps.Clone(composeSecrets)
	maps.Copy(all, environment)
	project, err := tryCompose(t, all)
	require.NoError(t, err)
	return project
}

func tryCompose(t *testing.T, environment types.Mapping) (*types.Project, error) {
	t.Helper()
	root, err := filepath.Abs(repositoryRoot)
	require.NoError(t, err)
	return loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yml")}},
		Environment: environment,
	}, func(o *loader.Options) { o.SetProjectName("cupcakery", false) })
}

func serviceNamed(t *testing.T, project *types.Project, name string) types.ServiceConfig {
	t.Helper()
	service, err := project.GetService(name)
	require.NoError(t, err)
	return service
}

func isOurs(service types.ServiceConfig) bool { return service.Build != nil }

// parsedCommand finds the command that args call in the program and parses its
// flags and arguments.
func parsedCommand(t *testing.T, args []string) *cobra.Command {
	t.Helper()
	cmd, rest, err := newRootCommand().Find(args)
	require.NoError(t, err, "%q", args)
	require.True(t, cmd.Runnable() && (!cmd.HasSubCommands() || cmd.Name() == "ledger"), "%q calls no command", args)
	require.NoError(t, cmd.ParseFlags(rest), "%q", args)
	require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), "%q", args)
	return cmd
}

// listening lists the ports on which a service listens for those who are not
// its operators.
func listening(t *testing.T, service types.ServiceConfig) []string {
	t.Helper()
	if isOurs(service) {
		flag := parsedCommand(t, service.Command).Flags().Lookup("listen")
		if flag == nil || flag.Value.String() == "" { // a station listens only if it is told to
			return nil
		}
		_, port, err := net.SplitHostPort(flag.Value.String())
		require.NoError(t, err)
		return []string{port}
	}
	switch service.Name {
	case "kafka":
		var ports []string
		for listener := range strings.SplitSeq(deref(service.Environment["KAFKA_LISTENERS"]), ",") {
			parsed, err := url.Parse(strings.ToLower(listener))
			require.NoError(t, err)
			ports = append(ports, parsed.Port())
		}
		return ports
	case "postgres":
		return []string{"5432"}
	case "temporal":
		return []string{"7233"}
	case "temporal-ui":
		return []string{"8080"}
	}
	return nil
}

// after is the set of services that have started, and are well or done, before
// the named one starts.
func after(t *testing.T, project *types.Project, name string) map[string]bool {
	t.Helper()
	needs := map[string]bool{}
	for dependency := range serviceNamed(t, project, name).DependsOn {
		needs[dependency] = true
		maps.Copy(needs, after(t, project, dependency))
	}
	return needs
}

// assertAsksItself holds that a health check asks one of the ports on which the
// process itself listens, at a path of health.
func assertAsksItself(t *testing.T, target string, ports []string) {
	t.Helper()
	parsed, err := url.Parse(target)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", parsed.Hostname(), target)
	assert.Contains(t, ports, parsed.Port(), target)
	assert.Contains(t, []string{"/healthz", "/readyz"}, parsed.Path, target)
}

func deref(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}
