package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding/format"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/worker"
	"github.com/cupcakery/cupcakery/workflows"
)

// server is the Temporal dev server that the tests share. Each test has a
// Kafka of its own; so an ack of one never meets the worker of another.
var (
	server        client.Client
	serverAddress string
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		devServer, err := devstack.StartTemporal(context.Background(), devstack.TemporalConfig{})
		if err != nil {
			slog.Error("the Temporal dev server did not start", "error", err)
			return 1
		}
		defer devServer.Stop()
		serverAddress = devServer.Addr()
		server, err = client.Dial(client.Options{HostPort: serverAddress, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
		if err != nil {
			slog.Error("the Temporal dev server cannot be reached", "error", err)
			return 1
		}
		defer server.Close()
		return m.Run()
	}())
}

// floor is a worker with its Kafka, and the test as its stations.
type floor struct {
	t          *testing.T
	server     client.Client
	connection events.Connection
	writer     *kafka.Writer
	metrics    *prometheus.Registry
	tickets    chan kitchen.Ticket
	other      chan events.Message // dead letters and shipped orders
	stop       func() error
	// rules changes what the orders are started with. Optional.
	rules func(*kitchen.Rules)
}

func newFloor(t *testing.T, temporalClient client.Client) *floor {
	t.Helper()
	f := newFloorOn(t, server)
	f.stop = f.hire(temporalClient, nil)
	return f
}

// newFloorOn returns a floor whose orders are on a server, without a worker.
func newFloorOn(t *testing.T, server client.Client) *floor {
	t.Helper()
	broker, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	f := &floor{
		t:          t,
		server:     server,
		connection: events.Connection{Brokers: []string{broker.Addr()}},
		metrics:    prometheus.NewRegistry(),
		tickets:    make(chan kitchen.Ticket, 100),
		other:      make(chan events.Message, 100),
	}
	_, err = events.ApplyTopics(t.Context(), f.connection, events.TopicSettings{Partitions: 2})
	require.NoError(t, err)
	f.writer = &kafka.Writer{Addr: kafka.TCP(broker.Addr()), Topic: events.TopicAcks, Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond, RequiredAcks: kafka.RequireAll}
	t.Cleanup(func() { require.NoError(t, f.writer.Close()) })

	topics := []string{events.TopicShip, events.TopicFailures, events.TopicDeadLetters}
	for _, stage := range kitchen.Stages() {
		topics = append(topics, events.TicketTopic(stage))
	}
	ctx, cancel := context.WithCancel(t.Context())
	tailed := make(chan error, 1)
	connection := f.connection // a test may give the floor another
	go func() {
		tailed <- events.Tail(ctx, events.TailConfig{Connection: connection, Topics: topics, Logger: slog.New(slog.DiscardHandler), Handle: func(m events.Message) {
			if !strings.HasPrefix(m.Topic, "orders-to-") || m.Topic == events.TopicShip {
				f.other <- m
				return
			}
			ticket, err := events.DecodeTicket(m)
			if err != nil {
				t.Errorf("a ticket that cannot be read: %v", err)
			}
			f.tickets <- ticket
		}})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-tailed)
	})
	return f
}

// hire starts a worker on the floor, which reaches Temporal through a client,
// and returns how to stop it. It stops with the test at the latest.
func (f *floor) hire(temporalClient client.Client, change func(*worker.Config)) (stop func() error) {
	f.t.Helper()
	ready := make(chan struct{})
	stop = f.hireInBackground(temporalClient, func(config *worker.Config) {
		config.Ready = func() { close(ready) }
		if change != nil {
			change(config)
		}
	})
	wait(f.t, ready, "the worker to be ready")
	return stop
}

// hireInBackground is hire without waiting for the worker to be ready.
func (f *floor) hireInBackground(temporalClient client.Client, change func(*worker.Config)) (stop func() error) {
	f.t.Helper()
	var log lockedBuffer
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.t.Log("a worker logged:\n" + log.String())
		}
	})
	config := worker.Config{
		Temporal: temporalClient, Kafka: f.connection, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: f.metrics, TaskQueue: f.t.Name(),
	}
	change(&config)
	ctx, cancel := context.WithCancel(f.t.Context())
	ran := make(chan error, 1)
	go func() { ran <- worker.Run(ctx, config) }()
	f.t.Cleanup(cancel)
	return func() error { cancel(); return <-ran }
}

