package workflows_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// interleavings is the number of random lives of an order that the test tries;
// -rapid.checks sets another number.
const interleavings = "3000"

func init() {
	if err := flag.Set("rapid.checks", interleavings); err != nil {
		panic(err)
	}
}

// TestOrderKeepsToTheModel lets anything happen to orders, in any order, and
// compares what they do with the model after each step. In the end everybody
// behaves, and each order must close.
//
// To repeat a failure, give the -rapid.failfile or -rapid.seed that it prints.
func TestOrderKeepsToTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, t, randomInput(t))
		w.happens = rapid.SampledFrom([][]string{everything, everything, silence, failure}).Draw(t, "what happens")
		w.run()
	})
}

// world is what surrounds an order: the stations, the managers, Kafka and a
// Temporal server. An interceptor plays the server: the SDK's test environment
// ends an activity when its cancellation is requested, while the server lets it
// go on and still takes an ack. The interceptor also lets several things happen
// within one workflow task.
type world struct {
	t   rapid.TB
	env *testsuite.TestWorkflowEnvironment
	in  workflows.OrderInput
	// random draws what happens; if it is nil, the script decides.
	random *rapid.T
	script []scene

	happens []string // what can happen: see anything

	// may has every model that the order may be equal to by now: more than one
	// while it cannot be seen in which order things of one instant were handled.
	may      []candidate
	happened []*event // at the last step
	steps    int
	tailed   int

	// announcing is how long an announcement takes. If that is more than an
	// instant, the first try fails, and the server tries on, for outage.
	announcing    time.Duration
	outage        map[string]time.Duration // by the activity's type
	decided       []*pending               // by a workflow task, and not yet with the server
	activities    []*pending
	issued        []issuedTicket
	announcements []announcement
	failed        []kitchen.Failed
	shipped       int
	told          told
	toldAlone     []kitchen.LoggedStatus // neither with a ticket nor with the announcement that it is shipped
	underWay      int                    // statuses that are not told yet, other than with tickets
	lost          map[int64]bool         // versions that were lost beside what they were to be told with
	lastLost      int64
	sent          map[int64]string // those, by version
	last          kitchen.Status
	listed        kitchen.OrderState     // what Temporal's visibility has
	complaints    []workflows.Unanswered // that activities have made
	failures      []failedTicket         // reported ones
	updates       []*update
	log           []string
}

// scene is what happens at one instant of a scripted life.
type scene struct {
	events     func(*world) []*event
	announcing time.Duration
}

// candidate is a model that the order may be equal to, with the results of the
// last events in it.
type candidate struct {
	model   model
	results []string
}

// pending is a ticket's activity as the server sees it.
type pending struct {
	ref     kitchen.TicketRef
	issue   kitchen.Issue
	attempt int // of this activity
	// owner is the last heartbeat; nil before the first.
	owner *kitchen.AtWork
	ctx   workflow.Context
	end   workflow.Settable
	ended bool
}

// GoString is what rapid prints of it.
func (p *pending) GoString() string { return p.ref.ActivityID() }

// cancelRequested reports whether the server would not retry it any more.
func (p *pending) cancelRequested() bool { return p.ctx.Err() != nil }

type failedTicket struct {
	ref kitchen.TicketRef
	ack kitchen.Ack
}

// update is an update that was sent, with its result.
type update struct {
	name   string
	id     string
	arg    any
	result string
	answer workflows.Answer
	calls  int
	// first is the update that had the same id.
	first *update
}

// event is one thing that happens: to the order, and to a model of it. It
// returns the result that the model expects if it is an update.
type event struct {
	text  string
	do    func()
	model func(*model) string
	// update is the update that do has sent; nil before.
	update *update
}

// randomInput is an order under random rules, which has perhaps continued as
// new already.
func randomInput(t *rapid.T) workflows.OrderInput {
	in := orderInput()
	in.Rules.MaxRemakes = rapid.IntRange(0, 2).Draw(t, "max remakes")
	in.Rules.MaxReissues = rapid.IntRange(0, 2).Draw(t, "max reissues")
	in.Rules.Reasons = map[string]kitchen.Outcome{}
	for _, reason := range []string{"burnt", "dropped", kitchen.ReasonOther} {
		if outcome := rapid.SampledFrom([]kitchen.Outcome{"", kitchen.OutcomeAgain, kitchen.OutcomeRemake}).Draw(t, reason); outcome != "" {
			in.Rules.Reasons[reason] = outcome
		}
	}
	stages := kitchen.Stages()
	in.Rules.Route = rapid.SampledFrom([]kitchen.Route{nil, stages, stages[:2], stages[1:]}).Draw(t, "route")
	in.Rules.Undo = map[kitchen.Stage]kitchen.UndoWith{}
	for _, stage := range stages {
		in.Rules.Undo[stage] = rapid.SampledFrom([]kitchen.UndoWith{"", kitchen.UndoByHand, kitchen.UndoOnRecord}).Draw(t, "undo "+string(stage))
	}
	in.Rules.Prices = rapid.SampledFrom([]*kitchen.PriceList{nil, &prices}).Draw(t, "prices")
	if rapid.Bool().Draw(t, "second run") {
		in.Progress = &workflows.Progress{
			Status: workflows.Accepted(orderID, in), Direction: workflows.Making,
			Handled: []workflows.Handled{{ID: "earlier", Answer: workflows.Answer{Cancelled: &kitchen.Cancellation{Reason: "earlier"}}}},
		}
		// It was run by a build without versions, or when a clock was an hour ahead.
		// If that build had no prices either, its status has none.
		if rapid.Bool().Draw(t, "status without prices") {
			in.Progress.Status.UnitPrices, in.Progress.Status.Total = nil, nil
		}
		in.Progress.Status.Version = rapid.SampledFrom([]int64{0, placedAt.Add(time.Hour).UnixMilli()}).Draw(t, "version")
	}
	return in
}

