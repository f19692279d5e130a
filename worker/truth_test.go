package worker

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// lives is the number of random lives that the test tries; -rapid.checks sets another
// number.
const lives = "500"

func init() {
	if err := flag.Set("rapid.checks", lives); err != nil {
		panic(err)
	}
}

// TestTheOrderHearsWhatTheLogSays lets people write anything about the tickets of an
// order, repeat and retract it, while its worker lags, dies and reads again, tickets
// come again and the order is cancelled. What the worker carries, what the
// activities find in the log, and what the order records is at any time what the
// board of the log says. That stations and floors show the same board is held where
// they are.
func TestTheOrderHearsWhatTheLogSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { newBakery(t).run() })
}

// bakery is an order with its workflow, its worker and the log. An interceptor
// plays Temporal's server.
type bakery struct {
	client.Client
	t   *rapid.T
	env *testsuite.TestWorkflowEnvironment
	in  workflows.OrderInput

	now     time.Time                   // the broker's
	log     map[string][]events.Message // by topic
	said    []kitchen.Ack               // of the people
	decided []*openTicket               // by a workflow task, and not yet with the server
	open    []*openTicket
	ended   []ticketsEnd
	updates int
	story   []string

	carrier *ackCarrier
	read    map[string]int // how many records of each topic its log has read
	next    int            // the next ack to be carried
	steps   int
}

// openTicket is a ticket's activity as the server sees it.
type openTicket struct {
	ref     kitchen.TicketRef
	issue   kitchen.Issue
	attempt int
	between bool // two attempts
	ended   bool
	owner   kitchen.AtWork
	ctx     workflow.Context
	end     workflow.Settable
}

// GoString is what rapid prints of it.
func (o *openTicket) GoString() string { return o.ref.ActivityID() }

// ticketsEnd is how an activity ended.
type ticketsEnd struct {
	ref    kitchen.TicketRef
	ack    kitchen.Ack
	failed bool
}

const theOrder = "01890a5d-ac96-774b-bcce-b302099a8057"

func newBakery(t *rapid.T) *bakery {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	b := &bakery{
		t: t, env: suite.NewTestWorkflowEnvironment(), now: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), log: map[string][]events.Message{},
		in: workflows.OrderInput{
			Order: kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "vanilla", Size: kitchen.SizeS, Quantity: 12}}},
			Rules: kitchen.Default().Rules,
		},
	}
	b.in.PlacedAt = b.now
	b.in.Rules.Route = kitchen.Stages()[:2]
	b.in.Rules.MaxRemakes = rapid.IntRange(0, 2).Draw(t, "max remakes")
	b.in.Rules.Reasons = map[string]kitchen.Outcome{"burnt": kitchen.OutcomeRemake, "dropped": kitchen.OutcomeAgain}
	b.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: kitchen.WorkflowID(theOrder), TaskQueue: workflows.TaskQueue})
	b.env.SetTestTimeout(time.Minute)
	b.env.SetStartTime(b.now)
	b.env.SetWorkerOptions(sdkworker.Options{
		Interceptors: []interceptor.WorkerInterceptor{&serverOf{bakery: b}}, DeadlockDetectionTimeout: time.Minute,
	})
	b.hire()
	return b
}

// hire has a worker begin. It reads the log to its end before it carries anything.
func (b *bakery) hire() {
	logger := slog.New(slog.DiscardHandler)
	b.carrier = newAckCarrier(b, workflows.NewOrders(b, nil), client.DefaultNamespace, newTicketLog(events.Connection{}, logger), b, logger, newMetrics(prometheus.NewRegistry()))
	b.carrier.betweenAttempts = 0
	b.carrier.log.lookBack = 1000 * time.Hour
	b.carrier.heartbeats.stop() // the test asks for those itself
	b.read = map[string]int{}
	for topic := range b.log {
		b.readAll(topic)
	}
}

func (b *bakery) fatalf(format string, args ...any) {
	b.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(b.story, "\n"))
}

func (b *bakery) tell(format string, args ...any) {
	b.story = append(b.story, fmt.Sprintf(format, args...))
}