func wait[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		require.FailNow(t, "waited a minute for "+what)
		panic("unreachable")
	}
}

// place starts an order on this floor's worker.
func (f *floor) place() client.WorkflowRun {
	f.t.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(f.t, err)
	in := workflows.OrderInput{
		Order:    kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "vanilla", Size: kitchen.SizeM, Quantity: 6}}},
		Rules:    kitchen.Default().Rules, // without a route: the four stages of old
		PlacedAt: time.Now().UTC(),
	}
	if f.rules != nil {
		f.rules(&in.Rules)
	}
	options := workflows.StartOptions(orderID, in, "hash")
	options.TaskQueue = f.t.Name()
	run, err := f.server.ExecuteWorkflow(f.t.Context(), options, workflows.OrderWorkflowType, in)
	require.NoError(f.t, err)
	return run
}

// update sends an update that must be taken.
func (f *floor) update(run client.WorkflowRun, name string, request any) {
	f.t.Helper()
	handle, err := server.UpdateWorkflow(f.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateName: name, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(f.t, err)
	require.NoError(f.t, handle.Get(f.t.Context(), nil))
}

// answer writes an ack as somebody types it with kcat: key and JSON, no headers.
func (f *floor) answer(ticket kitchen.Ticket, kind kitchen.AckKind, more map[string]any) {
	f.t.Helper()
	ack := map[string]any{
		"ticketId": ticket.TicketID, "orderId": ticket.OrderID, "stage": ticket.Stage, "kind": kind, "by": "bob",
		"at": time.Now().UTC().Format(time.RFC3339Nano),
	}
	for field, value := range more {
		ack[field] = value
	}
	value, err := json.Marshal(ack)
	require.NoError(f.t, err)
	f.write(ticket.OrderID, value)
}

func (f *floor) write(key string, value []byte) {
	f.t.Helper()
	require.NoError(f.t, f.writer.WriteMessages(f.t.Context(), kafka.Message{Key: []byte(key), Value: value}))
}

func (f *floor) ticket() kitchen.Ticket {
	f.t.Helper()
	return wait(f.t, f.tickets, "a ticket")
}

func (f *floor) result(run client.WorkflowRun) kitchen.Status {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	var order kitchen.Status
	require.NoError(f.t, run.Get(ctx, &order))
	return order
}

// acks reads the counter of acks by kind and outcome.
func (f *floor) acks(kind, outcome string) float64 {
	f.t.Helper()
	families, err := f.metrics.Gather()
	require.NoError(f.t, err)
	for _, family := range families {
		if family.GetName() != "cupcakery_acks_finished_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if labels["kind"] == kind && labels["outcome"] == outcome {
				return metric.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func (f *floor) pending(run client.WorkflowRun) []workflows.PendingTicket {
	f.t.Helper()
	description, err := server.DescribeWorkflowExecution(f.t.Context(), run.GetID(), "")
	require.NoError(f.t, err)
	pending, err := workflows.NewOrders(nil, nil).PendingTickets(description)
	require.NoError(f.t, err)
	return pending
}

func TestWorker(t *testing.T) {
	t.Parallel()

	t.Run("acks typed by hand carry an order through the factory", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		run := f.place()
		for _, stage := range kitchen.Route(nil).Stages() {
			ticket := f.ticket()
			require.Equal(t, stage, ticket.Stage)
			f.answer(ticket, kitchen.AckDone, nil)
		}
		order := f.result(run)
		require.Equal(t, kitchen.StateShipped, order.State)
		for _, pass := range order.Stages {
			require.Equal(t, "bob", pass.By)
			require.Equal(t, 1, pass.Attempt)
		}
		shipped := wait(t, f.other, "the announcement")
		require.Equal(t, events.TopicShip, shipped.Topic)
		require.Equal(t, order.ID, string(shipped.Key))
		require.NoError(t, f.stop())
	})

	t.Run("a failed ack brings the same ticket again, and Temporal shows why", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		run := f.place()
		first := f.ticket()
		f.answer(first, kitchen.AckFailed, map[string]any{"reason": "equipment", "note": "mixer 2 is stuck"})
		second := f.ticket()
		require.Equal(t, first.TicketID, second.TicketID)
		require.Equal(t, 2, second.Attempt)
		description, err := server.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
		require.NoError(t, err)
		failure := description.GetPendingActivities()[0].GetLastFailure()
		require.Equal(t, "equipment at mix: bob: mixer 2 is stuck", failure.GetMessage())
		require.Equal(t, "equipment", failure.GetApplicationFailureInfo().GetType())

		f.answer(second, kitchen.AckDone, nil)
		require.Equal(t, kitchen.Bake, f.ticket().Stage)
		order, err := workflows.NewOrders(server, nil).StatusFromHistory(t.Context(), first.OrderID)
		require.NoError(t, err)
		require.Equal(t, 2, order.Stages[0].Attempt, "asked of Temporal, since the ack does not say")
	})

	t.Run("a reason that means a remake starts again from mix, with the pieces counted", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		f.place()
		f.answer(f.ticket(), kitchen.AckDone, nil)
		bake := f.ticket()
		f.answer(bake, kitchen.AckFailed, map[string]any{"reason": "burnt", "note": "oven 2", "scrapped": 6})
		again := f.ticket()
		require.Equal(t, kitchen.Mix, again.Stage)
		require.Equal(t, 2, again.Pass)
		order, err := workflows.NewOrders(server, nil).StatusFromHistory(t.Context(), bake.OrderID)
		require.NoError(t, err)
		require.Equal(t, 1, order.Remakes)
		require.Equal(t, 6, order.Scrapped)
		require.Equal(t, "burnt", order.Stages[1].Reason)
	})

	t.Run("acks as clients in other languages write them complete their stages", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		foreign, err := kgo.NewClient(kgo.SeedBrokers(f.connection.Brokers...))
		require.NoError(t, err)
		t.Cleanup(foreign.Close)
		send := func(ticket kitchen.Ticket, value []byte, content string) {
			record := &kgo.Record{Topic: events.TopicAcks, Key: []byte(ticket.OrderID), Value: value}
			if content != "" {
				record.Headers = []kgo.RecordHeader{{Key: "content-type", Value: []byte(content)}}
			}
			require.NoError(t, foreign.ProduceSync(t.Context(), record).FirstErr())
		}
		run := f.place()
		mark := "\ufeff"
		for _, stage := range kitchen.Route(nil).Stages() {
			ticket := f.ticket()
			require.Equal(t, stage, ticket.Stage)
			ack := fmt.Sprintf(`{"ticketId":%q,"orderId":%q,"stage":%q,"kind":"done","by":"bob","attempt":1.0,"at":"2020-01-31T12:00:00"}`, ticket.TicketID, ticket.OrderID, stage)
			event := event.New()
			event.SetID(string(stage))
			event.SetSource("/oven/2")
			event.SetType(events.TypeAck)
			switch stage {
			case kitchen.Mix:
				send(ticket, append([]byte{0, 0, 0, 0, 7}, ack...), "")
				letter := wait(t, f.other, "the dead letter")
				reason, _ := letter.Header(events.HeaderDeadReason)
				require.Equal(t, "the value begins with Confluent's schema-registry framing (schema id 7): send plain JSON", reason)
				send(ticket, []byte(mark+ack), "")
				continue
			case kitchen.Bake:
				require.NoError(t, event.SetData("application/json", json.RawMessage(ack)))
			case kitchen.Decorate:
				require.NoError(t, event.SetData("", []byte(mark+ack)))
			case kitchen.Package:
				require.NoError(t, event.SetData("text/plain", ack))
			}
			value, err := format.JSON.Marshal(&event)
			require.NoError(t, err)
			send(ticket, value, "application/cloudevents+json; charset=utf-8")
		}
		order := f.result(run)
		require.Equal(t, kitchen.StateShipped, order.State)
		for _, row := range order.Stages {
			require.Equal(t, 1, row.Attempt)
			require.WithinDuration(t, *row.IssuedAt, *row.DoneAt, time.Minute, "a time without a zone is the record's")
		}
	})

	t.Run("no more pieces count as scrapped than the order has", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		f.place()
		f.answer(f.ticket(), kitchen.AckFailed, map[string]any{"reason": "burnt", "scrapped": kitchen.MaxScrapped})
		ticket := f.ticket()
		order, err := workflows.NewOrders(server, nil).StatusFromHistory(t.Context(), ticket.OrderID)
		require.NoError(t, err)
		require.Equal(t, ticket.Pieces(), order.Scrapped)
		require.Equal(t, ticket.Pieces(), order.Stages[0].Scrapped)
	})

	t.Run("a reason that nobody knows counts as other, and is kept", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		f.place()
		f.answer(f.ticket(), kitchen.AckFailed, map[string]any{"reason": "gremlins", "scrapped": 1})
		ticket := f.ticket()
		require.Equal(t, kitchen.Mix, ticket.Stage)
		require.Equal(t, 1, ticket.Pass, "other means again")
		require.Equal(t, 2, ticket.Attempt, "attempts go on over activities")
		order, err := workflows.NewOrders(server, nil).StatusFromHistory(t.Context(), ticket.OrderID)
		require.NoError(t, err)
		require.Equal(t, "gremlins", order.Stages[0].Reason)
	})

	t.Run("a remake that comes between two attempts keeps its place", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		run := f.place()
		ticket := f.ticket()
		pause := temporal.NewApplicationErrorWithOptions("oven 2", "equipment", temporal.ApplicationErrorOptions{NextRetryDelay: 3 * time.Second})
		require.NoError(t, server.CompleteActivityByID(t.Context(), client.DefaultNamespace, run.GetID(), "", "mix.1", nil, pause))
		f.answer(ticket, kitchen.AckFailed, map[string]any{"reason": "burnt"})
		next := f.ticket()
		if next.Pass == 1 { // the ack came before the attempt's activity had found it in the log
			require.Equal(t, 2, next.Attempt)
			next = f.ticket()
		}
		require.Equal(t, 2, next.Pass)
	})

	t.Run("a cancelled order is undone by acks, and an undo that fails is announced", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		run := f.place()
		f.answer(f.ticket(), kitchen.AckDone, nil)
		f.ticket()
		f.update(run, workflows.UpdateCancel, kitchen.Cancellation{})
		f.answer(f.ticket(), kitchen.AckUndone, nil)
		undo := f.ticket()
		require.Equal(t, kitchen.Mix, undo.Stage)
		require.True(t, undo.Made)
		f.answer(undo, kitchen.AckFailed, map[string]any{"reason": "equipment", "note": "the bowl is stuck"})
		var failed kitchen.Failed
		announced := wait(t, f.other, "the announcement")
		require.Equal(t, events.TopicFailures, announced.Topic)
		require.Equal(t, undo.OrderID, string(announced.Key))
		require.NoError(t, json.Unmarshal(announced.Value, &failed))
		require.Equal(t, kitchen.StateNeedsAttention, failed.State)
		require.Contains(t, failed.Reason, "mix cannot be undone: equipment (bob): the bowl is stuck")
		f.update(run, workflows.UpdateResolve, kitchen.Resolution{Choice: kitchen.ChoiceRetry})
		again := f.ticket()
		require.Equal(t, undo.TicketID, again.TicketID)
		require.Equal(t, 2, again.Attempt)
		f.answer(again, kitchen.AckUndone, map[string]any{"scrapped": 6})
		order := f.result(run)
		require.Equal(t, kitchen.StateCancelled, order.State)
		require.Equal(t, 6, order.Scrapped)
		require.NoError(t, json.Unmarshal(wait(t, f.other, "the end").Value, &failed))
		require.Equal(t, kitchen.StateCancelled, failed.State)
	})

	t.Run("a ticket whose owner is silent asks for a manager, and a late done heals the order", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		f.rules = func(rules *kitchen.Rules) {
			rules.AckWithin = map[kitchen.Stage]kitchen.Duration{kitchen.Mix: kitchen.Duration(2 * time.Second)}
			rules.MaxReissues = 1
		}
		f.place()
		ticket := f.ticket()
		f.answer(ticket, kitchen.AckStarted, nil)
		var failed kitchen.Failed
		require.NoError(t, json.Unmarshal(wait(t, f.other, "the question").Value, &failed))
		require.Contains(t, failed.Reason, "mix")
		f.answer(ticket, kitchen.AckDone, nil)
		require.Eventually(t, func() bool {
			order, err := workflows.NewOrders(server, nil).StatusFromHistory(t.Context(), ticket.OrderID)
			return err == nil && order.State == kitchen.StateInProgress && order.WaitingFor == kitchen.Bake
		}, time.Minute, 50*time.Millisecond)
	})

	t.Run("a started ack shows who is at work", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		run := f.place()
		ticket := f.ticket()
		f.answer(ticket, kitchen.AckStarted, nil)
		require.Eventually(t, func() bool {
			pending := f.pending(run)
			return len(pending) == 1 && pending[0].AtWork != nil && pending[0].AtWork.By == "bob"
		}, time.Minute, 50*time.Millisecond)
		f.answer(ticket, kitchen.AckDone, nil)
		f.ticket()
		order, err := workflows.NewOrders(server, nil).StatusFromHistory(t.Context(), ticket.OrderID)
		require.NoError(t, err)
		require.NotNil(t, order.Stages[0].StartedAt, "taken from who was at work, since the ack does not say")
	})

	t.Run("the first done counts, what follows is stale", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		run := f.place()
		for range kitchen.Route(nil).Stages() {
			ticket := f.ticket()
			f.answer(ticket, kitchen.AckDone, nil)
			f.answer(ticket, kitchen.AckDone, map[string]any{"by": "eve"})
			f.answer(ticket, kitchen.AckFailed, map[string]any{"by": "eve"})
		}
		for _, pass := range f.result(run).Stages {
			require.Equal(t, "bob", pass.By)
			require.Equal(t, 1, pass.Attempt)
		}
		require.Eventually(t, func() bool {
			return f.acks("done", "stale") == 4 && f.acks("failed", "stale") == 4
		}, time.Minute, 20*time.Millisecond)
		require.EqualValues(t, 4, f.acks("done", "carried"))
	})

	t.Run("poison goes to dead-letters and stops nothing", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, server)
		f.place()
		ticket := f.ticket()
		for _, poison := range []struct{ value, reason string }{
			{`not JSON`, "JSON"},
			{`{"ticketId": 7}`, "ticketId"},
			{`{}`, "ticketId"},
			{ackJSON(ticket, map[string]any{"stage": "bake"}), "stage"},
			{ackJSON(ticket, map[string]any{"stage": "fry"}), "stage"},
			{ackJSON(ticket, map[string]any{"orderId": "01890a5d-ac96-774b-bcce-b302099a8057"}), "orderId"},
			{ackJSON(ticket, map[string]any{"kind": "eaten"}), "kind"},
			{ackJSON(ticket, map[string]any{"by": ""}), "by"},
			{ackJSON(ticket, map[string]any{"kind": "failed", "scrapped": -1}), "scrapped"},
			{ackJSON(ticket, map[string]any{"kind": "failed", "scrapped": 10_001}), "scrapped"},
			{ackJSON(ticket, map[string]any{"kind": "undone"}), "kind"},
			{ackJSON(ticket, map[string]any{"attempt": 1_000_000}), "attempt"},
			{ackJSON(ticket, map[string]any{"note": strings.Repeat("x", 500_000)}), ""},
		} {
			f.write(ticket.OrderID, []byte(poison.value))
			letter := wait(t, f.other, "a dead letter")
			require.Equal(t, events.TopicDeadLetters, letter.Topic)
			require.Equal(t, ticket.OrderID, string(letter.Key))
			require.Equal(t, poison.value, string(letter.Value))
			reason, _ := letter.Header(events.HeaderDeadReason)
			require.Contains(t, reason, poison.reason)
			topic, _ := letter.Header(events.HeaderDeadTopic)
			require.Equal(t, events.TopicAcks, topic)
		}
		f.answer(ticket, kitchen.AckDone, nil)
		require.Equal(t, kitchen.Bake, f.ticket().Stage)
		require.EqualValues(t, 13, f.acks("unknown", "poison"))
	})

	t.Run("while Temporal is away an ack keeps its place, then goes on by itself", func(t *testing.T) {
		t.Parallel()
		away, through := newNetwork(t)
		f := newFloor(t, through)
		f.place()
		ticket := f.ticket()
		away.down.Store(true)
		f.answer(ticket, kitchen.AckDone, nil)
		for range 3 {
			wait(t, away.refused, "another try")
		}
		require.Zero(t, f.acks("done", "carried"))
		require.Zero(t, f.committed(), "the ack is not committed")
		away.down.Store(false)
		require.Equal(t, kitchen.Bake, f.ticket().Stage)
		require.Eventually(t, func() bool { return f.committed() == 1 }, time.Minute, 20*time.Millisecond)
	})

	t.Run("stops with an ack in hand and leaves it to the next worker", func(t *testing.T) {
		t.Parallel()
		away, through := newNetwork(t)
		f := newFloor(t, through)
		f.place()
		ticket := f.ticket()
		away.down.Store(true)
		f.answer(ticket, kitchen.AckDone, nil)
		wait(t, away.refused, "a try")
		require.NoError(t, f.stop())
		require.Zero(t, f.committed())
	})
}