func newWorld(t rapid.TB, random *rapid.T, in workflows.OrderInput) *world {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	w := &world{t: t, env: suite.NewTestWorkflowEnvironment(), in: in, random: random, happens: everything, outage: map[string]time.Duration{}, sent: map[int64]string{}, lost: map[int64]bool{}}
	w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: kitchen.WorkflowID(orderID), TaskQueue: workflows.TaskQueue})
	w.env.SetTestTimeout(time.Minute)
	w.env.SetStartTime(placedAt)
	w.env.SetWorkerOptions(worker.Options{
		Interceptors:             []interceptor.WorkerInterceptor{&serverInterceptor{world: w}},
		DeadlockDetectionTimeout: time.Minute,
	})
	return w
}

// Things happen on the beat and announcements end off it, and a pause of a
// second fits neither. So it is always clear what came first.
const (
	beat    = 331 * time.Millisecond
	offbeat = 337 * time.Millisecond
)

// run lets an order live from its first ticket to its end.
func (w *world) run() kitchen.Status {
	m := newModel(w.in, w.env.Now())
	m.announcing = 1
	m.run()
	w.announcing = 1
	w.listed = kitchen.StateInProgress
	w.may = []candidate{{model: m}}
	w.after(beat)
	w.env.ExecuteWorkflow(workflows.OrderWorkflow, w.in)
	if !w.env.IsWorkflowCompleted() || w.env.GetWorkflowError() != nil {
		w.fatalf("the order has not closed well: %v", w.env.GetWorkflowError())
	}
	return w.checkEnd()
}

func (w *world) after(d time.Duration) { w.env.RegisterDelayedCallback(w.step, d) }

// step compares the order with the model and lets the next things happen.
func (w *world) step() {
	if w.env.IsWorkflowCompleted() {
		return
	}
	w.compare()
	const longest = 40
	w.steps++
	switch {
	case len(w.script) > 0:
		scene := w.script[0]
		w.script = w.script[1:]
		w.happen(max(1, scene.announcing), scene.events(w))
	case w.random != nil && w.steps < longest && rapid.IntRange(0, 24).Draw(w.random, "go on") > 0:
		w.misbehave()
	default:
		w.steps = longest
		w.behave()
	}
	beats := 2
	if w.random != nil {
		beats = rapid.SampledFrom([]int{1, 1, 2, 3, 4, 10, 1000}).Draw(w.random, "wait")
	}
	w.after(beat * time.Duration(beats))
}

func (w *world) misbehave() {
	announcing := time.Duration(1)
	if rapid.IntRange(0, 2).Draw(w.random, "Kafka away") == 2 {
		announcing = offbeat * time.Duration(rapid.SampledFrom([]int{1, 2, 3, 5, 8, 12, 100}).Draw(w.random, "for"))
	}
	var events []*event
	for range rapid.SampledFrom([]int{1, 1, 1, 1, 2, 2, 3}).Draw(w.random, "together") {
		events = append(events, w.anything())
	}
	w.happen(announcing, events)
}

// behave is what good stations and managers do.
func (w *world) behave() {
	const enough = 200
	if w.tailed++; w.tailed > enough {
		w.fatalf("the order does not close, although everybody behaves")
	}
	var events []*event
	for _, p := range w.activities {
		if !p.ended && !p.cancelRequested() && len(events) == 0 {
			events = append(events, w.ack(p.ref, goodAck(p, w.env.Now())))
		}
	}
	if asked := w.query().Attention; asked != nil && len(events) == 0 {
		choice := asked.Choices[0]
		if w.random != nil {
			choice = rapid.SampledFrom(asked.Choices).Draw(w.random, "choice")
		}
		events = append(events, w.update(workflows.UpdateResolve, "", kitchen.Resolution{Choice: choice}))
	}
	w.happen(1, events)
}

// happen lets events happen at one instant, within one workflow task where
// the test environment can. The order must do as if they came one by one, in
// any order, each before or after it has acted on the one before.
func (w *world) happen(announcing time.Duration, events []*event) {
	texts := make([]string, len(events))
	for i, e := range events {
		texts[i] = e.text
	}
	w.log = append(w.log, fmt.Sprintf("%s %s", w.env.Now().Format(clockFormat), strings.Join(texts, " + ")))
	if announcing > 1 {
		w.log = append(w.log, fmt.Sprintf("             from now on an announcement takes %s", announcing))
	}
	var may []candidate
	seen := map[string]bool{}
	for _, before := range w.may {
		for _, order := range permutations(len(events)) {
			for acts := range 1 << max(0, len(events)-1) {
				after := candidate{model: before.model.clone(), results: make([]string, len(events))}
				after.model.announcing = announcing
				for n, i := range order {
					after.model.held = acts>>n&1 == 1
					after.results[i] = events[i].model(&after.model)
				}
				after.model.run()
				if key := fmt.Sprint(after.model.fingerprint(), after.results); !seen[key] {
					seen[key] = true
					may = append(may, after)
				}
			}
		}
	}
	w.may, w.happened = may, events
	w.announcing = announcing
	for _, e := range events {
		w.onServer(w.schedule)
		e.do()
	}
	w.nudge()
}

// nudge sets a timer, so that there is a workflow task before the next beat even if
// nothing else brings one.
func (w *world) nudge() { w.env.RegisterDelayedCallback(func() {}, 1) }

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return all
}

