package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// This file makes up the days before a demonstration's first, for the ledger: what was
// ordered then, who made it, and what went wrong. No workflow belongs to any of it, as to
// no order that Temporal has forgotten. All of it ended before midnight.

const (
	// sampleDays is how many days there are, so that each day of the week has its two.
	sampleDays = 14
	// sampleKept is how long the topics of a demonstration with a ledger are kept: a
	// deleted database must have the sample back.
	sampleKept = 30 * 24 * time.Hour
	// sampleOrders is how many orders a day has at least.
	sampleOrders = 14
	// sampleOpens and sampleCloses are when the first and the last order of a day may be
	// placed: all is over hours before midnight.
	sampleOpens, sampleCloses = 7 * time.Hour, 18 * time.Hour
)

// brokerClock is the embedded Kafka's clock. It stands in the past while the sample is
// written, since records get their time from it. Zero is the present.
type brokerClock struct{ past atomic.Pointer[time.Time] }

func (c *brokerClock) now() time.Time {
	if past := c.past.Load(); past != nil {
		return *past
	}
	return time.Now()
}

// hasSample says that there are made-up days behind the present one: those of a
// demonstration whose log and ledger run here.
func (d *dev) hasSample() bool {
	return d.settings.demo.on && d.settings.ledger && d.settings.runs(serviceKafka)
}

// sampled is a record of the sample: a ticket, an ack, a status, an announcement or a flag.
type sampled struct {
	at   time.Time
	what any
}

// sampleBegun is the file of the data directory that is there while the sample is written.
const sampleBegun = "sample-begun"

// forgetHalfASample takes away what Kafka has of a sample whose writing was killed: its
// orders would be open for ever. Nothing else is there yet, since nobody else begins
// before the sample is whole.
func (d *dev) forgetHalfASample() error {
	begun := d.dataDir.Path(sampleBegun)
	if _, err := os.Stat(begun); err != nil {
		return nil // as usual
	}
	if err := os.RemoveAll(d.dataDir.Path("kafka")); err != nil {
		return fmt.Errorf("remove a sample that was not finished: %w", err)
	}
	return os.Remove(begun)
}

// writeSample writes the days before today, unless something was ever written. Once it
// has begun it does not stop: what would be left of an order is open for ever.
func (d *dev) writeSample(ctx context.Context) (err error) {
	empty, err := isLogEmpty(ctx, d.kafka)
	if err != nil || !empty {
		return err
	}
	if d.dataDir != nil {
		begun := d.dataDir.Path(sampleBegun)
		if err := os.WriteFile(begun, nil, 0o600); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				err = os.Remove(begun)
			}
		}()
	}
	ctx = context.WithoutCancel(ctx)
	writer, err := events.NewWriter(d.kafka, events.WithSource("/cupcakery/sample"), events.WithLogger(d.logger))
	if err != nil {
		return err
	}
	defer func() { _ = writer.Close() }() // all is written by then
	defer d.brokerClock.past.Store(nil)
	for _, record := range sampleBefore(d.kitchen, d.kitchen.Opening.DateOf(time.Now())) {
		d.brokerClock.past.Store(&record.at)
		if err := record.publish(ctx, writer); err != nil {
			return err
		}
	}
	// Nothing of it is anybody's work.
	if err := events.SkipToEnd(ctx, d.kafka, events.GroupAcks, events.TopicAcks); err != nil {
		return err
	}
	for _, stage := range kitchen.Stages() {
		if err := events.SkipToEnd(ctx, d.kafka, events.TicketGroup(stage), events.TicketTopic(stage)); err != nil {
			return err
		}
	}
	return nil
}

func isLogEmpty(ctx context.Context, connection events.Connection) (bool, error) {
	log, err := events.NewLogReader(connection)
	if err != nil {
		return false, err
	}
	defer log.Close()
	for _, topic := range events.Topics() {
		partitions, err := log.Partitions(ctx, topic)
		if err != nil {
			return false, err
		}
		for partition := range partitions {
			if _, end, err := log.Bounds(ctx, topic, partition); err != nil || end > 0 {
				return false, err
			}
		}
	}
	return true, nil
}

func (s sampled) publish(ctx context.Context, writer *events.Writer) error {
	switch what := s.what.(type) {
	case kitchen.Ticket:
		return writer.PublishTicket(ctx, what)
	case kitchen.Ack:
		return writer.PublishAck(ctx, what)
	case kitchen.LoggedStatus:
		return writer.PublishStatus(ctx, what)
	case kitchen.Shipped:
		return writer.PublishShipped(ctx, what)
	case kitchen.Failed:
		return writer.PublishFailed(ctx, what)
	case kitchen.Flag:
		return writer.PublishFlag(ctx, "sample-"+what.Of, what)
	}
	return fmt.Errorf("a sample has no %T", s.what)
}

