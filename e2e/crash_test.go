package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/fault"
	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
	"github.com/cupcakery/cupcakery/workflows"
)

// step is what a station makes of a ticket. The zero value is: the work is
// done.
type step struct {
	// fails is the reason for which the work fails the first time, and scrapped the
	// number of pieces that are lost then.
	fails    string
	scrapped int
	// The customer cancels once the ticket waits, or once it is in hand. Either
	// way nobody does it.
	cancelledWaiting, cancelledInHand bool
	// abandoned: somebody begins the work and goes; another takes it over only after
	// a manager has been asked.
	abandoned bool
	// poison is an ack that nobody can understand, beside the good ones.
	poison bool
	// misplaced: the done ack lies in another partition than the order's.
	misplaced bool
	// early: somebody says that the last stage is done, long before it begins.
	early bool
}

// orderKind is a way that an order can go.
type orderKind struct {
	name  string
	steps map[string]step // by the activity's id
	// decision is what a manager chooses when asked; empty to wait.
	decision    kitchen.Choice
	maxReissues int
	end         kitchen.OrderState
}

const (
	pieces     = 12
	maxRemakes = 1
)

var orderKinds = []orderKind{
	{name: "Happy", end: kitchen.StateShipped},
	{name: "FailedAgain", end: kitchen.StateShipped, steps: map[string]step{"bake.1": {fails: "equipment"}}},
	{name: "FailedAgainWithPiecesScrapped", end: kitchen.StateShipped, steps: map[string]step{"bake.1": {fails: "equipment", scrapped: 2}}},
	{name: "Remade", end: kitchen.StateShipped, steps: map[string]step{"bake.1": {fails: "burnt", scrapped: pieces}}},
	{name: "CancelledAtDecorate", end: kitchen.StateCancelled, steps: map[string]step{"decorate.1": {cancelledWaiting: true}}},
	{name: "CancelledInHand", end: kitchen.StateCancelled, steps: map[string]step{"decorate.1": {cancelledInHand: true}}},
	{name: "RemakesExhaustedThenCancelled", end: kitchen.StateCancelled, decision: kitchen.ChoiceCancel, steps: map[string]step{
		"bake.1": {fails: "burnt", scrapped: pieces}, "bake.2": {fails: "dropped", scrapped: pieces},
	}},
	{name: "RemakesExhaustedThenRetried", end: kitchen.StateShipped, decision: kitchen.ChoiceRetry, steps: map[string]step{
		"bake.1": {fails: "burnt", scrapped: pieces}, "bake.2": {fails: "dropped", scrapped: pieces},
	}},
	{name: "UnansweredAndHealed", end: kitchen.StateShipped, maxReissues: 1, steps: map[string]step{"bake.1": {abandoned: true}}},
	{name: "UndoFailedThenRetried", end: kitchen.StateCancelled, decision: kitchen.ChoiceRetry, steps: map[string]step{
		"decorate.1": {cancelledWaiting: true}, "bake.1.undo": {fails: "other"},
	}},
	{name: "WithAPoisonAck", end: kitchen.StateShipped, steps: map[string]step{"mix.1": {poison: true}}},
	{name: "WithAMisplacedAck", end: kitchen.StateShipped, steps: map[string]step{"mix.1": {misplaced: true}}},
	{name: "WithAnEarlyEnd", end: kitchen.StateShipped, steps: map[string]step{"mix.1": {early: true}}},
}

// onlyOf are the points that only one kind of order comes to.
var onlyOf = map[fault.Point]string{
	fault.LetterPublished: "WithAPoisonAck", fault.AckForwarded: "WithAMisplacedAck",
	fault.AttemptCleared: "FailedAgain", fault.AckRefused: "WithAnEarlyEnd",
}