// What can happen in a life: everything, or mostly silence, or mostly failures, and
// managers who wait on.
var (
	everything = []string{
		"good ack", "good ack", "good ack", "good ack", "good ack", "failed ack", "failed ack", "any ack", "failed ack again", "failed ack again",
		"claim", "claim", "put back", "silence", "silence", "silence", "long work", "unpublished", "end",
		"cancel", "cancel in Temporal", "amend", "resolve", "resolve", "resolve", "same update again", "old complaint", "nothing",
	}
	silence = []string{
		"good ack", "failed ack", "claim", "claim", "put back", "silence", "silence", "silence", "silence", "silence", "long work", "unpublished", "old complaint",
		"wait on", "wait on", "cancel",
	}
	failure = []string{
		"good ack", "failed ack", "failed ack", "failed ack again", "failed ack again", "failed ack again", "failed ack again", "wait on", "wait on", "resolve", "cancel",
	}
)

// anything draws one of the things that can happen to an order.
func (w *world) anything() *event {
	var open []*pending
	for _, p := range w.activities {
		if !p.ended {
			open = append(open, p)
		}
	}
	what := rapid.SampledFrom(w.happens).Draw(w.random, "what")
	switch {
	case what == "good ack" && len(open) > 0:
		p := rapid.SampledFrom(open).Draw(w.random, "ticket")
		ack := goodAck(p, w.env.Now())
		ack.By = rapid.SampledFrom([]string{"bob", "kim"}).Draw(w.random, "by")
		if p.ref.Kind == kitchen.TicketUndo {
			ack.Scrapped = rapid.SampledFrom([]int{0, 1, 7, 13, 14, kitchen.MaxScrapped}).Draw(w.random, "scrapped")
		}
		return w.ack(p.ref, ack)
	case what == "failed ack" && len(open) > 0:
		p := rapid.SampledFrom(open).Draw(w.random, "ticket")
		ack := w.failedAck()
		ack.Attempt = p.issue.Issued + p.attempt
		return w.ack(p.ref, ack)
	case what == "any ack":
		ref := kitchen.TicketRef{
			OrderID: orderID, Stage: rapid.SampledFrom(kitchen.Stages()).Draw(w.random, "stage"), Pass: rapid.IntRange(1, 3).Draw(w.random, "pass"),
			Kind: rapid.SampledFrom([]kitchen.TicketKind{kitchen.TicketMake, kitchen.TicketUndo}).Draw(w.random, "kind"),
		}
		if rapid.Bool().Draw(w.random, "failed") {
			return w.ack(ref, w.failedAck())
		}
		return w.ack(ref, goodAck(&pending{ref: ref, attempt: 1}, w.env.Now()))
	case what == "failed ack again" && len(w.failures) > 0:
		of := w.failures
		for _, p := range open {
			if again := failuresOf(w.failures, p.ref); len(again) > 0 {
				of = again // others find no activity
			}
		}
		again := rapid.SampledFrom(of).Draw(w.random, "failure")
		return w.ack(again.ref, again.ack)
	case what == "silence" && len(open) > 0:
		return w.silence(rapid.SampledFrom(open).Draw(w.random, "ticket"))
	case what == "claim" && len(open) > 0:
		return w.claim(rapid.SampledFrom(open).Draw(w.random, "ticket"), rapid.SampledFrom([]string{"bob", "kim"}).Draw(w.random, "by"))
	case what == "put back" && len(open) > 0:
		return w.putBack(rapid.SampledFrom(open).Draw(w.random, "ticket"))
	case what == "long work" && len(open) > 0:
		return w.longWork(rapid.SampledFrom(open).Draw(w.random, "ticket"))
	case what == "unpublished" && len(open) > 0:
		return w.unpublished(rapid.SampledFrom(open).Draw(w.random, "ticket"))
	case what == "end" && len(open) > 0:
		return w.end(rapid.SampledFrom(open).Draw(w.random, "ticket"))
	case what == "cancel":
		reason := rapid.SampledFrom([]string{"no appetite", "", strings.Repeat("no ", kitchen.MaxDecisionLength)}).Draw(w.random, "why")
		return w.update(workflows.UpdateCancel, "", kitchen.Cancellation{Reason: reason, By: w.drawName()})
	case what == "cancel in Temporal":
		return w.cancelInTemporal()
	case what == "amend":
		return w.update(workflows.UpdateAmend, "", rapid.SampledFrom([]kitchen.Amendment{
			{Notes: ptr("no bell")}, {Notes: ptr("")}, {Messages: []kitchen.LineMessage{{Line: 1, Message: "Sorry"}}}, {Messages: []kitchen.LineMessage{{Line: 0, Message: "Hi"}, {Line: 1}}}, {Messages: []kitchen.LineMessage{{Line: 7}}}, {Phone: ptr("+49305550124")}, {Phone: ptr("")}, {Notes: ptr("a bell"), Phone: ptr("0305550125")}, {Phone: ptr(noNumber)}, {},
		}).Draw(w.random, "amendment"))
	case what == "resolve":
		choices := []kitchen.Choice{kitchen.ChoiceRetry, kitchen.ChoiceRemake, kitchen.ChoiceCancel, "wait"}
		if asked := w.query().Attention; asked != nil && rapid.IntRange(0, 3).Draw(w.random, "wrong choice") < 3 {
			choices = asked.Choices
		}
		return w.update(workflows.UpdateResolve, "", kitchen.Resolution{Choice: rapid.SampledFrom(choices).Draw(w.random, "choice"), By: w.drawName()})
	case what == "wait on":
		return w.update(workflows.UpdateResolve, "", kitchen.Resolution{Choice: kitchen.ChoiceRetry})
	case what == "same update again":
		return w.updateAgain()
	case what == "old complaint":
		return w.oldComplaint()
	}
	return nothing()
}

func (w *world) cancelInTemporal() *event {
	return &event{text: "cancel in Temporal", do: w.env.CancelWorkflow, model: func(m *model) string { m.cancel(""); return "" }}
}

func ptr[T any](v T) *T { return &v }

