package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// devPatience bounds every wait; each ends with its condition.
	devPatience = 2 * time.Minute
	// devStopsWithin is more than a stop ever takes on a busy machine, and
	// less than a part takes that waits for one which has ended.
	devStopsWithin = 30 * time.Second
)

func TestDevStartsAllAndStopsAll(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start()

	require.Equal(t, "default", d.ready.Namespace)
	requireReady(t, d.ready.API)
	requireStatus(t, http.StatusOK, d.ready.Metrics)
	requireStatus(t, http.StatusNotFound, d.ready.API+"/metrics")
	requireStatus(t, http.StatusOK, d.ready.TemporalUI)
	for _, addr := range []string{d.ready.Temporal, d.ready.Kafka} {
		requireListens(t, addr)
	}
	for _, addr := range []string{d.ready.API, d.ready.Metrics, d.ready.TemporalUI, d.ready.Temporal, d.ready.Kafka, d.dataDir} {
		require.Contains(t, d.process.Output(), addr)
	}
	temporal := d.temporalPID()

	require.NoError(t, syscall.Kill(d.process.PID(), syscall.SIGINT))
	d.requireExit(0)
	require.Contains(t, d.process.Output(), "Stopping ...")
	require.ErrorIs(t, syscall.Kill(temporal, 0), syscall.ESRCH, "the Temporal dev server has ended")
	require.NoFileExists(t, filepath.Join(d.dataDir, "temporal.pid"))
}

func TestDevWritesItsAddressesAsTheContractSays(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start("--ephemeral")
	data, err := os.ReadFile(d.readyFile)
	require.NoError(t, err)
	var fields map[string]string
	require.NoError(t, json.Unmarshal(data, &fields))
	require.Equal(t, map[string]string{
		"api": d.ready.API, "metrics": d.ready.Metrics, "temporal": d.ready.Temporal, "temporalUI": d.ready.TemporalUI, "kafka": d.ready.Kafka, "namespace": "default",
	}, fields)
	for _, name := range []string{"api", "metrics", "temporalUI"} {
		address, err := url.Parse(fields[name])
		require.NoError(t, err)
		require.Equal(t, "http", address.Scheme)
		require.Equal(t, "127.0.0.1", address.Hostname())
	}
	require.NoDirExists(t, d.dataDir, "--ephemeral keeps nothing")
}

func TestDevGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*devRun){
		"AfterAStop": func(d *devRun) { require.NoError(d.t, d.process.Stop(devStopsWithin)) },
		// What it leaves behind must not be in the way.
		"AfterAKill": func(d *devRun) { d.process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevRun(t)
			for _, flag := range []string{"api-port", "metrics-port", "temporal-port", "temporal-ui-port", "kafka-port"} {
				var err error
				d.ports[flag], err = devstack.FreePort()
				require.NoError(t, err)
			}
			d.start()
			before := d.ready
			order := d.order("an idempotency key")
			end(d)

			d.start() // on the same ports
			require.Equal(t, before, d.ready)
			require.Equal(t, order.ID, d.order("an idempotency key").ID, "the secret that makes ids from keys is kept")
			require.Eventually(t, func() bool {
				status := d.get(order.ID)
				return !status.Stale && status.WaitingFor == kitchen.Mix
			}, devPatience, 50*time.Millisecond)
		})
	}
}

func TestDevKeepsItsSecretToItsOwner(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start()
	info, err := os.Stat(filepath.Join(d.dataDir, "secret"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestDevRefusesASecondStartAndNamesTheFirst(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start()
	second := newDevRun(t)
	second.dataDir = d.dataDir
	second.launch()
	second.requireExit(exitFailed)
	require.Contains(t, second.process.Output(), "process "+strconv.Itoa(d.process.PID()))
	requireReady(t, d.ready.API)
}

func TestDevNamesEveryPortThatIsTakenAndStartsNothing(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	for _, flag := range []string{"api-port", "metrics-port", "temporal-port", "temporal-ui-port", "kafka-port"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, listener.Close()) })
		d.ports[flag] = listener.Addr().(*net.TCPAddr).Port
	}
	d.launch()
	d.requireExit(exitFailed)
	for flag, port := range d.ports {
		require.Regexp(t, `(?m)port `+strconv.Itoa(port)+`, wanted for .*--`+flag+` `, d.process.Output())
	}
	require.NoFileExists(t, filepath.Join(d.dataDir, "temporal.log"))
}

