package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporalclient "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/doctor"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/worker"
	"github.com/cupcakery/cupcakery/workflows"
)

// factory is Temporal, Kafka and a worker.
type factory struct {
	*factoryFloor
	address  string
	temporal temporalclient.Client
}

func newFactory(t *testing.T) *factory {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	stack, err := devstack.Start(t.Context(), devstack.Config{Temporal: &devstack.TemporalConfig{Headless: true}, Kafka: &devstack.KafkaConfig{Logger: quiet}})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	f := &factory{factoryFloor: floorOn(t, stack.Kafka), address: stack.Temporal.Addr()}
	f.temporal, err = temporalclient.Dial(temporalclient.Options{HostPort: f.address, Logger: sdklog.NewStructuredLogger(quiet)})
	require.NoError(t, err)
	t.Cleanup(f.temporal.Close)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- worker.Run(ctx, worker.Config{Temporal: f.temporal, Namespace: temporalclient.DefaultNamespace,
			Kafka: events.Connection{Brokers: []string{f.kafka.Addr()}}, Logger: quiet})
	}()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	return f
}

// order starts an order and returns its mix ticket.
func (f *factory) order() kitchen.Ticket {
	f.Helper()
	id, err := kitchen.NewOrderID()
	require.NoError(f, err)
	in := workflows.OrderInput{
		Order:    kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 6}}, Notes: "ring"},
		Rules:    kitchen.Default().OrderRules(),
		PlacedAt: time.Now().UTC(),
	}
	_, err = f.temporal.ExecuteWorkflow(f.Context(), workflows.StartOptions(id, in, "hash"), workflows.OrderWorkflowType, in)
	require.NoError(f, err)
	return f.await(kitchen.TicketRef{OrderID: id, Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake})
}

// tickets are all issues of a ticket.
func (f *factory) tickets(ref kitchen.TicketRef) []kitchen.Ticket {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), stationPatience)
	defer cancel()
	var found []kitchen.Ticket
	require.NoError(f, events.Tail(ctx, events.TailConfig{
		Connection: events.Connection{Brokers: []string{f.kafka.Addr()}}, Topics: []string{events.TicketTopic(ref.Stage)},
		CaughtUp: cancel, Logger: slog.New(slog.DiscardHandler),
		Handle: func(m events.Message) {
			if ticket, err := events.DecodeTicket(m); err == nil && ticket.TicketID == ref.TicketID() {
				found = append(found, ticket)
			}
		},
	}))
	return found
}

// await waits until a ticket is out.
func (f *factory) await(ref kitchen.TicketRef) kitchen.Ticket {
	f.Helper()
	var found []kitchen.Ticket
	require.Eventually(f, func() bool { found = f.tickets(ref); return len(found) > 0 }, stationPatience, 20*time.Millisecond)
	return found[0]
}

// finish does the work of a ticket and returns the next stage's.
func (f *factory) finish(ticket kitchen.Ticket, next kitchen.Stage) kitchen.Ticket {
	f.Helper()
	f.ack(ticket, kitchen.AckDone, "bob")
	return f.await(kitchen.TicketRef{OrderID: ticket.OrderID, Stage: next, Pass: ticket.Pass, Kind: ticket.Kind})
}

func (f *factory) terminate(ticket kitchen.Ticket) {
	f.Helper()
	require.NoError(f, f.temporal.TerminateWorkflow(f.Context(), kitchen.WorkflowID(ticket.OrderID), "", "by an operator"))
}

func (f *factory) doctor(args ...string) said {
	f.Helper()
	return invoke(f.T, "", append([]string{"order", "doctor", "--kafka-brokers", f.kafka.Addr(), "--temporal-address", f.address}, args...)...)
}

func (f *factory) undoTickets(ticket kitchen.Ticket) []kitchen.Ticket {
	f.Helper()
	return f.tickets(ticket.Ref().Undo())
}

const allWaitedFor = "Every open ticket is waited for by its order.\n"

