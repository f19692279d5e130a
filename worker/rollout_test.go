package worker_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	temporalworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/worker"
	"github.com/cupcakery/cupcakery/workflows"
)

// TestRollout goes the way of docs/rollout.md, with its commands.
func TestRollout(t *testing.T) {
	t.Parallel()
	devServer, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{
		Headless: true,
		DynamicConfig: map[string]string{ // minutes by default
			"matching.wv.VersionDrainageStatusVisibilityGracePeriod": `"1s"`,
			"matching.wv.VersionDrainageStatusRefreshInterval":       `"1s"`,
			"matching.PollerHistoryTTL":                              `"1s"`, // how long a stopped worker is still seen
		},
	})
	require.NoError(t, err)
	t.Cleanup(devServer.Stop)
	outside, err := client.Dial(client.Options{HostPort: devServer.Addr(), Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(outside.Close)
	r := &rollout{t: t, floor: newFloorOn(t, outside), address: devServer.Addr(), began: time.Now().UTC().Truncate(time.Second)}

	stopOld := r.hire(outside, nil)
	oldest, itsMix := r.placed()
	require.Empty(t, r.buildOf(oldest))

	stopV1 := r.hire(outside, build("v1"))
	r.makeCurrent("v1")
	later, day := r.placedForTomorrow()
	require.Equal(t, []string{"v1", "v1"}, []string{r.buildOf(later), r.buildOf(day)})
	standing := r.standing()
	a, itsTicket := r.placed()
	require.Equal(t, "v1", r.buildOf(a))
	r.answer(itsMix, kitchen.AckDone, nil)
	itsBake := r.ticket()
	require.Equal(t, "v1", r.buildOf(oldest), "orders of workers without versions go on with the current one")
	require.NoError(t, stopOld())

	stopV2 := r.hire(outside, build("v2"))
	const ramp = "temporal worker deployment set-ramping-version --deployment-name cupcakery --build-id v2"
	r.persist(ramp + " --percentage 10 --yes")
	require.EqualValues(t, 10, r.share("v2"))
	r.persist(ramp + " --delete --yes")
	require.Zero(t, r.share("v2"))
	r.persist(ramp + " --percentage 10 --yes")
	r.makeCurrent("v2")
	require.Zero(t, r.share("v2"), "the ramp has ended")
	b, ofB := r.placed()
	require.Equal(t, "v2", r.buildOf(b))
	require.Equal(t, "draining", r.drainage("v1"))
	// Whatever only waits moves with the next thing that happens to it, at the latest a day
	// later, so that it keeps no old build running.
	require.Eventually(t, func() bool {
		r.updateOn(later, workflows.UpdateAmend, kitchen.Amendment{Notes: new("ring twice")})
		return r.buildOf(later) == "v2"
	}, time.Minute, 100*time.Millisecond)
	another, _ := r.placedForTomorrow()
	require.Equal(t, "v2", r.buildOf(another))
	require.Eventually(t, func() bool { return r.buildOf(day) == "v2" }, time.Minute, 100*time.Millisecond)
	taken, err := workflows.NewOrders(outside, nil).TakenSlots(t.Context(), tomorrow)
	require.NoError(t, err)
	require.Len(t, taken, 1)
	require.Equal(t, 12, taken[0].Taken, "the places have moved along")
	r.finish(a, itsTicket)
	r.finish(oldest, itsBake)
	require.Equal(t, "v1", r.buildOf(a), "it has finished where it began")
	require.Equal(t, []string{"v1"}, r.buildsIn(a))
	require.Eventually(t, func() bool { return r.drainage("v1") == "drained" }, time.Minute, 100*time.Millisecond, "standing orders that wait keep no build running")
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, r.stateOf(standing))

	require.NoError(t, stopV1())
	const forget = "temporal worker deployment delete-version --deployment-name cupcakery --build-id v1"
	r.persist(forget)
	r.finish(b, ofB)
	require.Equal(t, []string{"v2"}, r.buildsIn(b))
	require.NoError(t, stopV2())
}

func build(id string) func(*worker.Config) {
	return func(config *worker.Config) {
		config.DeploymentName, config.BuildID = "cupcakery", id
		config.Metrics = nil
	}
}

// rollout is an operator on a floor.
type rollout struct {
	t *testing.T
	*floor
	address string
	began   time.Time
}

// operate runs a command of docs/rollout.md.
func (r *rollout) operate(command string, more ...string) (output []byte, err error) {
	r.t.Helper()
	document, err := os.ReadFile("../docs/rollout.md")
	require.NoError(r.t, err)
	require.Contains(r.t, string(document), command+"\n")
	cli, err := devstack.FindTemporalCLI(r.t.Context(), "", nil)
	require.NoError(r.t, err)
	run := exec.CommandContext(r.t.Context(), cli, append(strings.Fields(command)[1:], more...)...)
	run.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+r.address, "HOME="+r.t.TempDir())
	return run.Output()
}