func goodAck(p *pending, at time.Time) kitchen.Ack {
	ack := kitchen.Ack{
		TicketID: p.ref.TicketID(), OrderID: orderID, Stage: p.ref.Stage, Kind: kitchen.AckDone,
		By: "bob", At: at, Attempt: p.issue.Issued + p.attempt,
	}
	if p.ref.Kind == kitchen.TicketUndo {
		ack.Kind = kitchen.AckUndone
		if p.issue.Made {
			ack.Scrapped = 13
		}
	}
	return ack
}

func (w *world) failedAck() kitchen.Ack {
	return kitchen.Ack{
		OrderID: orderID, Kind: kitchen.AckFailed, By: "eve", At: w.env.Now(),
		Reason:   rapid.SampledFrom([]string{"burnt", "dropped", kitchen.ReasonOther, "a code of last year", ""}).Draw(w.random, "reason"),
		Scrapped: rapid.SampledFrom([]int{0, 0, 1, 3, kitchen.MaxScrapped}).Draw(w.random, "scrapped"),
	}
}

// ack ends a ticket, delivered as the worker delivers it.
func (w *world) ack(ref kitchen.TicketRef, ack kitchen.Ack) *event {
	ack.TicketID, ack.Stage = ref.TicketID(), ref.Stage
	a := answer{ended: true, by: ack.By, reason: ack.Reason, scrapped: min(ack.Scrapped, w.in.Order.Pieces()), id: fmt.Sprint(ref.ActivityID(), ack.At, ack.Reason)}
	text := fmt.Sprintf("%s: %s by %s, %d scrapped", ref.ActivityID(), ack.Kind, ack.By, ack.Scrapped)
	var failed error
	if ack.Kind == kitchen.AckFailed {
		a.failed = true
		a.passing = ref.Kind == kitchen.TicketMake && ack.Scrapped == 0 && w.in.Rules.OutcomeFor(ack.Reason) == kitchen.OutcomeAgain
		failed = temporal.NewApplicationErrorWithOptions("failed", cmpReason(ack), temporal.ApplicationErrorOptions{Details: []any{ack}, NonRetryable: !a.passing})
		text += fmt.Sprintf(", reason %q", ack.Reason)
	}
	return &event{
		text: text,
		do: func() {
			if failed != nil {
				w.failures = append(w.failures, failedTicket{ref, ack})
			}
			w.onServer(func() {
				p := w.pending(ref)
				if p != nil && a.passing && !p.cancelRequested() {
					p.owner = &kitchen.AtWork{}
					w.deliverWell(p, true, nil)
					return
				}
				p.complete(ack, failed)
			})
		},
		model: func(m *model) string { m.answer(ref, a); return "" },
	}
}

func cmpReason(ack kitchen.Ack) string {
	if ack.Reason == "" {
		return kitchen.ReasonOther
	}
	return ack.Reason
}

// onServer does what the server does, without a workflow task for it alone.
func (w *world) onServer(do func()) { w.env.RegisterDelayedCallback(do, 0) }

// pending is the activity that waits for an ack of a ticket, if there is one.
func (w *world) pending(ref kitchen.TicketRef) *pending {
	for _, p := range w.activities {
		if p.ref == ref && !p.ended {
			return p
		}
	}
	return nil
}

// schedule takes the activities from a workflow task that has ended. One that
// the same task has cancelled is never started, so its ticket does not go out.
func (w *world) schedule() {
	for _, p := range w.decided {
		if p.cancelRequested() {
			p.complete(kitchen.Ack{}, temporal.NewCanceledError())
			continue
		}
		w.activities = append(w.activities, p)
		if w.loses(p.issue.Status) {
			w.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalUntold, workflows.Untold{Version: p.issue.Status.Version})
			w.nudge()
		} else {
			w.tell(*p.issue.Status)
		}
		w.issued = append(w.issued, issuedTicket{id: p.ref.ActivityID(), made: p.issue.Made, notes: p.issue.Notes, since: p.issue.Since.Format(clockFormat)})
		w.log = append(w.log, "             -> "+p.ref.ActivityID())
	}
	w.decided = nil
}

// complete ends an activity, if it waits.
func (p *pending) complete(ack kitchen.Ack, failure error) {
	if p == nil {
		return
	}
	p.ended = true
	if failure != nil {
		failures := temporal.GetDefaultFailureConverter()
		p.end.Set(nil, failures.FailureToError(failures.ErrorToFailure(failure)))
		return
	}
	p.end.Set(payloads(ack), nil)
}

// silence is an attempt in which nobody is heard of: the ticket comes again. One
// that was withdrawn does not.
func (w *world) silence(p *pending) *event {
	if p.cancelRequested() {
		return &event{
			text: p.ref.ActivityID() + ": too late for an answer",
			do: func() {
				w.onServer(func() {
					w.pending(p.ref).complete(kitchen.Ack{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil))
				})
			},
			model: func(m *model) string { m.expired(p.ref); return "" },
		}
	}
	complaint := w.deliver(p, true, nil)
	e := &event{text: p.ref.ActivityID() + ": issued again", do: func() {}, model: func(m *model) string { m.passes(p.ref); return "" }}
	if complaint != nil {
		w.complaints = append(w.complaints, *complaint)
		e.text += fmt.Sprintf(", and %s has been silent for %d", complaint.By, complaint.Silent)
		e.do = func() { w.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalUnanswered, *complaint) }
	}
	return e
}

// claim is a sign of a ticket's owner, the first or a later one.
func (w *world) claim(p *pending, by string) *event {
	p.owner = &kitchen.AtWork{By: by, At: w.env.Now()}
	return &event{text: p.ref.ActivityID() + ": taken by " + by, do: func() {}, model: func(m *model) string { m.takes(p.ref, by); return "" }}
}

func (w *world) putBack(p *pending) *event {
	p.owner = &kitchen.AtWork{}
	if !p.cancelRequested() {
		w.deliverWell(p, true, nil)
	}
	return &event{text: p.ref.ActivityID() + ": put back", do: func() {}, model: func(m *model) string { m.putsBack(p.ref); return "" }}
}

