package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// leverFactory is a factory with staff, in which operators use what Temporal
// itself offers. Acks are plain JSON, as kcat writes them.
type leverFactory struct {
	*factory
	temporal client.Client
	writer   *kafka.Writer
	cookie   *http.Cookie // of a manager

	mu     sync.Mutex
	issued map[string][]int // the attempts of each ticket on Kafka
}

// leverWithin is every stage's ackWithin: an activity that waits for its next
// attempt waits as long.
const leverWithin = 3 * time.Second

// newLeverFactory starts a factory whose kitchen file has these lines too.
func newLeverFactory(t *testing.T, kitchenLines ...string) *leverFactory {
	t.Helper()
	return newLeverFactoryOn(t, anyKafka(), kitchenLines...)
}

func newLeverFactoryOn(t *testing.T, newBroker func(*testing.T, *factory) server, kitchenLines ...string) *leverFactory {
	t.Helper()
	const name, pin = "Max", "314159"
	f := &leverFactory{factory: &factory{t: t, ticketsAgainAfter: leverWithin, kitchenLines: kitchenLines}, issued: map[string][]int{}}
	f.dynamicConfig = map[string]string{"frontend.WorkflowPauseEnabled": "true"}
	f.kafka = newBroker(t, f.factory)
	if f.factory.temporal == nil {
		server, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{Headless: true, DynamicConfig: f.dynamicConfig})
		require.NoError(t, err)
		t.Cleanup(server.Stop)
		f.factory.temporal = &service{ready: addresses{Temporal: server.Addr()}}
	}
	f.prepare()
	hash, err := kitchen.HashPIN(pin)
	require.NoError(t, err)
	staffFile := filepath.Join(t.TempDir(), "staff.yaml")
	require.NoError(t, os.WriteFile(staffFile, fmt.Appendf(nil, "staff: [{name: %s, role: manager, pin: %q}]\n", name, hash), 0o600))
	f.env = append(f.env, "CUPCAKERY_STAFF="+staffFile, "CUPCAKERY_AS="+name, "CUPCAKERY_PIN="+pin)
	f.startAPI()
	f.startWorker()
	f.temporal = f.dialTemporal()
	f.writer = f.writerTo(events.TopicAcks)
	t.Cleanup(func() { _ = f.writer.Close() }) // every write has been waited for

	response, err := http.Post(f.apiURL+"/api/v1/session", "application/json", strings.NewReader(fmt.Sprintf(`{"name":%q,"pin":%q}`, name, pin)))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for _, cookie := range response.Cookies() {
		if cookie.Name == "cupcakery_session" {
			f.cookie = &http.Cookie{Name: cookie.Name, Value: cookie.Value}
		}
	}
	require.NotNil(t, f.cookie, response.Status)

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	read := make(chan error, 1)
	var topics []string
	for _, stage := range kitchen.Stages() {
		topics = append(topics, events.TicketTopic(stage))
	}
	go func() {
		read <- events.Tail(ctx, events.TailConfig{
			Connection: f.connection(), Topics: topics, Logger: slog.New(slog.DiscardHandler), Handle: f.hear,
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-read)
	})
	return f
}

func (f *leverFactory) hear(m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ticket kitchen.Ticket
	if json.Unmarshal(m.Value, &ticket) == nil {
		f.issued[ticket.TicketID] = append(f.issued[ticket.TicketID], ticket.Attempt)
	}
}

// leverOrder is an order on which levers are pulled.
type leverOrder struct {
	*leverFactory
	t  *testing.T
	id string
}