// run lets the order live to its end, and checks its whole life then.
func (b *bakery) run() {
	b.env.RegisterDelayedCallback(b.step, time.Second)
	b.env.ExecuteWorkflow(workflows.OrderWorkflow, b.in)
	if !b.env.IsWorkflowCompleted() || b.env.GetWorkflowError() != nil {
		b.fatalf("the order has not closed well: %v", b.env.GetWorkflowError())
	}
	b.checkTotals()
}

func (b *bakery) step() {
	if b.env.IsWorkflowCompleted() {
		return
	}
	b.now = b.now.Add(time.Duration(rapid.SampledFrom([]int{1, 1, 60, 1500}).Draw(b.t, "seconds")) * time.Second)
	const longest = 60
	if b.steps++; b.steps < longest && rapid.IntRange(0, 29).Draw(b.t, "go on") > 0 {
		b.anything()
	} else {
		b.steps = max(b.steps, longest)
		b.behave()
	}
	if b.steps > 10*longest {
		b.fatalf("the order does not close, although everybody behaves")
	}
	b.env.RegisterDelayedCallback(b.step, 3*time.Second)
}

// anything lets one of the things happen that can.
func (b *bakery) anything() {
	open := b.stillOpen()
	switch what := rapid.SampledFrom([]string{
		"say", "say", "say", "say", "say", "again", "carry", "carry", "carry", "read", "tidy", "deliver", "deliver", "die", "cancel", "resolve",
	}).Draw(b.t, "what"); {
	case what == "say":
		b.say()
	case what == "again" && len(b.said) > 0: // redelivered by its station, or redriven
		b.write(rapid.SampledFrom(b.said).Draw(b.t, "which"))
	case what == "carry":
		b.carry()
	case what == "read":
		b.readOn(rapid.SampledFrom([]string{events.TopicAcks, events.TicketTopic(kitchen.Mix), events.TicketTopic(kitchen.Bake)}).Draw(b.t, "topic"))
	case what == "tidy" && b.next == len(b.log[events.TopicAcks]): // it does that after a while
		b.carrier.log.mu.Lock()
		b.carrier.log.tidy()
		b.carrier.log.mu.Unlock()
	case what == "deliver" && len(open) > 0:
		b.deliver(rapid.SampledFrom(open).Draw(b.t, "ticket"))
	case what == "die":
		b.hire()
		b.next = max(0, b.next-rapid.IntRange(0, 4).Draw(b.t, "uncommitted"))
		b.tell("the worker dies and goes on at %d", b.next)
	case what == "cancel" && rapid.IntRange(0, 5).Draw(b.t, "really") == 0:
		b.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "no appetite"})
	case what == "resolve":
		b.decide()
	}
}

func (b *bakery) decide() {
	if asked := b.status().Attention; asked != nil {
		b.update(workflows.UpdateResolve, kitchen.Resolution{Choice: rapid.SampledFrom(asked.Choices).Draw(b.t, "choice")})
	}
}

func (b *bakery) update(name string, arg any) {
	b.updates++
	b.tell("%s %+v", name, arg)
	b.env.UpdateWorkflow(name, fmt.Sprint(b.updates), ignored{}, arg)
}

// ignored takes an update's answer.
type ignored struct{}

func (ignored) Accept()             {}
func (ignored) Reject(error)        {}
func (ignored) Complete(any, error) {}

// behave is what good people and a worker that runs do.
func (b *bakery) behave() {
	for b.next < len(b.log[events.TopicAcks]) {
		b.carry()
	}
	whole := b.fold(len(b.log[events.TopicAcks]))
	for ticketID := range whole.TicketIDs() {
		entry, _ := whole.Get(ticketID)
		if entry.Ticket.Attempt == 0 && (hasEnded(ticketID, entry) || entry.State == kitchen.TicketFailed || entry.LastFailure != nil) {
			b.fatalf("%s was never issued, and is %s on every board", ticketID, entry.State)
		}
	}
	open := b.stillOpen()
	if len(open) == 0 {
		b.decide()
		return
	}
	o := open[0]
	// What the log has ended is found there by the next attempt.
	if entry, _ := whole.Get(o.ref.TicketID()); o.between || entry.Ended() || o.ctx.Err() != nil {
		b.deliver(o)
		return
	}
	ack := b.ackOf(o.ref, kitchen.AckDone, "zoe")
	ack.Attempt = o.issue.Issued + o.attempt
	b.write(ack)
}

