package worker_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/worker"
)

// messages are those of topics from beginning to end, as a reader that starts
// now gets them.
func (f *floor) messages(topics ...string) []events.Message {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	var messages []events.Message
	require.NoError(f.t, events.Tail(ctx, events.TailConfig{
		Connection: f.connection, Topics: topics, Logger: slog.New(slog.DiscardHandler),
		Handle:   func(m events.Message) { messages = append(messages, m) },
		CaughtUp: cancel,
	}))
	require.ErrorIs(f.t, ctx.Err(), context.Canceled, "the end of the topics was not reached")
	return messages
}

// writeTo writes an ack into a partition, whatever its key is.
func (f *floor) writeTo(partition int, message kafka.Message) {
	f.t.Helper()
	writer := &kafka.Writer{
		Addr: kafka.TCP(f.connection.Brokers...), Topic: events.TopicAcks, BatchTimeout: time.Millisecond,
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return partition }),
	}
	require.NoError(f.t, writer.WriteMessages(f.t.Context(), message))
	require.NoError(f.t, writer.Close())
}

// home is the partition of a key among two.
func home(key string) int {
	return kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: []byte(key)}, 0, 1)
}

func TestAMisplacedAckIsForwardedOnceIntoItsOrdersPartition(t *testing.T) {
	t.Parallel()
	for name, misplace := range map[string]func(orderID string) (key []byte, partition int){
		"InAnotherPartition": func(orderID string) ([]byte, int) { return []byte(orderID), 1 - home(orderID) },
		"UnderAnotherKey":    func(orderID string) ([]byte, int) { return []byte("my oven"), home(orderID) },
		"WithoutAKey":        func(orderID string) ([]byte, int) { return nil, home(orderID) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFloorOn(t, server)
			var log lockedBuffer
			stop := f.hire(server, func(c *worker.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			run := f.place()
			var misplaced []string
			for range kitchen.Route(nil).Stages() {
				ticket := f.ticket()
				key, partition := misplace(ticket.OrderID)
				value := ackJSON(ticket, map[string]any{"colour": "pink"})
				f.writeTo(partition, kafka.Message{Key: key, Value: []byte(value), Headers: []kafka.Header{{Key: "mine", Value: []byte("kept")}}})
				misplaced = append(misplaced, value)
			}
			require.Equal(t, kitchen.StateShipped, f.result(run).State)
			require.NoError(t, stop())

			orderID := strings.TrimPrefix(run.GetID(), "order-")
			var copies, originals []string
			places := make(map[string]string)
			messages := f.messages(events.TopicAcks)
			for _, m := range messages {
				if _, forwarded := m.Header(events.HeaderForwarded); !forwarded {
					originals = append(originals, string(m.Value))
					places[fmt.Sprintf("%s/%d/%d", m.Topic, m.Partition, m.Offset)] = string(m.Value)
					_, err := events.DecodeAck(m)
					var elsewhere *events.MisplacedError
					require.ErrorAs(t, err, &elsewhere)
				}
			}
			for _, m := range messages {
				from, forwarded := m.Header(events.HeaderForwarded)
				if !forwarded {
					continue
				}
				copies = append(copies, string(m.Value))
				assert.Equal(t, string(m.Value), places[from], "the copy says where the original lies")
				assert.Equal(t, orderID, string(m.Key))
				assert.Equal(t, home(orderID), m.Partition)
				mine, _ := m.Header("mine")
				assert.Equal(t, "kept", mine)
				_, err := events.DecodeAck(m)
				require.NoError(t, err)
			}
			assert.ElementsMatch(t, misplaced, originals)
			assert.ElementsMatch(t, misplaced, copies, "each once")
			assert.EqualValues(t, 4, f.acks("done", "forwarded"))
			assert.EqualValues(t, 4, f.acks("done", "carried"))
			assert.Equal(t, 1, strings.Count(log.String(), "acks lie in the wrong place"), "logged once for a while, not for each ack")
			assert.NotContains(t, log.String(), "ERROR")
		})
	}
}

// A message that says that it is a copy is believed, wherever it lies: what a
// worker forwards with an old picture of the topic is not forwarded again.
func TestAForwardedAckIsNotForwardedAgain(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	run := f.place()
	for range kitchen.Route(nil).Stages() {
		ticket := f.ticket()
		f.writeTo(1-home(ticket.OrderID), kafka.Message{
			Key: []byte(ticket.OrderID), Value: []byte(ackJSON(ticket, nil)), Headers: []kafka.Header{{Key: events.HeaderForwarded, Value: []byte("station-acks/7/7")}},
		})
	}
	require.Equal(t, kitchen.StateShipped, f.result(run).State)
	require.NoError(t, f.stop())
	require.Len(t, f.messages(events.TopicAcks), 4)
	require.EqualValues(t, 0, f.acks("done", "forwarded"))
}

// librdkafka does not choose partitions by murmur2: of two stations that start
// one ticket, each with its own choice, only one may own it.
func TestAllAgreeWhoHasATicketWhoseAcksLibrdkafkaPlaces(t *testing.T) {
	t.Parallel()
	const orders = 24
	f := newFloor(t, server)
	kcat := func(lines []string, arguments ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "kcat", append([]string{"-b", f.connection.Brokers[0], "-P", "-t", events.TopicAcks, "-K", "\t"}, arguments...)...)
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	line := func(ticket kitchen.Ticket, kind kitchen.AckKind, by string) string {
		return ticket.OrderID + "\t" + ackJSON(ticket, map[string]any{"kind": kind, "by": by})
	}
	runs := make([]client.WorkflowRun, orders)
	for i := range runs {
		runs[i] = f.place()
	}
	for range kitchen.Route(nil).Stages() {
		var tickets []kitchen.Ticket
		for range orders {
			tickets = append(tickets, f.ticket())
		}
		var bob, eve, done []string
		for _, ticket := range tickets {
			bob = append(bob, line(ticket, kitchen.AckStarted, "bob"))
			eve = append(eve, line(ticket, kitchen.AckStarted, "eve"))
			done = append(done, line(ticket, kitchen.AckDone, "whoever it was"))
		}
		var both sync.WaitGroup
		both.Go(func() { kcat(bob) })
		both.Go(func() { kcat(eve, "-X", "topic.partitioner=murmur2_random") })
		both.Wait()

		// Every ack has been forwarded before anybody is asked.
		require.Eventually(t, func() bool {
			written := make(map[string]int)
			for _, m := range f.messages(events.TopicAcks) {
				if ack, err := events.DecodeAck(m); err == nil && ack.Kind == kitchen.AckStarted {
					written[ack.TicketID]++
				}
			}
			return !slices.ContainsFunc(tickets, func(ticket kitchen.Ticket) bool { return written[ticket.TicketID] < 2 })
		}, time.Minute, 50*time.Millisecond)
		owners := make([]map[string]string, 3)
		for i := range owners {
			owners[i] = f.owners(i, tickets)
		}
		assert.Equal(t, owners[0], owners[1])
		assert.Equal(t, owners[0], owners[2])
		for ticketID, owner := range owners[0] {
			assert.Contains(t, []string{"bob 1", "eve 1"}, owner, ticketID)
		}
		kcat(done)
	}
	for _, run := range runs {
		require.Equal(t, kitchen.StateShipped, f.result(run).State)
	}
	require.NotZero(t, f.acks("done", "forwarded"), "kcat has put all of them where murmur2 would have")
	require.EqualValues(t, 4*orders, f.acks("done", "carried"))
}

// owners returns who owns each ticket by the log as one of three processes folds
// it, which read its partitions in different orders.
func (f *floor) owners(process int, tickets []kitchen.Ticket) map[string]string {
	f.t.Helper()
	topics := []string{events.TopicAcks}
	for _, stage := range kitchen.Route(nil).Stages() {
		topics = append(topics, events.TicketTopic(stage))
	}
	messages := f.messages(topics...)
	order := []func(a, b events.Message) int{
		func(a, b events.Message) int { return cmp.Compare(a.Partition, b.Partition) },
		func(a, b events.Message) int { return cmp.Compare(b.Partition, a.Partition) },
		func(a, b events.Message) int { return cmp.Compare(a.Offset, b.Offset) },
	}[process]
	slices.SortStableFunc(messages, order)
	fold := board.New()
	for _, m := range messages {
		if m.Topic == events.TopicAcks {
			if ack, err := events.DecodeAck(m); err == nil {
				fold.AddAck(ack, board.HeardFrom(m, 0))
			}
		} else if ticket, err := events.DecodeTicket(m); err == nil {
			fold.AddTicket(ticket, board.HeardFrom(m, 0))
		}
	}
	owners := make(map[string]string)
	for _, ticket := range tickets {
		entry, _ := fold.Get(ticket.TicketID)
		owners[ticket.TicketID] = entry.By + " " + strconv.Itoa(entry.Attempt)
	}
	return owners
}

// lockedBuffer is a log that may be written by many at once.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is everything so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