// newOrder places an order.
func (f *leverFactory) newOrder(t *testing.T) *leverOrder {
	t.Helper()
	id, err := kitchen.NewOrderID()
	require.NoError(t, err)
	rules := kitchen.Default().OrderRules()
	rules.MaxRemakes, rules.MaxReissues = 0, 0
	for _, stage := range kitchen.Stages() {
		rules.AckWithin[stage] = kitchen.Duration(leverWithin)
	}
	name := t.Name()
	name = name[:min(len(name), kitchen.Default().Limits.NameLength)] // a package ticket with a longer one is no ticket
	in := workflows.OrderInput{
		Order: kitchen.Order{Customer: kitchen.Customer{Name: name}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeS, Quantity: pieces}}},
		Rules: rules, PlacedAt: time.Now().UTC(),
	}
	_, err = f.temporal.ExecuteWorkflow(t.Context(), workflows.StartOptions(id, in, "a test of levers"), workflows.OrderWorkflowType, in)
	require.NoError(t, err)
	return &leverOrder{leverFactory: f, t: t, id: id}
}

// at places an order and works on it until it waits for a stage.
func (f *leverFactory) at(t *testing.T, stage kitchen.Stage) *leverOrder {
	t.Helper()
	o := f.newOrder(t)
	for _, before := range kitchen.Stages() {
		o.awaitIssued(string(before)+".1", 1)
		if before == stage {
			return o
		}
		o.say(string(before)+".1", kitchen.AckDone, "")
	}
	return o
}

// say writes an ack as kcat does, with more fields if given.
func (o *leverOrder) say(activityID string, kind kitchen.AckKind, more string) {
	o.t.Helper()
	ref, err := kitchen.ParseActivityID(activityID)
	require.NoError(o.t, err)
	value := fmt.Appendf(nil, `{"ticketId":"%s.%s","orderId":%q,"stage":%q,"kind":%q,"by":"kit"%s}`, o.id, activityID, o.id, ref.Stage, kind, more)
	require.NoError(o.t, o.writer.WriteMessages(o.t.Context(), kafka.Message{Key: []byte(o.id), Value: value}))
}

// press gives an ack at the station's board.
func (o *leverOrder) press(activityID, body string) (code int, answer string) {
	o.t.Helper()
	ref, err := kitchen.ParseActivityID(activityID)
	require.NoError(o.t, err)
	return o.post(fmt.Sprintf("/api/v1/stations/%s/tickets/%s.%s/acks", ref.Stage, o.id, activityID), body)
}

// ask sends a change of the order.
func (o *leverOrder) ask(verb, body string) (code int, answer string) {
	o.t.Helper()
	return o.post("/api/v1/orders/"+o.id+"/"+verb, body)
}

func (o *leverOrder) post(path, body string) (code int, answer string) {
	o.t.Helper()
	request, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.apiURL+path, strings.NewReader(body))
	require.NoError(o.t, err)
	request.Header.Set("Content-Type", "application/json")
	return o.send(request)
}

// board is the ticket's state on its station's board; empty if it is not there.
func (o *leverOrder) board(activityID string) string {
	o.t.Helper()
	ref, err := kitchen.ParseActivityID(activityID)
	require.NoError(o.t, err)
	_, answer := o.look("/api/v1/stations/" + string(ref.Stage) + "/tickets")
	var board struct {
		Tickets []struct {
			TicketID string
			State    string
		}
	}
	require.NoError(o.t, json.Unmarshal([]byte(answer), &board), answer)
	for _, ticket := range board.Tickets {
		if ticket.TicketID == o.id+"."+activityID {
			return ticket.State
		}
	}
	return ""
}

// look asks the API as somebody who is signed in.
func (o *leverOrder) look(path string) (code int, answer string) {
	o.t.Helper()
	request, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.apiURL+path, nil)
	require.NoError(o.t, err)
	return o.send(request)
}

func (o *leverOrder) send(request *http.Request) (code int, answer string) {
	o.t.Helper()
	request.AddCookie(o.cookie)
	response, err := http.DefaultClient.Do(request)
	require.NoError(o.t, err)
	defer func() { _ = response.Body.Close() }() // read to its end
	read, err := io.ReadAll(response.Body)
	require.NoError(o.t, err)
	return response.StatusCode, string(read)
}