func TestTheDoctorWithdrawsWhatNoOrderWaitsFor(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	running := f.order()
	require.Equal(t, said{code: 0, stdout: allWaitedFor}, f.doctor())

	ended := f.finish(f.order(), kitchen.Bake)
	inHand := f.order()
	f.ack(inHand, kitchen.AckStarted, "carol")
	stray := f.issue(func(ticket *kitchen.Ticket) { // of an order that runs, and waits for another ticket
		ticket.OrderID, ticket.Pass = running.OrderID, 7
	})
	f.terminate(ended)
	f.terminate(inHand)
	orphans := []kitchen.Ticket{ended, inHand, stray}

	t.Run("a dry run only says so", func(t *testing.T) {
		c := f.doctor("--dry-run")
		require.Equal(t, exitFailed, c.code)
		require.Contains(t, c.stderr, "3 of the tickets are not waited for; without --dry-run they are withdrawn")
		for _, ticket := range orphans {
			require.Contains(t, c.stdout, ticket.TicketID)
			require.Empty(t, f.undoTickets(ticket))
		}
		require.NotContains(t, c.stdout, running.TicketID)
		require.Contains(t, c.stdout, "runs without waiting for it")
		require.Contains(t, c.stdout, "Made for "+ended.PickupCode+" and not undone:\n  mix  done by bob")
	})
	t.Run("a true run withdraws them", func(t *testing.T) {
		c := f.doctor("-o", "json")
		require.Equal(t, 0, c.code, c.stderr)
		require.Empty(t, c.stderr)
		var found doctor.Findings
		require.NoError(t, json.Unmarshal([]byte(c.stdout), &found))
		require.Len(t, found.Tickets, len(orphans))
		require.Len(t, found.Orders, len(orphans))
		require.Contains(t, c.stdout, `"by": "carol"`)
		for _, ticket := range found.Tickets {
			require.True(t, ticket.Withdrawn)
			require.Equal(t, map[string]doctor.Fate{ended.TicketID: "terminated", inHand.TicketID: "terminated", stray.TicketID: doctor.FateRuns}[ticket.TicketID], ticket.Order)
			require.Equal(t, ticket.TicketID == inHand.TicketID, ticket.State == kitchen.TicketStarted)
		}
		undo := f.undoTickets(ended)
		require.Len(t, undo, 1)
		want := ended
		want.TicketID, want.Kind, want.IssuedAt, want.AckBy = ended.TicketID+".undo", kitchen.TicketUndo, undo[0].IssuedAt, undo[0].IssuedAt.Add(40*time.Minute)
		want.Since = undo[0].IssuedAt
		require.Equal(t, want, undo[0])
	})
	// onlyForCarol is what is left until carol has put aside what she had in hand.
	onlyForCarol := func(t *testing.T) {
		t.Helper()
		c := f.doctor()
		require.Equal(t, exitFailed, c.code)
		require.Contains(t, c.stdout, inHand.TicketID+".undo")
		require.Contains(t, c.stderr, "1 of the tickets are not withdrawn")
	}
	t.Run("another run finds nothing new but what needs hands", func(t *testing.T) {
		onlyForCarol(t)
		for _, ticket := range orphans {
			require.Len(t, f.undoTickets(ticket), 1)
		}
	})
	t.Run("a station answers for what nobody has started", func(t *testing.T) {
		openStation(t, f.kafka.Addr(), "--name", "dave")
		undo := f.undoTickets(ended)[0]
		require.Eventually(t, func() bool {
			acks := f.acks(undo)
			return len(acks) > 0 && acks[0].Kind == kitchen.AckUndone
		}, stationPatience, 20*time.Millisecond)
		onlyForCarol(t)
		f.ack(f.undoTickets(inHand)[0], kitchen.AckUndone, "carol")
		require.Eventually(t, func() bool { return f.doctor() == said{code: 0, stdout: allWaitedFor} }, stationPatience, 20*time.Millisecond)
	})
	t.Run("orders that run go on", func(t *testing.T) {
		require.Empty(t, f.undoTickets(running))
		f.finish(running, kitchen.Bake)
	})
	t.Run("an undo ticket is named and left to its station", func(t *testing.T) {
		undo := f.issue(func(ticket *kitchen.Ticket) {
			ticket.OrderID, ticket.Kind, ticket.Pass, ticket.Made = ended.OrderID, kitchen.TicketUndo, 3, true
		})
		c := f.doctor()
		require.Equal(t, exitFailed, c.code)
		require.Contains(t, c.stdout, undo.TicketID)
		require.Contains(t, c.stdout, "no: answer it at its station")
		require.Contains(t, c.stderr, "1 of the tickets are not withdrawn")
	})
}

// lateTemporal answers the first question about an order only after the order
// has gone on.
type lateTemporal struct {
	temporalclient.Client
	goOn  func()
	asked atomic.Int32
}

func (l *lateTemporal) DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if l.asked.Add(1) == 1 {
		l.goOn()
	}
	return l.Client.DescribeWorkflowExecution(ctx, workflowID, runID)
}