func TestDevRefusesDataOfAnotherVersion(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	require.NoError(t, os.MkdirAll(d.dataDir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(d.dataDir, "version"), []byte("999\n"), 0o644))
	d.launch()
	d.requireExit(exitFailed)
	require.Contains(t, d.process.Output(), `has format "999"`)
}

func TestDevSaysThatItsDiskIsFull(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start()
	// From now on writing a file there fails as on a full disk.
	require.Eventually(t, func() bool { return os.Symlink("/dev/full", filepath.Join(d.dataDir, "space-check")) == nil }, devPatience, time.Millisecond)
	says := `cupcakery: the disk of data directory "` + d.dataDir + `" is full`
	d.requireExit(exitFailed)
	require.Contains(t, d.process.Output(), says)

	d.launch() // it does not get as far as starting anything
	d.requireExit(exitFailed)
	require.Contains(t, d.process.Output(), says)
	require.Contains(t, d.process.Output(), "free some space there, or choose another directory")
}

func TestDevSaysHowToGetTheTemporalCLI(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.launch("--temporal-cli", filepath.Join(t.TempDir(), "temporal"))
	d.requireExit(exitFailed)
	require.Contains(t, d.process.Output(), `run "make tools"`)
	require.NoFileExists(t, filepath.Join(d.dataDir, "temporal.log"))
}

func TestDevEndsWithTheErrorOfAPartThatEnds(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start()
	require.NoError(t, syscall.Kill(d.temporalPID(), syscall.SIGKILL))
	d.requireExit(exitFailed)
	require.Contains(t, d.process.Output(), "the Temporal dev server ended (signal: killed)")
}

func TestDevLeavesPartsToOtherProcesses(t *testing.T) {
	t.Parallel()
	stack := newDevRun(t)
	stack.start("--services", "temporal,kafka", "--ephemeral")
	require.Empty(t, stack.ready.API)
	broker := newDevRun(t)
	broker.start("--services", "kafka")
	require.Equal(t, readyAddresses{Kafka: broker.ready.Kafka}, broker.ready, "only what runs or is used here has an address")
	elsewhere := []string{"--temporal-address", stack.ready.Temporal, "--kafka-brokers", stack.ready.Kafka}

	worker := newDevRun(t)
	worker.start(append(elsewhere, "--services", "worker")...)
	api := newDevRun(t)
	api.start(append(elsewhere, "--services", "api")...)
	require.Equal(t, stack.ready.Kafka, api.ready.Kafka)
	require.Equal(t, stack.ready.Temporal, api.ready.Temporal)

	order := api.order("an idempotency key")
	require.Eventually(t, func() bool { return api.get(order.ID).WaitingFor == kitchen.Mix }, devPatience, 50*time.Millisecond)
	require.NoError(t, api.process.Stop(devStopsWithin))
	require.NoError(t, worker.process.Stop(devStopsWithin))
	require.NoError(t, stack.process.Stop(devStopsWithin))
}

func TestDevDemoIsFullOfLife(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start("--ephemeral", "--demo", "--demo-every", "200ms", "--demo-work-time", "20ms", "--demo-fail-rate", "0.1", "--demo-seed", "1")
	// What there is to see stands first.
	require.Regexp(t, `(?s)is up after [^\n]*\n\n  The kitchen +`+d.ready.API+`/kitchen .*`+d.ready.API+`/stations/bake +sign in as bob, PIN 222222\n.*`+d.ready.API+`/attention +sign in as max, PIN 555555\n.*`+d.ready.API+`/wall +what customers see there\n`, d.process.Output())
	ctx, cancel := context.WithTimeout(t.Context(), devPatience)
	defer cancel()
	for _, text := range []string{" orders ", "mixed by robot-mixer", "baked by robot-baker", "decorated by robot-decorator", "packaged by robot-packager", "shipped to ", "the order starts again from mix", "the manager decides: ", " collects it", " cancels"} {
		require.NoError(t, d.process.WaitForOutput(ctx, text))
	}
	require.NoError(t, d.process.Stop(devStopsWithin))
	for _, complaint := range []string{"was not taken", "cannot", "nobody knows"} {
		require.NotContains(t, d.process.Output(), complaint)
	}
}

