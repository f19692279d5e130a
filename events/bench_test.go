package events_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// BenchmarkPublishAndDeliver measures the way of an ack from publishing to its
// handler on the embedded Kafka, which runs in the same process, with one and
// with many under way.
func BenchmarkPublishAndDeliver(b *testing.B) {
	for _, inFlight := range []int{1, 100} {
		b.Run(strconv.Itoa(inFlight)+"InFlight", func(b *testing.B) {
			connection := startKafka(b)
			writer, err := events.NewWriter(connection)
			require.NoError(b, err)
			defer func() { require.NoError(b, writer.Close()) }()

			var waiting sync.Map // order id to the channel that hears of its delivery
			consumer, err := events.NewConsumer(events.ConsumerConfig{
				Connection: connection, Group: events.GroupAcks, Topics: []string{events.TopicAcks},
				Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
				Handle: func(_ context.Context, d *events.Delivery) {
					d.Done()
					if ack, err := events.DecodeAck(d.Message); err == nil {
						if delivered, ok := waiting.Load(ack.OrderID); ok {
							close(delivered.(chan struct{}))
						}
					}
				},
			})
			require.NoError(b, err)
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error)
			go func() { ended <- consumer.Run(ctx) }()
			<-consumer.Ready()

			var mu sync.Mutex
			var hops []time.Duration
			jobs := make(chan struct{})
			var workers sync.WaitGroup
			for range inFlight {
				workers.Go(func() {
					for range jobs {
						orderID, _ := kitchen.NewOrderID()
						ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
						delivered := make(chan struct{})
						waiting.Store(orderID, delivered)
						ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: orderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "bob", At: time.Now()}
						began := time.Now()
						if err := writer.PublishAck(b.Context(), ack); err != nil {
							b.Error(err)
							return
						}
						<-delivered
						mu.Lock()
						hops = append(hops, time.Since(began))
						mu.Unlock()
						waiting.Delete(orderID)
					}
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			for range b.N {
				jobs <- struct{}{}
			}
			close(jobs)
			workers.Wait()
			b.StopTimer()
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
			slices.Sort(hops)
			b.ReportMetric(float64(hops[len(hops)/2]), "p50-ns")
			cancel()
			require.NoError(b, <-ended)
		})
	}
}

// BenchmarkRead measures reading a backlog of acks, by a tail and by a member
// of a group, on the embedded Kafka in the same process.
func BenchmarkRead(b *testing.B) {
	readers := map[string]func(ctx context.Context, connection events.Connection, handle func(events.Message)) error{
		"Tail": func(ctx context.Context, connection events.Connection, handle func(events.Message)) error {
			return events.Tail(ctx, events.TailConfig{Connection: connection, Topics: []string{events.TopicAcks}, Handle: handle, Logger: slog.New(slog.DiscardHandler)})
		},
		"Group": func(ctx context.Context, connection events.Connection, handle func(events.Message)) error {
			consumer, err := events.NewConsumer(events.ConsumerConfig{
				Connection: connection, Group: "group", Topics: []string{events.TopicAcks}, Logger: slog.New(slog.DiscardHandler),
				Handle: func(_ context.Context, d *events.Delivery) { d.Done(); handle(d.Message) },
			})
			require.NoError(b, err)
			return consumer.Run(ctx)
		},
	}
	for _, name := range []string{"Tail", "Group"} {
		b.Run(name, func(b *testing.B) {
			connection := startKafka(b)
			client, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...), kgo.ProducerBatchCompression(kgo.NoCompression()))
			require.NoError(b, err)
			defer client.Close()
			value := make([]byte, 300)
			for i := range b.N {
				client.Produce(b.Context(), &kgo.Record{Topic: events.TopicAcks, Key: strconv.AppendInt(nil, int64(i), 10), Value: value}, nil)
			}
			require.NoError(b, client.Flush(b.Context()))
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			require.NoError(b, readers[name](ctx, connection, func(events.Message) {
				if left.Add(-1) == 0 {
					b.StopTimer()
					b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
					cancel()
				}
			}))
		})
	}
}

// startKafka starts an embedded Kafka that has the topics.
func startKafka(b *testing.B) events.Connection {
	kafka, err := devstack.StartKafka(b.Context(), devstack.KafkaConfig{DataDir: b.TempDir()})
	require.NoError(b, err)
	b.Cleanup(kafka.Stop)
	connection := events.Connection{Brokers: []string{kafka.Addr()}}
	_, err = events.ApplyTopics(b.Context(), connection, events.TopicSettings{Partitions: 4})
	require.NoError(b, err)
	return connection
}

// cpu is what this process has used so far.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