// stillOpen are the tickets whose activities wait.
func (b *bakery) stillOpen() []*openTicket {
	return slices.DeleteFunc(slices.Clone(b.open), func(o *openTicket) bool { return o.ended })
}

func (b *bakery) ackOf(ref kitchen.TicketRef, kind kitchen.AckKind, by string) kitchen.Ack {
	if kind == kitchen.AckDone && ref.Kind == kitchen.TicketUndo {
		kind = kitchen.AckUndone
	}
	return kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, By: by, At: b.now}
}

// say has somebody write something about any ticket, also one that is not out yet.
func (b *bakery) say() {
	pass := 1
	for _, o := range b.open {
		pass = max(pass, o.ref.Pass)
	}
	ref := kitchen.TicketRef{
		OrderID: theOrder, Stage: rapid.SampledFrom(kitchen.Stages()[:2]).Draw(b.t, "stage"), Pass: rapid.SampledFrom([]int{pass, pass, pass, 1}).Draw(b.t, "pass"),
		Kind: kitchen.TicketMake,
	}
	if open := b.stillOpen(); len(open) > 0 && rapid.IntRange(0, 4).Draw(b.t, "about what is open") > 0 {
		ref = rapid.SampledFrom(open).Draw(b.t, "ticket").ref
	}
	issued, _ := b.fold(len(b.log[events.TopicAcks])).Get(ref.TicketID())
	kind := rapid.SampledFrom([]kitchen.AckKind{
		kitchen.AckStarted, kitchen.AckStarted, kitchen.AckStarted, kitchen.AckReleased, kitchen.AckFailed, kitchen.AckFailed, kitchen.AckFailed, kitchen.AckDone,
	}).Draw(b.t, "kind")
	ack := b.ackOf(ref, kind, rapid.SampledFrom([]string{"bob", "eve"}).Draw(b.t, "by"))
	ack.Attempt = rapid.IntRange(0, issued.Ticket.Attempt).Draw(b.t, "attempt")
	switch {
	case kind == kitchen.AckFailed:
		ack.Reason = rapid.SampledFrom([]string{"burnt", "dropped"}).Draw(b.t, "reason")
		ack.Scrapped = rapid.SampledFrom([]int{0, 0, 1, 5}).Draw(b.t, "scrapped")
	case ack.Kind == kitchen.AckUndone:
		ack.Scrapped = rapid.SampledFrom([]int{0, 5, 12}).Draw(b.t, "scrapped")
	case kind == kitchen.AckStarted && rapid.Bool().Draw(b.t, "takes over"):
		ack.TakeOver, ack.From = true, map[string]string{"bob": "eve", "eve": "bob"}[ack.By]
	}
	b.said = append(b.said, ack)
	b.write(ack)
}

func (b *bakery) write(ack kitchen.Ack) {
	b.tell("%3d %s %s by %s, attempt %d, %s %d", len(b.log[events.TopicAcks]), ack.TicketID[len(theOrder)+1:], ack.Kind, ack.By, ack.Attempt, ack.Reason, ack.Scrapped)
	b.append(events.TopicAcks, ack)
}

func (b *bakery) append(topic string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	b.log[topic] = append(b.log[topic], events.Message{
		Topic: topic, Offset: int64(len(b.log[topic])), Key: []byte(theOrder), Value: data, Time: b.now, Appended: true,
	})
}

// readOn has the worker's log read one more record of a topic.
func (b *bakery) readOn(topic string) {
	if at := b.read[topic]; at < len(b.log[topic]) {
		b.read[topic]++
		b.carrier.log.handle(b.log[topic][at])
	}
}

func (b *bakery) readAll(topic string) {
	for b.read[topic] < len(b.log[topic]) {
		b.readOn(topic)
	}
}