func ackJSON(ticket kitchen.Ticket, change map[string]any) string {
	ack := map[string]any{"ticketId": ticket.TicketID, "orderId": ticket.OrderID, "stage": ticket.Stage, "kind": "done", "by": "bob"}
	for field, value := range change {
		ack[field] = value
	}
	data, err := json.Marshal(ack)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(data)
}

// committed is how many acks the group has committed.
func (f *floor) committed() int64 {
	f.t.Helper()
	kafkaClient := &kafka.Client{Addr: f.writer.Addr}
	response, err := kafkaClient.OffsetFetch(f.t.Context(), &kafka.OffsetFetchRequest{GroupID: events.GroupAcks, Topics: map[string][]int{events.TopicAcks: {0, 1}}})
	require.NoError(f.t, err)
	var sum int64
	for _, partition := range response.Topics[events.TopicAcks] {
		sum += max(0, partition.CommittedOffset)
	}
	return sum
}

// network is the way to Temporal; while it is down, completions do not get
// through.
type network struct {
	down    atomic.Bool
	refused chan struct{}
}

// newNetwork returns a network and a client that goes through it.
func newNetwork(t *testing.T) (*network, client.Client) {
	t.Helper()
	n := &network{refused: make(chan struct{}, 100)}
	through, err := client.Dial(client.Options{
		HostPort:          serverAddress,
		Logger:            sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(n.intercept)}},
	})
	require.NoError(t, err)
	t.Cleanup(through.Close)
	return n, through
}