// longWork is an attempt that ends although the ticket's owner is heard of.
func (w *world) longWork(p *pending) *event {
	if p.owner == nil || p.owner.By == "" || p.cancelRequested() {
		return nothing()
	}
	e := w.claim(p, p.owner.By)
	w.deliverWell(p, false, nil)
	e.text += " for long"
	return e
}

// unpublished is an attempt whose ticket does not reach Kafka.
func (w *world) unpublished(p *pending) *event {
	if !p.cancelRequested() {
		w.deliverWell(p, true, errors.New("Kafka is away"))
	}
	return &event{text: p.ref.ActivityID() + ": not published", do: func() {}, model: func(*model) string { return "" }}
}

func nothing() *event {
	return &event{text: "nothing", do: func() {}, model: func(*model) string { return "" }}
}

// oldComplaint has a complaint come late: the ticket has ended, or an activity of
// its own issues it now.
func (w *world) oldComplaint() *event {
	var about, ended []workflows.Unanswered
	for _, complaint := range w.complaints {
		switch p := w.pending(refOf(complaint.ActivityID)); {
		case p == nil:
			ended = append(ended, complaint)
		case complaint.Attempt <= p.issue.Issued+1:
			about = append(about, complaint)
		}
	}
	if len(about) == 0 {
		about = ended
	}
	if len(about) == 0 {
		return nothing()
	}
	complaint := rapid.SampledFrom(about).Draw(w.random, "complaint")
	return &event{
		text:  complaint.ActivityID + ": an old complaint",
		do:    func() { w.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalUnanswered, complaint) },
		model: func(*model) string { return "" },
	}
}

// deliverWell has a ticket issued again that nobody is silent about.
func (w *world) deliverWell(p *pending, silent bool, unpublished error) {
	if complaint := w.deliver(p, silent, unpublished); complaint != nil {
		w.fatalf("the order is told %+v", *complaint)
	}
}

func failuresOf(all []failedTicket, ref kitchen.TicketRef) []failedTicket {
	return slices.DeleteFunc(slices.Clone(all), func(f failedTicket) bool { return f.ref != ref })
}

// end lets an operator end a ticket in Temporal.
func (w *world) end(p *pending) *event {
	return &event{
		text: p.ref.ActivityID() + ": ended in Temporal",
		do: func() {
			w.onServer(func() {
				w.pending(p.ref).complete(kitchen.Ack{}, temporal.NewNonRetryableApplicationError("by an operator", "", nil))
			})
		},
		model: func(m *model) string { m.answer(p.ref, answer{ended: true, failed: true, byHand: true}); return "" },
	}
}

func (w *world) update(name, id string, arg any) *event {
	if id == "" {
		id = fmt.Sprintf("update-%d", len(w.updates))
	}
	u := &update{name: name, id: id, arg: arg}
	w.updates = append(w.updates, u)
	return &event{
		text:   fmt.Sprintf("%s %.40s as %s", name, fmt.Sprintf("%+v", arg), id),
		update: u,
		do:     func() { w.env.UpdateWorkflow(name, id, u, arg) },
		model: func(m *model) string {
			switch arg := arg.(type) {
			case kitchen.Cancellation:
				if len(arg.Reason) > kitchen.MaxDecisionLength || len(arg.By) > kitchen.MaxByLength {
					return invalid
				}
				return m.cancel(arg.By)
			case kitchen.Amendment:
				return m.amend(arg)
			case kitchen.Resolution:
				if len(arg.By) > kitchen.MaxByLength {
					return invalid
				}
				return m.resolve(arg.Choice, arg.By)
			}
			panic("no such update")
		},
	}
}

// updateAgain sends an update id that has acted, with another request: one of
// this run, which Temporal knows, or one of the run before, which the order
// knows.
func (w *world) updateAgain() *event {
	first := &update{id: "earlier", answer: workflows.Answer{Cancelled: &kitchen.Cancellation{Reason: "earlier"}}}
	if w.in.Progress == nil || rapid.Bool().Draw(w.random, "of this run") {
		var acted []*update
		for _, u := range w.updates {
			if u.result == accepted {
				acted = append(acted, u)
			}
		}
		if len(acted) == 0 {
			return nothing()
		}
		first = rapid.SampledFrom(acted).Draw(w.random, "update")
	}
	again := w.update(workflows.UpdateResolve, first.id, kitchen.Resolution{Choice: kitchen.ChoiceCancel})
	again.update.first = first
	again.model = func(*model) string { return accepted }
	return again
}

// Accept, Reject and Complete make an update its own callback.
func (u *update) Accept() {}

func (u *update) Reject(err error) {
	u.calls++
	var why *temporal.ApplicationError
	if errors.As(err, &why) {
		u.result = why.Type()
	} else {
		u.result = fmt.Sprint("rejected without a type: ", err)
	}
}

func (u *update) Complete(success any, err error) {
	u.calls++
	if err != nil {
		u.result = fmt.Sprint("failed: ", err)
		return
	}
	u.result = accepted
	u.answer = success.(workflows.Answer)
}

func (w *world) query() kitchen.Status {
	value, err := w.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(w.t, err)
	var status kitchen.Status
	require.NoError(w.t, value.Get(&status))
	return status
}