// fold is the board of all deliveries and of the first acks.
func (b *bakery) fold(acks int) *board.Board {
	whole := board.New()
	for _, stage := range kitchen.Stages() {
		for _, m := range b.log[events.TicketTopic(stage)] {
			ticket, err := events.DecodeTicket(m)
			require.NoError(b.t, err)
			whole.AddTicket(ticket, board.HeardFrom(m, 0))
		}
	}
	for _, m := range b.log[events.TopicAcks][:acks] {
		ack, err := events.DecodeAck(m)
		require.NoError(b.t, err)
		whole.AddAck(ack, board.HeardFrom(m, 0))
	}
	return whole
}

// carry has the worker carry its next ack. Its log has read it, as it waits for
// that, and perhaps more.
func (b *bakery) carry() {
	if b.next == len(b.log[events.TopicAcks]) {
		return
	}
	m := b.log[events.TopicAcks][b.next]
	for b.read[events.TopicAcks] <= b.next {
		b.readOn(events.TopicAcks)
	}
	for _, stage := range b.in.Rules.Route {
		b.readAll(events.TicketTopic(stage))
	}
	ack, err := events.DecodeAck(m)
	require.NoError(b.t, err)
	before, open := len(b.ended), b.pending(ack.TicketID)
	attempt := 0
	if open != nil {
		attempt = open.attempt
	}
	wasBetween := open != nil && open.between
	whole := b.fold(b.read[events.TopicAcks])
	counts, isLast := judgedBy(whole, ack.TicketID, m.Offset)
	entry, _ := whole.Get(ack.TicketID)
	b.tell("    carry %d", b.next)
	if err := b.carrier.carry(queuedAck{ctx: context.Background(), ack: ack, done: func() {}, delivery: &events.Delivery{Message: m}}); err != nil {
		b.fatalf("ack %d is not carried: %v", m.Offset, err)
	}
	b.next++
	ended := b.ended[before:]
	over := open != nil && (open.ended || open.between && !wasBetween || open.attempt != attempt)
	final := ack.Kind == kitchen.AckFailed && (ack.Scrapped > 0 || ack.Reason == "burnt" || open != nil && open.ref.Kind == kitchen.TicketUndo)
	switch {
	case open == nil || wasBetween:
	case over && !counts && !(entry.IssuedAfterEnd && ack.Kind != kitchen.AckFailed):
		b.fatalf("ack %d counts for nothing, and ends something", m.Offset)
	case !isLast || !counts:
	case ack.Kind == kitchen.AckDone || ack.Kind == kitchen.AckUndone || final:
		if len(ended) != 1 || !ended[0].ack.At.Equal(ack.At) || ended[0].failed != final {
			b.fatalf("ack %d ends its ticket, and its order hears %+v", m.Offset, ended)
		}
	case ack.Kind == kitchen.AckReleased, ack.Kind == kitchen.AckFailed && !entry.Ended():
		if !over || open.ended && open.ctx.Err() == nil {
			b.fatalf("ack %d ends its attempt, and the activity goes on", m.Offset)
		}
	}
	b.carrier.sendHeartbeat(context.Background(), ack.TicketID, 0)
	if open != nil && !open.ended && !open.between && counts && ack.Kind == kitchen.AckStarted && entry.State == kitchen.TicketStarted && open.owner.By != entry.By {
		b.fatalf("%s has %s in hand, and Temporal shows %q", entry.By, ack.TicketID, open.owner.By)
	}
}

// judgedBy reports whether an ack counts on a board, and whether none since has
// taken its place.
func judgedBy(whole *board.Board, ticketID string, offset int64) (counts, isLast bool) {
	for _, judged := range whole.Acks(ticketID) {
		switch {
		case judged.Heard.Offset == offset:
			counts = judged.Effect != board.Stale && judged.Effect != board.Unjudged
			isLast = true
		case judged.Heard.Offset > offset && judged.Effect != board.Stale && judged.Effect != board.Unjudged:
			isLast = false
		}
	}
	return counts, isLast
}

// pending is the activity of a ticket; nil if there is none.
func (b *bakery) pending(ticketID string) *openTicket {
	for _, o := range b.open {
		if o.ref.TicketID() == ticketID && !o.ended {
			return o
		}
	}
	return nil
}