// sampleBefore is what the log tells of the days before today, in the order of time.
func sampleBefore(k *kitchen.Kitchen, today kitchen.Date) []sampled {
	var records []sampled
	for n := sampleDays; n > 0; n-- {
		records = append(records, sampleDay(k, today.Add(-n))...)
	}
	slices.SortStableFunc(records, func(x, y sampled) int { return x.at.Compare(y.at) })
	return records
}

// sampleDay is what the log tells of a day. It is always the same for a day.
func sampleDay(k *kitchen.Kitchen, day kitchen.Date) []sampled {
	seed := uint64(day.Year*10_000 + int(day.Month)*100 + day.Day)
	chance := rand.New(rand.NewPCG(seed, seed))
	plan, begin := k.Opening.Plan(day), k.Opening.Begin(day)
	places := kitchen.PickupDay{}
	orders := sampleOrders + chance.IntN(5)
	if weekday := day.Weekday(); weekday == time.Saturday || weekday == time.Friday {
		orders += 8
	}
	var records []sampled
	for n := range orders {
		// Most come around noon.
		part := (chance.Float64() + chance.Float64()) / 2
		placed := begin.Add(sampleOpens + time.Duration(part*float64(sampleCloses-sampleOpens))).Truncate(time.Millisecond)
		if !k.Opening.IsOpen(placed) {
			continue
		}
		o := newSampleOrder(k, chance, fmt.Sprintf("%s %d", day, n), placed)
		if chance.IntN(5) == 0 {
			o.forLater(plan, &places)
		}
		o.live()
		records = append(records, o.records...)
	}
	return records
}

// sampleOrder is an order of the sample while its life is written.
type sampleOrder struct {
	kitchen *kitchen.Kitchen
	chance  *rand.Rand
	order   kitchen.Order
	status  kitchen.Status
	due     time.Time
	now     time.Time
	records []sampled
}

func newSampleOrder(k *kitchen.Kitchen, chance *rand.Rand, name string, placed time.Time) *sampleOrder {
	o := &sampleOrder{kitchen: k, chance: chance, order: inventOrder(chance, k), now: placed}
	id := kitchen.OrderIDFromKey([]byte("a demonstration's sample"), name)
	o.status = kitchen.Status{
		ID: id, PickupCode: kitchen.PickupCode(id), State: kitchen.StateInProgress, Route: kitchen.Stages(), Customer: o.order.Customer,
		Lines: o.order.Lines, Notes: o.order.Notes, Allergies: o.order.Allergies, PlacedAt: placed, Stages: []kitchen.StageStatus{},
	}
	o.status.UnitPrices, o.status.Total = k.Menu.Prices.Charge(o.order.Lines)
	o.due = k.Rules.TargetFor(placed, o.order.Pieces())
	return o
}

// forLater gives the order a place in a slot that begins a while after it could be
// ready, if there is one.
func (o *sampleOrder) forLater(plan kitchen.PickupPlan, places *kitchen.PickupDay) {
	least := o.kitchen.Opening.ReadyAt(o.now, o.order.Pieces())
	for _, slot := range plan.Slots() {
		reservation := kitchen.Reservation{Holder: o.status.ID, Slot: slot, Pieces: o.order.Pieces(), Plan: plan}
		if slot.Before(least) || slot.After(least.Add(time.Hour)) || places.Reserve(o.now, reservation) != nil {
			continue
		}
		o.due, o.status.DueAt, o.status.State = slot, &slot, kitchen.StateScheduled
		o.tell()
		o.now = slot.Add(-o.kitchen.Opening.Lead.For(o.order.Pieces()))
		o.status.State = kitchen.StateInProgress
		return
	}
}

// pass lets some time pass, in minutes.
func (o *sampleOrder) pass(least, most float64) {
	minutes := least + o.chance.Float64()*(most-least)
	o.now = o.now.Add(time.Duration(minutes * float64(time.Minute))).Truncate(time.Millisecond)
}

func (o *sampleOrder) write(what any) { o.records = append(o.records, sampled{o.now, what}) }

func (o *sampleOrder) tell() {
	o.status.Version = max(o.status.Version+1, o.now.UnixMilli())
	if o.status.DetailsVersion == 0 {
		o.status.DetailsVersion = o.status.Version
	}
	o.write(o.status.ForLog(o.now))
}

