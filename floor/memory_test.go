package floor

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// BenchmarkMemory tells how many bytes this process holds for an order on the log:
// one that is shipped, and one whose last ticket is open.
func BenchmarkMemory(b *testing.B) {
	for _, open := range []bool{false, true} {
		b.Run(map[bool]string{false: "shipped", true: "open"}[open], func(b *testing.B) {
			for b.Loop() {
				const orders = 5000
				before := held()
				f := newTestFloor(b)
				log := &orderLog{b: b, f: f, at: time.Now()}
				for range orders {
					log.tell(open)
				}
				require.Equal(b, len(kitchen.Stages())*orders, f.board.Len())
				require.Len(b, f.statuses, orders)
				b.ReportMetric(float64(held()-before)/orders, "bytes/order")
				runtime.KeepAlive(f)
			}
		})
	}
}

func held() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) //nolint:gosec // never that large
}

// orderLog is the log of happy orders.
type orderLog struct {
	b      *testing.B
	f      *Floor
	at     time.Time
	offset int64
}

func (l *orderLog) add(topic, key string, value any) {
	data, err := json.Marshal(value)
	require.NoError(l.b, err)
	l.offset++
	l.f.handle(events.Message{Topic: topic, Key: []byte(key), Value: data, Offset: l.offset, Time: l.at, Appended: true})
}

func (l *orderLog) tell(open bool) {
	id, err := kitchen.NewOrderID()
	require.NoError(l.b, err)
	line := kitchen.Line{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th"}
	status := kitchen.LoggedStatus{OrderID: id, State: kitchen.StateInProgress, PickupCode: kitchen.PickupCode(id), At: l.at, PlacedAt: l.at, Route: kitchen.Stages(), Lines: []kitchen.Line{line}}
	for i, stage := range kitchen.Stages() {
		l.at = l.at.Add(time.Millisecond)
		ref := kitchen.TicketRef{OrderID: id, Stage: stage, Pass: 1, Kind: kitchen.TicketMake}
		issued := l.at
		status.Version = l.at.UnixMilli()
		status.WaitingFor = stage
		status.Stages = append(status.Stages, kitchen.StageStatus{Stage: stage, Pass: 1, State: kitchen.TicketWaiting, Attempt: 1, IssuedAt: &issued})
		ticket := kitchen.Ticket{TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: id, Stage: stage, Pass: 1, Attempt: 1, Lines: []kitchen.Line{line}, PickupCode: kitchen.PickupCode(id), Since: l.at, IssuedAt: l.at, AckBy: l.at.Add(time.Minute)}
		l.add(events.TopicStatus, id, status)
		l.add(events.TicketTopic(stage), id, ticket)
		if open && i == len(kitchen.Stages())-1 {
			return
		}
		l.at = l.at.Add(time.Millisecond)
		done := l.at
		l.add(events.TopicAcks, id, kitchen.Ack{TicketID: ticket.TicketID, OrderID: id, Stage: stage, Kind: kitchen.AckDone, By: "robot-" + string(stage), At: done, Attempt: 1})
		status.Stages[i].State, status.Stages[i].DoneAt, status.Stages[i].By = kitchen.TicketDone, &done, "robot-"+string(stage)
	}
}