// schedule takes the activities from a workflow task that has ended.
func (b *bakery) schedule() {
	for _, o := range b.decided {
		if o.ctx.Err() != nil {
			b.complete(o, kitchen.Ack{}, temporal.NewCanceledError())
			continue
		}
		b.open = append(b.open, o)
		b.issue(o)
	}
	b.decided = nil
}

// deliver begins a ticket's next attempt. A ticket that was withdrawn has none.
func (b *bakery) deliver(o *openTicket) {
	if o.ctx.Err() != nil {
		b.complete(o, kitchen.Ack{}, temporal.NewCanceledError())
		return
	}
	o.attempt++
	b.issue(o)
}

// issue runs the activity's next attempt, which asks the worker's log and publishes.
func (b *bakery) issue(o *openTicket) {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	activities.Register(env, kitchen.Stages(), &press{bakery: b, open: o}, b.carrier.orders, b.carrier.log)
	o.between = false
	before, _ := b.fold(b.read[events.TopicAcks]).Get(o.ref.TicketID())
	topic := events.TicketTopic(o.ref.Stage)
	knowsAll := b.read[topic] == len(b.log[topic])
	value, err := env.ExecuteActivity(o.ref.ActivityType(), o.issue)
	if errors.Is(err, activity.ErrResultPending) {
		missed := before.State == kitchen.TicketFailed && (before.Ack.Scrapped > 0 || before.Ack.Reason == "burnt") &&
			before.Attempt > o.issue.Issued && before.Attempt <= before.Ticket.Attempt
		if knowsAll && (missed || before.Ended() && before.Ticket.Attempt > 0 && before.Ack.TicketID == o.ref.TicketID()) {
			b.fatalf("%s is %s, and goes out again", o.ref.ActivityID(), before.State)
		}
		return
	}
	if before.Ticket.Attempt == 0 {
		b.fatalf("%s has never been out, and the activity says %s, %v", o.ref.ActivityID(), before.State, err)
	}
	b.tell("    the activity of %s finds its end in the log: %v", o.ref.ActivityID(), err)
	var ack kitchen.Ack
	if err == nil {
		require.NoError(b.t, value.Get(&ack))
	} else if failure, is := errors.AsType[*temporal.ApplicationError](err); is && failure.HasDetails() {
		require.NoError(b.t, failure.Details(&ack))
		err = activities.FailureOf(activities.Failed{Ack: ack, Code: failure.Type(), Final: failure.NonRetryable()})
	}
	entry, _ := b.fold(b.read[events.TopicAcks]).Get(o.ref.TicketID())
	switch {
	case err == nil && (!entry.Ended() || !entry.Ack.At.Equal(ack.At) || entry.By != ack.By):
		b.fatalf("the activity says %+v, and the log %+v", ack, entry)
	case err != nil && ack.Kind == kitchen.AckFailed && entry.Ended():
		b.fatalf("the activity says %+v, and the log %+v", ack, entry)
	}
	b.complete(o, ack, err)
}

// press publishes into the log.
type press struct {
	*bakery
	open *openTicket
}

// PublishTicket implements activities.Publisher.
func (p *press) PublishTicket(_ context.Context, ticket kitchen.Ticket) error {
	// The test environment's activities are always at their first attempt.
	ticket.Attempt = max(ticket.Attempt, p.open.issue.Issued+p.open.attempt)
	ticket.IssuedAt, ticket.AckBy = p.now, p.now.Add(20*time.Minute)
	p.tell("    issue %s, attempt %d", p.open.ref.ActivityID(), ticket.Attempt)
	p.append(events.TicketTopic(ticket.Stage), ticket)
	return nil
}

// PublishStatus implements activities.Publisher.
func (p *press) PublishStatus(context.Context, kitchen.LoggedStatus) error { return nil }

// PublishShipped implements activities.Publisher.
func (p *press) PublishShipped(context.Context, kitchen.Shipped) error { return nil }

// PublishFailed implements activities.Publisher.
func (p *press) PublishFailed(context.Context, kitchen.Failed) error { return nil }