// live takes the order through all its stages and out of the bakery.
func (o *sampleOrder) live() {
	unsure, doomed := o.chance.IntN(14) == 0, o.chance.IntN(20) == 0
	for i := 0; i < len(o.status.Route); i++ {
		stage := o.status.Route[i]
		if unsure && i == 1 {
			o.cancel("")
			return
		}
		remade, asked := o.make(stage, o.status.Remakes+1, doomed && stage == kitchen.Mix)
		switch {
		case asked && o.status.Remakes == o.kitchen.Rules.MaxRemakes:
			if o.decide(stage) == kitchen.ChoiceCancel {
				o.cancel(sampleManager)
				return
			}
			doomed = false
			o.undo()
			o.status.Remakes++
			i = -1
		case remade: // what this pass made is lost with it
			o.status.Remakes++
			i = -1
		}
	}
	o.now = o.now.Add(time.Second)
	shipped := o.now
	o.status.State, o.status.WaitingFor, o.status.ShippedAt = kitchen.StateShipped, "", &shipped
	o.write(kitchen.Shipped{
		OrderID: o.status.ID, PickupCode: o.status.PickupCode, Customer: o.order.Customer, Lines: o.order.Lines, UnitPrices: o.status.UnitPrices,
		Total: o.status.Total, PlacedAt: o.status.PlacedAt, DueAt: o.status.DueAt, ShippedAt: shipped,
	})
	o.tell()
	o.pass(3, 50)
	o.write(kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagCollected, Of: o.status.ID}, By: sampleWorker(o.chance, kitchen.Package), At: o.now})
}

const sampleManager = "max"

// sampleWorker is who works at a stage: the demo's person, or a colleague.
func sampleWorker(chance *rand.Rand, stage kitchen.Stage) string {
	info := stage.Info()
	if chance.IntN(3) == 0 {
		return map[kitchen.Stage]string{kitchen.Mix: "ines", kitchen.Bake: "tariq", kitchen.Decorate: "yuki", kitchen.Package: "leo"}[stage]
	}
	return info.Demo.Name
}

// make makes one stage's work. It reports whether that failed so that the order is made
// anew, and whether a manager must be asked first. doomed work fails in any case.
func (o *sampleOrder) make(stage kitchen.Stage, pass int, doomed bool) (remade, asked bool) {
	ref := kitchen.TicketRef{OrderID: o.status.ID, Stage: stage, Pass: pass, Kind: kitchen.TicketMake}
	since := o.now
	o.status.Stages = append(o.status.Stages, kitchen.StageStatus{Stage: stage, Pass: pass})
	row := &o.status.Stages[len(o.status.Stages)-1]
	o.status.Stage, o.status.WaitingFor = stage, stage
	reasons := reasonsAt(stage, o.kitchen.Reasons)
	for attempt := 1; ; attempt++ {
		ticket := o.ticket(ref, attempt, since)
		row.State, row.Attempt, row.IssuedAt, row.By, row.StartedAt = kitchen.TicketWaiting, attempt, &ticket.IssuedAt, "", nil
		o.write(ticket)
		o.tell()
		o.pass(0.3, 9)
		by, started := sampleWorker(o.chance, stage), o.now
		o.write(o.ack(ref, kitchen.AckStarted, by, attempt))
		row.State, row.By, row.StartedAt = kitchen.TicketStarted, by, &started
		o.pass(2, 9)
		ended := o.now
		ack := o.ack(ref, kitchen.AckDone, by, attempt)
		ack.StartedAt = &started
		if !doomed && (attempt > 1 || len(reasons) == 0 || o.chance.IntN(25) > 0 || o.status.Remakes > 0) {
			o.write(ack)
			row.State, row.DoneAt = kitchen.TicketDone, &ended
			return false, false
		}
		reason := pick(o.chance, reasons)
		ack.Kind, ack.Reason, ack.Scrapped = kitchen.AckFailed, reason.Code, 1+o.chance.IntN(o.order.Pieces())
		o.write(ack)
		row.State, row.Reason, row.FailedAt = kitchen.TicketFailed, reason.Code, &ended
		row.Scrapped += ack.Scrapped
		o.status.Scrapped += ack.Scrapped
		if reason.Then != kitchen.OutcomeRemake {
			doomed = false
			o.tell()
			continue
		}
		return o.status.Remakes < o.kitchen.Rules.MaxRemakes, o.status.Remakes >= o.kitchen.Rules.MaxRemakes
	}
}

func (o *sampleOrder) ticket(ref kitchen.TicketRef, attempt int, since time.Time) kitchen.Ticket {
	ticket := kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt, Lines: o.order.Lines,
		Notes: o.order.Notes, Allergies: o.order.Allergies, PickupCode: o.status.PickupCode, Since: since, IssuedAt: o.now,
		AckBy: o.now.Add(o.kitchen.Rules.AckWithinFor(ref.Stage)),
	}
	if ref.Kind == kitchen.TicketUndo {
		return ticket
	}
	ticket.DueAt = o.due
	if o.status.Route.HandsOut(ref.Stage) {
		ticket.Customer, ticket.Total = o.order.Customer, o.status.Total
	}
	return ticket
}