// eventually is the factory's for this test.
func (o *leverOrder) eventually(what string, check func() bool) {
	o.t.Helper()
	deadline := time.Now().Add(patience)
	for !check() {
		if time.Now().After(deadline) {
			status, err := o.get(o.id)
			require.FailNow(o.t, "waited in vain: "+what, "%+v %v\npending: %v", status, err, o.pending())
		}
		wait(50 * time.Millisecond)
	}
}

// attempts are the attempts of a ticket that Kafka has, in their order.
func (o *leverOrder) attempts(activityID string) []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.issued[o.id+"."+activityID])
}

// awaitIssued waits until Kafka has an attempt of the ticket, and Temporal waits
// for its ack.
func (o *leverOrder) awaitIssued(activityID string, attempt int) {
	o.t.Helper()
	o.eventually(fmt.Sprintf("attempt %d of %s", attempt, activityID), func() bool {
		attempts := o.attempts(activityID)
		return len(attempts) > 0 && slices.Max(attempts) >= attempt && o.pending()[activityID] != nil
	})
}

// awaitPending waits until Temporal waits for the ticket's ack.
func (o *leverOrder) awaitPending(activityID string) {
	o.t.Helper()
	o.eventually(activityID+" is pending", func() bool { return o.pending()[activityID] != nil })
}

func (o *leverOrder) describe() *workflowservice.DescribeWorkflowExecutionResponse {
	o.t.Helper()
	description, err := o.temporal.DescribeWorkflowExecution(o.t.Context(), kitchen.WorkflowID(o.id), "")
	require.NoError(o.t, err)
	return description
}

func (o *leverOrder) pending() map[string]*workflowpb.PendingActivityInfo {
	o.t.Helper()
	found := map[string]*workflowpb.PendingActivityInfo{}
	for _, pending := range o.describe().GetPendingActivities() {
		found[pending.GetActivityId()] = pending
	}
	return found
}

// status waits until the order's status passes the check.
func (o *leverOrder) status(what string, check func(kitchen.Status) bool) kitchen.Status {
	o.t.Helper()
	var last kitchen.Status
	o.eventually(what, func() bool {
		status, err := o.get(o.id)
		last = status
		return err == nil && check(status)
	})
	return last
}

func (o *leverOrder) asked() *kitchen.Attention {
	o.t.Helper()
	return o.status("asked about", func(s kitchen.Status) bool { return s.Attention != nil }).Attention
}

// ends has the stations answer every open ticket, once a run, until the order
// has closed.
func (o *leverOrder) ends(state kitchen.OrderState) kitchen.Status {
	o.t.Helper()
	return o.endsWith(state, func(kitchen.Status) {})
}

// endsRetrying is ends with a manager who always decides to try again.
func (o *leverOrder) endsRetrying(state kitchen.OrderState) {
	o.t.Helper()
	o.endsWith(state, func(status kitchen.Status) {
		if status.Attention != nil {
			_, _ = o.ask("resolve", retry) // it may have been answered meanwhile
		}
	})
}

func (o *leverOrder) endsWith(state kitchen.OrderState, manager func(kitchen.Status)) kitchen.Status {
	o.t.Helper()
	answered := map[string]bool{}
	return o.status(string(state), func(status kitchen.Status) bool {
		if status.State == state {
			return true
		}
		manager(status)
		run := o.describe().GetWorkflowExecutionInfo().GetExecution().GetRunId()
		for id := range o.pending() {
			ref, err := kitchen.ParseActivityID(id)
			require.NoError(o.t, err)
			isWithdrawn := ref.Kind == kitchen.TicketMake && status.State == kitchen.StateCancelling
			if len(o.attempts(id)) == 0 || answered[run+id] || status.WaitingFor != ref.Stage || isWithdrawn {
				continue
			}
			answered[run+id] = true
			if ref.Kind == kitchen.TicketUndo {
				o.say(id, kitchen.AckUndone, "")
			} else {
				o.say(id, kitchen.AckDone, "")
			}
		}
		return false
	})
}