// complete ends an activity.
func (b *bakery) complete(o *openTicket, ack kitchen.Ack, failure error) {
	o.ended = true
	if failure == nil || ack.Kind != "" {
		b.ended = append(b.ended, ticketsEnd{o.ref, ack, failure != nil})
	}
	b.env.RegisterDelayedCallback(func() {
		if failure != nil {
			failures := temporal.GetDefaultFailureConverter()
			o.end.Set(nil, failures.FailureToError(failures.ErrorToFailure(failure)))
		} else {
			payloads, err := converter.GetDefaultDataConverter().ToPayloads(ack)
			if err != nil {
				panic(err)
			}
			o.end.Set(payloads, nil)
		}
		b.env.RegisterDelayedCallback(func() {}, 1) // a workflow task
	}, 0)
}

func (b *bakery) status() kitchen.Status {
	value, err := b.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(b.t, err)
	var status kitchen.Status
	require.NoError(b.t, value.Get(&status))
	return status
}

// checkTotals compares the closed order with the board of the whole log: each end
// that it records is the board's, and each failure counts once.
func (b *bakery) checkTotals() {
	var status kitchen.Status
	require.NoError(b.t, b.env.GetWorkflowResult(&status))
	whole := b.fold(len(b.log[events.TopicAcks]))
	undone := map[int]int{}
	scrapped, counted := 0, map[string]bool{}
	for _, end := range b.ended {
		entry, _ := whole.Get(end.ref.TicketID())
		if !end.failed {
			if own := hasEnded(end.ref.TicketID(), entry); own && (!entry.Ack.At.Equal(end.ack.At) || entry.By != end.ack.By) {
				b.fatalf("the order has %+v, and the log %+v", end.ack, *entry.Ack)
			}
			more := min(end.ack.Scrapped, 12-undone[end.ref.Pass])
			undone[end.ref.Pass] += more
			scrapped += more
			continue
		}
		if key := fmt.Sprint(end.ref, end.ack.At, end.ack.Reason); !counted[key] {
			counted[key] = true
			scrapped += end.ack.Scrapped
		}
		if !slices.ContainsFunc(whole.Acks(end.ref.TicketID()), func(j board.Judged) bool {
			return j.Effect == board.Failed && j.Ack.SaidAt().Equal(end.ack.At) && j.Ack.By == end.ack.By
		}) {
			b.fatalf("the order has acted on %+v, which counts for nothing", end.ack)
		}
	}
	if status.Scrapped != scrapped {
		b.fatalf("the order has lost %d pieces, and %d by the log", status.Scrapped, scrapped)
	}
	for _, row := range status.Stages {
		ref := kitchen.TicketRef{OrderID: theOrder, Stage: row.Stage, Pass: row.Pass, Kind: kitchen.TicketMake}
		entry, known := whole.Get(ref.TicketID())
		if row.DoneAt != nil && row.Undo == nil && (!known || entry.State != kitchen.TicketDone || entry.By != row.By) {
			b.fatalf("%s was done by %s, and the log has %s by %s", ref.ActivityID(), row.By, entry.State, entry.By)
		}
		if known && row.Undo == nil && row.DoneAt == nil && entry.State == kitchen.TicketDone && row.State != kitchen.TicketFailed {
			b.fatalf("%s is done in the log, and %s in the order", ref.ActivityID(), row.State)
		}
	}
}

// What follows is Temporal's server.

func (b *bakery) notFound() error { return serviceerror.NewNotFound("no such activity") }

// CompleteActivityByID ends an activity, or its attempt.
func (b *bakery) CompleteActivityByID(_ context.Context, _, _, _, activityID string, result any, failure error) error {
	o := b.pending(theOrder + "." + activityID)
	if o == nil || o.between {
		return b.notFound()
	}
	ack, _ := result.(kitchen.Ack)
	reported, is := errors.AsType[*temporal.ApplicationError](failure)
	if is && reported.HasDetails() {
		if err := reported.Details(&ack); err != nil {
			return err
		}
	}
	if is && !reported.NonRetryable() && o.ctx.Err() == nil {
		o.between = true
		return nil
	}
	b.complete(o, ack, failure)
	return nil
}