func (o *sampleOrder) ack(ref kitchen.TicketRef, kind kitchen.AckKind, by string, attempt int) kitchen.Ack {
	return kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, By: by, At: o.now, Attempt: attempt}
}

// decide has a manager asked about work that failed too often, who decides after a while.
func (o *sampleOrder) decide(stage kitchen.Stage) kitchen.Choice {
	row := o.status.Stages[len(o.status.Stages)-1]
	question := kitchen.Attention{
		Reason: fmt.Sprintf("%s failed after %d remakes: %s", stage, o.status.Remakes, row.Reason), Stage: stage, Pass: row.Pass, Since: o.now,
		Cause: kitchen.CauseFailed, By: row.By, ReasonCode: row.Reason, Choices: kitchen.Choices(),
	}
	o.status.State, o.status.WaitingFor, o.status.Attention = kitchen.StateNeedsAttention, "", &question
	o.announce(question.Reason)
	o.tell()
	o.pass(2, 15)
	choice := pick(o.chance, []kitchen.Choice{kitchen.ChoiceRemake, kitchen.ChoiceCancel})
	o.status.Decisions = kitchen.AddDecision(o.status.Decisions, question.Decide(choice, sampleManager, o.now))
	o.status.State, o.status.Attention = kitchen.StateInProgress, nil
	return choice
}

func (o *sampleOrder) announce(reason string) {
	o.write(kitchen.Failed{
		OrderID: o.status.ID, PickupCode: o.status.PickupCode, Customer: o.order.Customer, Lines: o.order.Lines, UnitPrices: o.status.UnitPrices,
		Total: o.status.Total, State: o.status.State, Reason: reason, At: o.now, DueAt: o.status.DueAt, Attention: o.status.Attention,
		Stages: kitchen.CloneStages(o.status.Stages), NotUndone: []kitchen.Leftover{}, Remakes: o.status.Remakes, Scrapped: o.status.Scrapped,
	})
}

// cancel cancels the order on behalf of a customer or, if by is given, of the staff.
func (o *sampleOrder) cancel(by string) {
	o.status.State, o.status.CancelledBy = kitchen.StateCancelling, by
	reason := strings.TrimSpace(pick(o.chance, demoCancelReasons))
	if by != "" || reason == "" {
		reason = "cancelled"
	}
	o.tell()
	o.undo()
	cancelled := o.now
	o.status.State, o.status.WaitingFor, o.status.CancelledAt = kitchen.StateCancelled, "", &cancelled
	o.announce(reason)
	o.tell()
}

// undo undoes what the present pass has made, the newest first. The cupcakes are thrown
// away where they stand, unless that has happened already.
func (o *sampleOrder) undo() {
	pass, left := o.status.Remakes+1, o.order.Pieces()
	for i := range o.status.Stages {
		if o.status.Stages[i].Pass == pass {
			left -= o.status.Stages[i].Scrapped
		}
	}
	left = max(0, left)
	for i := len(o.status.Stages) - 1; i >= 0; i-- {
		row := &o.status.Stages[i]
		if row.Pass != pass {
			continue
		}
		made := kitchen.TicketRef{OrderID: o.status.ID, Stage: row.Stage, Pass: pass, Kind: kitchen.TicketMake}
		if row.Made() && o.kitchen.Rules.UndoOnRecordAt(row.Stage) {
			undone := o.now
			row.State, row.Undo = kitchen.TicketUndone, &kitchen.UndoStatus{State: kitchen.TicketUndone, UndoneAt: &undone}
			continue
		}
		issued := o.now
		o.status.WaitingFor = row.Stage
		row.Undo = &kitchen.UndoStatus{State: kitchen.TicketWaiting, Attempt: 1, IssuedAt: &issued}
		ticket := o.ticket(made.Undo(), 1, o.now)
		ticket.Made = row.Made()
		o.write(ticket)
		o.tell()
		o.pass(0.2, 3)
		by, started := sampleWorker(o.chance, row.Stage), o.now
		o.write(o.ack(made.Undo(), kitchen.AckStarted, by, 1))
		o.pass(0.5, 2)
		undone := o.now
		ack := o.ack(made.Undo(), kitchen.AckUndone, by, 1)
		ack.StartedAt, ack.Scrapped = &started, left
		o.write(ack)
		row.MadeBy, row.By, row.State = row.By, by, kitchen.TicketUndone
		row.Undo.State, row.Undo.By, row.Undo.StartedAt, row.Undo.UndoneAt, row.Undo.Scrapped = kitchen.TicketUndone, by, &started, &undone, left
		o.status.Scrapped += left
		left = 0
	}
}