// Whatever the moment at which the worker is killed, an order ends as if it
// had not been. Each order has one point between two messages at which each of
// its messages is held once; when the orders under way are held, the worker is
// killed, and the next one goes on.
func TestAKilledWorkerChangesNoEnd(t *testing.T) {
	faulty, err := process.Build(t.Context(), "..", t.TempDir(), "-tags", "faults")
	require.NoError(t, err)
	ordinary, err := os.ReadFile(binary)
	require.NoError(t, err)
	require.NotContains(t, string(ordinary), fault.Environment, "an ordinary binary has fault points")

	kinds := map[string][]orderKind{
		"embedded Kafka": orderKinds,
		"production":     orderKinds,
		"Apache Kafka": slices.DeleteFunc(slices.Clone(orderKinds), func(kind orderKind) bool {
			return kind.name != "CancelledAtDecorate" && kind.name != "Remade"
		}),
	}
	for name, newBroker := range kafkas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newCrashingFactory(t, newBroker, faulty)
			f.startWorker()
			f.keeper = f.keepLedger()
			undisturbed := map[string]ending{}
			for _, kind := range kinds[name] {
				f.order(kind, "")
			}
			f.awaitEnds(0)
			for _, o := range f.orders {
				undisturbed[o.kind.name] = f.ending(o)
				require.Equal(t, o.kind.end, undisturbed[o.kind.name].State, o.kind.name)
			}
			var disturbed []*orderUnderWay
			for _, kind := range kinds[name] {
				for _, point := range fault.Points() {
					if of, only := onlyOf[point]; !only || of == kind.name {
						disturbed = append(disturbed, f.order(kind, point))
					}
				}
			}
			kills := f.killUntilAllEnd()
			for _, o := range disturbed {
				held, end := f.held(o.id), f.ending(o)
				t.Run(o.kind.name+"/"+string(o.point), func(t *testing.T) {
					assert.NotEmpty(t, held, "no message was held")
					assert.Equal(t, undisturbed[o.kind.name], end, "held were %q", held)
				})
			}
			var statuses []kitchen.Status
			for _, o := range f.orders {
				statuses = append(statuses, f.status(o))
			}
			f.keeper.requireAgrees(statuses)
			t.Logf("%d messages of %d orders were held while a worker was killed, with %d kills", len(f.held("")), len(disturbed), kills)
		})
	}
}

// crashingFactory is a factory whose worker is killed again and again. The
// stations, the customers and the manager are in this process.
type crashingFactory struct {
	*factory
	temporal client.Client
	// faults is the directory that the workers look at.
	faults string
	writer *kafka.Writer
	// keeper is killed now and then, as the worker is; nil if there is none.
	keeper *keeper

	mu      sync.Mutex
	orders  map[string]*orderUnderWay
	changed chan struct{} // closed and replaced when there is more to do
}

// orderUnderWay is an order and what has been seen of it. What changes is
// guarded by the factory.
type orderUnderWay struct {
	kind  orderKind
	point fault.Point
	id    string
	ended chan struct{}

	failed    map[string]bool // the tickets that have failed once
	cancelled bool
	asked     bool
	abandoned bool
	poisoned  bool
	misplaced bool
	early     bool
	ends      map[string]bool // the ids of the events that announced an end
	letters   map[string]bool // the places of the messages that are dead letters
}

// ending is what counts of an order in the end.
type ending struct {
	State        kitchen.OrderState
	Remakes      int
	Scrapped     int
	CancelReason string
	Rows         []endedRow
	// Credited are the tickets whose activity was completed by an ack.
	Credited []string
	// Updates is how many decisions were made about the order.
	Updates int
	// Ends is how many ends were announced.
	Ends int
	// Letters is how many messages went to the dead letters.
	Letters int
}

// endedRow is what counts of a pass through a stage.
type endedRow struct {
	Stage      kitchen.Stage
	Pass       int
	State      kitchen.TicketState
	By, MadeBy string
	Scrapped   int
	Reason     string
	Undo       kitchen.TicketState
	Left       string
}

// newCrashingFactory starts everything but the worker.
func newCrashingFactory(t *testing.T, newBroker func(*testing.T, *factory) server, faulty string) *crashingFactory {
	t.Helper()
	f := &crashingFactory{
		factory: newStack(t, newBroker, 3*time.Second), faults: t.TempDir(),
		orders: map[string]*orderUnderWay{}, changed: make(chan struct{}),
	}
	require.NoError(t, os.Mkdir(filepath.Join(f.faults, fault.Held), 0o755))
	f.env = append(f.env, fault.Environment+"="+f.faults)
	f.workerBinary = faulty
	f.temporal = f.dialTemporal()
	f.writer = f.writerTo(events.TopicAcks)
	t.Cleanup(func() { _ = f.writer.Close() }) // every write has been waited for

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	people, ctx := errgroup.WithContext(ctx)
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, people.Wait())
	})
	connection := f.connection()
	quiet := slog.New(slog.DiscardHandler)
	for _, stage := range kitchen.Stages() {
		bench, err := station.New(station.Config{Connection: connection, Stage: stage, Name: "person-" + string(stage), AckWithin: f.ticketsAgainAfter, Logger: quiet})
		require.NoError(t, err)
		people.Go(func() error { return bench.Run(ctx) })
		people.Go(func() error { return f.workAt(ctx, bench) })
	}
	people.Go(func() error {
		return events.Tail(ctx, events.TailConfig{
			Connection: connection, Topics: []string{events.TopicShip, events.TopicFailures, events.TopicDeadLetters}, Logger: quiet,
			Handle: func(m events.Message) { f.hear(ctx, m) },
		})
	})
	return f
}

