package e2e

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// kafkas are the brokers that every test here runs on.
var kafkas = chooseKafkas()

func chooseKafkas() map[string]func(*testing.T, *factory) server {
	if onProduction {
		return map[string]func(*testing.T, *factory) server{"production": newProduction}
	}
	return everyKafka
}

var everyKafka = map[string]func(*testing.T, *factory) server{
	"embedded Kafka": func(t *testing.T, f *factory) server { return newService(t, f, "kafka", "--kafka-port") },
	"Apache Kafka":   func(t *testing.T, _ *factory) server { return newApacheKafka(t) },
}

// anyKafka is the quickest of them.
func anyKafka() func(*testing.T, *factory) server {
	if onProduction {
		return newProduction
	}
	return everyKafka["embedded Kafka"]
}

func onEachKafka(t *testing.T, test func(t *testing.T, newBroker func(*testing.T, *factory) server)) {
	for name, newBroker := range kafkas {
		t.Run(name, func(t *testing.T) { test(t, newBroker) })
	}
}

// wedding is an order with all that people write.
func wedding() kitchen.Order {
	return kitchen.Order{
		Customer:  kitchen.Customer{Name: "עדה ✨ Ада"},
		Notes:     "Ring twice.\nالباب الخلفي",
		Allergies: []string{"nuts"},
		Lines: []kitchen.Line{
			{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th 🎂👩‍🚀"},
			{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 500, Message: "מזל טוב"},
			{Flavour: "vanilla", Size: kitchen.SizeXL, Quantity: 1},
		},
	}
}

func typed(t *testing.T, p *process.Process, lines ...string) {
	t.Helper()
	for _, line := range lines {
		require.NoError(t, p.Type(line))
	}
}

func TestAnOrderGoesThroughFourStations(t *testing.T) {
	onEachKafka(t, func(t *testing.T, newBroker func(*testing.T, *factory) server) {
		f := newFactory(t, newBroker, time.Hour)
		people := map[kitchen.Stage]*process.Process{}
		for _, stage := range kitchen.Stages() {
			people[stage] = f.person(stage, "person-"+string(stage))
		}
		order := wedding()
		placed := f.place(order)
		require.Equal(t, kitchen.StateAccepted, placed.State)

		watch := f.start("watch", "order", "watch", placed.ID)
		for _, stage := range kitchen.Stages() {
			f.until(placed.ID, "at "+string(stage), waitsFor(stage))
			typed(t, people[stage], "start 1", "done 1")
		}
		status := f.until(placed.ID, "shipped", shipped)
		require.Equal(t, order.Lines, status.Lines)
		require.Equal(t, order.Customer, status.Customer)
		require.Equal(t, order.Notes, status.Notes)
		require.Len(t, status.Stages, 4)
		for i, stage := range kitchen.Stages() {
			require.Equal(t, stage, status.Stages[i].Stage)
			require.Equal(t, "person-"+string(stage), status.Stages[i].By)
			require.Equal(t, 1, status.Stages[i].Attempt)
			require.NotNil(t, status.Stages[i].StartedAt)
		}
		require.False(t, status.Stale)
		f.requireEachStageOnce(placed.ID)

		var announced kitchen.Shipped
		require.NoError(t, json.Unmarshal(f.announcements(events.TopicShip)[0].Value, &announced))
		require.Equal(t, order.Lines, announced.Lines)
		require.Equal(t, placed.PickupCode, announced.PickupCode)

		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		require.NoError(t, watch.WaitForOutput(ctx, "shipped"))
		require.Zero(t, watch.ExitCode())
		for _, person := range people {
			typed(t, person, "quit")
			require.NoError(t, person.Stop(time.Minute))
			require.NotContains(t, person.Output(), placed.ID, "the order id is the customer's capability")
		}
		require.NoError(t, f.api.Stop(time.Minute))
		require.NoError(t, f.worker.Stop(time.Minute))
	})
}

// Every process dies once while one order is on its way, each at a moment
// when it has something in hand.
func TestKillingAnyProcessLosesNothing(t *testing.T) {
	onEachKafka(t, func(t *testing.T, newBroker func(*testing.T, *factory) server) {
		f := newFactory(t, newBroker, 15*time.Second)
		mixer := f.person(kitchen.Mix, "mia")
		placed := f.place(wedding())

		// The worker dies with its ticket out, and is dead when the ack comes.
		f.until(placed.ID, "at mix", waitsFor(kitchen.Mix))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		require.NoError(t, mixer.WaitForOutput(ctx, placed.PickupCode))
		f.worker.Kill()
		typed(t, mixer, "start 1", "done 1")
		told := f.until(placed.ID, "done by mia, as the log tells without a worker", func(s kitchen.Status) bool {
			return len(s.Stages) == 1 && s.Stages[0].State == kitchen.TicketDone
		})
		require.Equal(t, kitchen.StateInProgress, told.State)
		require.Equal(t, "mia", told.Stages[0].By)
		require.Empty(t, told.WaitingFor, "what comes next is for the worker to say")
		require.Equal(t, placed.Lines, told.Lines)
		f.startWorker()

		// The API dies; nothing else notices.
		f.api.Kill()
		f.startAPI()
		f.until(placed.ID, "at bake", waitsFor(kitchen.Bake))

		// A baker dies with the cupcakes in the oven. Another takes the ticket
		// once it comes again.
		baker := f.person(kitchen.Bake, "bob")
		typed(t, baker, "start 1")
		f.until(placed.ID, "in bob's hands", func(s kitchen.Status) bool { return s.Stages[1].By == "bob" })
		baker.Kill()
		f.robot(kitchen.Bake, "--work-time", "10ms")
		f.until(placed.ID, "at decorate", waitsFor(kitchen.Decorate))

		// Temporal dies before the ack, so the ack waits in Kafka.
		decorator := f.person(kitchen.Decorate, "dora")
		require.NoError(t, decorator.WaitForOutput(ctx, placed.PickupCode))
		f.temporal.kill()
		typed(t, decorator, "start 1", "done 1")
		f.temporal.restart()
		f.until(placed.ID, "at package", waitsFor(kitchen.Package))

		// Kafka dies and comes back under a robot, worker and API that go on.
		f.kafka.kill()
		f.robot(kitchen.Package, "--work-time", "10ms")
		f.kafka.restart()
		status := f.until(placed.ID, "shipped", shipped)

		require.Equal(t, "mia", status.Stages[0].By)
		require.Equal(t, "robot-bake", status.Stages[1].By)
		require.Equal(t, "dora", status.Stages[2].By)
		require.Equal(t, "robot-package", status.Stages[3].By)
		require.Equal(t, wedding().Lines, status.Lines)
		f.requireEachStageOnce(placed.ID)
	})
}

// An order is cancelled when half of it is made. The baker dies with the undo
// ticket in hand, then API and Temporal do, and what was made is undone all the
// same.
func TestACancelledOrderIsUndoneWhoeverDies(t *testing.T) {
	onEachKafka(t, func(t *testing.T, newBroker func(*testing.T, *factory) server) {
		f := newFactory(t, newBroker, 30*time.Second)
		people := map[kitchen.Stage]*process.Process{}
		for _, stage := range kitchen.Stages() {
			people[stage] = f.person(stage, "person-"+string(stage))
		}
		placed := f.place(wedding())
		for _, stage := range []kitchen.Stage{kitchen.Mix, kitchen.Bake} {
			f.until(placed.ID, "at "+string(stage), waitsFor(stage))
			typed(t, people[stage], "start 1", "done 1")
		}
		f.until(placed.ID, "at decorate", waitsFor(kitchen.Decorate))
		typed(t, people[kitchen.Decorate], "start 1")
		f.until(placed.ID, "in the decorator's hands", func(s kitchen.Status) bool { return s.Stages[2].By != "" })

		require.Contains(t, f.run("order", "cancel", placed.ID, "--reason", "changed my mind"), "The order is being cancelled.")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		require.NoError(t, people[kitchen.Decorate].WaitForOutput(ctx, "STOP: this work was cancelled"))
		typed(t, people[kitchen.Decorate], "start 2", "done 2")

		// The baker dies with the undo ticket in hand.
		f.until(placed.ID, "at bake again", waitsFor(kitchen.Bake))
		typed(t, people[kitchen.Bake], "start 2")
		f.until(placed.ID, "in the baker's hands", func(s kitchen.Status) bool { return s.Stages[1].Undo.By != "" })
		people[kitchen.Bake].Kill()

		// API and Temporal are down while the baker comes back and
		// finishes.
		f.api.Kill()
		f.temporal.kill()
		baker := f.person(kitchen.Bake, "person-bake")
		typed(t, baker, "start 1", "done 1")
		require.NoError(t, baker.WaitForOutput(ctx, "undone, "))
		f.temporal.restart()
		f.startAPI()

		f.until(placed.ID, "at mix again", waitsFor(kitchen.Mix))
		typed(t, people[kitchen.Mix], "start 2", "done 2 scrapped=0 the bowl was kept")
		status := f.until(placed.ID, "cancelled", func(s kitchen.Status) bool { return s.State == kitchen.StateCancelled })
		require.Equal(t, "changed my mind", status.CancelReason)
		require.Len(t, status.Stages, 3, "nobody was asked to package")
		for i, scrapped := range []int{0, placedPieces(placed), placedPieces(placed)} {
			row := status.Stages[i]
			require.Equal(t, kitchen.TicketUndone, row.State)
			require.Equal(t, "person-"+string(row.Stage), row.Undo.By)
			require.Equal(t, scrapped, row.Scrapped, row.Stage)
		}
		require.Equal(t, placedPieces(placed), status.Scrapped, "the same cupcakes are counted once")

		messages := f.announcements(events.TopicFailures)
		require.Len(t, messages, 1)
		var announced kitchen.Failed
		require.NoError(t, json.Unmarshal(messages[0].Value, &announced))
		require.Equal(t, kitchen.StateCancelled, announced.State)
		require.Equal(t, "cancelled: changed my mind", announced.Reason)
		require.Empty(t, announced.NotUndone)
	})
}

func placedPieces(status kitchen.Status) int { return kitchen.Order{Lines: status.Lines}.Pieces() }