// compare drops the candidates that the order is not equal to; one must stay. What
// the log tells must be equal too, unless it is under way.
func (w *world) compare() {
	status := w.query()
	if err := w.compareTold(status); err != nil {
		w.fatalf("%v", err)
	}
	is := w.observed(status)
	var may []candidate
	var expected []string
	for _, c := range w.may {
		c.model.advance(w.env.Now())
		text := c.model.describe() + fmt.Sprintln("results", c.results)
		if text == is {
			may = append(may, c)
		} else {
			expected = append(expected, text)
		}
	}
	if len(may) == 0 {
		w.fatalf("the order is not as the model says. It is\n%s\nand may be\n%s", is, strings.Join(expected, "or\n"))
	}
	w.may = may
	for _, e := range w.happened {
		if e.update != nil {
			w.checkEcho(e.update)
		}
	}
	w.happened = nil
	hasClosed := func(c candidate) bool { return c.model.doing == finished }
	if w.isTold() && !slices.ContainsFunc(w.may, func(c candidate) bool { return !hasClosed(c) }) && !w.env.IsWorkflowCompleted() {
		w.fatalf("the order has told everything, and does not close")
	}
	for i := range w.may {
		w.may[i].results = nil
	}
}

func (w *world) checkEcho(u *update) {
	if u.calls != 1 {
		w.fatalf("update %s was answered %d times", u.id, u.calls)
	}
	if u.result != accepted {
		return
	}
	want := workflows.Answer{Order: u.answer.Order}
	switch arg := u.arg.(type) {
	case kitchen.Cancellation:
		want.Cancelled = &arg
	case kitchen.Amendment:
		want.Amended = &arg
	case kitchen.Resolution:
		want.Resolved = &arg
	}
	if u.first != nil {
		want.Cancelled, want.Amended, want.Resolved = u.first.answer.Cancelled, u.first.answer.Amended, u.first.answer.Resolved
	}
	require.Equal(w.t, want, u.answer, "the echo of update %s", u.id)
	after := u.answer.Order
	require.Equal(w.t, orderID, after.ID)
	switch arg := u.arg.(type) {
	case kitchen.Cancellation:
		require.Equal(w.t, kitchen.StateCancelling, after.State)
		require.Equal(w.t, arg.Reason, after.CancelReason)
		require.Equal(w.t, arg.By, after.CancelledBy)
	case kitchen.Amendment:
		require.True(w.t, arg.Notes == nil || *arg.Notes == after.Notes)
	case kitchen.Resolution:
		require.True(w.t, after.Attention == nil || u.first != nil)
	}
}