func TestTheDoctorIsNotFooledByAnOrderThatGoesOn(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	mix := f.order()
	late := &lateTemporal{Client: f.temporal, goOn: func() { f.finish(mix, kitchen.Bake) }}
	d := doctor.New(doctor.Config{Temporal: late, Kafka: events.Connection{Brokers: []string{f.kafka.Addr()}}, Rules: kitchen.Default().Rules, Logger: slog.New(slog.DiscardHandler)})
	found, err := d.Examine(t.Context())
	require.NoError(t, err)
	require.Empty(t, found.Tickets)
	require.EqualValues(t, 1, late.asked.Load(), "the log, read again, says that the ticket is done")
}

func TestTheDoctorLeavesFailedWorkToItsOrder(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	bake := f.finish(f.order(), kitchen.Bake)
	remakes := kitchen.Default().Reasons
	reason := remakes[slices.IndexFunc(remakes, func(r kitchen.Reason) bool { return r.Then == kitchen.OutcomeRemake })].Code
	require.NoError(t, f.writer.PublishAck(t.Context(), kitchen.Ack{TicketID: bake.TicketID, OrderID: bake.OrderID, Stage: bake.Stage, Kind: kitchen.AckFailed, By: "bob", At: time.Now().UTC(), Reason: reason}))
	second := kitchen.TicketRef{OrderID: bake.OrderID, Stage: kitchen.Mix, Pass: 2, Kind: kitchen.TicketMake}
	f.await(second)
	require.Equal(t, said{code: 0, stdout: allWaitedFor}, f.doctor())
	f.terminate(bake)
	c := f.doctor("--dry-run")
	require.Contains(t, c.stdout, second.TicketID())
	require.NotContains(t, c.stdout, bake.TicketID)
}

// A manager who is asked about a ticket may issue it again; withdrawn, it would
// reach no station.
func TestTheDoctorLeavesATicketThatAManagerIsAskedAbout(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	mix := f.order()
	byHand := temporal.NewNonRetryableApplicationError("by an operator", "", nil)
	require.NoError(t, f.temporal.CompleteActivityByID(t.Context(), temporalclient.DefaultNamespace, kitchen.WorkflowID(mix.OrderID), "", "mix.1", nil, byHand))
	require.Eventually(t, func() bool {
		status, err := workflows.NewOrders(f.temporal, nil).StatusFromHistory(t.Context(), mix.OrderID)
		return err == nil && status.Attention != nil
	}, stationPatience, 20*time.Millisecond)
	require.Equal(t, said{code: 0, stdout: allWaitedFor}, f.doctor())
	require.Empty(t, f.undoTickets(mix))
}

// An operator has reset an order in Temporal to before bake was done. Its decorate
// ticket was withdrawn, though the order came to it again.
func TestTheDoctorLeavesWhatAResetOrderComesToAgain(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	baked := f.finish(f.order(), kitchen.Bake)
	decorate := f.finish(baked, kitchen.Decorate)
	workflowID := kitchen.WorkflowID(baked.OrderID)
	var lastTask, beforeDone int64
	history := f.temporal.GetWorkflowHistory(t.Context(), workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			lastTask = event.GetEventId()
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			beforeDone = lastTask
		default:
		}
	}
	_, err := f.temporal.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: temporalclient.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID},
		Reason: "by an operator", WorkflowTaskFinishEventId: beforeDone, RequestId: "reset",
	})
	require.NoError(t, err)
	// The log has bake's done, so the order comes to decorate again by itself.
	require.Eventually(t, func() bool { return len(f.tickets(decorate.Ref())) > 1 }, stationPatience, 20*time.Millisecond)
	require.Equal(t, said{code: 0, stdout: allWaitedFor}, f.doctor())
	require.Empty(t, f.undoTickets(decorate))
}

// An undo ticket for work that somebody had begun needs hands, which a gone
// order does not ask for again.
func TestTheDoctorSeesAnUndoTicketOfWorkThatWasBegun(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	mix := f.order()
	f.ack(mix, kitchen.AckStarted, "carol")
	require.NoError(t, f.temporal.CancelWorkflow(t.Context(), kitchen.WorkflowID(mix.OrderID), ""))
	undo := f.await(mix.Ref().Undo())
	require.False(t, undo.Made)
	f.terminate(mix)
	c := f.doctor()
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stdout, undo.TicketID)
}