func (n *network) intercept(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if n.down.Load() && strings.HasSuffix(method, "/RespondActivityTaskCompletedById") {
		select {
		case n.refused <- struct{}{}:
		default:
		}
		return status.Error(codes.Unavailable, "connection refused")
	}
	return invoke(ctx, method, request, reply, connection, options...)
}

// Whoever watches the worker sees that a producer which never ends its
// transaction holds its acks back.
func TestAnOpenTransactionThatHoldsAcksBackIsCounted(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	producer, err := kgo.NewClient(kgo.SeedBrokers(f.connection.Brokers...), kgo.TransactionalID(t.Name()), kgo.DefaultProduceTopic(events.TopicAcks))
	require.NoError(t, err)
	defer producer.Close()
	require.NoError(t, producer.BeginTransaction())
	require.NoError(t, producer.ProduceSync(t.Context(), kgo.StringRecord("{}")).FirstErr())
	require.Eventually(t, func() bool {
		families, err := f.metrics.Gather()
		require.NoError(t, err)
		for _, family := range families {
			if family.GetName() == "cupcakery_ack_transactions_held_total" {
				return family.GetMetric()[0].GetCounter().GetValue() == 1
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond)
	require.NoError(t, producer.EndTransaction(t.Context(), kgo.TryAbort))
}

func TestWorkerRefusesSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	err := worker.Run(t.Context(), worker.Config{Temporal: server, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "brokers")
}
