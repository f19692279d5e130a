package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/ledger"
)

// inFlight is how many orders are made at once: their records lie among each other's on
// the log.
const inFlight = 100

// publish publishes what orders, stations and the counter say of orders, from the
// first ticket until each was handed out. Of twenty orders one is made again, and of
// fifty a manager is asked about one.
func publish(ctx context.Context, connection events.Connection, count int) error {
	writer, err := events.NewWriter(connection, events.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	defer func() { _ = writer.Close() }()
	making, ctx := errgroup.WithContext(ctx)
	making.SetLimit(inFlight)
	for n := range count {
		making.Go(func() error {
			m := &maker{ctx: ctx, writer: writer}
			m.make(n)
			return m.err
		})
	}
	return making.Wait()
}

// maker makes one order. It says nothing more once something could not be said.
type maker struct {
	ctx    context.Context
	writer *events.Writer
	err    error

	status kitchen.LoggedStatus
	now    time.Time
}

func (m *maker) say(publish func() error) {
	if m.err == nil {
		m.err = publish()
	}
}

// step lets a second pass.
func (m *maker) step() time.Time {
	m.now = m.now.Add(time.Second)
	return m.now
}

func (m *maker) make(n int) {
	id, err := kitchen.NewOrderID()
	if err != nil {
		m.err = err
		return
	}
	flavours := []string{"vanilla", "chocolate", "red-velvet", "lemon", "carrot"}
	lines := make([]kitchen.Line, n%3+1)
	prices, total := make([]int64, len(lines)), kitchen.Money{Currency: "EUR", Decimals: 2}
	for i := range lines {
		lines[i] = kitchen.Line{Flavour: flavours[(n+i)%len(flavours)], Size: kitchen.SizeM, Quantity: n%12 + 1}
		prices[i] = 290
		total.Amount += 290 * int64(lines[i].Quantity)
	}
	m.now = time.Now().UTC().Truncate(time.Millisecond)
	due := m.now.Add(time.Hour)
	m.status = kitchen.LoggedStatus{
		OrderID: id, PickupCode: kitchen.PickupCode(id), State: kitchen.StateInProgress, Route: kitchen.Stages(), Lines: lines,
		UnitPrices: prices, Total: &total, PlacedAt: m.now, DueAt: &due, Stages: []kitchen.StageStatus{},
	}
	fails := n%20 == 0
	for pass, at := 1, 0; at < len(kitchen.Stages()); at++ {
		stage := kitchen.Stages()[at]
		failsHere := fails && stage == kitchen.Bake && pass == 1
		m.work(stage, pass, failsHere)
		if failsHere {
			pass, at = 2, -1
			m.status.Remakes = 1
		}
		if n%50 == 7 && stage == kitchen.Decorate {
			m.question(stage, pass)
		}
	}
	shipped := m.step()
	m.say(func() error {
		return m.writer.PublishShipped(m.ctx, kitchen.Shipped{
			OrderID: id, PickupCode: m.status.PickupCode, Customer: kitchen.Customer{Name: fmt.Sprintf("Customer %d", n)}, Lines: lines,
			UnitPrices: prices, Total: &total, PlacedAt: m.status.PlacedAt, DueAt: &due, ShippedAt: shipped,
		})
	})
	m.status.State, m.status.WaitingFor, m.status.ShippedAt = kitchen.StateShipped, "", &shipped
	m.tell()
	m.say(func() error {
		flag := kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagCollected, Of: id}, By: "pia", At: m.step()}
		return m.writer.PublishFlag(m.ctx, id, flag)
	})
}

// work takes the order through a stage: a ticket goes out, with where the order stands,
// and somebody takes it and says how it went.
func (m *maker) work(stage kitchen.Stage, pass int, fails bool) {
	ref := kitchen.TicketRef{OrderID: m.status.OrderID, Stage: stage, Pass: pass, Kind: kitchen.TicketMake}
	issued := m.step()
	m.say(func() error {
		return m.writer.PublishTicket(m.ctx, kitchen.Ticket{
			TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: stage, Pass: pass, Attempt: 1, Lines: m.status.Lines,
			PickupCode: m.status.PickupCode, Since: issued, DueAt: *m.status.DueAt, IssuedAt: issued, AckBy: issued.Add(10 * time.Minute),
		})
	})
	m.status.Stage, m.status.WaitingFor = stage, stage
	m.status.Stages = append(m.status.Stages, kitchen.StageStatus{Stage: stage, Pass: pass, State: kitchen.TicketWaiting, Attempt: 1, IssuedAt: &issued})
	m.tell()
	ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: stage, Kind: kitchen.AckStarted, By: "mia", At: m.step(), Attempt: 1}
	m.say(func() error { return m.writer.PublishAck(m.ctx, ack) })
	started := ack.At
	ack.Kind, ack.At, ack.StartedAt = kitchen.AckDone, m.step(), &started
	row := &m.status.Stages[len(m.status.Stages)-1]
	row.By, row.StartedAt = ack.By, &started
	if fails {
		ack.Kind, ack.Reason, ack.Scrapped = kitchen.AckFailed, "burnt", 6
		row.State, row.Reason, row.FailedAt, row.Scrapped = kitchen.TicketFailed, ack.Reason, &ack.At, ack.Scrapped
		m.status.Scrapped += ack.Scrapped
	} else {
		row.State, row.DoneAt = kitchen.TicketDone, &ack.At
	}
	m.say(func() error { return m.writer.PublishAck(m.ctx, ack) })
}

// question asks a manager, who decides.
func (m *maker) question(stage kitchen.Stage, pass int) {
	asked := kitchen.Attention{Reason: "it fell", Stage: stage, Pass: pass, Since: m.step(), Cause: kitchen.CauseFailed, By: "mia", ReasonCode: "dropped", Choices: kitchen.Choices()}
	m.status.State, m.status.Attention = kitchen.StateNeedsAttention, &asked
	m.tell()
	m.status.State, m.status.Attention = kitchen.StateInProgress, nil
	m.status.Decisions = kitchen.AddDecision(m.status.Decisions, asked.Decide(kitchen.ChoiceRetry, "max", m.step()))
	m.tell()
}

// tell tells where the order stands.
func (m *maker) tell() {
	m.status.At = m.now
	m.status.Version = m.now.UnixMilli()
	m.say(func() error { return m.writer.PublishStatus(m.ctx, m.status) })
}

// readAll reads what was published, in the order in which it was written.
func readAll(ctx context.Context, connection events.Connection) ([]events.Message, error) {
	reader, err := events.NewLogReader(connection)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var messages []events.Message
	for _, topic := range ledger.Topics() {
		partitions, err := reader.Partitions(ctx, topic)
		if err != nil {
			return nil, err
		}
		for partition := range partitions {
			next, end, err := reader.Bounds(ctx, topic, partition)
			if err != nil {
				return nil, err
			}
			for next < end {
				if next, err = reader.Read(ctx, topic, partition, next, end, func(m events.Message) { messages = append(messages, m) }); err != nil {
					return nil, err
				}
			}
		}
	}
	slices.SortStableFunc(messages, func(x, y events.Message) int { return x.Time.Compare(y.Time) })
	return messages, nil
}

// byPartition are the messages of one partition after the other.
func byPartition(messages []events.Message) []events.Message {
	sorted := slices.Clone(messages)
	slices.SortFunc(sorted, func(x, y events.Message) int {
		return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Partition, y.Partition), cmp.Compare(x.Offset, y.Offset))
	})
	return sorted
}
