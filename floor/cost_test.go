package floor

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
)

// atStage is an order that waits for its ticket at one of the stages.
func atStage(order, stage int) kitchen.Status {
	status := waitingForMix(morning.UnixMilli() + int64(stage))
	status.ID, status.Stages = testOrderID(order), nil
	status.Stage, status.WaitingFor = kitchen.Stages()[stage], kitchen.Stages()[stage]
	for i, at := range kitchen.Stages()[:stage+1] {
		row := kitchen.StageStatus{Stage: at, Pass: 1, State: kitchen.TicketWaiting, Attempt: 1, IssuedAt: new(morning)}
		if i < stage {
			row.State, row.By, row.StartedAt, row.DoneAt = kitchen.TicketDone, "robot 1", new(morning.Add(time.Second)), new(morning.Add(time.Minute))
		}
		status.Stages = append(status.Stages, row)
	}
	return status
}

// untilStage are the messages of an order until its ticket at a stage waits.
func untilStage(t require.TestingT, order, stage int) []events.Message {
	var messages []events.Message
	for i, at := range kitchen.Stages()[:stage+1] {
		ref := kitchen.TicketRef{OrderID: testOrderID(order), Stage: at, Pass: 1, Kind: kitchen.TicketMake}
		messages = append(messages, record(t, events.TicketTopic(at), morning, floortest.Ticket(ref, 1)), record(t, events.TopicStatus, morning, atStage(order, i).ForLog(morning)))
		if i < stage {
			messages = append(messages, record(t, events.TopicAcks, morning, ackOf(ref, kitchen.AckStarted, morning)), record(t, events.TopicAcks, morning, ackOf(ref, kitchen.AckDone, morning)))
		}
	}
	return messages
}

// BenchmarkTheMessagesOfOrders is what the log of 1,000 orders costs that go through
// all stages, for those who follow the boards and for nobody.
func BenchmarkTheMessagesOfOrders(b *testing.B) {
	var messages []events.Message
	for stage := range kitchen.Stages() {
		for order := range 1_000 {
			whole := untilStage(b, order, stage)
			if stage > 0 {
				whole = whole[4*stage-2:]
			}
			messages = append(messages, whole...)
		}
	}
	for _, followers := range []int{0, 1} {
		b.Run(fmt.Sprintf("followers=%d", followers), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f := newTestFloor(b)
				var following []*Follower
				for _, stage := range kitchen.Stages()[:len(kitchen.Stages())*followers] {
					follower, _, err := f.Follow(ChannelStation+string(stage), "", asleep)
					require.NoError(b, err)
					following = append(following, follower)
				}
				for i, message := range messages {
					f.handle(message)
					if i%4 == 0 {
						for _, follower := range following {
							follower.Next()
						}
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(messages)), "ns/message")
		})
	}
}

// held is the memory in use.
func held() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) //nolint:gosec // never that large
}

// BenchmarkWhereOrdersStand is the memory for what order-status tells of open orders.
func BenchmarkWhereOrdersStand(b *testing.B) {
	const orders = 10_000
	told := make([]events.Message, orders)
	for order := range told {
		told[order] = record(b, events.TopicStatus, morning, atStage(order, order%4).ForLog(morning))
	}
	for b.Loop() {
		f := newTestFloor(b)
		before := held()
		for _, message := range told {
			f.handle(message)
		}
		b.ReportMetric(float64(held()-before)/orders, "heap-B/order")
		runtime.KeepAlive(f)
	}
}

// BenchmarkMemory is the memory for all that the log has of an order: one whose last
// ticket is done, and one whose last ticket waits.
func BenchmarkMemory(b *testing.B) {
	const orders = 5_000
	last := len(kitchen.Stages()) - 1
	for _, open := range []bool{false, true} {
		b.Run(fmt.Sprintf("open=%t", open), func(b *testing.B) {
			for b.Loop() {
				f := newTestFloor(b)
				before := held()
				for order := range orders {
					for _, message := range untilStage(b, order, last) {
						f.handle(message)
					}
					if ref := (kitchen.TicketRef{OrderID: testOrderID(order), Stage: kitchen.Stages()[last], Pass: 1, Kind: kitchen.TicketMake}); !open {
						f.handle(record(b, events.TopicAcks, morning, ackOf(ref, kitchen.AckDone, morning)))
					}
				}
				require.Equal(b, len(kitchen.Stages())*orders, f.board.Len())
				require.Len(b, f.statuses, orders)
				b.ReportMetric(float64(held()-before)/orders, "heap-B/order")
				runtime.KeepAlive(f)
			}
		})
	}
}

// BenchmarkPlacesOfOrders is a page of a list while 100,000 orders are open.
func BenchmarkPlacesOfOrders(b *testing.B) {
	const orders = 100_000
	f := newTestFloor(b)
	f.caughtUp = false
	var listed []string
	for order := range orders {
		at := kitchen.Stages()[order%4]
		ref := kitchen.TicketRef{OrderID: testOrderID(order), Stage: at, Pass: 1, Kind: kitchen.TicketMake}
		f.handle(record(b, events.TicketTopic(at), morning, floortest.Ticket(ref, 1)))
		if order%2_000 == 0 {
			listed = append(listed, ref.OrderID)
		}
	}
	f.setCaughtUp()
	b.Run("of a page", func(b *testing.B) {
		for b.Loop() {
			require.Len(b, f.OrderPlaces(listed), len(listed))
		}
	})
	b.Run("of a queue's page", func(b *testing.B) {
		for b.Loop() {
			queue, _ := f.Queue(kitchen.Bake, kitchen.QueuePlace{}, 200)
			require.Len(b, queue, 200)
		}
	})
	b.Run("counts", func(b *testing.B) {
		for b.Loop() {
			require.Equal(b, orders/4, f.Stations().Stages[0].Waiting)
		}
	})
}

// BenchmarkTheCounterAfterManyOrders is a look at what customers see after 20,000
// orders that were picked up long ago.
func BenchmarkTheCounterAfterManyOrders(b *testing.B) {
	now := morning
	f := newFloorAt(b, &now)
	f.setCaughtUp()
	f.counter.open()
	for order := range 20_000 {
		ref := kitchen.TicketRef{OrderID: testOrderID(order), Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
		f.handle(record(b, events.TicketTopic(kitchen.Package), morning, floortest.Ticket(ref, 1)))
		f.handle(record(b, events.TopicAcks, morning, ackOf(ref, kitchen.AckDone, morning)))
	}
	f.counter.refresh(now)
	now = now.Add(readyFor + time.Minute)
	for b.Loop() {
		f.counter.refresh(now)
	}
	require.Empty(b, f.counter.display.Ready)
}
