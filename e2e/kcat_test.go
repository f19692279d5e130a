package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// kcatStation is a station that is nothing but kcat, and so librdkafka: it joins
// its stage's group and types acks. It knows neither attempts nor headers, never
// renews what it has in hand, and has not heard of put back or take over.
type kcatStation struct {
	f       *factory
	stage   kitchen.Stage
	tickets chan kitchen.Ticket
}

func newKcatStation(t *testing.T, f *factory, stage kitchen.Stage) *kcatStation {
	t.Helper()
	k := &kcatStation{f: f, stage: stage, tickets: make(chan kitchen.Ticket, 100)}
	member := exec.Command("kcat", append(f.kcatFlags(stage), "-u", "-q", "-f", `%s\n`, "-X", "auto.offset.reset=earliest",
		"-X", "partition.assignment.strategy=range", "-G", events.TicketGroup(stage), events.TicketTopic(stage))...)
	out, err := member.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, member.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var ticket kitchen.Ticket
			if json.Unmarshal(lines.Bytes(), &ticket) == nil {
				k.tickets <- ticket
			}
		}
	}()
	t.Cleanup(func() {
		_ = member.Process.Kill() // fails only when it has ended
		<-read
		_ = member.Wait() // says that it was killed
	})
	return k
}

// ticket waits for the next ticket.
func (k *kcatStation) ticket() kitchen.Ticket {
	k.f.t.Helper()
	select {
	case ticket := <-k.tickets:
		return ticket
	case <-time.After(patience):
		require.FailNow(k.f.t, "no ticket at "+string(k.stage))
		return kitchen.Ticket{}
	}
}

// says types an ack. Unless told more, kcat chooses another partition than ours.
func (k *kcatStation) says(kind kitchen.AckKind, ticket kitchen.Ticket, more ...string) {
	k.f.t.Helper()
	value := fmt.Sprintf(`{"ticketId":%q,"orderId":%q,"stage":%q,"kind":%q,"by":"kat"}`, ticket.TicketID, ticket.OrderID, ticket.Stage, kind)
	typing := exec.CommandContext(k.f.t.Context(), "kcat", slices.Concat(k.f.kcatFlags(k.stage), []string{"-P", "-t", events.TopicAcks, "-k", ticket.OrderID}, more)...)
	typing.Stdin = strings.NewReader(value)
	output, err := typing.CombinedOutput()
	require.NoError(k.f.t, err, string(output))
}

// A station that knows nothing but tickets and plain acks works orders through,
// also one whose work takes so long that its ticket is issued again meanwhile,
// and one that fails.
func TestAStationOfKcatWorksOrdersThrough(t *testing.T) {
	onEachKafka(t, func(t *testing.T, newBroker func(*testing.T, *factory) server) {
		f := newFactory(t, newBroker, 3*time.Second)
		stations := map[kitchen.Stage]*kcatStation{}
		for _, stage := range kitchen.Stages() {
			stations[stage] = newKcatStation(t, f, stage)
		}
		placed := f.place(wedding())
		for _, stage := range kitchen.Stages() {
			k := stations[stage]
			ticket := k.ticket()
			require.Equal(t, placed.ID, ticket.OrderID)
			k.says(kitchen.AckStarted, ticket)
			switch stage {
			case kitchen.Mix: // kcat's own choice of the partition
				k.says(kitchen.AckDone, ticket)
				continue
			case kitchen.Bake: // fails once, and is issued again
				k.says(kitchen.AckFailed, ticket, "-X", "topic.partitioner=murmur2_random")
				ticket = k.ticket()
				require.Equal(t, 2, ticket.Attempt)
			case kitchen.Decorate: // takes longer than ackWithin
				for ticket.Attempt < 3 {
					ticket = k.ticket()
				}
			}
			k.says(kitchen.AckDone, ticket, "-X", "topic.partitioner=murmur2_random")
		}
		status := f.until(placed.ID, "shipped", shipped)
		require.Zero(t, status.Remakes)
		for _, row := range status.Stages {
			require.Equal(t, kitchen.TicketDone, row.State)
			require.Equal(t, "kat", row.By)
		}
		f.requireEachStageOnce(placed.ID)
	})
}