// reset resets the order to the workflow task before an event.
func (o *leverOrder) reset(before func(*historypb.HistoryEvent) bool, excluded ...enumspb.ResetReapplyExcludeType) {
	o.t.Helper()
	execution := o.describe().GetWorkflowExecutionInfo().GetExecution()
	history := o.temporal.GetWorkflowHistory(o.t.Context(), execution.GetWorkflowId(), execution.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	task := int64(0)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(o.t, err)
		if before(event) {
			break
		}
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			task = event.GetEventId()
		}
	}
	_, err := o.temporal.ResetWorkflowExecution(o.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowExecution: execution, Reason: "by an operator", RequestId: uuid.NewString(),
		WorkflowTaskFinishEventId: task, ResetReapplyExcludeTypes: excluded,
	})
	require.NoError(o.t, err)
}

// completed finds the event that completes the nth activity.
func completed(n int) func(*historypb.HistoryEvent) bool {
	return func(event *historypb.HistoryEvent) bool {
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED {
			n--
		}
		return n == 0
	}
}

func (o *leverOrder) execution() *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(o.id)}
}

func (o *leverOrder) pause(activityID string) {
	o.t.Helper()
	_, err := o.temporal.WorkflowService().PauseActivity(o.t.Context(), &workflowservice.PauseActivityRequest{
		Namespace: client.DefaultNamespace, Execution: o.execution(), Activity: &workflowservice.PauseActivityRequest_Id{Id: activityID}, Reason: "by an operator",
	})
	require.NoError(o.t, err)
}

func (o *leverOrder) unpause(activityID string) {
	o.t.Helper()
	_, err := o.temporal.WorkflowService().UnpauseActivity(o.t.Context(), &workflowservice.UnpauseActivityRequest{
		Namespace: client.DefaultNamespace, Execution: o.execution(), Activity: &workflowservice.UnpauseActivityRequest_Id{Id: activityID},
	})
	require.NoError(o.t, err)
}

// isPaused waits until an activity's attempt has ended and no other begins.
func (o *leverOrder) isPaused(activityID string) {
	o.t.Helper()
	o.eventually(activityID+" is paused", func() bool {
		return o.pending()[activityID].GetState() == enumspb.PENDING_ACTIVITY_STATE_PAUSED
	})
}

func (o *leverOrder) resetActivity(activityID string) {
	o.t.Helper()
	_, err := o.temporal.WorkflowService().ResetActivity(o.t.Context(), &workflowservice.ResetActivityRequest{
		Namespace: client.DefaultNamespace, Execution: o.execution(), Activity: &workflowservice.ResetActivityRequest_Id{Id: activityID},
	})
	require.NoError(o.t, err)
}

func (o *leverOrder) changeOptions(activityID string, options *activitypb.ActivityOptions, paths ...string) {
	o.t.Helper()
	_, err := o.temporal.WorkflowService().UpdateActivityOptions(o.t.Context(), &workflowservice.UpdateActivityOptionsRequest{
		Namespace: client.DefaultNamespace, Execution: o.execution(), Activity: &workflowservice.UpdateActivityOptionsRequest_Id{Id: activityID},
		ActivityOptions: options, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
	})
	require.NoError(o.t, err)
}

// byHand completes or fails an activity as "temporal activity complete" and
// "fail" do.
func (o *leverOrder) byHand(activityID string, result any, failure error) {
	o.t.Helper()
	require.NoError(o.t, o.temporal.CompleteActivityByID(o.t.Context(), client.DefaultNamespace, kitchen.WorkflowID(o.id), "", activityID, result, failure))
}

func (o *leverOrder) signal(name string, arg any) {
	o.t.Helper()
	require.NoError(o.t, o.temporal.SignalWorkflow(o.t.Context(), kitchen.WorkflowID(o.id), "", name, arg))
}

// update sends an update by hand and returns its error.
func (o *leverOrder) update(name string, args ...any) error {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	handle, err := o.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: kitchen.WorkflowID(o.id), UpdateName: name, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// pauseWorkflow and unpauseWorkflow are those of "temporal workflow".
func (o *leverOrder) pauseWorkflow() {
	o.t.Helper()
	_, err := o.temporal.WorkflowService().PauseWorkflowExecution(o.t.Context(), &workflowservice.PauseWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowId: kitchen.WorkflowID(o.id), Reason: "by an operator", RequestId: uuid.NewString(),
	})
	require.NoError(o.t, err)
}