// persist runs a command until Temporal lets it: it notices workers only after a while.
func (r *rollout) persist(command string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		_, err := r.operate(command)
		return err == nil
	}, time.Minute, 100*time.Millisecond, command)
}

// share is the share of new orders, in percent, that a build gets while it ramps.
func (r *rollout) share(build string) float32 {
	r.t.Helper()
	deployment, err := r.server.WorkerDeploymentClient().GetHandle("cupcakery").Describe(r.t.Context(), client.WorkerDeploymentDescribeOptions{})
	require.NoError(r.t, err)
	routing := deployment.Info.RoutingConfig
	if routing.RampingVersion == nil || routing.RampingVersion.BuildID != build {
		return 0
	}
	return routing.RampingVersionPercentage
}

// makeCurrent makes a build current, once Temporal has seen its workers, and
// waits until the orders' task queue knows.
func (r *rollout) makeCurrent(build string) {
	r.t.Helper()
	r.persist("temporal worker deployment set-current-version --deployment-name cupcakery --build-id " + build + " --yes")
	require.Eventually(r.t, func() bool {
		queue, err := r.server.WorkflowService().DescribeTaskQueue(r.t.Context(), &workflowservice.DescribeTaskQueueRequest{
			Namespace: client.DefaultNamespace, TaskQueue: &taskqueuepb.TaskQueue{Name: r.t.Name()}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
		})
		return err == nil && queue.GetVersioningInfo().GetCurrentDeploymentVersion().GetBuildId() == build
	}, time.Minute, 100*time.Millisecond)
}

// drainage is what Temporal says of a build's orders.
func (r *rollout) drainage(build string) string {
	r.t.Helper()
	output, err := r.operate("temporal worker deployment describe-version --deployment-name cupcakery --build-id "+build, "--output", "json")
	require.NoError(r.t, err)
	var version struct {
		DrainageInfo struct{ DrainageStatus string }
	}
	require.NoError(r.t, json.Unmarshal(output, &version), string(output))
	return version.DrainageInfo.DrainageStatus
}

// placed places an order and waits for its first ticket.
func (r *rollout) placed() (client.WorkflowRun, kitchen.Ticket) {
	r.t.Helper()
	run := r.place()
	return run, r.ticket()
}

var tomorrow = kitchen.Date{Year: 2026, Month: time.November, Day: 28}

// placedForTomorrow places an order for later, and returns the workflow of its day too.
func (r *rollout) placedForTomorrow() (order, day client.WorkflowRun) {
	r.t.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(r.t, err)
	at := r.began.Add(24 * time.Hour)
	in := workflows.OrderInput{
		Order:    kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "vanilla", Size: kitchen.SizeM, Quantity: 6}}, PickupAt: at},
		Rules:    kitchen.Default().OrderRules(),
		PlacedAt: time.Now().UTC(),
		Pickup: &kitchen.Pickup{At: at, BeginAt: at.Add(-time.Hour), Plan: kitchen.PickupPlan{
			Day: tomorrow, Spans: []kitchen.OpenSpan{{From: at, To: at.Add(time.Hour)}}, Slot: kitchen.Duration(time.Hour), Capacity: 100, EndsAt: at.Add(time.Hour),
		}},
	}
	options := workflows.StartOptions(orderID, in, "hash")
	options.TaskQueue = r.t.Name()
	_, err = workflows.NewOrders(r.server, nil).Place(r.t.Context(), options, in, false)
	require.NoError(r.t, err)
	return r.server.GetWorkflow(r.t.Context(), options.ID, ""), r.server.GetWorkflow(r.t.Context(), kitchen.PickupWorkflowID(tomorrow), "")
}

// standing begins to place an order of a standing order, which waits: nobody does that
// here.
func (r *rollout) standing() client.WorkflowRun {
	r.t.Helper()
	run, err := r.server.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: "standing", TaskQueue: r.t.Name()}, workflows.StandingOrderWorkflowType,
		workflows.Standing{ID: "standing", DaysAhead: 7, TimeZone: "UTC"})
	require.NoError(r.t, err)
	require.Eventually(r.t, func() bool { return r.buildOf(run) == "v1" }, time.Minute, 50*time.Millisecond, "it has begun")
	return run
}

func (r *rollout) stateOf(run client.WorkflowRun) enumspb.WorkflowExecutionStatus {
	r.t.Helper()
	description, err := r.server.DescribeWorkflowExecution(r.t.Context(), run.GetID(), run.GetRunID())
	require.NoError(r.t, err)
	return description.GetWorkflowExecutionInfo().GetStatus()
}

// updateOn sends an update that must be taken.
func (r *rollout) updateOn(run client.WorkflowRun, name string, request any) {
	r.t.Helper()
	handle, err := r.server.UpdateWorkflow(r.t.Context(), client.UpdateWorkflowOptions{WorkflowID: run.GetID(), UpdateName: name, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted})
	require.NoError(r.t, err)
	require.NoError(r.t, handle.Get(r.t.Context(), nil))
}