// RecordActivityHeartbeatByID notes who has a ticket.
func (b *bakery) RecordActivityHeartbeatByID(_ context.Context, _, _, _, activityID string, details ...any) error {
	o := b.pending(theOrder + "." + activityID)
	if o == nil || o.between {
		return b.notFound()
	}
	o.owner = details[0].(kitchen.AtWork)
	return nil
}

// DescribeWorkflowExecution tells the pending activities.
func (b *bakery) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	description := &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(theOrder)}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
	}}
	for _, o := range b.open {
		if !o.ended {
			description.PendingActivities = append(description.PendingActivities, &workflowpb.PendingActivityInfo{
				ActivityId: o.ref.ActivityID(), Attempt: int32(o.attempt), State: enumspb.PENDING_ACTIVITY_STATE_STARTED,
			})
		}
	}
	return description, nil
}

// GetWorkflowHistory tells what the order was started with, and its status.
func (b *bakery) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	input, err := converter.GetDefaultDataConverter().ToPayloads(b.in)
	require.NoError(b.t, err)
	status, err := converter.GetDefaultDataConverter().ToPayload(b.status())
	require.NoError(b.t, err)
	return &history{
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: input},
		}},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, Attributes: &historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes{
			WorkflowPropertiesModifiedEventAttributes: &historypb.WorkflowPropertiesModifiedEventAttributes{
				UpsertedMemo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{workflows.MemoStatus: status}},
			},
		}},
	}
}

type history []*historypb.HistoryEvent

func (h *history) HasNext() bool { return len(*h) > 0 }

func (h *history) Next() (*historypb.HistoryEvent, error) {
	event := (*h)[0]
	*h = (*h)[1:]
	return event, nil
}

// PublishAck takes a refusal.
func (b *bakery) PublishAck(_ context.Context, ack kitchen.Ack) error {
	b.tell("    refused %d", *ack.Offset)
	b.append(events.TopicAcks, ack)
	b.readAll(events.TopicAcks) // which the carrier waits for
	return nil
}

// PublishDeadLetter takes a copy of what was refused.
func (b *bakery) PublishDeadLetter(context.Context, events.Message, string) error { return nil }

// ForwardAck is for acks that lie in the wrong place; here none does.
func (b *bakery) ForwardAck(context.Context, events.Message, kitchen.Ack) error {
	return errors.New("no ack is misplaced")
}

// serverOf plays the server's part in activities.
type serverOf struct {
	interceptor.WorkerInterceptorBase
	bakery *bakery
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (s *serverOf) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inboundOf{interceptor.WorkflowInboundInterceptorBase{Next: next}, s.bakery}
}

type inboundOf struct {
	interceptor.WorkflowInboundInterceptorBase
	bakery *bakery
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (i *inboundOf) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outboundOf{interceptor.WorkflowOutboundInterceptorBase{Next: next}, i.bakery})
}

type outboundOf struct {
	interceptor.WorkflowOutboundInterceptorBase
	bakery *bakery
}

// ExecuteActivity schedules a ticket's activity, or announces.
func (o *outboundOf) ExecuteActivity(ctx workflow.Context, _ string, args ...any) workflow.Future {
	b := o.bakery
	future, end := workflow.NewFuture(ctx)
	if ctx.Err() != nil {
		end.Set(nil, ctx.Err())
		return future
	}
	issue, is := args[0].(kitchen.Issue)
	if !is {
		end.Set(nil, nil)
		return future
	}
	b.decided = append(b.decided, &openTicket{ref: issue.Ref(), issue: issue, attempt: 1, ctx: ctx, end: end})
	//workflowcheck:ignore it is Temporal's part that is played here
	b.env.RegisterDelayedCallback(b.schedule, 0)
	return future
}

// ExecuteLocalActivity announces.
func (o *outboundOf) ExecuteLocalActivity(ctx workflow.Context, _ string, _ ...any) workflow.Future {
	future, end := workflow.NewFuture(ctx)
	end.Set(nil, nil)
	return future
}
