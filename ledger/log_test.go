package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// testLog is a log that a test writes, by the broker's clock.
type testLog struct {
	now      time.Time
	ids      map[string][16]byte
	messages []events.Message
	ends     map[partitionName]int64
	// partition chooses where an order's records go; all to 0 if nil.
	partition func(key string) int
}

func newTestLog() *testLog {
	return &testLog{now: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC), ids: make(map[string][16]byte), ends: make(map[partitionName]int64)}
}

func (l *testLog) topicID(topic string) [16]byte {
	if _, known := l.ids[topic]; !known {
		l.ids[topic] = uuid.NewSHA1(uuid.NameSpaceURL, []byte(topic))
	}
	return l.ids[topic]
}

// append appends a record, a second later than the last.
func (l *testLog) append(topic, key string, value []byte, headers ...events.Header) events.Message {
	l.now = l.now.Add(time.Second)
	at := partitionName{topic, 0}
	if l.partition != nil && topic != events.TopicKitchenState {
		at.partition = l.partition(key)
	}
	m := events.Message{
		Topic: topic, TopicID: l.topicID(topic), Partition: at.partition, Offset: l.ends[at], Key: []byte(key), Value: value, Headers: headers,
		Time: l.now, Appended: true,
	}
	l.ends[at]++
	l.messages = append(l.messages, m)
	return m
}

func (l *testLog) put(topic, key string, value any) events.Message {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return l.append(topic, key, data)
}

// testOrder is an order whose life a test writes.
type testOrder struct {
	log     *testLog
	id      string
	lines   []kitchen.Line
	status  kitchen.LoggedStatus
	version int64
}

func (l *testLog) order(n int, lines ...kitchen.Line) *testOrder {
	id := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "order %d", n)).String()
	if len(lines) == 0 {
		lines = []kitchen.Line{{Flavour: "lemon", Size: "M", Quantity: 6}}
	}
	o := &testOrder{log: l, id: id, lines: lines}
	total := kitchen.Money{Currency: "EUR", Decimals: 2}
	prices := make([]int64, len(lines))
	for i, line := range lines {
		prices[i] = 350
		total.Amount += 350 * int64(line.Quantity)
	}
	o.status = kitchen.LoggedStatus{
		OrderID: id, PickupCode: fmt.Sprintf("K%03d", n), State: kitchen.StateInProgress, Route: kitchen.Stages(), Lines: lines,
		PlacedAt: l.now, UnitPrices: prices, Total: &total, Stages: []kitchen.StageStatus{},
	}
	return o
}

func (o *testOrder) tell(change func(*kitchen.LoggedStatus)) events.Message {
	o.version++
	o.status.Version, o.status.At = o.version, o.log.now
	if change != nil {
		change(&o.status)
	}
	return o.log.put(events.TopicStatus, o.id, o.status)
}

func (o *testOrder) ref(stage kitchen.Stage, pass int) kitchen.TicketRef {
	return kitchen.TicketRef{OrderID: o.id, Stage: stage, Pass: pass, Kind: kitchen.TicketMake}
}

func (o *testOrder) issue(ref kitchen.TicketRef, attempt int) events.Message {
	ticket := kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: o.id, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt, Lines: o.lines,
		PickupCode: o.status.PickupCode, Since: o.status.PlacedAt, IssuedAt: o.log.now, AckBy: o.log.now.Add(30 * time.Minute),
	}
	if ref.Kind == kitchen.TicketMake {
		ticket.DueAt, ticket.Notes, ticket.Allergies = o.status.PlacedAt.Add(time.Hour), "ring the bell", []string{"nuts"}
		if ref.Stage == kitchen.Package {
			ticket.Customer = kitchen.Customer{Name: "Ada Lovelace"}
		}
	}
	return o.log.put(events.TicketTopic(ref.Stage), o.id, ticket)
}

func (o *testOrder) say(ref kitchen.TicketRef, kind kitchen.AckKind, by string, change ...func(*kitchen.Ack)) events.Message {
	ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: o.id, Stage: ref.Stage, Kind: kind, By: by, At: o.log.now}
	for _, each := range change {
		each(&ack)
	}
	return o.log.put(events.TopicAcks, o.id, ack)
}

// make takes the order through stages.
func (o *testOrder) make(pass int, stages ...kitchen.Stage) {
	for _, stage := range stages {
		ref := o.ref(stage, pass)
		o.issue(ref, 1)
		o.tell(func(s *kitchen.LoggedStatus) { s.Stage, s.WaitingFor = stage, stage })
		o.say(ref, kitchen.AckStarted, "mia")
		o.say(ref, kitchen.AckDone, "mia")
	}
}

func (o *testOrder) ship() {
	at := o.log.now
	o.log.put(events.TopicShip, o.id, kitchen.Shipped{
		OrderID: o.id, PickupCode: o.status.PickupCode, Customer: kitchen.Customer{Name: "Ada Lovelace"}, Lines: o.lines,
		UnitPrices: o.status.UnitPrices, Total: o.status.Total, PlacedAt: o.status.PlacedAt, ShippedAt: at,
	})
	o.tell(func(s *kitchen.LoggedStatus) { s.State, s.ShippedAt, s.WaitingFor = kitchen.StateShipped, &at, "" })
}

func (l *testLog) flag(kind kitchen.FlagKind, of, by string) {
	flag := kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kind, Of: of}, By: by, At: l.now}
	l.put(events.TopicKitchenState, flag.String(), flag)
}