// observed describes the order as model.describe describes a model.
func (w *world) observed(status kitchen.Status) string {
	if (status.Attention != nil) != (status.State == kitchen.StateNeedsAttention) {
		w.fatalf("the state is %s and the question %+v", status.State, status.Attention)
	}
	running := enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	if w.env.IsWorkflowCompleted() {
		running = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
	if listed := workflows.StateFromVisibility(running, w.listed); listed != status.State && (status.State != kitchen.StateAccepted) {
		w.fatalf("the state is %s and lists say %s", status.State, listed)
	}
	var asked question
	if status.Attention != nil {
		asked = questionOf(status.Attention)
	}
	var rows []string
	for _, r := range status.Stages {
		undo, left := kitchen.TicketState(""), false
		if r.Undo != nil {
			undo, left = r.Undo.State, r.Undo.Left != ""
		}
		maker := ""
		if r.DoneAt != nil {
			maker = r.By
		}
		if r.MadeBy != "" {
			maker = r.MadeBy
		}
		rows = append(rows, rowText(r.Stage, r.Pass, r.State, maker, undo, left))
	}
	results := make([]string, len(w.happened))
	for i, e := range w.happened {
		if e.update != nil {
			results[i] = e.update.result
		}
	}
	if len(w.happened) == 0 {
		results = nil
	}
	var made []decided
	for _, d := range status.Decisions {
		ref := kitchen.TicketRef{Stage: d.Stage, Pass: d.Pass, Kind: kitchen.TicketMake}
		if d.Undoing {
			ref = ref.Undo()
		}
		made = append(made, decided{about: ref, cause: d.Cause, code: d.ReasonCode, asked: d.AskedAt.Format(clockFormat), at: d.At.Format(clockFormat), choice: d.Choice, by: d.By})
	}
	return describe(status.State, status.Stage, status.WaitingFor, asked, made, status.CancelledBy, status.Notes, status.Phone, costText(status.UnitPrices, status.Total), status.Remakes, status.Scrapped, rows, w.issued, w.announcements) +
		fmt.Sprintln("results", results)
}

// drawName is who sends an update.
func (w *world) drawName() string {
	return rapid.SampledFrom([]string{"max", "", "kim", strings.Repeat("x", kitchen.MaxByLength+1)}).Draw(w.random, "name")
}

func questionOf(asked *kitchen.Attention) question {
	q := question{
		about: kitchen.TicketRef{Stage: asked.Stage, Pass: asked.Pass, Kind: kitchen.TicketMake},
		why:   why{asked.Cause, asked.By, asked.ReasonCode},
	}
	if asked.Undoing {
		q.about = q.about.Undo()
	}
	copy(q.choices[:], asked.Choices)
	return q
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Fatalf("%s\n\nThe rules were %+v\nand this has happened:\n%s", fmt.Sprintf(format, args...), w.in.Rules, strings.Join(w.log, "\n"))
}

// checkEnd checks the promises on the whole life of an order, without the model.
func (w *world) checkEnd() kitchen.Status {
	var status kitchen.Status
	require.NoError(w.t, w.env.GetWorkflowResult(&status))
	require.Equal(w.t, status, w.query(), "the query and the result tell the same")
	if w.lastLost > w.told.newest {
		w.fatalf("the order has closed, and nobody has told version %d", w.lastLost)
	}
	w.compare()
	if !slices.ContainsFunc(w.may, func(c candidate) bool { return c.model.doing == finished }) {
		w.fatalf("the order has closed, and the model has %+v to announce", w.may[0].model.queue)
	}
	if err := w.promises(status); err != nil {
		w.fatalf("%v", err)
	}
	return status
}

// promises must hold for each closed order.
func (w *world) promises(status kitchen.Status) error {
	cancelledEvents := 0
	for _, failed := range w.failed {
		if failed.State == kitchen.StateCancelled {
			cancelledEvents++
		}
	}
	switch status.State {
	case kitchen.StateShipped:
		if w.shipped != 1 || cancelledEvents != 0 || status.CancelledAt != nil {
			return errors.New("the shipped order was not announced once, or also cancelled")
		}
	case kitchen.StateCancelled:
		if w.shipped != 0 || cancelledEvents != 1 || status.ShippedAt != nil {
			return errors.New("the cancelled order was not announced once, or also shipped")
		}
	default:
		return fmt.Errorf("an order closed as %s", status.State)
	}
	var left, told []string
	for _, r := range status.Stages {
		if r.Undo != nil && r.Undo.Left != "" {
			left = append(left, fmt.Sprintf("%s.%d", r.Stage, r.Pass))
		}
	}
	for _, failed := range w.failed {
		for _, l := range failed.NotUndone {
			if failed.State == kitchen.StateCancelled {
				told = append(told, fmt.Sprintf("%s.%d", l.Stage, l.Pass))
			}
		}
	}
	if status.State == kitchen.StateCancelled && !slices.Equal(left, told) {
		return fmt.Errorf("%v are left, and %v were announced", left, told)
	}
	decisions, remakes := 0, 0
	for _, u := range w.updates {
		if decision, ok := u.arg.(kitchen.Resolution); ok && u.result == accepted && u.first == nil {
			decisions++
			if decision.Choice == kitchen.ChoiceRemake {
				remakes++
			}
		}
	}
	if len(left) > decisions || status.Remakes > w.in.Rules.MaxRemakes && remakes == 0 {
		return fmt.Errorf("%d left and %d remakes without a manager", len(left), status.Remakes)
	}
	lastPass := status.Remakes + 1
	done := map[string]bool{} // by activity id
	for _, r := range status.Stages {
		id := fmt.Sprintf("%s.%d", r.Stage, r.Pass)
		done[id] = r.DoneAt != nil
		isUndone := r.Undo != nil && r.Undo.State == kitchen.TicketUndone
		isLeft := r.Undo != nil && r.Undo.Left != ""
		switch {
		case r.Pass == lastPass && status.State == kitchen.StateShipped && (r.DoneAt == nil || r.Undo != nil):
			return fmt.Errorf("shipped without %s, or with its undo", id)
		case r.Pass == lastPass && status.State == kitchen.StateCancelled && !isUndone && !isLeft:
			return fmt.Errorf("cancelled, and %s is neither undone nor left", id)
		}
	}
	// Of each pass, make tickets go out in the order of the stages, each
	// after the one before was done; undo tickets in the reverse order.
	lastMake, lastUndo := map[int]int{}, map[int]int{}
	for _, out := range w.issued {
		ref, err := kitchen.ParseActivityID(out.id)
		if err != nil {
			return err
		}
		route := w.in.Rules.Route.Stages()
		at := slices.Index(route, ref.Stage) + 1
		switch {
		case ref.Kind == kitchen.TicketMake && lastUndo[ref.Pass] > 0:
			return fmt.Errorf("%s went out after its pass was being undone", out.id)
		case ref.Kind == kitchen.TicketMake && at != lastMake[ref.Pass] && at != lastMake[ref.Pass]+1:
			return fmt.Errorf("%s went out of turn", out.id)
		case ref.Kind == kitchen.TicketMake && at > 1 && !done[fmt.Sprintf("%s.%d", route[at-2], ref.Pass)]:
			return fmt.Errorf("%s went out before the stage before it was done", out.id)
		case ref.Kind == kitchen.TicketMake:
			lastMake[ref.Pass] = at
		case at > lastMake[ref.Pass]:
			return fmt.Errorf("%s undoes what never went out", out.id)
		case lastUndo[ref.Pass] > 0 && at > lastUndo[ref.Pass]:
			return fmt.Errorf("%s was undone out of turn", out.id)
		default:
			lastUndo[ref.Pass] = at
		}
	}
	return nil
}

// serverInterceptor plays the Temporal server's part in activities.
type serverInterceptor struct {
	interceptor.WorkerInterceptorBase
	world *world
}

func (s *serverInterceptor) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, s.world}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	world *world
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}, i.world})
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	world *world
}

// ExecuteActivity schedules a ticket's activity, or the further tries of an
// announcement.
func (o *outbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	w := o.world
	future, end := workflow.NewFuture(ctx)
	if ctx.Err() != nil {
		end.Set(nil, ctx.Err()) // as the SDK does, with nothing scheduled
		return future
	}
	issue, is := args[0].(kitchen.Issue)
	if !is {
		//workflowcheck:ignore it is Temporal's part that is played here
		w.env.RegisterDelayedCallback(func() { end.Set(w.announce(args), nil); w.nudge() }, w.outage[activityType])
		return future
	}
	ref, err := kitchen.ParseTicketID(issue.TicketID)
	if err != nil || ref.ActivityType() != activityType || workflow.GetActivityOptions(ctx).ActivityID != ref.ActivityID() {
		panic(fmt.Sprintf("the ticket %s goes out as %s %s: %v", issue.TicketID, activityType, workflow.GetActivityOptions(ctx).ActivityID, err))
	}
	if p := w.pending(ref); p != nil {
		panic(fmt.Sprintf("the ticket %s goes out twice: the server refuses that", ref.ActivityID()))
	}
	w.decided = append(w.decided, &pending{ref: ref, issue: issue, attempt: 1, ctx: ctx, end: end})
	//workflowcheck:ignore it is Temporal's part that is played here
	w.onServer(w.schedule)
	return future
}

// UpsertTypedSearchAttributes changes what lists say.
func (o *outbound) UpsertTypedSearchAttributes(ctx workflow.Context, attributes ...temporal.SearchAttributeUpdate) error {
	if state, ok := temporal.NewSearchAttributes(attributes...).GetKeyword(workflows.KeyState); ok {
		o.world.listed = kitchen.OrderState(state)
	}
	return o.Next.UpsertTypedSearchAttributes(ctx, attributes...)
}