func (o *leverOrder) unpauseWorkflow() {
	o.t.Helper()
	_, err := o.temporal.WorkflowService().UnpauseWorkflowExecution(o.t.Context(), &workflowservice.UnpauseWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowId: kitchen.WorkflowID(o.id), Reason: "by an operator", RequestId: uuid.NewString(),
	})
	require.NoError(o.t, err)
}

// says checks that a request was answered with this status code.
func (o *leverOrder) says(code int, answer func() (int, string)) {
	o.t.Helper()
	got, text := answer()
	require.Equal(o.t, code, got, text)
}

// presses is an ack at the board, decides a change of the order.
func (o *leverOrder) presses(activityID, body string) func() (int, string) {
	return func() (int, string) { return o.press(activityID, body) }
}

func (o *leverOrder) decides(verb, body string) func() (int, string) {
	return func() (int, string) { return o.ask(verb, body) }
}

const (
	started = `{"kind":"started"}`
	done    = `{"kind":"done"}`
	retry   = `{"choice":"retry"}`
)

// junk is a value that no message of an order has.
var junk = []any{map[string]any{"choice": 7, "activityId": []int{1}, "reason": map[string]any{}, "notes": 5}, "junk", 7}

// levers are what an operator can do in Temporal to an order at decorate. Each
// leads to an order that has closed.
var levers = []struct {
	name string
	pull func(o *leverOrder)
}{
	{"ResetBeforeWorkThatIsDone", func(o *leverOrder) {
		o.reset(completed(1))
		o.status("at decorate again, without anybody's help", waitsFor(kitchen.Decorate))
		require.Equal(o.t, "kit", o.ends(kitchen.StateShipped).Stages[0].By)
	}},
	{"ResetAndTheStationsSayItAgain", func(o *leverOrder) {
		o.reset(completed(2))
		o.ends(kitchen.StateShipped)
	}},
	{"ResetBeforeAQuestion", func(o *leverOrder) {
		o.say("decorate.1", kitchen.AckFailed, `,"reason":"burnt","scrapped":12`)
		question := o.asked()
		o.reset(func(event *historypb.HistoryEvent) bool {
			return event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED
		})
		o.status("without the question, which may be asked again", func(s kitchen.Status) bool {
			return s.Attention == nil || s.Attention.Since.After(question.Since)
		})
		o.endsRetrying(kitchen.StateShipped)
	}},
	{"ResetRepeatsACancellation", func(o *leverOrder) {
		o.says(http.StatusOK, o.decides("cancel", `{}`))
		o.awaitIssued("decorate.1.undo", 1)
		o.reset(completed(2))
		o.ends(kitchen.StateCancelled)
	}},
	{"ResetBeforeUndoingThatIsDone", func(o *leverOrder) {
		o.says(http.StatusOK, o.decides("cancel", `{}`))
		for _, id := range []string{"decorate.1.undo", "bake.1.undo"} {
			o.awaitIssued(id, 1)
			o.say(id, kitchen.AckUndone, "")
		}
		o.awaitIssued("mix.1.undo", 1)
		o.reset(completed(3)) // after mix and bake: the first undo
		o.awaitPending("mix.1.undo")
		o.ends(kitchen.StateCancelled)
	}},
	{"ResetThatForgetsACancellation", func(o *leverOrder) {
		o.says(http.StatusOK, o.decides("cancel", `{}`))
		o.awaitIssued("decorate.1.undo", 1)
		o.say("decorate.1.undo", kitchen.AckUndone, "")
		o.awaitIssued("bake.1.undo", 1)
		o.reset(completed(2), enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE)
		asked := o.asked() // the log knows that it was withdrawn
		require.Equal(o.t, []kitchen.Choice{kitchen.ChoiceRemake, kitchen.ChoiceCancel}, asked.Choices)
		o.says(http.StatusConflict, o.presses("decorate.1", done))
		o.says(http.StatusConflict, o.decides("resolve", retry))
		o.says(http.StatusOK, o.decides("resolve", `{"choice":"remake"}`))
		o.ends(kitchen.StateShipped)
	}},
	{"ResetActivity", func(o *leverOrder) {
		o.awaitIssued("decorate.1", 3)
		o.resetActivity("decorate.1")
		o.eventually("its attempts begin again", func() bool { return o.pending()["decorate.1"].GetAttempt() == 1 })
		o.say("decorate.1", kitchen.AckDone, `,"attempt":3`)
		o.status("at package", waitsFor(kitchen.Package))
		o.ends(kitchen.StateShipped)
	}},
	{"ResetActivityThatHasFailed", func(o *leverOrder) {
		o.say("decorate.1", kitchen.AckFailed, `,"reason":"equipment"`)
		o.awaitIssued("decorate.1", 2)
		o.say("decorate.1", kitchen.AckFailed, `,"reason":"equipment"`)
		o.awaitIssued("decorate.1", 3)
		before := o.attempts("decorate.1")
		o.resetActivity("decorate.1")
		o.eventually("issued again", func() bool { return len(o.attempts("decorate.1")) > len(before) })
		attempts := o.attempts("decorate.1")
		require.Greater(o.t, attempts[len(attempts)-1], 2, "stations take what has failed before for failed")
		o.says(http.StatusOK, o.presses("decorate.1", started))
		o.ends(kitchen.StateShipped)
	}},
	{"PauseActivityInHand", func(o *leverOrder) {
		o.pause("decorate.1")
		o.says(http.StatusOK, o.presses("decorate.1", started))
		o.says(http.StatusOK, o.presses("decorate.1", done))
		o.status("at package", waitsFor(kitchen.Package))
		o.ends(kitchen.StateShipped)
	}},
	{"PauseActivityForLong", func(o *leverOrder) {
		o.pause("decorate.1")
		clock := o.at(o.t, kitchen.Decorate) // another order, which is issued again
		clock.awaitIssued("decorate.1", 3)
		require.Equal(o.t, []int{1}, o.attempts("decorate.1"), "while it is paused, nothing is issued")
		o.unpause("decorate.1")
		o.awaitIssued("decorate.1", 2)
		o.ends(kitchen.StateShipped)
		clock.ends(kitchen.StateShipped)
	}},
	{"PauseActivityBetweenAttempts", func(o *leverOrder) {
		o.pause("decorate.1")
		o.say("decorate.1", kitchen.AckFailed, `,"reason":"equipment"`)
		o.isPaused("decorate.1")
		o.say("decorate.1", kitchen.AckDone, "") // for which Temporal adds the missing start
		o.status("at package", waitsFor(kitchen.Package))
		o.ends(kitchen.StateShipped)
	}},
	{"PauseActivityThatFailsFinally", func(o *leverOrder) {
		o.pause("decorate.1")
		o.say("decorate.1", kitchen.AckFailed, `,"reason":"equipment"`)
		o.isPaused("decorate.1")
		o.say("decorate.1", kitchen.AckFailed, `,"reason":"burnt","scrapped":12,"attempt":2`) // which Temporal takes only once an attempt runs
		o.unpause("decorate.1")
		o.asked()
		o.endsRetrying(kitchen.StateShipped)
	}},
	{"PauseActivityAndCancel", func(o *leverOrder) {
		o.pause("decorate.1")
		o.say("decorate.1", kitchen.AckFailed, `,"reason":"equipment"`)
		o.isPaused("decorate.1")
		o.says(http.StatusOK, o.decides("cancel", `{}`))
		o.awaitIssued("decorate.1.undo", 1)
		o.pause("decorate.1.undo")
		o.ends(kitchen.StateCancelled)
	}},
	{"UpdateActivityOptionsToOneAttempt", func(o *leverOrder) {
		o.changeOptions("decorate.1", &activitypb.ActivityOptions{RetryPolicy: &commonpb.RetryPolicy{MaximumAttempts: 1}}, "retry_policy.maximum_attempts")
		require.Equal(o.t, kitchen.Decorate, o.asked().Stage)
		o.says(http.StatusOK, o.decides("resolve", retry))
		o.ends(kitchen.StateShipped)
	}},
	{"UpdateActivityOptionsToLongerTimes", func(o *leverOrder) {
		o.changeOptions("decorate.1", &activitypb.ActivityOptions{StartToCloseTimeout: durationpb.New(time.Hour), HeartbeatTimeout: durationpb.New(time.Hour)}, "start_to_close_timeout", "heartbeat_timeout")
		o.ends(kitchen.StateShipped)
	}},
	{"UpdateActivityOptionsToShorterTimes", func(o *leverOrder) {
		o.changeOptions("decorate.1", &activitypb.ActivityOptions{StartToCloseTimeout: durationpb.New(time.Second)}, "start_to_close_timeout")
		o.awaitIssued("decorate.1", 3)
		o.ends(kitchen.StateShipped)
	}},
	{"CompleteByHandWithAnAck", func(o *leverOrder) {
		o.byHand("decorate.1", kitchen.Ack{TicketID: o.id + ".decorate.1", OrderID: o.id, Stage: kitchen.Decorate, Kind: kitchen.AckDone, By: "dora", At: time.Now().UTC()}, nil)
		require.Equal(o.t, "dora", o.ends(kitchen.StateShipped).Stages[2].By)
	}},
	{"CompleteByHandWithJunk", func(o *leverOrder) {
		o.byHand("decorate.1", "junk", nil)
		o.asked()
		o.says(http.StatusOK, o.decides("resolve", retry))
		o.ends(kitchen.StateShipped)
	}},
	{"FailByHand", func(o *leverOrder) {
		o.byHand("decorate.1", nil, temporal.NewApplicationError("by hand", "by-hand"))
		o.awaitIssued("decorate.1", 2) // it was to be tried again
		o.byHand("decorate.1", nil, temporal.NewNonRetryableApplicationError("by hand", "by-hand", nil))
		o.asked()
		o.says(http.StatusOK, o.decides("resolve", `{"choice":"cancel"}`))
		o.awaitPending("decorate.1.undo")
		o.byHand("decorate.1.undo", "junk", nil)
		o.asked()
		o.says(http.StatusOK, o.decides("resolve", retry))
		o.ends(kitchen.StateCancelled)
	}},
	{"Cancel", func(o *leverOrder) {
		require.NoError(o.t, o.temporal.CancelWorkflow(o.t.Context(), kitchen.WorkflowID(o.id), ""))
		o.awaitIssued("decorate.1.undo", 1) // or somebody does the work until then, which a manager must decide about
		o.ends(kitchen.StateCancelled)
	}},
	{"SignalsWithJunk", func(o *leverOrder) {
		for _, value := range junk {
			o.signal(workflows.SignalUnanswered, value)
			o.signal("unknown", value)
		}
		o.ends(kitchen.StateShipped)
	}},
	{"ASignalThatIsUntrue", func(o *leverOrder) {
		o.signal(workflows.SignalUnanswered, workflows.Unanswered{ActivityID: "mix.1", Attempt: 99, Reason: "of a ticket that has ended"})
		o.signal(workflows.SignalUnanswered, workflows.Unanswered{ActivityID: "decorate.1", Attempt: 99, Reason: "by an operator"})
		require.Contains(o.t, o.asked().Reason, "by an operator")
		o.says(http.StatusOK, o.decides("resolve", retry))
		o.ends(kitchen.StateShipped)
	}},
	{"UpdatesWithJunk", func(o *leverOrder) {
		for _, name := range []string{workflows.UpdateResolve, workflows.UpdateAmend, workflows.UpdateCancel, "unknown"} {
			for _, value := range junk {
				require.Error(o.t, o.update(name, value))
			}
		}
		o.ends(kitchen.StateShipped)
	}},
	{"PauseWorkflow", func(o *leverOrder) {
		o.pauseWorkflow()
		o.says(http.StatusConflict, o.decides("cancel", `{}`)) // nothing was changed
		status, err := o.get(o.id)
		require.NoError(o.t, err)
		require.Equal(o.t, kitchen.StateInProgress, status.State)
		o.says(http.StatusOK, o.presses("decorate.1", done))
		o.eventually("the ack has arrived", func() bool { return len(o.pending()) == 0 })
		o.unpauseWorkflow()
		o.ends(kitchen.StateShipped)
	}},
}

