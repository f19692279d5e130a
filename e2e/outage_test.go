package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// ordersInAnOutage is how many orders meet an outage, each in its own way.
const ordersInAnOutage = 20

// Each process logs an outage once when it begins and once when it ends, however
// many orders meet it.
func TestAKafkaOutageIsSaidOnceByEachProcess(t *testing.T) {
	onEachKafka(t, func(t *testing.T, newBroker func(*testing.T, *factory) server) {
		f := newFactory(t, newBroker, time.Hour)
		robot := f.robot(kitchen.Mix, "--work-time", "10ms")
		var placed []kitchen.Status
		for range ordersInAnOutage {
			placed = append(placed, f.place(wedding()))
		}
		for _, order := range placed {
			f.until(order.ID, "at bake", waitsFor(kitchen.Bake))
		}
		processes := []*process.Process{f.worker, f.api}
		before := printed(f.worker, f.api, robot)

		f.kafka.kill()
		placed = nil
		for range ordersInAnOutage {
			placed = append(placed, f.place(wedding())) // orders are taken without Kafka
		}
		for _, order := range placed {
			f.until(order.ID, "tried again", func(s kitchen.Status) bool { return s.Stages[0].Attempt >= 2 })
		}
		f.eventually(f.answers(f.apiURL + "/readyz")) // a probe's look is no reason to say it again
		for _, p := range processes {
			f.eventually(logs(p, 1, "Kafka does not answer as it should"), p)
		}

		f.kafka.restart()
		for _, order := range placed {
			f.until(order.ID, "at bake", waitsFor(kitchen.Bake))
		}
		for _, p := range processes {
			f.eventually(logs(p, 1, "Kafka answers again"), p)
			requireLoudLines(t, p, before[p], 1)
		}
		requireLoudLines(t, robot, before[robot], 2) // it has two readers: of its tickets, and of the log
	})
}

func TestATemporalOutageIsSaidOnceByEachProcess(t *testing.T) {
	f := newFactory(t, anyKafka(), time.Hour)
	mixer := f.person(kitchen.Mix, "mia")
	var placed []kitchen.Status
	for range ordersInAnOutage {
		placed = append(placed, f.place(wedding()))
	}
	for _, order := range placed {
		f.until(order.ID, "at mix", waitsFor(kitchen.Mix))
	}

	before := printed(f.worker, f.api)

	f.temporal.kill()
	for i := range placed { // acks that nobody can take, and orders
		typed(t, mixer, fmt.Sprintf("start %d", i+1), fmt.Sprintf("done %d", i+1))
		f.eventually(func() error {
			response, err := http.Post(f.apiURL+"/api/v1/orders", "application/json", strings.NewReader(`{"customer": {"name": "Ada"}, "lines": [{"flavour": "lemon", "size": "M", "quantity": 1}]}`))
			if err != nil {
				return err
			}
			if err := response.Body.Close(); err != nil || response.StatusCode == http.StatusServiceUnavailable {
				return err
			}
			return fmt.Errorf("the answer is %s", response.Status)
		}, f.api)
	}
	f.eventually(logs(f.worker, 1, "Temporal does not answer as it should"), f.worker)
	f.eventually(logs(f.api, 1, "Temporal does not answer as it should"), f.api)

	f.temporal.restart()
	for _, order := range placed {
		f.until(order.ID, "at bake", waitsFor(kitchen.Bake))
	}
	for _, p := range []*process.Process{f.worker, f.api} {
		f.eventually(func() error {
			_ = f.answers(f.apiURL + "/readyz")() // probes go on, as they do
			return logs(p, 1, "Temporal answers again")()
		}, p)
		requireLoudLines(t, p, before[p], 1)
	}
}

// printed is how much each process has printed so far.
func printed(processes ...*process.Process) map[*process.Process]int {
	length := map[*process.Process]int{}
	for _, p := range processes {
		length[p] = len(p.Output())
	}
	return length
}

// logs is nil when the process has logged the text the given number of times.
func logs(p *process.Process, times int, text string) func() error {
	return func() error {
		if found := strings.Count(p.Output(), text); found != times {
			return fmt.Errorf("it is %d times in the log: %q", found, text)
		}
		return nil
	}
}

// requireLoudLines checks that the process has warned of the outage, at most the
// given number of times, and has logged nothing else since at a level that wakes
// an operator.
func requireLoudLines(t *testing.T, p *process.Process, before, most int) {
	t.Helper()
	var loud []string
	for line := range strings.Lines(p.Output()[before:]) {
		if strings.Contains(line, "RecordActivityHeartbeat with error") {
			continue // of Temporal's SDK: an attempt has ended while its heartbeat was on the way
		}
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			loud = append(loud, line)
		}
	}
	require.NotEmpty(t, loud)
	require.LessOrEqual(t, len(loud), most, strings.Join(loud, ""))
	for _, line := range loud {
		require.Contains(t, line, "level=WARN")
		require.Contains(t, line, "does not answer as it should")
	}
}