// order places an order of the kind, whose messages are held at the point; with
// no point, none is.
func (f *crashingFactory) order(kind orderKind, point fault.Point) *orderUnderWay {
	f.t.Helper()
	id, err := kitchen.NewOrderID()
	require.NoError(f.t, err)
	o := &orderUnderWay{
		kind: kind, point: point, id: id, ended: make(chan struct{}),
		failed: map[string]bool{}, ends: map[string]bool{}, letters: map[string]bool{},
	}
	f.mu.Lock()
	f.orders[id] = o
	f.mu.Unlock()
	require.NoError(f.t, os.WriteFile(filepath.Join(f.faults, id), []byte(point), 0o600))

	rules := kitchen.Default().OrderRules()
	rules.MaxRemakes, rules.MaxReissues = maxRemakes, kind.maxReissues
	for _, stage := range kitchen.Stages() {
		rules.AckWithin[stage] = kitchen.Duration(f.ticketsAgainAfter)
	}
	in := workflows.OrderInput{
		Order: kitchen.Order{Customer: kitchen.Customer{Name: kind.name}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeS, Quantity: pieces}}},
		Rules: rules, PlacedAt: time.Now().UTC(),
	}
	run, err := f.temporal.ExecuteWorkflow(f.t.Context(), workflows.StartOptions(id, in, "a crash test"), workflows.OrderWorkflowType, in)
	require.NoError(f.t, err)
	ctx := f.t.Context()
	go func() {
		defer close(o.ended)
		for ctx.Err() == nil {
			err := run.Get(ctx, nil)
			var failed *temporal.WorkflowExecutionError
			if err == nil || errors.As(err, &failed) {
				return
			}
			wait(100 * time.Millisecond) // Temporal has not answered in time
		}
	}()
	return o
}

// workAt does what the orders' kinds say at one station, until ctx ends.
func (f *crashingFactory) workAt(ctx context.Context, bench *station.Station) error {
	for ctx.Err() == nil {
		f.mu.Lock()
		more := f.changed
		f.mu.Unlock()
		changed := bench.Changed()
		for _, item := range bench.Tickets() {
			f.work(ctx, bench, item)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-more:
		}
	}
	return nil
}

// work does the next thing about a ticket. What the station refuses is not to
// be done: the ticket was withdrawn or comes again, which is a change.
func (f *crashingFactory) work(ctx context.Context, bench *station.Station, item station.Item) {
	ref, err := kitchen.ParseTicketID(item.Ticket.TicketID)
	if err != nil || item.Answering {
		return
	}
	f.mu.Lock()
	o := f.orders[ref.OrderID]
	step := o.kind.steps[ref.ActivityID()]
	failed := o.failed[ref.ActivityID()]
	fails := step.fails != "" && !failed
	asked := o.asked
	// While the failed ack is on its way, the ticket may come
	// again. Cupcakes that were made then would be others.
	ruined := failed && kitchen.Default().Rules.OutcomeFor(step.fails) == kitchen.OutcomeRemake && (!o.asked || o.kind.decision != kitchen.ChoiceRetry)
	f.mu.Unlock()
	switch {
	case ruined:
		return
	case step.abandoned && !asked:
		f.abandon(ctx, o, ref)
		return
	case item.State == station.Elsewhere && (!step.abandoned || bench.TakeOver(ctx, ref.TicketID()) != nil):
		return
	case step.cancelledWaiting:
		f.cancel(ctx, o)
		return
	case item.State == station.Waiting && bench.Start(ctx, ref.TicketID()) != nil:
		return
	case step.cancelledInHand:
		f.cancel(ctx, o)
		return
	}
	if step.poison {
		f.poison(ctx, o)
	}
	if step.early {
		f.endEarly(ctx, o)
	}
	if step.misplaced {
		f.misplace(ctx, o, ref)
		return
	}
	if !fails {
		_ = bench.Done(ctx, ref.TicketID())
	} else if bench.Fail(ctx, ref.TicketID(), step.fails, "", step.scrapped) == nil {
		f.mu.Lock()
		o.failed[ref.ActivityID()] = true
		f.mu.Unlock()
	}
}

// cancel has the customer cancel the order, once.
func (f *crashingFactory) cancel(ctx context.Context, o *orderUnderWay) {
	f.mu.Lock()
	again := o.cancelled
	o.cancelled = true
	f.mu.Unlock()
	if !again {
		go f.update(ctx, o, workflows.UpdateCancel, "cancel", kitchen.Cancellation{Reason: "changed my mind"})
	}
}