// Whatever an operator does with Temporal's own levers, the order ends as it
// should: each either works, or there is a way out. See "When an operator steps
// in" in docs/design.md.
func TestTemporalsOwnLevers(t *testing.T) {
	t.Parallel()
	f := newLeverFactory(t)
	t.Run("Pulled", func(t *testing.T) {
		for _, lever := range levers {
			t.Run(lever.name, func(t *testing.T) {
				t.Parallel()
				lever.pull(f.at(t, kitchen.Decorate))
			})
		}
	})
	// The rest looks at all orders, so it comes when the others have ended.
	t.Run("ManyQuestionsAreDecidedAtOnce", func(t *testing.T) {
		var asked []*leverOrder
		for _, stage := range []kitchen.Stage{kitchen.Bake, kitchen.Bake, kitchen.Mix} {
			o := f.at(t, stage)
			o.byHand(string(stage)+".1", nil, temporal.NewNonRetryableApplicationError("by hand", "by-hand", nil))
			o.asked()
			asked = append(asked, o)
		}
		f.eventually(func() error { // Temporal's lists lag behind
			if found := f.run("order", "list", "--state", "needs-attention"); strings.Count(found, "\n2 orders: bake") != 1 || strings.Count(found, "\n1 order: mix") != 1 {
				return errors.New(found)
			}
			return nil
		})
		require.Contains(t, f.run("order", "resolve-many", "--stage", "bake", "--choice", "retry", "--yes"), "2 orders are decided.")
		for _, o := range asked[:2] {
			o.ends(kitchen.StateShipped)
		}
		status, err := f.get(asked[2].id)
		require.NoError(t, err)
		require.NotNil(t, status.Attention, "the other kind is still asked about")
		asked[2].endsRetrying(kitchen.StateShipped)
	})
	t.Run("TerminateOrDelete", func(t *testing.T) {
		terminated, deleted := f.at(t, kitchen.Decorate), f.at(t, kitchen.Decorate)
		require.NoError(t, f.temporal.TerminateWorkflow(t.Context(), kitchen.WorkflowID(terminated.id), "", "by an operator"))
		_, err := f.temporal.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{Namespace: client.DefaultNamespace, WorkflowExecution: deleted.execution()})
		require.NoError(t, err)
		require.Equal(t, kitchen.StateCancelled, terminated.status("cancelled", func(s kitchen.Status) bool { return s.State == kitchen.StateCancelled }).State)
		terminated.says(http.StatusConflict, terminated.decides("cancel", `{}`))
		deleted.eventually("the order is gone", func() bool { code, _ := deleted.ask("cancel", `{}`); return code == http.StatusNotFound })
		for _, o := range []*leverOrder{terminated, deleted} {
			require.Equal(t, "waiting", o.board("decorate.1"), "its tickets stay")
		}
		terminated.says(http.StatusOK, terminated.presses("decorate.1", started)) // at the station only
		f.run("order", "doctor")
		for _, o := range []*leverOrder{terminated, deleted} {
			o.eventually("withdrawn", func() bool { return o.board("decorate.1.undo") != "" })
			o.says(http.StatusOK, o.presses("decorate.1.undo", `{"kind":"undone"}`))
		}
	})
	t.Run("ResetAndTheDoctor", func(t *testing.T) {
		o := f.at(t, kitchen.Decorate)
		o.reset(completed(1))
		f.run("order", "doctor")
		o.ends(kitchen.StateShipped)
	})
}