// finish brings an order to its end from the ticket that is out.
func (r *rollout) finish(run client.WorkflowRun, ticket kitchen.Ticket) {
	r.t.Helper()
	for r.answer(ticket, kitchen.AckDone, nil); ticket.Stage != kitchen.Package; r.answer(ticket, kitchen.AckDone, nil) {
		ticket = r.ticket()
		require.Equal(r.t, run.GetID(), kitchen.WorkflowID(ticket.OrderID))
	}
	require.Equal(r.t, kitchen.StateShipped, r.result(run).State)
}

// buildOf is the build that an order is on; empty for a worker without versions.
func (r *rollout) buildOf(run client.WorkflowRun) string {
	r.t.Helper()
	description, err := r.server.DescribeWorkflowExecution(r.t.Context(), run.GetID(), "")
	require.NoError(r.t, err)
	return description.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId()
}

// buildsIn are the builds that have worked on an order, as its history tells.
func (r *rollout) buildsIn(run client.WorkflowRun) (builds []string) {
	r.t.Helper()
	events := r.server.GetWorkflowHistory(r.t.Context(), run.GetID(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(r.t, err)
		if completed := event.GetWorkflowTaskCompletedEventAttributes(); completed != nil {
			if id := completed.GetDeploymentVersion().GetBuildId(); len(builds) == 0 || builds[len(builds)-1] != id {
				builds = append(builds, id)
			}
		}
	}
	return builds
}

// dusting is an order of a newer build that only goes through the stage dust.
func dusting(ctx workflow.Context, _ workflows.OrderInput) (kitchen.Ack, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{ActivityID: "dust.1", StartToCloseTimeout: time.Hour})
	var ack kitchen.Ack
	err := workflow.ExecuteActivity(ctx, "Dust").Get(ctx, &ack)
	return ack, err
}

// An ack may be read by a worker of any build. One that does not know the stage
// must not make a dead letter of it: the order would wait for it in vain.
func TestAnAckOfAStageThatOnlyAnotherBuildKnowsReachesItsOrder(t *testing.T) {
	t.Parallel()
	f := newFloor(t, server)
	attempts := make(chan int32, 10)
	newer := temporalworker.New(server, t.Name()+"/newer", temporalworker.Options{})
	newer.RegisterWorkflow(dusting)
	newer.RegisterActivityWithOptions(func(ctx context.Context) (kitchen.Ack, error) {
		attempts <- activity.GetInfo(ctx).Attempt
		return kitchen.Ack{}, activity.ErrResultPending
	}, activity.RegisterOptions{Name: "Dust"})
	require.NoError(t, newer.Start())
	t.Cleanup(newer.Stop)
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	run, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: kitchen.WorkflowID(orderID), TaskQueue: t.Name() + "/newer"},
		dusting, workflows.OrderInput{Rules: kitchen.Default().Rules})
	require.NoError(t, err)
	require.EqualValues(t, 1, wait(t, attempts, "the ticket"))
	ref := kitchen.TicketRef{OrderID: orderID, Stage: "dust", Pass: 1, Kind: kitchen.TicketMake}
	ticket := kitchen.Ticket{TicketID: ref.TicketID(), OrderID: orderID, Stage: ref.Stage}

	f.answer(ticket, kitchen.AckFailed, map[string]any{"reason": "equipment", "attempt": 1})
	require.EqualValues(t, 2, wait(t, attempts, "its next attempt"))
	f.answer(ticket, kitchen.AckStarted, nil)
	require.Eventually(t, func() bool {
		pending := f.pending(run)
		return len(pending) == 1 && pending[0].AtWork != nil && pending[0].AtWork.By == "bob"
	}, time.Minute, 50*time.Millisecond)
	f.writeTo(1-home(orderID), kafka.Message{Key: []byte(orderID), Value: []byte(ackJSON(ticket, nil))}) // forwarded as any
	var ack kitchen.Ack
	require.NoError(t, run.Get(t.Context(), &ack))
	require.Equal(t, ref.TicketID(), ack.TicketID)
	require.Equal(t, 2, ack.Attempt, "asked of Temporal, since the ack does not say")
	require.NotNil(t, ack.StartedAt)

	f.answer(ticket, kitchen.AckDone, map[string]any{"by": "eve"})
	require.Eventually(t, func() bool { return f.acks("done", "stale") == 1 }, time.Minute, 20*time.Millisecond)
	require.EqualValues(t, 1, f.acks("done", "carried"))

	f.answer(ticket, kitchen.AckDone, map[string]any{"ticketId": orderID + ".Dust.1", "stage": "Dust"})
	letter := wait(t, f.other, "the dead letter of a stage that cannot be one")
	require.Equal(t, events.TopicDeadLetters, letter.Topic)
}
