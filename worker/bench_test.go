package worker

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// What an ack costs a worker that the log already answers: read twice, by the log
// and by the group.
func BenchmarkStaleAck(b *testing.B) {
	s := &scribe{ticketLog: newTicketLog(events.Connection{}, newTestQueue(nil, nil).carrier.logger), now: time.Now().Add(-time.Hour)}
	queue := newTestQueue(&calls{}, make(letters))
	queue.carrier.log = s.ticketLog
	const orders = 100
	var values [orders][]byte
	for order := range orders {
		ref := mix(order)
		ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kitchen.AckDone, By: "bob", At: s.now}
		values[order], _ = json.Marshal(ack)
		s.issue(ref, 1)
	}
	message := func(offset int) events.Message {
		return events.Message{Topic: events.TopicAcks, Offset: int64(offset), Key: []byte(mix(offset % orders).OrderID), Value: values[offset%orders], Time: s.now, Appended: true}
	}
	for offset := range orders {
		s.handle(message(offset))
	}
	b.ReportAllocs()
	for offset := orders; b.Loop(); offset++ {
		m := message(offset)
		s.handle(m)
		d := &events.Delivery{Message: m}
		ack, err := events.DecodeAck(m)
		queue.put(queuedAck{context.Background(), d, ack, err, func() {}})
	}
	queue.working.Wait()
}