func TestTheDoctorDoubtsANamespaceThatKnowsNoOrder(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	ticket := f.issue(nil)
	c := f.doctor()
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stderr, `the namespace "default" of Temporal knows none of the 1 orders that have open tickets`)
	require.Empty(t, f.undoTickets(ticket))
	c = f.doctor("--orders-lost")
	require.Equal(t, 0, c.code, c.stderr)
	require.Contains(t, c.stdout, "unknown to Temporal")
	require.Len(t, f.undoTickets(ticket), 1)

	c = f.doctor("--temporal-namespace", "elsewhere", "--orders-lost")
	require.Equal(t, 0, c.code, "there is nothing to ask about: %s", c.stderr)
	f.issue(nil)
	c = f.doctor("--temporal-namespace", "elsewhere", "--orders-lost")
	require.Equal(t, exitFailed, c.code, "a namespace that is missing knows nothing of orders")
	require.Empty(t, c.stdout)
}

func TestTheDoctorNeedsKafkaAndTemporal(t *testing.T) {
	t.Parallel()
	f := newFactoryFloor(t)
	f.issue(nil)
	c := invoke(t, "", "order", "doctor", "--kafka-brokers", "127.0.0.1:1", "--temporal-address", "127.0.0.1:1")
	require.Equal(t, exitUnavailable, c.code, c.stderr)
	require.Contains(t, c.stderr, "Kafka is unavailable at 127.0.0.1:1")
	c = invoke(t, "", "order", "doctor", "--kafka-brokers", f.kafka.Addr(), "--temporal-address", "127.0.0.1:1")
	require.Equal(t, exitUnavailable, c.code, c.stderr)
	require.Contains(t, c.stderr, "no connection to Temporal")
	require.Empty(t, c.stdout)
	for _, args := range [][]string{{"-o", "yaml"}, {"extra"}, {"--kafka-brokers", "nowhere"}, {"--kitchen", "/nowhere.yaml"}} {
		c := invoke(t, "", append([]string{"order", "doctor"}, args...)...)
		require.Equal(t, exitUsage, c.code, strings.Join(args, " "))
	}
}

func TestTheDoctorGivesBackThePlacesOfOrdersThatHaveEnded(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	k, err := kitchen.Parse("kitchen.yaml", []byte("opening: {timezone: UTC, slot: 1h, capacity: 12, lead: {base: 1h, perDozen: 0s}, ahead: 365}\n"))
	require.NoError(t, err)
	orders := workflows.NewOrders(f.temporal, nil)
	day := k.Opening.DateOf(time.Now()).Add(3)
	at := k.Opening.Plan(day).Slots()[9]
	place := func() string {
		id, err := kitchen.NewOrderID()
		require.NoError(t, err)
		order := kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 6}}, PickupAt: at}
		in := workflows.OrderInput{Order: order, Rules: k.OrderRules(), PlacedAt: time.Now().UTC(), Pickup: k.Opening.PickupFor(order)}
		_, err = orders.Place(t.Context(), workflows.StartOptions(id, in, "hash"), in, false)
		require.NoError(t, err)
		return id
	}
	taken := func() int {
		slots, err := orders.TakenSlots(t.Context(), day)
		require.NoError(t, err)
		if len(slots) == 0 {
			return 0
		}
		return slots[0].Taken
	}
	_, gone := place(), place()
	require.Equal(t, 12, taken())
	require.Eventually(t, func() bool { days, err := orders.Days(t.Context()); return err == nil && len(days) == 1 }, stationPatience, 20*time.Millisecond)
	require.Equal(t, said{code: 0, stdout: allWaitedFor}, f.doctor(), "an order that waits keeps its place")
	require.NoError(t, f.temporal.TerminateWorkflow(t.Context(), kitchen.WorkflowID(gone), "", "by an operator"))

	c := f.doctor("--dry-run")
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stderr, "1 places in slots are of orders that have ended; without --dry-run they are given back")
	require.Contains(t, c.stdout, kitchen.PickupCode(gone))
	require.Equal(t, 12, taken())
	c = f.doctor("-o", "json")
	require.Equal(t, 0, c.code, c.stderr)
	var found doctor.Findings
	require.NoError(t, json.Unmarshal([]byte(c.stdout), &found))
	require.Len(t, found.Places, 1)
	require.Equal(t, doctor.Place{Slot: at, Pieces: 6, OrderID: gone, PickupCode: kitchen.PickupCode(gone), Order: "terminated", Released: true}, found.Places[0])
	require.Equal(t, 6, taken())
	require.Equal(t, said{code: 0, stdout: allWaitedFor}, f.doctor(), "and there is nothing left to do")
}
