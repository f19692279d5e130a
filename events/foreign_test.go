package events_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
)

// Whoever reads a stage's tickets in another language joins the same group.
// Members of three clients come and go in different orders; each time every
// message goes to exactly one of them, all of them get some, and none dies.
func TestForeignMembersShareAGroupWithOurs(t *testing.T) {
	t.Parallel()
	kafka, err := devstack.StartApacheKafka(t.Context(), devstack.ApacheKafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	_, err = events.ApplyTopics(t.Context(), events.Connection{Brokers: []string{kafka.Addr()}}, events.TopicSettings{Partitions: 6})
	require.NoError(t, err)

	const ours, java, next, kcat = "ours", "java", "javaNextProtocol", "kcat"
	for _, order := range []struct {
		name  string
		steps []string // who joins, or with a minus leaves
	}{
		{"OursIsFirstAndJavaLeads", []string{ours, java, kcat, "-" + ours, ours, "-" + java, "-" + kcat}},
		{"KcatIsFirstAndOursLeads", []string{kcat, ours, java, "-" + kcat, "-" + java, java}},
		{"JavaIsFirstAndKcatLeads", []string{java, kcat, ours, "-" + java, java, "-" + ours}},
		{"JavaWithTheNextGroupProtocolJoinsOurs", []string{ours, next, "-" + next, next, "-" + ours}},
		{"OursJoinsJavaWithTheNextGroupProtocol", []string{next, ours, "-" + next}},
	} {
		t.Run(order.name, func(t *testing.T) {
			g := newMixedGroup(t, kafka.Addr(), order.name)
			for _, step := range order.steps {
				if name, leaves := strings.CutPrefix(step, "-"); leaves {
					g.members[name]()
					delete(g.members, name)
				} else {
					g.join(step)
				}
				g.awaitShares(step)
				g.share(step)
			}
		})
	}
}

// mixedGroup is a consumer group of members of several clients, on a topic of
// six partitions.
type mixedGroup struct {
	t       *testing.T
	addr    string
	name    string
	client  *kgo.Client
	rounds  int
	members map[string]func() // how they leave
	got     chan [2]string    // a member's name and what it was given
}

func newMixedGroup(t *testing.T, addr, name string) *mixedGroup {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(events.TopicAcks))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return &mixedGroup{t: t, addr: addr, name: name, client: client, members: make(map[string]func()), got: make(chan [2]string, 10_000)}
}

func (g *mixedGroup) join(name string) {
	g.t.Helper()
	jars := filepath.Join("..", ".tools", "apache-kafka-"+devstack.ApacheKafkaVersion, "*")
	java := []string{"java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
		"-cp", jars, "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", g.addr, "--topic", events.TopicAcks, "--group", g.name, "--from-beginning"}
	switch name {
	case "ours":
		g.joinOurs(name)
	case "java":
		g.joinProgram(name, java...)
	case "javaNextProtocol":
		g.joinProgram(name, append(java, "--command-property", "group.protocol=consumer")...)
	case "kcat":
		g.joinProgram(name, "kcat", "-b", g.addr, "-u", "-q", "-f", `%s\n`, "-X", "auto.offset.reset=earliest", "-X", "partition.assignment.strategy=range", "-G", g.name, events.TopicAcks)
	}
}

func (g *mixedGroup) joinOurs(name string) {
	g.t.Helper()
	consumer, err := events.NewConsumer(events.ConsumerConfig{
		Connection: events.Connection{Brokers: []string{g.addr}}, Group: g.name, Topics: []string{events.TopicAcks},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Handle: func(_ context.Context, d *events.Delivery) { d.Done(); g.got <- [2]string{name, string(d.Value)} },
	})
	require.NoError(g.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	stop := func() {
		cancel()
		require.NoError(g.t, await(g.t, ended))
	}
	g.add(name, stop)
}

// joinProgram starts a member that writes each message as a line.
func (g *mixedGroup) joinProgram(name string, command ...string) {
	g.t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.StdoutPipe()
	require.NoError(g.t, err)
	require.NoError(g.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			g.got <- [2]string{name, lines.Text()}
		}
	}()
	g.add(name, func() {
		select {
		case <-ended:
			assert.Fail(g.t, name+" died", errors.String())
		default:
		}
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill() // so that the test ends
			assert.Fail(g.t, name+" does not end", errors.String())
		}
		_ = cmd.Wait() // says that it was told to
	})
}

func (g *mixedGroup) add(name string, leave func()) {
	left := false
	once := func() {
		if !left {
			left = true
			leave()
		}
	}
	g.members[name] = once
	g.t.Cleanup(once)
}

// round writes one message into each partition and returns them.
func (g *mixedGroup) round() map[string]int {
	g.t.Helper()
	g.rounds++
	seen := make(map[string]int)
	for partition := range int32(6) {
		value := fmt.Sprintf("%s: round %d partition %d", g.name, g.rounds, partition)
		require.NoError(g.t, g.client.ProduceSync(g.t.Context(), &kgo.Record{Partition: partition, Value: []byte(value)}).FirstErr())
		seen[value] = 0
	}
	return seen
}

// awaitShares returns once each member gets some of the messages.
func (g *mixedGroup) awaitShares(step string) {
	g.t.Helper()
	deadline := time.After(2 * patience)
	silent := make(map[string]bool)
	for name := range g.members {
		silent[name] = true
	}
	every := time.NewTicker(200 * time.Millisecond)
	defer every.Stop()
	for latest := g.round(); len(silent) > 0; {
		select {
		case got := <-g.got:
			// Only of the latest round: what is older may come from before.
			if _, ok := latest[got[1]]; ok {
				delete(silent, got[0])
			}
		case <-every.C:
			latest = g.round()
		case <-deadline:
			require.FailNow(g.t, "members get nothing", "%v after the step %q", silent, step)
		}
	}
}

// share holds that each of some messages comes to exactly one member, and to
// each member some.
func (g *mixedGroup) share(step string) {
	g.t.Helper()
	seen := g.round()
	busy := make(map[string]bool)
	for left := len(seen); left > 0; {
		got := await(g.t, g.got)
		if _, ok := seen[got[1]]; !ok {
			continue // of an earlier round
		}
		if seen[got[1]]++; seen[got[1]] == 1 {
			left--
		}
		busy[got[0]] = true
	}
	g.round() // what would come twice comes before this
	for left := 6; left > 0; {
		got := await(g.t, g.got)
		if _, ok := seen[got[1]]; ok {
			seen[got[1]]++
		} else {
			left--
		}
	}
	for message, times := range seen {
		assert.Equal(g.t, 1, times, "%s after the step %q", message, step)
	}
	assert.Len(g.t, busy, len(g.members), "everybody gets some after the step %q", step)
}