func TestDevRefusesSettingsThatContradictEachOther(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"AnUnknownService":                 {[]string{"--services", "oven"}, `unknown service "oven"`},
		"AServiceTwice":                    {[]string{"--services", "api,api"}, "named twice"},
		"NoService":                        {[]string{"--services", ""}, "--services is empty"},
		"APortOfAPartElsewhere":            {[]string{"--services", "worker", "--api-port", "1"}, "--api-port is for the service api"},
		"ATemporalElsewhereThatRunsHere":   {[]string{"--temporal-address", "a:1"}, "--temporal-address is for a temporal elsewhere"},
		"AKafkaElsewhereThatRunsHere":      {[]string{"--kafka-brokers", "a:1"}, "--kafka-brokers is for a kafka elsewhere"},
		"ALedgerWithoutAnAPI":              {[]string{"--ledger", "--services", "kafka"}, "--ledger is for the service api"},
		"APortOfNoLedger":                  {[]string{"--postgres-port", "0"}, "add --ledger"},
		"ADirectoryForWhatIsNotKept":       {[]string{"--ephemeral", "--data-dir", "x"}, "--ephemeral keeps nothing"},
		"OnePortForTwo":                    {[]string{"--api-port", "7233"}, "are both 7233"},
		"APortThatIsNone":                  {[]string{"--kafka-port", "65536"}, "--kafka-port 65536 is not a port"},
		"ADemoSettingWithoutADemo":         {[]string{"--demo-every", "1s"}, "add --demo"},
		"ADemoWithoutAnAPI":                {[]string{"--demo", "--services", "kafka,temporal,worker"}, "--demo is for the service api"},
		"ADemoWithoutTime":                 {[]string{"--demo", "--demo-every", "0s"}, "above zero"},
		"ADemoWhereAllFails":               {[]string{"--demo", "--demo-fail-rate", "1"}, "less than 1"},
		"ALogLevelThatIsNone":              {[]string{"--log-level", "loud"}, "--log-level"},
		"ALANThatIsTheInternet":            {[]string{"--lan=203.0.113.7"}, "opens private addresses only"},
		"ALANThatIsNoAddress":              {[]string{"--lan=kitchen"}, "is no IP address"},
		"ALANThatDecrypts":                 {[]string{"--lan", "--encryption-keyset", "keys.json"}, "start without a keyset"},
		"ALANWithAnAddressOfItsOwn":        {[]string{"--lan", "192.168.1.20"}, "--lan=192.168.1.20"},
		"ALANWithoutAnAPI":                 {[]string{"--lan", "--services", "kafka"}, "--lan is for the service api"},
		"AKafkaSettingThatCannotWorkThere": {[]string{"--services", "worker", "--kafka-brokers", "nowhere"}, "Kafka settings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			ctx, cancel := context.WithTimeout(t.Context(), devPatience) // if it is not refused, it runs
			defer cancel()
			code := run(ctx, append([]string{"dev"}, test.args...), strings.NewReader(""), &out, &out)
			require.Equal(t, exitUsage, code, out.String())
			require.Contains(t, out.String(), test.says)
		})
	}
}

func TestKeptSecretIsOneForAllProcesses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	gate := make(chan struct{})
	secrets := make(chan string)
	const processes = 8
	for range processes {
		go func() {
			<-gate
			secret, err := keptSecret(file)
			if err != nil {
				secret = []byte(err.Error())
			}
			secrets <- string(secret)
		}()
	}
	close(gate)
	first := <-secrets
	require.GreaterOrEqual(t, len(first), 32)
	for range processes - 1 {
		require.Equal(t, first, <-secrets)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)

	require.NoError(t, os.WriteFile(file, []byte("short\n"), 0o600))
	_, err = keptSecret(file)
	require.ErrorContains(t, err, "shorter than")
}

// devRun is "cupcakery dev" as a process, on free ports that it keeps.
type devRun struct {
	t         *testing.T
	dataDir   string
	ports     map[string]int
	process   *process.Process
	ready     readyAddresses
	readyFile string
}

func newDevRun(t *testing.T) *devRun {
	return &devRun{
		t:         t,
		dataDir:   filepath.Join(t.TempDir(), "data"),
		ports:     map[string]int{},
		readyFile: filepath.Join(t.TempDir(), "ready.json"),
	}
}