// poison writes something into the acks that is none, once.
func (f *crashingFactory) poison(ctx context.Context, o *orderUnderWay) {
	f.mu.Lock()
	again := o.poisoned
	o.poisoned = true
	f.mu.Unlock()
	if !again {
		assert.NoError(f.t, f.writer.WriteMessages(ctx, kafka.Message{Key: []byte(o.id), Value: []byte("done!")}))
	}
}

// misplace says once that a ticket is done, under a key that is not its order's.
func (f *crashingFactory) misplace(ctx context.Context, o *orderUnderWay, ref kitchen.TicketRef) {
	f.mu.Lock()
	again := o.misplaced
	o.misplaced = true
	f.mu.Unlock()
	if !again {
		value := fmt.Appendf(nil, `{"ticketId":%q,"orderId":%q,"stage":%q,"kind":"done","by":"person-mix"}`, ref.TicketID(), ref.OrderID, ref.Stage)
		assert.NoError(f.t, f.writer.WriteMessages(ctx, kafka.Message{Key: []byte("my oven"), Value: value}))
	}
}

// abandon has somebody begin a ticket, once, of whom nothing is heard any more.
func (f *crashingFactory) abandon(ctx context.Context, o *orderUnderWay, ref kitchen.TicketRef) {
	f.mu.Lock()
	again := o.abandoned
	o.abandoned = true
	f.mu.Unlock()
	if !again {
		value := fmt.Appendf(nil, `{"ticketId":%q,"orderId":%q,"stage":%q,"kind":"started","by":"gone"}`, ref.TicketID(), ref.OrderID, ref.Stage)
		assert.NoError(f.t, f.writer.WriteMessages(ctx, kafka.Message{Key: []byte(o.id), Value: value}))
	}
}

// endEarly says once that the order's last stage is done, which has no ticket yet.
func (f *crashingFactory) endEarly(ctx context.Context, o *orderUnderWay) {
	f.mu.Lock()
	again := o.early
	o.early = true
	f.mu.Unlock()
	if !again {
		ref := kitchen.TicketRef{OrderID: o.id, Stage: kitchen.Package, Pass: 1, Kind: kitchen.TicketMake}
		value := fmt.Appendf(nil, `{"ticketId":%q,"orderId":%q,"stage":%q,"kind":"done","by":"ghost"}`, ref.TicketID(), ref.OrderID, ref.Stage)
		assert.NoError(f.t, f.writer.WriteMessages(ctx, kafka.Message{Key: []byte(o.id), Value: value}))
	}
}

// hear records what downstream systems read, and lets the manager decide.
func (f *crashingFactory) hear(ctx context.Context, m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.orders[string(m.Key)]
	if o == nil {
		assert.Fail(f.t, "a message about no order", "%s: %s", m.Topic, m.Value)
		return
	}
	eventID, _ := m.Header("ce_id")
	if m.Topic == events.TopicDeadLetters {
		partition, _ := m.Header(events.HeaderDeadPartition)
		offset, _ := m.Header(events.HeaderDeadOffset)
		o.letters[partition+"/"+offset] = true
		return
	}
	var failed kitchen.Failed
	if err := json.Unmarshal(m.Value, &failed); !assert.NoError(f.t, err) {
		return
	}
	if failed.State != kitchen.StateNeedsAttention {
		o.ends[eventID] = true
		return
	}
	o.asked = true
	close(f.changed)
	f.changed = make(chan struct{})
	if o.kind.decision != "" {
		go f.update(ctx, o, workflows.UpdateResolve, eventID, kitchen.Resolution{Choice: o.kind.decision})
	}
}

// update sends an update until the order has answered it.
func (f *crashingFactory) update(ctx context.Context, o *orderUnderWay, name, id string, request any) {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		handle, err := f.temporal.UpdateWorkflow(asking, client.UpdateWorkflowOptions{
			WorkflowID: kitchen.WorkflowID(o.id), UpdateName: name, UpdateID: id, Args: []any{request},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(asking, nil)
		}
		cancel()
		var refused *temporal.ApplicationError
		var over *serviceerror.NotFound
		if err == nil || errors.As(err, &refused) || errors.As(err, &over) {
			return
		}
		wait(100 * time.Millisecond)
	}
}

