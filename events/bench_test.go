package events_test

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
			kafka, err := devstack.StartKafka(b.Context(), devstack.KafkaConfig{DataDir: b.TempDir()})
			require.NoError(b, err)
			defer kafka.Stop()
			connection := events.Connection{Brokers: []string{kafka.Addr()}}
			_, err = events.ApplyTopics(b.Context(), connection, events.TopicSettings{Partitions: 4})
			require.NoError(b, err)
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
						if err := writer.PublishAck(b.Context(), ack); err != nil {
							b.Error(err)
							return
						}
						<-delivered
						waiting.Delete(orderID)
					}
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				jobs <- struct{}{}
			}
			close(jobs)
			workers.Wait()
			b.StopTimer()
			cancel()
			require.NoError(b, <-ended)
		})
	}
}
