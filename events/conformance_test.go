package events_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events/eventstest"
)

// embeddedKafkaVariable makes the test binary an embedded Kafka instead, with
// this data directory and port, so that it can be killed.
const embeddedKafkaVariable = "CUPCAKERY_TEST_EMBEDDED_KAFKA"

func TestMain(m *testing.M) {
	eventstest.RunHelper()
	if dir, ok := os.LookupEnv(embeddedKafkaVariable); ok {
		os.Exit(runEmbeddedKafka(dir, os.Args[1]))
	}
	goleak.VerifyTestMain(m)
}

func TestEmbeddedKafka(t *testing.T) {
	t.Parallel()
	eventstest.Run(t, eventstest.Broker{
		SessionTimeout: 6 * time.Second,
		Start: func(t *testing.T) eventstest.Instance {
			kafka := &embeddedKafka{dir: t.TempDir()}
			kafka.Restart(t)
			t.Cleanup(kafka.Kill)
			return kafka
		},
	})
}

func TestApacheKafka(t *testing.T) {
	t.Parallel()
	eventstest.Run(t, eventstest.Broker{
		SessionTimeout: 6 * time.Second,
		Start: func(t *testing.T) eventstest.Instance {
			kafka, err := devstack.StartApacheKafka(t.Context(), devstack.ApacheKafkaConfig{})
			require.NoError(t, err)
			t.Cleanup(kafka.Stop)
			return apacheKafka{kafka}
		},
	})
}

type apacheKafka struct{ *devstack.ApacheKafka }

// Restart implements eventstest.Instance.
func (k apacheKafka) Restart(t *testing.T) {
	require.NoError(t, k.ApacheKafka.Restart(t.Context()))
}

// embeddedKafka is the embedded Kafka in a process of its own.
type embeddedKafka struct {
	dir  string
	addr string
	port int
	cmd  *exec.Cmd
}

// Addr implements eventstest.Instance.
func (k *embeddedKafka) Addr() string { return k.addr }

// Kill implements eventstest.Instance.
func (k *embeddedKafka) Kill() {
	_ = k.cmd.Process.Kill() // fails only when it has ended
	_ = k.cmd.Wait()         // says that it was killed
}

// Restart implements eventstest.Instance.
func (k *embeddedKafka) Restart(t *testing.T) {
	k.cmd = exec.Command(os.Args[0], strconv.Itoa(k.port))
	k.cmd.Env = append(os.Environ(), embeddedKafkaVariable+"="+k.dir)
	k.cmd.Stderr = os.Stderr
	_, err := k.cmd.StdinPipe() // closed when we end, however that is
	require.NoError(t, err)
	out, err := k.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, k.cmd.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the embedded Kafka did not start")
	_, err = fmt.Sscan(said, &k.addr, &k.port)
	require.NoError(t, err)
}

func runEmbeddedKafka(dir, portText string) int {
	port, err := strconv.Atoi(portText)
	if err != nil {
		panic(err)
	}
	kafka, err := devstack.StartKafka(context.Background(), devstack.KafkaConfig{
		DataDir: dir, Port: port, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(kafka.Addr(), kafka.Port())
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the test is gone
	return 0
}
