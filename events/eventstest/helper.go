package eventstest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
)

// helperVariable makes a test binary a group member instead, so that it can be
// killed like one.
const helperVariable = "CUPCAKERY_TEST_GROUP_MEMBER"

type helperConfig struct {
	Brokers []string
	Group   string
	Topic   string
	Session time.Duration
}

// RunHelper must be the first call of TestMain. In a process that the suite has
// started as a group member it never returns.
func RunHelper() {
	text, ok := os.LookupEnv(helperVariable)
	if !ok {
		return
	}
	if err := runMember(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runMember reports on standard output what it is given, and finishes what
// standard input names.
func runMember(text string) error {
	var config helperConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	var mu sync.Mutex
	inHand := make(map[string]*events.Delivery)
	report := func(what string, offset any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(what, offset)
	}
	consumer, err := events.NewConsumer(events.ConsumerConfig{
		Connection:     events.Connection{Brokers: config.Brokers, ClientID: "member-to-be-killed"},
		Group:          config.Group,
		SessionTimeout: config.Session,
		Topics:         []string{config.Topic},
		Handle: func(_ context.Context, d *events.Delivery) {
			mu.Lock()
			inHand[fmt.Sprint(d.Offset)] = d
			mu.Unlock()
			report("delivered", d.Offset)
		},
		OnCommitted: func(_ string, _ int, offset int64) { report("committed", offset) },
	})
	if err != nil {
		return err
	}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			mu.Lock()
			d := inHand[lines.Text()]
			mu.Unlock()
			d.Done()
		}
		os.Exit(2) // the test that started us is gone
	}()
	return consumer.Run(context.Background())
}

// process is a group member in a process of its own.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    *os.File
	lines chan string
}

func startProcess(t *testing.T, config helperConfig) *process {
	t.Helper()
	text, err := json.Marshal(config)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdin = reader
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	require.NoError(t, reader.Close())
	p := &process{t: t, cmd: cmd, in: writer, lines: make(chan string, 1000)}
	go func() {
		defer close(p.lines)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.lines <- lines.Text()
		}
	}()
	t.Cleanup(p.kill)
	return p
}

// await returns once the member has reported the line.
func (p *process) await(line string) {
	p.t.Helper()
	timeout := time.After(patience)
	var reported []string
	for {
		select {
		case got, ok := <-p.lines:
			require.True(p.t, ok, "the member ended without reporting %q; it reported %s", line, strings.Join(reported, ", "))
			if got == line {
				return
			}
			reported = append(reported, got)
		case <-timeout:
			require.FailNow(p.t, "the member did not report "+line, "it reported %s", strings.Join(reported, ", "))
		}
	}
}

func (p *process) done(offset int64) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, offset)
	require.NoError(p.t, err)
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	_ = p.cmd.Wait()         // says that it was killed
	_ = p.in.Close()         // nobody reads it any more
}