// launch starts the process with a flag for each part that it runs.
func (d *devRun) launch(args ...string) {
	d.t.Helper()
	services := strings.Join(args, " ")
	all := []string{"dev", "--ready-file", d.readyFile}
	for flag, service := range map[string]string{"api-port": "api", "metrics-port": "api", "temporal-port": "temporal", "temporal-ui-port": "temporal", "kafka-port": "kafka", "postgres-port": "--ledger"} {
		if service == "--ledger" && !slices.Contains(args, service) {
			continue
		}
		if !strings.Contains(services, "--services") || strings.Contains(services[strings.Index(services, "--services"):], service) {
			all = append(all, "--"+flag, strconv.Itoa(d.ports[flag]))
		}
	}
	if !strings.Contains(services, "--ephemeral") {
		all = append(all, "--data-dir", d.dataDir)
	}
	executable, err := os.Executable()
	require.NoError(d.t, err)
	d.process, err = process.Start(process.Options{
		Name: "cupcakery dev", Binary: executable, Args: append(all, args...), Env: []string{actAsProgram + "=yes"},
	})
	require.NoError(d.t, err)
	d.t.Cleanup(d.kill)
}

// kill ends the process as kill -9 does, and waits until its dev server has
// ended too and nobody writes into the data directory.
func (d *devRun) kill() {
	d.process.Kill()
	if _, err := os.Stat(d.dataDir); err != nil {
		return
	}
	if dir, err := devstack.OpenDataDir(d.dataDir, devstack.PartTemporal, devstack.PartPostgres); err == nil { // else it is another run's
		dir.Close()
	}
}

// start launches the process and waits until all is up.
func (d *devRun) start(args ...string) {
	d.t.Helper()
	d.launch(args...)
	ctx, cancel := context.WithTimeout(d.t.Context(), devPatience)
	defer cancel()
	require.NoError(d.t, d.process.WaitForOutput(ctx, "Ctrl-C stops"))
	data, err := os.ReadFile(d.readyFile)
	require.NoError(d.t, err)
	require.NoError(d.t, json.Unmarshal(data, &d.ready))
	d.ports = map[string]int{
		"api-port":         portOf(d.ready.API),
		"metrics-port":     portOf(strings.TrimSuffix(d.ready.Metrics, "/metrics")),
		"kafka-port":       portOf(d.ready.Kafka),
		"temporal-port":    portOf(d.ready.Temporal),
		"temporal-ui-port": portOf(d.ready.TemporalUI),
		"postgres-port":    postgresPort(d.ready.Ledger),
	}
}

// requireExit waits for the process to end by itself.
func (d *devRun) requireExit(code int) {
	d.t.Helper()
	select {
	case <-d.process.Exited():
	case <-time.After(devStopsWithin):
		require.NoError(d.t, errors.New("it does not end"), d.process.Output())
	}
	require.Equal(d.t, code, d.process.ExitCode(), d.process.Output())
}

func (d *devRun) temporalPID() int {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dataDir, "temporal.pid"))
	require.NoError(d.t, err)
	var record struct{ PID int }
	require.NoError(d.t, json.Unmarshal(data, &record))
	require.Greater(d.t, record.PID, 1)
	return record.PID
}

// order places an order with the idempotency key, by the command for it.
func (d *devRun) order(key string) kitchen.Status {
	d.t.Helper()
	return d.ask("order", "create", "--name", "Ada", "--line", "12xL:red-velvet", "--idempotency-key", strings.ReplaceAll(key, " ", "-"))
}

func (d *devRun) get(orderID string) kitchen.Status {
	d.t.Helper()
	return d.ask("order", "get", orderID)
}

func (d *devRun) ask(args ...string) (status kitchen.Status) {
	d.t.Helper()
	var out, errOut strings.Builder
	code := run(d.t.Context(), append(args, "--api", d.ready.API, "-o", "json"), strings.NewReader(""), &out, &errOut)
	require.Equal(d.t, 0, code, errOut.String())
	require.NoError(d.t, json.Unmarshal([]byte(out.String()), &status))
	return status
}

func portOf(address string) int {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
	if err != nil {
		return 0
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return number
}

func requireStatus(t *testing.T, want int, address string) {
	t.Helper()
	response, err := http.Get(address)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, want, response.StatusCode)
}

// requireReady asks as whoever routes requests does: a machine that is busy may take
// longer for one answer than a probe waits.
func requireReady(t *testing.T, api string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		response, err := http.Get(api + "/readyz")
		require.NoError(c, err)
		defer func() { _ = response.Body.Close() }()
		said, err := io.ReadAll(response.Body)
		require.NoError(c, err)
		require.Equal(c, http.StatusOK, response.StatusCode, string(said))
	}, devPatience, 50*time.Millisecond)
}

func requireListens(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}