// ExecuteLocalActivity announces, if Kafka is there.
func (o *outbound) ExecuteLocalActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	w := o.world
	future, end := workflow.NewFuture(ctx)
	if ctx.Err() != nil {
		end.Set(nil, ctx.Err())
		return future
	}
	for _, arg := range args {
		switch arg := arg.(type) {
		case kitchen.LoggedStatus:
			w.send(arg) //workflowcheck:ignore
		case *kitchen.LoggedStatus:
			w.send(*arg) //workflowcheck:ignore
		}
	}
	w.outage[activityType] = w.announcing - 1
	isThere := w.announcing == 1
	//workflowcheck:ignore it is Temporal's part that is played here
	w.env.RegisterDelayedCallback(func() {
		if !isThere {
			end.Set(nil, errors.New("Kafka is away"))
			w.nudge()
			return
		}
		end.Set(w.announce(args), nil)
		w.nudge()
	}, 1)
	return future
}

// send notes that a status is on its way to Kafka, not encoded.
func (w *world) send(status kitchen.LoggedStatus) {
	w.underWay++
	w.sent[status.Version] = inJSON(status)
}

// arrive takes a status that was sent.
func (w *world) arrive(status kitchen.LoggedStatus) {
	w.underWay--
	if arrived := inJSON(status); arrived != w.sent[status.Version] {
		w.fatalf("sent was\n%s\nand it came\n%s", w.sent[status.Version], arrived)
	}
	w.tell(status)
}

// loses draws whether only the status is lost of what is published together.
func (w *world) loses(status *kitchen.LoggedStatus) bool {
	if w.random == nil || rapid.IntRange(0, 7).Draw(w.random, "loses a status") > 0 {
		return false
	}
	w.lost[status.Version], w.lastLost = true, max(w.lastLost, status.Version)
	w.log = append(w.log, fmt.Sprintf("             status %d is lost", status.Version))
	return true
}

// isTold reports whether no status is under way.
func (w *world) isTold() bool { return w.underWay == 0 && w.lastLost <= w.told.newest }

// tell takes a status as Kafka does. Nobody else tells the same, unless it was lost.
func (w *world) tell(status kitchen.LoggedStatus) {
	take := w.told.takeFirst
	if w.lost[status.Version] {
		take = w.told.take // the ticket may have been issued again meanwhile
	}
	if err := take(status); err != nil {
		w.fatalf("%v", err)
	}
	if before := w.in.Progress; before != nil && status.Version <= before.Status.Version {
		w.fatalf("the run before was at version %d, and this tells %d", before.Status.Version, status.Version)
	}
}

func inJSON(status kitchen.LoggedStatus) string {
	encoded, err := json.Marshal(status)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// compareTold compares what the log tells with what the order answers, unless a
// status is under way, and checks that the order's versions grow with its changes.
func (w *world) compareTold(status kitchen.Status) error {
	if w.isTold() {
		if err := w.told.check(status); err != nil {
			return err
		}
	}
	before := w.last
	w.last = status
	ofOrder := func(s kitchen.Status) string { return inJSON(s.ForLog(time.Time{})) }
	ofCustomer := func(s kitchen.Status) string { return fmt.Sprint(s.Notes, s.Lines, s.CancelReason) }
	if told, known := w.told.versions[status.Version]; known && inJSON(status.ForLog(told.At)) != inJSON(told) {
		return fmt.Errorf("the log has version %d as\n%+v\nand the order as\n%+v", status.Version, told, status)
	}
	switch {
	case before.ID == "":
	case status.Version < before.Version:
		return fmt.Errorf("version %d comes after %d", status.Version, before.Version)
	case status.Version == before.Version && ofOrder(status) != ofOrder(before):
		return fmt.Errorf("version %d is both\n%+v\nand\n%+v", status.Version, before, status)
	case ofCustomer(status) != ofCustomer(before) && status.DetailsVersion <= before.Version:
		return fmt.Errorf("the details have changed from %s to %s since version %d, and their version is %d",
			ofCustomer(before), ofCustomer(status), before.Version, status.DetailsVersion)
	}
	return nil
}

// announce takes an announcement, or a status, as Kafka does, and returns what the
// activity does.
func (w *world) announce(args []any) (result *commonpb.Payloads) {
	what := announcement{state: kitchen.StateShipped}
	switch arg := args[0].(type) {
	case kitchen.LoggedStatus:
		w.arrive(arg)
		w.toldAlone = append(w.toldAlone, arg)
		w.log = append(w.log, fmt.Sprintf("             -> status %d", arg.Version))
		return nil
	case kitchen.Shipped:
		w.shipped++
		status := args[1].(*kitchen.LoggedStatus)
		if w.loses(status) {
			w.underWay--
			result = payloads(kitchen.Announced{StatusUntold: true})
		} else {
			w.arrive(*status)
		}
	case kitchen.Failed:
		w.failed = append(w.failed, arg)
		what = announcement{state: arg.State}
		var left []string
		for _, l := range arg.NotUndone {
			left = append(left, fmt.Sprintf("%s.%d", l.Stage, l.Pass))
		}
		what.left = fmt.Sprint(left)
		if arg.Attention != nil {
			what.asked = questionOf(arg.Attention)
		}
		what.remakes = arg.Remakes
	default:
		panic(fmt.Sprintf("%T is announced", arg))
	}
	w.announcements = append(w.announcements, what)
	w.log = append(w.log, fmt.Sprintf("             -> %+v", what))
	return result
}

func payloads(result any) *commonpb.Payloads {
	encoded, err := converter.GetDefaultDataConverter().ToPayloads(result)
	if err != nil {
		panic(err)
	}
	return encoded
}