// killUntilAllEnd kills the worker whenever messages are held, and starts the
// next, until no order is under way. It returns how often it did.
func (f *crashingFactory) killUntilAllEnd() (kills int) {
	f.t.Helper()
	before := 0
	for {
		f.awaitEnds(before)
		if len(f.open()) == 0 {
			return kills
		}
		// Whatever else is held soon dies with it, which saves kills. How much
		// that is has no influence on any end.
		for range 10 {
			if len(f.held(""))-before >= len(f.open()) {
				break
			}
			wait(100 * time.Millisecond)
		}
		f.worker.Kill()
		if kills++; f.keeper != nil && kills%4 == 0 {
			f.keeper.kill()
		}
		// What the next worker holds while it starts counts as new.
		before = len(f.held(""))
		f.buryWorker()
		f.startWorker()
	}
}

// awaitEnds waits until all orders have ended, or until more than held messages
// have been held.
func (f *crashingFactory) awaitEnds(held int) {
	f.t.Helper()
	f.eventually(func() error {
		if open := f.open(); len(open) > 0 && len(f.held("")) <= held {
			return fmt.Errorf("orders are still under way: %s", strings.Join(open, ", "))
		}
		return nil
	}, f.worker)
}

// buryWorker takes the dead worker out of its group, as the broker does when
// its session times out, only sooner.
func (f *crashingFactory) buryWorker() {
	f.t.Helper()
	client, err := kgo.NewClient(f.kgoOptions()...)
	require.NoError(f.t, err)
	defer client.Close()
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{events.GroupAcks}
	described, err := describe.RequestWith(f.t.Context(), client)
	require.NoError(f.t, err)
	for _, group := range described.Groups {
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = events.GroupAcks
		for _, described := range group.Members {
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID = described.MemberID
			leave.Members = append(leave.Members, member)
		}
		_, err := leave.RequestWith(f.t.Context(), client)
		require.NoError(f.t, err)
	}
}

// held are the messages of an order that have been held; of all, if it has no
// id.
func (f *crashingFactory) held(orderID string) []string {
	f.t.Helper()
	marks, err := os.ReadDir(filepath.Join(f.faults, fault.Held))
	require.NoError(f.t, err)
	var messages []string
	for _, mark := range marks {
		if message, ok := strings.CutPrefix(mark.Name(), orderID); ok {
			messages = append(messages, message)
		}
	}
	return messages
}

// open names the orders that have not ended.
func (f *crashingFactory) open() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var open []string
	for _, o := range f.orders {
		select {
		case <-o.ended:
		default:
			open = append(open, o.kind.name+"/"+string(o.point))
		}
	}
	slices.Sort(open)
	return open
}

// status is what an order has ended with.
func (f *crashingFactory) status(o *orderUnderWay) (status kitchen.Status) {
	f.t.Helper()
	require.NoError(f.t, f.temporal.GetWorkflow(f.t.Context(), kitchen.WorkflowID(o.id), "").Get(f.t.Context(), &status))
	return status
}

// ending is how an order that has ended did.
func (f *crashingFactory) ending(o *orderUnderWay) ending {
	f.t.Helper()
	status := f.status(o)
	end := ending{State: status.State, Remakes: status.Remakes, Scrapped: status.Scrapped, CancelReason: status.CancelReason}
	for _, stage := range status.Stages {
		row := endedRow{
			Stage: stage.Stage, Pass: stage.Pass, State: stage.State, By: stage.By, MadeBy: stage.MadeBy,
			Scrapped: stage.Scrapped, Reason: stage.Reason,
		}
		if stage.Undo != nil {
			row.Undo, row.Left = stage.Undo.State, stage.Undo.Left
		}
		end.Rows = append(end.Rows, row)
	}
	tickets := map[int64]string{}
	history := f.temporal.GetWorkflowHistory(f.t.Context(), kitchen.WorkflowID(o.id), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(f.t, err)
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			if _, err := kitchen.ParseActivityID(scheduled.GetActivityId()); err == nil { // or it announces something
				tickets[event.GetEventId()] = scheduled.GetActivityId()
			}
		}
		if completed := event.GetActivityTaskCompletedEventAttributes(); completed != nil {
			if ticket, isTicket := tickets[completed.GetScheduledEventId()]; isTicket {
				end.Credited = append(end.Credited, ticket)
			}
		}
		if event.GetWorkflowExecutionUpdateAcceptedEventAttributes() != nil {
			end.Updates++
		}
	}
	// The end was announced before the order was closed, but perhaps it has
	// not been heard yet.
	f.eventually(func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		end.Ends, end.Letters = len(o.ends), len(o.letters)
		if end.Ends == 0 || end.Letters == 0 && (o.poisoned || o.early) {
			return errors.New("the end has not been heard")
		}
		return nil
	})
	return end
}
